"""The platform's side of a job's files in a bucket: inputs and spec up, metrics and results down.

Belongs here: which files a spec names, and what is copied when. Does not belong here: the node's side (entitynet_train/bucket.py, which has
the layout), jobs whose pictures only a table names: they run where the lake is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entitynet_assets.cluster.interface import Job, JobLost
from entitynet_assets.files import write_atomic

COPIED = frozenset({"train"})  # kinds of jobs whose inputs their specs name, file by file
RESULT, METRICS = "result.json", "metrics.jsonl"


class Unanswered(Exception):  # noqa: N818 - the name says what happened
    """A cloud or its bucket that could not be asked just now: what it was asked, what came instead."""


class Bucket:
    """Copies of jobs' files under s3://bucket/prefix.

    By the credentials that boto3 finds, of `profile` if one is named; AWS_ENDPOINT_URL_S3 names another server than Amazon's.
    """

    def __init__(self, root: str, profile: str = "") -> None:
        self.profile = profile
        self.bucket, _, prefix = root.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self._client: Any = None
        self._fetched: dict[Path, str] = {}

    def address(self, name: str) -> str:
        """Return the address of a job's folder."""
        return f"s3://{self.bucket}/{self.prefix}jobs/{name}"

    def bring_inputs(self, job: Job, address: str) -> None:
        """Upload what the spec names and the bucket lacks, then the spec. Raises JobLost if S3 refuses."""
        from botocore.exceptions import BotoCoreError, ClientError

        key, spec = self._key(address), json.loads(job.spec_json)
        files = sorted(set(input_files(spec)))
        try:
            there = dict(self._list(f"{self.prefix}inputs/"))
            for path in files:
                self._put_newer(path, there.get(self._input_key(path)))
            self._s3.delete_object(Bucket=self.bucket, Key=f"{key}/{RESULT}")
            self._write(f"{key}/inputs.json", json.dumps([self._input_key(path) for path in files]))
            self._write(f"{key}/spec.json", json.dumps(self._addressed(spec)))
        except (BotoCoreError, ClientError) as error:
            where = f"s3://{self.bucket}/{self.prefix}"
            raise JobLost(
                f"{where}: {error}; check the bucket's name, and that this machine may write there"
            ) from error

    def fetch_results(self, job: Job, address: str) -> None:
        """Download the metrics if they grew and, once there is a result, all that the job made; result.json last."""
        from botocore.exceptions import BotoCoreError, ClientError

        key = self._key(address)
        try:
            found = {k.removeprefix(f"{key}/"): facts["ETag"] for k, facts in self._list(f"{key}/")}
            names = [name for name in found if not name.startswith(("checkpoints/", "spec.json", "inputs.json"))]
            if RESULT not in found:
                names = [name for name in names if name == METRICS]
            for name in sorted(names, key=lambda name: name == RESULT):
                self._get_newer(f"{key}/{name}", job.folder / name, found[name])
        except (BotoCoreError, ClientError) as error:
            raise Unanswered(f"{address}: {error}") from error

    @property
    def _s3(self) -> Any:
        if self._client is None:
            import boto3  # here: it takes a second, and most runs need none

            self._client = boto3.Session(profile_name=self.profile or None).client("s3")
        return self._client

    def _key(self, address: str) -> str:
        return address.removeprefix(f"s3://{self.bucket}/")

    def _input_key(self, path: Path) -> str:
        return f"{self.prefix}inputs{path.as_posix()}"

    def _addressed(self, value: Any) -> Any:
        """Return a spec whose paths of this machine are addresses in the bucket."""
        if isinstance(value, dict):
            return {key: self._addressed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._addressed(item) for item in value]
        local = isinstance(value, str) and value.startswith("/") and Path(value).exists()
        return f"s3://{self.bucket}/{self._input_key(Path(value))}" if local else value

    def _list(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from ((one["Key"], one) for one in page.get("Contents", []))

    def _put_newer(self, path: Path, there: dict[str, Any] | None) -> None:
        facts = path.stat()
        if there is None or there["Size"] != facts.st_size or facts.st_mtime > there["LastModified"].timestamp():
            self._s3.upload_file(str(path), self.bucket, self._input_key(path))

    def _get_newer(self, key: str, path: Path, stamp: str) -> None:
        if self._fetched.get(path) == stamp and path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name in (RESULT, METRICS):
            write_atomic(path, self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        else:
            self._s3.download_file(self.bucket, key, str(path))  # boto3 writes beside it and renames
        self._fetched[path] = stamp

    def _write(self, key: str, text: str) -> None:
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())


def input_files(value: Any, root: Path | None = None) -> Iterator[Path]:
    """Yield the files of this machine that a spec names: relative to the `root` beside or above them, or absolute, folders whole."""
    if isinstance(value, dict):
        own = value.get("root")
        below = Path(own) if isinstance(own, str) and own.startswith("/") else root
        for key, item in value.items():
            if key != "root":
                yield from input_files(item, below)
    elif isinstance(value, list):
        for item in value:
            yield from input_files(item, root)
    elif isinstance(value, str) and value:
        yield from _named(value, root)


def _named(text: str, root: Path | None) -> Iterator[Path]:
    if len(text) > 1000 or "\n" in text or not (text.startswith("/") or root):
        return
    path = Path(text) if text.startswith("/") else (root or Path()) / text
    if path.is_file():
        yield path
    elif text.startswith("/") and path.is_dir():
        yield from (one for one in sorted(path.rglob("*")) if one.is_file())
