"""Studies: those that ship load; one that is wrong says where, what was found and what is allowed."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.studies.models import HERE, StudyError, load_study, parse_study, presets

SAMPLE = tomllib.loads((HERE / "sample.toml").read_text())
CLASSIFIED = {"name": "own", "rule": "unwanted", "classifier": "my.module:score", "version": "1", "margin": 4.5}
RECIPE = {
    "name": "mine",
    "mix": "balanced",
    "tower": "demo-64",
    "samples_seen": 10,
    "batch_size_global": 4,
    "lr_peak": 0.001,
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the sample study with one value changed, by its dotted path."""
    raw = copy.deepcopy(SAMPLE)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = raw
    for part in parents:
        place = place[part]
    place[last] = value
    return raw


FAULTS: list[tuple[str, Any, str]] = [
    ("scop", {}, "scop: unknown key; allowed here: name, title, slices, scope,"),
    ("scope.root", ["Q1"],
     "scope.root: unknown key; allowed here: roots, items, relations, exclude, languages, min_sitelinks, need_image, exclude_having, "
     "leaves_only, limit, skip_types, max_branch_share, min_branch_entities, visual, attributes_per_category (did you"),
    ("providers.0.pagse", 2,
     "providers.0.pagse: unknown key; allowed here: name, address, pages, per_page, accept_risk, price_per_1000, max_paid_calls, "
     "forecast_licences, columns, link_all, max_rows (did you mean pages?)"),
    ("providers.0.link_all", True,
     "providers.0: link_all: found on sample, whose results are all of a search; allowed: on the provider table"),
    ("providers.0.max_rows", 7, "providers.0: max_rows: found 7 without link_all = true, which it bounds"),
    ("recipes", [{**RECIPE, "sed": 1}], "recipes.0.sed: unknown key; allowed here: name, mix, tower,"),
    ("encoder", {"model": "m", "sha256": "0" * 64, "min_relevanse": 1},
     "encoder.min_relevanse: unknown key; allowed here: model, sha256, min_relevance"),
    ("encoder", {"model": "m", "sha256": "0" * 64, "templates": ["a photo"]},
     "encoder.templates: found 'a photo'; a template needs {} where the name of the entity goes"),
    ("encoder", {"model": "m", "sha256": "0" * 64, "leak_cosine": 1.1}, "encoder.leak_cosine: found 1.1; Input should be less"),
    ("curation", {"licences_allowed": ["CC0", "unknown"], "licences_refused": ["unknown"]},
     "curation: licences_allowed: found 'unknown', which is also in licences_refused; it must be one or the other"),
    ("curation.refused_words", ["stock", " - "], "curation.refused_words: found ' - '; allowed: words or phrases with a letter or a digit"),
    ("curation.people", "blur", "curation.people: found 'blur'; Input should be 'off', 'flag' or 'reject'"),
    ("curation.max_aspect", 0.5, "curation.max_aspect: found 0.5; Input should be greater than or equal to 1"),
    ("curation.blocklist_radius", 17, "curation.blocklist_radius: found 17; Input should be less than or equal to 16"),
    ("screens", ["nuditi"], "screens: found 'nuditi'; allowed: a table of its own, or one of nudity, gore, "),
    ("screens", ["gore", "gore"], "screens: ['gore'] named twice; give each its own name"),
    ("screens", [{"name": "mine", "rule": "unwanted", "prompts": ["a", "b"], "contrast": ["b"]}],
     "screens.0: contrast: found 'b', which is also in prompts; it must be one or the other"),
    ("screens", [{"name": "mine", "rule": "unwanted", "prompts": [" "], "contrast": ["b"]}],
     "screens.0: prompts, contrast: found an empty text; say in words what is looked for"),
    ("screens", [{"name": "mine", "rule": "faces", "prompts": ["a"], "contrast": ["b"]}],
     "screens.0.rule: found 'faces'; Input should be 'unwanted' or 'people'"),
    ("screens", [{"name": "mine", "rule": "unwanted", "prompts": [], "contrast": ["b"]}], "screens.0: prompts: found none; name at"),
    ("screens", [{"name": "mine", "rule": "unwanted", "prompts": ["a"]}], "screens.0: contrast: found none; name at least one text"),
    ("screens", [{"name": "mine", "rule": "unwanted", "prompts": ["a"], "contrast": ["b"], "margin": 2.5}],
     "screens.0: margin: found 2.5; a difference of cosines is from -2 to 2"),
    ("screens", [{"name": "mine", "rule": "unwanted", "prompts": ["a"], "contrast": ["b"], "version": "1"}],
     "screens.0: version: found '1' without a classifier; the encoder's weights stand in [encoder]"),
    ("screens", [{**CLASSIFIED, "prompts": ["a"]}], "screens.0: prompts, contrast: found beside a classifier; a screen has the one or"),
    ("screens", [{**CLASSIFIED, "like": "gore"}], "screens.0: prompts, contrast: found beside a classifier; a screen has the one or"),
    ("screens", [{**CLASSIFIED, "classifier": "my.module.score"}],
     "screens.0: classifier: found 'my.module.score'; allowed: package.module:function, as in"),
    ("screens", [{**CLASSIFIED, "version": " "}], "screens.0: version: missing; say which weights the classifier has"),
    ("screens", [{key: CLASSIFIED[key] for key in ("name", "rule", "classifier", "version")}], "screens.0: margin: missing; say from"),
    ("screens", [{**CLASSIFIED, "margin": float("nan")}], "screens.0.margin: found nan; Input should be a finite number"),
    ("screens", [CLASSIFIED, "gore"], "screens.gore: found prompts, and the study has no [encoder] to read them; add one, name a"),
    ("scope.roots.0", "apple", "scope.roots.0: found 'apple'; String should match pattern '^Q[1-9]\\d*$'"),
    ("scope.exclude", ["Q0"], "scope.exclude.0: found 'Q0'; String should match pattern"),
    ("scope.relations", ["Q279"], "scope.relations.0: found 'Q279'; String should match pattern '^P[1-9]"),
    ("scope.roots", [], "scope: found neither roots nor items; name at least one root (roots) or one item (items) by id"),
    ("scope.items", ["lion"], "scope.items.0: found 'lion'; String should match pattern '^Q[1-9]"),
    ("scope.exclude_having", ["coordinates"], "scope.exclude_having.0: found 'coordinates'; String should match pattern '^P[1-9]"),
    ("scope.need_image", "often", "scope.need_image: found 'often'; Input should be a valid boolean"),
    ("language_model", {"address": "http://a/v1", "model": "m", "key": "sk-1"}, "language_model.key: unknown key; allowed here: address,"),
    ("language_model", {"address": "http://me:sk/1@a/v1", "model": "m"},
     "language_model.address: found a user name, a query or a fragment in the address; allowed: http(s)://host/path, and a key by"),
    ("language_model", {"address": "localhost:8000", "model": "m"},
     "language_model.address: found 'localhost:8000'; allowed: http(s)://host/path, as in http://127.0.0.1:8000/v1"),
    ("language_model", {"address": "http://a/v1", "model": ""}, "language_model.model: found ''; String should have at least 1 character"),
    ("language_model", {"address": "http://a/v1", "model": "m", "max_calls": 0}, "language_model.max_calls: found 0; Input should be"),
    ("scope.visual", "judge", "scope.visual: found 'judge', and no model is asked; say judge = true in [language_model]"),
    ("slices", 0, "slices: found 0; Input should be greater than or equal to 1"),
    ("slices", 1001, "slices: found 1001; Input should be less than or equal to 1000"),
    ("name", "Sample World", "name: found 'Sample World'; String should match pattern"),
    ("providers.0.name", "smaple", "providers.0.name: found 'smaple'; allowed: sample, folder, commons, openverse, "),
    ("queries.kinds.1", "alais",
     "queries.kinds: found 'alais'; allowed: noun, alias, taxon_name, common_name, drawing, attribute, attribute_noun, word "
     "(did you mean alias?)"),
    ("queries.kinds", ["word"], "queries: kinds has 'word', and words is empty; name a file of words, one a line, in queries.words"),
    ("queries.style", "cartoon", "queries.style: found 'cartoon'; Input should be 'any' or 'photo'"),
    ("providers.0", {"name": "serpapi"},
     "providers.0: serpapi is off: it reads the results off Google's pages, and Google v. SerpApi (filed December 2025) is about just "
     "that; to use it at your own risk add accept_risk = true"),
    ("providers.0", {"name": "serper"}, "providers.0: serper is off: it reads the results off Google's pages; a lawsuit against"),
    ("providers.0", {"name": "brave", "price_per_1000": 5}, "providers.0: price_per_1000: found 5 without a cap; say max_paid_calls"),
    ("providers.0", {"name": "table"}, "providers.0: address: found ''; table needs a file or folder of this machine"),
    ("providers.0", {"name": "inaturalist", "address": "s3://inaturalist-open-data"},
     "providers.0: address: found 's3://inaturalist-open-data'; inaturalist needs a file or folder of this machine"),
    ("providers.0", {"name": "table", "address": "x", "columns": {"link": "l"}}, "providers.0.columns: found 'link'; allowed: url, text,"),
    ("mixes.0", "balancd",
     "mixes: found 'balancd'; allowed: a table of its own, or one of balanced, alt_text_only, graph_only, published, published_alt_only, "
     "published_graph_only (did you mean balanced?)"),
    ("mixes.0", {"name": "m", "weights": {"alt": 1.0}}, "mixes.0: weights.alt: no such source; allowed: alt_text, title,"),
    ("mixes.0", {"name": "m", "weights": {"label": -1.0}}, "mixes.0: mix[m].weights.label"),
    ("mixes.0", {"name": "m", "weights": {"label": 0.0}}, "at least one weight above 0"),
    ("mixes.0", {"name": "m", "weights": {"label": float("nan")}}, "a finite number of at least 0"),
    ("mixes.0", {"name": "m", "weights": {"label": "much"}},
     "mixes.0.weights.label: found 'much'; Input should be a valid number"),
    ("mixes.0", {"name": "m", "like": "publishd"}, "mixes: found 'publishd'; allowed: a table of its own, or one of balanced,"),
    ("mixes.0", {"name": "m", "by_query": {"noun": {"names": 1.0}}},
     "mixes.0: by_query.noun.names: no such source; allowed: alt_text, title,"),
    ("mixes.0", {"name": "m", "by_query": {"attribute": {"query": 1.0}}}, "noun among the keys, for kinds without their own"),
    ("mixes.0", {"name": "m", "by_query": {"noun": {"query": 1.0}, "nuon": {"query": 1.0}}}, "mix[m].by_query.nuon: found 'nuon'"),
    ("mixes.0", {"name": "m", "by_query": {"noun": {"alt_text": 1.0}}}, "mix[m].by_query.noun.alt_text: found 'alt_text'"),
    ("mixes.0", {"name": "m", "weights": {"label": 1.0}, "web_share": 0.5}, "0 without by_query, as weights divide all sources then"),
    ("mixes.0", {"name": "m", "weights": {"label": 1.0}, "balance": {"threshold": 1, "per_entity": 1}},
     "only one of threshold, per_entity"),
    ("mixes.0", {"name": "m", "weights": {"label": 1.0}, "balance": {"per_entity": 0}}, "at least 1 picture"),
    ("recipes.0", "dmeo", "recipes: found 'dmeo'; allowed: a table of its own, or one of demo,"),
    ("recipes", [{**RECIPE, "loss": {"wieghts": {"sigmoid": 1.0}}}], "recipes.0.loss.wieghts: unknown key; allowed here: weights, entity"),
    ("recipes", [{**RECIPE, "loss": {"weights": {"hinge": 1.0}}}], "loss.weights: found 'hinge'; allowed: one of contrastive, sigmoid"),
    ("recipes", [{**RECIPE, "mix": "balancd"}],
     "recipes.mine.mix: found 'balancd'; allowed: the study's mixes balanced, alt_text_only, graph_only (did you mean balanced?)"),
    ("recipes", [{**RECIPE, "tower": "ViT-B-23"}], "recipes.0: tower: found 'ViT-B-23'; allowed: one of 93 towers, such as ViT-B-32"),
    ("recipes", [{**RECIPE, "epochs": 2}], "recipes.0: samples_seen, epochs: found both; say one"),
    ("recipes", [{key: value for key, value in RECIPE.items() if key != "samples_seen"}], "samples_seen, epochs: found neither; say one"),
    ("recipes", [{**RECIPE, "teacher": "big"}], "recipes.mine.teacher: found 'big'; allowed: none, as the study has no [[teachers]]"),
    ("recipes", ["demo", {**RECIPE, "init": "recipe:dem"}],
     "recipes.mine.init: found 'recipe:dem'; allowed: recipe: and one of those before it, demo (did you mean demo?)"),
    ("recipes", [{**RECIPE, "init": "recipe:mine"}], "recipes.mine.init: found 'recipe:mine'; allowed: a recipe before it"),
    ("recipes", [{"like": "demo", "sample_seen": 4}], "recipes.0.sample_seen: unknown key; allowed here: name, mix, tower, samples_seen"),
    ("recipes", [{**RECIPE, "world_size": 3}],
     "recipes.mine.batch_size_global: found 4; allowed: a multiple of world_size 3"),
    ("recipes", ["demo", "demo"], "recipes: ['demo'] named twice; give each its own name"),
    ("benchmarks.0", {"name": "b", "manifest": "m", "templates": ["a photo"]},
     "benchmarks.0.templates: found 'a photo'; a template needs {} where"),
    ("benchmarks.0", {"name": "b", "manifest": "m", "protocols": ["few_shots"]},
     "benchmarks.0.protocols: found 'few_shots'; allowed: zero_shot, instance_retrieval, few_shot, linear_probe, "
     "linear_probe_adamw (did you mean few_shot?)"),
    ("benchmarks.0", {"name": "b", "manifest": "m", "protocols": ["few_shot", "few_shot"]},
     "benchmarks.0.protocols: found 'few_shot' twice; name it once"),
    ("benchmarks.0", {"name": "b", "manifest": "m", "protocols": []}, "benchmarks.0.protocols: found []"),
    ("graph.source", "csv", "graph.source: found 'csv'; Input should be 'sparql' or 'dump'"),
    ("graph.source", "dump", "graph: graph.dump is empty; graph.source = 'dump' needs dump"),
    ("web", {}, "web.contact: missing; add it"),
    ("providers", [{"name": "folder", "address": "folder://x/search"}],
     "providers.folder.address: found 'folder://x/search'; allowed: none, as the study has no [[folders]]"),
    ("folders", [{"name": "a", "trees": ["t"], "held_out_share": 1.0}], "folders.0.held_out_share: found 1.0; Input should be less"),
    ("folders", [{"name": "a", "trees": []}], "folders.0.trees: found []; List should have at least 1 item"),
    ("mixes", "balanced", "mixes: found 'balanced'; allowed: a list"),
    ("recipes", 3, "recipes: found 3; allowed: a list"),
    ("benchmarks", {"name": "b"}, "benchmarks: found {'name': 'b'}; allowed: a list"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), FAULTS, ids=[f"{one[0]}={str(one[1])[:24]}" for one in FAULTS])
