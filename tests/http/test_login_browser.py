"""The box of a login in a real browser: three ways in, every way out, and nothing else heard.

Chromium runs the FastAPI example from a real server under TLS. A card's extension and NCALayer are
stand-ins that speak as the real ones do.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eds.errors import ChallengeStoreUnavailable
from eds.http.login import NcaModule
from eds.login import Method
from tests.http.portal import ORIGIN, Browser, cms, load, signatory
from tests.http.qr_reader import read_qr
from tests.http.stand_ins import (
    CONTENT_SCRIPT,
    OBSERVER,
    Extension,
    NcaLayer,
    certificate_for,
    served,
)

CHROMIUM = Path(os.environ.get("EDS_CHROMIUM", "/usr/bin/chromium"))
LOOK_ALIKE = "https://p0rtal.example.kz"
SOCKET = "wss://127.0.0.1:13579"
LANGUAGES = ("kk", "ru", "en", "tg")

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium (Debian: chromium)"),
    pytest.mark.untraced,
]


@dataclass
class Desk:
    """A browser at a desk, with what stands beside it."""

    app: Any
    login: Any
    nca: NcaLayer
    chromium: Any
    extension: Extension = field(default_factory=Extension)
    page: Any = None
    asked: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, *, origin: str = ORIGIN, language: str = "en", extension: bool = True) -> Any:
        context = self.chromium.new_context(ignore_https_errors=True)
        context.set_default_timeout(60_000)
        context.on("request", lambda request: self.asked.append(request.url))
        context.expose_function("policyViolation", self.violated)
        context.expose_function("nativeProgram", self.native_program)
        context.add_init_script(OBSERVER)
        if extension:
            context.add_init_script(CONTENT_SCRIPT)
        page = context.new_page()
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{origin}/login?lang={language}")
        self.page = page
        return page

    def violated(self, said: str) -> None:
        self.violations.append(said)

    def native_program(self, asked: dict[str, Any], seen: str) -> list[dict[str, Any]]:
        return self.extension.native_program(asked, seen)

    def choose(self, method: str) -> None:
        self.page.click(f"[data-method={method}]")

    def entered(self) -> str:
        self.page.wait_for_url(f"{ORIGIN}/")
        text: str = self.page.inner_text("h1")
        return text

    def failure(self) -> str:
        alert = self.page.wait_for_selector("[role=alert]:not(:empty)")
        code: str = alert.get_attribute("data-code")
        return code

    def text(self) -> str:
        found: str = self.page.inner_text("[role=alert]")
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, NcaLayer, Any]]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    folder = tmp_path_factory.mktemp("portal")
    names = [origin.removeprefix("https://") for origin in (ORIGIN, LOOK_ALIKE)]
    certificate, key = certificate_for(folder, *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        example = load("login_fastapi", folder, patch)
        port = stack.enter_context(served(example.app, certificate, key))
        nca = NcaLayer(context)
        stack.callback(nca.stop)
        started = stack.enter_context(playwright.sync_playwright())
        # Every name leads to this machine or nowhere.
        rules = [f"MAP {name}:443 127.0.0.1:{port}" for name in names]
        rules += [f"MAP 127.0.0.1:13579 127.0.0.1:{nca.port}", "MAP * ~NOTFOUND"]
        chromium = started.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", "--ignore-certificate-errors"),
                f"--host-resolver-rules={','.join(rules)}",
            ],
        )
        stack.callback(chromium.close)
        yield example, nca, chromium


@pytest.fixture
def desk(house: tuple[Any, NcaLayer, Any]) -> Iterator[Desk]:
    example, nca, chromium = house
    nca.by, nca.cancels, nca.answers = None, False, None
    nca.heard.clear()
    made = Desk(example.app, example.login, nca, chromium)
    yield made
    # Whatever happened: nothing but the portal and NCALayer's socket was asked for anything.
    origins = {ORIGIN, LOOK_ALIKE, SOCKET}
    assert {
        one for one in made.asked if not one.startswith(tuple(f"{o}/" for o in origins))
    } == set()
    assert made.errors == []
    for context in chromium.contexts:
        context.close()


def test_a_card_opens_the_door(desk: Desk) -> None:
    desk.open()
    desk.choose("web-eid")
    assert desk.entered() == "ТЕСТОВ ТЕСТ"
    assert [one["action"] for one in desk.extension.heard] == [
        "web-eid:status",
        "web-eid:authenticate",
    ]
    assert desk.extension.heard[1]["options"]["lang"] == "en"
    assert desk.violations == []


def test_ncalayer_opens_the_door(desk: Desk) -> None:
    desk.open()
    desk.choose("ncalayer")
    assert desk.entered() == "ТЕСТОВ ТЕСТ"
    (asked,) = desk.nca.heard
    assert (asked["module"], asked["method"]) == (
        "kz.gov.pki.knca.commonUtils",
        "createCAdESFromBase64",
    )
    storage, key_type, statement, attached = asked["args"]
    assert (storage, key_type, attached) == ("PKCS12", "AUTHENTICATION", True)
    assert b"NOT A DOCUMENT" in base64.b64decode(statement)
    assert desk.violations == []


def test_the_newer_module_of_ncalayer_opens_the_door(desk: Desk) -> None:
    object.__setattr__(desk.login, "ncalayer", NcaModule.BASICS)
    try:
        desk.open()
        desk.choose("ncalayer")
        assert desk.entered() == "ТЕСТОВ ТЕСТ"
    finally:
        object.__setattr__(desk.login, "ncalayer", NcaModule.COMMON_UTILS)
    (asked,) = desk.nca.heard
    assert asked["module"] == NcaModule.BASICS.value
    assert asked["args"]["signerParams"] == {"extKeyUsageOids": ["1.3.6.1.5.5.7.3.2"]}
    assert asked["args"]["signingParams"]["encapsulate"] is True


def test_a_phone_opens_the_door(desk: Desk) -> None:
    page = desk.open()
    desk.choose("phone")
    frames = {drawn(page)}
    page.wait_for_function(
        "(old) => document.querySelector('.eds-qr path').getAttribute('d') !== old",
        arg=page.get_attribute(".eds-qr path", "d"),
    )
    frames.add(drawn(page))
    assert len(frames) == 2
    scanned: Any = {}
    while "ticket" not in scanned:  # a frame lives three seconds, and a machine may be busy
        scanned = by_phone(desk, "scan", drawn(page).partition("#")[2].encode())
    page.wait_for_selector(".eds-code strong")
    assert page.inner_text(".eds-code strong").replace(" ", "") == scanned["code"]
    token = base64.b64encode(cms(scanned["statement"], method=Method.STATEMENT)).decode()
    by_phone(desk, "answer", {"ticket": scanned["ticket"], "token": token})
    assert desk.entered() == "ТЕСТОВ ТЕСТ"
    assert desk.violations == []


def by_phone(desk: Desk, door: str, body: bytes | dict[str, str]) -> Any:
    """No cookie, no origin: another device. Playwright has this thread's event loop."""
    ask = partial(Browser(desk.app).post, f"/login/phone/{door}", body, origin=None)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result().json


