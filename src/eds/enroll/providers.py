"""What the flows ask of others, and in which values the answers come.

Registers and message services stand behind the Protocols; readers of evidence hand in the
values. None of them decides: the guards do, upon every field. A simulator says so
(`is_simulator`), and `doctor` refuses it where a desk is in production.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from ..errors import SimulatorRefused
from .evidence.assurance import Proof, shown_by
from .kinds import EvidenceKind
from .people import DocumentIdentity, Snapshot


class DocumentState(Enum):
    """What the issuer of a document says of it; UNKNOWN is never CURRENT."""

    CURRENT = "current"
    EXPIRED = "expired"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEvidence:
    """A piece of evidence that a reader has verified: `octets` are kept, sealed.

    `holder` is the pseudonym of the person or document that it speaks of; `challenge` is what
    its chip or key answered to (None: it cannot answer, which says less). `document` is what the
    status of its document is asked for with: country and number. `proves` is what it shows
    beyond its kind (`eds.enroll.evidence.assurance.SHOWN`). Raises InvalidArgument for more.
    """

    kind: EvidenceKind
    octets: bytes = field(repr=False)
    holder: str
    challenge: bytes | None = None
    valid_until: datetime | None = None
    document: tuple[str, ...] = field(default=(), repr=False)
    proves: frozenset[Proof] = frozenset()

    def __post_init__(self) -> None:
        shown_by(self.kind, self.proves)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceAssertion:
    """What a liveness and face-match provider said, its signature already verified.

    `identifier` is its own number of the assertion, used once. `score` is of 1000. `active`
    says that the person was asked to do something; passive liveness alone clears nobody.
    """

    issuer: str
    identifier: str
    audience: str
    application: str
    challenge: bytes
    reference: EvidenceKind
    alive: bool
    active: bool
    injection_checked: bool
    score: int | None
    captured_at: datetime
    octets: bytes = field(repr=False)


class Provider(Protocol):
    """What all of them have in common."""

    @property
    def is_simulator(self) -> bool: ...


class PopulationRegister(Provider, Protocol):
    """The state's register of people. Raises ProviderUnavailable."""

    def look_up(self, personal_number: str, *, at: datetime) -> Snapshot | None:
        """The one person with that number; None where there is none, or more than one."""
        ...

    def allot(self, identity: DocumentIdentity, *, application: str, at: datetime) -> Snapshot:
        """The entry of a document's person, made if need be: the same for the same person."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationEntry:
    """What the register of legal entities said of one organisation at one instant.

    `subject` are its attributes in a certificate (`organization`, `organization_identifier`, or as
    its country has it: `Country.organisation_subject_of`); `head` is the personal number of whoever
    heads it.
    """

    number: str
    subject: Mapping[str, str]
    head: str = field(repr=False)
    active: bool
    taken_at: datetime


class OrganisationRegister(Provider, Protocol):
    """The state's register of legal entities. Raises ProviderUnavailable."""

    def look_up(self, number: str, *, at: datetime) -> OrganisationEntry | None:
        """The one organisation with that number; None where there is none."""
        ...


class PhoneBase(Provider, Protocol):
    """The state's base of telephone numbers. Raises ProviderUnavailable."""

    def contact_of(self, personal_number: str, *, at: datetime) -> str | None: ...


class DocumentRegister(Provider, Protocol):
    """What is known of documents: lost, withdrawn, expired. Raises ProviderUnavailable."""

    def state_of(self, country: str, number: str, *, at: datetime) -> DocumentState: ...


class Notifier(Provider, Protocol):
    """Sends messages to addresses. Raises ProviderUnavailable where one was not taken."""

    def send(self, address: str, kind: str, words: Mapping[str, str], *, at: datetime) -> None: ...


class AssertionReader(Provider, Protocol):
    """Verifies the signature of an assertion by pinned keys. Raises what it finds wrong."""

    def read(self, token: bytes, *, at: datetime) -> FaceAssertion: ...


def require_real(providers: Iterable[Any]) -> None:
    """Raises SimulatorRefused where one of them is a simulator: not in production."""
    for each in providers:
        if getattr(each, "is_simulator", False):
            raise SimulatorRefused(provider=type(each).__name__)
