"""The guards of the table: pure functions from what is known to what is wrong.

(application, evidence, request, policy, at) → failures. `evidence` is what the door found out
(`Findings`: answers of providers, counts of the store, what was verified), `request` what the
actor asks. A finding that is missing fails, it never passes.
"""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from .application import Application
from .failures import Code, Failure
from .kinds import EvidenceKind
from .officials import ActingOfficial, Official, role_failure
from .people import Residency, Snapshot, age
from .policy import EnrolmentPolicy
from .providers import CheckedEvidence, DocumentState, FaceAssertion
from .states import Flow, State, Transition

SKEW: Final = timedelta(minutes=5)
_IDENTITY: Final = frozenset(
    {
        EvidenceKind.PASSPORT_CHIP,
        EvidenceKind.IDENTITY_CARD_CHIP,
        EvidenceKind.EXISTING_EDS,
        EvidenceKind.REGISTER_PHOTO,
    }
)
_ANSWERS: Final = _IDENTITY - {EvidenceKind.REGISTER_PHOTO}  # what can sign our challenge


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
class Findings:
    """What was found out for one act. None means that nobody asked, which fails the guard."""

    applications_today: int | None = None
    people_of_device: int | None = None
    people_of_contact: int | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)
    subject: str = ""  # the pseudonym of the snapshot's person
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


def judge(
    row: Transition,
    application: Application,
    evidence: Findings,
    request: Request,
    policy: EnrolmentPolicy,
    at: datetime,
) -> tuple[Failure, ...]:
    """All that speaks against this transition; nothing does where it is empty.

    Time is asked for first: after its deadline an application can only end, and a clock that
    went back revives nothing.
    """
    found = list(_time(row, application, at))
    for name in row.guards:
        found.extend(GUARDS[name](application, evidence, request, policy, at))
    return tuple(dict.fromkeys(found))


def _time(row: Transition, application: Application, at: datetime) -> Found:
    if at < application.last_at:
        yield Failure(code=Code.CLOCK_BEHIND)
    deadline = application.deadline
    ends = "time_is_over" in row.guards
    if deadline is not None and at >= deadline and not ends:
        yield Failure(code=Code.EXPIRED)


def _unless(holds: object, code: Code, fact: str = "") -> Found:
    if holds is not True:
        yield Failure(code=code, fact=fact)


def _below(count: int | None, limit: int, code: Code) -> Found:
    if count is None or count >= limit:
        yield Failure(code=code, fact="" if count is None else f"{count} of {limit}")


# --- opening, submitting, time ---------------------------------------------------------------


