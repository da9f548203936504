"""The `entitynet` command in a process of its own, forked from one that has already imported what is not ours.

Every such process imports Dagster and a dozen other libraries, which takes longer than many a test's work. Here they are
imported once by the standard library's fork server, and each command is forked from it: its process, memory, environment,
output and exit code are its own, and our own code is loaded anew. What a shell starts is shown in test_cli and test_ui.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(
    ["dagster", "dagster._core.storage.event_log.sqlite", "duckdb", "httpx", "imagehash", "jinja2", "msgspec", "protego",
     "pydantic", "rich.progress", "sqlglot", "sqlglot.lineage", "sqlglot.optimizer.qualify", "typer"]
)  # fmt: skip


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command: nothing of ours in it but where its lakes go and `more`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ENTITYNET_", "DAGSTER_"))}
    mine = {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200", "OMP_NUM_THREADS": "1", "ENTITYNET_HOME": str(home)}
    return {**clean, **mine, **more}


class Command:
    """A started command, asked as a subprocess.Popen with two pipes is."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self._outputs = tempfile.mkdtemp(prefix="said-")
        self._process = _FORKED.Process(target=_enter, args=(words, environment, self._outputs))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self) -> tuple[str, str]:
        """Wait for the end; return what it wrote to its two outputs. To be called once."""
        self._process.join()
        out, err = (Path(self._outputs, name).read_text() for name in ("stdout", "stderr"))
        shutil.rmtree(self._outputs)
        return out, err


def run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = Command(words, environment)
    out, err = command.communicate()
    assert command.returncode is not None
    return subprocess.CompletedProcess(words, command.returncode, out, err)


def _enter(words: list[str], environment: dict[str, str], outputs: str) -> None:
    """Become `python -m entitynet_assets.cli WORDS`."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        with Path(outputs, name).open("ab") as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["entitynet", *words]
    runpy.run_module("entitynet_assets.cli", run_name="__main__", alter_sys=True)
