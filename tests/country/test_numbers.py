"""IIN and BIN: what they say, and which cannot have been assigned."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.country import countries
from eds.country.kz.numbers import read_bin, read_iin, read_number
from eds.errors import IdentityNumberRefused

# Of state organisations, from certificates that they publish.
GOOD = ("900101300017", "960440000220", "000740000728")
FICTITIOUS = ("123456789011", "123456789012", "123456789021")


def codes(text: str) -> set[str]:
    return {one.code for one in read_number(text).departures}


def checked(eleven: str) -> str:
    """The number with its check digit by the rule, written anew."""
    digits = [int(digit) for digit in eleven]
    for first in (1, 3):
        weights = [n if n else 11 for n in ((first + place) % 11 for place in range(11))]
        total = sum(w * d for w, d in zip(weights, digits, strict=True))
        if total % 11 != 10:
            return eleven + str(total % 11)
    return eleven + "X"


@pytest.mark.parametrize("text", GOOD)
def test_numbers_that_exist_are_assignable(text: str) -> None:
    found = read_number(text)
    found.require_assignable(on=date(2026, 11, 24))
    assert found.departures == ()


@pytest.mark.parametrize("text", FICTITIOUS)
def test_the_numbers_of_the_sdk_fail_and_say_why(text: str) -> None:
    for number in (read_iin(text), read_bin(text)):
        assert {one.code for one in number.departures} >= {"kz.date", "kz.check_digit"}
        with pytest.raises(IdentityNumberRefused) as caught:
            number.require_assignable(on=date(2026, 11, 24))
        assert text not in str(caught.value)


def test_an_iin_says_birth_and_sex() -> None:
    found = read_iin(checked("85022940012"))
    assert {one.code for one in found.departures} == {"kz.date"}  # 1985 had no 29 February
    found = read_iin(checked("04022960012"))
    assert dict(found.facts) == {"born": "2004-02-29", "sex": "female"}
    assert found.departures == ()


def test_a_bin_says_entity_and_unit() -> None:
    found = read_bin(checked("24035100012"))
    assert dict(found.facts) == {
        "registered": "year 24, month 03",
        "entity": "legal entity, non-resident",
        "unit": "branch",
    }


def test_a_seventh_digit_of_nought_is_told_apart_from_a_wrong_one() -> None:
    assert codes(checked("90010100012")) == {"kz.century_not_given"}
    assert codes(checked("90010190012")) == {"kz.century"}


def test_a_birth_in_the_future_is_not_certified() -> None:
    number = read_iin(checked("30010150012"))
    number.require_assignable(on=date(2030, 1, 1))
    with pytest.raises(IdentityNumberRefused, match="future"):
        number.require_assignable(on=date(2029, 12, 31))


@given(st.text(alphabet="0123456789", min_size=12, max_size=12))
def test_every_twelve_digits_read_and_one_in_eleven_passes_the_check(text: str) -> None:
    number = read_number(text)
    assert number.type == ("IIN" if text[4] <= "3" else "BIN")
    found = {one.code for one in number.departures}
    expected = checked(text[:11])
    assert ("kz.check_digit" in found) is (expected != text and not expected.endswith("X"))
    assert ("kz.not_assigned" in found) is expected.endswith("X")
    assert text not in repr(number)


@given(st.text(max_size=20))
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    if len(text) == 12 and text.isascii() and text.isdigit():
        return
    with pytest.raises(IdentityNumberRefused) as caught:
        read_number(text)
    assert str(caught.value) == "IIN or BIN: twelve digits are wanted"


def test_checks_of_subjects_are_found_by_name() -> None:
    check = countries()["KZ"].subject_checks
    day = date(2026, 11, 24)
    assert check["kz-iin"]("IIN900101300017", day) is None
    assert check["kz-iin"]("IIN123456789011", day) == "the check digit is another"
    assert check["kz-bin"]("BIN1", None) == "twelve digits are wanted"
    unborn = f"IIN{checked('30010150012')}"
    assert check["kz-iin"](unborn, None) is None
    assert check["kz-iin"](unborn, day) == "its date lies in the future"
