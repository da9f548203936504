"""Bring `wikidata_items` up to date from the servers named by the environment, in a process that can be killed: HOME ROOT."""

from __future__ import annotations

import sys
from pathlib import Path

from entitynet_assets.definitions import stations
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import run_slice
from entitynet_assets.studies.models import Study, load_study
from tests.fakes.rooms import changed


def study(root: str) -> Study:
    scope = {"roots": [root], "relations": ["P279"], "exclude": [], "skip_types": []}
    return changed(load_study("sample"), scope=scope, graph={"source": "sparql"}, web={"per_host": 1})


def main() -> None:
    folder, root = sys.argv[1:]
    place = Workplace(study(root), Lake(Path(folder) / "lake"))
    for name in ("graph_source", "wikidata_items"):
        print(name, run_slice(stations()[name], place, "whole").record.rows)


if __name__ == "__main__":
    main()
