"""Mass acts: counted first, carried out in batches, cut off and taken up again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from eds.audit.store import AuditWriter
from eds.ca.lifecycle import Act
from eds.ca.mass import MassActs, MassProgress
from eds.ca.register import Register
from eds.ca.selection import MassAct, MassPlan, Selection, read_plan
from eds.errors import (
    EdsError,
    InvalidArgument,
    LimitExceeded,
    MassActNotFound,
    NaiveDatetime,
    RequestRefused,
    RequestUsed,
)
from eds.extensions import RevocationReason
from tests.ca.hierarchy import DAY, NOON
from tests.ca.status_desk import HOUR, ISSUER, Desk, audit_records, is_personal, open_desk

ALL = Selection(issuer=ISSUER)
AUDIT = AuditWriter(writer="node-1", is_personal=is_personal)


@dataclass
class Mass:
    desk: Desk
    asked: list[tuple[object, datetime]] = field(default_factory=list)
    refuses_after: int = 10**9

    def policy(self, request: object, /, *, at: datetime) -> None:
        self.asked.append((request, at))
        if len(self.asked) > self.refuses_after:
            raise RequestRefused

    @property
    def acts(self) -> MassActs:
        return MassActs(self.desk.register, policy=self.policy)

    def states(self, serials: list[bytes]) -> Counter[str]:
        found = (self.desk.register.status_of(ISSUER, serial) for serial in serials)
        return Counter(status.state.value for status in found if status)

    def records(self) -> Counter[str]:
        return Counter(record["act"] for record in audit_records(self.desk.register))


@pytest.fixture
def mass(register_url: str) -> Iterator[Mass]:
    desk = open_desk(register_url, audit=AUDIT)
    yield Mass(desk)
    desk.register.engine.dispose()


def act(**changes: Any) -> MassAct:
    made: dict[str, Any] = {
        "name": "incident-7",
        "selection": ALL,
        "act": Act.REVOKE,
        "actor": "officer-1",
        "reason": RevocationReason.KEY_COMPROMISE,
        "invalidity_date": NOON - 5 * DAY,
    }
    return MassAct(**(made | changes))


def hold(**changes: Any) -> MassAct:
    return act(act=Act.HOLD, reason=None, invalidity_date=None, **changes)


def test_a_dry_run_counts_every_kind_and_writes_nothing(mass: Mass) -> None:
    held, *_ = mass.desk.issue(3, profile="person/2")
    mass.desk.issue(2, profile="system/1", hold=False)
    mass.desk.issue(1, finish=False)
    mass.desk.change(held, Act.HOLD, at=NOON)
    before = mass.records()
    plan = mass.acts.plan(hold(), at=NOON + HOUR)
    assert [(each.profile, each.state, each.outcome, each.count) for each in plan.counts] == [
        ("person/2", "on_hold", "stays", 1),
        ("person/2", "valid", "changes", 2),
        ("system/1", "valid", "stays", 2),
    ]
    assert (plan.selected, plan.changes) == (5, 2)
    assert 2 * 40 < plan.entry_octets < 2 * 70
    assert mass.acts.plan(act(), at=NOON + HOUR).changes == 5
    assert mass.records() == before
    assert mass.asked == []


@pytest.mark.parametrize(
    "chosen",
    [
        {"profiles": frozenset({"person"})},
        {"profiles": frozenset({"person/2", "person/3"})},
        {"key_kinds": frozenset({"RSA 2048"})},
        {"authorities": frozenset({"centre-9", "nowhere"})},
        {"operators": frozenset({"operator-9"})},
        {"persons": frozenset({"person-9"})},
        {"keys": frozenset({bytes(31) + b"9"})},
        {"issued_from": NOON - 3 * DAY, "issued_before": NOON - DAY},
        {"issued_from": NOON - 2 * DAY, "issued_before": NOON},
        {"unexpired_at": NOON + 400 * DAY},
        {"profiles": frozenset({"person"}), "key_kinds": frozenset({"RSA 2048"})},
    ],
)
def test_a_predicate_selects_what_it_says(register_url: str, chosen: dict[str, Any]) -> None:
    if register_url.startswith("postgresql") and len(chosen) == 1 and "profiles" not in chosen:
        pytest.skip("one column, one value: SQLite has shown it")
    mass = Mass(open_desk(register_url))
    mass.desk.issue(2, profile="person_x/2")  # an underscore is no wildcard here
    wanted = mass.desk.issue(
        1,
        profile="person/2",
        key_kind="RSA 2048",
        authority="centre-9",
        operator="operator-9",
        person="person-9",
        key_hash=bytes(31) + b"9",
        created_at=NOON - 2 * DAY,
        not_after=NOON + 500 * DAY,
    )
    acts = mass.acts
    plan = acts.plan(act(selection=replace(ALL, **chosen)), at=NOON)
    assert plan.selected == 1
    acts.start(plan, at=NOON)
    acts.run("incident-7", at=NOON)
    assert mass.states(wanted) == {"revoked": 1}
    mass.desk.register.engine.dispose()


def test_a_mass_revocation_leaves_an_event_and_a_record_for_each(mass: Mass) -> None:
    serials = mass.desk.issue(25)
    mass.desk.change(serials[0], Act.HOLD, at=NOON)
    mass.desk.change(serials[1], Act.REVOKE, at=NOON)
    mass.desk.change(serials[2], Act.REVOKE, at=NOON, reason=RevocationReason.KEY_COMPROMISE)
    plan = mass.acts.plan(act(), at=NOON + HOUR)
    mass.acts.start(plan, at=NOON + HOUR)
    seen: list[MassProgress] = []
    done = mass.acts.run("incident-7", at=NOON + 2 * HOUR, size=10, progress=seen.append)
    assert (done.state, done.changed, done.passed, done.selected) == ("finished", 24, 1, 25)
    assert [(each.changed + each.passed, each.is_over) for each in seen] == [
        (10, False),
        (20, False),
        (25, True),
    ]
    for serial in serials:
        history = mass.desk.register.history(ISSUER, serial)
        assert history[-1].reason is RevocationReason.KEY_COMPROMISE
        assert [status.version for status in history] == list(range(len(history)))
    status = mass.desk.register.status_of(ISSUER, serials[3])
    assert status is not None
    assert (status.since, status.invalidity_date) == (NOON + 2 * HOUR, NOON - 5 * DAY)
    upgraded = mass.desk.register.status_of(ISSUER, serials[1])
    assert upgraded is not None
    assert upgraded.since == NOON  # a worse reason, the same date
    records = mass.records()
    assert records["ca.certificate.revoked"] == 24 + 2
    assert (records["ca.mass.started"], records["ca.mass.finished"]) == (1, 1)
    listed = [e for shard in range(4) for e in mass.desk.register.listed(ISSUER, shard)]
    assert {serial for serial, _ in listed} == set(serials)


def test_what_is_issued_after_the_plan_is_not_part_of_it(mass: Mass) -> None:
    old = mass.desk.issue(2)
    plan = mass.acts.plan(hold(), at=NOON)
    new = mass.desk.issue(2, created_at=NOON + HOUR)
    mass.acts.start(plan, at=NOON + 2 * HOUR)
    mass.acts.run("incident-7", at=NOON + 2 * HOUR)
    assert (mass.states(old), mass.states(new)) == ({"on_hold": 2}, {"valid": 2})


def test_an_act_that_was_cut_off_goes_on_where_it_stood(mass: Mass) -> None:
    serials = mass.desk.issue(10)

    class Killed(Exception):
        pass

    class Dying(Register):
        """Dies with everything done, before the commit."""

        def change_locked(self, *arguments: Any, **more: Any) -> None:
            super().change_locked(*arguments, **more)
            raise Killed

    mass.acts.start(mass.acts.plan(hold(), at=NOON), at=NOON)
    mass.acts.step("incident-7", at=NOON, size=4)
    dying = Dying(mass.desk.register.engine, node=1, audit=AUDIT)
    with pytest.raises(Killed):
        MassActs(dying, policy=mass.policy).step("incident-7", at=NOON, size=4)
    assert mass.states(serials) == {"on_hold": 4, "valid": 6}
    assert mass.acts.unfinished() == ("incident-7",)
    done = mass.acts.run("incident-7", at=NOON + HOUR, size=4)
    assert (done.changed, done.passed) == (10, 0)
    assert mass.acts.unfinished() == ()
    assert mass.records()["ca.certificate.held"] == 10
    assert mass.acts.step("incident-7", at=NOON + 2 * HOUR) == done


def test_several_workers_share_an_act_and_nothing_is_done_twice(mass: Mass) -> None:
    serials = mass.desk.issue(40)
    mass.acts.start(mass.acts.plan(hold(), at=NOON), at=NOON)
    with ThreadPoolExecutor(4) as pool:
        ends = list(
            pool.map(lambda _: mass.acts.run("incident-7", at=NOON, size=3), range(4))
        )  # fmt: skip
    assert {(end.changed, end.passed, end.state) for end in ends} == {(40, 0, "finished")}
    assert mass.states(serials) == {"on_hold": 40}
    records = mass.records()
    assert (records["ca.certificate.held"], records["ca.mass.finished"]) == (40, 1)


def test_a_change_by_another_meanwhile_is_no_obstacle(mass: Mass) -> None:
    serials = mass.desk.issue(3)
    mass.acts.start(mass.acts.plan(act(), at=NOON), at=NOON)
    mass.desk.change(serials[0], Act.HOLD, at=NOON + 3 * HOUR)  # by a clock that is ahead
    done = mass.acts.run("incident-7", at=NOON + HOUR)
    assert done.changed == 3
    assert mass.states(serials) == {"revoked": 3}


def test_the_policy_is_asked_about_the_plan_before_every_batch(mass: Mass) -> None:
    serials = mass.desk.issue(6)
    plan = mass.acts.plan(hold(), at=NOON)
    mass.refuses_after = 0
    with pytest.raises(RequestRefused):
        mass.acts.start(plan, at=NOON)
    with pytest.raises(MassActNotFound):
        mass.acts.progress("incident-7")
    mass.refuses_after = 3  # that one, the start, and one batch
    mass.acts.start(plan, at=NOON)
    with pytest.raises(RequestRefused):
        mass.acts.run("incident-7", at=NOON, size=2)
    assert mass.states(serials) == {"on_hold": 2, "valid": 4}
    assert {getattr(request, "hash", None) for request, _ in mass.asked} == {plan.hash}


def test_an_act_is_named_once_and_can_be_stopped(mass: Mass) -> None:
    serials = mass.desk.issue(4)
    plan = mass.acts.plan(hold(), at=NOON)
    mass.acts.start(plan, at=NOON)
    with pytest.raises(RequestUsed):
        mass.acts.start(plan, at=NOON)
    mass.acts.step("incident-7", at=NOON, size=1)
    assert mass.acts.stop("incident-7", actor="officer-2", at=NOON).state == "stopped"
    assert mass.acts.run("incident-7", at=NOON).changed == 1
    assert mass.states(serials) == {"on_hold": 1, "valid": 3}
    assert mass.records()["ca.mass.stopped"] == 1
    with pytest.raises(MassActNotFound):
        mass.acts.step("incident-8", at=NOON)


# --- values ---------------------------------------------------------------------------------------


def random_plan(chance: random.Random) -> MassPlan:
    some = Selection(
        issuer=ISSUER,
        profiles=frozenset(chance.sample(["a", "b/1", "c/2"], chance.randrange(4))),
        keys=frozenset(chance.randbytes(32) for _ in range(chance.randrange(3))),
        issued_from=chance.choice([None, NOON, NOON + timedelta(microseconds=1)]),
        issued_before=NOON + DAY,
    )
    made = chance.choice([act, hold])(selection=some)
    return MassPlan(act=made, at=NOON, counts=(), entry_octets=chance.randrange(100))


def test_a_plan_is_read_back_as_it_was_and_every_change_shows_in_its_hash() -> None:
    chance = random.Random(3)
    plans = [random_plan(chance) for _ in range(100)]
    assert [read_plan(plan.encoded) for plan in plans] == plans
    assert len({plan.hash for plan in plans}) == len(set(plans))
    for bad in (b"", b"[]", b"{}", plans[0].encoded + b" ", plans[0].encoded.replace(b"Z", b"z")):
        if bad != plans[0].encoded:
            with pytest.raises(InvalidArgument):
                read_plan(bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"act": Act.RELEASE, "reason": None},
        {"act": Act.HOLD},
        {"reason": None},
        {"reason": RevocationReason.CERTIFICATE_HOLD},
        {"name": ""},
        {"actor": ""},
        {"invalidity_date": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_an_act_that_cannot_be_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(EdsError) as refused:
        act(**bad)
    assert isinstance(refused.value, InvalidArgument | NaiveDatetime)


def test_a_selection_names_so_many_as_a_statement_takes(mass: Mass) -> None:
    people = [f"person-{number}" for number in range(10_001)]
    mass.desk.issue(1, person="person-7")
    many = replace(ALL, persons=frozenset(people[:10_000]))
    assert mass.acts.plan(hold(selection=many), at=NOON).selected == 1
    with pytest.raises(LimitExceeded):
        replace(ALL, persons=frozenset(people))


def test_a_plan_that_no_dry_run_made_is_refused(mass: Mass) -> None:
    plan = MassPlan(act=hold(), at=NOON, counts=(), entry_octets=0)
    with pytest.raises(InvalidArgument, match="plan"):
        mass.acts.start(plan, at=NOON)
    with pytest.raises(InvalidArgument, match="size"):
        mass.acts.step("incident-7", at=NOON, size=0)
