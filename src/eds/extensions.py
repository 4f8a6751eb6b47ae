"""Extensions and what may stand in them (RFC 5280 §4.2, §5.2; RFC 3739; RFC 6960).

Read into small frozen values, by `der` alone, so that an unknown key or a deviation in another
field never hides them. Certificates, requests, lists and OCSP responses share these readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, update_wrapper
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from eds import der
from eds.errors import DecodeError, LimitExceeded, MalformedDer
from eds.names import Name

SUBJECT_DIRECTORY_ATTRIBUTES: Final = "2.5.29.9"
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME: Final = "2.5.29.17"
ISSUER_ALTERNATIVE_NAME: Final = "2.5.29.18"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
CRL_NUMBER: Final = "2.5.29.20"
REASON_CODE: Final = "2.5.29.21"
INVALIDITY_DATE: Final = "2.5.29.24"
DELTA_CRL_INDICATOR: Final = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
CERTIFICATE_ISSUER: Final = "2.5.29.29"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
CERTIFICATE_POLICIES: Final = "2.5.29.32"
ANY_POLICY: Final = "2.5.29.32.0"
POLICY_MAPPINGS: Final = "2.5.29.33"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
FRESHEST_CRL: Final = "2.5.29.46"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"
NO_REVOCATION_AVAILABLE: Final = "2.5.29.56"  # RFC 9608
EXPIRED_CERTS_ON_CRL: Final = "2.5.29.60"
AUTHORITY_INFORMATION_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
QC_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"
OCSP_NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"
OCSP_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
OCSP_ARCHIVE_CUTOFF: Final = "1.3.6.1.5.5.7.48.1.6"
OCSP_EXTENDED_REVOKE: Final = "1.3.6.1.5.5.7.48.1.9"
VALIDITY_ASSURED_SHORT_TERM: Final = "0.4.0.194121.2.1"  # EN 319 412-1 §5.2

# Access methods (RFC 5280 §4.2.2.1) and extended key usages (§4.2.1.12).
OCSP: Final = "1.3.6.1.5.5.7.48.1"
CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
ANY_EXTENDED_KEY_USAGE: Final = "2.5.29.37.0"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
EMAIL_PROTECTION: Final = "1.3.6.1.5.5.7.3.4"
TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
DOCUMENT_SIGNING: Final = "1.3.6.1.5.5.7.3.36"  # RFC 9336

_LIMITS: Final = der.Limits(size=1024 * 1024, elements=4096)

V = TypeVar("V")


class KeyUsage(Enum):
    """The bits of KeyUsage (RFC 5280 §4.2.1.3)."""

    DIGITAL_SIGNATURE = 0
    NON_REPUDIATION = 1  # contentCommitment in X.509 since 2005
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6
    ENCIPHER_ONLY = 7
    DECIPHER_ONLY = 8

    __hash__ = object.__hash__  # each member is one object; that of Enum is a call


class RevocationReason(Enum):
    """CRLReason (RFC 5280 §5.3.1); 7 is not used."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


class GeneralNameKind(Enum):
    """The alternatives of GeneralName (RFC 5280 §4.2.1.6), by their tag numbers."""

    OTHER_NAME = 0
    RFC822_NAME = 1
    DNS_NAME = 2
    X400_ADDRESS = 3
    DIRECTORY_NAME = 4
    EDI_PARTY_NAME = 5
    URI = 6
    IP_ADDRESS = 7
    REGISTERED_ID = 8


