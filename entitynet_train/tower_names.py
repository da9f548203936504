"""The towers that a recipe may name: open_clip's configurations that read CLIP's byte pairs, as a plain list.

Belongs here: names, so that a study is checked without torch (a test holds the list against open_clip's own), and which file of
an export has the weights. Standard library only; the platform sees it through spec.py.
Does not belong here: what a name stands for (model.py). Left out are towers whose tokenizer or text encoder must be fetched
(SigLIP's, CLIPA's, multilingual ones) and those that also write captions (CoCa).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entitynet_train.captions import need

OPEN_CLIP_TOWERS = (
    "convnext_base", "convnext_base_w", "convnext_base_w_320", "convnext_large", "convnext_large_d",
    "convnext_large_d_320", "convnext_small", "convnext_tiny", "convnext_xlarge", "convnext_xxlarge",
    "convnext_xxlarge_320", "EVA01-g-14", "EVA01-g-14-plus", "EVA02-B-16", "EVA02-E-14", "EVA02-E-14-plus",
    "EVA02-L-14", "EVA02-L-14-336", "MobileCLIP2-B", "MobileCLIP2-L-14", "MobileCLIP2-S0", "MobileCLIP2-S2",
    "MobileCLIP2-S3", "MobileCLIP2-S4", "MobileCLIP-B", "MobileCLIP-S1", "MobileCLIP-S2", "PE-Core-B-16",
    "PE-Core-bigG-14-448", "PE-Core-L-14-336", "PE-Core-S-16-384", "PE-Core-T-16-384", "RN50", "RN50-quickgelu",
    "RN50x4", "RN50x4-quickgelu", "RN50x16", "RN50x16-quickgelu", "RN50x64", "RN50x64-quickgelu", "RN101",
    "RN101-quickgelu", "swin_base_patch4_window7_224", "ViT-B-16", "ViT-B-16-plus", "ViT-B-16-plus-240",
    "ViT-B-16-quickgelu", "ViT-B-32", "ViT-B-32-256", "ViT-B-32-plus-256", "ViT-B-32-quickgelu", "ViT-bigG-14",
    "ViT-bigG-14-quickgelu", "ViT-e-14", "ViT-g-14", "ViT-H-14", "ViT-H-14-378", "ViT-H-14-378-quickgelu",
    "ViT-H-14-quickgelu", "ViT-H-16", "ViT-L-14", "ViT-L-14-280", "ViT-L-14-336", "ViT-L-14-336-quickgelu",
    "ViT-L-14-quickgelu", "ViT-L-16", "ViT-L-16-320", "ViT-M-16", "ViT-M-16-alt", "ViT-M-32", "ViT-M-32-alt",
    "ViT-S-16", "ViT-S-16-alt", "ViT-S-32", "ViT-S-32-alt", "vit_medium_patch16_gap_256",
    "vit_relpos_medium_patch16_cls_224", "ViTamin-B", "ViTamin-B-LTT", "ViTamin-L", "ViTamin-L2", "ViTamin-L2-256",
    "ViTamin-L2-336", "ViTamin-L2-384", "ViTamin-L-256", "ViTamin-L-336", "ViTamin-L-384", "ViTamin-S",
    "ViTamin-S-LTT", "ViTamin-XL-256", "ViTamin-XL-336", "ViTamin-XL-384",
)  # fmt: skip
TOWERS = ("demo-64", *OPEN_CLIP_TOWERS)
TOWER_PARTS = ("embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "custom_text")  # of open_clip's `model_cfg`
WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pth", "*.pt")


def allowed_towers(found: str) -> str:
    """Return what to say is allowed in place of `found`: the towers with the nearest names."""
    lower = {name.lower(): name for name in TOWERS}
    near = [lower[name] for name in difflib.get_close_matches(found.lower(), list(lower), n=5, cutoff=0.5)]
    named = near or ["demo-64", "ViT-B-32", "ViT-B-16", "ViT-L-14"]
    return f"one of {len(TOWERS)} towers, such as {', '.join(named)} (`entitynet recipes --towers` lists all)"


def need_tower(at: str, tower: str, config: Mapping[str, Any]) -> None:
    """Raise SpecError unless `tower` is a known name, or `config` has the parts of a `model_cfg`."""
    if not config:
        need(tower in TOWERS, f"{at}.tower", tower, allowed_towers(tower))
        return
    for part in config:
        need(part in TOWER_PARTS, f"{at}.tower_config.{part}", part, ", ".join(TOWER_PARTS))
    for part in TOWER_PARTS[:3]:
        need(part in config, f"{at}.tower_config", sorted(config), f"{part} among its parts")


def weight_file(start: Path) -> Path | None:
    """Return the weights of a start: the file itself, or that of an export, or of a job's folder that holds one; None without."""
    if start.is_file():
        return start
    folder = start / "export" if (start / "export").is_dir() else start
    if not (folder / "open_clip_config.json").is_file():
        return None
    return next((file for pattern in WEIGHT_FILES for file in sorted(folder.glob(pattern))), None)
