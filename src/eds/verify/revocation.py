"""Revocation: whether a certificate was good at an instant (EN 319 102-1 §5.2.6), by what proof.

Status is always required. Evidence that is missing, stale, malformed, foreign or out of scope is
named in the findings and proves nothing; only evidence that was verified counts.

How several pieces of evidence come together:

* A revocation is final. Whoever may speak for the issuer and says "revoked" is believed, however
  old the evidence: the certificate is REVOKED at every instant from the date of revocation on.
  Before that date it is not, and the revocation is noted. The invalidity date (RFC 5280 §5.3.2)
  is handed on and noted where it lies before the instant; it decides nothing.
* A hold counts from its date on for as long as the evidence of it is fresh, and for the whole
  time before that evidence was issued. A hold that goes on ends in TRY_LATER (EN 319 102-1); one
  that later evidence shows to be over leaves REVOKED_NO_POE, since the certificate was not valid
  during it (Regulation (EU) 910/2014 article 28 (5)). Where a list says "on hold" and a newer one
  does not, the hold lasts until the newer one was issued or the older one went stale.
* "Good" counts when it is fresh at the instant (next_update, and the policy's freshness), or
  was issued after it. "Unknown" is never good, and neither a list nor an older answer outweighs a
  responder that does not know the certificate.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, NoReturn

from .. import extensions
from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import EdsError, InvalidArgument, NaiveDatetime
from ..extensions import RevocationReason
from ..ocsp import OcspResponse
from . import revocation_lists, revocation_ocsp
from .evidence import Evidence
from .findings import Finding
from .indications import SubIndication
from .path import PathResult
from .policy import ValidationPolicy
from .revocation_inquiry import (
    ALL_REASONS,
    ALWAYS,
    ANCHOR,
    ANSWER,
    AVAILABLE,
    EXPIRED,
    FRESHNESS,
    GENERAL_FAILURE,
    HOLD,
    HOLD_REASON,
    INVALIDITY,
    MOST_PROBLEMS,
    REASONS,
    SHORT_TERM,
    STATUS,
    WELL_FORMED,
    Inquiry,
    Observation,
    Status,
)
from .revocation_straight import only_observation
from .trust import TrustAnchor, TrustStore

__all__ = ["PathRevocation", "RevocationResult", "Status", "check", "check_path"]

_SECOND: Final = timedelta(seconds=1)


class RevocationResult(NamedTuple):
    """The status of one certificate at one instant, and what it rests on.

    `sub_indication` is None only where `status` is GOOD. `revoked_at`, `reason` and
    `invalidity_date` are those of the revocation or hold, also of one that began later and is
    only noted. `this_update`, `next_update` and `source` are of the evidence that decided;
    `believed` is all that was verified, is about the certificate and fresh, whatever it says.
    The result stands for every instant from `valid_from` to `valid_until`, given the same
    evidence.
    """

    status: Status
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]
    valid_from: datetime
    valid_until: datetime
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    source: CertificateList | OcspResponse | None = None
    believed: tuple[CertificateList | OcspResponse, ...] = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a status is neither yes nor no: look at its sub-indication")


class PathRevocation(NamedTuple):
    """The status of every certificate of a path that has one, from the signer's upwards.

    `sub_indication` is that of the highest certificate which is not good, since what a revoked
    authority says of others means nothing; `findings` run from the anchor down for that reason.
    """

    results: tuple[RevocationResult, ...]
    sub_indication: SubIndication | None
    findings: tuple[Finding, ...]
    valid_from: datetime
    valid_until: datetime

    def __bool__(self) -> NoReturn:
        raise TypeError("a status is neither yes nor no: look at its sub-indication")


def check(
    certificate: Certificate,
    *,
    issuer: Certificate,
    evidence: Evidence,
    trust: TrustStore,
    at: datetime,
    policy: ValidationPolicy,
    validation_time: datetime | None = None,
    nonce: bytes | None = None,
    anchor: TrustAnchor | None = None,
) -> RevocationResult:
    """The status of `certificate` at `at` (aware), which `issuer` issued on a proven path.

    `at` is the instant for which the certificate must have been good: that of the validation, or
    one that is proven to lie after the signature was made. Evidence issued after `at` counts:
    it knows more. Pass `validation_time` wherever `at` is earlier than the present or evidence
    may come from strangers: what was issued later than that does not count. `nonce` demands
    OCSP responses that repeat it. `anchor` is where the path of `issuer` ends; another signer of
    a list must end there too.

    A verdict is a value: nothing in the evidence raises. Raises NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if validation_time is not None and validation_time.utcoffset() is None:
        raise NaiveDatetime(argument="validation_time")
    return _check(
        Inquiry(
            certificate=certificate,
            issuer=issuer,
            evidence=evidence,
            trust=trust,
            at=at,
            policy=policy,
            validation_time=validation_time,
            nonce=nonce,
            anchor=anchor,
            visiting=frozenset({certificate.encoded}),
            checks=[policy.budget.signature_checks],
            deadline=time.monotonic() + policy.budget.seconds,
            status_of=_status_of,
        )
    )


