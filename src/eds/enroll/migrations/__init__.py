"""The tables of a desk over time, beside those of the register and its log in one database.

As in `eds.ca.migrations`: `upgrade` carries out what is missing, all or nothing; what was released
is never changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text

from ...ca import migrations as register
from ...errors import RegisterNewer, RegisterOutdated

REVISION: Final = "0001"
VERSION_TABLE: Final = "enrolment_version"
_VERSION: Final = Table(
    VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True)
)
_LOCK: Final = 0x3C52_77E1  # the first octets of SHA-256 of "eds enrolment", made positive


def revision(connection: Connection) -> str | None:
    """The revision of the desk's tables; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def require_current(connection: Connection) -> None:
    """Raises RegisterOutdated or RegisterNewer unless the tables are what this code wants."""
    found = revision(connection)
    if found is None or found < REVISION:
        raise RegisterOutdated(found=found, wanted=REVISION)
    if found > REVISION:
        raise RegisterNewer(found=found, wanted=REVISION)


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the register, then the desk, to the revision of this code: revisions before and after.

    Raises RegisterNewer, RegisterUnavailable.
    """
    from alembic import command
    from alembic.config import Config

    from ...ca.database import translated, writing

    register.upgrade(engine)
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
