"""A desk in a folder: its settings, and both flows as its doors call them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from pathlib import Path

import pytest

from eds.ca.settings import read_toml
from eds.enroll import applicant
from eds.enroll.applicant import Session, Standing, Step, Turn, Wanted, new_passphrase, new_token
from eds.enroll.certified import CertificateState
from eds.enroll.desksettings import DeskSettings, FaceProvider, Setting, read_desk_settings
from eds.enroll.doctor import examine
from eds.enroll.evidence.assurance import Level
from eds.enroll.evidence.chips import ChipRead
from eds.enroll.evidence.mrz import MrzFormat
from eds.enroll.evidence.mrzwriting import write_mrz
from eds.enroll.folder import DeskFolder, make_desk
from eds.enroll.kinds import EvidenceKind
from eds.enroll.policy import ORGANISATION_PROFILES
from eds.enroll.readers import chip_challenge
from eds.enroll.reception import Reception, digest_of
from eds.enroll.simulators import SimulatedPerson
from eds.enroll.states import Flow, State
from eds.enroll.store import Mark
from eds.enroll.visits import read_visit, visit_challenge
from eds.errors import (
    DeskNotFound,
    EvidenceUnverified,
    EvidenceUsed,
    InvalidArgument,
    KeyFileExposed,
    MalformedSettings,
    SimulatorRefused,
    TransitionRefused,
)
from tests.enroll.desk_house import (
    ASAN,
    CHECKER,
    DAY,
    NOON,
    OPERATOR,
    RESIDENT,
    RUSTAM,
    STATION,
    TERMS,
    DeskHouse,
)
from tests.enroll.house import Holder
from tests.enroll.passport_house import (
    Office,
    answer_iso_9796_2,
    chip_rsa_key,
    der,
    group_1,
    office,
    spki,
    wrap,
)

ROOT = Path(__file__).parents[2]
SETTINGS = DeskSettings(
    name="astana", authority="../example", audience="desk.example.kz", stations=(STATION,)
)


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return DeskHouse(tmp_path_factory.mktemp("desk")).build().path


@pytest.fixture
def house(_built: Path, tmp_path: Path) -> DeskHouse:
    shutil.copytree(_built, tmp_path / "house")
    return DeskHouse(tmp_path / "house")


@pytest.fixture
def folder(house: DeskHouse) -> DeskFolder:
    return house.desk


def applied(reception: Reception, **changes: object) -> tuple[Session, Standing]:
    token = new_token()
    made: dict[str, object] = {
        "flow": Flow.REMOTE, "message": "0" * 32, "profile": "natural-person-signature",
        "personal_number": RESIDENT,
    }  # fmt: skip
    wanted = Wanted(**(made | changes))  # type: ignore[arg-type]
    standing = reception.open(wanted, token=token, terms=digest_of(TERMS))
    return Session(application=standing.application, token=token), standing


def code(folder: DeskFolder) -> str:
    sent = [each for each in folder.demonstration.messages() if each["kind"] == "contact-code"]
    return str(sent[-1]["words"]["code"])


def face(folder: DeskFolder, standing: Standing, score: int = 950) -> bytes:
    return folder.demonstration.face(standing, score=score, at=NOON)


def ready_for_a_face(folder: DeskFolder, reception: Reception) -> tuple[Session, Standing]:
    session, _ = applied(reception)
    reception.send_code(session)
    reception.confirm_code(session, code(folder))
    return session, reception.offer_photo(session)


def test_a_resident_gets_a_certificate_from_a_desk_in_a_folder(
    house: DeskHouse, folder: DeskFolder
) -> None:
    reception = house.reception(folder)
    session, standing = ready_for_a_face(folder, reception)
    assert (standing.turn, standing.step) == (Turn.APPLICANT, Step.FACE)
    standing = reception.offer_face(session, face(folder, standing))
    assert standing.state is State.CLEARED
    key = Holder()
    applicant.bind_key(reception, session, key.signer, secret="")
    fields = reception.fields(session)
    assert fields.subject["common_name"] == "АХМЕТОВ АСАН"
    standing = applicant.confirm(reception, session, key.signer, fields)
    assert standing.state is State.ISSUED
    passphrase = new_passphrase()
    standing, found = applicant.activate(reception, session, key.signer, passphrase=passphrase)
    assert (standing.state, standing.step) == (State.ACTIVE, Step.DONE)
    assert found[0].public_key == key.signer.public_key
    assert [each.subject for each in found[1:]] == [each.issuer for each in found[:-1]]
    ends = found[0].not_after
    for at, state, step in (
        (ends, CertificateState.VALID, Step.DONE),
        (ends + timedelta(seconds=1), CertificateState.EXPIRED, Step.ENDED),
    ):
        then = folder.reception(now=repeat(at).__next__, issue=None).standing(session)
        assert then.status is not None
        assert (then.status.state, then.step) == (state, step)
    done = reception.end_by_passphrase(
        found[0].fingerprint, "revoke", passphrase=passphrase, reason="key-compromise"
    )
    assert done == "revoked"


def test_what_an_applicant_is_told_helps_no_impostor(house: DeskHouse, folder: DeskFolder) -> None:
    reception = house.reception(folder)
    session, standing = ready_for_a_face(folder, reception)
    with pytest.raises(TransitionRefused) as refused:
        reception.offer_face(session, face(folder, standing, score=500))
    assert refused.value.codes == refused.value.shown == ("not_accepted",)
    assert refused.value.__cause__ is None
    thief = replace(session, token=new_token())
    for act in (reception.standing, reception.send_code, reception.give_up):
        with pytest.raises(TransitionRefused) as refused:
            act(thief)
        assert refused.value.codes == ("not_accepted",)


def test_three_faces_that_did_not_match_have_two_people_decide(
    house: DeskHouse, folder: DeskFolder
) -> None:
    reception, casework = house.reception(folder), house.casework(folder)
    session, standing = ready_for_a_face(folder, reception)
    for _ in range(3):
        with pytest.raises(TransitionRefused):
            reception.offer_face(session, face(folder, standing, score=500))
        standing = reception.standing(session)
    standing = reception.offer_face(session, face(folder, standing))
    assert (standing.state, standing.turn) == (State.MANUAL_REVIEW, Turn.OFFICIALS)
    with house.by(folder, OPERATOR) as operator, house.by(folder, CHECKER) as checker:
        casework.record(session.application, operator)
        with pytest.raises(TransitionRefused) as refused:
            casework.approve(session.application, operator)
        assert {"role_missing", "same_person"} <= set(refused.value.codes)
        cleared = casework.approve(session.application, checker)
    assert cleared.printed_half == ""
    assert reception.standing(session).step is Step.KEY


VISIT = """
[document]
kind = 'passport'
country = 'UZ'
number = 'AA1234567'
surname = 'KARIMOV'
given_name = 'RUSTAM'
born = '1985-05-05'
nationality = 'UZ'
expires = '2030-01-01'
permission_until = '2027-06-01'

