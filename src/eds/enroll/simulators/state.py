"""All providers of a state that does not exist, over the same people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ...country.contract import Country
from .messages import SimulatedNotifier
from .people import SimulatedPerson, subject_by_standard
from .registers import (
    SimulatedDocuments,
    SimulatedOrganisation,
    SimulatedOrganisations,
    SimulatedPhones,
    SimulatedPopulation,
    organisation_by_standard,
)
from .voices import SimulatedFaces, SimulatedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedState:
    """A state's providers over the same people: what `eds.enroll.desk.Desk` is made with."""

    people: tuple[SimulatedPerson, ...]
    population: SimulatedPopulation
    phones: SimulatedPhones
    documents: SimulatedDocuments
    notifier: SimulatedNotifier
    faces: SimulatedFaces
    organisations: SimulatedOrganisations = field(default_factory=SimulatedOrganisations)


def simulated_state(
    people: Iterable[SimulatedPerson],
    *,
    seed: str,
    audience: str,
    at: datetime,
    country: Country | None = None,
    outbox: Path | None = None,
    organisations: Iterable[SimulatedOrganisation] = (),
) -> SimulatedState:
    """All providers over `people`. A state of one country names them as its certificates do.

    `seed` makes the key of the face provider, `outbox` is the folder of the notifier.
    """
    people = tuple(people)

    def subject_of(person: SimulatedPerson) -> Mapping[str, str]:
        return subject_by_standard(person) if country is None else country.subject_of(person.facts)

    return SimulatedState(
        people=people,
        population=SimulatedPopulation.of(people, at=at, subject_of=subject_of),
        phones=SimulatedPhones.of(people),
        documents=SimulatedDocuments.of(people),
        notifier=SimulatedNotifier(outbox),
        faces=SimulatedFaces(SimulatedKey(seed), audience=audience),
        organisations=SimulatedOrganisations.of(
            organisations,
            subject_of=(country and country.organisation_subject_of) or organisation_by_standard,
        ),
    )
