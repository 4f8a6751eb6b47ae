"""`eds audit`, from the command line to the exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eds_cli.main import run
from tests.audit.house import House, signer


@pytest.fixture
def kept(house: House, tmp_path: Path) -> House:
    """A log with two checkpoints, and its public key in a file."""
    house.append(3)
    first = house.checkpoint()
    (tmp_path / "first.note").write_bytes(first.note)
    house.append(2, first=4)
    (tmp_path / "second.note").write_bytes(house.checkpoint().note)
    (tmp_path / "log.key").write_bytes(house.key.public_key.encoded)
    (tmp_path / "other.key").write_bytes(signer().public_key.encoded)
    return house


def eds(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    status = run(["audit", *map(str, arguments)])
    out, err = capsys.readouterr()
    try:
        return status, json.loads(out)
    except ValueError:
        return status, out + err


def test_show(kept: House, capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = eds(capsys, "show", "--database", kept.url, "--last", 2, "--json")
    assert (status, [row["sequence"] for row in rows]) == (0, [4, 5])
    status, text = eds(capsys, "show", "--database", kept.url)
    assert status == 0
    assert "ca.certificate.issued" in text
    status, one = eds(capsys, "show", "node-1:5", "--database", kept.url, "--json")
    assert (status, one["details"]["number"]) == (0, 5)
    status, text = eds(capsys, "show", "node-1:6", "--database", kept.url)
    assert (status, "[audit.record_not_found]" in text) == (3, True)
    assert eds(capsys, "show", "node-1", "--database", kept.url)[0] == 2


def test_verify_a_database(kept: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--database", kept.url, "--json", "--key")
    held = ("--checkpoint", tmp_path / "second.note")
    status, facts = eds(capsys, "verify", *where, tmp_path / "log.key", *held)
    assert (status, facts["records"], facts["checkpoints"], facts["findings"]) == (0, 5, 2, [])
    status, facts = eds(capsys, "verify", *where, tmp_path / "other.key")
    assert (status, facts["finding_count"]) == (1, 2)
    kept.tamper("DELETE FROM audit_records WHERE sequence = 2")
    status, facts = eds(capsys, "verify", *where, tmp_path / "log.key")
    assert (status, facts["findings"][0]["place"]) == (1, "node-1:2")
    status, text = eds(capsys, "verify", "--database", kept.url, "--key", tmp_path / "log.key")
    assert (status, "node-1:2: not in the log [audit.record_missing]" in text) == (1, True)


def test_the_log_is_told_in_the_language_of_who_asks(
    kept: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--database", kept.url, "--language", "ru")
    status, text = eds(capsys, "verify", *where, "--key", tmp_path / "log.key")
    assert (status, "журнал соответствует записанному\n" in text) == (0, True)
    assert "контрольные точки" in text
    text = eds(capsys, "show", "node-1:5", *where)[1]
    assert text.startswith("запись аудита node-1:5\n")
    assert re.search(r"^    number +5$", text, re.MULTILINE)  # as it was written


def test_export_and_verify_the_file(
    kept: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, part = tmp_path / "log.jsonl", tmp_path / "log.jsonl.part"
    command = ("export", "--database", kept.url, "--out", out)
    assert eds(capsys, *command)[0] == 0
    assert eds(capsys, *command)[0] == 5
    whole = out.read_bytes()
    out.unlink()
    part.write_bytes(whole[:-200])
    assert eds(capsys, *command)[0] == 0
    assert (out.read_bytes(), part.exists()) == (whole, False)
    key = ("--key", tmp_path / "log.key")
    assert eds(capsys, "verify", out, *key)[0] == 0
    out.write_bytes(whole.replace(b"citizen", b"c1tizen", 1))
    status, text = eds(capsys, "verify", out, *key)
    assert (status, "node-1:1: " in text) == (1, True)


def test_prove_and_verify_the_proof(
    kept: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = tmp_path / "proof.json"
    assert eds(capsys, "prove", "node-1:2", "--database", kept.url, "--out", proof)[0] == 0
    status, printed = eds(capsys, "prove", "node-1:2", "--database", kept.url)
    assert (status, printed) == (0, json.loads(proof.read_bytes()))
    assert eds(capsys, "verify", proof, "--key", tmp_path / "log.key")[0] == 0
    status, facts = eds(capsys, "verify", proof, "--key", tmp_path / "other.key", "--json")
    assert (status, facts["findings"][0]["code"]) == (1, "audit.checkpoint_untrusted")
    proof.write_bytes(proof.read_bytes().replace(b"citizen", b"c1tizen", 1))
    status, facts = eds(capsys, "verify", proof, "--key", tmp_path / "log.key", "--json")
    assert (status, facts["findings"][0]["code"]) == (1, "audit.record_altered")
    proof.write_bytes(b"{}")
    assert eds(capsys, "verify", proof, "--key", tmp_path / "log.key")[0] == 6


def test_what_cannot_be_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.db").write_bytes(b"")
    for database in (tmp_path / "absent.db", tmp_path / "empty.db", "nonsense://x", "sqlite://"):
        status, text = eds(capsys, "show", "--database", database)
        assert (status, "[audit.unavailable]" in text) == (7, True)
    key = tmp_path / "log.key"
    key.write_bytes(signer().public_key.encoded)
    assert eds(capsys, "verify", "--key", key)[0] == 2
