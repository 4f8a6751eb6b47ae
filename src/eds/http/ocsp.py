"""The OCSP door (RFC 6960 appendix A), with what caches want to know (RFC 5019 §6).

An answer without a nonce is kept and given again for as long as the very status it tells of stands
in memory: when that is dropped, so is the answer. Everything else is signed when it is asked for.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from ..ca.lifecycle import Status
from ..ca.responder import (
    OcspAnswer,
    Responder,
    ServedIssuer,
    failure,
    read_request,
)
from ..errors import (
    DecodeError,
    MalformedHttpRequest,
    Overloaded,
    RegisterUnavailable,
    WorkTimedOut,
)
from ..ocsp import ResponseStatus
from .caching import http_date, is_known, tag_of
from .memory import Bounded, Key, StatusMemory
from .messages import NO_STORE, Headers, Request, Response
from .routing import Route
from .threads import Threads

REQUEST_TYPE: Final = "application/ocsp-request"
REQUEST_LIMIT: Final = 64 * 1024
_TYPE: Final = (b"content-type", b"application/ocsp-response")
_PATH_LIMIT: Final = 8 * 1024  # of a GET; RFC 5019 §5 asks clients for 255 in all
_KEPT_REQUEST: Final = 300  # octets of a request that may be remembered

Told = Callable[[str], None]
"""Called for each answer: `kept` for one given again, else its OCSPResponseStatus."""


@dataclass(slots=True)
class _Kept:
    """An answer to be given again while `status` is what memory holds for `key`."""

    body: bytes
    tag: bytes
    fixed: Headers
    until: datetime  # then it is signed anew
    next_update: datetime
    key: Key = ("", b"")
    status: Status | None = None
    said: Response | None = None
    said_until: datetime | None = None


class OcspDoor:
    """Answers for `issuers`, from memory.

    `cache_seconds` is how long an HTTP cache may keep an answer. With `signing`, keys are used in
    those threads: a token takes its time. Without, in the loop, where a key in memory is quickest.
    """

    def __init__(
        self,
        issuers: tuple[ServedIssuer, ...],
        *,
        memory: StatusMemory,
        validity: timedelta,
        cache_seconds: int,
        clock: Callable[[], datetime],
        signing: Threads | None = None,
        told: Told | None = None,
        kept: int = 50_000,
    ) -> None:
        self._memory = memory
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._signing = signing
        self._told = told
        self._heads = {head: one.issuer for one in issuers for head in one.cert_id_heads()}
        self._responder = Responder(issuers, status_of=_never_asked, validity=validity)
        self._kept: Bounded[bytes, _Kept] = Bounded(kept)

    async def post(self, request: Request, /) -> Response:
        """POST of an OCSPRequest. Raises MediaTypeUnsupported, and what reading a body does."""
        request.require_media_type(REQUEST_TYPE)
        asked = await request.body()
        at = self._clock()
        kept = self._held(asked, at)
        return self._again(kept, at) if kept else await self._anew(asked, at)

    async def get(self, request: Request, /) -> Response:
        """GET with the OCSPRequest in base64, URL-encoded, after the path.

        Raises MalformedHttpRequest where it is not that.
        """
        asked = _in_path(request)
        at = self._clock()
        kept = self._held(asked, at)
        if kept and is_known(request, kept.tag):
            return Response(status=304, headers=self._again(kept, at).headers[1:])
        return self._again(kept, at) if kept else await self._anew(asked, at)

    def _held(self, asked: bytes, at: datetime) -> _Kept | None:
        """What was answered before and still holds."""
        kept = self._kept.kept.get(asked)
        if (
            kept is not None
            and at < kept.until
            and self._memory.known.get(kept.key) is kept.status
            and monotonic() < self._memory.follower.good_until
        ):
            if self._told is not None:
                self._told("kept")
            return kept
        return None

    async def _anew(self, asked: bytes, at: datetime) -> Response:
        keys: Sequence[Key] = ()
        statuses: Mapping[Key, Status | None] = {}
        try:
            read = read_request(asked)
            heads = self._heads
            keys = [(heads[item.head], item.serial) for item in read.items if item.head in heads]
            statuses = self._memory.held(keys) or await self._memory.statuses(keys)

            def signed() -> OcspAnswer:
                return self._responder.answer(
                    read, at=at, status_of=lambda *certificate: statuses[certificate]
                )

            answer = signed() if self._signing is None else await self._signing.run(signed)
        except DecodeError as error:
            answer = failure(ResponseStatus.MALFORMED_REQUEST, cause=error)
        except (RegisterUnavailable, Overloaded, WorkTimedOut) as error:
            answer = failure(ResponseStatus.TRY_LATER, cause=error)
        if self._told is not None:
            self._told(answer.status.name.lower())
        if answer.cacheable_until is None:
            return Response(headers=(_TYPE, NO_STORE), body=answer.encoded)
        kept = _kept(answer, answer.cacheable_until, at)
        if len(keys) == 1 and len(asked) <= _KEPT_REQUEST:
            # The very status that was told, and only while it is the one that memory holds.
            status = statuses.get(keys[0])
            if status is not None:
                kept.key, kept.status = keys[0], status
                self._kept.put(asked, kept)
        return self._again(kept, at)

    def _again(self, kept: _Kept, at: datetime) -> Response:
        said = kept.said
        if said is None or kept.said_until is None or at >= kept.said_until:
            # All that is asked for within a second has one answer, to the last header.
            age = min(self._cache_seconds, int((kept.next_update - at).total_seconds()))
            cache = (b"cache-control", _CACHE % max(age, 0))
            said = kept.said = Response(headers=(*kept.fixed, cache), body=kept.body)
            kept.said_until = at + _SECOND
        return said


_SECOND: Final = timedelta(seconds=1)
_CACHE: Final = b"max-age=%d, public, no-transform, must-revalidate"


def _kept(answer: OcspAnswer, next_update: datetime, at: datetime) -> _Kept:
    tag = tag_of(answer.encoded)
    return _Kept(
        until=at + (next_update - at) / 2,
        next_update=next_update,
        tag=tag,
        fixed=(
            _TYPE,
            (b"etag", tag),
            (b"last-modified", http_date(at)),
            (b"expires", http_date(next_update)),
        ),
        body=answer.encoded,
    )


def _never_asked(issuer: str, serial: bytes) -> Status | None:
    """Every answer comes with its statuses. Raises RegisterUnavailable."""
    del issuer, serial
    raise RegisterUnavailable(reason="not read beforehand")


def _in_path(request: Request) -> bytes:
    """What stands after the path of the door. Raises MalformedHttpRequest."""
    rest = request.parameters["request"]
    if len(rest) > _PATH_LIMIT:
        raise MalformedHttpRequest(reason="too long a path")
    try:
        # The server has decoded it already: base64 holds nothing that could be decoded twice.
        return b64decode(rest.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise MalformedHttpRequest(reason="the path is no request in base64") from None


def ocsp_routes(door: OcspDoor, paths: Iterable[str]) -> Iterator[Route]:
    """POST and GET at each of these paths, with and without a slash at the end."""
    for path in dict.fromkeys(path.rstrip("/") for path in paths):
        posts = (path, f"{path}/") if path else ("/",)
        for place in posts:
            yield Route(method="POST", path=place, door=door.post, limit=REQUEST_LIMIT, kind="ocsp")
        yield Route(method="GET", path=f"{path}/{{request...}}", door=door.get, kind="ocsp")
