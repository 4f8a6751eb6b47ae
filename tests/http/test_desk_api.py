"""The desk over HTTP: both paths, what is refused, and what is told to whom."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from eds.ca.database import open_database
from eds.ca.lifecycle import State as Standing
from eds.enroll.encoding import digest
from eds.enroll.evidence.mrz import MrzFormat, Sex
from eds.enroll.evidence.mrzwriting import write_mrz
from eds.enroll.officials import Official, Role
from eds.enroll.readers import chip_challenge
from eds.enroll.statements import ExistingEdsStatement, StatusStatement
from eds.enroll.states import State
from tests.enroll.house import (
    ALGORITHM,
    CHECKER,
    DOCUMENT,
    MINUTE,
    OFFICERS,
    OPERATOR,
    PASSPHRASE,
    RESIDENT,
    STATION,
    TERMS,
    Holder,
    House,
)
from tests.enroll.passport_house import (
    ISSUED,
    answer_iso_9796_2,
    chip_rsa_key,
    group_1,
    spki,
    usual_office,
    wrap,
)
from tests.enroll.test_readers import PERSON as READER
from tests.enroll.test_real_signatures import RealChecker
from tests.http.asgi import Answer
from tests.http.desk_house import TOKEN, Doors, b64, serving, spelled

AGREED = {"consent": "I agree", "terms": TERMS.hex()}
GUEST = {
    "flow": "centre",
    "profile": "non-resident-signature",
    "document": {"country": DOCUMENT[0], "number": DOCUMENT[1]},
}
VISIT = {
    "document": "passport", "country": "UZ", "number": "AA1234567", "place": "Astana, window 4",
    "inspections": [
        "original_seen", "photo_resembles", "zone_agrees", "translation_notarised",
        "speaks_for_self",
    ],
    "capture": b64(b"a picture of the guest"),
    "translation": b64(b"a translation of the passport"),
    "chip_absence": "chip_defective", "contact": "guest@example.uz",
    "identity": {
        "surname": "KARIMOV", "given_name": "RUSTAM", "born": "1985-05-05", "nationality": "UZ",
        "expires": "2030-01-01", "permission_until": "2027-05-01T00:00:00Z",
    },
}  # fmt: skip


def refusal(answer: Answer) -> tuple[int, str, list[str]]:
    status, code = answer.problem
    return status, code, answer.json.get("reasons", [])


def appointed(doors: Doors) -> str:
    opened = doors.send("POST", "/desk/v1/applications", GUEST)
    name: str = opened.json["application"]
    assert doors.post(name, "submit", AGREED).status == 200
    assert doors.post(name, "appointment", {"station": STATION}).json["state"] == "appointed"
    return name


def examined(doors: Doors, name: str) -> None:
    assert doors.decide(name, "check-in", OPERATOR).status == 200
    body = {"act": spelled(doors.house.act(doors.case(name), OPERATOR, "examine")), "visit": VISIT}
    path = f"applications/{name}/examination"
    for _ in range(2):
        done = doors.office(path, body, key="examined")
        assert done.status == 200, done.body
        assert done.json["application"]["state"] == "evidence_validated_in_person"
    other = {**body, "act": doors.reading()}
    assert doors.office(path, other, key="examined").problem == (409, "enroll.message_reused")


def approved(doors: Doors) -> str:
    name = appointed(doors)
    examined(doors, name)
    assert doors.decide(name, "record", OPERATOR).status == 200
    doors.house.tick(by=2 * MINUTE)
    assert doors.decide(name, "approve", CHECKER).status == 200
    return name


# --- both paths -----------------------------------------------------------------------------------


def test_the_terms_are_there_for_everybody(doors: Doors) -> None:
    told = doors.send("GET", "/desk/v1/terms", token="").json
    assert (told["text"], told["digest"]) == (b64(b"the terms"), TERMS.hex())


def test_a_resident_comes_to_a_certificate_by_json_alone(doors: Doors) -> None:
    application = doors.cleared()
    certificate = doors.active(application, Holder())
    seen = doors.send("GET", f"/desk/v1/applications/{application}").json
    assert (seen["state"], seen["certificate"]) == ("active", certificate.fingerprint.hex())
    issued = doors.house.register.find_by(fingerprint=certificate.fingerprint)[0]
    assert issued.status.state is Standing.VALID
    doors.house.check_log()
    told = json.dumps([entry.line for entry in doors.told])
    assert RESIDENT not in told
    assert application not in told


def test_a_guest_comes_to_one_through_two_officials(doors: Doors) -> None:
    name = approved(doors)
    cleared = doors.decide(name, "clearance", OPERATOR, act="clear")
    sent = [words["half"] for _, kind, words in doors.house.notifier.sent if "half" in words]
    secret = cleared.json["printed_half"] + sent[-1]
    again = doors.decide(name, "clearance", OPERATOR, act="clear")
    assert (again.status, again.json["printed_half"]) == (200, "")  # it was printed once
    certificate = doors.active(name, Holder(), secret)
    assert certificate.subject == doors.house.register.find_by(
        fingerprint=certificate.fingerprint
    )[0].certificate.subject  # fmt: skip
    doors.house.check_log()


def test_what_is_risky_waits_for_people(doors: Doors) -> None:
    doors.risk = 80
    name = doors.cleared()
    assert doors.case(name).state is State.MANUAL_REVIEW
    queue = doors.office("queue", {"act": doors.reading(), "states": ["manual_review"]}).json
    (case,) = queue["applications"]
    assert (case["application"]["application"], case["risk"]) == (name, 80)
    shown = doors.office(f"applications/{name}/view", {"act": doors.reading(CHECKER)}).json
    assert shown["person"]["subject"]["common_name"] == "АХМЕТОВ АСАН"
    looks = [each for each in doors.house.records() if each.act == "enroll.shown"]
    assert [each.actor for each in looks] == [f"official/{doors.house.person(CHECKER)}"]


def test_the_holder_revokes_by_key_and_by_passphrase(doors: Doors) -> None:
    key = Holder()
    certificate = doors.active(doors.cleared(), key)
    body = {
        "certificate": certificate.fingerprint.hex(), "passphrase": PASSPHRASE, "act": "hold",
    }  # fmt: skip
    path = "/desk/v1/certificates/passphrase"
    assert doors.send("POST", path, body, token="").json["state"] == "on_hold"
    assert doors.send("POST", path, body, token="").json["state"] == "on_hold"
    wrong = doors.send("POST", path, body | {"passphrase": PASSPHRASE + "!"}, token="")
    assert refusal(wrong) == (403, "enroll.refused", ["not_accepted"])
    statement = StatusStatement(
        certificate=certificate.fingerprint, act="revoke", at=doors.house.at, nonce=b"n" * 16
    ).encoded
    signed = {
        "statement": b64(statement), "signature": b64(key.signer.sign(statement)),
        "algorithm": ALGORITHM,
    }  # fmt: skip
    for _ in range(2):  # an answer that got lost is given again
        done = doors.send("POST", "/desk/v1/certificates/status", signed, token="")
        assert done.json["state"] == "revoked"
    body["act"] = "hold"
    held = doors.send("POST", path, body, token="").json
    assert held["state"] == "revoked"


def test_two_officials_hold_and_release_what_one_of_them_cannot(doors: Doors) -> None:
    certificate = doors.active(doors.cleared(), Holder())

    def acts(kind: str, first: str, second: str) -> dict[str, Any]:
        target = f"certificate/{certificate.fingerprint.hex()}"
        return {
            name: spelled(
                doors.house.signed(by, f"{verb}_{kind}", target=target, version=0, reason="asked")
            )
            for name, verb, by in (("first", "propose", first), ("second", "approve", second))
        }

    alone = doors.office("certificates/hold", acts("hold", OPERATOR, OPERATOR))
    assert alone.status == 403
    assert {"role_missing", "same_person"} <= set(alone.json["reasons"])
    for kind, state in (("hold", "on_hold"), ("release", "valid"), ("revocation", "revoked")):
        both = acts(kind, OPERATOR, CHECKER)
        assert doors.office(f"certificates/{kind}", both).json["state"] == state
        assert doors.office(f"certificates/{kind}", both).json["state"] == state


# --- who may ask, and what is told ----------------------------------------------------------------


def test_only_the_token_opens_an_application_and_nothing_tells_which_there_are(
    doors: Doors,
) -> None:
    name = doors.open().json["application"]
    path = "/desk/v1/applications"
    answers = [
        doors.send("GET", f"{path}/{name}", token="c29tZWJvZHkgZWxzZSdzIHRva2Vu"),
        doors.send("GET", f"{path}/{'0' * 32}"),
        doors.send("GET", f"{path}/{name}", token=""),
        doors.send("GET", f"{path}/..%2f{name}"),
        doors.post(name, "submit", AGREED, token="c29tZWJvZHkgZWxzZSdzIHRva2Vu"),
        doors.post("0" * 32, "submit", AGREED),
    ]
    assert {each.problem for each in answers} == {(401, "http.authentication_required")}
    assert {each.headers["www-authenticate"] for each in answers} == {"Bearer"}
    assert len({each.body for each in answers}) == 1


def test_an_impostor_is_told_nothing_of_the_person(doors: Doors) -> None:
    refused = ["not_accepted"]
    doors.open()
    second = doors.open(token="YW5vdGhlciB0b2tlbiBvZiBhbiBpbXBvc3Rvcg")
    assert refusal(second) == (403, "enroll.refused", refused)  # not: there is an open one
    nobody = doors.open("111111111111").json["application"]
    gone = doors.post(nobody, "submit", AGREED).json
    assert (gone["state"], gone["reason"]) == ("rejected", "not_accepted")
    assert doors.case(nobody).reason == "person_unknown"


def test_an_official_is_told_all(doors: Doors) -> None:
    name = appointed(doors)
    early = doors.decide(name, "check-in", CHECKER)
    assert refusal(early) == (403, "enroll.refused", ["role_missing"])


def test_a_body_is_read_in_one_way_or_not_at_all(doors: Doors) -> None:
    number = f'"personal_number":"{RESIDENT}"'
    good = f'"flow":"remote","profile":"natural-person-signature",{number}'
    bodies = [
        "", "[]", "null", "{", f"{{{good}}}}}", f"{{{good},{number}}}", f'{{{good},"more":1}}',
        f'{{{good},"device":NaN}}', f'{{{good},"device":1.5}}', '{"a":' * 3000 + "1" + "}" * 3000,
        f'{{{good},"device":"\\ud800"}}', f'{{{good},"device":"a\\u0000b"}}',
        f'{{{good[:-1]}0000000000000000000000000000000000"}}',
    ]  # fmt: skip
    for body in bodies:
        answer = doors.send("POST", "/desk/v1/applications", body.encode())
        assert answer.problem == (400, "http.malformed_request"), body
        assert RESIDENT not in answer.body.decode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
        answer = doors.send(
            "POST", "/desk/v1/applications", f"{{{good}}}".encode(), content_type=kind
        )
        assert answer.problem == (415, "http.media_type_unsupported")
    unnamed = doors.send("POST", "/desk/v1/applications", {}, idempotency_key="a b")
    assert unnamed.problem == (400, "http.malformed_request")
    assert doors.house.store.everything() == ()


# --- misbehaviour ---------------------------------------------------------------------------------


def test_twenty_at_once_open_one_application_and_bind_one_key(doors: Doors) -> None:
    def at_once(act: Callable[[], Answer]) -> list[Answer]:
        with ThreadPoolExecutor(20) as pool:
            return list(pool.map(lambda _: act(), range(20)))

    opened = at_once(lambda: doors.open(key="the-same-message"))
    assert {each.status for each in opened} == {201}
    assert len({each.body for each in opened}) == 1
    assert len(doors.house.store.everything()) == 1
    assert doors.post(opened[0].json["application"], "cancellation").status == 200

    name = doors.cleared()
    key = Holder()
    body = doors.key_body(name, key)
    bound = at_once(lambda: doors.post(name, "key", body, key="bind"))
    assert {(each.status, each.json["state"]) for each in bound} == {(200, "key_bound")}
    doors.post(name, "confirmation", doors.confirmation(name, key))
    issued = at_once(lambda: doors.post(name, "certificate"))
    assert {each.status for each in issued} == {200}
    assert len({each.json["fingerprint"] for each in issued}) == 1
    doors.house.check_log()


def test_a_message_with_another_content_is_refused(doors: Doors) -> None:
    name = doors.open().json["application"]
    assert doors.post(name, "submit", AGREED, key="once").status == 200
    answer = doors.post(name, "submit", AGREED | {"consent": "I do not"}, key="once")
    assert answer.problem == (409, "enroll.message_reused")


def test_acts_out_of_their_order_do_nothing(doors: Doors) -> None:
    name = appointed(doors)
    for act, by in (("record", OPERATOR), ("approve", CHECKER), ("return", CHECKER)):
        assert doors.decide(name, act, by).problem == (409, "enroll.wrong_state")
    for act, body in (
        ("contact", {"code": "123456"}),
        ("face", {"token": "AAAA"}),
        ("certificate", None),
        ("evidence", {"kind": "register_photo"}),
    ):
        assert doors.post(name, act, body).status in (403, 409, 422), act
    assert doors.case(name).state is State.APPOINTED
    doors.house.check_log()


def test_a_signed_act_works_once_and_for_its_own_application(doors: Doors) -> None:
    name = appointed(doors)
    act = {"act": spelled(doors.house.act(doors.case(name), OPERATOR, "check_in"))}
    other = dict(GUEST, document={"country": "UZ", "number": "BB7654321"})
    second = doors.send("POST", "/desk/v1/applications", other).json["application"]
    doors.post(second, "submit", AGREED)
    doors.post(second, "appointment", {"station": STATION})
    foreign = doors.office(f"applications/{second}/check-in", act)
    assert refusal(foreign) == (403, "enroll.refused", ["act_for_another"])
    assert doors.office(f"applications/{name}/check-in", act, key="first").status == 200
    assert doors.office(f"applications/{name}/check-in", act, key="first").status == 200
    replayed = doors.office(f"applications/{name}/check-in", act, key="second")
    assert replayed.problem == (409, "enroll.wrong_state")
    turned = doors.office(f"applications/{name}/turn-away", act)
    assert turned.status == 403
    assert "act_for_another" in turned.json["reasons"]
    doors.house.check_log()


def test_no_session_outlives_its_minutes_or_its_office(doors: Doors) -> None:
    act = {"act": doors.reading()}
    assert doors.office("queue", act).status == 200
    doors.house.tick(by=16 * MINUTE)
    assert refusal(doors.office("queue", act)) == (403, "enroll.refused", ["act_stale"])
    act = {"act": doors.reading()}
    gone = Official(person=doors.house.person(OPERATOR), roles=frozenset())
    removal = {
        "person": gone.person,
        "act": spelled(doors.house.office_act(OFFICERS[0], "remove_official", gone)),
    }
    assert doors.office("officials/removal", removal).status == 200
    assert doors.office("officials/removal", removal).status == 200
    assert refusal(doors.office("queue", act)) == (403, "enroll.refused", ["not_an_official"])


def test_only_who_signed_and_is_in_office_sees_a_case_again(doors: Doors) -> None:
    name = doors.send("POST", "/desk/v1/applications", GUEST, key="mine").json["application"]
    nothing = {"act": {"statement": b64(b"{}"), "signature": b64(b"{}")}}
    secret = doors.office(f"applications/{name}/secret", nothing, key="mine")
    assert secret.problem == (409, "enroll.message_reused")  # an applicant knows that key
    assert doors.post(name, "submit", AGREED).status == 200
    assert doors.post(name, "appointment", {"station": STATION}).status == 200
    act = {"act": spelled(doors.house.act(doors.case(name), OPERATOR, "check_in"))}
    path = f"applications/{name}/check-in"
    assert doors.office(path, act, key="here").json == doors.office(path, act, key="here").json
    doors.house.remove(OPERATOR)
    assert refusal(doors.office(path, act, key="here")) == (
        403, "enroll.refused", ["not_an_official"],
    )  # fmt: skip


def test_a_decision_is_not_used_by_whoever_only_looks(doors: Doors) -> None:
    name = approved(doors)
    answer = doors.office(f"applications/{name}/clearance", {"act": doors.reading()})
    assert refusal(answer) == (403, "enroll.refused", ["act_for_another"])
    older = doors.house.act(doors.case(name), OPERATOR, "clear", version=1)
    answer = doors.office(f"applications/{name}/clearance", {"act": spelled(older)})
    assert refusal(answer) == (403, "enroll.refused", ["act_for_another"])
    assert doors.case(name).state is State.CHECKER_APPROVED


def test_the_log_tells_who_asked_for_a_pseudonym(doors: Doors) -> None:
    act = doors.reading(OFFICERS[0])
    told = doors.office("pseudonyms", {"act": act, "personal_number": RESIDENT}).json
    lines = [record for record in doors.house.records() if record.act == "enroll.pseudonym.told"]
    assert [line.subject for line in lines] == [f"person/{told['pseudonym']}"]
    assert lines[0].actor == f"official/{doors.house.person(OFFICERS[0])}"


def test_a_removed_officials_decision_is_not_used(doors: Doors) -> None:
    name = approved(doors)
    doors.house.remove(CHECKER)
    answer = doors.decide(name, "clearance", OPERATOR, act="clear")
    assert answer.status == 403
    assert "out_of_office" in answer.json["reasons"]


def test_an_old_appointment_does_not_bring_a_removed_official_back(doors: Doors) -> None:
    official = Official(
        person=doors.house.person("newcomer"), roles=frozenset({Role.OPERATOR}),
        stations=frozenset({STATION}),
    )  # fmt: skip
    first, second = (
        doors.house.office_act(each, "appoint_official", official) for each in OFFICERS
    )
    body = {
        "official": {
            "person": official.person, "roles": ["operator"], "stations": [STATION],
        },
        "first": spelled(first),
        "second": spelled(second),
    }  # fmt: skip
    for _ in range(2):
        made = doors.office("officials", body)
        assert made.json == {"person": official.person, "digest": digest(official).hex()}
    doors.house.remove("newcomer")
    assert doors.office("officials", body).problem == (409, "enroll.evidence_used")
    assert doors.house.store.official(official.person) is None


def test_nobody_acts_without_a_signature_of_their_own(doors: Doors) -> None:
    name = appointed(doors)
    act = doors.house.act(doors.case(name), OPERATOR, "check_in")
    forged = spelled(act) | {"signature": b64(b"officer-1\0not a signature")}
    answer = doors.office(f"applications/{name}/check-in", {"act": forged})
    assert answer.problem == (422, "verify.not_passed")
    assert doors.office(f"applications/{name}/check-in", {}).status == 400
    citizen = doors.decide(name, "check-in", "somebody")
    assert refusal(citizen) == (403, "enroll.refused", ["not_an_official"])


def test_evidence_that_is_too_large_is_not_read(doors: Doors) -> None:
    name = appointed(doors)
    assert doors.decide(name, "check-in", OPERATOR).status == 200
    path = f"applications/{name}/examination"
    announced = doors.office(path, b"{}", content_length=str(64 * 1024 * 1024))
    assert announced.problem == (413, "http.request_too_large")
    assert doors.office(path, b" " * (2 * 1024 * 1024 + 1)).status == 413
    act = spelled(doors.house.act(doors.case(name), OPERATOR, "examine"))
    visit = {**VISIT, "capture": b64(b"x" * (1024 * 1024 + 1))}
    assert doors.office(path, {"act": act, "visit": visit}).status == 400


def test_an_answer_that_was_cut_off_is_given_again(doors: Doors) -> None:
    """The connection breaks after the request; the act is done, and its message asks for it."""
    name = doors.open().json["application"]
    body = json.dumps(AGREED).encode()
    head = (
        f"POST /desk/v1/applications/{name}/submit HTTP/1.1\r\nHost: desk\r\n"
        f"Authorization: Bearer {TOKEN}\r\nIdempotency-Key: cut\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with serving(doors.application) as port:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + body)
        while doors.case(name).state is not State.RESOLVED:  # it is done in its own time
            time.sleep(0.01)
    version = doors.case(name).version
    answer = doors.post(name, "submit", AGREED, key="cut")
    assert (answer.status, answer.json["state"]) == (200, "resolved")
    assert doors.case(name).version == version
    doors.house.check_log()


def test_a_register_that_is_away_is_asked_again(doors: Doors) -> None:
    name = doors.open().json["application"]
    doors.house.population.is_down = True
    away = doors.post(name, "submit", AGREED, key="once")
    assert away.problem == (503, "enroll.provider_unavailable")
    assert "retry-after" in away.headers
    doors.house.population.is_down = False
    assert doors.post(name, "submit", AGREED, key="once").json["state"] == "resolved"


# --- evidence ------------------------------------------------------------------------------------


def contact_confirmed(doors: Doors) -> str:
    name: str = doors.open().json["application"]
    for act, body in (("submit", AGREED), ("code", None)):
        assert doors.post(name, act, body).status == 200
    seen = doors.post(name, "contact", {"code": doors.house.code()})
    assert seen.json["state"] == "contact_confirmed"
    return name


@pytest.fixture
def real(empty_desk: Path, tmp_path: Path) -> Iterator[Doors]:
    """A desk whose officials sign CMS that the validator judges."""
    file = tmp_path / "real.db"
    shutil.copyfile(empty_desk, file)
    engine = open_database(f"sqlite:///{file}")
    try:
        yield Doors(House(engine, checker=RealChecker()).found())
    finally:
        engine.dispose()


def test_officials_sign_cms_that_the_validator_judges(real: Doors) -> None:
    name = approved(real)
    cleared = real.decide(name, "clearance", OPERATOR, act="clear")
    assert cleared.json["case"]["application"]["state"] == "cleared"
    real.house.checker.revoked.add(OPERATOR)
    answer = real.office("queue", {"act": real.reading()})
    assert answer.problem == (422, "verify.not_passed")


def test_another_eds_of_the_person_is_evidence_and_one_of_somebody_else_is_not(
    real: Doors,
) -> None:
    name = contact_confirmed(real)

    def offered(who: str) -> Answer:
        said = ExistingEdsStatement(application=name, challenge=real.case(name).challenge)
        signature = real.house.checker.sign(who, said.encoded)
        return real.post(name, "evidence", {"kind": "existing_eds", "signature": b64(signature)})

    assert refusal(offered(OPERATOR)) == (403, "enroll.refused", ["not_accepted"])
    assert real.case(name).evidence_misses == 1
    assert offered(RESIDENT).json["state"] == "evidence_validated"


def test_the_chip_of_the_persons_passport_is_evidence(doors: Doors) -> None:
    office, key = usual_office(), chip_rsa_key()
    doors = Doors(doors.house, cscas=office.store)
    person = replace(doors.house.population.people[RESIDENT], born=READER.born)
    doors.house.population.people[RESIDENT] = person
    name = contact_confirmed(doors)

    def chip(number: str) -> dict[str, Any]:
        zone = write_mrz(
            MrzFormat.TD3, issuing_state="UTO", primary_identifier="ERIKSSON",
            secondary_identifier="ANNA", number="L898902C3", nationality="UTO",
            birth=READER.born, sex=Sex.FEMALE, expiry=date(2033, 1, 2), optional_data=number,
        )  # fmt: skip
        read = office.chip({1: group_1(zone), 15: wrap(b"\x6f", spki(key.public_key()))})
        challenge = chip_challenge(doors.case(name).challenge)
        said = {
            "security_object": b64(read.security_object),
            "data_groups": {str(n): b64(each) for n, each in read.data_groups.items()},
            "response": b64(answer_iso_9796_2(key, challenge, "sha256")),
            "issued_on": ISSUED.isoformat(),
        }
        return {"kind": "passport_chip", "chip": said}

    foreign = chip("740812400016")
    for _ in range(2):  # an answer that got lost is given again, and counts once
        answer = doors.post(name, "evidence", foreign, key="foreign")
        assert refusal(answer) == (403, "enroll.refused", ["not_accepted"])
        assert doors.case(name).evidence_misses == 1
    mine = chip(RESIDENT)
    answer = doors.post(name, "evidence", mine, key="foreign")
    assert answer.problem == (409, "enroll.message_reused")
    for _ in range(2):
        answer = doors.post(name, "evidence", mine, key="mine")
        assert answer.json["state"] == "evidence_validated", answer.body


@pytest.mark.parametrize(
    "offer",
    [
        {"kind": "existing_eds", "signature": b64(b"x")},
        {
            "kind": "passport_chip",
            "chip": {"security_object": "MAA=", "data_groups": {"1": "YQA="}},
        },
        {"kind": "passport_chip"},
    ],
)
def test_evidence_that_nobody_vouches_for_is_not_accepted(
    doors: Doors, offer: dict[str, Any]
) -> None:
    name = contact_confirmed(doors)
    assert 400 <= doors.post(name, "evidence", offer).status < 500
    assert doors.case(name).state is State.CONTACT_CONFIRMED
