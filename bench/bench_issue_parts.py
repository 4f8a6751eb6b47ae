"""What issuing one certificate costs beside its signature: writing, linting, guarding, key check.

The floor is one raw P-256 verification and one raw P-256 signature, which no issue can do without.
Each leaf has its own serial number and subject, so that nothing but the shared part is remembered.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.keycheck import check_key
from eds.ca.lint import lint
from eds.ca.monitor import GuardedKey, permit_certificate
from eds.ca.profiles import shipped_profile
from eds.ca.tbs import IssuerFacts, build_tbs
from eds.names import Name
from eds.persons import NaturalPerson
from eds.publickeys import PublicKey

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
COUNT = 512


def subject(number: int) -> Name:
    return NaturalPerson(
        country="KZ",
        common_name=f"АХМЕТОВ АСАН {number}",
        surname="АХМЕТОВ",
        given_name=f"АСАН {number}",
        serial_number=f"PNOKZ-{number:012}",
    ).name


def run() -> Iterable[Row]:
    signer = ec.generate_private_key(ec.SECP256R1())
    keys = [
        PublicKey.of(ec.generate_private_key(ec.SECP256R1()).public_key()) for _ in range(COUNT)
    ]
    profile = shipped_profile("natural-person-signature")
    issuer = IssuerFacts(
        name=Name.parse("CN=Issuing authority 2026,O=Example,C=KZ"),
        public_key=PublicKey.of(signer.public_key()),
        key_identifier=bytes(20),
        algorithm=ECDSA_P256_SHA256,
        not_before=NOON - 10 * DAY,
        not_after=NOON + 3000 * DAY,
        kind=shipped_profile("issuing-ca").kind,
        crl_urls=("http://crl.example.kz/2026/{shard}.crl",),
        shard_count=1024,
        ocsp_urls=("http://ocsp.example.kz/",),
        ca_issuer_urls=("http://pki.example.kz/issuing.cer",),
        cps_url="https://example.kz/cps",
    )
    subjects = [subject(number) for number in range(COUNT)]
    serials = [int.from_bytes(b"\x01" + secrets.token_bytes(18), "big") for _ in range(COUNT)]

    def build(number: int) -> bytes:
        return build_tbs(
            profile,
            issuer=issuer,
            serial_number=serials[number],
            subject=subjects[number],
            public_key=keys[number],
            not_before=NOON,
            not_after=NOON + 365 * DAY,
            shard=number % 8,
            email="asan@example.kz",
        )

    built = [build(number) for number in range(COUNT)]
    turn = itertools.cycle(range(COUNT))
    ecdsa = ec.ECDSA(hashes.SHA256())
    message = built[0]
    signature = signer.sign(message, ecdsa)
    public = signer.public_key()
    long_key = PublicKey.of(rsa.generate_private_key(65537, 2048).public_key()).encoded

    def floor() -> None:
        public.verify(signature, message, ecdsa)
        signer.sign(message, ecdsa)

    def linted() -> None:
        number = next(turn)
        found = lint(built[number], profile=profile, issuer=issuer, at=NOON, shard=number % 8)
        assert not found

    def guarded() -> None:
        permit_certificate(built[next(turn)], issuer_kind=GuardedKey.ISSUING_AUTHORITY)

    least, tbs, judged, watched, checked, rsa_checked = interleave(
        floor,
        lambda: build(next(turn)),
        linted,
        guarded,
        lambda: check_key(PublicKey(keys[next(turn)].encoded)),
        lambda: check_key(PublicKey(long_key)),
    )
    yield Row(name="write a leaf to be signed", ours=tbs, floor=least, goal=0.25)
    yield Row(name="lint a leaf, 68 rules", ours=judged, floor=least, goal=1.0)
    yield Row(name="guard the key", ours=watched, floor=least, goal=0.6)
    yield Row(name="check a P-256 key", ours=checked, floor=least, goal=0.3)
    yield Row(name="check an RSA-2048 key", ours=rsa_checked, floor=least, goal=1.5)
