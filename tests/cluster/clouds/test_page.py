"""The settings that the page on training shows can be used."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from entitynet_assets.cluster.settings import parse_settings

PAGE = Path(__file__).parents[3] / "docs" / "training.md"
SHOWN = re.findall(r"cat > cluster\.toml <<'TOML'\n(.*?)\n    TOML\n", PAGE.read_text(), re.S)


@pytest.mark.parametrize("text", SHOWN, ids=[text.split('"')[1] for text in SHOWN])
def test_settings_of_the_page_are_read(text: str) -> None:
    raw = tomllib.loads(text)
    found = parse_settings(raw, "cluster.toml")
    assert getattr(found, raw["kind"]) is not None


def test_both_clouds_are_on_the_page() -> None:
    assert {"kubernetes", "aws_batch"} <= {tomllib.loads(text)["kind"] for text in SHOWN}
