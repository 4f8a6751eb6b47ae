"""What is asked of the person in the register, and of the way to reach them."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

from datetime import datetime

from ..application import Application
from ..failures import Code
from ..people import Residency, age
from ..policy import EnrolmentPolicy
from ..states import Flow
from .contract import Findings, Found, Request, below, guard, unless


@guard
def person_resolved(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    known = e.snapshot is not None and bool(e.subject)
    if known and a.flow is not Flow.CENTRE:
        known = e.subject == a.applicant
    yield from unless(known, Code.PERSON_UNKNOWN)


@guard
def person_alive(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.snapshot is not None:
        yield from unless(e.snapshot.alive, Code.PERSON_DEAD)


@guard
def person_of_age(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.snapshot is not None:
        grown = age(e.snapshot.born, at=at) >= p.minimum_age
        yield from unless(grown, Code.PERSON_UNDER_AGE)


@guard
def residency_fits_profile(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(a.profile)
    if e.snapshot is None or rule is None:
        return
    yield from unless(rule.residency is e.snapshot.residency, Code.RESIDENCY_MISMATCH)
    if e.snapshot.residency is Residency.NON_RESIDENT:
        known = e.snapshot.permission_until
        stays = a.permission_until or known
        # What was read at the counter never outlasts what the register has.
        fits = stays is not None and at < stays and (known is None or stays <= known)
        yield from unless(fits, Code.NO_PERMISSION_TO_STAY)


@guard
def contact_from_the_base(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(bool(e.contact), Code.CONTACT_UNKNOWN)


@guard
def contact_not_shared(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(e.people_of_contact, p.people_a_contact, Code.CONTACT_SHARED)


@guard
def sends_left(a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime) -> Found:
    yield from below(e.sends_today, p.sends_a_day, Code.SENDS_SPENT)


@guard
def code_attempts_left(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(a.code_misses, p.code_tries, Code.ATTEMPTS_SPENT)


@guard
def code_correct(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(e.code_correct, Code.CODE_WRONG)
