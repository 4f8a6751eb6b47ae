"""How a figure is measured and shown.

A figure in microseconds says as much about the machine and its load as about our code. So each
is measured beside a floor, the least that the same work can cost here, taking turns within
seconds of each other; what is reported, and what goals are set for, is their ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure beside its floor.

    `ours` and `floor` are in `unit`. Where lower is better (a time), `goal` is the highest
    ratio allowed; where higher is better (a rate), the lowest. None: shown, not judged.
    """

    name: str
    ours: float
    floor: float
    unit: str = "s"
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"

    def __post_init__(self) -> None:
        if self.ours <= 0 or self.floor <= 0:
            raise ValueError(f"{self.name}: a figure must be above zero")

    @property
    def ratio(self) -> float:
        return self.ours / self.floor

    @property
    def verdict(self) -> Literal["ok", "missed", ""]:
        if self.goal is None:
            return ""
        met = self.ratio <= self.goal if self.better == "lower" else self.ratio >= self.goal
        return "ok" if met else "missed"


def interleave(
    *calls: Callable[[], object],
    rounds: int = 11,
    block: float = 0.02,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, ...]:
    """Seconds for one call of each, as medians over `rounds` in which they take turns.

    In each round every callable runs for about `block` seconds; the order is turned around from
    round to round, so that what warms or slows the machine falls on all alike. `clock` is
    `time.process_time` for work in this process (deaf to what else the machine does) and
    `time.perf_counter` where waiting counts: other processes, disk, tokens.
    """
    turns = [(call, _repeats(call, block, clock)) for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds):
        order = range(len(turns)) if number % 2 == 0 else reversed(range(len(turns)))
        for index in order:
            call, repeats = turns[index]
            times[index].append(_seconds(call, repeats, clock) / repeats)
    return tuple(statistics.median(taken) for taken in times)


def _seconds(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    begin = clock()
    for _ in range(repeats):
        call()
    return clock() - begin


def _repeats(call: Callable[[], object], block: float, clock: Callable[[], float]) -> int:
    """How often `call` must run to fill a block; also warms it up."""
    repeats = 1
    while (taken := _seconds(call, repeats, clock)) < block and repeats < 1 << 24:
        repeats = max(2 * repeats, int(repeats * block / taken) if taken > 0 else 0)
    return repeats


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text, ratios first among the figures."""
    lines: list[Sequence[str]] = [("figure", "ratio", "goal", "", "ours", "floor")]
    for row in rows:
        sign = "≤" if row.better == "lower" else "≥"
        goal = f"{sign} {row.goal:g}" if row.goal is not None else "-"
        ours, floor = quantity(row.ours, row.unit), quantity(row.floor, row.unit)
        lines.append((row.name, f"{row.ratio:.2f}", goal, row.verdict, ours, floor))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index in {0, 3} else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def quantity(value: float, unit: str) -> str:
    """Seconds in the unit that suits their size; anything else as it is."""
    if unit != "s":
        return f"{value:,.4g} {unit}"
    for factor, name in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {name}"
    return f"{value * 1e9:.3g} ns"
