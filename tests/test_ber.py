"""BER becomes DER, says what was met, and touches nothing that is DER already."""

from __future__ import annotations

import shutil
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from eds import ber, der
from eds.errors import DecodeError, InvalidArgument, LimitExceeded, MalformedDer
from eds.tolerances import (
    CONSTRUCTED_STRING,
    INDEFINITE_LENGTH,
    NON_MINIMAL_LENGTH,
    TOLERANCES,
    Tolerance,
    tolerance,
)
from tests import material
from tests.material import DATA, needs_data

octets = bytes.fromhex
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")


@pytest.mark.parametrize(
    ("met", "found", "wanted"),
    [
        ({INDEFINITE_LENGTH}, "3080 0000", "3000"),
        ({INDEFINITE_LENGTH}, "3080 020105 0000", "3003 020105"),
        ({INDEFINITE_LENGTH}, "3004 3080 0000", "3002 3000"),
        ({INDEFINITE_LENGTH}, "a080 3080 0500 0000 0000", "a004 3002 0500"),
        ({INDEFINITE_LENGTH}, "7f49 80 0500 0000", "7f49 02 0500"),
        ({INDEFINITE_LENGTH}, "3080 0500 3003020101 0000", "3007 0500 3003020101"),
        ({NON_MINIMAL_LENGTH}, "048101 41", "0401 41"),
        ({NON_MINIMAL_LENGTH}, "04880000000000000001 41", "0401 41"),
        ({NON_MINIMAL_LENGTH}, "308103 020105", "3003 020105"),
        ({NON_MINIMAL_LENGTH}, "3004 02810105", "3003 020105"),
        ({NON_MINIMAL_LENGTH}, "5f8101 8101 41", "5f8101 01 41"),
        ({CONSTRUCTED_STRING}, "2400", "0400"),
        ({CONSTRUCTED_STRING}, "2406 040141 040142", "0402 4142"),
        ({CONSTRUCTED_STRING, INDEFINITE_LENGTH}, "2480 040141 040142 0000", "0402 4142"),
        ({CONSTRUCTED_STRING}, "2408 2406 040141 040142", "0402 4142"),
        ({CONSTRUCTED_STRING, NON_MINIMAL_LENGTH}, "2404 04810141", "0401 41"),
        (
            {CONSTRUCTED_STRING, INDEFINITE_LENGTH},
            "2480 040141 2480 040142 2403 040143 0000 040144 0000",
            "0404 41424344",
        ),
        # X.690 §8.6.4.2
        (
            {CONSTRUCTED_STRING, INDEFINITE_LENGTH},
            "2380 0303000a3b 0305045f291cd0 0000",
            "0307040a3b5f291cd0",
        ),
        ({CONSTRUCTED_STRING}, "2300", "030100"),
        ({CONSTRUCTED_STRING}, "2304 030203ff", "030203f8"),  # DER: unused bits are zero
        # X.690 §8.23.6 (VisibleString "Jones")
        ({CONSTRUCTED_STRING}, "3a09 04034a6f6e 04026573", "1a054a6f6e6573"),
        ({CONSTRUCTED_STRING}, "2c04 0402d0a2", "0c02d0a2"),
    ],
)
def test_each_freedom_of_ber_is_taken_back_and_named(
    met: set[Tolerance], found: str, wanted: str
) -> None:
    made = ber.to_der(octets(found))
    assert made.encoded == octets(wanted)
    assert made.tolerances == met
    der.check(made.encoded)
    assert all(row.accepted for row in made.tolerances)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "30",
        "3080",
        "308000",
        "3080 020105",
        "3080 0000 00",
        "3080 0000 0000",
        "0000",
        "3002 0000",  # an end in a value of known length
        "3080 000100 0000",
        "3080 008100 0000",
        "3080 0080 0000",
        "0480 0000",  # primitive
        "0280 0000",
        "8080 0000",
        "1002 0500",
        "1100",
        "2100",  # BOOLEAN, INTEGER, NULL, OBJECT IDENTIFIER, ENUMERATED are never constructed
        "2203 020101",
        "2500",
        "2600",
        "2a00",
        "2403 030100",  # pieces of the wrong kind
        "2403 0c0141",
        "2403 800141",
        "2405 2303 030100",
        "2402 3000",
        "2304 0402 0041",
        "2302 0300",
        "2306 030101 030100",
        "2308 03020180 03020041",  # unused bits before the last piece
        "2303 030108",
        "2303 030101",
        "0489 000000000000000001 41",
        "04ff" + 127 * "00",
        "3005 0204 01",
        "3080 3003 0204 0000 0000",
        "1f1e 00",
        "5f8001 00",
    ],
)
def test_what_is_not_even_ber_is_refused(encoded: str) -> None:
    with pytest.raises(MalformedDer):
        ber.to_der(octets(encoded))


