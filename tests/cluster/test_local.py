"""The cluster door with real processes: a restart loses nothing, an end leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entitynet_assets.cluster import MAX_LOSSES, Job, JobLost, LocalCluster

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the jobs import the fakes, wherever pytest was started."""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.fixture
def cluster() -> LocalCluster:
    return LocalCluster(grace_s=0.5)


@pytest.fixture
def job(tmp_path) -> Iterator[Callable[..., Job]]:
    """A function that makes a job of steps; whatever is left of it is ended after the test."""
    made: list[Job] = []

    def make(*steps: list, folder: str = "job", **facts) -> Job:
        made.append(Job("tests.fakes.jobs", json.dumps({"steps": steps}), tmp_path / folder, **facts))
        return made[-1]

    yield make
    for one in made:
        LocalCluster(grace_s=0.0).cancel(one)


def eventually(holds: Callable[[], object]) -> None:
    for _ in range(1500):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def starts(job: Job) -> list[int]:
    path = job.folder / "starts"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def recorded(job: Job) -> dict:
    return json.loads((job.folder / "job.json").read_text())


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def call(job: Job, grace_s: float = 0.5) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.fakes.caller", str(job.folder), job.spec_json, str(grace_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_job_runs_once_and_is_then_reported(cluster, job):
    wanted = job(["result", {"answer": 42}])
    assert cluster.state(wanted) == "absent"
    assert cluster.run(wanted) == {"answer": 42}
    assert cluster.state(wanted) == "finished"
    assert LocalCluster().run(wanted) == {"answer": 42}
    assert len(starts(wanted)) == 1


def test_another_spec_in_the_folder_is_not_finished(cluster, job):
    assert cluster.run(job(["result", 1])) == 1
    other = job(["result", 2])
    assert cluster.state(other) != "finished"
    assert cluster.run(other) == 2
    assert cluster.state(job(["result", 1])) != "finished"


def test_a_running_job_of_another_spec_is_ended_before_the_folder_is_used(cluster, job):
    old = job(["sleep", 120])
    cluster.submit(old)
    eventually(lambda: starts(old))
    assert cluster.run(job(["result", 2])) == 2
    assert gone(starts(old)[0])


def test_the_id_is_on_the_disk_before_the_job_begins(cluster, job):
    wanted = job(["await", "go"], ["result", 1])
    cluster.submit(wanted)
    eventually(lambda: starts(wanted))
    assert recorded(wanted)["pid"] == starts(wanted)[0]
    assert cluster.state(wanted) == "running"
    (wanted.folder / "go").touch()
    assert cluster.run(wanted) == 1


def test_a_caller_killed_before_it_could_record_leaves_no_job(job, tmp_path):
    wanted = job(["touch", "began"], ["sleep", 120])
    code = (
        "import os, signal, sys; from pathlib import Path; from entitynet_assets import cluster; "
        "from entitynet_assets.cluster import folder; "
        "folder.write_atomic = lambda path, content: "
        "path.name == 'job.json' and os.kill(os.getpid(), signal.SIGKILL) or path.write_bytes(content); "
        f"cluster.LocalCluster().submit(cluster.Job('tests.fakes.jobs', {wanted.spec_json!r}, Path({str(wanted.folder)!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    time.sleep(0.5)
    assert starts(wanted) == []
    assert LocalCluster().state(wanted) == "absent"


def test_a_killed_caller_leaves_the_job_and_the_next_one_finds_it(cluster, job):
    wanted = job(["await", "go"], ["result", "kept"])
    first = call(wanted)
    eventually(lambda: starts(wanted))
    first.kill()
    first.communicate()
    assert cluster.state(wanted) == "running"
    second = call(wanted)
    time.sleep(0.3)
    (wanted.folder / "go").touch()
    said, _ = second.communicate(timeout=60)
    assert json.loads(said) == "kept"
    assert len(starts(wanted)) == 1


def test_two_callers_share_one_job(cluster, job):
    wanted = job(["await", "go"], ["result", "shared"])
    got: list = []
    cluster.submit(wanted)
    callers = [threading.Thread(target=lambda: got.append(LocalCluster().run(wanted))) for _ in range(2)]
    for caller in callers:
        caller.start()
    (wanted.folder / "go").touch()
    for caller in callers:
        caller.join()
    assert got == ["shared", "shared"]
    assert len(starts(wanted)) == 1


def test_a_killed_job_is_lost_and_started_again(cluster, job):
    wanted = job(["kill_once", 1], ["result", "second try"])
    assert cluster.run(wanted) == "second try"
    assert len(starts(wanted)) == 2


def test_a_job_that_was_killed_while_nobody_looked_is_started_again(cluster, job):
    wanted = job(["await", "go"], ["result", 1])
    first = call(wanted)
    eventually(lambda: starts(wanted))
    first.kill()
    first.communicate()
    os.kill(starts(wanted)[0], signal.SIGKILL)
    eventually(lambda: cluster.state(wanted) == "lost")
    (wanted.folder / "go").touch()
    assert cluster.run(wanted) == 1
    assert len(starts(wanted)) == 2


def test_what_a_killed_launcher_left_is_ended_before_the_job_starts_again(cluster, job):
    wanted = job(["child", "child"], ["kill_once", 1], ["result", 1])
    assert cluster.run(wanted) == 1
    pids = starts(wanted)
    assert len(pids) == 2
    eventually(lambda: members(wanted) == [(wanted.folder / "child").read_text()])


def members(job: Job) -> list[str]:
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if marked(path, job)]


