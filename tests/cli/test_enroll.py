"""`eds enroll` and `eds centre`: from a person to a signature that passes, and the wrong turns."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from eds.audit.store import reading
from eds.certificates import Certificate
from eds.enroll.applicant import Wanted, new_token
from eds.enroll.encoding import decode
from eds.enroll.evidence.assurance import Level, Proof
from eds.enroll.filing import evidence_file
from eds.enroll.kinds import EvidenceKind
from eds.enroll.reception import digest_of
from eds.enroll.simulators import SimulatedOrganisation
from eds.enroll.statements import ACT_CONTENT_TYPE, ExistingEdsStatement, SignedAct
from eds.enroll.states import Flow
from eds.errors import SignatureNotPassed
from eds.http import Application
from eds.http.metrics import Worker
from eds.http.opening import Surroundings, new_board, open_doors
from eds.http.settings import read_http_settings
from eds.keys import KeyPurpose, open_keystore
from eds.sign.cms import CmsSigner, sign_detached
from eds_cli.enrolling import Kept, Work, read_kept
from tests.ca.authority_house import pin
from tests.cli.conftest import PASSWORD, PIN, Eds, Outcome, Token, at_terminal, openssl, spawn
from tests.enroll.desk_house import (
    ASAN,
    CHECKER,
    NUMBERS,
    OFFICERS,
    OPERATOR,
    RESIDENT,
    STATION,
    TERMS,
    DeskHouse,
)
from tests.enroll.test_folder import VISIT, visit_files
from tests.http.asgi import answer

WRONG = "999999"


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    now = datetime.now(UTC).replace(microsecond=0)
    return DeskHouse(tmp_path_factory.mktemp("cli-desk"), at=now).build().path


@pytest.fixture
def house(_built: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> DeskHouse:
    """A desk in `desk` with its officials in `officials`; the number of a resident in `number`."""
    for place in _built.iterdir():
        shutil.copytree(place, home / place.name)
    monkeypatch.setenv("EDS_DESK", "desk")
    monkeypatch.delenv("EDS_ENROLMENT", raising=False)
    (home / "number").write_text(f"{RESIDENT}\n")
    (home / "passport").write_text("AA1234567\n")
    return DeskHouse(home, at=datetime.now(UTC))


Run = Callable[..., Outcome]


@pytest.fixture
def citizen(house: DeskHouse, eds: Eds) -> Run:
    """`eds enroll …`, which must end well unless another status is wanted."""

    def run(*words: str | Path, status: int = 0, secret: bool = False) -> Outcome:
        outcome = eds("enroll", *words, password=PASSWORD if secret else None)
        assert outcome.status == status, (words, outcome.err, outcome.out)
        return outcome

    return run


@pytest.fixture
def official(house: DeskHouse, eds: Eds) -> Run:
    """`eds centre …` by the official of that name."""

    def run(who: str, *words: str | Path, status: int = 0) -> Outcome:
        by = ("--store", "officials", "--key", who)
        outcome = eds("centre", *words, *by, password=PASSWORD)
        assert outcome.status == status, (words, outcome.err, outcome.out)
        return outcome

    return run


def sent(eds: Eds, word: str, file: str) -> str:
    """The newest message that would have been sent, its code or half of a secret in a file."""
    rows = eds("centre", "simulate", "messages", "--json").json
    found = next(row["words"][word] for row in reversed(rows) if word in row["words"])
    Path(file).write_text(f"{found}\n")
    return str(found)


def face(citizen: Run, eds: Eds, score: int, *, name: str = "", status: int = 0) -> Outcome:
    file = name or f"face-{score}-{len(list(Path().glob('face-*')))}"
    if not name:
        assert eds("centre", "simulate", "face", "--score", str(score), "--out", file).status == 0
    return citizen("prove", "--face", file, status=status)


def applied(citizen: Run, eds: Eds) -> str:
    """An application from home that wants a face."""
    name = citizen("start", "--number", "number", "--agree", "--json").json["application"]
    sent(eds, "code", "code")
    citizen("prove", "--code", "code")
    assert citizen("prove", "--photo", "--json").json["step"] == "face"
    return str(name)


def certified(citizen: Run, *, secret: str | None = None) -> None:
    """From `cleared` to a certificate in use."""
    citizen("key", *(("--halves", secret) if secret else ()), secret=True)
    citizen("confirm", "--yes", secret=True)
    citizen("activate", "--passphrase-out", "passphrase", "--out", "mine.pem", secret=True)


def verified(eds: Eds, house: DeskHouse, file: str = "letter.txt") -> Outcome:
    lists = [word for one in house.lists() for word in ("--evidence", one)]
    return eds("verify", f"{file}.p7s", "--content", file, "--trust", "trust", *lists, "--json")


def key_label() -> str:
    return str(json.loads(Path("data/eds/enrolment/application.json").read_text())["key"])


# --- from home -----------------------------------------------------------------------------------


def test_a_resident_signs_with_what_was_given_from_home(
    citizen: Run, eds: Eds, house: DeskHouse
) -> None:
    applied(citizen, eds)
    assert face(citizen, eds, 950, status=0).status == 0
    certified(citizen)
    file = Path("data/eds/enrolment/application.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert RESIDENT not in file.read_text()
    assert Path("passphrase").stat().st_mode & 0o777 == 0o600
    Path("letter.txt").write_text("Мен келісемін")
    assert eds("sign", "letter.txt", "--yes", password=PASSWORD).status == 0
    report = verified(eds, house)
    assert (report.status, report.json[0]["report"]["indication"]) == (0, "TOTAL_PASSED")
    out = eds(
        "key", "export", key_label(), "--format", "pkcs12", "--out", "mine.p12",
        password=PASSWORD, new=PASSWORD,
    )  # fmt: skip
    assert out.status == 0, out.err
    assert "PNOKZ" in openssl("x509", "-in", "mine.pem", "-noout", "-subject")
    said = openssl("pkcs12", "-in", "mine.p12", "-passin", f"pass:{PASSWORD}", "-nokeys")
    assert said.count("BEGIN CERTIFICATE") == 3
    # Neither the log nor the public face of the desk has a personal number.
    with reading(house.desk.database_url) as log:
        told = b"".join(getattr(item, "encoded", b"") for item in log.items())
    assert b"enroll.application.activate" in told
    assert RESIDENT.encode() not in told


def test_after_renewal_by_key_and_code_the_passphrase_revokes(
    citizen: Run, eds: Eds, house: DeskHouse
) -> None:
    applied(citizen, eds)
    face(citizen, eds, 950)
    certified(citizen)
    old = Path("mine.pem").read_text()
    Path("mine.pem").unlink()
    Path("passphrase").rename("first-passphrase")
    assert citizen("renew", "--agree", "--json").json["step"] == "living_key"
    sent(eds, "code", "code")
    assert citizen("prove", "--code", "code", "--json", secret=True).json["step"] == "key"
    certified(citizen)
    assert Path("mine.pem").read_text() != old
    Path("letter.txt").write_text("by the second key")
    assert eds("sign", "letter.txt", "--yes", "--key", key_label(), password=PASSWORD).status == 0
    assert verified(eds, house).status == 0
    # The passphrase of the first certificate says nothing of the second.
    wrong = citizen("revoke", "--yes", "--passphrase", "first-passphrase", status=5)
    assert (wrong.code, "not_accepted" in wrong.err) == ("enroll.refused", True)
    done = citizen(
        "revoke", "--yes", "--passphrase", "passphrase", "--reason", "key-compromise", "--json"
    )
    assert done.json["state"] == "revoked"
    standing = citizen("status", "--json").json
    status = standing["certificate_status"]
    assert (status["state"], status["reason"]) == ("revoked", "key_compromise")
    assert (standing["state"], standing["step"]) == ("active", "ended")
    serial = openssl("x509", "-in", "mine.pem", "-noout", "-serial").strip().partition("=")[2]
    assert status["serial_number"] == serial.lower()
    told = eds("--language", "ru", "enroll", "status").out
    for words in (
        "Сертификат отозван.", "отозван с 20", "ключ утрачен или может быть известен другим",
        "Начните новое заявление", serial.lower(), standing["certificate"],
    ):  # fmt: skip
        assert words in told
    replace(house, at=datetime.now(UTC)).publish()
    assert verified(eds, house).json[0]["report"]["indication"] != "TOTAL_PASSED"


def test_five_faces_that_do_not_match_lead_to_the_centre(
    citizen: Run, official: Run, eds: Eds, house: DeskHouse
) -> None:
    name = applied(citizen, eds)
    for _ in range(5):
        refused = face(citizen, eds, 300, status=5)
        assert (refused.code, "not_accepted" in refused.err) == ("enroll.refused", True)
    assert citizen("status", "--json").json["state"] == "routed_to_centre"
    sixth = citizen("prove", "--photo", status=5)
    assert sixth.code == "enroll.wrong_state"
    official(OPERATOR, "check-in", name)
    place = visit_files(Path("visit"))
    text = VISIT.replace("'UZ'\nnumber = 'AA1234567'", "'KZ'\nnumber = 'N00000017'")
    named = r"(?m)^(surname|given_name|born|nationality|expires|permission_until) .*\n"
    resident = re.sub(named, "", text).replace(
        "'N00000017'", f"'N00000017'\npersonal_number = '{RESIDENT}'"
    )
    (place / "visit.toml").write_text(resident)
    official(OPERATOR, "record", name, place / "visit.toml")
    official(CHECKER, "approve", name, "--half-out", "half")
    Path("secret").write_text(Path("half").read_text().strip() + "-" + sent(eds, "half", "h"))
    wrong = Path("wrong")
    wrong.write_text("AAAAAAAA-AAAAAAAA\n")
    refused = citizen("key", "--halves", wrong, secret=True, status=5)
    assert refused.code == "enroll.refused"
    certified(citizen, secret="secret")
    assert citizen("status", "--json").json["state"] == "active"


def test_what_looks_risky_is_decided_by_two_people(citizen: Run, official: Run, eds: Eds) -> None:
    name = applied(citizen, eds)
    for _ in range(3):
        face(citizen, eds, 300, status=5)
    face(citizen, eds, 950)
    assert citizen("status", "--json").json["turn"] == "officials"
    official(OPERATOR, "record", name)
    alone = official(OPERATOR, "approve", name, status=5)
    assert alone.err == "eds: refused: role_missing, same_person [enroll.refused]\n"
    assert official(CHECKER, "approve", name, "--json").json["printed_half"] is None
    assert citizen("status", "--json").json["step"] == "key"
    # People are told in their own language.
    spoken = eds("--language", "kk", "enroll", "status").out
    assert "сіздің өтінішіңіз" in spoken
    assert "келесі қадам" in spoken


def test_an_assertion_counts_once(citizen: Run, eds: Eds) -> None:
    applied(citizen, eds)
    face(citizen, eds, 300, status=5)
    again = face(citizen, eds, 300, name="face-300-0", status=5)
    assert again.code == "enroll.evidence_used"


def test_three_wrong_codes_lock_the_application(citizen: Run, eds: Eds) -> None:
    citizen("start", "--number", "number", "--agree")
    right = sent(eds, "code", "code")
    Path("code").write_text(WRONG if right != WRONG else "000000")
    for _ in range(3):
        assert citizen("prove", "--code", "code", status=5).code == "enroll.refused"
    assert citizen("status", "--json").json["state"] == "locked"
    assert citizen("prove", "--code", "code", status=5).code == "enroll.wrong_state"


def test_somebody_unknown_is_refused_without_being_told_why(citizen: Run) -> None:
    Path("number").write_text("900101300025\n")
    outcome = citizen("start", "--number", "number", "--agree", "--json")
    assert (outcome.json["state"], outcome.json["step"]) == ("rejected", "ended")
    assert outcome.json["reason"] == "not_accepted"
    assert "person_unknown" not in outcome.out + outcome.err
    told = citizen("status").out
    assert "What was given was not accepted." in told
    assert "register" not in told


WHY: Final = {
    "en": "The mandate of the head of the organisation is missing.",
    "kk": "Ұйым басшысының сенімхаты жоқ.",
    "ru": "Нет доверенности руководителя организации.",
    "tg": "Ваколатномаи роҳбари ташкилот нест.",
}


def test_an_applicant_is_told_why_in_each_language(
    citizen: Run, eds: Eds, house: DeskHouse
) -> None:
    firm = SimulatedOrganisation(number="990140000017", name="ТОО «Пример»", head=NUMBERS[OPERATOR])
    house.desk.demonstration.add_organisation(firm)
    started = citizen(
        "start", "--number", "number", "--agree", "--profile", "legal-entity-employee",
        "--organisation", firm.number, "--json",
    )  # fmt: skip
    assert (started.json["state"], started.json["reason"]) == ("rejected", "mandate_missing")
    for language, words in WHY.items():
        assert words in " ".join(eds("--language", language, "enroll", "status").out.split())


def test_a_time_that_is_over_ends_it(citizen: Run, house: DeskHouse) -> None:
    then = datetime.now(UTC) - timedelta(days=4)
    folder = house.desk
    token, message = new_token(), "7" * 32
    old = folder.reception(now=lambda: then, issue=None)
    standing = old.open(
        Wanted(flow=Flow.REMOTE, message=message, profile="natural-person-signature",
               personal_number=RESIDENT),
        token=token, terms=digest_of(TERMS),
    )  # fmt: skip
    Kept(
        folder=Path("data/eds/enrolment"), desk=str(house.path / "desk"), flow="remote",
        profile="natural-person-signature", message=message, token=token.hex(),
        application=standing.application,
    ).write()  # fmt: skip
    Path("code").write_text(WRONG)
    refused = citizen("prove", "--code", "code", status=5)
    assert (refused.code, "expired" in refused.err) == ("enroll.wrong_state", True)
    assert citizen("status", "--json").json["state"] == "expired"
    # It is over: another one may begin.
    assert citizen("start", "--number", "number", "--agree", "--json").json["step"] == "code"


def test_a_start_that_was_cut_off_is_one_application(citizen: Run) -> None:
    first = citizen("start", "--number", "number", "--agree", "--json").json["application"]
    file = Path("data/eds/enrolment/application.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"application": ""}))
    again = citizen("start", "--number", "number", "--agree", "--json").json["application"]
    assert again == first
    assert citizen("start", "--number", "number", "--agree", status=5).code == (
        "enroll.application_open"
    )


@pytest.mark.parametrize(
    "kept",
    [b"", b"{}", b"[" * 200_000, b'{"desk": 1}', b'{"desk": "desk", "number": "1"}', b"\xff"],
)
def test_what_is_kept_is_read_as_it_was_written_or_refused(citizen: Run, kept: bytes) -> None:
    place = Path("data/eds/enrolment")
    place.mkdir(parents=True)
    file = place / "application.json"
    file.write_bytes(kept)
    file.chmod(0o644)
    assert citizen("status", status=5).code == "keys.exposed"
    file.chmod(0o600)
    assert citizen("status", status=6).code == "ca.malformed_settings"


def test_a_stolen_session_renews_nothing(citizen: Run, eds: Eds) -> None:
    applied(citizen, eds)
    face(citizen, eds, 950)
    certified(citizen)
    citizen("renew", "--agree")
    sent(eds, "code", "code")
    # The thief has what is kept on the machine, and reads the message; the key is another's.
    made = eds("key", "generate", "thief", "--store", "thief", password=PASSWORD)
    assert made.status == 0
    file = Path("data/eds/enrolment/application.json")
    kept = json.loads(file.read_text())
    stolen = kept | {"old_store": str(Path("thief").absolute()), "old_key": "thief"}
    file.write_text(json.dumps(stolen))
    refused = citizen("prove", "--code", "code", secret=True, status=5)
    assert refused.err == "eds: refused: key_not_living [enroll.refused]\n"
    # And the session of another application is none here.
    file.write_text(json.dumps(kept | {"token": new_token().hex()}))
    for words in (("status",), ("prove", "--send-code"), ("cancel", "--yes")):
        assert citizen(*words, status=5).code == "enroll.refused"


def asked_for_evidence(citizen: Run, eds: Eds, *more: str) -> str:
    """Another application from home that wants evidence."""
    started = citizen("start", "--number", "number", "--agree", "--json", *more).json
    sent(eds, "code", "code")
    assert citizen("prove", "--code", "code", "--json").json["step"] == "evidence"
    return str(started["application"])


def by_eds(citizen: Run, *more: str, status: int = 0) -> Outcome:
    return citizen("prove", "--eds", *more, "--json", secret=True, status=status)


def test_another_eds_of_the_person_is_evidence_until_it_is_held(
    citizen: Run, eds: Eds, house: DeskHouse
) -> None:
    assert citizen("start", "--number", "number", "--agree", "--json").json["step"] == "code"
    early = by_eds(citizen, "--store", "officials", "--key", OPERATOR, status=5)
    assert early.code == "enroll.wrong_state"
    sent(eds, "code", "code")
    citizen("prove", "--code", "code")
    citizen("prove", "--photo")
    face(citizen, eds, 950)
    certified(citizen)
    mine, certificate = key_label(), Path("mine.pem")
    certificate.rename("first.pem")
    Path("passphrase").rename("first-passphrase")
    name = asked_for_evidence(citizen, eds, "--profile", "natural-person-authentication")
    other = by_eds(citizen, "--store", "officials", "--key", OPERATOR, status=5)
    assert other.err == "eds: refused: not_accepted [enroll.refused]\n"
    assert citizen("status", "--json").json["tries_left"] == 2
    assert by_eds(citizen, "--key", mine).json["step"] == "face"
    face(citizen, eds, 950)
    certified(citizen)
    store = house.desk.store
    case = store.load(name)
    assert (case.level, Proof.EDS_BASELINE in case.proofs) == (Level.BASELINE, True)
    (item,) = (each for each in case.evidence if each.kind is EvidenceKind.EXISTING_EDS)
    kept = decode(SignedAct, store.file(name, evidence_file(item.kind, item.digest)) or b"")
    # A key that logs its holder in signs no statement, here or there.
    for_login = key_label()
    name = asked_for_evidence(citizen, eds)
    assert by_eds(citizen, "--key", for_login, status=5).code == "keys.purpose_forbidden"
    desk, work = house.reception(house.desk), Work(kept=read_kept("data/eds/enrolment"))
    said = ExistingEdsStatement(application=name, challenge=desk.standing(work.session).challenge)
    key = open_keystore("data/eds/keys").find(for_login)
    with open_keystore("data/eds/keys").open(
        key, purpose=KeyPurpose.AUTHENTICATION, pin=pin
    ) as signer:
        cms = CmsSigner(
            signer, certificates=key.certificates, at=datetime.now(UTC),
            purpose=KeyPurpose.AUTHENTICATION,
        )  # fmt: skip
        login = sign_detached(said.encoded, by=cms, content_type=ACT_CONTENT_TYPE)
    # Nor does what was signed for the application before.
    for signature, why in (
        (login, "CHAIN_CONSTRAINTS_FAILURE"), (kept.signature, "HASH_FAILURE"),
    ):  # fmt: skip
        with pytest.raises(SignatureNotPassed) as found:
            desk.offer_eds(work.session, signature)
        assert found.value.sub_indication == why
    # The register knows of a hold before any list does; then the lists know it too.
    end = ("--certificate", "first.pem", "--passphrase", "first-passphrase", "--yes")
    for act in ("hold", "revoke"):
        citizen(act, *end)
        refused = by_eds(citizen, "--key", mine, status=5)
        assert refused.err == "eds: refused: key_not_living [enroll.refused]\n"
    replace(house, at=datetime.now(UTC)).publish()
    assert by_eds(citizen, "--key", mine, status=6).code == "verify.not_passed"
    assert citizen("status", "--json").json["step"] == "evidence"


def test_a_head_has_an_employee_certified_for_the_organisation(
    citizen: Run, eds: Eds, house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm, other = "990140000017", "910202300025"
    worker = replace(
        ASAN, personal_number=other, surname="ЕРМЕКОВ", phone="+99900000009",
        document_number="N00000029",
    )  # fmt: skip
    house.desk.demonstration.add(worker)
    Path("worker").write_text(f"{other}\n")
    known = ("centre", "simulate", "organisation", firm, "--name", "ТОО «Пример»", "--head")
    assert eds(*known, "number").status == 0
    # The head by the register: their certificate says so.
    started = citizen(
        "start", "--number", "number", "--agree", "--profile", "legal-entity-head",
        "--organisation", firm, "--json",
    )  # fmt: skip
    assert started.json["step"] == "code"
    sent(eds, "code", "code")
    citizen("prove", "--code", "code")
    citizen("prove", "--photo")
    face(citizen, eds, 950)
    certified(citizen)
    subject = openssl("x509", "-in", "mine.pem", "-noout", "-subject", "-nameopt", "utf8")
    for words in ("ТОО «Пример»", f"NTRKZ-{firm}", "Head", "АХМЕТОВ"):
        assert words in subject
    for file in ("mine.pem", "passphrase"):
        Path(file).unlink()
    # And somebody else by what the head signs with it.
    made = eds(
        "enroll", "mandate", "--organisation", firm, "--person", "worker", "--profile",
        "legal-entity-employee", "--out", "mandate", "--json", password=PASSWORD,
    )  # fmt: skip
    assert (made.status, made.json["organisation"]) == (0, firm), made.err
    assert Path("mandate").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("EDS_ENROLMENT", "of-the-worker")
    monkeypatch.setenv("EDS_STORE", "keys-of-the-worker")
    start = (
        "start", "--number", "worker", "--agree", "--profile", "legal-entity-employee",
        "--organisation", firm, "--json",
    )  # fmt: skip
    assert citizen(*start).json["state"] == "rejected"  # without a mandate
    assert citizen(*start, "--mandate", "mandate").json["step"] == "code"
    sent(eds, "code", "code")
    citizen("prove", "--code", "code")
    citizen("prove", "--photo")
    face(citizen, eds, 950)
    certified(citizen)
    subject = openssl("x509", "-in", "mine.pem", "-noout", "-subject", "-nameopt", "utf8")
    assert "ЕРМЕКОВ" in subject
    assert f"NTRKZ-{firm}" in subject
    again = citizen(*start, "--mandate", "mandate").json
    assert house.desk.store.load(again["application"]).reason == "mandate_used"
    for more in (("--organisation", firm), ("--profile", "legal-entity-employee")):
        plain = citizen("start", "--number", "worker", "--agree", *more, status=5)
        assert plain.code == "eds.invalid_argument"
    Path("mandate").write_text("{}")
    broken = citizen(*start, "--mandate", "mandate", status=6)
    assert broken.code == "enroll.malformed_statement"


# --- at the centre -------------------------------------------------------------------------------


def test_a_non_resident_signs_with_a_token_made_at_the_centre(
    official: Run, eds: Eds, house: DeskHouse, token: Token
) -> None:
    kept = ("--application", "handed-over")
    opened = eds(
        "centre", "open", "--country", "UZ", "--number", "passport", "--agree", *kept, "--json"
    )
    assert opened.status == 0, opened.err
    name = opened.json["application"]
    listed = eds("centre", "list", "--json").json
    assert [row["next_command"] for row in listed] == ["eds centre check-in"]
    official(OPERATOR, "check-in", name)
    place = visit_files(Path("visit"))
    official(OPERATOR, "record", name, place / "visit.toml")
    seen = official(CHECKER, "show", name, "--json").json
    assert (seen["person"]["surname"], seen["state"]) == ("KARIMOV", "maker_recorded")
    official(CHECKER, "show", name, "--files", "scans")
    assert Path("scans").stat().st_mode & 0o777 == 0o700
    for kind, file in (("live_capture", "face.jpg"), ("translation", "translation.pdf")):
        assert Path("scans", kind).read_bytes() == Path("visit", file).read_bytes()
    assert (
        "not_an_official" in official("stranger", "show", name, "--files", "others", status=5).err
    )
    assert not Path("others").exists()
    approved = official(CHECKER, "approve", name, "--json").json
    half = approved["printed_half"] + sent(eds, "half", "half")
    Path("secret").write_text(half.lower())
    shutil.copytree("visit", "again")
    env = {**token.env, "PIN": PIN}
    pin = ("--pin-env", "PIN")
    for words in (
        ("key", "--label", "guest", "--store", token.uri, "--halves", "secret", *kept, *pin),
        ("confirm", "--yes", *kept, *pin),
        ("activate", "--passphrase-out", "passphrase", *kept, *pin),
    ):
        done = spawn("enroll", *words, env=env)
        assert done.status == 0, (words, done.err)
    Path("letter.txt").write_text("Men roziman")
    signed = spawn(
        "sign", "letter.txt", "--store", token.uri, "--key", "guest", "--yes", *pin, env=env
    )
    assert signed.status == 0, signed.err
    report = verified(eds, house)
    assert (report.status, report.json[0]["report"]["indication"]) == (0, "TOTAL_PASSED")


def at_the_centre(citizen: Run) -> str:
    words = ("start", "--centre", "UZ", "--number", "passport", "--agree", "--json")
    return str(citizen(*words).json["application"])


def test_nobody_decides_alone_and_nobody_takes_over(citizen: Run, official: Run, eds: Eds) -> None:
    name = at_the_centre(citizen)
    for who in (CHECKER, OFFICERS[0]):
        assert "role_missing" in official(who, "check-in", name, status=5).err
    assert "not_an_official" in official("stranger", "check-in", name, status=5).err
    official(OPERATOR, "check-in", name)
    place = visit_files(Path("visit"))
    official(OPERATOR, "record", name, place / "visit.toml")
    assert "same_person" in official(OPERATOR, "approve", name, status=5).err
    official(CHECKER, "return", name, "--reason", "the picture is dark")
    assert citizen("status", "--json").json["step"] == "visit"
    assert "the picture is dark" in citizen("status").out
    official(OPERATOR, "check-in", name)
    assert "the picture is dark" not in citizen("status").out
    # The same picture once more is a picture of then.
    again = official(OPERATOR, "record", name, place / "visit.toml", status=5)
    assert again.code == "enroll.evidence_used"
    official(OPERATOR, "reject", name, "--reason", "no new picture")
    rejected = citizen("status", "--json").json
    assert (rejected["state"], rejected["reason"]) == ("rejected", "no new picture")


def test_two_officials_hold_and_release_a_certificate(
    citizen: Run, official: Run, eds: Eds
) -> None:
    applied(citizen, eds)
    face(citizen, eds, 950)
    certified(citizen)
    before = citizen("status", "--json").json
    which = before["certificate"]
    assert (before["certificate_status"]["state"], before["step"]) == ("valid", "done")
    official(OPERATOR, "hold", which, "--reason", "reported by telephone", "--out", "hold.json")
    alone = official(OPERATOR, "hold", "--proposal", "hold.json", status=5)
    assert "same_person" in alone.err
    done = official(CHECKER, "hold", "--proposal", "hold.json", "--json")
    assert done.json["state"] == "on_hold"
    held = citizen("status", "--json").json
    assert (held["certificate_status"]["state"], held["step"]) == ("held", "release")
    spoken = eds("--language", "kk", "enroll", "status").out
    assert "Сертификат тоқтатыла тұр" in spoken
    assert "қайта іске қосу үшін" in spoken
    shown = eds("centre", "show", held["application"], "--json").json
    assert shown["certificate_status"] == held["certificate_status"]
    again = official(CHECKER, "hold", "--proposal", "hold.json", status=5)
    assert again.code in ("enroll.evidence_used", "ca.status_change_refused")
    official(OPERATOR, "release", which, "--reason", "found", "--out", "release.json")
    changed = Path("release.json").read_text().replace('"release"', '"revocation"')
    Path("changed.json").write_text(changed)
    swapped = official(CHECKER, "revoke", "--proposal", "changed.json", status=5)
    assert "act_for_another" in swapped.err
    official(CHECKER, "release", "--proposal", "release.json")
    assert citizen("status", "--json").json["step"] == "done"
    assert citizen("hold", "--yes", "--json", secret=True).json["state"] == "held"


def test_officials_come_and_go_by_the_hands_of_others(official: Run, eds: Eds) -> None:
    who = {row["roles"][0] for row in eds("centre", "officials", "list", "--json").json}
    assert who == {"operator", "checker", "security_officer"}
    Path("person").write_text(NUMBERS["stranger"])
    appoint = ("officials", "appoint", "--person", "person", "--role", "operator",
               "--station", STATION, "--out", "proposal.json")  # fmt: skip
    official(OFFICERS[0], *appoint)
    same = official(OFFICERS[0], "officials", "appoint", "--proposal", "proposal.json", status=5)
    assert "same_person" in same.err
    official(OFFICERS[1], "officials", "appoint", "--proposal", "proposal.json")
    assert len(eds("centre", "officials", "list", "--json").json) == 5
    assert (
        "role_missing"
        in official(CHECKER, "officials", "remove", "--person", "person", status=5).err
    )
    official(OFFICERS[1], "officials", "remove", "--person", "person")
    assert len(eds("centre", "officials", "list", "--json").json) == 4
    assert NUMBERS["stranger"] not in Path("proposal.json").read_text()


# --- a desk at an address ------------------------------------------------------------------------


class Served(ThreadingHTTPServer):
    """A desk's own ASGI application on this machine. `lose` answers get lost on the way."""

    application: Application
    lose = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passing(BaseHTTPRequestHandler):
    server: Served

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        names = ("authorization", "idempotency-key", "content-type")
        headers = {
            name.replace("-", "_"): str(self.headers[name]) for name in names if self.headers[name]
        }
        said = answer(self.server.application, self.command, self.path, pieces=[body], **headers)
        if self.command == "POST" and self.server.lose:
            self.server.lose -= 1
            self.close_connection = True
            return
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said.body)

    do_GET = do_POST = _pass  # noqa: N815 - as the standard library calls them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def served(house: DeskHouse) -> Iterator[Served]:
    board = new_board(workers=1)
    around = Surroundings(
        base=house.path, pin=pin, hand=Worker(board), board=board,
        clock=lambda: datetime.now(UTC),
    )  # fmt: skip
    settings = read_http_settings(b'version = 1\n[desk]\nfolder = "desk"\n', file="serve.toml")
    with (
        open_doors(settings, around) as application,
        Served(("127.0.0.1", 0), Passing) as server,
    ):
        server.application = application
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_desk_at_an_address_is_the_same_to_its_applicants(
    citizen: Run, eds: Eds, house: DeskHouse, served: Served
) -> None:
    served.lose = 1  # the first answer never arrives: the same message asks again
    started = citizen("start", "--desk", served.address, "--number", "number", "--agree", "--json")
    assert started.json["step"] == "code"
    Path("code").write_text(WRONG)
    refused = citizen("prove", "--code", "code", status=5)
    assert (refused.code, "not_accepted" in refused.err) == ("enroll.refused", True)
    assert citizen("status", "--json").json["tries_left"] == 2
    sent(eds, "code", "code")
    citizen("prove", "--code", "code")
    assert citizen("prove", "--photo", "--json").json["step"] == "face"
    folder = house.desk
    name = started.json["application"]
    before = folder.store.load(name)
    token = folder.demonstration.state.faces.assertion(
        identifier="once", application=name, challenge=before.challenge, score=950,
        at=datetime.now(UTC).replace(microsecond=0),
    )  # fmt: skip
    Path("face").write_bytes(token)
    citizen("prove", "--face", "face")
    certified(citizen)
    Path("letter.txt").write_text("signed with what came over the network")
    assert eds("sign", "letter.txt", "--yes", password=PASSWORD).status == 0
    assert verified(eds, house).status == 0
    done = citizen("revoke", "--yes", "--passphrase", "passphrase", "--json")
    assert done.json["state"] == "revoked"
    assert citizen("prove", "--photo", status=5).code == "enroll.desk_refused"
    assert len(folder.store.everything()) == 1


