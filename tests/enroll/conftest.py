"""Desks on both databases: the tables are made once by the migrations, then copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from eds.ca.database import open_database
from eds.enroll.migrations import upgrade
from tests.enroll.house import House
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def sqlite_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """Folder → URL of an empty desk in it."""
    template = tmp_path_factory.mktemp("desk") / "desk.db"
    make(f"sqlite:///{template}")

    def new(folder: Path) -> str:
        shutil.copyfile(template, folder / "desk.db")
        return f"sqlite:///{folder / 'desk.db'}"

    return new


@pytest.fixture(scope="session")
def postgresql_desk(postgresql: Cluster) -> Callable[[], str]:  # noqa: F811
    """URL of an empty desk."""
    template = postgresql.new_database()
    make(template)
    name = template.partition("@/")[2].partition("?")[0]
    return lambda: postgresql.new_database(template=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def desk_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty desk, on both databases in turn."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgresql_desk")()
        return url
    return str(request.getfixturevalue("sqlite_desk")(tmp_path))


@pytest.fixture
def both(desk_url: str) -> Iterator[House]:
    """A desk with its officials, on both databases in turn."""
    yield from _house(open_database(desk_url))


@pytest.fixture
def house(sqlite_desk: Callable[[Path], str], tmp_path: Path) -> Iterator[House]:
    """A desk with its officials, on SQLite."""
    yield from _house(open_database(sqlite_desk(tmp_path)))


def _house(engine: Engine) -> Iterator[House]:
    try:
        yield House(engine).found()
    finally:
        engine.dispose()


def make(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    engine.dispose()
