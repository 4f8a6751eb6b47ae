"""The statements that make the tables append-only, by dialect: data for `store` and migrations.

They stand beside the code, not in place of it: who owns the database can drop them, and then
the chain and the checkpoints tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_FIXED: Final = ("audit_records", "audit_checkpoints")
_SAME_KEY: Final = {
    "audit_records": "writer = NEW.writer AND sequence = NEW.sequence",
    "audit_checkpoints": "number = NEW.number",
}
_BACKWARDS: Final = "NEW.writer <> OLD.writer OR NEW.sequence <= OLD.sequence"


def _sqlite(table: str, act: str, when: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _sqlite_replace(table: str, key: str) -> str:
    # REPLACE deletes the row in its way without firing the trigger on DELETE.
    return _sqlite(table, "INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})")  # noqa: S608


def _postgresql(name: str, table: str, act: str, each: str) -> str:
    return (
        f"CREATE TRIGGER {table}_{name} BEFORE {act} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION audit_refuse()"
    )


_REFUSE: Final = (
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)
TRIGGERS: Final[Mapping[str, tuple[str, ...]]] = {
    "sqlite": (
        *(_sqlite(table, act) for table in _FIXED for act in ("UPDATE", "DELETE")),
        *(_sqlite_replace(table, key) for table, key in _SAME_KEY.items()),
        _sqlite("audit_heads", "DELETE"),
        _sqlite("audit_heads", "UPDATE", f"WHEN {_BACKWARDS}"),
        _sqlite_replace("audit_heads", "writer = NEW.writer AND sequence > 0"),
    ),
    "postgresql": (
        _REFUSE,
        *(_postgresql("append_only", table, "UPDATE OR DELETE", "ROW") for table in _FIXED),
        _postgresql("no_delete", "audit_heads", "DELETE", "ROW"),
        _postgresql("no_return", "audit_heads", "UPDATE", f"ROW WHEN ({_BACKWARDS})"),
        *(
            _postgresql("no_truncate", table, "TRUNCATE", "STATEMENT")
            for table in (*_FIXED, "audit_heads")
        ),
    ),
}