def drawn(page: Any) -> str:
    """The text of the code that is shown, read from its path."""
    side = int(page.get_attribute(".eds-qr", "viewBox").split()[2]) - 8
    rows = [["0"] * side for _ in range(side)]
    for part in page.get_attribute(".eds-qr path", "d").strip("Mz").split("zM"):
        where, _, length = part.partition("h")
        x, y = (int(one) - 4 for one in where.split())
        for n in range(int(length.partition("v")[0])):
            rows[y][x + n] = "1"
    return read_qr(["".join(row) for row in rows])


def test_what_went_wrong_is_said_in_each_language(desk: Desk) -> None:
    desk.extension = Extension(error="ERR_WEBEID_NATIVE_UNAVAILABLE")
    page = desk.open()
    texts = page.evaluate("import('/login/eds-login.js').then((module) => module.TEXTS)")
    for language, other in zip(LANGUAGES, (*LANGUAGES[1:], LANGUAGES[0]), strict=True):
        page.goto(f"{ORIGIN}/login?lang={language}")
        assert page.inner_text("h1") == texts[language]["title"]
        assert page.get_attribute("html", "lang") == language
        desk.choose("web-eid")
        assert desk.failure() == "web-eid.native_absent"
        assert texts[language]["errors"]["web-eid.native_absent"] in desk.text()
        # Another language is a button away, and takes the message with it.
        page.click(f".eds-languages [lang={other}]")
        assert texts[other]["errors"]["web-eid.native_absent"] in desk.text()


