"""IIN and BIN: the numbers of people and organisations of Kazakhstan, twelve digits each.

| position | IIN | BIN |
|---|---|---|
| 1-2 | year of birth | year of registration |
| 3-4 | month | month |
| 5 | day, | 4 resident, 5 non-resident legal entity, 6 joint sole proprietor |
| 6 | day | 0 head unit, 1 branch, 2 representation, 3 farm |
| 7 | century and sex: 1, 2: 18..; 3, 4: 19..; 5, 6: 20..; odd: male | number |
| 8-11 | number | number |
| 12 | check digit | check digit |

Law 223-III of 2007-01-12; rules of the government 406 of 2007-05-22. A day is at most 31, so
that the fifth digit tells the two apart. What was assigned to whom stands in state registers:
here is only whether a number can have been assigned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from ...errors import IdentityNumberRefused
from ..contract import Departure, IdentityNumber

IIN: Final = "IIN"
BIN: Final = "BIN"

_FORM: Final = re.compile("[0-9]{12}")
_CENTURIES: Final = {1: 1800, 2: 1800, 3: 1900, 4: 1900, 5: 2000, 6: 2000}
_ENTITIES: Final = {
    4: "legal entity, resident",
    5: "legal entity, non-resident",
    6: "joint sole proprietor",
}
_UNITS: Final = {0: "head unit", 1: "branch", 2: "representation", 3: "farm"}
_FIRST: Final = tuple(range(1, 12))
_SECOND: Final = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)

CHECK_DIGIT: Final = Departure("kz.check_digit", "the check digit is another")
NOT_ASSIGNED: Final = Departure("kz.not_assigned", "no check digit fits: it is never assigned")
NO_DATE: Final = Departure("kz.date", "its first digits are no date")
NO_CENTURY: Final = Departure("kz.century", "the seventh digit names no century and sex")
NO_SEX: Final = Departure("kz.century_not_given", "the seventh digit, 0, names no century and sex")
NO_ENTITY: Final = Departure("kz.entity", "the fifth digit names no kind of organisation")
NO_UNIT: Final = Departure("kz.unit", "the sixth digit names no kind of unit")


def read_number(text: str) -> IdentityNumber:
    """The number, told apart by its fifth digit. Raises IdentityNumberRefused for another form."""
    return read_iin(text) if _digits(text, "IIN or BIN")[4] <= 3 else read_bin(text)


def read_iin(text: str) -> IdentityNumber:
    """A person's number. Raises IdentityNumberRefused where it is not twelve digits."""
    digits = _digits(text, IIN)
    century, departures = _CENTURIES.get(digits[6]), [*_check(digits)]
    begins = None
    facts: list[tuple[str, str]] = []
    if century is None:
        departures.append(NO_SEX if digits[6] == 0 else NO_CENTURY)
        if not _could_be_a_day(digits):
            departures.append(NO_DATE)
    else:
        try:
            begins = date(century + _two(digits, 0), _two(digits, 2), _two(digits, 4))
            facts.append(("born", begins.isoformat()))
        except ValueError:
            departures.append(NO_DATE)
        facts.append(("sex", "male" if digits[6] % 2 else "female"))
    return IdentityNumber(
        type=IIN,
        country="KZ",
        digits=text,
        facts=tuple(facts),
        departures=tuple(departures),
        begins=begins,
    )


def read_bin(text: str) -> IdentityNumber:
    """An organisation's number. Raises IdentityNumberRefused where it is not twelve digits."""
    digits = _digits(text, BIN)
    departures = [*_check(digits)]
    facts: list[tuple[str, str]] = []
    if 1 <= _two(digits, 2) <= 12:
        facts.append(("registered", f"year {text[:2]}, month {text[2:4]}"))
    else:
        departures.append(NO_DATE)
    for place, table, key, none in (
        (4, _ENTITIES, "entity", NO_ENTITY),
        (5, _UNITS, "unit", NO_UNIT),
    ):
        word = table.get(digits[place])
        if word is None:
            departures.append(none)
        else:
            facts.append((key, word))
    return IdentityNumber(
        type=BIN, country="KZ", digits=text, facts=tuple(facts), departures=tuple(departures)
    )


def check_digit(digits: tuple[int, ...]) -> int | None:
    """The twelfth digit to eleven; None where none fits and the number is never assigned."""
    for weights in (_FIRST, _SECOND):
        found = sum(weight * digit for weight, digit in zip(weights, digits, strict=False)) % 11
        if found != 10:
            return found
    return None


def example_iin(born: date, ordinal: int) -> str:
    """An IIN of somebody who does not exist, born 1800 to 2099: another for each ordinal.

    Odd ordinals are women's. Some four digits have no check digit, and are passed over.
    """
    century = 2 * ((born.year - 1800) // 100) + 1 + ordinal % 2
    left = ordinal // 2
    for number in range(10_000):
        digits = tuple(map(int, f"{born:%y%m%d}{century}{number:04d}"))
        last = check_digit(digits)
        if last is not None:
            if not left:
                return "".join(map(str, (*digits, last)))
            left -= 1
    raise IdentityNumberRefused(type=IIN, reason="no number of that day is left")


def _digits(text: str, kind: str) -> tuple[int, ...]:
    if not _FORM.fullmatch(text):
        raise IdentityNumberRefused(type=kind, reason="twelve digits are wanted")
    return tuple(map(int, text))


def _check(digits: tuple[int, ...]) -> Iterator[Departure]:
    wanted = check_digit(digits)
    if wanted is None:
        yield NOT_ASSIGNED
    elif wanted != digits[11]:
        yield CHECK_DIGIT


def _two(digits: tuple[int, ...], place: int) -> int:
    return 10 * digits[place] + digits[place + 1]


def _could_be_a_day(digits: tuple[int, ...]) -> bool:
    """Whether month and day are of some year; 29 February is."""
    try:
        date(2000, _two(digits, 2), _two(digits, 4))
    except ValueError:
        return False
    return True
