"""TOML read strictly: every key has a type, and every key must be asked for.

What is not known is refused, for a misspelt key must not pass for one that was left out. Values
are never repeated in an error: a file may name people.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TypeVar

from ..errors import MalformedSettings

SIZE_LIMIT: Final = 256 * 1024  # octets

T = TypeVar("T")


class Fields:
    """One table of a TOML file; `finish` refuses what was not taken."""

    def __init__(self, data: object, *, file: str, where: str = "") -> None:
        self.file = file
        self.where = where
        if not isinstance(data, dict):
            self.refuse("", "a table is wanted")
        self._left: dict[str, Any] = dict(data)

    def refuse(self, key: str, reason: str) -> NoReturn:
        """Raises MalformedSettings for that key."""
        raise MalformedSettings(file=self.file, field=self._path(key), reason=reason)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._take(key, str, default)
        if not value and value != default:
            self.refuse(key, "empty")
        return value

    def number(self, key: str, default: int | None = None) -> int:
        return self._take(key, int, default)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where it is absent."""
        items = self._take(key, list, [])
        if not all(type(item) is str and item for item in items):
            self.refuse(key, "texts are wanted")
        return tuple(items)

    def table(self, key: str) -> Fields:
        """A table; an empty one where it is absent."""
        return Fields(self._take(key, dict, {}), file=self.file, where=self._path(key))

    def tables(self, key: str) -> Iterator[Fields]:
        """The tables of a list, each of which is finished here."""
        for number, item in enumerate(self._take(key, list, []), 1):
            fields = Fields(item, file=self.file, where=f"{self._path(key)}[{number}]")
            yield fields
            fields.finish()

    @property
    def left(self) -> tuple[str, ...]:
        """The keys that were not taken yet."""
        return tuple(self._left)

    def finish(self) -> None:
        """Raises MalformedSettings where a key is left."""
        for key in self._left:
            self.refuse(key, "no such key")

    def _take(self, key: str, kind: type[T], default: T | None) -> T:
        if key not in self._left:
            if default is None:
                self.refuse(key, "missing")
            return default
        value = self._left.pop(key)
        if type(value) is not kind:
            self.refuse(key, f"{_WORDS[kind]} is wanted")
        return value

    def _path(self, key: str) -> str:
        # A number of a person may stand where a key belongs.
        shown = key if _KEY.fullmatch(key) or not key else "a key"
        return f"{self.where}.{shown}" if self.where and key else self.where or shown


_KEY: Final = re.compile(r"[A-Za-z_.-]{1,64}\d{0,2}", re.ASCII)
_WORDS: Final[dict[type, str]] = {
    str: "a text",
    int: "a whole number",
    list: "a list",
    dict: "a table",
}


def read_toml(data: bytes, *, file: str) -> Fields:
    """The top table of a TOML file of at most 256 KiB. Raises MalformedSettings."""
    if len(data) > SIZE_LIMIT:
        raise MalformedSettings(file=file, field="", reason=f"over {SIZE_LIMIT} octets")
    try:
        return Fields(tomllib.loads(data.decode()), file=file)
    except tomllib.TOMLDecodeError as error:
        # Its text may quote keys; where it is will do.
        place = re.search(r"at line \d+, column \d+|at end of document", str(error))
        reason = f"not TOML ({place[0]})" if place else "not TOML"
        raise MalformedSettings(file=file, field="", reason=reason) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise MalformedSettings(file=file, field="", reason="not TOML in UTF-8") from None
