"""The OCSP responder (RFC 6960): a request and the register's word become a signed answer.

Pure, given a look-up of statuses. That look-up knows certificates that were issued, and nothing
else: a serial number it does not know is answered revoked, in the extended sense of §2.2, and
there is no setting that makes it good. Answers are written straight in DER; what a responder's
answers share is encoded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple, NoReturn

from .. import der, extensions
from ..algorithms import SignatureAlgorithm, identify
from ..certificates import Certificate
from ..errors import (
    DecodeError,
    EdsError,
    InvalidArgument,
    KeyStoreError,
    MalformedDer,
    NaiveDatetime,
    RegisterUnavailable,
)
from ..extensions import Extension, RevocationReason
from ..keys.contract import Signer
from ..ocsp import BASIC_RESPONSE, ResponseStatus
from .lifecycle import State, Status
from .monitor import GuardedKey, permit_ocsp

REQUEST_SIZE: Final = 64 * 1024
REQUEST_COUNT: Final = 100

StatusOf = Callable[[str, bytes], Status | None]


class ResponderName(Enum):
    """How a responder says who it is (RFC 6960 §4.2.2.3)."""

    KEY = "key"  # the SHA-1 of its key
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delegate:
    """A responder's certificate and the key to it (RFC 6960 §4.2.2.2).

    It was issued by the very issuer that is answered for. Raises InvalidArgument unless it has
    the purpose OCSPSigning and no other, and says that its own status is not asked for.
    """

    certificate: Certificate
    signer: Signer
    name: ResponderName = ResponderName.KEY

    def __post_init__(self) -> None:
        certificate = self.certificate
        if certificate.extended_key_usage != (extensions.OCSP_SIGNING,):
            _refuse("delegate", "its certificate is not for OCSP signing alone")
        if not certificate.ocsp_no_check:
            _refuse("delegate", "its certificate does not carry id-pkix-ocsp-nocheck")
        if certificate.public_key != self.signer.public_key:
            _refuse("delegate", "the key is not that of its certificate")


class ServedIssuer:
    """An issuer that is answered for, with the delegates that may do so.

    `issuer` is what the register calls it. Several delegates overlap while one follows another:
    of those valid, the one that began last answers. Raises InvalidArgument for a delegate that
    this issuer did not issue.
    """

    def __init__(
        self, issuer: str, certificate: Certificate, delegates: Sequence[Delegate]
    ) -> None:
        for delegate in delegates:
            if not _is_issued_by(delegate.certificate, certificate):
                _refuse("delegates", "a certificate of another issuer")
        self.issuer = issuer
        self.certificate = certificate
        self._pens = sorted(
            map(_Pen, delegates), key=lambda pen: pen.delegate.certificate.not_before, reverse=True
        )
        # Retained since the beginning (EN 319 411-2 CSS-6.3.10-10).
        cutoff = der.generalized_time(certificate.not_before)
        self.single_extensions = der.explicit(
            1, der.sequence(_extension(extensions.OCSP_ARCHIVE_CUTOFF, cutoff))
        )

    def pen(self, at: datetime) -> _Pen | None:
        """The delegate that answers at that instant."""
        for pen in self._pens:
            if pen.not_before <= at <= pen.not_after:
                return pen
        return None

    def cert_id_heads(self) -> Iterable[bytes]:
        """What stands before the serial number in every CertID that means this issuer."""
        name, key = self.certificate.subject.encoded, self.certificate.public_key.key_octets
        for oid, digest in ((_SHA1, hashlib.sha1), (_SHA256, hashlib.sha256)):
            hashes = der.octet_string(digest(name).digest()) + der.octet_string(
                digest(key).digest()
            )
            for parameters in (der.null(), b""):
                yield der.sequence(der.object_identifier(oid), parameters) + hashes


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspAnswer:
    """An encoded OCSPResponse.

    Until `cacheable_until` the same request may be answered with the same octets; None: it may
    not. `cause` says why there is no answer inside; it is for the log, not for whoever asked.
    """

    encoded: bytes
    status: ResponseStatus = ResponseStatus.SUCCESSFUL
    cacheable_until: datetime | None = None
    cause: EdsError | None = None


class Responder:
    """Answers for one or several issuers.

    An answer that may be kept is good for `validity`.
    """

    def __init__(
        self, issuers: Sequence[ServedIssuer], *, status_of: StatusOf, validity: timedelta
    ) -> None:
        if validity <= timedelta(0):
            raise InvalidArgument(argument="validity", reason="above zero")
        self._issuers = {head: issuer for issuer in issuers for head in issuer.cert_id_heads()}
        self._status_of = status_of
        self._validity = validity
        self._served = tuple(issuers)

    def respond(self, request: bytes, *, at: datetime) -> OcspAnswer:
        """The answer to an encoded OCSPRequest, whatever it is.

        One response is signed by one delegate: that of the first issuer asked about which is
        served here; certificates of all other issuers are unknown to it. Without any delegate
        valid at `at`, or while the register or the key cannot be used, the answer is tryLater.
        """
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        at = at.astimezone(UTC).replace(microsecond=0)
        try:
            asked = read_request(request)
        except DecodeError as error:
            return failure(ResponseStatus.MALFORMED_REQUEST, cause=error)
        found = [self._issuers.get(item.head) for item in asked.items]
        speaker = next((issuer for issuer in found if issuer is not None), None)
        if speaker is None:
            if not self._served:
                return failure(ResponseStatus.UNAUTHORIZED)
            speaker = self._served[0]
        pen = speaker.pen(at)
        if pen is None:
            return failure(ResponseStatus.TRY_LATER)
        try:
            statuses = [
                self._status_of(issuer.issuer, item.serial) if issuer is speaker else None
                for issuer, item in zip(found, asked.items, strict=True)
            ]
            return self._answer(asked, speaker, pen, found, statuses, at)
        except (RegisterUnavailable, KeyStoreError) as error:
            return failure(ResponseStatus.TRY_LATER, cause=error)

    def _answer(
        self,
        asked: OcspRequest,
        speaker: ServedIssuer,
        pen: _Pen,
        found: Sequence[ServedIssuer | None],
        statuses: Sequence[Status | None],
        at: datetime,
    ) -> OcspAnswer:
        now = der.generalized_time(at)
        until = min(at + self._validity, pen.not_after)
        # The next update follows the status that was found; of what was never issued there is
        # none, for it may be issued in the next second.
        known = now + der.explicit(0, der.generalized_time(until)) + speaker.single_extensions
        cacheable = asked.nonce is None
        singles = b""
        for item, issuer, status in zip(asked.items, found, statuses, strict=True):
            if status is not None:
                word, end = _GOOD if status.state is State.VALID else _revoked(status), known
            else:
                cacheable = False
                word, end = _NEVER_ISSUED, now + speaker.single_extensions
                if issuer is not speaker:
                    word, end = _UNKNOWN, now
            singles += der.value(0x30, item.cert_id, word, end)
        tbs = der.value(
            0x30,
            pen.name,
            now,
            der.value(0x30, singles),
            _EXTENSIONS if asked.nonce is None else _with_nonce(asked.nonce),
        )
        return OcspAnswer(encoded=pen.sign(tbs), cacheable_until=until if cacheable else None)


def failure(status: ResponseStatus, *, cause: EdsError | None = None) -> OcspAnswer:
    """A response that is not successful: unsigned, and good for this moment alone."""
    if status is ResponseStatus.SUCCESSFUL:
        raise InvalidArgument(argument="status", reason="an answer is made, not claimed")
    encoded = der.sequence(der.enumerated(status.value))
    return OcspAnswer(encoded=encoded, status=status, cause=cause)


# --- the request --------------------------------------------------------------------------------


class AskedCertificate(NamedTuple):
    """One Request: its CertID as it came, what stands in it before the serial, the serial."""

    cert_id: bytes
    head: bytes
    serial: bytes


class OcspRequest(NamedTuple):
    """What was asked (RFC 6960 §4.1.1)."""

    items: Sequence[AskedCertificate]
    nonce: bytes | None


def read_request(encoded: bytes) -> OcspRequest:
    """Read an OCSPRequest: at most 64 KiB and 100 certificates, a nonce of 1 to 128 octets.

    Its signature, if there is one, is not looked at: nobody is told more for it. Raises
    MalformedDer, LimitExceeded.
    """
    outer = der.decode(encoded, limits=_LIMITS).fields()
    fields = outer.fields()
    if outer.next_tag is not None:
        outer.take(der.context(0)).only_child().expect(der.SEQUENCE)
        outer.finish()
    if fields.next_tag == _CONTEXT_0:
        fields.take(_CONTEXT_0).only_child().expect(der.INTEGER).small(0)
    if fields.next_tag == _CONTEXT_1:
        fields.take(_CONTEXT_1).only_child()
    items = [_read_item(item) for item in fields.take(der.SEQUENCE).children(limits=_LIMITS)]
    if not items:
        raise MalformedDer(reason="nothing is asked", offset=0)
    nonce = None
    if fields.next_tag is not None:
        found = _read_extensions(fields.take(_CONTEXT_2)).get(extensions.OCSP_NONCE)
        fields.finish()
        if found is not None:
            nonce = extensions.read_octet_string(found.octets)
            if not 1 <= len(nonce) <= 128:
                raise MalformedDer(reason="a nonce of 1 to 128 octets is wanted", offset=0)
    return OcspRequest(items, nonce)


def _read_item(element: der.Element) -> AskedCertificate:
    item = element.fields()
    found = item.take(der.SEQUENCE)
    if item.next_tag is not None:
        _read_extensions(item.take(_CONTEXT_0))
        item.finish()
    fields = found.fields()
    algorithm = fields.fields()
    algorithm.object_identifier()
    if algorithm.next_tag is not None:
        algorithm.take()
        algorithm.finish()
    if not len(fields.octets(der.OCTET_STRING)) <= 64 >= len(fields.octets(der.OCTET_STRING)):
        found.fail("a hash of over 64 octets")
    number = fields.take(der.INTEGER)
    fields.finish()
    serial = number.octets
    # Minimal, or another encoding of the same number would hide its certificate.
    if not serial or (len(serial) > 1 and (serial[0], serial[1] >> 7) in _NOT_MINIMAL):
        number.fail("not an INTEGER in DER")
    if len(serial) > 20:
        number.fail("a serial number of over 20 octets")
    return AskedCertificate(found.encoded, found.data[found.content : number.start], serial)


def _read_extensions(wrapped: der.Element) -> dict[str, Extension]:
    found = dict(extensions.read_extensions(wrapped.only_child()))
    for oid, extension in found.items():
        if extension.critical and oid != extensions.OCSP_NONCE:
            wrapped.fail("a critical extension that is not known here")
    return found


# --- inside -------------------------------------------------------------------------------------

_LIMITS: Final = der.Limits(size=REQUEST_SIZE, elements=REQUEST_COUNT)
_CONTEXT_0: Final = der.context(0)
_CONTEXT_1: Final = der.context(1)
_CONTEXT_2: Final = der.context(2)
_NOT_MINIMAL: Final = frozenset({(0x00, 0), (0xFF, 1)})
_SHA1: Final = "1.3.14.3.2.26"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _refuse(argument: str, reason: str) -> NoReturn:
    raise InvalidArgument(argument=argument, reason=reason)


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    key = issuer.public_key
    algorithm = identify(certificate.signature_algorithm, key_type=key.key_type, curve=key.curve)
    return certificate.issuer.encoded == issuer.subject.encoded and key.verify(
        certificate.signature, certificate.tbs_encoded, algorithm=algorithm
    )


def _extension(oid: str, octets: bytes) -> bytes:
    return Extension(oid=oid, critical=False, octets=octets).encoded


def _revoked(status: Status) -> bytes:
    when = der.generalized_time(status.since)
    if status.reason is None or status.reason is RevocationReason.UNSPECIFIED:
        return der.value(0xA1, when)  # as in lists: unspecified is not written
    return der.value(0xA1, when, der.explicit(0, der.enumerated(status.reason.value)))


_GOOD: Final = b"\x80\x00"
_UNKNOWN: Final = b"\x82\x00"
# RFC 6960 §2.2: on hold since 1970, and the extension that says what is meant by it.
_NEVER_ISSUED: Final = _revoked(
    Status(state=State.ON_HOLD, since=_EPOCH, reason=RevocationReason.CERTIFICATE_HOLD)
)
_EXTENDED_REVOKE: Final = _extension(extensions.OCSP_EXTENDED_REVOKE, der.null())
_EXTENSIONS: Final = der.explicit(1, der.sequence(_EXTENDED_REVOKE))
_NONCE: Final = der.object_identifier(extensions.OCSP_NONCE)
_BASIC: Final = der.object_identifier(BASIC_RESPONSE)


def _with_nonce(nonce: bytes) -> bytes:
    echo = der.value(0x30, _NONCE, der.octet_string(der.octet_string(nonce)))
    return der.value(0xA1, der.value(0x30, echo, _EXTENDED_REVOKE))


class _Pen:
    """A delegate, and what all its answers share."""

    __slots__ = ("_end", "_sign", "delegate", "name", "not_after", "not_before")

    def __init__(self, delegate: Delegate) -> None:
        certificate = delegate.certificate
        self.delegate = delegate
        self.not_before = certificate.not_before
        self.not_after = certificate.not_after
        self.name = (
            der.explicit(1, certificate.subject.encoded)
            if delegate.name is ResponderName.SUBJECT
            else der.explicit(2, der.octet_string(certificate.public_key.key_identifier))
        )
        algorithm: SignatureAlgorithm = delegate.signer.algorithm
        self._end = (
            algorithm.identifier,
            der.explicit(0, der.sequence(certificate.encoded)),
        )
        self._sign = delegate.signer.sign

    def sign(self, tbs: bytes) -> bytes:
        """The encoded OCSPResponse around this ResponseData. Raises MonitorRefused."""
        permit_ocsp(tbs, issuer_kind=GuardedKey.OCSP_RESPONDER)
        algorithm, certificates = self._end
        signature = der.value(0x03, b"\x00", self._sign(tbs))
        basic = der.value(0x04, der.value(0x30, tbs, algorithm, signature, certificates))
        return der.value(0x30, b"\x0a\x01\x00", der.value(0xA0, der.value(0x30, _BASIC, basic)))
