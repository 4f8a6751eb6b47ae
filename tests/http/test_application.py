"""What goes around every request: routes, limits, problems, the log."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from eds.errors import EdsError, InvalidArgument, RegisterUnavailable, WrongState
from eds.http import Application, Limits, Request, Response, Route, RouteTable
from eds.http.health import ReadyDoor
from eds.http.journal import Entry, Told
from eds.http.problems import STATUS, status_of
from eds.http.rates import RateLimit
from tests.http.asgi import answer
from tests.test_errors import public_errors


async def echo(request: Request) -> Response:
    return Response(body=await request.body())


async def named(request: Request) -> Response:
    return Response.of_json({"path": request.parameters})


async def faulty(request: Request) -> Response:
    raise ZeroDivisionError("880101300123")


async def away(request: Request) -> Response:
    raise RegisterUnavailable(reason="OperationalError")


def application(**more: Any) -> Application:
    routes = RouteTable(
        [
            Route(method="POST", path="/echo", door=echo, limit=10),
            Route(method="GET", path="/things/{thing}", door=named, kind="things"),
            Route(method="GET", path="/things/{thing}/parts/{part}", door=named),
            Route(method="GET", path="/rest/{rest...}", door=named),
            Route(method="GET", path="/faulty", door=faulty),
            Route(method="GET", path="/away", door=away),
        ]
    )
    return Application(routes=routes, **more)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/things/7", {"thing": "7"}),
        ("/things/7/parts/a%2Fb", {"thing": "7", "part": "a%2Fb"}),
        ("/rest/a/b//c", {"rest": "a/b//c"}),
        ("/rest/", {"rest": ""}),
    ],
)
def test_a_route_names_parts_of_the_path(path: str, found: dict[str, str]) -> None:
    assert answer(application(), "GET", path).json == {"path": found}


@pytest.mark.parametrize("path", ["/", "/things", "/things/", "/things/7/parts", "/echo/", ""])
def test_where_no_door_is_nothing_is_found(path: str) -> None:
    assert answer(application(), "GET", path).problem == (404, "http.not_found")


def test_a_door_for_other_methods_says_which() -> None:
    refused = answer(application(), "PUT", "/things/7")
    assert refused.problem == (405, "http.method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


def test_a_route_stands_once() -> None:
    twice = [Route(method="GET", path="/a", door=echo)] * 2
    with pytest.raises(InvalidArgument):
        RouteTable(twice)


def test_a_body_is_read_up_to_its_limit() -> None:
    assert answer(application(), "POST", "/echo", pieces=[b"12345", b"67890"]).body == b"1234567890"


@pytest.mark.parametrize(
    "pieces", [[b"12345", b"678901"], [b"12345678901"], [b"", b"12345678901", b""]]
)
def test_a_body_beyond_its_limit_is_refused(pieces: list[bytes]) -> None:
    refused = answer(application(), "POST", "/echo", pieces=pieces)
    assert refused.problem == (413, "http.request_too_large")


def test_a_length_beyond_the_limit_is_not_waited_for() -> None:
    refused = answer(application(), "POST", "/echo", pieces=[b"1"], ends=False, content_length="11")
    assert refused.problem == (413, "http.request_too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "", "9" * 16])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    refused = answer(
        application(), "POST", "/echo", pieces=[b"1"], ends=False, content_length=length
    )
    assert refused.problem == (400, "http.malformed_request")


def test_a_body_that_never_ends_is_given_up() -> None:
    limits = Limits(read_seconds=0.01)
    refused = answer(application(limits=limits), "POST", "/echo", pieces=[b"1"], ends=False)
    assert refused.problem == (408, "http.request_timed_out")


def test_a_client_that_goes_away_gets_no_answer() -> None:
    async def gone() -> int:
        app = application()
        sent = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/echo", "headers": []}
        await app(scope, receive, send)
        return len(sent)

    assert asyncio.run(gone()) == 0


def test_what_is_away_asks_to_come_again() -> None:
    refused = answer(application(), "GET", "/away")
    assert refused.problem == (503, "register.unavailable")
    assert refused.headers["retry-after"] == "5"
    assert "detail" not in refused.json


def test_a_mistake_of_ours_says_nothing_of_itself() -> None:
    told: list[Entry] = []
    refused = answer(application(journal=told.append), "GET", "/faulty")
    assert refused.problem == (500, "http.internal")
    line = json.loads(told[0].line)
    assert line["place"].startswith("ZeroDivisionError at test_application.py:")
    assert "880101300123" not in told[0].line + refused.body.decode()


def test_the_log_calls_a_request_by_its_route() -> None:
    told: list[Entry] = []
    app = application(journal=told.append, told=Told.ALL)
    answer(app, "GET", "/things/880101300123?iin=880101300123")
    answer(app, "DELETE", "/880101300123")
    answer(app, "880101300123", "/echo")
    assert [(one.method, one.route, one.status) for one in told] == [
        ("GET", "/things/{thing}", 200),
        ("DELETE", "-", 404),
        ("-", "-", 405),
    ]
    assert not any("880101300123" in one.line for one in told)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (Told.ALL, [200, 404, 500]),
        (Told.REFUSED, [404, 500]),
        (Told.FAULTS, [500]),
        (Told.NONE, []),
    ],
)
def test_the_log_tells_what_it_was_asked_to(kind: Told, statuses: list[int]) -> None:
    told: list[Entry] = []
    app = application(journal=told.append, told=kind)
    for path in ("/things/7", "/nothing", "/faulty"):
        answer(app, "GET", path)
    assert [one.status for one in told] == statuses


def test_every_request_is_observed() -> None:
    seen: list[tuple[str, int]] = []
    app = application(observe=lambda route, status, took: seen.append((route, status)))
    answer(app, "GET", "/things/7")
    answer(app, "GET", "/nothing")
    assert seen == [("things", 200), ("-", 404)]


def test_a_head_is_answered_as_a_get() -> None:
    assert answer(application(), "HEAD", "/things/7").status == 200


def test_every_error_has_a_status_and_every_row_an_error() -> None:
    codes = {error.code for error in public_errors()}
    families = {code.partition(".")[0] for code in codes}
    assert {row for row in STATUS if "." in row} <= codes
    assert {row for row in STATUS if "." not in row} <= families
    assert all(400 <= STATUS[row] < 600 for row in STATUS)
    assert status_of(WrongState(application="7", state="new", act="issue")) == 409
    assert status_of(EdsError()) == 500


def test_lifespans_are_entered_once_and_left() -> None:
    from contextlib import asynccontextmanager

    story: list[str] = []

    @asynccontextmanager
    async def beside() -> Any:
        story.append("open")
        yield
        story.append("shut")

    async def live() -> list[str]:
        app = application(lifespans=[beside])
        incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = []

        async def receive() -> dict[str, Any]:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(live()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert story == ["open", "shut"]


def test_an_address_that_asks_too_often_is_told_when_to_come_again() -> None:
    app = application(admit=RateLimit(per_minute=1, burst=2))
    assert [answer(app, "GET", "/things/7").status for _ in range(3)] == [200, 200, 429]
    refused = answer(app, "GET", "/things/7")
    assert refused.problem == (429, "http.rate_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_readiness_names_what_is_not_well() -> None:
    door = ReadyDoor({"register": lambda: None, "clock": lambda: "in-doubt"})
    app = Application(routes=RouteTable([Route(method="GET", path="/ready", door=door)]))
    found = answer(app, "GET", "/ready")
    assert found.status == 503
    assert found.json["checks"] == {"register": "well", "clock": "in-doubt"}
