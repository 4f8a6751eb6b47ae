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

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from eds.algorithms import SignatureAlgorithm, signature_algorithm
from eds.certificates import Certificate
from eds.errors import DecodeError, InvalidKey, UnknownAlgorithm
from eds.keys import pkcs8
from eds.keys.contract import KeyPurpose, Secret
from eds.keys.pbe import Reading, Scrypt
from eds.keys.privatekeys import PrivateKey
from eds.publickeys import PublicKey

MAGIC: Final = b"eds key file "
_FIRST_LINE: Final = re.compile(rb"eds key file 1, SHA-256 of the rest: ([0-9a-f]{64})\n")
_HEADERS: Final = re.compile(r"Purpose: ([a-z, ]+)\nAlgorithm: ([a-z0-9-]+)\n\n")
_PURPOSES: Final = {(flag.name or "").lower(): flag for flag in KeyPurpose}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is in one key file. `public_key` is unknown for GOST keys kept without a certificate."""

    purpose: KeyPurpose
    algorithm: SignatureAlgorithm
    encrypted: bytes = field(repr=False)
    public_key: PublicKey | None
    certificates: tuple[Certificate, ...] = ()


def seal(key: PrivateKey, purpose: KeyPurpose, secret: Secret, *, cost: Scrypt) -> bytes:
    """The encrypted part: the key with its purpose. Raises PasswordRefused."""
    return pkcs8.encrypt(pkcs8.with_purpose(key, purpose), secret, cost=cost)


def write(bundle: Bundle) -> bytes:
    """The text of a key file."""
    names = ", ".join(name for name, flag in _PURPOSES.items() if flag in bundle.purpose)
    parts = [
        f"Purpose: {names or 'nothing'}\nAlgorithm: {bundle.algorithm.name}\n\n".encode(),
        armoured("ENCRYPTED PRIVATE KEY", bundle.encrypted),
    ]
    if bundle.public_key is not None:
        parts.append(armoured("PUBLIC KEY", bundle.public_key.encoded))
    parts += [armoured("CERTIFICATE", one.encoded) for one in bundle.certificates]
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
        text = rest.decode("ascii")
        headers = _HEADERS.match(text)
        if headers is None:
            reading.damaged("without purpose and algorithm")
        blocks = list(pem_blocks(text[headers.end() :], reading))
        purpose = KeyPurpose(0)
        for name in headers[1].split(", "):
            purpose |= KeyPurpose(0) if name == "nothing" else _PURPOSES[name]
        algorithm = signature_algorithm(headers[2])
        encrypted, public_key = b"", None
        certificates: list[Certificate] = []
        for label, encoded in blocks:
            if label == "ENCRYPTED PRIVATE KEY" and not encrypted:
                encrypted = encoded
            elif label == "PUBLIC KEY" and public_key is None:
                public_key = PublicKey(encoded)
            elif label == "CERTIFICATE":
                certificates.append(Certificate(encoded))
            else:
                reading.damaged(f"an unexpected {label}")
    except (UnicodeDecodeError, KeyError):
        reading.damaged("a header that is not one")
    except (DecodeError, UnknownAlgorithm) as error:
        reading.damaged(str(error))
    if not encrypted:
        reading.damaged("without a private key")
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


# --- textual encodings (RFC 7468) -----------------------------------------------------------------


class Block(NamedTuple):
    """One encapsulated value."""

    label: str
    encoded: bytes


def pem_blocks(text: str, reading: Reading) -> Iterator[Block]:
    """The values in a text, in their order; what stands between them is skipped.

    Linear in the length of the text. Raises DamagedKeyFile, UnsupportedKeyFile.
    """
    position = 0
    while (begin := text.find("-----BEGIN ", position)) >= 0:
        reading.count()
        label_at = begin + len("-----BEGIN ")
        label_end = text.find("-----", label_at, label_at + 64)
        label = text[label_at:label_end]
        if label_end < 0 or not re.fullmatch("[A-Z0-9 ]+", label):
            reading.damaged("a PEM label that is not one")
        end_line = f"-----END {label}-----"
        end = text.find(end_line, label_end)
        if end < 0:
            reading.damaged(f"the end of {label} is missing")
        body = text[label_end + 5 : end]
        if "Proc-Type:" in body or "DEK-Info:" in body:
            reading.unsupported("PEM encryption of RFC 1421 (`openssl pkey` makes it PKCS#8)")
        try:
            encoded = base64.b64decode("".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            reading.damaged(f"{label} is not base64")
        yield Block(label, encoded)
        position = end + len(end_line)


def armoured(label: str, encoded: bytes) -> bytes:
    """One value in its textual encoding, 64 characters a line."""
    text = base64.b64encode(encoded).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()
