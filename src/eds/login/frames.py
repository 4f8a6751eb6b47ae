"""QR codes that change every second, so that one shown elsewhere is soon worth nothing.

A frame names a waiting login by a random reference of its own, never by session or nonce, and
the second it was made for, under an HMAC. One that is older than three seconds is refused
(Smart-ID RP API v3, device link: "QR code").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from ..errors import InvalidArgument, NaiveDatetime, QrFrameRefused

OLDEST: Final = timedelta(seconds=3)

_PREFIX: Final = "eds-login:1:"
_FRAME: Final = re.compile(
    rf"{_PREFIX}([A-Za-z0-9_-]{{22,64}}):([0-9]{{1,12}}):([A-Za-z0-9_-]{{43}})"
)
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
_SHORTEST_SECRET: Final = 32
_AHEAD: Final = 1  # seconds by which the clocks of two nodes may differ


def write_frame(reference: str, *, secret: bytes, at: datetime) -> str:
    """The text of the QR code for the second of `at`.

    `reference` is 22 to 64 characters of base64url, random; `secret` 32 octets or more, known to
    the portal's servers alone. Raises InvalidArgument, NaiveDatetime.
    """
    if _REFERENCE.fullmatch(reference) is None:
        raise InvalidArgument(argument="reference", reason="22 to 64 characters of base64url")
    step = _step(at)
    return f"{_PREFIX}{reference}:{step}:{_mac(reference, step, secret)}"


def read_frame(text: str, *, secret: bytes, at: datetime) -> str:
    """The reference in a frame that was made at most three seconds before `at`.

    Raises QrFrameRefused, InvalidArgument, NaiveDatetime.
    """
    found = _FRAME.fullmatch(text) if len(text) <= 256 else None
    now = _step(at)
    if found is None:
        raise QrFrameRefused(reason="not a frame")
    reference, step = found[1], int(found[2])
    if not hmac.compare_digest(_mac(reference, step, secret), found[3]):
        raise QrFrameRefused(reason="not one of ours")
    if not -_AHEAD <= now - step <= OLDEST.total_seconds():
        raise QrFrameRefused(reason="shown too long ago")
    return reference


def _step(at: datetime) -> int:
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    return int(at.timestamp())


def _mac(reference: str, step: int, secret: bytes) -> str:
    if len(secret) < _SHORTEST_SECRET:
        raise InvalidArgument(argument="secret", reason="32 octets or more")
    made = hmac.new(secret, f"{_PREFIX}{reference}:{step}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
