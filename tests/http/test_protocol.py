"""What is written to a connection, and in which order, whenever it comes in."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from eds.http.application import Application, Limits
from eds.http.messages import Request, Response
from eds.http.protocol import ConnectionLimits, LimitedProtocol, limited
from eds.http.routing import Route, RouteTable

ASKED = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Wire(asyncio.Transport):
    """The other end: what was written, until it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def hello(request: Request) -> Response:
    del request
    return Response(body=b"hello")


def connections(count: int) -> list[tuple[LimitedProtocol, Wire]]:
    """So many connections of one worker."""
    table = RouteTable([Route(method="GET", path="/", door=hello)])
    application: Any = Application(routes=table, limits=Limits(read_seconds=None))
    protocol: Any = limited(ConnectionLimits())
    config = uvicorn.Config(application, http=protocol, lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(count):
        connection = protocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
        wire = Wire()
        connection.connection_made(wire)
        made.append((connection, wire))
    return made


def garbage(connection: LimitedProtocol) -> None:
    connection.data_received(b"\0" * 10)


def half_closed(connection: LimitedProtocol) -> None:
    connection.eof_received()
    connection.transport.close()  # as a loop does when it is not asked to keep it open


def shut_down(connection: LimitedProtocol) -> None:
    connection.shutdown()


@pytest.mark.parametrize(
    ("happens", "statuses"),
    [(garbage, [b"200", b"400"]), (half_closed, [b"200"]), (shut_down, [b"200"])],
)
def test_what_was_answered_is_written_whatever_happens_next(
    happens: Callable[[LimitedProtocol], None], statuses: list[bytes]
) -> None:
    async def ask() -> bytes:
        [(connection, wire)] = connections(1)
        connection.data_received(ASKED)
        await asyncio.sleep(0)  # the door has answered, and the turn of the loop is not over
        assert connection.cycle.response_complete
        happens(connection)
        assert wire.closed
        await asyncio.sleep(0)
        return wire.written

    heads = asyncio.run(ask()).split(b"HTTP/1.1 ")[1:]
    assert [head[:3] for head in heads] == statuses


def test_a_crowd_is_answered_to_the_last() -> None:
    async def ask() -> list[bytes]:
        crowd = connections(100)
        for connection, _ in crowd:
            connection.data_received(ASKED + ASKED)
        for _ in range(5):
            await asyncio.sleep(0)
        for connection, _ in crowd:
            connection.shutdown()
        return [wire.written for _, wire in crowd]

    for written in asyncio.run(ask()):
        assert written.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert written.endswith(b"\r\n\r\nhello")


def test_a_request_is_gone_with_its_answer() -> None:
    """Nothing of it is left that only the collector would find."""

    async def left() -> int:
        [(connection, _)] = connections(1)
        gc.collect()
        gc.disable()
        try:
            for _ in range(100):
                connection.data_received(ASKED)
                await asyncio.sleep(0)
                assert connection.cycle.response_complete
            return gc.collect()
        finally:
            gc.enable()

    assert asyncio.run(left()) < 100
