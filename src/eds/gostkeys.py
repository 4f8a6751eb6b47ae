"""Keys of GOST 34.10-2015 and 34.310-2004 in ASN.1, as the NCA of Kazakhstan writes them.

`eds.gost` reckons; here stands which parameters mean which curve, and how points and numbers lie
in SubjectPublicKeyInfo and PrivateKeyInfo. The set of the 256-bit keys of 2015 is known from open
software alone: no such certificate has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eds import der
from eds.algorithms import GOST34311, STREEBOG256, STREEBOG512, KeyType
from eds.errors import (
    AlgorithmUnavailable,
    DecodeError,
    InvalidKey,
    MalformedPublicKey,
    UnknownAlgorithm,
)
from eds.gost import CRYPTOPRO_A, TC26_256_A, TC26_512_A, Curve, SigningKey, VerifyingKey

# Rooms above the ground meet GOST keys here.
__all__ = [
    "GOST_KEY_TYPES",
    "GOST_PARAMETERS",
    "GostParameters",
    "SigningKey",
    "VerifyingKey",
    "gost_parameters",
    "read_private_key",
    "read_public_key",
    "write_private_key",
    "write_public_key",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GostParameters:
    """What the parameters of a key name: a curve, by its set, and the digest (or its S-box)."""

    key_type: KeyType
    key_oid: str
    set_oid: str
    digest_oid: str
    curve: Curve

    @property
    def encoded(self) -> bytes:
        """The parameters field of the AlgorithmIdentifier."""
        return der.sequence(
            der.object_identifier(self.set_oid), der.object_identifier(self.digest_oid)
        )

    @property
    def identifier(self) -> bytes:
        """The AlgorithmIdentifier of such a key."""
        return der.sequence(der.object_identifier(self.key_oid), self.encoded)


GOST_PARAMETERS: Final = (
    GostParameters(
        key_type=KeyType.GOST_2015_512,
        key_oid="1.2.398.3.10.1.1.2.2",
        set_oid="1.2.398.3.10.1.1.2.2.1",
        digest_oid=STREEBOG512.oid,
        curve=TC26_512_A,
    ),
    GostParameters(
        key_type=KeyType.GOST_2015_256,
        key_oid="1.2.398.3.10.1.1.2.1",
        set_oid="1.2.398.3.10.1.1.2.1.1",
        digest_oid=STREEBOG256.oid,
        curve=TC26_256_A,
    ),
    GostParameters(
        key_type=KeyType.GOST_2004,
        key_oid="1.2.398.3.10.1.1.1.1",
        set_oid="1.2.398.3.10.1.1.1.1.1",
        digest_oid=GOST34311.oid + ".1.0",  # its S-box "0"
        curve=CRYPTOPRO_A,
    ),
)
GOST_KEY_TYPES: Final = frozenset(row.key_type for row in GOST_PARAMETERS)


def gost_parameters(key_type: KeyType) -> GostParameters:
    """The one set that keys of this kind have. Raises AlgorithmUnavailable for other kinds."""
    for row in GOST_PARAMETERS:
        if row.key_type is key_type:
            return row
    raise AlgorithmUnavailable(algorithm=key_type.value, reason="not a GOST key")


def _expected(key_type: KeyType, parameters: bytes) -> GostParameters:
    row = gost_parameters(key_type)
    if parameters != row.encoded:
        raise UnknownAlgorithm(identifier=f"{key_type.value} with other parameters")
    return row


# --- public ---------------------------------------------------------------------------------------


def read_public_key(key_type: KeyType, parameters: bytes, octets: bytes) -> VerifyingKey:
    """The key whose subjectPublicKey holds `octets`: an OCTET STRING of x and y, little-endian.

    Raises UnknownAlgorithm for other parameters, MalformedPublicKey for no point of the curve.
    """
    curve = _expected(key_type, parameters).curve
    try:
        point = der.decode(octets).expect(der.OCTET_STRING).octets
    except DecodeError as error:
        raise MalformedPublicKey(reason=f"not an OCTET STRING: {error}") from None
    return VerifyingKey.of_octets(curve, point)


def write_public_key(key: VerifyingKey) -> bytes:
    """SubjectPublicKeyInfo of a key on one of the curves of the table."""
    row = next(row for row in GOST_PARAMETERS if row.curve is key.curve)
    return der.sequence(row.identifier, der.bit_string(der.octet_string(key.octets)))


# --- private ------------------------------------------------------------------------------------


def read_private_key(key_type: KeyType, parameters: bytes, octets: bytes) -> SigningKey:
    """The key whose privateKey holds `octets`: 2004 an INTEGER, 2015 little-endian octets.

    Raises UnknownAlgorithm for other parameters, InvalidKey.
    """
    curve = _expected(key_type, parameters).curve
    try:
        element = der.decode(octets)
        if key_type is KeyType.GOST_2004:
            number = element.expect(der.INTEGER).unsigned()
        else:
            found = element.expect(der.OCTET_STRING).octets
            if len(found) != curve.size:
                raise InvalidKey(reason=f"a private number that is not of {curve.size} octets")
            number = int.from_bytes(found, "little")
    except DecodeError:
        raise InvalidKey(reason="not a GOST private key") from None
    return SigningKey(curve, number)


def write_private_key(key: SigningKey) -> bytes:
    """PrivateKeyInfo (RFC 5208) of a key on one of the curves of the table."""
    row = next(row for row in GOST_PARAMETERS if row.curve is key.curve)
    if row.key_type is KeyType.GOST_2004:
        number = der.integer(key.number)
    else:
        number = der.octet_string(key.number.to_bytes(key.curve.size, "little"))
    return der.sequence(der.integer(0), row.identifier, der.octet_string(number))
