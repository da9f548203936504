"""The harvest benchmark's own measures: what a picture is held against, which addresses are bad, what the start is left out of."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from entitynet_assets.pictures import Kept, read_picture
from tests.bench.harvest import further_cpu_ms, paths_of
from tests.bench.harvest_pictures import by_area, nearness
from tests.test_pictures import drawn, saved


def test_shrinking_by_area_takes_parts_of_pixels_in_part() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    whole = np.asarray(Image.fromarray(pixels).reduce(3), dtype=int)
    assert np.abs(by_area(pixels, 30, 20).astype(int) - whole).max() <= 1
    row = np.array([[[0], [90], [30]]], dtype=np.uint8).repeat(3, 2)
    assert by_area(row, 2, 1)[0, :, 0].tolist() == [30, 50]  # 0 and half of 90; half of 90 and 30


def test_a_nearer_picture_has_better_figures_and_one_that_is_not_there_is_told() -> None:
    original = saved(drawn(900, 600), "PNG")
    stored = read_picture(original, Kept(256)).jpeg
    worse = saved(Image.open(io.BytesIO(stored)), "JPEG", quality=20)
    good, bad = (nearness({"0.jpg": one}, {"0.jpg": original}) for one in (stored, worse))
    assert all(good[measure] > bad[measure] for measure in ("psnr_lanczos", "ssim_lanczos", "psnr_area", "ssim_area"))
    with pytest.raises(KeyError):
        nearness({}, {"0.jpg": original})


def test_bad_hosts_are_half_dead_and_half_slow_and_the_start_costs_no_further_picture() -> None:
    paths = paths_of(200, 20)
    assert [sum(path.startswith(kind) for path in paths) for kind in ("dead/", "slow/")] == [20, 20]
    few, many = ({"cpu_seconds": 5 + 0.01 * count, "pictures": count} for count in (100, 500))
    assert further_cpu_ms(few, many) == 10.0
