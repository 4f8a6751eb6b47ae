"""Requests: made by one writer for every key, accepted by openssl, proven to hold the key."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import algorithms, der, extensions
from eds.algorithms import KeyType, SignatureAlgorithm
from eds.errors import (
    AlgorithmKeyMismatch,
    EdsError,
    InvalidArgument,
    LimitExceeded,
    MalformedRequest,
    ProofOfPossessionFailed,
    UnknownAlgorithm,
)
from eds.extensions import Extension
from eds.names import Name
from eds.publickeys import PublicKey, native_hash, rsa_padding
from eds.requests import EXTENSION_REQUEST, CertificationRequest

OPENSSL = shutil.which("openssl")
NUMBER = "123456789011"
SUBJECT = Name.parse(f"serialNumber=PNOKZ-{NUMBER},CN=Тестов Тест,C=KZ")
USAGE = Extension(oid=extensions.KEY_USAGE, critical=True, octets=b"\x03\x02\x06\x40")


class SoftSigner:
    """A signer over a key of `cryptography`, as `eds.keys` will have."""

    def __init__(self, key: Any, algorithm: SignatureAlgorithm) -> None:
        self._key = key
        self.algorithm = algorithm
        self.public_key = PublicKey.of(key.public_key())

    def sign(self, message: bytes) -> bytes:
        row = self.algorithm
        if row.key_type is KeyType.RSA:
            signature = self._key.sign(message, rsa_padding(row), native_hash(row))
        elif row.key_type is KeyType.EC:
            signature = self._key.sign(message, ec.ECDSA(native_hash(row)))
        else:
            signature = self._key.sign(message)
        assert isinstance(signature, bytes)
        return signature


RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_SIGNER = SoftSigner(ec.generate_private_key(ec.SECP256R1()), algorithms.ECDSA_P256_SHA256)
SIGNERS = (
    SoftSigner(RSA_KEY, algorithms.RSA_PKCS1_SHA256),
    SoftSigner(RSA_KEY, algorithms.RSA_PSS_SHA256),
    SoftSigner(RSA_KEY, algorithms.RSA_PSS_SHA512),
    EC_SIGNER,
    SoftSigner(ec.generate_private_key(ec.SECP521R1()), algorithms.ECDSA_P521_SHA512),
    SoftSigner(
        ec.generate_private_key(ec.BrainpoolP384R1()), algorithms.ECDSA_BRAINPOOL_P384R1_SHA384
    ),
    SoftSigner(ed25519.Ed25519PrivateKey.generate(), algorithms.ED25519),
    SoftSigner(mldsa.MLDSA65PrivateKey.generate(), algorithms.ML_DSA_65),
)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.algorithm.name)
def test_request_is_accepted_by_others(signer: SoftSigner) -> None:
    request = CertificationRequest.build(SUBJECT, signer, extensions=[USAGE])
    assert (request.subject, request.public_key) == (SUBJECT, signer.public_key)
    assert request.extensions == {USAGE.oid: USAGE}
    assert set(request.attributes) == {EXTENSION_REQUEST}
    request.verify_proof_of_possession()
    theirs = x509.load_der_x509_csr(request.encoded)
    assert theirs.is_signature_valid
    assert theirs.subject.public_bytes() == SUBJECT.encoded
    assert theirs.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    if OPENSSL is None or signer.algorithm is algorithms.ML_DSA_65:
        return  # openssl before 3.5 does not know ML-DSA
    done = subprocess.run(
        [OPENSSL, "req", "-inform", "DER", "-verify", "-noout"],
        input=request.encoded,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0
    assert b"verify OK" in done.stderr


def test_request_that_cryptography_made() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    native = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test")]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=False)
        .add_attribute(x509.ObjectIdentifier("1.2.840.113549.1.9.7"), b"secret")
        .sign(key, hashes.SHA384())
    )
    request = CertificationRequest.load(native.public_bytes(serialization.Encoding.PEM))
    request.verify_proof_of_possession()
    assert request.tbs_encoded == native.tbs_certrequest_bytes
    assert request.signature == native.signature
    assert list(request.extensions) == [extensions.SUBJECT_ALTERNATIVE_NAME]
    assert request.attributes["1.2.840.113549.1.9.7"] == (der.utf8_string("secret"),)


def test_request_without_extensions() -> None:
    request = CertificationRequest.build(Name.parse(""), EC_SIGNER)
    assert not request.extensions
    assert not request.attributes
    assert request.subject.is_empty


def test_challenge_password_is_what_others_read_and_write() -> None:
    made = CertificationRequest.build(
        Name.parse(""), EC_SIGNER, extensions=[USAGE], challenge_password="link-ё"
    )
    found = x509.load_der_x509_csr(made.encoded).attributes
    words = found.get_attribute_for_oid(x509.oid.AttributeOID.CHALLENGE_PASSWORD)
    assert words.value.decode() == made.challenge_password == "link-ё"
    assert [*made.extensions] == [USAGE.oid]
    assert CertificationRequest.build(SUBJECT, EC_SIGNER).challenge_password is None


def test_extension_twice_is_not_asked_for() -> None:
    with pytest.raises(InvalidArgument):
        CertificationRequest.build(SUBJECT, EC_SIGNER, extensions=[USAGE, USAGE])


def test_signature_of_another_key_is_no_proof() -> None:
    liar = SoftSigner(ec.generate_private_key(ec.SECP256R1()), algorithms.ECDSA_P256_SHA256)
    liar.public_key = EC_SIGNER.public_key
    with pytest.raises(ProofOfPossessionFailed):
        CertificationRequest.build(SUBJECT, liar)


def test_changed_request_is_no_proof() -> None:
    encoded = CertificationRequest.build(SUBJECT, EC_SIGNER).encoded
    changed = CertificationRequest(encoded.replace(NUMBER.encode(), b"999999999999"))
    with pytest.raises(ProofOfPossessionFailed):
        changed.verify_proof_of_possession()


def test_algorithm_of_another_key_is_refused() -> None:
    parts = der.decode(CertificationRequest.build(SUBJECT, EC_SIGNER).encoded).children()
    for identifier, error in (
        (algorithms.ED25519.identifier, AlgorithmKeyMismatch),
        (der.sequence(der.object_identifier("1.2.3")), UnknownAlgorithm),
    ):
        changed = der.sequence(parts[0].encoded, identifier, parts[2].encoded)
        with pytest.raises(error):
            CertificationRequest(changed).verify_proof_of_possession()


def test_nothing_of_the_subject_shows_by_accident() -> None:
    request = CertificationRequest.build(SUBJECT, EC_SIGNER)
    assert NUMBER not in f"{request}{request!r}{request.subject!r}"


@pytest.mark.parametrize(
    "data", [b"", b"0\0", b"\x30\x80\0\0", der.sequence(b"0\0", b"0\0", b"\3\1\0")]
)
def test_bytes_that_are_no_request_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedRequest):
        CertificationRequest(data)


def test_request_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        CertificationRequest(bytes(65537))


SEED = CertificationRequest.build(SUBJECT, EC_SIGNER, extensions=[USAGE]).encoded


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), max_size=6))
def test_mutated_requests_raise_only_errors_of_this_library(
    changes: list[tuple[int, int]],
) -> None:
    encoded = bytearray(SEED)
    for place, octet in changes:
        encoded[place] = octet
    try:
        request = CertificationRequest(bytes(encoded))
    except EdsError:
        return
    for name in ("subject", "public_key", "attributes", "extensions", "signature"):
        try:
            _ = getattr(request, name)
        except EdsError:
            continue
    try:
        request.verify_proof_of_possession()
    except EdsError:
        return
    # the signature holds: nothing signed was changed
    assert request.tbs_encoded == CertificationRequest(SEED).tbs_encoded
