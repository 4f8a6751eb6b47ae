"""Frozen values as canonical JSON and back: what is hashed, signed, stored and logged.

One spelling for each value (RFC 8785 with ASCII keys and integers only): octets in hexadecimal,
instants in UTC to the microsecond, enums by their value, None left out.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import MalformedStatement, NaiveDatetime

T = TypeVar("T")

SIZE_LIMIT: Final = 64 * 1024
_INSTANT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def encode(value: object) -> bytes:
    """The canonical octets of a value (a dataclass or plain data). Raises NaiveDatetime."""
    return json.dumps(
        to_data(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def decode(kind: type[T], octets: bytes) -> T:
    """The value of exactly these octets. Raises MalformedStatement for any other spelling."""
    if len(octets) > SIZE_LIMIT:
        raise MalformedStatement(reason="too long")
    try:
        found: T = from_data(kind, json.loads(octets.decode()))
        again = encode(found)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MalformedStatement(reason=f"not a {kind.__name__}") from None
    if again != octets:
        raise MalformedStatement(reason="not in canonical form")
    return found


def digest(value: object) -> bytes:
    """SHA-256 over the canonical octets."""
    return hashlib.sha256(encode(value)).digest()


def to_data(value: object) -> Any:
    """The value as JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise NaiveDatetime(argument="value")
        return value.astimezone(UTC).strftime(_INSTANT)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_data(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_data(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(to_data(each) for each in value)
    if is_dataclass(value):
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: to_data(each) for name, each in found.items() if each is not None}
    raise TypeError(type(value).__name__)


def from_data(kind: Any, data: Any) -> Any:
    """The value of that type. Raises ValueError, TypeError, KeyError."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if data is None:
            return None
        kind = next(each for each in get_args(kind) if each is not types.NoneType)
        return from_data(kind, data)
    if origin is tuple:
        return tuple(from_data(get_args(kind)[0], each) for each in _a(list, data))
    if origin is frozenset:
        return frozenset(from_data(get_args(kind)[0], each) for each in _a(list, data))
    if origin is not None:  # a mapping
        inside = get_args(kind)[1]
        return {key: from_data(inside, each) for key, each in _a(dict, data).items()}
    if kind in (str, int, bool):
        return _a(kind, data)
    if kind is bytes:
        return bytes.fromhex(_a(str, data))
    if kind is datetime:
        return datetime.strptime(_a(str, data), _INSTANT).replace(tzinfo=UTC)
    if kind is date:
        return date.fromisoformat(_a(str, data))
    if issubclass(kind, Enum):
        return kind(data)
    hints = hints_of(kind)
    if not _a(dict, data).keys() <= hints.keys():
        raise ValueError
    return kind(**{name: from_data(hints[name], each) for name, each in data.items()})


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """Field → type of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _a(kind: type, data: Any) -> Any:
    if type(data) is not kind:
        raise TypeError
    return data
