"""Packing against a plain copy of the same bytes: `python -m tests.bench.pack [pictures] [kilobytes] [rounds]`.

Both read the same stored files, one a picture, and write them into as many files, each fsynced before the next begins; ours makes
tars, holds every picture against its sha256 and hashes every tar. Sides take turns, the files are in the page cache, and the ratio
is that of the medians. A third side is the standard library's tarfile with as much hashing, for what the writer itself costs.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from entitynet_assets.lake import Lake
from entitynet_assets.shards.assets import SHARDS, shards
from entitynet_assets.stations import run_slice
from tests.bench.harness import last_line, peak_mib
from tests.small_lake import SmallLake

PER_SHARD = 1000


def filled(folder: Path, pictures: int, size: int) -> SmallLake:
    """Return a lake with pictures of random bytes, half to one and a half times the size, assigned to tars."""
    small = SmallLake(folder, shards={"samples_per_shard": PER_SHARD})
    rows = []
    for number in range(pictures):
        chance = random.Random(number)
        content = chance.randbytes(int(size * (0.5 + chance.random())))
        image_id = hashlib.sha256(content).hexdigest()
        path = small.lake.put_blob("stored", f"{image_id}.jpg", content, synced=False)
        rows.append({"image_id": image_id, "path": path, "stored_sha256": image_id})
    small.put("kept_images", rows)
    small.make("samples")
    os.sync()
    return small


def groups(small: SmallLake) -> list[list[Path]]:
    """Return the files of each tar in its order."""
    rows = sorted(small.lake.rows("samples"), key=lambda row: (row["shard"], row["shard_index"]))
    paths = [small.lake.root / row["path"] for row in rows]
    return [paths[start : start + PER_SHARD] for start in range(0, len(paths), PER_SHARD)]


def ours(small: SmallLake, _: Path) -> int:
    """Run the station, as a river does."""
    run_slice(shards, small.place, "000")
    return sum(row["size_bytes"] for row in small.lake.rows("shards"))


def copied(small: SmallLake, out: Path) -> int:
    """Write the same pictures one behind the other."""
    for number, paths in enumerate(groups(small)):
        with (out / str(number)).open("wb") as file:
            for path in paths:
                file.write(path.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    return sum(path.stat().st_size for path in out.iterdir())


def by_tarfile(small: SmallLake, out: Path) -> int:
    """Write the same tars with tarfile's own writer, and hash pictures and tars."""
    for number, paths in enumerate(groups(small)):
        with (
            (out / str(number)).open("wb") as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for path in paths:
                content = path.read_bytes()
                hashlib.sha256(content).hexdigest()
                info = tarfile.TarInfo(path.name)
                info.size, info.mode = len(content), 0o444
                tar.addfile(info, io.BytesIO(content))
            tar.close()
            file.flush()
            os.fsync(file.fileno())
        with (out / str(number)).open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return sum(path.stat().st_size for path in out.iterdir())


def timed(side: Callable[[SmallLake, Path], int], small: SmallLake) -> dict[str, float]:
    """Run a side once on an empty folder; returns seconds of the clock, of a core, and megabytes written."""
    forget(small.lake)
    with tempfile.TemporaryDirectory(dir=small.lake.root) as out:
        begun, worked = time.perf_counter(), time.process_time()
        size = side(small, Path(out))
        return {"s": time.perf_counter() - begun, "cpu_s": time.process_time() - worked, "mb": size / 1e6}


def forget(lake: Lake) -> None:
    """Forget that tars were packed."""
    shutil.rmtree(lake.root / "shards", ignore_errors=True)
    shutil.rmtree(lake.root / "tables" / SHARDS.name, ignore_errors=True)
    os.sync()


def main() -> None:
    """Print every run and the line of JSON."""
    pictures, kilobytes, rounds = (int(word) for word in (*sys.argv[1:], *("4000", "60", "5")[len(sys.argv) - 1 :]))
    sides = {"copy": copied, "ours": ours, "tarfile": by_tarfile}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        small = filled(Path(folder), pictures, kilobytes * 1000)
        for number in range(rounds):
            for name, side in sides.items():
                runs[name].append(timed(side, small))
                print(number, name, {key: round(value, 3) for key, value in runs[name][-1].items()}, flush=True)

    def middle(name: str, key: str) -> float:
        return statistics.median(run[key] for run in runs[name])

    sizes = {name: {key: round(middle(name, key), 3) for key in ("s", "cpu_s", "mb")} for name in sides}
    facts: dict[str, Any] = {"sides": sizes, "peak_mib": peak_mib(), "pictures": pictures, "cores": os.cpu_count()}
    print(last_line("pack", sizes["ours"]["s"], sizes["copy"]["s"], "s", **facts))


if __name__ == "__main__":
    main()
