"""The values every part of the validator speaks in."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds import algorithms
from eds.certificates import Certificate
from eds.errors import SignatureNotPassed
from eds.verify.findings import Rule, conclude
from eds.verify.indications import Indication, SubIndication
from eds.verify.policy import BASIC, AlgorithmRules, is_relied_on
from eds.verify.report import ValidationReport
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from tests.keys.certify import certify

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = ec.derive_private_key(7, ec.SECP256R1())
RULE = Rule(code="test.rule", clause="none", says="It holds.")


def certificate() -> Certificate:
    return certify(KEY.public_key(), issuer_key=KEY)


def test_no_verdict_is_a_bool() -> None:
    with pytest.raises(TypeError):
        bool(Indication.TOTAL_PASSED)
    with pytest.raises(TypeError):
        bool(report(Indication.TOTAL_PASSED, None))


def report(indication: Indication, sub: SubIndication | None) -> ValidationReport:
    return ValidationReport(
        at=NOON, policy="basic", trust="none", indication=indication, sub_indication=sub
    )


def test_every_sub_indication_belongs_to_a_refusal() -> None:
    assert {sub.indication for sub in SubIndication} == {
        Indication.TOTAL_FAILED,
        Indication.INDETERMINATE,
    }


def test_what_fails_for_good_goes_before_what_is_undetermined() -> None:
    broken = RULE.broken(SubIndication.NO_CERTIFICATE_CHAIN_FOUND)
    failed = RULE.broken(SubIndication.HASH_FAILURE, expected=b"a", found=b"b")
    assert conclude([RULE.kept(), broken, failed])[:2] == (
        Indication.TOTAL_FAILED,
        SubIndication.HASH_FAILURE,
    )
    assert conclude([RULE.noted(), broken])[:2] == (
        Indication.INDETERMINATE,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
    )
    assert conclude([RULE.noted()])[:2] == (Indication.TOTAL_PASSED, None)


def test_callers_who_need_a_yes_get_it_or_an_error() -> None:
    report(Indication.TOTAL_PASSED, None).require_passed()
    with pytest.raises(SignatureNotPassed) as caught:
        report(Indication.INDETERMINATE, SubIndication.NO_POE).require_passed()
    assert (caught.value.indication, caught.value.sub_indication) == ("INDETERMINATE", "NO_POE")


def test_the_last_day_of_an_algorithm_counts_whole() -> None:
    until = BASIC.algorithms.digest_until(algorithms.SHA1)
    assert until == date(2012, 8, 1)
    assert is_relied_on(until, at=datetime(2012, 8, 1, 23, 59, tzinfo=UTC))
    assert not is_relied_on(until, at=datetime(2012, 8, 2, tzinfo=UTC))


def test_a_policy_refuses_a_digest_wherever_it_is_used() -> None:
    rules = AlgorithmRules(refused=frozenset({"sha256"}))
    row, key = algorithms.ECDSA_P256_SHA256, certificate().public_key
    assert not is_relied_on(rules.signature_until(row, key), at=NOON)
    assert is_relied_on(AlgorithmRules().signature_until(row, key), at=NOON)


def test_a_trust_store_is_named_by_its_content() -> None:
    anchor = TrustAnchor(certificate=certificate())
    store = TrustStore([anchor, anchor], name="a")
    assert store == TrustStore([anchor], name="a")
    assert store != TrustStore([anchor], name="a", environment=Environment.TEST)
    assert store != TrustStore([], name="a")
