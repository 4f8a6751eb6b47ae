"""One HTTP request as a door reads it, and one answer as a value. Plain ASGI, no framework.

A request is read only as far as its door asks, and never beyond the limits of its route: a length
that is announced too great is refused before an octet of it is read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ..errors import (
    ClientGone,
    MalformedHttpRequest,
    MediaTypeUnsupported,
    RequestTimedOut,
    RequestTooLarge,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Headers = tuple[tuple[bytes, bytes], ...]


class Request:
    """A request on its way in. `parameters` are the parts of the path that its route names.

    `limit` is the most octets of a body, `seconds` the time in which it must have come.
    """

    __slots__ = ("_receive", "limit", "method", "parameters", "path", "scope", "seconds")

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        *,
        parameters: Mapping[str, str],
        limit: int,
        seconds: float | None,
    ) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.parameters = parameters
        self.limit = limit
        self.seconds = seconds
        self._receive = receive

    @property
    def address(self) -> str:
        """Where the request came from; empty where the server does not say."""
        client = self.scope.get("client")
        return client[0] if client else ""

    @property
    def raw_path(self) -> bytes:
        """The path as it came, nothing decoded."""
        raw: bytes = self.scope.get("raw_path") or self.path.encode("latin-1", "replace")
        return raw

    @property
    def query(self) -> bytes:
        """What follows the question mark, as it came."""
        query: bytes = self.scope.get("query_string") or b""
        return query

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name, in lower case, as it came."""
        for found, value in self.scope["headers"]:
            if found == name:
                octets: bytes = value
                return octets
        return None

    @property
    def media_type(self) -> str:
        """The type and subtype of the content, in lower case; empty where it is not said."""
        value = self.header(b"content-type") or b""
        return value.partition(b";")[0].strip().lower().decode("latin-1")

    def require_media_type(self, *accepted: str) -> str:
        """The media type. Raises MediaTypeUnsupported unless it is one of these."""
        found = self.media_type
        if found not in accepted:
            raise MediaTypeUnsupported(accepted=accepted)
        return found

    async def body(self) -> bytes:
        """The whole body.

        Raises RequestTooLarge, RequestTimedOut, ClientGone, MalformedHttpRequest.
        """
        self._check_length()
        if self.seconds is None:
            return await self._read()
        try:
            async with asyncio.timeout(self.seconds):
                return await self._read()
        except TimeoutError:
            raise RequestTimedOut(seconds=self.seconds) from None

    async def _read(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            whole: bytes = message.get("body", b"")
            if len(whole) > self.limit:
                raise RequestTooLarge(allowed=self.limit)
            return whole
        received = bytearray()
        while True:
            if message["type"] != "http.request":
                raise ClientGone
            received += message.get("body", b"")
            if len(received) > self.limit:
                raise RequestTooLarge(allowed=self.limit)
            if not message.get("more_body", False):
                return bytes(received)
            message = await self._receive()

    def _check_length(self) -> None:
        announced = self.header(b"content-length")
        if announced is None:
            return
        if not announced.isdigit() or len(announced) > 15:
            raise MalformedHttpRequest(reason="Content-Length is no length")
        if int(announced) > self.limit:
            raise RequestTooLarge(allowed=self.limit)

    async def json(self) -> Any:
        """The body as JSON. Raises MediaTypeUnsupported, MalformedHttpRequest, as `body` does."""
        self.require_media_type("application/json")
        body = await self.body()
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise MalformedHttpRequest(reason="the body is not JSON") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: status, headers without their length, and the whole body."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""

    @classmethod
    def of_json(cls, value: Any, *, status: int = 200, headers: Headers = ()) -> Response:
        """`value` as JSON that nobody keeps."""
        return cls(
            status=status,
            headers=(JSON, NO_STORE, *headers),
            body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
        )


class Door(Protocol):
    """What answers at a route. It raises EdsError; what that becomes is a table's business."""

    async def __call__(self, request: Request, /) -> Response: ...


JSON: Final = (b"content-type", b"application/json")
NO_STORE: Final = (b"cache-control", b"no-store")
_PIECE: Final = 256 * 1024  # octets handed to the server at once


async def deliver(response: Response, send: Send) -> None:
    """Send an answer, a large one piece by piece."""
    body = response.body
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [*response.headers, (b"content-length", b"%d" % len(body))],
        }
    )
    for start in range(0, len(body) - _PIECE, _PIECE):
        piece = body[start : start + _PIECE]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    rest = len(body) - (len(body) % _PIECE or _PIECE) if len(body) > _PIECE else 0
    await send({"type": "http.response.body", "body": body[rest:] if rest else body})
