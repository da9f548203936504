"""What Kubernetes is told of a job: manifests against the published schemas; settings that cannot be used."""

from __future__ import annotations

from pathlib import Path

import kubernetes_validate
import pytest

from entitynet_assets.cluster import Job, JobLost
from entitynet_assets.cluster.cloud import job_name
from entitynet_assets.cluster.cloud_settings import KubernetesSettings
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
        ({}, "kubernetes: found no image"),
        ({"image": "i"}, "allowed: a claim and its mount, or s3 alone"),
        ({"image": "i", "claim": "lake"}, "found claim 'lake', mount ''"),
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
