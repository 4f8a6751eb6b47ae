"""The doors of the desk attacked by their own description, longer than `make test` does.

`make campaign-doors`, or with `ARGS="ROUNDS [EXAMPLES [FIRST_SEED]]"`: in each round (20) a desk of
its own, every operation so many times (50). tests/http/described.py says what is checked. (A file
`http.py` in this folder would hide the standard library's `http` from every campaign.)
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds.ca.database import open_database
from eds.enroll.migrations import upgrade
from tests.enroll.house import House
from tests.http.described import attack
from tests.http.desk_house import Doors, serving


def attacked(examples: int, seed: int) -> int:
    """How many requests were made. Raises where a door fell, or said what is not described."""
    with tempfile.TemporaryDirectory(prefix="eds-http-") as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'desk.db'}")
        upgrade(engine)
        doors = Doors(House(engine).found())
        names = [doors.cleared(), doors.house.present().application]
        with serving(doors.application) as port:
            asked = attack(port, names, examples=examples, seed=seed)
        places = {entry.place for entry in doors.told if entry.place}
        doors.house.check_log()
        engine.dispose()
    if places:
        raise AssertionError(f"fell at {sorted(map(str, places))}")
    return asked


def main(rounds: int = 20, examples: int = 50, first: int = 1) -> int:
    begun, asked, failures = time.monotonic(), 0, 0
    for seed in range(first, first + rounds):
        try:
            asked += attacked(examples, seed)
        except Exception as error:  # noqa: BLE001 - whatever was found
            failures += 1
            print(f"seed {seed}, {examples} examples: {error!r}", flush=True)
            for inner in getattr(error, "exceptions", ()):
                print(f"  {inner}", flush=True)
        print(
            f"{asked} requests, {time.monotonic() - begun:.0f} s, {failures} failures", flush=True
        )
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
