"""Secrets come from the terminal, a descriptor or a named variable, and show up nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eds.errors import PinFinalTry, SecretUnavailable
from eds.keys import PinKind, PinRequest, Secret
from eds_cli import pins
from eds_cli.pins import Given, Secrets
from tests.cli.conftest import NEW_PASSWORD, PASSWORD, Eds, at_terminal, openssl, spawn


def pipe(*lines: str, end: str = "\n") -> int:
    read, write = os.pipe()
    os.write(write, "\n".join(lines).encode() + end.encode())
    os.close(write)
    return read


NOTHING = Given(descriptor=None, variable=None)


def test_a_descriptor_gives_one_line_at_a_time() -> None:
    read = pipe("one two", "three\r", "")
    first, second, third = (Given(descriptor=read, variable=None) for _ in range(3))
    assert (first.take(), second.take(), first.take()) == (b"one two", b"three", b"one two")
    assert third.take() == b""
    with pytest.raises(SecretUnavailable):
        Given(descriptor=read, variable=None).take()
    os.close(read)


def test_a_line_may_end_without_an_end_but_not_without_an_end_to_its_length() -> None:
    read = pipe("secret", end="")
    assert Given(descriptor=read, variable=None).take() == b"secret"
    os.close(read)
    read = pipe("x" * 5000)
    with pytest.raises(SecretUnavailable):
        Given(descriptor=read, variable=None).take()
    os.close(read)
    with pytest.raises(SecretUnavailable, match="descriptor 987"):
        Given(descriptor=987, variable=None).take()


def test_a_variable_is_gone_as_soon_as_the_command_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_SECRET", PASSWORD)
    given = Given(descriptor=None, variable="T_SECRET")
    assert "T_SECRET" not in os.environ
    assert given.take() == PASSWORD.encode()
    assert PASSWORD not in repr(given) + repr(vars(Given))
    with pytest.raises(SecretUnavailable, match="T_SECRET"):
        Given(descriptor=None, variable="T_SECRET").take()


def test_a_secret_comes_from_one_place(eds: Eds) -> None:
    outcome = eds("key", "generate", "k", "--password-fd", "0", "--password-env", "X")
    assert outcome.status == 2


def test_without_a_terminal_nobody_waits(home: Path) -> None:
    outcome = spawn("key", "generate", "k")
    assert (outcome.status, outcome.code) == (4, "keys.secret_unavailable")
    assert "--password-fd" in outcome.err


def test_descriptors_of_a_shell(home: Path) -> None:
    read = pipe(PASSWORD)
    outcome = spawn("key", "generate", "k", "--password-fd", str(read), pass_fds=[read])
    os.close(read)
    assert outcome.status == 0, outcome.err
    read = pipe(PASSWORD, NEW_PASSWORD)
    fd = str(read)
    outcome = spawn(
        *("key", "change-password", "k", "--password-fd", fd, "--new-password-fd", fd),
        pass_fds=[read],
    )
    os.close(read)
    assert outcome.status == 0, outcome.err
    file = "data/eds/keys/k.pem"
    openssl("pkey", "-in", file, "-passin", f"pass:{NEW_PASSWORD}", "-noout")


# --- at a terminal ------------------------------------------------------------------------------


def test_a_new_password_is_asked_twice_and_never_shown(home: Path) -> None:
    screen = at_terminal(
        *("key", "generate", "k"),
        answers=[("New password for", f"{PASSWORD}\n"), ("The same again", f"{PASSWORD}\n")],
    )
    assert screen.status == 0, screen.out
    assert PASSWORD not in screen.out
    assert "k.pem" in screen.out
    openssl("pkey", "-in", "data/eds/keys/k.pem", "-passin", f"pass:{PASSWORD}", "-noout")


def test_entries_that_differ_are_asked_again_and_then_refused(home: Path) -> None:
    both = [("New password", "a\n"), ("The same again", "b\n")]
    screen = at_terminal("key", "generate", "k", answers=both * 3)
    assert screen.status == 4
    assert "[keys.password_refused]" in screen.out
    assert not list(Path("data/eds/keys").glob("*"))


def test_a_password_is_asked_for_once(eds: Eds, home: Path) -> None:
    eds("key", "generate", "k", password=PASSWORD)
    screen = at_terminal(
        *("request", "create", "k", "--subject", "CN=x"),
        answers=[("Password for", f"{PASSWORD}\n")],
    )
    assert screen.status == 0
    assert screen.out.count("Password for") == 1
    assert "BEGIN CERTIFICATE REQUEST" in screen.out


def test_a_target_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "x"

    monkeypatch.setattr(pins, "_prompt", prompt)
    secrets = Secrets(current=NOTHING, new=NOTHING, source=NOTHING)
    assert secrets.pin(PinRequest(target="a\x1b[2J\u202e")) == Secret("x")
    assert secrets.pin(PinRequest(target="b", few_tries_left=True)) == Secret("x")
    assert asked == ["Password for a\\x1b[2J\\u202e: ", "PIN for b (few tries are left): "]


# --- the final try ------------------------------------------------------------------------------

FINAL = PinRequest(target="token EDS", final_try=True)


def test_the_final_try_is_not_used_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins._terminal, "__enter__", lambda _: None)
    monkeypatch.setattr(pins._terminal, "__exit__", lambda *_: None)
    given = Given(descriptor=(read := pipe("1")), variable=None)
    secrets = Secrets(current=given, new=NOTHING, source=NOTHING)
    with pytest.raises(PinFinalTry):
        secrets.pin(FINAL)
    willing = Secrets(current=given, new=NOTHING, source=NOTHING, use_final_try=True)
    assert willing.pin(FINAL) == Secret("1")
    os.close(read)


def test_at_a_terminal_the_final_try_is_explained() -> None:
    code = (
        "import os; os.close(os.open(os.ttyname(0), os.O_RDWR))\n"
        "from eds.errors import PinFinalTry\nfrom eds.keys import PinRequest\n"
        "from eds_cli.pins import Given, Secrets\n"
        "none = Given(descriptor=None, variable=None)\n"
        "secrets = Secrets(current=none, new=none, source=none)\n"
        "try:\n    print(secrets.pin(PinRequest(target='token EDS', final_try=True)).reveal())\n"
        "except PinFinalTry as error:\n    print(error.code)\n"
    )
    for answer, end in (("y\n", "b'12'"), ("\n", "keys.pin_final_try")):
        answers = [("Use the last try? [y/N]", answer), ("PIN for token EDS", "12\n")]
        screen = at_terminal_code(code, answers[: 2 if answer == "y\n" else 1])
        assert "the token locks" in screen
        assert end in screen


def at_terminal_code(code: str, answers: list[tuple[str, str]]) -> str:
    from tests.cli import conftest

    before = conftest._AT_TERMINAL
    conftest._AT_TERMINAL = code
    try:
        return at_terminal(answers=answers).out
    finally:
        conftest._AT_TERMINAL = before


# --- canary ---------------------------------------------------------------------------------------

VERBS = [
    ("key", "generate", "k2"),
    ("key", "generate", "k"),
    ("key", "show", "k"),
    ("key", "import", "k.p12"),
    ("key", "import", "k.p12", "--label", "k3"),
    ("key", "import", "noise"),
    ("key", "export", "k", "--out", "e.p12"),
    ("key", "export", "k", "--out", "e.pem", "--format", "pkcs8", "--json"),
    ("key", "export", "k", "--out", "no/such/folder"),
    ("key", "export", "absent", "--out", "e2.p12"),
    ("key", "change-password", "k"),
    ("key", "change-password", "absent"),
    ("request", "create", "k", "--subject", "CN=x", "--json"),
    ("request", "create", "k", "--subject", "nonsense"),
    ("inspect", "k.p12", "--json"),
    ("inspect", "data/eds/keys/k.pem", "noise", "--open"),
    ("key", "delete", "k", "--yes"),
]


def test_secrets_show_up_in_no_output_of_any_verb(
    eds: Eds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDS_DEBUG", "1")
    eds("key", "generate", "k", password=PASSWORD)
    eds("key", "export", "k", "--out", "k.p12", password=PASSWORD, new=NEW_PASSWORD)
    Path("noise").write_bytes(b"\x30\x82noise")
    wrong = "canary-Okapi-wrong"
    for verb in VERBS:
        takes_new = verb[:2] in {("key", "generate"), ("key", "import"), ("key", "export")} or (
            "change-password" in verb
        )
        takes_source = verb[:2] == ("key", "import")
        takes_any = verb[:2] != ("key", "show")
        for password in (wrong, PASSWORD):
            outcome = eds(
                *verb,
                password=password if takes_any else None,
                new=NEW_PASSWORD if takes_new else None,
                source=(NEW_PASSWORD if password == PASSWORD else wrong) if takes_source else None,
            )
            assert outcome.status in {0, 3, 4, 5, 6, 7}, (verb, outcome.err)
            for secret in (PASSWORD, NEW_PASSWORD, wrong):
                assert secret not in outcome.out + outcome.err, verb


def test_secrets_are_in_no_list_of_processes(home: Path) -> None:
    read, write = os.pipe()
    env = {**os.environ, "T_NEW": NEW_PASSWORD}
    line = ["key", "generate", "k", "--password-fd", str(read)]
    process = subprocess.Popen(
        [sys.executable, "-m", "eds_cli", *line], pass_fds=(read,), env=env, stdout=subprocess.PIPE
    )
    os.write(write, PASSWORD[:3].encode())
    time.sleep(0.5)
    listed = Path(f"/proc/{process.pid}/cmdline")
    said = listed.read_bytes() if listed.exists() else b""
    os.write(write, PASSWORD[3:].encode() + b"\n")
    os.close(write)
    os.close(read)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert PASSWORD.encode() not in said
    assert PinKind.NEW.value == "new"
