"""A desk behind its doors, on SQLite."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from eds.ca.database import open_database
from eds.enroll.migrations import upgrade
from tests.enroll.house import House
from tests.http.desk_house import Doors


@pytest.fixture(scope="session")
def empty_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty desk, to be copied."""
    file = tmp_path_factory.mktemp("doors") / "desk.db"
    engine = open_database(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    return file


@pytest.fixture
def doors(empty_desk: Path, tmp_path: Path) -> Iterator[Doors]:
    """A desk with its officials, and its doors."""
    shutil.copyfile(empty_desk, tmp_path / "desk.db")
    engine = open_database(f"sqlite:///{tmp_path / 'desk.db'}")
    try:
        yield Doors(House(engine).found())
    finally:
        engine.dispose()
