"""The audit log beside what it cannot be faster than: raw inserts, and SHA-256 of the bytes."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from bench.report import Row, interleave
from eds.audit import LogVerifier, StoredHead, StoredRecord
from eds.audit.merkle import CompactRange
from eds.audit.records import GENESIS, AuditEntry, AuditRecord
from eds.audit.store import AUDIT_METADATA, append_all

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GROUP = 100  # records in one transaction
WANTED = 3_000  # events a second: shared/research, requirement 9


def entry(number: int) -> AuditEntry:
    """About 400 octets as a record, as an issued certificate makes one."""
    details = {"profile": "citizen-signature@1", "fingerprint": f"{number:064x}"}
    return AuditEntry(
        at=NOON,
        act="ca.certificate.issued",
        actor="official/9f86d081884c7d65",
        subject=f"0123456789abcdef/{number:040x}",
        details=details,
    )


def never(_: str) -> bool:
    return False


def sqlite_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _(connection: Any, __: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    AUDIT_METADATA.create_all(engine)
    return engine


def appender(engine: Engine, *, single: bool) -> Callable[[], None]:
    """Appends a group in one transaction: one by one, or all at once."""
    numbers = count(1)

    def append() -> None:
        entries = [entry(next(numbers)) for _ in range(GROUP)]
        with engine.begin() as connection:
            for some in [[one] for one in entries] if single else [entries]:
                append_all(connection, some, writer="node-1", is_personal=never)

    return append


def chain(size: int) -> list[StoredRecord]:
    found, previous = [], GENESIS
    for sequence in range(1, size + 1):
        one = entry(sequence)
        record = AuditRecord(
            writer="node-1",
            sequence=sequence,
            at=one.at,
            act=one.act,
            actor=one.actor,
            subject=one.subject,
            details=one.details,
            previous=previous,
        )
        previous = record.hash
        found.append(StoredRecord("node-1", sequence, record.hash, record.encoded))
    return found


def raw_inserter(path: Path, rows: list[StoredRecord]) -> Callable[[], None]:
    """The same octets through sqlite3, a statement each, in the same transactions."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE raw (writer TEXT, sequence INTEGER, hash BLOB, encoded BLOB,"
        " PRIMARY KEY (writer, sequence))"
    )
    numbers = count(1)

    def insert() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for writer, _, noted, encoded in rows:
            row = (writer, next(numbers), noted, encoded)
            connection.execute("INSERT INTO raw VALUES (?, ?, ?, ?)", row)
        connection.execute("COMMIT")

    return insert


def rate(append: Callable[[], None], clock: Callable[[], float], seconds: float = 1.5) -> float:
    """Records a second of that clock."""
    append()
    begin, done = clock(), 0
    while clock() - begin < seconds:
        append()
        done += GROUP
    return done / (clock() - begin)


def run() -> Iterator[Row]:
    """The figures."""
    records = chain(2_000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = sqlite_engine(folder / "log.db")
        stack.callback(engine.dispose)
        raw = raw_inserter(folder / "raw.db", records[:GROUP])
        for name, single, goal in (("all at once", False, 10), ("one by one", True, 40)):
            append = appender(engine, single=single)
            ours, floor = interleave(append, raw, rounds=5, block=0.1)
            yield Row(
                name=f"audit: {GROUP} records in a transaction, {name}: raw inserts (SQLite)",
                ours=ours,
                floor=floor,
                goal=goal,
            )
            yield Row(
                name=f"audit: records a processor second, {name} (SQLite)",
                ours=rate(append, time.process_time),
                floor=WANTED,
                unit="/s",
                goal=1,
                better="higher",
            )
        yield from _postgresql(stack)

    def verify() -> None:
        last = records[-1]
        verifier = LogVerifier(keys=[])
        found = verifier.verify([*records, StoredHead("node-1", last.sequence, last.hash)])
        if list(found):
            raise AssertionError

    def hash_all() -> None:
        for record in records:
            hashlib.sha256(record.encoded).digest()

    ours, floor = interleave(verify, hash_all, rounds=5)
    yield Row(name="audit: verify 2,000 records: SHA-256 of them", ours=ours, floor=floor, goal=60)
    tree = CompactRange()
    ours, floor = interleave(
        partial(tree.append, GENESIS), lambda: hashlib.sha256(GENESIS + GENESIS).digest(), rounds=5
    )
    yield Row(
        name="audit: one leaf into a Merkle tree: one SHA-256", ours=ours, floor=floor, goal=5
    )


def _postgresql(stack: ExitStack) -> Iterator[Row]:
    """In records a second of the clock on the wall: the server works while we wait."""
    from tests.postgresql import programs, running

    if programs() is None:
        return
    engine = create_engine(stack.enter_context(running(durable=True)).new_database())
    stack.callback(engine.dispose)
    AUDIT_METADATA.create_all(engine)
    rows = chain(GROUP)
    raw = stack.enter_context(engine.connect())
    raw.exec_driver_sql("CREATE TABLE raw (n BIGINT PRIMARY KEY, hash BYTEA, encoded BYTEA)")
    raw.commit()
    numbers = count(1)

    def insert() -> None:
        values = [(next(numbers), row.hash, row.encoded) for row in rows]
        cursor = raw.connection.cursor()
        cursor.executemany("INSERT INTO raw VALUES (%s, %s, %s)", values)
        raw.connection.commit()

    for name, single, goal in (("all at once", False, 0.3), ("one by one", True, 0.05)):
        append = appender(engine, single=single)
        ours, floor = interleave(append, insert, rounds=5, block=0.2, clock=time.perf_counter)
        yield Row(
            name=f"audit: {GROUP} records in a transaction, {name}: raw inserts (PostgreSQL)",
            ours=GROUP / ours,
            floor=GROUP / floor,
            unit="/s",
            goal=goal,
            better="higher",
        )
