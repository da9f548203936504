"""Execution, read from the environment: where the lake is, how the web and the cluster are reached, who hears progress.

Belongs here: environment variables and the one object that hands the doors to assets. Does not belong here: anything
that changes a result (that is the study).

ENTITYNET_HOME         folder of all studies' lakes and Dagster instances, default .entitynet
ENTITYNET_STUDY        study by name or path, default sample
ENTITYNET_CONTACT      address by which hosts reach whoever runs a study, instead of the study's `web.contact`
ENTITYNET_DATA         folder that a study's relative paths (folders, classes, dump) start from, default the current folder
ENTITYNET_SAMPLE_PORT  port of the sample world's server, set by `entitynet run` and `entitynet ui`
ENTITYNET_CLUSTER      TOML file that says where jobs run (cluster/settings.py); without it on this machine
ENTITYNET_DECODERS     processes that decode pictures, default one a core
ENTITYNET_DECODE_MIB   memory that decoding one picture may take, default 1024
ENTITYNET_PRIVATE_HOSTS  hosts, apart by commas, that may be asked although they are not public, on any port, also for pictures
ENTITYNET_ENDPOINT_<SOURCE>  replaces an endpoint of the study: SPARQL, API, DUMP, LANGUAGE_MODEL, or a provider's name
ENTITYNET_ENDPOINT_WIKIDATA  server that stands for both SPARQL (/sparql) and API (/w/api.php), where these are not set themselves
ENTITYNET_KEY_<PROVIDER>  key of a provider that wants one; read where a request is sent (hits/keys.py), kept nowhere
ENTITYNET_LANGUAGE_MODEL_KEY  key of the language model's endpoint, sent to it and written nowhere
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from entitynet_assets.cluster import Cluster, open_cluster
from entitynet_assets.decoders import Decoders, Limits
from entitynet_assets.folder_site import FolderSite, tree_names
from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import TABLES_OF_PICTURES, Study, StudyError
from entitynet_assets.web import QuotaFile, Reach, Web, place_of


class Progress(Protocol):
    """Who hears how long work goes on."""

    def start(self, table: str, slice_name: str) -> None:
        """A slice is about to be looked at."""

    def advance(self, done: int, total: int, what: str) -> None:
        """`done` of `total` pieces of `what` are through."""

    def end(self, table: str, slice_name: str, outcome: str, counts: dict[str, int]) -> None:
        """A slice is made or was found unchanged."""


class Silence:
    """Progress that nobody hears."""

    def start(self, table: str, slice_name: str) -> None:
        """Say nothing."""

    def advance(self, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def end(self, table: str, slice_name: str, outcome: str, counts: dict[str, int]) -> None:
        """Say nothing."""


def home(study: Study) -> Path:
    """Return the folder of a study's lake and Dagster instance."""
    return Path(os.environ.get("ENTITYNET_HOME", ".entitynet")).absolute() / study.name


def quota_path() -> Path:
    """Return the file of all quotas: one for all studies of a home, since they share keys."""
    return Path(os.environ.get("ENTITYNET_HOME", ".entitynet")).absolute() / "quotas.sqlite"


WIKIDATA_PATHS = {"sparql": "/sparql", "api": "/w/api.php"}  # as the sample world's server has them


def endpoint(source: str, default: str) -> str:
    """Return the address of a source: ENTITYNET_ENDPOINT_<SOURCE> if set, else that of ENTITYNET_ENDPOINT_WIKIDATA, else the study's.

    Raises StudyError where ENTITYNET_ENDPOINT_WIKIDATA is no server's address.
    """
    if own := os.environ.get(f"ENTITYNET_ENDPOINT_{source.upper()}"):
        return own
    server = os.environ.get("ENTITYNET_ENDPOINT_WIKIDATA")
    return _server(server) + WIKIDATA_PATHS[source] if server and source in WIKIDATA_PATHS else default


