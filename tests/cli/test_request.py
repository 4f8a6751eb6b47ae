"""`eds request create`: openssl verifies what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Eds, openssl


@pytest.fixture
def key(eds: Eds) -> str:
    assert eds("key", "generate", "k", password=PASSWORD).status == 0
    return "k"


def test_a_person_asks(eds: Eds, key: str) -> None:
    outcome = eds(
        *("request", "create", key, "--subject-country", "KZ"),
        *("--subject-common-name", "ӘЛИЕВА АЙГЕРІМ", "--subject-surname", "ӘЛИЕВА"),
        *("--subject-given-name", "АЙГЕРІМ", "--subject-serial-number", "PNOKZ-900101400123"),
        password=PASSWORD,
    )
    assert outcome.status == 0, outcome.err
    Path("r.pem").write_text(outcome.out)
    openssl("req", "-in", "r.pem", "-verify", "-noout")
    said = openssl("req", "-in", "r.pem", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus")
    assert said.strip() == (
        "subject=C=KZ,CN=ӘЛИЕВА АЙГЕРІМ,SN=ӘЛИЕВА,GN=АЙГЕРІМ,serialNumber=PNOKZ-900101400123"
    )


def test_an_organisation_asks_in_der(eds: Eds, key: str) -> None:
    outcome = eds(
        *("request", "create", key, "--der", "--out", "r.der", "--subject-country", "KZ"),
        *("--subject-organization", "ТОО «Пример»", "--subject-common-name", "ТОО «Пример»"),
        *("--subject-organization-identifier", "NTRKZ-123456789012"),
        password=PASSWORD,
    )
    assert outcome.status == 0, outcome.err
    said = openssl("req", "-in", "r.der", "-inform", "DER", "-verify", "-noout", "-subject")
    assert "organizationIdentifier=NTRKZ-123456789012" in said.replace(" = ", "=")


def test_the_subject_may_be_text(eds: Eds, key: str) -> None:
    outcome = eds(
        *("request", "create", key, "--subject", r"CN=a\, b,O=c,C=KZ", "--json"), password=PASSWORD
    )
    assert outcome.json["subject"]["rfc4514"] == r"CN=a\, b,O=c,C=KZ"
    assert outcome.json["proof_of_possession"] == "verified"
    Path("r.pem").write_text(outcome.json["pem"])
    openssl("req", "-in", "r.pem", "-verify", "-noout")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ((), 2, None),
        (("--subject", "CN=x", "--subject-country", "KZ"), 2, None),
        (("--subject-country", "kz"), 5, "names.refused"),
        (("--subject", "nonsense"), 5, "names.refused"),
        (("--subject-common-name", "x" * 65), 5, "names.refused"),
        (("--subject-common-name", "a\u202eb"), 5, "names.refused"),
    ],
)
def test_a_subject_that_cannot_be(
    eds: Eds, key: str, options: tuple[str, ...], status: int, code: str | None
) -> None:
    outcome = eds("request", "create", key, *options, password=PASSWORD)
    assert outcome.status == status
    if code is not None:
        assert outcome.code == code


def test_a_request_is_not_overwritten(eds: Eds, key: str) -> None:
    Path("r.pem").write_text("mine")
    outcome = eds(
        "request", "create", key, "--subject", "CN=x", "--out", "r.pem", password=PASSWORD
    )
    assert (outcome.status, outcome.code) == (5, "cli.file_exists")
    assert Path("r.pem").read_text() == "mine"
