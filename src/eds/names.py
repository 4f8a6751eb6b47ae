"""X.501 names as frozen values over their bytes: reading, RFC 4514 text, comparison, writing.

Reading takes what certificates hold; writing keeps to the string types and lengths of RFC 5280
Appendix A. A name may hold a personal number, so it shows itself only when asked for its text.
People and organisations stand in `eds.persons`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from eds import der
from eds.errors import DecodeError, InvalidArgument, MalformedName, NameRefused
from eds.values import Encoded, read_once

COMMON_NAME: Final = "2.5.4.3"
SURNAME: Final = "2.5.4.4"
SERIAL_NUMBER: Final = "2.5.4.5"
COUNTRY: Final = "2.5.4.6"
LOCALITY: Final = "2.5.4.7"
STATE_OR_PROVINCE: Final = "2.5.4.8"
STREET: Final = "2.5.4.9"
ORGANIZATION: Final = "2.5.4.10"
ORGANIZATIONAL_UNIT: Final = "2.5.4.11"
TITLE: Final = "2.5.4.12"
BUSINESS_CATEGORY: Final = "2.5.4.15"
POSTAL_CODE: Final = "2.5.4.17"
GIVEN_NAME: Final = "2.5.4.42"
INITIALS: Final = "2.5.4.43"
GENERATION_QUALIFIER: Final = "2.5.4.44"
DN_QUALIFIER: Final = "2.5.4.46"
PSEUDONYM: Final = "2.5.4.65"
ORGANIZATION_IDENTIFIER: Final = "2.5.4.97"
DOMAIN_COMPONENT: Final = "0.9.2342.19200300.100.1.25"
USER_ID: Final = "0.9.2342.19200300.100.1.1"
EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeType:
    """How an attribute is called and written. `upper_bound` is in characters (RFC 5280 A.1)."""

    oid: str
    name: str
    upper_bound: int
    tag: int = der.UTF8_STRING


ATTRIBUTE_TYPES: Final = (
    # the nine of RFC 4514 §3
    AttributeType(oid=COMMON_NAME, name="CN", upper_bound=64),
    AttributeType(oid=LOCALITY, name="L", upper_bound=128),
    AttributeType(oid=STATE_OR_PROVINCE, name="ST", upper_bound=128),
    AttributeType(oid=ORGANIZATION, name="O", upper_bound=64),
    AttributeType(oid=ORGANIZATIONAL_UNIT, name="OU", upper_bound=64),
    AttributeType(oid=COUNTRY, name="C", upper_bound=2, tag=der.PRINTABLE_STRING),
    AttributeType(oid=STREET, name="STREET", upper_bound=128),
    AttributeType(oid=DOMAIN_COMPONENT, name="DC", upper_bound=63, tag=der.IA5_STRING),
    AttributeType(oid=USER_ID, name="UID", upper_bound=256),
    # RFC 4519, RFC 2985, X.520
    AttributeType(oid=SURNAME, name="SN", upper_bound=32768),
    AttributeType(oid=GIVEN_NAME, name="givenName", upper_bound=32768),
    AttributeType(oid=SERIAL_NUMBER, name="serialNumber", upper_bound=64, tag=der.PRINTABLE_STRING),
    AttributeType(oid=TITLE, name="title", upper_bound=64),
    AttributeType(oid=INITIALS, name="initials", upper_bound=32768),
    AttributeType(oid=GENERATION_QUALIFIER, name="generationQualifier", upper_bound=32768),
    AttributeType(oid=DN_QUALIFIER, name="dnQualifier", upper_bound=64, tag=der.PRINTABLE_STRING),
    AttributeType(oid=PSEUDONYM, name="pseudonym", upper_bound=128),
    AttributeType(oid=ORGANIZATION_IDENTIFIER, name="organizationIdentifier", upper_bound=256),
    AttributeType(oid=BUSINESS_CATEGORY, name="businessCategory", upper_bound=128),
    AttributeType(oid=POSTAL_CODE, name="postalCode", upper_bound=40),
    AttributeType(oid=EMAIL_ADDRESS, name="emailAddress", upper_bound=255, tag=der.IA5_STRING),
)

_TYPE_BY_OID: Final = {row.oid: row for row in ATTRIBUTE_TYPES}
_TYPE_BY_NAME: Final = {row.name.lower(): row for row in ATTRIBUTE_TYPES} | {
    "surname": _TYPE_BY_OID[SURNAME],
    "gn": _TYPE_BY_OID[GIVEN_NAME],
    "s": _TYPE_BY_OID[STATE_OR_PROVINCE],
    "e": _TYPE_BY_OID[EMAIL_ADDRESS],
    "email": _TYPE_BY_OID[EMAIL_ADDRESS],
}
_OIDS: Final = {der.object_identifier(oid)[2:]: oid for oid in _TYPE_BY_OID}  # by their content
_STRING_TAGS: Final = frozenset(
    {
        der.UTF8_STRING,
        der.PRINTABLE_STRING,
        der.TELETEX_STRING,
        der.IA5_STRING,
        der.BMP_STRING,
        der.UNIVERSAL_STRING,
        der.NUMERIC_STRING,
        der.VISIBLE_STRING,
    }
)
_LIMITS: Final = der.Limits(size=64 * 1024, elements=256)


class NameAttribute(NamedTuple):
    """One AttributeTypeAndValue: its OID, its text and the tag of its string type.

    For the rare value that is not a string, the text is "#" and its encoding in hexadecimal.
    """

    oid: str
    text: str
    tag: int

    def __repr__(self) -> str:
        return f"<NameAttribute {self.oid}>"

    @property
    def is_string(self) -> bool:
        """Whether the value is a character string."""
        return self.tag in _STRING_TAGS

    @property
    def type_name(self) -> str:
        """CN, serialNumber …, or the OID where the type has no name here."""
        row = _TYPE_BY_OID.get(self.oid)
        return self.oid if row is None else row.name


class Name(Encoded):
    """A Name (RFC 5280 §4.1.2.4), at most 64 KiB.

    Two names are equal when their bytes are; `matches` compares them as RFC 5280 §7.1 says.
    Raises MalformedName when it is read and is none. Neither str nor repr show its content.
    """

    malformed = MalformedName

    @classmethod
    def build(cls, attributes: Iterable[tuple[str, str]]) -> Self:
        """The name whose RDNs are these pairs of (OID, text), one each, in this order.

        String types and lengths are those of RFC 5280 Appendix A. Raises NameRefused.
        """
        return cls.build_rdns((pair,) for pair in attributes)

    @classmethod
    def build_rdns(cls, rdns: Iterable[Iterable[tuple[str, str]]]) -> Self:
        """The same with RDNs of several attributes. Raises NameRefused."""
        return cls._written(rdns)

    @classmethod
    def _written(cls, rdns: Iterable[Iterable[tuple[str, str | bytes]]]) -> Self:
        """The name of these RDNs; bytes are an encoded value, taken as it is."""
        name = cls(
            der.sequence(*(der.set_of(*(_write(oid, value) for oid, value in rdn)) for rdn in rdns))
        )
        try:
            _ = name.rdns
        except MalformedName as error:
            raise NameRefused(attribute="name", reason=error.reason) from error
        return name

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that RFC 4514 text says: the last RDN first. Raises NameRefused.

        Spaces around separators are passed over; types are known by name or dotted OID.
        """
        return cls._written(reversed(_parse(text)))

    @read_once
    def rdns(self) -> tuple[tuple[NameAttribute, ...], ...]:
        """The relative distinguished names in their order, each with its attributes."""
        rdns: list[tuple[NameAttribute, ...]] = []
        name = der.decode(self.encoded, limits=_LIMITS).expect(der.SEQUENCE)
        for rdn in name.children(limits=_LIMITS):
            attributes: list[NameAttribute] = []
            for attribute in rdn.expect(der.SET).children(limits=_LIMITS):
                fields = attribute.fields()
                oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
                value = fields.take()
                fields.finish()
                text = value.text() if value.tag in _STRING_TAGS else f"#{value.encoded.hex()}"
                attributes.append(NameAttribute(oid, text, value.tag))
            if not attributes:
                rdn.fail("a relative distinguished name without attributes")
            rdns.append(tuple(attributes))
        return tuple(rdns)

    @property
    def attributes(self) -> tuple[NameAttribute, ...]:
        """All attributes, in their order."""
        return tuple(attribute for rdn in self.rdns for attribute in rdn)

    def values(self, oid: str) -> tuple[str, ...]:
        """The texts of the attributes of that type, in their order."""
        return tuple(attribute.text for attribute in self.attributes if attribute.oid == oid)

    @property
    def rfc4514(self) -> str:
        """The name as text, the last RDN first (RFC 4514). May hold a personal number."""
        return ",".join("+".join(map(_render, rdn)) for rdn in reversed(self.rdns))

    @property
    def is_empty(self) -> bool:
        """Whether it has no RDN at all."""
        return self.encoded == b"\x30\x00"

    def matches(self, other: Name) -> bool:
        """Whether both are the same name (RFC 5280 §7.1): case and spaces do not count."""
        return self.encoded == other.encoded or self.prepared == other.prepared

    def is_within(self, base: Name) -> bool:
        """Whether it lies in the subtree of `base`: begins with all RDNs of it (§4.2.1.10)."""
        return self.prepared[: len(base.prepared)] == base.prepared

    @read_once
    def prepared(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The RDNs with their values prepared for comparison; those of one RDN in order.

        Two names match where these are equal. Hold it like the name itself: it may hold a
        personal number. Raises MalformedName.
        """
        return _usually_prepared(self.encoded) or tuple(
            tuple(
                sorted(
                    (part.oid, prepare(part.text) if part.is_string else part.text) for part in rdn
                )
            )
            for rdn in self.rdns
        )


_CODEC: Final = {der.UTF8_STRING: "utf-8", der.PRINTABLE_STRING: "ascii", der.IA5_STRING: "ascii"}


def _usually_prepared(encoded: bytes) -> tuple[tuple[tuple[str, str], ...], ...]:
    """A name of short RDNs of one attribute each, in the usual string types, read in place.

    Every path compares some. Empty: for `rdns` to read or refuse.
    """
    end = len(encoded)
    if not 2 < end < 0x82 or encoded[0] != der.SEQUENCE or encoded[1] != end - 2:
        return ()
    found: list[tuple[tuple[str, str]]] = []
    position = 2
    try:
        while position < end:
            first = position + 6
            rdn, size, attribute, inner, kind, width = encoded[position:first]
            value = first + width
            tag, length = encoded[value : value + 2]
            codec = _CODEC.get(tag)
            stop = value + 2 + length
            if (
                codec is None
                or stop != position + 2 + size
                or stop != position + 4 + inner
                or stop > end
                or (rdn, attribute, kind) != (0x31, 0x30, 0x06)
            ):
                return ()
            octets = encoded[first:value]
            oid = _OIDS.get(octets) or der.dotted_form(octets, first)
            found.append(((oid, prepare(encoded[value + 2 : stop].decode(codec))),))
            position = stop
    except ValueError:  # cut short, or octets that are no text
        return ()
    return tuple(found)


# RFC 4518 §2.2: mapped to nothing; tab, line ends and every separator count as spaces.
_NOTHING: Final = re.compile(
    "[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u06dd\u070f\u1806"
    "\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2063\u206a-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffc\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def prepare(text: str) -> str:
    """A string made ready for caseIgnoreMatch (RFC 4518): two match when these are equal.

    Case is folded, compatibility forms are unified, spaces at the ends go and runs of spaces
    become one.
    """
    if text.isascii() and text.isprintable():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", _NOTHING.sub("", text).casefold())
        # A compatibility form may unfold to capitals: fold again (RFC 3454 B.2 does both at once).
        folded = unicodedata.normalize("NFKC", folded.casefold())
    return " ".join(folded.split())


# --- text -----------------------------------------------------------------------------------------

_SPECIAL: Final = frozenset('"+,;<>\\')


def _render(attribute: NameAttribute) -> str:
    if attribute.oid not in _TYPE_BY_OID or not attribute.is_string:
        # RFC 4514 §2.4: beside a dotted OID stands the encoding, in hexadecimal.
        return f"{attribute.type_name}={_hexadecimal(attribute)}"
    text = attribute.text
    shown = "".join(
        f"\\{character}"
        if character in _SPECIAL
        else character
        if character.isprintable()
        else "".join(f"\\{octet:02X}" for octet in character.encode("utf-8", "surrogatepass"))
        for character in text
    )
    if text[:1] in {" ", "#"}:
        shown = f"\\{shown}"
    if text.endswith(" ") and len(text) > 1:
        shown = f"{shown[:-1]}\\ "
    return f"{attribute.type_name}={shown}"


def _hexadecimal(attribute: NameAttribute) -> str:
    if not attribute.is_string:
        return attribute.text
    octets = attribute.text.encode(_CODECS.get(attribute.tag, "utf-8"))
    return f"#{der.value(attribute.tag, octets).hex()}"


_CODECS: Final = {
    der.TELETEX_STRING: "latin-1",
    der.BMP_STRING: "utf-16-be",
    der.UNIVERSAL_STRING: "utf-32-be",
}


_TYPE: Final = re.compile(r"[ ]*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)[ ]*=[ ]*")
_HEX_VALUE: Final = re.compile(r"#((?:[0-9A-Fa-f]{2})+)[ ]*(?=[,+]|\Z)")
_PAIR: Final = re.compile(r"\\([0-9A-Fa-f]{2})")


def _parse(text: str) -> list[list[tuple[str, str | bytes]]]:
    """RDNs in the order of the text."""
    if len(text) > _LIMITS.size:
        raise NameRefused(attribute="name", reason="too long")
    rdns: list[list[tuple[str, str | bytes]]] = []
    position = 0
    joined = False  # by "+" to the attribute before
    while position < len(text) or rdns:
        kind = _TYPE.match(text, position)
        if kind is None:
            raise NameRefused(attribute="name", reason=f"no attribute type at {position}")
        oid = kind[1]
        if not oid[0].isdigit():
            if oid.lower() not in _TYPE_BY_NAME:
                raise NameRefused(attribute="name", reason=f"no such attribute type at {position}")
            oid = _TYPE_BY_NAME[oid.lower()].oid
        value, position = _parse_value(text, kind.end())
        if joined:
            rdns[-1].append((oid, value))
        else:
            rdns.append([(oid, value)])
        if position == len(text):
            break
        joined = text[position] == "+"
        position += 1
    return rdns


def _parse_value(text: str, position: int) -> tuple[str | bytes, int]:
    """(value, offset of the separator after it). A hexadecimal value is an encoding: bytes."""
    if hexadecimal := _HEX_VALUE.match(text, position):
        return bytes.fromhex(hexadecimal[1]), hexadecimal.end()
    octets = bytearray()
    kept = 0  # how much of `octets` no trailing space may be cut from
    while position < len(text) and text[position] not in ",+":
        character = text[position]
        if character == "\\":
            pair = _PAIR.match(text, position)
            if pair:
                octets.append(int(pair[1], 16))
                position += 3
            elif text[position + 1 : position + 2] in _SPECIAL | {" ", "#", "="}:
                octets += text[position + 1].encode()
                position += 2
            else:
                raise NameRefused(attribute="name", reason=f"a stray backslash at {position}")
            kept = len(octets)
            continue
        if character in _SPECIAL:
            raise NameRefused(attribute="name", reason=f"a character to escape at {position}")
        octets += character.encode("utf-8", "surrogatepass")
        position += 1
    try:
        value = octets[:kept].decode() + octets[kept:].decode().rstrip(" ")
    except UnicodeDecodeError:
        raise NameRefused(attribute="name", reason="escaped octets that are not UTF-8") from None
    return value, position


# --- writing --------------------------------------------------------------------------------------


def _write(oid: str, text: str | bytes) -> bytes:
    """One encoded AttributeTypeAndValue. Raises NameRefused."""
    if isinstance(text, bytes):
        return der.sequence(_oid(oid), _checked(oid, text))
    row = _TYPE_BY_OID.get(oid) or AttributeType(oid=oid, name=oid, upper_bound=32768)
    if not text:
        raise NameRefused(attribute=row.name, reason="empty")
    if len(text) > row.upper_bound:
        raise NameRefused(
            attribute=row.name, reason=f"{len(text)} characters, at most {row.upper_bound}"
        )
    if not text.isprintable():
        # controls, invisible and direction-changing characters, halves of pairs
        raise NameRefused(attribute=row.name, reason="characters that cannot be seen")
    if text.strip(" ") != text:
        raise NameRefused(attribute=row.name, reason="a space at an end")
    if oid == COUNTRY and not re.fullmatch("[A-Z]{2}", text):
        raise NameRefused(attribute=row.name, reason="not two capital letters (ISO 3166-1)")
    if row.tag == der.PRINTABLE_STRING and not der.is_printable(text):
        raise NameRefused(attribute=row.name, reason="characters outside PrintableString")
    if row.tag == der.IA5_STRING and not text.isascii():
        raise NameRefused(attribute=row.name, reason="characters outside ASCII")
    return der.sequence(_oid(oid), der.value(row.tag, text.encode()))


def _oid(dotted: str) -> bytes:
    try:
        return der.object_identifier(dotted)
    except (InvalidArgument, ValueError):
        raise NameRefused(attribute="name", reason="not an object identifier") from None


def _checked(oid: str, encoded: bytes) -> bytes:
    try:
        der.check(encoded)
    except DecodeError as error:
        raise NameRefused(attribute=oid, reason=f"not an encoding: {error}") from error
    return encoded