def test_an_extension_that_is_not_there_is_missed(desk: Desk) -> None:
    desk.open(extension=False)
    desk.choose("web-eid")
    assert desk.failure() == "web-eid.extension_absent"


def test_errors_of_the_extension_have_their_codes(desk: Desk) -> None:
    desk.open()
    for error, code in (
        ("ERR_WEBEID_USER_CANCELLED", "cancelled"),
        ("ERR_WEBEID_VERSION_MISMATCH", "web-eid.outdated"),
        ("ERR_WEBEID_USER_TIMEOUT", "web-eid.timeout"),
        ("ERR_WEBEID_ACTION_PENDING", "web-eid.busy"),
        ("ERR_WEBEID_NATIVE_FATAL", "web-eid.failed"),
        ("constructor", "web-eid.failed"),
    ):
        desk.extension = Extension(error=error)
        desk.choose("web-eid")
        assert desk.failure() == code


def test_a_look_alike_is_refused_by_the_portal(desk: Desk) -> None:
    desk.open(origin=LOOK_ALIKE)
    desk.choose("web-eid")
    assert desk.failure() == "login.request_refused"


def test_an_answer_for_another_origin_is_refused(desk: Desk) -> None:
    desk.extension = Extension(sees=LOOK_ALIKE)
    page = desk.open()
    desk.choose("web-eid")
    assert desk.failure() == "login.signature"
    # One is where one was, and may try again.
    assert page.evaluate("document.activeElement.dataset.method") == "web-eid"
    desk.extension = Extension()
    desk.choose("web-eid")
    assert desk.entered() == "ТЕСТОВ ТЕСТ"


def test_a_key_for_signatures_is_refused(desk: Desk) -> None:
    desk.nca.by = signatory()
    desk.open()
    desk.choose("ncalayer")
    assert desk.failure() == "login.key_role"


def test_ncalayer_that_is_not_there_is_missed(desk: Desk) -> None:
    desk.nca.stop()
    try:
        desk.open()
        desk.choose("ncalayer")
        assert desk.failure() == "ncalayer.absent"
    finally:
        desk.nca.start()
    desk.choose("ncalayer")
    assert desk.entered() == "ТЕСТОВ ТЕСТ"


def test_what_ncalayer_says_instead_has_its_code(desk: Desk) -> None:
    desk.open()
    for answers, code in (
        ("closes", "ncalayer.closed"),
        ("not JSON", "ncalayer.failed"),
        ("null", "ncalayer.failed"),
        ('{"code":"500","message":"wrong password"}', "ncalayer.failed"),
        ('{"code":"500","message":"action.canceled"}', "cancelled"),
        ('{"status":true,"body":{}}', "cancelled"),
        ('{"status":true,"body":{"result":[7]}}', "ncalayer.failed"),
        ('{"code":"200","responseObject":"AAAA"}', "login.token"),
        ("0" * 500_000, "ncalayer.failed"),
    ):
        desk.nca.answers = answers
        desk.choose("ncalayer")
        assert desk.failure() == code


def test_the_user_cancels(desk: Desk) -> None:
    """While NCALayer waits for a password, a card for its PIN, a phone for its owner."""
    desk.nca.answers = "waits"
    desk.extension = Extension(silent=True)
    page = desk.open()
    for method, way in (("ncalayer", "button"), ("web-eid", "key"), ("phone", "button")):
        desk.choose(method)
        page.wait_for_selector("eds-login[aria-busy=true] .eds-cancel")
        assert page.evaluate("document.activeElement.className") == "eds-cancel"
        if way == "button":
            page.click(".eds-cancel")
        else:
            page.keyboard.press("Escape")
        assert desk.failure() == "cancelled"
        assert page.evaluate("document.activeElement.dataset.method") == method


