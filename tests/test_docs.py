"""Every block of Python on a page runs, in the order of the page, with what its words assume."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import create_engine, text

from eds import (
    CertificateList,
    Evidence,
    KeyPurpose,
    Secret,
    TrustAnchor,
    TrustStore,
    open_keystore,
)
from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.folder import upgrade_database
from eds.keys.files import FileKeyStore
from eds.keys.pbe import Scrypt
from eds.keys.privatekeys import PrivateKey
from eds.sign.cms import sign_attached, sign_detached
from eds.sign.levels import Raising, extend
from eds.signeddata import SignedData
from eds.verify.policy import BASIC, Level
from eds.verify.trustfolder import save_trust_store
from eds_cli.main import cli
from tests.ca.hierarchy import NOON, authority
from tests.ca.status_desk import (
    ISSUER,
    delegate,
    facts,
    is_personal,
    ocsp_request,
    open_desk,
    shard_of,
    signer_of,
)
from tests.http.portal import card
from tests.keys import softhsm
from tests.login import house
from tests.sign.house import Desk, Party, certify, page
from tests.verify import status_house

ROOT = Path(__file__).parents[1]
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
PASSWORD = "correct horse battery staple"
LETTER = b"I owe you 10"
Given = dict[str, Any]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def type_password(request: object) -> Secret:
    return Secret(PASSWORD)


# --- what the pages assume ------------------------------------------------------------------------


@cache
def party(name: str, usage: str = "content_commitment", *more: Any) -> Party:
    """Somebody under one root, valid today."""
    key = ec.generate_private_key(ec.SECP256R1())
    dates: Given = {"not_before": NOW - DAY, "not_after": NOW + 30 * DAY}
    if name == "root":
        own = certify(name, key.public_key(), issuer=None, own_key=key, is_authority=True, **dates)
        return Party(native=key, certificate=own, issuers=(), algorithm=ECDSA_P256_SHA256)
    root = party("root")
    issuer = (root.certificate.native.subject, root.native)
    made = certify(
        name, key.public_key(), issuer=issuer, usage=usage, extensions=tuple(more), **dates
    )
    return Party(
        native=key, certificate=made, issuers=(root.certificate,), algorithm=ECDSA_P256_SHA256
    )


@cache
def status() -> Evidence:
    root = party("root")
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.certificate.native.subject)
        .last_update(NOW - timedelta(hours=1))
        .next_update(NOW + DAY)
        .sign(root.native, hashes.SHA256())
    )
    return Evidence(lists=(CertificateList(made.public_bytes(Encoding.DER)),))


def trust() -> TrustStore:
    return TrustStore([TrustAnchor(certificate=party("root").certificate)], name="ours")


def a_signed_contract(folder: Path) -> Given:
    """A contract, its signature with all that a verdict needs, and a folder of anchors."""
    stamping = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
    stamper = Desk(party=party("TSA", "digital_signature", stamping), at=NOW)
    signed = SignedData(sign_detached(LETTER, by=party("ӘЛИЕВА АЙГЕРІМ").cms(at=NOW)))
    by = Raising(trust=trust(), policy=BASIC, at=NOW, stamper=stamper, evidence=status())
    save_trust_store(trust(), folder / "trust")
    return {
        "contract": LETTER,
        "signature": extend(signed, to=Level.LT, by=by, document=LETTER),
    }


def a_key_with_a_certificate(folder: Path) -> Given:
    aigerim = party("ӘЛИЕВА АЙГЕРІМ")
    FileKeyStore(folder / "keys").add(
        PrivateKey.of(aigerim.native),
        label="aigerim",
        purpose=KeyPurpose.SIGNATURE,
        pin=type_password,
        certificates=(aigerim.certificate, *aigerim.issuers),
    )
    (folder / "letter.docx").write_bytes(LETTER)
    return {"trust": trust(), "evidence": status(), "document": page()}


def the_readme(folder: Path) -> Given:
    return a_signed_contract(folder) | a_key_with_a_certificate(folder) | {"ask": type_password}


def somebody_who_types(folder: Path) -> Given:
    name = x509.Name.from_rfc4514_string("CN=A")
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    builder = x509.CertificateBuilder(name, name, key, 1, NOW, NOW + DAY)
    return {"ask": type_password, "builder": builder}


def a_token(folder: Path) -> Given:
    if softhsm.softhsm() is None:
        pytest.skip("no SoftHSM")
    uri = softhsm.new_token("EDS test")

    def ask_pin(request: object) -> Secret:
        return Secret(softhsm.PIN)

    open_keystore(uri).generate(
        label="stamp", algorithm=ECDSA_P256_SHA256, purpose=KeyPurpose.SIGNATURE, pin=ask_pin
    )
    return {"ask_pin": ask_pin, "document": LETTER}


def a_national_document(folder: Path) -> Given:
    """Only the NCA can sign one; what the page does with it holds for any document."""
    document = sign_attached(LETTER, by=party("ӘЛИЕВА АЙГЕРІМ").cms(at=NOW))
    return {"document": document, "trust": trust(), "now": NOW, "evidence": status()}


def an_upload(folder: Path) -> Given:
    upload = sign_attached(LETTER, by=party("ӘЛИЕВА АЙГЕРІМ").cms(at=NOW))
    return a_signed_contract(folder) | {"upload": upload, "evidence": status()}


def a_certificate_whose_status_is_elsewhere(folder: Path) -> Given:
    root, aigerim = party("root"), party("ӘЛИЕВА АЙГЕРІМ")
    return a_signed_contract(folder) | {
        "issuer": root.certificate,
        "certificate": aigerim.certificate,
        "folder": folder / "cache",
    }


def a_log(folder: Path) -> Given:
    engine = create_engine("sqlite:///log.db")
    return {
        "engine": engine,
        "at": NOON,
        "act": text("SELECT 1"),
        "is_personal_number": is_personal,
        "signer": signer_of(ec.generate_private_key(ec.SECP256R1())),
    }


def a_register(folder: Path) -> Given:
    upgrade_database("sqlite:///register.db")
    desk = open_desk("sqlite:///register.db")
    (serial,) = desk.issue()
    return {
        "is_personal": is_personal, "issuer": ISSUER, "serial": serial, "at": NOON, "since": NOON,
        "lost_at": NOON, "policy": lambda request, *, at: None, "show": print,
    }  # fmt: skip


def an_issuer(folder: Path) -> Given:
    upgrade_database("sqlite:///register.db")
    desk = open_desk("sqlite:///register.db")
    (serial,) = desk.issue(not_after=NOON - 5 * DAY)
    made, delegated = authority("issuing-ca"), delegate()
    return {
        "register": desk.register, "issuer": ISSUER, "facts": facts(), "shard": shard_of(serial),
        "signer": signer_of(made.key), "at": NOON, "timedelta": timedelta,
        "issuer_certificate": made.certificate, "certificate": delegated.certificate,
        "responder_key": delegated.signer, "request": ocsp_request(serial),
    }  # fmt: skip


def nothing(folder: Path) -> Given:
    return {}


# Page → what is there before its first block.
def a_portal(folder: Path) -> Given:
    """Somebody with a card, before the portal's door."""
    door = house.Door()
    return {
        "at": status_house.NOON,
        "session_ref": house.SESSION,
        "ask_browser": lambda nonce: card(nonce, by=house.citizen()),
        "trust": door.trust,
        "evidence": door.evidence,
        "enter": None,
    }


