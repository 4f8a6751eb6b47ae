"""OCSP responses (RFC 6960 §4.2) as frozen values over their bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from eds import der, extensions
from eds.algorithms import SHA1, DigestAlgorithm, digest_by_oid
from eds.certificatelists import read_reason
from eds.certificates import Certificate
from eds.errors import AlgorithmError, DecodeError, MalformedOcspResponse
from eds.extensions import Extension, RevocationReason
from eds.formats import Format
from eds.names import Name
from eds.values import Encoded, read_once

BASIC_RESPONSE: Final = "1.3.6.1.5.5.7.48.1.1"

# The shapes that nearly all responses have: of the whole, of what is signed without and with
# certificates, and of the answer "good" with a next update.
_VERSION: Final = der.context(0)
_EXTENSIONS: Final = der.context(1)
_ANSWERED: Final = bytes((der.ENUMERATED, der.context(0)))
_SIGNED: Final = bytes((der.SEQUENCE, der.SEQUENCE, der.BIT_STRING))
_SIGNED_AND_CERTIFIED: Final = _SIGNED + bytes((der.context(0),))
_GOOD: Final = bytes(
    (der.SEQUENCE, der.context(0, constructed=False), der.GENERALIZED_TIME, der.context(0))
)
_NO_EXTENSIONS: Final[Mapping[str, Extension]] = MappingProxyType({})
_LIMITS: Final = der.Limits(size=256 * 1024, elements=4096)


# The signed part as an issuer writes it itself in the profile of RFC 5019, and the length of the
# AlgorithmIdentifier after it: the responder named by its key, one answer under SHA-1, "good",
# a next update, nothing beside. Lengths that hang on that of the serial number are groups.
_PROFILE: Final = re.compile(
    rb"\x30\x81(.)\xa2\x16\x04\x14(.{20})\x18\x0f(.{15})\x30(.)\x30(.)\x30(.)"
    rb"\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14(.{20})\x04\x14(.{20})"
    rb"\x02(.)([\x00-\x7f].{1,19})\x80\x00\x18\x0f(.{15})\xa0\x11\x18\x0f(.{15})\x30([\x00-\x7f])",
    re.DOTALL,
)
_LENGTHS: Final = {
    size: bytes((142 + size, 99 + size, 97 + size, 57 + size, size)) for size in range(2, 21)
}


class ResponseStatus(Enum):
    """OCSPResponseStatus (RFC 6960 §4.2.1)."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


class CertificateStatus(Enum):
    """CertStatus (RFC 6960 §4.2.1), by its tag number."""

    GOOD = 0
    REVOKED = 1
    UNKNOWN = 2


class CertId(NamedTuple):
    """Which certificate is spoken of (RFC 6960 §4.1.1): hashes of its issuer, its serial.

    A tuple, as `SingleResponse`: every response makes some, in microseconds.
    """

    hash_oid: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int

    @property
    def hash_algorithm(self) -> DigestAlgorithm:
        """The digest of both hashes. Raises UnknownAlgorithm."""
        return digest_by_oid(self.hash_oid)

    def names(self, certificate: Certificate, *, issuer: Certificate) -> bool:
        """Whether it means `certificate`, issued by `issuer`.

        Raises UnknownAlgorithm, AlgorithmUnavailable for a digest that is not to be had here.
        """
        if self.serial_number != certificate.serial_number:
            return False
        if self.hash_oid == SHA1.oid:  # as most are; the key knows its own
            digest, of_key = SHA1.digest, issuer.public_key.key_identifier
        else:
            digest = self.hash_algorithm.digest
            of_key = digest(issuer.public_key.key_octets)
        return self.issuer_key_hash == of_key and self.issuer_name_hash == digest(
            certificate.issuer_encoded
        )


class SingleResponse(NamedTuple):
    """The answer for one certificate (RFC 6960 §4.2.1)."""

    cert_id: CertId
    status: CertificateStatus
    this_update: datetime
    next_update: datetime | None = None
    revocation_time: datetime | None = None
    revocation_reason: RevocationReason | None = None
    extensions: Mapping[str, Extension] = _NO_EXTENSIONS

    @property
    def archive_cutoff(self) -> datetime | None:
        """Since when expired certificates are answered for (RFC 6960 §4.4.4)."""
        found = self.extensions.get(extensions.OCSP_ARCHIVE_CUTOFF)
        if found is None:
            return None
        try:
            return der.decode(found.octets).expect(der.GENERALIZED_TIME).time()
        except DecodeError as error:
            raise MalformedOcspResponse(reason=f"archive cutoff: {error}") from error

    @property
    def invalidity_date(self) -> datetime | None:
        """Since when the key may have been compromised (RFC 6960 §4.4.5, RFC 5280 §5.3.2)."""
        found = self.extensions.get(extensions.INVALIDITY_DATE)
        if found is None:
            return None
        try:
            return der.decode(found.octets).expect(der.GENERALIZED_TIME).time()
        except DecodeError as error:
            raise MalformedOcspResponse(reason=f"invalidity date: {error}") from error