[visit]
place = 'window 3'
inspections = ['original_seen', 'security_features', 'photo_resembles', 'translation_notarised']
capture = 'face.jpg'
translation = 'translation.pdf'
chip_absence = 'no_chip'
contact = 'guest@example.uz'
"""


def visit_files(place: Path) -> Path:
    place.mkdir()
    (place / "visit.toml").write_text(VISIT)
    (place / "face.jpg").write_bytes(b"\xff\xd8 a picture of a face")
    (place / "translation.pdf").write_bytes(b"%PDF a translation")
    return place


def test_a_non_resident_gets_a_certificate_at_the_centre(
    house: DeskHouse, folder: DeskFolder, tmp_path: Path
) -> None:
    sister = replace(RUSTAM, personal_number="860606600028", document_number="BB7654321")
    folder.demonstration.add(sister)
    place = visit_files(tmp_path / "visit")
    visit = read_visit(VISIT.encode(), file="visit.toml", folder=place)
    reception, casework = house.reception(folder), house.casework(folder)
    session, standing = applied(
        reception, flow=Flow.CENTRE, profile="non-resident-signature", personal_number="",
        document=("UZ", "AA1234567"), station=STATION,
    )  # fmt: skip
    assert (standing.state, standing.station) == (State.APPOINTED, STATION)
    with house.by(folder, OPERATOR) as operator, house.by(folder, CHECKER) as checker:
        casework.check_in(session.application, operator)
        casework.record(session.application, operator, visit)
        cleared = casework.approve(session.application, checker)
        half = cleared.printed_half
        again = casework.new_secret(session.application, operator)
    assert half != again.printed_half
    sent = [each for each in folder.demonstration.messages() if each["kind"] == "activation-half"]
    key = Holder()
    with pytest.raises(TransitionRefused):
        applicant.bind_key(reception, session, key.signer, secret=half + half)
    secret = again.printed_half + sent[-1]["words"]["half"]
    applicant.bind_key(reception, session, key.signer, secret=secret)
    applicant.confirm(reception, session, key.signer, reception.fields(session))
    _, found = applicant.activate(reception, session, key.signer, passphrase=new_passphrase())
    assert found[0].not_after < datetime(2027, 6, 1, tzinfo=UTC)
    # The same picture in another application.
    other, _ = applied(
        reception, flow=Flow.CENTRE, profile="non-resident-signature", personal_number="",
        document=("UZ", "BB7654321"), message="1" * 32,
    )  # fmt: skip
    with house.by(folder, OPERATOR) as operator:
        casework.check_in(other.application, operator)
        with pytest.raises(TransitionRefused) as refused:
            casework.record(other.application, operator, visit)
        assert "evidence_of_another" in refused.value.codes
        assert visit.identity is not None
        another = replace(visit.identity, number="BB7654321")
        stranger = replace(visit, number="BB7654321", identity=another)
        with pytest.raises(EvidenceUsed):
            casework.record(other.application, operator, stranger)


def test_founding_happens_once(house: DeskHouse, folder: DeskFolder) -> None:
    with pytest.raises(InvalidArgument):
        house.found(folder)


# --- chips ---------------------------------------------------------------------------------------


@pytest.fixture
def kazakh(house: DeskHouse) -> Office:
    """A passport office whose authority the desk believes."""
    found = office("KZ")
    place = house.path / "desk" / "cscas"
    place.mkdir()
    (place / "kz.cer").write_bytes(der(found.authority))
    file = house.path / "desk" / "desk.toml"
    file.write_text(file.read_text().replace("[documents]", "[documents]\ncscas = 'cscas'"))
    return found


def chip_of(place: Office, person: SimulatedPerson, challenge: bytes) -> ChipRead:
    """The chip of a person's passport, answering a challenge."""
    zone = write_mrz(
        MrzFormat.TD3, issuing_state=person.nationality, primary_identifier="X",
        secondary_identifier="Y", number=person.document_number, nationality=person.nationality,
        birth=person.born, sex=person.sex, expiry=person.document_expiry,
        optional_data=person.personal_number,
    )  # fmt: skip
    key = chip_rsa_key()
    groups = {1: group_1(zone), 15: wrap(b"\x6f", spki(key.public_key()))}
    answered = answer_iso_9796_2(key, chip_challenge(challenge), "sha256")
    return replace(place.chip(groups), response=answered)


