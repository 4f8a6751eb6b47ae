"""What a certificate profile is, and what none can be.

A profile is named by the SHA-256 of its canonical form (keys in order, no blanks, UTF-8, defaults
written out). Whatever the data say, no profile can describe a TLS server, an authority among the
leaves, or a host name: those rules stand here as code. `eds.ca.profiles` reads them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from typing import Any, Final, NoReturn

from .. import der, names
from ..algorithms import VERIFY_ONLY, KeyType, signature_algorithm
from ..country import subject_checks
from ..errors import (
    AlgorithmError,
    DecodeError,
    KeyNotPermitted,
    MalformedProfile,
    ProfileViolated,
)
from ..extensions import (
    ANY_EXTENDED_KEY_USAGE,
    ANY_POLICY,
    OCSP_SIGNING,
    TIME_STAMPING,
    KeyUsage,
)
from ..names import ATTRIBUTE_TYPES, Name, NameAttribute
from ..publickeys import PublicKey

SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"

# Purposes by which some software takes a certificate for a server's. OpenSSL reads the two of the
# "server gated cryptography" of the 1990s as serverAuth to this day.
SERVER_PURPOSES: Final = frozenset(
    {
        SERVER_AUTH,
        ANY_EXTENDED_KEY_USAGE,
        "1.3.6.1.5.5.7.3.13",  # EAP over PPP and
        "1.3.6.1.5.5.7.3.14",  # over LAN: the RADIUS servers of wireless networks (RFC 4334)
        "1.3.6.1.5.2.3.5",  # Kerberos key distribution centre (RFC 4556)
        "1.3.6.1.4.1.311.10.3.3",  # Microsoft SGC
        "2.16.840.1.113730.4.1",  # Netscape SGC
    }
)

USAGES: Final = {
    "digitalSignature": KeyUsage.DIGITAL_SIGNATURE,
    "nonRepudiation": KeyUsage.NON_REPUDIATION,
    "keyEncipherment": KeyUsage.KEY_ENCIPHERMENT,
    "dataEncipherment": KeyUsage.DATA_ENCIPHERMENT,
    "keyAgreement": KeyUsage.KEY_AGREEMENT,
    "keyCertSign": KeyUsage.KEY_CERT_SIGN,
    "cRLSign": KeyUsage.CRL_SIGN,
}
_ATTRIBUTE_BY_OID: Final = {row.oid: row for row in ATTRIBUTE_TYPES}


class CertificateKind(Enum):
    """What a certificate is for its holder. Only the first two are authorities."""

    ROOT = "root"
    ISSUING_AUTHORITY = "issuing-authority"
    END_ENTITY = "end-entity"
    OCSP_RESPONDER = "ocsp-responder"
    TIME_STAMPING = "time-stamping"

    @property
    def is_authority(self) -> bool:
        """Whether the holder issues certificates (RFC 5280 §4.2.1.9)."""
        return self in (CertificateKind.ROOT, CertificateKind.ISSUING_AUTHORITY)


class CrlUse(Enum):
    """Which list the certificate points to."""

    NONE = "none"
    FULL = "full"  # the one list of its issuer
    SHARDED = "sharded"  # the shard chosen at issue, of as many as the issuer has


class SerialNumbers(Enum):
    """Where serial numbers come from."""

    RANDOM = "random"  # the writer's number and 144 random bits
    KEY_IDENTIFIER = "key-identifier"  # SHA-1 of the key: one certificate for each key


class QcType(Enum):
    """What a qualified certificate is for (EN 319 412-5 §4.2.3)."""

    ESIGN = "0.4.0.1862.1.6.1"
    ESEAL = "0.4.0.1862.1.6.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectAttribute:
    """One place in the subject: which attribute, how often, and what may stand in it.

    `pattern` is a regular expression for the whole text, `values` the only texts allowed (empty:
    any), `maximum` the length in characters where it is shorter than that of RFC 5280. `check`
    names what a country checks beside (`eds.country.subject_checks`), a check digit say.
    """

    oid: str
    required: bool = True
    repeat: int = 1
    pattern: str = ""
    values: tuple[str, ...] = ()
    maximum: int = 0
    check: str = ""
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", re.compile(self.pattern or r"(?s:.*)"))

    @property
    def name(self) -> str:
        """CN, serialNumber … or the OID."""
        row = _ATTRIBUTE_BY_OID.get(self.oid)
        return self.oid if row is None else row.name

    def departure(self, text: str, *, on: date | None = None) -> str | None:
        """Why `text` may not stand here, or None. Never repeats the text.

        `on` is the day of issue, where a date in a number must not lie behind it.
        """
        if self.maximum and len(text) > self.maximum:
            return f"{len(text)} characters, at most {self.maximum}"
        if self.values and text not in self.values:
            return "none of the values of the profile"
        if self.pattern and not self.compiled.fullmatch(text):
            return "not in the form of the profile"
        return subject_checks()[self.check](text, on) if self.check else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRule:
    """One kind of key that a profile permits. RSA by size, EC by curve."""

    key_type: KeyType
    curve: str | None = None
    minimum_bits: int = 0
    maximum_bits: int = 0

    def permits(self, key: PublicKey) -> bool:
        """Whether `key` is of this kind. Raises UnknownAlgorithm, MalformedPublicKey."""
        if key.key_type is not self.key_type:
            return False
        if self.curve is not None:
            return key.curve is not None and key.curve.name == self.curve
        return self.minimum_bits <= key.bits <= (self.maximum_bits or key.bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A certificate policy. `cps` is "" (no qualifier), "issuer" (the issuer's) or an address."""

    oid: str
    cps: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QcStatements:
    """Qualified certificate statements (EN 319 412-5; semantics: EN 319 412-1 §5.1).

    `compliance` claims a qualified certificate under Regulation (EU) 910/2014, or under the laws
    of `legislation` (ISO 3166-1) where given. `pds` takes the addresses from the issuer.
    """

    compliance: bool = False
    types: tuple[QcType, ...] = ()
    sscd: bool = False
    pds: bool = False
    retention_years: int | None = None
    legislation: tuple[str, ...] = ()
    semantics: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedExtension:
    """An extension of national data, always the same and never critical. `octets` is its value."""

    oid: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CertificateProfile:
    """The certificate of one kind. Two profiles are equal when their hashes are.

    `extended_key_usage` and `policies` are always there, the optional ones may be added at issue
    (an identification method, say). Raises MalformedProfile for what must not exist.
    """

    name: str
    version: int
    kind: CertificateKind
    source: str
    subject: tuple[SubjectAttribute, ...]
    one_of: tuple[tuple[str, ...], ...] = ()  # of these attributes at least one
    key_usage: frozenset[KeyUsage]
    extended_key_usage: tuple[str, ...]
    extended_key_usage_critical: bool = False
    optional_extended_key_usage: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    optional_policies: tuple[Policy, ...] = ()
    qc_statements: QcStatements | None = None
    validity: timedelta
    maximum_validity: timedelta
    keys: tuple[KeyRule, ...]
    signature_algorithms: tuple[str, ...]
    crl: CrlUse
    ocsp: bool
    hold: bool
    status_after_expiry: bool
    no_revocation_available: bool = False  # RFC 9608
    email: bool = False  # an rfc822Name is the one alternative name there is
    ocsp_no_check: bool = False
    serial_number: SerialNumbers = SerialNumbers.RANDOM
    extensions: tuple[FixedExtension, ...] = ()
    canonical: bytes = field(init=False, repr=False)
    hash: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "canonical", canonical(as_data(self)))
        object.__setattr__(self, "hash", hashlib.sha256(self.canonical).digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CertificateProfile) and other.hash == self.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    @property
    def is_authority(self) -> bool:
        """Whether its certificates say CA=true: never for this class, always for the other."""
        return False

    def subject_departures(
        self, attributes: Iterable[NameAttribute], *, on: date | None = None
    ) -> Iterator[tuple[str, str]]:
        """(attribute, why) for all that the grammar does not allow; never a text of the name.

        `on` is the day of issue.
        """
        rows = self.subject
        found: set[str] = set()
        position, count = 0, 0
        for attribute in attributes:
            oid = attribute.oid
            found.add(oid)
            place = position
            while place < len(rows) and rows[place].oid != oid:
                place += 1
            if place == len(rows):
                known = any(row.oid == oid for row in rows)
                yield attribute.type_name, "out of order" if known else "not in the profile"
                continue
            count = count + 1 if place == position else 1
            position = place
            row = rows[place]
            if count > row.repeat:
                yield row.name, f"more than {row.repeat}"
            why = row.departure(attribute.text, on=on)
            if why is not None:
                yield row.name, why
            if oid == names.COMMON_NAME and could_be_host_name(attribute.text):
                yield row.name, "could be read as a host name: one word of ASCII"
        for row in rows:
            if row.required and row.oid not in found:
                yield row.name, "missing"
        for group in self.one_of:
            if found.isdisjoint(group):
                yield " or ".join(_attribute_name(oid) for oid in group), "missing"

    def check_subject(self, subject: Name, *, on: date | None = None) -> None:
        """Raises ProfileViolated at the first departure from the grammar on that day."""
        for attribute, why in self.subject_departures(subject.attributes, on=on):
            raise ProfileViolated(profile=self.name, field=attribute, reason=why)
        if any(len(rdn) != 1 for rdn in subject.rdns):
            raise ProfileViolated(profile=self.name, field="subject", reason="an RDN of several")

    def check_key(self, key: PublicKey) -> None:
        """Raises KeyNotPermitted unless a rule permits this kind and size."""
        try:
            for rule in self.keys:
                if rule.permits(key):
                    return
        except (AlgorithmError, DecodeError):
            pass
        raise KeyNotPermitted(profile=self.name, found=key.description)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuthorityProfile(CertificateProfile):
    """The certificate of an authority: the only class whose certificates say CA=true.

    `permitted_dns` and `permitted_ip` become critical name constraints: names that nobody can
    hold, so that a TLS certificate forged with the key is refused (docs/adr/0005).
    """

    path_length: int | None
    permitted_dns: tuple[str, ...]
    permitted_ip: tuple[str, ...]

    @property
    def is_authority(self) -> bool:
        """Always."""
        return True


