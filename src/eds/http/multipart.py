"""multipart/form-data (RFC 7578), read strictly from octets that are at hand."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from ..errors import MalformedHttpRequest

MOST_PARTS: Final = 64
_HEAD_LIMIT: Final = 2048  # octets of headers of a part
_BOUNDARY: Final = re.compile(
    rb'multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))\s*(?:;.*)?',
    re.IGNORECASE,
)
_DISPOSITION: Final = re.compile(rb"content-disposition\s*:\s*form-data\s*;(.*)", re.IGNORECASE)
_NAME: Final = re.compile(rb'(?:^|;)\s*name="?([A-Za-z0-9_-]{1,64})"?\s*(?:;|$)')


class Part(NamedTuple):
    """One field of a form. What its file was called is nobody's business here."""

    name: str
    body: bytes


def read_multipart(body: bytes, *, content_type: bytes) -> list[Part]:
    """The parts of a form, at most 64. Raises MalformedHttpRequest."""
    found = _BOUNDARY.fullmatch(content_type.strip())
    if found is None:
        _refuse("multipart/form-data without a boundary")
    delimiter = b"--" + (found[1] or found[2])
    if not body.startswith(delimiter):
        _refuse("the boundary does not come first")
    position = len(delimiter)
    parts: list[Part] = []
    while body[position : position + 2] != b"--":
        if body[position : position + 2] != b"\r\n":
            _refuse("a boundary that no line ends")
        if len(parts) == MOST_PARTS:
            _refuse(f"over {MOST_PARTS} parts")
        end = body.find(b"\r\n" + delimiter, position)
        if end < 0:
            _refuse("a part that does not end")
        parts.append(_part(body, position + 2, end))
        position = end + 2 + len(delimiter)
    return parts


def _part(body: bytes, start: int, end: int) -> Part:
    stop = body.find(b"\r\n\r\n", start, min(end, start + _HEAD_LIMIT))
    if stop < 0:
        _refuse("a part without headers, or with too many")
    for line in body[start:stop].split(b"\r\n"):
        disposition = _DISPOSITION.fullmatch(line)
        name = _NAME.search(disposition[1]) if disposition else None
        if name is not None:
            return Part(name[1].decode("ascii"), body[stop + 4 : end])
    _refuse("a part without a name")


def _refuse(reason: str) -> NoReturn:
    raise MalformedHttpRequest(reason=reason)
