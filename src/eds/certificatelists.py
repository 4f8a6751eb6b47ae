"""Certificate revocation lists (RFC 5280 §5) as frozen values over their bytes.

Opening a list reads its head. Its entries, which may be millions, are walked only when asked
for, straight from the bytes, and indexed by serial number once look-ups are worth it: one pass,
some 0.3 µs an entry, about 100 octets each. `eds` reads lists itself because a look-up through
`cryptography` is linear in the size of the list.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from eds import departures, der, extensions
from eds.errors import DecodeError, MalformedCertificateList, MalformedDer
from eds.extensions import (
    DistributionPoint,
    Extension,
    GeneralName,
    RevocationReason,
)
from eds.formats import Format
from eds.names import Name
from eds.tolerances import Tolerance
from eds.values import Encoded, extension_value, read_once

R = TypeVar("R")

# How nearly all lists begin, up to the length of the AlgorithmIdentifier: two lengths of two
# octets, the version. And what stands before each of two times before 2050.
_EXTENSIONS: Final = der.context(0)
_HEAD: Final = struct.Struct(">HHHHIB")
_LONG_SEQUENCE: Final = der.SEQUENCE << 8 | 0x82
_VERSION_2: Final = int.from_bytes((der.INTEGER, 1, 1, der.SEQUENCE), "big")
_TIME: Final = bytes((der.UTC_TIME, 13))
_NO_EXTENSIONS: Final[Mapping[str, Extension]] = MappingProxyType({})
_new: Final = tuple.__new__  # half the cost of `_Fields(…)`, as in `der`
_SEARCHES: Final = 16
_TELLING: Final = 8  # octets; shorter serial numbers are met by chance
# What a plain list does not have.
_ABSENT: Final = dict.fromkeys(
    ("delta_crl_indicator", "issuing_distribution_point", "expired_certificates_since")
)
_CRITICAL: Final = b"\x01\x01\xff\x04"  # critical TRUE, and the OCTET STRING after it


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedEntry:
    """One entry of a list (RFC 5280 §5.3).

    `reason` is None where the list gives none. `certificate_issuer` is who issued the
    certificate, where an indirect list says so, here or at an entry before (§5.3.3); empty:
    the issuer of the list.
    """

    serial_number: int
    revocation_date: datetime
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None
    certificate_issuer: tuple[GeneralName, ...] = ()
    extensions: Mapping[str, Extension] = field(
        default_factory=lambda: _NO_EXTENSIONS, repr=False, hash=False
    )


class _Fields(NamedTuple):
    """Where the fields of a list stand."""

    tbs: der.Element
    version: int
    inner_algorithm: der.Element
    issuer: der.Element
    this_update: datetime
    next_update: datetime | None
    revoked: der.Element | None
    extensions: der.Element | None
    outer_algorithm: der.Element
    signature: der.Element


def _usual_fields(data: bytes) -> _Fields | None:
    """The fields of a list as nearly all are: version 2, entries, extensions, times before 2050.

    Read where they must stand if it is one, of less than 64 KiB. None is no refusal: the others
    are read field by field.
    """
    try:
        head, size, tbs_head, tbs_size, version, length = _HEAD.unpack_from(data)
        end, tbs_end, issuer = 4 + size, 8 + tbs_size, 13 + length
        this = issuer + 2 + data[issuer + 1]
        entries = this + 30
        if (
            head != _LONG_SEQUENCE
            or tbs_head != _LONG_SEQUENCE
            or version != _VERSION_2
            or end != len(data)
            or length >= 0x80
            or data[issuer] != der.SEQUENCE
            or data[issuer + 1] >= 0x80
            or data[this : this + 2] != _TIME
            or data[this + 15 : this + 17] != _TIME
            or not 0x100 <= tbs_size < size
        ):
            return None
        content, stop = entries + 2, entries + 2 + data[entries + 1]
        if data[entries + 1] >= 0x80:
            _, content, stop = der.header(data, entries, tbs_end)
        found, size = stop + 4, tbs_end - stop
        outer, signature = data[tbs_end + 1], tbs_end + 2 + data[tbs_end + 1]
        if (
            data[entries] != der.SEQUENCE
            or outer >= 0x80
            or not 4 <= size < 0x82
            or data[stop:found] != bytes((_EXTENSIONS, size - 2, der.SEQUENCE, size - 4))
            or data[tbs_end] != der.SEQUENCE
            or data[signature] != der.BIT_STRING
        ):
            return None
        value, last = signature + 2, signature + 2 + data[signature + 1]
        if data[signature + 1] >= 0x80:
            _, value, last = der.header(data, signature, end)
        if last != end:
            return None
        return _new(
            _Fields,
            (
                _new(der.Element, (data, der.SEQUENCE, 4, 8, tbs_end)),
                2,
                _new(der.Element, (data, der.SEQUENCE, 11, 13, issuer)),
                _new(der.Element, (data, der.SEQUENCE, issuer, issuer + 2, this)),
                _new(der.Element, (data, der.UTC_TIME, this, this + 2, this + 15)).time(),
                _new(der.Element, (data, der.UTC_TIME, entries - 15, entries - 13, entries)).time(),
                _new(der.Element, (data, der.SEQUENCE, entries, content, stop)),
                _new(der.Element, (data, der.SEQUENCE, stop + 2, found, tbs_end)),
                _new(der.Element, (data, der.SEQUENCE, tbs_end, tbs_end + 2, signature)),
                _new(der.Element, (data, der.BIT_STRING, signature, value, end)),
            ),
        )
    except (IndexError, struct.error, DecodeError):
        return None


def _read_time(octets: bytes) -> datetime:
    return der.decode(octets).expect(der.GENERALIZED_TIME).time()


class CertificateList(Encoded):
    """One CertificateList (RFC 5280 §5.1), at most 64 MiB.

    Raises MalformedCertificateList when the bytes are not a list; an entry or extension that
    is not what it must be raises it when it is read.
    """

    malformed = MalformedCertificateList
    format = Format.CERTIFICATE_LIST
    size_limit = 64 * 1024 * 1024

    def __init__(self, encoded: bytes) -> None:
        super().__init__(encoded)
        _ = self._fields

    @read_once
    def _fields(self) -> _Fields:
        usual = _usual_fields(self.encoded)
        if usual is not None:
            return usual
        outer = der.decode(self.encoded).fields()
        tbs = outer.take(der.SEQUENCE)
        outer_algorithm = outer.take(der.SEQUENCE)
        signature = outer.take(der.BIT_STRING)
        outer.finish()
        inner = tbs.fields()
        version = inner.optional(der.INTEGER)
        inner_algorithm = inner.take(der.SEQUENCE)
        issuer = inner.take(der.SEQUENCE)
        this_update = inner.take().time()
        next_update = None
        if inner.next_tag in {der.UTC_TIME, der.GENERALIZED_TIME}:
            next_update = inner.take().time()
        revoked = inner.optional(der.SEQUENCE)
        found = inner.optional(der.context(0))
        inner.finish()
        if version is not None and version.small(1) != 1:
            version.fail("a version other than 2 is not written")
        return _Fields(
            tbs=tbs,
            version=1 if version is None else 2,
            inner_algorithm=inner_algorithm,
            issuer=issuer,
            this_update=this_update,
            next_update=next_update,
            revoked=revoked,
            extensions=None if found is None else found.only_child(),
            outer_algorithm=outer_algorithm,
            signature=signature,
        )

    # -- the head

    @property
    def version(self) -> int:
        """1 or 2."""
        return self._fields.version

    @property
    def issuer_encoded(self) -> bytes:
        """The name of who issued the list, as it stands there."""
        return self._fields.issuer.encoded

    @read_once
    def issuer(self) -> Name:
        """Who issued the list."""
        return Name(self.issuer_encoded)

    @property
    def this_update(self) -> datetime:
        """When it was issued, aware, UTC."""
        return self._fields.this_update

    @property
    def next_update(self) -> datetime | None:
        """By when the next one comes, aware, UTC."""
        return self._fields.next_update

    # -- the signature

    @property
    def tbs_encoded(self) -> bytes:
        """The octets that are signed."""
        return self._fields.tbs.encoded

    @property
    def tbs_signature_algorithm(self) -> der.Element:
        """The AlgorithmIdentifier inside the signed part."""
        return self._fields.inner_algorithm

    @read_once
    def signature_algorithm(self) -> der.Element:
        """The AlgorithmIdentifier beside the signature, ready for `algorithms.identify`.

        One that differs from the one inside in more than a NULL is refused.
        """
        inner, outer = self._fields.inner_algorithm, self._fields.outer_algorithm
        if inner.encoded != outer.encoded:
            _ = tuple(departures.of_algorithms(inner, outer))
        return outer

    @read_once
    def signature(self) -> bytes:
        """The octets of the signature value."""
        data, _, _, content, end = found = self._fields.signature
        if content < end and data[content] == 0:  # no bits left unused
            return data[content + 1 : end]
        return found.bit_string()

    # -- extensions: first those that are named by the module `extensions`, then the property

    crl_number = extension_value(extensions.CRL_NUMBER, extensions.read_integer)
    """The number of the list (§5.2.3)."""

    delta_crl_indicator = extension_value(extensions.DELTA_CRL_INDICATOR, extensions.read_integer)
    """In a delta list: the number of the list it builds on (§5.2.4)."""

    issuing_distribution_point = extension_value(
        extensions.ISSUING_DISTRIBUTION_POINT, extensions.read_issuing_distribution_point
    )
    """The scope of the list (§5.2.5); None: all certificates of its issuer."""

    authority_key_identifier = extension_value(
        extensions.AUTHORITY_KEY_IDENTIFIER, extensions.read_authority_key_identifier
    )
    """What names the key that signed the list."""

    expired_certificates_since = extension_value(extensions.EXPIRED_CERTS_ON_CRL, _read_time)
    """Certificates that expired from this day on stay listed (X.509 expiredCertsOnCRL)."""

    @read_once
    def extensions(self) -> Mapping[str, Extension]:
        """The extensions of the list by their OID. One OID twice is refused."""
        found = self._fields.extensions
        return _NO_EXTENSIONS if found is None else extensions.read_extensions(found)

    @read_once
    def is_plain(self) -> bool:
        """Whether its extensions say nothing but its number and what names its key.

        Such a list is complete, and about all certificates of its issuer. False says nothing.
        """
        found = self._fields.extensions
        if (
            found is None
            or found.tag != der.SEQUENCE
            or not extensions.only_identify(found.data, found.content, found.end)
        ):
            return False
        self.__dict__.update(_ABSENT)
        return True

    def _extension(self, oid: str, read: Callable[[bytes], R]) -> R | None:
        extension = self.extensions.get(oid)
        if extension is None:
            return None
        try:
            return read(extension.octets)
        except DecodeError as error:
            raise MalformedCertificateList(reason=f"extension {oid}: {error}") from error

    @property
    def is_delta(self) -> bool:
        """Whether it lists only what changed."""
        return not self.is_plain and extensions.DELTA_CRL_INDICATOR in self.extensions

    @read_once
    def freshest_crl(self) -> tuple[DistributionPoint, ...]:
        """Where delta lists for this one are; empty where not said."""
        return self._extension(extensions.FRESHEST_CRL, extensions.read_distribution_points) or ()

    @read_once
    def tolerances(self) -> frozenset[Tolerance]:
        """The named departures that reading its head made use of; the entries are not looked at."""
        fields = self._fields
        return frozenset(
            chain(
                departures.of_algorithms(fields.inner_algorithm, fields.outer_algorithm),
                departures.of_name(self.issuer),
                departures.of_extensions(fields.extensions),
            )
        )

    # -- entries

    @read_once
    def _index(self) -> dict[bytes, int]:
        """Offsets of the entries by the content octets of their serial numbers.

        Where one serial number stands several times, `_more` has the offsets after the first.
        """
        index: dict[bytes, int] = {}
        more: dict[bytes, list[int]] = {}
        count = 0
        for serial, offset in self._serial_numbers():
            index[serial] = offset
            count += 1
        if count != len(index):
            index.clear()
            for serial, offset in self._serial_numbers():
                if index.setdefault(serial, offset) != offset:
                    more.setdefault(serial, []).append(offset)
        self.__dict__["_more"] = more
        return index

    def _serial_numbers(self) -> Iterator[tuple[bytes, int]]:
        """The content octets of each serial number, and where its entry stands."""
        revoked = self._fields.revoked
        if revoked is None:
            return
        data, position, end = self.encoded, revoked.content, revoked.end
        # A tight loop. The usual entry is shorter than 128 octets, its serial number positive
        # and at most 64; everything else goes through `header`.
        while position < end:
            try:
                length, size, first = data[position + 1], data[position + 3], position + 4
                last = first + size
                stop = position + 2 + length
                if (
                    length < 0x80
                    and 0 < data[first] < 0xFF
                    and last < stop <= end
                    and size <= 64
                    and data[position] == der.SEQUENCE
                    and data[position + 2] == der.INTEGER
                ):
                    yield data[first:last], position
                    position = stop
                    continue
            except IndexError:
                pass
            entry = der.element(data, position, end).fields()
            serial_number = entry.take(der.INTEGER)
            serial_number.integer(limits=extensions.SERIAL_LIMITS)  # minimal, or it would hide
            yield serial_number.octets, position
            position = der.header(data, position, end)[2]

    def __len__(self) -> int:
        """How many entries it has."""
        index = self._index
        return len(index) + sum(map(len, self.__dict__["_more"].values()))

    def __bool__(self) -> bool:
        return True  # a list without entries is a list

    def __iter__(self) -> Iterator[RevokedEntry]:
        """The entries in their order, each read when its turn comes."""
        revoked = self._fields.revoked
        if revoked is None:
            return
        try:
            for element in revoked.iterate():
                yield self._read(element.start)
        except MalformedDer as error:
            raise MalformedCertificateList(reason=str(error)) from error

    def find(self, serial_number: int, *, issuer: Name | None = None) -> RevokedEntry | None:
        """The entry of the certificate with that serial number; None where it is not listed.

        `issuer` is who issued the certificate; None: the issuer of the list. Where one
        certificate stands there several times, the earliest revocation counts, and a removal
        only where there is no revocation.
        """
        # The content octets of the INTEGER: what the index is keyed by.
        size = ((serial_number if serial_number >= 0 else ~serial_number).bit_length() >> 3) + 1
        serial = serial_number.to_bytes(size, "big", signed=True)
        if self._is_nowhere(serial):
            return None
        first = self._index.get(serial)
        if first is None:
            return None
        entries = [self._read(first)]
        entries += [self._read(offset) for offset in self.__dict__["_more"].get(serial, ())]
        meant = issuer or self.issuer
        return min(
            (entry for entry in entries if self._is_issued_by(entry, meant)),
            key=lambda entry: (
                entry.reason is RevocationReason.REMOVE_FROM_CRL,
                entry.revocation_date,
            ),
            default=None,
        )

    @read_once
    def critical_entry_extensions(self) -> frozenset[str]:
        """The OIDs of the critical extensions of its entries, all entries considered.

        A list with one that is not understood says nothing about certificates that are not on
        it (RFC 5280 §5.3).
        """
        revoked = self._fields.revoked
        # TRUE has one encoding, and the value of the extension follows it: most lists hold this
        # nowhere, and then there is nothing to walk.
        if revoked is None or self.encoded.find(_CRITICAL, revoked.content, revoked.end) < 0:
            return frozenset()
        found: set[str] = set()
        for entry in revoked.iterate():
            if self.encoded.find(_CRITICAL, entry.content, entry.end) < 0:
                continue
            fields = entry.fields()
            fields.take(), fields.take()
            part = fields.optional(der.SEQUENCE)
            if part is not None:
                read = extensions.read_extensions(part).values()
                found.update(extension.oid for extension in read if extension.critical)
        return frozenset(found)

    def _is_nowhere(self, serial: bytes) -> bool:
        """Whether these octets stand nowhere among the entries, as far as one search can tell.

        A search is some twenty times cheaper than the index, and most certificates are not
        listed: the index is made when one is, or when the searches have cost as much.
        """
        fields = self.__dict__
        searched = fields.get("_searched", 0)
        if "_index" in fields or searched >= _SEARCHES or len(serial) < _TELLING:
            return False
        fields["_searched"] = searched + 1
        revoked = self._fields.revoked
        return revoked is None or self.encoded.find(serial, revoked.content, revoked.end) < 0

    def _is_issued_by(self, entry: RevokedEntry, issuer: Name) -> bool:
        if not entry.certificate_issuer:
            return issuer.matches(self.issuer)
        return any(
            name.directory_name is not None and name.directory_name.matches(issuer)
            for name in entry.certificate_issuer
        )

    def _read(self, offset: int) -> RevokedEntry:
        """The entry at `offset`. Raises MalformedCertificateList."""
        try:
            return self._read_entry(offset)
        except MalformedCertificateList:
            raise
        except DecodeError as error:
            raise MalformedCertificateList(reason=str(error)) from error

    def _read_entry(self, offset: int) -> RevokedEntry:
        fields = der.element(self.encoded, offset, len(self.encoded)).fields()
        serial_number = fields.take(der.INTEGER).integer(limits=extensions.SERIAL_LIMITS)
        revocation_date = fields.take().time()
        found = fields.optional(der.SEQUENCE)
        fields.finish()
        read = _NO_EXTENSIONS if found is None else extensions.read_extensions(found)
        reason = read.get(extensions.REASON_CODE)
        invalidity = read.get(extensions.INVALIDITY_DATE)
        return RevokedEntry(
            serial_number=serial_number,
            revocation_date=revocation_date,
            reason=None if reason is None else read_reason(der.decode(reason.octets)),
            invalidity_date=None if invalidity is None else _read_time(invalidity.octets),
            certificate_issuer=self._certificate_issuer(offset),
            extensions=read,
        )

    def _certificate_issuer(self, offset: int) -> tuple[GeneralName, ...]:
        offsets, issuers = self._issuer_changes
        place = bisect_right(offsets, offset)
        return issuers[place - 1] if place else ()

    @read_once
    def _issuer_changes(self) -> tuple[list[int], list[tuple[GeneralName, ...]]]:
        """In an indirect list: at which offsets another certificate issuer begins."""
        offsets: list[int] = []
        issuers: list[tuple[GeneralName, ...]] = []
        scope = self.issuing_distribution_point
        revoked = self._fields.revoked
        if scope is None or not scope.indirect or revoked is None:
            return offsets, issuers
        for entry in revoked.iterate():
            fields = entry.fields()
            fields.take(), fields.take()
            found = fields.optional(der.SEQUENCE)
            if found is None:
                continue
            issuer = extensions.read_extensions(found).get(extensions.CERTIFICATE_ISSUER)
            if issuer is not None:
                offsets.append(entry.start)
                issuers.append(extensions.read_alternative_names(issuer.octets))
        return offsets, issuers


def read_reason(element: der.Element) -> RevocationReason:
    """A CRLReason (RFC 5280 §5.3.1). Raises MalformedDer."""
    number = element.expect(der.ENUMERATED).small(127)
    try:
        return RevocationReason(number)
    except ValueError:
        element.fail("a reason that does not exist")
