"""Simulators of what a state provides, for demonstrations and tests: never for production.

All that stands in for a provider is here. Each says `is_simulator`, and
`eds.enroll.providers.require_real` refuses it.
"""

from __future__ import annotations

from .messages import SimulatedNotifier, read_outbox
from .people import (
    SimulatedPerson,
    demo_people,
    read_people,
    simulated_people,
    subject_by_standard,
    write_people,
)
from .registers import (
    SimulatedDocuments,
    SimulatedOrganisation,
    SimulatedOrganisations,
    SimulatedPhones,
    SimulatedPopulation,
)
from .state import SimulatedState, simulated_state
from .voices import SimulatedFaces, SimulatedKey, Simulator, Voice

__all__ = [
    "SimulatedDocuments",
    "SimulatedFaces",
    "SimulatedKey",
    "SimulatedNotifier",
    "SimulatedOrganisation",
    "SimulatedOrganisations",
    "SimulatedPerson",
    "SimulatedPhones",
    "SimulatedPopulation",
    "SimulatedState",
    "Simulator",
    "Voice",
    "demo_people",
    "read_outbox",
    "read_people",
    "simulated_people",
    "simulated_state",
    "subject_by_standard",
    "write_people",
]
