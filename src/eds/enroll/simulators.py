"""Simulators of what a state provides, with people of a test's own: never for production.

Each says `is_simulator`; `eds.enroll.providers.require_real` refuses them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..errors import MalformedStatement, ProviderUnavailable
from .encoding import encode
from .kinds import EvidenceKind
from .people import DocumentIdentity, Residency, Snapshot
from .providers import DocumentState, FaceAssertion


class Simulator:
    """What all of them are."""

    is_simulator = True


@dataclass
class SimulatedPopulation(Simulator):
    """People by their number; numbers for foreigners are drawn from `numbers`, in order.

    `personal` makes the subject of a foreigner's certificate say the number as a country does.
    """

    people: dict[str, Snapshot] = field(default_factory=dict, repr=False)
    numbers: list[str] = field(default_factory=list, repr=False)
    allotted: dict[str, str] = field(default_factory=dict, repr=False)
    is_down: bool = False

    def look_up(self, personal_number: str, *, at: datetime) -> Snapshot | None:
        self._answer()
        found = self.people.get(personal_number)
        return None if found is None else replace(found, taken_at=at)

    def allot(self, identity: DocumentIdentity, *, application: str, at: datetime) -> Snapshot:
        del application  # the same document, the same entry
        self._answer()
        document = f"{identity.country}{identity.number}"
        if document not in self.allotted:
            number = self.numbers.pop(0)
            self.allotted[document] = number
            subject = {
                "country": identity.country,
                "common_name": " ".join(filter(None, (identity.surname, identity.given_name))),
                "surname": identity.surname,
                "serial_number": f"PAS{identity.country}-{identity.number}",
            }
            if identity.given_name:
                subject["given_name"] = identity.given_name
            self.people[number] = Snapshot(
                personal_number=number,
                subject=subject,
                born=identity.born,
                alive=True,
                residency=Residency.NON_RESIDENT,
                taken_at=at,
                permission_until=identity.permission_until,
            )
        return replace(self.people[self.allotted[document]], taken_at=at)

    def _answer(self) -> None:
        if self.is_down:
            raise ProviderUnavailable(provider="population register", reason="simulated outage")


@dataclass
class SimulatedPhones(Simulator):
    """Telephone numbers by personal number."""

    numbers: dict[str, str] = field(default_factory=dict, repr=False)

    def contact_of(self, personal_number: str, *, at: datetime) -> str | None:
        del at
        return self.numbers.get(personal_number)


@dataclass
class SimulatedDocuments(Simulator):
    """Documents are current unless `states` says otherwise."""

    states: dict[tuple[str, str], DocumentState] = field(default_factory=dict, repr=False)

    def state_of(self, country: str, number: str, *, at: datetime) -> DocumentState:
        del at
        return self.states.get((country, number), DocumentState.CURRENT)


@dataclass
class SimulatedNotifier(Simulator):
    """Keeps what it would have sent: (address, kind, words)."""

    sent: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list, repr=False)
    is_down: bool = False

    def send(self, address: str, kind: str, words: Mapping[str, str], *, at: datetime) -> None:
        del at
        if self.is_down:
            raise ProviderUnavailable(provider="notifier", reason="simulated outage")
        self.sent.append((address, kind, words))


@dataclass
class SimulatedFaces(Simulator):
    """A provider of liveness and face match whose assertions carry an HMAC under `key`.

    What stands in for a JWS with a pinned key; `assertion` makes one as the provider would.
    """

    key: bytes = field(repr=False)
    issuer: str = "simulated-faces"

    def assertion(
        self,
        *,
        identifier: str,
        audience: str,
        application: str,
        challenge: bytes,
        at: datetime,
        reference: EvidenceKind = EvidenceKind.REGISTER_PHOTO,
        score: int | None = 980,
        alive: bool = True,
        active: bool = True,
        injection_checked: bool = True,
    ) -> bytes:
        """A token that `read` believes."""
        body = encode(
            {
                "identifier": identifier,
                "audience": audience,
                "application": application,
                "challenge": challenge,
                "at": at.timestamp().__int__(),
                "reference": reference,
                "score": score,
                "alive": alive,
                "active": active,
                "injection_checked": injection_checked,
            }
        )
        return body + hmac.new(self.key, body, hashlib.sha256).digest()

    def read(self, token: bytes, *, at: datetime) -> FaceAssertion:
        """Raises MalformedStatement for a token that this provider did not make."""
        body, tag = token[:-32], token[-32:]
        if not hmac.compare_digest(hmac.new(self.key, body, hashlib.sha256).digest(), tag):
            raise MalformedStatement(reason="the assertion is not signed by the provider")
        said = json.loads(body)
        return FaceAssertion(
            issuer=self.issuer,
            identifier=said["identifier"],
            audience=said["audience"],
            application=said["application"],
            challenge=bytes.fromhex(said["challenge"]),
            reference=EvidenceKind(said["reference"]),
            alive=said["alive"],
            active=said["active"],
            injection_checked=said["injection_checked"],
            score=said["score"],
            captured_at=datetime.fromtimestamp(said["at"], tz=at.tzinfo),
            octets=token,
        )
