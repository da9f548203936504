"""From held-out pictures of two parts to rows of scores: a real export, a real evaluation."""

from __future__ import annotations

import json
import shutil

import pytest

from entitynet_train import train
from tests.small_lake import SmallLake
from tests.train.conftest import tiny_world, write_spec

__all__ = ["tiny_world"]
PROTOCOLS = ["zero_shot", "few_shot", "linear_probe"]


@pytest.fixture
def held_out(small: SmallLake, tiny_world, tmp_path) -> SmallLake:
    """A lake with an untrained checkpoint and a benchmark of eight pictures a class, the last two of them to learn from."""
    benchmark = {"name": "shapes", "manifest": "m", "protocols": PROTOCOLS, "templates": ["a {}"]}
    small.choose(recipes=["demo"], benchmarks=[benchmark, {"name": "absent", "manifest": "n"}])
    spec, out = write_spec(tmp_path / "spec.json", tiny_world.run_spec(samples_seen=0)), tmp_path / "train"
    assert train.main(["--spec", str(spec), "--out", str(out)]) == 0
    result = json.loads((out / "result.json").read_text())
    shutil.copytree(out / "export", small.lake.root / "export")
    checkpoint = {"recipe": "demo", "step": 0, "export_sha256": result["export_sha256"], "path": "export"}
    small.put("checkpoints", [checkpoint], "demo")
    tiny_world.benchmark()
    rows = []
    for file in sorted((tiny_world.root / "benchmark").glob("*.jpg")):
        qid, number = file.stem.split("_")
        path = small.lake.put_blob("held_out", f"{file.stem}.jpg", file.read_bytes())
        part = "train" if int(number) >= 6 else "test"
        rows.append({"benchmark": "shapes", "image_id": file.stem, "class_id": qid, "class_name": tiny_world.classes[qid],
                     "path": path, "part": part})  # fmt: skip
    small.put("benchmark_images", rows)
    return small


def test_a_benchmark_is_scored_by_its_protocols_and_its_training_part_is_not_scored(held_out: SmallLake) -> None:
    predictions = held_out.make("predictions", "demo")
    assert len(predictions) == 24
    assert not {row["image_id"] for row in predictions if row["image_id"][-1] in "67"}
    rows = {(row["protocol"], row["metric"]): row for row in held_out.make("scores", "demo")}
    assert set(rows) == {
        ("zero_shot", "acc1"), ("zero_shot", "mean_per_class_recall"), ("few_shot", "acc1@1-shot"), ("linear_probe", "acc1"),
    }  # fmt: skip
    for row in rows.values():
        assert (row["benchmark"], row["count"], row["chance"]) == ("shapes", 24, 0.25)
        assert row["low"] <= row["value"] <= row["high"]
    assert rows["zero_shot", "acc1"]["settings"] == "templates: a {}; names: first"
    assert rows["linear_probe", "acc1"]["settings"].endswith("learnt from 8 pictures")
    record = held_out.lake.record("predictions", "demo")
    assert record is not None
    assert record.counts["few_shot_classes_left_out@5-shot"] == 4