def test_another_eds_is_evidence_at_an_address_too(
    citizen: Run, official: Run, eds: Eds, house: DeskHouse, served: Served
) -> None:
    applied(citizen, eds)
    face(citizen, eds, 950)
    certified(citizen)
    mine = key_label()
    asked_for_evidence(citizen, eds, "--desk", served.address)
    other = by_eds(citizen, "--store", "officials", "--key", OPERATOR, status=5)
    assert other.err == "eds: refused: not_accepted [enroll.refused]\n"
    end = ("--certificate", "mine.pem", "--passphrase", "passphrase", "--yes")
    citizen("hold", *end, "--desk", "desk")
    assert "key_not_living" in by_eds(citizen, "--key", mine, status=5).err
    replace(house, at=datetime.now(UTC)).publish()
    refused = by_eds(citizen, "--key", mine, status=5)
    assert (refused.code, "verify.not_passed" in refused.err) == ("enroll.desk_refused", True)
    which = Certificate.load_all(Path("mine.pem").read_bytes())[0].fingerprint.hex()
    official(OPERATOR, "release", which, "--reason", "found", "--out", "release.json")
    official(CHECKER, "release", "--proposal", "release.json")
    replace(house, at=datetime.now(UTC)).publish()
    assert by_eds(citizen, "--key", mine).json["step"] == "face"


