"""The remote path with signed tokens of a provider whose key is pinned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eds.algorithms import ECDSA_P256_SHA256
from eds.enroll import remote
from eds.enroll.application import Application
from eds.enroll.evidence.assertions import (
    Detection,
    Expectation,
    FaceMatch,
    FaceReference,
    LivenessMethod,
    Topic,
    TrustedProvider,
    write_assertion,
)
from eds.enroll.readers import JwsAssertionReader
from eds.enroll.states import State
from eds.errors import AssertionRefused, EvidenceUsed, TransitionRefused
from tests.enroll.house import Holder, House

PROVIDER = Holder()


@pytest.fixture
def pinned(house: House) -> House:
    trusted = TrustedProvider(
        issuer="faces.example.kz", public_key=PROVIDER.signer.public_key,
        algorithm=ECDSA_P256_SHA256, key_id="2026", topics=frozenset({Topic.FACE_MATCH}),
    )  # fmt: skip
    reader = JwsAssertionReader(trusted, audience=house.policy.audience)
    house.desk = replace(house.desk, assertions=reader)
    return house


def token(
    house: House, application: Application, /, *, transaction: str = "t-1", by: Holder = PROVIDER,
    nonce: str | None = None, audience: str = "", **changes: object,
) -> bytes:  # fmt: skip
    made: dict[str, object] = {
        "reference": FaceReference.REGISTER, "score": 950, "threshold": 900,
        "liveness": LivenessMethod.ACTIVE, "presentation": Detection.CLEAN,
        "presentation_level": 2, "injection": Detection.CLEAN, "captured_at": house.at,
        "capture_digest": bytes(32),
    }  # fmt: skip
    return write_assertion(
        FaceMatch(**(made | changes)),  # type: ignore[arg-type]
        expected=Expectation(
            topic=Topic.FACE_MATCH, audience=audience or house.policy.audience,
            application=application.application,
            nonce=application.challenge.hex() if nonce is None else nonce,
        ),
        issuer="faces.example.kz", transaction=transaction, at=house.at, signer=by.signer,
        key_id="2026",
    )  # fmt: skip


def checked(house: House, application: Application, octets: bytes, message: str) -> Application:
    return remote.face_check(
        house.desk, application.application, token=octets, message=message, at=house.at
    )


def test_a_resident_is_verified_by_a_signed_token(pinned: House) -> None:
    application = pinned.evidence_validated()
    verified = checked(pinned, application, token(pinned, application), "1")
    assert verified.state is State.VERIFIED
    cleared = remote.assess(pinned.desk, application.application, risk=0, at=pinned.at)
    assert pinned.active(cleared, Holder())[0].state is State.ACTIVE
    pinned.check_log()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"presentation": Detection.NOT_CHECKED}, "not_alive"),
        ({"presentation": Detection.SUSPECT}, "not_alive"),
        ({"injection": Detection.NOT_CHECKED}, "not_alive"),
        ({"liveness": LivenessMethod.PASSIVE}, "not_alive"),
        ({"score": 950, "threshold": 960}, "face_differs"),
        ({"score": 899, "threshold": 800}, "face_differs"),
        ({"nonce": "00" * 32}, "assertion_foreign"),
        ({"reference": FaceReference.PASSPORT_CHIP}, "assertion_foreign"),
    ],
)
def test_what_a_token_does_not_say_counts_against_it(
    pinned: House, changes: dict[str, object], code: str
) -> None:
    application = pinned.evidence_validated()
    with pytest.raises(TransitionRefused) as refused:
        checked(pinned, application, token(pinned, application, **changes), "1")  # type: ignore[arg-type]
    assert refused.value.codes == (code,)
    assert pinned.load(application).face_checks == 1


def test_a_token_of_another_key_or_for_another_desk_is_no_attempt(pinned: House) -> None:
    application = pinned.evidence_validated()
    for octets in (
        token(pinned, application, by=Holder()),
        token(pinned, application, audience="another.example"),
    ):
        with pytest.raises(AssertionRefused):
            checked(pinned, application, octets, "1")
    assert pinned.load(application).face_checks == 0


def test_a_transaction_of_a_provider_counts_once(pinned: House) -> None:
    application = pinned.evidence_validated()
    with pytest.raises(TransitionRefused):
        checked(pinned, application, token(pinned, application, score=1, threshold=1), "1")
    application = pinned.load(application)
    with pytest.raises(EvidenceUsed):
        checked(pinned, application, token(pinned, application), "2")
