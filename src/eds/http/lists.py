"""Revocation lists, at the very paths that certificates point to.

The newest list of a shard is read from the register once and kept until the feed tells of the next.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ..ca.feed import Changes
from ..ca.issuers import RegisteredIssuer
from ..ca.register import Register
from ..certificatelists import CertificateList
from ..errors import PathNotFound
from .caching import Representation, tag_of
from .following import Follower
from .messages import Request, Response
from .routing import Route
from .threads import Threads

_CACHE_SECONDS: Final = 3600
_SHARD: Final = re.compile(r"0|[1-9]\d{0,5}", re.ASCII)


class ListPlace(NamedTuple):
    """One list: whose, which shard, and whether it is the delta."""

    issuer: str
    shard: int
    delta: bool


class ListMemory:
    """The newest published lists, `octets` of them in memory."""

    def __init__(
        self, register: Register, *, follower: Follower, threads: Threads, octets: int
    ) -> None:
        self._register = register
        self._follower = follower
        self._threads = threads
        self._most = octets
        self._octets = 0
        self._kept: dict[ListPlace, Representation] = {}
        self._reading: dict[ListPlace, asyncio.Task[Representation | None]] = {}
        follower.tell(self._forget)

    @property
    def octets(self) -> int:
        """How much is held."""
        return self._octets

    async def newest(self, place: ListPlace) -> Representation:
        """The list that was published last.

        Raises PathNotFound where there is none, RegisterUnavailable, Overloaded, WorkTimedOut.
        """
        kept = self._kept.get(place) if self._follower.is_current else None
        if kept is not None:
            return kept
        # All who ask at once wait for one reading: a list may be of many megabytes.
        task = self._reading.get(place)
        if task is None:
            task = self._reading[place] = asyncio.create_task(self._read(place))
            task.add_done_callback(lambda _: self._reading.pop(place, None))
        found = await asyncio.shield(task)
        if found is None:
            raise PathNotFound
        return found

    async def _read(self, place: ListPlace) -> Representation | None:
        generation = self._follower.generation
        found = await self._threads.run(lambda: _newest(self._register, place))
        unchanged = self._follower.generation == generation and self._follower.is_current
        if found is not None and unchanged and len(found.body) <= self._most:
            self._drop(place)
            while self._octets + len(found.body) > self._most:
                self._drop(next(iter(self._kept)))
            self._kept[place] = found
            self._octets += len(found.body)
        return found

    def _drop(self, place: ListPlace) -> None:
        dropped = self._kept.pop(place, None)
        if dropped is not None:
            self._octets -= len(dropped.body)

    def _forget(self, changes: Changes) -> None:
        for place in list(self._kept):
            if changes.all or (place.issuer[:16], place.shard) in changes.lists:
                self._drop(place)
        if changes.all or changes.lists:
            self._reading.clear()  # what is being read may be the one before


def _newest(register: Register, place: ListPlace) -> Representation | None:
    read = register.published_delta if place.delta else register.published_list
    encoded = read(place.issuer, place.shard)
    if encoded is None:
        return None
    made = CertificateList(encoded)
    return Representation(
        media_type=b"application/pkix-crl",
        body=encoded,
        tag=tag_of(encoded),
        modified=made.this_update,
        expires=made.next_update,
        longest=_CACHE_SECONDS,
    )


class ListDoor:
    """The lists of one issuer, or their deltas."""

    def __init__(
        self,
        issuer: RegisteredIssuer,
        *,
        delta: bool,
        memory: ListMemory,
        clock: Callable[[], datetime],
    ) -> None:
        self._issuer = issuer
        self._delta = delta
        self._memory = memory
        self._clock = clock

    async def __call__(self, request: Request, /) -> Response:
        """GET of a list. Raises PathNotFound, and what `ListMemory.newest` does."""
        shard = request.parameters.get("shard", "0")
        if not _SHARD.fullmatch(shard) or int(shard) >= self._issuer.settings.shard_count:
            raise PathNotFound
        place = ListPlace(self._issuer.identifier, int(shard), self._delta)
        representation = await self._memory.newest(place)
        return representation.answer(request, at=self._clock())


def list_routes(
    issuers: Sequence[RegisteredIssuer], *, memory: ListMemory, clock: Callable[[], datetime]
) -> Iterator[Route]:
    """`/crl/LABEL/SHARD.crl` and `…-delta.crl`, and the paths that certificates name."""
    taken: set[str] = set()
    for issuer in issuers:
        settings = issuer.settings
        for delta, urls in ((False, settings.crl_urls), (True, settings.delta_crl_urls)):
            door = ListDoor(issuer, delta=delta, memory=memory, clock=clock)
            ours = f"/crl/{issuer.label}/{{shard}}{'-delta' if delta else ''}.crl"
            for path in (ours, *(urlsplit(url).path for url in urls)):
                if path not in taken and path not in {"", "/"}:
                    taken.add(path)
                    yield Route(method="GET", path=path, door=door, kind="crl")
