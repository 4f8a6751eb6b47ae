"""Processes that die while they issue, and many that work at once; the long runs are campaigns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.untraced import untraced

ROOT = Path(__file__).parents[2]


def run(program: str, url: str, *counts: int) -> dict[str, int]:
    """A program of its own, for it forks; its figures."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.ca.{program}", url, *map(str, counts)],
        cwd=ROOT, env=untraced(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    figures: dict[str, int] = json.loads(done.stdout)
    return figures


def test_an_issuer_killed_at_any_moment_leaves_no_signature_without_a_row(
    register_url: str,
) -> None:
    figures = run("crash", register_url, 16)
    assert figures["kills"] == 16
    assert figures["signatures"] > 0


def test_many_at_once_leave_a_history_that_the_model_allows(register_url: str) -> None:
    figures = run("crowd", register_url, 2, 8, 5)
    assert figures["changes"] > 0
