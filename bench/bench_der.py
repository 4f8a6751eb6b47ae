"""Reading and writing DER beside other readers and writers of it.

The floor of a row is the other implementation, so a ratio below 1 says how much less ours takes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from asn1crypto import cms
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from bench.report import Row, interleave
from eds import ber, der

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CONTENT = b"a document of some length " * 8


def run() -> Iterator[Row]:
    message = signed_message()
    assert summary_ours(message) == summary_asn1crypto(message) == summary_hazmat(message)

    ours, theirs = interleave(lambda: walk(message), lambda: by_asn1crypto(message))
    yield Row(name="SignedData, verifier's fields / asn1crypto", ours=ours, floor=theirs, goal=0.2)
    ours, theirs = interleave(lambda: walk(message), lambda: by_hazmat(message))
    yield Row(name="SignedData, verifier's fields / hazmat.asn1", ours=ours, floor=theirs, goal=2.5)

    certificate = certificate_of(message)
    ours, theirs = interleave(
        lambda: der.check(certificate), lambda: x509.load_der_x509_certificate(certificate)
    )
    yield Row(name="certificate, check every octet / x509 load", ours=ours, floor=theirs)
    ours, theirs = interleave(
        lambda: der.check(certificate), lambda: Certificate.load(certificate).native
    )
    yield Row(
        name="certificate, check every octet / asn1crypto native", ours=ours, floor=theirs, goal=0.4
    )

    megabytes = 16
    streamed = as_stream(message, megabytes * 1024 * 1024)
    ours, theirs = interleave(
        lambda: ber.to_der(streamed), lambda: octets_by_asn1crypto(streamed), rounds=3
    )
    yield Row(
        name=f"BER, {megabytes} MB attached, to DER / asn1crypto", ours=ours, floor=theirs, goal=0.2
    )

    # A register keeps an entry's DER from the moment of revocation; a list is a join of them.
    count = 100_000
    entries = [(2**158 + 7919 * number, NOW) for number in range(count)]
    kept = [entry(serial_number, at) for serial_number, at in entries]
    anew, ready, theirs = interleave(
        lambda: signed_list([entry(serial_number, at) for serial_number, at in entries]),
        lambda: signed_list(kept),
        lambda: list_by_cryptography(entries),
        rounds=3,
    )
    yield Row(
        name=f"CRL of {count:,}, entries kept as DER / x509 builder",
        ours=ready,
        floor=theirs,
        goal=0.125,
    )
    yield Row(
        name=f"CRL of {count:,}, entries encoded anew / x509 builder",
        ours=anew,
        floor=theirs,
        goal=2,
    )


# --- a message, made by others ---------------------------------------------------------------


@functools.cache
def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "KZ"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A test authority"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Test"),
        ]
    )
    certificate = (
        x509.CertificateBuilder(
            issuer_name=name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=2**150 + 1,
            not_valid_before=NOW,
            not_valid_after=NOW + timedelta(days=365),
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def signed_message() -> bytes:
    """An attached CMS with two certificates and one signer, as cryptography makes it."""
    key, certificate = authority()
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(CONTENT)
        .add_signer(certificate, key, hashes.SHA256())
        .add_certificate(certificate)
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


def certificate_of(message: bytes) -> bytes:
    certificates: list[bytes] = walk(message)["certificates"]
    return certificates[0]


def as_stream(message: bytes, size: int) -> bytes:
    """The same CMS around `size` octets, in pieces and of indefinite length."""
    signed_data = der.decode(message).children()[1].only_child().children()
    piece = der.octet_string(bytes(4096))
    content = b"\x24\x80" + piece * (size // 4096) + b"\0\0"
    encapsulated = b"\x30\x80" + signed_data[2].children()[0].encoded + b"\xa0\x80" + content
    parts = [part.encoded for part in signed_data]
    parts[2] = encapsulated + b"\0\0\0\0"
    inner = b"\x30\x80" + b"".join(parts) + b"\0\0"
    oid = der.decode(message).children()[0].encoded
    return b"\x30\x80" + oid + b"\xa0\x80" + inner + b"\0\0\0\0"


# --- the fields a verifier needs ---------------------------------------------------------------


def walk(data: bytes) -> dict[str, Any]:
    message = der.decode(data).fields()
    kind = message.object_identifier()
    wrapped = message.fields(der.context(0))
    message.finish()
    signed_data = wrapped.fields()
    wrapped.finish()
    signed_data.small(5)
    digests = signed_data.fields(der.SET)
    while digests.next_tag is not None:
        digests.fields().object_identifier()
    encapsulated = signed_data.fields()
    content_type = encapsulated.object_identifier()
    content = encapsulated.optional(der.context(0))
    octets = content.only_child().expect(der.OCTET_STRING).octets if content else None
    encapsulated.finish()
    certificates = signed_data.optional(der.context(0))
    encoded = (
        [certificate.encoded for certificate in certificates.iterate()] if certificates else []
    )
    signed_data.optional(der.context(1))
    signer_infos = signed_data.fields(der.SET)
    signed_data.finish()
    signers = []
    while signer_infos.next_tag is not None:
        info = signer_infos.fields()
        info.small(5)
        identifier = info.fields()
        issuer = identifier.encoded(der.SEQUENCE)
        serial_number = identifier.octets(der.INTEGER)
        identifier.finish()
        digest = info.fields().object_identifier()
        signed = info.take(der.context(0))
        attributes: dict[str, bytes] = {}
        inside = signed.fields(der.context(0))
        while inside.next_tag is not None:
            attribute = inside.fields()
            oid = attribute.object_identifier()
            if oid in attributes:
                signed.fail("an attribute twice")
            attributes[oid] = attribute.octets(der.SET)
            attribute.finish()
        algorithm = info.fields().object_identifier()
        signature = info.octets(der.OCTET_STRING)
        info.optional(der.context(1))
        info.finish()
        signers.append(
            (issuer, serial_number, digest, signed.encoded, attributes, algorithm, signature)
        )
    return {
        "kind": kind,
        "content_type": content_type,
        "octets": octets,
        "certificates": encoded,
        "signers": signers,
    }


def by_asn1crypto(data: bytes) -> tuple[Any, ...]:
    message = cms.ContentInfo.load(data)
    signed_data = message["content"]
    info = signed_data["signer_infos"][0]
    return (
        message["content_type"].dotted,
        signed_data["encap_content_info"]["content_type"].dotted,
        signed_data["encap_content_info"]["content"].native,
        [certificate.dump() for certificate in signed_data["certificates"]],
        info["sid"].chosen["issuer"].dump(),
        info["sid"].chosen["serial_number"].native,
        info["digest_algorithm"]["algorithm"].dotted,
        {
            attribute["type"].dotted: attribute["values"].contents
            for attribute in info["signed_attrs"]
        },
        info["signed_attrs"].dump(),
        info["signature_algorithm"]["algorithm"].dotted,
        info["signature"].native,
    )


@asn1.sequence
class AlgorithmIdentifier:
    algorithm: x509.ObjectIdentifier
    parameters: asn1.Null | None  # no optional ANY there


@asn1.sequence
class EncapsulatedContentInfo:
    content_type: x509.ObjectIdentifier
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class IssuerAndSerialNumber:
    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class Attribute:
    type: x509.ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class SignerInfo:
    version: int
    sid: IssuerAndSerialNumber
    digest_algorithm: AlgorithmIdentifier
    signed_attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    signature_algorithm: AlgorithmIdentifier
    signature: bytes


@asn1.sequence
class SignedData:
    version: int
    digest_algorithms: asn1.SetOf[AlgorithmIdentifier]
    encapsulated: EncapsulatedContentInfo
    certificates: Annotated[asn1.SetOf[asn1.TLV], asn1.Implicit(0)]
    signer_infos: asn1.SetOf[SignerInfo]


@asn1.sequence
class ContentInfo:
    content_type: x509.ObjectIdentifier
    content: Annotated[SignedData, asn1.Explicit(0)]


def by_hazmat(data: bytes) -> tuple[Any, ...]:
    message = asn1.decode_der(ContentInfo, data)
    signed_data = message.content
    info = signed_data.signer_infos.as_list()[0]
    return (
        message.content_type.dotted_string,
        signed_data.encapsulated.content_type.dotted_string,
        signed_data.encapsulated.content,
        signed_data.certificates.as_list(),
        info.sid.issuer,
        info.sid.serial_number,
        info.digest_algorithm.algorithm.dotted_string,
        {
            attribute.type.dotted_string: attribute.values.as_list()
            for attribute in info.signed_attributes.as_list()
        },
        info.signature_algorithm.algorithm.dotted_string,
        info.signature,
    )


def summary_ours(message: bytes) -> tuple[object, ...]:
    found = walk(message)
    _, serial_number, digest, _, attributes, algorithm, signature = found["signers"][0]
    return (
        found["octets"],
        int.from_bytes(serial_number, "big"),
        digest,
        frozenset(attributes),
        algorithm,
        signature,
    )


def summary_asn1crypto(message: bytes) -> tuple[object, ...]:
    _, _, octets, _, _, serial_number, digest, attributes, _, algorithm, signature = by_asn1crypto(
        message
    )
    return octets, serial_number, digest, frozenset(attributes), algorithm, signature


def summary_hazmat(message: bytes) -> tuple[object, ...]:
    _, _, octets, _, _, serial_number, digest, attributes, algorithm, signature = by_hazmat(message)
    return octets, serial_number, digest, frozenset(attributes), algorithm, signature


# --- others' ways of the other rows --------------------------------------------------------------


def octets_by_asn1crypto(data: bytes) -> bytes:
    content: bytes = cms.ContentInfo.load(data)["content"]["encap_content_info"]["content"].native
    return content


def entry(serial_number: int, at: datetime) -> bytes:
    return der.sequence(der.integer(serial_number), der.time(at))


def signed_list(revoked: list[bytes]) -> bytes:
    key, certificate = authority()
    algorithm = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
    tbs = der.sequence(
        der.integer(1),
        algorithm,
        certificate.subject.public_bytes(),
        der.time(NOW),
        der.time(NOW + timedelta(days=1)),
        der.sequence(*revoked),
    )
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der.sequence(tbs, algorithm, der.bit_string(signature))


def list_by_cryptography(entries: list[tuple[int, datetime]]) -> bytes:
    key, certificate = authority()
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=certificate.subject,
        last_update=NOW,
        next_update=NOW + timedelta(days=1),
        revoked_certificates=[
            x509.RevokedCertificateBuilder(serial_number, at).build()
            for serial_number, at in entries
        ],
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
