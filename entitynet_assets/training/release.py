"""Before a release is trained on: its tars are whole, and what was taken down since is skipped, too.

Belongs here: what stands between a release's rows and a run. Does not belong here: making a release (shards), runs (dispatch.py).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from entitynet_assets.lake import Lake
from entitynet_assets.lineage import DriftError
from entitynet_train.spec import DataSpec


def need_whole_tars(lake: Lake, release: Iterable[Mapping[str, Any]]) -> None:
    """Read every tar of a release. Raises DriftError for one that is absent, cut short or changed: it would train on other pictures."""
    for row in release:
        if fault := lake.fault_of(row["tar_path"], row["size_bytes"], row["tar_sha256"]):
            raise DriftError(
                f"release [{row['shard']}]: {lake.root / row['tar_path']}: {fault}; "
                "`entitynet verify --repair` packs it again from the stored pictures, to the same bytes"
            )


def obeyed(lake: Lake, data: DataSpec) -> DataSpec:
    """Return the data of a run that skips what is taken down now, and reads the list again when it begins.

    A takedown after the release makes another run of it; one that the release knows changes nothing.
    """
    known = lake.manifests().get(data.release_id, {}).get("takedowns")
    skip = data.skip_fingerprint
    if lake.tombstone_ledger() and known != lake.ledger_digest():
        skip = hashlib.sha256(f"{skip} {lake.ledger_digest()}".encode()).hexdigest()
    return dataclasses.replace(data, skip=(*data.skip, lake.live_skips()), skip_fingerprint=skip)
