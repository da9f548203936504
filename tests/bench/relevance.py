"""Whether an encoder tells wrong search results and leaks: `make bench NAME=relevance`, on sample worlds, with the demo's model.

A first world is harvested and its demo recipe trained, or the folder of an export is given; then the model judges that world, as a
next round would, and one of other drawings of the same entities. The plan says what each picture shows, so figures need no labels.
Edited copies of held-out pictures are held against their originals by hash and by embedding.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

from entitynet_assets.cluster import Job, LocalCluster
from entitynet_assets.pictures import Kept, read_picture
from entitynet_assets.sample.world import make_world
from entitynet_assets.studies.models import load_study
from entitynet_train.spec import EmbedSpec, fingerprint, to_json
from tests.fakes.rooms import HARVEST, Rooms, changed, serving

COSINES = (0.8, 0.9, 0.96, 0.98, 0.99)
ORIGINALS = 96
EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is, JPEG 60": lambda image: image,
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "5 % cut off each side": lambda image: _cropped(image, 0.05),
    "15 % cut off each side": lambda image: _cropped(image, 0.15),
    "mirrored": ImageOps.mirror,
    "a white frame of 10 %": lambda image: ImageOps.expand(image, image.width // 10, "white"),
    "turned by 5 degrees": lambda image: image.rotate(5, fillcolor="white"),
    "in grey": lambda image: image.convert("L").convert("RGB"),
}


def _cropped(image: Image.Image, share: float) -> Image.Image:
    x, y = int(image.width * share), int(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


def area_under_roc(good: list[float], bad: list[float]) -> float:
    """Return the share of pairs (good, bad) in which the good one has the higher score; ties count half (Mann-Whitney)."""
    one, other = np.array(good)[:, None], np.array(bad)[None, :]
    return float(np.mean((one > other) + 0.5 * (one == other)))


def trained(folder: Path) -> dict[str, str]:
    """Harvest the sample world and train its demo recipe; returns the model's folder and sha256."""
    with serving(make_world()) as server:
        rooms = Rooms(changed(load_study("sample"), recipes=["demo"]), folder, server)
        rooms.bring(*HARVEST, "checkpoints")
        (row,) = rooms.rows("checkpoints")
        rooms.close()
    return {"model": str(rooms.lake.root / row["path"]), "sha256": row["export_sha256"]}


def judged(seed: int, encoder: dict[str, str], folder: Path) -> dict[str, Any]:
    """Harvest a world and let the encoder judge it."""
    with serving(make_world(seed=seed)) as server:
        study = changed(load_study("sample"), sample={"seed": seed}, encoder=encoder)
        rooms = Rooms(study, folder, server)
        rooms.bring(*[name for name in HARVEST if name not in ("samples", "shards", "release", "caption_mixes")])
        plan = {row.url: row for row in server.world.plan()}
        found = {
            "relevance": _relevance(rooms, plan),
            "leaks": _leaks(rooms, plan),
            "edits": _edited(rooms, encoder, folder),
        }
        rooms.close()
    return found


def _relevance(rooms: Rooms, plan: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, set[str]] = {}
    asked: dict[str, set[str]] = {}
    of_url = {row["url_id"]: row["image_id"] for row in rooms.rows("downloads") if row["image_id"]}
    for row in rooms.rows("hits"):
        if image := of_url.get(row["url_id"]):
            shown.setdefault(image, set()).add(plan[row["image_url"]].qid)
            asked.setdefault(image, set()).add(row["qid"])
    broken = {
        image
        for url, image in of_url.items()
        for one in [plan[_address(rooms, url)]]
        if one.fault not in ("ok", "wrong")
    }
    score = {row["image_id"]: row["relevance"] for row in rooms.rows("embeddings") if row["relevance"] is not None}
    right = [score[one] for one in asked if one in score and one not in broken and shown[one] & asked[one]]
    wrong = [score[one] for one in asked if one in score and one not in broken and not shown[one] & asked[one]]
    limits = np.quantile(right, [0.01, 0.05, 0.1])
    return {
        "right": len(right), "wrong": len(wrong), "auc": round(area_under_roc(right, wrong), 3),
        "mean_right": round(float(np.mean(right)), 3), "mean_wrong": round(float(np.mean(wrong)), 3),
        "wrong_rejected_where_right_lost": {
            f"{share:.0%} at {limit:.3f}": round(float(np.mean(np.array(wrong) < limit)), 3)
            for share, limit in zip((0.01, 0.05, 0.1), limits, strict=True)
        },
    }  # fmt: skip


