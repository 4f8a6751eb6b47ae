"""A login by phone: the browser shows frames, the phone scans one, signs and answers.

The browser asks every second and gets the next frame, then the code to compare, and last what the
phone sent is judged in the browser's own request: nobody is let in anywhere else.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import datetime
from typing import Final

from ..errors import MalformedHttpRequest, RequestTooLarge
from ..login import Method, Person, begin, canonical, session_digest
from ..login.answers import LONGEST_ANSWER
from ..login.challenges import LIFETIME
from ..login.frames import read_frame, read_ticket, write_frame, write_ticket
from ..login.statement import write_statement
from .login_portal import (
    Asked,
    PhoneLogin,
    PortalLogin,
    Session,
    base64_of,
    finished,
    phone_of,
    refusal_of,
    require_own_page,
    require_type,
)
from .messages import Response
from .qrcodes import modules_of

_QR: Final = "eds_login_qr"
_SCANNED: Final = b"C"
_ANSWERED: Final = b"T"


def qr(login: PortalLogin, asked: Asked, session: Session) -> Response:
    """A new reference for this browser, and its first frame."""
    phone = phone_of(login)
    require_own_page(login, asked)
    require_type(asked, "application/json")
    now = login.clock()
    reference = secrets.token_urlsafe(24)
    session[_QR] = f"{reference}.{int(now.timestamp())}"
    return _frame(login, phone, reference, now)


def qr_next(login: PortalLogin, asked: Asked, session: Session) -> Response | Person:
    """The next frame, the code once it was scanned, or what the answer came to."""
    phone = phone_of(login)
    require_own_page(login, asked)
    require_type(asked, "application/json")
    kept = session.get(_QR)
    reference, _, since = kept.partition(".") if isinstance(kept, str) else ("", "", "")
    if not reference or not since.isdigit():
        return refusal_of("login.challenge", None)
    now = login.clock()
    # Scanned at the last moment, it may be answered for five minutes more.
    if now.timestamp() - int(since) > 2 * LIFETIME.total_seconds():
        session.pop(_QR, None)
        return refusal_of("login.lifetime", None)
    came = phone.answers.take(session_digest(reference))
    if came is None:
        return _frame(login, phone, reference, now)
    if came.startswith(_SCANNED):
        return Response.of_json({"state": "scanned", "code": came[1:].decode("ascii", "replace")})
    result = finished(login, session, _QR, reference, came[1:])
    session.pop(_QR, None)
    return result


def _frame(login: PortalLogin, phone: PhoneLogin, reference: str, now: datetime) -> Response:
    frame = write_frame(reference, secret=phone.secret, at=now)
    # The frame stands after #, so that a browser that opens the address sends it nowhere.
    modules = modules_of(f"{login.rules.origin}{login.path}/phone#{frame}")
    seconds = int(login.rules.lifetime.total_seconds())
    return Response.of_json({"state": "waiting", "seconds": seconds, "modules": modules})


def scan(login: PortalLogin, asked: Asked, _: Session) -> Response:
    """A phone shows the frame that it sees, and gets what is to be signed."""
    phone = phone_of(login)
    frame = asked.body[:257].decode("ascii", "replace")
    now = login.clock()
    reference = read_frame(frame, secret=phone.secret, at=now)
    challenge = begin(reference, rules=login.rules, store=login.store, at=now)
    session = session_digest(reference)
    phone.answers.put(session, _SCANNED + challenge.code.encode(), until=challenge.expires_at)
    return Response.of_json(
        {
            "ticket": write_ticket(reference, secret=phone.secret, at=now),
            "method": Method.STATEMENT.value,
            "statement": base64_of(write_statement(challenge, method=Method.STATEMENT)),
            "code": challenge.code,
            "seconds": int(login.rules.lifetime.total_seconds()),
        }
    )


def phone_answer(login: PortalLogin, asked: Asked, _: Session) -> Response:
    """What the phone signed: judged when the browser that waits for it asks next."""
    phone = phone_of(login)
    require_type(asked, "application/json")
    try:
        said = canonical.read(asked.body.decode())
        ticket, token = said["ticket"], base64.b64decode(said["token"], validate=True)
        if not isinstance(ticket, str):
            raise MalformedHttpRequest(reason="the ticket is no text")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise MalformedHttpRequest(reason="a ticket and a token in base64 are wanted") from error
    if len(token) > LONGEST_ANSWER:
        raise RequestTooLarge(allowed=LONGEST_ANSWER)
    now = login.clock()
    reference = read_ticket(ticket, secret=phone.secret, at=now)
    phone.answers.put(session_digest(reference), _ANSWERED + token, until=now + LIFETIME)
    return Response.of_json({}, status=202)
