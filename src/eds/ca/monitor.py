"""The guard in front of an authority's key: it reads the very bytes and refuses what must not be.

It trusts nobody: no profile, no lint, no caller. It imports nothing of the authority but errors
and DER, so that a fault elsewhere is not repeated here. Each kind of object an authority signs has
its own entry; there is none for bytes of any other kind (EN 319 411-1 GEN-6.5.3-03).
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final, NoReturn

from .. import der
from ..errors import DecodeError, MonitorRefused


class GuardedKey(Enum):
    """Whose key it is that is about to sign."""

    ROOT = "root"
    ISSUING_AUTHORITY = "issuing-authority"
    OCSP_RESPONDER = "ocsp-responder"
    TIME_STAMPING = "time-stamping"


# serverAuth, any purpose, the two "server gated cryptography", EAP servers, Kerberos KDC.
_FORBIDDEN_PURPOSES: Final = frozenset(
    {
        "1.3.6.1.5.5.7.3.1",
        "2.5.29.37.0",
        "1.3.6.1.4.1.311.10.3.3",
        "2.16.840.1.113730.4.1",
        "1.3.6.1.5.5.7.3.13",
        "1.3.6.1.5.5.7.3.14",
        "1.3.6.1.5.2.3.5",
    }
)
_OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
_TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
_KEY_USAGE: Final = "2.5.29.15"
_ALTERNATIVE_NAME: Final = "2.5.29.17"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_NAME_CONSTRAINTS: Final = "2.5.29.30"
_PURPOSES: Final = "2.5.29.37"
_NETSCAPE: Final = "2.16.840.1.113730."  # certificate type and its kin: "SSL server", "SSL CA"
# Of the alternative names only those that name no machine: otherName, rfc822Name, directoryName
# and registeredID.
_NAMES: Final = frozenset({0xA0, 0x81, 0xA4, 0x88})
_AUTHORITY_BITS: Final = (5, 6)  # keyCertSign, cRLSign
_CERTIFICATE_SIGNERS: Final = (GuardedKey.ROOT, GuardedKey.ISSUING_AUTHORITY)

_SERIAL: Final = der.Limits(integer=20)
_VERSION_3: Final = b"\x02\x01\x02"
# Version, serial number, algorithm, issuer, validity, subject, key, extensions: all there, in
# their order, and nothing else.
_CERTIFICATE: Final = bytes((0xA0, der.INTEGER, *[der.SEQUENCE] * 5, 0xA3))

_Extensions = dict[str, tuple[bool, bytes]]


def permit_certificate(tbs: bytes, *, issuer_kind: GuardedKey) -> None:
    """Raises MonitorRefused unless this TBSCertificate may be signed by a key of that kind."""
    if issuer_kind not in _CERTIFICATE_SIGNERS:
        _refuse("this key signs no certificates")
    try:
        fields = der.decode(tbs).usual_fields(_CERTIFICATE)
        if fields is None:
            _refuse("not the fields of a certificate with extensions")
        if fields[0].octets != _VERSION_3 or fields[1].integer(limits=_SERIAL) <= 0:
            _refuse("not version 3, or a serial number that is not positive")
        _permit_extensions(der.decode(fields[7].octets).expect(der.SEQUENCE), issuer_kind)
    except DecodeError as error:
        raise MonitorRefused(reason=f"not a certificate: {error}") from error


def _permit_extensions(items: der.Element, issuer_kind: GuardedKey) -> None:
    data, position, end = items.data, items.content, items.end
    # All but a key identifier and a name behind it, the leaves of one list have in common.
    own = data.find(_KEY_IDENTIFIER, position, end)
    rest = own + len(_KEY_IDENTIFIER) + 20
    if position < own and rest <= end:
        before, name_tag = data[position:own], None
        head = data[rest : rest + 13]
        if (
            len(head) == 13
            and 11 <= (size := head[1]) < 0x80
            and rest + 2 + size <= end
            and head[:11] == _ONE_NAME % (size, size - 7, size - 9)
            and head[12] == size - 11
        ):
            rest, name_tag = rest + 2 + size, head[11]
        try:
            return _permit_usual(before, name_tag, data[rest:end], issuer_kind)
        except DecodeError:
            pass  # those octets stood inside of an extension, or the error shall name its place
    return _judge(_read_extensions(items, {}), issuer_kind)


# SEQUENCE, OID 2.5.29.14, OCTET STRING around a SHA-1.
_KEY_IDENTIFIER: Final = bytes.fromhex("301d0603551d0e04160414")
# SEQUENCE, OID 2.5.29.17, OCTET STRING, SEQUENCE: their lengths are wanting.
_ONE_NAME: Final = b"\x30%c\x06\x03\x55\x1d\x11\x04%c\x30%c"


@lru_cache(maxsize=1024)  # the same octets say the same thing again
def _permit_usual(
    before: bytes, name_tag: int | None, behind: bytes, issuer_kind: GuardedKey
) -> None:
    """Judge extensions of which a key identifier, and what a name says, are not given.

    These nobody looks at. Raises DecodeError where the rest is not made of whole extensions.
    """
    own = _KEY_IDENTIFIER + bytes(20)
    if name_tag is not None:
        own += _ONE_NAME % (11, 4, 2) + bytes((name_tag, 0))
    found: _Extensions = {}
    for octets in (before, own, behind):
        _read_extensions(der.Element(octets, der.SEQUENCE, 0, 0, len(octets)), found)
    _judge(found, issuer_kind)


def _judge(extensions: _Extensions, issuer_kind: GuardedKey) -> None:
    purposes = _purposes(extensions)
    is_authority, path_length = _constraints(extensions)
    usage = _bits(extensions)
    kinds = _name_tags(extensions)
    if not purposes:
        _refuse("no extended key usage: good for everything")
    if not _FORBIDDEN_PURPOSES.isdisjoint(purposes):
        _refuse("a purpose of servers, or any purpose")
    if not _NAMES.issuperset(kinds):
        _refuse("an alternative name that can be a host")
    if is_authority:
        _permit_authority(extensions, issuer_kind, path_length, purposes)
    elif not usage.isdisjoint(_AUTHORITY_BITS):
        _refuse("keyCertSign or cRLSign without CA=true")
    else:
        _permit_leaf(extensions, issuer_kind, purposes)


def _permit_authority(
    extensions: _Extensions,
    issuer_kind: GuardedKey,
    path_length: int | None,
    purposes: tuple[str, ...],
) -> None:
    if issuer_kind is not GuardedKey.ROOT:
        _refuse("CA=true, and not from a root")
    if _OCSP_SIGNING in purposes:
        _refuse("an authority that could answer for its own issuer")
    if path_length is None:
        _refuse("an authority without a path length")
    if not extensions.get(_NAME_CONSTRAINTS, (False, b""))[0]:
        _refuse("an authority without critical name constraints")


def _permit_leaf(
    extensions: _Extensions, issuer_kind: GuardedKey, purposes: tuple[str, ...]
) -> None:
    if _OCSP_SIGNING in purposes and not (
        purposes == (_OCSP_SIGNING,) and _ALTERNATIVE_NAME not in extensions
    ):
        _refuse("OCSPSigning outside a responder's certificate")
    if _TIME_STAMPING in purposes and not (
        purposes == (_TIME_STAMPING,) and extensions[_PURPOSES][0]
    ):
        _refuse("timeStamping that is not alone and critical")
    if issuer_kind is GuardedKey.ROOT and purposes != (_OCSP_SIGNING,):
        _refuse("a root certifies authorities and its responder alone")


def permit_list(tbs: bytes, *, issuer_kind: GuardedKey) -> None:
    """Raises MonitorRefused unless this TBSCertList may be signed by a key of that kind."""
    if issuer_kind not in _CERTIFICATE_SIGNERS:
        _refuse("this key signs no lists")
    try:
        outer = der.decode(tbs, limits=_LIST).fields()
        version = outer.take(der.INTEGER).integer()
        outer.take(der.SEQUENCE)
        outer.take(der.SEQUENCE)
        for _ in range(2):  # a certificate's validity is one SEQUENCE, a list has two times
            if outer.take().tag not in (der.UTC_TIME, der.GENERALIZED_TIME):
                _refuse("not a list: no time where thisUpdate and nextUpdate stand")
        outer.optional(der.SEQUENCE)
        outer.take(0xA0)
        outer.finish()
    except DecodeError as error:
        raise MonitorRefused(reason=f"not a list: {error}") from error
    if version != 1:
        _refuse("not a list of version 2")


_LIST: Final = der.Limits(size=1 << 31)


def permit_ocsp(response_data: bytes, *, issuer_kind: GuardedKey) -> None:
    """Raises MonitorRefused unless this ResponseData may be signed: by a responder's key alone."""
    if issuer_kind is not GuardedKey.OCSP_RESPONDER:
        _refuse("this key signs no OCSP responses")
    found = []
    try:
        tag, position, end = der.header(response_data, 0, len(response_data))
        while position < end:
            found.append(response_data[position])
            position = der.header(response_data, position, end)[2]
    except DecodeError as error:
        raise MonitorRefused(reason=f"not an OCSP response: {error}") from error
    if tag != der.SEQUENCE or end != len(response_data) or bytes(found) not in _RESPONSE_DATA:
        _refuse("not an OCSP response: other fields")


