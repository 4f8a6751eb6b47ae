"""Objects of the ground as facts: dicts with stable keys, and the words people see instead.

Nothing that stands in an object is left out because it is unknown here: it is shown by its
number and its octets. A part that cannot be read is a fact as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from eds import der, extensions
from eds.algorithms import RSASSA_PSS, SIGNATURE_ALGORITHMS, digest_by_oid, pss_algorithm
from eds.certificatelists import CertificateList, RevokedEntry
from eds.certificates import Certificate
from eds.country import term
from eds.errors import AlgorithmError, DecodeError, EdsError, ProofOfPossessionFailed
from eds.extensions import Extension, GeneralName, GeneralNameKind
from eds.names import Name
from eds.ocsp import OcspResponse
from eds.publickeys import PublicKey
from eds.requests import CertificationRequest
from eds.timestamps import TimeStampResponse, TimeStampToken
from eds_cli.output import Block, Facts, Shown
from eds_cli.words import EXTENSIONS, KEY_USAGE, word, word_and_oid

if TYPE_CHECKING:
    from eds.keys import PrivateKey

_PREVIEW: Final = 48  # octets of an unknown value that people are shown


# --- small things ---------------------------------------------------------------------------------


def instant(at: datetime | None) -> Shown | None:
    """A point in time, in UTC."""
    if at is None:
        return None
    text = at.astimezone(UTC).isoformat(timespec="auto").removesuffix("+00:00")
    return Shown(f"{text}Z", f"{text.replace('T', ' ')} UTC")


def octets(value: bytes | None) -> Shown | None:
    """Octets in hexadecimal; people see the beginning of a long value and its size."""
    if value is None:
        return None
    text = value[:_PREVIEW].hex()
    if len(value) > _PREVIEW:
        text += f"… ({len(value)} octets)"
    return Shown(value.hex(), text)


def named(member: Enum) -> Shown:
    """A member of an enumeration by its name."""
    text = member.name.lower()
    return Shown(text, text.replace("_", " "))


def hexadecimal(number: int) -> str:
    """A serial number as people compare it: whole octets in hexadecimal."""
    text = f"{abs(number):x}"
    return ("-" if number < 0 else "") + text.rjust(len(text) + len(text) % 2, "0")


def name(value: Name) -> Shown:
    """A name: its text (RFC 4514), and for programs also its attributes in their order."""
    text = value.rfc4514
    return Shown(
        {
            "rfc4514": text,
            "attributes": [
                {"oid": one.oid, "type": one.type_name, "value": one.text}
                for one in value.attributes
            ],
        },
        text or "(empty)",
    )


def general_name(value: GeneralName) -> str:
    """A GeneralName in one line."""
    kind = {
        GeneralNameKind.RFC822_NAME: "email",
        GeneralNameKind.DNS_NAME: "DNS",
        GeneralNameKind.URI: "URI",
        GeneralNameKind.DIRECTORY_NAME: "directory",
        GeneralNameKind.REGISTERED_ID: "registered ID",
        GeneralNameKind.OTHER_NAME: "other name",
        GeneralNameKind.IP_ADDRESS: "IP",
    }.get(value.kind, value.kind.name.lower())
    if isinstance(value.value, Name):
        return f"{kind}:{value.value.rfc4514}"
    if isinstance(value.value, bytes):
        if value.kind is GeneralNameKind.IP_ADDRESS and len(value.value) == 4:
            return f"{kind}:{'.'.join(map(str, value.value))}"
        return f"{kind}:{value.value.hex()}"
    return f"{kind}:{value.value}"


def digest(oid: str) -> str:
    """The name of a digest, or its number."""
    try:
        return digest_by_oid(oid).name
    except AlgorithmError:
        return oid


def algorithm(identifier: der.Element) -> Shown:
    """A signature AlgorithmIdentifier, as far as it says itself; the curve stands with the key."""
    fields = identifier.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    parameters = fields.take().encoded if fields.next_tag is not None else b""
    found: str | None = None
    if oid == RSASSA_PSS:
        try:
            row = pss_algorithm(parameters)
            found = f"{row.name}, salt of {row.salt_length} octets"
        except AlgorithmError:
            found = "rsa-pss"
    else:
        rows = [row for row in SIGNATURE_ALGORITHMS if row.oid == oid]
        if len(rows) == 1:
            found = rows[0].name
        elif rows and rows[0].digest is not None:
            found = f"ecdsa-{rows[0].digest.name}"  # the same under every curve
    return Shown({"oid": oid, "name": found}, found or oid)


def public_key(key: PublicKey) -> Facts:
    """A public key."""
    return {
        "kind": key.description,
        "algorithm_oid": Shown(key.algorithm_oid, "") if _known(key) else key.algorithm_oid,
        "bits": Shown(attempt(lambda: key.bits), ""),
        "key_identifier": octets(key.key_identifier),
        "sha256": octets(key.fingerprint),
    }


def _known(key: PublicKey) -> bool:
    return not key.description.startswith("unknown")


def attempt(read: Callable[[], Any]) -> Any:
    """What `read` gives, or why it cannot."""
    try:
        return read()
    except EdsError as error:
        return Shown(unreadable(error), f"unreadable: {error} [{error.code}]")


def unreadable(error: EdsError) -> Facts:
    """Why something could not be read, as a fact among others."""
    return {"unreadable": str(error), "code": error.code}


def private_key(key: PrivateKey) -> Facts:
    """What may be told of a private key: its kind, its public half and its purpose."""
    from eds.keys import pkcs8

    def purpose() -> Any:
        found = pkcs8.purpose_of(key)
        return None if found is None else found.words

    def public() -> Any:
        half = key.public_key()
        return {"kind": half.description, "sha256": octets(half.fingerprint)}

    try:
        kind = key.key_type.value
    except AlgorithmError:
        kind = f"unknown ({key.algorithm_oid})"
    return {"kind": kind, "purpose": attempt(purpose), "public_key": attempt(public)}


# --- extensions -----------------------------------------------------------------------------------


def extension_list(found: Mapping[str, Extension]) -> Shown | None:
    """Extensions in their order: what they say, or their octets where nothing here reads them."""
    facts: list[Facts] = []
    shown: dict[str, Any] = {}
    for extension in found.values():
        reader = _READERS.get(extension.oid)
        value: Any = octets(extension.octets)
        error: str | None = None
        if reader is not None:
            try:
                value = reader(extension.octets)
            except DecodeError as reason:
                error = str(reason)
        called = EXTENSIONS.get(extension.oid) or term(extension.oid)
        facts.append(
            {
                "oid": extension.oid,
                "name": called,
                "critical": extension.critical,
                "value": value,
                "unreadable": error,
                "octets": extension.octets.hex(),
            }
        )
        mark = " (critical)" if extension.critical else ""
        lines = ["(present)" if value is True else value]
        if error is not None:
            lines.insert(0, f"unreadable: {error}")
        shown[f"{called or extension.oid}{mark}"] = lines
    return Shown(facts, shown) if facts else None


def _key_usage(value: bytes) -> Any:
    words = [KEY_USAGE[one.value] for one in sorted(_usages(value), key=lambda one: one.value)]
    return Shown(words, ", ".join(words) or "(nothing)")


def _usages(value: bytes) -> frozenset[extensions.KeyUsage]:
    return extensions.read_key_usage(value)


def _object_identifiers(value: bytes) -> Any:
    return [_object(oid) for oid in extensions.read_object_identifiers(value)]


def _object(oid: str) -> Shown:
    return Shown(oid, word_and_oid(oid))


def _basic_constraints(value: bytes) -> Any:
    found = extensions.read_basic_constraints(value)
    limit = "" if found.path_length is None else f", path length {found.path_length}"
    return Shown(
        {"ca": found.ca, "path_length": found.path_length},
        f"{'an authority' if found.ca else 'not an authority'}{limit}",
    )


def _names(value: bytes) -> Any:
    return [general_name(one) for one in extensions.read_alternative_names(value)]


def _policies(value: bytes) -> Any:
    found = []
    for policy in extensions.read_policies(value):
        said = [text for one in policy.qualifiers for text in _qualifier(one)]
        text = word_and_oid(policy.oid) + (f": {'; '.join(said)}" if said else "")
        found.append(
            Shown({"oid": policy.oid, "qualifiers": [one.hex() for one in policy.qualifiers]}, text)
        )
    return found


def _qualifier(encoded: bytes) -> list[str]:
    """What a qualifier says to people: a URI, or the texts of a notice."""
    fields = der.decode(encoded).fields()
    fields.take(der.OBJECT_IDENTIFIER)
    pending, texts = [fields.take()], []
    while pending:
        element = pending.pop(0)
        if element.is_constructed:
            pending[:0] = element.children(limits=der.Limits(elements=64))
        elif element.tag in {der.IA5_STRING, der.UTF8_STRING, der.VISIBLE_STRING, der.BMP_STRING}:
            texts.append(element.text())
    return texts


def _authority_key(value: bytes) -> Any:
    found = extensions.read_authority_key_identifier(value)
    said = [] if found.key_identifier is None else [found.key_identifier.hex()]
    said += [general_name(one) for one in found.issuer]
    if found.serial_number is not None:
        said.append(f"serial number {hexadecimal(found.serial_number)}")
    return said


def _distribution_points(value: bytes) -> Any:
    found: list[str] = []
    for point in extensions.read_distribution_points(value):
        found += [one.uri or general_name(one) for one in point.full_name]
        found += [f"issued by {general_name(one)}" for one in point.crl_issuer]
        if point.relative_name is not None:
            found.append(f"relative name {point.relative_name.hex()}")
        if point.reasons is not None:
            found.append(f"reasons {sorted(point.reasons)} only")
    return found


def _access(value: bytes) -> Any:
    return [
        Shown(
            {"method": one.method, "location": general_name(one.location)},
            f"{word(one.method)} {one.location.uri or general_name(one.location)}",
        )
        for one in extensions.read_access_descriptions(value)
    ]


def _statements(value: bytes) -> Any:
    return [
        Shown(
            {"oid": one.oid, "information": one.information.hex()},
            word_and_oid(one.oid) + (f": {one.information.hex()}" if one.information else ""),
        )
        for one in extensions.read_qc_statements(value)
    ]


def _name_constraints(value: bytes) -> Any:
    found = extensions.read_name_constraints(value)
    return [
        f"{word_} {general_name(one.base)}"
        for word_, trees in (("only", found.permitted), ("never", found.excluded))
        for one in trees or ()
    ]


def _scope(value: bytes) -> Any:
    found = extensions.read_issuing_distribution_point(value)
    said = [one.uri or general_name(one) for one in found.full_name]
    for flag, text in (
        (found.only_user_certificates, "only certificates of users"),
        (found.only_ca_certificates, "only certificates of authorities"),
        (found.only_attribute_certificates, "only attribute certificates"),
        (found.indirect, "indirect: certificates of other issuers too"),
    ):
        said += [text] if flag else []
    if found.relative_name is not None:
        said.append(f"relative name {found.relative_name.hex()}")
    if found.only_some_reasons is not None:
        said.append(f"reasons {sorted(found.only_some_reasons)} only")
    return said


def _mappings(value: bytes) -> Any:
    return [f"{ours} is {theirs}" for ours, theirs in extensions.read_policy_mappings(value)]


def _policy_constraints(value: bytes) -> Any:
    found = extensions.read_policy_constraints(value)
    said = []
    if found.require_explicit_policy is not None:
        said.append(f"explicit policy after {found.require_explicit_policy}")
    if found.inhibit_policy_mapping is not None:
        said.append(f"no mapping after {found.inhibit_policy_mapping}")
    return said


def _time(value: bytes) -> Any:
    return instant(der.decode(value).expect(der.GENERALIZED_TIME).time())


def _nonce(value: bytes) -> Any:
    try:
        return octets(extensions.read_octet_string(value))
    except DecodeError:
        return octets(value)


def _present(_: bytes) -> Any:
    return True


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    extensions.SUBJECT_KEY_IDENTIFIER: lambda value: octets(extensions.read_octet_string(value)),
    extensions.KEY_USAGE: _key_usage,
    extensions.SUBJECT_ALTERNATIVE_NAME: _names,
    extensions.ISSUER_ALTERNATIVE_NAME: _names,
    extensions.CERTIFICATE_ISSUER: _names,
    extensions.BASIC_CONSTRAINTS: _basic_constraints,
    extensions.CRL_NUMBER: extensions.read_integer,
    extensions.DELTA_CRL_INDICATOR: extensions.read_integer,
    extensions.ISSUING_DISTRIBUTION_POINT: _scope,
    extensions.NAME_CONSTRAINTS: _name_constraints,
    extensions.CRL_DISTRIBUTION_POINTS: _distribution_points,
    extensions.FRESHEST_CRL: _distribution_points,
    extensions.CERTIFICATE_POLICIES: _policies,
    extensions.POLICY_MAPPINGS: _mappings,
    extensions.POLICY_CONSTRAINTS: _policy_constraints,
    extensions.INHIBIT_ANY_POLICY: extensions.read_small_integer,
    extensions.AUTHORITY_KEY_IDENTIFIER: _authority_key,
    extensions.EXTENDED_KEY_USAGE: _object_identifiers,
    extensions.AUTHORITY_INFORMATION_ACCESS: _access,
    extensions.QC_STATEMENTS: _statements,
    extensions.EXPIRED_CERTS_ON_CRL: _time,
    extensions.INVALIDITY_DATE: _time,
    extensions.OCSP_ARCHIVE_CUTOFF: _time,
    extensions.OCSP_NONCE: _nonce,
    extensions.OCSP_NO_CHECK: _present,
    extensions.OCSP_EXTENDED_REVOKE: _present,
    extensions.VALIDITY_ASSURED_SHORT_TERM: _present,
}


# --- objects --------------------------------------------------------------------------------------


def certificate(value: Certificate, *, at: datetime) -> Facts:
    """A certificate; `at` is only for the words beside its validity period."""
    return {
        "subject": attempt(lambda: name(value.subject)),
        "issuer": attempt(lambda: name(value.issuer)),
        "holder": holder(value),
        "serial_number": attempt(lambda: hexadecimal(value.serial_number)),
        "version": value.version,
        "not_before": attempt(lambda: instant(value.not_before)),
        "not_after": attempt(lambda: _until(value, at)),
        "public_key": attempt(lambda: public_key(value.public_key)),
        "signature_algorithm": attempt(lambda: algorithm(value.signature_algorithm)),
        "self_issued": attempt(lambda: value.is_self_issued),
        "extensions": attempt(lambda: extension_list(value.extensions)),
        "sha1": _sha1(value.encoded),
        "sha256": octets(value.fingerprint),
    }


def holder(value: Certificate) -> Shown | None:
    """The subject in the terms of its country, where the certificate has a country's form."""
    from eds.country import countries, holder_of

    found = holder_of(value)
    if found is None:
        return None
    labels = countries()[found.country].labels
    facts = {key: list(one) if isinstance(one, tuple) else one for key, one in found.facts()}
    return Shown(
        {"country": found.country, **facts},
        {labels.get(key, key): one for key, one in facts.items()},
    )