def marked(path: Path, job: Job) -> bool:
    try:
        return f"ENTITYNET_JOB={job.folder}".encode() in path.read_bytes().split(b"\0")
    except OSError:
        return False


def test_a_job_that_kills_itself_every_time_is_given_up(cluster, job):
    wanted = job(["kill_once", 99])
    with pytest.raises(JobLost):
        cluster.run(wanted)
    assert len(starts(wanted)) == MAX_LOSSES


@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_a_job_that_ends_by_itself_is_not_asked_again(cluster, job, code):
    wanted = job(["say", "the first words"], ["say", "disk full: no space for step 7"], ["exit", code])
    with pytest.raises(JobLost, match="disk full: no space for step 7") as found:
        cluster.run(wanted)
    assert "Mend the cause" in str(found.value)
    assert len(starts(wanted)) == 1


def test_what_the_rank_that_failed_first_said_is_told_and_not_by_a_later_start(cluster, job):
    failed = {"status": "failed", "kind": "memory", "reason": "raise accumulate_steps", "rank": 1}
    with pytest.raises(JobLost, match=r"Rank 1 said first \(memory\): raise accumulate_steps"):
        cluster.run(job(["error", failed], ["exit", 1]))
    with pytest.raises(JobLost) as found:
        cluster.run(job(["exit", 1]))
    assert "said first" not in str(found.value)


def test_a_module_that_does_not_exist_is_told(cluster, tmp_path):
    with pytest.raises(JobLost, match="No module named"):
        cluster.run(Job("tests.fakes.nothing_of_that_name", "{}", tmp_path / "job"))


def test_an_interruption_ends_the_job_with_its_grandchildren(job):
    wanted = job(["child", "child"], ["sleep", 120])
    waiting = call(wanted)
    eventually(lambda: (wanted.folder / "child").exists() and (wanted.folder / "child").read_text())
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert gone(starts(wanted)[0])
    assert gone(int((wanted.folder / "child").read_text()))


def test_a_deaf_job_is_killed(cluster, job):
    wanted = job(["deaf"], ["touch", "deaf"], ["sleep", 120])
    cluster.submit(wanted)
    eventually(lambda: (wanted.folder / "deaf").exists())
    cluster.cancel(wanted)
    assert gone(starts(wanted)[0])
    assert cluster.state(wanted) == "lost"


def test_a_job_may_save_before_it_goes(cluster, job):
    wanted = job(["touch", "begun"], ["sleep", 120])
    cluster.submit(wanted)
    eventually(lambda: (wanted.folder / "begun").exists())
    LocalCluster(grace_s=30).cancel(wanted)
    assert "KeyboardInterrupt" in (wanted.folder / "log.txt").read_text()


def test_an_error_of_the_watcher_ends_the_job(cluster, job):
    wanted = job(["metric", '{"step": 1}\n'], ["sleep", 120])

    def fail(line) -> None:
        raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="the screen is gone"):
        cluster.run(wanted, fail)
    assert gone(starts(wanted)[0])


def test_cancelling_what_never_ran_or_has_ended_is_harmless(cluster, job):
    wanted = job(["result", 1])
    cluster.cancel(wanted)
    cluster.run(wanted)
    cluster.cancel(wanted)
    assert cluster.state(wanted) == "finished"


def test_a_foreign_process_with_the_jobs_old_id_is_neither_awaited_nor_ended(cluster, job):
    wanted = job(["result", "new"])
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    try:
        wanted.folder.mkdir()
        (wanted.folder / "spec.json").write_text(wanted.spec_json)
        record = {"pid": foreign.pid, "started": "1", "attempt_of": wanted.module}
        (wanted.folder / "job.json").write_text(json.dumps(record))
        assert cluster.state(wanted) == "lost"
        cluster.cancel(wanted)
        assert foreign.poll() is None
        assert cluster.run(wanted) == "new"
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_each_line_of_metrics_is_watched_once(cluster, job):
    lines = [f'{{"step": {n}, "loss": 1.5}}\n' for n in range(1, 6)]
    wanted = job(
        ["metric", lines[0]], ["sleep", 0.4], ["metric", lines[1] + lines[2][:9]], ["sleep", 0.4], ["metric", lines[2][9:]],
        ["metric", "no json\n"], ["metric", lines[3]], ["metric", lines[4][:-1]], ["result", 1],
    )  # fmt: skip
    seen: list = []
    cluster.run(wanted, seen.append)
    assert [line["step"] for line in seen] == [1, 2, 3, 4]


def test_bytes_that_are_no_text_do_not_end_a_job(cluster, job):
    wanted = job(["result", 1])
    wanted.folder.mkdir()
    (wanted.folder / "metrics.jsonl").write_bytes(b'\xff\xfe{"step": 1}\n{"step": 2}\n')
    seen: list = []
    assert cluster.run(wanted, seen.append) == 1
    assert seen == [{"step": 2}]


def test_torchrun_starts_every_process_with_the_arguments(cluster, job):
    wanted = job(["rank"], ["await", "rank-0-of-2"], ["await", "rank-1-of-2"], ["result", "both"], processes=2)
    assert cluster.run(wanted) == "both"
    assert len(starts(wanted)) == 2


def test_an_interrupted_torchrun_leaves_no_worker(cluster, job):
    wanted = job(["rank"], ["deaf"], ["touch", "deaf"], ["sleep", 120], processes=2)
    cluster.submit(wanted)
    eventually(lambda: (wanted.folder / "deaf").exists() and len(starts(wanted)) == 2)
    cluster.cancel(wanted)
    assert all(gone(pid) for pid in [*starts(wanted), recorded(wanted)["pid"]])
