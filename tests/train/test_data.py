"""Order, counts and joins of batches; the tars stay WebDataset's."""

from __future__ import annotations

import dataclasses
import io
import random
import tarfile

import numpy as np
import pytest
import torch
import webdataset

from entitynet_train.data import Batches, load_batches
from entitynet_train.model import RandomCrop, build_tokenizer
from entitynet_train.spec import CaptionMix, SpecError


def numbers(texts):
    """Stand in for a tokenizer: the tests look at texts."""
    return torch.tensor([[len(text)] for text in texts])


def batches_of(spec, rank=0):
    return Batches(spec, rank, RandomCrop(16, spec.crop_scale_min), numbers)


def epoch_ids(batches, spec):
    return [image_id for step in range(spec.steps) for image_id in batches[step].image_ids]


def test_an_epoch_has_every_picture_once(tiny_world):
    spec = tiny_world.run_spec(samples_seen=24)
    assert sorted(epoch_ids(batches_of(spec), spec)) == sorted(tiny_world.pictures)


def test_ranks_share_an_epoch_without_overlap(tiny_world):
    spec = tiny_world.run_spec(samples_seen=24, world_size=2)
    parts = [epoch_ids(batches_of(spec, rank), spec) for rank in range(2)]
    assert len(parts[0]) == len(parts[1]) == 12
    assert not set(parts[0]) & set(parts[1])
    assert sorted(parts[0] + parts[1]) == sorted(tiny_world.pictures)


def test_ranks_together_see_what_one_process_sees(tiny_world):
    alone = batches_of(tiny_world.run_spec(samples_seen=48))
    shared = tiny_world.run_spec(samples_seen=48, world_size=2)
    parts = [batches_of(shared, rank) for rank in range(2)]
    for step in range(6):
        halves = [part[step] for part in parts]
        assert alone[step].texts == halves[0].texts + halves[1].texts
        assert torch.equal(alone[step].image_BHWC, torch.cat([half.image_BHWC for half in halves]))


def test_epochs_differ_in_order_captions_and_crops(tiny_world):
    spec = tiny_world.run_spec(samples_seen=48)
    batches = batches_of(spec)
    first, second = (
        {image_id: (text, pixels.sum().item()) for step in steps
         for batch in [batches[step]]
         for image_id, text, pixels in zip(batch.image_ids, batch.texts, batch.image_BHWC, strict=True)}
        for steps in (range(3), range(3, 6))
    )  # fmt: skip
    assert list(first) != list(second)
    assert sorted(first) == sorted(second)
    assert any(first[key][0] != second[key][0] for key in first)
    assert any(first[key][1] != second[key][1] for key in first)


@pytest.mark.parametrize("balance", [{"threshold": 2}, {"per_entity": 3}])
def test_ranks_of_a_balanced_run_share_its_epochs_without_overlap(tiny_world, balance):
    mix = CaptionMix("tamed", {"label": 1.0, "alt_text": 1.0}, balance=balance)
    alone, spec = (
        tiny_world.run_spec(mix=mix, samples_seen=80),
        tiny_world.run_spec(mix=mix, samples_seen=80, world_size=2),
    )
    whole, parts = batches_of(alone), [batches_of(spec, rank) for rank in range(2)]
    seen: dict[int, list[int]] = {}
    for position in range(80):
        epoch, picture = whole.picture_at(position)
        seen.setdefault(epoch, []).append(picture)
    assert all(len(set(pictures)) == len(pictures) < 24 for pictures in seen.values())
    assert len({frozenset(pictures) for pictures in list(seen.values())[:-1]}) > 1
    for step in reversed(range(10)):
        assert whole[step].texts == parts[0][step].texts + parts[1][step].texts


