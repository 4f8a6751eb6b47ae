"""DER (X.690): a strict reader that looks only where it is asked to, and a small writer.

Reading never copies a tree: an `Element` is a place in the input, and every header that is
passed is checked (bounds, minimal lengths, no indefinite form). `check` walks the whole input
once, for those who must know that nothing in it departs from DER. BER has its own, slower
road (`eds.ber`), which ends here.

Nothing recurses, integers and object identifiers are bounded before they are converted, and
every failure is `MalformedDer` or `LimitExceeded`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, NoReturn

from .errors import InvalidArgument, LimitExceeded, MalformedDer, NaiveDatetime

# Identifier octets (X.690 §8.1.2), as they stand in the encoding.
BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
ENUMERATED: Final = 0x0A
UTF8_STRING: Final = 0x0C
NUMERIC_STRING: Final = 0x12
PRINTABLE_STRING: Final = 0x13
TELETEX_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
VISIBLE_STRING: Final = 0x1A
UNIVERSAL_STRING: Final = 0x1C
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31

_CONSTRUCTED: Final = 0x20


def context(number: int, *, constructed: bool = True) -> int:
    """The identifier octet of context-specific tag `number` (0 to 30)."""
    return 0x80 | (_CONSTRUCTED if constructed else 0) | number


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a reader is willing to look at. Sizes in octets."""

    size: int = 64 * 1024 * 1024
    depth: int = 32
    elements: int = 100_000  # in one SEQUENCE or SET that is read whole
    integer: int = 2_064  # RSA-16384 and its sign octet fit
    object_identifier: int = 64


LIMITS: Final = Limits()


