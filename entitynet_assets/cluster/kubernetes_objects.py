"""What Kubernetes is told of a job, and what its answers mean: values in, values out.

Belongs here: manifests (batch/v1 Job with a headless Service, kubeflow.org/v1 PyTorchJob) and their states. Does not belong here: asking
(kubernetes.py), the settings (cloud_settings.py).

Nodes find each other at the first one: `entitynet_train.remote` reads its own number from the environment (JOB_COMPLETION_INDEX of an
Indexed Job, RANK of a PyTorchJob) and the first node's name from MASTER_ADDR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entitynet_assets.cluster.cloud_settings import KubernetesSettings
from entitynet_assets.cluster.interface import Job, Standing

PORT = 29500
CONTAINER = "pytorch"  # the name by which the training operator knows the container that counts
PORT_NAME = "pytorchjob-port"  # and its port
LABEL = "entitynet/job"
SCRATCH = "/scratch"
KEPT_S = 86_400  # how long an ended job can be looked at in the cluster
NOT_OURS = 2  # exit code of a spec that cannot be run: trying again would say the same
API = {"job": "/apis/batch/v1", "pytorchjob": "/apis/kubeflow.org/v1"}
PLURAL = {"job": "jobs", "pytorchjob": "pytorchjobs"}


def job_manifest(job: Job, name: str, folder: str, settings: KubernetesSettings, grace_s: float) -> dict[str, Any]:
    """Return the manifest of a job named `name` whose nodes work in `folder` (a path or an s3:// address)."""
    nodes = settings.resources(job.kind).shape(job.processes)[0]
    template = _template(job, name, folder, settings, grace_s)
    if settings.operator == "pytorchjob":
        return _pytorch_job(name, template, settings, nodes)
    spec: dict[str, Any] = {
        "backoffLimit": settings.restarts * nodes,
        "ttlSecondsAfterFinished": KEPT_S,
        "podFailurePolicy": {"rules": _failure_rules(nodes)},
        "template": template,
    }
    if nodes > 1:
        spec |= {"completionMode": "Indexed", "completions": nodes, "parallelism": nodes}
        template["spec"]["subdomain"] = name
        template["spec"]["containers"][0]["env"].append({"name": "MASTER_ADDR", "value": f"{name}-0.{name}"})
    template["spec"]["restartPolicy"] = "Never"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(name, settings), "spec": spec}


