"""One SignerInfo: its form, its signer, its digest and its signature value.

The same for documents, time-stamp tokens and counter-signatures. Nothing here asks for trust or
time: that comes after, with what `examine` found. Signed attributes are always demanded: without
them the same signature value fits the attributes taken as content (the choice stands in a field
that nobody signs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple

from .. import der
from ..algorithms import DigestAlgorithm, KeyType, SignatureAlgorithm
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError
from ..signeddata import Attribute, SignerInfo
from ..tolerances import ISSUER_NOT_VERBATIM, UNSORTED_SIGNED_ATTRIBUTES, Tolerance
from . import attributes as known
from .content import Content
from .findings import Finding, Rule
from .indications import SubIndication
from .policy import ValidationPolicy
from .signer_algorithms import (
    NO_TOLERANCES,
    period_finding,
    read_digest_algorithm,
    signature_row,
)
from .signer_certificate import (
    ReadCertificate,
    find_certificate,
    is_hash_of,
    is_named_verbatim,
    is_referenced,
    references_in,
)

FORM: Final = Rule(
    code="cms.form",
    clause="RFC 5652 §5.3; EN 319 102-1 §5.2.2",
    says="the signer's part has the form it must have",
)
SIGNED_ATTRIBUTES: Final = Rule(
    code="cms.signed_attributes",
    clause="RFC 5652 §5.3, §11; draft-ietf-lamps-cms-euf-cma-signeddata",
    says="there are signed attributes, each of its type and once, with one value",
)
SIGNER_CERTIFICATE: Final = Rule(
    code="cms.signer_certificate",
    clause="EN 319 102-1 §5.2.3; RFC 5652 §5.3",
    says="the signer's certificate is at hand",
)
SIGNING_CERTIFICATE: Final = Rule(
    code="cms.signing_certificate",
    clause="EN 319 102-1 §5.2.3.4; RFC 5035 §3, §4",
    says="the signed reference names the signer's certificate",
)
CONTENT_TYPE: Final = Rule(
    code="cms.content_type",
    clause="RFC 5652 §11.1",
    says="the type of the content is the one that was signed",
)
CONTENT: Final = Rule(
    code="cms.content",
    clause="EN 319 102-1 §5.2.7",
    says="the content that was signed is at hand",
)
MESSAGE_DIGEST: Final = Rule(
    code="cms.message_digest",
    clause="RFC 5652 §5.4, §11.2; EN 319 102-1 §5.2.7",
    says="the content is the one that was signed",
)
SIGNATURE: Final = Rule(
    code="cms.signature",
    clause="RFC 5652 §5.6; EN 319 102-1 §5.2.7",
    says="the signature value was made with the key of the certificate",
)
ALGORITHM: Final = Rule(
    code="cms.algorithm",
    clause="RFC 5652 §5.3; EN 319 102-1 §5.2.8",
    says="the algorithms are known here, go with the key and agree with each other",
)

_FORM_KEPT: Final = (FORM.kept(), SIGNED_ATTRIBUTES.kept())
_SIGNER_KEPT: Final = SIGNER_CERTIFICATE.kept()
_REFERENCE_KEPT: Final = SIGNING_CERTIFICATE.kept()
_CONTENT_TYPE_KEPT: Final = CONTENT_TYPE.kept()
_MESSAGE_DIGEST_KEPT: Final = MESSAGE_DIGEST.kept()
_ALGORITHM_KEPT: Final = ALGORITHM.kept()
_SIGNATURE_KEPT: Final = SIGNATURE.kept()
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

# What a verdict is read from stands there once (RFC 5652 §11, RFC 5035 §3, RFC 6211); of others
# their own standards speak (content time-stamps may be several).
_SINGLE: Final = frozenset(
    {
        *(known.CONTENT_TYPE, known.MESSAGE_DIGEST, known.SIGNING_TIME, known.SIGNATURE_POLICY),
        *(known.SIGNING_CERTIFICATE, known.SIGNING_CERTIFICATE_V2, known.ALGORITHM_PROTECTION),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked of a SignerInfo.

    `content_type` is the eContentType beside it; None for a counter-signature, which has none
    (RFC 5652 §11.4). `digest_algorithms` are the encoded AlgorithmIdentifiers announced beside
    it; None where there is no such place.
    """

    content: Content
    content_type: str | None
    require_signing_certificate: bool
    digest_algorithms: tuple[bytes, ...] | None = None


class Examined(NamedTuple):
    """What was found of a SignerInfo.

    `certificate` is None where the signer's was not found. `claimed_time` is the signer's own
    word. `referenced`: a signed reference names the certificate.
    """

    findings: tuple[Finding, ...]
    certificate: Certificate | None
    algorithm: SignatureAlgorithm | None
    digest: DigestAlgorithm | None
    signed: dict[str, Attribute]
    claimed_time: datetime | None
    referenced: bool
    tolerances: frozenset[Tolerance]