def test_a_fault_names_file_key_what_was_found_and_what_is_allowed(path: str, value: Any, words: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study(changed(path, value), "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert words in str(caught.value)


def test_every_fault_is_said_at_once() -> None:
    raw = changed("scope.roots.0", "apple") | {"slices": 0, "titel": "x"}
    with pytest.raises(StudyError) as caught:
        parse_study(raw, "mine.toml")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["slices", "scope.roots.0", "titel"]


def test_a_file_that_is_absent_or_no_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        StudyError,
        match=r"study 'smaple': no file .*; allowed: a path ending in \.toml, or one of .*did you mean sample",
    ):
        load_study("smaple")
    with pytest.raises(StudyError, match="no file"):
        load_study(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(StudyError, match=r"broken\.toml: not TOML: "):
        load_study(str(broken))
    broken.write_bytes(b"name = '\xff'")
    with pytest.raises(StudyError, match=r"broken\.toml: not TOML: "):
        load_study(str(broken))


@pytest.mark.parametrize("path", sorted(HERE.glob("*.toml")), ids=lambda path: path.stem)
def test_a_study_that_ships_loads(path: Path) -> None:
    study = load_study(path.stem)
    assert study.name == path.stem
    assert load_study(str(path)) == study


def test_the_environment_names_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text((HERE / "sample.toml").read_text().replace('name = "sample"', 'name = "mine"', 1))
    monkeypatch.setenv("ENTITYNET_STUDY", str(mine))
    assert load_study().name == "mine"
    assert load_study("sample").name == "sample"
    monkeypatch.delenv("ENTITYNET_STUDY")
    assert load_study().name == "sample"


@pytest.mark.parametrize("kind", ["mixes", "recipes", "benchmarks", "screens"])
def test_every_preset_loads(kind: str) -> None:
    names = list(presets(kind))
    teacher = {
        "name": "teacher",
        "model": "ViT-L-14/datacomp_xl_s13b_b90k",
        "sha256": "0" * 64,
    }  # what reinforced ones want
    everything = {**SAMPLE, "mixes": list(presets("mixes")), "teachers": [teacher], kind: names}
    assert [item.name for item in getattr(parse_study(everything, "presets.toml"), kind)] == names


def test_a_study_that_names_no_screen_has_those_that_ship_and_may_say_none() -> None:
    assert [screen.name for screen in parse_study(SAMPLE, "a.toml").screens] == list(presets("screens"))
    assert {screen.rule for screen in parse_study(SAMPLE, "a.toml").screens} == {"unwanted", "people"}
    assert parse_study({**SAMPLE, "screens": []}, "a.toml").screens == []


def test_a_screen_by_a_classifier_needs_no_encoder() -> None:
    study = parse_study({**SAMPLE, "screens": [CLASSIFIED]}, "a.toml")
    assert (study.screens[0].classifier, study.screens[0].margin) == ("my.module:score", 4.5)
    assert parse_study(study.model_dump(), "again.toml") == study
    raw = {**SAMPLE, "screens": [CLASSIFIED], "curation": {"people": "reject"}}
    with pytest.raises(
        StudyError, match=r"curation\.people: found 'reject', and no screen has rule = \"people\"; name one"
    ):
        parse_study(raw, "a.toml")


def test_people_cannot_be_rejected_without_a_screen_that_finds_them() -> None:
    encoder = {"model": "m", "sha256": "0" * 64}
    raw = {**SAMPLE, "encoder": encoder, "screens": ["gore"], "curation": {"people": "reject"}}
    with pytest.raises(
        StudyError, match=r"curation\.people: found 'reject', and no screen has rule = \"people\"; name one"
    ):
        parse_study(raw, "a.toml")
    assert parse_study({**raw, "screens": ["gore", "people"]}, "a.toml").curation.people == "reject"


def test_a_study_cannot_be_changed_and_holds_every_choice() -> None:
    study = load_study("sample")
    with pytest.raises(ValueError, match="frozen"):
        study.slices = 3  # pyright: ignore
    assert parse_study(study.model_dump(), "again.toml") == study
