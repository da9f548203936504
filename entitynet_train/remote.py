"""One node of a job on a cloud: find the other nodes, fetch the files, run the job, bring back what it wrote.

    python -m entitynet_train.remote --module entitynet_train.train --folder s3://bucket/jobs/NAME --nodes 2 --processes-per-node 8

Belongs here: the rendezvous from the environment of Kubernetes or AWS Batch, torchrun, signals. Does not belong here: copying (bucket.py),
what a job does (train.py and the like), which job is wanted (the platform).

The folder is a path that every node and the platform see, or an s3:// address. Then the first node uploads whole checkpoints and the
metrics while the job runs, and result.json last; a node that starts in place of a lost one begins with what is there.
Exit codes are the job's (entry.py); 128 + n after signal n.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from entitynet_train.bucket import JobFiles
from entitynet_train.spec import SpecError

PORT = 29500
SYNC_S = 30.0
NODE_NUMBERS = ("AWS_BATCH_JOB_NODE_INDEX", "JOB_COMPLETION_INDEX", "RANK")
FIRST_NODES = ("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS", "MASTER_ADDR")


class Signals:
    """Hands SIGTERM and SIGINT on to the job, once it runs, and remembers them."""

    def __init__(self) -> None:
        self.signum = 0
        self.child: subprocess.Popen[bytes] | None = None
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._hand_on)

    def _hand_on(self, signum: int, _frame: FrameType | None) -> None:
        self.signum = signum
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)


def node_number(environ: Mapping[str, str], nodes: int) -> int:
    """Return which of the nodes this is, from 0. Raises SpecError if the environment does not say."""
    if nodes == 1:
        return 0
    found = next((environ[name] for name in NODE_NUMBERS if environ.get(name)), "")
    if not found.isdecimal() or int(found) >= nodes:
        raise SpecError(f"{' or '.join(NODE_NUMBERS)}: found {found!r}; allowed: 0 to {nodes - 1}, set by the cluster")
    return int(found)


def first_node(environ: Mapping[str, str], number: int) -> str:
    """Return the address of the first node; AWS Batch tells it to all nodes but the first. Raises SpecError if none is told."""
    found = next((environ[name] for name in FIRST_NODES if environ.get(name)), "127.0.0.1" if number == 0 else "")
    if not found:
        raise SpecError(f"{' or '.join(FIRST_NODES)}: found nothing; allowed: the first node's address")
    return found


def command(module: str, folder: Path, shape: tuple[int, int], environ: Mapping[str, str]) -> list[str]:
    """Return the command of this node's share of a job of `shape` (nodes, processes on each)."""
    nodes, each = shape
    program = ["--spec", str(folder / "spec.json"), "--out", str(folder)]
    if nodes * each == 1:
        return [sys.executable, "-m", module, *program]
    number = node_number(environ, nodes)
    launcher = [
        *("--nnodes", str(nodes), "--nproc-per-node", str(each), "--node-rank", str(number), "--max-restarts", "0"),
        *("--master-addr", first_node(environ, number), "--master-port", environ.get("MASTER_PORT", str(PORT))),
    ]
    return [sys.executable, "-m", "torch.distributed.run", *launcher, "-m", "--", module, *program]


def run(arguments: argparse.Namespace) -> int:
    """Run this node's share of the job; return the exit code. Raises SpecError if it cannot be run here."""
    signals = Signals()
    shape = (arguments.nodes, arguments.processes_per_node)
    is_first = node_number(os.environ, arguments.nodes) == 0
    files = JobFiles(arguments.folder, arguments.scratch) if arguments.folder.startswith("s3://") else None
    folder = files.fetch() if files else Path(arguments.folder)
    if signals.signum:
        return 128 + signals.signum
    inherited = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}  # of nodes
    child = subprocess.Popen(command(arguments.module, folder, shape, os.environ), env=inherited)
    signals.child = child
    if signals.signum:  # came between the look and the start
        child.send_signal(signal.SIGTERM)
    code = _await(child, files if is_first else None, arguments.sync_s)
    if files and is_first:
        files.bring_all()
    if signals.signum:
        return 128 + signals.signum
    return code if code >= 0 else 128 - code


def _await(child: subprocess.Popen[bytes], files: JobFiles | None, sync_s: float) -> int:
    while True:
        try:
            return child.wait(sync_s)
        except subprocess.TimeoutExpired:
            if files:
                files.bring_progress()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="One node of a job on a cloud.")
    parser.add_argument("--module", required=True, help="what to run: entitynet_train.train")
    parser.add_argument("--folder", required=True, help="the job's folder: a path, or s3://bucket/key")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--processes-per-node", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path("/scratch"), help="where copies from S3 lie")
    parser.add_argument("--sync-s", type=float, default=SYNC_S, help="seconds between two looks for what to upload")
    try:
        return run(parser.parse_args(argv))
    except SpecError as error:
        print(f"spec error: {error}", file=sys.stderr, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main())
