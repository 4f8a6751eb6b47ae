"""Login: who is let in, by which method, and what is told of them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from eds import der, pem
from eds.algorithms import ECDSA_P256_SHA256
from eds.certificates import Certificate
from eds.errors import InvalidArgument, LoginRefused, NaiveDatetime
from eds.login import (
    PHISHING_RESISTANT,
    AssuranceLevel,
    KeyRole,
    LoginRules,
    Method,
    PersonRules,
    Residency,
)
from eds.login.person import read_identity
from eds.login.statement import DATA_PREFIX, LOGIN_STATEMENT, write_statement
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.indications import Indication
from eds.verify.policies import shipped_policies
from eds.verify.policy import BASIC, AlgorithmRules
from eds.verify.trust import Purpose, TrustAnchor, TrustStore
from tests.login.house import (
    CLIENT,
    EVERY_METHOD,
    NUMBER,
    ORIGIN,
    RULES,
    SERVER,
    SESSION,
    Door,
    certify,
    citizen,
    cms,
    signatory,
    web_eid,
)
from tests.verify import cms_house
from tests.verify.cms_house import authority, good_list
from tests.verify.status_house import NOON, crl, entry, key

CITIZEN, MANAGER = "1.2.398.3.3.2.1.9", "1.2.398.3.3.4.1.2.1"


@pytest.mark.parametrize(
    "token",
    [
        web_eid,
        cms,
        lambda challenge: base64.encodebytes(cms(challenge)).decode(),
        lambda challenge: pem.write("CMS", cms(challenge)),
    ],
    ids=["web-eid", "der", "base64", "pem"],
)
def test_a_citizen_is_let_in_by_each_method(token: Any) -> None:
    door = Door()
    outcome = door.finish(token(door.begin()))
    assert outcome.refusal is None, outcome.refusal
    person = outcome.require_person()
    assert (person.subject.scheme, person.subject.country) == ("PNO", "KZ")
    assert person.subject.value == NUMBER
    assert person.identity.surname == "ТЕСТОВ"
    assert person.certificate == citizen().certificate
    assert person.key_role is KeyRole.AUTHENTICATION
    assert (person.residency, person.residency_source) == (Residency.UNKNOWN, "unknown")
    assert len(person.evidence) == 32


def test_checks_are_told_in_their_order() -> None:
    door = Door()
    for make, more in ((web_eid, []), (cms, ["login.statement"])):
        outcome = door.finish(make(door.begin()))
        assert [one.code for one in outcome.findings] == [
            *("login.token", "login.method", "login.challenge", "login.lifetime"),
            *("login.relying_party", "login.certificate", "login.algorithm", "login.key_role"),
            *("login.policies", "login.path", "login.status", *more),
            *("login.signature", "login.subject", "login.assurance"),
        ]


def test_facts_of_each_method_are_honest() -> None:
    door = Door(rules=replace(RULES, methods=EVERY_METHOD))
    first = door.finish(web_eid(door.begin())).require_person().method
    assert (first.phishing_resistant, first.user_presence, first.weaknesses) == (True, True, ())
    second = door.finish(cms(door.begin())).require_person().method
    assert not second.phishing_resistant
    assert second.weaknesses == ("origin_not_attested",)
    token = cms(door.begin(), method=Method.STATEMENT_AS_DATA)
    third = door.finish(token).require_person().method
    assert third.weaknesses == ("origin_not_attested", "signed_as_data")


def test_rules_that_demand_resistance_to_phishing_refuse_statements() -> None:
    door = Door(rules=replace(RULES, methods=PHISHING_RESISTANT))
    assert refusal(door, cms(door.begin())) == "login.method"
    assert door.finish(web_eid(door.begin())).person is not None


def test_a_signature_key_is_refused_unless_the_rules_take_it_and_then_told() -> None:
    door = Door()
    for make in (web_eid, cms):
        assert refusal(door, make(door.begin(), by=signatory())) == "login.key_role"
    taken = RULES.key_roles | {KeyRole.SIGNATURE}
    door = Door(rules=replace(RULES, key_roles=taken))
    for make in (web_eid, cms):
        person = door.finish(make(door.begin(), by=signatory())).require_person()
        assert person.key_role is KeyRole.SIGNATURE
        assert "signature_key" in person.method.weaknesses
    person = door.finish(cms(door.begin())).require_person()
    assert person.key_role is KeyRole.AUTHENTICATION


def test_a_key_that_names_client_authentication_beside_signatures_is_told_apart() -> None:
    door = Door()
    both = certify("both", usages=("digital_signature", "content_commitment"))
    person = door.finish(web_eid(door.begin(), by=both)).require_person()
    assert person.key_role is KeyRole.UNIFIED


@pytest.mark.parametrize(
    ("usages", "purposes"),
    [
        (("content_commitment",), (CLIENT,)),
        (("key_encipherment",), (CLIENT,)),
        (("digital_signature",), (SERVER,)),
    ],
)
def test_keys_for_other_things_are_refused(usages: Any, purposes: Any) -> None:
    door = Door()
    other = certify("other", usages=usages, purposes=purposes)
    assert refusal(door, web_eid(door.begin(), by=other)) == "login.key_role"


def test_policies_can_be_required_and_forbidden() -> None:
    plain, marked = citizen(), certify("marked", policies=(CITIZEN, MANAGER))
    required = Door(rules=replace(RULES, required_policies=frozenset({CITIZEN})))
    assert refusal(required, web_eid(required.begin(), by=plain)) == "login.policies"
    assert required.finish(web_eid(required.begin(), by=marked)).person is not None
    forbidden = Door(rules=replace(RULES, forbidden_policies=frozenset({CITIZEN})))
    assert refusal(forbidden, web_eid(forbidden.begin(), by=marked)) == "login.policies"


def test_residency_roles_and_assurance_come_from_tables_with_their_source() -> None:
    tables = PersonRules(
        residency={CITIZEN: Residency.CITIZEN},
        roles={MANAGER: "head"},
        proofing={CITIZEN: AssuranceLevel.HIGH},
    )
    rules = replace(RULES, persons=tables, least_proofing=AssuranceLevel.SUBSTANTIAL)
    door = Door(rules=rules)
    person = door.finish(
        web_eid(door.begin(), by=certify("head", policies=(CITIZEN, MANAGER)))
    ).require_person()
    assert person.residency is Residency.CITIZEN
    assert person.residency_source == f"certificate, {CITIZEN}"
    assert [(one.kind, one.basis) for one in person.roles] == [("head", MANAGER)]
    assert person.assurance.proofing is AssuranceLevel.HIGH
    assert person.assurance.authentication is None
    assert refusal(door, web_eid(door.begin())) == "login.assurance"


def test_a_certificate_that_names_nobody_is_refused() -> None:
    door = Door()
    for text in (None, "NTRKZ-123456789012"):
        nobody = certify("nobody", serial_number=text)
        assert refusal(door, web_eid(door.begin(), by=nobody)) == "login.subject"


def test_a_number_without_a_scheme_is_its_issuers_alone() -> None:
    door = Door()
    person = door.finish(
        web_eid(door.begin(), by=certify("bare", serial_number="4711"))
    ).require_person()
    assert (person.subject.scheme, person.subject.value) == ("serialNumber", "4711")
    assert len(person.subject.authority) == 64


def test_without_evidence_that_is_fresh_nobody_is_let_in() -> None:
    door = Door()
    since = entry(citizen().certificate, NOON - timedelta(hours=2))
    for evidence in (
        NO_EVIDENCE,
        Evidence(lists=(crl(since),)),
        Evidence(lists=(crl(until=NOON - timedelta(seconds=1)),)),
    ):
        for make in (web_eid, cms):
            outcome = door.finish(make(door.begin()), evidence=evidence)
            assert outcome.person is None
            assert outcome.refusal is not None
            assert outcome.refusal.code == "login.status"


def test_evidence_is_asked_for_only_once_the_path_is_proven() -> None:
    asked: list[int] = []

    def source(path: Any) -> Evidence:
        asked.append(len(path.path))
        return Evidence(lists=(good_list(),))

    door = Door(evidence=source)
    stranger = Door(trust=TrustStore([TrustAnchor(certificate=citizen().certificate)]))
    assert refusal(door, web_eid(door.begin(), by=signatory()), trust=stranger.trust) != ""
    assert asked == []
    assert door.finish(web_eid(door.begin())).person is not None
    assert asked == [2]


def test_an_anchor_for_documents_alone_lets_nobody_in() -> None:
    only = TrustAnchor(certificate=authority(), purposes=frozenset({Purpose.SIGNATURE}))
    door = Door(trust=TrustStore([only]))
    for make in (web_eid, cms):
        assert refusal(door, make(door.begin())) == "login.path"


def test_no_repr_shows_a_name_or_a_number() -> None:
    door = Door()
    challenge = door.begin()
    outcome = door.finish(web_eid(challenge))
    shown = repr(outcome) + repr(challenge) + repr([one.facts for one in outcome.findings])
    assert NUMBER not in shown
    assert "ТЕСТОВ" not in shown
    assert challenge.nonce not in shown


def test_an_outcome_is_neither_yes_nor_no_and_refusals_can_be_raised() -> None:
    door = Door()
    outcome = door.finish("nothing")
    with pytest.raises(TypeError):
        bool(outcome)
    with pytest.raises(LoginRefused) as raised:
        outcome.require_person()
    assert raised.value.refusal == "login.token"


def test_arguments_are_held_to_their_terms() -> None:
    door = Door()
    with pytest.raises(InvalidArgument):
        door.begin(session="short")
    with pytest.raises(NaiveDatetime):
        door.begin(at=NOON.replace(tzinfo=None))
    with pytest.raises(NaiveDatetime):
        door.finish("{}", at=NOON.replace(tzinfo=None))
    for origin in (
        f"{ORIGIN}/", "http://portal.example.kz", "https://Portal.example.kz", f"{ORIGIN}:443",
        "https://portal.example.kz/login", "https://u@portal.example.kz", "https://", "portal",
    ):  # fmt: skip
        with pytest.raises(InvalidArgument):
            LoginRules(origin=origin, audience="Portal")
    with pytest.raises(InvalidArgument):
        replace(RULES, lifetime=timedelta(minutes=6))


def test_the_page_tells_the_truth() -> None:
    page = (Path(__file__).parents[2] / "docs" / "login.md").read_text(encoding="utf-8")
    block = page.split("```python\n")[1].split("```")[0]
    door = Door()

    def ask_browser(nonce: str) -> str:
        return web_eid(replace(door.begin(), nonce=nonce))

    names: dict[str, Any] = {
        "session_ref": SESSION,
        "ask_browser": ask_browser,
        "trust": door.trust,
        "evidence": door.evidence,
        "at": NOON,
    }
    exec(block, names)
    assert names["account"].value == NUMBER


def national(**changes: Any) -> Certificate:
    """A certificate as the NCA of Kazakhstan writes them, as far as it is read here."""
    texts = {
        NameOID.COUNTRY_NAME: "KZ",
        NameOID.COMMON_NAME: "АХМЕТОВ АСАН",
        NameOID.SURNAME: "АХМЕТОВ",
        NameOID.GIVEN_NAME: "АСАНҰЛЫ",
        NameOID.SERIAL_NUMBER: f"IIN{NUMBER}",
    } | changes.pop("texts", {})
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in texts.items()])
    issuer = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "KZ")])
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.398.3.3.2.4"), None)
    purposes = [CLIENT, x509.ObjectIdentifier("1.2.398.3.3.4.1.2.1")]
    builder = x509.CertificateBuilder(
        issuer, subject, key("national").public_key(), 7, NOON - timedelta(1), NOON + timedelta(1)
    )
    builder = builder.add_extension(x509.CertificatePolicies([policy]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    made = builder.sign(key("national"), hashes.SHA256())
    return Certificate(made.public_bytes(Encoding.DER))


def test_a_country_that_is_known_is_read_in_its_own_terms() -> None:
    individual = read_identity(national())
    assert individual is not None
    assert (individual.subject.scheme, individual.subject.country) == ("IIN", "KZ")
    assert (individual.given_name, individual.patronymic) == ("АСАН", "АСАНҰЛЫ")
    assert (individual.organisation, individual.roles) == (None, ())
    unit = {NameOID.ORGANIZATIONAL_UNIT_NAME: "BIN960440000220"}
    employee = read_identity(national(texts=unit))
    assert employee is not None
    assert employee.organisation is not None
    assert employee.organisation.scheme == "BIN"
    assert [one.basis for one in employee.roles] == ["1.2.398.3.3.4.1.2.1"]


def test_a_number_whose_check_digit_is_wrong_names_nobody() -> None:
    wrong = {NameOID.SERIAL_NUMBER: f"IIN{NUMBER[:-1]}8"}
    assert read_identity(national(texts=wrong)) is None


# --- statements and documents ---------------------------------------------------------------------


def test_a_login_statement_is_no_document() -> None:
    """Nor is a key for authentication one for documents."""
    door = Door()
    token = cms(door.begin(), by=signatory())
    house = cms_house.House()
    report = house.validate(token)
    assert report.indication is not Indication.TOTAL_PASSED
    assert "cms.content_type_allowed" in cms_house.broken(report)


def test_a_document_is_no_login() -> None:
    door = Door(rules=replace(RULES, methods=EVERY_METHOD))
    challenge = door.begin()
    document = cms_house.signed(citizen())
    assert refusal(door, document) == "login.statement"
    door.begin()
    assert refusal(door, cms_house.signed(citizen(), attached=False)) == "login.token"
    typed = write_statement(challenge, method=Method.STATEMENT)
    door.store.put(challenge)
    as_data = cms(challenge, content=typed, method=Method.STATEMENT_AS_DATA)
    assert refusal(door, as_data) == "login.statement"
    door.store.put(challenge)
    plain = write_statement(challenge, method=Method.STATEMENT_AS_DATA)
    assert refusal(door, cms(challenge, content=plain)) == "login.statement"


def test_a_statement_as_data_says_that_it_is_no_document_and_is_off_by_default() -> None:
    door = Door()
    token = cms(door.begin(), method=Method.STATEMENT_AS_DATA)
    assert refusal(door, token) == "login.method"
    challenge = door.begin()
    text = write_statement(challenge, method=Method.STATEMENT_AS_DATA)
    assert text.startswith(DATA_PREFIX)
    said = json.loads(text.removeprefix(DATA_PREFIX))
    assert said["type"] == "eds-login-data:1"
    assert said["code"] == challenge.code
    assert set(said["action"]) == {"kk", "ru", "en"}


def test_what_passed_for_one_purpose_serves_no_other() -> None:
    """The memories of the validator: a signer who logs in a thousand times signs no document."""
    door = Door()
    house = cms_house.House(trust=door.trust)
    content = b"I owe you 10"
    typed = cms_house.message(
        citizen().info(content), content=content, certificates=[citizen().certificate.encoded]
    )
    policy = replace(BASIC, content_types=frozenset({cms_house.DATA}))
    for _ in range(2):
        login = house.validate(typed, policy=policy, purpose=Purpose.AUTHENTICATION)
        assert login.indication is Indication.TOTAL_PASSED
        document = house.validate(typed, policy=policy)
        assert cms_house.broken(document) == ["path.extended_key_usage"]
    signed = cms_house.signed(signatory())
    for _ in range(2):
        assert house.validate(signed).indication is Indication.TOTAL_PASSED
        login = house.validate(signed, purpose=Purpose.AUTHENTICATION)
        assert cms_house.broken(login) == ["path.extended_key_usage"]
    with pytest.raises(InvalidArgument):
        house.validate(signed, purpose=Purpose.ANY)


def test_the_type_of_statements_is_no_type_of_documents() -> None:
    assert LOGIN_STATEMENT not in BASIC.content_types
    for policy in shipped_policies().values():
        assert LOGIN_STATEMENT not in policy.content_types


def refusal(door: Door, token: bytes | str, **more: Any) -> str:
    outcome = door.finish(token, **more)
    assert outcome.person is None
    assert outcome.refusal is not None
    return outcome.refusal.code


# --- what a rule alone decides --------------------------------------------------------------------


def test_algorithms_are_those_that_rules_and_policy_allow() -> None:
    name = ECDSA_P256_SHA256.name
    for rules in (
        replace(RULES, algorithms=RULES.algorithms - {name}),
        replace(
            RULES,
            policy=replace(
                BASIC, name="own", algorithms=AlgorithmRules(until={name: date(2026, 1, 1)})
            ),
        ),
    ):
        door = Door(rules=rules)
        assert refusal(door, web_eid(door.begin())) == "login.algorithm"
    door = Door(rules=replace(RULES, algorithms=RULES.algorithms - {name}))
    assert refusal(door, cms(door.begin())) == "login.algorithm"
    door = Door()
    assert refusal(door, web_eid(door.begin(), algorithm="ES384")) == "login.algorithm"


def test_a_key_without_extended_key_usage_logs_in_unless_it_signs() -> None:
    door = Door()
    plain = certify("plain", purposes=())
    assert door.finish(web_eid(door.begin(), by=plain)).person is not None
    signs = certify("signs", usages=("digital_signature", "content_commitment"), purposes=())
    assert refusal(door, web_eid(door.begin(), by=signs)) == "login.key_role"


def test_low_assurance_is_not_substantial_and_contradictions_are_unknown() -> None:
    tables = PersonRules(
        proofing={CITIZEN: AssuranceLevel.LOW},
        residency={CITIZEN: Residency.CITIZEN, MANAGER: Residency.NON_RESIDENT},
    )
    rules = replace(RULES, persons=tables)
    somebody = certify("somebody", policies=(CITIZEN, MANAGER))
    door = Door(rules=rules)
    person = door.finish(web_eid(door.begin(), by=somebody)).require_person()
    assert (person.residency, person.residency_source) == (Residency.UNKNOWN, "unknown")
    door = Door(rules=replace(rules, least_proofing=AssuranceLevel.SUBSTANTIAL))
    assert refusal(door, web_eid(door.begin(), by=somebody)) == "login.assurance"


def test_a_null_in_ecdsa_is_forgiven_where_it_was_signed() -> None:
    oid = der.object_identifier("1.2.840.10045.4.3.2")
    odd = der.sequence(oid, der.null())
    tbs, _, signature = (
        one.encoded for one in der.decode(citizen().certificate.encoded).children()
    )
    parts = [one.encoded for one in der.decode(tbs).children()]
    signed = der.sequence(*parts[:2], odd, *parts[3:])
    again = der.bit_string(key("CA").sign(signed, ec.ECDSA(hashes.SHA256())))
    for encoded, wanted in (
        (der.sequence(signed, odd, again), None),
        (der.sequence(tbs, odd, signature), "login.path"),
    ):
        door = Door()
        by = cms_house.Signer(Certificate(encoded), citizen().native)
        outcome = door.finish(web_eid(door.begin(), by=by))
        assert (None if outcome.refusal is None else outcome.refusal.code) == wanted


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_openssl_signs_over_a_statement_is_a_login(tmp_path: Path) -> None:
    door = Door(rules=replace(RULES, methods=EVERY_METHOD))
    signer = citizen()
    (tmp_path / "certificate.pem").write_bytes(pem.write("CERTIFICATE", signer.certificate.encoded))
    (tmp_path / "key.pem").write_bytes(
        signer.native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    for method, more in (
        (Method.STATEMENT, ["-econtent_type", LOGIN_STATEMENT]),
        (Method.STATEMENT_AS_DATA, []),
    ):
        (tmp_path / "statement").write_bytes(write_statement(door.begin(), method=method))
        subprocess.run(
            [
                *("openssl", "cms", "-sign", "-cades", "-binary", "-nodetach", "-outform", "DER"),
                *("-md", "sha256", "-signer", "certificate.pem", "-inkey", "key.pem"),
                *("-in", "statement", "-out", "signed", *more),
            ],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        outcome = door.finish((tmp_path / "signed").read_bytes())
        assert outcome.refusal is None, outcome.findings
        assert outcome.method is method
