"""The crowd: what requests that were asked together share, and what one of them keeps on its way.

Belongs here: places on the wire, places aside for slow exchanges, places for answers that are not taken yet. Does not belong here:
the way of a request (client.py), what a single host bears (pace.py).

Before it is asked nobody knows whether a host is slow. So an exchange that is not through after a second moves aside and gives its
place on the wire to another: what dead and slow hosts hold are places aside, of which there are many, and healthy ones go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from dataclasses import dataclass
from typing import Any

from entitynet_assets.web.messages import Answer

WORKERS = 128  # requests on the wire at once, over all hosts
ASIDE = 384  # slow ones beside them, for a whole wire; a smaller one has as many times its places
PATIENCE_S = 1.0  # what takes longer is slow
UNREAD = 32  # answers that may wait for a slow reader, beside those on the wire


@dataclass
class Crowd:
    """Requests that share the wire: how many at once, and of these to hosts that did not answer yet, or have just failed.

    So that a host that answers always finds half of the wire free of strangers.
    """

    workers: int

    def __post_init__(self) -> None:
        self.wire = asyncio.Semaphore(self.workers)
        self.strangers, self.suspects = (asyncio.Semaphore(max(1, self.workers // 2)) for _ in range(2))
        self.held = asyncio.Semaphore(self.workers + UNREAD)  # on the wire or not yet taken by the reader
        self.answers: queue.SimpleQueue[tuple[Any, Answer | BaseException]] = queue.SimpleQueue()
        self.aside, self.most_aside = 0, self.workers * ASIDE // WORKERS


@dataclass
class Way:
    """What a request keeps on its way: `picture` says that its address is a stranger's, `before` what led to it.

    `keep` cuts its body off, which is for rules and reaches no reader; `holding` says that a place is kept with the reader.
    """

    crowd: Crowd
    picture: bool
    tries: int
    before: str | None = None
    keep: int | None = None
    holding: bool = False

    async def hold(self) -> None:
        """Keep a place for the answer: a reader who is slow holds up the asking, not the memory."""
        if not self.holding and self.keep is None:
            await self.crowd.held.acquire()
            self.holding = True

    def let_go(self) -> None:
        """Give the place back until the next try."""
        if self.holding:
            self.crowd.held.release()
            self.holding = False


class Place:
    """A place on the wire and with the reader for one exchange; after PATIENCE_S one aside instead, as soon as there is one.

    Aside no place is kept with the reader: what comes of it waits for one when it is there.
    """

    def __init__(self, way: Way, stranger: bool) -> None:
        self._way, self._crowd, self._aside = way, way.crowd, False
        self._wanted = (*((way.crowd.strangers,) if stranger else ()), way.crowd.wire)

    async def __aenter__(self) -> None:
        async with contextlib.AsyncExitStack() as taken:
            for one in self._wanted:
                await taken.enter_async_context(one)
            await self._way.hold()  # last, so that who waits for a turn on the wire keeps no place from others
            taken.pop_all()  # from here on __aexit__ gives them back
        self._be_patient()

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._aside:
            self._crowd.aside -= 1
        else:
            self._give_back()

    def _give_back(self) -> None:
        for one in self._wanted:
            one.release()

    def _be_patient(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._move)

    def _move(self) -> None:
        if self._crowd.aside >= self._crowd.most_aside:
            self._be_patient()
            return
        self._crowd.aside += 1
        self._aside = True
        self._give_back()
        self._way.let_go()
