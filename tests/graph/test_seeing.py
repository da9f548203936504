"""The measured figures of visuality are what docs/graph.md says, on genuine classes; floors a little below, as labels are few."""

from __future__ import annotations

import csv

from tests.fakes.rooms import data_folder
from tests.graph.seeing import FOLDERS, LABELS, Figures, held, labels, measure


def test_precision_and_recall_are_those_of_the_docs():
    found = measure(data_folder("wikidata", FOLDERS[0], "derived.P279.tsv.gz").parents[1])
    assert found["held half"].precision >= 0.78
    assert found["held half"].recall >= 0.70
    assert found["tuned half"].precision >= 0.90
    assert found["tuned half"].recall >= 0.55
    assert found["ImageNet, those in the class graph"].recall >= 0.90
    assert found["ImageNet, all"].count == 992


def test_the_labels_are_whole_and_cut_in_two():
    rows = list(csv.DictReader(LABELS.read_text().splitlines(), delimiter="\t"))
    assert len({row["qid"] for row in rows}) == len(rows) == 300
    assert {row["visual"] for row in rows} == {"yes", "no"}
    assert all(row["label"] and row["reason"] for row in rows)
    assert 140 <= sum(map(held, labels())) <= 160


def test_figures_of_nothing_are_nothing():
    assert (Figures(0, 0, 0, 0).precision, Figures(0, 0, 0, 0).recall) == (0.0, 0.0)
    assert (Figures(10, 3, 1, 2).precision, Figures(10, 3, 1, 2).recall) == (0.75, 0.6)
