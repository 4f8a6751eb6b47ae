"""Renewal with the living key and a second factor; what it is refused for."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from eds.ca.lifecycle import Act
from eds.certificates import Certificate
from eds.enroll import remote, renewal, status
from eds.enroll.application import Application
from eds.enroll.statements import RenewalStatement
from eds.enroll.states import State
from eds.enroll.status import Wish
from eds.errors import TransitionRefused
from tests.enroll.house import ALGORITHM, DAY, PASSPHRASE, Holder, House

YEAR = timedelta(days=365)


def asked(house: House, certificate: Certificate) -> Application:
    application = renewal.open_renewal(
        house.desk, house.issuing, house.envelope(), certificate=certificate
    )
    application = house.submit(application)
    application = remote.resolve(house.desk, application.application, at=house.at)
    return renewal.send_factor(house.desk, application.application, house.envelope())


def proved(house: House, application: Application, key: Holder, code: str) -> Application:
    statement = RenewalStatement(
        application=application.application,
        challenge=application.challenge,
        certificate=application.renews,
    )
    return renewal.prove_living_key(
        house.desk, house.issuing, application.application, house.envelope(),
        signature=key.signer.sign(statement.encoded), algorithm=ALGORITHM, code=code,
    )  # fmt: skip


def renewed(house: House, certificate: Certificate, old: Holder, new: Holder) -> Certificate:
    application = proved(house, asked(house, certificate), old, house.code())
    application = renewal.clear_renewal(house.desk, application.application, at=house.at)
    active, made = house.active(application, new)
    assert active.state is State.ACTIVE
    return made


def test_a_resident_renews_twice_and_then_is_proven_anew(both: House) -> None:
    keys = [Holder() for _ in range(3)]
    _, certificate = both.active(both.cleared(), keys[0])
    for old, new in pairwise(keys):
        both.tick(by=300 * DAY)
        certificate = renewed(both, certificate, old, new)
    both.tick(by=300 * DAY)
    application = asked(both, certificate)
    with pytest.raises(TransitionRefused) as refused:
        proved(both, application, keys[2], both.code())
    assert refused.value.codes == ("renewals_spent",)
    both.check_log()


def test_a_non_resident_renews_by_the_address_bound_at_the_centre(house: House) -> None:
    application, secret = house.cleared_in_person()
    old = Holder()
    _, certificate = house.active(application, old, secret=secret)
    house.tick(by=30 * DAY)
    made = renewed(house, certificate, old, Holder())
    assert house.notifier.sent[-1][0] == "guest@example.uz"
    # Never beyond the permission to stay, which no renewal prolongs.
    assert made.not_after <= certificate.not_after


def test_after_expiry_nothing_is_renewed(house: House) -> None:
    key = Holder()
    _, certificate = house.active(house.cleared(), key)
    house.tick(by=YEAR + DAY)
    with pytest.raises(TransitionRefused) as refused:
        asked(house, certificate)
    assert refused.value.codes == ("key_not_living",)


def test_a_certificate_that_was_revoked_meanwhile_renews_nothing(house: House) -> None:
    key = Holder()
    _, certificate = house.active(house.cleared(), key)
    application = asked(house, certificate)
    wish = Wish(certificate=certificate.fingerprint, act=Act.HOLD)
    status.by_passphrase(house.desk, house.issuing, wish, passphrase=PASSPHRASE, at=house.at)
    with pytest.raises(TransitionRefused) as refused:
        proved(house, application, key, house.code())
    assert "key_not_living" in refused.value.codes


def test_the_key_alone_renews_nothing(house: House) -> None:
    """Who stole the key, or a session, has no second factor; three tries lock."""
    key = Holder()
    _, certificate = house.active(house.cleared(), key)
    application = asked(house, certificate)
    wrong = f"{(int(house.code()) + 1) % 10**6:06d}"
    for _ in range(3):
        with pytest.raises(TransitionRefused) as refused:
            proved(house, application, key, wrong)
        assert refused.value.codes == ("second_factor_missing",)
        assert refused.value.shown == ("not_accepted",)
    assert house.load(application).state is State.LOCKED
    house.check_log()


def test_the_code_alone_renews_nothing(house: House) -> None:
    key = Holder()
    _, certificate = house.active(house.cleared(), key)
    application = asked(house, certificate)
    with pytest.raises(TransitionRefused) as refused:
        proved(house, application, Holder(), house.code())
    assert refused.value.codes == ("key_not_living",)