class Element(NamedTuple):
    """One encoded value: a place in `data`, nothing copied.

    `start` is the offset of its identifier octet, `content` of its first content octet,
    `end` is one past its last.
    """

    data: bytes
    tag: int
    start: int
    content: int
    end: int

    @property
    def encoded(self) -> bytes:
        """The whole value, identifier and length included."""
        return self.data[self.start : self.end]

    @property
    def octets(self) -> bytes:
        """The content octets."""
        return self.data[self.content : self.end]

    @property
    def is_constructed(self) -> bool:
        """Whether the content is made of further elements."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & _CONSTRUCTED)

    def expect(self, tag: int) -> Element:
        """This element, if its tag is `tag`. Raises MalformedDer."""
        if self.tag != tag:
            self.fail(f"expected {tag_name(tag)}, found {tag_name(self.tag)}")
        return self

    def fail(self, reason: str) -> NoReturn:
        """Raise MalformedDer that names this place."""
        raise MalformedDer(reason=reason, offset=self.start)

    # -- constructed values

    def iterate(self) -> Iterator[Element]:
        """The elements inside, one by one and without a limit on their number."""
        if not self.is_constructed:
            self.fail("a primitive value has no elements inside")
        data, position, end = self.data, self.content, self.end
        while position < end:
            tag, content, stop = header(data, position, end)
            yield Element(data, tag, position, content, stop)
            position = stop

    def children(self, *, limits: Limits = LIMITS) -> tuple[Element, ...]:
        """The elements inside. Raises LimitExceeded beyond `limits.elements`."""
        found: list[Element] = []
        for child in self.iterate():
            if len(found) == limits.elements:
                raise LimitExceeded(limit="elements in one value", allowed=limits.elements)
            found.append(child)
        return tuple(found)

    def fields(self, tag: int = SEQUENCE) -> Fields:
        """A cursor over the fields of this SEQUENCE (or of a value tagged `tag`)."""
        self.expect(tag)
        return Fields(self.data, self.content, self.end)

    def only_child(self) -> Element:
        """The single element inside (EXPLICIT tags, wrappers). Raises MalformedDer."""
        if not self.is_constructed:
            self.fail("a primitive value has no elements inside")
        tag, content, stop = header(self.data, self.content, self.end)
        if stop != self.end:
            self.fail("more than one value inside")
        return Element(self.data, tag, self.content, content, stop)

    # -- primitive values

    def boolean(self) -> bool:
        """BOOLEAN: FF or 00 and nothing else (X.690 §11.1)."""
        value = self.octets
        if value not in (b"\xff", b"\x00"):
            self.fail("BOOLEAN is neither FF nor 00")
        return value == b"\xff"

    def integer(self, *, limits: Limits = LIMITS) -> int:
        """INTEGER or ENUMERATED, signed, in the fewest octets (X.690 §8.3.2)."""
        length = self.end - self.content
        if length > limits.integer:
            raise LimitExceeded(limit="octets of an integer", allowed=limits.integer, found=length)
        value = self.data[self.content : self.end]
        if not value:
            self.fail("INTEGER without content")
        if length > 1 and (
            (value[0] == 0 and value[1] < 0x80) or (value[0] == 0xFF and value[1] >= 0x80)
        ):
            self.fail("INTEGER is not minimal")
        return int.from_bytes(value, "big", signed=True)

    def unsigned(self, *, limits: Limits = LIMITS) -> int:
        """INTEGER that is not negative."""
        value = self.integer(limits=limits)
        if value < 0:
            self.fail("INTEGER is negative")
        return value

    def small(self, maximum: int) -> int:
        """INTEGER from 0 to `maximum` (versions, counts, enumerations)."""
        value = self.unsigned()
        if value > maximum:
            self.fail(f"INTEGER is over {maximum}")
        return value

    def object_identifier(self, *, limits: Limits = LIMITS) -> str:
        """OBJECT IDENTIFIER in dotted form."""
        length = self.end - self.content
        if length > limits.object_identifier:
            raise LimitExceeded(
                limit="octets of an object identifier",
                allowed=limits.object_identifier,
                found=length,
            )
        try:
            return _dotted(self.data[self.content : self.end])
        except ValueError as error:
            raise MalformedDer(reason=str(error), offset=self.start) from None

    def null(self) -> None:
        """NULL: no content."""
        if self.content != self.end:
            self.fail("NULL with content")

    def bit_string(self) -> bytes:
        """BIT STRING of whole octets. Raises MalformedDer if bits are left unused."""
        value, unused = self.bits()
        if unused:
            self.fail("BIT STRING does not end on an octet")
        return value

    def bits(self) -> tuple[bytes, int]:
        """BIT STRING: its octets and the number of unused bits in the last, which are zero."""
        value = self.octets
        if not value:
            self.fail("BIT STRING without content")
        unused = value[0]
        if unused > 7 or (unused and len(value) == 1):
            self.fail("BIT STRING with an impossible number of unused bits")
        if unused and value[-1] & ((1 << unused) - 1):
            self.fail("BIT STRING whose unused bits are not zero")
        return value[1:], unused

    def named_bits(self) -> frozenset[int]:
        """The numbers of the bits that are set in a named BIT STRING, bit 0 the first."""
        value, _ = self.bits()
        if len(value) > 8:
            self.fail("BIT STRING with too many named bits")
        return frozenset(
            8 * index + bit
            for index, octet in enumerate(value)
            for bit in range(8)
            if octet & (0x80 >> bit)
        )

    def text(self) -> str:
        """A character string of any of the types X.501 allows."""
        codec = _TEXT_CODECS.get(self.tag)
        if codec is None:
            self.fail(f"{tag_name(self.tag)} is not a character string")
        try:
            return self.octets.decode(codec)
        except UnicodeDecodeError:
            self.fail(f"{tag_name(self.tag)} with octets that are not {codec}")

    def time(self) -> datetime:
        """UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 wants them: seconds, Z, no fraction."""
        value = self.octets
        if self.tag == UTC_TIME and len(value) == 13:
            # RFC 5280 §4.1.2.5.1: 50 to 99 are of the 20th century.
            century = b"20" if value[:2] < b"50" else b"19"
            return self._instant(century + value)
        if self.tag == GENERALIZED_TIME and len(value) == 15:
            return self._instant(value)
        self.fail("not a time in the form of RFC 5280")

    def time_with_fraction(self) -> datetime:
        """GeneralizedTime as RFC 3161 §2.4.2 wants it: a fraction may follow, without end zeros.

        Digits beyond the microsecond are dropped.
        """
        value = self.expect(GENERALIZED_TIME).octets
        whole, point, rest = value.partition(b".")
        if not point:
            return self.time()
        digits = rest[:-1]
        if not (rest.endswith(b"Z") and digits.isdigit() and digits[-1:] != b"0"):
            self.fail("not a time in the form of RFC 3161")
        if len(whole) != 14 or len(digits) > 32:
            self.fail("not a time in the form of RFC 3161")
        instant = self._instant(whole + b"Z")
        return instant.replace(microsecond=int(digits[:6].ljust(6, b"0")))

    def _instant(self, value: bytes) -> datetime:
        digits = value[:14]
        if not (digits.isdigit() and value[14:] == b"Z"):
            self.fail("not a time in the form of RFC 5280")
        try:
            return datetime(
                int(digits[:4]),
                int(digits[4:6]),
                int(digits[6:8]),
                int(digits[8:10]),
                int(digits[10:12]),
                int(digits[12:14]),
                tzinfo=UTC,
            )
        except ValueError:
            self.fail("no such date or time of day")


class Fields:
    """A cursor over the fields of one SEQUENCE, in their order."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data = data
        self._position = start
        self._end = end

    @property
    def next_tag(self) -> int | None:
        """The identifier octet of the next field; None after the last."""
        return self._data[self._position] if self._position < self._end else None

    def take(self, tag: int | None = None) -> Element:
        """The next field, which must be there and, if `tag` is given, carry that tag."""
        found, content, stop = header(self._data, self._position, self._end)
        element = Element(self._data, found, self._position, content, stop)
        if tag is not None and found != tag:
            element.expect(tag)
        self._position = stop
        return element

    def optional(self, tag: int) -> Element | None:
        """The next field if it carries `tag`, else None and the cursor stays."""
        if self._position < self._end and self._data[self._position] == tag:
            return self.take()
        return None

    def finish(self) -> None:
        """Nothing may follow. Raises MalformedDer."""
        if self._position != self._end:
            raise MalformedDer(reason="an unexpected field follows", offset=self._position)


