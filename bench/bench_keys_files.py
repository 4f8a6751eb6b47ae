"""Keys in files beside `cryptography` alone: signing through an opened signer, and opening."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256, RSA_PKCS1_SHA256, SignatureAlgorithm
from eds.keys.contract import KeyPurpose, PinRequest, Secret
from eds.keys.files import FileKeyStore
from eds.keys.keyfile import SingleFileKeyStore, write_pkcs12
from eds.keys.pbe import Scrypt
from eds.keys.privatekeys import PrivateKey

MESSAGE = b"I owe you 10" * 10
PURPOSE = KeyPurpose.SIGNATURE
# Deriving a key from a password costs what it is told to cost; here it is told nothing.
NO_COST = Scrypt(cost=2, block_size=1, parallel=1)


def pin(_: PinRequest, /) -> Secret:
    return Secret("correct horse")


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = FileKeyStore(Path(folder) / "keys", cost=NO_COST)
        p256 = ec.generate_private_key(ec.SECP256R1())
        rsa2048 = rsa.generate_private_key(65537, 2048)
        sha256, pkcs1, ecdsa = hashes.SHA256(), padding.PKCS1v15(), ec.ECDSA(hashes.SHA256())
        yield signing(store, "P-256", p256, ECDSA_P256_SHA256, lambda: p256.sign(MESSAGE, ecdsa))
        yield signing(
            store,
            "RSA-2048",
            rsa2048,
            RSA_PKCS1_SHA256,
            lambda: rsa2048.sign(MESSAGE, pkcs1, sha256),
        )
        yield from opening(store)
        yield from deriving(Path(folder))


def signing(
    store: FileKeyStore,
    name: str,
    native: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    algorithm: SignatureAlgorithm,
    floor: Callable[[], bytes],
) -> Row:
    ref = store.add(
        PrivateKey.of(native), label=name, purpose=PURPOSE, pin=pin, algorithm=algorithm
    )
    with store.open(ref, purpose=PURPOSE, pin=pin) as signer:
        ours, raw = interleave(lambda: signer.sign(MESSAGE), floor)
    return Row(name=f"sign, file, {name} / cryptography", ours=ours, floor=raw, goal=1.1)


def opening(store: FileKeyStore) -> Iterator[Row]:
    native = rsa.generate_private_key(65537, 4096)
    encoded = PrivateKey.of(native).encoded
    ref = store.add(PrivateKey.of(native), label="RSA-4096", purpose=PURPOSE, pin=pin)

    def unlock() -> None:
        with store.open(ref, purpose=PURPOSE, pin=pin):
            pass

    opened, checked, unchecked = interleave(
        unlock,
        lambda: serialization.load_der_private_key(encoded, None),
        lambda: serialization.load_der_private_key(
            encoded, None, unsafe_skip_rsa_key_validation=True
        ),
        rounds=5,
    )
    yield Row(
        name="open, file, RSA-4096 without KDF / load checked",
        ours=opened,
        floor=checked,
        goal=0.05,
    )
    yield Row(
        name="open, file, RSA-4096 without KDF / load unchecked", ours=opened, floor=unchecked
    )


def deriving(folder: Path) -> Iterator[Row]:
    """What a new file costs whoever opens it, beside the same derivation bare."""
    import hashlib

    key = PrivateKey.of(ec.generate_private_key(ec.SECP256R1()))
    store = FileKeyStore(folder / "dear")
    ref = store.add(key, label="one", purpose=PURPOSE, pin=pin)
    write_pkcs12(folder / "x.p12", key, label="one", pin=pin)
    single = SingleFileKeyStore(folder / "x.p12")
    locked = single.keys()[0]
    ours, pkcs12, scrypt = interleave(
        lambda: store.export(ref, pin=pin),
        lambda: single.export(locked, pin=pin),
        lambda: hashlib.scrypt(
            b"correct horse", salt=bytes(16), n=2**14, r=8, p=5, maxmem=2**26, dklen=32
        ),
        rounds=3,
    )
    yield Row(name="open, file, new one with KDF / scrypt alone", ours=ours, floor=scrypt, goal=1.2)
    yield Row(name="open, PKCS#12, new one with KDF / scrypt alone", ours=pkcs12, floor=scrypt)