class Extension(NamedTuple):
    """One extension: whether it is critical, and the octets of its value (encoded, not read)."""

    oid: str
    critical: bool
    octets: bytes

    def __repr__(self) -> str:
        return f"<Extension {self.oid}>"  # its value may name a person

    @property
    def encoded(self) -> bytes:
        """The encoded Extension."""
        return der.sequence(
            der.object_identifier(self.oid),
            der.boolean(self.critical) if self.critical else b"",  # FALSE is the default
            der.octet_string(self.octets),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralName:
    """A GeneralName.

    `value` is text for the kinds that are IA5String and for registeredID (dotted), a Name for
    directoryName, the content octets for the others. It may name a person: not in the repr.
    """

    kind: GeneralNameKind
    value: str | bytes | Name = field(repr=False)

    @property
    def uri(self) -> str | None:
        """The URI, if it is one."""
        return self.value if self.kind is GeneralNameKind.URI else None  # type: ignore[return-value]

    @property
    def directory_name(self) -> Name | None:
        """The Name, if it is one."""
        return self.value if isinstance(self.value, Name) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicConstraints:
    """RFC 5280 §4.2.1.9. `path_length` counts intermediate certificates; None: no limit."""

    ca: bool
    path_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInformation:
    """One certificate policy; `qualifiers` are encoded PolicyQualifierInfo values, not read."""

    oid: str
    qualifiers: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityKeyIdentifier:
    """RFC 5280 §4.2.1.1."""

    key_identifier: bytes | None = None
    issuer: tuple[GeneralName, ...] = ()
    serial_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionPoint:
    """RFC 5280 §4.2.1.13. `reasons` None: all of them; `relative_name` is one encoded RDN."""

    full_name: tuple[GeneralName, ...] = ()
    relative_name: bytes | None = None
    reasons: frozenset[int] | None = None
    crl_issuer: tuple[GeneralName, ...] = ()

    @property
    def uris(self) -> tuple[str, ...]:
        """Where the list can be fetched."""
        return tuple(name.uri for name in self.full_name if name.uri is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingDistributionPoint:
    """The scope of a list (RFC 5280 §5.2.5)."""

    full_name: tuple[GeneralName, ...] = ()
    relative_name: bytes | None = None
    only_user_certificates: bool = False
    only_ca_certificates: bool = False
    only_some_reasons: frozenset[int] | None = None
    indirect: bool = False
    only_attribute_certificates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDescription:
    """One line of authority information access: `method` is an OID."""

    method: str
    location: GeneralName


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralSubtree:
    """One permitted or excluded subtree; minimum and maximum are never used (§4.2.1.10)."""

    base: GeneralName
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameConstraints:
    """RFC 5280 §4.2.1.10; None where the field is absent."""

    permitted: tuple[GeneralSubtree, ...] | None = None
    excluded: tuple[GeneralSubtree, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConstraints:
    """RFC 5280 §4.2.1.11: certificates to skip; None where the field is absent."""

    require_explicit_policy: int | None = None
    inhibit_policy_mapping: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QcStatement:
    """One qualified certificate statement (RFC 3739 §3.2.6); `information` is encoded or empty."""

    oid: str
    information: bytes = field(default=b"", repr=False)


# --- reading ------------------------------------------------------------------------------------


def _remembered(read: Callable[[bytes], V]) -> Callable[[bytes], V]:
    """The same reader, which reads the few values that most certificates share only once."""
    remembered = lru_cache(maxsize=512)(read)

    def reader(octets: bytes) -> V:
        return remembered(octets) if len(octets) <= _SHORT else read(octets)

    return update_wrapper(reader, read)


_SHORT: Final = 64  # octets, so that what is remembered stays small


def read_extensions(extensions: der.Element) -> Mapping[str, Extension]:
    """Extensions by their OID, in their order. Raises MalformedDer; one OID twice is refused."""
    return read_extension_list(extensions.expect(der.SEQUENCE))


def read_extension_list(extensions: der.Element) -> Mapping[str, Extension]:
    """The same under another tag than SEQUENCE (an IMPLICIT one)."""
    found: dict[str, Extension] = {}
    data, position, end = extensions.data, extensions.content, extensions.end
    while position < end:
        if len(found) == _LIMITS.elements:
            raise LimitExceeded(limit="elements in one value", allowed=_LIMITS.elements)
        # In place where it is short: nearly all are, and every certificate has half a dozen.
        first = position + 4
        critical = False
        try:
            outer, size, inner, width = data[position:first]
            last = value = first + width
            critical = data[value] == 1 and data[value : value + 3] == _TRUE
            if critical:
                value += 3
            tag, length = data[value : value + 2]
        except (IndexError, ValueError):
            outer = size = inner = tag = length = last = value = 0
        stop = position + 2 + size
        if (
            value + 2 + length == stop <= end
            and size < 0x80
            and outer == 0x30
            and inner == 0x06
            and tag == 0x04
        ):
            octets = data[first:last]
            oid = _OIDS.get(octets) or der.dotted_form(octets, position + 2)
            extension = _new(Extension, (oid, critical, data[value + 2 : stop]))
        else:
            extension, stop = _any_extension(data, position, end)
            oid = extension[0]
        if oid in found:
            extensions.fail(f"the extension {oid} stands there twice")
        found[oid] = extension
        position = stop
    if not found:
        extensions.fail("an empty list of extensions")
    return MappingProxyType(found)


_new: Final = tuple.__new__  # half the cost of `Extension(…)`, as in `der`


def _any_extension(data: bytes, position: int, end: int) -> tuple[Extension, int]:
    """The extension at `position`, whatever its form."""
    item = der.Fields(data, position, end).take(der.SEQUENCE)
    fields = item.fields()
    oid = fields.object_identifier()
    critical = fields.next_tag == der.BOOLEAN and fields.take(der.BOOLEAN).boolean()
    octets = fields.octets(der.OCTET_STRING)
    fields.finish()
    return Extension(oid, critical, octets), item.end


def read_plain_extensions(data: bytes, position: int, end: int) -> dict[str, object] | None:
    """What stands there, where nothing limits but basic constraints and key usage.

    Beside these there are key identifiers and addresses alone, none critical: what most
    authorities have and many leaves, in a third of the time. Keys are the names of properties,
    and these two alone have a value. None: for `read_extensions` to read or to refuse.
    """
    found: dict[str, object] = {}
    count = 0
    try:
        while position < end:
            stop = position + 2 + data[position + 1]
            name = _SILENT.get(data[position : position + 9])
            if name is not None:
                found[name] = None
            else:
                encoded = data[position:stop]
                name = _LIMITING.get(encoded[2:7])
                if name is not None:
                    found[name] = _read_limiting(encoded)
                elif (
                    encoded[2:13] == _ADDRESSES
                    and encoded[0] == der.SEQUENCE
                    and 14 + encoded[13] == len(encoded) < 0x82
                ):
                    found["authority_information_access"] = None
                else:
                    return None
            count += 1
            position = stop
    except (IndexError, DecodeError):
        return None
    return found if position == end and len(found) == count > 0 else None


@lru_cache(maxsize=512)
def _read_limiting(encoded: bytes) -> object:
    """The value of one encoded Extension of those below. Raises MalformedDer."""
    whole = der.decode(der.sequence(encoded))
    if len(encoded) > _SHORT:
        whole.fail("longer than it has reason to be")
    ((oid, _, octets),) = read_extensions(whole).values()
    return read_basic_constraints(octets) if oid == BASIC_CONSTRAINTS else read_key_usage(octets)


_TRUE: Final = b"\x01\x01\xff"  # BOOLEAN, DER
# The extensions that have a name here, by the content of their OIDs.
_OIDS: Final = {
    der.object_identifier(oid)[2:]: oid
    for oid in (
        *(SUBJECT_DIRECTORY_ATTRIBUTES, SUBJECT_KEY_IDENTIFIER, KEY_USAGE),
        *(SUBJECT_ALTERNATIVE_NAME, ISSUER_ALTERNATIVE_NAME, BASIC_CONSTRAINTS, CRL_NUMBER),
        *(REASON_CODE, INVALIDITY_DATE, DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT),
        *(CERTIFICATE_ISSUER, NAME_CONSTRAINTS, CRL_DISTRIBUTION_POINTS, CERTIFICATE_POLICIES),
        *(POLICY_MAPPINGS, AUTHORITY_KEY_IDENTIFIER, POLICY_CONSTRAINTS, EXTENDED_KEY_USAGE),
        *(FRESHEST_CRL, INHIBIT_ANY_POLICY, NO_REVOCATION_AVAILABLE, EXPIRED_CERTS_ON_CRL),
        *(AUTHORITY_INFORMATION_ACCESS, QC_STATEMENTS, OCSP_NO_CHECK, OCSP_NONCE),
        *(OCSP_ARCHIVE_CUTOFF, OCSP_EXTENDED_REVOKE, VALIDITY_ASSURED_SHORT_TERM),
    )
}


# Of plain extensions: those that are read, by the OID, and those that are not, by all that
# stands before the value, where that is short and not critical.
_LIMITING: Final = {
    der.object_identifier(BASIC_CONSTRAINTS): "basic_constraints",
    der.object_identifier(KEY_USAGE): "key_usage",
}


def _heads(names: Mapping[str, str]) -> dict[bytes, str]:
    """What stands before the value of a short extension that is not critical, to its name."""
    return {
        bytes((der.SEQUENCE, 7 + size))
        + der.object_identifier(oid)
        + bytes((der.OCTET_STRING, size)): name
        for oid, name in names.items()
        for size in range(0x80 - 7)
    }


_SILENT: Final = _heads(
    {
        SUBJECT_KEY_IDENTIFIER: "subject_key_identifier",
        AUTHORITY_KEY_IDENTIFIER: "authority_key_identifier",
        CRL_DISTRIBUTION_POINTS: "crl_distribution_points",
    }
)
_ADDRESSES: Final = der.object_identifier(AUTHORITY_INFORMATION_ACCESS) + b"\4"


def only_identify(data: bytes, position: int, end: int) -> bool:
    """Whether the extensions there are a list's number and what names its key, not critical.

    Neither limits what the list says. False: for `read_extensions` to read or to refuse.
    """
    found: list[str] = []
    while position < end:
        name = _IDENTIFYING.get(data[position : position + 9])
        if name is None or name in found:
            return False
        found.append(name)
        position += 2 + data[position + 1]
    return position == end and bool(found)


_IDENTIFYING: Final = _heads(
    {AUTHORITY_KEY_IDENTIFIER: "authority_key_identifier", CRL_NUMBER: "crl_number"}
)


@_remembered
def read_key_usage(octets: bytes) -> frozenset[KeyUsage]:
    """The usages whose bits are set; bits that have no name are refused."""
    bits = der.decode(octets).expect(der.BIT_STRING)
    try:
        return frozenset(KeyUsage(number) for number in bits.named_bits())
    except ValueError:
        bits.fail("a key usage that does not exist")


@_remembered
def read_object_identifiers(octets: bytes) -> tuple[str, ...]:
    """SEQUENCE OF OBJECT IDENTIFIER, not empty (extended key usage)."""
    sequence = der.decode(octets).expect(der.SEQUENCE)
    found = tuple(
        item.expect(der.OBJECT_IDENTIFIER).object_identifier()
        for item in sequence.children(limits=_LIMITS)
    )
    if not found:
        sequence.fail("an empty list")
    return found


@_remembered
def read_basic_constraints(octets: bytes) -> BasicConstraints:
    """RFC 5280 §4.2.1.9."""
    fields = der.decode(octets).fields()
    ca = fields.optional(der.BOOLEAN)
    length = fields.optional(der.INTEGER)
    fields.finish()
    return BasicConstraints(
        ca=ca is not None and ca.boolean(),
        path_length=None if length is None else length.small(1_000_000),
    )


def read_octet_string(octets: bytes) -> bytes:
    """One OCTET STRING (subject key identifier, nonce)."""
    return der.decode(octets).expect(der.OCTET_STRING).octets


def read_small_integer(octets: bytes) -> int:
    """One INTEGER that counts certificates (inhibitAnyPolicy)."""
    return der.decode(octets).expect(der.INTEGER).small(1_000_000)


def read_integer(octets: bytes) -> int:
    """One INTEGER that is not negative (CRL numbers)."""
    return der.decode(octets, limits=_LIMITS).expect(der.INTEGER).unsigned(limits=SERIAL_LIMITS)


# A serial number has at most 20 octets (RFC 5280 §4.1.2.2); longer ones are read, to be judged.
SERIAL_LIMITS: Final = der.Limits(integer=64)


def read_authority_key_identifier(octets: bytes) -> AuthorityKeyIdentifier:
    """RFC 5280 §4.2.1.1."""
    fields = der.decode(octets).fields()
    key = fields.optional(der.context(0, constructed=False))
    issuer = fields.optional(der.context(1))
    serial = fields.optional(der.context(2, constructed=False))
    fields.finish()
    return AuthorityKeyIdentifier(
        key_identifier=None if key is None else key.octets,
        issuer=() if issuer is None else read_general_names(issuer),
        serial_number=None if serial is None else serial.integer(limits=SERIAL_LIMITS),
    )


def read_general_name(name: der.Element) -> GeneralName:
    """One GeneralName."""
    number = name.tag & 0x1F
    if name.tag >> 6 != 2 or number > 8:
        name.fail("not a general name")
    kind = GeneralNameKind(number)
    if name.is_constructed is not (number in (0, 3, 4, 5)):
        name.fail(f"{kind.name} in the wrong form")
    value: str | bytes | Name = name.octets
    if kind is GeneralNameKind.DIRECTORY_NAME:
        value = Name(name.only_child().encoded)
    elif kind is GeneralNameKind.REGISTERED_ID:
        value = name.object_identifier()
    elif kind in _IA5_KINDS:
        try:
            value = name.octets.decode("ascii")
        except UnicodeDecodeError:
            raise MalformedDer(
                reason=f"{kind.name} with octets that are not ascii", offset=name.start
            ) from None
    return GeneralName(kind=kind, value=value)


_IA5_KINDS: Final = frozenset(
    {GeneralNameKind.RFC822_NAME, GeneralNameKind.DNS_NAME, GeneralNameKind.URI}
)


def read_general_names(names: der.Element) -> tuple[GeneralName, ...]:
    """GeneralNames under any tag; not empty."""
    found = tuple(read_general_name(name) for name in names.children(limits=_LIMITS))
    if not found:
        names.fail("an empty list of names")
    return found


def read_alternative_names(octets: bytes) -> tuple[GeneralName, ...]:
    """Subject or issuer alternative names."""
    return read_general_names(der.decode(octets).expect(der.SEQUENCE))


@_remembered
def read_policies(octets: bytes) -> tuple[PolicyInformation, ...]:
    """Certificate policies (RFC 5280 §4.2.1.4); one policy twice is refused."""
    found: dict[str, PolicyInformation] = {}
    sequence = der.decode(octets).expect(der.SEQUENCE)
    for item in sequence.children(limits=_LIMITS):
        fields = item.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        qualifiers = fields.optional(der.SEQUENCE)
        fields.finish()
        if oid in found:
            item.fail(f"the policy {oid} stands there twice")
        found[oid] = PolicyInformation(
            oid=oid,
            qualifiers=()
            if qualifiers is None
            else tuple(
                part.expect(der.SEQUENCE).encoded for part in qualifiers.children(limits=_LIMITS)
            ),
        )
    if not found:
        sequence.fail("an empty list of policies")
    return tuple(found.values())


def read_policy_mappings(octets: bytes) -> tuple[tuple[str, str], ...]:
    """Pairs of (policy of the issuer, policy of the subject) (RFC 5280 §4.2.1.5)."""
    found: list[tuple[str, str]] = []
    sequence = der.decode(octets).expect(der.SEQUENCE)
    for item in sequence.children(limits=_LIMITS):
        fields = item.fields()
        issuer = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        subject = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        fields.finish()
        found.append((issuer, subject))
    if not found:
        sequence.fail("an empty list of mappings")
    return tuple(found)


def read_policy_constraints(octets: bytes) -> PolicyConstraints:
    """RFC 5280 §4.2.1.11; at least one field must be there."""
    fields = der.decode(octets).fields()
    explicit = fields.optional(der.context(0, constructed=False))
    mapping = fields.optional(der.context(1, constructed=False))
    fields.finish()
    if explicit is None and mapping is None:
        raise MalformedDer(reason="policy constraints without a constraint", offset=0)
    return PolicyConstraints(
        require_explicit_policy=None if explicit is None else explicit.small(1_000_000),
        inhibit_policy_mapping=None if mapping is None else mapping.small(1_000_000),
    )


def read_name_constraints(octets: bytes) -> NameConstraints:
    """RFC 5280 §4.2.1.10; at least one field must be there."""
    fields = der.decode(octets).fields()
    permitted = fields.optional(der.context(0))
    excluded = fields.optional(der.context(1))
    fields.finish()
    if permitted is None and excluded is None:
        raise MalformedDer(reason="name constraints without a constraint", offset=0)
    return NameConstraints(
        permitted=None if permitted is None else _subtrees(permitted),
        excluded=None if excluded is None else _subtrees(excluded),
    )


def _subtrees(subtrees: der.Element) -> tuple[GeneralSubtree, ...]:
    found: list[GeneralSubtree] = []
    for item in subtrees.children(limits=_LIMITS):
        fields = item.fields()
        base = read_general_name(fields.take())
        minimum = fields.optional(der.context(0, constructed=False))
        maximum = fields.optional(der.context(1, constructed=False))
        fields.finish()
        found.append(
            GeneralSubtree(
                base=base,
                minimum=0 if minimum is None else minimum.small(1_000_000),
                maximum=None if maximum is None else maximum.small(1_000_000),
            )
        )
    if not found:
        subtrees.fail("an empty list of subtrees")
    return tuple(found)


def read_distribution_points(octets: bytes) -> tuple[DistributionPoint, ...]:
    """CRL distribution points and freshest CRL (RFC 5280 §4.2.1.13, §4.2.1.15)."""
    found: list[DistributionPoint] = []
    sequence = der.decode(octets).expect(der.SEQUENCE)
    for item in sequence.children(limits=_LIMITS):
        fields = item.fields()
        point = fields.optional(der.context(0))
        reasons = fields.optional(der.context(1, constructed=False))
        issuer = fields.optional(der.context(2))
        fields.finish()
        full_name, relative_name = _point_name(point)
        found.append(
            DistributionPoint(
                full_name=full_name,
                relative_name=relative_name,
                reasons=None if reasons is None else reasons.named_bits(),
                crl_issuer=() if issuer is None else read_general_names(issuer),
            )
        )
    if not found:
        sequence.fail("an empty list of distribution points")
    return tuple(found)


def _point_name(point: der.Element | None) -> tuple[tuple[GeneralName, ...], bytes | None]:
    """The DistributionPointName inside its explicit tag: (full name, relative name as a SET)."""
    if point is None:
        return (), None
    choice = point.only_child()
    if choice.tag == der.context(0):
        return read_general_names(choice), None
    choice.expect(der.context(1))
    return (), der.value(der.SET, choice.octets)


def read_issuing_distribution_point(octets: bytes) -> IssuingDistributionPoint:
    """RFC 5280 §5.2.5."""
    fields = der.decode(octets).fields()
    full_name, relative_name = _point_name(fields.optional(der.context(0)))
    flags: dict[int, bool] = {}
    reasons: frozenset[int] | None = None
    for number in (1, 2, 3, 4, 5):
        part = fields.optional(der.context(number, constructed=False))
        if number == 3:
            reasons = None if part is None else part.named_bits()
        else:
            flags[number] = part is not None and part.boolean()
    fields.finish()
    return IssuingDistributionPoint(
        full_name=full_name,
        relative_name=relative_name,
        only_user_certificates=flags[1],
        only_ca_certificates=flags[2],
        only_some_reasons=reasons,
        indirect=flags[4],
        only_attribute_certificates=flags[5],
    )


def read_access_descriptions(octets: bytes) -> tuple[AccessDescription, ...]:
    """Authority information access (RFC 5280 §4.2.2.1)."""
    found: list[AccessDescription] = []
    sequence = der.decode(octets).expect(der.SEQUENCE)
    for item in sequence.children(limits=_LIMITS):
        fields = item.fields()
        method = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        location = read_general_name(fields.take())
        fields.finish()
        found.append(AccessDescription(method=method, location=location))
    if not found:
        sequence.fail("an empty list of access descriptions")
    return tuple(found)


def read_qc_statements(octets: bytes) -> tuple[QcStatement, ...]:
    """Qualified certificate statements (RFC 3739 §3.2.6, EN 319 412-5)."""
    found: list[QcStatement] = []
    for item in der.decode(octets).expect(der.SEQUENCE).children(limits=_LIMITS):
        fields = item.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        information = fields.take().encoded if fields.next_tag is not None else b""
        fields.finish()
        found.append(QcStatement(oid=oid, information=information))
    return tuple(found)


def write_extensions(extensions: Iterable[Extension]) -> bytes:
    """Extensions as they stand in a certificate or list (SEQUENCE OF Extension)."""
    return der.sequence(*(extension.encoded for extension in extensions))
