"""The desk: what it works with, and the one way an application moves.

`advance` finds the row, asks its guards, and commits the next version with all that comes with
it. The flows (`remote`, `centre`, `renewal`, `issuing`) only say what was found and what changes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ..errors import EdsError, MessageReused, NaiveDatetime, TransitionRefused, WrongState
from .application import Application, EvidenceItem, evolve
from .encoding import decode, encode
from .evidence.assurance import shown_by
from .evidence.codes import (
    CodeOutcome,
    CodePolicy,
    IssuedCode,
    OneTimeCode,
    check_code,
    issue_code,
)
from .failures import Code, Failure
from .filing import evidence_file
from .guards import Findings, Request, judge
from .kinds import EvidenceKind
from .officials import Office
from .people import Pseudonyms, Snapshot
from .policy import EnrolmentPolicy
from .providers import (
    AssertionReader,
    CheckedEvidence,
    DocumentRegister,
    Notifier,
    OrganisationRegister,
    PhoneBase,
    PopulationRegister,
)
from .statements import SignedAct
from .states import transition
from .store import ApplicationStore, Mark, Message, Step

DAY: Final = timedelta(days=1)
_CODES: Final = "codes"
NOTHING_FOUND: Final = Findings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a desk needs; time comes with each act. `random` gives so many octets."""

    store: ApplicationStore
    policy: EnrolmentPolicy
    pseudonyms: Pseudonyms
    office: Office
    population: PopulationRegister
    phones: PhoneBase
    documents: DocumentRegister
    notifier: Notifier
    assertions: AssertionReader
    organisations: OrganisationRegister | None = None
    random: Callable[[int], bytes] = secrets.token_bytes

    @property
    def providers(self) -> tuple[Any, ...]:
        """What must not be a simulator in production (`eds.enroll.providers.require_real`)."""
        asked = (self.population, self.phones, self.documents, self.notifier, self.assertions)
        return asked if self.organisations is None else (*asked, self.organisations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """How an act arrives: `message` names it (the same again does nothing twice), `at` is now.

    `token` is what the applicant chose when the application was opened, and nobody else has.
    """

    message: str
    at: datetime
    token: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise NaiveDatetime(argument="at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One act towards one row: what is asked, what was found, what changes, what is written."""

    request: Request
    evidence: Findings = NOTHING_FOUND
    changes: Mapping[str, Any] = field(default_factory=dict)
    actor: str = "applicant"
    used: tuple[tuple[str, bytes], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    codes: tuple[OneTimeCode, ...] = ()
    spent: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    effect: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


def advance(
    desk: Desk,
    before: Application,
    move: Move,
    *,
    message: str,
    digest: bytes,
    at: datetime,
    refused: tuple[str, ...] = (),
) -> Application:
    """The next version, committed.

    Raises WrongState, TransitionRefused, ApplicationChanged, ApplicationOpen, EvidenceUsed.
    """
    row = transition(move.request.act, state=before.state, flow=before.flow)
    if row is None:
        raise WrongState(
            application=before.application, state=before.state.value, act=move.request.act
        )
    failures = judge(row, before, move.evidence, move.request, desk.policy, at)
    if failures:
        raise TransitionRefused(failures=failures)
    after = evolve(before, row, move.changes, at=at, policy=desk.policy)
    return desk.store.commit(
        Step(
            before=before,
            after=after,
            act=row.name,
            actor=move.actor,
            at=at,
            message=message,
            digest=digest,
            refused=refused,
            used=move.used,
            files=move.files,
            codes=move.codes,
            spent=move.spent,
            marks=move.marks,
            effect=move.effect,
            details=move.details,
        )
    )


def attempt(
    desk: Desk,
    before: Application,
    move: Move,
    miss: Move,
    *,
    counted: frozenset[Code],
    message: str,
    digest: bytes,
    at: datetime,
) -> Application:
    """`advance`, where a refusal for one of `counted` is an attempt that counts (`miss`).

    Raises as `advance` does; the attempt is counted before the refusal is told.
    """
    try:
        return advance(desk, before, move, message=message, digest=digest, at=at)
    except TransitionRefused as refusal:
        if counted.isdisjoint(failure.code for failure in refusal.failures):
            raise
        # If this is refused too (no attempts left, time over), that is the answer.
        advance(desk, before, miss, message=message, digest=digest, at=at, refused=refusal.codes)
        raise


def by_system(desk: Desk, before: Application, move: Move, *, at: datetime) -> Application:
    """`advance` for what the desk does by itself: once for each version."""
    message = f"{move.request.act}@{before.version}"
    return advance(desk, before, move, message=message, digest=bytes(32), at=at)


def answered(
    desk: Desk, application: str, envelope: Envelope, content: object
) -> tuple[Application | None, bytes]:
    """(the application, where this message was answered before; the digest of the message).

    Raises MessageReused for another content under the same name, and TransitionRefused where that
    was the answer.
    """
    digest = hashlib.sha256(encode(content)).digest()
    before = desk.store.message(application, envelope.message)
    _same_answer(application, before, digest)
    return None if before is None else desk.store.load(application), digest


class Arrived(NamedTuple):
    """What a message meets: the application where it was answered before, the application as it
    stands, the digest of the message.
    """

    known: Application | None
    before: Application
    digest: bytes


def arrived(desk: Desk, application: str, envelope: Envelope, content: object) -> Arrived:
    """The same for a message to an application that is there, read with it at once.

    Raises as `answered` does, and ApplicationNotFound.
    """
    digest = hashlib.sha256(encode(content)).digest()
    found, message = desk.store.arrived(application, envelope.message)
    _same_answer(application, message, digest)
    return Arrived(known=None if message is None else found, before=found, digest=digest)


def _same_answer(application: str, before: Message | None, digest: bytes) -> None:
    if before is None:
        return
    if before.digest != digest:
        raise MessageReused(application=application)
    if before.refused:
        raise TransitionRefused(failures=tuple(Failure(code=Code(each)) for each in before.refused))


def is_token(application: Application, token: bytes) -> bool:
    """Whether the applicant is who opened it, in constant time."""
    return hmac.compare_digest(hashlib.sha256(token).digest(), application.token)


# --- officials ---------------------------------------------------------------------------------


def official_move(before: Application, name: str, signed: SignedAct, move: Move) -> Move:
    """The move with what every act of an official leaves: the act spent, kept and named."""
    who = move.evidence.acting
    digest = hashlib.sha256(signed.statement).digest()
    person = "" if who is None else who.person
    return replace(
        move,
        actor=f"official/{person}",
        used=(*move.used, ("act", digest)),
        files={**move.files, f"act/{name}/{before.version}": encode(signed)},
        details={
            **move.details,
            "act": digest.hex(),
            "signature": hashlib.sha256(signed.signature).hexdigest(),
            "official_certificate": "" if who is None else who.certificate.hex(),
        },
    )


def tell_of_refusal(
    desk: Desk, application: str, act: str, person: str, refusal: TransitionRefused, *, at: datetime
) -> None:
    """An official was refused: the log shows who, what and why; nothing else changes."""
    desk.store.record(
        act="enroll.act.refused",
        actor=f"official/{person}",
        subject=f"application/{application}",
        details={"act": act, "refused": list(refusal.codes)},
        at=at,
    )


# --- evidence ------------------------------------------------------------------------------------


def accepted(
    pieces: tuple[CheckedEvidence, ...],
) -> tuple[tuple[EvidenceItem, ...], tuple[tuple[str, bytes], ...], dict[str, bytes]]:
    """(items for the application, what is spent by them, the files to keep)."""
    items, spent, files = [], [], {}
    for piece in pieces:
        digest = hashlib.sha256(piece.octets).digest()
        items.append(
            EvidenceItem(
                kind=piece.kind,
                digest=digest,
                valid_until=piece.valid_until,
                proves=shown_by(piece.kind, piece.proves),
            )
        )
        spent.append(("evidence", digest))
        files[evidence_file(piece.kind, digest)] = piece.octets
    return tuple(items), tuple(spent), files


def is_intact(desk: Desk, application: Application) -> bool:
    """Whether every piece of evidence is still there, octet for octet."""
    wanted = {(item.kind, item.digest) for item in application.evidence}
    if application.snapshot:
        wanted.add((EvidenceKind.REGISTER, application.snapshot))
    try:
        for kind, digest in wanted:
            kept = desk.store.file(application.application, evidence_file(kind, digest))
            if kept is None or hashlib.sha256(kept).digest() != digest:
                return False
    except EdsError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSnapshot:
    """A snapshot as it is kept: its digest stands in the log, so nobody may guess what it is of."""

    grain: bytes
    snapshot: Snapshot


def snapshot_of(desk: Desk, application: Application) -> Snapshot | None:
    """What the register said when this was decided."""
    if not application.snapshot:
        return None
    name = evidence_file(EvidenceKind.REGISTER, application.snapshot)
    kept = desk.store.file(application.application, name)
    return None if kept is None else decode(KeptSnapshot, kept).snapshot


def kept_snapshot(desk: Desk, snapshot: Snapshot) -> tuple[bytes, dict[str, bytes]]:
    """(digest, the file to keep)."""
    octets = encode(KeptSnapshot(grain=desk.random(16), snapshot=snapshot))
    digest = hashlib.sha256(octets).digest()
    return digest, {evidence_file(EvidenceKind.REGISTER, digest): octets}


def register_item(digest: bytes) -> EvidenceItem:
    """The register's word as a piece of evidence."""
    kind = EvidenceKind.REGISTER
    return EvidenceItem(kind=kind, digest=digest, proves=shown_by(kind, frozenset()))


def previous_application(desk: Desk, certificate: bytes) -> Application | None:
    """The application that a certificate (its SHA-256) came from."""
    name = desk.store.reference("certificate", certificate.hex())
    return None if name is None else desk.store.find(name)


def purposes_of(desk: Desk, application: Application) -> tuple[str, ...]:
    """The purposes that say how the person was identified; of a renewal, how they first were."""
    rule = desk.policy.profiles.get(application.profile)
    while application.renews:
        previous = previous_application(desk, application.renews)
        if previous is None:
            return ()
        application = previous
    way = "centre" if application.in_person else "remote"
    return () if rule is None else tuple(rule.identified.get(way, ()))


# --- codes ---------------------------------------------------------------------------------------


def new_code(
    desk: Desk, application: str, purpose: str, *, policy: CodePolicy, at: datetime
) -> IssuedCode:
    """A code to hand out, and what is kept of it (`eds.enroll.evidence.codes`)."""
    return issue_code(
        application=application,
        purpose=purpose,
        key=desk.pseudonyms.key_of(_CODES),
        at=at,
        policy=policy,
        # What modulo favours is below 2⁻¹⁰⁰.
        draw=lambda below: int.from_bytes(desk.random(32), "big") % below,
        salt=desk.random,
    )


class Tried(NamedTuple):
    """Whether that is the code in force, and what is to be kept of it where the act is refused."""

    fits: bool
    kept: tuple[OneTimeCode, ...]


def try_code(desk: Desk, application: str, purpose: str, code: str, *, at: datetime) -> Tried:
    """Hold a code against the one in force, in the same time whatever is wrong."""
    record = desk.store.code(application, purpose)
    if record is None:
        return Tried(fits=False, kept=())
    outcome, after = check_code(
        record,
        code,
        application=application,
        purpose=purpose,
        key=desk.pseudonyms.key_of(_CODES),
        at=at,
    )
    fits = outcome is CodeOutcome.RIGHT
    return Tried(fits=fits, kept=() if fits else (after,))
