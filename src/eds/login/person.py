"""Who is at the door: a typed subject and what is known of them, each with where it is from.

Nothing is guessed: what no source says is unknown. No repr shows a name or a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, TypeVar

from .. import names
from ..certificates import Certificate
from ..country import holder_of
from ..country.contract import Holder, HolderKind
from ..errors import NameRefused
from ..persons import SemanticsIdentifier
from .methods import KeyRole, MethodFacts

V = TypeVar("V")

UNKNOWN: Final = "unknown"
SERIAL_NUMBER: Final = "serialNumber"


class Residency(Enum):
    """How a person belongs to the country of their identity."""

    CITIZEN = "citizen"
    RESIDENT_FOREIGNER = "resident foreigner"
    NON_RESIDENT = "non-resident"
    UNKNOWN = "unknown"


class AssuranceLevel(Enum):
    """Levels of assurance of Regulation (EU) 910/2014, article 8."""

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"

    def reaches(self, least: AssuranceLevel) -> bool:
        """Whether it is `least` or more."""
        order = tuple(AssuranceLevel)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What tells this person from all others: key accounts by all four together.

    `scheme` is an identity type of EN 319 412-1 (PNO, PAS, IDC, TIN, …), what a country calls its
    number (IIN), or `serialNumber` where the certificate says no more. That one means something
    to its issuer alone, so `authority` is the SHA-256 of the issuer's name then, else empty.
    """

    scheme: str
    country: str
    value: str = field(repr=False)
    authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """On whose behalf a certificate speaks, as it stands there."""

    scheme: str
    country: str
    value: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What somebody is, for which organisation, and by which object identifier of a certificate."""

    kind: str
    organisation: Organisation | None
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """How well the identity was proven, and the login; None: unknown. Each with its source."""

    proofing: AssuranceLevel | None
    proofing_source: str
    authentication: AssuranceLevel | None
    authentication_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a reader found in the subject of a certificate."""

    subject: Subject
    common_name: str = field(repr=False)
    surname: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    patronymic: str | None = field(default=None, repr=False)
    organisation: Organisation | None = None
    roles: tuple[Role, ...] = ()


IdentityReader = Callable[[Certificate], Identity | None]
"""Reads the subject of certificates of one kind; None for any other. May raise DecodeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who it is. Not what they may do, and no session: both are the portal's business.

    `residency_source`, and those of `assurance`, say where it is from, `unknown` where nothing
    says. `evidence` is the SHA-256 of all that the login rests on; `status_at` the instant of
    the status that counted, None where a certificate needs none.
    """

    identity: Identity
    residency: Residency
    residency_source: str
    roles: tuple[Role, ...]
    assurance: Assurance
    method: MethodFacts
    key_role: KeyRole
    certificate: Certificate
    status_at: datetime | None
    evidence: bytes

    @property
    def subject(self) -> Subject:
        """What tells this person from all others."""
        return self.identity.subject


def read_identity(certificate: Certificate) -> Identity | None:
    """The subject in the terms of its country where that is known, else by EN 319 412-1.

    A national number whose check digit or date is wrong names nobody.
    """
    holder = holder_of(certificate)
    return read_semantics(certificate) if holder is None else _of_holder(holder)


def _of_holder(holder: Holder) -> Identity | None:
    number, names_of = holder.personal_number, (holder.surname, holder.given_name)
    if holder.kind not in (HolderKind.INDIVIDUAL, HolderKind.EMPLOYEE):
        return None
    if number is None or number.departures:
        return None
    organisation = None
    if holder.organisation_number is not None:
        organisation = Organisation(
            scheme=holder.organisation_number.type,
            country=holder.organisation_number.country,
            value=holder.organisation_number.digits,
            name=holder.organisation,
        )
    return Identity(
        subject=Subject(scheme=number.type, country=number.country, value=number.digits),
        common_name=" ".join(one for one in names_of if one),
        surname=holder.surname,
        given_name=holder.given_name,
        patronymic=holder.patronymic,
        organisation=organisation,
        # Every certificate says what kind of holder it has; that is a role for an organisation.
        roles=tuple(
            Role(kind=one.word or one.oid, organisation=organisation, basis=one.oid)
            for one in holder.roles
            if organisation is not None
        ),
    )


def read_semantics(certificate: Certificate) -> Identity | None:
    """A subject whose serialNumber is a semantics identifier, or just one of its issuer's.

    None where there is no serialNumber or no country (EN 319 412-2 §4.2.4).
    """
    subject = certificate.subject
    numbers = subject.values(names.SERIAL_NUMBER)
    countries = subject.values(names.COUNTRY)
    if len(numbers) != 1 or len(countries) != 1:
        return None
    try:
        found = SemanticsIdentifier.parse(numbers[0])
    except NameRefused:
        found = None
    if found is not None and not found.is_natural:
        return None
    typed = (
        Subject(
            scheme=SERIAL_NUMBER,
            country=countries[0],
            value=numbers[0],
            authority=hashlib.sha256(certificate.issuer.encoded).hexdigest(),
        )
        if found is None
        else Subject(scheme=found.scheme, country=found.country, value=found.number)
    )
    return Identity(
        subject=typed,
        common_name=_first(subject, names.COMMON_NAME) or "",
        surname=_first(subject, names.SURNAME),
        given_name=_first(subject, names.GIVEN_NAME),
        organisation=_organisation(subject),
    )


def _organisation(subject: names.Name) -> Organisation | None:
    text = _first(subject, names.ORGANIZATION_IDENTIFIER)
    if text is None:
        return None
    name = _first(subject, names.ORGANIZATION)
    try:
        found = SemanticsIdentifier.parse(text)
    except NameRefused:
        return None
    if not found.is_legal:
        return None
    return Organisation(scheme=found.scheme, country=found.country, value=found.number, name=name)


def _first(subject: names.Name, oid: str) -> str | None:
    found = subject.values(oid)
    return found[0] if found else None


def only_one(oids: Iterable[str], table: Mapping[str, V]) -> tuple[V | None, str]:
    """The value that the object identifiers of a certificate have in `table`, and which says so.

    Where two say different things, nothing is known.
    """
    found = {oid: table[oid] for oid in oids if oid in table}
    values = set(found.values())
    if len(values) != 1:
        return None, UNKNOWN
    return values.pop(), f"certificate, {', '.join(sorted(found))}"
