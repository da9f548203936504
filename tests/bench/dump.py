"""Dump benchmark: `python -m tests.bench.dump [megabytes]`, our reader against qwikidata's on the same .json.gz.

The input is genuine items (ENTITYNET_DATA), repeated under new ids until it is large enough. Both sides read every item and make the
same fields of it, and must agree on each, once from the .json.gz and once from the same lines unpacked; then ours takes the .json.gz
through the whole table: scope, Parquet, checks.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from entitynet_assets.definitions import stations
from entitynet_assets.graph.dump_file import lines_of
from entitynet_assets.graph.items import parse_item
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import run_slice
from entitynet_assets.studies.models import Study, load_study
from tests.bench.dump_qwikidata import LANGUAGES, digest
from tests.bench.harness import in_own_process, last_line, measured, peer_python
from tests.fakes.rooms import changed, data_folder

MEGABYTES = 300
GENUINE = (
    "04-jsondumpdata-2014-2015/20151109/1000-entities.json.gz",
    "05-openrefine-wikibase-2020/entities.ndjson.gz",
)
CLAIM = ("property_id", "rank", "snak", "value_qid", "value_text", "language", "statement_id")
PARTS = ("labels", "descriptions", "aliases", "claims", "sitelinks")


def genuine() -> Iterator[dict[str, Any]]:
    """Yield whole items in the form that qwikidata takes: every part there, every value with its id."""
    for name in GENUINE:
        for _, text in lines_of(data_folder("wikidata", *name.split("/"))):
            raw = json.loads(text)
            if raw.get("type") == "item":
                yield with_ids(raw) | {part: with_ids(raw.get(part) or {}) for part in PARTS}


def with_ids(value: Any) -> Any:
    """Fill in the id that older items lack beside the number."""
    if isinstance(value, dict):
        added = {"id": f"Q{value['numeric-id']}"} if value.get("entity-type") == "item" and "id" not in value else {}
        return {key: with_ids(part) for key, part in value.items()} | added
    return [with_ids(part) for part in value] if isinstance(value, list) else value


def write(folder: Path, megabytes: float) -> dict[str, int]:
    """Write the dump, packed and unpacked; returns its size unpacked and how many items it has."""
    size = count = 0
    with (
        gzip.open(folder / "dump.json.gz", "wb", compresslevel=6) as packed,
        (folder / "dump.json").open("wb") as plain,
    ):
        for raw in cycle(genuine()):
            item = {"type": "item", "id": f"Q{count + 1}"} | {k: v for k, v in raw.items() if k not in ("type", "id")}
            text = json.dumps(item, separators=(",", ":")).encode()
            for file in (packed, plain):
                file.write((b",\n" if count else b"[\n") + text)
            size, count = size + len(text), count + 1
            if size >= megabytes * 1e6:
                break
        for file in (packed, plain):
            file.write(b"\n]\n")
    return {"bytes": size, "items": count}


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield our row of every item."""
    for number, (_, text) in enumerate(lines_of(path), 1):
        yield parse_item(f"Q{number}", text, "member", LANGUAGES)


def as_peer(row: dict[str, Any]) -> list[Any]:
    """Return our row in the peer's order, to be compared."""
    labels, descriptions = ({t["language"]: t["text"] for t in row[part]} for part in ("labels", "descriptions"))
    return [
        row["qid"], row["revision"], row["modified_at"], [labels.get(one, "") for one in LANGUAGES],
        [descriptions.get(one, "") for one in LANGUAGES],
        [[alias["text"] for alias in row["aliases"] if alias["language"] == one] for one in LANGUAGES],
        [[claim[name] for name in CLAIM] for claim in row["claims"]], row["sitelink_count"], row["enwiki_title"] or "",
    ]  # fmt: skip


def ours(folder: Path) -> dict[str, Any]:
    """Return what reading every item took, and the digest of what was read."""
    packed, plain = folder / "dump.json.gz", folder / "dump.json"
    return measured({
        "rows": lambda: sum(1 for _ in rows(packed)), "unpacked": lambda: sum(1 for _ in rows(plain)),
        "digest": lambda: digest(map(as_peer, rows(packed))),
    })  # fmt: skip


def study(folder: Path) -> Study:
    """Return a study whose scope is every item that has a class among the roots, so that many are taken."""
    graph = {"source": "dump", "dump": str(folder / "dump.json.gz")}
    scope = {"roots": ["Q5", "Q515", "Q6256", "Q16521"], "relations": ["P31", "P279", "P171"], "languages": ["en"]}
    return changed(load_study("sample"), graph=graph, scope=scope)


def table(folder: Path) -> dict[str, Any]:
    """Return what the whole table took, two passes over the file, and the rows that it has."""
    place = Workplace(study(folder), Lake(folder / "lake"))
    run_slice(stations()["graph_source"], place, "whole")
    stop = stations()["wikidata_items"]
    return measured({"table": lambda: run_slice(stop, place, "whole").record.rows})


def compare(megabytes: float) -> str:
    """Return the last line, each side measured in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        size = write(Path(scratch), megabytes)
        mine, whole = (in_own_process(sys.executable, "tests.bench.dump", side, scratch) for side in ("ours", "table"))
        theirs = in_own_process(peer_python("qwikidata", ["qwikidata"]), "tests.bench.dump_qwikidata", scratch)
    return summary(size, mine, theirs, whole)


def summary(size: Mapping[str, int], mine: dict[str, Any], theirs: dict[str, Any], whole: dict[str, Any]) -> str:
    """Return the last line, speeds in MB of JSON a second of a core. Raises RuntimeError where the rows of both sides differ."""
    if mine["answers"] != theirs["answers"]:
        raise RuntimeError(f"ours {mine['answers']}, qwikidata {theirs['answers']}; they must agree")
    megabytes = size["bytes"] / 1e6

    def speed(run: dict[str, Any], step: str, kind: str = "cpu_seconds") -> float:
        return round(megabytes / max(run[kind][step], 0.001), 1)

    unpacked = {"ours": speed(mine, "unpacked"), "peer": speed(theirs, "unpacked")}
    return last_line(
        "dump", speed(mine, "rows"), speed(theirs, "rows"), "MB/s of a core", peer_name="qwikidata", higher_is_better=True, **size,
        unpacked={**unpacked, "ratio": round(unpacked["ours"] / unpacked["peer"], 3)},
        wall={"ours": mine["seconds"]["rows"], "peer": theirs["seconds"]["rows"], "table": whole["seconds"]["table"]},
        table={"mb_per_s": speed(whole, "table", "seconds"), "of_a_core": speed(whole, "table"), "rows": whole["answers"]["table"]},
        peak_mib={"ours": mine["peak_mib"], "peer": theirs["peak_mib"], "table": whole["peak_mib"]}, cores=os.cpu_count(),
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["table"]):
        print(json.dumps({"ours": ours, "table": table}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        print(compare(float(sys.argv[1]) if sys.argv[1:] else MEGABYTES))
