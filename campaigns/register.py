"""Long random histories of a register, and 4 processes with 50 threads each on one, on both databases.

`make campaign-register`, or with `ARGS="HISTORIES ACTS"` for other numbers: so many histories of 50
steps on each database, so many acts a thread. tests/ca/register_machine.py and tests/ca/crowd.py
say what is checked.
"""  # noqa: E501

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from eds.ca.database import open_database
from eds.ca.migrations import upgrade
from tests.ca.crowd import run
from tests.ca.register_machine import RegisterMachine
from tests.postgresql import programs, running

PROCESSES, THREADS, STEPS = 4, 50, 50


def histories(url: str, count: int) -> str:
    """Raises what the first history that failed raised."""
    opened = open_database(url)

    class Here(RegisterMachine):
        engine = opened

    long = settings(
        max_examples=count,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Here, settings=long)
    finally:
        opened.dispose()
    return f"{count} histories of up to {STEPS} steps agree"


def campaign(new_url: Callable[[], str], count: int, acts: int) -> bool:
    url = new_url()
    engine = open_database(url)
    upgrade(engine)
    name = engine.dialect.name
    engine.dispose()
    begun = time.monotonic()
    figures, problems = run(url, PROCESSES, THREADS, acts, 1)
    print(f"{name}: {time.monotonic() - begun:.0f} s, {json.dumps(figures)}", flush=True)
    for problem in problems:
        print(f"  {problem}")
    begun = time.monotonic()
    told = histories(url, count)
    print(f"{name}: {time.monotonic() - begun:.0f} s, {told}", flush=True)
    return not problems


def main(count: str = "1000", acts: str = "100") -> int:
    with tempfile.TemporaryDirectory() as folder:
        held = campaign(lambda: f"sqlite:///{folder}/register.db", int(count), int(acts))
    if programs() is None:
        print("postgresql: not installed, and so not tested")
    else:
        with running() as cluster:
            held &= campaign(cluster.new_database, int(count), int(acts))
    print("held" if held else "failed")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
