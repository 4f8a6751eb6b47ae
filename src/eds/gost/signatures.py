"""Signatures of GOST 34.10-2015 and 34.310-2004 (RFC 7091), as Kazakhstan writes them.

Everything is little-endian: the digest as a number, the coordinates of a key, and the two halves
of a signature, r before s. The Russian form is the same octets in reverse.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from functools import lru_cache
from secrets import randbelow
from typing import Final

from eds.errors import InvalidKey, MalformedPublicKey
from eds.gost.acceleration import Accelerators, accelerators
from eds.gost.curves import Curve, Point
from eds.gost.points import Arithmetic, Comb, MultiplicationFailed, multiply

# A key seen so often gets a comb, whose making costs about as much as four verifications.
_OFTEN: Final = 3


class VerifyingKey:
    """A public key: a point of `curve`, of its order. Threads may share it.

    Raises MalformedPublicKey where the point is not on the curve, or of another order.
    """

    __slots__ = ("_comb", "_seen", "curve", "point")

    def __init__(self, curve: Curve, point: Point) -> None:
        if not curve.contains(point):
            raise MalformedPublicKey(reason="a point that is not on its curve")
        if curve.cofactor != 1 and multiply(curve, curve.q, point) is not None:
            raise MalformedPublicKey(reason="a point of another order")
        self.curve = curve
        self.point = point
        self._seen = 0
        self._comb: tuple[Arithmetic, Comb] | None = None

    @classmethod
    def of_octets(cls, curve: Curve, octets: bytes) -> VerifyingKey:
        """The key of x and y, little-endian. The last keys asked for are kept with their combs.

        Raises MalformedPublicKey.
        """
        return _verifying_key(curve, octets)

    @property
    def octets(self) -> bytes:
        """The coordinates x and y, little-endian."""
        return b"".join(number.to_bytes(self.curve.size, "little") for number in self.point)

    def verify(self, digest: bytes, signature: bytes, *, using: Accelerators | None = None) -> bool:
        """Whether `signature`, r and s, is one of this key over a message with that digest.

        `using` defaults to what the system has. A signature of another length is none.
        """
        size = self.curve.size
        if len(signature) != 2 * size:
            return False
        r, s = (int.from_bytes(half, "little") for half in (signature[:size], signature[size:]))
        return self.verify_numbers(int.from_bytes(digest, "little"), r, s, using=using)

    def verify_numbers(self, e: int, r: int, s: int, *, using: Accelerators | None = None) -> bool:
        """The same with numbers, whichever order their octets have (RFC 7091 §6.2)."""
        q = self.curve.q
        if not (0 < r < q and 0 < s < q):
            return False
        inverse = pow(e % q or 1, -1, q)
        point = self._joint(s * inverse % q, -r * inverse % q, using or accelerators())
        return point is not None and point[0] % q == r

    def _joint(self, own: int, other: int, using: Accelerators) -> Point | None:
        curve = self.curve
        self._seen += 1
        if self._seen > _OFTEN and using.combs_pay(curve):
            arithmetic = using.arithmetic(curve)
            if self._comb is None or self._comb[0] is not arithmetic:
                self._comb = arithmetic, arithmetic.comb(self.point)
            return arithmetic.joint_combed(own, other, self._comb[1], self.point)
        try:
            return using.multiples(curve).joint(own, other, self.point)
        except MultiplicationFailed:
            return using.arithmetic(curve).joint(own, other, self.point)


@lru_cache(maxsize=32)  # a comb takes 0.4 MB
def _verifying_key(curve: Curve, octets: bytes) -> VerifyingKey:
    size = curve.size
    if len(octets) != 2 * size:
        raise MalformedPublicKey(reason=f"not {2 * size} octets")
    x, y = (int.from_bytes(half, "little") for half in (octets[:size], octets[size:]))
    return VerifyingKey(curve, (x, y))


class SigningKey:
    """A private key: the number `d` of its point. Its repr shows nothing; it does not pickle.

    Python cannot reckon in constant time: how long an operation takes depends a little on the
    numbers in it. So the scalar is blinded by a random multiple of q, the coordinates by a random
    factor, and d by a random factor; where the system has libcrypto, its ladder for secrets does
    the multiplication. Who can measure closely and often on the same machine should meet a key
    in a token instead.

    Raises InvalidKey unless 0 < d < q.
    """

    __slots__ = ("_d", "_public", "curve")

    def __init__(self, curve: Curve, d: int) -> None:
        if not 0 < d < curve.q:
            raise InvalidKey(reason="a private number outside 1 … q - 1")
        self.curve = curve
        self._d = d
        self._public: VerifyingKey | None = None

    @classmethod
    def generate(cls, curve: Curve) -> SigningKey:
        """A new key."""
        return cls(curve, randbelow(curve.q - 1) + 1)

    @property
    def number(self) -> int:
        """The number d itself, for whoever writes the key down."""
        return self._d

    def public(self, *, using: Accelerators | None = None) -> VerifyingKey:
        """The public half."""
        if self._public is None:
            point = _own_multiple(self.curve, self._d, using or accelerators())
            self._public = VerifyingKey(self.curve, point)
        return self._public

    def sign(self, digest: bytes, *, entropy: bytes, using: Accelerators | None = None) -> bytes:
        """The halves r and s over a message with that digest, little-endian.

        The nonce follows from key, digest and `entropy` (RFC 6979 §3.6): it stays secret and
        unlike any other whether or not `entropy` is good; with fresh random octets a fault
        that is forced twice gives nothing away.
        """
        using = using or accelerators()
        e = int.from_bytes(digest, "little")
        for k in _nonces(self.curve, self._d, digest, entropy):
            pair = signature(self.curve, self._d, e, k, using=using)
            if pair is not None:
                return b"".join(half.to_bytes(self.curve.size, "little") for half in pair)
        raise AssertionError("the generator ended")

    def __repr__(self) -> str:
        return f"<private key on {self.curve.name}>"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled")


def signature(
    curve: Curve, d: int, e: int, k: int, *, using: Accelerators | None = None
) -> tuple[int, int] | None:
    """(r, s) for the nonce `k`, 0 < k < q (RFC 7091 §6.1); None where another one is wanted."""
    q = curve.q
    r = _own_multiple(curve, k, using or accelerators())[0] % q
    # rd + ke, with a random factor while the secrets are multiplied by what everybody knows.
    blind = randbelow(q - 1) + 1
    s = (blind * d % q * r + blind * k % q * (e % q or 1)) * pow(blind, -1, q) % q
    return (r, s) if r and s else None


def _own_multiple(curve: Curve, secret: int, using: Accelerators) -> Point:
    try:
        return using.multiples(curve).own_multiple(secret)
    except MultiplicationFailed:
        return using.arithmetic(curve).own_multiple(secret)


def _nonces(curve: Curve, d: int, digest: bytes, entropy: bytes) -> Iterator[int]:
    """The generator of RFC 6979 §3.2 with HMAC-SHA-512, and additional input (§3.6)."""
    size = curve.size
    shift = 8 * size - curve.q.bit_length()
    seed = d.to_bytes(size, "big") + digest + entropy
    key, value = bytes(64), b"\x01" * 64
    for octet in (b"\x00", b"\x01"):
        key = hmac.digest(key, value + octet + seed, "sha512")
        value = hmac.digest(key, value, "sha512")
    while True:
        value = hmac.digest(key, value, "sha512")
        k = int.from_bytes(value[:size], "big") >> shift
        if 0 < k < curve.q:
            yield k
        key = hmac.digest(key, value + b"\x00", "sha512")
        value = hmac.digest(key, value, "sha512")
