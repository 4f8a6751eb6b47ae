"""What was fetched and believed, kept in a folder until something newer is.

One file an address. It is written beside its place and renamed into it, so that a reader sees
the old or the new and never a part, and it is written only after what it holds was verified: a
bad download changes nothing. A file that cannot be read is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import EvidenceCacheUnavailable, InvalidArgument

_MAGIC: Final = b"eds-evidence 1\n"
_SUFFIX: Final = ".evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One body with what its server said to ask again by; empty where it said nothing."""

    body: bytes
    etag: str = ""
    last_modified: str = ""


class EvidenceCache:
    """A folder of evidence, at most `entries` files; the least recently written go first.

    The folder is made where it is missing, for its owner alone. Several processes may share
    it. Raises EvidenceCacheUnavailable where it cannot be made, InvalidArgument.
    """

    def __init__(self, folder: Path, *, entries: int = 4096) -> None:
        if entries < 1:
            raise InvalidArgument(argument="entries", reason="a cache has room for something")
        self.folder: Final = folder
        self._entries: Final = entries
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EvidenceCacheUnavailable(reason=error.strerror or "cannot be made") from error

    def get(self, key: bytes) -> Kept | None:
        """What is kept under `key`; None where there is nothing that can be read."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        head, _, body = data.removeprefix(_MAGIC).partition(b"\n")
        if not data.startswith(_MAGIC):
            return None
        try:
            told = json.loads(head)
            kept = Kept(body=body, etag=str(told["etag"]), last_modified=str(told["last_modified"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return kept if told.get("digest") == hashlib.sha256(body).hexdigest() else None

    def put(self, key: bytes, kept: Kept) -> None:
        """Keep it, in place of what was there. Raises EvidenceCacheUnavailable."""
        head = json.dumps(
            {
                "digest": hashlib.sha256(kept.body).hexdigest(),
                "etag": kept.etag[:512],
                "last_modified": kept.last_modified[:64],
            }
        ).encode()
        path = self._path(key)
        # A name of its own: two processes may be writing the same entry.
        beside = path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_MAGIC + head + b"\n" + kept.body)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise EvidenceCacheUnavailable(reason=error.strerror or "cannot be written") from error
        self._make_room()

    def _path(self, key: bytes) -> Path:
        return self.folder / (hashlib.sha256(key).hexdigest() + _SUFFIX)

    def _make_room(self) -> None:
        """Best effort: another process may be doing the same."""
        with contextlib.suppress(OSError):
            files = [(file.stat().st_mtime_ns, file) for file in self.folder.glob(f"*{_SUFFIX}")]
            for _, file in sorted(files)[: max(0, len(files) - self._entries)]:
                file.unlink(missing_ok=True)
