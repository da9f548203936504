"""Seconds and memory of a world of any size: `python -m tests.sample.measure --entities 1000 --pictures 100`.

What it is: one line of figures for the plan, the search index, searches and the graph store; docs/benchmarks.md quotes it.
"""

import argparse
import random
import resource
import time
from collections.abc import Callable
from typing import Any

from entitynet_assets.sample.search import SearchIndex, answer
from entitynet_assets.sample.wikidata import build_store
from entitynet_assets.sample.world import World, make_world

SEARCHES = 200


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def search_ms(index: SearchIndex, world: World) -> float:
    rng = random.Random(0)
    names = [world.items[rng.choice(world.entities)].label.text for _ in range(SEARCHES)]
    seconds, _ = timed(lambda: [answer(index, f"red {name}", 1, 20) for name in names])
    return seconds / SEARCHES * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entities", type=int, required=True)
    parser.add_argument("--pictures", type=int, required=True)
    parser.add_argument("--store", action="store_true", help="build the graph store too")
    found = parser.parse_args()
    made_s, world = timed(lambda: make_world(found.entities, found.pictures))
    start_mb = peak_mb()
    plan_s, rows = timed(lambda: sum(1 for _ in world.rows()))
    plan_mb = peak_mb()
    index_s, index = timed(lambda: SearchIndex(world))
    print(
        f"{found.entities} x {found.pictures}: {rows} rows; world {made_s:.2f} s, {start_mb:.0f} MB; "
        f"plan {plan_s:.1f} s, {rows / plan_s:.0f} rows/s, peak {plan_mb:.0f} MB; "
        f"index {index_s:.1f} s, peak {peak_mb():.0f} MB; search {search_ms(index, world):.1f} ms"
    )
    if found.store:
        store_s, store = timed(lambda: build_store(world))
        print(f"store {store_s:.1f} s, {len(store)} triples, peak {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
