"""What is asked of officials, of their record and of their decision."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from ..application import Application
from ..failures import Code, Failure
from ..officials import role_failure
from ..policy import EnrolmentPolicy
from .contract import SKEW, Findings, Found, Request, below, guard, unless


def record_digest(application: Application, operator: str) -> bytes:
    """What the operator, and after them the checker, sign."""
    return hashlib.sha256(replace(application, operator=operator).record_octets()).digest()


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
    yield from unless(here, Code.ACT_FOR_ANOTHER)
    fresh = s.at <= at + SKEW and at - s.at <= p.act_lasts
    yield from unless(fresh, Code.ACT_STALE)


@guard
def at_the_station(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None:
        station = e.acting.statement.station
        here = station in e.acting.official.stations and station in p.stations
        here = here and a.station in ("", station)
        yield from unless(here, Code.STATION_UNKNOWN)


@guard
def same_operator(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    # One operator receives, examines and records: nobody signs for what another saw.
    if e.acting is not None and a.operator:
        yield from unless(e.acting.person == a.operator, Code.ANOTHER_OPERATOR)


@guard
def signs_the_record(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    if e.acting is not None:
        wanted = record_digest(a, e.acting.person if not a.record else a.operator)
        yield from unless(e.acting.statement.digest == wanted, Code.ANOTHER_RECORD)


@guard
def operator_limit(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(e.acts_today, p.operator_records_a_day, Code.OFFICIAL_LIMIT)


@guard
def checker_limit(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from below(e.acts_today, p.checker_decisions_a_day, Code.OFFICIAL_LIMIT)


@guard
def not_in_haste(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    thought = a.recorded_at is not None and at - a.recorded_at >= p.least_thought
    yield from unless(thought, Code.IN_HASTE)


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
    yield from below(a.returns, p.returns, Code.RETURNS_SPENT)


@guard
def decision_by_enough_people(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    people = {person for person in (a.operator, a.checker) if person}
    people -= {a.applicant, a.subject, e.subject}
    yield from unless(len(people) >= p.deciding_people, Code.TOO_FEW_PEOPLE)


@guard
def deciders_still_in_office(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    for person, act in ((a.operator, "record"), (a.checker, "approve")):
        official = e.deciders.get(person)
        if official is None or role_failure(official, act) is not None:
            yield Failure(code=Code.OUT_OF_OFFICE, fact=act)
    yield from unless(e.decisions_verified, Code.OUT_OF_OFFICE, "certificate")


@guard
def record_intact(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    same = bool(a.record) and a.record == record_digest(a, a.operator)
    yield from unless(same, Code.RECORD_CHANGED)
    yield from unless(e.evidence_intact, Code.EVIDENCE_CHANGED)
