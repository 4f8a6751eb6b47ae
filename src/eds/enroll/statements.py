"""What people sign at the desk: typed statements in canonical JSON, never another's bytes.

An official's act is CMS (detached) over an `ActStatement`, with an eContentType of its own, so
that no document can be taken for an act and no act for a document. The applicant's statements are
signed with the new key itself; they begin with `{`, which neither a certification request
(SEQUENCE) nor signed attributes (SET) can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ..algorithms import signature_algorithm
from ..errors import AlgorithmError, DecodeError
from ..publickeys import PublicKey
from ..verify.policy import BASIC, AlgorithmRules, ValidationPolicy, is_relied_on
from .encoding import encode

# An arc that needs no registration: 2.25 and a UUID (ITU-T X.667), here the first 128 bits of
# SHA-256 of "eds enrolment act".
ACT_CONTENT_TYPE: Final = "2.25.154248549343028627609255884093787575882"
ACT_POLICY: Final[ValidationPolicy] = replace(
    BASIC, name="enrolment-act", content_types=frozenset({ACT_CONTENT_TYPE})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActStatement:
    """What an official does, to what, in which version of it, and why.

    `target` is `application/…`, `official/…` or `certificate/…`; `digest` that of the record or
    of what else is decided upon; `nonce` (16 octets) makes it one act.
    """

    act: str
    target: str
    version: int
    digest: bytes
    station: str
    at: datetime
    nonce: bytes
    reason: str = ""
    statement: str = "eds.enroll.act"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PossessionStatement:
    """The holder of the key wants it certified in this application (RFC 2986 leaves that open)."""

    application: str
    nonce: bytes
    key: bytes  # SHA-256 of SubjectPublicKeyInfo
    request: bytes  # SHA-256 of the PKCS #10
    profile: str
    statement: str = "eds.enroll.possession"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationStatement:
    """The applicant has seen these fields of the certificate (their digest) and wants them."""

    application: str
    nonce: bytes
    fields: bytes
    statement: str = "eds.enroll.confirmation"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationStatement:
    """The holder accepts the certificate (its SHA-256), answering a fresh challenge."""

    application: str
    certificate: bytes
    challenge: bytes
    statement: str = "eds.enroll.activation"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalStatement:
    """The holder of a living certificate wants to renew it in this application."""

    application: str
    challenge: bytes
    certificate: bytes
    statement: str = "eds.enroll.renewal"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingEdsStatement:
    """The holder of another signature certificate applies here; CMS over it, as for acts."""

    application: str
    challenge: bytes
    statement: str = "eds.enroll.existing_eds"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateStatement:
    """The head of an organisation wants a person certified as one of its people; CMS over it, as
    for acts. `person` is a personal number, so it is sealed wherever it is kept.
    """

    organisation: str
    person: str
    profile: str
    at: datetime
    nonce: bytes
    statement: str = "eds.enroll.mandate"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusStatement:
    """The holder wants the certificate held or revoked, with its own key."""

    certificate: bytes
    act: str
    at: datetime
    nonce: bytes
    statement: str = "eds.enroll.status"
    v: int = 1

    @property
    def encoded(self) -> bytes:
        return encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct:
    """The octets of an ActStatement and the CMS over them, as they arrived."""

    statement: bytes
    signature: bytes


def signed_by(
    key: PublicKey, statement: bytes, signature: bytes, *, algorithm: str, at: datetime
) -> bool:
    """Whether that key signed these octets by an algorithm (its name) that is relied on at `at`.

    What cannot be read or verified was not signed.
    """
    try:
        row = signature_algorithm(algorithm)
        until = AlgorithmRules().signature_until(row, key)
        return is_relied_on(until, at=at) and key.verify(signature, statement, algorithm=row)
    except (AlgorithmError, DecodeError):
        return False
