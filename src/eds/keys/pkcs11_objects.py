"""Objects of a token as values, and back: public keys, certificates, what a key is for.

A key is its private and public key objects, its certificates, and a data object that says
what it is for, all under one CKA_ID: the SHA-1 key identifier of the public key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import pkcs11
from pkcs11 import Attribute, ObjectClass, exceptions
from pkcs11 import KeyType as TokenKeyType
from pkcs11.constants import CertificateType, MechanismFlag
from pkcs11.util.ec import decode_ec_private_key, decode_ec_public_key
from pkcs11.util.rsa import decode_rsa_private_key, decode_rsa_public_key

from eds import der
from eds.algorithms import (
    EC_PUBLIC_KEY,
    ED25519,
    RSA_ENCRYPTION,
    KeyType,
    SignatureAlgorithm,
    signature_algorithm,
)
from eds.certificates import Certificate
from eds.errors import (
    AlgorithmUnavailable,
    DecodeError,
    EdsError,
    OperationUnsupported,
)
from eds.extensions import KeyUsage
from eds.gostkeys import SigningKey
from eds.keys.contract import UNLIMITED, KeyPurpose
from eds.keys.privatekeys import PrivateKey
from eds.publickeys import PublicKey

Values: TypeAlias = dict[Attribute, Any]

APPLICATION: Final = "eds key"  # CKAAPPLICATION of the data object beside a key
_ED25519_PARAMETERS: Final = (
    der.printable_string("edwards25519"),
    der.object_identifier(ED25519.oid),
)

PUBLIC_KEY: Final = (
    Attribute.ID,
    Attribute.LABEL,
    Attribute.KEY_TYPE,
    Attribute.MODULUS,
    Attribute.PUBLIC_EXPONENT,
    Attribute.EC_PARAMS,
    Attribute.EC_POINT,
)
_DATA: Final = (Attribute.APPLICATION, Attribute.VALUE)
_CERTIFICATE: Final = (Attribute.ID, Attribute.VALUE)
# What a token's answer can be that python-pkcs11 finds no Python value for.
_UNREADABLE: Final = (ValueError, TypeError, AttributeError, LookupError, NotImplementedError)


def text(value: bytes | str) -> str:
    """A padded text of the token."""
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return shown.rstrip(" \0")


def find(session: pkcs11.Session, template: Mapping[Attribute, Any]) -> list[Any]:
    """All objects of that template: a search left open would block the session."""
    return list(session.get_objects(dict(template)))


def value(item: Any, attribute: Attribute) -> Any:
    """An attribute; None where the object has none, does not tell, or what it tells is no value."""
    try:
        return item[attribute]
    except (exceptions.AttributeTypeInvalid, exceptions.AttributeSensitive, *_UNREADABLE):
        return None


def values(item: Any, attributes: tuple[Attribute, ...]) -> Values:
    """These attributes, None for each that the object does not tell."""
    return {attribute: value(item, attribute) for attribute in attributes}


def _all(session: pkcs11.Session, kind: ObjectClass, wanted: tuple[Attribute, ...]) -> list[Values]:
    return [values(item, wanted) for item in find(session, {Attribute.CLASS: kind})]


def public_keys(session: pkcs11.Session) -> list[Values]:
    """The public key objects, as values of `PUBLIC_KEY`."""
    return _all(session, ObjectClass.PUBLIC_KEY, PUBLIC_KEY)


def certificates(session: pkcs11.Session) -> list[tuple[bytes, Certificate]]:
    """The X.509 certificates with their CKA_ID; what is damaged is nobody's certificate here."""
    found = []
    for item in _all(session, ObjectClass.CERTIFICATE, _CERTIFICATE):
        identifier, encoded = item[Attribute.ID], item[Attribute.VALUE]
        if not identifier or not encoded:
            continue
        try:
            found.append((bytes(identifier), Certificate(bytes(encoded))))
        except EdsError:
            continue
    return found


