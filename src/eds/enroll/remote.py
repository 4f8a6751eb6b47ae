"""From home: application, register, contact code, evidence, face check, risk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from ..errors import EvidenceUsed, InvalidArgument, TransitionRefused
from .application import Application, evolve
from .desk import (
    DAY,
    Desk,
    Envelope,
    Move,
    accepted,
    advance,
    answered,
    arrived,
    attempt,
    by_system,
    is_token,
    kept_snapshot,
    new_code,
    register_item,
    try_code,
)
from .encoding import decode, encode
from .evidence.assurance import FACE_LIKE, SHOWN, Proof
from .failures import Code, Failure
from .guards import Findings, Request, judge
from .kinds import EvidenceKind
from .organisations import (
    MANDATE_FILE,
    entry_of,
    found_out,
    mandate_used,
    with_organisation,
)
from .providers import CheckedEvidence, DocumentState
from .statements import MandateStatement, SignedAct
from .states import Flow, State, transition
from .store import Mark, Step

_TOKEN_OCTETS: Final = 16
_CODE: Final = frozenset({Code.CODE_WRONG})
_EVIDENCE: Final = frozenset(
    {Code.EVIDENCE_OF_ANOTHER, Code.EVIDENCE_NOT_OURS, Code.DOCUMENT_NOT_CURRENT}
)
_FACE: Final = frozenset(
    {Code.NOT_ALIVE, Code.FACE_DIFFERS, Code.ASSERTION_FOREIGN, Code.ASSERTION_STALE}
)


def open_application(
    desk: Desk,
    envelope: Envelope,
    *,
    flow: Flow,
    profile: str,
    personal_number: str = "",
    document: tuple[str, str] = ("", ""),
    organisation: str = "",
    mandate: SignedAct | None = None,
    device: str = "",
    changes: Mapping[str, Any] | None = None,
) -> Application:
    """Open one under a personal number, or under a document (country, number) at the centre.

    `envelope.token` (16 octets or more) is the applicant's own choice. The same message opens it
    once. `organisation` (its number) is wanted by the profiles of organisations' people, and the
    head's `mandate` over a MandateStatement of everybody but the head.

    Raises TransitionRefused, ApplicationOpen, InvalidArgument, IdentityNumberRefused.
    """
    if len(envelope.token) < _TOKEN_OCTETS:
        raise InvalidArgument(argument="token", reason=f"{_TOKEN_OCTETS} octets are wanted")
    if bool(personal_number) is bool(document[1]):
        raise InvalidArgument(argument="document", reason="a number or a document is wanted")
    if (flow is Flow.CENTRE) is bool(personal_number):
        raise InvalidArgument(argument="flow", reason="not the way for this kind of number")
    rule = desk.policy.profiles.get(profile)
    if rule is not None and (rule.represents is not None) is not bool(organisation):
        raise InvalidArgument(argument="organisation", reason="not as this profile wants it")
    if mandate is not None:
        if not organisation:
            raise InvalidArgument(argument="mandate", reason="of which organisation?")
        decode(MandateStatement, mandate.statement)
    if personal_number:
        desk.policy.require_number(personal_number, on=envelope.at.date())
    if organisation:
        desk.policy.require_organisation_number(organisation, on=envelope.at.date())
    applicant = (
        desk.pseudonyms.person(personal_number)
        if personal_number
        else desk.pseudonyms.document(*document)
    )
    at = envelope.at
    # The name follows from who asks and how they call it: the same message, the same application.
    name = hashlib.sha256(f"{applicant}\0{envelope.message}".encode()).hexdigest()[:32]
    token = hashlib.sha256(envelope.token).digest()
    named = desk.pseudonyms.organisation(organisation) if organisation else ""
    said = [flow.value, profile, token, *([named, mandate] if named else [])]
    known, digest = answered(desk, name, envelope, said)
    if known is not None:
        return known
    device = desk.pseudonyms.device(device) if device else ""
    row = transition("open", state=State.NEW, flow=flow)
    if row is None:  # the table has it for every flow
        raise InvalidArgument(argument="flow", reason="cannot be opened")
    start = evolve(
        None,
        row,
        {
            "application": name,
            "flow": flow,
            "profile": profile,
            "applicant": applicant,
            "token": token,
            "organisation": named,
            **(changes or {}),
        },
        at=at,
        policy=desk.policy,
    )
    store = desk.store
    evidence = Findings(
        applications_today=store.opened_since(applicant, since=at - DAY),
        people_of_device=store.marked(
            "device", device, since=at - desk.policy.sharing_window, but=applicant
        )
        if device
        else 0,
    )
    failures = judge(
        row, start, evidence, Request(act="open", profile=profile, flow=flow), desk.policy, at
    )
    if failures:
        raise TransitionRefused(failures=failures)
    applied = encode(
        {
            "personal_number": personal_number,
            "document": list(document),
            **({"organisation": organisation} if organisation else {}),
        }
    )
    mandated = {} if mandate is None else {MANDATE_FILE: encode(mandate)}
    return store.commit(
        Step(
            before=None,
            after=start,
            act="open",
            actor="applicant",
            at=at,
            message=envelope.message,
            digest=digest,
            files={"applicant": applied, **mandated},
            marks=(Mark(kind="device", name=device, reference=name, holder=applicant),)
            if device
            else (),
        )
    )


def submit(
    desk: Desk, application: str, envelope: Envelope, *, consent: bytes, terms: bytes
) -> Application:
    """Consent to the terms whose digest is `terms`; `consent` is what the applicant agreed to.

    Raises TransitionRefused.
    """
    known, before, digest = arrived(desk, application, envelope, [consent, terms])
    if known is not None:
        return known
    request = Request(
        act="submit",
        token_ok=is_token(before, envelope.token),
        consent=bool(consent),
        terms=terms,
    )
    move = Move(request=request, changes={"terms": terms}, files={"consent": consent})
    return advance(desk, before, move, message=envelope.message, digest=digest, at=envelope.at)


def applicant_of(desk: Desk, application: Application) -> tuple[str, tuple[str, str]]:
    """(personal number, document) that it was opened under; either is empty."""
    kept = desk.store.file(application.application, "applicant")
    found = json.loads(kept or b'{"personal_number":"","document":["",""]}')
    country, number = found["document"]
    return found["personal_number"], (country, number)


def resolve(desk: Desk, application: str, *, at: datetime) -> Application:
    """Look the person up. Who is not there, or may not, is rejected without being told why.

    Raises ProviderUnavailable (to be tried again), TransitionRefused.
    """
    before = desk.store.load(application)
    if before.state is not State.SUBMITTED:
        return before
    number, _ = applicant_of(desk, before)
    snapshot = desk.population.look_up(number, at=at)
    entry = entry_of(desk, before, at=at)
    changes: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    subject = ""
    if snapshot is not None:
        snapshot = with_organisation(desk, before, snapshot, entry)
        subject = desk.pseudonyms.person(snapshot.personal_number)
        digest, files = kept_snapshot(desk, snapshot)
        changes = {
            "subject": subject,
            "snapshot": digest,
            "evidence": (register_item(digest),),
            "permission_until": snapshot.permission_until,
            "challenge": desk.random(32),
        }
    move = Move(
        request=Request(act="resolve"),
        evidence=found_out(
            desk, before, Findings(snapshot=snapshot, subject=subject), entry, at=at
        ),
        changes=changes,
        used=mandate_used(desk, before),
        files=files,
        actor="system",
    )
    try:
        return by_system(desk, before, move, at=at)
    except TransitionRefused as refusal:
        return reject(desk, before, refusal, at=at)
    except EvidenceUsed:
        used = TransitionRefused(failures=(Failure(code=Code.MANDATE_USED),))
        return reject(desk, before, used, at=at)


def reject(
    desk: Desk, before: Application, refusal: TransitionRefused, *, at: datetime
) -> Application:
    """End it by the desk's own rules. What is a matter of time or clocks ends nothing."""
    if {Code.EXPIRED, Code.CLOCK_BEHIND} & {failure.code for failure in refusal.failures}:
        raise refusal
    reason = refusal.codes[0]
    move = Move(
        request=Request(act="reject", reason=reason), changes={"reason": reason}, actor="system"
    )
    return by_system(desk, before, move, at=at)


