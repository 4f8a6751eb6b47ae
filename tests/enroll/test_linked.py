"""Requests that name their application under their own signature, as EST brings them."""

from __future__ import annotations

import pytest

from eds.ca.lifecycle import Act
from eds.certificates import Certificate
from eds.enroll import linked, remote, renewal, status
from eds.enroll.application import Application
from eds.enroll.states import State
from eds.enroll.status import Wish
from eds.errors import TransitionRefused, WrongState
from eds.names import COMMON_NAME, Name
from eds.requests import CertificationRequest
from tests.enroll.house import DAY, PASSPHRASE, Holder, House
from tests.enroll.test_renewal import asked, proved


def request(key: Holder, credential: str) -> CertificationRequest:
    return CertificationRequest.build(Name.build([]), key.signer, challenge_password=credential)


def enrol(
    house: House, application: Application, made: CertificationRequest, secret: str = ""
) -> Certificate | None:
    return linked.enrol(
        house.desk, house.issuing, house.authority, application.application,
        request=made, secret=secret, at=house.at,
    )  # fmt: skip


def test_a_linked_request_gets_its_certificate_once_the_fields_are_confirmed(both: House) -> None:
    application, key = both.cleared(), Holder()
    made = request(
        key, linked.hand_out_credential(both.desk, application.application, both.envelope())
    )
    assert enrol(both, application, made) is None
    assert enrol(both, application, made) is None  # the same answer
    both.confirm(both.load(application), key)
    certificate = enrol(both, application, made)
    assert certificate is not None
    assert enrol(both, application, made) == certificate
    assert both.activate(application, key).state is State.ACTIVE
    both.check_log()


def test_who_came_in_person_shows_the_activation_secret(house: House) -> None:
    application, secret = house.cleared_in_person()
    made = request(Holder(), linked.credential_of(house.desk, application))
    for wrong in ("", "AAAABBBBCCCCDDDD"):
        with pytest.raises(TransitionRefused) as refused:
            enrol(house, application, made, wrong)
        assert refused.value.shown == ("not_accepted",)
    assert house.load(application).secret_misses == 2
    assert enrol(house, application, made, secret) is None
    assert house.load(application).state is State.KEY_BOUND


def test_the_credential_is_the_applicants_and_of_one_application(house: House) -> None:
    application = house.verified()
    with pytest.raises(WrongState):
        linked.hand_out_credential(house.desk, application.application, house.envelope())
    application = remote.assess(house.desk, application.application, risk=0, at=house.at)
    with pytest.raises(TransitionRefused):
        linked.hand_out_credential(
            house.desk, application.application, house.envelope(token=b"somebody else's token")
        )
    for credential in ("", "A" * 43, linked.credential_of(house.desk, application)[:-1]):
        with pytest.raises(TransitionRefused) as refused:
            enrol(house, application, request(Holder(), credential))
        assert refused.value.codes == ("possession_foreign",)


def test_another_request_after_the_first_has_no_answer(house: House) -> None:
    application = house.cleared()
    credential = linked.credential_of(house.desk, application)
    assert enrol(house, application, request(Holder(), credential)) is None
    with pytest.raises(TransitionRefused) as refused:
        enrol(house, application, request(Holder(), credential))
    assert refused.value.codes == ("possession_foreign",)


def test_the_subject_comes_from_the_decision(house: House) -> None:
    application, key = house.cleared(), Holder()
    invented = CertificationRequest.build(
        Name.build([(COMMON_NAME, "ПРЕЗИДЕНТ")]), key.signer,
        challenge_password=linked.credential_of(house.desk, application),
    )  # fmt: skip
    with pytest.raises(TransitionRefused) as refused:
        enrol(house, application, invented)
    assert refused.value.codes == ("names_invented",)


def renewal_cleared(house: House, old: Holder) -> tuple[Application, Certificate]:
    _, certificate = house.active(house.cleared(), old)
    house.tick(by=30 * DAY)
    application = proved(house, asked(house, certificate), old, house.code())
    return renewal.clear_renewal(house.desk, application.application, at=house.at), certificate


def test_a_renewal_is_found_by_its_living_certificate(house: House) -> None:
    application, certificate = renewal_cleared(house, Holder())
    found = linked.renewal_of(house.desk, house.issuing, certificate, at=house.at)
    assert found == application


def test_another_certificate_of_the_same_person_does_not_find_it(house: House) -> None:
    authentication = house.open(profile="natural-person-authentication")
    house.submit(authentication)
    application = remote.resolve(house.desk, authentication.application, at=house.at)
    remote.send_code(house.desk, application.application, house.envelope())
    application = remote.confirm_contact(
        house.desk, application.application, house.envelope(), code=house.code()
    )
    application = remote.offer_evidence(
        house.desk, application.application, pieces=(house.photo(application),), message="p",
        at=house.at,
    )  # fmt: skip
    application = house.face_check(application)
    application = remote.assess(house.desk, application.application, risk=0, at=house.at)
    _, other = house.active(application, Holder())
    renewed, certificate = renewal_cleared(house, Holder())
    assert linked.renewal_of(house.desk, house.issuing, certificate, at=house.at) == renewed
    with pytest.raises(TransitionRefused) as refused:
        linked.renewal_of(house.desk, house.issuing, other, at=house.at)
    assert refused.value.codes == ("key_not_living",)


def test_a_certificate_that_is_held_renews_nothing_not_even_at_the_signature(house: House) -> None:
    application, certificate = renewal_cleared(house, Holder())
    key = Holder()
    made = request(key, linked.credential_of(house.desk, application))
    assert enrol(house, application, made) is None
    house.confirm(house.load(application), key)
    wish = Wish(certificate=certificate.fingerprint, act=Act.HOLD)
    status.by_passphrase(house.desk, house.issuing, wish, passphrase=PASSPHRASE, at=house.at)
    with pytest.raises(TransitionRefused) as refused:
        enrol(house, application, made)
    assert "key_not_living" in refused.value.codes
    with pytest.raises(TransitionRefused):
        linked.renewal_of(house.desk, house.issuing, certificate, at=house.at)


def test_the_old_key_is_not_certified_again(house: House) -> None:
    old = Holder()
    application, _ = renewal_cleared(house, old)
    with pytest.raises(TransitionRefused) as refused:
        enrol(house, application, request(old, linked.credential_of(house.desk, application)))
    assert refused.value.codes == ("key_certified_before",)


def test_what_waits_for_officials_is_listed_by_its_urgency(both: House) -> None:
    numbers = [f"8501013000{n}" for n in (18, 29, 30)]
    made = [both.appointed(("UZ", number)) for number in numbers]
    found = both.store.waiting([State.APPOINTED], limit=2)
    assert {each.application for each in found} <= {each.application for each in made}
    last = found[-1]
    assert last.deadline is not None
    rest = both.store.waiting([State.APPOINTED], after=(last.deadline, last.application))
    assert {each.application for each in (*found, *rest)} == {each.application for each in made}
    assert both.store.waiting([State.RETURNED]) == ()
