"""Short statements that run many times: written out once, carried out by the driver's own cursor.

Of a statement that the database answers in microseconds, most of the time is what stands before
it. These run in the transaction of the connection given, as every other statement does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Dialect, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from ..errors import InvalidArgument

DIALECTS: Final[Mapping[str, Any]] = {"sqlite": sqlite, "postgresql": postgresql}
# Values in the order of the text, whatever a driver would rather have.
_POSITIONAL: Final = {"sqlite": "qmark", "postgresql": "format"}
_CURSOR: Final = "eds.cursor"

Row = tuple[int | str | bytes | bool | None, ...]


class Cursor(Protocol):
    """What a statement gives back: its rows, or how many rows it touched."""

    @property
    def rowcount(self) -> int: ...

    def fetchall(self) -> Sequence[Any]: ...


class Cursors(Protocol):
    """Gives the driver's cursors."""

    def cursor(self) -> Any: ...


class Link(Protocol):
    """Where a statement is carried out: a `Connection`, or what stands for one."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def connection(self) -> Cursors: ...


class Pen:
    """A link with one cursor for all statements on a connection of the driver, which keeps it.

    A cursor knows how to write values of the types that it has met: each new one finds that out
    again. What one statement gave back is gone with the next, of whatever pen of that connection.
    """

    __slots__ = ("_cursor", "dialect")

    def __init__(self, connection: Connection) -> None:
        self.dialect = connection.dialect
        opened = connection.connection
        self._cursor = opened.info.get(_CURSOR)
        if self._cursor is None:
            self._cursor = opened.info[_CURSOR] = opened.cursor()

    @property
    def connection(self) -> Pen:
        """Where its cursor is to be had: itself."""
        return self

    def cursor(self) -> Any:
        """The one there is."""
        return self._cursor


class Statement:
    """A statement, by the name of the dialect, whose parameters are called `names`.

    Values go to the driver as they are: integers, text, octets, booleans and None.
    """

    def __init__(self, clauses: Mapping[str, Any], names: Sequence[str]) -> None:
        self.clauses = clauses
        self.names = list(names)
        self._written: dict[str, tuple[str, list[str]]] = {}

    @classmethod
    def of(cls, clause: Any, *names: str) -> Statement:
        """A statement that every database writes alike."""
        return cls(dict.fromkeys(DIALECTS, clause), names)

    @classmethod
    def inserting(cls, table: Table) -> Statement:
        """A row of that table, all columns in their order."""
        return cls.of(Insert(table), *(column.name for column in table.columns))

    def __call__(self, connection: Link, rows: Sequence[Mapping[str, object] | Row]) -> Cursor:
        """Carry it out, once for each of `rows`, of which there is at least one.

        A row is a mapping, or a tuple in the order of the names, which then must be that of the
        text. Raises the errors of SQLAlchemy, their parameters hidden.
        """
        text, places = self._written.get(connection.dialect.name) or self._write(connection.dialect)
        values: Any = rows
        if type(rows[0]) is not tuple:
            values = [[row[name] for name in places] for row in values]
        elif places is not self.names:
            raise InvalidArgument(argument="names", reason=f"the text has {places}")
        if len(values) == 1:
            return run(connection, text, values[0])
        return run(connection, text, values, many=True)

    def _write(self, dialect: Dialect) -> tuple[str, list[str]]:
        kind: Any = type(dialect)
        positional = kind(paramstyle=_POSITIONAL[dialect.name])
        found = self.clauses[dialect.name].compile(dialect=positional, column_keys=self.names)
        places = self.names if found.positiontup == self.names else found.positiontup
        self._written[dialect.name] = str(found), places
        return self._written[dialect.name]


def run(connection: Link, text: str, values: Any = (), *, many: bool = False) -> Cursor:
    """One text of SQL by the driver's cursor. Raises the errors of SQLAlchemy."""
    cursor: Any = connection.connection.cursor()
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
    found: Cursor = cursor
    return found