# --- contact -----------------------------------------------------------------------------------


def send_code(
    desk: Desk,
    application: str,
    envelope: Envelope,
    *,
    contact_of: Callable[[Desk, Application, datetime], str | None] | None = None,
) -> Application:
    """Send a code to the number that the state's base has, and to no other.

    Raises TransitionRefused, ProviderUnavailable.
    """
    known, before, digest = arrived(desk, application, envelope, ["send"])
    if known is not None:
        return known
    at = envelope.at
    address = (contact_of or base_contact)(desk, before, at) or ""
    contact = desk.pseudonyms.contact(address) if address else ""
    store, policy = desk.store, desk.policy
    code = new_code(desk, application, "contact", policy=policy.contact_code, at=at)
    evidence = Findings(
        contact=contact,
        sends_today=before.sends,
        people_of_contact=store.marked(
            "contact", contact, since=at - policy.sharing_window, but=before.applicant
        ),
    )
    move = Move(
        request=Request(act="send_code", token_ok=is_token(before, envelope.token)),
        evidence=evidence,
        changes={"contact": contact, "sends": before.sends + 1},
        codes=(code.record,),
        marks=(Mark(kind="contact", name=contact, reference=application, holder=before.applicant),),
    )
    after = advance(desk, before, move, message=envelope.message, digest=digest, at=at)
    # The text names the act, so that a code talked out of somebody is seen for what it is.
    words = {"code": code.code, "application": application}
    desk.notifier.send(address, "contact-code", words, at=at)
    return after


