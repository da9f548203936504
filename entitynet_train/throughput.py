"""How fast a run is, and how much of the device that is: FLOPs of the towers, peak FLOP/s, memory.

Belongs here: what is counted and measured of a run's speed. Does not belong here: the loop (train.py), benchmarks.

MFU is the share of the device's peak that goes into the model's own FLOPs: what is computed again to save memory does not count
(Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from entitynet_train import model
from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.spec import RunSpec
from entitynet_train.towers import prepared

# Dense TFLOP/s by NVIDIA's data sheets (half of what they give with sparsity): bf16 on tensor cores, fp32 outside of them.
DATA_SHEETS = {
    "NVIDIA H200 NVL": (835.5, 60.0),
    "NVIDIA H200": (989.5, 67.0),
    "NVIDIA H100 PCIe": (756.5, 51.0),
    "NVIDIA H100 NVL": (835.5, 60.0),
    "NVIDIA H100": (989.5, 67.0),
    "NVIDIA A100": (312.0, 19.5),
    "NVIDIA L40S": (362.05, 91.6),
    "NVIDIA L4": (121.0, 30.3),
    "NVIDIA A10": (125.0, 31.2),
}
MATMUL_SIDE = 1024
MATMULS = 4


def training_flops(build: Callable[[], nn.Module], image_size_px: int, context_length_tokens: int) -> float:
    """Return the FLOPs that one pair of picture and text costs, forward and backward, of the model that `build` makes.

    Counted by torch on tensors without content: matrix products, attention and convolutions; a product of m x k and k x n is 2mkn.
    """
    pairs = 2
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build().train()
        image_BD, text_BD = model(
            torch.zeros(pairs, 3, image_size_px, image_size_px),
            torch.zeros(pairs, context_length_tokens, dtype=torch.long),
        )[:2]
        (image_BD.sum() + text_BD.sum()).backward()
    return counter.get_total_flops() / pairs


def peak_flops(device: torch.device, precision: str) -> tuple[float, str]:
    """Return the most FLOP/s that a device can do in `precision`, and where the figure is from."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    known = on_data_sheet(torch.cuda.get_device_name(device), precision) if device.type == "cuda" else None
    return known or (_measured_flops(device, dtype), f"measured, {MATMUL_SIDE} x {MATMUL_SIDE} products in {precision}")


def on_data_sheet(name: str, precision: str) -> tuple[float, str] | None:
    """Return the peak FLOP/s of a device by the name that CUDA gives it, and where the figure is from; None if it is not known."""
    for known, tflops in DATA_SHEETS.items():
        if re.match(rf"{known}\b", name):
            return tflops[precision != "bf16"] * 1e12, f"data sheet of {known}, {precision}"
    return None


def _measured_flops(device: torch.device, dtype: torch.dtype) -> float:
    square = torch.ones(MATMUL_SIDE, MATMUL_SIDE, device=device, dtype=dtype)
    best_s = float("inf")
    for _ in range(MATMULS):
        _wait(device)
        began = time.perf_counter()
        torch.mm(square, square)
        _wait(device)
        best_s = min(best_s, time.perf_counter() - began)
    return 2 * MATMUL_SIDE**3 / best_s


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory_mib(device: torch.device) -> int:
    """Return the most memory that this process held: of the device where it has its own, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)


class Speed:
    """Measures the steps of a run, on the rank that writes; figures are of all ranks together."""

    def __init__(self, spec: RunSpec, world: World) -> None:
        config = model.model_config(spec)
        self.flops_per_pair = training_flops(
            lambda: prepared(import_open_clip().CLIP(**config), spec),
            model.image_size_px(spec),
            spec.context_length_tokens,
        )
        self.peak_flops, self.peak_from = peak_flops(world.device, spec.precision)
        self._world, self._clock = world, time.monotonic()

    def measure(self, images: int) -> dict[str, float]:
        """Return what a step of so many pictures did since the step before: pictures a second, MFU, peak memory of this process."""
        now = time.monotonic()
        rate, self._clock = images / (now - self._clock), now
        return {
            "images_per_s": round(rate, 1),
            "mfu": float(f"{self._mfu(rate):.4g}"),
            "peak_memory_mib": peak_memory_mib(self._world.device),
        }

    def facts(self, images_per_s: float) -> dict[str, float | str]:
        """Return the same of a whole run, with what it is measured by."""
        return {
            "mfu": float(f"{self._mfu(images_per_s):.4g}"),
            "flops_per_pair": self.flops_per_pair,
            "peak_flops": self.peak_flops,
            "peak_flops_from": self.peak_from,
            "peak_memory_mib": peak_memory_mib(self._world.device),
        }

    def _mfu(self, images_per_s: float) -> float:
        return images_per_s * self.flops_per_pair / (self.peak_flops * self._world.size)
