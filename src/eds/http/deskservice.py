"""What the doors of a desk work with, and how an act of theirs is carried out.

An act runs in a thread of its own: whoever goes away in between loses the answer, never the act,
and asks again with the same message. Another act that came first is no reason to refuse one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Final, TypeVar

from ..ca.authority import Authority
from ..certificates import Certificate
from ..enroll.application import Application
from ..enroll.certified import CertificateStatus, certificate_status
from ..enroll.desk import Desk, Envelope, is_token
from ..enroll.evidence.cscas import CscaStore
from ..enroll.folder import DeskFolder
from ..enroll.issuing import Issuing
from ..enroll.risk import risk_of
from ..errors import ApplicationChanged, AuthenticationRequired, IntentNotOpen, RequestUsed
from ..keys.contract import Signer
from .clocks import system_clock
from .threads import Threads

T = TypeVar("T")
Risk = Callable[[Application], int]
BEARER: Final = "Bearer"
_TRIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskService:
    """A desk with its authority.

    `terms` is the text of the terms in force. `risk` says from 0 to 100 how much an application
    looks like a fraud. `chain` are the certificates above those that are issued, the issuer's
    first. `cscas` are the states whose chips are believed.
    """

    desk: Desk
    issuing: Issuing
    authority: Authority
    chain: tuple[Certificate, ...]
    terms: bytes
    threads: Threads
    cscas: CscaStore = field(default_factory=lambda: CscaStore(()))
    risk: Risk = risk_of
    clock: Callable[[], datetime] = field(default=system_clock)
    _turns: tuple[Lock, ...] = field(
        default_factory=lambda: tuple(Lock() for _ in range(64)), repr=False
    )

    def status_of(self, found: Application, *, at: datetime) -> CertificateStatus | None:
        """Where the certificate of an application stands, by the register."""
        return certificate_status(self.issuing.register, found.certificate, at=at)

    def turn_of(self, application: str) -> Lock:
        """Issuing gives up what a run that died has left: two at once would take the living one
        for dead, and work twice.
        """
        return self._turns[hash(application) % len(self._turns)]


def service_of(
    folder: DeskFolder, signer: Signer, *, threads: Threads, clock: Callable[[], datetime]
) -> DeskService:
    """The desk in a folder, with the opened key of its issuer."""
    return DeskService(
        desk=folder.desk,
        issuing=folder.issuing,
        authority=folder.issuing_authority(signer),
        chain=folder.issuers,
        terms=folder.terms,
        threads=threads,
        cscas=folder.cscas(at=clock()),
        clock=clock,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One act that was asked for: the values of its body, to which application, by whom."""

    values: Mapping[str, Any] = field(repr=False)
    application: str
    envelope: Envelope

    @property
    def at(self) -> datetime:
        return self.envelope.at


Act = Callable[[DeskService, Call], Any]


def repeated(act: Callable[[], T]) -> T:
    """Its result; from the start again where another act came first.

    Raises what it raises, and ApplicationChanged where others always come first.
    """
    for _ in range(_TRIES):
        try:
            return act()
        except (ApplicationChanged, IntentNotOpen, RequestUsed):
            continue
    return act()


def applicants_own(service: DeskService, call: Call) -> Application:
    """The application, for whoever has its token.

    Raises AuthenticationRequired in the same words for a wrong token and for no application.
    """
    found = service.desk.store.find(call.application)
    if found is None or not is_token(found, call.envelope.token):
        raise AuthenticationRequired(scheme=BEARER)
    return found
