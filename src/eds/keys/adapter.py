"""A `Signer` where `cryptography` wants a private key: certificates, requests, lists, OCSP, CMS.

The builders of `cryptography` take any object of its abstract key classes and call `sign` on it.
So a token signs what a file signs, in one code path. What the signer was not opened for is
refused: another padding, hash or curve is AlgorithmKeyMismatch, the key itself is not given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from eds.algorithms import KeyType, Padding, SignatureAlgorithm
from eds.errors import AlgorithmKeyMismatch, AlgorithmUnavailable, OperationUnsupported
from eds.keys.contract import Signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

Octets: TypeAlias = bytes | bytearray | memoryview


def as_private_key(signer: Signer) -> CertificateIssuerPrivateKeyTypes:
    """The signer as a private key of `cryptography`, for as long as its context lasts.

    Raises AlgorithmUnavailable for kinds that `cryptography` does not know.
    """
    try:
        adapter = _ADAPTERS[signer.algorithm.key_type]
    except KeyError:
        raise AlgorithmUnavailable(
            algorithm=signer.algorithm.name, reason="cryptography does not know such keys"
        ) from None
    return adapter(signer)


def _refuse(operation: str) -> Callable[..., Any]:
    def refused(self: Any, *_: object, **__: object) -> NoReturn:
        raise OperationUnsupported(operation=operation, store=repr(self))

    return refused


class _Adapter:
    """What all kinds have in common."""

    _signer: Signer

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def public_key(self) -> Any:
        return self._signer.public_key.native

    private_bytes = _refuse("give the private key")
    private_bytes_raw = private_bytes
    private_numbers = private_bytes
    __copy__ = _refuse("be copied")
    __deepcopy__ = __copy__
    __reduce__ = _refuse("be pickled")

    def __repr__(self) -> str:
        return f"<private key of {self._signer.key.label!r}>"

    def _mismatch(self, wanted: str) -> NoReturn:
        raise AlgorithmKeyMismatch(algorithm=wanted, key=self._signer.algorithm.name)

    def _require_hash(self, digest: object) -> None:
        if isinstance(digest, Prehashed):
            raise OperationUnsupported(operation="sign a digest", store=repr(self))
        row = self._signer.algorithm.digest
        name = digest.name if isinstance(digest, hashes.HashAlgorithm) else repr(digest)
        if row is None or name != row.name:
            self._mismatch(name)


class _RsaKey(_Adapter, rsa.RSAPrivateKey):
    @property
    def key_size(self) -> int:
        return self._signer.public_key.bits

    def sign(self, data: Octets, padding: object, algorithm: object) -> bytes:
        self._require_padding(padding)
        self._require_hash(algorithm)
        return self._signer.sign(bytes(data))

    def _require_padding(self, wanted: object) -> None:
        row = self._signer.algorithm
        if isinstance(wanted, padding.PKCS1v15):
            fits = row.padding is Padding.PKCS1V15
        elif isinstance(wanted, padding.PSS):
            fits = row.padding is Padding.PSS and _same_pss(wanted, row)
        else:
            fits = False
        if not fits:
            self._mismatch(getattr(wanted, "name", "another padding"))

    decrypt = _refuse("decrypt")


def _same_pss(wanted: padding.PSS, row: SignatureAlgorithm) -> bool:
    # `cryptography` has no public names for these two.
    mask: object = getattr(wanted.mgf, "_algorithm", None)
    salt: object = getattr(wanted, "_salt_length", None)
    return (
        isinstance(mask, hashes.HashAlgorithm)
        and row.mgf_digest is not None
        and mask.name == row.mgf_digest.name
        and (salt == row.salt_length or (salt is padding.PSS.DIGEST_LENGTH and _whole_digest(row)))
    )


def _whole_digest(row: SignatureAlgorithm) -> bool:
    return row.digest is not None and row.salt_length == row.digest.size


class _EcKey(_Adapter, ec.EllipticCurvePrivateKey):
    @property
    def curve(self) -> ec.EllipticCurve:
        native = self._signer.public_key.native
        if not isinstance(native, ec.EllipticCurvePublicKey):
            self._mismatch("ECDSA")
        return native.curve

    @property
    def key_size(self) -> int:
        return self._signer.public_key.bits

    def sign(self, data: Octets, signature_algorithm: object) -> bytes:
        if not isinstance(signature_algorithm, ec.ECDSA):
            self._mismatch(type(signature_algorithm).__name__)
        self._require_hash(signature_algorithm.algorithm)
        return self._signer.sign(bytes(data))

    exchange = _refuse("agree on keys")


class _Ed25519Key(_Adapter, ed25519.Ed25519PrivateKey):
    def sign(self, data: Octets) -> bytes:
        return self._signer.sign(bytes(data))


class _WithContext(_Adapter):
    def sign(self, data: Octets, context: Octets | None = None) -> bytes:
        if context:
            raise OperationUnsupported(operation="sign with a context", store=repr(self))
        return self._signer.sign(bytes(data))

    sign_mu = _refuse("sign a digest")


class _MlDsa44Key(_WithContext, mldsa.MLDSA44PrivateKey):
    pass


class _MlDsa65Key(_WithContext, mldsa.MLDSA65PrivateKey):
    pass


class _MlDsa87Key(_WithContext, mldsa.MLDSA87PrivateKey):
    pass


_ADAPTERS: Final[dict[KeyType, Callable[[Signer], CertificateIssuerPrivateKeyTypes]]] = {
    KeyType.RSA: _RsaKey,
    KeyType.EC: _EcKey,
    KeyType.ED25519: _Ed25519Key,
    KeyType.ML_DSA_44: _MlDsa44Key,
    KeyType.ML_DSA_65: _MlDsa65Key,
    KeyType.ML_DSA_87: _MlDsa87Key,
}
