"""What a ceremony was about to do and has done, on the disk before and after each step.

A key is noted before it is made, and the bytes of a root before they are signed. So a run that
was killed is continued: a key that was about to be made is taken for what it is, and a root is
signed over the very bytes that were linted. Everything below a root stands in the register.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from ..errors import CeremonyRefused
from .ceremony_plan import Ceremony
from .files import PRIVATE, write_file

INTENDED: Final = "intended"


class Journal:
    """The journal of one ceremony; every change is durable when it returns."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, ceremony: Ceremony, *, started_at: str) -> Iterator[Self]:
        """The journal, new or continued, while no other process works on this ceremony.

        Raises CeremonyRefused where the description is another than it was, or while another
        run is under way.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(
            folder / f".{ceremony.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE
        )
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CeremonyRefused(
                    ceremony=ceremony.name, reason="another run of it is under way"
                ) from None
            journal = cls.read(folder, ceremony)
            if journal is None:
                journal = cls(
                    folder / f"{ceremony.name}.journal.json",
                    {
                        "description": ceremony.digest.hex(),
                        "finished": None,
                        "keys": {},
                        "remarks": [],
                        "roots": {},
                        "started_at": started_at,
                    },
                )
                journal._write()
            yield journal
        finally:
            os.close(descriptor)

    @classmethod
    def read(cls, folder: Path, ceremony: Ceremony) -> Self | None:
        """The journal of an earlier run; None where there was none. Raises CeremonyRefused."""
        path = folder / f"{ceremony.name}.journal.json"
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            raise CeremonyRefused(
                ceremony=ceremony.name, reason=f"{path.name} cannot be read"
            ) from None
        if data.get("description") != ceremony.digest.hex():
            raise CeremonyRefused(
                ceremony=ceremony.name,
                reason="an earlier run had another description; give this one another name",
            )
        return cls(path, data)

    @property
    def started_at(self) -> str:
        return str(self._data["started_at"])

    @property
    def finished(self) -> str | None:
        """The SHA-256 of the report, once there is one."""
        found: str | None = self._data["finished"]
        return found

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was out of the ordinary, for the report."""
        return tuple(self._data["remarks"])

    def key(self, label: str) -> str | None:
        """The SHA-256 of the key of a role, INTENDED while it is being made, None before."""
        found: str | None = self._data["keys"].get(label)
        return found

    def note_key(self, label: str, fingerprint: str) -> None:
        self._data["keys"][label] = fingerprint
        self._write()

    def root(self, label: str, part: str) -> bytes | None:
        """The `tbs` or `certificate` of a root."""
        found = self._data["roots"].get(label, {}).get(part)
        return None if found is None else base64.b64decode(found)

    def note_root(self, label: str, part: str, encoded: bytes) -> None:
        self._data["roots"].setdefault(label, {})[part] = base64.b64encode(encoded).decode()
        self._write()

    def remark(self, text: str) -> None:
        self._data["remarks"].append(text)
        self._write()

    def finish(self, report: str) -> None:
        self._data["finished"] = report
        self._write()

    def _write(self) -> None:
        encoded = json.dumps(self._data, indent=1, sort_keys=True).encode() + b"\n"
        write_file(self._path, encoded, mode=PRIVATE)
