"""The peer of the closure: networkx, as its documentation has it; runs in an environment of its own (networkx, numpy)."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import networkx as nx  # pyright: ignore[reportMissingImports]
import numpy as np

from tests.bench.harness import measured
from tests.bench.taxonomy import number

Rows = list[tuple[str, str, int]]


def main(folder: Path) -> dict[str, Any]:
    """Read the graph from a table of ids, walk down from each root and up from each entity, both with distances."""
    graph: Any = nx.DiGraph()

    def build() -> int:
        with (folder / "edges.tsv").open() as lines:
            graph.add_edges_from(line.split() for line in lines)
        return graph.number_of_edges()

    def walks(name: str, walked: Any) -> Rows:
        starts = (folder / f"{name}.txt").read_text().split()
        return [(s, n, far) for s in starts for n, far in nx.single_source_shortest_path_length(walked, s).items()]

    found = measured({
        "build": build,
        "descendants": lambda: walks("roots", graph.reverse(copy=False)),
        "ancestors": lambda: walks("entities", graph),
    })  # fmt: skip
    for step in ("descendants", "ancestors"):
        one, other, far = zip(*found["answers"][step], strict=True)
        found["answers"][step] = digest(np.stack([number(np.array(one)), number(np.array(other)), np.array(far)], 1))
    return found


def digest(rows: np.ndarray) -> list[str]:
    """Return [count, sha256] of (start, reached, distance) rows in any order, each start's own row left out."""
    rows = rows[rows[:, 0] != rows[:, 1]]
    rows = np.ascontiguousarray(rows[np.lexsort(rows.T[::-1])])
    return [str(len(rows)), hashlib.sha256(rows.tobytes()).hexdigest()]


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
