"""Fixtures that tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small_lake import SmallLake


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Where servers are required (ENTITYNET_REQUIRE_SERVERS), a skip for want of one is a failure."""
    report = yield
    if report.skipped and "server absent" in str(report.longrepr) and os.environ.get("ENTITYNET_REQUIRE_SERVERS"):
        report.outcome, report.longrepr = (
            "failed",
            f"{item.nodeid} needs a server that is to be installed: {report.longrepr}",
        )
    return report


@pytest.fixture
def small_lake(tmp_path: Path) -> Callable[..., SmallLake]:
    """Make a lake in this test's folder: small_lake(slices=2, scope={"roots": ["Q1"]})."""
    return lambda **changes: SmallLake(tmp_path, **changes)


@pytest.fixture
def small(small_lake: Callable[..., Any]) -> SmallLake:
    """A lake with the sample study in one slice."""
    return small_lake()