def test_content_and_order_stay_as_they_are() -> None:
    for encoded in (
        "0101 01",  # TRUE in another octet: its reader refuses it
        "0202 0001",
        "3106 020102 020101",
        "a006 040141 040142",  # may be [0] IMPLICIT in pieces, or two values
        "0404 24020400",  # BER inside an OCTET STRING is content
        "1702 3030",
    ):
        given_bytes = octets(encoded)
        made = ber.to_der(given_bytes)
        assert made.encoded is given_bytes
        assert made.tolerances == frozenset()


def test_an_implicit_string_in_pieces_is_joined_on_request() -> None:
    made = ber.to_der(octets("a080 2480 040141 040142 0000 040143 0000")).encoded
    assert ber.octets(der.decode(made)) == b"ABC"
    assert ber.octets(der.decode(octets("8003414243"))) == b"ABC"
    with pytest.raises(MalformedDer):
        ber.octets(der.decode(octets("a003020101")))


@pytest.mark.parametrize("data", [bytearray(b"\5\0"), None, "x"])
def test_only_bytes_are_taken(data: Any) -> None:
    with pytest.raises(InvalidArgument):
        ber.to_der(data)


# --- any value, in any of its encodings ------------------------------------------------------

_LEAVES = st.one_of(
    st.binary(max_size=300).map(der.octet_string),
    st.binary(max_size=20).map(der.bit_string),
    st.text(max_size=20).map(der.utf8_string),
    st.integers().map(der.integer),
    st.just(der.null()),
    st.binary(max_size=5).map(lambda content: der.value(0x81, content)),
    st.binary(max_size=5).map(lambda content: der.value(0x5F21, content)),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: der.sequence(*parts)),
        st.lists(inner, max_size=4).map(lambda parts: der.set_of(*parts)),
        st.lists(inner, max_size=4).map(lambda parts: der.value(0xA0, *parts)),
        st.lists(inner, max_size=2).map(lambda parts: der.value(0x7F49, *parts)),
    ),
    max_leaves=12,
)


class Loosened:
    """One of the many BER encodings of a value in DER, and the rows it makes use of."""

    def __init__(self, encoded: bytes, data: st.DataObject) -> None:
        self._draw = data.draw
        self.met: set[Tolerance] = set()
        self.encoded = self._value(der.decode(encoded))

    def _value(self, element: der.Element) -> bytes:
        if element.is_constructed:
            return self._put(element.tag, b"".join(map(self._value, element.iterate())))
        if element.tag in (der.OCTET_STRING, der.BIT_STRING, der.UTF8_STRING):
            return self._string(element.tag, element.octets, depth=3)
        return self._put(element.tag, element.octets)

    def _string(self, tag: int, content: bytes, *, depth: int) -> bytes:
        if not depth or self._draw(st.booleans()):
            return self._put(tag, content)
        self.met.add(CONSTRUCTED_STRING)
        bits = tag == der.BIT_STRING
        piece = der.BIT_STRING if bits else der.OCTET_STRING
        rest = content[1:] if bits else content
        cut = self._draw(st.integers(0, len(rest)))
        pieces = [
            self._string(piece, b"\0" * bits + part, depth=depth - 1)
            for part in (rest[:cut], rest[cut:])
        ]
        return self._put(tag | 0x20, b"".join(pieces))

    def _put(self, tag: int, content: bytes) -> bytes:
        identifier = der.head(tag, 0)[:-1]
        if identifier[0] & 0x20 and self._draw(st.booleans()):
            self.met.add(INDEFINITE_LENGTH)
            return identifier + b"\x80" + content + b"\0\0"
        size = self._draw(st.integers(2, 5)) if self._draw(st.booleans()) else 0
        if size:
            self.met.add(NON_MINIMAL_LENGTH)
            length = len(content).to_bytes(size, "big")
            if length[0] == 0:
                return identifier + bytes((0x80 | size,)) + length + content
        return der.head(tag, len(content)) + content


@given(_TREES, st.data())
def test_every_encoding_of_a_value_becomes_the_one(encoded: bytes, data: st.DataObject) -> None:
    loose = Loosened(encoded, data)
    made = ber.to_der(loose.encoded)
    assert made.encoded == encoded
    assert made.tolerances <= loose.met
    assert bool(made.tolerances) == (loose.encoded != encoded)


