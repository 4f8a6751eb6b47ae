"""Registers on both databases: the tables are made once by the migrations, then copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eds.ca.database import open_database
from eds.ca.migrations import upgrade
from tests.ca.status_desk import new_register
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def sqlite_register(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """Folder → URL of an empty register in it."""
    template = tmp_path_factory.mktemp("register") / "register.db"
    make(f"sqlite:///{template}")

    def new(folder: Path) -> str:
        shutil.copyfile(template, folder / "register.db")
        return f"sqlite:///{folder / 'register.db'}"

    return new


@pytest.fixture(scope="session")
def postgresql_register(postgresql: Cluster) -> Callable[[], str]:  # noqa: F811
    """URL of an empty register."""
    template = postgresql.new_database()
    make(template)
    name = template.partition("@/")[2].partition("?")[0]
    return lambda: postgresql.new_database(template=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def register_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty register with all its tables, on both databases in turn."""
    return new_register(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it, on both in turn."""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        return cluster.new_database()
    return f"sqlite:///{tmp_path / 'register.db'}"


def make(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    engine.dispose()
