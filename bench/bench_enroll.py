"""What a desk costs: applications of residents from home, from the first word to the clearance.

Eight acts, each one transaction: opened, submitted, resolved, code sent, contact confirmed,
evidence, face check, clearance. The floor is what their transactions cannot do without: the very
statements that they write, with the same values, by the driver alone, into a copy of the same
database, in as many commits. What other people do is done outside of the time: telephones,
registers, the provider of the face check who signs.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Engine, make_url

from bench.report import Row
from eds.audit.statements import Cursor, Pen, Statement
from eds.audit.store import AuditWriter
from eds.ca.database import Line, open_database
from eds.enroll import remote
from eds.enroll.application import Application
from eds.enroll.desk import Desk, Envelope
from eds.enroll.evidence.vault import AesMasterKey
from eds.enroll.kinds import EvidenceKind
from eds.enroll.migrations import upgrade
from eds.enroll.officials import Office
from eds.enroll.people import Pseudonyms
from eds.enroll.policy import EnrolmentPolicy
from eds.enroll.providers import CheckedEvidence
from eds.enroll.simulators import SimulatedPerson, simulated_people, simulated_state
from eds.enroll.states import Flow, State
from eds.enroll.store import ApplicationStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TERMS = hashlib.sha256(b"terms").digest()
TOKEN = bytes(range(32))
ACTS: Final = 8
WARM: Final = 30
MEASURED: Final = 150
GOAL: Final = 0.5

Written: TypeAlias = list[
    list[tuple[str, Any, bool]]
]  # transactions of (text, values, whether many)
Writer: TypeAlias = Callable[[Written], None]
T = TypeVar("T")


class Spent(NamedTuple):
    """Seconds by the clock on the wall, and of this process."""

    wall: float
    cpu: float

    def __add__(self, other: Spent) -> Spent:  # type: ignore[override]
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


def timed(act: Callable[[], T]) -> tuple[T, Spent]:
    """What an act gives, and what it takes; to ask for the time of the process takes some too."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = act()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return found, Spent(wall, cpu)


def nobody(certificate: object) -> None:
    del certificate


class Nowhere:
    """A checker of signatures that no act of an official comes to."""

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Any:
        raise NotImplementedError


class Recorder:
    """What transactions write by the statements of the desk and of the log.

    While the clock runs it only notes what was told; `take` sorts it out.
    """

    def __init__(self) -> None:
        told: list[tuple[Statement, Pen, Sequence[Any]]] = []  # in the transaction that is open
        ended: list[list[tuple[Statement, Pen, Sequence[Any]]]] = []
        carry_out, commit = self._before = Statement.__call__, Line.commit

        def record(statement: Statement, pen: Pen, rows: Sequence[Any]) -> Cursor:
            told.append((statement, pen, rows))
            return carry_out(statement, pen, rows)

        def end(line: Line) -> None:
            commit(line)
            ended.append(told.copy())
            told.clear()

        self._ended = ended
        setattr(Statement, "__call__", record)  # noqa: B010
        setattr(Line, "commit", end)  # noqa: B010

    def close(self) -> None:
        carry_out, commit = self._before
        setattr(Statement, "__call__", carry_out)  # noqa: B010
        setattr(Line, "commit", commit)  # noqa: B010

    def take(self) -> Written:
        """The transactions since the last time, what only reads left out."""
        found = [
            [
                (text, rows if len(rows) > 1 else rows[0], len(rows) > 1)
                for statement, pen, rows in transaction
                if not (text := statement.text(pen.dialect)).startswith("SELECT")
            ]
            for transaction in self._ended
        ]
        self._ended.clear()
        return found


