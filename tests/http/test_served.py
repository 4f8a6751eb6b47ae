"""The running server, asked by programs that we did not write."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from eds.ca.lifecycle import Act
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.ocsp import OcspResponse, ResponseStatus
from tests.http.house import POLICY, House, Server, build_house, ocsp_request, serving

pytestmark = pytest.mark.untraced  # the server runs in processes of its own


class Listener:
    """Where every address in every certificate leads to: nobody ever comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.visits += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> House:
    return build_house(tmp_path_factory.mktemp("house") / "a", hosts=f"127.0.0.1:{listener.port}")


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    with serving(house) as running:
        yield running


def tool(house: House, *command: str | Path) -> str:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        list(map(str, command)), cwd=house.path, capture_output=True, check=False, timeout=60
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def openssl_ocsp(house: House, server: Server, name: str, *more: str, path: str = "/ocsp") -> str:
    return tool(
        house, "openssl", "ocsp", "-issuer", "people-2026.pem", "-cert", f"{name}.pem",
        "-url", f"http://127.0.0.1:{server.port}{path}", "-CAfile", "root-2026.pem", *more,
    )  # fmt: skip


# -- OCSP


def test_openssl_is_told_that_a_certificate_is_good(house: House, server: Server) -> None:
    for path in ("/ocsp", "/ocsp/", "/"):  # the last is where certificates point to
        said = openssl_ocsp(house, server, "person-0", path=path)
        assert "Response verify OK" in said
        assert "person-0.pem: good" in said


def test_a_nonce_comes_back_and_keeps_caches_away(house: House, server: Server) -> None:
    asked = ocsp_request(house, house.people[0], nonce=b"0123456789abcdef")
    _, headers, body = server.ask("POST", "/ocsp", asked, content_type="application/ocsp-request")
    assert b"0123456789abcdef" in body
    assert headers["cache-control"] == "no-store"
    assert not {"etag", "expires", "last-modified"} & set(headers)


def test_curl_gets_an_answer_that_caches_may_keep(house: House, server: Server) -> None:
    text = quote(base64.b64encode(ocsp_request(house, house.people[0])), safe="")
    url = f"http://127.0.0.1:{server.port}/ocsp/{text}"
    tool(house, "curl", "-s", "-D", "head", "-o", "answer", url)
    head = (house.path / "head").read_text().lower()
    response = OcspResponse((house.path / "answer").read_bytes())
    single = response.responses[0]
    assert "content-type: application/ocsp-response" in head
    assert "cache-control: max-age=60, public, no-transform, must-revalidate" in head
    assert single.next_update is not None
    assert f"expires: {http_date(single.next_update)}" in head
    assert f"last-modified: {http_date(single.this_update)}" in head
    connection = server.connect()  # one, for each worker has an answer of its own
    connection.request("GET", f"/ocsp/{text}")
    first = connection.getresponse()
    assert first.read()
    tag = first.headers["etag"]
    connection.request("GET", f"/ocsp/{text}", headers={"If-None-Match": tag})
    again = connection.getresponse()
    assert (again.status, again.read(), again.headers["etag"]) == (304, b"", tag)
    connection.close()


def http_date(instant: Any) -> str:
    from email.utils import format_datetime

    return format_datetime(instant, usegmt=True).lower()


def test_what_was_never_issued_is_never_good(house: House, server: Server) -> None:
    said = tool(
        house, "openssl", "ocsp", "-issuer", "people-2026.pem", "-serial", "0x1234567890",
        "-url", f"http://127.0.0.1:{server.port}/ocsp", "-CAfile", "root-2026.pem",
    )  # fmt: skip
    assert "Response verify OK" in said
    assert "revoked" in said
    assert "certificateHold" in said


@pytest.mark.parametrize("body", [b"", b"\x30", b"\x30\x00", b"garbage" * 100, bytes(5000)])
def test_garbage_gets_an_ocsp_answer_that_says_so(server: Server, body: bytes) -> None:
    status, _, said = server.ask("POST", "/ocsp", body, content_type="application/ocsp-request")
    assert status == 200
    assert OcspResponse(said).status is ResponseStatus.MALFORMED_REQUEST


def test_a_path_that_is_no_request_is_refused(server: Server) -> None:
    for path in ("/ocsp/!", "/ocsp/a", "/ocsp/%00", "/ocsp/%D0%B0"):
        status, headers, _ = server.ask("GET", path)
        assert (status, headers["content-type"]) == (400, "application/problem+json")


