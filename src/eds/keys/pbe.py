"""Password-based encryption: PBES1 of PKCS#12 (RFC 7292 §C) and PBES2 (RFC 8018 §6.2).

Read is what is in use; written is PBES2 with AES-256 in CBC mode, and on request what the NCA RK
writes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from eds import der
from eds.errors import DecodeError, InvalidArgument
from eds.keys import kdf, rc2
from eds.keys.reading import Password, Reading

__all__ = ["Decryption", "Encryption", "Pbkdf2", "Reading", "Scrypt", "read_decryption"]

# One block of our own RC2 takes 28 microseconds.
_RC2_BLOCK: Final = 60


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
        oid, parameters = kdf.identifier(algorithm)
        if oid in _PBES1:
            return _pbes1(oid, parameters, reading)
        if oid == _PBES2:
            return _pbes2(parameters, reading)
    except DecodeError as error:
        reading.damaged(f"malformed encryption parameters: {error}")
    reading.unsupported(f"encryption {_NAMES.get(oid, oid)}")


# -- PKCS #12: PBES1 with its own derivation

PBE_3DES: Final = "1.2.840.113549.1.12.1.3"
PBE_RC2_40: Final = "1.2.840.113549.1.12.1.6"
_PBES1: Final = {
    PBE_3DES: ("3DES", 24, 0),
    "1.2.840.113549.1.12.1.4": ("3DES", 16, 0),
    "1.2.840.113549.1.12.1.5": ("RC2", 16, 128),
    PBE_RC2_40: ("RC2", 5, 40),
}


def _pbes1(oid: str, parameters: der.Element | None, reading: Reading) -> Decryption:
    fields = kdf.fields_of(parameters)
    salt = kdf.salt_of(fields.take(), reading)
    iterations = kdf.positive(fields.take(der.INTEGER), reading, parameter="iterations")
    fields.finish()
    cipher, key_size, effective_bits = _PBES1[oid]
    kdfs = tuple(
        kdf.pkcs12(kdf.SHA1, salt, iterations, purpose=purpose, size=size)
        for purpose, size in ((kdf.KEY, key_size), (kdf.IV, 8))
    )
    price = sum(one.price for one in kdfs)
    reading.require(price, parameter="iterations")

    def run(password: Password, ciphertext: bytes, reading: Reading) -> bytes:
        key, iv = (one.key(password, reading) for one in kdfs)
        return _decrypt(cipher, key, iv, ciphertext, effective_bits, reading)

    return Decryption(price, "iterations", 8, tuple(one.identity for one in kdfs), run)


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
    fields = kdf.fields_of(parameters)
    kdf_oid, kdf_parameters = kdf.identifier(fields.take(der.SEQUENCE))
    cipher_oid, cipher_parameters = kdf.identifier(fields.take(der.SEQUENCE))
    fields.finish()
    effective_bits = 0
    if cipher_oid in _CIPHERS:
        cipher, key_size, block = _CIPHERS[cipher_oid]
        if cipher_parameters is None:
            raise DecodeError("the cipher has no IV")
        iv = cipher_parameters.expect(der.OCTET_STRING).octets
    elif cipher_oid == _RC2_CBC:
        cipher, key_size, block = "RC2", 0, 8
        rc2_fields = kdf.fields_of(cipher_parameters)
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
    if kdf_oid == kdf.PBKDF2:
        derivation = kdf.pbkdf2(kdf.fields_of(kdf_parameters), key_size or None, reading)
    elif kdf_oid == kdf.SCRYPT:
        derivation = kdf.scrypt(kdf.fields_of(kdf_parameters), key_size or None, reading)
    else:
        reading.unsupported(f"key derivation {kdf_oid}")
    reading.require(derivation.price, parameter=derivation.parameter)

    def run(password: Password, ciphertext: bytes, reading: Reading) -> bytes:
        key = derivation.key(password, reading)
        return _decrypt(cipher, key, iv, ciphertext, effective_bits, reading)

    return Decryption(derivation.price, derivation.parameter, block, derivation.identity, run)


# --- writing ----------------------------------------------------------------------------------

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


class Encryption:
    """PBES2 with AES-256 in CBC mode under one password and salt, for one new file."""

    def __init__(self, password: Password, cost: Scrypt | Pbkdf2) -> None:
        salt = os.urandom(_SALT)
        if isinstance(cost, Scrypt):
            if cost.cost < 2 or cost.cost & (cost.cost - 1):
                raise InvalidArgument(argument="cost", reason="scrypt takes a power of two")
            self._kdf = der.sequence(
                der.object_identifier(kdf.SCRYPT),
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
                der.object_identifier(kdf.PBKDF2),
                der.sequence(
                    der.octet_string(salt),
                    der.integer(cost.iterations),
                    der.sequence(der.object_identifier(kdf.HMAC_SHA256), der.null()),
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


NCA_ITERATIONS: Final = 1024
_NCA_SALT: Final = 20  # octets


class NcaEncryption:
    """PBES1 as the NCA RK writes its key files, for software that reads nothing else.

    `oid` is pbeWithSHA1And3-KeyTripleDES-CBC for keys, pbeWithSHA1And40BitRC2-CBC for
    certificates. 1,024 iterations of SHA-1 hold nobody up who guesses passwords.
    """

    def __init__(self, password: Password, oid: str) -> None:
        salt = os.urandom(_NCA_SALT)
        self._cipher, key_size, self._effective_bits = _PBES1[oid]
        self._key, self._iv = (
            kdf.pkcs12_kdf(
                "sha1", password.bmp, salt, purpose=purpose, iterations=NCA_ITERATIONS, size=size
            )
            for purpose, size in ((kdf.KEY, key_size), (kdf.IV, 8))
        )
        self._scheme = der.sequence(
            der.object_identifier(oid),
            der.sequence(der.octet_string(salt), der.integer(NCA_ITERATIONS)),
        )

    def __repr__(self) -> str:
        return "<encryption>"

    def encrypt(self, plaintext: bytes) -> tuple[bytes, bytes]:
        """(encoded AlgorithmIdentifier, ciphertext). One value for one object: the IV is fixed."""
        count = 8 - len(plaintext) % 8
        padded = plaintext + bytes((count,)) * count
        if self._cipher == "RC2":
            return self._scheme, rc2.encrypt_cbc(self._key, self._effective_bits, self._iv, padded)
        encryptor = Cipher(TripleDES(self._key), modes.CBC(self._iv)).encryptor()
        return self._scheme, encryptor.update(padded) + encryptor.finalize()
