"""All that speaks against a transition: the time first, then the guards of its row."""

from __future__ import annotations

from datetime import datetime

from ..application import Application
from ..failures import Code, Failure
from ..policy import EnrolmentPolicy
from ..states import Transition
from . import centre, evidence, keys, officials, opening, organisations, people
from .contract import GUARDS, Findings, Found, Request

# Each enters its guards when it is imported.
SUBJECTS = (opening, people, organisations, evidence, officials, centre, keys)


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
