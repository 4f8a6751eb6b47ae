"""Explicit curve parameters of passport certificates, mapped to the named curve they spell out.

ICAO Doc 9303-12 has countries write the parameters of their curve out. Everywhere else in this
library such keys are refused, and they stay refused: a curve chosen by whoever made the key is no
curve. Here a key is taken only where the *whole* set, prime, coefficients, generator, order and
cofactor, is that of one named curve; less is the hole of CVE-2020-0601, where a generator of the
attacker's own went unnoticed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ... import algorithms, der
from ...algorithms import EC_PUBLIC_KEY, Curve
from ...errors import DecodeError, MalformedPublicKey, UnknownAlgorithm
from ...publickeys import PublicKey

_PRIME_FIELD: Final = "1.2.840.10045.1.1"
_FOREIGN: Final = "explicit curve parameters of no named curve"


class Domain(NamedTuple):
    """Everything that makes a curve what it is; the cofactor of each of these is 1."""

    prime: int
    a: int
    b: int
    generator: tuple[int, int]
    order: int


class _Row(NamedTuple):
    curve: Curve
    domain: Domain
    seed: bytes | None


def _domain(
    curve: Curve, prime: str, a: str, b: str, generator: str, order: str, *, seed: str = ""
) -> _Row:
    half = len(generator) // 2
    point = int(generator[:half], 16), int(generator[half:], 16)
    domain = Domain(int(prime, 16), int(a, 16), int(b, 16), point, int(order, 16))
    return _Row(curve, domain, bytes.fromhex(seed) or None)


# FIPS 186-4 D.1.2, RFC 5639 §3; the seeds of the NIST curves are in FIPS 186-4 too.
_ROWS: Final = (
    _domain(
        algorithms.P256,
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
        "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b"
        "8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        seed="c49d360886e704936a6678e1139d26b7819f7e90",
    ),
    _domain(
        algorithms.P384,
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff00000000"
        "00000000ffffffff",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff00000000"
        "00000000fffffffc",
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d"
        "2a85c8edd3ec2aef",
        "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c"
        "3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0"
        "0a60b1ce1d7e819d7a431d7c90ea0e5f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77a"
        "ecec196accc52973",
        seed="a335926aa319a27a1d00896a6773a4827acdac73",
    ),
    _domain(
        algorithms.P521,
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffc",
        "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e"
        "937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
        "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe7"
        "5928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb4"
        "2c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086"
        "a272c24088be94769fd16650",
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f"
        "966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        seed="d09e8800291cb85396cc6717393284aaa0da64ba",
    ),
    _domain(
        algorithms.BRAINPOOL_P256R1,
        "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
        "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
        "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
        "8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262547ef835c3dac4fd"
        "97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
        "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
    ),
    _domain(
        algorithms.BRAINPOOL_P384R1,
        "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71"
        "874700133107ec53",
        "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb"
        "04a8c7dd22ce2826",
        "04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc994"
        "3ab78696fa504c11",
        "1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aa"
        "ef87b2e247d4af1e8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff9912928"
        "0e4646217791811142820341263c5315",
        "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc310"
        "3b883202e9046565",
    ),
    _domain(
        algorithms.BRAINPOOL_P512R1,
        "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842"
        "aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
        "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa1"
        "0a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
        "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d"
        "77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
        "81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d"
        "50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f8227dde385d566332ecc0eabfa9cf7822fd"
        "f209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f05406"
        "78cd1e0f3ad80892",
        "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619"
        "418661197fac10471db1d381085ddaddb58796829ca90069",
    ),
)


def domain_of(curve: Curve) -> Domain:
    """The parameters of a named curve. Raises UnknownAlgorithm."""
    for row in _ROWS:
        if row.curve is curve:
            return row.domain
    raise UnknownAlgorithm(identifier=curve.name)


def has_explicit_parameters(key: PublicKey) -> bool:
    """Whether this is an EC key whose parameters are written out."""
    return key.algorithm_oid == EC_PUBLIC_KEY and key.algorithm_parameters[:1] == b"\x30"


def with_named_curve(key: PublicKey) -> PublicKey:
    """The same point under the name of its curve; a key without explicit parameters as it is.

    Raises MalformedPublicKey where the parameters cannot be read, UnknownAlgorithm where they
    are not, every one of them, those of a named curve of the table.
    """
    if not has_explicit_parameters(key):
        return key
    try:
        curve = _curve(der.decode(key.algorithm_parameters))
    except DecodeError as error:
        raise MalformedPublicKey(reason=f"curve parameters: {error}") from error
    algorithm = der.sequence(der.object_identifier(EC_PUBLIC_KEY), der.object_identifier(curve.oid))
    return PublicKey(der.sequence(algorithm, der.bit_string(key.key_octets)))


def _curve(parameters: der.Element) -> Curve:
    """The curve of an ECParameters (X9.62, RFC 3279 §2.3.5)."""
    fields = parameters.fields()
    fields.small(3)
    field = fields.take(der.SEQUENCE).fields()
    if field.object_identifier() != _PRIME_FIELD:
        raise UnknownAlgorithm(identifier=_FOREIGN)
    prime = field.take(der.INTEGER).unsigned()
    field.finish()
    coefficients = fields.take(der.SEQUENCE).fields()
    a = int.from_bytes(coefficients.octets(der.OCTET_STRING), "big")
    b = int.from_bytes(coefficients.octets(der.OCTET_STRING), "big")
    seed = coefficients.optional(der.BIT_STRING)
    coefficients.finish()
    generator = fields.octets(der.OCTET_STRING)
    order = fields.take(der.INTEGER).unsigned()
    # Optional in X9.62; Doc 9303-12 §4.1.6.2 wants it, and without it the set is not whole.
    cofactor = fields.take(der.INTEGER).unsigned()
    fields.finish()
    for row in _ROWS:
        if (
            row.domain[:3] == (prime, a, b)
            and (order, cofactor) == (row.domain.order, 1)
            and generator in _encodings(row.domain)
            and (seed is None or _is_seed(seed, row.seed))
        ):
            return row.curve
    raise UnknownAlgorithm(identifier=_FOREIGN)


def _encodings(domain: Domain) -> tuple[bytes, bytes]:
    """The generator uncompressed and compressed (SEC 1 §2.3.3)."""
    size = (domain.prime.bit_length() + 7) // 8
    x, y = (number.to_bytes(size, "big") for number in domain.generator)
    return b"\x04" + x + y, bytes([2 + (domain.generator[1] & 1)]) + x


def _is_seed(found: der.Element, seed: bytes | None) -> bool:
    # How many bits of the last octet count is written in two ways; the octets are the same.
    octets, _ = found.bits() if found.octets[:1] == b"\x00" else (found.octets[1:], 0)
    return seed is not None and octets == seed
