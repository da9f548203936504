"""The plan: deterministic, sized as asked, with each fault in it."""

from collections import Counter

import pytest

from entitynet_assets.sample.facts import load_facts
from entitynet_assets.sample.faults import FAULTS
from entitynet_assets.sample.plan import OWN_HOSTS, PHOTO_HOSTS
from entitynet_assets.sample.world import World, make_world


def test_the_plan_follows_from_the_settings() -> None:
    assert make_world(seed=1).plan() == make_world(seed=1).plan()
    assert not {r.url for r in make_world(seed=1).plan()} & {r.url for r in make_world(seed=2).plan()}


def test_every_fault_is_planned_and_small(world: World) -> None:
    counts = Counter(row.fault for row in world.plan())
    assert set(counts) == set(FAULTS)
    assert counts["ok"] > 0.6 * counts.total()


@pytest.mark.parametrize("pictures", [1, 5, 12])
def test_each_entity_has_as_many_pictures_as_asked(pictures: int) -> None:
    world = make_world(entities=6, pictures=pictures, holdout=3)
    named = Counter(row.claimed for row in world.plan() if row.fault in ("ok", "wrong"))
    assert named == dict.fromkeys(world.entities, pictures)
    assert Counter(row.qid for row in world.benchmark()) == dict.fromkeys(world.entities, 3)


def test_wrong_pictures_show_another_entity(world: World) -> None:
    for row in world.plan():
        assert (row.qid != row.claimed) == (row.fault == "wrong"), row


def test_licences_and_sizes_vary(world: World) -> None:
    licences = Counter(row.words.licence for row in world.plan())
    assert set(licences) == {"CC BY 4.0", "CC BY-SA 4.0", "CC0 1.0", None}
    assert licences[None] < 0.3 * licences.total()
    assert {row.host for row in world.plan()} == {*PHOTO_HOSTS, *OWN_HOSTS.values()}
    assert len({(row.width_px, row.height_px) for row in world.plan()}) > 100


def test_a_smaller_world_keeps_its_classes_values_and_all_roots() -> None:
    facts, world = load_facts(), make_world(entities=4)
    assert world.entities == facts.order[:4]
    assert set(facts.roots) <= set(world.items)
    assert set(facts.ancestors("Q726")) <= set(world.items)
    assert "Q47071" in world.items
    assert "Q32789" not in world.items
    assert set(make_world(entities=["Q726", "Q89"]).entities) == {"Q89", "Q726"}


def test_a_world_of_no_entities_has_no_web() -> None:
    world = make_world(entities=0)
    assert world.plan() == world.benchmark() == ()


def test_a_new_label_touches_one_item(world: World) -> None:
    changed = world.with_label("Q89", "malus fruit")
    assert changed.items["Q89"].label.text == "malus fruit"
    assert world.items["Q89"].label.text == "apple"
    assert {q for q in world.items if world.items[q] != changed.items[q]} == {"Q89"}


@pytest.mark.parametrize(
    "bad", [{"entities": ["Q1"]}, {"entities": -1}, {"search_precision": 1.5}, {"alt_noise": -0.1}]
)
def test_bad_settings_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"Q1|0\.\.1|0 to"):
        make_world(**bad)