def _server(address: str) -> str:
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        parts, whole = urlsplit(""), None
    if not whole or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise StudyError(
            f"ENTITYNET_ENDPOINT_WIKIDATA: found {address!r}; expected a server without a path, such as http://127.0.0.1:8080, "
            "which answers at /sparql and /w/api.php; else set ENTITYNET_ENDPOINT_SPARQL and ENTITYNET_ENDPOINT_API"
        )
    return f"{parts.scheme}://{parts.netloc}"


def language_model_key() -> str:
    """Return the key of the language model's endpoint, empty if there is none. Raises StudyError, without it, if no header can carry it."""
    key = os.environ.get("ENTITYNET_LANGUAGE_MODEL_KEY", "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise StudyError(
            "ENTITYNET_LANGUAGE_MODEL_KEY: found a blank or a character beyond ASCII; set it to the key alone, without 'Bearer'"
        )
    return key


def data_path(path: str) -> Path:
    """Return where a path of a study lies: absolute as it stands, else under ENTITYNET_DATA."""
    return Path(os.environ.get("ENTITYNET_DATA") or ".").absolute() / path


def folder_sites(study: Study) -> list[FolderSite]:
    """Return the study's folders as sites."""
    return [
        FolderSite(
            folder.name, {name: data_path(tree) for name, tree in tree_names(folder.trees).items()},
            data_path(folder.classes) if folder.classes else None, folder.held_out_share,
        )
        for folder in study.folders
    ]  # fmt: skip


def need_data(study: Study) -> None:
    """Raise StudyError with one line if a file or folder that the study names is not on this machine."""
    named = [(f"folders.{folder.name}.trees", tree) for folder in study.folders for tree in folder.trees]
    named += [(f"folders.{folder.name}.classes", folder.classes) for folder in study.folders if folder.classes]
    if study.graph.source == "dump":
        named.append(("graph.dump", endpoint("dump", study.graph.dump)))
    if study.queries.words:
        named.append(("queries.words", study.queries.words))
    if study.curation.blocklist:
        named.append(("curation.blocklist", study.curation.blocklist))
    for provider in study.providers:
        if provider.name in TABLES_OF_PICTURES:
            named.append((f"providers.{provider.name}.address", endpoint(provider.name, provider.address)))
    named += [(f"recipes.{recipe.name}.init", recipe.init) for recipe in study.recipes if recipe.init_is_local]
    for key, path in named:
        place = data_path(path)
        if not place.exists() and not any(place.parent.glob(place.name)):
            stated = os.environ.get("ENTITYNET_DATA")
            root = f"ENTITYNET_DATA={stated}" if stated else "the current folder, as ENTITYNET_DATA is not set"
            raise StudyError(
                f"{key}: no {path} under {root}; set ENTITYNET_DATA to the folder that holds it (make real DATA=FOLDER)"
            )


def query_words(study: Study) -> list[str]:
    """Return the words of the study's word list, one a line of the file `queries.words`; none without one."""
    if not study.queries.words:
        return []
    return data_path(study.queries.words).read_text(encoding="utf-8-sig").splitlines()


def blocklist_text(study: Study) -> str:
    """Return the text of the study's list of blocked hashes, empty without one. Raises StudyError if it cannot be read."""
    if not study.curation.blocklist:
        return ""
    try:
        return data_path(study.curation.blocklist).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"curation.blocklist: {study.curation.blocklist}: {error}; name a text file of hashes, absolute or relative to ENTITYNET_DATA"
        ) from error


def contact_of(study: Study) -> str:
    """Return who is named to hosts: ENTITYNET_CONTACT, else the study's `web.contact`."""
    return os.environ.get("ENTITYNET_CONTACT") or study.web.contact


def asks_hosts(study: Study) -> bool:
    """Say whether a study asks anything but folders and files of this machine."""
    manifests = [benchmark.manifest for benchmark in study.benchmarks]
    searches = any(provider.name != "folder" for provider in study.providers)
    return study.graph.source == "sparql" or searches or any(one.startswith("http") for one in manifests)


