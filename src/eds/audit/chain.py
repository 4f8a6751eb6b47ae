"""Is the log what was written? Everything in it passes here once, in the order of its growth.

The stream is the log's own order: the records up to a checkpoint, the checkpoint, and so on,
then the records after the newest and where each chain says it ends. A database and an exported
file give the same stream. What is wrong comes out as findings that name the place; memory
depends on the number of writers, not of records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ..errors import MalformedAuditRecord, MalformedCheckpoint
from ..publickeys import PublicKey
from .checkpoints import ChainHead, Checkpoint, SignedCheckpoint
from .merkle import CompactRange, leaf_hash
from .records import GENESIS, AuditRecord


class StoredRecord(NamedTuple):
    """A record as it lies in a store: where it stands, what was noted as its hash, its bytes."""

    writer: str
    sequence: int
    hash: bytes
    encoded: bytes


class StoredCheckpoint(NamedTuple):
    """A checkpoint as it lies in a store."""

    number: int
    note: bytes


class StoredHead(NamedTuple):
    """Where the store says that a writer's chain ends."""

    writer: str
    sequence: int
    hash: bytes


class FindingKind(Enum):
    """What can be wrong; the values are stable codes."""

    RECORD_MALFORMED = "audit.record_malformed"
    RECORD_ALTERED = "audit.record_altered"
    RECORD_MISPLACED = "audit.record_misplaced"
    RECORD_REPEATED = "audit.record_repeated"
    RECORD_MISSING = "audit.record_missing"
    LINK_BROKEN = "audit.link_broken"
    CHAIN_TRUNCATED = "audit.chain_truncated"
    CHAIN_REWRITTEN = "audit.chain_rewritten"
    HEAD_WRONG = "audit.head_wrong"
    CHECKPOINT_MALFORMED = "audit.checkpoint_malformed"
    CHECKPOINT_UNTRUSTED = "audit.checkpoint_untrusted"
    CHECKPOINT_MISSING = "audit.checkpoint_missing"
    CHECKPOINT_FORKED = "audit.checkpoint_forked"
    CHECKPOINT_SHRUNK = "audit.checkpoint_shrunk"
    EXPORT_DAMAGED = "audit.export_damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and where.

    `sequence` is the record of `writer` that it is about, `last` the end of a range of them,
    `checkpoint` the number of the checkpoint that shows it or is wrong itself.
    """

    kind: FindingKind
    detail: str
    writer: str | None = None
    sequence: int | None = None
    last: int | None = None
    checkpoint: int | None = None

    @property
    def code(self) -> str:
        """The stable code."""
        return self.kind.value

    @property
    def place(self) -> str:
        """`node-1:17`, `node-1:17-20`, `checkpoint 3`, or nothing."""
        if self.writer is None:
            return "" if self.checkpoint is None else f"checkpoint {self.checkpoint}"
        span = "" if self.last in {None, self.sequence} else f"-{self.last}"
        return f"{self.writer}:{self.sequence}{span}"


Item = StoredRecord | StoredCheckpoint | StoredHead | Finding


class _Chain:
    """How far one writer's chain was read.

    `candidates` are what may be the hash of the last record: one, or two where the noted hash
    and the bytes differ and what comes next will tell; none where nothing can be said.
    """

    __slots__ = ("candidates", "checked", "reported", "size", "tree")

    def __init__(self) -> None:
        self.size = 0
        self.candidates: tuple[bytes, ...] = (GENESIS,)
        self.tree: CompactRange | None = CompactRange()
        self.checked = 0
        self.reported = 0

    def settle(self, hint: bytes) -> bool:
        """Whether the last record has the hash `hint`. The tree grows by the likeliest."""
        candidates, tree = self.candidates, self.tree
        known = hint in candidates
        if tree is not None and tree.size < self.size:
            if candidates:
                tree.append(hint if known else candidates[0])
            else:
                self.tree = None
        return known or not candidates


class LogVerifier:
    """Takes a log item by item and answers with findings.

    `keys` are the trusted keys of the log. `held` are checkpoints that were kept elsewhere: the
    log must still contain every state they show, which is how a cut tail is found.
    """

    def __init__(self, *, keys: Iterable[PublicKey], held: Sequence[SignedCheckpoint] = ()) -> None:
        self.records = 0
        self.checkpoints = 0
        self.newest: Checkpoint | None = None
        self._keys = tuple(keys)
        self._chains: dict[str, _Chain] = {}
        self._ended: set[str] = set()
        self._held = held
        self._held_heads: dict[tuple[str, int], list[tuple[ChainHead, int]]] = {}
        for signed in held:
            for head in signed.checkpoint.heads:
                place = (head.writer, head.size)
                self._held_heads.setdefault(place, []).append((head, signed.checkpoint.number))

    @property
    def sizes(self) -> dict[str, int]:
        """Writer → number of its last record."""
        return {writer: chain.size for writer, chain in self._chains.items()}

    @property
    def uncovered(self) -> int:
        """How many records no checkpoint covers yet: a cut among them cannot be found later."""
        return sum(chain.size - min(chain.checked, chain.size) for chain in self._chains.values())

    def verify(self, items: Iterable[Item]) -> Iterator[Finding]:
        """All findings of a whole log, as they are met."""
        for item in items:
            match item:
                case StoredRecord():
                    yield from self._record(item)
                case StoredCheckpoint():
                    yield from self._checkpoint(item)
                case StoredHead():
                    yield from self._end_of_chain(item)
                case Finding():
                    yield item
        yield from self._end()

    # -- records

    def _record(self, item: StoredRecord) -> Iterator[Finding]:
        self.records += 1
        writer, sequence, noted, encoded = item
        chain = self._chains.get(writer)
        if chain is None:
            chain = self._chains[writer] = _Chain()
        found = leaf_hash(encoded)
        kind = detail = previous = None
        try:
            record = AuditRecord.decode(encoded)
        except MalformedAuditRecord as error:
            kind, detail = FindingKind.RECORD_MALFORMED, str(error)
        else:
            previous = record.previous
            if (record.sequence, record.writer) != (sequence, writer):
                kind = FindingKind.RECORD_MISPLACED
                detail = f"here stands record {record.writer}:{record.sequence}"
        if found != noted and kind is not FindingKind.RECORD_MALFORMED:
            kind, detail = FindingKind.RECORD_ALTERED, "its bytes do not have the hash noted for it"

        expected = chain.size + 1
        if sequence < expected:
            yield Finding(
                kind=FindingKind.RECORD_REPEATED,
                detail=f"after record {chain.size}",
                writer=writer,
                sequence=sequence,
            )
            chain.candidates, chain.tree = (), None
            return
        linked = previous is None or kind is FindingKind.RECORD_MISPLACED
        linked = chain.settle(previous or b"") or linked
        if sequence > expected:
            yield Finding(
                kind=FindingKind.RECORD_MISSING,
                detail="not in the log",
                writer=writer,
                sequence=expected,
                last=sequence - 1,
            )
            chain.tree = None
        elif not linked and kind is None:
            kind = FindingKind.LINK_BROKEN
            detail = f"it does not follow the record {writer}:{sequence - 1} that stands before it"
        if kind is not None:
            yield Finding(kind=kind, detail=detail or "", writer=writer, sequence=sequence)
        chain.size = sequence
        if kind is FindingKind.RECORD_MISPLACED:
            chain.candidates, chain.tree = (), None
        else:
            chain.candidates = (found,) if found == noted else (noted, found)
        for head, number in self._held_heads.pop((writer, sequence), ()):
            yield from self._compare(head, number)

    # -- checkpoints

    def _checkpoint(self, item: StoredCheckpoint) -> Iterator[Finding]:
        self.checkpoints += 1
        try:
            signed = SignedCheckpoint.parse(item.note)
        except MalformedCheckpoint as error:
            yield _about(FindingKind.CHECKPOINT_MALFORMED, item.number, str(error))
            return
        checkpoint = signed.checkpoint
        yield from self._trust(signed)
        yield from self._succession(checkpoint, item.number)
        for held in self._held:
            theirs = held.checkpoint
            if theirs.number == checkpoint.number and theirs.digest != checkpoint.digest:
                detail = "another checkpoint of this number was kept elsewhere"
                yield _about(FindingKind.CHECKPOINT_FORKED, checkpoint.number, detail)
        for head in checkpoint.heads:
            yield from self._compare(head, checkpoint.number)
        self.newest = checkpoint

    def _trust(self, signed: SignedCheckpoint) -> Iterator[Finding]:
        if not any(signed.is_signed_by(key) for key in self._keys):
            detail = "not signed by a trusted key"
            yield _about(FindingKind.CHECKPOINT_UNTRUSTED, signed.checkpoint.number, detail)

    def _succession(self, checkpoint: Checkpoint, noted: int) -> Iterator[Finding]:
        number, before = checkpoint.number, self.newest
        expected = 1 if before is None else before.number + 1
        if number != noted or number != expected:
            detail = f"checkpoint {expected} should stand here"
            yield _about(FindingKind.CHECKPOINT_MISSING, number, detail)
        elif checkpoint.previous != (GENESIS if before is None else before.digest):
            detail = f"it does not follow checkpoint {number - 1}"
            yield _about(FindingKind.CHECKPOINT_FORKED, number, detail)
        if before is None:
            return
        if before.origin != checkpoint.origin:
            detail = f"it is one of the log {checkpoint.origin}, not {before.origin}"
            yield _about(FindingKind.CHECKPOINT_FORKED, number, detail)
        if checkpoint.at < before.at:
            yield _about(FindingKind.CHECKPOINT_FORKED, number, "earlier than the one before")
        sizes = {head.writer: head.size for head in checkpoint.heads}
        for head in before.heads:
            if sizes.get(head.writer, 0) < head.size:
                yield Finding(
                    kind=FindingKind.CHECKPOINT_SHRUNK,
                    detail=f"checkpoint {before.number} already had record {head.size}",
                    writer=head.writer,
                    sequence=head.size,
                    checkpoint=number,
                )

    def _compare(self, head: ChainHead, number: int) -> Iterator[Finding]:
        """Whether the chain, as far as it was read, is the one that a checkpoint shows."""
        chain = self._chains.setdefault(head.writer, _Chain())
        if chain.size < head.size:
            yield from self._truncated(head.writer, head.size, number)
        elif chain.size == head.size:
            known = chain.settle(head.head)
            rooted = chain.tree is None or chain.tree.root() == head.root
            if not known or not rooted:
                yield Finding(
                    kind=FindingKind.CHAIN_REWRITTEN,
                    detail=f"not the records that checkpoint {number} shows",
                    writer=head.writer,
                    sequence=chain.checked + 1,
                    last=head.size,
                    checkpoint=number,
                )
                chain.tree = None
            chain.checked = max(chain.checked, head.size)

    def _truncated(self, writer: str, size: int, number: int | None) -> Iterator[Finding]:
        chain = self._chains.setdefault(writer, _Chain())
        known = max(chain.size, chain.reported)
        if known < size:
            shown = "the head of the chain" if number is None else f"checkpoint {number}"
            yield Finding(
                kind=FindingKind.CHAIN_TRUNCATED,
                detail=f"{shown} still shows them",
                writer=writer,
                sequence=known + 1,
                last=size,
                checkpoint=number,
            )
            chain.reported = size
            chain.checked = max(chain.checked, chain.size)

    # -- the end

    def _end_of_chain(self, item: StoredHead) -> Iterator[Finding]:
        chain = self._chains.setdefault(item.writer, _Chain())
        self._ended.add(item.writer)
        if chain.size < item.sequence:
            yield from self._truncated(item.writer, item.sequence, None)
        elif chain.size > item.sequence or not chain.settle(item.hash):
            yield Finding(
                kind=FindingKind.HEAD_WRONG,
                detail=f"the head of the chain shows another record than the last, {chain.size}",
                writer=item.writer,
                sequence=item.sequence,
            )

    def _end(self) -> Iterator[Finding]:
        for heads in self._held_heads.values():
            for head, number in heads:
                yield from self._truncated(head.writer, head.size, number)
        for held in self._held:
            yield from self._trust(held)
            if self.newest is None or held.checkpoint.number > self.newest.number:
                detail = "kept elsewhere, but not in the log"
                yield _about(FindingKind.CHECKPOINT_MISSING, held.checkpoint.number, detail)
        for writer, chain in self._chains.items():
            if writer not in self._ended and chain.size:
                yield Finding(
                    kind=FindingKind.HEAD_WRONG,
                    detail="the store does not say where this chain ends",
                    writer=writer,
                    sequence=chain.size,
                )


def _about(kind: FindingKind, checkpoint: int, detail: str) -> Finding:
    return Finding(kind=kind, detail=detail, checkpoint=checkpoint)
