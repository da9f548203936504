"""How well texts and pictures are linked, on held-out pictures of a finished lake: `python -m tests.labels.measure LAKE [CHECKPOINT]`.

The encoder is a checkpoint of that lake (the best of its leaderboard, or the recipe named), which never saw these pictures. Of each
held-out picture what it shows is known. Its text is a genuine alt text (ENTITYNET_DATA) that names no entity, with a name put between
two of its words, by seed: the label of what the picture shows (2 of 5), an invented name that two entities have in common, drawn at
random, one of them shown (2 of 5), or the label of another entity (1 of 5), as pages say it of pictures that show something else. No
search found these pictures, as it is with a table of addresses and texts. Printed are, with and without the picture: of shared names,
how often the right one of the two is meant; of all links that pass, precision, recall and F1 against what the pictures show.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from entitynet_assets.labels.linking import Names
from entitynet_assets.lake import Lake
from tests.bench.linking import genuine_texts
from tests.small_lake import SmallLake

MADE = ("entity_names", "embeddings", "entity_vectors", "mentions", "entity_links", "label_tail", "image_entities")
TOLD, SHARED = 0.4, 0.8  # of the pictures: up to here the label, up to here a shared name, the rest another's label
GRID = ({}, {"weight_image": 1.0}, {"weight_image": 2.0}, {"min_score": 0.8}, {"min_score": 0.8, "tail_share": 1.0})
SYLLABLES = [a + b for a in "bdfgklmnprtvz" for b in "aeiou"]


def world(lake: Lake, said: list[str], seed: int) -> dict[str, Any]:
    """Return entities with invented shared names, and pictures with what they show and what is said of them."""
    rng = random.Random(seed)
    pictures = lake.rows("benchmark_images")
    entities = {row["qid"]: row for row in lake.rows("entities")}
    shown = sorted({row["class_id"] for row in pictures} & entities.keys())
    rng.shuffle(shown)
    shared = {qid: f"{''.join(SYLLABLES[(place // 2 * 7 + n * 11) % len(SYLLABLES)] for n in range(3))}{place // 2:02d}"
              for place, qid in enumerate(shown[: len(shown) // 2 * 2])}  # fmt: skip
    texts = lake.rows("entity_texts")
    known = Names(
        (row["text"].lower(), row["qid"])
        for row in texts
        if row["kind"] in ("label", "alias", "taxon_name", "common_name")
    )
    plain = [text for text in said if not any(True for _ in known.mentions(text))]
    rows = []
    for row in pictures:
        qid, draw = row["class_id"], rng.random()
        if qid not in shared:
            continue
        kind = "label" if draw < TOLD else "shared" if draw < SHARED else "another"
        called = {"label": entities[qid]["label"], "shared": shared[qid]}.get(kind) or entities[
            rng.choice([q for q in shown if q != qid])
        ]["label"]
        words = rng.choice(plain).split()
        place = rng.randint(0, len(words))
        rows.append(
            {
                "image_id": row["image_id"],
                "path": row["path"],
                "qid": qid,
                "kind": kind,
                "text": " ".join([*words[:place], called, *words[place:]]),
            }
        )
    return {"entities": list(entities.values()), "shared": shared, "entity_texts": texts, "pictures": rows}


def linked(
    made: dict[str, Any], lake: Lake, folder: Path, encoder: dict[str, str] | None, **linking: float
) -> SmallLake:
    """Link the texts of a world in a lake of its own; `linking` are keys of the study."""
    small = SmallLake(folder, linking=linking, **({"encoder": encoder} if encoder else {}))
    if not (small.lake.root / "blobs").exists():
        (small.lake.root / "blobs").symlink_to(lake.root.resolve() / "blobs")
    small.put("entities", made["entities"])
    invented = [{"qid": qid, "kind": "alias", "language": "en", "text": name} for qid, name in made["shared"].items()]
    small.put("entity_texts", [*made["entity_texts"], *invented])
    small.put("entity_parents", lake.rows("entity_parents"))
    small.put("images", [{"image_id": row["image_id"], "path": row["path"]} for row in made["pictures"]])
    small.put(
        "image_texts",
        [{"image_id": row["image_id"], "source": "alt_text", "text": row["text"]} for row in made["pictures"]],
    )
    for name in MADE:
        small.make(name)
    return small


def figures(made: dict[str, Any], small: SmallLake) -> dict[str, float]:
    """Return what was measured, as shares."""
    links = small.lake.rows("entity_links")
    candidates = {(row["image_id"], row["qid"]) for row in links}
    meant = {(row["image_id"], row["qid"]) for row in links if row["place"] == 1}
    passed = {(row["image_id"], row["qid"]) for row in small.lake.rows("image_entities")}
    truth = {(row["image_id"], row["qid"]) for row in made["pictures"]}
    said = {(row["image_id"], row["qid"]): row["kind"] for row in made["pictures"] if row["kind"] != "another"}
    both = [pair for pair, kind in said.items() if kind == "shared"]
    tail = [row for row in small.lake.rows("label_tail") if row["named"] > 0]
    right = len(passed & truth)
    precision, recall = right / max(len(passed), 1), right / len(truth)
    return {
        "pictures": len(truth), "shared_names": len(both),
        "candidate_recall": round(len(said.keys() & candidates) / len(said), 3),
        "right_of_shared": round(len(meant & set(both)) / len(both), 3),
        "links": len(passed), "precision": round(precision, 3), "recall": round(recall, 3),
        "entities_named": len(tail), "entities_wiped_out": sum(row["linked"] == 0 for row in tail),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 3),
    }  # fmt: skip


def main(root: str, recipe: str | None = None) -> None:
    """Print the figures without and with the picture, at several weights and thresholds, as lines of JSON."""
    lake = Lake(root)
    best = recipe or lake.rows("leaderboard")[0]["recipe"]
    row = next(row for row in lake.rows("checkpoints") if row["recipe"] == best)
    encoder = {"model": str((lake.root / row["path"]).resolve()), "sha256": row["export_sha256"]}
    said = genuine_texts()
    for seed in (0, 1, 2):
        made = world(lake, said, seed)
        with tempfile.TemporaryDirectory() as folder:
            print(
                json.dumps({"seed": seed, "picture": False, **figures(made, linked(made, lake, Path(folder), None))}),
                flush=True,
            )
            for linking in GRID:
                found = figures(made, linked(made, lake, Path(folder), encoder, **linking))
                print(json.dumps({"seed": seed, "picture": True, "recipe": best, **linking, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
