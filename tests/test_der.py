"""DER: what X.690 allows is read, what it does not is refused, and what is written is read back."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from asn1crypto import core
from asn1crypto import parser as asn1crypto_parser
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from eds import der
from eds.errors import DecodeError, InvalidArgument, LimitExceeded, MalformedDer, NaiveDatetime
from tests import material

octets = bytes.fromhex
INSTANT = datetime(2026, 11, 23, 10, 5, 9, tzinfo=UTC)


def walk(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(offset, depth, octets of the header, octets of the content), in the order of the input."""
    pending = [(der.decode(data), 0)]
    while pending:
        element, depth = pending.pop()
        yield (
            element.start,
            depth,
            element.content - element.start,
            element.end - element.content,
        )
        if element.is_constructed:
            pending += reversed([(child, depth + 1) for child in element.iterate()])


# --- headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoded", "tag", "content"),
    [
        ("0500", der.NULL, b""),
        ("040141", der.OCTET_STRING, b"A"),
        ("3003020105", der.SEQUENCE, octets("020105")),
        ("04 8180" + 128 * "41", der.OCTET_STRING, 128 * b"A"),
        ("04 820100" + 256 * "41", der.OCTET_STRING, 256 * b"A"),
        ("7f49 0100", 0x7F49, b"\0"),  # as passports and cards have it
        ("5f8101 00", 0x5F8101, b""),
        ("1f1f 00", 0x1F1F, b""),
    ],
)
def test_a_header_gives_the_tag_and_the_bounds(encoded: str, tag: int, content: bytes) -> None:
    element = der.decode(octets(encoded))
    assert (element.tag, element.octets, element.encoded) == (tag, content, octets(encoded))
    assert der.value(tag, content) == octets(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "05",
        "0501",
        "30",
        "3080",
        "30800000",
        "0480410000",
        "048101 41",  # one octet of length too many
        "0482 0001 41",
        "0481 7f" + 127 * "41",
        "0481",
        "0482 01",
        "0482 0100",
        "0484 7fffffff",
        "0488 7fffffffffffffff",
        "0488 ffffffffffffffff",
        "0489 010000000000000000",
        "04ff" + 127 * "01",
        "0500 00",  # something follows
        "0500 0500",
        "1f",
        "1f1f",
        "1f1e 00",  # fits one octet
        "1f80 1f 00",
        "5f80 81 00",
        "5f81",
        "5f8101",
        "5f818101 00",  # longer than any in use
    ],
)
def test_what_is_no_der_header_is_refused(encoded: str) -> None:
    with pytest.raises(MalformedDer):
        der.decode(octets(encoded))
    with pytest.raises(MalformedDer):
        der.check(octets(encoded))


def test_a_value_never_reaches_past_the_one_around_it() -> None:
    with pytest.raises(MalformedDer) as refused:
        list(der.decode(octets("3003 020201")).iterate())
    assert refused.value.offset == 2
    # what the input holds after the outer value is not the inner one's
    for encoded in ("3003 020201", "3003 5f8101", "3002 0281", "3001 02"):
        element, _ = der.decode_first(octets(encoded) + 4 * b"\0")
        with pytest.raises(MalformedDer):
            element.only_child()


@pytest.mark.parametrize("data", [bytearray(b"\5\0"), memoryview(b"\5\0"), "0500", None])
def test_only_bytes_are_read(data: Any) -> None:
    for read in (der.decode, der.decode_first, der.check):
        with pytest.raises(InvalidArgument):
            read(data)


def test_the_first_value_is_read_and_the_rest_left() -> None:
    element, end = der.decode_first(octets("0500 0101ff"))
    assert (element.tag, end) == (der.NULL, 2)


# --- fields ----------------------------------------------------------------------------------

FIELDS = der.sequence(
    der.object_identifier("1.2.3"),
    der.integer(3),
    der.sequence(der.octet_string(b"x")),
    der.explicit(0, der.null()),
    der.value(0x7F49, b""),
)


