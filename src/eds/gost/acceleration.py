"""What makes the arithmetic faster where a system has it, each proven before it is used.

None is needed. Each is loaded when something first wants it, and left out when it does not give
what the pure code gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Protocol

from eds.gost.curves import CURVES, Curve, Point
from eds.gost.hashing import PURE_DIGESTS, Hash
from eds.gost.points import Arithmetic, MultiplicationFailed

# SHA-256 over the digests of the messages of 0 to 130 octets that count 00, 01, 02 …
DIGEST_CHECKS: Final[Mapping[str, str]] = MappingProxyType({
    "streebog256": "57b79725b0bd0f7d19c1cc2d97e16080fcebb9275f1b70bd04a557bc6671b3d0",
    "streebog512": "f350edbcfa34fd6e770b2b7ff884171913b313fbad61b5b5bbe26ab6cf7b0fc2",
    "gost34311": "095e077dbc4e471f982a7328081f8c4627311d4cb0aa1db72a0ac93765828bb4",
})  # fmt: skip
# SHA-256 over the points that `check_points` wants.
CURVE_CHECKS: Final[Mapping[str, str]] = MappingProxyType({
    "id-tc26-gost-3410-12-512-paramSetA":
        "784c2a0395b7390092bb5c205cec0feaeca95920d4271cd4adb8a2b3feaae388",
    "id-tc26-gost-3410-2012-256-paramSetA":
        "85015dfd7b9498ed9e6f9a8eb85b246cdcd4a204aeccd434f991d2550cbe1805",
    "id-GostR3410-2001-CryptoPro-A-ParamSet":
        "e93f7ff2d45b1e0b43cd9ec7405314c4af1299a2183da4d7b00cb41be6bff48c",
})  # fmt: skip


class Multiples(Protocol):
    """Who can multiply the points of one curve."""

    def joint(self, own: int, other: int, point: Point) -> Point | None:
        """`own` times the generator and `other` times `point`, summed. Nothing is secret."""
        ...

    def own_multiple(self, secret: int) -> Point:
        """`secret` times the generator."""
        ...


def _nobody(_: object) -> None:
    return None


def _int() -> Callable[[int], int]:
    return int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerators:
    """A choice of accelerators: `PURE` is none of them, `accelerators()` what this system has.

    `digest` gives what makes the digest of a name, or None; `number` what makes the numbers of
    the arithmetic; `group` who multiplies the points of a curve, or None. Nothing is loaded
    before one of them is called.
    """

    digest: Callable[[str], Callable[[], Hash] | None] = _nobody
    number: Callable[[], Callable[[int], int]] = _int
    group: Callable[[Curve], Multiples | None] = _nobody

    def arithmetic(self, curve: Curve) -> Arithmetic:
        """Our own arithmetic on `curve`, with these numbers."""
        return _arithmetic(curve, self.number())

    def multiples(self, curve: Curve) -> Multiples:
        """Who multiplies points fastest when nothing was prepared for them."""
        return self.group(curve) or self.arithmetic(curve)

    def combs_pay(self, curve: Curve) -> bool:
        """Whether our own arithmetic with a comb for the key is faster than that."""
        return self.group(curve) is None or self.number() is not int

    def describe(self) -> tuple[str, ...]:
        """What is in use, for people: "libcrypto", "gmpy2", "streebog512 by Nettle" …"""
        found = ["libcrypto"] if any(self.group(curve) for curve in CURVES) else []
        found += [] if self.number() is int else ["gmpy2"]
        for name in sorted(PURE_DIGESTS):
            make = self.digest(name)
            if make is not None:
                found.append(f"{name} by {type(make()).__name__}")
        return tuple(found)


PURE: Final = Accelerators()


@cache
def accelerators() -> Accelerators:
    """What this system has, of those that give the right answers."""
    return Accelerators(
        digest=lambda name: nettle_digests().get(name) or libgcrypt_digests().get(name),
        number=gmpy2_number,
        group=libcrypto_group,
    )


@cache
def nettle_digests() -> Mapping[str, Callable[[], Hash]]:
    """The digests of nettle that agree with ours."""
    from eds.gost.nativehashes import load_nettle

    return _agreeing(load_nettle())


@cache
def libgcrypt_digests() -> Mapping[str, Callable[[], Hash]]:
    """The digests of libgcrypt that agree with ours."""
    from eds.gost.nativehashes import load_libgcrypt

    return _agreeing(load_libgcrypt())


@cache
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
    from eds.gost import libcrypto

    library = libcrypto.load()
    if library is None or curve.name not in CURVE_CHECKS:
        return None
    try:
        group = libcrypto.Group(library, curve)
        return group if check_points(curve, group) == CURVE_CHECKS[curve.name] else None
    except MultiplicationFailed:
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
    for number in range(2):
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
