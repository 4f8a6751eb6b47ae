"""Validation with a network: what status is missing is fetched, and the document judged again.

The validator itself opens no socket. What it could not establish is asked for here, for paths
that it has proven and from addresses the operator allowed; the second verdict rests on evidence
that was judged like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..certificates import Certificate
from .content import Document, content_of
from .evidence import NO_EVIDENCE, Evidence
from .fetch import FetchOutcome, collect
from .fetch_cache import EvidenceCache
from .fetch_rules import FetchRules
from .indications import Indication
from .path import prove
from .policy import BASIC, ValidationPolicy
from .report import SignatureReport, ValidationReport
from .trust import Purpose, TrustStore
from .validation import validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The last verdict, what was fetched for it, and how each address answered."""

    report: ValidationReport
    evidence: Evidence
    outcomes: tuple[FetchOutcome, ...]


def validate_completing(
    document: Document,
    *,
    signature: bytes | None = None,
    trust: TrustStore,
    policy: ValidationPolicy = BASIC,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
    rules: FetchRules,
    cache: EvidenceCache | None = None,
) -> Completed:
    """`validate`, and once more with what could be fetched where that was not enough.

    Arguments are those of `validate` and `fetch.collect`; `at` is the present, for evidence
    that is fetched now. Raises what they raise: nothing for the document or a server.
    """
    known: Document = document if signature is None else content_of(document)
    start = known.tell() if hasattr(known, "tell") else None

    def judged(more: Evidence) -> ValidationReport:
        if start is not None and hasattr(known, "seek"):
            known.seek(start)
        return validate(
            known,
            signature=signature,
            trust=trust,
            policy=policy,
            at=at,
            evidence=evidence + more,
        )

    report = judged(NO_EVIDENCE)
    found, outcomes = NO_EVIDENCE, list[FetchOutcome]()
    for certificate, purpose, helpers in _undetermined(report):
        path = prove(
            certificate,
            trust=trust,
            purpose=purpose,
            at=at,
            policy=policy,
            certificates=(*helpers, *evidence.certificates),
        )
        if path.sub_indication is None:
            collected = collect(
                path,
                evidence=evidence + found,
                trust=trust,
                at=at,
                policy=policy,
                rules=rules,
                cache=cache,
            )
            found += collected.evidence
            outcomes += collected.outcomes
    if found:
        report = judged(found)
    return Completed(report=report, evidence=found, outcomes=tuple(outcomes))


def _undetermined(
    report: ValidationReport,
) -> Iterator[tuple[Certificate, Purpose, tuple[Certificate, ...]]]:
    """The certificates of verdicts that evidence may still turn, with what helps their paths."""
    for one in _signatures(report.signatures):
        if one.indication is not Indication.INDETERMINATE:
            continue
        for stamp in one.time_stamps:
            if stamp.authority is not None:
                yield stamp.authority, Purpose.TIME_STAMPING, one.path
        if one.signer is not None:
            yield one.signer, Purpose.SIGNATURE, one.path


def _signatures(signatures: tuple[SignatureReport, ...]) -> Iterator[SignatureReport]:
    for one in signatures:
        yield one
        yield from _signatures(one.counter_signatures)
