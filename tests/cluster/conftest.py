"""A Slurm for the tests of this folder, and jobs for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm_host import SlurmHost, missing


@pytest.fixture(scope="session")
def slurm_host() -> Iterator[SlurmHost]:
    """A Slurm with two nodes on loopback."""
    if lacking := missing():
        pytest.skip(f"server absent: {', '.join(lacking)} (Debian packages slurm-wlm and munge)")
    host = SlurmHost(2)
    try:
        host.open()
        yield host
    finally:
        host.close()


@pytest.fixture
def slurm(slurm_host: SlurmHost, monkeypatch: pytest.MonkeyPatch) -> SlurmHost:
    """The Slurm that this test's commands find, with what runs the fakes."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_host.conf))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    return slurm_host
