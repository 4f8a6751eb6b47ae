"""Between evidence and the desk: nothing is gained on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from eds.algorithms import ED25519
from eds.enroll.evidence.assertions import Detection, Expectation, FaceReference, Topic
from eds.enroll.evidence.chips import ChipRead, ChipReport, authenticate_chip
from eds.enroll.evidence.mrz import MrzFormat, Sex
from eds.enroll.evidence.mrzwriting import write_mrz
from eds.enroll.evidence.simulators import FaceMatchSimulator
from eds.enroll.evidence.vault import AesMasterKey, RetentionClass, WrappedKey
from eds.enroll.kinds import EvidenceKind
from eds.enroll.people import Pseudonyms, Residency, Snapshot
from eds.enroll.providers import AssertionReader, Vault, require_real
from eds.enroll.readers import (
    JwsAssertionReader,
    SealingVault,
    checked_chip,
    chip_challenge,
    holder_of,
)
from eds.errors import (
    AssertionRefused,
    EvidenceDestroyed,
    EvidenceUnreadable,
    EvidenceUnverified,
    SimulatorRefused,
)
from eds.publickeys import PublicKey
from tests.enroll.passport_house import (
    AT,
    ISSUED,
    answer_iso_9796_2,
    chip_rsa_key,
    group_1,
    office,
    spki,
    usual_office,
    wrap,
)

CHALLENGE = b"\x05" * 32
NUMBER = "740812400015"
PERSON = Snapshot(
    personal_number=NUMBER,
    subject={},
    born=date(1974, 8, 12),
    alive=True,
    residency=Residency.RESIDENT,
    taken_at=AT,
)
NAMES = Pseudonyms(bytes(32))


def chip(challenge: bytes) -> tuple[ChipReport, ChipRead]:
    zone = write_mrz(
        MrzFormat.TD3,
        issuing_state="UTO",
        primary_identifier="ERIKSSON",
        secondary_identifier="ANNA",
        number="L898902C3",
        nationality="UTO",
        birth=PERSON.born,
        sex=Sex.FEMALE,
        expiry=date(2033, 1, 2),
        optional_data=NUMBER,
    )
    house, key = usual_office(), chip_rsa_key()
    groups = {1: group_1(zone), 15: wrap(b"\x6f", spki(key.public_key()))}
    read = replace(
        house.chip(groups), response=answer_iso_9796_2(key, chip_challenge(challenge), "sha256")
    )
    report = authenticate_chip(
        read, cscas=house.store, at=AT, issued_on=ISSUED, challenge=chip_challenge(CHALLENGE)
    )
    return report, read


def test_a_chip_becomes_evidence_that_answers_the_applications_challenge() -> None:
    report, read = chip(CHALLENGE)
    holder = holder_of(report, PERSON, NAMES)
    piece = checked_chip(
        report, read, kind=EvidenceKind.PASSPORT_CHIP, challenge=CHALLENGE, holder=holder
    )
    assert piece.challenge == CHALLENGE
    assert piece.holder == NAMES.person(NUMBER)
    assert piece.document == ("UTO", "L898902C3")
    assert piece.valid_until is not None
    assert piece.valid_until.date() == date(2033, 1, 2)
    assert NUMBER not in repr(piece)


def test_a_chip_that_answered_something_else_is_no_evidence() -> None:
    report, read = chip(b"\x06" * 32)
    with pytest.raises(EvidenceUnverified):
        checked_chip(report, read, kind=EvidenceKind.PASSPORT_CHIP, challenge=CHALLENGE, holder="")
    silent, house = usual_office().chip(), usual_office()
    passive = authenticate_chip(silent, cscas=house.store, at=AT, issued_on=ISSUED)
    piece = checked_chip(
        passive, silent, kind=EvidenceKind.PASSPORT_CHIP, challenge=CHALLENGE, holder=""
    )
    assert piece.challenge is None
    unknown = authenticate_chip(office().chip(), cscas=house.store, at=AT, issued_on=ISSUED)
    with pytest.raises(EvidenceUnverified):
        checked_chip(unknown, silent, kind=EvidenceKind.PASSPORT_CHIP, challenge=b"", holder="")


def test_a_chip_speaks_for_the_person_whose_number_it_has() -> None:
    report, _ = chip(CHALLENGE)
    for other in (
        replace(PERSON, personal_number="740812400016"),
        replace(PERSON, born=date(1974, 8, 13)),
    ):
        with pytest.raises(EvidenceUnverified):
            holder_of(report, other, NAMES)


class Key:
    algorithm = ED25519

    def __init__(self) -> None:
        self.native = ed25519.Ed25519PrivateKey.generate()
        self.public_key = PublicKey.of(self.native.public_key())

    def sign(self, message: bytes) -> bytes:
        return self.native.sign(message)


def test_a_face_assertion_reaches_the_guards_with_what_it_says_and_no_more() -> None:
    faces = FaceMatchSimulator(Key(), issuer="faces")
    reader: AssertionReader = JwsAssertionReader(faces.trusted, audience="desk")
    with pytest.raises(SimulatorRefused):
        require_real([reader])
    expected = Expectation(
        topic=Topic.FACE_MATCH, audience="desk", application="a-1", nonce=CHALLENGE.hex()
    )

    def said(score: int = 900, **more: object) -> bytes:
        return faces.ask(
            b"x",
            reference=FaceReference.PASSPORT_CHIP,
            score=score,
            at=AT,
            expected=more.pop("expected", expected),  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )

    found = reader.read(said(), at=AT)
    assert (found.application, found.challenge, found.score) == ("a-1", CHALLENGE, 900)
    assert found.reference is EvidenceKind.PASSPORT_CHIP
    assert (found.alive, found.active, found.injection_checked) == (True, True, True)
    assert not reader.read(said(presentation=Detection.NOT_CHECKED), at=AT).alive
    assert not reader.read(said(injection=Detection.SUSPECT), at=AT).injection_checked
    assert reader.read(said(score=699), at=AT).score == 0
    for wrong in (replace(expected, audience="other"), replace(expected, nonce="not hex")):
        with pytest.raises(AssertionRefused):
            reader.read(said(expected=wrong), at=AT)
    with pytest.raises(AssertionRefused):
        reader.read(said(), at=datetime(2027, 1, 1, tzinfo=UTC))


def test_the_vault_of_the_store_forgets_by_class() -> None:
    keys: dict[tuple[str, RetentionClass], WrappedKey] = {}
    sealing = SealingVault(
        AesMasterKey(bytes(32), key_id="1"),
        keys=keys,
        retention=lambda name: (
            RetentionClass.BIOMETRIC if name == "face" else RetentionClass.DOCUMENT
        ),
    )
    vault: Vault = sealing
    face, zone = vault.seal("a-1", "face", b"a face"), vault.seal("a-1", "zone", b"a zone")
    assert vault.open("a-1", "face", face) == b"a face"
    for application, name in (("a-1", "scan"), ("a-1", "zone")):
        with pytest.raises(EvidenceUnreadable):
            vault.open(application, name, face)
    sealing.forget("a-1", RetentionClass.BIOMETRIC)
    with pytest.raises(EvidenceDestroyed):
        vault.open("a-1", "face", face)
    with pytest.raises(EvidenceDestroyed):
        vault.seal("a-1", "face", b"another")
    with pytest.raises(EvidenceDestroyed):
        vault.open("a-2", "zone", zone)
    assert vault.open("a-1", "zone", zone) == b"a zone"
