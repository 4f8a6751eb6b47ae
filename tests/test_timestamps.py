"""Time-stamps: read like `openssl ts` and `asn1crypto` read them."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der
from eds.errors import EdsError, LimitExceeded, MalformedTimeStampToken
from eds.timestamps import PkiFailure, PkiStatus, TimeStampResponse, TimeStampToken
from eds.tolerances import INDEFINITE_LENGTH, NEGATIVE_TIME_STAMP_NUMBER
from tests.material import DATA, needs_data, time_stamps

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPENSSL = shutil.which("openssl")


def tst_info(*rest: bytes, serial_number: int = 5, gen_time: bytes = b"20261123120000Z") -> bytes:
    return der.sequence(
        der.integer(1),
        der.object_identifier("1.2.3.4"),
        der.sequence(
            der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"), der.null()),
            der.octet_string(bytes(32)),
        ),
        der.integer(serial_number),
        der.value(der.GENERALIZED_TIME, gen_time),
        *rest,
    )


def token(content: bytes, *, content_type: str = "1.2.840.113549.1.9.16.1.4") -> bytes:
    """A token that nobody signed."""
    signed = der.sequence(
        der.integer(3),
        der.set_of(),
        der.sequence(
            der.object_identifier(content_type), der.explicit(0, der.octet_string(content))
        ),
        der.set_of(),
    )
    return der.sequence(der.object_identifier("1.2.840.113549.1.7.2"), der.explicit(0, signed))


def response(status: int, *rest: bytes) -> bytes:
    return der.sequence(der.sequence(der.integer(status)), *rest)


@needs_data
def test_token_and_response_of_the_nca() -> None:
    stamped = TimeStampToken.load((DATA / "kz/tsp/tsp_token.bin").read_bytes())
    assert TimeStampToken.load((DATA / "kz/tsp/tsp_response.bin").read_bytes()) == stamped
    theirs = cms.ContentInfo.load(stamped.encoded)["content"]
    info = tsp.TSTInfo.load(theirs["encap_content_info"]["content"].contents)
    ours = stamped.tst_info
    assert ours.policy == info["policy"].dotted
    assert ours.imprint == info["message_imprint"]["hashed_message"].native
    assert ours.serial_number == info["serial_number"].native
    assert ours.gen_time == info["gen_time"].native
    assert ours.nonce == info["nonce"].native
    assert (ours.accuracy, ours.tsa, ours.ordering) == (None, None, False)
    assert [signer.encoded for signer in stamped.signed_data.signer_infos] == [
        signer.dump() for signer in theirs["signer_infos"]
    ]
    assert [certificate.encoded for certificate in stamped.signed_data.certificates] == [
        certificate.chosen.dump() for certificate in theirs["certificates"]
    ]


@needs_data
def test_tokens_of_other_authorities() -> None:
    read = {name: TimeStampToken.load(data) for name, data in time_stamps().items()}
    assert len(read) >= 6
    # One of them wrote BER; the others are DER in all that was looked at.
    assert {name for name, token in read.items() if token.tolerances} == {
        "dss-revocation/spi/tst_with_broken_ocsp.tst"
    }


@pytest.mark.skipif(OPENSSL is None, reason="no openssl here")
def test_token_that_openssl_made(tmp_path: Path) -> None:
    assert OPENSSL
    config = tmp_path / "tsa.cnf"
    config.write_text(
        f"[tsa]\ndefault_tsa=t\n[t]\nserial={tmp_path}/serial\ncrypto_device=builtin\nsigner_digest=sha256\n"
        "default_policy=1.2.3.4.1\ndigests=sha256\naccuracy=secs:1,millisecs:500,microsecs:100\n"
        "ordering=yes\ntsa_name=yes\ness_cert_id_chain=no\n"
    )
    (tmp_path / "serial").write_text("0A\n")
    run = [OPENSSL]

    def openssl(*arguments: str) -> bytes:
        done = subprocess.run(
            [*run, *arguments], capture_output=True, check=True, cwd=tmp_path, timeout=30
        )
        return done.stdout

    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", "key.pem", "-out", "tsa.pem", "-subj", "/CN=TSA"),
        *("-addext", "extendedKeyUsage=critical,timeStamping"),
    )
    (tmp_path / "document").write_bytes(b"owed: 10")
    openssl("ts", "-query", "-data", "document", "-sha256", "-cert", "-out", "query")
    openssl(
        *("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-signer", "tsa.pem"),
        *("-inkey", "key.pem", "-out", "reply"),
    )
    text = openssl("ts", "-reply", "-in", "reply", "-text").decode()
    answer = TimeStampResponse((tmp_path / "reply").read_bytes())
    assert (answer.status, answer.failures) == (PkiStatus.GRANTED, frozenset())
    assert answer.token is not None
    found = answer.token.tst_info
    assert found.serial_number == int(text.split("Serial number: ")[1].split("\n")[0], 16)
    assert found.nonce == int(text.split("Nonce: ")[1].split("\n")[0], 16)
    assert found.accuracy == timedelta(seconds=1, milliseconds=500, microseconds=100)
    assert found.ordering
    assert found.tsa is not None
    assert found.policy == "1.2.3.4.1"
    assert found.gen_time.strftime("%b %e %H:%M:%S") in text
    assert (
        len(answer.token.signed_data.certificates)
        == len(answer.token.signed_data.signer_infos)
        == 1
    )


def test_negative_serial_number_and_nonce_are_read() -> None:
    stamped = TimeStampToken(token(tst_info(der.integer(-7), serial_number=-1 << 100)))
    assert stamped.tolerances == {NEGATIVE_TIME_STAMP_NUMBER}
    assert TimeStampToken(token(tst_info())).tolerances == frozenset()
    found = stamped.tst_info
    assert (found.serial_number, found.nonce) == (-1 << 100, -7)


@pytest.mark.parametrize(
    ("written", "microsecond"),
    [(b"20261123120000Z", 0), (b"20261123120000.5Z", 500000), (b"20261123120000.1234567Z", 123456)],
)
def test_fraction_of_the_second(written: bytes, microsecond: int) -> None:
    found = TimeStampToken(token(tst_info(gen_time=written))).tst_info
    assert found.gen_time == NOON.replace(microsecond=microsecond)


def test_refusal_says_why() -> None:
    status = der.sequence(
        der.integer(2),
        der.sequence(der.utf8_string("no"), der.utf8_string("clock")),
        der.named_bits(frozenset({14})),
    )
    answer = TimeStampResponse(der.sequence(status))
    assert (answer.status, answer.status_texts) == (PkiStatus.REJECTION, ("no", "clock"))
    assert answer.failures == {PkiFailure.TIME_NOT_AVAILABLE}
    assert answer.token is None
    with pytest.raises(MalformedTimeStampToken):
        TimeStampToken.load(answer.encoded)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0\0",
        response(0),  # granted, but nothing there
        response(2, token(tst_info())),  # refused, but a token there
        response(9),
        token(tst_info(), content_type="1.2.840.113549.1.7.1"),
        token(tst_info(gen_time=b"20261123120000.50Z")),
        token(tst_info(gen_time=b"20261123120000+0500")),
        token(tst_info(der.integer(5), der.integer(6))),
        token(b""),
        token(tst_info()) + b"\0",
        der.sequence(der.object_identifier("1.2.840.113549.1.7.1")),
    ],
)
def test_bytes_that_are_no_token_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedTimeStampToken):
        TimeStampToken.load(data)


def test_token_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        TimeStampToken.load(b"0" * (256 * 1024 + 1))


@needs_data
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_tokens_raise_only_errors_of_this_library(data: st.DataObject) -> None:
    pool = [*time_stamps().values(), token(tst_info(der.integer(1))), response(0, token(b""))]
    encoded = bytearray(data.draw(st.sampled_from(pool)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(encoded), 3000) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
    for kind in (TimeStampToken.load, TimeStampResponse):
        try:
            found = kind(bytes(encoded))
        except EdsError:
            continue
        for name in sorted(set(dir(type(found))) - set(dir(object)) - {"load"}):
            if not name.startswith("_"):
                try:
                    _ = getattr(found, name)
                except EdsError:
                    continue


def test_a_token_in_ber_is_read_and_the_departure_is_named() -> None:
    strict = TimeStampToken(token(tst_info()))
    content = der.decode(strict.encoded).octets
    read = TimeStampToken(b"\x30\x80" + content + b"\0\0")
    assert read.tst_info == strict.tst_info
    assert read.tolerances == {INDEFINITE_LENGTH}
    assert strict.tolerances == frozenset()
