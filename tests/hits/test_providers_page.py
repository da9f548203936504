"""docs/providers.md and docs/queries.md say what the modules and the contracts say."""

from __future__ import annotations

import re
from pathlib import Path

from entitynet_assets.hits.provider import provider
from entitynet_assets.studies.models import ASKED_BY_ITEM, PROVIDERS, RISKS, TABLES_OF_PICTURES, Queries
from entitynet_assets.tables import PUBLISHED_KINDS, QUERY_KINDS
from tests.hits import test_recorded

DOCS = Path(__file__).parents[2] / "docs"
RECORDED = {
    "commons": "yes", "commons_statements": "yes, as commons", "flickr": "yes", "europeana": "yes", "gbif": "yes",
    "openverse": "its predecessor's", "serpapi": "yes", "inaturalist": "yes", "sample": "our own", "folder": "our own",
}  # fmt: skip
LICENCE = {
    "sample": "stated", "folder": "none", "commons_depicts": "stated for some", "table": "where it has a column", "brave": "none",
    "serpapi": "none", "serper": "none",
}  # fmt: skip


def row(name: str) -> str:
    """The line of the page for a provider."""
    found = provider(name)
    limits = ", ".join(f"{limit.count:,} in {_span(limit.seconds)}" for limit in found.LIMITS) or "none"
    if with_key := found.LIMITS_WITH_KEY:
        limits += " (with a key " + ", ".join(f"{limit.count:,} in {_span(limit.seconds)}" for limit in with_key) + ")"
    key = f"`{found.KEY.variable}`" + ("" if found.KEY.needed else ", may be left out") if found.KEY else "none"
    asked = "its files" if name in TABLES_OF_PICTURES else "id" if name in ASKED_BY_ITEM else "words"
    off = "off without `accept_risk`; " if name in RISKS else ""
    return (
        f"| `{name}` | {asked} | {key} | {limits} | {found.DEPTH:,} | {LICENCE.get(name, 'stated')} | {RECORDED.get(name, 'unrecorded')} "
        f"| {off}{found.TERMS} |"
    )


def _span(seconds: float) -> str:
    return {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}[int(seconds)]


def test_the_page_has_a_line_for_every_provider_as_its_module_has_it() -> None:
    lines = [line for line in (DOCS / "providers.md").read_text().splitlines() if re.match(r"\| `\w+` \|", line)]
    assert lines == [row(name) for name in PROVIDERS]


def test_what_the_page_calls_recorded_is_tested_on_a_recorded_answer() -> None:
    text = Path(test_recorded.__file__).read_text() + (Path(__file__).parent / "test_tables_of_pictures.py").read_text()
    for name, said in RECORDED.items():
        if said == "yes":
            assert f'provider("{name}")' in text or f"def test_{name}_as_it_was_published" in text, name


def test_the_page_of_queries_has_every_kind_and_every_key() -> None:
    page = (DOCS / "queries.md").read_text()
    kinds = re.findall(r"(?m)^\| `(\w+)` \| .*? \| (.*)\|$", page[: page.index("## Names")])
    assert {kind for kind, _ in kinds} == {*QUERY_KINDS, "item"}
    assert {name for _, published in kinds for name in re.findall(r"`([\w-]+)`", published)} == set(PUBLISHED_KINDS)
    keys = dict(re.findall(r"(?m)^\| `(\w+)` \| `(.*?)` \|", page[page.index("## Options") :]))
    assert {key: str(field.default).replace("'", '"') for key, field in Queries.model_fields.items()} == {
        key: said.strip('"') if said.startswith('"') else said for key, said in keys.items()
    }
