"""The acts of the desk as rows of one table: path, body, answer, who may ask, what may go wrong.

Routes and their description (`eds.http.openapi`) are made of the same rows, so neither can say
what the other does not.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from ..enroll.desk import Envelope
from ..enroll.failures import NOT_ACCEPTED, Told
from ..errors import (
    ApplicationOpen,
    AssertionRefused,
    AuthenticationRequired,
    EvidenceUnverified,
    MalformedAssertion,
    MalformedHttpRequest,
    TransitionRefused,
)
from .bodies import Body, Schema
from .deskservice import BEARER, Act, Call, DeskService, applicants_own, repeated
from .messages import Request, Response
from .routing import Route

SMALL: Final = 64 * 1024
LARGE: Final = 2 * 1024 * 1024  # a chip with its picture, a capture
APPLICATION: Final = "[0-9a-f]{32}"
_KEY: Final = re.compile(r'"?([A-Za-z0-9_-]{1,64})"?')
_TOKEN: Final = re.compile(rb"[A-Za-z0-9_-]{22,171}")  # 16 to 128 octets
_APPLICATION: Final = re.compile(APPLICATION)
# What would tell an impostor something: is there an application, whose chip was it?
_DISCREET: Final = (ApplicationOpen, EvidenceUnverified, AssertionRefused, MalformedAssertion)


class Caller(Enum):
    """Who asks, and so what must come along and what is told."""

    ANYBODY = "anybody"  # the body itself says who
    NEWCOMER = "newcomer"  # chooses the token
    APPLICANT = "applicant"  # shows the token
    OFFICIAL = "official"  # signs in the body; told all reasons
    SIGNER = "signer"  # an official whose signed statement names the act by itself


_OFFICIALS: Final = frozenset({Caller.OFFICIAL, Caller.SIGNER})
_NAMED: Final = frozenset({Caller.NEWCOMER, Caller.APPLICANT, Caller.OFFICIAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row. `answer` is the JSON Schema of what comes back; `body` is None for no body."""

    name: str
    method: str
    path: str
    summary: str
    caller: Caller
    act: Act
    answer: Schema
    body: Body | None = None
    status: int = 200
    limit: int = SMALL

    def route(self, service: DeskService) -> Route:
        """Its route."""

        async def door(request: Request) -> Response:
            return await self._answer(service, request)

        return Route(method=self.method, path=self.path, door=door, limit=self.limit, kind="desk")

    async def _answer(self, service: DeskService, request: Request) -> Response:
        call = Call(
            values=await self._values(request),
            application=request.parameters.get("application", ""),
            envelope=Envelope(
                message=self._message(request), at=service.clock(), token=self._token(request)
            ),
        )
        if not _is_name(call.application):
            raise AuthenticationRequired(scheme=BEARER)
        try:
            found = await service.threads.run(lambda: repeated(lambda: self._act(service, call)))
        except TransitionRefused as refusal:
            if self.caller not in _OFFICIALS:
                raise
            told = tuple(Told(code=str(each), shown=str(each)) for each in refusal.failures)
            raise TransitionRefused(failures=told) from refusal
        except _DISCREET as error:
            if self.caller in _OFFICIALS:
                raise
            told = (Told(code=error.code, shown=NOT_ACCEPTED),)
            raise TransitionRefused(failures=told) from error
        return Response.of_json(found, status=self.status)

    @property
    def has_message(self) -> bool:
        """Whether an Idempotency-Key names the act: the same again does nothing twice."""
        return self.method == "POST" and self.caller in _NAMED

    @property
    def has_token(self) -> bool:
        """Whether the applicant's token comes along."""
        return self.caller in (Caller.NEWCOMER, Caller.APPLICANT)

    def _act(self, service: DeskService, call: Call) -> Any:
        if self.caller is Caller.APPLICANT:
            applicants_own(service, call)
        return self.act(service, call)

    async def _values(self, request: Request) -> Mapping[str, Any]:
        if self.body is None:
            if await request.body():
                raise MalformedHttpRequest(reason="no body is wanted here")
            return {}
        request.require_media_type("application/json")
        return self.body.decode(await request.body(), size=self.limit)

    def _message(self, request: Request) -> str:
        if not self.has_message:
            return "-"
        value = (request.header(b"idempotency-key") or b"").decode("latin-1")
        found = _KEY.fullmatch(value)
        if found is None:
            raise MalformedHttpRequest(reason="Idempotency-Key: 1 to 64 of A-Z a-z 0-9 _ -")
        return found[1]

    def _token(self, request: Request) -> bytes:
        if not self.has_token:
            return b""
        scheme, _, value = (request.header(b"authorization") or b"").partition(b" ")
        if scheme.lower() != b"bearer" or not _TOKEN.fullmatch(value.strip()):
            raise AuthenticationRequired(scheme=BEARER)
        try:
            return base64.urlsafe_b64decode(value.strip() + b"==")
        except binascii.Error:
            raise AuthenticationRequired(scheme=BEARER) from None


def _is_name(application: str) -> bool:
    return not application or _APPLICATION.fullmatch(application) is not None
