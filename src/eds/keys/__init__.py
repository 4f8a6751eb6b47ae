"""Keys in files and tokens behind one contract. Tokens are imported only where used."""

from __future__ import annotations

from .contract import (
    UNLIMITED,
    KeyPurpose,
    KeyRef,
    KeyStore,
    PinKind,
    PinRequest,
    PinSource,
    Secret,
    Signer,
)
from .privatekeys import PrivateKey
from .stores import open_keystore

__all__ = [
    "UNLIMITED",
    "KeyPurpose",
    "KeyRef",
    "KeyStore",
    "PinKind",
    "PinRequest",
    "PinSource",
    "PrivateKey",
    "Secret",
    "Signer",
    "open_keystore",
]
