"""What is this file? Answered by content, never by its name.

A look at the outermost headers is enough to tell one object from another; whether it is whole
is said by whoever reads it then. The look forgives BER and everything inside, so that a damaged
certificate is still called a certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

from eds import der, pem
from eds.errors import (
    DecodeError,
    InvalidArgument,
    LimitExceeded,
    MalformedDer,
    UnknownFormat,
)


class Format(Enum):
    """What an object is; the value is for people."""

    CERTIFICATE = "certificate"
    CERTIFICATION_REQUEST = "certification request"
    CERTIFICATE_LIST = "certificate revocation list"
    ATTRIBUTE_CERTIFICATE = "attribute certificate"
    OCSP_REQUEST = "OCSP request"
    OCSP_RESPONSE = "OCSP response"
    BASIC_OCSP_RESPONSE = "basic OCSP response"
    TIME_STAMP_REQUEST = "time-stamp request"
    TIME_STAMP_RESPONSE = "time-stamp response"
    TIME_STAMP_TOKEN = "time-stamp token"  # noqa: S105 - not a password
    SIGNED_DATA = "CMS SignedData"
    ENVELOPED_DATA = "CMS EnvelopedData"
    OTHER_CMS = "CMS content of another kind"
    PKCS12 = "PKCS #12 key store"
    PRIVATE_KEY = "private key (PKCS #8)"
    ENCRYPTED_PRIVATE_KEY = "encrypted private key (PKCS #8)"
    RSA_PRIVATE_KEY = "RSA private key (PKCS #1)"
    EC_PRIVATE_KEY = "EC private key (SEC 1)"
    OTHER_PRIVATE_KEY = "private key in a traditional format"
    PUBLIC_KEY = "public key"
    RSA_PUBLIC_KEY = "RSA public key (PKCS #1)"
    PDF = "PDF document"
    ZIP = "ZIP archive"
    XML = "XML document"
    UNKNOWN = "unknown ASN.1 value"


class Encoding(Enum):
    """How it was written."""

    DER = "DER"
    BER = "BER"  # or DER with a fault in it
    PEM = "PEM"
    BASE64 = "base64"
    PLAIN = "plain"  # not ASN.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """One object in the data.

    `octets` is the object without its armour: DER or BER as it stood, or the whole document.
    `label` is what stood in the PEM header. Private keys may be among them: not in the repr.
    """

    format: Format
    encoding: Encoding
    octets: bytes = field(repr=False)
    label: str | None = None


SIZE_LIMIT: Final = 64 * 1024 * 1024
_MOST_OBJECTS: Final = 1000


def identify(data: bytes) -> tuple[FoundObject, ...]:
    """The objects that `data` (at most 64 MiB) consists of, in their order; at least one.

    Raises UnknownFormat, MalformedPem, LimitExceeded.
    """
    if not isinstance(data, bytes):
        raise InvalidArgument(argument="data", reason="bytes are wanted")
    if len(data) > SIZE_LIMIT:
        raise LimitExceeded(limit="octets of input", allowed=SIZE_LIMIT, found=len(data))
    document = _document(data)
    if document is not None:
        return (FoundObject(format=document, encoding=Encoding.PLAIN, octets=data),)
    if found := tuple(_binary(data)):
        return found
    if pem.is_pem(data):
        return tuple(_armoured(data))
    if found := tuple(_bare_base64(data)):
        return found
    raise UnknownFormat


def _document(data: bytes) -> Format | None:
    """Formats that begin with a mark of their own."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Format.ZIP
    if data[:1] != b"0" and b"%PDF-" in data[:1024]:  # readers allow junk before the mark
        return Format.PDF
    start = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    utf16 = data.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<"))
    return Format.XML if utf16 or re.match(rb"<[?!A-Za-z_]", start) else None


