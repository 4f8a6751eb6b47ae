"""The browser's module: its texts are whole, its syntax holds, and it is served as it is."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eds.errors import (
    ChallengeStoreUnavailable,
    InvalidArgument,
    LoginRefused,
    LoginRequestRefused,
    QrFrameRefused,
)
from eds.login import steps
from eds.login.browser import FILES, LANGUAGES, browser_file

MODULE = Path(browser_file.__wrapped__.__code__.co_filename).with_name("eds-login.js")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node")


def node(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        ["node", *arguments], input=text, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def texts() -> dict[str, dict[str, Any]]:
    said = node(
        "--input-type=module",
        "-e",
        f"import {{ TEXTS }} from {json.dumps(MODULE.as_uri())};"
        "process.stdout.write(JSON.stringify(TEXTS))",
    )
    found: dict[str, dict[str, Any]] = json.loads(said)
    return found


@needs_node
def test_its_syntax_holds() -> None:
    node("--input-type=module", "--check", text=MODULE.read_text(encoding="utf-8"))


@needs_node
def test_each_language_says_all(texts: dict[str, dict[str, Any]]) -> None:
    assert tuple(texts) == LANGUAGES
    first = texts["kk"]
    for language, said in texts.items():
        assert said.keys() == first.keys(), language
        assert said["errors"].keys() == first["errors"].keys(), language
        every = [*(one for one in said.values() if isinstance(one, str)), *said["errors"].values()]
        assert all(one.strip() == one and one for one in every), language
    # Nothing was left in another language's words.
    for one in ("ru", "en", "tg"):
        same = [
            code for code, text in texts[one]["errors"].items() if text == first["errors"][code]
        ]
        assert same == [], one


@needs_node
def test_every_way_to_fail_has_its_words(texts: dict[str, dict[str, Any]]) -> None:
    refusals = {
        *steps.ORDER,
        *(one.code for one in (LoginRefused, LoginRequestRefused, QrFrameRefused)),
        ChallengeStoreUnavailable.code,
    }
    known = texts["en"]["errors"].keys()
    assert refusals - known == set()
    source = MODULE.read_text(encoding="utf-8")
    raised = set(re.findall(r"(?:fail|EdsLoginError)\('([^']+)'\)", source))
    raised |= set(re.findall(r"within\(\w+, '([^']+)'", source))
    raised |= set(re.findall(r"ERR_WEBEID_\w+: '([^']+)'", source))
    assert len(raised) > 12
    assert raised - known == set()
    # And no words for what never happens: these are one side of a choice.
    assert known - refusals - raised == {"network", "server", "web-eid.failed"}


def test_a_file_is_given_with_its_type_and_tag() -> None:
    for name, media_type in FILES.items():
        found = browser_file(name)
        assert (found.name, found.media_type) == (name, media_type)
        assert found.content == MODULE.with_name(name).read_bytes()
        assert found.tag == f'"{hashlib.sha256(found.content).hexdigest()[:32]}"'
    with pytest.raises(InvalidArgument):
        browser_file("../rules.py")
