"""The octets that a PDF signature is about, and the gap between them that holds it.

Pure reckoning over the file. /ByteRange must be two ranges that begin at the first octet and leave
out one hexadecimal string and nothing else; the string holds one value, in hexadecimal of one
case, and zeros behind it. So no octet of the file is neither signed nor a digit of the signature:
a changed case, a blank or another value behind the first are not the same file. Either case is
used by honest producers, none uses both.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final, NamedTuple

from .. import der
from ..algorithms import DigestAlgorithm
from ..errors import MalformedDer

_DEEPEST: Final = 32
_END_OF_CONTENTS: Final = b"\x00\x00"


class ByteRange(NamedTuple):
    """The octets from 0 to `gap` and from `resumed` to `end` are signed."""

    gap: int
    resumed: int
    end: int


def read_byte_range(numbers: Sequence[int], *, size: int) -> ByteRange | str:
    """The range that `numbers` say in a file of `size` octets, or what is wrong with it."""
    if len(numbers) != 4:
        return "not two ranges"
    start, gap, resumed, length = numbers
    if start != 0:
        return "does not begin at the first octet"
    if gap <= 0 or length <= 0:
        return "an empty or negative range"
    if resumed < gap + 4:
        return "the ranges overlap or leave no gap"
    if resumed + length > size:
        return "runs past the end of the file"
    return ByteRange(gap, resumed, resumed + length)


def read_gap(data: bytes, place: ByteRange) -> tuple[bytes, bytes] | str:
    """(the one value, all octets of the string) of the gap, or what is wrong with it."""
    if data[place.gap] != ord("<") or data[place.resumed - 1] != ord(">"):
        return "the gap is not one hexadecimal string"
    digits = data[place.gap + 1 : place.resumed - 1]
    if digits not in (digits.lower(), digits.upper()):
        return "hexadecimal digits of both cases"
    try:
        octets = binascii.unhexlify(digits)
    except binascii.Error:
        return "not hexadecimal digits alone"
    try:
        end = end_of_value(octets)
    except MalformedDer as error:
        return f"not one value: {error}"
    if octets.count(0, end) != len(octets) - end:
        return "octets other than zero behind the value"
    return octets[:end], octets


def end_of_value(data: bytes) -> int:
    """One past the first BER or DER value of `data`. Raises MalformedDer."""
    if len(data) > 1 and data[1] != 0x80:
        return der.header(data, 0, len(data))[2]
    open_values = 0  # whose end the octets 00 00 will mark
    position = 0
    while True:
        if data[position : position + 2] == _END_OF_CONTENTS and open_values:
            open_values -= 1
            position += 2
        else:
            content, stop = _header(data, position)
            if stop is None:
                open_values += 1
                if open_values > _DEEPEST:
                    raise MalformedDer(reason="nested too deeply", offset=position)
                position = content
                continue
            # A value of known length ends where it says, whatever stands inside.
            position = stop
        if not open_values:
            return position


def _header(data: bytes, position: int) -> tuple[int, int | None]:
    """(content, end) of the value at `position`; the end is None where it is not known."""
    size = len(data)
    if position + 2 > size:
        raise MalformedDer(reason="cut short: no room for a value", offset=position)
    if data[position] & 0x1F == 0x1F:
        raise MalformedDer(reason="a tag of several octets", offset=position)
    length = data[position + 1]
    content = position + 2
    if length == 0x80:
        return content, None
    if length > 0x80:
        count = length & 0x7F
        content += count
        if count > 8 or content > size:
            raise MalformedDer(reason="cut short in a length", offset=position)
        length = int.from_bytes(data[content - count : content], "big")
    if content + length > size:
        raise MalformedDer(reason="a value runs past its end", offset=position)
    return content, content + length


class Ranges:
    """What is signed, as content: digests are computed over the file in place."""

    def __init__(self, data: bytes, place: ByteRange) -> None:
        view = memoryview(data)
        self._parts: Final = (view[: place.gap], view[place.resumed : place.end])
        self._known: dict[str, bytes] = {}

    def digest(self, algorithm: DigestAlgorithm) -> bytes:
        """The digest of both ranges. Raises AlgorithmUnavailable."""
        known = self._known.get(algorithm.name)
        if known is None:
            feed = algorithm.new()
            for part in self._parts:
                feed.update(part)
            known = self._known[algorithm.name] = feed.digest()
        return known

    @property
    def octets(self) -> bytes:
        """Both ranges in one piece."""
        return b"".join(self._parts)
