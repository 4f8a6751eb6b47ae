"""A ceremony killed by SIGKILL before and after everything that lasts, in files and in a token.

Each place in turn: a run that is killed there, then one that comes to its end. One key for each
role, every certificate beside its key, no open intent, a log and a report that verify:
`make campaign-ceremony`, or with `ARGS="STRIDE"` for every so many places of the token.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds.ca.folder import AuthorityFolder
from eds.keys import pkcs11_objects
from eds.keys.pkcs11 import TokenKeyStore
from tests.ca import killed_ceremony as killed
from tests.ca.authority_house import (
    DESCRIPTION,
    NOON,
    cheap_keys,
    hold_ceremony,
    new_authority,
)
from tests.keys.softhsm import new_tokens, softhsm

Durable = tuple[tuple[Any, str], ...]
LABELS = {"root-2026", "people-2026", "root-ocsp", "people-ocsp"}
IN_TOKEN: Durable = (
    *killed.DURABLE,
    (TokenKeyStore, "generate"),
    (TokenKeyStore, "store_certificates"),
    (pkcs11_objects, "create_statement"),
)


def make(path: Path, store: str) -> None:
    """An authority with its keys in `store`; all that loads a module runs in children."""
    if store != "keys":
        os.environ |= new_tokens(path.parent, "Ceremony")

    def run() -> None:
        new_authority(path, key_store=store).register.engine.dispose()

    killed.in_child(run)


def halves(path: Path, data: bytes, durable: Durable) -> int:
    """How many places there are where a run can be killed."""
    counted = path.parent / "halves"

    def tell(seen: int) -> None:
        counted.write_text(str(seen))

    def run() -> None:
        killed.count_halves(tell, durable)
        hold_ceremony(AuthorityFolder(path), data, at=NOON)

    killed.in_child(run)
    return int(counted.read_text())


def holds(path: Path, data: bytes, places: tuple[str, ...], durable: Durable, half: int) -> bool:
    """Whether all is well after a run that was killed there, and another."""

    def cut() -> None:
        killed.killed_at(half, durable)
        hold_ceremony(AuthorityFolder(path), data, at=NOON)

    def whole() -> None:
        hold_ceremony(AuthorityFolder(path), data, at=killed.at_run(1))
        found = list(killed.problems(path, LABELS, places))
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        assert not found

    try:
        return killed.in_child(cut) == signal.SIGKILL and killed.in_child(whole) == 0
    except AssertionError:
        return False


def campaign(
    name: str, data: bytes, places: tuple[str, ...], durable: Durable, stride: int
) -> bool:
    begun, failed = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "a", places[0])
        total = halves(Path(folder) / "a", data, durable)
    for half in range(1, total + 1, stride):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "a", places[0])
            if not holds(Path(folder) / "a", data, places, durable, half):
                failed.append(half)
    print(f"{name}: {total} places, every {stride}, {time.monotonic() - begun:.0f} s", flush=True)
    if failed:
        print(f"  failed where it was killed at {failed}")
    return not failed


def main(stride: str = "1") -> int:
    with cheap_keys():
        held = campaign("files", DESCRIPTION, ("keys", "keys/root"), killed.DURABLE, 1)
        if softhsm() is None:
            print("token: no SoftHSM, and so not tested")
        else:
            uri = "pkcs11:token=Ceremony?module-name=softhsm2"
            data = DESCRIPTION.replace(b'"keys/root"', f'"{uri}"'.encode())
            held &= campaign("token", data, (uri,), IN_TOKEN, int(stride))
    print("held" if held else "failed")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
