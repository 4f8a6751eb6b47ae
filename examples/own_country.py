"""A country of your own: one value, found by its entry point. Copy this file and fill it in.

[project.entry-points."eds.country"]          # in your pyproject.toml
utopia = "own_country:COUNTRY"
"""

from datetime import date

from eds import Certificate, names
from eds.country.contract import Country, Departure, Holder, HolderKind, IdentityNumber, KeyUse
from eds.errors import IdentityNumberRefused

CHECK_DIGIT = Departure("xu.check_digit", "the check digit is another")


def read_number(text: str) -> IdentityNumber:
    """YYYYMMDD, two digits, and a check digit. No error repeats a number."""
    if not (text.isascii() and text.isdigit() and len(text) == 11):
        raise IdentityNumberRefused(type="number", reason="not eleven digits")
    try:
        born = date.fromisoformat(text[:8])
    except ValueError:
        raise IdentityNumberRefused(type="number", reason="its first digits are no date") from None
    found = () if sum(map(int, text[:10])) % 10 == int(text[10]) else (CHECK_DIGIT,)
    return IdentityNumber(
        type="number", country="XU", digits=text, facts=(), departures=found, begins=born
    )


def why_not(text: str, on: date | None) -> str | None:
    """For profiles (`"check": "xu-number"`): why no certificate may carry this number."""
    try:
        read_number(text.removeprefix("PNOXU-")).require_assignable(on=on)
    except IdentityNumberRefused as error:
        return error.reason
    return None


def read_holder(certificate: Certificate) -> Holder:
    surname = next(iter(certificate.subject.values(names.SURNAME)), None)
    return Holder(country="XU", kind=HolderKind.INDIVIDUAL, use=KeyUse.SIGNATURE, surname=surname)


COUNTRY = Country(
    code="XU",
    name="Utopia",
    labels={"surname": "surname"},
    recognises=lambda certificate: "XU" in certificate.issuer.values(names.COUNTRY),
    read_holder=read_holder,
    read_number=read_number,
    read_personal_number=read_number,
    subject_checks={"xu-number": why_not},
    subject_of=lambda person: {"common_name": person.surname, "country": "XU"},
    example_number=lambda born, ordinal: f"{born:%Y%m%d}{ordinal:03}",
    terms={"1.3.6.1.4.1.32473.1": "citizen"}.get,
    trust_sets=(), services=(), enrolment=(),  # as in eds.country.kz
    policies=tuple, profiles=tuple,  # texts in the forms of docs/validation.md and profiles.md
)  # fmt: skip
