"""Jobs of jobs.py that also write, copy and forget files: `python -m tests.fakes.cloud_jobs --spec PATH --out DIR`.

More steps: ["write", NAME, TEXT], ["copy", NAME BELOW data.root, NAME], ["copy_own", NAME, NAME], ["forget", FOLDER], and
["on_stop", STEP...], which are done at SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
from pathlib import Path

from tests.fakes import jobs


def do(step: list, out: Path) -> None:
    verb = step[0]
    if verb == "write":
        (out / step[1]).parent.mkdir(parents=True, exist_ok=True)
        (out / step[1]).write_text(step[2])
    elif verb in ("copy", "copy_own"):
        root = out if verb == "copy_own" else Path(json.loads((out / "spec.json").read_text())["data"]["root"])
        (out / step[2]).parent.mkdir(parents=True, exist_ok=True)
        (out / step[2]).write_bytes((root / step[1]).read_bytes())
    elif verb == "forget":
        shutil.rmtree(out / step[1])
    elif verb == "on_stop":
        signal.signal(signal.SIGTERM, lambda *_: ([do(one, out) for one in step[1:]], os._exit(143)))
    else:
        jobs.do(step, out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    with (asked.out / "starts").open("a") as file:
        file.write(f"{os.getpid()}\n")
    for step in json.loads(asked.spec.read_text())["steps"]:
        do(step, asked.out)


if __name__ == "__main__":
    main()
