"""Objects of a PDF document read to the letter (ISO 32000-2 §7.3), as far as where they end.

Readers forgive one another's mistakes, each in its own way. What is appended to a signed document
has to be such that none of them has anything to forgive: dictionaries are pairs, no key stands
twice, brackets close what they opened, and nothing but blanks stands between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ..errors import MalformedPdf

_DEEPEST: Final = 64
_BLANK: Final = rb"[\t\n\x0c\r ]"  # NUL would count as well: nobody writes it
_REGULAR: Final = rb"[^\x00\t\n\x0c\r ()<>\[\]{}/%]"
_TOKEN: Final = re.compile(
    _BLANK + rb"*(?:(?P<open><<|\[)|(?P<close>>>|\])|(?P<name>/" + _REGULAR + rb"*)"
    rb"|<(?P<hex>[0-9A-Fa-f\t\n\x0c\r ]*)>|(?P<text>\()|(?P<word>" + _REGULAR + rb"+))"
)
_IN_TEXT: Final = re.compile(rb"[^()\\]*(?:\\[\x00-\xff][^()\\]*)*")
_NUMBER: Final = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)")
_HEADER: Final = re.compile(
    # Some tables point at the line end before.
    _BLANK + rb"*(\d{1,10})" + _BLANK + rb"+(\d{1,5})" + _BLANK + rb"+obj" + _BLANK + rb"*"
)
_END_OF_OBJECT: Final = re.compile(_BLANK + rb"*endobj(?!" + _REGULAR + rb")")
_STREAM: Final = re.compile(_BLANK + rb"*stream(?:\r\n|\n)")
_END_OF_STREAM: Final = re.compile(rb"(?:\r\n|\n|\r)endstream")

_VALUE, _INTEGER, _NAME = "value", "integer", "name"


@dataclass(slots=True)
class _Open:
    """A container that is not closed yet: what it holds, and the names among it."""

    closes: bytes
    kinds: list[str] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)

    def add(self, kind: str, name: bytes = b"") -> None:
        self.kinds.append(kind)
        self.names.append(name)

    def refer(self) -> None:
        """Two numbers and an R are one reference."""
        if self.kinds[-2:] != [_INTEGER, _INTEGER]:
            raise MalformedPdf(reason="a reference without its numbers")
        del self.kinds[-2:], self.names[-2:]
        self.add(_VALUE)

    def keys(self) -> list[bytes]:
        keys = self.names[::2]
        if len(self.kinds) % 2 or any(kind != _NAME for kind in self.kinds[::2]):
            raise MalformedPdf(reason="a dictionary that is not made of pairs")
        if len(set(keys)) != len(keys):
            raise MalformedPdf(reason="a key that stands twice")
        return keys


def end_of_value(data: bytes, position: int) -> tuple[int, list[bytes]]:
    """(where the value at `position` ends, its keys if it is a dictionary).

    Raises MalformedPdf.
    """
    outermost = _Open(b"")
    stack = [outermost]
    keys: list[bytes] = []
    while True:
        found = _TOKEN.match(data, position)
        if found is None:
            raise MalformedPdf(reason=f"an object that cannot be read at octet {position}")
        position, inside = found.end(), stack[-1]
        kind = found.lastgroup
        if kind == "open":
            stack.append(_Open(b">>" if found["open"] == b"<<" else b"]"))
            if len(stack) > _DEEPEST:
                raise MalformedPdf(reason="nested too deeply")
            continue
        if kind == "close":
            if found["close"] != inside.closes:
                raise MalformedPdf(reason="a bracket that closes nothing")
            if inside.closes == b">>":
                keys = inside.keys()
            stack.pop()
            stack[-1].add(_VALUE)
        elif kind == "name":
            inside.add(_NAME, found["name"])
        elif kind == "text":
            position = end_of_text(data, position)
            inside.add(_VALUE)
        elif kind == "hex":
            inside.add(_VALUE)
        else:
            _add_word(inside, found["word"])
        if len(stack) == 1:
            return position, keys


def _add_word(inside: _Open, word: bytes) -> None:
    if word == b"R":
        inside.refer()
    elif word.isdigit():
        inside.add(_INTEGER)
    elif word in (b"true", b"false", b"null") or _NUMBER.fullmatch(word):
        inside.add(_VALUE)
    else:
        raise MalformedPdf(reason="a word that means nothing")


def end_of_text(data: bytes, position: int) -> int:
    """Where a literal string ends whose first octet stands at `position`. Raises MalformedPdf."""
    depth = 1
    while depth:
        found = _IN_TEXT.match(data, position)
        position = len(data) if found is None else found.end()
        if position >= len(data):
            raise MalformedPdf(reason="a string without an end")
        depth += 1 if data[position] == ord("(") else -1
        position += 1
    return position


def header(data: bytes, position: int) -> tuple[int, int, int]:
    """(number, generation, where it ends) of `N G obj`. Raises MalformedPdf."""
    found = _HEADER.match(data, position)
    if found is None:
        raise MalformedPdf(reason=f"no object at octet {position}")
    return int(found[1]), int(found[2]), found.end()


def end_of_object(data: bytes, position: int, *, length: int | None) -> tuple[int, list[bytes]]:
    """(where it ends, its keys) of the object whose value begins at `position`.

    `length` is that of its stream, None where it must have none. Raises MalformedPdf.
    """
    position, keys = end_of_value(data, position)
    if length is not None:
        found = _STREAM.match(data, position)
        if found is None or len(data) - found.end() < length:
            raise MalformedPdf(reason="a stream that does not begin")
        found = _END_OF_STREAM.match(data, found.end() + length)
        if found is None:
            raise MalformedPdf(reason="a stream of another length")
        position = found.end()
    found = _END_OF_OBJECT.match(data, position)
    if found is None:
        raise MalformedPdf(reason=f"an object that does not end at octet {position}")
    return found.end(), keys
