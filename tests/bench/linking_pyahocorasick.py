"""The peer of linking: pyahocorasick, as its documentation has it; runs in an environment of its own (pyahocorasick)."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import ahocorasick  # pyright: ignore[reportMissingImports]

from tests.bench.harness import measured, peak_mib


def main(folder: Path) -> dict[str, Any]:
    """Build the automaton and find the longest names in each folded text."""
    patterns, texts = pickle.loads((folder / "peer.pickle").read_bytes())
    automaton: Any = ahocorasick.Automaton()
    held = peak_mib()

    def build() -> int:
        for number, pattern in enumerate(patterns):
            automaton.add_word(pattern, number)
        automaton.make_automaton()
        return len(automaton)

    found = measured({"build": build, "link": lambda: sum(1 for text in texts for _ in automaton.iter_long(text))})
    found["grown_mib"] = peak_mib() - held
    whole = hashlib.sha256()
    names = [" ".join(pattern[1:-1].split("\x02\x01")) for pattern in patterns]
    for text in texts:
        whole.update(("\x1f".join(names[number] for _, number in automaton.iter_long(text)) + "\n").encode())
    return {**found, "digest": whole.hexdigest()}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
