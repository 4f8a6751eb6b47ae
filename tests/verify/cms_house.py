"""Signed messages and time-stamps that a test can bend: one thing wrong, the rest right.

Written here by hand over `der`, not by what is under test; `openssl` judges the honest ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.ocsp import OcspResponse
from eds.signeddata import SignedData
from eds.verify.content import Digests
from eds.verify.evidence import Evidence
from eds.verify.policy import BASIC, ValidationPolicy
from eds.verify.report import SignatureReport, ValidationReport
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.verify.status_house import DAY, NOON, certify, crl, key, named, usage

DATA = "1.2.840.113549.1.7.1"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
COUNTER_SIGNATURE = "1.2.840.113549.1.9.6"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
SIGNATURE_TIME_STAMP = "1.2.840.113549.1.9.16.2.14"
CONTENT_TIME_STAMP = "1.2.840.113549.1.9.16.2.20"
ARCHIVE_V2 = "1.2.840.113549.1.9.16.2.48"
ARCHIVE_V3 = "0.4.0.1733.2.4"
HASH_INDEX_V3 = "0.4.0.19122.1.5"
HASH_INDEX = "0.4.0.1733.2.5"

OWED = b"I owe you 10"
_HASHES: dict[str, Any] = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha512": hashes.SHA512}
_OIDS = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA = {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2"}
_RSA = {"sha1": "1.2.840.113549.1.1.5", "sha256": "1.2.840.113549.1.1.11"}


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def digest_identifier(name: str) -> bytes:
    return der.sequence(der.object_identifier(_OIDS[name]))


def attribute(oid: str, *values: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), der.value(der.SET, *values))


def reference(certificate: Certificate, *, version: int = 2) -> bytes:
    """A signing-certificate attribute."""
    name = "sha256" if version == 2 else "sha1"
    entry = der.sequence(der.octet_string(hashlib.new(name, certificate.encoded).digest()))
    oid = SIGNING_CERTIFICATE_V2 if version == 2 else SIGNING_CERTIFICATE
    return attribute(oid, der.sequence(der.sequence(entry)))


@dataclass
class Signer:
    """A key with its certificate, and the SignerInfo it makes."""

    certificate: Certificate
    native: Any

    def value(self, message: bytes, digest: str = "sha256") -> tuple[bytes, bytes]:
        """(AlgorithmIdentifier, signature value)."""
        algorithm = _HASHES[digest]()
        if isinstance(self.native, rsa.RSAPrivateKey):
            made = self.native.sign(message, padding.PKCS1v15(), algorithm)
            return der.sequence(der.object_identifier(_RSA[digest]), der.null()), made
        made = self.native.sign(message, ec.ECDSA(algorithm))
        return der.sequence(der.object_identifier(_ECDSA[digest])), made

    def info(
        self, content: bytes, *, content_type: str | None = DATA, digest: str = "sha256",
        at: datetime = NOON, attributes: Sequence[bytes] | None = None,
        more: Sequence[bytes] = (), version: int = 1, sid: bytes | None = None,
        refer: int | None = 2,
    ) -> bytes:  # fmt: skip
        """A SignerInfo without unsigned attributes."""
        if attributes is None:
            attributes = [
                attribute(MESSAGE_DIGEST, der.octet_string(hashlib.new(digest, content).digest())),
                attribute(SIGNING_TIME, der.time(at)),
            ]
            if content_type is not None:
                attributes.append(attribute(CONTENT_TYPE, der.object_identifier(content_type)))
            if refer is not None:
                attributes.append(reference(self.certificate, version=refer))
            attributes.extend(more)
        message = der.set_of(*attributes)
        algorithm, made = self.value(message, digest)
        serial = der.value(der.INTEGER, self.certificate.serial_number_octets)
        return der.sequence(
            der.integer(version),
            sid or der.sequence(self.certificate.issuer.encoded, serial),
            digest_identifier(digest),
            b"\xa0" + message[1:],
            algorithm,
            der.octet_string(made),
        )


def with_unsigned(info: bytes, *attributes: bytes) -> bytes:
    """The SignerInfo with these unsigned attributes, in their order."""
    return der.sequence(der.decode(info).octets, der.value(der.context(1), *attributes))


def message(
    *infos: bytes, content: bytes | None = None, content_type: str = DATA,
    certificates: Sequence[bytes] = (), lists: Sequence[bytes] = (),
    digests: Sequence[str] = ("sha256",), version: int = 1,
) -> bytes:  # fmt: skip
    """A ContentInfo with a SignedData."""
    inside = () if content is None else (der.explicit(0, der.octet_string(content)),)
    body = der.sequence(
        der.integer(version),
        der.set_of(*map(digest_identifier, digests)),
        der.sequence(der.object_identifier(content_type), *inside),
        der.value(der.context(0), *certificates) if certificates else b"",
        der.value(der.context(1), *lists) if lists else b"",
        der.value(der.SET, *infos),
    )
    return der.sequence(der.object_identifier("1.2.840.113549.1.7.2"), der.explicit(0, body))


def signature_value(info: bytes) -> bytes:
    return SignedData(message(info)).signer_infos[0].signature


def token(
    authority: Signer, stamped: bytes, *, at: datetime, digest: str = "sha256",
    policy: str = "1.2.3", unsigned: Sequence[bytes] = (), certificates: Sequence[bytes] = (),
    lists: Sequence[bytes] = (), imprint: bytes | None = None,
) -> bytes:  # fmt: skip
    """A TimeStampToken over `stamped`."""
    made = hashlib.new(digest, stamped).digest() if imprint is None else imprint
    tst_info = der.sequence(
        der.integer(1),
        der.object_identifier(policy),
        der.sequence(digest_identifier(digest), der.octet_string(made)),
        der.integer(7),
        der.generalized_time_with_fraction(at),
    )
    info = authority.info(tst_info, content_type=TST_INFO, at=at)
    if unsigned:
        info = with_unsigned(info, *unsigned)
    return message(
        info, content=tst_info, content_type=TST_INFO, version=3, lists=lists,
        certificates=[authority.certificate.encoded, *certificates],
    )  # fmt: skip


def hash_index(
    info: bytes, certificates: Sequence[bytes], lists: Sequence[bytes] = (),
    *, version: int = 3, extra: Sequence[bytes] = (),
) -> bytes:  # fmt: skip
    """An ATSHashIndex over what stands in the signature now."""

    def digest(octets: bytes) -> bytes:
        return der.octet_string(hashlib.sha256(octets).digest())

    unsigned = SignedData(message(info)).signer_infos[0].unsigned_attributes
    if version == 1:
        hashed = [digest(one.encoded) for one in unsigned]
    else:
        hashed = [
            digest(der.object_identifier(one.oid) + value.encoded)
            for one in unsigned
            for value in one.values
        ]
    return der.sequence(
        digest_identifier("sha256") if version == 3 else b"",
        der.sequence(*map(digest, certificates), *map(der.octet_string, extra)),
        der.sequence(*map(digest, lists)),
        der.sequence(*hashed),
    )


def archive_token(
    authority: Signer, info: bytes, content: bytes, index: bytes, *, at: datetime,
    version: int = 3, **more: Any,
) -> bytes:  # fmt: skip
    """An archive-time-stamp-v3 (EN 319 122-1 §5.5.3)."""
    before = SignedData(message(info)).signer_infos[0].before_unsigned_attributes
    stamped = der.object_identifier(DATA) + hashlib.sha256(content).digest() + before + index
    oid = HASH_INDEX_V3 if version == 3 else HASH_INDEX
    return token(authority, stamped, at=at, unsigned=[attribute(oid, index)], **more)


def with_more(info: bytes, *attributes: bytes) -> bytes:
    """The SignerInfo with further unsigned attributes after those it has."""
    read = SignedData(message(info)).signer_infos[0]
    kept = [one.encoded for one in read.unsigned_attributes]
    return with_unsigned(der.sequence(read.before_unsigned_attributes), *kept, *attributes)


@cache
def authority() -> Certificate:
    return certify("CA", ca=True, not_before=NOON - 1000 * DAY, not_after=NOON + 4000 * DAY)


@cache
def leaf() -> Signer:
    return Signer(certify("Leaf"), key("Leaf"))


@cache
def rsa_leaf() -> Signer:
    """A signer with an RSA key."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(named("RSA leaf"))
        .issuer_name(named("CA"))
        .public_key(rsa_key().public_key())
        .serial_number(4711)
        .not_valid_before(NOON - 100 * DAY)
        .not_valid_after(NOON + 100 * DAY)
        .add_extension(usage("digital_signature"), critical=True)
    )
    made = builder.sign(key("CA"), hashes.SHA256())
    return Signer(Certificate(made.public_bytes(Encoding.DER)), rsa_key())


