"""Which pictures an epoch has: balancing by its formula, the same for everyone, over epochs of any length."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from entitynet_train.epochs import Epochs, Threshold, balance_of, uniform
from entitynet_train.spec import CaptionMix, DataSpec, ShardSpec, SpecError
from entitynet_train.words import read_words
from tests.train.conftest import write_table

HEAD, MIDDLE, TAIL, BOTH = 900, 240, 20, 10  # pictures of Q1, of Q2, of Q3, of Q1 and Q3
IDS = [f"{n:064x}" for n in range(HEAD + MIDDLE + TAIL + BOTH + 1)]  # the last one shows nothing that is known
SHOWS = [("Q1",)] * HEAD + [("Q2",)] * MIDDLE + [("Q3",)] * TAIL + [("Q1", "Q3")] * BOTH + [()]
COUNT = {"Q1": HEAD + BOTH, "Q2": MIDDLE, "Q3": TAIL + BOTH}
EPOCHS = 80


@pytest.fixture
def kept(tmp_path):
    """A function from a balance to the pictures (bool) of the first epochs, a row each."""
    links = [(image, qid, "", "linked") for image, shown in zip(IDS, SHOWS, strict=True) for qid in shown]
    write_table(tmp_path / "links.parquet", ("image_id", "qid", "query_id", "query_kind"), links)
    write_table(tmp_path / "texts.parquet", ("image_id", "source", "text"), [(one, "alt_text", "x") for one in IDS])
    shard = ShardSpec("0", "0", len(IDS), "0.tar", "texts.parquet")
    data = DataSpec("r", "w", "s", (shard,), str(tmp_path), ("links.parquet",), (), ())

    def first_epochs(order=slice(None), **balance):
        mix, ids = CaptionMix("m", {"alt_text": 1.0}, balance=balance), pa.array(IDS[order], pa.large_string())
        chosen = balance_of(mix, read_words(data, mix, ids), np.arange(len(ids)), ids)
        assert chosen is not None
        return np.stack([chosen.kept(5, epoch) for epoch in range(EPOCHS)])

    return first_epochs


def chance(shown: tuple[str, ...], most: int, any_keeps: bool) -> float:
    """Return the chance by the formula, picture by picture."""
    ps = [most / max(COUNT[qid], most) for qid in shown]
    return 1 - math.prod(1 - p for p in ps) if any_keeps else math.prod(ps)


@pytest.mark.parametrize(
    ("balance", "most"), [("threshold", 60), ("per_entity", 60), ("threshold", 25), ("per_entity", 25)]
)
def test_pictures_are_kept_by_the_formula_and_drawn_anew(kept, balance, most):
    found = kept(**{balance: most})
    expected = np.array([chance(shown, most, balance == "threshold") for shown in SHOWS])
    bound = 5 * math.sqrt((expected * (1 - expected)).sum())
    assert abs(found.sum(axis=1) - expected.sum()).max() <= bound + 1e-9  # each epoch
    begin = 0
    for length in (HEAD, MIDDLE, TAIL, BOTH, 1):  # each kind of picture over all epochs
        part, p, draws = found[:, begin : begin + length], expected[begin], length * EPOCHS
        assert abs(part.sum() - p * draws) <= 5 * math.sqrt(draws * p * (1 - p)) + 1e-9
        begin += length
    assert (found[0] != found[1]).any()


def test_the_tail_is_kept_whole_and_the_head_is_not(kept):
    for balance in ("threshold", "per_entity"):
        found = kept(**{balance: TAIL + BOTH})
        assert found[:, HEAD + MIDDLE : HEAD + MIDDLE + TAIL].all()
        assert found[:, :HEAD].mean() < 0.1


def test_a_cap_holds_in_every_epoch(kept):
    found = kept(per_entity=15)
    for qid in COUNT:
        shows = np.array([qid in shown for shown in SHOWS])
        assert found[:, shows].sum(axis=1).max() <= 15


def test_every_picture_of_the_head_has_its_epoch(kept):
    assert kept(per_entity=120)[:, :HEAD].any(axis=0).mean() > 0.99


@pytest.mark.parametrize("balance", ["threshold", "per_entity"])
def test_the_choice_hangs_on_the_picture_and_not_on_its_place(kept, balance):
    forward, backward = kept(**{balance: 40}), kept(order=slice(None, None, -1), **{balance: 40})
    assert (forward == backward[:, ::-1]).all()


def test_a_balance_without_an_entity_is_an_error(tmp_path):
    write_table(tmp_path / "texts.parquet", ("image_id", "source", "text"), [("a", "alt_text", "x")])
    data = DataSpec("r", "w", "s", (ShardSpec("0", "0", 1, "0.tar", "texts.parquet"),), str(tmp_path), (), (), ())
    mix, ids = CaptionMix("m", {"alt_text": 1.0}, balance={"threshold": 5}), pa.array(["a"], pa.large_string())
    with pytest.raises(SpecError, match=r"mix\[m\].balance: found no picture with an entity"):
        balance_of(mix, read_words(data, mix, ids), np.arange(1), ids)


METACLIP = {
    (0,): 1.0,
    (3,): 0.1,
    (4,): 0.01,
    (3, 4): 0.109,
    (2, 4): 1.0,
    (3, 3, 4): 0.109,
}  # what its own code gives at p = t / c


def test_the_threshold_is_metaclips_on_its_own_example(tmp_path):
    counts, most = (1, 10, 100, 1000, 10_000), 100
    links = [
        (f"pair{n}", f"Q{entity}", str(row), "linked")
        for n, pair in enumerate(METACLIP)
        for row, entity in enumerate(pair)
    ]
    for entity, count in enumerate(counts):
        known = sum(entity in pair for pair in METACLIP)
        links += [(f"other{entity}-{n}", f"Q{entity}", "", "linked") for n in range(count - known)]
    ids = sorted({image for image, *_ in links})
    write_table(tmp_path / "links.parquet", ("image_id", "qid", "query_id", "query_kind"), links)
    write_table(tmp_path / "texts.parquet", ("image_id", "source", "text"), [(one, "alt_text", "x") for one in ids])
    shard = ShardSpec("0", "0", len(ids), "0.tar", "texts.parquet")
    data = DataSpec("r", "w", "s", (shard,), str(tmp_path), ("links.parquet",), (), ())
    mix, array = CaptionMix("m", {"alt_text": 1.0}, balance={"threshold": most}), pa.array(ids, pa.large_string())
    balance = balance_of(mix, read_words(data, mix, array), np.arange(len(ids)), array)
    assert isinstance(balance, Threshold)
    found = {pair: balance.keep_U[ids.index(f"pair{n}")] for n, pair in enumerate(METACLIP)}
    assert found == pytest.approx(METACLIP, abs=1e-12)


class Some:
    """A balance that keeps a third of the pictures, and none at all in every fourth epoch."""

    never = 0

    def kept(self, seed, epoch):
        return uniform(np.arange(50, dtype=np.uint64), seed, epoch) < (0.0 if epoch % 4 == 2 else 1 / 3)


def test_epochs_of_any_length_follow_each_other_whoever_asks_first():
    usable = np.arange(100, 150)
    straight, late = (Epochs(9, usable, Some()) for _ in range(2))  # type: ignore[arg-type]
    places = [straight.place_of(position) for position in range(400)]
    assert late.place_of(399) == places[399]
    assert [late.place_of(position) for position in range(400)] == places
    sequence = [(epoch, int(straight.order(epoch)[place])) for epoch, place in places]
    assert len(set(sequence)) == 400
    for epoch in {epoch for epoch, _ in places[:-30]}:
        drawn = [picture for other, picture in sequence if other == epoch]
        assert sorted(drawn) == usable[Some().kept(9, epoch)].tolist()
    assert not any(epoch % 4 == 2 for epoch, _ in places)


def test_numbers_are_uniform_and_apart():
    keys = np.arange(20_000, dtype=np.uint64)
    first, other, next_seed = uniform(keys, 0, 0), uniform(keys, 0, 1), uniform(keys, 1, 0)
    for one in (first, other, next_seed):
        assert np.abs(np.histogram(one, 20, (0, 1))[0] - 1000).max() < 5 * math.sqrt(1000)
    assert abs(np.corrcoef([first, other, next_seed])[np.triu_indices(3, 1)]).max() < 0.04
