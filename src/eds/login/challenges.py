"""Challenges: what a portal asks to be signed, bound to one browser, for five minutes, once."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

from ..errors import EdsError, InvalidArgument, MalformedLoginChallenge, NaiveDatetime
from . import canonical

LIFETIME: Final = timedelta(minutes=5)
LANGUAGES: Final = ("kk", "ru", "en")

_SHORTEST_SESSION: Final = 16
_SHORTEST_NONCE: Final = 44  # 256 bits in base64: what the Web eID software demands
_LONGEST_NONCE: Final = 128
_LONGEST_TEXT: Final = 300


def _require_text(argument: str, text: str) -> None:
    if not text.isprintable() or not 0 < len(text) <= _LONGEST_TEXT:
        raise InvalidArgument(argument=argument, reason="1 to 300 printable characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionText:
    """What the user is asked to agree to, in each language, 1 to 300 printable characters."""

    kk: str
    ru: str
    en: str

    def __post_init__(self) -> None:
        for language in LANGUAGES:
            _require_text(f"action.{language}", getattr(self, language))


LOG_IN: Final = ActionText(kk="Жүйеге кіру", ru="Вход в систему", en="Log in")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginChallenge:
    """One question to one browser.

    `session` is `session_digest` of its session before login, 32 octets. `nonce` goes to the
    user's software as it stands. `origin` is the portal's (RFC 6454 §6.2), `audience` the name
    of the portal for people. Instants are in UTC, whole seconds. Raises InvalidArgument,
    NaiveDatetime.
    """

    session: bytes = field(repr=False)
    nonce: str = field(repr=False)
    origin: str
    audience: str
    action: ActionText
    issued_at: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if len(self.session) != 32:
            raise InvalidArgument(argument="session", reason="32 octets are wanted")
        nonce = self.nonce
        if not (_SHORTEST_NONCE <= len(nonce) <= _LONGEST_NONCE and nonce.isascii()):
            raise InvalidArgument(argument="nonce", reason="44 to 128 ASCII characters")
        _require_text("nonce", nonce)
        require_origin(self.origin)
        _require_text("audience", self.audience)
        for name in ("issued_at", "expires_at"):
            instant = getattr(self, name)
            if instant.utcoffset() is None:
                raise NaiveDatetime(argument=name)
            if instant.microsecond:
                raise InvalidArgument(argument=name, reason="a whole second")
        if not self.issued_at < self.expires_at <= self.issued_at + LIFETIME:
            raise InvalidArgument(argument="expires_at", reason="five minutes at the most")

    @property
    def code(self) -> str:
        """Six digits to compare by eye: on the page, and in the text that is signed."""
        digest = hashlib.sha256(b"eds-login:1 code\0" + self.nonce.encode()).digest()
        return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"

    def members(self) -> dict[str, Any]:
        """The members that a statement and a store have in common."""
        return {
            "action": {one: getattr(self.action, one) for one in LANGUAGES},
            "audience": self.audience,
            "expires": _text_of(self.expires_at),
            "issued": _text_of(self.issued_at),
            "nonce": self.nonce,
            "origin": self.origin,
            "session": base64.urlsafe_b64encode(self.session).rstrip(b"=").decode(),
        }

    @property
    def encoded(self) -> bytes:
        """For a store, in canonical JSON."""
        return canonical.write(self.members())

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """What `encoded` wrote. Raises MalformedLoginChallenge."""
        try:
            found = canonical.read(encoded.decode())
            return cls(
                session=base64.urlsafe_b64decode(found["session"] + "="),
                nonce=found["nonce"],
                origin=found["origin"],
                audience=found["audience"],
                action=ActionText(**found["action"]),
                issued_at=datetime.fromisoformat(found["issued"]),
                expires_at=datetime.fromisoformat(found["expires"]),
            )
        except (EdsError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MalformedLoginChallenge(reason=type(error).__name__) from error


class ChallengeStore(Protocol):
    """Where challenges wait. One browser session has one at a time.

    `take` is atomic: of any number of callers at once, one gets the challenge. What was taken or
    replaced is gone. Both raise ChallengeStoreUnavailable.
    """

    def put(self, challenge: LoginChallenge) -> None:
        """Keep it under its session, in place of any that waited there."""

    def take(self, session: bytes) -> LoginChallenge | None:
        """Take the challenge of that session out; None where none waits."""


def session_digest(session_ref: str) -> bytes:
    """What ties a challenge to a browser: SHA-256 of its session before login, 32 octets.

    `session_ref` is the random value in that session's cookie, unguessable (128 bits or more).
    Raises InvalidArgument for one shorter than 16 characters.
    """
    if len(session_ref) < _SHORTEST_SESSION:
        raise InvalidArgument(argument="session_ref", reason="16 characters or more, random")
    return hashlib.sha256(
        b"eds-login:1 session\0" + session_ref.encode(errors="surrogatepass")
    ).digest()


def new_nonce() -> str:
    """256 random bits in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def whole_second(at: datetime) -> datetime:
    """`at` in UTC, to the second it lies in."""
    return at.astimezone(UTC).replace(microsecond=0)


def require_origin(origin: str) -> None:
    """Scheme https, host, a port only where it is not 443; nothing else, no slash at the end.

    Raises InvalidArgument.
    """
    reason = "https, a host in lower case, a port if it is not 443, no slash at the end"
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError as error:
        raise InvalidArgument(argument="origin", reason=reason) from error
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    built = f"https://{shown}" + ("" if port is None else f":{port}")
    if not host or port == 443 or origin != built or not origin.isascii() or " " in origin:
        raise InvalidArgument(argument="origin", reason=reason)


def _text_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
