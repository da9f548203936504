"""What this machine has and lacks, each finding with what to do about it.

Belongs here: looking, without changing anything. Does not belong here: how findings are shown (cli.py).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from entitynet_assets.cluster import JobLost, cluster_settings, greeting
from entitynet_assets.hits.keys import need_keys
from entitynet_assets.resources import asks_hosts, contact_of, home, need_contact, need_data
from entitynet_assets.studies.models import Study, StudyError, load_study

NEEDED_DISK_GB = 2.0
NEEDED_MEMORY_GB = 4.0
# Types of file systems that lie on other machines, as /proc/mounts calls them.
SHARED = {
    "nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb3", "9p", "afs", "glusterfs", "fuse.glusterfs", "wekafs", "panfs",
    "pvfs2", "orangefs", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.mount-s3", "fuse.juicefs", "virtiofs",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `bad` stops a run, `note` narrows it."""

    grade: Literal["ok", "note", "bad"]
    subject: str
    words: str


def findings(study_name: str | None) -> Iterator[Finding]:
    """Yield what was found, in the order in which a user would mend it."""
    yield _python()
    yield _package("dagster", "bad", "the platform", "pip install -e .")
    yield _package("torch", "bad", "training", "make setup, or pip install -e '.[train]'")
    yield _package("open_clip_torch", "bad", "training", "make setup, or pip install -e '.[train]'")
    yield _package("dagster-postgres", "note", "Dagster on PostgreSQL", "pip install -e '.[cluster]'")
    yield _memory()
    try:
        study = load_study(study_name)
    except StudyError as error:
        yield Finding("bad", "study", str(error))
        return
    yield Finding(
        "ok",
        "study",
        f"{study.name}: {len(study.scope.roots)} roots, {study.slices} slices, {len(study.recipes)} recipes",
    )
    yield _folder(study)
    yield from _file_system(study)
    yield _cluster()
    yield from _data(study)
    yield from _contact(study)
    yield from _keys(study)


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return (
        Finding("ok", "Python", found)
        if (3, 11) <= sys.version_info[:2] < (3, 15)
        else Finding("bad", "Python", f"{found}; install 3.11 to 3.14")
    )


def _package(name: str, grade: Literal["note", "bad"], purpose: str, remedy: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(grade, name, f"absent, needed for {purpose}: {remedy}")
    return Finding("ok", name, found)


def _memory() -> Finding:
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    words = f"{free:.1f} GB free"
    return (
        Finding("ok", "memory", words)
        if free >= NEEDED_MEMORY_GB
        else Finding("note", "memory", f"{words}; the sample study wants {NEEDED_MEMORY_GB:g} GB")
    )


def _folder(study: Study) -> Finding:
    folder = home(study)
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(place, os.W_OK):
        return Finding("bad", "lake", f"{place} cannot be written; set ENTITYNET_HOME to a folder of yours")
    free = shutil.disk_usage(place).free / 1e9
    return Finding(
        "ok" if free >= NEEDED_DISK_GB else "bad",
        "lake",
        f"{folder} with {free:.1f} GB free; at least {NEEDED_DISK_GB:g} GB are wanted",
    )


def _file_system(study: Study) -> Iterator[Finding]:
    """Yield a finding if Dagster's SQLite would lie on a file system of a network, whose locks do not hold."""
    folder = home(study) / "dagster"
    kind = file_system_type(folder, Path("/proc/mounts"))
    settings = folder / "dagster.yaml"
    elsewhere = settings.exists() and re.search(r"^storage:|^run_storage:", settings.read_text(), re.M)
    if kind in SHARED and not elsewhere:
        yield Finding(
            "note", "Dagster's storage",
            f"{folder} is on {kind}, where SQLite's locks do not hold: runs may be lost. Put ENTITYNET_HOME on a local disk, or "
            f"name a PostgreSQL under `storage:` in {settings} (docker/dagster.yaml shows how)",
        )  # fmt: skip


def file_system_type(folder: Path, mounts: Path) -> str:
    """Return the type of the file system that a folder is or would be on, by a table of mounts; empty where there is none."""
    if not mounts.exists():
        return ""
    rows = [line.split() for line in mounts.read_text().splitlines()]
    places = [(row[1].encode().decode("unicode_escape"), row[2]) for row in rows if len(row) > 2]  # a blank is \040
    path = folder.absolute()
    holding = [(len(place), kind) for place, kind in places if path.is_relative_to(place)]
    return max(holding, key=lambda pair: pair[0], default=(0, ""))[1]


def _cluster() -> Finding:
    """Say where jobs run and whether that answers."""
    try:
        settings = cluster_settings()
        return Finding("ok", "cluster", greeting(settings))
    except (StudyError, JobLost) as error:
        return Finding("bad", "cluster", str(error))


def _data(study: Study) -> Iterator[Finding]:
    named = [tree for folder in study.folders for tree in folder.trees]
    if not named and study.graph.source != "dump":
        return
    try:
        need_data(study)
    except StudyError as error:
        yield Finding("bad", "data", str(error))
    else:
        yield Finding("ok", "data", f"{len(named)} folders of photographs are there")


def _keys(study: Study) -> Iterator[Finding]:
    try:
        need_keys(study)
    except StudyError as error:
        yield from (Finding("bad", "key", line) for line in str(error).splitlines())


def _contact(study: Study) -> Iterator[Finding]:
    if study.sample is not None:
        found = find_spec("pyoxigraph") is not None
        yield Finding(
            "ok" if found else "bad",
            "sample world",
            "served by this machine" if found else "pyoxigraph is absent: pip install -e .",
        )
        return
    if not asks_hosts(study):
        return
    try:
        need_contact(study)
    except StudyError as error:
        yield Finding("bad", "contact", str(error))
    else:
        yield Finding("ok", "contact", f"{contact_of(study)} is sent with every request")
