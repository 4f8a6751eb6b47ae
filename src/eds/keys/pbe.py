"""Keys from passwords, and the ciphers they are used with (RFC 8018, RFC 7292 Appendix B).

A file says how much work a password costs, so a file can ask for hours. Everything here is
therefore done within a `Reading`: one file, its limits and the work that is still allowed. The
unit of work is one iteration of PBKDF2-HMAC-SHA-256 (half a microsecond where this was measured),
and the price of a step is charged before the step is taken.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from eds import der
from eds.errors import (
    DamagedKeyFile,
    DecodeError,
    InvalidArgument,
    PasswordIncorrect,
    PasswordRefused,
    UnsupportedKeyFile,
    WorkFactorExceeded,
)
from eds.keys import rc2
from eds.keys.contract import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFileLimits:
    """What one key file may cost to open. With the defaults: under 1 s and 100 MB.

    `work` counts iterations of PBKDF2-HMAC-SHA-256 or what costs as much, over the whole file;
    `memory` is in octets and what scrypt alone asks for; `rsa_bits` limits the modulus, because
    the check of a larger key takes seconds; the others bound sizes and counts.
    """

    size: int = 1024 * 1024
    work: int = 1_300_000
    memory: int = 64 * 1024 * 1024
    salt: int = 4096
    objects: int = 256
    nesting: int = 4
    rsa_bits: int = 4096


LIMITS: Final = KeyFileLimits()


@dataclass(kw_only=True)
class Reading:
    """One file while it is read: its name for errors, its limits and the work done so far."""

    file: str
    limits: KeyFileLimits = LIMITS
    spent: int = 0
    objects: int = 0
    # What was derived already: both parts of a PKCS#12 may share one salt.
    derived: dict[object, bytes] = field(default_factory=dict, repr=False)

    def charge(self, work: int, *, parameter: str) -> None:
        """Pay for `work`. Raises WorkFactorExceeded."""
        self.require(work, parameter=parameter)
        self.spent += work

    def require(self, work: int, *, parameter: str) -> None:
        """Raises WorkFactorExceeded unless `work` can be paid for."""
        if self.spent + work > self.limits.work:
            raise WorkFactorExceeded(
                file=self.file,
                parameter=parameter,
                allowed=self.limits.work,
                found=self.spent + work,
            )

    def count(self) -> None:
        """One more key, certificate or bag. Raises UnsupportedKeyFile."""
        self.objects += 1
        if self.objects > self.limits.objects:
            self.unsupported(f"a file of over {self.limits.objects} objects")

    def damaged(self, reason: str) -> NoReturn:
        """Raise DamagedKeyFile."""
        raise DamagedKeyFile(file=self.file, reason=reason)

    def unsupported(self, algorithm: str) -> NoReturn:
        """Raise UnsupportedKeyFile."""
        raise UnsupportedKeyFile(file=self.file, algorithm=algorithm)

    def password_incorrect(self) -> NoReturn:
        """Raise PasswordIncorrect."""
        raise PasswordIncorrect(file=self.file)


class Password:
    """One way to write a password in octets: as UTF-8 text, and as PKCS#12 wants it.

    Its repr shows nothing.
    """

    __slots__ = ("bmp", "text")

    def __init__(self, *, text: bytes, bmp: bytes) -> None:
        self.text = text
        self.bmp = bmp

    def __repr__(self) -> str:
        return "<password>"

    def __reduce__(self) -> str:
        raise TypeError("a password is not pickled")

    @staticmethod
    def of(secret: Secret) -> Password:
        """The usual way: BMPString with its two zero octets (RFC 7292 §B.1), and UTF-8."""
        return Password.candidates(secret)[0]

    @staticmethod
    def candidates(secret: Secret) -> tuple[Password, ...]:
        """Every way that software is known to have written this password, the usual first.

        No password at all may be two zero octets or none. Before 1.1, OpenSSL took the octets
        of a password that is not ASCII for Latin-1. Characters beyond the BMP are surrogates.
        Raises PasswordRefused when the octets are not UTF-8.
        """
        bmp = secret.reveal_text().encode("utf-16-be") + b"\0\0"
        octets = secret.reveal()
        found = [Password(text=octets, bmp=bmp)]
        if not octets:
            found.append(Password(text=b"", bmp=b""))
        elif not octets.isascii():
            latin = octets.decode("latin-1").encode("utf-16-be") + b"\0\0"
            found.append(Password(text=octets, bmp=latin))
        return tuple(found)


# --- hashes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hash:
    name: str
    size: int
    block: int
    price: int  # of one iteration, in units of work; SHA-512 is slower for an iteration


_SHA1: Final = _Hash("sha1", 20, 64, 1)
_SHA224: Final = _Hash("sha224", 28, 64, 1)
_SHA256: Final = _Hash("sha256", 32, 64, 1)
_SHA384: Final = _Hash("sha384", 48, 128, 2)
_SHA512: Final = _Hash("sha512", 64, 128, 2)

_DIGESTS: Final = {
    "1.3.14.3.2.26": _SHA1,
    "2.16.840.1.101.3.4.2.4": _SHA224,
    "2.16.840.1.101.3.4.2.1": _SHA256,
    "2.16.840.1.101.3.4.2.2": _SHA384,
    "2.16.840.1.101.3.4.2.3": _SHA512,
}
_HMACS: Final = {
    "1.2.840.113549.2.7": _SHA1,
    "1.2.840.113549.2.8": _SHA224,
    "1.2.840.113549.2.9": _SHA256,
    "1.2.840.113549.2.10": _SHA384,
    "1.2.840.113549.2.11": _SHA512,
}
_HMAC_SHA256: Final = "1.2.840.113549.2.9"
_DIGEST_SHA256: Final = "2.16.840.1.101.3.4.2.1"

# The floor for any derivation: calling costs something too.
_CALL: Final = 50
# One block of our own RC2 takes 28 microseconds.
_RC2_BLOCK: Final = 60

_KEY: Final = 1
_IV: Final = 2
_MAC: Final = 3


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


# --- reading: what a file asks for -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kdf:
    """A derivation as a file describes it; `price` is for `size` octets, in units of work."""

    derive: Callable[[Password], bytes]
    price: int
    parameter: str
    size: int
    identity: object

    def key(self, password: Password, reading: Reading) -> bytes:
        place = (self.identity, password.text, password.bmp)
        if place not in reading.derived:
            reading.charge(self.price, parameter=self.parameter)
            reading.derived[place] = self.derive(password)
        return reading.derived[place]


@dataclass(frozen=True, slots=True)
class Decryption:
    """How one part of a file is decrypted. `price` is what that costs in units of work."""

    price: int
    parameter: str
    block: int
    identity: object
    run: Callable[[Password, bytes, Reading], bytes] = field(repr=False)

    def open(self, password: Password, ciphertext: bytes, reading: Reading) -> bytes:
        """The plaintext. Raises PasswordIncorrect when its padding is not one, DamagedKeyFile."""
        if not ciphertext or len(ciphertext) % self.block:
            reading.damaged("the encrypted part is cut: not whole blocks")
        padded = self.run(password, ciphertext, reading)
        count = padded[-1]
        if not 1 <= count <= self.block or padded[-count:] != bytes((count,)) * count:
            reading.password_incorrect()
        return padded[:-count]


def read_decryption(algorithm: der.Element, reading: Reading) -> Decryption:
    """What an AlgorithmIdentifier of an encryption says; no work is done yet.

    Raises UnsupportedKeyFile, WorkFactorExceeded, DamagedKeyFile.
    """
    try:
        oid, parameters = _identifier(algorithm)
        if oid in _PBES1:
            return _pbes1(oid, parameters, reading)
        if oid == _PBES2:
            return _pbes2(parameters, reading)
    except DecodeError as error:
        reading.damaged(f"malformed encryption parameters: {error}")
    reading.unsupported(f"encryption {_NAMES.get(oid, oid)}")


def _identifier(algorithm: der.Element) -> tuple[str, der.Element | None]:
    fields = algorithm.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    parameters = fields.take() if fields.next_tag is not None else None
    fields.finish()
    return oid, parameters


def _wanted(parameters: der.Element | None) -> der.Fields:
    if parameters is None:
        raise DecodeError("parameters are missing")
    return parameters.fields()


def _positive(element: der.Element, reading: Reading, *, parameter: str) -> int:
    """A count of work: never zero, and refused by itself when it is beyond all of the limit."""
    count = element.unsigned()
    if count == 0:
        element.fail("a count of zero")
    # An integer may have thousands of digits, and these would be printed.
    reading.require(min(count, 1 << 63), parameter=parameter)
    return count


def _salt(element: der.Element, reading: Reading) -> bytes:
    salt = element.expect(der.OCTET_STRING).octets
    if len(salt) > reading.limits.salt:
        raise WorkFactorExceeded(
            file=reading.file,
            parameter="octets of salt",
            allowed=reading.limits.salt,
            found=len(salt),
        )
    return salt


# -- PKCS #12: PBES1 with its own derivation

_PBES1: Final = {
    "1.2.840.113549.1.12.1.3": ("3DES", 24, 0),
    "1.2.840.113549.1.12.1.4": ("3DES", 16, 0),
    "1.2.840.113549.1.12.1.5": ("RC2", 16, 128),
    "1.2.840.113549.1.12.1.6": ("RC2", 5, 40),
}


def _price(hash_: _Hash, iterations: int, size: int) -> int:
    return max(_CALL, iterations * hash_.price) * -(-size // hash_.size)


def _pkcs12_price(hash_: _Hash, iterations: int, size: int) -> int:
    # hashlib has no such derivation; our loop takes half as long again as PBKDF2's in C.
    return _price(hash_, iterations, size) * 3 // 2


def _pbes1(oid: str, parameters: der.Element | None, reading: Reading) -> Decryption:
    fields = _wanted(parameters)
    salt = _salt(fields.take(), reading)
    iterations = _positive(fields.take(der.INTEGER), reading, parameter="iterations")
    fields.finish()
    cipher, key_size, effective_bits = _PBES1[oid]
    kdfs = tuple(
        _Kdf(
            derive=lambda password, purpose=purpose, size=size: pkcs12_kdf(  # type: ignore[misc]
                "sha1", password.bmp, salt, purpose=purpose, iterations=iterations, size=size
            ),
            price=_pkcs12_price(_SHA1, iterations, size),
            parameter="iterations",
            size=size,
            identity=("pkcs12", salt, iterations, purpose, size),
        )
        for purpose, size in ((_KEY, key_size), (_IV, 8))
    )
    price = sum(kdf.price for kdf in kdfs)
    reading.require(price, parameter="iterations")

    def run(password: Password, ciphertext: bytes, reading: Reading) -> bytes:
        key, iv = (kdf.key(password, reading) for kdf in kdfs)
        return _decrypt(cipher, key, iv, ciphertext, effective_bits, reading)

    return Decryption(price, "iterations", 8, tuple(kdf.identity for kdf in kdfs), run)


def _decrypt(
    cipher: str, key: bytes, iv: bytes, ciphertext: bytes, effective_bits: int, reading: Reading
) -> bytes:
    if cipher == "RC2":
        reading.charge(_RC2_BLOCK * (len(ciphertext) // rc2.BLOCK), parameter="octets under RC2")
        return rc2.decrypt_cbc(key, effective_bits, iv, ciphertext)
    if cipher == "3DES":
        # Two keys of eight octets are K1 K2 K1.
        algorithm: TripleDES | algorithms.AES = TripleDES(key + key[:8] if len(key) == 16 else key)
    else:
        algorithm = algorithms.AES(key)
    decryptor = Cipher(algorithm, modes.CBC(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


# -- PBES2: PBKDF2 or scrypt, and a cipher

_PBES2: Final = "1.2.840.113549.1.5.13"
_PBKDF2: Final = "1.2.840.113549.1.5.12"
_SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
_AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"
_RC2_CBC: Final = "1.2.840.113549.3.2"
_CIPHERS: Final = {
    "2.16.840.1.101.3.4.1.2": ("AES", 16, 16),
    "2.16.840.1.101.3.4.1.22": ("AES", 24, 16),
    _AES256_CBC: ("AES", 32, 16),
    "1.2.840.113549.3.7": ("3DES", 24, 8),
}
_RC2_VERSIONS: Final = {160: 40, 120: 64, 58: 128}  # RFC 8018 §B.2.3
_NAMES: Final = {
    "1.2.840.113549.1.5.1": "pbeWithMD2AndDES-CBC",
    "1.2.840.113549.1.5.3": "pbeWithMD5AndDES-CBC",
    "1.2.840.113549.1.5.4": "pbeWithMD2AndRC2-CBC",
    "1.2.840.113549.1.5.6": "pbeWithMD5AndRC2-CBC",
    "1.2.840.113549.1.5.10": "pbeWithSHA1AndDES-CBC",
    "1.2.840.113549.1.5.11": "pbeWithSHA1AndRC2-CBC",
    "1.2.840.113549.1.12.1.1": "pbeWithSHA1And128BitRC4",
    "1.2.840.113549.1.12.1.2": "pbeWithSHA1And40BitRC4",
    "2.16.840.1.101.3.4.1.46": "AES-256-GCM",
    "1.3.14.3.2.7": "DES-CBC",
}


def _pbes2(parameters: der.Element | None, reading: Reading) -> Decryption:
    fields = _wanted(parameters)
    kdf_oid, kdf_parameters = _identifier(fields.take(der.SEQUENCE))
    cipher_oid, cipher_parameters = _identifier(fields.take(der.SEQUENCE))
    fields.finish()
    effective_bits = 0
    if cipher_oid in _CIPHERS:
        cipher, key_size, block = _CIPHERS[cipher_oid]
        if cipher_parameters is None:
            raise DecodeError("the cipher has no IV")
        iv = cipher_parameters.expect(der.OCTET_STRING).octets
    elif cipher_oid == _RC2_CBC:
        cipher, key_size, block = "RC2", 0, 8
        rc2_fields = _wanted(cipher_parameters)
        version = 0
        if rc2_fields.next_tag == der.INTEGER:
            version = rc2_fields.take().small(1023)
        effective_bits = _RC2_VERSIONS.get(version, version if version >= 256 else 32)
        iv = rc2_fields.take(der.OCTET_STRING).octets
        rc2_fields.finish()
    else:
        reading.unsupported(f"cipher {_NAMES.get(cipher_oid, cipher_oid)}")
    if len(iv) != block:
        raise DecodeError(f"an IV of {len(iv)} octets")
    if kdf_oid == _PBKDF2:
        kdf = _pbkdf2(_wanted(kdf_parameters), key_size or None, reading)
    elif kdf_oid == _SCRYPT:
        kdf = _scrypt(_wanted(kdf_parameters), key_size or None, reading)
    else:
        reading.unsupported(f"key derivation {kdf_oid}")
    reading.require(kdf.price, parameter=kdf.parameter)

    def run(password: Password, ciphertext: bytes, reading: Reading) -> bytes:
        key = kdf.key(password, reading)
        return _decrypt(cipher, key, iv, ciphertext, effective_bits, reading)

    return Decryption(kdf.price, kdf.parameter, block, kdf.identity, run)


def _key_size(found: int | None, wanted: int | None) -> int:
    """The length of the derived key: what the cipher takes; only RC2 leaves the choice."""
    if wanted is None:
        wanted = 16 if found is None else found
    if found not in (None, wanted) or not 1 <= wanted <= 128:
        raise DecodeError("the length of the key does not suit the cipher")
    return wanted


def _pbkdf2(fields: der.Fields, key_size: int | None, reading: Reading) -> _Kdf:
    """PBKDF2-params (RFC 8018 §A.2)."""
    if fields.next_tag == der.SEQUENCE:
        reading.unsupported("PBKDF2 with a salt from elsewhere")
    salt = _salt(fields.take(), reading)
    iterations = _positive(fields.take(der.INTEGER), reading, parameter="iterations")
    length = fields.optional(der.INTEGER)
    size = _key_size(None if length is None else length.small(1024), key_size)
    hash_ = _SHA1
    if (prf := fields.optional(der.SEQUENCE)) is not None:
        oid, prf_parameters = _identifier(prf)
        if prf_parameters is not None:
            prf_parameters.expect(der.NULL).null()
        if oid not in _HMACS:
            reading.unsupported(f"PBKDF2 with {oid}")
        hash_ = _HMACS[oid]
    fields.finish()
    return _Kdf(
        derive=lambda password: hashlib.pbkdf2_hmac(
            hash_.name, password.text, salt, iterations, size
        ),
        price=_price(hash_, iterations, size),
        parameter="iterations",
        size=size,
        identity=("pbkdf2", hash_, salt, iterations, size),
    )


def _scrypt(fields: der.Fields, key_size: int | None, reading: Reading) -> _Kdf:
    """scrypt-params (RFC 7914 §7.1)."""
    salt = _salt(fields.take(), reading)
    cost, block_size, parallel = (
        _positive(fields.take(der.INTEGER), reading, parameter="scrypt N·r·p") for _ in range(3)
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
    return _Kdf(
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
        size=size,
        identity=("scrypt", salt, cost, block_size, parallel, size),
    )


# --- message authentication of PKCS #12 --------------------------------------------------------

_PBMAC1: Final = "1.2.840.113549.1.5.14"


@dataclass(frozen=True, slots=True)
class Authentication:
    """How the whole of a PKCS#12 is authenticated: MacData of RFC 7292 §4 or RFC 9579."""

    hash: _Hash
    kdf: _Kdf
    value: bytes

    @property
    def price(self) -> int:
        """What it costs to ask, in units of work."""
        return self.kdf.price

    def holds(self, password: Password, message: bytes, reading: Reading) -> bool:
        """Whether `message` is authentic under this password."""
        key = self.kdf.key(password, reading)
        return hmac.compare_digest(hmac.digest(key, message, self.hash.name), self.value)


