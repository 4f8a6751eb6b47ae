"""Challenges in Redis 6.2 or newer: SET with an expiry, GETDEL to take.

The client is the caller's (`redis.Redis`, or anything with the same two commands), so that
nothing here depends on a package.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..errors import ChallengeStoreUnavailable
from .challenges import LIFETIME, LoginChallenge


class RedisClient(Protocol):
    """The two commands that are used, as `redis.Redis` names them."""

    def set(self, name: str, value: bytes, *, px: int) -> object:
        """SET name value PX milliseconds."""

    def getdel(self, name: str) -> object:
        """GETDEL name: the value as bytes, or None."""


class RedisChallengeStore:
    """Challenges under `prefix` and the digest of their session, each gone by itself in time."""

    def __init__(self, client: RedisClient, *, prefix: str = "eds:login:") -> None:
        self._client: Final = client
        self._prefix: Final = prefix

    def put(self, challenge: LoginChallenge) -> None:
        """Keep it under its session, in place of any that waited there."""
        # Twice its life, so that one answered too late is told from one that never was.
        milliseconds = 2 * int(LIFETIME.total_seconds() * 1000)
        try:
            self._client.set(self._name(challenge.session), challenge.encoded, px=milliseconds)
        except Exception as error:  # the client's own kinds of errors, which nothing here can name
            raise ChallengeStoreUnavailable(reason=type(error).__name__) from error

    def take(self, session: bytes) -> LoginChallenge | None:
        """Take the challenge of that session out; None where none waits."""
        try:
            found = self._client.getdel(self._name(session))
        except Exception as error:  # likewise
            raise ChallengeStoreUnavailable(reason=type(error).__name__) from error
        return LoginChallenge.decode(found) if isinstance(found, bytes) else None

    def _name(self, session: bytes) -> str:
        return self._prefix + session.hex()
