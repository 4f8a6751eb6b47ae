"""JSON that can be read in one way only: for what others sign, and for what officials sign."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

SIZE_LIMIT: Final = 64 * 1024
_INTEGER_DIGITS: Final = 16


def read_object(octets: bytes, *, size: int = SIZE_LIMIT) -> dict[str, Any]:
    """One JSON object (RFC 8259, I-JSON): UTF-8, no member twice, whole numbers only.

    `octets` are at most `size`. Raises ValueError, whose words hold nothing of the input.
    """
    if len(octets) > size:
        raise ValueError("too long")
    try:
        found = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except RecursionError:
        raise ValueError("too deep") from None
    except json.JSONDecodeError:
        raise ValueError("not JSON") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    if type(found) is not dict:
        raise ValueError("not an object")
    _ = write_object(found)  # lone surrogates have no UTF-8
    return found


def write_object(data: Mapping[str, Any]) -> bytes:
    """Its canonical octets (RFC 8785, for whole numbers and ASCII member names)."""
    try:
        return json.dumps(
            data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except UnicodeEncodeError:
        raise ValueError("not Unicode text") from None


def instant(seconds: int) -> datetime:
    """A NumericDate (RFC 7519 §2). Raises ValueError."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError):
        raise ValueError("no such instant") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS:
        raise ValueError("a number too large")
    return int(text)


def _refuse(_: str) -> Any:
    raise ValueError("a number that is not whole")