def _until(value: Certificate, at: datetime) -> Shown:
    end = instant(value.not_after) or Shown(None, "")
    if value.in_validity_period(at=at):
        days = (value.not_after - at).days
        remark = f"{days} days left" if days else "ends within a day"
    elif at < value.not_before:
        remark = "not valid yet"
    else:
        remark = f"expired {(at - value.not_after).days} days ago"
    return Shown(end.value, f"{end.text} ({remark})")


def _sha1(encoded: bytes) -> Shown:
    import hashlib

    digest_ = hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
    return Shown(digest_, "")  # programs look certificates up by it


def brief_certificate(value: Certificate) -> Facts:
    """A certificate beside something else: enough to tell which it is."""
    return {
        "subject": attempt(lambda: name(value.subject)),
        "issuer": attempt(lambda: name(value.issuer)),
        "serial_number": attempt(lambda: hexadecimal(value.serial_number)),
        "not_after": attempt(lambda: instant(value.not_after)),
        "sha256": octets(value.fingerprint),
    }


def request(value: CertificationRequest) -> Facts:
    """A certification request, its proof of possession checked."""
    return {
        "subject": attempt(lambda: name(value.subject)),
        "public_key": attempt(lambda: public_key(value.public_key)),
        "signature_algorithm": attempt(lambda: algorithm(value.signature_algorithm)),
        "proof_of_possession": _proof(value),
        "extensions": attempt(lambda: extension_list(value.extensions)),
        "attributes": attempt(lambda: _attributes(value.attributes)),
        "sha256": octets(value.fingerprint),
    }


