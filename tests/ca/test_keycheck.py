"""Published bad keys of each class are refused by name; good ones of each kind pass."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from eds import der
from eds.algorithms import CURVES, EC_PUBLIC_KEY, RSA_ENCRYPTION
from eds.ca.keycheck import (
    PUBLISHED_KEYS,
    Blocklist,
    Weakness,
    check_key,
    debian_fingerprint,
    has_close_primes,
    has_roca_fingerprint,
    read_debian_blacklist,
)
from eds.errors import KeyBlocked, KeyReused, KeyTooWeak
from eds.publickeys import PublicKey

# The test keys of the tools that found the weaknesses: ROCA (CVE-2017-15361), a key of a Debian
# of 2008 (CVE-2008-0166) and a printer's key with close primes (CVE-2022-26320).
ROCA = (
    "MIIBCgKCAQEAkTKtIR/MDftNrkgyashkwifks5Swm9HEkw4ZcCijyQdpTStInk9pdUrq4zjG6tk5xX9AaYXLu47fmiBV"
    "zClGvAXTZbpn6JbG1IERUs+i0pBRT5CzUu7vJ/63L72NzVvJFaT0SUE5zByhCjJE+pflMnX1e1UptOdnN5AHeY4RKkug"
    "Vse3XO2xMs3yH3vTyZdtnaOIFRU0d6E7PrsgRtEAqFHcAGmPUw0ZOW8A++8sS/FlnrxMf9lVa1/8k/A8otPfrNIipfAo"
    "q0MKJ+oxE2wML1DDxIGTGmNaN3gPANJyeuca7ptA+NGq5oU1x3pWMXgSvrVSXUooNk8xIkrKxSz3LQIDAQAB"
)
DEBIAN = (
    "MIIBCgKCAQEAwJZTDExKND/DiP+LbhTIi2F0hZZt0PdX897LLwPf3+b1GOCUj1OHBZvVqhJPJtOPE53W68I0NgVhaJdY"
    "6bFOA/cUUIFnN0y/ZOJOJsPNle1aXQTjxAS+FXu4CQ6a2pzcU+9+gGwed7XxAkIVCiTprfmRCI2vIKdb61S8kf5D3YdV"
    "RH/Tq977nxyYeosEGYJFBOIT+N0mqca37S8hA9hCJyD3p0AM40dD5M5ARAxpAT7+oqOXkPzfzLtCTaHYJK3+WAce121B"
    "r4NuQJPqYPVxniUPohT4YxFTqB7vwX2C4/gZ2ldpHtlgJVAHT96nOsnlz+EPa5GtwxtALD43CwOlWQIDAQAB"
)
CLOSE = (
    "MIIBCgKCAQEAkGbTtoSrOJmrwu9FV3A3xDfxNn3EnSO94M9+QIL3qJjjIMh30xrAdra5ZsXjhJrRApI0X+qArvTQVv6/"
    "n9YqEoAPmF7n46yJ1TtYETFzGCjqk1sDZ8rVEnq4bxPHk0EQcFiQIn6iwTPOjeidD2WKUNIVeJWI/2X8Ms3ITdt+P4jV"
    "0DVeA6rdR31ClG+HGos1OdTA+8nMwDId0jA/Kv8MOPFBLf24p9OB8fzXP2Uno0CSSrZLktJCouOcPzGgBB5sZZFHxpsr"
    "f76uJNULBrjC9Pbxx3ogpGVy1L5CC9v8qk3L44qQpi4g/PC9wWNsK+NPr/tiq4+S3uB369Ye1n+0ywIDAQAB"
)


def rsa_key(modulus: int, exponent: int = 65537) -> PublicKey:
    numbers = der.sequence(der.integer(modulus), der.integer(exponent))
    return pkcs1(numbers)


def pkcs1(numbers: bytes) -> PublicKey:
    identifier = der.sequence(der.object_identifier(RSA_ENCRYPTION), der.null())
    return PublicKey(der.sequence(identifier, der.bit_string(numbers)))


def published(text: str) -> PublicKey:
    return pkcs1(base64.b64decode(text))


def modulus_of(key: PublicKey) -> int:
    return der.decode(key.key_octets).fields().take().unsigned(limits=der.Limits(integer=1024))


def ec_key(curve: str, point: bytes) -> PublicKey:
    parameters = der.object_identifier(curve)
    identifier = der.sequence(der.object_identifier(EC_PUBLIC_KEY), parameters)
    return PublicKey(der.sequence(identifier, der.bit_string(point)))


P256 = "1.2.840.10045.3.1.7"


@cache
def good_rsa() -> PublicKey:
    return PublicKey.of(rsa.generate_private_key(65537, 2048).public_key())


@cache
def good_point() -> bytes:
    return PublicKey.of(ec.generate_private_key(ec.SECP256R1()).public_key()).key_octets


def edwards(octets: bytes) -> PublicKey:
    identifier = der.sequence(der.object_identifier("1.3.101.112"))
    return PublicKey(der.sequence(identifier, der.bit_string(octets)))


def digits(seed: str, bits: int) -> int:
    """A number without any pattern, the same each time."""
    octets = b"".join(hashlib.sha512(f"{seed}{n}".encode()).digest() for n in range(4))
    return int.from_bytes(octets, "big") >> (2048 - bits) | 3 << (bits - 2)


# Primes, found once by search from numbers without a pattern.
FIRST = digits("eds", 1024) + 80
NEXT = digits("eds", 1024) + 1972
FARTHER = digits("eds", 1024) + (1 << 500) + 360
FAR = digits("sde", 1024) + 104


def weakness_of(key: PublicKey, **arguments: object) -> str | None:
    try:
        check_key(key, **arguments)  # type: ignore[arg-type]
    except KeyTooWeak as error:
        return error.weakness if error.key == key.fingerprint.hex() else "another key"
    return None


def without_small_factors(number: int) -> int:
    number |= 1
    while weakness_of(rsa_key(number)) == Weakness.RSA_SMALL_FACTOR.value:
        number += 2
    return number


BAD: dict[str, tuple[PublicKey, Weakness]] = {
    "the published key of the ROCA detector": (published(ROCA), Weakness.RSA_ROCA),
    "the printer's key": (published(CLOSE), Weakness.RSA_CLOSE_PRIMES),
    "primes next to each other": (rsa_key(FIRST * NEXT), Weakness.RSA_CLOSE_PRIMES),
    "a square": (rsa_key(FIRST**2), Weakness.RSA_CLOSE_PRIMES),
    "1024 bits": (rsa_key((1 << 1023) + 1), Weakness.RSA_SHORT),
    "an even modulus": (rsa_key(modulus_of(published(DEBIAN)) + 1), Weakness.RSA_EVEN),
    "divisible by 5693": (rsa_key(5693 * (digits("five", 2040) | 1)), Weakness.RSA_SMALL_FACTOR),
    "divisible by 3": (rsa_key(3 * (digits("three", 2047) | 1)), Weakness.RSA_SMALL_FACTOR),
    "exponent 3": (rsa_key(modulus_of(published(DEBIAN)), 3), Weakness.RSA_EXPONENT),
    "exponent 1": (rsa_key(modulus_of(published(DEBIAN)), 1), Weakness.RSA_EXPONENT),
    "an even exponent": (rsa_key(modulus_of(published(DEBIAN)), 65538), Weakness.RSA_EXPONENT),
    "a huge exponent": (
        rsa_key(modulus_of(published(DEBIAN)), (1 << 256) + 1),
        Weakness.RSA_EXPONENT,
    ),
    "zeros in the middle": (rsa_key(without_small_factors(1 << 2047)), Weakness.RSA_PATTERN),
    "RSA numbers with a third": (
        pkcs1(der.sequence(*(der.integer(number) for number in (15, 3, 1)))),
        Weakness.MALFORMED,
    ),
    "the point at infinity": (ec_key(P256, b"\x00"), Weakness.EC_INFINITY),
    "off the curve": (
        ec_key(P256, b"\x04" + bytes(31) + b"\x05" + bytes(31) + b"\x07"),
        Weakness.EC_OFF_CURVE,
    ),
    "a coordinate over p": (ec_key(P256, b"\x04" + b"\xff" * 64), Weakness.EC_OFF_CURVE),
    "a point of another curve": (
        ec_key("1.3.36.3.3.2.8.1.1.7", good_point()),
        Weakness.EC_OFF_CURVE,
    ),
    "a compressed point": (ec_key(P256, b"\x02" + good_point()[1:33]), Weakness.EC_FORM),
    "a hybrid point": (ec_key(P256, b"\x06" + good_point()[1:]), Weakness.EC_FORM),
    "a short point": (ec_key(P256, good_point()[:-1]), Weakness.EC_FORM),
    "secp256k1": (ec_key("1.3.132.0.10", good_point()), Weakness.EC_CURVE),
    "a key of DSA": (
        PublicKey(
            der.sequence(
                der.sequence(der.object_identifier("1.2.840.10040.4.1")),
                der.bit_string(der.integer(2)),
            )
        ),
        Weakness.VERIFY_ONLY,
    ),
    "Ed25519 of 31 octets": (edwards(bytes(31)), Weakness.EDWARDS_FORM),
    "Ed25519 not reduced": (edwards(b"\xee" + b"\xff" * 30 + b"\x7f"), Weakness.EDWARDS_FORM),
    "Ed25519 off the curve": (edwards(b"\x02" + bytes(31)), Weakness.EDWARDS_FORM),
    "Ed25519 order 1": (edwards(b"\x01" + bytes(31)), Weakness.EDWARDS_SMALL_ORDER),
    "Ed25519 order 2": (
        edwards(b"\xec" + b"\xff" * 30 + b"\x7f"),
        Weakness.EDWARDS_SMALL_ORDER,
    ),
    "Ed25519 order 4": (edwards(bytes(32)), Weakness.EDWARDS_SMALL_ORDER),
    "Ed25519 order 4, not reduced": (
        edwards(b"\xed" + b"\xff" * 30 + b"\x7f"),
        Weakness.EDWARDS_FORM,
    ),
    "Ed25519 order 8": (
        edwards(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
        Weakness.EDWARDS_SMALL_ORDER,
    ),
    "Ed25519 order 8, the other": (
        edwards(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
        Weakness.EDWARDS_SMALL_ORDER,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_keys_are_refused_by_name(name: str) -> None:
    key, weakness = BAD[name]
    assert weakness_of(key) == weakness.value


def test_a_debian_key_is_refused_where_the_list_is_known() -> None:
    key = published(DEBIAN)
    entry = debian_fingerprint(modulus_of(key))
    listed = read_debian_blacklist(["# comment", "", entry.upper() + "\n", "not an entry"])
    assert listed == {entry}
    assert weakness_of(key) is None  # nothing in the key itself tells
    assert weakness_of(key, blocklist=Blocklist(debian=listed)) == Weakness.DEBIAN.value


def test_each_curve_and_kind_has_good_keys() -> None:
    natives = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
    natives += (ec.BrainpoolP256R1, ec.BrainpoolP384R1, ec.BrainpoolP512R1)  # type: ignore[assignment]
    assert len(natives) == len(CURVES)
    for curve in natives:
        check_key(PublicKey.of(ec.generate_private_key(curve()).public_key()))
    for _ in range(20):
        check_key(PublicKey.of(ed25519.Ed25519PrivateKey.generate().public_key()))
    check_key(good_rsa())


def test_published_keys_are_refused() -> None:
    secret = int("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", 16)
    key = PublicKey.of(ec.derive_private_key(secret, ec.SECP256R1()).public_key())  # RFC 6979
    assert PUBLISHED_KEYS[key.fingerprint] == "RFC 6979 A.2.5"
    assert weakness_of(key) == Weakness.PUBLISHED_KEY.value


def test_blocked_keys_say_why() -> None:
    key = good_rsa()
    with pytest.raises(KeyBlocked) as caught:
        check_key(key, blocklist=Blocklist(keys={key.fingerprint: "reported 2026-11-02"}))
    assert caught.value.source == "reported 2026-11-02"


def test_the_key_of_an_authority_is_certified_for_nobody_else() -> None:
    with pytest.raises(KeyReused):
        check_key(good_rsa(), issuer_keys={good_rsa().fingerprint})


def test_the_least_size_is_the_callers() -> None:
    assert weakness_of(good_rsa(), minimum_rsa_bits=3072) == Weakness.RSA_SHORT.value


def test_fermat_finds_primes_within_its_reach_and_no_others() -> None:
    assert not has_close_primes(FIRST * FAR)
    assert has_close_primes(FIRST * FARTHER)
    assert not has_roca_fingerprint(FIRST * FAR)