def examine(
    info: SignerInfo,
    demand: Demand,
    *,
    encoded: tuple[bytes, ...],
    others: Iterable[Certificate],
    read: ReadCertificate,
) -> Examined:
    """Everything about `info` that needs neither trust nor time.

    `encoded` are the certificates that came along, looked into by `read` only where they are
    the signer's; `others` more in which to look for that one. Nothing in the bytes raises.
    """
    findings: list[Finding] = []
    signed: dict[str, Attribute] = {}
    certificate: Certificate | None = None
    digest: DigestAlgorithm | None = None
    row: SignatureAlgorithm | None = None
    referenced = False
    claimed: datetime | None = None
    tolerances = NO_TOLERANCES
    try:
        signed = _signed_attributes(info, demand, findings)
        claimed = signing_time(signed)
        references = references_in(signed)
        certificate = find_certificate(info, references, encoded, others, read)
        if certificate is None:
            findings.append(SIGNER_CERTIFICATE.broken(SubIndication.NO_SIGNING_CERTIFICATE_FOUND))
        else:
            findings.append(_SIGNER_KEPT)
            finding = _check_references(certificate, references, demand)
            referenced = bool(references) and finding is not None and finding.sub_indication is None
            if finding is not None:
                findings.append(finding)
            if not is_named_verbatim(info, certificate):
                tolerances |= {ISSUER_NOT_VERBATIM}
        _check_content_type(signed, demand, findings)
        digest = _digest_algorithm(info, demand, findings)
        if digest is not None:
            _check_digest(digest, signed, demand, findings)
        if certificate is not None and digest is not None and signed:
            row, verify, used = _algorithm(info, certificate, digest, findings)
            tolerances |= used
            if row is not None and verify is not None:
                tolerances |= _check_signature(info, row, verify, findings)
    except DecodeError as error:
        findings.append(unreadable(error))
    return Examined(
        tuple(findings), certificate, row, digest, signed, claimed, referenced, tolerances
    )


def unreadable(error: DecodeError) -> Finding:
    """The finding for bytes that are not what they must be."""
    return FORM.broken(SubIndication.FORMAT_FAILURE, error=error.code, reason=str(error))


def check_period(found: Examined, policy: ValidationPolicy, *, proven: datetime) -> Finding:
    """Whether the algorithms of a signature could be relied on at `proven`."""
    row, digest = found.algorithm, found.digest
    names = () if row is None or digest is None else (row.name, digest.name)
    return period_finding(_last_day(found, policy), proven, names)


def period_of(found: Examined, policy: ValidationPolicy) -> datetime:
    """The beginning of the last day on which the algorithms may be relied on."""
    until = _last_day(found, policy)
    return _NEVER if until is None else datetime.combine(until, time(), UTC)


def _last_day(found: Examined, policy: ValidationPolicy) -> date | None:
    if found.algorithm is None or found.certificate is None or found.digest is None:
        return None
    days = (
        policy.algorithms.signature_until(found.algorithm, found.certificate.public_key),
        policy.algorithms.digest_until(found.digest),
    )
    return min((day for day in days if day is not None), default=None)


# --- attributes -----------------------------------------------------------------------------------


def _signed_attributes(
    info: SignerInfo, demand: Demand, findings: list[Finding]
) -> dict[str, Attribute]:
    """The signed attributes by their types. Those that must be single are."""
    attributes = info.signed_attributes
    if not attributes:
        findings.append(SIGNED_ATTRIBUTES.broken(SubIndication.FORMAT_FAILURE, found=0))
        return {}
    found = {one.oid: one for one in reversed(attributes)}
    if len(found) < len(attributes):
        seen: set[str] = set()
        for one in attributes:
            if one.oid in seen and one.oid in _SINGLE:
                findings.append(
                    SIGNED_ATTRIBUTES.broken(SubIndication.FORMAT_FAILURE, twice=one.oid)
                )
            seen.add(one.oid)
    if known.MESSAGE_DIGEST not in found:
        findings.append(_missing(known.MESSAGE_DIGEST))
    # A counter-signature must not have it (RFC 5652 §11.4), a signature must.
    if (known.CONTENT_TYPE in found) is (demand.content_type is None):
        findings.append(_missing(known.CONTENT_TYPE))
    protection = found.get(known.ALGORITHM_PROTECTION)
    if protection is not None:
        said = known.read_algorithm_protection(protection.value())
        if said != (info.digest_algorithm, info.signature_algorithm):
            findings.append(
                ALGORITHM.broken(SubIndication.SIG_CRYPTO_FAILURE, attribute=protection.oid)
            )
    if not findings:
        findings.extend(_FORM_KEPT)
    return found


def _missing(oid: str) -> Finding:
    return SIGNED_ATTRIBUTES.broken(SubIndication.FORMAT_FAILURE, missing_or_extra=oid)


def signing_time(signed: dict[str, Attribute]) -> datetime | None:
    """What the signer claims. Raises MalformedDer."""
    found = signed.get(known.SIGNING_TIME)
    return None if found is None else found.value().time()


