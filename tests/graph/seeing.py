"""How often the rules of visuality are right, on genuine classes labelled by eye: `python -m tests.graph.seeing`.

The classes of visual_labels.tsv were drawn by hash from the class graph of 2021 (those with a parent and a name) and from the wholes of
the partonomy of 2024 (those with a place in a class graph). A hash of the id cuts them in two: marks were chosen on one half and on
classes that carry no label; the other half is the measure. ImageNet's classes are all visual, so they measure recall.
Belongs here: the measurement. Does not belong here: the rules (sql/graph/visuality.sql).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.small_lake import Row, claim, item, make_study, select_rows

LABELS = Path(__file__).with_name("visual_labels.tsv")
FOLDERS = ("01-kgtk-arnold-2021", "03-humemai-p279-2025", "17-imagenet-wikidata")
Edges = dict[str, set[str]]


@dataclass(frozen=True)
class Figures:
    """How many classes were judged, and of those: rightly visual, wrongly visual, wrongly not visual."""

    count: int
    right: int
    wrong: int
    lost: int

    @property
    def precision(self) -> float:
        """Share of those judged visual that are."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of the visual that were judged so."""
        return self.right / max(1, self.right + self.lost)

    def __str__(self) -> str:
        return (
            f"{self.count} classes, precision {self.precision:.3f} ({self.right} of {self.right + self.wrong}), recall "
            + (f"{self.recall:.3f} ({self.right} of {self.right + self.lost})")
        )


def table(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a gzipped table of the class graph."""
    with gzip.open(path, "rt") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def stated(path: Path) -> Edges:
    """Return the objects of each subject of a table of statements."""
    found: Edges = defaultdict(set)
    for row in table(path):
        found[row["node1"]].add(row["node2"])
    return found


def class_graph(folder: Path) -> Edges:
    """Return P279 statements: those of 2021 of a class that has any, else those of 2025, as mixed snapshots are full of cycles."""
    older = stated(folder / FOLDERS[0] / "derived.P279.tsv.gz")
    newer: Edges = defaultdict(set)
    for edge in json.loads(gzip.decompress((folder / FOLDERS[1] / "graph_10000.json.gz").read_bytes()))["links"]:
        newer[edge["target"]].add(edge["source"])
    return {**newer, **older}


def imagenet(folder: Path) -> set[str]:
    """Return the ids of ImageNet's classes."""
    return {
        address.rsplit("/", 1)[1] for address in json.loads((folder / FOLDERS[2] / "mapping.json").read_text()).values()
    }


def judge(folder: Path) -> tuple[dict[str, bool], set[str]]:
    """Return the verdict on every class of the data, and the classes that have a place in the graph."""
    up, of = class_graph(folder), stated(folder / FOLDERS[0] / "derived.P31.tsv.gz")
    strings = table(folder / FOLDERS[0] / "claims.string.tsv.gz")
    commons = {row["node1"]: row["node2"].strip('"') for row in strings if row["label"] == "P373"}
    asked = {*imagenet(folder), *labels()}
    known = up.keys() | {parent for parents in up.values() for parent in parents}
    rows: list[Row] = [
        item(
            qid, *(claim("P279", parent) for parent in sorted(up.get(qid, ()))), *(claim("P31", kind) for kind in sorted(of.get(qid, ()))),
            *([claim("P373", text=commons[qid])] if qid in commons else []), role="member", status="ok",
        )
        for qid in sorted(known | asked)
    ]  # fmt: skip
    study = make_study(scope={"relations": ["P279"]})
    inputs = {"wikidata_items": rows}
    inputs["parent_statements"] = select_rows("parent_statements", study, inputs)
    verdicts = {row["qid"]: row["visual"] for row in select_rows("visuality", study, inputs)}
    return verdicts, {qid for qid in asked if qid in up or qid in of}


def labels() -> dict[str, bool]:
    """Return what was seen by eye, by id."""
    with LABELS.open() as lines:
        return {row["qid"]: row["visual"] == "yes" for row in csv.DictReader(lines, delimiter="\t")}


def held(qid: str) -> bool:
    """Say whether a label is of the half that nothing was tuned on."""
    return int(hashlib.sha256(qid.encode()).hexdigest(), 16) % 2 == 1


def compare(seen: Mapping[str, bool], verdicts: Mapping[str, bool]) -> Figures:
    """Return how verdicts agree with what was seen."""
    pairs = [(truth, verdicts[qid]) for qid, truth in seen.items()]
    return Figures(len(pairs), pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False)))


def measure(folder: Path) -> dict[str, Figures]:
    """Return the figures of the half that was tuned on, of the half that was not, and of ImageNet's classes."""
    verdicts, placed = judge(folder)
    seen, classes = labels(), imagenet(folder)
    return {
        "tuned half": compare({qid: truth for qid, truth in seen.items() if not held(qid)}, verdicts),
        "held half": compare({qid: truth for qid, truth in seen.items() if held(qid)}, verdicts),
        "ImageNet, those in the class graph": compare(dict.fromkeys(classes & placed, True), verdicts),
        "ImageNet, all": compare(dict.fromkeys(classes, True), verdicts),
    }


if __name__ == "__main__":
    if "ENTITYNET_DATA" not in os.environ:
        raise SystemExit(
            "ENTITYNET_DATA is not set; it names the folder with wikidata/01-kgtk-arnold-2021 and its neighbours"
        )
    for name, figures in measure(Path(os.environ["ENTITYNET_DATA"]) / "wikidata").items():
        print(f"{name}: {figures}")
