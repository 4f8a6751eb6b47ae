"""`eds sign`, `cosign`, `extend` and `timestamp`, as people at their own machine run them."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from eds.algorithms import ECDSA_P256_SHA256, STREEBOG512
from eds.signeddata import SignedData
from eds.timestamps import TimeStampToken
from tests.cli.conftest import PASSWORD, Eds, Outcome, at_terminal, openssl
from tests.sign.house import Desk, Party, certify, page, with_catalogue
from tests.verify import peer as peers
from tests.verify.peer import Peer, reply

CONTENT = "Мен сізге 10 теңге қарызбын".encode()
NOW = datetime.now(UTC).replace(microsecond=0)  # the command reads the clock
PERIOD: dict[str, Any] = {
    "not_before": NOW - timedelta(days=1),
    "not_after": NOW + timedelta(days=30),
}


@cache
def made(name: str, issuer: str = "", **more: Any) -> Party:
    key = ec.generate_private_key(ec.SECP256R1())
    above = made(issuer, is_authority=True) if issuer else None
    certificate = certify(
        name,
        key.public_key(),
        issuer=None if above is None else (above.certificate.native.subject, above.native),
        own_key=key,
        **PERIOD,
        **more,
    )
    issuers = () if above is None else (above.certificate,)
    return Party(native=key, certificate=certificate, issuers=issuers, algorithm=ECDSA_P256_SHA256)


ROOT, SIGNER = "Town root", "ӘЛИЕВА АЙГЕРІМ"


def root() -> Party:
    return made(ROOT, is_authority=True)


def stamping() -> Desk:
    purpose = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
    return Desk(
        party=made("Town clock", ROOT, usage="digital_signature", extensions=(purpose,)), at=NOW
    )


def revocation_list(reason: x509.ReasonFlags | None = None) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root().certificate.native.subject)
        .last_update(NOW - timedelta(hours=1))
        .next_update(NOW + timedelta(days=1))
    )
    if reason is not None:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(made(SIGNER, ROOT).certificate.serial_number)
            .revocation_date(NOW - timedelta(hours=2))
            .add_extension(x509.CRLReason(reason), critical=False)
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(root().native, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.fixture
def place(tmp_path: Path, eds: Eds, home: Path) -> Path:
    """A citizen's machine: a key file, anchors, a list, documents."""
    for name in (SIGNER, "second"):
        one = made(name, ROOT)
        (tmp_path / f"{name}.p12").write_bytes(
            pkcs12.serialize_key_and_certificates(
                name.encode(),
                one.native,
                one.certificate.native,
                [root().certificate.native],
                BestAvailableEncryption(PASSWORD.encode()),
            )
        )
        (tmp_path / f"{name}.p12").chmod(0o600)
    (tmp_path / "root.pem").write_bytes(root().certificate.native.public_bytes(Encoding.PEM))
    (tmp_path / "root.crl").write_bytes(revocation_list())
    (tmp_path / "letter.txt").write_bytes(CONTENT)
    (tmp_path / "page.pdf").write_bytes(page())
    eds(
        *("trust", "add", str(tmp_path / "root.pem"), "--trust", str(tmp_path / "trust")),
        *("--environment", "test", "--yes"),
    )
    return tmp_path


@pytest.fixture
def signing(place: Path, eds: Eds) -> Callable[..., Outcome]:
    """`eds sign …` with the citizen's key and its password, without questions."""

    def run(
        *words: str | Path, who: str = SIGNER, verb: str = "sign", asks: bool = False
    ) -> Outcome:
        return eds(
            verb,
            *words,
            *("--store", place / f"{who}.p12"),
            *("--trust", place / "trust", "--evidence", place / "root.crl"),
            *(() if asks else ("--yes",)),
            password=PASSWORD,
        )

    return run


@pytest.fixture
def clock() -> Iterator[Peer]:
    """A time-stamping authority on loopback."""
    desk = stamping()
    authority = desk.authority()

    def behave(peer: Peer, connection: socket.socket, request: bytes) -> None:
        now = replace(desk, at=datetime.now(UTC)).clock
        answer = authority.respond(request.partition(b"\r\n\r\n")[2], clock=now).encoded
        reply(answer)(peer, connection, request)

    with peers.serving(behave) as one:
        yield one


def verified(eds: Eds, place: Path, *words: str | Path) -> Any:
    return eds(
        *("verify", *map(str, words), "--trust", str(place / "trust"), "--json"),
        *("--evidence", str(place / "root.crl")),
    ).json[0]["report"]


def test_a_signature_beside_the_document_verifies_here_and_with_openssl(
    place: Path, signing: Callable[..., Outcome], eds: Eds
) -> None:
    done = signing(place / "letter.txt")
    assert done.status == 0, done.err
    signature = place / "letter.txt.p7s"
    report = verified(eds, place, signature)
    assert (report["indication"], report["signatures"][0]["level"]) == ("TOTAL_PASSED", "B")
    openssl(
        *("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"),
        *("-in", signature, "-content", place / "letter.txt", "-CAfile", place / "root.pem"),
        *("-out", place / "out"),
    )
    assert (place / "out").read_bytes() == CONTENT


