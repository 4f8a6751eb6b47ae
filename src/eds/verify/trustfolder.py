"""A trust store as a folder: `trust.toml` says what is believed, files beside it hold certificates.

    name = "nca-2026"
    environment = "production"

    [[anchor]]
    file = "root.cer"                                # one certificate, DER or PEM
    sha256 = "6d8c…"                                 # of its DER: a file swapped is noticed
    purposes = ["signature", "ocsp-signing"]         # absent: every purpose
    since = 2020-01-01T00:00:00Z                     # absent: as the certificate says
    until = 2030-01-01T00:00:00Z
    source = "who gave it to us, and how it was checked"

    [[certificate]]                                  # known beforehand, proven like any other
    file = "issuing.cer"
    sha256 = "0f41…"

Nothing in the folder counts that the manifest does not name. What is written here is what a
person reviews: another key than those above is refused, not passed over. A signed list of trusted
services (ETSI TS 119 612) would be a reader of its own that makes the same TrustStore.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from ..certificates import Certificate
from ..errors import EdsError, MalformedTrustStore, TrustStoreUnavailable
from .trust import EVERY_PURPOSE, Environment, Purpose, TrustAnchor, TrustStore

MANIFEST: Final = "trust.toml"

_SIZE_LIMIT: Final = 1024 * 1024  # octets of the manifest
_FILE_LIMIT: Final = 128 * 1024  # octets of a certificate, PEM included
_ENTRY_LIMIT: Final = 4096
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,200}")

T = TypeVar("T")
Table = Mapping[str, object]


def load_trust_store(folder: Path) -> TrustStore:
    """The store that the folder's manifest describes.

    Raises TrustStoreUnavailable, MalformedTrustStore.
    """
    try:
        manifest = tomllib.loads(_read(folder / MANIFEST, _SIZE_LIMIT).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTrustStore(entry=MANIFEST, reason=f"not TOML: {error}") from error
    _known(manifest, MANIFEST, {"name", "environment", "anchor", "certificate"})
    name = _text(manifest, "name", MANIFEST)
    environment = _one_of(Environment, _text(manifest, "environment", MANIFEST), MANIFEST)
    return TrustStore(
        [_anchor(folder, entry) for entry in _entries(manifest, "anchor")],
        certificates=[
            _certificate(folder, entry, {"file", "sha256"})
            for entry in _entries(manifest, "certificate")
        ],
        name=name,
        environment=environment,
    )


def save_trust_store(store: TrustStore, folder: Path) -> None:
    """Write the store as a folder that `load_trust_store` reads back as an equal one.

    The manifest is put in place last and whole. Raises TrustStoreUnavailable.
    """
    lines = [f"name = {_quoted(store.name)}", f'environment = "{store.environment.value}"']
    for anchor in store.anchors:
        lines += ["", "[[anchor]]", *_entry(anchor.certificate)]
        if anchor.purposes != EVERY_PURPOSE:
            names = sorted(f'"{purpose.value}"' for purpose in anchor.purposes)
            lines.append(f"purposes = [{', '.join(names)}]")
        lines += [
            f"{key} = {instant.isoformat()}"
            for key, instant in (("since", anchor.since), ("until", anchor.until))
            if instant is not None
        ]
        if anchor.source:
            lines.append(f"source = {_quoted(anchor.source)}")
    for certificate in store.certificates:
        lines += ["", "[[certificate]]", *_entry(certificate)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        anchored = (anchor.certificate for anchor in store.anchors)
        for certificate in (*anchored, *store.certificates):
            (folder / _file_name(certificate)).write_bytes(certificate.encoded)
        draft = folder / f".{MANIFEST}.{os.getpid()}"
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
        draft.replace(folder / MANIFEST)
    except OSError as error:
        raise TrustStoreUnavailable(entry=folder.name, reason=error.strerror or "") from error


def _file_name(certificate: Certificate) -> str:
    return f"{certificate.fingerprint.hex()[:16]}.cer"


def _entry(certificate: Certificate) -> tuple[str, str]:
    return (
        f'file = "{_file_name(certificate)}"',
        f'sha256 = "{certificate.fingerprint.hex()}"',
    )


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\u{ord(c[0]):04x}", plain) + '"'


# --- reading --------------------------------------------------------------------------------------


def _anchor(folder: Path, entry: Table) -> TrustAnchor:
    certificate = _certificate(
        folder, entry, {"file", "sha256", "purposes", "since", "until", "source"}
    )
    where = _text(entry, "file", "anchor")
    names = entry.get("purposes")
    purposes = EVERY_PURPOSE
    if names is not None:
        if not isinstance(names, list) or not names:
            raise MalformedTrustStore(entry=where, reason="purposes is not a list of names")
        purposes = frozenset(_one_of(Purpose, purpose, where) for purpose in names)
    source = entry.get("source", "")
    if not isinstance(source, str):
        raise MalformedTrustStore(entry=where, reason="source is not text")
    return TrustAnchor(
        certificate=certificate,
        purposes=purposes,
        since=_instant(entry, "since", where),
        until=_instant(entry, "until", where),
        source=source,
    )


def _certificate(folder: Path, entry: Table, keys: set[str]) -> Certificate:
    name = _text(entry, "file", MANIFEST)
    _known(entry, name, keys)
    if not _FILE_NAME.fullmatch(name):
        raise MalformedTrustStore(entry=MANIFEST, reason="a file name that is not a plain one")
    try:
        certificate = Certificate.load(_read(folder / name, _FILE_LIMIT))
    except TrustStoreUnavailable:
        raise
    except EdsError as error:
        raise MalformedTrustStore(entry=name, reason=str(error)) from error
    if certificate.fingerprint.hex() != _text(entry, "sha256", name).lower():
        raise MalformedTrustStore(entry=name, reason="not the certificate that sha256 names")
    return certificate


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise TrustStoreUnavailable(entry=path.name, reason=error.strerror or "") from error
    if len(data) > limit:
        raise MalformedTrustStore(entry=path.name, reason=f"over {limit} octets")
    return data


def _entries(manifest: Table, key: str) -> Iterator[Table]:
    entries = manifest.get(key, [])
    if not isinstance(entries, list) or len(entries) > _ENTRY_LIMIT:
        raise MalformedTrustStore(entry=MANIFEST, reason=f"{key} is not a list of tables")
    for entry in entries:
        if not isinstance(entry, dict):
            raise MalformedTrustStore(entry=MANIFEST, reason=f"{key} is not a list of tables")
        yield entry


def _known(table: Table, where: str, keys: set[str]) -> None:
    for key in table:
        if key not in keys:
            raise MalformedTrustStore(entry=where, reason=f"an unknown key: {key}")


def _text(table: Table, key: str, where: str) -> str:
    found = table.get(key)
    if not isinstance(found, str) or not found:
        raise MalformedTrustStore(entry=where, reason=f"{key} is not text")
    return found


def _instant(table: Table, key: str, where: str) -> datetime | None:
    found = table.get(key)
    if found is None:
        return None
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise MalformedTrustStore(entry=where, reason=f"{key} is not an instant with its zone")
    return found


def _one_of(kind: type[T], value: object, where: str) -> T:
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError:
        raise MalformedTrustStore(entry=where, reason=f"no such {kind.__name__.lower()}") from None
