"""Jobs that do as their spec says: `python -m tests.fakes.jobs --spec PATH --out DIR`. Standard library only, but for sum.

The spec is JSON: {"steps": [["touch", NAME], ["sleep", S], ["metric", TEXT], ["say", TEXT], ["exit", CODE], ["kill"],
["deaf"], ["child"], ["await", NAME], ["train", STEPS], ["sum", NAME],
["result", VALUE], ["error", VALUE]]}. Each run appends its pid to OUT/starts.
"train" takes a tenth of a second a step, notes each in metrics.jsonl, saves every fifth and when it is told to stop, and goes on
from there.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def do(step: list, out: Path) -> None:  # noqa: C901 - a list of verbs
    verb, value = step[0], step[1] if len(step) > 1 else None
    if verb == "touch":
        (out / value).touch()
    elif verb == "sleep":
        time.sleep(value)
    elif verb == "await":
        while not (out / value).exists():
            time.sleep(0.02)
    elif verb == "metric":
        with (out / "metrics.jsonl").open("a") as file:
            file.write(value)
    elif verb == "say":
        print(value, flush=True)
    elif verb == "error":
        (out / "error.json").write_text(json.dumps(value))
    elif verb == "exit":
        sys.exit(value)
    elif verb == "kill_once":
        if len((out / "starts").read_text().split()) <= value:
            os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "deaf":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    elif verb == "child":  # a grandchild of the caller, deaf and in a session of its own, as torchrun's workers are
        code = (
            "import os, pathlib, signal, sys, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; "
            "pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(120)"
        )
        subprocess.Popen([sys.executable, "-c", code, str(out / value)], start_new_session=True)
        do(["await", value], out)
    elif verb == "sum":
        sum_ranks(out / value)
    elif verb == "train":
        train(value, out)
    elif verb == "rank":
        (out / f"rank-{os.environ['RANK']}-of-{os.environ['WORLD_SIZE']}").touch()
    elif verb == "result":
        (out / ".part").write_text(json.dumps(value))
        (out / ".part").replace(out / "result.json")


def sum_ranks(path: Path) -> None:
    """Let the ranks speak to one another as torch does, and write what all their numbers from 1 come to."""
    import torch
    from torch import distributed

    distributed.init_process_group("gloo")
    total = torch.tensor([distributed.get_rank() + 1])
    distributed.all_reduce(total)
    if distributed.get_rank() == 0:
        path.write_text(str(int(total)))
    distributed.destroy_process_group()


def train(steps: int, out: Path) -> None:
    saved, stop, is_first = out / "saved", [], os.environ.get("RANK", "0") == "0"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stop.append(signum))
    for step in range(int(saved.read_text()) if saved.exists() else 0, steps):
        time.sleep(0.1)
        if is_first:
            do(["metric", json.dumps({"step": step + 1}) + "\n"], out)
            if stop or step % 5 == 4:
                (out / ".saved").write_text(str(step + 1))
                (out / ".saved").replace(saved)
        if stop:
            sys.exit(128 + stop[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as the real entries do, whatever shell began the tests
    with (asked.out / "starts").open("a") as file:
        file.write(f"{os.getpid()}\n")
    for step in json.loads(asked.spec.read_text())["steps"]:
        do(step, asked.out)


if __name__ == "__main__":
    main()