def test_several_documents_are_signed_with_one_password(
    place: Path, signing: Callable[..., Outcome], eds: Eds
) -> None:
    done = signing(place / "letter.txt", place / "page.pdf", "--out", place / "signed", "--json")
    assert done.status == 0, done.err
    assert [Path(one["target"]).name for one in done.json] == ["letter.txt.p7s", "page.signed.pdf"]
    again = signing(place / "letter.txt", "--out", place / "signed")
    assert (again.status, again.code) == (5, "sign.document_exists")


def test_levels_are_reached_with_an_authority_of_time(
    place: Path, signing: Callable[..., Outcome], eds: Eds, clock: Peer
) -> None:
    stamped = ("--tsa", clock.url(), "--tsa-network", "127.0.0.0/8")
    done = signing(place / "letter.txt", "--attached", "--level", "LTA", *stamped)
    assert done.status == 0, done.err
    report = eds(
        *("verify", str(place / "letter.txt.p7m"), "--trust", str(place / "trust"), "--json")
    ).json[0]["report"]
    assert (report["indication"], report["signatures"][0]["level"]) == ("TOTAL_PASSED", "LTA")
    missing = signing(place / "letter.txt", "--level", "T")
    assert missing.status == 2
    refused = signing(place / "letter.txt", "--level", "T", "--tsa", clock.url())
    assert (refused.status, refused.code) == (7, "sign.time_stamp_refused")


def test_a_pdf_is_signed_for_people_to_see_and_raised_later(
    place: Path, signing: Callable[..., Outcome], eds: Eds, clock: Peer
) -> None:
    pytest.importorskip("uharfbuzz", reason="the extra pdf is not installed")
    done = signing(place / "page.pdf", "--visible", "1,30,30,250,90", "--language", "ru",
                   "--reason", "Согласовано", "--qr", "https://example.kz/e/1")  # fmt: skip
    assert done.status == 0, done.err
    signed = place / "page.signed.pdf"
    assert verified(eds, place, signed)["signatures"][0]["level"] == "B"
    if shutil.which("pdftotext") is not None:
        text = subprocess.run(["pdftotext", signed, "-"], capture_output=True, check=True).stdout
        assert SIGNER in text.decode()
        assert "Основание: Согласовано" in text.decode()
    stamped = ("--tsa", clock.url(), "--tsa-network", "127.0.0.0/8")
    for level, source, target in (("LT", signed, "lt.pdf"), ("LTA", place / "lt.pdf", "lta.pdf")):
        raised = eds(
            *("extend", str(source), "--level", level, "--out", str(place / target)),
            *("--trust", str(place / "trust"), "--evidence", str(place / "root.crl"), *stamped),
        )
        assert raised.status == 0, raised.err
    renewed = eds(
        *("extend", str(place / "lta.pdf"), "--renew", "--out", str(place / "renewed.pdf")),
        *("--trust", str(place / "trust"), "--evidence", str(place / "root.crl"), *stamped),
    )
    assert renewed.status == 0, renewed.err
    at_once = signing(place / "page.pdf", "--level", "LTA", "--out", place / "once.pdf", *stamped)
    assert at_once.status == 0, at_once.err
    for name in ("lta.pdf", "renewed.pdf", "once.pdf"):
        report = eds("verify", str(place / name), "--trust", str(place / "trust"), "--json")
        found = report.json[0]["report"]
        assert (found["indication"], found["signatures"][0]["level"]) == ("TOTAL_PASSED", "LTA")


def test_a_pdf_that_may_show_something_else_tomorrow_is_signed_only_where_that_is_accepted(
    place: Path, signing: Callable[..., Outcome], eds: Eds
) -> None:
    script = b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"
    (place / "script.pdf").write_bytes(with_catalogue(script))
    refused = signing(place / "script.pdf")
    assert (refused.status, refused.code) == (5, "sign.document_refused")
    assert "(javascript)" in refused.err
    assert not (place / "script.signed.pdf").exists()
    assert signing(place / "script.pdf", "--accept-risk", "scripts").status == 2
    assert signing(place / "script.pdf", "--accept-risk", "javascript").status == 5
    both = ("--accept-risk", "javascript", "--accept-risk", "automatic_action")
    assert signing(place / "script.pdf", *both).status == 0
    kept = eds("key", "import", place / f"{SIGNER}.p12", source=PASSWORD, new=PASSWORD)
    assert kept.status == 0, kept.err
    asked = at_terminal("sign", place / "script.pdf", "--trust", place / "trust",
                        answers=[("Sign?", "n\n")])  # fmt: skip
    assert "it runs scripts (javascript)" in " ".join(asked.out.split())