@given(_TREES)
def test_der_comes_back_as_the_same_bytes(encoded: bytes) -> None:
    made = ber.to_der(encoded)
    assert made.encoded is encoded
    assert made.tolerances == frozenset()


@given(st.binary(max_size=64) | st.binary(max_size=30).map(lambda tail: b"\x30\x80" + tail))
def test_noise_is_refused_or_becomes_stable(data: bytes) -> None:
    try:
        made = ber.to_der(data)
    except DecodeError:
        return
    again = ber.to_der(made.encoded)
    assert again.encoded is made.encoded
    assert not again.tolerances


# --- real objects -----------------------------------------------------------------------------


def _cms_files() -> Iterator[Path]:
    for folder in ("dss-cades/files", "kz/cms", "dss-revocation/spi"):
        for path in sorted((DATA / folder).rglob("*")):
            if path.suffix in {".p7m", ".p7s", ".cms", ".pkcs7", ".der", ".tst", ".sig"}:
                yield path


@pytest.mark.untraced
@needs_data
def test_every_real_cms_becomes_der() -> None:
    count = 0
    for path in _cms_files():
        data = path.read_bytes()
        if data[:1] != b"0":
            continue
        if path.name == "cades-duplicated-signed-attrs.p7m":
            with pytest.raises(MalformedDer, match="octets after the value"):
                ber.to_der(data)
            continue
        made = ber.to_der(data)
        if path.name == "cades-dss1956.p7m":
            with pytest.raises(MalformedDer, match="SET is not in order"):
                der.check(made.encoded)
        else:
            der.check(made.encoded)
        count += 1
        assert (made.encoded is data) == (not made.tolerances)
    assert count > 40


def _as_openssl_has_it(data: bytes) -> bytes:
    return subprocess.run(
        ["openssl", "cms", "-cmsout", "-inform", "DER", "-outform", "DER"],
        input=data,
        capture_output=True,
        check=True,
    ).stdout


def _sorted_sets(element: der.Element) -> bytes:
    """The value with its SETs, and [0] and [1] that stand for such, in order."""
    if not element.is_constructed:
        return element.encoded
    parts = [_sorted_sets(child) for child in element.iterate()]
    if element.tag in (der.SET, 0xA0, 0xA1):
        parts.sort()
    return der.value(element.tag, *parts)


@needs_data
@needs_openssl
@pytest.mark.parametrize(
    "name",
    [
        "dss-cades/files/validation/counterSig.p7m",
        "dss-cades/files/validation/evidence-record/C-E-ERS-basic.p7m",
        "dss-cades/files/validation/evidence-record/C-E-ERS-detached-ber.p7s",
    ],
)
def test_openssl_makes_the_same_der_of_ber(name: str) -> None:
    data = (DATA / name).read_bytes()
    assert ber.to_der(data).encoded == _as_openssl_has_it(data)


