"""The towers: from a recipe's name to an open_clip model, its tokenizer, its picture preparation.

Belongs here: everything that says what the network is.
Does not belong here: how it is handed on (export.py), loading an export for scoring (encoder.py), data (data.py), crops
(pixels.py), optimisation (optim.py).

Shapes: B pictures, C channels, H and W pixels, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from entitynet_train.compat import import_open_clip
from entitynet_train.pixels import RandomCrop as RandomCrop
from entitynet_train.pretrained import load_start
from entitynet_train.spec import RunSpec, SpecError

_DEMO_64 = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "patch_size": 16, "width": 128, "layers": 4},
    "text_cfg": {"vocab_size": 49408, "width": 128, "heads": 2, "layers": 4},
}


def model_config(spec: RunSpec) -> dict[str, Any]:
    """Return open_clip's `model_cfg` of the recipe's tower, with the recipe's context length."""
    named = _DEMO_64 if spec.tower == "demo-64" else import_open_clip().get_model_config(spec.tower)
    base = spec.tower_config or named
    return {**base, "text_cfg": {**base["text_cfg"], "context_length": spec.context_length_tokens}}


def image_size_px(spec: RunSpec) -> int:
    """Return the side of the square input in pixels."""
    return model_config(spec)["vision_cfg"]["image_size"]


def build_model(spec: RunSpec) -> nn.Module:
    """Return the tower with the weights that `spec.init` names, else drawn from `spec.seed`; the same on every rank.

    What `init` has no tensor for is drawn from the seed, too. Leaves torch's generator alone. Raises SpecError if the tower
    cannot be built or the weights are another model's.
    """
    open_clip, config = import_open_clip(), dict(model_config(spec))
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    with torch.random.fork_rng():
        torch.manual_seed(spec.seed)
        try:
            tower = kind(**config)
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise SpecError(
                f"recipe[{spec.recipe}].tower: found {spec.tower}, which open_clip cannot build ({error}); allowed: a tower_config "
                "of the form that `open_clip.get_model_config` answers, or no tower_config"
            ) from error
    if spec.init:
        load_start(tower, spec, model_config(spec))
    return tower


def build_tokenizer(spec: RunSpec) -> Callable[[list[str]], Tensor]:
    """Return open_clip's byte-pair tokenizer: B strings -> text_BT (int64), padded or cut to the context length."""
    return import_open_clip().SimpleTokenizer(context_length=spec.context_length_tokens)


def normalise(image_BHWC: Tensor) -> Tensor:
    """Return image_BCHW float32 from uint8 pixels, with the mean and deviation that open_clip's towers expect."""
    open_clip = import_open_clip()
    mean_C = torch.tensor(open_clip.OPENAI_DATASET_MEAN, device=image_BHWC.device) * 255
    std_C = torch.tensor(open_clip.OPENAI_DATASET_STD, device=image_BHWC.device) * 255
    return ((image_BHWC.float() - mean_C) / std_C).permute(0, 3, 1, 2).contiguous()


def preprocess_config() -> dict[str, Any]:
    """Return open_clip's `preprocess_cfg`: how a picture is prepared when the model is used."""
    open_clip = import_open_clip()
    return {
        "mean": list(open_clip.OPENAI_DATASET_MEAN),
        "std": list(open_clip.OPENAI_DATASET_STD),
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }


def eval_transform(spec: RunSpec) -> Callable[[Image.Image], Tensor]:
    """Return the preparation for scoring (resize the shorter side, centre crop): a picture -> image_CHW float32."""
    return import_open_clip().image_transform(image_size_px(spec), is_train=False, **preprocess_config())
