"""Our own key file: one key, its purpose and its certificates in one text that openssl reads.

    eds key file 1, SHA-256 of the rest: 5f0c…
    Purpose: signature
    Algorithm: ecdsa-p256-sha256

    -----BEGIN ENCRYPTED PRIVATE KEY-----   PBES2: scrypt, AES-256-CBC
    -----BEGIN PUBLIC KEY-----
    -----BEGIN CERTIFICATE-----             its own first, then issuers

What stands in the clear can be listed without a password. The digest tells a damaged file from
a wrong password before any work is done for one; it is no protection against whoever can write
the file. Against those the purpose stands inside the encrypted part as well, and the public
half is compared with the private one whenever the key is opened.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from eds import pem
from eds.algorithms import SignatureAlgorithm, signature_algorithm
from eds.certificates import Certificate
from eds.errors import (
    AlgorithmKeyMismatch,
    DecodeError,
    InvalidKey,
    LimitExceeded,
    MalformedPem,
    UnknownAlgorithm,
)
from eds.keys import pkcs8
from eds.keys.contract import KeyPurpose, Secret
from eds.keys.pbe import Scrypt
from eds.keys.privatekeys import PrivateKey, require_algorithm
from eds.keys.reading import Reading
from eds.pem import PemBlock
from eds.publickeys import PublicKey

MAGIC: Final = b"eds key file "
_FIRST_LINE: Final = re.compile(rb"eds key file 1, SHA-256 of the rest: ([0-9a-f]{64})\n")
_HEADERS: Final = re.compile(r"Purpose: ([a-z, ]+)\nAlgorithm: ([a-z0-9-]+)\n\n")
_PURPOSES: Final = {(flag.name or "").lower(): flag for flag in KeyPurpose}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is in one key file."""

    purpose: KeyPurpose
    algorithm: SignatureAlgorithm
    encrypted: bytes = field(repr=False)
    public_key: PublicKey
    certificates: tuple[Certificate, ...] = ()


def seal(key: PrivateKey, purpose: KeyPurpose, secret: Secret, *, cost: Scrypt) -> bytes:
    """The encrypted part: the key with its purpose. Raises PasswordRefused."""
    return pkcs8.encrypt(pkcs8.with_purpose(key, purpose), secret, cost=cost)


def write(bundle: Bundle) -> bytes:
    """The text of a key file."""
    names = ", ".join(name for name, flag in _PURPOSES.items() if flag in bundle.purpose)
    parts = [
        f"Purpose: {names or 'nothing'}\nAlgorithm: {bundle.algorithm.name}\n\n".encode(),
        pem.write(pem.ENCRYPTED_PRIVATE_KEY, bundle.encrypted),
        pem.write(pem.PUBLIC_KEY, bundle.public_key.encoded),
    ]
    parts += [pem.write(pem.CERTIFICATE, one.encoded) for one in bundle.certificates]
    rest = b"".join(parts)
    digest = hashlib.sha256(rest).hexdigest()
    return MAGIC + f"1, SHA-256 of the rest: {digest}\n".encode() + rest


def read(data: bytes, reading: Reading) -> Bundle:
    """What a key file says without its password. Raises DamagedKeyFile, UnsupportedKeyFile."""
    first = _FIRST_LINE.match(data)
    if first is None:
        if re.match(rb"eds key file [2-9],", data):
            reading.unsupported("a key file of a later version")
        reading.damaged("not a key file of eds")
    rest = data[first.end() :]
    if hashlib.sha256(rest).hexdigest().encode() != first[1]:
        reading.damaged("altered or cut: the digest is another one")
    # From here on the file is as somebody wrote it, though perhaps not as we did.
    try:
        headers = _HEADERS.match(rest.decode("ascii"))
        if headers is None:
            reading.damaged("without purpose and algorithm")
        purpose = KeyPurpose(0)
        for name in headers[1].split(", "):
            purpose |= KeyPurpose(0) if name == "nothing" else _PURPOSES[name]
        algorithm = signature_algorithm(headers[2])
        encrypted, public_key = b"", None
        certificates: list[Certificate] = []
        for block in pem_blocks(rest, reading):
            label, encoded = block.label, block.encoded
            if label == pem.ENCRYPTED_PRIVATE_KEY and not encrypted:
                encrypted = encoded
            elif label == pem.PUBLIC_KEY and public_key is None:
                public_key = PublicKey(encoded)
            elif label == pem.CERTIFICATE:
                certificates.append(Certificate(encoded))
            else:
                reading.damaged(f"an unexpected {label}")
    except (UnicodeDecodeError, KeyError):
        reading.damaged("a header that is not one")
    except (DecodeError, UnknownAlgorithm) as error:
        reading.damaged(str(error))
    if not encrypted:
        reading.damaged("without a private key")
    if public_key is None:
        reading.damaged("without a public key")
    try:
        require_algorithm(algorithm, public_key)
    except AlgorithmKeyMismatch as error:
        reading.damaged(str(error))
    return Bundle(
        purpose=purpose,
        algorithm=algorithm,
        encrypted=encrypted,
        public_key=public_key,
        certificates=tuple(certificates),
    )


def unseal(bundle: Bundle, secret: Secret, reading: Reading) -> PrivateKey:
    """The private key of a bundle.

    Raises PasswordIncorrect; DamagedKeyFile when what was encrypted contradicts what was not.
    """
    key = pkcs8.decrypt(bundle.encrypted, secret, reading)
    try:
        purpose = pkcs8.purpose_of(key)
    except InvalidKey as error:
        reading.damaged(error.reason)
    if purpose != bundle.purpose:
        reading.damaged("the purpose in the clear is not the one inside")
    return key


def pem_blocks(data: bytes, reading: Reading) -> tuple[PemBlock, ...]:
    """The values in a text. Raises DamagedKeyFile, UnsupportedKeyFile."""
    limits = pem.PemLimits(size=reading.limits.size, blocks=reading.limits.objects)
    try:
        blocks = pem.read(data, limits=limits)
    except MalformedPem as error:
        reading.damaged(f"neither DER nor PEM: {error.reason}")
    except LimitExceeded as error:
        reading.unsupported(f"a file of over {error.allowed} {error.limit}")
    if any(block.is_legacy_encrypted for block in blocks):
        reading.unsupported("PEM encryption of RFC 1421 (`openssl pkey` makes it PKCS#8)")
    return blocks
