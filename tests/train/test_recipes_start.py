"""Towers by name and by configuration, and trainings that begin with somebody's weights."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from entitynet_train.compat import import_open_clip
from entitynet_train.export import WEIGHTS, export_open_clip, weights_sha256
from entitynet_train.model import build_model, image_size_px, model_config
from entitynet_train.spec import TOWERS, RunSpec, SpecError, fingerprint, load
from entitynet_train.tower_names import OPEN_CLIP_TOWERS, allowed_towers

SMALL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 64, "layers": 1},
    "text_cfg": {"vocab_size": 49408, "width": 32, "heads": 1, "layers": 1},
}


def with_part(part: str, **values) -> dict:
    """Return SMALL with some values of a part changed."""
    return {**SMALL, part: {**SMALL[part], **values}}


@pytest.fixture
def small_spec(tiny_world):
    """A function that returns a spec of a tower small enough to be built often."""
    return lambda **changes: tiny_world.run_spec(**{"tower": "small", "tower_config": SMALL, **changes})


@pytest.fixture
def exported(small_spec, tmp_path):
    """An export with weights of another seed than that of the specs that begin with it."""
    spec = small_spec(seed=7)
    export_open_clip(build_model(spec), tmp_path / "start", spec)
    return tmp_path / "start"


def begun(small_spec, start, **changes) -> dict:
    return build_model(small_spec(init="start", init_path=str(start), **changes)).state_dict()


def weights_of(folder) -> dict:
    return load_file(folder / WEIGHTS)


def rewritten(folder, **weights) -> None:
    """Change tensors of an export; None takes one away."""
    state = {**weights_of(folder), **{name.replace("__", "."): value for name, value in weights.items()}}
    save_file({name: value for name, value in state.items() if value is not None}, folder / WEIGHTS)


def test_the_list_of_towers_is_what_open_clip_has_for_byte_pairs():
    open_clip = import_open_clip()
    fit = []
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name)
        text = config["text_cfg"]
        if not ("multimodal_cfg" in config or "hf_model_name" in text or "hf_tokenizer_name" in text):
            fit.append(name)
            assert isinstance(config["vision_cfg"]["image_size"], int)
            assert not config["vision_cfg"].get("timm_model_pretrained")
            assert text["vocab_size"] == 49408
    assert list(OPEN_CLIP_TOWERS) == fit
    assert ("demo-64", *fit) == TOWERS


@pytest.mark.parametrize(
    ("found", "near"), [("vit-b32", "ViT-B-32"), ("MobileClip-s1", "MobileCLIP-S1"), ("", "ViT-B-16")]
)
def test_a_tower_that_is_none_gets_the_nearest_names(found, near, tiny_world):
    assert near in allowed_towers(found)
    with pytest.raises(SpecError, match=f"tower: found '{found}'; allowed: one of {len(TOWERS)} towers, such as"):
        tiny_world.run_spec(tower=found)


def test_any_tower_of_the_list_is_configured_with_the_recipes_length(tiny_world):
    for name in TOWERS:
        spec = tiny_world.run_spec(tower=name)
        assert model_config(spec)["text_cfg"]["context_length"] == 12
        assert image_size_px(spec) >= 64


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({**SMALL, "depth": 3}, "tower_config.depth"),
        ({"embed_dim": 3, "text_cfg": {}}, "vision_cfg among its parts"),
    ],
)
def test_a_configuration_with_other_parts_is_refused(config, words, small_spec):
    with pytest.raises(SpecError, match=words):
        small_spec(tower_config=config)


def test_a_configuration_that_cannot_be_built_says_so(small_spec):
    with pytest.raises(SpecError, match="tower: found small, which open_clip cannot build"):
        build_model(small_spec(tower_config=with_part("vision_cfg", widht=3)))


def test_a_configuration_and_a_start_are_identity_and_survive_json(small_spec, saved_spec, exported):
    spec = small_spec(init="start", init_sha256=weights_sha256(exported), init_path=str(exported))
    assert load(RunSpec, saved_spec(spec)) == spec
    assert fingerprint(dataclasses.replace(spec, init_path="/elsewhere")) == fingerprint(spec)
    others = [dataclasses.replace(spec, **change) for change in (
        {"init_sha256": "0" * 64}, {"init": ""}, {"tower_config": with_part("text_cfg", layers=2)},
    )]  # fmt: skip
    assert len({fingerprint(spec), *map(fingerprint, others)}) == 4


def test_weights_of_an_export_are_taken_as_they_are(small_spec, exported, capfd):
    found = begun(small_spec, exported, init_sha256=weights_sha256(exported))
    kept = weights_of(exported)
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[name], kept[name]) for name in kept)
    assert "begins with the weights of start\n" in capfd.readouterr().err


def test_the_folder_of_a_job_a_weight_file_and_a_training_checkpoint_serve_too(small_spec, exported, tmp_path):
    kept = weights_of(exported)
    shutil.copytree(exported, tmp_path / "job" / "export")
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in kept.items()}}, tmp_path / "epoch_3.pt")
    torch.save({"model": kept, "step": 3, "rng": []}, tmp_path / "state.pt")
    for start in ("job", "epoch_3.pt", "state.pt"):
        found = begun(small_spec, tmp_path / start)
        assert all(torch.equal(found[name], kept[name]) for name in kept)


def test_a_shorter_text_keeps_the_first_positions_and_reads_short_texts_as_before(small_spec, exported, capfd):
    whole: Any = build_model(small_spec(init="start", init_path=str(exported)))
    cut: Any = build_model(small_spec(init="start", init_path=str(exported), context_length_tokens=6))
    assert "positions of texts cut from 12 to 6" in capfd.readouterr().err
    assert torch.equal(cut.positional_embedding, whole.positional_embedding[:6])
    text_BT = torch.zeros(2, 12, dtype=torch.int64)
    text_BT[:, :4] = torch.tensor([[49406, 320, 1125, 49407], [49406, 7, 8, 49407]])
    with torch.no_grad():
        assert torch.allclose(cut.encode_text(text_BT[:, :6]), whole.encode_text(text_BT), atol=1e-6)


def test_a_longer_text_and_a_larger_picture_stretch_their_positions(small_spec, exported, capfd):
    wide = with_part("vision_cfg", image_size=48)
    found = begun(small_spec, exported, tower_config=wide, context_length_tokens=24)
    said = capfd.readouterr().err
    assert "positions of texts stretched from 12 to 24" in said
    assert "positions of patches stretched from 17 to 37" in said
    kept = weights_of(exported)
    assert found["positional_embedding"].shape == (24, 32)
    low, high = kept["positional_embedding"].aminmax(dim=0)
    assert ((found["positional_embedding"] >= low - 1e-6) & (found["positional_embedding"] <= high + 1e-6)).all()
    assert torch.equal(found["visual.positional_embedding"][0], kept["visual.positional_embedding"][0])


def test_heads_may_differ_and_are_named(small_spec, exported, capfd):
    rewritten(exported, logit_scale=None, logit_bias=torch.tensor(-10.0), class_head__weight=torch.ones(5, 32))
    found = begun(small_spec, exported)
    assert found.keys() == build_model(small_spec()).state_dict().keys()
    said = capfd.readouterr().err
    for words in ("logit_scale is new", "logit_bias is left out", "class_head.weight is left out"):
        assert words in said


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (with_part("text_cfg", layers=2), r"text_cfg.layers is 1 there, 2 in small"),
        (with_part("vision_cfg", head_width=32), r"vision_cfg.head_width is 64 there, 32 in small"),
        ({**SMALL, "quick_gelu": True}, r"quick_gelu is False there, True in small"),
    ],
)
def test_another_model_is_refused_where_its_configuration_says_so(config, words, small_spec, exported):
    with pytest.raises(
        SpecError, match=rf"recipe\[tiny\].init: found weights of another model: {words}; allowed: .*name the"
    ):
        begun(small_spec, exported, tower_config=config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (with_part("text_cfg", layers=2), "small has the tensor transformer.resblocks.1"),
        (with_part("vision_cfg", layers=0), "start has the tensor visual.transformer.resblocks.0"),
        ({**SMALL, "embed_dim": 16}, r"text_projection is \(32, 32\) there, \(32, 16\) in small|visual.proj"),
    ],
)
def test_another_model_is_refused_by_its_tensors_where_nothing_else_is_known(config, words, small_spec, exported):
    with pytest.raises(SpecError, match=words):
        begun(small_spec, exported / WEIGHTS, tower_config=config)


def test_weights_that_are_absent_changed_or_no_weights_are_named(small_spec, exported, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.pt").write_text("no weights")
    torch.save({"positional_embedding": torch.zeros(2), "names": ["a"]}, tmp_path / "odd.pt")
    for start, facts, words in (
        ("empty", {}, "holds no open_clip_config.json beside a weight file"),
        ("words.pt", {}, "words.pt, which is no weight file"),
        ("odd.pt", {}, "found 'names' in .*odd.pt, which is no tensor"),
        ("start", {"init_sha256": "0" * 64}, "init_sha256: found .* as the spec says"),
    ):
        with pytest.raises(SpecError, match=words):
            begun(small_spec, tmp_path / start, **facts)


def test_weights_that_expect_other_pixels_are_refused(small_spec, exported):
    described = json.loads((exported / "open_clip_config.json").read_text())
    described["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
    (exported / "open_clip_config.json").write_text(json.dumps(described))
    with pytest.raises(SpecError, match=r"expect pixels of mean and deviation \(\(0.5, 0.5, 0.5\)"):
        begun(small_spec, exported)


def test_open_clips_names_are_checked_and_an_absent_cache_is_named(tiny_world, tmp_path, monkeypatch):
    with pytest.raises(SpecError, match=r"found 'ViT-B-32/opneai'; allowed: ViT-B-32 with one of openai, laion400m"):
        build_model(tiny_world.run_spec(tower="demo-64", init="ViT-B-32/opneai"))
    with pytest.raises(SpecError, match="allowed: MODEL/PRETRAINED by open_clip's names, or a folder"):
        build_model(tiny_world.run_spec(tower="demo-64", init="exports/mine"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        SpecError, match=r"not in the cache .* and could not be fetched \(.*allowed: weights in that folder"
    ):
        build_model(tiny_world.run_spec(tower="demo-64", init="ViT-B-32/datacomp_xl_s13b_b90k"))
