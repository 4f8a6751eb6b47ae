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
_PEN: Final = "eds.pen"

Row = tuple[int | str | bytes | bool | None, ...]


class Cursor(Protocol):
    """What a statement gives back: its rows, or how many rows it touched."""

    @property
    def rowcount(self) -> int: ...

    def fetchall(self) -> Sequence[Any]: ...


class Pen:
    """The one cursor of a connection of the driver that short statements share.

    A cursor knows how to write values of the types that it has met: each new one finds that out
    again. What one statement gave back is gone with the next. `failure` is what it raises, `kept`
    what others want to know of this connection as long as it lives.
    """

    __slots__ = ("cursor", "dialect", "failure", "kept", "name")

    def __init__(self, dialect: Dialect, cursor: Any) -> None:
        self.dialect = dialect
        self.name = dialect.name
        self.cursor = cursor
        self.kept: dict[str, Any] = {}
        self.failure: type[Exception] = dialect.loaded_dbapi.Error

    @classmethod
    def of(cls, connection: Connection) -> Pen:
        """The pen of that connection, which keeps it."""
        opened = connection.connection
        found: Pen | None = opened.info.get(_PEN)
        if found is None:
            found = opened.info[_PEN] = cls(connection.dialect, opened.cursor())
        return found


class Statement:
    """A statement, by the name of the dialect, whose parameters are called `names`.

    Values go to the driver as they are: integers, text, octets, booleans and None.
    """

    def __init__(self, clauses: Mapping[str, Any], names: Sequence[str]) -> None:
        self.clauses = clauses
        self.names = list(names)
        self._texts: dict[str, str] = {}

    @classmethod
    def of(cls, clause: Any, *names: str) -> Statement:
        """A statement that every database writes alike."""
        return cls(dict.fromkeys(DIALECTS, clause), names)

    @classmethod
    def inserting(cls, table: Table) -> Statement:
        """A row of that table, all columns in their order."""
        return cls.of(Insert(table), *(column.name for column in table.columns))

    def __call__(self, pen: Pen, rows: Sequence[Row]) -> Cursor:
        """Carry it out, once for each of `rows`, of which there is at least one.

        A row has its values in the order of the names, which must be that of the text. Raises the
        errors of SQLAlchemy, their parameters hidden.
        """
        text = self._texts.get(pen.name) or self.text(pen.dialect)
        found: Cursor = pen.cursor
        try:
            if len(rows) == 1:
                pen.cursor.execute(text, rows[0])
            else:
                pen.cursor.executemany(text, rows)
        except pen.failure as error:
            raise DBAPIError.instance(
                text, None, error, pen.failure, hide_parameters=True, dialect=pen.dialect
            ) from error
        return found

    def text(self, dialect: Dialect) -> str:
        """How that database writes it. Raises InvalidArgument for names in another order."""
        if dialect.name in self._texts:
            return self._texts[dialect.name]
        kind: Any = type(dialect)
        positional = kind(paramstyle=_POSITIONAL[dialect.name])
        found = self.clauses[dialect.name].compile(dialect=positional, column_keys=self.names)
        if found.positiontup != self.names:
            raise InvalidArgument(argument="names", reason=f"the text has {found.positiontup}")
        return self._texts.setdefault(dialect.name, str(found))
