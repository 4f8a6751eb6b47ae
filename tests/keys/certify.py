"""Small certificates for the tests of key stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from eds.certificates import Certificate

_USAGES = (
    "digital_signature content_commitment key_encipherment data_encipherment "
    "key_agreement key_cert_sign crl_sign encipher_only decipher_only"
)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def certify(
    public_key: Any,
    *,
    issuer_key: Any,
    subject: str = "Test",
    issuer: str = "Test",
    usage: frozenset[str] | None = None,
) -> Certificate:
    """A certificate for `public_key`, of `cryptography`'s kind, signed by `issuer_key`."""

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .serial_number(7)
        .not_valid_before(NOON)
        .not_valid_after(NOON + timedelta(days=365))
        .public_key(public_key)
    )
    if usage is not None:
        flags = {one: one in usage for one in _USAGES.split()}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    hashed = isinstance(issuer_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    made = builder.sign(issuer_key, hashes.SHA256() if hashed else None)
    return Certificate(made.public_bytes(Encoding.DER))
