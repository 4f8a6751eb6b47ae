"""Thousands of documents with one key that was opened once.

Each result is a line of a manifest, synced before the signed document gets its name: a batch that
was killed goes on where it ended, and one bad document does not stop the others. The key is the
caller's: `sign` is whatever makes a signed document of one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..errors import DocumentRefused, DocumentUnwritable, EdsError, MalformedManifest, Sentence
from .output import write_document

_PIECE: Final = 1 << 20
_LINE_LIMIT: Final = 64 * 1024
_FIELDS: Final = ("source", "source_sha256", "target", "target_sha256", "code", "message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One document: where it is, and where its signature or signed copy goes."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a document.

    `code` is None where it was signed, else that of the error; `message` says it to people.
    Digests are hexadecimal SHA-256, None for what is not there. `was_done` tells that the
    manifest had it already.
    """

    source: str
    source_sha256: str | None
    target: str
    target_sha256: str | None
    code: str | None = None
    message: str | None = None
    was_done: bool = False


def sign_all(
    jobs: Iterable[Job], *, sign: Callable[[Path], bytes], manifest: Path
) -> Iterator[Result]:
    """Sign each document in turn and yield what became of it.

    A document that the manifest has as signed is passed over while source and target are as
    they were. Raises MalformedManifest, DocumentUnwritable for the manifest itself; everything
    about one document is a result, what is none of the library's errors apart.
    """
    done = _read(manifest)
    try:
        with manifest.open("ab") as log:
            for job in jobs:
                before = done.get(str(job.source))
                if before is not None and _stands(before, job):
                    yield before
                    continue
                yield _one(job, sign, log)
    except OSError as error:
        raise DocumentUnwritable(file=manifest.name, reason=error.strerror or "") from error


def _one(job: Job, sign: Callable[[Path], bytes], log: BinaryIO) -> Result:
    source_sha256 = None
    try:
        source_sha256 = _source_sha256(job.source)
        data = sign(job.source)
        signed = Result(
            source=str(job.source),
            source_sha256=source_sha256,
            target=str(job.target),
            target_sha256=hashlib.sha256(data).hexdigest(),
        )
        # The line first: a line whose document is missing is signed again, but a document that
        # no line knows would stand in its own way for ever.
        _write_line(log, signed)
        write_document(job.target, data)
    except EdsError as error:
        failed = Result(
            source=str(job.source),
            source_sha256=source_sha256,
            target=str(job.target),
            target_sha256=None,
            code=error.code,
            message=str(error),
        )
        _write_line(log, failed)
        return failed
    return signed


def _source_sha256(path: Path) -> str:
    try:
        return _sha256(path)
    except OSError as error:
        raise DocumentRefused(
            reason=Sentence("it cannot be read: {reason}", reason=error.strerror)
        ) from error


def _stands(before: Result, job: Job) -> bool:
    """Whether what the manifest says is still so."""
    if before.code is not None or before.target != str(job.target):
        return False
    try:
        return (_sha256(job.source), _sha256(job.target)) == (
            before.source_sha256,
            before.target_sha256,
        )
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while piece := file.read(_PIECE):
        found.update(piece)
    return found.hexdigest()


# --- the manifest ---------------------------------------------------------------------------------


def _write_line(log: BinaryIO, result: Result) -> None:
    line: dict[str, Any] = {name: getattr(result, name) for name in _FIELDS}
    log.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    log.flush()
    os.fsync(log.fileno())


def _read(manifest: Path) -> Mapping[str, Result]:
    """The last result of each source. A line cut short by a kill at the end counts for nothing."""
    found: dict[str, Result] = {}
    try:
        data = manifest.read_bytes()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise DocumentUnwritable(file=manifest.name, reason=error.strerror or "") from error
    lines = data.split(b"\n")
    if lines[-1]:
        _cut(manifest, len(data) - len(lines[-1]))
    for number, line in enumerate(lines[:-1], start=1):
        try:
            said = json.loads(line) if len(line) <= _LINE_LIMIT else None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or set(said) != set(_FIELDS):
            raise MalformedManifest(line=number)
        if not all(isinstance(value, str | None) for value in said.values()):
            raise MalformedManifest(line=number)
        found[said["source"]] = Result(**said, was_done=True)
    return found


def _cut(manifest: Path, size: int) -> None:
    try:
        os.truncate(manifest, size)
    except OSError as error:
        raise DocumentUnwritable(file=manifest.name, reason=error.strerror or "") from error