def test_a_change_is_told_by_every_worker_and_not_taken_back(house: House, server: Server) -> None:
    # So many connections that both workers have some; which, the system decides.
    connections = [server.connect() for _ in range(16)]
    asked = ocsp_request(house, house.people[1])
    try:
        assert {state(one, asked) for one in connections} == {"good"}
        for act, wanted in (
            (Act.HOLD, "revoked"),
            (Act.RELEASE, "good"),
            (Act.REVOKE, "revoked"),
        ):
            house.change(house.people[1], act)
            while {state(one, asked) for one in connections} != {wanted}:
                pass  # how long it takes is measured in campaigns/load.py
            for _ in range(20):
                assert {state(one, asked) for one in connections} == {wanted}
    finally:
        for one in connections:
            one.close()
    assert "superseded" in openssl_ocsp(house, server, "person-1")


def state(connection: http.client.HTTPConnection, asked: bytes) -> str:
    connection.request("POST", "/ocsp", asked, {"Content-Type": "application/ocsp-request"})
    response = OcspResponse(connection.getresponse().read())
    return response.responses[0].status.name.lower()


# -- lists and certificates


def test_lists_stand_where_certificates_say_and_openssl_verifies_them(
    house: House, server: Server
) -> None:
    certificate = house.people[0]
    url = next(uri for point in certificate.crl_distribution_points for uri in point.uris)
    path = "/" + url.split("/", 3)[3]
    status, headers, body = server.ask("GET", path)
    assert (status, headers["content-type"]) == (200, "application/pkix-crl")
    (house.path / "list.crl").write_bytes(body)
    said = tool(
        house, "openssl", "crl", "-inform", "DER", "-in", "list.crl", "-CAfile", "people-2026.pem",
        "-noout",
    )  # fmt: skip
    assert "verify OK" in said
    assert server.ask("GET", path, if_none_match=headers["etag"])[0] == 304
    assert server.ask("GET", "/crl/people-2026/9.crl")[0] == 404


def test_a_new_list_takes_the_place_of_the_old_on_every_worker(
    house: House, server: Server
) -> None:
    connections = [server.connect() for _ in range(16)]
    try:
        before = {number(one) for one in connections}
        assert len(before) == 1
        house.publish()
        while {number(one) for one in connections} != {next(iter(before)) + 1}:
            pass
    finally:
        for one in connections:
            one.close()


