"""One worker: an application behind uvicorn, with its limits, until it is told to stop.

SIGTERM lets requests in flight end, up to `drain_seconds`; connections that only wait are closed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from ..errors import ExtraMissing
from .application import Application
from .settings import ServerSettings

Listener = socket.socket

_BACKLOG: Final = 2048


def listening(settings: ServerSettings, *, count: int) -> list[Listener]:
    """Sockets that listen at the same address, one for each worker (SO_REUSEPORT).

    The system spreads connections over them. Whoever holds one keeps its waiting connections, also
    while the worker that takes them is being replaced. Raises OSError.
    """
    found: list[Listener] = []
    family, *_, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    try:
        for _ in range(count):
            made = socket.socket(family, socket.SOCK_STREAM)
            found.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(address)
            address = made.getsockname()  # the port, where any was asked for
            made.listen(_BACKLOG)
            made.set_inheritable(True)
    except OSError:
        for made in found:
            made.close()
        raise
    return found


def require_server() -> None:
    """Raises ExtraMissing where the packages of a server are not installed."""
    try:
        import httptools  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ExtraMissing(extra="http") from None


def _nothing(*_: object) -> None:
    """Nobody listens."""


class Serving:
    """A server that is about to run. `stop` ends it as SIGTERM does."""

    def __init__(self, application: Application, settings: ServerSettings) -> None:
        require_server()
        import uvicorn

        from .protocol import ConnectionLimits, limited

        limits = ConnectionLimits(
            header_octets=settings.header_octets,
            header_seconds=settings.header_seconds,
            body_seconds=settings.body_seconds,
            answer_seconds=settings.answer_seconds,
        )
        protocol: Any = limited(limits)
        asgi: Any = application  # the same protocol, with wider messages
        self._server = uvicorn.Server(
            uvicorn.Config(
                asgi,
                http=protocol,
                ws="none",
                loop="auto",
                interface="asgi3",
                lifespan="on",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies) or "",
                limit_concurrency=settings.connections,
                timeout_keep_alive=settings.idle_seconds,
                timeout_graceful_shutdown=settings.drain_seconds,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
                ssl_ca_certs=settings.tls_client_anchors,
                # Asked for; which doors want one is theirs to say.
                ssl_cert_reqs=ssl.CERT_OPTIONAL if settings.tls_client_anchors else ssl.CERT_NONE,
            )
        )

    def run(
        self,
        listener: Listener,
        *,
        started: Callable[[], None] = _nothing,
        beat: Callable[[int], None] = _nothing,
    ) -> None:
        """Answer at `listener` until told to stop.

        `started` is called when it does, `beat` about once a second with the number of open
        connections. A signal that ended it is raised again when all is over.
        """
        self._server.config.callback_notify = self._notifying(started, beat)
        self._server.config.timeout_notify = 1
        self._server.run(sockets=[listener])

    def _notifying(
        self, started: Callable[[], None], beat: Callable[[int], None]
    ) -> Callable[[], Any]:
        first = [started]

        async def notify() -> None:
            while first:
                first.pop()()
            beat(len(self._server.server_state.connections))

        return notify

    def stop(self) -> None:
        """Let requests in flight end, and return from `run`."""
        self._server.should_exit = True
