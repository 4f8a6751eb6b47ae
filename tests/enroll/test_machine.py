"""Short random histories with every adversary; the long ones are `make campaign-enroll`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eds.ca.database import open_database
from tests.enroll.machine import run

pytestmark = pytest.mark.untraced


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_bends_the_desk(
    sqlite_desk: Callable[[Path], str], tmp_path: Path, seed: int
) -> None:
    engine = open_database(sqlite_desk(tmp_path))
    try:
        counts = run(engine, seed=seed, steps=300, every=100)
    finally:
        engine.dispose()
    assert sum(counts.values()) == 300
