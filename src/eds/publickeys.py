"""Public keys as frozen values over their SubjectPublicKeyInfo, of every kind in the table.

`cryptography` does the arithmetic where it knows the key, and `eds.gost` that of GOST keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes as NativePublicKey,
)
from cryptography.x509 import ObjectIdentifier

from eds import der
from eds.algorithms import (
    CURVES,
    DSA_KEY,
    EC_PUBLIC_KEY,
    KEY_TYPES,
    RSASSA_PSS,
    Curve,
    KeyType,
    Padding,
    SignatureAlgorithm,
    curve_by_oid,
    pss_algorithm,
)
from eds.errors import (
    AlgorithmKeyMismatch,
    AlgorithmUnavailable,
    DecodeError,
    MalformedPublicKey,
    UnknownAlgorithm,
)
from eds.formats import Format
from eds.gost import VerifyingKey
from eds.gostkeys import GOST_KEY_TYPES, read_public_key, write_public_key
from eds.values import Encoded, read_once


class PublicKey(Encoded):
    """One SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), at most 64 KiB.

    Two keys are equal when their bytes are. Raises MalformedPublicKey when the bytes are not
    such a value; an unknown algorithm or curve is no error before something needs it.
    """

    malformed = MalformedPublicKey
    format = Format.PUBLIC_KEY

    def __init__(self, encoded: bytes) -> None:
        if type(encoded) is bytes:
            for head, curve, parameters, native in _HEADS.get(len(encoded), ()):
                if encoded.startswith(head):
                    self.__dict__.update(
                        encoded=encoded,
                        _parts=(EC_PUBLIC_KEY, parameters, encoded[len(head) :]),
                        _usual_curve=native,
                        key_type=KeyType.EC,
                        curve=curve,
                        bits=curve.bits,
                    )
                    return
        super().__init__(encoded)
        _ = self._parts

    @classmethod
    def of(cls, native: object) -> Self:
        """The value of a public key object of `cryptography`, or of `eds.gost`."""
        if isinstance(native, VerifyingKey):
            return cls(write_public_key(native))
        to_bytes = native.public_bytes  # type: ignore[attr-defined]
        return cls(
            to_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    @read_once
    def _parts(self) -> tuple[str, bytes, bytes]:
        """(algorithm OID, encoded parameters or empty, content of the BIT STRING)."""
        whole = der.decode(self.encoded)
        usual = whole.usual_fields(_FIELDS)
        if usual is not None:
            return *_algorithm(usual[0]), usual[1].bit_string()
        fields = whole.fields()
        oid, parameters = _algorithm(fields.take(der.SEQUENCE))
        key = fields.take(der.BIT_STRING).bit_string()
        fields.finish()
        return oid, parameters, key

    @property
    def algorithm_oid(self) -> str:
        """The OID of subjectPublicKeyInfo.algorithm."""
        return self._parts[0]

    @property
    def algorithm_parameters(self) -> bytes:
        """The encoded parameters of the algorithm; empty where absent."""
        return self._parts[1]

    @property
    def key_octets(self) -> bytes:
        """The content of subjectPublicKey."""
        return self._parts[2]

    @read_once
    def key_type(self) -> KeyType:
        """Which kind of key this is. Raises UnknownAlgorithm."""
        try:
            return KEY_TYPES[self.algorithm_oid]
        except KeyError:
            raise UnknownAlgorithm(identifier=self.algorithm_oid) from None

    @read_once
    def curve(self) -> Curve | None:
        """The named curve of an EC key, else None. Raises UnknownAlgorithm, MalformedPublicKey."""
        if self.key_type is not KeyType.EC:
            return None
        parameters = self.algorithm_parameters
        return _usual_curve(parameters) if len(parameters) <= _USUAL else _curve(parameters)

    @read_once
    def bits(self) -> int:
        """RSA and DSA: bits of the modulus. EC, GOST: bits of the field. Others: bits of the key.

        Raises UnknownAlgorithm, MalformedPublicKey.
        """
        if self.key_type is KeyType.RSA:
            modulus = der.decode(self.key_octets).fields().take(der.INTEGER).unsigned()
            return modulus.bit_length()
        if self.curve is not None:
            return self.curve.bits
        if self.key_type is KeyType.DSA:
            return _dsa_bits(self.algorithm_parameters, self.key_octets)
        return _FIXED_BITS.get(self.key_type, 8 * len(self.key_octets))

    def inheriting(self, issuer: PublicKey) -> PublicKey:
        """This key with the parameters of its issuer's, where it is a DSA key without its own.

        A certificate may leave them to the key that signed it, where that is of DSA too
        (RFC 3279 §2.3.2). Any other key is itself.
        """
        if self.algorithm_oid != DSA_KEY or self.algorithm_parameters not in _ABSENT:
            return self
        if issuer.algorithm_oid != DSA_KEY or issuer.algorithm_parameters in _ABSENT:
            return self
        identifier = der.sequence(der.object_identifier(DSA_KEY), issuer.algorithm_parameters)
        return PublicKey(der.sequence(identifier, der.bit_string(self.key_octets)))

    @read_once
    def description(self) -> str:
        """For people: "RSA 3072", "EC P-256", "Ed25519", or the OID of an unknown kind."""
        try:
            if self.key_type in (KeyType.RSA, KeyType.DSA):
                return f"{self.key_type.value} {self.bits}"
            if self.curve is not None:
                return f"EC {self.curve.nist_name or self.curve.name}"
            return str(self.key_type.value)
        except (UnknownAlgorithm, MalformedPublicKey):
            return f"unknown ({self.algorithm_oid})"

    @read_once
    def key_identifier(self) -> bytes:
        """SHA-1 of the BIT STRING content (RFC 5280 §4.2.1.2, method 1), 20 octets."""
        return hashlib.sha1(self.key_octets, usedforsecurity=False).digest()

    @read_once
    def native(self) -> NativePublicKey:
        """The key as `cryptography` knows it.

        Raises UnknownAlgorithm for kinds without a row, AlgorithmUnavailable where
        `cryptography` does not know the kind, MalformedPublicKey where it refuses the key.
        """
        if self.key_type in GOST_KEY_TYPES:
            raise AlgorithmUnavailable(
                algorithm=self.description, reason="cryptography does not know this key"
            )
        if self.key_type is KeyType.DSA:
            _ = self.bits  # its numbers are looked at before anything is reckoned with them
        usual = self.__dict__.get("_usual_curve")
        try:
            key: object
            if usual is not None and self.key_octets[0] == 4:  # a little quicker, checked alike
                key = ec.EllipticCurvePublicKey.from_encoded_point(usual, self.key_octets)
            else:
                key = serialization.load_der_public_key(self.encoded)
        except UnsupportedAlgorithm as error:
            raise AlgorithmUnavailable(
                algorithm=self.description, reason="cryptography does not know this key"
            ) from error
        except ValueError as error:
            raise MalformedPublicKey(reason=str(error)) from error
        return key  # type: ignore[return-value]

    @read_once
    def gost(self) -> VerifyingKey:
        """The key as `eds.gost` knows it.

        Raises AlgorithmUnavailable for other kinds, UnknownAlgorithm for other parameters than
        the NCA's, MalformedPublicKey where the point is not one of its curve.
        """
        return read_public_key(self.key_type, self.algorithm_parameters, self.key_octets)

    @read_once
    def restriction(self) -> SignatureAlgorithm | None:
        """What an RSASSA-PSS key is limited to (RFC 4055 §1.2); None: not limited.

        The row's salt length is the least that a signature may have. Raises UnknownAlgorithm.
        """
        if self.algorithm_oid != RSASSA_PSS or not self.algorithm_parameters:
            return None
        return pss_algorithm(self.algorithm_parameters)

    def require(self, algorithm: SignatureAlgorithm) -> None:
        """Raises AlgorithmKeyMismatch unless this key may be used with `algorithm`."""
        pss = self.algorithm_oid == RSASSA_PSS
        limit = self.restriction if pss else None
        if (
            algorithm.key_type is not self.key_type
            or (algorithm.curve is not self.curve and algorithm.curve != self.curve)
            or (pss and algorithm.padding is not Padding.PSS)
            or (
                limit is not None
                and (
                    (algorithm.digest, algorithm.mgf_digest) != (limit.digest, limit.mgf_digest)
                    or (algorithm.salt_length or 0) < (limit.salt_length or 0)
                )
            )
        ):
            raise AlgorithmKeyMismatch(algorithm=algorithm.name, key=self.description)

    def verify(self, signature: bytes, message: bytes, *, algorithm: SignatureAlgorithm) -> bool:
        """Whether `signature` over `message` was made with this key: mathematics, no trust.

        Raises AlgorithmKeyMismatch when key and algorithm do not go together,
        AlgorithmUnavailable, MalformedPublicKey.
        """
        return self.verifier(algorithm)(signature, message)

    def verifier(self, algorithm: SignatureAlgorithm) -> Callable[[bytes, bytes], bool]:
        """`verify` for one algorithm, made ready once: (signature, message) → whether it fits.

        Raises as `verify` does, which it may as well when it is called.
        """
        verify: Callable[[bytes, bytes], bool]
        kept = self.__dict__.get("_verifier")
        if kept is not None and kept[0] is algorithm:
            verify = kept[1]  # an issuer's key is asked again and again
            return verify
        # A row with a curve is for the keys of that curve, and for no others.
        if algorithm.curve is None or algorithm.curve is not self.curve:
            self.require(algorithm)
        verify = self._verifier_of(algorithm)
        self.__dict__["_verifier"] = algorithm, verify
        return verify

    def _verifier_of(self, algorithm: SignatureAlgorithm) -> Callable[[bytes, bytes], bool]:
        if self.key_type in GOST_KEY_TYPES and algorithm.digest is not None:
            gost, digest = self.gost, algorithm.digest.digest
            return lambda signature, message: gost.verify(digest(message), signature)
        key = self.native
        arguments: tuple[Any, ...]
        # By its kind: asking whose instance it is costs more than all else here.
        if self.key_type is KeyType.EC:
            arguments = (_ecdsa(algorithm),)
        elif self.key_type is KeyType.RSA:
            arguments = rsa_padding(algorithm), native_hash(algorithm)
        elif self.key_type is KeyType.DSA:
            arguments = (native_hash(algorithm),)
        else:
            arguments = ()
        check: Callable[..., None] = key.verify  # type: ignore[union-attr]

        def verify(signature: bytes, message: bytes) -> bool:
            try:
                check(signature, message, *arguments)
            except InvalidSignature:
                return False
            except UnsupportedAlgorithm as error:
                raise AlgorithmUnavailable(algorithm=algorithm.name, reason=str(error)) from error
            except ValueError:
                return False  # a key too short for the digest signs nothing
            return True

        return verify


_FIELDS: Final = bytes((der.SEQUENCE, der.BIT_STRING))


def _heads() -> dict[int, list[tuple[bytes, Curve, bytes, ec.EllipticCurve | None]]]:
    """What stands before the point, as RFC 5480 writes it uncompressed, by the size of the whole.

    All keys of a curve have it in common, and tell no more beside it than their point.
    """
    found: dict[int, list[tuple[bytes, Curve, bytes, ec.EllipticCurve | None]]] = {}
    for curve in CURVES:
        parameters = der.object_identifier(curve.oid)
        point = b"\4" + bytes(2 * ((curve.bits + 7) // 8))
        whole = der.sequence(
            der.sequence(der.object_identifier(EC_PUBLIC_KEY), parameters), der.bit_string(point)
        )
        head = whole[: -len(point)]
        native = _native_curve(curve)
        found.setdefault(len(whole), []).append((head, curve, parameters, native))
    return found


def _native_curve(curve: Curve) -> ec.EllipticCurve | None:
    try:
        return ec.get_curve_for_oid(ObjectIdentifier(curve.oid))()
    except LookupError:
        return None


_HEADS: Final = _heads()
_USUAL: Final = 64  # octets of what is worth remembering: a few values stand in millions of keys


def _algorithm(element: der.Element) -> tuple[str, bytes]:
    """(OID, encoded parameters or empty) of an AlgorithmIdentifier."""
    encoded = element.encoded
    if len(encoded) > _USUAL:
        return _read_algorithm(element)
    try:
        return _usual_algorithm(encoded)
    except DecodeError:
        return _read_algorithm(element)  # where it stands, to say where


def _read_algorithm(element: der.Element) -> tuple[str, bytes]:
    fields = element.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    parameters = fields.take().encoded if fields.next_tag is not None else b""
    fields.finish()
    return oid, parameters


@lru_cache(maxsize=256)
def _usual_algorithm(encoded: bytes) -> tuple[str, bytes]:
    return _read_algorithm(der.decode(encoded))


def _curve(encoded: bytes) -> Curve:
    parameters = der.decode(encoded)
    if parameters.tag == der.SEQUENCE:
        raise UnknownAlgorithm(identifier="explicit curve parameters")
    return curve_by_oid(parameters.expect(der.OBJECT_IDENTIFIER).object_identifier())


_usual_curve = lru_cache(maxsize=256)(_curve)


_ABSENT: Final = (b"", der.null())
# The least bits of the subgroup for those of the modulus: FIPS 186-4 §4.2, and 4096 as OpenSSL
# makes it. TS 119 312 counts both, and so each pair has the period of its modulus.
_DSA_SUBGROUP: Final = {1024: 160, 2048: 224, 3072: 256, 4096: 256}


def _dsa_bits(parameters: bytes, octets: bytes) -> int:
    """Bits of the modulus of a DSA key (RFC 3279 §2.3.2) whose numbers are what they must be."""
    if parameters in _ABSENT:
        raise MalformedPublicKey(reason="DSA parameters are left to the key of the issuer")
    fields = der.decode(parameters).fields()
    p, q, g = (fields.take(der.INTEGER).unsigned() for _ in range(3))
    fields.finish()
    y = der.decode(octets).expect(der.INTEGER).unsigned()
    bits, subgroup = p.bit_length(), q.bit_length()
    if subgroup not in (160, 224, 256) or subgroup < _DSA_SUBGROUP.get(bits, 257):
        raise UnknownAlgorithm(identifier=f"DSA with {bits} and {subgroup} bits")
    if not (p & q & 1 and 1 < g < p - 1 and 1 < y < p - 1):
        raise MalformedPublicKey(reason="numbers that no DSA key has")
    return bits


_FIXED_BITS: Final = {
    KeyType.ED25519: 256,
    KeyType.GOST_2015_512: 512,
    KeyType.GOST_2015_256: 256,
    KeyType.GOST_2004: 256,
}
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha3_224": hashes.SHA3_224,
    "sha3_256": hashes.SHA3_256,
    "sha3_384": hashes.SHA3_384,
    "sha3_512": hashes.SHA3_512,
}


_ECDSA: Final = {name: ec.ECDSA(digest()) for name, digest in _HASHES.items()}


def _ecdsa(algorithm: SignatureAlgorithm) -> ec.ECDSA:
    """The scheme of a row, as `cryptography` wants it. Raises AlgorithmUnavailable."""
    digest = algorithm.digest
    if digest is None or digest.name not in _ECDSA:
        raise AlgorithmUnavailable(algorithm=algorithm.name, reason="no such hash here")
    return _ECDSA[digest.name]


def native_hash(algorithm: SignatureAlgorithm) -> hashes.HashAlgorithm:
    """The row's digest as `cryptography` calls it. Raises AlgorithmUnavailable."""
    digest = algorithm.digest
    if digest is None or digest.name not in _HASHES:
        raise AlgorithmUnavailable(algorithm=algorithm.name, reason="no such hash here")
    return _HASHES[digest.name]()


def rsa_padding(algorithm: SignatureAlgorithm) -> padding.AsymmetricPadding:
    """The RSA padding of a row, as `cryptography` wants it. Raises AlgorithmUnavailable."""
    if algorithm.padding is Padding.PKCS1V15:
        return padding.PKCS1v15()
    if (
        algorithm.padding is Padding.PSS
        and algorithm.mgf_digest
        and algorithm.salt_length is not None
    ):
        mask = _HASHES.get(algorithm.mgf_digest.name)
        if mask is not None:
            return padding.PSS(mgf=padding.MGF1(mask()), salt_length=algorithm.salt_length)
    raise AlgorithmUnavailable(algorithm=algorithm.name, reason="not an RSA algorithm here")
