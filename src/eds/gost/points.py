"""Points of one curve: complete affine arithmetic, and a fast walk in Jacobian coordinates.

The fast walk knows nothing of the point at infinity and of adding a point to itself. Where it
meets either, the third coordinate becomes zero and stays zero, so one look at the end tells;
the complete arithmetic then does the sum again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from eds.gost.curves import Curve, Point

Steps: TypeAlias = Iterable[Sequence[Point]]


class MultiplicationFailed(ArithmeticError):
    """A library could not do its part; whoever asked reckons by itself."""


# --- complete: the judge of all others ------------------------------------------------------------


def add(curve: Curve, one: Point | None, other: Point | None) -> Point | None:
    """The sum of two points; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    p = curve.p
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 + curve.a) * pow(2 * y1, -1, p) % p
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
    x3 = (slope * slope - x1 - x2) % p
    return x3, (slope * (x1 - x3) - y1) % p


def multiply(curve: Curve, scalar: int, point: Point | None) -> Point | None:
    """`scalar` times `point`, one bit after the other. `scalar` is not negative."""
    result = None
    while scalar:
        if scalar & 1:
            result = add(curve, result, point)
        point = add(curve, point, point)
        scalar >>= 1
    return result


# --- fast -----------------------------------------------------------------------------------------

_TEETH: Final = 8
_BLOCKS: Final = 4
_BLINDING_BITS: Final = 64
_OWN_WINDOW: Final = 9
_WINDOW: Final = 5


class Comb:
    """The sums of the multiples of one point that a comb with eight teeth picks (Lim and Lee 1994).

    With it a multiple costs a twentieth of the doublings. It takes a third of a megabyte.
    """

    __slots__ = ("blocks",)

    def __init__(self, blocks: list[list[Point]]) -> None:
        self.blocks = blocks


