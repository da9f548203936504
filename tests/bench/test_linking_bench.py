"""The linking benchmark at a small size: what it links, and that the mentions are those that plain search finds."""

from __future__ import annotations

import json
import pickle

from entitynet_assets.labels.words import tokens_of
from tests.bench.linking import digest, ours, summary, write

SAID = ["Two red apples on a table", "Apple tree in bloom!", "nothing to see", "the tree’s bark"]


def test_what_is_linked_is_what_a_plain_search_finds(tmp_path) -> None:
    write(tmp_path, 200, 50, SAID)
    texts = pickle.loads((tmp_path / "texts.pickle").read_bytes())
    names = {tuple(name.split(" ")) for name, _ in pickle.loads((tmp_path / "names.pickle").read_bytes())}
    assert len(names) == 200
    assert set(texts) <= set(SAID)

    def found(text: str) -> list[str]:
        tokens, start, said = tokens_of(text), 0, []
        while start < len(tokens):
            fits = [size for size in (4, 3, 2, 1) if tokens[start : start + size] in names]
            said += [" ".join(tokens[start : start + fits[0]])] if fits else []
            start += fits[0] if fits else 1
        return said

    made = ours(tmp_path)
    assert made["digest"] == digest(found(text) for text in texts)
    assert made["answers"]["link"] > 0
    line = json.loads(summary({"names": 200, "texts": 50, "ours": {**made, "cpu_seconds": {"build": 1.0, "link": 1.0}},
                               "peer": {**made, "cpu_seconds": {"build": 1.0, "link": 2.0}}}))  # fmt: skip
    assert (line["ours"], line["peer"], line["ratio"]) == (50, 25, 2.0)
