"""Which file a PKCS #11 module is, and whether it may be let into this process."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from eds.errors import ModuleUnavailable

ENVIRONMENT: Final = "EDS_PKCS11_MODULE"
_FOLDERS: Final = (
    "/usr/lib/softhsm",
    "/usr/lib/x86_64-linux-gnu/softhsm",
    "/usr/lib/aarch64-linux-gnu/softhsm",
    "/usr/lib64/softhsm",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/homebrew/lib",
)
# Names that people use for modules, and the files they mean.
_FILES: Final = {
    "softhsm2": "libsofthsm2.so",
    "softhsm": "libsofthsm2.so",
    "opensc": "opensc-pkcs11.so",
    "opensc-pkcs11": "opensc-pkcs11.so",
    "p11-kit": "p11-kit-proxy.so",
    "p11-kit-proxy": "p11-kit-proxy.so",
}


def module_path(*, path: str | None, name: str | None, environment: str | None) -> str:
    """Where the module is: a path or a name from the URI, else from the environment.

    Raises ModuleUnavailable when none is named, or a name is not known here.
    """
    wanted = path or name or environment
    if wanted is None:
        raise ModuleUnavailable(
            module="(none)", reason=f"name it: module-path in the URI, or {ENVIRONMENT}"
        )
    if Path(wanted).is_absolute():
        return wanted
    if "/" in wanted:
        raise ModuleUnavailable(module=wanted, reason="the path is not absolute")
    file = _FILES.get(wanted, wanted if wanted.endswith(".so") else f"{wanted}.so")
    for folder in _FOLDERS:
        candidate = Path(folder) / file
        if candidate.is_file():
            return str(candidate)
    raise ModuleUnavailable(module=wanted, reason="no module of that name in the system's folders")


def checked_module(path: str) -> str:
    """The path, free of links, of a module that only its owner and root can replace.

    Raises ModuleUnavailable.
    """
    try:
        resolved = Path(path).resolve(strict=True)
        found = resolved.stat()
        folder = resolved.parent.stat()
    except (OSError, RuntimeError) as error:
        raise ModuleUnavailable(module=path, reason="no such file") from error
    if not stat.S_ISREG(found.st_mode):
        raise ModuleUnavailable(module=path, reason="not a regular file")
    for owner in (found, folder):
        # A module runs in this process: who may write it, is this process.
        sticky = owner is folder and owner.st_mode & stat.S_ISVTX
        if owner.st_mode & stat.S_IWOTH and not sticky:
            raise ModuleUnavailable(module=path, reason="others may write it or its folder")
        if owner.st_uid not in (0, os.geteuid()):
            raise ModuleUnavailable(module=path, reason="it belongs to another user")
    return str(resolved)
