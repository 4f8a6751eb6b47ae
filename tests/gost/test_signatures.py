"""GOST 34.10-2015 and 34.310-2004: published answers, other implementations, and refusals."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import gost
from eds.errors import InvalidKey, MalformedPublicKey
from eds.gost import (
    CRYPTOPRO_A,
    PURE,
    TC26_256_A,
    TC26_512_A,
    Accelerators,
    Curve,
    SigningKey,
    VerifyingKey,
    acceleration,
    accelerators,
)
from eds.gost.acceleration import (
    CURVE_CHECKS,
    check_points,
    gmpy2_number,
    libcrypto_group,
)
from eds.gost.curves import CURVES, Point
from eds.gost.points import add, multiply
from eds.gost.signatures import signature
from tests.gost.others import gostcrypto, swapped
from tests.material import DATA, needs_data

BACK_ENDS = {
    "pure": PURE,
    "gmpy2": Accelerators(number=gmpy2_number),
    "libcrypto": Accelerators(group=libcrypto_group),
    "system": accelerators(),
}
by_curve = pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
by_back_end = pytest.mark.parametrize("using", BACK_ENDS.values(), ids=BACK_ENDS)

# --- published answers ----------------------------------------------------------------------------

RFC_7091_1 = Curve(
    name="RFC 7091 §7.1",
    p=0x8000000000000000000000000000000000000000000000000000000000000431,
    a=7,
    b=0x5FBFF498AA938CE739B8E022FBAFEF40563F6E6A3472FC2A514C0CE9DAE23B7E,
    q=0x8000000000000000000000000000000150FE8A1892976154C59CFC193ACCF5B3,
    x=2,
    y=0x08E2A8A0E65147D4BD6316030E16D19C85C97F0A9CA267122B96ABBCEA7E8FC8,
)
RFC_7091_2 = Curve(
    name="RFC 7091 §7.2",
    p=0x4531ACD1FE0023C7550D267B6B2FEE80922B14B2FFB90F04D4EB7C09B5D2D15DF1D852741AF4704A0458047E80E4546D35B8336FAC224DD81664BBF528BE6373,
    a=7,
    b=0x1CFF0806A31116DA29D8CFA54E57EB748BC5F377E49400FDD788B649ECA1AC4361834013B2AD7322480A89CA58E0CF74BC9E540C2ADD6897FAD0A3084F302ADC,
    q=0x4531ACD1FE0023C7550D267B6B2FEE80922B14B2FFB90F04D4EB7C09B5D2D15DA82F2D7ECB1DBAC719905C5EECC423F1D86E25EDBE23C595D644AAF187E6E6DF,
    x=0x24D19CC64572EE30F396BF6EBBFD7A6C5213B3B3D7057CC825F91093A68CD762FD60611262CD838DC6B60AA7EEE804E28BC849977FAC33B4B530F1B120248A9A,
    y=0x2BB312A43BD2CE6E0D020613C857ACDDCFBF061E91E5F2C3F32447C259F39B2C83AB156D77F1496BF7EB3351E1EE4E43DC1A18B91B24640B6DBB92CB1ADD371E,
)


@dataclass(frozen=True, kw_only=True)
class Example:
    d: int
    qx: int
    qy: int
    e: int
    k: int
    r: int
    s: int


EXAMPLES = [
    (
        RFC_7091_1,
        Example(
            d=0x7A929ADE789BB9BE10ED359DD39A72C11B60961F49397EEE1D19CE9891EC3B28,
            qx=0x7F2B49E270DB6D90D8595BEC458B50C58585BA1D4E9B788F6689DBD8E56FD80B,
            qy=0x26F1B489D6701DD185C8413A977B3CBBAF64D1C593D26627DFFB101A87FF77DA,
            e=0x2DFBC1B372D89A1188C09C52E0EEC61FCE52032AB1022E8E67ECE6672B043EE5,
            k=0x77105C9B20BCD3122823C8CF6FCC7B956DE33814E95B7FE64FED924594DCEAB3,
            r=0x41AA28D2F1AB148280CD9ED56FEDA41974053554A42767B83AD043FD39DC0493,
            s=0x01456C64BA4642A1653C235A98A60249BCD6D3F746B631DF928014F6C5BF9C40,
        ),
    ),
    (
        RFC_7091_2,
        Example(
            d=0x0BA6048AADAE241BA40936D47756D7C93091A0E8514669700EE7508E508B102072E8123B2200A0563322DAD2827E2714A2636B7BFD18AADFC62967821FA18DD4,
            qx=0x115DC5BC96760C7B48598D8AB9E740D4C4A85A65BE33C1815B5C320C854621DD5A515856D13314AF69BC5B924C8B4DDFF75C45415C1D9DD9DD33612CD530EFE1,
            qy=0x37C7C90CD40B0F5621DC3AC1B751CFA0E2634FA0503B3D52639F5D7FB72AFD61EA199441D943FFE7F0C70A2759A3CDB84C114E1F9339FDF27F35ECA93677BEEC,
            e=0x3754F3CFACC9E0615C4F4A7C4D8DAB531B09B6F9C170C533A71D147035B0C5917184EE536593F4414339976C647C5D5A407ADEDB1D560C4FC6777D2972075B8C,
            k=0x0359E7F4B1410FEACC570456C6801496946312120B39D019D455986E364F365886748ED7A44B3E794434006011842286212273A6D14CF70EA3AF71BB1AE679F1,
            r=0x2F86FA60A081091A23DD795E1E3C689EE512A3C82EE0DCC2643C78EEA8FCACD35492558486B20F1C9EC197C90699850260C93BCBCD9C5C3317E19344E173AE36,
            s=0x1081B394696FFE8E6585E7A9362D26B6325F56778AADBC081C0BFBE933D52FF5823CE288E8C4F362526080DF7F70CE406A6EEB1F56919CB92A9853BDE73E5B4A,
        ),
    ),
]


@pytest.mark.parametrize(("curve", "example"), EXAMPLES, ids=["256", "512"])
def test_the_examples_of_the_standard(curve: Curve, example: Example) -> None:
    public = SigningKey(curve, example.d).public(using=PURE)
    assert public.point == (example.qx, example.qy)
    r, s = example.r, example.s
    assert signature(curve, example.d, example.e, example.k, using=PURE) == (r, s)
    assert public.verify_numbers(example.e, r, s, using=PURE)
    assert not public.verify_numbers(example.e + 1, r, s, using=PURE)


@needs_data
def test_the_vectors_of_the_nca_verify() -> None:
    vectors = json.loads((DATA / "kz" / "vectors" / "gost-kat.json").read_text())
    checked = 0
    for row in vectors:
        if "signature_hex" not in row:
            continue
        curve = TC26_512_A if row["digest"] == "streebog-512" else CRYPTOPRO_A
        point = int(row["issuer_x_hex"], 16), int(row["issuer_y_hex"], 16)
        digest, value = (bytes.fromhex(row[name]) for name in ("tbs_digest_hex", "signature_hex"))
        for using in BACK_ENDS.values():
            assert VerifyingKey(curve, point).verify(digest, value, using=using)
            assert not VerifyingKey(curve, point).verify(digest[::-1], value, using=using)
        checked += 1
    assert checked == 9


@needs_data
def test_what_is_signed_with_a_published_key_verifies_with_its_public_half() -> None:
    path = DATA / "kz" / "vectors" / "ncalayer-rs-test_gost512.vectors"
    row = dict(line.split("=", 1) for line in path.read_text().split("\n") if "=" in line)
    key = SigningKey(TC26_512_A, int(row["d"], 16))
    assert key.public().point == (int(row["qx"], 16), int(row["qy"], 16))
    digest = gost.digest("streebog512", row["msg"].encode())
    assert digest.hex() == row["digest"]
    assert key.public().verify(digest, bytes.fromhex(row["sig"]))
    assert key.public().verify(digest, key.sign(digest, entropy=b""))


# --- another implementation -----------------------------------------------------------------------


@by_curve
def test_gostcrypto_verifies_what_is_signed_here_and_the_other_way_round(curve: Curve) -> None:
    key = SigningKey(curve, 0xC0FFEE << 200)
    public = swapped(key.public().octets, curve.size)
    digest = bytes(range(curve.size))
    other = gostcrypto(curve)
    made = swapped(key.sign(digest, entropy=b""), curve.size)
    assert other.verify(public, bytearray(digest[::-1]), made)
    made[5] ^= 1
    assert not other.verify(public, bytearray(digest[::-1]), made)
    secret = bytearray(key.number.to_bytes(curve.size, "big"))
    made = other.sign(secret, bytearray(digest[::-1]))
    assert key.public().verify(digest, bytes(swapped(bytes(made), curve.size)))


def test_gostcrypto_has_the_same_curves() -> None:
    gostsignature = pytest.importorskip("gostcrypto.gostsignature")
    known = gostsignature.CURVES_R_1323565_1_024_2019
    for curve, name in (
        (TC26_512_A, "id-tc26-gost-3410-12-512-paramSetA"),
        (CRYPTOPRO_A, "id-tc26-gost-3410-2012-256-paramSetB"),
        (TC26_256_A, "id-tc26-gost-3410-2012-256-paramSetA"),
    ):
        row = known[name]
        assert (row["p"], row["q"]) == (curve.p, curve.q)
        if "x" in row:
            assert (row["a"], row["b"], row["x"], row["y"]) == (
                *(curve.a, curve.b),
                *curve.generator,
            )
        else:  # the twisted Edwards form (RFC 7836 §5.2)
            e, d, p = row["e"], row["d"], row["p"]
            s, t = (e - d) * pow(4, -1, p) % p, (e + d) * pow(6, -1, p) % p
            x = (s * (1 + row["v"]) * pow(1 - row["v"], -1, p) + t) % p
            assert x == curve.x
            assert (s * s - 3 * t * t) % p == curve.a
            assert (2 * t**3 - t * s * s) % p == curve.b


# --- every back end -------------------------------------------------------------------------------


@by_curve
def test_the_generator_has_the_order_of_the_curve(curve: Curve) -> None:
    assert curve.contains(curve.generator)
    assert multiply(curve, curve.q, curve.generator) is None


@by_curve
def test_complete_arithmetic_gives_the_points_that_libraries_are_held_against(curve: Curve) -> None:
    class Complete:
        def joint(self, own: int, other: int, point: Point) -> Point | None:
            return add(curve, multiply(curve, own, curve.generator), multiply(curve, other, point))

        def own_multiple(self, secret: int) -> Point:
            found = multiply(curve, secret, curve.generator)
            assert found
            return found

    assert check_points(curve, Complete()) == CURVE_CHECKS[curve.name]


@by_curve
@by_back_end
def test_every_back_end_is_the_one_it_says(curve: Curve, using: Accelerators) -> None:
    assert check_points(curve, using.multiples(curve)) == CURVE_CHECKS[curve.name]
    assert check_points(curve, using.arithmetic(curve)) == CURVE_CHECKS[curve.name]


def edge(curve: Curve) -> st.SearchStrategy[int]:
    near = st.integers(1, 40)
    return st.one_of(
        st.integers(1, curve.q - 1),
        near,
        near.map(lambda n: curve.q - n),
        st.integers(0, curve.q.bit_length() - 2).map(lambda n: 1 << n),
    )


@by_curve
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_back_ends_agree_also_where_points_meet(curve: Curve, data: st.DataObject) -> None:
    own, other, secret = (data.draw(edge(curve)) for _ in range(3))
    total = (own + other * secret) % curve.q
    pure = PURE.arithmetic(curve)
    point = pure.own_multiple(secret)
    expected = pure.own_multiple(total) if total else None
    for using in BACK_ENDS.values():
        arithmetic = using.arithmetic(curve)
        assert using.multiples(curve).own_multiple(secret) == point
        assert using.multiples(curve).joint(own, other, point) == expected
        assert arithmetic.joint(own, other, point) == expected
        comb = arithmetic.comb(point)
        assert arithmetic.joint_combed(own, other, comb, point) == expected


@by_curve
def test_small_multiples_are_what_adding_gives(curve: Curve) -> None:
    point: Point | None = None
    for scalar in range(1, 20):
        point = add(curve, point, curve.generator)
        for using in BACK_ENDS.values():
            assert using.multiples(curve).own_multiple(scalar) == point
    assert add(curve, curve.generator, (curve.x, curve.p - curve.y)) is None


@by_curve
@by_back_end
def test_each_back_end_verifies_what_each_signs(curve: Curve, using: Accelerators) -> None:
    key = SigningKey.generate(curve)
    digest = bytes(range(100, 100 + curve.size))
    value = key.sign(digest, entropy=b"e" * 32, using=using)
    assert value == key.sign(digest, entropy=b"e" * 32, using=PURE)
    wrong = bytes(curve.size - 1) + b"\1"
    fresh = VerifyingKey(curve, key.public().point)
    for _ in range(6):  # with the comb at last
        assert fresh.verify(digest, value, using=using)
        assert not fresh.verify(wrong, value, using=using)


# --- what is no signature, and no key -------------------------------------------------------------


@by_curve
@by_back_end
def test_values_out_of_range_are_no_signatures(curve: Curve, using: Accelerators) -> None:
    key = SigningKey(curve, 12345)
    public, size, q = key.public(), curve.size, curve.q
    digest = b"\x07" * size
    value = key.sign(digest, entropy=b"")
    r, s = value[:size], value[size:]
    number = int.from_bytes(s, "little")

    def half(value: int) -> bytes:
        return value.to_bytes(size, "little")

    assert public.verify(digest, value, using=using)
    refused = [
        b"", value[:-1], value + b"\0", bytes(2 * size), b"\xff" * 2 * size, r + bytes(size),
        bytes(size) + s, r + half(q), half(q) + s, r + half(q - number), s + r,
        value[::-1], r[::-1] + s[::-1],
    ]  # fmt: skip
    if number + q < 1 << 8 * size:
        refused.append(r + half(number + q))
    for one in refused:
        assert not public.verify(digest, one, using=using)
    assert not public.verify(digest + b"\1", value, using=using)


def test_a_digest_of_zero_counts_as_one() -> None:
    for curve in CURVES:
        key = SigningKey(curve, 99)
        zero, one = bytes(curve.size), b"\1" + bytes(curve.size - 1)
        value = key.sign(zero, entropy=b"")
        assert key.public().verify(zero, value)
        assert key.public().verify(one, value)
        assert key.public().verify(curve.q.to_bytes(curve.size, "little"), value)


@by_curve
def test_points_off_the_curve_are_no_keys(curve: Curve) -> None:
    x, y = curve.generator
    for point in (
        (x, y + 1), (x + 1, y), (0, 0), (y, x), (x + curve.p, y), (x, y + curve.p), (-x, y),
    ):  # fmt: skip
        with pytest.raises(MalformedPublicKey):
            VerifyingKey(curve, point)
    for octets in (b"", bytes(curve.size), bytes(2 * curve.size), bytes(4 * curve.size)):
        with pytest.raises(MalformedPublicKey):
            VerifyingKey.of_octets(curve, octets)


def test_points_of_small_order_are_no_keys() -> None:
    curve = TC26_256_A
    # Twice the point is the opposite of twice itself where y is zero: x³ + ax + b = 0.
    p, t = curve.p, curve.x
    other = 0
    while other < 40:  # some multiple of q of any point of the whole curve has a small order
        t += 1
        square = (t * t * t + curve.a * t + curve.b) % p
        if pow(square, (p - 1) // 2, p) != 1:
            continue
        root = pow(square, (p + 1) // 4, p) if p % 4 == 3 else None
        if root is None:
            break
        other += 1
        point = multiply(curve, curve.q, (t, root))
        if point is not None:
            with pytest.raises(MalformedPublicKey):
                VerifyingKey(curve, point)
            with pytest.raises(MalformedPublicKey):
                VerifyingKey(curve, (t, root))
            return
    pytest.fail("found no such point")


@by_curve
def test_numbers_out_of_range_are_no_private_keys(curve: Curve) -> None:
    for number in (0, -1, curve.q, curve.q + 1, 1 << 512):
        with pytest.raises(InvalidKey):
            SigningKey(curve, number)


def test_a_private_key_shows_nothing_and_is_not_pickled() -> None:
    key = SigningKey(CRYPTOPRO_A, 0x1234567890ABCDEF)
    assert "1234" not in repr(key).lower()
    assert str(0x1234567890ABCDEF) not in repr(key)
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            act(key)


def test_the_nonce_follows_from_key_digest_and_entropy() -> None:
    key, other = SigningKey(CRYPTOPRO_A, 5), SigningKey(CRYPTOPRO_A, 6)
    made = {
        one.sign(digest, entropy=entropy)[:32]
        for one in (key, other)
        for digest in (b"a" * 32, b"b" * 32)
        for entropy in (b"", b"x")
    }
    assert len(made) == 8  # r is the nonce's own point: never the same twice
    assert key.sign(b"a" * 32, entropy=b"x") == key.sign(b"a" * 32, entropy=b"x")


# --- a library that errs --------------------------------------------------------------------------


def test_a_library_that_errs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        acceleration, "CURVE_CHECKS", {**CURVE_CHECKS, TC26_512_A.name: "another answer"}
    )
    assert libcrypto_group.__wrapped__(TC26_512_A) is None
    wrong = {"streebog512": lambda: gost.new("streebog256", using=PURE)}
    right = {"streebog256": lambda: gost.new("streebog256", using=PURE)}
    assert set(acceleration._agreeing({**wrong, **right})) == {"streebog256"}
    if gmpy2_number() is not int:
        broken = acceleration._arithmetic.__wrapped__(TC26_512_A, gmpy2_number())
        assert broken is acceleration._arithmetic(TC26_512_A, int)


def test_what_is_in_use_can_be_seen_and_switched_off() -> None:
    assert PURE.describe() == ()
    for name in accelerators().describe():
        assert name in ("libcrypto", "gmpy2") or " by " in name
    assert accelerators() is accelerators()


def test_threads_share_keys_and_libraries() -> None:
    keys = [SigningKey(curve, 77) for curve in CURVES]
    digests = {key: gost.digest("streebog512", b"m")[: key.curve.size] for key in keys}

    def work(number: int) -> bool:
        message = bytes((number,))
        return all(
            VerifyingKey.of_octets(key.curve, key.public().octets).verify(
                digest, key.sign(digest, entropy=message)
            )
            and gost.digest("gost34311", message) == gost.digest("gost34311", message, using=PURE)
            for key, digest in digests.items()
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(24)))
