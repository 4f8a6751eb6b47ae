"""CMS and CAdES signatures (RFC 5652, EN 319 122-1) by the processes of EN 319 102-1.

One SignerInfo becomes one report, in the order of the standard: form, signer, algorithms, digest
and signature value; then what proves when it existed; then its certificate, now or at that
earlier time; then what the policy demands of a signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..certificates import Certificate
from ..errors import DecodeError
from ..signeddata import SignedData, SignerInfo
from . import attributes as known
from . import revocation
from .attributes import evidence_of
from .cms_again import Passed, Shape, again, is_plain, key_of
from .cms_departures import departures_of, departures_of_signer
from .cms_times import Times, prove_times
from .content import Content, Octets
from .context import Context
from .findings import Conclusion, Finding, Rule, conclude
from .indications import Indication, SubIndication
from .past import Judgement, judge
from .policy import Level
from .report import SignatureFormat, SignatureReport
from .signer import Demand, Examined, check_period, examine, period_of, unreadable

CONTENT_TYPE_ALLOWED: Final = Rule(
    code="cms.content_type_allowed",
    clause="policy; RFC 5652 §5.2",
    says="the type of the content is one that may be signed",
)
TOLERANCE: Final = Rule(
    code="cms.tolerance",
    clause="policy",
    says="where the encoding departs from the standards, the policy forgives it",
)
BUDGET: Final = Rule(
    code="cms.budget",
    clause="policy",
    says="there are no more signatures than the policy allows to look at",
)
LEVEL: Final = Rule(
    code="cms.level",
    clause="policy; EN 319 122-1 §6",
    says="the signature has the level that the policy demands",
)
SIGNATURE_POLICY: Final = Rule(
    code="cms.signature_policy",
    clause="EN 319 102-1 §5.2.8; EN 319 122-1 §5.2.9",
    says="the signer names no signature policy that would have to be processed",
)
WHEN: Final = Rule(
    code="time.lower_bound",
    clause="EN 319 102-1 §5.2.6.4, §5.3.4",
    says="no content time-stamp proves that the signature was made too late",
)

_LEVELS: Final = tuple(Level)
_DEEPEST: Final = 4


def validate_signed_data(
    signed_data: SignedData, *, content: Content, context: Context
) -> tuple[SignatureReport, ...]:
    """A report for each signer. Nothing in the bytes raises but what reading `content` does.

    What the document brought is looked into where it is needed. Raises MalformedSignedData
    where the signers cannot be told apart.
    """
    infos = signed_data.signer_infos
    if len(infos) == 1:
        found = again(infos[0], signed_data, content=content, context=context)
        if found is not None:
            return (found,)
    brought = Brought(signed_data, context)
    return tuple(
        _validate(
            info,
            Demand(
                content=content,
                content_type=signed_data.content_type,
                require_signing_certificate=context.policy.require_signing_certificate,
                digest_algorithms=signed_data.digest_algorithms,
            ),
            brought,
            depth=0,
        )
        for info in infos
    )


class Brought:
    """A SignedData with what it brought along, which is read when somebody needs it."""

    def __init__(self, signed_data: SignedData, bare: Context) -> None:
        self.signed_data: Final = signed_data
        self.bare: Final = bare
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """The circumstances with the evidence from the document."""
        if self._context is None:
            self._context = self.bare.with_embedded(evidence_of(self.signed_data))
        return self._context

    def others(self) -> Iterator[Certificate]:
        """Certificates from elsewhere, among which the signer's may be."""
        trust = self.bare.trust
        yield from self.bare.certificates
        yield from trust.certificates
        for anchor in trust.anchors:
            yield anchor.certificate
        yield from self.context.certificates