def test_the_chip_of_a_passport_speaks_for_its_holder_alone(
    house: DeskHouse, kazakh: Office
) -> None:
    folder = house.desk
    reception = house.reception(folder)
    session, _ = applied(reception)
    reception.send_code(session)
    challenge = reception.confirm_code(session, code(folder)).challenge
    another = replace(ASAN, personal_number="900101300025")
    for wrong in (
        chip_of(kazakh, another, challenge),
        chip_of(kazakh, ASAN, bytes(32)),  # it answered somebody else
        chip_of(office("KZ"), ASAN, challenge),  # an authority of one's own
    ):
        with pytest.raises(TransitionRefused) as refused:
            reception.offer_chip(session, wrong, kind=EvidenceKind.PASSPORT_CHIP)
        assert refused.value.codes == ("not_accepted",)
    # A genuine chip of somebody else counts: three lock the document.
    assert folder.store.load(session.application).evidence_misses == 1
    standing = reception.standing(session)
    right = chip_of(kazakh, ASAN, standing.challenge)
    standing = reception.offer_chip(session, right, kind=EvidenceKind.PASSPORT_CHIP)
    assert (standing.step, standing.photo) == (Step.FACE, False)
    standing = reception.offer_face(session, face(folder, standing))
    assert (standing.state, folder.store.load(session.application).level) == (
        State.CLEARED, Level.EXTENDED,
    )  # fmt: skip


