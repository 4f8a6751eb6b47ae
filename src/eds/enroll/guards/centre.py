"""What is asked at the centre: the document, its chip, the papers, the stay."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

from datetime import datetime

from ..application import Application
from ..failures import Code
from ..kinds import EvidenceKind
from ..people import Residency
from ..policy import EnrolmentPolicy
from ..states import Flow
from .contract import Findings, Found, Request, guard, unless


@guard
def document_accepted(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    fits = not p.accepted_documents or r.country in p.accepted_documents
    yield from unless(fits, Code.DOCUMENT_REFUSED)


@guard
def station_named(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    yield from unless(r.station in p.stations, Code.STATION_UNKNOWN)


@guard
def original_seen(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    seen = any(each.kind is EvidenceKind.DOCUMENT_SEEN for each in e.evidence)
    yield from unless(seen, Code.ORIGINAL_NOT_SEEN)


@guard
def chip_read_or_reason(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    read = any(each.kind is EvidenceKind.DOCUMENT_CHIP for each in e.evidence)
    yield from unless(read or bool(r.reason), Code.CHIP_NOT_READ)


@guard
def live_capture(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    taken = any(each.kind is EvidenceKind.LIVE_CAPTURE for each in e.evidence)
    yield from unless(taken, Code.CAPTURE_MISSING)


@guard
def papers_complete(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    # What is written in another script wants a notarised translation.
    if a.flow is Flow.CENTRE:
        there = any(each.kind is EvidenceKind.TRANSLATION for each in e.evidence)
        yield from unless(there, Code.PAPERS_MISSING, EvidenceKind.TRANSLATION.value)


@guard
def permission_to_stay(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule = p.profiles.get(a.profile)
    if rule is not None and rule.residency is Residency.NON_RESIDENT:
        stays = e.permission_until is not None and at < e.permission_until
        yield from unless(stays, Code.NO_PERMISSION_TO_STAY)
