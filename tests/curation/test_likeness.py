"""Copies are told from other shots: by drawn blots, by labelled pictures where they are at hand, and in the lake pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from entitynet_assets.curation.alignment import compare, read_thumbnails
from entitynet_assets.picture_hashes import hash_picture, thumbnail
from entitynet_assets.studies.models import Curation, StudyError
from tests.curation.copies import EDITS, SMALL_EDITS, edited_pairs, group_pairs, measured, natural_pairs
from tests.curation.likeness import photographs
from tests.fakes.rooms import data_folder
from tests.noise import blots
from tests.small_lake import SmallLake, make_study

CHOSEN = Curation()
JOIN = (CHOSEN.duplicate_radius, CHOSEN.duplicate_correlation, CHOSEN.duplicate_hue_distance)


def likeness(first: Image.Image, second: Image.Image, mirrored: bool = False) -> tuple[float, float]:
    one, other = (read_thumbnails([thumbnail(image)]) for image in (first, second))
    correlation, hue = compare(one, other, np.array([mirrored]))
    return float(correlation[0]), float(hue[0])


@pytest.mark.parametrize("name", [name for name in EDITS if "turned" not in name])
def test_a_copy_that_was_edited_is_confirmed(name):
    for seed in range(4):
        correlation, hue = likeness(blots(seed), EDITS[name](blots(seed)), name == "mirrored")
        assert correlation >= CHOSEN.duplicate_correlation
        assert np.isnan(hue) == (name == "grey")
        if "8 %" not in name and "15 %" not in name:  # blots have a hue a cell, and a cut shifts the cells
            assert not hue > CHOSEN.duplicate_hue_distance


def test_other_pictures_are_not():
    found = [likeness(blots(seed), blots(seed + 100), seed % 2 == 0)[0] for seed in range(20)]
    assert max(found) < 0.8


@pytest.mark.parametrize("seed", range(4))
def test_what_has_moved_makes_another_picture_and_what_is_laid_over_does_not(seed):
    still, moved, written = (Image.new("RGB", (320, 240)) for _ in range(3))
    for image, left in ((still, 60), (moved, 150)):
        image.paste(blots(seed), (0, 0))
        image.paste(Image.new("RGB", (60, 60), (250, 250, 250)), (left, 60))
        image.paste(Image.new("RGB", (60, 60), (5, 5, 5)), (left, 120))
    written.paste(still, (0, 0))
    written.paste(Image.new("RGB", (80, 60), (255, 255, 255)), (230, 170))
    assert likeness(still, moved)[0] < CHOSEN.duplicate_correlation
    assert likeness(still, written)[0] >= CHOSEN.duplicate_correlation


def test_the_same_thing_in_another_colour_is_another_picture():
    shape = blots(0).convert("L")
    red, blue, pale = (ImageOps.colorize(shape, "black", colour) for colour in ("#ff4040", "#4060ff", "#ffb0b0"))
    assert likeness(red, blue)[0] >= CHOSEN.duplicate_correlation
    assert likeness(red, blue)[1] > CHOSEN.duplicate_hue_distance
    assert likeness(red, pale)[1] <= CHOSEN.duplicate_hue_distance


def test_a_picture_of_one_colour_is_like_none():
    flat = Image.new("RGB", (64, 64), "grey")
    assert likeness(flat, flat)[0] == 0.0
    assert likeness(flat, blots(0))[0] < 0.5


def test_measures_do_not_depend_on_the_order_of_a_pair():
    for seed in range(5):
        one, other = blots(seed), EDITS["8 % cut off, at a corner"](blots(seed))
        assert likeness(one, other)[0] == pytest.approx(likeness(other, one)[0], abs=1e-3)


# -- labelled pictures -------------------------------------------------------------------------------------------------


def counts(found) -> dict[str, tuple[int, int]]:
    joined, labels = found.joined(*JOIN), np.array([pair.label for pair in found.pairs])
    return {label: (int(joined[labels == label].sum()), int((labels == label).sum())) for label in sorted(set(labels))}


def test_groups_of_edited_copies_are_found_and_nothing_else():
    found = counts(measured(list(group_pairs(data_folder("neardup")))))
    copies, of = found["copy"]
    assert of >= 20
    assert copies >= 0.95 * of
    assert found["different"][0] == found["near_same_scene"][0] == 0


def test_natural_copies_are_found_and_a_burst_is_kept():
    found = counts(measured(list(natural_pairs(data_folder("neardup").parent))))
    assert found["copy"][0] >= 28
    assert found["near_same_scene"][0] <= 1
    assert found["different"] == (0, 23)


def test_common_edits_of_photographs_are_found():
    found = measured(list(edited_pairs(photographs(data_folder())[11::260], SMALL_EDITS)))
    assert found.joined(*JOIN).mean() >= 0.95


# -- the lake ----------------------------------------------------------------------------------------------------------


def picture(name: str, image: Image.Image, **facts) -> dict:
    phash, dhash = hash_picture(image)
    sizes = {"original_width_px": image.width, "original_height_px": image.height, "entropy_bits": 5.0, "url_count": 1}
    return {
        "image_id": name,
        "phash": phash,
        "dhash": dhash,
        "thumbnail": thumbnail(image),
        "round": 1,
        **sizes,
        **facts,
    }


def lake_with(small: SmallLake, *pictures: dict) -> SmallLake:
    small.put("images", pictures)
    return small


COPIES = [
    picture("b", blots(9)),
    picture("a", blots(9).resize((160, 120)), round=2),
    picture("c", ImageOps.mirror(blots(9))),
    picture("d", blots(2)),
]


def test_the_earliest_stands_for_its_copies_and_says_why(small):
    lake_with(small, *COPIES).make("likeness_pairs")
    rows = {row["image_id"]: row for row in small.make("likeness")}
    assert {name: (row["representative_id"], row["mirrored"]) for name, row in rows.items()} == {
        "a": ("b", False),
        "c": ("b", True),
    }
    assert all(row["correlation"] >= 0.99 and row["hue_distance"] < 0.01 for row in rows.values())
    assert rows["a"]["phash_distance"] <= 2


@pytest.mark.parametrize("unfit", [{"original_width_px": 63}, {"original_height_px": 20}, {"entropy_bits": 0.5}])
def test_what_is_rejected_by_itself_represents_no_copy(unfit, small):
    lake_with(small, {**COPIES[0], **unfit}, *COPIES[1:]).make("likeness_pairs")
    assert [(row["image_id"], row["representative_id"]) for row in small.make("likeness")] == [("a", "c")]


def test_only_new_pairs_are_compared_and_another_threshold_compares_none(small):
    first = lake_with(small, *COPIES[:2]).run("likeness_pairs")
    assert (first.work["compared"], first.record.counts["compared"]) == (1, 1)
    assert small.run("likeness_pairs").outcome == "unchanged"
    more = lake_with(small, *COPIES).run("likeness_pairs")
    assert (more.work["compared"], more.record.counts["compared"]) == (2, 3)
    assert len(small.make("likeness")) == 2
    small.choose(curation={"duplicate_correlation": 1.0})
    assert small.run("likeness_pairs").outcome == "unchanged"
    assert small.make("likeness") == []


def test_a_narrower_radius_proposes_less_and_compares_nothing_again(small):
    lake_with(small, *COPIES).make("likeness_pairs")
    narrower = small.choose(curation={"duplicate_radius": 0}).run("likeness_pairs")
    assert narrower.work["compared"] == 0
    assert all(min(row["phash_distance"], row["dhash_distance"]) == 0 for row in small.lake.rows("likeness_pairs"))


def test_a_picture_without_a_thumbnail_is_proposed_and_never_joined(small):
    bare = lake_with(small, {**COPIES[0], "thumbnail": None}, COPIES[1]).run("likeness_pairs")
    assert bare.record.counts["no_thumbnail"] == 1
    assert small.make("likeness") == []
    assert lake_with(small, *COPIES[:2]).run("likeness_pairs").work["compared"] == 1
    assert len(small.make("likeness")) == 1


def test_a_lake_without_pictures_has_no_pairs(small):
    assert lake_with(small).make("likeness_pairs") == small.make("likeness") == []


@pytest.mark.parametrize(
    ("key", "value"), [("duplicate_radius", 9), ("duplicate_correlation", 1.5), ("duplicate_hue_distance", -1)]
)
def test_a_threshold_out_of_bounds_is_named(key, value):
    with pytest.raises(StudyError, match=f"curation.{key}"):
        make_study(curation={key: value})
