"""The revocation passphrase: a slow hash of it is kept, and tries are few."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Final

from ..errors import InvalidArgument
from .desk import DAY, Desk
from .store import KeptCode, Mark

_PURPOSE: Final = "revocation"
_SHORTEST: Final = 12
_FOR_EVER: Final = datetime.fromisoformat("9000-01-01T00:00:00+00:00")
TRIES_A_DAY: Final = 5


def kept_passphrase(desk: Desk, passphrase: str) -> KeptCode:
    """What is kept of it (scrypt, RFC 7914). Raises InvalidArgument for a short one."""
    if len(passphrase) < _SHORTEST:
        raise InvalidArgument(argument="passphrase", reason=f"{_SHORTEST} characters are wanted")
    salt = desk.random(16)
    return KeptCode(
        purpose=_PURPOSE, salt=salt, kept=_hash(desk, salt, passphrase), expires_at=_FOR_EVER
    )


def is_passphrase(desk: Desk, application: str, passphrase: str, *, at: datetime) -> bool:
    """Whether that is it. Every try counts, right or wrong; five a day."""
    since = at - DAY
    if desk.store.marked("passphrase", application, since=since) >= TRIES_A_DAY:
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
    kept = desk.store.code(application, _PURPOSE)
    if kept is None:
        return False
    return hmac.compare_digest(_hash(desk, kept.salt, passphrase), kept.kept)


def _hash(desk: Desk, salt: bytes, passphrase: str) -> bytes:
    cost = desk.policy.passphrase_cost
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=cost, r=8, p=1, maxmem=1 << 28, dklen=32
    )