def _validate(info: SignerInfo, demand: Demand, brought: Brought, *, depth: int) -> SignatureReport:
    bare, signed_data = brought.bare, brought.signed_data
    if not bare.work.spend():
        return _report(conclude((BUDGET.broken(SubIndication.SIG_CONSTRAINTS_FAILURE),)))
    found = examine(
        info,
        demand,
        encoded=signed_data.certificates_encoded,
        others=brought.others(),
        read=bare.read_certificate,
    )
    findings = list(found.findings)
    if info.has_unsigned_attributes or known.CONTENT_TIME_STAMP in found.signed:
        times = prove_times(info, found, demand.content, signed_data, brought.context)
        findings.extend(times.findings)
    else:
        times = Times(bare.existence.of(info.signature), None, (), ())
    findings.append(check_period(found, bare.policy, proven=times.proven))
    judgement = None
    said: tuple[Finding, ...] = ()
    if found.certificate is not None:
        judgement = judge(
            found.certificate,
            purpose=brought.bare.purpose,
            proven=times.proven,
            context=brought.context,
        )
        said = judgement.findings
        if judgement.sub_indication is not None:
            findings.extend(said)
            findings.extend(_too_late(judgement, times))
            said = ()
    level = _level(found, judgement, times, brought)
    demanded = _policy(info, found, demand, signed_data, level, bare, depth)
    # What speaks for a certificate that is relied on need not be gone through again.
    verdict = conclude((*findings, *demanded))
    report = _report(
        verdict._replace(findings=(*findings, *said, *demanded)),
        found=found,
        judgement=judgement,
        times=times,
        level=level,
        content_type=demand.content_type,
        counter_signatures=_counter_signatures(info, brought, depth)
        if info.has_unsigned_attributes
        else (),
    )
    if depth == 0 and verdict.indication is Indication.TOTAL_PASSED and judgement is not None:
        _remember(report, info, found, judgement, brought)
    return report


def _remember(
    report: SignatureReport,
    info: SignerInfo,
    found: Examined,
    judgement: Judgement,
    brought: Brought,
) -> None:
    """Keep what the next signature of this signer need not ask again, if this is a plain one."""
    bare, signed_data = brought.bare, brought.signed_data
    shape = Shape.of(info)
    if (
        shape is None
        or info.has_unsigned_attributes
        or len(signed_data.signer_infos) != 1
        or not is_plain(signed_data)
        or found.tolerances
        or not found.referenced
        or found.certificate is None
        or found.algorithm is None
        or found.digest is None
        or report.proven_time != bare.at
        or judgement.valid_from >= judgement.valid_until
    ):
        return
    until = period_of(found, bare.policy)
    kept = bare.trust.proofs.of(bare.policy, bare.purpose).passed
    passed = Passed(
        shape=shape,
        given=bare.evidence,
        valid_from=judgement.valid_from,
        valid_until=min(judgement.valid_until, until),
        certificate=found.certificate,
        digest=found.digest,
        verify=found.certificate.public_key.verifier(found.algorithm),
        content_type=signed_data.content_type,
        findings=report.findings,
        path=report.path,
        algorithm=found.algorithm.name,
        level=report.level,
    )
    kept.put(key_of(info), passed)


def _report(
    verdict: Conclusion,
    *,
    found: Examined | None = None,
    judgement: Judgement | None = None,
    times: Times | None = None,
    level: Level | None = None,
    content_type: str | None = None,
    counter_signatures: tuple[SignatureReport, ...] = (),
) -> SignatureReport:
    return SignatureReport(
        format=SignatureFormat.CADES
        if found is not None and found.referenced
        else SignatureFormat.CMS,
        indication=verdict.indication,
        sub_indication=verdict.sub_indication,
        findings=verdict.findings,
        signer=None if found is None else found.certificate,
        path=() if judgement is None else judgement.path.path,
        level=level,
        claimed_time=None if found is None else found.claimed_time,
        proven_time=None if times is None else times.proven,
        algorithm=None if found is None or found.algorithm is None else found.algorithm.name,
        digest_algorithm=None if found is None or found.digest is None else found.digest.name,
        content_type=content_type,
        time_stamps=() if times is None else times.reports,
        counter_signatures=counter_signatures,
    )


def _too_late(judgement: Judgement, times: Times) -> tuple[Finding, ...]:
    """A signature made after the revocation or expiry for sure has failed for good."""
    lower = times.not_before
    sub = judgement.sub_indication
    if lower is None or sub is None:
        return ()
    revoked_at = judgement.revoked_at
    if sub is SubIndication.REVOKED_NO_POE and revoked_at is not None and lower >= revoked_at:
        return (
            WHEN.broken(SubIndication.REVOKED, content_time_stamp=lower, revoked_at=revoked_at),
        )
    if sub in (SubIndication.OUT_OF_BOUNDS_NO_POE, SubIndication.OUT_OF_BOUNDS_NOT_REVOKED):
        signer = judgement.path.path[0] if judgement.path.path else None
        if signer is not None and lower > signer.not_after:
            return (
                WHEN.broken(
                    SubIndication.EXPIRED, content_time_stamp=lower, not_after=signer.not_after
                ),
            )
    return ()


