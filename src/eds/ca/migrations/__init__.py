"""The tables of a register over time: from an empty database to what this code wants, and on.

`upgrade` carries out what is missing, all or nothing. A migration, once released, is never
changed. How they are written (expand, migrate, contract): docs/register.md. Alembic is imported
when a database is upgraded; to look at its revision costs one query.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..tables import REVISION
from .series import Series

VERSION_TABLE: Final = "register_version"
_REGISTER: Final = Series(
    folder=Path(__file__).parent,
    version_table=VERSION_TABLE,
    revision=REVISION,
    lock=0x5F3B_19A2,  # the first octets of SHA-256 of "eds register"
)

revision: Final = _REGISTER.found
require_current: Final = _REGISTER.require_current
upgrade: Final = _REGISTER.upgrade
