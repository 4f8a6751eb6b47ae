"""What one validation works with, and when things are proven to have existed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import DecodeError
from ..ocsp import OcspResponse
from .evidence import NO_EVIDENCE, Evidence
from .policy import ValidationPolicy
from .trust import Purpose, TrustStore


class Existence:
    """Proofs of existence (EN 319 102-1 §5.6.2.3): the earliest instant for each thing.

    What nothing proves existed earlier exists at `at`, when it was handed in.
    """

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._since: dict[bytes, datetime] = {}

    def note(self, octets: bytes, *, since: datetime) -> None:
        """A time-stamp proves that `octets` existed."""
        if since < self._since.get(octets, self.at):
            self._since[octets] = since

    def note_evidence(self, evidence: Evidence, *, since: datetime) -> None:
        """The same for every piece of evidence."""
        for one in (*evidence.certificates, *evidence.lists):
            self.note(one.encoded, since=since)
        for response in evidence.ocsp_responses:
            self.note(_octets(response), since=since)

    def of(self, octets: bytes) -> datetime:
        """The earliest instant at which `octets` are proven to have existed."""
        return self._since.get(octets, self.at)

    def existing(self, evidence: Evidence, *, by: datetime) -> Evidence:
        """The pieces of `evidence` that existed at `by`."""
        if by >= self.at:
            return evidence
        return Evidence(
            certificates=evidence.certificates,
            lists=tuple(one for one in evidence.lists if self.of(_octets(one)) <= by),
            ocsp_responses=tuple(
                one for one in evidence.ocsp_responses if self.of(_octets(one)) <= by
            ),
        )


def _octets(one: CertificateList | OcspResponse) -> bytes:
    # The same BasicOCSPResponse stands bare in one place and in its envelope in another.
    return one.basic_encoded if isinstance(one, OcspResponse) else one.encoded


class Work:
    """How many signatures may still be looked at in one validation."""

    def __init__(self, policy: ValidationPolicy) -> None:
        self._left = policy.budget.signature_checks

    def spend(self) -> bool:
        """Whether there is one more."""
        self._left -= 1
        return self._left >= 0


@dataclass(slots=True, kw_only=True)
class Context:
    """Everything beside the signature itself. Made anew for each validation, and never changed.

    `evidence` is all there is, whoever brought it; `embedded` what the document brought, which
    decides about the level. `at` is the instant the validation was asked for; `purpose` what the
    signer's certificate must serve.
    """

    trust: TrustStore
    policy: ValidationPolicy
    work: Work
    at: datetime
    existence: Existence
    purpose: Purpose = Purpose.SIGNATURE
    evidence: Evidence = NO_EVIDENCE
    embedded: Evidence = field(default=NO_EVIDENCE)

    def read_certificate(self, encoded: bytes) -> Certificate | None:
        """The certificate of these octets; None where they are none. Read once for the store."""
        known = self.trust.proofs.certificates
        found = known.get(encoded)
        if found is None:
            try:
                found = Certificate(encoded)
            except DecodeError:
                return None
            known.put(encoded, found)
        return found

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Certificates that may help to build paths."""
        return self.evidence.certificates

    def with_embedded(self, evidence: Evidence) -> Context:
        """The same with more evidence from the document."""
        if not evidence:
            return self
        return replace(self, evidence=self.evidence + evidence, embedded=self.embedded + evidence)
