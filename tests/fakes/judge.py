"""Bring `visual_judgements` up to date in a process that can be killed: ADDRESS FOLDER, over a lake that is filled."""

from __future__ import annotations

import sys
from pathlib import Path

from entitynet_assets.definitions import stations
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import run_slice
from tests.fakes.asked_lake import study_of
from tests.small_lake import make_study


def main() -> None:
    address, folder = sys.argv[1:]
    place = Workplace(make_study(**study_of(address)), Lake(Path(folder) / "lake"))
    run_slice(stations()["visual_judgements"], place, "whole")


if __name__ == "__main__":
    main()
