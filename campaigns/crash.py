"""An issuing process killed by SIGKILL: 1,000 times on SQLite, 300 times on PostgreSQL.

No certificate without a row, no serial number twice, an audit chain that is whole, every intent
found by `recover` and never answered good: `make campaign-crash`, or with
`ARGS="SQLITE POSTGRESQL SEED"` for other numbers. tests/ca/crash.py says what is checked.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds.ca.database import open_database
from eds.ca.migrations import upgrade
from tests.ca.crash import run
from tests.postgresql import programs, running


def campaign(url: str, kills: int, seed: int) -> bool:
    engine = open_database(url)
    upgrade(engine)
    name = engine.dialect.name
    engine.dispose()
    begun = time.monotonic()
    figures, problems = run(url, kills, seed)
    print(f"{name}: {time.monotonic() - begun:.0f} s, {json.dumps(figures)}")
    for problem in problems:
        print(f"  {problem}")
    return not problems


def main(sqlite: str = "1000", postgresql: str = "300", seed: str = "1") -> int:
    with tempfile.TemporaryDirectory() as folder:
        held = campaign(f"sqlite:///{folder}/register.db", int(sqlite), int(seed))
    if programs() is None:
        print("postgresql: not installed, and so not tested")
    else:
        with running() as cluster:
            held &= campaign(cluster.new_database(), int(postgresql), int(seed))
    print("held" if held else "failed")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
