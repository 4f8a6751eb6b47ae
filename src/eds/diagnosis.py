"""What a doctor finds: one thing that is wrong in an installation, or soon will be."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing that is wrong: `code` is stable, `place` where, `detail` for people.

    `urgent`: it hurts now; otherwise it will.
    """

    code: str
    place: str
    detail: str
    urgent: bool = True


OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH


def exposure(path: Path, *, others: int = OTHERS_READ | OTHERS_WRITE) -> str | None:
    """Who else can get at a file or folder in the ways of `others`; None: nobody, or it is absent.

    Raises OSError.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if status.st_uid not in (0, os.geteuid()):
        return "belongs to another user"
    mode = stat.S_IMODE(status.st_mode)
    return f"open to others (mode {mode:04o})" if mode & others else None
