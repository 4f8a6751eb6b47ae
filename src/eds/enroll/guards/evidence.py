"""What is asked of evidence, of the face and of the risk, from home."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

from datetime import datetime
from typing import Final

from ..application import Application
from ..failures import Code, Failure
from ..kinds import EvidenceKind
from ..policy import EnrolmentPolicy
from ..providers import DocumentState
from .contract import SKEW, Findings, Found, Request, below, guard, unless

_IDENTITY: Final = frozenset(
    {
        EvidenceKind.PASSPORT_CHIP,
        EvidenceKind.IDENTITY_CARD_CHIP,
        EvidenceKind.EXISTING_EDS,
        EvidenceKind.REGISTER_PHOTO,
    }
)
_ANSWERS: Final = _IDENTITY - {EvidenceKind.REGISTER_PHOTO}  # what can sign our challenge


@guard
def evidence_attempts_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(a.evidence_misses, p.evidence_tries, Code.ATTEMPTS_SPENT)


@guard
def evidence_of_identity(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    kinds = {each.kind for each in e.evidence}
    yield from unless(bool(kinds) and kinds <= _IDENTITY, Code.EVIDENCE_MISSING)


@guard
def evidence_of_subject(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    # At the centre a document speaks for the applicant it was opened under; from home the
    # person does.
    yield from unless(bool(e.evidence), Code.EVIDENCE_MISSING)
    for each in e.evidence:
        yield from unless(
            each.holder in (a.subject or a.applicant, a.applicant), Code.EVIDENCE_OF_ANOTHER
        )


@guard
def evidence_challenge_ours(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    for each in e.evidence:
        if each.kind in _ANSWERS:
            ours = bool(a.challenge) and each.challenge == a.challenge
            yield from unless(ours, Code.EVIDENCE_NOT_OURS)


@guard
def document_current(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.document_locked is False, Code.DOCUMENT_LOCKED)
    for each in e.evidence:
        if each.valid_until is not None and each.valid_until <= at:
            yield Failure(code=Code.DOCUMENT_NOT_CURRENT)
    if any(each.document for each in e.evidence):
        if e.document in (None, DocumentState.UNKNOWN):
            yield Failure(code=Code.DOCUMENT_STATUS_UNKNOWN)
        elif e.document is not DocumentState.CURRENT:
            yield Failure(code=Code.DOCUMENT_NOT_CURRENT)


@guard
def face_checks_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(a.face_checks, p.face_checks, Code.FACE_CHECKS_SPENT)


@guard
def face_checks_spent(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(a.face_checks >= p.face_checks, Code.FACE_CHECKS_LEFT)


@guard
def assertion_for_this(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    # The face is compared with a picture that this application has accepted; another EDS of the
    # person has none, and the register's serves.
    pictures = a.kinds
    if EvidenceKind.EXISTING_EDS in pictures:
        pictures |= {EvidenceKind.REGISTER_PHOTO}
    yield from unless(
        s is not None
        and s.audience == p.audience
        and s.application == a.application
        and bool(a.challenge)
        and s.challenge == a.challenge
        and s.reference in pictures,
        Code.ASSERTION_FOREIGN,
    )


@guard
def assertion_fresh(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    if s is not None:
        fresh = s.captured_at <= at + SKEW and at - s.captured_at <= p.assertion_lasts
        yield from unless(fresh, Code.ASSERTION_STALE)


@guard
def assertion_alive(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    yield from unless(
        s is not None and s.alive and s.active and s.injection_checked, Code.NOT_ALIVE
    )


@guard
def assertion_matches(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    yield from unless(
        s is not None and s.score is not None and p.face_threshold <= s.score <= 1000,
        Code.FACE_DIFFERS,
    )


@guard
def risk_low(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from below(e.risk, p.risk_review, Code.RISK_TOO_HIGH)


@guard
def risk_needs_people(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.risk is not None and e.risk >= p.risk_review, Code.RISK_LOW)


@guard
def assurance_reached(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(a.profile)
    reached = rule is not None and a.level >= rule.minimum
    yield from unless(reached, Code.ASSURANCE_TOO_LOW)
