"""What is signed and what is proved: the state of all chains, and paths through their trees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import (
    AuditChainBroken,
    AuditRecordNotFound,
    CheckpointNotFound,
    CheckpointUntrusted,
    InvalidArgument,
)
from ..publickeys import PublicKey
from .chain import StoredRecord
from .checkpoints import ChainHead, Checkpoint, SignedCheckpoint
from .merkle import CompactRange, Subtree, consistency_proof, inclusion_proof, leaf_hash
from .proofs import AuditProof
from .store import AuditLog


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What a checkpoint is to be signed over: where every chain stands, after `previous`."""

    previous: SignedCheckpoint | None
    heads: tuple[ChainHead, ...]
    peaks: Mapping[str, tuple[bytes, ...]]


def read_state(log: AuditLog, *, keys: Iterable[PublicKey]) -> LogState:
    """The state of all chains, from the newest checkpoint on: old records are not read again.

    `keys` are the trusted keys of the log. New records are held against their hashes; whether
    they follow each other is for `LogVerifier`. Raises CheckpointUntrusted, AuditChainBroken,
    MalformedCheckpoint, AuditUnavailable.
    """
    previous = _newest(log, tuple(keys))
    known = previous.checkpoint.heads if previous is not None else ()
    trees = _trees(log, previous.checkpoint) if previous is not None else {}
    hashes = {head.writer: head.head for head in known}
    heads = []
    for end in log.heads():
        if not end.sequence:
            continue  # a writer whose first act was rolled back
        tree = trees.setdefault(end.writer, CompactRange())
        new = log.records(end.writer, after=tree.size, end=end.sequence)
        last = _grow(tree, new) or hashes.get(end.writer)
        if tree.size != end.sequence or last != end.hash:
            raise AuditChainBroken(writer=end.writer, sequence=tree.size)
        heads.append(ChainHead(writer=end.writer, size=tree.size, head=end.hash, root=tree.root()))
    for lost in sorted(trees.keys() - {head.writer for head in heads}):
        raise AuditChainBroken(writer=lost, sequence=trees[lost].size)
    peaks = {writer: tuple(tree.peaks) for writer, tree in trees.items()}
    return LogState(previous=previous, heads=tuple(heads), peaks=peaks)


def prove(log: AuditLog, writer: str, sequence: int) -> AuditProof:
    """That a record stands in the log, under the newest checkpoint.

    Raises AuditRecordNotFound (also where no checkpoint covers it), AuditChainBroken.
    """
    record = log.record(writer, sequence)
    try:
        newest = log.checkpoint()
    except CheckpointNotFound:
        raise AuditRecordNotFound(writer=writer, sequence=sequence) from None
    head = newest.checkpoint.head_of(writer)
    if head is None or head.size < sequence:
        raise AuditRecordNotFound(writer=writer, sequence=sequence)
    path = inclusion_proof(sequence - 1, head.size, _subtrees(log, writer))
    proof = AuditProof(record=record, path=path, checkpoint=newest)
    if not proof.is_included:
        raise AuditChainBroken(writer=writer, sequence=sequence)
    return proof


def prove_extension(
    log: AuditLog, old: Checkpoint, new: Checkpoint
) -> dict[str, tuple[bytes, ...]]:
    """Writer → consistency proof from its line in `old` to that in `new`: for `check_extension`.

    Raises AuditChainBroken.
    """
    paths = {}
    for head in old.heads:
        later = new.head_of(head.writer)
        if later is not None and later.size >= head.size:
            subtrees = _subtrees(log, head.writer)
            paths[head.writer] = consistency_proof(head.size, later.size, subtrees)
    return paths


# --- inside ---------------------------------------------------------------------------------------


def _newest(log: AuditLog, keys: tuple[PublicKey, ...]) -> SignedCheckpoint | None:
    try:
        newest = log.checkpoint()
    except CheckpointNotFound:
        return None
    if not any(newest.is_signed_by(key) for key in keys):
        raise CheckpointUntrusted(number=newest.checkpoint.number)
    return newest


def _trees(log: AuditLog, checkpoint: Checkpoint) -> dict[str, CompactRange]:
    """The trees as they were at a checkpoint; the kept peaks must lead to its roots."""
    peaks = log.peaks(checkpoint.number)
    trees = {}
    for head in checkpoint.heads:
        try:
            tree = CompactRange(head.size, peaks.get(head.writer, ()))
        except InvalidArgument:
            raise AuditChainBroken(writer=head.writer, sequence=head.size) from None
        if tree.root() != head.root:
            raise AuditChainBroken(writer=head.writer, sequence=head.size)
        trees[head.writer] = tree
    return trees


def _grow(tree: CompactRange, records: Iterable[StoredRecord]) -> bytes | None:
    """Add the records to the tree; the hash of the last of them."""
    noted = None
    for writer, sequence, noted, encoded in records:
        if sequence != tree.size + 1 or leaf_hash(encoded) != noted:
            raise AuditChainBroken(writer=writer, sequence=tree.size + 1)
        tree.append(noted)
    return noted


def _subtrees(log: AuditLog, writer: str) -> Subtree:
    def subtree(start: int, end: int) -> bytes:
        tree = CompactRange()
        for sequence, noted in log.hashes(writer, after=start, end=end):
            if sequence != start + tree.size + 1:
                break
            tree.append(noted)
        if tree.size != end - start:
            raise AuditChainBroken(writer=writer, sequence=start + tree.size + 1)
        return tree.root()

    return subtree
