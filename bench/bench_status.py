"""OCSP answers beside one raw signature, and revocation lists beside `cryptography`'s builder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.authority import list_entry
from eds.ca.lifecycle import State, Status
from eds.ca.lists import build_list
from eds.ca.profiles import shipped_profiles
from eds.ca.responder import Delegate, Responder, ServedIssuer
from eds.ca.tbs import IssuerFacts, assemble, build_tbs
from eds.certificates import Certificate
from eds.extensions import RevocationReason
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from eds.names import COMMON_NAME, COUNTRY, ORGANIZATION, ORGANIZATION_IDENTIFIER, Name
from eds.publickeys import PublicKey

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT = Path(__file__).parents[1]
ALGORITHM = ec.ECDSA(hashes.SHA256())
REVOKED = Status(state=State.REVOKED, since=NOON, reason=RevocationReason.SUPERSEDED)
SHARDS = 1024


def name_of(text: str) -> Name:
    return Name.build(
        [
            (COUNTRY, "KZ"),
            (ORGANIZATION, "Bench"),
            (ORGANIZATION_IDENTIFIER, "NTRKZ-123456789021"),
            (COMMON_NAME, text),
        ]
    )


def signer_of(key: ec.EllipticCurvePrivateKey) -> LocalSigner:
    public_key = PublicKey.of(key.public_key())
    return LocalSigner(
        key, key=KeyRef(uri="file:key", label="key"), public_key=public_key,
        algorithm=ECDSA_P256_SHA256,
    )  # fmt: skip


class Keys:
    """A root that answers for itself: one issuer, its delegate, one leaf's serial number."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.public_key = PublicKey.of(self.key.public_key())
        name = name_of("Bench root")
        new = IssuerFacts.of_new_root(
            name=name, public_key=self.public_key, algorithm=ECDSA_P256_SHA256,
            not_before=NOON - DAY, not_after=NOON + 3000 * DAY,
        )  # fmt: skip
        self.certificate = self._sign("root", new, name, self.public_key, 3000)
        self.facts = IssuerFacts.of(
            self.certificate, algorithm=ECDSA_P256_SHA256,
            crl_urls=("http://crl.example.kz/{shard}.crl",), shard_count=SHARDS,
        )  # fmt: skip
        self.signer = signer_of(self.key)
        key = ec.generate_private_key(ec.SECP256R1())
        delegate = self._sign(
            "ocsp-responder", self.facts, name_of("Bench OCSP"),
            PublicKey.of(key.public_key()), 60,
        )  # fmt: skip
        self.delegate = Delegate(certificate=delegate, signer=signer_of(key))

    def _sign(
        self, profile: str, issuer: IssuerFacts, subject: Name, public_key: PublicKey, days: int
    ) -> Certificate:
        tbs = build_tbs(
            shipped_profiles()[profile], issuer=issuer, serial_number=7, subject=subject,
            public_key=public_key, not_before=NOON - DAY, not_after=NOON + days * DAY,
        )  # fmt: skip
        signature = self.key.sign(tbs, ALGORITHM)
        return Certificate(assemble(tbs, algorithm=ECDSA_P256_SHA256, signature=signature))

    def responder(self) -> Responder:
        status = Status(state=State.VALID, since=NOON)
        served = ServedIssuer("issuer", self.certificate, [self.delegate])
        return Responder(
            [served], status_of=lambda _issuer, _serial: status, validity=timedelta(hours=12)
        )

    def request(self, *, nonce: bytes | None) -> bytes:
        """What OpenSSL sends: SHA-1."""
        native = self.certificate.native
        builder = ocsp.OCSPRequestBuilder().add_certificate(native, native, hashes.SHA1())
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.build().public_bytes(serialization.Encoding.DER)

    def built(self, encoded: list[bytes]) -> bytes:
        return build_list(
            self.facts, encoded, signer=self.signer, number=7, this_update=NOON,
            next_update=NOON + DAY,
        ).encoded  # fmt: skip

    def built_by_cryptography(self, entries: list[x509.RevokedCertificate]) -> bytes:
        """The same list; its entries given at once, for one by one is quadratic."""
        builder = x509.CertificateRevocationListBuilder(
            self.certificate.native.subject, NOON, NOON + DAY, [], entries
        ).add_extension(x509.CRLNumber(7), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def serials(count: int) -> Iterator[bytes]:
    return ((1 << 144 | number * 7919).to_bytes(19, "big") for number in range(count))


def entries(count: int) -> list[bytes]:
    """As the register keeps them: encoded when the status changed."""
    made = list_entry(serial := next(serials(1)), REVOKED)
    head, tail = made.split(serial)
    return [head + serial + tail for serial in serials(count)]


def native_entries(count: int) -> list[x509.RevokedCertificate]:
    reason = x509.CRLReason(x509.ReasonFlags.superseded)
    return [
        x509.RevokedCertificateBuilder()
        .serial_number(int.from_bytes(serial, "big"))
        .revocation_date(NOON)
        .add_extension(reason, critical=False)
        .build()
        for serial in serials(count)
    ]


def million() -> None:
    """In a process of its own: seconds for a list of a million, and the most memory it took."""
    keys = Keys()
    head, tail = list_entry(serial := next(serials(1)), REVOKED).split(serial)
    before = time.process_time()
    found = build_list(
        keys.facts, (head + serial + tail for serial in serials(1_000_000)), signer=keys.signer,
        number=7, this_update=NOON, next_update=NOON + DAY,
    )  # fmt: skip
    taken = time.process_time() - before
    # Not ru_maxrss: that remembers the process which started this one.
    said = Path("/proc/self/status").read_text()
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", said)[0]) / 1024
    print(json.dumps({"seconds": taken, "peak": peak, "size": len(found.encoded)}))


def run() -> Iterator[Row]:
    """The figures."""
    keys = Keys()
    responder = keys.responder()
    tbs = bytes(700)
    with_nonce, without = keys.request(nonce=bytes(range(32))), keys.request(nonce=None)
    ours, plain, floor = interleave(
        partial(responder.respond, with_nonce, at=NOON),
        partial(responder.respond, without, at=NOON),
        partial(keys.key.sign, tbs, ALGORITHM),
        rounds=21,
    )
    name = "OCSP answer with all extensions / raw P-256 signature"
    yield Row(name=f"{name}, nonce", ours=ours, floor=floor, goal=2.2)
    yield Row(name=f"{name}, no nonce", ours=plain, floor=floor, goal=2.2)

    encoded, theirs = entries(100_000), native_entries(100_000)
    ours, floor = interleave(
        partial(keys.built, encoded), partial(keys.built_by_cryptography, theirs), rounds=3
    )
    yield Row(name="CRL of 100,000 / cryptography's builder", ours=ours, floor=floor, goal=0.1)

    encoded, theirs = entries(1_000_000), native_entries(1_000_000)
    before = time.process_time()
    keys.built(encoded)
    middle = time.process_time()
    keys.built_by_cryptography(theirs)
    end = time.process_time()
    yield Row(
        name="CRL of 1,000,000 / cryptography's builder",
        ours=middle - before,
        floor=end - middle,
        goal=0.1,
    )
    del encoded, theirs
    command = [sys.executable, "-c", "from bench.bench_status import million; million()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    yield Row(
        name="CRL of 1,000,000, its entries made on the way: memory of the process / limit",
        ours=said["peak"],
        floor=350,
        unit="MB",
        goal=1,
    )

    source = entries(2_000_000)
    shards = [source[start::SHARDS] for start in range(SHARDS)]
    before = time.process_time()
    for number, shard in enumerate(shards):
        build_list(
            keys.facts, shard, signer=keys.signer, number=7, this_update=NOON,
            next_update=NOON + DAY, shard=number,
        )  # fmt: skip
    taken = time.process_time() - before
    name = "2,000,000 entries, kept encoded, into 1,024 signed lists / ten seconds"
    yield Row(name=name, ours=taken, floor=10, goal=1)
