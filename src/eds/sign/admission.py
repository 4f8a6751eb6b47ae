"""Whether a certificate may sign now: asked before the key is used, not after.

A certificate that is known to be revoked or on hold signs nothing. Where its status cannot be
established (no anchors, no network), that is said and the signer decides: the validator will ask
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ..certificates import Certificate
from ..errors import SignerCertificateRefused
from ..verify import revocation
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.findings import Finding
from ..verify.path import PathResult, prove
from ..verify.policy import BASIC, ValidationPolicy
from ..verify.trust import Purpose, TrustStore
from .cms import require_for_documents
from .levels import OFFLINE, Collector


class Standing(Enum):
    """What is known of a certificate that is about to sign."""

    GOOD = "good"  # a proven path, and a fresh status that says so
    STATUS_UNKNOWN = "status_unknown"  # a proven path, and nobody says whether it still counts
    UNPROVEN = "unproven"  # nothing leads to an authority that is trusted here


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Where a certificate stands, by which findings."""

    standing: Standing
    findings: tuple[Finding, ...]
    path: PathResult


def admit(
    certificate: Certificate,
    *,
    trust: TrustStore,
    at: datetime,
    policy: ValidationPolicy = BASIC,
    certificates: Iterable[Certificate] = (),
    evidence: Evidence = NO_EVIDENCE,
    collector: Collector = OFFLINE,
    purpose: Purpose = Purpose.SIGNATURE,
) -> Admission:
    """Where `certificate` stands at `at` (aware), the time of signing.

    `purpose` is SIGNATURE for documents, AUTHENTICATION for statements of who is there.

    `collector` is asked for status where `evidence` does not establish it, for a proven path
    alone. Raises SignerCertificateRefused for a certificate that is revoked, on hold, out of
    its validity period or not for documents; NaiveDatetime.
    """
    require_for_documents(certificate, at=at)
    path = prove(
        certificate,
        trust=trust,
        purpose=purpose,
        at=at,
        policy=policy,
        certificates=(*certificates, *evidence.certificates),
    )
    if path.sub_indication is not None:
        return Admission(standing=Standing.UNPROVEN, findings=path.findings, path=path)
    status = _status(path, evidence, trust, at, policy)
    if status.sub_indication is not None and not _is_refused(status):
        more = evidence + collector.collect(path, at=at)
        status = _status(path, more, trust, at, policy)
    for result in status.results:
        if result.status is revocation.Status.ON_HOLD:
            raise SignerCertificateRefused(reason="it is on hold")
        if result.status is revocation.Status.REVOKED:
            raise SignerCertificateRefused(reason="it, or its authority's certificate, is revoked")
    good = status.sub_indication is None
    return Admission(
        standing=Standing.GOOD if good else Standing.STATUS_UNKNOWN,
        findings=(*path.findings, *status.findings),
        path=path,
    )


def _is_refused(status: revocation.PathRevocation) -> bool:
    bad = {revocation.Status.REVOKED, revocation.Status.ON_HOLD}
    return any(result.status in bad for result in status.results)


def _status(
    path: PathResult,
    evidence: Evidence,
    trust: TrustStore,
    at: datetime,
    policy: ValidationPolicy,
) -> revocation.PathRevocation:
    return revocation.check_path(
        path, evidence=evidence, trust=trust, at=at, policy=policy, validation_time=at
    )
