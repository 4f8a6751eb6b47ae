"""Who is given certificates of the NCA's templates, and by which ways.

Citizens and residents from home by a face check against the register, since 2025-08-11; a service
centre after five that failed; foreigners without residence at a service centre, where their first
IIN is allotted too. The template is one: no certificate of a non-resident was at hand, and no
mark of residency is known, so the profile of the register tells the two apart.

People of organisations are residents, from home: the head whom the register of legal entities
names, others by the head's mandate. Not `kz-treasury`: the treasury's code and role stand in its
subject, and no register that is asked here knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..contract import EnrolmentRule, OrganisationFacts, PersonFacts

# How the holder was identified (`terms.IDENTIFICATIONS`).
_IDENTIFIED: Final = MappingProxyType(
    {"centre": ("1.2.398.3.3.4.3.1",), "remote": ("1.2.398.3.3.4.3.2",)}
)


def _of_organisations(profile: str, represents: str) -> EnrolmentRule:
    return EnrolmentRule(
        profile=profile,
        residency="resident",
        flows=("remote",),  # renewed by being asked anew: people come and go
        minimum="baseline",
        represents=represents,
        identified=_IDENTIFIED,
    )


ENROLMENT: Final = (
    EnrolmentRule(
        profile="kz-individual",
        residency="resident",
        flows=("remote", "renewal"),
        minimum="baseline",
        identified=_IDENTIFIED,
    ),
    EnrolmentRule(
        profile="kz-non-resident",
        residency="non_resident",
        flows=("centre", "renewal"),
        minimum="baseline",
        services=("business", "migration", "property", "tax"),
        identified=_IDENTIFIED,
    ),
    _of_organisations("kz-head", "head"),
    _of_organisations("kz-signer", "mandate"),
    _of_organisations("kz-finance", "mandate"),
    _of_organisations("kz-hr", "mandate"),
    _of_organisations("kz-employee", "mandate"),
)


def subject_of(person: PersonFacts) -> Mapping[str, str]:
    """CN is "SURNAME NAME", and givenName holds the patronymic (`eds.country.kz.holders`)."""
    found = {
        "country": "KZ",
        "common_name": " ".join(filter(None, (person.surname, person.given_name))),
        "surname": person.surname,
        "serial_number": f"IIN{person.personal_number}",
    }
    if person.patronymic:
        found["given_name"] = person.patronymic
    return found


def organisation_subject_of(organisation: OrganisationFacts) -> Mapping[str, str]:
    """O is the name and OU the BIN (`eds.country.kz.holders`); the role is a purpose of the key."""
    return {
        "organization": organisation.name,
        "organizational_unit": f"BIN{organisation.number}",
    }
