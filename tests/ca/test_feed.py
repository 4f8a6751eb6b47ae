"""What a register's feed of changes tells, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from eds.audit.store import AuditWriter
from eds.ca import feed as feed_module
from eds.ca.feed import ChangeFeed, Changes
from eds.ca.lifecycle import Act
from eds.ca.register import Register
from eds.errors import InvalidArgument, RegisterUnavailable
from tests.ca.hierarchy import DAY, NOON
from tests.ca.status_desk import ISSUER, Desk, is_personal, no_audit, open_desk

SHORT = ISSUER[:16]


@pytest.fixture
def desk(register_url: str) -> Iterator[Desk]:
    made = open_desk(register_url, audit=AuditWriter(writer="node-1", is_personal=is_personal))
    yield made
    made.register.engine.dispose()


def test_it_begins_where_the_register_stands(desk: Desk) -> None:
    desk.issue(2)
    feed = ChangeFeed(desk.register)
    assert feed.next() == Changes()
    assert not feed.next()


def test_each_change_of_a_status_is_told_once(desk: Desk) -> None:
    feed = ChangeFeed(desk.register)
    one, other = desk.issue(2)
    assert feed.next().statuses == {(SHORT, one), (SHORT, other)}
    for days, act in enumerate((Act.HOLD, Act.RELEASE, Act.REVOKE)):
        desk.change(one, act, at=NOON + days * DAY)
        assert feed.next() == Changes(statuses=frozenset({(SHORT, one)}))
        assert feed.next() == Changes()


def test_an_intent_that_is_given_up_is_told(desk: Desk) -> None:
    (serial,) = desk.issue(finish=False)
    feed = ChangeFeed(desk.register)
    (intent,) = desk.register.open_intents(before=NOON)
    from eds.ca.authority import give_up

    give_up(intent, register=desk.register, actor="recover", at=NOON)
    assert feed.next().statuses == {(SHORT, serial)}


def test_a_new_list_is_told_by_its_shard(desk: Desk) -> None:
    feed = ChangeFeed(desk.register)
    desk.publisher().publish(2, next_update=NOON + DAY, actor="crl", at=NOON)
    assert feed.next() == Changes(lists=frozenset({(SHORT, 2)}))


def test_every_writer_is_heard(desk: Desk) -> None:
    """Another node writes into the same database, with a chain of its own."""
    (serial,) = desk.issue()
    feed = ChangeFeed(desk.register)
    audit = AuditWriter(writer="node-2", is_personal=is_personal)
    other = replace(desk, register=Register(desk.register.engine, node=2, audit=audit))
    other.change(serial, Act.REVOKE, at=NOON)
    assert feed.next().statuses == {(SHORT, serial)}


def test_what_was_rolled_back_is_not_told_and_nothing_after_it_is_missed(desk: Desk) -> None:
    serials = desk.issue(2)
    feed = ChangeFeed(desk.register)
    issued = desk.register.find(ISSUER, serials[0])
    desk.change(serials[0], Act.HOLD, at=NOON)
    with pytest.raises(Exception):  # noqa: B017, PT011 - another act came first
        desk.register.change_status(issued, issued.status, actor="x", entry=None, recorded_at=NOON)
    desk.change(serials[1], Act.HOLD, at=NOON)
    assert feed.next().statuses == {(SHORT, serial) for serial in serials}


def test_more_than_can_be_told_one_by_one_is_told_as_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MOST", 3)
    feed = ChangeFeed(desk.register)
    desk.issue(2)  # two intents, two certificates
    assert feed.next().all
    (serial,) = desk.issue()
    assert feed.next().statuses == {(SHORT, serial)}


def test_a_chain_that_became_shorter_means_all(desk: Desk) -> None:
    """An old backup came back."""
    desk.issue(2)
    feed = ChangeFeed(desk.register)
    feed._heads["node-1"] += 5
    assert feed.next().all
    assert feed.next() == Changes()


def test_after_a_failure_nothing_is_missed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (serial,) = desk.issue()
    feed = ChangeFeed(desk.register)
    desk.change(serial, Act.HOLD, at=NOON)
    with monkeypatch.context() as away:
        away.setattr(desk.register, "reading", unavailable)
        with pytest.raises(RegisterUnavailable):
            feed.next()
    assert feed.next().statuses == {(SHORT, serial)}


def unavailable(**_: object) -> object:
    raise RegisterUnavailable(reason="OperationalError")


def test_a_register_without_a_log_has_no_feed(register_url: str) -> None:
    desk = open_desk(register_url, audit=no_audit)
    with pytest.raises(InvalidArgument):
        ChangeFeed(desk.register)
    desk.register.engine.dispose()