class People:
    """A desk, and residents who come to it one after the other."""

    def __init__(self, engine: Engine, people: tuple[SimulatedPerson, ...]) -> None:
        policy = EnrolmentPolicy(
            name="bench", version="1", terms=TERMS, stations=frozenset({"s"}), audience="desk",
            people_a_device=10**6,
        )  # fmt: skip
        self.state = simulated_state(people, seed="bench", audience="desk", at=NOON)
        store = ApplicationStore(
            engine,
            audit=AuditWriter(
                writer="desk-1", is_personal=lambda text: len(text) == 12 and text.isdigit()
            ),
            master=AesMasterKey(bytes(32), key_id="1"),
        )
        names = Pseudonyms(bytes(32))
        self.desk = Desk(
            store=store, policy=policy, pseudonyms=names,
            office=Office(
                checker=Nowhere(), personal_number=nobody, pseudonyms=names,
                official=store.official,
            ),
            population=self.state.population, phones=self.state.phones,
            documents=self.state.documents, notifier=self.state.notifier,
            assertions=self.state.faces,
        )  # fmt: skip
        self.people = iter(people)
        self._numbers = itertools.count(1)
        self.spent = Spent(0.0, 0.0)

    def _act(self, act: Callable[[], Application]) -> Application:
        found, spent = timed(act)
        self.spent += spent
        return found

    def _envelope(self) -> Envelope:
        return Envelope(message=f"m{next(self._numbers)}", at=NOON, token=TOKEN)

    def clear(self) -> Spent:
        """One application: what the desk took."""
        desk, person, self.spent = self.desk, next(self.people), Spent(0.0, 0.0)
        opened = self._act(
            lambda: remote.open_application(
                desk, self._envelope(), flow=Flow.REMOTE, profile="natural-person-signature",
                personal_number=person.personal_number,
                device=f"d{next(self._numbers)}",  # at home everybody has one of their own
            )
        )  # fmt: skip
        name = opened.application
        self._act(lambda: remote.submit(desk, name, self._envelope(), consent=b"yes", terms=TERMS))
        self._act(lambda: remote.resolve(desk, name, at=NOON))
        self._act(lambda: remote.send_code(desk, name, self._envelope()))
        code = self.state.notifier.sent[-1][2]["code"]
        confirmed = self._act(
            lambda: remote.confirm_contact(desk, name, self._envelope(), code=code)
        )
        photo = CheckedEvidence(
            kind=EvidenceKind.REGISTER_PHOTO, octets=name.encode() * 60, holder=confirmed.subject
        )
        offered = self._act(
            lambda: remote.offer_evidence(desk, name, pieces=(photo,), message="photo", at=NOON)
        )
        token = self.state.faces.assertion(
            identifier=name, application=name, challenge=offered.challenge, at=NOON
        )
        self._act(lambda: remote.face_check(desk, name, token=token, message="face", at=NOON))
        cleared = self._act(lambda: remote.assess(desk, name, risk=0, at=NOON))
        if cleared.state is not State.CLEARED:
            raise AssertionError(cleared.state)
        return self.spent


def raw_sqlite(path: Path) -> tuple[Any, Writer]:
    """A connection as the desk's, and what carries out transactions."""
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")

    def write(transactions: Written) -> None:
        for transaction in transactions:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            for text, values, many in transaction:
                (cursor.executemany if many else cursor.execute)(text, values)
            cursor.execute("COMMIT")

    return connection, write


def raw_postgresql(url: str) -> tuple[Any, Writer]:
    """The same by psycopg."""
    import psycopg

    place = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(place)

    def write(transactions: Written) -> None:
        for transaction in transactions:
            cursor = connection.cursor()
            for text, values, many in transaction:
                (cursor.executemany if many else cursor.execute)(text, values)
            connection.commit()

    return connection, write


def beside(
    name: str,
    url: str,
    copied: Callable[[], tuple[Any, Writer]],
) -> Iterator[Row]:
    """The desk on that database, and the driver alone on a copy of it, in turns."""
    number = itertools.count(1)
    people = tuple(
        simulated_people(
            "bench", WARM + MEASURED, at=NOON - timedelta(days=1),
            personal_number=lambda born, _: f"{born:%y%m%d}{next(number):06d}",
        )
    )  # fmt: skip
    engine = open_database(url)
    crowd = People(engine, people)
    crowd.desk.store.record(act="bench.begun", actor="bench", subject="bench", details={}, at=NOON)
    engine.dispose()
    connection, write = copied()
    recorder = Recorder()
    ours, floor = [], []
    try:
        with closing(connection):
            for _ in range(WARM + MEASURED):
                ours.append(crowd.clear())
                written = recorder.take()
                if len(written) != ACTS:
                    raise AssertionError(f"{len(written)} transactions")
                floor.append(timed(partial(write, written))[1])
    finally:
        recorder.close()
        engine.dispose()
    yield Row(
        name=f"applications from home to clearance ({name}): the same rows, raw",
        ours=1 / statistics.median(one.wall for one in ours[WARM:]),
        floor=1 / statistics.median(one.wall for one in floor[WARM:]),
        unit="/s", goal=GOAL, better="higher",
    )  # fmt: skip
    yield Row(
        name=f"the same ({name}), of this process's time alone",
        ours=1 / statistics.mean(one.cpu for one in ours[WARM:]),
        floor=1 / statistics.mean(one.cpu for one in floor[WARM:]),
        unit="/s", better="higher",
    )  # fmt: skip


def run() -> Iterator[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eds-bench-")))
        url = f"sqlite:///{folder / 'desk.db'}"
        made(url)

        def copied() -> tuple[Any, Writer]:
            for file in folder.glob("desk.db*"):
                shutil.copyfile(file, folder / file.name.replace("desk", "raw"))
            return raw_sqlite(folder / "raw.db")

        yield from beside("SQLite", url, copied)
        yield from postgresql(stack)


def postgresql(stack: ExitStack) -> Iterator[Row]:
    from tests.postgresql import programs, running

    if programs() is None:
        return
    cluster = stack.enter_context(running())
    url = cluster.new_database()
    made(url)
    name = url.partition("@/")[2].partition("?")[0]
    yield from beside(
        "PostgreSQL", url, lambda: raw_postgresql(cluster.new_database(template=name))
    )


def made(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    engine.dispose()
