"""Chains of certificates to prove, made by `cryptography`: whole ones, of which a test changes one.

Keys are shared by name, for making them is what costs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from eds.certificates import Certificate
from eds.verify.trust import Environment, TrustAnchor, TrustStore

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BEFORE = NOON - timedelta(days=365)
AFTER = NOON + timedelta(days=365)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def key(name: str) -> PrivateKey:
    """A P-256 key of that name; `rsa…` and `ed…` are of those kinds."""
    if name.startswith("rsa"):
        return rsa.generate_private_key(65537, int(name[3:].partition("-")[0] or 2048))
    if name.startswith("ed"):
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*names: str) -> tuple[x509.KeyUsage, bool]:
    fields = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{field: field in names for field in fields}), True


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A certificate and the key that goes with it."""

    subject: x509.Name
    key: PrivateKey
    certificate: Certificate


Extensions = Iterable[tuple[x509.ExtensionType, bool]]


def make(
    subject: str | x509.Name,
    *,
    by: Made | None = None,
    signed_with: str | None = None,
    key_name: str | None = None,
    extensions: Extensions = (),
    without: Iterable[type[x509.ExtensionType]] = (),
    not_before: datetime = BEFORE,
    not_after: datetime = AFTER,
    issuer: x509.Name | None = None,
    digest: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None,
    authority: bool = False,
    path_length: int | None = None,
    number: int | None = None,
) -> Made:
    """One certificate, self-issued unless `by` says who issued it."""
    subject_name = name(subject) if isinstance(subject, str) else subject
    own = key(key_name or str(subject))
    signer = key(signed_with) if signed_with else by.key if by else own
    defaults: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=path_length), True),
        usage("key_cert_sign", "crl_sign") if authority else usage("content_commitment"),
        (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    ]
    given = list(extensions)
    replaced = {type(value) for value, _ in given} | set(without)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer or (by.subject if by else subject_name))
        .public_key(own.public_key())
        .serial_number(number or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for value, critical in defaults:
        if type(value) not in replaced:
            builder = builder.add_extension(value, critical)
    for value, critical in given:
        builder = builder.add_extension(value, critical)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    made = builder.sign(signer, algorithm)
    encoded = made.public_bytes(Encoding.DER)
    return Made(subject=subject_name, key=own, certificate=Certificate(encoded))


def make_authority(subject: str | x509.Name, **changes: object) -> Made:
    return make(subject, authority=True, **changes)  # type: ignore[arg-type]


def store(*anchors: Made | TrustAnchor, certificates: Iterable[Made] = ()) -> TrustStore:
    return TrustStore(
        [
            one if isinstance(one, TrustAnchor) else TrustAnchor(certificate=one.certificate)
            for one in anchors
        ],
        certificates=[one.certificate for one in certificates],
        name="chains",
        environment=Environment.TEST,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A root, an authority below it and a citizen."""

    root: Made
    authority: Made
    citizen: Made

    @property
    def trust(self) -> TrustStore:
        """A store of its own each time: nothing kept."""
        return store(self.root, certificates=(self.authority,))


@cache
def house() -> House:
    root = make_authority("root")
    authority = make_authority("authority", by=root)
    return House(root=root, authority=authority, citizen=make("citizen", by=authority))


DOCUMENTS = (x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")]), False)
TIME_STAMPS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