# A version or none, who responds (by name or by key), when, to what, extensions or none.
_RESPONSE_DATA: Final = frozenset(
    bytes((*version, responder, der.GENERALIZED_TIME, der.SEQUENCE, *extensions))
    for version in (b"", b"\xa0")
    for responder in b"\xa1\xa2"
    for extensions in (b"", b"\xa1")
)
_CONTENT_TYPE: Final = der.object_identifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST: Final = der.object_identifier("1.2.840.113549.1.9.4")
_TST_INFO: Final = der.object_identifier("1.2.840.113549.1.9.16.1.4")


def permit_time_stamp(signed_attributes: bytes, *, issuer_kind: GuardedKey) -> None:
    """Raises MonitorRefused unless these are the signed attributes of a time-stamp token."""
    if issuer_kind is not GuardedKey.TIME_STAMPING:
        _refuse("this key signs no time-stamps")
    found: dict[bytes, bytes] = {}
    count = 0
    try:
        attributes = der.decode(signed_attributes).fields(der.SET)
        while attributes.next_tag is not None:
            attribute = attributes.fields()
            oid = attribute.encoded(der.OBJECT_IDENTIFIER)
            found[oid] = attribute.octets(der.SET)
            attribute.finish()
            count += 1
    except DecodeError as error:
        raise MonitorRefused(reason=f"not signed attributes: {error}") from error
    if found.get(_CONTENT_TYPE) != _TST_INFO or _MESSAGE_DIGEST not in found:
        _refuse("not the signed attributes of a time-stamp token")
    if count != len(found):
        _refuse("an attribute twice")