@pytest.mark.parametrize("workers", [0, 2])
def test_any_step_is_the_same_whoever_makes_it(tiny_world, workers):
    balance = {"per_entity": 3} if workers else {}
    spec = tiny_world.run_spec(
        samples_seen=80, mix=CaptionMix("half", {"label": 1.0, "alt_text": 1.0}, balance=balance)
    )
    reference = batches_of(spec)
    for step, batch in zip(range(4, 10), load_batches(batches_of(spec), range(4, 10), workers), strict=True):
        assert batch.texts == reference[step].texts
        assert torch.equal(batch.image_BHWC, reference[step].image_BHWC)


def test_threads_that_cross_epochs_do_not_mix_their_orders(tiny_world):
    spec = tiny_world.run_spec(samples_seen=800)
    alone = [batch.image_ids for batch in load_batches(batches_of(spec), range(spec.steps), 0)]
    together = [batch.image_ids for batch in load_batches(batches_of(spec), range(spec.steps), 6)]
    assert together == alone


@pytest.mark.parametrize("window", [0, 1])
def test_an_epoch_is_the_same_over_workers_and_ranks_and_from_its_middle(tiny_world, window):
    spec = tiny_world.run_spec(samples_seen=96, window_shards=window)
    whole = [(batch.image_ids, batch.texts, batch.image_BHWC) for batch in load_batches(batches_of(spec), range(12), 0)]
    for epoch in range(4):
        ids = [image_id for image_ids, *_ in whole[3 * epoch : 3 * epoch + 3] for image_id in image_ids]
        assert sorted(ids) == sorted(tiny_world.pictures)
    for ranks, workers in ((1, 1), (1, 4), (2, 0), (2, 4), (4, 1)):
        shared = dataclasses.replace(spec, world_size=ranks)
        parts = [load_batches(batches_of(shared, rank), range(4, 12), workers) for rank in range(ranks)]
        for step, batches in zip(range(4, 12), zip(*parts, strict=True), strict=True):
            ids, texts, image_BHWC = whole[step]
            assert [image_id for batch in batches for image_id in batch.image_ids] == ids
            assert [text for batch in batches for text in batch.texts] == texts
            assert torch.equal(torch.cat([batch.image_BHWC for batch in batches]), image_BHWC)


