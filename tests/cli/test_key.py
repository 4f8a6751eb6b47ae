"""`eds key` with keys in files: what it makes openssl reads, what openssl makes it takes."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from eds import KeyPurpose, open_keystore
from eds_cli.main import cli
from eds_cli.stores import ALIASES
from tests.cli.conftest import NEW_PASSWORD, PASSWORD, ROOT, Eds, at_terminal, openssl, spawn

KZ = ROOT.parent / "shared" / "data" / "kz" / "p12"
P12 = sorted(KZ.rglob("*.p12"))
KZ_PASSWORDS = ("Qwerty12", "123456", "Aa123456", "aA123456", "Aa1234", "Qwerty123")


def made(eds: Eds, label: str = "aigerim", *options: str) -> Path:
    outcome = eds("key", "generate", label, *options, password=PASSWORD)
    assert outcome.status == 0, outcome.err
    return Path("data/eds/keys").absolute() / f"{label}.pem"


# --- making -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        ("p256", "EC P-256"),
        ("p384", "EC P-384"),
        ("rsa-2048", "RSA 2048"),
        ("ed25519", "Ed25519"),
        ("ecdsa-brainpoolp256r1-sha256", "EC brainpoolP256r1"),
    ],
)
def test_openssl_opens_what_is_made(eds: Eds, algorithm: str, said: str) -> None:
    outcome = eds("key", "generate", "k", "--algorithm", algorithm, "--json", password=PASSWORD)
    assert outcome.json["kind"] == said
    assert (outcome.json["label"], outcome.json["purpose"]) == ("k", ["signature"])
    file = Path("data/eds/keys/k.pem")
    openssl("pkey", "-in", file, "-passin", f"pass:{PASSWORD}", "-noout", "-check")
    assert file.stat().st_mode & 0o777 == 0o600


def test_every_short_name_stands_for_a_row() -> None:
    from eds import signature_algorithm

    for name, _ in ALIASES.values():
        assert signature_algorithm(name).name == name


def test_an_unknown_algorithm_is_answered_with_the_names(eds: Eds) -> None:
    outcome = eds("key", "generate", "k", "--algorithm", "p255", password=PASSWORD)
    assert outcome.status == 2
    assert "p256, p384" in outcome.err
    assert "ml-dsa-65" in outcome.err


@pytest.mark.parametrize(
    ("word", "purpose"),
    [
        ("signature", KeyPurpose.SIGNATURE),
        ("authentication", KeyPurpose.AUTHENTICATION),
        ("both", KeyPurpose.SIGNATURE | KeyPurpose.AUTHENTICATION),
        ("certification", KeyPurpose.CERTIFICATION),
    ],
)
def test_the_purpose_is_kept(eds: Eds, word: str, purpose: KeyPurpose) -> None:
    file = made(eds, "k", "--purpose", word)
    assert open_keystore(str(file.parent)).find("k").purpose == purpose


def test_nothing_is_overwritten(eds: Eds) -> None:
    before = made(eds).read_bytes()
    outcome = eds("key", "generate", "aigerim", password=PASSWORD)
    assert (outcome.status, outcome.code) == (5, "keys.exists")
    assert made(eds, "other").with_name("aigerim.pem").read_bytes() == before


# --- looking ----------------------------------------------------------------------------------


def test_an_empty_store_is_no_error(eds: Eds) -> None:
    outcome = eds("key", "list")
    assert (outcome.status, outcome.out) == (0, "")
    assert eds("key", "list", "--json").json == []


def test_keys_are_listed_in_columns(eds: Eds) -> None:
    made(eds, "aigerim")
    made(eds, "ab", "--purpose", "both", "--algorithm", "ed25519")
    heading, first, second = eds("key", "list").out.splitlines()
    assert heading.split() == ["LABEL", "KEY", "PURPOSE", "ID", "UNTIL", "CERTIFICATE"]
    assert first.index("Ed25519") == second.index("EC P-256") == heading.index("KEY")
    assert first.index("both") == second.index("signature") == heading.index("PURPOSE")


def test_a_damaged_file_does_not_hide_the_others(eds: Eds) -> None:
    made(eds, "good")
    bad = made(eds, "bad")
    bad.write_bytes(bad.read_bytes()[:-40])
    outcome = eds("key", "list")
    assert (outcome.status, outcome.code) == (6, "keys.damaged")
    assert "good" in outcome.out


def test_a_key_is_found_by_label_identifier_and_uri(eds: Eds) -> None:
    made(eds)
    facts = eds("key", "show", "aigerim", "--json").json
    for name in (facts["identifier"], facts["uri"]):
        assert eds("key", "show", name, "--json").json == facts
    text = eds("key", "show", "aigerim").out
    assert re.search(r"^public key SHA-256 +[0-9a-f]{64}$", text, flags=re.MULTILINE)


def test_a_key_that_is_not_there(eds: Eds) -> None:
    made(eds)
    outcome = eds("key", "show", "nobody")
    assert (outcome.status, outcome.code) == (3, "keys.not_found")


def test_the_store_may_be_anywhere(eds: Eds, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = home / "here"
    eds("key", "generate", "k", "--store", here, password=PASSWORD)
    assert (here / "k.pem").exists()
    monkeypatch.setenv("EDS_STORE", str(here))
    assert [key["label"] for key in eds("key", "list", "--json").json] == ["k"]


# --- bringing and taking ------------------------------------------------------------------------


@pytest.fixture
def p12(home: Path) -> Path:
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem"),
        *("-out", "certificate.pem", "-subj", "/CN=Aigerim", "-days", "30"),
        *("-addext", "keyUsage=digitalSignature"),
    )
    openssl(
        *("pkcs12", "-export", "-in", "certificate.pem", "-inkey", "key.pem", "-name", "aigerim"),
        *("-passout", f"pass:{PASSWORD}", "-out", "key.p12"),
    )
    return home / "key.p12"


def test_import_of_what_openssl_exports(eds: Eds, p12: Path) -> None:
    outcome = eds("key", "import", p12, source=PASSWORD, new=NEW_PASSWORD)
    assert outcome.status == 0, outcome.err
    facts = eds("key", "show", "aigerim", "--json").json
    assert facts["purpose"] == ["authentication"]  # as its certificate says
    assert facts["certificate"]["subject"]["rfc4514"] == "CN=Aigerim"
    file = Path("data/eds/keys/aigerim.pem")
    openssl("pkey", "-in", file, "-passin", f"pass:{NEW_PASSWORD}", "-noout", "-check")
    assert re.search(r"[0-9a-f]{8}…  \d{4}-\d\d-\d\d  Aigerim\n", eds("key", "list").out)


def test_a_foreign_file_is_a_store_too(eds: Eds, p12: Path) -> None:
    assert eds("key", "list", "--store", p12, "--json").json[0]["label"] == "key"
    outcome = eds(
        *("request", "create", "key", "--store", p12, "--subject", "CN=x", "--out", "r.pem"),
        password=PASSWORD,
    )
    assert outcome.status == 0, outcome.err
    openssl("req", "-in", "r.pem", "-verify", "-noout")
    public = eds(
        *("key", "export", "key", "--store", p12, "--format", "public-key"), password=PASSWORD
    )
    assert public.out == openssl("pkey", "-in", "key.pem", "-pubout")


def test_a_key_file_of_our_own_moves_to_another_store(eds: Eds, home: Path) -> None:
    file = made(eds, "aigerim", "--purpose", "both")
    outcome = eds(
        "key", "import", file, "--store", home / "other", source=PASSWORD, new=NEW_PASSWORD
    )
    assert outcome.status == 0, outcome.err
    facts = eds("key", "show", "aigerim", "--store", home / "other", "--json").json
    assert facts["purpose"] == ["signature", "authentication"]


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1"])
def test_import_of_plain_keys(eds: Eds, p12: Path, form: str) -> None:
    openssl(
        *("rsa", "-in", "key.pem", "-out", "plain.pem"),
        *(("-traditional",) if form == "pkcs1" else ()),
    )
    outcome = eds("key", "import", "plain.pem", "--label", "k", "--purpose", "signature", new="x")
    assert outcome.status == 0, outcome.err
    assert eds("key", "show", "k", "--json").json["kind"] == "RSA 2048"


def test_openssl_imports_what_is_exported(eds: Eds, p12: Path) -> None:
    eds("key", "import", p12, source=PASSWORD, new=PASSWORD)
    out = Path("out.p12")
    outcome = eds("key", "export", "aigerim", "--out", out, password=PASSWORD, new=NEW_PASSWORD)
    assert outcome.status == 0, outcome.err
    assert out.stat().st_mode & 0o777 == 0o600
    said = openssl("pkcs12", "-in", out, "-passin", f"pass:{NEW_PASSWORD}", "-nodes", "-info")
    assert "CN=Aigerim" in said.replace(" = ", "=")
    assert "AES-256-CBC" in said
    again = eds("key", "export", "aigerim", "--out", out, password=PASSWORD, new=NEW_PASSWORD)
    assert (again.status, again.code) == (5, "keys.exists")


def test_export_of_pkcs8_and_of_what_is_public(eds: Eds, p12: Path) -> None:
    eds("key", "import", p12, source=PASSWORD, new=PASSWORD)
    export = ("key", "export", "aigerim", "--format")
    eds(*export, "pkcs8", "--out", "k8.pem", password=PASSWORD, new=NEW_PASSWORD)
    openssl("pkey", "-in", "k8.pem", "-passin", f"pass:{NEW_PASSWORD}", "-noout")
    public = eds(*export, "public-key").out
    assert public == openssl("pkey", "-in", "key.pem", "-pubout")
    assert eds(*export, "certificates").out == Path("certificate.pem").read_text()
    eds(*export, "certificates", "--out", "c.pem")
    assert Path("c.pem").read_text() == Path("certificate.pem").read_text()
    again = eds(*export, "certificates", "--out", "c.pem")
    assert (again.status, again.code) == (5, "cli.file_exists")
    assert eds(*export, "pkcs8").status == 2


def test_certificates_are_kept_beside_a_key(eds: Eds, p12: Path) -> None:
    eds("key", "import", "key.pem", "--label", "k", "--purpose", "both", new=PASSWORD)
    outcome = eds("key", "add-certificate", "k", "certificate.pem", password=PASSWORD)
    assert outcome.status == 0, outcome.err
    assert eds("key", "show", "k", "--json").json["certificate"] is not None
    made(eds, "other")
    wrong = eds("key", "add-certificate", "other", "certificate.pem", password=PASSWORD)
    assert (wrong.status, wrong.code) == (5, "keys.certificate_mismatch")
    none = eds("key", "add-certificate", "k", "key.pem", password=PASSWORD)
    assert (none.status, none.code) == (6, "certificates.malformed")


@pytest.mark.skipif(not P12, reason="key files of the NCA RK are not here")
def test_key_files_of_the_nca_can_be_kept(eds: Eds) -> None:
    kept = 0
    for number, path in enumerate(P12[:: max(1, len(P12) // 8)]):
        for password in KZ_PASSWORDS:
            label = f"k{number}"
            outcome = eds(
                *("key", "import", path, "--label", label, "--json"), source=password, new=PASSWORD
            )
            if outcome.status == 4:
                continue
            assert outcome.status == 0, outcome.err
            (facts,) = outcome.json
            assert facts["certificate"] is not None
            kept += 1
            break
    assert kept >= 4


@pytest.mark.skipif(not P12, reason="key files of the NCA RK are not here")
def test_a_gost_key_goes_out_in_the_layout_of_the_nca_and_comes_in_again(eds: Eds) -> None:
    path = next(one for one in P12 if one.name.startswith("GOST512"))
    keep = eds("key", "import", path, "--label", "k", "--json", source="Qwerty12", new=PASSWORD)
    assert keep.status == 0, keep.err
    out = ("--format", "nca-pkcs12", "--out", "x.p12")
    outcome = eds("key", "export", "k", *out, password=PASSWORD, new=NEW_PASSWORD)
    assert outcome.status == 0, outcome.err
    again = eds(
        *("key", "import", "x.p12", "--label", "again", "--json"), source=NEW_PASSWORD, new=PASSWORD
    )
    assert again.status == 0, again.err
    names = ("identifier", "certificate", "kind")
    assert [again.json[0][name] for name in names] == [keep.json[0][name] for name in names]
    assert eds("key", "generate", "bare", password=PASSWORD).status == 0
    out = ("--format", "nca-pkcs12", "--out", "y.p12")
    refused = eds("key", "export", "bare", *out, password=PASSWORD, new=NEW_PASSWORD)
    assert refused.code == "keys.not_found"


@pytest.mark.parametrize("algorithm", ["gost-2015-512", "gost-2015-256", "gost-2004"])
def test_a_gost_key_is_made_and_asks_for_a_certificate(eds: Eds, algorithm: str) -> None:
    from eds.requests import CertificationRequest

    made(eds, "k", "--algorithm", algorithm)
    outcome = eds(
        "request", "create", "k", "--subject", "CN=K", "--out", "k.csr", password=PASSWORD
    )
    assert outcome.status == 0, outcome.err
    CertificationRequest.load(Path("k.csr").read_bytes()).verify_proof_of_possession()


# --- changing and deleting ----------------------------------------------------------------------


def test_a_changed_password_is_another_one(eds: Eds) -> None:
    file = made(eds)
    outcome = eds("key", "change-password", "aigerim", password=PASSWORD, new=NEW_PASSWORD)
    assert outcome.status == 0, outcome.err
    openssl("pkey", "-in", file, "-passin", f"pass:{NEW_PASSWORD}", "-noout")
    old = eds("request", "create", "aigerim", "--subject", "CN=x", password=PASSWORD)
    assert (old.status, old.code) == (4, "keys.password_incorrect")


def test_deleting_asks_first(eds: Eds, home: Path) -> None:
    file = made(eds)
    assert spawn("key", "delete", "aigerim").status == 2
    assert at_terminal("key", "delete", "aigerim", answers=[("[y/N]", "n\n")]).status == 130
    assert file.exists()
    screen = at_terminal("key", "delete", "aigerim", answers=[("[y/N]", "y\n")])
    assert screen.status == 0
    assert not file.exists()
    made(eds)
    assert eds("key", "delete", "aigerim", "--yes", "--json").json["deleted"] is True
    assert not file.exists()


# --- the shell ------------------------------------------------------------------------------------


def test_labels_are_completed_without_a_password(eds: Eds) -> None:
    made(eds, "aigerim")
    made(eds, "almas")
    made(eds, "bolat")

    def complete(words: str, count: int) -> list[str]:
        before = words.split()[1:count]
        found = ShellComplete(cli, {}, "eds", "_EDS_COMPLETE").get_completions(
            before, "".join(words.split()[count:])
        )
        return [item.value for item in found]

    env = {"_EDS_COMPLETE": "bash_complete", "COMP_WORDS": "eds key show al", "COMP_CWORD": "3"}
    assert spawn(env=env).out.split() == ["plain,almas"]

    assert complete("eds key show a", 3) == ["aigerim", "almas"]
    assert complete("eds request create b", 3) == ["bolat"]
    assert complete("eds key generate x --algorithm ml", 5) == [
        "ml-dsa-44",
        "ml-dsa-65",
        "ml-dsa-87",
    ]
    shutil.rmtree("data")
    assert complete("eds key show a", 3) == []
    assert os.environ.get("EDS_STORE") is None
