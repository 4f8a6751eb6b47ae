"""A state that does not exist, from a file of people: both flows under the rules of a country."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from eds.ca.database import open_database
from eds.ca.profiles import shipped_profile
from eds.country import countries, holder_of
from eds.enroll import centre, remote
from eds.enroll.application import Application
from eds.enroll.desk import Desk
from eds.enroll.evidence.mrz import parse_mrz
from eds.enroll.kinds import EvidenceKind
from eds.enroll.officials import certified_number
from eds.enroll.people import Residency
from eds.enroll.policy import EnrolmentPolicy, profiles_of
from eds.enroll.providers import CheckedEvidence, require_real
from eds.enroll.simulators import (
    SimulatedPerson,
    SimulatedState,
    demo_people,
    read_outbox,
    read_people,
    simulated_state,
    write_people,
)
from eds.enroll.states import Flow, State
from eds.errors import (
    IdentityNumberRefused,
    MalformedEvidence,
    ProviderUnavailable,
    SimulatorRefused,
    TransitionRefused,
)
from tests.country.house import fast
from tests.enroll.house import (
    CHECKER,
    DAY,
    MINUTE,
    NOON,
    OPERATOR,
    STATION,
    TERMS,
    Holder,
    House,
)

KZ = countries()["KZ"]
PEOPLE = demo_people(KZ, at=NOON)
RESIDENT, GUEST = PEOPLE[0], PEOPLE[-1]
POLICY = EnrolmentPolicy(
    name="kz", version="1", terms=TERMS, stations=frozenset({STATION}), audience="desk.example.kz",
    passphrase_cost=2, country=KZ, profiles=profiles_of(KZ),
)  # fmt: skip
PROFILES = {name: shipped_profile(name) for name in POLICY.profiles}


@pytest.fixture
def state(tmp_path: Path) -> SimulatedState:
    """From a file that somebody might have edited, as a desk of a demonstration reads it."""
    return simulated_state(
        read_people(write_people(PEOPLE)), seed="demo", audience=POLICY.audience, at=NOON,
        country=KZ, outbox=tmp_path / "outbox",
    )  # fmt: skip


@pytest.fixture
def desk(sqlite_desk: Callable[[Path], str], tmp_path: Path, state: SimulatedState) -> House:
    engine = open_database(sqlite_desk(tmp_path))
    house = House(engine, policy=POLICY, profiles=PROFILES, issuer=fast().ca, state=state)
    return house.found()


def by_document(house: House, person: SimulatedPerson) -> Application:
    application = remote.open_application(
        house.desk, house.envelope(), flow=Flow.CENTRE, profile="kz-non-resident",
        document=person.document,
    )  # fmt: skip
    application = house.submit(application)
    application = centre.appoint(house.desk, application.application, station=STATION, at=house.at)
    return house.check_in(application)


def seen(house: House, application: Application, person: SimulatedPerson) -> Application:
    kinds = (EvidenceKind.DOCUMENT_SEEN, EvidenceKind.LIVE_CAPTURE, EvidenceKind.TRANSLATION)
    pieces = tuple(
        CheckedEvidence(
            kind=kind, octets=f"{kind.value} {application.application}".encode(),
            holder=application.applicant,
            document=person.document if kind is EvidenceKind.DOCUMENT_SEEN else (),
        )
        for kind in kinds
    )  # fmt: skip
    return house.examine(
        application, pieces=pieces, identity=person.identity, reason_without_chip="no_chip"
    )


def test_a_resident_of_the_file_comes_to_a_certificate_of_the_country(
    desk: House, tmp_path: Path
) -> None:
    application = desk.submit(
        desk.open(RESIDENT.personal_number, profile="kz-individual", device="laptop")
    )
    name = application.application
    remote.resolve(desk.desk, name, at=desk.at)
    remote.send_code(desk.desk, name, desk.envelope())
    letter = read_outbox(tmp_path / "outbox")[-1]
    assert (letter["address"], letter["kind"]) == (RESIDENT.phone, "contact-code")
    application = remote.confirm_contact(
        desk.desk, name, desk.envelope(), code=letter["words"]["code"]
    )
    remote.offer_evidence(
        desk.desk, name, pieces=(desk.photo(application),), message="photo", at=desk.at
    )
    desk.face_check(desk.load(application))
    application = remote.assess(desk.desk, name, risk=0, at=desk.at)
    application, certificate = desk.active(application, Holder())
    assert application.state is State.ACTIVE
    holder = holder_of(certificate)
    assert holder is not None
    assert holder.surname == RESIDENT.surname
    assert [one.word for one in holder.identified_by] == ["identified remotely"]
    assert certified_number(certificate) == RESIDENT.personal_number
    desk.check_log()


def test_a_foreigner_of_the_file_comes_to_one_at_the_centre(desk: House) -> None:
    application = desk.decide("record", seen(desk, by_document(desk, GUEST), GUEST), OPERATOR)
    desk.tick(by=2 * MINUTE)
    application = desk.decide("approve", application, CHECKER)
    cleared = centre.clear(desk.desk, application.application, at=desk.at)
    half = desk.notifier.sent[-1][2]["half"]
    application, certificate = desk.active(
        cleared.application, Holder(), secret=cleared.printed_half + half
    )
    assert application.state is State.ACTIVE
    assert certified_number(certificate) == GUEST.personal_number
    holder = holder_of(certificate)
    assert holder is not None
    assert [one.word for one in holder.identified_by] == [
        "identified by an operator of a service centre"
    ]
    assert GUEST.permission_until is not None
    assert certificate.not_after <= GUEST.permission_until
    desk.check_log()


def test_what_was_read_at_the_counter_does_not_outlast_the_register(desk: House) -> None:
    assert GUEST.permission_until is not None
    longer = replace(GUEST, permission_until=GUEST.permission_until + DAY)
    application = desk.decide("record", seen(desk, by_document(desk, longer), longer), OPERATOR)
    desk.tick(by=2 * MINUTE)
    application = desk.decide("approve", application, CHECKER)
    desk.population.people[GUEST.personal_number] = replace(
        desk.population.people[GUEST.personal_number], permission_until=GUEST.permission_until
    )
    with pytest.raises(TransitionRefused) as refused:
        centre.clear(desk.desk, application.application, at=desk.at)
    assert refused.value.codes == ("no_permission_to_stay",)


def test_a_number_that_nobody_can_have_opens_nothing(desk: House) -> None:
    wrong = RESIDENT.personal_number[:-1] + str((int(RESIDENT.personal_number[-1]) + 1) % 10)
    born_tomorrow = KZ.example_number(NOON.date() + timedelta(days=1), 0)
    for number in (wrong, "12", born_tomorrow, "960440000220"):
        with pytest.raises(IdentityNumberRefused) as refused:
            desk.open(number, profile="kz-individual")
        assert number not in str(refused.value)
    assert desk.store.everything() == ()


def test_residents_and_foreigners_have_profiles_of_their_own(desk: House) -> None:
    with pytest.raises(TransitionRefused) as refused:
        desk.open(RESIDENT.personal_number, profile="kz-non-resident")
    assert refused.value.codes == ("profile_unknown",)
    application = desk.submit(desk.open(GUEST.personal_number, profile="kz-individual"))
    application = remote.resolve(desk.desk, application.application, at=desk.at)
    assert (application.state, application.reason) == (State.REJECTED, "residency_mismatch")


def test_a_document_that_is_not_in_the_file_is_not_known(desk: House) -> None:
    stranger = replace(GUEST, document_number="X0000001")
    with pytest.raises(TransitionRefused) as refused:
        seen(desk, by_document(desk, stranger), stranger)
    assert refused.value.codes == ("document_status_unknown",)
    with pytest.raises(ProviderUnavailable):
        desk.population.allot(stranger.identity, application="a", at=desk.at)


def test_the_people_of_a_demonstration_have_numbers_and_papers_that_pass() -> None:
    assert demo_people(KZ, at=NOON) == PEOPLE
    assert len({person.personal_number for person in PEOPLE}) == len(PEOPLE) == 7
    assert {person.residency for person in PEOPLE} == set(Residency)
    for person in PEOPLE:
        number = KZ.read_personal_number(person.personal_number)
        number.require_assignable(on=NOON.date())
        assert number.begins == person.born
        mrz = parse_mrz(person.mrz, at=NOON)
        mrz.require_checks()
        assert (mrz.number, mrz.birth.complete) == (person.document_number, person.born)
        assert person.personal_number not in repr(person)


def test_a_file_of_people_reads_back_and_a_bad_one_says_where() -> None:
    octets = write_people(PEOPLE)
    assert read_people(octets) == PEOPLE
    data = json.loads(octets)
    data["people"][2]["born"] = "yesterday"
    with pytest.raises(MalformedEvidence, match=r"people\[2\]"):
        read_people(json.dumps(data).encode())
    data["people"] = [data["people"][0]] * 2
    with pytest.raises(MalformedEvidence, match="two with one"):
        read_people(json.dumps(data).encode())
    for other in (b"", b"[]", b"\xff", b'{"people": {}}', b'{"people": [1]}', b"[" * 100_000):
        with pytest.raises(MalformedEvidence):
            read_people(other)


def test_none_of_them_may_serve_a_desk_in_earnest(desk: House) -> None:
    real: Desk = desk.desk
    assert len(real.providers) == 5
    for provider in real.providers:
        with pytest.raises(SimulatorRefused):
            require_real([provider])
