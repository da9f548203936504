"""Closure benchmark: `python -m tests.bench.closure [nodes ...]`, ours (three SELECTs into the lake) against networkx.

Both read the same generated graph from disk, find every descendant of 21 roots and every ancestor of a tenth of the nodes,
with distances, and must agree on each row. Ours also unnests the statements, sorts, writes Parquet, digests and checks it;
the peer's rows stay in its memory. So the SELECTs alone are timed as well, without writing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entitynet_assets.definitions import stations
from entitynet_assets.lake import Lake, connect, read_sql
from entitynet_assets.resources import Workplace
from entitynet_assets.sql_assets import parameters_of, study_parameters
from entitynet_assets.stations import run_slice
from entitynet_assets.studies.models import load_study
from entitynet_assets.tables import TABLES, WIKIDATA_ITEMS
from tests.bench.closure_networkx import digest
from tests.bench.harness import in_own_process, last_line, measured, peer_python
from tests.bench.taxonomy import ROOTS, chosen, make_edges, number, qid, roots

SIZES = (30_000, 1_000_000)  # growth is told between these
STEPS = {"build": "parent_statements", "descendants": "entity_roots", "ancestors": "entity_parents"}
ITEMS = """
WITH stated AS (
    SELECT child, list({'statement_id': NULL::VARCHAR, 'property_id': 'P279', 'rank': 'normal', 'snak': 'value', 'value_qid': parent,
        'value_text': NULL::VARCHAR, 'language': NULL::VARCHAR} ORDER BY parent) AS claims
    FROM edges GROUP BY child
)
SELECT nodes.qid, 'ok' AS status, NULL::VARCHAR AS reason, NULL::VARCHAR AS redirect_qid, 'member' AS role, 1::BIGINT AS revision,
    NULL::VARCHAR AS modified_at, nodes.sitelink_count, [{'language': 'en', 'text': 'thing ' || nodes.qid}] AS labels,
    []::STRUCT("language" VARCHAR, "text" VARCHAR)[] AS descriptions, []::STRUCT("language" VARCHAR, "text" VARCHAR)[] AS aliases,
    list_append(coalesce(stated.claims, []), {'statement_id': NULL::VARCHAR, 'property_id': 'P18', 'rank': 'normal', 'snak': 'value',
        'value_qid': NULL::VARCHAR, 'value_text': 'photo.jpg', 'language': NULL::VARCHAR}) AS claims, NULL::VARCHAR AS enwiki_title
FROM nodes LEFT JOIN stated ON stated.child = nodes.qid
"""


def write(folder: Path, nodes: int) -> int:
    """Write the generated graph as a table of ids for the peer and as wikidata_items for us; returns the number of edges."""
    edges, entities = make_edges(nodes), chosen(nodes, nodes // 10)
    for name, starts in (("entities", entities), ("roots", np.arange(1, ROOTS + 1))):
        (folder / f"{name}.txt").write_text("\n".join(qid(one) for one in starts.tolist()))
    (folder / "edges.tsv").write_text("".join(f"{qid(child)}\t{qid(parent)}\n" for child, parent in edges.tolist()))
    ids = pa.array([qid(one) for one in range(nodes + 1)])
    links = np.isin(np.arange(1, nodes + 1), entities) * 5
    pq.write_table(pa.table({"qid": ids[1:], "sitelink_count": links}), folder / "nodes.parquet")
    pq.write_table(
        pa.table({"child": ids.take(edges[:, 0]), "parent": ids.take(edges[:, 1])}), folder / "edges.parquet"
    )
    views = {name: [folder / f"{name}.parquet"] for name in ("nodes", "edges")}
    Lake(folder / "lake").write_query(WIKIDATA_ITEMS, ITEMS, views, {})
    return len(edges)


def ours(folder: Path) -> dict[str, Any]:
    """Make the three tables in the lake, as their assets do."""
    study = load_study("sample")
    study = study.model_copy(update={"scope": study.scope.model_copy(update={"roots": roots(), "min_sitelinks": 5})})
    place, known = Workplace(study, Lake(folder / "lake")), stations()
    found = measured({
        step: lambda stop=known[name]: run_slice(stop, place, "whole").record.rows for step, name in STEPS.items()
    })  # fmt: skip
    walks = {step: lambda name=STEPS[step]: _count(place, name) for step in ("descendants", "ancestors")}
    return {**found, "select_seconds": measured(walks)["seconds"]}


def _count(place: Workplace, name: str) -> int:
    query = read_sql(TABLES[name])
    used = parameters_of(query)
    params = {key: value for key, value in study_parameters(place).items() if key in used}
    views = {above: [place.lake.path(above)] for above in ("wikidata_items", "parent_statements")}
    return place.lake.select(f"SELECT count(*) AS rows, sum(distance) AS far FROM ({query})", views, params)[0]["rows"]


def answers(folder: Path) -> dict[str, list[str]]:
    """Return the digests of our rows, made as the peer's are."""
    lake, found = Lake(folder / "lake"), {}
    for step, columns in (("descendants", "root_qid, qid"), ("ancestors", "qid, ancestor_qid")):
        query = f"SELECT {columns}, distance FROM read_parquet('{lake.path(STEPS[step])}')"
        one, other, far = connect().execute(query).fetchnumpy().values()
        found[step] = digest(np.stack([number(one), number(other), far], 1).astype(np.int64))
    return found


def compare(nodes: int) -> dict[str, Any]:
    """Return what both sides took on a graph of so many nodes. Raises RuntimeError where their rows differ."""
    with tempfile.TemporaryDirectory() as scratch:
        edges = write(Path(scratch), nodes)
        mine = in_own_process(sys.executable, "tests.bench.closure", "ours", scratch)
        theirs = in_own_process(peer_python("networkx", ["networkx", "numpy"]), "tests.bench.closure_networkx", scratch)
        for step, found in answers(Path(scratch)).items():
            if found != theirs["answers"][step]:
                raise RuntimeError(f"{step}: ours {found}, networkx {theirs['answers'][step]}; they must agree")
    return {"nodes": nodes, "edges": edges, "rows": mine["answers"], "ours": mine, "peer": theirs}


def main(sizes: tuple[int, ...]) -> None:
    """Print what each size took, then the line of JSON for the largest."""
    runs = []
    for nodes in sizes:
        runs.append(compare(nodes))
        print(json.dumps(runs[-1]), flush=True)
    print(summary(runs))


def summary(runs: list[dict[str, Any]]) -> str:
    """Return the last line: the largest size, with how both grew since the smallest."""
    first, last = runs[0], runs[-1]
    total = {side: [sum(run[side]["seconds"].values()) for run in (first, last)] for side in ("ours", "peer")}
    peer = last["peer"]["seconds"]
    return last_line(
        "closure", round(total["ours"][1], 2), round(total["peer"][1], 2), "s", peer_name="networkx",
        nodes=last["nodes"], edges=last["edges"], rows=last["rows"], seconds=last["ours"]["seconds"],
        ratio_by_step={step: round(took / peer[step], 2) for step, took in last["ours"]["seconds"].items()},
        ratio_of_selects={step: round(took / peer[step], 2) for step, took in last["ours"]["select_seconds"].items()},
        growth={side: round(took[1] / took[0], 1) for side, took in total.items()},
        growth_of_edges=round(last["edges"] / first["edges"], 1),
        peak_mib={side: last[side]["peak_mib"] for side in ("ours", "peer")}, cores=os.cpu_count(),
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        print(json.dumps(ours(Path(sys.argv[2]))))
    else:
        main(tuple(int(one) for one in sys.argv[1:]) or SIZES)
