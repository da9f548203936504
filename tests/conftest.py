"""Fixtures that tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small_lake import SmallLake


@pytest.fixture
def small_lake(tmp_path: Path) -> Callable[..., SmallLake]:
    """Make a lake in this test's folder: small_lake(slices=2, scope={"roots": ["Q1"]})."""
    return lambda **changes: SmallLake(tmp_path, **changes)


@pytest.fixture
def small(small_lake: Callable[..., Any]) -> SmallLake:
    """A lake with the sample study in one slice."""
    return small_lake()
