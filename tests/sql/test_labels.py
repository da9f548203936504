"""Golden rows of the labels room: which candidate is meant, what passes, what becomes of rare entities, class indices over rounds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entitynet_assets.cluster import Job, LocalCluster, Watcher
from entitynet_assets.text import hash_id
from tests.small_lake import SmallLake

ENCODER = {"model": "some/model", "sha256": "0" * 64}
JAGUARS = (
    ("Q1", "jaguar", 9, "a wild cat of South America"),
    ("Q2", "jaguar", 4, "a British maker of cars"),
    ("Q3", "lion", 0, "a cat"),
)


def put_graph(small: SmallLake) -> None:
    described = [
        {"qid": q, "label": label, "sitelink_count": n, "description": about} for q, label, n, about in JAGUARS
    ]
    small.put("entities", [{"root_qid": "Q9", "root_label": "animal", **row} for row in described])
    names = [{"qid": q, "kind": "label", "language": "en", "text": label} for q, label, _, _ in JAGUARS]
    small.put("entity_texts", [
        *names, *({"qid": q, "kind": "description", "language": "en", "text": about} for q, _, _, about in JAGUARS),
        {"qid": "Q3", "kind": "alias", "language": "en", "text": "jaguar"}, {"qid": "Q3", "kind": "alias", "language": "en", "text": "its"},
    ])  # fmt: skip
    small.make("entity_names")


def say(small: SmallLake, **texts: str) -> None:
    """Let pages say one text of each picture, and link all that they name."""
    pages = [{"image_id": image, "source": "alt_text", "text": text, "url_id": image} for image, text in texts.items()]
    small.put("image_texts", pages)
    small.put("images", [{"image_id": image} for image in texts])
    small.make("mentions")


def links(small: SmallLake, *columns: str) -> dict[tuple[str, str], tuple]:
    return {(row["image_id"], row["qid"]): tuple(row[name] for name in columns) for row in small.make("entity_links")}


def test_names_are_folded_and_those_not_linked_say_why(small: SmallLake) -> None:
    put_graph(small)
    assert small.pick("entity_names", "name", "qid", "kind", "reason") == [
        ("its", "Q3", "alias", "stop_word"), ("jaguar", "Q1", "label", None), ("jaguar", "Q2", "label", None),
        ("jaguar", "Q3", "alias", None), ("lion", "Q3", "label", None),
    ]  # fmt: skip


def test_a_mention_has_a_row_for_each_entity_so_called_and_says_where(small: SmallLake) -> None:
    put_graph(small)
    say(small, i="its Jaguars, cars", j="nothing")
    place = (hash_id("its Jaguars, cars"), 4, 11, "Jaguars", "jaguar")
    assert small.pick("mentions", "image_id", "text_id", "begin_char", "end_char", "surface", "name", "qid", "context") == [
        ("i", *place, "Q1", 0.0), ("i", *place, "Q2", 1.0), ("i", *place, "Q3", 0.0),
    ]  # fmt: skip
    assert small.lake.need("mentions", "000").counts == {"texts": 2, "mentions": 1, "texts_that_name_something": 1}


def test_without_an_encoder_name_words_and_search_decide(small: SmallLake) -> None:
    put_graph(small)
    say(small, a="jaguar", b="jaguar of a British maker", c="jaguar here")
    small.put("hits", [{"query_id": "q", "qid": "Q3", "rank": 1, "url_id": "c"}])
    small.put("downloads", [{"url_id": "c", "image_id": "c"}])
    prior = {"Q1": 10 / 15.25, "Q2": 5 / 15.25, "Q3": 0.25 / 15.25}
    found = links(small, "prior", "context", "searched", "image", "score", "place")
    assert {key[1]: value[0] for key, value in found.items() if key[0] == "a"} == pytest.approx(prior)
    assert found["a", "Q1"] == (prior["Q1"], None, None, None, prior["Q1"], 1)
    assert found["b", "Q2"] == (prior["Q2"], 1.0, None, None, (prior["Q2"] + 1) / 2, 1)
    assert found["b", "Q1"][1:] == (0.0, None, None, prior["Q1"] / 2, 2)
    assert found["c", "Q3"] == (prior["Q3"], None, 1.0, None, (prior["Q3"] + 1) / 2, 1)
    assert found["c", "Q1"][2] == 0.0


def see(small: SmallLake, **pictures: list[float]) -> None:
    """Give entities and pictures vectors."""
    vectors = {"Q1": [1.0, 0.0], "Q2": [0.0, 1.0], "Q3": [0.6, 0.8]}
    small.put(
        "entity_vectors", [{"qid": qid, "encoder": ENCODER["model"], "vector": one} for qid, one in vectors.items()]
    )
    small.put(
        "embeddings", [{"image_id": i, "encoder": ENCODER["model"], "vector": one} for i, one in pictures.items()]
    )


def test_the_picture_speaks_together_with_the_words_and_not_after_them(small: SmallLake) -> None:
    put_graph(small)
    small.choose(encoder=ENCODER)
    say(small, a="jaguar", b="jaguar")
    see(small, b=[0.0, 1.0])
    found = links(small, "cosine", "image", "score", "place")
    assert found["a", "Q1"][3] == 1
    assert found["b", "Q2"][3] == 1  # against the prior
    spread = math.sqrt((0.6**2 + 0.4**2 + 0.2**2) / 3)
    image = 1 / (1 + math.exp(-0.4 / spread))
    assert found["b", "Q2"][:3] == pytest.approx((1.0, image, (5 / 15.25 + 4 * image) / 5))
    assert found["a", "Q1"][:2] == (None, None)


def test_other_weights_read_and_embed_nothing_again(small: SmallLake) -> None:
    put_graph(small)
    small.choose(encoder=ENCODER)
    say(small, b="jaguar")
    see(small, b=[0.0, 1.0])
    assert links(small, "place")["b", "Q2"] == (1,)
    small.choose(encoder=ENCODER, linking={"weight_image": 0.1})
    assert links(small, "place")["b", "Q2"] == (2,)
    assert small.run("mentions").outcome == "unchanged"
    small.make("label_tail")
    small.choose(encoder=ENCODER, linking={"weight_image": 0.1, "min_score": 0.9})
    assert [small.run(name).outcome for name in ("mentions", "entity_links", "label_tail")] == [
        "unchanged",
        "unchanged",
        "made",
    ]


def put_links(small: SmallLake, **scores: list[float]) -> None:
    small.put("entities", [{"qid": qid, "label": qid.lower()} for qid in (*scores, "Q0")])
    rows = [
        {"image_id": f"{qid}-{n}", "qid": qid, "score": score, "place": 1}
        for qid, found in scores.items()
        for n, score in enumerate(found)
    ]
    small.put("entity_links", [*rows, {"image_id": "outranked", "qid": "Q1", "score": 1.0, "place": 2}])


def test_the_threshold_of_an_entity_falls_with_its_pictures(small: SmallLake) -> None:
    small.choose(linking={"min_score": 0.8, "tail_share": 0.5, "tail_pictures": 4})
    put_links(small, Q1=[0.61, 0.59, 0.9, 0.9], Q2=[0.47])
    assert small.pick("label_tail", "qid", "named", "threshold", "linked", "at_min_score", "tail") == [
        ("Q0", 0, 0.4, 0, 0, True), ("Q1", 4, pytest.approx(0.6), 3, 2, False), ("Q2", 1, pytest.approx(0.48), 0, 0, True),
    ]  # fmt: skip


def test_only_links_above_their_threshold_are_evidence_beside_searches(small: SmallLake) -> None:
    small.choose(linking={"min_score": 0.8, "tail_share": 0.5, "tail_pictures": 4})
    put_links(small, Q1=[0.61, 0.59, 0.9, 0.9])
    small.make("label_tail")
    small.put("images", [{"image_id": "found"}])
    small.put("queries", [{"query_id": "q", "text": "red apple", "qid": "Q1"}])
    hits = [("q", "Q1", 3, "u"), ("q", "Q1", 2, "v"), ("retired", "Q1", 1, "u"), ("other", "Q7", 1, "u")]
    small.put("hits", [{"query_id": q, "qid": qid, "rank": rank, "url_id": url} for q, qid, rank, url in hits])
    small.put("downloads", [{"url_id": url, "image_id": "found"} for url in "uv"])
    assert small.pick("image_entities", "image_id", "qid", "evidence", "query_id", "query_text", "rank", "score") == [
        ("Q1-0", "Q1", "text", "", "", None, 0.61), ("Q1-2", "Q1", "text", "", "", None, 0.9), ("Q1-3", "Q1", "text", "", "", None, 0.9),
        ("found", "Q1", "query", "q", "red apple", 2, pytest.approx(1 / (1 + math.log(2)))),
        ("found", "Q1", "query", "retired", "", 1, 1.0),
    ]  # fmt: skip


def shown(small: SmallLake, **pictures: int) -> None:
    """Give entities so many kept pictures."""
    ids = {qid: [f"{qid}-{n}" for n in range(count)] for qid, count in pictures.items()}
    small.put("entities", [{"qid": qid, "label": qid.lower()} for qid in pictures])
    small.put("kept_images", [{"image_id": image} for images in ids.values() for image in images])
    small.put(
        "image_entities",
        [{"image_id": image, "qid": qid} for qid, images in ids.items() for image in [*images, "not kept"]],
    )


def test_class_indices_are_for_good(small: SmallLake) -> None:
    small.choose(linking={"min_class_pictures": 2})
    columns = ("qid", "class_index", "image_count", "reason")
    shown(small, Q10=2, Q2=3, Q3=1, Q4=0)
    first = [
        ("Q10", 0, 2, None),
        ("Q2", 1, 3, None),
        ("Q3", None, 1, "too_few_pictures"),
        ("Q4", None, 0, "no_pictures"),
    ]
    assert small.pick("label_vocabulary", *columns) == first
    small.lake.seal_round()
    shown(small, Q1=2, Q2=1, Q3=2)
    assert small.pick("label_vocabulary", *columns) == [
        ("Q1", 2, 2, None), ("Q10", 0, 0, "no_entity"), ("Q2", 1, 1, "too_few_pictures"), ("Q3", 3, 2, None),
    ]  # fmt: skip
    shown(small, Q1=2, Q10=2)
    assert small.pick("label_vocabulary", *columns) == [
        ("Q1", 2, 2, None), ("Q10", 0, 2, None), ("Q2", 1, 0, "no_entity"), ("Q3", 3, 0, "no_entity"),
    ]  # fmt: skip


class TextEncoder(LocalCluster):
    """A cluster that embeds each text as its length, and notes which texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[list[str]] = []

    def run(self, job: Job, watch: Watcher | None = None) -> dict[str, Any]:
        spec = json.loads(job.spec_json)
        texts = pq.read_table(Path(spec["root"]) / spec["texts"])["text"].to_pylist()
        vectors = pa.array([[float(len(text))] for text in texts], pa.list_(pa.float32()))
        pq.write_table(pa.table({"text": texts, "vector": vectors}), job.folder / "texts.parquet")
        self.given.append(texts)
        return {"counts": {}}


def test_names_with_their_descriptions_are_embedded_once(small: SmallLake) -> None:
    put_graph(small)
    assert small.make("entity_vectors") == []
    small.choose(encoder=ENCODER)
    small.place.cluster = encoder = TextEncoder()
    assert small.pick("entity_vectors", "qid", "text", "vector")[2] == ("Q3", "lion: a cat", [11.0])
    small.put("entities", [{"qid": "Q3", "label": "lion", "description": "a cat"}, {"qid": "Q4", "label": "tiger"}])
    assert small.pick("entity_vectors", "qid", "text") == [("Q3", "lion: a cat"), ("Q4", "tiger")]
    assert [len(texts) for texts in encoder.given] == [3, 1]
    small.choose(encoder={**ENCODER, "sha256": "1" * 64})
    small.place.cluster = encoder
    small.make("entity_vectors")
    assert encoder.given[-1] == ["lion: a cat", "tiger"]
