"""An authority in a folder, made as `eds ca init` and `eds ca ceremony` make it, but quickly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.ceremony import CeremonyOutcome, carry_out
from eds.ca.ceremony_plan import Ceremony, read_ceremony
from eds.ca.folder import AuthorityFolder, AuthoritySettings, make_authority
from eds.keys import PinRequest, Secret
from eds.keys.pbe import Scrypt

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PASSWORD = "canary-Zebra-4711"
TOKEN_PIN = "correct horse"  # as in tests/keys/softhsm.py


def documented(language: str, number: int) -> str:
    """A code block of docs/ca.md."""
    text = (ROOT / "docs" / "ca.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found[number]


DESCRIPTION = documented("toml", 0).encode()


def pin(request: PinRequest) -> Secret:
    """The password of files; a token has the PIN that the tests of tokens give it."""
    return Secret(TOKEN_PIN if request.target.startswith("token ") else PASSWORD)


@contextmanager
def cheap_keys() -> Iterator[None]:
    """Passwords that cost nothing to hash; what they cost is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eds.keys.files.Scrypt", lambda: Scrypt(cost=1024, parallel=1))
        yield


def new_authority(
    path: Path, *, at: datetime = NOON, database: str = "register.db", key_store: str = "keys"
) -> AuthorityFolder:
    return make_authority(
        path,
        AuthoritySettings(
            name="example", node=1, database=database, key_store=key_store, audit_store=key_store
        ),
        audit_algorithm=ECDSA_P256_SHA256,
        pin=pin,
        actor="official/1",
        at=at,
    )


def described(folder: AuthorityFolder, data: bytes = DESCRIPTION) -> Ceremony:
    return read_ceremony(
        data, file="first.toml", profiles=folder.profiles, key_store=folder.settings.key_store
    )


def hold_ceremony(
    folder: AuthorityFolder, data: bytes = DESCRIPTION, *, at: datetime = NOON
) -> CeremonyOutcome:
    return carry_out(
        described(folder, data),
        folder=folder,
        pin=pin,
        actor="official/1",
        now=lambda: at,
        told=lambda step: None,
    )
