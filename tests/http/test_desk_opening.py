"""The doors of a desk from the folder that `eds serve` is told of, and its clock beside them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from eds.enroll.applicant import Session
from eds.enroll.reception import digest_of
from eds.enroll.states import State
from eds.errors import MalformedSettings
from eds.http import Application
from eds.http.desk import DeskClock
from eds.http.metrics import Worker, text_of
from eds.http.opening import Surroundings, new_board, open_doors
from eds.http.settings import read_http_settings
from eds.names import Name
from eds.requests import CertificationRequest
from eds.signeddata import SignedData
from tests.ca.authority_house import pin
from tests.enroll.desk_house import OPERATOR, RESIDENT, TERMS, DeskHouse
from tests.enroll.house import DAY, Holder
from tests.http.asgi import Answer, answer
from tests.http.desk_house import TOKEN, Doors, b64, spelled

CONFIG = b"""
version = 1

[desk]
folder = "desk"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> DeskHouse:
    return DeskHouse(tmp_path_factory.mktemp("desk")).build()


@pytest.fixture
def opened(house: DeskHouse) -> Iterator[tuple[Application, Surroundings]]:
    board = new_board(workers=1)
    around = Surroundings(
        base=house.path, pin=pin, hand=Worker(board), board=board, clock=house.now
    )
    with open_doors(read_http_settings(CONFIG, file="serve.toml"), around) as application:
        yield application, around


def test_a_desk_in_its_folder_answers_citizens_officials_and_est(
    house: DeskHouse, opened: tuple[Application, Surroundings]
) -> None:
    application, around = opened
    folder = house.desk

    def post(path: str, body: Any = None, key: str = "k", **more: str) -> Answer:
        pieces = [b"" if body is None else json.dumps(body).encode()]
        headers = {
            "authorization": f"Bearer {TOKEN}", "idempotency_key": key,
            "content_type": "application/json",
        }  # fmt: skip
        return answer(application, "POST", path, pieces=pieces, **(headers | more))

    body = {
        "flow": "remote", "profile": "natural-person-signature", "personal_number": RESIDENT,
    }  # fmt: skip
    name = post("/desk/v1/applications", body).json["application"]
    one = f"/desk/v1/applications/{name}"
    agreed = {"consent": "I agree", "terms": digest_of(TERMS).hex()}
    assert post(f"{one}/submit", agreed, "a").json["state"] == "resolved"
    assert post(f"{one}/code", None, "b").status == 200
    words = [each["words"] for each in folder.demonstration.messages()]
    assert post(f"{one}/contact", {"code": words[-1]["code"]}, "c").status == 200
    assert post(f"{one}/evidence", {"kind": "register_photo"}, "d").status == 200
    standing = house.reception(folder).standing(
        Session(application=name, token=base64.urlsafe_b64decode(TOKEN + "=="))
    )
    face = folder.demonstration.face(standing, score=950, at=house.at)
    assert post(f"{one}/face", {"token": b64(face)}, "e").json["state"] == "cleared"

    password = post(f"{one}/est-credential", None, "f").json["password"]
    request = CertificationRequest.build(
        Name.build([]), Holder().signer, challenge_password=password
    )
    basic = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    asked = answer(
        application, "POST", "/.well-known/est/simpleenroll",
        pieces=[b64(request.encoded).encode()],
        authorization=basic, content_type="application/pkcs10",
    )  # fmt: skip
    assert asked.status == 202
    found = answer(application, "GET", "/.well-known/est/cacerts")
    assert set(SignedData(base64.b64decode(found.body)).certificates) == set(folder.issuers)

    with house.by(folder, OPERATOR) as by:
        act = by.act("read", "desk", version=0, digest=bytes(32), at=house.now())
        queue = post("/desk/v1/office/queue", {"act": spelled(act)})
    assert (queue.status, queue.json["applications"]) == (200, [])
    assert 'door="est"' in text_of(around.board)
    folder.close()


def test_the_clock_ends_what_is_over_and_says_when_it_cannot(doors: Doors) -> None:
    name = doors.open().json["application"]
    doors.house.tick(by=3 * DAY)
    clock = DeskClock(doors.service, seconds=0.01)
    assert clock.check() == "silent"

    async def beside() -> None:
        async with clock.running():
            while doors.case(name).state is not State.EXPIRED or clock.check():
                await asyncio.sleep(0.01)
            doors.house.engine.dispose()
            with doors.house.engine.begin() as connection:
                connection.execute(text("ALTER TABLE enroll_applications RENAME TO away"))
            while clock.check() != "register.unavailable":
                await asyncio.sleep(0.01)
            with doors.house.engine.begin() as connection:
                connection.execute(text("ALTER TABLE away RENAME TO enroll_applications"))
            while clock.check():
                await asyncio.sleep(0.01)

    asyncio.run(beside())
    doors.house.check_log()


def test_the_clock_outlives_the_mistakes_of_others(doors: Doors) -> None:
    moments = iter([1])

    def clock() -> datetime:
        for _ in moments:
            raise ZeroDivisionError
        return doors.house.at

    async def beside() -> None:
        beats = DeskClock(replace(doors.service, clock=clock), seconds=0.01)
        seen = set()
        async with beats.running():
            while beats.check() is not None:
                seen.add(beats.check())
                await asyncio.sleep(0)
        assert seen == {"silent", "fault"}

    asyncio.run(asyncio.wait_for(beside(), 60))


@pytest.mark.parametrize(
    "line",
    ['proxies = ["10.0.0.1"]', 'certificate_proxies = ["the proxy"]', "folder = 7", "est = true"],
)
def test_settings_of_a_desk_are_read_strictly(line: str) -> None:
    with pytest.raises(MalformedSettings):
        read_http_settings(CONFIG + line.encode() + b"\n", file="serve.toml")


def test_files_of_tls_are_relative_to_the_settings() -> None:
    config = b'version = 1\n[server]\ntls_certificate = "tls/a.pem"\ntls_key = "/run/key.pem"\n'
    server = read_http_settings(config, file="serve.toml").server.below(Path("/etc/eds"))
    assert (server.tls_certificate, server.tls_key) == ("/etc/eds/tls/a.pem", "/run/key.pem")
    assert server.tls_client_anchors is None


def test_client_certificates_want_tls() -> None:
    config = b'version = 1\n[server]\ntls_client_anchors = "people.pem"\n'
    with pytest.raises(MalformedSettings):
        read_http_settings(config, file="serve.toml")
