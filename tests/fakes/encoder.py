"""A cluster door whose encoder counts words: what embeds pictures and texts in tests, and remembers what it was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entitynet_assets.cluster import Job

WORDS = ("apple", "pear", "blood", "paint", "person", "statue", "else")


def vector_of(text: str) -> list[float]:
    """Return the unit vector of a text: which of the words it has, or `else` where it has none."""
    counts = np.array([word in text for word in WORDS[:-1]] + [False], dtype=np.float32)
    counts[-1] = not counts.any()
    return (counts / np.linalg.norm(counts)).tolist()


class WordEncoder:
    """Embeds pictures that are files of words; one whose words begin with `broken` cannot be read."""

    def __init__(self) -> None:
        self.pictures: list[list[str]] = []  # asked for, job by job
        self.texts: list[list[str]] = []

    def run(self, job: Job, watch: Any = None) -> dict[str, Any]:
        """Do as entitynet_train.embed does."""
        assert job.module == "entitynet_train.embed"
        spec, counts = json.loads(job.spec_json), {"pictures": 0, "embedded": 0, "unreadable": 0, "texts": 0}
        root = Path(spec["root"])
        if spec["images"]:
            rows = pq.read_table(root / spec["images"]).to_pylist()
            said = {row["image_id"]: (root / row["path"]).read_text() for row in rows}
            self.pictures.append(sorted(said))
            read = {key: vector_of(words) for key, words in said.items() if not words.startswith("broken")}
            write(job.folder / "embeddings.parquet", "image_id", read)
            counts |= {"pictures": len(said), "embedded": len(read), "unreadable": len(said) - len(read)}
        if spec["texts"]:
            texts = [row["text"] for row in pq.read_table(root / spec["texts"]).to_pylist()]
            self.texts.append(sorted(texts))
            write(job.folder / "texts.parquet", "text", {text: vector_of(text) for text in texts})
            counts["texts"] = len(texts)
        return {"counts": counts}


def write(path: Path, key: str, vectors: dict[str, list[float]]) -> None:
    types = pa.schema([(key, pa.string()), ("vector", pa.list_(pa.float32()))])
    pq.write_table(
        pa.Table.from_pylist([{key: name, "vector": vector} for name, vector in vectors.items()], types), path
    )
