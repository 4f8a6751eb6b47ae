"""The digests of GOST 34.11-2015 and 34.311-95 by name, by whatever is fastest here."""

from __future__ import annotations

from typing import Final

from eds.errors import AlgorithmUnavailable
from eds.gost.acceleration import Accelerators, accelerators
from eds.gost.hashing import PURE_DIGESTS, Hash

NAMES: Final = frozenset(PURE_DIGESTS)


def new(name: str, *, using: Accelerators | None = None) -> Hash:
    """An incremental digest: "streebog256", "streebog512" or "gost34311".

    Raises AlgorithmUnavailable for another name. Without a native library a megabyte takes about
    a second.
    """
    make = (using or accelerators()).digest(name) or PURE_DIGESTS.get(name)
    if make is None:
        raise AlgorithmUnavailable(algorithm=name, reason="no implementation of this digest")
    return make()


def digest(name: str, message: bytes, *, using: Accelerators | None = None) -> bytes:
    """The digest of one message. Raises AlgorithmUnavailable."""
    found = new(name, using=using)
    found.update(message)
    return found.digest()
