"""Batches: resumed after a kill, whole or absent documents, one result for each."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eds.errors import DocumentExists, DocumentUnwritable, MalformedManifest
from eds.sign.batch import Job, Result, sign_all
from eds.sign.cms import sign_detached
from eds.sign.output import stream_document, write_document
from eds.sign.pdf import sign_pdf
from eds.signeddata import SignedData
from tests.sign.house import NOON, page, party


def jobs(folder: Path, count: int) -> list[Job]:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "out").mkdir(exist_ok=True)
    found = []
    for number in range(count):
        source = folder / "in" / f"{number}.txt"
        source.write_bytes(b"%d" % number)
        found.append(Job(source=source, target=folder / "out" / f"{number}.txt.p7s"))
    return found


def detached(path: Path) -> bytes:
    return sign_detached(path.read_bytes(), by=party().cms())


def run(work: list[Job], folder: Path) -> list[Result]:
    return list(sign_all(work, sign=detached, manifest=folder / "manifest.jsonl"))


def test_every_document_is_signed_and_told(tmp_path: Path) -> None:
    work = jobs(tmp_path, 5)
    results = run(work, tmp_path)
    assert [one.code for one in results] == [None] * 5
    assert all(SignedData(job.target.read_bytes()).is_detached for job in work)
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert [json.loads(line)["target"] for line in lines] == [str(job.target) for job in work]


def test_one_bad_document_does_not_stop_the_rest(tmp_path: Path) -> None:
    good = tmp_path / "good.pdf"
    good.write_bytes(page())
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no PDF at all")
    work = [
        Job(source=path, target=tmp_path / f"signed-{path.name}")
        for path in (bad, tmp_path / "missing.pdf", good)
    ]

    def sign(path: Path) -> bytes:
        return sign_pdf(path.read_bytes(), by=party().cms(), at=NOON)

    results = list(sign_all(work, sign=sign, manifest=tmp_path / "manifest"))
    assert [one.code for one in results] == ["sign.document_refused"] * 2 + [None]
    assert not work[0].target.exists()
    assert work[2].target.exists()


def test_what_is_signed_is_not_signed_again_unless_it_changed(tmp_path: Path) -> None:
    work = jobs(tmp_path, 4)
    run(work[:2], tmp_path)
    again = run(work, tmp_path)
    assert [one.was_done for one in again] == [True, True, False, False]
    work[0].source.write_bytes(b"changed")
    work[1].target.unlink()
    third = run(work, tmp_path)
    assert [one.was_done for one in third] == [False, False, True, True]
    assert third[0].code == "sign.document_exists"  # the old signature is not overwritten
    assert third[1].code is None


WRITER = """
import os, sys
from pathlib import Path
from eds.sign import batch
from tests.sign.test_batch import detached, jobs
folder, stop = Path(sys.argv[1]), int(sys.argv[2])
work = jobs(folder, 6)
seen = 0
def counted(act):
    def step(*arguments, **more):
        global seen
        seen += 1
        if seen == stop:
            os.kill(os.getpid(), 9)
        return act(*arguments, **more)
    return step
for name in ("fsync", "link"):
    setattr(os, name, counted(getattr(os, name)))
list(batch.sign_all(work, sign=detached, manifest=folder / "manifest.jsonl"))
os._exit(42)
"""


def test_a_batch_killed_at_any_step_goes_on_where_it_ended(tmp_path: Path) -> None:
    for stop in (1, 2, 3, 4):
        folder = tmp_path / str(stop)
        folder.mkdir()
        killed = subprocess.run(
            [sys.executable, "-c", WRITER, folder, str(stop)], check=False, timeout=60
        )
        assert killed.returncode == -signal.SIGKILL
        for path in (folder / "out").glob("*.p7s"):
            assert SignedData(path.read_bytes()).signer_infos  # whole
        work = jobs(folder, 6)
        results = run(work, folder)
        assert [one.code for one in results] == [None] * 6
        assert all(job.target.exists() for job in work)


def test_a_line_cut_short_by_a_kill_counts_for_nothing(tmp_path: Path) -> None:
    work = jobs(tmp_path, 2)
    run(work, tmp_path)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-10])
    work[1].target.unlink()
    assert [one.was_done for one in run(work, tmp_path)] == [True, False]


@pytest.mark.parametrize("line", [b"{}\n", b"[" * 10_000 + b"\n", b"\xff\n", b'{"source": 1}\n'])
def test_what_is_no_manifest_is_refused(line: bytes, tmp_path: Path) -> None:
    work = jobs(tmp_path, 1)
    (tmp_path / "manifest.jsonl").write_bytes(line)
    with pytest.raises(MalformedManifest):
        run(work, tmp_path)


def test_a_document_is_never_overwritten_and_nothing_is_left_behind(tmp_path: Path) -> None:
    target = tmp_path / "signed.pdf"
    write_document(target, b"first")
    with pytest.raises(DocumentExists):
        write_document(target, b"second")
    with pytest.raises(ValueError, match="in the middle"):
        stream_document(tmp_path / "other", _breaks)
    with pytest.raises(DocumentUnwritable):
        write_document(tmp_path / "none" / "signed.pdf", b"")
    assert target.read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["signed.pdf"]


def _breaks(sink: object) -> None:
    raise ValueError("in the middle")