def number(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/crl/root-2026/0.crl")
    found = CertificateList(connection.getresponse().read()).crl_number
    assert found is not None
    return found


def test_certificates_stand_where_certificates_say(house: House, server: Server) -> None:
    for path in ("/people.cer", "/certificates/people-2026.cer"):
        _, _, body = server.ask("GET", path)
        assert Certificate(body) == house.folder.issuer("people-2026").certificate


# -- time-stamps


def test_openssl_verifies_a_time_stamp(house: House, server: Server) -> None:
    (house.path / "document").write_bytes(b"I owe you 10")
    tool(house, "openssl", "ts", "-query", "-data", "document", "-sha256", "-cert", "-out", "query")
    tool(
        house, "curl", "-s", "-H", "Content-Type: application/timestamp-query", "--data-binary",
        "@query", "-o", "reply", f"http://127.0.0.1:{server.port}/tsa",
    )  # fmt: skip
    said = tool(
        house, "openssl", "ts", "-verify", "-in", "reply", "-queryfile", "query",
        "-CAfile", "root-2026.pem", "-untrusted", "time-2026.pem",
    )  # fmt: skip
    assert "Verification: OK" in said


def test_pyhanko_stamps_with_our_authority(server: Server) -> None:
    from pyhanko.sign.timestamps import HTTPTimeStamper

    stamper = HTTPTimeStamper(f"http://127.0.0.1:{server.port}/tsa")
    token = asyncio.run(stamper.async_timestamp(bytes(32), "sha256"))
    info = token["content"]["encap_content_info"]["content"].parsed
    assert info["message_imprint"]["hashed_message"].native == bytes(32)
    assert info["policy"].native == POLICY


@pytest.mark.parametrize("body", [b"", b"\x30\x00", b"garbage" * 100])
def test_garbage_gets_a_rejection(server: Server, body: bytes) -> None:
    status, headers, said = server.ask(
        "POST", "/tsa", body, content_type="application/timestamp-query"
    )
    assert (status, headers["content-type"]) == (200, "application/timestamp-reply")
    assert said.startswith(b"\x30")
    assert b"not a time-stamp request" in said


# -- reports


@pytest.fixture(scope="module")
def documents(house: House, server: Server) -> dict[str, bytes]:
    """Signed by one of the people, raised with this very server's time-stamps."""
    small, large = (
        house.raised(house.signed(b"x" * size), port=server.port) for size in (100, 100_000)
    )
    return {"small": small, "large": large}


@pytest.mark.parametrize("name", ["small", "large"])  # judged in the worker, and apart
def test_curl_gets_a_report(
    house: House, server: Server, documents: dict[str, bytes], name: str
) -> None:
    (house.path / name).write_bytes(documents[name])
    url = f"http://127.0.0.1:{server.port}/verify"
    for form in (
        ("-H", "Content-Type: application/cms", "--data-binary", f"@{name}"),
        ("-F", f"document=@{name}"),
    ):
        report = json.loads(tool(house, "curl", "-s", *form, url))
        assert report["indication"] == "TOTAL_PASSED"
        assert report["signatures"][0]["level"] == "LT"


def test_an_altered_document_fails_and_the_answer_is_a_report(
    server: Server, documents: dict[str, bytes]
) -> None:
    for whole in documents.values():
        place = whole.index(b"x" * 100) + 50
        altered = whole[:place] + b"y" + whole[place + 1 :]
        status, _, body = server.ask("POST", "/verify", altered, content_type="application/cms")
        assert status == 200
        assert json.loads(body)["indication"] == "TOTAL_FAILED"


def test_a_detached_signature_comes_with_its_content_and_evidence(
    house: House, server: Server
) -> None:
    (house.path / "content").write_bytes(b"I owe you 10")
    (house.path / "content.p7s").write_bytes(house.signed_detached(b"I owe you 10"))
    parts = ["-F", "document=@content", "-F", "signature=@content.p7s"]
    url = f"http://127.0.0.1:{server.port}/verify"
    report = json.loads(tool(house, "curl", "-s", *parts, url))
    assert report["indication"] == "INDETERMINATE"  # nothing says that it is not revoked
    for position, one in enumerate(house.lists):
        (house.path / f"evidence-{position}").write_bytes(one.encoded)
        parts += ["-F", f"evidence=@evidence-{position}"]
    report = json.loads(tool(house, "curl", "-s", *parts, url))
    assert report["indication"] == "TOTAL_PASSED"


@pytest.mark.parametrize(
    "form",
    ["signature=a", "colour=a", "document=a;document=b", "document=a;evidence=b"],
)
def test_a_form_that_is_no_question_is_refused(house: House, server: Server, form: str) -> None:
    parts = [word for part in form.split(";") for word in ("-F", part)]
    said = tool(house, "curl", "-s", *parts, f"http://127.0.0.1:{server.port}/verify")
    assert json.loads(said)["code"] == "http.malformed_request"


# -- itself


def test_it_lives_and_is_ready(server: Server) -> None:
    assert server.ask("GET", "/health/live")[0] == 200
    status, _, body = server.ask("GET", "/health/ready")
    assert (status, json.loads(body)["status"]) == (200, "ready")


def test_figures_are_of_all_workers_and_name_nobody(house: House, server: Server) -> None:
    for _ in range(8):
        server.ask("GET", "/health/live")
        server.ask("GET", "/880101300123")
    _, headers, body = server.ask("GET", "/metrics")
    text = body.decode()
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    for worker in ("0", "1"):
        assert f'eds_resident_octets{{worker="{worker}"}}' in text
    assert 'eds_ocsp_answers_total{answer="kept"}' in text
    assert "880101300123" not in text + "\n".join(server.lines)
    before = requests(text)
    for _ in range(8):
        server.ask("GET", "/health/live")
    assert requests(server.ask("GET", "/metrics")[2].decode()) >= before + 8


def requests(text: str) -> int:
    name = 'eds_http_requests_total{door="health",status="200"} '
    return int(text.partition(name)[2].partition("\n")[0])


def test_no_address_in_any_certificate_was_visited(
    house: House, server: Server, listener: Listener, documents: dict[str, bytes]
) -> None:
    """Each certificate of the house names the listener, for OCSP, lists and issuers."""
    assert f"127.0.0.1:{listener.port}".encode() in house.people[0].encoded
    for whole in (*documents.values(), house.signed(b"nothing is inside")):
        server.ask("POST", "/verify", whole, content_type="application/cms")
    openssl_ocsp(house, server, "person-0")
    assert listener.visits == 0
