"""What is kept in memory, and when it no longer counts. No time passes here but what is told."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eds.audit.store import AuditWriter
from eds.ca.database import open_database
from eds.ca.feed import ChangeFeed
from eds.ca.lifecycle import Act, Status
from eds.ca.migrations import upgrade
from eds.errors import Overloaded, RegisterUnavailable, WorkTimedOut
from eds.http import Application, RouteTable
from eds.http.caching import http_date
from eds.http.following import Follower
from eds.http.lists import ListMemory, ListPlace
from eds.http.memory import Bounded, StatusMemory
from eds.http.ocsp import OcspDoor, ocsp_routes
from eds.http.threads import Threads
from eds.ocsp import OcspResponse, ResponseStatus
from tests.ca.hierarchy import DAY, NOON
from tests.ca.status_desk import (
    ISSUER,
    Desk,
    delegate,
    is_personal,
    ocsp_request,
    open_desk,
)
from tests.http.asgi import Answer, ask

KIND = "application/ocsp-request"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("register") / "register.db"
    engine = open_database(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    return file


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copyfile(template, tmp_path / "register.db")
    made = open_desk(
        f"sqlite:///{tmp_path / 'register.db'}",
        audit=AuditWriter(writer="node-1", is_personal=is_personal),
    )
    yield made
    made.register.engine.dispose()


class Doors:
    """An OCSP door over a register; `look` asks the feed, `at` is what the clock says."""

    def __init__(
        self, desk: Desk, *, stale: float = 1e9, kept: int = 100, patience: float = 60
    ) -> None:
        self.desk = desk
        self.at = NOON
        self.read = 0
        self.told: list[str] = []
        self.before_reading: Callable[[], None] = lambda: None
        self.threads = Threads(count=1, waiting=10, seconds=60)
        self.feed = ChangeFeed(desk.register)
        waiting = Threads(count=1, waiting=1, seconds=patience)
        self.follower = Follower(self.feed, threads=waiting, interval=1e9, stale=stale)
        self.memory = StatusMemory(
            self._status_of, issuers=[ISSUER], follower=self.follower, threads=self.threads,
            most=1000,
        )  # fmt: skip
        served = desk.responder(delegate())._served
        door = OcspDoor(
            served, memory=self.memory, validity=timedelta(hours=12), cache_seconds=60,
            clock=lambda: self.at, told=self.told.append, kept=kept,
        )  # fmt: skip
        self.application = Application(routes=RouteTable(ocsp_routes(door, ["/ocsp"])))

    def _status_of(self, issuer: str, serial: bytes) -> Status | None:
        found = self.desk.register.status_of(issuer, serial)
        self.read += 1
        self.before_reading()
        return found

    async def post(self, *serials: bytes) -> Answer:
        pieces = [ocsp_request(*serials)]
        return await ask(self.application, "POST", "/ocsp", pieces=pieces, content_type=KIND)

    async def state(self, *serials: bytes) -> str:
        response = OcspResponse((await self.post(*serials)).body)
        if response.status is not ResponseStatus.SUCCESSFUL:
            return response.status.name
        return " ".join(one.status.name for one in response.responses)

    async def look(self) -> None:
        await self.follower.look()


def test_what_is_kept_is_given_again_until_it_changes(desk: Desk) -> None:
    (serial,) = desk.issue()

    async def story() -> None:
        doors = Doors(desk)
        first = await doors.post(serial)
        assert (await doors.post(serial)).body == first.body
        assert (doors.read, doors.told) == (1, ["successful", "kept"])
        desk.change(serial, Act.REVOKE, at=NOON)
        assert (await doors.post(serial)).body == first.body  # nobody told it yet
        await doors.look()
        assert await doors.state(serial) == "REVOKED"
        assert await doors.state(serial) == "REVOKED"
        assert doors.told == ["successful", "kept", "kept", "successful", "kept"]

    asyncio.run(story())


def test_what_is_read_while_a_change_is_told_is_not_kept(desk: Desk) -> None:
    """The status is read as good, and revoked before it comes to memory."""
    (serial,) = desk.issue()

    async def story() -> None:
        doors = Doors(desk)
        loop = asyncio.get_running_loop()

        def meanwhile() -> None:
            doors.before_reading = lambda: None
            desk.change(serial, Act.REVOKE, at=NOON)
            changes = doors.follower._feed.next()
            told = threading.Event()

            def tell() -> None:
                doors.follower.generation += 1
                for listener in doors.follower._listeners:
                    listener(changes)
                told.set()

            loop.call_soon_threadsafe(tell)
            told.wait(60)

        doors.before_reading = meanwhile
        assert await doors.state(serial) == "GOOD"  # as it was when it was read
        assert (
            await doors.state(serial) == "REVOKED"
        )  # and from then on, although nothing more is told
        assert await doors.state(serial) == "REVOKED"

    asyncio.run(story())


def test_what_the_feed_told_too_late_is_not_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The register hangs for longer than it is waited for; its answer comes to nobody."""
    (serial,) = desk.issue()

    async def story() -> None:
        doors = Doors(desk, patience=0.01)
        assert await doors.state(serial) == "GOOD"
        desk.change(serial, Act.REVOKE, at=NOON)
        answers, following = threading.Event(), doors.feed.next
        monkeypatch.setattr(doors.feed, "next", lambda: (answers.wait(60), following())[1])
        await doors.look()
        answers.set()
        for _ in range(1000):  # a busy machine may be late again
            if await doors.state(serial) == "REVOKED":
                return
            await doors.look()
        pytest.fail("a revocation was lost")

    asyncio.run(story())


