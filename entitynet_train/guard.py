"""Against loss spikes: a batch whose loss is far above what is usual takes no step.

Belongs here: what is usual, and when a step is skipped. Does not belong here: the loop (train.py), loss values that are no
numbers (an error at once).
"""

from __future__ import annotations

import statistics
from typing import Any

WINDOW = 100  # accepted losses that say what is usual
NEEDED = 10  # of them, before anything is judged
SKIPPED_MAX = 10  # in a row, before the run counts as lost


class SpikeGuard:
    """Judges each loss against the running median of the accepted ones; a factor of 0 accepts everything."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._accepted: list[float] = []
        self.in_a_row = 0
        self.skipped = 0

    @property
    def median(self) -> float:
        """The median of the last accepted losses; not a number before there is one."""
        return statistics.median(self._accepted) if self._accepted else float("nan")

    def accepts(self, loss: float) -> bool:
        """Tell whether a step may be taken on this loss, and remember the answer."""
        if self._factor and len(self._accepted) >= NEEDED and loss > self._factor * self.median:
            self.in_a_row += 1
            self.skipped += 1
            return False
        self.in_a_row = 0
        if self._factor:
            self._accepted = [*self._accepted, loss][-WINDOW:]
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs of it."""
        return {"accepted": self._accepted, "in_a_row": self.in_a_row, "skipped": self.skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self._accepted, self.in_a_row, self.skipped = state["accepted"], state["in_a_row"], state["skipped"]
