"""What a trail says of a picture of every fate, of an entity, of an address, and of what is not there."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from entitynet_assets.shelf import Shelf
from entitynet_assets.terminal import tree
from entitynet_assets.text import hash_id as url_id_of
from entitynet_assets.trace.answer import answer
from entitynet_assets.trace.tree import Branch, TraceError, to_values
from tests.sight.conftest import BANNED, HELD, KEPT, PAGE, RELEASE, TWIN, URLS, put_graph, put_harvest
from tests.small_lake import SmallLake


def only(found: Branch, kind: str) -> Branch:
    (one,) = found.find(kind)
    return one


def test_a_kept_picture_from_the_graph_to_its_scores(shelf: Shelf) -> None:
    found = answer(shelf, KEPT[:6])
    assert found.facts["image_id"] == KEPT
    assert [branch.facts["qid"] for branch in found.find("entity")] == ["Q1"]
    line = only(found, "line")
    assert [step["value_qid"] for step in line.facts["path"]] == ["Q2", "Q3"]
    assert [branch.words for branch in (*found.find("statement"), *found.find("attribute"))] == [
        "colour (P462): red", "has part (P527): seed; inherited from fruit (Q2)", "shape_size: round; read in its description",
    ]  # fmt: skip
    assert only(found, "hit").facts["rank"] == 1
    assert only(found, "download").facts["outcome"] == "ok"
    assert only(found, "rights").facts == {"licence": "CC0", "author": "Ann", "landing_url": PAGE}
    assert only(found, "verdicts").facts == {"kept": True, "rejected_by": []}
    assert (only(found, "packed").facts["shard_index"], only(found, "packed").facts["release_id"]) == (3, RELEASE)
    checkpoint = only(found, "checkpoint")
    assert (checkpoint.facts["had"], checkpoint.facts["saw"]) == (True, True)
    assert only(found, "score").facts["value"] == 0.5
    assert found.find("not_made") == []


def test_mixes_share_among_the_texts_that_the_picture_has(shelf: Shelf) -> None:
    found = answer(shelf, KEPT)
    shares = {branch.facts["mix"]: branch.facts["shares"] for branch in found.find("mix")}
    assert shares == {"all": {"label": 0.75, "alt_text": 0.25}, "titles": {}}
    texts = {branch.facts["source"]: branch.facts["texts"] for branch in found.find("text")}
    assert texts == {"alias": ["pome"], "alt_text": ["an apple"], "label": ["apple"], "query": ["red apple"]}
    (refused,) = found.find("refused_text")
    assert (refused.facts["text"], refused.words) == ("IMG_1", "title refused for camera name: “IMG_1”")


@pytest.mark.parametrize(("image_id", "rule"), [(BANNED, "leak"), (TWIN, "duplicate")])
def test_a_rejected_picture_ends_at_its_verdict(shelf: Shelf, image_id: str, rule: str) -> None:
    found = answer(shelf, image_id)
    assert only(found, "verdicts").facts["rejected_by"] == [rule]
    assert only(found, "verdicts").below[0].facts["rule"] == rule
    assert "ends here" in only(found, "verdicts").words
    assert not found.find("packed")


@pytest.mark.parametrize("address", [URLS["lost"], "HTTP://A.test:80/lost.jpg#part"])
def test_an_address_that_failed_ends_with_its_outcome(shelf: Shelf, address: str) -> None:
    found = answer(shelf, address)
    assert only(found, "download").facts["outcome"] == "not_found"
    assert only(found, "download").facts["tries"] == 3
    assert "not_found" in only(found, "end").words
    assert not found.find("verdicts")


def test_an_address_with_a_picture_goes_on_and_one_not_asked_says_so(shelf: Shelf) -> None:
    assert only(answer(shelf, URLS["kept"]), "picture").facts["image_id"] == KEPT
    assert only(answer(shelf, URLS["new"]), "download").words == "not asked yet"


def test_a_page_lists_its_pictures(shelf: Shelf) -> None:
    found = answer(shelf, PAGE)
    assert {branch.facts["image_url"] for branch in found.find("address")} == {
        URLS[name] for name in ("kept", "twin", "lost", "new")
    }


@pytest.mark.parametrize("thing", [HELD[:8], "http://h.test/1.jpg"])
def test_a_held_out_picture_names_its_leaks_and_predictions(shelf: Shelf, thing: str) -> None:
    found = answer(shelf, thing)
    assert only(found, "held_out").facts["class_id"] == "Q1"
    assert only(found, "leak").facts["image_id"] == BANNED
    assert only(found, "prediction").facts["predicted_class_id"] == "Q4"


@pytest.mark.parametrize("thing", ["Q1", "q1", "Apple", "POME"])
def test_an_entity_by_its_id_or_any_of_its_names(shelf: Shelf, thing: str) -> None:
    found = answer(shelf, thing)
    assert found.facts["qid"] == "Q1"
    assert only(found, "report").facts["rejected"] == 2
    assert {branch.facts["rule"]: branch.facts["count"] for branch in found.find("reason")} == {
        "leak": 1,
        "duplicate": 1,
    }
    assert [branch.facts["image_id"] for branch in found.find("picture")] == [KEPT]
    assert only(found, "score").facts["recall"] == 0.5
    assert "taken for pear" in only(found, "confusion").words
    assert {branch.facts["outcome"] for branch in found.find("outcome")} == {"ok", "not_found"}


def test_an_item_that_is_no_entity_says_why(shelf: Shelf) -> None:
    assert only(answer(shelf, "medlar"), "finding").facts["finding"] == "few_sitelinks"


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("appel", ["'appel'", "did you mean apple?"]), ("pear", ["several entities", "Q4 (pear)", "Q6 (Pear)"]),
        ("aa1", ["'aa1'", "6 digits"]), ("ffffff", ["'ffffff'"]), ("http://a.test/keptt.jpg", ["did you mean", URLS["kept"]]),
        ("ftp://a.test/x", ["not an absolute"]),
    ],
)  # fmt: skip
def test_what_is_not_there_says_what_is(shelf: Shelf, thing: str, expected: list[str]) -> None:
    with pytest.raises(TraceError) as caught:
        answer(shelf, thing)
    for words in expected:
        assert words in str(caught.value)


def test_the_beginning_of_several_pictures_is_refused(made: SmallLake) -> None:
    made.put("images", [{"image_id": "dddddd1".ljust(64, "0")}, {"image_id": "dddddd2".ljust(64, "0")}])
    with Shelf(made.lake, made.study) as shelf, pytest.raises(TraceError, match=r"dddddd1.*dddddd2.*more digits"):
        answer(shelf, "DDDDDD")


def test_a_lake_partly_made_says_what_to_run(small: SmallLake) -> None:
    with Shelf(small.lake, small.study) as shelf, pytest.raises(TraceError, match="nothing of study sample is made"):
        answer(shelf, "apple")
    put_graph(small)
    with Shelf(small.lake, small.study) as shelf:
        assert (
            only(answer(shelf, "apple"), "not_made").facts["command"] == "entitynet run --study sample --until queries"
        )
    put_harvest(small)
    with Shelf(small.lake, small.study) as shelf:
        assert only(answer(shelf, URLS["kept"]), "not_made").facts["table"] == "images"


def test_a_picture_taken_down_is_packed_and_skipped(made: SmallLake) -> None:
    made.put("tombstones", [{"image_id": KEPT, "reason": "asked by its author"}])
    with Shelf(made.lake, made.study) as shelf:
        packed = only(answer(shelf, KEPT), "packed")
    assert packed.facts["skipped"]
    assert "taken down: asked by its author" in packed.below[0].words


def test_releases_parts_and_requests_stand_in_the_trail(made: SmallLake) -> None:
    tar = {"shard": "000-00000", "sample_count": 4, "skip_path": "release/gone"}
    skip, _, _ = made.lake.export("SELECT $id AS image_id", {}, "release/skip", {"id": KEPT})
    for name, facts in (
        ("r1", {"retired": "purged"}),
        ("r2", {"shards": [{**tar, "skip_path": skip}]}),
        ("r3", {"shards": [{**tar, "sample_count": 3}]}),
    ):
        said = {"release_id": name, "round": 1, "shards": [tar], **facts}
        made.lake.put_file(f"release/{name}.json", json.dumps(said).encode())
    keep, _, _ = made.lake.export("SELECT $id AS image_id", {}, "release/fruit-keep", {"id": KEPT})
    made.put(
        "subreleases", [{"subrelease": "fruit", "keep_path": keep}, {"subrelease": "rest", "keep_path": skip + ".gone"}]
    )
    seen = {"releases": [{"release_id": "r1", "pictures": 2}], "checkpoints": [{"path": "jobs/train/x", "pictures": 1}]}
    asked = {
        "takedown_id": "t1",
        "kind": "author",
        "reason": "asked",
        "requested_by": "Ann",
        "taken_down_at": "2026",
        "seen": seen,
    }
    (made.lake.root / "takedowns").mkdir()
    (made.lake.root / "takedowns" / "t1.json").write_text(json.dumps({**asked, "pictures": {KEPT: [], TWIN: []}}))
    with Shelf(made.lake, made.study) as shelf:
        found = answer(shelf, KEPT)
    assert [(one.facts["release_id"], one.facts["skipped"]) for one in found.find("release")] == [
        ("r1", False),
        ("r2", True),
    ]
    assert [one.facts["subrelease"] for one in found.find("subrelease")] == ["fruit"]
    assert [(one.facts["by"], one.facts["pictures"]) for one in found.find("had_by")] == [
        ("releases", 2),
        ("checkpoints", 1),
    ]
    assert "asked by Ann" in only(found, "takedown").words


def test_what_was_purged_is_found_by_its_hash_and_its_address(made: SmallLake) -> None:
    gone, url = "dd" * 32, "http://a.test/gone.jpg"
    made.put("tombstones", [{"image_id": gone, "reason": "asked", "url_ids": [url_id_of(url)], "purged": True}])
    for word in (gone[:8], url):
        with Shelf(made.lake, made.study) as shelf:
            found = answer(shelf, word)
        assert (found.facts["image_id"], found.find("not_made")) == (gone, [])


@pytest.mark.parametrize(
    ("samples", "skip", "had", "skipped", "words"),
    [
        (3, False, False, False, "has no such picture"),
        (4, True, True, True, "but skipped"),
        (None, False, None, None, "not known"),
    ],
)
def test_what_a_run_was_given_is_read_off_its_own_spec(
    made: SmallLake, samples: int | None, skip: bool, had: bool | None, skipped: bool | None, words: str
) -> None:
    spec = made.lake.root / "jobs" / "train" / "run" / "spec.json"
    spec.unlink()
    if samples is not None:
        wanted = KEPT if skip else TWIN
        path, _, _ = made.lake.export("SELECT $id AS image_id", {}, "release/skip", {"id": wanted})
        spec.write_text(json.dumps({"data": {"shards": [{"name": "000-00000", "samples": samples}], "skip": [path]}}))
    with Shelf(made.lake, made.study) as shelf:
        checkpoint = only(answer(shelf, KEPT), "checkpoint")
    assert (checkpoint.facts.get("had"), checkpoint.facts.get("skipped"), checkpoint.facts["saw"]) == (
        had,
        skipped,
        False,
    )
    assert words in checkpoint.words


def test_a_terminal_and_a_program_read_the_same_tree(shelf: Shelf) -> None:
    found = answer(shelf, KEPT)
    values = json.loads(json.dumps(to_values(found)))
    assert values["facts"]["image_id"] == KEPT
    console = Console(width=200, record=True, force_terminal=True, color_system=None)
    with console.capture() as shown:
        console.print(tree(found))
    assert "“<b>an apple</b><script>alert(1)</script> [31m”" in shown.get(), (
        "markup is shown, control characters are not"
    )
    assert "\x1b[31m" not in shown.get()