PAGES: dict[str, Callable[[Path], Given]] = {
    "README.md": the_readme,
    "docs/audit.md": a_log,
    "docs/http.md": nothing,
    "docs/kazakhstan.md": a_national_document,
    "docs/keys-tokens.md": a_token,
    "docs/keys.md": somebody_who_types,
    "docs/languages.md": nothing,
    "docs/login.md": a_portal,
    "docs/register.md": a_register,
    "docs/signing.md": a_key_with_a_certificate,
    "docs/status.md": an_issuer,
    "docs/tutorial-portal.md": an_upload,
    "docs/validation.md": a_certificate_whose_status_is_elsewhere,
}


def nobody_answers(*_: object, **__: object) -> object:
    raise OSError("no test reaches a network")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eds.keys.files.Scrypt", lambda: Scrypt(cost=1024, parallel=1))
    monkeypatch.setattr("socket.getaddrinfo", nobody_answers)
    names = PAGES[page](tmp_path)
    found = blocks(page, "python")
    assert found
    for number, block in enumerate(found, start=1):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


def test_no_page_with_python_is_left_out() -> None:
    pages = ("README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
    assert {page for page in pages if blocks(page, "python")} == PAGES.keys()


# --- commands -------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, list[str]]]:
    """(page, words after `eds`) of every command that a page shows to be typed."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        page = path.relative_to(ROOT).as_posix()
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.partition(" > ")[0], comments=True)
                yield from ((page, words[at + 1 :]) for at, one in enumerate(words) if one == "eds")


def unknown(words: list[str]) -> str | None:
    """The first word that no command or option of today has."""
    command: click.Command = cli
    context = click.Context(cli, info_name="eds")
    rest = list(words)
    if not rest:
        return None
    while isinstance(command, click.Group):
        name = rest.pop(0) if rest else ""
        if name in {"--help", "--version"}:
            return None
        found = command.get_command(context, name)
        if found is None:
            return name or f"a word after {words}"
        command = found
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    asked = (word.partition("=")[0] for word in rest if word.startswith("--") and word != "--")
    return next((word for word in asked if word not in known | {"--help"}), None)


def test_no_page_shows_a_command_that_is_not_there() -> None:
    shown = list(commands())
    assert len(shown) > 50
    wrong = [(page, words, one) for page, words in shown if (one := unknown(words)) is not None]
    assert wrong == []
    assert unknown(["sign", "a.pdf", "--visibly"]) == "--visibly"
    assert unknown(["ca", "reissue"]) == "reissue"
