"""People who do not exist: made from a seed, or read from a file.

The same seed gives the same people everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from ...country.contract import Country, PersonFacts
from ...errors import MalformedEvidence
from ..encoding import from_data, to_data
from ..evidence.assertions import (
    Answer,
    DocumentAnswer,
    DocumentStatus,
    LifeStatus,
    PhoneAnswer,
    RegisterAnswer,
    Topic,
)
from ..evidence.mrz import MrzFormat, Sex
from ..evidence.mrzwriting import write_mrz
from ..evidence.states import ALPHA_2
from ..people import DocumentIdentity, Residency

PEOPLE_LIMIT: Final = 10_000
_SURNAMES: Final = ("ERIKSSON", "MUSTERMANN", "SPECIMEN", "STEVENSON", "EXAMPLE", "SAMPLE")
_GIVEN: Final = ("ANNA MARIA", "ERIKA", "PETER JOHN", "AIGERIM", "TIMUR", "LOUISE")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPerson:
    """Somebody who does not exist. A living resident, unless said otherwise.

    `nationality` is the code of a zone (three letters), and issues the document.
    """

    personal_number: str = field(repr=False)
    surname: str
    given_name: str = ""
    patronymic: str = ""
    born: date = field(repr=False)
    sex: Sex
    nationality: str = "UTO"
    residency: Residency = Residency.RESIDENT
    permission_until: datetime | None = None
    phone: str = field(default="", repr=False)
    document_number: str = field(repr=False)
    document_expiry: date
    document_status: DocumentStatus = DocumentStatus.VALID
    life: LifeStatus = LifeStatus.LIVING
    has_photo: bool = True

    @property
    def document(self) -> tuple[str, str]:
        """Country (two letters) and number, as the desk asks for a document."""
        return ALPHA_2.get(self.nationality, self.nationality), self.document_number

    @property
    def identity(self) -> DocumentIdentity:
        """What an operator reads in the document and the permission to stay."""
        country, number = self.document
        return DocumentIdentity(
            country=country,
            number=number,
            surname=self.surname,
            given_name=self.given_name or None,
            born=self.born,
            nationality=country,
            expires=self.document_expiry,
            permission_until=self.permission_until,
        )

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

    @property
    def facts(self) -> PersonFacts:
        return PersonFacts(
            personal_number=self.personal_number,
            surname=self.surname,
            given_name=self.given_name,
            patronymic=self.patronymic,
        )

    @property
    def answers(self) -> dict[Topic, Answer]:
        """What register, telephone base and issuer of the document would assert (`Voice.say`)."""
        number = self.personal_number
        return {
            Topic.REGISTER: RegisterAnswer(
                life=self.life,
                personal_number=number,
                surname=self.surname,
                given_name=self.given_name,
                born=self.born,
                nationality=self.nationality,
            ),
            Topic.PHONE: PhoneAnswer(personal_number=number, phone=self.phone),
            Topic.DOCUMENT_STATUS: DocumentAnswer(
                issuing_state=self.nationality,
                number=self.document_number,
                status=self.document_status,
            ),
        }


def simulated_people(
    seed: str,
    count: int,
    *,
    at: datetime,
    personal_number: Callable[[date, int], str],
    residency: Residency = Residency.RESIDENT,
    nationality: str = "UTO",
) -> Iterator[SimulatedPerson]:
    """`count` people of that seed. `personal_number` is the country's rule: (birth, ordinal),
    as `Country.example_number`; odd ordinals are women.
    """
    stays = at.replace(microsecond=0) + timedelta(days=300)
    for ordinal in range(count):
        grain = hashlib.sha256(f"{seed}\0{ordinal}".encode()).digest()
        number = int.from_bytes(grain, "big")
        born = date(1950, 1, 1) + timedelta(days=number % 18_000)
        is_resident = residency is Residency.RESIDENT
        yield SimulatedPerson(
            personal_number=personal_number(born, ordinal),
            surname=_SURNAMES[grain[0] % len(_SURNAMES)],
            given_name=_GIVEN[grain[1] % len(_GIVEN)],
            born=born,
            sex=Sex.FEMALE if ordinal % 2 else Sex.MALE,
            nationality=nationality,
            residency=residency,
            permission_until=None if is_resident else stays,
            phone=f"+999{number % 10**9:09d}" if is_resident else "",  # +999 is nobody's
            document_number=f"N{number % 10**8:08d}",
            document_expiry=at.date() + timedelta(days=1000 + grain[3]),
            has_photo=is_resident,
        )


def write_people(people: Iterable[SimulatedPerson]) -> bytes:
    """A file of people (JSON, in lines to be edited by hand), as `read_people` takes it."""
    rows = [to_data(person) for person in people]
    return (json.dumps({"people": rows}, ensure_ascii=False, indent=1) + "\n").encode()


def read_people(octets: bytes) -> tuple[SimulatedPerson, ...]:
    """The people of a file. Raises MalformedEvidence, with the ordinal of the person at fault."""
    try:
        rows = json.loads(octets.decode())["people"]
        if not isinstance(rows, list) or len(rows) > PEOPLE_LIMIT:
            raise MalformedEvidence(field="people", reason="not a list, or too long")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MalformedEvidence(field="people", reason="not a file of people") from None
    found = []
    for ordinal, row in enumerate(rows):
        try:
            found.append(from_data(SimulatedPerson, row))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise MalformedEvidence(field=f"people[{ordinal}]", reason="not a person") from None
    numbers = [person.personal_number for person in found]
    if len(set(numbers)) != len(numbers):
        raise MalformedEvidence(field="people", reason="two with one personal number")
    return tuple(found)


def subject_by_standard(person: SimulatedPerson) -> Mapping[str, str]:
    """The attributes of a certificate by EN 319 412-1: PNO of a resident, PAS of a passport."""
    country, number = person.document
    if person.residency is Residency.RESIDENT:
        number = person.personal_number
    kind = "PNO" if person.residency is Residency.RESIDENT else "PAS"
    found = {
        "country": country,
        "common_name": " ".join(filter(None, (person.surname, person.given_name))),
        "surname": person.surname,
        "given_name": person.given_name,
        "serial_number": f"{kind}{country}-{number}",
    }
    return {name: text for name, text in found.items() if text}


def demo_people(country: Country, *, at: datetime) -> tuple[SimulatedPerson, ...]:
    """Four residents and three foreigners of a country, with numbers that its rules allow."""
    zone = next((three for three, two in ALPHA_2.items() if two == country.code), "UTO")
    number = country.example_number
    residents = simulated_people(
        f"demo {country.code}", 4, at=at, personal_number=number, nationality=zone
    )
    foreigners = (
        person
        for ordinal, nationality in enumerate(("UTO", "D", "TUR"))
        for person in simulated_people(
            f"guest {country.code} {ordinal}",
            1,
            at=at,
            personal_number=number,
            residency=Residency.NON_RESIDENT,
            nationality=nationality,
        )
    )
    return (*residents, *foreigners)
