"""Mass acts: a plan is counted, approved and carried out in batches, each of them one transaction.

A batch takes the next serial numbers in their order and leaves its cursor with what it did, so a
kill loses nothing and repeats nothing; several processes may work on one act and share the
batches. Every certificate gets its event and its audit record, as if it were alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import InvalidArgument, MassActNotFound, RequestUsed, StatusChangeRefused
from ..extensions import RevocationReason
from . import lifecycle
from . import tables as t
from .authority import Policy, list_entry
from .database import to_micros
from .lifecycle import State, Status
from .register import STATUS_COLUMNS, Register, StatusChange, read_status
from .selection import MassAct, MassCount, MassPlan, Outcome, Selection, read_plan, settled

BATCH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MassProgress:
    """How far a mass act is: `changed` and `passed` (left as they were) of about `selected`."""

    name: str
    state: str  # running, finished, stopped
    changed: int
    passed: int
    selected: int

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state != "running"


class MassActs:
    """The mass acts of one register. The policy is asked at the start and before every batch."""

    def __init__(self, register: Register, *, policy: Policy) -> None:
        self._register = register
        self._policy = policy

    def plan(self, act: MassAct, *, at: datetime) -> MassPlan:
        """The dry run: what the act would do now, counted by kind; nothing is written.

        It is about certificates issued before `at`.
        """
        act = settled(act, at=at)
        row = t.status.c
        worst = (row.reason == RevocationReason.KEY_COMPROMISE.value).label("worst")
        kinds = (t.intents.c.profile, row.state, t.intents.c.hold, func.coalesce(worst, False))
        query = (
            select(*kinds, func.count(), func.max(row.since))
            .select_from(_JOINED)
            .where(*_where(act.selection))
            .group_by(*kinds)
        )
        counts: dict[tuple[str, str, str], int] = {}
        with self._register.reading() as connection:
            for profile, state, hold, compromised, count, _ in connection.execute(query):
                reason = RevocationReason.KEY_COMPROMISE if compromised else None
                seen = Status(state=State(state), since=at, reason=reason)
                outcome = Outcome.CHANGES if _after(act, seen, hold=hold, at=at) else Outcome.STAYS
                key = (profile, state, outcome.value)
                counts[key] = counts.get(key, 0) + count
        found = tuple(
            MassCount(profile=profile, state=state, outcome=outcome, count=count)
            for (profile, state, outcome), count in sorted(counts.items())
        )
        valid = Status(state=State.VALID, since=at)
        entry = _after(act, valid, hold=True, at=at)
        size = len(list_entry(bytes(19), entry)) if entry else 0
        new = sum(
            each.count
            for each in found
            if each.outcome == Outcome.CHANGES.value and each.state == State.VALID.value
        )
        return MassPlan(act=act, at=at, counts=found, entry_octets=new * size)

    def start(self, plan: MassPlan, *, at: datetime) -> MassProgress:
        """Take the plan in; `step` or `run` carries it out. Raises RequestUsed, what the policy does.

        Raises InvalidArgument for a plan whose end lies after `at`.
        """  # noqa: E501
        before = plan.act.selection.issued_before
        if before is None or before > at:
            raise InvalidArgument(argument="plan", reason="it was not made by `plan`")
        self._policy(plan, at=at)
        act = plan.act
        with self._register.writing() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(t.mass_acts).values(
                            mass_act=act.name,
                            issuer=act.selection.issuer,
                            plan=plan.encoded.decode(),
                            state="running",
                            cursor=b"",
                            changed=0,
                            passed=0,
                            created_at=to_micros(at),
                        )
                    )
            except IntegrityError:
                raise RequestUsed(request=act.name) from None
            self._record(connection, plan, "started", at=at, selected=plan.selected)
        return self.progress(act.name)

    def step(self, name: str, *, at: datetime, size: int = BATCH) -> MassProgress:
        """One batch: one transaction. Raises MassActNotFound, what the policy does."""
        if size < 1:
            raise InvalidArgument(argument="size", reason="above zero")
        plan = self.find(name)
        if not self.progress(name).is_over:
            self._policy(plan, at=at)
            with self._register.writing() as connection:
                self._batch(connection, plan, at, size)
        return self.progress(name)

    def run(
        self,
        name: str,
        *,
        at: datetime,
        size: int = BATCH,
        progress: Callable[[MassProgress], None] = lambda _: None,
    ) -> MassProgress:
        """All batches that are left, telling `progress` after each. Raises what `step` does."""
        while True:
            done = self.step(name, at=at, size=size)
            progress(done)
            if done.is_over:
                return done

    def stop(self, name: str, *, actor: str, at: datetime) -> MassProgress:
        """Do nothing more of it; what is done stays done. Raises MassActNotFound."""
        plan = self.find(name)
        with self._register.writing() as connection:
            row = _lock(connection, name)
            if row.state == "running":
                _move(connection, name, state="stopped", closed_at=to_micros(at))
                self._record(
                    connection, plan, "stopped", at=at, actor=actor,
                    changed=row.changed, passed=row.passed,
                )  # fmt: skip
        return self.progress(name)

    def find(self, name: str) -> MassPlan:
        """The plan of that mass act. Raises MassActNotFound."""
        return read_plan(self._row(name).plan.encode())

    def progress(self, name: str) -> MassProgress:
        """How far it is. Raises MassActNotFound."""
        row = self._row(name)
        return MassProgress(
            name=name,
            state=row.state,
            changed=row.changed,
            passed=row.passed,
            selected=read_plan(row.plan.encode()).selected,
        )

    def unfinished(self) -> tuple[str, ...]:
        """Names of the acts that still run or were cut off, the oldest first."""
        row = t.mass_acts.c
        query = select(row.mass_act).where(row.state == "running").order_by(row.created_at)
        with self._register.reading() as connection:
            return tuple(connection.execute(query).scalars())

    # -- inside

    def _row(self, name: str) -> Row[Any]:
        with self._register.reading() as connection:
            row = connection.execute(
                select(t.mass_acts).where(t.mass_acts.c.mass_act == name)
            ).first()
        if row is None:
            raise MassActNotFound(name=name)
        return row

    def _batch(self, connection: Connection, plan: MassPlan, at: datetime, size: int) -> None:
        act = plan.act
        row = _lock(connection, act.name)
        if row.state != "running":
            return  # another process finished it meanwhile
        query = (
            select(t.intents.c.serial, t.intents.c.hold, *STATUS_COLUMNS)
            .select_from(_JOINED)
            .where(t.intents.c.serial > row.cursor, *_where(act.selection))
            .order_by(t.intents.c.serial)
            .limit(size)
            .with_for_update(of=t.status)
        )
        found = connection.execute(query).all()
        changes = list(_changes(act, found, at))
        if changes:
            self._register.change_locked(
                connection, changes, actor=act.actor, recorded_at=at, mass_act=act.name
            )
        changed, passed = row.changed + len(changes), row.passed + len(found) - len(changes)
        values: dict[str, object] = {"changed": changed, "passed": passed}
        if len(found) < size:
            values |= {"state": "finished", "closed_at": to_micros(at)}
            self._record(connection, plan, "finished", at=at, changed=changed, passed=passed)
        if found:
            values["cursor"] = found[-1].serial
        _move(connection, act.name, **values)

    def _record(
        self,
        connection: Connection,
        plan: MassPlan,
        word: str,
        *,
        at: datetime,
        actor: str | None = None,
        **details: object,
    ) -> None:
        self._register.audit(
            connection,
            at=at,
            act=f"ca.mass.{word}",
            actor=actor or plan.act.actor,
            subject=f"{plan.act.selection.issuer[:16]}/mass/{plan.hash.hex()}",
            details={"name": plan.act.name, "act": plan.act.act.value, **details},
        )


def _changes(act: MassAct, found: Iterable[Any], at: datetime) -> Iterator[StatusChange]:
    for row in found:
        status = _after(act, read_status(row), hold=row.hold, at=at)
        if status is not None:
            serial = bytes(row.serial)
            yield StatusChange(
                issuer=act.selection.issuer,
                serial=serial,
                shard=row.shard,
                status=status,
                entry=list_entry(serial, status),
            )


def _after(act: MassAct, status: Status, *, hold: bool, at: datetime) -> Status | None:
    # Clocks differ, and a batch may meet what changed after the act began: never too early for it.
    change = act.change(at=max(at, status.since))
    try:
        return lifecycle.apply(status, change, hold_allowed=hold)
    except StatusChangeRefused:
        return None


_JOINED: Final = t.intents.join(
    t.status,
    (t.status.c.issuer == t.intents.c.issuer) & (t.status.c.serial == t.intents.c.serial),
)


def _where(selection: Selection) -> Iterator[ColumnElement[bool]]:
    row = t.intents.c
    yield row.issuer == selection.issuer
    yield row.state == "issued"
    if selection.profiles:
        whole = [name for name in selection.profiles if "/" in name]
        wanted: ColumnElement[bool] = row.profile.in_(whole)
        for name in selection.profiles.difference(whole):
            wanted |= row.profile.startswith(f"{name}/", autoescape=True)
        yield wanted
    for column, values in (
        (row.key_kind, selection.key_kinds),
        (row.authority, selection.authorities),
        (row.operator, selection.operators),
        (row.person, selection.persons),
        (row.key_hash, selection.keys),
    ):
        if values:
            yield column.in_(sorted(values))
    if selection.issued_from is not None:
        yield row.created_at >= to_micros(selection.issued_from)
    if selection.issued_before is not None:
        yield row.created_at < to_micros(selection.issued_before)
    if selection.unexpired_at is not None:
        yield row.not_after > to_micros(selection.unexpired_at)


def _lock(connection: Connection, name: str) -> Row[Any]:
    query = select(t.mass_acts).where(t.mass_acts.c.mass_act == name).with_for_update()
    return connection.execute(query).one()


def _move(connection: Connection, name: str, **values: object) -> None:
    connection.execute(_MOVE.values(**values), {"of": name})


_MOVE: Final = update(t.mass_acts).where(t.mass_acts.c.mass_act == bindparam("of"))
