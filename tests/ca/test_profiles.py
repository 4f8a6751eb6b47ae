"""Profiles are data that cannot describe what must not exist."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eds.ca.profiles import (
    AuthorityProfile,
    CertificateKind,
    as_data,
    common_name,
    could_be_host_name,
    read_profile,
    shipped_profile,
    shipped_profiles,
)
from eds.errors import KeyNotPermitted, MalformedProfile, ProfileNotFound, ProfileViolated
from eds.extensions import KeyUsage
from eds.names import Name
from tests.ca import hierarchy
from tests.ca.hierarchy import CN, PROFILES, SERIAL, SN, C

GOLDEN = Path(__file__).parent / "profile_hashes.json"
PAGE = Path(__file__).parents[2] / "docs" / "profiles.md"


def test_the_shipped_profiles() -> None:
    assert set(shipped_profiles()) == {
        *("root", "issuing-ca", "time-stamping-ca", "ocsp-responder", "tsa"),
        *("natural-person-signature", "natural-person-authentication", "natural-person-unified"),
        *("non-resident-signature", "non-resident-authentication", "information-system"),
        *("legal-entity-head", "legal-entity-signer", "legal-entity-finance"),
        *("legal-entity-hr", "legal-entity-employee"),
        *("kz-individual", "kz-head", "kz-signer", "kz-finance", "kz-hr", "kz-employee"),
        *("kz-non-resident", "kz-treasury", "kz-information-system", "kz-ocsp-responder", "kz-tsa"),
        *("kz-root", "kz-issuing-ca", "kz-time-stamping-ca"),
    }
    with pytest.raises(ProfileNotFound):
        shipped_profile("citizen")


def test_a_shipped_profile_changes_only_on_purpose() -> None:
    """A change to a profile is a new version: raise it, and write the hash anew."""
    found = {
        f"{name} {profile.version}": profile.hash.hex()
        for name, profile in shipped_profiles().items()
    }
    assert found == json.loads(GOLDEN.read_text())


def test_each_shipped_profile_stands_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in shipped_profiles() if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize("name", PROFILES)
def test_the_canonical_form_is_the_profile(name: str) -> None:
    profile = PROFILES[name]
    again = read_profile(profile.canonical)
    assert again == profile
    assert again.canonical == profile.canonical
    assert hash(again) == hash(profile)
    shuffled = dict(reversed(list(as_data(profile).items())))
    assert read_profile(json.dumps(shuffled, indent=4).encode()).hash == profile.hash


def test_one_changed_octet_is_another_profile() -> None:
    data = as_data(PROFILES["natural-person-signature"])
    data["validity_days"] += 1
    changed = read_profile(json.dumps(data).encode())
    assert changed.hash != PROFILES["natural-person-signature"].hash
    assert changed != PROFILES["natural-person-signature"]


def test_only_authorities_are_authorities() -> None:
    for profile in PROFILES.values():
        assert isinstance(profile, AuthorityProfile) is profile.is_authority
        assert isinstance(profile, AuthorityProfile) is profile.kind.is_authority


Change = Callable[[dict[str, Any]], object]
LEAF, ISSUING = "natural-person-unified", "issuing-ca"


def put(**fields: object) -> Change:
    return lambda data: data.update(fields)


REFUSED: dict[str, tuple[str, Change]] = {
    "an unknown field": (LEAF, put(ca=True)),
    "a purpose twice": ("tsa", put(optional_extended_key_usage=["timeStamping"])),
    "an unknown field inside": (LEAF, lambda data: data["subject"][0].update(regex="x")),
    "a missing field": (LEAF, lambda data: data.pop("ocsp")),
    "a text for a number": (LEAF, put(version="1")),
    "a truth for a number": (LEAF, put(version=True)),
    "a name with blanks": (LEAF, put(name="a b")),
    "version 0": (LEAF, put(version=0)),
    "a kind nobody knows": (LEAF, put(kind="server")),
    "a leaf that is an authority": (LEAF, put(kind="issuing-authority")),
    "a leaf with a path length": (LEAF, put(path_length=0)),
    "a leaf that signs certificates": (LEAF, put(key_usage=["keyCertSign"])),
    "serverAuth": (LEAF, put(extended_key_usage=["1.3.6.1.5.5.7.3.1"])),
    "serverAuth at will": (LEAF, put(optional_extended_key_usage=["1.3.6.1.5.5.7.3.1"])),
    "any purpose": (LEAF, put(extended_key_usage=["2.5.29.37.0"])),
    "no purpose": (LEAF, put(extended_key_usage=[])),
    "a purpose that is no OID": (LEAF, put(extended_key_usage=["serverAuth"])),
    "a citizen who answers": (LEAF, put(extended_key_usage=["OCSPSigning"])),
    "a citizen who stamps": (LEAF, put(optional_extended_key_usage=["timeStamping"])),
    "a responder with more": (
        "ocsp-responder",
        put(extended_key_usage=["OCSPSigning", "clientAuth"]),
    ),
    "a stamp that is not critical": ("tsa", put(extended_key_usage_critical=False)),
    "no key usage": (LEAF, put(key_usage=[])),
    "a usage nobody knows": (LEAF, put(key_usage=["sign"])),
    "a life over the maximum": (LEAF, put(validity_days=5000)),
    "no life": (LEAF, put(validity_days=0)),
    "no key": (LEAF, put(keys=[])),
    "RSA 1024": (LEAF, put(keys=[{"type": "RSA", "minimum_bits": 1024}])),
    "RSA with a curve": (LEAF, put(keys=[{"type": "RSA", "curve": "secp256r1"}])),
    "EC without a curve": (LEAF, put(keys=[{"type": "EC"}])),
    "an unknown curve": (LEAF, put(keys=[{"type": "EC", "curve": "secp256k1"}])),
    "SHA-1": (LEAF, put(signature_algorithms=["rsa-pkcs1-sha1"])),
    "an unknown algorithm": (LEAF, put(signature_algorithms=["md5"])),
    "anyPolicy": (LEAF, put(policies=[{"oid": "2.5.29.32.0"}])),
    "a practice statement nowhere": (LEAF, put(policies=[{"oid": "1.2.3", "cps": "here"}])),
    "an attribute twice": (LEAF, lambda data: data["subject"].append(data["subject"][0])),
    "a choice among others": (LEAF, put(one_of=[["O"]])),
    "a broken pattern": (LEAF, lambda data: data["subject"][0].update(pattern="(")),
    "alternative names by hand": (
        LEAF,
        put(extensions=[{"oid": "2.5.29.17", "value": "300d820b6578616d706c652e636f6d"}]),
    ),
    "a Netscape type": (
        LEAF,
        put(extensions=[{"oid": "2.16.840.1.113730.1.1", "value": "03020640"}]),
    ),
    "an extension that is no DER": (LEAF, put(extensions=[{"oid": "1.2.3", "value": "0501"}])),
    "an extension that is no hexadecimal": (LEAF, put(extensions=[{"oid": "1.2.3", "value": "x"}])),
    "a critical extension": (
        LEAF,
        put(extensions=[{"oid": "1.2.3", "value": "0500", "critical": True}]),
    ),
    "no revocation, and lists": (LEAF, put(no_revocation_available=True)),
    "a citizen never checked": (LEAF, put(ocsp_no_check=True)),
    "qualified, of no type": (LEAF, put(qc_statements={"compliance": True, "pds": True})),
    "an authority without names": (ISSUING, put(permitted_dns=[])),
    "an authority with a real name": (ISSUING, put(permitted_dns=["example.com"])),
    "an authority with a real address": (
        ISSUING,
        put(permitted_ip=["8.8.8.8/32", "2001:db8::1/128"]),
    ),
    "an authority for all of IPv6": (ISSUING, put(permitted_ip=["192.0.2.1/32"])),
    "an authority for half of IPv4": (
        ISSUING,
        put(permitted_ip=["192.0.0.0/8", "2001:db8::1/128"]),
    ),
    "keys of DSA": (ISSUING, put(keys=[{"type": "DSA", "minimum_bits": 3072}])),
    "signatures of DSA": (ISSUING, put(signature_algorithms=["dsa-sha256"])),
    "an authority of authorities": (ISSUING, put(path_length=1)),
    "an authority that answers": (ISSUING, put(extended_key_usage=["OCSPSigning"])),
    "an authority of stamps and people": (
        ISSUING,
        put(extended_key_usage=["timeStamping", "clientAuth"]),
    ),
    "an authority that logs in": (ISSUING, put(key_usage=["keyCertSign", "nonRepudiation"])),
    "an authority that signs nothing": (ISSUING, put(key_usage=["cRLSign"])),
    "an authority with a mailbox": (ISSUING, put(email=True)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_exist_cannot_be_described(name: str) -> None:
    base, change = REFUSED[name]
    data = as_data(PROFILES[base])
    change(data)
    with pytest.raises(MalformedProfile):
        read_profile(json.dumps(data).encode())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"name": "a", "name": "b"}', '{"version": 1.5}', '{"a": NaN}', "\ufeff{}"],
)
def test_only_plain_json_is_read(text: str) -> None:
    with pytest.raises(MalformedProfile):
        read_profile(text.encode())
    with pytest.raises(MalformedProfile):
        read_profile(b"\xff")
    with pytest.raises(MalformedProfile):
        read_profile(b"[" * 100_000)


# --- subjects -----------------------------------------------------------------------------


def person(*pairs: tuple[str, str]) -> Name:
    return Name.build(pairs)


@pytest.mark.parametrize("name", PROFILES)
def test_lawful_subjects_are_taken(name: str) -> None:
    PROFILES[name].check_subject(hierarchy.subject_of(name))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("ИВАНОВ ИВАН", False),
        ("IVANOV IVAN", False),
        ("ИВАНОВ", False),
        ("MÜLLER", False),
        ("IVANOV", True),
        ("example.com", True),
        ("xn--80ak6aa92e.com", True),
        ("*.example.com", True),
        ("127.0.0.1", True),
        ("IIN880101300123", True),
        ("A’B", True),
        ("١٢٣", True),
    ],
)
def test_a_common_name_is_never_a_host_name(text: str, host: bool) -> None:
    assert could_be_host_name(text) is host


def test_who_has_one_name_gets_a_second_part() -> None:
    assert common_name("SUHARTO") == "SUHARTO (one name)"
    assert common_name("ИВАНОВ") == "ИВАНОВ"
    assert common_name("IVANOV", "", "IVAN") == "IVANOV IVAN"
    PROFILES["non-resident-signature"].check_subject(
        person((C, "ID"), (CN, common_name("SUHARTO")), (SN, "SUHARTO"), (SERIAL, "PASID-X1"))
    )


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        (((C, "KZ"), (CN, "IVANOV"), (SN, "IVANOV"), (SERIAL, "PNOKZ-1")), "CN"),
        (((C, "KZ"), (CN, "A B"), (SERIAL, "PNOKZ-1")), "SN or givenName"),
        (((C, "KZ"), (CN, "A B"), (SN, "A")), "serialNumber"),
        (((C, "KZ"), (CN, "A B"), (SN, "A"), (SERIAL, "IIN1")), "serialNumber"),
        (((C, "KZ"), (CN, "A B"), (CN, "A C"), (SN, "A"), (SERIAL, "PNOKZ-1")), "CN"),
        (((CN, "A B"), (C, "KZ"), (SN, "A"), (SERIAL, "PNOKZ-1")), "C"),
        (((C, "KZ"), (CN, "A B"), (SN, "A" * 65), (SERIAL, "PNOKZ-1")), "SN"),
        (((C, "KZ"), (CN, "A B"), (SN, "A"), (SERIAL, "PNOKZ-1"), ("2.5.4.12", "T")), "title"),
    ],
)
def test_departures_from_the_grammar_are_named(
    pairs: tuple[tuple[str, str], ...], field: str
) -> None:
    with pytest.raises(ProfileViolated) as caught:
        PROFILES["natural-person-signature"].check_subject(person(*pairs))
    assert caught.value.field == field


def test_a_role_is_the_profiles_word() -> None:
    subject = hierarchy.subject_of("legal-entity-finance")
    with pytest.raises(ProfileViolated):
        PROFILES["legal-entity-head"].check_subject(subject)


def test_an_rdn_of_several_attributes_is_refused() -> None:
    subject = Name.build_rdns([[(C, "KZ"), (CN, "A B")], [(SN, "A")], [(SERIAL, "PNOKZ-1")]])
    with pytest.raises(ProfileViolated):
        PROFILES["natural-person-signature"].check_subject(subject)


def test_keys_are_those_of_the_profile() -> None:
    key = hierarchy.public(hierarchy.leaf_key())
    PROFILES["natural-person-signature"].check_key(key)
    data = as_data(PROFILES["natural-person-signature"])
    data["keys"] = [{"type": "RSA", "minimum_bits": 3072}]
    with pytest.raises(KeyNotPermitted):
        read_profile(json.dumps(data).encode()).check_key(key)


def test_errors_tell_no_names() -> None:
    subject = person((C, "KZ"), (CN, "IVANOV"), (SN, "IVANOV"), (SERIAL, "PNOKZ-880101300123"))
    with pytest.raises(ProfileViolated) as caught:
        PROFILES["natural-person-signature"].check_subject(subject)
    assert "IVANOV" not in str(caught.value)
    assert "880101" not in str(caught.value)


# --- another linter -----------------------------------------------------------------------

needs_pkilint = pytest.mark.skipif(
    importlib.util.find_spec("pkilint") is None, reason="pkilint is not installed"
)


def pkilint_findings(name: str) -> dict[str, str]:
    """What pkilint says against a certificate of that profile: code and severity, from WARNING."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pkilint import etsi, finding_filter, loader
        from pkilint.pkix import certificate, extension
        from pkilint.pkix import name as pkix_name

        encoded = hierarchy.holder(name).certificate.encoded
        load = loader.RFC5280CertificateDocumentLoader()
        document = load.load_der_document(encoded, "", "certificate")
        if PROFILES[name].kind is CertificateKind.END_ENTITY:
            kind = etsi.determine_certificate_type(document)
            decoding = etsi.create_decoding_validators(kind)
            checks = etsi.create_validators(kind)
            filters = etsi.create_etsi_finding_filters(kind)
        else:
            decoding = certificate.create_decoding_validators(
                pkix_name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
            )
            checks = [
                certificate.create_issuer_validator_container([]),
                certificate.create_validity_validator_container(),
                certificate.create_subject_validator_container([]),
                certificate.create_extensions_validator_container([]),
                certificate.create_spki_validator_container([]),
            ]
            filters = []
        validator = certificate.create_pkix_certificate_validator_container(decoding, checks)
        results, _ = finding_filter.filter_results(filters, validator.validate(document.root))
    return {
        item.finding.code: item.finding.severity.name
        for result in results
        for item in result.finding_descriptions
        if item.finding.severity.name in ("WARNING", "ERROR", "FATAL")
    }


MIXED = "etsi.en_319_412_2.nat-4.3.2-1.mixed_key_usage_setting"


@pytest.mark.untraced
@needs_pkilint
@pytest.mark.parametrize("name", sorted({*shipped_profiles()} & {*PROFILES}))
def test_pkilint_finds_no_error(name: str) -> None:
    # One certificate for signing and for logging in: EN 319 412-2 would rather have two.
    both = {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION} <= PROFILES[name].key_usage
    assert pkilint_findings(name) == ({MIXED: "WARNING"} if both else {})


@pytest.mark.untraced
@needs_pkilint
@pytest.mark.parametrize("name", ["qualified-natural-person-signature", "qualified-seal"])
def test_pkilint_finds_no_error_in_qualified_certificates(name: str) -> None:
    assert pkilint_findings(name) == {}


@pytest.mark.untraced
@needs_pkilint
def test_pkilint_knows_no_certificates_that_are_not_revoked() -> None:
    assert pkilint_findings("short-term-signature") == {
        "etsi.en_319_412_2.gen-4.3.11-2.crldp_extension_missing": "ERROR",
        "etsi.en_319_412_2.gen-4.4.1-8.ocsp_aia_access_method_absent": "ERROR",
    }
