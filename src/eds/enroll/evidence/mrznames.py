"""Names in the letters of a machine-readable zone (ICAO Doc 9303-3 §6).

Several spellings are right for one letter (Ä is AE, or A), and states have habits of their own.
So names of a register and of a zone are held against each other by all spellings that the tables
allow. A match says that the spellings agree, not that the person is the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ...errors import NameRefused

_LATIN: Final = (
    "Ä:AE,A Å:AA,A Æ:AE Ö:OE,O Ø:OE Ü:UE,UXX,U Ñ:N,NXX ß:SS Þ:TH Ð:D Đ:D Ł:L Œ:OE Ħ:H Ŧ:T Ŋ:N "
    "ı:I Ĳ:IJ ĸ:Q Ŀ:L"
)
_CYRILLIC: Final = (
    "А:A Б:B В:V Г:G,H Д:D Е:E,IE,YE Ё:E,IO,YO Ж:ZH,Z З:Z И:I,Y І:I Й:I,Y К:K Л:L М:M Н:N О:O "
    "П:P Р:R С:S Т:T У:U Ф:F Х:KH,H Ц:TS,C Ч:CH,C Ш:SH,S Щ:SHCH,SHT Ъ:IE, Ы:Y Ь: Э:E Ю:IU,YU "
    "Я:IA,YA Ґ:G Ў:U Ѫ:U Ѓ:G,GJ Ђ:D,DJ Ѕ:DZ Ј:J Ќ:K,KJ Љ:LJ Њ:NJ Ћ:C Џ:DZ,DJ Є:IE,YE Ї:I,YI"
)


def _rows(text: str) -> dict[str, tuple[str, ...]]:
    return {one[0]: tuple(one[2:].split(",")) for one in text.split()}


ROWS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(_rows(_LATIN) | _rows(_CYRILLIC))
"""Letter → its spellings, the recommended one first (Doc 9303-3 §6 A and B, and Y for the iotated
vowels, as many states write them)."""

_SEPARATORS: Final = frozenset(" -\u2010\u2011")
_DROPPED: Final = frozenset("'’ʼ`.,")
_LENGTH_LIMIT: Final = 128


def transliterate(name: str, *, also: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> str:
    """A name as a zone writes it: the recommended spelling, blanks between the parts.

    `also` adds or replaces rows, such as a state's own letters, which Doc 9303 does not name.
    Raises NameRefused for a letter without a row.
    """
    return " ".join("".join(one[0] for one in letters) for letters in _parts(name, also))


def names_agree(
    name: str,
    zone: str,
    *,
    may_be_cut: bool = False,
    also: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> bool:
    """Whether one of the spellings of `name` is what the zone says, blanks between its parts.

    Where the zone may have been cut, its beginning is enough, at least its first letter. Raises
    NameRefused for a letter without a row.
    """
    letters: list[tuple[str, ...]] = []
    for part in _parts(name, also):
        letters += [(" ",), *part] if letters else part
    reached = {0}  # how much of the zone some spelling of the letters so far has used up
    for spellings in letters:
        further: set[int] = set()
        for place in reached:
            for spelling in spellings:
                if zone.startswith(spelling, place):
                    further.add(place + len(spelling))
                elif may_be_cut and place and spelling.startswith(zone[place:]):
                    return True
        reached = further
        if not reached:
            return False
    return len(zone) in reached


def _parts(name: str, also: Mapping[str, tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    if len(name) > _LENGTH_LIMIT:
        raise NameRefused(attribute="name", reason="too long")
    parts: list[list[tuple[str, ...]]] = [[]]
    for letter in unicodedata.normalize("NFC", name).strip():
        if letter in _SEPARATORS:
            if parts[-1]:
                parts.append([])
            continue
        if letter in _DROPPED:
            continue
        parts[-1].append(_spellings(letter, also))
    if not parts[-1]:
        parts.pop()
    if not parts:
        raise NameRefused(attribute="name", reason="empty")
    return parts


def _spellings(letter: str, also: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    for form in (letter, letter.upper()):
        if found := also.get(form) or ROWS.get(form):
            return found
        base = unicodedata.normalize("NFD", form)[0]
        if "A" <= base <= "Z":
            return (base,)
    raise NameRefused(attribute="name", reason="a letter that no table of the zone has")
