"""A record and the path from it to a signed checkpoint: enough to prove it to anybody, offline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import MalformedAuditProof, MalformedAuditRecord, MalformedCheckpoint
from ..publickeys import PublicKey
from .chain import Finding, FindingKind
from .checkpoints import Checkpoint, SignedCheckpoint
from .merkle import verify_consistency, verify_inclusion
from .records import AuditRecord, decode_json, encode_json

PROOF_LIMIT: Final = 8 * 1024 * 1024  # octets
VERSION: Final = 1

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FIELDS: Final = {"audit-proof", "checkpoint", "path", "record"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProof:
    """That `record` is in the tree that its writer's line in `checkpoint` shows.

    `path` is an inclusion proof of RFC 9162 §2.1.3 for the leaf `sequence` - 1.
    """

    record: AuditRecord
    path: tuple[bytes, ...]
    checkpoint: SignedCheckpoint

    @property
    def is_included(self) -> bool:
        """Whether the path leads to the root in the checkpoint, whoever signed that."""
        head = self.checkpoint.checkpoint.head_of(self.record.writer)
        return head is not None and verify_inclusion(
            self.record.hash, self.record.sequence - 1, head.size, self.path, head.root
        )

    def findings(self, keys: Sequence[PublicKey]) -> tuple[Finding, ...]:
        """What is wrong with it for one who trusts `keys`; nothing, if it proves the record."""
        found = []
        number = self.checkpoint.checkpoint.number
        if not any(self.checkpoint.is_signed_by(key) for key in keys):
            detail = "not signed by a trusted key"
            kind = FindingKind.CHECKPOINT_UNTRUSTED
            found.append(Finding(kind=kind, detail=detail, checkpoint=number))
        if not self.is_included:
            found.append(
                Finding(
                    kind=FindingKind.RECORD_ALTERED,
                    detail=f"the path does not lead to checkpoint {number}",
                    writer=self.record.writer,
                    sequence=self.record.sequence,
                    checkpoint=number,
                )
            )
        return tuple(found)

    @property
    def encoded(self) -> bytes:
        """As a file: canonical JSON in one line."""
        value: dict[str, Any] = {
            "audit-proof": VERSION,
            "checkpoint": self.checkpoint.note.decode(),
            "path": [step.hex() for step in self.path],
            "record": self.record.encoded.decode(),
        }
        return encode_json(value) + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> AuditProof:
        """Read such a file strictly. Raises MalformedAuditProof."""
        try:
            fields = decode_json(data.removesuffix(b"\n"), limit=PROOF_LIMIT)
            if not isinstance(fields, dict) or fields.keys() != _FIELDS:
                raise MalformedAuditProof(reason="not the fields of a proof")
            path, record, note = fields["path"], fields["record"], fields["checkpoint"]
            if not (isinstance(record, str) and isinstance(note, str) and isinstance(path, list)):
                raise MalformedAuditProof(reason="a field is of another type")
            if not all(isinstance(step, str) and _HASH.fullmatch(step) for step in path):
                raise MalformedAuditProof(reason="the path is not one of hashes")
            found = cls(
                record=AuditRecord.decode(record.encode()),
                path=tuple(bytes.fromhex(step) for step in path),
                checkpoint=SignedCheckpoint.parse(note.encode()),
            )
        except (MalformedAuditRecord, MalformedCheckpoint, UnicodeEncodeError) as error:
            raise MalformedAuditProof(reason=str(error)) from error
        if found.encoded != data:
            raise MalformedAuditProof(reason="not in canonical form")
        return found


def check_extension(
    old: Checkpoint, new: Checkpoint, paths: Mapping[str, Sequence[bytes]]
) -> tuple[Finding, ...]:
    """Whether every chain in `new` begins with what `old` shows; nothing, if so.

    `paths` are the consistency proofs of the writers. For a witness, who keeps the last
    checkpoint and never sees a record.
    """
    found = []
    for head in old.heads:
        later = new.head_of(head.writer)
        if later is None or later.size < head.size:
            kind, last = FindingKind.CHAIN_TRUNCATED, head.size
            sequence = 1 if later is None else later.size + 1
        elif verify_consistency(
            head.size, later.size, paths.get(head.writer, ()), head.root, later.root
        ) and (head.size != later.size or head.head == later.head):
            continue
        else:
            kind, sequence, last = FindingKind.CHAIN_REWRITTEN, 1, head.size
        found.append(
            Finding(
                kind=kind,
                detail=f"not what checkpoint {old.number} shows",
                writer=head.writer,
                sequence=sequence,
                last=last,
                checkpoint=new.number,
            )
        )
    return tuple(found)