def test_officials_work_at_an_address_as_in_a_folder(
    citizen: Run, official: Run, eds: Eds, house: DeskHouse, served: Served
) -> None:
    there = ("--desk", served.address)
    opened = eds(
        "centre", "open", "--country", "UZ", "--number", "passport", "--agree", "--application",
        "handed-over", *there, "--json",
    )  # fmt: skip
    assert opened.status == 0, opened.err
    name = opened.json["application"]
    (waits,) = official(OPERATOR, "list", *there, "--json").json
    assert (waits["application"], waits["next_command"]) == (name, "eds centre check-in")
    # What stands in the list is what the folder says, too.
    assert waits == eds("centre", "list", "--json").json[0]
    official(OPERATOR, "check-in", name, *there)
    unwritten = official(OPERATOR, "record", name, *there, status=2)
    assert "the visit is written down" in unwritten.err
    place = visit_files(Path("visit"))
    done = official(OPERATOR, "record", name, place / "visit.toml", *there)
    assert done.out.startswith(f"{name} is maker recorded\n")
    seen = official(CHECKER, "show", name, "--files", "scans", *there, "--json").json
    assert (seen["person"]["surname"], seen["state"]) == ("KARIMOV", "maker_recorded")
    assert Path("scans/live_capture").read_bytes() == (place / "face.jpg").read_bytes()
    assert (
        seen["chip_challenge"] == official(CHECKER, "show", name, "--json").json["chip_challenge"]
    )
    alone = official(OPERATOR, "approve", name, *there, status=5)
    assert alone.err == "eds: refused: role_missing, same_person [enroll.refused]\n"
    half = official(CHECKER, "approve", name, *there, "--json").json["printed_half"]
    again = official(OPERATOR, "new-secret", name, "--half-out", "half", *there, "--json").json
    assert (len(half), again["half_out"]) == (8, "half")
    # Run once more after an answer got lost: there is nothing left to print.
    late = official(CHECKER, "approve", name, *there, status=5)
    assert late.code == "enroll.desk_refused"
    Path("secret").write_text(Path("half").read_text().strip() + "-" + sent(eds, "half", "h"))
    kept = ("--application", "handed-over")
    citizen("key", "--halves", "secret", *kept, secret=True)
    citizen("confirm", "--yes", *kept, secret=True)
    citizen("activate", "--passphrase-out", "passphrase", *kept, secret=True)
    which = citizen("status", *kept, "--json").json["certificate"]
    hold = ("hold", which, "--reason", "reported", "--out", "hold.json", *there)
    assert official(OPERATOR, *hold[:1], which[:20], *hold[2:], status=2).status == 2
    official(OPERATOR, *hold)
    assert official(CHECKER, "hold", "--proposal", "hold.json", *there, "--json").json["state"] == (
        "on_hold"
    )
    assert citizen("status", *kept, "--json").json["certificate_status"]["state"] == "held"