def test_fields_come_in_order_and_none_is_left_over() -> None:
    fields = der.decode(FIELDS).fields()
    assert fields.next_tag == der.OBJECT_IDENTIFIER
    assert fields.take(der.OBJECT_IDENTIFIER).object_identifier() == "1.2.3"
    assert fields.optional(der.NULL) is None
    assert fields.take().integer() == 3
    with pytest.raises(MalformedDer, match="unexpected field"):
        fields.finish()
    assert fields.take(der.SEQUENCE).only_child().octets == b"x"
    part = fields.optional(der.context(0))
    assert part is not None
    part.only_child().null()
    assert fields.optional(0x7F48) is None
    assert fields.optional(0x7F49) is not None
    assert fields.optional(der.NULL) is None
    fields.finish()
    with pytest.raises(MalformedDer, match="nothing more"):
        fields.take(der.NULL)
    with pytest.raises(MalformedDer, match="cut short"):
        fields.take()
    assert fields.next_tag is None


def test_shortcuts_read_what_elements_read() -> None:
    fields = der.decode(FIELDS).fields()
    assert fields.object_identifier() == "1.2.3"
    assert fields.small(3) == 3
    inner = fields.fields()
    assert inner.octets(der.OCTET_STRING) == b"x"
    inner.finish()
    assert fields.encoded(der.context(0)) == octets("a0020500")
    assert fields.encoded(0x7F49) == octets("7f4900")
    fields.finish()


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("0500", lambda fields: fields.take(der.INTEGER)),
        ("0500", lambda fields: fields.octets(der.INTEGER)),
        ("0500", lambda fields: fields.encoded(der.INTEGER)),
        ("0500", lambda fields: fields.fields()),
        ("0500", lambda fields: fields.object_identifier()),
        ("06022a80", lambda fields: fields.object_identifier()),
        ("0600", lambda fields: fields.object_identifier()),
        ("020104", lambda fields: fields.small(3)),
        ("0201ff", lambda fields: fields.small(3)),
        ("02020003", lambda fields: fields.small(3)),
        ("02020100", lambda fields: fields.small(3)),
        ("0200", lambda fields: fields.small(3)),
        ("0202ff", lambda fields: fields.octets(der.INTEGER)),
        ("028101ff", lambda fields: fields.octets(der.INTEGER)),
        ("02", lambda fields: fields.octets(der.INTEGER)),
        ("7f48", lambda fields: fields.optional(0x7F48)),
        ("a0", lambda fields: fields.optional(0xA0)),
    ],
)
def test_a_field_that_is_another_is_refused(
    content: str, read: Callable[[der.Fields], object]
) -> None:
    fields = der.decode(der.sequence(octets(content))).fields()
    with pytest.raises(MalformedDer) as refused:
        read(fields)
    assert refused.value.offset == 2


def test_shortcuts_keep_the_limits() -> None:
    long = der.sequence(der.value(der.OBJECT_IDENTIFIER, 65 * b"\1"))
    with pytest.raises(LimitExceeded):
        der.decode(long).fields().object_identifier()
    with pytest.raises(LimitExceeded):
        der.decode(der.sequence(der.value(der.INTEGER, 3000 * b"\1"))).fields().small(3)


def test_an_explicit_tag_holds_one_value() -> None:
    for content in ("", "05000500"):
        with pytest.raises(MalformedDer):
            der.decode(der.value(der.context(0), octets(content))).only_child()
    primitive = der.decode(octets("8000"))
    with pytest.raises(MalformedDer):
        primitive.only_child()
    with pytest.raises(MalformedDer):
        list(primitive.iterate())


def test_children_are_counted() -> None:
    many = der.decode(der.sequence(*[der.null()] * 4))
    assert len(many.children()) == 4
    with pytest.raises(LimitExceeded):
        many.children(limits=der.Limits(elements=3))


# --- primitive values: against the standard's own examples, asn1crypto and openssl ---------------


@given(st.integers(-(2**2100), 2**2100) | st.integers(-70000, 70000))
def test_integers_are_written_as_asn1crypto_writes_them(number: int) -> None:
    encoded = der.integer(number)
    assert encoded == core.Integer(number).dump()
    assert der.decode(encoded).integer() == number
    assert der.decode(der.enumerated(number)).integer() == number


@pytest.mark.parametrize("content", ["", "0000", "007f", "ffff", "ff80", "000001"])
def test_integers_in_more_octets_than_needed_are_refused(content: str) -> None:
    encoded = der.value(der.INTEGER, octets(content))
    with pytest.raises(MalformedDer):
        der.decode(encoded).integer()
    with pytest.raises(MalformedDer):
        der.check(encoded)


