"""Files of a data root, on a disk or in S3 (`s3://bucket/prefix`): whole ones by path, parts of them by offset.

Belongs here: the way to the bytes, tries after a failure, whole files kept in a bounded cache (cache.py).
Does not belong here: what the bytes mean (tars.py, words.py).

Access to S3 is what boto3 finds: a role, the environment, a profile, AWS_ENDPOINT_URL for a store that is not Amazon's. No key
stands in a spec. ENTITYNET_CACHE names the cache's folder, ENTITYNET_CACHE_GB its bound.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from entitynet_train.cache import Cache
from entitynet_train.spec import SpecError

SCHEME = "s3://"
CHUNK_BYTES = 1 << 20
TRIES = 6  # of a request, and of a body that was cut, without a byte of progress
ACCESS = (
    "a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY; AWS_ENDPOINT_URL for a store of your own"
)


class StoreError(RuntimeError):
    """Files that cannot be had for now, after several tries: what was asked, what was answered."""


class Root(Protocol):
    """A folder of files that are named by paths relative to it."""

    def where(self, path: str) -> str:
        """Return the full name of a file, for people."""
        ...

    def local(self, path: str) -> Path:
        """Return where a whole file lies on this machine, fetched if need be. Raises SpecError if it is absent."""
        ...

    def find(self, path: str) -> Path | None:
        """Return where a whole file lies on this machine, fetched if need be, or None if it is absent."""
        ...

    def held(self, path: str, key: str) -> Path | None:
        """Return where a whole file of content `key` lies on this machine already, or None."""
        ...

    def fetch(self, path: str, key: str, spare: frozenset[str]) -> Path | None:
        """Bring a whole file whose sha256 is `key`, dropping others but `spare`; None if the cache's bound leaves no room."""
        ...

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Return a part of a file, shorter if the file ends before. Raises SpecError if the file is absent."""
        ...

    def stop(self) -> None:
        """Break off what is being fetched by other threads."""
        ...


class Folder:
    """A root on this machine's disks; nothing is fetched."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def where(self, path: str) -> str:
        """Return the path of a file."""
        return str(self._root / path)

    def local(self, path: str) -> Path:
        """Return the path of a file, absent or not: who opens it says so."""
        return self._root / path

    def find(self, path: str) -> Path | None:
        """Return the path of a file, or None."""
        return self._root / path if (self._root / path).exists() else None

    def held(self, path: str, key: str) -> Path | None:
        """Return the path of a file."""
        return self._root / path

    def fetch(self, path: str, key: str, spare: frozenset[str]) -> Path | None:
        """Return the path of a file."""
        return self._root / path

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Return a part of a file."""
        with (self._root / path).open("rb") as file:
            return os.pread(file.fileno(), size, offset)

    def stop(self) -> None:
        """Do nothing: nothing is being fetched."""


class Bucket:
    """A root in S3. A request that fails or is cut off goes on from the byte where it was."""

    def __init__(self, root: str, cached: Cache | None, timeout_s: float = 30.0) -> None:
        self._bucket, _, self._prefix = root.removeprefix(SCHEME).strip("/").partition("/")
        self._cache, self._timeout_s = cached, timeout_s
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._made: Any = None

    def where(self, path: str) -> str:
        """Return the address of a file."""
        return f"{SCHEME}{self._bucket}/{self._key(path)}"

    def local(self, path: str) -> Path:
        """Bring a whole file into the cache, named by its ETag so that one that was replaced is fetched again."""
        found = self.find(path)
        if found is None:
            raise self._absent(path)
        return found

    def find(self, path: str) -> Path | None:
        """Bring a whole file into the cache as `local` does; None if there is none."""
        kept, head = self._need_cache(), self._head(path)
        if head is None:
            return None
        key = hashlib.sha256(f"{self.where(path)} {head['ETag']}".encode()).hexdigest()
        size = int(head["ContentLength"])
        found = kept.held(key) or kept.bring(key, size, lambda: self._stream(path, 0, size, head["ETag"]))
        if found is None:
            raise SpecError(
                f"{self.where(path)}: found {size} bytes; allowed: {kept.bound}, a larger ENTITYNET_CACHE_GB"
            )
        return found

    def held(self, path: str, key: str) -> Path | None:
        """Return where a file lies in the cache, or None."""
        return self._cache.held(key) if self._cache else None

    def fetch(self, path: str, key: str, spare: frozenset[str]) -> Path | None:
        """Bring a whole file into the cache and hold it against its sha256, which is `key`."""
        kept = self._need_cache()
        if found := kept.held(key):
            return found
        head = self._head(path)
        if head is None:
            raise self._absent(path)
        size = int(head["ContentLength"])
        chunks = lambda: _checked(self._stream(path, 0, size, head["ETag"]), key, self.where(path))
        return kept.bring(key, size, chunks, spare)

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Return a part of an object."""
        return b"".join(self._stream(path, offset, offset + size, None)) if size else b""

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _need_cache(self) -> Cache:
        if self._cache is None:
            raise SpecError(
                f"data.root: found {self.where('')}, and no ENTITYNET_CACHE; allowed: a folder for what is fetched"
            )
        return self._cache

    def _absent(self, path: str) -> SpecError:
        return SpecError(f"{self.where(path)}: found nothing; allowed: a copy of the whole lake, this file included")

    def _head(self, path: str) -> dict[str, Any] | None:
        return self._asked(path, lambda client: client.head_object(Bucket=self._bucket, Key=self._key(path)))

    def _stream(self, path: str, begin: int, end: int, etag: str | None) -> Iterator[bytes]:
        """Yield the bytes from `begin` to `end`, or to where the object ends; a body that is cut is asked for from there."""
        tries = 0
        while begin < end:
            try:
                for chunk in self._body(path, begin, end, etag):
                    if self._stopped.is_set():
                        raise StoreError(f"{self.where(path)}: stopped at byte {begin}")
                    yield chunk
                    begin, tries = begin + len(chunk), 0
                return
            except _errors().cut as error:
                tries += 1
                if tries >= TRIES:
                    raise StoreError(
                        f"{self.where(path)}: cut off at byte {begin} {tries} times, last: {error}"
                    ) from error
                time.sleep(min(0.1 * 2**tries, 10.0) * random.uniform(0.5, 1.0))

    def _body(self, path: str, begin: int, end: int, etag: str | None) -> Iterator[bytes]:
        asked = {"Bucket": self._bucket, "Key": self._key(path), "Range": f"bytes={begin}-{end - 1}"}
        answer = self._asked(path, lambda client: client.get_object(**asked, **({"IfMatch": etag} if etag else {})))
        if answer is None:
            raise self._absent(path)
        with contextlib.closing(answer["Body"]) as body:
            yield from body.iter_chunks(CHUNK_BYTES)

    def _asked(self, path: str, call: Callable[[Any], Any]) -> Any:
        """Return the answer to a call, None if there is no such object; other errors name it and the remedy."""
        errors = _errors()
        try:
            return call(self._client())
        except errors.refused as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                return None
            if status == 416:
                raise SpecError(f"{self.where(path)}: found fewer bytes than its index says; copy it again") from error
            if status in (400, 401, 403):
                raise SpecError(f"{self.where(path)}: access refused ({code}); allowed: {ACCESS}") from error
            if status == 412:
                raise SpecError(f"{self.where(path)}: replaced while it was read; run again") from error
            raise StoreError(f"{self.where(path)}: {error}") from error
        except errors.without_keys as error:
            raise SpecError(f"{self.where(path)}: {error}; allowed: {ACCESS}") from error
        except errors.other as error:
            raise StoreError(f"{self.where(path)}: {error}") from error

    def stop(self) -> None:
        """Break off what is being fetched by other threads."""
        self._stopped.set()

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
                asked = "when_required"  # checksums of whole objects do not fit parts of them
                self._made = boto3.session.Session().client(
                    "s3",
                    config=config.Config(
                        retries={"mode": "standard", "max_attempts": TRIES},
                        connect_timeout=self._timeout_s, read_timeout=self._timeout_s, max_pool_connections=64,
                        response_checksum_validation=asked, request_checksum_calculation=asked,
                    ),
                )  # fmt: skip
            return self._made


@cache
def _errors() -> Any:
    """Return the errors of botocore by what they mean; botocore is imported when S3 is."""
    known = importlib.import_module("botocore.exceptions")
    return SimpleNamespace(
        refused=known.ClientError,
        without_keys=(known.NoCredentialsError, known.PartialCredentialsError, known.ProfileNotFound),
        other=known.BotoCoreError,
        cut=(known.IncompleteReadError, known.ReadTimeoutError, known.ResponseStreamingError, known.ConnectionError),
    )


def _checked(chunks: Iterator[bytes], sha256: str, where: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise SpecError(
            f"{where}: found sha256 {digest.hexdigest()}; allowed: {sha256}, as the spec says; "
            "`entitynet verify --repair` mends the lake, then copy this file again"
        )


def open_root(root: str) -> Root:
    """Return the root of a DataSpec; what lies in S3 is kept where ENTITYNET_CACHE says."""
    return Bucket(root, Cache.of_environment()) if root.startswith(SCHEME) else Folder(root)
