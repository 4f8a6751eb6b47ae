"""Whether the process lives, and whether requests may be sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from ..ca.issuers import RegisteredIssuer
from ..ca.register import Register
from ..ca.responder import ServedIssuer
from ..certificates import Certificate
from ..errors import EdsError
from .clocks import WatchedClock
from .following import Follower
from .messages import Request, Response
from .tasks import beside
from .threads import Threads

Check = Callable[[], str | None]
"""What is wrong, in a word that stays; None where all is well. It does not wait for anything."""


class LiveDoor:
    """GET: the process answers."""

    async def __call__(self, request: Request, /) -> Response:
        del request
        return Response.of_json({"status": "live"})


class ReadyDoor:
    """GET: 200 where all `checks` are well, else 503; each by its name."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    async def __call__(self, request: Request, /) -> Response:
        del request
        found = {name: check() for name, check in self._checks.items()}
        ready = not any(found.values())
        told = {name: wrong or "well" for name, wrong in found.items()}
        return Response.of_json(
            {"status": "ready" if ready else "not ready", "checks": told},
            status=200 if ready else 503,
        )


def register_check(follower: Follower) -> Check:
    """Whether the register was heard of lately."""
    return lambda: None if follower.is_current else "silent"


def clock_check(clock: WatchedClock) -> Check:
    """Whether the clock can be relied on."""
    return lambda: None if clock.in_doubt is None else "in-doubt"


def responders_check(issuers: Sequence[ServedIssuer], *, clock: Callable[[], datetime]) -> Check:
    """Whether each issuer has a responder that is valid now."""

    def check() -> str | None:
        at = clock()
        valid = (
            any(each.certificate.in_validity_period(at=at) for each in one.delegates)
            for one in issuers
        )
        return None if all(valid) else "no-responder"

    return check


def certificates_check(
    certificates: Iterable[Certificate], *, clock: Callable[[], datetime]
) -> Check:
    """Whether each certificate is within its validity period."""
    held = tuple(certificates)

    def check() -> str | None:
        at = clock()
        return None if all(one.in_validity_period(at=at) for one in held) else "expired"

    return check


class ListAges:
    """The ages of published lists, read from the register every `seconds` while `reading` lasts."""

    def __init__(
        self,
        register: Register,
        issuers: Sequence[RegisteredIssuer],
        *,
        threads: Threads,
        clock: Callable[[], datetime],
        seconds: float = 5.0,
    ) -> None:
        self._register = register
        self._issuers = issuers
        self._threads = threads
        self._clock = clock
        self._seconds = seconds
        self._oldest: datetime | None = None
        self._absent = True

    @property
    def seconds_left(self) -> float:
        """Until the first list of all is past its nextUpdate; below zero when one is."""
        return -1.0 if self._oldest is None else (self._oldest - self._clock()).total_seconds()

    def check(self) -> str | None:
        """A `Check`."""
        if self._absent or self._oldest is None:
            return "absent"
        return "stale" if self._oldest < self._clock() else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read again and again for as long as the context lasts; once before it begins."""
        await self._read()
        async with beside(self._again()):
            yield

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self._read()

    async def _read(self) -> None:
        with suppress(EdsError):  # the register's own check says so
            self._oldest, self._absent = await self._threads.run(self._from_register)

    def _from_register(self) -> tuple[datetime | None, bool]:
        ends: list[datetime] = []
        absent = False
        for issuer in self._issuers:
            states = self._register.list_states(issuer.identifier)
            absent |= len(states) < issuer.settings.shard_count
            ends += [end for _, end in states.values() if end is not None]
        return min(ends, default=None), absent