@needs_data
@needs_openssl
@pytest.mark.parametrize(
    "name",
    [
        "dss-cades/files/validation/wrongContentHints.p7m",
        "dss-revocation/spi/tst_with_broken_ocsp.tst",
    ],
)
def test_openssl_makes_the_same_der_but_for_the_order_of_certificates(name: str) -> None:
    data = (DATA / name).read_bytes()
    ours, theirs = ber.to_der(data).encoded, _as_openssl_has_it(data)
    assert ours != theirs
    assert _sorted_sets(der.decode(ours)) == _sorted_sets(der.decode(theirs))


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An attached CMS of 16 MB, made as a stream by openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    folder = tmp_path_factory.mktemp("streamed")
    (folder / "content").write_bytes(bytes(range(256)) * 4096 * 16)
    for command in (
        "ecparam -name prime256v1 -genkey -noout -out k",
        "req -x509 -new -key k -subj /CN=x -out c",
        "cms -sign -nodetach -stream -binary -in content -signer c -inkey k -outform DER -out ber",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return (folder / "ber").read_bytes()


def test_a_stream_of_16_mb_is_read_as_one(streamed: bytes) -> None:
    assert streamed[:2] == b"\x30\x80"
    begin = time.process_time()
    made = ber.to_der(streamed)
    assert time.process_time() - begin < 10  # some hundredths, on a quiet machine
    assert made.tolerances == {INDEFINITE_LENGTH, CONSTRUCTED_STRING}
    assert made.encoded == _as_openssl_has_it(streamed)
    signed_data = der.decode(made.encoded).fields()
    signed_data.take()
    content = signed_data.take().only_child().children()[2].children()[1].only_child()
    assert content.octets == bytes(range(256)) * 4096 * 16


def test_memory_is_a_small_multiple_of_the_input(streamed: bytes) -> None:
    tracemalloc.start()
    ber.to_der(streamed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(streamed)


@needs_data
def test_key_files_of_the_nca_become_der_layer_by_layer() -> None:
    paths = sorted((DATA / "kz" / "p12").rglob("*.p12"))
    assert len(paths) >= 36
    met: set[Tolerance] = set()
    for path in paths:
        outer = ber.to_der(path.read_bytes())
        der.check(outer.encoded)
        fields = der.decode(outer.encoded).fields()
        fields.take(der.INTEGER)
        content_info = fields.take(der.SEQUENCE).fields()
        content_info.take(der.OBJECT_IDENTIFIER)
        inner = ber.to_der(ber.octets(content_info.take(der.context(0)).only_child()))
        der.check(inner.encoded)
        met |= outer.tolerances | inner.tolerances
        theirs = pkcs12.Pfx.load(path.read_bytes()).authenticated_safe
        for ours, part in zip(der.decode(inner.encoded).iterate(), theirs, strict=True):
            info = ours.fields()
            oid = info.object_identifier()
            assert oid == part["content_type"].dotted
            wrapped = info.take(der.context(0)).only_child()
            if oid == "1.2.840.113549.1.7.6":  # EncryptedData
                encrypted = wrapped.children()[1].children()[2]
                content = part["content"]["encrypted_content_info"]["encrypted_content"]
                assert ber.octets(encrypted) == content.native
            else:
                der.check(ber.to_der(ber.octets(wrapped)).encoded)
    assert INDEFINITE_LENGTH in met


@needs_data
def test_a_certificate_keeps_its_bytes_in_a_changed_value() -> None:
    for certificate in list(material.kz_certificates().values())[:5]:
        loose = b"\x30\x80" + certificate + b"\xa0\x80" + certificate + b"\0\0\0\0"
        made = der.decode(ber.to_der(loose).encoded).children()
        assert made[0].encoded == certificate
        assert made[1].only_child().encoded == certificate


# --- hostile input ----------------------------------------------------------------------------


@pytest.mark.untraced
@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80" * 5_000_000,
        b"\x24\x80" * 5_000_000,
        b"\x30\x80" + b"\x30\x80\0\0" * 2_500_000 + b"\0\0",
        b"\x30\x80" + b"\x24\0" * 5_000_000 + b"\0\0",
        b"\x30\x80" + b"\x05\x81\0" * 3_000_000 + b"\0\0",
        b"\x30\x80" * 30 + b"\x30\x80\0\0" * 2_500_000 + b"\0\0" * 30,
        b"\x30\x88\x7f" + b"\xff" * 7 + bytes(1_000_000),
        b"\x30\x84\xff\xff\xff\xff" + bytes(1_000_000),
    ],
    ids=["deep", "deep strings", "wide", "strings", "lengths", "wide below", "2^63", "2^32"],
)
def test_hostile_input_is_refused_soon(data: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(DecodeError):
        ber.to_der(data)
    assert time.process_time() - begin < 20  # a third of a second, on a quiet machine


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(LimitExceeded):
        ber.to_der(bytes(11), limits=der.Limits(size=10))
    deep = b"\x30\x80" * 32 + b"\0\0" * 32
    assert len(ber.to_der(deep).encoded) == 64
    with pytest.raises(LimitExceeded):
        ber.to_der(b"\x30\x80" + deep + b"\0\0")
    deeper = b"\x30\x80" * 5000 + b"\0\0" * 5000
    der.check(
        ber.to_der(deeper, limits=der.Limits(depth=5000)).encoded, limits=der.Limits(depth=5000)
    )


@pytest.mark.untraced
def test_pieces_of_one_octet_are_joined_in_linear_time() -> None:
    def taken(count: int) -> float:
        data = b"\x24\x80" + b"\x04\x01A" * count + b"\0\0"
        begin = time.process_time()
        assert len(ber.to_der(data).encoded) > count
        return time.process_time() - begin

    taken(1000)
    small, large = taken(50_000), taken(400_000)
    assert large < 30 * small


# --- the table --------------------------------------------------------------------------------


def test_tolerances_have_names_of_their_own_and_give_reasons() -> None:
    assert len({row.name for row in TOLERANCES}) == len(TOLERANCES)
    for row in TOLERANCES:
        assert tolerance(row.name) is row
        assert str(row) == row.name
        assert all((row.departure, row.rule, row.applies_to, row.seen, row.source))
    with pytest.raises(InvalidArgument):
        tolerance("everything")
