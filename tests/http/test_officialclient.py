"""A desk at an address, as `eds centre` meets it: the same as one in a folder."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eds.ca.lifecycle import State as Standing
from eds.enroll.applicant import Session, Step, Wanted, new_token
from eds.enroll.casework import By, Proposal, propose_change, propose_official
from eds.enroll.certified import CertificateState
from eds.enroll.evidence.chips import ChipRead
from eds.enroll.officials import Official, Role
from eds.enroll.people import DocumentIdentity
from eds.enroll.reception import digest_of
from eds.enroll.states import Flow, State
from eds.enroll.visits import Visit, read_visit
from eds.errors import (
    ApplicationNotFound,
    DeskRefused,
    InvalidArgument,
    MalformedStatement,
    ProviderUnavailable,
    TransitionRefused,
)
from eds.extensions import RevocationReason
from eds.http.deskclient import HttpDesk
from eds.http.officialclient import HttpCounter
from tests.enroll.desk_house import CHECKER, NOON, NUMBERS, OFFICERS, OPERATOR, STATION, DeskHouse
from tests.enroll.house import Holder
from tests.enroll.test_folder import VISIT, visit_files
from tests.http.test_deskclient import (
    certified,
    losing,
    lying_at,
    ready_for_a_key,
    served,
    told,
)


@pytest.fixture(scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return DeskHouse(tmp_path_factory.mktemp("desk")).build().path


@dataclass
class Scene:
    """A desk that is served, and its officials, who know nothing but the address."""

    house: DeskHouse
    address: str
    officials: dict[str, By]

    @property
    def counter(self) -> HttpCounter:
        return HttpCounter(self.address, now=self.house.now)

    def by(self, who: str) -> By:
        return self.officials[who]

    def came(self, number: str = "AA1234567") -> tuple[Session, str]:
        desk, token = HttpDesk(self.address), new_token()
        wanted = Wanted(
            flow=Flow.CENTRE, message=number.ljust(32, "0"), profile="non-resident-signature",
            document=("UZ", number), station=STATION,
        )  # fmt: skip
        name = desk.open(wanted, token=token, terms=digest_of(desk.terms())).application
        return Session(application=name, token=token), name


@pytest.fixture
def scene(_built: Path, tmp_path: Path) -> Iterator[Scene]:
    shutil.copytree(_built, tmp_path / "house")
    house = DeskHouse(tmp_path / "house")
    folder = house.desk
    with ExitStack() as stack:
        port = stack.enter_context(served(house))
        officials = {
            who: replace(stack.enter_context(house.by(folder, who)), person="") for who in NUMBERS
        }
        yield Scene(house, f"http://127.0.0.1:{port}", officials)
    folder.close()


@pytest.fixture(scope="module")
def operator(_built: Path) -> Iterator[By]:
    house = DeskHouse(_built)
    with house.by(house.desk, OPERATOR) as by:
        yield by


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    place = visit_files(tmp_path / "visit")
    return read_visit(VISIT.encode(), file="visit.toml", folder=place)


def test_two_officials_decide_on_a_visit_at_an_address(scene: Scene, visit: Visit) -> None:
    session, name = scene.came()
    counter, operator, checker = scene.counter, scene.by(OPERATOR), scene.by(CHECKER)
    (waits,) = counter.waiting(operator)
    assert (waits.application, waits.state, waits.station) == (name, State.APPOINTED, STATION)
    assert counter.check_in(name, operator).state is State.PRESENT
    assert counter.record(name, operator, visit).state is State.MAKER_RECORDED
    # The other one looks before they decide.
    seen = counter.see(name, checker)
    assert isinstance(seen.identity, DocumentIdentity)
    assert seen.identity == visit.identity
    assert counter.person(name, checker) == visit.identity
    papers = counter.evidence(name, checker)
    assert (papers["live_capture"], papers["translation"]) == (visit.capture, visit.translation)
    assert counter.end(name, checker, act="return", reason="dark").state is State.RETURNED
    counter.check_in(name, operator, station=STATION)
    counter.record(name, operator, replace(visit, capture=b"\xff\xd8 another picture"))
    cleared = counter.approve(name, checker)
    assert (cleared.application.state, len(cleared.printed_half)) == (State.CLEARED, 8)
    assert counter.new_secret(name, operator).printed_half != cleared.printed_half
    assert HttpDesk(scene.address).standing(session).step is Step.KEY
    assert counter.waiting(checker) == ()
    _, other = scene.came("BB7654321")
    counter.check_in(other, operator)
    ended = counter.end(other, operator, act="turn_away", reason="not the person")
    assert (ended.state, ended.reason) == (State.REJECTED, "not the person")


def test_an_act_whose_answer_got_lost_is_done_once_by_officials_too(
    scene: Scene, visit: Visit
) -> None:
    _, name = scene.came()
    operator, checker = scene.by(OPERATOR), scene.by(CHECKER)
    with losing(int(scene.address.rpartition(":")[2])) as port:
        counter = HttpCounter(f"http://127.0.0.1:{port}", now=scene.house.now)
        counter.check_in(name, operator)
        counter.record(name, operator, visit)
        # The half was given to whoever asked first; that answer never came.
        cleared = counter.approve(name, checker)
    assert (cleared.application.state, cleared.printed_half) == (State.CLEARED, "")
    assert cleared.application.in_person
    case = scene.house.desk.store.load(name)
    assert (case.state, case.returns, case.version) == (
        State.CLEARED, 0, cleared.application.version,
    )  # fmt: skip


def test_what_was_read_from_a_chip_goes_along(scene: Scene, visit: Visit) -> None:
    _, name = scene.came()
    counter, operator = scene.counter, scene.by(OPERATOR)
    counter.check_in(name, operator)
    chip = ChipRead(security_object=b"no SOD", data_groups={1: b"no DG1"}, response=b"none")
    with pytest.raises(DeskRefused) as problem:
        counter.record(name, operator, replace(visit, chip=chip, chip_absence=None))
    assert problem.value.problem == "enroll.evidence_unverified"
    assert counter.case(name, operator).state is State.PRESENT


def refused_of(act: Callable[[], object]) -> set[str]:
    with pytest.raises(TransitionRefused) as refused:
        act()
    return set(refused.value.codes)


def test_an_official_is_told_every_reason_at_an_address(scene: Scene, visit: Visit) -> None:
    _, name = scene.came()
    counter, operator, checker = scene.counter, scene.by(OPERATOR), scene.by(CHECKER)
    assert refused_of(lambda: counter.waiting(scene.by("stranger"))) == {"not_an_official"}
    assert refused_of(lambda: counter.waiting(scene.by(OFFICERS[0]))) == {"role_missing"}
    assert refused_of(lambda: counter.check_in(name, checker)) == {"role_missing"}
    assert refused_of(lambda: counter.check_in(name, operator, station="elsewhere")) == {
        "station_unknown"
    }
    assert refused_of(lambda: counter.pseudonym("900101300017", operator)) == {"role_missing"}
    counter.check_in(name, operator)
    counter.record(name, operator, visit)
    assert refused_of(lambda: counter.approve(name, operator)) == {"role_missing", "same_person"}
    with pytest.raises(DeskRefused) as problem:
        counter.check_in(name, operator)
    assert problem.value.problem == "enroll.wrong_state"
    for strange in ("../officials", name.upper(), name + "0", ""):
        with pytest.raises(ApplicationNotFound):
            counter.see(strange, operator)
    with pytest.raises(DeskRefused) as problem:
        counter.see("0" * 32, operator)
    assert problem.value.problem == "enroll.application_not_found"
    with pytest.raises(InvalidArgument):
        HttpCounter("http://desk.example.kz", now=scene.house.now)


def test_looking_is_signed_for_once_in_a_few_minutes(scene: Scene) -> None:
    _, name = scene.came()
    signed: list[bytes] = []
    operator = scene.by(OPERATOR)

    def sign(octets: bytes) -> bytes:
        signed.append(octets)
        return operator.sign(octets)

    counter, by = scene.counter, replace(operator, sign=sign)
    counter.waiting(by)
    counter.see(name, by)
    assert len(signed) == 1
    scene.house.at += timedelta(minutes=5)
    counter.see(name, by)
    assert len(signed) == 2


def test_officers_appoint_and_remove_at_an_address(scene: Scene) -> None:
    counter, first, second = scene.counter, scene.by(OFFICERS[0]), scene.by(OFFICERS[1])
    person = counter.pseudonym(NUMBERS["stranger"], first)
    official = Official(
        person=person, roles=frozenset({Role.AUDITOR}), stations=frozenset({STATION})
    )
    proposal = Proposal.decode(propose_official(official, first, at=scene.house.now()).encoded)
    assert refused_of(lambda: counter.appoint(proposal, first)) == {"same_person"}
    assert counter.appoint(proposal, second) == official
    assert counter.waiting(scene.by("stranger")) == ()
    assert refused_of(lambda: counter.remove(person, scene.by(CHECKER))) == {"role_missing"}
    counter.remove(person, first)
    assert scene.house.desk.store.official(person) is None
    about = replace(proposal, official=None, change="../officials")
    for act in (counter.appoint, counter.approve_change):
        with pytest.raises(MalformedStatement):
            act(about, second)


def test_two_officials_end_a_certificate_at_an_address(scene: Scene) -> None:
    desk, folder = HttpDesk(scene.address), scene.house.desk
    session = ready_for_a_key(desk, folder, scene.house)
    _, fingerprint = certified(desk, session, Holder())
    counter, operator, checker = scene.counter, scene.by(OPERATOR), scene.by(CHECKER)

    def proposed(change: str, reason: str) -> Proposal:
        return propose_change(fingerprint, change, operator, reason=reason, at=scene.house.now())

    hold = proposed("hold", "reported by telephone")
    assert refused_of(lambda: counter.approve_change(hold, operator)) >= {"same_person"}
    assert counter.approve_change(hold, checker) == "on_hold"
    assert counter.approve_change(proposed("release", "found again"), checker) == "valid"
    revocation = proposed("revocation", "key-compromise: the token was stolen")
    assert counter.approve_change(revocation, checker) == "revoked"
    (row,) = folder.issuing.register.find_by(fingerprint=fingerprint)
    assert (row.status.state, row.status.reason) == (
        Standing.REVOKED, RevocationReason.KEY_COMPROMISE,
    )  # fmt: skip
    status = desk.standing(session).status
    assert status is not None
    assert status.state is CertificateState.REVOKED


RECORD = {"record": "eds.enroll.record", "application": "0" * 32}
SHOWN: dict[str, Any] = {
    "application": "0" * 32, "flow": "centre", "state": "present", "profile": "p", "version": 3,
    "evidence": [], "deadline": None, "certificate": "", "in_person": True, "station": "s",
}  # fmt: skip
CASE: dict[str, Any] = {
    "application": SHOWN, "level": "none", "risk": 0, "evidence": [], "face_checks": 0,
    "returns": 0, "reason_without_chip": "", "reason": "", "operator": "", "checker": "",
    "record": "",
}  # fmt: skip


def view(**changes: Any) -> bytes:
    record = base64.b64encode(json.dumps(changes.pop("record", RECORD)).encode()).decode()
    body = {"case": CASE, "person": None, "identity": None, "chip_challenge": "", "record": record}
    return told(b"200 OK", body | changes)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        told(b"200 OK", {}),
        view(record={**RECORD, "application": "1" * 32}),  # another's case would be signed
        view(record={**RECORD, "record": "eds.enroll.founding"}),
        view(record=7),
        view(case=CASE | {"application": SHOWN | {"application": "1" * 32}}),
        view(case=CASE | {"application": SHOWN | {"version": "many"}}),
        view(case=CASE | {"level": 7}),
        view(identity={"country": "UZ"}),
        view(person=7),
    ],
)
def test_a_view_that_no_desk_gives_is_not_signed(operator: By, answer: bytes) -> None:
    with lying_at(view()) as address:
        assert HttpCounter(address, now=lambda: NOON).see("0" * 32, operator).case.version == 3
    with lying_at(answer) as address, pytest.raises(ProviderUnavailable):
        HttpCounter(address, now=lambda: NOON).see("0" * 32, operator)
