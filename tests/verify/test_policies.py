"""Policies as data: those that are shipped, and those that a relying party writes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds import algorithms
from eds.errors import MalformedPolicy
from eds.verify.policies import STRICT, read_policy, shipped_policies
from eds.verify.policy import BASIC, Level, is_relied_on
from tests.material import DATA, needs_data

OWN = """
name = "tax-office"
version = "2026-11"
based_on = "strict"
required_level = "LT"
clock_skew = "2m"
signer_key_usage = ["digitalSignature"]
time_stamp_policies = ["1.2.398.3.3.2.6.4"]

[revocation]
freshness = "12h"

[algorithms]
until = { "rsa-pkcs1-sha256" = 2030-12-31 }

[budget]
seconds = 1.5
"""


def test_a_file_says_what_differs_from_a_shipped_policy() -> None:
    policy = read_policy(OWN)
    assert policy.name == "tax-office"
    assert policy.required_level is Level.LT
    assert policy.clock_skew == timedelta(minutes=2)
    assert policy.revocation.freshness == timedelta(hours=12)
    assert policy.algorithms.refused == STRICT.algorithms.refused  # what it does not say stays
    assert policy.algorithms.until == {"rsa-pkcs1-sha256": date(2030, 12, 31)}
    assert policy.budget.seconds == 1.5
    assert policy.time_stamp_policies == frozenset({"1.2.398.3.3.2.6.4"})


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('name = "tax-office"', "", "name"),
        ('name = "tax-office"', 'name = "strict"', "name"),
        ('name = "tax-office"', "name = 7", "name"),
        ('based_on = "strict"', 'based_on = "lenient"', "based_on"),
        ('required_level = "LT"', 'required_level = "XL"', "required_level"),
        ('clock_skew = "2m"', 'clock_skew = "two minutes"', "clock_skew"),
        ('clock_skew = "2m"', "clock_scew = 1", "clock_scew"),
        ('freshness = "12h"', 'freshnes = "12h"', "revocation.freshnes"),
        ("[revocation]", "[revocations]", "revocations"),
        ("rsa-pkcs1-sha256", "rsa-pkcs1-md5", "algorithms.until"),
        ("2030-12-31", '"2030"', "algorithms.until"),
        ('["digitalSignature"]', '["certSign"]', "signer_key_usage"),
        ('["digitalSignature"]', "[]", "signer_key_usage"),
        ('["1.2.398.3.3.2.6.4"]', '["1.2.x"]', "time_stamp_policies"),
        ("seconds = 1.5", "seconds = true", "budget.seconds"),
        ("[budget]", "[budget", ""),
    ],
)
def test_what_is_not_understood_is_refused_by_its_place(old: str, new: str, field: str) -> None:
    assert old in OWN
    with pytest.raises(MalformedPolicy) as caught:
        read_policy(OWN.replace(old, new))
    assert caught.value.field == field


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    with pytest.raises(MalformedPolicy):
        read_policy(text)


@needs_data
def test_the_dates_of_digests_are_those_of_the_catalogue() -> None:
    """ETSI TS 119 322, as published with TS 119 312 V1.5.1."""
    path = DATA / "dss-policies" / "crypto-suite" / "dss-crypto-suite.json"
    catalogue = {
        row["AlgorithmIdentifier"]["ObjectIdentifier"]: row["Evaluation"][0]["Validity"].get("End")
        for row in json.loads(path.read_text())["SecuritySuitabilityPolicy"]["Algorithm"]
        if "ObjectIdentifier" in row["AlgorithmIdentifier"]
    }
    compared = 0
    for digest in algorithms.DIGESTS:
        if digest.source != algorithms.TS_119_312 or digest.oid not in catalogue:
            continue
        until = BASIC.algorithms.digest_until(digest)
        assert (until and until.isoformat()) == catalogue[digest.oid], digest
        compared += 1
    assert compared >= 3


def test_strict_demands_more_than_basic_wherever_they_differ() -> None:
    assert set(shipped_policies()) == {"basic", "strict", "kz"}
    past = datetime(2011, 1, 1, tzinfo=UTC)
    for policy, relied_on in ((BASIC, True), (STRICT, False)):
        until = policy.algorithms.digest_until(algorithms.SHA1)
        assert is_relied_on(until, at=past) is relied_on
    assert STRICT.signer_key_usage < BASIC.signer_key_usage
    assert STRICT.clock_skew < BASIC.clock_skew
