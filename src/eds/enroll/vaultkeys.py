"""Wrapped data keys of a vault as files of one folder. A key that is destroyed leaves a mark."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path

from ..ca.files import PRIVATE, write_file
from ..errors import MalformedStatement
from .encoding import decode, encode
from .evidence.vault import RetentionClass, WrappedKey

Place = tuple[str, RetentionClass]


class KeyFolder(MutableMapping[Place, WrappedKey]):
    """(application, retention class) → wrapped key. Raises OSError, MalformedStatement."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, place: Place) -> WrappedKey:
        try:
            return decode(WrappedKey, self._file(place).read_bytes())
        except FileNotFoundError:
            raise KeyError(place) from None

    def __setitem__(self, place: Place, key: WrappedKey) -> None:
        write_file(self._file(place), encode(key), mode=PRIVATE)

    def __delitem__(self, place: Place) -> None:
        raise MalformedStatement(reason="a key is destroyed, never forgotten")

    def __iter__(self) -> Iterator[Place]:
        for file in sorted(self._folder.glob("*.key")):
            application, _, retention = file.stem.partition(".")
            yield application, RetentionClass(retention)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _file(self, place: Place) -> Path:
        return self._folder / f"{place[0]}.{place[1].value}.key"
