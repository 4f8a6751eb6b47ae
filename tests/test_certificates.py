"""Certificates: what `cryptography` reads in them we read too, and more; nothing else breaks."""

from __future__ import annotations

import pickle
import subprocess
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der, extensions
from eds.certificates import Certificate
from eds.errors import (
    EdsError,
    InvalidArgument,
    LimitExceeded,
    MalformedCertificate,
    MalformedDer,
    NaiveDatetime,
)
from eds.extensions import Extension, GeneralNameKind, KeyUsage
from eds.names import Name
from tests.material import (
    kz_certificates,
    limbo_certificates,
    needs_data,
    pkits_certificates,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())

PROPERTIES = sorted(
    name
    for name, value in vars(Certificate).items()
    if not name.startswith("_")
    and not callable(value)
    and hasattr(value, "__get__")
    and not isinstance(value, classmethod | staticmethod)
)


def made(change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder]) -> Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .not_valid_before(NOON)
        .not_valid_after(NOON + timedelta(days=1))
        .serial_number(77)
        .public_key(KEY.public_key())
    )
    native = change(builder).sign(KEY, hashes.SHA256())
    return Certificate(native.public_bytes(serialization.Encoding.DER))


def with_extension(oid: str, octets: bytes) -> Certificate:
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), octets)
    return made(lambda builder: builder.add_extension(value, critical=False))


def rewritten(certificate: Certificate, **fields: bytes) -> bytes:
    """The certificate with other fields of TBSCertificate; the signature stays as it was."""
    names = ("version", "serial_number", "algorithm", "issuer", "validity", "subject", "key")
    outer = der.decode(certificate.encoded).children()
    parts = [child.encoded for child in outer[0].children()]
    for name, encoded in fields.items():
        parts[names.index(name)] = encoded
    return der.sequence(der.sequence(*parts), outer[1].encoded, outer[2].encoded)


# --- others agree -------------------------------------------------------------------------------


def judge(certificate: Certificate, native: x509.Certificate) -> None:
    """Compare every field that both know."""
    assert certificate.serial_number == native.serial_number
    assert certificate.subject.encoded == native.subject.public_bytes()
    assert certificate.issuer.encoded == native.issuer.public_bytes()
    assert certificate.not_before == native.not_valid_before_utc
    assert certificate.not_after == native.not_valid_after_utc
    assert certificate.tbs_encoded == native.tbs_certificate_bytes
    assert certificate.fingerprint == native.fingerprint(hashes.SHA256())
    assert certificate.version == native.version.value + 1
    algorithm = certificate.signature_algorithm.fields().take().object_identifier()
    assert algorithm == native.signature_algorithm_oid.dotted_string
    ours = [(part.oid, part.text) for part in certificate.subject.attributes]
    theirs = [(part.oid.dotted_string, part.value) for part in native.subject]
    assert ours == theirs
    found = {item.oid.dotted_string: item.critical for item in native.extensions}
    assert {oid: item.critical for oid, item in certificate.extensions.items()} == found
    for extension in native.extensions:
        reader = READERS.get(type(extension.value))
        if reader is not None:
            reader(certificate, extension.value)


def names_of(theirs: Any) -> list[tuple[int, Any]]:
    kinds: dict[type, int] = {
        x509.RFC822Name: 1,
        x509.DNSName: 2,
        x509.DirectoryName: 4,
        x509.UniformResourceIdentifier: 6,
        x509.RegisteredID: 8,
    }
    return [
        (kinds[type(name)], getattr(name.value, "dotted_string", None) or name.value)
        if not isinstance(name, x509.DirectoryName)
        else (4, name.value.public_bytes())
        for name in theirs
        if type(name) in kinds
    ]


def our_names(ours: Any) -> list[tuple[int, Any]]:
    passed = {GeneralNameKind.OTHER_NAME, GeneralNameKind.IP_ADDRESS}
    return [
        (name.kind.value, getattr(name.value, "encoded", name.value))
        for name in ours
        if name.kind not in passed
    ]


USAGES = {
    "digital_signature": KeyUsage.DIGITAL_SIGNATURE,
    "content_commitment": KeyUsage.NON_REPUDIATION,
    "key_encipherment": KeyUsage.KEY_ENCIPHERMENT,
    "data_encipherment": KeyUsage.DATA_ENCIPHERMENT,
    "key_agreement": KeyUsage.KEY_AGREEMENT,
    "key_cert_sign": KeyUsage.KEY_CERT_SIGN,
    "crl_sign": KeyUsage.CRL_SIGN,
}


