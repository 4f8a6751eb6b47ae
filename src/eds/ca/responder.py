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
from functools import lru_cache
from typing import Final, NamedTuple, NoReturn

from .. import der, extensions
from ..algorithms import SignatureAlgorithm, identify
from ..certificates import Certificate
from ..errors import (
    DecodeError,
    EdsError,
    InvalidArgument,
    KeyStoreError,
    LimitExceeded,
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

    @property
    def delegates(self) -> tuple[Delegate, ...]:
        """Who may answer, the youngest first."""
        return tuple(pen.delegate for pen in self._pens)

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


class OcspAnswer(NamedTuple):
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
        self._moment: _Moment | None = None

    def respond(self, request: bytes, *, at: datetime) -> OcspAnswer:
        """The answer to an encoded OCSPRequest, whatever it is.

        One response is signed by one delegate: that of the first issuer asked about which is
        served here; certificates of all other issuers are unknown to it. Without any delegate
        valid at `at`, or while the register or the key cannot be used, the answer is tryLater.
        """
        try:
            asked = read_request(request)
        except DecodeError as error:
            return failure(ResponseStatus.MALFORMED_REQUEST, cause=error)
        return self.answer(asked, at=at)

    def answer(
        self, asked: OcspRequest, *, at: datetime, status_of: StatusOf | None = None
    ) -> OcspAnswer:
        """The answer to a request that was read. `status_of` is what was read of the register
        beforehand for this answer; without it the responder looks itself.
        """
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        at = (at if at.tzinfo is UTC else at.astimezone(UTC)).replace(microsecond=0)
        speaker = self._speaker(asked)
        if speaker is None:
            return failure(ResponseStatus.UNAUTHORIZED)
        moment = self._moment
        if moment is None or moment.at != at or moment.speaker is not speaker:
            pen = speaker.pen(at)
            if pen is None:
                return failure(ResponseStatus.TRY_LATER)
            moment = self._moment = _Moment.of(speaker, pen, at, self._validity)
        try:
            return self._answer(asked, moment, status_of or self._status_of)
        except (RegisterUnavailable, KeyStoreError) as error:
            return failure(ResponseStatus.TRY_LATER, cause=error)

    def _speaker(self, asked: OcspRequest) -> ServedIssuer | None:
        for item in asked.items:
            issuer = self._issuers.get(item.head)
            if issuer is not None:
                return issuer
        return self._served[0] if self._served else None

    def _answer(self, asked: OcspRequest, moment: _Moment, status_of: StatusOf) -> OcspAnswer:
        nonce, cacheable = asked.nonce, asked.nonce is None
        speaker = moment.speaker
        singles = b""
        for item in asked.items:
            if self._issuers.get(item.head) is not speaker:
                end, cacheable = moment.unknown, False
            elif (status := status_of(speaker.issuer, item.serial)) is None:
                end, cacheable = moment.never_issued, False
            elif status.state is State.VALID:
                end = moment.good
            else:
                end = _revoked(status) + moment.known
            single = item.cert_id + end
            singles += _head(0x30, len(single)) + single
        data = b"".join(
            (
                moment.head,
                _head(0x30, len(singles)),
                singles,
                _EXTENSIONS if nonce is None else _before_nonce(len(nonce)),
                b"" if nonce is None else nonce + _EXTENDED_REVOKE,
            )
        )
        tbs = _head(0x30, len(data)) + data
        return OcspAnswer(
            encoded=moment.pen.sign(tbs), cacheable_until=moment.until if cacheable else None
        )


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
    if len(encoded) > REQUEST_SIZE:
        raise LimitExceeded(limit="octets of input", allowed=REQUEST_SIZE, found=len(encoded))
    outer, end = _open(encoded, 0, len(encoded), 0x30)
    if end != len(encoded):
        _fail("octets after the value", end)
    position, stop = _open(encoded, outer, end, 0x30)
    if stop != end:
        _, after = _open(encoded, stop, end, 0xA0)  # the signature
        if after != end:
            _unexpected(after)
    if position < stop and encoded[position] == 0xA0:
        version, position = _open(encoded, position, stop, 0xA0)
        if encoded[version:position] != b"\x02\x01\x00":
            _fail("not version 1", version)
    if position < stop and encoded[position] == 0xA1:
        name, position = _open(encoded, position, stop, 0xA1)
        if der.header(encoded, name, position)[2] != position:
            _unexpected(name)
    item, position = _open(encoded, position, stop, 0x30)
    items: list[AskedCertificate] = []
    while item < position:
        if len(items) == REQUEST_COUNT:
            raise LimitExceeded(
                limit="certificates", allowed=REQUEST_COUNT, found=REQUEST_COUNT + 1
            )
        inner, item = _open(encoded, item, position, 0x30)
        items.append(_read_item(encoded, inner, item))
    if not items:
        _fail("nothing is asked", position)
    nonce = None
    if position != stop:
        found, position = _open(encoded, position, stop, 0xA2)
        if position != stop:
            _unexpected(position)
        nonce = _read_extensions(encoded, found, position)
    return OcspRequest(items, nonce)


def _read_item(data: bytes, position: int, end: int) -> AskedCertificate:
    """The Request whose content lies between these offsets."""
    first, stop = _open(data, position, end, 0x30)
    if stop != end:
        found, after = _open(data, stop, end, 0xA0)
        if after != end:
            _unexpected(after)
        _read_extensions(data, found, after)
    _, number = _open(data, first, stop, 0x30)
    _, number = _open(data, number, stop, 0x04)
    _, number = _open(data, number, stop, 0x04)
    head = data[first:number]
    _check_head(head)
    begin, last = _open(data, number, stop, 0x02)
    if last != stop:
        _unexpected(last)
    serial = data[begin:last]
    # Minimal, or another encoding of the same number would hide its certificate.
    if not serial or (len(serial) > 1 and (serial[0], serial[1] >> 7) in _NOT_MINIMAL):
        _fail("not an INTEGER in DER", number)
    if len(serial) > 20:
        _fail("a serial number of over 20 octets", number)
    return AskedCertificate(data[position:stop], head, serial)


@lru_cache(maxsize=1024)
def _check_head(head: bytes) -> None:
    """Algorithm and hashes of a CertID. Raises MalformedDer."""
    inside = der.decode(der.sequence(head)).fields()
    algorithm = inside.fields()
    algorithm.object_identifier()
    if algorithm.next_tag is not None:
        algorithm.take()
        algorithm.finish()
    for _ in range(2):
        if len(inside.octets(der.OCTET_STRING)) > 64:
            _fail("a hash of over 64 octets", 0)


def _read_extensions(data: bytes, position: int, end: int) -> bytes | None:
    """The nonce among the extensions inside that tag, if there is one."""
    nonce = None
    position, stop = _open(data, position, end, 0x30)
    if stop != end:
        _unexpected(stop)
    if position == stop:
        _fail("no extension at all", position)
    seen: set[bytes] = set()
    while position < stop:
        field, position = _open(data, position, stop, 0x30)
        begin, field = _open(data, field, position, 0x06)
        oid = data[begin:field]
        if oid in seen:
            _fail("an extension twice", begin)
        seen.add(oid)
        critical = field < position and data[field] == 0x01
        if critical:
            begin, field = _open(data, field, position, 0x01)
            if data[begin:field] != b"\xff":
                _fail("a BOOLEAN that is FALSE by default, or neither", begin)
        begin, field = _open(data, field, position, 0x04)
        if field != position:
            _unexpected(field)
        if oid == _NONCE_OID:
            first, last = _open(data, begin, field, 0x04)
            if last != field:
                _unexpected(last)
            nonce = data[first:last]
            if not 1 <= len(nonce) <= 128:
                _fail("a nonce of 1 to 128 octets is wanted", first)
        else:
            der.decode(der.value(0x06, oid)).object_identifier()
            if critical:
                _fail("a critical extension that is not known here", begin)
    return nonce


def _open(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the value at `position` begins and ends. Raises MalformedDer."""
    content = position + 2
    if content <= end and data[position] == tag:
        length = data[position + 1]
        if length < 0x80 and (stop := content + length) <= end:
            return content, stop
    found, content, stop = der.header(data, position, end)
    if found != tag:
        _fail(f"expected {der.tag_name(tag)}, found {der.tag_name(found)}", position)
    return content, stop


def _unexpected(position: int) -> NoReturn:
    _fail("an unexpected field follows", position)


def _fail(reason: str, offset: int) -> NoReturn:
    raise MalformedDer(reason=reason, offset=offset)


# --- inside -------------------------------------------------------------------------------------

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
_NONCE_OID: Final = _NONCE[2:]
_BASIC: Final = der.object_identifier(BASIC_RESPONSE)


# The same few lengths come again and again: what stands before a content of one is put together
# once.
_head: Final = lru_cache(maxsize=4096)(der.head)


@lru_cache(maxsize=128)
def _before_nonce(length: int) -> bytes:
    """What stands before a nonce of that length in the extensions; after it, what we extend."""
    echo = der.sequence(_NONCE, der.octet_string(der.octet_string(bytes(length))))
    return der.explicit(1, der.sequence(echo, _EXTENDED_REVOKE))[: -length - len(_EXTENDED_REVOKE)]


@lru_cache(maxsize=4096)
def _before_basic(length: int) -> bytes:
    """What stands before the content of a BasicOCSPResponse in a successful OCSPResponse."""
    basic = der.sequence(bytes(length))
    response = der.sequence(_BASIC, der.octet_string(basic))
    status = der.enumerated(ResponseStatus.SUCCESSFUL.value)
    return der.sequence(status, der.explicit(0, response))[:-length]


class _Pen:
    """A delegate, and what all its answers share."""

    __slots__ = (
        "_algorithm", "_certificates", "_sign", "delegate", "name", "not_after", "not_before",
    )  # fmt: skip

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
        self._algorithm = algorithm.identifier
        self._certificates = der.explicit(0, der.sequence(certificate.encoded))
        self._sign = delegate.signer.sign

    def sign(self, tbs: bytes) -> bytes:
        """The encoded OCSPResponse around this ResponseData. Raises MonitorRefused."""
        permit_ocsp(tbs, issuer_kind=GuardedKey.OCSP_RESPONDER)
        signature = self._sign(tbs)
        bits = _head(0x03, len(signature) + 1) + b"\x00"
        content = b"".join((tbs, self._algorithm, bits, signature, self._certificates))
        return _before_basic(len(content)) + content


class _Moment(NamedTuple):
    """What all answers of one delegate share within one second."""

    at: datetime
    speaker: ServedIssuer
    pen: _Pen
    until: datetime
    head: bytes  # who answers, and when
    known: bytes  # what follows the status of a certificate that was issued
    good: bytes
    never_issued: bytes
    unknown: bytes

    @classmethod
    def of(cls, speaker: ServedIssuer, pen: _Pen, at: datetime, validity: timedelta) -> _Moment:
        now = der.generalized_time(at)
        until = min(at + validity, pen.not_after)
        known = now + der.explicit(0, der.generalized_time(until)) + speaker.single_extensions
        return cls(
            at=at,
            speaker=speaker,
            pen=pen,
            until=until,
            head=pen.name + now,
            known=known,
            good=_GOOD + known,
            # No next update: it may be issued in the next second.
            never_issued=_NEVER_ISSUED + now + speaker.single_extensions,
            unknown=_UNKNOWN + now,
        )
