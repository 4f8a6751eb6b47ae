"""A state's registers over simulated people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ...country.contract import OrganisationFacts
from ...errors import ProviderUnavailable
from ..evidence.assertions import DocumentStatus, LifeStatus
from ..evidence.mrz import Sex
from ..people import DocumentIdentity, Residency, Snapshot
from ..providers import DocumentState, OrganisationEntry
from .people import SimulatedPerson, subject_by_standard
from .voices import Simulator


@dataclass
class SimulatedPopulation(Simulator):
    """People by their number; foreigners' entries are found, or made, by their document.

    `allotted` is document (country and number, one text) → personal number; for a document that
    is not there a number is drawn from `numbers`, in order. `subject_of` names a person whose
    entry is made here as certificates do.
    """

    people: dict[str, Snapshot] = field(default_factory=dict, repr=False)
    numbers: list[str] = field(default_factory=list, repr=False)
    allotted: dict[str, str] = field(default_factory=dict, repr=False)
    subject_of: Callable[[SimulatedPerson], Mapping[str, str]] = subject_by_standard
    is_down: bool = False

    @classmethod
    def of(
        cls,
        people: Iterable[SimulatedPerson],
        *,
        at: datetime,
        subject_of: Callable[[SimulatedPerson], Mapping[str, str]] = subject_by_standard,
    ) -> SimulatedPopulation:
        """A register of these people, foreigners under their documents."""
        made = cls(subject_of=subject_of)
        for person in people:
            made._enter(person, at)
            if person.residency is Residency.NON_RESIDENT:
                made.allotted["".join(person.document)] = person.personal_number
        return made

    def look_up(self, personal_number: str, *, at: datetime) -> Snapshot | None:
        self._answer()
        found = self.people.get(personal_number)
        return None if found is None else replace(found, taken_at=at)

    def allot(self, identity: DocumentIdentity, *, application: str, at: datetime) -> Snapshot:
        del application  # the same document, the same entry
        self._answer()
        document = f"{identity.country}{identity.number}"
        number = self.allotted.get(document)
        if number is None:
            if not self.numbers:
                raise ProviderUnavailable(
                    provider="population register", reason="the simulation has no number left"
                )
            number = self.allotted[document] = self.numbers.pop(0)
            self._enter(
                SimulatedPerson(
                    personal_number=number,
                    surname=identity.surname,
                    given_name=identity.given_name or "",
                    born=identity.born,
                    sex=Sex.UNSPECIFIED,
                    nationality=identity.country,
                    residency=Residency.NON_RESIDENT,
                    permission_until=identity.permission_until,
                    document_number=identity.number,
                    document_expiry=identity.expires,
                    has_photo=False,
                ),
                at,
            )
        return replace(self.people[number], taken_at=at)

    def _enter(self, person: SimulatedPerson, at: datetime) -> None:
        self.people[person.personal_number] = Snapshot(
            personal_number=person.personal_number,
            subject=dict(self.subject_of(person)),
            born=person.born,
            alive=person.life is LifeStatus.LIVING,
            residency=person.residency,
            taken_at=at,
            has_photo=person.has_photo,
            permission_until=person.permission_until,
        )

    def _answer(self) -> None:
        if self.is_down:
            raise ProviderUnavailable(provider="population register", reason="simulated outage")


@dataclass
class SimulatedPhones(Simulator):
    """Telephone numbers by personal number."""

    numbers: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, people: Iterable[SimulatedPerson]) -> SimulatedPhones:
        """The base of these people's telephones."""
        return cls(numbers={one.personal_number: one.phone for one in people if one.phone})

    def contact_of(self, personal_number: str, *, at: datetime) -> str | None:
        del at
        return self.numbers.get(personal_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedOrganisation:
    """An organisation that does not exist. `head` is a personal number."""

    number: str
    name: str
    head: str = field(repr=False)
    active: bool = True

    @property
    def facts(self) -> OrganisationFacts:
        return OrganisationFacts(number=self.number, name=self.name)


def organisation_by_standard(organisation: OrganisationFacts) -> Mapping[str, str]:
    """Named as EN 319 412-1 does: NTR and the country."""
    return {
        "organization": organisation.name,
        "organization_identifier": f"NTRKZ-{organisation.number}",
    }


@dataclass
class SimulatedOrganisations(Simulator):
    """Organisations by their number; `subject_of` names them as certificates do."""

    entries: dict[str, SimulatedOrganisation] = field(default_factory=dict)
    subject_of: Callable[[OrganisationFacts], Mapping[str, str]] = organisation_by_standard

    @classmethod
    def of(
        cls,
        organisations: Iterable[SimulatedOrganisation],
        *,
        subject_of: Callable[[OrganisationFacts], Mapping[str, str]] = organisation_by_standard,
    ) -> SimulatedOrganisations:
        """The register of these."""
        return cls(entries={one.number: one for one in organisations}, subject_of=subject_of)

    def look_up(self, number: str, *, at: datetime) -> OrganisationEntry | None:
        found = self.entries.get(number)
        if found is None:
            return None
        return OrganisationEntry(
            number=number,
            subject=self.subject_of(found.facts),
            head=found.head,
            active=found.active,
            taken_at=at,
        )


_STATE_OF: Final = {
    DocumentStatus.VALID: DocumentState.CURRENT,
    DocumentStatus.EXPIRED: DocumentState.EXPIRED,
    DocumentStatus.LOST: DocumentState.LOST,
    DocumentStatus.STOLEN: DocumentState.LOST,
    DocumentStatus.WITHDRAWN: DocumentState.LOST,
    DocumentStatus.UNKNOWN: DocumentState.UNKNOWN,
}


@dataclass
class SimulatedDocuments(Simulator):
    """Documents by country and number; others are as `otherwise` says."""

    states: dict[tuple[str, str], DocumentState] = field(default_factory=dict, repr=False)
    otherwise: DocumentState = DocumentState.CURRENT

    @classmethod
    def of(cls, people: Iterable[SimulatedPerson]) -> SimulatedDocuments:
        """The documents of these people; nothing is known of others."""
        states = {one.document: _STATE_OF[one.document_status] for one in people}
        return cls(states=states, otherwise=DocumentState.UNKNOWN)

    def state_of(self, country: str, number: str, *, at: datetime) -> DocumentState:
        del at
        return self.states.get((country, number), self.otherwise)
