"""The command as tests run it: in this process, in one of its own, and at a terminal."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eds.keys.pbe import Pbkdf2, Scrypt
from eds_cli.main import run

ROOT = Path(__file__).parents[2]
PASSWORD = "canary-Zebra-4711"
NEW_PASSWORD = "canary-Quagga-1899"
PIN = "271828"
# The line of an error, and what to do next where that is known.
CODE_LINE = re.compile(r"eds: .+ \[([a-z]+\.[a-z_]+)\]\n(?: {5}.+\n)?")

_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
# What makes a process of its own the leader of a session at the terminal it was given.
_AT_TERMINAL = (
    "import os; os.close(os.open(os.ttyname(0), os.O_RDWR)); from eds_cli.main import main; main()"
)


@dataclass(frozen=True)
class Outcome:
    """How one run of the command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def code(self) -> str:
        """The code that the line on stderr ends in; besides there is a hint at most."""
        found = CODE_LINE.fullmatch(self.err)
        assert found, self.err
        return found[1]


Eds = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, with the store and nothing from outside."""
    for name in ("EDS_STORE", "EDS_DEBUG", "NO_COLOR", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def eds(
    home: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Eds:
    """Run the command in this process. `password`, `new` and `source` go in by variables."""

    # What costs time is tested where it is made, and costs nothing here.
    monkeypatch.setattr("eds.keys.files.Scrypt", lambda: Scrypt(cost=1024, parallel=1))
    monkeypatch.setattr("eds.keys.pkcs8.Scrypt", lambda: Scrypt(cost=1024, parallel=1))
    cheap = Pbkdf2(iterations=1000, mac_iterations=1000)
    monkeypatch.setattr("eds.keys.pkcs12.Pbkdf2", lambda: cheap)

    def command(
        *arguments: str | Path,
        password: str | None = None,
        new: str | None = None,
        source: str | None = None,
    ) -> Outcome:
        line = [str(one) for one in arguments]
        given = {"password": password, "new-password": new, "source-password": source}
        for option, secret in given.items():
            if secret is not None:
                variable = f"T_{option.replace('-', '_')}"
                monkeypatch.setenv(variable, secret)
                line += [f"--{option}-env", variable]
        capfdbinary.readouterr()
        status = run(line)
        captured = capfdbinary.readouterr()
        return Outcome(status, captured.out.decode(), captured.err.decode())

    return command


def spawn(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
) -> Outcome:
    """Run the command in a process of its own, without any terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "eds_cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
        pass_fds=tuple(pass_fds),
        start_new_session=True,
        timeout=180,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def at_terminal(
    *arguments: str | Path,
    answers: Sequence[tuple[str, str | Callable[[str], str]]] = (),
    env: Mapping[str, str] | None = None,
    columns: int = 80,
) -> Outcome:
    """Run the command at a terminal: wait for each prompt, type its answer. `out` is the screen.

    An answer may depend on what stands on the screen.
    """
    import fcntl
    import struct
    import termios

    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_TERMINAL, *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "", **(env or {})},
        start_new_session=True,
    )
    os.close(slave)
    screen = bytearray()
    waiting = list(answers)
    seen = 0
    deadline = time.monotonic() + 180
    try:
        while time.monotonic() < deadline:
            if waiting and waiting[0][0].encode() in screen[seen:]:
                seen = len(screen)
                time.sleep(0.05)  # the prompt stands before the echo is off
                answer = waiting.pop(0)[1]
                typed = answer if isinstance(answer, str) else answer(screen.decode())
                os.write(master, typed.encode())
            ready, _, _ = select.select([master], [], [], 0.2)
            try:
                piece = os.read(master, 65536) if ready else None
            except OSError:  # Linux, once the other end is closed
                break
            if piece == b"":
                break
            screen += piece or b""
    finally:
        os.close(master)
        if time.monotonic() >= deadline:
            process.kill()
    return Outcome(process.wait(timeout=10), screen.decode().replace("\r\n", "\n"), "")


@dataclass(frozen=True)
class Token:
    """A SoftHSM token of our own; used by other processes only, for one process has one module."""

    uri: str
    env: Mapping[str, str]


@pytest.fixture(scope="session")
def _softhsm() -> str:
    module = next((path for path in _MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2 is not installed")
    return module


@pytest.fixture
def token(_softhsm: str, tmp_path: Path) -> Token:
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    env = {"SOFTHSM2_CONF": str(settings)}
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", "EDS test"),
            *("--so-pin", "31415926", "--pin", PIN),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, **env},
    )
    return Token(uri=f"pkcs11:token=EDS%20test?module-path={_softhsm}", env=env)


def openssl(*arguments: str | Path, stdin: bytes = b"") -> str:
    """What openssl says; it must end well."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, said
    return said


@pytest.fixture(autouse=True)
def _needs_openssl() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
