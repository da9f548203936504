"""What is known of hosts, within bounds: of very many, those that were not asked longest and owe nothing are forgotten.

Belongs here: a mapping that forgets. Does not belong here: what is known (pace.py, manners.py), when it may be forgotten (their `idle`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class _Idle(Protocol):
    @property
    def idle(self) -> bool: ...


T = TypeVar("T", bound=_Idle)


class Known(Generic[T]):
    """Values by name, each made when it is first asked for; beyond `most` the idle ones are forgotten, longest unused first.

    What is not idle is never forgotten, so there may be more of them. Used by one event loop.
    """

    def __init__(self, make: Callable[[], T], most: int) -> None:
        self._make, self._most, self._limit = make, most, most
        self._held: dict[str, T] = {}  # in the order of their last use

    def __getitem__(self, name: str) -> T:
        value = self._held.pop(name, None)
        self._held[name] = value = self._make() if value is None else value
        if len(self._held) > self._limit:
            self._forget()
        return value

    def __len__(self) -> int:
        return len(self._held)

    def _forget(self) -> None:
        """Forget down to `most`; the next time is a quarter further, so that each name is looked at a few times at most."""
        surplus = len(self._held) - self._most
        newest = next(reversed(self._held))
        for name in [name for name, value in self._held.items() if value.idle and name != newest][:surplus]:
            del self._held[name]
        self._limit = max(self._most, len(self._held)) * 5 // 4
