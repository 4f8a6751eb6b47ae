"""`eds id`, `eds inspect` and `eds trust` as somebody in Kazakhstan uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Eds
from tests.country.house import KZ
from tests.material import needs_data
from tests.sign.house import page

IIN = "900101300017"


def test_a_number_is_explained_and_not_repeated(eds: Eds) -> None:
    found = eds("id", "check", IIN)
    assert found.status == 0
    assert "1990-01-01" in found.out
    assert IIN not in found.out
    told = eds("id", "check", "--json", IIN[:6], IIN[6:]).json
    assert told == {
        "type": "IIN", "country": "Kazakhstan", "born": "1990-01-01", "sex": "male",
        "assignable": True, "departures": [],
    }  # fmt: skip


def test_a_number_that_cannot_be_says_why(eds: Eds) -> None:
    found = eds("id", "check", "123456789011", "--json")
    assert found.status == 5
    assert {one["code"] for one in found.json["departures"]} >= {"kz.check_digit", "kz.date"}


@pytest.mark.parametrize("text", ["12345678901", "9001013000178", "90010130001a", "IIN"])
def test_what_is_no_number_is_refused_and_not_repeated(eds: Eds, text: str) -> None:
    found = eds("id", "check", text)
    assert (found.status, found.code) == (6, "names.number_refused")
    assert text not in found.err.replace("IIN or BIN", "")


def test_an_unknown_country_is_a_usage_error(eds: Eds) -> None:
    assert eds("id", "check", IIN, "--country", "XX").status == 2


@needs_data
def test_inspect_speaks_of_the_holder(eds: Eds) -> None:
    path = KZ / "cert" / "sdk2026-individual_signer.cer"
    found = eds("inspect", path)
    assert "IIN" in found.out
    assert "individual (1.2.398.3.3.4.1.1)" in found.out
    (told,) = eds("inspect", "--json", path).json
    holder = told["content"]["holder"]
    assert holder["country"] == "KZ"
    assert (holder["surname"], holder["patronymic"]) == ("ТЕСТОВ", "ТЕСТОВИЧ")


@needs_data
def test_known_takes_no_other_certificate_and_no_other_set(eds: Eds) -> None:
    root = KZ / "ca" / "prod_root_gost_2015.crt"
    refused = eds("trust", "add", "--known", "kz-test", "--trust", "t", "--yes", root)
    assert (refused.status, refused.err.count("verify.anchor_not_listed")) == (5, 1)
    assert eds("trust", "add", "--known", "kz", "--trust", "t", "--yes", root).status == 2
    added = eds("trust", "add", "--known", "kz-production", "--trust", "t", "--yes", root)
    assert added.status == 0
    test = KZ / "ca" / "test_root_gost_2022.cer"
    mixed = eds("trust", "add", "--known", "kz-test", "--trust", "t", "--yes", test)
    assert (mixed.status, mixed.err.count("verify.environments_mixed")) == (5, 1)


@needs_data
def test_a_key_file_of_the_nca_signs_and_only_pdf_is_an_experiment(eds: Eds, home: Path) -> None:
    key = home / "head.p12"
    key.write_bytes((KZ / "p12" / "sdk-2026" / "valid" / "head.p12").read_bytes())
    key.chmod(0o600)
    (home / "letter.txt").write_bytes(b"I owe you 10")
    (home / "letter.pdf").write_bytes(page())
    files = sorted((KZ / "ca").glob("test_*"))
    assert eds("trust", "add", "--known", "kz-test", "--trust", "t", "--yes", *files).status == 0
    options = ("--store", key, "--trust", "t", "--yes")
    for name, told in (("letter.txt", False), ("letter.pdf", True)):
        signed = eds("sign", name, *options, password="Qwerty12")
        assert signed.status == 0, signed.err
        assert ("experimental" in signed.err) is told
    refused = eds("sign", "letter.txt", "--out", "other.p7s", *options, password="Wrong-1")
    assert (refused.status, refused.code) == (4, "keys.password_incorrect")