class _Basic(NamedTuple):
    """Where the fields of a BasicOCSPResponse stand."""

    encoded: bytes
    tbs: der.Element
    responder: der.Element
    produced_at: datetime
    responses: der.Element
    extensions: der.Element | None
    signature_algorithm: der.Element
    signature: der.Element
    certificates: der.Element | None


class OcspResponse(Encoded):
    """One OCSPResponse, at most 256 KiB.

    A response whose status is not `successful` has nothing but that status: everything else
    raises MalformedOcspResponse, as whatever is not what it must be does.
    """

    malformed = MalformedOcspResponse
    format = Format.OCSP_RESPONSE
    size_limit = 256 * 1024

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        if _read_profile(encoded, self.__dict__):
            return
        if self.status is ResponseStatus.SUCCESSFUL:
            _ = self._basic

    @classmethod
    def of_basic(cls, encoded: bytes) -> Self:
        """The response around a bare BasicOCSPResponse, as CAdES and PAdES keep them."""
        return cls(
            der.sequence(
                der.enumerated(0),
                der.explicit(
                    0,
                    der.sequence(der.object_identifier(BASIC_RESPONSE), der.octet_string(encoded)),
                ),
            )
        )

    @read_once
    def _outer(self) -> tuple[ResponseStatus, der.Element | None]:
        whole = der.decode(self.encoded, limits=_LIMITS)
        usual = whole.usual_fields(_ANSWERED)
        if usual is not None and usual[0].octets == b"\0":
            return ResponseStatus.SUCCESSFUL, usual[1]
        fields = whole.fields()
        number = fields.take(der.ENUMERATED)
        found = fields.optional(der.context(0))
        fields.finish()
        try:
            return ResponseStatus(number.small(127)), found
        except ValueError:
            number.fail("a response status that does not exist")

    @read_once
    def status(self) -> ResponseStatus:
        """Whether the responder answered."""
        head, _ = _head(len(self.encoded))
        if head and self.encoded.startswith(head):
            return ResponseStatus.SUCCESSFUL
        return self._outer[0]

    @property
    def _wrapped(self) -> bytes:
        """The BasicOCSPResponse, out of all that is around it."""
        found = self._outer[1]
        if found is None:
            raise MalformedOcspResponse(reason=f"no answer inside, status {self.status.name}")
        wrapped = found.only_child().fields()
        kind = wrapped.object_identifier()
        if kind != BASIC_RESPONSE:
            raise MalformedOcspResponse(reason=f"an unknown type of response, {kind}")
        encoded = wrapped.octets(der.OCTET_STRING)
        wrapped.finish()
        return encoded

    @read_once
    def _basic(self) -> _Basic:
        data = self.encoded
        head, start = _head(len(data))
        if head and data.startswith(head):
            encoded = data[start:]
            whole = _new(der.Element, (data, der.SEQUENCE, start, len(head), len(data)))
        else:
            encoded = self._wrapped
            whole = der.decode(encoded, limits=_LIMITS)
        usual = whole.usual_fields(_SIGNED) or whole.usual_fields(_SIGNED_AND_CERTIFIED)
        if usual is not None:
            tbs, algorithm, signature, *rest = usual
            certificates = rest[0] if rest else None
        else:
            outer = whole.fields()
            tbs = outer.take(der.SEQUENCE)
            algorithm = outer.take(der.SEQUENCE)
            signature = outer.take(der.BIT_STRING)
            certificates = outer.optional(der.context(0))
            outer.finish()
        inner = tbs.fields()
        if inner.next_tag == _VERSION:
            inner.take().only_child().expect(der.INTEGER).small(0)
        responder = inner.take()
        produced_at = inner.take(der.GENERALIZED_TIME).time()
        responses = inner.take(der.SEQUENCE)
        found_extensions = inner.optional(_EXTENSIONS)
        inner.finish()
        return _Basic(
            encoded=encoded,
            tbs=tbs,
            responder=responder,
            produced_at=produced_at,
            responses=responses,
            extensions=None if found_extensions is None else found_extensions.only_child(),
            signature_algorithm=algorithm,
            signature=signature,
            certificates=None if certificates is None else certificates.only_child(),
        )

    @property
    def basic_encoded(self) -> bytes:
        """The BasicOCSPResponse alone."""
        return self._basic.encoded

    @read_once
    def responder(self) -> Name | bytes:
        """Who answered: its name, or the SHA-1 of its key (20 octets)."""
        found = self._basic.responder
        if found.tag == der.context(1):
            return Name(found.only_child().encoded)
        return found.expect(der.context(2)).only_child().expect(der.OCTET_STRING).octets

    def is_from(self, certificate: Certificate) -> bool:
        """Whether `responder` means the subject or the key of `certificate`."""
        if isinstance(self.responder, Name):
            return self.responder.matches(certificate.subject)
        return self.responder == certificate.public_key.key_identifier

    @read_once
    def produced_at(self) -> datetime:
        """When it was signed, aware, UTC."""
        return self._basic.produced_at

    @read_once
    def responses(self) -> tuple[SingleResponse, ...]:
        """The answers, at least one."""
        found = tuple(map(_read_single, self._basic.responses.children(limits=_LIMITS)))
        if not found:
            self._basic.responses.fail("no answer at all")
        return found

    def find(self, certificate: Certificate, *, issuer: Certificate) -> SingleResponse | None:
        """The first answer for `certificate`, issued by `issuer`; None where there is none.

        Answers under a digest that is not to be had here are passed over.
        """
        for response in self.responses:
            try:
                if response.cert_id.names(certificate, issuer=issuer):
                    return response
            except AlgorithmError:
                continue
        return None

    @read_once
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates that came along."""
        found = self._basic.certificates
        if found is None:
            return ()
        return tuple(
            Certificate(item.encoded)
            for item in found.expect(der.SEQUENCE).children(limits=_LIMITS)
        )

    @read_once
    def extensions(self) -> Mapping[str, Extension]:
        """The extensions of the whole response, by their OID."""
        found = self._basic.extensions
        return _NO_EXTENSIONS if found is None else extensions.read_extensions(found)

    @read_once
    def nonce(self) -> bytes | None:
        """The nonce of the request (RFC 9654), or what an old responder put there unwrapped."""
        found = self.extensions.get(extensions.OCSP_NONCE)
        if found is None:
            return None
        try:
            return extensions.read_octet_string(found.octets)
        except DecodeError:
            return found.octets  # RFC 2560 did not say how; the octets are compared, never read

    @property
    def extended_revoke(self) -> bool:
        """Whether "revoked" may also mean "never issued" (RFC 6960 §4.4.8)."""
        return extensions.OCSP_EXTENDED_REVOKE in self.extensions

    # -- the signature

    @read_once
    def tbs_encoded(self) -> bytes:
        """The octets that are signed."""
        return self._basic.tbs.encoded

    @read_once
    def signature_algorithm(self) -> der.Element:
        """The AlgorithmIdentifier of the signature, ready for `algorithms.identify`."""
        return self._basic.signature_algorithm

    @read_once
    def signature(self) -> bytes:
        """The octets of the signature value."""
        return self._basic.signature.bit_string()


def _read_profile(encoded: bytes, found: dict[str, object]) -> bool:
    """Put into `found` what a response as above says, as its properties would read it.

    Lengths are compared, as they follow from each other; nothing is searched for. False for all
    others: these are read field by field, and refused with the reason.
    """
    end = len(encoded)
    head, _ = _head(end)
    if not head or not encoded.startswith(head):
        return False
    shape = _PROFILE.match(encoded, len(head))
    if shape is None:
        return False
    size, responder, produced, answers, answer, named, *others = shape.groups()
    name_hash, key_hash, width, serial, this, after, algorithm = others
    stop = shape.end()
    start, value = stop - 2, stop + algorithm[0]
    if size + answers + answer + named + width != _LENGTHS[len(serial)] or (
        serial[0] == 0 and serial[1] < 0x80
    ):
        return False
    try:
        content, last = value + 2, value + 2 + encoded[value + 1]
        if encoded[value + 1] >= 0x80:
            _, content, last = der.header(encoded, value, end)
        if encoded[value] != der.BIT_STRING or last != end or encoded[content] != 0:
            return False
        number = int.from_bytes(serial, "big")
        cert_id = _new(CertId, (SHA1.oid, name_hash, key_hash, number))
        times = der.instant(this, start), der.instant(after, start)
        said = cert_id, CertificateStatus.GOOD, *times, None, None, _NO_EXTENSIONS
        single = _new(SingleResponse, said)
        produced_at = der.instant(produced, start)
    except (IndexError, DecodeError):
        return False
    found.update(
        status=ResponseStatus.SUCCESSFUL,
        responder=responder,
        responses=(single,),
        certificates=(),
        extensions=_NO_EXTENSIONS,
        produced_at=produced_at,
        tbs_encoded=encoded[len(head) : start],
        signature_algorithm=_new(der.Element, (encoded, der.SEQUENCE, start, stop, value)),
        signature=encoded[content + 1 :],
    )
    return True


_new: Final = tuple.__new__  # half the cost of `Element(…)`, as in `der`


# All successful responses of a size begin alike.
@lru_cache(maxsize=256)
def _head(size: int) -> tuple[bytes, int]:
    """What stands before the content of a BasicOCSPResponse in a response of `size` octets.

    And where the BasicOCSPResponse begins. Nothing where no response has that size.
    """
    head, start = b"", 0
    for tag, first in (
        (der.SEQUENCE, der.enumerated(0)),
        (der.context(0), b""),
        (der.SEQUENCE, der.object_identifier(BASIC_RESPONSE)),
        (der.OCTET_STRING, b""),
        (der.SEQUENCE, b""),
    ):
        start = len(head)
        for width in (2, 3, 4, 5):
            header = der.head(tag, max(size - width, 0))
            if len(header) == width <= size:
                break
        else:
            return b"", 0
        head += header + first
        size -= width + len(first)
    return head, start


def write_request(
    certificate: Certificate, *, issuer: Certificate, nonce: bytes | None = None
) -> bytes:
    """An encoded OCSPRequest for one certificate (RFC 6960 §4.1), unsigned.

    Its CertID is hashed with SHA-1, which every responder knows (RFC 5019 §2.1.1): it names and
    protects nothing. `nonce` has 1 to 128 octets (RFC 9654).
    """
    cert_id = der.sequence(
        der.sequence(der.object_identifier(SHA1.oid), der.null()),
        der.octet_string(SHA1.digest(certificate.issuer.encoded)),
        der.octet_string(SHA1.digest(issuer.public_key.key_octets)),
        der.value(der.INTEGER, certificate.serial_number_octets),
    )
    asked = b""
    if nonce is not None:
        extension = Extension(
            oid=extensions.OCSP_NONCE, critical=False, octets=der.octet_string(nonce)
        )
        asked = der.explicit(2, extensions.write_extensions([extension]))
    return der.sequence(der.sequence(der.sequence(der.sequence(cert_id)), asked))


def read_cert_id(element: der.Element) -> CertId:
    """A CertID, in requests and responses. Raises MalformedDer."""
    fields = element.fields()
    algorithm = fields.fields()
    oid = algorithm.object_identifier()
    if algorithm.next_tag is not None:
        algorithm.take()
    algorithm.finish()
    name_hash = fields.octets(der.OCTET_STRING)
    key_hash = fields.octets(der.OCTET_STRING)
    serial_number = fields.take(der.INTEGER).integer(limits=extensions.SERIAL_LIMITS)
    fields.finish()
    return CertId(
        hash_oid=oid,
        issuer_name_hash=name_hash,
        issuer_key_hash=key_hash,
        serial_number=serial_number,
    )


def _read_single(element: der.Element) -> SingleResponse:
    usual = element.usual_fields(_GOOD)
    if usual is not None and usual[1].content == usual[1].end:
        return SingleResponse(
            cert_id=read_cert_id(usual[0]),
            status=CertificateStatus.GOOD,
            this_update=usual[2].time(),
            next_update=usual[3].only_child().expect(der.GENERALIZED_TIME).time(),
        )
    fields = element.fields()
    cert_id = read_cert_id(fields.take(der.SEQUENCE))
    status = fields.take()
    this_update = fields.take(der.GENERALIZED_TIME).time()
    next_update = fields.optional(der.context(0))
    found = fields.optional(der.context(1))
    fields.finish()
    revocation_time = revocation_reason = None
    if status.tag == der.context(1):
        revoked = status.fields(der.context(1))
        revocation_time = revoked.take(der.GENERALIZED_TIME).time()
        if reason := revoked.optional(der.context(0)):
            revocation_reason = read_reason(reason.only_child())
        revoked.finish()
    elif status.tag in {der.context(0, constructed=False), der.context(2, constructed=False)}:
        status.null()
    else:
        status.fail("a certificate status that does not exist")
    return SingleResponse(
        cert_id=cert_id,
        status=CertificateStatus(status.tag & 0x1F),
        this_update=this_update,
        next_update=None
        if next_update is None
        else next_update.only_child().expect(der.GENERALIZED_TIME).time(),
        revocation_time=revocation_time,
        revocation_reason=revocation_reason,
        extensions=_NO_EXTENSIONS
        if found is None
        else extensions.read_extensions(found.only_child()),
    )
