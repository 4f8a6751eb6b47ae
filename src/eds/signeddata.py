"""CMS SignedData (RFC 5652 §5) as a frozen value over its bytes.

One strict walk over plain offsets reads what a verifier needs (docs/adr/0003); whatever is BER
takes the slower road of `eds.ber` first. Every part is a slice: signed attributes are hashed, and
signers, certificates and lists handed on, as they stand and never encoded again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from eds import ber, der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import DecodeError, LimitExceeded, MalformedDer, MalformedSignedData
from eds.extensions import SERIAL_LIMITS
from eds.formats import Format
from eds.names import Name
from eds.ocsp import OcspResponse
from eds.tolerances import Tolerance
from eds.values import Encoded, read_once

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"

OCSP_RESPONSE: Final = "1.3.6.1.5.5.7.16.2"  # OtherRevocationInfoFormat of RFC 5940
BASIC_OCSP_RESPONSE: Final = "1.3.6.1.5.5.7.48.1.1"  # what CAdES implementations write there

_LIMITS: Final = der.Limits(elements=1000)
_CONTENT_INFO: Final = der.object_identifier(SIGNED_DATA)
_ZERO: Final = der.context(0)
_ONE: Final = der.context(1)
_USUAL_HEAD: Final = _CONTENT_INFO + bytes((_ZERO, 0x82))
_KEY_IDENTIFIER: Final = der.context(0, constructed=False)
_OTHER: Final = der.context(1)


class Attribute(NamedTuple):
    """One Attribute (RFC 5652 §5.3): a type and a set of values; a place in `data`."""

    oid: str
    data: bytes
    start: int
    content: int  # of the set
    end: int

    @property
    def encoded(self) -> bytes:
        """The whole Attribute."""
        return self.data[self.start : self.end]

    @property
    def octets(self) -> bytes:
        """The values, one encoding after the other."""
        return self.data[self.content : self.end]

    @property
    def values(self) -> tuple[der.Element, ...]:
        """The values, in the order they stand. Raises MalformedDer, LimitExceeded."""
        inside = der.Element(self.data, der.SET, self.start, self.content, self.end)
        return inside.children(limits=_LIMITS)

    def value(self) -> der.Element:
        """The one value. Raises MalformedDer where there is none or more than one."""
        data, start, end = self.data, self.content, self.end
        tag, content, stop = der.header(data, start, end)
        if stop != end:
            raise MalformedDer(reason=f"attribute {self.oid} with several values", offset=stop)
        return _new(der.Element, (data, tag, start, content, stop))


class _Info(NamedTuple):
    """Where the fields of a SignerInfo stand: offsets of contents and ends, in its octets."""

    version: int
    start: int  # of the version
    sid: der.Element
    digest_algorithm: bytes
    signed: tuple[int, int, int] | None  # start, content, end
    signature_algorithm: bytes
    signature: bytes
    unsigned: tuple[int, int, int] | None


class SignerInfo(Encoded):
    """One SignerInfo (RFC 5652 §5.3), at most 16 MiB. Raises MalformedSignedData."""

    malformed = MalformedSignedData
    size_limit = 16 * 1024 * 1024

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        try:
            self.__dict__["_info"] = self._read()
        except DecodeError as error:
            raise MalformedSignedData(reason=str(error)) from error

    _info: _Info

    def _read(self) -> _Info:
        data = self.encoded
        position, end = _take(data, 0, len(data), der.SEQUENCE)
        if end != len(data):
            raise MalformedDer(reason="octets after the value", offset=end)
        start = position
        content, stop = _take(data, position, end, der.INTEGER)
        version = _version(data, content, stop)
        tag, content, position = der.header(data, stop, end)
        if tag not in (der.SEQUENCE, _KEY_IDENTIFIER):
            raise MalformedDer(reason="no SignerIdentifier", offset=stop)
        sid = der.Element(data, tag, stop, content, position)
        content, stop = _take(data, position, end, der.SEQUENCE)
        digest_algorithm = data[position:stop]
        position = stop
        signed = unsigned = None
        if position < end and data[position] == _ZERO:
            content, stop = _take(data, position, end, _ZERO)
            signed = position, content, stop
            position = stop
        content, stop = _take(data, position, end, der.SEQUENCE)
        signature_algorithm = data[position:stop]
        content, stop = _take(data, stop, end, der.OCTET_STRING)
        signature = data[content:stop]
        if stop != end:
            content, last = _take(data, stop, end, _ONE)
            unsigned = stop, content, last
            stop = last
        if stop != end:
            raise MalformedDer(reason="an unexpected field follows", offset=stop)
        return _new(
            _Info,
            (
                version,
                start,
                sid,
                digest_algorithm,
                signed,
                signature_algorithm,
                signature,
                unsigned,
            ),
        )

    @property
    def version(self) -> int:
        """1 where the signer is named by issuer and serial number, else 3."""
        return self._info.version

    @property
    def sid(self) -> der.Element:
        """The SignerIdentifier: IssuerAndSerialNumber, or [0] with a subject key identifier."""
        return self._info.sid

    @read_once
    def issuer_and_serial_number(self) -> tuple[Name, int] | None:
        """How the signer's certificate is named; None: by its key identifier."""
        if self._info.sid.tag != der.SEQUENCE:
            return None
        fields = self._info.sid.fields()
        issuer = Name(fields.encoded(der.SEQUENCE))
        serial_number = fields.take(der.INTEGER).integer(limits=SERIAL_LIMITS)
        fields.finish()
        return issuer, serial_number

    @property
    def subject_key_identifier(self) -> bytes | None:
        """How the signer's certificate is named; None: by issuer and serial number."""
        sid = self._info.sid
        return sid.octets if sid.tag == _KEY_IDENTIFIER else None

    @property
    def identity(self) -> bytes:
        """Version, signer and digest algorithm as they stand: the same for every signature of one
        signer.
        """
        place = self._info
        return self.encoded[place.start : place.sid.end] + place.digest_algorithm

    @property
    def digest_algorithm(self) -> bytes:
        """The encoded AlgorithmIdentifier of the digest over the content."""
        return self._info.digest_algorithm

    @property
    def signature_algorithm(self) -> bytes:
        """The encoded AlgorithmIdentifier of the signature."""
        return self._info.signature_algorithm

    @property
    def signature(self) -> bytes:
        """The signature value."""
        return self._info.signature

    @property
    def signed_attributes_encoded(self) -> bytes | None:
        """The octets that are signed: the attributes as they stand, tagged SET (§5.4).

        None where there are none, and the content itself is signed.
        """
        place = self._info.signed
        return None if place is None else b"\x31" + self.encoded[place[0] + 1 : place[2]]

    @read_once
    def signed_attributes(self) -> tuple[Attribute, ...] | None:
        """The signed attributes in their order; None where the field is absent."""
        place = self._info.signed
        return None if place is None else _attributes(self.encoded, place[1], place[2])

    @read_once
    def unsigned_attributes(self) -> tuple[Attribute, ...]:
        """The unsigned attributes in their order; empty where the field is absent."""
        place = self._info.unsigned
        return () if place is None else _attributes(self.encoded, place[1], place[2])

    @property
    def has_unsigned_attributes(self) -> bool:
        """Whether there is such a field, whatever stands there."""
        return self._info.unsigned is not None

    @property
    def before_unsigned_attributes(self) -> bytes:
        """The fields before the unsigned attributes, without the head of the SEQUENCE.

        What stays byte for byte where an unsigned attribute is added, and what an archive
        time-stamp covers.
        """
        place = self._info.unsigned
        content = _take(self.encoded, 0, len(self.encoded), der.SEQUENCE)[0]
        return self.encoded[content : len(self.encoded) if place is None else place[0]]


