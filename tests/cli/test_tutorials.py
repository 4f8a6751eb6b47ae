"""The tutorials for citizens and officials, each command as it stands on the page."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Eds, Outcome
from tests.cli.test_enroll import _built, house, sent
from tests.enroll.desk_house import RESIDENT, DeskHouse
from tests.enroll.test_folder import visit_files
from tests.sign.house import page
from tests.test_docs import blocks

__all__ = ["_built", "house"]  # fixtures

_WANTS_A_SECRET = (
    *("enroll key", "enroll confirm", "enroll activate", "sign", "centre check-in"),
    *("centre record", "centre show", "centre approve", "centre hold", "centre release"),
)


class Reader:
    """Somebody who types what a page shows, line by line. `before` is done before a line."""

    def __init__(self, eds: Eds, before: Callable[[str], None]) -> None:
        self.eds, self.before = eds, before
        self.said: dict[str, Outcome] = {}

    def follow(self, page: str) -> None:
        lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
        assert len(lines) > 10
        for line in lines:
            self.before(line)
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                os.environ[name] = value
                continue
            words = shlex.split(os.path.expandvars(line))
            assert words.pop(0) == "eds", line
            wants = shlex.join(words).startswith(_WANTS_A_SECRET)
            outcome = self.eds(*words, password=PASSWORD if wants else None)
            assert outcome.status == 0, (line, outcome.err, outcome.out)
            self.said[line] = outcome


def test_a_citizen_follows_the_page(
    eds: Eds, house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDS_TRUST", "mine-trust")
    monkeypatch.setenv("EDS_STORE", "my-keys")
    Path("contract.pdf").write_bytes(page())
    Path("letter.txt").write_text("Келісемін\n")

    def before(line: str) -> None:
        if "--code code" in line:
            sent(eds, "code", "code")
        if "--face" in line:
            assert eds("centre", "simulate", "face", "--out", "face.jws").status == 0
        if line.startswith("eds verify"):
            DeskHouse(house.path, at=datetime.now(UTC)).publish()
            shutil.copytree(house.path / "desk" / "evidence", "lists")
        if line.startswith("eds trust"):
            done = eds("ca", "show", "root-2026", "--authority", "example", "--out", "root.pem")
            assert done.status == 0, done.err

    reader = Reader(eds, before)
    reader.follow("docs/tutorial-citizen.md")
    assert "TOTAL_PASSED" in next(
        one.out for line, one in reader.said.items() if line.startswith("eds verify")
    )
    which = eds("enroll", "status", "--json").json["certificate"]
    shown = eds("ca", "show", which, "--authority", "example", "--json").json
    assert shown["status"]["state"] == "revoked"
    assert RESIDENT not in "".join(one.err for one in reader.said.values())


def test_an_official_follows_the_page(
    eds: Eds, house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit_files(Path("visit"))

    def before(line: str) -> None:
        if "$APPLICATION" in line and "APPLICATION" not in os.environ:
            (row,) = eds("centre", "list", "--json").json
            monkeypatch.setenv("APPLICATION", row["application"])
        if "$CERTIFICATE" in line and "CERTIFICATE" not in os.environ:
            monkeypatch.setenv("CERTIFICATE", issued(eds))

    Reader(eds, before).follow("docs/tutorial-official.md")


def issued(eds: Eds) -> str:
    """The certificate that the visitor accepts at home, with both halves."""
    half = Path("half").read_text().strip()
    sent(eds, "half", "sent")
    Path("halves").write_text(f"{half}-{Path('sent').read_text()}")
    kept = ("--application", "handed-over")
    for words in (
        ("key", "--label", "guest", "--store", "guest", "--halves", "halves"),
        ("confirm", "--yes"),
        ("activate", "--passphrase-out", "guest-passphrase"),
    ):
        done = eds("enroll", *words, *kept, password=PASSWORD)
        assert done.status == 0, (words, done.err)
    return str(eds("enroll", "status", "--json", *kept).json["certificate"])
