"""Lists, answers and tokens judged by GnuTLS, which shares no code with OpenSSL.

Its tools know no other time than now, so what they judge here is valid for years.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from eds import der
from eds.ca.lifecycle import Act
from eds.timestamps import TimeStampResponse
from tests.ca.hierarchy import DAY, NOON, authority, pem, root
from tests.ca.status_desk import (
    HOUR,
    Desk,
    delegate,
    new_register,
    ocsp_request,
    open_desk,
    shard_of,
)
from tests.ca.test_tsa import CLOCK, stamper
from tests.ca.test_tsa import request as stamp_request

pytestmark = pytest.mark.skipif(
    not (shutil.which("certtool") and shutil.which("ocsptool")),
    reason="no certtool or ocsptool here (gnutls-bin)",
)
LATER = NOON + 2800 * DAY


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    made = open_desk(new_register("sqlite", request, tmp_path))
    (tmp_path / "ca.pem").write_text(pem(authority("issuing-ca").certificate))
    (tmp_path / "other.pem").write_text(pem(authority("time-stamping-ca").certificate))
    yield made
    made.register.engine.dispose()


def gnutls(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["issuing-ca", "time-stamping-ca"])
def test_gnutls_accepts_authorities(name: str, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(pem(root().certificate))
    (tmp_path / "chain.pem").write_text(pem(authority(name).certificate) + pem(root().certificate))
    verify = ("certtool", "--verify", "--load-ca-certificate", "root.pem", "--infile")
    status, said = gnutls(tmp_path, *verify, "chain.pem")
    assert status == 0, said


def test_gnutls_accepts_lists_and_what_they_say(desk: Desk, tmp_path: Path) -> None:
    (serial,) = desk.issue()
    desk.change(serial, Act.HOLD, at=NOON - HOUR)
    shard = shard_of(serial)
    full = desk.publisher().publish(shard, next_update=LATER, actor="crl", at=NOON)
    desk.change(serial, Act.RELEASE, at=NOON)
    delta = desk.publisher().publish_delta(shard, next_update=LATER, actor="crl", at=NOON + HOUR)
    for found, words in (
        (full, ("Revoked certificates (1)", f"Serial Number (hex): {serial.hex()}")),
        (delta, ("Revoked certificates (1)",)),
    ):
        native = x509.load_der_x509_crl(found.encoded)
        (tmp_path / "list.pem").write_bytes(native.public_bytes(Encoding.PEM))
        verify = ("certtool", "--verify-crl", "--infile", "list.pem", "--load-ca-certificate")
        status, said = gnutls(tmp_path, *verify, "ca.pem")
        assert status == 0, said
        assert "Verification output: Verified." in said
        status, said = gnutls(tmp_path, *verify, "other.pem")
        assert "Not verified" in said or status, said
        _, said = gnutls(tmp_path, "certtool", "--crl-info", "--infile", "list.pem")
        assert all(word in said for word in words), said


def test_gnutls_accepts_ocsp_answers(desk: Desk, tmp_path: Path) -> None:
    good, revoked = desk.issue(2)
    desk.change(revoked, Act.REVOKE, at=NOON)
    one = delegate(days=2800)
    for serial, word in ((good, "Certificate Status: good"), (revoked, "revoked")):
        answer = desk.responder(one).respond(ocsp_request(serial), at=NOON)
        (tmp_path / "answer").write_bytes(answer.encoded)
        verify = ("ocsptool", "--verify-response", "--load-response", "answer", "--load-trust")
        status, said = gnutls(tmp_path, *verify, "ca.pem")
        assert status == 0, said
        assert "Verifying OCSP Response: Success." in said
        assert word in said
        _, said = gnutls(tmp_path, *verify, "other.pem")
        assert "Verifying OCSP Response: Success." not in said


def test_gnutls_accepts_the_signature_of_a_token(tmp_path: Path) -> None:
    answer = stamper().respond(stamp_request(b"x", der.boolean(True)), clock=CLOCK)
    token = TimeStampResponse(answer.encoded).token
    assert token is not None
    (tmp_path / "token").write_bytes(token.encoded)
    (tmp_path / "signer.pem").write_text(pem(stamper().certificate))
    verify = ("certtool", "--p7-verify", "--inder", "--infile", "token", "--load-certificate")
    status, said = gnutls(tmp_path, *verify, "signer.pem")
    assert (status, "Signature status: ok" in said) == (0, True), said
    # One octet of the signed TSTInfo: another serial number.
    serial = answer.serial_number or 0
    octets = serial.to_bytes(19, "big")
    changed = token.encoded.replace(octets, octets[:-1] + bytes((octets[-1] ^ 1,)), 1)
    (tmp_path / "token").write_bytes(changed)
    status, said = gnutls(tmp_path, *verify, "signer.pem")
    assert (status, "Signature status: ok" in said) != (0, True), said
