"""One HTTP request, with an end: an address that was judged, a size, and an instant of time.

The name is looked up once, and the address that was judged is the one connected to. No redirect
is followed, nothing is unpacked. Whatever a peer does ends as an `ExchangeFailed` that says how.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from enum import Enum
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from .fetch_rules import Address, Target

Resolve = Callable[[str, int], Sequence[str]]
"""Looks a name up: (host, port) → addresses as text. Raises OSError."""

_PIECE: Final = 64 * 1024


class Failure(Enum):
    """How an exchange ended without a reply."""

    ADDRESS_REFUSED = "address_refused"  # the name leads to an address that is not reached
    NOT_RESOLVED = "not_resolved"
    NOT_CONNECTED = "not_connected"  # refused, reset, cut off, or TLS that failed
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    REDIRECTED = "redirected"  # not followed
    STATUS_REFUSED = "status_refused"  # an HTTP status other than 200 and 304
    MALFORMED = "malformed"  # not HTTP


class ExchangeFailed(Exception):
    """An outcome, not an error of the library: those who ask make their own of it."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.detail = detail


class Reply(NamedTuple):
    """What a server said. `status` is 200, or 304 where the request was conditional."""

    status: int
    body: bytes
    etag: str
    last_modified: str
    content_type: str


def exchange(
    wanted: Target,
    *,
    method: str,
    seconds: float,
    octets: int,
    reaches: Callable[[Address], bool],
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    resolve: Resolve | None = None,
) -> Reply:
    """Ask `wanted` and read at most `octets` of its reply, all within `seconds`.

    `reaches` judges each address that the name stands for. Raises ExchangeFailed alone.
    """
    deadline = _Deadline(time.monotonic() + seconds)
    try:
        addresses = _addresses(wanted, resolve or look_up, reaches, deadline)
        with closing(_connect(wanted, addresses, deadline)) as connected:
            return _speak(connected, wanted, octets, method, body, dict(headers or {}))
    except TimeoutError:
        raise ExchangeFailed(Failure.TIMED_OUT) from None
    except (http.client.HTTPException, ValueError):
        raise ExchangeFailed(Failure.MALFORMED, "http") from None
    except OSError:
        raise ExchangeFailed(Failure.NOT_CONNECTED) from None


class _Deadline:
    """An instant of monotonic time by which something must have ended."""

    def __init__(self, end: float) -> None:
        self._end = end

    def left(self) -> float:
        """Seconds, above zero. Raises TimeoutError."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Timed:
    """A socket each of whose waits ends at one deadline, however often a peer sends an octet."""

    deadline: _Deadline

    def recv_into(self, *arguments: Any, **more: Any) -> int:
        self.settimeout(self.deadline.left())  # type: ignore[attr-defined]
        return super().recv_into(*arguments, **more)  # type: ignore[misc,no-any-return]

    def sendall(self, *arguments: Any, **more: Any) -> None:
        self.settimeout(self.deadline.left())  # type: ignore[attr-defined]
        super().sendall(*arguments, **more)  # type: ignore[misc]


class _TimedSocket(_Timed, socket.socket):
    pass


class _TimedTls(_Timed, ssl.SSLSocket):
    pass


def _connect(
    wanted: Target, addresses: Sequence[str], deadline: _Deadline
) -> _TimedSocket | _TimedTls:
    """A connection to an address that was judged: the name is not looked up again."""
    refused: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        plain = _TimedSocket(family, socket.SOCK_STREAM)
        plain.deadline = deadline
        try:
            plain.settimeout(deadline.left())
            plain.connect((address, wanted.port))
            return _with_tls(plain, wanted, deadline) if wanted.scheme == "https" else plain
        except TimeoutError:
            plain.close()
            raise
        except OSError as error:
            plain.close()
            refused = error
    raise refused or ConnectionError


def _addresses(
    wanted: Target, resolve: Resolve, reaches: Callable[[Address], bool], deadline: _Deadline
) -> list[str]:
    try:
        found = _in_time(lambda: resolve(wanted.host, wanted.port), deadline)
        addresses = [ip_address(one.partition("%")[0]) for one in found]
    except TimeoutError:
        raise
    except (OSError, ValueError):
        raise ExchangeFailed(Failure.NOT_RESOLVED) from None
    if not addresses:
        raise ExchangeFailed(Failure.NOT_RESOLVED)
    good = [str(one) for one in dict.fromkeys(addresses) if reaches(one)]
    if not good:
        raise ExchangeFailed(Failure.ADDRESS_REFUSED)
    return good


def _with_tls(plain: _TimedSocket, wanted: Target, deadline: _Deadline) -> _TimedTls:
    context = ssl.create_default_context()
    context.sslsocket_class = _TimedTls
    wrapped = context.wrap_socket(plain, server_hostname=wanted.host, do_handshake_on_connect=False)
    if not isinstance(wrapped, _TimedTls):  # for the type checker: the context was told
        raise TypeError
    wrapped.deadline = deadline
    try:
        wrapped.settimeout(deadline.left())
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def _speak(
    connected: _TimedSocket | _TimedTls,
    wanted: Target,
    octets: int,
    method: str,
    body: bytes | None,
    headers: dict[str, str],
) -> Reply:
    """One request and its reply. Raises ExchangeFailed, OSError, HTTPException, ValueError."""
    connection = http.client.HTTPConnection(wanted.host, wanted.port)
    connection.sock = connected
    always = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "eds"}
    connection.request(method, wanted.path, body=body, headers=always | headers)
    with closing(connection.getresponse()) as response:
        if 300 <= response.status < 400 and response.status != 304:
            raise ExchangeFailed(Failure.REDIRECTED, str(response.status))
        if response.status == 304 and not {"If-None-Match", "If-Modified-Since"} & set(headers):
            raise ExchangeFailed(Failure.STATUS_REFUSED, "304")
        if response.status not in {200, 304}:
            raise ExchangeFailed(Failure.STATUS_REFUSED, str(response.status))
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise ExchangeFailed(Failure.MALFORMED, "content encoding")
        return Reply(
            status=response.status,
            body=b"" if response.status == 304 else _body(response, octets),
            etag=response.getheader("ETag", ""),
            last_modified=response.getheader("Last-Modified", ""),
            content_type=response.getheader("Content-Type", ""),
        )


def _body(response: http.client.HTTPResponse, octets: int) -> bytes:
    told = response.length
    if told is not None and told > octets:
        raise ExchangeFailed(Failure.TOO_LARGE)
    body = bytearray()
    try:
        while piece := response.read(min(_PIECE, octets + 1 - len(body))):
            body += piece
            if len(body) > octets:
                raise ExchangeFailed(Failure.TOO_LARGE)
    except http.client.IncompleteRead:
        raise ExchangeFailed(Failure.TRUNCATED) from None
    if told is not None and len(body) < told:
        raise ExchangeFailed(Failure.TRUNCATED)
    return bytes(body)


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _in_time(ask: Callable[[], Sequence[str]], deadline: _Deadline) -> Sequence[str]:
    """The answer, or TimeoutError at the deadline: looking a name up cannot be broken off."""
    answer: list[Sequence[str] | OSError] = []

    def run() -> None:
        try:
            answer.append(ask())
        except (OSError, UnicodeError) as error:
            answer.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=run, daemon=True, name="eds-look-up")
    thread.start()
    thread.join(deadline.left())
    if not answer:
        raise TimeoutError
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]
