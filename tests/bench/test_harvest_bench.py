"""The harvest benchmark's own measures: what a picture is held against, what the start is left out of, how bad the bad hosts are."""

from __future__ import annotations

import contextlib
import http.client
import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from entitynet_assets.pictures import Kept, read_picture
from tests.bench.harvest import further_cpu_ms
from tests.bench.harvest_hosts import BAD, links_of
from tests.bench.harvest_pictures import by_area, drawn_pool, nearness, served
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


def test_the_start_costs_no_further_picture() -> None:
    few, many = ({"cpu_seconds": 5 + 0.01 * count, "pictures": count} for count in (100, 500))
    assert further_cpu_ms(few, many) == 10.0


def test_the_healthy_links_are_the_same_in_both_arms_and_a_fifth_more_is_bad_all_kinds_alike_and_strewn() -> None:
    links = links_of(200, 0.2, 2)
    assert [link for link in links if ".far/" in link] == links_of(200, 0.0, 2)
    assert {sum(f".{kind}/" in link for link in links) for kind in BAD} == {10}
    bad = [link.rpartition("/")[0] for link in links if ".far/" not in link]
    assert set(Counter(bad).values()) == {2}
    assert all(4 <= sum(".far/" not in link for link in links[at : at + 25]) <= 6 for at in range(0, 250, 25))


def test_each_kind_of_bad_host_is_what_it_is_called(tmp_path) -> None:
    def get(port: int, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()

    pool, bodies = drawn_pool(tmp_path / "pool", 1)
    with served(pool) as ports:
        assert get(ports["near"], "/7.jpg") == get(ports["far"], "/7.jpg") == bodies[0] + b"00000007"
        for kind, fault in (
            ("refused", ConnectionRefusedError),
            ("blackholed", TimeoutError),
            ("silent", TimeoutError),
        ):
            with pytest.raises(fault):
                get(ports[kind], "/robots.txt")
        assert get(ports["drip"], "/robots.txt") == b""
        for kind in ("drip", "slow"):
            with pytest.raises(TimeoutError):
                get(ports[kind], "/7.jpg")