def could_be_host_name(text: str) -> bool:
    """Whether a verifier may take a common name for a host: no space, no letter beyond ASCII.

    Java's reads a one-word Latin common name as a DNS name and holds it against the name
    constraints; others match it against the server asked for.
    """
    return " " not in text and not any(char > "\x7f" and char.isalpha() for char in text)


def common_name(*parts: str) -> str:
    """The parts joined by spaces. Whoever has one name of ASCII letters gets a second part."""
    joined = " ".join(part for part in parts if part)
    return f"{joined} {MONONYM_MARK}" if could_be_host_name(joined) else joined


MONONYM_MARK: Final = "(one name)"


def serial_of_key(key: PublicKey) -> bytes:
    """The serial number that names the key: SHA-1 of the key, made positive and 20 octets long.

    As the NCA of Kazakhstan has it: the top bit cleared, and 0x10 set where the first octet
    would fall below.
    """
    identifier = key.key_identifier
    first = identifier[0] & 0x7F
    return bytes((first if first >= 0x10 else first | 0x10,)) + identifier[1:]


# --- what must not exist ----------------------------------------------------------------------


def _attribute_name(oid: str) -> str:
    row = _ATTRIBUTE_BY_OID.get(oid)
    return oid if row is None else row.name


_CA_USAGE: Final = frozenset({KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})
_SERVICE_PURPOSES: Final = frozenset({OCSP_SIGNING, TIME_STAMPING})
# Extensions that the builder writes from the fields of a profile, or that only do harm.
_RESERVED_ARCS: Final = ("2.5.29.", "1.3.6.1.5.5.7.", "2.16.840.1.113730.")


