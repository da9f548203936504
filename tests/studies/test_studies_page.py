"""docs/studies.md says every key of the scope with its default, and the two large studies are what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from entitynet_assets.resources import endpoint
from entitynet_assets.studies.models import LanguageModel, Scope, StudyError, load_study
from entitynet_assets.tables import VISUAL_JUDGEMENTS

DOCS = Path(__file__).parents[2] / "docs"
PAGE, MODEL_PAGE = ((DOCS / name).read_text() for name in ("studies.md", "language_model.md"))
ROW = re.compile(r"(?m)^\| `([a-z_]+)` \| (\S.*? )?\| .+ \|$")
ROWS, MODEL_ROWS = ({key: value.strip() for key, value in ROW.findall(page)} for page in (PAGE, MODEL_PAGE))


def stated(key: str) -> str:
    default = Scope.model_fields[key].default
    return f"{len(default)} ids" if key == "skip_types" else f"`{json.dumps(default)}`"


def test_the_page_has_every_key_of_the_scope_with_its_default_and_no_other() -> None:
    assert {key: stated(key) for key in Scope.model_fields} == ROWS
    assert list(ROWS) == list(Scope.model_fields)


def test_the_page_of_the_language_model_has_every_key_with_its_default() -> None:
    fields = LanguageModel.model_fields
    defaults = {key: "" if field.is_required() else f"`{json.dumps(field.default)}`" for key, field in fields.items()}
    statuses = {column.name: column.allowed for column in VISUAL_JUDGEMENTS.columns}["status"]
    assert defaults == MODEL_ROWS
    assert sorted(re.findall(r"(?m)^\| `([a-z_]+)` \| [^|]+ \|$", MODEL_PAGE)) == sorted(statuses)


def test_the_world_is_the_published_roots_by_subclass_alone() -> None:
    scope = load_study("world").scope
    assert len(set(scope.roots)) == 21
    assert set(scope.roots) == set(load_study("photos").scope.roots)
    assert (scope.relations, scope.min_sitelinks, scope.items) == (["P279"], 5, [])


def test_the_living_are_three_kingdoms_with_a_picture_and_the_published_exclusions() -> None:
    scope = load_study("living").scope
    assert (scope.roots, scope.relations) == (["Q729", "Q756", "Q764"], ["P31", "P279", "P171"])
    assert set(scope.exclude) == {"Q5", "Q24334299", "Q795052", "Q4886"}
    assert (scope.exclude_having, scope.need_image) == (["P625"], True)


def test_the_environment_says_where_a_source_is(monkeypatch) -> None:
    for name in re.findall(r"`ENTITYNET_ENDPOINT_(\w+)`", PAGE):
        monkeypatch.setenv(f"ENTITYNET_ENDPOINT_{name}", "http://127.0.0.1:1")
        assert endpoint(name.lower(), "x") == "http://127.0.0.1:1"


def test_one_variable_stands_for_both_addresses_of_wikidata_and_the_special_ones_win(monkeypatch) -> None:
    monkeypatch.setenv("ENTITYNET_ENDPOINT_WIKIDATA", "http://127.0.0.1:8080/")
    assert endpoint("sparql", "x") == "http://127.0.0.1:8080/sparql"
    assert endpoint("api", "x") == "http://127.0.0.1:8080/w/api.php"
    assert endpoint("dump", "x") == endpoint("commons", "x") == "x"
    monkeypatch.setenv("ENTITYNET_ENDPOINT_SPARQL", "https://qlever.dev/api/wikidata")
    assert endpoint("sparql", "x") == "https://qlever.dev/api/wikidata"
    assert endpoint("api", "x") == "http://127.0.0.1:8080/w/api.php"


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://[::1", "http://127.0.0.1:8080/sparql", "http://h?q"]
)  # fmt: skip
def test_an_address_that_is_no_server_is_told_with_what_is_expected(address, monkeypatch) -> None:
    monkeypatch.setenv("ENTITYNET_ENDPOINT_WIKIDATA", address)
    with pytest.raises(StudyError, match=r"ENTITYNET_ENDPOINT_WIKIDATA: found .*; expected a server without a path"):
        endpoint("api", "x")
