"""Frozen values as canonical JSON and back: what is hashed, signed, stored and logged.

One spelling for each value (RFC 8785 with ASCII keys and integers only): octets in hexadecimal,
instants in UTC to the microsecond, enums by their value, None left out.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import MalformedStatement, NaiveDatetime

T = TypeVar("T")

_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

SIZE_LIMIT: Final = 64 * 1024
_INSTANT_LENGTH: Final = len("2026-11-24T12:00:00.000000Z")


def encode(value: object) -> bytes:
    """The canonical octets of a value (a dataclass or plain data). Raises NaiveDatetime."""
    return text_of(to_data(value)).encode()


def text_of(data: object) -> str:
    """The canonical text of what `to_data` gave."""
    return _JSON.encode(data)


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
    """The value as JSON knows it. Raises NaiveDatetime."""
    kind = type(value)
    writer = _WRITERS.get(kind)
    if writer is None:
        writer = _WRITERS[kind] = _writer_of(kind)
    return writer(value)


def _writer_of(kind: type) -> Callable[[Any], Any]:
    """How values of that type are written; looked up once for each."""
    if issubclass(kind, Enum):
        return _value_of
    if issubclass(kind, str | int):
        return _as_it_is
    if issubclass(kind, datetime):
        return _instant_text
    if issubclass(kind, date):
        return kind.isoformat
    if issubclass(kind, Mapping):
        return lambda value: {str(key): to_data(each) for key, each in value.items()}
    if issubclass(kind, tuple | list):
        return lambda value: [to_data(each) for each in value]
    if issubclass(kind, frozenset):
        return lambda value: sorted(map(to_data, value))
    if is_dataclass(kind):
        return _fields_writer(tuple(field.name for field in fields(kind)))
    raise TypeError(kind.__name__)


def _fields_writer(names: tuple[str, ...]) -> Callable[[Any], Any]:
    values_of = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, *names),)

    def write(value: Any) -> Any:
        return {
            name: each if type(each) in _PLAIN else to_data(each)
            for name, each in zip(names, values_of(value), strict=True)
            if each is not None
        }

    return write


def _as_it_is(value: Any) -> Any:
    return value


def _value_of(value: Any) -> Any:
    return value._value_  # what `value` looks up each time


def _instant_text(value: datetime) -> str:
    if value.utcoffset() is None:
        raise NaiveDatetime(argument="value")
    return value.astimezone(UTC).isoformat(timespec="microseconds")[: _INSTANT_LENGTH - 1] + "Z"


_PLAIN: Final = frozenset({str, int, bool})
_WRITERS: Final[dict[type, Callable[[Any], Any]]] = {
    types.NoneType: _as_it_is,
    str: _as_it_is,
    int: _as_it_is,
    bool: _as_it_is,
    bytes: bytes.hex,
}


def from_data(kind: Any, data: Any) -> Any:
    """The value of that type. Raises ValueError, TypeError, KeyError."""
    return _reader_of(kind)(data)


@cache
def _reader_of(kind: Any) -> Callable[[Any], Any]:
    """How data become a value of that type; looked up once for each."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inside = next(each for each in get_args(kind) if each is not types.NoneType)
        present = _reader_of(inside)
        return lambda data: None if data is None else present(data)
    if origin is tuple:
        item = _reader_of(get_args(kind)[0])
        return lambda data: tuple(map(item, _a(list, data)))
    if origin is frozenset:
        member = _reader_of(get_args(kind)[0])
        return lambda data: frozenset(map(member, _a(list, data)))
    if origin is not None:  # a mapping
        value = _reader_of(get_args(kind)[1])
        return lambda data: {key: value(each) for key, each in _a(dict, data).items()}
    if kind in (str, int, bool):
        return lambda data: _a(kind, data)
    if kind is bytes:
        return lambda data: bytes.fromhex(_a(str, data))
    if kind is datetime:
        return _instant
    if kind is date:
        return lambda data: date.fromisoformat(_a(str, data))
    if issubclass(kind, Enum):
        return lambda data: kind(data)  # noqa: PLW0108 - typed
    readers = {name: _reader_of(hint) for name, hint in hints_of(kind).items()}

    def read(data: Any) -> Any:
        return kind(**{name: readers[name](each) for name, each in _a(dict, data).items()})

    return read


def _instant(data: Any) -> datetime:
    # Other spellings of an instant are refused where the whole is held to its canonical form.
    text = _a(str, data)
    if len(text) != _INSTANT_LENGTH or text[-1] != "Z":
        raise ValueError
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """Field → type of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _a(kind: type, data: Any) -> Any:
    if type(data) is not kind:
        raise TypeError
    return data
