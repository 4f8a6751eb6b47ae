"""Active authentication: the chip signs our challenge with a key it does not give away.

ICAO Doc 9303-11 §6.1. It tells the chip from a copy, and only where the challenge is ours: one
made by the reader could have been answered long ago. Chip authentication is not here: it is a key
agreement that only whoever talks to the chip can judge.
"""

from __future__ import annotations

import hashlib
import hmac
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ...algorithms import (
    SHA1,
    SHA256,
    SHA384,
    SHA512,
    SIGNATURE_ALGORITHMS,
    DigestAlgorithm,
    KeyType,
)
from ...errors import EvidenceUnverified, InvalidArgument, UnknownAlgorithm
from ...publickeys import PublicKey
from .explicitcurves import with_named_curve

CHALLENGE_OCTETS: Final = 8
MINIMUM_RSA_BITS: Final = 1024  # Doc 9303-11 allows it for a value that lives seconds

# ISO/IEC 9796-2 §8.1.2: the end of the recovered block names the hash; BC alone is SHA-1's.
_TRAILERS: Final = MappingProxyType(
    {b"\xbc": SHA1, b"\x34\xcc": SHA256, b"\x36\xcc": SHA384, b"\x35\xcc": SHA512}
)
# BSI TR-03111 §5.2.1: r and s of fixed length, one after the other.
_PLAIN_ECDSA: Final = MappingProxyType({
    "0.4.0.127.0.7.1.1.4.1.1": SHA1,
    "0.4.0.127.0.7.1.1.4.1.3": SHA256,
    "0.4.0.127.0.7.1.1.4.1.4": SHA384,
    "0.4.0.127.0.7.1.1.4.1.5": SHA512,
})  # fmt: skip


def verify_active(
    key: PublicKey, response: bytes, *, challenge: bytes, algorithm_oid: str | None
) -> DigestAlgorithm:
    """Verify a chip's answer and say which digest it rests on.

    `key` is that of DG15, `challenge` the eight octets that we chose, `algorithm_oid` what DG14
    names, which an EC key needs. Raises EvidenceUnverified where the answer does not fit,
    UnknownAlgorithm, AlgorithmUnavailable, MalformedPublicKey, and InvalidArgument for a
    challenge of another length.
    """
    if len(challenge) != CHALLENGE_OCTETS:
        raise InvalidArgument(argument="challenge", reason="eight octets are wanted")
    named = with_named_curve(key)
    if named.key_type is KeyType.RSA:
        native = named.native
        if not isinstance(native, rsa.RSAPublicKey) or native.key_size < MINIMUM_RSA_BITS:
            raise UnknownAlgorithm(identifier="an RSA key of fewer than 1024 bits")
        return _verify_iso_9796_2(native.public_numbers(), response, challenge)
    if named.key_type is KeyType.EC:
        return _verify_plain_ecdsa(named, response, challenge, algorithm_oid)
    raise UnknownAlgorithm(identifier=named.algorithm_oid)


def _verify_iso_9796_2(
    numbers: rsa.RSAPublicNumbers, response: bytes, challenge: bytes
) -> DigestAlgorithm:
    """Digital signature scheme 1 with partial recovery: 6A ‖ M1 ‖ H(M1 ‖ challenge) ‖ trailer."""
    size = (numbers.n.bit_length() + 7) // 8
    value = int.from_bytes(response, "big")
    if len(response) != size or value >= numbers.n:
        raise EvidenceUnverified(reason="the answer is not of the key's size")
    opened = pow(value, numbers.e, numbers.n)
    if opened & 0x0F != 0x0C:
        opened = numbers.n - opened  # ISO/IEC 9796-2 §B.4: the smaller of s and n - s was sent
    block = opened.to_bytes(size, "big")
    trailer = next((one for one in _TRAILERS if block.endswith(one)), None)
    if trailer is None or block[0] != 0x6A:
        raise EvidenceUnverified(reason="the answer does not open to a signed block")
    digest = _TRAILERS[trailer]
    end = size - len(trailer) - digest.size
    wanted = hashlib.new(digest.name, block[1:end] + challenge, usedforsecurity=False).digest()
    if not hmac.compare_digest(wanted, block[end : end + digest.size]):
        raise EvidenceUnverified(reason="the answer is to another challenge")
    return digest


def _verify_plain_ecdsa(
    key: PublicKey, response: bytes, challenge: bytes, algorithm_oid: str | None
) -> DigestAlgorithm:
    if algorithm_oid is None or algorithm_oid not in _PLAIN_ECDSA:
        raise UnknownAlgorithm(identifier=algorithm_oid or "ECDSA without its digest (DG14)")
    digest = _PLAIN_ECDSA[algorithm_oid]
    row = next(
        (
            one
            for one in SIGNATURE_ALGORITHMS
            if (one.key_type, one.curve, one.digest) == (KeyType.EC, key.curve, digest)
        ),
        None,
    )
    if row is None or key.curve is None:
        raise UnknownAlgorithm(identifier=algorithm_oid)
    size = (key.curve.bits + 7) // 8
    if len(response) != 2 * size:
        raise EvidenceUnverified(reason="the answer is not of the key's size")
    r, s = int.from_bytes(response[:size], "big"), int.from_bytes(response[size:], "big")
    if not key.verify(encode_dss_signature(r, s), challenge, algorithm=row):
        raise EvidenceUnverified(reason="the answer is to another challenge")
    return digest
