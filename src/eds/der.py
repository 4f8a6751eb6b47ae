"""DER (X.690): a strict reader that looks only where it is asked to, and a small writer.

Reading never copies a tree: an `Element` is a place in the input, and every header that is
passed is checked (bounds, minimal lengths, no indefinite form). `check` walks the whole input
once, for those who must know that nothing in it departs from DER. BER has its own, slower
road (`eds.ber`), which ends here.

Nothing recurses, integers and object identifiers are bounded before they are converted, and
every failure of the input is `MalformedDer` or `LimitExceeded`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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
    """The identifier octet of context-specific tag `number` (0 to 30). Raises InvalidArgument."""
    if not 0 <= number <= 30:
        raise InvalidArgument(argument="number", reason="0 to 30 fit in one identifier octet")
    return 0x80 | (_CONSTRUCTED if constructed else 0) | number


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a reader is willing to look at. Sizes in octets."""

    size: int = 64 * 1024 * 1024
    depth: int = 32
    elements: int = 100_000  # in one SEQUENCE or SET that is read into a tuple
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
            yield _new(Element, (data, tag, position, content, stop))
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
        data, position, end = self.data, self.content, self.end
        if position == end:
            self.fail("no value inside")
        tag, content, stop = header(data, position, end)
        if stop != end:
            self.fail("more than one value inside")
        return _new(Element, (data, tag, position, content, stop))

    def usual_fields(self, tags: bytes) -> list[Element] | None:
        """The fields of this SEQUENCE where they carry exactly `tags`, an octet each; else None.

        One pass without a cursor, for the shapes that nearly all objects have. None is no
        refusal: `fields` reads the others, and says what is wrong with them.
        """
        data, tag, _, position, end = self
        if tag != SEQUENCE:
            return None
        found: list[Element] = []
        try:
            for tag in tags:
                if data[position] != tag:
                    return None
                content = position + 2
                length = data[position + 1]
                if length >= 0x80:
                    first, content = content, content + length - 0x80
                    if not 0x80 < length <= 0x84 or data[first] == 0:
                        return None
                    length = int.from_bytes(data[first:content], "big")
                    if length < 0x80:
                        return None
                stop = content + length
                if stop > end:
                    return None
                found.append(_new(Element, (data, tag, position, content, stop)))
                position = stop
        except IndexError:
            return None
        return found if position == end else None

    # -- primitive values

    def boolean(self) -> bool:
        """BOOLEAN: FF or 00 and nothing else (X.690 §11.1)."""
        octets = self.octets
        if octets not in (b"\xff", b"\x00"):
            self.fail("BOOLEAN is neither FF nor 00")
        return octets == b"\xff"

    def integer(self, *, limits: Limits = LIMITS) -> int:
        """INTEGER or ENUMERATED, signed, in the fewest octets (X.690 §8.3.2)."""
        length = self.end - self.content
        if length > limits.integer:
            raise LimitExceeded(limit="octets of an integer", allowed=limits.integer, found=length)
        octets = self.data[self.content : self.end]
        if not octets:
            self.fail("INTEGER without content")
        if length > 1 and (
            (octets[0] == 0 and octets[1] < 0x80) or (octets[0] == 0xFF and octets[1] >= 0x80)
        ):
            self.fail("INTEGER is not minimal")
        return int.from_bytes(octets, "big", signed=True)

    def unsigned(self, *, limits: Limits = LIMITS) -> int:
        """INTEGER that is not negative."""
        number = self.integer(limits=limits)
        if number < 0:
            self.fail("INTEGER is negative")
        return number

    def small(self, maximum: int) -> int:
        """INTEGER from 0 to `maximum` (versions, counts, enumerations)."""
        number = self.unsigned()
        if number > maximum:
            self.fail(f"INTEGER is over {maximum}")
        return number

    def object_identifier(self, *, limits: Limits = LIMITS) -> str:
        """OBJECT IDENTIFIER in dotted form."""
        return dotted_form(self.octets, self.start, limits)

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
        data, first, end = self.data, self.content, self.end
        if first == end:
            self.fail("BIT STRING without content")
        unused = data[first]
        if unused > 7 or (unused and end - first == 1):
            self.fail("BIT STRING with an impossible number of unused bits")
        if unused and data[end - 1] & ((1 << unused) - 1):
            self.fail("BIT STRING whose unused bits are not zero")
        return data[first + 1 : end], unused

    def named_bits(self) -> frozenset[int]:
        """The numbers of the bits that are set in a named BIT STRING, bit 0 the first.

        Zero bits at the end do not count, whether or not X.690 §11.2.2 wants them there.
        """
        octets, _ = self.bits()
        if len(octets) > 8:
            self.fail("BIT STRING with too many named bits")
        return frozenset(
            8 * index + bit
            for index, octet in enumerate(octets)
            for bit in range(8)
            if octet & (0x80 >> bit)
        )

    def text(self) -> str:
        """A character string of any of the types X.501 allows.

        Encodings are strict (no surrogates outside a pair, no over-long UTF-8). Of the ASCII
        types, repertoires are not enforced (`tolerances.PRINTABLE_STRING_CHARSET`), and NUL is
        a character like any other: what to refuse in a name is the caller's business.
        """
        codec = _TEXT_CODECS.get(self.tag)
        if codec is None:
            self.fail(f"{tag_name(self.tag)} is not a character string")
        try:
            return self.octets.decode(codec)
        except UnicodeDecodeError:
            self.fail(f"{tag_name(self.tag)} with octets that are not {codec}")

    def time(self) -> datetime:
        """UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 wants them: seconds, Z, no fraction."""
        data, tag, _, content, end = self
        octets = data[content:end]
        if tag == UTC_TIME and end - content == 13:
            # RFC 5280 §4.1.2.5.1: 50 to 99 are of the 20th century.
            octets = (b"20" if octets < b"50" else b"19") + octets
        elif tag != GENERALIZED_TIME or end - content != 15:
            self.fail("not a time in the form of RFC 5280")
        return instant(octets, self.start)

    def time_with_fraction(self) -> datetime:
        """GeneralizedTime as RFC 3161 §2.4.2 wants it: a fraction may follow, without end zeros.

        Digits beyond the microsecond are dropped.
        """
        octets = self.expect(GENERALIZED_TIME).octets
        whole, point, rest = octets.partition(b".")
        if not point:
            return self.time()
        digits = rest[:-1]
        if (
            len(whole) != 14
            or not 0 < len(digits) <= 32
            or not digits.isdigit()
            or digits.endswith(b"0")
            or rest[-1:] != b"Z"
        ):
            self.fail("not a time in the form of RFC 3161")
        return instant(whole + b"Z", self.start).replace(microsecond=int(digits[:6].ljust(6, b"0")))


