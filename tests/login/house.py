"""A portal with people at its door: honest tokens of every kind, one thing bent by a test."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from eds.certificates import Certificate
from eds.login import (
    ChallengeStore,
    LoginChallenge,
    LoginOutcome,
    LoginRules,
    MemoryChallengeStore,
    Method,
    begin,
    finish,
)
from eds.login.statement import CONTENT_TYPES, write_statement
from eds.verify.evidence import Evidence
from eds.verify.trust import TrustAnchor, TrustStore
from tests.verify.cms_house import Signer, authority, good_list, message
from tests.verify.status_house import DAY, NOON, key, named, point, usage

ORIGIN = "https://portal.example.kz"
SESSION = "a session nobody guesses"
NUMBER = "900101300017"  # of nobody: made for tests
RULES = LoginRules(origin=ORIGIN, audience="Portal")
EVERY_METHOD = frozenset(Method)
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
MAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION


def certify(
    holder: str,
    *,
    usages: Iterable[str] = ("digital_signature",),
    purposes: Iterable[Any] = (CLIENT,),
    policies: Iterable[str] = (),
    serial_number: str | None = f"PNOKZ-{NUMBER}",
    until: datetime = NOON + 100 * DAY,
    signer: str = "CA",
    url: str | None = None,
) -> Signer:
    """Somebody's key and certificate; `signer` labels the key that signed it, `url` has status."""
    attributes = [
        (NameOID.COUNTRY_NAME, "KZ"),
        (NameOID.COMMON_NAME, "ТЕСТОВ ТЕСТ"),
        (NameOID.SURNAME, "ТЕСТОВ"),
        (NameOID.GIVEN_NAME, "ТЕСТ"),
    ]
    if serial_number is not None:
        attributes.append((NameOID.SERIAL_NUMBER, serial_number))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, text) for oid, text in attributes]))
        .issuer_name(named("CA"))
        .public_key(key(holder).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - 100 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(*usages), critical=True)
    )
    if url is not None:
        where = x509.UniformResourceIdentifier(url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)
        issuers = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        builder = builder.add_extension(
            x509.AuthorityInformationAccess([access, issuers]), critical=False
        ).add_extension(x509.CRLDistributionPoints([point(url)]), critical=False)
    chosen = list(purposes)
    if chosen:
        builder = builder.add_extension(x509.ExtendedKeyUsage(chosen), critical=False)
    named_policies = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in policies]
    if named_policies:
        builder = builder.add_extension(x509.CertificatePolicies(named_policies), critical=False)
    made = builder.sign(key(signer), hashes.SHA256())
    return Signer(Certificate(made.public_bytes(Encoding.DER)), key(holder))


@cache
def citizen() -> Signer:
    """With an authentication key."""
    return certify("citizen")


@cache
def signatory() -> Signer:
    """The same person with a signature key."""
    return certify(
        "signatory", usages=("digital_signature", "content_commitment"), purposes=(MAIL,)
    )


def web_eid(challenge: LoginChallenge, *, by: Signer | None = None, **changes: Any) -> str:
    """The token that Web eID software would make."""
    signer = by or citizen()
    origin, nonce = changes.pop("origin", challenge.origin), changes.pop("nonce", challenge.nonce)
    octets = b"".join(hashlib.sha256(text.encode()).digest() for text in (origin, nonce))
    octets = changes.pop("octets", octets)
    r, s = decode_dss_signature(signer.native.sign(octets, ec.ECDSA(hashes.SHA256())))
    value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    token = {
        "unverifiedCertificate": base64.b64encode(signer.certificate.encoded).decode(),
        "algorithm": "ES256",
        "signature": base64.b64encode(value).decode(),
        "format": "web-eid:1.0",
        "appVersion": "https://web-eid.eu/web-eid-app/releases/2.5.0+0",
    } | changes
    return json.dumps(token)


def cms(
    challenge: LoginChallenge,
    *,
    by: Signer | None = None,
    method: Method = Method.STATEMENT,
    content: bytes | None = None,
    content_type: str | None = None,
) -> bytes:
    """The CMS that other software would make over the statement."""
    signer = by or citizen()
    said = write_statement(challenge, method=method) if content is None else content
    kind = content_type or CONTENT_TYPES[method]
    return message(
        signer.info(said, content_type=kind),
        content=said,
        content_type=kind,
        version=3 if kind != CONTENT_TYPES[Method.STATEMENT_AS_DATA] else 1,
        certificates=[signer.certificate.encoded],
    )


@dataclass
class Door:
    """Where somebody knocks."""

    rules: LoginRules = RULES
    store: ChallengeStore = field(default_factory=MemoryChallengeStore)
    trust: TrustStore = field(
        default_factory=lambda: TrustStore([TrustAnchor(certificate=authority())], name="test")
    )
    evidence: Any = field(default_factory=lambda: Evidence(lists=(good_list(),)))

    def begin(self, *, session: str = SESSION, at: datetime = NOON, **more: Any) -> LoginChallenge:
        asked: dict[str, Any] = {"rules": self.rules, "store": self.store, "at": at} | more
        return begin(session, **asked)

    def finish(
        self, token: bytes | str, *, session: str = SESSION,
        at: datetime = NOON + timedelta(seconds=30), **more: Any,
    ) -> LoginOutcome:  # fmt: skip
        asked = {
            "rules": self.rules,
            "store": self.store,
            "trust": self.trust,
            "evidence": self.evidence,
            "at": at,
        } | more
        return finish(session, token, **asked)
