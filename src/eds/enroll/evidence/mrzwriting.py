"""Writing machine-readable zones: for simulators and tests, and to compare what was read."""

from __future__ import annotations

from datetime import date
from itertools import islice

from ...errors import MalformedMrz
from .mrz import COMPOSITES, PLACES, MrzField, MrzFormat, Place, Sex, check_digit

_FIELD = MrzField


def write_mrz(
    format_: MrzFormat,
    *,
    issuing_state: str,
    primary_identifier: str,
    secondary_identifier: str,
    number: str,
    nationality: str,
    birth: date | None,
    sex: Sex,
    expiry: date,
    document_code: str | None = None,
    optional_data: str = "",
    more_optional_data: str = "",
) -> str:
    """The lines of a zone, put together, every check digit computed.

    Names are in the letters of the zone (`transliterate`), blanks between their parts; what does
    not fit is cut at the end, as Doc 9303 part 3 §4.6 allows. A number of more than nine
    characters goes on in the optional data of TD1 and TD2. Raises MalformedMrz where something
    does not fit.
    """
    places = PLACES[format_]
    count, width = format_.value
    zone = ["<"] * (count * width)

    def put(place: Place, text: str, which: MrzField) -> None:
        if len(text) > place.end - place.start:
            raise MalformedMrz(field=which.value, reason="too long for its place")
        zone[place.start : place.start + len(text)] = text

    names = primary_identifier.replace(" ", "<")
    if secondary_identifier:
        names += "<<" + secondary_identifier.replace(" ", "<")
    place = places[_FIELD.NAMES]
    put(place, names[: place.end - place.start], _FIELD.NAMES)
    head, tail = number[:9], number[9:]
    if tail and format_ is MrzFormat.TD3:
        raise MalformedMrz(field="number", reason="too long for its place")
    if tail:
        optional_data = tail + check_digit(number) + "<" + optional_data
    written = {
        _FIELD.DOCUMENT_CODE: document_code or ("P" if format_ is MrzFormat.TD3 else "I"),
        _FIELD.ISSUING_STATE: issuing_state,
        _FIELD.NUMBER: head,
        _FIELD.NATIONALITY: nationality,
        _FIELD.BIRTH: "" if birth is None else _six(birth),
        _FIELD.SEX: sex.value,
        _FIELD.EXPIRY: _six(expiry),
        _FIELD.OPTIONAL_DATA: optional_data,
        _FIELD.MORE_OPTIONAL_DATA: more_optional_data,
    }
    for which, text in written.items():
        if which in places:
            put(places[which], text, which)
        elif text:
            raise MalformedMrz(field=which.value, reason="this size has no such field")
    for which, place in places.items():
        if place.check is not None and not (tail and which is _FIELD.NUMBER):
            zone[place.check] = check_digit("".join(islice(zone, place.start, place.end)))
    spans, last = COMPOSITES[format_]
    zone[last] = check_digit("".join("".join(zone[start:end]) for start, end in spans))
    return "".join(zone)


def _six(day: date) -> str:
    return day.strftime("%y%m%d")
