"""docs/texts.md says of the genuine alt texts what the rules come to today; skipped with a word where the data is not there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from entitynet_assets.curation.cleaning import REASONS, clean
from tests.bench.texts import alt_texts

PAGE = (Path(__file__).parents[2] / "docs" / "texts.md").read_text()


def test_the_page_says_what_is_kept_changed_and_refused() -> None:
    stated = {
        name: int(count.replace(",", "")) for name, count in re.findall(r"(?m)^\| `?(\w+)`? \| ([\d,]+) \|", PAGE)
    }
    raw = alt_texts()
    cleaned = [clean(text) for text in raw]
    counts = Counter(reason or "kept" for _, reason in cleaned)
    changed = sum(
        not reason and words != " ".join(text.split()) for text, (words, reason) in zip(raw, cleaned, strict=True)
    )
    assert {name: stated.get(name) for name in (*counts, "changed")} == {**counts, "changed": changed}
    assert set(re.findall(r"(?m)^\d+\. `(\w+)`", PAGE)) | {"too_long"} == set(REASONS)
