"""Checkpoints: one signed line for each writer's chain, so that nothing before them can change.

The text is a signed note in the sense of C2SP, readable by people and the same for the same
state: origin, number of writers, a Merkle root over the writers' lines, then those lines. Each
checkpoint names the digest of the one before, so checkpoints are a chain of their own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..algorithms import ED25519, KeyType, SignatureAlgorithm, signature_algorithm
from ..errors import (
    AlgorithmError,
    InvalidArgument,
    MalformedAuditRecord,
    MalformedCheckpoint,
    MalformedPublicKey,
)
from ..keys.contract import Signer
from ..publickeys import PublicKey
from .merkle import leaf_hash, root_of
from .records import GENESIS, instant, parse_instant

NOTE_LIMIT: Final = 4 * 1024 * 1024  # octets
SIGNATURES_LIMIT: Final = 16

_ORIGIN: Final = re.compile(r"[a-z0-9][a-z0-9./_-]{0,127}")
_WRITER_LINE: Final = re.compile(
    r"writer ([a-z0-9][a-z0-9._-]{0,63}) ([1-9]\d{0,15}) ([0-9a-f]{64}) ([0-9a-f]{64})", re.ASCII
)
_HEAD: Final = re.compile(
    r"number ([1-9]\d{0,15})\ntime (\S+)\nprevious ([0-9a-f]{64})\nkey ([a-z0-9-]+) ([0-9a-f]{64})",
    re.ASCII,
)
_SIGNATURE_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """Where one writer's chain stood: its length, the hash of its last record, its tree's root."""

    writer: str
    size: int
    head: bytes
    root: bytes

    @property
    def line(self) -> str:
        """As it stands in the text; its octets are the leaf of the tree over the writers."""
        return f"writer {self.writer} {self.size} {self.head.hex()} {self.root.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of all chains of one log at one instant, as it is signed.

    `origin` names the log, `number` counts from 1, `previous` is the digest of checkpoint
    `number` - 1 (32 zero octets in the first), `heads` are in the order of their writers' names.
    `algorithm` and `key` (SHA-256 of the SubjectPublicKeyInfo) say what it is signed with.
    """

    origin: str
    number: int
    at: datetime
    previous: bytes
    heads: tuple[ChainHead, ...]
    algorithm: str
    key: bytes

    def __post_init__(self) -> None:
        names = [head.writer for head in self.heads]
        if names != sorted(set(names)):
            raise InvalidArgument(argument="heads", reason="one for each writer, in order")
        if not _ORIGIN.fullmatch(self.origin):
            raise InvalidArgument(argument="origin", reason=f"not of the form {_ORIGIN.pattern}")
        instant(self.at, "at")

    @property
    def root(self) -> bytes:
        """The Merkle root over the writers' lines."""
        return root_of(leaf_hash(head.line.encode()) for head in self.heads)

    @property
    def text(self) -> bytes:
        """What is signed: UTF-8, each line ended by a line feed."""
        lines = (
            self.origin,
            str(len(self.heads)),
            base64.b64encode(self.root).decode(),
            f"number {self.number}",
            f"time {instant(self.at, 'at')}",
            f"previous {self.previous.hex()}",
            f"key {self.algorithm} {self.key.hex()}",
            *(head.line for head in self.heads),
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: what the next checkpoint names as `previous`."""
        return hashlib.sha256(self.text).digest()

    def head_of(self, writer: str) -> ChainHead | None:
        """That writer's line; None before its first record."""
        return next((head for head in self.heads if head.writer == writer), None)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its signatures: `(key name, key identifier, value)` in their order."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @property
    def note(self) -> bytes:
        """The whole file."""
        lines = (
            f"— {name} {base64.b64encode(identifier + value).decode()}\n"
            for name, identifier, value in self.signatures
        )
        return self.checkpoint.text + b"\n" + "".join(lines).encode()

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether the log's own signature is there and verifies with `key`: mathematics alone."""
        checkpoint = self.checkpoint
        if checkpoint.key != key.fingerprint:
            return False
        try:
            algorithm = signature_algorithm(checkpoint.algorithm)
            wanted = (checkpoint.origin, key_identifier(checkpoint.origin, key, algorithm))
            return any(
                key.verify(value, checkpoint.text, algorithm=algorithm)
                for *who, value in self.signatures
                if tuple(who) == wanted
            )
        except (AlgorithmError, MalformedPublicKey):
            return False

    @classmethod
    def parse(cls, note: bytes) -> SignedCheckpoint:
        """Read a note strictly. Raises MalformedCheckpoint."""
        if len(note) > NOTE_LIMIT:
            raise MalformedCheckpoint(reason=f"longer than {NOTE_LIMIT} octets")
        try:
            text, separator, signatures = note.decode().rpartition("\n\n")
        except UnicodeDecodeError:
            raise MalformedCheckpoint(reason="not UTF-8") from None
        if not separator:
            raise MalformedCheckpoint(reason="no signatures")
        found = cls(_parse_text(text), _parse_signatures(signatures))
        if found.note != note:
            raise MalformedCheckpoint(reason="not the one spelling of its content")
        return found


def sign_checkpoint(
    *,
    origin: str,
    at: datetime,
    heads: Sequence[ChainHead],
    previous: SignedCheckpoint | None,
    signer: Signer,
) -> SignedCheckpoint:
    """Sign the state `heads`. The key belongs to the log, not to an issuer of certificates."""
    key, algorithm = signer.public_key, signer.algorithm
    checkpoint = Checkpoint(
        origin=origin,
        number=1 if previous is None else previous.checkpoint.number + 1,
        at=at,
        previous=GENESIS if previous is None else previous.checkpoint.digest,
        heads=tuple(sorted(heads, key=lambda head: head.writer)),
        algorithm=algorithm.name,
        key=key.fingerprint,
    )
    value = signer.sign(checkpoint.text)
    identifier = key_identifier(origin, key, algorithm)
    return SignedCheckpoint(checkpoint, ((origin, identifier, value),))


def sizes_of(note: bytes) -> dict[str, int]:
    """Writer → length of its chain, as a note shows it; nothing where it is none."""
    try:
        heads = SignedCheckpoint.parse(note).checkpoint.heads
    except MalformedCheckpoint:
        return {}
    return {head.writer: head.size for head in heads}


def key_identifier(name: str, key: PublicKey, algorithm: SignatureAlgorithm) -> bytes:
    """The four octets that C2SP signed-note puts before a signature; no security rests on them."""
    if algorithm == ED25519:
        data = name.encode() + b"\n\x01" + key.key_octets
    elif algorithm.key_type is KeyType.EC:
        data = key.encoded
    else:
        data = name.encode() + b"\n\xff" + algorithm.name.encode() + b"\n" + key.encoded
    return hashlib.sha256(data).digest()[:4]


# --- reading --------------------------------------------------------------------------------------


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    head = _HEAD.fullmatch("\n".join(lines[3:7]))
    if head is None:
        raise MalformedCheckpoint(reason="its first seven lines are not those of a checkpoint")
    number, time, previous, algorithm, key = head.groups()
    try:
        checkpoint = Checkpoint(
            origin=lines[0],
            number=int(number),
            at=parse_instant(time),
            previous=bytes.fromhex(previous),
            heads=tuple(_parse_head(line) for line in lines[7:]),
            algorithm=algorithm,
            key=bytes.fromhex(key),
        )
    except (InvalidArgument, MalformedAuditRecord) as error:
        raise MalformedCheckpoint(reason=str(error)) from error
    if lines[1:3] != [str(len(lines) - 7), base64.b64encode(checkpoint.root).decode()]:
        raise MalformedCheckpoint(reason="the root is not that of the writers' lines")
    return checkpoint


def _parse_head(line: str) -> ChainHead:
    match = _WRITER_LINE.fullmatch(line)
    if match is None:
        raise MalformedCheckpoint(reason="not the line of a writer")
    writer, size, head, root = match.groups()
    return ChainHead(
        writer=writer, size=int(size), head=bytes.fromhex(head), root=bytes.fromhex(root)
    )


def _parse_signatures(lines: str) -> tuple[tuple[str, bytes, bytes], ...]:
    found: list[tuple[str, bytes, bytes]] = []
    for line in lines.removesuffix("\n").split("\n"):
        match = _SIGNATURE_LINE.fullmatch(line)
        if match is None or len(found) == SIGNATURES_LIMIT:
            raise MalformedCheckpoint(reason="not one to 16 signature lines")
        try:
            value = base64.b64decode(match[2], validate=True)
        except binascii.Error:
            raise MalformedCheckpoint(reason="a signature is not base64") from None
        if len(value) <= 4 or len(value) > 64 * 1024:
            raise MalformedCheckpoint(reason="a signature of impossible length")
        found.append((match[1], value[:4], value[4:]))
    return tuple(found)
