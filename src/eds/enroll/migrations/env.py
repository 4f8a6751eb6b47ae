"""Run by Alembic for each upgrade; the connection, in its transaction, comes from `upgrade`."""

from __future__ import annotations

from alembic import context

from eds.enroll.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
