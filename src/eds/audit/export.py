"""The log as one file of lines that verifies without the database.

Each line is canonical JSON: a header, the records and checkpoints in the order of the log's
growth, where each chain ends, and an end with the digest of everything before it. Records stand
in their lines byte for byte. A file that was interrupted is cut after its last checkpoint and
goes on from there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from ..certificates import Certificate
from ..errors import DecodeError, MalformedAuditExport, MalformedAuditRecord
from .chain import Finding, FindingKind, Item, StoredCheckpoint, StoredHead, StoredRecord
from .records import decode_json, encode_json

VERSION: Final = 1
LINE_LIMIT: Final = 8 * 1024 * 1024  # octets

_RECORD: Final = re.compile(
    rb'\{"hash":"([0-9a-f]{64})","record":(\{.*),"sequence":(\d{1,16}),"writer":"([a-z0-9._-]+)"\}\n',
    re.DOTALL,
)
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a file holds: `offset` octets, up to and with checkpoint `checkpoint`."""

    offset: int
    checkpoint: int


def write_export(
    out: BinaryIO, items: Iterable[Item], *, certificates: Sequence[Certificate] = ()
) -> int:
    """Write a whole file. `certificates` are those of the log's keys. Returns its octets."""
    header = {
        "audit-export": VERSION,
        "certificates": [base64.b64encode(one.encoded).decode() for one in certificates],
    }
    line = encode_json(header) + b"\n"
    out.write(line)
    return _write(out, items, hashlib.sha256(line), len(line))


def resume_export(file: BinaryIO, items: Callable[[int], Iterable[Item]]) -> int:
    """Go on with a file that was interrupted, open for reading and writing.

    `items` gives the log after a checkpoint of that number. What lies in the file is read once,
    for its digest; it is not verified here. Raises MalformedAuditExport where it is no export.
    """
    progress, digest = _progress(file)
    file.seek(progress.offset)
    file.truncate()
    return _write(file, items(progress.checkpoint), digest, progress.offset)


def _write(out: BinaryIO, items: Iterable[Item], digest: Any, size: int) -> int:
    for item in items:
        line = _line(item)
        digest.update(line)
        out.write(line)
        size += len(line)
    end = encode_json({"end": {"octets": size, "sha256": digest.hexdigest()}}) + b"\n"
    out.write(end)
    return size + len(end)


def _line(item: Item) -> bytes:
    match item:
        case StoredRecord(writer, sequence, noted, encoded):
            return b'{"hash":"%s","record":%s,"sequence":%d,"writer":"%s"}\n' % (
                noted.hex().encode(),
                encoded,
                sequence,
                writer.encode(),
            )
        case StoredCheckpoint(number, note):
            shown = base64.b64encode(note).decode()
            return encode_json({"checkpoint": {"note": shown, "number": number}}) + b"\n"
        case StoredHead(writer, sequence, noted):
            head = {"hash": noted.hex(), "sequence": sequence, "writer": writer}
            return encode_json({"head": head}) + b"\n"
        case Finding():
            raise MalformedAuditExport(reason=item.detail)


def _progress(file: BinaryIO) -> tuple[Progress, Any]:
    file.seek(0)
    digest = hashlib.sha256()
    offset = checkpoint = 0
    kept = digest.copy()
    at = 0
    for number, line in enumerate(_lines(file), 1):
        if not line.endswith(b"\n"):
            break
        if number == 1:
            _header(line)
        digest.update(line)
        at += len(line)
        if line.startswith(b'{"checkpoint":'):
            item = _other(line)
            if not isinstance(item, StoredCheckpoint):
                break
            checkpoint = item.number
        elif number > 1:
            continue
        offset, kept = at, digest.copy()
    if not offset:
        raise MalformedAuditExport(reason="it has no header")
    return Progress(offset=offset, checkpoint=checkpoint), kept


# --- reading --------------------------------------------------------------------------------------


def is_export(first: bytes) -> bool:
    """Whether a file that begins so claims to be an export."""
    return first.startswith(b'{"audit-export":')


def read_certificates(file: BinaryIO) -> tuple[Certificate, ...]:
    """The certificates that the file names: to show, not to trust. Raises MalformedAuditExport."""
    file.seek(0)
    return _header(file.readline(LINE_LIMIT))


def read_export(file: BinaryIO) -> Iterator[Item]:
    """The log in a file, for `LogVerifier`; streams. What is no line of it is a finding.

    Raises MalformedAuditExport where the file does not even begin as an export.
    """
    file.seek(0)
    digest = hashlib.sha256()
    size, ended = 0, False
    for number, line in enumerate(_lines(file), 1):
        if number == 1:
            _header(line)
        elif ended:
            yield _damaged(number, "something follows the end")
            return
        elif line.startswith(b'{"end":'):
            ended = True
            if line != encode_json({"end": {"octets": size, "sha256": digest.hexdigest()}}) + b"\n":
                yield _damaged(number, "the file is not the one whose digest stands here")
        elif match := _RECORD.fullmatch(line):
            noted, encoded, sequence, writer = match.groups()
            yield StoredRecord(
                writer.decode(), int(sequence), bytes.fromhex(noted.decode()), encoded
            )
        else:
            item = _other(line)
            yield item or _damaged(number, "not a line of an export")
        digest.update(line)
        size += len(line)
    if not ended:
        yield _damaged(None, "the file has no end: it was cut, or its writing interrupted")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LINE_LIMIT):
        yield line


def _damaged(line: int | None, detail: str) -> Finding:
    where = "" if line is None else f"line {line}: "
    return Finding(kind=FindingKind.EXPORT_DAMAGED, detail=where + detail)


def _header(line: bytes) -> tuple[Certificate, ...]:
    try:
        value = decode_json(line, limit=LINE_LIMIT)
        if value.keys() != {"audit-export", "certificates"} or value["audit-export"] != VERSION:
            raise MalformedAuditExport(reason="not a header of a version known here")
        found = [base64.b64decode(one, validate=True) for one in value["certificates"]]
        return tuple(map(Certificate, found))
    except (
        DecodeError,
        MalformedAuditRecord,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise MalformedAuditExport(reason="its first line is no header") from error


def _other(line: bytes) -> StoredCheckpoint | StoredHead | None:
    try:
        value = json.loads(line)
        if encode_json(value) + b"\n" != line:
            return None
        match value:
            case {"checkpoint": {"note": str(note), "number": int(number)}, **rest} if not rest:
                return StoredCheckpoint(number, base64.b64decode(note, validate=True))
            case {
                "head": {"hash": str(noted), "sequence": int(sequence), "writer": str(writer)},
                **rest,
            } if not rest and _HEX.fullmatch(noted):
                return StoredHead(writer, sequence, bytes.fromhex(noted))
    except (ValueError, RecursionError):
        pass
    return None