def test_a_chip_read_at_the_centre_is_of_the_document_that_lies_there(
    house: DeskHouse, kazakh: Office, tmp_path: Path
) -> None:
    guest = replace(RUSTAM, nationality="KAZ", document_number="N9", personal_number="8505055001")
    house.desk.demonstration.add(guest)
    folder = house.desk
    reception, casework = house.reception(folder), house.casework(folder)
    session, _ = applied(
        reception, flow=Flow.CENTRE, profile="non-resident-signature", personal_number="",
        document=("KZ", "N9"),
    )  # fmt: skip
    place = visit_files(tmp_path / "visit")
    text = VISIT.replace("chip_absence = 'no_chip'", "chip = 'chip'")
    text = text.replace("'UZ'\nnumber = 'AA1234567'", "'KZ'\nnumber = 'N9'")
    with house.by(folder, OPERATOR) as operator, house.by(folder, CHECKER) as checker:
        casework.check_in(session.application, operator)
        before = folder.store.load(session.application)
        for number, owner in enumerate((RUSTAM, guest)):
            read = chip_of(kazakh, owner, visit_challenge(before))
            (place / "chip").mkdir(exist_ok=True)
            files = {"EF.SOD": read.security_object, "response": read.response or b""}
            for group, name in ((1, "EF.DG1"), (15, "EF.DG15")):
                files[name] = read.data_groups[group]
            for name, octets in files.items():
                (place / "chip" / name).write_bytes(octets)
            visit = read_visit(text.encode(), file="visit.toml", folder=place)
            if number == 0:
                with pytest.raises((TransitionRefused, EvidenceUnverified)):
                    casework.record(session.application, operator, visit)
            else:
                casework.record(session.application, operator, visit)
        casework.approve(session.application, checker)
    assert folder.store.load(session.application).level is Level.EXTENDED


# --- settings ----------------------------------------------------------------------------------


HEADS = "[profiles.x]\nresidency = 'resident'\nrepresents = 'head'"


def test_settings_are_read_as_they_are_written() -> None:
    whole = replace(
        SETTINGS, setting=Setting.DEMONSTRATION, node=3, database="postgresql://db/desk",
        issuer="people-2026", holidays=(date(2026, 12, 16),), accepted_documents=("UZ",),
        limits={"face_checks": 4}, times={"act_lasts": timedelta(minutes=5)},
        providers={"population": "registers:population", "organisations": "registers:firms"},
        profiles=ORGANISATION_PROFILES, cscas="cscas",
        faces=FaceProvider(issuer="faces", public_key="faces.pem", key_id="1"),
    )  # fmt: skip
    for settings in (SETTINGS, whole):
        assert read_desk_settings(settings.toml) == settings
    assert whole.policy(terms=TERMS).face_checks == 4
    assert whole.policy(terms=TERMS).act_lasts == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("sation = 'x'", "sation"),
        ("stations = []", "stations"),
        ("node = 0", "node"),
        ("database = 'mysql://x'", "database"),
        ("database = 'postgresql://me:secret@db/desk'", "database"),
        ("setting = 'test'", "setting"),
        ("[limits]\nface_chekcs = 3", "limits.face_chekcs"),
        ("[limits]\nface_checks = '3'", "limits.face_checks"),
        ("[limits]\nface_checks = -1", "limits.face_checks"),
        ("[times]\nact_lasts = '15 minutes'", "times.act_lasts"),
        ("[providers]\npopulation = 'import os'", "providers"),
        (f"{HEADS}\nflows = ['remote', 'renewal']", "profiles.x.flows"),
        (f"{HEADS}\nflows = ['remote']", "providers"),  # which register is asked?
        ("[providers]\nregister = 'a:b'", "providers.register"),
        ("[profiles.x]\nresidency = 'resident'\nflows = ['door']", "profiles.x.flows"),
        ("holidays = ['yesterday']", "holidays"),
    ],
)
def test_settings_are_read_strictly(line: str, field: str) -> None:
    name = line.partition(" ")[0]
    kept = [each for each in SETTINGS.toml.decode().splitlines() if not each.startswith(name)]
    head = [] if line.startswith("[") else [line]
    tail = [line] if line.startswith("[") else []
    with pytest.raises(MalformedSettings) as refused:
        read_desk_settings("\n".join([*head, *kept, *tail]).encode())
    assert refused.value.field == field
    assert "secret" not in str(refused.value)


def test_one_person_never_decides_alone(house: DeskHouse) -> None:
    file = house.path / "desk" / "desk.toml"
    file.write_text(file.read_text().replace("[limits]", "[limits]\ndeciding_people = 1"))
    with pytest.raises(MalformedSettings) as refused:
        _ = house.desk.policy
    assert refused.value.field == "deciding_people"


