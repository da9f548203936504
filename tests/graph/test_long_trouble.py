"""A source that stays bad, run after run: each ends with words after few questions, and what came is not asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from entitynet_assets.graph.source import SourceError
from tests.fakes.rooms import Rooms, changed
from tests.fakes.web_server import Call, faulty_server
from tests.graph.test_dump import item, line
from tests.graph.test_service import ALL, CHILDREN, TRACE, Wikidata

TRIES = 3
ROOM = ("graph_source", "wikidata_items")
Say = Callable[[Call], None]
NONSENSE: dict[str, tuple[Say, int]] = {  # what the endpoint says to everything, and how often one question is asked in a run
    "prose": (lambda call: call.answer(200, b"Please set a user-agent"), 1),
    "binary": (lambda call: call.answer(200, bytes(range(256)) * 40), 1),
    "deep": (lambda call: call.answer(200, b"[" * 200_000), 1),
    "other json": (lambda call: call.answer(200, b'{"head":{},"boolean":true}'), 3),  # begins like rows: asked in halves
    "banned": (lambda call: call.answer(403, b"You have been banned until tomorrow"), 1),
    "away": (lambda call: call.answer(503, b"upstream connect error"), TRIES),
    "too often": (lambda call: call.answer(429, b"Too many requests", Retry_After="0"), TRIES),
    "a day's rest": (lambda call: call.answer(429, b"", Retry_After="86400"), 1),
    "trace": (lambda call: call.answer(500, TRACE.encode()), TRIES * 3),  # four ids, then two, then one
}  # fmt: skip


@pytest.fixture
def wikidata() -> Iterator[Wikidata]:
    with faulty_server() as server:
        yield Wikidata(server, CHILDREN)


@pytest.fixture
def run(wikidata, rooms_of, sample_study) -> Callable[[], Rooms]:
    def bring() -> Rooms:
        graph, web = {"sparql": wikidata.sparql, "api": wikidata.api}, {"tries": TRIES}
        scope = {"roots": ["Q1"], "relations": ["P279"], "exclude": []}
        place = rooms_of(changed(sample_study, graph=graph, scope=scope, web=web), "trouble")
        place.bring(*ROOM)
        return place

    return bring


@pytest.mark.parametrize("name", NONSENSE)
def test_an_endpoint_that_stays_bad_ends_every_run_with_words_and_is_not_asked_without_end(name, wikidata, run):
    say, most = NONSENSE[name]
    wikidata.fault = lambda call, ids, body: call.answer(200, body) if ids == ["Q1"] else say(call)
    asked = []
    for _ in range(3):
        wikidata.asked = []
        with pytest.raises(SourceError, match="SPARQL"):
            run()
        asked.append(len(wikidata.asked))
    assert asked[0] == 1 + asked[1]  # what is right below Q1 came, and is not asked again
    assert asked[1] == asked[2] <= most
    wikidata.asked, wikidata.fault = [], None
    rows = run().rows("wikidata_items")
    assert {row["qid"] for row in rows if row["role"] == "member"} == ALL
    assert sorted(qid for ids in wikidata.asked for qid in ids) == sorted(ALL - {"Q1"})


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.999])
def test_a_dump_that_is_cut_leaves_no_table_and_the_whole_one_is_read_next(cut, rooms_of, sample_study, tmp_path):
    whole = b"[\n" + b",\n".join(line(item(f"Q{n}", P279="Q1" if n > 1 else "")) for n in range(1, 400)) + b"\n]\n"
    dump = tmp_path / "dump.json"
    dump.write_bytes(whole[: int(len(whole) * cut)])
    graph = {"source": "dump", "dump": str(dump)}
    place = rooms_of(
        changed(sample_study, graph=graph, scope={"roots": ["Q1"], "relations": ["P279"], "exclude": []}), "cut"
    )
    with pytest.raises(SourceError, match=r"dump\.json breaks off.*fetch the file again"):
        place.bring(*ROOM)
    assert place.lake.record("wikidata_items") is None
    dump.write_bytes(whole)
    place.bring(*ROOM)
    assert place.lake.need("wikidata_items").counts == {"ok": 399}
