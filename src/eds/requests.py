"""Certification requests (PKCS #10, RFC 2986) as frozen values over their bytes: read and made.

One road makes them for every kind of key, in a file or a token: the writer is our own, and
whoever signs is asked for nothing but a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, Self

from eds import der
from eds.algorithms import SignatureAlgorithm, identify
from eds.errors import (
    AlgorithmUnavailable,
    InvalidArgument,
    MalformedRequest,
    ProofOfPossessionFailed,
)
from eds.extensions import Extension, read_extensions, write_extensions
from eds.formats import Format
from eds.names import Name
from eds.publickeys import PublicKey
from eds.values import Encoded, read_once

EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"
CHALLENGE_PASSWORD: Final = "1.2.840.113549.1.9.7"  # noqa: S105 - an identifier

_LIMITS: Final = der.Limits(size=64 * 1024, elements=256)


class RequestSigner(Protocol):
    """The key that a certificate is asked for; every `Signer` of `eds.keys` is one."""

    @property
    def algorithm(self) -> SignatureAlgorithm: ...

    @property
    def public_key(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, as it stands in a BIT STRING of X.509."""
        ...


# The tags of the fields that nearly all have.
_OUTER: Final = bytes((der.SEQUENCE, der.SEQUENCE, der.BIT_STRING))
_INFO: Final = bytes((der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.context(0)))


class _Fields(NamedTuple):
    """Where the fields of a request stand."""

    info: der.Element
    subject: der.Element
    public_key: der.Element
    attributes: der.Element | None
    signature_algorithm: der.Element
    signature: der.Element


class CertificationRequest(Encoded):
    """One CertificationRequest (RFC 2986 §4.2), at most 64 KiB.

    Raises MalformedRequest when the bytes are not that; a property raises it when the part it
    reads is not what it must be. Reading does not say that the key was there to sign: ask
    `verify_proof_of_possession`.
    """

    malformed = MalformedRequest
    format = Format.CERTIFICATION_REQUEST

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        _ = self._fields

    @classmethod
    def build(
        cls,
        subject: Name,
        signer: RequestSigner,
        *,
        extensions: Iterable[Extension] = (),
        challenge_password: str = "",
    ) -> Self:
        """Ask for a certificate of `subject` for the key of `signer`.

        `challenge_password` ties the request to who asks (RFC 7030 §3.5); it is readable in it.

        Raises ProofOfPossessionFailed if what was signed does not verify with that key, and
        whatever `signer` raises.
        """
        wanted = tuple(extensions)
        if len({extension.oid for extension in wanted}) != len(wanted):
            raise InvalidArgument(argument="extensions", reason="one extension stands there twice")
        values = {}
        if challenge_password:
            values[CHALLENGE_PASSWORD] = der.utf8_string(challenge_password)
        if wanted:
            values[EXTENSION_REQUEST] = write_extensions(wanted)
        attributes = b"".join(
            sorted(
                der.sequence(der.object_identifier(oid), der.set_of(value))
                for oid, value in values.items()
            )
        )
        info = der.sequence(
            der.integer(0),
            subject.encoded,
            signer.public_key.encoded,
            der.value(der.context(0), attributes),
        )
        request = cls(
            der.sequence(info, signer.algorithm.identifier, der.bit_string(signer.sign(info)))
        )
        try:
            request.verify_proof_of_possession()
        except AlgorithmUnavailable:
            return request  # a token may sign what nothing here can verify
        return request

    @read_once
    def _fields(self) -> _Fields:
        whole = der.decode(self.encoded, limits=_LIMITS)
        usual = whole.usual_fields(_OUTER)
        inside = None if usual is None else usual[0].usual_fields(_INFO)
        if usual is not None and inside is not None:
            inside[0].small(0)
            return _Fields(usual[0], *inside[1:], *usual[1:])
        outer = whole.fields()
        info = outer.take(der.SEQUENCE)
        signature_algorithm = outer.take(der.SEQUENCE)
        signature = outer.take(der.BIT_STRING)
        outer.finish()
        inner = info.fields()
        inner.take(der.INTEGER).small(0)
        subject = inner.take(der.SEQUENCE)
        public_key = inner.take(der.SEQUENCE)
        attributes = inner.optional(der.context(0))  # left out by some, though it must be there
        inner.finish()
        return _Fields(info, subject, public_key, attributes, signature_algorithm, signature)

    @read_once
    def subject(self) -> Name:
        """Whom the certificate shall name."""
        return Name(self._fields.subject.encoded)

    @read_once
    def public_key(self) -> PublicKey:
        """The key it shall certify."""
        return PublicKey(self._fields.public_key.encoded)

    @read_once
    def attributes(self) -> Mapping[str, tuple[bytes, ...]]:
        """The encoded values of the attributes, by their OID. One OID twice is refused."""
        found: dict[str, tuple[bytes, ...]] = {}
        if self._fields.attributes is not None:
            for item in self._fields.attributes.children(limits=_LIMITS):
                fields = item.fields()
                oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
                values = fields.take(der.SET).children(limits=_LIMITS)
                fields.finish()
                if oid in found:
                    item.fail(f"the attribute {oid} stands there twice")
                if not values:
                    item.fail(f"the attribute {oid} has no value")
                found[oid] = tuple(value.encoded for value in values)
        return MappingProxyType(found)

    @read_once
    def extensions(self) -> Mapping[str, Extension]:
        """The extensions asked for, by their OID (RFC 2985 §5.4.2)."""
        values = self.attributes.get(EXTENSION_REQUEST)
        if values is None:
            return MappingProxyType({})
        if len(values) != 1:
            raise MalformedRequest(reason="two lists of extensions")
        return read_extensions(der.decode(values[0]))

    @read_once
    def challenge_password(self) -> str | None:
        """The challengePassword under the signature of the key (RFC 2985 §5.4.1)."""
        values = self.attributes.get(CHALLENGE_PASSWORD)
        if values is None:
            return None
        if len(values) != 1:
            raise MalformedRequest(reason="two challenge passwords")
        return der.decode(values[0]).text()

    @property
    def tbs_encoded(self) -> bytes:
        """The octets that are signed: the CertificationRequestInfo."""
        return self._fields.info.encoded

    @property
    def signature_algorithm(self) -> der.Element:
        """The AlgorithmIdentifier of the signature, ready for `algorithms.identify`."""
        return self._fields.signature_algorithm

    @read_once
    def signature(self) -> bytes:
        """The octets of the signature value."""
        return self._fields.signature.bit_string()

    def verify_proof_of_possession(self) -> None:
        """Check that the key in the request signed it (RFC 2986 §3).

        Raises ProofOfPossessionFailed, MalformedPublicKey, and an AlgorithmError where the
        signature algorithm is unknown, unavailable or belongs to another kind of key.
        """
        key = self.public_key
        algorithm = identify(self.signature_algorithm, key_type=key.key_type, curve=key.curve)
        if not key.verify(self.signature, self.tbs_encoded, algorithm=algorithm):
            raise ProofOfPossessionFailed
