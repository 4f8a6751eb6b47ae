"""Issuing in two steps: all the thinking (`prepare`), then the one irreversible act (`issue`).

`prepare` decides, builds the to-be-signed bytes and lints them. `issue` asks the policy again,
lets the guard look at those very bytes, makes the intent durable, signs them, and writes the
certificate. What is refused leaves no intent; what dies after it is found by `recover` and never
answered good.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from .. import der
from ..certificates import Certificate
from ..errors import InvalidArgument, LintFailed, NaiveDatetime, ProfileViolated
from ..extensions import INVALIDITY_DATE, REASON_CODE, RevocationReason
from ..keys.contract import Signer
from ..names import Name
from ..publickeys import PublicKey
from . import lifecycle
from .lifecycle import Change, State, Status
from .lint import require_clean
from .monitor import GuardedKey, permit_certificate
from .profiles import (
    CertificateKind,
    CertificateProfile,
    CrlUse,
    SerialNumbers,
    serial_of_key,
)
from .register import Intent, Issued, Register
from .selection import MassPlan
from .tbs import IssuerFacts, assemble, build_tbs


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """What was decided elsewhere and is now to be certified.

    `subject` comes from the decision, never from a certification request; of that only the key
    was taken, after its proof of possession. `request` names the decision and is used once.
    `person`, `authority` and `operator` are opaque references; `evidence` is the SHA-256 of the
    registration record.
    """

    request: str
    profile: CertificateProfile
    subject: Name
    public_key: PublicKey
    person: str
    authority: str
    operator: str
    evidence: bytes
    not_after: datetime | None = None
    email: str | None = None
    purposes: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("request", "person", "authority", "operator"):
            if not getattr(self, name):
                raise InvalidArgument(argument=name, reason="the record wants it")
        if len(self.evidence) != hashlib.sha256().digest_size:
            raise InvalidArgument(argument="evidence", reason="a SHA-256 digest is wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A hold, a release or a revocation that was decided elsewhere."""

    issued: Issued
    change: Change
    actor: str


