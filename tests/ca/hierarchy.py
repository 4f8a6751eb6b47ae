"""A root, two issuing authorities and their leaves, made with the library's own builder."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eds import names
from eds.algorithms import ECDSA_P256_SHA256, SignatureAlgorithm
from eds.ca.profiles import (
    CertificateProfile,
    CrlUse,
    SerialNumbers,
    read_profile,
    serial_of_key,
    shipped_profiles,
)
from eds.ca.tbs import IssuerFacts, assemble, build_tbs
from eds.certificates import Certificate
from eds.country import countries
from eds.names import Name
from eds.publickeys import PublicKey

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SHARDS = 8
DATA = Path(__file__).parent / "profile_data"

TEST_PROFILES = {
    profile.name: profile
    for profile in (read_profile(file.read_bytes()) for file in sorted(DATA.glob("*.json")))
}
# Those of countries have their own subjects, and their tests in tests/country.
NATIONAL = {
    one.name for country in countries().values() for one in map(read_profile, country.profiles())
}
PROFILES = {
    **{name: one for name, one in shipped_profiles().items() if name not in NATIONAL},
    **TEST_PROFILES,
}
LEAVES = [name for name, profile in PROFILES.items() if not profile.is_authority]

C, CN, SN, GN = names.COUNTRY, names.COMMON_NAME, names.SURNAME, names.GIVEN_NAME
ORG_NAME, ORG_ID = names.ORGANIZATION, names.ORGANIZATION_IDENTIFIER
SERIAL, TITLE = names.SERIAL_NUMBER, names.TITLE

PERSON = [
    (C, "KZ"),
    (CN, "АХМЕТОВ АСАН"),
    (SN, "АХМЕТОВ"),
    (GN, "АСАН"),
    (SERIAL, "PNOKZ-123456789011"),
]
ORG = [(ORG_NAME, "ТОО «Пример»"), (ORG_ID, "NTRKZ-123456789021")]
SERVICE = [(C, "KZ"), (ORG_NAME, "Example Authority"), (ORG_ID, "NTRKZ-123456789021")]


def subject_of(name: str) -> Name:
    """A lawful subject for the profile of that name."""
    titles = {
        "legal-entity-head": "Head",
        "legal-entity-signer": "Authorised signatory",
        "legal-entity-finance": "Financial signatory",
        "legal-entity-hr": "Personnel signatory",
        "legal-entity-employee": "Engineer",
    }
    if name in titles:
        return Name.build([*PERSON, *ORG, (TITLE, titles[name])])
    if name.startswith("non-resident"):
        return Name.build(
            [
                (C, "UZ"),
                (CN, "KARIMOV RUSTAM"),
                (SN, "KARIMOV"),
                (GN, "RUSTAM"),
                (SERIAL, "PASUZ-AA1234567"),
            ]
        )
    if name == "information-system":
        return Name.build([(C, "KZ"), *ORG, (CN, "Портал госуслуг")])
    if name == "qualified-seal":
        return Name.build([(C, "KZ"), *ORG, (CN, "ТОО «Пример»")])
    if name == "kz-first-head":
        return Name.build(
            [(CN, "АХМЕТОВ АСАН"), (SN, "АХМЕТОВ"), (SERIAL, "IIN123456789011"), (C, "KZ"),
             (ORG_NAME, "ТОО «Пример»"), (names.ORGANIZATIONAL_UNIT, "BIN123456789021"),
             (GN, "СЕРИКОВИЧ")]
        )  # fmt: skip
    if name in ("ocsp-responder", "tsa", "root", "issuing-ca", "time-stamping-ca"):
        return Name.build([*SERVICE, (CN, f"Example {name.replace('-', ' ')} 2026")])
    return Name.build(PERSON)


def serial_number() -> int:
    return int.from_bytes(b"\x01" + secrets.token_bytes(18), "big")


@dataclass(frozen=True, kw_only=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: Certificate
    facts: IssuerFacts
    algorithm: SignatureAlgorithm = ECDSA_P256_SHA256

    def sign(self, tbs: bytes) -> Certificate:
        """Whatever the bytes say: the thief's pen."""
        signature = self.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
        return Certificate(assemble(tbs, algorithm=self.algorithm, signature=signature))


@dataclass(frozen=True, kw_only=True)
class Holder:
    key: ec.EllipticCurvePrivateKey
    certificate: Certificate

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()


