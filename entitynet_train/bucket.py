"""A job's files in a bucket: fetched before it starts, brought back while it runs and when it has ended.

Belongs here: which file is copied when, so that what is in the bucket is whole at any moment. Does not belong here: running a job
(remote.py), what puts inputs there (the platform).

Under s3://bucket/prefix/jobs/NAME lie spec.json and inputs.json (a list of keys, from the bucket's root) for the node, and
metrics.jsonl, checkpoints/, export/ and, last, result.json from it. A text of the spec that begins with s3://bucket/ and
names an input, or a folder of some, becomes its copy's path.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entitynet_train.spec import SpecError

RESULT, METRICS, SPEC, INPUTS = "result.json", "metrics.jsonl", "spec.json", "inputs.json"
OURS = {SPEC, INPUTS, "job.json", "lock", "log.txt"}  # of the platform, or of this node alone


class JobFiles:
    """The files of one job: `address` (s3://bucket/key) is its folder, copies lie under `scratch`."""

    def __init__(self, address: str, scratch: Path) -> None:
        import boto3  # here, so that a job in a shared folder needs no boto3

        self.bucket, _, self.key = address.removeprefix("s3://").partition("/")
        self.scratch, self.folder = scratch, scratch / "job"
        self._s3: Any = boto3.client("s3")
        self._brought: dict[Path, tuple[int, int]] = {}

    def fetch(self) -> Path:
        """Fetch spec, inputs, whole checkpoints and metrics; return the local folder. Raises SpecError if the spec is not there."""
        keys = {key.removeprefix(f"{self.key}/"): size for key, size in self._list(f"{self.key}/")}
        missing = {SPEC, INPUTS} - set(keys)
        if missing:
            raise SpecError(
                f"s3://{self.bucket}/{self.key}: no {' and no '.join(sorted(missing))}; allowed: a folder that the platform "
                "has written, in a bucket that this node's role may read"
            )
        whole = {
            name.rsplit("/", 1)[0] for name in keys if name.startswith("checkpoints/") and name.endswith("/complete")
        }
        for name in keys:
            if name in (SPEC, INPUTS, METRICS) or name.rsplit("/", 1)[0] in whole:
                self._get(f"{self.key}/{name}", self.folder / name)
        for key in json.loads((self.folder / INPUTS).read_text()):
            self._get(key, self.scratch / "inputs" / key)
        spec = json.loads((self.folder / SPEC).read_text())
        (self.folder / SPEC).write_text(json.dumps(self._localised(spec)))
        return self.folder

    def bring_progress(self) -> None:
        """Upload the metrics and each whole checkpoint; a bucket that does not answer is no reason to stop a job."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._bring_checkpoints()
        except (Boto3Error, BotoCoreError, ClientError) as error:
            print(f"s3://{self.bucket}/{self.key}: not uploaded yet: {error}", file=sys.stderr, flush=True)

    def bring_all(self) -> None:
        """Upload all that the job wrote, result.json last. Raises boto3's errors if the bucket does not answer even now."""
        self._bring_checkpoints()
        for path in sorted(_files(self.folder), key=lambda path: path.name == RESULT):
            inside = path.relative_to(self.folder).parts
            if (
                inside[0] not in OURS
                and inside[0] != "checkpoints"
                and not any(part.startswith(".") for part in inside)
            ):
                self._put(path)

    def _bring_checkpoints(self) -> None:
        """Upload each whole checkpoint and the metrics, and remove the checkpoints that are gone here."""
        root = self.folder / "checkpoints"
        whole = [mark.parent for mark in sorted(root.glob("*/complete")) if not mark.parent.name.startswith(".")]
        for folder in whole:
            for path in sorted(_files(folder), key=lambda path: path.name == "complete"):
                self._put(path)
        if whole:
            kept = {folder.name for folder in whole}
            old = [k for k, _ in self._list(f"{self.key}/checkpoints/") if k.split("/")[-2] not in kept]
            for key in sorted(
                old, key=lambda key: not key.endswith("/complete")
            ):  # the mark first: never half a whole one
                self._s3.delete_object(Bucket=self.bucket, Key=key)
        if (self.folder / METRICS).exists():
            self._put(self.folder / METRICS)

    def _localised(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._localised(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._localised(item) for item in value]
        start = f"s3://{self.bucket}/"
        copy = self.scratch / "inputs" / value.removeprefix(start) if isinstance(value, str) else self.scratch
        return str(copy) if isinstance(value, str) and value.startswith(start) and copy.exists() else value

    def _list(self, prefix: str) -> Iterator[tuple[str, int]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from ((one["Key"], one["Size"]) for one in page.get("Contents", []))

    def _get(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._s3.download_file(self.bucket, key, str(path))

    def _put(self, path: Path) -> None:
        facts = path.stat()
        stamp = (facts.st_size, facts.st_mtime_ns)
        if self._brought.get(path) != stamp:
            self._s3.upload_file(str(path), self.bucket, f"{self.key}/{path.relative_to(self.folder).as_posix()}")
            self._brought[path] = stamp


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
