"""Short statements that run many times: written out once, carried out by the driver's own cursor.

Of a statement that the database answers in microseconds, most of the time is what stands before
it. These run in the transaction of the connection given, as every other statement does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Dialect, Insert, PoolProxiedConnection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

DIALECTS: Final[Mapping[str, Any]] = {"sqlite": sqlite, "postgresql": postgresql}


class Cursor(Protocol):
    """What a statement gives back: its rows, or how many rows it touched."""

    @property
    def rowcount(self) -> int: ...

    def fetchall(self) -> Sequence[Any]: ...


class Link(Protocol):
    """Where a statement is carried out: a `Connection`, or what stands for one."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def connection(self) -> PoolProxiedConnection: ...


class Statement:
    """A statement, by the name of the dialect, whose parameters are called `names`.

    Values go to the driver as they are: integers, text, octets, booleans and None.
    """

    def __init__(self, clauses: Mapping[str, Any], names: Sequence[str]) -> None:
        self.clauses = clauses
        self._names = list(names)
        self._written: dict[str, tuple[str, Sequence[str] | None]] = {}

    @classmethod
    def of(cls, clause: Any, *names: str) -> Statement:
        """A statement that every database writes alike."""
        return cls(dict.fromkeys(DIALECTS, clause), names)

    @classmethod
    def inserting(cls, table: Table) -> Statement:
        """A row of that table, all columns."""
        return cls.of(Insert(table), *(column.name for column in table.columns))

    def __call__(self, connection: Link, rows: Sequence[Mapping[str, object]]) -> Cursor:
        """Carry it out, once for each of `rows`, of which there is at least one.

        Raises the errors of SQLAlchemy, their parameters hidden.
        """
        dialect = connection.dialect
        written = self._written.get(dialect.name)
        if written is None:
            found = self.clauses[dialect.name].compile(dialect=dialect, column_keys=self._names)
            written = self._written[dialect.name] = str(found), found.positiontup
        text, places = written
        values: list[Any] = list(rows)
        if places is not None:
            values = [[row[name] for name in places] for row in rows]
        if len(values) == 1:
            return run(connection, text, values[0])
        return run(connection, text, values, many=True)


def run(connection: Link, text: str, values: Any = (), *, many: bool = False) -> Cursor:
    """One text of SQL by the driver's cursor. Raises the errors of SQLAlchemy."""
    cursor = connection.connection.cursor()
    try:
        if many:
            cursor.executemany(text, values)
        else:
            cursor.execute(text, values)
    except connection.dialect.loaded_dbapi.Error as error:
        base = connection.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(
            text, None, error, base, hide_parameters=True, dialect=connection.dialect
        ) from error
    return cursor
