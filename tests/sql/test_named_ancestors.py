"""Golden rows of the named classes above an entity."""

from __future__ import annotations

from tests.small_lake import SmallLake, below, claim, item, words
from tests.sql.graphs import graph


def test_ancestors_with_a_name_are_told_up_to_the_roots(small: SmallLake) -> None:
    graph(
        small,
        item("Q100", en="object"),
        item("Q1", *below("Q100"), en="animal"),
        item("Q2", *below("Q1"), labels=[], claims=[*below("Q1"), claim("P225", text="Felidae")]),
        item("Q3", *below("Q2"), labels=[]),
        item("Q4", *below("Q3"), labels=words(mul="Katze", en="cat")),
    )
    small.put("entities", [{"qid": "Q4"}, {"qid": "Q1"}])
    assert small.pick("named_ancestors", "qid", "ancestor_qid", "ancestor_label", "distance") == [
        ("Q4", "Q1", "animal", 3), ("Q4", "Q2", "Felidae", 2),
    ]  # fmt: skip
