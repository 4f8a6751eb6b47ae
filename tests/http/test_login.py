"""The doors of a login without a framework: what they tell, what they refuse, and how long."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from eds.errors import ChallengeStoreUnavailable, ExtraMissing, InvalidArgument, WorkTimedOut
from eds.http.login import Asked, NcaModule, PhoneLogin, PortalLogin, answer, box, security_headers
from eds.http.messages import Response
from eds.login import (
    PHISHING_RESISTANT,
    KeyRole,
    LoginOutcome,
    MemoryAnswerStore,
    MemoryChallengeStore,
    Method,
    Person,
)
from eds.verify.evidence import Evidence
from eds.verify.path import PathResult
from eds.verify.trust import TrustAnchor, TrustStore
from tests.http.portal import card, cms
from tests.http.qr_reader import read_qr
from tests.login.house import EVERY_METHOD, ORIGIN, RULES, certify, citizen
from tests.verify.cms_house import authority, good_list
from tests.verify.status_house import NOON

SECRET = bytes(range(32))
OWN = {"origin": ORIGIN, "content-type": "application/json", "sec-fetch-site": "same-origin"}


@dataclass
class Portal:
    """Doors whose clock a test turns, and one browser before them."""

    at: datetime = NOON
    session: dict[str, Any] = field(default_factory=dict)
    outcomes: list[LoginOutcome] = field(default_factory=list)
    login: PortalLogin = field(init=False)

    def __post_init__(self) -> None:
        self.login = PortalLogin(
            rules=replace(RULES, methods=EVERY_METHOD),
            store=MemoryChallengeStore(),
            trust=TrustStore([TrustAnchor(certificate=authority())]),
            evidence=Evidence(lists=(good_list(),)),
            phone=PhoneLogin(answers=MemoryAnswerStore(), secret=SECRET),
            record=self.outcomes.append,
            clock=lambda: self.at,
        )

    def change(self, **changes: Any) -> None:
        self.login = replace(self.login, **changes)

    def ask(self, method: str, door: str, body: bytes = b"", **headers: str) -> Response | Person:
        sent = OWN | {name.replace("_", "-"): value for name, value in headers.items()}
        return answer(self.login, Asked(method, door, sent, body), self.session)

    def post(self, door: str, body: bytes = b"", **headers: str) -> Any:
        """Status and JSON."""
        found = self.ask("POST", door, body, **headers)
        assert isinstance(found, Response)
        return found.status, json.loads(found.body)

    def refused(self, door: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        status, said = self.post(door, body, **headers)
        return status, said["code"]

    def frame(self, door: str = "qr") -> bytes:
        _, said = self.post(door)
        return read_qr(said["modules"]).partition("#")[2].encode()

    def scan(self) -> dict[str, Any]:
        status, said = self.post("phone/scan", self.frame())
        assert status == 200
        return dict(said)

    def reply(self, scanned: dict[str, Any], **changes: Any) -> tuple[int, Any]:
        token = base64.b64encode(cms(scanned["statement"], method=Method.STATEMENT, by=citizen()))
        said = {"ticket": scanned["ticket"], "token": token.decode()} | changes
        status, found = self.post("phone/answer", json.dumps(said).encode())
        return status, found.get("code")


@pytest.fixture
def portal() -> Portal:
    return Portal()


def test_every_outcome_is_recorded(portal: Portal) -> None:
    nonce = portal.post("challenge")[1]["nonce"]
    person = portal.ask("POST", "token", card(nonce, by=citizen()))
    assert isinstance(person, Person)
    assert portal.session == {}
    portal.post("challenge")
    assert portal.refused("token", card(nonce, by=citizen())) == (403, "login.signature")
    assert [one.person is not None for one in portal.outcomes] == [True, False]


def test_a_refusal_says_the_rule_and_how_surely(portal: Portal) -> None:
    nonce = portal.post("challenge")[1]["nonce"]
    portal.change(evidence=Evidence())
    status, said = portal.post("token", card(nonce, by=citizen()))
    assert (status, said["code"]) == (403, "login.status")
    assert said["sub_indication"] == "TRY_LATER"
    assert set(said) == {"type", "title", "status", "code", "sub_indication"}


def test_a_session_keeps_its_reference_and_each_challenge_is_new(portal: Portal) -> None:
    first = portal.post("challenge")[1]
    reference = dict(portal.session)
    second = portal.post("challenge")[1]
    assert portal.session == reference
    assert first["nonce"] != second["nonce"]
    assert portal.refused("token", card(first["nonce"], by=citizen())) == (403, "login.signature")
    # What stands in the session is no text of ours.
    portal.session["eds_login"] = 7
    assert portal.refused("token", b"{}") == (403, "login.challenge")


def test_what_is_told_follows_the_rules(portal: Portal) -> None:
    _, said = portal.post("challenge")
    assert said["ncalayer"]["keyType"] == "AUTHENTICATION"
    portal.change(
        rules=replace(portal.login.rules, key_roles=frozenset({KeyRole.SIGNATURE})),
        ncalayer=NcaModule.BASICS,
    )
    _, said = portal.post("challenge")
    assert (said["ncalayer"]["keyType"], said["ncalayer"]["module"]) == (
        "ALL",
        "kz.gov.pki.knca.basics",
    )
    portal.change(rules=replace(RULES, methods=PHISHING_RESISTANT), phone=None)
    assert set(portal.post("challenge")[1]) == {"code", "seconds", "nonce"}
    assert portal.login.offered == ("web-eid",)
    assert "13579" not in security_headers(portal.login)["content-security-policy"]


def test_a_portal_says_nothing_that_cannot_be(portal: Portal) -> None:
    for changes in (
        {"path": "login"},
        {"path": "/login/"},
        {"rules": replace(RULES, methods=PHISHING_RESISTANT)},
    ):
        with pytest.raises(InvalidArgument):
            portal.change(**changes)
    with pytest.raises(InvalidArgument):
        PhoneLogin(answers=MemoryAnswerStore(), secret=b"short")
    assert repr(SECRET)[2:20] not in repr(portal.login)


def test_a_store_that_is_away_is_a_reason_to_come_again(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ChallengeStoreUnavailable(reason="ConnectionError")

    monkeypatch.setattr(MemoryChallengeStore, "put", away)
    found = portal.ask("POST", "challenge")
    assert isinstance(found, Response)
    assert (found.status, dict(found.headers)[b"retry-after"]) == (503, b"5")
    assert json.loads(found.body)["code"] == "login.store_unavailable"


def test_status_that_cannot_be_had_is_said(portal: Portal) -> None:
    def late(_: PathResult) -> Evidence:
        raise WorkTimedOut(seconds=5)

    nonce = portal.post("challenge")[1]["nonce"]
    portal.change(evidence=late)
    assert portal.refused("token", card(nonce, by=citizen())) == (503, "http.work_timed_out")


def test_nothing_is_asked_about_a_certificate_whose_path_is_not_proven(portal: Portal) -> None:
    """Its own addresses are an attacker's: whatever fetches is not even called."""
    asked: list[PathResult] = []

    def fetch(path: PathResult) -> Evidence:
        asked.append(path)
        return Evidence(lists=(good_list(),))

    portal.change(evidence=fetch)
    nonce = portal.post("challenge")[1]["nonce"]
    impostor = certify("impostor", signer="nobody")
    assert portal.refused("token", card(nonce, by=impostor)) == (403, "login.path")
    assert asked == []
    nonce = portal.post("challenge")[1]["nonce"]
    assert isinstance(portal.ask("POST", "token", card(nonce, by=citizen())), Person)
    assert len(asked) == 1


