"""Where a tower's first weights come from: an open_clip name, an export, or a weight file; fitted to the recipe's tower.

Belongs here: finding the weights, saying whether they are of the same model, positions for another length of text or side of
picture. Does not belong here: building towers (model.py), going on with a run of one's own (checkpoint.py).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from entitynet_train.compat import import_open_clip
from entitynet_train.spec import RunSpec, SpecError, weight_file

HEADS = ("logit_scale", "logit_bias", "head", "class_head", "text_decoder")  # what towers of one kind may differ in
FREE = {
    "image_size",
    "context_length",
    "patch_dropout",
    "timm_model_pretrained",
}  # of a config: fitted, or not in the weights


@dataclass(frozen=True)
class Start:
    """Weights on this machine with what is known of their model: open_clip's `model_cfg`, mean and deviation of pixels.

    `config` is None for a bare weight file, which does not say what it is of.
    """

    file: Path
    config: Mapping[str, Any] | None = None
    pixels: tuple[tuple[float, ...], tuple[float, ...]] | None = None


def load_start(tower: nn.Module, spec: RunSpec, config: Mapping[str, Any]) -> None:
    """Put the weights that `spec.init` names into a tower built by `config`; say on stderr what it had to leave or to fit.

    Raises SpecError if they are absent, are not those of `spec.init_sha256`, or belong to another model.
    """
    start = _find(spec)
    _require_sha256(start.file, spec)
    _require_same_kind(start, spec, config)
    found, wanted = _state(start.file, tower, spec), tower.state_dict()
    said = _fit_positions(found, wanted, tower)
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    for name in [*missing, *extra]:
        if name.split(".")[0] not in HEADS:
            has, lacks = (spec.tower, spec.init) if name in wanted else (spec.init, spec.tower)
            raise _another(spec, f"{has} has the tensor {name}, {lacks} has none")
    for name in found.keys() & wanted.keys():
        if found[name].shape != wanted[name].shape:
            shapes = f"{name} is {tuple(found[name].shape)} there, {tuple(wanted[name].shape)} in {spec.tower}"
            raise _another(spec, shapes)
    tower.load_state_dict(found, strict=False)
    said += [f"{name} is new" for name in missing] + [f"{name} is left out" for name in extra]
    print("; ".join([f"begins with the weights of {spec.init}", *said]), file=sys.stderr, flush=True)


def _another(spec: RunSpec, words: str) -> SpecError:
    return SpecError(
        f"recipe[{spec.recipe}].init: found weights of another model: {words}; allowed: weights of tower {spec.tower} "
        "(name the tower that they were trained as, or other weights)"
    )


def _find(spec: RunSpec) -> Start:
    if spec.init_path:
        return _local(Path(spec.init_path), spec)
    name, _, tag = spec.init.partition("/")
    open_clip = import_open_clip()
    if (name, tag) not in open_clip.list_pretrained():
        known = open_clip.list_pretrained_tags_by_model(name)
        said = (
            f"{name} with one of {', '.join(known)}" if known else "MODEL/PRETRAINED by open_clip's names, or a folder"
        )
        raise SpecError(f"recipe[{spec.recipe}].init: found {spec.init!r}; allowed: {said}")
    facts = open_clip.get_pretrained_cfg(name, tag)
    config = {**open_clip.get_model_config(name), "quick_gelu": facts.get("quick_gelu", False)}
    return Start(_fetched(facts, spec), config, (tuple(facts["mean"]), tuple(facts["std"])))


def _fetched(facts: Mapping[str, Any], spec: RunSpec) -> Path:
    """Return open_clip's file of pretrained weights, from its cache or the network."""
    from huggingface_hub.constants import HF_HUB_CACHE

    try:
        return Path(import_open_clip().download_pretrained(facts))
    except Exception as error:  # a client of foreign hosts may raise anything
        raise SpecError(
            f"recipe[{spec.recipe}].init: found {spec.init!r}, which is not in the cache {HF_HUB_CACHE} and could not be fetched "
            f"({type(error).__name__}); allowed: weights in that folder (HF_HOME moves it; train once where there is a network, and "
            "copy it), or the folder of an export"
        ) from error


def _local(path: Path, spec: RunSpec) -> Start:
    """Return the weights of an export, of a job's folder that holds one, or of a weight file."""
    weights = weight_file(path)
    if weights is None:
        raise SpecError(
            f"recipe[{spec.recipe}].init: found {path}, which holds no open_clip_config.json beside a weight file; allowed: an "
            "open_clip export, the folder of a finished job, or a weight file"
        )
    if weights == path:
        return Start(weights)
    whole = json.loads((weights.parent / "open_clip_config.json").read_text())
    pixels = whole.get("preprocess_cfg", {})
    known = (tuple(pixels["mean"]), tuple(pixels["std"])) if {"mean", "std"} <= pixels.keys() else None
    return Start(weights, whole["model_cfg"], known)