def read_authentication(mac_data: der.Element, reading: Reading) -> Authentication:
    """What MacData says; no work is done yet. Raises as `read_decryption` does."""
    try:
        fields = mac_data.fields()
        digest_info = fields.take(der.SEQUENCE).fields()
        oid, parameters = _identifier(digest_info.take(der.SEQUENCE))
        value = digest_info.take(der.OCTET_STRING).octets
        digest_info.finish()
        if oid == _PBMAC1:
            # Salt and iterations beside it are placeholders then (RFC 9579 §4).
            return _pbmac1(parameters, value, reading)
        salt = _salt(fields.take(), reading)
        iterations = 1
        if (element := fields.optional(der.INTEGER)) is not None:
            iterations = _positive(element, reading, parameter="MAC iterations")
        fields.finish()
        if oid not in _DIGESTS:
            reading.unsupported(f"authentication with {oid}")
        hash_ = _DIGESTS[oid]
        if len(value) != hash_.size:
            raise DecodeError("a MAC that does not have the length of its hash")
    except DecodeError as error:
        reading.damaged(f"malformed MAC: {error}")
    kdf = _Kdf(
        derive=lambda password: pkcs12_kdf(
            hash_.name, password.bmp, salt, purpose=_MAC, iterations=iterations, size=hash_.size
        ),
        price=_pkcs12_price(hash_, iterations, hash_.size),
        parameter="MAC iterations",
        size=hash_.size,
        identity=("pkcs12", hash_, salt, iterations, _MAC),
    )
    reading.require(kdf.price, parameter="MAC iterations")
    return Authentication(hash_, kdf, value)


