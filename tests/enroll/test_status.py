"""Hold, release and revocation: who may ask, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds.ca.authority import Authority, IssueRequest
from eds.ca.issuers import DESK_KINDS, IssuerRules
from eds.ca.keycheck import check_key
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
from tests.ca.hierarchy import PROFILES, authority, subject_of
from tests.ca.status_desk import signer_of
from tests.enroll.house import (
    ALGORITHM,
    CHECKER,
    DAY,
    HOUR,
    ISSUER,
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


def test_tries_at_the_same_time_are_no_more_tries(house: House, certificate: Certificate) -> None:
    wish = Wish(certificate=certificate.fingerprint, act=Act.HOLD)
    others = iter(("the first of them", "the second of them"))

    def random(size: int) -> bytes:
        """Between the look at how many there were and the counting of this one."""
        for other in others:
            said(other)
        return bytes(next(house.numbers).to_bytes(size, "big"))

    def said(passphrase: str) -> None:
        desk = replace(house.desk, random=random)
        with pytest.raises(TransitionRefused) as refused:
            status.by_passphrase(desk, house.issuing, wish, passphrase=passphrase, at=house.at)
        assert refused.value.codes == ("secret_wrong",)

    for number in range(4):
        with pytest.raises(TransitionRefused):
            status.by_passphrase(
                house.desk, house.issuing, wish, passphrase=f"wrong passphrase {number}",
                at=house.at,
            )  # fmt: skip
    said(PASSPHRASE)
    assert standing(house, certificate) is Standing.VALID


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


def issuer_key() -> ec.EllipticCurvePrivateKey:
    return authority("issuing-ca").key


@dataclass
class Organisation:
    """A head and an employee of one organisation, certified by the same authority."""

    house: House
    speaker: Certificate | None = None

    def certified(self, profile: str, person: str) -> Certificate:
        authority = Authority(
            issuer=ISSUER, facts=self.house.authority.facts, signer=signer_of(issuer_key()),
            register=self.house.register, policy=IssuerRules(kinds=DESK_KINDS),
            check_key=check_key,
        )  # fmt: skip
        request = IssueRequest(
            request=person, profile=PROFILES[profile], subject=subject_of(profile),
            public_key=Holder().signer.public_key, person=person, authority="centre",
            operator="o", evidence=bytes(32),
        )  # fmt: skip
        at = self.house.at
        return authority.issue(authority.prepare(request, at=at), at=at)

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        """Whose signature it is was judged: here it is who speaks."""
        del statement, signature, at
        assert self.speaker is not None
        return self.speaker

    def dismiss(self, employee: Certificate, speaker: Certificate) -> None:
        self.speaker = speaker
        desk = replace(self.house.desk, office=replace(self.house.desk.office, checker=self))
        act = SignedAct(statement=asked(self.house, employee), signature=b"")
        status.by_organisation(desk, self.house.issuing, act, at=self.house.at)


def test_the_head_of_an_organisation_ends_the_certificate_of_its_employee(house: House) -> None:
    organisation = Organisation(house)
    employee = organisation.certified("legal-entity-employee", "p1")
    head = organisation.certified("legal-entity-head", "p2")
    person = house.active(house.cleared(), Holder())[1]
    for speaker, certificate in ((employee, head), (head, person)):
        with pytest.raises(TransitionRefused) as refused:
            organisation.dismiss(certificate, speaker)
        assert refused.value.codes == ("role_missing",)
    organisation.dismiss(employee, head)
    found = house.register.find_by(fingerprint=employee.fingerprint)[0].status
    assert found.reason is RevocationReason.AFFILIATION_CHANGED
    assert standing(house, head) is Standing.VALID
