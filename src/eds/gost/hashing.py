"""What every digest here can do, and the pure ones by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol, Self, TypeAlias

from eds.gost.gost34311 import Gost34311
from eds.gost.streebog import Streebog

Octets: TypeAlias = bytes | bytearray | memoryview


class Hash(Protocol):
    """An incremental digest, as hashlib has them. One thread at a time."""

    @property
    def digest_size(self) -> int: ...

    @property
    def block_size(self) -> int: ...

    def update(self, data: Octets, /) -> None:
        """Go on with `data`."""
        ...

    def digest(self) -> bytes:
        """The digest of all so far; `update` may go on afterwards."""
        ...

    def copy(self) -> Self:
        """Another object that goes on from here by itself."""
        ...


PURE_DIGESTS: Final[Mapping[str, Callable[[], Hash]]] = MappingProxyType(
    {
        "streebog256": partial(Streebog, 32),
        "streebog512": partial(Streebog, 64),
        "gost34311": Gost34311,
    }
)
