"""The JSON API of a desk at an address, whoever speaks to it.

TLS is verified by the system's authorities; plain HTTP goes to this machine alone. What the desk
refuses comes back as the errors of the library. What got no answer is asked once more under the
same Idempotency-Key, so it is done once.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import secrets
import ssl
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from ..enroll.failures import NOT_ACCEPTED, Told
from ..errors import DeskRefused, InvalidArgument, ProviderUnavailable, TransitionRefused

_ROOT: Final = "/desk/v1"
ANSWER_LIMIT: Final = 1 << 20
SECONDS: Final = 30.0
_TRIES: Final = 2


class DeskConnection:
    """The desk at `https://HOST[:PORT][/PATH]`. `context` verifies the server.

    Each call raises ProviderUnavailable where the desk does not answer, TransitionRefused and
    DeskRefused where it does not do what was asked. Raises InvalidArgument for another address.
    """

    def __init__(
        self, address: str, *, context: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InvalidArgument(argument="address", reason="https://HOST, no more")
        if parts.scheme == "http" and not _is_here(parts.hostname):
            raise InvalidArgument(argument="address", reason="http only to this machine: https://")
        try:
            self._host, self._port = parts.hostname, parts.port
        except ValueError:
            raise InvalidArgument(argument="address", reason="no such port") from None
        self._path = parts.path.rstrip("/")
        self._context = None
        if parts.scheme == "https":
            self._context = context or ssl.create_default_context()
        self._seconds = seconds

    @property
    def host(self) -> str:
        return self._host

    def get(self, path: str, *, token: bytes = b"") -> Any:
        """The object that the desk answers with."""
        return self._ask("GET", path, None, token=token, message="", limit=ANSWER_LIMIT)

    def post(
        self, path: str, body: Any, *, token: bytes = b"", message: str = "",
        limit: int = ANSWER_LIMIT,
    ) -> Any:  # fmt: skip
        """The same; `message` names the act, `limit` are the octets of the answer at most."""
        message = message or secrets.token_hex(16)
        return self._ask("POST", path, body, token=token, message=message, limit=limit)

    def strange(self) -> ProviderUnavailable:
        """What to raise where the answer is none of a desk."""
        return self._unavailable("it does not answer as a desk does")

    def _ask(
        self, method: str, path: str, body: Any, *, token: bytes, message: str, limit: int
    ) -> Any:
        headers = {"Accept": "application/json"}
        if token:
            spelled = base64.urlsafe_b64encode(token).decode().rstrip("=")
            headers["Authorization"] = f"Bearer {spelled}"
        if message:
            headers["Idempotency-Key"] = message
        octets = b""
        if body is not None:
            octets = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        for left in reversed(range(_TRIES)):
            try:
                return self._told(*self._exchange(method, path, octets, headers, limit))
            except (OSError, http.client.HTTPException) as error:
                if not left:
                    raise self._unavailable(type(error).__name__) from None
        raise self._unavailable("no try is left")

    def _exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], limit: int
    ) -> tuple[int, bytes]:
        if self._context is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        else:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._seconds, context=self._context
            )
        try:
            connection.request(method, f"{self._path}{_ROOT}{path}", body, dict(headers))
            reply = connection.getresponse()
            answer = reply.read(limit + 1)
        finally:
            connection.close()
        if len(answer) > limit:
            raise self.strange()
        return reply.status, answer

    def _told(self, status: int, answer: bytes) -> Any:
        try:
            told = json.loads(answer)
            if not isinstance(told, dict):
                raise ValueError
        except (ValueError, RecursionError):
            raise self.strange() from None
        if status < 300:
            return told
        code = str(told.get("code", ""))
        if code == "http.authentication_required":
            raise TransitionRefused(failures=(Told(code=NOT_ACCEPTED, shown=NOT_ACCEPTED),))
        if code == TransitionRefused.code:
            said = told.get("reasons")
            reasons = said if isinstance(said, list) and said else [NOT_ACCEPTED]
            failures = tuple(Told(code=str(each), shown=str(each)) for each in reasons)
            raise TransitionRefused(failures=failures)
        if status >= 500:
            raise self._unavailable(code or str(status))
        raise DeskRefused(problem=code or str(status), detail=str(told.get("detail") or ""))

    def _unavailable(self, reason: str) -> ProviderUnavailable:
        return ProviderUnavailable(provider=f"the desk at {self._host}", reason=reason)


def instant(text: str) -> datetime:
    """RFC 3339. Raises ValueError, also for one of an unknown zone."""
    found = datetime.fromisoformat(text)
    if found.utcoffset() is None:
        raise ValueError
    return found


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def base64_of(octets: bytes) -> str:
    """Base64 (RFC 4648 §4)."""
    return base64.b64encode(octets).decode()


def octets_of(text: Any) -> bytes:
    """What Base64 says. Raises ProviderUnavailable."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ProviderUnavailable(
            provider="the desk", reason="it does not answer as a desk does"
        ) from None