def check_path(
    path: PathResult,
    *,
    evidence: Evidence,
    trust: TrustStore,
    at: datetime,
    policy: ValidationPolicy,
    validation_time: datetime | None = None,
) -> PathRevocation:
    """The status of every certificate of a proven path below its anchor.

    With `policy.revocation.anchors_are_checked` that of the anchor too, as its own issuer. The
    arguments are those of `check`. Raises InvalidArgument for a path that is not proven,
    NaiveDatetime.
    """
    if path.sub_indication is not None or path.anchor is None:
        raise InvalidArgument(argument="path", reason="only a proven path has a status")
    anchor = path.anchor
    octets = anchor.certificate.encoded
    # From the anchor down; nobody is left where the anchor itself signed.
    asked = [one for one in reversed(path.path) if one.encoded != octets]
    findings: list[Finding] = []
    if policy.revocation.anchors_are_checked:
        asked.insert(0, anchor.certificate)
    else:
        findings.append(ANCHOR.kept(anchor=anchor.certificate.fingerprint.hex()))
    results: list[RevocationResult] = []
    issuer = anchor.certificate
    sub_indication: SubIndication | None = None
    valid_from, valid_until = path.valid_from, path.valid_until
    for certificate in asked:
        result = check(
            certificate,
            issuer=issuer,
            evidence=evidence,
            trust=trust,
            at=at,
            policy=policy,
            validation_time=validation_time,
            anchor=anchor,
        )
        findings += result.findings
        sub_indication = sub_indication or result.sub_indication
        if results:
            valid_from = max(valid_from, result.valid_from)
            valid_until = min(valid_until, result.valid_until)
        else:
            valid_from, valid_until = result.valid_from, result.valid_until
        results.append(result)
        issuer = certificate
    results.reverse()
    said = tuple(results), sub_indication, tuple(findings), valid_from, valid_until
    return _new(PathRevocation, said)


def _status_of(
    inquiry: Inquiry, certificate: Certificate, issuer: Certificate, at: datetime
) -> Status:
    """The status of a certificate in the path of a signer of evidence at `at`."""
    within = Inquiry(
        certificate=certificate,
        issuer=issuer,
        evidence=inquiry.evidence,
        trust=inquiry.trust,
        at=at,
        policy=inquiry.policy,
        validation_time=inquiry.validation_time,
        nonce=None,
        anchor=inquiry.anchor,
        visiting=inquiry.visiting | {certificate.encoded},
        checks=inquiry.checks,
        deadline=inquiry.deadline,
        status_of=_status_of,
    )
    return _check(within).status


def _check(inquiry: Inquiry) -> RevocationResult:
    try:
        excused = _without_status(inquiry)
        if excused is not None:
            return excused
        only = only_observation(inquiry)
        return _inquire(inquiry) if only is None else _good_alone(inquiry, only)
    except EdsError as error:
        # The certificate itself cannot be read where its status depends on it.
        finding = WELL_FORMED.broken(GENERAL_FAILURE, error=error.code)
        return _undetermined(inquiry, Status.UNKNOWN, (finding,))


def _inquire(inquiry: Inquiry) -> RevocationResult:
    observations = revocation_ocsp.observe(inquiry)
    observations += revocation_lists.observe(inquiry)
    # By identity: to hash a list is to read all of it.
    believed: dict[int, CertificateList | OcspResponse] = {}
    for one in observations:
        if one.speaks and inquiry.at <= one.end:
            believed[id(one.source)] = one.source
            for source in one.beside:
                believed[id(source)] = source
    inquiry.believed = tuple(believed.values())
    return _decide(inquiry, observations)


def _without_status(inquiry: Inquiry) -> RevocationResult | None:
    """The result for a certificate so short-lived that its issuer gives no status."""
    longest = inquiry.policy.revocation.short_term
    certificate = inquiry.certificate
    if certificate.is_plain:
        return None
    found = certificate.extensions
    if longest is None or not (
        extensions.NO_REVOCATION_AVAILABLE in found
        or extensions.VALIDITY_ASSURED_SHORT_TERM in found
    ):
        return None
    constraints = certificate.basic_constraints
    lifetime = certificate.not_after - certificate.not_before
    if lifetime > longest or (constraints is not None and constraints.ca):
        return None
    return RevocationResult(
        status=Status.GOOD,
        sub_indication=None,
        findings=(SHORT_TERM.noted(lifetime_seconds=int(lifetime.total_seconds())),),
        valid_from=certificate.not_before,
        valid_until=certificate.not_after,
    )


