"""The guard of the key refuses what must not be, whatever the caller says and however it is put."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der, extensions
from eds.ca.monitor import (
    GuardedKey,
    permit_certificate,
    permit_list,
    permit_ocsp,
    permit_time_stamp,
)
from eds.ca.profiles import SERVER_PURPOSES, as_data, read_profile
from eds.ca.tbs import assemble, build_tbs
from eds.errors import EdsError, MalformedProfile, MonitorRefused
from tests.ca import hierarchy
from tests.ca.hierarchy import DAY, NOON, PROFILES
from tests.ca.test_lint import DNS, Parts, alternative, purposes

ISSUER_KIND = {
    name: GuardedKey.ROOT if profile.is_authority else GuardedKey.ISSUING_AUTHORITY
    for name, profile in PROFILES.items()
}


@pytest.mark.parametrize("profile", PROFILES)
def test_lawful_certificates_pass(profile: str) -> None:
    permit_certificate(hierarchy.good_tbs(profile), issuer_kind=ISSUER_KIND[profile])


def forged(profile: str, **extensions_: bytes) -> bytes:
    parts = Parts.of(profile)
    for name, octets in extensions_.items():
        parts.put(getattr(extensions, name), octets)
    return parts.encoded


@pytest.mark.parametrize("purpose", sorted(SERVER_PURPOSES))
@pytest.mark.parametrize("profile", ["natural-person-unified", "issuing-ca", "tsa"])
def test_no_purpose_of_servers(profile: str, purpose: str) -> None:
    tbs = forged(profile, EXTENDED_KEY_USAGE=purposes(extensions.CLIENT_AUTH, purpose))
    refused(tbs, ISSUER_KIND[profile])


@pytest.mark.parametrize(
    "name",
    [
        DNS,
        der.implicit(6, der.ia5_string("https://example.com/")),
        der.implicit(7, der.octet_string(bytes(4))),
        der.implicit(3, der.sequence()),
        der.implicit(5, der.sequence()),
    ],
)
def test_no_name_that_can_be_a_host(name: bytes) -> None:
    mailbox = der.implicit(1, der.ia5_string("a@example.kz"))
    tbs = forged("natural-person-unified", SUBJECT_ALTERNATIVE_NAME=alternative(mailbox, name))
    refused(tbs)


def test_an_issuing_key_makes_no_authority() -> None:
    refused(hierarchy.good_tbs("issuing-ca"), GuardedKey.ISSUING_AUTHORITY)
    refused(forged("natural-person-unified", BASIC_CONSTRAINTS=der.sequence(der.boolean(True))))
    refused(forged("natural-person-unified", KEY_USAGE=der.named_bits(frozenset({0, 5}))))


def test_a_root_makes_no_citizen() -> None:
    refused(hierarchy.good_tbs("natural-person-unified"), GuardedKey.ROOT)
    permit_certificate(hierarchy.good_tbs("ocsp-responder"), issuer_kind=GuardedKey.ROOT)


def test_authorities_are_bound() -> None:
    for oid in (extensions.NAME_CONSTRAINTS, extensions.EXTENDED_KEY_USAGE):
        parts = Parts.of("issuing-ca")
        parts.drop(oid)
        refused(parts.encoded, GuardedKey.ROOT)
    parts = Parts.of("issuing-ca")
    place = parts.index(extensions.NAME_CONSTRAINTS)
    parts.put(extensions.NAME_CONSTRAINTS, parts.extensions[place][2], b"")
    refused(parts.encoded, GuardedKey.ROOT)
    refused(
        forged("issuing-ca", BASIC_CONSTRAINTS=der.sequence(der.boolean(True))), GuardedKey.ROOT
    )
    refused(
        forged("issuing-ca", EXTENDED_KEY_USAGE=purposes(extensions.OCSP_SIGNING)),
        GuardedKey.ROOT,
    )


def test_ocsp_signing_only_in_the_form_of_a_responder() -> None:
    refused(forged("natural-person-unified", EXTENDED_KEY_USAGE=purposes(extensions.OCSP_SIGNING)))
    both = purposes(extensions.OCSP_SIGNING, extensions.DOCUMENT_SIGNING)
    refused(forged("ocsp-responder", EXTENDED_KEY_USAGE=both))


def test_time_stamping_is_critical_and_alone() -> None:
    refused(forged("natural-person-unified", EXTENDED_KEY_USAGE=purposes(extensions.TIME_STAMPING)))
    both = purposes(extensions.TIME_STAMPING, extensions.CLIENT_AUTH)
    refused(forged("tsa", EXTENDED_KEY_USAGE=both))


def test_a_netscape_extension_and_two_of_a_kind_are_refused() -> None:
    parts = Parts.of("natural-person-unified")
    parts.put("2.16.840.1.113730.1.1", der.bit_string(b"\x40", 6))
    refused(parts.encoded)
    parts = Parts.of("natural-person-unified")
    oid = extensions.EXTENDED_KEY_USAGE
    parts.extensions.append((oid, b"", purposes(extensions.CLIENT_AUTH)))
    refused(parts.encoded)


# The first octets of a key identifier and of an alternative name, as nearly all certificates have.
KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
ALTERNATIVE_NAME = bytes.fromhex("0603551d11")


def test_every_extension_is_a_sequence() -> None:
    tbs = hierarchy.good_tbs("natural-person-unified")
    for place in (tbs.index(KEY_IDENTIFIER), tbs.index(ALTERNATIVE_NAME) - 2):
        assert tbs[place] == der.SEQUENCE
        refused(tbs[:place] + bytes((der.SET,)) + tbs[place + 1 :])


@pytest.mark.parametrize("kind", [GuardedKey.OCSP_RESPONDER, GuardedKey.TIME_STAMPING])
def test_service_keys_sign_no_certificate_and_no_list(kind: GuardedKey) -> None:
    refused(hierarchy.good_tbs("natural-person-unified"), kind)
    with pytest.raises(MonitorRefused):
        permit_list(certificate_list(), issuer_kind=kind)


def refused(tbs: bytes, kind: GuardedKey = GuardedKey.ISSUING_AUTHORITY) -> None:
    with pytest.raises(MonitorRefused):
        permit_certificate(tbs, issuer_kind=kind)


# --- the other entries ----------------------------------------------------------------------------


def certificate_list() -> bytes:
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=hierarchy.authority("issuing-ca").certificate.native.subject,
        last_update=NOON,
        next_update=NOON + DAY,
    ).add_extension(x509.CRLNumber(7), critical=False)
    found = builder.sign(hierarchy.authority("issuing-ca").key, hashes.SHA256())
    return found.tbs_certlist_bytes


def ocsp_response() -> bytes:
    issuer, leaf = hierarchy.authority("issuing-ca"), hierarchy.holder("natural-person-signature")
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            leaf.certificate.native, issuer.certificate.native, hashes.SHA1(),
            ocsp.OCSPCertStatus.GOOD, NOON, NOON + DAY, None, None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate.native)
    )  # fmt: skip
    return builder.sign(issuer.key, hashes.SHA256()).tbs_response_bytes


def signed_attributes(content_type: str, *more: bytes) -> bytes:
    def row(oid: str, value: bytes) -> bytes:
        return der.sequence(der.object_identifier(oid), der.set_of(value))

    return der.set_of(
        row("1.2.840.113549.1.9.3", der.object_identifier(content_type)),
        row("1.2.840.113549.1.9.4", der.octet_string(bytes(32))),
        *more,
    )


def test_each_kind_of_object_has_its_own_key_and_entry() -> None:
    stamp = signed_attributes("1.2.840.113549.1.9.16.1.4")
    objects: dict[Any, tuple[bytes, set[GuardedKey]]] = {
        permit_certificate: (
            hierarchy.good_tbs("natural-person-unified"),
            {GuardedKey.ISSUING_AUTHORITY},
        ),
        permit_list: (certificate_list(), {GuardedKey.ROOT, GuardedKey.ISSUING_AUTHORITY}),
        permit_ocsp: (ocsp_response(), {GuardedKey.OCSP_RESPONDER}),
        permit_time_stamp: (stamp, {GuardedKey.TIME_STAMPING}),
    }
    for entry, (_, kinds) in objects.items():
        for owner, (encoded, _) in objects.items():
            for kind in GuardedKey:
                if owner is entry and kind in kinds:
                    entry(encoded, issuer_kind=kind)
                else:
                    with pytest.raises(MonitorRefused):
                        entry(encoded, issuer_kind=kind)


def test_a_document_signature_is_no_time_stamp() -> None:
    with pytest.raises(MonitorRefused):
        permit_time_stamp(
            signed_attributes("1.2.840.113549.1.7.1"), issuer_kind=GuardedKey.TIME_STAMPING
        )


# --- fuzzing --------------------------------------------------------------------------------------


def dangerous(certificate: x509.Certificate) -> str | None:
    """What an independent reader says against a certificate from an issuing key."""
    by_class = certificate.extensions.get_extension_for_class
    try:
        if by_class(x509.BasicConstraints).value.ca:
            return "CA=true"
    except x509.ExtensionNotFound:
        pass
    try:
        found = {purpose.dotted_string for purpose in by_class(x509.ExtendedKeyUsage).value}
    except x509.ExtensionNotFound:
        return "no purpose"
    if found & SERVER_PURPOSES:
        return "a server"
    if extensions.OCSP_SIGNING in found and len(found) > 1:
        return "a responder"
    try:
        names = by_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    hosts = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier)
    return "a host" if any(isinstance(name, hosts) for name in names) else None


KEY = ec.generate_private_key(ec.SECP256R1())
PURPOSES = st.sampled_from(
    [
        *sorted(SERVER_PURPOSES),
        *("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.36", "1.3.6.1.5.5.7.3.9", "1.3.6.1.5.5.7.3.8"),
        *("1.3.6.1.5.5.7.3.3", "1.2.398.3.3.4.1.1"),
    ]
)
NAMES = st.sampled_from(
    [DNS, b"\x81\x03a@b", b"\x87\x04\x01\x02\x03\x04", b"\x86\x08http://x", b"\x88\x02\x2a\x03"]
)
VALUES = {
    extensions.EXTENDED_KEY_USAGE: st.lists(PURPOSES, max_size=3).map(lambda row: purposes(*row)),
    extensions.SUBJECT_ALTERNATIVE_NAME: st.lists(NAMES, max_size=3).map(
        lambda row: alternative(*row)
    ),
    extensions.BASIC_CONSTRAINTS: st.sampled_from(
        [
            der.sequence(),
            der.sequence(der.boolean(True)),
            der.sequence(der.boolean(True), der.integer(0)),
        ]
    ),
    extensions.KEY_USAGE: st.sets(st.integers(0, 6), min_size=1).map(
        lambda bits: der.named_bits(frozenset(bits))
    ),
    extensions.OCSP_NO_CHECK: st.just(der.null()),
}


@pytest.mark.untraced
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_dangerous_is_ever_signed_by_an_issuing_key(data: st.DataObject) -> None:
    parts = Parts.of(data.draw(st.sampled_from(hierarchy.LEAVES)))
    for oid in data.draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4)):
        critical = data.draw(st.sampled_from([b"", der.boolean(True)]))
        row = (oid, critical, data.draw(VALUES[oid]))
        if data.draw(st.booleans()):
            parts.extensions.append(row)
        else:
            parts.put(oid, row[2], critical)
    tbs = parts.encoded
    try:
        permit_certificate(tbs, issuer_kind=GuardedKey.ISSUING_AUTHORITY)
    except MonitorRefused:
        return
    encoded = assemble(tbs, algorithm=hierarchy.authority("issuing-ca").algorithm, signature=b"0")
    assert dangerous(x509.load_der_x509_certificate(encoded)) is None


GOOD_TBS = hierarchy.good_tbs("natural-person-unified")


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_changed_octets_are_refused_or_harmless(data: st.DataObject) -> None:
    encoded = bytearray(GOOD_TBS)
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    tbs = bytes(encoded)
    try:
        permit_certificate(tbs, issuer_kind=GuardedKey.ISSUING_AUTHORITY)
    except MonitorRefused:
        return
    whole = assemble(tbs, algorithm=hierarchy.authority("issuing-ca").algorithm, signature=b"0")
    try:
        certificate = x509.load_der_x509_certificate(whole)
        assert dangerous(certificate) is None
    except ValueError:
        return  # what nobody reads harms nobody


@given(st.binary(max_size=200), st.sampled_from(GuardedKey))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused(noise: bytes, kind: GuardedKey) -> None:
    for entry in (permit_certificate, permit_list, permit_ocsp, permit_time_stamp):
        with pytest.raises(MonitorRefused):
            entry(noise, issuer_kind=kind)


@pytest.mark.untraced
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_profile_yields_anything_dangerous(data: st.DataObject) -> None:
    """Random data on top of real profiles: refused as a profile, or harmless as a certificate."""
    name = data.draw(st.sampled_from(hierarchy.LEAVES))
    changed = as_data(PROFILES[name])
    purposes_ = st.lists(PURPOSES, max_size=3, unique=True)
    changes: dict[str, st.SearchStrategy[Any]] = {
        "extended_key_usage": purposes_,
        "optional_extended_key_usage": purposes_,
        "key_usage": st.lists(
            st.sampled_from(["digitalSignature", "keyCertSign", "cRLSign", "nonRepudiation"]),
            max_size=3,
            unique=True,
        ),
        "kind": st.sampled_from(
            ["root", "issuing-authority", "end-entity", "ocsp-responder", "time-stamping"]
        ),
        "path_length": st.integers(0, 3),
        "ca": st.just(True),
        "email": st.booleans(),
        "ocsp_no_check": st.booleans(),
        "extensions": st.lists(
            st.fixed_dictionaries(
                {
                    "oid": st.sampled_from(["2.5.29.19", "2.5.29.17", "1.2.3.4", "2.5.29.37"]),
                    "value": st.sampled_from(
                        ["30030101ff", "0500", "300d820b6578616d706c652e636f6d"]
                    ),
                }
            ),
            max_size=1,
        ),
    }
    for field in data.draw(st.lists(st.sampled_from(sorted(changes)), min_size=1, max_size=3)):
        changed[field] = data.draw(changes[field])
    try:
        profile = read_profile(json.dumps(changed).encode())
    except MalformedProfile:
        return
    assert not profile.is_authority
    optional = profile.optional_extended_key_usage
    try:
        tbs = build_tbs(
            profile,
            issuer=hierarchy.authority("issuing-ca").facts,
            serial_number=hierarchy.serial_number(),
            subject=hierarchy.subject_of(name),
            public_key=hierarchy.public(KEY),
            not_before=NOON,
            not_after=NOON + timedelta(days=1),
            shard=hierarchy.shard_of(profile),
            purposes=optional,
        )
    except EdsError:
        return
    certificate = hierarchy.authority("issuing-ca").sign(tbs)
    assert dangerous(certificate.native) is None
    permit_certificate(tbs, issuer_kind=GuardedKey.ISSUING_AUTHORITY)
