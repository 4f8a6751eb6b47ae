"""Public keys of every kind, and signature values judged by Wycheproof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import algorithms, der
from eds.algorithms import (
    CURVES,
    KeyType,
    SignatureAlgorithm,
    identify,
    pss_algorithm,
    signature_algorithm,
)
from eds.errors import (
    AlgorithmError,
    AlgorithmKeyMismatch,
    AlgorithmUnavailable,
    EdsError,
    LimitExceeded,
    MalformedPublicKey,
    UnknownAlgorithm,
)
from eds.publickeys import PublicKey, native_hash, rsa_padding

DATA = Path(__file__).parents[2] / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.exists(), reason="no test material beside the project")


# --- Wycheproof --------------------------------------------------------------------------------

# No rows for these: SHA-3, SHA-224, SHA-512/256, secp256k1, Ed448.
WYCHEPROOF_FILES = (
    "ecdsa_brainpoolP256r1_sha256",
    "ecdsa_brainpoolP384r1_sha384",
    "ecdsa_brainpoolP512r1_sha512",
    *(f"ecdsa_secp256r1_sha{sha}" for sha in (256, 512)),
    *(f"ecdsa_secp384r1_sha{sha}" for sha in (256, 384, 512)),
    "ecdsa_secp521r1_sha512",
    "ed25519",
    *(f"mldsa_{size}_verify" for size in (44, 65, 87)),
    *(f"rsa_signature_{bits}_sha{sha}" for bits in (2048, 3072, 4096) for sha in (256, 384, 512)),
    "rsa_pss_2048_sha1_mgf1_20",
    *(f"rsa_pss_2048_sha256_mgf1_{end}" for end in ("0", "0_params", "32", "32_params")),
    "rsa_pss_2048_sha256_mgf1sha1_20",
    "rsa_pss_2048_sha384_mgf1_48",
    *(f"rsa_pss_3072_sha256_mgf1_{end}" for end in ("32", "32_params")),
    *(f"rsa_pss_4096_{end}" for end in ("sha256_mgf1_32", "sha384_mgf1_48")),
    *(f"rsa_pss_4096_sha512_mgf1_{end}" for end in ("32", "32_params", "64", "64_params")),
    "rsa_pss_misc",
    "rsa_pss_misc_params",
)


def row_of(group: dict[str, Any], key: PublicKey) -> SignatureAlgorithm:
    """The row for a group of tests, found as a certificate would name it."""
    if key.key_type not in {KeyType.RSA, KeyType.EC}:
        return signature_algorithm(key.key_type.value.lower())
    digest = algorithms.digest_algorithm(group["sha"].lower().replace("-", ""))
    if "sLen" not in group:
        kind = "rsa-pkcs1" if key.key_type is KeyType.RSA else "ecdsa"
        return next(
            row
            for row in algorithms.SIGNATURE_ALGORITHMS
            if row.name.startswith(kind) and (row.digest, row.curve) == (digest, key.curve)
        )
    mask = algorithms.digest_algorithm(group["mgfSha"].lower().replace("-", ""))
    return pss_algorithm(pss_parameters(digest, mask, group["sLen"]))


def pss_parameters(
    digest: algorithms.DigestAlgorithm, mask: algorithms.DigestAlgorithm, salt_length: int
) -> bytes:
    return der.sequence(
        der.explicit(0, der.sequence(der.object_identifier(digest.oid))),
        der.explicit(
            1,
            der.sequence(
                der.object_identifier("1.2.840.113549.1.1.8"),
                der.sequence(der.object_identifier(mask.oid)),
            ),
        ),
        der.explicit(2, der.integer(salt_length)),
    )


@pytest.mark.untraced
@needs_data
@pytest.mark.parametrize("name", WYCHEPROOF_FILES)
def test_wycheproof(name: str) -> None:
    found = json.loads((DATA / "wycheproof" / f"{name}_test.json").read_text())
    judged = 0
    for group in found["testGroups"]:
        encoded = group.get("publicKeyDer")
        if encoded is None:  # ML-DSA keys of a wrong length have no SubjectPublicKeyInfo
            continue
        try:
            key = PublicKey(bytes.fromhex(encoded))
            row = row_of(group, key)
        except UnknownAlgorithm:
            assert "misc" in name  # a mixture: some of its digests have no row
            continue
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            if test.get("ctx"):
                continue  # certificates and CMS use ML-DSA without a context
            try:
                verified = key.verify(signature, message, algorithm=row)
            except MalformedPublicKey:
                verified = False
            judged += 1
            if test["result"] == "acceptable":
                # the DigestInfo without its NULL (RFC 8017 §9.2 note): refused here
                assert test["flags"] == ["MissingNull"]
                assert not verified
            else:
                assert verified is (test["result"] == "valid"), (test["tcId"], test["comment"])
    assert judged > 20


# --- keys ---------------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("testRSA1024", "RSA 1024"),
        ("testRSA2048", "RSA 2048"),
        ("testRSA4096", "RSA 4096"),
        ("testECCP256", "EC P-256"),
        ("testECCP384", "EC P-384"),
        ("testECCP521", "EC P-521"),
    ],
)
def test_rfc9500_keys(name: str, description: str) -> None:
    folder = DATA / "rfc9500"
    public = PublicKey.of(
        serialization.load_pem_public_key((folder / f"{name}.pub.pem").read_bytes())
    )
    private = serialization.load_pem_private_key((folder / f"{name}.pem").read_bytes(), None)
    assert PublicKey.of(private.public_key()) == public
    assert public.description == description


def sign(key: Any, message: bytes, row: SignatureAlgorithm) -> bytes:
    if row.key_type is KeyType.RSA:
        signature = key.sign(message, rsa_padding(row), native_hash(row))
    elif row.key_type is KeyType.EC:
        signature = key.sign(message, ec.ECDSA(native_hash(row)))
    elif row.key_type is KeyType.DSA:
        signature = key.sign(message, native_hash(row))
    else:
        signature = key.sign(message)
    assert isinstance(signature, bytes)
    return signature


@pytest.fixture(scope="module")
def keys() -> dict[object, Any]:
    by_curve: dict[object, Any] = {}
    for curve in CURVES:
        named = curve.name.upper().replace("BRAINPOOL", "Brainpool")
        by_curve[curve] = ec.generate_private_key(getattr(ec, named)())
    return {
        KeyType.RSA: rsa.generate_private_key(65537, 2048),
        KeyType.DSA: dsa.generate_private_key(1024),
        KeyType.ED25519: ed25519.Ed25519PrivateKey.generate(),
        KeyType.ML_DSA_44: mldsa.MLDSA44PrivateKey.generate(),
        KeyType.ML_DSA_65: mldsa.MLDSA65PrivateKey.generate(),
        KeyType.ML_DSA_87: mldsa.MLDSA87PrivateKey.generate(),
        **by_curve,
    }


@pytest.mark.parametrize(
    "row",
    [r for r in algorithms.SIGNATURE_ALGORITHMS if not r.key_type.value.startswith("GOST")],
    ids=lambda row: row.name,
)
def test_each_row_signs_and_verifies(row: SignatureAlgorithm, keys: dict[object, Any]) -> None:
    private = keys[row.curve or row.key_type]
    public = PublicKey.of(private.public_key())
    assert (public.key_type, public.curve) == (row.key_type, row.curve)
    signature = sign(private, b"owed: 10", row)
    found = identify(der.decode(row.identifier), key_type=public.key_type, curve=public.curve)
    assert public.verify(signature, b"owed: 10", algorithm=found)
    assert not public.verify(signature, b"owed: 1000", algorithm=found)
    assert not public.verify(signature[:-1], b"owed: 10", algorithm=found)
    assert not public.verify(b"", b"owed: 10", algorithm=found)


def test_key_and_algorithm_are_pinned_together(keys: dict[object, Any]) -> None:
    publics = {kind: PublicKey.of(private.public_key()) for kind, private in keys.items()}
    for kind, public in publics.items():
        for row in algorithms.SIGNATURE_ALGORITHMS:
            if kind not in {row.curve, row.key_type}:
                with pytest.raises(AlgorithmKeyMismatch):
                    public.verify(b"", b"", algorithm=row)


def pss_key(native: rsa.RSAPublicKey, parameters: bytes) -> PublicKey:
    octets = PublicKey.of(native).key_octets
    identifier = der.sequence(der.object_identifier(algorithms.RSASSA_PSS), parameters)
    return PublicKey(der.sequence(identifier, der.bit_string(octets)))


def test_key_for_pss_verifies_what_it_is_limited_to(keys: dict[object, Any]) -> None:
    private = keys[KeyType.RSA]
    pss = algorithms.RSA_PSS_SHA256
    limited = pss_key(private.public_key(), pss.parameters)
    assert limited.verify(sign(private, b"m", pss), b"m", algorithm=pss)
    shorter = pss_algorithm(pss_parameters(algorithms.SHA256, algorithms.SHA256, 8))
    other_mask = pss_algorithm(pss_parameters(algorithms.SHA256, algorithms.SHA1, 32))
    longer = pss_algorithm(pss_parameters(algorithms.SHA256, algorithms.SHA256, 40))
    assert limited.verify(sign(private, b"m", longer), b"m", algorithm=longer)
    for row in (algorithms.RSA_PSS_SHA512, algorithms.RSA_PKCS1_SHA256, shorter, other_mask):
        with pytest.raises(AlgorithmKeyMismatch):
            limited.verify(sign(private, b"m", row), b"m", algorithm=row)
    free = pss_key(private.public_key(), b"")
    assert free.verify(sign(private, b"m", shorter), b"m", algorithm=shorter)
    with pytest.raises(AlgorithmKeyMismatch):
        free.verify(b"", b"m", algorithm=algorithms.RSA_PKCS1_SHA256)


def test_a_gost_key_that_is_no_point_keeps_its_bytes_and_is_refused_when_it_is_used() -> None:
    identifier = der.sequence(
        der.object_identifier("1.2.398.3.10.1.1.2.2"),
        der.sequence(
            der.object_identifier("1.2.398.3.10.1.1.2.2.1"),
            der.object_identifier("1.2.398.3.10.1.3.3"),
        ),
    )
    key = PublicKey(der.sequence(identifier, der.bit_string(b"\x04\x81\x80" + bytes(128))))
    assert (key.key_type, key.bits, key.curve) == (KeyType.GOST_2015_512, 512, None)
    with pytest.raises(MalformedPublicKey):
        key.verify(bytes(128), b"", algorithm=algorithms.GOST_2015_512)
    with pytest.raises(AlgorithmUnavailable):
        _ = key.native


# --- DSA: verified alone ------------------------------------------------------------------------


def dsa_key(p: int, q: int, g: int, y: int) -> PublicKey:
    parameters = der.sequence(der.integer(p), der.integer(q), der.integer(g))
    identifier = der.sequence(der.object_identifier(algorithms.DSA_KEY), parameters)
    return PublicKey(der.sequence(identifier, der.bit_string(der.integer(y))))


def without_parameters(key: PublicKey, parameters: bytes = b"") -> PublicKey:
    identifier = der.sequence(der.object_identifier(key.algorithm_oid), parameters)
    return PublicKey(der.sequence(identifier, der.bit_string(key.key_octets)))


def test_dsa_signatures_have_one_encoding(keys: dict[object, Any]) -> None:
    private = keys[KeyType.DSA]
    public, row = PublicKey.of(private.public_key()), algorithms.DSA_SHA256
    signature = sign(private, b"m", row)
    fields = der.decode(signature).fields()
    r, s = fields.take().integer(), fields.take().integer()
    q = private.public_key().public_numbers().parameter_numbers.q
    assert public.verify(der.sequence(der.integer(r), der.integer(s)), b"m", algorithm=row)
    for pair in ((-r, s), (r, -s), (r + q, s), (r, s + q), (r, q - s), (0, s), (r, 0), (1, 0)):
        altered = der.sequence(*map(der.integer, pair))
        assert not public.verify(altered, b"m", algorithm=row)
    padded = der.value(der.INTEGER, bytes(2) + r.to_bytes(20, "big"))
    for altered in (
        signature + b"\0",
        signature + der.null(),
        der.sequence(der.integer(r), der.integer(s), der.integer(0)),
        der.sequence(padded, der.integer(s)),
        b"\x30\x81" + signature[1:],
        b"\x30\x80" + signature[2:] + bytes(2),
        r.to_bytes(20, "big") + s.to_bytes(20, "big"),
    ):
        assert not public.verify(altered, b"m", algorithm=row)


def test_a_dsa_key_takes_the_parameters_of_its_issuer(keys: dict[object, Any]) -> None:
    private = keys[KeyType.DSA]
    public, row = PublicKey.of(private.public_key()), algorithms.DSA_SHA1
    signature = sign(private, b"m", row)
    for bare in (without_parameters(public), without_parameters(public, der.null())):
        with pytest.raises(MalformedPublicKey):
            bare.verify(signature, b"m", algorithm=row)
        whole = bare.inheriting(public)
        assert whole == public
        assert whole.verify(signature, b"m", algorithm=row)
        # Neither a key that has none itself nor one of another kind has any to give.
        other = PublicKey.of(keys[KeyType.RSA].public_key())
        assert bare.inheriting(bare) is bare.inheriting(other) is bare
    for kept in (public, PublicKey.of(keys[KeyType.RSA].public_key())):
        assert kept.inheriting(public) is kept


def test_numbers_that_no_dsa_key_has_are_refused_before_they_are_used(
    keys: dict[object, Any],
) -> None:
    numbers = keys[KeyType.DSA].public_key().public_numbers()
    p, q, g = (getattr(numbers.parameter_numbers, name) for name in "pqg")
    y = numbers.y
    assert dsa_key(p, q, g, y).bits == 1024
    for changed in (
        dsa_key(p, q, 1, y),
        dsa_key(p, q, p - 1, y),
        dsa_key(p, q, g, 1),
        dsa_key(p, q, g, 0),
        dsa_key(p, q, g, p),
        dsa_key(p - 1, q, g, y),
        dsa_key(p, -q, g, y),
    ):
        with pytest.raises(MalformedPublicKey):
            changed.verify(b"", b"", algorithm=algorithms.DSA_SHA1)
    for changed in (
        dsa_key((1 << 511) + 1, q, g, y),
        dsa_key((1 << 2047) + 1, q, g, y),
        dsa_key((1 << 16000) + 1, q, g, y),
        dsa_key(p, 3, g, y),
    ):
        with pytest.raises(UnknownAlgorithm):
            changed.verify(b"", b"", algorithm=algorithms.DSA_SHA1)


def test_kinds_without_a_row_are_unknown_when_somebody_needs_them() -> None:
    for native in (
        ed448.Ed448PrivateKey.generate().public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
    ):
        key = PublicKey.of(native)
        assert key.description.startswith("unknown")
        assert len(key.fingerprint) == 32
        with pytest.raises(AlgorithmError):
            key.verify(b"", b"", algorithm=algorithms.ED25519)


def test_key_identifier_is_the_one_of_rfc5280(keys: dict[object, Any]) -> None:
    from cryptography.x509 import SubjectKeyIdentifier

    for private in keys.values():
        theirs = SubjectKeyIdentifier.from_public_key(private.public_key())
        assert PublicKey.of(private.public_key()).key_identifier == theirs.digest


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_points_are_taken_and_refused_as_cryptography_does_in_a_whole_key(
    keys: dict[object, Any], curve: algorithms.Curve
) -> None:
    whole = PublicKey.of(keys[curve].public_key()).encoded
    changed = [
        whole[:place] + bytes((octet ^ bits,)) + whole[place + 1 :]
        for place, octet in enumerate(whole)
        for bits in (1, 2, 3, 4)
    ]
    taken = 0
    for encoded in (whole, *changed):
        try:
            key = PublicKey(encoded)
            if key.key_type is not KeyType.EC or key.curve is None:
                continue
            ours = key.native.public_numbers()  # type: ignore[union-attr]
        except EdsError:
            ours = None
        try:
            theirs = serialization.load_der_public_key(encoded).public_numbers()  # type: ignore[union-attr]
        except (ValueError, UnsupportedAlgorithm):
            theirs = None
        assert ours == theirs, encoded.hex()
        taken += ours is not None
    assert taken == 2  # the point, and its hybrid form


@pytest.mark.parametrize(
    "data", [b"", b"0", b"0\0", b"\x30\x80\0\0", der.sequence(b"0\0", b"\3\0")]
)
def test_bytes_that_are_no_key_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPublicKey):
        PublicKey(data)


def test_key_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        PublicKey(bytes(65537))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_keys_raise_only_errors_of_this_library(keys: None, data: st.DataObject) -> None:
    encoded = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        key = PublicKey(bytes(encoded))
        _ = key.description, key.fingerprint, key.key_identifier, key.bits, key.native
        for row in algorithms.SIGNATURE_ALGORITHMS:
            if row.key_type is key.key_type and row.curve == key.curve:
                assert not key.verify(bytes(64), b"", algorithm=row)
    except EdsError:
        pass


def _small_rsa(modulus: int, exponent: int) -> bytes:
    identifier = der.sequence(der.object_identifier(algorithms.RSA_ENCRYPTION), der.null())
    key = der.sequence(der.integer(modulus), der.integer(exponent))
    return der.sequence(identifier, der.bit_string(key))


SEEDS = (
    PublicKey.of(ec.generate_private_key(ec.SECP256R1()).public_key()).encoded,
    PublicKey.of(ed25519.Ed25519PrivateKey.generate().public_key()).encoded,
    PublicKey.of(rsa.generate_private_key(65537, 1024).public_key()).encoded,
    PublicKey.of(mldsa.MLDSA44PrivateKey.generate().public_key()).encoded,
    _small_rsa((1 << 200) + 1, 3),
    _small_rsa((1 << 512) + 1, 65537),
)


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        (0, 3),
        (1, 1),
        (-5, 3),
        (15, 3),
        (1 << 64, 3),
        ((1 << 1024) + 1, 0),
        ((1 << 1024) + 1, -3),
        ((1 << 2048) + 1, 1 << 2000),
        ((1 << 20_000) + 1, 3),
        ((1 << 500_000) + 1, 65537),
    ],
    ids=[f"number {index}" for index in range(10)],  # pytest cannot print the long ones
)
def test_impossible_rsa_keys_verify_nothing(modulus: int, exponent: int) -> None:
    for row in algorithms.SIGNATURE_ALGORITHMS:
        if row.padding is not None:
            try:
                key = PublicKey(_small_rsa(modulus, exponent))
                assert not key.verify(bytes(128), b"m", algorithm=row)
            except EdsError:
                continue
