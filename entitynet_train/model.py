"""The towers: from a recipe's name to an open_clip model, its tokenizer, its picture preparation.

Belongs here: everything that says what the network is.
Does not belong here: how it is handed on (export.py), loading an export for scoring (encoder.py), data (data.py), optimisation (optim.py).

Shapes: B pictures, C channels, H and W pixels, T tokens.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from entitynet_train.compat import import_open_clip
from entitynet_train.pretrained import load_start
from entitynet_train.spec import RunSpec, SpecError

CROP_RATIO = (0.9, 1.0 / 0.9)

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


@dataclass(frozen=True)
class RandomCrop:
    """A random resized crop: share of the area from `scale_min` to 1, ratio of the sides from 0.9 to 1/0.9.

    Draws come from the generator that is passed in, so that a crop depends on the sample and not on who loads it.
    The procedure (area, ratio, up to ten tries, then the centre) follows Szegedy et al. 2015, section 6.
    """

    size_px: int
    scale_min: float

    @property
    def draft_px(self) -> int:
        """The least side of a decoded picture that a smallest crop needs, in pixels."""
        return math.ceil(self.size_px / math.sqrt(self.scale_min))

    def __call__(self, picture: Image.Image, rng: random.Random) -> np.ndarray:
        """Return the crop as uint8, height x width x 3."""
        box = self._box(picture.width, picture.height, rng)
        resized = picture.resize((self.size_px, self.size_px), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
        return np.asarray(resized)

    def _box(self, width: int, height: int, rng: random.Random) -> tuple[int, int, int, int]:
        for _ in range(10):
            area = width * height * rng.uniform(self.scale_min, 1.0)
            ratio = math.exp(rng.uniform(math.log(CROP_RATIO[0]), math.log(CROP_RATIO[1])))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                x, y = rng.randint(0, width - w), rng.randint(0, height - h)
                return x, y, x + w, y + h
        return _centre_box(width, height)


def _centre_box(width: int, height: int) -> tuple[int, int, int, int]:
    w = min(width, max(1, round(height * CROP_RATIO[1])))
    h = min(height, max(1, round(width * CROP_RATIO[1])))
    x, y = (width - w) // 2, (height - h) // 2
    return x, y, x + w, y + h


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
