"""Time-stamps in CMS signatures, and authorities that answer wrongly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from asn1crypto import cms as peer
from asn1crypto import x509
from pyhanko.sign.validation.generic_cms import async_validate_detached_cms
from pyhanko_certvalidator import ValidationContext

from eds import der
from eds.algorithms import SHA256, SHA512
from eds.errors import InvalidArgument, TimeStampRefused
from eds.sign.cms import sign_detached
from eds.sign.stamping import TimeStampQuestion, with_signature_time_stamp
from eds.signeddata import SignedData
from tests.sign.house import NOON, desk, party, root

CONTENT = b"I owe you 10"


@pytest.mark.parametrize("algorithm", [SHA256, SHA512], ids=lambda row: row.name)
def test_pyhanko_believes_the_time_of_a_stamped_signature(algorithm: object) -> None:
    signed = SignedData(sign_detached(CONTENT, by=party().cms()))
    info = signed.signer_infos[0]
    stamped = with_signature_time_stamp(signed, of=info, stamper=desk(), algorithm=algorithm)  # type: ignore[arg-type]
    trust = ValidationContext(
        trust_roots=[x509.Certificate.load(root().certificate.encoded)], moment=NOON
    )
    status = asyncio.run(
        async_validate_detached_cms(
            CONTENT, peer.ContentInfo.load(stamped)["content"], signer_validation_context=trust
        )
    )
    assert status.bottom_line
    assert status.timestamp_validity is not None
    assert status.timestamp_validity.valid
    assert status.timestamp_validity.timestamp == NOON
    after = SignedData(stamped).signer_infos[0]
    assert after.before_unsigned_attributes == info.before_unsigned_attributes


def test_a_second_time_stamp_leaves_the_first() -> None:
    signed = SignedData(sign_detached(CONTENT, by=party().cms()))
    once = SignedData(with_signature_time_stamp(signed, of=signed.signer_infos[0], stamper=desk()))
    later = replace(desk(), at=NOON + timedelta(days=1))
    twice = SignedData(with_signature_time_stamp(once, of=once.signer_infos[0], stamper=later))
    first = {one.encoded for one in once.signer_infos[0].unsigned_attributes}
    both = {one.encoded for one in twice.signer_infos[0].unsigned_attributes}
    assert first < both
    with pytest.raises(InvalidArgument):
        with_signature_time_stamp(once, of=signed.signer_infos[0], stamper=desk())


def answer_of(question: TimeStampQuestion) -> bytes:
    """The token that the desk gives to that very question, as a response."""
    token = desk().stamp(question.digest, algorithm=question.algorithm)
    return der.sequence(der.sequence(der.integer(0)), token.encoded)


def test_an_answer_to_another_question_is_refused() -> None:
    question = TimeStampQuestion.about(SHA256.digest(CONTENT))
    with pytest.raises(TimeStampRefused, match="another request"):
        question.answered_by(answer_of(question), authority="liar")
    other = TimeStampQuestion.about(SHA256.digest(b"other"))
    with pytest.raises(TimeStampRefused, match="something else"):
        other.answered_by(answer_of(question), authority="liar")


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (b"", "malformed"),
        (b"<html>", "malformed"),
        (der.sequence(der.sequence(der.integer(2))), "rejection"),
        (
            der.sequence(der.sequence(der.integer(2), der.named_bits(frozenset({14})))),
            "time_not_available",
        ),
        (der.sequence(der.sequence(der.integer(0))), "malformed"),
    ],
)
def test_an_authority_that_gives_no_token_is_named_with_its_reason(
    response: bytes, said: str
) -> None:
    with pytest.raises(TimeStampRefused, match=said) as caught:
        TimeStampQuestion.about(bytes(32)).answered_by(response, authority="tsa.invalid")
    assert caught.value.authority == "tsa.invalid"


def test_the_policy_that_was_asked_for_must_be_the_one_applied() -> None:
    question = replace(TimeStampQuestion.about(bytes(32)), policy="1.2.3.5")
    token = desk().stamp(bytes(32), algorithm=SHA256)
    nonce = token.tst_info.nonce
    assert nonce is not None
    response = der.sequence(der.sequence(der.integer(0)), token.encoded)
    with pytest.raises(TimeStampRefused, match="policy"):
        replace(question, nonce=nonce).answered_by(response, authority="liar")
    assert (
        replace(question, nonce=nonce, policy="1.2.3.4").answered_by(response, authority="test")
        == token
    )