def _check(profile: CertificateProfile) -> None:
    def refuse(where: str, why: str) -> NoReturn:
        raise MalformedProfile(profile=profile.name, field=where, reason=why)

    if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", profile.name):
        refuse("name", "small letters, digits and single hyphens")
    if profile.version < 1:
        refuse("version", "counted from 1")
    if profile.is_authority is not profile.kind.is_authority:
        refuse("kind", "only a root or issuing authority is described as one")
    purposes = {*profile.extended_key_usage, *profile.optional_extended_key_usage}
    if purposes & SERVER_PURPOSES:
        refuse("extended_key_usage", "a purpose of servers, or any purpose")
    if not profile.extended_key_usage:
        refuse("extended_key_usage", "without one the certificate would be good for everything")
    if {*profile.extended_key_usage} & {*profile.optional_extended_key_usage}:
        refuse("optional_extended_key_usage", "one that every certificate has anyway")
    _check_purposes(profile, purposes, refuse)
    if isinstance(profile, AuthorityProfile):
        _check_authority(profile, refuse)
    elif profile.key_usage & _CA_USAGE:
        refuse("key_usage", "keyCertSign and cRLSign belong to authorities")
    if not profile.key_usage:
        refuse("key_usage", "empty")
    if not timedelta(0) < profile.validity <= profile.maximum_validity:
        refuse("validity", "not within the maximum")
    if not profile.keys or not profile.signature_algorithms:
        refuse("keys", "no key or no signature algorithm is permitted")
    for name in profile.signature_algorithms:
        try:
            algorithm = signature_algorithm(name)
        except AlgorithmError as error:
            refuse("signature_algorithms", str(error))
        if algorithm.digest is not None and algorithm.digest.name == "sha1":
            refuse("signature_algorithms", "SHA-1")
        if algorithm.key_type in VERIFY_ONLY:
            refuse("signature_algorithms", f"{name} signs nothing new")
    if ANY_POLICY in {policy.oid for policy in (*profile.policies, *profile.optional_policies)}:
        refuse("policies", "anyPolicy")
    if not {row.check for row in profile.subject} <= {"", *subject_checks()}:
        refuse("subject", "no country has a check of that name")
    seen = [row.oid for row in profile.subject]
    if len(set(seen)) != len(seen):
        refuse("subject", "an attribute twice")
    if not {oid for group in profile.one_of for oid in group} <= {*seen}:
        refuse("one_of", "an attribute that is not in the subject")
    for extension in profile.extensions:
        if extension.oid.startswith(_RESERVED_ARCS):
            refuse("extensions", f"{extension.oid} has a field of its own, or none")
        try:
            der.check(extension.octets)
        except DecodeError as error:
            refuse("extensions", f"{extension.oid}: {error}")
    followed = profile.crl is not CrlUse.NONE or profile.ocsp or profile.hold
    if profile.no_revocation_available and (followed or profile.status_after_expiry):
        refuse("no_revocation_available", "excludes lists, OCSP, a hold and status after expiry")


