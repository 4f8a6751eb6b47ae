"""Private keys in memory: a PKCS#8 PrivateKeyInfo whose repr shows nothing, checked once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from .. import der
from ..algorithms import KEY_TYPES, KeyType
from ..errors import (
    AlgorithmUnavailable,
    DecodeError,
    InvalidKey,
    UnknownAlgorithm,
)
from ..publickeys import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


@dataclass(frozen=True, repr=False)
class PrivateKey:
    """One PrivateKeyInfo (RFC 5208 §5, RFC 5958 §2).

    Kinds that `cryptography` cannot use (GOST) are kept as bytes with their algorithm.
    Raises InvalidKey when the bytes are not such a value.
    """

    encoded: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _ = self._parts

    @staticmethod
    def of(native: PrivateKeyTypes) -> PrivateKey:
        """The value of a private key object of `cryptography`."""
        return PrivateKey(
            native.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    @cached_property
    def _parts(self) -> tuple[str, bytes, bytes, bytes]:
        """(algorithm OID, encoded parameters, content of privateKey, encoded attributes)."""
        try:
            fields = der.decode(self.encoded).fields()
            fields.take(der.INTEGER).small(1)
            algorithm = fields.take(der.SEQUENCE).fields()
            oid = algorithm.take(der.OBJECT_IDENTIFIER).object_identifier()
            parameters = algorithm.take().encoded if algorithm.next_tag is not None else b""
            algorithm.finish()
            key = fields.take(der.OCTET_STRING).octets
            attributes = fields.optional(der.context(0))
            fields.optional(der.context(1, constructed=False))
            fields.finish()
        except DecodeError as error:
            raise InvalidKey(reason=f"not a PrivateKeyInfo: {error}") from None
        return oid, parameters, key, attributes.encoded if attributes else b""

    @property
    def algorithm_oid(self) -> str:
        return self._parts[0]

    @property
    def algorithm_parameters(self) -> bytes:
        return self._parts[1]

    @property
    def key_octets(self) -> bytes:
        """The content of privateKey: the algorithm says what is inside."""
        return self._parts[2]

    @property
    def attributes(self) -> bytes:
        """The encoded [0] attributes; empty where absent."""
        return self._parts[3]

    @property
    def key_type(self) -> KeyType:
        """Which kind of key this is. Raises UnknownAlgorithm."""
        try:
            return KEY_TYPES[self.algorithm_oid]
        except KeyError:
            raise UnknownAlgorithm(identifier=self.algorithm_oid) from None

    def native(self) -> PrivateKeyTypes:
        """The key as `cryptography` knows it, its numbers checked (RSA-4096: some 0.24 s).

        Raises AlgorithmUnavailable, InvalidKey.
        """
        return self._load(skip_check=False)

    def native_unchecked(self) -> PrivateKeyTypes:
        """The same for bytes that were checked before and have not changed since."""
        return self._load(skip_check=True)

    def _load(self, *, skip_check: bool) -> PrivateKeyTypes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return serialization.load_der_private_key(
                    self.encoded, None, unsafe_skip_rsa_key_validation=skip_check
                )
        except UnsupportedAlgorithm as error:
            raise AlgorithmUnavailable(
                algorithm=self.algorithm_oid, reason="cryptography does not know this key"
            ) from error
        except (ValueError, TypeError) as error:
            if self.algorithm_oid not in KEY_TYPES or KEY_TYPES[self.algorithm_oid].value.startswith(
                "GOST"
            ):
                raise AlgorithmUnavailable(
                    algorithm=self.algorithm_oid, reason="cryptography does not know this key"
                ) from None
            raise InvalidKey(reason="the numbers of the key do not belong together") from None

    def public_key(self) -> PublicKey:
        """The public half. Raises AlgorithmUnavailable, InvalidKey."""
        return PublicKey.of(self.native().public_key())

    def __repr__(self) -> str:
        return "<private key>"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled")
