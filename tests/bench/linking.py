"""Linking benchmark: `python -m tests.bench.linking [names]`, ours against pyahocorasick on the same texts and names.

The texts are genuine alt texts (ENTITYNET_DATA), drawn many times over. Of the words that they have one in five is a name; the other
names are of one to three words, half of them with a word of the texts as drawn by its frequency. Both sides find the longest known
name first, whole words only, and must agree on each mention. Ours is what the station does for a text: words, folding, endings
apart, search, places in the text, the entities so called. The peer is given the folded texts; its figure is its search alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from entitynet_assets.labels.linking import Names
from entitynet_assets.labels.stop_words import stop_words
from entitynet_assets.labels.words import Forms, encoded, tokens_of, words_of
from tests.bench.harness import in_own_process, last_line, measured, peak_mib, peer_python

NAMES, TEXTS = 1_000_000, 100_000
SAMPLE = "alttext/img2dataset_laion_sample/tests/test_files/test_10000.parquet"


def genuine_texts() -> list[str]:
    """Return the alt texts of the sample, each once."""
    root = Path(os.environ.get("ENTITYNET_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")
    if not (root / SAMPLE).is_file():
        sys.exit(f"bench NAME=linking: no {SAMPLE} under ENTITYNET_DATA; say where the data lies")
    said = pq.read_table(root / SAMPLE).column("TEXT").to_pylist()
    return sorted({text for text in said if text and any(map(str.isalpha, text))})


def write(folder: Path, names: int, texts: int, said: list[str] | None = None) -> None:
    """Write (name, entity) pairs and texts, drawn with a seed."""
    rng = random.Random(1)
    genuine = said or genuine_texts()
    stop = stop_words(["en"])
    counted = Counter(
        token
        for text in genuine
        for token in tokens_of(text)
        if token.isalpha() and len(token) > 2 and token not in stop
    )
    words, weights = list(counted), list(counted.values())
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
    called: set[str] = set(rng.sample(words, min(len(words), names) // 5))
    drawn = iter(rng.choices(words, weights, k=2 * names))
    while len(called) < names:
        known = [next(drawn)] if rng.random() < 0.5 else []
        called.add(" ".join(["".join(rng.choices(syllables, k=3)) for _ in range(rng.randint(1, 2))] + known))
    pairs = [(name, f"Q{number}") for number, name in enumerate(sorted(called))]
    (folder / "names.pickle").write_bytes(pickle.dumps(pairs))
    many = [re.sub(r"\s+", " ", rng.choice(genuine)) for _ in range(texts)]
    (folder / "texts.pickle").write_bytes(pickle.dumps(many))
    forms = Forms()
    folded = ["".join(map(forms.__getitem__, words_of(text))) for text in many]
    (folder / "peer.pickle").write_bytes(pickle.dumps(([encoded(name.split(" ")) for name, _ in pairs], folded)))


def ours(folder: Path) -> dict[str, Any]:
    """Link the texts as the station does."""
    pairs = pickle.loads((folder / "names.pickle").read_bytes())
    texts = pickle.loads((folder / "texts.pickle").read_bytes())
    held, made = peak_mib(), list[Names]()
    found = measured({
        "build": lambda: made.append(Names(pairs)),
        "link": lambda: sum(1 for text in texts for _ in made[0].mentions(text)),
    })  # fmt: skip
    found["grown_mib"] = peak_mib() - held
    found["digest"] = digest([one.name for one in made[0].mentions(text)] for text in texts)
    return found


def digest(found: Iterable[list[str]]) -> str:
    """Return a hash over the names found in each text, in order."""
    whole = hashlib.sha256()
    for names in found:
        whole.update(("\x1f".join(names) + "\n").encode())
    return whole.hexdigest()


def compare(names: int, texts: int, said: list[str] | None = None) -> dict[str, Any]:
    """Return what both sides took. Raises RuntimeError where their mentions differ."""
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch), names, texts, said)
        mine = in_own_process(sys.executable, "tests.bench.linking", "ours", scratch)
        peer = in_own_process(
            peer_python("pyahocorasick", ["pyahocorasick"]), "tests.bench.linking_pyahocorasick", scratch
        )
    if mine["digest"] != peer["digest"]:
        raise RuntimeError(f"ours {mine['digest']}, pyahocorasick {peer['digest']}; they must agree")
    return {"names": names, "texts": texts, "ours": mine, "peer": peer}


def summary(run: dict[str, Any]) -> str:
    """Return the last line: texts per second of a core."""
    rate = {side: round(run["texts"] / run[side]["cpu_seconds"]["link"]) for side in ("ours", "peer")}
    return last_line(
        "linking", rate["ours"], rate["peer"], "texts/s of a core", peer_name="pyahocorasick", names=run["names"], texts=run["texts"],
        mentions=run["ours"]["answers"]["link"], build_s={side: run[side]["cpu_seconds"]["build"] for side in rate},
        grown_mib={side: run[side]["grown_mib"] for side in rate}, cores=os.cpu_count(),
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        print(json.dumps(ours(Path(sys.argv[2]))))
    else:
        print(summary(compare(int(sys.argv[1]) if sys.argv[1:] else NAMES, TEXTS)))
