"""The doors of an authority whose register is in PostgreSQL and whose keys are in a token."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from eds.ca.lifecycle import Act
from eds.ocsp import OcspResponse
from tests.ca.authority_house import TOKEN_PIN
from tests.http.house import House, Server, build_house, ocsp_request, serving
from tests.keys.softhsm import needs_softhsm, new_token
from tests.postgresql import Cluster, postgresql  # noqa: F401 - a fixture

pytestmark = needs_softhsm


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql: Cluster,  # noqa: F811
) -> Iterator[House]:
    made = build_house(
        tmp_path_factory.mktemp("elsewhere") / "house",
        database=postgresql.new_database(),
        key_store=new_token("Elsewhere"),
    )
    yield made
    made.folder.register.engine.dispose()


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    with serving(house, password=TOKEN_PIN) as server:
        yield server


def status_of(house: House, server: Server, number: int, nonce: bytes | None = None) -> str:
    asked = ocsp_request(house, house.people[number], nonce=nonce)
    status, _, body = server.ask("POST", "/ocsp", asked, content_type="application/ocsp-request")
    assert status == 200
    return OcspResponse(body).responses[0].status.name


def test_each_worker_answers_with_the_key_in_the_token(house: House, server: Server) -> None:
    assert [status_of(house, server, 0, bytes((at,)) * 16) for at in range(8)] == ["GOOD"] * 8


def test_time_is_stamped_with_the_key_in_the_token(house: House, server: Server) -> None:
    signed = house.signed(b"a contract")
    assert house.raised(signed, port=server.port).startswith(signed[:1])


def test_a_revocation_in_the_other_database_is_told(house: House, server: Server) -> None:
    assert status_of(house, server, 1) == "GOOD"
    house.change(house.people[1], Act.REVOKE)
    deadline = time.monotonic() + 60
    while status_of(house, server, 1) != "REVOKED":
        assert time.monotonic() < deadline


def test_workers_that_died_are_replaced_and_sign_again(house: House, server: Server) -> None:
    said = len(server.lines)
    dead = server.workers
    for process in dead:
        os.kill(process, signal.SIGKILL)
    server.wait_for(r"worker \d+ answers", after=said, count=len(dead))
    assert status_of(house, server, 2, b"fresh" * 4) == "GOOD"
