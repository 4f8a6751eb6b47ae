"""GOST 34.311-95, which is GOST R 34.11-94 (RFC 5831), with the S-box of its test parameters.

The National Certification Authority of Kazakhstan uses this S-box (RFC 4357 §11.2 calls it
id-GostR3411-94-TestParamSet) and a starting value of zero.
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable
from functools import cache
from typing import Final, Self, TypeAlias

_BLOCK: Final = 32
_WHOLE: Final = (1 << 256) - 1

# Row i substitutes nibble i of a word, the lowest first.
_S_BOX: Final = (
    (4, 10, 9, 2, 13, 8, 0, 14, 6, 11, 1, 12, 7, 15, 5, 3),
    (14, 11, 4, 12, 6, 13, 15, 10, 2, 3, 8, 1, 0, 7, 5, 9),
    (5, 8, 1, 13, 10, 3, 4, 2, 14, 15, 12, 7, 6, 0, 9, 11),
    (7, 13, 10, 1, 0, 8, 9, 15, 14, 4, 6, 12, 11, 2, 5, 3),
    (6, 12, 7, 1, 5, 15, 13, 8, 4, 10, 9, 14, 0, 3, 11, 2),
    (4, 11, 10, 0, 7, 2, 1, 13, 3, 6, 8, 5, 9, 12, 15, 14),
    (13, 11, 4, 1, 3, 15, 5, 9, 0, 10, 14, 7, 6, 8, 2, 12),
    (1, 15, 13, 0, 5, 7, 10, 4, 9, 2, 3, 14, 6, 11, 8, 12),
)
# C of the third key (RFC 5831 §6.1); those of the second and fourth are zero.
_C3: Final = 0xFF00FFFF000000FFFF0000FF00FFFF0000FF00FF00FF00FFFF00FF00FF00FF00

_Map: TypeAlias = Callable[[int], int]


class Gost34311:
    """An incremental digest, as hashlib has them."""

    block_size = _BLOCK
    digest_size = 32

    def __init__(self) -> None:
        self._h = 0
        self._length = 0
        self._sum = 0
        self._rest = b""

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Go on with `data`."""
        octets = self._rest + bytes(data)
        whole = len(octets) - len(octets) % _BLOCK
        h, total = self._h, self._sum
        for at in range(0, whole, _BLOCK):
            block = int.from_bytes(octets[at : at + _BLOCK], "little")
            h = _step(h, block)
            total += block
        self._h, self._sum = h, total & _WHOLE
        self._length += 8 * whole
        self._rest = octets[whole:]

    def digest(self) -> bytes:
        """The digest of all so far; `update` may go on afterwards."""
        h, total = self._h, self._sum
        if self._rest:
            block = int.from_bytes(self._rest, "little")
            h = _step(h, block)
            total = total + block & _WHOLE
        h = _step(h, self._length + 8 * len(self._rest) & _WHOLE)
        return _step(h, total).to_bytes(_BLOCK, "little")

    def copy(self) -> Self:
        """Another object that goes on from here by itself."""
        return copy.copy(self)  # all it holds is immutable


def _step(h: int, block: int) -> int:
    """The step function of RFC 5831 §6: four keys, four encryptions, the mixing."""
    low, high, mix_h, mix_block, mix_s = _tables()
    u, v, s = h, block, 0
    for number in range(4):
        if number:
            u = _a(u)
            if number == 2:
                u ^= _C3
            v = _a(_a(v))
        w = (u ^ v).to_bytes(32, "little")
        keys = struct.unpack("<8I", bytes(w[at] for at in _P))
        part = h >> 64 * number
        n1, n2 = part & 0xFFFFFFFF, part >> 32 & 0xFFFFFFFF
        schedule = keys * 3 + keys[::-1]
        # GOST 28147-89, two rounds a turn.
        for at in range(0, 32, 2):
            t = n1 + schedule[at] & 0xFFFFFFFF
            n2 ^= low[t & 0xFFFF] ^ high[t >> 16]
            t = n2 + schedule[at + 1] & 0xFFFFFFFF
            n1 ^= low[t & 0xFFFF] ^ high[t >> 16]
        s |= (n2 | n1 << 32) << 64 * number
    # ψ⁶¹(h ⊕ ψ(block ⊕ ψ¹²(s))); ψ is linear, so its powers are taken one by one.
    return mix_h(h) ^ mix_block(block) ^ mix_s(s)


_P: Final = tuple(8 * (at % 4) + at // 4 for at in range(32))
_MASK64: Final = (1 << 64) - 1


def _a(y: int) -> int:
    """A(y4 y3 y2 y1) = (y1 ⊕ y2) y4 y3 y2 in words of 64 bits."""
    return y >> 64 | ((y ^ y >> 64) & _MASK64) << 192


@cache
def _tables() -> tuple[tuple[int, ...], tuple[int, ...], _Map, _Map, _Map]:
    """(S-box and rotation of the low half of a word, of the high half, ψ⁶¹, ψ⁶², ψ⁷⁴)."""

    def rotated(word: int) -> int:
        return (word << 11 | word >> 21) & 0xFFFFFFFF

    octets = [
        tuple(
            rotated((_S_BOX[2 * place][b & 15] | _S_BOX[2 * place + 1][b >> 4] << 4) << 8 * place)
            for b in range(256)
        )
        for place in range(4)
    ]
    low = tuple(octets[0][b & 255] ^ octets[1][b >> 8] for b in range(1 << 16))
    high = tuple(octets[2][b & 255] ^ octets[3][b >> 8] for b in range(1 << 16))
    return low, high, _power_of_psi(61), _power_of_psi(62), _power_of_psi(74)


def _power_of_psi(exponent: int) -> _Map:
    """ψ so many times, as a sum of products: word i goes wherever the bits of mask i stand."""
    masks = []
    for place in range(16):
        value = 1 << 16 * place
        for _ in range(exponent):
            new = 0
            for tap in (0, 1, 2, 3, 12, 15):
                new ^= value >> 16 * tap & 0xFFFF
            value = value >> 16 | new << 240
        masks.append(value)
    m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, ma, mb, mc, md, me, mf = masks
    unpack = struct.Struct("<16H").unpack

    def psi(value: int) -> int:
        a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = unpack(value.to_bytes(32, "little"))  # noqa: E741
        found: int = (
            a * m0 ^ b * m1 ^ c * m2 ^ d * m3 ^ e * m4 ^ f * m5 ^ g * m6 ^ h * m7
            ^ i * m8 ^ j * m9 ^ k * ma ^ l * mb ^ m * mc ^ n * md ^ o * me ^ p * mf
        )  # fmt: skip
        return found

    return psi
