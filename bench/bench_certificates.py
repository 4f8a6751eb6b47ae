"""Loading certificates, and lists of a hundred thousand, beside `cryptography`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from bench.report import Row, interleave
from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Bench CA")])
ENTRIES = 100_000


def certificate() -> bytes:
    """A leaf with the eight extensions that one usually has."""
    public = KEY.public_key()
    point = x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://crl.example/ca.crl")], None, None, None
    )
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP,
        x509.UniformResourceIdentifier("http://ocsp.example"),
    )
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.398.3.3.2.1"), None)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .not_valid_before(NOON)
        .not_valid_after(NOON + timedelta(days=365))
        .serial_number((1 << 158) + 7)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
        .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        .add_extension(x509.CertificatePolicies([policy]), critical=False)
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def certificate_list() -> bytes:
    """A list with serial numbers of sixteen octets, whose signature nobody made."""
    algorithm = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
    end = der.time(NOON)
    start = bytes((0x30, 18 + len(end), 0x02, 16))
    entries = chain.from_iterable(
        (start, ((1 << 120) + number).to_bytes(16, "big"), end) for number in range(ENTRIES)
    )
    tbs = der.sequence(
        der.integer(1), algorithm, NAME.public_bytes(), end, end, der.sequence(*entries)
    )
    return der.sequence(tbs, algorithm, der.bit_string(bytes(64)))


def fields(encoded: bytes) -> None:
    """What building a path reads."""
    ours = Certificate(encoded)
    _ = ours.subject, ours.issuer, ours.not_before, ours.not_after, ours.serial_number
    _ = ours.basic_constraints, ours.key_usage, ours.policies, ours.authority_key_identifier
    _ = ours.subject_key_identifier, ours.crl_distribution_points, ours.ocsp_urls


def native_fields(encoded: bytes) -> None:
    """The same through `cryptography`, which reads all extensions at once."""
    theirs = x509.load_der_x509_certificate(encoded)
    _ = theirs.subject, theirs.issuer, theirs.not_valid_before_utc, theirs.not_valid_after_utc
    _ = theirs.serial_number, theirs.extensions


def run() -> Iterator[Row]:
    """The figures."""
    encoded = certificate()
    ours, floor = interleave(
        partial(Certificate, encoded), partial(x509.load_der_x509_certificate, encoded)
    )
    yield Row(name="certificate: load", ours=ours, floor=floor, goal=2)
    ours, floor = interleave(partial(fields, encoded), partial(native_fields, encoded))
    yield Row(name="certificate: load and fields for a path", ours=ours, floor=floor, goal=5)

    whole = certificate_list()
    last = (1 << 120) + ENTRIES - 1
    ours, floor = interleave(
        partial(CertificateList, whole), partial(x509.load_der_x509_crl, whole), rounds=5
    )
    yield Row(name="CRL of 100,000: open", ours=ours, floor=floor, goal=0.1)

    def first_lookup() -> None:
        CertificateList(whole).find(last)

    def native_lookup() -> None:
        x509.load_der_x509_crl(whole).get_revoked_certificate_by_serial_number(last)

    ours, floor = interleave(first_lookup, native_lookup, rounds=5)
    yield Row(name="CRL of 100,000: open, index, one look-up", ours=ours, floor=floor, goal=8)
    opened, native = CertificateList(whole), x509.load_der_x509_crl(whole)
    opened.find(last)
    ours, floor = interleave(
        partial(opened.find, last),
        partial(native.get_revoked_certificate_by_serial_number, last),
        rounds=5,
    )
    yield Row(name="CRL of 100,000: a further look-up", ours=ours, floor=floor, goal=0.01)
