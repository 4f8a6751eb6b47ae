"""Time-stamp tokens and responses (RFC 3161) as frozen values over their bytes.

Reading only; whoever verifies takes the SignedData from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, Self

from eds import der, extensions
from eds.algorithms import DigestAlgorithm, digest_by_oid
from eds.errors import MalformedTimeStampToken
from eds.extensions import Extension, GeneralName
from eds.formats import Format
from eds.signeddata import TST_INFO, SignedData
from eds.tolerances import NEGATIVE_TIME_STAMP_NUMBER, Tolerance
from eds.values import Encoded, read_once

_NO_EXTENSIONS: Final[Mapping[str, Extension]] = MappingProxyType({})
_LIMITS: Final = der.Limits(size=256 * 1024, elements=1024)


class PkiStatus(Enum):
    """PKIStatus (RFC 3161 §2.4.2)."""

    GRANTED = 0
    GRANTED_WITH_MODS = 1
    REJECTION = 2
    WAITING = 3
    REVOCATION_WARNING = 4
    REVOCATION_NOTIFICATION = 5


class PkiFailure(Enum):
    """The bits of PKIFailureInfo (RFC 3161 §2.4.2)."""

    BAD_ALGORITHM = 0
    BAD_REQUEST = 2
    BAD_DATA_FORMAT = 5
    TIME_NOT_AVAILABLE = 14
    UNACCEPTED_POLICY = 15
    UNACCEPTED_EXTENSION = 16
    ADD_INFO_NOT_AVAILABLE = 17
    SYSTEM_FAILURE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TstInfo:
    """What the authority says (RFC 3161 §2.4.2).

    `serial_number` and `nonce` may be negative: some authorities write them so. `gen_time` is
    aware, UTC, to the microsecond; digits beyond are dropped.
    """

    policy: str
    imprint_oid: str
    imprint: bytes
    serial_number: int
    gen_time: datetime
    accuracy: timedelta | None = None
    ordering: bool = False
    nonce: int | None = None
    tsa: GeneralName | None = None
    extensions: Mapping[str, Extension] = field(
        default_factory=lambda: _NO_EXTENSIONS, repr=False, hash=False
    )

    @property
    def imprint_algorithm(self) -> DigestAlgorithm:
        """The digest of the imprint. Raises UnknownAlgorithm."""
        return digest_by_oid(self.imprint_oid)


class TimeStampToken(Encoded):
    """One TimeStampToken: a ContentInfo with SignedData over TSTInfo, DER, at most 256 KiB.

    Raises MalformedTimeStampToken when the bytes are not that.
    """

    malformed = MalformedTimeStampToken
    format = Format.TIME_STAMP_TOKEN
    size_limit = 256 * 1024

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        _ = self.tst_info

    @classmethod
    def load(cls, data: bytes) -> Self:
        """The token in `data`: a token, or a response that grants one.

        DER, PEM or base64. Raises MalformedTimeStampToken, also for a response without a token.
        """
        if data[:1] != b"\x30":
            responses = TimeStampResponse.load_all(data)
            if responses:
                data = responses[0].encoded
            else:
                return super().load(data)
        if _is_response(data):
            token = TimeStampResponse(data).token
            if token is None:
                raise MalformedTimeStampToken(reason="a response without a token")
            return cls(token.encoded)
        return cls(data)

    @read_once
    def signed_data(self) -> SignedData:
        """The SignedData that it is, for whoever verifies: some authorities write it as BER."""
        found = SignedData(self.encoded)
        if found.content_type != TST_INFO or found.content is None:
            raise MalformedTimeStampToken(reason="SignedData over something else than TSTInfo")
        return found

    @property
    def tst_info_encoded(self) -> bytes:
        """The octets that are signed: the encoded TSTInfo."""
        return self.signed_data.content or b""

    @read_once
    def tst_info(self) -> TstInfo:
        """What the authority says."""
        fields = der.decode(self.tst_info_encoded, limits=_LIMITS).fields()
        version = fields.take(der.INTEGER)
        if version.small(127) != 1:
            version.fail("a version other than 1")
        policy = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        imprint_oid, imprint = read_message_imprint(fields.take(der.SEQUENCE))
        serial_number = fields.take(der.INTEGER).integer(limits=extensions.SERIAL_LIMITS)
        gen_time = fields.take(der.GENERALIZED_TIME).time_with_fraction()
        accuracy = fields.optional(der.SEQUENCE)
        ordering = fields.optional(der.BOOLEAN)
        nonce = fields.optional(der.INTEGER)
        tsa = fields.optional(der.context(0))
        found = fields.optional(der.context(1))
        fields.finish()
        return TstInfo(
            policy=policy,
            imprint_oid=imprint_oid,
            imprint=imprint,
            serial_number=serial_number,
            gen_time=gen_time,
            accuracy=None if accuracy is None else _read_accuracy(accuracy),
            ordering=ordering is not None and ordering.boolean(),
            nonce=None if nonce is None else nonce.integer(limits=extensions.SERIAL_LIMITS),
            tsa=None if tsa is None else extensions.read_general_name(tsa.only_child()),
            extensions=_NO_EXTENSIONS if found is None else extensions.read_extension_list(found),
        )

    @read_once
    def tolerances(self) -> frozenset[Tolerance]:
        """The named departures that reading what the authority says made use of."""
        info = self.tst_info
        negative = info.serial_number < 0 or (info.nonce is not None and info.nonce < 0)
        used = frozenset({NEGATIVE_TIME_STAMP_NUMBER} if negative else ())
        return used | self.signed_data.tolerances


class TimeStampResponse(Encoded):
    """One TimeStampResp (RFC 3161 §2.4.2): a status and, where granted, a token."""

    malformed = MalformedTimeStampToken
    format = Format.TIME_STAMP_RESPONSE
    size_limit = 256 * 1024

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        _ = self.token

    @read_once
    def _fields(self) -> tuple[der.Element, der.Element | None]:
        fields = der.decode(self.encoded, limits=_LIMITS).fields()
        status = fields.take(der.SEQUENCE)
        token = fields.optional(der.SEQUENCE)
        fields.finish()
        return status, token

    @read_once
    def _status(self) -> tuple[PkiStatus, tuple[str, ...], frozenset[PkiFailure]]:
        fields = self._fields[0].fields()
        number = fields.take(der.INTEGER)
        texts = fields.optional(der.SEQUENCE)
        failure = fields.optional(der.BIT_STRING)
        fields.finish()
        try:
            return (
                PkiStatus(number.small(127)),
                ()
                if texts is None
                else tuple(
                    text.expect(der.UTF8_STRING).text() for text in texts.children(limits=_LIMITS)
                ),
                frozenset()
                if failure is None
                else frozenset(PkiFailure(bit) for bit in failure.named_bits()),
            )
        except ValueError:
            number.fail("a status or failure that does not exist")

    @property
    def status(self) -> PkiStatus:
        """Whether the token was granted."""
        return self._status[0]

    @property
    def status_texts(self) -> tuple[str, ...]:
        """What the authority says to people."""
        return self._status[1]

    @property
    def failures(self) -> frozenset[PkiFailure]:
        """Why it was not granted."""
        return self._status[2]

    @read_once
    def token(self) -> TimeStampToken | None:
        """The token; None where the status grants none."""
        granted = self.status in {PkiStatus.GRANTED, PkiStatus.GRANTED_WITH_MODS}
        found = self._fields[1]
        if granted is not (found is not None):
            raise MalformedTimeStampToken(reason="status and token do not go together")
        return None if found is None else TimeStampToken(found.encoded)


def read_message_imprint(element: der.Element) -> tuple[str, bytes]:
    """(OID of the digest, digest) of a MessageImprint. Raises MalformedDer."""
    fields = element.fields()
    algorithm = fields.fields()
    oid = algorithm.object_identifier()
    if algorithm.next_tag is not None:
        algorithm.take()
    algorithm.finish()
    imprint = fields.octets(der.OCTET_STRING)
    fields.finish()
    return oid, imprint


def _read_accuracy(element: der.Element) -> timedelta:
    fields = element.fields()
    seconds = fields.optional(der.INTEGER)
    milliseconds = fields.optional(der.context(0, constructed=False))
    microseconds = fields.optional(der.context(1, constructed=False))
    fields.finish()
    return timedelta(
        seconds=0 if seconds is None else seconds.small(1_000_000_000),
        milliseconds=0 if milliseconds is None else milliseconds.small(999),
        microseconds=0 if microseconds is None else microseconds.small(999),
    )


def _is_response(data: bytes) -> bool:
    """Whether `data` begins as a TimeStampResp does: a SEQUENCE in the SEQUENCE."""
    start = 2 + (data[1] & 0x7F) if len(data) > 1 and data[1] >= 0x80 else 2
    return data[start : start + 1] == b"\x30"
