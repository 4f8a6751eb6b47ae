"""Simulators of providers that sign what they say, for demonstrations and tests; not real ones.

Each signs what it says with a key that it is given, as a real provider would, and says of itself
that it is a simulator; a desk in production refuses it. People are made from a seed: the same seed
gives the same people everywhere, and none of them exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from ...errors import InvalidArgument
from .assertions import (
    Answer,
    Detection,
    DocumentAnswer,
    DocumentStatus,
    Expectation,
    FaceMatch,
    FaceReference,
    LifeStatus,
    LivenessMethod,
    PhoneAnswer,
    RegisterAnswer,
    Topic,
    TrustedProvider,
    write_assertion,
)
from .jws import TokenSigner
from .mrz import MrzFormat, Sex
from .mrzwriting import write_mrz

_SURNAMES: Final = ("ERIKSSON", "MUSTERMANN", "SPECIMEN", "STEVENSON", "EXAMPLE", "SAMPLE")
_GIVEN: Final = ("ANNA MARIA", "ERIKA", "PETER JOHN", "AIGERIM", "TIMUR", "LOUISE")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPerson:
    """Somebody who does not exist. A living resident, unless changed with `replace`."""

    personal_number: str = field(repr=False)
    surname: str
    given_name: str
    born: date = field(repr=False)
    sex: Sex
    nationality: str = "UTO"
    phone: str = field(default="", repr=False)
    document_number: str = field(repr=False)
    document_expiry: date
    document_status: DocumentStatus = DocumentStatus.VALID
    life: LifeStatus = LifeStatus.LIVING

    @property
    def mrz(self) -> str:
        """The zone of this person's passport (TD3)."""
        return write_mrz(
            MrzFormat.TD3,
            issuing_state=self.nationality,
            primary_identifier=self.surname,
            secondary_identifier=self.given_name,
            number=self.document_number,
            nationality=self.nationality,
            birth=self.born,
            sex=self.sex,
            expiry=self.document_expiry,
        )


def simulated_people(
    seed: str,
    count: int,
    *,
    at: datetime,
    personal_number: Callable[[date, int], str],
) -> Iterator[SimulatedPerson]:
    """`count` people of that seed. `personal_number` is the country's rule: (birth, ordinal)."""
    for ordinal in range(count):
        grain = hashlib.sha256(f"{seed}\0{ordinal}".encode()).digest()
        number = int.from_bytes(grain, "big")
        born = date(1950, 1, 1) + timedelta(days=number % 18_000)
        yield SimulatedPerson(
            personal_number=personal_number(born, ordinal),
            surname=_SURNAMES[grain[0] % len(_SURNAMES)],
            given_name=_GIVEN[grain[1] % len(_GIVEN)],
            born=born,
            sex=Sex.FEMALE if grain[2] & 1 else Sex.MALE,
            phone=f"+999{number % 10**9:09d}",  # +999 is assigned to nobody
            document_number=f"N{number % 10**8:08d}",
            document_expiry=at.date() + timedelta(days=1000 + grain[3]),
        )


class _SignedSimulator:
    """A provider that is none: a topic, a name and a key."""

    is_simulator: Final = True
    topic: Topic

    def __init__(self, signer: TokenSigner, *, issuer: str, key_id: str = "simulator") -> None:
        self._signer = signer
        self._issuer = issuer
        self._key_id = key_id
        self._said = 0

    @property
    def trusted(self) -> TrustedProvider:
        """What a desk configures to rely on it; it says that it is a simulator."""
        return TrustedProvider(
            issuer=self._issuer,
            public_key=self._signer.public_key,
            algorithm=self._signer.algorithm,
            key_id=self._key_id,
            topics=frozenset({self.topic}),
            is_simulator=True,
        )

    def _say(self, answer: Answer, expected: Expectation, at: datetime) -> bytes:
        if expected.topic is not self.topic:
            raise InvalidArgument(argument="expected", reason="of another topic")
        self._said += 1
        return write_assertion(
            answer,
            expected=expected,
            issuer=self._issuer,
            transaction=f"{self.topic.value}-{int(at.timestamp())}-{self._said}",
            at=at,
            signer=self._signer,
            key_id=self._key_id,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._issuer}>"


