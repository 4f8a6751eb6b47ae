"""A portal's folder, its people with certificates of today, and a browser for any framework."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

import pytest

from eds import pem
from eds.login import Method
from tests.http.asgi import Answer, ask
from tests.login import house
from tests.verify.cms_house import Signer, authority
from tests.verify.status_house import DAY, HOUR, crl

ORIGIN = "https://portal.example.kz"
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
EXAMPLES = Path(__file__).parents[2] / "examples"


@cache
def resident() -> Signer:
    """With an authentication key, certified until tomorrow."""
    return house.certify("resident", until=datetime.now(UTC) + DAY)


@cache
def signatory() -> Signer:
    """With a signature key."""
    usages = ("digital_signature", "content_commitment")
    until = datetime.now(UTC) + DAY
    return house.certify("a signatory", usages=usages, purposes=(house.MAIL,), until=until)


@cache
def stranger() -> Signer:
    """Says that the portal's issuer certified it, which it did not."""
    return house.certify("stranger", until=datetime.now(UTC) + DAY, signer="nobody")


def furnish(folder: Path) -> None:
    """What a portal of the examples reads: its issuers, and lists of today."""
    now = datetime.now(UTC).replace(microsecond=0)
    (folder / "issuers.pem").write_bytes(pem.write("CERTIFICATE", authority().encoded))
    (folder / "list.crl").write_bytes(crl(at=now - HOUR, until=now + DAY).encoded)


def load(name: str, folder: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """An example as a server would import it, once in a process: Django allows no more."""
    furnish(folder)
    patch.setenv("PORTAL", str(folder))
    patch.setenv("ORIGIN", ORIGIN)
    patch.syspath_prepend(EXAMPLES)
    return sys.modules.get(name) or importlib.import_module(name)


def card(nonce: str, *, origin: str = ORIGIN, by: Signer | None = None) -> bytes:
    """The token that a card makes in a browser which shows `origin`."""
    challenge: Any = SimpleNamespace(origin=origin, nonce=nonce)
    return house.web_eid(challenge, by=by or resident()).encode()


def cms(statement: str, *, method: Method, by: Signer | None = None) -> bytes:
    """What a program that makes CMS does with a statement in base64."""
    nobody: Any = None
    said = base64.b64decode(statement)
    return house.cms(nobody, by=by or resident(), method=method, content=said)


@dataclass
class Browser:
    """Keeps cookies, and names the origin of what it posts."""

    app: Any
    cookies: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    """Set-Cookie as it came, in lower case."""

    def get(self, path: str, *, more: Mapping[str, str] = _NO_HEADERS) -> Answer:
        return self._ask("GET", path, b"", more)

    def post(
        self, path: str, body: bytes | Mapping[str, str] = b"", *,
        media_type: str = "application/json", origin: str | None = ORIGIN,
        more: Mapping[str, str] = _NO_HEADERS,
    ) -> Answer:  # fmt: skip
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {} if origin is None else {"origin": origin, "sec-fetch-site": "same-origin"}
        return self._ask("POST", path, sent, {"content-type": media_type} | named | dict(more))

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        sent = {"host": "portal.example.kz", "content-length": str(len(body)), **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        ask_it = (
            _wsgi if hasattr(self.app, "wsgi_app") or hasattr(self.app, "get_response") else _asgi
        )
        answer = ask_it(self.app, method, path, body, sent)
        cookie = answer.headers.get("set-cookie")
        if cookie is not None:
            self.flags.append(cookie.lower())
            for name, morsel in SimpleCookie(cookie).items():
                self.cookies[name] = morsel.value
        return answer


def _asgi(app: Any, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    more: dict[str, Any] = dict(headers)
    return asyncio.run(ask(app, method, path, pieces=[body], **more))


def _wsgi(app: Any, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    from werkzeug.test import Client

    with Client(app, use_cookies=False).open(
        path, method=method, base_url=ORIGIN, data=body, headers=dict(headers)
    ) as response:
        told = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, told, response.get_data())
