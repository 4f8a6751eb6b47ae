"""The revocation passphrase: a slow hash of it is kept, sealed, and tries are few."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..errors import EvidenceDestroyed, InvalidArgument
from .desk import DAY, Desk
from .encoding import decode, encode
from .store import Mark

PASSPHRASE_FILE: Final = "passphrase"  # noqa: S105 - the name of a file
_SHORTEST: Final = 12
_SALT_OCTETS: Final = 16
TRIES_A_DAY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A hash by scrypt (RFC 7914) and what it was made with; r = 8, p = 1."""

    cost: int
    salt: bytes
    hash: bytes = field(repr=False)


def kept_passphrase(desk: Desk, passphrase: str) -> bytes:
    """The file that is kept of it. Raises InvalidArgument for a short one."""
    if len(passphrase) < _SHORTEST:
        raise InvalidArgument(argument="passphrase", reason=f"{_SHORTEST} characters are wanted")
    salt, cost = desk.random(_SALT_OCTETS), desk.policy.passphrase_cost
    return encode(_Kept(cost=cost, salt=salt, hash=_hash(passphrase, salt, cost)))


def is_passphrase(desk: Desk, application: str, passphrase: str, *, at: datetime) -> bool:
    """Whether that is it. Every try counts, right or wrong; five a day."""
    if _tries(desk, application, at=at) >= TRIES_A_DAY:
        return False
    desk.store.mark(
        Mark(
            kind="passphrase",
            name=application,
            reference=desk.random(16).hex(),
            holder=desk.random(16).hex(),
        ),
        at=at,
    )
    if _tries(desk, application, at=at) > TRIES_A_DAY:  # others came at the same time
        return False
    try:
        file = desk.store.file(application, PASSPHRASE_FILE)
    except EvidenceDestroyed:
        return False
    if file is None:
        return False
    kept = decode(_Kept, file)
    return hmac.compare_digest(_hash(passphrase, kept.salt, kept.cost), kept.hash)


def _tries(desk: Desk, application: str, *, at: datetime) -> int:
    return desk.store.marked("passphrase", application, since=at - DAY)


def _hash(passphrase: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=cost, r=8, p=1, maxmem=1 << 28, dklen=32
    )