class Policy(Protocol):
    """The one function that says whether an act may happen now.

    Called when the act is prepared and again at the moment of signing; being authenticated is
    no answer to it. Raises RequestRefused, or any EdsError of the one who decides.
    """

    def __call__(
        self, request: IssueRequest | StatusRequest | MassPlan, /, *, at: datetime
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCertificate:
    """Linted bytes and the intent to sign them; good for the authority that prepared it."""

    request: IssueRequest
    intent: Intent
    tbs: bytes = field(repr=False)


class Authority:
    """One issuer: its register, its key, its rules.

    `check_key` refuses weak keys by name (`eds.ca.keycheck`).
    """

    def __init__(
        self,
        *,
        issuer: str,
        facts: IssuerFacts,
        signer: Signer,
        register: Register,
        policy: Policy,
        check_key: Callable[[PublicKey], None],
    ) -> None:
        if facts.kind not in _GUARDED:
            raise InvalidArgument(argument="facts", reason="not of an authority")
        if signer.public_key != facts.public_key or signer.algorithm != facts.algorithm:
            raise InvalidArgument(argument="signer", reason="not the key of this issuer")
        self.issuer = issuer
        self.facts = facts
        self.register = register
        self._signer = signer
        self._policy = policy
        self._check_key = check_key
        self._guarded = _GUARDED[facts.kind]

    # -- issuing

    def prepare(self, request: IssueRequest, *, at: datetime) -> PreparedCertificate:
        """Decide, build and lint; nothing is written and nothing is signed.

        Raises ProfileViolated, KeyNotPermitted, KeyTooWeak, LintFailed, and what the policy does.
        """
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        self._policy(request, at=at)
        profile = request.profile
        profile.check_key(request.public_key)
        self._check_key(request.public_key)
        serial = new_serial_number(profile, request.public_key, node=self.register.node)
        number = int.from_bytes(serial, "big")
        # Chosen once and written into the certificate; it never moves.
        sharded = profile.crl is CrlUse.SHARDED
        shard = number % self.facts.shard_count if sharded else 0
        not_before = at.replace(microsecond=0)
        tbs = build_tbs(
            profile,
            issuer=self.facts,
            serial_number=number,
            subject=request.subject,
            public_key=request.public_key,
            not_before=not_before,
            not_after=(not_after := self._not_after(request, not_before)),
            shard=shard if sharded else None,
            email=request.email,
            purposes=request.purposes,
            policies=request.policies,
        )
        try:
            require_clean(
                tbs,
                profile=profile,
                issuer=self.facts,
                at=at,
                shard=shard if sharded else None,
            )
        except LintFailed:
            # The bytes were held against the same grammar: its own error says more.
            profile.check_subject(request.subject, on=at.date())
            raise
        intent = Intent(
            issuer=self.issuer,
            serial=serial,
            request=request.request,
            profile=f"{profile.name}/{profile.version}",
            profile_hash=profile.hash,
            key_hash=request.public_key.fingerprint,
            key_kind=request.public_key.description,
            subject_hash=request.subject.fingerprint,
            person=request.person,
            authority=request.authority,
            operator=request.operator,
            evidence=request.evidence,
            tbs_hash=hashlib.sha256(tbs).digest(),
            hold=profile.hold,
            not_before=not_before,
            not_after=not_after,
            shard=shard,
            created_at=at,
        )
        return PreparedCertificate(request=request, intent=intent, tbs=tbs)

    def issue(self, prepared: PreparedCertificate, *, at: datetime) -> Certificate:
        """Sign exactly what was prepared, once. Raises what `issue_many` raises."""
        return self.issue_many((prepared,), at=at)[0]

    def issue_many(
        self, prepared: Sequence[PreparedCertificate], *, at: datetime
    ) -> tuple[Certificate, ...]:
        """The same for many in two transactions: all intents, the signatures, all certificates.

        Raises RequestUsed, SerialNumberUsed, KeyTaken, KeyBlocked, SubjectTaken, MonitorRefused,
        and what the policy does; then no certificate leaves the house, and no intent is open.
        KeyBlocked comes after the signature where the key was blocked since the intent; that
        intent stays open for `recover`.
        """
        for item in prepared:
            if item.intent.issuer != self.issuer:
                raise InvalidArgument(argument="prepared", reason="for another issuer")
            if hashlib.sha256(item.tbs).digest() != item.intent.tbs_hash:
                raise InvalidArgument(argument="prepared", reason="the bytes were changed")
            self._policy(item.request, at=at)
            permit_certificate(item.tbs, issuer_kind=self._guarded)
        self.register.reserve([item.intent for item in prepared])
        signed = [(item.intent, self._sign(item.tbs)) for item in prepared]
        self.register.complete(signed, at=at)
        # Lint and guard have read what was signed.
        return tuple(Certificate.written(encoded) for _, encoded in signed)

    def recover(self, *, before: datetime, actor: str, at: datetime) -> tuple[Intent, ...]:
        """Give up every intent made before that instant and never finished.

        Such a serial number may have been signed: it is listed as revoked and never used again.
        The request of the intent may be tried anew. Returns the intents given up.
        """
        found = tuple(
            intent
            for intent in self.register.open_intents(before=before)
            if intent.issuer == self.issuer
        )
        for intent in found:
            give_up(intent, register=self.register, actor=actor, at=at)
        return found

    # -- the life of a certificate

    def change(self, serial: bytes, change: Change, *, actor: str, at: datetime) -> Status:
        """Hold, release or revoke the certificate of that serial number.

        Raises CertificateNotFound, StatusChangeRefused, StatusChanged, and what the policy does.
        """
        request = StatusRequest(
            issued=self.register.find(self.issuer, serial), change=change, actor=actor
        )
        return change_status(request, register=self.register, policy=self._policy, at=at)

    # -- inside

    def _sign(self, tbs: bytes) -> bytes:
        return assemble(tbs, algorithm=self.facts.algorithm, signature=self._signer.sign(tbs))

    def _not_after(self, request: IssueRequest, not_before: datetime) -> datetime:
        profile = request.profile
        wanted = request.not_after or not_before + profile.validity
        if wanted.utcoffset() is None:
            raise NaiveDatetime(argument="not_after")
        wanted = wanted.replace(microsecond=0)
        if wanted - not_before > profile.maximum_validity:
            raise ProfileViolated(
                profile=profile.name, field="validity", reason="longer than the profile allows"
            )
        return min(wanted, self.facts.not_after) if request.not_after is None else wanted


def new_serial_number(profile: CertificateProfile, key: PublicKey, *, node: int) -> bytes:
    """The content octets of a serial number, from where the profile says.

    Else 19 octets: the writer's number (1 to 127, so positive) and 144 random bits. One that
    names the key is used once like any other: a key whose certificate failed half-way is spent.
    """
    if profile.serial_number is SerialNumbers.KEY_IDENTIFIER:
        return serial_of_key(key)
    return bytes((node,)) + secrets.token_bytes(18)


# --- what needs no key ------------------------------------------------------------------------


def change_status(
    request: StatusRequest, *, register: Register, policy: Policy, at: datetime
) -> Status:
    """Hold, release or revoke: the next list tells of it. Raises what `Authority.change` does."""
    policy(request, at=at)
    issued = request.issued
    status = lifecycle.apply(issued.status, request.change, hold_allowed=issued.hold)
    register.change_status(
        issued,
        status,
        actor=request.actor,
        entry=list_entry(issued.serial, status) if status.is_listed else None,
        recorded_at=at,
    )
    return status


def give_up(intent: Intent, *, register: Register, actor: str, at: datetime) -> Status:
    """Abandon one intent: it may have been signed, so its serial number is listed as revoked.

    Raises IntentNotOpen.
    """
    status = Status(state=State.REVOKED, since=at, reason=RevocationReason.CESSATION_OF_OPERATION)
    register.abandon(intent, status, entry=list_entry(intent.serial, status), actor=actor)
    return status


def give_up_request(
    request: str, *, register: Register, actor: str, at: datetime
) -> tuple[Intent, ...]:
    """Abandon the open intents of one request, made before `at` by a run that was interrupted."""
    found = tuple(
        intent for intent in register.open_intents(before=at) if intent.request == request
    )
    for intent in found:
        give_up(intent, register=register, actor=actor, at=at)
    return found


_GUARDED: Final = {
    CertificateKind.ROOT: GuardedKey.ROOT,
    CertificateKind.ISSUING_AUTHORITY: GuardedKey.ISSUING_AUTHORITY,
}


def list_entry(serial: bytes, status: Status) -> bytes:
    """The entry of a held or revoked certificate in a list (RFC 5280 §5.1.2.6, §5.3)."""
    extensions = b"".join(_entry_extensions(status))
    return der.sequence(
        der.value(der.INTEGER, serial),
        der.time(status.since),
        der.sequence(extensions) if extensions else b"",
    )


def _entry_extensions(status: Status) -> Iterator[bytes]:
    if status.reason is not None and status.reason.value:  # unspecified is not written
        yield der.sequence(_REASON_CODE, der.octet_string(der.enumerated(status.reason.value)))
    if status.invalidity_date is not None:
        yield der.sequence(
            _INVALIDITY_DATE, der.octet_string(der.generalized_time(status.invalidity_date))
        )


_REASON_CODE: Final = der.object_identifier(REASON_CODE)
_INVALIDITY_DATE: Final = der.object_identifier(INVALIDITY_DATE)
