"""A state that does not exist, in one folder: people, and the messages that were never sent.

Several processes, and people at a terminal, then see one state. Every provider of it says
`is_simulator`, and a desk in production refuses it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ..ca.files import PRIVATE, write_file
from ..country.contract import Country
from ..errors import InvalidArgument, MalformedEvidence
from .applicant import Standing
from .encoding import from_data, to_data
from .kinds import EvidenceKind
from .simulators import (
    SimulatedOrganisation,
    SimulatedPerson,
    SimulatedState,
    read_outbox,
    read_people,
    simulated_state,
    write_people,
)

_PEOPLE: Final = "people.json"
_ORGANISATIONS: Final = "organisations.json"
_SEED: Final = "seed"
_OUTBOX: Final = "outbox"
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)  # an answer is dated when it is given


class Demonstration:
    """The simulated state of a folder, for a desk (its `audience`) of a country or of none."""

    def __init__(self, folder: Path, *, audience: str, country: Country | None) -> None:
        self.folder = folder
        self._audience = audience
        self._country = country

    @property
    def people(self) -> tuple[SimulatedPerson, ...]:
        """Everybody who lives there. Raises MalformedEvidence, OSError."""
        return read_people((self.folder / _PEOPLE).read_bytes())

    @cached_property
    def state(self) -> SimulatedState:
        """Its providers, over the people of when this was first asked."""
        return simulated_state(
            self.people,
            seed=(self.folder / _SEED).read_text(encoding="utf-8"),
            audience=self._audience,
            at=_LONG_AGO,
            country=self._country,
            outbox=self.folder / _OUTBOX,
            organisations=self.organisations,
        )

    def add(self, person: SimulatedPerson) -> None:
        """Somebody moves in. Raises InvalidArgument for a number that is taken."""
        people = self.people
        if any(each.personal_number == person.personal_number for each in people):
            raise InvalidArgument(argument="person", reason="the number is somebody's already")
        write_file(self.folder / _PEOPLE, write_people((*people, person)), mode=PRIVATE)
        self.__dict__.pop("state", None)

    @property
    def organisations(self) -> tuple[SimulatedOrganisation, ...]:
        """Every organisation there. Raises MalformedEvidence, OSError."""
        try:
            rows = json.loads((self.folder / _ORGANISATIONS).read_bytes())
            return tuple(from_data(SimulatedOrganisation, row) for row in rows)
        except FileNotFoundError:
            return ()
        except (ValueError, TypeError, KeyError, RecursionError):
            raise MalformedEvidence(field="organisations", reason="not a list of them") from None

    def add_organisation(self, organisation: SimulatedOrganisation) -> None:
        """One is founded, or what the register says of it changes."""
        others = (each for each in self.organisations if each.number != organisation.number)
        rows = [to_data(each) for each in (*others, organisation)]
        write_file(self.folder / _ORGANISATIONS, json.dumps(rows).encode(), mode=PRIVATE)
        self.__dict__.pop("state", None)

    def messages(self) -> tuple[dict[str, Any], ...]:
        """What would have been sent, the oldest first: `at`, `address`, `kind`, `words`."""
        return read_outbox(self.folder / _OUTBOX)

    def face(self, standing: Standing, *, score: int, at: datetime) -> bytes:
        """The assertion of a face check, of that score of 1000, as if somebody had held it."""
        return self.state.faces.assertion(
            identifier=secrets.token_hex(16),
            application=standing.application,
            challenge=standing.challenge,
            at=at.replace(microsecond=0),
            reference=EvidenceKind.REGISTER_PHOTO if standing.photo else EvidenceKind.PASSPORT_CHIP,
            score=score,
            capture=secrets.token_bytes(32),
        )


def make_demonstration(folder: Path, people: Iterable[SimulatedPerson]) -> None:
    """A folder in which these people live. Raises OSError."""
    folder.mkdir(mode=0o700)
    write_file(folder / _SEED, secrets.token_hex(16).encode(), mode=PRIVATE)
    write_file(folder / _PEOPLE, write_people(people), mode=PRIVATE)