def _proof(value: CertificationRequest) -> Shown:
    try:
        value.verify_proof_of_possession()
    except ProofOfPossessionFailed as error:
        return Shown("failed", f"FAILED: {error}")
    except EdsError as error:
        return Shown("not_checked", f"not checked: {error}")
    return Shown("verified", "verified: signed by the key it carries")


def _attributes(found: Mapping[str, tuple[bytes, ...]]) -> Any:
    return [
        Shown(
            {"oid": oid, "values": [value.hex() for value in values]},
            f"{word_and_oid(oid)}: {len(values)} values",
        )
        for oid, values in found.items()
        if oid != "1.2.840.113549.1.9.14"  # the extensions, shown above
    ]


def certificate_list(value: CertificateList, *, limit: int) -> Facts:
    """A revocation list with its first `limit` entries."""
    import itertools

    entries = attempt(lambda: len(value))
    return {
        "issuer": attempt(lambda: name(value.issuer)),
        "version": value.version,
        "this_update": instant(value.this_update),
        "next_update": instant(value.next_update),
        "delta": Shown(value.is_delta, "yes" if value.is_delta else ""),
        "signature_algorithm": attempt(lambda: algorithm(value.signature_algorithm)),
        "extensions": attempt(lambda: extension_list(value.extensions)),
        "entries": entries,
        "revoked": attempt(lambda: _revoked(itertools.islice(value, limit))),
        "not_shown": max(entries - limit, 0) or None if isinstance(entries, int) else None,
        "sha256": octets(value.fingerprint),
    }