# --- reading ------------------------------------------------------------------------------------


def _read_extensions(items: der.Element, found: _Extensions) -> _Extensions:
    """The extensions that stand there, beside those that were found."""
    data, position, end = items.data, items.content, items.end
    while position < end:
        stop = der.header(data, position, end)[2]
        oid, critical, value = _read_extension(data[position:stop])
        if oid in found:
            items.fail("an extension twice")
        found[oid] = critical, value
        position = stop
    return found


@lru_cache(maxsize=4096)
def _read_extension(encoded: bytes) -> tuple[str, bool, bytes]:
    fields = der.decode(encoded).fields()
    oid = fields.object_identifier()
    critical = fields.optional(der.BOOLEAN)
    value = fields.octets(der.OCTET_STRING)
    fields.finish()
    if oid.startswith(_NETSCAPE):
        _refuse("a Netscape extension")
    return oid, critical is not None and critical.boolean(), value


def _purposes(extensions: _Extensions) -> tuple[str, ...]:
    if _PURPOSES not in extensions:
        return ()
    return tuple(
        item.expect(der.OBJECT_IDENTIFIER).object_identifier()
        for item in der.decode(extensions[_PURPOSES][1]).expect(der.SEQUENCE).iterate()
    )


def _constraints(extensions: _Extensions) -> tuple[bool, int | None]:
    if _BASIC_CONSTRAINTS not in extensions:
        return False, None
    fields = der.decode(extensions[_BASIC_CONSTRAINTS][1]).fields()
    ca = fields.optional(der.BOOLEAN)
    length = fields.optional(der.INTEGER)
    fields.finish()
    return ca is not None and ca.boolean(), None if length is None else length.small(16)


def _bits(extensions: _Extensions) -> frozenset[int]:
    if _KEY_USAGE not in extensions:
        return frozenset()
    return der.decode(extensions[_KEY_USAGE][1]).expect(der.BIT_STRING).named_bits()


def _name_tags(extensions: _Extensions) -> set[int]:
    if _ALTERNATIVE_NAME not in extensions:
        return set()
    value = extensions[_ALTERNATIVE_NAME][1]
    return {name.tag for name in der.decode(value).expect(der.SEQUENCE).iterate()}


def _refuse(reason: str) -> NoReturn:
    raise MonitorRefused(reason=reason)
