"""GOST by another hand: gostcrypto's arithmetic, on the curves and in the octets of Kazakhstan."""

from __future__ import annotations

from typing import Any

import pytest

from eds import gost
from eds.gost import Curve
from eds.publickeys import PublicKey


def gostcrypto(curve: Curve) -> Any:
    """Its signature object on this curve. It writes big-endian, in every place."""
    gostsignature = pytest.importorskip("gostcrypto.gostsignature")
    mode = gostsignature.MODE_512 if curve.size == 64 else gostsignature.MODE_256
    parameters = {name: getattr(curve, name) for name in ("p", "a", "b", "q", "x", "y")}
    return gostsignature.new(mode, parameters | {"m": curve.q * curve.cofactor})


def swapped(octets: bytes, size: int) -> bytearray:
    """Each half the other way round."""
    return bytearray(octets[:size][::-1] + octets[size:][::-1])


def gostcrypto_verifies(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether gostcrypto finds the signature good. 34.311-95 it has not; that digest is ours."""
    found = key.gost
    size = found.curve.size
    if key.key_type.value.startswith("GOST 34.10-2015"):
        gosthash = pytest.importorskip("gostcrypto.gosthash")
        digest = gosthash.new(f"streebog{8 * size}", data=bytearray(message)).digest()
    else:
        digest = gost.digest("gost34311", message)
    verified: bool = gostcrypto(found.curve).verify(
        swapped(found.octets, size), bytearray(bytes(digest)[::-1]), swapped(signature, size)
    )
    return verified
