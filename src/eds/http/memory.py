"""Statuses in memory: read from the register once, dropped when the feed tells of a change.

Nothing here is older than the feed's last word. What was never issued is kept apart from what
was, so that a flood of invented serial numbers pushes out nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Final, Generic, TypeVar

from ..ca.feed import Changes
from ..ca.lifecycle import Status
from ..ca.responder import StatusOf
from .following import Follower
from .threads import Threads

K = TypeVar("K")
V = TypeVar("V")

Key = tuple[str, bytes]
"""Issuer (its identifier in the register) and serial number (content octets)."""

_NEVER_ISSUED: Final = 65_536  # serial numbers kept as never issued


class Bounded(Generic[K, V]):
    """A dictionary of at most `most` entries; the oldest go first."""

    __slots__ = ("_most", "kept")

    def __init__(self, most: int) -> None:
        self.kept: dict[K, V] = {}
        self._most = most

    def put(self, key: K, value: V) -> None:
        if len(self.kept) >= self._most:
            del self.kept[next(iter(self.kept))]
        self.kept[key] = value


class StatusMemory:
    """The statuses of certificates of `issuers`, at most `most` of them."""

    def __init__(
        self,
        status_of: StatusOf,
        *,
        issuers: Iterable[str],
        follower: Follower,
        threads: Threads,
        most: int,
    ) -> None:
        self._status_of = status_of
        self.follower = follower
        self._threads = threads
        self._known: Bounded[Key, Status] = Bounded(most)
        self._never: Bounded[Key, None] = Bounded(_NEVER_ISSUED)
        self._issuers: Mapping[str, str] = {issuer[:16]: issuer for issuer in issuers}
        self.known: Mapping[Key, Status] = self._known.kept
        """What is held of certificates that were issued; it counts while `follower` is current."""
        follower.tell(self._forget)

    def __len__(self) -> int:
        return len(self._known.kept) + len(self._never.kept)

    async def statuses(self, keys: Sequence[Key]) -> Mapping[Key, Status | None]:
        """Where these stand, None for what was never issued: from memory, or from the register.

        Raises RegisterUnavailable, Overloaded, WorkTimedOut.
        """
        held = self.held(keys)
        return await self._read(tuple(dict.fromkeys(keys))) if held is None else held

    def held(self, keys: Sequence[Key]) -> Mapping[Key, Status | None] | None:
        """The same where all are in memory; None where the register has to be asked."""
        if monotonic() >= self.follower.good_until:
            return None
        known, never = self._known.kept, self._never.kept
        found = {key: status for key in keys if (status := known.get(key)) or key in never}
        return found if len(found) == len(keys) else None

    async def _read(self, keys: Sequence[Key]) -> Mapping[Key, Status | None]:
        generation = self.follower.generation
        found = await self._threads.run(lambda: self._from_register(keys))
        # Only if no change was told meanwhile: it may be of these very ones.
        if self.follower.generation == generation and self.follower.is_current:
            for key, status in found.items():
                if status is None:
                    self._never.put(key, None)
                else:
                    self._known.put(key, status)
        return found

    def _from_register(self, keys: Iterable[Key]) -> dict[Key, Status | None]:
        return {key: self._status_of(*key) for key in keys}

    def _forget(self, changes: Changes) -> None:
        if changes.all:
            self._known.kept.clear()
            self._never.kept.clear()
            return
        for short, serial in changes.statuses:
            key = (self._issuers.get(short, short), serial)
            self._known.kept.pop(key, None)
            self._never.kept.pop(key, None)
