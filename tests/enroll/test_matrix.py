"""Who may do what to which case: role × act × relation, none granted that should not be."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from eds.enroll.application import Application
from eds.enroll.encoding import decode, digest, encode
from eds.enroll.guards import Findings, Request, judge, record_digest
from eds.enroll.kinds import EvidenceKind
from eds.enroll.officials import (
    ACTS,
    EXCLUSIVE,
    ActingOfficial,
    Official,
    Role,
    pair_failures,
    role_failure,
)
from eds.enroll.policy import EnrolmentPolicy
from eds.enroll.providers import CheckedEvidence, DocumentState
from eds.enroll.statements import ActStatement
from eds.enroll.states import Flow, State, transition
from tests.enroll.house import DAY, HOUR, MINUTE, NOON, STATION, TERMS

POLICY = EnrolmentPolicy(
    name="test", version="1", terms=TERMS, stations=frozenset({STATION}), audience="a"
)
ME, ANOTHER, APPLICANT, SUBJECT = "1:me", "1:another", "1:applicant", "1:subject"
SOURCES = {
    "check_in": State.APPOINTED,
    "examine": State.PRESENT,
    "record": State.EVIDENCE_VALIDATED_IN_PERSON,
    "turn_away": State.PRESENT,
    "approve": State.MAKER_RECORDED,
    "return": State.MAKER_RECORDED,
    "decline": State.MAKER_RECORDED,
}
MAKER = {"check_in", "examine", "record", "turn_away"}
ROLES = (
    frozenset[Role](),
    frozenset({Role.OPERATOR}),
    frozenset({Role.CHECKER}),
    frozenset({Role.SECURITY_OFFICER}),
    frozenset({Role.AUDITOR}),
    frozenset({Role.OPERATOR, Role.CHECKER}),
)
RELATIONS = {
    "stranger": None,
    "own case": "own_case",
    "own case by the register's number": "own_case",
    "relative": "conflict",
    "the other role in this case": None,  # depends on the act
    "signed for another case": "act_for_another",
    "signed for another act": "act_for_another",
    "signed for an earlier version": "act_for_another",
    "signed long ago": "act_stale",
    "signed ahead of time": "act_stale",
    "another record": None,  # where a record is signed at all
}


def case(act: str) -> Application:
    application = Application(
        application="a1", flow=Flow.CENTRE, state=SOURCES[act], version=7,
        profile="non-resident-signature", applicant=APPLICANT, subject=SUBJECT,
        opened_at=NOON - DAY, entered_at=NOON - HOUR, last_at=NOON - HOUR, ends_at=NOON + DAY,
        timer_ends=NOON + DAY, station=STATION, permission_until=NOON + 99 * DAY,
    )  # fmt: skip
    if act in MAKER:
        return application if act == "check_in" else replace(application, operator=ME)
    recorded = replace(application, operator=ANOTHER, recorded_at=NOON - HOUR)
    return replace(recorded, record=record_digest(recorded, ANOTHER))


def judged(act: str, roles: frozenset[Role], relation: str) -> set[str]:
    application = case(act)
    if relation == "own case":
        application = replace(application, applicant=ME)
    if relation == "own case by the register's number":
        application = replace(application, subject=ME)
    if relation == "the other role in this case":
        other = ANOTHER if act in MAKER else ME
        application = replace(application, operator=other)
    if application.record:
        record = record_digest(application, application.operator)
        application = replace(application, record=record)
    operator = application.operator or ME
    statement = ActStatement(
        act={"signed for another act": "something_else"}.get(relation, act),
        target="application/" + ("a2" if relation == "signed for another case" else "a1"),
        version=6 if relation == "signed for an earlier version" else 7,
        digest=b"x" * 32
        if relation == "another record"
        else record_digest(application, operator if application.record else ME),
        station=STATION,
        at={"signed long ago": NOON - HOUR, "signed ahead of time": NOON + HOUR}.get(
            relation, NOON - MINUTE
        ),
        nonce=bytes(16),
        reason="papers",
    )
    official = Official(
        person=ME, roles=roles, stations=frozenset({STATION}),
        conflicts=frozenset({APPLICANT} if relation == "relative" else ()),
    )  # fmt: skip
    kinds = (
        EvidenceKind.DOCUMENT_SEEN, EvidenceKind.DOCUMENT_CHIP, EvidenceKind.LIVE_CAPTURE,
        EvidenceKind.TRANSLATION,
    )  # fmt: skip
    findings = Findings(
        acting=ActingOfficial(official=official, statement=statement, certificate=bytes(32)),
        acts_today=0,
        evidence=tuple(
            CheckedEvidence(kind=kind, octets=b"", holder=application.applicant) for kind in kinds
        ),
        document_locked=False,
        document=DocumentState.CURRENT,
        permission_until=NOON + 99 * DAY,
        evidence_intact=True,
    )
    row = transition(act, state=application.state, flow=application.flow)
    assert row is not None
    failures = judge(row, application, findings, Request(act=act), POLICY, NOON)
    return {failure.code.value for failure in failures}


def expected(act: str, roles: frozenset[Role], relation: str) -> set[str]:
    """Written from the rules of docs, not from the guards."""
    wanted: set[str] = set()
    right = Role.OPERATOR if act in MAKER else Role.CHECKER
    if right not in roles:
        wanted.add("role_missing")
    elif len(roles) > 1:
        wanted.add("roles_exclusive")
    if RELATIONS[relation]:
        wanted.add(str(RELATIONS[relation]))
    if relation == "the other role in this case":
        if act not in MAKER:
            wanted.add("same_person")
        elif act != "check_in":  # whoever checks in takes the case
            wanted.add("another_operator")
    if relation == "another record" and act in ("record", "approve"):
        wanted.add("another_record")
    return wanted


CELLS = list(product(SOURCES, ROLES, RELATIONS))


def test_the_matrix_is_large_enough() -> None:
    assert len(CELLS) >= 200


@pytest.mark.parametrize("act", SOURCES)
def test_only_who_may_does(act: str) -> None:
    granted = 0
    for roles, relation in product(ROLES, RELATIONS):
        found, wanted = judged(act, roles, relation), expected(act, roles, relation)
        assert found == wanted, (act, roles, relation)
        granted += not found
    assert granted >= 1  # the matrix can say yes


OTHER_ACTS = list(product(sorted(set(ACTS) - set(SOURCES)), ROLES))


@pytest.mark.parametrize(("act", "roles"), OTHER_ACTS)
def test_acts_of_office_belong_to_one_role_each(act: str, roles: frozenset[Role]) -> None:
    failure = role_failure(Official(person=ME, roles=roles), act)
    assert (failure is None) is (roles == {ACTS[act]})


def test_what_no_role_may_do_nobody_does() -> None:
    everything = frozenset(Role)
    for act in ("issue", "open", "sign", "delete", ""):
        failure = role_failure(Official(person=ME, roles=everything), act)
        assert failure is not None
        assert failure.code.value == "role_missing"


def acting(person: str, **changes: object) -> ActingOfficial:
    made: dict[str, object] = {
        "act": "approve", "target": "certificate/00", "version": 0, "digest": bytes(32),
        "station": STATION, "at": NOON, "nonce": bytes(16), "reason": "lost",
    }  # fmt: skip
    statement = ActStatement(**(made | changes))  # type: ignore[arg-type]
    official = Official(person=person, roles=frozenset({Role.OPERATOR}))
    return ActingOfficial(official=official, statement=statement, certificate=bytes(32))


PAIRS: dict[str, tuple[ActingOfficial, ActingOfficial, set[str]]] = {
    "two people": (acting("1:a"), acting("1:b"), set()),
    "one person twice": (acting("1:a"), acting("1:a"), {"same_person"}),
    "the first is concerned": (acting(SUBJECT), acting("1:b"), {"own_case"}),
    "the second is concerned": (acting("1:a"), acting(SUBJECT), {"own_case"}),
    "another target": (acting("1:a"), acting("1:b", target="x"), {"another_record"}),
    "another digest": (acting("1:a"), acting("1:b", digest=b"x" * 32), {"another_record"}),
    "another reason": (acting("1:a"), acting("1:b", reason="x"), {"another_record"}),
    "another version": (acting("1:a"), acting("1:b", version=2), {"another_record"}),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_sign_the_same_or_nothing(name: str) -> None:
    first, second, wanted = PAIRS[name]
    found = pair_failures(first, second, concerned=frozenset({SUBJECT}))
    assert {failure.code.value for failure in found} == wanted


def test_exclusive_roles_are_pairs_of_each_other() -> None:
    assert {role for pair in EXCLUSIVE for role in pair} == set(Role)
    assert all(len(pair) == 2 for pair in EXCLUSIVE)


def test_an_official_is_hashed_as_it_is_read() -> None:
    official = Official(person=ME, roles=frozenset({Role.OPERATOR, Role.AUDITOR}))
    assert decode(Official, encode(official)) == official
    assert digest(official) != digest(replace(official, roles=frozenset({Role.OPERATOR})))
