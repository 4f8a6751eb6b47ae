"""What makes the arithmetic faster where a system has it, each proven before it is used.

None is needed. Each is loaded when something first wants it, and left out when it does not give
what the pure code gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final, Protocol

from eds.gost import libcrypto, nativehashes
from eds.gost.curves import CURVES, Curve, Point
from eds.gost.hashing import Hash
from eds.gost.points import Arithmetic

# SHA-256 over the digests of the messages of 0 to 130 octets that count 00, 01, 02 …
DIGEST_CHECKS: Final[Mapping[str, str]] = MappingProxyType({
    "streebog256": "57b79725b0bd0f7d19c1cc2d97e16080fcebb9275f1b70bd04a557bc6671b3d0",
    "streebog512": "f350edbcfa34fd6e770b2b7ff884171913b313fbad61b5b5bbe26ab6cf7b0fc2",
    "gost34311": "095e077dbc4e471f982a7328081f8c4627311d4cb0aa1db72a0ac93765828bb4",
})  # fmt: skip
# SHA-256 over the points that `check_points` wants.
CURVE_CHECKS: Final[Mapping[str, str]] = MappingProxyType({
    "id-tc26-gost-3410-12-512-paramSetA":
        "4ceb0e29a52107ca836a79ba43c635529568e46f7e63842fdb7546c21fb96e55",
    "id-tc26-gost-3410-2012-256-paramSetA":
        "ff536b1e9fee0d75237e49eb94118e468beaf2538628be3dd062a7f9faddebd2",
    "id-GostR3410-2001-CryptoPro-A-ParamSet":
        "5d90d6f5445b5c6e62f1bda0019508973739e8284002881c10138e3322fcd14e",
})  # fmt: skip


class Multiples(Protocol):
    """Who can multiply the points of one curve."""

    def joint(self, own: int, other: int, point: Point) -> Point | None:
        """`own` times the generator and `other` times `point`, summed. Nothing is secret."""
        ...

    def own_multiple(self, secret: int) -> Point:
        """`secret` times the generator."""
        ...


def _no_group(_: Curve) -> Multiples | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerators:
    """A choice of accelerators: `PURE` is none of them, `accelerators()` what this system has.

    `digests` makes digests by their names, `number` makes the numbers of the arithmetic, `group`
    gives who multiplies the points of a curve, or None.
    """

    digests: Mapping[str, Callable[[], Hash]] = field(default_factory=dict)
    number: Callable[[int], int] = int
    group: Callable[[Curve], Multiples | None] = _no_group

    def arithmetic(self, curve: Curve) -> Arithmetic:
        """Our own arithmetic on `curve`, with these numbers."""
        return _arithmetic(curve, self.number)

    def multiples(self, curve: Curve) -> Multiples:
        """Who multiplies points fastest when nothing was prepared for them."""
        return self.group(curve) or self.arithmetic(curve)

    def combs_pay(self, curve: Curve) -> bool:
        """Whether our own arithmetic with a comb for the key is faster than that."""
        return self.number is not int or self.group(curve) is None

    def describe(self) -> tuple[str, ...]:
        """What is in use, for people: "libcrypto", "gmpy2", "streebog512 by Nettle" …"""
        found = ["libcrypto"] if any(self.group(curve) for curve in CURVES) else []
        found += [] if self.number is int else ["gmpy2"]
        return (
            *found,
            *(f"{name} by {type(make()).__name__}" for name, make in sorted(self.digests.items())),
        )


PURE: Final = Accelerators()


@cache
def accelerators() -> Accelerators:
    """What this system has, of those that gave the right answers; found out at the first call.

    Digests by nettle, else by libgcrypt. A curve is tried when it is first wanted.
    """
    return Accelerators(
        digests=MappingProxyType({**libgcrypt_digests(), **nettle_digests()}),
        number=gmpy2_number(),
        group=libcrypto_group,
    )


@cache
def nettle_digests() -> Mapping[str, Callable[[], Hash]]:
    """The digests of nettle that agree with ours."""
    return _agreeing(nativehashes.load_nettle())


@cache
def libgcrypt_digests() -> Mapping[str, Callable[[], Hash]]:
    """The digests of libgcrypt that agree with ours."""
    return _agreeing(nativehashes.load_libgcrypt())


def gmpy2_number() -> Callable[[int], int]:
    """gmpy2's `mpz` where it is installed, else `int`."""
    try:
        import gmpy2
    except ImportError:
        return int
    number: Callable[[int], int] = gmpy2.mpz
    return number


@cache
def libcrypto_group(curve: Curve) -> Multiples | None:
    """`curve` in the system's libcrypto, if it is there and agrees with us."""
    library = libcrypto.load()
    if library is None or curve.name not in CURVE_CHECKS:
        return None
    try:
        group = libcrypto.Group(library, curve)
        return group if check_points(curve, group) == CURVE_CHECKS[curve.name] else None
    except libcrypto.LibcryptoFailed:
        return None


# --- agreement ----------------------------------------------------------------------------------


def check_digest(make: Callable[[], Hash]) -> str:
    """What DIGEST_CHECKS holds of the digest that `make` makes."""
    octets = bytes(range(130))
    found = hashlib.sha256()
    for length in range(len(octets) + 1):
        whole = make()
        whole.update(octets[: length // 2])
        part = whole.copy()
        part.update(octets[length // 2 : length])
        found.update(part.digest())
    return found.hexdigest()


def check_points(curve: Curve, multiples: Multiples) -> str:
    """What CURVE_CHECKS holds of the points that `multiples` finds; "" where it finds none."""
    point = curve.generator
    found = hashlib.sha256()
    for number in range(4):
        seed = hashlib.shake_256(bytes((number,))).digest(2 * curve.size)
        first, second = (
            int.from_bytes(half, "big") % (curve.q - 1) + 1
            for half in (seed[: curve.size], seed[curve.size :])
        )
        total = multiples.joint(first, second, multiples.own_multiple(second))
        if total is None:
            return ""
        point = multiples.joint(second, first, total) or point
        for coordinate in (*total, *point):
            found.update(coordinate.to_bytes(curve.size, "big"))
    return found.hexdigest()


def _agreeing(
    makers: Mapping[str, Callable[[], Hash]],
) -> Mapping[str, Callable[[], Hash]]:
    return {
        name: make for name, make in makers.items() if check_digest(make) == DIGEST_CHECKS[name]
    }


@cache
def _arithmetic(curve: Curve, number: Callable[[int], int]) -> Arithmetic:
    found = Arithmetic(curve, number)
    if number is not int and check_points(curve, found) != CURVE_CHECKS.get(curve.name):
        return _arithmetic(curve, int)
    return found
