"""Random histories with every adversary; the long ones are `make campaign-enroll`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eds.ca.database import open_database
from tests.enroll.machine import Machine, run

pytestmark = pytest.mark.untraced

SEEDS, STEPS = (1, 2, 3, 4), 2_500  # ten thousand steps


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_bends_the_desk(
    sqlite_desk: Callable[[Path], str], tmp_path: Path, seed: int
) -> None:
    engine = open_database(sqlite_desk(tmp_path))
    try:
        counts = run(engine, seed=seed, steps=STEPS, every=STEPS // 2)
    finally:
        engine.dispose()
    assert sum(counts.values()) == STEPS
    assert counts["retire"] > 0  # certificates were given, and used


def test_the_same_messages_at_the_same_times_have_the_same_answers(
    sqlite_desk: Callable[[Path], str], tmp_path: Path
) -> None:
    """24: what the desk draws comes from the source it is given, serial numbers apart."""
    told = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        engine = open_database(sqlite_desk(tmp_path / name))
        machine = Machine(engine, 5)
        for _ in range(250):
            machine.step()
        told.append(
            [
                (each.at, each.subject, each.act, each.actor, each.details.get("refused"))
                for each in machine.house.records()
                if each.act.startswith("enroll.application.")
            ]
        )
        engine.dispose()
    assert told[0] == told[1]