def _check_references(
    certificate: Certificate, references: tuple[known.CertificateReference, ...], demand: Demand
) -> Finding | None:
    """Whether every signed reference names the certificate; None: there is none, nor need be."""
    if not references:
        if not demand.require_signing_certificate:
            return None
        return SIGNING_CERTIFICATE.broken(SubIndication.SIG_CONSTRAINTS_FAILURE, found=0)
    for one in references:
        if not is_hash_of(certificate.encoded, one):
            return SIGNING_CERTIFICATE.broken(
                SubIndication.NO_SIGNING_CERTIFICATE_FOUND, digest=one.digest_oid, signed=one.hash
            )
    if all(is_referenced(certificate, one) for one in references):
        return _REFERENCE_KEPT
    # The hash decides; issuer and serial number are hints (EN 319 102-1 §5.2.3.4).
    return SIGNING_CERTIFICATE.noted(serial_number="another")


# --- content and signature ------------------------------------------------------------------------


def _check_content_type(
    signed: dict[str, Attribute], demand: Demand, findings: list[Finding]
) -> None:
    attribute = signed.get(known.CONTENT_TYPE)
    if attribute is None:
        return
    wanted = demand.content_type
    if wanted is not None and attribute.octets == der.object_identifier(wanted):
        findings.append(_CONTENT_TYPE_KEPT)
        return
    said = attribute.value().object_identifier()
    findings.append(
        CONTENT_TYPE.broken(SubIndication.FORMAT_FAILURE, signed=said, found=wanted or "none")
    )


def _digest_algorithm(
    info: SignerInfo, demand: Demand, findings: list[Finding]
) -> DigestAlgorithm | None:
    try:
        digest = read_digest_algorithm(info.digest_algorithm)
        announced = demand.digest_algorithms
        if (
            announced is not None
            and info.digest_algorithm not in announced
            and digest not in map(read_digest_algorithm, announced)
        ):
            findings.append(
                ALGORITHM.broken(SubIndication.FORMAT_FAILURE, not_announced=digest.name)
            )
    except AlgorithmError as error:
        findings.append(_unknown(error))
        return None
    return digest


def _unknown(error: AlgorithmError) -> Finding:
    return ALGORITHM.broken(SubIndication.CRYPTO_CONSTRAINTS_FAILURE, error=str(error))


def _check_digest(
    digest: DigestAlgorithm,
    signed: dict[str, Attribute],
    demand: Demand,
    findings: list[Finding],
) -> None:
    try:
        content = demand.content.digest(digest)
    except AlgorithmError as error:
        findings.append(_unknown(error))
        return
    if content is None:
        findings.append(CONTENT.broken(SubIndication.SIGNED_DATA_NOT_FOUND))
        return
    attribute = signed.get(known.MESSAGE_DIGEST)
    if attribute is None:
        return
    if attribute.octets == der.octet_string(content):
        findings.append(_MESSAGE_DIGEST_KEPT)
        return
    said = attribute.value().expect(der.OCTET_STRING).octets
    findings.append(
        MESSAGE_DIGEST.broken(
            SubIndication.HASH_FAILURE, algorithm=digest.name, signed=said, found=content
        )
    )


def _algorithm(
    info: SignerInfo, certificate: Certificate, digest: DigestAlgorithm, findings: list[Finding]
) -> tuple[SignatureAlgorithm | None, Callable[[bytes, bytes], bool] | None, frozenset[Tolerance]]:
    """The algorithm of the signature, made ready for the key."""
    row: SignatureAlgorithm | None = None
    used = NO_TOLERANCES
    try:
        key = certificate.public_key
        row, used = signature_row(info.signature_algorithm, digest, key.key_type, key.curve)
        verify = key.verifier(row)
    except AlgorithmError as error:
        findings.append(_unknown(error))
        return row, None, used
    agree = row.digest or (row.cms_digest if row.key_type is KeyType.ED25519 else None)
    findings.append(
        _ALGORITHM_KEPT
        if agree is None or agree is digest
        else ALGORITHM.broken(
            SubIndication.SIG_CRYPTO_FAILURE, signature=row.name, content=digest.name
        )
    )
    return row, verify, used


def _check_signature(
    info: SignerInfo,
    row: SignatureAlgorithm,
    verify: Callable[[bytes, bytes], bool],
    findings: list[Finding],
) -> frozenset[Tolerance]:
    message, order = _message(info)
    try:
        right = verify(info.signature, message)
    except AlgorithmError as error:
        findings.append(_unknown(error))
        return order
    findings.append(
        _SIGNATURE_KEPT
        if right
        else SIGNATURE.broken(SubIndication.SIG_CRYPTO_FAILURE, algorithm=row.name)
    )
    return order


def _message(info: SignerInfo) -> tuple[bytes, frozenset[Tolerance]]:
    """What the signature value is over: the DER of the signed attributes (RFC 5652 §5.4)."""
    elder = b""
    attributes = [one.encoded for one in info.signed_attributes or ()]
    for younger in attributes:
        if younger < elder:
            return der.set_of(*attributes), frozenset({UNSORTED_SIGNED_ATTRIBUTES})
        elder = younger
    return info.signed_attributes_encoded or b"", NO_TOLERANCES
