"""One SignerInfo: its form, its signer, its digest and its signature value.

The same for documents, time-stamp tokens and counter-signatures. Nothing here asks for trust or
time: that comes after, with what `examine` found. Signed attributes are always demanded: without
them the same signature value fits the attributes taken as content (the choice stands in a field
that nobody signs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from .. import der
from ..algorithms import (
    KEY_TYPES,
    RSA_ENCRYPTION,
    SIGNATURE_ALGORITHMS,
    Curve,
    DigestAlgorithm,
    KeyType,
    Padding,
    SignatureAlgorithm,
    digest_by_oid,
    identify,
)
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError, UnknownAlgorithm
from ..signeddata import Attribute, SignerInfo
from ..tolerances import (
    KEY_OID_AS_SIGNATURE_ALGORITHM,
    MISSING_NULL,
    UNSORTED_SIGNED_ATTRIBUTES,
    Tolerance,
)
from . import attributes as known
from .attributes import CertificateReference
from .content import Content
from .findings import Finding, Rule
from .indications import SubIndication
from .policy import ValidationPolicy, is_relied_on

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
ALGORITHM_PERIOD: Final = Rule(
    code="cms.algorithm_period",
    clause="EN 319 102-1 §5.2.8; TS 119 312",
    says="the algorithms could be relied on at that time",
)

_FORM_KEPT: Final = (FORM.kept(), SIGNED_ATTRIBUTES.kept())
_SIGNER_KEPT: Final = SIGNER_CERTIFICATE.kept()
_REFERENCE_KEPT: Final = SIGNING_CERTIFICATE.kept()
_CONTENT_TYPE_KEPT: Final = CONTENT_TYPE.kept()
_MESSAGE_DIGEST_KEPT: Final = MESSAGE_DIGEST.kept()
_SIGNATURE_KEPT: Final = SIGNATURE.kept()
_ALGORITHM_KEPT: Final = ALGORITHM.kept()

# Of all signed attributes only this may stand there more than once (EN 319 122-1 §5.2.8).
_REPEATABLE: Final = frozenset({known.CONTENT_TIME_STAMP})


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

    `certificate` is None where the signer's was not found. `relied_on_until` is the last day of
    the weaker of its algorithms. `referenced`: a signed reference names the certificate.
    """

    findings: tuple[Finding, ...]
    certificate: Certificate | None
    algorithm: SignatureAlgorithm | None
    digest: DigestAlgorithm | None
    signed: dict[str, Attribute]
    referenced: bool
    tolerances: frozenset[Tolerance]


_GOST: Final = frozenset({KeyType.GOST_2015_512, KeyType.GOST_2015_256, KeyType.GOST_2004})
_NO_TOLERANCES: Final[frozenset[Tolerance]] = frozenset()


def examine(
    info: SignerInfo,
    demand: Demand,
    *,
    encoded: Iterable[bytes],
    others: Iterable[Certificate] = (),
) -> Examined:
    """Everything about `info` that needs neither trust nor time.

    `encoded` are the certificates that came along, looked into only where they are the
    signer's; `others` more in which to look for that one. Nothing in the bytes raises.
    """
    findings: list[Finding] = []
    signed: dict[str, Attribute] = {}
    certificate: Certificate | None = None
    digest: DigestAlgorithm | None = None
    row: SignatureAlgorithm | None = None
    referenced = False
    tolerances = _NO_TOLERANCES
    try:
        signed = _signed_attributes(info, demand, findings)
        reference = _references(signed)
        certificate = find_certificate(info, reference, encoded, others)
        referenced = _check_certificate(certificate, reference, demand, findings)
        _check_content_type(signed, demand, findings)
        digest = _check_digest(info, signed, demand, findings)
        if certificate is not None and digest is not None:
            row, tolerances = _check_signature(info, signed, certificate, digest, findings)
    except DecodeError as error:
        findings.append(
            FORM.broken(SubIndication.FORMAT_FAILURE, error=error.code, reason=str(error))
        )
    return Examined(tuple(findings), certificate, row, digest, signed, referenced, tolerances)


