"""PDF signatures of the forms that ISO 32000-2 has deprecated, made here by hand."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from eds import der
from tests.sign.house import NOON, page
from tests.verify import cms_house
from tests.verify.pdf_house import name, rsa_signer

_SHA1 = der.sequence(der.object_identifier("1.3.14.3.2.26"), der.null())
_RSA = der.sequence(der.object_identifier("1.2.840.113549.1.1.1"), der.null())


def _made(
    subfilter: str, value: Callable[[bytes], bytes], certificate: bytes | None = None
) -> bytes:
    """A document whose signature is what `value` makes of the octets that are signed."""
    writer = IncrementalPdfFileWriter(io.BytesIO(page()))
    holder = SignatureObject(timestamp=NOON, bytes_reserved=8192)
    holder[name("SubFilter")] = name(subfilter)
    if certificate is not None:
        holder[name("Cert")] = generic.ByteStringObject(certificate)
    steps = PdfCMSEmbedder(new_field_spec=SigFieldSpec("Old")).write_cms("Old", writer)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=holder))
    digest, output = steps.send(SigIOSetup(md_algorithm="sha1", output=io.BytesIO()))
    data = output.getvalue()
    start, end = digest.reserved_region_start, digest.reserved_region_end
    digest.fill_with_cms(output, value(data[:start] + data[end:]))
    made: bytes = output.getvalue()
    return made


def _rsa(message: bytes) -> bytes:
    made: bytes = rsa_signer().native.sign(message, padding.PKCS1v15(), hashes.SHA1())
    return made


def bare_value() -> bytes:
    """adbe.x509.rsa_sha1."""
    return _made(
        "adbe.x509.rsa_sha1",
        lambda octets: der.octet_string(_rsa(octets)),
        rsa_signer().certificate.encoded,
    )


def _unattributed(message: bytes, content: bytes | None) -> bytes:
    certificate = rsa_signer().certificate
    serial = der.value(der.INTEGER, certificate.serial_number_octets)
    info = der.sequence(
        der.integer(1),
        der.sequence(certificate.issuer.encoded, serial),
        _SHA1,
        _RSA,
        der.octet_string(_rsa(message)),
    )
    return cms_house.message(
        info, content=content, certificates=[certificate.encoded], digests=("sha1",)
    )


def sha1_inside() -> bytes:
    """adbe.pkcs7.sha1: the digest of the document is the content."""

    def value(octets: bytes) -> bytes:
        digest = hashlib.sha1(octets).digest()
        return _unattributed(digest, digest)

    return _made("adbe.pkcs7.sha1", value)


def without_attributes() -> bytes:
    """adbe.pkcs7.detached, the value over the document itself."""
    return _made("adbe.pkcs7.detached", lambda octets: _unattributed(octets, None))
