"""The policy `kz`: what §7 of the orders asks, each broken once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eds.algorithms import GOST_2004, GOST_2015_512
from eds.errors import MalformedPolicy
from eds.sign.cms import sign_attached
from eds.sign.levels import Raising, extend
from eds.sign.pdf import is_experimental, sign_pdf
from eds.signeddata import SignedData
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication, SubIndication
from eds.verify.policies import read_policy, shipped_policies
from eds.verify.policy import BASIC, Level, is_relied_on
from eds.verify.report import ValidationReport
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.country.house import DAY, HOUR, NOON, POLICY, Hierarchy, certify, fast, hierarchy
from tests.sign.house import page


def judge(house: Hierarchy, data: bytes, evidence: Evidence | None = None) -> ValidationReport:
    return validate(
        data, trust=house.trust, policy=POLICY, at=NOON + HOUR,
        evidence=evidence or house.evidence(),
    )  # fmt: skip


def test_a_signature_of_an_individual_passes() -> None:
    house = hierarchy(GOST_2015_512)
    report = judge(house, sign_attached(b"x", by=house.person.cms()))
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_PASSED, None)


def test_an_information_system_signs_with_no_purpose_but_its_own() -> None:
    house = fast()
    system = certify("kz-information-system", house.ca)
    signed = sign_attached(b"x", by=system.cms())
    evidence = house.evidence(house.answer(system))
    assert judge(house, signed, evidence).indication is Indication.TOTAL_PASSED
    plain = validate(signed, trust=house.trust, policy=BASIC, at=NOON + HOUR, evidence=evidence)
    assert plain.sub_indication is SubIndication.CHAIN_CONSTRAINTS_FAILURE


def test_a_revoked_certificate_fails_where_the_time_is_proven() -> None:
    house = fast()
    signed = sign_attached(b"x", by=house.person.cms())
    revoked = house.evidence(house.answer(house.person, revoked_at=NOON - DAY))
    report = judge(house, signed, revoked)
    assert report.indication is not Indication.TOTAL_PASSED
    assert report.sub_indication in (SubIndication.REVOKED, SubIndication.REVOKED_NO_POE)


def test_without_any_status_nothing_passes() -> None:
    house = fast()
    signed = sign_attached(b"x", by=house.person.cms())
    bare = Evidence(certificates=(house.ca.certificate,))
    assert judge(house, signed, bare).sub_indication is SubIndication.TRY_LATER


def test_a_time_stamp_of_another_policy_proves_nothing() -> None:
    house = fast()
    narrow = replace(POLICY, time_stamp_policies=frozenset({"1.2.398.3.3.2.6.1"}))
    stamped = extend(
        SignedData(sign_attached(b"x", by=house.person.cms())), to=Level.T,
        by=Raising(trust=house.trust, policy=POLICY, at=NOON + HOUR, stamper=house.stamper,
                   evidence=house.evidence()),
    )  # fmt: skip
    report = validate(
        stamped, trust=house.trust, policy=narrow, at=NOON + HOUR, evidence=house.evidence()
    )
    (stamp,) = report.signatures[0].time_stamps
    assert stamp.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
    assert judge(house, stamped).signatures[0].level in (Level.T, Level.LT)


def test_the_old_generation_is_relied_on_until_its_authority_ended() -> None:
    key = hierarchy(GOST_2015_512).person.certificate.public_key
    old = POLICY.algorithms.digest_until(GOST_2004.cms_digest)
    assert old is not None
    assert old.isoformat() == "2025-06-25"
    assert not is_relied_on(old, at=NOON)
    assert is_relied_on(POLICY.algorithms.signature_until(GOST_2015_512, key), at=NOON)


def test_the_policy_is_data_in_the_form_of_every_other_and_can_be_built_upon() -> None:
    own = read_policy('name = "ministry"\nversion = "1"\nbased_on = "kz"\nrequired_level = "T"\n')
    assert own.signer_policies == shipped_policies()["kz"].signer_policies
    assert own.required_level is Level.T
    with pytest.raises(MalformedPolicy):
        read_policy('name = "kz"\nversion = "2"\n')


def test_a_pdf_is_signed_with_gost_as_an_experiment() -> None:
    house = hierarchy(GOST_2015_512)
    by = house.person.cms()
    assert is_experimental(by)
    assert not is_experimental(fast().person.cms())
    signed = sign_pdf(page(), by=by, at=NOON, stamper=house.stamper)
    report = judge(house, signed)
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_PASSED, None)
    changed = signed.replace(b"I owe you 10", b"I owe you 99")
    assert changed != signed
    assert judge(house, changed).indication is Indication.TOTAL_FAILED


def test_an_anchor_that_signs_itself_has_nothing_below_it() -> None:
    house = fast()
    store = TrustStore(
        [TrustAnchor(certificate=house.person.certificate)], name="one",
        environment=house.trust.environment,
    )  # fmt: skip
    signed = sign_attached(b"x", by=house.person.cms())
    report = validate(signed, trust=store, policy=POLICY, at=NOON + HOUR)
    assert report.indication is Indication.TOTAL_PASSED
