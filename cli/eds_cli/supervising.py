"""Workers of `eds serve`: forked, watched, replaced.

The parent holds the listening sockets and nothing that answers. A worker that ends, however it
ends, has a successor at the same socket, where connections have waited meanwhile. SIGTERM and
SIGINT let every worker finish what it has begun; SIGHUP replaces them one after another.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, NoReturn


class Ready:
    """Called by a worker when it is ready. What the worker becomes may keep `descriptor`."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __call__(self) -> None:
        os.write(self.descriptor, b"+")
        os.close(self.descriptor)


Work = Callable[[Ready], int]
"""What a worker does: it calls its argument when it is ready, and returns its exit status."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_QUICK_SECONDS: Final = 5.0  # a worker that lived no longer than this is not succeeded at once
_SLOWEST_SECONDS: Final = 10.0
_READY_SECONDS: Final = 60.0
_EXTRA_SECONDS: Final = 5.0  # beyond the time for draining, before a worker is killed


@dataclass(slots=True)
class _Slot:
    """The place of one worker: the process there, if any."""

    name: str
    work: Work
    process: int = 0
    began: float = 0.0
    up: bool = False  # whether this one has become ready
    answered: bool = False  # whether any has
    failures: int = 0
    due: float = 0.0  # when the next one begins
    ready: int = -1  # descriptor that is closed or written to when it is
    stopping_since: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Processes that are watched, and succeeded when they end.

    `told` hears what happens, in a line. `drain_seconds` is what they have to end in when asked
    to; `reread` is called before they are replaced.
    """

    told: Callable[[str], None]
    drain_seconds: float
    reread: Callable[[], None] = lambda: None
    _slots: list[_Slot] = field(default_factory=list)
    _stopping: bool = False
    _replacing: list[_Slot] = field(default_factory=list)
    _wakeup: tuple[int, int] = (-1, -1)

    def begin(self, name: str, work: Work) -> None:
        """Fork a process for `work` now."""
        slot = _Slot(name, work)
        self._slots.append(slot)
        self._fork(slot)

    def add(self, name: str, work: Work) -> None:
        """Fork a process for `work` when all before it have answered.

        What the first cannot do, such as open a token with this PIN, is not tried by the others.
        """
        self._slots.append(_Slot(name, work))

    def watch(self) -> int:
        """Until a signal ends it. Returns 0, or 1 where processes end before they are ready."""
        self._wakeup = os.pipe()
        for end in self._wakeup:
            os.set_blocking(end, False)
        previous = {number: signal.signal(number, _noted) for number in _SIGNALS}
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        try:
            return self._watch()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in previous.items():
                signal.signal(number, handler)
            for end in self._wakeup:
                os.close(end)

    def _watch(self) -> int:
        while not (self._stopping and not any(slot.process for slot in self._slots)):
            self._begin()
            for number in self._wait():
                self._hear(number)
            self._bury()
            self._press()
            hopeless = [slot for slot in self._slots if slot.failures and not slot.answered]
            if hopeless and not self._stopping:
                self.told(f"{hopeless[0].name} cannot begin")
                self._stop()
                self._bury_all()
                return 1
        return 0

    # -- one worker

    def _begin(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if not slot.process and not self._stopping and now >= slot.due:
                self._fork(slot)
            if not slot.answered:
                break

    def _fork(self, slot: _Slot) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            os.close(reading)
            self._become(slot, writing)
        os.close(writing)
        slot.process, slot.ready, slot.began = process, reading, time.monotonic()
        slot.stopping_since, slot.up = None, False

    def _become(self, slot: _Slot, ready: int) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for end in self._wakeup:
                if end >= 0:
                    os.close(end)
            status = slot.work(Ready(ready))
        except KeyboardInterrupt:
            status = 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    # -- what happens

    def _wait(self) -> list[int]:
        """The signals that came, within a while."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup[0], selectors.EVENT_READ)
            for slot in self._slots:
                if slot.ready >= 0:
                    selector.register(slot.ready, selectors.EVENT_READ, slot)
            for key, _ in selector.select(timeout=0.5):
                if isinstance(key.data, _Slot):
                    self._became_ready(key.data)
        try:
            return list(os.read(self._wakeup[0], 4096))
        except BlockingIOError:
            return []

    def _became_ready(self, slot: _Slot) -> None:
        said = os.read(slot.ready, 1)
        os.close(slot.ready)
        slot.ready = -1
        if said:
            slot.failures = 0
            slot.up = slot.answered = True
            self.told(f"{slot.name} answers (process {slot.process})")
            self._replace_next()

    def _hear(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP and not self._stopping:
            self.told("replacing the workers")
            self.reread()
            self._replacing = list(self._slots)
            self._replace_next()

    def _replace_next(self) -> None:
        """One at a time: the others answer meanwhile."""
        waiting = any(slot.ready >= 0 or slot.stopping_since for slot in self._slots)
        if self._replacing and not waiting:
            self._end(self._replacing.pop(0))

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self.told("stopping")
            for slot in self._slots:
                self._end(slot)

    def _end(self, slot: _Slot) -> None:
        if slot.process:
            slot.stopping_since = time.monotonic()
            os.kill(slot.process, signal.SIGTERM)

    def _press(self) -> None:
        """Whoever does not end, or never becomes ready, is killed."""
        now = time.monotonic()
        for slot in self._slots:
            too_long = (
                slot.stopping_since is not None
                and now - slot.stopping_since > self.drain_seconds + _EXTRA_SECONDS
            )
            never = slot.ready >= 0 and now - slot.began > _READY_SECONDS
            if slot.process and (too_long or never):
                os.kill(slot.process, signal.SIGKILL)

    def _bury(self) -> None:
        for slot in self._slots:
            if slot.process and os.waitpid(slot.process, os.WNOHANG)[0]:
                self._buried(slot)

    def _bury_all(self) -> None:
        for slot in self._slots:
            if slot.process:
                os.waitpid(slot.process, 0)
                slot.process = 0

    def _buried(self, slot: _Slot) -> None:
        now = time.monotonic()
        asked = slot.stopping_since is not None
        if slot.ready >= 0:
            os.close(slot.ready)
            slot.ready = -1
        if not slot.up:
            slot.failures += 1
        if not asked and not self._stopping:
            self.told(f"{slot.name} ended (process {slot.process})")
        quick = now - slot.began < _QUICK_SECONDS and not asked
        wait = min(_SLOWEST_SECONDS, 0.5 * 2**slot.failures) if quick and slot.failures else 0
        slot.process, slot.stopping_since, slot.due = 0, None, now + wait


def _noted(number: int, frame: FrameType | None) -> None:
    """Signals are read from the wake-up pipe."""
    del number, frame


def end_with_parent() -> None:
    """A worker whose parent was killed must not answer on, watched by nobody."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
