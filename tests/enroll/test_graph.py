"""The table of transitions, analysed: what it promises must follow from it alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

import eds.enroll
from eds.enroll.guards import GUARDS
from eds.enroll.officials import ACTS
from eds.enroll.states import (
    DECISION_STANDS,
    OFFICIAL,
    TERMINAL,
    TIMERS,
    TRANSITIONS,
    Actor,
    Flow,
    State,
    Transition,
    leading_from,
)
from tests.enroll.dominators import DOMINATORS

S = State


def rows(flow: Flow, *, without: Iterable[State] = ()) -> list[Transition]:
    gone = set(without)
    return [
        row
        for row in TRANSITIONS
        if flow in row.flows and not gone & {row.source, row.target} and not row.counts
    ]


def reachable(start: State, table: list[Transition]) -> set[State]:
    found, fresh = {start}, [start]
    while fresh:
        state = fresh.pop()
        for row in table:
            if row.source is state and row.target not in found:
                found.add(row.target)
                fresh.append(row.target)
    return found


@pytest.mark.parametrize("flow", Flow)
def test_each_flow_comes_to_a_certificate(flow: Flow) -> None:
    assert S.ACTIVE in reachable(S.NEW, rows(flow))


@pytest.mark.parametrize(
    ("flow", "state"),
    [(flow, state) for flow in Flow for state in State if state in DOMINATORS.get(flow, ())],
)
def test_there_is_no_certificate_around_a_state_that_its_flow_demands(
    flow: Flow, state: State
) -> None:
    assert S.ACTIVE not in reachable(S.NEW, rows(flow, without=[state]))


@pytest.mark.parametrize("flow", Flow)
@pytest.mark.parametrize("people", [S.MANUAL_REVIEW, S.ROUTED_TO_CENTRE, S.PRESENT, S.RETURNED])
def test_from_people_no_way_leads_around_the_second_official(flow: Flow, people: State) -> None:
    if people in reachable(S.NEW, rows(flow)):
        around = reachable(people, rows(flow, without=[S.CHECKER_APPROVED]))
        assert not around & {S.CLEARED, S.ISSUED, S.ACTIVE}
        around = reachable(people, rows(flow, without=[S.MAKER_RECORDED]))
        assert not around & {S.CLEARED, S.ISSUED, S.ACTIVE}


def test_from_home_either_the_face_or_two_officials_decide() -> None:
    around = rows(Flow.REMOTE, without=[S.VERIFIED, S.CHECKER_APPROVED])
    assert S.ACTIVE not in reachable(S.NEW, around)


def test_the_remote_way_falls_into_the_centre_by_spent_face_checks_alone() -> None:
    doors = [row for row in TRANSITIONS if row.target is S.ROUTED_TO_CENTRE]
    assert [(row.source, row.guards) for row in doors] == [
        (S.EVIDENCE_VALIDATED, ("face_checks_spent",))
    ]
    assert S.PRESENT in reachable(S.ROUTED_TO_CENTRE, rows(Flow.REMOTE))


@pytest.mark.parametrize("flow", Flow)
def test_there_is_no_dead_end_and_every_living_state_ends_by_itself(flow: Flow) -> None:
    for state in reachable(S.NEW, rows(flow)) - {S.NEW}:
        leaving = [row for row in leading_from(state, flow) if not row.counts]
        assert bool(leading_from(state, flow) and leaving) is (state not in TERMINAL)
        if state not in TERMINAL:
            assert [row for row in leaving if row.actor is Actor.CLOCK]
            assert state in TIMERS
            assert reachable(state, rows(flow)) & TERMINAL


def test_every_guard_is_there_and_used() -> None:
    named = {guard for row in TRANSITIONS for guard in row.guards}
    assert named <= set(GUARDS)
    assert set(GUARDS) - named == set()


def test_no_act_of_an_official_goes_without_signature_and_distance() -> None:
    for row in TRANSITIONS:
        if row.actor in (Actor.OPERATOR, Actor.CHECKER):
            assert row.name in ACTS
            assert {*OFFICIAL, "act_signed_for_this"} <= set(row.guards)
        if row.actor is Actor.CHECKER:
            assert "decider_not_operator" in row.guards
    leaving = [row for row in TRANSITIONS if row.source is S.CHECKER_APPROVED]
    cleared = [row for row in leaving if row.target is S.CLEARED]
    assert [set(DECISION_STANDS) <= set(row.guards) for row in cleared] == [True]


def test_a_row_is_found_by_its_name_place_and_flow_alone() -> None:
    places = [(row.name, row.source, flow) for row in TRANSITIONS for flow in row.flows]
    assert len(places) == len(set(places))


def test_no_guard_asks_where_it_runs() -> None:
    for path in Path(eds.enroll.__file__).parent.rglob("*.py"):
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute | ast.Name)
        }
        assert not names & {"environ", "getenv", "environb", "gethostname", "DEBUG"}, path
