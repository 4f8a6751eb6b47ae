"""A few lives that end by SIGKILL; hundreds of them are `make campaign-enroll`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.untraced


def test_a_desk_that_dies_loses_nothing_and_does_nothing_twice(
    sqlite_desk: Callable[[Path], str], tmp_path: Path
) -> None:
    url = sqlite_desk(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.enroll.crash", url, "12"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert figures["killed"] == 12
    assert figures["certificates"] > 0
