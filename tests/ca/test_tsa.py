"""Time-stamps, judged by openssl and by our own reader."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from eds import der
from eds.algorithms import ECDSA_P256_SHA256, SHA1, SHA256, SHA512, DigestAlgorithm
from eds.ca.tsa import ClockReading, TimeStampAnswer, TimeStampingAuthority, TimeStampRules
from eds.errors import InvalidArgument
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from eds.publickeys import PublicKey
from eds.timestamps import PkiFailure, PkiStatus, TimeStampResponse
from tests.ca.hierarchy import NOON, authority, holder, leaf_key, root

POLICY = "1.2.398.3.3.2.6.4"
RULES = TimeStampRules(policy=POLICY, accuracy=timedelta(milliseconds=1500))
CLOCK = ClockReading(at=NOON + timedelta(microseconds=120), uncertainty=timedelta(milliseconds=20))


@cache
def stamper() -> TimeStampingAuthority:
    return TimeStampingAuthority(
        certificate=holder("tsa").certificate, signer=signer(leaf_key()), rules=RULES, node=5
    )


def signer(key: ec.EllipticCurvePrivateKey) -> LocalSigner:
    return LocalSigner(
        key,
        key=KeyRef(uri="file:tsa", label="tsa"),
        public_key=PublicKey.of(key.public_key()),
        algorithm=ECDSA_P256_SHA256,
    )


def request(
    document: bytes = b"document",
    *more: bytes,
    digest: DigestAlgorithm = SHA256,
    size: int | None = None,
    version: int = 1,
) -> bytes:
    value = hashlib.new(digest.name, document).digest()[:size]
    identifier = der.sequence(der.object_identifier(digest.oid), der.null())
    return der.sequence(
        der.integer(version), der.sequence(identifier, der.octet_string(value)), *more
    )


def respond(asked: bytes, clock: ClockReading = CLOCK) -> TimeStampAnswer:
    return stamper().respond(asked, clock=clock)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_openssl_verifies_a_token_it_asked_for(tmp_path: Path, algorithm: str) -> None:
    def openssl(*arguments: str) -> str:
        done = subprocess.run(
            ["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    (tmp_path / "document").write_bytes(b"I owe you 10")
    openssl("ts", "-query", "-data", "document", f"-{algorithm}", "-cert", "-out", "query")
    answer = respond((tmp_path / "query").read_bytes())
    (tmp_path / "reply").write_bytes(answer.encoded)
    for name, certificate in (
        ("root", root().certificate),
        ("ca", authority("time-stamping-ca").certificate),
    ):
        (tmp_path / f"{name}.der").write_bytes(certificate.encoded)
        openssl("x509", "-inform", "DER", "-in", f"{name}.der", "-out", f"{name}.pem")
    verify = ("ts", "-verify", "-in", "reply", "-CAfile", "root.pem", "-untrusted", "ca.pem",
              "-attime", str(int(NOON.timestamp()) + 60))  # fmt: skip
    assert "Verification: OK" in openssl(*verify, "-queryfile", "query")
    (tmp_path / "document").write_bytes(b"I owe you 1000")
    assert "Verification: FAILED" in openssl(*verify, "-data", "document")


def test_a_token_says_what_was_asked_and_promised() -> None:
    answer = respond(request(b"x", der.object_identifier(POLICY), der.integer(-77)))
    response = TimeStampResponse(answer.encoded)
    assert response.status is PkiStatus.GRANTED
    assert response.token is not None
    info = response.token.tst_info
    assert (info.policy, info.nonce) == (POLICY, -77)
    assert info.gen_time == CLOCK.at
    assert info.accuracy == RULES.accuracy
    assert info.imprint == hashlib.sha256(b"x").digest()
    assert info.serial_number == answer.serial_number
    assert response.token.signed_data.certificates == ()  # not asked for


def test_serial_numbers_never_repeat_and_fit_twenty_octets() -> None:
    numbers = {respond(request()).serial_number for _ in range(50)}
    assert len(numbers) == 50
    assert all(number is not None and 0 < number < 1 << 159 for number in numbers)


@pytest.mark.parametrize(
    ("asked", "failure"),
    [
        (b"", PkiFailure.BAD_DATA_FORMAT),
        (request()[:-1], PkiFailure.BAD_DATA_FORMAT),
        (request() + b"\0", PkiFailure.BAD_DATA_FORMAT),
        (request(size=31), PkiFailure.BAD_DATA_FORMAT),
        (request(version=2), PkiFailure.BAD_REQUEST),
        (request(digest=SHA1), PkiFailure.BAD_ALGORITHM),
        (request(b"x", der.object_identifier("1.2.3")), PkiFailure.UNACCEPTED_POLICY),
        (request(b"x", der.explicit(0, b"\x30\0")), PkiFailure.UNACCEPTED_EXTENSION),
        (bytes(200_000), PkiFailure.BAD_DATA_FORMAT),
    ],
)
def test_what_cannot_be_stamped_is_rejected_with_its_reason(
    asked: bytes, failure: PkiFailure
) -> None:
    answer = respond(asked)
    response = TimeStampResponse(answer.encoded)
    assert (response.status, response.token) == (PkiStatus.REJECTION, None)
    assert response.failures == {failure}
    assert answer.failure is failure


@pytest.mark.parametrize(
    "clock",
    [
        ClockReading(at=NOON, uncertainty=timedelta(0), in_doubt="two of three sources lost"),
        ClockReading(at=NOON, uncertainty=timedelta(seconds=10)),
        ClockReading(at=NOON - timedelta(days=4000), uncertainty=timedelta(0)),
    ],
)
def test_a_clock_in_doubt_makes_no_token(clock: ClockReading) -> None:
    answer = respond(request(digest=SHA512), clock)
    assert answer.failure is PkiFailure.TIME_NOT_AVAILABLE
    assert answer.serial_number is None


def test_a_certificate_for_anything_else_stamps_nothing() -> None:
    for certificate, key in (
        (holder("natural-person-signature").certificate, leaf_key()),
        (holder("tsa").certificate, ec.generate_private_key(ec.SECP256R1())),
    ):
        with pytest.raises(InvalidArgument):
            TimeStampingAuthority(certificate=certificate, signer=signer(key), rules=RULES, node=5)


def flipped(at: int, bit: int) -> bytes:
    data = bytearray(request(b"x", der.object_identifier(POLICY), der.integer(5)))
    data[at % len(data)] ^= 1 << bit
    return bytes(data)


@given(st.binary(max_size=300) | st.builds(flipped, st.integers(0, 99), st.integers(0, 7)))
def test_every_request_gets_a_well_formed_answer(asked: bytes) -> None:
    response = TimeStampResponse(respond(asked).encoded)
    assert (response.status is PkiStatus.GRANTED) == (response.token is not None)