def test_a_desk_in_production_has_no_simulators(house: DeskHouse) -> None:
    file = house.path / "desk" / "desk.toml"
    file.write_text(file.read_text().replace("'demonstration'", "'production'"))
    with pytest.raises(MalformedSettings) as refused:
        _ = house.desk.desk
    assert refused.value.field == "providers.population"
    named = "\n[providers]\n" + "".join(
        f"{role} = 'mine:{role}'\n"
        for role in ("population", "phones", "documents", "notifier", "assertions")
    )
    file.write_text(file.read_text() + named)

    class Real:
        is_simulator = False

    class Simulated:
        is_simulator = True

    made = DeskFolder(house.path / "desk", load=lambda path: lambda folder: Real())
    assert made.desk.population.is_simulator is False
    simulated = DeskFolder(house.path / "desk", load=lambda path: lambda folder: Simulated())
    with pytest.raises(SimulatorRefused):
        _ = simulated.desk
    codes = {one.code for _, found in examine(simulated, at=NOON) for one in found}
    assert {"doctor.simulator", "doctor.limit_weak", "doctor.trust_of_tests"} <= codes


def test_keys_that_others_can_read_open_nothing(house: DeskHouse) -> None:
    for name in ("pseudonym.key", "vault.key", "issuer.password"):
        file = house.path / "desk" / name
        file.chmod(0o640)
        codes = {one.code for _, found in examine(house.desk, at=NOON) for one in found}
        assert "doctor.exposed" in codes
        with pytest.raises(KeyFileExposed):
            _ = (
                house.desk.pseudonyms
                if name == "pseudonym.key"
                else (house.desk.store if name == "vault.key" else house.desk.issuer_password)
            )
        file.chmod(0o600)


def test_a_healthy_demonstration_has_nothing_urgent(house: DeskHouse) -> None:
    found = [one for _, each in examine(house.desk, at=NOON) for one in each]
    assert [one for one in found if one.urgent] == []
    later = [one for _, each in examine(house.desk, at=NOON + 8 * DAY) for one in each]
    assert {one.code for one in later if one.urgent} == {"doctor.list_stale"}


def test_two_who_decide_together_too_often_are_named(house: DeskHouse, folder: DeskFolder) -> None:
    def decided(case: int, operator: str, checker: str, at: datetime) -> None:
        for version, (kind, who) in enumerate((("record", operator), ("decision", checker)), 4):
            name = f"case-{case}@{version}"
            folder.store.mark(Mark(kind=kind, name=who, reference=name, holder=name), at=at)

    def named() -> list[str]:
        found = dict(examine(folder, at=house.at))["pairs"]
        return [f"{one.place}: {one.detail}" for one in found if one.code == "doctor.pair_common"]

    for case in range(40):  # last month's do not count
        decided(1000 + case, "o-1", "c-1", house.at - timedelta(days=31))
    for case in range(12):  # four pairs, three cases each
        decided(case, f"o-{case % 2}", f"c-{case // 2 % 2}", house.at)
    for case in range(12, 19):
        decided(case, "o-1", "c-1", house.at)
    assert named() == []  # 19 are too few to say anything
    decided(19, "o-0", "c-1", house.at)
    assert named() == ["o-1 c-1: 10 of 20 cases of a month were between these two"]


def test_a_folder_without_a_desk_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeskNotFound):
        DeskFolder(tmp_path)


def test_a_desk_is_made_once(house: DeskHouse) -> None:
    settings = read_desk_settings((house.path / "desk" / "desk.toml").read_bytes())
    with pytest.raises(InvalidArgument):
        make_desk(house.path / "desk", settings, terms=TERMS, at=NOON)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("'passport'", "'library card'", "document.kind"),
        ("number = 'AA1234567'", "number = 'AA 123'", "document.number"),
        ("'original_seen'", "'looked nice'", "visit.inspections"),
        ("chip_absence = 'no_chip'", "", "visit.chip"),
        ("chip_absence = 'no_chip'", "chip_absence = 'no idea'", "visit.chip_absence"),
        ("born = '1985-05-05'", "born = '05.05.1985'", "document.born"),
        ("[visit]", "[visit]\nmood = 'good'", "visit.mood"),
    ],
)
def test_the_file_of_a_visit_is_read_strictly_and_never_quoted(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    place = visit_files(tmp_path / "visit")
    with pytest.raises(MalformedSettings) as refused:
        read_visit(VISIT.replace(old, new).encode(), file="visit.toml", folder=place)
    assert refused.value.field == field
    assert read_toml(VISIT.encode(), file="visit.toml").left == ("document", "visit")
    for personal in ("AA1234567", "KARIMOV", "1985"):
        assert personal not in str(refused.value)


def test_the_visit_of_the_page_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "enrolment.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    visit = read_visit(written.encode(), file="visit.toml", folder=visit_files(tmp_path / "visit"))
    assert visit == read_visit(VISIT.encode(), file="visit.toml", folder=tmp_path / "visit")
