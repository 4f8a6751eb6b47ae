"""Certificates (RFC 5280 §4) as frozen values over their bytes.

`cryptography` reads the whole once, in a few microseconds; every property is then read from the
bytes by `der` when it is asked for, so that keys and deviations `cryptography` refuses cost a
property nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple, Self, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from eds import ber, departures, der, extensions
from eds.errors import (
    DecodeError,
    MalformedCertificate,
    MalformedDer,
    NaiveDatetime,
    UnknownFormat,
)
from eds.extensions import (
    AccessDescription,
    DistributionPoint,
    Extension,
    QcStatement,
)
from eds.formats import Format, identify
from eds.names import Name
from eds.publickeys import PublicKey
from eds.tolerances import Tolerance
from eds.values import Encoded, extension_value, read_once

R = TypeVar("R")

_VERSION: Final = der.context(0)
_VERSION_3: Final = der.explicit(0, der.integer(2))
_EXTENSIONS: Final = der.context(3)

# What nearly all certificates consist of: the fields of the whole, and of a version 3
# TBSCertificate without unique identifiers.
_OUTER: Final = bytes((der.SEQUENCE, der.SEQUENCE, der.BIT_STRING))
_VERSION_3_FIELDS: Final = bytes(
    (der.context(0), der.INTEGER, *(der.SEQUENCE,) * 5, der.context(3))
)
_NO_EXTENSIONS: Final[Mapping[str, Extension]] = MappingProxyType({})
_load_native: Final = x509.load_der_x509_certificate
# What `x509.load_der_x509_certificate` raises; UserWarning where warnings are made errors.
_CANNOT_READ: Final = (
    IndexError,  # cut short before the serial number
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    UserWarning,
)


class _Fields(NamedTuple):
    """Where the fields of a certificate stand."""

    tbs: der.Element
    version: der.Element | None
    serial_number: der.Element
    inner_algorithm: der.Element
    issuer: der.Element
    validity: der.Element
    subject: der.Element
    public_key: der.Element
    extensions: der.Element | None
    outer_algorithm: der.Element
    signature: der.Element


class _Places(NamedTuple):
    """Where the fields that everybody asks for begin; each of the first eight ends at the next."""

    tbs: int
    serial_number: int  # its content
    algorithm: int
    issuer: int
    validity: int
    subject: int
    public_key: int
    after: int
    extensions: int | None
    outer_algorithm: int  # and the end of what is signed
    signature: int


def _usual_places(data: bytes) -> _Places | None:
    """The places in a version 3 certificate that `Certificate` took by its short road.

    Lengths alone are read: `cryptography` has held every header of it against DER, and two times
    are shorter than 128 octets. None: a shape to be read field by field.
    """
    end = 8 + (data[6] << 8 | data[7])
    size = data[14]
    algorithm = 15 + size
    width, outer = data[algorithm + 1], data[end + 1]
    if data[12] != 2 or size >= 0x80 or width >= 0x80 or outer >= 0x80:
        return None
    issuer = algorithm + 2 + width
    size = data[issuer + 1]
    validity = issuer + 2 + size if size < 0x80 else der.header(data, issuer, end)[2]
    subject = validity + 2 + data[validity + 1]
    size = data[subject + 1]
    public_key = subject + 2 + size if size < 0x80 else der.header(data, subject, end)[2]
    size = data[public_key + 1]
    after = public_key + 2 + size if size < 0x80 else der.header(data, public_key, end)[2]
    if data[after] != _EXTENSIONS:  # at the end there is the tag of what follows
        return None
    size = end - after  # under 64 KiB
    found = after + 2 if size < 0x82 else after + 3 if size < 0x103 else after + 4
    places = 4, 15, algorithm, issuer, validity, subject, public_key, after, found, end
    return _new(_Places, (*places, end + 2 + outer))


def _content(start: int, end: int) -> int:
    """Where the content of a value begins that DER wrote from `start` to `end`, under 64 KiB."""
    size = end - start
    return start + 2 if size < 0x82 else start + 3 if size < 0x103 else start + 4


_new: Final = tuple.__new__  # half the cost of `_Places(…)`, as in `der`


class Certificate(Encoded):
    """One Certificate (RFC 5280 §4.1), at most 64 KiB.

    Two certificates are equal when their bytes are. Raises MalformedCertificate when the bytes
    are not a certificate; a property raises it when the part it reads is not what it must be.
    """

    malformed = MalformedCertificate
    format = Format.CERTIFICATE

    def __init__(self, encoded: bytes) -> None:
        # `cryptography` warns about serial numbers that are not positive and will refuse them
        # one day; those take the other road. The number stands, nearly always, fifteen octets
        # in: two headers of four, the version in five, its own header in two.
        try:
            if (
                type(encoded) is bytes
                and encoded[13] == 0x02
                and encoded[15] < 0x80
                and (encoded[15] or encoded[14] > 1)
                and encoded[1] == encoded[5] == 0x82
                and encoded[8] == 0xA0
                and len(encoded) <= 65536
            ):
                fields = self.__dict__
                fields["native"] = _load_native(encoded)
                fields["encoded"] = encoded
                fields["_is_plain"] = True
                return
        except _CANNOT_READ:
            pass
        super().__init__(encoded)
        if _has_odd_serial_number(encoded):
            self._read_all()
            return
        try:
            self.__dict__["native"] = _load_native(encoded)
        except _CANNOT_READ:
            self._read_all()

    @classmethod
    def written(cls, encoded: bytes) -> Self:
        """The certificate that the caller has just put together of parts that were read before.

        Nothing is read again before it is asked for.
        """
        made = cls.__new__(cls)
        made.__dict__["encoded"] = encoded
        return made

    @classmethod
    def certificates(cls, data: bytes) -> tuple[Self, ...]:
        """All certificates in `data`, DER, PEM or base64, also those that come in a SignedData.

        Other objects are passed over. Raises MalformedCertificate, MalformedPem.
        """
        try:
            found = identify(data)
        except UnknownFormat:
            return ()
        certificates: list[Self] = []
        for item in found:
            if item.format is Format.CERTIFICATE:
                certificates.append(cls(item.octets))
            elif item.format is Format.SIGNED_DATA:
                certificates.extend(cls._in_signed_data(item.octets))
        return tuple(certificates)

    @classmethod
    def _in_signed_data(cls, encoded: bytes) -> Iterator[Self]:
        """The certificates of a SignedData (RFC 5652 §5.1), DER or BER."""
        try:
            content = der.decode(ber.to_der(encoded).encoded).fields()
            content.take(der.OBJECT_IDENTIFIER)
            fields = content.take(der.context(0)).only_child().fields()
            fields.take(der.INTEGER), fields.take(der.SET), fields.take(der.SEQUENCE)
            found = fields.optional(der.context(0))
            items = () if found is None else found.children()
        except DecodeError as error:
            raise MalformedCertificate(reason=f"SignedData around it: {error}") from error
        for item in items:
            if item.tag == der.SEQUENCE:
                yield cls(item.encoded)

    def _read_all(self) -> None:
        """Read every field, as `cryptography` would have done, and all of it strictly."""
        try:
            der.check(self.encoded)
        except MalformedDer as error:
            raise MalformedCertificate(reason=str(error)) from error
        for name in ("version", "serial_number", "issuer", "not_before", "subject", "signature"):
            getattr(self, name)
        _ = self.public_key, self.extensions

    @read_once
    def native(self) -> x509.Certificate:
        """The certificate as `cryptography` knows it, for those who hand it on.

        Its properties raise that library's own exceptions, and its repr shows the subject:
        the properties here do neither. Raises MalformedCertificate.
        """
        try:
            return _load_native(self.encoded)
        except _CANNOT_READ as error:
            raise MalformedCertificate(reason=f"cryptography: {error}") from error

    @read_once
    def _places(self) -> _Places:
        if "_is_plain" in self.__dict__:
            found = _usual_places(self.encoded)
            if found is not None:
                return found
        fields = self._fields
        key = fields.public_key
        return _Places(
            fields.tbs.start,
            fields.serial_number.content,
            fields.inner_algorithm.start,
            fields.issuer.start,
            fields.validity.start,
            fields.subject.start,
            key.start,
            key.end,
            None if fields.extensions is None else fields.extensions.start,
            fields.outer_algorithm.start,
            fields.signature.start,
        )

    @read_once
    def _fields(self) -> _Fields:
        whole = der.decode(self.encoded)
        usual = whole.usual_fields(_OUTER)
        if usual is not None:
            tbs, outer_algorithm, signature = usual
            usual = tbs.usual_fields(_VERSION_3_FIELDS)
            if usual is not None:
                usual[-1] = usual[-1].only_child()
                return _Fields._make((tbs, *usual, outer_algorithm, signature))
        outer = whole.fields()
        tbs = outer.take(der.SEQUENCE)
        outer_algorithm = outer.take(der.SEQUENCE)
        signature = outer.take(der.BIT_STRING)
        outer.finish()
        inner = tbs.fields()
        version = inner.optional(der.context(0))
        serial_number = inner.take(der.INTEGER)
        inner_algorithm = inner.take(der.SEQUENCE)
        issuer = inner.take(der.SEQUENCE)
        validity = inner.take(der.SEQUENCE)
        subject = inner.take(der.SEQUENCE)
        public_key = inner.take(der.SEQUENCE)
        inner.optional(der.context(1, constructed=False))
        inner.optional(der.context(2, constructed=False))
        found = inner.optional(der.context(3))
        inner.finish()
        return _Fields(
            tbs,
            version,
            serial_number,
            inner_algorithm,
            issuer,
            validity,
            subject,
            public_key,
            None if found is None else found.only_child(),
            outer_algorithm,
            signature,
        )

    # -- the fields of TBSCertificate

    @read_once
    def version(self) -> int:
        """1, 2 or 3."""
        serial_number = self._places.serial_number
        if self.encoded.startswith(_VERSION_3, serial_number - 7):
            return 3
        found = self._fields.version
        return 1 if found is None else 1 + found.only_child().expect(der.INTEGER).small(2)

    @read_once
    def serial_number(self) -> int:
        """The serial number; positive, unless the issuer went wrong."""
        octets = self.serial_number_octets
        if 0 < len(octets) <= 20 and 0 < octets[0] < 0x80:  # as nearly all
            return int.from_bytes(octets)
        places = self._places
        content = places.serial_number
        found = self.encoded, der.INTEGER, content - 2, content, places.algorithm
        return _new(der.Element, found).integer(limits=extensions.SERIAL_LIMITS)

    @property
    def serial_number_octets(self) -> bytes:
        """The content octets of the serial number, as lists and OCSP responses repeat them."""
        places = self._places
        return self.encoded[places.serial_number : places.algorithm]

    @read_once
    def issuer_encoded(self) -> bytes:
        """The name of who issued it, as it stands there."""
        places = self._places
        return self.encoded[places.issuer : places.validity]

    @read_once
    def issuer(self) -> Name:
        """Who issued it."""
        return Name(self.issuer_encoded)

    @read_once
    def subject_encoded(self) -> bytes:
        """The name of its subject, as it stands there."""
        places = self._places
        return self.encoded[places.subject : places.public_key]

    @read_once
    def subject(self) -> Name:
        """Whom it names."""
        return Name(self.subject_encoded)

    @read_once
    def validity(self) -> tuple[datetime, datetime]:
        """The first and the last instant of the validity period, aware, UTC."""
        native = self.__dict__.get("native")
        if native is not None:
            try:
                return native.not_valid_before_utc, native.not_valid_after_utc
            except ValueError:
                pass  # a year that `datetime` does not have: below it is said so
        fields = self._fields.validity.fields()
        not_before, not_after = fields.take().time(), fields.take().time()
        fields.finish()
        return not_before, not_after

    @property
    def not_before(self) -> datetime:
        """The first instant of the validity period, aware, UTC."""
        return self.validity[0]

    @property
    def not_after(self) -> datetime:
        """The last instant of the validity period, aware, UTC."""
        return self.validity[1]

    def in_validity_period(self, *, at: datetime) -> bool:
        """Whether `at` lies in the validity period, both ends included (RFC 5280 §4.1.2.5).

        Raises NaiveDatetime.
        """
        if at.tzinfo is None or at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        return self.not_before <= at <= self.not_after

    @read_once
    def public_key(self) -> PublicKey:
        """The key it certifies."""
        places = self._places
        return PublicKey(self.encoded[places.public_key : places.after])

    def inheriting(self, issuer: PublicKey) -> Certificate:
        """This certificate, its key completed by that of its issuer (`PublicKey.inheriting`).

        Equal to this one, and the same object for nearly all. Raises MalformedCertificate.
        """
        key = self.public_key
        whole = key.inheriting(issuer)
        if whole is key:
            return self
        completed = Certificate(self.encoded)
        completed.__dict__["public_key"] = whole
        return completed

    # -- the signature

    @property
    def tbs_encoded(self) -> bytes:
        """The octets that are signed."""
        places = self._places
        return self.encoded[places.tbs : places.outer_algorithm]

    @property
    def tbs_signature_algorithm(self) -> der.Element:
        """The AlgorithmIdentifier inside the signed part."""
        return self._fields.inner_algorithm

    @read_once
    def signature_algorithm(self) -> der.Element:
        """The AlgorithmIdentifier beside the signature, ready for `algorithms.identify`.

        One that differs from the one inside in more than a NULL is refused.
        """
        places, data = self._places, self.encoded
        first, last = places.outer_algorithm, places.signature
        if data[places.algorithm : places.issuer] == data[first:last]:
            if last - first < 0x82:
                return _new(der.Element, (data, der.SEQUENCE, first, first + 2, last))
            return der.element(data, first, last)
        inner, outer = self._fields.inner_algorithm, self._fields.outer_algorithm
        _ = tuple(departures.of_algorithms(inner, outer))
        return outer

    @read_once
    def signature(self) -> bytes:
        """The octets of the signature value."""
        data, start = self.encoded, self._places.signature
        return _new(
            der.Element, (data, der.BIT_STRING, start, _content(start, len(data)), len(data))
        ).bit_string()

    # -- extensions: first those that are named by the module `extensions`, then the property

    key_usage = extension_value(extensions.KEY_USAGE, extensions.read_key_usage)
    """What the key may do; None: not limited."""

    extended_key_usage = extension_value(
        extensions.EXTENDED_KEY_USAGE, extensions.read_object_identifiers
    )
    """The OIDs of the purposes; None: not limited."""

    basic_constraints = extension_value(
        extensions.BASIC_CONSTRAINTS, extensions.read_basic_constraints
    )
    """Whether the subject is an authority."""

    policies = extension_value(extensions.CERTIFICATE_POLICIES, extensions.read_policies)
    """The certificate policies."""

    policy_mappings = extension_value(extensions.POLICY_MAPPINGS, extensions.read_policy_mappings)
    """Pairs of (policy of the issuer, policy of the subject)."""

    policy_constraints = extension_value(
        extensions.POLICY_CONSTRAINTS, extensions.read_policy_constraints
    )
    """RFC 5280 §4.2.1.11."""

    inhibit_any_policy = extension_value(
        extensions.INHIBIT_ANY_POLICY, extensions.read_small_integer
    )
    """How many certificates may follow before anyPolicy counts no more."""

    name_constraints = extension_value(
        extensions.NAME_CONSTRAINTS, extensions.read_name_constraints
    )
    """RFC 5280 §4.2.1.10."""

    subject_alternative_names = extension_value(
        extensions.SUBJECT_ALTERNATIVE_NAME, extensions.read_alternative_names
    )
    """Other names of the subject."""

    issuer_alternative_names = extension_value(
        extensions.ISSUER_ALTERNATIVE_NAME, extensions.read_alternative_names
    )
    """Other names of the issuer."""

    subject_key_identifier = extension_value(
        extensions.SUBJECT_KEY_IDENTIFIER, extensions.read_octet_string
    )
    """What the issuer calls this key."""

    authority_key_identifier = extension_value(
        extensions.AUTHORITY_KEY_IDENTIFIER, extensions.read_authority_key_identifier
    )
    """What names the issuer's key."""

    @read_once
    def extensions(self) -> Mapping[str, Extension]:
        """The extensions by their OID. One OID twice is refused."""
        places = self._places
        start = places.extensions
        if start is None:
            return _NO_EXTENSIONS
        data, end = self.encoded, places.outer_algorithm
        found = _new(der.Element, (data, data[start], start, _content(start, end), end))
        return extensions.read_extensions(found)

    @read_once
    def is_plain(self) -> bool:
        """Whether its extensions limit nothing but by basic constraints and key usage.

        Beside these two there are key identifiers and addresses alone, none of them critical;
        neither name is empty, and the serial number has no more than 20 octets. A path has
        nothing more to look for, and what it asks is read here at once, as the properties would
        read it. False says nothing.
        """
        data, fields = self.encoded, self.__dict__
        _, serial_number, algorithm, issuer, validity, subject, key, _, start, end, last = (
            self._places
        )
        if (
            start is None
            or data[start] != der.SEQUENCE
            # As most that are not plain; read in vain, the others would cost more than these.
            or data.find(_POLICIES, start, end) >= 0
            or data.find(_PURPOSES, start, end) >= 0
            or last - end >= 0x82
            or algorithm - serial_number > 20
            or validity - issuer == 2
            or key - subject == 2
            or data[algorithm:issuer] != data[end:last]
            or not data.startswith(_VERSION_3, serial_number - 7)
        ):
            return False
        size = data[start + 1]
        content = start + 2 if size < 0x80 else start + size - 0x7E
        found = extensions.read_plain_extensions(data, content, end)
        if found is None:
            return False
        size = data[last + 1]
        content = last + 2 if size < 0x80 else last + size - 0x7E
        if data[content : content + 1] == b"\0":  # no bits left unused
            fields["signature"] = data[content + 1 :]
        fields.update(
            _OF_PLAIN,
            basic_constraints=found.get("basic_constraints"),
            key_usage=found.get("key_usage"),
            issuer_encoded=data[issuer:validity],
            subject_encoded=data[subject:key],
            signature_algorithm=_new(der.Element, (data, der.SEQUENCE, end, end + 2, last)),
        )
        if "crl_distribution_points" not in found:
            fields["crl_distribution_points"] = ()
        return True

    def _extension(self, oid: str, read: Callable[[bytes], R]) -> R | None:
        extension = self.extensions.get(oid)
        if extension is None:
            return None
        try:
            return read(extension.octets)
        except DecodeError as error:
            raise MalformedCertificate(reason=f"extension {oid}: {error}") from error

    @read_once
    def crl_distribution_points(self) -> tuple[DistributionPoint, ...]:
        """Where its revocation would be listed; empty where not said."""
        return (
            self._extension(extensions.CRL_DISTRIBUTION_POINTS, extensions.read_distribution_points)
            or ()
        )

    @read_once
    def freshest_crl(self) -> tuple[DistributionPoint, ...]:
        """Where delta lists are; empty where not said."""
        return self._extension(extensions.FRESHEST_CRL, extensions.read_distribution_points) or ()

    @read_once
    def authority_information_access(self) -> tuple[AccessDescription, ...]:
        """Services of the issuer; empty where not said."""
        return (
            self._extension(
                extensions.AUTHORITY_INFORMATION_ACCESS, extensions.read_access_descriptions
            )
            or ()
        )

    def _access_uris(self, method: str) -> tuple[str, ...]:
        return tuple(
            access.location.uri
            for access in self.authority_information_access
            if access.method == method and access.location.uri is not None
        )

    @property
    def ocsp_urls(self) -> tuple[str, ...]:
        """Where its status can be asked."""
        return self._access_uris(extensions.OCSP)

    @property
    def ca_issuer_urls(self) -> tuple[str, ...]:
        """Where the issuer's certificate can be fetched."""
        return self._access_uris(extensions.CA_ISSUERS)

    @read_once
    def qc_statements(self) -> tuple[QcStatement, ...]:
        """Qualified certificate statements; empty where there are none."""
        return self._extension(extensions.QC_STATEMENTS, extensions.read_qc_statements) or ()

    @property
    def ocsp_no_check(self) -> bool:
        """Whether a responder's certificate need not be checked itself (RFC 6960 §4.2.2.2.1)."""
        return extensions.OCSP_NO_CHECK in self.extensions

    @read_once
    def tolerances(self) -> frozenset[Tolerance]:
        """The named departures that reading it made use of; rows not accepted are named too."""
        fields = self._fields
        return frozenset(
            chain(
                departures.of_version(fields.version),
                departures.of_serial_number(fields.serial_number),
                departures.of_algorithms(fields.inner_algorithm, fields.outer_algorithm),
                departures.of_name(self.issuer),
                departures.of_name(self.subject),
                departures.of_extensions(fields.extensions),
            )
        )

    @read_once
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same name, octet for octet."""
        return self.issuer_encoded == self.subject_encoded


_POLICIES: Final = der.object_identifier(extensions.CERTIFICATE_POLICIES)
_PURPOSES: Final = der.object_identifier(extensions.EXTENDED_KEY_USAGE)
# What a path asks for that is the same of every plain certificate: most is not there.
_OF_PLAIN: Final[dict[str, object]] = {"version": 3} | dict.fromkeys(
    (
        *("extended_key_usage", "policies", "policy_mappings", "policy_constraints"),
        *("inhibit_any_policy", "name_constraints", "subject_alternative_names"),
    )
)


def _has_odd_serial_number(encoded: bytes) -> bool:
    """Whether the serial number is not positive, wherever it stands; False for other bytes."""
    try:
        tbs = der.decode(encoded).fields().take().fields()
        tbs.optional(_VERSION)
        serial_number = tbs.take(der.INTEGER).octets
    except DecodeError:
        return False
    return not any(serial_number) or serial_number[0] >= 0x80
