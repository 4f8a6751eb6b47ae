"""Raising a CMS signature from B to T, LT and LTA (EN 319 122-1 §6), and renewing it.

The validator says what holds; what is missing is asked of a `Collector`, for proven paths
alone, and put into the signature. Before anything is returned the validator judges the result
with nothing but the trust anchors and what the signature now carries itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from .. import der
from ..algorithms import DigestAlgorithm
from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import ContentMismatch, LevelNotReached
from ..ocsp import OcspResponse
from ..signeddata import OCSP_RESPONSE, SignedData
from ..verify import revocation
from ..verify.attributes import evidence_of
from ..verify.content import ABSENT, Document, content_of
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.indications import Indication
from ..verify.path import PathResult, prove
from ..verify.policy import Level, ValidationPolicy
from ..verify.report import ValidationReport
from ..verify.trust import Purpose, TrustStore
from ..verify.validation import validate
from .archive import with_archive_time_stamp
from .cms import rebuilt
from .stamping import TimeStamper, imprint_algorithm, with_signature_time_stamp

_ORDER: Final = (Level.B, Level.T, Level.LT, Level.LTA)


class Collector(Protocol):
    """Finds evidence of status for the certificates of a proven path."""

    def collect(self, path: PathResult, *, at: datetime) -> Evidence:
        """What could be found, none of it believed yet; nothing where nothing was found."""
        ...


class NoCollector:
    """Finds nothing: for work without a network."""

    def collect(self, path: PathResult, *, at: datetime) -> Evidence:  # noqa: ARG002
        """Nothing."""
        return NO_EVIDENCE


OFFLINE: Final = NoCollector()


@dataclass(frozen=True, slots=True, kw_only=True)
class Raising:
    """What is needed to raise signatures.

    `at` is now. `evidence` is at hand already; `collector` is asked for what is missing.
    `algorithm` is the digest of the imprints of new time-stamps; None: Streebog-512 for
    signatures of GOST, SHA-256 for others.
    """

    trust: TrustStore
    policy: ValidationPolicy
    at: datetime
    stamper: TimeStamper
    evidence: Evidence = NO_EVIDENCE
    collector: Collector = OFFLINE
    algorithm: DigestAlgorithm | None = None


def extend(
    signed: SignedData, *, to: Level, by: Raising, document: Document | None = None
) -> bytes:
    """Every signature of `signed` raised to the level `to` at least. ContentInfo, DER.

    A signature that has the level already is left as it is. `document` is the content where it
    is detached: bytes, a file that can be read again, or its digests. Raises LevelNotReached
    with what the validator found where the result does not pass at that level;
    TimeStampRefused; ContentMismatch.
    """
    work = _Work(by, signed, document)
    rank = _ORDER.index(to)
    if rank >= _ORDER.index(Level.T):
        work.stamp()
    if rank >= _ORDER.index(Level.LT):
        work.add_evidence()
    if to is Level.LTA:
        work.archive(renewing=False)
    return work.result(to)


def renew(signed: SignedData, *, by: Raising, document: Document | None = None) -> bytes:
    """One more archive time-stamp for every signature, before the last one weakens.

    What proves the last one's authority is put in first, so that the new one covers it. Raises
    what `extend` raises.
    """
    work = _Work(by, signed, document)
    work.add_evidence()
    work.archive(renewing=True)
    return work.result(Level.LTA)


class _Work:
    """One document on its way up."""

    def __init__(self, by: Raising, signed: SignedData, document: Document | None) -> None:
        if signed.is_detached and document is None:
            raise ContentMismatch(reason="the signature is detached and its content not given")
        self.by = by
        self.signed = signed
        self.content = None if document is None else content_of(document)

    def stamp(self) -> None:
        """A signature time-stamp for every signer who has none that is believed."""
        report = self.report(self.by.evidence)
        for info, one in zip(self.signed.signer_infos, report.signatures, strict=True):
            if one.level is Level.B:
                self.signed = SignedData(
                    with_signature_time_stamp(
                        self.signed,
                        of=info,
                        stamper=self.by.stamper,
                        algorithm=self.by.algorithm,
                    )
                )

    def archive(self, *, renewing: bool) -> None:
        """An archive time-stamp for every signer who has none, or for all."""
        report = self.report(self.by.evidence)
        for info, one in zip(self.signed.signer_infos, report.signatures, strict=True):
            if renewing or one.level is not Level.LTA:
                self.signed = SignedData(
                    with_archive_time_stamp(
                        self.signed,
                        of=info,
                        stamper=self.by.stamper,
                        content=self.content or ABSENT,
                        algorithm=self.by.algorithm or imprint_algorithm(info),
                    )
                )
                # The status of the new token's authority: not covered, and of use tomorrow.
                self.add_evidence()

    def add_evidence(self) -> None:
        """Certificates and status of every signer and time-stamping authority (§6.3)."""
        report = self.report(self.by.evidence)
        held = evidence_of(self.signed)
        evidence = sum(missing_evidence(report, held=held, by=self.by), start=NO_EVIDENCE)
        self.signed = SignedData(
            rebuilt(
                self.signed,
                certificates=(
                    *self.signed.certificates_encoded,
                    *(one.encoded for one in evidence.certificates),
                ),
                revocation=(
                    *self.signed.revocation_encoded,
                    *(one.encoded for one in evidence.lists),
                    *map(_ocsp_choice, evidence.ocsp_responses),
                ),
            )
        )

    def report(self, evidence: Evidence) -> ValidationReport:
        """What the validator says now."""
        return validate(
            self.signed.encoded if self.content is None else self.content,
            signature=None if self.content is None else self.signed.encoded,
            trust=self.by.trust,
            policy=self.by.policy,
            at=self.by.at,
            evidence=evidence,
        )

    def result(self, to: Level) -> bytes:
        """The document, where it passes at that level: from LT on by what it carries alone."""
        carried = _ORDER.index(to) >= _ORDER.index(Level.LT)
        require_level(self.report(NO_EVIDENCE if carried else self.by.evidence), to)
        return self.signed.encoded


# --- shared with PDF ------------------------------------------------------------------------------


def require_level(report: ValidationReport, to: Level) -> None:
    """Raises LevelNotReached where a signature does not pass, or not at that level."""
    for one in report.signatures:
        reached = -1 if one.level is None else _ORDER.index(one.level)
        if one.indication is not Indication.TOTAL_PASSED or reached < _ORDER.index(to):
            sub = one.sub_indication
            raise LevelNotReached(
                level=to.value,
                reached="none" if one.level is None else one.level.value,
                verdict=one.indication.value + ("" if sub is None else f" / {sub.value}"),
            )


def missing_evidence(report: ValidationReport, *, held: Evidence, by: Raising) -> list[Evidence]:
    """For each signature of a report, what proves the path and status of all who vouch for it.

    `held` is what the signatures carry. The collector is asked for proven paths alone.
    """
    found = []
    for one in report.signatures:
        evidence = NO_EVIDENCE
        if one.signer is not None:
            at = one.proven_time or by.at
            evidence += _evidence_about(one.signer, Purpose.SIGNATURE, held, by, at=at)
        for stamp in one.time_stamps:
            if stamp.authority is not None:
                evidence += _evidence_about(
                    stamp.authority, Purpose.TIME_STAMPING, held, by, at=by.at
                )
        found.append(evidence)
    return found


def _evidence_about(
    certificate: Certificate, purpose: Purpose, held: Evidence, by: Raising, *, at: datetime
) -> Evidence:
    """What proves the path and the status of one certificate, as far as it can be had."""
    at_hand = held + by.evidence
    path = prove(
        certificate,
        trust=by.trust,
        purpose=purpose,
        at=at,
        policy=by.policy,
        certificates=at_hand.certificates,
    )
    if path.sub_indication is not None:
        return NO_EVIDENCE
    status = _status(path, at_hand, by, at)
    if status.sub_indication is not None:
        status = _status(path, at_hand + by.collector.collect(path, at=by.at), by, at)
    sources = [one.source for one in status.results]
    return Evidence(
        certificates=path.path,
        lists=tuple(one for one in sources if isinstance(one, CertificateList)),
        ocsp_responses=tuple(one for one in sources if isinstance(one, OcspResponse)),
    )


def _status(
    path: PathResult, evidence: Evidence, by: Raising, at: datetime
) -> revocation.PathRevocation:
    return revocation.check_path(
        path,
        evidence=evidence,
        trust=by.trust,
        at=at,
        policy=by.policy,
        validation_time=by.at,
    )


def _ocsp_choice(response: OcspResponse) -> bytes:
    """An OCSP response among the RevocationInfoChoices (RFC 5940 §2.1)."""
    return der.implicit(1, der.sequence(der.object_identifier(OCSP_RESPONSE), response.encoded))
