"""The peer of the near-duplicate benchmark, run in its own environment: imagededup's search over hashes that it is handed."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import resource
import sys
import time

import numpy as np


def main() -> None:
    """Print the time and the digest of all pairs within the radius as JSON."""
    import torch

    box_ops = torch.library.Library("torchvision", "FRAGMENT")  # a CPU torch beside a torchvision for CUDA lacks them
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            box_ops.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from imagededup.methods import PHash  # type: ignore[import-not-found]

    hashes = np.load(sys.argv[1])
    named = {str(number): f"{value:016x}" for number, value in enumerate(hashes.tolist())}
    start, before = time.perf_counter(), cpu_seconds()
    found = PHash(verbose=False).find_duplicates(
        encoding_map=named, max_distance_threshold=int(sys.argv[2]), num_dist_workers=multiprocessing.cpu_count()
    )
    seconds, worked = time.perf_counter() - start, cpu_seconds() - before
    pairs = np.array(
        [(int(i), int(j)) for i, others in found.items() for j in others if int(i) < int(j)], dtype=np.int64
    )
    digest = hashlib.sha256(np.unique(pairs, axis=0).tobytes()).hexdigest()
    print(
        json.dumps(
            {"seconds": round(seconds, 3), "cpu_seconds": round(worked, 3), "pairs": len(pairs), "digest": digest}
        )
    )


def cpu_seconds() -> float:
    """Return the time of cores that this process and those it has ended took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
