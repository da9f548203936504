"""Where jobs run, as a TOML file that ENTITYNET_CLUSTER names. It is no part of any result's identity.

Belongs here: keys, defaults, and the message for each that is wrong. Does not belong here: what a cluster makes of them.
Without the file jobs run on this machine. `kind` chooses; the table of that name has the rest:

    kind = "slurm"

    [slurm]
    partition = "gpu"
    time = "24:00:00"
    processes_per_node = 4
    gres = "gpu:a100"

    [slurm.jobs.evaluate]
    time = "01:00:00"
"""

from __future__ import annotations

import os
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from entitynet_assets.cluster.by_kind import JOB_KINDS, ByKind
from entitynet_assets.cluster.cloud_settings import AwsBatchSettings, KubernetesSettings
from entitynet_assets.studies.models import StudyError

ENVIRONMENT = "ENTITYNET_CLUSTER"
# What the platform says of each job itself; a directive that said otherwise would lose the job or its log.
_OWN = (
    "job-name",
    "output",
    "error",
    "open-mode",
    "requeue",
    "no-requeue",
    "signal",
    "array",
    "wrap",
    "parsable",
    "chdir",
    "wait",
    "hold",
)
_OWN_SHORT = {"J": "job-name", "o": "output", "e": "error", "a": "array", "D": "chdir", "W": "wait", "H": "hold"}
_TIME = re.compile(r"\d+|\d+:\d\d|\d+:\d\d:\d\d|\d+-\d+(:\d\d){0,2}")


class ClusterSettingsError(StudyError):
    """A settings file that cannot be used: one line per fault, each with the key's path, what was found, what is allowed."""


class Settings(BaseModel):
    """A part of the settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Apptainer(Settings):
    """The image that a job's processes run in, and the options of `apptainer exec` (--nv for NVIDIA GPUs, --bind for folders)."""

    image: str
    options: tuple[str, ...] = ("--nv",)
    command: str = "apptainer"


class SlurmResources(Settings):
    """What a Slurm job asks for. Empty and 0 leave it to the site's defaults.

    A job of P processes takes ceil(P / processes_per_node) nodes, in equal shares; 0 is all on one node. `gres` is the
    name of a generic resource of which each process gets one (`gpu`, `gpu:a100`). `memory` is by node. `directives` are further
    options of sbatch, one a line, as after #SBATCH.
    """

    account: str = ""
    qos: str = ""
    partition: str = ""
    time: str = ""
    processes_per_node: int = Field(default=0, ge=0)
    cpus_per_process: int = Field(default=0, ge=0)
    gres: str = ""
    memory: str = ""
    directives: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()  # lines of the shell, before the job: module load, source .../activate
    python: str = ""  # the interpreter that has entitynet_train; default the platform's own
    apptainer: Apptainer | None = None

    @field_validator("time")
    @classmethod
    def _time(cls, value: str) -> str:
        if value and not _TIME.fullmatch(value):
            raise ValueError(f"found {value!r}; allowed: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS")
        return value

    @field_validator("directives")
    @classmethod
    def _directives(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for line in value:
            found = re.match(r"--([a-z][a-z0-9-]*)|-([A-Za-z])", line)
            if not found or "\n" in line:
                raise ValueError(f"found {line!r}; allowed: one option of sbatch, such as '--constraint=a100'")
            name = found[1] or _OWN_SHORT.get(found[2], "")
            if name in _OWN:
                raise ValueError(
                    f"found {line!r}, which the platform sets itself; use `requeue`, `warn_s`, or leave it out"
                )
        return value


class Ssh(Settings):
    """A login node whose sbatch is used. It and the compute nodes see the lake under the same path as this machine."""

    host: str
    options: tuple[str, ...] = ()


class SlurmSettings(ByKind, SlurmResources):
    """Jobs through sbatch, on this machine or over SSH.

    `requeue` lets Slurm start a job again that lost its node or was preempted, and lets a job whose time is up queue itself again after a
    checkpoint; without it the platform submits anew. `warn_s` is how long before the end of its time a job is told, `chain` how
    often it may be requeued. `offline` says that compute nodes have no internet. `ask_s` lies between two questions to the
    controller, `lag_s` is what the shared file system may take to show a file.
    `pass_environment` names variables that jobs get with the values they have here; the values are written into the job's folder.
    """

    shared = SlurmResources

    jobs: dict[str, SlurmResources] = {}
    ssh: Ssh | None = None
    requeue: bool = True
    warn_s: int = Field(default=120, ge=1, le=65535)
    chain: int = Field(default=100, ge=0)
    offline: bool = False
    ask_s: float = Field(default=10.0, gt=0)
    lag_s: float = Field(default=5.0, ge=0)
    commands_s: float = Field(default=60.0, gt=0)
    pass_environment: tuple[str, ...] = ("PYTHONPATH", "OMP_NUM_THREADS")

    def resources(self, kind: str) -> SlurmResources:
        """Return what a job of this kind asks for."""
        return self.jobs.get(kind, self)


class ClusterSettings(Settings):
    """The file: which kind of cluster, and its table. `grace_s` is how long a cancelled job may take to save a checkpoint."""

    kind: Literal["local", "slurm", "kubernetes", "aws_batch"] = "local"
    grace_s: float = Field(default=30.0, ge=0)
    slurm: SlurmSettings | None = None
    kubernetes: KubernetesSettings | None = None
    aws_batch: AwsBatchSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_table(cls, raw: Any) -> Any:
        """Give the chosen kind its defaults where the file has no table for it."""
        kind = raw.get("kind") if isinstance(raw, dict) else None
        return {**raw, kind: raw.get(kind, {})} if kind in cls.model_fields and kind != "kind" else raw


def cluster_settings() -> ClusterSettings:
    """Return the settings of the file that ENTITYNET_CLUSTER names, or this machine's. Raises ClusterSettingsError."""
    named = os.environ.get(ENVIRONMENT)
    if not named:
        return ClusterSettings()
    path = Path(named)
    try:
        raw = tomllib.loads(path.read_text())
    except OSError as error:
        raise ClusterSettingsError(
            f"{ENVIRONMENT}: {path}: {error.strerror}; name a TOML file, or unset it to run jobs on this machine"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClusterSettingsError(f"{path.name}: not TOML: {error}") from error
    return parse_settings(raw, path.name)


def parse_settings(raw: dict[str, Any], where: str) -> ClusterSettings:
    """Return the settings of a parsed TOML. Raises ClusterSettingsError with one line per fault."""
    try:
        return ClusterSettings.model_validate(raw)
    except ValidationError as error:
        raise ClusterSettingsError("\n".join(_fault(where, fault) for fault in error.errors())) from error


def _fault(where: str, fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _keys_at(fault["loc"][:-1])
        near = get_close_matches(str(fault["loc"][-1]), known, 1)
        return f"{where}: {path}: unknown key; allowed here: {', '.join(known)}" + (
            f" (did you mean {near[0]}?)" if near else ""
        )
    if fault["type"] == "missing":
        return f"{where}: {path}: missing; add it"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {path}: {said}" + ("" if said.startswith("found") else f"; found {fault['input']!r}")


def _keys_at(path: tuple[Any, ...]) -> list[str]:
    """Return the keys that the table at a path may have."""
    model: type[BaseModel] = ClusterSettings
    for part in path:
        if part in JOB_KINDS:
            continue  # `jobs` has led to what each of them may say
        found = model.model_fields.get(str(part))
        kinds = [one for one in getattr(found and found.annotation, "__args__", ()) if isinstance(one, type)]
        model = next((one for one in kinds if issubclass(one, BaseModel)), model)
    return list(model.model_fields)
