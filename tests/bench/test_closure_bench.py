"""The closure benchmark at a small size: the input has the shape it says, and both sides come to the same rows."""

from __future__ import annotations

import json

import numpy as np

from tests.bench.closure import answers, ours, summary, write
from tests.bench.closure_networkx import main
from tests.bench.taxonomy import make_edges, number, qid


def test_the_graph_has_the_shape_it_says() -> None:
    edges = make_edges(20_000)
    children, many = np.unique(edges[:, 0], return_counts=True)
    assert np.array_equal(edges, make_edges(20_000))
    assert 0.35 < (many > 1).mean() < 0.45
    assert 2.5 < len(edges) / len(children) < 3.2
    assert {(child, parent) for child, parent in edges} & {(parent, child) for child, parent in edges}
    assert number(np.array([qid(7), qid(123_456)])).tolist() == [7, 123_456]


def test_both_sides_agree_and_the_last_line_says_what_was_measured(tmp_path) -> None:
    edges = write(tmp_path, 2000)
    mine, theirs = ours(tmp_path), main(tmp_path)
    assert {step: theirs["answers"][step] for step in ("descendants", "ancestors")} == answers(tmp_path)
    run = {"nodes": 2000, "edges": edges, "rows": mine["answers"], "ours": mine, "peer": theirs}
    line = json.loads(summary([run, run]))
    assert {"bench", "ours", "peer", "ratio", "unit"} <= line.keys()
    assert line["growth"] == {"ours": 1.0, "peer": 1.0}
