"""When a CMS signature existed: its time-stamps, from the outermost inwards (EN 319 102-1 §5.6.3).

An archive time-stamp that is believed proves that what it covers existed at its time: the
signature, certificates, lists, and the time-stamps within, which may need that proof because
their own authorities have expired since.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from ..errors import DecodeError
from ..signeddata import SignedData, SignerInfo, read_ocsp_choice
from ..timestamps import TimeStampToken
from . import archive
from . import attributes as known
from .archive import Covered
from .attributes import evidence_in_attribute
from .content import Content
from .context import Context
from .findings import Finding, Rule
from .indications import Indication, SubIndication
from .report import TimeStampReport
from .signer import Examined, unreadable
from .timestamp import of_octets, validate_token

ORDER: Final = Rule(
    code="time.order",
    clause="EN 319 102-1 §5.5.4 step 6",
    says="time-stamps over the content come before those over the signature",
)
NOT_JUDGED: Final = Rule(
    code="time_stamp.form_supported",
    clause="EN 319 122-1 §A.1.3, §A.2; RFC 5276",
    says="proofs of existence are of a form that is judged here",
)
BUDGET: Final = Rule(
    code="time_stamp.budget",
    clause="policy",
    says="there are no more time-stamps than the policy allows to look at",
)
CONTENT_TIME_STAMP: Final = "content"
SIGNATURE_TIME_STAMP: Final = "signature"
ARCHIVE_TIME_STAMP: Final = "archive"


class Times(NamedTuple):
    """What time-stamps prove.

    `proven` is the earliest instant at which the signature existed, that of the validation
    where nothing proves an earlier one; `not_before` one before which it was not made.
    """

    proven: datetime
    not_before: datetime | None
    reports: tuple[TimeStampReport, ...]
    findings: tuple[Finding, ...]

    def passed(self, kind: str) -> bool:
        """Whether a time-stamp of that kind is believed."""
        return any(
            one.kind == kind and one.indication is Indication.TOTAL_PASSED for one in self.reports
        )


def prove_times(
    info: SignerInfo,
    found: Examined,
    content: Content,
    signed_data: SignedData,
    context: Context,
) -> Times:
    """The time-stamps of a signer, and what they prove; noted in `context.existence`."""
    reports: list[TimeStampReport] = []
    findings: list[Finding] = []
    try:
        unsigned = info.unsigned_attributes
        if unsigned:
            reports += _archive(info, content, signed_data, context, findings)
            reports += _over_signature(info, context)
            findings += [
                NOT_JUDGED.noted(form=known.NOT_JUDGED[one.oid])
                for one in unsigned
                if one.oid in known.NOT_JUDGED
            ]
        stamped = _over_content(info, found, content, context)
    except DecodeError as error:
        findings.append(unreadable(error))
        stamped = []
    proven = context.existence.of(info.signature)
    not_before = max((one.time for one in stamped if _passed(one) and one.time), default=None)
    if not_before is not None and not_before > proven:
        findings.append(
            ORDER.broken(
                SubIndication.TIMESTAMP_ORDER_FAILURE, content=not_before, signature=proven
            )
        )
    return Times(proven, not_before, (*stamped, *reports), tuple(findings))


def _passed(report: TimeStampReport) -> bool:
    return report.indication is Indication.TOTAL_PASSED


def _over_content(
    info: SignerInfo, found: Examined, content: Content, context: Context
) -> list[TimeStampReport]:
    if known.CONTENT_TIME_STAMP not in found.signed:
        return []
    return [
        validate_token(
            value.encoded, kind=CONTENT_TIME_STAMP, imprinted=content.digest, context=context
        )
        for attribute in info.signed_attributes or ()
        if attribute.oid == known.CONTENT_TIME_STAMP
        for value in attribute.values
        if context.work.spend()
    ]


def _over_signature(info: SignerInfo, context: Context) -> list[TimeStampReport]:
    reports = []
    for attribute in info.unsigned_attributes:
        if attribute.oid != known.SIGNATURE_TIME_STAMP:
            continue
        for value in attribute.values:
            if not context.work.spend():
                break
            report = validate_token(
                value.encoded,
                kind=SIGNATURE_TIME_STAMP,
                imprinted=of_octets(info.signature),
                context=context,
            )
            reports.append(report)
            if _passed(report) and report.time is not None:
                context.existence.note(info.signature, since=report.time)
    return reports


def _archive(
    info: SignerInfo,
    content: Content,
    signed_data: SignedData,
    context: Context,
    findings: list[Finding],
) -> list[TimeStampReport]:
    """Archive time-stamps, the latest first: each may prove the ones that it covers."""
    tokens: list[TimeStampToken] = []
    for attribute in info.unsigned_attributes:
        if attribute.oid == known.ARCHIVE_TIME_STAMP_V3:
            for value in attribute.values:
                try:
                    tokens.append(TimeStampToken(value.encoded))
                except DecodeError as error:
                    findings.append(NOT_JUDGED.noted(error=error.code))
    tokens.sort(key=lambda one: one.tst_info.gen_time, reverse=True)
    reports = []
    for token in tokens:
        if not context.work.spend():
            break
        try:
            index = archive.read_index(token)
        except DecodeError as error:
            findings.append(archive.INDEX.noted(error=str(error)))
            continue
        covered, entries = archive.covered_by(index, signed_data, info)
        report = validate_token(
            token.encoded,
            kind=ARCHIVE_TIME_STAMP,
            imprinted=archive.imprinted(index, signed_data, info, content),
            context=context,
            further=(entries,),
        )
        reports.append(report)
        if _passed(report) and report.time is not None:
            context.existence.note(info.signature, since=report.time)
            _note(covered, report.time, context)
    return reports


def _note(covered: Covered, since: datetime, context: Context) -> None:
    """What an archive time-stamp covers existed at its time."""
    existence = context.existence
    for one in covered.certificates:
        existence.note(one, since=since)
    for one in covered.lists:
        existence.note(one, since=since)
        if one[:1] != b"\x30":
            try:
                response = read_ocsp_choice(one)
            except DecodeError:
                continue
            if response is not None:
                existence.note(response.basic_encoded, since=since)
    for attribute in covered.unsigned_attributes:
        for value in attribute.values:
            existence.note(value.encoded, since=since)
            if attribute.oid == known.COUNTER_SIGNATURE:
                try:
                    existence.note(SignerInfo(value.encoded).signature, since=since)
                except DecodeError:
                    continue
        existence.note_evidence(evidence_in_attribute(attribute), since=since)
