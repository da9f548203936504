"""The peer of the dump benchmark: qwikidata's own dump reader and items, the same fields; runs without our package.

Belongs here: qwikidata's calls as its documentation has them. Does not belong here: input and comparison (dump.py).
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

LANGUAGES = ("de", "en", "mul")
KEPT = (
    "P31", "P279", "P171", "P225", "P1843", "P18", "P373", "P846", "P3151",
    "P462", "P1340", "P1884", "P5422", "P2079", "P186", "P516", "P527", "P2670", "P4330", "P4000", "P1419", "P784", "P2974", "P276", "P706",
    "P2975", "P361", "P1582", "P1034", "P2283", "P366", "P1535", "P3095", "P1056", "P1552", "P136", "P149", "P135", "P180", "P1672",
)  # fmt: skip


def rows(path: str) -> Iterator[list[Any]]:
    """Yield id, names, statements and pages of every item."""
    from qwikidata.entity import WikidataItem
    from qwikidata.json_dump import WikidataJsonDump

    for raw in WikidataJsonDump(path):
        item = WikidataItem(raw)
        yield [
            item.entity_id, raw.get("lastrevid"), raw.get("modified"),
            [item.get_label(language) for language in LANGUAGES], [item.get_description(language) for language in LANGUAGES],
            [item.get_aliases(language) for language in LANGUAGES],
            [claim for pid in KEPT for claim in statements(item, pid)], len(item.get_sitelinks("")), item.get_enwiki_title(),
        ]  # fmt: skip


def statements(item: Any, pid: str) -> Iterator[list[Any]]:
    for claim in item.get_truthy_claim_group(pid):
        snak = claim.mainsnak
        value = snak.datavalue.value if snak.snaktype == "value" else {}
        if isinstance(value, str):
            yield [pid, claim.rank, snak.snaktype, None, value, None, claim.claim_id]
        else:
            yield [
                pid,
                claim.rank,
                snak.snaktype,
                value.get("id"),
                value.get("text"),
                value.get("language"),
                claim.claim_id,
            ]


def digest(found: Iterable[list[Any]]) -> str:
    """Return a hash of rows in their order."""
    seen = hashlib.sha256()
    for row in found:
        seen.update(json.dumps(row).encode())
    return seen.hexdigest()


def main(folder: Path) -> dict[str, Any]:
    """Return what reading every item took, and the digest of what was read."""
    from tests.bench.harness import measured

    packed, plain = str(folder / "dump.json.gz"), str(folder / "dump.json")
    return measured({
        "rows": lambda: sum(1 for _ in rows(packed)), "unpacked": lambda: sum(1 for _ in rows(plain)),
        "digest": lambda: digest(rows(packed)),
    })  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(main(Path(sys.argv[1]))))