class _PeopleSimulator(_SignedSimulator):
    def __init__(
        self,
        people: Iterable[SimulatedPerson],
        signer: TokenSigner,
        *,
        issuer: str,
        key_id: str = "simulator",
    ) -> None:
        super().__init__(signer, issuer=issuer, key_id=key_id)
        self._people = tuple(people)

    def _person(self, personal_number: str) -> SimulatedPerson | None:
        found = [one for one in self._people if one.personal_number == personal_number]
        return found[0] if len(found) == 1 else None


class PopulationRegisterSimulator(_PeopleSimulator):
    """A population register with simulated people."""

    topic = Topic.REGISTER

    def ask(self, personal_number: str, *, expected: Expectation, at: datetime) -> bytes:
        """A signed RegisterAnswer."""
        person = self._person(personal_number)
        if person is None:
            return self._say(RegisterAnswer(life=LifeStatus.NOT_FOUND), expected, at)
        answer = RegisterAnswer(
            life=person.life,
            personal_number=person.personal_number,
            surname=person.surname,
            given_name=person.given_name,
            born=person.born,
            nationality=person.nationality,
        )
        return self._say(answer, expected, at)


class PhoneBaseSimulator(_PeopleSimulator):
    """A base of telephone numbers."""

    topic = Topic.PHONE

    def ask(self, personal_number: str, *, expected: Expectation, at: datetime) -> bytes:
        """A signed PhoneAnswer, empty where there is no number."""
        person = self._person(personal_number)
        phone = "" if person is None else person.phone
        answer = PhoneAnswer(personal_number=personal_number, phone=phone)
        return self._say(answer, expected, at)


class DocumentStatusSimulator(_PeopleSimulator):
    """A register of documents."""

    topic = Topic.DOCUMENT_STATUS

    def ask(self, issuing_state: str, number: str, *, expected: Expectation, at: datetime) -> bytes:
        """A signed DocumentAnswer, UNKNOWN for documents of nobody here."""
        status = next(
            (
                one.document_status
                for one in self._people
                if (one.nationality, one.document_number) == (issuing_state, number)
            ),
            DocumentStatus.UNKNOWN,
        )
        answer = DocumentAnswer(issuing_state=issuing_state, number=number, status=status)
        return self._say(answer, expected, at)


class FaceMatchSimulator(_SignedSimulator):
    """A provider of face match and liveness that scores as it is told."""

    topic = Topic.FACE_MATCH

    def ask(
        self,
        capture: bytes,
        *,
        reference: FaceReference,
        score: int,
        expected: Expectation,
        at: datetime,
        liveness: LivenessMethod = LivenessMethod.ACTIVE,
        presentation: Detection = Detection.CLEAN,
        injection: Detection = Detection.CLEAN,
    ) -> bytes:
        """A signed FaceMatch of that score over the digest of `capture`."""
        answer = FaceMatch(
            reference=reference,
            score=score,
            threshold=700,
            liveness=liveness,
            presentation=presentation,
            presentation_level=2,
            injection=injection,
            captured_at=at,
            capture_digest=hashlib.sha256(capture).digest(),
        )
        return self._say(answer, expected, at)


class NotificationSimulator:
    """A message service that sends nothing and keeps what it was given."""

    is_simulator: Final = True

    def __init__(self) -> None:
        self.sent: list[tuple[datetime, str, str]] = []

    def send(self, address: str, text: str, *, at: datetime) -> None:
        """Keep a message instead of sending it."""
        self.sent.append((at, address, text))

    def __repr__(self) -> str:
        return f"<NotificationSimulator {len(self.sent)} messages>"
