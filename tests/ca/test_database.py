"""Connections that are kept for writing: one transaction after another, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from eds.ca.database import open_database, writer_of
from eds.errors import RegisterUnavailable


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(f"sqlite:///{tmp_path / 'register.db'}")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    yield made
    made.dispose()


def add(connection: Connection, number: int) -> object:
    """Adds it, and tells which connection of the driver that was."""
    connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": number})
    return connection.connection.dbapi_connection


def numbers(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT number FROM numbers")).scalars())


def test_transactions_follow_each_other_on_one_connection(engine: Engine) -> None:
    used = []
    for number in range(3):
        with writer_of(engine).transaction() as connection:
            used.append(add(connection, number))
        assert numbers(engine) == [*range(number + 1)]  # committed: others see it
    assert len(set(map(id, used))) == 1


def test_a_transaction_that_fails_is_undone_and_its_connection_given_back(engine: Engine) -> None:
    for breach in ("INSERT INTO nothing VALUES (1)", ""):
        with pytest.raises((RegisterUnavailable, KeyError)):
            fail(engine, breach)
    with writer_of(engine).transaction() as connection:
        add(connection, 3)
    assert numbers(engine) == [3]


def fail(engine: Engine, breach: str) -> None:
    with writer_of(engine).transaction() as connection:
        add(connection, 1)
        if not breach:
            raise KeyError
        connection.execute(text(breach))


def test_an_engine_that_is_disposed_of_closes_what_was_kept(engine: Engine) -> None:
    with writer_of(engine).transaction() as connection:
        used = add(connection, 1)
    engine.dispose()
    with pytest.raises(Exception, match="closed database"):
        used.execute("SELECT 1")  # type: ignore[attr-defined]
    with writer_of(engine).transaction() as connection:
        assert add(connection, 2) is not used
    assert numbers(engine) == [1, 2]


def test_who_asks_again_and_again_does_not_empty_the_pool(engine: Engine) -> None:
    for number in range(40):
        assert writer_of(engine) is writer_of(engine)
        with writer_of(engine).transaction() as connection:
            add(connection, number)
    held = engine.pool.checkedout()  # type: ignore[attr-defined]
    assert held == 1
