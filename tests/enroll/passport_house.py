"""A passport office of our own: authorities, document signers and chips, made with other libraries.

Certificates come from `cryptography`, the CMS from asn1crypto, so nothing here is written by what
is under test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from eds.certificates import Certificate
from eds.enroll.evidence.chips import ChipRead
from eds.enroll.evidence.cscas import CscaAnchor, CscaStore
from eds.enroll.evidence.mrz import MrzFormat, Sex
from eds.enroll.evidence.mrzwriting import write_mrz

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ISSUED = date(2024, 5, 1)
LDS = "2.23.136.1.1.1"
Sign = Callable[[bytes], bytes]


class DataGroupHash(core.Sequence):  # type: ignore[misc]
    _fields = [("number", core.Integer), ("value", core.OctetString)]  # noqa: RUF012


class DataGroupHashes(core.SequenceOf):  # type: ignore[misc]
    _child_spec = DataGroupHash


class LdsVersion(core.Sequence):  # type: ignore[misc]
    _fields = [("lds", core.PrintableString), ("unicode", core.PrintableString)]  # noqa: RUF012


class LdsSecurityObject(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("version", core.Integer),
        ("hash_algorithm", algos.DigestAlgorithm),
        ("hashes", DataGroupHashes),
        ("lds_version", LdsVersion, {"optional": True}),
    ]


def wrap(tag: bytes, content: bytes) -> bytes:
    """One BER-TLV of a chip."""
    size = len(content)
    if size < 0x80:
        return tag + bytes([size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(octets)]) + octets + content


def zone(state: str = "UTO", expiry: date = date(2033, 1, 2), number: str = "L898902C3") -> str:
    return write_mrz(
        MrzFormat.TD3,
        issuing_state=state,
        primary_identifier="ERIKSSON",
        secondary_identifier="ANNA MARIA",
        number=number,
        nationality=state,
        birth=date(1974, 8, 12),
        sex=Sex.FEMALE,
        expiry=expiry,
    )


def group_1(text: str) -> bytes:
    return wrap(b"\x61", wrap(b"\x5f\x1f", text.encode()))


def security_object(
    groups: dict[int, bytes],
    certificate: bytes,
    sign: Sign,
    *,
    digest: str = "sha256",
    algorithm: str = "sha256_ecdsa",
    lds_version: bool = False,
    signing_time: datetime | None = None,
    null: bool = False,
    edit: Callable[[list[Any], list[Any]], None] = lambda hashes, attributes: None,
) -> bytes:
    """EF.SOD over those groups."""
    fields: dict[str, Any] = {
        "version": 1 if lds_version else 0,
        "hash_algorithm": {"algorithm": digest},
        "hashes": [
            {"number": number, "value": hashlib.new(digest, octets).digest()}
            for number, octets in sorted(groups.items())
        ],
    }
    if lds_version:
        fields["lds_version"] = {"lds": "0108", "unicode": "040000"}
    edit(fields["hashes"], [])
    content = LdsSecurityObject(fields).dump()
    attributes: list[Any] = [
        {"type": "1.2.840.113549.1.9.3", "values": [LDS]},
        {"type": "message_digest", "values": [hashlib.new(digest, content).digest()]},
    ]
    if signing_time is not None:
        attributes.append(
            {"type": "signing_time", "values": [cms.Time({"utc_time": signing_time})]}
        )
    edit([], attributes)
    signed = cms.CMSAttributes(attributes)
    loaded = asn1_x509.Certificate.load(certificate)
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": {
                        "issuer": loaded.issuer,
                        "serial_number": loaded.serial_number,
                    }
                }
            ),
            "digest_algorithm": {"algorithm": digest},
            "signed_attrs": signed,
            "signature_algorithm": {"algorithm": algorithm}
            | ({"parameters": core.Null()} if null else {}),
            "signature": sign(signed.dump()),
        }
    )
    data = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": digest}],
            "encap_content_info": {
                "content_type": LDS,
                "content": core.ParsableOctetString(content),
            },
            "certificates": [loaded],
            "signer_infos": [info],
        }
    )
    return wrap(b"\x77", cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


@dataclass(frozen=True, kw_only=True)
class Office:
    """An authority with one document signer, on P-256."""

    authority_key: ec.EllipticCurvePrivateKey
    authority: x509.Certificate
    signer_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    signer: x509.Certificate

    @property
    def anchor(self) -> CscaAnchor:
        return CscaAnchor.of(Certificate(der(self.authority)), provenance="house")

    @property
    def store(self) -> CscaStore:
        return CscaStore([self.anchor])

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.signer_key, rsa.RSAPrivateKey):
            return self.signer_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.signer_key.sign(message, ec.ECDSA(hashes.SHA256()))

    def chip(self, groups: dict[int, bytes] | None = None, **changes: object) -> ChipRead:
        found = groups or {1: group_1(zone()), 2: wrap(b"\x75", b"a face")}
        encoded = security_object(found, der(self.signer), self.sign, **changes)  # type: ignore[arg-type]
        return ChipRead(security_object=encoded, data_groups=found)

    def revocation_list(self, *serial_numbers: int, delta: bool = False) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.authority.subject)
            .last_update(AT - timedelta(days=1))
            .next_update(AT + timedelta(days=30))
        )
        for number in serial_numbers:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(number)
                .revocation_date(AT - timedelta(days=2))
                .build()
            )
        if delta:
            builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
        found = builder.sign(self.authority_key, hashes.SHA256())
        return found.public_bytes(serialization.Encoding.DER)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _name(country: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def office(
    country: str = "UT",
    *,
    signer_country: str | None = None,
    signer_usage: bool = True,
    signer_is_authority: bool = False,
    signer_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    signer_from: datetime = datetime(2024, 4, 1, tzinfo=UTC),
    signer_until: datetime = datetime(2034, 8, 1, tzinfo=UTC),
) -> Office:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    signer_key = signer_key or ec.generate_private_key(ec.SECP256R1())
    issuer = _name(country, "CSCA")

    def build(
        subject: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, usage: x509.KeyUsage
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .issuer_name(issuer)
            .subject_name(subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .add_extension(usage, critical=True)
        )

    def usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=signs,
            content_commitment=not signs and not certifies,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=certifies,
            crl_sign=certifies,
            encipher_only=False,
            decipher_only=False,
        )

    authority = (
        build(issuer, authority_key.public_key(), usage(signs=False, certifies=True))
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    signer = (
        build(
            _name(signer_country or country, "DS"),
            signer_key.public_key(),
            usage(signs=signer_usage, certifies=False),
        )
        .not_valid_before(signer_from)
        .not_valid_after(signer_until)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.BasicConstraints(ca=signer_is_authority, path_length=None), critical=True
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Office(
        authority_key=authority_key, authority=authority, signer_key=signer_key, signer=signer
    )


@cache
def usual_office() -> Office:
    return office()


@cache
def chip_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def answer_iso_9796_2(
    key: rsa.RSAPrivateKey, challenge: bytes, digest: str = "sha1", header: bytes = b"\x6a"
) -> bytes:
    """What a chip answers: ISO/IEC 9796-2 scheme 1, the first part recoverable."""
    trailer = {"sha1": b"\xbc", "sha256": b"\x34\xcc"}[digest]
    numbers = key.private_numbers()
    n = numbers.public_numbers.n
    size = (n.bit_length() + 7) // 8
    own = b"\x5a" * (size - 1 - len(trailer) - hashlib.new(digest).digest_size)
    block = header + own + hashlib.new(digest, own + challenge).digest() + trailer
    return pow(int.from_bytes(block, "big"), numbers.d, n).to_bytes(size, "big")
