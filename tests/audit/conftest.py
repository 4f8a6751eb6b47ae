"""The same tests on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.house import House
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        url = cluster.new_database()
    else:
        url = f"sqlite:///{tmp_path / 'log.db'}"
    made = House.at(url)
    yield made
    made.engine.dispose()
