"""Large messages as streams: the same as read whole, whatever the encoding of the content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der
from eds.algorithms import SHA256, SHA512
from eds.errors import EdsError, MalformedSignedData
from eds.signeddata import SignedData
from eds.signedstream import SignedStream
from eds.verify.indications import Indication, SubIndication
from tests.verify.cms_house import OWED, House, leaf, message, signed

CONTENT = bytes(range(256)) * 64


@cache
def plain() -> bytes:
    info = leaf().info(CONTENT)
    return message(info, content=CONTENT, certificates=[leaf().certificate.encoded])


def forms() -> Iterator[bytes]:
    """The same message in DER and as writers of streams encode it."""
    data = plain()
    yield data
    kind, wrapped = der.decode(data).children()
    parts = [one.encoded for one in wrapped.only_child().children()]
    data_type = der.decode(parts[2]).children()[0].encoded
    half = len(CONTENT) // 2
    first, second = der.octet_string(CONTENT[:half]), der.octet_string(CONTENT[half:])
    nested = b"\x24\x80" + second + b"\0\0"
    for string in (
        b"\x24\x80" + first + second + b"\0\0",
        der.value(0x24, first, second),
        b"\x24\x80" + first + nested + b"\0\0",
        der.octet_string(CONTENT),
    ):
        inner = b"\x30\x80" + data_type + b"\xa0\x80" + string + b"\0\0\0\0"
        body = parts[0] + parts[1] + inner + b"".join(parts[3:])
        yield b"\x30\x80" + kind.encoded + b"\xa0\x80\x30\x80" + body + b"\0\0" * 3
        yield der.sequence(kind.encoded, der.explicit(0, der.sequence(body)))


def test_stream_holds_what_the_whole_holds() -> None:
    whole = SignedData(plain())
    for data in forms():
        file = io.BytesIO(b"before" + data)
        file.seek(6)
        stream = SignedStream(file)
        assert stream.signed_data.is_detached
        assert stream.signed_data.signer_infos == whole.signer_infos
        assert stream.signed_data.certificates_encoded == whole.certificates_encoded
        assert stream.signed_data.content_type == whole.content_type
        assert stream.digest(SHA256) == hashlib.sha256(CONTENT).digest()
        assert stream.digest(SHA512) == hashlib.sha512(CONTENT).digest()  # not announced
    assert SignedStream(io.BytesIO(plain())).signed_data.tolerances == frozenset()


def test_large_message_in_a_file_is_validated_without_reading_it_whole() -> None:
    content = bytes(5 * 1024 * 1024)
    data = signed(content=content)

    class Counting(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            self.largest = max(self.largest, len(found))
            return found

    file = Counting(data)
    report = House().validate(file)  # type: ignore[arg-type]
    assert report.indication is Indication.TOTAL_PASSED
    assert file.largest <= 4 * 1024 * 1024
    changed = bytearray(data)
    changed[2_000_000] ^= 1
    broken = House().validate(io.BytesIO(bytes(changed)))  # type: ignore[arg-type]
    assert broken.sub_indication is SubIndication.HASH_FAILURE
    cut = House().validate(io.BytesIO(data[:-9]))  # type: ignore[arg-type]
    assert cut.sub_indication is SubIndication.FORMAT_FAILURE
    small = House().validate(io.BytesIO(signed()))  # type: ignore[arg-type]
    assert small.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    "data",
    [b"", b"0", plain() + b"\0", plain()[:-1], plain()[:100], b"\x30\x80" + plain()[4:], OWED],
    ids=range(7),  # each process makes its own signatures, and all must collect the same tests
)
def test_stream_that_is_none_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedSignedData):
        SignedStream(io.BytesIO(data))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_streams_raise_only_errors_of_this_library(data: st.DataObject) -> None:
    encoded = bytearray(data.draw(st.sampled_from(list(forms()))))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, min(len(encoded), 200) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
    try:
        stream = SignedStream(io.BytesIO(bytes(encoded)))
    except EdsError:
        return
    assert len(stream.digest(SHA256)) == 32
