"""One act as a frozen record whose canonical bytes are the truth.

The bytes are JSON in the form of RFC 8785, narrowed until every implementation writes the same:
keys are plain ASCII, numbers are integers that fit a double, nothing is left out or added. They
are what is stored and hashed; reading parses them strictly and refuses any other spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

from ..errors import (
    InvalidArgument,
    MalformedAuditRecord,
    NaiveDatetime,
    PersonalDataRefused,
)
from .merkle import HASH_SIZE, leaf_hash

VERSION: Final = 1
GENESIS: Final = bytes(HASH_SIZE)
"""What stands as `previous` in the first record of a chain."""

RECORD_LIMIT: Final = 64 * 1024  # octets of canonical bytes
DEPTH_LIMIT: Final = 8
INTEGER_LIMIT: Final = 2**53 - 1  # RFC 7493 §2.2: what every JSON reader keeps exactly

_WRITER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ACT: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_REFERENCE: Final = re.compile(r"[!-~]{1,200}")
_REFERENCE_LIMIT: Final = 200
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_FIELDS: Final = frozenset(
    ("act", "actor", "at", "details", "previous", "sequence", "subject", "v", "writer")
)

# Keys that announce what a log must never hold, in any country. What only one country knows
# (its personal numbers) is recognised by the predicate that the caller hands in.
FORBIDDEN_KEYS: Final = frozenset(
    {
        *("personal_number", "personal_code", "national_id", "identity_number"),
        *("passport_number", "tax_number", "date_of_birth", "phone", "email"),
        *("password", "passphrase", "pin", "private_key", "secret"),
    }
)

IsPersonal = Callable[[str], bool]
"""Whether a text (a key, a reference or a string of the details) holds a personal number."""


class AuditEntry(NamedTuple):
    """One act to be recorded: an AuditRecord before it has its place in a chain."""

    at: datetime
    act: str
    actor: str
    subject: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditRecord:
    """What `actor` did to `subject`, as number `sequence` of the chain of `writer`.

    `writer` is the node that wrote it, `sequence` counts from 1 without gaps, `at` is aware
    and kept to the microsecond in UTC. `act` is a dotted verb (`ca.certificate.issued`).
    `actor` and `subject` are references in printable ASCII without spaces: a fingerprint, a
    role, issuer and serial number; never a personal number. `details` holds strings, integers,
    booleans, None, lists and mappings; octets go in as hexadecimal text. `previous` is the hash
    of the writer's record before, 32 zero octets in the first.

    Raises InvalidArgument, NaiveDatetime, PersonalDataRefused.
    """

    writer: str
    sequence: int
    at: datetime
    act: str
    actor: str
    subject: str
    details: Mapping[str, Any]
    previous: bytes
    encoded: bytes = field(init=False, repr=False)
    hash: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if type(self.sequence) is not int or not 1 <= self.sequence <= INTEGER_LIMIT:
            raise InvalidArgument(argument="sequence", reason="an integer from 1 is wanted")
        if type(self.previous) is not bytes or len(self.previous) != HASH_SIZE:
            raise InvalidArgument(argument="previous", reason="32 octets are wanted")
        details, encoded = _written(self, self.writer, self.sequence, self.previous)
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        object.__setattr__(self, "details", MappingProxyType(details))
        object.__setattr__(self, "encoded", encoded)
        object.__setattr__(self, "hash", leaf_hash(encoded))

    @classmethod
    def decode(cls, encoded: bytes) -> AuditRecord:
        """The record of exactly these bytes. Raises MalformedAuditRecord for any other spelling."""
        fields = decode_json(encoded)
        if not isinstance(fields, dict) or fields.keys() != _FIELDS:
            raise MalformedAuditRecord(reason="not the fields of a record")
        if type(fields["v"]) is not int or fields["v"] != VERSION:
            raise MalformedAuditRecord(reason="not a version known here")
        previous, at = fields["previous"], fields["at"]
        if not isinstance(previous, str) or not _HASH.fullmatch(previous):
            raise MalformedAuditRecord(reason="previous is not a hash")
        try:
            record = cls(
                writer=fields["writer"],
                sequence=fields["sequence"],
                at=parse_instant(at),
                act=fields["act"],
                actor=fields["actor"],
                subject=fields["subject"],
                details=fields["details"],
                previous=bytes.fromhex(previous),
            )
        except (InvalidArgument, PersonalDataRefused) as error:
            raise MalformedAuditRecord(reason=str(error)) from error
        if record.encoded != encoded:
            raise MalformedAuditRecord(reason="not in canonical form")
        return record

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AuditRecord):
            return NotImplemented
        return self.encoded == other.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __reduce__(self) -> tuple[Callable[[bytes], AuditRecord], tuple[bytes]]:
        return AuditRecord.decode, (self.encoded,)


def write_record(
    entry: AuditEntry, *, writer: str, sequence: int, previous: bytes, is_personal: IsPersonal
) -> bytes:
    """The canonical bytes of an AuditRecord that says what `entry` does, as record `sequence`.

    Raises what making the record does, and PersonalDataRefused where `is_personal` recognises one
    of its texts.
    """
    details = entry.details
    encoded = _plainly_written(entry, writer, sequence, previous)
    if encoded is not None:
        if not any(map(is_personal, (entry.actor, entry.subject, *details.values()))) and (
            _are_impersonal(tuple(details), is_personal)
        ):
            return encoded
    elif type(details) is dict:
        text = _impersonal(details, is_personal, DEPTH_LIMIT)
        encoded = _encoded(entry, writer, sequence, previous, text) if text else None
        if encoded and not (is_personal(entry.actor) or is_personal(entry.subject)):
            return encoded
    details, encoded = _written(entry, writer, sequence, previous)
    # One after the other, to say which it is.
    for name in ("actor", "subject"):
        if is_personal(getattr(entry, name)):
            raise PersonalDataRefused(field=name)
    _search(details, "details", is_personal)
    return encoded


def _written(
    said: AuditEntry | AuditRecord, writer: str, sequence: int, previous: bytes
) -> tuple[dict[str, Any], bytes]:
    """Details that nobody else holds, and the canonical bytes."""
    encoded = _plainly_written(said, writer, sequence, previous)
    if encoded is not None:
        return dict(said.details), encoded
    if not isinstance(said.details, Mapping):
        raise InvalidArgument(argument="details", reason="a mapping is wanted")
    details = _frozen(said.details, "details", DEPTH_LIMIT)
    text = _ENCODER.encode(details)
    return details, _encoded(said, writer, sequence, previous, text)


def _plainly_written(
    said: AuditEntry | AuditRecord, writer: str, sequence: int, previous: bytes
) -> bytes | None:
    """The canonical bytes where all is text and as it must be, as in nearly all; None of others."""
    act, actor, subject, details = said.act, said.actor, said.subject, said.details
    if type(details) is not dict or not _TEXTS.issuperset(
        map(type, (writer, act, actor, subject, *details.values()))
    ):
        return None
    names, form = _record_form(writer, act, tuple(details))
    if form is None or not _are_references(actor, subject):
        return None
    values = map(_quoted, map(details.__getitem__, names))
    at = instant(said.at, "at")
    encoded = _octets(
        form % (_quoted(actor), at, *values, previous.hex(), sequence, _quoted(subject))
    )
    return encoded if len(encoded) <= RECORD_LIMIT else None


def _encoded(
    said: AuditEntry | AuditRecord, writer: str, sequence: int, previous: bytes, details: str
) -> bytes:
    """The canonical bytes, with the text of the details."""
    act, actor, subject = said.act, said.actor, said.subject
    if not (type(writer) is type(act) is str and _is_named(writer, act)):
        _match(_WRITER, writer, "writer")
        _match(_ACT, act, "act")
    if not (type(actor) is type(subject) is str and _are_references(actor, subject)):
        _match(_REFERENCE, actor, "actor")
        _match(_REFERENCE, subject, "subject")
    form = _RECORD % (act, details.replace("%", "%%"), writer)
    at = instant(said.at, "at")
    encoded = _octets(form % (_quoted(actor), at, previous.hex(), sequence, _quoted(subject)))
    if len(encoded) > RECORD_LIMIT:
        raise InvalidArgument(
            argument="details", reason=f"a record is limited to {RECORD_LIMIT} octets"
        )
    return encoded


# --- canonical JSON -------------------------------------------------------------------------------

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)


def encode_json(value: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a value that `_frozen` let through."""
    return _octets(_ENCODER.encode(value))


