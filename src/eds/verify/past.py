"""Certificates now and in the past: EN 319 102-1 §5.2.6, and §5.6.2 where a proof of time helps.

First the certificate is judged at the time of validation. Where that fails for a reason that
time explains (it expired, or was revoked meanwhile), and the signature is proven to have existed
earlier, it is judged at that earlier time. Evidence for that must itself be worth believing: going
down from the anchor, what is said about a certificate has to have existed while its issuer was
still above doubt (the time sliding of §5.6.2.2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from ..certificates import Certificate
from ..errors import DecodeError
from . import path as paths
from . import revocation
from .context import Context
from .evidence import Evidence
from .findings import Finding, Rule
from .indications import SubIndication
from .path import PathResult
from .revocation import Status
from .trust import Purpose

PROVEN_TIME: Final = Rule(
    code="time.proven",
    clause="EN 319 102-1 §5.5.4, §5.6.2.4",
    says="the signature is proven to have existed while its certificate was valid",
)
SLIDING: Final = Rule(
    code="time.evidence",
    clause="EN 319 102-1 §5.6.2.2",
    says="what is said of a certificate existed while its issuer was above doubt",
)

_TIME_MAY_HELP: Final = frozenset(
    {
        SubIndication.REVOKED_NO_POE,
        SubIndication.REVOKED_CA_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NOT_REVOKED,
        SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND_NO_POE,
        SubIndication.TRY_LATER,
        SubIndication.NO_POE,
    }
)


class Judgement(NamedTuple):
    """What was found of one certificate, for a signature that existed at some instant.

    `sub_indication` None: the certificate may be relied on for it. `revoked_at` is the date of
    a revocation of the certificate itself, also one that does not matter.
    """

    path: PathResult
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]
    revoked_at: datetime | None
    valid_from: datetime
    valid_until: datetime


def judge(
    certificate: Certificate, *, purpose: Purpose, proven: datetime, context: Context
) -> Judgement:
    """Whether `certificate` may be relied on for a signature that existed at `proven`."""
    now = _at(certificate, purpose=purpose, at=context.at, context=context)
    if proven >= context.at:
        return now if now.sub_indication is None else _not_yet_valid(now, certificate, proven)
    if now.sub_indication is None:
        return _not_yet_valid(now, certificate, proven)
    if now.sub_indication not in _TIME_MAY_HELP:
        return now
    return _in_the_past(now, certificate, purpose=purpose, proven=proven, context=context)


def _at(certificate: Certificate, *, purpose: Purpose, at: datetime, context: Context) -> Judgement:
    """The judgement at one instant, whatever is proven."""
    path = paths.prove(
        certificate,
        trust=context.trust,
        purpose=purpose,
        at=at,
        policy=context.policy,
        certificates=context.certificates,
    )
    if path.sub_indication is not None:
        return Judgement(path, path.sub_indication, path.findings, None, at, at)
    status = revocation.check_path(
        path,
        evidence=context.evidence,
        trust=context.trust,
        at=at,
        policy=context.policy,
        validation_time=context.at,
    )
    return Judgement(
        path,
        status.sub_indication,
        (*path.findings, *status.findings),
        status.results[0].revoked_at if status.results else None,
        max(path.valid_from, status.valid_from),
        min(path.valid_until, status.valid_until),
    )


def _not_yet_valid(found: Judgement, certificate: Certificate, proven: datetime) -> Judgement:
    """A signature that existed before its certificate did is not that certificate's."""
    try:
        early = proven < certificate.not_before
        not_before = certificate.not_before
    except DecodeError:
        return found
    if not early:
        return found
    finding = PROVEN_TIME.broken(
        SubIndication.NOT_YET_VALID, proven_time=proven, not_before=not_before
    )
    return found._replace(
        sub_indication=SubIndication.NOT_YET_VALID, findings=(*found.findings, finding)
    )


def _in_the_past(
    now: Judgement,
    certificate: Certificate,
    *,
    purpose: Purpose,
    proven: datetime,
    context: Context,
) -> Judgement:
    then = _not_yet_valid(now, certificate, proven)
    if then is not now:
        return then
    path = paths.prove(
        certificate,
        trust=context.trust,
        purpose=purpose,
        at=proven,
        policy=context.policy,
        certificates=context.certificates,
    )
    if path.sub_indication is not None:
        return now._replace(sub_indication=path.sub_indication, findings=path.findings)
    anchor = path.anchor
    steps = path.path if anchor is None or path.path[-1] != anchor.certificate else path.path[:-1]
    issuers = path.path[1 : len(steps) + 1]
    findings = list(path.findings)
    control = context.at
    revoked_at: datetime | None = None
    for one, issuer in zip(reversed(steps), reversed(issuers), strict=True):
        if anchor is None or issuer != anchor.certificate:  # an anchor is believed as such
            control = min(control, issuer.not_after)
        held = context.existence.existing(context.evidence, by=control)
        status = _status(one, issuer, held, at=proven, context=context, path=path)
        if status.sub_indication is not None:
            sub = status.sub_indication
            if held is not context.evidence and status.status is Status.UNKNOWN:
                sub = SubIndication.NO_POE
                findings.append(SLIDING.broken(sub, control_time=control, proven_time=proven))
            findings.extend(status.findings)
            revoked_at = status.revoked_at if one is certificate else None
            return now._replace(
                path=path, sub_indication=sub, findings=tuple(findings), revoked_at=revoked_at
            )
        findings.extend(status.findings)
        later = _status(one, issuer, held, at=control, context=context, path=path)
        if later.status is Status.REVOKED and later.revoked_at is not None:
            control = min(control, later.revoked_at)
            if one is certificate:
                revoked_at = later.revoked_at
        elif later.sub_indication is not None:
            control = min(control, max(status.this_update or proven, proven))
    findings.append(PROVEN_TIME.kept(proven_time=proven, control_time=control))
    return Judgement(path, None, tuple(findings), revoked_at, context.at, context.at)


def _status(
    certificate: Certificate,
    issuer: Certificate,
    evidence: Evidence,
    *,
    at: datetime,
    context: Context,
    path: PathResult,
) -> revocation.RevocationResult:
    return revocation.check(
        certificate,
        issuer=issuer,
        evidence=evidence,
        trust=context.trust,
        at=at,
        policy=context.policy,
        validation_time=context.at,
        anchor=path.anchor,
    )
