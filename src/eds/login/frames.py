"""QR codes that change every second, so that one shown elsewhere is soon worth nothing.

A frame names a waiting login by a random reference of its own, never by session or nonce, and
the second it was made for, under an HMAC. One that is older than three seconds is refused
(Smart-ID RP API v3, device link: "QR code"). Who scanned one in time gets a ticket in the same
manner, under which the answer may come: five minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from ..errors import InvalidArgument, NaiveDatetime, QrFrameRefused
from .challenges import LIFETIME

OLDEST: Final = timedelta(seconds=3)

_FRAME: Final = "eds-login:1"
_TICKET: Final = "eds-login-ticket:1"
_MARKED: Final = re.compile(
    r"(eds-login(?:-ticket)?:1):([A-Za-z0-9_-]{22,64}):([0-9]{1,12}):([A-Za-z0-9_-]{43})"
)
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
_SHORTEST_SECRET: Final = 32
_AHEAD: Final = 1  # seconds by which the clocks of two nodes may differ


def write_frame(reference: str, *, secret: bytes, at: datetime) -> str:
    """The text of the QR code for the second of `at`.

    `reference` is 22 to 64 characters of base64url, random; `secret` 32 octets or more, known to
    the portal's servers alone. Raises InvalidArgument, NaiveDatetime.
    """
    return _write(_FRAME, reference, secret, at)


def read_frame(text: str, *, secret: bytes, at: datetime) -> str:
    """The reference in a frame that was made at most three seconds before `at`.

    Raises QrFrameRefused, InvalidArgument, NaiveDatetime.
    """
    return _read(_FRAME, text, secret, at, OLDEST)


def write_ticket(reference: str, *, secret: bytes, at: datetime) -> str:
    """What who scanned a frame at `at` sends back with the answer. Raises as `write_frame`."""
    return _write(_TICKET, reference, secret, at)


def read_ticket(text: str, *, secret: bytes, at: datetime) -> str:
    """The reference in a ticket that was given at most five minutes before `at`.

    Raises as `read_frame`.
    """
    return _read(_TICKET, text, secret, at, LIFETIME)


def _write(kind: str, reference: str, secret: bytes, at: datetime) -> str:
    if _REFERENCE.fullmatch(reference) is None:
        raise InvalidArgument(argument="reference", reason="22 to 64 characters of base64url")
    step = _step(at)
    return f"{kind}:{reference}:{step}:{_mac(kind, reference, step, secret)}"


def _read(kind: str, text: str, secret: bytes, at: datetime, oldest: timedelta) -> str:
    found = _MARKED.fullmatch(text) if len(text) <= 256 else None
    now = _step(at)
    if found is None or found[1] != kind:
        raise QrFrameRefused(reason="not a frame" if kind == _FRAME else "not a ticket")
    reference, step = found[2], int(found[3])
    if not hmac.compare_digest(_mac(kind, reference, step, secret), found[4]):
        raise QrFrameRefused(reason="not one of ours")
    if not -_AHEAD <= now - step <= oldest.total_seconds():
        raise QrFrameRefused(reason="shown too long ago")
    return reference


def _step(at: datetime) -> int:
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    return int(at.timestamp())


def _mac(kind: str, reference: str, step: int, secret: bytes) -> str:
    if len(secret) < _SHORTEST_SECRET:
        raise InvalidArgument(argument="secret", reason="32 octets or more")
    made = hmac.new(secret, f"{kind}:{reference}:{step}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
