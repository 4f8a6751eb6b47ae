"""Signed documents on disk: whole or absent, whatever happens while they are written.

A document is written beside its place, synced, and only then given its name; the folder is
synced after. Nothing that is there is ever overwritten.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import DocumentExists, DocumentUnwritable

_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


def write_document(path: Path, data: bytes) -> None:
    """A new file with `data`. Raises DocumentExists, DocumentUnwritable."""
    stream_document(path, lambda sink: sink.write(data))


def stream_document(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """A new file with what `write` writes, for documents of any size.

    Raises DocumentExists when anything has that name, DocumentUnwritable, and what `write`
    raises: then nothing is left behind.
    """
    if os.path.lexists(path):
        raise DocumentExists(file=path.name)
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.eds-tmp")
    try:
        try:
            with draft.open("xb") as sink:
                write(sink)
                sink.flush()
                os.fsync(sink.fileno())
            _name(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        _sync(path.parent)
    except FileExistsError:
        raise DocumentExists(file=path.name) from None
    except OSError as error:
        raise DocumentUnwritable(file=path.name, reason=error.strerror or "") from error


def _name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links (USB sticks): the name is taken first, then filled.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        draft.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # not every file system can
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