def statements(session: pkcs11.Session) -> dict[bytes, Statement]:
    """What is kept beside keys, by their CKA_ID."""
    found: dict[bytes, Statement] = {}
    for item in _all(session, ObjectClass.DATA, _DATA):
        said = _statement(item)
        if said is None:
            continue
        before = found.get(said.identifier)
        if before is not None:
            # Public objects can be added without a PIN: one that allows more, allows nothing.
            said = replace(said, purpose=said.purpose & before.purpose)
        found[said.identifier] = said
    return found


def public_key_of(values: Values) -> PublicKey | None:
    """The SubjectPublicKeyInfo of a public key object; None for kinds not known here."""
    kind = values.get(Attribute.KEY_TYPE)
    try:
        if kind == TokenKeyType.RSA:
            modulus = int.from_bytes(values[Attribute.MODULUS], "big")
            exponent = int.from_bytes(values[Attribute.PUBLIC_EXPONENT], "big")
            key = der.sequence(der.integer(modulus), der.integer(exponent))
            algorithm = der.sequence(der.object_identifier(RSA_ENCRYPTION), der.null())
        elif kind == TokenKeyType.EC:
            key = _point(values[Attribute.EC_POINT])
            parameters = values[Attribute.EC_PARAMS]
            algorithm = der.sequence(der.object_identifier(EC_PUBLIC_KEY), parameters)
        elif kind == TokenKeyType.EC_EDWARDS:
            if values[Attribute.EC_PARAMS] not in _ED25519_PARAMETERS:
                return None
            key = _point(values[Attribute.EC_POINT])
            algorithm = der.sequence(der.object_identifier(ED25519.oid))
        else:
            return None
        return PublicKey(der.sequence(algorithm, der.bit_string(key)))
    except (TypeError, DecodeError):
        return None


def _point(encoded: bytes) -> bytes:
    """CKA_EC_POINT: an OCTET STRING by the standard, the bare point by some makers."""
    try:
        return der.decode(encoded).expect(der.OCTET_STRING).octets
    except DecodeError:
        return encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is kept beside a key: its purpose and how it signs by default."""

    identifier: bytes
    purpose: KeyPurpose
    algorithm: SignatureAlgorithm | None


def _statement(item: Values) -> Statement | None:
    if text(item[Attribute.APPLICATION] or "") != APPLICATION:
        return None
    try:
        fields = der.decode(bytes(item[Attribute.VALUE] or b"")).fields()
        identifier = fields.take(der.OCTET_STRING).octets
        purpose = KeyPurpose(fields.take(der.INTEGER).small(UNLIMITED.value))
        algorithm = signature_algorithm(fields.take(der.UTF8_STRING).text())
    except (EdsError, ValueError):
        return None
    return Statement(identifier=identifier, purpose=purpose, algorithm=algorithm)


def create_statement(
    session: pkcs11.Session,
    identifier: bytes,
    label: str,
    purpose: KeyPurpose,
    algorithm: SignatureAlgorithm,
) -> Any:
    """Keep beside a key what it is for."""
    return session.create_object(
        {
            Attribute.CLASS: ObjectClass.DATA,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: False,  # listing needs no PIN
            Attribute.APPLICATION: APPLICATION,
            Attribute.LABEL: label,
            Attribute.VALUE: der.sequence(
                der.octet_string(identifier),
                der.integer(purpose.value),
                der.utf8_string(algorithm.name),
            ),
        }
    )


def create_certificates(
    session: pkcs11.Session, identifier: bytes, label: str, certificates: Sequence[Certificate]
) -> list[Any]:
    """Keep certificates beside a key: all of them, or none."""
    made: list[Any] = []
    try:
        for certificate in certificates:
            number = der.value(der.INTEGER, certificate.serial_number_octets)
            template = {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: False,
                Attribute.LABEL: label,
                Attribute.ID: identifier,
                Attribute.SUBJECT: certificate.subject.encoded,
                Attribute.ISSUER: certificate.issuer.encoded,
                Attribute.SERIAL_NUMBER: number,
                Attribute.VALUE: certificate.encoded,
            }
            made.append(session.create_object(template))
    except BaseException:
        discard(made)
        raise
    return made


def destroy(objects: Iterable[Any]) -> None:
    """Remove these objects from the token."""
    for item in objects:
        item.destroy()


def discard(objects: Iterable[Any]) -> None:
    """Remove what was made in vain, as far as the token lets; the first error is the one told."""
    for item in objects:
        with suppress(exceptions.PKCS11Error):
            item.destroy()


def purpose_of(certificates: tuple[Certificate, ...], public_key: PublicKey | None) -> KeyPurpose:
    """What the key's own certificate says it is for; everything where nothing says."""
    for certificate in certificates:
        if certificate.public_key != public_key:
            continue
        usage = certificate.key_usage
        if usage is None:
            return UNLIMITED
        purpose = KeyPurpose(0)
        if KeyUsage.NON_REPUDIATION in usage:
            purpose |= KeyPurpose.SIGNATURE
        if KeyUsage.DIGITAL_SIGNATURE in usage:
            purpose |= KeyPurpose.AUTHENTICATION
        if usage & {KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN}:
            purpose |= KeyPurpose.CERTIFICATION
        return purpose
    return UNLIMITED


