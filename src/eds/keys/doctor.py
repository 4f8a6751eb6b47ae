"""What is wrong with a folder of keys, or soon will be: looked at from outside, nothing opened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from eds.diagnosis import OTHERS_READ, OTHERS_WRITE, Diagnosis, exposure
from eds.errors import KeyFileExposed, KeyStoreError
from eds.keys.contract import KeyRef
from eds.keys.files import SUFFIX, FileKeyStore

CERTIFICATE_LEFT: Final = timedelta(days=30)


def examine(folder: Path, *, at: datetime) -> Iterator[Diagnosis]:
    """The findings about a folder of key files; none where there is no folder yet.

    Raises OSError.
    """
    if not folder.exists():
        return
    if (reason := exposure(folder, others=OTHERS_WRITE)) is not None:
        yield Diagnosis(code="doctor.exposed", place=str(folder), detail=reason)
        return
    # What others can read is found here, with its name; a store would only refuse the file.
    open_files = set()
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if (reason := exposure(path, others=OTHERS_READ | OTHERS_WRITE)) is not None:
            open_files.add(path.name)
            yield Diagnosis(code="doctor.exposed", place=path.name, detail=reason)
    keys, errors = FileKeyStore(folder).survey()
    for error in errors:
        if not (isinstance(error, KeyFileExposed) and error.file in open_files):
            yield _unreadable(error)
    for key in keys:
        yield from _certificate(key, at)


def _unreadable(error: KeyStoreError) -> Diagnosis:
    place = str(getattr(error, "file", getattr(error, "key", "keys")))
    return Diagnosis(code="doctor.key_unreadable", place=place, detail=f"{error} [{error.code}]")


def _certificate(key: KeyRef, at: datetime) -> Iterator[Diagnosis]:
    certificate = key.certificate
    if certificate is None:
        return
    if certificate.public_key != key.public_key:
        yield Diagnosis(
            code="doctor.certificate_foreign",
            place=key.label,
            detail="the certificate beside the key is for another key",
        )
    elif at < certificate.not_before:
        yield Diagnosis(
            code="doctor.certificate_early",
            place=key.label,
            detail=f"not valid before {certificate.not_before.isoformat()}; is the clock right?",
        )
    elif at > certificate.not_after:
        yield Diagnosis(
            code="doctor.certificate_expired",
            place=key.label,
            detail=f"its certificate ended at {certificate.not_after.isoformat()}",
        )
    elif certificate.not_after - at < CERTIFICATE_LEFT:
        yield Diagnosis(
            code="doctor.certificate_ends",
            place=key.label,
            detail=f"its certificate ends in {(certificate.not_after - at).days} days",
            urgent=False,
        )
