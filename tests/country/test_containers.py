"""ZIP archives that want to be read in two ways, too long, or elsewhere."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds.errors import DecodeError, LimitExceeded, MalformedContainer
from eds.verify.indications import Indication, SubIndication
from eds.verify.ncazip import MANIFEST, read_manifest
from eds.verify.trust import Environment, TrustStore
from eds.verify.validation import validate
from eds.verify.zipentries import UNPACKED_FREELY, read_entries
from tests.country.house import NOON, POLICY

EMPTY = TrustStore([], name="empty", environment=Environment.TEST)


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def manifest(body: str) -> bytes:
    return f'<?xml version="1.0"?><NCAManifest>{body}</NCAManifest>'.encode()


PLAIN = packed(("a.txt", b"a" * 1000), ("b/c.txt", b"c"), ("пример.txt", b"d"))


def test_what_zipfile_writes_is_read() -> None:
    found = {one.name: b"".join(one.pieces()) for one in read_entries(PLAIN)}
    assert found == {"a.txt": b"a" * 1000, "b/c.txt": b"c", "пример.txt": b"d"}
    stored = packed(("a", b"x" * 200_000), method=zipfile.ZIP_STORED)
    assert [len(one.octets(limit=200_000)) for one in read_entries(stored)] == [200_000]
    with pytest.raises(LimitExceeded):
        read_entries(stored)[0].octets(limit=199_999)


def streamed() -> bytes:
    """With the sizes behind each entry, as writers to a pipe do it."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"a" * 100)
        archive.writestr("b", b"b")
    return bytes(pipe.data)


def test_sizes_may_follow_an_entry() -> None:
    assert [one.name for one in read_entries(streamed())] == ["a", "b"]


def _renamed(new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(b"a.txt", new)


def _central(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        place = data.index(b"PK\x01\x02") + offset
        return data[:place] + value + data[place + len(value) :]

    return change


BAD: dict[str, Callable[[bytes], bytes]] = {
    "octets before": lambda data: b"PK\x03\x04" + data,
    "octets behind": lambda data: data + b"x",
    "a comment": lambda data: data[:-2] + struct.pack("<H", 1) + b"x",
    "up and out": _renamed(b"../ax"),
    "absolute": _renamed(b"/a.tx"),
    "backslash": _renamed(b"a\\txt"),
    "drive": _renamed(b"c:txt"),
    "nul": _renamed(b"a\x00txt"),
    "the same name in two cases": lambda _: packed(("A", b"1"), ("a", b"2")),
    "another name in the directory": lambda data: data.replace(b"a.txt", b"b.txt", 1),
    "encrypted": _central(8, b"\x01"),
    "packed in another way": _central(10, b"\x0c"),
    "a longer entry than it says": _central(24, b"\x01\x00\x00\x00"),
    "another place": _central(42, b"\x01\x00\x00\x00"),
    "zip64": _central(20, b"\xff\xff\xff\xff"),
    "cut": lambda data: data[: len(data) // 2],
    "a folder with content": lambda _: packed(("d/", b"x")),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(MalformedContainer, match="two entries"):
        read_entries(packed(("a", b"1"), ("a", b"2")))


@pytest.mark.parametrize("name", BAD)
def test_whatever_can_be_read_in_two_ways_is_refused(name: str) -> None:
    data = BAD[name](PLAIN)
    with pytest.raises(DecodeError):
        _ = [list(entry.pieces()) for entry in read_entries(data)]
    report = validate(data, trust=EMPTY, policy=POLICY, at=NOON)
    assert report.sub_indication is SubIndication.FORMAT_FAILURE


def test_a_bomb_is_not_unpacked() -> None:
    data = packed(("bomb", bytes(4 * 1024 * 1024)))
    place = data.index(b"PK\x01\x02") + 24
    lying = data[:place] + struct.pack("<I", UNPACKED_FREELY + 1) + data[place + 4 :]
    with pytest.raises(LimitExceeded):
        read_entries(lying)
    short = data[:22] + struct.pack("<I", 10) + data[26:]
    short = short[:place] + struct.pack("<I", 10) + short[place + 4 :]
    (entry,) = read_entries(short)
    with pytest.raises(MalformedContainer, match="longer"):
        list(entry.pieces())


def test_another_zip_is_no_format_that_is_read() -> None:
    report = validate(PLAIN, trust=EMPTY, policy=POLICY, at=NOON)
    (finding,) = report.findings
    assert finding.code == "document.format"
    assert report.indication is Indication.TOTAL_FAILED


ONE = '<SigReference URI="s"/>'
FILE = (
    '<DataObjectReference URI="{}"><DigestMethod Algorithm="x"/>'
    "<DigestValue>AA==</DigestValue></DataObjectReference>"
)
MANIFESTS = {
    "a document type": b'<!DOCTYPE x [<!ENTITY a "b">]><NCAManifest/>',
    "an entity": b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><NCAManifest/>',
    "another root": b"<Manifest/>",
    "no XML": b"PK",
    "a file twice": manifest(FILE.format("a") + FILE.format("a")),
    "a signature that is a file": manifest(ONE + FILE.format("s")),
    "no digest": manifest('<DataObjectReference URI="a"/>'),
    "no name": manifest(FILE.format("")),
    "no base64": manifest(FILE.format("a").replace("AA==", "A!")),
    "two digests": manifest(
        FILE.format("a").replace("</Data", "<DigestValue>AA==</DigestValue></Data")
    ),
    "too deep": manifest("<a>" * 20 + "</a>" * 20),
    "too many": manifest("".join(f'<SigReference URI="{n}"/>' for n in range(1100))),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(MalformedContainer):
        read_manifest(MANIFESTS[name])
    report = validate(packed((MANIFEST, MANIFESTS[name])), trust=EMPTY, policy=POLICY, at=NOON)
    assert report.sub_indication is SubIndication.FORMAT_FAILURE


def test_a_digest_of_an_unknown_algorithm_is_no_digest() -> None:
    signatures, references = read_manifest(manifest(ONE + FILE.format("a")))
    assert (signatures, references[0].algorithm) == (("s",), "x")


@settings(max_examples=150)
@given(st.data())
def test_any_octets_are_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    report = validate(bytes(changed), trust=EMPTY, policy=POLICY, at=NOON)
    assert report.indication is not Indication.TOTAL_PASSED
