"""Processes that write to a log at once, or are killed while they do; run by test_writers.py.

python -m tests.audit.writers crowd URL PROCESSES THREADS ACTS
python -m tests.audit.writers killed URL KILLS
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, text

from eds.audit.store import append_all
from tests.audit.house import engine_for, entry, is_personal


def act(connection: Connection, writer: str, number: int, size: int = 1) -> None:
    """An act of the caller's and its records, for one transaction."""
    for _ in range(size):
        connection.execute(text("INSERT INTO acts (writer) VALUES (:writer)"), {"writer": writer})
    entries = [entry(number) for _ in range(size)]
    append_all(connection, entries, writer=writer, is_personal=is_personal)


def crowd(url: str, process: int, threads: int, acts: int) -> None:
    engine = engine_for(url)

    def work(thread: int) -> None:
        for number in range(acts):
            for writer in (f"node-{process}-{thread}", "shared"):
                with engine.begin() as connection:
                    act(connection, writer, number)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


def write_for_ever(url: str) -> None:
    engine = engine_for(url)
    while True:
        with engine.begin() as connection:
            act(connection, "node-1", 1, size=random.randint(1, 3))


def main(mode: str, url: str, *counts: str) -> None:
    first, *rest = map(int, counts)
    for number in range(first):
        child = os.fork()
        if child == 0:
            if mode == "crowd":
                crowd(url, number, *rest)
            else:
                write_for_ever(url)
            os._exit(0)
        if mode == "killed":
            time.sleep(random.uniform(0.01, 0.12))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if mode == "crowd":
        failed = [status for _ in range(first) if (status := os.wait()[1])]
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
