"""Compact JWS (RFC 7515) in one narrow profile.

Who signs, with which key and by which algorithm, is known before a token is looked at, so nothing
in its header chooses anything: `alg` must be the one of the pinned key, `kid` the one agreed, and
any further member (`crit`, `b64`, `jwk`, `jku`, `x5c`, `x5u`, `zip` …) refuses the token.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from ...algorithms import (
    ECDSA_P256_SHA256,
    ED25519,
    RSA_PSS_SHA256,
    KeyType,
    SignatureAlgorithm,
)
from ...errors import AssertionRefused, EdsError, InvalidArgument, MalformedAssertion
from ...publickeys import PublicKey
from .strictjson import SIZE_LIMIT, read_object, write_object

ALGORITHMS: Final = (ECDSA_P256_SHA256, RSA_PSS_SHA256, ED25519)
TYPE: Final = "eds-evidence+jws"

_MEMBERS: Final = frozenset({"alg", "kid", "typ"})
_TOKEN: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_HALF: Final = 32


class TokenSigner(Protocol):
    """A key that signs tokens: any signer of the library, where an authority's or provider's
    program holds one. ECDSA values are DER.
    """

    @property
    def algorithm(self) -> SignatureAlgorithm: ...

    @property
    def public_key(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes: ...


class PinnedKey(NamedTuple):
    """What verifies tokens of one party: key, the one algorithm, and the name of the key."""

    public_key: PublicKey
    algorithm: SignatureAlgorithm
    key_id: str


class Verified(NamedTuple):
    """The payload of a token whose signature fits, and the octets that were signed."""

    payload: dict[str, object]
    signing_input: bytes


def require_usable(pinned: PinnedKey) -> None:
    """Raises InvalidArgument for an algorithm outside the profile, AlgorithmKeyMismatch."""
    if pinned.algorithm not in ALGORITHMS:
        raise InvalidArgument(argument="algorithm", reason="ES256, PS256 or EdDSA (Ed25519)")
    pinned.public_key.require(pinned.algorithm)
    if pinned.algorithm.key_type is KeyType.RSA and pinned.public_key.bits < 2048:
        raise InvalidArgument(argument="public_key", reason="RSA of at least 2048 bits")


def verify_jws(token: bytes, *, pinned: PinnedKey) -> Verified:
    """The payload of a token that the pinned key signed.

    Raises MalformedAssertion for another form, AssertionRefused for another algorithm, key,
    header member or signature.
    """
    if len(token) > SIZE_LIMIT:
        raise MalformedAssertion(reason="too long")
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise MalformedAssertion(reason="not three parts of base64url")
    header = _object(parts[1], "header")
    if not header.keys() <= _MEMBERS:
        raise AssertionRefused(reason="header_member")
    if header.get("alg") != pinned.algorithm.jws_name:
        raise AssertionRefused(reason="algorithm")
    if header.get("typ") != TYPE:
        raise AssertionRefused(reason="type")
    if header.get("kid") != pinned.key_id:
        raise AssertionRefused(reason="key")
    signing_input = token[: parts.end(2)]
    signature = _from_jose(_octets(parts[3], "signature"), pinned.algorithm)
    try:
        fits = pinned.public_key.verify(signature, signing_input, algorithm=pinned.algorithm)
    except EdsError as error:
        raise AssertionRefused(reason="signature") from error
    if not fits:
        raise AssertionRefused(reason="signature")
    return Verified(_object(parts[2], "payload"), signing_input)


def sign_jws(payload: dict[str, object], *, signer: TokenSigner, key_id: str) -> bytes:
    """The token of a payload. Raises InvalidArgument outside the profile."""
    require_usable(PinnedKey(signer.public_key, signer.algorithm, key_id))
    header = {"alg": signer.algorithm.jws_name, "kid": key_id, "typ": TYPE}
    signing_input = b".".join(_encoded(write_object(one)) for one in (header, payload))
    signature = signer.sign(signing_input)
    if signer.algorithm.key_type is KeyType.EC:
        r, s = decode_dss_signature(signature)
        signature = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    return signing_input + b"." + _encoded(signature)


def _object(part: bytes, name: str) -> dict[str, object]:
    try:
        return read_object(_octets(part, name))
    except ValueError as error:
        raise MalformedAssertion(reason=f"{name}: {error}") from None


def _octets(part: bytes, name: str) -> bytes:
    """base64url without padding, in its one spelling (RFC 7515 §2)."""
    try:
        found = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        raise MalformedAssertion(reason=f"{name}: not base64url") from None
    if _encoded(found) != part:  # bits to spare at the end would give one token many spellings
        raise MalformedAssertion(reason=f"{name}: not its one spelling in base64url")
    return found


def _encoded(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _from_jose(signature: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """RFC 7518 §3.4: r and s of 32 octets, one after the other."""
    if algorithm.key_type is not KeyType.EC:
        return signature
    if len(signature) != 2 * _HALF:
        raise AssertionRefused(reason="signature")
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    return encode_dss_signature(r, s)