def _binary(data: bytes) -> Iterator[FoundObject]:
    """SEQUENCEs one after another; nothing at all where the data is not wholly that.

    White space after the last is passed over: editors and scripts leave a line end there.
    """
    found: list[FoundObject] = []
    position = 0
    while position < len(data):
        if data[position] != der.SEQUENCE or len(found) == _MOST_OBJECTS:
            if found and not data[position : position + 16].strip():
                break
            return
        try:
            value = _Look(data, len(data)).value(position)
        except DecodeError:
            return
        octets = data[position : value.next]
        found.append(FoundObject(format=_format(octets), encoding=_encoding(octets), octets=octets))
        position = value.next
    yield from found


def _encoding(octets: bytes) -> Encoding:
    try:
        if len(octets) <= 256 * 1024:
            der.check(octets)
        else:
            der.decode(octets)  # a walk through all of it would take seconds
    except DecodeError:
        return Encoding.BER
    return Encoding.DER


# --- armour -----------------------------------------------------------------------------------

_PEM_LIMITS: Final = pem.PemLimits(size=SIZE_LIMIT, blocks=_MOST_OBJECTS)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+=?\s*=?\s*")
_LABELLED: Final = {
    "RSA PRIVATE KEY": Format.RSA_PRIVATE_KEY,
    "EC PRIVATE KEY": Format.EC_PRIVATE_KEY,
    "DSA PRIVATE KEY": Format.OTHER_PRIVATE_KEY,
    "OPENSSH PRIVATE KEY": Format.OTHER_PRIVATE_KEY,
}


def _armoured(data: bytes) -> Iterator[FoundObject]:
    """The blocks of PEM text. Raises MalformedPem, LimitExceeded."""
    for block in pem.read(data, limits=_PEM_LIMITS):
        found = () if block.is_legacy_encrypted else tuple(_binary(block.encoded))
        if len(found) == 1:
            yield replace(found[0], encoding=Encoding.PEM, label=block.label)
            continue
        yield FoundObject(
            format=_LABELLED.get(block.label, Format.UNKNOWN),
            encoding=Encoding.PEM,
            octets=block.encoded,
            label=block.label,
        )


def _bare_base64(data: bytes) -> Iterator[FoundObject]:
    octets = _debase64(data) if len(data) >= 16 else None
    for found in _binary(octets or b""):
        yield replace(found, encoding=Encoding.BASE64)


def _debase64(text: bytes) -> bytes | None:
    if _BASE64.fullmatch(text) is None:
        return None
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None


# --- a forgiving look ---------------------------------------------------------------------------


class _Value(NamedTuple):
    """Where one value stands: its tag, its content, and what comes after it."""

    tag: int
    content: int
    end: int
    next: int


class _Look:
    """A look at headers, BER allowed, with an end to the number of headers looked at."""

    def __init__(self, data: bytes, end: int) -> None:
        self._data = data
        self._end = end
        self._left = 100_000

    def _header(self, position: int) -> tuple[int, int, int | None]:
        """(tag, offset of the content, end of the content or None where it is indefinite)."""
        self._left -= 1
        data = self._data
        if self._left < 0 or position + 2 > self._end:
            raise MalformedDer(reason="cut short", offset=position)
        tag, length, content = data[position], data[position + 1], position + 2
        if tag & 0x1F == 0x1F:
            raise MalformedDer(reason="a tag not looked at", offset=position)
        if length == 0x80:
            return tag, content, None
        if length > 0x80:
            count = length & 0x7F
            if count > 8:
                raise MalformedDer(reason="a length of over eight octets", offset=position)
            length = int.from_bytes(data[content : content + count], "big")
            content += count
        if content + length > self._end:
            raise MalformedDer(reason="a value runs past its end", offset=position)
        return tag, content, content + length

    def value(self, position: int) -> _Value:
        """The value at `position`. Raises MalformedDer."""
        tag, content, end = self._header(position)
        if end is not None:
            return _Value(tag, content, end, end)
        open_values, place = 1, content
        while open_values:
            inner, inside, stop = self._header(place)
            if inner == 0 and stop == inside:
                open_values -= 1
                place = inside
            elif stop is None:
                open_values += 1
                place = inside
            else:
                place = stop
        return _Value(tag, content, place - 2, place)

    def children(self, value: _Value, most: int = 10) -> list[_Value]:
        """The first values inside, at most `most`. Raises MalformedDer."""
        found: list[_Value] = []
        position = value.content
        while position < value.end and len(found) < most:
            found.append(self.value(position))
            position = found[-1].next
        return found

    def octets(self, value: _Value) -> bytes:
        """The content octets."""
        return self._data[value.content : value.end]


