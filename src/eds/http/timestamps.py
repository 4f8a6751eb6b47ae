"""The time-stamping door: RFC 3161 §3.4 over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..ca.tsa import TimeStampAnswer, TimeStampingAuthority
from .clocks import WatchedClock
from .messages import NO_STORE, Request, Response
from .threads import Threads

QUERY_TYPE: Final = "application/timestamp-query"
REQUEST_LIMIT: Final = 16 * 1024
GRANTED: Final = "granted"
_HEADERS: Final = ((b"content-type", b"application/timestamp-reply"), NO_STORE)


class TimeStampDoor:
    """Stamps what is asked. With `signing`, the key is used in those threads."""

    def __init__(
        self,
        authority: TimeStampingAuthority,
        *,
        clock: WatchedClock,
        signing: Threads | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._authority = authority
        self._clock = clock
        self._signing = signing
        self._told = told

    async def __call__(self, request: Request, /) -> Response:
        """POST of a TimeStampReq.

        Raises MediaTypeUnsupported, what reading a body does, KeyStoreError, Overloaded,
        WorkTimedOut.
        """
        request.require_media_type(QUERY_TYPE)
        answer = await self._answer(await request.body())
        if self._told is not None:
            self._told(answer.failure.name.lower() if answer.failure else GRANTED)
        return Response(headers=_HEADERS, body=answer.encoded)

    async def _answer(self, asked: bytes) -> TimeStampAnswer:
        if self._signing is None:
            return self._authority.respond(asked, clock=self._clock.read())
        return await self._signing.run(
            lambda: self._authority.respond(asked, clock=self._clock.read())
        )
