"""The database of a register: how it is opened, how a transaction begins, what a failure is.

SQLite and PostgreSQL behind one engine. Instants are kept as microseconds since 1970, UTC.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import TracebackType
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import Pool

from ..audit.statements import Pen, Statement
from ..errors import EdsError, NaiveDatetime, RegisterUnavailable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ENGINES: Final[WeakSet[Engine]] = WeakSet()
_INHERITED: Final[list[Pool | Connection]] = []


def open_database(url: str) -> Engine:
    """The engine for `sqlite:///path` (WAL, synchronous=FULL) or `postgresql+psycopg://…`.

    It may be carried over a fork: the child has connections of its own. Raises
    RegisterUnavailable.
    """
    with translated():
        engine = create_engine(url)
    _ENGINES.add(engine)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write, committed at the end and rolled back by any exception.

    Raises RegisterUnavailable.
    """
    # SQLite: take the write lock at once, or two writers could both read and then fail.
    with (
        translated(),
        engine.connect().execution_options(eds_writes=True) as connection,
        connection.begin(),
    ):
        yield connection


class Writer:
    """Transactions that will write, one after another, and short questions between them, on
    connections that are kept for them.

    To take a connection from the pool of the engine, to set it up and to put it back costs as
    much as half the statements of an issue. A few are kept; who finds none takes a new one. Ask
    `writer_of`: there is one for each engine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: deque[Line] = deque()
        # SQLite begins no transaction unless it is told to: one connection serves for both, and
        # finds in its memory what it has just written.
        self._asking: deque[Line] = self._kept
        if engine.dialect.name != "sqlite":
            self._asking = deque()
        self._process = os.getpid()
        event.listen(engine, "engine_disposed", self._let_go)

    def transaction(self) -> Transaction:
        """Committed at the end and rolled back by any exception. Raises RegisterUnavailable."""
        return Transaction(self)

    def ask(self, statement: Statement, **values: Any) -> Sequence[Any]:
        """The rows of one short statement that reads, in no transaction of its own.

        Raises RegisterUnavailable.
        """
        try:
            line = self._asking.pop()
        except IndexError:
            line = self._asking_line()
        try:
            row = tuple(map(values.__getitem__, statement.names))
            found = statement(line.pen, (row,)).fetchall()
        except BaseException as error:
            self.give_up(line, error)
            raise
        self.keep(line, self._asking)
        return found

    def take(self) -> Line:
        """A connection to write on, for `keep` or `give_up`. Raises RegisterUnavailable."""
        try:
            return self._kept.pop()
        except IndexError:
            return self._writing_line()

    def _writing_line(self) -> Line:
        with translated():
            return Line(self._engine.connect().execution_options(eds_writes="told"))

    def _asking_line(self) -> Line:
        if self._asking is self._kept:
            return self._writing_line()
        with translated():
            return Line(self._engine.connect().execution_options(isolation_level="AUTOCOMMIT"))

    def keep(self, line: Line, place: deque[Line] | None = None) -> None:
        """Whoever comes next may have it."""
        place = self._kept if place is None else place
        if len(place) < _KEPT:
            place.append(line)
        else:
            line.connection.close()

    def give_up(self, line: Line, error: BaseException) -> None:
        """What failed is not kept; where its server went away, neither are the others.

        Raises RegisterUnavailable where the error is the database's.
        """
        lost = line.connection.invalidated or getattr(line.driver, "closed", False)
        given_up = [line]
        while lost and (self._kept or self._asking):
            given_up.append((self._kept or self._asking).pop())
        for each in given_up:
            if lost:
                each.connection.invalidate()
            each.connection.close()
        if isinstance(error, SQLAlchemyError | line.pen.failure):
            raise _unavailable(error) from None

    def _let_go(self, engine: Engine) -> None:
        """The engine gives up its connections: so do we, and leave alone those of a parent."""
        del engine
        for place in (self._kept, self._asking):
            while place:
                connection = place.pop().connection
                if self._process == os.getpid():
                    connection.detach()
                    connection.close()
                else:
                    _INHERITED.append(connection)
        self._process = os.getpid()


class Transaction:
    """One transaction of a Writer, for a `with`: a generator would take twice as long."""

    __slots__ = ("_line", "_writer")

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> Connection:
        line = self._line = self._writer.take()
        try:
            line.begin()
        except BaseException as error:
            self._writer.give_up(line, error)
            raise
        return line.connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        writer, line = self._writer, self._line
        if error is not None:
            writer.give_up(line, error)
            return
        try:
            line.commit()
        except BaseException as failure:
            writer.give_up(line, failure)
            raise
        writer.keep(line)


class Line:
    """A connection that a Writer keeps.

    For SQLAlchemy it is in one transaction as long as it is kept; where each begins and ends, the
    driver is told itself, at a tenth of the cost.
    """

    __slots__ = ("_begins", "connection", "driver", "pen")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        connection.begin()
        self.driver: Any = connection.connection.driver_connection
        self.pen = Pen.of(connection)
        self._begins = connection.dialect.name == "sqlite"

    def begin(self) -> None:
        """SQLite wants to be told; psycopg begins with the first statement."""
        if self._begins:
            self.pen.cursor.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """What was written since `begin` is on the disk when this returns."""
        if self._begins:
            self.pen.cursor.execute("COMMIT")  # the driver's own would be parsed each time
        else:
            self.driver.commit()


_KEPT: Final = 2  # of the fifteen that the pool of an engine gives out


def writer_of(engine: Engine) -> Writer:
    """The one Writer of that engine, which goes with it."""
    # Two threads at their first transaction may make two; each works, and one is kept.
    found: Writer = vars(engine).get("eds_writer") or Writer(engine)
    vars(engine)["eds_writer"] = found
    return found


@contextmanager
def reading(engine: Engine, *, consistent: bool = False) -> Iterator[Connection]:
    """A transaction that reads; `consistent`: at one instant, as it always is in SQLite.

    Raises RegisterUnavailable.
    """
    with translated(), engine.connect() as connection:
        if consistent and engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def insert_or_ignore(engine: Engine, table: Any) -> Any:
    """An INSERT that does nothing where the key is there already."""
    if engine.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as dialect_insert
    else:
        from sqlalchemy.dialects.sqlite import insert as dialect_insert  # type: ignore[assignment]
    return dialect_insert(table).on_conflict_do_nothing()


@contextmanager
def translated() -> Iterator[None]:
    """What the database throws becomes RegisterUnavailable."""
    try:
        yield
    except EdsError:
        raise
    except SQLAlchemyError as error:
        raise _unavailable(error) from None


def _unavailable(error: Exception) -> RegisterUnavailable:
    # Its text may hold parameters, and these may name people.
    return RegisterUnavailable(reason=type(error).__name__)


@lru_cache(maxsize=4096)  # a certificate's times stand in several of its rows
def to_micros(instant: datetime) -> int:
    """Microseconds since 1970, UTC. Raises NaiveDatetime."""
    if instant.utcoffset() is None:
        raise NaiveDatetime(argument="instant")
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant (aware, UTC) of `to_micros`."""
    return _EPOCH + timedelta(microseconds=micros)


def micros_of(instant: datetime | None) -> int | None:
    """`to_micros` of what may be absent."""
    return None if instant is None else to_micros(instant)


def instant_of(micros: int | None) -> datetime | None:
    """`from_micros` of what may be absent."""
    return None if micros is None else from_micros(micros)


def _after_fork() -> None:
    """The connections of the parent are neither used nor closed here: SQLite forbids both."""
    for engine in list(_ENGINES):
        _INHERITED.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _configure_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # this module says when a transaction begins
    for pragma in (
        "busy_timeout = 60000",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("eds_writes")
    if writes != "told":  # where a Writer tells the driver itself
        text = "BEGIN IMMEDIATE" if writes else "BEGIN"
        connection.exec_driver_sql(text)
