"""Digests by nettle and libgcrypt, which most systems have, through ctypes: one of its doors."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Self, TypeAlias

from eds.gost.hashing import Hash, Octets

Makers: TypeAlias = Mapping[str, Callable[[], Hash]]

_P: Final = ctypes.c_void_p
_Z: Final = ctypes.c_size_t
_U: Final = ctypes.c_uint

# What is not `bytes` is copied in pieces of this many octets.
_PIECE: Final = 1 << 20


def _pieces(data: Octets) -> list[bytes] | map[bytes]:
    if isinstance(data, bytes):
        return [data]
    view = memoryview(data).cast("B")
    return map(bytes, (view[at : at + _PIECE] for at in range(0, len(view), _PIECE)))


# --- nettle 3 -------------------------------------------------------------------------------------


class _NettleHash(ctypes.Structure):
    """struct nettle_hash of nettle-meta.h; version 4 of the library changed `digest`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("context_size", _U),
        ("digest_size", _U),
        ("block_size", _U),
        ("init", ctypes.CFUNCTYPE(None, _P)),
        ("update", ctypes.CFUNCTYPE(None, _P, _Z, ctypes.c_char_p)),
        ("digest", ctypes.CFUNCTYPE(None, _P, _Z, ctypes.c_char_p)),
    )


class Nettle:
    """An incremental digest of nettle."""

    __slots__ = ("_context", "_hash", "block_size", "digest_size")

    def __init__(self, algorithm: _NettleHash, context: bytes | None = None) -> None:
        self._hash = algorithm
        self.digest_size = int(algorithm.digest_size)
        self.block_size = int(algorithm.block_size)
        size = int(algorithm.context_size)
        if context is None:
            self._context = ctypes.create_string_buffer(size)
            algorithm.init(self._context)
        else:
            self._context = ctypes.create_string_buffer(context, size)

    def update(self, data: Octets) -> None:
        """Go on with `data`."""
        for piece in _pieces(data):
            self._hash.update(self._context, len(piece), piece)

    def digest(self) -> bytes:
        """The digest of all so far; `update` may go on afterwards."""
        # nettle begins anew after this, so it gets a context of its own
        context = ctypes.create_string_buffer(self._context.raw, len(self._context))
        buffer = ctypes.create_string_buffer(self.digest_size)
        self._hash.digest(context, self.digest_size, buffer)
        return buffer.raw

    def copy(self) -> Self:
        """Another object that goes on from here by itself."""
        return type(self)(self._hash, self._context.raw)


def load_nettle() -> Makers:
    """The digests of nettle 3; none where it is not."""
    library = _first("libnettle.so.8", "libnettle.8.dylib")
    found: dict[str, Callable[[], Hash]] = {}
    for name, symbol in (
        ("streebog256", "nettle_streebog256"),
        ("streebog512", "nettle_streebog512"),
        ("gost34311", "nettle_gosthash94"),
    ):
        try:
            algorithm = _NettleHash.in_dll(library, symbol) if library else None
        except ValueError:
            algorithm = None
        if algorithm is not None:
            found[name] = partial(Nettle, algorithm)
    return found


# --- libgcrypt ------------------------------------------------------------------------------------

_INITIALIZATION_FINISHED: Final = 38
_FINISHED_P: Final = 39
_TEST_ALGO: Final = 8
_LIBGCRYPT_FUNCTIONS: Final = {
    "gcry_check_version": (ctypes.c_char_p, (ctypes.c_char_p,)),
    "gcry_control": (_U, None),  # takes what its first argument says
    "gcry_md_algo_info": (_U, (ctypes.c_int, ctypes.c_int, _P, _P)),
    "gcry_md_open": (_U, (ctypes.POINTER(_P), ctypes.c_int, _U)),
    "gcry_md_write": (None, (_P, ctypes.c_char_p, _Z)),
    "gcry_md_copy": (_U, (ctypes.POINTER(_P), _P)),
    "gcry_md_read": (_P, (_P, ctypes.c_int)),
    "gcry_md_close": (None, (_P,)),
}


class Libgcrypt:
    """An incremental digest of libgcrypt."""

    __slots__ = ("_handle", "_library", "_number", "block_size", "digest_size")

    def __init__(
        self,
        library: ctypes.CDLL,
        number: int,
        digest_size: int,
        block_size: int,
        handle: ctypes.c_void_p | None = None,
    ) -> None:
        self._handle = _P()
        self._library, self._number = library, number
        self.digest_size, self.block_size = digest_size, block_size
        if handle is None:
            failed = library.gcry_md_open(ctypes.byref(self._handle), number, 0)
        else:
            failed = library.gcry_md_copy(ctypes.byref(self._handle), handle)
        if failed or self._handle.value is None:
            raise MemoryError

    def __del__(self) -> None:
        if self._handle.value is not None:
            self._library.gcry_md_close(self._handle)
            self._handle = _P()

    def update(self, data: Octets) -> None:
        """Go on with `data`."""
        for piece in _pieces(data):
            self._library.gcry_md_write(self._handle, piece, len(piece))

    def digest(self) -> bytes:
        """The digest of all so far; `update` may go on afterwards."""
        handle = _P()  # reading ends a digest, so it is read from a copy
        if self._library.gcry_md_copy(ctypes.byref(handle), self._handle):
            raise MemoryError
        try:
            address = self._library.gcry_md_read(handle, self._number)
            return ctypes.string_at(address, self.digest_size)
        finally:
            self._library.gcry_md_close(handle)

    def copy(self) -> Self:
        """Another object that goes on from here by itself."""
        row = self._number, self.digest_size, self.block_size
        return type(self)(self._library, *row, self._handle)


def load_libgcrypt() -> Makers:
    """The digests of libgcrypt; none where it is not."""
    library = _first("libgcrypt.so.20", "libgcrypt.20.dylib")
    found: dict[str, Callable[[], Hash]] = {}
    if library is None:
        return found
    try:
        for function, (result, arguments) in _LIBGCRYPT_FUNCTIONS.items():
            declared = getattr(library, function)
            declared.restype = result
            if arguments is not None:
                declared.argtypes = arguments
    except AttributeError:
        return found
    # 1.6 made the library safe for threads by itself; who came first has set it up.
    if library.gcry_check_version(b"1.6.0") is None:
        return found
    if not library.gcry_control(_FINISHED_P):
        library.gcry_control(_INITIALIZATION_FINISHED, 0)
    for name, number, digest_size, block_size in (
        ("gost34311", 308, 32, 32),
        ("streebog256", 309, 32, 64),
        ("streebog512", 310, 64, 64),
    ):
        if library.gcry_md_algo_info(number, _TEST_ALGO, None, None) == 0:
            found[name] = partial(Libgcrypt, library, number, digest_size, block_size)
    return found


def _first(*names: str) -> ctypes.CDLL | None:
    """The first library of these names. They carry the version whose functions are declared."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
