"""A time-stamp token from the encoded request, beside one raw P-256 signature of as many octets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec

from bench.bench_status import ALGORITHM, DAY, NOON, Keys, name_of, signer_of
from bench.report import Row, interleave
from eds import der
from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.profiles import shipped_profile
from eds.ca.tbs import assemble, build_tbs
from eds.ca.tsa import ClockReading, TimeStampingAuthority, TimeStampRules
from eds.certificates import Certificate
from eds.publickeys import PublicKey
from eds.timestamps import TimeStampResponse

SHA256 = "2.16.840.1.101.3.4.2.1"
CLOCK = ClockReading(at=NOON, uncertainty=timedelta(milliseconds=20))


def request() -> bytes:
    """What OpenSSL sends with -cert: a digest, a nonce, the certificate wanted."""
    imprint = hashlib.sha256(b"document").digest()
    algorithm = der.sequence(der.object_identifier(SHA256), der.null())
    return der.sequence(
        der.integer(1),
        der.sequence(algorithm, der.octet_string(imprint)),
        der.integer(0x1234567890ABCDEF),
        b"\x01\x01\xff",  # certReq
    )


def authority() -> tuple[TimeStampingAuthority, ec.EllipticCurvePrivateKey]:
    keys = Keys()
    key = ec.generate_private_key(ec.SECP256R1())
    tbs = build_tbs(
        shipped_profile("tsa"), issuer=keys.facts, serial_number=9, subject=name_of("Bench TSA"),
        public_key=PublicKey.of(key.public_key()), not_before=NOON - DAY,
        not_after=NOON + 400 * DAY,
    )  # fmt: skip
    signature = keys.key.sign(tbs, ALGORITHM)
    encoded = assemble(tbs, algorithm=ECDSA_P256_SHA256, signature=signature)
    made = TimeStampingAuthority(
        certificate=Certificate(encoded), signer=signer_of(key),
        rules=TimeStampRules(policy="1.2.398.3.3.2.6.4"), node=5,
    )  # fmt: skip
    return made, key


def run() -> Iterator[Row]:
    stamper, key = authority()
    asked = request()
    token = TimeStampResponse(stamper.respond(asked, clock=CLOCK).encoded).token
    if token is None or token.tst_info.gen_time != NOON:
        raise RuntimeError("no token")
    ours, floor = interleave(
        partial(stamper.respond, asked, clock=CLOCK),
        partial(key.sign, bytes(250), ALGORITHM),
        rounds=21,
    )
    yield Row(
        name="time-stamp token from the request / raw P-256 signature",
        ours=ours, floor=floor, goal=2.5,
    )  # fmt: skip
