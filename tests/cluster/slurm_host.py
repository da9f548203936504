"""A Slurm of its own on this machine: munged, slurmctld and several slurmd on loopback, with ports and folders of their own.

Belongs here: starting, breaking and ending the daemons. Needs root and Debian's slurm-wlm and munge. Every daemon dies with
the process that started it (setpriv --pdeathsig), and `close` ends what they left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "setpriv")
CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1
PropagateResourceLimits=NONE
ReturnToService=2
KillWait=4
SlurmdTimeout=5
MessageTimeout=5
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
SlurmdSpoolDir={root}/spool/%n
StateSaveLocation={root}/state
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.%n.log
SlurmdParameters=config_overrides
{nodes}
PartitionName=train Nodes=ALL Default=YES MaxTime=60 State=UP OverSubscribe=FORCE:4
"""
NODE = "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=4000 State=UNKNOWN"


def missing() -> list[str]:
    """Return what a Slurm here would lack."""
    found = [name for name in NEEDED if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]
    return found + ([] if os.geteuid() == 0 else ["root"])


def eventually(holds: Callable[[], object], limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")


class SlurmHost:
    """The daemons of a cluster with nodes n1, n2, ...; `conf` is what SLURM_CONF names."""

    def __init__(self, nodes: int = 2) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.conf = self.root / "slurm.conf"
        self.names = [f"n{number}" for number in range(1, nodes + 1)]
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._write(free_ports(nodes + 1))

    def _write(self, ports: list[int]) -> None:
        lines = [NODE.format(name=name, port=port) for name, port in zip(self.names, ports[1:], strict=True)]
        self.conf.write_text(CONF.format(root=self.root, ports=ports, nodes="\n".join(lines)))
        for folder in ("state", *(f"spool/{name}" for name in self.names)):
            (self.root / folder).mkdir(parents=True)
        key = self.root / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)

    def open(self) -> None:
        """Start everything and wait until all nodes are idle."""
        at = {
            name: f"--{name}={self.root}/munge.{name.split('-')[0]}"
            for name in ("socket", "key-file", "pid-file", "seed-file", "log-file")
        }
        self._start("munged", "--foreground", "--force", *at.values())
        eventually((self.root / "munge.socket").exists)
        self.start_controller(fresh=True)
        for name in self.names:
            self.start_node(name)
        eventually(lambda: self.ask("sinfo", "-h", "-o", "%t").split() == ["idle"])

    def start_controller(self, fresh: bool = False) -> None:
        self._start("slurmctld", "-D", "-f", str(self.conf), *(["-c"] if fresh else []))

    def start_node(self, name: str) -> None:
        self._start(name, "-D", "-f", str(self.conf), "-N", name, program="slurmd")

    def has(self, name: str) -> bool:
        """Say whether a daemon was started and not stopped."""
        return name in self._daemons

    def stop(self, name: str, signal_number: int = signal.SIGTERM) -> None:
        """End a daemon; by SIGTERM slurmctld saves what it knows, by SIGKILL it loses some seconds."""
        daemon = self._daemons.pop(name)
        daemon.send_signal(signal_number)
        daemon.wait()

    def lose_node(self, name: str) -> None:
        """Kill a node: its slurmd and all that this had started."""
        self.stop(name, signal.SIGKILL)
        for pid in holders(f"{self.root}/slurmd.{name}.log"):
            kill_tree(pid)

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm prints; empty where it fails."""
        known = {**os.environ, "SLURM_CONF": str(self.conf)}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=known).stdout

    def close(self) -> None:
        """End every daemon and every process that they left."""
        for name in list(self._daemons):
            with contextlib.suppress(OSError):
                self.stop(name, signal.SIGKILL)
        for pid in holders(f"{self.root}/"):
            kill_tree(pid)
        shutil.rmtree(self.root, ignore_errors=True)

    def _start(self, name: str, *arguments: str, program: str = "") -> None:
        known = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin", "SLURM_CONF": str(self.conf)}
        with (self.root / f"{name}.out").open("ab") as said:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program or name, *arguments],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=known, start_new_session=True,
            )  # fmt: skip


def holders(begin: str) -> list[int]:
    """Return the processes that have a file open whose path begins so: daemons and slurmstepd have their log."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(str(one.readlink()).startswith(begin) for one in folder.iterdir()):
                found.append(int(folder.parent.name))
    return found


def kill_tree(pid: int) -> None:
    """Kill a process and all that came from it."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for child in children.stdout.split():
        kill_tree(int(child))


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