def test_integers_are_bounded() -> None:
    encoded = der.value(der.INTEGER, b"\1" * 2**20)
    for read in (lambda: der.decode(encoded).integer(), lambda: der.check(encoded)):
        with pytest.raises(LimitExceeded):
            read()
    der.check(encoded, limits=der.Limits(integer=2**20))
    with pytest.raises(MalformedDer, match="negative"):
        der.decode(der.integer(-1)).unsigned()


arcs = st.integers(0, 2**100)
dotted_forms = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39), *[arcs] * 3),
    st.tuples(st.just(2), arcs, *[arcs] * 2),
).map(lambda parts: ".".join(map(str, parts)))


@given(dotted_forms)
def test_object_identifiers_are_written_as_asn1crypto_writes_them(dotted: str) -> None:
    encoded = der.object_identifier(dotted)
    assert encoded == core.ObjectIdentifier(dotted).dump()
    assert der.decode(encoded).object_identifier() == dotted


def test_the_object_identifier_of_x690() -> None:
    assert der.object_identifier("2.999.3") == octets("0603883703")  # §8.19.5
    assert der.decode(octets("0603883703")).object_identifier() == "2.999.3"
    assert der.decode(octets("060127")).object_identifier() == "0.39"
    assert der.decode(octets("060150")).object_identifier() == "2.0"


@pytest.mark.parametrize("content", ["", "80", "2a80", "2a8001", "8001", "2aff", "2a8637ff"])
def test_object_identifiers_that_are_cut_or_padded_are_refused(content: str) -> None:
    encoded = der.value(der.OBJECT_IDENTIFIER, octets(content))
    with pytest.raises(MalformedDer):
        der.decode(encoded).object_identifier()
    with pytest.raises(MalformedDer):
        der.check(encoded)


@pytest.mark.parametrize(
    "dotted",
    [
        *("", "1", "3.1", "1.40", "1.2.", "1..2", "1.-2", "+1.2", "1.2 ", "1.02", "1.2_0", "1.٣"),
        *("a.b", "1.2." + 101 * "9"),
    ],
)
def test_what_is_no_dotted_form_is_refused(dotted: str) -> None:
    with pytest.raises(InvalidArgument):
        der.object_identifier(dotted)


@pytest.mark.parametrize("size", [65, 2**10, 2**20])
def test_long_object_identifiers_cost_nothing(size: int) -> None:
    encoded = der.value(der.OBJECT_IDENTIFIER, b"\x81" * (size - 1) + b"\1")
    begin = time.process_time()
    for read in (lambda: der.decode(encoded).object_identifier(), lambda: der.check(encoded)):
        with pytest.raises(LimitExceeded):
            read()
    assert time.process_time() - begin < 5  # nothing, on a quiet machine; quadratic, minutes


def test_booleans_have_two_encodings() -> None:
    for truth in (True, False):
        assert der.decode(der.boolean(truth)).boolean() is truth
        assert der.boolean(truth) == core.Boolean(truth).dump()
    for content in ("", "01", "fe", "ffff"):
        with pytest.raises(MalformedDer):
            der.check(der.value(der.BOOLEAN, octets(content)))


def test_null_is_empty() -> None:
    der.decode(der.null()).null()
    with pytest.raises(MalformedDer):
        der.decode(octets("050100")).null()


@given(st.binary(max_size=40), st.integers(0, 7))
def test_bit_strings_come_back(content: bytes, unused: int) -> None:
    if unused and content:
        content = content[:-1] + bytes((content[-1] >> unused << unused,))
    elif unused:
        with pytest.raises(InvalidArgument):
            der.bit_string(content, unused)
        return
    element = der.decode(der.bit_string(content, unused))
    assert element.bits() == (content, unused)
    if unused:
        with pytest.raises(MalformedDer):
            element.bit_string()
    else:
        assert element.bit_string() == content


@pytest.mark.parametrize("content", ["", "01", "07", "08", "0800", "0101", "077f", "ff00"])
def test_bit_strings_with_impossible_or_unclean_ends_are_refused(content: str) -> None:
    encoded = der.value(der.BIT_STRING, octets(content))
    with pytest.raises(MalformedDer):
        der.decode(encoded).bits()
    with pytest.raises(MalformedDer):
        der.check(encoded)


def test_unused_bits_that_are_set_are_not_written() -> None:
    for content, unused in ((b"\1", 1), (b"\0", 8), (b"\0", -1)):
        with pytest.raises(InvalidArgument):
            der.bit_string(content, unused)


