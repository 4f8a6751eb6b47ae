"""The application: routes, limits and what goes around every request. Plain ASGI 3.

Nothing that comes in can raise out of it. An error on purpose becomes its problem; any other
becomes a 500 that says nothing, and a line in the log that says where.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ..errors import ClientGone, EdsError
from .journal import Entry, Journal, Told, place_of
from .messages import Receive, Request, Scope, Send, deliver, whole_of
from .problems import fault, problem
from .routing import METHODS, RouteTable

Observer = Callable[[str, int, float], None]
"""Called after each request with the kind of its route, the status and the seconds it took."""

UNKNOWN_ROUTE: Final = "-"
_GONE: Final = 499  # the client went away; nobody gets this status


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may take: seconds for its body to come.

    None where the server itself sees to that, as `eds serve` does, and to answers not taken.
    """

    read_seconds: float | None = 10.0


Admission = Callable[[str], None]
"""Called with a client's address before anything is done for it. Raises RateExceeded."""

Lifespan = Callable[[], AbstractAsyncContextManager[object]]
"""Entered before the first request is answered, left after the last."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Application:
    """An ASGI application of doors.

    `lifespans` are what runs beside the doors while they are open. `journal` gets an Entry for
    each request that `told` includes; `observe` hears of all.
    """

    routes: RouteTable
    limits: Limits = Limits()
    journal: Journal | None = None
    told: Told = Told.REFUSED
    observe: Observer | None = None
    admit: Admission | None = None
    lifespans: Sequence[Lifespan] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        began = time.perf_counter()
        method, name, kind = scope["method"], UNKNOWN_ROUTE, UNKNOWN_ROUTE
        code = place = None
        status, size = _GONE, 0
        try:
            if self.admit is not None and (client := scope.get("client")):
                self.admit(client[0])
            route, parameters = self.routes.find(method, scope["path"])
            name, kind = route.path, route.kind
            request = Request(scope, receive, parameters, route.limit, self.limits.read_seconds)
            response = await route.door(request)
        except EdsError as error:
            code, response = error.code, problem(error)
        except Exception as error:  # noqa: BLE001 - the one place where errors of requests end
            code, place, response = "http.internal", place_of(error), fault()
        if code != ClientGone.code:
            whole = whole_of(scope)
            if whole is None or not whole.write(response):
                await deliver(response, send)
            status, size = response.status, len(response.body)
        took = time.perf_counter() - began
        if self.observe is not None:
            self.observe(kind, status, took)
        if status >= self.told.least and self.journal is not None:
            self.journal(
                Entry(
                    at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                    method=method if method in METHODS else "-",
                    route=name,
                    status=status,
                    micros=round(took * 1_000_000),
                    octets=size,
                    code=code,
                    place=place,
                )
            )

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        async with AsyncExitStack() as opened:
            try:
                for lifespan in self.lifespans:
                    await opened.enter_async_context(lifespan())
            except EdsError as error:
                await send({"type": "lifespan.startup.failed", "message": error.code})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
        await send({"type": "lifespan.shutdown.complete"})
