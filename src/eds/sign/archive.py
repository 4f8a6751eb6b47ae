"""Archive time-stamps of CAdES, version 3, made (EN 319 122-1 §5.5): what keeps a signature alive.

The token stands over the content, the signature, and an index of every certificate, list and
unsigned attribute that is there; the index travels in the token. A later one covers the earlier
ones, and so renews them before their algorithms weaken.
"""

from __future__ import annotations

from .. import der
from ..algorithms import SHA256, DigestAlgorithm
from ..errors import ContentMismatch, InvalidArgument
from ..signeddata import SignedData, SignerInfo
from ..timestamps import TimeStampToken
from ..verify import archive
from ..verify import attributes as known
from ..verify.attributes import read_hash_index
from ..verify.content import ABSENT, Content, Octets
from . import attributes
from .cms import rebuilt, with_unsigned_attributes
from .stamping import TimeStamper


def with_archive_time_stamp(
    signed: SignedData,
    *,
    of: SignerInfo,
    stamper: TimeStamper,
    content: Content = ABSENT,
    algorithm: DigestAlgorithm = SHA256,
) -> bytes:
    """Level LTA: one more archive time-stamp for one signer. ContentInfo, DER.

    `content` is wanted where it is detached. Everything that stood there keeps its octets.
    Raises InvalidArgument where `of` is none of the signers, ContentMismatch where the content
    is not at hand, TimeStampRefused.
    """
    if of not in signed.signer_infos:
        raise InvalidArgument(argument="of", reason="not a signer of this document")
    inside = signed.content_view
    if inside is not None:
        content = Octets(inside)
    encoded = _index(signed, of, algorithm)
    index = read_hash_index(der.decode(encoded), version=3)
    digest = archive.imprinted(index, signed, of, content)(algorithm)
    if digest is None:
        raise ContentMismatch(reason="the signature is detached and its content not given")
    token = _with_index(stamper.stamp(digest, algorithm=algorithm), encoded)
    added = attributes.attribute(known.ARCHIVE_TIME_STAMP_V3, token)
    return rebuilt(
        signed,
        signer_infos=tuple(
            with_unsigned_attributes(one, added) if one == of else one.encoded
            for one in signed.signer_infos
        ),
    )


def _index(signed: SignedData, info: SignerInfo, algorithm: DigestAlgorithm) -> bytes:
    """ATSHashIndexV3 over everything that is there (§5.5.2)."""

    def digests(*found: bytes) -> bytes:
        return der.sequence(*(der.octet_string(algorithm.digest(one)) for one in found))

    return der.sequence(
        algorithm.identifier,
        digests(*signed.certificates_encoded),
        digests(*signed.revocation_encoded),
        digests(
            *(
                der.object_identifier(attribute.oid) + value.encoded
                for attribute in info.unsigned_attributes
                for value in attribute.values
            )
        ),
    )


def _with_index(token: TimeStampToken, index: bytes) -> bytes:
    """The token with the index among the unsigned attributes of its one signer."""
    signed = token.signed_data
    (info,) = signed.signer_infos
    added = attributes.attribute(known.HASH_INDEX_V3, index)
    return rebuilt(signed, signer_infos=(with_unsigned_attributes(info, added),))