# Half the cost of `Element(…)`, which passes through Python once more.
_new: Final = tuple.__new__


class Fields:
    """A cursor over the fields of one SEQUENCE, in their order.

    `take` gives an Element. `octets`, `encoded`, `fields`, `object_identifier` and `small` read
    the next field as what Element calls so does, but make none: for where speed counts.
    """

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data = data
        self._position = start
        self._end = end

    @property
    def next_tag(self) -> int | None:
        """The first identifier octet of the next field; None after the last."""
        return self._data[self._position] if self._position < self._end else None

    def take(self, tag: int | None = None) -> Element:
        """The next field, which must be there and, if `tag` is given, carry that tag."""
        start = self._position
        if tag is None:
            tag, content, self._position = header(self._data, start, self._end)
        else:
            content = self._pass(tag)
        return _new(Element, (self._data, tag, start, content, self._position))

    def optional(self, tag: int) -> Element | None:
        """The next field if it carries `tag`, else None and the cursor stays."""
        start = self._position
        if start == self._end:
            return None
        if self._data[start] != tag and (
            tag <= 0xFF or header(self._data, start, self._end)[0] != tag
        ):
            return None
        content = self._pass(tag)
        return _new(Element, (self._data, tag, start, content, self._position))

    def octets(self, tag: int) -> bytes:
        """The content octets of the next field, which must carry `tag`."""
        content = self._pass(tag)
        return self._data[content : self._position]

    def encoded(self, tag: int) -> bytes:
        """The whole of the next field, which must carry `tag`."""
        start = self._position
        self._pass(tag)
        return self._data[start : self._position]

    def fields(self, tag: int = SEQUENCE) -> Fields:
        """A cursor over the fields inside the next field, which must carry `tag`."""
        content = self._pass(tag)
        return Fields(self._data, content, self._position)

    def object_identifier(self) -> str:
        """The next field, an OBJECT IDENTIFIER, in dotted form."""
        start = self._position
        content = self._pass(OBJECT_IDENTIFIER)
        return dotted_form(self._data[content : self._position], start, LIMITS)

    def small(self, maximum: int) -> int:
        """The next field, an INTEGER from 0 to `maximum`."""
        start = self._position
        content = self._pass(INTEGER)
        if self._position - content == 1 and self._data[content] <= min(maximum, 0x7F):
            return self._data[content]
        element = Element(self._data, INTEGER, start, content, self._position)
        return element.small(maximum)

    def finish(self) -> None:
        """Nothing may follow. Raises MalformedDer."""
        if self._position != self._end:
            raise MalformedDer(reason="an unexpected field follows", offset=self._position)

    def _pass(self, tag: int) -> int:
        """Pass the next field, which must carry `tag`; the offset of its content."""
        data, position, end = self._data, self._position, self._end
        content = position + 2
        # Most fields are as expected and short; `header` sees to the others and to all errors.
        if content <= end and data[position] == tag:
            stop = content + data[position + 1]
            if stop <= end and stop - content < 0x80:
                self._position = stop
                return content
        elif position == end:
            raise MalformedDer(
                reason=f"expected {tag_name(tag)}, found nothing more", offset=position
            )
        found, content, stop = header(data, position, end)
        if found != tag:
            raise MalformedDer(
                reason=f"expected {tag_name(tag)}, found {tag_name(found)}", offset=position
            )
        self._position = stop
        return content


