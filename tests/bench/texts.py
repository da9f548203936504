"""Cleaning and language tags on genuine words: `make bench NAME=texts` prints counts, accuracy and texts per second of a core.

Input: 10,000 alt texts of the web and the labels and descriptions of 2,000 Wikidata items, whose language is known; both are read
from ENTITYNET_DATA. There is no peer: what other programs take away is another set of words.
"""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from entitynet_assets.curation.cleaning import clean
from entitynet_assets.curation.language import UNDETERMINED, language_of
from tests.fakes.rooms import data_folder

ALT_TEXTS = ("alttext", "img2dataset_laion_sample", "tests", "test_files", "test_10000.parquet")
ITEMS = (
    ("04-jsondumpdata-2014-2015", "20151109", "1000-entities.json.gz"), ("05-openrefine-wikibase-2020", "entities.ndjson.gz"),
    ("08-wikibase-dump-filter", "entities.json.gz"),
)  # fmt: skip
KNOWN = ("ar", "cs", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "tr", "zh")
MOST = 12_000
Timed = tuple[list[Any], float]


def alt_texts() -> list[str]:
    """Return the alt texts as they were found."""
    return pq.read_table(data_folder(*ALT_TEXTS))["TEXT"].to_pylist()


def known(kind: str) -> list[tuple[str, str]]:
    """Return (language, text) of labels or descriptions, each once, at most MOST drawn evenly."""
    found = {
        (language, said["value"])
        for parts in ITEMS
        for item in _items(data_folder("wikidata", *parts))
        if isinstance(item.get(kind), dict)
        for language, said in item[kind].items()
        if language in KNOWN
    }
    return random.Random(0).sample(sorted(found), min(MOST, len(found)))


def _items(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("{"):
                yield json.loads(line.rstrip().rstrip(","))


def timed(work: Callable[[str], Any], texts: Sequence[str]) -> Timed:
    """Return the answers and the seconds of a core."""
    start = time.process_time()
    return [work(text) for text in texts], time.process_time() - start


def told(kind: str) -> dict[str, float]:
    """Return which share of texts of a known language is told one, and which share of those the right one."""
    texts = known(kind)
    pairs = [(language, language_of(text)) for language, text in texts]
    sure = [(language, tag) for language, tag in pairs if tag != UNDETERMINED]
    right = sum(language == tag for language, tag in sure)
    return {"texts": len(texts), "told": round(len(sure) / len(texts), 3), "right_of_told": round(right / len(sure), 3)}


def main() -> dict[str, Any]:
    """Return counts by reason, languages, accuracies and speeds."""
    raw = alt_texts()
    language_of("the model is loaded before the clock starts")
    cleaned, clean_s = timed(clean, raw)
    kept = [words for words, reason in cleaned if reason is None]
    tags, tag_s = timed(language_of, kept)
    changed = sum(
        reason is None and words != " ".join(text.split()) for text, (words, reason) in zip(raw, cleaned, strict=True)
    )
    languages = Counter(tags).most_common()
    return {
        "bench": "texts", "texts": len(raw), "kept": len(kept), "changed": changed,
        "refused": dict(Counter(reason for _, reason in cleaned if reason).most_common()),
        "languages": {"en": 0, UNDETERMINED: 0, **dict(languages)}, "labels": told("labels"), "descriptions": told("descriptions"),
        "cleaned_per_s": round(len(raw) / clean_s), "tagged_per_s": round(len(kept) / tag_s),
        "both_per_s": round(len(raw) / (clean_s + tag_s)), "unit": "texts per second of one core",
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(), ensure_ascii=False))
