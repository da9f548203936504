"""Near-duplicate benchmark against imagededup: `python -m tests.bench.dedup [--peer HASHES] [HASHES ...]`.

All pairs of 64-bit hashes within 3 bits; a fifth of the hashes are copies of others with up to 4 bits changed. The peer is handed the
same hashes through its own hashing class, which compares every two, so it is run on ten thousand unless told otherwise; both must find
the same pairs. Ours is run on more, each number in a process of its own, so that growth and peak memory are told.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from entitynet_assets.curation.duplicates import pairs_within
from tests.bench.harness import in_own_process, last_line, measured, peer_python

RADIUS = 3
WITH_PEER = 10_000
DIGESTED = 100_000  # up to so many hashes the pairs are held against the peer's
SIZES = (1_000_000, 10_000_000, 30_000_000)


def make_hashes(count: int) -> np.ndarray:
    """Return `count` hashes, a fifth of them others with up to 4 bits changed, a thousand of them one and the same."""
    rng = np.random.default_rng(0)
    own = count - count // 5
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    hashes[own:] = hashes[rng.integers(0, own, count - own)]
    for _ in range(4):
        bits = np.uint64(1) << rng.integers(0, 64, count - own, dtype=np.uint64)
        hashes[own:] ^= np.where(rng.random(count - own) < 0.6, bits, np.uint64(0))
    hashes[: min(1000, count // 1000)] = hashes[0]
    return hashes


def digest(pairs: np.ndarray) -> str:
    """Return a digest of pairs (i, j), i < j, whatever their order."""
    ordered = np.unique(pairs.astype(np.int64), axis=0)
    return hashlib.sha256(ordered.tobytes()).hexdigest()


def search(path: str) -> dict[str, Any]:
    """Find the pairs of a file of hashes, frequent hashes in full."""
    hashes, found = np.load(path), []

    def pairs() -> int:
        found.append(pairs_within(hashes, RADIUS, most=len(hashes))[0])
        return len(found[0])

    return {**measured({"pairs": pairs}), "digest": digest(found[0]) if len(hashes) <= DIGESTED else ""}


def main() -> None:
    """Print a line for each number of hashes, and the line of JSON."""
    if sys.argv[1:2] == ["search"]:
        print(json.dumps(search(sys.argv[2])))
        return
    peer = peer_python("imagededup", ["imagededup>=0.3.3", "torch>=2.6", "torchvision"])
    growth: dict[str, list[float]] = {}
    asked = sys.argv[1:]
    with_peer = int(asked[asked.index("--peer") + 1]) if "--peer" in asked else WITH_PEER
    sizes = list(map(int, asked[2:] if "--peer" in asked else asked)) or list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        for count in (with_peer, *sizes):
            path = str(Path(folder) / "hashes.npy")
            np.save(path, make_hashes(count))
            ours = in_own_process(sys.executable, "tests.bench.dedup", "search", path)
            if count == with_peer:
                first, theirs = ours, in_own_process(peer, "tests.bench.dedup_imagededup", path, str(RADIUS))
                if theirs["digest"] != ours["digest"]:
                    raise SystemExit(
                        f"not the same pairs: {ours['answers']['pairs']} of ours, {theirs['pairs']} of the peer"
                    )
                print(
                    f"{count} hashes, imagededup: {theirs['cpu_seconds']} s of cores, {theirs['seconds']} s by the clock"
                )
            growth[str(count)] = [ours["cpu_seconds"]["pairs"], ours["peak_mib"]]
            print(f"{count} hashes, ours: {ours['cpu_seconds']['pairs']} s of a core, {ours['seconds']['pairs']} s by the clock,"
                  f" {ours['peak_mib']} MiB, {ours['answers']['pairs']} pairs")  # fmt: skip
    print(last_line("dedup", first["cpu_seconds"]["pairs"], theirs["cpu_seconds"], "s of cores", growth=growth))


if __name__ == "__main__":
    main()