def base_contact(desk: Desk, application: Application, at: datetime) -> str | None:
    """The telephone number that the state has for the applicant."""
    number, _ = applicant_of(desk, application)
    return desk.phones.contact_of(number, at=at) if number else None


def confirm_contact(desk: Desk, application: str, envelope: Envelope, *, code: str) -> Application:
    """The code that arrived. Three wrong ones lock the application. Raises TransitionRefused."""
    said = desk.pseudonyms.code(application, "message", b"", code)
    known, before, digest = arrived(desk, application, envelope, [said])
    if known is not None:
        return known
    at = envelope.at
    request = Request(act="confirm_contact", token_ok=is_token(before, envelope.token))
    tried = try_code(desk, application, "contact", code, at=at)
    evidence = Findings(code_correct=tried.fits)
    proof = EvidenceKind.CONTACT_CODE
    piece = CheckedEvidence(
        kind=proof,
        octets=encode({"application": application, "contact": before.contact, "at": at}),
        holder=before.subject,
    )
    items, used, files = accepted((piece,))
    move = Move(
        request=request,
        evidence=evidence,
        changes={"evidence": (*before.evidence, *items), "challenge": desk.random(32)},
        used=used,
        files=files,
        spent=("contact",),
    )
    miss = Move(
        request=replace(request, act="miss_code"),
        evidence=evidence,
        changes={"code_misses": before.code_misses + 1},
        codes=tried.kept,
    )
    try:
        return attempt(
            desk, before, move, miss, counted=_CODE, message=envelope.message, digest=digest, at=at
        )
    except TransitionRefused:
        lock_if_spent(desk, application, at=at)
        raise


def lock_if_spent(desk: Desk, application: str, *, at: datetime) -> Application:
    """Lock it where no attempt is left; else leave it as it is."""
    before, policy = desk.store.load(application), desk.policy
    spent = {
        State.RESOLVED: before.code_misses >= policy.code_tries,
        State.CONTACT_CONFIRMED: before.evidence_misses >= policy.evidence_tries,
        State.CLEARED: before.secret_misses >= policy.secret_tries,
    }
    if not spent.get(before.state):
        return before
    reason = Code.ATTEMPTS_SPENT.value
    move = Move(
        request=Request(act="lock", reason=reason), changes={"reason": reason}, actor="system"
    )
    return by_system(desk, before, move, at=at)


# --- evidence ----------------------------------------------------------------------------------


def document_findings(
    desk: Desk, pieces: tuple[CheckedEvidence, ...], *, at: datetime
) -> dict[str, Any]:
    """State and locks of the documents that pieces of evidence speak of: the worst of them."""
    documents = sorted({piece.document for piece in pieces if piece.document})
    locked, state = False, None
    for country, number in documents:
        name = desk.pseudonyms.document(country, number)
        locks = desk.store.marked("lock", name, since=at - desk.policy.sharing_window)
        ever = desk.store.marked("lock", name, since=at - 36_500 * DAY)
        locked = locked or locks > 0 or ever >= desk.policy.document_locks
        found = desk.documents.state_of(country, number, at=at)
        if state is None or found.value != "current":
            state = found
    return {"document_locked": locked, "document": state}


def in_force(
    pieces: tuple[CheckedEvidence, ...], found: Mapping[str, Any]
) -> tuple[CheckedEvidence, ...]:
    """The pieces, those of documents showing too what their issuers say (`document_findings`)."""
    if found["document"] is not DocumentState.CURRENT:
        return pieces
    proof = Proof.DOCUMENT_IN_FORCE
    return tuple(
        replace(piece, proves=piece.proves | {proof})
        if piece.document and proof in SHOWN[piece.kind].besides
        else piece
        for piece in pieces
    )


