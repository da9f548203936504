"""The benchmark of a training step: both sides come to the same loss."""

from __future__ import annotations

import pytest

from tests.bench import step


@pytest.mark.long
def test_both_sides_come_to_the_same_loss():
    sides = step.compared("demo-64", 4, 2, 1)
    assert sides["ours"]["loss_last"] == pytest.approx(sides["peer"]["loss_last"], rel=1e-5)
    assert sides["ours"]["step_cpu_s"] > 0
    assert sides["ours"]["mfu"] > 0
