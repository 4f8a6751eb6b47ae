"""What the tests of key stores share: a source of PINs that remembers, and stores to try.

A further kind of store joins the contract suite with one more row in `HARNESSES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from eds.algorithms import (
    ECDSA_BRAINPOOL_P256R1_SHA256,
    ECDSA_BRAINPOOL_P384R1_SHA384,
    ECDSA_BRAINPOOL_P512R1_SHA512,
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    ECDSA_P521_SHA512,
    ED25519,
    GOST_2004,
    GOST_2015_256,
    GOST_2015_512,
    ML_DSA_44,
    ML_DSA_65,
    ML_DSA_87,
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    Curve,
    SignatureAlgorithm,
)
from eds.errors import SecretUnavailable
from eds.keys.contract import KeyStore, PinKind, PinRequest, Secret
from eds.keys.files import FileKeyStore
from eds.keys.pbe import Pbkdf2, Scrypt
from eds.keys.stores import open_keystore
from tests.keys.softhsm import new_token, softhsm

GOST = (GOST_2015_512, GOST_2015_256, GOST_2004)  # unknown to `cryptography` and openssl

# Key derivation that costs nothing: what it costs is tested where it matters.
CHEAP = Scrypt(cost=2, block_size=1, parallel=1)
CHEAP_PKCS12 = Pbkdf2(iterations=1, mac_iterations=1)


@dataclass
class Pins:
    """Answers with what it was given, and remembers what it was asked."""

    current: str | None = "correct horse"
    new: str | None = None
    asked: list[PinRequest] = field(default_factory=list)

    def __call__(self, request: PinRequest, /) -> Secret:
        self.asked.append(request)
        value = self.current
        if request.kind is PinKind.NEW and self.new is not None:
            value = self.new
        if value is None:
            raise SecretUnavailable(reason="nobody to ask")
        return Secret(value)

    @property
    def kinds(self) -> list[PinKind]:
        return [request.kind for request in self.asked]


@dataclass(frozen=True, kw_only=True)
class Harness:
    """A kind of store and what can be expected of it.

    `make` gives an empty store that `pin` opens; the same folder gives the same store again.
    `unavailable` is what no such store can make, `wrong_pin` the code of the error for another
    PIN.
    """

    make: Callable[[Path], KeyStore]
    algorithms: tuple[SignatureAlgorithm, ...]
    unavailable: SignatureAlgorithm
    pin: str = "correct horse"
    other_pin: str = "battery staple"
    wrong_pin: str = "keys.password_incorrect"
    exports: bool = True
    lists_without_pin: bool = True


def _file_store(folder: Path) -> KeyStore:
    return FileKeyStore(folder / "keys", cost=CHEAP)


@cache
def _token(folder: Path) -> str:
    return new_token(f"token {folder.name[-20:]}")


def _token_store(folder: Path) -> KeyStore:
    return open_keystore(_token(folder))


HARNESSES: dict[str, Harness] = {
    "files": Harness(
        make=_file_store,
        algorithms=(
            ECDSA_P256_SHA256,
            ECDSA_P384_SHA384,
            ECDSA_P521_SHA512,
            ECDSA_BRAINPOOL_P256R1_SHA256,
            ECDSA_BRAINPOOL_P384R1_SHA384,
            ECDSA_BRAINPOOL_P512R1_SHA512,
            RSA_PKCS1_SHA256,
            RSA_PSS_SHA256,
            ED25519,
            ML_DSA_44,
            ML_DSA_65,
            ML_DSA_87,
            *GOST,
        ),
        unavailable=replace(
            ECDSA_P256_SHA256, curve=Curve(name="secp224r1", oid="1.3.132.0.33", bits=224)
        ),
    ),
}

if softhsm() is not None:
    HARNESSES["softhsm"] = Harness(
        make=_token_store,
        algorithms=(
            ECDSA_P256_SHA256,
            ECDSA_P384_SHA384,
            ECDSA_P521_SHA512,
            ECDSA_BRAINPOOL_P256R1_SHA256,
            ECDSA_BRAINPOOL_P384R1_SHA384,
            ECDSA_BRAINPOOL_P512R1_SHA512,
            RSA_PKCS1_SHA256,
            RSA_PSS_SHA256,
            ED25519,
        ),
        unavailable=GOST_2015_512,
        wrong_pin="keys.pin_incorrect",
        exports=False,
    )
