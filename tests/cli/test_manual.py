"""The map of the command, its manual pages and what teaches the shell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from eds import errors
from eds_cli.advice import ADVICE
from eds_cli.atlas import MAP, USERS, sections
from eds_cli.hints import HINTS
from eds_cli.main import COMMANDS, cli
from eds_cli.manual import STATUSES, walk
from tests.cli.conftest import ROOT, Eds, spawn


def test_the_map_shows_every_verb_once_under_who_uses_it(eds: Eds) -> None:
    shown = eds().out
    assert list(MAP) == list(USERS)
    for heading in USERS.values():
        assert heading in shown
    assert sorted(re.findall(r"^  ([a-z]+) ", shown, flags=re.MULTILINE)) == sorted(COMMANDS)
    listed = {verb for verbs in MAP.values() for verb in verbs}
    assert set(COMMANDS) <= listed, "say in eds_cli/atlas.py who uses the new verb"
    assert sorted(verb for verbs in sections(COMMANDS).values() for verb in verbs) == sorted(
        COMMANDS
    )


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(("--language", "kk"), {}), ((), {"LC_ALL": "kk_KZ.UTF-8"})],
)
def test_the_map_is_in_the_language_of_the_reader(
    eds: Eds, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert "Құжаттарға қол қою." in eds(*arguments).out
    assert "Sign documents." in eds("--language", "en").out  # what was chosen ended with its run


def test_errors_and_hints_are_in_the_language_of_the_reader(eds: Eds) -> None:
    outcome = eds("key", "show", "nobody", "--language", "ru")
    assert outcome.code == "keys.not_found"
    assert outcome.err.splitlines() == [
        "eds: нет такого ключа: nobody [keys.not_found]",
        "     `eds key list` покажет названия ваших ключей; --store указывает место.",
    ]


def test_json_knows_no_language(eds: Eds) -> None:
    said = [eds("key", "list", "--json", "--language", tag).out for tag in ("en", "tg")]
    assert said == ["[]\n", "[]\n"]


def test_every_verb_has_a_manual_page(eds: Eds, tmp_path: Path) -> None:
    written = eds("man", str(tmp_path / "man"), "--json").json
    assert {"eds.1", "eds-sign.1", "eds-key-generate.1", "eds-ca-mass-hold.1"} <= set(written)
    page = (tmp_path / "man" / "eds-sign.1").read_text(encoding="utf-8")
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"):
        assert f".SH {section}" in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_manual_pages_are_what_groff_reads(eds: Eds, tmp_path: Path) -> None:
    eds("man", str(tmp_path))
    pages = [tmp_path / f"{name}.1" for name in ("eds", "eds-sign", "eds-verify", "eds-ca")]
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", *pages], capture_output=True, check=True
    )
    assert shown.stderr == b""
    text = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-c", tmp_path / "eds-sign.1"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    text = re.sub(".\b", "", text)  # bold is struck twice
    assert "--level" in text
    assert ".p7s beside it" in " ".join(text.split())


def test_the_manual_and_the_page_tell_the_same_statuses() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    told = {
        int(one): text for one, text in re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    }
    assert {one: text.replace("`", "") for one, text in told.items()} == {
        one: text.replace("`", "") for one, text in STATUSES.items()
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_taught(eds: Eds, shell: str) -> None:
    source = eds("completion", shell).out
    assert "_EDS_COMPLETE" in source
    assert spawn(env={"_EDS_COMPLETE": f"{shell}_source"}).out.strip() == source.strip()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_takes_what_it_is_taught(eds: Eds) -> None:
    source = eds("completion", "bash").out
    assert subprocess.run(["bash", "-n"], input=source.encode(), check=True).returncode == 0


def test_every_hint_is_about_an_error_that_there_is_and_a_verb_that_there_is() -> None:
    known = {error.code for error in vars(errors).values() if isinstance(error, type)
             and issubclass(error, errors.EdsError)}  # fmt: skip
    assert {code for code in HINTS if not code.startswith("cli.")} <= known
    paths = {" ".join(("eds", *path)) for path, _ in walk(cli, ())}
    for message in (*HINTS.values(), *ADVICE.values()):
        for verb in re.findall(r"`(eds [a-z ]+?)(?: [A-Z]+)?`", message):
            assert verb in paths, message
