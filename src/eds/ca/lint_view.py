"""What a rule of `eds.ca.lint` sees: a TBSCertificate read from its bytes, and nothing else.

Every header that is passed is checked, so that a view exists only of bytes that are DER in all
places but the inside of the extensions; their values are judged by rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from .. import der, extensions
from ..errors import DecodeError, MalformedDer
from ..extensions import (
    AUTHORITY_INFORMATION_ACCESS,
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CERTIFICATE_POLICIES,
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
    FRESHEST_CRL,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    OCSP_NO_CHECK,
    QC_STATEMENTS,
    SUBJECT_ALTERNATIVE_NAME,
    SUBJECT_KEY_IDENTIFIER,
    Extension,
    GeneralName,
    GeneralNameKind,
    KeyUsage,
)
from ..names import NameAttribute
from ..publickeys import PublicKey
from .profiles import CertificateProfile
from .tbs import NO_REVOCATION_AVAILABLE, IssuerFacts


class Severity(Enum):
    """Whether a finding forbids the signature."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule that is not kept."""

    rule: str
    clause: str
    severity: Severity
    detail: str


Answer = str | Iterable[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `check` says how the bytes break it, or None.

    `shared` rules look only at what many certificates have in common.
    """

    name: str
    clause: str
    severity: Severity
    shared: bool
    check: Callable[[View], Answer] = field(repr=False)

    def finding(self, detail: str) -> Finding:
        """This rule, broken in that way."""
        return Finding(rule=self.name, clause=self.clause, severity=self.severity, detail=detail)

    def findings(self, answer: str | Iterable[str]) -> list[Finding]:
        """This rule, broken in those ways."""
        return [
            self.finding(detail) for detail in ((answer,) if isinstance(answer, str) else answer)
        ]


class View:
    """A TBSCertificate as its bytes say, beside the profile and issuer it is held against."""

    def __init__(
        self,
        tbs: bytes,
        profile: CertificateProfile,
        issuer_facts: IssuerFacts,
        at: datetime,
        shard: int | None,
    ) -> None:
        self.tbs = tbs
        self.profile = profile
        self.issuer_facts = issuer_facts
        self.at = at
        self.shard = shard
        self.memo: dict[str, Any] = {}
        parts = _children(tbs)
        position = 1 if parts and parts[0].tag == 0xA0 else 0
        tail = len(parts) - 1 if parts and parts[-1].tag == 0xA3 else len(parts)
        self.version = parts[0].encoded if position else b""
        identifiers = [part.tag for part in parts[position + 6 : tail]]
        # [1] and [2], in that order: RFC 5280 §4.1.2.8
        self.unique_identifiers = bool(identifiers)
        tags = [part.tag for part in parts[position : position + 6]]
        if tags != _FIELDS or identifiers not in _IDENTIFIERS:
            raise MalformedDer(reason="not the fields of a TBSCertificate", offset=0)
        serial, algorithm, issuer, validity, self.subject, key = parts[position : position + 6]
        serial.integer(limits=_SERIAL)
        self.serial = serial.octets
        self.algorithm = algorithm.encoded
        self.issuer = issuer.encoded
        self.times = _times(validity)
        self.not_before, self.not_after = map(_instant, self.times)
        self.key = key.encoded
        # The name of the curve where the key is one uncompressed point of a frequent curve.
        self.usual_curve = _usual_curve(self.key)
        if self.usual_curve is None:
            _ = self.public_key
        found = parts[tail] if tail < len(parts) else None
        self.extensions, shared = _extensions(found)
        self._first: dict[str, Extension] = {}
        for item in self.extensions:
            self._first.setdefault(item.oid, item)
        # What many certificates have in common.
        self.shared_octets = (self.version, self.algorithm, self.issuer, *shared)
        self.attributes, self.joined_attributes = _attributes(self.subject)

    @property
    def public_key(self) -> PublicKey:
        """The key. Read at first use; keys of frequent form need not be."""
        if "key" not in self.memo:
            self.memo["key"] = PublicKey(self.key)
        found: PublicKey = self.memo["key"]
        return found

    @property
    def key_identifier(self) -> bytes:
        """SHA-1 of the octets of the key (RFC 5280 §4.2.1.2, method 1)."""
        if self.usual_curve is None:
            return self.public_key.key_identifier
        point = self.key[len(KEY_HEADS[self.usual_curve]) :]
        return hashlib.sha1(point, usedforsecurity=False).digest()

    def extension(self, oid: str) -> Extension | None:
        """The first extension of that OID."""
        return self._first.get(oid)

    def read(self, oid: str) -> Any:
        """What a known extension says; None where it is absent or cannot be read."""
        if oid not in self.memo:
            item = self._first.get(oid)
            try:
                self.memo[oid] = None if item is None else READERS[oid](item.octets)
            except DecodeError:
                self.memo[oid] = None
        return self.memo[oid]

    @property
    def usage(self) -> frozenset[KeyUsage]:
        """Key usage; empty where absent."""
        return self.read(KEY_USAGE) or frozenset()

    @property
    def purposes(self) -> tuple[str, ...]:
        """Extended key usage; empty where absent."""
        return self.read(EXTENDED_KEY_USAGE) or ()


_FIELDS: Final = [der.INTEGER, *[der.SEQUENCE] * 5]
_IDENTIFIERS: Final[tuple[list[int], ...]] = ([], [0x81], [0x82], [0x81, 0x82])
_SERIAL: Final = der.Limits(integer=64)


# Half the cost of calling a NamedTuple, which passes through Python once more.
_new: Final = tuple.__new__


def _children(tbs: bytes) -> list[der.Element]:
    """The fields of the one SEQUENCE that `tbs` consists of."""
    tag, position, end = _header(tbs, 0, len(tbs))
    if tag != der.SEQUENCE or end != len(tbs):
        raise MalformedDer(reason="not one SEQUENCE", offset=0)
    found: list[der.Element] = []
    while position < end:
        tag, content, stop = _header(tbs, position, end)
        found.append(_new(der.Element, (tbs, tag, position, content, stop)))
        position = stop
    return found


# What stands before the octets of a point: DER, checked once and for all by a test.
KEY_HEADS: Final = {
    "secp256r1": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    "secp384r1": bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200"),
}


def _usual_curve(key: bytes) -> str | None:
    for curve, head in KEY_HEADS.items():
        if key.startswith(head) and len(key) == key[1] + 2 and key[len(head)] == 4:
            return curve
    return None


def _instant(time: der.Element) -> datetime:
    return _read_time(time.encoded)


@lru_cache(maxsize=4096)
def _read_time(encoded: bytes) -> datetime:
    """Certificates of one second begin alike."""
    return der.decode(encoded).time()


def _times(validity: der.Element) -> tuple[der.Element, der.Element]:
    fields = validity.fields()
    times = fields.take(), fields.take()
    fields.finish()
    return times


# Extensions that differ from certificate to certificate.
_OWN: Final = frozenset({SUBJECT_KEY_IDENTIFIER, SUBJECT_ALTERNATIVE_NAME})


def _extensions(found: der.Element | None) -> tuple[tuple[Extension, ...], list[bytes]]:
    """All extensions, and the octets of those that many certificates share."""
    extensions_found: list[Extension] = []
    shared: list[bytes] = []
    if found is not None:
        items = found.only_child().expect(der.SEQUENCE)
        data, position, end = items.data, items.content, items.end
        own = data.find(KEY_IDENTIFIER, position, end)
        if position < own < position + 4096:
            # What stands before the first that is a certificate's own, many have in common.
            try:
                extensions_found.extend(_common(data[position:own]))
            except DecodeError:
                pass  # those octets are a part of something: one by one, then
            else:
                shared.append(data[position:own])
                position = own
        while position < end:
            stop = _header(data, position, end)[2]
            encoded = data[position:stop]
            if encoded.startswith(KEY_IDENTIFIER) and len(encoded) == 31:
                extension = Extension(
                    oid=SUBJECT_KEY_IDENTIFIER, critical=False, octets=encoded[9:]
                )
            elif encoded[2:8] == ALTERNATIVE_NAME and is_one_mailbox(encoded[9:]):
                if encoded[1] != len(encoded) - 2 or encoded[8] != len(encoded) - 9:
                    raise MalformedDer(reason="not an extension", offset=position)
                extension = Extension(
                    oid=SUBJECT_ALTERNATIVE_NAME, critical=False, octets=encoded[9:]
                )
            else:
                extension = _extension(encoded)
                if extension.oid not in _OWN:
                    shared.append(encoded)
            extensions_found.append(extension)
            position = stop
    return tuple(extensions_found), shared


# An Extension: SEQUENCE, OID 2.5.29.14, OCTET STRING around an OCTET STRING of 20.
KEY_IDENTIFIER: Final = bytes.fromhex("301d0603551d0e04160414")


ALTERNATIVE_NAME: Final = bytes.fromhex("0603551d1104")


def is_one_mailbox(octets: bytes) -> bool:
    """Whether these are alternative names with one short rfc822Name, as most certificates have."""
    return (
        4 < len(octets) < 0x80
        and octets[0] == der.SEQUENCE
        and octets[1] == len(octets) - 2
        and octets[2] == 0x81
        and octets[3] == len(octets) - 4
        and octets[4:].isascii()
    )


def _alternative_names(octets: bytes) -> tuple[GeneralName, ...]:
    if is_one_mailbox(octets):
        return (GeneralName(kind=GeneralNameKind.RFC822_NAME, value=octets[4:].decode("ascii")),)
    return extensions.read_alternative_names(octets)


@lru_cache(maxsize=1024)
def _common(encoded: bytes) -> tuple[Extension, ...]:
    """Extensions that many certificates share, none of them a certificate's own."""
    found = []
    position, end = 0, len(encoded)
    while position < end:
        stop = _header(encoded, position, end)[2]
        extension = _extension(encoded[position:stop])
        if extension.oid in _OWN:
            raise MalformedDer(reason="a certificate's own", offset=position)
        found.append(extension)
        position = stop
    return tuple(found)


@lru_cache(maxsize=8192)
def _extension(encoded: bytes) -> Extension:
    """One Extension; those that many certificates share are read once."""
    fields = der.decode(encoded).fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    critical = fields.optional(der.BOOLEAN)
    octets = fields.take(der.OCTET_STRING).octets
    fields.finish()
    if critical is not None and not critical.boolean():
        critical.fail("FALSE is the default, and not written")
    return Extension(oid=oid, critical=critical is not None, octets=octets)


def _attributes(subject: der.Element) -> tuple[tuple[NameAttribute, ...], bool]:
    """The attributes of the subject, and whether one RDN has several."""
    data, position, end = subject.data, subject.content, subject.end
    found: list[NameAttribute] = []
    joined = False
    while position < end:
        # As nearly all are: an RDN of one attribute, each length in one octet, an OID of X.520.
        head = data[position : position + 11]
        if len(head) == 11:
            length, string = head[1], head[9]
            stop = position + 2 + length
            codec = _STRINGS.get(string)
            if (
                codec is not None
                and head[4:8] == _X520
                and head[0] == der.SET
                and head[2] == der.SEQUENCE
                and length < 0x80
                and length == head[3] + 2 == head[10] + 9
                and stop <= end
            ):
                try:
                    text = data[position + 11 : stop].decode(codec)
                except UnicodeDecodeError:
                    raise MalformedDer(
                        reason=f"a string that is not {codec}", offset=position + 9
                    ) from None
                found.append(_new(NameAttribute, (_dotted(head[6:9]), text, string)))
                position = stop
                continue
        tag, inner, stop = _header(data, position, end)
        if tag != der.SET or inner == stop:
            raise MalformedDer(reason="not a relative distinguished name", offset=position)
        previous = b""
        while inner < stop:
            tag, content, inner_end = _header(data, inner, stop)
            joined = joined or inner_end < stop
            encoded = data[inner:inner_end]
            if tag != der.SEQUENCE or encoded < previous:
                raise MalformedDer(reason="not an attribute, or out of order", offset=inner)
            previous = encoded
            tag, start, middle = _header(data, content, inner_end)
            if tag != der.OBJECT_IDENTIFIER:
                raise MalformedDer(reason="not an attribute", offset=inner)
            oid = _dotted(data[start:middle])
            tag, start, value_end = _header(data, middle, inner_end)
            if value_end != inner_end:
                raise MalformedDer(reason="not an attribute", offset=inner)
            text = der.Element(data, tag, middle, start, value_end).text()
            found.append(NameAttribute(oid, text, tag))
            inner = inner_end
        position = stop
    return tuple(found), joined


_X520: Final = b"\x06\x03\x55\x04"
_STRINGS: Final = {der.UTF8_STRING: "utf-8", der.PRINTABLE_STRING: "ascii"}


@lru_cache(maxsize=1024)
def _dotted(content: bytes) -> str:
    return der.decode(der.value(der.OBJECT_IDENTIFIER, content)).object_identifier()


def _header(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """As der.header, quicker for the short values that names are made of."""
    if position + 1 < end:
        tag, length = data[position], data[position + 1]
        stop = position + 2 + length
        if length < 0x80 and tag & 0x1F != 0x1F and stop <= end:
            return tag, position + 2, stop
    return der.header(data, position, end)


def _octet_string(octets: bytes) -> bytes:
    if len(octets) == 22 and octets[:2] == b"\x04\x14":  # as nearly all are: a SHA-1
        return octets[2:]
    return extensions.read_octet_string(octets)


def _null(octets: bytes) -> bool:
    der.decode(octets).expect(der.NULL).null()
    return True


READERS: Final[Mapping[str, Callable[[bytes], Any]]] = MappingProxyType(
    {
        AUTHORITY_INFORMATION_ACCESS: extensions.read_access_descriptions,
        AUTHORITY_KEY_IDENTIFIER: extensions.read_authority_key_identifier,
        BASIC_CONSTRAINTS: extensions.read_basic_constraints,
        CERTIFICATE_POLICIES: extensions.read_policies,
        CRL_DISTRIBUTION_POINTS: extensions.read_distribution_points,
        EXTENDED_KEY_USAGE: extensions.read_object_identifiers,
        FRESHEST_CRL: extensions.read_distribution_points,
        KEY_USAGE: extensions.read_key_usage,
        NAME_CONSTRAINTS: extensions.read_name_constraints,
        NO_REVOCATION_AVAILABLE: _null,
        OCSP_NO_CHECK: _null,
        QC_STATEMENTS: extensions.read_qc_statements,
        SUBJECT_ALTERNATIVE_NAME: _alternative_names,
        SUBJECT_KEY_IDENTIFIER: _octet_string,
    }
)
