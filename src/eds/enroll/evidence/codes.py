"""Codes that work once: sent to the number a register has, never a form's, or handed out.

A code that was sent confirms that someone reads that channel; it is no factor of authentication
(NIST SP 800-63A). It is kept as HMAC-SHA-256 under a key of the desk: a bare hash of eight digits
is guessed at once, and so is a slow one. Purpose and application are part of what is hashed, so a
code for one act opens no other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from ...errors import InvalidArgument, NaiveDatetime

DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what is taken for a digit, or for another."""
MINIMUM_LENGTH: Final = 6  # NIST SP 800-63A-4: at least six random digits
_LONGEST: Final = 20  # 100 bits of letters
_KEY_OCTETS: Final = 32
_SALT_OCTETS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePolicy:
    """Length, alphabet, tries and life of a code. Raises InvalidArgument for fewer than six."""

    length: int = 8
    alphabet: str = DIGITS
    attempts: int = 3
    lifetime: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        if not MINIMUM_LENGTH <= self.length <= _LONGEST:
            raise InvalidArgument(argument="length", reason="six to twenty")
        if len(set(self.alphabet)) != len(self.alphabet) or len(self.alphabet) < len(DIGITS):
            raise InvalidArgument(argument="alphabet", reason="ten different characters or more")
        if not 1 <= self.attempts <= 10:
            raise InvalidArgument(argument="attempts", reason="one to ten")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode:
    """What is stored of a code. Each check gives the record to store instead of this one.

    The store replaces it in the transaction of the check, by comparing and setting: two checks at
    once must not both spend the same attempt.
    """

    application: str
    purpose: str
    salt: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    expires_at: datetime
    attempts_left: int
    is_used: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """The code to send, once, and what to store. The code shows in no repr."""

    code: str = field(repr=False)
    record: OneTimeCode


class CodeOutcome(Enum):
    """How a check came out. An applicant is told only whether it was right."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    SPENT = "spent"


def issue_code(
    *,
    application: str,
    purpose: str,
    key: bytes,
    at: datetime,
    policy: CodePolicy = CodePolicy(),
    draw: Callable[[int], int] = secrets.randbelow,
    salt: Callable[[int], bytes] = secrets.token_bytes,
) -> IssuedCode:
    """A new code. `key` is the desk's, 32 octets or more; `draw` gives a number below its argument.

    Raises InvalidArgument, NaiveDatetime.
    """
    _require(key, at)
    left, letters = draw(len(policy.alphabet) ** policy.length), []
    for _ in range(policy.length):
        left, place = divmod(left, len(policy.alphabet))
        letters.append(policy.alphabet[place])
    code = "".join(reversed(letters))
    grain = salt(_SALT_OCTETS)
    record = OneTimeCode(
        application=application,
        purpose=purpose,
        salt=grain,
        mac=_mac(key, application, purpose, grain, code),
        expires_at=at + policy.lifetime,
        attempts_left=policy.attempts,
    )
    return IssuedCode(code=code, record=record)


def check_code(
    record: OneTimeCode,
    presented: str,
    *,
    application: str,
    purpose: str,
    key: bytes,
    at: datetime,
) -> tuple[CodeOutcome, OneTimeCode]:
    """Check a code, in the same time whatever is wrong, and give what to store from now on.

    A right code is used up; a wrong one costs an attempt, also where application or purpose are
    others. Raises InvalidArgument, NaiveDatetime.
    """
    _require(key, at)
    wanted = _mac(key, application, purpose, record.salt, presented.strip()[:64])
    fits = hmac.compare_digest(wanted, record.mac)
    if record.is_used or record.attempts_left <= 0:
        return CodeOutcome.SPENT, record
    if at >= record.expires_at:
        return CodeOutcome.EXPIRED, replace(record, attempts_left=0)
    if not fits:
        return CodeOutcome.WRONG, replace(record, attempts_left=record.attempts_left - 1)
    return CodeOutcome.RIGHT, replace(record, is_used=True, attempts_left=0)


def _require(key: bytes, at: datetime) -> None:
    if len(key) < _KEY_OCTETS:
        raise InvalidArgument(argument="key", reason=f"{_KEY_OCTETS} octets are wanted")
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")


def _mac(key: bytes, application: str, purpose: str, salt: bytes, code: str) -> bytes:
    # Each part with its length before it: no two sets of parts give the same octets.
    parts = [b"eds one-time code", salt]
    parts += [one.encode("utf-8", "surrogatepass") for one in (application, purpose, code)]
    message = b"".join(len(one).to_bytes(4, "big") + one for one in parts)
    return hmac.new(key, message, hashlib.sha256).digest()