def test_windows_read_tars_together_and_each_epoch_in_another_order(empty_world):
    for seed in range(6):
        empty_world.add_shard(per_class=1, seed=seed)
    spec = empty_world.run_spec(samples_seen=24 * 8, window_shards=2, batch_size_global=4)
    batches = batches_of(spec)
    orders = set()
    for epoch in range(8):
        pictures = [batches.picture_at(24 * epoch + place)[1] for place in range(24)]
        windows = [tuple(sorted({picture // 4 for picture in pictures[8 * part : 8 * part + 8]})) for part in range(3)]
        assert sorted(place for window in windows for place in window) == list(range(6))
        assert [len(window) for window in windows] == [2, 2, 2]
        orders.add(tuple(windows))
        turns = [batches._windows.turn(epoch, picture) for picture in pictures]
        assert turns == [3 * epoch + place // 8 for place in range(24)]
        assert [tuple(sorted(batches._windows.tars(3 * epoch + part))) for part in range(3)] == windows
    assert len(orders) > 4


def test_an_empty_picture_is_counted_and_replaced(empty_world):
    (bad,) = empty_world.add_shard(per_class=2, seed=0, broken=1)
    path = empty_world.root / "00000.tar"
    with tarfile.open(path) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, raw in members.items():
            info = tarfile.TarInfo(name)
            info.size = 0 if name.startswith(bad) else len(raw)
            tar.addfile(info, io.BytesIO(raw))
    batch = batches_of(empty_world.run_spec())[0]
    assert batch.broken == [bad]
    assert len(batch.image_ids) == 8


def test_a_relabelled_entity_is_in_the_next_batch_and_no_tar_changes(tiny_world):
    spec = tiny_world.run_spec(mix=CaptionMix("label", {"label": 1.0}), samples_seen=24)
    tars = [(tiny_world.root / shard.tar).read_bytes() for shard in tiny_world.shards]
    before = [text for step in range(3) for text in batches_of(spec)[step].texts]
    tiny_world.entity_texts[0] = ("Q1", "label", "scarlet disc")
    tiny_world.write_words()
    after = [text for step in range(3) for text in batches_of(spec)[step].texts]
    assert after == [text.replace("red circle", "scarlet disc") for text in before]
    assert "scarlet disc" in after
    assert [(tiny_world.root / shard.tar).read_bytes() for shard in tiny_world.shards] == tars


def test_a_skipped_key_never_comes_again(tiny_world):
    gone = sorted(tiny_world.pictures)[:5]
    tiny_world.skip = [*gone, "f" * 64]
    tiny_world.write_words()
    spec = tiny_world.run_spec(samples_seen=95)
    batches = batches_of(spec)
    assert not set(epoch_ids(batches, spec)) & set(gone)
    assert batches.counts == {"pictures": 24, "skipped": 5, "no_text": 0, "usable": 19}


def test_a_picture_without_a_text_is_counted(tiny_world):
    tiny_world.entity_texts = tiny_world.entity_texts[:3]
    tiny_world.write_words()
    batches = batches_of(tiny_world.run_spec(mix=CaptionMix("label", {"label": 1.0})))
    assert batches.counts == {"pictures": 24, "skipped": 0, "no_text": 6, "usable": 18}


def test_a_broken_picture_is_named_and_replaced(empty_world):
    bad = empty_world.add_shard(per_class=4, seed=0, broken=2)
    spec = empty_world.run_spec(samples_seen=16)
    drawn = [batches_of(spec)[step] for step in range(2)]
    assert sorted({key for batch in drawn for key in batch.broken}) == sorted(bad)
    assert [len(batch.image_ids) for batch in drawn] == [8, 8]
    assert not {image_id for batch in drawn for image_id in batch.image_ids} & set(bad)


def test_one_whole_picture_among_broken_ones_is_found(empty_world):
    bad = empty_world.add_shard(per_class=2, seed=0, broken=7)
    batches = batches_of(empty_world.run_spec())
    for step in range(4):
        assert len(set(batches[step].image_ids)) == 1
        assert set(batches[step].broken) == set(bad)


def test_nothing_but_broken_pictures_is_an_error(empty_world):
    empty_world.add_shard(per_class=1, seed=0, broken=4)
    with pytest.raises(SpecError, match="broken pictures in a row"):
        batches_of(empty_world.run_spec())[0]


def test_no_usable_picture_is_an_error(tiny_world):
    with pytest.raises(SpecError, match=r"no picture with a text under mix m.*'no_text': 24"):
        batches_of(tiny_world.run_spec(mix=CaptionMix("m", {"attribute": 1.0})))


@pytest.mark.filterwarnings("ignore:unclosed file .*[.]tar:ResourceWarning")  # webdataset leaves its streams open
def test_webdataset_reads_the_same_tars(tiny_world):
    paths = [str(tiny_world.root / shard.tar) for shard in tiny_world.shards]
    dataset = webdataset.WebDataset(paths, shardshuffle=False, empty_check=False).decode("pil")
    assert sorted(sample["__key__"] for sample in dataset) == sorted(tiny_world.pictures)


def test_a_crop_keeps_to_its_share_and_ratio():
    crop, rng = RandomCrop(32, 0.4), random.Random(0)
    for _ in range(500):
        x, y, right, bottom = crop._box(120, 100, rng)
        width, height = right - x, bottom - y
        assert 0 <= x < right <= 120
        assert 0 <= y < bottom <= 100
        assert width * height >= 0.4 * 120 * 100 * 0.97
        assert 0.88 <= width / height <= 1.13


def test_a_crop_of_a_narrow_picture_is_its_middle():
    assert RandomCrop(32, 0.9)._box(10, 1000, random.Random(0)) == (0, 494, 10, 505)


def test_the_tokenizer_has_the_recipes_length(tiny_world):
    text_BT = build_tokenizer(tiny_world.run_spec(context_length_tokens=9))(["a red circle", "word " * 50])
    assert text_BT.shape == (2, 9)
    assert np.all(text_BT.argmax(dim=1).numpy() == [4, 8])
