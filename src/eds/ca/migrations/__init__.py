"""The tables of a register over time: from an empty database to what this code wants, and on.

`upgrade` carries out what is missing, all or nothing. A migration, once released, is never
changed. How they are written (expand, migrate, contract): docs/register.md. Alembic is imported
when a database is upgraded; to look at its revision costs one query.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text

from ...errors import RegisterNewer, RegisterOutdated
from ..tables import REVISION

VERSION_TABLE: Final = "register_version"
_VERSION: Final = Table(
    VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True)
)
# The rest of the world may lock numbers of its own: this one is the first octets of SHA-256 of
# "eds register".
_LOCK: Final = 0x5F3B_19A2


def revision(connection: Connection) -> str | None:
    """The revision of the database; None where no migration was ever carried out."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def require_current(connection: Connection) -> None:
    """Raises RegisterOutdated or RegisterNewer unless the database is what this code wants."""
    found = revision(connection)
    if found is None or found < REVISION:
        raise RegisterOutdated(found=found, wanted=REVISION)
    if found > REVISION:
        raise RegisterNewer(found=found, wanted=REVISION)


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the database to the revision of this code; an empty one gets its tables.

    One transaction, one at a time: of two that come together the second finds nothing to do.
    Returns the revisions before and after. Raises RegisterNewer, RegisterUnavailable.
    """
    from alembic import command
    from alembic.config import Config

    from ..database import translated, writing

    with translated(), writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        found = revision(connection)
        if found is not None and found > REVISION:
            raise RegisterNewer(found=found, wanted=REVISION)
        if found != REVISION:
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.upgrade(config, REVISION)
        return found, REVISION
