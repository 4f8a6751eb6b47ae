"""What officials may look at, with which signature, and what the log says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eds.enroll import centre, reading, remote
from eds.enroll.officials import ActingOfficial, Role
from eds.enroll.statements import SignedAct
from eds.enroll.states import State
from eds.errors import ApplicationNotFound, TransitionRefused
from tests.enroll.house import CHECKER, MINUTE, OFFICERS, OPERATOR, STATION, House


def statement(house: House, by: str = OPERATOR, act: str = "read", **changes: object) -> SignedAct:
    made: dict[str, object] = {"target": "desk", "version": 0}
    return house.signed(by, act, **(made | changes))  # type: ignore[arg-type]


def reader(house: House, by: str = OPERATOR) -> ActingOfficial:
    return reading.reader(house.desk, statement(house, by), at=house.at)


def test_looking_wants_a_statement_that_says_so_and_is_fresh(house: House) -> None:
    case = house.present()
    for wrong, code in (
        (statement(house, act="check_in"), "act_for_another"),
        (statement(house, target=f"application/{case.application}"), "act_for_another"),
        (statement(house, version=1), "act_for_another"),
        (statement(house, at=house.at - 16 * MINUTE), "act_stale"),
        (statement(house, at=house.at + 6 * MINUTE), "act_stale"),
        (statement(house, OFFICERS[0]), "role_missing"),
        (statement(house, "somebody"), "not_an_official"),
    ):
        with pytest.raises(TransitionRefused) as refused:
            reading.reader(house.desk, wrong, at=house.at)
        assert refused.value.codes == (code,)


def test_an_act_is_no_leave_to_look_and_looking_is_no_act(house: House) -> None:
    case = house.appointed()
    with pytest.raises(TransitionRefused):
        reading.reader(house.desk, house.act(case, OPERATOR, "check_in"), at=house.at)
    with pytest.raises(TransitionRefused) as refused:
        centre.check_in(house.desk, case.application, house.envelope(), statement(house))
    assert "act_for_another" in refused.value.codes


def test_nobody_is_shown_their_own_case_nor_that_of_a_relative(house: House) -> None:
    case = house.verified()
    case = remote.assess(house.desk, case.application, risk=80, at=house.at)
    assert case.state is State.MANUAL_REVIEW
    who = reader(house)
    assert reading.waiting(house.desk, who).applications == (case,)
    own = replace(who, official=replace(who.official, person=case.applicant))
    related = replace(who, official=replace(who.official, conflicts=frozenset({case.subject})))
    for each in (own, related):
        assert reading.waiting(house.desk, each).applications == ()
        with pytest.raises(ApplicationNotFound):
            reading.show(house.desk, case.application, each, at=house.at)


def test_a_case_of_another_station_is_shown_to_auditors_alone(house: House) -> None:
    case = house.appointed()
    who = reader(house, CHECKER)
    assert case.station == STATION
    elsewhere = replace(who.official, stations=frozenset({"almaty-2"}))
    away = replace(who, official=elsewhere)
    assert reading.waiting(house.desk, away).applications == ()
    with pytest.raises(ApplicationNotFound):
        reading.show(house.desk, case.application, away, at=house.at)
    auditor = replace(who, official=replace(elsewhere, roles=frozenset({Role.AUDITOR})))
    assert reading.waiting(house.desk, auditor).applications == (case,)
    shown, person = reading.show(house.desk, case.application, auditor, at=house.at)
    assert (shown, person) == (case, None)
    looked = [each for each in house.records() if each.act == "enroll.shown"]
    assert [each.subject for each in looked] == [f"application/{case.application}"]
    house.check_log()


def test_pages_follow_each_other_without_gaps(house: House) -> None:
    made = {house.appointed(("UZ", f"AA000000{n}")).application for n in range(5)}
    who, after, seen = reader(house), None, []
    while True:
        page = reading.waiting(house.desk, who, after=after, limit=2)
        seen += [each.application for each in page.applications]
        after = page.after
        if after is None or not page.applications:
            break
    assert (len(seen), set(seen)) == (5, made)
    draft = house.open()
    assert reading.waiting(house.desk, who, states=[State.DRAFT]).applications == ()
    assert draft.application not in seen
