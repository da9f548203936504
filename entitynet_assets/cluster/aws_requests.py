"""What AWS Batch is told of a job, and what its answers mean: values in, values out.

Belongs here: job definitions, submissions, states. Does not belong here: asking (aws_batch.py), the settings (cloud_settings.py).

A job of one node is an ordinary job, one of several a multi-node parallel job: Batch takes the latter on no Spot instances.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.cluster.cloud_settings import AwsBatchSettings
from entitynet_assets.cluster.interface import Job, Standing
from entitynet_assets.cluster.kubernetes_objects import NOT_OURS, remote_command

ACTIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
SCRATCH = "/scratch"


def definition(job: Job, settings: AwsBatchSettings) -> dict[str, Any]:
    """Return the job definition for jobs of this shape, named by its own content."""
    nodes = settings.resources(job.kind).shape(job.processes)[0]
    container = _container(job, settings)
    facts: dict[str, Any] = {"type": "container", "containerProperties": container}
    if nodes > 1:
        if settings.instance_type:
            container["instanceType"] = settings.instance_type
        group = {"targetNodes": f"0:{nodes - 1}", "container": container}
        nodes_facts = {"numNodes": nodes, "mainNode": 0, "nodeRangeProperties": [group]}
        facts = {"type": "multinode", "nodeProperties": nodes_facts}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return {"jobDefinitionName": f"entitynet-{digest}", **facts}


def submission(job: Job, name: str, folder: str, definition: str, settings: AwsBatchSettings) -> dict[str, Any]:
    """Return the request that submits a job named `name` whose nodes work in `folder` (a path or an s3:// address)."""
    asked = settings.resources(job.kind)
    nodes, each = asked.shape(job.processes)
    variables = {"OMP_NUM_THREADS": str(asked.cpus_per_process), "PYTHONUNBUFFERED": "1", **settings.environment}
    overrides = {
        "command": remote_command(job, folder, nodes, each, SCRATCH if settings.scratch else "/tmp/scratch"),
        "environment": [{"name": key, "value": value} for key, value in variables.items()],
    }
    request: dict[str, Any] = {
        "jobName": name,
        "jobQueue": settings.queue,
        "jobDefinition": definition,
        "retryStrategy": {"attempts": settings.restarts + 1, "evaluateOnExit": _retries(nodes)},
        "tags": {"entitynet": name},
        "propagateTags": True,
    }
    if nodes == 1:
        return {**request, "containerOverrides": overrides}
    group = {"targetNodes": "0:", "containerOverrides": overrides}
    return {**request, "nodeOverrides": {"numNodes": nodes, "nodePropertyOverrides": [group]}}


def standing_of(answers: Sequence[Mapping[str, Any]]) -> Standing:
    """Return where a job stands, from the jobs that describe_jobs knows of its id: one or, days after its end, none.

    Batch has tried a failed job again as often as `restarts` says, so asking again would not help.
    """
    if not answers:
        return Standing("lost", "Batch no longer knows the job", passing=True)
    job = answers[0]
    status, tries = job["status"], len(job.get("attempts", []))
    words = ", ".join(filter(None, (status, job.get("statusReason"), f"attempt {tries + 1}" if tries else None)))
    if status == "RUNNING":
        return Standing("running", words if tries else "")
    if status in ACTIVE:
        return Standing("queued", words)
    container = job.get("container") or (job.get("attempts") or [{}])[-1].get("container", {})
    code = f"exit code {container['exitCode']}" if "exitCode" in container else None
    if status == "SUCCEEDED":
        return Standing("lost", "ended well but without a result")
    return Standing("lost", ", ".join(filter(None, ("FAILED", job.get("statusReason"), container.get("reason"), code))))


def log_stream(answers: Sequence[Mapping[str, Any]]) -> str:
    """Return the log stream of a job's newest attempt, empty before there is one."""
    for job in answers:
        attempts = [one.get("container", {}) for one in reversed(job.get("attempts", []))]
        for container in (job.get("container", {}), *attempts):
            if container.get("logStreamName"):
                return container["logStreamName"]
    return ""


def _retries(nodes: int) -> list[dict[str, str]]:
    """Return which ends are tried again: a taken instance always, a killed process on one node, a lost peer of several.

    On one node any other exit code is the job's own word; of several, torchrun says 1 wherever a peer is lost, and Batch looks at
    the first node alone. What no rule names is tried again.
    """
    taken = {"onStatusReason": "Host EC2*", "action": "RETRY"}
    full = {"onReason": "OutOfMemory*", "action": "EXIT"}
    if nodes > 1:
        return [taken, full, {"onExitCode": str(NOT_OURS), "action": "EXIT"}]
    killed = [{"onExitCode": code, "action": "RETRY"} for code in ("137", "143")]
    return [taken, full, *killed, {"onReason": "*", "action": "EXIT"}]


def _container(job: Job, settings: AwsBatchSettings) -> dict[str, Any]:
    asked = settings.resources(job.kind)
    each = asked.shape(job.processes)[1]
    needs = {"VCPU": asked.cpus_per_process * each, "MEMORY": asked.memory_mib(), "GPU": asked.gpus_per_process * each}
    container: dict[str, Any] = {
        "image": settings.image,
        "resourceRequirements": [{"type": kind, "value": str(value)} for kind, value in needs.items() if value],
        "linuxParameters": {"sharedMemorySize": settings.shared_memory},
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": settings.log_group}},
    }
    volumes, mounts = [], []
    if settings.file_system:
        efs = {"fileSystemId": settings.file_system, "transitEncryption": "ENABLED"}
        volumes.append({"name": "lake", "efsVolumeConfiguration": efs})
        mounts.append({"sourceVolume": "lake", "containerPath": settings.mount})
    if settings.scratch:
        volumes.append({"name": "scratch", "host": {"sourcePath": settings.scratch}})
        mounts.append({"sourceVolume": "scratch", "containerPath": SCRATCH})
    optional = {
        "jobRoleArn": settings.job_role,
        "executionRoleArn": settings.execution_role,
        "volumes": volumes,
        "mountPoints": mounts,
    }
    return {**container, **{key: value for key, value in optional.items() if value}}
