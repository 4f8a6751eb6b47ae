"""A signer in the builders of cryptography, judged by cryptography and openssl."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import ocsp

from eds.algorithms import (
    ECDSA_P256_SHA256,
    GOST_2015_512,
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    SignatureAlgorithm,
)
from eds.errors import AlgorithmKeyMismatch, AlgorithmUnavailable, OperationUnsupported
from eds.keys.adapter import as_private_key
from eds.keys.contract import KeyPurpose, Signer
from tests.keys.certify import NOON
from tests.keys.harness import GOST, HARNESSES, Harness, Pins
from tests.keys.tools import needs_openssl, openssl

EVERY_ALGORITHM = [
    pytest.param(harness, algorithm, id=f"{name}-{algorithm.name}")
    for name, harness in HARNESSES.items()
    for algorithm in harness.algorithms
    if algorithm not in GOST
]
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root")])


class Opened:
    """A signer of this algorithm, open for the whole test."""

    def __init__(self, harness: Harness, folder: Path, algorithm: SignatureAlgorithm) -> None:
        store, pin = harness.make(folder), Pins(current=harness.pin)
        ref = store.generate(
            label=algorithm.name,
            algorithm=algorithm,
            purpose=KeyPurpose.CERTIFICATION,
            pin=pin,
            rsa_bits=2048,
        )
        self._context = store.open(ref, purpose=KeyPurpose.CERTIFICATION, pin=pin)

    def __enter__(self) -> Signer:
        return self._context.__enter__()

    def __exit__(self, *_: object) -> None:
        self._context.__exit__(None, None, None)


def build(kind: str, key: Any, digest: Any, certificate: Any = None, **options: Any) -> Any:
    """One of the objects that cryptography signs."""
    if kind == "certificate":
        return (
            x509.CertificateBuilder()
            .subject_name(NAME)
            .issuer_name(NAME)
            .serial_number(7)
            .not_valid_before(NOON)
            .not_valid_after(NOON + timedelta(days=1))
            .public_key(key.public_key())
            .sign(key, digest, **options)
        )
    if kind == "request":
        builder = x509.CertificateSigningRequestBuilder().subject_name(NAME)
        return builder.sign(key, digest, **options)
    if kind == "list":
        empty = x509.CertificateRevocationListBuilder().issuer_name(NAME).last_update(NOON)
        return empty.next_update(NOON + timedelta(days=1)).sign(key, digest, **options)
    assert kind == "ocsp"
    return (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=certificate,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=NOON,
            next_update=None,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .sign(key, digest)
    )


@pytest.mark.parametrize(("harness", "algorithm"), EVERY_ALGORITHM)
def test_every_builder_signs(
    harness: Harness, algorithm: SignatureAlgorithm, tmp_path: Path
) -> None:
    with Opened(harness, tmp_path, algorithm) as signer:
        key = as_private_key(signer)
        digest = _digest(algorithm)
        options: dict[str, Any] = {}
        if algorithm.padding is not None and algorithm.salt_length is not None:
            options["rsa_padding"] = padding.PSS(
                padding.MGF1(hashes.SHA256()), algorithm.salt_length
            )
        certificate = build("certificate", key, digest, **options)
        certificate.verify_directly_issued_by(certificate)
        request = build("request", key, digest, **options)
        assert request.is_signature_valid
        revoked = build("list", key, digest, **options)
        assert revoked.is_signature_valid(certificate.public_key())
        if not options:  # its builder knows no other padding
            response = build("ocsp", key, digest, certificate)
            assert signer.public_key.verify(
                response.signature, response.tbs_response_bytes, algorithm=algorithm
            )
    with pytest.raises(OperationUnsupported):
        build("request", key, digest, **options)


def _digest(algorithm: SignatureAlgorithm) -> Any:
    if algorithm.digest is None:
        return None
    return getattr(hashes, algorithm.digest.name.upper())()


@needs_openssl
@pytest.mark.parametrize("algorithm", [RSA_PKCS1_SHA256, ECDSA_P256_SHA256])
def test_a_cms_signature_passes_openssl(
    algorithm: SignatureAlgorithm, harness: Harness, tmp_path: Path
) -> None:
    with Opened(harness, tmp_path, algorithm) as signer:
        key: Any = as_private_key(signer)
        certificate = build("certificate", key, hashes.SHA256())
        signed = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(b"I owe you 10")
            .add_signer(certificate, key, hashes.SHA256())
            .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
        )
    (tmp_path / "root.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "signed.der").write_bytes(signed)
    shown = openssl(
        *("cms", "-verify", "-inform", "DER", "-in", tmp_path / "signed.der"),
        *("-CAfile", tmp_path / "root.pem", "-purpose", "any", "-no_check_time"),
    )
    assert shown == b"I owe you 10"


# --- what the signer was not opened for --------------------------------------------------------


@pytest.fixture
def rsa_key(harness: Harness, tmp_path: Path) -> Any:
    with Opened(harness, tmp_path, RSA_PKCS1_SHA256) as signer:
        yield as_private_key(signer)


@pytest.fixture
def ec_key(harness: Harness, tmp_path: Path) -> Any:
    with Opened(harness, tmp_path, ECDSA_P256_SHA256) as signer:
        yield as_private_key(signer)


def test_another_padding_or_hash_is_refused(rsa_key: rsa.RSAPrivateKey) -> None:
    sha256 = hashes.SHA256()
    for wrong in (
        padding.PSS(padding.MGF1(sha256), 32),
        padding.OAEP(padding.MGF1(sha256), sha256, None),
    ):
        with pytest.raises(AlgorithmKeyMismatch):
            rsa_key.sign(b"x", wrong, sha256)
    for digest in (hashes.SHA1(), hashes.SHA512()):
        with pytest.raises(AlgorithmKeyMismatch):
            rsa_key.sign(b"x", padding.PKCS1v15(), digest)
    with pytest.raises(OperationUnsupported):
        rsa_key.sign(bytes(32), padding.PKCS1v15(), utils.Prehashed(sha256))
    assert rsa_key.sign(b"x", padding.PKCS1v15(), sha256)


def test_pss_is_held_to_its_salt_and_mask(harness: Harness, tmp_path: Path) -> None:
    sha256 = hashes.SHA256()
    with Opened(harness, tmp_path, RSA_PSS_SHA256) as signer:
        key = as_private_key(signer)
        assert isinstance(key, rsa.RSAPrivateKey)
        for salt in (32, padding.PSS.DIGEST_LENGTH):
            assert key.sign(b"x", padding.PSS(padding.MGF1(sha256), salt), sha256)
        for wrong in (
            padding.PSS(padding.MGF1(sha256), 20),
            padding.PSS(padding.MGF1(sha256), padding.PSS.MAX_LENGTH),
            padding.PSS(padding.MGF1(hashes.SHA1()), 32),
            padding.PKCS1v15(),
        ):
            with pytest.raises(AlgorithmKeyMismatch):
                key.sign(b"x", wrong, sha256)


def test_another_hash_of_ecdsa_is_refused(ec_key: ec.EllipticCurvePrivateKey) -> None:
    for digest in (hashes.SHA1(), hashes.SHA512()):
        with pytest.raises(AlgorithmKeyMismatch):
            ec_key.sign(b"x", ec.ECDSA(digest))
    with pytest.raises(OperationUnsupported):
        ec_key.sign(bytes(32), ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def test_the_key_itself_is_not_given(rsa_key: Any, ec_key: Any) -> None:
    for key in (rsa_key, ec_key):
        for attempt in (
            lambda key=key: key.private_numbers(),
            lambda key=key: key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            lambda key=key: copy.copy(key),
            lambda key=key: copy.deepcopy(key),
            lambda key=key: pickle.dumps(key),
        ):
            with pytest.raises(OperationUnsupported):
                attempt()
    with pytest.raises(OperationUnsupported):
        rsa_key.decrypt(b"x", padding.PKCS1v15())
    with pytest.raises(OperationUnsupported):
        ec_key.exchange(ec.ECDH(), ec_key.public_key())


def test_a_key_tells_its_kind_and_size(rsa_key: Any, ec_key: Any) -> None:
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    assert rsa_key.key_size == rsa_key.public_key().key_size == 2048
    assert isinstance(ec_key, ec.EllipticCurvePrivateKey)
    assert (ec_key.key_size, ec_key.curve.name) == (256, "secp256r1")


def test_a_kind_that_cryptography_does_not_know_has_no_adapter() -> None:
    class Gost:
        algorithm = GOST_2015_512

    with pytest.raises(AlgorithmUnavailable):
        as_private_key(Gost())  # type: ignore[arg-type]
