"""ZIP, as strictly as a signed container must be read: one way to read it, or none.

The files lie one after the other from the first octet on, in the order of the directory, with
nothing between, before or behind; the two places that name each agree. Stored or deflated, not
encrypted, not split, below 4 GiB (no ZIP64). Names are relative, without `..`, and differ also
for those who fold case. APPNOTE.TXT 6.3.10.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..errors import LimitExceeded, MalformedContainer

ENTRY_LIMIT: Final = 1024
NAME_LIMIT: Final = 1024  # octets
UNPACKED_LIMIT: Final = 256 * 1024 * 1024  # octets of all entries together
UNPACKED_FREELY: Final = 16 * 1024 * 1024  # from here on at most so many times the archive:
RATIO_LIMIT: Final = 20

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_PIECE: Final = 64 * 1024
_STORED, _DEFLATED = 0, 8
_DESCRIPTOR, _UTF8 = 0x0008, 0x0800
_KNOWN_FLAGS: Final = _DESCRIPTOR | _UTF8 | 0x0006  # 1 and 2: how hard it was compressed


class _Head(NamedTuple):
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a container; its octets are unpacked when they are asked for."""

    name: str
    size: int
    crc: int
    packed: memoryview
    is_deflated: bool

    def pieces(self) -> Iterator[bytes]:
        """Its octets, piece by piece, never more than `size`.

        Raises MalformedContainer where they are not what the directory says.
        """
        found, crc = 0, 0
        for piece in self._unpacked() if self.is_deflated else self._stored():
            found += len(piece)
            if found > self.size:
                raise MalformedContainer(reason="an entry is longer than it says")
            crc = zlib.crc32(piece, crc)
            yield piece
        if found != self.size or crc != self.crc:
            raise MalformedContainer(reason="an entry is not what the directory says")

    def octets(self, *, limit: int) -> bytes:
        """All of it. Raises LimitExceeded, MalformedContainer."""
        if self.size > limit:
            raise LimitExceeded(limit="octets of an entry", allowed=limit, found=self.size)
        return b"".join(self.pieces())

    def _stored(self) -> Iterator[bytes]:
        for place in range(0, len(self.packed), _PIECE):
            yield bytes(self.packed[place : place + _PIECE])

    def _unpacked(self) -> Iterator[bytes]:
        feed = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            left: bytes | memoryview = self.packed
            while not feed.eof:
                piece = feed.decompress(left, _PIECE)
                left = feed.unconsumed_tail
                if piece:
                    yield piece
                elif not left:
                    break
        except zlib.error as error:
            raise MalformedContainer(reason="an entry that cannot be unpacked") from error
        if not feed.eof or feed.unused_data or left:
            raise MalformedContainer(reason="an entry that ends early or late")


def read_entries(data: bytes) -> tuple[Entry, ...]:
    """The entries of a ZIP archive, folders left out. Raises MalformedContainer, LimitExceeded."""
    try:
        return tuple(_entries(data))
    except struct.error as error:
        raise MalformedContainer(reason="cut short") from error


def _entries(data: bytes) -> Iterator[Entry]:
    view = memoryview(data)
    end = len(data) - _END.size
    mark, disk, start_disk, here, count, size, start, comment = _END.unpack_from(data, max(end, 0))
    if mark != b"PK\x05\x06" or comment:
        raise MalformedContainer(reason="no end of directory, or something behind it")
    if disk or start_disk or here != count or start + size != end:
        raise MalformedContainer(reason="a directory in several parts, or at another place")
    if count > ENTRY_LIMIT:
        raise LimitExceeded(limit="entries of a container", allowed=ENTRY_LIMIT, found=count)
    limit = min(UNPACKED_LIMIT, max(UNPACKED_FREELY, RATIO_LIMIT * len(data)))
    place, at, unpacked = 0, start, 0
    seen: set[str] = set()
    for _ in range(count):
        raw, head, offset, at = _directory_entry(view, at)
        if offset != place:
            raise MalformedContainer(reason="entries that overlap or leave a gap")
        name = _name(raw)
        folded = unicodedata.normalize("NFKC", name).casefold().rstrip("/")
        if folded in seen:
            raise MalformedContainer(reason="two entries of one name")
        seen.add(folded)
        unpacked += head.unpacked
        if unpacked > limit:
            raise LimitExceeded(limit="octets unpacked", allowed=limit, found=unpacked)
        packed, place = _local_entry(view, place, raw, head)
        if name.endswith("/"):
            if head.unpacked:
                raise MalformedContainer(reason="a folder with content")
            continue
        yield Entry(
            name=name,
            size=head.unpacked,
            crc=head.crc,
            packed=packed,
            is_deflated=head.method == _DEFLATED,
        )
    if place != start or at != end:
        raise MalformedContainer(reason="entries that the directory does not name")