@pytest.mark.parametrize(
    "wish",
    [
        ("--visible", "1,30"),
        ("--visible", "one,1,1,1,1"),
        ("--visible", "field"),
        ("--qr", "https://example.kz/e/1"),
    ],
)
def test_a_place_that_is_none_is_refused_before_anything_is_asked(
    wish: tuple[str, ...], place: Path, signing: Callable[..., Outcome]
) -> None:
    assert signing(place / "page.pdf", *wish).status == 2
    assert not (place / "page.signed.pdf").exists()


def test_signatures_are_added_and_raised_later(
    place: Path, signing: Callable[..., Outcome], eds: Eds, clock: Peer
) -> None:
    signing(place / "letter.txt")
    signature = place / "letter.txt.p7s"
    both = place / "both.p7s"
    done = signing(signature, "--out", both, who="second", verb="cosign")
    assert done.status == 0, done.err
    counter = signing(both, "--counter", "--content", place / "letter.txt", "--out",
                      place / "counter.p7s", who="second", verb="cosign")  # fmt: skip
    assert counter.status == 0, counter.err
    raised = eds(
        *("extend", str(both), "--content", str(place / "letter.txt"), "--level", "LT"),
        *("--out", str(place / "lasting.p7s"), "--trust", str(place / "trust")),
        *("--evidence", str(place / "root.crl")),
        *("--tsa", clock.url(), "--tsa-network", "127.0.0.0/8"),
    )
    assert raised.status == 0, raised.err
    report = verified(eds, place, place / "lasting.p7s", "--content", place / "letter.txt")
    assert [one["level"] for one in report["signatures"]] == ["LT", "LT"]
    assert set(SignedData(signature.read_bytes()).certificates) <= set(
        SignedData(both.read_bytes()).certificates
    )


def test_the_digest_of_a_time_stamp_can_be_chosen(place: Path, eds: Eds, clock: Peer) -> None:
    letter = place / "letter.txt"
    done = eds(
        *("timestamp", str(letter), "--trust", str(place / "trust"), "--digest", "streebog512"),
        *("--tsa", clock.url(), "--tsa-network", "127.0.0.0/8"),
    )
    assert done.status == 0, done.err
    info = TimeStampToken((place / "letter.txt.tst").read_bytes()).tst_info
    assert info.imprint == STREEBOG512.digest(letter.read_bytes())


def test_a_time_stamp_over_a_file_is_good_for_openssl(place: Path, eds: Eds, clock: Peer) -> None:
    done = eds(
        *("timestamp", str(place / "letter.txt"), "--trust", str(place / "trust"), "--json"),
        *("--tsa", clock.url(), "--tsa-network", "127.0.0.0/8"),
    )
    assert done.status == 0, done.err
    token = place / "letter.txt.tst"
    assert TimeStampToken(token.read_bytes()).tst_info.gen_time.isoformat() == done.json["time"]
    openssl(
        *("ts", "-verify", "-token_in", "-in", token, "-data", place / "letter.txt"),
        *("-CAfile", place / "root.pem"),
    )


@pytest.mark.parametrize(
    "reason", [x509.ReasonFlags.certificate_hold, x509.ReasonFlags.key_compromise]
)
def test_a_held_or_revoked_certificate_signs_nothing(
    reason: x509.ReasonFlags, place: Path, signing: Callable[..., Outcome]
) -> None:
    (place / "root.crl").write_bytes(revocation_list(reason))
    done = signing(place / "letter.txt")
    assert (done.status, done.code) == (5, "sign.certificate_refused")
    assert not (place / "letter.txt.p7s").exists()


def test_nothing_is_signed_unasked(place: Path, signing: Callable[..., Outcome]) -> None:
    done = signing(place / "letter.txt", asks=True)
    assert done.status == 2
    assert "--yes" in done.err
    assert not (place / "letter.txt.p7s").exists()


def test_a_person_sees_what_will_be_signed_before_the_password_is_asked_for(
    place: Path, eds: Eds
) -> None:
    kept = eds("key", "import", place / f"{SIGNER}.p12", source=PASSWORD, new=PASSWORD)
    assert kept.status == 0, kept.err
    asked = ("sign", place / "letter.txt", "--trust", place / "trust")
    refused = at_terminal(*asked, answers=[("Sign?", "n\n")])
    assert hashlib.sha256(CONTENT).hexdigest() in refused.out.replace("\n", "").replace(" ", "")
    assert "nothing at hand says" in refused.out
    assert not (place / "letter.txt.p7s").exists()
    done = at_terminal(*asked, answers=[("Sign?", "y\n"), ("assword", f"{PASSWORD}\n")])
    assert done.status == 0, done.out
    assert (place / "letter.txt.p7s").exists()
