"""The tables of a desk over time, beside those of the register and its log in one database.

As in `eds.ca.migrations`: `upgrade` carries out what is missing, all or nothing; what was released
is never changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from ...ca import migrations as register
from ...ca.migrations.series import Series

REVISION: Final = "0001"
VERSION_TABLE: Final = "enrolment_version"
_DESK: Final = Series(
    folder=Path(__file__).parent,
    version_table=VERSION_TABLE,
    revision=REVISION,
    lock=0x3C52_77E1,  # the first octets of SHA-256 of "eds enrolment", made positive
)

require_current: Final = _DESK.require_current


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the register, then the desk, to the revision of this code: revisions before and after.

    Raises RegisterNewer, RegisterUnavailable.
    """
    register.upgrade(engine)
    return _DESK.upgrade(engine)
