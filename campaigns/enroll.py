"""Long random histories of a desk with all its adversaries, and lives that end by SIGKILL.

`make campaign-enroll`, or with `ARGS="STEPS [FIRST_SEED [KILLS]]"`: so many steps in all
(1 000 000) in histories of 2 500, every tenth of them on PostgreSQL; then so many lives (500) on
each database. A history is told by its seed alone: a campaign that was stopped goes on from the
seed after its last, and one can be split among processes. tests/enroll/machine.py and
tests/enroll/crash.py say what is checked.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds.ca.database import open_database
from eds.enroll.migrations import upgrade
from tests.enroll import crash
from tests.enroll.machine import run
from tests.postgresql import Cluster, programs, running

HISTORY, EVERY = 2_500, 500


def history(url: str, seed: int, steps: int) -> Counter[str]:
    """Raises AssertionError where an invariant breaks; the seed tells the history again."""
    engine = open_database(url)
    try:
        upgrade(engine)
        return run(engine, seed=seed, steps=steps, every=EVERY)
    finally:
        engine.dispose()


def campaign(steps: int, first: int, cluster: Cluster | None) -> bool:
    counts: Counter[str] = Counter()
    begun, done, seed, failures = time.monotonic(), 0, first, 0
    while done < steps:
        length = min(HISTORY, steps - done)
        folder = Path(tempfile.mkdtemp(prefix="eds-enroll-"))
        on_postgresql = cluster is not None and seed % 10 == 0
        url = f"sqlite:///{folder / 'desk.db'}"
        if on_postgresql and cluster is not None:
            url = cluster.new_database()
        try:
            counts += history(url, seed, length)
        except Exception as error:  # noqa: BLE001 - told with its seed, and counted
            failures += 1
            print(f"seed {seed}, {length} steps: {error!r}", flush=True)
        finally:
            shutil.rmtree(folder)
        done, seed = done + length, seed + 1
        seconds = time.monotonic() - begun
        print(f"{done} steps, {seconds:.0f} s, {failures} failures, next seed {seed}", flush=True)
    for name, count in counts.most_common():
        print(f"{count:9d} {name}")
    return not failures


def deaths(cluster: Cluster | None, kills: int, seed: int) -> bool:
    """So many lives on one database, SQLite where no cluster is given."""
    with tempfile.TemporaryDirectory(prefix="eds-enroll-") as folder:
        url = f"sqlite:///{folder}/desk.db" if cluster is None else cluster.new_database()
        engine = open_database(url)
        upgrade(engine)
        engine.dispose()
        figures, problems = crash.run(url, kills, seed)
    print(json.dumps(figures), *problems, sep="\n", flush=True)
    return not problems


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    if programs() is None:
        print("no PostgreSQL here: all on SQLite")
        raise SystemExit(not (campaign(steps, first, None) and deaths(None, kills, first)))
    with running() as cluster:
        passed = campaign(steps, first, cluster) and deaths(None, kills, first)
        raise SystemExit(not (passed and deaths(cluster, kills, first)))


if __name__ == "__main__":
    main()