def need_contact(study: Study) -> None:
    """Raise StudyError if a study asks hosts and nobody is named to them."""
    contact = contact_of(study)
    if asks_hosts(study) and "@" not in contact and "://" not in contact:
        raise StudyError(
            f"web.contact: found {contact!r}; the hosts of this study want an address by which they can reach you: "
            "set ENTITYNET_CONTACT=you@example.org (make live CONTACT=you@example.org)"
        )


def resolved_hosts(study: Study) -> dict[str, str]:
    """Return where reserved host names lie on this machine; empty unless the study is the sample world's.

    Raises StudyError if the sample's server was not started.
    """
    if study.sample is None:
        return {}
    port = os.environ.get("ENTITYNET_SAMPLE_PORT")
    if not port:
        raise StudyError(
            "ENTITYNET_SAMPLE_PORT is not set: this study reads the sample world, which `entitynet run` and `entitynet ui` start"
        )
    return {".test": f"127.0.0.1:{port}"}


def reach_of(study: Study) -> Reach:
    """Return where a study's client may go: anywhere public, and where the operator says; a search result is not the operator's."""
    named = [study.graph.sparql, study.graph.api, *(provider.address for provider in study.providers)]
    named += [benchmark.manifest for benchmark in study.benchmarks]
    named += [study.language_model.address] if study.language_model else []
    named += [value for name, value in os.environ.items() if name.startswith("ENTITYNET_ENDPOINT_")]
    opened = os.environ.get("ENTITYNET_PRIVATE_HOSTS", "").split(",")
    return Reach(
        reserved=resolved_hosts(study), ports=frozenset(study.web.ports),
        trusted=frozenset(filter(None, map(_place, named))),
        private_hosts=frozenset(host.strip().lower() for host in (*study.web.private_hosts, *opened) if host.strip()),
    )  # fmt: skip


def _place(url: str) -> str | None:
    try:
        return place_of(url)
    except ValueError:  # empty, a file, or no address: whoever asks it says so
        return None


@dataclass
class Workplace:
    """The study and the doors, opened when first used."""

    study: Study
    lake: Lake
    cluster: Cluster = field(default_factory=open_cluster)
    progress: Progress = field(default_factory=Silence)
    limit: int = 0  # entities, for a trial run; 0 is the study's own limit
    model_calls: int = 0  # requests to the language model so far in this run

    @cached_property
    def web(self) -> Web:
        """The client of this study, identified by its operator's contact."""
        manners = self.study.web
        web = Web(
            contact_of(self.study) or "no contact", per_host=manners.per_host, timeout_s=manners.timeout_s, max_bytes=manners.max_bytes,
            tries=manners.tries, reach=reach_of(self.study),
        )  # fmt: skip
        web.quotas = QuotaFile(quota_path())
        if self.study.folders:
            need_data(self.study)
            web.mount(folder_sites(self.study))
        return web

    @cached_property
    def decoders(self) -> Decoders:
        """The processes that decode pictures."""
        return open_decoders()

    def close(self) -> None:
        """Close what was opened."""
        if "web" in self.__dict__:
            self.web.close()


def open_decoders() -> Decoders:
    """Return decoders as many and as limited as the environment says. Raises StudyError on what is no whole number above 0."""
    found = {}
    for name, default in (("ENTITYNET_DECODERS", os.cpu_count() or 1), ("ENTITYNET_DECODE_MIB", Limits.memory_mib)):
        stated = os.environ.get(name) or str(default)
        if not stated.isdecimal() or int(stated) < 1:
            raise StudyError(f"{name}: found {stated!r}; allowed: a whole number from 1")
        found[name] = int(stated)
    return _decoders(found["ENTITYNET_DECODERS"], found["ENTITYNET_DECODE_MIB"])


@cache
def _decoders(count: int, memory_mib: int) -> Decoders:
    """Return the decoders of this process, which every workplace shares; they end with it."""
    return Decoders(count, Limits(memory_mib=memory_mib))


def open_workplace(study: Study, progress: Progress | None = None, limit: int = 0) -> Workplace:
    """Return the workplace of a study as the environment has it."""
    return Workplace(study, Lake(home(study) / "lake"), progress=progress or Silence(), limit=limit)
