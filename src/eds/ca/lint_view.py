"""What a rule of `eds.ca.lint` sees: a TBSCertificate read from its bytes, and nothing else.

Every header that is passed is checked, so that a view exists only of bytes that are DER in all
places but the inside of the extensions; their values are judged by rules.
"""

from __future__ import annotations

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
        fields = der.decode(tbs).fields()
        version = fields.optional(0xA0)
        self.version = b"" if version is None else version.encoded
        self.serial = fields.take(der.INTEGER).octets
        self.algorithm = fields.take(der.SEQUENCE).encoded
        self.issuer = fields.take(der.SEQUENCE).encoded
        validity = fields.take(der.SEQUENCE).fields()
        self.times = (validity.take(), validity.take())
        validity.finish()
        self.not_before, self.not_after = self.times[0].time(), self.times[1].time()
        self.subject = fields.take(der.SEQUENCE)
        self.public_key = PublicKey(fields.take(der.SEQUENCE).encoded)
        self.unique_identifiers = False
        while fields.next_tag in (0x81, 0x82):
            fields.take()
            self.unique_identifiers = True
        found = fields.optional(0xA3)
        fields.finish()
        self.extensions, shared = _extensions(found)
        # What many certificates have in common.
        self.shared_octets = (self.version, self.algorithm, self.issuer, *shared)
        self.attributes, self.joined_attributes = _attributes(self.subject)

    def extension(self, oid: str) -> Extension | None:
        """The first extension of that OID."""
        for item in self.extensions:
            if item.oid == oid:
                return item
        return None

    def read(self, oid: str) -> Any:
        """What a known extension says; None where it is absent or cannot be read."""
        if oid not in self.memo:
            item = self.extension(oid)
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


# Extensions that differ from certificate to certificate.
_OWN: Final = frozenset({SUBJECT_KEY_IDENTIFIER, SUBJECT_ALTERNATIVE_NAME})


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
        SUBJECT_ALTERNATIVE_NAME: extensions.read_alternative_names,
        SUBJECT_KEY_IDENTIFIER: extensions.read_octet_string,
    }
)


def _extensions(found: der.Element | None) -> tuple[tuple[Extension, ...], list[bytes]]:
    """All extensions, and the octets of those that many certificates share."""
    extensions_found: list[Extension] = []
    shared: list[bytes] = []
    if found is not None:
        items = found.only_child().expect(der.SEQUENCE)
        data, position, end = items.data, items.content, items.end
        while position < end:
            stop = der.header(data, position, end)[2]
            encoded = data[position:stop]
            if encoded.startswith(_KEY_IDENTIFIER) and len(encoded) == 31:
                extension = Extension(
                    oid=SUBJECT_KEY_IDENTIFIER, critical=False, octets=encoded[9:]
                )
            else:
                extension = _extension(encoded)
                if extension.oid not in _OWN:
                    shared.append(encoded)
            extensions_found.append(extension)
            position = stop
    return tuple(extensions_found), shared


# An Extension: SEQUENCE, OID 2.5.29.14, OCTET STRING around an OCTET STRING of 20.
_KEY_IDENTIFIER: Final = bytes.fromhex("301d0603551d0e04160414")


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