def instant(octets: bytes, offset: int) -> datetime:
    """The instant YYYYMMDDHHMMSSZ, found at `offset`. Raises MalformedDer."""
    digits = octets[:14]
    # ISO 8601 knows 24 o'clock, X.690 does not.
    if digits.isdigit() and octets[14:] == b"Z" and digits[8:10] < b"24":
        try:
            return datetime.fromisoformat((digits[:8] + b"T" + octets[8:]).decode())
        except ValueError:
            raise MalformedDer(reason="no such date or time of day", offset=offset) from None
    raise MalformedDer(reason="not a time in the form of RFC 5280", offset=offset)


def header(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Read one header: (tag, offset of the content, offset one past the value).

    `end` is the offset that the value must not pass. Raises MalformedDer.
    """
    if end - position < 2:
        raise MalformedDer(reason="cut short: no room for a value", offset=position)
    tag = data[position]
    content = position + 2
    if tag & 0x1F == 0x1F:
        tag, content = high_tag(data, position, end)
    length = data[content - 1]
    if length >= 0x80:
        count = length & 0x7F
        if count == 0:
            raise MalformedDer(reason="indefinite length is not DER", offset=position)
        if count > 8:
            raise MalformedDer(reason="a length of over eight octets", offset=position)
        first = content
        content += count
        if content > end:
            raise MalformedDer(reason="cut short in a length", offset=position)
        length = data[first] if count == 1 else int.from_bytes(data[first:content], "big")
        if length < 0x80 or data[first] == 0:
            raise MalformedDer(reason="length is not minimal", offset=position)
    stop = content + length
    if stop > end:
        raise MalformedDer(reason="a value runs past its end", offset=position)
    return tag, content, stop


def high_tag(data: bytes, position: int, end: int) -> tuple[int, int]:
    """A tag from 31 on, up to three octets in all: what passports and cards use.

    Returns the tag and the offset one past the first length octet, which is there.
    """
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
    if type(data) is bytes and 2 <= (size := len(data)) <= limits.size:
        tag, content, length = data[0], 2, data[1]
        if length >= 0x80:  # in two octets more, as most have it, or not to be decided here
            if size < 0x104 or length != 0x82:
                length = -1
            else:
                content, length = 4, data[2] << 8 | data[3]
        if content + length == size and tag & 0x1F != 0x1F:
            return _new(Element, (data, tag, 0, content, size))
    element, end = decode_first(data, limits=limits)
    if end != len(data):
        raise MalformedDer(reason="octets after the value", offset=end)
    return element


def element(data: bytes, position: int, end: int) -> Element:
    """The value at `position`, which must not pass `end`. Raises MalformedDer."""
    tag, content, stop = header(data, position, end)
    return _new(Element, (data, tag, position, content, stop))


def decode_first(data: bytes, *, limits: Limits = LIMITS) -> tuple[Element, int]:
    """The value that `data` begins with, and the offset of what follows it."""
    if not isinstance(data, bytes):
        raise InvalidArgument(argument="data", reason="bytes are wanted")
    if len(data) > limits.size:
        raise LimitExceeded(limit="octets of input", allowed=limits.size, found=len(data))
    tag, content, stop = header(data, 0, len(data))
    return _new(Element, (data, tag, 0, content, stop)), stop


def check(data: bytes, *, limits: Limits = LIMITS) -> None:
    """Walk the whole of `data` and refuse whatever is not DER: one value, nothing after it.

    Looks at every header, at the content of every universal type that DER restricts, and at
    the order of each SET; not inside OCTET STRINGs, and not at what only a schema can tell
    (DEFAULT values written out, zero bits at the end of named bits). Time is linear in the size
    of the input, memory in its depth, which is bounded. Raises MalformedDer, LimitExceeded.
    """
    position, end = 0, decode(data, limits=limits).end
    # In a SET, `elder` is where the element before starts (`position`, at the first one).
    elder: int | None = None
    outer: list[tuple[int, int | None]] = []  # (end, elder) of each value we are inside of
    while True:
        tag, content, stop = header(data, position, end)
        if elder is not None:
            if elder != position:
                _check_order(data, elder, position, stop)
            elder = position
        if data[position] & _CONSTRUCTED:
            if tag <= 0x3F and tag not in _CONSTRUCTED_TYPES:
                reason = f"a constructed {tag_name(tag & ~_CONSTRUCTED)} is not DER"
                raise MalformedDer(reason=reason, offset=position)
            if len(outer) == limits.depth:
                raise LimitExceeded(limit="levels of nesting", allowed=limits.depth)
            outer.append((end, elder))
            position, end = content, stop
            elder = content if tag == SET else None
        else:
            if tag == OBJECT_IDENTIFIER:
                dotted_form(data[content:stop], position, limits)
            elif tag in _INTEGER_TYPES:
                _new(Element, (data, tag, position, content, stop)).integer(limits=limits)
            elif tag in _CHECKS:
                _CHECKS[tag](_new(Element, (data, tag, position, content, stop)))
            position = stop
        while position == end:
            if not outer:
                return
            end, elder = outer.pop()


def _check_order(data: bytes, elder: int, younger: int, end: int) -> None:
    """Two neighbours in a SET: ascending as a SET OF (X.690 §11.6) or as a SET (§10.3)."""
    if data[elder:younger] > data[younger:end] and (
        data[elder] & ~_CONSTRUCTED >= data[younger] & ~_CONSTRUCTED
    ):
        raise MalformedDer(reason="SET is not in order", offset=younger)


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

_INTEGER_TYPES: Final = frozenset({INTEGER, ENUMERATED})

# EXTERNAL, EMBEDDED PDV, SEQUENCE, SET, CHARACTER STRING: all other universal types are
# primitive in DER, and these never are.
_CONSTRUCTED_TYPES: Final = frozenset({0x28, 0x2B, SEQUENCE, SET, 0x3D})


def _never_primitive(element: Element) -> None:
    element.fail(f"a primitive {tag_name(element.tag)} does not exist")


_CHECKS: Final[dict[int, Callable[[Element], object]]] = {
    BOOLEAN: Element.boolean,
    BIT_STRING: Element.bits,
    NULL: Element.null,
    UTC_TIME: Element.time,
    GENERALIZED_TIME: Element.time_with_fraction,  # X.690 §11.7 wants the same form
    **dict.fromkeys(_TEXT_CODECS, Element.text),
    **dict.fromkeys((tag & ~_CONSTRUCTED for tag in _CONSTRUCTED_TYPES), _never_primitive),
    0x00: _never_primitive,  # what ends an indefinite length
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


def dotted_form(content: bytes, offset: int, limits: Limits = LIMITS) -> str:
    """The dotted form of the content octets of an OBJECT IDENTIFIER that stands at `offset`.

    Raises MalformedDer, LimitExceeded.
    """
    if len(content) <= limits.object_identifier:
        try:
            return _dotted(content)
        except ValueError as error:
            raise MalformedDer(reason=str(error), offset=offset) from None
    raise LimitExceeded(
        limit="octets of an object identifier",
        allowed=limits.object_identifier,
        found=len(content),
    )


@lru_cache(maxsize=4096)
def _dotted(content: bytes) -> str:
    if not content or content[-1] >= 0x80:
        raise ValueError("OBJECT IDENTIFIER is cut short")
    arcs: list[int] = []
    arc = 0
    fresh = True
    for octet in content:
        if fresh and octet == 0x80:
            raise ValueError("OBJECT IDENTIFIER is not minimal")
        arc = arc << 7 | octet & 0x7F
        fresh = octet < 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)  # X.690 §8.19.4: the first two arcs share a number
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


# --- writing --------------------------------------------------------------------------------


def head(tag: int, length: int) -> bytes:
    """The identifier octets of `tag` and the octets of a length."""
    if 0x100 <= length <= 0xFFFF and tag <= 0xFF:  # as most that are not short
        return bytes((tag, 0x82, length >> 8, length & 0xFF))
    octets = tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")
    if length < 0x80:
        return octets + bytes((length,))
    size = (length.bit_length() + 7) // 8
    return octets + bytes((0x80 | size,)) + length.to_bytes(size, "big")


def value(tag: int, *parts: bytes) -> bytes:
    """The value with that tag whose content is `parts` joined."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80 and tag <= 0xFF:
        return bytes((tag, length)) + content
    return head(tag, length) + content


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


def boolean(truth: bool) -> bytes:  # noqa: FBT001  # it is the value
    """BOOLEAN."""
    return b"\x01\x01\xff" if truth else b"\x01\x01\x00"


def integer(number: int) -> bytes:
    """INTEGER in the fewest octets."""
    # One bit for the sign: -128 fits an octet, 128 does not.
    size = ((number if number >= 0 else ~number).bit_length() >> 3) + 1
    content = number.to_bytes(size, "big", signed=True)
    if size < 0x80:
        return bytes((INTEGER, size)) + content
    return value(INTEGER, content)


def enumerated(number: int) -> bytes:
    """ENUMERATED."""
    return bytes((ENUMERATED,)) + integer(number)[1:]


def octet_string(content: bytes) -> bytes:
    """OCTET STRING."""
    return value(OCTET_STRING, content)


def bit_string(content: bytes, unused: int = 0) -> bytes:
    """BIT STRING whose last `unused` bits (0 to 7, already zero) do not count.

    Raises InvalidArgument.
    """
    if unused and not (0 < unused < 8 and content and not content[-1] & ((1 << unused) - 1)):
        raise InvalidArgument(argument="unused", reason="unused bits are up to seven, and zero")
    return value(BIT_STRING, bytes((unused,)), content)


def named_bits(numbers: frozenset[int]) -> bytes:
    """A named BIT STRING without trailing zero bits (X.690 §11.2.2)."""
    if not numbers:
        return bit_string(b"")
    last = max(numbers)
    if min(numbers) < 0:
        raise InvalidArgument(argument="numbers", reason="bits are counted from 0")
    octets = bytearray(last // 8 + 1)
    for number in numbers:
        octets[number // 8] |= 0x80 >> number % 8
    return bit_string(bytes(octets), 7 - last % 8)


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


_ARC: Final = re.compile("0|[1-9][0-9]{0,99}")


@lru_cache(maxsize=4096)
def object_identifier(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form. Raises InvalidArgument."""
    arcs = dotted.split(".")
    if len(arcs) < 2 or not all(map(_ARC.fullmatch, arcs)):
        raise InvalidArgument(argument="dotted", reason=f"not an OID: {dotted!r}")
    first, second, *rest = map(int, arcs)
    if first > 2 or (first < 2 and second > 39):
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
    moment = _utc(instant)
    if not 1950 <= moment.year < 2050:
        return generalized_time(moment)
    return value(UTC_TIME, _digits(moment)[2:].encode())


def generalized_time(instant: datetime) -> bytes:
    """GeneralizedTime in UTC, whole seconds (RFC 5280 §4.1.2.5.2). Raises NaiveDatetime."""
    return value(GENERALIZED_TIME, _digits(_utc(instant)).encode())


def generalized_time_with_fraction(instant: datetime) -> bytes:
    """GeneralizedTime with as many digits of the second as needed (RFC 3161 §2.4.2).

    Raises NaiveDatetime.
    """
    moment = _utc(instant)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return value(GENERALIZED_TIME, f"{_digits(moment)[:-1]}{fraction}Z".encode())


# Formatting six numbers takes four times as long as looking them up, and a CRL has many times.
_TWO_DIGITS: Final = tuple(f"{number:02d}" for number in range(100))


def _digits(moment: datetime) -> str:
    two = _TWO_DIGITS
    century, year = divmod(moment.year, 100)
    return (
        two[century]
        + two[year]
        + two[moment.month]
        + two[moment.day]
        + two[moment.hour]
        + two[moment.minute]
        + two[moment.second]
        + "Z"
    )


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise NaiveDatetime(argument="instant")
    return instant.astimezone(UTC)
