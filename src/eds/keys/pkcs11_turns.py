"""Whose turn it is in a PKCS #11 module: threads before a fork, processes beside each other.

A fork copies the locks of a module as they stand. When another thread is inside the module at
that moment, the child gets a lock that nobody will ever open: of 49 children, 3 hung in
C_Finalize and 1 crashed (SoftHSM 2.6.1, four threads signing). So a fork waits until nobody is
inside.

SoftHSM empties the file of a token at each C_Login, before it locks and writes it anew. Who
starts the module in another process at that moment does not find the token, then or later: of
320 openings by eight processes, 80 failed. So a process that logs in keeps the others waiting.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

# Seconds; a module that takes longer is stuck, and everything else shall not be.
PATIENCE: Final = 10.0
_PAUSE: Final = 0.0005


class Gate:
    """Lets threads into a module, and on request one alone. Entering again is allowed."""

    __slots__ = ("_inside", "_open", "_shut")

    def __init__(self) -> None:
        self._inside: list[int] = []
        self._shut = False
        self._open = threading.Event()
        self._open.set()

    def __enter__(self) -> None:
        me = threading.get_ident()
        inside = self._inside
        # First in, then look: whoever shuts the gate looks in the other order.
        inside.append(me)
        while self._shut and inside.count(me) == 1:
            inside.remove(me)
            self._open.wait()
            inside.append(me)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside.remove(threading.get_ident())

    def shut(self, *, until: float) -> bool:
        """Let nobody in any more; whether all had left by `until` (time.monotonic)."""
        self._open.clear()
        self._shut = True
        while self._inside:
            if time.monotonic() >= until:
                return False
            time.sleep(_PAUSE)
        return True

    def open(self) -> None:
        """Let everybody in again."""
        self._shut = False
        self._open.set()


class OneByOne:
    """A gate for modules that cannot lock: one thread at a time, as often as it likes."""

    __slots__ = ("_gate", "_lock")

    def __init__(self, lock: threading.RLock, gate: Gate) -> None:
        self._lock = lock
        self._gate = gate

    def __enter__(self) -> None:
        self._lock.acquire()
        self._gate.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._gate.__exit__(kind, error, traceback)
        self._lock.release()


@contextmanager
def among_processes(path: str, *, alone: bool) -> Iterator[None]:
    """With other readers of the token's files, or alone; `path` is the module's file.

    All our processes lock that one file, whoever they belong to: it is there, they all may read
    it, and nothing is left behind. Who holds it longer than PATIENCE is not waited for.
    """
    end = time.monotonic() + PATIENCE
    place = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(place, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    break
                time.sleep(_PAUSE)
            except OSError:
                break  # a file system without locks
        yield
    finally:
        os.close(place)
