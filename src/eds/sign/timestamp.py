"""Time-stamps over HTTP (RFC 3161 §3.4): several authorities, a deadline, and no belief in advance.

A token is handed on when it answers the question and a `Judge` believes it, usually the
validator with the anchors of the caller; an authority that fails or lies is passed over for the
next one. The caller's document is never touched here.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..algorithms import DigestAlgorithm
from ..errors import InvalidArgument, TimeStampRefused
from ..keys.contract import Secret
from ..timestamps import TimeStampToken
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.exchange import ExchangeFailed, Resolve, exchange
from ..verify.fetch_rules import Address, FetchRules, Network, target
from ..verify.indications import SubIndication
from ..verify.policy import ValidationPolicy
from ..verify.report import TimeStampReport
from ..verify.trust import TrustStore
from ..verify.validation import validate_time_stamp
from .stamping import TimeStampQuestion

Judge = Callable[[TimeStampToken, bytes, DigestAlgorithm], TimeStampReport]
"""Says what a token over that digest is worth."""

_UNKNOWN: Final = frozenset({SubIndication.TRY_LATER})
_ANSWER_OCTETS: Final = 256 * 1024
_HEADERS: Final = {"Content-Type": "application/timestamp-query"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampService:
    """One authority on the network.

    `policy` is wanted of it, None leaves it the choice. `user` and `password` are for HTTP
    Basic, and wanted over https alone. Raises InvalidArgument.
    """

    url: str
    policy: str | None = None
    user: str | None = None
    password: Secret | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if target(self.url) is None:
            raise InvalidArgument(argument="url", reason=f"not an http(s) URL: {self.url!r}")
        if self.password is not None and (self.user is None or ":" in self.user):
            raise InvalidArgument(argument="user", reason="a password goes with a user's name")
        if self.password is not None and not self.url.startswith("https:"):
            raise InvalidArgument(argument="url", reason="no password over http")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeStamper:
    """A `TimeStamper` over `services`, asked in their order until one gives a token.

    `judge` must believe the token. Each request ends after `seconds`, all of them together
    after `total_seconds`; each service is asked `tries` times where it cannot be reached.
    `networks` are ranges reached although they are private or loopback.
    """

    services: Sequence[TimeStampService]
    judge: Judge
    seconds: float = 5.0
    total_seconds: float = 15.0
    tries: int = 2
    networks: tuple[Network, ...] = ()
    resolve: Resolve | None = None

    def __post_init__(self) -> None:
        if not self.services:
            raise InvalidArgument(argument="services", reason="no time-stamping authority")
        if min(self.seconds, self.total_seconds, self.tries) <= 0:
            raise InvalidArgument(argument="limits", reason="above zero, all of them")

    def stamp(self, digest: bytes, *, algorithm: DigestAlgorithm) -> TimeStampToken:
        """A believed token over `digest`.

        Raises TimeStampRefused with the reason of every authority, InvalidArgument.
        """
        end = time.monotonic() + self.total_seconds
        refusals: list[TimeStampRefused] = []
        for service in self.services:
            for attempt in range(self.tries):
                try:
                    return self._ask(service, digest, algorithm, end)
                except _Unreachable as gone:
                    if attempt + 1 == self.tries or time.monotonic() >= end:
                        refusals.append(gone.refusal)
                        break
                except TimeStampRefused as refusal:
                    refusals.append(refusal)
                    break
        raise _summary(refusals)

    def _ask(
        self, service: TimeStampService, digest: bytes, algorithm: DigestAlgorithm, end: float
    ) -> TimeStampToken:
        question = TimeStampQuestion.about(digest, algorithm=algorithm, policy=service.policy)
        wanted = target(service.url)
        left = end - time.monotonic()
        if wanted is None or left <= 0:
            raise _Unreachable(service.url, "out of time")
        try:
            reply = exchange(
                wanted,
                method="POST",
                seconds=min(self.seconds, left),
                octets=_ANSWER_OCTETS,
                reaches=self._reaches,
                body=question.encoded,
                headers=_HEADERS | _credentials(service),
                resolve=self.resolve,
            )
        except ExchangeFailed as failed:
            said = failed.failure.value + (f" {failed.detail}" if failed.detail else "")
            raise _Unreachable(service.url, said) from None
        token = question.answered_by(reply.body, authority=service.url)
        doubt = _doubt(self.judge(token, digest, algorithm))
        if doubt is not None:
            raise TimeStampRefused(authority=service.url, reason=f"not believed: {doubt}")
        return token

    def _reaches(self, address: Address) -> bool:
        return FetchRules(networks=self.networks).reaches(address)


def _doubt(report: TimeStampReport) -> str | None:
    """The code of what speaks against a token; None where nothing does.

    That the status of the authority is not known yet does not: lists come later, and level LT
    asks for them. That it is revoked does.
    """
    for finding in report.findings:
        sub = finding.sub_indication
        if sub is not None and not (finding.code.startswith("revocation.") and sub in _UNKNOWN):
            return finding.code
    return None


def judged_by(
    *,
    trust: TrustStore,
    policy: ValidationPolicy,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> Judge:
    """The validator as a judge of tokens, with the caller's anchors."""

    def judge(token: TimeStampToken, digest: bytes, algorithm: DigestAlgorithm) -> TimeStampReport:
        return validate_time_stamp(
            token.encoded,
            digest=digest,
            algorithm=algorithm,
            trust=trust,
            policy=policy,
            at=at,
            evidence=evidence,
        )

    return judge


class _Unreachable(Exception):
    """Nothing was answered: worth another try."""

    def __init__(self, authority: str, reason: str) -> None:
        super().__init__(reason)
        self.refusal = TimeStampRefused(authority=authority, reason=reason)


def _credentials(service: TimeStampService) -> dict[str, str]:
    if service.user is None or service.password is None:
        return {}
    said = service.user.encode() + b":" + service.password.reveal()
    return {"Authorization": "Basic " + base64.b64encode(said).decode("ascii")}


def _summary(refusals: list[TimeStampRefused]) -> TimeStampRefused:
    if len(refusals) == 1:
        return refusals[0]
    return TimeStampRefused(
        authority=f"{len(refusals)} authorities",
        reason="; ".join(f"{one.authority}: {one.reason}" for one in refusals),
    )