# --- the page -------------------------------------------------------------------------------------


def test_a_name_of_a_portal_is_text_and_no_markup(portal: Portal) -> None:
    hostile = '"><script>alert(1)</script>'
    portal.change(rules=replace(portal.login.rules, audience=hostile))
    page = portal.ask("GET", "")
    assert isinstance(page, Response)
    for text in (page.body.decode(), box(portal.login)):
        assert "<script>" not in text
        assert "&quot;&gt;&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("ru-RU,ru;q=0.9", "ru"), ("de,tg;q=0.5", "tg"), ("de", "kk"), ("", "kk"), ("x" * 9000, "kk")],
)
def test_the_page_speaks_the_browsers_language(
    portal: Portal, accepted: str, language: str
) -> None:
    page = portal.ask("GET", "", accept_language=accepted)
    assert isinstance(page, Response)
    assert f'<html lang="{language}" class' in page.body.decode()


def test_who_opens_the_code_in_a_browser_is_told_what_it_is(portal: Portal) -> None:
    page = portal.ask("GET", "phone")
    assert isinstance(page, Response)
    assert "Open this code with a signing app." in page.body.decode()


# --- a phone --------------------------------------------------------------------------------------


def test_a_phone_logs_the_browser_in(portal: Portal) -> None:
    scanned = portal.scan()
    assert portal.post("qr/next")[1] == {"state": "scanned", "code": scanned["code"]}
    assert portal.post("qr/next")[1]["state"] == "waiting"
    assert portal.reply(scanned) == (202, None)
    person = portal.ask("POST", "qr/next")
    assert isinstance(person, Person)
    assert person.method.method is Method.STATEMENT
    assert portal.session == {}