def test_officers_work_at_an_address_as_in_a_folder(
    official: Run, eds: Eds, house: DeskHouse, served: Served
) -> None:
    there = ("--desk", served.address)
    Path("person").write_text(NUMBERS["stranger"])
    official(
        OFFICERS[0], "officials", "appoint", "--person", "person", "--role", "operator",
        "--station", STATION, "--out", "proposal.json", *there,
    )  # fmt: skip
    official(OFFICERS[1], "officials", "appoint", "--proposal", "proposal.json", *there)
    people = eds("centre", "officials", "list", "--json").json
    assert len(people) == 5
    assert official("stranger", "list", *there, "--json").json == []
    official(OFFICERS[1], "officials", "remove", "--person", "person", *there)
    assert "not_an_official" in official("stranger", "list", *there, status=5).err
    checker = next(row["person"] for row in people if row["roles"] == ["checker"])
    official(OFFICERS[0], "officials", "remove", checker, *there)
    assert "not_an_official" in official(CHECKER, "list", *there, status=5).err


def test_what_wants_the_folder_of_a_desk_is_said_to_want_it(eds: Eds, house: DeskHouse) -> None:
    there = ("--desk", "https://desk.example.kz")
    for words in (
        ("list", "--all"), ("officials", "list"), ("run",), ("upgrade",), ("doctor",),
        ("found", "--key", "a", "--key", "b"), ("simulate", "messages"),
    ):  # fmt: skip
        refused = eds("centre", *words, *there)
        assert (refused.status, refused.code) == (5, "enroll.not_offered"), words
        assert f"eds centre {words[0]}" in refused.err


