"""Entities and classes of pictures: read beside the words, aligned with the pictures of a batch, checked against the spec."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from entitynet_train import train
from entitynet_train.data import Batches
from entitynet_train.labels import Ids
from entitynet_train.model import RandomCrop
from entitynet_train.spec import DataSpec, LossSpec, RunSpec, SpecError, load, vocabulary_fingerprint

BOTH = LossSpec({"contrastive": 1.0, "classification": 1.0}, entity_targets=True)
CLASS_OF = {"Q1": -1, "Q2": 0, "Q3": 2, "Q4": 4}


def batches_of(spec: RunSpec) -> Batches:
    return Batches(spec, 0, RandomCrop(16, 0.5), lambda texts: torch.tensor([[len(text)] for text in texts]))


def spec_of(world, **changes) -> RunSpec:
    return world.run_spec(loss=BOTH, data=world.data_with_classes(), samples_seen=24, **changes)


def test_labels_are_those_of_the_pictures_of_a_batch(tiny_world):
    batches = batches_of(spec_of(tiny_world))
    for step in range(3):
        batch = batches[step]
        qids = [tiny_world.pictures[image_id] for image_id in batch.image_ids]
        assert batch.labels.tolist() == [[CLASS_OF[qid]] for qid in qids]
        numbers = batch.entities[:, 0].tolist()
        assert len(set(zip(numbers, qids, strict=True))) == len(set(numbers)) == len(set(qids))


def test_several_entities_of_a_picture_fill_a_row(tiny_world):
    ids = sorted(tiny_world.pictures)
    tiny_world.links = [(ids[0], qid, f"n{qid}", "noun") for qid in ("Q4", "Q2", "Q4", "Q1")]
    tiny_world.links += [(image_id, "Q3", "nQ3", "noun") for image_id in ids[2:]]
    tiny_world.write_words()
    batches = batches_of(spec_of(tiny_world))
    told = {
        image_id: sorted(one for one in row if one >= 0)
        for batch in (batches[step] for step in range(3))
        for image_id, row in zip(batch.image_ids, batch.labels.tolist(), strict=True)
    }
    assert told == {ids[0]: [0, 4], ids[1]: [], **{image_id: [2] for image_id in ids[2:]}}


def test_a_picture_that_stands_in_for_a_broken_one_brings_its_own_label(empty_world):
    bad = empty_world.add_shard(per_class=6, seed=0, broken=6)
    broken = {empty_world.pictures[image_id] for image_id in bad}
    assert broken == {"Q1"}
    batches = batches_of(spec_of(empty_world))
    made = [batches[step] for step in range(3)]
    assert sum(len(batch.broken) for batch in made) >= 6
    for batch in made:
        assert "Q1" not in {empty_world.pictures[image_id] for image_id in batch.image_ids}
        assert batch.labels[:, 0].tolist() == [CLASS_OF[empty_world.pictures[image_id]] for image_id in batch.image_ids]


def test_a_recipe_that_needs_none_has_none(tiny_world):
    batch = batches_of(tiny_world.run_spec())[0]
    assert batch.labels is None
    assert batch.entities is None


def test_pictures_without_ids_make_rows_of_no_width():
    ids = Ids(np.array([0, 0, 2, 2]), np.array([7, 9]))
    assert ids.of([0, 2]).shape == (2, 0)
    assert ids.of([2, 1]).tolist() == [[-1, -1], [7, 9]]


def refused(world, data: DataSpec, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        batches_of(dataclasses.replace(spec_of(world), data=data))
    assert words in str(caught.value)


def test_a_vocabulary_that_does_not_fit_is_named(tiny_world):
    data = tiny_world.data_with_classes()
    other = vocabulary_fingerprint([(0, "Q2")])
    refused(tiny_world, dataclasses.replace(data, vocabulary_fingerprint=other), "a vocabulary from another release")
    refused(tiny_world, dataclasses.replace(data, vocabulary=()), "in no file; allowed")
    refused(tiny_world, dataclasses.replace(data, vocabulary=("links.parquet",)), "columns class_index, qid")
    refused(tiny_world, dataclasses.replace(data, vocabulary=("none.parquet",)), "data.vocabulary")
    refused(tiny_world, dataclasses.replace(data, class_count=4), "found indices 0 to 4; allowed: 0 to 3, each once")


def test_a_run_with_another_vocabulary_ends_with_one_line(tiny_world, saved_spec, tmp_path, capfd):
    spec = spec_of(tiny_world)
    moved = dataclasses.replace(spec.data, vocabulary_fingerprint="0" * 64)
    path = saved_spec(dataclasses.replace(spec, data=moved))
    assert load(RunSpec, path).loss == BOTH
    assert train.main(["--spec", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr().err
    assert said.startswith("spec error: data.vocabulary_fingerprint: found ")
    assert "Traceback" not in said


def test_classification_without_a_vocabulary_is_refused(tiny_world):
    with pytest.raises(SpecError, match=r"recipe\[tiny\].data.vocabulary: found 0; allowed: a vocabulary of 1 class"):
        tiny_world.run_spec(loss=BOTH)


def test_a_fingerprint_of_a_vocabulary_knows_no_order():
    pairs = [(0, "Q2"), (4, "Q9"), (1, "Q3")]
    assert vocabulary_fingerprint(pairs) == vocabulary_fingerprint(reversed(pairs))
    assert vocabulary_fingerprint(pairs) != vocabulary_fingerprint([(1, "Q2"), (0, "Q3"), (4, "Q9")])