class Arithmetic:
    """Fast multiples of points of one curve, whose order is beyond all counting.

    `number` makes the numbers that are reckoned with: `int`, or gmpy2's `mpz`.
    """

    def __init__(self, curve: Curve, number: Callable[[int], int] = int) -> None:
        self.curve = curve
        self._number = number
        bits = curve.p.bit_length()
        fold = (1 << bits) - curve.p
        if 12 * fold.bit_length() + 32 > bits:
            # Any prime will do if the numbers may be longer: what is left over is folded back.
            bits = 12 * curve.p.bit_length() + 32
            fold = pow(2, bits, curve.p)
        self._bits = bits
        self._mask = number((1 << bits) - 1)
        self._fold = number(fold)
        self._p = number(curve.p)
        self._a = None if curve.a == curve.p - 3 else number(curve.a)
        self._columns = -(-(curve.q.bit_length() + _BLINDING_BITS) // _TEETH)
        self._columns += -self._columns % _BLOCKS
        self._own_comb: Comb | None = None
        self._own_multiples: list[Point] | None = None

    # -- multiples

    def joint(self, own: int, other: int, point: Point) -> Point | None:
        """`own` times the generator and `other` times `point`, summed: interleaved wNAF.

        Nothing here is secret. `own` and `other` lie between 0 and q.
        """
        if self._own_multiples is None:
            self._own_multiples = self._odd_multiples(self.curve.generator, _OWN_WINDOW)
        length = self.curve.q.bit_length() + 1
        steps: list[list[Point]] = [[] for _ in range(length)]
        self._place(steps, own, self._own_multiples, _OWN_WINDOW)
        self._place(steps, other, self._odd_multiples(point, _WINDOW), _WINDOW)
        found = self._walk(reversed(steps))
        if found is None:
            found = self._carefully((own, self.curve.generator), (other, point))
        return found

    def joint_combed(self, own: int, other: int, comb: Comb, point: Point) -> Point | None:
        """The same with the comb of `point`."""
        found = self._walk(self._columns_of((own, self.own_comb()), (other, comb)))
        if found is None:
            found = self._carefully((own, self.curve.generator), (other, point))
        return found

    def own_multiple(self, secret: int) -> Point:
        """`secret` times the generator, 0 < secret < q.

        Python's numbers tell their length by the time they take; so the scalar gets a random
        multiple of q and the coordinates a random factor, and no run is like another.
        """
        blinded = secret + self.curve.q * secrets.randbits(_BLINDING_BITS)
        start = secrets.randbelow(self.curve.p - 1) + 1
        found = self._walk(self._columns_of((blinded, self.own_comb())), start=start)
        if found is None:  # for no secret in range, unless the walk met itself
            found = multiply(self.curve, secret, self.curve.generator)
        if found is None:
            raise ArithmeticError("the scalar is zero")
        return found

    def own_comb(self) -> Comb:
        """The comb of the generator, made at first use."""
        if self._own_comb is None:
            self._own_comb = self.comb(self.curve.generator)
        return self._own_comb

    def comb(self, point: Point) -> Comb:
        """The comb of a point of order q: some milliseconds of work."""
        columns, height = self._columns, self._columns // _BLOCKS
        wanted = {
            tooth * columns + block * height: (block, tooth)
            for block in range(_BLOCKS)
            for tooth in range(_TEETH)
        }
        doubles: list[tuple[int, int, int]] = []
        places: list[tuple[int, int]] = []
        current = (self._number(point[0]), self._number(point[1]), self._number(1))
        for exponent in range(max(wanted) + 1):
            if exponent in wanted:
                doubles.append(current)
                places.append(wanted[exponent])
            current = self._double(current)
        bases = dict(zip(places, self._to_affine(doubles), strict=True))
        blocks: list[list[Point]] = [[(self._number(0), self._number(0))] for _ in range(_BLOCKS)]
        for tooth in range(_TEETH):
            pairs = [
                (entry, bases[block, tooth])
                for block in range(_BLOCKS)
                for entry in blocks[block][1:]
            ]
            sums = self._add_pairs(pairs)
            count = len(blocks[0]) - 1
            for block in range(_BLOCKS):
                blocks[block].append(bases[block, tooth])
                blocks[block] += sums[block * count : (block + 1) * count]
        return Comb(blocks)

    # -- inside

    def _carefully(self, *terms: tuple[int, Point]) -> Point | None:
        total = None
        for scalar, point in terms:
            total = add(self.curve, total, multiply(self.curve, scalar, point))
        return total

    def _columns_of(self, *terms: tuple[int, Comb]) -> Steps:
        """What is added after each doubling."""
        columns, height = self._columns, self._columns // _BLOCKS
        rows = []
        for scalar, comb in terms:
            # The teeth as strings of bits below one another, the highest tooth first.
            bits = f"{scalar:0{columns * _TEETH}b}"
            teeth = (bits[at : at + columns] for at in range(0, len(bits), columns))
            picks = [int("".join(column), 2) for column in zip(*teeth, strict=True)]
            rows += [
                (block, picks[columns - height * (number + 1) : columns - height * number])
                for number, block in enumerate(comb.blocks)
            ]
        for at in range(height):
            yield [block[picks[at]] for block, picks in rows if picks[at]]

    def _odd_multiples(self, point: Point, window: int) -> list[Point]:
        """1, 3, 5 … times `point`, as many as the window wants."""
        number = self._number
        first = (number(point[0]), number(point[1]), number(1))
        (double,) = self._to_affine([self._double(first)])
        found, current = [first], first
        for _ in range((1 << window - 2) - 1):
            current = self._add(current, double)
            found.append(current)
        return self._to_affine(found)

    def _place(self, steps: list[list[Point]], scalar: int, odd: list[Point], window: int) -> None:
        """Write the window-NAF digits of `scalar` as points into `steps`."""
        full, half, p = 1 << window, 1 << window - 1, self._p
        at = 0
        while scalar:
            zeros = (scalar & -scalar).bit_length() - 1
            scalar >>= zeros
            at += zeros
            digit = scalar & (full - 1)
            if digit < half:
                steps[at].append(odd[digit >> 1])
            else:
                digit -= full
                x, y = odd[-digit >> 1]
                steps[at].append((x, p - y))
            scalar -= digit
        # A carry may reach one place beyond the bits of q, for which `steps` has room.

    def _walk(self, steps: Steps, *, start: int = 1) -> Point | None:
        """Double, add what the step holds, and so on; None where the result is not to be had so.

        Doubling is dbl-2001-b and addition madd of the Explicit-Formulas Database. `fold` brings
        a product back to about the length of the prime: once where it is used once more, twice
        for what is kept.
        """
        n, mask, fold, a = self._bits, self._mask, self._fold, self._a
        x1 = y1 = z1 = self._number(0)
        begun = False
        for points in steps:
            if begun:
                delta = z1 * z1
                delta = (delta & mask) + (delta >> n) * fold
                gamma = y1 * y1
                gamma = (gamma & mask) + (gamma >> n) * fold
                beta = x1 * gamma
                beta = (beta & mask) + (beta >> n) * fold << 2
                if a is None:
                    alpha = 3 * (x1 - delta) * (x1 + delta)
                else:
                    square = delta * delta
                    alpha = 3 * x1 * x1 + a * ((square & mask) + (square >> n) * fold)
                alpha = (alpha & mask) + (alpha >> n) * fold
                z1 = y1 * z1 << 1
                z1 = (z1 & mask) + (z1 >> n) * fold
                z1 = (z1 & mask) + (z1 >> n) * fold
                x1 = alpha * alpha - (beta << 1)
                x1 = (x1 & mask) + (x1 >> n) * fold
                x1 = (x1 & mask) + (x1 >> n) * fold
                y1 = alpha * (beta - x1) - (gamma * gamma << 3)
                y1 = (y1 & mask) + (y1 >> n) * fold
                y1 = (y1 & mask) + (y1 >> n) * fold
            for x2, y2 in points:
                if not begun:
                    x1, y1, z1 = self._scaled((x2, y2), start)
                    begun = True
                    continue
                square = z1 * z1
                square = (square & mask) + (square >> n) * fold
                u = x2 * square
                h = (u & mask) + (u >> n) * fold - x1
                cube = z1 * square
                s = y2 * ((cube & mask) + (cube >> n) * fold)
                r = (s & mask) + (s >> n) * fold - y1
                h2 = h * h
                h2 = (h2 & mask) + (h2 >> n) * fold
                h3 = h * h2
                h3 = (h3 & mask) + (h3 >> n) * fold
                v = x1 * h2
                v = (v & mask) + (v >> n) * fold
                z1 = z1 * h
                z1 = (z1 & mask) + (z1 >> n) * fold
                z1 = (z1 & mask) + (z1 >> n) * fold
                x1 = r * r - h3 - (v << 1)
                x1 = (x1 & mask) + (x1 >> n) * fold
                x1 = (x1 & mask) + (x1 >> n) * fold
                y1 = r * (v - x1) - y1 * h3
                y1 = (y1 & mask) + (y1 >> n) * fold
                y1 = (y1 & mask) + (y1 >> n) * fold
        p = self.curve.p
        z = int(z1 % p)
        if z == 0:
            return None
        inverse = pow(z, -1, p)
        square = inverse * inverse % p
        return int(x1 * square % p), int(y1 * square * inverse % p)

    def _scaled(self, point: Point, factor: int) -> tuple[int, int, int]:
        p, z = self._p, self._number(factor)
        square = z * z % p
        return point[0] * square % p, point[1] * square * z % p, z

    def _double(self, point: tuple[int, int, int]) -> tuple[int, int, int]:
        """The same doubling for the tables, plainly reduced."""
        p = self._p
        x, y, z = point
        gamma = y * y % p
        beta = 4 * x * gamma % p
        alpha = (3 * x * x + self.curve.a * pow(z, 4, p)) % p
        x3 = (alpha * alpha - 2 * beta) % p
        return x3, (alpha * (beta - x3) - 8 * gamma * gamma) % p, 2 * y * z % p

    def _add(self, point: tuple[int, int, int], affine: Point) -> tuple[int, int, int]:
        """The same addition for the tables, plainly reduced."""
        p = self._p
        x, y, z = point
        square = z * z % p
        h = affine[0] * square - x
        r = affine[1] * square * z - y
        h2 = h * h % p
        h3 = h * h2 % p
        v = x * h2 % p
        x3 = (r * r - h3 - 2 * v) % p
        return x3, (r * (v - x3) - y * h3) % p, z * h % p

    def _inverses(self, values: Sequence[int]) -> list[int]:
        """All inverses modulo p for the price of one (Montgomery)."""
        p = self._p
        products = [self._number(1)]
        for value in values:
            products.append(products[-1] * value % p)
        inverse = self._number(pow(int(products.pop()), -1, self.curve.p))
        found = []
        for value, product in zip(reversed(values), reversed(products), strict=True):
            found.append(inverse * product % p)
            inverse = inverse * value % p
        found.reverse()
        return found

    def _to_affine(self, points: Sequence[tuple[int, int, int]]) -> list[Point]:
        p = self._p
        found = []
        inverses = self._inverses([z for _, _, z in points])
        for (x, y, _), inverse in zip(points, inverses, strict=True):
            square = inverse * inverse % p
            found.append((x * square % p, y * square * inverse % p))
        return found

    def _add_pairs(self, pairs: Sequence[tuple[Point, Point]]) -> list[Point]:
        """The affine sums of many pairs of different points."""
        if not pairs:
            return []
        p = self._p
        inverses = self._inverses([other[0] - one[0] for one, other in pairs])
        found = []
        for ((x1, y1), (x2, y2)), inverse in zip(pairs, inverses, strict=True):
            slope = (y2 - y1) * inverse % p
            x3 = (slope * slope - x1 - x2) % p
            found.append((x3, (slope * (x1 - x3) - y1) % p))
        return found
