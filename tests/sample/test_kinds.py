"""Made-up kinds: as many as asked, the same for the same seed, siblings of true leaf entities, served like true ones."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from entitynet_assets.sample.facts import ancestors, load_facts
from entitynet_assets.sample.kinds import FIRST_ID, KINDS_MAX, kind_id, kind_name, make_kind
from entitynet_assets.sample.look import read_look
from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import World, make_world

FACTS = load_facts()
COUNT = len(FACTS.order)


@pytest.fixture(scope="module")
def large() -> World:
    return make_world(entities=COUNT + 300, pictures=2, holdout=1)


@pytest.fixture(scope="module")
def served(large: World) -> Iterator[SampleServer]:
    with serve(large) as running:
        yield running


def kinds(world: World) -> list[str]:
    return list(world.entities[COUNT:])


def test_a_larger_world_has_as_many_entities_as_asked(large: World) -> None:
    assert large.entities[:COUNT] == FACTS.order
    assert kinds(large) == [kind_id(n) for n in range(300)]
    assert len(large.items) == len(list(large.items)) == len(make_world(COUNT).items) + 300
    assert kind_id(300) not in large.items
    with pytest.raises(KeyError):
        large.items[kind_id(300)]


def test_ids_lie_where_wikidata_has_none() -> None:
    assert max(int(qid[1:]) for qid in FACTS.items) < 200_000_000 < FIRST_ID
    assert FIRST_ID + KINDS_MAX < 900_000_000


def test_names_are_distinct_and_of_no_true_item(large: World) -> None:
    names = [kind_name(n, 3) for n in range(300_000)]
    assert len(set(names)) == len(names)
    assert {len(name) for name in names} == {7, 9}
    true = {name.text.casefold() for item in FACTS.items.values() for name in (item.label, *item.aliases)}
    assert not true & {large.items[q].label.text for q in kinds(large)}


def test_kinds_follow_from_the_seed_and_not_from_the_size(large: World) -> None:
    qid = kind_id(7)
    assert make_world(COUNT + 9).items[qid] == large.items[qid] == make_kind(7, 0)
    assert make_world(COUNT + 9, seed=1).items[qid] != large.items[qid]


def test_a_kind_stands_beside_its_model_and_no_leaf_becomes_a_class(large: World) -> None:
    parents = {parent for item in large.items.values() for parent in item.parents()}
    assert not parents & set(large.entities)
    for n, qid in enumerate(kinds(large)):
        model = FACTS.items[FACTS.order[n % COUNT]]
        assert set(large.items[qid].values("P279")) == set(model.parents())
        assert set(ancestors(large.items, qid)) & set(FACTS.roots)


def test_every_statement_is_marked_as_the_samples_own_and_names_an_item_of_the_world(large: World) -> None:
    for qid in kinds(large):
        item = large.items[qid]
        assert item.kind == "generated"
        assert {s.source for s in item.statements} | {item.label.source} == {"sample"}
        values = {v for s in item.statements for v in (s.value, s.unit) if isinstance(v, str)}
        assert values <= set(large.items)


def test_kinds_of_one_model_look_different(large: World) -> None:
    looks = [read_look(large.items, qid) for qid in kinds(large)]
    assert all(look.colours for look in looks)
    different = {(x.body_plan, x.colours, x.materials, x.parts, x.length_m, x.height_m, x.width_m) for x in looks}
    assert len(different) == len(looks)
    assert set(Counter(x.body_plan for x in looks)) == {read_look(FACTS.items, q).body_plan for q in FACTS.order}


def test_kinds_are_served_by_all_hosts(asker: Callable, served: SampleServer, large: World) -> None:
    ask, qid = asker(served), kind_id(123)
    label = large.items[qid].label.text
    api = {"action": "wbgetentities", "ids": qid}
    entity = ask("http://www.wikidata.test/w/api.php", params=api).json()["entities"][qid]
    assert entity["labels"]["en"]["value"] == label
    query = f'SELECT ?e WHERE {{ ?e rdfs:label "{label}"@en ; wdt:P279 ?c }}'
    rows = ask("http://query.wikidata.test/sparql", params={"query": query}).json()["results"]["bindings"]
    assert {row["e"]["value"].rsplit("/", 1)[1] for row in rows} == {qid}
    hits = ask("http://search.test/images", params={"q": label}).json()["results"]
    claimed = {row.url for row in large.plan() if row.claimed == qid}
    assert claimed <= {hit["image_url"] for hit in hits}
    good = next(row for row in large.plan() if row.claimed == qid and row.fault == "ok")
    assert ask(good.url).headers["Content-Type"].startswith("image/")
    manifest = ask("http://benchmarks.test/sample/manifest.json").json()["images"]
    held = next(row for row in manifest if row["qid"] == qid)
    assert held["label"] == label
    assert ask(held["image_url"]).status_code == 200
