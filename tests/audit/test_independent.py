"""The formats are what docs/audit.md says: a verifier written from that page agrees."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from eds.audit import write_export
from tests.audit import independent
from tests.audit.house import House, signer


def test_it_knows_nothing_of_this_library() -> None:
    tree = ast.parse(Path(independent.__file__).read_text())
    named = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "hashlib" in named
    assert not named & {"eds", "eds_cli", "tests"}


@pytest.mark.parametrize("kind", ["ec", "ed25519"])
def test_it_agrees(house: House, tmp_path: Path, kind: str) -> None:
    house.key = signer(kind)
    house.append(5)
    house.checkpoint()
    house.append(8, first=6)
    house.append(3, writer="node-2")
    house.checkpoint()
    house.append(1, first=14)
    file = tmp_path / "log"
    with house.log() as log, file.open("wb") as out:
        write_export(out, log.items())
    key = house.key.public_key.encoded
    assert independent.verify(file, key) == {"node-1": 14, "node-2": 3}
    whole = file.read_bytes()
    for _ in range(20):
        place = random.randrange(len(whole))
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
            independent.verify(file, key)