# --- levels and policy ----------------------------------------------------------------------------


def _level(
    found: Examined, judgement: Judgement | None, times: Times, brought: Brought
) -> Level | None:
    """The baseline level reached (EN 319 122-1 §6): each with all that those before it have."""
    if not found.referenced:
        return None
    if not times.passed("signature"):
        return Level.B
    if judgement is None or not _holds_everything(judgement, times, brought.context):
        return Level.T
    return Level.LTA if times.passed("archive") else Level.LT


def _holds_everything(judgement: Judgement, times: Times, context: Context) -> bool:
    """Whether what the document brought suffices to prove path and status."""
    path = judgement.path
    if path.sub_indication is not None or path.anchor is None:
        return False
    held = set(context.embedded.certificates)
    if any(one not in held and one != path.anchor.certificate for one in path.path):
        return False
    status = revocation.check_path(
        path,
        evidence=context.embedded,
        trust=context.trust,
        at=times.proven,
        policy=context.policy,
        validation_time=context.at,
    )
    return status.sub_indication is None


def _policy(
    info: SignerInfo,
    found: Examined,
    demand: Demand,
    signed_data: SignedData,
    level: Level | None,
    context: Context,
    depth: int,
) -> list[Finding]:
    policy = context.policy
    findings = []
    if demand.content_type is not None:
        findings.append(
            _CONTENT_TYPE_ALLOWED_KEPT
            if demand.content_type in policy.content_types
            else CONTENT_TYPE_ALLOWED.broken(
                SubIndication.SIG_CONSTRAINTS_FAILURE, content_type=demand.content_type
            )
        )
    departures = found.tolerances
    if depth == 0:
        try:
            departures |= departures_of(signed_data) | departures_of_signer(info, signed_data)
        except DecodeError as error:
            findings.append(unreadable(error))
    if departures:
        met = {one.name for one in departures}
        refused = met - policy.tolerated
        findings.append(
            TOLERANCE.broken(
                SubIndication.SIG_CONSTRAINTS_FAILURE, departures=tuple(sorted(refused))
            )
            if refused
            else TOLERANCE.noted(departures=tuple(sorted(met)))
        )
    named = found.signed.get(known.SIGNATURE_POLICY)
    if named is not None:
        findings.append(SIGNATURE_POLICY.noted(attribute=named.oid))
    if depth == 0 and policy.required_level is not Level.B:
        reached = -1 if level is None else _LEVELS.index(level)
        facts = {"level": None if level is None else level.value}
        findings.append(
            LEVEL.kept(**facts)
            if reached >= _LEVELS.index(policy.required_level)
            else LEVEL.broken(
                SubIndication.SIG_CONSTRAINTS_FAILURE,
                required=policy.required_level.value,
                **facts,
            )
        )
    return findings


_CONTENT_TYPE_ALLOWED_KEPT: Final = CONTENT_TYPE_ALLOWED.kept()


# --- counter-signatures ---------------------------------------------------------------------------


def _counter_signatures(
    info: SignerInfo, brought: Brought, depth: int
) -> tuple[SignatureReport, ...]:
    """The signatures over this signature's value (RFC 5652 §11.4)."""
    reports: list[SignatureReport] = []
    try:
        for attribute in info.unsigned_attributes:
            if attribute.oid == known.COUNTER_SIGNATURE:
                reports.extend(
                    _counter_signature(value.encoded, info, brought, depth)
                    for value in attribute.values
                )
    except DecodeError as error:
        reports.append(_report(conclude((unreadable(error),))))
    return tuple(reports)


def _counter_signature(
    encoded: bytes, over: SignerInfo, brought: Brought, depth: int
) -> SignatureReport:
    try:
        info = SignerInfo(encoded)
    except DecodeError as error:
        return _report(conclude((unreadable(error),)))
    if depth == _DEEPEST:
        deep = BUDGET.broken(SubIndication.SIG_CONSTRAINTS_FAILURE, depth=depth)
        return _report(conclude((deep,)))
    demand = Demand(
        content=Octets(over.signature),
        content_type=None,
        require_signing_certificate=False,
        digest_algorithms=None,
    )
    return _validate(info, demand, brought, depth=depth + 1)
