"""The doors of a login as routes of Starlette or FastAPI. Extra `fastapi`.

The session is the portal's, and so are the flags of its cookie:

    app = FastAPI(routes=login_routes(login, enter=enter))
    app.add_middleware(SessionMiddleware, secret_key=…, https_only=True, same_site="lax",
                       session_cookie="__Host-session")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ..errors import ExtraMissing
from ..login import Person
from .login import LONGEST_BODY, Asked, PortalLogin, answer

try:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response
    from starlette.routing import BaseRoute, Route
except ImportError as missing:
    raise ExtraMissing(extra="fastapi") from missing

if TYPE_CHECKING:
    from starlette.requests import Request

Enter = Callable[["Request", Person], Awaitable[Response]]
"""Given the request and who is there, the portal decides, makes its session, and answers in JSON:
`{"location": …}` for the page to go on to, or a problem."""

_METHODS: Final = ["GET", "POST"]


def login_routes(login: PortalLogin, *, enter: Enter) -> list[BaseRoute]:
    """Routes under `login.path`. They want a session: `SessionMiddleware`, or one like it."""

    async def doors(request: Request) -> Response:
        asked = Asked(
            method=request.method,
            door=request.path_params.get("door", ""),
            headers=dict(request.headers),
            body=await _body(request),
            language=request.query_params.get("lang", ""),
        )
        # Signatures are computed and stores waited for beside the event loop.
        found = await run_in_threadpool(answer, login, asked, request.session)
        if isinstance(found, Person):
            return await enter(request, found)
        response = Response(found.body, status_code=found.status)
        response.raw_headers.extend(found.headers)
        return response

    return [
        Route(login.path, doors, methods=_METHODS),
        Route(f"{login.path}/{{door:path}}", doors, methods=_METHODS),
    ]


async def _body(request: Request) -> bytes:
    """The body, or one octet more than is taken at most."""
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > LONGEST_BODY:
            break
    return bytes(received[: LONGEST_BODY + 1])