def _require_sha256(file: Path, spec: RunSpec) -> None:
    if not spec.init_sha256:
        return
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != spec.init_sha256:
        raise SpecError(
            f"recipe[{spec.recipe}].init_sha256: found {found} for {file}; allowed: {spec.init_sha256}, as the spec says (the file was "
            "changed since: give its new sha256, or the file that was meant)"
        )


def _require_same_kind(start: Start, spec: RunSpec, config: Mapping[str, Any]) -> None:
    """Refuse what shapes do not show: another activation, another number of heads, another preparation of pixels."""
    open_clip = import_open_clip()
    expected = (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    if start.pixels and start.pixels != tuple(map(tuple, expected)):
        raise SpecError(
            f"recipe[{spec.recipe}].init: found weights that expect pixels of mean and deviation {start.pixels}; allowed: "
            f"{tuple(map(tuple, expected))}, by which pictures are prepared here"
        )
    if start.config is None:
        return
    theirs, ours = _choices(start.config), _choices(config)
    differing = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
    if differing:
        key = differing[0]
        remedy = ""
        if key == "quick_gelu" and theirs.get(key):
            remedy = f" (the tower {spec.tower}-quickgelu, where there is one, is the same with it)"
        raise _another(spec, f"{key} is {theirs.get(key)} there, {ours.get(key)} in {spec.tower}{remedy}")


def _choices(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `model_cfg` flat, with open_clip's defaults filled in and without what may differ."""
    open_clip = import_open_clip()
    parts = {"vision_cfg": open_clip.CLIPVisionCfg, "text_cfg": open_clip.CLIPTextCfg}
    flat = {"embed_dim": config["embed_dim"], "quick_gelu": bool(config.get("quick_gelu"))}
    for part, kind in parts.items():
        values = dataclasses.asdict(kind(**config[part]))
        flat |= {f"{part}.{key}": value for key, value in values.items() if key not in FREE}
    return flat


def _state(file: Path, tower: nn.Module, spec: RunSpec) -> dict[str, Tensor]:
    """Read a weight file: open_clip's, OpenAI's, a training checkpoint of open_clip or of ours; names as in `tower`."""
    open_clip = import_open_clip()
    read = open_clip.factory.load_state_dict
    try:
        raw = read(str(file), device="cpu", weights_only=True)
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        StopIteration,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise SpecError(
            f"recipe[{spec.recipe}].init: found {file}, which is no weight file ({type(error).__name__}); allowed: a state dict as "
            "torch or safetensors writes it"
        ) from error
    raw = raw["model"] if isinstance(raw.get("model"), dict) else raw
    if not all(isinstance(value, Tensor) for value in raw.values()):
        odd = next(name for name, value in raw.items() if not isinstance(value, Tensor))
        raise SpecError(
            f"recipe[{spec.recipe}].init: found {odd!r} in {file}, which is no tensor; allowed: tensors by name"
        )
    state = dict(open_clip.factory.convert_state_dict(tower, raw))
    if "positional_embedding" in state and not hasattr(tower, "positional_embedding"):
        state = open_clip.convert_to_custom_text_state_dict(state)
    own = tower.state_dict()
    for name in {"logit_scale", "logit_bias"} & state.keys() & own.keys():  # a scalar or a vector of one
        state[name] = state[name].reshape(own[name].shape)
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def _fit_positions(found: dict[str, Tensor], wanted: Mapping[str, Tensor], tower: nn.Module) -> list[str]:
    """Fit the positions of texts and pictures to the tower's; return what was done, in words.

    A shorter text keeps the first positions as they are: what fits into it is read as before. A longer one interpolates them,
    as does another grid of patches (open_clip's rule: linear and bicubic).
    """
    said = list[str]()
    name = "positional_embedding" if "positional_embedding" in wanted else "text.positional_embedding"
    if name in found and name in wanted and found[name].shape[1:] == wanted[name].shape[1:]:
        had, has = len(found[name]), len(wanted[name])
        if had > has:
            found[name] = found[name][:has].clone()
        elif had < has:
            row_1DT = found[name].T.unsqueeze(0)
            found[name] = torch.nn.functional.interpolate(row_1DT, size=has, mode="linear")[0].T.contiguous()
        if had != has:
            said.append(f"positions of texts {'cut' if had > has else 'stretched'} from {had} to {has}")
    grid = "visual.positional_embedding"
    before = found[grid].shape if grid in found else None
    import_open_clip().model.resize_pos_embed(found, tower)
    if before is not None and found[grid].shape != before:
        said.append(f"positions of patches stretched from {before[0]} to {found[grid].shape[0]}")
    return said
