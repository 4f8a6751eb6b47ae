"""Figures for Prometheus: counted by each worker in memory that all of them can read.

The names and labels are fixed before the workers begin, so a figure is a place in a block of
octets; a request costs a few additions, and whichever worker is asked tells of all. No label is
ever something that a client wrote.
"""

from __future__ import annotations

import mmap
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from .messages import NO_STORE, Request, Response

TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
STATUSES: Final = (200, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 499, 500, 503)
OTHER: Final = "other"
UNKNOWN: Final = "-"  # no door at all
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_WORD: Final = 8
# Of a door: its statuses, the buckets of its times, the sum of its microseconds.
_STATUS_PLACES: Final = {status: place for place, status in enumerate(STATUSES)}
_OTHER_PLACE: Final = len(STATUSES)
_TIMES: Final = _OTHER_PLACE + 1
_SUM: Final = _TIMES + len(BUCKETS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What only grows, in total over all workers: `label` has one of `values`."""

    name: str
    help: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """What each worker has of its own; `scale` is the unit of the whole number that is kept."""

    name: str
    help: str
    scale: float = 1.0


class Board:
    """All figures of all workers. Made before they begin; each then takes its own `Worker`."""

    def __init__(
        self,
        *,
        doors: Iterable[str],
        counters: Sequence[Counter] = (),
        gauges: Sequence[Gauge] = (),
        workers: int = 1,
    ) -> None:
        self.doors = tuple(dict.fromkeys((*doors, UNKNOWN)))
        self.counters = tuple(counters)
        self.gauges = tuple(gauges)
        self.workers = workers
        places = _Places()
        self.of_door = {door: places.take(_SUM + 1) for door in self.doors}
        self.of_counter = {
            (counter.name, value): places.take(1)
            for counter in self.counters
            for value in counter.values
        }
        self.of_gauge = {gauge.name: places.take(1) for gauge in self.gauges}
        self._size = places.end
        self._memory = mmap.mmap(-1, max(1, places.end * workers) * _WORD)

    def view(self, worker: int) -> memoryview:
        """The words of one worker."""
        start = worker * self._size * _WORD
        return memoryview(self._memory)[start : start + self._size * _WORD].cast("Q")

    def total(self, place: int) -> int:
        """The sum of a figure over all workers."""
        return sum(int(self.view(worker)[place]) for worker in range(self.workers))


class _Places:
    def __init__(self) -> None:
        self.end = 0

    def take(self, count: int) -> int:
        self.end += count
        return self.end - count


class Worker:
    """The hand that one worker writes its figures with."""

    def __init__(self, board: Board, *, number: int = 0) -> None:
        self._board = board
        self._words = board.view(number)
        self._doors = board.of_door
        self._unknown = board.of_door[UNKNOWN]
        self.number = number

    def observe(self, door: str, status: int, seconds: float) -> None:
        """One request: an `Observer` of the application."""
        start = self._doors.get(door, self._unknown)
        words = self._words
        words[start + _STATUS_PLACES.get(status, _OTHER_PLACE)] += 1
        words[start + _TIMES + bisect_left(BUCKETS, seconds)] += 1
        words[start + _SUM] += int(seconds * 1_000_000)

    def counting(self, name: str) -> Callable[[str], None]:
        """What counts one more of a value of that counter."""
        places = {
            value: place for (of, value), place in self._board.of_counter.items() if of == name
        }
        words = self._words

        def count(value: str) -> None:
            words[places[value]] += 1

        return count

    def set(self, name: str, value: float) -> None:
        """What this worker has now of a gauge; below zero is shown as zero."""
        gauge = next(gauge for gauge in self._board.gauges if gauge.name == name)
        self._words[self._board.of_gauge[name]] = max(0, int(value / gauge.scale))


def text_of(board: Board) -> str:
    """All figures in the text format of Prometheus."""
    return "\n".join(_lines(board)) + "\n"


def _lines(board: Board) -> Iterator[str]:
    name = "eds_http_requests_total"
    yield from _head(name, "Requests answered, by door and status.", "counter")
    for door, start in board.of_door.items():
        for place, status in enumerate((*STATUSES, OTHER)):
            if total := board.total(start + place):
                yield _line(name, {"door": door, "status": str(status)}, total)
    name = "eds_http_request_seconds"
    yield from _head(name, "Time from the request's first octets to its answer.", "histogram")
    for door, start in board.of_door.items():
        yield from _histogram(board, name, door, start + _TIMES)
    for counter in board.counters:
        yield from _head(counter.name, counter.help, "counter")
        for value in counter.values:
            total = board.total(board.of_counter[counter.name, value])
            yield _line(counter.name, {counter.label: value}, total)
    for gauge in board.gauges:
        yield from _head(gauge.name, gauge.help, "gauge")
        for worker in range(board.workers):
            level = board.view(worker)[board.of_gauge[gauge.name]] * gauge.scale
            yield _line(gauge.name, {"worker": str(worker)}, level)


def _histogram(board: Board, name: str, door: str, start: int) -> Iterator[str]:
    counts = list(accumulate(board.total(start + place) for place in range(len(BUCKETS) + 1)))
    count = counts[-1]
    if not count:
        return
    bounds = (*map(str, BUCKETS), "+Inf")
    for bound, below in zip(bounds, counts, strict=True):
        yield _line(f"{name}_bucket", {"door": door, "le": bound}, below)
    seconds = board.total(start + len(BUCKETS) + 1) / 1_000_000
    yield _line(f"{name}_sum", {"door": door}, seconds)
    yield _line(f"{name}_count", {"door": door}, count)


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{told}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class MetricsDoor:
    """GET of all figures."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def __call__(self, request: Request, /) -> Response:
        del request
        return Response(
            headers=((b"content-type", TYPE), NO_STORE), body=text_of(self._board).encode()
        )


def resident_octets() -> int:
    """The memory that this process holds, where the system tells; else 0."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - read several times a second
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return 0


def processor_seconds() -> float:
    """The processor time that this process has used."""
    return time.process_time()
