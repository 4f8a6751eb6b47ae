"""PEM: what RFC 7468 allows is read, junk is refused, and what is written others read."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pem as asn1crypto_pem
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from eds import pem
from eds.errors import DecodeError, InvalidArgument, LimitExceeded, MalformedPem
from tests import material
from tests.material import DATA, needs_data

ONE = b"-----BEGIN A-----\nAAEC\n-----END A-----\n"


def wrapped(body: bytes, label: bytes = b"A") -> bytes:
    return b"-----BEGIN " + label + b"-----\n" + body + b"\n-----END " + label + b"-----\n"


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        ONE.strip(),
        ONE.replace(b"\n", b"\r\n"),
        ONE.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + ONE,
        b"\n\n  " + ONE,
        wrapped(b"A A\tE C"),
        wrapped(b"AA\n\n\nEC\n"),
        wrapped(b"A\nA\nE\nC"),
        wrapped(b"  AAEC  "),
        ONE.replace(b"-----\n", b"----- \t\n"),
        b"-----BEGIN A-----AAEC-----END A-----"[:17] + b"\nAAEC-----END A-----",
        b"Subject: CN=x\nIssuer: ----- BEGIN\n" + ONE,
        ONE + b"and text after it",
        b"prose -----BEGIN A----- prose\n" + ONE,
    ],
)
def test_blank_space_and_text_around_are_forgiven(text: bytes) -> None:
    (block,) = pem.read(text)
    assert (block.label, block.encoded) == ("A", b"\0\1\2")
    assert not block.headers
    assert pem.is_pem(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"text",
        b"AAEC",
        b"-----BEGIN A-----",
        b"-----BEGIN A-----\n",
        b"-----BEGIN A-----\nAAEC\n",
        b"-----BEGIN A-----\nAAEC\n-----END A",
        b"-----BEGIN A-----\nAAEC\n-----END A----",
        b"-----BEGIN A-----\nAAEC\n-----END B-----\n",
        b"-----BEGIN A-----\nAAEC\n-----END a-----\n",
        b"-----BEGIN A-----\nAAEC\n-----BEGIN A-----\nAAEC\n-----END A-----\n",
        b"-----BEGIN A\nAAEC\n-----END A-----\n",
        b"-----BEGIN A----\nAAEC\n-----END A-----\n",
        b"-----BEGIN A----- AAEC\n-----END A-----\n",
        b"-----BEGIN A-----\nAAEC\n-----END A----- x\n",
        b"-----END A-----\n" + ONE,
        ONE + b"-----END A-----\n",
        ONE + b"-----BEGIN A-----\n",
        wrapped(b"AAEC", b""),
        wrapped(b"AAEC", b" A"),
        wrapped(b"AAEC", b"A  B"),
        wrapped(b"AAEC", b"A--B"),
        wrapped(b"AAEC", b"\xc3\xa9"),
        wrapped(b"AAEC", 65 * b"A"),
        wrapped(b"AAEC", b"A\nB"),
        wrapped(b""),
        wrapped(b"===="),
        wrapped(b"AAE"),
        wrapped(b"A"),
        wrapped(b"AAECAA"),
        wrapped(b"AAECAA="),
        wrapped(b"AA==AAEC"),
        wrapped(b"AAEC===="),
        wrapped(b"AAEC="),
        wrapped(b"=AAEC"),
        wrapped(b"AAE*C"),
        wrapped(b"AAE\0C"),
        wrapped(b"AA-_"),
        wrapped(b"AAEC\xa0"),
        wrapped(b"AAE\xef\xbc\xa3"),
        wrapped(b"AB=="),  # bits that no octet holds
        wrapped(b"AAB="),
        wrapped(b"# a comment\nAAEC"),
        wrapped(b"AAEC").decode().encode("utf-16"),
    ],
)
def test_everything_else_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedPem):
        pem.read(text)


def test_many_objects_come_in_order_with_the_text_before_each() -> None:
    text = b"first\n" + ONE + b"\n second: \xd0\x96 \n" + ONE.replace(b"A--", b"X509 CRL--") + ONE
    blocks = pem.read(text)
    assert [(block.label, block.preamble) for block in blocks] == [
        ("A", "first"),
        ("X509 CRL", "second: Ж"),
        ("A", ""),
    ]
    assert pem.read_one(text, "X509 CRL").encoded == b"\0\1\2"
    for label in ("A", "B"):
        with pytest.raises(MalformedPem):
            pem.read_one(text, label)


def test_headers_of_rfc1421_are_kept() -> None:
    headers = (
        b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n 00112233445566778899AABBCCDDEEFF\n\n"
    )
    (block,) = pem.read(wrapped(headers + b"AAEC", b"RSA PRIVATE KEY"))
    assert dict(block.headers) == {
        "Proc-Type": "4,ENCRYPTED",
        "DEK-Info": "AES-256-CBC, 00112233445566778899AABBCCDDEEFF",
    }
    assert block.is_legacy_encrypted
    assert block.encoded == b"\0\1\2"
    (block,) = pem.read(wrapped(b"Comment: x\r\n\r\nAAEC"))
    assert block.headers["Comment"] == "x"
    assert not block.is_legacy_encrypted


@pytest.mark.parametrize(
    "body",
    [
        b"A: b\nAAEC",  # no blank line
        b"A: b\nA: c\n\nAAEC",
        b"A b: c\n\nAAEC",
        b": c\n\nAAEC",
        b"x\nA: c\n\nAAEC",
        b"A: c\n\n",
        b"\xc3\xa9: c\n\nAAEC",
        b"A: c\n\nB: d\n\nAAEC",
    ],
)
def test_headers_that_are_not_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedPem):
        pem.read(wrapped(body))


def test_a_key_openssl_encrypted_the_old_way_is_named(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    key = subprocess.run(
        ["openssl", "genrsa", "-aes128", "-passout", "pass:x", "-traditional", "2048"],
        capture_output=True,
        check=True,
    ).stdout
    (block,) = pem.read(key)
    assert block.is_legacy_encrypted
    assert block.headers["DEK-Info"].startswith("AES-128-CBC,")
    assert len(block.encoded) % 16 == 0


def test_a_block_does_not_show_its_bytes_and_cannot_be_changed() -> None:
    (block,) = pem.read(wrapped(b"AAEC", b"PRIVATE KEY"))
    assert "\\x00" not in repr(block)
    assert "PRIVATE KEY" in repr(block)
    with pytest.raises(dataclasses.FrozenInstanceError):
        block.label = "A"  # type: ignore[misc]


def test_der_is_not_taken_for_pem_whatever_it_holds() -> None:
    assert not pem.is_pem(b"\x30\x82\x01\x00\n" + ONE)
    assert not pem.is_pem(b"\x30\x80\x04\x40\n" + ONE)
    short = b"\n" + ONE
    assert not pem.is_pem(bytes((0x30, len(short))) + short)
    assert pem.is_pem(b"0 certificates\n" + ONE)
    assert not pem.is_pem(b"")
    assert not pem.is_pem(b"-----BEGIN")


@pytest.mark.parametrize("data", [bytearray(ONE), ONE.decode(), None])
def test_only_bytes_are_read(data: Any) -> None:
    with pytest.raises(InvalidArgument):
        pem.read(data)


# --- real objects ------------------------------------------------------------------------------


@needs_data
def test_real_files_give_what_other_readers_find() -> None:
    folders = ("kz/cert", "kz/ca", "dss-revocation", "rfc9500", "ocsp-tsp")
    count = 0
    for folder in folders:
        for path in sorted((DATA / folder).rglob("*")):
            data = path.read_bytes() if path.is_file() else b""
            if path.suffix == ".md" or not pem.is_pem(data):
                continue
            ours = [(block.label, block.encoded) for block in pem.read(data)]
            theirs = [
                (label, encoded)
                for label, _, encoded in asn1crypto_pem.unarmor(data, multiple=True)
            ]
            assert ours == theirs, path.name
            count += len(ours)
    assert count > 30


@needs_data
def test_certificates_are_written_as_cryptography_writes_them() -> None:
    for name, encoded in list(material.pkits_certificates().items())[:20]:
        if "DSAParametersInherited" in name:  # which cryptography does not load
            continue
        theirs = x509.load_der_x509_certificate(encoded).public_bytes(serialization.Encoding.PEM)
        assert pem.write(pem.CERTIFICATE, encoded) == theirs
        assert pem.read_one(theirs, pem.CERTIFICATE).encoded == encoded


# --- writing ----------------------------------------------------------------------------------

labels = st.from_regex(r"[A-Z0-9]{1,8}([ -][A-Z0-9]{1,8}){0,3}", fullmatch=True)


@given(st.lists(st.tuples(labels, st.binary(min_size=1, max_size=200)), min_size=1, max_size=5))
def test_what_is_written_is_read_back(objects: list[tuple[str, bytes]]) -> None:
    text = b"".join(pem.write(label, encoded) for label, encoded in objects)
    assert [(block.label, block.encoded) for block in pem.read(text)] == objects
    assert all(len(line) <= 64 for line in text.splitlines() if not line.startswith(b"-"))
    crlf = pem.read(text.replace(b"\n", b"\r\n"))
    assert [block.encoded for block in crlf] == [encoded for _, encoded in objects]


def test_cryptography_loads_a_key_written_here() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    encoded = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    text = pem.write(pem.PRIVATE_KEY, encoded, preamble="made for a test")
    loaded = serialization.load_pem_private_key(text, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.private_numbers() == key.private_numbers()
    assert pem.read(text)[0].preamble == "made for a test"


@pytest.mark.parametrize("label", ["", " ", "A ", "A\n", "Ж", "A-----", 65 * "A"])
def test_labels_that_could_not_be_read_are_not_written(label: str) -> None:
    with pytest.raises(InvalidArgument):
        pem.write(label, b"x")


def test_neither_are_empty_blocks_and_preambles_that_begin_one() -> None:
    with pytest.raises(InvalidArgument):
        pem.write("A", b"x", preamble="-----BEGIN B-----")
    with pytest.raises(InvalidArgument):
        pem.write("A", b"")


# --- hostile input ------------------------------------------------------------------------------


def test_size_and_count_are_bounded() -> None:
    with pytest.raises(LimitExceeded):
        pem.read(ONE, limits=pem.PemLimits(size=10))
    assert len(pem.read(ONE * 3, limits=pem.PemLimits(blocks=3))) == 3
    with pytest.raises(LimitExceeded):
        pem.read(ONE * 4, limits=pem.PemLimits(blocks=3))
    with pytest.raises(LimitExceeded):
        pem.read(wrapped(b"A: " + 5000 * b"b" + b"\n\nAAEC"))


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN " * 1_000_000,
        b"x-----BEGIN " * 300_000,
        b"-----BEGIN A-----\r" * 500_000,
        b"-----BEGIN A-----" + b"\r" * 10_000_000,
        b"-----BEGIN A-----\n" + b"\n " * 5_000_000,
        b"-----BEGIN A-----\n:\n" + b" " * 10_000_000 + b"x-----END A-----",
        b"-----BEGIN A-----\n:\n" + b"\n \t" * 3_000_000,
        b"-----BEGIN A-----\n" + b"A" * 10_000_000,
        b"-----BEGIN " + b"A " * 5_000_000,
        b"-" * 10_000_000,
        b" " * 10_000_000,
        b"\r" * 10_000_000 + b"-----BEGIN A-----",
        b"-----BEGIN A-----\rAAEC\r-----END A-----\r" * 10_000 + b"x" * 10_000_000 + b"-----END A",
        b"x-----END A-----" * 300_000 + b"\n-----BEGIN A-----",
    ],
)
def test_time_is_linear(text: bytes) -> None:
    begin = time.process_time()
    with contextlib.suppress(DecodeError):
        pem.read(text)
    pem.is_pem(text)
    assert time.process_time() - begin < 2  # some tenths, on a quiet machine


@given(st.binary(max_size=200) | st.binary(max_size=60).map(wrapped))
def test_noise_is_refused_or_read(data: bytes) -> None:
    try:
        blocks = pem.read(data)
    except DecodeError:
        return
    assert blocks
    for block in blocks:
        assert base64.b64encode(block.encoded)
