"""Work in a child process: its answer, its refusals and its limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from eds.errors import MalformedPdf
from eds_cli.confined import Limits, WorkRefused, WorkStopped, confined

SMALL = Limits(memory=64 * 1024 * 1024, seconds=1)


def test_the_answer_comes_back_whole() -> None:
    assert confined(lambda: b"x" * 1_000_000) == b"x" * 1_000_000


def test_a_refusal_keeps_its_code() -> None:
    def refuse() -> bytes:
        raise MalformedPdf(reason="no header")

    with pytest.raises(WorkRefused, match="no header") as caught:
        confined(refuse)
    assert caught.value.code == "verify.malformed_pdf"


def test_memory_time_and_files_are_limited(tmp_path: Path) -> None:
    def greedy() -> bytes:
        return bytes(256 * 1024 * 1024)

    def endless() -> bytes:
        while True:
            pass

    def writing() -> bytes:
        (tmp_path / "one").write_bytes(b"text")
        return b""

    with pytest.raises(WorkStopped, match="memory"):
        confined(greedy, limits=SMALL)
    with pytest.raises(WorkStopped, match="signal"):
        confined(endless, limits=SMALL)
    with pytest.raises(WorkStopped):
        confined(writing, limits=SMALL)


def test_a_mistake_of_ours_is_no_answer() -> None:
    def mistaken() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(WorkStopped, match="exit status 1"):
        confined(mistaken)
