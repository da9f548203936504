"""The walk down: cycles, diamonds, cuts and batches."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_assets.graph.closure import BATCH, members, walk_down

EDGES = {"root": ["a", "b"], "a": ["c", "d"], "b": ["c"], "c": ["e", "a"], "e": ["root", "e"], "other": ["x"]}


def children(edges, asked=None):
    def of(parents):
        if asked is not None:
            asked.append(list(parents))
        return [(child, parent) for parent in parents for child in edges.get(parent, [])]

    return of


def test_cycles_and_diamonds_end_with_the_shortest_depth():
    assert walk_down(["root"], children(EDGES)) == {"root": 0, "a": 1, "b": 1, "c": 2, "d": 2, "e": 3}


def test_nothing_is_asked_twice():
    asked: list[list[str]] = []
    walk_down(["root"], children(EDGES, asked))
    flat = [one for batch in asked for one in batch]
    assert sorted(flat) == sorted(set(flat))


def test_excluded_branches_are_cut_but_reached_by_other_ways():
    assert walk_down(["root"], children(EDGES), ["a"]) == {"root": 0, "b": 1, "c": 2, "e": 3}
    assert walk_down(["root"], children(EDGES), ["a", "c"]) == {"root": 0, "b": 1}
    assert walk_down(["root"], children(EDGES), ["root"]) == {}


def test_a_root_below_another_is_a_root():
    assert walk_down(["root", "c"], children(EDGES))["c"] == 0


def test_levels_are_asked_in_batches():
    asked: list[list[str]] = []
    wide = {"root": [f"Q{number}" for number in range(2 * BATCH + 1)]}
    assert len(walk_down(["root"], children(wide, asked))) == 2 * BATCH + 2
    assert [len(batch) for batch in asked] == [1, BATCH, BATCH, 1]


STATED = {
    ("root", "P279"): ["a"], ("a", "P171"): ["b"], ("root", "P31"): ["rex"], ("b", "P31"): ["tom", "a", "cut"], ("rex", "P279"): ["x"],
    ("tom", "P31"): ["y"],
}  # fmt: skip


def below(parents, relations):
    return [
        (child, parent) for parent in parents for relation in relations for child in STATED.get((parent, relation), [])
    ]


@pytest.mark.parametrize(
    ("relations", "expected"),
    [
        (["P279"], {"root": 0, "a": 1}),
        (["P171", "P279"], {"root": 0, "a": 1, "b": 2}),
        (["P31"], {"root": 0, "rex": 1}),
        (["P31", "P279", "P171"], {"root": 0, "a": 1, "b": 2, "rex": 1, "tom": 3}),
    ],
)
def test_instances_are_members_and_nothing_is_walked_below_them(relations, expected):
    assert members(["root"], relations, below, ["cut"]) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=5)),
    st.sets(st.integers(0, 30), max_size=4),
)
def test_every_graph_is_walked_as_breadth_first_search_does(graph, cut):
    edges = {str(parent): [str(child) for child in below] for parent, below in graph.items()}
    away = {str(one) for one in cut}
    found = walk_down(["0", "1"], children(edges), sorted(away))
    expected = {root: 0 for root in ("0", "1") if root not in away}
    queue = deque(expected)
    while queue:
        parent = queue.popleft()
        for child in edges.get(parent, []):
            if child not in expected and child not in away:
                expected[child] = expected[parent] + 1
                queue.append(child)
    assert found == expected
