"""A desk process that dies by SIGKILL, again and again, and what must be true afterwards.

    python -m tests.enroll.crash URL KILLS [SEED]

Each life goes on with every case where the last one left it, and ends at a counted step: a
statement, a commit, a signature of the authority. Exits with 1 and the problems when anything is
not as it must be.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from eds.ca.database import open_database
from eds.enroll import issuing
from eds.enroll.simulators import read_outbox
from eds.enroll.states import State
from eds.errors import EdsError
from tests.enroll.house import NOON, House
from tests.enroll.machine import Machine
from tests.steps import at_each_step

STEPS = 60


def live(url: str, seed: int, die_at: int, start: float, outbox: Path) -> None:
    """Go on for a while; die at that step of the process's own.

    What was sent stays with who got it: `outbox`.
    """
    engine = open_database(url)
    machine = Machine(engine, seed, founded=seed > 0)
    machine.house.at = NOON + timedelta(seconds=start)
    machine.house.notifier.folder = outbox
    for each in read_outbox(outbox)[-200:]:
        machine.house.notifier.sent.append((each["address"], each["kind"], each["words"]))
    steps = itertools.count(1)

    def step(*_: object, **__: object) -> None:
        if next(steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    at_each_step(engine, step)
    for _ in range(STEPS):
        machine.honest_step()
    os._exit(0)


def run(url: str, kills: int, seed: int) -> tuple[dict[str, object], list[str]]:
    """(figures, problems) after so many deaths by SIGKILL; a life that ends by itself is none."""
    chance = random.Random(seed)
    killed = lives = 0
    outbox = Path(tempfile.mkdtemp(prefix="eds-outbox-"))
    while killed < kills:
        life, lives = lives, lives + 1
        pid = os.fork()
        if pid == 0:
            try:
                die_at = 10**9 if life == 0 else chance.randrange(1, 1200)
                live(url, seed * 10_000 + life if life else 0, die_at, life * 1800.0, outbox)
            except BaseException as error:  # noqa: BLE001 - told, then the process ends
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(3)
        _, status = os.waitpid(pid, 0)
        killed += os.WIFSIGNALED(status)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 3:
            return {}, [f"life {life} ended by an error"]
    shutil.rmtree(outbox)
    return after(url, lives, killed)


def after(url: str, lives: int, killed: int) -> tuple[dict[str, object], list[str]]:
    """Let every case end, then ask what must be true."""
    engine = open_database(url)
    problems: list[str] = []
    machine = Machine(engine, -1, founded=True)
    house: House = machine.house
    house.at = NOON + timedelta(seconds=lives * 1800)
    try:
        machine.check()
        for each in house.store.everything():
            if each.state in (State.CONFIRMED, State.ISSUING):
                try:
                    house.issue(each)
                except EdsError:
                    continue
        house.tick(by=timedelta(days=90))
        issuing.tick(house.desk, house.issuing, at=house.at)
        machine.check()
    except AssertionError as error:
        problems.append(f"{error!r}")
    found = house.store.everything()
    problems += [f"{a.application} is left {a.state.value}" for a in found if a.is_open]
    states = Counter(f"{each.flow.value}/{each.state.value}" for each in found)
    figures: dict[str, object] = {
        "lives": lives, "killed": killed, "certificates": len(house.register.find_by()),
        "states": dict(states),
    }  # fmt: skip
    engine.dispose()
    return figures, problems


if __name__ == "__main__":
    made, wrong = run(sys.argv[1], int(sys.argv[2]), int((sys.argv[3:] or ["1"])[0]))
    sys.stdout.write(json.dumps(made) + "\n")
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    raise SystemExit(bool(wrong))