def unreadable(error: DecodeError) -> Finding:
    """The finding for bytes that are not what they must be."""
    return FORM.broken(SubIndication.FORMAT_FAILURE, error=error.code, reason=str(error))


def check_period(found: Examined, policy: ValidationPolicy, *, proven: datetime) -> Finding:
    """Whether the algorithms of a signature could be relied on at `proven`."""
    until: date | None = None
    names: tuple[str, ...] = ()
    if found.algorithm is not None and found.certificate is not None and found.digest is not None:
        days = (
            policy.algorithms.signature_until(found.algorithm, found.certificate.public_key),
            policy.algorithms.digest_until(found.digest),
        )
        until = min((day for day in days if day is not None), default=None)
        names = (found.algorithm.name, found.digest.name)
    return period_finding(until, proven, names)


@lru_cache(maxsize=256)
def _period_kept(until: date | None) -> Finding:
    if until is None:
        return ALGORITHM_PERIOD.kept()
    return ALGORITHM_PERIOD.kept(relied_on_until=until.isoformat())


def period_finding(until: date | None, proven: datetime, names: tuple[str, ...]) -> Finding:
    """The finding for algorithms that are relied on through the day `until`."""
    if is_relied_on(until, at=proven):
        return _period_kept(until)
    never = until == date.min
    sub = (
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE
        if never
        else SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    )
    said = "never" if until is None or never else until.isoformat()
    return ALGORITHM_PERIOD.broken(sub, algorithms=names, relied_on_until=said, proven_time=proven)


# --- attributes -----------------------------------------------------------------------------------


def _signed_attributes(
    info: SignerInfo, demand: Demand, findings: list[Finding]
) -> dict[str, Attribute]:
    """The signed attributes by their types. Those that must be single are."""
    found: dict[str, Attribute] = {}
    attributes = info.signed_attributes
    if not attributes:
        findings.append(SIGNED_ATTRIBUTES.broken(SubIndication.FORMAT_FAILURE, found=0))
        return found
    for one in attributes:
        if one.oid in found:
            if one.oid not in _REPEATABLE:
                findings.append(
                    SIGNED_ATTRIBUTES.broken(SubIndication.FORMAT_FAILURE, twice=one.oid)
                )
        else:
            found[one.oid] = one
    if known.MESSAGE_DIGEST not in found:
        findings.append(_missing(known.MESSAGE_DIGEST))
    # A counter-signature must not have it (RFC 5652 §11.4), a signature must.
    if (known.CONTENT_TYPE in found) is (demand.content_type is None):
        findings.append(_missing(known.CONTENT_TYPE))
    if known.SIGNING_TIME in found:
        _ = signing_time(found)
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


def _references(signed: dict[str, Attribute]) -> tuple[CertificateReference, ...]:
    """The signed references to the signer's certificate, of either version."""
    found = []
    for oid, version in ((known.SIGNING_CERTIFICATE_V2, 2), (known.SIGNING_CERTIFICATE, 1)):
        attribute = signed.get(oid)
        if attribute is not None:
            found.append(_read_reference(attribute.value().encoded, version))
    return tuple(found)


@lru_cache(maxsize=512)
def _read_reference(encoded: bytes, version: int) -> CertificateReference:
    return known.read_signing_certificate(der.decode(encoded), version=version)


# --- the signer -----------------------------------------------------------------------------------


def find_certificate(
    info: SignerInfo,
    references: tuple[CertificateReference, ...],
    encoded: Iterable[bytes],
    others: Iterable[Certificate],
) -> Certificate | None:
    """The certificate that `info` names; of several, the one whose hash was signed."""
    named: Certificate | None = None
    for certificate in _candidates(references, encoded, others):
        if _is_named(info, certificate):
            if all(_is_referenced(certificate, one) for one in references):
                return certificate
            named = named or certificate
    return named


def _candidates(
    references: tuple[CertificateReference, ...],
    encoded: Iterable[bytes],
    others: Iterable[Certificate],
) -> Iterator[Certificate]:
    rest: list[bytes] = []
    for one in encoded:
        if one[:1] != b"\x30":
            continue
        # The hash was signed: whatever else came along need not even be read.
        if references and not _is_hash_of(one, references[0]):
            rest.append(one)
            continue
        yield from _read_certificate(one)
    yield from others
    for one in rest:
        yield from _read_certificate(one)