def test_a_queue_of_more_than_a_page_is_listed_whole_at_an_address(
    official: Run, house: DeskHouse, served: Served
) -> None:
    folder, start = house.desk, datetime.now(UTC)
    wanted = {}

    def came(number: int, at: datetime) -> None:
        opened = replace(house.reception(folder), now=lambda: at).open(
            Wanted(
                flow=Flow.CENTRE, message=f"{number:032}", profile="non-resident-signature",
                document=("UZ", f"AA{number:07}"), station=STATION,
            ),
            token=new_token(), terms=digest_of(TERMS),
        )  # fmt: skip
        wanted[opened.application] = opened.deadline

    for number in range(103):  # two pages and a bit; those of one deadline are on two of them
        came(number, start + timedelta(microseconds=7 if number < 70 else 8))
    listed = official(OPERATOR, "list", "--desk", served.address, "--json").json
    names = [each["application"] for each in listed]
    assert names == sorted(wanted, key=lambda name: (wanted[name], name))


def test_an_address_that_is_no_desk_is_said_to_be_none(citizen: Run, served: Served) -> None:
    start = ("start", "--number", "number", "--agree", "--desk")
    for address, status, code in (
        ("http://desk.example.kz", 5, "eds.invalid_argument"),
        ("ftp://127.0.0.1", 5, "eds.invalid_argument"),
        ("http://127.0.0.1:1", 7, "enroll.provider_unavailable"),
        (f"{served.address}/elsewhere", 5, "enroll.desk_refused"),
    ):
        assert citizen(*start, address, status=status).code == code