def pem(certificate: Certificate) -> str:
    return certificate.native.public_bytes(serialization.Encoding.PEM).decode()


@cache
def leaf_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey) -> PublicKey:
    return PublicKey.of(key.public_key())


ADDRESSES = {
    "ocsp_urls": ("http://ocsp.example.kz/",),
    "cps_url": "https://example.kz/cps",
    "pds_urls": (("en", "https://example.kz/pds_en.pdf"), ("kk", "https://example.kz/pds_kk.pdf")),
}


@cache
def root() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    profile = PROFILES["root"]
    not_before, not_after = NOON - 400 * DAY, NOON + 6000 * DAY
    new = IssuerFacts.of_new_root(
        name=subject_of("root"), public_key=public(key), algorithm=ECDSA_P256_SHA256,
        not_before=not_before, not_after=not_after,
    )  # fmt: skip
    tbs = build_tbs(
        profile, issuer=new, serial_number=serial_number(), subject=new.name,
        public_key=public(key), not_before=not_before, not_after=not_after,
    )  # fmt: skip
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    certificate = Certificate(assemble(tbs, algorithm=ECDSA_P256_SHA256, signature=signature))
    facts = IssuerFacts.of(
        certificate,
        algorithm=ECDSA_P256_SHA256,
        crl_urls=("http://crl.example.kz/root.crl",),
        ca_issuer_urls=("http://pki.example.kz/root.cer",),
        **ADDRESSES,  # type: ignore[arg-type]
    )
    return Authority(key=key, certificate=certificate, facts=facts)


@cache
def authority(profile_name: str) -> Authority:
    profile = PROFILES[profile_name]
    key = ec.generate_private_key(ec.SECP256R1())
    tbs = build_tbs(
        profile, issuer=root().facts, serial_number=serial_number(),
        subject=subject_of(profile_name), public_key=public(key),
        not_before=NOON - 300 * DAY, not_after=NOON + 3000 * DAY,
    )  # fmt: skip
    certificate = root().sign(tbs)
    facts = IssuerFacts.of(
        certificate,
        algorithm=ECDSA_P256_SHA256,
        crl_urls=("http://crl.example.kz/2026/{shard}.crl",),
        shard_count=SHARDS,
        ca_issuer_urls=("http://pki.example.kz/issuing.cer",),
        **ADDRESSES,  # type: ignore[arg-type]
    )
    return Authority(key=key, certificate=certificate, facts=facts)


def issuer_of(profile: CertificateProfile) -> Authority:
    if profile.name in ("root", "issuing-ca", "time-stamping-ca"):
        return root()
    return authority("time-stamping-ca" if profile.name == "tsa" else "issuing-ca")


def facts_of(profile: CertificateProfile) -> IssuerFacts:
    """A root's own certificate is signed before the root has any."""
    if profile.name == "root":
        return root_facts()
    return issuer_of(profile).facts


@cache
def root_facts() -> IssuerFacts:
    facts = root().facts
    return IssuerFacts.of_new_root(
        name=facts.name, public_key=facts.public_key, algorithm=facts.algorithm,
        not_before=facts.not_before, not_after=facts.not_after, cps_url=None,
    )  # fmt: skip


def shard_of(profile: CertificateProfile) -> int | None:
    return 3 if profile.crl is CrlUse.SHARDED else None


def good_tbs(name: str, **changes: object) -> bytes:
    """A lawful to-be-signed certificate of that profile, valid from NOON."""
    profile = PROFILES[name]
    facts = facts_of(profile)
    key = facts.public_key if name == "root" else public(leaf_key())
    of_key = profile.serial_number is SerialNumbers.KEY_IDENTIFIER
    arguments: dict[str, object] = {
        "issuer": facts,
        "serial_number": int.from_bytes(serial_of_key(key), "big") if of_key else serial_number(),
        "subject": subject_of(name),
        "public_key": key,
        "not_before": facts.not_before if name == "root" else NOON,
        "not_after": facts.not_after
        if name == "root"
        else NOON + min(profile.validity, timedelta(days=2900)),
        "shard": shard_of(profile),
        "email": "asan@example.kz" if profile.email else None,
    }
    return build_tbs(profile, **(arguments | changes))  # type: ignore[arg-type]


def holder(name: str, **changes: object) -> Holder:
    certificate = issuer_of(PROFILES[name]).sign(good_tbs(name, **changes))
    return Holder(key=leaf_key(), certificate=certificate)
