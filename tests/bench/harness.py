"""What benchmarks share: a process of its own for each side, its time and peak memory, and the line of JSON that comes last.

A benchmark is a file beside this one with `ours(folder)` and, where the peer is a package, a script of the peer's own that
runs in .bench/<peer>/. Both read the same files and must come to the same answer, which is compared by its digest.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def peer_python(peer: str, packages: Sequence[str]) -> Path:
    """Return the interpreter of a peer's own environment, made if absent; torch is held to what the project allows."""
    folder = ROOT / ".bench" / peer
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        venv.create(folder, clear=True, with_pip=True)
        capped = [*packages, *(["torch<2.14"] if any("torch" in name for name in packages) else [])]
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *capped]
        subprocess.run(pip, check=True)
        ready.touch()
    return python


def in_own_process(python: Path | str, module: str, *arguments: str) -> dict[str, Any]:
    """Run `python -m module arguments` from the root; returns the JSON of its last line. Raises RuntimeError if it fails."""
    done = subprocess.run([python, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measured(steps: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Return seconds (of the clock and of a core) and answer of each step in order, and the peak memory of this process in MiB."""
    found: dict[str, Any] = {"seconds": {}, "cpu_seconds": {}, "answers": {}}
    for name, step in steps.items():
        start, worked = time.perf_counter(), time.process_time()
        found["answers"][name] = step()
        found["seconds"][name] = round(time.perf_counter() - start, 3)
        found["cpu_seconds"][name] = round(time.process_time() - worked, 3)
    found["peak_mib"] = peak_mib()
    return found


def peak_mib() -> int:
    """Return the most memory this process ever held; Linux's getrusage would count the process it was forked from, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) // 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)


def last_line(bench: str, ours: float, peer: float, unit: str, **more: Any) -> str:
    """Return the line that a benchmark ends with; `ratio` is ours over the peer's."""
    return json.dumps(
        {"bench": bench, "ours": ours, "peer": peer, "ratio": round(ours / peer, 3), "unit": unit, **more}
    )
