"""What is asked of whoever is to be certified as somebody of an organisation."""

# Every guard has the same five arguments, and few want all of them; its name says what it asks.
# ruff: noqa: ARG001, D103

from __future__ import annotations

from datetime import datetime

from ..application import Application
from ..failures import Code, Failure
from ..policy import EnrolmentPolicy, Represents
from .contract import SKEW, Findings, Found, Request, guard, unless


@guard
def speaks_for_organisation(
    a: Application, e: Findings, r: Request, p: EnrolmentPolicy, at: datetime
) -> Found:
    rule, known, mandate = p.profiles.get(a.profile), e.organisation, e.mandate
    if rule is None or rule.represents is None:
        return
    if known is None or not a.organisation or known.organisation != a.organisation:
        yield Failure(code=Code.ORGANISATION_UNKNOWN)
        return
    yield from unless(known.active, Code.ORGANISATION_CLOSED)
    if rule.represents is Represents.HEAD:
        yield from unless(known.head == a.applicant, Code.NOT_THE_HEAD)
        return
    if mandate is None:
        yield Failure(code=Code.MANDATE_MISSING)
        return
    if not mandate.signer:
        yield Failure(code=Code.MANDATE_NOT_SIGNED)
    else:
        yield from unless(mandate.signer == known.head, Code.MANDATE_OF_ANOTHER)
    said = (mandate.organisation, mandate.person, mandate.profile)
    yield from unless(said == (a.organisation, a.applicant, a.profile), Code.MANDATE_FOR_ANOTHER)
    fresh = mandate.at <= at + SKEW and at - mandate.at <= p.mandate_lasts
    yield from unless(fresh, Code.MANDATE_STALE)