class _Fields(NamedTuple):
    """Where the fields of a SignedData stand; a pair is (content, end), a triple starts before."""

    data: bytes
    version: int
    digest_algorithms: tuple[int, int]
    encapsulated: tuple[int, int, int]
    content_type: str
    content: tuple[int, int, int] | None  # of the value inside [0]
    certificates: tuple[int, int, int] | None
    lists: tuple[int, int, int] | None
    signer_infos: tuple[int, int]


class SignedData(Encoded):
    """One ContentInfo with a SignedData (RFC 5652 §3, §5.1), DER or BER, at most 64 MiB.

    Larger ones are read as streams (`eds.signedstream`). Raises MalformedSignedData when the
    bytes are not that; a signer, certificate or list that is not what it must be raises the
    error of its kind when it is read.
    """

    malformed = MalformedSignedData
    format = Format.SIGNED_DATA
    size_limit = 64 * 1024 * 1024

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        try:
            self.__dict__["_fields"] = self._read()
        except DecodeError as error:
            raise MalformedSignedData(reason=str(error)) from error

    _fields: _Fields

    def _read(self) -> _Fields:
        try:
            return _walk(self.encoded)
        except MalformedDer:
            normalised = ber.to_der(self.encoded)
            if not normalised.tolerances:
                raise
            self.__dict__["tolerances"] = normalised.tolerances
            return _walk(normalised.encoded)

    @read_once
    def tolerances(self) -> frozenset[Tolerance]:
        """The departures from DER that were met on the way."""
        return frozenset()

    @property
    def version(self) -> int:
        """0 to 5."""
        return self._fields.version

    @read_once
    def digest_algorithms(self) -> tuple[bytes, ...]:
        """The digest AlgorithmIdentifiers named in advance, encoded."""
        content, end = self._fields.digest_algorithms
        return _pieces(self._fields.data, content, end)

    @property
    def encapsulated_encoded(self) -> bytes:
        """The EncapsulatedContentInfo."""
        start, _, end = self._fields.encapsulated
        return self._fields.data[start:end]

    @property
    def content_type(self) -> str:
        """The eContentType."""
        return self._fields.content_type

    @property
    def is_detached(self) -> bool:
        """Whether the content is elsewhere."""
        return self._fields.content is None

    @property
    def content(self) -> bytes | None:
        """The content that came along; None where it is elsewhere."""
        view = self.content_view
        return None if view is None else bytes(view)

    @read_once
    def content_view(self) -> memoryview | None:
        """The same without a copy. Raises MalformedSignedData where it is no OCTET STRING."""
        place = self._fields.content
        if place is None:
            return None
        start, content, end = place
        if self._fields.data[start] != der.OCTET_STRING:
            raise MalformedDer(reason="content that is no OCTET STRING", offset=start)
        return memoryview(self._fields.data)[content:end]

    @read_once
    def certificates_encoded(self) -> tuple[bytes, ...]:
        """The CertificateChoices, of whatever kind, in their order."""
        return self._set(self._fields.certificates)

    @read_once
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates that came along; other kinds than X.509 are passed over."""
        return tuple(
            Certificate(one) for one in self.certificates_encoded if one[0] == der.SEQUENCE
        )

    @read_once
    def revocation_encoded(self) -> tuple[bytes, ...]:
        """The RevocationInfoChoices, of whatever kind, in their order."""
        return self._set(self._fields.lists)

    @property
    def brings_status(self) -> bool:
        """Whether there are lists or OCSP responses, whatever is in them."""
        return self._fields.lists is not None

    @read_once
    def certificate_lists(self) -> tuple[CertificateList, ...]:
        """The lists that came along."""
        return tuple(
            CertificateList(one) for one in self.revocation_encoded if one[0] == der.SEQUENCE
        )

    @read_once
    def ocsp_responses(self) -> tuple[OcspResponse, ...]:
        """The OCSP responses that came along (RFC 5940 §2.1)."""
        return tuple(
            response
            for one in self.revocation_encoded
            if one[0] == _OTHER and (response := read_ocsp_choice(one)) is not None
        )

    @read_once
    def signer_infos(self) -> tuple[SignerInfo, ...]:
        """The signers, in their order; there may be none."""
        content, end = self._fields.signer_infos
        return tuple(SignerInfo(one) for one in _pieces(self._fields.data, content, end))

    def _set(self, place: tuple[int, int, int] | None) -> tuple[bytes, ...]:
        return () if place is None else _pieces(self._fields.data, place[1], place[2])


def read_ocsp_choice(encoded: bytes) -> OcspResponse | None:
    """The OCSP response of a RevocationInfoChoice; None where it is something else.

    Raises MalformedDer, MalformedOcspResponse.
    """
    fields = der.decode(encoded).fields(_OTHER)
    oid = fields.object_identifier()
    value = fields.take()
    fields.finish()
    if oid == OCSP_RESPONSE:
        return OcspResponse(value.encoded)
    return OcspResponse.of_basic(value.encoded) if oid == BASIC_OCSP_RESPONSE else None


# --- the walk -----------------------------------------------------------------------------------


def _walk(data: bytes) -> _Fields:
    """The fields of a ContentInfo in DER. Raises MalformedDer."""
    position, end = _enter(data)
    content, stop = _take(data, position, end, der.INTEGER)
    version = _version(data, content, stop)
    digest_algorithms = _take(data, stop, end, der.SET)
    start = digest_algorithms[1]
    position, last = _take(data, start, end, der.SEQUENCE)
    encapsulated = start, position, last
    content, stop = _take(data, position, last, der.OBJECT_IDENTIFIER)
    content_type = _dotted(data[content:stop])
    found = None
    if stop != last:
        position, stop = _take(data, stop, last, _ZERO)
        if stop != last:
            raise MalformedDer(reason="an unexpected field follows", offset=stop)
        _, content, stop = der.header(data, position, last)
        if stop != last:
            raise MalformedDer(reason="more than one value inside", offset=stop)
        found = position, content, stop
    certificates = lists = None
    if last < end and data[last] == _ZERO:
        content, stop = _take(data, last, end, _ZERO)
        certificates = last, content, stop
        last = stop
    if last < end and data[last] == _ONE:
        content, stop = _take(data, last, end, _ONE)
        lists = last, content, stop
        last = stop
    signer_infos = _take(data, last, end, der.SET)
    if signer_infos[1] != end:
        raise MalformedDer(reason="an unexpected field follows", offset=signer_infos[1])
    return _Fields(
        data,
        version,
        digest_algorithms,
        encapsulated,
        content_type,
        found,
        certificates,
        lists,
        signer_infos,
    )


def _enter(data: bytes) -> tuple[int, int]:
    """(start, end) of the fields of the SignedData: past the ContentInfo. Raises MalformedDer."""
    size = len(data)
    # Most have lengths of two octets in each of the three heads, which end together.
    if (
        data[:2] == b"\x30\x82"
        and data[4:17] == _USUAL_HEAD
        and data[19:21] == b"\x30\x82"
        and int.from_bytes(data[2:4], "big") == size - 4
        and int.from_bytes(data[17:19], "big") == size - 19
        and int.from_bytes(data[21:23], "big") == size - 23
        and size - 23 >= 0x100
    ):
        return 23, size
    position, end = _take(data, 0, size, der.SEQUENCE)
    if end != size:
        raise MalformedDer(reason="octets after the value", offset=end)
    inside = position + len(_CONTENT_INFO)
    if data[position:inside] != _CONTENT_INFO:
        raise MalformedDer(reason="not SignedData", offset=position)
    position, last = _take(data, inside, end, _ZERO)
    if last != end:
        raise MalformedDer(reason="an unexpected field follows", offset=last)
    position, last = _take(data, position, end, der.SEQUENCE)
    if last != end:
        raise MalformedDer(reason="more than one value inside", offset=last)
    return position, end


def _take(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """(content, end) of the value at `position`, which must carry `tag`. Raises MalformedDer."""
    content = position + 2
    if content <= end and data[position] == tag:
        length = data[position + 1]
        if length < 0x80:
            stop = content + length
            if stop <= end:
                return content, stop
        elif length == 0x82 and position + 4 <= end and data[content]:
            content = position + 4
            stop = content + (data[position + 2] << 8 | data[position + 3])
            if stop <= end:
                return content, stop
    found, content, stop = der.header(data, position, end)
    if found != tag:
        raise MalformedDer(
            reason=f"expected {der.tag_name(tag)}, found {der.tag_name(found)}", offset=position
        )
    return content, stop


def _version(data: bytes, content: int, stop: int) -> int:
    if stop - content != 1 or data[content] > 5:
        raise MalformedDer(reason="a version that does not exist", offset=content)
    return data[content]


def _pieces(data: bytes, position: int, end: int) -> tuple[bytes, ...]:
    """The elements of a SET as bytes. Raises MalformedDer, LimitExceeded."""
    found: list[bytes] = []
    while position < end:
        # Nearly all have a length of one octet or of two.
        if position + 4 <= end and data[position] & 0x1F != 0x1F:
            length = data[position + 1]
            if length < 0x80:
                stop = position + 2 + length
            elif length == 0x82 and data[position + 2]:
                stop = position + 4 + (data[position + 2] << 8 | data[position + 3])
            else:
                stop = der.header(data, position, end)[2]
        else:
            stop = der.header(data, position, end)[2]
        if stop > end:
            raise MalformedDer(reason="a value runs past its end", offset=position)
        if len(found) == _LIMITS.elements:
            raise LimitExceeded(limit="elements in one value", allowed=_LIMITS.elements)
        found.append(data[position:stop])
        position = stop
    return tuple(found)


def _attributes(data: bytes, position: int, end: int) -> tuple[Attribute, ...]:
    """The Attributes between two places. Raises MalformedDer, LimitExceeded."""
    found: list[Attribute] = []
    while position < end:
        # Most are SEQUENCE, OID and SET, each shorter than 128 octets, and end together; what is
        # not takes the longer road, which says what is wrong.
        content = position + 2
        if content + 4 <= end and data[position] == der.SEQUENCE and data[position + 1] < 0x80:
            last = content + data[position + 1]
            first = content + 2
            stop = first + data[content + 1]
            if (
                data[content] == der.OBJECT_IDENTIFIER
                and stop + 2 <= last <= end
                and data[stop] == der.SET
                and data[stop + 1] < 0x80
                and stop + 2 + data[stop + 1] == last
            ):
                attribute = (_dotted(data[first:stop]), data, position, stop + 2, last)
                found.append(_new(Attribute, attribute))
                position = last
                continue
        content, last = _take(data, position, end, der.SEQUENCE)
        content, stop = _take(data, content, last, der.OBJECT_IDENTIFIER)
        oid = _dotted(data[content:stop])
        content, stop = _take(data, stop, last, der.SET)
        if stop != last:
            raise MalformedDer(reason="an unexpected field follows", offset=stop)
        found.append(_new(Attribute, (oid, data, position, content, stop)))
        position = last
    if len(found) > _LIMITS.elements:
        raise LimitExceeded(limit="elements in one value", allowed=_LIMITS.elements)
    return tuple(found)


@lru_cache(maxsize=1024)
def _dotted(content: bytes) -> str:
    return der.Element(content, der.OBJECT_IDENTIFIER, 0, 0, len(content)).object_identifier()


# Half the cost of calling the class, which passes through Python once more.
_new: Final = tuple.__new__
