"""Files of a travel document's chip: the security object and the groups that proofs need.

ICAO Doc 9303-10 (logical data structure) and -11 (security). EF.COM is not read: nothing signs
it. Faces and fingers are not read either; their digests are enough here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from ... import der
from ...algorithms import DigestAlgorithm, digest_by_oid
from ...errors import DecodeError, MalformedChipData, MalformedMrz
from ...publickeys import PublicKey
from ...signeddata import SignedData, SignerInfo
from .mrz import Mrz, parse_mrz

LDS_SECURITY_OBJECT: Final = "2.23.136.1.1.1"
ACTIVE_AUTHENTICATION: Final = "2.23.136.1.1.5"

_SOD_TAG: Final = 0x77
_GROUP_TAGS: Final = MappingProxyType({
    1: 0x61, 2: 0x75, 3: 0x63, 4: 0x76, 5: 0x65, 6: 0x66, 7: 0x67, 8: 0x68, 9: 0x69, 10: 0x6A,
    11: 0x6B, 12: 0x6C, 13: 0x6D, 14: 0x6E, 15: 0x6F, 16: 0x70,
})  # fmt: skip
_MRZ_TAG: Final = 0x5F1F
SIZE_LIMIT: Final = 256 * 1024
_LIMITS: Final = der.Limits(size=SIZE_LIMIT, elements=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityObject:
    """EF.SOD: a SignedData over the digests of the data groups (Doc 9303-10 §4.6.2).

    `version` is that of the LDSSecurityObject, 0 or 1; with 1 come the versions of LDS and
    Unicode. Nothing of it is verified yet.
    """

    signed_data: SignedData
    signer_info: SignerInfo
    version: int
    digest: DigestAlgorithm
    group_digests: Mapping[int, bytes]
    lds_version: str | None = None
    unicode_version: str | None = None


def read_security_object(encoded: bytes) -> SecurityObject:
    """Read EF.SOD, at most 256 KiB. Raises MalformedChipData, UnknownAlgorithm for its digest."""
    try:
        signed_data = SignedData(_content(encoded, _SOD_TAG))
        return _security_object(signed_data)
    except MalformedChipData:
        raise
    except DecodeError as error:
        raise MalformedChipData(reason=f"security object: {error}") from error


def _security_object(signed_data: SignedData) -> SecurityObject:
    if signed_data.content_type != LDS_SECURITY_OBJECT:
        raise MalformedChipData(reason="the security object's content is of another type")
    if signed_data.version != 3:  # RFC 5652 §5.1: for content other than id-data
        raise MalformedChipData(reason="the security object is not SignedData version 3")
    if signed_data.content is None or len(signed_data.signer_infos) != 1:
        raise MalformedChipData(reason="the security object wants content and one signer")
    fields = der.decode(signed_data.content, limits=_LIMITS).fields()
    version = fields.small(1)
    digest = _digest(fields.take(der.SEQUENCE))
    digests: dict[int, bytes] = {}
    for one in fields.take(der.SEQUENCE).children(limits=_LIMITS):
        pair = one.fields()
        number, value = pair.small(16), pair.octets(der.OCTET_STRING)
        pair.finish()
        if number < 1 or number in digests or len(value) != digest.size:
            raise MalformedChipData(reason="a digest of no group, twice, or of another size")
        digests[number] = value
    if not digests:
        raise MalformedChipData(reason="no digests")
    versions: tuple[str, str] | tuple[None, None] = (None, None)
    if version:
        info = fields.fields()
        versions = (
            info.take(der.PRINTABLE_STRING).text(),
            info.take(der.PRINTABLE_STRING).text(),
        )
        info.finish()
    fields.finish()
    return SecurityObject(
        signed_data=signed_data,
        signer_info=signed_data.signer_infos[0],
        version=version,
        digest=digest,
        group_digests=MappingProxyType(digests),
        lds_version=versions[0],
        unicode_version=versions[1],
    )


def _digest(identifier: der.Element) -> DigestAlgorithm:
    fields = identifier.fields()
    found = digest_by_oid(fields.object_identifier())
    if fields.next_tag is not None:
        fields.take(der.NULL).null()
    fields.finish()
    return found


def require_group(number: int, encoded: bytes) -> None:
    """Raises MalformedChipData unless the octets are one value with the tag of that group."""
    if number not in _GROUP_TAGS:
        raise MalformedChipData(reason="there are sixteen data groups")
    _content(encoded, _GROUP_TAGS[number])


def read_mrz_group(encoded: bytes, *, at: datetime) -> Mrz:
    """The zone in DG1. Raises MalformedChipData, MalformedMrz."""
    try:
        inside = _content(encoded, _GROUP_TAGS[1])
        value = der.decode(inside, limits=_LIMITS).expect(_MRZ_TAG)
        text = value.octets.decode("ascii")
    except UnicodeDecodeError:
        raise MalformedMrz(field="characters", reason="only A to Z, 0 to 9 and <") from None
    except DecodeError as error:
        raise MalformedChipData(reason=f"DG1: {error}") from error
    return parse_mrz(text, at=at)


def read_active_key(encoded: bytes) -> PublicKey:
    """The key for active authentication in DG15. Raises MalformedChipData, MalformedPublicKey."""
    return PublicKey(_content(encoded, _GROUP_TAGS[15]))


def read_active_algorithm(encoded: bytes) -> str | None:
    """The OID of the signature that DG14 names for an EC key (Doc 9303-11 §6.1.3).

    None where DG14 has no ActiveAuthenticationInfo. Raises MalformedChipData.
    """
    try:
        infos = der.decode(_content(encoded, _GROUP_TAGS[14]), limits=_LIMITS).expect(der.SET)
        found = []
        for one in infos.children(limits=_LIMITS):
            fields = one.fields()
            if fields.object_identifier() == ACTIVE_AUTHENTICATION:
                fields.small(1)
                found.append(fields.object_identifier())
                fields.finish()
    except DecodeError as error:
        raise MalformedChipData(reason=f"DG14: {error}") from error
    if len(found) > 1:
        raise MalformedChipData(reason="DG14 names two algorithms for active authentication")
    return found[0] if found else None


def _content(encoded: bytes, tag: int) -> bytes:
    """What stands inside the one value of that tag. Raises MalformedChipData."""
    if len(encoded) > SIZE_LIMIT:
        raise MalformedChipData(reason="larger than a file of a chip")
    try:
        # Not `der.decode`: large groups hold images, which nobody here walks through.
        found, content, end = der.header(encoded, 0, len(encoded))
    except DecodeError as error:
        raise MalformedChipData(reason=str(error)) from error
    if found != tag or end != len(encoded):
        raise MalformedChipData(reason=f"not one value tagged {tag:X}")
    return encoded[content:end]
