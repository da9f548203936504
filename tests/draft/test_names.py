"""Names and the items they mean: reading a list, ranks of evidence, what is ambiguous, spellings for an endpoint."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from entitynet_assets.draft.lookup import names_query, spellings
from entitynet_assets.draft.names import match_names, read_names
from entitynet_assets.draft.write import report_text
from entitynet_assets.studies.models import StudyError
from tests.small_lake import Row, claim, item, words


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "names.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lion\ntiger\n", ["lion", "tiger"]),
        ("\ufeffName,seen\r\nPanthera  leo,3\r\n,1\r\n\r\nlion,2\r\n", ["Panthera leo", "lion"]),
        ('"Linnaeus, who knew"\nLion\nLION\n', ["Linnaeus, who knew", "Lion"]),
        ("scientific name\nBétula\n", ["Bétula"]),
    ],
)
def test_names_are_the_first_column_each_once(text: str, names: list[str], tmp_path: Path) -> None:
    assert read_names(written(tmp_path, text)) == names


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "holds no name"), (b"name\n,\n", "holds no name"), (b"caf\xe9\n", "is no UTF-8 text")],
)
def test_a_list_that_holds_nothing_says_so(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=words):
        read_names(written(tmp_path, content))


def full(*rows: Row) -> list[Row]:
    return [{"status": "ok", "aliases": [], "descriptions": [], **row} for row in rows]


ROWS = full(
    item("Q140", claim("P225", text="Panthera leo"), en="lion", aliases=words(en="African lion"), descriptions=words(en="a cat")),
    item("Q7", claim("P1843", text="Lion", language="en"), en="Leo"),
    item("Q8", en="Mercury", descriptions=words(en="planet")),
    item("Q9", en="mercury", descriptions=words(en="metal")),
    item("Q10", claim("P31", "Q4167410"), en="African lion"),
    item("Q11", en="puma", status="redirect"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "found"),
    [
        ("LION", "matched", [("Q140", "label")]),
        ("panthera Leo", "matched", [("Q140", "taxon_name")]),
        ("African lion", "matched", [("Q140", "alias")]),
        ("Q140", "matched", [("Q140", "id")]),
        ("Mercury", "ambiguous", [("Q8", "label"), ("Q9", "label")]),
        ("puma", "unmatched", []),
        ("unicorn", "unmatched", []),
    ],
)
def test_a_name_means_the_item_that_says_it_most_surely(name: str, status: str, found: list[tuple[str, str]]) -> None:
    (match,) = match_names([name], ROWS)
    assert (match.status, [(one.qid, one.by) for one in match.candidates]) == (status, found)


def test_the_report_has_every_candidate_and_every_name_without_one() -> None:
    assert report_text(match_names(["lion", "Mercury", "unicorn"], ROWS)) == (
        "name,status,qid,label,matched_by,description\n"
        "lion,matched,Q140,lion,label,a cat\n"
        "Mercury,ambiguous,Q8,Mercury,label,planet\nMercury,ambiguous,Q9,mercury,label,metal\n"
        "unicorn,unmatched,,,,\n"
    )


def test_an_endpoint_is_asked_for_each_spelling_and_no_name_breaks_the_query() -> None:
    assert spellings("red Panda") == ["red Panda", "red panda", "Red panda", "Red Panda"]
    hostile = 'a"b\\c } UNION { ?s ?p ?o'
    store = ox.Store()
    node, label = (
        ox.NamedNode("http://www.wikidata.org/entity/Q1"),
        ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#label"),
    )
    store.add(ox.Quad(node, label, ox.Literal(hostile, language="en")))
    found = store.query(names_query([hostile, "lion"], ["en"]))
    assert isinstance(found, ox.QuerySolutions)
    assert [row["item"] for row in found] == [node]