# --- the desk itself -----------------------------------------------------------------------------


def test_a_desk_is_made_and_founded_and_not_founded_twice(eds: Eds, house: DeskHouse) -> None:
    Path("terms.txt").write_text("Terms\n")
    made = eds(
        "centre", "init", "second", "--name", "almaty", "--authority", "example", "--issuer",
        "people-2026", "--audience", "desk2.example.kz", "--station", "almaty-1", "--terms",
        "terms.txt", "--trust", "trust", "--database", "desk.db", "--node", "2",
        "--demonstration", "--country", "KZ", "--json",
    )  # fmt: skip
    assert made.status == 0, made.err
    # The database of the authority has a desk, whose keys tell its people: no other fits.
    other = eds(
        "centre", "init", "third", "--name", "other", "--authority", "example", "--audience", "x",
        "--station", "x", "--terms", "terms.txt", "--trust", "trust",
    )  # fmt: skip
    assert (other.status, other.code) == (5, "eds.invalid_argument")
    assert not Path("third/desk.toml").exists()
    for place in Path("desk/evidence").iterdir():
        copy = shutil.copytree if place.is_dir() else shutil.copyfile
        copy(place, Path("second/evidence") / place.name)
    keys = [word for who in OFFICERS for word in ("--key", who)]
    found = ("centre", "found", "--desk", "second", "--store", "officials")
    alone = eds(*found, "--key", OFFICERS[0], "--key", OFFICERS[0], password=PASSWORD)
    assert "too_few_people" in alone.err
    done = eds(*found, *keys, "--out", "founding.json", password=PASSWORD)
    assert done.status == 0, done.err
    assert eds(*found, *keys, password=PASSWORD).code == "eds.invalid_argument"
    doctor = eds("centre", "doctor", "--desk", "second", "--json")
    urgent = {row["code"] for row in doctor.json["findings"] if row["urgent"]}
    assert (doctor.status, urgent) == (1, {"doctor.officials_missing"})
    people = eds("centre", "simulate", "people", "--desk", "second", "--json").json
    assert len(people) == 7


