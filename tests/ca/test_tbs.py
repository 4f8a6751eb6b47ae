"""What the writer writes is what `cryptography` would have built, and what others can read."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID

from eds import extensions, names
from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.profiles import AuthorityProfile, CertificateProfile, CrlUse
from eds.ca.tbs import IssuerFacts, assemble, build_tbs, crl_urls
from eds.certificates import Certificate
from eds.errors import InvalidArgument, NaiveDatetime, ProfileViolated
from eds.extensions import KeyUsage
from eds.names import Name
from tests.ca import hierarchy
from tests.ca.hierarchy import DAY, LEAVES, NOON, PROFILES


def oid(dotted: str) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(dotted)


# No class of its own there: pkilint and the linter read these.
NO_CLASS = (extensions.QC_STATEMENTS, "1.2.398.3.3.5", "2.5.29.56", "0.4.0.194121.2.1")


def by_cryptography(profile: CertificateProfile, ours: Certificate) -> x509.Certificate:
    """The certificate that its builder makes of the same facts, told in its own words."""
    issuer = hierarchy.issuer_of(profile)
    facts = issuer.facts
    builder = (
        x509.CertificateBuilder()
        .subject_name(ours.native.subject)
        .issuer_name(issuer.certificate.native.subject)
        .public_key(hierarchy.leaf_key().public_key())
        .serial_number(ours.serial_number)
        .not_valid_before(NOON)
        .not_valid_after(ours.not_after)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False
        )
        .add_extension(key_usage(profile.key_usage), True)
    )
    if profile.policies:
        builder = builder.add_extension(
            x509.CertificatePolicies([policy(row.oid, row.cps, facts) for row in profile.policies]),
            False,
        )
    if isinstance(profile, AuthorityProfile):
        raise NotImplementedError
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([oid(text) for text in profile.extended_key_usage]),
        profile.extended_key_usage_critical,
    )
    access = [
        *((AuthorityInformationAccessOID.OCSP, url) for url in facts.ocsp_urls if profile.ocsp),
        *((AuthorityInformationAccessOID.CA_ISSUERS, url) for url in facts.ca_issuer_urls),
    ]
    builder = builder.add_extension(
        x509.AuthorityInformationAccess(
            [x509.AccessDescription(m, x509.UniformResourceIdentifier(url)) for m, url in access]
        ),
        False,
    )
    for extension in ours.native.extensions:
        if extension.oid.dotted_string in (
            extensions.QC_STATEMENTS,
            "1.2.398.3.3.5",
            "2.5.29.56",
            "0.4.0.194121.2.1",
        ):
            # no class of its own there: pkilint and the linter read these
            builder = builder.add_extension(extension.value, False)
    if profile.ocsp_no_check:
        builder = builder.add_extension(x509.OCSPNoCheck(), False)
    key = hierarchy.leaf_key().public_key()
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    if profile.email:
        name = x509.RFC822Name("asan@example.kz")
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), False)
    if profile.crl is not CrlUse.NONE:
        shard = 3 if profile.crl is CrlUse.SHARDED else 0
        points = [x509.UniformResourceIdentifier(f"http://crl.example.kz/2026/{shard}.crl")]
        builder = builder.add_extension(
            x509.CRLDistributionPoints([x509.DistributionPoint(points, None, None, None)]), False
        )
    return builder.sign(issuer.key, hashes.SHA256())


def key_usage(usages: frozenset[KeyUsage]) -> x509.KeyUsage:
    def has(usage: KeyUsage) -> bool:
        return usage in usages

    return x509.KeyUsage(
        digital_signature=has(KeyUsage.DIGITAL_SIGNATURE),
        content_commitment=has(KeyUsage.NON_REPUDIATION),
        key_encipherment=has(KeyUsage.KEY_ENCIPHERMENT),
        data_encipherment=has(KeyUsage.DATA_ENCIPHERMENT),
        key_agreement=has(KeyUsage.KEY_AGREEMENT),
        key_cert_sign=has(KeyUsage.KEY_CERT_SIGN),
        crl_sign=has(KeyUsage.CRL_SIGN),
        encipher_only=False,
        decipher_only=False,
    )


def policy(dotted: str, cps: str, facts: IssuerFacts) -> x509.PolicyInformation:
    text = facts.cps_url if cps == "issuer" else cps
    return x509.PolicyInformation(oid(dotted), [text] if text else None)


@pytest.mark.parametrize("name", LEAVES)
def test_the_octets_are_those_of_cryptographys_builder(name: str) -> None:
    ours = hierarchy.holder(name).certificate
    theirs = by_cryptography(PROFILES[name], ours)
    assert ours.tbs_encoded == theirs.tbs_certificate_bytes
    for extension in theirs.extensions:
        found = ours.native.extensions.get_extension_for_oid(extension.oid)
        assert (found.critical, found.value) == (extension.critical, extension.value)


@pytest.mark.parametrize("name", ["root", "issuing-ca", "time-stamping-ca"])
def test_authorities_are_bound_in_the_words_of_another_reader(name: str) -> None:
    certificate = hierarchy.holder(name).certificate.native
    by_class = certificate.extensions.get_extension_for_class
    constraints = by_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.path_length == (1 if name == "root" else 0)
    limits = by_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.excluded_subtrees is None
    assert [str(item.value) for item in limits.value.permitted_subtrees or ()] == [
        "eds.invalid",
        "192.0.2.1/32",
        "2001:db8::1/128",
    ]
    assert extensions.ANY_EXTENDED_KEY_USAGE not in {
        purpose.dotted_string for purpose in by_class(x509.ExtendedKeyUsage).value
    }


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
@pytest.mark.parametrize("name", PROFILES)
def test_openssl_reads_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "leaf.pem"
    path.write_text(hierarchy.holder(name).pem)
    done = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-text", "-certopt", "ext_error"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "X509v3 Key Usage: critical" in done.stdout
    assert "<Parsing Error>" not in done.stdout


def test_an_issuer_may_have_mirrors_and_delta_lists() -> None:
    plain = hierarchy.authority("issuing-ca").facts
    facts = IssuerFacts.of(
        hierarchy.authority("issuing-ca").certificate,
        algorithm=ECDSA_P256_SHA256,
        crl_urls=("http://crl.example.kz/{shard}.crl", "http://crl1.example.kz/{shard}.crl"),
        delta_crl_urls=("http://crl.example.kz/d{shard}.crl",),
        shard_count=1024,
    )
    assert crl_urls(facts, 1023)[1] == "http://crl1.example.kz/1023.crl"
    tbs = hierarchy.good_tbs("natural-person-signature", issuer=facts, shard=1023)
    certificate = hierarchy.authority("issuing-ca").sign(tbs)
    assert certificate.crl_distribution_points[0].uris == crl_urls(facts, 1023)
    assert certificate.freshest_crl[0].uris == ("http://crl.example.kz/d1023.crl",)
    assert plain.delta_crl_urls == ()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("natural-person-signature", {"shard": None}),
        ("natural-person-signature", {"shard": 8}),
        ("natural-person-signature", {"shard": -1}),
        ("tsa", {"shard": 0}),
        ("tsa", {"email": "a@example.kz"}),
        ("natural-person-signature", {"purposes": ("1.3.6.1.5.5.7.3.1",)}),
        ("natural-person-signature", {"policies": ("2.5.29.32.0",)}),
    ],
)
def test_what_does_not_fit_the_profile_is_refused(name: str, changes: dict[str, object]) -> None:
    with pytest.raises(ProfileViolated):
        hierarchy.good_tbs(name, **changes)


@pytest.mark.parametrize("serial", [0, -1, 1 << 159])
def test_serial_numbers_are_positive_and_short(serial: int) -> None:
    with pytest.raises(InvalidArgument):
        hierarchy.good_tbs("natural-person-signature", serial_number=serial)


def test_times_are_whole_seconds_of_utc() -> None:
    almaty = timezone(timedelta(hours=5))
    certificate = hierarchy.holder(
        "natural-person-signature",
        not_before=datetime(2026, 11, 2, 17, 0, 0, 999_999, tzinfo=almaty),
        not_after=datetime(2050, 1, 1, tzinfo=UTC),
    ).certificate
    assert certificate.not_before == NOON
    assert b"\x18\x0f20500101000000Z" in certificate.tbs_encoded
    with pytest.raises(NaiveDatetime):
        hierarchy.good_tbs("natural-person-signature", not_before=NOON.replace(tzinfo=None))


def test_the_facts_of_a_leaf_are_no_facts_of_an_issuer() -> None:
    leaf = hierarchy.holder("natural-person-signature").certificate
    with pytest.raises(InvalidArgument):
        IssuerFacts.of(leaf, algorithm=ECDSA_P256_SHA256)


def test_many_lists_need_a_place_for_the_number() -> None:
    with pytest.raises(InvalidArgument):
        IssuerFacts.of(
            hierarchy.authority("issuing-ca").certificate,
            algorithm=ECDSA_P256_SHA256,
            crl_urls=("http://crl.example.kz/all.crl",),
            shard_count=2,
        )


def test_a_whole_certificate_is_signed_part_algorithm_and_value() -> None:
    issuer = hierarchy.authority("issuing-ca")
    certificate = hierarchy.holder("natural-person-signature").certificate
    assert issuer.facts.public_key.verify(
        certificate.signature, certificate.tbs_encoded, algorithm=ECDSA_P256_SHA256
    )
    again = assemble(
        certificate.tbs_encoded, algorithm=ECDSA_P256_SHA256, signature=certificate.signature
    )
    assert again == certificate.encoded


def test_the_builder_does_not_judge_the_subject() -> None:
    # The linter and CertificateProfile.check_subject do; the bytes say what they were given.
    tbs = build_tbs(
        PROFILES["natural-person-signature"],
        issuer=hierarchy.authority("issuing-ca").facts,
        serial_number=1,
        subject=Name.build([(names.COMMON_NAME, "example.com")]),
        public_key=hierarchy.public(hierarchy.leaf_key()),
        not_before=NOON,
        not_after=NOON + DAY,
        shard=0,
    )
    assert b"example.com" in tbs
