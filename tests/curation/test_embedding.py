"""Embeddings: each picture and text is embedded once, whatever is decided or harvested after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.resources import need_data
from entitynet_assets.studies.models import StudyError
from entitynet_assets.tables import EMBEDDINGS
from tests.fakes.encoder import WordEncoder, vector_of
from tests.small_lake import SmallLake

ENCODER = {"model": "words", "sha256": "0" * 64, "min_relevance": 0.5, "leak_cosine": 0.9}
SCREENS = [
    {"name": "gore", "rule": "unwanted", "prompts": ["blood"], "contrast": ["paint"], "margin": 0.2},
    {"name": "people", "rule": "people", "prompts": ["a person"], "contrast": ["a statue"]},
]
DECIDED = ("screens", "leaks", "leak_report", "verdicts", "kept_images")
STEPS = ("prompts", "embeddings", "benchmark_embeddings", "blocked_images", *DECIDED)
WORDS = {"a": "apple", "b": "apple blood", "c": "pear", "d": "broken file"}


class Bench:
    """A small lake with pictures of words, an encoder of words, and the steps between them."""

    def __init__(self, root: Path) -> None:
        self.small, self.encoder = SmallLake(root), WordEncoder()
        self.choose()
        self.put(**WORDS)
        self.small.put("entities", [{"qid": "Q1", "label": "apple"}])
        self.small.put("entity_texts", [
            {"qid": "Q1", "kind": "alias", "language": "en", "text": "red apple"},
            {"qid": "Q1", "kind": "description", "language": "en", "text": "blood and paint"},
        ])  # fmt: skip

    def choose(self, encoder: dict[str, Any] | None = None, **curation: Any) -> None:
        self.small.choose(encoder={**ENCODER, **(encoder or {})}, screens=SCREENS, curation=curation)
        self.small.place.cluster = self.encoder  # pyright: ignore[reportAttributeAccessIssue]

    def put(self, **words: str) -> None:
        """Let pictures stand for words, every one found for Q1."""
        rows = [{"image_id": name, "path": self.small.lake.put_blob("stored", name * 8, said.encode()),
                 "original_width_px": 99, "original_height_px": 99, "entropy_bits": 5.0} for name, said in words.items()]  # fmt: skip
        self.small.put("images", [{**row, "phash": index * 0x0F0F0F0F0F} for index, row in enumerate(rows)])
        self.small.put("downloads", [{"url_id": f"u{name}", "image_id": name} for name in words])
        self.small.put("hits", [{"query_id": f"q{name}", "qid": "Q1", "url_id": f"u{name}"} for name in words])

    def bring(self) -> dict[str, Any]:
        return {name: self.small.run(name) for name in STEPS}

    def verdicts(self, rule: str) -> dict[str, tuple[str, str | None]]:
        rows = self.small.lake.rows("verdicts")
        return {row["image_id"]: (row["verdict"], row["reason"]) for row in rows if row["rule"] == rule}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.bring()
    return made


def test_one_job_embeds_the_pictures_and_one_the_texts(bench: Bench) -> None:
    assert bench.encoder.pictures == [["a", "b", "c", "d"]]
    asked = {"a photo of a apple", "a photo of a red apple", "blood", "paint", "a person", "a statue"}
    assert bench.encoder.texts == [sorted(asked)]
    rows = {row["image_id"]: row for row in bench.small.lake.rows("embeddings")}
    assert rows.keys() == {"a", "b", "c"}  # the fourth cannot be read
    assert rows["b"]["vector"] == pytest.approx(vector_of("apple blood"))
    assert (rows["a"]["relevance"], rows["c"]["relevance"]) == (pytest.approx(1), pytest.approx(0))


def test_what_no_search_found_is_embedded_and_its_relevance_not_judged(bench: Bench) -> None:
    found = [{"query_id": "q", "qid": "Q1", "url_id": "ua"}]
    bench.small.put("hits", [*found, *({"query_id": "import", "rank": ord(one), "url_id": f"u{one}"} for one in "abc")])
    bench.bring()
    assert bench.verdicts("relevance") == {
        "a": ("keep", None), **dict.fromkeys("bcd", ("not_judged", "no_embedding")),
    }  # fmt: skip
    assert bench.verdicts("unwanted")["b"] == ("reject", "unwanted_gore")
    assert bench.encoder.pictures == [["a", "b", "c", "d"], ["d"]]  # the three are not embedded again


def test_verdicts_follow_the_vectors(bench: Bench) -> None:
    assert bench.verdicts("relevance") == {
        "a": ("keep", None), "b": ("keep", None), "c": ("reject", "unlike_its_entity"), "d": ("not_judged", "no_embedding"),
    }  # fmt: skip
    assert bench.verdicts("unwanted") == {
        "a": ("keep", None), "b": ("reject", "unwanted_gore"), "c": ("keep", None), "d": ("not_judged", "no_embedding"),
    }  # fmt: skip


def test_deciding_again_embeds_nothing(bench: Bench) -> None:
    bench.choose({"min_relevance": 0.9, "leak_cosine": 0.99}, people="reject")
    done = bench.bring()
    assert len(bench.encoder.pictures) == len(bench.encoder.texts) == 1
    assert {name for name, one in done.items() if one.outcome == "made"} == {"leaks", "verdicts"} | {"kept_images"}
    assert bench.verdicts("people")["a"] == (
        "reject",
        "shows_people",
    )  # a tie reaches a margin of 0


def test_a_later_round_embeds_only_what_is_new(bench: Bench) -> None:
    before = {row["image_id"]: row["vector"] for row in bench.small.lake.rows("embeddings")}
    bench.small.put("entities", [{"qid": "Q1", "label": "apple"}, {"qid": "Q2", "label": "pear"}])
    bench.put(**WORDS, e="pear")
    done = bench.bring()
    assert bench.encoder.pictures[1:] == [["d", "e"]]  # and what could not be read is tried again
    assert bench.encoder.texts[1:] == [["a photo of a pear"]]
    assert (done["embeddings"].work, done["prompts"].work) == (
        {"embedded": 2, "embed_jobs": 1},
        {"embedded": 1, "embed_jobs": 1},
    )
    after = {row["image_id"]: row["vector"] for row in bench.small.lake.rows("embeddings")}
    assert after == {**before, "e": vector_of("pear")}


def test_names_that_change_change_relevance_without_a_picture(bench: Bench) -> None:
    bench.put(a="apple", b="apple blood", c="pear")
    bench.small.put("entities", [{"qid": "Q1", "label": "pear"}])
    bench.bring()
    assert len(bench.encoder.pictures) == 1
    rows = {row["image_id"]: row["relevance"] for row in bench.small.lake.rows("embeddings")}
    assert rows == {
        "a": pytest.approx(1),
        "b": pytest.approx(0.5**0.5),
        "c": pytest.approx(1),
    }  # the alias still says apple


@pytest.mark.parametrize("change", [{"model": "other words"}, {"sha256": "1" * 64}])
def test_another_encoder_embeds_all(change: dict[str, str], bench: Bench) -> None:
    bench.choose(change)
    bench.bring()
    assert bench.encoder.pictures == [["a", "b", "c", "d"]] * 2
    assert len(bench.encoder.texts) == 2
    assert {row["encoder"] for row in bench.small.lake.rows("embeddings")} == {change.get("model", "words")}


def test_the_vector_of_a_picture_that_is_gone_goes(bench: Bench) -> None:
    bench.put(a="apple", c="pear")
    assert bench.bring()["embeddings"].work == {"embedded": 0, "embed_jobs": 0}
    assert [row["image_id"] for row in bench.small.lake.rows("embeddings")] == ["a", "c"]


def test_vectors_of_a_table_from_before_it_named_the_weights_are_made_anew(bench: Bench) -> None:
    columns = tuple(column for column in EMBEDDINGS.columns if column.name != "encoder_sha256")
    rows = [{key: row[key] for key in row if key != "encoder_sha256"} for row in bench.small.lake.rows("embeddings")]
    bench.small.lake.write_rows(replace(EMBEDDINGS, columns=columns), rows, "000")
    bench.bring()
    assert bench.encoder.pictures == [["a", "b", "c", "d"]] * 2


def test_a_held_out_picture_that_no_hash_tells_is_told_by_its_embedding(bench: Bench) -> None:
    path = bench.small.lake.put_blob("held_out", "held", b"apple")
    row = {"benchmark": "sample-drawings", "image_id": "h", "path": path, "phash": 2**64 - 1}
    bench.small.put(
        "benchmark_images",
        [row, {**row, "image_id": "g", "path": bench.small.lake.put_blob("held_out", "gone", b"broken")}],
    )
    bench.bring()
    assert bench.encoder.pictures[1:] == [["g", "h"]]
    (leak,) = bench.small.lake.rows("leaks")
    assert (leak["image_id"], leak["benchmark_image_id"], leak["found_by"]) == ("a", "h", "embedding")
    assert leak["cosine"] == pytest.approx(1)
    assert bench.verdicts("leak")["a"] == ("reject", "looks_held_out_in_sample-drawings")
    (report,) = [row for row in bench.small.lake.rows("leak_report") if row["status"] == "leaked"]
    assert (report["query_id"], report["label"], report["by_hash"], report["by_embedding"]) == ("qa", "apple", 0, 1)


def test_without_an_encoder_nothing_is_embedded_or_judged(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.small.choose()
    bench.small.place.cluster = bench.encoder  # pyright: ignore[reportAttributeAccessIssue]
    bench.bring()
    assert bench.encoder.pictures == bench.encoder.texts == []
    for rule in ("unwanted", "people", "relevance"):
        assert set(bench.verdicts(rule).values()) == {("not_judged", "no_encoder")}


def test_a_list_of_hashes_blocks_without_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTITYNET_DATA", str(tmp_path))
    bench = Bench(tmp_path)
    (tmp_path / "list.txt").write_text("phash:0000000000000001 asked for\n")
    bench.small.choose(curation={"blocklist": "list.txt", "blocklist_radius": 1})
    bench.bring()
    assert bench.verdicts("blocklist")["a"] == ("reject", "listed_as_phash:0000000000000001")
    assert bench.verdicts("blocklist")["c"] == ("keep", None)
    (tmp_path / "list.txt").write_text("# nothing\n")
    bench.bring()
    assert bench.verdicts("blocklist")["a"] == ("keep", None)


def test_a_list_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTITYNET_DATA", str(tmp_path))
    small = SmallLake(tmp_path, curation={"blocklist": "list.txt"})
    with pytest.raises(StudyError, match=r"curation.blocklist: no list.txt under ENTITYNET_DATA"):
        need_data(small.study)
    with pytest.raises(StudyError, match=r"curation.blocklist: list.txt: .*; name a text file of hashes"):
        small.run("blocked_images")
