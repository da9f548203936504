"""A process that writes to a lake, to be killed, starved or raced: python -m tests.writer WHAT ROOT ARGUMENT."""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import Made, Work, replace, run_slice
from entitynet_assets.tables import TABLES
from tests.small_lake import STATIONS, full_row, make_study

TABLE = TABLES["label_vocabulary"]


def rows(count: int, label: str) -> list[dict]:
    """Return so many rows that say `label`."""
    return [full_row(TABLE, {"class_index": n, "qid": f"Q{n}", "label": f"{label} {n * 7919}"}) for n in range(count)]


def write_forever(root: Path, _argument: str) -> None:
    """Write ever new contents of one slice until killed; says when each is written."""
    lake = Lake(root)
    for number in range(10_000):
        lake.write_rows(TABLE, rows(20_000, f"round {number}"))
        print(number, flush=True)


def write_starved(root: Path, limit: str) -> None:
    """Write a large slice while no file may grow beyond `limit` bytes, as on a full disk."""
    lake = Lake(root)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    lake.write_rows(TABLE, rows(50_000, "starved"))


def run_station(root: Path, _argument: str) -> None:
    """Run one station whose maker notes that it worked; says what came of it."""

    def make(work: Work) -> Made:
        with (root / "worked").open("a") as file:
            file.write("worked\n")
        (root / "inside").touch()
        sys.stdin.readline()
        return Made(rows(3, "once"))

    place = Workplace(make_study(), Lake(root))
    stop = replace(STATIONS["label_vocabulary"], make=make, reads=(), params=lambda place: None)
    print("ready", flush=True)
    print(run_slice(stop, place, "whole").outcome, flush=True)


if __name__ == "__main__":
    {"write_forever": write_forever, "write_starved": write_starved, "run_station": run_station}[sys.argv[1]](
        Path(sys.argv[2]), sys.argv[3]
    )
