"""Certification paths: what proves one, what breaks it and by which rule."""

from __future__ import annotations

from datetime import datetime

from eds.verify.findings import Outcome
from eds.verify.indications import SubIndication
from eds.verify.path import PathResult, prove
from eds.verify.policy import BASIC, ValidationPolicy
from eds.verify.trust import Purpose, TrustAnchor, TrustStore

from .chains import AFTER, BEFORE, NOON, Made, house, make, make_authority, store


def proven(
    certificate: Made,
    *,
    trust: TrustStore | None = None,
    purpose: Purpose = Purpose.SIGNATURE,
    at: datetime = NOON,
    policy: ValidationPolicy = BASIC,
    among: tuple[Made, ...] = (),
) -> PathResult:
    return prove(
        certificate.certificate,
        trust=trust or house().trust,
        purpose=purpose,
        at=at,
        policy=policy,
        certificates=[one.certificate for one in among],
    )


def broken_rule(result: PathResult) -> tuple[str, SubIndication]:
    """The rule that a result says is broken; the result must be whole."""
    first = result.findings[0]
    assert first.outcome is Outcome.BROKEN
    assert first.sub_indication is result.sub_indication
    assert result.sub_indication is not None
    return first.code, result.sub_indication


def test_path_runs_from_the_certificate_to_the_anchor() -> None:
    result = proven(house().citizen)
    assert result.sub_indication is None
    assert result.path == tuple(
        made.certificate for made in (house().citizen, house().authority, house().root)
    )
    assert result.anchor == TrustAnchor(certificate=house().root.certificate)
    assert {finding.outcome for finding in result.findings} == {Outcome.KEPT}
    assert (result.valid_from, result.valid_until.replace(microsecond=0)) == (BEFORE, AFTER)


def test_issuers_come_from_what_was_handed_in_too() -> None:
    trust = store(house().root)
    alone = proven(house().citizen, trust=trust)
    assert broken_rule(alone) == ("path.chain", SubIndication.NO_CERTIFICATE_CHAIN_FOUND)
    assert alone.path == ()
    assert proven(house().citizen, trust=trust, among=(house().authority,)).sub_indication is None


def test_what_was_handed_in_is_believed_nothing() -> None:
    stranger = make_authority("stranger")
    result = proven(make("their citizen", by=stranger), among=(stranger,))
    assert broken_rule(result) == ("path.chain", SubIndication.NO_CERTIFICATE_CHAIN_FOUND)


def test_signature_of_another_key_breaks_the_path() -> None:
    forged = make("forged", by=house().authority, signed_with="thief")
    assert broken_rule(proven(forged)) == (
        "path.signature",
        SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE,
    )
