"""Objects of a PDF document to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.errors import MalformedPdf
from eds.verify.pdf_syntax import end_of_object, end_of_value, header


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (b"<< /A 1 /B [ 1 0 R (a(b\\)c)) <0aF > null -.5 +1. ] >>", [b"/A", b"/B"]),
        (b"<< /C << /A /B >> >>", [b"/C"]),
        (b"[true false/Name]", []),
        (b"(a\\\\)", []),
        (b"12", []),
        (b"<<>>", []),
    ],
)  # fmt: skip
def test_values_are_read_to_their_end(text: bytes, keys: list[bytes]) -> None:
    assert end_of_value(text + b" rest", 0) == (len(text), keys)


@pytest.mark.parametrize(
    "text",
    [
        b"<< /A 1 > >", b"<< /A 1 >?", b"<< /A >>", b"<< 1 /A >>", b"<< /A 1 /A 2 >>", b"[ 1 >>",
        b"<< /A 1 ]", b">>", b"[ 0 R ]", b"[ /A 0 R ]", b"(a", b"(a\\)", b"<0g>", b"% 1", b"1x",
        b"[ 1 % c\n ]", b"", b"{}", b"[" * 100 + b"]" * 100, b"<< /A 1 2 >>",
    ],
)  # fmt: skip
def test_what_readers_would_have_to_forgive_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedPdf):
        end_of_value(text, 0)


def test_streams_have_the_length_they_say() -> None:
    text = b"7 0 obj\n<< /Length 3 >>\nstream\nabc\nendstream\nendobj\n"
    number, generation, begin = header(text, 0)
    assert (number, generation) == (7, 0)
    assert end_of_object(text, begin, length=3) == (len(text) - 1, [b"/Length"])
    for length in (0, 2, 4, 5, 99, None):
        with pytest.raises(MalformedPdf):
            end_of_object(text, begin, length=length)


@given(st.binary(max_size=200))
def test_any_octets_are_an_object_or_refused(data: bytes) -> None:
    try:
        end, _ = end_of_value(data, 0)
    except MalformedPdf:
        return
    assert 0 < end <= len(data)