@lru_cache(maxsize=512)
def _read_certificate(encoded: bytes) -> tuple[Certificate, ...]:
    try:
        return (Certificate(encoded),)
    except DecodeError:
        return ()


def _is_named(info: SignerInfo, certificate: Certificate) -> bool:
    """Whether the SignerIdentifier names it."""
    try:
        identifier = info.subject_key_identifier
        if identifier is not None:
            return certificate.subject_key_identifier == identifier
        serial = der.value(der.INTEGER, certificate.serial_number_octets)
        if info.sid.octets == certificate.issuer.encoded + serial:
            return True
        named = info.issuer_and_serial_number
        return (
            named is not None
            and named[1] == certificate.serial_number
            and named[0].matches(certificate.issuer)
        )
    except DecodeError:
        return False


def _is_hash_of(encoded: bytes, reference: CertificateReference) -> bool:
    try:
        digest = digest_by_oid(reference.digest_oid)
        if digest.name == "sha256":
            return hashlib.sha256(encoded).digest() == reference.hash
        return digest.digest(encoded) == reference.hash
    except AlgorithmError:
        return False


def _is_referenced(certificate: Certificate, reference: CertificateReference) -> bool:
    try:
        return _is_hash_of(certificate.encoded, reference) and reference.names(certificate)
    except DecodeError:
        return False


def _check_certificate(
    certificate: Certificate | None,
    references: tuple[CertificateReference, ...],
    demand: Demand,
    findings: list[Finding],
) -> bool:
    """Whether a signed reference names the certificate."""
    if certificate is None:
        findings.append(SIGNER_CERTIFICATE.broken(SubIndication.NO_SIGNING_CERTIFICATE_FOUND))
        return False
    findings.append(_SIGNER_KEPT)
    if not references:
        if demand.require_signing_certificate:
            findings.append(
                SIGNING_CERTIFICATE.broken(SubIndication.SIG_CONSTRAINTS_FAILURE, found=0)
            )
        return False
    for one in references:
        if not _is_hash_of(certificate.encoded, one):
            findings.append(
                SIGNING_CERTIFICATE.broken(
                    SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
                    digest=one.digest_oid,
                    signed=one.hash,
                )
            )
            return False
        if not _is_referenced(certificate, one):
            # The hash decides; issuer and serial number are hints (EN 319 102-1 §5.2.3.4).
            findings.append(SIGNING_CERTIFICATE.noted(serial_number="another"))
            return True
    findings.append(_REFERENCE_KEPT)
    return True


# --- content and signature ------------------------------------------------------------------------


def _check_content_type(
    signed: dict[str, Attribute], demand: Demand, findings: list[Finding]
) -> None:
    attribute = signed.get(known.CONTENT_TYPE)
    if attribute is None:
        return
    said = attribute.value().object_identifier()
    if said == demand.content_type:
        findings.append(_CONTENT_TYPE_KEPT)
        return
    findings.append(
        CONTENT_TYPE.broken(
            SubIndication.FORMAT_FAILURE, signed=said, found=demand.content_type or "none"
        )
    )


@lru_cache(maxsize=256)
def read_digest_algorithm(identifier: bytes) -> DigestAlgorithm:
    """The digest of an encoded AlgorithmIdentifier. Raises DecodeError, UnknownAlgorithm."""
    return digest_by_oid(known.digest_oid(identifier))


