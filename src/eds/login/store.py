"""Challenges in a database, SQLite or PostgreSQL: for portals of several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    delete,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from ..errors import ChallengeStoreUnavailable, InvalidArgument, NaiveDatetime
from .challenges import LoginChallenge

LOGIN_METADATA: Final = MetaData()

_challenges: Final = Table(
    "login_challenges",
    LOGIN_METADATA,
    Column("session", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),  # seconds since 1970
    Column("encoded", LargeBinary, nullable=False),
)

_answers: Final = Table(
    "login_answers",
    LOGIN_METADATA,
    Column("session", LargeBinary(32), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("encoded", LargeBinary, nullable=False),
)

_INSERTS: Final[dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class _SqlStore:
    """One table of octets by session, each taken once."""

    def __init__(self, engine: Engine, table: Table) -> None:
        insert = _INSERTS.get(engine.dialect.name)
        if insert is None:
            raise InvalidArgument(argument="engine", reason="SQLite or PostgreSQL")
        self._engine: Final = engine
        self._table: Final = table
        statement = insert(table)
        new = statement.excluded
        self._put: Final = statement.on_conflict_do_update(
            index_elements=["session"], set_={"expires": new.expires, "encoded": new.encoded}
        )
        # One statement: of any number at once, one has the row.
        self._take: Final = (
            delete(table).where(table.c.session == bindparam("of")).returning(table.c.encoded)
        )

    def create_tables(self) -> None:
        """Make the tables where they are not there yet. Raises ChallengeStoreUnavailable."""
        with self._transaction() as connection:
            LOGIN_METADATA.create_all(connection)

    def _keep(self, session: bytes, encoded: bytes, until: datetime) -> None:
        row = {"session": session, "expires": int(until.timestamp()), "encoded": encoded}
        with self._transaction() as connection:
            connection.execute(self._put, row)

    def _taken(self, session: bytes) -> bytes | None:
        with self._transaction() as connection:
            found = connection.execute(self._take, {"of": session}).scalar()
        return None if found is None else bytes(found)

    def purge(self, *, at: datetime) -> int:
        """Drop what expired before `at`, to be called now and then; how many there were."""
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        old = delete(self._table).where(self._table.c.expires < int(at.timestamp()))
        with self._transaction() as connection:
            return connection.execute(old).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The kind alone: a driver's message may repeat what was bound.
            raise ChallengeStoreUnavailable(reason=type(error).__name__) from error


class SqlChallengeStore(_SqlStore):
    """Challenges in a table (`LOGIN_METADATA`) of the caller's database.

    Raises InvalidArgument for any but SQLite and PostgreSQL.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, _challenges)

    def put(self, challenge: LoginChallenge) -> None:
        """Keep it under its session, in place of any that waited there."""
        self._keep(challenge.session, challenge.encoded, challenge.expires_at)

    def take(self, session: bytes) -> LoginChallenge | None:
        """Take the challenge of that session out; None where none waits."""
        found = self._taken(session)
        return None if found is None else LoginChallenge.decode(found)


class SqlAnswerStore(_SqlStore):
    """Answers of phones in a table beside it. Raises as SqlChallengeStore."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, _answers)

    def put(self, session: bytes, answer: bytes, *, until: datetime) -> None:
        """Keep it, in place of any that waited there."""
        self._keep(session, answer, until)

    def take(self, session: bytes) -> bytes | None:
        """Take it out; None where none waits."""
        return self._taken(session)
