"""PKCS#12 (RFC 7292): keys with their certificates in one file, as citizens carry them.

The reader takes what is in use: BER, old and new encryption, all ways to write a password. It
says which of four things is wrong: the password, the file, an algorithm, or the amount of work.
The writer writes one form, which OpenSSL, Java, .NET and `cryptography` open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from eds import der
from eds.ber import octets, to_der
from eds.certificates import Certificate
from eds.errors import DecodeError, InvalidKey, PasswordIncorrect
from eds.keys import pkcs8
from eds.keys.contract import Secret
from eds.keys.kdf import DIGEST_SHA1
from eds.keys.mac import Authentication, mac_data, read_authentication
from eds.keys.pbe import (
    NCA_ITERATIONS,
    PBE_3DES,
    PBE_RC2_40,
    Encryption,
    NcaEncryption,
    Pbkdf2,
    read_decryption,
)
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import Password, Reading, require_new_password

_DATA: Final = "1.2.840.113549.1.7.1"
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_ENCRYPTED_DATA: Final = "1.2.840.113549.1.7.6"
_BAGS: Final = "1.2.840.113549.1.12.10.1."
_KEY_BAG: Final = _BAGS + "1"
_SHROUDED_KEY_BAG: Final = _BAGS + "2"
_CERTIFICATE_BAG: Final = _BAGS + "3"
_SAFE_CONTENTS_BAG: Final = _BAGS + "6"
_X509: Final = "1.2.840.113549.1.9.22.1"
_FRIENDLY_NAME: Final = "1.2.840.113549.1.9.20"
_LOCAL_KEY_ID: Final = "1.2.840.113549.1.9.21"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A private key with the name and the identifier that stand beside it."""

    private_key: PrivateKey
    friendly_name: str = ""
    local_key_id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEntry:
    """A certificate with the name and the identifier that stand beside it."""

    certificate: Certificate
    friendly_name: str = ""
    local_key_id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in one PKCS#12 file, in its order."""

    keys: tuple[KeyEntry, ...] = ()
    certificates: tuple[CertificateEntry, ...] = ()


# --- reading -------------------------------------------------------------------------------------


def is_pkcs12(data: bytes) -> bool:
    """Whether `data` begins as a PFX does, in BER or DER: version 3 and a ContentInfo."""
    # The length of the outer SEQUENCE takes one to five octets, and says nothing here.
    return data[:1] == b"\x30" and any(data[at : at + 4] == b"\2\1\3\x30" for at in range(2, 8))


def read(data: bytes, secret: Secret, reading: Reading) -> Contents:
    """Everything in the file that the password opens.

    Raises PasswordIncorrect, DamagedKeyFile, UnsupportedKeyFile, WorkFactorExceeded. Where the
    MAC does not hold but the password opens a key, the file is damaged; where the password
    opens nothing, it is the password that is wrong, as far as anybody can tell.
    """
    try:
        content, authentication = _pfx(data, reading)
        parts = _parts(content, reading)
        _charge_beforehand(parts, authentication, reading)
        passwords = Password.candidates(secret)
        if authentication is not None:
            password = next(
                (one for one in passwords if authentication.holds(one, content, reading)), None
            )
            if password is None:
                if any(_opens_a_key(parts, one, reading) for one in passwords):
                    reading.damaged("the password is right, and the MAC does not hold")
                reading.password_incorrect()
            # The MAC has spoken for the password: what does not open now is damaged.
            try:
                return _Reader(password, reading).read(parts)
            except PasswordIncorrect:
                reading.damaged("a part of the file does not decrypt")
        for password in passwords[:-1]:
            try:
                return _Reader(password, reading).read(parts)
            except PasswordIncorrect:
                continue
        return _Reader(passwords[-1], reading).read(parts)
    except DecodeError as error:
        reading.damaged(str(error))
    except InvalidKey as error:
        reading.damaged(error.reason)