_CMS: Final = {
    der.object_identifier(oid)[2:]: kind
    for oid, kind in {
        "1.2.840.113549.1.7.1": Format.OTHER_CMS,  # data
        "1.2.840.113549.1.7.2": Format.SIGNED_DATA,
        "1.2.840.113549.1.7.3": Format.ENVELOPED_DATA,
        "1.2.840.113549.1.7.5": Format.OTHER_CMS,  # digestedData
        "1.2.840.113549.1.7.6": Format.OTHER_CMS,  # encryptedData
        "1.2.840.113549.1.9.16.1.2": Format.OTHER_CMS,  # authData
        "1.2.840.113549.1.9.16.1.9": Format.OTHER_CMS,  # compressedData
        "1.2.840.113549.1.9.16.1.23": Format.ENVELOPED_DATA,  # authEnvelopedData
    }.items()
}
_TST_INFO: Final = der.object_identifier("1.2.840.113549.1.9.16.1.4")[2:]
# PBES1, PBES2 and the schemes of PKCS #12: what an EncryptedPrivateKeyInfo begins with. A
# DigestInfo looks the same otherwise.
_PBE: Final = (
    der.object_identifier("1.2.840.113549.1.5.1")[2:-1],
    der.object_identifier("1.2.840.113549.1.12.1.1")[2:-1],
)
_TIMES: Final = frozenset({der.UTC_TIME, der.GENERALIZED_TIME})


def _format(octets: bytes) -> Format:
    """What one SEQUENCE is, by the shape of its outer levels."""
    look = _Look(octets, len(octets))
    try:
        fields = look.children(look.value(0))
        if not fields:
            return Format.UNKNOWN
        kind = _FIRST.get(fields[0].tag)
        return Format.UNKNOWN if kind is None else kind(look, fields)
    except DecodeError:
        return Format.UNKNOWN


def _tags(fields: list[_Value]) -> list[int]:
    return [value.tag for value in fields]


def _with_object_identifier(look: _Look, fields: list[_Value]) -> Format:
    """ContentInfo."""
    kind = _CMS.get(look.octets(fields[0]), Format.UNKNOWN)
    if kind is not Format.SIGNED_DATA or _tags(fields) != [der.OBJECT_IDENTIFIER, der.context(0)]:
        return kind
    signed = look.children(look.children(fields[1])[0], most=3)
    if len(signed) == 3 and signed[2].tag == der.SEQUENCE:
        content = look.children(signed[2], most=1)
        if content and look.octets(content[0]) == _TST_INFO:
            return Format.TIME_STAMP_TOKEN
    return kind


def _with_enumerated(_: _Look, __: list[_Value]) -> Format:
    return Format.OCSP_RESPONSE


def _with_integer(look: _Look, fields: list[_Value]) -> Format:
    """Keys, key stores, time-stamp requests: a version comes first."""
    tags = _tags(fields)
    version = look.octets(fields[0])
    if tags == [der.INTEGER, der.INTEGER]:
        return Format.RSA_PUBLIC_KEY
    if set(tags) == {der.INTEGER} and len(tags) >= 6:
        return Format.RSA_PRIVATE_KEY if len(tags) >= 9 else Format.OTHER_PRIVATE_KEY
    if tags[1:2] == [der.OCTET_STRING] and version == b"\x01":
        return Format.EC_PRIVATE_KEY
    if tags[1:2] != [der.SEQUENCE]:
        return Format.UNKNOWN
    inner = _tags(look.children(fields[1], most=2))
    if tags[2:3] == [der.OCTET_STRING] and inner[:1] == [der.OBJECT_IDENTIFIER]:
        return Format.PRIVATE_KEY
    if version == b"\x03" and inner[:1] == [der.OBJECT_IDENTIFIER]:
        return Format.PKCS12
    if version == b"\x01" and inner == [der.SEQUENCE, der.OCTET_STRING]:
        return Format.TIME_STAMP_REQUEST
    return Format.UNKNOWN


