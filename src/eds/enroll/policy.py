"""What a desk demands, as data: limits, timers, profiles.

Whoever runs a desk may choose other values; nothing here or in a guard asks where it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final

from ..country.contract import Country
from ..errors import IdentityNumberRefused, InvalidArgument
from .evidence.assurance import Level
from .evidence.codes import LETTERS, CodePolicy
from .people import Residency
from .states import TIMERS, Flow, State, Timer


class Represents(Enum):
    """How somebody speaks for an organisation: as its head, or by a mandate of its head."""

    HEAD = "head"
    MANDATE = "mandate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRule:
    """Who may ask for a certificate of this profile, by which ways, and how surely proven.

    `services` are what it opens to its holder: all of them where it is empty. `identified` are
    the purposes by which the certificate says how its holder was identified: `remote`, `centre`.
    """

    residency: Residency
    flows: frozenset[Flow]
    minimum: Level
    represents: Represents | None = None
    title: str = ""  # of those who represent an organisation
    services: frozenset[str] = frozenset()
    identified: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_RESIDENT: Final = ProfileRule(
    residency=Residency.RESIDENT,
    flows=frozenset({Flow.REMOTE, Flow.RENEWAL}),
    minimum=Level.BASELINE,
)
_NON_RESIDENT: Final = ProfileRule(
    residency=Residency.NON_RESIDENT,
    flows=frozenset({Flow.CENTRE, Flow.RENEWAL}),
    minimum=Level.BASELINE,
    services=frozenset({"business", "migration", "property", "tax"}),
)
PROFILES: Final[Mapping[str, ProfileRule]] = MappingProxyType(
    {
        "natural-person-signature": _RESIDENT,
        "natural-person-authentication": _RESIDENT,
        "non-resident-signature": _NON_RESIDENT,
        "non-resident-authentication": _NON_RESIDENT,
    }
)


def _of_organisations(represents: Represents, title: str = "") -> ProfileRule:
    return ProfileRule(
        residency=Residency.RESIDENT,
        flows=frozenset({Flow.REMOTE}),  # renewed by being asked anew: people come and go
        minimum=Level.BASELINE,
        represents=represents,
        title=title,
    )


ORGANISATION_PROFILES: Final[Mapping[str, ProfileRule]] = MappingProxyType(
    {
        "legal-entity-head": _of_organisations(Represents.HEAD, "Head"),
        "legal-entity-signer": _of_organisations(Represents.MANDATE, "Authorised signatory"),
        "legal-entity-finance": _of_organisations(Represents.MANDATE, "Financial signatory"),
        "legal-entity-hr": _of_organisations(Represents.MANDATE, "Personnel signatory"),
        "legal-entity-employee": _of_organisations(Represents.MANDATE),
    }
)
"""For desks that ask a register of legal entities."""


def profiles_of(country: Country) -> Mapping[str, ProfileRule]:
    """The rules of a country, for its own certificate profiles.

    Raises ValueError where its data name what this room does not know.
    """
    return MappingProxyType(
        {
            rule.profile: ProfileRule(
                residency=Residency(rule.residency),
                flows=frozenset(Flow(flow) for flow in rule.flows),
                minimum=Level[rule.minimum.upper()],
                represents=Represents(rule.represents) if rule.represents else None,
                services=frozenset(rule.services),
                identified=rule.identified,
            )
            for rule in country.enrolment
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentPolicy:
    """The limits of one desk. `terms` is the SHA-256 of the terms in force.

    With a `country`, a number of a person or an organisation that its rules do not allow is
    refused before anybody is asked about it; `profiles` are then mostly `profiles_of(country)`.

    Raises InvalidArgument for fewer than two deciding people: one never decides alone.
    """

    name: str
    version: str
    terms: bytes
    stations: frozenset[str]
    audience: str  # what a provider's assertion must be addressed to
    profiles: Mapping[str, ProfileRule] = field(default_factory=lambda: PROFILES)
    country: Country | None = None
    accepted_documents: frozenset[str] = frozenset()  # countries; empty: all
    timers: Mapping[State, Timer] = field(default_factory=lambda: MappingProxyType(TIMERS))
    holidays: frozenset[date] = frozenset()
    remote_lifetime: timedelta = timedelta(hours=72)
    centre_lifetime: timedelta = timedelta(days=60)
    minimum_age: int = 16
    applications_a_day: int = 3
    code_lasts: timedelta = timedelta(minutes=10)
    code_length: int = 6
    code_tries: int = 3
    sends_a_day: int = 3
    people_a_contact: int = 2
    people_a_device: int = 2
    sharing_window: timedelta = timedelta(days=30)
    evidence_tries: int = 3
    document_locks: int = 3  # then it is locked for good
    face_checks: int = 5
    face_threshold: int = 900  # of 1000
    assertion_lasts: timedelta = timedelta(minutes=10)
    risk_review: int = 30  # from here on people decide
    deciding_people: int = 2
    operator_records_a_day: int = 40
    checker_decisions_a_day: int = 80
    pair_percent: int = 30  # of a month's cases between the same two: above it, an alert
    least_thought: timedelta = timedelta(seconds=60)
    returns: int = 2
    secret_tries: int = 5
    secret_lasts: timedelta = timedelta(days=30)
    active_certificates: int = 2
    renewals: int = 2
    act_lasts: timedelta = timedelta(minutes=15)  # from an official's signature to its arrival
    mandate_lasts: timedelta = timedelta(days=30)  # from the signature of an organisation's head

    passphrase_cost: int = 2**15  # of scrypt: N; r = 8, p = 1

    def __post_init__(self) -> None:
        if self.deciding_people < 2:
            raise InvalidArgument(argument="deciding_people", reason="nobody decides alone")
        if len(self.terms) != 32:
            raise InvalidArgument(argument="terms", reason="a SHA-256 digest is wanted")

    def require_number(self, personal_number: str, *, on: date) -> None:
        """Raises IdentityNumberRefused for one that nobody can have been given by that day."""
        if self.country is not None:
            self.country.read_personal_number(personal_number).require_assignable(on=on)

    def require_organisation_number(self, number: str, *, on: date) -> None:
        """Raises IdentityNumberRefused for one that no organisation can have by that day."""
        if self.country is None:
            return
        read = self.country.read_organisation_number
        if read is None:
            reason = f"{self.country.name} has none here"
            raise IdentityNumberRefused(type="organisation", reason=reason)
        read(number).require_assignable(on=on)

    @property
    def contact_code(self) -> CodePolicy:
        """The code that is sent to a telephone or an address."""
        return CodePolicy(
            length=self.code_length, attempts=self.code_tries, lifetime=self.code_lasts
        )

    @property
    def activation_secret(self) -> CodePolicy:
        """The secret in two halves: one is printed at the centre, one is sent."""
        return CodePolicy(
            length=16, alphabet=LETTERS, attempts=self.secret_tries, lifetime=self.secret_lasts
        )

    def lifetime(self, flow: Flow) -> timedelta:
        """How long a whole application may take."""
        return self.centre_lifetime if flow is Flow.CENTRE else self.remote_lifetime

    def timer_end(self, state: State, *, at: datetime) -> datetime | None:
        """When an application that enters `state` at `at` has stood there too long."""
        timer = self.timers.get(state)
        if timer is None:
            return None
        end, days = at + timer.lasts, timer.working_days
        while days:
            end += timedelta(days=1)
            if end.weekday() < 5 and end.date() not in self.holidays:
                days -= 1
        return end
