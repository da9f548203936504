"""The tables `kubernetes` and `aws_batch` of the cluster's settings file.

Belongs here: keys, defaults, what is wrong with a value. Does not belong here: the file and its messages (settings.py), what becomes
of a job (kubernetes.py, aws_batch.py). No key, token or password has a place here: clusters know the caller by role or login.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from entitynet_assets.cluster.by_kind import ByKind
from entitynet_assets.cluster.interface import JobLost

BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s]+)*")
SIZE = re.compile(r"\d+(\.\d+)?(Mi|Gi|Ti|M|G|T)?")


class _Table(BaseModel):
    """A part of the settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeResources(_Table):
    """What one node of a job gives: every process `gpus_per_process` and `cpus_per_process`; `memory` (as 64Gi) is by node.

    A job of P processes takes ceil(P / processes_per_node) nodes, in equal shares; 0 is all on one node.
    """

    processes_per_node: int = Field(default=0, ge=0)
    gpus_per_process: int = Field(default=1, ge=0)
    cpus_per_process: int = Field(default=4, ge=1)
    memory: str = "16Gi"

    @field_validator("memory")
    @classmethod
    def _memory(cls, value: str) -> str:
        if not SIZE.fullmatch(value):
            raise ValueError(f"found {value!r}; allowed: a number with Mi, Gi, Ti, M, G or T, such as 64Gi")
        return value

    def shape(self, processes: int) -> tuple[int, int]:
        """Return (nodes, processes on each). Raises JobLost if they cannot be shared out evenly."""
        each = min(self.processes_per_node or processes, processes)
        nodes = -(-processes // each)
        if processes % nodes:
            raise JobLost(
                f"processes_per_node: found {self.processes_per_node} for a job of {processes} processes; "
                f"allowed: a divisor of {processes}, or a recipe with another world_size"
            )
        return nodes, processes // nodes

    def memory_mib(self) -> int:
        """Return `memory` in MiB."""
        number, unit = re.fullmatch(r"([\d.]+)(\w*)", self.memory).groups()  # pyright: ignore[reportOptionalMemberAccess]
        sizes = {"": 1, "M": 1e6, "G": 1e9, "T": 1e12, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
        return int(float(number) * sizes[unit] / 2**20)


class CloudSettings(ByKind, NodeResources):
    """What both clouds are told: the image, the files, who may do what.

    `image` has this package with its `train` extra. Files: without `s3`, nodes see the lake under the same path as this machine; with
    `s3` (s3://bucket/prefix), inputs and results of training are copied through the bucket, and all other jobs run on this machine.
    `restarts` is how often a job whose node was lost or whose processes were killed begins again from its newest checkpoint.
    `ask_s` lies between two questions to the cluster, `lag_s` is what a shared file system may take to show a file.
    """

    shared = NodeResources

    image: str = ""
    s3: str = ""
    restarts: int = Field(default=3, ge=0, le=9)
    ask_s: float = Field(default=10.0, gt=0)
    lag_s: float = Field(default=5.0, ge=0)
    environment: dict[str, str] = {}
    jobs: dict[str, NodeResources] = {}

    @field_validator("s3")
    @classmethod
    def _bucket(cls, value: str) -> str:
        if value and not BUCKET.fullmatch(value):
            raise ValueError(f"found {value!r}; allowed: s3://bucket/prefix without a slash at the end")
        return value

    @field_validator("environment")
    @classmethod
    def _no_secrets(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if re.search(r"SECRET|PASSWORD|TOKEN|_KEY", name.upper()):
                raise ValueError(f"found {name!r}, which sounds secret; give it by a role, or by the name of a secret")
        return value

    def resources(self, kind: str) -> NodeResources:
        """Return what a node of a job of this kind gives."""
        return self.jobs.get(kind, self)


class KubernetesSettings(CloudSettings):
    """Jobs as Kubernetes objects, through kubectl and the login it has (`context`, else its current one).

    `operator` is `job` (batch/v1, in every cluster) or `pytorchjob` (Kubeflow's training operator, v1). `claim` names the
    PersistentVolumeClaim that holds the lake, `mount` the path at which it is mounted. `secrets` names Secrets whose entries become
    environment variables; their values never pass through here. `pod` is merged into the pod's spec, as Kubernetes spells it.
    `scratch` is the room on a node's disk for copies from S3.
    """

    operator: Literal["job", "pytorchjob"] = "job"
    namespace: str = "default"
    kubectl: str = "kubectl"
    context: str = ""
    claim: str = ""
    mount: str = ""
    service_account: str = ""
    secrets: tuple[str, ...] = ()
    gpu_resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    labels: dict[str, str] = {}
    pod: dict[str, Any] = {}
    scratch: str = "100Gi"
    commands_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> KubernetesSettings:
        if not self.image:
            raise ValueError("found no image; name a container image that has entitynet with its train extra")
        if bool(self.claim) == bool(self.s3) or bool(self.claim) != bool(self.mount):
            raise ValueError(
                f"found claim {self.claim!r}, mount {self.mount!r}, s3 {self.s3!r}; allowed: a claim and its mount, or s3 alone"
            )
        return self


class AwsBatchSettings(CloudSettings):
    """Jobs through AWS Batch, by the credentials that boto3 finds (a role, or `profile`).

    `job_definition` (NAME or NAME:REVISION) is used as it is; without it one is made of `image`, `job_role`, `execution_role`,
    `instance_type` and what a node gives, and registered once. `instance_type` is for jobs of several nodes (where it is
    empty Batch chooses from the queue's). `file_system` is an EFS that holds the lake, mounted at `mount`. `scratch` is a folder
    of the instance (its NVMe) for copies from S3.
    """

    queue: str = ""
    region: str = ""
    profile: str = ""
    job_definition: str = ""
    job_role: str = ""
    execution_role: str = ""
    instance_type: str = ""
    file_system: str = ""
    mount: str = ""
    scratch: str = ""
    log_group: str = "/aws/batch/job"
    shared_memory: int = Field(default=16_384, ge=64)

    @model_validator(mode="after")
    def _whole(self) -> AwsBatchSettings:
        if not self.queue:
            raise ValueError("found no queue; name a job queue")
        if bool(self.image) == bool(self.job_definition):
            raise ValueError(
                f"found image {self.image!r}, job_definition {self.job_definition!r}; allowed: one of them"
            )
        if bool(self.file_system) != bool(self.mount):
            raise ValueError(f"found file_system {self.file_system!r}, mount {self.mount!r}; allowed: both or neither")
        if not self.s3 and not self.mount and not self.job_definition:
            raise ValueError("found neither s3 nor file_system; name one, so that nodes get their files")
        if self.s3 and self.mount:
            raise ValueError("found both s3 and file_system; name one of them")
        return self
