"""The rule that measures must itself be straight."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.report import Row, interleave, quantity, table


class Machine:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []

    def work(self, name: str, seconds: float) -> Callable[[], None]:
        def call() -> None:
            self.done.append(name)
            self.now += seconds

        return call

    def clock(self) -> float:
        return self.now


def test_medians_are_per_call_and_in_order() -> None:
    machine = Machine()
    calls = (machine.work("a", 0.001), machine.work("b", 0.003))
    assert interleave(*calls, clock=machine.clock) == pytest.approx((0.001, 0.003))


def test_calls_take_turns_and_change_places() -> None:
    machine = Machine()
    interleave(
        machine.work("a", 1.0), machine.work("b", 1.0), rounds=3, block=1.0, clock=machine.clock
    )
    assert "".join(machine.done) == "ab" + "ab" + "ba" + "ab"


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row(name="time", ours=2.0, floor=1.0, goal=2.0), "ok"),
        (Row(name="time", ours=2.1, floor=1.0, goal=2.0), "missed"),
        (Row(name="rate", ours=80, floor=100, goal=0.8, better="higher", unit="1/s"), "ok"),
        (Row(name="rate", ours=79, floor=100, goal=0.8, better="higher", unit="1/s"), "missed"),
        (Row(name="shown", ours=1, floor=1), ""),
    ],
)
def test_a_goal_is_judged_by_the_ratio(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def test_a_figure_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        Row(name="nothing", ours=1.0, floor=0.0)


def test_the_table_shows_ratio_and_goal() -> None:
    lines = table([Row(name="load", ours=3e-6, floor=2e-6, goal=2.0)]).splitlines()
    assert lines[1].split() == ["load", "1.50", "≤", "2", "ok", "3", "us", "2", "us"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.0, "s", "2 s"), (0.0015, "s", "1.5 ms"), (5e-8, "s", "50 ns"), (1500, "1/s", "1,500 1/s")],
)
def test_quantities_read_well(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text
