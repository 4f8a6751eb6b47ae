"""The rules of `eds.ca.lint`, a table: name, clause, severity, and what finds the breach.

A rule answers None, one sentence or several. It never repeats a text of the subject.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Final

from .. import der, names
from ..algorithms import (
    EC_PUBLIC_KEY,
    KEY_SIZE_PERIODS,
    KEY_TYPES,
    RSA_ENCRYPTION,
    SIGNATURE_ALGORITHMS,
    VERIFY_ONLY,
    KeyType,
    SignatureAlgorithm,
)
from ..errors import AlgorithmError, DecodeError, KeyNotPermitted
from ..extensions import (
    ANY_POLICY,
    AUTHORITY_INFORMATION_ACCESS,
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CA_ISSUERS,
    CERTIFICATE_POLICIES,
    CLIENT_AUTH,
    CRL_DISTRIBUTION_POINTS,
    DOCUMENT_SIGNING,
    EMAIL_PROTECTION,
    EXTENDED_KEY_USAGE,
    FRESHEST_CRL,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    OCSP,
    OCSP_NO_CHECK,
    OCSP_SIGNING,
    QC_STATEMENTS,
    SUBJECT_ALTERNATIVE_NAME,
    SUBJECT_KEY_IDENTIFIER,
    TIME_STAMPING,
    GeneralNameKind,
    KeyUsage,
)
from ..gostkeys import GOST_KEY_TYPES
from ..names import ATTRIBUTE_TYPES
from .lint_view import READERS, Answer, Rule, Severity, View, is_one_mailbox
from .profiles import (
    SERVER_PURPOSES,
    AuthorityProfile,
    CertificateKind,
    CrlUse,
    SerialNumbers,
    could_be_host_name,
    serial_of_key,
)
from .tbs import (
    CPS_QUALIFIER,
    NO_REVOCATION_AVAILABLE,
    QC_COMPLIANCE,
    QC_LEGISLATION,
    QC_PDS,
    QC_RETENTION,
    QC_SSCD,
    QC_SYNTAX_2,
    QC_TYPE,
    crl_urls,
    delta_crl_urls,
    name_constraints,
    qc_statements,
)

# A trusted clock and a queue explain minutes, not hours (the lesson of WoSign).
BACK_DATED: Final = timedelta(minutes=15)
# A renewal may begin when its predecessor ends.
POST_DATED: Final = timedelta(days=31)
SIZE_LIMIT: Final = 16 * 1024
# A node prefix and 144 random bits.
SERIAL_OCTETS: Final = 19
# Of 18 random octets fewer than 8 different values are seen once in about 10^10 certificates.
DISTINCT_SERIAL_OCTETS: Final = 8

RULES: Final[list[Rule]] = []


def _rule(
    name: str, clause: str, *, shared: bool = False, severity: Severity = Severity.ERROR
) -> Callable[[Callable[[View], Answer]], Callable[[View], Answer]]:
    def register(check: Callable[[View], Answer]) -> Callable[[View], Answer]:
        RULES.append(Rule(name=name, clause=clause, severity=severity, shared=shared, check=check))
        return check

    return register


def _shared(
    name: str, clause: str, *, severity: Severity = Severity.ERROR
) -> Callable[[Callable[[View], Answer]], Callable[[View], Answer]]:
    return _rule(name, clause, shared=True, severity=severity)


# --- encoding -----------------------------------------------------------------------------------


@_rule("der", "X.690; RFC 5280 §4.1")
def _der(view: View) -> Answer:
    # The view was read strictly; what it did not look into is looked into here.
    try:
        item = view.extension(SUBJECT_ALTERNATIVE_NAME)
        if item is not None and not is_one_mailbox(item.octets):
            der.check(item.octets)
        if view.usual_curve is None:
            der.check(view.key)
    except DecodeError as error:
        return str(error)
    return None


@_shared("der-extensions", "X.690; RFC 5280 §4.1")
def _der_extensions(view: View) -> Answer:
    try:
        der.check(view.algorithm)
        der.check(view.issuer)
        for item in view.extensions:
            der.check(item.octets)
    except DecodeError as error:
        return str(error)
    return None


@_rule("size", "ca.md §8 (limits)")
def _size(view: View) -> Answer:
    return None if len(view.tbs) <= SIZE_LIMIT else f"{len(view.tbs)} octets"


@_shared("version", "RFC 5280 §4.1.2.1")
def _version(view: View) -> Answer:
    return None if view.version == b"\xa0\x03\x02\x01\x02" else "not version 3"


@_rule("unique-identifiers", "RFC 5280 §4.1.2.8")
def _unique_identifiers(view: View) -> Answer:
    return "issuerUniqueID or subjectUniqueID" if view.unique_identifiers else None


# --- serial number ------------------------------------------------------------------------------


@_rule("serial-positive", "RFC 5280 §4.1.2.2")
def _serial_positive(view: View) -> Answer:
    serial = view.serial
    return None if serial[0] < 0x80 and serial != b"\x00" else "zero or negative"


@_rule("serial-length", "RFC 5280 §4.1.2.2")
def _serial_length(view: View) -> Answer:
    return None if len(view.serial) <= 20 else f"{len(view.serial)} octets"


@_rule("serial-key", "profile; NCA RK")
def _serial_key(view: View) -> Answer:
    if view.profile.serial_number is not SerialNumbers.KEY_IDENTIFIER:
        return None
    return None if view.serial == serial_of_key(view.public_key) else "not that of the key"


@_rule("serial-entropy", "ca.md §2.2 I2; CA/B BR 7.1")
def _serial_entropy(view: View) -> Answer:
    if len(view.serial) < SERIAL_OCTETS or view.serial[0] == 0:
        return "not a node prefix and 144 random bits"
    if len(set(view.serial[1:])) < DISTINCT_SERIAL_OCTETS:
        return "octets that random bits do not give"
    return None


# --- algorithm and issuer -----------------------------------------------------------------------


@_shared("signature-algorithm", "RFC 5280 §4.1.2.3")
def _signature_algorithm(view: View) -> Answer:
    same = view.algorithm == view.issuer_facts.algorithm.identifier
    return None if same else "not the algorithm of the issuer's key"


def _algorithm(view: View) -> SignatureAlgorithm | None:
    for row in SIGNATURE_ALGORITHMS:
        if row.identifier == view.algorithm:
            return row
    return None


@_shared("signature-algorithm-permitted", "profile; ETSI TS 119 312")
def _signature_algorithm_permitted(view: View) -> Answer:
    permitted = view.profile.signature_algorithms
    # One identifier serves several curves.
    found = {row.name for row in SIGNATURE_ALGORITHMS if row.identifier == view.algorithm}
    return None if found & {*permitted} else "the profile does not permit it"


@_shared("signature-digest", "ETSI TS 119 312 §5; RFC 5280 §4.1.1.2")
def _signature_digest(view: View) -> Answer:
    row = _algorithm(view)
    if row is None:
        return "an unknown signature algorithm"
    if row.key_type in VERIFY_ONLY:
        return f"{row.name} signs nothing new"
    return None if row.relied_on_until is None else f"{row.name} is no longer relied on"


@_shared("issuer-name", "RFC 5280 §4.1.2.4")
def _issuer_name(view: View) -> Answer:
    if view.issuer == b"\x30\x00":
        return "empty"
    same = view.issuer == view.issuer_facts.name.encoded
    return None if same else "not the subject of the issuer, octet for octet"


# --- validity -----------------------------------------------------------------------------------


@_rule("validity-form", "RFC 5280 §4.1.2.5")
def _validity_form(view: View) -> Answer:
    for element, instant in zip(view.times, (view.not_before, view.not_after), strict=True):
        if (element.tag == der.UTC_TIME) is not (1950 <= instant.year < 2050):
            return "UTCTime through 2049, GeneralizedTime after"
    return None


@_rule("validity-order", "RFC 5280 §4.1.2.5")
def _validity_order(view: View) -> Answer:
    return None if view.not_before < view.not_after else "ends before it begins"


@_rule("validity-within-issuer", "ca.md §2.2 I6; RFC 5280 §6.1.3")
def _validity_within_issuer(view: View) -> Answer:
    begin = view.issuer_facts.not_before
    if view.not_before < begin and view.not_before < begin.replace(microsecond=0):
        return "begins before the issuer's"
    return "ends after the issuer's" if view.not_after > view.issuer_facts.not_after else None


@_rule("validity-maximum", "profile; EN 319 411-1 §6.3.3")
def _validity_maximum(view: View) -> Answer:
    length = view.not_after - view.not_before
    return None if length <= view.profile.maximum_validity else f"{length.days} days"


@_rule("not-back-dated", "ca.md §7 (WoSign 2016)")
def _not_back_dated(view: View) -> Answer:
    if view.profile.kind is CertificateKind.ROOT:
        return None
    return "begins too long ago" if view.not_before < view.at - BACK_DATED else None


@_rule("not-post-dated", "ca.md §7; EN 319 411-1 §6.3.3")
def _not_post_dated(view: View) -> Answer:
    return "begins too far ahead" if view.not_before > view.at + POST_DATED else None


# --- subject --------------------------------------------------------------------------------------


@_rule("subject-present", "RFC 5280 §4.1.2.6; EN 319 412-2 §4.2.4")
def _subject_present(view: View) -> Answer:
    return None if view.attributes else "empty"


@_rule("subject-single", "X.501 §9.3; EN 319 412-1")
def _subject_single(view: View) -> Answer:
    return "an RDN of several attributes" if view.joined_attributes else None


@_rule("subject-grammar", "profile; EN 319 412-2 §4.2.4, 412-3 §4.2.1")
def _subject_grammar(view: View) -> Answer:
    departures = [*view.profile.subject_departures(view.attributes, on=view.at.date())]
    return [f"{name}: {why}" for name, why in departures] or None


_BOUNDS: Final = {row.oid: (row.name, row.upper_bound, row.tag) for row in ATTRIBUTE_TYPES}


@_rule("subject-length", "RFC 5280 Appendix A.1")
def _subject_length(view: View) -> Answer:
    for attribute in view.attributes:
        _, bound, _ = _BOUNDS.get(attribute.oid, ("", 32768, 0))
        if not 0 < len(attribute.text) <= bound:
            return f"{attribute.type_name}: {len(attribute.text)} characters"
    return None


@_rule("subject-string-type", "RFC 5280 §4.1.2.4, Appendix A.1")
def _subject_string_type(view: View) -> Answer:
    for attribute in view.attributes:
        _, _, tag = _BOUNDS.get(attribute.oid, ("", 0, der.UTF8_STRING))
        if attribute.tag != tag:
            return f"{attribute.type_name}: {der.tag_name(attribute.tag)}"
        if tag == der.PRINTABLE_STRING and not der.is_printable(attribute.text):
            return f"{attribute.type_name}: characters that PrintableString does not have"
    return None


@_rule("subject-characters", "RFC 5280 §4.1.2.4; X.520")
def _subject_characters(view: View) -> Answer:
    for attribute in view.attributes:
        text = attribute.text
        if not text.isprintable() or text[:1] == " " or text[-1:] == " ":
            return f"{attribute.type_name}: unseen characters, or a space at an end"
    return None


@_rule("subject-repeated", "X.520; EN 319 412-2 §4.2.4")
def _subject_repeated(view: View) -> Answer:
    found = [attribute.oid for attribute in view.attributes]
    if len(set(found)) == len(found):
        return None
    allowed = {row.oid: row.repeat for row in view.profile.subject}
    for attribute in view.attributes:
        if found.count(attribute.oid) > allowed.get(attribute.oid, 1):
            return f"{attribute.type_name} twice"
    return None


@_rule("common-name-host", "ca.md §7.1")
def _common_name_host(view: View) -> Answer:
    for attribute in view.attributes:
        if attribute.oid == names.COMMON_NAME and could_be_host_name(attribute.text):
            return "could be read as a host name"
    return None


@_rule("subject-issuer", "RFC 5280 §3.2, §6.1 (self-issued)")
def _subject_issuer(view: View) -> Answer:
    same = view.subject.encoded == view.issuer
    if view.profile.kind is CertificateKind.ROOT:
        return None if same else "a root names another issuer"
    return "the issuer's own name" if same else None


# --- public key -----------------------------------------------------------------------------------


@_rule("key-permitted", "profile; ETSI TS 119 312 §6")
def _key_permitted(view: View) -> Answer:
    if view.usual_curve is not None:
        for rule in view.profile.keys:
            if rule.curve == view.usual_curve:
                return None
    try:
        view.profile.check_key(view.public_key)
    except KeyNotPermitted as error:
        return error.found
    return None


@_rule("key-form", "RFC 3279 §2.3, RFC 5480 §2, RFC 8410 §3")
def _key_form(view: View) -> Answer:
    if view.usual_curve is not None:
        return None
    key = view.public_key
    oid, parameters = key.algorithm_oid, key.algorithm_parameters
    if oid == EC_PUBLIC_KEY:
        try:
            curve = key.curve
        except (AlgorithmError, DecodeError):
            return "not a named curve"
        size = 0 if curve is None else (curve.bits + 7) // 8
        whole = key.key_octets[:1] == b"\x04" and len(key.key_octets) == 2 * size + 1
        return None if whole else "not an uncompressed point of its curve"
    if KEY_TYPES.get(oid) in VERIFY_ONLY:
        return f"{KEY_TYPES[oid].value} keys sign nothing new"
    if oid == RSA_ENCRYPTION:
        return None if parameters == b"\x05\x00" else "RSA without the NULL"
    if oid in _BARE_KEYS and parameters:
        return "parameters where there are none"
    if KEY_TYPES.get(oid) in GOST_KEY_TYPES:
        try:
            _ = key.gost
        except (AlgorithmError, DecodeError) as error:
            return str(error)
    return None


_BARE_KEYS: Final = frozenset({"1.3.101.112"})


@_rule("rsa-numbers", "ETSI TS 119 312 §6.2.2; CA/B BR 6.1.6")
def _rsa_numbers(view: View) -> Answer:
    if view.usual_curve is not None:
        return None
    key = view.public_key
    if key.algorithm_oid != RSA_ENCRYPTION:
        return None
    try:
        fields = der.decode(key.key_octets).fields()
        modulus, exponent = (fields.take(der.INTEGER).unsigned(limits=_RSA) for _ in range(2))
        fields.finish()
    except DecodeError as error:
        return str(error)
    if modulus % 2 == 0 or modulus.bit_length() % 8:
        return "the modulus is even, or not of whole octets"
    if exponent % 2 == 0 or not 65537 <= exponent < 1 << 256:
        return "the exponent is even, under 65537, or over 256 bits"
    return None


_RSA: Final = der.Limits(integer=4096)


@_rule("key-period", "ETSI TS 119 312 §8")
def _key_period(view: View) -> Answer:
    if view.usual_curve is not None:
        return None
    key = view.public_key
    try:
        kind, bits = key.key_type, key.bits
    except (AlgorithmError, DecodeError):
        return None  # another rule's business
    if kind is KeyType.EC:
        return None
    last: date = view.not_after.date()
    for row in KEY_SIZE_PERIODS:
        if row.key_type is kind and bits < row.below_bits and last > row.relied_on_until:
            return f"{bits} bits are relied on until {row.relied_on_until}"
    return None


@_rule("key-of-issuer", "ca.md §8 15; EN 319 411-1 GEN-6.5.3-03")
def _key_of_issuer(view: View) -> Answer:
    same = view.key == view.issuer_facts.public_key.encoded
    if view.profile.kind is CertificateKind.ROOT:
        return None if same else "a root certifies another key"
    return "the key of the issuer" if same else None


# --- extensions as such ---------------------------------------------------------------------------


@_rule("extension-twice", "RFC 5280 §4.2")
def _extension_twice(view: View) -> Answer:
    found = [item.oid for item in view.extensions]
    return None if len(set(found)) == len(found) else "an extension twice"


@_shared("extension-unknown", "ca.md §8 19; RFC 5280 §4.2")
def _extension_unknown(view: View) -> Answer:
    known = {*READERS, *(item.oid for item in view.profile.extensions)}
    return [item.oid for item in view.extensions if item.oid not in known] or None


@_shared("extension-form", "RFC 5280 §4.2; RFC 3739 §3.2.6; RFC 6960 §4.2.2.2.1")
def _extension_form(view: View) -> Answer:
    found = (item.oid for item in view.extensions)
    return _unreadable(view, (oid for oid in found if oid not in _OWN_EXTENSIONS))


@_rule("own-extension-form", "RFC 5280 §4.2.1.2, §4.2.1.6")
def _own_extension_form(view: View) -> Answer:
    return _unreadable(view, _OWN_EXTENSIONS)


def _unreadable(view: View, oids: Iterable[str]) -> Answer:
    return [
        oid
        for oid in oids
        if oid in READERS and view.read(oid) is None and view.extension(oid) is not None
    ] or None


_OWN_EXTENSIONS: Final = (SUBJECT_KEY_IDENTIFIER, SUBJECT_ALTERNATIVE_NAME)


_CRITICAL: Final = frozenset({KEY_USAGE, BASIC_CONSTRAINTS, NAME_CONSTRAINTS})
_EITHER: Final = frozenset({EXTENDED_KEY_USAGE})


@_shared("extension-criticality", "RFC 5280 §4.2.1, §4.2.2; EN 319 412-5 §4.1; RFC 9608")
def _extension_criticality(view: View) -> Answer:
    return [
        item.oid
        for item in view.extensions
        if item.oid not in _EITHER and item.critical is not (item.oid in _CRITICAL)
    ] or None


@_rule("own-extension-criticality", "RFC 5280 §4.2.1.2, §4.2.1.6")
def _own_extension_criticality(view: View) -> Answer:
    for item in view.extensions:
        if item.critical and item.oid in _OWN_EXTENSIONS:
            return item.oid
    return None


@_shared("extension-fixed", "profile")
def _extension_fixed(view: View) -> Answer:
    for wanted in view.profile.extensions:
        item = view.extension(wanted.oid)
        if item is None or item.octets != wanted.octets:
            return f"{wanted.oid} is absent or another"
    return None


# --- key identifiers ------------------------------------------------------------------------------


@_shared("authority-key-identifier", "RFC 5280 §4.2.1.1")
def _authority_key_identifier(view: View) -> Answer:
    found = view.read(AUTHORITY_KEY_IDENTIFIER)
    if found is None:
        return None if view.profile.kind is CertificateKind.ROOT else "absent"
    if found.key_identifier != view.issuer_facts.key_identifier:
        return "not the issuer's key identifier"
    return "issuer and serial number beside it" if found.issuer or found.serial_number else None


@_rule("subject-key-identifier", "RFC 5280 §4.2.1.2")
def _subject_key_identifier(view: View) -> Answer:
    found = view.read(SUBJECT_KEY_IDENTIFIER)
    if found is None:
        return "absent"
    return None if found == view.key_identifier else "not of this key"


# --- what the key may do --------------------------------------------------------------------------


@_shared("key-usage", "RFC 5280 §4.2.1.3; profile")
def _key_usage(view: View) -> Answer:
    if view.extension(KEY_USAGE) is None:
        return "absent"
    return None if view.usage == view.profile.key_usage else "not that of the profile"


@_shared("key-usage-authority", "RFC 5280 §4.2.1.3, §4.2.1.9")
def _key_usage_authority(view: View) -> Answer:
    constraints = view.read(BASIC_CONSTRAINTS)
    is_authority = constraints is not None and constraints.ca
    if (KeyUsage.KEY_CERT_SIGN in view.usage) is not is_authority:
        return "keyCertSign goes with CA=true, and only with it"
    if KeyUsage.CRL_SIGN in view.usage and not view.profile.is_authority:
        return "cRLSign outside an authority"
    return None


# EN 319 412-2 §4.3.2: types A to F; keyEncipherment and keyAgreement count as one.
_USAGE_TYPES: Final = (
    frozenset({1}),
    frozenset({1, 0}),
    frozenset({0}),
    frozenset({0, 2}),
    frozenset({2}),
    frozenset({1, 0, 2}),
)


@_shared("key-usage-type", "EN 319 412-2 §4.3.2", severity=Severity.WARNING)
def _key_usage_type(view: View) -> Answer:
    if view.profile.kind is not CertificateKind.END_ENTITY:
        return None
    bits = frozenset(min(bit.value, 2) if bit.value in (2, 4) else bit.value for bit in view.usage)
    return None if bits in _USAGE_TYPES else "none of the types A to F"


_PURPOSE_USAGES: Final = {
    CLIENT_AUTH: {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT},
    EMAIL_PROTECTION: {
        KeyUsage.DIGITAL_SIGNATURE,
        KeyUsage.NON_REPUDIATION,
        KeyUsage.KEY_ENCIPHERMENT,
        KeyUsage.KEY_AGREEMENT,
    },
    DOCUMENT_SIGNING: {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION},
    OCSP_SIGNING: {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION},
    TIME_STAMPING: {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION},
}


@_shared("purpose-usage", "RFC 5280 §4.2.1.12; RFC 9336 §3")
def _purpose_usage(view: View) -> Answer:
    if view.profile.is_authority:
        return None  # there the purposes limit others
    for purpose in view.purposes:
        if not view.usage & _PURPOSE_USAGES.get(purpose, view.usage):
            return f"{purpose} with a key usage that cannot serve it"
    return None


@_shared("purposes", "profile; RFC 5280 §4.2.1.12")
def _purposes(view: View) -> Answer:
    wanted = {*view.profile.extended_key_usage}
    found = view.purposes
    if len(set(found)) != len(found):
        return "a purpose twice"
    if not wanted <= {*found} <= wanted | {*view.profile.optional_extended_key_usage}:
        return "not those of the profile"
    critical = view.extension(EXTENDED_KEY_USAGE)
    if critical is not None and critical.critical is not view.profile.extended_key_usage_critical:
        return "not as critical as the profile says"
    return None


@_shared("purpose-server", "ca.md §7.1")
def _purpose_server(view: View) -> Answer:
    return sorted({*view.purposes} & SERVER_PURPOSES) or None


@_shared("purpose-within-issuer", "CA/B BR 7.1.2; ca.md §7.1")
def _purpose_within_issuer(view: View) -> Answer:
    allowed = view.issuer_facts.extended_key_usage
    if allowed is None or view.profile.kind is CertificateKind.OCSP_RESPONDER:
        return None
    # National purposes mean nothing to those who would nest them.
    beyond = {item for item in view.purposes if item.startswith("1.3.6.1.5.5.7.3.")} - {*allowed}
    return sorted(beyond) or None


@_shared("purpose-ocsp", "RFC 6960 §4.2.2.2")
def _purpose_ocsp(view: View) -> Answer:
    responder = view.profile.kind is CertificateKind.OCSP_RESPONDER
    if (OCSP_SIGNING in view.purposes) is not responder:
        return "OCSPSigning is for responders, and they have it"
    return "beside other purposes" if responder and len(view.purposes) > 1 else None


@_shared("purpose-time-stamping", "RFC 3161 §2.3")
def _purpose_time_stamping(view: View) -> Answer:
    if TIME_STAMPING not in view.purposes or view.profile.is_authority:
        return None
    item = view.extension(EXTENDED_KEY_USAGE)
    alone = len(view.purposes) == 1 and item is not None and item.critical
    return None if alone else "not alone, or not critical"


@_shared("basic-constraints", "RFC 5280 §4.2.1.9")
def _basic_constraints(view: View) -> Answer:
    found = view.read(BASIC_CONSTRAINTS)
    if (found is not None and found.ca) is not view.profile.is_authority:
        return "CA=true is for authorities, and they have it"
    if found is not None and found.path_length is not None and not found.ca:
        return "a path length without CA=true"
    return None


@_shared("path-length", "RFC 5280 §4.2.1.9; ca.md §7 (TURKTRUST)")
def _path_length(view: View) -> Answer:
    if not isinstance(view.profile, AuthorityProfile):
        return None
    found = view.read(BASIC_CONSTRAINTS)
    length = None if found is None else found.path_length
    return None if length == view.profile.path_length else "not that of the profile"


@_shared("name-constraints", "RFC 5280 §4.2.1.10; docs/adr/0005")
def _name_constraints(view: View) -> Answer:
    item = view.extension(NAME_CONSTRAINTS)
    if not isinstance(view.profile, AuthorityProfile):
        return None if item is None else "outside an authority"
    if item is None:
        return "absent: this authority could make a TLS certificate"
    return None if item.octets == name_constraints(view.profile) else "not those of the profile"


# --- names beside the subject ---------------------------------------------------------------------


@_rule("alternative-name-kind", "ca.md §7.1; RFC 5280 §4.2.1.6")
def _alternative_name_kind(view: View) -> Answer:
    found = view.read(SUBJECT_ALTERNATIVE_NAME)
    if view.extension(SUBJECT_ALTERNATIVE_NAME) is None:
        return None
    if not view.profile.email:
        return "the profile has none"
    others = [
        name.kind.name for name in found or () if name.kind is not GeneralNameKind.RFC822_NAME
    ]
    return sorted(set(others)) or None


MAILBOX: Final = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}"
_MAILBOX: Final = re.compile(MAILBOX)


@_rule("alternative-name-form", "RFC 5280 §4.2.1.6; RFC 5321 §4.1.2")
def _alternative_name_form(view: View) -> Answer:
    found = view.read(SUBJECT_ALTERNATIVE_NAME) or ()
    addresses = [name.value for name in found if name.kind is GeneralNameKind.RFC822_NAME]
    for text in addresses:
        if not isinstance(text, str) or not _MAILBOX.fullmatch(text):
            return "not a mailbox"
    return "more than one address" if len(addresses) > 1 else None


# --- policies -------------------------------------------------------------------------------------


@_shared("policies", "RFC 5280 §4.2.1.4; EN 319 411-1 §5.3; profile")
def _policies(view: View) -> Answer:
    found = {policy.oid for policy in view.read(CERTIFICATE_POLICIES) or ()}
    wanted = {policy.oid for policy in view.profile.policies}
    optional = {policy.oid for policy in view.profile.optional_policies}
    return None if wanted <= found <= wanted | optional else "not those of the profile"


@_shared("any-policy", "EN 319 412-2 §4.3.3; profile")
def _any_policy(view: View) -> Answer:
    found = {policy.oid for policy in view.read(CERTIFICATE_POLICIES) or ()}
    return "anyPolicy" if ANY_POLICY in found else None


@_shared("policy-qualifier", "RFC 5280 §4.2.1.4")
def _policy_qualifier(view: View) -> Answer:
    head = der.object_identifier(CPS_QUALIFIER)
    for policy in view.read(CERTIFICATE_POLICIES) or ():
        for qualifier in policy.qualifiers:
            fields = der.decode(qualifier).fields()
            if fields.take().encoded != head:
                return "a qualifier other than the practice statement"
            text = fields.take(der.IA5_STRING).octets
            if not text.startswith((b"https://", b"http://")):
                return "a practice statement without an address"
    return None


# --- where status is ------------------------------------------------------------------------------


def _point_urls(view: View, oid: str) -> tuple[str, ...] | str | None:
    """The addresses of the one distribution point; a text says what is wrong with it."""
    points = view.read(oid)
    if points is None:
        return None
    if len(points) != 1:
        return "more than one distribution point"
    point = points[0]
    if point.reasons is not None or point.crl_issuer or point.relative_name is not None:
        return "reasons, another issuer or a relative name"
    urls: tuple[str, ...] = point.uris
    return urls if len(urls) == len(point.full_name) else "names that are no addresses"


@_shared("crl-distribution-point", "RFC 5280 §4.2.1.13; ca.md §2.2 I11; EN 319 412-2 §4.3.11")
def _crl_distribution_point(view: View) -> Answer:
    found = _point_urls(view, CRL_DISTRIBUTION_POINTS)
    if isinstance(found, str):
        return found
    wanted = view.profile.crl is not CrlUse.NONE
    expected = crl_urls(view.issuer_facts, view.shard) if wanted else ()
    return None if (found or ()) == expected else "not the list that this certificate will be on"


@_shared("freshest-crl", "RFC 5280 §4.2.1.15")
def _freshest_crl(view: View) -> Answer:
    found = _point_urls(view, FRESHEST_CRL)
    if isinstance(found, str):
        return found
    wanted = view.profile.crl is not CrlUse.NONE
    expected = delta_crl_urls(view.issuer_facts, view.shard) if wanted else ()
    return None if (found or ()) == expected else "not the delta list of its list"


def _access(view: View, method: str) -> tuple[str | None, ...]:
    return tuple(
        line.location.uri
        for line in view.read(AUTHORITY_INFORMATION_ACCESS) or ()
        if line.method == method
    )


@_shared("ocsp-address", "RFC 5280 §4.2.2.1; EN 319 412-2 §4.4.1")
def _ocsp_address(view: View) -> Answer:
    expected = view.issuer_facts.ocsp_urls if view.profile.ocsp else ()
    return None if _access(view, OCSP) == expected else "not the issuer's"


@_shared("issuer-address", "RFC 5280 §4.2.2.1; EN 319 412-2 §4.4.1")
def _issuer_address(view: View) -> Answer:
    root = view.profile.kind is CertificateKind.ROOT
    expected = () if root else view.issuer_facts.ca_issuer_urls
    if _access(view, CA_ISSUERS) != expected:
        return "not the issuer's"
    others = [line for line in view.read(AUTHORITY_INFORMATION_ACCESS) or ()
              if line.method not in (OCSP, CA_ISSUERS)]  # fmt: skip
    return "an unknown access method" if others else None


@_shared("address-scheme", "RFC 5280 §4.2.1.13, §4.2.2.1")
def _address_scheme(view: View) -> Answer:
    found = _point_urls(view, CRL_DISTRIBUTION_POINTS)
    urls = (*(() if isinstance(found, str) else found or ()), *_access(view, OCSP))
    wrong = [url for url in urls if url is None or not url.startswith("http://")]
    # Fetching the status of a TLS certificate over TLS never ends.
    return "a list or responder that is not at http://" if wrong else None


@_shared("status-source", "EN 319 411-1 CSS-6.3.10-05; RFC 9608 §3")
def _status_source(view: View) -> Answer:
    sources = bool(view.read(CRL_DISTRIBUTION_POINTS)) or bool(_access(view, OCSP))
    none = view.extension(NO_REVOCATION_AVAILABLE) is not None
    if none is not view.profile.no_revocation_available:
        return "noRevAvail against the profile"
    if none and sources:
        return "noRevAvail beside a source of status"
    told = view.profile.kind in (CertificateKind.ROOT, CertificateKind.OCSP_RESPONDER)
    return None if sources or none or told else "no source of status"


@_shared("ocsp-no-check", "RFC 6960 §4.2.2.2.1")
def _ocsp_no_check(view: View) -> Answer:
    found = view.extension(OCSP_NO_CHECK) is not None
    return None if found is view.profile.ocsp_no_check else "against the profile"


# --- qualified certificate statements -------------------------------------------------------------


@_shared("qc-statements", "EN 319 412-5 §4; profile")
def _qc_statements(view: View) -> Answer:
    wanted = view.profile.qc_statements
    item = view.extension(QC_STATEMENTS)
    if wanted is None or item is None:
        return None if wanted is None and item is None else "against the profile"
    same = item.octets == qc_statements(wanted, view.issuer_facts)
    return None if same else "not those of the profile"


@_shared("qc-form", "EN 319 412-5 §4.2, §4.3; RFC 3739 §3.2.6")
def _qc_form(view: View) -> Answer:
    statements = view.read(QC_STATEMENTS) or ()
    found = [statement.oid for statement in statements]
    if len(set(found)) != len(found):
        return "a statement twice"
    for statement in statements:
        try:
            form = _QC_FORMS.get(statement.oid)
            if form is not None and not form(statement.information):
                return f"{statement.oid} in the wrong form"
        except DecodeError:
            return f"{statement.oid} in the wrong form"
    return None


@_shared("qc-compliance", "EN 319 412-5 §4.2.1, §4.2.3, §4.3.4")
def _qc_compliance(view: View) -> Answer:
    found = {statement.oid for statement in view.read(QC_STATEMENTS) or ()}
    if QC_COMPLIANCE in found and not {QC_TYPE, QC_PDS} <= found:
        return "a qualified certificate without its type or its disclosure statement"
    if QC_SSCD in found and QC_COMPLIANCE not in found:
        return "a qualified device without a qualified certificate"
    return None


def _oids(information: bytes) -> bool:
    return all(part.tag == der.OBJECT_IDENTIFIER for part in _parts(information))


def _parts(information: bytes) -> tuple[der.Element, ...]:
    parts = der.decode(information).expect(der.SEQUENCE).children()
    return parts or (der.decode(b"\x05\x00"),)  # an empty list has no right member


def _countries(information: bytes) -> bool:
    return all(
        part.tag == der.PRINTABLE_STRING and re.fullmatch(b"[A-Z]{2}", part.octets)
        for part in _parts(information)
    )


def _disclosure(information: bytes) -> bool:
    languages: list[bytes] = []
    for part in _parts(information):
        fields = part.expect(der.SEQUENCE).fields()
        url = fields.take(der.IA5_STRING).octets
        languages.append(fields.take(der.PRINTABLE_STRING).octets)
        fields.finish()
        if not url.startswith(b"https://") or not re.fullmatch(b"[a-z]{2}", languages[-1]):
            return False
    # EN 319 412-5 §4.3.4: at least one in English
    return b"en" in languages


def _years(information: bytes) -> bool:
    return 0 <= der.decode(information).expect(der.INTEGER).integer() <= 100


def _absent(information: bytes) -> bool:
    return not information


_QC_FORMS: Final[dict[str, Callable[[bytes], bool]]] = {
    QC_COMPLIANCE: _absent,
    QC_SSCD: _absent,
    QC_TYPE: _oids,
    QC_PDS: _disclosure,
    QC_LEGISLATION: _countries,
    QC_RETENTION: _years,
    QC_SYNTAX_2: _oids,
}
