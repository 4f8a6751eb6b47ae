"""An issuer whose lists and OCSP answers a test can bend: one thing wrong, the rest right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from eds import der
from eds.algorithms import ECDSA_P256_SHA256
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.extensions import Extension, RevocationReason
from eds.ocsp import OcspResponse
from eds.verify.evidence import Evidence
from eds.verify.policy import BASIC
from eds.verify.revocation import RevocationResult, check
from eds.verify.trust import TrustAnchor, TrustStore

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
URL = "http://crl.example.kz/7.crl"
NOT_A_CA = x509.BasicConstraints(ca=False, path_length=None)
SHA256 = hashes.SHA256()
SIGNS = {
    "digital_signature": False, "content_commitment": False, "key_encipherment": False,
    "data_encipherment": False, "key_agreement": False, "key_cert_sign": False,
    "crl_sign": False, "encipher_only": False, "decipher_only": False,
}  # fmt: skip


def usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**(SIGNS | dict.fromkeys(names, True)))


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@cache
def key(label: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def point(*urls: str, issuer: str | None = None, relative: str | None = None) -> Any:
    return x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url) for url in urls] or None,
        relative_name=None
        if relative is None
        else x509.RelativeDistinguishedName(
            [x509.NameAttribute(x509.NameOID.COMMON_NAME, relative)]
        ),
        reasons=None,
        crl_issuer=None if issuer is None else [x509.DirectoryName(named(issuer))],
    )


def certify(
    subject: str, *, issuer: str = "CA", signer: str | None = None, holder: str | None = None,
    ca: bool = False, points: Sequence[Any] = (), more: Iterable[tuple[Any, bool]] = (),
    not_before: datetime = NOON - 100 * DAY, not_after: datetime = NOON + 100 * DAY,
    serial: int | None = None, key_usage: Any = None, ocsp_url: str | None = None,
    path_length: int | None = None, digest: Any = SHA256,
) -> Certificate:  # fmt: skip
    """A certificate for the key `holder`, signed with the key `signer`, made by cryptography."""
    subject_key, issuer_key = key(holder or subject).public_key(), key(signer or issuer)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(subject_key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca, path_length) if ca else NOT_A_CA, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key), critical=False)
        .add_extension(
            key_usage or (usage("key_cert_sign", "crl_sign") if ca else usage("digital_signature")),
            critical=True,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if points:
        builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
    if ocsp_url:
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp_url)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(issuer_key, digest)
    return Certificate(made.public_bytes(Encoding.DER))


def responder(
    subject: str = "Responder", *, no_check: bool = True, purposes: Sequence[Any] | None = None,
    **changes: Any,
) -> Certificate:  # fmt: skip
    more: list[tuple[Any, bool]] = []
    chosen = [ExtendedKeyUsageOID.OCSP_SIGNING] if purposes is None else purposes
    if chosen:
        more.append((x509.ExtendedKeyUsage(chosen), False))
    if no_check:
        more.append((x509.OCSPNoCheck(), False))
    return certify(subject, more=[*more, *changes.pop("more", ())], **changes)


def signed(tbs: bytes, signer: str, *rest: bytes) -> bytes:
    signature = key(signer).sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der.sequence(tbs, ECDSA_P256_SHA256.identifier, der.bit_string(signature), *rest)


def extension(oid: str, octets: bytes, *, critical: bool = False) -> bytes:
    return Extension(oid=oid, critical=critical, octets=octets).encoded


# --- lists


def entry(
    certificate: Certificate | int, since: datetime, reason: RevocationReason | None = None,
    *, invalidity_date: datetime | None = None, more: Sequence[bytes] = (),
    issuer: str | None = None,
) -> bytes:  # fmt: skip
    serial = certificate if isinstance(certificate, int) else certificate.serial_number
    extensions = list(more)
    if reason is not None:
        extensions.append(extension("2.5.29.21", der.enumerated(reason.value)))
    if invalidity_date is not None:
        extensions.append(extension("2.5.29.24", der.generalized_time(invalidity_date)))
    if issuer is not None:
        names = der.sequence(der.explicit(4, named(issuer).public_bytes()))
        extensions.append(extension("2.5.29.29", names, critical=True))
    return der.sequence(
        der.integer(serial), der.time(since), der.sequence(*extensions) if extensions else b""
    )


def scope(
    *urls: str, users: bool = False, authorities: bool = False, reasons: bytes = b"",
    indirect: bool = False, attributes: bool = False, relative: str | None = None,
) -> bytes:  # fmt: skip
    """An issuingDistributionPoint, encoded as an extension."""
    names = b""
    if urls:
        full = der.sequence(*(der.implicit(6, der.ia5_string(url)) for url in urls))
        names = der.explicit(0, der.implicit(0, full))
    elif relative is not None:
        rdn = der.decode(named(relative).public_bytes()).children()[0].encoded
        names = der.explicit(0, der.implicit(1, rdn))
    flag = der.boolean(True)
    return extension(
        "2.5.29.28",
        der.sequence(
            names,
            der.implicit(1, flag) if users else b"",
            der.implicit(2, flag) if authorities else b"",
            der.implicit(3, reasons) if reasons else b"",
            der.implicit(4, flag) if indirect else b"",
            der.implicit(5, flag) if attributes else b"",
        ),
        critical=True,
    )


def crl(
    *entries: bytes, issuer: str = "CA", signer: str | None = None, at: datetime = NOON - HOUR,
    until: datetime | None = NOON + DAY, number: int = 1, base: int | None = None,
    more: Sequence[bytes] = (), aki: bool = True,
) -> CertificateList:  # fmt: skip
    signer = signer or issuer
    identifier = x509.SubjectKeyIdentifier.from_public_key(key(signer).public_key()).digest
    extensions = [extension("2.5.29.20", der.integer(number)), *more]
    if aki:
        octets = der.sequence(der.implicit(0, der.octet_string(identifier)))
        extensions.append(extension("2.5.29.35", octets))
    if base is not None:
        extensions.append(extension("2.5.29.27", der.integer(base), critical=True))
    tbs = der.sequence(
        der.integer(1),
        ECDSA_P256_SHA256.identifier,
        named(issuer).public_bytes(),
        der.time(at),
        b"" if until is None else der.time(until),
        der.sequence(*entries) if entries else b"",
        der.explicit(0, der.sequence(*extensions)),
    )
    return CertificateList(signed(tbs, signer))


# --- OCSP


def cert_id(
    certificate: Certificate, issuer: Certificate, *, digest: str = "sha1",
    name: bytes | None = None, public_key: bytes | None = None,
) -> bytes:  # fmt: skip
    oid = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1"}[digest]
    name = issuer.subject.encoded if name is None else name
    public_key = issuer.public_key.key_octets if public_key is None else public_key
    return der.sequence(
        der.sequence(der.object_identifier(oid), der.null()),
        der.octet_string(hashlib.new(digest, name).digest()),
        der.octet_string(hashlib.new(digest, public_key).digest()),
        der.integer(certificate.serial_number),
    )


GOOD = der.implicit(0, der.null())
UNKNOWN = der.implicit(2, der.null())


def revoked(since: datetime, reason: RevocationReason | None = None) -> bytes:
    given = b"" if reason is None else der.explicit(0, der.enumerated(reason.value))
    return der.implicit(1, der.sequence(der.generalized_time(since), given))


def single(
    identifier: bytes, status: bytes = GOOD, *, at: datetime = NOON - HOUR,
    until: datetime | None = NOON + HOUR, more: Sequence[bytes] = (),
) -> bytes:  # fmt: skip
    return der.sequence(
        identifier,
        status,
        der.generalized_time(at),
        b"" if until is None else der.explicit(0, der.generalized_time(until)),
        der.explicit(1, der.sequence(*more)) if more else b"",
    )


def answer(
    *singles: bytes, by: Certificate | None = None, signer: str = "CA",
    at: datetime = NOON - HOUR, more: Sequence[bytes] = (), name: str | None = None,
    certificates: Sequence[Certificate] = (),
) -> OcspResponse:  # fmt: skip
    """A response; `by` a delegate whose key is `signer`, or the issuer itself."""
    if name is None:
        digest = x509.SubjectKeyIdentifier.from_public_key(key(signer).public_key()).digest
        responder_id = der.explicit(2, der.octet_string(digest))
    else:
        responder_id = der.explicit(1, named(name).public_bytes())
    tbs = der.sequence(
        responder_id,
        der.generalized_time(at),
        der.sequence(*singles),
        der.explicit(1, der.sequence(*more)) if more else b"",
    )
    embedded = (*(() if by is None else (by,)), *certificates)
    rest = der.explicit(0, der.sequence(*(one.encoded for one in embedded))) if embedded else b""
    return OcspResponse.of_basic(signed(tbs, signer, rest))


# --- the house


@dataclass
class House:
    """An anchor that issues, one certificate of it, and what is asked."""

    ca: Certificate = field(default_factory=lambda: certify("CA", ca=True))
    certificates: tuple[Certificate, ...] = ()
    policy: Any = BASIC
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leaf = certify("Leaf", points=[point(URL)])
        self.trust = TrustStore([TrustAnchor(certificate=self.ca)])

    @property
    def id(self) -> bytes:
        return cert_id(self.leaf, self.ca)

    def status(
        self, *evidence: CertificateList | OcspResponse, at: datetime = NOON,
        certificate: Certificate | None = None, issuer: Certificate | None = None, **more: Any,
    ) -> RevocationResult:  # fmt: skip
        return check(
            certificate or self.leaf,
            issuer=issuer or self.ca,
            evidence=Evidence(
                certificates=self.certificates,
                lists=tuple(one for one in evidence if isinstance(one, CertificateList)),
                ocsp_responses=tuple(one for one in evidence if isinstance(one, OcspResponse)),
            ),
            trust=self.trust,
            at=at,
            policy=self.policy,
            **more,
        )


def broken(result: RevocationResult) -> set[str]:
    """The codes of what is broken."""
    return {finding.code for finding in result.findings if finding.sub_indication is not None}


def noted(result: RevocationResult) -> set[str]:
    return {one.code for one in result.findings if one.outcome.value == "noted"}
