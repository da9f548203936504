"""Settings of which each kind of job may have its own: what it leaves out is said by the rest of the table."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, field_validator, model_validator

JOB_KINDS = ("train", "evaluate", "embed", "floor", "classify")


class ByKind(BaseModel):
    """A table with `jobs`, by kind of job; the class that inherits declares it, and `shared` is the model whose keys they share."""

    shared: ClassVar[type[BaseModel]]

    @model_validator(mode="before")
    @classmethod
    def _inherited(cls, raw: Any) -> Any:
        """Let each kind of job say only what differs from the rest."""
        jobs = raw.get("jobs") if isinstance(raw, dict) else None
        if not isinstance(jobs, dict):
            return raw
        rest = {key: value for key, value in raw.items() if key in cls.shared.model_fields}
        return {**raw, "jobs": {k: {**rest, **v} if isinstance(v, dict) else v for k, v in jobs.items()}}

    @field_validator("jobs", check_fields=False)
    @classmethod
    def _kinds(cls, value: dict[str, Any]) -> dict[str, Any]:
        for kind in value:
            if kind not in JOB_KINDS:
                raise ValueError(f"found {kind!r}; allowed: {', '.join(JOB_KINDS)}")
        return value
