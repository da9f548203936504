"""Somebody who asks the cluster for a job and waits: `python -m tests.fakes.caller FOLDER SPEC_JSON GRACE_S`.

The cluster is that of ENTITYNET_CLUSTER, else this machine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from entitynet_assets.cluster import Job, LocalCluster, open_cluster


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder, spec_json, grace_s = sys.argv[1:]
    cluster = open_cluster() if os.environ.get("ENTITYNET_CLUSTER") else LocalCluster(grace_s=float(grace_s))
    result = cluster.run(Job("tests.fakes.jobs", spec_json, Path(folder)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
