"""Which rows of the tolerance table an object makes use of.

The readers of the ground take what these rows forgive; here it is said aloud, so that a report
can list it and a policy can refuse it. Rows that are not accepted are named as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eds import der, extensions
from eds.algorithms import ECDSA, SIGNATURE_ALGORITHMS
from eds.errors import MalformedDer
from eds.names import ATTRIBUTE_TYPES, Name
from eds.tolerances import (
    EMPTY_OCSP_NO_CHECK,
    EXPLICIT_DEFAULT,
    KEY_USAGE_TRAILING_ZEROS,
    MISSING_NULL,
    NON_POSITIVE_SERIAL_NUMBER,
    OVERLONG_ATTRIBUTE,
    OVERLONG_SERIAL_NUMBER,
    PRINTABLE_STRING_CHARSET,
    SIGNATURE_ALGORITHM_NULL_MISMATCH,
    SUPERFLUOUS_NULL,
    Tolerance,
)

_WITH_NULL: Final = frozenset(
    row.oid for row in SIGNATURE_ALGORITHMS if row.parameters == der.null()
)
_OF_ECDSA: Final = frozenset(row.oid for row in ECDSA)
_UPPER_BOUNDS: Final = {row.oid: row.upper_bound for row in ATTRIBUTE_TYPES}


def _parts(identifier: der.Element) -> tuple[str, bytes]:
    fields = identifier.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    parameters = fields.take().encoded if fields.next_tag is not None else b""
    fields.finish()
    return oid, parameters


def of_algorithm(identifier: der.Element) -> Iterator[Tolerance]:
    """What one AlgorithmIdentifier of a signature departs in."""
    oid, parameters = _parts(identifier)
    if not parameters and oid in _WITH_NULL:
        yield MISSING_NULL
    if parameters == der.null() and oid in _OF_ECDSA:
        yield SUPERFLUOUS_NULL


def of_algorithms(inner: der.Element, outer: der.Element) -> Iterator[Tolerance]:
    """What the signed and the unsigned AlgorithmIdentifier of one object depart in.

    Raises MalformedDer where they differ in more than a NULL (RFC 5280 §4.1.1.2).
    """
    yield from of_algorithm(outer)
    if inner.encoded == outer.encoded:
        return
    (inner_oid, inner_parameters), (outer_oid, outer_parameters) = _parts(inner), _parts(outer)
    if inner_oid != outer_oid or {inner_parameters, outer_parameters} != {b"", der.null()}:
        raise MalformedDer(
            reason="the signature algorithm inside is another one than outside", offset=inner.start
        )
    yield SIGNATURE_ALGORITHM_NULL_MISMATCH


def of_serial_number(serial_number: der.Element) -> Iterator[Tolerance]:
    """What a certificate's serial number departs in."""
    if serial_number.integer(limits=extensions.SERIAL_LIMITS) <= 0:
        yield NON_POSITIVE_SERIAL_NUMBER
    if len(serial_number.octets) > 20:
        yield OVERLONG_SERIAL_NUMBER


def of_name(name: Name) -> Iterator[Tolerance]:
    """What a name departs in."""
    for attribute in name.attributes:
        if len(attribute.text) > _UPPER_BOUNDS.get(attribute.oid, 32768):
            yield OVERLONG_ATTRIBUTE
        if attribute.tag == der.PRINTABLE_STRING and not der.is_printable(attribute.text):
            yield PRINTABLE_STRING_CHARSET


def of_extensions(found: der.Element | None) -> Iterator[Tolerance]:
    """What a list of extensions departs in."""
    for item in () if found is None else found.iterate():
        fields = item.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        critical = fields.optional(der.BOOLEAN)
        octets = fields.take(der.OCTET_STRING).octets
        if critical is not None and not critical.boolean():
            yield EXPLICIT_DEFAULT
        if oid == extensions.BASIC_CONSTRAINTS:
            ca = der.decode(octets).fields().optional(der.BOOLEAN)
            if ca is not None and not ca.boolean():
                yield EXPLICIT_DEFAULT
        elif oid == extensions.KEY_USAGE:
            value, unused = der.decode(octets).expect(der.BIT_STRING).bits()
            if value and not value[-1] >> unused & 1:
                yield KEY_USAGE_TRAILING_ZEROS
        elif oid == extensions.OCSP_NO_CHECK and not octets:
            yield EMPTY_OCSP_NO_CHECK


def of_version(version: der.Element | None) -> Iterator[Tolerance]:
    """What an explicit version departs in: version 1 is the default, and not written."""
    if version is not None and version.only_child().integer() == 0:
        yield EXPLICIT_DEFAULT