def _pbmac1(parameters: der.Element | None, value: bytes, reading: Reading) -> Authentication:
    """PBMAC1-params (RFC 8018 §A.5). The length of the key must be said (RFC 9579 §5)."""
    fields = _wanted(parameters)
    kdf_oid, kdf_parameters = _identifier(fields.take(der.SEQUENCE))
    mac_oid, mac_parameters = _identifier(fields.take(der.SEQUENCE))
    fields.finish()
    if mac_parameters is not None:
        mac_parameters.expect(der.NULL).null()
    if kdf_oid != _PBKDF2 or mac_oid not in _HMACS:
        reading.unsupported(f"PBMAC1 with {mac_oid if kdf_oid == _PBKDF2 else kdf_oid}")
    kdf_fields = _wanted(kdf_parameters)
    look = _wanted(kdf_parameters)
    look.take()
    look.take(der.INTEGER)
    if look.next_tag != der.INTEGER:
        raise DecodeError("PBMAC1 does not say how long its key is")
    size = look.take().small(0xFFFFFFFF)
    # RFC 9579 §5: under 20 octets are refused; 64 are as many as HMAC-SHA-512 has a use for.
    if not 20 <= size <= 64:
        raise DecodeError(
            f"PBMAC1 with a key of {size if size < 1 << 32 else 'absurdly many'} octets"
        )
    kdf = _pbkdf2(kdf_fields, size, reading)
    hash_ = _HMACS[mac_oid]
    if len(value) != hash_.size:
        raise DecodeError("a MAC that does not have the length of its hash")
    reading.require(kdf.price, parameter="MAC iterations")
    return Authentication(hash_, kdf, value)