def test_a_confirmed_application_is_issued_by_the_run_of_the_desk(
    citizen: Run, eds: Eds, house: DeskHouse
) -> None:
    file = house.path / "desk" / "desk.toml"
    kept = [one for one in file.read_text().splitlines() if not one.startswith("issuer_password")]
    file.write_text("\n".join(kept))
    applied(citizen, eds)
    face(citizen, eds, 950)
    citizen("key", secret=True)
    waits = citizen("confirm", "--yes", secret=True)
    assert "the certificate is being issued" in waits.out
    done = eds("centre", "run", "--json", password=PASSWORD)
    assert [(one["from"], one["to"]) for one in done.json["moved"]] == [("confirmed", "issued")]
    citizen("activate", "--passphrase-out", "passphrase", secret=True)


def test_a_desk_in_production_is_no_stage(eds: Eds, house: DeskHouse, citizen: Run) -> None:
    file = house.path / "desk" / "desk.toml"
    file.write_text(file.read_text().replace("'demonstration'", "'production'"))
    assert eds("centre", "simulate", "messages").code == "eds.invalid_argument"
    refused = citizen("start", "--number", "number", "--agree", status=6)
    assert refused.code == "ca.malformed_settings"
    given = "".join(
        f"{role} = 'eds.enroll.simulators:SimulatedPhones'\n"
        for role in ("population", "phones", "documents", "notifier", "assertions")
    )
    file.write_text(file.read_text() + f"\n[providers]\n{given}")
    assert citizen("start", "--number", "number", "--agree", status=5).code == (
        "enroll.simulator_refused"
    )
    assert eds("centre", "doctor").status == 1