def stamping(name: str = "TSA", **changes: Any) -> Signer:
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    more = changes.pop("more", [(purposes, True)])
    return Signer(certify(name, more=more, **changes), key(name))


@cache
def tsa() -> Signer:
    return stamping()


@cache
def good_list() -> CertificateList:
    return crl(until=NOON + 200 * DAY)


@dataclass
class House:
    """What is believed, and when it is asked."""

    at: datetime = NOON
    policy: ValidationPolicy = BASIC
    evidence: Sequence[CertificateList | OcspResponse] = ()
    trust: TrustStore = field(
        default_factory=lambda: TrustStore([TrustAnchor(certificate=authority())], name="test")
    )

    _kept: Evidence | None = field(default=None, init=False, repr=False)

    def _given(self) -> Evidence:
        """The very same evidence each time, so that what is kept for it is made use of."""
        if self._kept is None:
            given = [*(self.evidence or [good_list()])]
            self._kept = Evidence(
                lists=tuple(one for one in given if isinstance(one, CertificateList)),
                ocsp_responses=tuple(one for one in given if isinstance(one, OcspResponse)),
            )
        return self._kept

    def validate(
        self, data: bytes, *, content: bytes | Digests | Any = None, **changes: Any
    ) -> ValidationReport:
        asked: dict[str, Any] = {
            "trust": self.trust,
            "policy": self.policy,
            "at": self.at,
            "evidence": self._given(),
        } | changes
        if content is None:
            return validate(data, **asked)
        return validate(content, signature=data, **asked)


def signed(
    signer: Signer | None = None, *, content: bytes = OWED, attached: bool = True,
    bend: Callable[[bytes], bytes] = lambda info: info, **changes: Any,
) -> bytes:  # fmt: skip
    """An honest message, its SignerInfo bent by `bend`."""
    signer = signer or leaf()
    info = bend(signer.info(content, **changes))
    return message(
        info, content=content if attached else None, certificates=[signer.certificate.encoded]
    )


def broken(report: ValidationReport | SignatureReport) -> list[str]:
    """The codes of what is broken, in the order found."""
    findings = list(report.findings)
    if isinstance(report, ValidationReport):
        findings += [one for signature in report.signatures for one in signature.findings]
    return [one.code for one in findings if one.sub_indication is not None]
