"""CMS signatures at level CAdES B-B: attached, detached, by several signers, over signatures.

What does not depend on the document is encoded once for each key (`CmsSigner`). The bytes of
every signer who was there before stay as they were. There is no way to sign bytes of the
caller's choice: what goes to the key is always a SET of signed attributes that names its
content type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import BinaryIO, Final

from .. import der
from ..algorithms import DigestAlgorithm
from ..certificates import Certificate
from ..errors import (
    CertificateMismatch,
    ContentMismatch,
    InvalidArgument,
    KeyPurposeForbidden,
    NaiveDatetime,
    SignerCertificateRefused,
)
from ..extensions import KeyUsage
from ..keys.contract import KeyPurpose, Signer
from ..signeddata import DATA, SIGNED_DATA, SignedData, SignerInfo
from ..verify import attributes as known
from . import attributes
from .attributes import Statement

_BLOCK: Final = 1 << 20
_FOR_DOCUMENTS: Final = frozenset({KeyUsage.NON_REPUDIATION, KeyUsage.DIGITAL_SIGNATURE})


class CmsSigner:
    """One key and its certificate, ready to sign documents, or statements that prove who is there.

    With `purpose` AUTHENTICATION it signs nothing that could be taken for a document: every
    content has a type of its own (`content_type=`), and plain data is refused.

    `certificates` begins with the signer's own; others (its issuers) go into each signature
    beside it. `at` is the time of signing for the checks that need one: a certificate that is
    out of its validity period or not for documents is refused here, before any PIN is used for
    it. Whether it is revoked is asked elsewhere (`eds.sign.admission`). Where a signature is asked
    for without a statement, `claim` is made: the signing time `at`, which the baseline levels of
    CAdES want (EN 319 122-1 §6.3).

    Raises CertificateMismatch, KeyPurposeForbidden, SignerCertificateRefused, NaiveDatetime.
    """

    def __init__(
        self,
        signer: Signer,
        *,
        certificates: Sequence[Certificate],
        at: datetime,
        purpose: KeyPurpose = KeyPurpose.SIGNATURE,
    ) -> None:
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        if purpose not in (KeyPurpose.SIGNATURE, KeyPurpose.AUTHENTICATION):
            raise InvalidArgument(argument="purpose", reason="signature or authentication")
        if not certificates or certificates[0].public_key != signer.public_key:
            raise CertificateMismatch(key=signer.key.label)
        signer.key.require(purpose)
        certificate = certificates[0]
        require_for_documents(certificate, at=at)
        algorithm = signer.algorithm
        self.signer: Final = signer
        self.purpose: Final = purpose
        self.claim: Final = Statement(signing_time=at)
        self.certificate: Final = certificate
        self.certificates: Final = tuple(dict.fromkeys(certificates))
        self.digest_algorithm: Final[DigestAlgorithm] = algorithm.cms_digest
        self._sid: Final = der.sequence(
            certificate.issuer.encoded,
            der.value(der.INTEGER, certificate.serial_number_octets),
        )
        self._head: Final = der.integer(1) + self._sid + self.digest_algorithm.identifier
        self._algorithm: Final = algorithm.identifier
        self._fixed: Final = (
            attributes.signing_certificate(certificate, digest=self.digest_algorithm),
            attributes.algorithm_protection(algorithm),
        )

    def digest(self, content: bytes | BinaryIO) -> bytes:
        """The digest of the content that `sign_digest` wants; streams are read in pieces."""
        if isinstance(content, bytes):
            return self.digest_algorithm.digest(content)
        found = self.digest_algorithm.new()
        while piece := content.read(_BLOCK):
            found.update(piece)
        return found.digest()

    def signer_info(
        self, digest: bytes, *, content_type: str | None, statement: Statement | None = None
    ) -> bytes:
        """One SignerInfo over a content with that digest (RFC 5652 §5.3).

        `content_type` is None in a counter-signature alone, which names none (§11.4).
        Raises InvalidArgument for a digest of another length, KeyPurposeForbidden for plain data
        and counter-signatures by a key for authentication, and what the key raises.
        """
        if self.purpose is KeyPurpose.AUTHENTICATION and content_type in (None, DATA):
            raise KeyPurposeForbidden(
                key=self.signer.key.label, allowed=self.purpose.words, wanted="documents"
            )
        if len(digest) != self.digest_algorithm.size:
            raise InvalidArgument(argument="digest", reason="not of the length of its algorithm")
        named = () if content_type is None else (attributes.content_type(content_type),)
        signed = der.set_of(
            *named,
            *(self.claim if statement is None else statement).attributes(),
            attributes.message_digest(digest),
            *self._fixed,
        )
        return der.sequence(
            self._head,
            der.implicit(0, signed),
            self._algorithm,
            der.octet_string(self.signer.sign(signed)),
        )


def require_for_documents(certificate: Certificate, *, at: datetime) -> None:
    """Whether its fields let a certificate sign documents at `at`; trust is not judged.

    Raises SignerCertificateRefused, MalformedCertificate.
    """
    usage = certificate.key_usage
    if usage is not None and not usage & _FOR_DOCUMENTS:
        raise SignerCertificateRefused(reason="its key usage is not for signatures")
    constraints = certificate.basic_constraints
    if constraints is not None and constraints.ca:
        raise SignerCertificateRefused(reason="it is an authority's")
    if not certificate.in_validity_period(at=at):
        early = at < certificate.not_before
        raise SignerCertificateRefused(reason="it is not valid yet" if early else "it has expired")


# --- one signer -----------------------------------------------------------------------------------


def sign_digest(
    digest: bytes, *, by: CmsSigner, statement: Statement | None = None, content_type: str = DATA
) -> bytes:
    """A detached signature over a content whose digest is known (`by.digest`). ContentInfo, DER."""
    info = by.signer_info(digest, content_type=content_type, statement=statement)
    encapsulated = der.sequence(der.object_identifier(content_type))
    return _new_signed_data(encapsulated, by=by, info=info, content_type=content_type)


def sign_detached(
    content: bytes | BinaryIO,
    *,
    by: CmsSigner,
    statement: Statement | None = None,
    content_type: str = DATA,
) -> bytes:
    """A detached signature over `content`, which may be a stream of any size. ContentInfo, DER."""
    return sign_digest(by.digest(content), by=by, statement=statement, content_type=content_type)


def sign_attached(
    content: bytes,
    *,
    by: CmsSigner,
    statement: Statement | None = None,
    content_type: str = DATA,
) -> bytes:
    """A signature that carries `content`. ContentInfo, DER."""
    info = by.signer_info(by.digest(content), content_type=content_type, statement=statement)
    encapsulated = der.sequence(
        der.object_identifier(content_type), der.explicit(0, der.octet_string(content))
    )
    return _new_signed_data(encapsulated, by=by, info=info, content_type=content_type)


def write_attached(
    source: BinaryIO,
    sink: BinaryIO,
    *,
    by: CmsSigner,
    statement: Statement | None = None,
    content_type: str = DATA,
) -> None:
    """Write to `sink` what `sign_attached` returns, for a `source` of any size that can seek.

    The source is read twice in pieces: for its digest, and to be copied. Raises ContentMismatch
    where it changed between.
    """
    start = source.tell()
    found = by.digest_algorithm.new()
    size = 0
    while piece := source.read(_BLOCK):
        found.update(piece)
        size += len(piece)
    digest = found.digest()
    info = by.signer_info(digest, content_type=content_type, statement=statement)
    # Everything is written around an empty content, and the lengths then grown by the real one.
    oid = der.object_identifier(content_type)
    octets = der.head(der.OCTET_STRING, size)
    wrapped = der.head(der.context(0), len(octets) + size) + octets
    encapsulated = der.head(der.SEQUENCE, len(oid) + len(wrapped) + size) + oid + wrapped
    before = _version(content_type) + der.set_of(by.digest_algorithm.identifier) + encapsulated
    after = _certificates(one.encoded for one in by.certificates) + der.set_of(info)
    inner = der.head(der.SEQUENCE, len(before) + size + len(after))
    outer_content = der.object_identifier(SIGNED_DATA)
    explicit = der.head(der.context(0), len(inner) + len(before) + size + len(after))
    length = len(outer_content) + len(explicit) + len(inner) + len(before) + size + len(after)
    sink.write(der.head(der.SEQUENCE, length) + outer_content + explicit + inner + before)
    source.seek(start)
    again = by.digest_algorithm.new()
    while piece := source.read(_BLOCK):
        again.update(piece)
        sink.write(piece)
    if again.digest() != digest:
        raise ContentMismatch(reason="the content changed while it was signed")
    sink.write(after)


def _new_signed_data(
    encapsulated: bytes, *, by: CmsSigner, info: bytes, content_type: str
) -> bytes:
    return _content_info(
        _version(content_type),
        der.set_of(by.digest_algorithm.identifier),
        encapsulated,
        _certificates(one.encoded for one in by.certificates),
        der.set_of(info),
    )


# --- several signers ------------------------------------------------------------------------------


def cosign(
    signed: SignedData,
    *,
    by: CmsSigner,
    content: bytes | BinaryIO | None = None,
    statement: Statement | None = None,
) -> bytes:
    """One more signature over the same content, beside those that stand there (RFC 5652 §5.1).

    `content` is wanted where it is detached, and must be the content that others signed with
    the same digest algorithm. Their SignerInfos, certificates and lists stay byte for byte.
    Raises ContentMismatch, InvalidArgument.
    """
    inside = signed.content_view
    if inside is None and content is None:
        raise InvalidArgument(argument="content", reason="the signature is detached")
    if inside is not None and content is not None:
        raise InvalidArgument(argument="content", reason="the signature carries its content")
    digest = by.digest(bytes(inside) if inside is not None else content or b"")
    return cosign_digest(signed, digest, by=by, statement=statement)


def cosign_digest(
    signed: SignedData, digest: bytes, *, by: CmsSigner, statement: Statement | None = None
) -> bytes:
    """`cosign`, where the digest of the content is known. Raises ContentMismatch."""
    for other in signed.signer_infos:
        _require_same(other, digest, by.digest_algorithm)
    info = by.signer_info(digest, content_type=signed.content_type, statement=statement)
    return rebuilt(
        signed,
        signer_infos=(*(one.encoded for one in signed.signer_infos), info),
        digest_algorithms=(*signed.digest_algorithms, by.digest_algorithm.identifier),
        certificates=(
            *signed.certificates_encoded,
            *(one.encoded for one in by.certificates),
        ),
    )


def counter_sign(
    signed: SignedData,
    *,
    of: SignerInfo,
    by: CmsSigner,
    statement: Statement | None = None,
) -> bytes:
    """A signature over the signature value of one signer (RFC 5652 §11.4).

    Raises InvalidArgument where `of` is none of its signers.
    """
    if of not in signed.signer_infos:
        raise InvalidArgument(argument="of", reason="not a signer of this document")
    info = by.signer_info(by.digest(of.signature), content_type=None, statement=statement)
    counter = attributes.attribute(known.COUNTER_SIGNATURE, info)
    return rebuilt(
        signed,
        signer_infos=tuple(
            with_unsigned_attributes(one, counter) if one == of else one.encoded
            for one in signed.signer_infos
        ),
        certificates=(
            *signed.certificates_encoded,
            *(one.encoded for one in by.certificates),
        ),
    )


def _require_same(other: SignerInfo, digest: bytes, algorithm: DigestAlgorithm) -> None:
    """A co-signer must not be led to sign another content than the one shown."""
    fields = der.decode(other.digest_algorithm).fields()
    if fields.take(der.OBJECT_IDENTIFIER).object_identifier() != algorithm.oid:
        return
    for found in other.signed_attributes or ():
        if found.oid == known.MESSAGE_DIGEST and found.value().octets != digest:
            raise ContentMismatch(reason="the content is not the one that is signed already")


# --- rebuilding ---------------------------------------------------------------------------------


def with_unsigned_attributes(info: SignerInfo, *added: bytes) -> bytes:
    """The SignerInfo with more unsigned attributes; all its other octets stay as they are.

    Attributes that stand there keep their octets; the set is put in DER order.
    """
    present = (one.encoded for one in info.unsigned_attributes)
    return der.sequence(
        info.before_unsigned_attributes, der.implicit(1, der.set_of(*present, *added))
    )


def rebuilt(
    signed: SignedData,
    *,
    signer_infos: Iterable[bytes] | None = None,
    digest_algorithms: Iterable[bytes] | None = None,
    certificates: Iterable[bytes] | None = None,
    revocation: Iterable[bytes] | None = None,
) -> bytes:
    """`signed` with some of its sets replaced, the rest byte for byte. ContentInfo, DER."""
    kept = list(dict.fromkeys(certificates or signed.certificates_encoded))
    lists = list(dict.fromkeys(revocation or signed.revocation_encoded))
    infos = [one.encoded for one in signed.signer_infos] if signer_infos is None else signer_infos
    digests = dict.fromkeys(digest_algorithms or signed.digest_algorithms)
    version = max(signed.version, 5 if any(one[0] != der.SEQUENCE for one in lists) else 1)
    return _content_info(
        der.integer(version),
        der.set_of(*digests),
        signed.encapsulated_encoded,
        _certificates(kept),
        der.implicit(1, der.set_of(*lists)) if lists else b"",
        der.set_of(*infos),
    )


def _version(content_type: str) -> bytes:
    """RFC 5652 §5.1, where certificates are X.509 and signers named by issuer and serial."""
    return der.integer(1 if content_type == DATA else 3)


def _certificates(encoded: Iterable[bytes]) -> bytes:
    kept = sorted(dict.fromkeys(encoded))
    return der.implicit(0, der.set_of(*kept)) if kept else b""


def _content_info(*fields: bytes) -> bytes:
    return der.sequence(der.object_identifier(SIGNED_DATA), der.explicit(0, der.sequence(*fields)))
