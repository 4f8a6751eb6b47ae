"""Which store a URI or path means; the packages of a store are imported only where used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from eds.keys.uris import FileUri, TokenUri, parse_key_uri

if TYPE_CHECKING:
    from eds.keys.contract import KeyStore


def open_keystore(uri: str | TokenUri | FileUri, *, module: str | None = None) -> KeyStore:
    """The store at a `pkcs11:` URI (RFC 7512), a `file:` URI or a plain path.

    `module` is the PKCS #11 module to use, a path or a name; without it the URI says, or the
    environment variable EDS_PKCS11_MODULE. Nothing is asked for and no key is touched yet.

    Raises MalformedKeyUri, ModuleUnavailable, TokenAbsent, StoreUnavailable.
    """
    place = parse_key_uri(uri) if isinstance(uri, str) else uri
    if isinstance(place, FileUri):
        from eds.keys.keyfile import file_store

        return file_store(place.path)
    from eds.keys.pkcs11 import ENVIRONMENT, TokenKeyStore

    return TokenKeyStore.at(place, module=module, environment=os.environ.get(ENVIRONMENT))
