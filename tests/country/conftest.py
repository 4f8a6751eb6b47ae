"""What tests of countries share with those of the authority and of the command line."""

from __future__ import annotations

from tests.ca.conftest import sqlite_register  # noqa: F401
from tests.cli.conftest import eds, home  # noqa: F401
