"""What is asked of keys: the living one of a renewal, the new one, its certificate."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

from datetime import datetime

from ..application import Application
from ..failures import Code
from ..kinds import EvidenceKind
from ..policy import EnrolmentPolicy
from .contract import GUARDS, Findings, Found, Request, below, guard, unless
from .evidence import assurance_reached
from .organisations import speaks_for_organisation
from .people import person_alive, residency_fits_profile


@guard
def living_key_of_subject(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(bool(e.living_key) and e.living_key == a.subject, Code.KEY_NOT_LIVING)


@guard
def living_key_valid(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.living_key_valid, Code.KEY_NOT_LIVING)


@guard
def second_factor(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(a.code_misses, p.code_tries, Code.ATTEMPTS_SPENT)
    yield from unless(e.second_factor, Code.SECOND_FACTOR_MISSING)


@guard
def renewals_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(a.renewals <= p.renewals, Code.RENEWALS_SPENT)


@guard
def secret_attempts_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(a.secret_misses, p.secret_tries, Code.ATTEMPTS_SPENT)


@guard
def came_in_person(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(a.in_person, Code.NOT_IN_PERSON)


@guard
def activation_secret(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from secret_attempts_left(a, e, r, p, at)
    if a.in_person:
        yield from unless(e.secret_correct, Code.SECRET_WRONG)


@guard
def possession_proved(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.possession, Code.POSSESSION_NOT_PROVED)


@guard
def possession_for_this(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(bool(a.nonce) and e.possession_for_this, Code.POSSESSION_FOREIGN)


@guard
def key_never_certified(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.key_known is False, Code.KEY_CERTIFIED_BEFORE)


@guard
def names_not_invented(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.names_fit, Code.NAMES_INVENTED)


@guard
def confirms_the_fields(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(bool(a.fields_shown) and e.confirmed, Code.NOT_CONFIRMED)


@guard
def all_again(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    """What was true when it was decided must be true when it is signed."""
    yield from unless(bool(a.key and a.request and a.nonce), Code.POSSESSION_NOT_PROVED)
    yield from unless(bool(a.confirmation), Code.NOT_CONFIRMED)
    yield from unless(e.key_known is False, Code.KEY_CERTIFIED_BEFORE)
    yield from below(e.active_certificates, p.active_certificates, Code.TOO_MANY_CERTIFICATES)
    yield from unless(e.snapshot is not None and e.subject == a.subject, Code.PERSON_UNKNOWN)
    yield from person_alive(a, e, r, p, at)
    yield from residency_fits_profile(a, e, r, p, at)
    yield from speaks_for_organisation(a, e, r, p, at)
    yield from assurance_reached(a, e, r, p, at)
    yield from unless(e.evidence_intact, Code.EVIDENCE_CHANGED)
    yield from unless(a.horizon is None or at < a.horizon, Code.DOCUMENT_NOT_CURRENT)
    if a.renews:  # what proved the person must still stand
        yield from living_key_valid(a, e, r, p, at)
    if EvidenceKind.EXISTING_EDS in a.kinds:
        yield from unless(e.existing_eds_valid, Code.KEY_NOT_LIVING)
    if a.record:
        for name in ("decision_by_enough_people", "deciders_still_in_office", "record_intact"):
            yield from GUARDS[name](a, e, r, p, at)


@guard
def certificate_as_decided(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.certificate_fits, Code.CERTIFICATE_DIFFERS)


@guard
def challenge_signed(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.challenge_signed, Code.NOT_SIGNED_WITH_KEY)


@guard
def notice_sent(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from unless(e.notice_sent, Code.NOTICE_NOT_SENT)