def _address(rooms: Rooms, url_id: str) -> str:
    if not hasattr(rooms, "addresses"):
        rooms.addresses = {row["url_id"]: row["image_url"] for row in rooms.rows("urls")}  # type: ignore[attr-defined]
    return rooms.addresses[url_id]  # type: ignore[attr-defined]


def _leaks(rooms: Rooms, plan: dict[str, Any]) -> dict[str, Any]:
    planned = {
        row["image_id"] for row in rooms.rows("downloads") if row["image_id"] and plan[row["image_url"]].fault == "leak"
    }
    ids, ours = _matrix(rooms, "embeddings")
    _, held = _matrix(rooms, "benchmark_embeddings")
    best = dict(zip(ids, (ours @ held.T).max(axis=1).tolist(), strict=True))
    by_hash = {row["image_id"] for row in rooms.rows("leaks") if row["found_by"] != "embedding"}
    found = {"by hash": [len(planned & by_hash), len(by_hash - planned)]}
    for cosine in COSINES:
        near = {one for one, value in best.items() if value >= cosine}
        found[f"by cosine {cosine}"] = [len(planned & near), len(near - planned)]
    return {"planned": len(planned), "pictures": len(ids), "found_and_false": found}


def _matrix(rooms: Rooms, table: str) -> tuple[list[str], np.ndarray]:
    rows = rooms.rows(table)
    return [row["image_id"] for row in rows], np.array([row["vector"] for row in rows], dtype=np.float32)


def _edited(rooms: Rooms, encoder: dict[str, str], folder: Path) -> dict[str, Any]:
    held = {row["image_id"]: row for row in rooms.rows("benchmark_images")}
    chosen = sorted(held)[:ORIGINALS]
    paths, hashes = folder / "edits", {}
    paths.mkdir()
    for edit, change in EDITS.items():
        for one in chosen:
            with Image.open(rooms.lake.root / held[one]["path"]) as image:
                buffer = io.BytesIO()
                change(image.convert("RGB")).save(buffer, "JPEG", quality=60)
            name = f"{edit}|{one}"
            path = paths / f"{hashlib.sha256(name.encode()).hexdigest()}.jpg"
            path.write_bytes(buffer.getvalue())
            hashes[name] = (read_picture(buffer.getvalue(), Kept(96)).phash, path.name)
    pq.write_table(
        pa.table({"image_id": list(hashes), "path": [path for _, path in hashes.values()]}), paths / "images.parquet"
    )
    spec = EmbedSpec(encoder["model"], encoder["sha256"], "edits", root=str(paths), images="images.parquet")
    job = Job("entitynet_train.embed", to_json(spec), folder / fingerprint(spec)[:8])
    LocalCluster().run(job)
    vectors = {
        row["image_id"]: np.array(row["vector"]) for row in pq.read_table(job.folder / "embeddings.parquet").to_pylist()
    }
    of_held = dict(zip(*_matrix(rooms, "benchmark_embeddings"), strict=True))
    shares: dict[str, Any] = {}
    for edit in EDITS:
        pairs = [(f"{edit}|{one}", one) for one in chosen]
        near = [
            (hashes[name][0] ^ held[one]["phash"]).bit_count() <= rooms.study.curation.leak_radius
            for name, one in pairs
        ]
        cosine = np.array([vectors[name] @ of_held[one] for name, one in pairs])
        shares[edit] = {"hash": round(float(np.mean(near)), 2)} | {
            str(c): round(float(np.mean(cosine >= c)), 2) for c in COSINES
        }
    return shares


def main() -> None:
    """Print the figures as JSON; an argument is the folder of an export to take instead of training one."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        if len(sys.argv) > 1:
            weights = next(
                path for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in (".safetensors", ".bin")
            )
            encoder = {"model": sys.argv[1], "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
        else:
            encoder = trained(root / "first")
        found = {f"world {seed}": judged(seed, encoder, root / f"world-{seed}") for seed in (0, 1)}
    print(json.dumps(found, indent=1))
    print(json.dumps({name: one["relevance"]["auc"] for name, one in found.items()}))


if __name__ == "__main__":
    main()
