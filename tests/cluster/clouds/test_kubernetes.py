"""The Kubernetes door against a server that runs pods as processes; kubectl, the node's program and torchrun are real."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from entitynet_assets.cluster import Job, JobLost, LocalCluster, open_cluster
from entitynet_assets.cluster.cloud import Divided, job_name
from entitynet_assets.cluster.cloud_settings import KubernetesSettings
from entitynet_assets.cluster.kubernetes import KubernetesCluster
from entitynet_assets.cluster.settings import parse_settings


def settings(**changes) -> KubernetesSettings:
    mount = {} if "s3" in changes else {"claim": "lake", "mount": "/data"}
    return KubernetesSettings(
        **{"image": "i", **mount, "gpus_per_process": 0, "cpus_per_process": 1, "ask_s": 0.2, "lag_s": 0.2, **changes}
    )


def job(folder: Path, *steps: list, processes: int = 1) -> Job:
    return Job("tests.fakes.cloud_jobs", json.dumps({"steps": steps}), folder / "job", processes)


def eventually(holds: Callable[[], object]) -> None:
    for _ in range(1500):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_a_job_runs_in_a_pod_and_is_reported(kube, tmp_path: Path) -> None:
    heard: list = []
    cluster, wanted = (
        KubernetesCluster(settings(), 5),
        job(tmp_path, ["metric", '{"step": 1}\n'], ["result", {"answer": 42}]),
    )
    assert cluster.state(wanted) == "absent"
    assert cluster.run(wanted, heard.append) == {"answer": 42}
    assert cluster.state(wanted) == "finished"
    assert {"step": 1} in heard
    assert json.loads((wanted.folder / "job.json").read_text())["kubernetes"] == job_name(wanted)
    before = len(kube.requests)
    assert KubernetesCluster(settings(), 5).run(wanted) == {"answer": 42}
    assert "POST" not in {method for method, _ in kube.requests[before:]}


@pytest.mark.long
def test_two_nodes_make_one_torchrun(kube, tmp_path: Path) -> None:
    cluster = KubernetesCluster(settings(processes_per_node=1), 5)
    wanted = job(
        tmp_path, ["rank"], ["await", "rank-0-of-2"], ["await", "rank-1-of-2"], ["result", "both"], processes=2
    )
    assert cluster.run(wanted) == "both"
    assert ("POST", "/api/v1/namespaces/default/services") in kube.requests


def test_a_second_caller_finds_the_job(kube, tmp_path: Path) -> None:
    wanted = job(tmp_path, ["await", "go"], ["result", 1])
    KubernetesCluster(settings(), 5).submit(wanted)
    (wanted.folder / "job.json").unlink()  # as if the first caller had died before it could write
    second = KubernetesCluster(settings(), 5)
    got: list = []
    thread = threading.Thread(target=lambda: got.append(second.run(wanted)))
    thread.start()
    eventually(lambda: (wanted.folder / "job.json").exists())
    (wanted.folder / "go").touch()
    thread.join()
    assert got == [1]
    assert len((wanted.folder / "starts").read_text().split()) == 1


def test_a_killed_pod_is_made_again(kube, tmp_path: Path) -> None:
    wanted = job(tmp_path, ["kill_once", 1], ["result", "second try"])
    assert KubernetesCluster(settings(), 5).run(wanted) == "second try"
    assert len((wanted.folder / "starts").read_text().split()) == 2


def test_a_job_that_says_no_is_told_with_its_last_words_and_can_be_run_again(kube, tmp_path: Path) -> None:
    cluster = KubernetesCluster(settings(), 5)
    wanted = job(tmp_path, ["say", "loss is nan at step 7"], ["touch", "told"], ["exit", 1])
    with pytest.raises(JobLost, match="loss is nan at step 7") as found:
        cluster.run(wanted)
    assert "failed: PodFailurePolicy" in str(found.value)
    assert "loss is nan" in (wanted.folder / "log.txt").read_text()
    assert cluster.state(wanted) == "lost"
    mended = Job(wanted.module, json.dumps({"steps": [["result", "mended"]]}), wanted.folder)
    assert cluster.run(mended) == "mended"


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.long)])
def test_cancel_ends_the_pods_and_forgets_the_job(kube, tmp_path: Path, processes: int) -> None:
    cluster = KubernetesCluster(settings(processes_per_node=1), 20)
    wanted = job(tmp_path, ["touch", "began"], ["sleep", 120], processes=processes)
    cluster.submit(wanted)
    eventually(lambda: (wanted.folder / "began").exists())
    pids = [pod.process.pid for pod in kube.pods[job_name(wanted)]]
    cluster.cancel(wanted)
    assert not kube.objects, "the Job and its Service are gone"
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert cluster.state(wanted) == "lost"
    cluster.cancel(wanted)  # again: harmless


def test_an_interrupted_caller_cancels(kube, tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    wanted = job(tmp_path, ["metric", '{"step": 1}\n'], ["sleep", 120])
    with pytest.raises(KeyboardInterrupt):
        KubernetesCluster(settings(), 10).run(wanted, interrupt)
    assert not kube.objects


def test_a_server_that_does_not_answer_for_a_while_is_waited_for(kube, tmp_path: Path) -> None:
    heard: list = []
    cluster, wanted = KubernetesCluster(settings(), 5), job(tmp_path, ["await", "go"], ["result", 1])
    cluster.submit(wanted)
    kube.refuse["/" + job_name(wanted)] = 500

    def watch(line: dict) -> None:
        heard.append(line)
        if "no answer" in line.get("cluster", ""):
            kube.refuse.clear()
            (wanted.folder / "go").touch()

    assert cluster.run(wanted, watch) == 1
    assert any("no answer" in line.get("cluster", "") for line in heard)


def test_a_refusal_is_told(kube, tmp_path: Path) -> None:
    kube.refuse["/jobs"] = 403
    with pytest.raises(JobLost, match="is forbidden"):
        KubernetesCluster(settings(), 5).run(job(tmp_path, ["result", 1]))


def test_files_travel_through_a_bucket(kube, s3, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    (root / "shards").mkdir(parents=True)
    (root / "shards" / "a.tar").write_bytes(b"pictures")
    steps = [["metric", '{"step": 1}\n'], ["copy", "shards/a.tar", "export/weights"], ["result", {"export": "export"}]]
    spec = {"steps": steps, "data": {"root": str(root), "shards": [{"tar": "shards/a.tar"}]}}
    folder = root / "jobs" / "train" / "r"
    wanted, heard = Job("tests.fakes.cloud_jobs", json.dumps(spec), folder), []
    cluster = KubernetesCluster(settings(s3="s3://bucket/project"), 5)
    assert cluster.run(wanted, heard.append) == {"export": "export"}
    assert (folder / "export" / "weights").read_bytes() == b"pictures"
    assert {"step": 1} in heard
    assert json.loads((folder / "spec.json").read_text()) == spec, "the spec of this machine keeps its paths"
    keys = {one["Key"] for one in s3.list_objects_v2(Bucket="bucket", Prefix="project/inputs")["Contents"]}
    assert keys == {f"project/inputs{root}/shards/a.tar"}


def test_a_bucket_that_is_not_there_is_told(kube, s3, tmp_path: Path) -> None:
    with pytest.raises(JobLost, match=r"NoSuchBucket|does not exist|not found"):
        KubernetesCluster(settings(s3="s3://nowhere/x"), 5).run(job(tmp_path, ["result", 1]))


def test_with_a_bucket_only_training_goes_away(tmp_path: Path) -> None:
    table = {"image": "i", "s3": "s3://bucket/x"}
    cluster = open_cluster(parse_settings({"kind": "kubernetes", "kubernetes": table}, "cluster.toml"))
    assert isinstance(cluster, Divided)
    assert isinstance(cluster._of(Job("entitynet_train.train", "{}", tmp_path)), KubernetesCluster)
    assert isinstance(cluster._of(Job("entitynet_train.evaluate", "{}", tmp_path)), LocalCluster)
    mounted = {"image": "i", "claim": "lake", "mount": "/data"}
    whole = open_cluster(parse_settings({"kind": "kubernetes", "kubernetes": mounted}, "cluster.toml"))
    assert isinstance(whole, KubernetesCluster)


def test_a_greeting_says_who_answers_and_what_is_forbidden(kube) -> None:
    cluster = KubernetesCluster(settings(), 5)
    assert cluster.greeting() == "Kubernetes v1.32.4 answers, jobs may be created in namespace default"
    kube.may_create = False
    with pytest.raises(JobLost, match="jobs may not be created in default: ask for a role"):
        cluster.greeting()
    with pytest.raises(JobLost, match="no no-kubectl here: install kubectl"):
        KubernetesCluster(settings(kubectl="no-kubectl"), 5).greeting()
