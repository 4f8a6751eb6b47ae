"""The signer's certificate: the one that a SignerInfo names and whose hash was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from .. import der
from ..algorithms import digest_by_oid
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError
from ..signeddata import Attribute, SignerInfo
from . import attributes as known
from .attributes import CertificateReference

ReadCertificate = Callable[[bytes], Certificate | None]
"""Reads a certificate, or looks it up; None where the octets are none."""


def references_in(signed: Mapping[str, Attribute]) -> tuple[CertificateReference, ...]:
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


def find_certificate(
    info: SignerInfo,
    references: tuple[CertificateReference, ...],
    encoded: Iterable[bytes],
    others: Iterable[Certificate],
    read: ReadCertificate,
) -> Certificate | None:
    """The certificate that `info` names; of several, the one whose hash was signed."""
    named: Certificate | None = None
    for certificate in _candidates(references, encoded, others, read):
        if _is_named(info, certificate):
            if all(is_referenced(certificate, one) for one in references):
                return certificate
            named = named or certificate
    return named


def _candidates(
    references: tuple[CertificateReference, ...],
    encoded: Iterable[bytes],
    others: Iterable[Certificate],
    read: ReadCertificate,
) -> Iterator[Certificate]:
    rest: list[bytes] = []
    for one in encoded:
        if one[:1] != b"\x30":
            continue
        # The hash was signed: whatever else came along need not even be read.
        if references and not is_hash_of(one, references[0]):
            rest.append(one)
            continue
        found = read(one)
        if found is not None:
            yield found
    yield from others
    for one in rest:
        found = read(one)
        if found is not None:
            yield found


def is_named_verbatim(info: SignerInfo, certificate: Certificate) -> bool:
    """Whether the SignerIdentifier repeats what stands in the certificate, octet for octet."""
    if info.subject_key_identifier is not None:
        return True
    serial = der.value(der.INTEGER, certificate.serial_number_octets)
    return info.sid.octets == certificate.issuer.encoded + serial


def _is_named(info: SignerInfo, certificate: Certificate) -> bool:
    """Whether the SignerIdentifier names it."""
    try:
        identifier = info.subject_key_identifier
        if identifier is not None:
            return certificate.subject_key_identifier == identifier
        if is_named_verbatim(info, certificate):
            return True
        named = info.issuer_and_serial_number
        return (
            named is not None
            and named[1] == certificate.serial_number
            and named[0].matches(certificate.issuer)
        )
    except DecodeError:
        return False


def is_hash_of(encoded: bytes, reference: CertificateReference) -> bool:
    """Whether the reference has the hash of these octets."""
    try:
        digest = digest_by_oid(reference.digest_oid)
        if digest.name == "sha256":
            return hashlib.sha256(encoded).digest() == reference.hash
        return digest.digest(encoded) == reference.hash
    except AlgorithmError:
        return False


def is_referenced(certificate: Certificate, reference: CertificateReference) -> bool:
    """Whether hash, issuer and serial number of the reference are those of `certificate`."""
    try:
        return is_hash_of(certificate.encoded, reference) and reference.names(certificate)
    except DecodeError:
        return False
