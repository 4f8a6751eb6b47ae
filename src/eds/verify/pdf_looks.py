"""Appearance streams: what a field or an annotation draws on a page (ISO 32000-2 §12.5.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import HistoricalResolver

from .pdf_reader import entry
from .pdf_syntax import end_of_text

_WRITES: Final = re.compile(rb"(?:^|[\s\])>])(?:Tj|TJ|'|\"|Do|BI|sh)(?=$|[\s/\[(<])")


_PIECE: Final = re.compile(
    rb"(?P<text>\()|<(?!<)(?P<hex>[^<>]*)>|(?P<name>/[^\s()<>\[\]{}/%]*)|%[^\r\n]*"
    rb"|(?P<word>[A-Za-z'\"][A-Za-z0-9'\"*]*)"
)
_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\x00-\xff]))")
_ESCAPED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_FILLS: Final = frozenset({b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"})
_STROKES: Final = frozenset({b"S", b"s"})
_OTHERS: Final = frozenset({b"Do", b"BI", b"sh", b"d0", b"d1"})
_STANDARD_FONTS: Final = re.compile(
    r"/(?:Courier|Helvetica|Times)(?:-(?:Roman|Bold|Italic|Oblique|BoldItalic|BoldOblique))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a look draws: its text as far as it is legible here, and how else it paints."""

    text: str
    legible: bool
    fills: bool
    strokes: bool
    pictures: bool


def drawn(look: StreamObject) -> Drawn:
    """What an appearance stream draws. Raises MalformedPdf."""
    data, position = look.data, 0
    texts: list[bytes] = []
    words: set[bytes] = set()
    legible = True
    while (found := _PIECE.search(data, position)) is not None:
        position = found.end()
        if found["text"]:
            start, position = position, end_of_text(data, position)
            texts.append(_ESCAPE.sub(_unescaped, data[start : position - 1]))
        elif found["hex"] is not None:
            legible = False  # glyphs of a font, not letters
        elif found["word"]:
            words.add(found["word"])
    return Drawn(
        text=b"".join(texts).decode("latin-1"),
        legible=legible,
        fills=bool(words & _FILLS),
        strokes=bool(words & _STROKES),
        pictures=bool(words & _OTHERS),
    )


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 8) & 0xFF])
    return b"" if found[2] in (b"\r\n", b"\r", b"\n") else _ESCAPED.get(found[2], found[2])


def uses_known_fonts(look: StreamObject, old: HistoricalResolver) -> bool:
    """Whether its fonts are those of the document that was signed, or of every reader."""
    resources = entry(look, "/Resources")
    fonts = entry(resources, "/Font") if isinstance(resources, DictionaryObject) else None
    if not isinstance(fonts, DictionaryObject):
        return True
    for name in fonts:
        raw, font = fonts.raw_get(name), entry(fonts, name)
        if isinstance(raw, IndirectObject) and not old.is_ref_unassignable(raw.reference):
            continue
        if not (
            isinstance(font, DictionaryObject)
            and entry(font, "/Subtype") == "/Type1"
            and _STANDARD_FONTS.fullmatch(str(entry(font, "/BaseFont")))
            and not set(font) & {"/FontDescriptor", "/ToUnicode"}
            and not isinstance(entry(font, "/Encoding"), DictionaryObject)
        ):
            return False
    return True


def writes(look: StreamObject) -> bool:
    """Whether it shows text, images or other forms: more than lines and areas."""
    return _WRITES.search(look.data) is not None


def appearances(field: DictionaryObject) -> Iterator[Any]:
    """The entries of its appearance dictionary, states included, as they are referred to."""
    looks = entry(field, "/AP")
    if isinstance(looks, DictionaryObject):
        for key in looks:
            one = looks[key]
            if isinstance(one, StreamObject):
                yield looks.raw_get(key)
            elif isinstance(one, DictionaryObject):
                for state in one:
                    yield one.raw_get(state)