def test_a_store_that_is_away_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Any, challenge: Any) -> None:
        raise ChallengeStoreUnavailable(reason="ConnectionError")

    monkeypatch.setattr(type(desk.login.store), "put", away)
    desk.open()
    desk.choose("web-eid")
    assert desk.failure() == "login.store_unavailable"


def test_the_keyboard_is_enough(desk: Desk) -> None:
    page = desk.open()
    seen = []
    for _ in range(7):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.innerText.split('\\n')[0]"))
    assert seen == ["Қазақша", "Русский", "English", "Тоҷикӣ", "Smart card", "NCALayer", "Phone"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert desk.entered() == "ТЕСТОВ ТЕСТ"


def test_what_is_seen_has_roles_and_names(desk: Desk) -> None:
    desk.nca.answers = "waits"
    page = desk.open(language="ru")
    assert page.get_by_role("group", name="Способы входа").get_by_role("button").count() == 3
    assert page.get_by_role("button", name="Русский").get_attribute("aria-pressed") == "true"
    desk.choose("ncalayer")
    status = page.get_by_role("status")
    status.filter(has_text="Выберите ключ аутентификации").wait_for()
    page.click(".eds-cancel")
    desk.choose("phone")
    page.get_by_role("img", name="QR-код").wait_for()


def test_what_the_policy_forbids_is_refused_and_told(desk: Desk) -> None:
    """Were it not, none of the tests that hear of no violation would say a thing."""
    page = desk.open()
    page.evaluate(
        """async () => {
          let left = 2;
          const told = new Promise((done) => {
            document.addEventListener('securitypolicyviolation', () => {
              left -= 1;
              if (left === 0) done();
            });
          });
          const style = document.createElement('style');
          style.textContent = 'h1 { display: none }';
          document.head.append(style);
          fetch('https://evil.example/').catch(() => {});
          await told;
        }"""
    )
    assert page.is_visible("h1")
    assert sorted(one.partition(" ")[0] for one in desk.violations) == [
        "connect-src",
        "style-src-elem",
    ]


def test_nobody_is_waited_for_longer_than_the_challenge_lives(desk: Desk) -> None:
    rules = desk.login.rules
    object.__setattr__(desk.login, "rules", replace(rules, lifetime=timedelta(seconds=1)))
    try:
        desk.nca.answers = "waits"
        desk.open()
        for method in ("ncalayer", "phone"):
            desk.choose(method)
            assert desk.failure() == f"{method}.timeout"
    finally:
        object.__setattr__(desk.login, "rules", rules)


def test_the_page_goes_nowhere_but_to_its_own_origin(desk: Desk) -> None:
    page = desk.open()
    for location in ("https://evil.example/", "javascript:alert(1)", "//evil.example", 7):
        page.route("**/login/token", partial(fulfil, {"location": location}))
        desk.choose("web-eid")
        page.get_by_text("Login confirmed").wait_for()
        assert page.url.startswith(f"{ORIGIN}/login")
        page.reload()


def fulfil(said: dict[str, Any], route: Any) -> None:
    route.fulfill(json=said)


def test_a_portal_goes_on_in_its_own_way(desk: Desk) -> None:
    page = desk.open()
    page.evaluate(
        """document.addEventListener('eds-login', (event) => {
          event.preventDefault();
          document.title = JSON.stringify(event.detail);
        })"""
    )
    desk.choose("web-eid")
    page.get_by_text("Login confirmed").wait_for()
    assert (page.title(), page.url) == ('{"location":"/"}', f"{ORIGIN}/login?lang=en")


def test_a_code_that_nobody_knows_is_shown_as_text(desk: Desk) -> None:
    page = desk.open()
    hostile = "<img src=x onerror=alert(1)>"
    problem = {"status": 403, "json": {"code": hostile}}
    page.route("**/login/challenge", lambda route: route.fulfill(**problem))
    desk.choose("web-eid")
    assert desk.failure() == hostile
    assert "Something went wrong at the portal" in desk.text()
    assert page.locator("img").count() == 0
