"""Private keys in memory: a PKCS#8 PrivateKeyInfo whose repr shows nothing, checked once."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa

from eds import der
from eds.algorithms import (
    CURVES,
    ECDSA,
    ED25519,
    GOST_2004,
    GOST_2015_256,
    GOST_2015_512,
    KEY_TYPES,
    ML_DSA_44,
    ML_DSA_65,
    ML_DSA_87,
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    RSASSA_PSS,
    SHA256,
    SHA384,
    SHA512,
    VERIFY_ONLY,
    KeyType,
    Padding,
    SignatureAlgorithm,
)
from eds.errors import (
    AlgorithmKeyMismatch,
    AlgorithmUnavailable,
    DecodeError,
    InvalidKey,
    MalformedPublicKey,
    UnknownAlgorithm,
)
from eds.gostkeys import (
    GOST_KEY_TYPES,
    SigningKey,
    gost_parameters,
    read_private_key,
    write_private_key,
)
from eds.publickeys import PublicKey, native_hash, rsa_padding

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

LoadedKey: TypeAlias = "PrivateKeyTypes | SigningKey"
"""A private key that can be used: an object of `cryptography`, or of `eds.gost`."""

_LIMITS: Final = der.Limits(size=64 * 1024)
_WHOLE_MESSAGE: Final = (
    ed25519.Ed25519PrivateKey,
    mldsa.MLDSA44PrivateKey,
    mldsa.MLDSA65PrivateKey,
    mldsa.MLDSA87PrivateKey,
)
_NATIVE: Final = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, *_WHOLE_MESSAGE)


@dataclass(frozen=True, repr=False)
class PrivateKey:
    """One PrivateKeyInfo (RFC 5208 §5, RFC 5958 §2), at most 64 KiB.

    Raises InvalidKey when the bytes are not such a value.
    """

    encoded: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _ = self._parts

    @staticmethod
    def of(native: LoadedKey) -> PrivateKey:
        """The value of a private key object of `cryptography` or `eds.gost`."""
        if isinstance(native, SigningKey):
            return PrivateKey(write_private_key(native))
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
            fields = der.decode(self.encoded, limits=_LIMITS).fields()
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
        """The OID of privateKeyAlgorithm."""
        return self._parts[0]

    @property
    def algorithm_parameters(self) -> bytes:
        """The encoded parameters of the algorithm; empty where absent."""
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

    @property
    def rsa_bits(self) -> int:
        """Bits of the modulus of an RSA key, 0 for others. Raises InvalidKey."""
        return self._rsa_numbers[0].bit_length() if self._rsa_numbers else 0

    def native(self) -> LoadedKey:
        """The key ready for use, its numbers checked (RSA-4096: some 0.24 s).

        A GOST key is one of `eds.gost`, whose arithmetic is Python and not constant-time: see
        `eds.gost.SigningKey` for what is done about that.

        Raises AlgorithmUnavailable, UnknownAlgorithm, InvalidKey.
        """
        return self._load(skip_check=False)

    def native_unchecked(self) -> LoadedKey:
        """The same for a key that was checked when it was kept, in microseconds.

        Only that the factors of an RSA key are primes is taken on trust. That its numbers
        belong together is looked at: one signature with a changed exponent or factor tells
        the key (Klíma and Rosa 2002), and encryption alone does not keep bytes from change.
        """
        self._require_rsa_relations()
        return self._load(skip_check=True)

    def _load(self, *, skip_check: bool) -> LoadedKey:
        if self.key_type in GOST_KEY_TYPES:
            return read_private_key(self.key_type, self.algorithm_parameters, self.key_octets)
        if self.key_type in VERIFY_ONLY:
            raise AlgorithmUnavailable(
                algorithm=self.key_type.value, reason="nothing is signed with such keys"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old keys are read, and judged by policy
                key = serialization.load_der_private_key(
                    self.encoded, None, unsafe_skip_rsa_key_validation=skip_check
                )
        except UnsupportedAlgorithm:
            raise AlgorithmUnavailable(
                algorithm=self.key_type.value, reason="cryptography does not know this key"
            ) from None
        except (ValueError, TypeError, OverflowError):
            raise InvalidKey(reason="the numbers of the key do not belong together") from None
        if not isinstance(key, _NATIVE):
            raise InvalidKey(reason="the key is not of the kind it says")
        return key

    @cached_property
    def _rsa_numbers(self) -> tuple[int, ...]:
        """(n, e, d, p, q, dp, dq, qinv) of RFC 8017 §A.1.2; empty for other kinds."""
        if KEY_TYPES.get(self.algorithm_oid) is not KeyType.RSA:
            return ()
        try:
            fields = der.decode(self.key_octets).fields()
            fields.take(der.INTEGER).small(0)
            numbers = tuple(fields.take(der.INTEGER).unsigned() for _ in range(8))
            fields.finish()
        except DecodeError:
            raise InvalidKey(reason="not an RSA private key of two primes") from None
        return numbers

    def _require_rsa_relations(self) -> None:
        if not self._rsa_numbers:
            return
        n, e, d, p, q, dp, dq, qinv = self._rsa_numbers
        if not (
            min(p, q) > 2
            and p * q == n
            and dp == d % (p - 1)
            and dq == d % (q - 1)
            and e * dp % (p - 1) == 1
            and e * dq % (q - 1) == 1
            and qinv * q % p == 1
        ):
            raise InvalidKey(reason="the numbers of the key do not belong together")

    def public_key(self) -> PublicKey:
        """The public half, of a checked key. Raises AlgorithmUnavailable, InvalidKey."""
        return self.public_key_of(self.native())

    def public_key_of(self, native: LoadedKey) -> PublicKey:
        """The public half of `native`, which is this key loaded before."""
        if isinstance(native, SigningKey):
            return PublicKey.of(native.public())
        public = PublicKey.of(native.public_key())
        if self.algorithm_oid != RSASSA_PSS:
            return public
        # `cryptography` forgets that the key is for PSS alone; its certificate does not.
        identifier = der.sequence(
            der.object_identifier(self.algorithm_oid), self.algorithm_parameters
        )
        return PublicKey(der.sequence(identifier, der.bit_string(public.key_octets)))

    def __repr__(self) -> str:
        return "<private key>"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled")


# --- which algorithm, and how to sign with it --------------------------------------------------

_BY_KEY_TYPE: Final = {
    KeyType.RSA: RSA_PKCS1_SHA256,
    **{
        row.key_type: row
        for row in (
            ED25519,
            ML_DSA_44,
            ML_DSA_65,
            ML_DSA_87,
            GOST_2015_512,
            GOST_2015_256,
            GOST_2004,
        )
    },
}
# The hash that suits the field: as long, and SHA-512 for all that is longer.
_BY_CURVE: Final = {
    curve: next(
        row
        for row in ECDSA
        if row.curve == curve
        and row.digest == (SHA256 if curve.bits <= 256 else SHA384 if curve.bits <= 384 else SHA512)
    )
    for curve in CURVES
}


def default_algorithm(public_key: PublicKey) -> SignatureAlgorithm:
    """How a key signs when nobody said otherwise: RSA PKCS#1 v1.5 with SHA-256, ECDSA with the
    hash of the curve's length, the one way of every other kind. Raises UnknownAlgorithm,
    AlgorithmUnavailable for kinds that sign nothing, MalformedPublicKey.
    """
    if public_key.curve is not None:
        return _BY_CURVE[public_key.curve]
    if public_key.algorithm_oid == RSASSA_PSS:
        return RSA_PSS_SHA256
    if public_key.key_type in VERIFY_ONLY:
        raise AlgorithmUnavailable(
            algorithm=public_key.key_type.value, reason="nothing is signed with such keys"
        )
    return _BY_KEY_TYPE[public_key.key_type]


def require_algorithm(algorithm: SignatureAlgorithm, public_key: PublicKey) -> None:
    """Raises AlgorithmKeyMismatch unless keys of this kind sign so."""
    try:
        fits = algorithm.key_type is public_key.key_type and algorithm.curve == public_key.curve
    except (UnknownAlgorithm, MalformedPublicKey):
        fits = False
    if fits and public_key.algorithm_oid == RSASSA_PSS:
        fits = algorithm.padding is Padding.PSS
    if not fits:
        raise AlgorithmKeyMismatch(algorithm=algorithm.name, key=public_key.description)


def signing_function(native: LoadedKey, algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
    """What signs a message with this key in this way; all that can be decided is decided here.

    Raises AlgorithmKeyMismatch, AlgorithmUnavailable.
    """
    if isinstance(native, rsa.RSAPrivateKey) and algorithm.key_type is KeyType.RSA:
        padding, digest = rsa_padding(algorithm), native_hash(algorithm)
        return lambda message: native.sign(message, padding, digest)
    if isinstance(native, ec.EllipticCurvePrivateKey) and algorithm.key_type is KeyType.EC:
        scheme = ec.ECDSA(native_hash(algorithm))
        return lambda message: native.sign(message, scheme)
    if isinstance(native, _WHOLE_MESSAGE) and algorithm.digest is None:
        return native.sign
    if isinstance(native, SigningKey) and algorithm.key_type in GOST_KEY_TYPES:
        return _gost_signing(native, algorithm)
    raise AlgorithmKeyMismatch(algorithm=algorithm.name, key="private")


def _gost_signing(key: SigningKey, algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
    digest = algorithm.digest
    if digest is None or gost_parameters(algorithm.key_type).curve is not key.curve:
        raise AlgorithmKeyMismatch(algorithm=algorithm.name, key=key.curve.name)
    return lambda message: key.sign(digest.digest(message), entropy=secrets.token_bytes(32))


def generate(algorithm: SignatureAlgorithm, *, rsa_bits: int = 3072) -> LoadedKey:
    """A new key for this algorithm. Raises AlgorithmUnavailable."""
    if algorithm.key_type in GOST_KEY_TYPES:
        return SigningKey.generate(gost_parameters(algorithm.key_type).curve)
    try:
        if algorithm.key_type is KeyType.RSA:
            return rsa.generate_private_key(65537, rsa_bits)
        if algorithm.curve is not None:
            return ec.generate_private_key(_native_curve(algorithm.curve.name))
        return _GENERATORS[algorithm.key_type]()
    except (KeyError, UnsupportedAlgorithm):
        raise AlgorithmUnavailable(
            algorithm=algorithm.name, reason="such keys cannot be made here"
        ) from None


def _native_curve(name: str) -> ec.EllipticCurve:
    return _NATIVE_CURVES[name]()


_NATIVE_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}
_GENERATORS: Final[dict[KeyType, Callable[[], PrivateKeyTypes]]] = {
    KeyType.ED25519: ed25519.Ed25519PrivateKey.generate,
    KeyType.ML_DSA_44: mldsa.MLDSA44PrivateKey.generate,
    KeyType.ML_DSA_65: mldsa.MLDSA65PrivateKey.generate,
    KeyType.ML_DSA_87: mldsa.MLDSA87PrivateKey.generate,
}
