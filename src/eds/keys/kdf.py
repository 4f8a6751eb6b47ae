"""Keys from passwords: PBKDF2 (RFC 8018), scrypt (RFC 7914), and that of PKCS#12 (RFC 7292 §B)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eds import der
from eds.errors import DecodeError, WorkFactorExceeded
from eds.keys.reading import Password, Reading


@dataclass(frozen=True, slots=True)
class Hash:
    """A hash as key derivations use it; sizes in octets."""

    name: str
    size: int
    block: int
    price: int  # of one iteration, in units of work; SHA-512 is slower for an iteration


SHA1: Final = Hash("sha1", 20, 64, 1)
SHA224: Final = Hash("sha224", 28, 64, 1)
SHA256: Final = Hash("sha256", 32, 64, 1)
SHA384: Final = Hash("sha384", 48, 128, 2)
SHA512: Final = Hash("sha512", 64, 128, 2)

DIGESTS: Final = {
    "1.3.14.3.2.26": SHA1,
    "2.16.840.1.101.3.4.2.4": SHA224,
    "2.16.840.1.101.3.4.2.1": SHA256,
    "2.16.840.1.101.3.4.2.2": SHA384,
    "2.16.840.1.101.3.4.2.3": SHA512,
}
HMACS: Final = {
    "1.2.840.113549.2.7": SHA1,
    "1.2.840.113549.2.8": SHA224,
    "1.2.840.113549.2.9": SHA256,
    "1.2.840.113549.2.10": SHA384,
    "1.2.840.113549.2.11": SHA512,
}
HMAC_SHA256: Final = "1.2.840.113549.2.9"
DIGEST_SHA1: Final = "1.3.14.3.2.26"
DIGEST_SHA256: Final = "2.16.840.1.101.3.4.2.1"

# The least that any derivation is charged: calling costs something too.
_CALL: Final = 50
PBKDF2: Final = "1.2.840.113549.1.5.12"
SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"

# What the derivation of PKCS#12 is for (RFC 7292 §B.3).
KEY: Final = 1
IV: Final = 2
MAC: Final = 3


def pkcs12_kdf(
    digest: str, password: bytes, salt: bytes, *, purpose: int, iterations: int, size: int
) -> bytes:
    """The derivation of RFC 7292 §B.2. `password` is a BMPString, its two zero octets included.

    `purpose` is 1 for a key, 2 for an IV, 3 for a MAC key; `digest` is hashlib's name.
    """
    block = hashlib.new(digest).block_size
    hash_function: Callable[[bytes], hashlib._Hash] = getattr(hashlib, digest)

    def filled(value: bytes) -> bytes:
        wanted = block * -(-len(value) // block)
        return (value * -(-wanted // len(value)))[:wanted] if value else b""

    diversifier = bytes((purpose,)) * block
    material = filled(salt) + filled(password)
    derived = b""
    while True:
        value = hash_function(diversifier + material).digest()
        for _ in range(iterations - 1):
            value = hash_function(value).digest()
        derived += value
        if len(derived) >= size:
            return derived[:size]
        addend = int.from_bytes((value * (block // len(value) + 1))[:block], "big") + 1
        modulus = 1 << 8 * block
        material = b"".join(
            ((int.from_bytes(material[at : at + block], "big") + addend) % modulus).to_bytes(
                block, "big"
            )
            for at in range(0, len(material), block)
        )


@dataclass(frozen=True, slots=True)
class Kdf:
    """A derivation as a file describes it. `price` is in units of work.

    `identity` is the same for derivations that give the same key from the same password.
    """

    derive: Callable[[Password], bytes] = field(repr=False)
    price: int
    identity: object
    parameter: str = "iterations"

    def key(self, password: Password, reading: Reading) -> bytes:
        """The key, paid for once. Raises WorkFactorExceeded."""
        place = (self.identity, password.text, password.bmp)
        if place not in reading.derived:
            reading.charge(self.price, parameter=self.parameter)
            reading.derived[place] = self.derive(password)
        return reading.derived[place]


def pkcs12(hash_: Hash, salt: bytes, iterations: int, *, purpose: int, size: int) -> Kdf:
    """The derivation of PKCS#12 for one purpose."""
    return Kdf(
        derive=lambda password: pkcs12_kdf(
            hash_.name, password.bmp, salt, purpose=purpose, iterations=iterations, size=size
        ),
        price=_pkcs12_price(hash_, iterations, size),
        identity=("pkcs12", hash_, salt, iterations, purpose, size),
    )