_USES: Final = (
    *(Attribute.SIGN, Attribute.VERIFY, Attribute.ENCRYPT, Attribute.DECRYPT),
    *(Attribute.WRAP, Attribute.UNWRAP, Attribute.DERIVE),
)
_SIGNING_ONLY: Final = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: True,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
}
_VERIFYING_ONLY: Final = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: False,
    Attribute.VERIFY: True,
    Attribute.ENCRYPT: False,
    Attribute.WRAP: False,
}


def generate(
    session: pkcs11.Session, *, algorithm: SignatureAlgorithm, rsa_bits: int, label: str
) -> tuple[Any, Any]:
    """Make a pair in the token: the public and the private key object, not yet with a CKA_ID."""
    options: dict[str, Any] = {
        "label": label,
        "store": True,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "public_template": _VERIFYING_ONLY,
        "private_template": _SIGNING_ONLY,
    }
    if algorithm.key_type is KeyType.RSA:
        return session.generate_keypair(TokenKeyType.RSA, rsa_bits, **options)
    if algorithm.curve is not None:
        kind, parameters = TokenKeyType.EC, der.object_identifier(algorithm.curve.oid)
    elif algorithm.key_type is KeyType.ED25519:
        kind, parameters = TokenKeyType.EC_EDWARDS, _ED25519_PARAMETERS[0]
    else:
        raise AlgorithmUnavailable(
            algorithm=algorithm.name, reason="such keys are not made in tokens here"
        )
    domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
    return domain.generate_keypair(**options)


def import_templates(private_key: PrivateKey, *, store: str) -> tuple[Values, Values]:
    """The templates of the public and the private key object of a key made elsewhere.

    Raises OperationUnsupported for kinds that are only made in the token itself.
    """
    from cryptography.hazmat.primitives import serialization

    native = private_key.native()
    if isinstance(native, SigningKey) or private_key.key_type not in (KeyType.RSA, KeyType.EC):
        raise OperationUnsupported(
            operation=f"take in {private_key.key_type.value} keys", store=store
        )
    secret = native.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    if private_key.key_type is KeyType.RSA:
        private = decode_rsa_private_key(secret)
        public = decode_rsa_public_key(private_key.public_key().key_octets)
    else:
        private = decode_ec_private_key(secret)
        public = decode_ec_public_key(private_key.public_key().encoded)
    public = {name: value for name, value in public.items() if name not in _USES}
    private = {name: value for name, value in private.items() if name not in _USES}
    return {**public, **_VERIFYING_ONLY}, {**private, **_SIGNING_ONLY}
