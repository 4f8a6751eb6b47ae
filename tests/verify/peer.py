"""A server on loopback that does what a test tells it, good or bad."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Self

Behave = Callable[["Peer", socket.socket, bytes], None]


class Peer:
    """Answers each connection by `behave`; keeps what it was asked."""

    def __init__(self, behave: Behave | None = None) -> None:
        self.behave: Behave = behave or refuse
        self.requests: list[bytes] = []
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def url(self, path: str = "/7.crl") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        # A connection of our own wakes the one who waits for connections.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass
        for thread in self._threads:
            thread.join(30)
        self._socket.close()

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stop.is_set():
            connection, _ = self._socket.accept()
            if self.stop.is_set():
                connection.close()
                return
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            request = read_request(connection)
            self.requests.append(request)
            self.behave(self, connection, request)


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(4096)
    return head + b"\r\n\r\n" + body


def reply(
    body: bytes, *, status: str = "200 OK", headers: tuple[str, ...] = ("Content-Type: x",)
) -> Behave:
    """An ordinary reply."""
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))

    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        connection.sendall(head.encode() + b"\r\n\r\n" + body)

    return behave


def chain(*behaviours: Behave) -> Behave:
    """One after the other, the last for ever."""
    left = list(behaviours)

    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(peer, connection, request)

    return behave


refuse = reply(b"", status="404 Not Found")


# --- how a server can go wrong


def hang(peer: Peer, connection: socket.socket, request: bytes) -> None:
    peer.stop.wait(30)


def drip(peer: Peer, connection: socket.socket, request: bytes) -> None:
    """A head, then an octet now and then: no single wait is long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not peer.stop.wait(0.02):
        connection.sendall(b"0")


def pieces(head: bytes, piece: bytes) -> Behave:
    """Without an end."""

    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        connection.sendall(head)
        while not peer.stop.is_set():
            connection.sendall(piece)

    return behave


gigabyte = pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", bytes(65536))
endless = pieces(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"8000\r\n" + bytes(0x8000) + b"\r\n",
)
endless_headers = pieces(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 100 + b"\r\n")
endless_line = pieces(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4096)
never_ready = pieces(b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def reset(peer: Peer, connection: socket.socket, request: bytes) -> None:
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def truncated(body: bytes) -> Behave:
    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body[: len(body) // 2])

    return behave


def truncated_chunks(body: bytes) -> Behave:
    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(f"{len(body):x}\r\n".encode() + body[: len(body) // 2])

    return behave


def said(data: bytes) -> Behave:
    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        connection.sendall(data)

    return behave


@contextlib.contextmanager
def serving(behave: Behave | None = None) -> Iterator[Peer]:
    with Peer(behave) as peer:
        yield peer