def _limits(reading: Reading) -> der.Limits:
    return der.Limits(size=reading.limits.size, elements=4 * reading.limits.objects)


def _der(data: bytes, reading: Reading) -> bytes:
    return to_der(data, limits=_limits(reading)).encoded


def _pfx(data: bytes, reading: Reading) -> tuple[bytes, Authentication | None]:
    """The octets that are authenticated, and how. They may be BER of their own."""
    fields = der.decode(_der(data, reading)).fields()
    version = fields.take(der.INTEGER).small(255)
    if version != 3:
        reading.unsupported(f"PKCS#12 version {version}")
    oid, content = _content_info(fields.take(der.SEQUENCE))
    if oid == _SIGNED_DATA:
        reading.unsupported("PKCS#12 authenticated by a signature")
    if oid != _DATA:
        raise DecodeError(f"a PKCS#12 of content type {oid}")
    authentication = None
    if fields.next_tag is not None:
        authentication = read_authentication(fields.take(der.SEQUENCE), reading)
    fields.finish()
    return content.expect(der.OCTET_STRING).octets, authentication


def _content_info(element: der.Element) -> tuple[str, der.Element]:
    fields = element.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    content = fields.take(der.context(0)).only_child()
    fields.finish()
    return oid, content


@dataclass(frozen=True, slots=True)
class _Part:
    """One ContentInfo of the AuthenticatedSafe: SafeContents, or what decrypts to it."""

    octets: bytes = field(repr=False)
    scheme: der.Element | None = None


def _parts(content: bytes, reading: Reading) -> tuple[_Part, ...]:
    found: list[_Part] = []
    safe = der.decode(_der(content, reading)).expect(der.SEQUENCE)
    for child in safe.children(limits=_limits(reading)):
        reading.count()
        oid, inner = _content_info(child)
        if oid == _DATA:
            found.append(_Part(inner.expect(der.OCTET_STRING).octets))
        elif oid == _ENCRYPTED_DATA:
            fields = inner.fields()
            fields.take(der.INTEGER).small(2)
            encrypted = fields.take(der.SEQUENCE).fields()
            if encrypted.take(der.OBJECT_IDENTIFIER).object_identifier() != _DATA:
                raise DecodeError("encrypted content that is not data")
            scheme = encrypted.take(der.SEQUENCE)
            ciphertext = encrypted.take()
            if ciphertext.tag & ~0x20 != der.context(0, constructed=False):
                ciphertext.fail("encrypted data without its content")
            encrypted.finish()
            # In pieces, as the NCA writes it, or whole.
            found.append(_Part(octets(ciphertext), scheme))
        else:
            reading.unsupported(f"PKCS#12 content {oid}")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Bag:
    oid: str
    value: der.Element
    attributes: dict[str, der.Element]


def _bags(contents: bytes, reading: Reading, *, level: int = 0) -> tuple[_Bag, ...]:
    """The bags of one SafeContents, nested ones too."""
    if level > reading.limits.nesting:
        reading.unsupported(f"SafeContents nested over {reading.limits.nesting} deep")
    found: list[_Bag] = []
    safe = der.decode(_der(contents, reading)).expect(der.SEQUENCE)
    for child in safe.children(limits=_limits(reading)):
        reading.count()
        fields = child.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        value = fields.take(der.context(0)).only_child()
        attributes: dict[str, der.Element] = {}
        if (attribute_set := fields.optional(der.SET)) is not None:
            for attribute in attribute_set.children(limits=_limits(reading)):
                pair = attribute.fields()
                name = pair.take(der.OBJECT_IDENTIFIER).object_identifier()
                values = pair.take(der.SET).children(limits=_limits(reading))
                pair.finish()
                if values:
                    attributes[name] = values[0]
        fields.finish()
        if oid == _SAFE_CONTENTS_BAG:
            found += _bags(value.encoded, reading, level=level + 1)
        else:
            found.append(_Bag(oid, value, attributes))
    return tuple(found)


