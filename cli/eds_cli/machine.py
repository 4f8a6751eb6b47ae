"""What a doctor looks at beside authority, desk and keys: packages, data, tokens, disk, copies."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eds.diagnosis import Diagnosis

DISTRIBUTION: Final = "eds-toolkit"
BACKUP_AGE: Final = timedelta(hours=26)  # once a day, and two hours for doing it
LEAST_FREE: Final = 1 << 30  # octets

# For whoever works on the toolkit itself: never asked for where it is used.
_OF_DEVELOPERS: Final = frozenset({"dev", "docs", "fuzz"})
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)(?:;(.*))?")
_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_BOUND: Final = re.compile(r"(>=|<)\s*([0-9.]+)")

Version = Callable[[str], str | None]
"""The installed version of a distribution; None where it is not installed."""


def installed(name: str) -> str | None:
    """The version of what is installed here."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def packages(requirements: Sequence[str], *, version: Version) -> Iterator[Diagnosis]:
    """What `requirements` (PEP 508) ask for and is not there, or not in that version.

    An extra of which nothing is there was not asked for.
    """
    from eds.diagnosis import Diagnosis

    extras: dict[str, list[tuple[str, str | None]]] = {}
    for line in requirements:
        found = _REQUIREMENT.fullmatch(line.strip())
        if found is None:
            continue
        name, bounds, marker = found[1], found[2], found[3] or ""
        extra = _EXTRA.search(marker)
        if extra is not None and extra[1] in _OF_DEVELOPERS:
            continue
        there = version(name)
        if extra is not None:
            extras.setdefault(extra[1], []).append((name, there))
        elif there is None:
            yield Diagnosis(code="doctor.package_missing", place=name, detail="is not installed")
        if there is not None and not _within(there, bounds):
            yield Diagnosis(
                code="doctor.package_version",
                place=name,
                detail=f"{there} is installed, {bounds.strip()} is asked for",
            )
    for extra_name, parts in extras.items():
        missing = [name for name, there in parts if there is None]
        if missing and len(missing) < len(parts):
            yield Diagnosis(
                code="doctor.extra_incomplete",
                place=extra_name,
                detail=f"without {', '.join(missing)}: pip install '{DISTRIBUTION}[{extra_name}]'",
                urgent=False,
            )


def _within(version: str, bounds: str) -> bool:
    found = _numbers(version)
    return all(
        found >= _numbers(bound) if sign == ">=" else found < _numbers(bound)
        for sign, bound in _BOUND.findall(bounds)
    )


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"[0-9.]+", version)
    return tuple(int(one) for one in (leading[0] if leading else "0").split(".") if one)


def requirements() -> Sequence[str]:
    """What this toolkit asks for; nothing where it runs without having been installed."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        return requires(DISTRIBUTION) or ()
    except PackageNotFoundError:
        return ()


def data(folder: Path) -> Iterator[Diagnosis]:
    """Files that the package in `folder` brings and cannot do without."""
    from eds.diagnosis import Diagnosis

    for name in ("locale/kk.po", "locale/ru.po", "locale/tg.po", "sign/fonts/EDSSans.ttf"):
        if not (folder / name).is_file():
            yield Diagnosis(code="doctor.data_missing", place=name, detail="is not there")


def token_module(*, environment: str | None) -> Iterator[Diagnosis]:
    """Whether the PKCS #11 module that is set can be loaded and answers."""
    from eds.diagnosis import Diagnosis
    from eds.errors import EdsError

    if not environment:
        return
    from eds.keys.pkcs11 import tokens
    from eds.keys.uris import TokenUri, parse_key_uri

    place = parse_key_uri("pkcs11:")
    try:
        if isinstance(place, TokenUri):
            tokens(place, module=None, environment=environment)
    except EdsError as error:
        yield Diagnosis(
            code="doctor.token_module", place="pkcs11", detail=f"{error} [{error.code}]"
        )


def disk(folder: Path, *, least_free: int) -> Iterator[Diagnosis]:
    """Whether there is room to write; `least_free` in octets. Raises OSError."""
    from eds.diagnosis import Diagnosis

    free = shutil.disk_usage(folder).free
    if free < least_free:
        yield Diagnosis(
            code="doctor.disk_full",
            place=str(folder),
            detail=f"{free >> 20} MiB are free, {least_free >> 20} are wanted",
            urgent=free < least_free // 10,
        )


def backups(folder: Path, *, at: datetime) -> Iterator[Diagnosis]:
    """Whether there is a copy that is young enough, has something in it and is closed to others.

    Raises OSError.
    """
    from eds.diagnosis import Diagnosis, exposure

    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not files:
        yield Diagnosis(code="doctor.backup_absent", place=str(folder), detail="there is none")
        return
    newest = max(files, key=lambda path: path.stat().st_mtime)
    made = datetime.fromtimestamp(newest.stat().st_mtime, tz=UTC)
    if at - made > BACKUP_AGE:
        yield Diagnosis(
            code="doctor.backup_old",
            place=newest.name,
            detail=f"the newest is of {made.isoformat(timespec='seconds')}",
        )
    if newest.stat().st_size == 0:
        yield Diagnosis(code="doctor.backup_empty", place=newest.name, detail="nothing is in it")
    for path in (folder, *files):
        if (reason := exposure(path)) is not None:
            yield Diagnosis(code="doctor.exposed", place=path.name, detail=reason)
