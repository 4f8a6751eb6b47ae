"""X.501 names as frozen values over their bytes."""

from __future__ import annotations

from typing import NamedTuple

from eds import der
from eds.errors import MalformedName
from eds.values import Encoded, read_once

_LIMITS = der.Limits(size=64 * 1024, elements=256)


class NameAttribute(NamedTuple):
    """One AttributeTypeAndValue: its OID, its text and the tag of its string type."""

    oid: str
    text: str
    tag: int

    def __repr__(self) -> str:
        return f"<NameAttribute {self.oid}>"


class Name(Encoded):
    """A Name (RFC 5280 §4.1.2.4)."""

    malformed = MalformedName

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
                text = fields.take()
                fields.finish()
                attributes.append(NameAttribute(oid, text.text(), text.tag))
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
