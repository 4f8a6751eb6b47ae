"""Both flows and the renewal, from the first word to the accepted certificate."""

from __future__ import annotations

import pytest

from eds.ca.lifecycle import State as Standing
from eds.enroll import centre, remote
from eds.enroll.officials import certified_number
from eds.enroll.states import State
from eds.errors import TransitionRefused
from tests.enroll.house import CHECKER, DAY, MINUTE, OPERATOR, RESIDENT, Holder, House


def test_a_resident_gets_a_certificate_from_home(both: House) -> None:
    key = Holder()
    application, certificate = both.active(both.cleared(), key)
    assert application.state is State.ACTIVE
    issued = both.register.find_by(fingerprint=certificate.fingerprint)[0]
    assert issued.status.state is Standing.VALID
    assert issued.certificate.public_key == key.signer.public_key
    assert certified_number(certificate) == RESIDENT  # PNOKZ-…
    both.check_log()


def test_a_non_resident_gets_one_at_the_centre(both: House) -> None:
    application, secret = both.cleared_in_person()
    key = Holder()
    active, certificate = both.active(application, key, secret=secret)
    assert active.state is State.ACTIVE
    assert certificate.not_after < both.at + 200 * DAY
    assert certified_number(certificate) is None  # a passport's number is no person's
    both.check_log()


def test_a_resident_whom_the_machine_does_not_recognise_goes_to_the_centre(house: House) -> None:
    application = house.evidence_validated()
    for _ in range(5):
        with pytest.raises(TransitionRefused) as refused:
            house.face_check(house.load(application), score=899)
        assert refused.value.codes == ("face_differs",)
        assert refused.value.shown == ("not_accepted",)
    application = house.load(application)
    assert (application.state, application.face_checks) == (State.ROUTED_TO_CENTRE, 5)
    application, secret = house.cleared_in_person(application)
    active, _ = house.active(application, Holder(), secret=secret)
    assert active.state is State.ACTIVE
    house.check_log()


def test_what_is_risky_is_decided_by_two_people(house: House) -> None:
    application = house.verified()
    application = remote.assess(house.desk, application.application, risk=80, at=house.at)
    assert application.state is State.MANUAL_REVIEW
    application = house.decide("record", application, OPERATOR)
    house.tick(by=2 * MINUTE)
    application = house.decide("approve", application, CHECKER)
    cleared = centre.clear(house.desk, application.application, at=house.at)
    active, _ = house.active(cleared.application, Holder())
    assert active.state is State.ACTIVE
    house.check_log()
