"""PDF and PAdES signatures (ISO 32000-2 §12.8, EN 319 142-1), by the processes of EN 319 102-1.

The structure comes from `pdf_reader`, what came after a signature from `pdf_changes`, and the CMS
inside goes to the validator of every CMS, with the digest of the signed octets. Time-stamps over
the document are judged first, the last one before those that it covers: what they cover is proven
to have existed at their time, and so are the certificates and status in the security store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from ..algorithms import SHA1, digest_algorithm
from ..errors import DecodeError, LimitExceeded, PdfEncrypted
from ..signeddata import SignedData
from . import path as paths
from . import pdf_rules as rules
from . import revocation
from .attributes import evidence_of
from .cms import validate_signed_data
from .content import Content, Octets
from .context import Context
from .evidence import NO_EVIDENCE, Evidence
from .findings import Finding, conclude
from .indications import Indication, SubIndication
from .pdf_contents import ByteRange, Ranges, read_byte_range, read_gap
from .pdf_old_forms import judge_bare_value, judge_unattributed
from .pdf_reader import PdfDocument, SignatureField
from .policy import Level
from .report import Coverage, SignatureFormat, SignatureReport, TimeStampReport
from .signer_algorithms import period_finding
from .timestamp import validate_token

PADES: Final = "ETSI.CAdES.detached"
PKCS7_DETACHED: Final = "adbe.pkcs7.detached"
PKCS7_SHA1: Final = "adbe.pkcs7.sha1"
PKCS1_SHA1: Final = "adbe.x509.rsa_sha1"
TIME_STAMP: Final = "ETSI.RFC3161"
DOCUMENT_TIME_STAMP: Final = "document"

_SUBFILTERS: Final = frozenset({PADES, PKCS7_DETACHED, PKCS7_SHA1, PKCS1_SHA1, TIME_STAMP})
_LEVELS: Final = tuple(Level)
_FAILED: Final = SubIndication.FORMAT_FAILURE
_CONSTRAINTS: Final = SubIndication.SIG_CONSTRAINTS_FAILURE
_NOTHING: Final = SignatureReport(
    format=SignatureFormat.PDF,
    indication=Indication.INDETERMINATE,
    sub_indication=None,
    findings=(),
)


@dataclass(slots=True)
class _Signature:
    """A signature or time-stamp of the document: where it stands, and what it is."""

    field: SignatureField
    findings: list[Finding]
    place: ByteRange | None = None
    value: bytes = b""
    signed_data: SignedData | None = None
    report: SignatureReport | None = None
    stamp: TimeStampReport | None = None
    ranges: Ranges | None = None

    @property
    def is_time_stamp(self) -> bool:
        return self.field.subfilter == TIME_STAMP

    @property
    def passed(self) -> bool:
        found = self.stamp or self.report
        return found is not None and found.indication is Indication.TOTAL_PASSED

    def covers(self, other: _Signature) -> bool:
        """Whether `other` stands wholly in the first of the ranges that this one is about."""
        return (
            self.place is not None and other.place is not None and other.place.end <= self.place.gap
        )


class PdfVerdict(NamedTuple):
    """What was found of a PDF document.

    `signatures` in the order they were made; `findings` about the document as such;
    `content_digest` of what the last signature is about, by its algorithm.
    """

    signatures: tuple[SignatureReport, ...]
    findings: tuple[Finding, ...] = ()
    content_digest: bytes | None = None


def validate_pdf(data: bytes, *, context: Context) -> PdfVerdict:
    """A report for each signature of a PDF document. Nothing in the bytes raises."""
    try:
        document = PdfDocument(data, budget=context.policy.budget)
        fields = document.signature_fields()
    except DecodeError as error:
        return PdfVerdict((), (_unreadable(error),))
    if len(fields) > context.policy.budget.signature_checks:
        return PdfVerdict((), (rules.BUDGET.broken(_CONSTRAINTS, signatures=len(fields)),))
    found = sorted(
        _structures(fields, document), key=lambda one: one.place.end if one.place else len(data)
    )
    context, notes = _with_stores(context, document, found)
    _judge_time_stamps(found, document, context)
    signatures = [one for one in found if not one.is_time_stamp]
    # The last first: what a later one shows on a page, that one has to vouch for.
    for one in reversed(signatures):
        one.report = _judge(one, found, document, context)
    return PdfVerdict(
        tuple(one.report for one in signatures if one.report is not None),
        notes,
        _content_digest(signatures[-1]) if signatures else None,
    )


def _content_digest(one: _Signature) -> bytes | None:
    if one.ranges is None or one.report is None or one.report.digest_algorithm is None:
        return None
    return one.ranges.digest(digest_algorithm(one.report.digest_algorithm))


def _unreadable(error: DecodeError) -> Finding:
    if isinstance(error, LimitExceeded):
        return rules.LIMITS.broken(_CONSTRAINTS, limit=error.limit, allowed=error.allowed)
    if isinstance(error, PdfEncrypted):
        return rules.READABLE.broken(SubIndication.SIGNED_DATA_NOT_FOUND, encrypted=error.handler)
    return rules.READABLE.broken(_FAILED, error=error.code, reason=str(error))


# --- structure ------------------------------------------------------------------------------------


def _structures(fields: Sequence[SignatureField], document: PdfDocument) -> Iterator[_Signature]:
    holders = Counter((one.number, one.generation) for one in fields)
    gaps = Counter(one.byte_range for one in fields)
    for one in fields:
        found = _Signature(one, [])
        _examine(found, document)
        if holders[one.number, one.generation] > 1 or gaps[one.byte_range] > 1:
            found.findings.append(rules.ONE_FIELD.broken(_FAILED, field=one.name))
        yield found


def _examine(one: _Signature, document: PdfDocument) -> None:
    """Fill in where the signature stands and what it is, with findings about both."""
    data, found = document.data, one.findings
    if one.field.subfilter not in _SUBFILTERS:
        found.append(rules.SUBFILTER.broken(_FAILED, subfilter=one.field.subfilter))
    if one.field.contents is None:
        found.append(rules.DICTIONARY.broken(_FAILED, missing="/Contents"))
    place = read_byte_range(one.field.byte_range, size=len(data))
    if isinstance(place, str):
        found.append(rules.BYTE_RANGE.broken(_FAILED, reason=place))
        return
    found.append(rules.BYTE_RANGE.kept())
    gap = read_gap(data, place)
    if isinstance(gap, str):
        found.append(rules.CONTENTS.broken(_FAILED, reason=gap))
        return
    one.value, octets = gap
    start = one.field.offset
    if octets != one.field.contents:
        found.append(rules.CONTENTS.broken(_FAILED, reason="not the /Contents of this signature"))
        return
    found.append(rules.CONTENTS.kept())
    if start is None or start >= place.gap or b"endobj" in data[start : place.gap]:
        # Another one took the place of the dictionary that was signed: its octets may be intact.
        found.append(rules.COVERED.broken(_CONSTRAINTS, field=one.field.name))
    one.place = place
    one.ranges = Ranges(data, place)
    if one.field.subfilter not in (TIME_STAMP, PKCS1_SHA1):
        try:
            one.signed_data = SignedData(one.value)
            _ = one.signed_data.signer_infos
        except DecodeError as error:
            one.signed_data = None
            found.append(rules.CONTENTS.broken(_FAILED, error=error.code, reason=str(error)))


# --- evidence and time ----------------------------------------------------------------------------


def _with_stores(
    context: Context, document: PdfDocument, found: Sequence[_Signature]
) -> tuple[Context, tuple[Finding, ...]]:
    """The context with all that the document brings."""
    if not found:
        return context, ()
    brought, notes = _store(document, document.revisions - 1)
    # What one signature brings may help another; alone, it is looked into where it is needed.
    for one in found if len(found) > 1 else ():
        brought += _evidence_of(one)
    return context.with_embedded(brought), notes


def _store(document: PdfDocument, revision: int) -> tuple[Evidence, tuple[Finding, ...]]:
    try:
        evidence, unreadable = document.security_store(revision)
    except DecodeError as error:
        return NO_EVIDENCE, (rules.REVOCATION_DATA.noted(error=error.code, reason=str(error)),)
    if unreadable:
        return evidence, (rules.REVOCATION_DATA.noted(unreadable=unreadable),)
    return evidence, ()


def _evidence_of(one: _Signature) -> Evidence:
    signed_data = one.signed_data
    if one.is_time_stamp and one.value:
        with suppress(DecodeError):
            signed_data = SignedData(one.value)
    return NO_EVIDENCE if signed_data is None else evidence_of(signed_data)


def _judge_time_stamps(
    found: Sequence[_Signature], document: PdfDocument, context: Context
) -> None:
    """Document time-stamps, the last first: each may prove what those before it need."""
    for one in reversed(found):
        if not one.is_time_stamp or one.ranges is None or not context.work.spend():
            continue
        one.stamp = validate_token(
            one.value,
            kind=DOCUMENT_TIME_STAMP,
            imprinted=one.ranges.digest,
            context=context,
            further=tuple(one.findings),
        )
        if one.passed and one.stamp.time is not None:
            _note(one, found, document, context, since=one.stamp.time)


def _note(
    stamp: _Signature,
    found: Sequence[_Signature],
    document: PdfDocument,
    context: Context,
    *,
    since: datetime,
) -> None:
    """What a document time-stamp covers existed at its time."""
    existence = context.existence
    existence.note_evidence(_store(document, stamp.field.revision)[0], since=since)
    for one in found:
        if not stamp.covers(one):
            continue
        existence.note(one.value, since=since)
        existence.note_evidence(_evidence_of(one), since=since)
        with suppress(DecodeError):
            for info in () if one.signed_data is None else one.signed_data.signer_infos:
                existence.note(info.signature, since=since)
                for attribute in info.unsigned_attributes:
                    for value in attribute.values:
                        existence.note(value.encoded, since=since)


# --- one signature --------------------------------------------------------------------------------


def _judge(
    one: _Signature, found: Sequence[_Signature], document: PdfDocument, context: Context
) -> SignatureReport:
    stamps = tuple(other.stamp for other in found if other.stamp is not None and other.covers(one))
    is_pades = one.field.subfilter == PADES
    try:
        report = _judge_value(one, context)
    except DecodeError as error:
        report = _NOTHING
        one.findings.append(rules.CONTENTS.broken(_FAILED, error=error.code, reason=str(error)))
    findings = [*one.findings, *report.findings]
    coverage, after = _coverage(one, found, document)
    findings += after
    level = None
    if is_pades and _claimed_time(one, report, findings):
        level = _level(one, report, found, document, context)
    required = context.policy.required_level
    if required is not Level.B:
        reached = -1 if level is None else _LEVELS.index(level)
        facts = {"level": None if level is None else level.value}
        findings.append(
            rules.LEVEL.kept(**facts)
            if reached >= _LEVELS.index(required)
            else rules.LEVEL.broken(_CONSTRAINTS, required=required.value, **facts)
        )
    verdict = conclude(findings)
    return replace(
        report,
        format=SignatureFormat.PADES if is_pades else SignatureFormat.PDF,
        indication=verdict.indication,
        sub_indication=verdict.sub_indication,
        findings=verdict.findings,
        level=level,
        claimed_time=report.claimed_time or one.field.claimed_time,
        coverage=coverage,
        time_stamps=(*report.time_stamps, *stamps),
    )


def _judge_value(one: _Signature, context: Context) -> SignatureReport:
    """The report on the signature as such, whatever surrounds it."""
    if one.field.subfilter == PKCS1_SHA1 and one.ranges is not None:
        return judge_bare_value(one.value, one.ranges.octets, one.field.certificates, context)
    signed_data = one.signed_data
    if signed_data is None or one.ranges is None:
        return _NOTHING
    infos = signed_data.signer_infos
    if len(infos) != 1:
        one.findings.append(
            rules.DETACHED.broken(_CONSTRAINTS if infos else _FAILED, signers=len(infos))
        )
    if not infos:
        return _NOTHING
    content: Content = one.ranges
    octets: bytes | None = None
    if one.field.subfilter == PKCS7_SHA1:
        octets = _inner_content(one, signed_data, one.ranges, context)
        content = Octets(octets)
    elif not signed_data.is_detached:
        one.findings.append(rules.DETACHED.noted(content=signed_data.content_type))
    if infos[0].signed_attributes_encoded is None:
        octets = one.ranges.octets if octets is None else octets
        return judge_unattributed(signed_data, octets, context)
    if context.policy.required_level is not Level.B:
        # Of a PDF document, the level is reckoned here: the document itself may prove it.
        context = replace(context, policy=replace(context.policy, required_level=Level.B))
    return validate_signed_data(signed_data, content=content, context=context)[0]


def _inner_content(
    one: _Signature, signed_data: SignedData, ranges: Ranges, context: Context
) -> bytes:
    """The content of an adbe.pkcs7.sha1 signature: the SHA-1 of the document (§12.8.3.3.1)."""
    try:
        content = signed_data.content or b""
    except DecodeError:
        content = b""
    digest = ranges.digest(SHA1)
    if content == digest:
        one.findings.append(rules.DIGEST.kept())
    else:
        one.findings.append(
            rules.DIGEST.broken(SubIndication.HASH_FAILURE, signed=content[:64], found=digest)
        )
    infos = signed_data.signer_infos
    proven = context.existence.of(infos[0].signature)
    until = context.policy.algorithms.digest_until(SHA1)
    one.findings.append(period_finding(until, proven, (SHA1.name,)))
    return content


def _claimed_time(one: _Signature, report: SignatureReport, findings: list[Finding]) -> bool:
    """Whether the claimed time stands where PAdES wants it, and there alone."""
    if one.field.claimed_time is not None and report.claimed_time is None:
        findings.append(rules.CLAIMED_TIME.kept())
        return True
    findings.append(
        rules.CLAIMED_TIME.noted(m=one.field.claimed_time, signing_time=report.claimed_time)
    )
    return False


# --- what came after ------------------------------------------------------------------------------


def _coverage(
    one: _Signature, found: Sequence[_Signature], document: PdfDocument
) -> tuple[Coverage, list[Finding]]:
    name = one.field.name
    nothing = Coverage(whole=False, name=name)
    if one.place is None:
        return nothing, []
    end = one.place.end
    if end == len(document.data):
        return Coverage(whole=True, name=name), [rules.COVERAGE.kept(whole=True)]
    # The difference analysis costs half a second to import: only where something was appended.
    from .pdf_changes import changes_after

    try:
        if not document.covers_its_revision(one.field, end):
            return nothing, [rules.REVISION.broken(_CONSTRAINTS, end=end)]
        changes = changes_after(one.field, end, document)
    except LimitExceeded as error:
        return nothing, [_unreadable(error)]
    except DecodeError as error:
        return nothing, [rules.COVERAGE.broken(_CONSTRAINTS, reason=str(error))]
    if changes.refused is not None:
        sub = _FAILED if changes.other_pages else _CONSTRAINTS
        return nothing, [rules.COVERAGE.broken(sub, reason=changes.refused)]
    findings = [rules.COVERAGE.kept(whole=False, changes=changes.described)]
    by_name = {other.field.name: other for other in found}
    unvouched = tuple(
        shown for shown in changes.visible if shown not in by_name or not by_name[shown].passed
    )
    if unvouched:
        findings.append(rules.VOUCHED.broken(_CONSTRAINTS, fields=unvouched))
    return Coverage(whole=False, changes=changes.described, name=name), findings


# --- levels ---------------------------------------------------------------------------------------


def _level(
    one: _Signature,
    report: SignatureReport,
    found: Sequence[_Signature],
    document: PdfDocument,
    context: Context,
) -> Level | None:
    """The baseline level reached (EN 319 142-1 §6): each with all that those before it have."""
    if report.level is None or one.signed_data is None:
        return None
    covering = [other for other in found if other.passed and other.stamp and other.covers(one)]
    if report.level is Level.B and not covering:
        return Level.B
    proven = report.proven_time or context.at
    own = _evidence_of(one)
    if not _holds_everything(report, proven, context.embedded, context):
        return Level.T
    for stamp in covering:
        covered, _ = _store(document, stamp.field.revision)
        for other in found:
            if stamp.covers(other):
                covered += _evidence_of(other)
        if _holds_everything(report, proven, covered + own, context):
            return Level.LTA
    return Level.LT


def _holds_everything(
    report: SignatureReport, proven: datetime, evidence: Evidence, context: Context
) -> bool:
    """Whether `evidence` alone suffices to prove path and status of the signer."""
    if report.signer is None:
        return False
    path = paths.prove(
        report.signer,
        trust=context.trust,
        purpose=context.purpose,
        at=proven,
        policy=context.policy,
        certificates=evidence.certificates,
    )
    if path.sub_indication is not None or path.anchor is None:
        return False
    held = set(evidence.certificates)
    if any(step not in held and step != path.anchor.certificate for step in path.path):
        return False
    status = revocation.check_path(
        path,
        evidence=evidence,
        trust=context.trust,
        at=proven,
        policy=context.policy,
        validation_time=context.at,
    )
    return status.sub_indication is None