def judge_key_usage(ours: Certificate, theirs: x509.KeyUsage) -> None:
    assert ours.key_usage is not None
    both = {KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY}
    assert ours.key_usage - both == {use for name, use in USAGES.items() if getattr(theirs, name)}


def judge_basic_constraints(ours: Certificate, theirs: x509.BasicConstraints) -> None:
    assert ours.basic_constraints is not None
    assert ours.basic_constraints.ca is theirs.ca
    assert ours.basic_constraints.path_length == theirs.path_length


def judge_policies(ours: Certificate, theirs: x509.CertificatePolicies) -> None:
    assert [p.oid for p in ours.policies or ()] == [
        p.policy_identifier.dotted_string for p in theirs
    ]
    for one, other in zip(ours.policies or (), theirs, strict=True):
        assert len(one.qualifiers) == len(other.policy_qualifiers or ())


def judge_usages(ours: Certificate, theirs: x509.ExtendedKeyUsage) -> None:
    assert ours.extended_key_usage == tuple(usage.dotted_string for usage in theirs)


def judge_subject_key(ours: Certificate, theirs: x509.SubjectKeyIdentifier) -> None:
    assert ours.subject_key_identifier == theirs.digest


def judge_authority_key(ours: Certificate, theirs: x509.AuthorityKeyIdentifier) -> None:
    found = ours.authority_key_identifier
    assert found is not None
    assert found.key_identifier == theirs.key_identifier
    assert found.serial_number == theirs.authority_cert_serial_number
    assert our_names(found.issuer) == names_of(theirs.authority_cert_issuer or ())


def judge_alternative_names(ours: Certificate, theirs: x509.SubjectAlternativeName) -> None:
    assert our_names(ours.subject_alternative_names) == names_of(theirs)


def judge_points(ours: Certificate, theirs: x509.CRLDistributionPoints) -> None:
    for one, other in zip(ours.crl_distribution_points, theirs, strict=True):
        assert our_names(one.full_name) == names_of(other.full_name or ())
        assert our_names(one.crl_issuer) == names_of(other.crl_issuer or ())
        assert (one.relative_name is None) is (other.relative_name is None)
        assert (one.reasons is None) is (other.reasons is None)
        # they pass over bit 0, which means nothing
        assert len((one.reasons or frozenset()) - {0}) == len(other.reasons or ())


def judge_access(ours: Certificate, theirs: x509.AuthorityInformationAccess) -> None:
    assert [a.method for a in ours.authority_information_access] == [
        a.access_method.dotted_string for a in theirs
    ]
    assert our_names(a.location for a in ours.authority_information_access) == names_of(
        a.access_location for a in theirs
    )


def judge_name_constraints(ours: Certificate, theirs: x509.NameConstraints) -> None:
    found = ours.name_constraints
    assert found is not None
    for one, other in (
        (found.permitted, theirs.permitted_subtrees),
        (found.excluded, theirs.excluded_subtrees),
    ):
        assert our_names(tree.base for tree in one or ()) == names_of(other or ())


def judge_policy_constraints(ours: Certificate, theirs: x509.PolicyConstraints) -> None:
    found = ours.policy_constraints
    assert found is not None
    assert found.require_explicit_policy == theirs.require_explicit_policy
    assert found.inhibit_policy_mapping == theirs.inhibit_policy_mapping


def judge_inhibit(ours: Certificate, theirs: x509.InhibitAnyPolicy) -> None:
    assert ours.inhibit_any_policy == theirs.skip_certs


READERS: dict[type, Callable[[Certificate, Any], None]] = {
    x509.KeyUsage: judge_key_usage,
    x509.BasicConstraints: judge_basic_constraints,
    x509.CertificatePolicies: judge_policies,
    x509.ExtendedKeyUsage: judge_usages,
    x509.SubjectKeyIdentifier: judge_subject_key,
    x509.AuthorityKeyIdentifier: judge_authority_key,
    x509.SubjectAlternativeName: judge_alternative_names,
    x509.CRLDistributionPoints: judge_points,
    x509.AuthorityInformationAccess: judge_access,
    x509.NameConstraints: judge_name_constraints,
    x509.PolicyConstraints: judge_policy_constraints,
    x509.InhibitAnyPolicy: judge_inhibit,
}