@given(st.frozensets(st.integers(0, 63)))
def test_named_bits_are_written_short_and_read_back(numbers: frozenset[int]) -> None:
    encoded = der.named_bits(numbers)
    assert der.decode(encoded).named_bits() == numbers
    content, _ = der.decode(encoded).bits()
    assert not content or content[-1]


def test_named_bits_are_bounded() -> None:
    with pytest.raises(MalformedDer):
        der.decode(der.bit_string(bytes(9))).named_bits()
    with pytest.raises(InvalidArgument):
        der.named_bits(frozenset({-1}))


def test_key_usage_is_written_as_cryptography_writes_it() -> None:
    usage = x509.KeyUsage(
        *(True, True, False, False, False, True, False), encipher_only=False, decipher_only=False
    )
    assert der.named_bits(frozenset({0, 1, 5})) == usage.public_bytes()


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        (der.UTF8_STRING, "Тест".encode(), "Тест"),
        (der.UTF8_STRING, b"a\0b", "a\0b"),
        (der.PRINTABLE_STRING, b"a@b", "a@b"),
        (der.IA5_STRING, b"a@b", "a@b"),
        (der.TELETEX_STRING, b"\xe9", "é"),
        (der.BMP_STRING, "Тест".encode("utf-16-be"), "Тест"),
        (der.UNIVERSAL_STRING, "Тест".encode("utf-32-be"), "Тест"),
        (der.NUMERIC_STRING, b"12 3", "12 3"),
        (der.VISIBLE_STRING, b"x", "x"),
        (der.UTF8_STRING, b"\xef\xbb\xbfx", "\ufeffx"),
        (der.BMP_STRING, b"\xff\xfe\0a", "\ufffea"),
    ],
)
def test_text_is_read(tag: int, content: bytes, text: str) -> None:
    assert der.decode(der.value(tag, content)).text() == text


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (der.UTF8_STRING, "ff"),
        (der.UTF8_STRING, "c080"),  # over-long NUL
        (der.UTF8_STRING, "eda080"),  # a surrogate
        (der.UTF8_STRING, "f4908080"),  # past U+10FFFF
        (der.PRINTABLE_STRING, "80"),
        (der.IA5_STRING, "e9"),
        (der.NUMERIC_STRING, "b2"),
        (der.VISIBLE_STRING, "ff"),
        (der.BMP_STRING, "00"),
        (der.BMP_STRING, "d800"),
        (der.BMP_STRING, "dc000041"),
        (der.UNIVERSAL_STRING, "000041"),
        (der.UNIVERSAL_STRING, "0000d800"),
        (der.UNIVERSAL_STRING, "00110000"),
        (der.UNIVERSAL_STRING, "ffffffff"),
    ],
)
def test_text_that_is_not_in_its_encoding_is_refused(tag: int, content: str) -> None:
    encoded = der.value(tag, octets(content))
    with pytest.raises(MalformedDer):
        der.decode(encoded).text()
    with pytest.raises(MalformedDer):
        der.check(encoded)


def test_an_octet_string_is_no_text() -> None:
    with pytest.raises(MalformedDer, match="OCTET STRING is not a character string"):
        der.decode(der.octet_string(b"x")).text()


def test_text_is_written_in_the_characters_its_type_has() -> None:
    assert der.utf8_string("Тест") == core.UTF8String("Тест").dump()
    assert der.ia5_string("a@b") == core.IA5String("a@b").dump()
    assert der.printable_string("A-1 (b)") == core.PrintableString("A-1 (b)").dump()
    for write, text in ((der.ia5_string, "é"), (der.printable_string, "a@b")):
        with pytest.raises(InvalidArgument):
            write(text)