_Refuse = Callable[[str, str], NoReturn]
_SERVICES: Final = {
    CertificateKind.OCSP_RESPONDER: OCSP_SIGNING,
    CertificateKind.TIME_STAMPING: TIME_STAMPING,
}


def _check_purposes(profile: CertificateProfile, purposes: set[str], refuse: _Refuse) -> None:
    kind = profile.kind
    if kind in _SERVICES and purposes != {_SERVICES[kind]}:
        refuse("extended_key_usage", "a service has the one purpose of its kind")
    if kind is CertificateKind.END_ENTITY and purposes & _SERVICE_PURPOSES:
        refuse("extended_key_usage", "OCSPSigning and timeStamping belong to services")
    # RFC 3161 §2.3: critical, and the only one.
    if kind is CertificateKind.TIME_STAMPING and not profile.extended_key_usage_critical:
        refuse("extended_key_usage_critical", "timeStamping is critical (RFC 3161 §2.3)")
    if profile.ocsp_no_check and kind is not CertificateKind.OCSP_RESPONDER:
        refuse("ocsp_no_check", "belongs to OCSP responders (RFC 6960 §4.2.2.2.1)")


def _check_authority(profile: AuthorityProfile, refuse: _Refuse) -> None:
    if profile.kind is CertificateKind.ISSUING_AUTHORITY and profile.path_length != 0:
        refuse("path_length", "an issuing authority has 0")
    if not profile.key_usage <= _CA_USAGE | {KeyUsage.DIGITAL_SIGNATURE}:
        refuse("key_usage", "an authority's key signs certificates and lists")
    if KeyUsage.KEY_CERT_SIGN not in profile.key_usage:
        refuse("key_usage", "an authority without keyCertSign")
    purposes = set(profile.extended_key_usage)
    issuing = profile.kind is CertificateKind.ISSUING_AUTHORITY
    if OCSP_SIGNING in purposes:
        refuse("extended_key_usage", "OCSPSigning would let it answer for its own issuer")
    if issuing and TIME_STAMPING in purposes and len(purposes) > 1:
        refuse("extended_key_usage", "time-stamping has an authority of its own")
    if not profile.permitted_dns or not profile.permitted_ip:
        refuse("permitted_dns", "an authority is bound to host names that nobody holds")
    if not all(name.endswith(".invalid") for name in profile.permitted_dns):
        refuse("permitted_dns", "not below .invalid (RFC 6761 §6.4)")
    versions = set()
    for text in profile.permitted_ip:
        version = _documentation_network(text)
        if version is None:
            refuse("permitted_ip", "not within the ranges for documentation (RFC 5737, RFC 3849)")
        versions.add(version)
    if versions != {4, 6}:
        refuse("permitted_ip", "one of each family is wanted, else the other is not limited")
    if profile.email or profile.qc_statements or profile.no_revocation_available:
        refuse("email", "an authority has no e-mail, no qualified statements, and can be revoked")


