"""The examples of three frameworks, each asked as a server would: one behaviour, three carriers."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from eds.errors import ExtraMissing
from eds.login import Method
from tests.http.portal import (
    ORIGIN,
    Browser,
    card,
    cms,
    load,
    signatory,
    stranger,
)
from tests.http.qr_reader import read_qr

FRAMEWORKS = ("fastapi", "flask", "django")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("portal")
        yield load(f"login_{request.param}", folder, patch).app


@pytest.fixture
def browser(app: Any) -> Browser:
    return Browser(app)


def test_a_card_opens_the_door(browser: Browser) -> None:
    assert browser.get("/").headers["location"] == "/login"
    nonce = browser.post("/login/challenge").json["nonce"]
    entered = browser.post("/login/token", card(nonce))
    assert (entered.status, entered.json) == (200, {"location": "/"})
    assert "ТЕСТОВ ТЕСТ" in browser.get("/").body.decode()
    for flag in ("__host-portal=", "secure", "httponly", "samesite=lax", "path=/"):
        assert all(flag in cookie for cookie in browser.flags), flag
    assert browser.post("/login/token", card(nonce)).problem == (403, "login.challenge")


def test_ncalayer_opens_the_door(browser: Browser) -> None:
    asked = browser.post("/login/challenge").json["ncalayer"]
    assert (asked["keyType"], asked["storage"]) == ("AUTHENTICATION", "PKCS12")
    token = cms(asked["statement"], method=Method.STATEMENT_AS_DATA)
    entered = browser.post("/login/token", token, media_type="application/cms")
    assert entered.json == {"location": "/"}


def test_a_key_for_signatures_does_not(browser: Browser) -> None:
    asked = browser.post("/login/challenge").json
    token = cms(asked["ncalayer"]["statement"], method=Method.STATEMENT_AS_DATA, by=signatory())
    refused = browser.post("/login/token", token, media_type="application/cms")
    assert refused.problem == (403, "login.key_role")
    nonce = browser.post("/login/challenge").json["nonce"]
    assert browser.post("/login/token", card(nonce, by=stranger())).problem == (403, "login.path")


def test_a_look_alike_does_not(browser: Browser) -> None:
    nonce = browser.post("/login/challenge").json["nonce"]
    token = card(nonce, origin="https://p0rtal.example.kz")
    assert browser.post("/login/token", token).problem == (403, "login.signature")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", f"{ORIGIN}:8443"])
def test_another_origin_is_not_answered(browser: Browser, origin: str | None) -> None:
    nonce = browser.post("/login/challenge").json["nonce"]
    for door in ("challenge", "token", "qr", "qr/next"):
        refused = browser.post(f"/login/{door}", card(nonce), origin=origin)
        assert refused.problem == (403, "login.request_refused")
    across = {"sec-fetch-site": "cross-site"}
    assert browser.post("/login/challenge", more=across).problem == (403, "login.request_refused")
    assert browser.post("/login/token", card(nonce)).status == 200


def test_anothers_browser_gets_nothing_from_an_answer(app: Any) -> None:
    attacker, victim = Browser(app), Browser(app)
    nonce = attacker.post("/login/challenge").json["nonce"]
    assert victim.post("/login/token", card(nonce)).problem == (403, "login.challenge")
    victim.post("/login/challenge")
    assert victim.post("/login/token", card(nonce)).problem == (403, "login.signature")


def test_a_phone_opens_the_door(app: Any, browser: Browser) -> None:
    scanned = scan(app, browser)
    waiting = browser.post("/login/qr/next").json
    assert (waiting["state"], waiting["code"]) == ("scanned", scanned["code"])
    assert browser.post("/login/qr/next").json["state"] == "waiting"
    answered = reply(app, scanned)
    assert answered.status == 202
    assert browser.post("/login/qr/next").json == {"location": "/"}
    assert "ТЕСТОВ ТЕСТ" in browser.get("/").body.decode()
    assert browser.post("/login/qr/next").problem == (403, "login.challenge")


def test_what_a_phone_answers_wrongly_is_refused_in_the_browser(app: Any, browser: Browser) -> None:
    scanned = scan(app, browser)
    assert reply(app, scanned, by=signatory()).status == 202
    assert browser.post("/login/qr/next").problem == (403, "login.key_role")
    assert reply(app, scanned | {"ticket": "eds-login-ticket:1:x"}).problem == (
        403,
        "login.qr_frame_refused",
    )


def test_files_are_served_with_their_type_and_tag(browser: Browser) -> None:
    page = browser.get("/login?lang=tg")
    assert '<html lang="tg" class="eds-page">' in page.body.decode()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "wss://127.0.0.1:13579" in policy
    for name, media_type in (("js", "text/javascript"), ("css", "text/css")):
        served = browser.get(f"/login/eds-login.{name}")
        assert served.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert served.headers["x-content-type-options"] == "nosniff"
        again = browser.get(
            f"/login/eds-login.{name}", more={"if-none-match": f'"x", W/{served.headers["etag"]}'}
        )
        assert (again.status, again.body) == (304, b"")
    assert browser.get("/login/nothing").problem == (404, "http.not_found")
    assert browser.get("/login/token").problem == (405, "http.method_not_allowed")


def test_what_is_too_large_or_of_no_type_is_refused(browser: Browser) -> None:
    large = browser.post("/login/token", b"0" * 600_000, media_type="application/cms")
    assert large.problem == (413, "http.request_too_large")
    for media_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        refused = browser.post("/login/token", b"{}", media_type=media_type)
        assert refused.problem == (415, "http.media_type_unsupported")
    browser.post("/login/challenge")
    assert browser.post("/login/token", b"{}").problem == (403, "login.token")


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("login_starlette", "starlette.routing", "fastapi"),
        ("login_flask", "flask", "flask"),
        ("login_django", "django.http", "django"),
    ],
)
def test_a_framework_that_is_not_there_is_named(
    module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"eds.http.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExtraMissing) as caught:
        __import__(f"eds.http.{module}")
    assert caught.value.extra == extra


def scan(app: Any, browser: Browser) -> dict[str, str]:
    """What a phone does with the code that it sees; it has no cookies and names no origin."""
    shown = browser.post("/login/qr").json
    while True:  # a frame lives three seconds, and a machine may be busy
        assert (shown["state"], shown["seconds"]) == ("waiting", 300)
        text = read_qr(shown["modules"])
        assert text.startswith(f"{ORIGIN}/login/phone#eds-login:1:")
        frame = text.partition("#")[2].encode()
        scanned = Browser(app).post("/login/phone/scan", frame, origin=None)
        if scanned.status == 200:
            return dict(scanned.json)
        assert scanned.problem == (403, "login.qr_frame_refused")
        shown = browser.post("/login/qr/next").json


def reply(app: Any, scanned: dict[str, str], **more: Any) -> Any:
    token = cms(scanned["statement"], method=Method.STATEMENT, **more)
    body = {"ticket": scanned["ticket"], "token": base64.b64encode(token).decode()}
    return Browser(app).post("/login/phone/answer", body, origin=None)