def _directory_entry(view: memoryview, at: int) -> tuple[bytes, _Head, int, int]:
    """(name, head, where the entry lies, where the next row of the directory begins)."""
    (
        mark, _, _, flags, method, _, _, crc, packed, unpacked, named, extra, comment, disk, _, _,
        offset,
    ) = _CENTRAL.unpack_from(view, at)  # fmt: skip
    if mark != b"PK\x01\x02" or disk:
        raise MalformedContainer(reason="a directory that cannot be read")
    if flags & ~_KNOWN_FLAGS or method not in (_STORED, _DEFLATED):
        raise MalformedContainer(reason="an entry that is encrypted or packed in another way")
    if named > NAME_LIMIT or 0xFFFFFFFF in (packed, unpacked, offset):
        raise MalformedContainer(reason="a name too long, or ZIP64")
    if method == _STORED and packed != unpacked:
        raise MalformedContainer(reason="a stored entry of two sizes")
    begins = at + _CENTRAL.size
    raw = bytes(view[begins : begins + named])
    if len(raw) != named:
        raise MalformedContainer(reason="cut short")
    head = _Head(flags, method, crc, packed, unpacked)
    return raw, head, offset, begins + named + extra + comment


def _local_entry(view: memoryview, place: int, raw: bytes, head: _Head) -> tuple[memoryview, int]:
    """(packed octets, where the next entry begins)."""
    mark, _, flags, method, _, _, crc, packed, unpacked, named, extra = _LOCAL.unpack_from(
        view, place
    )
    begins = place + _LOCAL.size
    if mark != b"PK\x03\x04" or bytes(view[begins : begins + named]) != raw:
        raise MalformedContainer(reason="an entry of another name than in the directory")
    late = bool(flags & _DESCRIPTOR)
    said = (crc, packed, unpacked)
    wanted = (head.crc, head.packed, head.unpacked)
    agrees = said == wanted or (late and not any(said))
    if flags != head.flags or method != head.method or not agrees:
        raise MalformedContainer(reason="an entry that says something else than the directory")
    begins += named + extra
    ends = begins + head.packed
    if ends > len(view):
        raise MalformedContainer(reason="cut short")
    return view[begins:ends], _after_descriptor(view, ends, wanted) if late else ends


def _after_descriptor(view: memoryview, ends: int, wanted: tuple[int, int, int]) -> int:
    """Where the sizes that follow an entry end; their mark may be left out."""
    octets = struct.pack("<III", *wanted)
    for descriptor in (b"PK\x07\x08" + octets, octets):
        if bytes(view[ends : ends + len(descriptor)]) == descriptor:
            return ends + len(descriptor)
    raise MalformedContainer(reason="an entry that is followed by other sizes")


def _name(raw: bytes) -> str:
    try:
        # Writers that do not say so write UTF-8 all the same; a manifest is compared with it.
        name = raw.decode()
    except UnicodeDecodeError:
        name = raw.decode("cp437")
    parts = name.removesuffix("/").split("/")
    if (
        not name.isprintable()
        or "\\" in name
        or ":" in name
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise MalformedContainer(reason="a name that leads elsewhere")
    return name


def is_zip(data: bytes) -> bool:
    """Whether it begins as a ZIP archive does."""
    return data[:4] == b"PK\x03\x04"
