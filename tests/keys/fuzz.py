"""Open changed key files by the thousand: `python -m tests.keys.fuzz SEED CASES [NAME …]`.

Run as a process of its own, so that its peak of memory is its own. Prints one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12 as native_pkcs12

from eds.algorithms import ECDSA_P256_SHA256
from eds.errors import AlgorithmUnavailable, EdsError
from eds.keys import bundle, pkcs8, pkcs12
from eds.keys.contract import KeyPurpose, KeyRef, Secret
from eds.keys.keyfile import SingleFileKeyStore
from eds.keys.privatekeys import PrivateKey
from tests.keys.certify import certify
from tests.keys.harness import CHEAP, CHEAP_PKCS12, Pins

NCA = Path(__file__).parents[3] / "shared" / "data" / "kz" / "p12"
PURPOSES = (KeyPurpose.SIGNATURE, KeyPurpose.AUTHENTICATION, KeyPurpose.CERTIFICATION)


@dataclass(frozen=True)
class Subject:
    """A whole file, and what must come out of it if anything does."""

    name: str
    data: bytes
    password: str
    key: PrivateKey
    share: int  # of 100 cases
    finish: Callable[[bytes], bytes] = bytes


def subjects() -> list[Subject]:
    native = ec.generate_private_key(ec.SECP256R1())
    rsa_native = rsa.generate_private_key(65537, 2048)
    key, rsa_key = PrivateKey.of(native), PrivateKey.of(rsa_native)
    own = certify(native.public_key(), issuer_key=native)
    text = bundle.write(
        bundle.Bundle(
            purpose=KeyPurpose.SIGNATURE,
            algorithm=ECDSA_P256_SHA256,
            encrypted=bundle.seal(key, KeyPurpose.SIGNATURE, Secret("pw"), cost=CHEAP),
            public_key=key.public_key(),
            certificates=(own,),
        )
    )
    contents = pkcs12.Contents(
        keys=(pkcs12.KeyEntry(private_key=key, friendly_name="x", local_key_id=b"1"),),
        certificates=(pkcs12.CertificateEntry(certificate=own, local_key_id=b"1"),),
    )
    plain = rsa_native.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    by_cryptography = native_pkcs12.serialize_key_and_certificates(
        b"x",
        native,
        own.native,
        None,
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(10)
        .key_cert_algorithm(native_pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .build(b"pw"),
    )
    found = [
        Subject("key file", text, "pw", key, 40),
        Subject("key file, digest made anew", text, "pw", key, 10, _digest_anew),
        Subject("PKCS#12", pkcs12.write(contents, Secret("pw"), cost=CHEAP_PKCS12), "pw", key, 18),
        Subject("PKCS#12 by cryptography", by_cryptography, "pw", key, 10),
        Subject("PKCS#8", pkcs8.encrypt(key, Secret("pw"), cost=CHEAP), "pw", key, 13),
        Subject("RSA in PEM", plain, "pw", rsa_key, 3),
    ]
    for pattern, share in (("GOST512_*.p12", 3), ("AUTH_RSA256_*.p12", 3)):
        for path in sorted(NCA.rglob(pattern))[:1]:
            pin = Pins(current="Qwerty12")
            store = SingleFileKeyStore(path)
            exported = store.export(store.keys()[0], pin=pin)
            found.append(Subject(f"NCA {pattern}", path.read_bytes(), "Qwerty12", exported, share))
    return found


def _digest_anew(data: bytes) -> bytes:
    first, _, rest = data.partition(b"\n")
    return first[:-64] + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def changed(data: bytes, chance: random.Random) -> bytes:
    """One of the things that happen to files, and some that only people do to them."""
    at = chance.randrange(len(data))
    match chance.randrange(8):
        case 0 | 1 | 2:
            return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        case 3:
            return data[:at] + bytes((chance.choice((0, 1, 0x7F, 0x80, 0xFF)),)) + data[at + 1 :]
        case 4:
            return data[:at]
        case 5:
            size = chance.randrange(1, 40)
            return data[:at] + chance.randbytes(size) + data[at + size :]
        case 6:
            size = chance.randrange(1, 40)
            return data[:at] + data[at + size :] + data[at : at + size]
        case _:
            return data[: chance.randrange(4)] + chance.randbytes(chance.randrange(3000))


def outcome(subject: Subject, path: Path) -> str:
    """The code of the error, "same", or what must not be."""
    store = SingleFileKeyStore(path)
    pin = Pins(current=subject.password)
    ref: KeyRef | None = None
    try:
        ref = store.keys()[0]
        store.export(ref, pin=pin)
        refs = store.unlocked(pin=pin)
        purpose = next(one for one in PURPOSES if one in refs[0].purpose)
        with store.open(ref, purpose=purpose, pin=pin) as signer:
            signature = signer.sign(b"x")
        if signer.public_key.key_octets != subject.key.public_key().key_octets:
            return "ANOTHER KEY"
        verified = signer.public_key.verify(signature, b"x", algorithm=signer.algorithm)
        return "same" if verified else "BAD SIGNATURE"
    except AlgorithmUnavailable as error:
        return error.code
    except EdsError as error:
        return error.code
    except StopIteration:
        return "no purpose"


def derivation() -> float:
    """Seconds of the processor for one derivation by scrypt: a yardstick for what files cost."""
    started = time.process_time()
    hashlib.scrypt(b"pw", salt=b"salt", n=2**14, r=8, p=1)
    return time.process_time() - started


def main(seed: int, cases: int, names: list[str]) -> dict[str, Any]:
    chance = random.Random(seed)
    tried = [one for one in subjects() if not names or one.name in names]
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.pem"
        for subject in tried:  # whatever is loaded once is loaded now
            path.write_bytes(subject.data)
            path.chmod(0o600)
            if outcome(subject, path) != "same":
                failures.append(f"{subject.name}: the whole file does not open")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for subject in chance.choices(tried, [one.share for one in tried], k=cases):
            data = subject.finish(changed(subject.data, chance))
            path.write_bytes(data)
            started = time.process_time()
            try:
                result = outcome(subject, path)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                result = f"UNTYPED {type(error).__name__}"
            slowest = max(slowest, time.process_time() - started)
            outcomes[result] += 1
            if result.split()[0].isupper():
                failures.append(f"{subject.name}: {result}: {data.hex()}")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "cases": sum(outcomes.values()),
        "outcomes": dict(outcomes),
        "failures": failures[:5],
        "slowest": slowest,
        "derivation": derivation(),
        "megabytes": grown / 1024,
    }


if __name__ == "__main__":
    report = main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
    sys.stdout.write(json.dumps(report) + "\n")
