"""Certification paths: a signer not seen before, one met before, and nothing kept at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import cycle

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256
from eds.certificates import Certificate
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DOCUMENT = b"I owe you 10"
SIGNERS = 1500  # more than a store keeps: each comes round as a stranger again

Key = ec.EllipticCurvePrivateKey


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def issued(subject: str, key: Key, issuer: str, signer: Key, *, authority: bool) -> bytes:
    """A certificate with the extensions that citizens' and authorities' usually have."""
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.398.3.3.2.1"), None)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - timedelta(days=30))
        .not_valid_after(NOON + timedelta(days=335))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(above, critical=False)
        .add_extension(x509.CertificatePolicies([policy]), critical=False)
    )
    if not authority:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purposes, critical=False)
    made = builder.sign(signer, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def run() -> Iterator[Row]:
    root_key, authority_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = issued("Root", root_key, "Root", root_key, authority=True)
    authority = issued("Authority", authority_key, "Root", root_key, authority=True)
    signing = [ec.generate_private_key(ec.SECP256R1()) for _ in range(50)]
    signers = []
    for number in range(SIGNERS):
        key = signing[number % len(signing)]
        encoded = issued(f"Signer {number}", key, "Authority", authority_key, authority=False)
        signers.append((encoded, key.sign(DOCUMENT, ec.ECDSA(hashes.SHA256()))))

    def store() -> TrustStore:
        return TrustStore(
            [TrustAnchor(certificate=Certificate(root))],
            certificates=[Certificate(authority)],
            name="bench",
            environment=Environment.TEST,
        )

    prove_in = partial(prove, purpose=Purpose.SIGNATURE, at=NOON, policy=BASIC)
    trust = store()
    strangers = cycle(signers)

    def unseen() -> None:
        """From the signer's octets to a proven path and a verified signature."""
        encoded, signature = next(strangers)
        certificate = Certificate(encoded)
        proven = prove_in(certificate, trust=trust)
        key = certificate.public_key
        if proven.sub_indication is not None or not key.verify(
            signature, DOCUMENT, algorithm=ECDSA_P256_SHA256
        ):
            raise ValueError("not proven")

    encoded, signature = signers[0]
    known = Certificate(encoded)
    to_be_signed, value = known.tbs_encoded, known.signature
    public, issuer_key = signing[0].public_key(), authority_key.public_key()
    algorithm = ec.ECDSA(hashes.SHA256())

    def two_verifications() -> None:
        issuer_key.verify(value, to_be_signed, algorithm)
        public.verify(signature, DOCUMENT, algorithm)

    ours, floor = interleave(unseen, two_verifications)
    yield Row(
        name="paths: an unseen signer and its signature / two raw verifications, P-256",
        ours=ours,
        floor=floor,
        goal=1.8,
    )

    kept = store()
    prove_in(known, trust=kept)
    ours, floor = interleave(lambda: prove_in(known, trust=kept), lambda: sha256(encoded).digest())
    yield Row(
        name="paths: a path that is kept / SHA-256 over the certificate",
        ours=ours,
        floor=floor,
        goal=2,
    )

    def nothing_kept() -> None:
        if prove_in(Certificate(encoded), trust=store()).sub_indication is not None:
            raise ValueError("not proven")

    ours, floor = interleave(nothing_kept, two_verifications)
    yield Row(
        name="paths: store and path of three from DER, nothing kept / two raw verifications",
        ours=ours,
        floor=floor,
    )
