"""openssl and keytool, as judges."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
needs_keytool = pytest.mark.skipif(shutil.which("keytool") is None, reason="no Java")


def openssl(*arguments: str | Path, check: bool = True) -> bytes:
    """The output of an openssl command; with `check`, its failure fails the test."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, check=False, timeout=60
    )
    if check:
        assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout
