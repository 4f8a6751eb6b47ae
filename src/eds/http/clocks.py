"""The system's clock, watched: a step is noticed, and whoever stamps the time is told.

A clock cannot say itself whether it is right. The operator vouches for how well it is kept; here
it is compared with a clock that cannot be set. What differs by more than is vouched for was a
step, and from then on the time is in doubt until somebody looks and starts the server anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from ..ca.tsa import ClockReading
from .tasks import beside


def system_clock() -> datetime:
    """What the system's clock says, in UTC."""
    return datetime.now(UTC)


class WatchedClock:
    """Readings of `clock`, off by at most `uncertainty`. Watch it all the time.

    `floor` is an instant that has passed for certain: a clock before it is wrong.
    """

    def __init__(
        self,
        *,
        uncertainty: timedelta,
        floor: datetime | None = None,
        clock: Callable[[], datetime] = system_clock,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._uncertainty = uncertainty
        self._clock = clock
        self._steady = steady
        self._last = (clock(), steady())
        self._doubt = (
            "before an instant that has passed" if floor and self._last[0] < floor else None
        )

    @property
    def in_doubt(self) -> str | None:
        """Why the time must not be relied on, or None."""
        return self._doubt

    def watch(self) -> None:
        """Compare the clock with the one that cannot be set, since the last time."""
        last_at, last_steady = self._last
        at, steady = self._last = self._clock(), self._steady()
        moved = (at - last_at).total_seconds() - (steady - last_steady)
        if abs(moved) > self._uncertainty.total_seconds():
            self._doubt = "it was set while the server ran"

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch every second for as long as the context lasts."""
        async with beside(self._watch()):
            yield

    async def _watch(self) -> None:
        while True:
            self.watch()
            await asyncio.sleep(1)

    def read(self) -> ClockReading:
        """What the clock says now."""
        self.watch()
        return ClockReading(at=self._last[0], uncertainty=self._uncertainty, in_doubt=self._doubt)
