"""Kubernetes: manifests against the published schemas, the door against a server that runs pods as processes.

No real cluster was asked. kubectl, the node's program and torchrun are real.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import kubernetes_validate
import pytest

from entitynet_assets.cluster import Job, JobLost, LocalCluster, open_cluster
from entitynet_assets.cluster.cloud import Divided, job_name
from entitynet_assets.cluster.cloud_settings import KubernetesSettings
from entitynet_assets.cluster.kubernetes import KubernetesCluster
from entitynet_assets.cluster.kubernetes_objects import job_manifest, service_manifest, standing_of
from entitynet_assets.cluster.settings import ClusterSettingsError, parse_settings

FULL = {
    "image": "registry.test/train:1", "namespace": "training", "claim": "lake", "mount": "/data", "processes_per_node": 8,
    "cpus_per_process": 6, "memory": "800Gi", "service_account": "trainer", "secrets": ["tokens"],
    "node_selector": {"gpu": "h200"}, "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "labels": {"team": "vision"}, "environment": {"NCCL_DEBUG": "WARN"}, "restarts": 2,
    "pod": {"priorityClassName": "batch", "imagePullSecrets": [{"name": "registry"}], "hostIPC": True},
}  # fmt: skip


def made(processes: int, **changes) -> dict:
    settings = KubernetesSettings(**{**FULL, **changes})
    wanted = Job("entitynet_train.train", "{}", Path("/data/study/lake/jobs/train/b16-0123456789ab"), processes)
    return job_manifest(wanted, job_name(wanted), str(wanted.folder), settings, grace_s=90)


@pytest.mark.parametrize("version", ["1.32", "1.37"])
@pytest.mark.parametrize("processes", [1, 8, 32])
def test_a_job_is_as_the_published_schema_says(processes: int, version: str) -> None:
    manifest = made(processes)
    kubernetes_validate.validate(manifest, version, strict=True)
    kubernetes_validate.validate(service_manifest("n", "u", KubernetesSettings(**FULL)), version, strict=True)
    template = made(processes, operator="pytorchjob")["spec"]["pytorchReplicaSpecs"]["Master"]["template"]
    as_pod = {"apiVersion": "v1", "kind": "Pod", **template}
    kubernetes_validate.validate(as_pod, version, strict=True)


def test_the_schema_refuses_what_is_misspelt() -> None:
    manifest = made(8)
    manifest["spec"]["template"]["spec"]["nodeSelectors"] = {"gpu": "h200"}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_a_job_of_several_nodes_meets_at_its_first_one() -> None:
    manifest = made(32)
    spec, pod = manifest["spec"], manifest["spec"]["template"]["spec"]
    name = manifest["metadata"]["name"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    variables = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert variables["MASTER_ADDR"] == f"{name}-0.{name}"
    assert pod["subdomain"] == name
    service = service_manifest(name, "uid", KubernetesSettings(**FULL))
    assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    assert pod["containers"][0]["command"][-6:-2] == ["--nodes", "4", "--processes-per-node", "8"]
    limits = pod["containers"][0]["resources"]
    assert limits["limits"] == {"memory": "800Gi", "nvidia.com/gpu": "8"}
    assert limits["requests"]["cpu"] == "48"


def test_what_a_user_says_of_pods_is_in_them() -> None:
    pod = made(8)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpu": "h200"}
    assert pod["tolerations"] == FULL["tolerations"]
    assert (pod["serviceAccountName"], pod["priorityClassName"], pod["hostIPC"]) == ("trainer", "batch", True)
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "tokens"}}]
    assert pod["terminationGracePeriodSeconds"] == 120
    assert pod["restartPolicy"] == "Never"
    assert {"name": "lake", "mountPath": "/data"} in pod["containers"][0]["volumeMounts"]


def test_a_lost_node_costs_no_restart_and_a_bad_spec_ends_the_job() -> None:
    one, several = made(8)["spec"], made(16)["spec"]
    for spec in (one, several):
        ignored, own = spec["podFailurePolicy"]["rules"]
        assert ignored == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        assert own["action"] == "FailJob"
    assert one["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"] == [1, 2]
    assert several["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"] == [2]
    assert (one["backoffLimit"], several["backoffLimit"]) == (2, 4)


def test_a_pytorch_job_has_a_master_and_workers() -> None:
    manifest = made(32, operator="pytorchjob")
    assert (manifest["apiVersion"], manifest["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    replicas = manifest["spec"]["pytorchReplicaSpecs"]
    assert {name: one["replicas"] for name, one in replicas.items()} == {"Master": 1, "Worker": 3}
    container = replicas["Worker"]["template"]["spec"]["containers"][0]
    assert (container["name"], container["ports"][0]["name"]) == ("pytorch", "pytorchjob-port")
    assert not {"MASTER_ADDR", "MASTER_PORT", "RANK"} & {one["name"] for one in container["env"]}
    assert set(made(8, operator="pytorchjob")["spec"]["pytorchReplicaSpecs"]) == {"Master"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "queued"),
        ({"active": 2, "ready": 0}, "queued"),
        ({"active": 2, "ready": 2}, "running"),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, "queued"),
        ({"conditions": [{"type": "Failed", "status": "False"}], "active": 1}, "running"),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, "lost"),
        ({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}, "lost"),
        ({"replicaStatuses": {"Master": {"active": 1}, "Worker": {"active": 3}}}, "running"),
        ({"conditions": [{"type": "Succeeded", "status": "True"}], "replicaStatuses": {"Master": {"succeeded": 1}}}, "lost"),
    ],
)  # fmt: skip
def test_where_a_job_stands(status: dict, expected: str) -> None:
    assert standing_of({"metadata": {}, "status": status}).state == expected


def test_names_are_short_and_differ_by_folder() -> None:
    folders = [
        Path("/data/a/lake/jobs/train/ViT-B-16_" + "x" * 80),
        Path("/data/b/lake/jobs/train/ViT-B-16_" + "x" * 80),
    ]
    names = [job_name(Job("entitynet_train.train", "{}", folder)) for folder in folders]
    assert len(set(names)) == 2
    for name in names:
        assert len(name) <= 52
        assert name.startswith("entitynet-train-vit-b-16")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "image: missing"),
        ({"image": "i"}, "claim, mount, s3: name a claim"),
        ({"image": "i", "claim": "lake"}, "claim, mount, s3"),
        ({"image": "i", "s3": "bucket/x"}, "kubernetes.s3: found 'bucket/x'; allowed: s3://bucket/prefix"),
        ({"image": "i", "s3": "s3://bucket", "memory": "lots"}, "kubernetes.memory: found 'lots'"),
        ({"image": "i", "s3": "s3://bucket", "environment": {"HF_TOKEN": "x"}}, "found 'HF_TOKEN', which sounds secret"),
        ({"image": "i", "s3": "s3://bucket", "jobs": {"trian": {}}}, "found 'trian'; allowed: train"),
        ({"image": "i", "s3": "s3://bucket", "jobs": {"train": {"memry": "1Gi"}}}, "did you mean memory?"),
        ({"image": "i", "s3": "s3://bucket", "claims": "x"}, "did you mean claim?"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_named(table: dict, words: str) -> None:
    with pytest.raises(ClusterSettingsError, match=r"cluster\.toml") as found:
        parse_settings({"kind": "kubernetes", "kubernetes": table}, "cluster.toml")
    assert words in str(found.value)


def test_processes_that_no_nodes_share_evenly_are_refused() -> None:
    with pytest.raises(JobLost, match="processes_per_node: found 4 for a job of 7 processes"):
        made(7, processes_per_node=4)


# -- the door ----------------------------------------------------------------------------------------------------------


def settings(**changes) -> KubernetesSettings:
    mount = {} if "s3" in changes else {"claim": "lake", "mount": "/data"}
    return KubernetesSettings(
        **{"image": "i", **mount, "gpus_per_process": 0, "cpus_per_process": 1, "ask_s": 0.2, "lag_s": 0.2, **changes}
    )


def job(folder: Path, *steps: list, processes: int = 1) -> Job:
    return Job("tests.fakes.jobs", json.dumps({"steps": steps}), folder / "job", processes)


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
    wanted, heard = Job("tests.fakes.jobs", json.dumps(spec), folder), []
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
