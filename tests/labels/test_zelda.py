"""Reading a small file in ZELDA's layout, and what is measured on it."""

from __future__ import annotations

import json

import pytest

from tests.labels.zelda import LayoutError, figures, read_documents
from tests.small_lake import SmallLake, item

LINES = [
    {"id": 7, "text": "A jaguar in the forest", "index": [[2, 8]], "wikipedia_titles": ["Jaguar"], "wikipedia_ids": [1]},
    {"id": 8, "text": "Jaguars from Coventry, a lion and a medlar", "index": [[0, 7], [25, 29], [36, 42]],
     "wikipedia_titles": ["Jaguar_Cars", "Lion", "Medlar"], "wikipedia_ids": [2, 3, 4]},
    {"id": 9, "text": "the jaguar's cars; jaguar", "index": [[4, 10], [19, 25]],
     "wikipedia_titles": ["Jaguar Cars", "Big cat"], "wikipedia_ids": [2, 5]},
    {"id": 10, "text": "nothing", "index": [], "wikipedia_titles": [], "wikipedia_ids": []},
]  # fmt: skip


def put_lake(small: SmallLake) -> None:
    titles = {
        "Q1": ("jaguar", "Jaguar", 9, "a cat"),
        "Q2": ("Jaguar", "Jaguar Cars", 4, "maker of cars"),
        "Q3": ("big cat", "Lion", 1, ""),
    }
    small.put("wikidata_items", [item(qid, enwiki_title=title) for qid, (_, title, _, _) in titles.items()])
    small.put(
        "entities", [{"qid": qid, "label": label, "sitelink_count": n} for qid, (label, _, n, _) in titles.items()]
    )
    small.put("entity_parents", [])
    small.put("entity_texts", [
        {"qid": qid, "kind": kind, "language": "en", "text": text}
        for qid, (label, _, _, about) in titles.items() for kind, text in (("label", label), ("description", about)) if text
    ])  # fmt: skip


def test_figures_are_of_the_spans_that_mean_an_entity_of_the_lake(small: SmallLake) -> None:
    put_lake(small)
    found = figures(small.lake, list(read_documents(json.dumps(line) for line in LINES)))
    # Jaguar, Jaguar Cars twice and Lion are known; Lion is called otherwise, and of the two Jaguar Cars a word speaks for one.
    several = found.pop("of_several_entities")
    assert found == {
        "spans": 6, "in_knowledge_base": 4, "candidate_recall": 0.75, "precision": pytest.approx(2 / 3, abs=1e-4), "recall": 0.5,
        "f1": pytest.approx(4 / 7, abs=1e-4),
    }  # fmt: skip
    assert (several["spans"], several["candidate_recall"]) == (3, 1.0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1: not JSON"), ("[]", "line 1: found no object"),
        ('{"id": 1, "text": ""}', "line 1: found no ['index', 'wikipedia_titles']"),
        ('{"id": 1, "text": "", "index": [[0, 1]], "wikipedia_titles": []}', "line 1: found 1 places and 0 titles"),
    ],
)  # fmt: skip
def test_a_line_of_another_layout_is_told(line: str, words: str) -> None:
    with pytest.raises(LayoutError) as told:
        list(read_documents([line]))
    assert str(told.value).startswith(words)