_DOCUMENTATION_4: Final = tuple(
    map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
)
_DOCUMENTATION_6: Final = ipaddress.IPv6Network("2001:db8::/32")


def _documentation_network(text: str) -> int | None:
    """4 or 6 for a network of addresses that nobody has, else None."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network):
        return 6 if network.subnet_of(_DOCUMENTATION_6) else None
    return 4 if any(network.subnet_of(range_) for range_ in _DOCUMENTATION_4) else None


# --- data ----------------------------------------------------------------------------------------


def canonical(data: Mapping[str, Any]) -> bytes:
    """JSON with keys in order, no blanks, UTF-8 (RFC 8785, for data without fractions)."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def as_data(profile: CertificateProfile) -> dict[str, Any]:
    """The profile as JSON data, every field written out."""
    usages = {usage: name for name, usage in USAGES.items()}
    qc = profile.qc_statements
    data: dict[str, Any] = {
        "crl": profile.crl.value,
        "email": profile.email,
        "extended_key_usage": list(profile.extended_key_usage),
        "extended_key_usage_critical": profile.extended_key_usage_critical,
        "extensions": [
            {"oid": item.oid, "value": item.octets.hex()} for item in profile.extensions
        ],
        "hold": profile.hold,
        "key_usage": sorted(usages[usage] for usage in profile.key_usage),
        "keys": [
            {
                "curve": rule.curve or "",
                "maximum_bits": rule.maximum_bits,
                "minimum_bits": rule.minimum_bits,
                "type": rule.key_type.value,
            }
            for rule in profile.keys
        ],
        "kind": profile.kind.value,
        "maximum_validity_days": profile.maximum_validity.days,
        "name": profile.name,
        "no_revocation_available": profile.no_revocation_available,
        "ocsp": profile.ocsp,
        "ocsp_no_check": profile.ocsp_no_check,
        "one_of": [[_attribute_name(oid) for oid in group] for group in profile.one_of],
        "optional_extended_key_usage": list(profile.optional_extended_key_usage),
        "optional_policies": [
            {"cps": row.cps, "oid": row.oid} for row in profile.optional_policies
        ],
        "policies": [{"cps": row.cps, "oid": row.oid} for row in profile.policies],
        "qc_statements": None
        if qc is None
        else {
            "compliance": qc.compliance,
            "legislation": list(qc.legislation),
            "pds": qc.pds,
            "retention_years": qc.retention_years,
            "semantics": qc.semantics,
            "sscd": qc.sscd,
            "types": [kind.name.lower() for kind in qc.types],
        },
        "signature_algorithms": list(profile.signature_algorithms),
        "source": profile.source,
        "status_after_expiry": profile.status_after_expiry,
        "subject": [
            {
                "maximum": row.maximum,
                "pattern": row.pattern,
                "repeat": row.repeat,
                "required": row.required,
                "type": row.name,
                "values": list(row.values),
                **({"check": row.check} if row.check else {}),
            }
            for row in profile.subject
        ],
        "validity_days": profile.validity.days,
        "version": profile.version,
    }
    # Younger than the rest: written out only where it is not the default, so that the hashes of
    # profiles under which certificates were issued stand.
    if profile.serial_number is not SerialNumbers.RANDOM:
        data["serial_number"] = profile.serial_number.value
    if isinstance(profile, AuthorityProfile):
        data["path_length"] = profile.path_length
        data["permitted_dns"] = list(profile.permitted_dns)
        data["permitted_ip"] = list(profile.permitted_ip)
    return data
