"""Challenges in Redis 6.2 or newer: SET with an expiry, GETDEL to take.

The client is the caller's (`redis.Redis`, or anything with the same two commands), so that
nothing here depends on a package.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ..errors import ChallengeStoreUnavailable, InvalidArgument
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
        life = _milliseconds(2 * LIFETIME)
        _done(self._client.set, self._name(challenge.session), challenge.encoded, px=life)

    def take(self, session: bytes) -> LoginChallenge | None:
        """Take the challenge of that session out; None where none waits."""
        found = _taken(self._client, self._name(session))
        return None if found is None else LoginChallenge.decode(found)

    def _name(self, session: bytes) -> str:
        return self._prefix + session.hex()


class RedisAnswerStore:
    """Answers of phones under `prefix` and the digest of what they answer."""

    def __init__(self, client: RedisClient, *, prefix: str = "eds:login:answer:") -> None:
        self._client: Final = client
        self._prefix: Final = prefix

    def put(self, session: bytes, answer: bytes, *, until: datetime) -> None:  # noqa: ARG002
        """Keep it, in place of any that waited there."""
        # A challenge's whole life: `until` cannot be later, and no clock is asked here.
        _done(self._client.set, self._prefix + session.hex(), answer, px=_milliseconds(LIFETIME))

    def take(self, session: bytes) -> bytes | None:
        """Take it out; None where none waits."""
        return _taken(self._client, self._prefix + session.hex())


def _taken(client: RedisClient, name: str) -> bytes | None:
    found = _done(client.getdel, name)
    if found is None or isinstance(found, bytes):
        return found
    raise InvalidArgument(argument="client", reason="it gives octets: decode_responses is off")


def _milliseconds(life: timedelta) -> int:
    return int(life.total_seconds() * 1000)


def _done(command: Callable[..., object], *arguments: Any, **options: Any) -> object:
    try:
        return command(*arguments, **options)
    except Exception as error:  # the client's own kinds of errors, which nothing here can name
        # The kind alone: a client's message may repeat what was sent.
        raise ChallengeStoreUnavailable(reason=type(error).__name__) from error
