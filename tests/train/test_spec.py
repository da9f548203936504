"""The contract: round trip, fingerprint, errors that say what to do."""

from __future__ import annotations

import dataclasses
import json

import pytest

from entitynet_train.spec import (
    BenchmarkSpec,
    CaptionMix,
    EmbedSpec,
    EvalSpec,
    LossSpec,
    RunSpec,
    SpecError,
    fingerprint,
    load,
    to_json,
)


@pytest.fixture
def run_spec(tiny_world):
    return tiny_world.run_spec()


def test_a_run_spec_survives_json(run_spec, saved_spec):
    assert load(RunSpec, saved_spec(run_spec)) == run_spec


def test_an_eval_spec_survives_json(tiny_world, saved_spec):
    spec = EvalSpec("tiny", 4, "0" * 64, (tiny_world.benchmark(1),), checkpoint="export")
    assert load(EvalSpec, saved_spec(spec)) == spec


def test_an_embed_spec_survives_json(saved_spec):
    spec = EmbedSpec("ViT-B-32/openai", "0" * 64, "1" * 64, root="root", images="images.parquet")
    assert load(EmbedSpec, saved_spec(spec)) == spec


def test_execution_stays_out_of_the_fingerprint(run_spec):
    elsewhere = dataclasses.replace(run_spec.data, root="/elsewhere", skip=())
    moved = dataclasses.replace(run_spec, data=elsewhere, workers=7, checkpoint_every_steps=9)
    assert fingerprint(moved) == fingerprint(run_spec)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"lr_peak": 2.0},
        {"samples_seen": 64},
        {"eps": 1.0},
        {"loss": LossSpec({"sigmoid": 1.0})},
        {"loss": LossSpec(entity_targets=True)},
    ],
)
def test_identity_changes_the_fingerprint(run_spec, change):
    assert fingerprint(dataclasses.replace(run_spec, **change)) != fingerprint(run_spec)


def test_a_relabelled_word_changes_the_fingerprint(tiny_world):
    before = fingerprint(tiny_world.run_spec())
    tiny_world.entity_texts[0] = ("Q1", "label", "scarlet disc")
    tiny_world.write_words()
    assert fingerprint(tiny_world.run_spec()) != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tower": "ViT-Z"}, "such as ViT-S-32"),
        ({"precision": "fp8"}, "bf16"),
        ({"samples_seen": -1}, "untrained control"),
        ({"world_size": 3}, "multiple of world_size (3)"),
        ({"lr_peak": 0.0}, "above 0"),
        ({"lr_peak": float("nan")}, "above 0"),
        ({"warmup_ratio": 1.0}, "[0, 1)"),
        ({"context_length_tokens": 78}, "4 to 77"),
        ({"seed": -1}, "2**32"),
        ({"checkpoint_every_steps": 0}, "at least 1"),
        ({"workers": -1}, "0 (load in the training process)"),
    ],
)
def test_a_field_that_cannot_be_run_is_named_with_what_is_allowed(run_spec, change, words):
    with pytest.raises(SpecError) as caught:
        dataclasses.replace(run_spec, **change)
    assert f"recipe[tiny].{'batch_size_global' if 'world_size' in change else next(iter(change))}" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"label": -1.0}, "at least 0"),
        ({"label": "x"}, "finite"),
        ({"lable": 1.0}, "lable"),
        ({"label": 0.0}, "at least one weight above 0"),
    ],
)
def test_a_bad_weight_is_named(weights, words):
    with pytest.raises(SpecError, match="mix") as caught:
        CaptionMix("m", weights)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"by_query": {"noun": {"name": 1.0, "alias": 1.0}}}, "name or label, alias, taxon_name, common_name"),
        ({"by_query": {"noun": {"title": 1.0}}}, "mix[m].by_query.noun.title"),
        ({"by_query": {"noun": {"label": 1.0}}, "web_share": 0.5}, "mix[m].weights"),
        ({"by_query": {"noun": {"label": 1.0}}, "web_share": 1.5, "weights": {"alt_text": 1}}, "a share in [0, 1]"),
        ({"weights": {"label": 1.0}, "ancestor_decay": 0.0}, "a factor in (0, 1]"),
        ({"weights": {"label": 1.0}, "ancestor_distance": 0}, "1 to 20 statements"),
        ({"weights": {"label": 1.0}, "template_share": 0.1}, "at least one for a template_share"),
        ({"weights": {"label": 1.0}, "template_share": 0.1, "templates": ("a photo",)}, "{} once"),
        ({"weights": {"label": 1.0}, "balance": {"most": 3}}, "one of threshold, per_entity"),
    ],
)
def test_a_mix_that_cannot_be_drawn_is_named(facts, words):
    with pytest.raises(SpecError, match="mix") as caught:
        CaptionMix("m", **facts)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("noun", "noun"), ("noun_living", "noun_living"), ("attribute_noun", "attribute"), ("attribute_noun_living", "attribute"),
        ("alias_living", "alias"), ("drawing_living", "noun_living"), ("linked", "noun"), ("word_living", "word_living"),
    ],
)  # fmt: skip
def test_the_most_specific_weights_hold(kind, key):
    keys = ("noun", "noun_living", "attribute", "alias", "word_living")
    mix = CaptionMix("m", by_query={name: {"query": 1.0} for name in keys})
    assert mix.key_of(kind) == key


