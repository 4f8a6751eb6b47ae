"""Challenges in a database, SQLite or PostgreSQL: for portals of several processes."""

from __future__ import annotations

from collections.abc import Iterator
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

# One statement: of any number at once, one has the row.
_TAKE: Final = (
    delete(_challenges)
    .where(_challenges.c.session == bindparam("of"))
    .returning(_challenges.c.encoded)
)
_PUT: Final = {
    name: statement.on_conflict_do_update(
        index_elements=["session"],
        set_={"expires": statement.excluded.expires, "encoded": statement.excluded.encoded},
    )
    for name, statement in (
        ("sqlite", sqlite.insert(_challenges)),
        ("postgresql", postgresql.insert(_challenges)),
    )
}


class SqlChallengeStore:
    """Challenges in one table (`LOGIN_METADATA`) of the caller's database.

    Raises InvalidArgument for any but SQLite and PostgreSQL.
    """

    def __init__(self, engine: Engine) -> None:
        put = _PUT.get(engine.dialect.name)
        if put is None:
            raise InvalidArgument(argument="engine", reason="SQLite or PostgreSQL")
        self._engine: Final = engine
        self._put: Final = put

    def create_tables(self) -> None:
        """Make the table where it is not there yet. Raises ChallengeStoreUnavailable."""
        with self._transaction() as connection:
            LOGIN_METADATA.create_all(connection)

    def put(self, challenge: LoginChallenge) -> None:
        """Keep it under its session, in place of any that waited there."""
        row = {
            "session": challenge.session,
            "expires": int(challenge.expires_at.timestamp()),
            "encoded": challenge.encoded,
        }
        with self._transaction() as connection:
            connection.execute(self._put, row)

    def take(self, session: bytes) -> LoginChallenge | None:
        """Take the challenge of that session out; None where none waits."""
        with self._transaction() as connection:
            found = connection.execute(_TAKE, {"of": session}).scalar()
        return None if found is None else LoginChallenge.decode(bytes(found))

    def purge(self, *, at: datetime) -> int:
        """Drop what expired before `at`, to be called now and then; how many there were."""
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        old = delete(_challenges).where(_challenges.c.expires < int(at.timestamp()))
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
