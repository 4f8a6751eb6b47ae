"""What a country brings along: how its certificates and numbers read, and its data.

A country is one value of `Country`, made by the package that bears its ISO 3166-1 code. Other
rooms ask `eds.country` for it and never name a country themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import NamedTuple

from ..certificates import Certificate
from ..errors import IdentityNumberRefused


class Term(NamedTuple):
    """An object identifier and what the country calls it; `word` is None where it is unknown."""

    oid: str
    word: str | None

    @property
    def text(self) -> str:
        """The word and the number, or the number alone."""
        return self.told(str)

    def told(self, translate: Callable[[str], str]) -> str:
        """The same with the word as `translate` gives it."""
        return self.oid if self.word is None else f"{translate(self.word)} ({self.oid})"


class Departure(NamedTuple):
    """One way in which a number or a certificate is not what its country prescribes.

    `code` is stable; `says` one sentence, which never repeats a number or a name.
    """

    code: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityNumber:
    """A number of a person or an organisation, and what it says.

    `type` is what the country calls it, `facts` pairs of a stable key and a value. A number with
    departures may stand in a certificate all the same; no authority may certify it.
    """

    type: str
    country: str
    digits: str = field(repr=False)
    facts: tuple[tuple[str, str], ...] = field(repr=False)
    departures: tuple[Departure, ...] = ()
    begins: date | None = field(default=None, repr=False)
    """The birth or registration that it states, where it states a whole date."""

    def require_assignable(self, *, on: date | None) -> None:
        """Raises IdentityNumberRefused unless the number may have been assigned by that day.

        None: on some day.
        """
        if self.departures:
            raise IdentityNumberRefused(type=self.type, reason=self.departures[0].says)
        if self.begins is not None and on is not None and self.begins > on:
            raise IdentityNumberRefused(type=self.type, reason="its date lies in the future")


SubjectCheck = Callable[[str, date | None], str | None]


class HolderKind(Enum):
    """Who or what a certificate is about."""

    INDIVIDUAL = "individual"
    EMPLOYEE = "employee of an organisation"
    INFORMATION_SYSTEM = "information system"
    SERVICE = "service of the authority"
    AUTHORITY = "certification authority"
    UNKNOWN = "unknown"


class KeyUse(Enum):
    """What the key is certified for."""

    AUTHENTICATION = "AUTH"
    SIGNATURE = "SIGN"
    UNIFIED = "AUTH and SIGN"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The subject of a certificate in the terms of its country. Nothing here is proven by it.

    `roles` are all purposes that are not international, known or not. `details` are further
    pairs of a stable key and a value. `departures` are warnings.
    """

    country: str
    kind: HolderKind
    use: KeyUse
    surname: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    patronymic: str | None = field(default=None, repr=False)
    personal_number: IdentityNumber | None = field(default=None, repr=False)
    organisation: str | None = field(default=None, repr=False)
    organisation_number: IdentityNumber | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    details: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    roles: tuple[Term, ...] = ()
    identified_by: tuple[Term, ...] = ()
    key_storage: tuple[Term, ...] = ()
    policies: tuple[Term, ...] = ()
    departures: tuple[Departure, ...] = ()

    def facts(
        self, translate: Callable[[str], str] = str
    ) -> Iterator[tuple[str, str | tuple[str, ...]]]:
        """(stable key, value) of all that is known, in the order for people to read.

        `translate` gives the words; numbers and names stay as they are.
        """
        personal, organisation = self.personal_number, self.organisation_number
        pairs: tuple[tuple[str, str | tuple[str, ...] | None], ...] = (
            ("kind", translate(self.kind.value)),
            ("key_use", translate(self.use.value)),
            ("surname", self.surname),
            ("given_name", self.given_name),
            ("patronymic", self.patronymic),
            ("personal_number", None if personal is None else personal.digits),
            ("organisation", self.organisation),
            ("organisation_number", None if organisation is None else organisation.digits),
            ("email", self.email),
            *self.details,
            ("roles", tuple(one.told(translate) for one in self.roles)),
            ("identified_by", tuple(one.told(translate) for one in self.identified_by)),
            ("key_storage", tuple(one.told(translate) for one in self.key_storage)),
            ("policies", tuple(one.told(translate) for one in self.policies)),
            ("warnings", tuple(translate(one.says) for one in self.departures)),
        )
        return ((key, value) for key, value in pairs if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCertificate:
    """A certificate that a trust set takes in when somebody brings it.

    `sha256` is of its DER, in hexadecimal. `is_anchor`: believed by itself; else known only.
    """

    sha256: str
    label: str
    is_anchor: bool
    until: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrustSet:
    """The certificates of one hierarchy by fingerprint. `environment`: production or test."""

    name: str
    environment: str
    certificates: tuple[KnownCertificate, ...]
    lacks: str = ""
    """What belongs to the hierarchy and is not listed, for people to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """Where a service answers: configuration to start from, with where it was learnt and when."""

    service: str  # ocsp, time-stamp, crl, delta-crl, ca-certificate
    environment: str
    url: str
    source: str
    seen: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What a register says of a person, to be named in a certificate."""

    personal_number: str = field(repr=False)
    surname: str = field(repr=False)
    given_name: str = field(default="", repr=False)
    patronymic: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFacts:
    """What a register says of an organisation, to be named in certificates of its people."""

    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRule:
    """Who may be given certificates of a profile, and by which ways: words of `eds.enroll`.

    `residency` is `resident` or `non_resident`, `flows` are `remote`, `centre`, `renewal`,
    `minimum` is the level of identity proofing (`baseline`, `extended`). `represents` is how the
    holder speaks for an organisation (`head`, `mandate`), empty for natural persons. `services` are
    what it opens, all where it is empty. `identified` names the purposes that say how the holder
    was identified: `remote` or `centre` → OIDs.
    """

    profile: str
    residency: str
    flows: tuple[str, ...]
    minimum: str
    represents: str = ""
    services: tuple[str, ...] = ()
    identified: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Everything national that other rooms ask for.

    `labels` are words for the keys of facts. `subject_checks` are by name: text of a subject
    attribute and day of issue → why it may not be certified, None where it may. `policies` are
    validation policies in the TOML form of `eds.verify.policies`; `profiles` certificate profiles
    in the JSON form of `eds.ca.profiles`. `read_personal_number` takes people's numbers only,
    `read_organisation_number` those of organisations; `subject_of` makes the attributes of a
    certificate (`eds.ca.subjects`) of a person's facts, `organisation_subject_of` what is added
    for their organisation (a country without these two certifies nobody for one).
    `example_number` gives numbers of people who do not exist, by birth and ordinal.
    """

    code: str
    name: str
    labels: Mapping[str, str]
    recognises: Callable[[Certificate], bool]
    read_holder: Callable[[Certificate], Holder]
    read_number: Callable[[str], IdentityNumber]
    subject_checks: Mapping[str, SubjectCheck]
    terms: Callable[[str], str | None]
    trust_sets: tuple[KnownTrustSet, ...]
    services: tuple[ServiceAddress, ...]
    policies: Callable[[], tuple[str, ...]]
    profiles: Callable[[], tuple[bytes, ...]]
    read_personal_number: Callable[[str], IdentityNumber]
    subject_of: Callable[[PersonFacts], Mapping[str, str]]
    example_number: Callable[[date, int], str]
    enrolment: tuple[EnrolmentRule, ...]
    read_organisation_number: Callable[[str], IdentityNumber] | None = None
    organisation_subject_of: Callable[[OrganisationFacts], Mapping[str, str]] | None = None