def offer_evidence(
    desk: Desk,
    application: str,
    *,
    pieces: tuple[CheckedEvidence, ...],
    message: str,
    at: datetime,
    content: object = None,
) -> Application:
    """What a reader has verified of chip, existing EDS or register photo.

    `content` is what the message said, where that is not known by its pieces.

    Three pieces that were not the applicant's lock their document for remote use. Raises
    TransitionRefused, EvidenceUsed, ProviderUnavailable.
    """
    if content is None:
        content = [[piece.kind.value, hashlib.sha256(piece.octets).hexdigest()] for piece in pieces]
    known, before, digest = arrived(desk, application, Envelope(message=message, at=at), content)
    if known is not None:
        return known
    found = document_findings(desk, pieces, at=at)
    items, used, files = accepted(in_force(pieces, found))
    evidence = Findings(evidence=pieces, **found)
    move = Move(
        request=Request(act="validate_evidence"),
        evidence=evidence,
        changes={"evidence": (*before.evidence, *items), "challenge": desk.random(32)},
        used=used,
        files=files,
        actor="system",
    )
    misses = before.evidence_misses + 1
    locks = [
        desk.pseudonyms.document(*piece.document)
        for piece in pieces
        if piece.document and misses >= desk.policy.evidence_tries
    ]
    miss = Move(
        request=Request(act="miss_evidence"),
        evidence=evidence,
        changes={"evidence_misses": misses, "challenge": desk.random(32)},
        marks=tuple(
            Mark(kind="lock", name=name, reference=application, holder=application)
            for name in locks
        ),
        actor="system",
    )
    try:
        return attempt(
            desk, before, move, miss, counted=_EVIDENCE, message=message, digest=digest, at=at
        )
    except TransitionRefused:
        lock_if_spent(desk, application, at=at)
        raise


def face_check(
    desk: Desk, application: str, *, token: bytes, message: str, at: datetime
) -> Application:
    """A provider's assertion (a signed token). After five that failed the way leads to the centre.

    Raises TransitionRefused, EvidenceUsed, and what the reader finds wrong with the token; one
    that nobody trusted has signed counts as nothing.
    """
    known, before, digest = arrived(
        desk, application, Envelope(message=message, at=at), [hashlib.sha256(token).hexdigest()]
    )
    if known is not None:
        return known
    assertion = desk.assertions.read(token, at=at)
    like = FACE_LIKE.get(assertion.reference)
    piece = CheckedEvidence(
        kind=EvidenceKind.FACE_MATCH,
        octets=assertion.octets,
        holder=before.subject,
        proves=frozenset() if like is None else frozenset({like}),
    )
    items, used, files = accepted((piece,))
    named = hashlib.sha256(f"{assertion.issuer}\0{assertion.identifier}".encode()).digest()
    used = (*used, ("assertion", named))
    evidence = Findings(assertion=assertion)
    move = Move(
        request=Request(act="verify_person"),
        evidence=evidence,
        changes={"evidence": (*before.evidence, *items)},
        used=used,
        files=files,
        actor="provider",
    )
    miss = Move(
        request=Request(act="miss_face"),
        evidence=evidence,
        changes={"face_checks": before.face_checks + 1, "challenge": desk.random(32)},
        used=used,
        actor="provider",
    )
    try:
        return attempt(
            desk, before, move, miss, counted=_FACE, message=message, digest=digest, at=at
        )
    except TransitionRefused:
        route_if_spent(desk, application, at=at)
        raise


def route_if_spent(desk: Desk, application: str, *, at: datetime) -> Application:
    """Into the centre path where no face check is left; else leave it as it is."""
    before = desk.store.load(application)
    if before.state is not State.EVIDENCE_VALIDATED:
        return before
    if before.face_checks < desk.policy.face_checks:
        return before
    move = Move(request=Request(act="route_to_centre"), changes={"in_person": True}, actor="system")
    return by_system(desk, before, move, at=at)


def assess(desk: Desk, application: str, *, risk: int, at: datetime) -> Application:
    """Clear it, or refer it to people, by its risk (0 to 100). Raises TransitionRefused."""
    before = desk.store.load(application)
    if before.state is not State.VERIFIED:
        return before
    people = risk >= desk.policy.risk_review
    changes: dict[str, Any] = {"risk": risk}
    if not people:
        changes["nonce"] = desk.random(32)
    move = Move(
        request=Request(act="refer" if people else "clear"),
        evidence=Findings(risk=risk),
        changes=changes,
        actor="system",
    )
    return by_system(desk, before, move, at=at)


def cancel(desk: Desk, application: str, envelope: Envelope) -> Application:
    """The applicant no longer wants it. Raises TransitionRefused, WrongState."""
    known, before, digest = arrived(desk, application, envelope, ["cancel"])
    if known is not None:
        return known
    request = Request(act="cancel", token_ok=is_token(before, envelope.token))
    return advance(
        desk, before, Move(request=request), message=envelope.message, digest=digest,
        at=envelope.at,
    )  # fmt: skip
