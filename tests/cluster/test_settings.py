"""Where jobs run, by a file: what it may say, and what each fault of it is told."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from entitynet_assets.cluster import ClusterSettingsError, Job, JobLost, LocalCluster, open_cluster
from entitynet_assets.cluster.settings import cluster_settings, parse_settings
from entitynet_assets.cluster.slurm import SlurmCluster, read_standing
from entitynet_assets.cluster.slurm_commands import read_fields
from entitynet_assets.cluster.slurm_script import batch_script, job_name

WHOLE = """
kind = "slurm"
grace_s = 90

[slurm]
account = "lab"
qos = "high"
partition = "gpu"
time = "24:00:00"
processes_per_node = 4
cpus_per_process = 8
gres = "gpu:a100"
memory = "200G"
directives = ["--constraint=ib", "--mail-type=FAIL"]
environment = ["module load cuda/12.4"]
offline = true
pass_environment = ["HF_HOME"]

[slurm.apptainer]
image = "/images/train image.sif"
options = ["--nv", "--bind", "/lake"]

[slurm.jobs.evaluate]
gres = "gpu:t4"
time = "01:00:00"
directives = []
"""


def parsed(text: str):
    return parse_settings(tomllib.loads(text), "cluster.toml")


def script(processes: int, kind: str = "train", text: str = WHOLE, folder: str = "/lake/jobs/a b") -> str:
    settings = parsed(text)
    assert settings.slurm
    job = Job(f"entitynet_train.{kind}", "{}", Path(folder), processes)
    return batch_script(job, settings.slurm, settings.grace_s, {"HF_HOME": "/lake/it's"})


def test_without_a_file_jobs_run_here(monkeypatch, tmp_path):
    monkeypatch.delenv("ENTITYNET_CLUSTER", raising=False)
    assert isinstance(open_cluster(), LocalCluster)
    (tmp_path / "cluster.toml").write_text(WHOLE)
    monkeypatch.setenv("ENTITYNET_CLUSTER", str(tmp_path / "cluster.toml"))
    found = open_cluster()
    assert isinstance(found, SlurmCluster)
    assert (found.grace_s, found.settings.account) == (90, "lab")
    assert isinstance(open_cluster(parsed('kind = "local"\ngrace_s = 5')), LocalCluster)
    assert open_cluster(parsed('kind = "slurm"')).settings.requeue  # pyright: ignore[reportAttributeAccessIssue]


FAULTS = [
    ('kind = "lsf"', r"cluster.toml: kind: Input should be 'local'.*; found 'lsf'"),
    ("kindly = 1", r"kindly: unknown key; allowed here: kind, grace_s, .*did you mean kind\?"),
    ('[slurm]\npartitoin = "x"', r"slurm.partitoin: unknown key; allowed here: account, .*did you mean partition\?"),
    ('[slurm]\ntime = "a day"', r"slurm.time: found 'a day'; allowed: minutes, MM:SS, HH:MM:SS"),
    ('[slurm]\ndirectives = ["--output=x"]', r"slurm.directives: found '--output=x', which the platform sets itself"),
    ('[slurm]\ndirectives = ["-J x"]', r"found '-J x', which the platform sets itself"),
    ('[slurm]\ndirectives = ["constraint=ib"]', r"found 'constraint=ib'; allowed: one option of sbatch"),
    ('[slurm.jobs.dance]\ntime = "1"', r"slurm.jobs: found 'dance'; allowed: train, evaluate"),
    ('[slurm.jobs.train]\nask_s = 1', r"slurm.jobs.train.ask_s: unknown key; allowed here: account"),
    ("[slurm.apptainer]\noptions = []", r"slurm.apptainer.image: missing; add it"),
    ("[slurm]\nwarn_s = 0", r"slurm.warn_s: .*greater than or equal to 1; found 0"),
    ("[slurm]\nprocesses_per_node = 1.5", r"slurm.processes_per_node: .*found 1.5"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_each_fault_is_named_with_its_key_and_what_is_allowed(text, words):
    with pytest.raises(ClusterSettingsError, match=words):
        parsed(text)


def test_a_file_that_cannot_be_read_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ENTITYNET_CLUSTER", str(tmp_path / "none.toml"))
    with pytest.raises(
        ClusterSettingsError, match=r"ENTITYNET_CLUSTER: .*none.toml: No such file .*; name a TOML file"
    ):
        cluster_settings()
    (tmp_path / "none.toml").write_text("kind = slurm")
    with pytest.raises(ClusterSettingsError, match=r"none.toml: not TOML"):
        cluster_settings()


def test_a_job_on_several_nodes_asks_for_equal_shares():
    text = script(8)
    stated = [line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")]
    assert stated[1:] == [
        '--chdir="/lake/jobs/a b"', '--output="/lake/jobs/a b/log.txt"', "--open-mode=append", "--nodes=2", "--ntasks-per-node=1",
        "--signal=B:USR1@120", "--requeue", "--account=lab", "--qos=high", "--partition=gpu", "--time=24:00:00", "--mem=200G",
        "--gres=gpu:a100:4", "--cpus-per-task=32", "--constraint=ib", "--mail-type=FAIL",
    ]  # fmt: skip
    assert text.index("export HF_HUB_OFFLINE=1") < text.index("module load cuda/12.4") < text.index("srun --nodes=2")
    assert "exec apptainer exec --nv --bind /lake '\"'\"'/images/train image.sif'\"'\"' python -m torch" in text
    assert "--nnodes=2 --nproc-per-node=4 --rdzv-backend=c10d" in text


def test_kinds_of_jobs_say_only_what_differs():
    text = script(1, "evaluate")
    assert all(line in text for line in ("#SBATCH --gres=gpu:t4:1", "#SBATCH --time=01:00:00", "#SBATCH --account=lab"))
    assert "#SBATCH --constraint" not in text
    assert "torch.distributed" not in text
    assert "--standalone" in script(4)


def test_processes_that_fill_no_whole_nodes_are_refused():
    with pytest.raises(
        JobLost, match="found 5 processes and processes_per_node = 4; 2 nodes cannot share them equally"
    ):
        script(5)
    assert "#SBATCH --nodes=2" in script(6)  # three on each


@pytest.mark.parametrize("processes", [1, 4, 8])
def test_the_script_is_sound_bash(processes):
    checked = subprocess.run(["bash", "-n"], input=script(processes), capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_jobs_name_is_its_question_and_its_place():
    one = Job("entitynet_train.train", "{}", Path("/a"))
    assert job_name(one) == job_name(Job("entitynet_train.train", "{}", Path("/a"), 4))
    assert (
        len({job_name(one), job_name(Job(one.module, "{ }", one.folder)), job_name(Job(one.module, "{}", Path("/b")))})
        == 3
    )
    assert job_name(one).startswith("entitynet-train-")


STANDINGS = [  # what Slurm says, what the script wrote last -> state, passing, counted
    ({"JobState": "RUNNING", "Reason": "None"}, {}, ("running", False, True)),
    ({"JobState": "COMPLETING"}, {}, ("running", False, True)),
    ({"JobState": "PENDING", "Reason": "Priority"}, {}, ("queued", False, True)),
    ({"JobState": "NODE_FAIL", "ExitCode": "0:0"}, {}, ("lost", True, True)),
    ({"JobState": "PREEMPTED"}, {}, ("lost", True, True)),
    ({"JobState": "TIMEOUT", "ExitCode": "0:15"}, {}, ("lost", True, True)),
    ({"JobState": "FAILED", "ExitCode": "1:0"}, {}, ("lost", False, True)),
    ({"JobState": "FAILED", "ExitCode": "137:0"}, {}, ("lost", True, True)),
    ({"JobState": "FAILED", "ExitCode": "130:0"}, {"job": "7", "why": "time"}, ("lost", True, False)),
    ({"JobState": "FAILED", "ExitCode": "1:0"}, {"job": "7", "why": "node"}, ("lost", True, True)),
    ({"JobState": "FAILED", "ExitCode": "1:0"}, {"job": "6", "why": "time"}, ("lost", False, True)),  # of an earlier job
    ({"JobState": "OUT_OF_MEMORY", "ExitCode": "0:125"}, {}, ("lost", False, True)),
    ({"JobState": "CANCELLED", "ExitCode": "0:0"}, {}, ("lost", False, True)),
    ({"JobState": "COMPLETED", "ExitCode": "0:0"}, {}, ("lost", False, True)),
    ({}, {}, ("lost", True, True)),  # forgotten, and its script did not come to its end
    ({}, {"job": "7", "why": "end"}, ("lost", False, True)),
]  # fmt: skip


@pytest.mark.parametrize(("found", "ended", "expected"), STANDINGS)
def test_what_slurm_says_of_a_job_comes_to_one_of_few_states(found, ended, expected):
    standing = read_standing("7", found, ended)
    assert (standing.state, standing.passing, standing.counted) == expected
    assert standing.words.startswith("job 7 ")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("JobHeldUser", "scontrol release 7"), ("JobHeldAdmin", "ask them why"), ("PartitionTimeLimit", "lower `time`"),
        ("launch_failed_requeued_held", "look at the node"), ("QOSMaxCpuPerUserLimit", "beyond a limit of its account or QOS"),
    ],
)  # fmt: skip
def test_a_job_that_waits_says_why_and_what_to_do(reason, words):
    standing = read_standing("7", {"JobState": "PENDING", "Reason": reason}, {})
    assert standing.state == "queued"
    assert words in standing.words


def test_the_first_of_two_equal_names_counts():
    fields = read_fields("JobId=7 JobName=a JobState=PENDING Reason=Dependency Socks/Node=* Command=/x JobName=b")
    assert fields == {
        "JobId": "7", "JobName": "a", "JobState": "PENDING", "Reason": "Dependency", "Socks/Node": "*", "Command": "/x",
    }  # fmt: skip