def judged(certificates: dict[str, bytes]) -> dict[str, EdsError]:
    """Those that have something malformed; all others agree with `cryptography`."""
    refused: dict[str, EdsError] = {}
    for name, encoded in certificates.items():
        try:
            certificate = Certificate(encoded)
            for field in set(PROPERTIES) - {"native"}:
                getattr(certificate, field)
            _ = certificate.subject.rdns, certificate.issuer.rdns
        except EdsError as error:
            refused[name] = error
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                native = x509.load_der_x509_certificate(encoded)
                _ = native.extensions
            except (ValueError, TypeError):
                continue  # more than they read
            judge(certificate, native)
    return refused


@needs_data
def test_pkits_certificates_read_as_cryptography_reads_them() -> None:
    refused = judged(pkits_certificates())
    # signatures that NIST spoilt
    assert set(refused) == {"BadSignedCACert.crt", "InvalidDSASignatureTest6EE.crt"}


@pytest.mark.untraced
@needs_data
def test_limbo_certificates_read_as_cryptography_reads_them() -> None:
    refused = {name.split(" ")[0] for name in judged(limbo_certificates())}
    assert refused == {
        "pathological::nc-dos-1",  # 78 kB
        "pathological::nc-dos-3",  # 2,049 attributes in one name
        "rfc5280::duplicate-extensions",
        "rfc5280::eku::ee-eku-empty",
        "rfc5280::mismatching-signature-algorithm",
        "rfc5280::san::malformed",
        "webpki::malformed-aia",
        "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences",
        "webpki::nc::intermediate-permitted-excluded-subtrees-both-null",
        "webpki::san::unicode-emoji-san",
    }


@needs_data
def test_certificates_of_kazakhstan_read_whole() -> None:
    assert judged(kz_certificates()) == {}
    gost = Certificate(kz_certificates()["test_root_gost_2022.cer"])
    assert gost.public_key.description == "GOST 34.10-2015 (512)"
    assert gost.is_self_issued


# --- what we made ourselves ----------------------------------------------------------------------


def test_version_1_without_extensions() -> None:
    whole = made(lambda builder: builder)
    outer = der.decode(whole.encoded).children()
    tbs = der.sequence(*(part.encoded for part in outer[0].children()[1:7]))
    old = Certificate(der.sequence(tbs, outer[1].encoded, outer[2].encoded))
    assert (old.version, old.serial_number, dict(old.extensions)) == (1, 77, {})
    assert {old.key_usage, old.extended_key_usage, old.basic_constraints} == {None}
    assert (old.crl_distribution_points, old.ocsp_urls, old.qc_statements) == ((), (), ())


@pytest.mark.parametrize("serial_number", [0, -1, -(1 << 159), (1 << 159) + 1, 1 << 300])
def test_serial_numbers_out_of_bounds_are_read_to_be_judged(serial_number: int) -> None:
    whole = made(lambda builder: builder)
    odd = Certificate(rewritten(whole, serial_number=der.integer(serial_number)))
    assert odd.serial_number == serial_number
    assert odd.subject == whole.subject


@pytest.mark.parametrize("version", [3, 7, -1])
def test_a_version_that_does_not_exist_is_malformed(version: int) -> None:
    whole = made(lambda builder: builder)
    with pytest.raises(MalformedCertificate):
        Certificate(rewritten(whole, version=der.explicit(0, der.integer(version))))


@pytest.mark.parametrize("serial_number", [0, -1, -128, 1, 127, 128, 255, 1 << 127, 1 << 150])
def test_only_serial_numbers_that_are_not_positive_take_the_other_road(serial_number: int) -> None:
    whole = made(lambda builder: builder)
    certificate = Certificate(rewritten(whole, serial_number=der.integer(serial_number)))
    assert ("native" in vars(certificate)) is (serial_number > 0)
    assert certificate.serial_number == serial_number


def test_serial_number_beyond_64_octets_is_malformed_and_can_be_shown() -> None:
    whole = made(lambda builder: builder)
    huge = rewritten(whole, serial_number=der.integer(1 << 40_000))
    with pytest.raises(MalformedCertificate) as refused:
        _ = Certificate(huge).serial_number
    assert refused.value.code == "certificates.malformed"


def test_duplicate_extensions_are_refused() -> None:
    one = der.sequence(der.object_identifier("1.2.3"), der.octet_string(b""))
    with pytest.raises(MalformedDer, match="twice"):
        extensions.read_extensions(der.decode(der.sequence(one, one)))


