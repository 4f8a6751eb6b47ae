"""Time-stamp tokens (RFC 3161): what they say, whether it is believed, and of what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from ..algorithms import DigestAlgorithm
from ..errors import AlgorithmError, DecodeError
from ..signeddata import TST_INFO
from ..timestamps import TimeStampToken, TstInfo
from .attributes import evidence_of
from .content import Octets
from .context import Context
from .findings import Finding, Rule, conclude
from .indications import Indication, SubIndication
from .past import judge
from .report import TimeStampReport
from .signer import Demand, check_period, examine
from .signer_algorithms import period_finding
from .trust import Purpose

FORM: Final = Rule(
    code="time_stamp.form",
    clause="RFC 3161 §2.4.2; RFC 5816",
    says="the token is SignedData over TSTInfo with one signer",
)
IMPRINT: Final = Rule(
    code="time_stamp.imprint",
    clause="RFC 3161 §2.4.2; EN 319 102-1 §5.4",
    says="the token is about what it stands over",
)
IMPRINT_ALGORITHM: Final = Rule(
    code="time_stamp.imprint_algorithm",
    clause="EN 319 102-1 §5.4, §5.2.8",
    says="the digest of the imprint is known here",
)
ORDER: Final = Rule(
    code="time_stamp.order",
    clause="EN 319 102-1 §5.5.4",
    says="the time of the token does not lie in the future",
)
POLICY: Final = Rule(
    code="time_stamp.policy",
    clause="RFC 3161 §2.4.2; EN 319 421 §6.1",
    says="the token was issued under a policy that is accepted",
)

_FORM_KEPT: Final = FORM.kept()

Imprinted = Callable[[DigestAlgorithm], bytes | None]
"""What a time-stamp stands over, as its digest; None where that cannot be had."""


def of_octets(*parts: bytes) -> Imprinted:
    """A time-stamp over `parts`, one after the other."""
    content = Octets(b"".join(parts))
    return content.digest


def validate_token(
    encoded: bytes,
    *,
    kind: str,
    imprinted: Imprinted,
    context: Context,
    further: tuple[Finding, ...] = (),
) -> TimeStampReport:
    """What is found of a TimeStampToken that stands over `imprinted`.

    It is judged at the instant of the validation, and at the earliest for which it is proven to
    have existed. `further` findings of whoever found it are of the verdict too. Nothing in the
    bytes raises.
    """
    try:
        token = TimeStampToken(encoded)
        return _validate(token, kind, imprinted, context, further)
    except DecodeError as error:
        findings = (
            FORM.broken(SubIndication.FORMAT_FAILURE, error=error.code, reason=str(error)),
            *further,
        )
        return TimeStampReport(
            kind=kind,
            time=None,
            indication=Indication.TOTAL_FAILED,
            sub_indication=SubIndication.FORMAT_FAILURE,
            findings=findings,
        )


def _validate(
    token: TimeStampToken,
    kind: str,
    imprinted: Imprinted,
    context: Context,
    further: tuple[Finding, ...],
) -> TimeStampReport:
    info, signed_data = token.tst_info, token.signed_data
    proven = context.existence.of(token.encoded)
    infos = signed_data.signer_infos
    findings: list[Finding] = [
        _FORM_KEPT
        if len(infos) == 1
        else FORM.broken(SubIndication.FORMAT_FAILURE, signers=len(infos)),
        _imprint(info, imprinted, context, proven),
        *further,
    ]
    authority = None
    if infos:
        demand = Demand(
            content=Octets(token.tst_info_encoded),
            content_type=TST_INFO,
            require_signing_certificate=True,  # RFC 3161 §2.4.1
            digest_algorithms=signed_data.digest_algorithms,
        )
        context = context.with_embedded(evidence_of(signed_data))
        found = examine(
            infos[0],
            demand,
            encoded=signed_data.certificates_encoded,
            others=(*context.certificates, *context.trust.certificates),
            read=context.read_certificate,
        )
        findings.extend(found.findings)
        findings.append(check_period(found, context.policy, proven=proven))
        authority = found.certificate
        if authority is not None:
            judgement = judge(
                authority, purpose=Purpose.TIME_STAMPING, proven=proven, context=context
            )
            findings.extend(judgement.findings)
            if not authority.in_validity_period(at=info.gen_time):
                findings.append(
                    ORDER.broken(SubIndication.TIMESTAMP_ORDER_FAILURE, time=info.gen_time)
                )
    findings.extend(_time_and_policy(info, context, proven))
    verdict = conclude(findings)
    return TimeStampReport(
        kind=kind,
        time=info.gen_time,
        indication=verdict.indication,
        sub_indication=verdict.sub_indication,
        findings=verdict.findings,
        authority=authority,
        policy=info.policy,
    )


def _imprint(info: TstInfo, imprinted: Imprinted, context: Context, proven: datetime) -> Finding:
    try:
        algorithm = info.imprint_algorithm
        found = imprinted(algorithm)
    except AlgorithmError as error:
        return IMPRINT_ALGORITHM.broken(SubIndication.CRYPTO_CONSTRAINTS_FAILURE, error=str(error))
    if found is None:
        return IMPRINT.broken(SubIndication.SIGNED_DATA_NOT_FOUND)
    if found != info.imprint:
        return IMPRINT.broken(
            SubIndication.HASH_FAILURE, algorithm=algorithm.name, signed=info.imprint, found=found
        )
    until = context.policy.algorithms.digest_until(algorithm)
    weak = period_finding(until, proven, (algorithm.name,))
    return IMPRINT.kept(algorithm=algorithm.name) if weak.sub_indication is None else weak


def _time_and_policy(info: TstInfo, context: Context, proven: datetime) -> list[Finding]:
    findings = []
    if info.gen_time > min(context.at, proven) + context.policy.clock_skew:
        findings.append(
            ORDER.broken(SubIndication.TIMESTAMP_ORDER_FAILURE, time=info.gen_time, existed=proven)
        )
    else:
        findings.append(ORDER.kept())
    accepted = context.policy.time_stamp_policies
    if accepted is not None:
        findings.append(
            POLICY.kept(policy=info.policy)
            if info.policy in accepted
            else POLICY.broken(SubIndication.SIG_CONSTRAINTS_FAILURE, policy=info.policy)
        )
    return findings
