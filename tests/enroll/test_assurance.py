"""How surely people are identified by the flows: what the pieces show, and never more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations

import pytest

from eds.certificates import Certificate
from eds.enroll import remote
from eds.enroll.application import Application, EvidenceItem
from eds.enroll.evidence.assurance import SHOWN, Level, Proof
from eds.enroll.kinds import EvidenceKind
from eds.enroll.offered import existing_eds
from eds.enroll.providers import CheckedEvidence
from eds.errors import EvidenceUnverified, InvalidArgument, TransitionRefused
from tests.enroll.house import DAY, RESIDENT, Holder, House
from tests.enroll.test_renewal import renewed
from tests.sign.house import party

K = EvidenceKind


def by_chip(house: House, *proves: Proof) -> Application:
    """Verified from home with a passport whose chip answered our challenge."""
    application = house.contact_confirmed()
    piece = house.photo(
        application, kind=K.PASSPORT_CHIP, challenge=application.challenge,
        document=("KZ", "N1234567"), proves=frozenset(proves),
    )  # fmt: skip
    application = remote.offer_evidence(
        house.desk, application.application, pieces=(piece,), message="chip", at=house.at
    )
    return house.face_check(application, reference=K.PASSPORT_CHIP)


def test_a_photograph_of_the_register_identifies_at_the_baseline(house: House) -> None:
    assert house.verified().level is Level.BASELINE


def test_a_chip_that_is_no_copy_identifies_at_the_extended_level(house: House) -> None:
    assert by_chip(house, Proof.CHIP_NOT_CLONED).level is Level.EXTENDED


def test_a_chip_that_may_be_a_copy_does_not(house: House) -> None:
    assert by_chip(house).level is Level.BASELINE


def test_at_the_centre_the_second_official_and_the_chip_make_the_level(house: House) -> None:
    application = house.recorded()
    assert application.level is Level.NONE
    house.tick(by=DAY / 24)
    application = house.decide("approve", application, "checker-1")
    assert application.level is Level.EXTENDED
    chip = next(item for item in application.evidence if item.kind is K.DOCUMENT_CHIP)
    without = tuple(item for item in application.evidence if item is not chip)
    assert replace(application, evidence=without).level is Level.BASELINE


def test_a_renewal_proves_no_more_than_the_first_proofing_did(house: House) -> None:
    old, new = Holder(), Holder()
    first = house.cleared()
    certificate = house.active(first, old)[1]
    house.tick(by=30 * DAY)
    made = renewed(house, certificate, old, new)
    application = house.store.reference("certificate", made.fingerprint.hex())
    assert application is not None
    found = house.store.load(application)
    assert Proof.EDS_BASELINE in found.proofs
    assert found.level is first.level is Level.BASELINE


@dataclass
class SignerOf:
    """A checker that has found this certificate behind every signature."""

    certificate: Certificate

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        del statement, signature, at
        return self.certificate


def by_another_eds(house: House, certificate: Certificate) -> Application:
    office = replace(
        house.desk.office, checker=SignerOf(certificate), personal_number=lambda _: RESIDENT
    )
    application = house.contact_confirmed()
    piece = existing_eds(
        replace(house.desk, office=office), house.issuing, application, b"cms", at=house.at
    )
    application = remote.offer_evidence(
        house.desk, application.application, pieces=(piece,), message="eds", at=house.at
    )
    return house.face_check(application)


def test_another_eds_shows_what_its_own_proofing_was(house: House) -> None:
    first = remote.assess(
        house.desk, by_chip(house, Proof.CHIP_NOT_CLONED).application, risk=0, at=house.at
    )
    certificate = house.active(first, Holder())[1]
    house.tick(by=DAY)
    second = by_another_eds(house, certificate)
    assert Proof.EDS_EXTENDED in second.proofs
    assert second.level is Level.EXTENDED


def test_an_eds_of_another_authority_adds_nothing_to_the_face(house: House) -> None:
    stranger = party(name="somebody").certificate
    application = by_another_eds(house, stranger)
    assert not {Proof.EDS_BASELINE, Proof.EDS_EXTENDED} & application.proofs
    assert application.level is Level.BASELINE  # contact, register, and a face like its picture
    office = replace(house.desk.office, checker=SignerOf(stranger), personal_number=lambda _: None)
    with pytest.raises(EvidenceUnverified):
        existing_eds(
            replace(house.desk, office=office), house.issuing, application, b"cms", at=house.at
        )


def test_what_a_profile_asks_for_is_asked_of_the_evidence(house: House) -> None:
    rules = {
        name: replace(rule, minimum=Level.EXTENDED) for name, rule in house.policy.profiles.items()
    }
    house.desk = replace(house.desk, policy=replace(house.policy, profiles=rules))
    application = house.verified()
    with pytest.raises(TransitionRefused) as refused:
        remote.assess(house.desk, application.application, risk=0, at=house.at)
    assert refused.value.codes == ("assurance_too_low",)
    assert refused.value.shown == ("not_accepted",)


@pytest.mark.parametrize("way", ["home", "chip", "centre"])
def test_evidence_taken_away_never_proves_more(house: House, way: str) -> None:
    application = {
        "home": house.verified,
        "chip": lambda: by_chip(house, Proof.CHIP_NOT_CLONED),
        "centre": house.approved,
    }[way]()
    items = application.evidence

    def level(left: tuple[EvidenceItem, ...]) -> Level:
        return replace(application, evidence=left).level

    for size in range(len(items)):
        for left in combinations(items, size):
            gone = [item for item in items if item not in left]
            assert all(level(left) <= level((*left, item)) for item in gone)


def test_a_kind_shows_what_it_can_and_nothing_else() -> None:
    assert set(SHOWN) == set(EvidenceKind)
    with pytest.raises(InvalidArgument):
        CheckedEvidence(
            kind=K.TRANSLATION, octets=b"", holder="", proves=frozenset({Proof.CHIP_GENUINE})
        )
