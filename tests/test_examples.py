"""Each example runs to its end; what it tells is therefore true."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PIN = "271828"


def run(name: str, folder: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder), **env},
        start_new_session=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout.decode()


def test_a_message_is_signed_with_a_key_in_a_file(tmp_path: Path) -> None:
    assert "verified" in run("sign_message.py", tmp_path)


def test_a_message_is_signed_with_a_key_in_a_token(tmp_path: Path) -> None:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2 is not installed")
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", "EDS"),
            *("--so-pin", "31415926", "--pin", PIN),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "SOFTHSM2_CONF": str(settings)},
    )
    said = run(
        "token_key.py",
        tmp_path,
        SOFTHSM2_CONF=str(settings),
        EDS_STORE="pkcs11:token=EDS?module-name=softhsm2",
        EDS_PIN=PIN,
    )
    assert "keys.operation_unsupported" in said


def test_a_portal_learns_who_is_at_the_door(tmp_path: Path) -> None:
    said = run("login.py", tmp_path)
    assert said == "at the door: MARI MAASIKAS\nrefused: login.signature\n"


def test_the_demo_holds(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    said = run("demo.py", tmp_path)
    assert "Everything held" in said
    assert "✗" not in said
    if shutil.which("softhsm2-util") is not None:
        assert "Everything held." in said


def test_the_demo_tells_its_half_without_a_token(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "openssl").symlink_to(shutil.which("openssl") or "")
    said = run("demo.py", tmp_path, PATH=str(tools))
    assert "softhsm2 is not installed" in said
    assert "Everything held, as far as it was shown." in said


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in text] == []