# --- writing -----------------------------------------------------------------------------------

_SALT: Final = 16  # octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrypt:
    """The cost of a new key file of our own.

    The default is the strongest that OpenSSL opens without being told to (it stops at 32 MiB),
    and one of the settings OWASP lists as equal to N = 2**17, r = 8, p = 1.
    """

    cost: int = 2**14
    block_size: int = 8
    parallel: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pbkdf2:
    """The cost of a new PKCS#12: HMAC-SHA-256 for encryption, and for its MAC.

    The MAC is the limit, not the encryption: .NET refuses over 300,000 iterations of it. An
    iteration of the MAC's derivation is one SHA-256, one of PBKDF2 is two; so half as many for
    the encryption cost whoever guesses the same, and none of the two undoes the other.
    """

    iterations: int = 150_000
    mac_iterations: int = 300_000


def require_new_password(secret: Secret) -> Password:
    """The password for something new. Raises PasswordRefused when it is empty or not text."""
    if not secret:
        raise PasswordRefused(reason="a new password must not be empty")
    return Password.of(secret)


class Encryption:
    """PBES2 with AES-256 in CBC mode under one password and salt, for one new file."""

    def __init__(self, password: Password, cost: Scrypt | Pbkdf2) -> None:
        salt = os.urandom(_SALT)
        if isinstance(cost, Scrypt):
            if cost.cost < 2 or cost.cost & (cost.cost - 1):
                raise InvalidArgument(argument="cost", reason="scrypt takes a power of two")
            self._kdf = der.sequence(
                der.object_identifier(_SCRYPT),
                der.sequence(
                    der.octet_string(salt),
                    der.integer(cost.cost),
                    der.integer(cost.block_size),
                    der.integer(cost.parallel),
                ),
            )
            self._key = hashlib.scrypt(
                password.text,
                salt=salt,
                n=cost.cost,
                r=cost.block_size,
                p=cost.parallel,
                maxmem=256 * cost.block_size * (cost.cost + cost.parallel + 2),
                dklen=32,
            )
        else:
            self._kdf = der.sequence(
                der.object_identifier(_PBKDF2),
                der.sequence(
                    der.octet_string(salt),
                    der.integer(cost.iterations),
                    der.sequence(der.object_identifier(_HMAC_SHA256), der.null()),
                ),
            )
            self._key = hashlib.pbkdf2_hmac("sha256", password.text, salt, cost.iterations, 32)

    def __repr__(self) -> str:
        return "<encryption>"

    def encrypt(self, plaintext: bytes) -> tuple[bytes, bytes]:
        """(encoded AlgorithmIdentifier, ciphertext), under a new IV."""
        iv = os.urandom(16)
        count = 16 - len(plaintext) % 16
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(iv)).encryptor()
        ciphertext = encryptor.update(plaintext + bytes((count,)) * count) + encryptor.finalize()
        cipher = der.sequence(der.object_identifier(_AES256_CBC), der.octet_string(iv))
        scheme = der.sequence(der.object_identifier(_PBES2), der.sequence(self._kdf, cipher))
        return scheme, ciphertext


def mac_data(password: Password, message: bytes, cost: Pbkdf2) -> bytes:
    """MacData of RFC 7292 §4 with HMAC-SHA-256 over `message`: what all software can check."""
    salt = os.urandom(_SALT)
    key = pkcs12_kdf(
        "sha256", password.bmp, salt, purpose=_MAC, iterations=cost.mac_iterations, size=32
    )
    algorithm = der.sequence(der.object_identifier(_DIGEST_SHA256), der.null())
    value = der.octet_string(hmac.digest(key, message, "sha256"))
    # One is the DEFAULT, and DER leaves a default out.
    count = der.integer(cost.mac_iterations) if cost.mac_iterations > 1 else b""
    return der.sequence(der.sequence(algorithm, value), der.octet_string(salt), count)
