"""A hierarchy of Kazakhstan made with the profiles of the library, and the NCA's test material."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from eds import names
from eds.algorithms import ECDSA_P256_SHA256, GOST_2015_512, DigestAlgorithm, SignatureAlgorithm
from eds.ca.lifecycle import State, Status
from eds.ca.lint import require_clean
from eds.ca.profiles import serial_of_key, shipped_profile
from eds.ca.responder import Delegate, Responder, ServedIssuer
from eds.ca.tbs import IssuerFacts, assemble, build_tbs
from eds.ca.tsa import ClockReading, TimeStampingAuthority, TimeStampRules
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.country import trust_sets
from eds.der import integer, null, object_identifier, octet_string, sequence
from eds.extensions import RevocationReason
from eds.keys.contract import KeyPurpose, KeyRef
from eds.keys.privatekeys import PrivateKey, generate
from eds.keys.signers import LocalSigner
from eds.names import Name
from eds.ocsp import OcspResponse
from eds.sign.cms import CmsSigner
from eds.sign.stamping import TimeStampQuestion
from eds.timestamps import TimeStampToken
from eds.verify.evidence import Evidence
from eds.verify.knowntrust import known_store
from eds.verify.policies import shipped_policies
from eds.verify.policy import ValidationPolicy
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from tests.material import DATA, kz_certificates, read

KZ = DATA / "kz"
POLICY: ValidationPolicy = shipped_policies()["kz"]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOST_TSA = "1.2.398.3.3.2.6.4"
IIN = "IIN900101300017"
BIN = "BIN960440000220"

PERSON = {names.COMMON_NAME: "АХМЕТОВ АСАН", names.SURNAME: "АХМЕТОВ", names.SERIAL_NUMBER: IIN}
HOLDERS: dict[str, dict[str, str]] = {
    "kz-individual": PERSON,
    "kz-non-resident": PERSON,
    **dict.fromkeys(("kz-head", "kz-signer", "kz-finance", "kz-hr", "kz-employee"), PERSON),
    "kz-treasury": PERSON | {names.DOMAIN_COMPONENT: "ROLE01", names.BUSINESS_CATEGORY: "KS01234"},
    "kz-information-system": {names.USER_ID: "1.2.398.6.10.1.1", names.COMMON_NAME: "ИС «Тест»"},
    "kz-ocsp-responder": {names.COMMON_NAME: "OCSP RESPONDER"},
    "kz-tsa": {names.COMMON_NAME: "TIME-STAMPING AUTHORITY"},
    "kz-root": {names.COMMON_NAME: "НЕГІЗГІ ОРТАЛЫҚ"},
    "kz-issuing-ca": {names.COMMON_NAME: "ҰЛТТЫҚ ОРТАЛЫҚ"},
    "kz-time-stamping-ca": {names.COMMON_NAME: "УАҚЫТ ОРТАЛЫҒЫ"},
}


def subject_of(profile: str, **changes: str) -> Name:
    said = {
        names.COUNTRY: "KZ",
        names.ORGANIZATION: "ТОО «Пример»",
        names.ORGANIZATIONAL_UNIT: BIN,
        names.GIVEN_NAME: "СЕРІКҰЛЫ",
        **HOLDERS[profile],
        **{getattr(names, name): text for name, text in changes.items()},
    }
    order = [row.oid for row in shipped_profile(profile).subject]
    return Name.build((oid, said[oid]) for oid in order if oid in said)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A key with its certificate, and what it says of itself where it is an authority."""

    row: SignatureAlgorithm
    signer: LocalSigner
    certificate: Certificate
    issuer: Member | None
    facts: IssuerFacts | None = None

    def cms(self, *, at: datetime = NOON) -> CmsSigner:
        above = () if self.issuer is None else (self.issuer.certificate,)
        return CmsSigner(self.signer, certificates=(self.certificate, *above), at=at)


def new_signer(row: SignatureAlgorithm) -> LocalSigner:
    native = generate(row)
    key = KeyRef(uri="file:key", label="key", purpose=KeyPurpose.SIGNATURE)
    public_key = PrivateKey.of(native).public_key_of(native)
    return LocalSigner(native, key=key, public_key=public_key, algorithm=row)


