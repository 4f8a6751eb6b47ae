"""At the service centre: appointment, check-in, the document, the record, the second official.

Every act comes with the official's own signature. One operator receives, examines and records;
another person decides over the same record; whoever leaves office takes their decisions along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import Any

from ..errors import EdsError, TransitionRefused
from .application import Application
from .desk import (
    DAY,
    Desk,
    Envelope,
    Move,
    accepted,
    advance,
    answered,
    by_system,
    is_intact,
    kept_snapshot,
    new_code,
    official_move,
    previous_application,
    snapshot_of,
    tell_of_refusal,
)
from .encoding import decode, encode
from .evidence.codes import OneTimeCode
from .guards import Findings, Request, record_digest
from .kinds import EvidenceKind
from .officials import ActingOfficial, Official
from .people import DocumentIdentity
from .providers import CheckedEvidence
from .remote import applicant_of, document_findings, in_force
from .statements import SignedAct
from .states import Flow
from .store import Mark


def appoint(desk: Desk, application: str, *, station: str, at: datetime) -> Application:
    """A place to come to; the document it was opened under says of which country.

    Raises TransitionRefused.
    """
    before = desk.store.load(application)
    _, (country, _) = applicant_of(desk, before)
    move = Move(
        request=Request(act="appoint", station=station, country=country),
        changes={"station": station, "in_person": True},
        actor="system",
    )
    return by_system(desk, before, move, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """An official's act that arrived: verified, and not answered before."""

    before: Application
    who: ActingOfficial
    digest: bytes