def test_without_a_terminal_nobody_is_asked(eds: Eds, house: DeskHouse) -> None:
    for words, status, said in (
        (("enroll", "start", "--agree"), 4, "[keys.secret_unavailable]"),
        (("enroll", "start", "--number", "number"), 2, "--agree"),
        (("enroll", "status"), 3, "[enroll.application_not_found]"),
        (("centre", "list", "--desk", "nowhere"), 3, "[enroll.desk_not_found]"),
        (("enroll",), 0, ""),
        (("centre",), 0, ""),
    ):
        done = eds(*words)
        assert done.status == status, (words, done.err)
        assert said in done.err


# --- at a terminal -------------------------------------------------------------------------------


def shown_code(screen: str) -> str:
    return str(re.findall(r"would have said (\d{6})", screen)[-1]) + "\n"


def test_a_person_who_knows_nothing_is_led_to_a_certificate(house: DeskHouse) -> None:
    typed = f"{PASSWORD}\n"
    left = at_terminal(
        "enroll",
        answers=[
            ("of this country?", "\n"), ("Which certificate", "\n"), ("these terms?", "y\n"),
            ("personal number: ", f"{RESIDENT}\n"), ("Code from", f"{WRONG}\n"),
            ("Code from", "\x03"),
        ],
    )  # fmt: skip
    assert left.status == 130
    assert "Tries left: 2" in left.out
    # It can be left at any question, and goes on from there.
    screen = at_terminal(
        "enroll",
        answers=[
            ("Code from", shown_code), ("Compare it with", "\n"), ("Score", "300\n"),
            ("Score", "\n"), ("Where (", "\n"), ("New password", typed),
            ("same again", typed), ("all of it right?", "y\n"), ("written it down?", "y\n"),
        ],
    )  # fmt: skip
    assert screen.status == 0, screen.out
    for words in ("Tries left: 4", "a key may be made now", "АХМЕТОВ АСАН", "certificate is valid",
                  "eds sign FILE"):  # fmt: skip
        assert words in screen.out
    assert PASSWORD not in screen.out


def test_officials_are_led_through_what_waits(citizen: Run, house: DeskHouse) -> None:
    name = at_the_centre(citizen)
    visit_files(Path("visit"))
    typed = f"{PASSWORD}\n"
    me: list[Any] = [("Where your key is", "officials\n")]
    screen = at_terminal(
        "centre",
        answers=[
            *me, ("Your key", "operator\n"), ("Password", typed), ("Which", "\n"),
            ("Another case?", "\n"), ("Which", "\n"), ("Kind", "\n"), ("Country", "UZ\n"),
            ("Number of", "AA1234567\n"), ("Surname", "KARIMOV\n"), ("Given", "RUSTAM\n"),
            ("Born", "1985-05-05\n"), ("Nationality", "\n"), ("expires", "2030-01-01\n"),
            ("Permission", "2027-06-01\n"), ("original?", "y\n"), ("in order?", "y\n"),
            ("before you?", "y\n"), ("agree?", "y\n"), ("translation?", "y\n"),
            ("chip read?", "n\n"), ("Why not", "\n"), ("Where you sit", "window 3\n"),
            ("picture taken", "visit/face.jpg\n"),
            ("File of the translation", "visit/translation.pdf\n"),
            ("Address", "guest@example.uz\n"), ("Remark", "\n"), ("Another case?", "\n"),
        ],
    )  # fmt: skip
    assert screen.status == 0, screen.out
    assert "nothing waits for you" in screen.out
    screen = at_terminal(
        "centre",
        answers=[
            ("Где ваш ключ", "officials\n"), ("Ваш ключ", "checker\n"), ("Пароль", typed),
            ("Какое", "\n"), ("Ваше решение", "\n"), ("Папка для сканов", "\n"),
            ("Ваше решение", "одобрить\n"), ("Следующее дело?", "\n"),
        ],
        env={"LC_ALL": "ru_RU.UTF-8"},
    )  # fmt: skip
    assert "KARIMOV" in screen.out
    assert "ваша роль: проверяющий" in screen.out
    assert "гражданство" in screen.out
    assert (Path(f"case-{name[:8]}") / "live_capture").exists()
    assert re.search(r"на бумаге: [A-Z2-9]{8}", screen.out), screen.out
    assert house.desk.store.load(name).state.value == "cleared"