def _with_sequence(look: _Look, fields: list[_Value]) -> Format:
    """What is signed, public keys, and all that begins with a SEQUENCE as well."""
    tags = _tags(fields)
    inner = look.children(fields[0])
    first = _tags(inner)
    if tags[:3] == [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]:
        return _signed(look, inner)
    if first[:1] == [der.OBJECT_IDENTIFIER]:
        if tags == [der.SEQUENCE, der.BIT_STRING]:
            return Format.PUBLIC_KEY
        if tags == [der.SEQUENCE, der.OCTET_STRING]:
            scheme = look.octets(inner[0])
            return Format.ENCRYPTED_PRIVATE_KEY if scheme.startswith(_PBE) else Format.UNKNOWN
        return Format.UNKNOWN
    if first[:1] == [der.INTEGER] and tags in ([der.SEQUENCE], [der.SEQUENCE, der.SEQUENCE]):
        return Format.TIME_STAMP_RESPONSE
    if tags in ([der.SEQUENCE], [der.SEQUENCE, der.context(0)]):
        lists = [value for value in inner if value.tag == der.SEQUENCE]
        if len(lists) == 1 and _is_request_list(look, lists[0]):
            return Format.OCSP_REQUEST
    return Format.UNKNOWN


def _is_request_list(look: _Look, requests: _Value) -> bool:
    """Whether it begins with a Request: a CertID, which has two OCTET STRINGs and an INTEGER."""
    found = look.children(requests, most=1)
    cert_id = look.children(found[0], most=1) if found else []
    shape = [der.SEQUENCE, der.OCTET_STRING, der.OCTET_STRING, der.INTEGER]
    return bool(cert_id) and _tags(look.children(cert_id[0])) == shape


def _signed(look: _Look, inner: list[_Value]) -> Format:
    """A value, an algorithm and a signature: what is the value?"""
    tags = _tags(inner)
    if der.context(0) in tags[:1]:  # an explicit version
        if tags[1:2] == [der.INTEGER]:
            return Format.CERTIFICATE
        tags = tags[1:]
    if tags[:1] and tags[0] in {der.context(1), der.context(2)}:
        return Format.BASIC_OCSP_RESPONSE
    if tags[:4] == [der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.context(0)]:
        return Format.CERTIFICATION_REQUEST
    if tags[:3] == [der.INTEGER, der.SEQUENCE, der.SEQUENCE]:
        if tags[3:4] and tags[3] in _TIMES:
            return Format.CERTIFICATE_LIST
        if tags[3:4] == [der.SEQUENCE]:
            validity = _tags(look.children(inner[3], most=3))
            return Format.CERTIFICATE if set(validity) <= _TIMES else Format.UNKNOWN
        return Format.CERTIFICATION_REQUEST if len(tags) == 3 else Format.UNKNOWN
    if tags[:2] == [der.SEQUENCE, der.SEQUENCE] and tags[2:3] and tags[2] in _TIMES:
        return Format.CERTIFICATE_LIST
    if tags[:3] == [der.INTEGER, der.SEQUENCE, der.context(0)]:
        return Format.ATTRIBUTE_CERTIFICATE
    return Format.UNKNOWN


_FIRST: Final = {
    der.OBJECT_IDENTIFIER: _with_object_identifier,
    der.ENUMERATED: _with_enumerated,
    der.INTEGER: _with_integer,
    der.SEQUENCE: _with_sequence,
}
