"""HTTP/1.1 under limits: uvicorn's own protocol, bounded in what it takes before a door is asked.

uvicorn bounds neither the headers nor the time in which a request comes or an answer is taken; a
peer that is slow, or lies, could hold memory and a place for ever. Each of the three has a deadline
here, and headers a size. A request that comes at once, as nearly all do, starts no timer at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..errors import EdsError, ExtraMissing, MalformedHttpRequest, RequestTimedOut, RequestTooLarge
from .clientcertificates import tell_of_peer
from .messages import PIECE, WHOLE, Response
from .problems import problem

try:
    from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
    from uvicorn.protocols.http.flow_control import FlowControl
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
except ImportError:
    raise ExtraMissing(extra="http") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Octets of all before a body; seconds for that, for a body, for an answer to be taken."""

    header_octets: int = 16 * 1024
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    answer_seconds: float = 60.0


class _GivenUp(Exception):
    """Raised to the parser, which gives the connection up."""


class _Flow(FlowControl):
    """Reads no further while requests that came one upon another wait for their turn.

    uvicorn reads on after each answer, and would keep all that a client can write meanwhile.
    """

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class _Turn:
    """The answers of one turn of the loop, written one after another at its end.

    Each wakes a client; where that one shares the machine, it takes the processor at once, and
    finds its own place in the caches. Between two signatures that costs more than between two
    writes. No answer waits for more than `_TOGETHER` others.
    """

    def __init__(self) -> None:
        self._made: list[LimitedProtocol] = []
        self._told: list[tuple[bytes, bytes]] = []
        self._common = b""

    def common(self, told: list[tuple[bytes, bytes]]) -> bytes:
        """What uvicorn adds to each answer, as it is written: another list once a second."""
        if told is not self._told:
            self._common = b"".join(b"%b: %b\r\n" % header for header in told)
            self._told = told
        return self._common

    def add(self, connection: LimitedProtocol) -> None:
        if not self._made:
            connection.loop.call_soon(self._end)
        self._made.append(connection)
        if len(self._made) >= _TOGETHER:
            self._end()

    def _end(self) -> None:
        made, self._made = self._made, []
        for connection in made:
            connection.send_made()


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, limits: ConnectionLimits, turn: _Turn, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._limits = limits
        self._turn = turn
        self._offered = {WHOLE: self}
        self._asking: RequestResponseCycle  # whose answer is awaited
        self._made = b""  # an answer that is written when the turn ends
        self._in_head = True
        self._in_body = False
        self._repeated = False  # whether the parser reads a head that was told already
        self._read = 0  # octets that came while a head did
        self._head = 0  # octets of the head itself, as far as the parser told of them
        self._coming: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._wait(self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        for timer in (self._taking, self._closing):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        self.send_made()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._read += len(data)
            # The parser tells of a header when it is whole; one that never ends is cut off here.
            if self._read > self._limits.header_octets + PIECE:
                self._refuse(self._too_large)
                return
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except HttpParserError:
            self.send_400_response("")
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if self._in_head or cycle is None or cycle.response_complete:
            self._wait(self._limits.header_seconds)
        elif cycle.more_body:
            self._wait(self._limits.body_seconds)
        elif self._coming is not None:
            self._stop()

    def _feed(self, data: bytes) -> None:
        """Parse. Nobody is upgraded here: a request that offers to be (RFC 9110 §7.8), such as the
        first of many clients that speak HTTP/2, is answered as if it had not.
        """
        while data:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as offered:
                data = data[offered.args[0] :]
                self._stay()
            else:
                return

    def _stay(self) -> None:
        """The parser takes what follows for another protocol; a new one knows of the body."""
        framing = [
            b"%b: %b\r\n" % (name, value)
            for name, value in self.headers
            if name in (b"content-length", b"transfer-encoding")
        ]
        self.cycle.more_body = self._in_body = bool(framing)
        self.parser = HttpRequestParser(self)
        self._repeated = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    # -- what the parser tells

    def on_message_begin(self) -> None:
        if self._repeated:
            return
        super().on_message_begin()
        # Before anything believes what a proxy says of others.
        scope: Any = self.scope
        connection = self.transport.get_extra_info("ssl_object")
        tell_of_peer(scope, peer=self.client, connection=connection)
        self._in_head = True
        self._read = self._head = 0

    def on_url(self, url: bytes) -> None:
        if self._repeated:
            return
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._repeated:
            return
        self._count(len(name) + len(value) + 4)
        # What comes after a body (RFC 9110 §6.5) is no header: no proxy has looked at it.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._repeated:
            self._repeated = False
            return
        self._in_head = False
        self._in_body = True
        if self._coming is not None:
            self._stop()
        super().on_headers_complete()
        if len(self.pipeline) > _WAITING:
            raise _GivenUp
        # The door is not asked before this returns.
        scope: Any = self.scope
        others = scope.get("extensions")
        scope["extensions"] = {**others, **self._offered} if others else self._offered

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def _count(self, octets: int) -> None:
        self._head += octets
        if self._head > self._limits.header_octets:
            raise _GivenUp

    @property
    def _too_large(self) -> EdsError:
        return RequestTooLarge(allowed=self._limits.header_octets)

    # -- answers

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """What uvicorn calls when the turn of a request has come: of one at a time."""
        self._asking = cycle
        super()._start_asgi_task(cycle, app)

    def read(self) -> bytes | None:
        """What uvicorn gives in a message, where nothing of it is still to come. Of a `Whole`."""
        cycle = self._asking
        if cycle.more_body or cycle.disconnected or cycle.response_complete:
            return None
        self.flow.resume_reading()
        cycle.message_event.clear()
        body, cycle.body = bytes(cycle.body), bytearray()
        return body

    def write(self, response: Response) -> bool:
        """Status line, headers and body in one piece, put together once for all who get them.

        What uvicorn does with the two messages of an answer of known length, without its looking
        through each header each time. Of a `Whole`.
        """
        cycle = self._asking
        body = response.body
        if cycle.response_started or self.flow.write_paused or len(body) > PIECE:
            return False
        if cycle.disconnected:
            return True
        if response.status in _CLOSING:
            cycle.keep_alive = False
        parts = [response.head, self._turn.common(self.server_state.default_headers)]
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if cycle.scope["method"] != "HEAD":
            parts.append(body)
        self._made += b"".join(parts)
        if cycle.keep_alive:
            self._turn.add(self)
        else:
            self.send_made()
            self.transport.close()
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def send_made(self) -> None:
        """Write what was answered, before anything else is written or the connection closed."""
        made, self._made = self._made, b""
        if made and not self.transport.is_closing():
            self.transport.write(made)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._linger()

    # -- deadlines

    def _wait(self, seconds: float) -> None:
        """For a head or a body: not anew with each piece of it."""
        if self._coming is None:
            self._coming = self.loop.call_later(seconds, self._late, seconds)

    def _stop(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None

    def _late(self, seconds: float) -> None:
        self._coming = None
        self._refuse(RequestTimedOut(seconds=seconds))

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._taking is None:
            self._taking = self.loop.call_later(self._limits.answer_seconds, self._abort)

    def resume_writing(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._linger()

    def shutdown(self) -> None:
        self.send_made()
        super().shutdown()
        if self.transport.is_closing():
            self._linger()

    def _linger(self) -> None:
        """A connection is closed when what was said is taken; whoever does not take it is cut."""
        if self._closing is None and self.transport.get_write_buffer_size():
            self._closing = self.loop.call_later(self._limits.answer_seconds, self._abort)

    def _abort(self) -> None:
        self.transport.abort()

    # -- refusals

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where the parser gave up."""
        del msg
        too_large = self._head > self._limits.header_octets
        self._refuse(self._too_large if too_large else MalformedHttpRequest(reason="not HTTP"))

    def _refuse(self, error: EdsError) -> None:
        """Answer with a problem and close; say nothing where another answer is on its way."""
        self._stop()
        if self.transport.is_closing():
            return
        self.send_made()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or self._is_between(cycle) or self._is_of_this(cycle):
            answer = problem(error)
            end = b"connection: close\r\n\r\n"
            self.transport.write(b"".join((answer.head, end, answer.body)))
        self.transport.close()
        self._linger()

    def _is_between(self, cycle: RequestResponseCycle) -> bool:
        """Whether all was answered: nothing is said of a body that still comes after its answer."""
        return cycle.response_complete and not self._in_body

    def _is_of_this(self, cycle: RequestResponseCycle) -> bool:
        """Whether that cycle is of the very request that is refused, and has said nothing."""
        return not (self._in_head or self.pipeline or cycle.response_started)


_WAITING: Final = 128  # requests of a connection that wait for the answer to one before
_TOGETHER: Final = 32  # answers that are written together
_CLOSING: Final = frozenset({408, 413})  # what is left of the request is not read


def limited(limits: ConnectionLimits) -> Callable[..., LimitedProtocol]:
    """What makes the protocol of each connection, as uvicorn's `http` wants it."""
    return partial(LimitedProtocol, limits, _Turn())
