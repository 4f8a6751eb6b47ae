"""One signature of a SignedData over its own content: mathematics and attributes, no trust.

The validator (`eds.verify`) judges documents by EN 319 102-1. Security objects and master lists
have another profile (Doc 9303-10 §4.6.2, -12 §9): no signing-certificate attribute, keys on
curves that are spelt out, and trust that comes from country signing certificates.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final

from ... import der
from ...algorithms import DigestAlgorithm, digest_by_oid
from ...certificates import Certificate
from ...errors import DecodeError, EvidenceUnverified
from ...signeddata import SignedData, SignerInfo
from .chipsignatures import Identified, identify_signature
from .explicitcurves import with_named_curve

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"


def digest_of(signer_info: SignerInfo) -> DigestAlgorithm:
    """The digest over the content. Raises UnknownAlgorithm, MalformedDer."""
    fields = der.decode(signer_info.digest_algorithm).fields()
    found = digest_by_oid(fields.object_identifier())
    if fields.next_tag is not None:
        fields.take(der.NULL).null()
    fields.finish()
    return found


def attribute(signer_info: SignerInfo, oid: str) -> der.Element | None:
    """The one value of a signed attribute; None where absent. Raises MalformedDer if repeated."""
    found = [one for one in signer_info.signed_attributes or () if one.oid == oid]
    if len(found) > 1:
        raise EvidenceUnverified(reason="a signed attribute stands twice")
    return found[0].value() if found else None


def signing_time(signer_info: SignerInfo) -> datetime | None:
    """When the signer says it signed; nothing but its word. Raises DecodeError."""
    found = attribute(signer_info, SIGNING_TIME)
    return None if found is None else found.time()


def names(signer_info: SignerInfo, certificate: Certificate) -> bool:
    """Whether the signer info names this certificate. Raises DecodeError."""
    pair = signer_info.issuer_and_serial_number
    if pair is not None:
        issuer, serial_number = pair
        return serial_number == certificate.serial_number and issuer.matches(certificate.issuer)
    wanted = signer_info.subject_key_identifier
    return wanted is not None and wanted == certificate.subject_key_identifier


def require_digest(signed_data: SignedData, signer_info: SignerInfo) -> DigestAlgorithm:
    """Content type and digest of the content stand in the signed attributes, once each.

    Raises EvidenceUnverified, UnknownAlgorithm, DecodeError.
    """
    digest = digest_of(signer_info)
    content_type = attribute(signer_info, CONTENT_TYPE)
    message_digest = attribute(signer_info, MESSAGE_DIGEST)
    if content_type is None or message_digest is None:
        raise EvidenceUnverified(reason="content type and message digest are not both signed")
    if content_type.object_identifier() != signed_data.content_type:
        raise EvidenceUnverified(reason="another content type was signed")
    content = signed_data.content
    if content is None or not hmac.compare_digest(
        digest.digest(content), message_digest.expect(der.OCTET_STRING).octets
    ):
        raise EvidenceUnverified(reason="another content was signed")
    return digest


def require_signature(signer_info: SignerInfo, certificate: Certificate) -> Identified:
    """The signature over the signed attributes is that of the certificate's key.

    Raises EvidenceUnverified, AlgorithmError, DecodeError.
    """
    signed = signer_info.signed_attributes_encoded
    if signed is None:
        raise EvidenceUnverified(reason="nothing is signed but the content")
    key = with_named_curve(certificate.public_key)
    found = identify_signature(signer_info.signature_algorithm, key, digest=digest_of(signer_info))
    if found.algorithm.digest not in (None, digest_of(signer_info)):
        raise EvidenceUnverified(reason="content and signature are hashed differently")
    if not key.verify(signer_info.signature, signed, algorithm=found.algorithm):
        raise EvidenceUnverified(reason="the signature does not fit")
    return found


def require_signed(
    signed_data: SignedData, signer_info: SignerInfo, *, certificate: Certificate
) -> Identified:
    """All of it, for a signer who is given. Raises as the parts do."""
    try:
        if not names(signer_info, certificate):
            raise EvidenceUnverified(reason="it names another signer")
        require_digest(signed_data, signer_info)
        return require_signature(signer_info, certificate)
    except DecodeError as error:
        raise EvidenceUnverified(reason=str(error)) from error
