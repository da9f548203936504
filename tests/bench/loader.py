"""Pictures per second from tars to a batch of floats and tokens, against open_clip's own pipeline: `make bench NAME=loader`.

Both sides have the same JPEGs (shorter side 512, quality 90) and texts, crop 0.4 to 1.0 of the area to 224 px, 32 tokens, batches of 64,
two threads here and two processes there. Texts are all distinct, so whole texts are never met twice in the measured epoch. Times are
taken from the second epoch on; those of a core include all threads and processes of a side.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bench.harness import in_own_process, last_line, peer_python

PICTURES, SHARDS, BATCH, WORKERS, EPOCHS = 1536, 8, 64, 2, 3
SIDES = ((683, 512), (512, 683), (768, 512), (512, 512))
PEER = ("open_clip_torch[training]>=3.3,<4", "webdataset<=0.2.86", "torch>=2.6,<2.14")


def draw(number: int) -> bytes:
    """Return a JPEG like a stored photograph: soft shapes with noise."""
    rng = np.random.default_rng(number)
    width, height = SIDES[number % len(SIDES)]
    shapes = Image.fromarray(rng.integers(0, 255, (height // 40 + 2, width // 40 + 2, 3), dtype=np.uint8))
    soft = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    image = Image.fromarray(np.clip(soft + rng.normal(0, 5, (height, width, 1)), 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def caption(number: int) -> str:
    """Return a text of eight to twenty words, a few of them in every text and most of them rare."""
    rng = np.random.default_rng([number, 1])
    letters = np.array(list("abcdefghiklmnoprstuvwy"))
    words = [
        "".join(np.random.default_rng([int(one), 2]).choice(letters, 3 + one % 7)) for one in rng.zipf(1.3, 20) % 50_000
    ]
    return f"A {' '.join(words[: rng.integers(5, 17)])} no. {number}".capitalize()


def generate(folder: Path) -> None:
    """Write the tars of both sides and the words of ours."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards: list[dict[str, Any]] = []
    for number in range(SHARDS):
        rows = [(draw(one), caption(one)) for one in range(number, PICTURES, SHARDS)]
        rows = sorted((hashlib.sha256(raw).hexdigest(), raw, text) for raw, text in rows)  # type: ignore[misc]
        name = f"{number:05d}"
        for side, with_text in (("ours", False), ("peer", True)):
            (folder / side).mkdir(exist_ok=True)
            with tarfile.open(folder / side / f"{name}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
                for key, raw, text in rows:  # type: ignore[misc]
                    _add(tar, f"{key}.jpg", raw)
                    if with_text:
                        _add(tar, f"{key}.txt", text.encode())
        columns = {
            "image_id": [row[0] for row in rows],
            "source": ["alt_text"] * len(rows),
            "text": [row[2] for row in rows],
        }  # type: ignore[misc]
        pq.write_table(pa.table(columns), folder / "ours" / f"{name}.parquet")
        sha256 = hashlib.sha256((folder / "ours" / f"{name}.tar").read_bytes()).hexdigest()
        shards.append(
            {"name": name, "sha256": sha256, "samples": len(rows), "tar": f"{name}.tar", "texts": f"{name}.parquet"}
        )
    (folder / "shards.json").write_text(json.dumps(shards))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def ours(folder: Path) -> dict[str, Any]:
    """Go through the epochs with our loader, and make floats of the pixels as the training loop does."""
    import torch

    from entitynet_train.data import Batches, load_batches
    from entitynet_train.model import RandomCrop, build_tokenizer, normalise
    from entitynet_train.spec import CaptionMix, DataSpec, RunSpec, ShardSpec

    torch.set_num_threads(1)
    shards = tuple(ShardSpec(**one) for one in json.loads((folder / "shards.json").read_text()))
    data = DataSpec("bench", "", "", shards, str(folder / "ours"), (), (), ())
    spec = RunSpec(
        "bench", "ViT-B-32", CaptionMix("alt", {"alt_text": 1.0}), data, EPOCHS * PICTURES, BATCH, 1e-3, workers=WORKERS
    )
    batches = Batches(spec, 0, RandomCrop(224, 0.4), build_tokenizer(spec))
    clock, core = [time.perf_counter()], [time.process_time()]
    for number, batch in enumerate(load_batches(batches, range(spec.steps), WORKERS), 1):
        shape = (normalise(batch.image_BHWC).shape, batch.text_BT.shape)
        if number % (PICTURES // BATCH) == 0:
            clock.append(time.perf_counter())
            core.append(time.process_time())
    return {"shape": str(shape), **rates(clock, core)}


def rates(clock: list[float], core: list[float]) -> dict[str, float]:
    """Return pictures a second from times at the ends of epochs, the first epoch left out."""
    seen = PICTURES * (len(clock) - 2)
    return {"per_s": round(seen / (clock[-1] - clock[1]), 1), "per_core_s": round(seen / (core[-1] - core[1]), 1)}


def main() -> None:
    """Measure both sides and print the ratio by the time of a core, and by the clock."""
    if len(sys.argv) > 1:
        print(json.dumps(ours(Path(sys.argv[1]))))
        return
    python = peer_python("open_clip_train", PEER)
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        mine = in_own_process(sys.executable, "tests.bench.loader", scratch)
        theirs = in_own_process(python, "tests.bench.loader_open_clip", scratch)
    if mine.pop("shape") != theirs.pop("shape"):
        raise RuntimeError("the two sides make batches of different shapes")
    print(json.dumps({"ours": mine, "open_clip": theirs}))
    more = {
        "ours_per_s": mine["per_s"],
        "peer_per_s": theirs["per_s"],
        "ratio_per_s": round(mine["per_s"] / theirs["per_s"], 3),
    }
    print(last_line("loader", mine["per_core_s"], theirs["per_core_s"], "pictures/s of a core", **more))


if __name__ == "__main__":
    main()