def test_access_and_qc_statements() -> None:
    statement = der.sequence(der.object_identifier("0.4.0.1862.1.1"))
    certificate = with_extension(extensions.QC_STATEMENTS, der.sequence(statement))
    assert [statement.oid for statement in certificate.qc_statements] == ["0.4.0.1862.1.1"]
    access = der.sequence(
        der.sequence(der.object_identifier(extensions.OCSP), b"\x86\x0bhttp://ocsp"),
        der.sequence(der.object_identifier(extensions.CA_ISSUERS), b"\x86\x09http://ca"),
        der.sequence(der.object_identifier(extensions.OCSP), b"\x82\x01x"),
    )
    certificate = with_extension(extensions.AUTHORITY_INFORMATION_ACCESS, access)
    assert certificate.ocsp_urls == ("http://ocsp",)
    assert certificate.ca_issuer_urls == ("http://ca",)


@pytest.mark.parametrize("octets", [b"", der.null(), b"\x04"])
def test_empty_no_check_is_still_no_check(octets: bytes) -> None:
    assert with_extension(extensions.OCSP_NO_CHECK, octets).ocsp_no_check


@pytest.mark.parametrize(
    ("oid", "field"),
    [
        (extensions.KEY_USAGE, "key_usage"),
        (extensions.EXTENDED_KEY_USAGE, "extended_key_usage"),
        (extensions.BASIC_CONSTRAINTS, "basic_constraints"),
        (extensions.CERTIFICATE_POLICIES, "policies"),
        (extensions.POLICY_MAPPINGS, "policy_mappings"),
        (extensions.NAME_CONSTRAINTS, "name_constraints"),
        (extensions.SUBJECT_ALTERNATIVE_NAME, "subject_alternative_names"),
        (extensions.SUBJECT_KEY_IDENTIFIER, "subject_key_identifier"),
        (extensions.AUTHORITY_KEY_IDENTIFIER, "authority_key_identifier"),
        (extensions.CRL_DISTRIBUTION_POINTS, "crl_distribution_points"),
        (extensions.AUTHORITY_INFORMATION_ACCESS, "ocsp_urls"),
        (extensions.QC_STATEMENTS, "qc_statements"),
    ],
)
@pytest.mark.parametrize("octets", [b"", b"\x30\x80\0\0", b"\x30\x03\x0c\x01x", b"\x02\x02\0\x01"])
def test_malformed_extension_spoils_its_own_property_alone(
    oid: str, field: str, octets: bytes
) -> None:
    certificate = with_extension(oid, octets)
    with pytest.raises(MalformedCertificate) as refused:
        getattr(certificate, field)
    assert oid in str(refused.value)
    assert certificate.serial_number == 77


def test_key_usage_without_a_name_is_refused() -> None:
    with pytest.raises(MalformedCertificate):
        _ = with_extension(extensions.KEY_USAGE, der.named_bits(frozenset({10}))).key_usage


def test_validity_period_has_both_ends() -> None:
    certificate = made(lambda builder: builder)
    second = timedelta(seconds=1)
    assert certificate.in_validity_period(at=certificate.not_before)
    assert certificate.in_validity_period(at=certificate.not_after)
    assert not certificate.in_validity_period(at=certificate.not_before - second)
    assert not certificate.in_validity_period(at=certificate.not_after + second)
    with pytest.raises(NaiveDatetime):
        certificate.in_validity_period(at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_certificate_is_its_bytes() -> None:
    one, other = made(lambda b: b), made(lambda b: b)
    assert one == Certificate(one.encoded)
    assert len({one, Certificate(one.encoded)}) == 1
    assert one != other  # ECDSA signs with a fresh number each time
    assert one != one.subject
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.encoded = b""


def test_nothing_of_the_subject_shows_by_accident() -> None:
    number = "123456789011"
    name = Name.build([("2.5.4.3", "Тестов"), ("2.5.4.5", f"IIN{number}")])
    certificate = Certificate(rewritten(made(lambda b: b), subject=name.encoded))
    assert certificate.subject == name
    shown = f"{certificate}{certificate!r}{certificate.subject!r}"
    assert number not in shown
    assert certificate.fingerprint.hex()[:16] in shown


@pytest.mark.parametrize("data", [b"", b"0", b"0\0", b"\x30\x80\0\0", b"x" * 100, b"\x30" * 5000])
def test_bytes_that_are_no_certificate_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedCertificate):
        Certificate(data)


