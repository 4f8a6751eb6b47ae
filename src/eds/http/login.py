"""The doors of a login for browsers and phones, whatever framework a portal is built with.

A framework's adapter reads a request into an `Asked`, calls `answer` with the session that the
framework keeps, and gets an answer to send, or the Person for whom the portal makes its own.
Permission, and the session from then on, are the portal's.

| door | who asks | what for |
|---|---|---|
| `GET /` | browser | a page with the box in which one logs in |
| `GET /eds-login.js`, `.css` | browser | that box |
| `POST /challenge`, `/token` | browser | what is to be signed, and the answer |
| `POST /qr`, `/qr/next` | browser | the next frame of a QR code, or what the phone sent |
| `POST /phone/scan`, `/phone/answer` | phone | what is to be signed, and the answer |

No secret of the browser's session is told to anybody: doors of browsers ask that the request came
from the portal's own page (Origin, Sec-Fetch-Site), which also keeps out forged ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..errors import EdsError, MethodNotAllowed, PathNotFound, RequestTooLarge
from ..login import KeyRole, Method, Person, begin
from ..login.browser import FILES
from ..login.statement import write_statement
from .login_page import box, file, page, phone_page, security_headers
from .login_phone import phone_answer, qr, qr_next, scan
from .login_portal import (
    LONGEST_BODY,
    Asked,
    NcaModule,
    PhoneLogin,
    PortalLogin,
    Session,
    base64_of,
    finished,
    require_own_page,
    require_type,
)
from .messages import Response
from .problems import problem

__all__ = [
    "LONGEST_BODY",
    "Asked",
    "NcaModule",
    "PhoneLogin",
    "PortalLogin",
    "Session",
    "answer",
    "box",
    "security_headers",
]

_SESSION: Final = "eds_login"


def answer(login: PortalLogin, asked: Asked, session: Session) -> Response | Person:
    """What is to be sent, or who is there: then the portal answers, and the page goes on with it.

    The portal's answer is JSON; the page goes to its `location`. Raises what evidence, store and
    `record` raise beside EdsError.
    """
    try:
        method = "GET" if asked.method == "HEAD" else asked.method
        for_methods = _DOORS.get(asked.door)
        if for_methods is None:
            raise PathNotFound
        found = for_methods.get(method)
        if found is None:
            raise MethodNotAllowed(allowed=tuple(for_methods))
        if len(asked.body) > LONGEST_BODY:
            raise RequestTooLarge(allowed=LONGEST_BODY)
        return found(login, asked, session)
    except EdsError as error:
        return problem(error)


def _challenge(login: PortalLogin, asked: Asked, session: Session) -> Response:
    require_own_page(login, asked)
    require_type(asked, "application/json")
    reference = session.get(_SESSION)
    if not isinstance(reference, str):
        reference = secrets.token_urlsafe(32)
        session[_SESSION] = reference
    rules = login.rules
    challenge = begin(reference, rules=rules, store=login.store, at=login.clock())
    said: dict[str, Any] = {
        "code": challenge.code,
        "seconds": int(rules.lifetime.total_seconds()),
    }
    if Method.WEB_EID in rules.methods:
        said["nonce"] = challenge.nonce
    if Method.STATEMENT in rules.methods:
        said["statement"] = base64_of(write_statement(challenge, method=Method.STATEMENT))
    if Method.STATEMENT_AS_DATA in rules.methods:
        said["ncalayer"] = {
            "module": login.ncalayer.value,
            "storage": login.storage,
            # Unified certificates of Kazakhstan are signature keys, and hidden under this type.
            "keyType": "ALL" if KeyRole.SIGNATURE in rules.key_roles else "AUTHENTICATION",
            "statement": base64_of(write_statement(challenge, method=Method.STATEMENT_AS_DATA)),
        }
    return Response.of_json(said)


def _token(login: PortalLogin, asked: Asked, session: Session) -> Response | Person:
    require_own_page(login, asked)
    require_type(asked, "application/json", "application/cms")
    return finished(login, session, _SESSION, session.get(_SESSION), asked.body)


_Door = Callable[[PortalLogin, Asked, Session], Response | Person]
_DOORS: Final[Mapping[str, Mapping[str, _Door]]] = {
    "": {"GET": page},
    **{name: {"GET": file} for name in FILES},
    "challenge": {"POST": _challenge},
    "token": {"POST": _token},
    "qr": {"POST": qr},
    "qr/next": {"POST": qr_next},
    "phone": {"GET": phone_page},
    "phone/scan": {"POST": scan},
    "phone/answer": {"POST": phone_answer},
}
