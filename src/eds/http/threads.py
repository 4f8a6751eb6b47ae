"""Work that waits, done beside the loop: a few threads, a bounded queue, a deadline.

A database that hangs or a token that is slow must not keep those from their answers who need
neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..errors import Overloaded, WorkTimedOut

T = TypeVar("T")


class Threads:
    """`count` threads; of further work `waiting` pieces may wait, each for `seconds` in all.

    Work that ran out of time is not stopped, for a thread cannot be; it keeps its place until it
    ends, so that there is never more of it than was allowed.
    """

    def __init__(self, *, count: int, waiting: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="eds-http")
        self._most = count + waiting
        self._seconds = seconds
        self._busy = 0

    @property
    def busy(self) -> int:
        """Pieces of work that run or wait."""
        return self._busy

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Raises Overloaded, WorkTimedOut."""
        if self._busy >= self._most:
            raise Overloaded
        self._busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._done)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(future)
        except TimeoutError:
            raise WorkTimedOut(seconds=self._seconds) from None

    def _done(self, future: asyncio.Future[T]) -> None:
        self._busy -= 1
        if not future.cancelled():
            future.exception()  # asked for, or it would be complained of where nobody waits
