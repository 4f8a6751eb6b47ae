"""Another EDS as evidence: good when it is offered, and still when the certificate is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from eds.ca.lifecycle import Act
from eds.certificates import Certificate
from eds.enroll import issuing, remote, status
from eds.enroll.application import Application
from eds.enroll.issuing import issue
from eds.enroll.offered import existing_eds
from eds.enroll.statements import ExistingEdsStatement
from eds.enroll.states import State
from eds.enroll.status import Wish
from eds.errors import TransitionRefused
from eds.extensions import RevocationReason
from tests.enroll.house import DAY, HOUR, PASSPHRASE, RESIDENT, Holder, House
from tests.enroll.test_status import by_officials, pair

EDS = b"signed with the other EDS"


@dataclass
class Checker:
    """That of the house, and one that knows whose certificate is behind `EDS`."""

    inner: Any
    certificate: Certificate

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        if signature == EDS:
            return self.certificate
        found: Certificate = self.inner.signer_of(statement, signature, at=at)
        return found


def confirmed(house: House, signed: Callable[[Application], bytes]) -> Application:
    """From home by another EDS, up to where the authority signs."""
    application = house.contact_confirmed()
    name = application.application
    piece = existing_eds(house.desk, house.issuing, application, signed(application), at=house.at)
    application = remote.offer_evidence(
        house.desk, name, pieces=(piece,), message="eds", at=house.at
    )
    house.face_check(application)
    application = remote.assess(house.desk, name, risk=0, at=house.at)
    return house.confirmed(application, Holder())


def refused(house: House, application: Application) -> tuple[str, ...]:
    with pytest.raises(TransitionRefused) as refusal:
        issue(house.desk, house.issuing, house.authority, application.application, at=house.at)
    assert not house.register.find_by(key_hash=application.key)
    return refusal.value.codes


@pytest.fixture
def certificate(house: House) -> Certificate:
    """Of the applicant, by this desk; it is behind `EDS`."""
    made = house.active(house.cleared(), Holder())[1]
    house.tick(by=DAY)
    named = house.desk.office.personal_number

    def number(certificate: Certificate) -> str | None:
        return RESIDENT if certificate == made else named(certificate)

    checker = Checker(house.checker, made)
    office = replace(house.desk.office, checker=checker, personal_number=number)
    house.use(replace(house.desk, office=office))
    return made


def ended(house: House, certificate: Certificate, act: Act) -> None:
    reason = RevocationReason.KEY_COMPROMISE if act is Act.REVOKE else None
    wish = Wish(certificate=certificate.fingerprint, act=act, reason=reason)
    status.by_passphrase(house.desk, house.issuing, wish, passphrase=PASSPHRASE, at=house.at)


def test_an_eds_that_is_held_meanwhile_certifies_nobody_until_it_is_released(
    house: House, certificate: Certificate
) -> None:
    application = confirmed(house, lambda _: EDS)
    ended(house, certificate, Act.HOLD)
    assert refused(house, application) == ("key_not_living",)
    assert house.load(application).state is State.CONFIRMED
    by_officials(house, "release", pair(house, certificate, "release"))
    house.issue(application)
    assert house.load(application).state is State.ISSUED
    house.check_log()


def test_an_eds_that_is_revoked_meanwhile_certifies_nobody(
    house: House, certificate: Certificate
) -> None:
    application = confirmed(house, lambda _: EDS)
    ended(house, certificate, Act.REVOKE)
    assert refused(house, application) == ("key_not_living",)
    house.tick(by=HOUR)
    issuing.tick(house.desk, house.issuing, at=house.at)
    assert house.load(application).state is State.EXPIRED
    house.check_log()


def test_it_is_asked_about_at_the_very_signature(house: House, certificate: Certificate) -> None:
    application = confirmed(house, lambda _: EDS)
    house.die_after(2, KeyboardInterrupt)  # once the issue has begun
    with pytest.raises(KeyboardInterrupt):
        house.issue(application)
    house.die_after(None, KeyboardInterrupt)
    assert house.load(application).state is State.ISSUING
    ended(house, certificate, Act.REVOKE)
    # As for all that was decided otherwise than it stands now.
    assert refused(house, application) == ("certificate_differs",)
    house.tick(by=DAY)
    issuing.tick(house.desk, house.issuing, at=house.at)
    assert house.load(application).state is State.REVOKED_UNACCEPTED
    house.check_log()


def test_an_eds_of_another_authority_is_validated_again(house: House) -> None:
    def signed(application: Application) -> bytes:
        said = ExistingEdsStatement(
            application=application.application, challenge=application.challenge
        )
        made: bytes = house.checker.sign(RESIDENT, said.encoded)
        return made

    application = confirmed(house, signed)
    house.checker.revoked.add(RESIDENT)
    assert refused(house, application) == ("key_not_living",)
    house.checker.revoked.clear()
    house.issue(application)
    assert house.load(application).state is State.ISSUED