def _charge_beforehand(
    parts: Sequence[_Part], authentication: Authentication | None, reading: Reading
) -> None:
    """Refuse the whole before any work if what can be seen of it is too much together."""
    total = 0 if authentication is None else authentication.price
    seen = set()
    for part in parts:
        if part.scheme is not None:
            schemes = [part.scheme]
        else:
            counted = reading.objects  # they are counted again when they are read
            schemes = [
                bag.value.fields().take(der.SEQUENCE)
                for bag in _bags(part.octets, reading)
                if bag.oid == _SHROUDED_KEY_BAG
            ]
            reading.objects = counted
        for scheme in schemes:
            decryption = read_decryption(scheme, reading)
            if decryption.identity not in seen:
                seen.add(decryption.identity)
                total += decryption.price
    reading.require(total, parameter="iterations in all")


def _opens_a_key(parts: Sequence[_Part], password: Password, reading: Reading) -> bool:
    """Whether the password opens the first encrypted key, whatever the MAC says."""
    for part in parts:
        if part.scheme is None:
            for bag in _bags(part.octets, reading):
                if bag.oid == _SHROUDED_KEY_BAG:
                    key = pkcs8.decrypt_with(bag.value.encoded, password, reading)
                    return key is not None
    return False


class _Reader:
    """Collects keys and certificates from the parts, with one password."""

    def __init__(self, password: Password, reading: Reading) -> None:
        self._password = password
        self._reading = reading
        self._keys: list[KeyEntry] = []
        self._certificates: list[CertificateEntry] = []
        self._take: dict[str, Callable[[_Bag], None]] = {
            _KEY_BAG: self._key,
            _SHROUDED_KEY_BAG: self._shrouded_key,
            _CERTIFICATE_BAG: self._certificate,
        }

    def read(self, parts: Sequence[_Part]) -> Contents:
        for part in parts:
            contents = part.octets
            if part.scheme is not None:
                decryption = read_decryption(part.scheme, self._reading)
                contents = decryption.open(self._password, contents, self._reading)
            for bag in _bags(contents, self._reading):
                # Lists, secrets and what else may be there is nobody's key.
                take = self._take.get(bag.oid)
                if take is not None:
                    take(bag)
        return Contents(keys=tuple(self._keys), certificates=tuple(self._certificates))

    def _key(self, bag: _Bag) -> None:
        self._add_key(PrivateKey(bag.value.encoded), bag)

    def _shrouded_key(self, bag: _Bag) -> None:
        key = pkcs8.decrypt_with(bag.value.encoded, self._password, self._reading)
        if key is None:
            self._reading.password_incorrect()
        self._add_key(key, bag)

    def _add_key(self, key: PrivateKey, bag: _Bag) -> None:
        self._keys.append(
            KeyEntry(private_key=key, friendly_name=_name(bag), local_key_id=_local_key_id(bag))
        )

    def _certificate(self, bag: _Bag) -> None:
        fields = bag.value.fields()
        kind = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        content = fields.take(der.context(0)).only_child()
        fields.finish()
        if kind != _X509:
            return
        self._certificates.append(
            CertificateEntry(
                certificate=Certificate(content.expect(der.OCTET_STRING).octets),
                friendly_name=_name(bag),
                local_key_id=_local_key_id(bag),
            )
        )


def _name(bag: _Bag) -> str:
    element = bag.attributes.get(_FRIENDLY_NAME)
    # Some write UTF8String; what is no text at all is not worth a refusal.
    try:
        return "" if element is None else element.text().rstrip("\0")
    except DecodeError:
        return ""


def _local_key_id(bag: _Bag) -> bytes:
    element = bag.attributes.get(_LOCAL_KEY_ID)
    return b"" if element is None else element.octets


# --- writing -------------------------------------------------------------------------------------


