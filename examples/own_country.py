"""A country of your own: one value, found by its entry point. Copy this file and fill it in.

    [project.entry-points."eds.country"]          # in your pyproject.toml
    utopia = "own_country:COUNTRY"

From then on `eds id check --country XU`, `eds inspect`, reports and profiles know the country.
"""

from datetime import date

from eds import Certificate, names
from eds.country.contract import Country, Departure, Holder, HolderKind, IdentityNumber, KeyUse
from eds.errors import IdentityNumberRefused

CHECK_DIGIT = Departure("xu.check_digit", "the check digit is another")


def read_number(text: str) -> IdentityNumber:
    """YYYYMMDD, a number of two digits, and a check digit. A number is never in an error."""
    if not (text.isascii() and text.isdigit() and len(text) == 11):
        raise IdentityNumberRefused(type="number", reason="not eleven digits")
    right = sum(map(int, text[:10])) % 10 == int(text[10])
    try:
        born = date.fromisoformat(text[:8])
    except ValueError:
        raise IdentityNumberRefused(type="number", reason="its first digits are no date") from None
    departures = () if right else (CHECK_DIGIT,)
    return IdentityNumber(
        type="number", country="XU", digits=text, facts=(), departures=departures, begins=born
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
    subject_checks={"xu-number": why_not},
    terms={"1.3.6.1.4.1.32473.1": "citizen"}.get,
    trust_sets=(),
    services=(),
    policies=tuple,  # texts in the form of docs/validation.md
    profiles=tuple,  # texts in the form of docs/profiles.md
)