def _revoked(entries: Iterable[RevokedEntry]) -> Shown:
    told = [_revoked_entry(entry) for entry in entries]
    return Shown([facts for facts, _ in told], Block(line for _, line in told))


def _revoked_entry(entry: RevokedEntry) -> tuple[Facts, str]:
    others = {
        oid: one
        for oid, one in entry.extensions.items()
        if oid not in {extensions.REASON_CODE, extensions.INVALIDITY_DATE}
    }
    facts = {
        "serial_number": hexadecimal(entry.serial_number),
        "revocation_date": instant(entry.revocation_date),
        "reason": None if entry.reason is None else named(entry.reason),
        "invalidity_date": instant(entry.invalidity_date),
        "extensions": extension_list(others),
    }
    text = f"{hexadecimal(entry.serial_number)}  {entry.revocation_date:%Y-%m-%d}"
    text += "" if entry.reason is None else f"  {named(entry.reason).text}"
    text += "".join(f"  {word(oid)}" for oid in others)
    return facts, text


def ocsp_response(value: OcspResponse) -> Facts:
    """An OCSP response."""
    facts: dict[str, Any] = {"status": named(value.status)}
    if value.status.value == 0:
        facts |= {
            "responder": attempt(lambda: _responder(value)),
            "produced_at": attempt(lambda: instant(value.produced_at)),
            "responses": attempt(lambda: [_single(one) for one in value.responses]),
            "signature_algorithm": attempt(lambda: algorithm(value.signature_algorithm)),
            "extensions": attempt(lambda: extension_list(value.extensions)),
            "certificates": attempt(lambda: [brief_certificate(one) for one in value.certificates]),
        }
    return facts | {"sha256": octets(value.fingerprint)}


