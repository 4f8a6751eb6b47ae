"""A time-stamping authority: RFC 3161 tokens with ESSCertIDv2 (RFC 5816), EN 319 422.

Pure: a request, a reading of the clock and a key give a response. A clock that is in doubt
gives a refusal, never a token; the reading is an argument, and says itself how sure it is.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from .. import der
from ..algorithms import SHA256, SHA384, SHA512, STREEBOG256, STREEBOG512, DigestAlgorithm
from ..certificates import Certificate
from ..errors import DecodeError, InvalidArgument, NaiveDatetime
from ..extensions import TIME_STAMPING
from ..keys.contract import Signer
from ..timestamps import PkiFailure, read_message_imprint
from .monitor import GuardedKey, permit_time_stamp

_REQUEST_LIMITS: Final = der.Limits(size=16 * 1024, elements=64)
_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """What the clock said: `at` (aware), off by at most `uncertainty`.

    `in_doubt` says why it must not be relied on: lost its sources, stepped, drifts.
    """

    at: datetime
    uncertainty: timedelta
    in_doubt: str | None = None

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise NaiveDatetime(argument="at")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampRules:
    """What an authority promises. `policy` is its default; `accuracy` is in whole milliseconds.

    `ordering` true says that tokens of this authority are ordered by their times alone
    (RFC 3161 §2.4.2); EN 319 422 §5.2.2 leaves it out.
    """

    policy: str
    other_policies: frozenset[str] = frozenset()
    accuracy: timedelta = timedelta(seconds=1)
    ordering: bool = False
    imprints: frozenset[DigestAlgorithm] = frozenset(
        {SHA256, SHA384, SHA512, STREEBOG256, STREEBOG512}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampAnswer:
    """The encoded TimeStampResp; `serial_number` of the token, `failure` when refused."""

    encoded: bytes = field(repr=False)
    serial_number: int | None = None
    failure: PkiFailure | None = None


class _Request(NamedTuple):
    imprint: bytes  # the encoded MessageImprint
    policy: bytes  # encoded
    nonce: bytes  # encoded, or empty
    wants_certificate: bool


class _Refused(Exception):
    def __init__(self, failure: PkiFailure, text: str) -> None:
        self.failure = failure
        self.text = text


class TimeStampingAuthority:
    """One time-stamping unit: its key, its certificate, its rules.

    `node` is the first octet of its serial numbers, 1 to 127. `chain` is what may be added to a
    token beside the certificate. Raises InvalidArgument when the certificate is not of this key
    or not for time-stamping alone (RFC 3161 §2.3).
    """

    def __init__(
        self,
        *,
        certificate: Certificate,
        signer: Signer,
        rules: TimeStampRules,
        node: int,
        chain: tuple[Certificate, ...] = (),
    ) -> None:
        if certificate.public_key != signer.public_key:
            raise InvalidArgument(argument="signer", reason="not the key of this certificate")
        if certificate.extended_key_usage != (TIME_STAMPING,):
            raise InvalidArgument(argument="certificate", reason="not for time-stamping alone")
        if not 1 <= node <= 127:
            raise InvalidArgument(argument="node", reason="from 1 to 127")
        self.certificate = certificate
        self._signer = signer
        self._rules = rules
        self._node = node
        self._prepare(certificate, signer, rules, chain)

    def _prepare(
        self,
        certificate: Certificate,
        signer: Signer,
        rules: TimeStampRules,
        chain: tuple[Certificate, ...],
    ) -> None:
        """Encode once all that every token repeats."""
        digest = signer.algorithm.cms_digest
        digest_identifier = digest.identifier
        issuer, serial = certificate.issuer.encoded, certificate.serial_number_octets
        self._digest = digest.digest
        self._head = der.integer(3) + der.set_of(digest_identifier)
        self._certificates = der.value(
            der.context(0), *sorted(each.encoded for each in (certificate, *chain))
        )
        self._signer_id = (
            der.integer(1)
            + der.sequence(issuer, der.value(der.INTEGER, serial))
            + digest_identifier
        )
        self._signature_algorithm = signer.algorithm.identifier
        # SHA-256 is the DEFAULT of ESSCertIDv2.hashAlgorithm, and so is not written.
        issuer_serial = der.sequence(
            der.sequence(der.value(der.context(4), issuer)), der.value(der.INTEGER, serial)
        )
        certificate_id = der.sequence(der.octet_string(certificate.fingerprint), issuer_serial)
        # The digest stands at one place: no two attributes are alike up to where it begins.
        mark = bytes(digest.size)
        self._before_digest, self._after_digest = _around(
            mark,
            _attribute(_CONTENT_TYPE, der.object_identifier(_TST_INFO)),
            _attribute(_SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(certificate_id))),
            _attribute(_MESSAGE_DIGEST, der.octet_string(mark)),
        )
        seconds, rest = divmod(rules.accuracy, timedelta(seconds=1))
        millis = rest // timedelta(milliseconds=1)
        accuracy = der.sequence(
            der.integer(seconds) if seconds else b"",
            der.implicit(0, der.integer(millis)) if millis else b"",
        )
        self._tail = accuracy + (_TRUE if rules.ordering else b"")
        policies = (rules.policy, *rules.other_policies)
        self._policies = {der.object_identifier(each) for each in policies}
        self._policy = der.object_identifier(rules.policy)
        self._sizes = {each.oid: each.size for each in rules.imprints}

    # -- answering

    def respond(self, request: bytes, *, clock: ClockReading) -> TimeStampAnswer:
        """The answer to one TimeStampReq (RFC 3161 §2.4). Nothing in the bytes can raise."""
        try:
            asked = self._read(request)
            self._require_clock(clock)
        except _Refused as refused:
            return TimeStampAnswer(
                encoded=_refusal(refused.failure, refused.text), failure=refused.failure
            )
        # 19 octets: the unit's number and 144 random bits; no counter that a backup could lower.
        serial = bytes((self._node,)) + secrets.token_bytes(18)
        token = self._token(asked, serial, clock.at)
        return TimeStampAnswer(
            encoded=_wrap(0x30, _GRANTED + token), serial_number=int.from_bytes(serial, "big")
        )

    def _require_clock(self, clock: ClockReading) -> None:
        if clock.in_doubt is not None:
            raise _Refused(PkiFailure.TIME_NOT_AVAILABLE, "the clock is in doubt")
        if clock.uncertainty > self._rules.accuracy:
            raise _Refused(PkiFailure.TIME_NOT_AVAILABLE, "the clock is less sure than promised")
        certificate = self.certificate
        if not certificate.in_validity_period(at=clock.at):
            raise _Refused(PkiFailure.TIME_NOT_AVAILABLE, "outside the certificate's validity")

    def _token(self, asked: _Request, serial: bytes, at: datetime) -> bytes:
        info = _wrap(
            0x30,
            _VERSION_1,
            asked.policy,
            asked.imprint,
            _head(der.INTEGER, len(serial)),
            serial,
            der.generalized_time_with_fraction(at),
            self._tail,
            asked.nonce,
        )
        attributes = self._before_digest + self._digest(info) + self._after_digest
        permit_time_stamp(attributes, issuer_kind=GuardedKey.TIME_STAMPING)
        signature = self._signer.sign(attributes)
        signer_info = _wrap(
            0x30,
            self._signer_id,
            b"\xa0",
            attributes[1:],
            self._signature_algorithm,
            _head(0x04, len(signature)),
            signature,
        )
        return _wrap(
            0x30,
            _SIGNED_DATA_TYPE,
            _wrap(
                0xA0,
                _wrap(
                    0x30,
                    self._head,
                    _wrap(0x30, _TST_INFO_TYPE, _wrap(0xA0, _head(0x04, len(info)), info)),
                    self._certificates if asked.wants_certificate else b"",
                    _head(0x31, len(signer_info)),
                    signer_info,
                ),
            ),
        )

    # -- reading

    def _read(self, request: bytes) -> _Request:
        try:
            return self._fields(request)
        except DecodeError as error:
            raise _Refused(PkiFailure.BAD_DATA_FORMAT, "not a time-stamp request") from error

    def _fields(self, request: bytes) -> _Request:
        fields = der.decode(request, limits=_REQUEST_LIMITS).fields()
        if fields.encoded(der.INTEGER) != _VERSION_1:
            raise _Refused(PkiFailure.BAD_REQUEST, "version 1 is wanted")
        imprint = fields.take(der.SEQUENCE)
        self._require_imprint(imprint)
        policy = fields.optional(der.OBJECT_IDENTIFIER)
        nonce = fields.optional(der.INTEGER)
        if nonce is not None:
            nonce.integer()
        wants = fields.optional(der.BOOLEAN)
        extensions = fields.optional(der.context(0))
        fields.finish()
        if extensions is not None:
            raise _Refused(PkiFailure.UNACCEPTED_EXTENSION, "no extension is known here")
        wanted = self._policy if policy is None else policy.encoded
        if wanted not in self._policies:
            if policy is not None:
                policy.object_identifier()
            raise _Refused(PkiFailure.UNACCEPTED_POLICY, "not a policy of this authority")
        return _Request(
            imprint=imprint.encoded,
            policy=wanted,
            nonce=b"" if nonce is None else nonce.encoded,
            wants_certificate=wants is not None and wants.boolean(),
        )

    def _require_imprint(self, imprint: der.Element) -> None:
        oid, digest = read_message_imprint(imprint)
        size = self._sizes.get(oid)
        if size is None:
            raise _Refused(PkiFailure.BAD_ALGORITHM, "not a digest that is stamped here")
        if len(digest) != size:
            raise _Refused(PkiFailure.BAD_DATA_FORMAT, "an imprint of another length")


_TRUE: Final = b"\x01\x01\xff"
_GRANTED: Final = der.sequence(der.integer(0))
_VERSION_1: Final = der.integer(1)
_TST_INFO_TYPE: Final = der.object_identifier(_TST_INFO)
_SIGNED_DATA_TYPE: Final = der.object_identifier(_SIGNED_DATA)


def _refusal(failure: PkiFailure, text: str) -> bytes:
    """A TimeStampResp of status rejection (RFC 3161 §2.4.2)."""
    return der.sequence(
        der.sequence(
            der.integer(2),
            der.sequence(der.utf8_string(text)),
            der.named_bits(frozenset({failure.value})),
        )
    )


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), der.value(der.SET, value))


def _around(mark: bytes, *attributes: bytes) -> tuple[bytes, bytes]:
    """What stands before and after `mark` in the SET of these attributes."""
    before, found, after = der.set_of(*attributes).partition(mark)
    if not found or mark in after:
        raise InvalidArgument(argument="certificate", reason="no place for the digest")
    return before, after


_head: Final = lru_cache(maxsize=4096)(der.head)  # of the same few lengths again and again


def _wrap(tag: int, *parts: bytes) -> bytes:
    """As der.value."""
    content = b"".join(parts)
    return _head(tag, len(content)) + content