@guard
def rate_limits(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from _below(e.applications_today, p.applications_a_day, Code.TOO_MANY_APPLICATIONS)
    yield from _below(e.people_of_device, p.people_a_device, Code.DEVICE_SHARED)


@guard
def profile_known(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(r.profile)
    yield from _unless(rule is not None and r.flow in rule.flows, Code.PROFILE_UNKNOWN)


@guard
def applicant_authentic(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(r.token_ok, Code.APPLICANT_NOT_AUTHENTIC)


@guard
def consent_given(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(r.consent, Code.CONSENT_MISSING)


@guard
def terms_current(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(r.terms == p.terms, Code.TERMS_OUTDATED)


@guard
def time_is_over(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(a.deadline is not None and at >= a.deadline, Code.TIME_LEFT)


@guard
def reason_given(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    said = e.acting.statement.reason if e.acting is not None else r.reason
    yield from _unless(bool(said), Code.REASON_MISSING)


@guard
def attempts_spent(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    spent = {
        State.RESOLVED: a.code_misses >= p.code_tries,
        State.CONTACT_CONFIRMED: a.evidence_misses >= p.evidence_tries,
        State.CLEARED: a.secret_misses >= p.secret_tries,
    }
    # Elsewhere an attempt to deceive that was proven, with its reason, locks too.
    yield from _unless(spent.get(a.state, False) or bool(r.reason), Code.REASON_MISSING)


# --- the person in the register ----------------------------------------------------------------


@guard
def person_resolved(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    known = e.snapshot is not None and bool(e.subject)
    if known and a.flow is not Flow.CENTRE:
        known = e.subject == a.applicant
    yield from _unless(known, Code.PERSON_UNKNOWN)


@guard
def person_alive(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.snapshot is not None:
        yield from _unless(e.snapshot.alive, Code.PERSON_DEAD)


@guard
def person_of_age(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.snapshot is not None:
        grown = age(e.snapshot.born, at=at) >= p.minimum_age
        yield from _unless(grown, Code.PERSON_UNDER_AGE)


@guard
def residency_fits_profile(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(a.profile)
    if e.snapshot is None or rule is None:
        return
    yield from _unless(rule.residency is e.snapshot.residency, Code.RESIDENCY_MISMATCH)
    if e.snapshot.residency is Residency.NON_RESIDENT:
        known = e.snapshot.permission_until
        stays = a.permission_until or known
        # What was read at the counter never outlasts what the register has.
        fits = stays is not None and at < stays and (known is None or stays <= known)
        yield from _unless(fits, Code.NO_PERMISSION_TO_STAY)


# --- contact -----------------------------------------------------------------------------------


@guard
def contact_from_the_base(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(bool(e.contact), Code.CONTACT_UNKNOWN)


@guard
def contact_not_shared(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(e.people_of_contact, p.people_a_contact, Code.CONTACT_SHARED)


@guard
def sends_left(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from _below(e.sends_today, p.sends_a_day, Code.SENDS_SPENT)


@guard
def code_attempts_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(a.code_misses, p.code_tries, Code.ATTEMPTS_SPENT)


@guard
def code_correct(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.code_correct, Code.CODE_WRONG)


# --- evidence ----------------------------------------------------------------------------------


@guard
def evidence_attempts_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(a.evidence_misses, p.evidence_tries, Code.ATTEMPTS_SPENT)


@guard
def evidence_of_identity(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    kinds = {each.kind for each in e.evidence}
    yield from _unless(bool(kinds) and kinds <= _IDENTITY, Code.EVIDENCE_MISSING)


@guard
def evidence_of_subject(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    # At the centre a document speaks for the applicant it was opened under; from home the
    # person does.
    yield from _unless(bool(e.evidence), Code.EVIDENCE_MISSING)
    for each in e.evidence:
        yield from _unless(
            each.holder in (a.subject or a.applicant, a.applicant), Code.EVIDENCE_OF_ANOTHER
        )


@guard
def evidence_challenge_ours(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    for each in e.evidence:
        if each.kind in _ANSWERS:
            ours = bool(a.challenge) and each.challenge == a.challenge
            yield from _unless(ours, Code.EVIDENCE_NOT_OURS)


@guard
def document_current(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.document_locked is False, Code.DOCUMENT_LOCKED)
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
    yield from _below(a.face_checks, p.face_checks, Code.FACE_CHECKS_SPENT)


@guard
def face_checks_spent(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(a.face_checks >= p.face_checks, Code.FACE_CHECKS_LEFT)


@guard
def assertion_for_this(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    yield from _unless(
        s is not None
        and s.audience == p.audience
        and s.application == a.application
        and bool(a.challenge)
        and s.challenge == a.challenge
        # The face is compared with a picture that this application has accepted.
        and s.reference in a.kinds,
        Code.ASSERTION_FOREIGN,
    )


@guard
def assertion_fresh(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    if s is not None:
        fresh = s.captured_at <= at + SKEW and at - s.captured_at <= p.assertion_lasts
        yield from _unless(fresh, Code.ASSERTION_STALE)


@guard
def assertion_alive(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    yield from _unless(
        s is not None and s.alive and s.active and s.injection_checked, Code.NOT_ALIVE
    )


@guard
def assertion_matches(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    s = e.assertion
    yield from _unless(
        s is not None and s.score is not None and p.face_threshold <= s.score <= 1000,
        Code.FACE_DIFFERS,
    )


@guard
def risk_low(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from _below(e.risk, p.risk_review, Code.RISK_TOO_HIGH)


@guard
def risk_needs_people(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.risk is not None and e.risk >= p.risk_review, Code.RISK_LOW)


@guard
def assurance_reached(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(a.profile)
    reached = rule is not None and a.level >= rule.minimum
    yield from _unless(reached, Code.ASSURANCE_TOO_LOW)


# --- officials -----------------------------------------------------------------------------------


@guard
def official_in_role(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is None:
        yield Failure(code=Code.NOT_AN_OFFICIAL)
        return
    failure = role_failure(e.acting.official, r.act)
    if failure is not None:
        yield failure


@guard
def official_not_applicant(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None and e.acting.person in (a.applicant, a.subject):
        yield Failure(code=Code.OWN_CASE)


@guard
def official_not_conflicted(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None and e.acting.official.conflicts & {a.applicant, a.subject}:
        yield Failure(code=Code.CONFLICT)


@guard
def act_signed_for_this(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is None:
        yield Failure(code=Code.ACT_NOT_SIGNED)
        return
    s = e.acting.statement
    here = (s.act, s.target, s.version) == (r.act, f"application/{a.application}", a.version)
    yield from _unless(here, Code.ACT_FOR_ANOTHER)
    fresh = s.at <= at + SKEW and at - s.at <= p.act_lasts
    yield from _unless(fresh, Code.ACT_STALE)


@guard
def at_the_station(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None:
        station = e.acting.statement.station
        here = station in e.acting.official.stations and station in p.stations
        here = here and a.station in ("", station)
        yield from _unless(here, Code.STATION_UNKNOWN)


@guard
def same_operator(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    # One operator receives, examines and records: nobody signs for what another saw.
    if e.acting is not None and a.operator:
        yield from _unless(e.acting.person == a.operator, Code.ANOTHER_OPERATOR)


@guard
def signs_the_record(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None:
        wanted = record_digest(a, e.acting.person if not a.record else a.operator)
        yield from _unless(e.acting.statement.digest == wanted, Code.ANOTHER_RECORD)


@guard
def operator_limit(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(e.acts_today, p.operator_records_a_day, Code.OFFICIAL_LIMIT)


@guard
def checker_limit(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(e.acts_today, p.checker_decisions_a_day, Code.OFFICIAL_LIMIT)


@guard
def not_in_haste(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    thought = a.recorded_at is not None and at - a.recorded_at >= p.least_thought
    yield from _unless(thought, Code.IN_HASTE)


@guard
def decider_not_operator(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None and e.acting.person == a.operator:
        yield Failure(code=Code.SAME_PERSON)


@guard
def returns_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(a.returns, p.returns, Code.RETURNS_SPENT)


@guard
def decision_by_enough_people(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    people = {person for person in (a.operator, a.checker) if person}
    people -= {a.applicant, a.subject, e.subject}
    yield from _unless(len(people) >= p.deciding_people, Code.TOO_FEW_PEOPLE)


@guard
def deciders_still_in_office(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    for person, act in ((a.operator, "record"), (a.checker, "approve")):
        official = e.deciders.get(person)
        if official is None or role_failure(official, act) is not None:
            yield Failure(code=Code.OUT_OF_OFFICE, fact=act)
    yield from _unless(e.decisions_verified, Code.OUT_OF_OFFICE, "certificate")


@guard
def record_intact(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    same = bool(a.record) and a.record == record_digest(a, a.operator)
    yield from _unless(same, Code.RECORD_CHANGED)
    yield from _unless(e.evidence_intact, Code.EVIDENCE_CHANGED)


# --- at the centre -------------------------------------------------------------------------------


@guard
def document_accepted(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    fits = not p.accepted_documents or r.country in p.accepted_documents
    yield from _unless(fits, Code.DOCUMENT_REFUSED)


@guard
def station_named(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(r.station in p.stations, Code.STATION_UNKNOWN)


@guard
def original_seen(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    seen = any(each.kind is EvidenceKind.DOCUMENT_SEEN for each in e.evidence)
    yield from _unless(seen, Code.ORIGINAL_NOT_SEEN)


@guard
def chip_read_or_reason(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    read = any(each.kind is EvidenceKind.DOCUMENT_CHIP for each in e.evidence)
    yield from _unless(read or bool(r.reason), Code.CHIP_NOT_READ)


@guard
def live_capture(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    taken = any(each.kind is EvidenceKind.LIVE_CAPTURE for each in e.evidence)
    yield from _unless(taken, Code.CAPTURE_MISSING)


@guard
def papers_complete(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    # What is written in another script wants a notarised translation.
    if a.flow is Flow.CENTRE:
        there = any(each.kind is EvidenceKind.TRANSLATION for each in e.evidence)
        yield from _unless(there, Code.PAPERS_MISSING, EvidenceKind.TRANSLATION.value)


@guard
def permission_to_stay(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(a.profile)
    if rule is not None and rule.residency is Residency.NON_RESIDENT:
        stays = e.permission_until is not None and at < e.permission_until
        yield from _unless(stays, Code.NO_PERMISSION_TO_STAY)


# --- renewal -------------------------------------------------------------------------------------


@guard
def living_key_of_subject(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(bool(e.living_key) and e.living_key == a.subject, Code.KEY_NOT_LIVING)


@guard
def living_key_valid(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.living_key_valid, Code.KEY_NOT_LIVING)


@guard
def second_factor(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(a.code_misses, p.code_tries, Code.ATTEMPTS_SPENT)
    yield from _unless(e.second_factor, Code.SECOND_FACTOR_MISSING)


@guard
def renewals_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(a.renewals <= p.renewals, Code.RENEWALS_SPENT)


# --- the key and the certificate ----------------------------------------------------------------


@guard
def secret_attempts_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _below(a.secret_misses, p.secret_tries, Code.ATTEMPTS_SPENT)


@guard
def came_in_person(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(a.in_person, Code.NOT_IN_PERSON)


@guard
def activation_secret(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from secret_attempts_left(a, e, r, p, at)
    if a.in_person:
        yield from _unless(e.secret_correct, Code.SECRET_WRONG)


@guard
def possession_proved(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.possession, Code.POSSESSION_NOT_PROVED)


@guard
def possession_for_this(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(bool(a.nonce) and e.possession_for_this, Code.POSSESSION_FOREIGN)


@guard
def key_never_certified(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.key_known is False, Code.KEY_CERTIFIED_BEFORE)


@guard
def names_not_invented(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.names_fit, Code.NAMES_INVENTED)


@guard
def confirms_the_fields(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(bool(a.fields_shown) and e.confirmed, Code.NOT_CONFIRMED)


@guard
def all_again(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    """What was true when it was decided must be true when it is signed."""
    yield from _unless(bool(a.key and a.request and a.nonce), Code.POSSESSION_NOT_PROVED)
    yield from _unless(bool(a.confirmation), Code.NOT_CONFIRMED)
    yield from _unless(e.key_known is False, Code.KEY_CERTIFIED_BEFORE)
    yield from _below(e.active_certificates, p.active_certificates, Code.TOO_MANY_CERTIFICATES)
    yield from _unless(e.snapshot is not None and e.subject == a.subject, Code.PERSON_UNKNOWN)
    yield from person_alive(a, e, r, p, at)
    yield from residency_fits_profile(a, e, r, p, at)
    yield from assurance_reached(a, e, r, p, at)
    yield from _unless(e.evidence_intact, Code.EVIDENCE_CHANGED)
    yield from _unless(a.horizon is None or at < a.horizon, Code.DOCUMENT_NOT_CURRENT)
    if a.renews:  # what proved the person must still stand
        yield from living_key_valid(a, e, r, p, at)
    if a.record:
        for name in ("decision_by_enough_people", "deciders_still_in_office", "record_intact"):
            yield from GUARDS[name](a, e, r, p, at)


@guard
def certificate_as_decided(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.certificate_fits, Code.CERTIFICATE_DIFFERS)


@guard
def challenge_signed(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from _unless(e.challenge_signed, Code.NOT_SIGNED_WITH_KEY)


@guard
def notice_sent(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from _unless(e.notice_sent, Code.NOTICE_NOT_SENT)


def record_digest(application: Application, operator: str) -> bytes:
    """What the operator, and after them the checker, sign."""
    return hashlib.sha256(replace(application, operator=operator).record_octets()).digest()
