"""The frame of the command: quick help, one line for every error, documented statuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from eds import errors
from eds_cli import main as frame
from eds_cli.lazy import LazyGroup
from eds_cli.main import cli, exit_status, run
from tests.cli.conftest import CODE_LINE, ROOT, Eds, Outcome, at_terminal, spawn

HEAVY = {"cryptography", "asn1crypto", "pyhanko", "pkcs11", "sqlalchemy", "asyncio", "eds.errors"}


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def command(path: tuple[str, ...]) -> click.Command:
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None
        found = inner
    return found


ALL = list(commands())
LEAVES = [path for path in ALL if not isinstance(command(path), click.Group)]


@pytest.mark.parametrize("arguments", [["--help"], ["key", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom eds_cli.main import run\n"
        f"status = run({arguments!r})\n"
        f"print(status, *sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0"]
    assert done.stdout


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help(eds: Eds, path: tuple[str, ...]) -> None:
    outcome = eds(*path, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: eds {' '.join(path)}")
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_json(path: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in command(path).params)


def test_every_option_says_what_it_is_for() -> None:
    silent = [
        (*path, *parameter.opts)
        for path in ALL
        for parameter in command(path).params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_no_command_takes_a_secret_as_an_argument(path: tuple[str, ...]) -> None:
    for parameter in command(path).params:
        for option in parameter.opts:
            if re.search("pin|password|secret", option):
                assert option.endswith(("-fd", "-env"))


def test_the_short_help_of_each_table_is_about_its_command() -> None:
    for path in ALL:
        found = command(path)
        if isinstance(found, LazyGroup):
            for name, (_, short) in found._table.items():
                assert short.endswith(".")
                assert command((*path, name)).help


def test_an_unknown_command_is_a_mistake_of_usage(eds: Eds) -> None:
    outcome = eds("nonsense")
    assert outcome.status == 2
    assert "No such command 'nonsense'" in outcome.err


# --- exit statuses ----------------------------------------------------------------------------


# Families of errors that the commands of today can meet.
REACHED = {"eds", "algorithms", "certificates", "der", "formats", "keys", "login", "names", "pem"}


def codes(error: type[errors.EdsError] = errors.EdsError) -> Iterator[str]:
    yield error.code
    for child in error.__subclasses__():
        if child.__module__ == "eds.errors":
            yield from codes(child)


def test_every_code_that_can_be_raised_has_a_status_of_its_own() -> None:
    families = {"eds.error", "keys.error"}  # never raised themselves
    reached = {code for code in codes() if code.partition(".")[0] in REACHED}
    assert {code for code in reached if exit_status(code) == frame.FAILED} <= families


def test_no_row_of_the_table_is_about_nothing() -> None:
    known = set(codes())
    known |= {code.partition(".")[0] for code in known}
    later = {"ca"}  # its errors come with the authority
    assert {row for row in frame.EXIT_STATUS if not row.startswith("cli.")} <= known | later


def test_the_page_tells_every_status() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    told = {int(status) for status in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)}
    statuses = {*frame.EXIT_STATUS.values(), 0, frame.FAILED, frame.USAGE, frame.PLANNED}
    verdicts = {frame.NOT_PASSED, frame.UNDETERMINED}
    assert told == statuses | verdicts | {frame.INTERRUPTED, frame.BROKEN_PIPE}


def test_a_missing_file_is_one_line_and_a_hint(eds: Eds) -> None:
    outcome = eds("inspect", "no-such-file")
    assert (outcome.status, outcome.code) == (3, "cli.file_not_found")
    first, hint = outcome.err.splitlines()
    assert first == "eds: no-such-file: No such file or directory [cli.file_not_found]"
    assert hint == "     Look at the name and the folder of the file."


def test_what_an_error_says_cannot_steer_the_terminal(eds: Eds) -> None:
    outcome = eds("inspect", "\x1b[2Jevil\n\u202e")
    assert outcome.code == "cli.file_not_found"
    assert r"\x1b[2Jevil\n\u202e" in outcome.err


# --- mistakes of ours -------------------------------------------------------------------------

CANARY = "canary-in-a-message"


@pytest.fixture
def mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        local = CANARY
        raise ValueError(local)

    monkeypatch.setattr("eds_cli.main.cli.main", fail)


def test_a_mistake_of_ours_is_one_line_without_its_message(mistake: None, eds: Eds) -> None:
    outcome = eds("key", "list")
    assert (outcome.status, outcome.code) == (70, "cli.internal")
    assert "ValueError at test_main.py:" in outcome.err
    assert CANARY not in outcome.err


def test_debugging_shows_where_but_no_values(
    mistake: None, eds: Eds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDS_DEBUG", "1")
    outcome = eds("key", "list")
    assert outcome.status == 70
    assert "raise ValueError(local)" in outcome.err
    assert CANARY not in outcome.err


# --- the world outside ------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_trouble(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"\x30\x83\x03\x0d\x40" + b"\x02\x01\x00" * 66_666 + b"\x05\x00")
    process = subprocess.Popen(
        [sys.executable, "-m", "eds_cli", "inspect", "--der-tree", *[str(big)] * 3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


def test_an_interrupted_prompt_is_quiet(home: Path) -> None:
    outcome = at_terminal("key", "generate", "k", answers=[("password", "\x03")])
    assert outcome.status == 130
    assert "Traceback" not in outcome.out
    assert "eds:" not in outcome.out


def test_an_interrupt_while_reading_is_quiet(home: Path) -> None:
    os.mkfifo("pipe")
    process = subprocess.Popen(
        [sys.executable, "-m", "eds_cli", "inspect", "pipe"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with Path("pipe").open("wb"):  # returns when the command has opened its end
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_be_taught(shell: str) -> None:
    outcome = spawn(env={"_EDS_COMPLETE": f"{shell}_source"})
    assert outcome.status == 0
    assert "eds" in outcome.out


def test_an_error_line_has_the_form_that_is_promised() -> None:
    assert CODE_LINE.fullmatch("eds: no such key: x [keys.not_found]\n")
    assert Outcome(3, "", "eds: no such key: x [keys.not_found]\n").code == "keys.not_found"


def test_run_never_raises() -> None:
    assert run(["inspect"]) == 2
