"""One HTTP request as a door reads it, and one answer as a value. Plain ASGI, no framework.

A request is read only as far as its door asks, and never beyond the limits of its route; a length
that is announced too great is refused before an octet of it is read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol

from ..errors import (
    ClientGone,
    InvalidArgument,
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

    __slots__ = ("_receive", "limit", "parameters", "scope", "seconds")

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        parameters: Mapping[str, str],
        limit: int,
        seconds: float | None,
    ) -> None:
        self.scope = scope
        self.parameters = parameters
        self.limit = limit
        self.seconds = seconds
        self._receive = receive

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        method: str = self.scope["method"]
        return method

    @property
    def path(self) -> str:
        """The path, decoded once."""
        path: str = self.scope["path"]
        return path

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
        written = self.header(b"content-type")
        for one in accepted:
            if written == one.encode():  # nearly always, and nothing to take apart
                return one
        found = self.media_type
        if found not in accepted:
            raise MediaTypeUnsupported(accepted=accepted)
        return found

    async def body(self) -> bytes:
        """The whole body.

        Raises RequestTooLarge, RequestTimedOut, ClientGone, MalformedHttpRequest.
        """
        self._check_length()
        if self.seconds is not None:
            try:
                async with asyncio.timeout(self.seconds):
                    return await self._whole(await self._receive())
            except TimeoutError:
                raise RequestTimedOut(seconds=self.seconds) from None
        whole = whole_of(self.scope)
        body = None if whole is None else whole.read()  # it came at once, as nearly all do
        if body is None:
            return await self._whole(await self._receive())
        if len(body) > self.limit:
            raise RequestTooLarge(allowed=self.limit)
        return body

    async def _whole(self, message: Message) -> bytes:
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
    """An answer: status, headers without their length, and the whole body.

    It may be given again and again. Raises InvalidArgument for a header that is none.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    head: bytes = field(init=False, repr=False, compare=False)
    """Status line and headers of HTTP/1.1, to which a server adds its own and an empty line."""

    def __post_init__(self) -> None:
        head = _head(self.status, self.headers)
        if self.status not in _BODILESS:
            head += b"content-length: %d\r\n" % len(self.body)
        object.__setattr__(self, "head", head)

    @classmethod
    def of_json(cls, value: Any, *, status: int = 200, headers: Headers = ()) -> Response:
        """`value` as JSON that nobody keeps."""
        return cls(
            status=status,
            headers=(JSON, NO_STORE, *headers),
            body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
        )


@lru_cache(maxsize=256)
def _head(status: int, headers: Headers) -> bytes:
    """Status line and headers: those of most answers that are made anew are always the same."""
    lines = [_STATUS_LINES[status]]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    head = b"".join(lines)
    ends = len(headers) + 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends:
        raise InvalidArgument(argument="headers", reason="a line end in a header")
    return head


class Door(Protocol):
    """What answers at a route. It raises EdsError; what that becomes is a table's business."""

    async def __call__(self, request: Request, /) -> Response: ...


JSON: Final = (b"content-type", b"application/json")
NO_STORE: Final = (b"cache-control", b"no-store")
PIECE: Final = 256 * 1024  # octets handed to the server at once
_BODILESS: Final = frozenset({204, 304})  # no length is told of them (RFC 9110 §8.6)
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Whole(Protocol):
    """What a server may offer for the request whose turn it is: bodies in one piece, no messages.

    `read` gives the whole body, once; None where it must be received. `write` writes a whole
    answer; false where it must be sent.
    """

    def read(self) -> bytes | None: ...

    def write(self, response: Response, /) -> bool: ...


WHOLE: Final = "eds.whole"
"""The extension of ASGI (in `extensions`) under which a server offers a `Whole`."""


def whole_of(scope: Scope) -> Whole | None:
    """What the server offers."""
    offered = scope.get("extensions")
    found: Whole | None = offered.get(WHOLE) if offered else None
    return found


async def deliver(response: Response, send: Send) -> None:
    """Send an answer, a large one piece by piece."""
    body = response.body
    length = ((b"content-length", b"%d" % len(body)),)
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [*response.headers, *(() if response.status in _BODILESS else length)],
        }
    )
    sent = 0
    while len(body) - sent > PIECE:
        piece = body[sent : sent + PIECE]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        sent += PIECE
    await send({"type": "http.response.body", "body": body[sent:] if sent else body})
