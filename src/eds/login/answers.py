"""What a phone sent for a browser that waits: kept until that browser asks, then given once."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from threading import Lock
from typing import Final, Protocol

from ..errors import InvalidArgument

LONGEST_ANSWER: Final = 64 * 1024


class AnswerStore(Protocol):
    """Where answers wait, one for each waiting login.

    `session` is `session_digest` of the reference in the QR code. `take` is atomic. Both raise
    ChallengeStoreUnavailable.
    """

    def put(self, session: bytes, answer: bytes, *, until: datetime) -> None:
        """Keep it, in place of any that waited there; from `until` on it may be forgotten."""

    def take(self, session: bytes) -> bytes | None:
        """Take it out; None where none waits."""


class MemoryAnswerStore:
    """In one process, at most `entries`; beyond that the oldest goes. Safe for threads."""

    def __init__(self, *, entries: int = 1_000) -> None:
        if entries < 1:
            raise InvalidArgument(argument="entries", reason="there is room for something")
        self._entries: Final = entries
        self._waiting: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock: Final = Lock()

    def put(self, session: bytes, answer: bytes, *, until: datetime) -> None:  # noqa: ARG002
        """Keep it; the bound, not `until`, is what makes room here."""
        with self._lock:
            self._waiting.pop(session, None)
            self._waiting[session] = answer
            while len(self._waiting) > self._entries:
                self._waiting.popitem(last=False)

    def take(self, session: bytes) -> bytes | None:
        """Take it out; None where none waits."""
        with self._lock:
            return self._waiting.pop(session, None)
