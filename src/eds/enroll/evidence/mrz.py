"""Machine-readable zones of travel documents: TD1, TD2 and TD3 (ICAO Doc 9303 parts 3 to 6).

Check digits find errors of typing and reading. They prove nothing: a filler and a zero weigh the
same, and anyone can compute them. What a zone is worth comes from the chip that repeats it, or
from the official who saw the document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from ...errors import MalformedMrz, MrzCheckFailed, NaiveDatetime


class MrzFormat(Enum):
    """The sizes of a zone: lines × characters (Doc 9303 parts 4, 5 and 6)."""

    TD1 = (3, 30)
    TD2 = (2, 36)
    TD3 = (2, 44)


class MrzField(Enum):
    """What stands in a zone; the last five have check digits of their own or make one up."""

    DOCUMENT_CODE = "document_code"
    ISSUING_STATE = "issuing_state"
    NAMES = "names"
    NATIONALITY = "nationality"
    SEX = "sex"
    MORE_OPTIONAL_DATA = "more_optional_data"
    NUMBER = "number"
    BIRTH = "birth"
    EXPIRY = "expiry"
    OPTIONAL_DATA = "optional_data"
    COMPOSITE = "composite"


class Sex(Enum):
    """As the zone writes it; a filler where it is not specified."""

    FEMALE = "F"
    MALE = "M"
    UNSPECIFIED = "<"


class Place(NamedTuple):
    """Characters of the lines put together: [start, end), and where the check digit stands."""

    start: int
    end: int
    check: int | None = None


F = MrzField
PLACES: Final[Mapping[MrzFormat, Mapping[MrzField, Place]]] = MappingProxyType({
    MrzFormat.TD1: {
        F.DOCUMENT_CODE: Place(0, 2), F.ISSUING_STATE: Place(2, 5), F.NUMBER: Place(5, 14, 14),
        F.OPTIONAL_DATA: Place(15, 30), F.BIRTH: Place(30, 36, 36), F.SEX: Place(37, 38),
        F.EXPIRY: Place(38, 44, 44), F.NATIONALITY: Place(45, 48),
        F.MORE_OPTIONAL_DATA: Place(48, 59), F.NAMES: Place(60, 90),
    },
    MrzFormat.TD2: {
        F.DOCUMENT_CODE: Place(0, 2), F.ISSUING_STATE: Place(2, 5), F.NAMES: Place(5, 36),
        F.NUMBER: Place(36, 45, 45), F.NATIONALITY: Place(46, 49), F.BIRTH: Place(49, 55, 55),
        F.SEX: Place(56, 57), F.EXPIRY: Place(57, 63, 63), F.OPTIONAL_DATA: Place(64, 71),
    },
    MrzFormat.TD3: {
        F.DOCUMENT_CODE: Place(0, 2), F.ISSUING_STATE: Place(2, 5), F.NAMES: Place(5, 44),
        F.NUMBER: Place(44, 53, 53), F.NATIONALITY: Place(54, 57), F.BIRTH: Place(57, 63, 63),
        F.SEX: Place(64, 65), F.EXPIRY: Place(65, 71, 71), F.OPTIONAL_DATA: Place(72, 86, 86),
    },
})  # fmt: skip
COMPOSITES: Final[Mapping[MrzFormat, tuple[tuple[tuple[int, int], ...], int]]] = MappingProxyType({
    MrzFormat.TD1: (((5, 30), (30, 37), (38, 45), (48, 59)), 59),
    MrzFormat.TD2: (((36, 46), (49, 56), (57, 71)), 71),
    MrzFormat.TD3: (((44, 54), (57, 64), (65, 87)), 87),
})  # fmt: skip

_ALPHABET: Final = re.compile("[A-Z0-9<]*")
_STATE: Final = re.compile("[A-Z]{3}|[A-Z]{2}<|[A-Z]<<")
_CODE: Final = re.compile("[ACIP][A-Z<]|[ACIP]<")
_NAMES: Final = re.compile("[A-Z]+(?:<[A-Z]+)*")
_VALUES: Final = {
    **{character: int(character) for character in "0123456789"},
    **{chr(65 + number): 10 + number for number in range(26)},
    "<": 0,
}
# What readers and people take for one another. Named where a check fails; never put right here.
_LOOKALIKES: Final = {
    one: other
    for pair in ("O0", "I1", "Z2", "S5", "G6", "B8")
    for one, other in (tuple(pair), tuple(reversed(pair)))
}


class Confusion(NamedTuple):
    """A character whose lookalike would make the check digit right: look at the document again.

    `position` counts from 1 in the field. The characters are in no repr: they are personal data.
    """

    field: MrzField
    position: int
    found: str
    lookalike: str

    def __repr__(self) -> str:
        return f"<Confusion {self.field.value} {self.position}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PartialDate:
    """A date of birth of which month or day, or all, may be unknown (Doc 9303-3 §4.8)."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def __repr__(self) -> str:
        return "<PartialDate>"

    @property
    def complete(self) -> date | None:
        """The day, where nothing of it is unknown."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mrz:
    """What a zone says. Its repr shows the size and the issuing state, nothing of the person.

    `number` is whole where it continues in the optional data; `optional_data` is what is left of
    it, and `more_optional_data` stands in TD1 only, both without trailing fillers. `checks` says
    of each check digit whether it is right; `require_checks` refuses where one is not.
    """

    format: MrzFormat
    lines: tuple[str, ...]
    document_code: str
    issuing_state: str
    primary_identifier: str
    secondary_identifier: str
    names_may_be_cut: bool
    number: str
    nationality: str
    birth: PartialDate
    sex: Sex
    expiry: date
    optional_data: str
    more_optional_data: str = ""
    checks: Mapping[MrzField, bool] = field(hash=False)
    confusions: tuple[Confusion, ...] = ()

    def __repr__(self) -> str:
        return f"<Mrz {self.format.name} {self.issuing_state}>"

    @property
    def failed_checks(self) -> tuple[MrzField, ...]:
        """The fields whose check digit is wrong, in the order of the table."""
        return tuple(one for one in MrzField if self.checks.get(one) is False)

    def require_checks(self) -> None:
        """Raises MrzCheckFailed unless every check digit is right."""
        if self.failed_checks:
            raise MrzCheckFailed(fields=tuple(one.value for one in self.failed_checks))

    def is_expired(self, *, at: datetime) -> bool:
        """Whether the last day of validity is over at `at` (aware), in UTC."""
        _require_aware(at)
        return at.date() > self.expiry


def check_digit(text: str) -> str:
    """The check digit over `text`, weights 7, 3, 1 (Doc 9303-3 §4.9). Raises MalformedMrz."""
    try:
        total = sum(_VALUES[character] * (7, 3, 1)[n % 3] for n, character in enumerate(text))
    except KeyError:
        raise MalformedMrz(field="characters", reason="only A to Z, 0 to 9 and <") from None
    return str(total % 10)


def parse_mrz(text: str, *, at: datetime) -> Mrz:
    """Read a zone: its lines one after the other, with or without line ends between them.

    `at` (aware) decides centuries: a birth is the latest that is not after it, an expiry the one
    within fifty years of it. Raises MalformedMrz with the field at fault where the zone is not
    well formed; wrong check digits are no error here but stand in `checks`.
    """
    _require_aware(at)
    format_, joined = _measured(text)
    places = PLACES[format_]

    def part(which: MrzField) -> str:
        place = places[which]
        return joined[place.start : place.end]

    if not _CODE.fullmatch(part(F.DOCUMENT_CODE)):
        # V is a visa: it names a journey and proves no identity.
        raise MalformedMrz(field="document_code", reason="not a passport or an identity document")
    for state in (F.ISSUING_STATE, F.NATIONALITY):
        if not _STATE.fullmatch(part(state)):
            raise MalformedMrz(field=state.value, reason="not three letters, fillers at the end")
    primary, secondary, may_be_cut = _names(part(F.NAMES))
    try:
        sex = Sex(part(F.SEX))
    except ValueError:
        raise MalformedMrz(field="sex", reason="neither F, M nor a filler") from None
    number, rest, number_ok = _number(format_, joined)
    checks = {F.NUMBER: number_ok}
    confusions = [] if number_ok else [*_confusions(F.NUMBER, *_number_and_digit(format_, joined))]
    for which in (F.BIRTH, F.EXPIRY, F.OPTIONAL_DATA):
        place = places[which]
        if place.check is None:
            continue
        digit, content = joined[place.check], part(which)
        if digit == "<" and which is F.OPTIONAL_DATA and not content.strip("<"):
            checks[which] = True  # nothing to check: a filler may stand there (9303-4 §4.2.2)
            continue
        checks[which] = _digit(which, digit) == check_digit(content)
        if not checks[which]:
            confusions += _confusions(which, content, digit)
    spans, last = COMPOSITES[format_]
    covered = "".join(joined[start:end] for start, end in spans)
    checks[F.COMPOSITE] = _digit(F.COMPOSITE, joined[last]) == check_digit(covered)
    width = format_.value[1]
    return Mrz(
        format=format_,
        lines=tuple(joined[start : start + width] for start in range(0, len(joined), width)),
        document_code=part(F.DOCUMENT_CODE).rstrip("<"),
        issuing_state=part(F.ISSUING_STATE).rstrip("<"),
        primary_identifier=primary,
        secondary_identifier=secondary,
        names_may_be_cut=may_be_cut,
        number=number,
        nationality=part(F.NATIONALITY).rstrip("<"),
        birth=_birth(part(F.BIRTH), at.date()),
        sex=sex,
        expiry=_expiry(part(F.EXPIRY), at.date()),
        optional_data=rest,
        more_optional_data=part(F.MORE_OPTIONAL_DATA).rstrip("<")
        if F.MORE_OPTIONAL_DATA in places
        else "",
        checks=MappingProxyType(checks),
        confusions=tuple(confusions),
    )


def _require_aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")


def _measured(text: str) -> tuple[MrzFormat, str]:
    if len(text) > 128:
        raise MalformedMrz(field="size", reason="longer than any zone")
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    joined = "".join(lines)
    for one in MrzFormat:
        count, width = one.value
        if len(joined) == count * width and (
            len(lines) == 1 or [len(line) for line in lines] == [width] * count
        ):
            if not _ALPHABET.fullmatch(joined):
                raise MalformedMrz(field="characters", reason="only A to Z, 0 to 9 and <")
            return one, joined
    raise MalformedMrz(field="size", reason="neither TD1, TD2 nor TD3")


def _digit(which: MrzField, digit: str) -> str:
    if not digit.isdigit():
        # A letter where a digit belongs is a misreading (O for 0), and said, not mended.
        raise MalformedMrz(field=which.value, reason="the check digit is no digit")
    return digit


def _number_and_digit(format_: MrzFormat, joined: str) -> tuple[str, str]:
    """The whole document number and its check digit, wherever they stand."""
    return _split_number(format_, joined)[:2]


def _split_number(format_: MrzFormat, joined: str) -> tuple[str, str, str]:
    """(number, check digit, what is left of the optional data)."""
    places = PLACES[format_]
    place, optional = places[F.NUMBER], places[F.OPTIONAL_DATA]
    number, digit = joined[place.start : place.end], joined[place.end]
    rest = joined[optional.start : optional.end]
    if digit == "<" and format_ is not MrzFormat.TD3:
        # Longer than nine: it goes on in the optional data, then its digit, then a filler
        # (9303-5 §4.2.2.1 note j, 9303-6 §4.2.2.2).
        more, filler, left = rest.partition("<")
        if len(more) < 2 or not filler or "<" in number:
            raise MalformedMrz(field="number", reason="it does not go on where it must")
        number, digit, rest = number + more[:-1], more[-1], left
    return number, digit, rest.rstrip("<")


def _number(format_: MrzFormat, joined: str) -> tuple[str, str, bool]:
    number, digit, rest = _split_number(format_, joined)
    bare = number.rstrip("<")
    if not bare:
        raise MalformedMrz(field="number", reason="there is none")
    return bare, rest, _digit(F.NUMBER, digit) == check_digit(number)


def _names(text: str) -> tuple[str, str, bool]:
    """(primary, secondary, whether they may have been cut), blanks for single fillers."""
    primary, _, secondary = text.rstrip("<").partition("<<")
    if not _NAMES.fullmatch(primary) or (secondary and not _NAMES.fullmatch(secondary)):
        raise MalformedMrz(field="names", reason="not letters with fillers between them")
    return primary.replace("<", " "), secondary.replace("<", " "), not text.endswith("<")


def _confusions(which: MrzField, content: str, digit: str) -> tuple[Confusion, ...]:
    return tuple(
        Confusion(which, position + 1, character, lookalike)
        for position, character in enumerate(content)
        if (lookalike := _LOOKALIKES.get(character)) is not None
        and check_digit(content[:position] + lookalike + content[position + 1 :]) == digit
    )


def _pair(which: MrzField, text: str) -> int | None:
    if text == "<<":
        return None
    if not text.isdigit():
        said = "letters where digits belong, such as O for 0" if text.isalnum() else "no date"
        raise MalformedMrz(field=which.value, reason=said)
    return int(text)


def _birth(text: str, today: date) -> PartialDate:
    year, month, day = (_pair(F.BIRTH, text[start : start + 2]) for start in (0, 2, 4))
    if year is None and (month is not None or day is not None):
        raise MalformedMrz(field="birth", reason="a day without a year")
    if month is None and day is not None:
        raise MalformedMrz(field="birth", reason="a day without a month")
    if year is None:
        return PartialDate()
    century = today.year - today.year % 100
    known = (century + year, month or 1, day or 1)
    if known > (today.year, today.month, today.day):
        century -= 100
    _require_day(F.BIRTH, century + year, month or 1, day or 1)
    return PartialDate(year=century + year, month=month, day=day)


def _expiry(text: str, today: date) -> date:
    year, month, day = (_pair(F.EXPIRY, text[start : start + 2]) for start in (0, 2, 4))
    if year is None or month is None or day is None:
        raise MalformedMrz(field="expiry", reason="not a whole date")
    full = today.year - today.year % 100 + year
    if full > today.year + 50:
        full -= 100
    elif full <= today.year - 50:
        full += 100
    return _require_day(F.EXPIRY, full, month, day)


def _require_day(which: MrzField, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise MalformedMrz(field=which.value, reason="no such day") from None