def test_an_answer_of_a_phone_opens_no_other_browser(portal: Portal) -> None:
    scanned = portal.scan()
    assert portal.reply(scanned)[0] == 202
    victim = Portal()
    victim.login = portal.login
    assert victim.refused("qr/next") == (403, "login.challenge")
    victim.post("qr")
    assert victim.post("qr/next")[1]["state"] == "waiting"
    # Nor does it answer a challenge that was made for this browser itself.
    victim.post("challenge")
    token = cms(scanned["statement"], method=Method.STATEMENT, by=citizen())
    refused = victim.refused("token", token, content_type="application/cms")
    assert refused == (403, "login.statement")
    assert isinstance(portal.ask("POST", "qr/next"), Person)


def test_a_code_shown_elsewhere_is_soon_worth_nothing(portal: Portal) -> None:
    frame = portal.frame()
    portal.at += timedelta(seconds=4)
    assert portal.refused("phone/scan", frame) == (403, "login.qr_frame_refused")
    assert portal.post("phone/scan", portal.frame("qr/next"))[0] == 200


def test_a_phone_has_five_minutes_and_a_browser_ten(portal: Portal) -> None:
    scanned = portal.scan()
    portal.at += timedelta(seconds=301)
    assert portal.reply(scanned) == (403, "login.qr_frame_refused")
    portal.at += timedelta(seconds=300)
    assert portal.refused("qr/next") == (403, "login.lifetime")
    assert portal.session == {}


def test_what_waits_too_long_is_refused_when_it_is_judged(portal: Portal) -> None:
    scanned = portal.scan()
    portal.at += timedelta(seconds=299)
    assert portal.reply(scanned)[0] == 202
    portal.at += timedelta(seconds=2)
    assert portal.refused("qr/next") == (403, "login.lifetime")


def test_a_ticket_is_no_frame_and_a_frame_no_ticket(portal: Portal) -> None:
    scanned = portal.scan()
    assert portal.refused("phone/scan", scanned["ticket"].encode()) == (
        403,
        "login.qr_frame_refused",
    )
    frame = portal.frame().decode()
    for ticket in (frame, frame.replace("eds-login:", "eds-login-ticket:"), "", "x" * 9000):
        assert portal.reply(scanned, ticket=ticket) == (403, "login.qr_frame_refused")


@pytest.mark.parametrize(
    ("bend", "refusal"),
    [
        (lambda said: b"", (400, "http.malformed_request")),
        (lambda said: b"[]", (400, "http.malformed_request")),
        (lambda said: b"\xff", (400, "http.malformed_request")),
        (lambda said: b"[" * 100_000, (400, "http.malformed_request")),
        (lambda said: json.dumps(said | {"ticket": 7}).encode(), (400, "http.malformed_request")),
        (lambda said: json.dumps(said | {"token": 7}).encode(), (400, "http.malformed_request")),
        (lambda said: json.dumps(said | {"token": "%"}).encode(), (400, "http.malformed_request")),
        (lambda said: json.dumps(said | {"token": "A" * 90_000}).encode(),
         (413, "http.request_too_large")),
        (lambda said: b"0" * 500_000, (413, "http.request_too_large")),
    ],
)  # fmt: skip
def test_what_no_phone_sends_is_refused(
    portal: Portal, bend: Callable[[dict[str, str]], bytes], refusal: tuple[int, str]
) -> None:
    said = {"ticket": portal.scan()["ticket"], "token": "AAAA"}
    assert portal.refused("phone/answer", bend(said)) == refusal


def test_garbage_from_a_phone_ends_that_login_and_no_other(portal: Portal) -> None:
    scanned = portal.scan()
    assert portal.reply(scanned, token="AAAA")[0] == 202
    assert portal.refused("qr/next") == (403, "login.token")
    assert portal.refused("qr/next") == (403, "login.challenge")
    scanned = portal.scan()
    assert portal.reply(scanned)[0] == 202
    assert isinstance(portal.ask("POST", "qr/next"), Person)


@pytest.mark.parametrize("kept", [7, "", "x", "x.y", ".1", None])
def test_a_session_that_is_not_ours_has_no_code(portal: Portal, kept: Any) -> None:
    portal.session["eds_login_qr"] = kept
    assert portal.refused("qr/next") == (403, "login.challenge")


def test_without_phones_there_are_no_doors_for_them(portal: Portal) -> None:
    portal.change(phone=None)
    for door in ("qr", "qr/next", "phone/scan", "phone/answer"):
        assert portal.refused(door) == (404, "http.not_found")
    assert "phone" not in box(portal.login)


def test_codes_want_an_extra(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    found = portal.ask("POST", "qr")
    assert isinstance(found, Response)
    assert json.loads(found.body)["code"] == ExtraMissing.code
