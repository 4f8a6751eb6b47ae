"""What authenticates a whole PKCS#12: MacData of RFC 7292 §4, and PBMAC1 of RFC 9579."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from typing import Final

from eds import der
from eds.errors import DecodeError
from eds.keys import kdf
from eds.keys.reading import Password, Reading

_SALT: Final = 20  # octets, as the NCA RK has them; RFC 7292 §B.4 asks for eight
_PBMAC1: Final = "1.2.840.113549.1.5.14"


@dataclass(frozen=True, slots=True)
class Authentication:
    """How the whole of a PKCS#12 is authenticated: MacData of RFC 7292 §4 or RFC 9579."""

    hash: kdf.Hash
    derivation: kdf.Kdf
    value: bytes

    @property
    def price(self) -> int:
        """What it costs to ask, in units of work."""
        return self.derivation.price

    def holds(self, password: Password, message: bytes, reading: Reading) -> bool:
        """Whether `message` is authentic under this password."""
        key = self.derivation.key(password, reading)
        return hmac.compare_digest(hmac.digest(key, message, self.hash.name), self.value)


def read_authentication(mac_data: der.Element, reading: Reading) -> Authentication:
    """What MacData says; no work is done yet. Raises as `read_decryption` does."""
    try:
        fields = mac_data.fields()
        digest_info = fields.take(der.SEQUENCE).fields()
        oid, parameters = kdf.identifier(digest_info.take(der.SEQUENCE))
        value = digest_info.take(der.OCTET_STRING).octets
        digest_info.finish()
        if oid == _PBMAC1:
            # Salt and iterations beside it are placeholders then (RFC 9579 §4).
            return _pbmac1(parameters, value, reading)
        salt = kdf.salt_of(fields.take(), reading)
        iterations = 1
        if (element := fields.optional(der.INTEGER)) is not None:
            iterations = kdf.positive(element, reading, parameter="MAC iterations")
        fields.finish()
        if oid not in kdf.DIGESTS:
            reading.unsupported(f"authentication with {oid}")
        hash_ = kdf.DIGESTS[oid]
        if len(value) != hash_.size:
            raise DecodeError("a MAC that does not have the length of its hash")
    except DecodeError as error:
        reading.damaged(f"malformed MAC: {error}")
    derivation = kdf.pkcs12(hash_, salt, iterations, purpose=kdf.MAC, size=hash_.size)
    reading.require(derivation.price, parameter="MAC iterations")
    return Authentication(hash_, derivation, value)


def _pbmac1(parameters: der.Element | None, value: bytes, reading: Reading) -> Authentication:
    """PBMAC1-params (RFC 8018 §A.5). The length of the key must be said (RFC 9579 §5)."""
    fields = kdf.fields_of(parameters)
    kdf_oid, kdf_parameters = kdf.identifier(fields.take(der.SEQUENCE))
    mac_oid, mac_parameters = kdf.identifier(fields.take(der.SEQUENCE))
    fields.finish()
    if mac_parameters is not None:
        mac_parameters.expect(der.NULL).null()
    if kdf_oid != kdf.PBKDF2 or mac_oid not in kdf.HMACS:
        reading.unsupported(f"PBMAC1 with {mac_oid if kdf_oid == kdf.PBKDF2 else kdf_oid}")
    kdf_fields = kdf.fields_of(kdf_parameters)
    look = kdf.fields_of(kdf_parameters)
    look.take()
    look.take(der.INTEGER)
    if look.next_tag != der.INTEGER:
        raise DecodeError("PBMAC1 does not say how long its key is")
    size = look.take().small(0xFFFFFFFF)
    # RFC 9579 §5: under 20 octets are refused; 64 are as many as HMAC-SHA-512 has a use for.
    if not 20 <= size <= 64:
        raise DecodeError(f"PBMAC1 with a key of {size} octets")
    derivation = kdf.pbkdf2(kdf_fields, size, reading)
    hash_ = kdf.HMACS[mac_oid]
    if len(value) != hash_.size:
        raise DecodeError("a MAC that does not have the length of its hash")
    reading.require(derivation.price, parameter="MAC iterations")
    return Authentication(hash_, derivation, value)


def mac_data(
    password: Password, message: bytes, *, iterations: int, digest: str = kdf.DIGEST_SHA256
) -> bytes:
    """MacData of RFC 7292 §4 over `message`; with HMAC-SHA-256 all software can check it.

    `digest` is the OID of another hash.
    """
    hash_ = kdf.DIGESTS[digest]
    salt = os.urandom(_SALT)
    key = kdf.pkcs12_kdf(
        hash_.name, password.bmp, salt, purpose=kdf.MAC, iterations=iterations, size=hash_.size
    )
    algorithm = der.sequence(der.object_identifier(digest), der.null())
    value = der.octet_string(hmac.digest(key, message, hash_.name))
    # One is the DEFAULT, and DER leaves a default out.
    count = der.integer(iterations) if iterations > 1 else b""
    return der.sequence(der.sequence(algorithm, value), der.octet_string(salt), count)
