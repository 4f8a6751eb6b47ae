"""Challenges in the memory of one process: for tests, and for portals that are one process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from ..errors import InvalidArgument
from .challenges import LoginChallenge


class MemoryChallengeStore:
    """At most `entries` challenges; beyond that the oldest goes. Safe for threads."""

    def __init__(self, *, entries: int = 100_000) -> None:
        if entries < 1:
            raise InvalidArgument(argument="entries", reason="there is room for something")
        self._entries: Final = entries
        self._waiting: OrderedDict[bytes, LoginChallenge] = OrderedDict()
        self._lock: Final = Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, challenge: LoginChallenge) -> None:
        """Keep it under its session, in place of any that waited there."""
        with self._lock:
            self._waiting.pop(challenge.session, None)
            self._waiting[challenge.session] = challenge
            while len(self._waiting) > self._entries:
                self._waiting.popitem(last=False)

    def take(self, session: bytes) -> LoginChallenge | None:
        """Take the challenge of that session out; None where none waits."""
        with self._lock:
            return self._waiting.pop(session, None)
