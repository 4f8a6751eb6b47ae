"""Answers that others may keep: entity tags, dates, and 304 for who has it already (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from .messages import Headers, Request, Response

_TAG: Final = re.compile(rb'(?:W/)?("[!\x23-\x7e\x80-\xff]*")')
_LONGEST_LIST: Final = 4096  # octets of If-None-Match that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """Octets with what a cache wants to know of them. `expires` is when the next ones are due."""

    media_type: bytes
    body: bytes
    tag: bytes
    modified: datetime
    expires: datetime | None = None
    longest: int = 86_400  # seconds that a cache may keep it, whatever `expires` says

    def headers(self, *, at: datetime) -> Headers:
        """What a cache is told at that instant."""
        left = self.longest
        if self.expires is not None:
            left = max(0, min(left, int((self.expires - at).total_seconds())))
        told: list[tuple[bytes, bytes]] = [
            (b"etag", self.tag),
            (b"last-modified", http_date(self.modified)),
            (b"cache-control", b"public, max-age=%d, no-transform, must-revalidate" % left),
        ]
        if self.expires is not None:
            told.append((b"expires", http_date(self.expires)))
        return tuple(told)

    def answer(self, request: Request, *, at: datetime) -> Response:
        """The octets, or 304 for who has them already."""
        headers = self.headers(at=at)
        if is_known(request, self.tag):
            return Response(status=304, headers=headers)
        return Response(headers=((b"content-type", self.media_type), *headers), body=self.body)


def tag_of(body: bytes) -> bytes:
    """A strong entity tag."""
    return b'"' + urlsafe_b64encode(hashlib.sha256(body).digest()[:18]) + b'"'


def is_known(request: Request, tag: bytes) -> bool:
    """Whether If-None-Match names that tag (RFC 9110 §13.1.2)."""
    known = request.header(b"if-none-match")
    if known is None:
        return False
    known = known[:_LONGEST_LIST].strip()
    return known == b"*" or tag in _TAG.findall(known)


def http_date(instant: datetime) -> bytes:
    """An instant (aware) as HTTP writes it (RFC 9110 §5.6.7)."""
    return format_datetime(instant.astimezone(UTC), usegmt=True).encode()
