"""GOST 34.10-2015 and 34.310-2004 signatures, Streebog and GOST 34.311-95: arithmetic, no ASN.1.

All of it works with Python alone; `accelerators()` says what makes it faster on this system.
"""

from __future__ import annotations

from eds.gost.acceleration import PURE, Accelerators, accelerators
from eds.gost.curves import CRYPTOPRO_A, TC26_256_A, TC26_512_A, Curve
from eds.gost.digests import NAMES, digest, new
from eds.gost.hashing import Hash
from eds.gost.signatures import SigningKey, VerifyingKey

__all__ = [
    "CRYPTOPRO_A",
    "NAMES",
    "PURE",
    "TC26_256_A",
    "TC26_512_A",
    "Accelerators",
    "Curve",
    "Hash",
    "SigningKey",
    "VerifyingKey",
    "accelerators",
    "digest",
    "new",
]
