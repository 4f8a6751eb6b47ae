"""The doors of a login as a blueprint of Flask. Extra `flask`.

The session is the portal's, and so are the flags of its cookie:

    app.config |= {"SESSION_COOKIE_NAME": "__Host-session", "SESSION_COOKIE_SECURE": True,
                   "SESSION_COOKIE_HTTPONLY": True, "SESSION_COOKIE_SAMESITE": "Lax"}
    app.register_blueprint(login_blueprint(login, enter=enter))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..errors import ExtraMissing
from ..login import Person
from .login import LONGEST_BODY, Asked, PortalLogin, answer

try:
    from flask import Blueprint, Response, request, session
    from flask.typing import ResponseReturnValue
except ImportError as missing:
    raise ExtraMissing(extra="flask") from missing

Enter = Callable[[Person], ResponseReturnValue]
"""Given who is there, the portal decides, makes its session, and answers in JSON:
`{"location": …}` for the page to go on to, or a problem."""

_METHODS: Final = ["GET", "POST"]


def login_blueprint(login: PortalLogin, *, enter: Enter) -> Blueprint:
    """A blueprint under `login.path`. It wants a session: a `secret_key`, or one on the server."""
    blueprint = Blueprint("eds_login", __name__, url_prefix=login.path)

    def doors(door: str) -> ResponseReturnValue:
        asked = Asked(
            method=request.method,
            door=door,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.stream.read(LONGEST_BODY + 1),
            language=request.args.get("lang", ""),
        )
        found = answer(login, asked, session)
        if isinstance(found, Person):
            return enter(found)
        headers = [(name.decode(), value.decode()) for name, value in found.headers]
        return Response(found.body, status=found.status, headers=headers)

    blueprint.add_url_rule("", view_func=doors, methods=_METHODS, defaults={"door": ""})
    blueprint.add_url_rule("/<path:door>", view_func=doors, methods=_METHODS)
    return blueprint