def test_bytes_beyond_the_limit_are_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        Certificate(bytes(65537))
    with pytest.raises(InvalidArgument):
        Certificate(bytearray(5))  # type: ignore[arg-type]


def test_extension_writes_what_it_reads() -> None:
    for critical in (True, False):
        extension = Extension(oid="1.2.3", critical=critical, octets=b"\5\0")
        again = extensions.read_extensions(der.decode(extensions.write_extensions([extension])))
        assert again == {"1.2.3": extension}


# --- what was forgiven ---------------------------------------------------------------------------


def test_nothing_is_forgiven_where_nothing_departs() -> None:
    assert made(lambda builder: builder).tolerances == frozenset()


@pytest.mark.parametrize(
    ("serial_number", "expected"),
    [
        (0, {"non-positive-serial-number"}),
        (-1, {"non-positive-serial-number"}),
        (1 << 159, {"overlong-serial-number"}),
        ((1 << 159) - 1, set()),
    ],
)
def test_odd_serial_numbers_are_named(serial_number: int, expected: set[str]) -> None:
    whole = made(lambda builder: builder)
    odd = Certificate(rewritten(whole, serial_number=der.integer(serial_number)))
    assert {row.name for row in odd.tolerances} == expected


def test_odd_names_are_named() -> None:
    def name(tag: int, text: bytes) -> bytes:
        attribute = der.sequence(der.object_identifier("2.5.4.3"), der.value(tag, text))
        return der.sequence(der.set_of(attribute))

    whole = made(lambda builder: builder)
    for tag, text, expected in (
        (der.UTF8_STRING, b"x" * 65, "overlong-attribute"),
        (der.PRINTABLE_STRING, b"a@b", "printable-string-charset"),
    ):
        odd = Certificate(rewritten(whole, subject=name(tag, text)))
        assert {row.name for row in odd.tolerances} == {expected}


def test_odd_extensions_are_named() -> None:
    for oid, octets, expected in (
        (extensions.OCSP_NO_CHECK, b"", {"empty-ocsp-no-check"}),
        (extensions.OCSP_NO_CHECK, der.null(), set()),
        (extensions.KEY_USAGE, b"\x03\x02\x00\x80", {"key-usage-trailing-zeros"}),
        (extensions.KEY_USAGE, b"\x03\x02\x07\x80", set()),
        (extensions.BASIC_CONSTRAINTS, der.sequence(der.boolean(False)), {"explicit-default"}),
        (extensions.BASIC_CONSTRAINTS, der.sequence(), set()),
    ):
        assert {row.name for row in with_extension(oid, octets).tolerances} == expected


def test_algorithm_inside_may_differ_in_a_null_alone() -> None:
    def identifier(oid: str, parameters: bytes = b"") -> bytes:
        return der.sequence(der.object_identifier(oid), parameters)

    rsa, gost = "1.2.840.113549.1.1.11", "1.2.398.3.10.1.1.2.3.2"
    ecdsa = "1.2.840.10045.4.3.2"
    parts = [
        part.encoded for part in der.decode(made(lambda b: b).encoded).children()[0].children()
    ]
    for inner, outer, expected in (
        (identifier(gost), identifier(gost, der.null()), {"signature-algorithm-null-mismatch"}),
        (identifier(rsa), identifier(rsa), {"missing-null"}),
        (identifier(ecdsa, der.null()), identifier(ecdsa, der.null()), {"superfluous-null"}),
        (identifier(rsa), identifier(gost), None),
        (identifier(rsa, der.integer(1)), identifier(rsa, der.null()), None),
    ):
        tbs = der.sequence(*parts[:2], inner, *parts[3:])
        certificate = Certificate(der.sequence(tbs, outer, der.bit_string(b"nobody")))
        if expected is None:
            with pytest.raises(MalformedCertificate):
                _ = certificate.signature_algorithm
        else:
            assert certificate.signature_algorithm.encoded == outer
            assert {row.name for row in certificate.tolerances} == expected


@needs_data
def test_certificates_of_kazakhstan_depart_in_what_is_known() -> None:
    found = {
        name: {row.name for row in Certificate(encoded).tolerances}
        for name, encoded in kz_certificates().items()
    }
    assert set().union(*found.values()) <= {"explicit-default", "overlong-attribute"}


