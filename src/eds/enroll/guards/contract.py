"""What a guard is: its arguments, its answer, and where it is entered by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ..application import Application
from ..failures import Code, Failure
from ..officials import ActingOfficial, Official
from ..people import Snapshot
from ..policy import EnrolmentPolicy
from ..providers import CheckedEvidence, DocumentState, FaceAssertion
from ..states import Flow

SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the actor asks: the act, and what belongs to it.

    `token_ok` says that the applicant showed what only they were given. `reason` is a code.
    """

    act: str
    token_ok: bool = False
    reason: str = ""
    consent: bool = False
    terms: bytes = b""
    profile: str = ""
    flow: Flow | None = None
    station: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrganisation:
    """What the register of legal entities says, in pseudonyms: which one, and who heads it."""

    organisation: str
    head: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedMandate:
    """Whom a mandate empowers to what, and who signed it (nobody: `signer` is empty)."""

    signer: str
    organisation: str
    person: str
    profile: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found out for one act. None means that nobody asked, which fails the guard."""

    applications_today: int | None = None
    people_of_device: int | None = None
    people_of_contact: int | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)
    subject: str = ""  # the pseudonym of the snapshot's person
    organisation: KnownOrganisation | None = None
    mandate: CheckedMandate | None = None
    contact: str = ""
    sends_today: int | None = None
    code_correct: bool | None = None
    evidence: tuple[CheckedEvidence, ...] = ()
    document: DocumentState | None = None
    document_locked: bool | None = None
    assertion: FaceAssertion | None = None
    risk: int | None = None
    acting: ActingOfficial | None = None
    acts_today: int | None = None
    deciders: Mapping[str, Official | None] = field(default_factory=dict)
    decisions_verified: bool | None = None
    evidence_intact: bool | None = None
    permission_until: datetime | None = None
    secret_correct: bool | None = None
    possession: bool | None = None
    possession_for_this: bool | None = None
    key_known: bool | None = None
    names_fit: bool | None = None
    confirmed: bool | None = None
    living_key: str = ""  # pseudonym of the person whose living certificate signed
    living_key_valid: bool | None = None
    existing_eds_valid: bool | None = None
    second_factor: bool | None = None
    active_certificates: int | None = None
    certificate_fits: bool | None = None
    challenge_signed: bool | None = None
    notice_sent: bool | None = None


Found = Iterator[Failure]
Guard = Callable[[Application, Findings, Request, EnrolmentPolicy, datetime], Found]
GUARDS: Final[dict[str, Guard]] = {}


def guard(function: Guard) -> Guard:
    """Enters it under its name."""
    GUARDS[function.__name__] = function
    return function


def unless(holds: object, code: Code, fact: str = "") -> Found:
    """That failure, unless it holds."""
    if holds is not True:
        yield Failure(code=code, fact=fact)


def below(count: int | None, limit: int, code: Code) -> Found:
    """That failure, unless somebody counted and found fewer."""
    if count is None or count >= limit:
        yield Failure(code=code, fact="" if count is None else f"{count} of {limit}")
