"""A series of migrations: from an empty database to the tables that this code wants, and on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text

from ...errors import RegisterNewer, RegisterOutdated


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The migrations in `folder`, of which `revision` is the newest.

    `version_table` keeps where a database stands. `lock` is the number that PostgreSQL locks
    while one is carried out; the rest of the world may lock numbers of its own.
    """

    folder: Path
    version_table: str
    revision: str
    lock: int
    _version: Table = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        column = Column("version_num", String(32), primary_key=True)
        object.__setattr__(self, "_version", Table(self.version_table, MetaData(), column))

    def found(self, connection: Connection) -> str | None:
        """The revision of the database; None where no migration was ever carried out."""
        if not inspect(connection).has_table(self.version_table):
            return None
        return connection.execute(select(self._version.c.version_num)).scalar_one_or_none()

    def require_current(self, connection: Connection) -> None:
        """Raises RegisterOutdated or RegisterNewer unless the database is what this code wants."""
        found = self.found(connection)
        if found is None or found < self.revision:
            raise RegisterOutdated(found=found, wanted=self.revision)
        self._require_not_newer(found)

    def upgrade(self, engine: Engine) -> tuple[str | None, str]:
        """Bring the database to the newest revision; an empty one gets its tables.

        One transaction, one at a time: of two that come together the second finds nothing to
        do. Returns the revisions before and after. Raises RegisterNewer, RegisterUnavailable.
        """
        from alembic import command
        from alembic.config import Config

        from ..database import translated, writing

        with translated(), writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                locked = text("SELECT pg_advisory_xact_lock(:number)")
                connection.execute(locked, {"number": self.lock})
            found = self.found(connection)
            self._require_not_newer(found)
            if found != self.revision:
                config = Config()
                config.set_main_option("script_location", str(self.folder))
                config.set_main_option("path_separator", "os")
                config.attributes["connection"] = connection
                command.upgrade(config, self.revision)
            return found, self.revision

    def _require_not_newer(self, found: str | None) -> None:
        if found is not None and found > self.revision:
            raise RegisterNewer(found=found, wanted=self.revision)
