"""`validate`: one question for every signed document, and one report as the answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import BinaryIO, Final

from ..algorithms import DigestAlgorithm, digest_algorithm
from ..errors import AlgorithmError, DecodeError, InvalidArgument, NaiveDatetime
from ..formats import SIZE_LIMIT, Format, identify
from ..signeddata import SignedData
from ..signedstream import SignedStream
from .cms import validate_signed_data
from .content import ABSENT, Content, Digests, Document, File, Octets, content_of
from .context import Context, Existence, Work
from .evidence import NO_EVIDENCE, Evidence
from .findings import Finding, Rule
from .indications import Indication, SubIndication
from .ncazip import validate_container
from .policy import BASIC, ValidationPolicy
from .report import SignatureReport, TimeStampReport, ValidationReport
from .timestamp import validate_token
from .trust import Purpose, TrustStore
from .zipentries import is_zip

FORMAT: Final = Rule(
    code="document.format",
    clause="EN 319 102-1 §5.2.2",
    says="the document is of a format that is read here, and can be read",
)
SIGNED: Final = Rule(
    code="document.signed",
    clause="EN 319 102-1 §5.2.2; CVE-2026-5588",
    says="there is a signature",
)

_WHOLE: Final = 4 * 1024 * 1024
_PURPOSES: Final = (Purpose.SIGNATURE, Purpose.AUTHENTICATION)


def validate(
    document: Document,
    *,
    signature: bytes | None = None,
    trust: TrustStore,
    policy: ValidationPolicy = BASIC,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
    purpose: Purpose = Purpose.SIGNATURE,
) -> ValidationReport:
    """What is found of every signature of `document` at the instant `at` (aware).

    `document` is a signed document (CMS with its content inside, PDF, a ZIP container of
    the NCA RK), or, where `signature` is
    given, the content that this CMS is about: bytes, a binary file that can be read again
    (streamed, whatever its size), or digests of it computed elsewhere. The format is told by
    content. `evidence` is what the caller adds: certificates, lists, OCSP responses; none is
    believed for being there, and nothing is fetched. `purpose` is what the signers' certificates
    must serve: SIGNATURE for documents, AUTHENTICATION for statements that prove who is there
    (which types of content may be signed is the policy's to say).

    Nothing in any bytes raises: what cannot be read is a finding. Raises NaiveDatetime,
    InvalidArgument for digests without a signature and for another purpose, and what reading a
    file raises.
    """
    if purpose not in _PURPOSES:
        raise InvalidArgument(argument="purpose", reason="no signer's: signature, authentication")
    context = _context(trust, policy, at, evidence, purpose)
    if signature is not None:
        return _detached(signature, content_of(document), context)
    if isinstance(document, Octets | Digests | File):
        raise InvalidArgument(argument="document", reason="content alone carries no signature")
    if isinstance(document, bytes):
        return _document(document, context)
    return _file(document, context)


def _file(file: BinaryIO, context: Context) -> ValidationReport:
    """A document in a file: a large CMS is read as a stream, everything else as a whole."""
    start = file.tell()
    head = file.read(_WHOLE)
    if len(head) < _WHOLE or head[:1] != b"\x30":
        return _document(head + file.read(SIZE_LIMIT + 1 - len(head)), context)
    file.seek(start)
    try:
        stream = SignedStream(file)
        return _reported(stream.signed_data, stream, context)
    except DecodeError as error:
        return _unreadable(context, error=error.code, reason=str(error))


def _context(
    trust: TrustStore,
    policy: ValidationPolicy,
    at: datetime,
    evidence: Evidence,
    purpose: Purpose = Purpose.SIGNATURE,
) -> Context:
    if at.tzinfo is not UTC and at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    return Context(
        trust=trust,
        policy=policy,
        at=at,
        work=Work(policy),
        existence=Existence(at),
        evidence=evidence,
        purpose=purpose,
    )


def validate_time_stamp(
    token: bytes,
    *,
    digest: bytes,
    algorithm: DigestAlgorithm,
    trust: TrustStore,
    policy: ValidationPolicy = BASIC,
    at: datetime,
    evidence: Evidence = NO_EVIDENCE,
) -> TimeStampReport:
    """What is found of a TimeStampToken (DER) that should stand over `digest`.

    Nothing in the token raises. Raises NaiveDatetime, InvalidArgument for a digest of another
    length than its algorithm's.
    """
    return validate_token(
        token,
        kind="document",
        imprinted=Digests({algorithm: digest}).digest,
        context=_context(trust, policy, at, evidence),
    )


def signed_content(document: bytes, *, report: ValidationReport) -> bytes:
    """The content inside an attached CMS, once a report says that it is what was signed.

    Raises SignatureNotPassed unless all of it passed, InvalidArgument where the document is
    another than the one that was judged, or holds no content of its own (detached, PDF).
    """
    report.require_passed()
    try:
        signed_data = _signed_data(document)
    except DecodeError:
        signed_data = None
    content = None if signed_data is None else signed_data.content
    if content is None:
        raise InvalidArgument(argument="document", reason="no CMS with its content inside")
    algorithm = digest_algorithm(report.signatures[0].digest_algorithm or "")
    if algorithm.digest(content) != report.content_digest:
        raise InvalidArgument(argument="document", reason="not the one that was judged")
    return content


def _document(data: bytes, context: Context) -> ValidationReport:
    if is_zip(data):
        return _container(data, context)
    if b"%PDF-" in data[:1024] and data[:1] != b"\x30":
        # The reader of PDF documents is slow to import: those who never see one do not pay.
        from .pdf import validate_pdf

        found = validate_pdf(data, context=context)
        return _report(
            context, found.signatures, found.findings, content_digest=found.content_digest
        )
    try:
        signed_data = _signed_data(data)
        if signed_data is None:
            return _unreadable(context, reason="no format that is read here")
        view = signed_data.content_view
        return _reported(signed_data, ABSENT if view is None else Octets(view), context)
    except DecodeError as error:
        return _unreadable(context, error=error.code, reason=str(error))


def _container(data: bytes, context: Context) -> ValidationReport:
    judged = validate_container(data, context)
    if judged is None:
        return _unreadable(context, reason="no format that is read here")
    return _report(context, judged.signatures, judged.findings)


def _detached(signature: bytes, content: Content, context: Context) -> ValidationReport:
    try:
        signed_data = _signed_data(signature)
        if signed_data is None:
            return _unreadable(context, reason="the signature is no SignedData")
        return _reported(signed_data, content, context)
    except DecodeError as error:
        return _unreadable(context, error=error.code, reason=str(error))


def _signed_data(data: bytes) -> SignedData | None:
    """The one SignedData in `data`; None where it is something else."""
    if data[:1] == b"\x30":
        return SignedData(data)
    found = identify(data)
    if len(found) != 1 or found[0].format not in (Format.SIGNED_DATA, Format.TIME_STAMP_TOKEN):
        return None
    return SignedData(found[0].octets)


def _reported(signed_data: SignedData, content: Content, context: Context) -> ValidationReport:
    signatures = validate_signed_data(signed_data, content=content, context=context)
    name = signatures[0].digest_algorithm if signatures else None
    digest = None
    if name is not None:
        try:
            digest = content.digest(digest_algorithm(name))
        except AlgorithmError:
            digest = None  # and a finding says so
    return _report(context, signatures, (), content_digest=digest)


def _unreadable(context: Context, **facts: str) -> ValidationReport:
    return _report(context, (), (FORMAT.broken(SubIndication.FORMAT_FAILURE, **facts),))


def _report(
    context: Context,
    signatures: tuple[SignatureReport, ...],
    findings: tuple[Finding, ...],
    *,
    content_digest: bytes | None = None,
) -> ValidationReport:
    if not signatures and not findings:
        findings = (SIGNED.broken(SubIndication.SIGNED_DATA_NOT_FOUND),)
    indication, sub_indication = worst(signatures, findings)
    return ValidationReport(
        at=context.at,
        policy=f"{context.policy.name} {context.policy.version}",
        trust=context.trust.name,
        indication=indication,
        sub_indication=sub_indication,
        signatures=signatures,
        findings=findings,
        content_digest=content_digest,
    )


def worst(
    signatures: Iterable[SignatureReport], findings: Iterable[Finding]
) -> tuple[Indication, SubIndication | None]:
    """The verdict on a document: that of the worst of its signatures, and of what broke beside."""
    if not findings and isinstance(signatures, tuple) and len(signatures) == 1:
        return signatures[0].indication, signatures[0].sub_indication
    subs = [one.sub_indication for one in findings if one.sub_indication is not None]
    subs += [one.sub_indication for one in signatures if one.sub_indication is not None]
    for sub in subs:
        if sub.indication is Indication.TOTAL_FAILED:
            return Indication.TOTAL_FAILED, sub
    if subs:
        return Indication.INDETERMINATE, subs[0]
    return Indication.TOTAL_PASSED, None
