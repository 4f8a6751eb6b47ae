"""What is this file: judged on all the material, and on whatever else may come."""

from __future__ import annotations

import base64
import contextlib
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der
from eds.certificates import Certificate
from eds.errors import EdsError, LimitExceeded, MalformedCertificate, MalformedPem, UnknownFormat
from eds.formats import Encoding, Format, identify
from eds.publickeys import PublicKey
from eds.timestamps import TimeStampToken
from tests.material import DATA, kz_certificates, needs_data

ENCODING, PRIVATE = serialization.Encoding, serialization.PrivateFormat
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PLAIN = serialization.NoEncryption()
PASSWORD = serialization.BestAvailableEncryption(b"secret")


def kinds(data: bytes) -> list[tuple[Format, Encoding]]:
    return [(found.format, found.encoding) for found in identify(data)]


@needs_data
@pytest.mark.parametrize(
    ("pattern", "expected", "least"),
    [
        ("pkits/certs/*.crt", Format.CERTIFICATE, 405),
        ("pkits/crls/*.crl", Format.CERTIFICATE_LIST, 173),
        ("kz/ca/*", Format.CERTIFICATE, 11),
        ("kz/cert/*", Format.CERTIFICATE, 9),
        ("kz/crl/*", Format.CERTIFICATE_LIST, 5),
        ("kz/ocsp/*", Format.OCSP_RESPONSE, 2),
        ("kz/cms/*.der", Format.SIGNED_DATA, 11),
        ("kz/p12/**/*.p12", Format.PKCS12, 44),
        ("kz/tsp/tsp_response.bin", Format.TIME_STAMP_RESPONSE, 1),
        ("kz/tsp/tsp_token.bin", Format.TIME_STAMP_TOKEN, 1),
        ("kz/xml/*.xml", Format.XML, 9),
        ("kz/zip/*.zip", Format.ZIP, 1),
        ("dss-cades/**/*.p7s", Format.SIGNED_DATA, 9),
        ("dss-pades/**/*.pdf", Format.PDF, 50),
        ("dss-policies/**/*.xml", Format.XML, 10),
        ("ocsp-tsp/**/*.ors", Format.OCSP_RESPONSE, 44),
        ("ocsp-tsp/pyca-ocsp/*req*.der", Format.OCSP_REQUEST, 10),
        ("ocsp-tsp/pyca-ocsp/resp-*.der", Format.OCSP_RESPONSE, 15),
        ("ocsp-tsp/**/*-role-*.attr.crt", Format.ATTRIBUTE_CERTIFICATE, 3),
        ("rfc9500/testRSA????.pem", Format.RSA_PRIVATE_KEY, 3),
        ("rfc9500/testECC*[0-9].pem", Format.EC_PRIVATE_KEY, 3),
        ("rfc9500/*.pub.pem", Format.PUBLIC_KEY, 9),
    ],
)
def test_material_is_what_its_folder_says(pattern: str, expected: Format, least: int) -> None:
    paths = sorted(DATA.glob(pattern))
    assert len(paths) >= least
    for path in paths:
        assert {kind for kind, _ in kinds(path.read_bytes())} == {expected}, path.name


def test_private_keys_of_every_format() -> None:
    rsa_key = rsa.generate_private_key(65537, 1024)
    dsa_key = dsa.generate_private_key(1024)
    pem = Encoding.PEM
    for data, expected in (
        (EC_KEY.private_bytes(ENCODING.PEM, PRIVATE.PKCS8, PLAIN), Format.PRIVATE_KEY),
        (EC_KEY.private_bytes(ENCODING.PEM, PRIVATE.PKCS8, PASSWORD), Format.ENCRYPTED_PRIVATE_KEY),
        (
            EC_KEY.private_bytes(ENCODING.PEM, PRIVATE.TraditionalOpenSSL, PLAIN),
            Format.EC_PRIVATE_KEY,
        ),
        (
            rsa_key.private_bytes(ENCODING.PEM, PRIVATE.TraditionalOpenSSL, PLAIN),
            Format.RSA_PRIVATE_KEY,
        ),
        (
            rsa_key.private_bytes(ENCODING.PEM, PRIVATE.TraditionalOpenSSL, PASSWORD),
            Format.RSA_PRIVATE_KEY,
        ),
        (
            dsa_key.private_bytes(ENCODING.PEM, PRIVATE.TraditionalOpenSSL, PLAIN),
            Format.OTHER_PRIVATE_KEY,
        ),
        (EC_KEY.private_bytes(ENCODING.PEM, PRIVATE.OpenSSH, PLAIN), Format.OTHER_PRIVATE_KEY),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(ENCODING.PEM, PRIVATE.PKCS8, PLAIN),
            Format.PRIVATE_KEY,
        ),
    ):
        assert kinds(data) == [(expected, pem)]
        if b":" not in data and expected is not Format.OTHER_PRIVATE_KEY:
            (found,) = identify(data)
            assert kinds(found.octets) == [(expected, Encoding.DER)]
            assert "octets" not in repr(found)


def test_public_keys_and_requests() -> None:
    public = PublicKey.of(EC_KEY.public_key())
    assert kinds(public.encoded) == [(Format.PUBLIC_KEY, Encoding.DER)]
    pkcs1 = rsa.generate_private_key(65537, 1024).public_key()
    encoded = pkcs1.public_bytes(ENCODING.DER, serialization.PublicFormat.PKCS1)
    assert kinds(encoded) == [(Format.RSA_PUBLIC_KEY, Encoding.DER)]
    imprint = der.sequence(
        der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1")), der.octet_string(bytes(32))
    )
    assert kinds(der.sequence(der.integer(1), imprint))[0][0] is Format.TIME_STAMP_REQUEST
    data = der.sequence(der.object_identifier("1.2.840.113549.1.7.3"), der.explicit(0, der.null()))
    assert kinds(data) == [(Format.ENVELOPED_DATA, Encoding.DER)]
    digest_info = der.sequence(
        der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1")), der.octet_string(bytes(32))
    )
    assert kinds(digest_info) == [(Format.UNKNOWN, Encoding.DER)]


