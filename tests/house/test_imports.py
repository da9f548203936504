"""The import contracts hold, and each of them breaks on the import it forbids."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("entitynet_assets", "entitynet_train")
CONTRACTS = [
    one["name"] for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]


def lint(folder: Path) -> tuple[int, set[str], str]:
    """Run lint-imports on the packages of a folder; returns (exit status, names of broken contracts, output)."""
    code = "import os, sys; sys.path.insert(0, os.getcwd()); from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "400"},
    )  # fmt: skip
    flat = " ".join(done.stdout.split())
    return done.returncode, {name for name in CONTRACTS if f"{name} BROKEN" in flat}, done.stdout + done.stderr


def copied(folder: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.toml"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_contracts_hold() -> None:
    status, broken, output = lint(ROOT)
    assert (status, broken) == (0, set()), output
    assert f"{len(CONTRACTS)} kept, 0 broken" in output


VIOLATIONS = [
    ("hits/assets.py", "entitynet_assets.images.assets", "The platform's floors"),  # room -> room
    ("curation/duplicates.py", "entitynet_assets.labels.linking", "The platform's floors"),  # even between pure modules
    ("text.py", "entitynet_assets.studies.models", "The platform's floors"),  # low floor -> high floor
    ("stations.py", "entitynet_assets.definitions", "The platform's floors"),
    ("queries/assets.py", "entitynet_assets.cli", "The platform's floors"),
    ("curation/texts.py", "dagster", "Only wiring imports dagster"),  # pure module -> dagster
    ("tables.py", "dagster", "Only wiring imports dagster"),
    ("graph/assets.py", "duckdb", "Only the lake imports duckdb"),  # room -> duckdb
    ("stations.py", "pyarrow.parquet", "Only the lake imports duckdb"),
    ("hits/providers/sample.py", "httpx", "Only the web door"),  # room -> httpx
    ("training/assets.py", "subprocess", "Only the cluster door"),  # room -> subprocess
    ("training/assets.py", "boto3", "Only the clouds' doors"),
    ("river.py", "torch", "The platform knows nothing"),
    ("training/dispatch.py", "entitynet_train.model", "Of the workshop the platform imports only the spec"),
    ("../entitynet_train/words.py", "entitynet_train.train", "The workshop's floors"),
    ("../entitynet_train/spec.py", "entitynet_train.compat", "The workshop's floors"),
    ("../entitynet_train/train.py", "entitynet_assets.text", "The workshop never imports the platform"),
    ("../entitynet_train/data.py", "duckdb", "The workshop never imports the platform"),
]


@pytest.mark.parametrize(("file", "imported", "contract"), VIOLATIONS, ids=[f"{one[0]}-{one[1]}" for one in VIOLATIONS])
def test_a_forbidden_import_breaks_its_contract(file: str, imported: str, contract: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    path = folder / "entitynet_assets" / file
    path.write_text(path.read_text() + f"\nimport {imported}  # noqa\n")
    status, broken, output = lint(folder)
    assert status == 1, output
    assert any(name.startswith(contract) for name in broken), output
    assert re.search(rf"{path.stem} (?:is not allowed to import|->) {re.escape(imported.split('.')[0])}", output), (
        output
    )


def test_every_contract_has_a_violation_that_breaks_it() -> None:
    assert {name for name in CONTRACTS if any(name.startswith(one[2]) for one in VIOLATIONS)} == set(CONTRACTS)
