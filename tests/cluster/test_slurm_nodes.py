"""Slurm where machines fail or lie elsewhere: a node lost in the middle, real time limits, a login node over SSH."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.cluster import JobLost
from entitynet_assets.cluster.processes import marked
from tests.cluster.slurm_host import SlurmHost, eventually, free_ports
from tests.cluster.test_slurm import cluster_of, hurry, in_background, recorded, starts, steps
from tests.cluster.test_slurm import job as job

pytestmark = pytest.mark.slow


@pytest.fixture
def breakable(slurm: SlurmHost) -> Iterator[SlurmHost]:
    """The Slurm, whole again after the test."""
    yield slurm
    for name in slurm.names:
        if not slurm.has(name):
            slurm.start_node(name)
    eventually(lambda: slurm.ask("sinfo", "-h", "-o", "%t").split() == ["idle"])


def test_a_job_that_loses_its_node_is_requeued_and_goes_on(breakable, job):
    wanted, cluster = job(["train", 40], ["result", "survived"]), cluster_of()
    future = in_background(lambda: cluster.run(wanted))
    eventually(lambda: len(steps(wanted)) >= 6)
    first, node = recorded(wanted), breakable.ask("squeue", "-h", "-o", "%N").strip()
    breakable.lose_node(node)
    eventually(lambda: marked(wanted.folder) == [])
    hurry(breakable, wanted)
    assert future.result(120) == "survived"
    assert (recorded(wanted), starts(wanted)) == (first, 2)
    assert breakable.ask("scontrol", "show", "job", first).count("Restarts=1") == 1
    assert [step for step in steps(wanted) if step > 6][-1] == 40


@pytest.mark.long
def test_two_nodes_of_which_one_is_lost_start_again_together(breakable, job):
    wanted, cluster = job(["rank"], ["train", 100], ["result", "both again"], processes=2), cluster_of()
    future = in_background(lambda: cluster.run(wanted))
    eventually(lambda: len(steps(wanted)) >= 6)
    breakable.lose_node("n2")
    for pid in marked(wanted.folder):
        if b"RANK=0" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            os.kill(pid, 9)  # as a rank fails that hears no more of the others
    eventually(lambda: "Restarts=1" in breakable.ask("scontrol", "show", "job", recorded(wanted)), 150)
    breakable.start_node("n2")
    hurry(breakable, wanted)
    assert future.result(120) == "both again"
    assert starts(wanted) == 4


@pytest.mark.long
def test_a_time_limit_makes_a_chain(slurm, job):
    wanted, cluster = job(["train", 1000], ["result", "chained"]), cluster_of(time="1", warn_s=30)
    future = in_background(lambda: cluster.run(wanted))
    for _ in range(3):
        began = starts(wanted)
        eventually(lambda began=began: starts(wanted) > began or future.done(), 150)
        if future.done():
            break
        shown = lambda: slurm.ask("scontrol", "show", "job", recorded(wanted))
        eventually(lambda shown=shown: "JobState=PENDING" in shown() or future.done(), 150)
        slurm.ask("scontrol", "update", f"JobId={recorded(wanted)}", "StartTime=now+3")
    assert future.result(150) == "chained"
    assert starts(wanted) > 1
    assert sorted(set(steps(wanted))) == list(range(1, 1001))


@pytest.fixture
def login_node(tmp_path: Path) -> Iterator[dict]:
    """An sshd on loopback and how it is reached: [slurm.ssh] of the settings."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if not sshd or not shutil.which("ssh"):
        pytest.skip("server absent: sshd is not installed (Debian package openssh-server)")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    (tmp_path / "user.pub").rename(tmp_path / "allowed")
    (port,) = free_ports(1)
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {tmp_path}/host", f"AuthorizedKeysFile {tmp_path}/allowed",
        "StrictModes no", "PermitRootLogin yes", "UsePAM no", f"PidFile {tmp_path}/pid", f"SetEnv SLURM_CONF={os.environ['SLURM_CONF']}",
    ]  # fmt: skip
    (tmp_path / "sshd_config").write_text("\n".join(lines) + "\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    daemon = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sshd, "-D", "-e", "-f", str(tmp_path / "sshd_config")],
        stderr=subprocess.DEVNULL,
    )
    known = [
        "-p",
        str(port),
        "-i",
        str(tmp_path / "user"),
        "-o",
        f"UserKnownHostsFile={tmp_path}/known",
        "-o",
        "StrictHostKeyChecking=no",
    ]
    # The first of two values counts for ssh: no connection is kept here beyond the test.
    yield {"host": "127.0.0.1", "options": ["-F", "none", "-o", "ControlMaster=no", "-o", "ControlPath=none", *known]}
    daemon.kill()
    daemon.wait()


def test_a_login_node_is_used_over_ssh(slurm, login_node, job, monkeypatch):
    cluster = cluster_of(ssh=login_node)
    monkeypatch.setenv("SLURM_CONF", "/nowhere/slurm.conf")  # this machine alone could not
    wanted = job(["train", 20], ["result", "from afar"])
    eventually(lambda: reached(cluster))
    assert cluster.run(wanted) == "from afar"
    other = job(["sleep", 100], folder="a folder's name")
    cluster.submit(other)
    eventually(lambda: starts(other))
    cluster.cancel(other)
    assert (cluster.state(other), starts(other)) == ("lost", 1)
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))


def reached(cluster) -> bool:
    try:
        return cluster.commands.find("nothing") == []
    except Exception:
        time.sleep(0.2)
        return False


def test_a_login_node_that_does_not_answer_is_told(slurm, job):
    (port,) = free_ports(1)
    cluster = cluster_of(ssh={"host": "127.0.0.1", "options": ["-F", "none", "-p", str(port)]}, ask_s=0.05)
    with pytest.raises(JobLost, match=r"(?s)does not answer.*Connection refused"):
        cluster.run(job(["result", 1]))
