"""Content: what was signed, as far as a digest of it can be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, Final, Protocol

from ..algorithms import DigestAlgorithm
from ..errors import InvalidArgument

_PIECE: Final = 256 * 1024


class Content(Protocol):
    """Something that was signed."""

    def digest(self, algorithm: DigestAlgorithm) -> bytes | None:
        """Its digest; None where it cannot be had. Raises AlgorithmUnavailable."""


class Octets:
    """Content at hand. Each digest is computed once."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self._known: dict[str, bytes] = {}

    def digest(self, algorithm: DigestAlgorithm) -> bytes:
        """Its digest. Raises AlgorithmUnavailable."""
        known = self._known.get(algorithm.name)
        if known is None:
            feed = algorithm.new()
            feed.update(self._data)
            known = self._known[algorithm.name] = feed.digest()
        return known


class Digests:
    """Content that is elsewhere: its digests as computed there, by their algorithms.

    Raises InvalidArgument for a digest of another length than its algorithm's.
    """

    def __init__(self, values: Mapping[DigestAlgorithm, bytes]) -> None:
        for algorithm, value in values.items():
            if len(value) != algorithm.size:
                raise InvalidArgument(
                    argument="values", reason=f"{algorithm.name} has {algorithm.size} octets"
                )
        self._values: Final = {algorithm.name: value for algorithm, value in values.items()}

    def digest(self, algorithm: DigestAlgorithm) -> bytes | None:
        """Its digest; None where it was not computed with that algorithm."""
        return self._values.get(algorithm.name)


class File:
    """Content in a binary file that can be read again from its present place.

    It is read piece by piece, once for each digest that is asked for.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = file.tell()
        self._known: dict[str, bytes] = {}

    def digest(self, algorithm: DigestAlgorithm) -> bytes:
        """Its digest. Raises AlgorithmUnavailable, and OSError as reading does."""
        known = self._known.get(algorithm.name)
        if known is None:
            feed = algorithm.new()
            self._file.seek(self._start)
            piece = memoryview(bytearray(_PIECE))
            read_into = getattr(self._file, "readinto", None)
            while True:
                if read_into is None:
                    data = self._file.read(_PIECE)
                    if not data:
                        break
                    feed.update(data)
                else:
                    size = read_into(piece)
                    if not size:
                        break
                    feed.update(piece[:size])
            known = self._known[algorithm.name] = feed.digest()
        return known


class Absent:
    """Content that nobody has."""

    def digest(self, algorithm: DigestAlgorithm) -> None:  # noqa: ARG002
        """None."""
        return


ABSENT: Final = Absent()

Document = bytes | BinaryIO | Octets | Digests | File
"""What callers hand in: bytes, a binary file that can be read again, digests made elsewhere."""


def content_of(document: Document) -> Octets | Digests | File:
    """The content that a caller handed in; digests of a file are kept in what is returned."""
    if type(document) is bytes:
        return Octets(document)
    if isinstance(document, bytes):
        return Octets(document)
    return document if isinstance(document, Octets | Digests | File) else File(document)
