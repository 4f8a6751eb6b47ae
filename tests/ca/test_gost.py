"""A root, an issuing authority and what it issues, all with GOST keys."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eds import der
from eds.algorithms import GOST_2004, GOST_2015_256, GOST_2015_512, SignatureAlgorithm, identify
from eds.ca import profiles
from eds.ca.authority import Authority, IssueRequest
from eds.ca.database import open_database
from eds.ca.keycheck import check_key
from eds.ca.lifecycle import Act, Change
from eds.ca.lint import lint, require_clean
from eds.ca.lists import ListPublisher
from eds.ca.profiles import CertificateProfile, read_profile
from eds.ca.register import Register
from eds.ca.responder import Delegate, Responder, ResponderName, ServedIssuer
from eds.ca.tbs import IssuerFacts, assemble, build_tbs
from eds.ca.tsa import ClockReading, TimeStampingAuthority, TimeStampRules
from eds.certificates import Certificate
from eds.errors import (
    AlgorithmKeyMismatch,
    KeyNotPermitted,
    KeyTooWeak,
    LintFailed,
    ProofOfPossessionFailed,
)
from eds.extensions import RevocationReason
from eds.keys.contract import KeyRef
from eds.keys.privatekeys import PrivateKey, generate
from eds.keys.signers import LocalSigner
from eds.names import COMMON_NAME, COUNTRY, GIVEN_NAME, SERIAL_NUMBER, SURNAME, Name
from eds.ocsp import CertificateStatus, OcspResponse
from eds.publickeys import PublicKey
from eds.requests import CertificationRequest
from eds.signeddata import SignedData
from eds.timestamps import TimeStampResponse
from tests.ca.hierarchy import ADDRESSES, DAY, NOON, serial_number, subject_of
from tests.ca.status_desk import new_register
from tests.gost.others import gostcrypto_verifies

SHIPPED = Path(profiles.__file__).parent / "profile_data"
ISSUER = "1" * 64
HOUR = timedelta(hours=1)
ROWS = [GOST_2015_512, GOST_2015_256]


def profile(name: str, row: SignatureAlgorithm) -> CertificateProfile:
    """A profile that is shipped, for this kind of key instead."""
    found = json.loads((SHIPPED / f"{name}.json").read_bytes())
    found["keys"] = [{"type": row.key_type.value}]
    found["signature_algorithms"] = [row.name]
    return read_profile(json.dumps(found).encode())


def new_signer(row: SignatureAlgorithm) -> LocalSigner:
    native = generate(row)
    public_key = PrivateKey.of(native).public_key_of(native)
    key = KeyRef(uri="file:key", label="key")
    return LocalSigner(native, key=key, public_key=public_key, algorithm=row)


@dataclass(frozen=True, kw_only=True)
class House:
    row: SignatureAlgorithm
    signer: LocalSigner
    certificate: Certificate
    facts: IssuerFacts

    def sign(self, name: str, key: PublicKey, **changes: Any) -> Certificate:
        """A certificate of that profile, linted before it is signed."""
        chosen = profile(name, self.row)
        tbs = build_tbs(
            chosen, issuer=self.facts, serial_number=serial_number(), subject=subject_of(name),
            public_key=key, not_before=NOON, not_after=NOON + min(chosen.validity, 2900 * DAY),
            **changes,
        )  # fmt: skip
        require_clean(tbs, profile=chosen, issuer=self.facts, at=NOON, shard=None)
        value = self.signer.sign(tbs)
        return Certificate(assemble(tbs, algorithm=self.row, signature=value))


def new_root(row: SignatureAlgorithm, signer: LocalSigner) -> tuple[IssuerFacts, bytes]:
    """What a root says of itself, and what it is about to sign."""
    not_before, not_after = NOON, NOON + 6000 * DAY
    facts = IssuerFacts.of_new_root(
        name=subject_of("root"), public_key=signer.public_key, algorithm=row,
        not_before=not_before, not_after=not_after,
    )  # fmt: skip
    tbs = build_tbs(
        profile("root", row), issuer=facts, serial_number=serial_number(), subject=facts.name,
        public_key=signer.public_key, not_before=not_before, not_after=not_after,
    )  # fmt: skip
    return facts, tbs


def root(row: SignatureAlgorithm) -> House:
    signer = new_signer(row)
    facts, tbs = new_root(row, signer)
    require_clean(tbs, profile=profile("root", row), issuer=facts, at=NOON)
    return house(row, signer, Certificate(assemble(tbs, algorithm=row, signature=signer.sign(tbs))))


def house(row: SignatureAlgorithm, signer: LocalSigner, certificate: Certificate) -> House:
    facts = IssuerFacts.of(
        certificate,
        algorithm=row,
        crl_urls=("http://crl.example.kz/ca.crl",),
        ca_issuer_urls=("http://pki.example.kz/ca.cer",),
        **ADDRESSES,  # type: ignore[arg-type]
    )
    return House(row=row, signer=signer, certificate=certificate, facts=facts)


def issuing(top: House, name: str = "issuing-ca") -> House:
    signer = new_signer(top.row)
    return house(top.row, signer, top.sign(name, signer.public_key))


def verifies(certificate: Certificate, issuer: Certificate) -> bool:
    key = issuer.public_key
    algorithm = identify(certificate.signature_algorithm, key_type=key.key_type, curve=key.curve)
    return key.verify(certificate.signature, certificate.tbs_encoded, algorithm=algorithm)


def subject() -> Name:
    return Name.build(
        [
            (COUNTRY, "KZ"), (COMMON_NAME, "АХМЕТОВ АСАН"), (SURNAME, "АХМЕТОВ"),
            (GIVEN_NAME, "АСАН"), (SERIAL_NUMBER, "PNOKZ-123456789011"),
        ]
    )  # fmt: skip


def issue_request(row: SignatureAlgorithm, key: PublicKey, **changes: Any) -> IssueRequest:
    made: dict[str, Any] = {
        "request": "request-1", "profile": profile("natural-person-signature", row),
        "subject": subject(), "public_key": key, "person": "person-1", "authority": "centre-7",
        "operator": "operator-3", "evidence": hashlib.sha256(b"record").digest(),
    }  # fmt: skip
    return IssueRequest(**(made | changes))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_whole_hierarchy_issues_revokes_and_answers(
    row: SignatureAlgorithm, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    top = root(row)
    ca = issuing(top)
    assert verifies(top.certificate, top.certificate)
    assert verifies(ca.certificate, top.certificate)
    assert not verifies(top.certificate, ca.certificate)

    # from request to certificate
    person = new_signer(row)
    asked = CertificationRequest(CertificationRequest.build(subject(), person).encoded)
    asked.verify_proof_of_possession()
    engine = open_database(new_register("sqlite", request, tmp_path))
    register = Register(engine, node=1, audit=lambda connection, **record: None)
    register.add_issuer(
        ISSUER, label="Example", certificate=ca.certificate, key_uri="file:ca", settings="{}",
        actor="ceremony", at=NOON,
    )  # fmt: skip
    authority = Authority(
        issuer=ISSUER, facts=ca.facts, signer=ca.signer, register=register,
        policy=lambda request, at: None, check_key=check_key,
    )  # fmt: skip
    order = issue_request(row, asked.public_key)
    leaf = authority.issue(authority.prepare(order, at=NOON), at=NOON)
    assert leaf.public_key == person.public_key
    assert verifies(leaf, ca.certificate)
    assert gostcrypto_verifies(ca.signer.public_key, leaf.signature, leaf.tbs_encoded)

    # status
    revoke = Change(act=Act.REVOKE, at=NOON + HOUR, reason=RevocationReason.SUPERSEDED)
    authority.change(leaf.serial_number_octets, revoke, actor="officer", at=NOON + HOUR)
    publisher = ListPublisher(register, issuer=ISSUER, facts=ca.facts, signer=ca.signer)
    found = publisher.publish(0, next_update=NOON + DAY, actor="crl", at=NOON + 2 * HOUR)
    key = ca.certificate.public_key
    assert key.verify(found.signature, found.tbs_encoded, algorithm=row)
    assert [entry.serial_number for entry in found] == [leaf.serial_number]
    speaker = new_signer(row)
    delegate = Delegate(
        certificate=ca.sign("ocsp-responder", speaker.public_key), signer=speaker,
        name=ResponderName.KEY,
    )  # fmt: skip
    served = ServedIssuer(ISSUER, ca.certificate, [delegate])
    responder = Responder([served], status_of=register.status_of, validity=HOUR)
    digests = (
        der.octet_string(hashlib.sha1(octets, usedforsecurity=False).digest())
        for octets in (ca.certificate.subject.encoded, key.key_octets)
    )
    cert_id = der.sequence(
        der.sequence(der.object_identifier("1.3.14.3.2.26"), der.null()),
        *digests,
        der.value(der.INTEGER, leaf.serial_number_octets),
    )
    answer = responder.respond(
        der.sequence(der.sequence(der.sequence(der.sequence(cert_id)))), at=NOON + 2 * HOUR
    )
    response = OcspResponse(answer.encoded)
    assert response.responses[0].status is CertificateStatus.REVOKED
    assert speaker.public_key.verify(response.signature, response.tbs_encoded, algorithm=row)
    engine.dispose()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_time_stamps_are_made_with_gost_keys(row: SignatureAlgorithm) -> None:
    ca = issuing(root(row), "time-stamping-ca")
    signer = new_signer(row)
    unit = TimeStampingAuthority(
        certificate=ca.sign("tsa", signer.public_key), signer=signer, node=5,
        rules=TimeStampRules(policy="1.2.398.3.3.2.6.4"),
    )  # fmt: skip
    imprint = der.sequence(
        row.cms_digest.identifier, der.octet_string(row.cms_digest.digest(b"document"))
    )
    answer = unit.respond(
        der.sequence(der.integer(1), imprint, der.boolean(True)),
        clock=ClockReading(at=NOON + HOUR, uncertainty=timedelta(milliseconds=20)),
    )
    token = TimeStampResponse(answer.encoded).token
    assert token is not None
    assert token.tst_info.imprint == row.cms_digest.digest(b"document")
    (info,) = SignedData(token.encoded).signer_infos
    signed = info.signed_attributes_encoded or b""
    assert info.digest_algorithm == row.cms_digest.identifier
    assert gostcrypto_verifies(signer.public_key, info.signature, signed)
    assert signer.public_key.verify(info.signature, signed, algorithm=row)


def test_the_old_generation_is_no_longer_certified() -> None:
    chosen = profile("root", GOST_2004)
    facts, tbs = new_root(GOST_2004, new_signer(GOST_2004))
    found = lint(tbs, profile=chosen, issuer=facts, at=NOON)
    assert [one.rule for one in found] == ["signature-digest"]
    with pytest.raises(LintFailed):
        require_clean(tbs, profile=chosen, issuer=facts, at=NOON)


def spoilt(key: PublicKey, **changes: bytes) -> PublicKey:
    """The same key with other octets or parameters."""
    identifier = der.sequence(
        der.object_identifier(key.algorithm_oid),
        changes.get("parameters", key.algorithm_parameters),
    )
    return PublicKey(
        der.sequence(identifier, der.bit_string(changes.get("octets", key.key_octets)))
    )


@pytest.mark.parametrize("row", [*ROWS, GOST_2004], ids=lambda row: row.name)
def test_a_gost_key_that_is_no_point_is_too_weak(row: SignatureAlgorithm) -> None:
    key = new_signer(row).public_key
    check_key(key)
    point = der.decode(key.key_octets).octets
    for octets in (
        der.octet_string(bytes(len(point))),
        der.octet_string(point[:-1] + bytes((point[-1] ^ 1,))),
        der.octet_string(point[::-1]),
        der.octet_string(point + b"\0"),
        point,
        b"",
    ):
        with pytest.raises(KeyTooWeak) as caught:
            check_key(spoilt(key, octets=octets))
        assert caught.value.weakness in ("gost-point", "malformed")
    with pytest.raises(KeyTooWeak) as caught:
        check_key(spoilt(key, parameters=der.null()))
    assert caught.value.weakness == "ec-curve"


def test_lint_refuses_a_gost_key_with_other_parameters() -> None:
    ca = issuing(root(GOST_2015_512))
    key = new_signer(GOST_2015_512).public_key
    with pytest.raises(LintFailed):
        ca.sign("ocsp-responder", spoilt(key, parameters=der.null()))


def test_a_request_signed_by_another_key_proves_nothing() -> None:
    one, other = new_signer(GOST_2015_512), new_signer(GOST_2015_512)
    built = CertificationRequest.build(subject(), one)
    value = der.bit_string(other.sign(built.tbs_encoded))
    forged = der.sequence(built.tbs_encoded, GOST_2015_512.identifier, value)
    with pytest.raises(ProofOfPossessionFailed):
        CertificationRequest(forged).verify_proof_of_possession()
    named = der.sequence(built.tbs_encoded, GOST_2004.identifier, value)
    with pytest.raises(AlgorithmKeyMismatch):
        CertificationRequest(named).verify_proof_of_possession()


def test_a_profile_for_one_kind_takes_no_other() -> None:
    chosen = profile("natural-person-signature", GOST_2015_512)
    chosen.check_key(new_signer(GOST_2015_512).public_key)
    for row in (GOST_2015_256, GOST_2004):
        with pytest.raises(KeyNotPermitted):
            chosen.check_key(new_signer(row).public_key)
