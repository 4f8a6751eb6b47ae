"""A login as a portal of Kazakhstan sees it: sample keys of the NCA, by NCALayer's method."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eds.certificates import Certificate
from eds.country import holder_of
from eds.keys import pkcs12
from eds.keys.contract import KeyPurpose, Secret
from eds.keys.keyfile import SingleFileKeyStore
from eds.keys.reading import Reading
from eds.login import (
    KeyRole,
    LoginOutcome,
    LoginRules,
    MemoryChallengeStore,
    Method,
    PersonRules,
    Subject,
    begin,
    finish,
)
from eds.login.person import Identity
from eds.login.statement import write_statement
from eds.sign.cms import CmsSigner, sign_attached
from eds.verify.evidence import Evidence
from eds.verify.findings import Finding
from tests.country.house import KZ, POLICY, below_issuers, nca_lists
from tests.keys.harness import Pins
from tests.keys.test_pkcs12 import nca_password
from tests.material import needs_data

pytestmark = needs_data

AT = datetime(2026, 8, 20, 9, tzinfo=UTC)
SESSION = "a session nobody guesses"
SAMPLES = KZ / "p12" / "sdk-2026"
RULES = LoginRules(
    origin="https://portal.example.kz",
    audience="Портал",
    methods=frozenset({Method.STATEMENT_AS_DATA}),
    key_roles=frozenset({KeyRole.AUTHENTICATION, KeyRole.UNIFIED, KeyRole.SIGNATURE}),
    policy=POLICY,
)


def log_in(path: Path, *, rules: LoginRules = RULES) -> LoginOutcome:
    """What NCALayer makes of a statement: an attached CMS over data, here with GOST."""
    store = MemoryChallengeStore()
    challenge = begin(SESSION, rules=rules, store=store, at=AT)
    statement = write_statement(challenge, method=Method.STATEMENT_AS_DATA)
    password = nca_password(path)
    keys, pin = SingleFileKeyStore(path), Pins(current=password)
    read = pkcs12.read(path.read_bytes(), Secret(password), Reading(file=path.name))
    (key,) = keys.keys()
    with keys.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        by = CmsSigner(signer, certificates=[read.certificates[0].certificate], at=AT)
        token = sign_attached(statement, by=by)
    return finish(
        SESSION, token, rules=rules, store=store, trust=below_issuers(),
        evidence=Evidence(lists=nca_lists()), at=AT,
    )  # fmt: skip


def broken(outcome: LoginOutcome) -> list[str]:
    return [one.code for one in outcome.findings if is_broken(one)]


def is_broken(finding: Finding) -> bool:
    return finding.sub_indication is not None


def sample_holder(certificate: Certificate) -> Identity | None:
    """A reader for a test portal: it takes the made-up numbers of the SDK."""
    holder = holder_of(certificate)
    if holder is None or holder.personal_number is None:
        return None
    number = holder.personal_number
    return Identity(
        subject=Subject(scheme=number.type, country=number.country, value=number.digits),
        common_name=holder.surname or "",
    )


def test_todays_certificates_are_for_signatures_and_off_by_default() -> None:
    rules = replace(RULES, key_roles=frozenset({KeyRole.AUTHENTICATION, KeyRole.UNIFIED}))
    outcome = log_in(SAMPLES / "valid" / "individual_valid.p12", rules=rules)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "login.key_role"


def test_all_of_a_sample_holds_but_the_number_that_nobody_has() -> None:
    """GOST signature, path and the NCA's own list; 123456789011 is nobody's."""
    outcome = log_in(SAMPLES / "valid" / "individual_valid.p12")
    assert broken(outcome) == ["login.subject"]
    assert "login.signature" in {one.code for one in outcome.findings}


@pytest.mark.parametrize("name", ["individual_valid", "head", "employee_signright"])
def test_a_test_portal_reads_samples_by_a_reader_of_its_own(name: str) -> None:
    rules = replace(RULES, persons=PersonRules(readers=(sample_holder,)))
    person = log_in(SAMPLES / "valid" / f"{name}.p12", rules=rules).require_person()
    assert (person.subject.scheme, person.subject.country) == ("IIN", "KZ")
    assert person.key_role is KeyRole.SIGNATURE
    assert not person.method.phishing_resistant
    assert set(person.method.weaknesses) == {
        "origin_not_attested",
        "signed_as_data",
        "signature_key",
    }


@pytest.mark.parametrize("path", sorted((SAMPLES / "revoked").glob("*.p12")), ids=lambda p: p.stem)
def test_a_sample_that_is_on_hold_opens_no_door(path: Path) -> None:
    outcome = log_in(path)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "login.status"
