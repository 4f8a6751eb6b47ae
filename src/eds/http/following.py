"""Follows the register's changes, and knows whether what memory holds may be relied on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ..ca.feed import ChangeFeed, Changes
from ..errors import EdsError, WorkTimedOut
from .tasks import beside
from .threads import Threads

Listener = Callable[[Changes], None]


class Follower:
    """Asks the feed every `interval` seconds and tells the listeners, in the thread of the loop.

    Who reads the register to keep what was read notes `generation` before, and keeps it only if
    that is still the same: a change told meanwhile may be of the very thing. Once nothing was
    heard for `stale` seconds `is_current` is false, and nothing kept counts until it is again.
    """

    def __init__(
        self, feed: ChangeFeed, *, threads: Threads, interval: float, stale: float
    ) -> None:
        self.generation = 0
        self.good_until = time.monotonic() + stale
        """Until then (of the monotonic clock) what was kept may be relied on."""
        self._feed = feed
        self._threads = threads
        self._interval = interval
        self._stale = stale
        self._listeners: list[Listener] = []
        self._lost = False

    def tell(self, listener: Listener) -> None:
        """Call `listener` with all changes from now on."""
        self._listeners.append(listener)

    @property
    def is_current(self) -> bool:
        """Whether the register was heard of lately."""
        return time.monotonic() < self.good_until

    @property
    def silence(self) -> float:
        """Seconds since the register was last heard of."""
        return time.monotonic() - self.good_until + self._stale

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow for as long as the context lasts."""
        async with beside(self._follow()):
            yield

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Ask once."""
        began = time.monotonic()
        try:
            changes = await self._threads.run(self._feed.next)
        except WorkTimedOut:
            self._lost = True  # the feed may tell of changes yet, to nobody
        except EdsError:
            pass  # is_current says so, soon enough
        else:
            if self._lost:
                changes, self._lost = Changes(all=True), False
            if changes:
                self.generation += 1
                for listener in self._listeners:
                    listener(changes)
            self.good_until = began + self._stale
