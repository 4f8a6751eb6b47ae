"""The audit log in a database: appended to in the transaction of the act, read as a stream.

Portable SQL for SQLite and PostgreSQL: no sequences, no advisory locks. Each writer has one head
row that is moved by compare and set, so its chain has no gap and no fork; triggers refuse
UPDATE and DELETE to whoever comes around this code. A failure raises, and the act is rolled
back with its record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..errors import (
    AuditRecordNotFound,
    AuditUnavailable,
    CheckpointNotFound,
    InvalidArgument,
)
from .chain import Item, StoredCheckpoint, StoredHead, StoredRecord
from .checkpoints import SignedCheckpoint, sizes_of
from .merkle import leaf_hash
from .records import GENESIS, AuditEntry, AuditRecord, IsPersonal, write_record
from .statements import Pen, Statement
from .triggers import TRIGGERS

AUDIT_METADATA: Final = MetaData()

_heads: Final = Table(
    "audit_heads",
    AUDIT_METADATA,
    Column("writer", String(64), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
_records: Final = Table(
    "audit_records",
    AUDIT_METADATA,
    Column("writer", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("encoded", LargeBinary, nullable=False),
    CheckConstraint("sequence >= 1", name="audit_records_sequence"),
)
_checkpoints: Final = Table(
    "audit_checkpoints",
    AUDIT_METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    # Canonical JSON: writer → peaks of its tree in hexadecimal, from which the next one goes on.
    Column("peaks", Text, nullable=False),
)

_GUESS: Final = "eds.audit.head of "
_PAGE: Final = 10_000  # rows fetched at once


@event.listens_for(AUDIT_METADATA, "after_create")
def _create_triggers(
    _: MetaData, connection: Connection, *, tables: Sequence[Table], **__: object
) -> None:
    if _records in tables:
        for statement in TRIGGERS[connection.dialect.name]:
            connection.execute(text(statement))


# --- appending ------------------------------------------------------------------------------------

_MOVE_HEAD: Final = Statement.of(
    update(_heads)
    .where(
        _heads.c.writer == bindparam("of"),
        _heads.c.sequence == bindparam("old_sequence"),
        _heads.c.hash == bindparam("old_hash"),
    )
    .values(sequence=bindparam("new_sequence"), hash=bindparam("new_hash")),
    *("new_sequence", "new_hash", "of", "old_sequence", "old_hash"),
)
_LOCK_HEAD: Final = (
    select(_heads.c.sequence, _heads.c.hash)
    .where(_heads.c.writer == bindparam("of"))
    .with_for_update()
)
_INSERT_RECORD: Final = Statement.inserting(_records)
_NEW_HEAD: Final = {
    "sqlite": sqlite.insert(_heads).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(_heads).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWriter:
    """One node's pen: its chain's name, and what recognises a personal number.

    An `AuditTrail` for the register of an authority: called, it appends one record.
    """

    writer: str
    is_personal: IsPersonal

    def __call__(
        self,
        connection: Connection,
        *,
        at: datetime,
        act: str,
        actor: str,
        subject: str,
        details: Mapping[str, object],
    ) -> None:
        entry = AuditEntry(at=at, act=act, actor=actor, subject=subject, details=details)
        self.append_all(connection, (entry,))

    def append_all(
        self, connection: Connection, entries: Iterable[AuditEntry]
    ) -> tuple[bytes, ...]:
        """Append records for several acts of one transaction. Raises like `append`."""
        return append_all(connection, entries, writer=self.writer, is_personal=self.is_personal)


def append(
    connection: Connection,
    *,
    writer: str,
    at: datetime,
    act: str,
    actor: str,
    subject: str,
    details: Mapping[str, Any],
    is_personal: IsPersonal,
) -> AuditRecord:
    """Record one act in the transaction of `connection`, which the caller has begun.

    On SQLite that transaction must be BEGIN IMMEDIATE. Raises PersonalDataRefused,
    AuditUnavailable, InvalidArgument, NaiveDatetime; then the caller's transaction must not
    be committed.
    """
    entry = AuditEntry(at=at, act=act, actor=actor, subject=subject, details=details)
    (encoded,) = append_all(connection, (entry,), writer=writer, is_personal=is_personal)
    return AuditRecord.decode(encoded)


def append_all(
    connection: Connection, entries: Iterable[AuditEntry], *, writer: str, is_personal: IsPersonal
) -> tuple[bytes, ...]:
    """Record several acts of one transaction at once: one move of the head for all of them.

    Returns the records, encoded. Raises like `append`.
    """
    if not connection.in_transaction():
        raise InvalidArgument(argument="connection", reason="the act's transaction is not begun")
    acts = tuple(entries)
    if not acts:
        return ()
    try:
        pen = Pen.of(connection)
        if getattr(pen.cursor.connection, "autocommit", False) is True:
            why = "it commits each statement by itself"
            raise InvalidArgument(argument="connection", reason=why)
        # Only a guess: where it fails (another process wrote, a savepoint was rolled back), the
        # head is read under its lock.
        guess = f"{_GUESS}{writer}"
        head = pen.kept.pop(guess, None)
        rows = _chained(acts, writer, head, is_personal) if head else []
        if not rows or not _move(pen, head, rows[-1]):
            head = _lock(connection, writer)
            rows = _chained(acts, writer, head, is_personal)
            if not _move(pen, head, rows[-1]):
                raise AuditUnavailable(reason=f"the head of {writer} moved under its lock")
        _INSERT_RECORD(pen, rows)
        pen.kept[guess] = rows[-1][1:3]
    except SQLAlchemyError as error:
        raise _unavailable(error) from error
    return tuple(encoded for _, _, _, encoded in rows)


_Record = tuple[str, int, bytes, bytes]  # writer, sequence, hash, encoded


def _chained(
    acts: Sequence[AuditEntry], writer: str, head: tuple[int, bytes], is_personal: IsPersonal
) -> list[_Record]:
    sequence, previous = head
    rows = []
    for entry in acts:
        sequence += 1
        encoded = write_record(
            entry, writer=writer, sequence=sequence, previous=previous, is_personal=is_personal
        )
        previous = leaf_hash(encoded)
        rows.append((writer, sequence, previous, encoded))
    return rows


def _move(pen: Pen, head: tuple[int, bytes], last: _Record) -> bool:
    writer, sequence, digest, _ = last
    return _MOVE_HEAD(pen, ((sequence, digest, writer, *head),)).rowcount == 1


def _lock(connection: Connection, writer: str) -> tuple[int, bytes]:
    row = connection.execute(_LOCK_HEAD, {"of": writer}).first()
    if row is None:
        first = {"writer": writer, "sequence": 0, "hash": GENESIS}
        connection.execute(_NEW_HEAD[connection.dialect.name], first)
        row = connection.execute(_LOCK_HEAD, {"of": writer}).one()
    return row.sequence, bytes(row.hash)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _unavailable(error) from error


def _unavailable(error: SQLAlchemyError) -> AuditUnavailable:
    # The message of the database may quote the row; its kind is enough.
    return AuditUnavailable(reason=f"the database failed: {type(error).__name__}")


# --- reading ------------------------------------------------------------------------------------


class AuditLog:
    """The log in the database of `connection`, which wants one snapshot (see `reading`).

    All that reads a span streams page by page. Raises AuditUnavailable where the database fails.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, writer: str, sequence: int) -> AuditRecord:
        """One record. Raises AuditRecordNotFound, MalformedAuditRecord."""
        row = self._first(
            select(_records.c.encoded).where(
                _records.c.writer == writer, _records.c.sequence == sequence
            )
        )
        if row is None:
            raise AuditRecordNotFound(writer=writer, sequence=sequence)
        return AuditRecord.decode(bytes(row.encoded))

    def records(
        self, writer: str, *, after: int = 0, end: int | None = None
    ) -> Iterator[StoredRecord]:
        """The records of a writer after a sequence, up to and with `end` if there is one."""
        columns = (_records.c.sequence, _records.c.hash, _records.c.encoded)
        for sequence, noted, encoded in self._span(columns, writer, after, end):
            yield StoredRecord(writer, sequence, bytes(noted), bytes(encoded))

    def hashes(self, writer: str, *, after: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Sequence and noted hash of the same records."""
        columns = (_records.c.sequence, _records.c.hash)
        for sequence, noted in self._span(columns, writer, after, end):
            yield sequence, bytes(noted)

    def heads(self) -> tuple[StoredHead, ...]:
        """Where the store says that each chain ends, by name."""
        with _translated():
            rows = self._connection.execute(select(_heads).order_by(_heads.c.writer)).all()
        return tuple(StoredHead(row.writer, row.sequence, bytes(row.hash)) for row in rows)

    def writers(self) -> Iterator[str]:
        """Names that have records, each found by one look into the index."""
        column = _records.c.writer
        query = select(column).order_by(column).limit(1)
        row = self._first(query)
        while row is not None:
            yield row.writer
            row = self._first(query.where(column > row.writer))

    def checkpoint(self, number: int | None = None) -> SignedCheckpoint:
        """That checkpoint, or the newest. Raises CheckpointNotFound, MalformedCheckpoint."""
        column = _checkpoints.c.number
        query = select(_checkpoints.c.note).order_by(column.desc()).limit(1)
        row = self._first(query if number is None else query.where(column == number))
        if row is None:
            raise CheckpointNotFound(number=number or 0)
        return SignedCheckpoint.parse(bytes(row.note))

    def peaks(self, number: int) -> dict[str, tuple[bytes, ...]]:
        """Writer → peaks of its tree at that checkpoint; nothing that cannot be read."""
        row = self._first(select(_checkpoints.c.peaks).where(_checkpoints.c.number == number))
        try:
            found = json.loads(row.peaks if row else "{}")
            return {name: tuple(map(bytes.fromhex, peaks)) for name, peaks in found.items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    def notes(self, *, after: int = 0) -> Iterator[StoredCheckpoint]:
        """The checkpoints after a number."""
        column = _checkpoints.c.number
        query = select(column, _checkpoints.c.note).order_by(column).limit(100)
        while True:
            with _translated():
                rows = self._connection.execute(query.where(column > after)).all()
            for number, note in rows:
                yield StoredCheckpoint(number, bytes(note))
            if len(rows) < 100:
                return
            after = rows[-1].number

    def items(self, *, after_checkpoint: int = 0) -> Iterator[Item]:
        """The whole log in the order of its growth, or what follows a checkpoint."""
        position: dict[str, int] = {}
        if after_checkpoint:
            position = sizes_of(self.checkpoint(after_checkpoint).note)
        for stored in self.notes(after=after_checkpoint):
            for writer, size in sizes_of(stored.note).items():
                yield from self.records(writer, after=position.get(writer, 0), end=size)
                position[writer] = max(size, position.get(writer, 0))
            yield stored
        heads = self.heads()
        for writer in sorted({*self.writers(), *(head.writer for head in heads)}):
            yield from self.records(writer, after=position.get(writer, 0))
        yield from heads

    def _first(self, query: Select[Any]) -> Row[Any] | None:
        with _translated():
            return self._connection.execute(query).first()

    def _span(
        self, columns: Sequence[Column[Any]], writer: str, after: int, end: int | None
    ) -> Iterator[Any]:
        column = _records.c.sequence
        query = (
            select(*columns)
            .where(_records.c.writer == writer, column > bindparam("after"))
            .order_by(column)
            .limit(_PAGE)
        )
        if end is not None:
            query = query.where(column <= end)
        while True:
            with _translated():
                rows = self._connection.execute(query, {"after": after}).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            after = rows[-1].sequence


def add_checkpoint(
    connection: Connection,
    signed: SignedCheckpoint,
    *,
    peaks: Mapping[str, Sequence[bytes]],
) -> None:
    """Keep a checkpoint, and the peaks of the trees that it was signed over.

    Raises AuditUnavailable, also where another checkpoint came first.
    """
    shown = {writer: [peak.hex() for peak in hashes] for writer, hashes in peaks.items()}
    with _translated():
        connection.execute(
            insert(_checkpoints).values(
                number=signed.checkpoint.number,
                note=signed.note,
                peaks=json.dumps(shown, sort_keys=True, separators=(",", ":")),
            )
        )


@contextmanager
def reading(url: str) -> Iterator[AuditLog]:
    """The log in the database at an SQLAlchemy URL, in one snapshot and for reading only.

    Raises AuditUnavailable where it cannot be opened or holds no audit log.
    """
    try:
        address = make_url(url)
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
            raise AuditUnavailable(reason=f"no such database: {address.database}")
        engine = create_engine(address)
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise AuditUnavailable(reason="not the URL of a database that can be read here") from None
    try:
        with _translated():
            connection = engine.connect()
        with connection:
            with _translated():
                if engine.dialect.name == "postgresql":
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                else:
                    connection.exec_driver_sql("PRAGMA query_only = ON")
                    connection.exec_driver_sql("BEGIN")
            log = AuditLog(connection)
            log.heads()
            yield log
            connection.rollback()
    finally:
        engine.dispose()
