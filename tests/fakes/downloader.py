"""Bring `downloads` of the sample study up to date in a process that can be killed: PORT HOME, slice 000 only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from entitynet_assets.definitions import stations
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import run_slice
from entitynet_assets.studies.models import load_study
from tests.fakes.rooms import changed


def main() -> None:
    port, folder = sys.argv[1:]
    os.environ["ENTITYNET_SAMPLE_PORT"] = port
    study = changed(load_study("sample"), slices=1, web={"per_host": 1})
    run_slice(stations()["downloads"], Workplace(study, Lake(Path(folder) / "lake")), "000")


if __name__ == "__main__":
    main()