def certify(
    profile_name: str,
    issuer: Member | None,
    row: SignatureAlgorithm = GOST_2015_512,
    *,
    not_before: datetime = NOON - 30 * DAY,
    **changes: Any,
) -> Member:
    """A certificate of that profile, linted before it is signed."""
    profile, signer = shipped_profile(profile_name), new_signer(row)
    subject = changes.pop("subject", subject_of(profile_name))
    not_after = not_before + profile.validity
    if issuer is None:
        by, facts = signer, IssuerFacts.of_new_root(
            name=subject, public_key=signer.public_key, algorithm=row, not_before=not_before,
            not_after=not_after,
        )  # fmt: skip
    else:
        assert issuer.facts is not None
        by, facts = issuer.signer, issuer.facts
        not_after = min(not_after, facts.not_after)
    tbs = build_tbs(
        profile, issuer=facts, serial_number=int.from_bytes(serial_of_key(signer.public_key)),
        subject=subject, public_key=signer.public_key, not_before=not_before,
        not_after=not_after, **changes,
    )  # fmt: skip
    profile.check_subject(subject, on=not_before.date())
    require_clean(tbs, profile=profile, issuer=facts, at=not_before)
    algorithm = row if issuer is None else issuer.row
    encoded = assemble(tbs, algorithm=algorithm, signature=by.sign(tbs))
    certificate = Certificate(encoded)
    own = None
    if profile.is_authority:
        own = IssuerFacts.of(
            certificate, algorithm=row, crl_urls=("http://crl.example.kz/ca.crl",),
            ocsp_urls=("http://ocsp.example.kz/",), cps_url="http://example.kz/cps",
            ca_issuer_urls=("http://pki.example.kz/ca.cer",),
        )  # fmt: skip
    return Member(row=row, signer=signer, certificate=certificate, issuer=issuer, facts=own)


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    root: Member
    ca: Member
    person: Member
    stamper: Stamper
    responders: tuple[tuple[Member, Member], ...]

    @property
    def trust(self) -> TrustStore:
        anchor = TrustAnchor(certificate=self.root.certificate)
        return TrustStore([anchor], name="house", environment=Environment.TEST)

    def answer(
        self, about: Member, *, at: datetime = NOON, revoked_at: datetime | None = None
    ) -> OcspResponse:
        """What the responder of its issuer says of a certificate."""
        assert about.issuer is not None
        issuer = about.issuer
        speaker = next(speaker for of, speaker in self.responders if of is issuer)
        status = Status(state=State.VALID, since=about.certificate.not_before)
        if revoked_at is not None:
            reason = RevocationReason.AFFILIATION_CHANGED
            status = Status(state=State.REVOKED, since=revoked_at, reason=reason, version=1)
        served = ServedIssuer(
            "1" * 64, issuer.certificate,
            [Delegate(certificate=speaker.certificate, signer=speaker.signer)],
        )  # fmt: skip
        responder = Responder([served], status_of=lambda *_: status, validity=DAY)
        return OcspResponse(responder.respond(request_about(about), at=at).encoded)

    def evidence(self, *more: OcspResponse, at: datetime = NOON) -> Evidence:
        """Everything is good, but what `more` says of the person."""
        found = [self.answer(self.ca, at=at)]
        tsa = self.stamper.member
        assert tsa.issuer is not None
        found += [self.answer(tsa, at=at), self.answer(tsa.issuer, at=at)]
        found += more or (self.answer(self.person, at=at),)
        return Evidence(
            certificates=(self.ca.certificate, tsa.issuer.certificate),
            ocsp_responses=tuple(found),
        )


def request_about(about: Member) -> bytes:
    import hashlib

    assert about.issuer is not None
    above = about.issuer.certificate
    digests = (
        octet_string(hashlib.sha256(octets).digest())
        for octets in (above.subject.encoded, above.public_key.key_octets)
    )
    sha256 = sequence(object_identifier("2.16.840.1.101.3.4.2.1"), null())
    identifier = sequence(sha256, *digests, integer(about.certificate.serial_number))
    return sequence(sequence(sequence(sequence(identifier))))


@dataclass(frozen=True, kw_only=True)
class Stamper:
    """A time-stamping authority in this process."""

    member: Member
    at: datetime = NOON
    asked: list[TimeStampQuestion]

    def stamp(self, digest: bytes, *, algorithm: DigestAlgorithm) -> TimeStampToken:
        question = TimeStampQuestion.about(digest, algorithm=algorithm, policy=GOST_TSA)
        self.asked.append(question)
        assert self.member.issuer is not None
        unit = TimeStampingAuthority(
            certificate=self.member.certificate, signer=self.member.signer, node=1,
            rules=TimeStampRules(policy=GOST_TSA), chain=(self.member.issuer.certificate,),
        )  # fmt: skip
        clock = ClockReading(at=self.at, uncertainty=timedelta(milliseconds=1))
        answer = unit.respond(question.encoded, clock=clock).encoded
        return question.answered_by(answer, authority="house")


@cache
def hierarchy(row: SignatureAlgorithm = GOST_2015_512) -> Hierarchy:
    root = certify("kz-root", None, row)
    ca = certify("kz-issuing-ca", root, row)
    times = certify("kz-time-stamping-ca", root, row)
    return Hierarchy(
        root=root,
        ca=ca,
        person=certify("kz-individual", ca, row),
        stamper=Stamper(member=certify("kz-tsa", times, row), asked=[]),
        responders=tuple(
            (one, certify("kz-ocsp-responder", one, row)) for one in (root, ca, times)
        ),
    )


def fast() -> Hierarchy:
    """The same with EC keys, where GOST makes no difference."""
    return hierarchy(ECDSA_P256_SHA256)


# --- the NCA's own --------------------------------------------------------------------------------


@cache
def nca(name: str) -> TrustStore:
    """The set `name` with all of its certificates that are at hand."""
    listed = {row.sha256 for row in trust_sets()[name].certificates}
    found = map(Certificate, kz_certificates().values())
    return known_store(name, [one for one in found if one.fingerprint.hex() in listed])


@cache
def nca_lists() -> tuple[CertificateList, ...]:
    return tuple(CertificateList(read(path)) for path in sorted((KZ / "crl").glob("*.crl")))


@cache
def below_issuers() -> TrustStore:
    """The test authorities themselves as anchors: no list of their root was at hand."""
    store = nca("kz-test")
    return TrustStore(
        [TrustAnchor(certificate=one) for one in (*store.certificates,)],
        name="kz-test-issuers",
        environment=Environment.TEST,
    )


def material(*parts: str) -> bytes:
    return Path(KZ, *parts).read_bytes()
