"""Peers that are slow, or lie: each is refused in the same words, and nothing is kept for it."""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

from eds.ocsp import OcspResponse, ResponseStatus
from tests.http.house import House, Server, build_house, ocsp_request, serving

pytestmark = pytest.mark.untraced  # the server runs in processes of its own

LIMITS = """
version = 1
authority = "."

[server]
listen = "127.0.0.1:0"
workers = 1
header_octets = 2048
header_seconds = 1
body_seconds = 1
answer_seconds = 1
idle_seconds = 1
drain_seconds = 5

[lists]

[ocsp]

[timestamps]
policy = "1.2.398.3.3.2.6.4"
key_store = "keys"
key = "tsu-1"

[verify]
trust = ["trust"]
document_octets = 100000
"""
POST = b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = build_house(tmp_path_factory.mktemp("house") / "a", people=1)
    (made.path / "limits.toml").write_text(LIMITS)
    return made


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    with serving(house, config="limits.toml") as running:
        yield running
        # After everything below it answers as before.
        assert running.ask("GET", "/health/ready")[0] == 200
        assert len(running.workers) == 1
        assert "ended" not in "\n".join(running.lines)


class Peer:
    """A connection on which anything can be said."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)

    def say(self, data: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def rest(self) -> bytes:
        """All that the server says until it closes the connection."""
        said = b""
        with suppress(ConnectionResetError):
            while piece := self.socket.recv(65536):
                said += piece
        self.socket.close()
        return said

    def refused(self) -> tuple[int, str]:
        """Status and code of the one answer, after which the connection is closed."""
        head, _, body = self.rest().partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        assert b"connection: close" in head.lower()
        return int(head.split()[1]), json.loads(body)["code"]


@pytest.fixture
def peer(server: Server) -> Iterator[Peer]:
    made = Peer(server)
    yield made
    made.socket.close()


def test_a_head_that_never_ends_is_given_up(peer: Peer) -> None:
    peer.say(b"POST /ocsp HTTP/1.1\r\nHost: a\r\nX-A: ")
    assert peer.refused() == (408, "http.request_timed_out")


def test_one_who_says_nothing_is_given_up(peer: Peer) -> None:
    assert peer.refused() == (408, "http.request_timed_out")


def test_empty_lines_are_no_way_to_stay(peer: Peer) -> None:
    peer.say(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
    peer.say(b"\r\n" * 4)
    assert peer.rest().count(b"200 OK") == 1


def test_a_body_of_which_half_comes_is_given_up(peer: Peer) -> None:
    peer.say(POST + b"Content-Length: 100\r\n\r\n" + bytes(50))
    assert peer.refused() == (408, "http.request_timed_out")


def test_a_body_that_comes_octet_by_octet_has_one_deadline(peer: Peer) -> None:
    peer.say(POST + b"Content-Length: 60000\r\n\r\n")
    peer.socket.settimeout(0.01)
    said = b""
    for _ in range(60_000):  # far longer than the second that it has
        peer.say(b"\0")
        try:
            said += peer.socket.recv(65536)
        except TimeoutError:
            continue
        break
    assert b" 408 " in said


def test_a_body_that_is_announced_too_long_is_not_read(peer: Peer) -> None:
    peer.say(POST + b"Content-Length: 100000000\r\n\r\n")
    head = peer.rest()
    assert b" 413 " in head
    assert b"http.request_too_large" in head


def test_chunks_that_never_end_are_cut_off(peer: Peer) -> None:
    peer.say(
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + bytes(4096) + b"\r\n") * 40
    )
    assert b" 413 " in peer.rest()


@pytest.mark.parametrize(
    "head",
    [
        b"X-A: " + b"a" * 4096 + b"\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(400)),
        b"X-A: " + b"a" * (1 << 20),  # and no end
    ],
)
def test_a_head_that_is_too_large_is_refused(peer: Peer, head: bytes) -> None:
    peer.say(POST + head + b"\r\n")
    assert peer.refused() == (413, "http.request_too_large")


def test_a_path_that_is_too_long_is_refused(peer: Peer) -> None:
    peer.say(b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert peer.refused() == (413, "http.request_too_large")


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS
        b"garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused(peer: Peer, said: bytes) -> None:
    peer.say(said)
    assert b" 400 " in peer.rest()


def test_another_type_of_content_is_refused(server: Server) -> None:
    for path in ("/ocsp", "/tsa", "/verify"):
        for kind in ("text/plain", "", "application/json", "a" * 1000):
            status, _, body = server.ask("POST", path, b"x", content_type=kind)
            assert (status, json.loads(body)["code"]) == (415, "http.media_type_unsupported")


def test_who_offers_another_protocol_is_answered_in_this_one(house: House, peer: Peer) -> None:
    """As Java's client does first, and curl --http2."""
    asked = ocsp_request(house, house.people[0])
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    one = POST + offer + b"Content-Length: %d\r\n\r\n" % len(asked) + asked
    size = b"%x\r\n" % len(asked)
    other = POST + offer + b"Transfer-Encoding: chunked\r\n\r\n" + size + asked + b"\r\n0\r\n\r\n"
    peer.say((one + other) * 2 + b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + offer + b"\r\n")
    peer.say(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    said = peer.rest()
    bodies = re.findall(rb"\r\n\r\n(\x30.*?)(?=HTTP/1.1 )", said, re.DOTALL)
    assert [OcspResponse(one).status for one in bodies] == [ResponseStatus.SUCCESSFUL] * 4
    assert said.count(b'{"status":"live"}') == 2


def test_what_comes_after_a_body_is_no_header(peer: Peer) -> None:
    """No proxy has looked at it, and one may hand on Client-Cert or X-Forwarded-For there."""
    peer.say(
        b"GET /certificates/people-2026.cer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nIf-None-Match: *\r\n\r\n"
    )
    assert b" 200 OK" in peer.rest()


def test_who_has_it_already_is_told_no_length(peer: Peer) -> None:
    peer.say(
        b"GET /certificates/people-2026.cer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"If-None-Match: *\r\n\r\n"
    )
    said = peer.rest()
    assert b" 304 " in said
    assert b"content-length" not in said


def test_a_request_has_one_answer_though_its_body_never_comes(peer: Peer) -> None:
    peer.say(b"GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    assert peer.rest().count(b"HTTP/1.1 ") == 1


def test_requests_one_upon_another_are_answered_in_order(house: House, peer: Peer) -> None:
    asked = ocsp_request(house, house.people[0])
    one = POST + b"Content-Length: %d\r\n\r\n" % len(asked) + asked
    other = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    peer.say((one + other) * 60)
    said = peer.rest()
    types = re.findall(rb"content-type: ([a-z/-]+)", said)
    assert types == [b"application/ocsp-response", b"application/json"] * 60


def test_too_many_requests_one_upon_another_are_given_up(peer: Peer) -> None:
    peer.say(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000)
    assert peer.rest().count(b"200 OK") < 10_000


def test_one_who_does_not_read_is_cut_off(server: Server) -> None:
    peer = Peer(server)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.socket.settimeout(0.2)
    for _ in range(3000):  # minutes, if need be; it has one second
        try:
            peer.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
            time.sleep(0.02)  # few at a time: many at once are given up for being many
        except TimeoutError:
            continue  # its answers stay where they are, so no more is read of it
        except (ConnectionResetError, BrokenPipeError):
            peer.socket.close()
            return
    peer.socket.close()
    pytest.fail("it is still there")


def connections(server: Server) -> int:
    text = server.ask("GET", "/metrics")[2].decode()
    found = re.search(r'eds_connections\{worker="0"\} (\d+)', text)
    assert found is not None
    return int(found[1])


def test_those_who_leave_early_leave_nothing(house: House, server: Server) -> None:
    asked = ocsp_request(house, house.people[0], nonce=b"n" * 16)
    whole = POST + b"Content-Length: %d\r\n\r\n" % len(asked) + asked
    for length in range(0, len(whole) + 1, 7):
        peer = Peer(server)
        peer.say(whole[:length])
        peer.socket.close()
    while connections(server) > 1:
        pass


def test_nonces_that_are_none_are_refused_and_none_is_remembered(
    house: House, server: Server
) -> None:
    """A thousand here; campaigns/load.py asks for a minute, and looks at the memory."""
    connection = server.connect()

    def ask(body: bytes) -> OcspResponse:
        connection.request("POST", "/ocsp", body, {"Content-Type": "application/ocsp-request"})
        return OcspResponse(connection.getresponse().read())

    for length in (0, 129, 1000):
        asked = ocsp_request(house, house.people[0], nonce=bytes(length))
        assert ask(asked).status is ResponseStatus.MALFORMED_REQUEST
    for _ in range(1000):
        asked = ocsp_request(house, house.people[0], nonce=secrets.token_bytes(16))
        assert ask(asked).status is ResponseStatus.SUCCESSFUL
    connection.close()
    text = server.ask("GET", "/metrics")[2].decode()
    held = re.search(r'eds_statuses_held\{worker="0"\} (\d+)', text)
    assert held is not None
    assert int(held[1]) <= 2


def test_invented_serial_numbers_push_nothing_out(house: House, server: Server) -> None:
    connection = server.connect()
    for _ in range(200):
        invented = SimpleNamespace(serial_number_octets=b"\x01" + secrets.token_bytes(15))
        asked = ocsp_request(house, invented)  # type: ignore[arg-type]
        connection.request("POST", "/ocsp", asked, {"Content-Type": "application/ocsp-request"})
        response = OcspResponse(connection.getresponse().read())
        assert response.responses[0].status.name == "REVOKED"
    connection.close()


@pytest.mark.parametrize("depth", [100, 10_000])
def test_documents_that_are_only_nested_get_a_report(server: Server, depth: int) -> None:
    for document in (
        b"\x30\x80" * depth,
        b"\x30\x84\x7f\xff\xff\xff" * depth,
        b"%PDF-1.7\n" + b"[" * depth,
    ):
        status, _, body = server.ask(
            "POST", "/verify", document[:90_000], content_type="application/octet-stream"
        )
        assert (status, json.loads(body)["indication"]) == (200, "TOTAL_FAILED")
