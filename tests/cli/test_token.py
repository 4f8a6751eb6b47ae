"""The same verbs with a token: SoftHSM in processes of their own, openssl as judge."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.cli.conftest import PIN, Outcome, Token, at_terminal, openssl, spawn

CANARY = "canary-wrong-pin"


def eds(token: Token, *arguments: str | Path, pin: str | None = PIN) -> Outcome:
    line = [*map(str, arguments)]
    if pin is None:
        return spawn(*line, env=token.env)
    return spawn(*line, "--pin-env", "T_PIN", env={**token.env, "T_PIN": pin})


@pytest.fixture
def store(home: Path, token: Token) -> tuple[str, str]:
    return "--store", token.uri


def test_a_key_lives_in_a_token(token: Token, store: tuple[str, str]) -> None:
    made = eds(token, "key", "generate", "seal", *store, "--purpose", "both", "--json")
    assert made.status == 0, made.err
    facts = made.json
    assert (facts["kind"], facts["purpose"]) == ("EC P-256", ["signature", "authentication"])
    assert facts["uri"].startswith("pkcs11:token=EDS%20test;")

    listed = eds(token, "key", "list", *store, pin=None)
    assert re.search(r"^seal +EC P-256 +both +[0-9a-f]{8}…", listed.out, re.MULTILINE)
    by_uri = eds(token, "key", "show", facts["uri"], "--json", pin=None)
    assert by_uri.json == facts

    request = eds(token, "request", "create", "seal", *store, "--subject", "O=ТОО,C=KZ")
    assert request.status == 0, request.err
    Path("r.pem").write_text(request.out)
    openssl("req", "-in", "r.pem", "-verify", "-noout")

    public = eds(token, "key", "export", "seal", *store, "--format", "public-key")
    assert openssl("req", "-in", "r.pem", "-noout", "-pubkey") == public.out
    refused = eds(token, "key", "export", "seal", *store, "--out", "x.p12")
    assert (refused.status, refused.code) == (7, "keys.operation_unsupported")
    assert not Path("x.p12").exists()

    deleted = eds(token, "key", "delete", "seal", "--yes", *store)
    assert deleted.status == 0, deleted.err
    assert eds(token, "key", "list", *store, "--json", pin=None).json == []


def test_a_key_of_a_file_moves_into_a_token(token: Token, store: tuple[str, str]) -> None:
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem"),
        *("-out", "certificate.pem", "-subj", "/CN=seal", "-addext", "keyUsage=nonRepudiation"),
    )
    openssl(
        *("pkcs12", "-export", "-in", "certificate.pem", "-inkey", "key.pem", "-name", "seal"),
        *("-passout", "pass:of the file", "-out", "key.p12"),
    )
    read, write = os.pipe()
    os.write(write, b"of the file\n")
    os.close(write)
    outcome = spawn(
        *("key", "import", "key.p12", *store, "--json", "--source-password-fd", str(read)),
        *("--pin-env", "T_PIN"),
        env={**token.env, "T_PIN": PIN},
        pass_fds=[read],
    )
    os.close(read)
    assert outcome.status == 0, outcome.err
    (facts,) = outcome.json
    assert facts["purpose"] == ["signature"]
    assert facts["certificate"]["subject"]["rfc4514"] == "CN=seal"
    again = eds(token, "key", "add-certificate", "seal", "certificate.pem", *store, "--json")
    assert again.json["certificate"] == facts["certificate"]


def test_a_wrong_pin_is_tried_once_and_shown_nowhere(token: Token, store: tuple[str, str]) -> None:
    outcome = eds(token, "key", "generate", "k", *store, pin=CANARY)
    assert (outcome.status, outcome.code) == (4, "keys.pin_incorrect")
    assert CANARY not in outcome.out + outcome.err
    nobody = eds(token, "key", "generate", "k", *store, pin=None)
    assert (nobody.status, nobody.code) == (4, "keys.secret_unavailable")


def test_the_pin_is_asked_for_at_a_terminal(token: Token, store: tuple[str, str]) -> None:
    screen = at_terminal(
        *("key", "generate", "k", *store),
        answers=[("PIN for token EDS test: ", f"{PIN}\n")],
        env=token.env,
    )
    assert screen.status == 0, screen.out
    assert PIN not in screen.out


def test_the_pin_of_a_token_changes(token: Token, store: tuple[str, str]) -> None:
    eds(token, "key", "generate", "k", *store)
    new = "1618033"
    changed = spawn(
        *("key", "change-password", "k", *store, "--pin-env", "T_PIN", "--new-pin-env", "T_NEW"),
        env={**token.env, "T_PIN": PIN, "T_NEW": new},
    )
    assert changed.status == 0, changed.err
    subject = ("--subject", "CN=x")
    old = eds(token, "request", "create", "k", *store, *subject)
    assert (old.status, old.code) == (4, "keys.pin_incorrect")
    assert eds(token, "request", "create", "k", *store, *subject, pin=new).status == 0


def test_tokens_are_listed(token: Token, home: Path) -> None:
    outcome = spawn("token", "list", "--store", token.uri, env=token.env)
    assert outcome.status == 0, outcome.err
    for fact in ("EDS test", "SoftHSM", "all tries left", "ECDSA", "pkcs11:token=EDS%20test;"):
        assert fact in outcome.out
    (facts,) = spawn("token", "list", "--module", "softhsm2", "--json", env=token.env).json
    assert facts["label"] == "EDS test"
    assert "CKM_ECDSA" in facts["mechanisms"]


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("token", "list"), 7, "keys.module_unavailable"),
        (("token", "list", "--module", "no-such-module"), 7, "keys.module_unavailable"),
        (("token", "list", "--store", "/some/folder"), 6, "keys.malformed_uri"),
        (("key", "list", "--store", "pkcs11:pin-value=1"), 6, "keys.malformed_uri"),
        (("key", "list", "--store", "pkcs11:token=none?module-name=softhsm2"), 3,
         "keys.token_absent"),
    ],
)  # fmt: skip
def test_what_is_not_there(
    token: Token, home: Path, arguments: tuple[str, ...], status: int, code: str
) -> None:
    outcome = spawn(*arguments, env={**token.env, "EDS_PKCS11_MODULE": ""})
    assert (outcome.status, outcome.code) == (status, code)
