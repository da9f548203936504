"""img2dataset's side of the harvest benchmark, in its own environment.

`python -m tests.bench.harvest_img2dataset URLS OUT PROCESSES THREADS TIMEOUT_S`
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def cpu_seconds() -> float:
    """Return the time of a core that this process and its ended children took."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, WHO))


def main() -> None:
    """Download, and print what it took by its own clock, from the first shard to the last, and with its start."""
    from img2dataset import download  # in the peer's environment only

    urls, out = sys.argv[1], Path(sys.argv[2])
    processes, threads, timeout_s = (int(one) for one in sys.argv[3:6])
    start, before = time.perf_counter(), cpu_seconds()
    count = len(Path(urls).read_text().splitlines())
    download(
        url_list=urls, output_folder=str(out), processes_count=processes, thread_count=threads, image_size=256,
        resize_mode="keep_ratio", resize_only_if_bigger=True, encode_quality=90, output_format="webdataset",
        number_sample_per_shard=max(50, min(10_000, count // (4 * processes))), enable_wandb=False,
        timeout=timeout_s,
    )  # fmt: skip
    stats = [json.loads(path.read_text()) for path in sorted(out.glob("*_stats.json"))]
    print(json.dumps({
        "seconds": max(one["end_time"] for one in stats) - min(one["start_time"] for one in stats),
        "whole_seconds": time.perf_counter() - start,
        "cpu_seconds": cpu_seconds() - before,
        "pictures": sum(one["successes"] for one in stats),
        "peak_mib": (resource.getrusage(WHO[0]).ru_maxrss + processes * resource.getrusage(WHO[1]).ru_maxrss) // 1024,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
