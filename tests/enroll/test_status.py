"""Hold, release and revocation: who may ask, and how often."""

from __future__ import annotations

import pytest

from eds.ca.lifecycle import Act
from eds.ca.lifecycle import State as Standing
from eds.certificates import Certificate
from eds.enroll import issuing, status
from eds.enroll.officials import Role
from eds.enroll.statements import SignedAct, StatusStatement
from eds.enroll.states import State
from eds.enroll.status import Wish
from eds.errors import EdsError, EvidenceUsed, TransitionRefused
from eds.extensions import RevocationReason
from tests.enroll.house import (
    ALGORITHM,
    CHECKER,
    DAY,
    HOUR,
    OPERATOR,
    PASSPHRASE,
    RESIDENT,
    Holder,
    House,
)


@pytest.fixture
def key() -> Holder:
    return Holder()


@pytest.fixture
def certificate(house: House, key: Holder) -> Certificate:
    return house.active(house.cleared(), key)[1]


def standing(house: House, certificate: Certificate) -> Standing:
    return house.register.find_by(fingerprint=certificate.fingerprint)[0].status.state


def asked(house: House, certificate: Certificate, act: str = "revoke") -> bytes:
    return StatusStatement(
        certificate=certificate.fingerprint, act=act, at=house.at,
        nonce=next(house.numbers).to_bytes(16, "big"),
    ).encoded  # fmt: skip


def by_key(house: House, statement: bytes, key: Holder) -> None:
    status.by_key(
        house.desk, house.issuing, statement=statement, signature=key.signer.sign(statement),
        algorithm=ALGORITHM, at=house.at,
    )  # fmt: skip


def test_the_holder_holds_and_revokes_by_the_key(
    house: House, certificate: Certificate, key: Holder
) -> None:
    by_key(house, asked(house, certificate, "hold"), key)
    assert standing(house, certificate) is Standing.ON_HOLD
    statement = asked(house, certificate)
    by_key(house, statement, key)
    assert standing(house, certificate) is Standing.REVOKED
    with pytest.raises(EvidenceUsed):
        by_key(house, statement, key)


def test_another_key_an_old_wish_and_a_release_are_refused(
    house: House, certificate: Certificate, key: Holder
) -> None:
    with pytest.raises(TransitionRefused) as refused:
        by_key(house, asked(house, certificate), Holder())
    assert refused.value.codes == ("not_signed_with_key",)
    with pytest.raises(TransitionRefused) as refused:
        by_key(house, asked(house, certificate, "release"), key)
    assert refused.value.codes == ("act_for_another",)
    old = asked(house, certificate)
    house.tick(by=HOUR)
    with pytest.raises(TransitionRefused) as refused:
        by_key(house, old, key)
    assert refused.value.codes == ("act_stale",)
    assert standing(house, certificate) is Standing.VALID


def test_the_passphrase_revokes_and_is_guessed_five_times_a_day(
    house: House, certificate: Certificate
) -> None:
    wish = Wish(
        certificate=certificate.fingerprint, act=Act.REVOKE, reason=RevocationReason.KEY_COMPROMISE
    )

    def said(passphrase: str) -> None:
        status.by_passphrase(house.desk, house.issuing, wish, passphrase=passphrase, at=house.at)

    for number in range(5):
        with pytest.raises(TransitionRefused):
            said(f"wrong passphrase {number}")
    with pytest.raises(TransitionRefused):
        said(PASSPHRASE)
    house.tick(by=2 * DAY)
    said(PASSPHRASE)
    assert standing(house, certificate) is Standing.REVOKED


def pair(
    house: House, certificate: Certificate, kind: str, first: str = OPERATOR, second: str = CHECKER
) -> tuple[SignedAct, SignedAct]:
    target = f"certificate/{certificate.fingerprint.hex()}"
    return (
        house.signed(first, f"propose_{kind}", target=target, version=0, reason="lost"),
        house.signed(second, f"approve_{kind}", target=target, version=0, reason="lost"),
    )


def by_officials(house: House, kind: str, acts: tuple[SignedAct, SignedAct]) -> None:
    status.by_officials(house.desk, house.issuing, kind, *acts, at=house.at)


def test_two_officials_hold_release_and_revoke(house: House, certificate: Certificate) -> None:
    for kind, after in (
        ("hold", Standing.ON_HOLD), ("release", Standing.VALID), ("revocation", Standing.REVOKED),
    ):  # fmt: skip
        by_officials(house, kind, pair(house, certificate, kind))
        assert standing(house, certificate) is after
        house.tick()


def test_one_person_in_both_chairs_revokes_nothing(house: House, certificate: Certificate) -> None:
    with pytest.raises(TransitionRefused) as refused:
        by_officials(house, "revocation", pair(house, certificate, "revocation", second=OPERATOR))
    assert {"same_person", "role_missing"} <= set(refused.value.codes)
    house.appoint(RESIDENT, Role.CHECKER)
    with pytest.raises(TransitionRefused) as refused:
        by_officials(house, "revocation", pair(house, certificate, "revocation", second=RESIDENT))
    assert refused.value.codes == ("own_case",)
    house.remove(CHECKER)
    with pytest.raises(TransitionRefused) as refused:
        by_officials(house, "revocation", pair(house, certificate, "revocation"))
    assert refused.value.codes == ("not_an_official",)
    assert standing(house, certificate) is Standing.VALID


def test_what_is_not_accepted_in_time_is_revoked(house: House) -> None:
    key = Holder()
    application = house.confirmed(house.cleared(), key)
    certificate = house.issue(application)
    assert standing(house, certificate) is Standing.ON_HOLD
    house.tick(by=7 * DAY)
    ended = issuing.tick(house.desk, house.issuing, at=house.at)
    assert [each.state for each in ended] == [State.REVOKED_UNACCEPTED]
    assert standing(house, certificate) is Standing.REVOKED
    with pytest.raises(EdsError):
        house.activate(application, key)
    house.check_log()


def test_what_the_applicant_does_not_want_is_revoked(house: House) -> None:
    application = house.confirmed(house.cleared(), Holder())
    certificate = house.issue(application)
    issuing.repudiate(house.desk, house.issuing, application.application, house.envelope())
    assert standing(house, certificate) is Standing.REVOKED
    assert house.load(application).state is State.REVOKED_UNACCEPTED
