"""Good certificates keep all rules; each known-bad one breaks the rule that is named for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der, extensions, names
from eds.algorithms import ECDSA, RSA_PKCS1_SHA1, RSA_PKCS1_SHA256
from eds.ca import lint_rules
from eds.ca.lint import RULES, Severity, lint, require_clean
from eds.ca.lint_view import View
from eds.ca.profiles import SERVER_AUTH
from eds.ca.tbs import NO_REVOCATION_AVAILABLE, QC_COMPLIANCE, QC_PDS, QC_SSCD, QC_TYPE
from eds.errors import LintFailed, NaiveDatetime
from tests.ca import hierarchy
from tests.ca.hierarchy import DAY, NOON, PROFILES

TABLE = Path(__file__).parents[2] / "docs" / "lint.md"


@dataclass
class Parts:
    """A TBSCertificate in pieces, to be put together wrongly."""

    profile: str
    version: bytes
    serial: bytes
    algorithm: bytes
    issuer: bytes
    times: list[bytes]
    subject: bytes
    key: bytes
    extensions: list[tuple[str, bytes, bytes]]  # OID, encoded BOOLEAN or nothing, value
    identifiers: bytes = b""
    tail: bytes = b""
    at: datetime = field(default=NOON)

    @classmethod
    def of(cls, profile: str, **changes: object) -> Parts:
        fields = der.decode(hierarchy.good_tbs(profile, **changes)).fields()
        version, serial, algorithm, issuer, validity, subject, key, wrapped = (
            fields.take() for _ in range(8)
        )
        return cls(
            profile=profile,
            version=version.encoded,
            serial=serial.encoded,
            algorithm=algorithm.encoded,
            issuer=issuer.encoded,
            times=[item.encoded for item in validity.iterate()],
            subject=subject.encoded,
            key=key.encoded,
            extensions=[
                (
                    extension.oid,
                    der.boolean(True) if extension.critical else b"",
                    extension.octets,
                )
                for extension in extensions.read_extensions(wrapped.only_child()).values()
            ],
            at=hierarchy.root_facts().not_before if profile == "root" else NOON,
        )

    def index(self, oid: str) -> int:
        return [item[0] for item in self.extensions].index(oid)

    def put(self, oid: str, octets: bytes, critical: bytes | None = None) -> None:
        known = [item[0] for item in self.extensions]
        if oid in known:
            place = known.index(oid)
            kept = self.extensions[place][1] if critical is None else critical
            self.extensions[place] = (oid, kept, octets)
        else:
            self.extensions.append((oid, critical or b"", octets))

    def drop(self, oid: str) -> None:
        del self.extensions[self.index(oid)]

    @property
    def encoded(self) -> bytes:
        items = (
            der.sequence(der.object_identifier(oid), critical, der.octet_string(octets))
            for oid, critical, octets in self.extensions
        )
        return (
            der.sequence(
                self.version,
                self.serial,
                self.algorithm,
                self.issuer,
                der.sequence(*self.times),
                self.subject,
                self.key,
                self.identifiers,
                der.explicit(3, der.sequence(*items)),
            )
            + self.tail
        )

    def broken(self) -> set[str]:
        profile = PROFILES[self.profile]
        found = lint(
            self.encoded,
            profile=profile,
            issuer=hierarchy.facts_of(profile),
            at=self.at,
            shard=hierarchy.shard_of(profile),
        )
        return {finding.rule for finding in found}


@pytest.mark.parametrize("profile", PROFILES)
def test_what_the_builder_writes_keeps_every_rule(profile: str) -> None:
    assert Parts.of(profile).broken() == set()


def test_optional_purposes_and_policies_are_in_order() -> None:
    parts = Parts.of("kz-first-head", purposes=("1.2.398.3.3.4.3.2", "1.2.398.3.3.4.3.2.1"))
    assert parts.broken() == set()


# --- bad ones -------------------------------------------------------------------------------------

Mutation = Callable[[Parts], None]
BAD: dict[str, tuple[str, str, Mutation]] = {}
LEAF = "natural-person-signature"


def bad(rule: str, profile: str = LEAF) -> Callable[[Mutation], Mutation]:
    def register(mutation: Mutation) -> Mutation:
        BAD[mutation.__name__] = (rule, profile, mutation)
        return mutation

    return register


def subject(*pairs: tuple[str, str]) -> bytes:
    return names.Name.build(pairs).encoded


def attribute(oid: str, tag: int, text: str) -> bytes:
    return der.set_of(der.sequence(der.object_identifier(oid), der.value(tag, text.encode())))


def rsa_numbers(*numbers: int) -> bytes:
    identifier = RSA_PKCS1_SHA256.identifier.replace(b"\x01\x01\x0b", b"\x01\x01\x01")
    return der.sequence(identifier, der.bit_string(der.sequence(*map(der.integer, numbers))))


C, CN, SN, SERIAL = names.COUNTRY, names.COMMON_NAME, names.SURNAME, names.SERIAL_NUMBER
MODULUS = (1 << 3071) + 12345678901


@bad("der")
def octets_after_the_end(parts: Parts) -> None:
    parts.tail = b"\x00"


@bad("der")
def no_key_at_all(parts: Parts) -> None:
    parts.key = b""


@bad("der")
def a_length_that_is_not_minimal(parts: Parts) -> None:
    parts.serial = b"\x02\x81\x13" + parts.serial[2:]


@bad("der")
def a_false_that_is_written(parts: Parts) -> None:
    oid, _, octets = parts.extensions[-1]
    parts.extensions[-1] = (oid, der.boolean(False), octets)


@bad("der")
def an_extension_with_a_third_field(parts: Parts) -> None:
    oid, _, octets = parts.extensions[0]
    parts.extensions[0] = (oid, der.null(), octets)


@bad("der-extensions")
def a_boolean_of_one(parts: Parts) -> None:
    parts.put(extensions.BASIC_CONSTRAINTS, der.sequence(b"\x01\x01\x01"), der.boolean(True))


@bad("der-extensions")
def octets_after_an_extension(parts: Parts) -> None:
    place = parts.index(extensions.KEY_USAGE)
    oid, critical, octets = parts.extensions[place]
    parts.extensions[place] = (oid, critical, octets + b"\x05\x00")


@bad("size")
def twenty_kilobytes(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(SN, der.UTF8_STRING, "A" * 20_000))


@bad("version")
def version_1(parts: Parts) -> None:
    parts.version = b""


@bad("version")
def version_4(parts: Parts) -> None:
    parts.version = der.explicit(0, der.integer(3))


@bad("unique-identifiers")
def a_subject_unique_identifier(parts: Parts) -> None:
    parts.identifiers = der.implicit(2, der.bit_string(b"12"))


@bad("serial-positive")
def serial_zero(parts: Parts) -> None:
    parts.serial = der.integer(0)


@bad("serial-positive")
def serial_negative(parts: Parts) -> None:
    parts.serial = der.integer(-(2**140))


@bad("serial-length")
def serial_of_21_octets(parts: Parts) -> None:
    parts.serial = der.integer(1 << 161)


@bad("serial-entropy")
def serial_of_63_bits(parts: Parts) -> None:
    parts.serial = der.integer(0x7A1B2C3D4E5F6A7B)


@bad("serial-entropy")
def serial_that_counts(parts: Parts) -> None:
    parts.serial = der.integer((1 << 144) + 77)


@bad("serial-key", "kz-first-head")
def a_serial_number_that_is_not_of_the_key(parts: Parts) -> None:
    parts.serial = der.integer((1 << 158) + 0x7A1B2C3D4E5F6A7B8C9D0E1F)


@bad("signature-algorithm")
def another_algorithm_inside(parts: Parts) -> None:
    parts.algorithm = RSA_PKCS1_SHA256.identifier


@bad("signature-algorithm-permitted")
def an_algorithm_the_profile_does_not_know(parts: Parts) -> None:
    parts.algorithm = der.sequence(der.object_identifier("1.3.101.113"))


@bad("signature-digest")
def a_signature_of_dsa(parts: Parts) -> None:
    parts.algorithm = der.sequence(der.object_identifier("2.16.840.1.101.3.4.3.2"))


@bad("signature-digest")
def sha1_with_rsa(parts: Parts) -> None:
    parts.algorithm = RSA_PKCS1_SHA1.identifier


@bad("signature-digest")
def sha1_with_ecdsa(parts: Parts) -> None:
    parts.algorithm = next(row.identifier for row in ECDSA if row.name.endswith("sha1"))


@bad("issuer-name")
def another_issuer(parts: Parts) -> None:
    parts.issuer = parts.subject


@bad("issuer-name")
def the_issuer_in_other_letters(parts: Parts) -> None:
    parts.issuer = parts.issuer.replace(b"Example", b"EXAMPLE")


@bad("validity-form")
def generalized_time_before_2050(parts: Parts) -> None:
    parts.times[1] = der.generalized_time(NOON + DAY)


@bad("der")
def a_time_without_seconds(parts: Parts) -> None:
    parts.times[0] = der.value(der.UTC_TIME, b"2611021200Z")


@bad("validity-order")
def ends_before_it_begins(parts: Parts) -> None:
    parts.times.reverse()


@bad("validity-within-issuer")
def outlives_the_issuer(parts: Parts) -> None:
    parts.times[1] = der.time(NOON + 3001 * DAY)


@bad("validity-within-issuer")
def older_than_the_issuer(parts: Parts) -> None:
    parts.times[0] = der.time(NOON - 301 * DAY)


@bad("validity-maximum")
def four_years(parts: Parts) -> None:
    parts.times[1] = der.time(NOON + 1461 * DAY)


@bad("not-back-dated")
def back_dated_by_an_hour(parts: Parts) -> None:
    parts.times[0] = der.time(NOON - timedelta(hours=1))


@bad("not-post-dated")
def begins_in_two_months(parts: Parts) -> None:
    parts.times[0] = der.time(NOON + 60 * DAY)


@bad("subject-present")
def no_subject(parts: Parts) -> None:
    parts.subject = der.sequence()


@bad("subject-single")
def two_attributes_in_one_rdn(parts: Parts) -> None:
    parts.subject = names.Name.build_rdns(
        [[(C, "KZ")], [(CN, "АСАН А"), (SN, "А")], [(SERIAL, "PNOKZ-1")]]
    ).encoded


@bad("subject-grammar")
def an_attribute_of_no_profile(parts: Parts) -> None:
    parts.subject = subject(
        (C, "KZ"), (CN, "АСАН А"), (SN, "А"), (SERIAL, "PNOKZ-1"), (names.TITLE, "Head")
    )


@bad("subject-grammar")
def attributes_out_of_order(parts: Parts) -> None:
    parts.subject = subject((CN, "АСАН А"), (C, "KZ"), (SN, "А"), (SERIAL, "PNOKZ-1"))


@bad("subject-grammar")
def no_serial_number(parts: Parts) -> None:
    parts.subject = subject((C, "KZ"), (CN, "АСАН А"), (SN, "А"))


@bad("subject-grammar")
def neither_surname_nor_given_name(parts: Parts) -> None:
    parts.subject = subject((C, "KZ"), (CN, "АСАН А"), (SERIAL, "PNOKZ-1"))


@bad("subject-grammar")
def a_serial_number_in_another_form(parts: Parts) -> None:
    parts.subject = subject((C, "KZ"), (CN, "АСАН А"), (SN, "А"), (SERIAL, "123456"))


@bad("subject-grammar", "legal-entity-head")
def a_role_that_is_not_the_profiles(parts: Parts) -> None:
    parts.subject = parts.subject.replace(b"\x0c\x04Head", b"\x0c\x04Boss")


@bad("subject-length")
def a_common_name_of_65(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(CN, der.UTF8_STRING, "A " + "Б" * 63))


@bad("subject-length")
def an_empty_surname(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(SN, der.UTF8_STRING, ""))


@bad("subject-string-type")
def a_country_in_utf8(parts: Parts) -> None:
    parts.subject = parts.subject.replace(b"\x13\x02KZ", b"\x0c\x02KZ")


@bad("subject-string-type")
def a_name_in_teletex(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(CN, der.TELETEX_STRING, "IVANOV IVAN"))


@bad("subject-string-type")
def an_underscore_in_printable(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(SERIAL, der.PRINTABLE_STRING, "PNOKZ-1_2"))


@bad("subject-characters")
def a_text_that_turns_round(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(CN, der.UTF8_STRING, "IVANOV \u202enavi"))


@bad("subject-characters")
def a_space_at_the_end(parts: Parts) -> None:
    parts.subject = der.sequence(attribute(CN, der.UTF8_STRING, "IVANOV "))


@bad("subject-repeated")
def two_common_names(parts: Parts) -> None:
    parts.subject = subject(
        (C, "KZ"), (CN, "АСАН А"), (CN, "АСАН Б"), (SN, "А"), (SERIAL, "PNOKZ-1")
    )


@bad("common-name-host")
def a_host_in_the_common_name(parts: Parts) -> None:
    parts.subject = subject((C, "KZ"), (CN, "example.com"), (SN, "А"), (SERIAL, "PNOKZ-1"))


@bad("common-name-host")
def one_word_of_ascii(parts: Parts) -> None:
    parts.subject = subject((C, "KZ"), (CN, "SUHARTO"), (SN, "SUHARTO"), (SERIAL, "PNOKZ-1"))


@bad("subject-issuer")
def the_name_of_the_issuer(parts: Parts) -> None:
    parts.subject = parts.issuer


@bad("subject-issuer", "root")
def a_root_under_another_name(parts: Parts) -> None:
    parts.subject = hierarchy.subject_of("issuing-ca").encoded


@bad("key-permitted")
def rsa_2048(parts: Parts) -> None:
    parts.key = rsa_numbers((1 << 2047) + 12345678901, 65537)


@bad("key-permitted")
def secp256k1(parts: Parts) -> None:
    point = der.decode(parts.key).children()[1].encoded
    curve = der.object_identifier("1.3.132.0.10")
    parts.key = der.sequence(der.sequence(der.object_identifier("1.2.840.10045.2.1"), curve), point)


@bad("key-form")
def a_compressed_point(parts: Parts) -> None:
    identifier, point = (item.encoded for item in der.decode(parts.key).children())
    parts.key = der.sequence(identifier, der.bit_string(b"\x02" + point[4:36]))


@bad("key-form")
def rsa_without_the_null(parts: Parts) -> None:
    identifier = der.sequence(der.object_identifier("1.2.840.113549.1.1.1"))
    numbers = der.sequence(der.integer(MODULUS), der.integer(65537))
    parts.key = der.sequence(identifier, der.bit_string(numbers))


@bad("key-form")
def ed25519_with_a_null(parts: Parts) -> None:
    identifier = der.sequence(der.object_identifier("1.3.101.112"), der.null())
    parts.key = der.sequence(identifier, der.bit_string(bytes(32)))


@bad("key-form")
def a_key_of_dsa(parts: Parts) -> None:
    identifier = der.sequence(der.object_identifier("1.2.840.10040.4.1"))
    parts.key = der.sequence(identifier, der.bit_string(der.integer(2)))


@bad("rsa-numbers")
def exponent_3(parts: Parts) -> None:
    parts.key = rsa_numbers(MODULUS, 3)


@bad("rsa-numbers")
def an_even_modulus(parts: Parts) -> None:
    parts.key = rsa_numbers(MODULUS + 1, 65537)


@bad("rsa-numbers")
def a_third_number(parts: Parts) -> None:
    parts.key = rsa_numbers(MODULUS, 65537, 1)


@bad("key-period")
def rsa_2048_after_2028(parts: Parts) -> None:
    parts.key = rsa_numbers((1 << 2047) + 12345678901, 65537)
    parts.times[1] = der.time(NOON + 1000 * DAY)


@bad("key-of-issuer")
def the_key_of_the_issuer(parts: Parts) -> None:
    parts.key = hierarchy.authority("issuing-ca").facts.public_key.encoded


@bad("extension-twice")
def a_key_usage_twice(parts: Parts) -> None:
    parts.extensions.append(parts.extensions[parts.index(extensions.KEY_USAGE)])


@bad("extension-unknown")
def a_netscape_certificate_type(parts: Parts) -> None:
    parts.put("2.16.840.1.113730.1.1", der.bit_string(b"\x40", 6))


@bad("extension-unknown")
def an_unknown_critical_extension(parts: Parts) -> None:
    parts.put("1.2.3.4.5", der.null(), der.boolean(True))


@bad("extension-form")
def a_key_usage_that_is_a_number(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, der.integer(64))


@bad("extension-form")
def an_empty_list_of_purposes(parts: Parts) -> None:
    parts.put(extensions.EXTENDED_KEY_USAGE, der.sequence())


@bad("extension-form", "ocsp-responder")
def a_no_check_with_something_in_it(parts: Parts) -> None:
    parts.put(extensions.OCSP_NO_CHECK, der.boolean(True))


@bad("own-extension-form")
def alternative_names_without_a_name(parts: Parts) -> None:
    parts.put(extensions.SUBJECT_ALTERNATIVE_NAME, der.sequence())


@bad("extension-criticality")
def a_key_usage_that_is_not_critical(parts: Parts) -> None:
    place = parts.index(extensions.KEY_USAGE)
    parts.put(extensions.KEY_USAGE, parts.extensions[place][2], b"")


@bad("extension-criticality")
def critical_statements(parts: Parts) -> None:
    place = parts.index(extensions.QC_STATEMENTS)
    parts.put(extensions.QC_STATEMENTS, parts.extensions[place][2], der.boolean(True))


@bad("own-extension-criticality")
def a_critical_key_identifier(parts: Parts) -> None:
    place = parts.index(extensions.SUBJECT_KEY_IDENTIFIER)
    parts.put(extensions.SUBJECT_KEY_IDENTIFIER, parts.extensions[place][2], der.boolean(True))


@bad("extension-fixed", "kz-first-head")
def another_key_storage(parts: Parts) -> None:
    parts.put("1.2.398.3.3.5", der.sequence(der.object_identifier("1.2.398.3.3.5.1.2")))


@bad("authority-key-identifier")
def no_authority_key_identifier(parts: Parts) -> None:
    parts.drop(extensions.AUTHORITY_KEY_IDENTIFIER)


@bad("authority-key-identifier")
def the_key_identifier_of_another(parts: Parts) -> None:
    parts.put(extensions.AUTHORITY_KEY_IDENTIFIER, der.sequence(b"\x80\x14" + bytes(20)))


@bad("subject-key-identifier")
def no_subject_key_identifier(parts: Parts) -> None:
    parts.drop(extensions.SUBJECT_KEY_IDENTIFIER)


@bad("subject-key-identifier")
def a_key_identifier_of_another_key(parts: Parts) -> None:
    parts.put(extensions.SUBJECT_KEY_IDENTIFIER, der.octet_string(bytes(20)))


def usage(*bits: int) -> bytes:
    return der.named_bits(frozenset(bits))


@bad("key-usage")
def no_key_usage(parts: Parts) -> None:
    parts.drop(extensions.KEY_USAGE)


@bad("key-usage")
def a_signature_key_that_logs_in(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, usage(0, 1))


@bad("key-usage-authority")
def a_leaf_that_signs_certificates(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, usage(1, 5))


@bad("key-usage-authority")
def a_leaf_that_signs_lists(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, usage(1, 6))


@bad("key-usage-authority", "issuing-ca")
def an_authority_that_signs_nothing(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, usage(6))


@bad("key-usage-type")
def a_key_for_data(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, usage(1, 3))


def purposes(*oids: str) -> bytes:
    return der.sequence(*map(der.object_identifier, oids))


@bad("purpose-usage", "natural-person-authentication")
def a_login_with_a_signing_usage(parts: Parts) -> None:
    parts.put(extensions.KEY_USAGE, usage(1))


@bad("purposes")
def no_purpose(parts: Parts) -> None:
    parts.drop(extensions.EXTENDED_KEY_USAGE)


@bad("purposes")
def a_purpose_twice(parts: Parts) -> None:
    parts.put(
        extensions.EXTENDED_KEY_USAGE,
        purposes(extensions.DOCUMENT_SIGNING, extensions.DOCUMENT_SIGNING),
    )


@bad("purposes")
def code_signing(parts: Parts) -> None:
    parts.put(
        extensions.EXTENDED_KEY_USAGE,
        purposes(extensions.DOCUMENT_SIGNING, "1.3.6.1.5.5.7.3.3"),
    )


@bad("purpose-server")
def server_authentication(parts: Parts) -> None:
    parts.put(extensions.EXTENDED_KEY_USAGE, purposes(extensions.DOCUMENT_SIGNING, SERVER_AUTH))


@bad("purpose-server")
def any_purpose(parts: Parts) -> None:
    parts.put(extensions.EXTENDED_KEY_USAGE, purposes(extensions.ANY_EXTENDED_KEY_USAGE))


@bad("purpose-server")
def server_gated_cryptography(parts: Parts) -> None:
    parts.put(extensions.EXTENDED_KEY_USAGE, purposes("2.16.840.1.113730.4.1"))


@bad("purpose-within-issuer", "tsa")
def a_purpose_its_issuer_lacks(parts: Parts) -> None:
    parts.put(extensions.EXTENDED_KEY_USAGE, purposes(extensions.CLIENT_AUTH))


@bad("purpose-ocsp")
def a_citizen_who_answers_for_others(parts: Parts) -> None:
    parts.put(extensions.EXTENDED_KEY_USAGE, purposes(extensions.OCSP_SIGNING))


@bad("purpose-ocsp", "ocsp-responder")
def a_responder_with_another_purpose(parts: Parts) -> None:
    parts.put(
        extensions.EXTENDED_KEY_USAGE,
        purposes(extensions.OCSP_SIGNING, extensions.CLIENT_AUTH),
    )


@bad("purpose-time-stamping", "tsa")
def time_stamping_that_is_not_critical(parts: Parts) -> None:
    place = parts.index(extensions.EXTENDED_KEY_USAGE)
    parts.put(extensions.EXTENDED_KEY_USAGE, parts.extensions[place][2], b"")


@bad("basic-constraints")
def a_citizen_who_is_an_authority(parts: Parts) -> None:
    parts.put(extensions.BASIC_CONSTRAINTS, der.sequence(der.boolean(True)), der.boolean(True))


@bad("basic-constraints", "issuing-ca")
def an_authority_that_does_not_say_so(parts: Parts) -> None:
    parts.drop(extensions.BASIC_CONSTRAINTS)


@bad("path-length", "issuing-ca")
def an_authority_of_authorities(parts: Parts) -> None:
    parts.put(extensions.BASIC_CONSTRAINTS, der.sequence(der.boolean(True)))


@bad("name-constraints", "issuing-ca")
def an_authority_without_limits(parts: Parts) -> None:
    parts.drop(extensions.NAME_CONSTRAINTS)


@bad("name-constraints", "issuing-ca")
def limits_without_addresses(parts: Parts) -> None:
    tree = der.sequence(der.implicit(2, der.ia5_string("eds.invalid")))
    parts.put(extensions.NAME_CONSTRAINTS, der.sequence(der.implicit(0, der.sequence(tree))))


def alternative(*encoded: bytes) -> bytes:
    return der.sequence(*encoded)


DNS = der.implicit(2, der.ia5_string("example.com"))


@bad("alternative-name-kind")
def a_dns_name(parts: Parts) -> None:
    parts.put(extensions.SUBJECT_ALTERNATIVE_NAME, alternative(DNS))


@bad("alternative-name-kind")
def an_address_of_a_machine(parts: Parts) -> None:
    parts.put(
        extensions.SUBJECT_ALTERNATIVE_NAME,
        alternative(der.implicit(7, der.octet_string(bytes((192, 0, 2, 1))))),
    )


@bad("alternative-name-kind")
def a_uri(parts: Parts) -> None:
    parts.put(
        extensions.SUBJECT_ALTERNATIVE_NAME,
        alternative(der.implicit(6, der.ia5_string("https://example.com"))),
    )


@bad("alternative-name-kind", "tsa")
def a_mailbox_the_profile_does_not_have(parts: Parts) -> None:
    parts.put(
        extensions.SUBJECT_ALTERNATIVE_NAME,
        alternative(der.implicit(1, der.ia5_string("a@example.kz"))),
    )


@bad("alternative-name-form")
def a_mailbox_that_is_none(parts: Parts) -> None:
    parts.put(
        extensions.SUBJECT_ALTERNATIVE_NAME,
        alternative(der.implicit(1, der.ia5_string("Asan <a@example.kz>"))),
    )


@bad("policies")
def no_policy(parts: Parts) -> None:
    parts.drop(extensions.CERTIFICATE_POLICIES)


@bad("policies")
def the_policy_of_qualified_certificates(parts: Parts) -> None:
    policy = der.sequence(der.object_identifier("0.4.0.194112.1.2"))
    parts.put(extensions.CERTIFICATE_POLICIES, der.sequence(policy))


@bad("any-policy")
def any_policy(parts: Parts) -> None:
    policy = der.sequence(der.object_identifier(extensions.ANY_POLICY))
    parts.put(extensions.CERTIFICATE_POLICIES, der.sequence(policy))


@bad("policy-qualifier")
def a_user_notice(parts: Parts) -> None:
    notice = der.sequence(der.object_identifier("1.3.6.1.5.5.7.2.2"), der.sequence())
    policy = der.sequence(der.object_identifier("0.4.0.2042.1.1"), der.sequence(notice))
    parts.put(extensions.CERTIFICATE_POLICIES, der.sequence(policy))


@bad("policy-qualifier")
def a_qualifier_that_cannot_be_read(parts: Parts) -> None:
    policy = der.sequence(der.object_identifier("0.4.0.2042.1.1"), der.sequence(der.sequence()))
    parts.put(extensions.CERTIFICATE_POLICIES, der.sequence(policy))


def replaced(parts: Parts, oid: str, old: bytes, new: bytes) -> None:
    octets = parts.extensions[parts.index(oid)][2]
    assert old in octets
    parts.put(oid, octets.replace(old, new))


@bad("crl-distribution-point")
def another_shard(parts: Parts) -> None:
    replaced(parts, extensions.CRL_DISTRIBUTION_POINTS, b"/3.crl", b"/4.crl")


@bad("crl-distribution-point")
def no_distribution_point(parts: Parts) -> None:
    parts.drop(extensions.CRL_DISTRIBUTION_POINTS)


@bad("crl-distribution-point")
def a_list_of_another_issuer(parts: Parts) -> None:
    reasons = der.implicit(1, der.bit_string(b"\x40", 5))
    point = der.sequence(reasons)
    parts.put(extensions.CRL_DISTRIBUTION_POINTS, der.sequence(point))


@bad("freshest-crl")
def a_delta_list_that_nobody_makes(parts: Parts) -> None:
    octets = parts.extensions[parts.index(extensions.CRL_DISTRIBUTION_POINTS)][2]
    parts.put(extensions.FRESHEST_CRL, octets)


@bad("ocsp-address")
def another_responder(parts: Parts) -> None:
    replaced(parts, extensions.AUTHORITY_INFORMATION_ACCESS, b"ocsp.example", b"ocsp.exampel")


@bad("issuer-address")
def no_access_information(parts: Parts) -> None:
    parts.drop(extensions.AUTHORITY_INFORMATION_ACCESS)


@bad("address-scheme")
def a_list_by_ldap(parts: Parts) -> None:
    replaced(parts, extensions.CRL_DISTRIBUTION_POINTS, b"http://", b"ldap://")


@bad("status-source")
def no_source_of_status(parts: Parts) -> None:
    parts.drop(extensions.CRL_DISTRIBUTION_POINTS)
    parts.drop(extensions.AUTHORITY_INFORMATION_ACCESS)


@bad("status-source")
def no_revocation_for_a_long_life(parts: Parts) -> None:
    parts.put(NO_REVOCATION_AVAILABLE, der.null())


@bad("status-source", "short-term-signature")
def a_short_life_that_forgets_to_say_so(parts: Parts) -> None:
    parts.drop(NO_REVOCATION_AVAILABLE)


@bad("ocsp-no-check")
def a_citizen_who_is_never_checked(parts: Parts) -> None:
    parts.put(extensions.OCSP_NO_CHECK, der.null())


QUALIFIED = "qualified-natural-person-signature"


def statement(oid: str, information: bytes = b"") -> bytes:
    return der.sequence(der.object_identifier(oid), information)


@bad("qc-statements", QUALIFIED)
def no_statements(parts: Parts) -> None:
    parts.drop(extensions.QC_STATEMENTS)


@bad("qc-statements")
def a_claim_that_the_profile_does_not_make(parts: Parts) -> None:
    parts.put(extensions.QC_STATEMENTS, der.sequence(statement(QC_COMPLIANCE)))


@bad("qc-form", QUALIFIED)
def a_claim_twice(parts: Parts) -> None:
    claims = statement(QC_COMPLIANCE), statement(QC_COMPLIANCE)
    parts.put(extensions.QC_STATEMENTS, der.sequence(*claims))


@bad("qc-form", QUALIFIED)
def a_claim_with_something_in_it(parts: Parts) -> None:
    parts.put(extensions.QC_STATEMENTS, der.sequence(statement(QC_SSCD, der.boolean(True))))


@bad("qc-form", QUALIFIED)
def no_type_in_the_type(parts: Parts) -> None:
    parts.put(extensions.QC_STATEMENTS, der.sequence(statement(QC_TYPE, der.sequence())))


@bad("qc-form", QUALIFIED)
def a_disclosure_statement_not_in_english(parts: Parts) -> None:
    place = der.sequence(der.ia5_string("https://example.kz/pds"), der.printable_string("kk"))
    parts.put(extensions.QC_STATEMENTS, der.sequence(statement(QC_PDS, der.sequence(place))))


@bad("qc-compliance", QUALIFIED)
def a_qualified_certificate_of_no_type(parts: Parts) -> None:
    parts.put(extensions.QC_STATEMENTS, der.sequence(statement(QC_COMPLIANCE)))


@bad("qc-compliance", QUALIFIED)
def a_qualified_device_alone(parts: Parts) -> None:
    parts.put(extensions.QC_STATEMENTS, der.sequence(statement(QC_SSCD)))


@pytest.mark.parametrize("name", BAD)
def test_a_known_bad_certificate_breaks_the_rule_named_for_it(name: str) -> None:
    rule, profile, mutation = BAD[name]
    parts = Parts.of(profile)
    mutation(parts)
    assert rule in parts.broken()


def test_there_are_many_bad_ones_and_every_rule_has_one() -> None:
    assert len(BAD) >= 40
    assert {rule for rule, _, _ in BAD.values()} == {rule.name for rule in RULES}


def test_errors_are_raised_with_the_names_of_the_rules() -> None:
    profile = PROFILES[LEAF]
    parts = Parts.of(LEAF)
    server_authentication(parts)
    with pytest.raises(LintFailed) as caught:
        require_clean(
            parts.encoded, profile=profile, issuer=hierarchy.facts_of(profile), at=NOON, shard=3
        )
    assert caught.value.rules == ("purposes", "purpose-server", "purpose-within-issuer")


def test_a_warning_does_not_stop_the_signature() -> None:
    assert [rule.name for rule in RULES if rule.severity is Severity.WARNING] == ["key-usage-type"]


def test_no_finding_repeats_the_subject() -> None:
    profile = PROFILES[LEAF]
    for _, base, mutation in BAD.values():
        parts = Parts.of(base)
        mutation(parts)
        profile = PROFILES[base]
        for finding in lint(
            parts.encoded, profile=profile, issuer=hierarchy.facts_of(profile), at=NOON, shard=3
        ):
            for text in ("АХМЕТОВ", "123456789011", "IVANOV", "SUHARTO", "example.com"):
                assert text not in finding.detail


def test_a_naive_instant_is_refused() -> None:
    profile = PROFILES[LEAF]
    with pytest.raises(NaiveDatetime):
        lint(b"", profile=profile, issuer=hierarchy.facts_of(profile), at=NOON.replace(tzinfo=None))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_in_the_bytes_can_raise(data: st.DataObject) -> None:
    encoded = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(encoded) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
    profile = PROFILES[LEAF]
    lint(bytes(encoded), profile=profile, issuer=hierarchy.facts_of(profile), at=NOON, shard=3)


_GOOD = hierarchy.good_tbs(LEAF)


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_keys_of_frequent_form_are_known_by_their_first_octets(
    curve: type[ec.EllipticCurve],
) -> None:
    key = hierarchy.public(ec.generate_private_key(curve()))
    tbs = hierarchy.good_tbs(LEAF, public_key=key)
    profile = PROFILES[LEAF]
    view = View(tbs, profile, hierarchy.facts_of(profile), NOON, 3)
    usual = None if curve is ec.SECP521R1 else curve.name
    assert view.usual_curve == (None if usual is None else str(usual))
    assert view.public_key == key
    assert view.key_identifier == key.key_identifier
    der.check(key.encoded)
    found = lint(tbs, profile=profile, issuer=hierarchy.facts_of(profile), at=NOON, shard=3)
    assert found == ()


def test_shared_findings_are_kept_for_the_same_octets_only() -> None:
    first, second = Parts.of(LEAF), Parts.of(LEAF)
    server_authentication(second)
    assert first.broken() == set()
    assert "purpose-server" in second.broken()
    assert first.broken() == set()
    other = replace(first, profile="natural-person-authentication")
    assert "key-usage" in other.broken()


def test_the_table_in_the_documentation_is_this_one() -> None:
    rows = [f"| `{rule.name}` | {rule.severity.value} | {rule.clause} |" for rule in RULES]
    found = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    assert found == rows


def test_the_limits_are_those_of_the_page() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert f"{lint_rules.BACK_DATED.seconds // 60} minutes" in text
    assert f"{lint_rules.POST_DATED.days} days" in text
