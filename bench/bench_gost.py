"""GOST signatures and digests beside the naive way, another implementation, and the accelerators.

A ratio says how many times as fast. What a system lacks has no row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from unittest.mock import patch

from bench.bench_validate import detached, pyhanko, signer_with
from bench.report import Row, interleave
from eds import der, gost
from eds.algorithms import GOST_2015_512, STREEBOG512
from eds.ca.tsa import ClockReading, TimeStampingAuthority, TimeStampRules
from eds.gost import CRYPTOPRO_A, PURE, TC26_512_A, Accelerators, Curve, SigningKey, VerifyingKey
from eds.gost.acceleration import (
    gmpy2_number,
    libcrypto_group,
    libgcrypt_digests,
    nettle_digests,
)
from eds.gost.curves import Point
from eds.gost.points import add, multiply
from eds.signeddata import SignedData
from eds.timestamps import TimeStampResponse
from eds.verify.attributes import SIGNATURE_TIME_STAMP
from eds.verify.indications import Indication
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.ca.hierarchy import NOON

GMPY2 = Accelerators(number=gmpy2_number)
LIBCRYPTO = Accelerators(group=libcrypto_group)
WANTED = 50.0  # MB/s
DIGEST = bytes(range(64))


# --- the naive ways -------------------------------------------------------------------------------


def naive_verify(curve: Curve, point: Point, digest: bytes, value: bytes) -> bool:
    """Affine, one bit after the other."""
    size, q = curve.size, curve.q
    r, s = (int.from_bytes(half, "little") for half in (value[:size], value[size:]))
    inverse = pow(int.from_bytes(digest, "little") % q or 1, -1, q)
    own = multiply(curve, s * inverse % q, curve.generator)
    found = add(curve, own, multiply(curve, -r * inverse % q, point))
    return found is not None and found[0] % q == r


S_BOX = (
    "4A92D80E6B1C7F53", "EB4C6DFA23810759", "581DA342EFC7609B", "7DA1089FE46CB253",
    "6C715FD84A9E03B2", "4BA0721D36859CFE", "DB413F590AE7682C", "1FD057A4923E6B8C",
)  # fmt: skip
ROWS = [[int(digit, 16) for digit in row] for row in S_BOX]
C3 = bytes.fromhex("ff00ffff000000ffff0000ff00ffff0000ff00ff00ff00ffff00ff00ff00ff00")[::-1]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _encrypt(key: bytes, block: bytes) -> bytes:
    words = [int.from_bytes(key[at : at + 4], "little") for at in range(0, 32, 4)]
    low, high = (int.from_bytes(half, "little") for half in (block[:4], block[4:]))
    for word in words * 3 + words[::-1]:
        total, found = (low + word) & 0xFFFFFFFF, 0
        for place in range(8):
            found |= ROWS[place][total >> 4 * place & 15] << 4 * place
        low, high = high ^ ((found << 11 | found >> 21) & 0xFFFFFFFF), low
    return high.to_bytes(4, "little") + low.to_bytes(4, "little")


def _psi(value: bytes, times: int) -> bytes:
    for _ in range(times):
        tail = bytes(2)
        for tap in (0, 1, 2, 3, 12, 15):
            tail = _xor(tail, value[2 * tap : 2 * tap + 2])
        value = value[2:] + tail
    return value


def _a(y: bytes) -> bytes:
    return y[8:] + _xor(y[:8], y[8:16])


def _step(h: bytes, block: bytes) -> bytes:
    u, v, s = h, block, b""
    for number in range(4):
        if number:
            u = _xor(_a(u), C3) if number == 2 else _a(u)
            v = _a(_a(v))
        w = _xor(u, v)
        key = bytes(w[8 * (at % 4) + at // 4] for at in range(32))
        s += _encrypt(key, h[8 * number : 8 * number + 8])
    return _psi(_xor(h, _psi(_xor(block, _psi(s, 12)), 1)), 61)


def naive_gost34311(message: bytes) -> bytes:
    """By the letter of RFC 5831."""
    h, total = bytes(32), 0
    padded = message + bytes(-len(message) % 32)
    for at in range(0, len(padded), 32):
        h = _step(h, padded[at : at + 32])
        total += int.from_bytes(padded[at : at + 32], "little")
    h = _step(h, (8 * len(message)).to_bytes(32, "little"))
    return _step(h, (total % (1 << 256)).to_bytes(32, "little"))


# --- figures --------------------------------------------------------------------------------------


def run() -> Iterator[Row]:
    """The figures."""
    yield from _verify()
    yield from _sign()
    yield from _digests()
    yield from _documents()


def verifier(key: VerifyingKey, value: bytes, using: Accelerators) -> Callable[[], None]:
    """With a key never seen before, each time."""
    digest = DIGEST[: key.curve.size]

    def verify() -> None:
        if not VerifyingKey(key.curve, key.point).verify(digest, value, using=using):
            raise AssertionError

    return verify


def _times(name: str, ours: float, floor: float, goal: float | None = None) -> Row:
    """How many times as fast as the floor."""
    return Row(name=name, ours=1 / ours, floor=1 / floor, unit="/s", goal=goal, better="higher")


def _verify() -> Iterator[Row]:
    for curve, bits in ((TC26_512_A, 512), (CRYPTOPRO_A, 256)):
        key = SigningKey.generate(curve)
        public, digest = key.public(), DIGEST[: curve.size]
        value = key.sign(digest, entropy=b"")
        ways = {
            "new key": verifier(public, value, PURE),
            "known key": known_verifier(public, value, PURE),
        }
        if gmpy2_number() is not int:
            ways["new key, gmpy2"] = verifier(public, value, GMPY2)
            ways["known key, gmpy2"] = known_verifier(public, value, GMPY2)
        if LIBCRYPTO.group(curve) is not None:
            ways["new key, libcrypto"] = verifier(public, value, LIBCRYPTO)
        naive = partial(naive_verify, curve, public.point, digest, value)
        theirs = _gostcrypto(curve, public, digest, value)
        *taken, floor, other = interleave(*ways.values(), naive, theirs, rounds=7)
        found = dict(zip(ways, taken, strict=True))
        goals = {"new key": 30, "new key, gmpy2": 40} if bits == 512 else {}
        for name, ours in found.items():
            title = f"GOST verify {bits}, {name}"
            yield _times(f"{title}: affine", ours, floor, 10 if bits == 512 else None)
            yield _times(f"{title}: gostcrypto", ours, other, goals.get(name))


def known_verifier(key: VerifyingKey, value: bytes, using: Accelerators) -> Callable[[], object]:
    """With a key that has its comb."""
    kept = VerifyingKey(key.curve, key.point)
    verify = partial(kept.verify, DIGEST[: key.curve.size], value, using=using)
    for _ in range(5):
        verify()
    return verify


def _gostcrypto(
    curve: Curve, key: VerifyingKey, digest: bytes, value: bytes
) -> Callable[[], object]:
    from tests.gost.others import gostcrypto, swapped

    other, size = gostcrypto(curve), curve.size
    point, made = swapped(key.octets, size), swapped(value, size)

    def verify() -> None:
        if not other.verify(point, bytearray(digest[::-1]), made):
            raise AssertionError

    return verify


def _sign() -> Iterator[Row]:
    key = SigningKey.generate(TC26_512_A)
    pure, native = (
        partial(key.sign, DIGEST, entropy=b"e" * 32, using=using) for using in (PURE, LIBCRYPTO)
    )
    affine = partial(multiply, TC26_512_A, TC26_512_A.q - 2, TC26_512_A.generator)
    ours, ladder, floor = interleave(pure, native, affine, rounds=7)
    yield _times("GOST sign 512: one affine multiple", ours, floor, 10)
    if LIBCRYPTO.group(TC26_512_A) is not None:
        yield _times("GOST sign 512, libcrypto: one affine multiple", ladder, floor)


def _digests() -> Iterator[Row]:
    import gostcrypto

    message = bytes(range(256)) * 32
    if naive_gost34311(message) != gost.digest("gost34311", message, using=PURE):
        raise AssertionError

    def theirs() -> None:
        gostcrypto.gosthash.new("streebog512", data=bytearray(message)).digest()

    for name, other, said in (
        ("streebog512", theirs, "gostcrypto"),
        ("gost34311", partial(naive_gost34311, message), "naive"),
    ):
        ours, floor = interleave(partial(gost.digest, name, message, using=PURE), other, rounds=7)
        yield _times(f"GOST digest {name}: {said}", ours, floor, 2.5)
    for library, makers in (("libgcrypt", libgcrypt_digests()), ("nettle", nettle_digests())):
        for name in sorted(makers):
            using = Accelerators(digest=makers.get)
            yield Row(
                name=f"GOST digest {name}, {library}: MB a processor second",
                ours=_rate(partial(gost.digest, name, using=using), 1 << 20),
                floor=WANTED,
                unit="MB/s",
                goal=1,
                better="higher",
            )


def _rate(digest: Callable[[bytes], bytes], size: int) -> float:
    message = bytes(size)
    digest(message)
    begin, done = time.process_time(), 0
    while time.process_time() - begin < 0.5:
        digest(message)
        done += size
    return done / (time.process_time() - begin) / 1e6


def _documents() -> Iterator[Row]:
    """CAdES-T, signer and time-stamp of the 512-bit generation, judged whole by the validator."""
    from eds.sign.attributes import attribute
    from eds.sign.cms import CmsSigner, rebuilt, sign_detached, with_unsigned_attributes
    from tests.ca.test_gost import issuing, new_signer, root

    top = root(GOST_2015_512)
    ca, stamping = issuing(top), issuing(top, "time-stamping-ca")
    person, unit = new_signer(GOST_2015_512), new_signer(GOST_2015_512)
    certificate = ca.sign("natural-person-signature", person.public_key, shard=0)
    tsa = TimeStampingAuthority(
        certificate=stamping.sign("tsa", unit.public_key), signer=unit, node=5,
        rules=TimeStampRules(policy="1.2.398.3.3.2.6.4"), chain=(stamping.certificate,),
    )  # fmt: skip
    by = CmsSigner(person, certificates=[certificate, ca.certificate], at=NOON)
    clock = ClockReading(at=NOON, uncertainty=timedelta(milliseconds=1))
    trust = TrustStore([TrustAnchor(certificate=top.certificate)])
    for size, said in ((1_000, "1 kB"), (10_000_000, "10 MB")):
        content = bytes(size)
        signed = SignedData(sign_detached(content, by=by))
        (info,) = signed.signer_infos
        imprint = der.sequence(
            STREEBOG512.identifier, der.octet_string(STREEBOG512.digest(info.signature))
        )
        asked = der.sequence(der.integer(1), imprint, b"\x01\x01\xff")  # certReq
        token = TimeStampResponse(tsa.respond(asked, clock=clock).encoded).token
        if token is None:
            raise AssertionError
        stamp = attribute(SIGNATURE_TIME_STAMP, token.encoded)
        stamped = rebuilt(signed, signer_infos=[with_unsigned_attributes(info, stamp)])

        def judge(content: bytes = content, stamped: bytes = stamped) -> None:
            found = validate(content, signature=stamped, trust=trust, at=NOON)
            if found.indication is Indication.TOTAL_FAILED:
                raise AssertionError

        def judge_pure(judge: Callable[[], None] = judge) -> None:
            with _pure():
                judge()

        if size > 1_000_000:
            judge()
            times = []
            for call in (judge, judge_pure):
                begin = time.process_time()
                call()
                times.append(time.process_time() - begin)
            ours, floor = times
        else:
            rsa = detached(signer_with("RSA-2048"))
            ours, floor, theirs = interleave(judge, judge_pure, pyhanko(rsa), rounds=7)
            yield _times("GOST CAdES-T of 1 kB: pyHanko's RSA-2048 CMS of 1 kB", ours, theirs)
        yield _times(f"GOST CAdES-T of {said}: without accelerators", ours, floor)


@contextmanager
def _pure() -> Iterator[None]:
    """No accelerators, also where nobody names them."""
    with ExitStack() as stack:
        for module in ("digests", "signatures"):
            stack.enter_context(patch(f"eds.gost.{module}.accelerators", lambda: PURE))
        yield
