"""A SignedData with its content inside, too large for memory: read as a stream (RFC 5652 §5.2).

The content is passed by piece by piece, however it is encoded, and only its digests are kept.
What stands around it becomes a SignedData without content, like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from eds import der
from eds.algorithms import DigestAlgorithm, digest_by_oid
from eds.errors import AlgorithmError, LimitExceeded, MalformedDer, MalformedSignedData
from eds.signeddata import SIGNED_DATA, SignedData

_PIECE: Final = 256 * 1024
_DEPTH: Final = 8
_CONSTRUCTED_STRING: Final = der.OCTET_STRING | 0x20
_LIMIT: Final = SignedData.size_limit
_HEAD_LIMIT: Final = 64 * 1024


class _Head(NamedTuple):
    """One header: its tag, and where its content ends; None where an end is marked."""

    tag: int
    end: int | None


class SignedStream:
    """The ContentInfo with SignedData that `file` holds from its present place to its end.

    The file must be able to go back: digests that nobody announced take another pass. Raises
    MalformedSignedData, LimitExceeded, and what reading the file raises.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = file.tell()
        self._digests: dict[str, bytes] = {}
        try:
            self.signed_data: Final = self._read()
        except MalformedDer as error:
            raise MalformedSignedData(reason=str(error)) from error

    def digest(self, algorithm: DigestAlgorithm) -> bytes:
        """The digest of the content. Raises AlgorithmUnavailable."""
        known = self._digests.get(algorithm.name)
        if known is None:
            feed = algorithm.new()
            self._file.seek(self._content)
            for piece in self._pieces(self._string, []):
                feed.update(piece)
            known = self._digests[algorithm.name] = feed.digest()
        return known

    def _read(self) -> SignedData:
        outer = [self._expect(der.SEQUENCE)]
        kind = self._whole(der.OBJECT_IDENTIFIER)
        if kind != der.object_identifier(SIGNED_DATA):
            raise MalformedDer(reason="not SignedData", offset=self._place())
        outer += (self._expect(der.context(0)), self._expect(der.SEQUENCE))
        indefinite = sum(one.end is None for one in outer)
        version, announced = self._whole(der.INTEGER), self._whole(der.SET)
        inner = [self._expect(der.SEQUENCE)]
        content_type = self._whole(der.OBJECT_IDENTIFIER)
        inner.append(self._expect(der.context(0)))
        self._string = self._header()
        if self._string.tag not in (der.OCTET_STRING, _CONSTRUCTED_STRING):
            raise MalformedDer(reason="content that is no OCTET STRING", offset=self._place())
        self._content = self._file.tell()
        pieces: list[int] = []
        self._feed(announced, pieces)
        streamed = bool(indefinite or pieces) or any(one.end is None for one in inner)
        for head in reversed(inner):
            self._close(head)
        rest = self._file.read(_LIMIT + 1)
        if len(rest) > _LIMIT:
            raise LimitExceeded(limit="octets after the content", allowed=_LIMIT)
        end = self._file.tell()
        if any(head.end not in (None, end - 2 * count) for head, count in self._ends(outer)):
            raise MalformedDer(reason="lengths that do not agree", offset=self._place())
        parts = version + announced + der.sequence(content_type)
        if not streamed:
            body = der.sequence(parts, rest)
            return SignedData(der.sequence(kind, der.explicit(0, body)))
        fields, marks = rest[: len(rest) - 2 * indefinite], rest[len(rest) - 2 * indefinite :]
        if any(marks):
            raise MalformedDer(reason="an end that is not marked", offset=self._place())
        closed = b"\x30\x80" + kind + b"\xa0\x80\x30\x80" + parts + fields + b"\0\0" * 3
        return SignedData(closed)

    def _ends(self, outer: list[_Head]) -> Iterator[tuple[_Head, int]]:
        """Each outer value with the number of marks that follow its content's end."""
        marks = 0
        for head in outer:
            yield head, marks
            marks += head.end is None

    def _feed(self, announced: bytes, pieces: list[int]) -> None:
        feeds = {}
        for one in der.decode(announced).expect(der.SET).children(limits=der.Limits(elements=32)):
            try:
                oid = one.fields().object_identifier()
                algorithm = digest_by_oid(oid)
                feeds[algorithm.name] = algorithm.new()
            except AlgorithmError:
                continue  # whoever needs it will say so
        for piece in self._pieces(self._string, pieces):
            for feed in feeds.values():
                feed.update(piece)
        self._digests = {name: feed.digest() for name, feed in feeds.items()}

    # -- the file

    def _place(self) -> int:
        return self._file.tell() - self._start

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise MalformedDer(reason="cut short", offset=self._place())
        return data

    def _header(self) -> _Head:
        tag, first = self._exactly(2)
        if tag & 0x1F == 0x1F:
            raise MalformedDer(reason="a tag that does not belong here", offset=self._place())
        if first == 0x80:
            if not tag & 0x20:
                raise MalformedDer(reason="a primitive value without length", offset=self._place())
            return _Head(tag, None)
        length = first
        if first > 0x80:
            count = first & 0x7F
            if count > 8:
                raise MalformedDer(reason="a length of over eight octets", offset=self._place())
            length = int.from_bytes(self._exactly(count), "big")
        return _Head(tag, self._file.tell() + length)

    def _expect(self, tag: int) -> _Head:
        head = self._header()
        if head.tag != tag:
            raise MalformedDer(
                reason=f"expected {der.tag_name(tag)}, found {der.tag_name(head.tag)}",
                offset=self._place(),
            )
        return head

    def _whole(self, tag: int) -> bytes:
        """One short value of known length, encoded anew around its octets."""
        head = self._expect(tag)
        size = 0 if head.end is None else head.end - self._file.tell()
        if head.end is None or size > _HEAD_LIMIT:
            raise MalformedDer(reason="a field that is too long", offset=self._place())
        return der.value(tag, self._exactly(size))

    def _close(self, head: _Head) -> None:
        if head.end is None:
            if self._exactly(2) != b"\0\0":
                raise MalformedDer(reason="an end that is not marked", offset=self._place())
        elif head.end != self._file.tell():
            raise MalformedDer(reason="lengths that do not agree", offset=self._place())

    def _pieces(self, string: _Head, pieces: list[int]) -> Iterator[bytes]:
        """The octets of an OCTET STRING, whole or in pieces; `pieces` notes that it is in some."""
        if string.tag == der.OCTET_STRING:
            yield from self._octets(string)
            return
        pieces.append(1)
        open_values = [string]
        while open_values:
            current = open_values[-1]
            if current.end is not None and self._file.tell() >= current.end:
                self._close(open_values.pop())
                continue
            head = self._header()
            if head.tag == 0 and current.end is None and head.end == self._file.tell():
                open_values.pop()
            elif head.tag == der.OCTET_STRING:
                yield from self._octets(head)
            elif head.tag == _CONSTRUCTED_STRING and len(open_values) < _DEPTH:
                open_values.append(head)
            else:
                raise MalformedDer(reason="no piece of a string", offset=self._place())

    def _octets(self, head: _Head) -> Iterator[bytes]:
        left = (head.end or 0) - self._file.tell()
        while left:
            data = self._file.read(min(left, _PIECE))
            if not data:
                raise MalformedDer(reason="cut short", offset=self._place())
            yield data
            left -= len(data)
