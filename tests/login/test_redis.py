"""Challenges and answers in a real Redis: once, for a time, and safe when it forgets or is away."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from eds.errors import ChallengeStoreUnavailable, InvalidArgument
from eds.login import AnswerStore, MemoryAnswerStore
from eds.login.rediskeys import RedisAnswerStore, RedisChallengeStore
from eds.login.store import SqlAnswerStore
from tests.login.house import SESSION, Door, web_eid
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture
from tests.redis_server import RedisServer, redis_server, running  # noqa: F401 - a fixture
from tests.verify.status_house import NOON


def refused(door: Door, token: str) -> str:
    outcome = door.finish(token)
    assert outcome.person is None
    assert outcome.refusal is not None
    return outcome.refusal.code


def test_a_challenge_is_taken_once_and_goes_by_itself(
    redis_server: RedisServer,  # noqa: F811
    tmp_path: Path,
) -> None:
    client = redis_server.client()
    door = Door(store=RedisChallengeStore(client, prefix=f"{tmp_path}:"))
    token = web_eid(door.begin())
    (name,) = client.keys(f"{tmp_path}:*")
    # Twice five minutes: who answers too late is told so.
    assert 300_000 < client.pttl(name) <= 600_000
    assert SESSION.encode() not in name
    assert door.finish(token).person is not None
    assert client.keys(f"{tmp_path}:*") == []
    assert refused(door, token) == "login.challenge"


def test_what_was_lost_in_a_restart_is_refused(tmp_path: Path) -> None:
    with running() as server:
        door = Door(store=RedisChallengeStore(server.client()))
        token = web_eid(door.begin())
        server.restart()
        assert refused(door, token) == "login.challenge"
        # The next one is answered as ever.
        assert door.finish(web_eid(door.begin())).person is not None


def test_what_was_evicted_is_refused() -> None:
    with running("--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru") as server:
        client = server.client()
        door = Door(store=RedisChallengeStore(client))
        token = web_eid(door.begin())
        (name,) = client.keys("*")
        for n in range(4_000):
            client.set(f"another {n}", bytes(16_384))
            if not client.exists(name):
                break
        assert not client.exists(name)
        assert refused(door, token) == "login.challenge"


def test_a_store_that_is_full_is_told() -> None:
    with running("--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        with pytest.raises(ChallengeStoreUnavailable) as caught:
            Door(store=RedisChallengeStore(server.client())).begin()
        assert caught.value.reason == "OutOfMemoryError"


@contextmanager
def gone(server: RedisServer) -> Iterator[None]:
    server.stop()
    yield


@contextmanager
def frozen(server: RedisServer) -> Iterator[None]:
    server.process.send_signal(signal.SIGSTOP)
    yield
    server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("away", [gone, frozen])
def test_a_store_that_is_away_is_told_and_lets_nobody_in(away: Any) -> None:
    with running() as server:
        token = web_eid(Door(store=RedisChallengeStore(server.client())).begin())
        # Impatient only now: a busy machine may be slow to answer.
        door = Door(store=RedisChallengeStore(server.client(socket_timeout=0.2, retry=None)))
        with away(server):
            with pytest.raises(ChallengeStoreUnavailable) as caught:
                door.finish(token)
            assert SESSION not in str(caught.value)
            with pytest.raises(ChallengeStoreUnavailable):
                door.begin()


def test_a_client_that_decodes_is_refused(
    redis_server: RedisServer,  # noqa: F811
    tmp_path: Path,
) -> None:
    client = redis_server.client(decode_responses=True)
    door = Door(store=RedisChallengeStore(client, prefix=f"{tmp_path}:"))
    token = web_eid(door.begin())
    with pytest.raises(InvalidArgument):
        door.finish(token)


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnswerStore]:
    if request.param == "memory":
        yield MemoryAnswerStore()
        return
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        yield RedisAnswerStore(server.client(), prefix=f"{tmp_path}:")
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/login.db"
    else:
        cluster: Cluster = request.getfixturevalue("postgresql")
        url = cluster.new_database()
    engine = create_engine(url)
    try:
        store = SqlAnswerStore(engine)
        store.create_tables()
        yield store
    finally:
        engine.dispose()


def test_an_answer_waits_and_is_given_once(answers: AnswerStore) -> None:
    until = NOON + timedelta(minutes=5)
    first, second = bytes(32), bytes(range(32))
    assert answers.take(first) is None
    answers.put(first, b"C123456", until=until)
    answers.put(first, b"\x00\xff answer", until=until)
    answers.put(second, b"another", until=until)
    assert answers.take(first) == b"\x00\xff answer"
    assert answers.take(first) is None
    assert answers.take(second) == b"another"


def test_answers_in_memory_are_bounded_and_in_a_database_purged(tmp_path: Path) -> None:
    memory = MemoryAnswerStore(entries=2)
    for n in range(3):
        memory.put(bytes([n]), b"", until=NOON)
    assert [memory.take(bytes([n])) for n in range(3)] == [None, b"", b""]
    with pytest.raises(InvalidArgument):
        MemoryAnswerStore(entries=0)
    engine = create_engine(f"sqlite:///{tmp_path}/login.db")
    store = SqlAnswerStore(engine)
    store.create_tables()
    store.put(bytes(32), b"answer", until=NOON)
    assert store.purge(at=NOON) == 0
    assert store.purge(at=NOON + timedelta(seconds=1)) == 1
    engine.dispose()