def _responder(value: OcspResponse) -> Any:
    found = value.responder
    if isinstance(found, Name):
        return name(found)
    return Shown({"key_identifier": found.hex()}, f"key {found.hex()}")


def _single(one: Any) -> Facts:
    return {
        "serial_number": hexadecimal(one.cert_id.serial_number),
        "status": named(one.status),
        "revocation_time": instant(one.revocation_time),
        "reason": None if one.revocation_reason is None else named(one.revocation_reason),
        "this_update": instant(one.this_update),
        "next_update": instant(one.next_update),
        "digest_algorithm": digest(one.cert_id.hash_oid),
        "issuer_name_hash": octets(one.cert_id.issuer_name_hash),
        "issuer_key_hash": octets(one.cert_id.issuer_key_hash),
        "extensions": attempt(lambda: extension_list(one.extensions)),
    }


def time_stamp_token(value: TimeStampToken) -> Facts:
    """A time-stamp token; nothing in it is verified here."""
    info = value.tst_info
    return {
        "time": instant(info.gen_time),
        "accuracy": None if info.accuracy is None else f"{info.accuracy.total_seconds():g} s",
        "digest_algorithm": digest(info.imprint_oid),
        "digest": octets(info.imprint),
        "policy": info.policy,
        "serial_number": hexadecimal(info.serial_number),
        "nonce": None if info.nonce is None else hexadecimal(info.nonce),
        "ordering": info.ordering,
        "tsa": None if info.tsa is None else general_name(info.tsa),
        "extensions": attempt(lambda: extension_list(info.extensions)),
        "certificates": attempt(
            lambda: [brief_certificate(one) for one in value.signed_data.certificates]
        ),
        "sha256": octets(value.fingerprint),
    }


def time_stamp_response(value: TimeStampResponse) -> Facts:
    """A time-stamp response."""
    token = value.token
    return {
        "status": named(value.status),
        "status_texts": list(value.status_texts),
        "failures": [named(one) for one in sorted(value.failures, key=lambda one: one.value)],
        "token": None if token is None else time_stamp_token(token),
    }
