"""PKCS#8 (RFC 5208, RFC 5958), encrypted or not, and the older forms of RSA and EC keys.

What is written is encrypted with PBES2; what is read may be anything `pbe` reads.
"""

from __future__ import annotations

from typing import Final

from eds import der
from eds.algorithms import EC_PUBLIC_KEY, RSA_ENCRYPTION
from eds.errors import DecodeError, InvalidKey, PasswordIncorrect
from eds.keys.contract import KeyPurpose, Secret
from eds.keys.pbe import Encryption, NcaEncryption, Pbkdf2, Scrypt, read_decryption
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import Password, Reading, require_new_password

_KEY_USAGE: Final = "2.5.29.15"
# The bits of KeyUsage (RFC 5280 §4.2.1.3) that a purpose stands for.
_BITS: Final = {
    KeyPurpose.AUTHENTICATION: frozenset({0}),
    KeyPurpose.SIGNATURE: frozenset({1}),
    KeyPurpose.CERTIFICATION: frozenset({5, 6}),
}


def encrypt(key: PrivateKey, secret: Secret, *, cost: Scrypt | Pbkdf2 | None = None) -> bytes:
    """EncryptedPrivateKeyInfo (RFC 5958 §3): PBES2, AES-256-CBC, scrypt unless `cost` says other.

    Raises PasswordRefused.
    """
    encryption = Encryption(require_new_password(secret), cost or Scrypt())
    return wrap(key.encoded, encryption)


def wrap(plaintext: bytes, encryption: Encryption | NcaEncryption) -> bytes:
    """EncryptedPrivateKeyInfo around one PrivateKeyInfo."""
    scheme, ciphertext = encryption.encrypt(plaintext)
    return der.sequence(scheme, der.octet_string(ciphertext))


def decrypt(encoded: bytes, secret: Secret, reading: Reading) -> PrivateKey:
    """The key in one EncryptedPrivateKeyInfo.

    Nothing authenticates such a value: a wrong password and a changed ciphertext look the same,
    and both are PasswordIncorrect. Raises also DamagedKeyFile, UnsupportedKeyFile,
    WorkFactorExceeded.
    """
    # PBES1 writes the password as PKCS#12 does, with the same uncertainty.
    for password in Password.candidates(secret):
        key = decrypt_with(encoded, password, reading)
        if key is not None:
            return key
    reading.password_incorrect()


def decrypt_with(encoded: bytes, password: Password, reading: Reading) -> PrivateKey | None:
    """The same with the password written in one way; None when that does not open it."""
    try:
        fields = der.decode(encoded).fields()
        scheme = fields.take(der.SEQUENCE)
        ciphertext = fields.take(der.OCTET_STRING).octets
        fields.finish()
    except DecodeError as error:
        reading.damaged(f"not an EncryptedPrivateKeyInfo: {error}")
    decryption = read_decryption(scheme, reading)
    try:
        return PrivateKey(decryption.open(password, ciphertext, reading))
    except (PasswordIncorrect, InvalidKey):
        return None


def is_encrypted(encoded: bytes) -> bool:
    """Whether this DER value has the shape of an EncryptedPrivateKeyInfo."""
    try:
        return der.decode(encoded).fields().next_tag == der.SEQUENCE
    except DecodeError:
        return False


def from_traditional(encoded: bytes) -> PrivateKey:
    """PrivateKeyInfo around an RSAPrivateKey (RFC 8017 §A.1.2) or ECPrivateKey (RFC 5915 §3).

    Raises InvalidKey.
    """
    try:
        fields = der.decode(encoded).fields()
        version = fields.take(der.INTEGER).small(1)
        if version == 1 and fields.next_tag == der.OCTET_STRING:
            fields.take()
            parameters = fields.optional(der.context(0))
            if parameters is None:
                raise InvalidKey(reason="an EC key that does not name its curve")
            algorithm = der.sequence(
                der.object_identifier(EC_PUBLIC_KEY), parameters.only_child().encoded
            )
        else:
            algorithm = der.sequence(der.object_identifier(RSA_ENCRYPTION), der.null())
    except DecodeError as error:
        raise InvalidKey(reason=f"not an RSA or EC private key: {error}") from None
    return PrivateKey(der.sequence(der.integer(0), algorithm, der.octet_string(encoded)))


# --- purpose -------------------------------------------------------------------------------------


def purpose_of(key: PrivateKey) -> KeyPurpose | None:
    """What the keyUsage attribute of a PrivateKeyInfo says; None where there is none.

    Raises InvalidKey when the attributes are not such.
    """
    found: KeyPurpose | None = None
    for oid, _, value in _attributes(key):
        if oid == _KEY_USAGE:
            try:
                bits = value.expect(der.BIT_STRING).named_bits()
            except DecodeError as error:
                raise InvalidKey(reason=f"malformed key usage: {error}") from None
            if found is not None:
                raise InvalidKey(reason="two statements of the key usage")
            found = purpose_of_bits(bits)
    return found


def purpose_of_bits(bits: frozenset[int]) -> KeyPurpose:
    """The purposes that the bits of a KeyUsage stand for."""
    return KeyPurpose(sum(purpose.value for purpose, wanted in _BITS.items() if bits & wanted))


def with_purpose(key: PrivateKey, purpose: KeyPurpose) -> PrivateKey:
    """The same key with its purpose as keyUsage attribute; other attributes stay."""
    bits = frozenset[int]().union(*(_BITS[flag] for flag in purpose))
    statement = der.sequence(
        der.object_identifier(_KEY_USAGE), der.value(der.SET, der.named_bits(bits))
    )
    others = [encoded for oid, encoded, _ in _attributes(key) if oid != _KEY_USAGE]
    return _with_attributes(key, (*others, statement))


def _attributes(key: PrivateKey) -> list[tuple[str, bytes, der.Element]]:
    """(OID, whole attribute, first value) of each attribute."""
    found: list[tuple[str, bytes, der.Element]] = []
    if not key.attributes:
        return found
    try:
        for attribute in der.decode(key.attributes).children():
            fields = attribute.fields()
            oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
            values = fields.take(der.SET).children()
            fields.finish()
            if not values:
                attribute.fail("an attribute without a value")
            found.append((oid, attribute.encoded, values[0]))
    except DecodeError as error:
        raise InvalidKey(reason=f"malformed attributes: {error}") from None
    return found


def _with_attributes(key: PrivateKey, attributes: tuple[bytes, ...]) -> PrivateKey:
    parts: list[bytes] = []
    public = b""
    for child in der.decode(key.encoded).iterate():
        if child.tag == der.context(1, constructed=False):
            public = child.encoded
        elif child.tag != der.context(0):
            parts.append(child.encoded)
    encoded = der.value(der.context(0), *sorted(attributes)) if attributes else b""
    return PrivateKey(der.sequence(*parts, encoded, public))
