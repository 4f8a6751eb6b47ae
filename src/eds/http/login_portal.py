"""What a portal says of its login, and what every one of its doors asks and tells."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol

from ..errors import InvalidArgument, LoginRequestRefused, MediaTypeUnsupported, PathNotFound
from ..login import (
    ChallengeStore,
    EvidenceSource,
    LoginOutcome,
    LoginRules,
    Method,
    Person,
    canonical,
    finish,
)
from ..login.answers import AnswerStore
from ..login.statement import SIZE_LIMIT
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.trust import TrustStore
from .messages import NO_STORE, Response

LONGEST_BODY: Final = SIZE_LIMIT * 3 // 2  # octets: the largest CMS in base64, and PEM's lines


class Session(Protocol):
    """What a framework keeps for one browser, from before it logs in."""

    def get(self, key: str, /) -> Any: ...

    def __setitem__(self, key: str, value: Any, /) -> None: ...

    def pop(self, key: str, default: Any, /) -> Any: ...


class NcaModule(Enum):
    """Which part of NCALayer signs: the older from a storage that the portal names, the newer from
    any. Both offer keys for authentication alone, unless the rules take others.
    """

    COMMON_UTILS = "kz.gov.pki.knca.commonUtils"
    BASICS = "kz.gov.pki.knca.basics"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLogin:
    """What a login by phone needs: where answers wait, and 32 octets or more that sign frames.

    Every process of the portal has the same of both.
    """

    answers: AnswerStore
    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < 32:
            raise InvalidArgument(argument="secret", reason="32 octets or more")

    def __repr__(self) -> str:
        return f"PhoneLogin(answers={self.answers!r})"


def _now() -> datetime:
    return datetime.now(UTC)


def _ignore(_: LoginOutcome) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalLogin:
    """The login of one portal. `path` is where its doors stand, `/login`.

    The rules say which methods are offered: a card (`web-eid:1`), NCALayer (`eds-login-data:1`)
    and, where `phone` is given, a phone (`eds-login:1`). `record` is told every outcome, for a log
    of logins. `evidence` as in `eds.login.finish`. Raises InvalidArgument.
    """

    rules: LoginRules
    store: ChallengeStore
    trust: TrustStore
    evidence: Evidence | EvidenceSource = NO_EVIDENCE
    phone: PhoneLogin | None = None
    path: str = "/login"
    ncalayer: NcaModule = NcaModule.COMMON_UTILS
    storage: str = "PKCS12"
    record: Callable[[LoginOutcome], None] = _ignore
    clock: Callable[[], datetime] = _now

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.endswith("/"):
            raise InvalidArgument(argument="path", reason="it begins with a slash and ends without")
        if self.phone is not None and Method.STATEMENT not in self.rules.methods:
            raise InvalidArgument(argument="phone", reason="the rules do not take eds-login:1")

    @property
    def offered(self) -> tuple[str, ...]:
        """The ways that the box in the browser shows."""
        methods = self.rules.methods
        ways = {
            "web-eid": Method.WEB_EID in methods,
            "ncalayer": Method.STATEMENT_AS_DATA in methods,
            "phone": self.phone is not None,
        }
        return tuple(way for way, is_offered in ways.items() if is_offered)


class Asked(NamedTuple):
    """One request: `door` is the rest of its path, `headers` have names in lower case."""

    method: str
    door: str
    headers: Mapping[str, str]
    body: bytes = b""
    language: str = ""


def phone_of(login: PortalLogin) -> PhoneLogin:
    """Raises PathNotFound where nobody logs in by phone."""
    if login.phone is None:
        raise PathNotFound
    return login.phone


def require_own_page(login: PortalLogin, asked: Asked) -> None:
    """Browsers name the origin of every POST, and no page can write either header itself.

    Raises LoginRequestRefused.
    """
    if asked.headers.get("origin") != login.rules.origin:
        raise LoginRequestRefused(reason="it did not come from the portal's own origin")
    if asked.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise LoginRequestRefused(reason="it came from another site")


def require_type(asked: Asked, *accepted: str) -> None:
    """Raises MediaTypeUnsupported. None of the types is one that a form can send."""
    found = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in accepted:
        raise MediaTypeUnsupported(accepted=accepted)


def base64_of(octets: bytes) -> str:
    """In base64, for JSON."""
    return base64.b64encode(octets).decode()


def finished(
    login: PortalLogin, session: Session, key: str, reference: Any, token: bytes
) -> Response | Person:
    """Judge `token` for the challenge that waits under `reference`, kept in the session as `key`.

    Who is let in leaves nothing of the login in the session from before it.
    """
    if not isinstance(reference, str):
        return refusal_of("login.challenge", None)
    outcome = finish(
        reference,
        token,
        rules=login.rules,
        store=login.store,
        trust=login.trust,
        evidence=login.evidence,
        at=login.clock(),
    )
    login.record(outcome)
    if outcome.person is not None:
        session.pop(key, None)
        return outcome.person
    refusal = outcome.refusal
    if refusal is None:
        return refusal_of("login.refused", None)
    return refusal_of(refusal.code, refusal.sub_indication.value)


def refusal_of(code: str, sub_indication: str | None) -> Response:
    """A refused login as a problem (RFC 9457): the rule that is broken, and nothing of a person."""
    said = {"type": "about:blank", "title": "Forbidden", "status": 403, "code": code}
    if sub_indication is not None:
        said["sub_indication"] = sub_indication
    headers = ((b"content-type", b"application/problem+json"), NO_STORE)
    return Response(status=403, headers=headers, body=canonical.write(said))
