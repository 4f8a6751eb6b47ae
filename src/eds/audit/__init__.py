"""The audit log: record → chain → checkpoint, so that what was done cannot be undone unseen.

Each writer chains its records in the transaction of the act; checkpoints signed by the log's own
key fix all chains at once; proofs and exports verify without the database. The database itself
is behind `eds.audit.store`, which alone imports SQLAlchemy. The formats: docs/audit.md.
"""

from __future__ import annotations

from .chain import (
    Finding,
    FindingKind,
    Item,
    LogVerifier,
    StoredCheckpoint,
    StoredHead,
    StoredRecord,
)
from .checkpoints import ChainHead, Checkpoint, SignedCheckpoint, sign_checkpoint
from .export import read_certificates, read_export, resume_export, write_export
from .proofs import AuditProof, check_extension
from .records import AuditEntry, AuditRecord, IsPersonal

__all__ = [
    "AuditEntry",
    "AuditProof",
    "AuditRecord",
    "ChainHead",
    "Checkpoint",
    "Finding",
    "FindingKind",
    "IsPersonal",
    "Item",
    "LogVerifier",
    "SignedCheckpoint",
    "StoredCheckpoint",
    "StoredHead",
    "StoredRecord",
    "check_extension",
    "read_certificates",
    "read_export",
    "resume_export",
    "sign_checkpoint",
    "write_export",
]