def test_what_was_never_issued_becomes_good_when_it_is_issued(desk: Desk) -> None:
    (serial,) = desk.issue(finish=False)

    async def story() -> None:
        doors = Doors(desk)
        answer = await doors.post(serial)
        assert OcspResponse(answer.body).responses[0].status.name == "REVOKED"
        assert answer.headers["cache-control"] == "no-store"
        assert await doors.state(serial) == "REVOKED"
        assert doors.read == 1
        (intent,) = desk.register.open_intents(before=NOON)
        _, encoded = desk._make(NOON + 300 * DAY)
        desk.register.complete([(intent, encoded)], at=NOON)
        await doors.look()
        assert await doors.state(serial) == "GOOD"

    asyncio.run(story())


def test_nothing_kept_counts_once_the_register_is_silent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (serial,) = desk.issue()

    async def story() -> None:
        doors = Doors(desk)
        assert await doors.state(serial) == "GOOD"
        assert await doors.state(serial) == "GOOD"
        doors.follower.good_until = 0
        assert await doors.state(serial) == "GOOD"
        assert doors.read == 2  # asked again, and again not kept
        monkeypatch.setattr(doors.desk.register, "reading", unavailable)
        answer = await doors.post(serial)
        assert OcspResponse(answer.body).status is ResponseStatus.TRY_LATER
        assert answer.headers["cache-control"] == "no-store"

    asyncio.run(story())


def unavailable(**_: object) -> object:
    raise RegisterUnavailable(reason="OperationalError")


def test_an_answer_is_signed_anew_halfway_to_its_next_update(desk: Desk) -> None:
    (serial,) = desk.issue()

    async def story() -> None:
        doors = Doors(desk)
        first = await doors.post(serial)
        doors.at = NOON + timedelta(hours=5, minutes=59)
        again = await doors.post(serial)
        assert again.body == first.body
        assert again.headers["cache-control"].startswith("max-age=60,")
        doors.at = NOON + timedelta(hours=6)
        assert (await doors.post(serial)).body != first.body

    asyncio.run(story())


def test_headers_never_promise_more_than_the_answer_holds(desk: Desk) -> None:
    (serial,) = desk.issue()

    async def story() -> None:
        doors = Doors(desk)
        answer = await doors.post(serial)
        assert "max-age=60," in answer.headers["cache-control"]
        assert answer.headers["expires"] == http_date(NOON + timedelta(hours=12)).decode()
        assert answer.headers["last-modified"] == http_date(NOON).decode()

    asyncio.run(story())


def test_several_certificates_in_one_request_are_answered_and_not_kept(desk: Desk) -> None:
    serials = desk.issue(3)
    desk.change(serials[1], Act.REVOKE, at=NOON)

    async def story() -> None:
        doors = Doors(desk)
        assert await doors.state(*serials) == "GOOD REVOKED GOOD"
        assert await doors.state(*serials) == "GOOD REVOKED GOOD"
        assert doors.told == ["successful", "successful"]
        assert doors.read == 3

    asyncio.run(story())


def test_a_full_memory_forgets_the_oldest() -> None:
    bounded: Bounded[int, int] = Bounded(2)
    for number in range(4):
        bounded.put(number, number)
    assert bounded.kept == {2: 2, 3: 3}


def test_kept_answers_are_bounded(desk: Desk) -> None:
    serials = desk.issue(4)

    async def story() -> None:
        doors = Doors(desk, kept=2)
        for serial in serials:
            await doors.state(serial)
        doors.told.clear()
        for serial in serials[2:]:
            await doors.state(serial)
        assert doors.told == ["kept", "kept"]
        await doors.state(serials[0])
        assert doors.told[-1] == "successful"

    asyncio.run(story())


# -- lists


def test_a_list_is_read_once_until_the_next_is_published(desk: Desk) -> None:
    def publish(at: datetime) -> bytes:
        return desk.publisher().publish(1, next_update=at + DAY, actor="crl", at=at).encoded

    async def story() -> None:
        doors = Doors(desk)
        memory = ListMemory(
            desk.register, follower=doors.follower, threads=doors.threads, octets=100_000
        )
        place = ListPlace(ISSUER, 1, delta=False)
        first = publish(NOON)
        found = await asyncio.gather(*(memory.newest(place) for _ in range(5)))
        assert {one.body for one in found} == {first}
        assert len({id(one) for one in found}) == 1  # one reading for all of them
        assert memory.octets == len(first)
        second = publish(NOON + DAY)
        assert (await memory.newest(place)).body == first
        await doors.look()
        assert memory.octets == 0
        assert (await memory.newest(place)).body == second

    asyncio.run(story())


def test_lists_beyond_the_bound_are_given_out_and_not_kept(desk: Desk) -> None:
    made = desk.publisher().publish(1, next_update=NOON + DAY, actor="crl", at=NOON)

    async def story() -> None:
        doors = Doors(desk)
        memory = ListMemory(desk.register, follower=doors.follower, threads=doors.threads, octets=9)
        assert (await memory.newest(ListPlace(ISSUER, 1, delta=False))).body == made.encoded
        assert memory.octets == 0

    asyncio.run(story())


# -- threads


def test_work_beyond_the_bound_is_refused_and_late_work_given_up() -> None:
    async def story() -> None:
        gate = threading.Event()
        threads = Threads(count=1, waiting=1, seconds=0.01)
        late = [asyncio.create_task(threads.run(lambda: gate.wait(60))) for _ in range(2)]
        done: list[Any] = await asyncio.gather(*late, return_exceptions=True)
        assert [type(one) for one in done] == [WorkTimedOut, WorkTimedOut]
        with pytest.raises(Overloaded):  # what was given up still has its place
            await threads.run(lambda: None)
        gate.set()
        while threads.busy:
            await asyncio.sleep(0)
        assert await Threads(count=1, waiting=1, seconds=60).run(lambda: 7) == 7

    asyncio.run(story())