def _octets(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(argument="details", reason="a lone surrogate is no text") from None


def decode_json(encoded: bytes, *, limit: int = RECORD_LIMIT) -> Any:
    """The value of canonical bytes, all but their spelling checked. Raises MalformedAuditRecord."""
    if len(encoded) > limit:
        raise MalformedAuditRecord(reason=f"longer than {limit} octets")
    try:
        return _DECODER.decode(encoded.decode())
    except (ValueError, RecursionError):
        raise MalformedAuditRecord(reason="not JSON of integers in UTF-8") from None


def _refuse_number(_: str) -> NoReturn:
    raise ValueError("only integers")


# A name given twice is caught by the spelling: only its last value is written again.
_DECODER: Final = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number)


def instant(at: datetime, argument: str) -> str:
    """An aware instant as `2026-11-23T09:00:00.000000Z`. Raises NaiveDatetime."""
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            raise NaiveDatetime(argument=argument)
        at = at.astimezone(UTC)
    # `isoformat` would ask the zone once more, and write its offset.
    date, time = (at.year, at.month, at.day), (at.hour, at.minute, at.second, at.microsecond)
    return _INSTANT_FORM % (*date, *time)


_INSTANT_FORM: Final = "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ"


def parse_instant(text: object) -> datetime:
    """The instant of that one spelling. Raises MalformedAuditRecord."""
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise MalformedAuditRecord(reason="an instant is not written as one")


# --- inside ---------------------------------------------------------------------------------------


