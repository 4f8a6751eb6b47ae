"""Paths that are not proven: what speaks against one, and how near it came."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Final

from ..certificates import Certificate
from . import path_rules as rules
from .findings import Finding
from .indications import SubIndication
from .path_proofs import PathResult
from .path_signatures import algorithm_of, period_of, period_of_anchor
from .policy import ValidationPolicy, is_relied_on
from .trust import TrustAnchor

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
NEAREST: Final = 3


def nearness(failure: PathResult) -> int:
    """How near a failure came: at another time it stands, a rule is broken, nothing chains."""
    if not failure.path:
        return 0
    if failure.valid_from <= failure.valid_until:
        return NEAREST
    return 1 if failure.findings[0].rule in _UNSIGNED else 2


_UNSIGNED: Final = (rules.SIGNATURE, rules.ALGORITHM)


def failed(
    finding: Finding,
    *,
    path: tuple[Certificate, ...] = (),
    anchor: TrustAnchor | None = None,
) -> PathResult:
    """No proof, because of one finding."""
    return PathResult(
        path=path,
        anchor=anchor,
        sub_indication=finding.sub_indication,
        findings=(finding,),
        policies=frozenset(),
        valid_from=_LAST,
        valid_until=_FIRST,
    )


def untimely(result: PathResult, policy: ValidationPolicy, *, at: datetime) -> PathResult:
    """The same path, with what speaks against it at that time."""
    finding = _anchor_period(result, at=at) or _validity(result, at=at)
    finding = finding or _algorithm_period(result, policy, at=at)
    return result._replace(
        sub_indication=finding.sub_indication, findings=(finding,), policies=frozenset()
    )


def _anchor_period(result: PathResult, *, at: datetime) -> Finding | None:
    anchor = result.anchor
    if anchor is None or (anchor.since is None and anchor.until is None):
        return None
    valid_from, valid_until = period_of_anchor(anchor)
    if valid_from <= at <= valid_until:
        return None
    return rules.ANCHOR_PERIOD.broken(
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND_NO_POE,
        at=at,
        since=valid_from,
        until=valid_until,
    )


def _validity(result: PathResult, *, at: datetime) -> Finding | None:
    """The first certificate, from the anchor down, whose validity period `at` is outside of."""
    for certificate in reversed(result.path):
        anchor = result.anchor
        if anchor is not None and certificate == anchor.certificate:
            not_before, not_after = period_of_anchor(anchor)
        else:
            not_before, not_after = period_of(certificate)
        if not not_before <= at <= not_after:
            return rules.VALIDITY.broken(
                SubIndication.OUT_OF_BOUNDS_NO_POE,
                certificate=certificate.fingerprint,
                at=at,
                not_before=certificate.not_before,
                not_after=certificate.not_after,
            )
    return None


def _algorithm_period(result: PathResult, policy: ValidationPolicy, *, at: datetime) -> Finding:
    """The first algorithm or key, from the anchor down, that is past its day."""
    algorithms, path = policy.algorithms, result.path
    found: list[tuple[Certificate, str, date | None]] = []
    for certificate, issuer in reversed(tuple(pairwise(path))):
        key = issuer.public_key
        algorithm = algorithm_of(certificate, key)
        used = f"{algorithm.name} with {key.description}"
        found.append((certificate, used, algorithms.signature_until(algorithm, key)))
    own = path[0].public_key
    found.append((path[0], own.description, algorithms.key_until(own)))
    certificate, used, until = next(
        (row for row in found if not is_relied_on(row[2], at=at)), found[-1]
    )
    return rules.ALGORITHM_PERIOD.broken(
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        certificate=certificate.fingerprint,
        algorithm=used,
        until=None if until is None else until.isoformat(),
        at=at,
    )
