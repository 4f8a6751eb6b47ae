"""The table of algorithms: every row whole, unique, and named as others name it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from asn1crypto import algos
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from eds import algorithms, der
from eds.algorithms import (
    CURVES,
    DIGESTS,
    SHA1,
    SHA256,
    SHA384,
    SIGNATURE_ALGORITHMS,
    KeyType,
    Padding,
    SignatureAlgorithm,
    identify,
)
from eds.errors import AlgorithmKeyMismatch, EdsError, UnknownAlgorithm

GOST_ARC = "1.2.398."
OPENSSL = shutil.which("openssl")


def openssl_name(oid: str) -> str:
    """What `openssl` calls an OID, read from what it prints about it."""
    assert OPENSSL is not None
    told = subprocess.run(
        [OPENSSL, "asn1parse", "-inform", "DER"],
        input=der.object_identifier(oid),
        capture_output=True,
        check=True,
    )
    return told.stdout.decode().split("OBJECT")[1].strip(" :\n")


@pytest.mark.parametrize("field", ["name", "jws_name"])
def test_names_are_unique(field: str) -> None:
    named = [getattr(row, field) for row in SIGNATURE_ALGORITHMS if getattr(row, field)]
    assert len(set(named)) == len(named)


def test_identifiers_are_unique_for_a_kind_of_key_and_curve() -> None:
    found = [(row.identifier, row.curve) for row in SIGNATURE_ALGORITHMS]
    assert len(set(found)) == len(found)
    digests, curves = [(d.oid, d.name) for d in DIGESTS], [(c.oid, c.name) for c in CURVES]
    for table in (digests, curves):
        assert len({oid for oid, _ in table}) == len({name for _, name in table}) == len(table)


@pytest.mark.parametrize("row", SIGNATURE_ALGORITHMS, ids=lambda row: row.name)
def test_row_is_whole(row: SignatureAlgorithm) -> None:
    assert algorithms.signature_algorithm(row.name) is row
    assert re.fullmatch(r"[a-z0-9-]+", row.name)
    assert row.source
    assert (row.curve is not None) is (row.key_type is KeyType.EC)
    assert (row.padding is not None) is (row.key_type is KeyType.RSA)
    pss = row.padding is Padding.PSS
    assert (row.salt_length is not None) is (row.mgf_digest is not None) is pss
    assert row.digest in (None, row.cms_digest)
    assert row.oid in algorithms.KEY_TYPES or row.digest is not None
    gost = row.key_type.value.startswith("GOST")
    # ML-DSA and RSA with SHA-3 have no XML URI yet (RFC 9231 §2.3); GOST signing has no mechanism
    # of its own in PKCS #11 3.1.
    without = row.key_type.value.startswith("ML-DSA") or row.name.startswith("rsa-pkcs1-sha3-")
    assert row.xml_uri is not None or without
    verify_only = row.key_type in algorithms.VERIFY_ONLY
    assert (row.pkcs11_mechanism is None) is (gost or verify_only)
    if row.digest is SHA1:
        assert row.relied_on_until == SHA1.relied_on_until


@pytest.mark.parametrize("row", SIGNATURE_ALGORITHMS, ids=lambda row: row.name)
def test_identifier_leads_back_to_its_row(row: SignatureAlgorithm) -> None:
    found = identify(der.decode(row.identifier), key_type=row.key_type, curve=row.curve)
    assert found is row
    for other in KeyType:
        if other is not row.key_type:
            with pytest.raises(AlgorithmKeyMismatch):
                identify(der.decode(row.identifier), key_type=other, curve=row.curve)


def test_gost_oids_lie_in_the_arc_of_kazakhstan_and_no_others() -> None:
    named = [(row.oid, row.name) for row in SIGNATURE_ALGORITHMS]
    for oid, name in (*named, *((row.oid, row.name) for row in DIGESTS)):
        assert oid.startswith(GOST_ARC) is ("gost" in name or "streebog" in name)


# --- others agree -------------------------------------------------------------------------------


@pytest.mark.skipif(OPENSSL is None, reason="no openssl here")
def test_openssl_calls_the_oids_the_same() -> None:
    expected = {
        "rsa-pkcs1-sha3-": "RSA-SHA{}",
        "rsa-pkcs1": "sha{}WithRSAEncryption",
        "rsa-pss": "rsassaPss",
        "ecdsa": "ecdsa-with-SHA{}",
        "ed25519": "ED25519",
        "dsa-sha1": "dsaWithSHA1",
        "dsa-sha256": "dsa_with_SHA256",
    }
    for row in SIGNATURE_ALGORITHMS:
        if row.name.startswith(("gost", "ml-dsa")):
            continue  # unknown to the openssl of the day
        pattern = next(text for start, text in expected.items() if row.name.startswith(start))
        bits = row.digest.name.removeprefix("sha").replace("_", "-") if row.digest else ""
        name = openssl_name(row.oid).lower().replace("ecdsa_with_", "ecdsa-with-")
        assert name == pattern.format(bits).lower()
    for digest in DIGESTS[:8]:
        assert openssl_name(digest.oid) == digest.name.replace("_", "-")
    for curve in CURVES:
        name = {"secp256r1": "prime256v1"}.get(curve.name, curve.name)
        assert openssl_name(curve.oid) == name


def test_asn1crypto_calls_the_oids_the_same() -> None:
    for digest in DIGESTS[:8]:
        assert algos.DigestAlgorithmId(digest.oid).native == digest.name
    for row in SIGNATURE_ALGORITHMS:
        if row.name.startswith(("rsa", "ecdsa", "ed25519", "dsa")) and "sha3-" not in row.name:
            theirs = algos.SignedDigestAlgorithm.load(row.identifier)
            assert (
                theirs.signature_algo
                == {
                    "rsa": "rsassa_pss" if row.padding is Padding.PSS else "rsassa_pkcs1v15",
                    "ecd": "ecdsa",
                    "ed2": "ed25519",
                    "dsa": "dsa",
                }[row.name[:3]]
            )
            if row.digest is not None:
                assert theirs.hash_algo == row.digest.name
            if row.padding is Padding.PSS:
                assert theirs["parameters"]["salt_length"].native == row.salt_length


def test_cryptography_knows_the_curves_by_name_and_oid() -> None:
    for curve in CURVES:
        theirs = ec.get_curve_for_oid(getattr(ec.EllipticCurveOID, curve.name.upper()))
        assert theirs().name == curve.name
        assert theirs().key_size == curve.bits
        oid = getattr(ec.EllipticCurveOID, curve.name.upper())
        assert oid.dotted_string == curve.oid


def test_digests_have_the_size_that_hashlib_makes() -> None:
    for digest in DIGESTS[:4]:
        assert len(digest.digest(b"")) == digest.size == hashlib.new(digest.name).digest_size


# RFC 7518 §3.1, RFC 8037, RFC 9964: what JOSE registered; GG… is what NCANode writes.
def test_jws_names() -> None:
    assert {row.jws_name: row.name for row in SIGNATURE_ALGORITHMS if row.jws_name} == {
        "RS256": "rsa-pkcs1-sha256",
        "RS384": "rsa-pkcs1-sha384",
        "RS512": "rsa-pkcs1-sha512",
        "PS256": "rsa-pss-sha256",
        "PS384": "rsa-pss-sha384",
        "PS512": "rsa-pss-sha512",
        "ES256": "ecdsa-p256-sha256",
        "ES384": "ecdsa-p384-sha384",
        "ES512": "ecdsa-p521-sha512",
        "EdDSA": "ed25519",
        "ML-DSA-44": "ml-dsa-44",
        "ML-DSA-65": "ml-dsa-65",
        "ML-DSA-87": "ml-dsa-87",
        "GG2015": "gost-2015-512",
        "GG2004": "gost-2004",
    }


# RFC 9231 §2.3 and the samples of the NCA.
@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("rsa-pkcs1-sha1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("rsa-pkcs1-sha256", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        ("rsa-pss-sha1", "http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1"),
        ("rsa-pss-sha512", "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"),
        ("ecdsa-p384-sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"),
        ("dsa-sha256", "http://www.w3.org/2009/xmldsig11#dsa-sha256"),
        ("ed25519", "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"),
    ],
)
def test_xml_uris(name: str, uri: str) -> None:
    assert algorithms.signature_algorithm(name).xml_uri == uri


# --- identifiers of signatures ------------------------------------------------------------------


def element(oid: str, parameters: bytes = b"") -> der.Element:
    return der.decode(der.sequence(der.object_identifier(oid), parameters))


def pss(*parts: bytes) -> der.Element:
    return element(algorithms.RSASSA_PSS, der.sequence(*parts))


def mgf1(digest: algorithms.DigestAlgorithm) -> bytes:
    return der.sequence(
        der.object_identifier("1.2.840.113549.1.1.8"),
        der.sequence(der.object_identifier(digest.oid), der.null()),
    )


def test_absent_null_is_accepted_for_rsa_alone() -> None:
    row = algorithms.RSA_PKCS1_SHA256
    assert identify(element(row.oid), key_type=KeyType.RSA) is row
    ecdsa = algorithms.ECDSA_P256_SHA256
    with pytest.raises(UnknownAlgorithm):
        identify(element(ecdsa.oid, der.null()), key_type=KeyType.EC, curve=ecdsa.curve)
    with pytest.raises(UnknownAlgorithm):
        identify(element(row.oid, der.integer(1)), key_type=KeyType.RSA)


def test_curve_chooses_the_row() -> None:
    oid = algorithms.ECDSA_P256_SHA256.oid
    for curve in CURVES:
        assert identify(element(oid), key_type=KeyType.EC, curve=curve).curve is curve


def test_pss_parameters_may_name_another_salt_and_mask() -> None:
    digest = der.explicit(0, der.sequence(der.object_identifier(SHA256.oid)))
    row = identify(
        pss(digest, der.explicit(1, mgf1(SHA384)), der.explicit(2, der.integer(7))),
        key_type=KeyType.RSA,
    )
    assert (row.digest, row.mgf_digest, row.salt_length) == (SHA256, SHA384, 7)
    assert row.name == "rsa-pss-sha256"
    assert row.jws_name is None


def test_pss_defaults_are_sha1() -> None:
    assert identify(pss(), key_type=KeyType.RSA) is algorithms.RSA_PSS_SHA1
    explicit = pss(der.explicit(1, mgf1(SHA1)), der.explicit(3, der.integer(1)))
    assert identify(explicit, key_type=KeyType.RSA) is algorithms.RSA_PSS_SHA1


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        der.null(),
        der.sequence(der.explicit(3, der.integer(2))),
        der.sequence(der.explicit(2, der.integer(-1))),
        der.sequence(der.explicit(2, der.integer(5000))),
        der.sequence(der.explicit(2, der.octet_string(b"\x14"))),
        der.sequence(der.explicit(1, der.sequence(der.object_identifier("1.2.3"), b"0\0"))),
        der.sequence(der.explicit(0, der.sequence(der.object_identifier("1.2.3")))),
        der.sequence(der.explicit(2, der.integer(20)), der.explicit(1, mgf1(SHA1))),
    ],
)
def test_pss_parameters_that_are_none_are_refused(parameters: bytes) -> None:
    with pytest.raises(UnknownAlgorithm):
        identify(element(algorithms.RSASSA_PSS, parameters), key_type=KeyType.RSA)


def test_unknown_names_are_refused() -> None:
    for look_up in (
        algorithms.signature_algorithm,
        algorithms.digest_algorithm,
        algorithms.digest_by_oid,
        algorithms.curve_by_oid,
        algorithms.curve_by_name,
    ):
        with pytest.raises(UnknownAlgorithm) as refused:
            look_up("1.2.3")
        assert refused.value.identifier == "1.2.3"
    assert algorithms.digest_algorithm("sha256") is SHA256
    assert algorithms.curve_by_name("secp256r1") is algorithms.P256


@given(st.binary(max_size=80), st.sampled_from(KeyType), st.sampled_from((None, *CURVES)))
def test_any_identifier_is_a_row_or_an_error(
    content: bytes, key_type: KeyType, curve: algorithms.Curve | None
) -> None:
    for data in (content, der.sequence(content), pss(content).encoded):
        try:
            row = identify(der.decode(data), key_type=key_type, curve=curve)
        except EdsError:
            continue
        assert row.key_type is key_type


# --- the page -----------------------------------------------------------------------------------


def test_page_of_algorithms_tells_the_table() -> None:
    page = (Path(__file__).parents[1] / "docs" / "algorithms.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| `([0-9.]+)` \| ([^|]+) \|", page, re.M)
    assert [(name, key.strip(), oid, until.strip()) for name, key, oid, until in rows] == [
        (
            row.name,
            row.key_type.value + (f" {row.curve.nist_name or row.curve.name}" if row.curve else ""),
            row.oid,
            str(row.relied_on_until or "no end named"),
        )
        for row in SIGNATURE_ALGORITHMS
    ]