def _check_digest(
    info: SignerInfo, signed: dict[str, Attribute], demand: Demand, findings: list[Finding]
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
        content = demand.content.digest(digest)
    except AlgorithmError as error:
        findings.append(
            ALGORITHM.broken(SubIndication.CRYPTO_CONSTRAINTS_FAILURE, error=str(error))
        )
        return None
    if content is None:
        findings.append(CONTENT.broken(SubIndication.SIGNED_DATA_NOT_FOUND))
        return digest
    attribute = signed.get(known.MESSAGE_DIGEST)
    if attribute is None:
        return digest
    said = attribute.value().expect(der.OCTET_STRING).octets
    if said == content:
        findings.append(_MESSAGE_DIGEST_KEPT)
    else:
        findings.append(
            MESSAGE_DIGEST.broken(
                SubIndication.HASH_FAILURE, algorithm=digest.name, signed=said, found=content
            )
        )
    return digest


def _check_signature(
    info: SignerInfo,
    signed: dict[str, Attribute],
    certificate: Certificate,
    digest: DigestAlgorithm,
    findings: list[Finding],
) -> tuple[SignatureAlgorithm | None, frozenset[Tolerance]]:
    if not signed:
        return None, _NO_TOLERANCES
    message, order = _message(info)
    row: SignatureAlgorithm | None = None
    tolerances = order
    try:
        key = certificate.public_key
        row, used = signature_row(info.signature_algorithm, digest, key.key_type, key.curve)
        tolerances |= used
        right = key.verify(info.signature, message, algorithm=row)
    except AlgorithmError as error:
        findings.append(
            ALGORITHM.broken(SubIndication.CRYPTO_CONSTRAINTS_FAILURE, error=str(error))
        )
        return row, tolerances
    agree = row.digest or (row.cms_digest if row.key_type is KeyType.ED25519 else None)
    if agree is not None and agree is not digest:
        findings.append(
            ALGORITHM.broken(
                SubIndication.SIG_CRYPTO_FAILURE, signature=row.name, content=digest.name
            )
        )
    else:
        findings.append(_ALGORITHM_KEPT)
    if right:
        findings.append(_SIGNATURE_KEPT)
    else:
        findings.append(SIGNATURE.broken(SubIndication.SIG_CRYPTO_FAILURE, algorithm=row.name))
    return row, tolerances


def _message(info: SignerInfo) -> tuple[bytes, frozenset[Tolerance]]:
    """What the signature value is over: the DER of the signed attributes (RFC 5652 §5.4)."""
    elder = b""
    attributes = [one.encoded for one in info.signed_attributes or ()]
    for younger in attributes:
        if younger < elder:
            return der.set_of(*attributes), frozenset({UNSORTED_SIGNED_ATTRIBUTES})
        elder = younger
    return info.signed_attributes_encoded or b"", _NO_TOLERANCES


@lru_cache(maxsize=256)
def signature_row(
    identifier: bytes, digest: DigestAlgorithm, key_type: KeyType, curve: Curve | None
) -> tuple[SignatureAlgorithm, frozenset[Tolerance]]:
    """The algorithm of a signature: what stands beside it, for a key of that kind.

    RSA in CMS is often named by its key alone, the digest standing elsewhere (RFC 3370 §3.2);
    for other keys that is a departure, and named. Raises UnknownAlgorithm, AlgorithmKeyMismatch,
    MalformedDer.
    """
    element = der.decode(identifier)
    oid = element.fields().object_identifier()
    of_key = KEY_TYPES.get(oid)
    if oid == RSA_ENCRYPTION:
        fields = element.fields()
        fields.object_identifier()
        used = frozenset({MISSING_NULL}) if fields.next_tag is None else _NO_TOLERANCES
        if fields.next_tag is not None:
            fields.take(der.NULL).null()
        fields.finish()
        for row in SIGNATURE_ALGORITHMS:
            if (row.key_type, row.padding, row.digest) == (KeyType.RSA, Padding.PKCS1V15, digest):
                if key_type is not KeyType.RSA:
                    break
                return row, used
        raise UnknownAlgorithm(identifier=f"{oid} with {digest.name}")
    if of_key in _GOST:
        for row in SIGNATURE_ALGORITHMS:
            if (row.key_type, row.curve, row.digest) == (key_type, curve, digest) and (
                key_type is of_key
            ):
                return row, frozenset({KEY_OID_AS_SIGNATURE_ALGORITHM})
        raise UnknownAlgorithm(identifier=f"{oid} with {digest.name}")
    row = identify(element, key_type=key_type, curve=curve)
    lacks = row.parameters and not identifier.endswith(row.parameters)
    return row, frozenset({MISSING_NULL}) if lacks else _NO_TOLERANCES
