"""The plan as a file, and the sheet of the drawings."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.sample.faults import FAULTS
from entitynet_assets.sample.plan_file import COLUMNS, write_plan
from entitynet_assets.sample.world import make_world

WORLD = make_world(entities=50, pictures=3, holdout=1)


def test_both_formats_hold_the_same_rows(tmp_path: Path) -> None:
    lines, table = tmp_path / "plan.jsonl", tmp_path / "plan.csv"
    assert write_plan(WORLD, lines) == write_plan(WORLD, table) == len(WORLD.plan())
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    with table.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows] == read
    assert tuple(rows[0]) == COLUMNS
    for row, picture in zip(rows, WORLD.plan(), strict=True):
        assert (row["url"], row["shown_qid"], row["claimed_qid"]) == (picture.url, picture.qid, picture.claimed)
        assert (row["outcome"], row["rule"]) == (FAULTS[picture.fault].outcome, FAULTS[picture.fault].rule)


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"plan\.xlsx.*allowed.*\.jsonl or \.csv"):
        write_plan(WORLD, tmp_path / "plan.xlsx")


def test_the_command_writes_plan_and_sheet(tmp_path: Path) -> None:
    plan, sheet = tmp_path / "plan.jsonl", tmp_path / "sheet.jpg"
    flags = [
        "--entities",
        "5",
        "--pictures",
        "2",
        "--holdout",
        "0",
        "--seed",
        "4",
        "--plan",
        str(plan),
        "--sheet",
        str(sheet),
    ]
    done = CliRunner().invoke(app, ["world", *flags])
    assert done.exit_code == 0, done.output
    assert len(plan.read_text().splitlines()) == len(make_world(5, 2, 0, seed=4).plan())
    with Image.open(sheet) as drawn:
        assert drawn.width > 500


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--entities", "-1"], "allowed: 0 to"),
        (["--search-precision", "2"], "0..1"),
        (["--plan", "x.parquet"], ".jsonl"),
    ],
)
def test_wrong_flags_are_told_plainly(flags: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["world", *flags])
    assert done.exit_code == 2
    assert words in done.output
    assert "Traceback" not in done.output
