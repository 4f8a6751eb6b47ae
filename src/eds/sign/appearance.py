"""What a visible signature says and how it fits its box: pure layout, no PDF.

A person must be able to read all of it. Text is never cut: it is set smaller until it fits, and
where the smallest legible size does not do, the box is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple

from ..certificates import Certificate
from ..errors import AppearanceRefused, InvalidArgument
from ..languages import Language, translator
from ..verify.wording import subject_of

SMALLEST: Final = 4.0
"""The least size of letters, in points: smaller ones are not read on paper."""
LARGEST: Final = 11.0
SMALLEST_MODULE: Final = 0.8
"""The least side of a square of a QR code, in points: 0.28 mm, which telephones still read."""
_STEP: Final = 0.25
_LEADING: Final = 1.22  # from line to line, in sizes of the letters
_ASCENT: Final = 0.93  # of EDS Sans, from the baseline up
_QUIET: Final = 4  # modules of white around a QR code (ISO/IEC 18004 §5.3.8)
_TEXT_LIMIT: Final = 500
_PIECE: Final = re.compile(r"[^-]*-|[^-]+")  # of a word, up to where a line may end

Measure = Callable[[str], float]
"""The width of a text, in sizes of its letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A rectangle on a page as it is displayed, upright: in points, from its lower left corner.

    `page` counts from 1, or from the last with -1. Raises InvalidArgument.
    """

    page: int
    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not -100_000 <= self.page <= 100_000 or not self.page:
            raise InvalidArgument(argument="page", reason="counted from 1, or from the end with -1")
        if not (self.x >= 0 and self.y >= 0 and 0 < self.width < 1e5 and 0 < self.height < 1e5):
            raise InvalidArgument(argument="box", reason="not on any page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """How a signature looks.

    `place` None takes the rectangle of the field, which must stand in the document. `name` and
    `organisation` come from the certificate where they are None; "" leaves the organisation
    out. A personal number is never taken from it. `qr` is what a QR code says: an address that
    leads to evidence, or any text. Raises InvalidArgument.
    """

    place: Place | None
    language: Language = Language.KAZAKH
    name: str | None = None
    organisation: str | None = None
    qr: str | None = None

    def __post_init__(self) -> None:
        for argument in ("name", "organisation", "qr"):
            text = getattr(self, argument)
            if text is not None and (len(text) > _TEXT_LIMIT or not (text or argument != "qr")):
                raise InvalidArgument(argument=argument, reason=f"1 to {_TEXT_LIMIT} characters")

    def lines(self, certificate: Certificate, *, at: datetime, reason: str | None) -> list[Line]:
        """What it says of a signature that claims the time `at`."""
        name, organisation = subject_of(certificate)
        translate = translator(self.language)
        found = [
            Line(Role.TITLE, translate("Digital signature")),
            Line(Role.NAME, readable(self.name or name)),
            Line(Role.TEXT, readable(organisation or "" if self.organisation is None
                                     else self.organisation)),
            Line(Role.TEXT, f"{translate('Time')}: {instant(at)}"),
            Line(Role.TEXT, f"{translate('Reason')}: {readable(reason)}" if reason else ""),
        ]  # fmt: skip
        return [one for one in found if one.text]


class Role(Enum):
    """What a line is. Its value: the size of its letters, beside that of the text."""

    TITLE = 0.85
    NAME = 1.3
    TEXT = 1.0


class Line(NamedTuple):
    """One line of text."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line at its place: the baseline from (x, y), in points from the box's lower left."""

    line: Line
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything in its place. `code` is (x, y, side of one square) of the QR code itself."""

    lines: tuple[PlacedLine, ...]
    code: tuple[float, float, float] | None


def lay_out(
    lines: Sequence[Line], *, width: float, height: float, squares: int, measure: Measure
) -> Layout:
    """Fit `lines`, and a QR code of so many squares a side (0: none), into a box.

    Raises AppearanceRefused where they would not be legible.
    """
    margin = min(5.0, max(1.5, 0.06 * min(width, height)))
    left, bottom, right, top = margin, margin, width - margin, height - margin
    code = None
    if squares:
        beside = width >= height
        room = min(height - 2, 0.45 * width) if beside else min(width - 2, 0.5 * height)
        square = room / (squares + 2 * _QUIET)
        if square < SMALLEST_MODULE:
            raise AppearanceRefused(reason="the box is too small for the QR code")
        # The quiet zone is as good as a margin.
        inset = 1 + _QUIET * square
        if beside:
            code = (width - 1 - room + _QUIET * square, (height - squares * square) / 2, square)
            right = width - 1 - room
        else:
            code = ((width - squares * square) / 2, inset, square)
            bottom = 1 + room
    if right <= left or top <= bottom:
        raise AppearanceRefused(reason="the box is too small")
    size, placed = _fitted(lines, right - left, top - bottom, measure)
    used = sum(one.role.value for one in placed) * size * _LEADING
    y = top - (top - bottom - used) / 2
    found = []
    for one in placed:
        letters = size * one.role.value
        found.append(PlacedLine(line=one, x=left, y=y - _ASCENT * letters, size=letters))
        y -= letters * _LEADING
    return Layout(lines=tuple(found), code=code)


def _fitted(
    lines: Sequence[Line], width: float, height: float, measure: Measure
) -> tuple[float, list[Line]]:
    """The largest size at which the lines fit, and the lines broken; words only if they must."""
    sizes = [LARGEST - _STEP * n for n in range(int((LARGEST - SMALLEST) / _STEP) + 1)]
    words = {one: [(word, measure(word)) for word in one.text.split()] for one in lines}
    for parts in (_at_hyphens, _anywhere):
        for size in sizes:
            found: list[Line] = []
            for one in lines:
                room = width / (size * one.role.value)
                broken = _broken(words[one], room, measure, parts)
                if broken is None:
                    break
                found += [one._replace(text=text) for text in broken]
            else:
                if sum(one.role.value for one in found) * size * _LEADING <= height:
                    return size, found
    raise AppearanceRefused(reason="the box is too small for what it should say")


_Parts = Callable[[str, float, Measure], list[str] | None]


def _broken(
    words: list[tuple[str, float]], room: float, measure: Measure, parts: _Parts
) -> list[str] | None:
    """Lines broken at spaces, and in words wider than the room as `parts` says; None: not so."""
    space = measure(" ")
    found: list[str] = []
    taken = room + 1
    for word, wide in words:
        if taken + space + wide <= room:
            found[-1] += f" {word}"
            taken += space + wide
            continue
        broken = [word] if wide <= room else parts(word, room, measure)
        if broken is None:
            return None
        found += broken
        taken = wide if wide <= room else measure(broken[-1])
    return found


def _at_hyphens(word: str, room: float, measure: Measure) -> list[str] | None:
    """Parts as long as fit that end in hyphens; None where one does not fit."""
    found = [""]
    for piece in _PIECE.findall(word):
        if measure(piece) > room:
            return None
        if measure(found[-1] + piece) > room:
            found.append("")
        found[-1] += piece
    return found


def _anywhere(word: str, room: float, measure: Measure) -> list[str] | None:
    """Parts as long as fit, each of a letter at least."""
    found = [""]
    for letter in word:
        if found[-1] and measure(found[-1] + letter) > room:
            found.append("")
        found[-1] += letter
    return found


def readable(text: str) -> str:
    """The text composed (NFC), without control and direction characters, spaces single."""
    composed = unicodedata.normalize("NFC", text)
    kept = (" " if one.isspace() or unicodedata.category(one) == "Cc" else one for one in composed)
    return " ".join("".join(one for one in kept if unicodedata.category(one) != "Cf").split())


def instant(at: datetime) -> str:
    """The time with its offset, so that nobody has to guess: 2026-11-24 17:00:00 UTC+05:00."""
    offset = at.strftime("%z")
    named = "UTC" if int(offset[1:]) == 0 else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{at:%Y-%m-%d %H:%M:%S} {named}"
