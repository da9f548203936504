"""Somebody who asks the cluster for a job and waits: `python -m tests.fakes.caller FOLDER SPEC_JSON GRACE_S`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from entitynet_assets.cluster import Job, LocalCluster


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder, spec_json, grace_s = sys.argv[1:]
    result = LocalCluster(grace_s=float(grace_s)).run(Job("tests.fakes.jobs", spec_json, Path(folder)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
