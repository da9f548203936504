"""What a user reads: errors that say what to do, doctor, help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from entitynet_assets.studies.models import HERE

REPOSITORY = Path(__file__).parents[2]


def entitynet(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ENTITYNET_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-m", "entitynet_assets.cli", *words], capture_output=True, text=True, check=False,
        env={**clean, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200", **environment},
    )  # fmt: skip


SAMPLE = (HERE / "sample.toml").read_text()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("[scope]", "[scope]\nrootz = ['Q1']"), ["scope.rootz", "unknown key", "did you mean roots?"]),
        (('name = "sample"\npages', 'name = "gogle"\npages'), ["providers.0.name", "'gogle'", "allowed: sample"]),
        (
            ('"balanced", ', '{ name = "m", weights = { label = -1 } }, "balanced", '),
            ["mixes.0", "weights.label", "-1.0", "at least 0"],
        ),
        (('recipes = ["demo"', 'recipes = ["dmo"'), ["recipes", "'dmo'", "did you mean demo?"]),
        (("slices = 2", "slices = 0"), ["slices", "found 0"]),
        (('source = "sparql"', 'source = "dump"'), ["graph.dump is empty"]),
    ],
)
def test_a_wrong_study_stops_before_any_work(tmp_path: Path, change: tuple[str, str], expected: list[str]) -> None:
    assert change[0] in SAMPLE
    study = tmp_path / "mine.toml"
    study.write_text(SAMPLE.replace(*change, 1))
    done = entitynet("run", "--study", str(study), ENTITYNET_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    for words in ["mine.toml", *expected]:
        assert words in done.stdout, done.stdout
    assert not (tmp_path / "home").exists(), "work was begun"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--study", "smaple"], ["'smaple'", "did you mean sample?"]),
        (["--study", "nowhere/mine.toml"], ["nowhere/mine.toml", "no file"]),
        (["--until", "entitties"], ["--until", "entities"]),
        (["--recipes", "nope"], ["--recipes", "'nope'", "demo"]),
        (["--slices", "000...009"], ["--slices", "'009'", "000 to 001"]),
    ],
)
def test_wrong_flags_say_what_is_allowed(tmp_path: Path, flags: list[str], expected: list[str]) -> None:
    done = entitynet("run", *flags, ENTITYNET_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    for words in expected:
        assert words in done.stdout, done.stdout


@pytest.mark.parametrize("words", [("trace", "apple"), ("report",)])
def test_looking_at_a_lake_that_is_not_there_makes_none(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = entitynet(*words, ENTITYNET_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert "run `entitynet run --study sample` first" in done.stdout
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_a_source_that_does_not_answer_is_named_without_a_traceback(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/sparql"
    done = entitynet(
        "run", "--until", "entities", ENTITYNET_HOME=str(tmp_path / "home"), ENTITYNET_ENDPOINT_SPARQL=nobody
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    for words in ("Source error", nobody, "connection", "check the address"):
        assert words in done.stdout, done.stdout


def test_doctor_finds_this_machine_fit(tmp_path: Path) -> None:
    done = entitynet("doctor", ENTITYNET_HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout
    for subject in ("Python", "dagster", "torch", "study", "lake"):
        assert subject in done.stdout


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ("photos", ["folders.photos.trees: no caltech101/images under", "set ENTITYNET_DATA"]),
        ("live", ["web.contact: found ''", "set ENTITYNET_CONTACT=you@example.org"]),
    ],
)
def test_doctor_names_what_a_study_needs_of_this_machine(study: str, expected: list[str], tmp_path: Path) -> None:
    done = entitynet("doctor", "--study", study, ENTITYNET_HOME=str(tmp_path), ENTITYNET_DATA=str(tmp_path))
    assert done.returncode == 1
    for words in expected:
        assert words in done.stdout, done.stdout


def test_doctor_names_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    done = entitynet("doctor", "--study", "nope", ENTITYNET_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "no file" in done.stdout
