"""The curves of GOST 34.10-2015 and 34.310-2004 as data (RFC 7836 §A, RFC 4357 §11.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Point: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Curve:
    """y² = x³ + ax + b over the integers modulo the prime `p`, with a point (x, y) of order `q`.

    `q` is prime; the curve has `cofactor` times as many points. Compared by identity.
    """

    name: str
    p: int
    a: int
    b: int
    q: int
    x: int
    y: int
    cofactor: int = 1

    def __repr__(self) -> str:
        return f"<Curve {self.name}>"

    @property
    def size(self) -> int:
        """Octets of one coordinate, or of one half of a signature."""
        return (self.p.bit_length() + 7) // 8

    @property
    def generator(self) -> Point:
        return self.x, self.y

    def contains(self, point: Point) -> bool:
        """Whether the coordinates are reduced and fulfil the equation."""
        x, y = point
        return (
            0 <= x < self.p
            and 0 <= y < self.p
            and (y * y - (x * x + self.a) * x - self.b) % self.p == 0
        )


_P512: Final = 2**512 - 569
_P256: Final = 2**256 - 617

TC26_512_A: Final = Curve(
    name="id-tc26-gost-3410-12-512-paramSetA",
    p=_P512,
    a=_P512 - 3,
    b=0xE8C2505DEDFC86DDC1BD0B2B6667F1DA34B82574761CB0E879BD081CFD0B6265EE3CB090F30D27614CB4574010DA90DD862EF9D4EBEE4761503190785A71C760,
    q=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF27E69532F48D89116FF22B8D4E0560609B4B38ABFAD2B85DCACDB1411F10B275,
    x=3,
    y=0x7503CFE87A836AE3A61B8816E25450E6CE5E1C93ACF1ABC1778064FDCBEFA921DF1626BE4FD036E93D75E6A50E3A41E98028FE5FC235F5B889A589CB5215F2A4,
)
CRYPTOPRO_A: Final = Curve(
    name="id-GostR3410-2001-CryptoPro-A-ParamSet",
    p=_P256,
    a=_P256 - 3,
    b=0xA6,
    q=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B893,
    x=1,
    y=0x8D91E471E0989CDA27DF505A453F2B7635294F2DDF23E3B122ACC99C9E9F1E14,
)
TC26_256_A: Final = Curve(
    name="id-tc26-gost-3410-2012-256-paramSetA",
    p=_P256,
    a=0xC2173F1513981673AF4892C23035A27CE25E2013BF95AA33B22C656F277E7335,
    b=0x295F9BAE7428ED9CCC20E7C359A9D41A22FCCD9108E17BF7BA9337A6F8AE9513,
    q=0x400000000000000000000000000000000FD8CDDFC87B6635C115AF556C360C67,
    x=0x91E38443A5E82C0D880923425712B2BB658B9196932E02C78B2582FE742DAA28,
    y=0x32879423AB1A0375895786C4BB46E9565FDE0B5344766740AF268ADB32322E5C,
    cofactor=4,
)

CURVES: Final = (TC26_512_A, TC26_256_A, CRYPTOPRO_A)