# --- what the evidence amounts to -----------------------------------------------------------------


def _decide(inquiry: Inquiry, observations: Sequence[Observation]) -> RevocationResult:
    at = inquiry.at
    ended = [one for one in observations if one.status is Status.REVOKED]
    earliest = min(ended, key=_since, default=None)
    if earliest is not None and _since(earliest) <= at:
        return _revoked(inquiry, earliest)
    held = _hold(at, observations)
    if held is not None:
        return _on_hold(inquiry, held, observations)
    usable = [one for one in observations if one.speaks and one.is_fresh(at)]
    answers = [one for one in usable if isinstance(one.source, OcspResponse)]
    newest = max(answers, key=lambda one: one.this_update, default=None)
    if newest is not None and newest.status is Status.UNKNOWN:
        findings = (
            *_problems(inquiry, broken=False),
            ANSWER.broken(GENERAL_FAILURE, says="unknown"),
        )
        return _undetermined(inquiry, Status.UNKNOWN, findings, newest)
    knowing = [one for one in usable if one.status is not Status.UNKNOWN]
    covered = frozenset[int]().union(*(one.reasons for one in knowing))
    if covered >= ALL_REASONS:
        return _good(inquiry, knowing, earliest)
    return _not_established(inquiry, observations, knowing, covered)


def _since(observation: Observation) -> datetime:
    return observation.since or observation.this_update


def _hold(at: datetime, observations: Iterable[Observation]) -> Observation | None:
    """The observation that shows a hold at `at`, if one does."""
    speaking = [one for one in observations if HOLD_REASON in one.reasons and one.speaks]
    held = [one for one in speaking if one.status is Status.ON_HOLD and _since(one) <= at]
    for one in held:
        if one.this_update >= at:
            return one
    before = [one for one in speaking if one.this_update <= at and one.status is not Status.UNKNOWN]
    latest = max(before, key=lambda one: one.this_update, default=None)
    if latest is not None and latest in held and latest.is_fresh(at):
        return latest
    return None


def _revoked(inquiry: Inquiry, observation: Observation) -> RevocationResult:
    constraints = inquiry.certificate.basic_constraints
    sub_indication = (
        SubIndication.REVOKED_CA_NO_POE
        if constraints is not None and constraints.ca
        else SubIndication.REVOKED_NO_POE
    )
    since = _since(observation)
    finding = STATUS.broken(
        sub_indication,
        revoked_at=since,
        reason=None if observation.reason is None else observation.reason.name,
        invalidity_date=observation.invalidity_date,
        judged_at=inquiry.at,
    )
    return RevocationResult(
        status=Status.REVOKED,
        sub_indication=sub_indication,
        findings=(*observation.findings, *_problems(inquiry, broken=False), finding),
        valid_from=since,
        valid_until=ALWAYS,
        revoked_at=since,
        reason=observation.reason,
        invalidity_date=observation.invalidity_date,
        this_update=observation.this_update,
        next_update=observation.next_update,
        source=observation.source,
        believed=inquiry.believed,
    )


def _on_hold(
    inquiry: Inquiry, held: Observation, observations: Iterable[Observation]
) -> RevocationResult:
    over = any(
        one.this_update > held.this_update
        and one.speaks
        and one.status is not Status.UNKNOWN
        and not (one.status is Status.ON_HOLD and one.since == held.since)
        for one in observations
    )
    sub_indication = SubIndication.REVOKED_NO_POE if over else SubIndication.TRY_LATER
    since = _since(held)
    finding = HOLD.broken(
        sub_indication,
        held_since=since,
        over=over,
        judged_at=inquiry.at,
        next_update=held.next_update,
    )
    return RevocationResult(
        status=Status.ON_HOLD,
        sub_indication=sub_indication,
        findings=(*held.findings, *_problems(inquiry, broken=False), finding),
        valid_from=inquiry.at,
        valid_until=inquiry.at,
        revoked_at=since,
        reason=held.reason,
        invalidity_date=held.invalidity_date,
        this_update=held.this_update,
        next_update=held.next_update,
        source=held.source,
        believed=inquiry.believed,
    )


def _good_alone(inquiry: Inquiry, one: Observation) -> RevocationResult:
    """`_good` where nothing is to be weighed, as nearly always."""
    at, this, after, end = inquiry.at, one.this_update, one.next_update, one.end
    fresh = FRESHNESS.kept(this_update=this, next_update=after, judged_at=at)
    findings = (*one.findings, fresh, STATUS.kept(judged_at=at))
    valid = min(at, this), max(at, end)
    of_revocation = None, None, None
    return _new(
        RevocationResult,
        (
            Status.GOOD,
            None,
            findings,
            *valid,
            *of_revocation,
            this,
            after,
            one.source,
            (one.source,),
        ),
    )