def check_in(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Application:
    """The applicant is here. The operator who says so goes on with the case.

    Raises TransitionRefused, EvidenceUsed, SignatureNotPassed.
    """

    def changes(arrived: _Act) -> Mapping[str, Any]:
        return {
            "operator": arrived.who.person,
            "station": arrived.who.statement.station,
            "in_person": True,
            "checker": "",
            "decided_at": None,
            "record": b"",
        }

    return _official(desk, application, envelope, "check_in", act, changes=changes)


def examine(
    desk: Desk,
    application: str,
    envelope: Envelope,
    act: SignedAct,
    *,
    pieces: tuple[CheckedEvidence, ...],
    reason_without_chip: str = "",
    identity: DocumentIdentity | None = None,
    contact: str = "",
) -> Application:
    """What the operator saw and read: the original document, its chip or why not, the capture.

    `identity` is what the document says (wanted for a number to be allotted); `contact` the address
    that is bound here, for codes and notices. Raises as `check_in` does, and ProviderUnavailable.
    """
    if identity is not None:
        # A document speaks until the end of the day it expires on.
        over = datetime.combine(identity.expires, time(), UTC) + DAY
        pieces = tuple(
            replace(piece, valid_until=over)
            if piece.kind is EvidenceKind.DOCUMENT_SEEN and piece.valid_until is None
            else piece
            for piece in pieces
        )
    at = envelope.at
    found = document_findings(desk, pieces, at=at)
    items, used, files = accepted(in_force(pieces, found))
    before = desk.store.load(application)
    files = {**files, **({"contact": contact.encode()} if contact else {})}
    changed: dict[str, Any] = {
        # What was said of a document at an earlier visit is said anew.
        "evidence": (*(each for each in before.evidence if not before.returns), *items),
        "reason_without_chip": reason_without_chip,
    }
    if identity is not None:
        files["identity"] = encode(identity)
        changed["permission_until"] = identity.permission_until
        same = desk.pseudonyms.document(identity.country, identity.number) == before.applicant
        if before.flow is Flow.CENTRE and not same:
            # It speaks for somebody else; the guard says so.
            pieces = tuple(replace(piece, holder="") for piece in pieces)
    evidence = Findings(
        evidence=pieces,
        permission_until=changed.get("permission_until", before.permission_until),
        **found,
    )
    return _official(
        desk, application, envelope, "examine", act,
        changes=lambda _: changed, evidence=evidence, used=used, files=files,
        reason=reason_without_chip,
        content=[[piece.kind.value, hashlib.sha256(piece.octets).digest()] for piece in pieces],
    )  # fmt: skip


def record(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Application:
    """The operator's record. Raises as `check_in` does."""

    def changes(arrived: _Act) -> Mapping[str, Any]:
        person = arrived.who.person
        return {
            "operator": person,
            "record": record_digest(arrived.before, person),
            "recorded_at": envelope.at,
        }

    return _official(desk, application, envelope, "record", act, changes=changes, mark="record")


def approve(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Application:
    """The second official's decision over the same record. Raises as `check_in` does."""

    def changes(arrived: _Act) -> Mapping[str, Any]:
        return {"checker": arrived.who.person, "decided_at": envelope.at}

    return _official(
        desk, application, envelope, "approve", act, changes=changes, mark="decision",
        intact=True,
    )  # fmt: skip


def send_back(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Application:
    """The second official wants more; at most twice. Raises as `check_in` does."""

    def changes(arrived: _Act) -> Mapping[str, Any]:
        return {
            "returns": arrived.before.returns + 1,
            "operator": "",
            "checker": "",
            "decided_at": None,
            "record": b"",
            "in_person": True,
            "reason": arrived.who.statement.reason,
        }

    return _official(desk, application, envelope, "return", act, changes=changes, mark="decision")


def decline(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Application:
    """The second official's refusal. Raises as `check_in` does."""

    def changes(arrived: _Act) -> Mapping[str, Any]:
        return {"checker": arrived.who.person, "reason": arrived.who.statement.reason}

    return _official(desk, application, envelope, "decline", act, changes=changes, mark="decision")


def turn_away(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Application:
    """The operator ends it at the counter. Raises as `check_in` does."""

    def changes(arrived: _Act) -> Mapping[str, Any]:
        return {"reason": arrived.who.statement.reason}

    return _official(desk, application, envelope, "turn_away", act, changes=changes)


def _answered(
    desk: Desk, application: str, envelope: Envelope, name: str, act: SignedAct, content: object
) -> tuple[Application | None, bytes]:
    """As `answered`, for whoever is in office still: others are shown no case again."""
    known, digest = answered(
        desk, application, envelope, [name, act.statement, act.signature, content]
    )
    if known is not None:
        desk.office.acting(act, at=envelope.at)
    return known, digest


def _official(
    desk: Desk,
    application: str,
    envelope: Envelope,
    name: str,
    act: SignedAct,
    *,
    changes: Any,
    evidence: Findings | None = None,
    used: tuple[tuple[str, bytes], ...] = (),
    files: Mapping[str, bytes] | None = None,
    reason: str = "",
    content: object = None,
    mark: str = "",
    intact: bool = False,
    codes: tuple[OneTimeCode, ...] = (),
) -> Application:
    known, digest = _answered(desk, application, envelope, name, act, content)
    if known is not None:
        return known
    at = envelope.at
    before = desk.store.load(application)
    who = desk.office.acting(act, at=at)
    arrived = _Act(before=before, who=who, digest=digest)
    evidence = replace(
        evidence or Findings(),
        acting=who,
        acts_today=desk.store.marked(mark, who.person, since=at - DAY) if mark else None,
        evidence_intact=is_intact(desk, before) if intact else None,
    )
    move = Move(
        request=Request(act=name, reason=reason),
        evidence=evidence,
        changes=changes(arrived),
        used=used,
        files=files or {},
        codes=codes,
        marks=(
            Mark(
                kind=mark, name=who.person, holder=f"{application}@{before.version}",
                reference=f"{application}@{before.version}",
            ),
        )
        if mark
        else (),
    )  # fmt: skip
    move = official_move(before, name, act, move)
    try:
        return advance(desk, before, move, message=envelope.message, digest=digest, at=at)
    except TransitionRefused as refusal:
        tell_of_refusal(desk, application, name, who.person, refusal, at=at)
        raise


# --- what follows a decision ---------------------------------------------------------------------


def deciders(desk: Desk, application: Application) -> dict[str, Official | None]:
    """The deciding people, with the roles they have now."""
    people = {application.operator, application.checker} - {""}
    return {person: desk.store.official(person) for person in sorted(people)}


def decisions_hold(desk: Desk, application: Application, *, at: datetime) -> bool:
    """Whether record and decision verify now, by the people named: their certificates may have
    been revoked since.
    """
    for name, person in (("record", application.operator), ("approve", application.checker)):
        kept = _newest_act(desk, application, name)
        if kept is None:
            return False
        try:
            if desk.office.acting(kept, at=at).person != person:
                return False
        except EdsError:
            return False
    return True


def _newest_act(desk: Desk, application: Application, name: str) -> SignedAct | None:
    for version in range(application.version, 0, -1):
        kept = desk.store.file(application.application, f"act/{name}/{version}")
        if kept is not None:
            return decode(SignedAct, kept)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """A cleared application and the halves of its activation secret.

    One half is printed at the centre, the other sent to the address bound there.
    """

    application: Application
    printed_half: str = field(repr=False)


def clear(desk: Desk, application: str, *, at: datetime) -> Cleared:
    """Use the decision: the register's entry (made if need be), then the activation secret.

    What no longer stands (an official left, evidence changed) is refused. Raises
    TransitionRefused, ProviderUnavailable, IdentityNumberRefused.
    """
    before = desk.store.load(application)
    changes: dict[str, Any] = {"nonce": desk.random(32)}
    files: dict[str, bytes] = {}
    if before.flow is Flow.CENTRE:
        kept = desk.store.file(application, "identity")
        snapshot = None
        if kept is not None:
            identity = decode(DocumentIdentity, kept)
            snapshot = desk.population.allot(identity, application=application, at=at)
            desk.policy.require_number(snapshot.personal_number, on=at.date())
            digest, files = kept_snapshot(desk, snapshot)
            changes["snapshot"] = digest
    else:
        snapshot = snapshot_of(desk, before)
        if snapshot is not None:
            fresh = desk.population.look_up(snapshot.personal_number, at=at)
            snapshot = replace(snapshot, alive=fresh is not None and fresh.alive)
    subject = "" if snapshot is None else desk.pseudonyms.person(snapshot.personal_number)
    changes["subject"] = subject
    halves = ("", "")
    codes: tuple[OneTimeCode, ...] = ()
    if before.in_person:
        halves, codes = _new_secret(desk, application, at=at)
    move = Move(
        request=Request(act="clear"),
        evidence=Findings(
            snapshot=snapshot,
            subject=subject,
            deciders=deciders(desk, before),
            decisions_verified=decisions_hold(desk, before, at=at),
            evidence_intact=is_intact(desk, before),
        ),
        changes=changes,
        files=files,
        codes=codes,
        actor="system",
    )
    after = by_system(desk, before, move, at=at)
    _send_half(desk, after, halves[1], at=at)
    return Cleared(application=after, printed_half=halves[0])


def new_secret(desk: Desk, application: str, envelope: Envelope, act: SignedAct) -> Cleared:
    """A new activation secret in place of one that was lost, at the counter.

    The same message again makes none: its halves went out already. Raises as `check_in` does.
    """
    known, _ = _answered(desk, application, envelope, "new_secret", act, None)
    if known is not None:
        return Cleared(application=known, printed_half="")
    halves, codes = _new_secret(desk, application, at=envelope.at)
    after = _official(
        desk, application, envelope, "new_secret", act, changes=lambda _: {}, codes=codes
    )
    _send_half(desk, after, halves[1], at=envelope.at)
    return Cleared(application=after, printed_half=halves[0])


def _new_secret(
    desk: Desk, application: str, *, at: datetime
) -> tuple[tuple[str, str], tuple[OneTimeCode, ...]]:
    policy = desk.policy.activation_secret
    secret = new_code(desk, application, "activation", policy=policy, at=at)
    half = policy.length // 2
    return (secret.code[:half], secret.code[half:]), (secret.record,)


def _send_half(desk: Desk, application: Application, half: str, *, at: datetime) -> None:
    address = contact_bound(desk, application, at=at)
    if half and address:
        words = {"half": half, "application": application.application}
        desk.notifier.send(address, "activation-half", words, at=at)


def contact_bound(desk: Desk, application: Application, *, at: datetime) -> str | None:
    """The address bound at the centre, or else the number that the state's base has.

    A renewal has the address of the application that proved the person.
    """
    while application.renews:
        previous = previous_application(desk, application.renews)
        if previous is None:
            return None
        application = previous
    kept = desk.store.file(application.application, "contact")
    if kept is not None:
        return kept.decode()
    snapshot = snapshot_of(desk, application)
    return None if snapshot is None else desk.phones.contact_of(snapshot.personal_number, at=at)
