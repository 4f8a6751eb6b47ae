"""Requests to revoke: kept, carried out or refused, and alarmed about before 24 hours are over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from eds.audit.store import AuditWriter
from eds.ca import received
from eds.ca.deadlines import RevocationRequest, deadlines
from eds.ca.lifecycle import Act
from eds.ca.mass import MassActs
from eds.ca.selection import MassAct, Selection
from eds.errors import (
    CertificateNotFound,
    EdsError,
    InvalidArgument,
    NaiveDatetime,
    RequestUsed,
    RevocationRequestNotOpen,
)
from eds.extensions import RevocationReason
from tests.ca.hierarchy import NOON
from tests.ca.status_desk import HOUR, ISSUER, Desk, audit_records, is_personal, open_desk

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(register_url: str) -> Iterator[Desk]:
    made = open_desk(register_url, audit=AuditWriter(writer="node-1", is_personal=is_personal))
    yield made
    made.register.engine.dispose()


def request(serial: bytes = b"\x01", **changes: Any) -> RevocationRequest:
    made: dict[str, Any] = {
        "request": "wish-1",
        "issuer": ISSUER,
        "serial": serial,
        "act": Act.REVOKE,
        "requester": "holder-1",
        "received_at": NOON,
        "reason": RevocationReason.KEY_COMPROMISE,
        "invalidity_date": NOON - HOUR,
    }
    return RevocationRequest(**(made | changes))


def wish(serial: bytes, name: str = "wish-1", **changes: Any) -> RevocationRequest:
    return request(serial, request=name, **changes)


def for_a_hold(serial: bytes, name: str) -> RevocationRequest:
    return wish(serial, name, act=Act.HOLD, reason=None, invalidity_date=None)


def names(desk: Desk, **more: Any) -> list[str]:
    return [each.request for each in received.open_requests(desk.register, **more)]


def test_a_request_is_open_until_the_certificate_is_revoked(desk: Desk) -> None:
    (serial,) = desk.issue()
    asked = wish(serial)
    received.receive(desk.register, asked, actor="desk-1")
    assert received.open_requests(desk.register) == (asked,)
    with pytest.raises(RequestUsed):
        received.receive(desk.register, asked, actor="desk-1")
    desk.change(serial, Act.REVOKE, at=NOON + HOUR)
    assert names(desk) == []
    kept, ended = audit_records(desk.register)[-2:]
    assert (kept["act"], kept["details"]["open"]) == ("ca.revocation.received", True)
    assert (ended["act"], ended["details"]["requests"]) == ("ca.certificate.revoked", ["wish-1"])


def test_a_hold_ends_the_wish_for_a_hold_alone_and_a_revocation_both(desk: Desk) -> None:
    (serial,) = desk.issue()
    received.receive(desk.register, wish(serial, "for-good"), actor="desk-1")
    received.receive(desk.register, for_a_hold(serial, "for-now"), actor="desk-1")
    desk.change(serial, Act.HOLD, at=NOON + HOUR)
    assert names(desk) == ["for-good"]
    desk.change(serial, Act.RELEASE, at=NOON + HOUR)
    assert names(desk) == ["for-good"]
    received.receive(desk.register, for_a_hold(serial, "again"), actor="desk-1")
    desk.change(serial, Act.REVOKE, at=NOON + 2 * HOUR)
    assert names(desk) == []


def test_what_is_so_already_is_kept_and_needs_nobody(desk: Desk) -> None:
    (serial,) = desk.issue()
    desk.change(serial, Act.REVOKE, at=NOON)
    received.receive(desk.register, wish(serial), actor="desk-1")
    assert names(desk) == []
    with pytest.raises(RequestUsed):
        received.receive(desk.register, wish(serial), actor="desk-1")


def test_a_request_that_was_not_confirmed_is_ended_with_its_reason(desk: Desk) -> None:
    (serial,) = desk.issue()
    received.receive(desk.register, wish(serial), actor="desk-1")
    received.refuse(
        desk.register, "wish-1", why="the caller was not the holder", actor="desk-2", at=NOON
    )
    assert names(desk) == []
    last = audit_records(desk.register)[-1]
    assert (last["act"], last["details"]["why"]) == (
        "ca.revocation.refused",
        "the caller was not the holder",
    )
    for name in ("wish-1", "wish-2"):
        with pytest.raises(RevocationRequestNotOpen):
            received.refuse(desk.register, name, why="", actor="desk-2", at=NOON)


def test_a_mass_act_ends_requests_too(desk: Desk) -> None:
    serials = desk.issue(3)
    for number, serial in enumerate(serials):
        received.receive(desk.register, wish(serial, f"wish-{number}"), actor="desk-1")
    acts = MassActs(desk.register, policy=lambda request, at: None)
    act = MassAct(
        name="all", selection=Selection(issuer=ISSUER), act=Act.REVOKE, actor="officer-1",
        reason=RevocationReason.CESSATION_OF_OPERATION,
    )  # fmt: skip
    acts.start(acts.plan(act, at=NOON), at=NOON)
    acts.run("all", at=NOON + HOUR)
    assert names(desk) == []
    acts_done = Counter(record["act"] for record in audit_records(desk.register))
    assert acts_done["ca.certificate.revoked"] == 3


def test_only_a_certificate_can_be_asked_about(desk: Desk) -> None:
    (intent,) = desk.issue(finish=False)
    for serial in (intent, b"\x01" + bytes(18)):
        with pytest.raises(CertificateNotFound):
            received.receive(desk.register, wish(serial), actor="desk-1")


def test_an_alarm_comes_before_the_24_hours_are_over(desk: Desk) -> None:
    (serial,) = desk.issue()
    received.receive(desk.register, wish(serial, "early"), actor="desk-1")
    late = wish(serial, "late", received_at=NOON + 10 * HOUR)
    received.receive(desk.register, late, actor="desk-1")

    def seen(at: datetime) -> tuple[list[str], ...]:
        found = deadlines(received.open_requests(desk.register), at=at)
        assert found.is_alarming == bool(found.overdue or found.due)
        return tuple(
            [each.request for each in group] for group in (found.overdue, found.due, found.waiting)
        )

    assert seen(NOON) == ([], [], ["early", "late"])
    assert seen(NOON + 18 * HOUR - MINUTE) == ([], [], ["early", "late"])
    assert seen(NOON + 18 * HOUR) == ([], ["early"], ["late"])
    assert seen(NOON + 24 * HOUR - MINUTE) == ([], ["early"], ["late"])
    assert seen(NOON + 24 * HOUR) == (["early"], [], ["late"])
    assert seen(NOON + 33 * HOUR) == (["early"], ["late"], [])
    assert names(desk, due_before=NOON + 25 * HOUR) == ["early"]


@pytest.mark.parametrize(
    "bad",
    [
        {"act": Act.RELEASE},
        {"act": Act.HOLD},
        {"reason": None},
        {"reason": RevocationReason.REMOVE_FROM_CRL},
        {"request": ""},
        {"requester": ""},
        {"received_at": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_a_request_that_cannot_be_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(EdsError) as refused:
        request(**bad)
    assert isinstance(refused.value, InvalidArgument | NaiveDatetime)


def test_the_clock_wants_aware_instants_and_a_warning_within_its_day() -> None:
    with pytest.raises(NaiveDatetime):
        deadlines([], at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidArgument):
        deadlines([], at=NOON, warning=25 * HOUR)
