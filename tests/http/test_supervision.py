"""Workers that are killed, replaced and ended, while they are asked."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from eds.ca.lifecycle import Act
from eds.ocsp import OcspResponse
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.trustfolder import save_trust_store
from tests.ca.authority_house import PASSWORD
from tests.http.house import CONFIG, House, Server, build_house, ocsp_request, serving
from tests.untraced import untraced

pytestmark = pytest.mark.untraced  # the server runs in processes of its own


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return build_house(tmp_path_factory.mktemp("house") / "a")


class Crowd:
    """Threads that ask about a good and a revoked certificate without a pause."""

    def __init__(self, house: House, server: Server) -> None:
        self.answers: list[tuple[bool, str]] = []  # whether it was the good one, what was said
        self.cut = 0
        self._server = server
        self._asked = [ocsp_request(house, one) for one in house.people[:2]]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = self._server.connect()
        number = 0
        while not self._stop.is_set():
            number ^= 1
            try:
                connection.request(
                    "POST", "/ocsp", self._asked[number],
                    {"Content-Type": "application/ocsp-request"},
                )  # fmt: skip
                answer = connection.getresponse()
                body = answer.read()
            except (http.client.HTTPException, OSError):
                self.cut += 1  # it was never acknowledged: whoever asks asks again
                connection.close()
                continue
            response = OcspResponse(body)
            said = response.responses[0].status.name if response.responses else "nothing"
            self.answers.append((number == 0, said))
        connection.close()

    def wait_for(self, count: int) -> None:
        """Until so many more answers came."""
        wanted = len(self.answers) + count
        while len(self.answers) < wanted:
            pass

    def require_right(self) -> None:
        """Everything that was answered was the truth."""
        assert {said for good, said in self.answers if good} == {"GOOD"}
        assert {said for good, said in self.answers if not good} == {"REVOKED"}


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_told_a_lie(house: House) -> None:
    if house.folder.register.status_of(*key(house)).state.value == "valid":  # type: ignore[union-attr]
        house.change(house.people[1], Act.REVOKE)
    with serving(house) as server, Crowd(house, server) as crowd:
        for killed in range(1, 4):
            crowd.wait_for(50)
            os.kill(server.workers[0], signal.SIGKILL)
            server.wait_for(r"worker 0 answers", count=killed + 1)
        crowd.wait_for(50)
    crowd.require_right()


def key(house: House) -> tuple[str, bytes]:
    issuer = house.folder.issuer("people-2026").identifier
    return issuer, house.people[1].serial_number_octets


def test_workers_are_replaced_without_a_request_being_lost(house: House) -> None:
    with serving(house) as server:
        before = server.workers
        connections = [server.connect() for _ in range(8)]
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"worker \d answers", count=4)
        assert not set(before) & set(server.workers)
        for one in connections:
            one.close()
        assert server.ask("GET", "/health/ready")[0] == 200


def test_what_has_begun_is_finished_before_it_ends(house: House) -> None:
    """A body is still to come when the server is told to stop; its answer comes."""
    asked = ocsp_request(house, house.people[0])
    head = (
        "POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n"
        f"Content-Length: {len(asked)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with serving(house) as server:
        peer = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        peer.sendall(head.encode())
        assert b"100 Continue" in peer.recv(65536)  # the door has begun to read
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("stopping")
        peer.sendall(asked)
        said = b""
        while piece := peer.recv(65536):
            said += piece
        peer.close()
        assert OcspResponse(said.partition(b"\r\n\r\n")[2]).responses[0].status.name == "GOOD"
        assert server.process.wait(60) == 0


def test_examiners_that_are_killed_are_replaced(house: House) -> None:
    document = b"%PDF-1.7 is no document"
    with serving(house) as server:
        found = server.wait_for(r"examiners answers \(process (\d+)\)")
        os.kill(int(found[1]), signal.SIGKILL)
        server.wait_for(r"examiners answers", count=2)
        status, _, _ = server.ask("POST", "/verify", document, content_type="application/pdf")
        assert status == 200


def written_in(process: int) -> bytes:
    """All that a process may write to in its memory."""
    found = bytearray()
    with Path(f"/proc/{process}/maps").open() as places, Path(f"/proc/{process}/mem").open(
        "rb", 0
    ) as memory:  # fmt: skip
        for place in places:
            span, rights, *_ = place.split()
            if rights.startswith("rw"):
                start, end = (int(number, 16) for number in span.split("-"))
                with suppress(OSError):
                    memory.seek(start)
                    found += memory.read(end - start)
    return bytes(found)


def test_examiners_know_no_secret_and_trust_whom_the_server_was_told_last(house: House) -> None:
    save_trust_store(house.trust, house.path / "believed")
    config = CONFIG.replace('"trust"', '"believed"').replace("workers = 2", "workers = 1")
    (house.path / "believed.toml").write_text(config)
    small, large = house.signed(b"a"), house.signed(bytes(100_000))

    def judged(server: Server) -> list[str]:
        said = (
            json.loads(server.ask("POST", "/verify", one, content_type="application/cms")[2])
            for one in (small, large)
        )
        return [one["signatures"][0]["sub_indication"] for one in said]

    with serving(house, config="believed.toml") as server:
        assert judged(server) == ["TRY_LATER"] * 2  # for want of a status
        nobody = TrustStore([TrustAnchor(certificate=house.people[0])], name="nobody")
        shutil.rmtree(house.path / "believed")
        save_trust_store(nobody, house.path / "believed")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"worker 0 answers", count=2)
        found = server.wait_for(r"examiners answers \(process (\d+)\)", count=2)
        assert PASSWORD.encode() in written_in(server.workers[0])
        assert PASSWORD.encode() not in written_in(int(found[1]))
        first, second = judged(server)
        assert first == second != "TRY_LATER"


def run(folder: Path, config: str, password: str = PASSWORD, *more: str) -> tuple[int, str]:
    (folder / "other.toml").write_text(config)
    done = subprocess.run(
        [sys.executable, "-m", "eds_cli", "serve", str(folder / "other.toml"),
         "--password-env", "EDS_TEST_PASSWORD", *more],
        capture_output=True, check=False, timeout=120,
        env={**untraced(), "EDS_TEST_PASSWORD": password},
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode()


def test_a_wrong_password_ends_it_before_anything_is_answered(house: House) -> None:
    status, said = run(house.path, CONFIG, "wrong")
    assert status == 1
    assert "[keys.password_incorrect]" in said
    assert "answers (process" not in said.replace("examiners answers", "")
    assert "wrong" not in said.replace("the password is wrong", "")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("[colour]", "colour"),
        ("[server]\nworkers = 0", "server.workers"),
        ("[server]\nlisten = 'here'", "server.listen"),
        ("[server]\nproxies = ['*']", "server.proxies"),
        ("[server]\nproxies = ['10.0.0.1/8']", "server.proxies"),
        ("[ocsp]\npath = 'ocsp'", "ocsp.path"),
        ("[verify]", "verify.trust"),
        ("[timestamps]\npolicy = 'mine'", "timestamps.policy"),
        ("[feed]\ninterval_milliseconds = '200'", "feed.interval_milliseconds"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, line: str, place: str) -> None:
    from eds.errors import MalformedSettings
    from eds.http.settings import read_http_settings

    with pytest.raises(MalformedSettings) as refused:
        read_http_settings(f"version = 1\nauthority = '.'\n{line}\n".encode(), file="serve.toml")
    assert refused.value.field == place


def test_without_its_packages_the_extra_is_named(house: House) -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None; from eds_cli.main import run;"
        f"sys.exit(run(['serve', {str(house.path / 'serve.toml')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=untraced(),
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 7
    assert "pip install 'eds-toolkit[http]' [eds.extra_missing]\n" in done.stderr.decode()