def _key_size(found: int | None, wanted: int | None) -> int:
    """The length of the derived key: what the cipher takes; only RC2 leaves the choice."""
    if wanted is None:
        wanted = 16 if found is None else found
    if found not in (None, wanted) or not 1 <= wanted <= 128:
        raise DecodeError("the length of the key does not suit the cipher")
    return wanted


def pbkdf2(fields: der.Fields, key_size: int | None, reading: Reading) -> Kdf:
    """PBKDF2-params (RFC 8018 §A.2)."""
    if fields.next_tag == der.SEQUENCE:
        reading.unsupported("PBKDF2 with a salt from elsewhere")
    salt = salt_of(fields.take(), reading)
    iterations = positive(fields.take(der.INTEGER), reading, parameter="iterations")
    length = fields.optional(der.INTEGER)
    size = _key_size(None if length is None else length.small(1024), key_size)
    hash_ = SHA1
    if (prf := fields.optional(der.SEQUENCE)) is not None:
        oid, prf_parameters = identifier(prf)
        if prf_parameters is not None:
            prf_parameters.expect(der.NULL).null()
        if oid not in HMACS:
            reading.unsupported(f"PBKDF2 with {oid}")
        hash_ = HMACS[oid]
    fields.finish()
    return Kdf(
        derive=lambda password: hashlib.pbkdf2_hmac(
            hash_.name, password.text, salt, iterations, size
        ),
        price=_price(hash_, iterations, size),
        identity=("pbkdf2", hash_, salt, iterations, size),
    )


def scrypt(fields: der.Fields, key_size: int | None, reading: Reading) -> Kdf:
    """scrypt-params (RFC 7914 §7.1)."""
    salt = salt_of(fields.take(), reading)
    cost, block_size, parallel = (
        positive(fields.take(der.INTEGER), reading, parameter="scrypt N·r·p") for _ in range(3)
    )
    length = fields.optional(der.INTEGER)
    size = _key_size(None if length is None else length.small(1024), key_size)
    fields.finish()
    if cost < 2 or cost & (cost - 1):
        raise DecodeError("scrypt parameters that cannot be")
    # All of it: N blocks, and p of them besides (RFC 7914 §6).
    memory = 128 * block_size * (cost + parallel + 2)
    if memory > reading.limits.memory:
        raise WorkFactorExceeded(
            file=reading.file,
            parameter="octets of memory for scrypt",
            allowed=reading.limits.memory,
            found=memory,
        )
    price = max(_CALL, cost * block_size * parallel)
    reading.require(price, parameter="scrypt N·r·p")
    return Kdf(
        derive=lambda password: hashlib.scrypt(
            password.text,
            salt=salt,
            n=cost,
            r=block_size,
            p=parallel,
            maxmem=memory + 64 * 1024,
            dklen=size,
        ),
        price=price,
        parameter="scrypt N·r·p",
        identity=("scrypt", salt, cost, block_size, parallel, size),
    )


# --- what parameters are made of --------------------------------------------------------------


def identifier(algorithm: der.Element) -> tuple[str, der.Element | None]:
    """(OID, parameters) of an AlgorithmIdentifier. Raises MalformedDer."""
    fields = algorithm.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    parameters = fields.take() if fields.next_tag is not None else None
    fields.finish()
    return oid, parameters


def fields_of(parameters: der.Element | None) -> der.Fields:
    """The fields of parameters that must be there. Raises DecodeError."""
    if parameters is None:
        raise DecodeError("parameters are missing")
    return parameters.fields()


def positive(element: der.Element, reading: Reading, *, parameter: str) -> int:
    """A count of work: never zero, and refused by itself when it is beyond all of the limit."""
    count = element.unsigned()
    if count == 0:
        element.fail("a count of zero")
    # An integer may have thousands of digits, and these would be printed.
    reading.require(min(count, 1 << 63), parameter=parameter)
    return count


def salt_of(element: der.Element, reading: Reading) -> bytes:
    """A salt. Raises WorkFactorExceeded when it is longer than the limit."""
    salt = element.expect(der.OCTET_STRING).octets
    if len(salt) > reading.limits.salt:
        raise WorkFactorExceeded(
            file=reading.file,
            parameter="octets of salt",
            allowed=reading.limits.salt,
            found=len(salt),
        )
    return salt


def _price(hash_: Hash, iterations: int, size: int) -> int:
    return max(_CALL, iterations * hash_.price) * -(-size // hash_.size)


def _pkcs12_price(hash_: Hash, iterations: int, size: int) -> int:
    # hashlib has no such derivation; our loop takes half as long again as PBKDF2's in C.
    return _price(hash_, iterations, size) * 3 // 2
