"""What became of the certificate that an application led to, by the authority's register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from ..ca.lifecycle import State
from ..extensions import RevocationReason

if TYPE_CHECKING:
    from ..ca.register import Issued, Register


class CertificateState(Enum):
    """Where a certificate stands for its holder."""

    VALID = "valid"
    HELD = "held"
    REVOKED = "revoked"
    EXPIRED = "expired"


_STATES: Final = {
    State.VALID: CertificateState.VALID,
    State.ON_HOLD: CertificateState.HELD,
    State.REVOKED: CertificateState.REVOKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStatus:
    """The present state of one certificate.

    `serial` are the content octets of its serial number. It is so since `since` (aware) and ends
    with `not_after`; `reason` belongs to a revocation (RFC 5280 §5.3.1).
    """

    serial: bytes
    state: CertificateState
    since: datetime
    not_after: datetime
    reason: RevocationReason | None = None


def certificate_status(
    register: Register, fingerprint: bytes, *, at: datetime
) -> CertificateStatus | None:
    """The state at `at` of the certificate with that SHA-256; None where there is none, or where
    the register does not know it.

    What was revoked stays revoked after its end. Raises RegisterUnavailable.
    """
    found = register.find_by(fingerprint=fingerprint, limit=1) if fingerprint else ()
    if not found:
        return None
    status, not_after = found[0].status, found[0].certificate.not_after
    state, since, reason = _STATES[status.state], status.since, None
    if state is CertificateState.REVOKED:
        reason = status.reason
    elif at > not_after:
        state, since = CertificateState.EXPIRED, not_after
    return CertificateStatus(
        serial=found[0].serial, state=state, since=since, not_after=not_after, reason=reason
    )


def living(register: Register, fingerprint: bytes, *, at: datetime) -> Issued | None:
    """The certificate with that SHA-256, if it is neither revoked, held nor over.

    Raises RegisterUnavailable.
    """
    for found in register.find_by(fingerprint=fingerprint):
        period = found.certificate.not_before <= at < found.certificate.not_after
        if period and found.status.state is State.VALID:
            return found
    return None
