"""Attributes of CAdES signatures and what stands in them (RFC 5652, RFC 5035, EN 319 122-1).

Readers only: each takes the one value of an attribute and raises DecodeError where that is not
of its ASN.1 type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from .. import der
from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import DecodeError
from ..extensions import SERIAL_LIMITS, read_general_names
from ..names import Name
from ..ocsp import OcspResponse
from ..signeddata import Attribute, SignedData, SignerInfo, read_ocsp_choice
from .evidence import NO_EVIDENCE, Evidence

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
COUNTER_SIGNATURE: Final = "1.2.840.113549.1.9.6"
ALGORITHM_PROTECTION: Final = "1.2.840.113549.1.9.52"  # RFC 6211
_SMIME: Final = "1.2.840.113549.1.9.16.2."
SIGNING_CERTIFICATE: Final = _SMIME + "12"
SIGNATURE_TIME_STAMP: Final = _SMIME + "14"
SIGNATURE_POLICY: Final = _SMIME + "15"
CONTENT_TIME_STAMP: Final = _SMIME + "20"
CERTIFICATE_VALUES: Final = _SMIME + "23"
REVOCATION_VALUES: Final = _SMIME + "24"
REFERENCES_TIME_STAMP: Final = _SMIME + "25"
CERTIFICATES_TIME_STAMP: Final = _SMIME + "26"
ARCHIVE_TIME_STAMP_V1: Final = _SMIME + "27"
SIGNING_CERTIFICATE_V2: Final = _SMIME + "47"
ARCHIVE_TIME_STAMP_V2: Final = _SMIME + "48"
EVIDENCE_RECORD: Final = _SMIME + "49"
EXTERNAL_EVIDENCE_RECORD: Final = _SMIME + "50"
LONG_TERM_VALIDATION: Final = "0.4.0.1733.2.2"
ARCHIVE_TIME_STAMP_V3: Final = "0.4.0.1733.2.4"
HASH_INDEX: Final = "0.4.0.1733.2.5"
HASH_INDEX_V2: Final = "0.4.0.19122.1.4"
HASH_INDEX_V3: Final = "0.4.0.19122.1.5"

NOT_JUDGED: Final = MappingProxyType(
    {
        REFERENCES_TIME_STAMP: "CAdES-C-time-stamp",
        CERTIFICATES_TIME_STAMP: "time-stamped-certs-crls-references",
        ARCHIVE_TIME_STAMP_V1: "archive-time-stamp (1)",
        ARCHIVE_TIME_STAMP_V2: "archive-time-stamp (2)",
        LONG_TERM_VALIDATION: "long-term-validation",
        EVIDENCE_RECORD: "evidence-record",
        EXTERNAL_EVIDENCE_RECORD: "external-evidence-record",
    }
)
"""Proofs of existence of older or other forms: recognised, reported, and never relied on."""

R = TypeVar("R")

_SHA1: Final = "1.3.14.3.2.26"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_LIMITS: Final = der.Limits(elements=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReference:
    """An ESSCertID or ESSCertIDv2 (RFC 5035 §4, §5.4.1.1).

    `issuers` and `serial_number` are None where the reference is the hash alone.
    """

    digest_oid: str
    hash: bytes
    issuers: tuple[Name, ...] | None = None
    serial_number: int | None = None

    def names(self, certificate: Certificate) -> bool:
        """Whether issuer and serial number, where given, are those of `certificate`."""
        if self.issuers is None:
            return True
        return self.serial_number == certificate.serial_number and any(
            issuer.matches(certificate.issuer) for issuer in self.issuers
        )


def digest_oid(identifier: bytes) -> str:
    """The OID of a digest AlgorithmIdentifier whose parameters are NULL or absent.

    Raises MalformedDer.
    """
    fields = der.decode(identifier).fields()
    oid = fields.object_identifier()
    if fields.next_tag is not None:
        fields.take(der.NULL).null()
    fields.finish()
    return oid


def read_signing_certificate(value: der.Element, *, version: int) -> CertificateReference:
    """The first reference of a signing-certificate attribute (1) or its version 2.

    The first is the signer's (RFC 5035 §5.4); others name issuers, and paths are proven anyway.
    """
    fields = value.fields()
    references = fields.take(der.SEQUENCE).children(limits=_LIMITS)
    fields.optional(der.SEQUENCE)  # policies
    fields.finish()
    if not references:
        value.fail("no reference to a certificate")
    read = [_read_reference(one, version) for one in references]
    return read[0]


def _read_reference(element: der.Element, version: int) -> CertificateReference:
    fields = element.fields()
    oid = _SHA1
    if version == 2:
        identifier = fields.optional(der.SEQUENCE)
        oid = _SHA256 if identifier is None else digest_oid(identifier.encoded)
    octets = fields.octets(der.OCTET_STRING)
    found = fields.optional(der.SEQUENCE)
    fields.finish()
    if found is None:
        return CertificateReference(digest_oid=oid, hash=octets)
    inner = found.fields()
    names = read_general_names(inner.take(der.SEQUENCE))
    serial_number = inner.take(der.INTEGER).integer(limits=SERIAL_LIMITS)
    inner.finish()
    return CertificateReference(
        digest_oid=oid,
        hash=octets,
        issuers=tuple(one.directory_name for one in names if one.directory_name is not None),
        serial_number=serial_number,
    )


def read_algorithm_protection(value: der.Element) -> tuple[bytes, bytes | None]:
    """The encoded digest and signature AlgorithmIdentifiers of a CMSAlgorithmProtection.

    The latter tagged SEQUENCE again; None where absent (a MAC).
    """
    fields = value.fields()
    digest = fields.encoded(der.SEQUENCE)
    found = fields.optional(der.context(1))
    fields.optional(der.context(2))
    fields.finish()
    return digest, None if found is None else b"\x30" + found.encoded[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class HashIndex:
    """An ATSHashIndex (EN 319 122-1 §5.5.2): digests of what an archive time-stamp covers.

    `version` is 1 to 3; `whole_attributes` says that attributes count as a whole (version 1),
    not each of their values.
    """

    version: int
    encoded: bytes
    digest_oid: str
    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    unsigned_attributes: tuple[bytes, ...]

    @property
    def whole_attributes(self) -> bool:
        """Whether unsigned attributes are hashed as a whole."""
        return self.version == 1


def read_hash_index(value: der.Element, *, version: int) -> HashIndex:
    """What an ats-hash-index attribute of that version says."""
    parts = list(value.children(limits=der.Limits(elements=4)))
    oid = _SHA256
    # The algorithm begins with an OID, a list of digests with an OCTET STRING or nothing.
    if len(parts) == 4:
        oid = digest_oid(parts.pop(0).encoded)
    elif version == 3:
        value.fail("no digest algorithm")
    if value.tag != der.SEQUENCE or len(parts) != 3:
        value.fail("not an ATSHashIndex")
    certificates, lists, unsigned = (
        tuple(
            one.expect(der.OCTET_STRING).octets
            for one in part.expect(der.SEQUENCE).children(limits=_LIMITS)
        )
        for part in parts
    )
    return HashIndex(
        version=version,
        encoded=value.encoded,
        digest_oid=oid,
        certificates=certificates,
        lists=lists,
        unsigned_attributes=unsigned,
    )


def read_certificate_values(value: der.Element) -> Evidence:
    """The certificates of a certificate-values attribute; unreadable ones are passed over."""
    return Evidence(certificates=tuple(_each(value, lambda one: Certificate(one.encoded))))


def read_revocation_values(value: der.Element) -> Evidence:
    """Lists and OCSP responses of a revocation-values attribute (EN 319 122-1 §A.1.2.4).

    What cannot be read is passed over: it proves nothing.
    """
    lists: list[CertificateList] = []
    responses: list[OcspResponse] = []
    fields = value.fields()
    if (part := fields.optional(der.context(0))) is not None:
        lists += _each(part.only_child(), lambda one: CertificateList(one.encoded))
    if (part := fields.optional(der.context(1))) is not None:
        responses += _each(part.only_child(), lambda one: OcspResponse.of_basic(one.encoded))
    return Evidence(lists=tuple(lists), ocsp_responses=tuple(responses))


def evidence_of(signed_data: SignedData) -> Evidence:
    """What a SignedData brought: its certificates and status, and those in unsigned attributes.

    What cannot be read is passed over: it proves nothing.
    """
    lists: list[CertificateList] = []
    responses: list[OcspResponse] = []
    for one in _pieces(signed_data, "revocation_encoded"):
        with suppress(DecodeError):
            if one[:1] == b"\x30":
                lists.append(CertificateList(one))
            elif (response := read_ocsp_choice(one)) is not None:
                responses.append(response)
    certificates: list[Certificate] = []
    for one in _pieces(signed_data, "certificates_encoded"):
        if one[:1] == b"\x30":
            with suppress(DecodeError):
                certificates.append(Certificate(one))
    found = Evidence(
        certificates=tuple(certificates), lists=tuple(lists), ocsp_responses=tuple(responses)
    )
    with suppress(DecodeError):
        for info in signed_data.signer_infos:
            found += evidence_in(info)
    return found


def evidence_in(info: SignerInfo) -> Evidence:
    """Certificates and status in the unsigned attributes of a signer, time-stamps included."""
    found = NO_EVIDENCE
    with suppress(DecodeError):
        for attribute in info.unsigned_attributes:
            found += evidence_in_attribute(attribute)
    return found


def evidence_in_attribute(attribute: Attribute) -> Evidence:
    """The same of one unsigned attribute; nothing where it is of another type."""
    read = _EVIDENCE_IN.get(attribute.oid)
    found = NO_EVIDENCE
    if read is not None:
        with suppress(DecodeError):
            for value in attribute.values:
                with suppress(DecodeError):
                    found += read(value)
    return found


def _evidence_in_token(value: der.Element) -> Evidence:
    return evidence_of(SignedData(value.encoded))


_EVIDENCE_IN: Final[Mapping[str, Callable[[der.Element], Evidence]]] = MappingProxyType(
    {
        CERTIFICATE_VALUES: read_certificate_values,
        REVOCATION_VALUES: read_revocation_values,
        SIGNATURE_TIME_STAMP: _evidence_in_token,
        ARCHIVE_TIME_STAMP_V3: _evidence_in_token,
    }
)


def _pieces(signed_data: SignedData, name: str) -> tuple[bytes, ...]:
    try:
        found: tuple[bytes, ...] = getattr(signed_data, name)
    except DecodeError:
        return ()
    return found


def _each(whole: der.Element, read: Callable[[der.Element], R]) -> Iterator[R]:
    for one in whole.children(limits=_LIMITS):
        try:
            yield read(one)
        except DecodeError:
            continue
