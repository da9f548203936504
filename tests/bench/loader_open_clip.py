"""The peer of the loader benchmark: open_clip's own webdataset pipeline, run in .bench/open_clip_train."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from argparse import Namespace
from pathlib import Path

from entitynet_train.compat import import_open_clip
from tests.bench.loader import BATCH, EPOCHS, PICTURES, SHARDS, WORKERS, rates


def core_seconds() -> float:
    """Return what this process and its loader processes have worked so far."""
    worked = time.process_time()
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        worked += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return worked


def main() -> None:
    """Go through the epochs and print pictures a second as JSON."""
    open_clip = import_open_clip()
    from open_clip_train.data import get_wds_dataset

    augmentation = {"scale": (0.4, 1.0), "ratio": (0.9, 1 / 0.9)}
    transform = open_clip.image_transform(224, is_train=True, aug_cfg=augmentation)
    tokenizer = open_clip.SimpleTokenizer(context_length=32)
    tars = str(Path(sys.argv[1]) / "peer" / f"{{00000..{SHARDS - 1:05d}}}.tar")
    arguments = Namespace(
        train_data=tars, val_data=None, train_num_samples=PICTURES, dataset_resampled=False, seed=0, workers=WORKERS,
        batch_size=BATCH, world_size=1, train_data_upsampling_factors=None,
    )  # fmt: skip
    data = get_wds_dataset(arguments, transform, is_train=True, tokenizer=tokenizer)
    clock, core, shape = [time.perf_counter()], [core_seconds()], ""
    for epoch in range(EPOCHS):
        data.set_epoch(epoch)
        for images, texts in data.dataloader:
            shape = str((images.shape, texts.shape))
        clock.append(time.perf_counter())
        core.append(core_seconds())
    print(json.dumps({"shape": shape, **rates(clock, core)}))


if __name__ == "__main__":
    main()
