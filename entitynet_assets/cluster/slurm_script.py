"""The batch script of a Slurm job, as text.

Belongs here: what runs on the nodes before and around torchrun. Does not belong here: handing it in (slurm.py).

Slurm runs the script on the first node of a job, and again from its beginning after a requeue. It starts one launcher a node
and waits. Signals: USR1 (Slurm, `warn_s` before the end of the time) tells the ranks to save and stop, and requeues the job; INT to the
ranks (`scancel --signal=INT`, by the platform's cancel) does the same without a requeue; TERM is Slurm's own end of a job.
A launcher that fails while a node does not answer is the node's fault: the job is requeued. What the script ends on it
writes to ended.json, since not every site keeps accounts.
"""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Mapping

from entitynet_assets.cluster.interface import Job, JobLost
from entitynet_assets.cluster.processes import MARK
from entitynet_assets.cluster.settings import SlurmResources, SlurmSettings

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
# One launcher a node. The first node keeps the rendezvous, at the address by which Slurm itself reaches it.
_RENDEZVOUS = (
    "--rdzv-backend=c10d --rdzv-id=$SLURM_JOB_ID.${SLURM_RESTART_COUNT:-0} --rdzv-endpoint=${at[0]}:$RENDEZVOUS_PORT "
    "--rdzv-conf=is_host=$((SLURM_NODEID == 0)) --local-addr=${at[$SLURM_NODEID]} --max-restarts=0"
)
_ADDRESSES = """\
at=()
for node in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
  address=$(scontrol show node "$node" | sed -n 's/.*NodeAddr=\\([^ ]*\\).*/\\1/p')
  at+=("${address:-$node}")
done
export NODE_ADDRESSES="${at[*]}" RENDEZVOUS_PORT=$((20000 + SLURM_JOB_ID % 12000))
"""
_WAIT = """\
why=end
trap 'why=time; scancel --signal=INT "$SLURM_JOB_ID"' USR1
trap 'why=cancelled' TERM
srun {options} bash -c {task} &
step=$!
while wait "$step"; code=$?; kill -0 "$step" 2>/dev/null; do :; done
"""
_PROBE = """\
if [ $why = end ] && [ $code != 0 ]; then
  timeout 60 srun --overlap --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 true || why=node
fi
"""
_END = """\
[ -e "$folder/result.json" ] && why=finished
if [ $why = time ] || [ $why = node ]; then
  echo "job $SLURM_JOB_ID: $why, after ${{SLURM_RESTART_COUNT:-0}} restarts of {chain}"
  if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {chain} ] && scontrol requeue "$SLURM_JOB_ID"; then exit 0; fi
fi
printf '{{"job": "%s", "why": "%s", "code": %d}}\\n' "$SLURM_JOB_ID" $why $code >"$folder/.ended"
mv "$folder/.ended" "$folder/ended.json"
exit $code
"""


def job_name(job: Job) -> str:
    """Return the name by which Slurm finds a job again: what it is asked, and where."""
    digest = hashlib.sha256(f"{job.folder}\n{job.spec_json}".encode()).hexdigest()
    return f"entitynet-{job.kind}-{digest[:16]}"


def batch_script(job: Job, settings: SlurmSettings, grace_s: float, passed: Mapping[str, str]) -> str:
    """Return the script; `passed` are variables with their values here. Raises JobLost if its processes fill no whole number of nodes."""
    asked = settings.resources(job.kind)
    nodes = _nodes(job, asked)
    known = {MARK: str(job.folder), "PYTHONUNBUFFERED": "1", "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(round(grace_s))}
    known |= dict(passed) | (dict.fromkeys(_OFFLINE, "1") if settings.offline else {})
    lines = [
        "#!/bin/bash -l",
        *(f"#SBATCH {line}" for line in _directives(job, settings, asked, nodes)),
        f"folder={shlex.quote(str(job.folder))}",
        'rm -f "$folder/ended.json"',
        *(f"export {name}={shlex.quote(value)}" for name, value in known.items()),
        *asked.environment,
    ]
    options = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1", "--input=none"]
    if asked.cpus_per_process:
        options.append(f"--cpus-per-task={asked.cpus_per_process * job.processes // nodes}")
    task = shlex.quote(_task(job, asked, nodes))
    chain = settings.chain if settings.requeue else 0
    parts = ["\n".join(lines) + "\n", _WAIT.format(options=" ".join(options), task=task), _END.format(chain=chain)]
    if nodes > 1:
        parts[1:2] = [_ADDRESSES, parts[1], _PROBE.format(nodes=nodes)]
    return "".join(parts)


def _nodes(job: Job, asked: SlurmResources) -> int:
    nodes = -(-job.processes // (asked.processes_per_node or job.processes))
    if job.processes % nodes:
        raise JobLost(
            f"{job.module}: found {job.processes} processes and processes_per_node = {asked.processes_per_node}; {nodes} nodes cannot "
            "share them equally: change the recipe's world_size, or processes_per_node in the settings of the cluster"
        )
    return nodes


def _directives(job: Job, settings: SlurmSettings, asked: SlurmResources, nodes: int) -> list[str]:
    share = job.processes // nodes
    log = str(job.folder / "log.txt").replace("%", "%%")
    stated = {
        "account": asked.account, "qos": asked.qos, "partition": asked.partition, "time": asked.time, "mem": asked.memory,
        "gres": f"{asked.gres}:{share}" if asked.gres else "",
        "cpus-per-task": str(asked.cpus_per_process * share) if asked.cpus_per_process else "",
    }  # fmt: skip
    return [
        f"--job-name={job_name(job)}", f"--chdir={_quoted(str(job.folder))}", f"--output={_quoted(log)}", "--open-mode=append",
        f"--nodes={nodes}", "--ntasks-per-node=1", f"--signal=B:USR1@{settings.warn_s}",
        "--requeue" if settings.requeue else "--no-requeue",
        *(f"--{name}={_quoted(value)}" for name, value in stated.items() if value), *asked.directives,
    ]  # fmt: skip


def _quoted(value: str) -> str:
    """Quote a value of an #SBATCH line, which sbatch reads by rules of its own."""
    return value if all(letter.isalnum() or letter in "/._-:,%+@=" for letter in value) else f'"{value}"'


def _task(job: Job, asked: SlurmResources, nodes: int) -> str:
    """Return what each node runs, as a line of bash."""
    box = asked.apptainer
    python = asked.python or ("python" if box else sys.executable)
    prefix = shlex.join([box.command, "exec", *box.options, box.image] if box else []) + " " if box else ""
    program = shlex.join([job.module, "--spec", str(job.folder / "spec.json"), "--out", str(job.folder)])
    start = f"exec {prefix}{shlex.quote(python)} -m"
    if job.processes == 1:
        return f"{start} {program}"
    share = f"--nproc-per-node={job.processes // nodes}"
    if nodes == 1:
        return f"{start} torch.distributed.run --standalone {share} --max-restarts=0 -m -- {program}"
    return (
        f'read -r -a at <<<"$NODE_ADDRESSES"; {start} torch.distributed.run --nnodes={nodes} {share} {_RENDEZVOUS} '
        f"-m -- {program}"
    )
