"""The page on which one logs in, its files, and what a browser is told to keep to."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Final

from ..login.browser import LANGUAGES, browser_file
from .login_portal import Asked, PortalLogin, Session, phone_of
from .messages import NO_STORE, Response

NCALAYER_SOCKET: Final = "wss://127.0.0.1:13579"


def security_headers(login: PortalLogin) -> Mapping[str, str]:
    """For every page with the box in it: nothing inline, no other origin but NCALayer's socket."""
    socket = f" {NCALAYER_SOCKET}" if "ncalayer" in login.offered else ""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{socket}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return MappingProxyType(
        {
            "content-security-policy": policy,
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cross-origin-opener-policy": "same-origin",
        }
    )


def box(login: PortalLogin) -> str:
    """The elements for a portal's own page: style, module, and the box itself."""
    path, audience = escape(login.path), escape(login.rules.audience)
    return (
        f'<link rel="stylesheet" href="{path}/eds-login.css">\n'
        f'<script type="module" src="{path}/eds-login.js"></script>\n'
        f'<eds-login base="{path}" methods="{" ".join(login.offered)}" audience="{audience}">'
        "</eds-login>"
    )


def page(login: PortalLogin, asked: Asked, _: Session) -> Response:
    """The box on a page of its own, in the first language that the browser names and we have."""
    language = next((one for one in _wanted(asked) if one in LANGUAGES), LANGUAGES[0])
    text = (
        f'<!doctype html>\n<html lang="{language}" class="eds-page">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(login.rules.audience)}</title>\n<main>\n{box(login)}\n"
        "<noscript>JavaScript керек · нужен · is needed · лозим аст</noscript>\n"
        "</main>\n</html>\n"
    )
    return _html(login, text)


def _wanted(asked: Asked) -> list[str]:
    """Languages in the order in which the browser names them."""
    accepted = asked.headers.get("accept-language", "")[:200].split(",")
    return [asked.language[:2], *(one.strip()[:2].lower() for one in accepted)]


def phone_page(login: PortalLogin, _: Asked, __: Session) -> Response:
    """For who opened the address in a QR code in a browser: it was meant for a signing app."""
    phone_of(login)
    audience = escape(login.rules.audience)
    text = (
        f'<!doctype html>\n<html lang="kk" class="eds-page">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="stylesheet" href="{escape(login.path)}/eds-login.css">\n'
        f'<title>{audience}</title>\n<main><div class="eds-note"><h1>{audience}</h1>\n'
        "<p>Бұл кодты қол қою қосымшасымен ашыңыз.</p>\n"
        '<p lang="ru">Откройте этот код приложением для подписи.</p>\n'
        '<p lang="en">Open this code with a signing app.</p>\n'
        '<p lang="tg">Ин рамзро бо барномаи имзо кушоед.</p>\n</div></main>\n</html>\n'
    )
    return _html(login, text)


def _html(login: PortalLogin, text: str) -> Response:
    headers = [("content-type", "text/html; charset=utf-8"), *security_headers(login).items()]
    octets = tuple((name.encode(), value.encode()) for name, value in headers)
    return Response(headers=(NO_STORE, *octets), body=text.encode())


def file(_: PortalLogin, asked: Asked, __: Session) -> Response:
    """The module or its style sheet; 304 for who has it already."""
    found = browser_file(asked.door)
    headers = (
        (b"content-type", found.media_type.encode()),
        (b"etag", found.tag.encode()),
        (b"cache-control", b"no-cache"),  # kept, but asked for each time: a new version is seen
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
    )
    known = asked.headers.get("if-none-match", "")[:1000]
    if known.strip() == "*" or found.tag in (
        one.strip().removeprefix("W/") for one in known.split(",")
    ):
        return Response(status=304, headers=headers[1:])
    return Response(headers=headers, body=found.content)
