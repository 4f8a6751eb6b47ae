"""What opening, submitting and ending ask, and the time."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

from datetime import datetime

from ..application import Application
from ..failures import Code
from ..policy import EnrolmentPolicy
from ..states import State
from .contract import Findings, Found, Request, below, guard, unless


@guard
def rate_limits(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from below(e.applications_today, p.applications_a_day, Code.TOO_MANY_APPLICATIONS)
    yield from below(e.people_of_device, p.people_a_device, Code.DEVICE_SHARED)


@guard
def profile_known(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(r.profile)
    yield from unless(rule is not None and r.flow in rule.flows, Code.PROFILE_UNKNOWN)


@guard
def applicant_authentic(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(r.token_ok, Code.APPLICANT_NOT_AUTHENTIC)


@guard
def consent_given(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(r.consent, Code.CONSENT_MISSING)


@guard
def terms_current(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(r.terms == p.terms, Code.TERMS_OUTDATED)


@guard
def time_is_over(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(a.deadline is not None and at >= a.deadline, Code.TIME_LEFT)


@guard
def reason_given(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    said = e.acting.statement.reason if e.acting is not None else r.reason
    yield from unless(bool(said), Code.REASON_MISSING)


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
    yield from unless(spent.get(a.state, False) or bool(r.reason), Code.REASON_MISSING)
