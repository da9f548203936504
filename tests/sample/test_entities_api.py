"""wbgetentities: whole items as Wikidata sends them, readable by qwikidata; errors as values of a 200."""

import warnings
from collections.abc import Callable, Iterable, Iterator

import pytest

from entitynet_assets.sample.world import World

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from qwikidata.entity import WikidataItem

URL = "http://www.wikidata.test/w/api.php"


def batched(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    every = list(ids)
    return (every[i : i + size] for i in range(0, len(every), size))


def get(ask: Callable, ids: list[str], **more: str) -> dict:
    answer = ask(URL, params={"action": "wbgetentities", "ids": "|".join(ids), "format": "json", **more})
    assert answer.status_code == 200
    return answer.json()


def test_every_item_loads_with_qwikidata(ask: Callable, world: World) -> None:
    for chunk in batched(world.items, 50):
        entities = get(ask, list(chunk))["entities"]
        for qid in chunk:
            item, read = world.items[qid], WikidataItem(entities[qid])
            assert read.get_label() == item.label.text
            assert read.get_description() == (item.description.text if item.description else "")
            assert read.get_aliases() == [a.text for a in item.aliases]
            assert len(read.get_sitelinks("")) == item.sitelinks


def test_claims_are_the_statements(ask: Callable, world: World) -> None:
    for chunk in batched(world.items, 50):
        entities = get(ask, list(chunk))["entities"]
        for qid in chunk:
            groups = WikidataItem(entities[qid]).get_truthy_claim_groups()
            read = {(pid, plain(c.mainsnak.datavalue.value)) for pid, group in groups.items() for c in group}
            assert read == {(s.property, s.value) for s in world.items[qid].statements}


def plain(value: dict | str) -> str | float:
    if isinstance(value, str):
        return value
    return float(value["amount"]) if "amount" in value else value.get("id") or value["text"]


def test_revision_and_time_are_there_and_grow(ask: Callable, world: World) -> None:
    entity = get(ask, ["Q89"])["entities"]["Q89"]
    assert entity["title"] == "Q89"
    assert entity["ns"] == 0
    assert entity["lastrevid"] > 2_000_000_000
    assert entity["modified"].endswith("Z")


def test_props_and_languages_trim(ask: Callable) -> None:
    entity = get(ask, ["Q89"], props="labels|claims")["entities"]["Q89"]
    assert set(entity) == {"type", "id", "labels", "claims"}
    foreign = get(ask, ["Q89"], props="labels", languages="de")["entities"]["Q89"]
    assert foreign["labels"] == {}


def test_missing_ids_are_marked(ask: Callable) -> None:
    entities = get(ask, ["Q89", "Q999999999"])["entities"]
    assert entities["Q999999999"] == {"id": "Q999999999", "missing": ""}
    assert entities["Q89"]["labels"]["en"]["value"] == "apple"


@pytest.mark.parametrize(
    ("ids", "code"),
    [([f"Q{n}" for n in range(1, 52)], "toomanyvalues"), (["apple"], "no-such-entity"), ([], "param-missing")],
)
def test_errors_come_with_status_200(ask: Callable, ids: list[str], code: str) -> None:
    answer = get(ask, ids)
    assert answer["error"]["code"] == code
    assert "entities" not in answer


def test_fifty_ids_are_not_too_many(ask: Callable, world: World) -> None:
    assert len(get(ask, list(world.items)[:50])["entities"]) == 50


def test_an_unknown_action_is_an_error(ask: Callable) -> None:
    assert ask(URL, params={"action": "purge"}).json()["error"]["code"] == "badvalue"