@needs_data
def test_same_certificate_in_every_armour() -> None:
    encoded = kz_certificates()["prod_tsa_gost_2025.cer"]
    certificate = Certificate(encoded)
    text = base64.encodebytes(encoded)
    pem = b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
    for data, encoding in (
        (encoded, Encoding.DER),
        (encoded + b"\r\n", Encoding.DER),
        (pem, Encoding.PEM),
        (b"Bag Attributes\n  x: y\n" + pem.replace(b"\n", b"\r\n"), Encoding.PEM),
        (text, Encoding.BASE64),
        (text.replace(b"\n", b""), Encoding.BASE64),
    ):
        assert kinds(data) == [(Format.CERTIFICATE, encoding)]
        assert (
            Certificate.load(data.removesuffix(b"\r\n") if data[:1] == b"0" else data)
            == certificate
        )
        assert Certificate.certificates(data) == (certificate,)
    key = EC_KEY.private_bytes(ENCODING.PEM, PRIVATE.PKCS8, PLAIN)
    both = key + pem + pem
    assert [kind for kind, _ in kinds(both)] == [Format.PRIVATE_KEY] + [Format.CERTIFICATE] * 2
    assert Certificate.certificates(both) == (certificate, certificate)
    assert Certificate.load(key + pem) == certificate
    for none_or_two in (key, both, b"", b"nothing"):
        with pytest.raises(EdsError):
            Certificate.load(none_or_two)
    assert Certificate.certificates(b"nothing") == ()
    assert kinds(encoded * 3) == [(Format.CERTIFICATE, Encoding.DER)] * 3


@needs_data
def test_certificates_come_out_of_signed_data() -> None:
    cms = (DATA / "kz/cms/sdk2026-individual_attached.der").read_bytes()
    (found,) = Certificate.certificates(cms)
    assert found.public_key.description.startswith("GOST")
    folder = DATA / "dss-revocation/spi"
    assert len(Certificate.certificates((folder / "certchain.p7c").read_bytes())) > 1
    with pytest.raises(MalformedCertificate):
        Certificate.load(cms)


@needs_data
def test_token_in_armour() -> None:
    token = (DATA / "kz/tsp/tsp_token.bin").read_bytes()
    response = (DATA / "kz/tsp/tsp_response.bin").read_bytes()
    for data in (token, base64.b64encode(token), base64.b64encode(response)):
        assert TimeStampToken.load(data).encoded == token


def test_ber_is_told_from_der() -> None:
    oid = der.object_identifier("1.2.840.113549.1.7.2")
    inner = b"\x30\x80\x02\x01\x01\x31\x80\x00\x00\x30\x80" + oid + b"\0\0\0\0"
    data = b"\x30\x80" + oid + b"\xa0\x80" + inner + b"\0\0\0\0"
    assert kinds(data) == [(Format.SIGNED_DATA, Encoding.BER)]
    assert identify(data)[0].octets == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"hello",
        b"0",
        b"0\x05\x00",
        b"0\x80",
        b"0\x84\xff\xff\xff\xff",
        b"\x89PNG\r\n",
        b"<",
        b"< 5",
        b"QUJD" * 10,
        b"{}",
        b"0\x00trailing",
    ],
)
def test_other_data_is_unknown(data: bytes) -> None:
    with pytest.raises(UnknownFormat):
        identify(data)


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n",
        b"-----BEGIN " + b"X" * 100 + b"-----",
    ],
)
def test_broken_armour_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPem):
        identify(data)


def test_too_many_objects_are_not_listed() -> None:
    block = b"-----BEGIN X-----\nMAA=\n-----END X-----\n"
    with pytest.raises(LimitExceeded):
        identify(block * 1001)
    with pytest.raises(UnknownFormat):
        identify(b"\x30\x00" * 1001)


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN A-----" * 100_000,
        b"\x30\x80" * 500_000,
        b"\x30\x82\xff\xff" * 300_000,
        b"A" * 3_000_000,
        b"\x30\x83\x0f\x42\x40" + b"\x02\x01\x01" * 333_333 + b"\0",
        b"<" + b" " * 3_000_000,
        b" " * 3_000_000,
        b"%PDF" * 700_000,
    ],
    ids=range(8),
)
def test_hostile_data_is_looked_at_in_bounded_time(data: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(EdsError):
        identify(data)
    assert time.process_time() - started < 20  # some hundredths, on a quiet machine


@needs_data
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_material_raises_only_errors_of_this_library(data: st.DataObject) -> None:
    path: Path = data.draw(st.sampled_from(SEEDS))
    encoded = bytearray(path.read_bytes()[:20_000])
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, min(len(encoded), 300) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
    try:
        found = identify(bytes(encoded))
    except EdsError:
        return
    assert found


SEEDS = [
    path
    for folder in ("kz", "ocsp-tsp/pyca-ocsp", "rfc9500", "dss-revocation/spi")
    for path in sorted((DATA / folder).rglob("*.*"))
    if path.is_file() and path.stat().st_size < 20_000
]


@given(st.binary(max_size=60))
def test_noise_raises_only_errors_of_this_library(data: bytes) -> None:
    for encoded in (data, der.sequence(data), der.sequence(der.sequence(data), data)):
        try:
            assert identify(encoded)
        except EdsError:
            continue
