"""A lake with generated pictures, packed and released by a process of its own: `python -m tests.fakes.packer FOLDER SEED`.

The seed shuffles the order in which pictures come; the last line is JSON: what every tar and list of the release hashes to.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path

from entitynet_assets.partitions import slice_keys
from entitynet_assets.tables import SAMPLES
from entitynet_assets.text import slice_of
from tests.noise import noise_jpeg
from tests.small_lake import SmallLake

PICTURES = 40


def packed(folder: Path, seed: int) -> SmallLake:
    """Return a lake in which two rounds of pictures, which came in an order of the seed's, are packed and released."""
    small = SmallLake(folder, slices=2, shards={"samples_per_shard": 7})
    contents = [noise_jpeg(number, 16 + number, 20) for number in range(PICTURES)]
    random.Random(seed).shuffle(contents)
    rows = []
    for content in contents:
        image_id = hashlib.sha256(content + b"served").hexdigest()
        path = small.lake.put_blob("stored", f"{image_id}-x.jpg", content)
        facts = {"path": path, "stored_sha256": hashlib.sha256(content).hexdigest(), "round": 1 + int(image_id, 16) % 2}
        rows.append({"image_id": image_id, **facts})
    for made in (1, 2):
        for name in slice_keys(small.study, SAMPLES.slicing):
            new = [one for one in rows if one["round"] <= made and slice_of(one["image_id"], 2) == int(name)]
            small.put("kept_images", new, name)
            small.make("samples", name)
            small.make("shards", name)
    small.make("release")
    return small


def hashes(small: SmallLake) -> dict[str, str]:
    """Return the sha256 of every tar, manifest and index by its path."""
    files = [*small.lake.root.glob("shards/*"), *small.lake.root.glob("release/*.json")]
    return {str(path.relative_to(small.lake.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


if __name__ == "__main__":
    print(json.dumps(hashes(packed(Path(sys.argv[1]), int(sys.argv[2])))))
