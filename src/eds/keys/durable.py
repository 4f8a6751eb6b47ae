"""Files that are old or new, whatever happens while they are written.

A new file is written beside its place, synced, and only then linked or renamed into it; the
folder is synced after. Nothing is overwritten but by `replace`. Writers of one folder wait for
each other, and the first to come clears away what a killed one left.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from eds.errors import (
    KeyExists,
    KeyFileExposed,
    KeyNotFound,
    Sentence,
    StoreUnavailable,
    UnsupportedKeyFile,
)

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_SUFFIX: Final = ".eds-tmp"
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})

Step = Callable[[str], None]
"""Told the name of each step before it is taken; tests end the process there."""


def _silent(_: str, /) -> None:
    """Nobody listens."""


def exposure(status: os.stat_result) -> str | None:
    """Who else can get at a file or folder of this status; None if nobody can."""
    if status.st_uid not in (0, os.geteuid()):
        return Sentence("belongs to another user")
    folder = stat.S_ISDIR(status.st_mode)
    others = stat.S_IWGRP | stat.S_IWOTH
    if not folder:
        others |= stat.S_IRGRP | stat.S_IROTH
    if status.st_mode & others:
        mode = stat.S_IMODE(status.st_mode)
        shown = f"{mode:04o}"
        if folder:
            return Sentence("can be changed by others (mode {mode})", mode=shown)
        return Sentence("can be read or changed by others (mode {mode})", mode=shown)
    return None


def read(path: Path, *, limit: int) -> bytes:
    """The content of a private file: regular, no symbolic link, ours, closed to others.

    Raises KeyNotFound, KeyFileExposed, UnsupportedKeyFile beyond `limit` octets,
    StoreUnavailable.
    """
    data, exposed = _read(path, limit, os.O_NOFOLLOW)
    if exposed is not None:
        raise KeyFileExposed(file=path.name, reason=exposed)
    return data


def read_any(path: Path, *, limit: int) -> tuple[bytes, str | None]:
    """The content of a file from elsewhere, and who else can get at it, if anybody.

    A USB stick shows every file as open to all, and links are how secrets are mounted: both
    are worth a word to the owner of the file, and no reason to refuse it.
    """
    return _read(path, limit, 0)


def _read(path: Path, limit: int, flags: int) -> tuple[bytes, str | None]:
    with _translated(path):
        # Without O_NONBLOCK the opening of a pipe would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnsupportedKeyFile(file=path.name, algorithm="what is not a regular file")
            pieces: list[bytes] = []
            size = 0
            while piece := os.read(descriptor, limit + 1 - size):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    raise UnsupportedKeyFile(
                        file=path.name, algorithm=f"a file of over {limit} octets"
                    )
            return b"".join(pieces), exposure(status)
        finally:
            os.close(descriptor)


def require_free(path: Path) -> None:
    """Raises KeyExists when anything has that name. `create` refuses by itself, too."""
    if os.path.lexists(path):
        raise KeyExists(key=path.name)


def create(path: Path, data: bytes, *, step: Step = _silent) -> None:
    """A new file, mode 0600. Raises KeyExists when anything has that name, StoreUnavailable."""
    if not path.parent.is_dir():
        raise StoreUnavailable(store=str(path.parent), reason="no such folder")
    with _translated(path), _beside(path, data, step) as temporary:
        step("link")
        try:
            os.link(temporary, path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # A file system without links (USB sticks): the name is taken first, then filled.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE))
            temporary.rename(path)


def replace(path: Path, data: bytes, *, step: Step = _silent) -> None:
    """New content for a file that is there. Raises KeyNotFound, KeyFileExposed for a link."""
    with _translated(path):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise KeyFileExposed(file=path.name, reason="is not a regular file")
        with _beside(path, data, step) as temporary:
            step("rename")
            temporary.rename(path)


def remove(path: Path) -> None:
    """Remove a file for good. Raises KeyNotFound, StoreUnavailable."""
    with _translated(path):
        path.unlink()
        _sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """A folder for keys, mode 0700, if there is none. Raises StoreUnavailable."""
    with _translated(path):
        try:
            path.mkdir(_FOLDER_MODE)
        except FileExistsError:
            return
        except FileNotFoundError:
            # Not made as well: it may be a disk that is not there yet.
            reason = f"there is no folder {path.parent}"
            raise StoreUnavailable(store=str(path), reason=reason) from None
        _sync_folder(path.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait for other writers of this folder, processes and threads, and keep them waiting."""
    import fcntl

    with _translated(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks has no other writers we could know
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def clear(folder: Path) -> None:
    """Remove what killed writers left. Only while `locked`: a live writer's file looks alike."""
    with _translated(folder):
        for left in folder.glob(f".*{_SUFFIX}"):
            left.unlink()


@contextmanager
def _beside(path: Path, data: bytes, step: Step) -> Iterator[Path]:
    """A synced temporary file in the folder of `path`, gone when this ends."""
    temporary = path.with_name(f".{secrets.token_hex(12)}{_SUFFIX}")
    step("create")
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE
    )
    try:
        try:
            os.fchmod(descriptor, _FILE_MODE)  # whatever the umask was
            view = memoryview(data)
            while view:
                step("write")
                # Two writes at least, so that the tests see a half-written file.
                view = view[os.write(descriptor, view[: max(1, len(data) // 2)]) :]
            step("sync")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
        step("clean")
    finally:
        temporary.unlink(missing_ok=True)
    step("sync folder")
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Errors of the operating system in our words."""
    try:
        yield
    except FileExistsError:
        raise KeyExists(key=path.name) from None
    except (FileNotFoundError, NotADirectoryError):
        raise KeyNotFound(key=str(path)) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise KeyFileExposed(file=path.name, reason="is a symbolic link") from None
        reason = error.strerror or type(error).__name__
        raise StoreUnavailable(store=str(path), reason=reason) from None
    except ValueError:
        raise StoreUnavailable(store=repr(str(path)), reason="not a name of a file") from None
