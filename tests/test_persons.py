"""People and organisations in names, by ETSI EN 319 412."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eds import names
from eds.errors import MalformedName, NameRefused
from eds.names import Name
from eds.persons import LegalPerson, NaturalPerson, SemanticsIdentifier

NUMBER = "123456789011"
ANNA = NaturalPerson(
    common_name="Тестова Анна",
    surname="Тестова",
    given_name="Анна",
    country="KZ",
    serial_number=f"PNOKZ-{NUMBER}",
)
ACME = LegalPerson(
    organization_name='ТОО "Акме"', organization_identifier="NTRKZ-123456789021", country="KZ"
)


def test_person_and_name_are_each_others_picture() -> None:
    assert NaturalPerson.of(ANNA.name) == ANNA
    assert ANNA.name.rfc4514 == (
        f"serialNumber=PNOKZ-{NUMBER},givenName=Анна,SN=Тестова,CN=Тестова Анна,C=KZ"
    )
    assert LegalPerson.of(ACME.name).name == ACME.name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("PNOKZ-123456789011", ("PNO", "KZ", "123456789011")),
        ("PASUZ-AA1234567", ("PAS", "UZ", "AA1234567")),
        ("IDCSE-1-2", ("IDC", "SE", "1-2")),
        ("TINDE-11", ("TIN", "DE", "11")),
        ("NTRKZ-123456789021", ("NTR", "KZ", "123456789021")),
        ("VATEL-1", ("VAT", "EL", "1")),
        ("LEIXG-5299", ("LEI", "XG", "5299")),
        ("EI:SE-20", ("EI:", "SE", "20")),
    ],
)
def test_semantics_identifiers(text: str, parts: tuple[str, str, str]) -> None:
    found = SemanticsIdentifier.parse(text)
    assert (found.scheme, found.country, found.number) == parts
    assert found.text == text
    assert found.number not in repr(found) or len(found.number) < 4


@pytest.mark.parametrize("text", ["", "PNOKZ", "PNOKZ-", "pnokz-1", "XXXKZ-1", "PNO-1", "IIN1234"])
def test_other_texts_are_no_semantics_identifiers(text: str) -> None:
    with pytest.raises(NameRefused) as refused:
        SemanticsIdentifier.parse(text)
    assert refused.value.attribute == "identifier"


def test_scheme_decides_whom_it_can_name() -> None:
    assert ANNA.identifier == SemanticsIdentifier.parse(f"PNOKZ-{NUMBER}")
    assert ACME.identifier is not None
    assert replace(ANNA, serial_number="NTRKZ-1").identifier is None
    assert replace(ANNA, serial_number=f"IIN{NUMBER}").identifier is None
    assert replace(ACME, organization_identifier="PNOKZ-1").identifier is None


@pytest.mark.parametrize(
    "change",
    [
        {"pseudonym": "x"},
        {"surname": None, "given_name": None},
        {"country": "KAZ"},
        {"common_name": ""},
        {"serial_number": "№"},
        {"surname": "a\nb"},
    ],
)
def test_person_that_cannot_be_named_is_refused(change: dict[str, str | None]) -> None:
    with pytest.raises(NameRefused) as refused:
        replace(ANNA, **change)  # type: ignore[arg-type]
    assert NUMBER not in str(refused.value)


def test_pseudonym_stands_for_the_name() -> None:
    person = NaturalPerson(common_name="Fox", pseudonym="Fox", country="UZ")
    assert NaturalPerson.of(person.name) == person


def test_two_people_in_one_name_are_malformed() -> None:
    doubled = Name.build([(names.COMMON_NAME, "a"), (names.COMMON_NAME, "b")])
    for kind in (NaturalPerson, LegalPerson):
        with pytest.raises(MalformedName):
            kind.of(doubled)


def test_nothing_personal_shows_by_accident() -> None:
    assert NUMBER not in f"{ANNA} {ANNA!r} {ANNA.name} {ANNA.identifier}"
    assert "Анна" not in repr(ANNA)
