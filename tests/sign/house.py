"""Keys, certificates and signers for the tests of signing, made once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from eds.algorithms import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    ED25519,
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    DigestAlgorithm,
    SignatureAlgorithm,
)
from eds.ca.tsa import ClockReading, TimeStampingAuthority, TimeStampRules
from eds.certificates import Certificate
from eds.keys.contract import KeyPurpose, KeyRef
from eds.keys.signers import LocalSigner
from eds.sign.cms import CmsSigner
from eds.sign.stamping import TimeStampQuestion
from eds.timestamps import TimeStampToken

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALGORITHMS = {
    row.name: row
    for row in (
        ECDSA_P256_SHA256,
        ECDSA_P384_SHA384,
        RSA_PKCS1_SHA256,
        RSA_PSS_SHA256,
        ED25519,
    )
}


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _new_key(algorithm: SignatureAlgorithm, owner: str) -> Any:
    if algorithm is ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.curve is not None:
        curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[algorithm.curve.nist_name or ""]
        return ec.generate_private_key(curve)
    return rsa_key()


@dataclass(frozen=True, kw_only=True)
class Party:
    """A key with its certificate."""

    native: Any
    certificate: Certificate
    issuers: tuple[Certificate, ...]
    algorithm: SignatureAlgorithm

    @property
    def pem(self) -> bytes:
        return self.native.private_bytes(  # type: ignore[no-any-return]
            Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def signer(self, *, purpose: KeyPurpose = KeyPurpose.SIGNATURE) -> LocalSigner:
        return LocalSigner(
            self.native,
            key=KeyRef(uri="file:test", label="test", purpose=purpose),
            public_key=self.certificate.public_key,
            algorithm=self.algorithm,
        )

    def cms(self, *, at: datetime = NOON) -> CmsSigner:
        return CmsSigner(self.signer(), certificates=(self.certificate, *self.issuers), at=at)


def certify(
    name: str,
    public_key: Any,
    *,
    issuer: tuple[x509.Name, Any] | None,
    own_key: Any = None,
    is_authority: bool = False,
    usage: str = "content_commitment",
    not_before: datetime = NOON - timedelta(days=30),
    not_after: datetime = NOON + timedelta(days=365),
    serial: int | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, own_key)
    flags = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    flags |= {"key_cert_sign": True, "crl_sign": True} if is_authority else {}
    flags |= {usage: True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(public_key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**flags), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    hashed = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Certificate(builder.sign(issuer_key, hashed).public_bytes(Encoding.DER))


@cache
def root() -> Party:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certify(
        "Test root",
        key.public_key(),
        issuer=None,
        own_key=key,
        is_authority=True,
        not_after=NOON + timedelta(days=3650),
    )
    return Party(native=key, certificate=certificate, issuers=(), algorithm=ECDSA_P256_SHA256)


@cache
def party(algorithm: str = "ecdsa-p256-sha256", name: str = "ӘЛИЕВА АЙГЕРІМ") -> Party:
    """A person under the test root."""
    row = ALGORITHMS[algorithm]
    key = _new_key(row, name)
    ca = root()
    certificate = certify(name, key.public_key(), issuer=(ca.certificate.native.subject, ca.native))
    return Party(native=key, certificate=certificate, issuers=(ca.certificate,), algorithm=row)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A time-stamping authority of `eds.ca` in this process."""

    party: Party
    at: datetime = NOON

    @property
    def clock(self) -> ClockReading:
        return ClockReading(at=self.at, uncertainty=timedelta(milliseconds=1))

    def authority(self) -> TimeStampingAuthority:
        return TimeStampingAuthority(
            certificate=self.party.certificate,
            signer=self.party.signer(),
            rules=TimeStampRules(policy="1.2.3.4"),
            node=1,
            chain=self.party.issuers,
        )

    def stamp(self, digest: bytes, *, algorithm: DigestAlgorithm) -> TimeStampToken:
        question = TimeStampQuestion.about(digest, algorithm=algorithm)
        response = self.authority().respond(question.encoded, clock=self.clock).encoded
        return question.answered_by(response, authority="test")


@cache
def desk() -> Desk:
    key = ec.generate_private_key(ec.SECP256R1())
    ca = root()
    certificate = certify(
        "Test time-stamping authority",
        key.public_key(),
        issuer=(ca.certificate.native.subject, ca.native),
        usage="digital_signature",
        extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),),
    )
    return Desk(
        party=Party(
            native=key,
            certificate=certificate,
            issuers=(ca.certificate,),
            algorithm=ECDSA_P256_SHA256,
        )
    )


PACKET: Final = (
    b"<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>"
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    b"<rdf:Description rdf:about='' xmlns:pdfaid='http://www.aiim.org/pdfa/ns/id/'>"
    b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
)


def with_catalogue(entry: bytes, *more: bytes) -> bytes:
    """A PDF of one empty page, by hand, with `entry` in its catalogue; object 4 is the next."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R" + entry + b">>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
        *more,
    )
    document, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table, size = len(document), len(objects) + 1
    document += b"xref\n0 %d\n0000000000 65535 f \n" % size
    document += b"".join(b"%010d 00000 n \n" % one for one in places)
    trailer = b"<</Size %d/Root 1 0 R/ID[<%s><%s>]>>" % (size, b"0" * 32, b"0" * 32)
    return document + b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, table)


def archival_page() -> bytes:
    """A PDF/A-2b (ISO 19005-2) of one empty page."""
    head = b"<</Type/Metadata/Subtype/XML/Length %d>>" % len(PACKET)
    return with_catalogue(b"/Metadata 4 0 R", head + b"\nstream\n" + PACKET + b"\nendstream")


def page(
    text: str = "I owe you 10", *, box: tuple[int, int] = (595, 842), rotate: int = 0
) -> bytes:
    """A PDF of one page, written by pyHanko."""
    writer = PdfFileWriter(stream_xrefs=False)
    font = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Font"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/Type1"),
            generic.pdf_name("/BaseFont"): generic.pdf_name("/Helvetica"),
        }
    )
    fonts = generic.DictionaryObject({generic.pdf_name("/F1"): writer.add_object(font)})
    drawn = generic.StreamObject(
        stream_data=f"BT /F1 18 Tf 20 {box[1] - 40} Td ({text}) Tj ET".encode()
    )
    one = PageObject(
        contents=writer.add_object(drawn),
        media_box=(0, 0, *box),
        resources=generic.DictionaryObject({generic.pdf_name("/Font"): fonts}),
    )
    if rotate:
        one["/Rotate"] = generic.NumberObject(rotate)
    writer.insert_page(one)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()
