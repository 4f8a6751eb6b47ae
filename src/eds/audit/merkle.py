"""Merkle trees as in RFC 9162 §2.1, with SHA-256: roots, proofs and what checks them.

A `CompactRange` holds the roots of the perfect subtrees that make up a tree of any size, at
most one for each bit of the size: it grows leaf by leaf, gives the root at any moment, and a
tree of millions continues from it without its leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..errors import InvalidArgument

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The left-to-right roots of the perfect subtrees of a tree: its size in binary."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if size < 0 or len(self.peaks) != size.bit_count():
            raise InvalidArgument(argument="peaks", reason="one for each bit of the size is wanted")
        if any(len(peak) != HASH_SIZE for peak in self.peaks):
            raise InvalidArgument(argument="peaks", reason="32 octets each are wanted")

    def append(self, leaf: bytes) -> None:
        """Add one leaf by its hash."""
        peaks, size = self.peaks, self.size
        while size & 1:
            leaf = _sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node_hash(peak, found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaves given by their hashes; streams."""
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


# --- proofs ---------------------------------------------------------------------------------------

Subtree = Callable[[int, int], bytes]
"""The root over leaves start (included) to end (excluded), counted from 0."""


def subtrees_of(leaves: Sequence[bytes]) -> Subtree:
    """For trees that fit into memory."""
    return lambda start, end: root_of(leaves[start:end])


def inclusion_proof(index: int, size: int, subtree: Subtree) -> tuple[bytes, ...]:
    """The path from leaf `index` to the root of a tree of `size` leaves (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise InvalidArgument(
            argument="index", reason=f"a tree of {size} leaves has no leaf {index}"
        )
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, subtree: Subtree) -> tuple[bytes, ...]:
    """That the first `old` of `new` leaves are the tree of `old` (RFC 9162 §2.1.4.1)."""
    if not 0 <= old <= new:
        raise InvalidArgument(
            argument="old", reason=f"a tree of {new} leaves was never one of {old}"
        )
    if old in {0, new}:
        return ()
    path: list[bytes] = []
    start, end, whole = 0, new, True  # whole: the part left of `old` is a root the verifier knows
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(subtree(start, end))
    return tuple(reversed(path))


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether `path` leads from that leaf hash at `index` to `root` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes((leaf, root, *path)):
        return False
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, step)
        at >>= 1
        last >>= 1
    return last == 0 and found == root


def verify_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether the tree of `new` leaves begins with the tree of `old` (RFC 9162 §2.1.4.2)."""
    if not 0 <= old <= new or not _are_hashes((old_root, new_root, *path)):
        return False
    if old in {0, new}:
        expected = EMPTY_ROOT if old == 0 else new_root
        return not path and old_root == expected and (new > 0 or new_root == EMPTY_ROOT)
    # A tree of 2**n leaves is a subtree of every later one, so the proof leaves its root out.
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            after = node_hash(after, step)
        at >>= 1
        last >>= 1
    return last == 0 and before == old_root and after == new_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