def write(contents: Contents, secret: Secret, *, cost: Pbkdf2 | None = None) -> bytes:
    """One DER PFX: keys and certificates under PBES2 (PBKDF2-HMAC-SHA-256, AES-256-CBC).

    A MAC with HMAC-SHA-256 covers all. Raises PasswordRefused.
    """
    cost = cost or Pbkdf2()
    password = require_new_password(secret)
    encryption = Encryption(password, cost)
    parts: list[bytes] = []
    if contents.certificates:
        parts.append(_certificates(contents, encryption))
    if contents.keys:
        safe = der.sequence(*(_key_bag(entry, encryption) for entry in contents.keys))
        parts.append(_wrapped(_DATA, der.octet_string(safe)))
    content = der.sequence(*parts)
    return _pfx_of(content, mac_data(password, content, iterations=cost.mac_iterations))


def write_nca(key: PrivateKey, certificate: Certificate, secret: Secret) -> bytes:
    """One DER PFX as the NCA RK lays its files out, for software that takes nothing else.

    The key under Triple DES, then its certificate under RC2 with 40 bits, both with 1,024
    iterations of SHA-1; named by the certificate's subject key identifier. A password that can
    be guessed is guessed: prefer `write`. Raises PasswordRefused.
    """
    password = require_new_password(secret)
    identifier = certificate.subject_key_identifier or certificate.public_key.key_identifier
    name = identifier.hex()
    contents = Contents(
        keys=(KeyEntry(private_key=key, friendly_name=name, local_key_id=identifier),),
        certificates=(
            CertificateEntry(certificate=certificate, friendly_name=name, local_key_id=identifier),
        ),
    )
    bag = _key_bag(contents.keys[0], NcaEncryption(password, PBE_3DES))
    content = der.sequence(
        _wrapped(_DATA, der.octet_string(der.sequence(bag))),
        _certificates(contents, NcaEncryption(password, PBE_RC2_40)),
    )
    mac = mac_data(password, content, iterations=NCA_ITERATIONS, digest=DIGEST_SHA1)
    return _pfx_of(content, mac)


def _certificates(contents: Contents, encryption: Encryption | NcaEncryption) -> bytes:
    safe = der.sequence(*(_certificate_bag(entry) for entry in contents.certificates))
    scheme, ciphertext = encryption.encrypt(safe)
    encrypted = der.sequence(
        der.object_identifier(_DATA),
        scheme,
        der.value(der.context(0, constructed=False), ciphertext),
    )
    return _wrapped(_ENCRYPTED_DATA, der.sequence(der.integer(0), encrypted))


def _pfx_of(content: bytes, mac: bytes) -> bytes:
    return der.sequence(der.integer(3), _wrapped(_DATA, der.octet_string(content)), mac)


def _wrapped(oid: str, content: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), der.explicit(0, content))


def _key_bag(entry: KeyEntry, encryption: Encryption | NcaEncryption) -> bytes:
    return _bag(_SHROUDED_KEY_BAG, pkcs8.wrap(entry.private_key.encoded, encryption), entry)


def _certificate_bag(entry: CertificateEntry) -> bytes:
    certificate = der.octet_string(entry.certificate.encoded)
    return _bag(_CERTIFICATE_BAG, _wrapped(_X509, certificate), entry)


def _bag(oid: str, value: bytes, entry: KeyEntry | CertificateEntry) -> bytes:
    attributes: list[bytes] = []
    if entry.friendly_name:
        name = der.value(der.BMP_STRING, entry.friendly_name.encode("utf-16-be"))
        attributes.append(_attribute(_FRIENDLY_NAME, name))
    if entry.local_key_id:
        attributes.append(_attribute(_LOCAL_KEY_ID, der.octet_string(entry.local_key_id)))
    return der.sequence(
        der.object_identifier(oid),
        der.explicit(0, value),
        der.set_of(*attributes) if attributes else b"",
    )


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), der.value(der.SET, value))