def _good(
    inquiry: Inquiry, knowing: Sequence[Observation], later: Observation | None
) -> RevocationResult:
    at = inquiry.at
    deciding = knowing[0]
    if len(knowing) > 1:
        deciding = max(knowing, key=lambda one: (one.reasons == ALL_REASONS, one.this_update))
    used = (deciding,) if deciding.reasons == ALL_REASONS else knowing
    findings: list[Finding] = []
    since, until = deciding.this_update, ALWAYS
    for one in used:
        findings += one.findings
        since, until = max(since, one.this_update), min(until, one.end)
    findings.append(
        FRESHNESS.kept(
            this_update=deciding.this_update, next_update=deciding.next_update, judged_at=at
        )
    )
    findings += _problems(inquiry, broken=False)
    begun = later
    for one in knowing:
        if begun is None and one.status is Status.ON_HOLD:
            begun = one
    if begun is None:
        findings.append(STATUS.kept(judged_at=at))
    else:
        rule = STATUS if begun.status is Status.REVOKED else HOLD
        findings.append(
            rule.noted(
                since=begun.since,
                reason=None if begun.reason is None else begun.reason.name,
                judged_at=at,
            )
        )
        if begun.invalidity_date is not None and begun.invalidity_date <= at:
            findings.append(INVALIDITY.noted(invalidity_date=begun.invalidity_date, judged_at=at))
    if begun is not None:
        until = min(until, _since(begun) - _SECOND)
    return _new(
        RevocationResult,
        (
            Status.GOOD,
            None,
            tuple(findings),
            # Before `at` there may have been a hold that other evidence knows.
            min(at, since),
            max(at, until),
            None if begun is None else begun.since,
            None if begun is None else begun.reason,
            None if begun is None else begun.invalidity_date,
            deciding.this_update,
            deciding.next_update,
            deciding.source,
            inquiry.believed,
        ),
    )


_new: Final = tuple.__new__  # half the cost of `RevocationResult(…)`, as in `der`


def _not_established(
    inquiry: Inquiry,
    observations: Sequence[Observation],
    knowing: Sequence[Observation],
    covered: frozenset[int],
) -> RevocationResult:
    at = inquiry.at
    findings: list[Finding] = []
    for one in observations:
        if not one.speaks:
            findings.append(
                EXPIRED.broken(
                    GENERAL_FAILURE,
                    not_after=inquiry.certificate.not_after,
                    this_update=one.this_update,
                )
            )
        elif not one.is_fresh(at):
            findings.append(
                FRESHNESS.broken(
                    SubIndication.TRY_LATER,
                    this_update=one.this_update,
                    next_update=one.next_update,
                    fresh_until=one.fresh_until,
                    judged_at=at,
                )
            )
    findings.sort(key=lambda finding: finding.rule is not FRESHNESS)
    del findings[MOST_PROBLEMS:]
    if knowing:
        missing = tuple(str(bit) for bit in sorted(ALL_REASONS - covered))
        findings.append(REASONS.broken(SubIndication.TRY_LATER, missing=missing))
    findings += _problems(inquiry, broken=True)
    if not findings:
        findings.append(
            AVAILABLE.broken(
                SubIndication.TRY_LATER,
                lists=len(inquiry.evidence.lists),
                responses=len(inquiry.evidence.ocsp_responses),
                of_others=inquiry.foreign,
            )
        )
    newest = max(observations, key=lambda one: one.this_update, default=None)
    return _undetermined(inquiry, Status.UNKNOWN, tuple(findings), newest)


def _problems(inquiry: Inquiry, *, broken: bool) -> list[Finding]:
    """The evidence that could not be used: why there is no status, or worth a note beside one."""
    if not inquiry.problems:
        return []
    return [
        problem.rule.broken(problem.sub_indication, **problem.facts)
        if broken
        else problem.rule.noted(**problem.facts)
        for problem in inquiry.problems[:MOST_PROBLEMS]
    ]


def _undetermined(
    inquiry: Inquiry,
    status: Status,
    findings: tuple[Finding, ...],
    nearest: Observation | None = None,
) -> RevocationResult:
    subs = [finding.sub_indication for finding in findings if finding.sub_indication is not None]
    return RevocationResult(
        status=status,
        sub_indication=subs[0] if subs else SubIndication.TRY_LATER,
        findings=findings,
        valid_from=inquiry.at,
        valid_until=inquiry.at,
        this_update=None if nearest is None else nearest.this_update,
        next_update=None if nearest is None else nearest.next_update,
        source=None if nearest is None else nearest.source,
        believed=inquiry.believed,
    )