def told(encoded: bytes, *, field_by_field: bool) -> object:
    """What the fields of a certificate say, or the errors that they are refused with."""
    try:
        certificate = Certificate(encoded)
    except EdsError as error:
        return error.code
    if field_by_field:
        for kept in ("_is_plain", "native"):
            vars(certificate).pop(kept, None)
    said: dict[str, object] = {}
    for name in ("version", "serial_number", "serial_number_octets", "issuer", "subject",
                 "public_key", "not_before", "not_after", "tbs_encoded", "signature_algorithm",
                 "signature", "extensions", "is_self_issued"):  # fmt: skip
        try:
            said[name] = getattr(certificate, name)
        except EdsError as error:
            said[name] = error.code
    return said


def test_plain_certificate_is_read_by_its_lengths_as_it_is_field_by_field() -> None:
    usage = x509.ExtendedKeyUsage(
        [x509.ObjectIdentifier(f"2.999.{number}") for number in range(50)]
    )
    certificate = made(lambda builder: builder.add_extension(usage, critical=True))
    assert "_is_plain" in vars(certificate)
    plain = certificate.encoded
    changed = [plain]
    for place in range(len(plain)):
        head, octet, tail = plain[:place], plain[place], plain[place + 1 :]
        changed += [head + bytes((other,)) + tail for other in {octet ^ 1, octet ^ 0x80, 0, 0xFF}]
        changed += [head + tail, head + bytes((octet, octet)) + tail]
    for encoded in changed:
        by_lengths = told(encoded, field_by_field=False)
        assert by_lengths == told(encoded, field_by_field=True), encoded.hex()


@needs_data
@pytest.mark.filterwarnings("ignore::UserWarning")  # what cryptography thinks of long names
def test_all_certificates_are_read_by_their_lengths_as_they_are_field_by_field() -> None:
    for encoded in (*pkits_certificates().values(), *kz_certificates().values()):
        by_lengths = told(encoded, field_by_field=False)
        assert by_lengths == told(encoded, field_by_field=True), encoded.hex()


# --- whatever comes -----------------------------------------------------------------------------


@pytest.mark.untraced
@needs_data
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutated_certificates_raise_only_errors_of_this_library(data: st.DataObject) -> None:
    pool = [*kz_certificates().values(), *list(pkits_certificates().values())[::20]]
    encoded = bytearray(data.draw(st.sampled_from(pool)))
    for _ in range(data.draw(st.integers(1, 6))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    encoded = encoded[: data.draw(st.sampled_from([len(encoded), len(encoded) // 2]))]
    touch(bytes(encoded))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([oid for oid in vars(extensions).values() if str(oid)[:4] in {"2.5.", "1.3."}]),
    st.binary(max_size=60),
)
def test_extensions_of_noise_raise_only_errors_of_this_library(oid: str, octets: bytes) -> None:
    for content in (octets, der.sequence(octets), der.sequence(der.sequence(octets))):
        touch(with_extension(oid, content).encoded)


def touch(encoded: bytes) -> None:
    started = time.process_time()
    try:
        certificate = Certificate(encoded)
    except EdsError:
        return
    for field in PROPERTIES:
        try:
            value = getattr(certificate, field)
            if isinstance(value, Name):
                _ = value.rfc4514, value.matches(certificate.subject)
        except EdsError:
            continue
    assert repr(certificate)
    assert time.process_time() - started < 10  # some thousandths, on a quiet machine


def test_certificates_of_a_bundle_in_ber_are_found(tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), tmp_path / "certificate.pem"

    def openssl(*arguments: str, document: bytes = b"") -> bytes:
        command = ["openssl", *arguments]
        return subprocess.run(command, input=document, check=True, capture_output=True).stdout

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=a b", "-keyout", key, "-out", str(certificate))  # fmt: skip
    made = openssl("cms", "-sign", "-stream", "-nodetach", "-binary", "-outform", "DER",
                   "-signer", str(certificate), "-inkey", key, document=b"text")  # fmt: skip
    assert made[1] == 0x80  # indefinite length
    assert Certificate.certificates(made) == (Certificate.load(certificate.read_bytes()),)


def test_a_certificate_just_put_together_is_read_when_it_is_asked() -> None:
    read = made(lambda builder: builder)
    written = Certificate.written(read.encoded)
    assert written == read
    assert (written.serial_number, written.subject) == (read.serial_number, read.subject)
    assert written.native == read.native
    with pytest.raises(MalformedCertificate):
        _ = Certificate.written(read.encoded[:-1]).subject