def header(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Read one header: (tag, offset of the content, offset one past the value).

    `end` is the offset that the value must not pass. Raises MalformedDer.
    """
    if end - position < 2:
        raise MalformedDer(reason="cut short: no room for a value", offset=position)
    tag = data[position]
    content = position + 2
    if tag & 0x1F == 0x1F:
        tag, content = _high_tag(data, position, end)
    length = data[content - 1]
    if length >= 0x80:
        count = length & 0x7F
        if count == 0:
            raise MalformedDer(reason="indefinite length is not DER", offset=position)
        if count > 8:
            raise MalformedDer(reason="a length of over eight octets", offset=position)
        if content + count > end:
            raise MalformedDer(reason="cut short in a length", offset=position)
        length = int.from_bytes(data[content : content + count], "big")
        if length < 0x80 or data[content] == 0:
            raise MalformedDer(reason="length is not minimal", offset=position)
        content += count
    stop = content + length
    if stop > end:
        raise MalformedDer(reason="a value runs past its end", offset=position)
    return tag, content, stop


def _high_tag(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Tags from 31 on, up to three octets in all: what passports and cards use."""
    octets = data[position : position + 3]
    size = 2 if len(octets) > 1 and octets[1] < 0x80 else 3
    if len(octets) < size or (size == 3 and octets[2] >= 0x80) or octets[1] == 0x80:
        raise MalformedDer(reason="a tag that is too long or not minimal", offset=position)
    if size == 2 and octets[1] < 0x1F:
        raise MalformedDer(reason="a tag that is not minimal", offset=position)
    if position + size >= end:
        raise MalformedDer(reason="cut short: no room for a value", offset=position)
    return int.from_bytes(octets[:size], "big"), position + size + 1


def decode(data: bytes, *, limits: Limits = LIMITS) -> Element:
    """The one value that `data` consists of; nothing may follow it.

    Raises MalformedDer, LimitExceeded.
    """
    element, end = decode_first(data, limits=limits)
    if end != len(data):
        raise MalformedDer(reason="octets after the value", offset=end)
    return element


def decode_first(data: bytes, *, limits: Limits = LIMITS) -> tuple[Element, int]:
    """The value that `data` begins with, and the offset of what follows it."""
    if not isinstance(data, bytes):
        raise InvalidArgument(argument="data", reason="bytes are wanted")
    if len(data) > limits.size:
        raise LimitExceeded(limit="octets of input", allowed=limits.size, found=len(data))
    tag, content, stop = header(data, 0, len(data))
    return Element(data, tag, 0, content, stop), stop


def check(data: bytes, *, limits: Limits = LIMITS) -> None:
    """Walk the whole of `data` and refuse whatever is not DER: one value, nothing after it.

    Looks at every header, at the content of every universal type that DER restricts, and at
    the order of each SET; does not look inside OCTET STRINGs. Linear in the size of the input,
    and bounded in depth. Raises MalformedDer, LimitExceeded.
    """
    root = decode(data, limits=limits)
    pending = [(root, 1)]
    while pending:
        element, depth = pending.pop()
        if not element.is_constructed:
            checker = _PRIMITIVE_CHECKS.get(element.tag)
            if checker is not None:
                checker(element)
            continue
        if element.tag < _CONSTRUCTED | 0x1F and element.tag not in (SEQUENCE, SET):
            if element.tag & 0x1F in _STRING_NUMBERS:
                element.fail("a string in pieces is not DER")
        if depth > limits.depth:
            raise LimitExceeded(limit="levels of nesting", allowed=limits.depth)
        previous = b""
        for child in element.iterate():
            if element.tag == SET:
                encoded = child.encoded
                if encoded < previous:
                    child.fail("SET is not in order")
                previous = encoded
            pending.append((child, depth + 1))


_STRING_NUMBERS: Final = frozenset(
    {
        BIT_STRING,
        OCTET_STRING,
        UTF8_STRING,
        NUMERIC_STRING,
        PRINTABLE_STRING,
        TELETEX_STRING,
        IA5_STRING,
        UTC_TIME,
        GENERALIZED_TIME,
        VISIBLE_STRING,
        UNIVERSAL_STRING,
        BMP_STRING,
    }
)

_TEXT_CODECS: Final = {
    UTF8_STRING: "utf-8",
    NUMERIC_STRING: "ascii",
    PRINTABLE_STRING: "ascii",
    TELETEX_STRING: "latin-1",  # what software has always written there, whatever T.61 says
    IA5_STRING: "ascii",
    VISIBLE_STRING: "ascii",
    UNIVERSAL_STRING: "utf-32-be",
    BMP_STRING: "utf-16-be",
}

_PRIMITIVE_CHECKS: Final = {
    BOOLEAN: Element.boolean,
    INTEGER: Element.integer,
    ENUMERATED: Element.integer,
    BIT_STRING: Element.bits,
    NULL: Element.null,
    OBJECT_IDENTIFIER: Element.object_identifier,
    **dict.fromkeys(_TEXT_CODECS, Element.text),
}

_TAG_NAMES: Final = {
    BOOLEAN: "BOOLEAN",
    INTEGER: "INTEGER",
    BIT_STRING: "BIT STRING",
    OCTET_STRING: "OCTET STRING",
    NULL: "NULL",
    OBJECT_IDENTIFIER: "OBJECT IDENTIFIER",
    ENUMERATED: "ENUMERATED",
    UTF8_STRING: "UTF8String",
    NUMERIC_STRING: "NumericString",
    PRINTABLE_STRING: "PrintableString",
    TELETEX_STRING: "TeletexString",
    IA5_STRING: "IA5String",
    UTC_TIME: "UTCTime",
    GENERALIZED_TIME: "GeneralizedTime",
    VISIBLE_STRING: "VisibleString",
    UNIVERSAL_STRING: "UniversalString",
    BMP_STRING: "BMPString",
    SEQUENCE: "SEQUENCE",
    SET: "SET",
}


def tag_name(tag: int) -> str:
    """What the standard calls this tag: "SEQUENCE", "[0]", "[APPLICATION 1]" …"""
    if tag in _TAG_NAMES:
        return _TAG_NAMES[tag]
    octets = tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")
    number = octets[0] & 0x1F
    if len(octets) > 1:
        number = 0
        for octet in octets[1:]:
            number = number << 7 | octet & 0x7F
    kind = ("UNIVERSAL ", "APPLICATION ", "", "PRIVATE ")[octets[0] >> 6]
    return f"[{kind}{number}]"


@lru_cache(maxsize=4096)
def _dotted(content: bytes) -> str:
    if not content or content[-1] >= 0x80:
        raise ValueError("OBJECT IDENTIFIER is cut short")
    arcs: list[int] = []
    value = 0
    fresh = True
    for octet in content:
        if fresh and octet == 0x80:
            raise ValueError("OBJECT IDENTIFIER is not minimal")
        value = value << 7 | octet & 0x7F
        fresh = octet < 0x80
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


# --- writing --------------------------------------------------------------------------------


def value(tag: int, *parts: bytes) -> bytes:
    """The value with identifier octet `tag` (0 to 255) whose content is `parts` joined."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of encoded parts; SEQUENCE OF likewise."""
    return value(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """SET OF encoded parts, put in DER order (X.690 §11.6)."""
    return value(SET, *sorted(parts))


def explicit(number: int, encoded: bytes) -> bytes:
    """[number] EXPLICIT around an encoded value."""
    return value(context(number), encoded)


def implicit(number: int, encoded: bytes) -> bytes:
    """[number] IMPLICIT: the identifier octet of an encoded value replaced."""
    return bytes((context(number, constructed=bool(encoded[0] & _CONSTRUCTED)),)) + encoded[1:]


def boolean(truth: bool) -> bytes:
    """BOOLEAN."""
    return b"\x01\x01\xff" if truth else b"\x01\x01\x00"


def integer(number: int) -> bytes:
    """INTEGER in the fewest octets."""
    # One bit for the sign: -128 fits an octet, 128 does not.
    size = ((number if number >= 0 else ~number).bit_length() >> 3) + 1
    return value(INTEGER, number.to_bytes(size, "big", signed=True))


def enumerated(number: int) -> bytes:
    """ENUMERATED."""
    return bytes((ENUMERATED,)) + integer(number)[1:]


def octet_string(content: bytes) -> bytes:
    """OCTET STRING."""
    return value(OCTET_STRING, content)


def bit_string(content: bytes, unused: int = 0) -> bytes:
    """BIT STRING whose last `unused` bits (0 to 7, already zero) do not count."""
    return value(BIT_STRING, bytes((unused,)), content)


def named_bits(numbers: frozenset[int]) -> bytes:
    """A named BIT STRING without trailing zero bits (X.690 §11.2.2)."""
    if not numbers:
        return bit_string(b"")
    last = max(numbers)
    octets = bytearray(last // 8 + 1)
    for number in numbers:
        octets[number // 8] |= 0x80 >> number % 8
    return bit_string(bytes(octets), 7 - last % 8)


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


@lru_cache(maxsize=4096)
def object_identifier(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form. Raises InvalidArgument."""
    try:
        first, second, *rest = (int(arc) for arc in dotted.split("."))
    except ValueError:
        raise InvalidArgument(argument="dotted", reason=f"not an OID: {dotted!r}") from None
    if first > 2 or (first < 2 and second > 39) or min(first, second, *rest) < 0:
        raise InvalidArgument(argument="dotted", reason=f"not an OID: {dotted!r}")
    content = bytearray()
    for arc in (40 * first + second, *rest):
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(0x80 | arc & 0x7F)
        content += bytes(reversed(group))
    return value(OBJECT_IDENTIFIER, bytes(content))


def utf8_string(text: str) -> bytes:
    """UTF8String."""
    return value(UTF8_STRING, text.encode())


def ia5_string(text: str) -> bytes:
    """IA5String. Raises InvalidArgument for characters outside ASCII."""
    return value(IA5_STRING, _ascii(text))


def printable_string(text: str) -> bytes:
    """PrintableString. Raises InvalidArgument for characters that type does not have."""
    if not is_printable(text):
        raise InvalidArgument(argument="text", reason="characters outside PrintableString")
    return value(PRINTABLE_STRING, _ascii(text))


_PRINTABLE: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)


def is_printable(text: str) -> bool:
    """Whether PrintableString has all characters of `text` (X.680 §41.4)."""
    return _PRINTABLE.issuperset(text)


def _ascii(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidArgument(argument="text", reason="characters outside ASCII") from None


def time(instant: datetime) -> bytes:
    """UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5); whole seconds.

    Raises NaiveDatetime.
    """
    if 1950 <= _utc(instant).year < 2050:
        return value(UTC_TIME, _utc(instant).strftime("%y%m%d%H%M%SZ").encode())
    return generalized_time(instant)


def generalized_time(instant: datetime) -> bytes:
    """GeneralizedTime in UTC, whole seconds (RFC 5280 §4.1.2.5.2). Raises NaiveDatetime."""
    moment = _utc(instant)
    # strftime does not pad years below 1000
    return value(GENERALIZED_TIME, f"{moment.year:04d}{moment:%m%d%H%M%S}Z".encode())


def generalized_time_with_fraction(instant: datetime) -> bytes:
    """GeneralizedTime with as many digits of the second as needed (RFC 3161 §2.4.2)."""
    moment = _utc(instant)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return value(GENERALIZED_TIME, f"{moment.year:04d}{moment:%m%d%H%M%S}{fraction}Z".encode())


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise NaiveDatetime(argument="instant")
    return instant.astimezone(UTC)
