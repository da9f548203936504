"""Slurm with real daemons: a job runs once, whatever befalls its caller, its controller, its nodes or its time."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from entitynet_assets.cluster import Job, JobLost
from entitynet_assets.cluster.processes import marked
from entitynet_assets.cluster.settings import SlurmSettings
from entitynet_assets.cluster.slurm import SlurmCluster
from tests.cluster.slurm_host import SlurmHost, eventually

pytestmark = pytest.mark.slow


def cluster_of(grace_s: float = 10.0, **changes) -> SlurmCluster:
    settings = {"ask_s": 0.3, "lag_s": 0.5, "processes_per_node": 1, **changes}
    return SlurmCluster(SlurmSettings.model_validate(settings), grace_s)


@pytest.fixture
def cluster(slurm: SlurmHost) -> SlurmCluster:
    return cluster_of()


@pytest.fixture
def job(slurm: SlurmHost, tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """A function that makes a job of steps; whatever is left of it is ended after the test."""
    made: list[Job] = []

    def make(*steps: list, folder: str = "job", **facts) -> Job:
        made.append(Job("tests.fakes.jobs", json.dumps({"steps": steps}), tmp_path / folder, **facts))
        return made[-1]

    yield make
    for one in made:
        cluster_of(0.5).cancel(one)
        slurm.ask("scancel", "--full", "--signal=KILL", recorded(one))


def recorded(job: Job) -> str:
    path = job.folder / "job.json"
    return json.loads(path.read_text())["slurm"] if path.exists() else "0"


def starts(job: Job) -> int:
    path = job.folder / "starts"
    return len(path.read_text().split()) if path.exists() else 0


def steps(job: Job) -> list[int]:
    path = job.folder / "metrics.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []


def call(job: Job, settings: str = "") -> subprocess.Popen:
    """Start a process that wants the job."""
    path = job.folder.parent / "cluster.toml"
    path.write_text(f'kind = "slurm"\ngrace_s = 10\n[slurm]\nask_s = 0.3\nprocesses_per_node = 1\n{settings}')
    command = [
        "env",
        f"ENTITYNET_CLUSTER={path}",
        sys.executable,
        "-m",
        "tests.fakes.caller",
        str(job.folder),
        job.spec_json,
        "1",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_background(run: Callable[[], object]) -> Future:
    future: Future = Future()

    def work() -> None:
        try:
            future.set_result(run())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def hurry(slurm: SlurmHost, job: Job) -> None:
    """Let a requeued job begin in a moment; Slurm lets it wait two minutes, as its old node may still be busy with its end."""
    shown = lambda: slurm.ask("scontrol", "show", "job", recorded(job))
    eventually(lambda: "Restarts=1" in shown() and "JobState=PENDING" in shown())
    slurm.ask("scontrol", "update", f"JobId={recorded(job)}", "StartTime=now+3")


def test_a_job_runs_once_and_is_then_reported(cluster, job):
    wanted, seen = job(["metric", '{"step": 1}\n'], ["result", {"answer": 42}]), []
    assert cluster.state(wanted) == "absent"
    assert cluster.run(wanted, seen.append) == {"answer": 42}
    assert {"step": 1} in seen
    assert any(re.fullmatch(r"job \d+ RUNNING", line.get("cluster", "")) for line in seen)
    assert (cluster.state(wanted), cluster_of().run(wanted)) == ("finished", {"answer": 42})
    assert starts(wanted) == 1


def test_two_nodes_train_together_are_cancelled_with_a_checkpoint_and_go_on(slurm, cluster, job):
    wanted = job(
        ["rank"], ["await", "rank-0-of-2"], ["await", "rank-1-of-2"], ["train", 40], ["result", "both"], processes=2
    )
    cluster.submit(wanted)
    eventually(lambda: steps(wanted))
    assert slurm.ask("squeue", "-h", "-o", "%D %N").split() == ["2", "n[1-2]"]
    cluster.cancel(wanted)
    saved = int((wanted.folder / "saved").read_text())
    assert 0 < saved < 40
    assert marked(wanted.folder) == []
    assert cluster.state(wanted) == "lost"
    assert cluster.run(wanted) == "both"
    assert steps(wanted)[saved - 1 : saved + 1] == [saved, saved + 1]


def test_a_job_whose_time_is_up_saves_queues_itself_again_and_goes_on(slurm, cluster, job):
    wanted = job(["train", 60], ["result", "in two goes"])
    future = in_background(lambda: cluster.run(wanted))
    eventually(lambda: len(steps(wanted)) >= 3)
    first = recorded(wanted)
    slurm.ask("scancel", "--batch", "--signal=USR1", first)  # what Slurm itself sends `warn_s` before the end
    hurry(slurm, wanted)
    assert future.result(60) == "in two goes"
    assert (recorded(wanted), starts(wanted)) == (first, 2)
    assert steps(wanted) == list(range(1, 61))


def test_without_requeue_a_job_whose_time_is_up_is_submitted_anew(slurm, job):
    wanted, cluster = job(["train", 40], ["result", "in two jobs"]), cluster_of(requeue=False)
    future = in_background(lambda: cluster.run(wanted))
    eventually(lambda: len(steps(wanted)) >= 3)
    first = recorded(wanted)
    slurm.ask("scancel", "--batch", "--signal=USR1", first)
    assert future.result(60) == "in two jobs"
    assert (recorded(wanted) != first, starts(wanted)) == (True, 2)
    assert steps(wanted) == list(range(1, 41))


def test_a_killed_caller_leaves_the_job_and_the_next_one_finds_it(cluster, job):
    wanted = job(["await", "go"], ["result", "kept"])
    wanted.folder.mkdir()
    first = call(wanted)
    eventually(lambda: starts(wanted))
    first.kill()
    first.communicate()
    assert cluster.state(wanted) == "running"
    (wanted.folder / "go").touch()
    assert cluster.run(wanted) == "kept"
    assert starts(wanted) == 1


def test_a_caller_killed_between_sbatch_and_its_record_makes_no_second_job(cluster, job):
    wanted = job(["await", "go"], ["result", "once"])
    code = (
        "import os, signal; from pathlib import Path; from entitynet_assets.cluster import Job, slurm; "
        "from entitynet_assets.cluster.settings import SlurmSettings; "
        "slurm.record = lambda job, known: os.kill(os.getpid(), signal.SIGKILL); "
        "slurm.SlurmCluster(SlurmSettings(), 1.0).submit(Job('tests.fakes.jobs', "
        f"{wanted.spec_json!r}, Path({str(wanted.folder)!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert cluster.state(wanted) == "absent"
    (wanted.folder / "go").touch()
    assert cluster.run(wanted) == "once"
    assert starts(wanted) == 1


def test_an_interruption_cancels_the_job(cluster, job):
    wanted = job(["train", 600])
    wanted.folder.mkdir()
    waiting = call(wanted)
    eventually(lambda: len(steps(wanted)) >= 2)
    waiting.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in waiting.communicate(timeout=60)[1]
    assert marked(wanted.folder) == []
    assert int((wanted.folder / "saved").read_text()) >= 2


def test_a_controller_that_restarts_loses_no_job(slurm, cluster, job):
    wanted, seen = job(["await", "go"], ["result", "kept"]), []
    future = in_background(lambda: cluster.run(wanted, seen.append))
    eventually(lambda: starts(wanted))
    slurm.stop("slurmctld")
    eventually(lambda: any("does not answer" in line.get("cluster", "") for line in seen))
    slurm.start_controller()
    (wanted.folder / "go").touch()
    assert (future.result(60), starts(wanted)) == ("kept", 1)


def test_what_sbatch_refuses_is_told_in_its_words(slurm, job):
    with pytest.raises(JobLost, match="invalid partition specified: moon"):
        cluster_of(partition="moon").run(job(["result", 1]))


def test_a_failed_job_is_told_with_its_last_lines_and_not_asked_again(cluster, job):
    wanted = job(["say", "disk full: no space for step 7"], ["exit", 1])
    with pytest.raises(JobLost, match=r"(?s)job \d+ FAILED, exit code 1:0, on n\d.*disk full: no space for step 7"):
        cluster.run(wanted)
    assert starts(wanted) == 1


def test_a_killed_process_is_started_again(cluster, job):
    wanted = job(["kill_once", 1], ["result", "second try"])
    assert cluster.run(wanted) == "second try"
    assert starts(wanted) == 2


def test_a_held_job_says_how_to_release_it_and_can_be_cancelled(slurm, job):
    wanted, cluster = job(["result", 1]), cluster_of(directives=["--begin=now+1hour"])
    cluster.submit(wanted)
    assert cluster.state(wanted) == "queued"
    slurm.ask("scontrol", "uhold", recorded(wanted))
    words = cluster.standing(wanted, json.loads((wanted.folder / "job.json").read_text())).words
    assert words.endswith(f"(JobHeldUser): held by its user: scontrol release {recorded(wanted)}")
    cluster.cancel(wanted)
    assert "JobState=CANCELLED" in slurm.ask("scontrol", "show", "job", recorded(wanted))
    assert (cluster.state(wanted), starts(wanted)) == ("lost", 0)


def test_a_deaf_job_is_killed(slurm, job):
    wanted, cluster = job(["deaf"], ["touch", "deaf"], ["sleep", 120]), cluster_of(grace_s=1.0)
    cluster.submit(wanted)
    eventually((wanted.folder / "deaf").exists)
    cluster.cancel(wanted)
    eventually(lambda: marked(wanted.folder) == [])
    time.sleep(0)
