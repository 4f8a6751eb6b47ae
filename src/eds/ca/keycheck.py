"""Public keys that are never certified: each published weakness has a name and a check.

Arithmetic over public numbers only, so nothing here needs constant time. Not covered: primes
shared between keys (that takes a survey of all keys, not one), and the internal state of other
generators. For the Debian keys of 2006 to 2008 (CVE-2008-0166) the lists of the package
`openssl-blacklist` are read where an installation has them; nothing is shipped, as the lists are
many times larger than this library.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import gcd, isqrt, prod
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from .. import der
from ..algorithms import VERIFY_ONLY, KeyType
from ..errors import (
    AlgorithmError,
    DecodeError,
    KeyBlocked,
    KeyReused,
    KeyTooWeak,
    MalformedPublicKey,
)
from ..gostkeys import GOST_KEY_TYPES
from ..publickeys import PublicKey


class Weakness(Enum):
    """The names of the weaknesses, as KeyTooWeak.weakness gives them."""

    MALFORMED = "malformed"
    PUBLISHED_KEY = "published-private-key"  # the private half stands in a book or an RFC
    RSA_SHORT = "rsa-modulus-short"
    RSA_EVEN = "rsa-modulus-even"
    RSA_SMALL_FACTOR = "rsa-small-factor"
    RSA_EXPONENT = "rsa-exponent"
    RSA_CLOSE_PRIMES = "rsa-close-primes"
    RSA_ROCA = "rsa-roca"  # CVE-2017-15361
    RSA_PATTERN = "rsa-pattern"  # octets that repeat: a generator that failed
    DEBIAN = "debian-openssl"  # CVE-2008-0166
    EC_FORM = "ec-form"  # compressed, hybrid or of another length
    EC_INFINITY = "ec-infinity"
    EC_OFF_CURVE = "ec-off-curve"
    EC_CURVE = "ec-curve"  # explicit parameters, or a curve not known here
    GOST_POINT = "gost-point"  # not on its curve, not of its order, or no point at all
    EDWARDS_FORM = "ed25519-form"
    EDWARDS_SMALL_ORDER = "ed25519-small-order"
    VERIFY_ONLY = "verify-only"  # DSA: of no use but for signatures that exist


# SHA-256 of SubjectPublicKeyInfo values whose private keys anybody can read.
_PUBLISHED: Final = {
    "9a9e5b0f404f4e2d4386e38b04ac91e535946dc2a7f8d84a31404b476e5c35e1": "RFC 9500 testRSA1024",
    "8fb6bad671cfe698393c453357da61b56d757ab8c0f3fb9c87f2849e63131878": "RFC 9500 testRSA2048",
    "96465ea5dc9bb2da7b351d808a7196e5761f2412a5040131c68d719aaba28fb9": "RFC 9500 testRSA4096",
    "b2b04340cfaee616ec9c2c62d261b208e54bb197498df52e8cadede23ac0ba5e": "RFC 9500 testECCP256",
    "c4c10105a0be0ed4dd3354428dc38a9bfee64da141ce16e75c94eda272f9dd3a": "RFC 9500 testECCP384",
    "acb1b8327fef995e2458fdf5e3c33b2dc0749feabd6a894cb9bda9d70ac06c24": "RFC 9500 testECCP521",
    "5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4": "RFC 6979 A.2.5",
    "2f95601fa82060b909bfc6b979dbd303d34d34e0afb27ea496beac362f242a4b": "RFC 6979 A.2.6",
    "cd543d56f646059af4890457776dfdce49314088cd092b1274f62b5d4a595736": "RFC 8946",
    "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f": "RFC 8410 §10.1",
    "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9": "RFC 8032 §7.1, test 1",
    "deb2ded39dc26fce0e6085b6fc34bf6b5941913bbfe2ea614113cff9e004c170": "RFC 8032 §7.1, test 2",
    "8d39ba50abe50f77b6bb8ae7b6927aff7ffbeba35ad2837c0e51e82bcbcc60d5": "RFC 8032 §7.1, test 3",
}
PUBLISHED_KEYS: Final[Mapping[bytes, str]] = MappingProxyType(
    {bytes.fromhex(digest): source for digest, source in _PUBLISHED.items()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocklist:
    """Keys to refuse. `keys`: SHA-256 of the SubjectPublicKeyInfo → why.

    `debian`: what `read_debian_blacklist` found, the last 20 hexadecimal digits of a SHA-1.
    """

    keys: Mapping[bytes, str] = field(default_factory=dict)
    debian: frozenset[str] = frozenset()


NOTHING_BLOCKED: Final = Blocklist()


def read_debian_blacklist(lines: Iterable[str]) -> frozenset[str]:
    """The entries of a file of the package `openssl-blacklist` (20 digits a line, # comments)."""
    found = (line.strip().lower() for line in lines)
    return frozenset(line for line in found if re.fullmatch("[0-9a-f]{20}", line))


def debian_fingerprint(modulus: int) -> str:
    """What that package keeps of a modulus: digits 21 to 40 of SHA-1 over `Modulus=…`."""
    line = f"Modulus={modulus:X}\n".encode()
    return hashlib.sha1(line, usedforsecurity=False).hexdigest()[20:]


def check_key(
    key: PublicKey,
    *,
    blocklist: Blocklist = NOTHING_BLOCKED,
    issuer_keys: Collection[bytes] = (),
    minimum_rsa_bits: int = 2048,
) -> None:
    """Refuse a key with a published weakness, a blocked one, and the key of an authority.

    `issuer_keys` are fingerprints (SHA-256 of SubjectPublicKeyInfo). Whether the profile wants
    this kind and size is the profile's question. Raises KeyTooWeak, KeyBlocked, KeyReused.
    """
    fingerprint = key.fingerprint
    if fingerprint in PUBLISHED_KEYS:
        _refuse(key, Weakness.PUBLISHED_KEY)
    if fingerprint in blocklist.keys:
        raise KeyBlocked(key=fingerprint.hex(), source=blocklist.keys[fingerprint])
    if fingerprint in issuer_keys:
        raise KeyReused(key=fingerprint.hex())
    try:
        kind = key.key_type
        if kind is KeyType.RSA:
            weakness = _rsa(key, blocklist.debian, minimum_rsa_bits)
        elif kind is KeyType.EC:
            weakness = _ec(key)
        elif kind is KeyType.ED25519:
            weakness = _ed25519(key.key_octets)
        elif kind in GOST_KEY_TYPES:
            weakness = _gost(key)
        elif kind in VERIFY_ONLY:
            weakness = Weakness.VERIFY_ONLY
        else:
            return
    except AlgorithmError:
        weakness = Weakness.EC_CURVE
    except DecodeError:
        weakness = Weakness.MALFORMED
    if weakness is not None:
        _refuse(key, weakness)


def _refuse(key: PublicKey, weakness: Weakness) -> NoReturn:
    raise KeyTooWeak(weakness=weakness.value, key=key.fingerprint.hex())


# --- RSA -------------------------------------------------------------------------------------

_NUMBERS: Final = der.Limits(integer=4096)
FERMAT_ROUNDS: Final = 100


def _primes(below: int) -> list[int]:
    sieve = bytearray([1]) * below
    for number in range(2, isqrt(below) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
    return [number for number in range(2, below) if sieve[number]]


_SMALL_PRIMES: Final = prod(_primes(5722)[1:])  # 752 odd primes, as Boulder's goodkey


def _rsa(key: PublicKey, debian: frozenset[str], minimum_bits: int) -> Weakness | None:
    fields = der.decode(key.key_octets).fields()
    modulus = fields.take(der.INTEGER).unsigned(limits=_NUMBERS)
    exponent = fields.take(der.INTEGER).unsigned(limits=_NUMBERS)
    fields.finish()
    if modulus % 2 == 0:
        return Weakness.RSA_EVEN
    if modulus.bit_length() < minimum_bits:
        return Weakness.RSA_SHORT
    # NIST SP 800-56B §6.2: odd, over 2^16, under 2^256
    if exponent % 2 == 0 or not 65537 <= exponent < 1 << 256:
        return Weakness.RSA_EXPONENT
    if has_roca_fingerprint(modulus):
        return Weakness.RSA_ROCA
    if gcd(modulus, _SMALL_PRIMES % modulus) != 1:
        return Weakness.RSA_SMALL_FACTOR
    if _REPEATED.search(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")):
        return Weakness.RSA_PATTERN
    if has_close_primes(modulus):
        return Weakness.RSA_CLOSE_PRIMES
    return Weakness.DEBIAN if debian and debian_fingerprint(modulus) in debian else None


_REPEATED: Final = re.compile(rb"(.)\1{15}", re.DOTALL)


def _powers(prime: int) -> int:
    """The powers of 65537 modulo `prime`, as a set of bits."""
    bits, power = 0, 1
    while not bits >> power & 1:
        bits |= 1 << power
        power = power * 65537 % prime
    return bits


# The generator of CVE-2017-15361 makes primes that are powers of 65537 modulo each of these, and
# so is their product. One modulus in 2^27 of other origin looks the same (Nemec et al., CCS 2017).
_ROCA: Final = tuple((prime, _powers(prime)) for prime in _primes(168)[1:])


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether the modulus looks as if made by the generator of CVE-2017-15361."""
    return all(powers >> modulus % prime & 1 for prime, powers in _ROCA)


# Squares modulo 128 and 4095: most numbers are seen at a glance to be none.
_SQUARES_128: Final = sum(1 << square for square in {n * n % 128 for n in range(128)})
_SQUARES_4095: Final = frozenset(n * n % 4095 for n in range(4095))


def has_close_primes(modulus: int, *, rounds: int = FERMAT_ROUNDS) -> bool:
    """Whether Fermat's method factors the odd modulus in so many rounds (CVE-2022-26320)."""
    middle = isqrt(modulus)
    if middle * middle == modulus:
        return True
    middle += 1
    square, step = middle * middle - modulus, 2 * middle + 1
    for _ in range(rounds):
        if _SQUARES_128 >> (square & 127) & 1 and square % 4095 in _SQUARES_4095:
            root = isqrt(square)
            if root * root == square:
                return True
        square += step
        step += 2
    return False


# --- elliptic curves -------------------------------------------------------------------------


class _Equation(NamedTuple):
    """y² = x³ + ax + b over the integers modulo `p`; all these curves have cofactor 1."""

    p: int
    a: int
    b: int


_P256: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P384: Final = 2**384 - 2**128 - 2**96 + 2**32 - 1
_P521: Final = 2**521 - 1
_EQUATIONS: Final = {
    "secp256r1": _Equation(
        _P256, -3, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    ),
    "secp384r1": _Equation(
        _P384,
        -3,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    "secp521r1": _Equation(
        _P521,
        -3,
        0x51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    ),
    "brainpoolP256r1": _Equation(
        0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377,
        0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9,
        0x26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6,
    ),
    "brainpoolP384r1": _Equation(
        0x8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B412B1DA197FB71123ACD3A729901D1A71874700133107EC53,
        0x7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826,
        0x04A8C7DD22CE28268B39B55416F0447C2FB77DE107DCD2A62E880EA53EEB62D57CB4390295DBC9943AB78696FA504C11,
    ),
    "brainpoolP512r1": _Equation(
        0xAADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA703308717D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3,
        0x7830A3318B603B89E2327145AC234CC594CBDD8D3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CA,
        0x3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CADC083E67984050B75EBAE5DD2809BD638016F723,
    ),
}


def _ec(key: PublicKey) -> Weakness | None:
    curve = key.curve
    if curve is None or curve.name not in _EQUATIONS:
        return Weakness.EC_CURVE
    point = key.key_octets
    if point == b"\x00":
        return Weakness.EC_INFINITY
    size = (curve.bits + 7) // 8
    if len(point) != 2 * size + 1 or point[0] != 4:
        return Weakness.EC_FORM
    p, a, b = _EQUATIONS[curve.name]
    x, y = int.from_bytes(point[1 : size + 1], "big"), int.from_bytes(point[size + 1 :], "big")
    if x >= p or y >= p or (y * y - (x * x + a) * x - b) % p:
        return Weakness.EC_OFF_CURVE
    return None


def _gost(key: PublicKey) -> Weakness | None:
    try:
        _ = key.gost
    except MalformedPublicKey:
        return Weakness.GOST_POINT
    return None


# --- Ed25519 (RFC 8032 §5.1) -----------------------------------------------------------------

_Q: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _Q) % _Q
# The eight points whose order divides the cofactor have these five values of y.
_Y8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER: Final = frozenset({0, 1, _Q - 1, _Y8, _Q - _Y8})


def _ed25519(octets: bytes) -> Weakness | None:
    if len(octets) != 32:
        return Weakness.EDWARDS_FORM
    y = int.from_bytes(octets, "little") & ((1 << 255) - 1)
    if y in _SMALL_ORDER:
        return Weakness.EDWARDS_SMALL_ORDER
    # On the curve where x² = u / v has a root: where u v is a square (Euler's criterion).
    u, v = y * y - 1, _D * y * y + 1
    if y >= _Q or pow(u * v, (_Q - 1) // 2, _Q) != 1:
        return Weakness.EDWARDS_FORM
    return None
