"""Bodies of JSON as a table of fields: one table reads them strictly and describes them.

`read` gives typed values or refuses, and never repeats what a client sent; `schema` is the same
rule as JSON Schema (2020-12), for the description of the doors.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol

from ..enroll.evidence.strictjson import read_object
from ..errors import MalformedHttpRequest

Schema = dict[str, Any]
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")


class Kind(Protocol):
    """What a member may be. `read` raises ValueError with words of our own."""

    @property
    def schema(self) -> Schema: ...

    def read(self, value: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text without control characters; `pattern` is what all of it must be."""

    longest: int
    shortest: int = 1
    pattern: str = ""
    example: str = ""

    @property
    def schema(self) -> Schema:
        made: Schema = {"type": "string", "minLength": self.shortest, "maxLength": self.longest}
        if self.pattern:
            made["pattern"] = f"^(?:{self.pattern})$"
        if self.example:
            made["examples"] = [self.example]
        return made

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not self.shortest <= len(value) <= self.longest:
            raise ValueError(f"text of {self.shortest} to {self.longest} characters is wanted")
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
            raise ValueError("control characters are refused")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise ValueError(f"not of the form {self.pattern}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Octets:
    """Base64 (RFC 4648 §4, with padding) of at most so many octets."""

    most: int
    least: int = 1

    @property
    def schema(self) -> Schema:
        longest = 4 * ((self.most + 2) // 3)
        return {"type": "string", "contentEncoding": "base64", "maxLength": longest}

    def read(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise ValueError("base64 is wanted")
        try:
            octets = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("not base64") from None
        if not self.least <= len(octets) <= self.most:
            raise ValueError(f"{self.least} to {self.most} octets are wanted")
        return octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A SHA-256 in lower-case hexadecimal."""

    @property
    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^[0-9a-f]{64}$"}

    def read(self, value: Any) -> bytes:
        if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
            raise ValueError("64 hexadecimal digits are wanted")
        return bytes.fromhex(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    @property
    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.values)}

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise ValueError(f"one of {', '.join(self.values)}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A date (RFC 3339 full-date)."""

    @property
    def schema(self) -> Schema:
        return {"type": "string", "format": "date"}

    def read(self, value: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("a date such as 2026-12-16")
        return date.fromisoformat(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """An instant in UTC (RFC 3339, with Z)."""

    @property
    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}

    def read(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise ValueError("an instant such as 2026-12-16T09:00:00Z")
        return datetime.fromisoformat(value).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A list of at most so many."""

    of: Kind
    most: int
    least: int = 0

    @property
    def schema(self) -> Schema:
        return {
            "type": "array",
            "items": self.of.schema,
            "minItems": self.least,
            "maxItems": self.most,
        }

    def read(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise ValueError(f"a list of {self.least} to {self.most}")
        return tuple(self.of.read(each) for each in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An object of named members; what is not in the table is refused."""

    title: str
    required: Mapping[str, Kind] = field(default_factory=dict)
    optional: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        rows = {**self.required, **self.optional}
        return {
            "type": "object",
            "title": self.title,
            "properties": {name: kind.schema for name, kind in rows.items()},
            "required": sorted(self.required),
            "additionalProperties": False,
        }

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("an object is wanted")
        rows = {**self.required, **self.optional}
        if not value.keys() <= rows.keys():
            raise ValueError(f"members are {', '.join(sorted(rows)) or 'none'}")
        found = {}
        for name, kind in rows.items():
            if name in value:
                try:
                    found[name] = kind.read(value[name])
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
            elif name in self.required:
                raise ValueError(f"{name} is missing")
        return found

    def decode(self, octets: bytes, *, size: int) -> dict[str, Any]:
        """The values of one strict JSON object. Raises MalformedHttpRequest."""
        try:
            return self.read(read_object(octets, size=size))
        except (ValueError, RecursionError) as error:
            reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
            raise MalformedHttpRequest(reason=reason) from None
