"""From BER to DER (X.690): the slower road for CMS made as a stream and for old key files.

BER leaves choices that DER does not: lengths that are not known beforehand, strings in pieces,
lengths with octets to spare. `to_der` takes these choices back and says which it met, so that
everything after it may be strict. It knows no schema, which sets its bounds:

- Every value that is DER already keeps its very bytes, such as a certificate inside a CMS:
  signatures are checked over the octets that were signed. A value that is changed is no longer
  what was hashed, if anyone hashed it as it stood.
- The order of SETs stays. Which sets a signature needs sorted, its own standard says.
- The content of primitive values stays, a BOOLEAN of 01 included; their readers judge it.
- [0] IMPLICIT OCTET STRING in pieces looks like [0] EXPLICIT around an OCTET STRING. It stays
  constructed, and `octets` joins it for those who know which of the two it is.
- BER inside an OCTET STRING is content (PKCS #12 does that); call `to_der` again for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import der
from .errors import InvalidArgument, LimitExceeded, MalformedDer
from .tolerances import CONSTRUCTED_STRING, INDEFINITE_LENGTH, NON_MINIMAL_LENGTH, Tolerance

_CONSTRUCTED: Final = 0x20

# Universal types whose content are elements: EXTERNAL, EMBEDDED PDV, SEQUENCE, SET, CHARACTER
# STRING.
_STRUCTURES: Final = frozenset({0x08, 0x0B, 0x10, 0x11, 0x1D})

# Universal types that may stand in pieces. Pieces of a BIT STRING are BIT STRINGs, pieces of any
# other are OCTET STRINGs (X.690 §8.6.4, §8.7.3, §8.23.6).
_STRINGS: Final = frozenset({0x03, 0x04, 0x07, 0x0C, *range(0x12, 0x1D), 0x1E})


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """What `to_der` made: one value in DER, and the departures from DER that it met."""

    encoded: bytes
    tolerances: frozenset[Tolerance]


class _Open:
    """A constructed value whose end is still to come."""

    __slots__ = ("changed", "content", "copied", "end", "indefinite", "start", "tag")

    def __init__(
        self, tag: int, start: int, content: int, end: int, *, indefinite: bool, changed: bool
    ) -> None:
        self.tag = tag
        self.start = start
        self.end = end  # if indefinite, the end of what it stands in
        self.indefinite = indefinite
        self.changed = changed  # whether the value comes out otherwise than it stands
        self.content = bytearray()  # the content, as far as it had to be copied,
        self.copied = content  # which is up to here


class _String(_Open):
    """A string in pieces, or a piece that is in pieces itself and shares its `content`."""

    __slots__ = ("outermost", "piece", "unused")

    def __init__(
        self, tag: int, start: int, end: int, outer: _String | None, *, indefinite: bool
    ) -> None:
        super().__init__(tag, start, start, end, indefinite=indefinite, changed=True)
        self.outermost: _String = self if outer is None else outer.outermost
        self.piece = der.BIT_STRING if tag & ~_CONSTRUCTED == der.BIT_STRING else der.OCTET_STRING
        self.unused = 0  # bits of the last piece, of the outermost string only


def to_der(data: bytes, *, limits: der.Limits = der.LIMITS) -> Normalised:
    """The one BER value that `data` consists of, in DER as far as the module text says.

    DER comes back as it is. Time is linear in the size of the input, with up to `limits.depth`
    copies of each octet at worst; memory is a small multiple of the size. At most
    `limits.elements` values may need to be changed.

    Raises MalformedDer (among others for octets after the value), LimitExceeded,
    InvalidArgument.
    """
    if not isinstance(data, bytes):
        raise InvalidArgument(argument="data", reason="bytes are wanted")
    if len(data) > limits.size:
        raise LimitExceeded(limit="octets of input", allowed=limits.size, found=len(data))
    met: set[Tolerance] = set()
    changes = 0
    view = memoryview(data)
    whole = _Open(0, 0, 0, len(data), indefinite=False, changed=False)
    inside: list[_Open] = [whole]
    current = whole
    position = 0
    while True:
        # -- the next value begins
        tag, content, stop, minimal = _header(data, position, current.end)
        if tag == 0:
            if not (current.indefinite and content == stop and minimal):
                raise MalformedDer(reason="an end that nothing began", offset=position)
            position = _close(view, inside, position, stop)
        else:
            if not minimal:
                met.add(NON_MINIMAL_LENGTH)
            indefinite = stop < 0
            if indefinite or not minimal:
                changes += 1
            string = current if isinstance(current, _String) else None
            if string is not None and tag & ~_CONSTRUCTED != string.piece:
                raise MalformedDer(
                    reason=f"a piece of a string is {der.tag_name(tag)}", offset=position
                )
            if data[position] & _CONSTRUCTED:
                if len(inside) > limits.depth:
                    raise LimitExceeded(limit="levels of nesting", allowed=limits.depth)
                end = current.end if indefinite else stop
                if indefinite:
                    met.add(INDEFINITE_LENGTH)
                number = tag & ~_CONSTRUCTED
                if tag > 0x3F or number in _STRUCTURES:
                    changed = indefinite or not minimal
                    opened = _Open(
                        tag, position, content, end, indefinite=indefinite, changed=changed
                    )
                elif number in _STRINGS:
                    met.add(CONSTRUCTED_STRING)
                    changes += 1
                    opened = _String(tag, position, end, string, indefinite=indefinite)
                else:
                    raise MalformedDer(
                        reason=f"a constructed {der.tag_name(number)}", offset=position
                    )
                inside.append(opened)
                position = content
            else:
                if indefinite:
                    raise MalformedDer(
                        reason="a primitive value of indefinite length", offset=position
                    )
                if tag in _STRUCTURES:
                    raise MalformedDer(reason=f"a primitive {der.tag_name(tag)}", offset=position)
                if string is not None:
                    _append(view, string, position, content, stop)
                elif not minimal:
                    _replace(view, current, position, stop, tag, view[content:stop])
                position = stop
        if changes > limits.elements:
            raise LimitExceeded(limit="values not in DER", allowed=limits.elements)
        # -- and values of known length end
        current = inside[-1]
        while position == current.end and not current.indefinite:
            if current is whole:
                encoded = bytes(whole.content) if whole.changed else data
                return Normalised(encoded=encoded, tolerances=frozenset(met))
            position = _close(view, inside, position, position)
            current = inside[-1]
        if current is whole:
            raise MalformedDer(reason="octets after the value", offset=position)


def octets(element: der.Element) -> bytes:
    """The content of an OCTET STRING under any tag, whether whole or in pieces.

    For values that went through `to_der`, where an IMPLICIT tag may still hide pieces. Raises
    MalformedDer.
    """
    if not element.is_constructed:
        return element.octets
    return b"".join(piece.expect(der.OCTET_STRING).octets for piece in element.iterate())


def _header(data: bytes, position: int, end: int) -> tuple[int, int, int, bool]:
    """(tag, offset of the content, offset one past the value or -1 if indefinite, minimal)."""
    if end - position < 2:
        raise MalformedDer(reason="cut short: no room for a value", offset=position)
    tag = data[position]
    content = position + 2
    if tag & 0x1F == 0x1F:
        tag, content = der.high_tag(data, position, end)
    length = data[content - 1]
    minimal = True
    if length >= 0x80:
        if length == 0x80:
            return tag, content, -1, True
        first = content
        content += length & 0x7F
        if content - first > 8:
            raise MalformedDer(reason="a length of over eight octets", offset=position)
        if content > end:
            raise MalformedDer(reason="cut short in a length", offset=position)
        length = int.from_bytes(data[first:content], "big")
        minimal = length >= 0x80 and data[first] != 0
    stop = content + length
    if stop > end:
        raise MalformedDer(reason="a value runs past its end", offset=position)
    return tag, content, stop, minimal


def _append(view: memoryview, string: _String, start: int, content: int, stop: int) -> None:
    """Add one piece, a primitive value, to the string it belongs to."""
    whole = string.outermost
    if string.piece == der.BIT_STRING:
        if content == stop:
            raise MalformedDer(reason="BIT STRING without content", offset=start)
        if whole.unused:
            raise MalformedDer(reason="unused bits before the last piece", offset=start)
        whole.unused = view[content]
        content += 1
        if whole.unused > 7 or (whole.unused and content == stop):
            raise MalformedDer(
                reason="BIT STRING with an impossible number of unused bits", offset=start
            )
    whole.content += view[content:stop]


def _close(view: memoryview, inside: list[_Open], last: int, stop: int) -> int:
    """End the innermost value: its content reaches to `last`, itself to `stop`, the result."""
    ended = inside.pop()
    if isinstance(ended, _String):
        if ended.outermost is not ended:
            return stop
        if ended.piece == der.BIT_STRING:
            if ended.unused:
                ended.content[-1] &= -1 << ended.unused & 0xFF
            ended.content[:0] = bytes((ended.unused,))
        _replace(view, inside[-1], ended.start, stop, ended.tag & ~_CONSTRUCTED, ended.content)
    elif ended.changed:
        ended.content += view[ended.copied : last]
        _replace(view, inside[-1], ended.start, stop, ended.tag, ended.content)
    return stop


def _replace(
    view: memoryview,
    parent: _Open,
    start: int,
    stop: int,
    tag: int,
    content: bytearray | memoryview,
) -> None:
    """In `parent`, let a value of that tag and content stand for what was at [start, stop)."""
    parent.content += view[parent.copied : start]
    parent.content += der.head(tag, len(content))
    parent.content += content
    parent.copied = stop
    parent.changed = True