@pytest.mark.parametrize(
    ("tag", "content", "instant"),
    [
        (der.UTC_TIME, b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (der.UTC_TIME, b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (der.UTC_TIME, b"991231235959Z", datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (der.GENERALIZED_TIME, b"20500101000000Z", datetime(2050, 1, 1, tzinfo=UTC)),
        (
            der.GENERALIZED_TIME,
            b"99991231235959Z",
            datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        ),
    ],
)
def test_times_are_read(tag: int, content: bytes, instant: datetime) -> None:
    encoded = der.value(tag, content)
    assert der.decode(encoded).time() == instant
    assert der.decode(encoded).time().utcoffset() == timedelta()
    der.check(encoded)


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (der.UTC_TIME, "2611231005Z"),  # no seconds
        (der.UTC_TIME, "261123100509"),
        (der.UTC_TIME, "261123100509+0000"),
        (der.UTC_TIME, "26112310050AZ"),
        (der.UTC_TIME, "+61123100509Z"),
        (der.UTC_TIME, "261323100509Z"),
        (der.UTC_TIME, "260230100509Z"),
        (der.UTC_TIME, "261123240000Z"),
        (der.UTC_TIME, "261123100560Z"),
        (der.UTC_TIME, "261123100509z"),
        (der.UTC_TIME, " 61123100509Z"),
        (der.GENERALIZED_TIME, "20261123100509"),
        (der.GENERALIZED_TIME, "202611231005Z"),
        (der.GENERALIZED_TIME, "2026112310Z"),
        (der.GENERALIZED_TIME, "20261123100509+0500"),
        (der.GENERALIZED_TIME, "20261123100509,5Z"),
        (der.GENERALIZED_TIME, "20261123100509.Z"),
        (der.GENERALIZED_TIME, "20261123100509.50Z"),
        (der.GENERALIZED_TIME, "20261123100509.5"),
        (der.GENERALIZED_TIME, "20261123100509.5.5Z"),
        (der.GENERALIZED_TIME, "202611231005.5Z"),
        (der.GENERALIZED_TIME, "20261123100509.-5Z"),
        (der.GENERALIZED_TIME, "20261123100509." + 33 * "5" + "Z"),
        (der.GENERALIZED_TIME, "00001123100509Z"),
        (der.GENERALIZED_TIME, "２026112310050"),
    ],
)
def test_times_in_another_form_are_refused(tag: int, content: str) -> None:
    element = der.decode(der.value(tag, content.encode()))
    with pytest.raises(MalformedDer):
        element.time()
    with pytest.raises(MalformedDer):
        element.time_with_fraction()
    with pytest.raises(MalformedDer):
        der.check(element.encoded)


def test_a_fraction_is_read_to_the_microsecond() -> None:
    for text, microsecond in ((".5", 500_000), (".123456789", 123_456), (".000001", 1), ("", 0)):
        encoded = der.value(der.GENERALIZED_TIME, f"20261123100509{text}Z".encode())
        assert der.decode(encoded).time_with_fraction() == INSTANT.replace(microsecond=microsecond)
        der.check(encoded)


instants = st.datetimes(timezones=st.just(UTC))


@given(instants)
def test_times_come_back(instant: datetime) -> None:
    whole = instant.replace(microsecond=0)
    assert der.decode(der.time(instant)).time() == whole
    assert der.decode(der.generalized_time(instant)).time() == whole
    assert der.decode(der.generalized_time_with_fraction(instant)).time_with_fraction() == instant
    der.check(der.generalized_time_with_fraction(instant))


def test_times_are_written_as_rfc5280_wants_them() -> None:
    assert der.time(INSTANT) == b"\x17\x0d261123100509Z"
    assert der.time(datetime(2050, 1, 1, tzinfo=UTC)) == b"\x18\x0f20500101000000Z"
    assert der.time(datetime(1949, 12, 31, tzinfo=UTC)) == b"\x18\x0f19491231000000Z"
    east = timezone(timedelta(hours=5))
    assert der.time(INSTANT.astimezone(east)) == der.time(INSTANT)
    # the year that counts is the one in UTC
    assert der.time(datetime(2050, 1, 1, 4, tzinfo=east)) == b"\x17\x0d491231230000Z"
    naive = INSTANT.replace(tzinfo=None)
    for write in (der.time, der.generalized_time, der.generalized_time_with_fraction):
        with pytest.raises(NaiveDatetime):
            write(naive)


# --- constructed values ----------------------------------------------------------------------


def fields_by_cursor(element: der.Element, tags: bytes) -> list[der.Element] | None:
    try:
        fields = element.fields()
        found = [fields.take(tag) for tag in tags]
        fields.finish()
    except DecodeError:
        return None
    return found


TAGS = st.sampled_from((der.INTEGER, der.SEQUENCE, der.OCTET_STRING, der.context(0)))
PARTS = st.lists(st.tuples(TAGS, st.binary(max_size=4) | st.sampled_from([bytes(127), bytes(300)])))


@given(PARTS, st.data())
def test_usual_fields_are_those_that_a_cursor_takes(
    parts: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    tags = bytes(tag for tag, _ in parts)
    whole = der.sequence(*(der.value(tag, content) for tag, content in parts))
    found = der.decode(whole).usual_fields(tags)
    assert found == fields_by_cursor(der.decode(whole), tags)
    assert found is not None
    mutated = bytearray(whole)
    place = data.draw(st.integers(0, min(len(whole), 12) - 1))
    mutated[place] = data.draw(st.sampled_from([0, 2, 4, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x83, 0xFF]))
    with contextlib.suppress(DecodeError):
        element = der.decode(bytes(mutated))
        for wanted in (tags, tags[:-1], tags + b"\x02"):
            assert element.usual_fields(wanted) == fields_by_cursor(element, wanted)


def test_usual_fields_leave_odd_values_to_a_cursor() -> None:
    long = der.decode(der.sequence(der.octet_string(bytes(1 << 16))))
    assert long.usual_fields(b"\x04") == list(long.children())
    padded = b"\x04\x85\0\0\0\0\x80" + bytes(128)
    assert der.decode(der.sequence(padded)).usual_fields(b"\x04") is None
    assert der.decode(der.sequence(b"\x04\x82\0\x80", bytes(128))).usual_fields(b"\x04") is None
    assert der.decode(der.set_of(der.null())).usual_fields(bytes((der.NULL,))) is None
    assert der.decode(b"\x30\x03\x04\x81\x00").usual_fields(b"\x04") is None
    assert der.decode(b"\x30\x02\x04\x82").usual_fields(b"\x04") is None
    assert der.decode(b"\x30\x01\x04").usual_fields(b"\x04") is None


@given(st.lists(st.binary(max_size=6).map(der.octet_string)))
def test_a_set_is_written_in_order(parts: list[bytes]) -> None:
    encoded = der.set_of(*parts)
    assert encoded == der.set_of(*reversed(parts))
    der.check(encoded)
    assert sorted(child.encoded for child in der.decode(encoded).iterate()) == [
        child.encoded for child in der.decode(encoded).iterate()
    ]


def test_sets_out_of_order_are_refused() -> None:
    der.check(octets("3106 020101 020102"))
    der.check(octets("3106 020101 020101"))
    der.check(octets("3109 1303414243 30020500"))  # in the order of a SET OF
    der.check(octets("3109 30020500 1303414243"))  # in the order of a SET: by tag
    for wrong in ("3106 020102 020101", "3105 0500 020101", "310a 3003020101 3003020100"):
        with pytest.raises(MalformedDer, match="not in order"):
            der.check(octets(wrong))
    # sets inside of sets, and what follows them
    inner = der.set_of(der.integer(1), der.integer(2))
    der.check(der.value(der.SET, inner, inner))
    with pytest.raises(MalformedDer, match="not in order"):
        der.check(der.value(der.SET, inner, der.integer(1)))


@pytest.mark.parametrize(
    "encoded",
    [
        *("0000", "1000", "1100", "0800", "0b00", "1d00", "2000", "2100", "220302010a"),
        *("2400", "2300", "2c00", "3300", "3700", "3e00", "2500", "2600"),
    ],
)
def test_forms_that_do_not_exist_in_der_are_refused(encoded: str) -> None:
    with pytest.raises(MalformedDer):
        der.check(octets(encoded))
    with pytest.raises(MalformedDer):
        der.check(der.sequence(octets(encoded)))


def test_what_has_no_rule_passes() -> None:
    for encoded in ("8000", "a000", "4001ff", "7f4900", "2800", "090380fb05", "0d0102", "3f1f00"):
        der.check(octets(encoded))


def test_tags_are_named_as_the_standard_names_them() -> None:
    names = [der.tag_name(tag) for tag in (0x30, 0x13, 0x80, 0xA3, 0x61, 0x7F49, 0xC1, 0x09)]
    assert names == [
        *("SEQUENCE", "PrintableString", "[0]", "[3]", "[APPLICATION 1]"),
        *("[APPLICATION 73]", "[PRIVATE 1]", "[UNIVERSAL 9]"),
    ]
    with pytest.raises(InvalidArgument):
        der.context(31)


def test_implicit_tags_keep_the_form() -> None:
    assert der.implicit(0, der.sequence()) == octets("a000")
    assert der.implicit(1, der.octet_string(b"x")) == octets("810178")
    assert der.explicit(2, der.null()) == octets("a2020500")


# --- real objects, and other readers ---------------------------------------------------------


def _certificates() -> dict[str, bytes]:
    return (
        material.kz_certificates() | material.pkits_certificates() | material.limbo_certificates()
    )


@material.needs_data
def test_every_real_certificate_is_der() -> None:
    for name, encoded in _certificates().items():
        try:
            der.check(encoded)
        except DecodeError as error:
            pytest.fail(f"{name}: {error}")


@pytest.mark.untraced
@material.needs_data
def test_every_real_list_and_response_is_der() -> None:
    for name, encoded in (material.lists() | material.ocsp_responses()).items():
        if name == "dss-revocation/crl/infinite-loop.crl":
            with pytest.raises(MalformedDer, match="octets after the value"):
                der.check(encoded)
            continue
        try:
            der.check(encoded)
        except DecodeError as error:
            pytest.fail(f"{name}: {error}")


@material.needs_data
def test_openssl_sees_the_same_elements_at_the_same_places() -> None:
    objects = itertools.chain(
        itertools.islice(material.kz_certificates().values(), 12),
        itertools.islice(material.lists().values(), 0, None, 30),
        itertools.islice(material.ocsp_responses().values(), 0, None, 20),
    )
    for encoded in objects:
        shown = subprocess.run(
            ["openssl", "asn1parse", "-inform", "DER"],
            input=encoded,
            capture_output=True,
            check=True,
        ).stdout.decode("latin-1")
        theirs = []
        for line in shown.splitlines():
            offset, _, rest = line.partition(":d=")
            depth, header, length = (
                rest[:3].split()[0],
                rest.partition("hl=")[2].split()[0],
                rest.partition(" l=")[2].split()[0],
            )
            theirs.append((int(offset), int(depth), int(header), int(length)))
        assert theirs == list(walk(encoded))


def _seen_by_asn1crypto(data: bytes) -> None:
    """Every element, read by a reader that is laxer than ours. Raises ValueError."""
    pending = [data]
    while pending:
        rest = pending.pop()
        while rest:
            _, method, _, head, content, trailer = asn1crypto_parser.parse(rest)
            assert not trailer
            rest = rest[len(head) + len(content) :]
            if method:
                pending.append(content)


@material.needs_data
def test_what_passes_the_check_is_read_by_asn1crypto() -> None:
    for encoded in itertools.islice(_certificates().values(), 0, None, 25):
        _seen_by_asn1crypto(encoded)


@given(st.data())
@material.needs_data
def test_a_changed_certificate_that_passes_the_check_is_read_by_asn1crypto(
    data: st.DataObject,
) -> None:
    encoded = bytearray(
        data.draw(st.sampled_from(sorted(material.kz_certificates().values())), "certificate")
    )
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        encoded[data.draw(st.integers(0, len(encoded) - 1), "place")] = data.draw(
            st.integers(0, 255), "octet"
        )
    try:
        der.check(bytes(encoded))
    except DecodeError:
        return
    _seen_by_asn1crypto(bytes(encoded))


# --- hostile input ----------------------------------------------------------------------------


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> bytes:
        encoded = b""
        for _ in range(levels):
            encoded = der.sequence(encoded)
        return encoded

    der.check(nested(32))
    with pytest.raises(LimitExceeded):
        der.check(nested(33))
    with pytest.raises(LimitExceeded):
        der.check(nested(10_000))
    der.check(nested(10_000), limits=der.Limits(depth=10_000))  # nothing recurses


def test_size_is_bounded() -> None:
    with pytest.raises(LimitExceeded):
        der.decode(bytes(11), limits=der.Limits(size=10))


@pytest.mark.untraced
def test_many_small_values_take_no_memory_and_little_time() -> None:
    encoded = der.value(der.SET, b"\x30\0" * 50_000)
    tracemalloc.start()
    der.check(encoded)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    begin = time.process_time()
    der.check(der.value(der.SET, b"\x30\0" * 500_000))
    assert time.process_time() - begin < 10  # a second, on a quiet machine


def test_nested_sets_are_compared_in_linear_time() -> None:
    def nested(size: int) -> bytes:
        encoded = der.octet_string(bytes(size))
        for _ in range(30):
            encoded = der.value(der.SET, b"\x01\x01\x00", encoded)
        return encoded

    encoded = nested(4_000_000)
    begin = time.process_time()
    der.check(encoded)
    assert time.process_time() - begin < 10  # some hundredths, on a quiet machine
