"""Kazakhstan: the National Certification Authority (NCA RK) and those it certifies.

docs/kazakhstan.md is the page. All of it is data and readers; nothing here trusts anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from importlib import resources
from types import MappingProxyType
from typing import Final

from ...errors import IdentityNumberRefused
from ..contract import Country, IdentityNumber, SubjectCheck
from .enrolment import ENROLMENT, organisation_subject_of, subject_of
from .holders import read_holder, recognises
from .known import PRODUCTION, SERVICES, TEST
from .numbers import example_iin, read_bin, read_iin, read_number
from .terms import term

_LABELS: Final = MappingProxyType(
    {
        "kind": "holder",
        "key_use": "key",
        "surname": "surname",
        "given_name": "given name",
        "patronymic": "patronymic",
        "personal_number": "IIN",
        "organisation": "organisation",
        "organisation_number": "BIN",
        "name": "name",
        "system_oid": "system OID",
        "treasury_code": "treasury code",
        "treasury_role": "treasury role",
        "roles": "roles",
        "identified_by": "identified by",
        "key_storage": "key storage",
        "email": "e-mail",
        "locality": "locality",
        "region": "region",
        "policies": "policies",
        "warnings": "warnings",
    }
)


def _check(mark: str, read: Callable[[str], IdentityNumber]) -> SubjectCheck:
    """Why a subject's `IIN…` or `BIN…` may not be certified on a day."""

    def check(text: str, on: date | None) -> str | None:
        try:
            read(text.removeprefix(mark)).require_assignable(on=on)
        except IdentityNumberRefused as error:
            return error.reason
        return None

    return check


def _policies() -> tuple[str, ...]:
    return (resources.files(__name__).joinpath("policy.toml").read_text(encoding="utf-8"),)


def _profiles() -> tuple[bytes, ...]:
    return tuple(
        entry.read_bytes()
        for entry in resources.files(__name__).joinpath("profile_data").iterdir()
        if entry.name.endswith(".json")
    )


COUNTRY: Final = Country(
    code="KZ",
    name="Kazakhstan",
    labels=_LABELS,
    recognises=recognises,
    read_holder=read_holder,
    read_number=read_number,
    subject_checks=MappingProxyType(
        {"kz-iin": _check("IIN", read_iin), "kz-bin": _check("BIN", read_bin)}
    ),
    terms=term,
    trust_sets=(PRODUCTION, TEST),
    services=SERVICES,
    policies=_policies,
    profiles=_profiles,
    read_personal_number=read_iin,
    read_organisation_number=read_bin,
    subject_of=subject_of,
    organisation_subject_of=organisation_subject_of,
    example_number=example_iin,
    enrolment=ENROLMENT,
)
