"""The one way to open_clip: repairs a CPU torch beside a torchvision built for CUDA, then imports open_clip.

Belongs here: what must happen before `import open_clip` so that it works on every supported pair of wheels.
Does not belong here: models, tokenizers and transforms (model.py, encoder.py).
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch

_BOX_OPS = ("nms", "qnms")
_libraries: list[Any] = []  # a torch.library.Library withdraws its operators when it is collected


def import_open_clip() -> ModuleType:
    """Return the open_clip module, after making torchvision importable.

    Why: a CPU build of torch with a torchvision wheel built for CUDA cannot load torchvision's compiled operators, and
    torchvision then fails on import because `torchvision::nms` is not declared. open_clip uses none of them, so a
    declaration without an implementation is enough. A pair that imports is left alone.
    """
    if "open_clip" not in sys.modules:
        _import_torchvision()
    return importlib.import_module("open_clip")


def _import_torchvision() -> None:
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declare_box_ops()
        importlib.import_module("torchvision")


def _declare_box_ops() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for op in _BOX_OPS:
        library.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
