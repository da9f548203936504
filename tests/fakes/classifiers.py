"""Classifiers as a study may name them, sound and not, and a cluster door that runs their jobs in this process."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from entitynet_assets.cluster import Job, JobLost

SEVEN = 7


def redness(pictures: list[Image.Image]) -> list[float]:
    """Return the share of red in the light of each picture, 0 to 1."""
    assert all(picture.mode == "RGB" for picture in pictures)
    return [float(np.asarray(picture)[..., 0].sum() / max(1, np.asarray(picture).sum())) for picture in pictures]


def one_short(pictures: list[Image.Image]) -> list[float]:
    """Answer for all pictures but the last."""
    return redness(pictures)[1:]


def no_number(pictures: list[Image.Image]) -> list[float]:
    """Answer what is no number for the last picture."""
    return [*redness(pictures)[1:], float("nan")]


def without_end(pictures: list[Image.Image]) -> list[float]:
    """Answer infinity for the last picture."""
    return [*redness(pictures)[1:], float("inf")]


def in_words(pictures: list[Image.Image]) -> list[str]:
    """Answer in words."""
    return ["red"] * len(pictures)


class InlineCluster:
    """Runs the jobs of entitynet_train in this process, and remembers which pictures each was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []  # classifier, pictures; job by job

    def run(self, job: Job, watch: Any = None) -> dict[str, Any]:
        """Do as the cluster door does, without a process."""
        spec = json.loads(job.spec_json)
        rows = pq.read_table(f"{spec['root']}/{spec['images']}").to_pylist()
        self.asked.append((spec["classifier"], [row["image_id"] for row in rows]))
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / "spec.json").write_text(job.spec_json)
        entry = importlib.import_module(job.module)
        if entry.main(["--spec", str(job.folder / "spec.json"), "--out", str(job.folder)]):
            raise JobLost(f"{job.module} ended without a result")
        return json.loads((job.folder / "result.json").read_text())
