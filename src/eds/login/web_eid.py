"""Web eID authentication tokens, versions 1.0 and 1.1, byte for byte as that software makes them.

The signature is over H(origin) ‖ H(nonce), H being the hash of the algorithm, and the algorithm
hashes that once more. Hashing first keeps the border between both where it is. The nonce is
hashed as the text that was given out, not as what it decodes to. (Web eID system architecture,
"Authentication token format"; web-eid-authtoken-validation-java.)
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ..algorithms import SIGNATURE_ALGORITHMS, KeyType, SignatureAlgorithm
from ..certificates import Certificate
from ..errors import DecodeError, MalformedLoginToken, UnknownAlgorithm
from ..publickeys import PublicKey
from . import canonical
from .challenges import LoginChallenge

SHORTEST: Final = 100
LONGEST: Final = 10_000
_FORMAT: Final = re.compile(r"web-eid:1(\.[01])?")
_JWS: Final[dict[tuple[str, KeyType], SignatureAlgorithm]] = {
    (row.jws_name, row.key_type): row
    for row in SIGNATURE_ALGORITHMS
    if row.jws_name is not None and row.key_type in (KeyType.RSA, KeyType.EC)
}
_MOST_SIGNING_CERTIFICATES: Final = 4


class WebEidToken(NamedTuple):
    """The members of a token that are looked at. Nothing in it is believed yet."""

    algorithm: str
    certificate: Certificate
    signature: bytes


def read_web_eid(text: str) -> WebEidToken:
    """The token in strict JSON, 100 to 10,000 characters.

    Members that are not known are passed over, as newer software may add some; the certificates
    for signing of version 1.1 must be there and are not looked into: a login says nothing of
    them. Raises MalformedLoginToken.
    """
    if not SHORTEST <= len(text) <= LONGEST:
        raise MalformedLoginToken(reason=f"{SHORTEST} to {LONGEST} characters are wanted")
    try:
        found = canonical.read(text)
    except (ValueError, RecursionError) as error:
        raise MalformedLoginToken(reason="not strict JSON") from error
    if not isinstance(found, dict):
        raise MalformedLoginToken(reason="not a JSON object")
    version = _text(found, "format")
    if _FORMAT.fullmatch(version) is None:
        raise MalformedLoginToken(reason="the format is not web-eid:1.0 or 1.1")
    if version.endswith(".1"):
        _require_signing_certificates(found.get("unverifiedSigningCertificates"))
    try:
        certificate = Certificate(_octets(found, "unverifiedCertificate"))
    except DecodeError as error:
        raise MalformedLoginToken(reason=error.code) from error
    return WebEidToken(_text(found, "algorithm"), certificate, _octets(found, "signature"))


def row_of(token: WebEidToken) -> SignatureAlgorithm:
    """The algorithm that the token names, which must be one of its key.

    Raises UnknownAlgorithm, AlgorithmKeyMismatch, MalformedPublicKey.
    """
    key = token.certificate.public_key
    row = _JWS.get((token.algorithm, key.key_type))
    if row is None:
        raise UnknownAlgorithm(identifier=token.algorithm[:16])
    key.require(row)
    return row


def signed_octets(challenge: LoginChallenge, row: SignatureAlgorithm) -> bytes:
    """H(origin) ‖ H(nonce). Raises UnknownAlgorithm."""
    digest = row.digest
    if digest is None:
        raise UnknownAlgorithm(identifier=row.name)
    return digest.digest(challenge.origin.encode()) + digest.digest(challenge.nonce.encode())


def is_signed(token: WebEidToken, row: SignatureAlgorithm, *, challenge: LoginChallenge) -> bool:
    """Whether the key of the token signed that challenge. Raises AlgorithmError, DecodeError."""
    key = token.certificate.public_key
    signature = token.signature
    if row.key_type is KeyType.EC:
        whole = _der(signature, key)
        if whole is None:
            return False
        signature = whole
    return key.verify(signature, signed_octets(challenge, row), algorithm=row)


def _der(signature: bytes, key: PublicKey) -> bytes | None:
    """The pair r ‖ s, each as long as the curve's order (IEEE P1363), as Ecdsa-Sig-Value."""
    size = (key.bits + 7) // 8
    if len(signature) != 2 * size:
        return None
    r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
    return encode_dss_signature(r, s)


def _require_signing_certificates(found: Any) -> None:
    if not isinstance(found, list) or not 0 < len(found) <= _MOST_SIGNING_CERTIFICATES:
        raise MalformedLoginToken(reason="unverifiedSigningCertificates are missing or too many")
    for one in found:
        if not isinstance(one, dict) or not isinstance(
            one.get("supportedSignatureAlgorithms"), list
        ):
            raise MalformedLoginToken(reason="unverifiedSigningCertificates: no such object")
        _octets(one, "certificate")


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedLoginToken(reason=f"{name} is missing or no text")
    return value


def _octets(found: dict[str, Any], name: str) -> bytes:
    text = _text(found, name)
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedLoginToken(reason=f"{name} is not base64") from error
    if base64.b64encode(octets).decode() != text:
        raise MalformedLoginToken(reason=f"{name} is not base64 in its one form")
    return octets