def service_manifest(name: str, uid: str, settings: KubernetesSettings) -> dict[str, Any]:
    """Return the headless Service by which the nodes of a Job find each other; it is deleted with the Job of that uid."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**_metadata(name, settings), "ownerReferences": [owner]},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {LABEL: name},
            "ports": [{"name": "rendezvous", "port": PORT}],
        },
    }


def needs_service(job: Job, settings: KubernetesSettings) -> bool:
    """Say whether the nodes of a job need a Service of ours; the training operator makes its own."""
    return settings.operator == "job" and settings.resources(job.kind).shape(job.processes)[0] > 1


def standing_of(answer: Mapping[str, Any]) -> Standing:
    """Return where a Job or PyTorchJob stands, from its status.

    What has failed has used up its restarts or said no by itself, so asking again would not help; what succeeded without a result
    did not do its work.
    """
    status = answer.get("status", {})
    true = {one["type"]: one for one in status.get("conditions", []) if one.get("status") == "True"}
    if failed := true.get("Failed"):
        return Standing("lost", _words("failed", failed))
    if ended := true.get("Complete") or true.get("Succeeded") or true.get("SuccessCriteriaMet"):
        return Standing("lost", _words("ended well but without a result", ended))
    if "deletionTimestamp" in answer.get("metadata", {}):
        return Standing("running", "is being deleted")
    if suspended := true.get("Suspended"):
        return Standing("queued", _words("suspended", suspended))
    replicas = status.get("replicaStatuses", {}).values()
    active = status.get("active", 0) + sum(one.get("active", 0) for one in replicas)
    ready = status.get("ready", active)
    return (
        Standing("running") if active and ready else Standing("queued", "waits for its pods to be placed and started")
    )


def _words(what: str, condition: Mapping[str, Any]) -> str:
    details = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
    return f"{what}: {details}" if details else what


def _template(job: Job, name: str, folder: str, settings: KubernetesSettings, grace_s: float) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "memory", "emptyDir": {"medium": "Memory"}},
        {"name": "scratch", "emptyDir": {"sizeLimit": settings.scratch}},
    ]
    mounts = [{"name": "memory", "mountPath": "/dev/shm"}, {"name": "scratch", "mountPath": SCRATCH}]
    if settings.claim:
        volumes.append({"name": "lake", "persistentVolumeClaim": {"claimName": settings.claim}})
        mounts.append({"name": "lake", "mountPath": settings.mount})
    spec: dict[str, Any] = {
        "containers": [_container(job, folder, settings, mounts)],
        "volumes": volumes,
        "terminationGracePeriodSeconds": int(grace_s) + 30,
    }
    optional = {
        "serviceAccountName": settings.service_account,
        "nodeSelector": settings.node_selector,
        "tolerations": list(settings.tolerations),
    }
    spec |= {key: value for key, value in optional.items() if value}
    return {"metadata": {"labels": {**settings.labels, LABEL: name}}, "spec": _merged(spec, settings.pod)}


def _container(job: Job, folder: str, settings: KubernetesSettings, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    asked = settings.resources(job.kind)
    nodes, each = asked.shape(job.processes)
    limits: dict[str, str] = {"memory": asked.memory}
    if asked.gpus_per_process:
        limits[settings.gpu_resource] = str(asked.gpus_per_process * each)
    variables = {
        "OMP_NUM_THREADS": str(asked.cpus_per_process),
        "PYTHONUNBUFFERED": "1",
        "MASTER_PORT": str(PORT),
        **settings.environment,
    }
    container = {
        "name": CONTAINER,
        "image": settings.image,
        "command": remote_command(job, folder, nodes, each),
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "resources": {"limits": limits, "requests": {"cpu": str(asked.cpus_per_process * each), **limits}},
        "volumeMounts": mounts,
    }
    if settings.operator == "pytorchjob":
        container["env"] = [one for one in container["env"] if one["name"] != "MASTER_PORT"]  # the operator's
        container["ports"] = [{"name": PORT_NAME, "containerPort": PORT}]
    if settings.secrets:
        container["envFrom"] = [{"secretRef": {"name": one}} for one in settings.secrets]
    return container


def remote_command(job: Job, folder: str, nodes: int, each: int, scratch: str = SCRATCH) -> list[str]:
    """Return the command that every node runs."""
    shape = ["--nodes", str(nodes), "--processes-per-node", str(each)]
    return ["python", "-m", "entitynet_train.remote", "--module", job.module, "--folder", folder, *shape, "--scratch", scratch]  # fmt: skip


def _failure_rules(nodes: int) -> list[dict[str, Any]]:
    """Return what a pod's end means: a drained or lost node costs no restart, a job's own no ends it.

    On one node exit code 1 is the job's own word; of several, torchrun says 1 wherever a peer is lost.
    """
    own = [1, NOT_OURS] if nodes == 1 else [NOT_OURS]
    exits = {"containerName": CONTAINER, "operator": "In", "values": own}
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": exits},
    ]


def _pytorch_job(name: str, template: dict[str, Any], settings: KubernetesSettings, nodes: int) -> dict[str, Any]:
    """Return a PyTorchJob: one master, and workers where there are more nodes; a pod that ends badly is made again."""
    replica = {"replicas": 1, "restartPolicy": "OnFailure", "template": template}
    replicas = {"Master": replica}
    if nodes > 1:
        replicas["Worker"] = {**replica, "replicas": nodes - 1}
    policy = {"backoffLimit": settings.restarts * nodes, "cleanPodPolicy": "Running", "ttlSecondsAfterFinished": KEPT_S}
    spec = {"runPolicy": policy, "pytorchReplicaSpecs": replicas}
    return {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": _metadata(name, settings), "spec": spec}


def _metadata(name: str, settings: KubernetesSettings) -> dict[str, Any]:
    return {"name": name, "namespace": settings.namespace, "labels": {**settings.labels, LABEL: name}}


def _merged(ours: dict[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return ours with theirs laid over it: tables are merged, lists joined, anything else replaced."""
    merged = dict(ours)
    for key, value in theirs.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            merged[key] = _merged(mine, value)
        elif isinstance(mine, list) and isinstance(value, (list, tuple)):
            merged[key] = [*mine, *value]
        else:
            merged[key] = value
    return merged
