"""Multiples of points by the system's libcrypto (OpenSSL), through ctypes: one of its doors.

libcrypto knows elliptic curves by their equation (EC_GROUP_new_curve_GFp), so it needs no GOST of
its own. Only the multiples are its work; what a signature is, stays in `signatures`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from eds.gost.curves import Curve, Point
from eds.gost.points import MultiplicationFailed

_NAMES: Final = ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.3.dylib", "libcrypto.4.dylib")
_BN_FLG_CONSTTIME: Final = 4
_P: Final = ctypes.c_void_p
_I: Final = ctypes.c_int
_SIGNATURES: Final = {
    "BN_bin2bn": (_P, (ctypes.c_char_p, _I, _P)),
    "BN_bn2binpad": (_I, (_P, ctypes.c_char_p, _I)),
    "BN_new": (_P, ()),
    "BN_clear_free": (None, (_P,)),
    "BN_set_flags": (None, (_P, _I)),
    "BN_CTX_new": (_P, ()),
    "BN_CTX_free": (None, (_P,)),
    "EC_GROUP_new_curve_GFp": (_P, (_P, _P, _P, _P)),
    "EC_GROUP_set_generator": (_I, (_P, _P, _P, _P)),
    "EC_GROUP_free": (None, (_P,)),
    "EC_POINT_new": (_P, (_P,)),
    "EC_POINT_clear_free": (None, (_P,)),
    "EC_POINT_set_affine_coordinates": (_I, (_P, _P, _P, _P, _P)),
    "EC_POINT_get_affine_coordinates": (_I, (_P, _P, _P, _P, _P)),
    "EC_POINT_is_at_infinity": (_I, (_P, _P)),
    "EC_POINT_mul": (_I, (_P, _P, _P, _P, _P, _P)),
    "ERR_clear_error": (None, ()),
}


@cache
def load() -> ctypes.CDLL | None:
    """The library with its functions declared; None where it is not, or lacks one of them."""
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _SIGNATURES.items():
                declared = getattr(library, function)
                declared.restype, declared.argtypes = result, arguments
        except (OSError, AttributeError):
            continue
        return library
    return None


class Group:
    """One curve in libcrypto. Threads may share it: after it is made it is only read.

    Raises MultiplicationFailed where the library refuses the curve.
    """

    def __init__(self, library: ctypes.CDLL, curve: Curve) -> None:
        self.curve = curve
        self._library = library
        self._group: int | None = None
        with self._work() as work:
            p, a, b = map(work.number, (curve.p, curve.a, curve.b))
            group = library.EC_GROUP_new_curve_GFp(p, a, b, work.context)
            if not group:
                raise MultiplicationFailed("EC_GROUP_new_curve_GFp")
            self._group = group
            order, cofactor = work.number(curve.q), work.number(curve.cofactor)
            work.check(
                library.EC_GROUP_set_generator(group, work.point(curve.generator), order, cofactor)
            )

    def __del__(self) -> None:
        if self._group is not None:
            self._library.EC_GROUP_free(self._group)

    def joint(self, own: int, other: int, point: Point) -> Point | None:
        """`own` times the generator and `other` times `point`, summed. Nothing is secret."""
        with self._work() as work:
            found = work.point(None)
            numbers = work.number(own), work.point(point), work.number(other)
            work.check(self._library.EC_POINT_mul(self._group, found, *numbers, work.context))
            return work.coordinates(found)

    def own_multiple(self, secret: int) -> Point:
        """`secret` times the generator, by the ladder that libcrypto keeps for secrets."""
        with self._work() as work:
            found, number = work.point(None), work.number(secret)
            self._library.BN_set_flags(number, _BN_FLG_CONSTTIME)
            work.check(
                self._library.EC_POINT_mul(self._group, found, number, None, None, work.context)
            )
            result = work.coordinates(found)
        if result is None:
            raise MultiplicationFailed("the scalar is zero")
        return result

    @contextmanager
    def _work(self) -> Iterator[_Work]:
        work = _Work(self._library, self)
        try:
            yield work
        except MultiplicationFailed:
            # The queue of errors belongs to the thread, and so to `ssl` as well.
            self._library.ERR_clear_error()
            raise
        finally:
            work.close()

    @property
    def handle(self) -> int | None:
        """The EC_GROUP; None before there is one."""
        return self._group


class _Work:
    """What one call allocates, freed together: numbers, points and the context."""

    def __init__(self, library: ctypes.CDLL, group: Group) -> None:
        self._library = library
        self._group = group
        self._free: list[tuple[Callable[[int], None], int]] = []
        self.context = self._kept(library.BN_CTX_new(), library.BN_CTX_free)

    def close(self) -> None:
        while self._free:
            free, item = self._free.pop()
            free(item)

    def check(self, result: int) -> None:
        if result != 1:
            raise MultiplicationFailed("a call failed")

    def number(self, value: int) -> int:
        octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
        made = self._library.BN_bin2bn(octets, len(octets), None)
        return self._kept(made, self._library.BN_clear_free)

    def point(self, point: Point | None) -> int:
        """A point of those coordinates, or an unset one."""
        group = self._group.handle
        made = self._kept(self._library.EC_POINT_new(group), self._library.EC_POINT_clear_free)
        if point is not None:
            x, y = map(self.number, point)
            self.check(
                self._library.EC_POINT_set_affine_coordinates(group, made, x, y, self.context)
            )
        return made

    def coordinates(self, point: int) -> Point | None:
        library, group = self._library, self._group.handle
        if library.EC_POINT_is_at_infinity(group, point):
            return None
        x, y = (self._kept(library.BN_new(), library.BN_clear_free) for _ in range(2))
        self.check(library.EC_POINT_get_affine_coordinates(group, point, x, y, self.context))
        return self._read(x), self._read(y)

    def _read(self, number: int) -> int:
        size = self._group.curve.size
        buffer = ctypes.create_string_buffer(size)
        if self._library.BN_bn2binpad(number, buffer, size) != size:
            raise MultiplicationFailed("BN_bn2binpad")
        return int.from_bytes(buffer.raw, "big")

    def _kept(self, item: int | None, free: Callable[[int], None]) -> int:
        if not item:
            raise MultiplicationFailed("out of memory")
        self._free.append((free, item))
        return item