def test_a_mix_of_two_stages_survives_json_and_is_part_of_the_identity(run_spec, saved_spec):
    mix = CaptionMix(
        "m",
        {"alt_text": 1.0},
        0.5,
        {"noun": {"name": 1.0}},
        templates=("a {}.",),
        template_share=0.1,
        balance={"threshold": 3},
    )
    spec = dataclasses.replace(run_spec, mix=mix)
    assert load(RunSpec, saved_spec(spec)) == spec
    others = [
        dataclasses.replace(mix, balance={"threshold": 4}),
        dataclasses.replace(mix, by_query={"noun": {"label": 1.0}}),
    ]
    assert len({fingerprint(dataclasses.replace(run_spec, mix=one)) for one in (mix, *others)}) == 3


def test_an_unknown_and_a_missing_key_are_named(run_spec, tmp_path):
    raw = json.loads(to_json(run_spec))
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({**raw, "learning_rate": 1}))
    with pytest.raises(SpecError, match=r"learning_rate.*lr_peak"):
        load(RunSpec, path)
    del raw["lr_peak"]
    path.write_text(json.dumps(raw))
    with pytest.raises(SpecError, match=r"found \['lr_peak'\]; allowed: a value for each"):
        load(RunSpec, path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("samples_seen", "many"),
        ("lr_peak", None),
        ("recipe", 3),
        ("mix", []),
        ("data", "x"),
        ("seed", True),
        ("seed", 1.5),
    ],
)
def test_a_value_of_the_wrong_type_is_named(run_spec, tmp_path, name, value):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({**json.loads(to_json(run_spec)), name: value}))
    with pytest.raises(SpecError, match=rf"{name}: found .*; allowed: a value that JSON can give for"):
        load(RunSpec, path)


@pytest.mark.parametrize("text", ["[]", "3", "{", "null"])
def test_a_file_that_is_no_object_is_named(tmp_path, text):
    path = tmp_path / "spec.json"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"spec\.json"):
        load(RunSpec, path)


def test_a_nested_error_says_where(run_spec, tmp_path):
    raw = json.loads(to_json(run_spec))
    raw["data"]["shards"][1]["colour"] = "red"
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(SpecError, match=r"data\.shards\[1\].*colour"):
        load(RunSpec, path)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(SpecError, match=r"benchmark\[b\].protocols: found 'ocr'; allowed: one of zero_shot"):
        BenchmarkSpec("b", "f", {}, (), "root", "images.parquet", protocols=("ocr",))


@pytest.mark.parametrize("protocols", [(), ("few_shot", "few_shot")])
def test_a_benchmark_is_scored_by_each_protocol_once_and_by_one_at_least(protocols):
    with pytest.raises(SpecError, match="at least one, each once"):
        BenchmarkSpec("b", "f", {}, (), "root", "images.parquet", protocols=protocols)
