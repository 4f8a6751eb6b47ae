"""Fresh SoftHSM tokens, made inside this process, where the module is loaded but once.

SoftHSM reads its configuration when it is initialised, so each test process has one folder of
tokens. Tokens are added through the module itself: it does not notice those of other programs.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pkcs11
import pytest

from eds.errors import ModuleUnavailable
from eds.keys.pkcs11_module import Module
from eds.keys.pkcs11_paths import module_path

PIN = "correct horse"
OTHER_PIN = "battery staple"
SO_PIN = "security officer"
# SoftHSM waits for the disk at every change; nothing of a test is to outlive it.
_MEMORY = Path("/dev/shm")


@cache
def softhsm() -> str | None:
    """The file of the SoftHSM module; None where it is not installed."""
    try:
        return module_path(path=None, name="softhsm2", environment=None)
    except ModuleUnavailable:
        return None


needs_softhsm = pytest.mark.skipif(softhsm() is None, reason="no SoftHSM")
needs_pkcs11_tool = pytest.mark.skipif(
    shutil.which("pkcs11-tool") is None or softhsm() is None, reason="no pkcs11-tool or SoftHSM"
)


def write_configuration(folder: Path) -> Path:
    """A configuration for tokens in `folder`; the value of SOFTHSM2_CONF."""
    (folder / "tokens").mkdir(parents=True, exist_ok=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\n"
        "objectstore.backend = file\nlog.level = ERROR\n"
    )
    return configuration


def _remove(place: Path, owner: int) -> None:
    # A forked child that ends in the ordinary way comes here too, and the tokens are not its own.
    if os.getpid() == owner:
        shutil.rmtree(place, ignore_errors=True)


def folder() -> Path:
    """Where the tokens of this process are; SOFTHSM2_CONF says so again at each call.

    Tests that give commands another environment restore the one they found.
    """
    place = _folder()
    os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")
    return place


@cache
def _folder() -> Path:
    place = Path(tempfile.mkdtemp(prefix="eds-softhsm-", dir=_MEMORY if _MEMORY.is_dir() else None))
    atexit.register(_remove, place, os.getpid())
    write_configuration(place)
    return place


def module() -> Module:
    """The module, initialised over the folder of this process."""
    path = softhsm()
    assert path is not None
    folder()
    return Module.get(path)


def new_token(label: str, *, pin: str | None = PIN) -> str:
    """Make a token; its URI. Without `pin` the user's PIN is never set."""
    loaded = module()
    library = ctypes.CDLL(loaded.path)
    empty = next(
        slot
        for slot in loaded._library.get_slots()
        if not slot.get_token().flags & pkcs11.TokenFlag.TOKEN_INITIALIZED
    )
    officer, padded = SO_PIN.encode(), label.encode().ljust(32)
    slot_id = ctypes.c_ulong(empty.slot_id)
    assert library.C_InitToken(slot_id, officer, ctypes.c_ulong(len(officer)), padded) == 0
    token = empty.get_token()
    if pin is not None:
        session = token.open(rw=True, so_pin=SO_PIN)
        session.init_pin(pin)
        session.close()
    return f"pkcs11:token={quote(label)};serial={token.serial.decode()}?module-path={loaded.path}"


def new_tokens(place: Path, *labels: str) -> dict[str, str]:
    """An environment for other processes with tokens of these labels, made by softhsm2-util."""
    environment = {**os.environ, "SOFTHSM2_CONF": str(write_configuration(place))}
    for label in labels:
        subprocess.run(
            [
                *("softhsm2-util", "--init-token", "--free", "--label", label),
                *("--pin", PIN, "--so-pin", SO_PIN),
            ],
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
    return environment


def pkcs11_tool(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """The output of OpenSC's pkcs11-tool; its failure fails the test."""
    path = softhsm()
    assert path is not None
    done = subprocess.run(
        ["pkcs11-tool", "--module", path, *arguments],
        env=environment or os.environ.copy(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace")