def _match(pattern: re.Pattern[str], value: object, argument: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidArgument(argument=argument, reason=f"not of the form {pattern.pattern}")


_TEXTS: Final = frozenset((str,))


def _impersonal(value: Any, is_personal: IsPersonal, depth: int) -> str:
    """The canonical JSON of plain data that name nobody, in one pass; empty for all others."""
    kind = type(value)
    if kind is str:
        return "" if is_personal(value) else _quoted(value)
    if value is None or kind is bool:
        return _WORDS[value]
    if kind is int and -INTEGER_LIMIT <= value <= INTEGER_LIMIT:
        text = str(value)
        return "" if is_personal(text) else text
    if depth and kind is dict:
        names, form = _form(tuple(value))
        if form and _are_impersonal(names, is_personal):
            texts = _all_impersonal(map(value.__getitem__, names), is_personal, depth - 1)
            return form % tuple(texts) if all(texts) else ""
    if depth and (kind is list or kind is tuple):
        texts = _all_impersonal(value, is_personal, depth - 1)
        return f"[{','.join(texts)}]" if all(texts) else ""
    return ""


def _all_impersonal(values: Iterable[Any], is_personal: IsPersonal, depth: int) -> list[str]:
    return [
        _quoted(one)
        if type(one) is str and not is_personal(one)
        else _impersonal(one, is_personal, depth)
        for one in values
    ]


_WORDS: Final = {None: "null", True: "true", False: "false"}


@lru_cache(maxsize=256)
def _record_form(
    writer: str, act: str, names: tuple[str, ...]
) -> tuple[tuple[str, ...], str | None]:
    """Names of details in their order, and the record that wants its values, or None."""
    ordered, details = _form(names)
    if not details or not _is_named(writer, act):
        return (), None
    return ordered, _RECORD % (act, details, writer)


# In the order of the names; act, details and writer are filled in first.
_RECORD: Final = (
    '{"act":"%s","actor":%%s,"at":"%%s","details":%s,"previous":"%%s","sequence":%%d,'
    f'"subject":%%s,"v":{VERSION},"writer":"%s"}}'
)


@lru_cache(maxsize=256)
def _form(names: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """Those names in their order, and where their values stand; the records of an act share it."""
    if not all(map(_is_plain, names)):
        return (), None
    ordered = tuple(sorted(names))
    return ordered, "{" + ",".join(f'"{name}":%s' for name in ordered) + "}"


def _frozen(value: Any, place: str, depth: int) -> Any:
    """A copy of `value` that nobody else holds, lists as tuples; refuses what is not wanted."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        if not -INTEGER_LIMIT <= value <= INTEGER_LIMIT:
            raise InvalidArgument(argument=place, reason="beyond 2**53 - 1: write it as text")
        return value
    if depth == 0:
        raise InvalidArgument(argument="details", reason=f"nested deeper than {DEPTH_LIMIT}")
    if kind is dict or isinstance(value, Mapping):
        found = {}
        for key, one in value.items():
            if not _is_plain(key):
                _refuse_key(place, key)
            # The place is put into words where somebody will read it.
            found[key] = one if type(one) is str else _frozen(one, f"{place}.{key}", depth - 1)
        return found
    if isinstance(value, list | tuple):
        return tuple(_frozen(one, place, depth - 1) for one in value)
    raise InvalidArgument(argument=place, reason=f"{kind.__name__} has no canonical form here")


@lru_cache(maxsize=256)
def _is_named(writer: str, act: str) -> bool:
    """A writer does few kinds of acts, again and again."""
    return _WRITER.fullmatch(writer) is not None and _ACT.fullmatch(act) is not None


@lru_cache(maxsize=256)
def _are_impersonal(names: tuple[str, ...], is_personal: IsPersonal) -> bool:
    """The records of one act all have the same names, and nobody's number is among them."""
    return not any(map(is_personal, names))


def _are_references(actor: str, subject: str) -> bool:
    """Whether both are of the form of `_REFERENCE`, where neither is too long for both."""
    both = f"{actor}{subject}"
    return (
        len(both) <= _REFERENCE_LIMIT
        and actor != "" != subject
        and both.isascii()
        and both.isprintable()
        and " " not in both
    )


@lru_cache(maxsize=1024)
def _is_plain(key: object) -> bool:
    """The records of one act all have the same keys."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None and key not in FORBIDDEN_KEYS


def _refuse_key(place: str, key: object) -> NoReturn:
    # The key itself may be what must not be said, so refusals name its parent.
    if isinstance(key, str) and key in FORBIDDEN_KEYS:
        raise PersonalDataRefused(field=f"{place}.{key}")
    raise InvalidArgument(argument=place, reason=f"a key is not of the form {_KEY.pattern}")


def _search(value: Any, place: str, is_personal: IsPersonal) -> None:
    if isinstance(value, str):
        if is_personal(value):
            raise PersonalDataRefused(field=place)
    elif type(value) is tuple:
        for one in value:
            _search(one, place, is_personal)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if is_personal(key):
                raise PersonalDataRefused(field=place)
            if type(one) is not str:
                _search(one, f"{place}.{key}", is_personal)
            elif is_personal(one):
                raise PersonalDataRefused(field=f"{place}.{key}")
    elif type(value) is int and is_personal(str(value)):
        raise PersonalDataRefused(field=place)
