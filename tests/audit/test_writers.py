"""Many writers at once, and writers that die: no gap, no fork, no act without its record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from tests.audit.house import House
from tests.untraced import untraced

ROOT = Path(__file__).parents[2]


def run(house: House, mode: str, *counts: int) -> None:
    with house.engine.begin() as connection:
        connection.execute(text("CREATE TABLE acts (writer VARCHAR(64))"))
    house.engine.dispose()  # nothing of it goes into a child
    command = [sys.executable, "-m", "tests.audit.writers", mode, house.url, *map(str, counts)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, env=untraced())


def acts_and_records(house: House) -> tuple[dict[str, int], dict[str, int]]:
    with house.engine.connect() as connection:
        rows = connection.execute(text("SELECT writer, count(*) AS acts FROM acts GROUP BY writer"))
        acts = {row.writer: int(row.acts) for row in rows}
    verifier = house.verifier()
    with house.log() as log:
        assert list(verifier.verify(log.items())) == []
    return acts, {writer: size for writer, size in verifier.sizes.items() if size}


def test_two_processes_of_eight_threads_leave_no_gap(house: House) -> None:
    run(house, "crowd", 2, 8, 4)
    acts, records = acts_and_records(house)
    own = {f"node-{process}-{thread}": 4 for process in range(2) for thread in range(8)}
    assert acts == records == {**own, "shared": 2 * 8 * 4}


def test_a_writer_killed_at_any_moment_leaves_the_chain_whole(house: House) -> None:
    run(house, "killed", 15)
    acts, records = acts_and_records(house)
    assert acts == records
    house.append(1)
    house.checkpoint()
    assert house.findings() == []
