"""From an empty database to the tables of this code, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, inspect, text

from eds.audit.store import AUDIT_METADATA
from eds.ca import migrations
from eds.ca.database import open_database
from eds.ca.migrations import VERSION_TABLE, require_current, revision, upgrade
from eds.ca.register import Register
from eds.ca.tables import METADATA, REVISION
from eds.errors import RegisterNewer, RegisterOutdated, RegisterUnavailable
from tests.ca.status_desk import no_audit

FOLDER = Path(migrations.__file__).parent
ALL = MetaData()
for _metadata in (METADATA, AUDIT_METADATA):
    for _table in _metadata.sorted_tables:
        _table.to_metadata(ALL)

_CATALOGUE = """
    SELECT 'column', table_name || '.' || column_name,
           concat_ws(' ', ordinal_position, data_type, character_maximum_length, is_nullable,
                     column_default, identity_generation)
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE conrelid <> 0 AND connamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""  # noqa: E501


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    made = open_database(empty_url)
    yield made
    made.dispose()


def schema(engine: Engine) -> set[tuple[str, ...]]:
    """Every table, column, index, constraint and trigger, as the database itself tells them."""
    query = _CATALOGUE
    if engine.dialect.name == "sqlite":
        query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    with engine.connect() as connection:
        rows = [tuple(map(str, row)) for row in connection.execute(text(query))]
    found = {(*row[:2], " ".join(sorted(re.split(r"[,\s]+", row[2])))) for row in rows}
    return {row for row in found if VERSION_TABLE not in row[1]}


def test_the_migrations_make_what_the_tables_say(
    engine: Engine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert upgrade(engine) == (None, REVISION)
    url = f"sqlite:///{tmp_path / 'other.db'}"
    if engine.dialect.name == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    other = open_database(url)
    METADATA.create_all(other)
    AUDIT_METADATA.create_all(other)
    made, said = schema(engine), schema(other)
    other.dispose()
    assert len(said) > 30
    assert made == said


def test_alembic_too_finds_nothing_missing(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, ALL) == []


def test_an_upgrade_of_what_is_up_to_date_does_nothing(engine: Engine) -> None:
    upgrade(engine)
    before = schema(engine)
    assert upgrade(engine) == (REVISION, REVISION)
    assert schema(engine) == before


def test_of_upgrades_that_come_together_one_does_the_work(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: upgrade(engine), range(4)))
    assert sorted(before is None for before, _ in done) == [False, False, False, True]


def test_an_upgrade_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE status_events (x INTEGER)"))  # the last to be made
    with pytest.raises(RegisterUnavailable):
        upgrade(engine)
    assert inspect(engine).get_table_names() == ["status_events"]


def test_a_database_without_tables_is_not_opened(engine: Engine) -> None:
    with pytest.raises(RegisterOutdated, match=r"eds\.ca\.migrations\.upgrade") as refused:
        Register(engine, node=1, audit=no_audit)
    assert refused.value.found is None


def test_another_revision_is_not_opened(engine: Engine) -> None:
    upgrade(engine)
    for found, error in (("0000", RegisterOutdated), ("0002", RegisterNewer)):
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{found}'"))
        with pytest.raises(error, match=rf"at revision {found}, this program \w+ {REVISION}"):
            Register(engine, node=1, audit=no_audit)
    with pytest.raises(RegisterNewer):
        upgrade(engine)
    with engine.connect() as connection:
        assert revision(connection) == "0002"
        with pytest.raises(RegisterNewer):
            require_current(connection)


def test_the_migrations_are_one_line_numbered_in_order_up_to_the_revision_of_the_code() -> None:
    from alembic.script import ScriptDirectory

    line = list(ScriptDirectory(str(FOLDER)).walk_revisions())[::-1]
    numbers = [f"{number:04}" for number in range(1, len(line) + 1)]
    assert [script.revision for script in line] == numbers
    assert [script.down_revision for script in line] == [None, *numbers[:-1]]
    assert all(Path(script.path).name.startswith(f"r{script.revision}_") for script in line)
    assert numbers[-1] == REVISION
