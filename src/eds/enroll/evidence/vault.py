"""Evidence at rest: sealed under a key of its application, forgotten by destroying that key.

Envelope encryption: AES-256-GCM under a data key for each application and retention class, and
the data key wrapped by a master key that this room never sees (`MasterKey`). What a log holds
verifies after the key is gone: the digest of the *sealed* octets, or of content that nobody can
guess (a signature, a challenge or a grain is in it).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...errors import (
    EvidenceDestroyed,
    EvidenceUnreadable,
    InvalidArgument,
    LimitExceeded,
    NaiveDatetime,
)

SIZE_LIMIT: Final = 16 * 1024 * 1024
_KEY_OCTETS: Final = 32
_NONCE_OCTETS: Final = 12
_TAG_OCTETS: Final = 16


class RetentionClass(Enum):
    """How long a kind of evidence is kept, counted from the end of its application."""

    BIOMETRIC = "biometric"
    DOCUMENT = "document"
    DECISION = "decision"


RETENTION: Final = MappingProxyType({
    RetentionClass.BIOMETRIC: timedelta(days=30),
    RetentionClass.DOCUMENT: timedelta(days=120),  # a decision, and the term to appeal from it
    RetentionClass.DECISION: timedelta(days=15 * 365),  # the certificate's life and the law's term
})  # fmt: skip


class MasterKey(Protocol):
    """A key that wraps keys, wherever it lives. `context` must be the same to unwrap.

    `unwrap` raises EvidenceUnreadable for what it did not wrap in that context.
    """

    @property
    def key_id(self) -> str: ...

    def wrap(self, data_key: bytes, *, context: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """The data key of an application and class. `wrapped` is None once it was destroyed."""

    application: str
    retention: RetentionClass
    key_id: str
    wrapped: bytes | None = field(repr=False)

    @property
    def is_destroyed(self) -> bool:
        """Whether nobody can read what it sealed any more."""
        return self.wrapped is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEvidence:
    """Sealed octets and what they are bound to."""

    application: str
    retention: RetentionClass
    kind: str
    octets: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 over application, class, kind and sealed octets: what a log may hold."""
        bound = _bound(b"digest", self.application, self.retention.value, self.kind)
        return hashlib.sha256(bound + self.octets).digest()


class DataKey:
    """A data key in use, for as long as an act lasts; `wrapped` is what is kept of it."""

    __slots__ = ("aead", "wrapped")

    def __init__(self, octets: bytes, wrapped: WrappedKey) -> None:
        self.aead = AESGCM(octets)
        self.wrapped = wrapped

    def __repr__(self) -> str:
        return f"<DataKey {self.wrapped.application} {self.wrapped.retention.value}>"


def new_data_key(application: str, retention: RetentionClass, *, master: MasterKey) -> DataKey:
    """A fresh data key."""
    octets = secrets.token_bytes(_KEY_OCTETS)
    wrapped = master.wrap(octets, context=_context(application, retention))
    key = WrappedKey(
        application=application, retention=retention, key_id=master.key_id, wrapped=wrapped
    )
    return DataKey(octets, key)


def open_data_key(key: WrappedKey, *, master: MasterKey) -> DataKey:
    """The key that was wrapped. Raises EvidenceDestroyed, EvidenceUnreadable."""
    return DataKey(_opened(key, master), key)


def seal(content: bytes, *, kind: str, key: DataKey) -> SealedEvidence:
    """Seal one piece, at most 16 MiB. Raises LimitExceeded."""
    if len(content) > SIZE_LIMIT:
        raise LimitExceeded(limit="octets of evidence", allowed=SIZE_LIMIT, found=len(content))
    nonce, of = secrets.token_bytes(_NONCE_OCTETS), key.wrapped
    octets = nonce + key.aead.encrypt(nonce, content, _associated(of, kind))
    return SealedEvidence(
        application=of.application, retention=of.retention, kind=kind, octets=octets
    )


def unseal(sealed: SealedEvidence, *, key: WrappedKey, master: MasterKey) -> bytes:
    """The content. Raises EvidenceDestroyed, and EvidenceUnreadable where anything differs."""
    if (sealed.application, sealed.retention) != (key.application, key.retention):
        raise EvidenceUnreadable
    if not _NONCE_OCTETS + _TAG_OCTETS <= len(sealed.octets) <= SIZE_LIMIT + 64:
        raise EvidenceUnreadable
    nonce, octets = sealed.octets[:_NONCE_OCTETS], sealed.octets[_NONCE_OCTETS:]
    try:
        aead = open_data_key(key, master=master).aead
        return aead.decrypt(nonce, octets, _associated(key, sealed.kind))
    except InvalidTag:
        raise EvidenceUnreadable from None


def rewrap(key: WrappedKey, *, old: MasterKey, new: MasterKey) -> WrappedKey:
    """The same data key under another master key; what was sealed stays as it is."""
    context = _context(key.application, key.retention)
    wrapped = new.wrap(_opened(key, old), context=context)
    return WrappedKey(
        application=key.application, retention=key.retention, key_id=new.key_id, wrapped=wrapped
    )


def destroy(key: WrappedKey) -> WrappedKey:
    """What to store instead of the key: that there was one. The store must forget the old row,
    in its backups too: the deletion is as good as that.
    """
    return WrappedKey(
        application=key.application, retention=key.retention, key_id=key.key_id, wrapped=None
    )


def is_due(key: WrappedKey, *, ended_at: datetime, at: datetime) -> bool:
    """Whether the time of its class is over, counted from the end of the application."""
    for name, instant in (("ended_at", ended_at), ("at", at)):
        if instant.utcoffset() is None:
            raise NaiveDatetime(argument=name)
    return at >= ended_at + RETENTION[key.retention]


class AesMasterKey:
    """A master key in memory, 32 octets that the caller got from where it keeps secrets."""

    __slots__ = ("_aead", "key_id")

    def __init__(self, key: bytes, *, key_id: str) -> None:
        if len(key) != _KEY_OCTETS:
            raise InvalidArgument(argument="key", reason=f"{_KEY_OCTETS} octets are wanted")
        self._aead = AESGCM(key)
        self.key_id = key_id

    def wrap(self, data_key: bytes, *, context: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        return nonce + self._aead.encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        if len(wrapped) != _NONCE_OCTETS + _KEY_OCTETS + _TAG_OCTETS:
            raise EvidenceUnreadable
        try:
            return self._aead.decrypt(wrapped[:_NONCE_OCTETS], wrapped[_NONCE_OCTETS:], context)
        except InvalidTag:
            raise EvidenceUnreadable from None

    def __repr__(self) -> str:
        return f"<AesMasterKey {self.key_id}>"


def _opened(key: WrappedKey, master: MasterKey) -> bytes:
    if key.wrapped is None:
        raise EvidenceDestroyed
    if master.key_id != key.key_id:
        raise EvidenceUnreadable
    return master.unwrap(key.wrapped, context=_context(key.application, key.retention))


def _context(application: str, retention: RetentionClass) -> bytes:
    return _bound(b"data key", application, retention.value)


def _associated(key: WrappedKey, kind: str) -> bytes:
    return _bound(b"evidence", key.application, key.retention.value, kind)


def _bound(purpose: bytes, *parts: str) -> bytes:
    found = [b"eds vault 1", purpose, *map(str.encode, parts)]
    return b"".join([len(one).to_bytes(4, "big") + one for one in found])
