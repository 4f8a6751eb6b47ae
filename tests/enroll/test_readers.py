"""Between evidence and the desk: nothing is gained on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from eds.enroll.evidence.assertions import Detection, Expectation, Topic, open_assertion
from eds.enroll.evidence.chips import ChipRead, ChipReport, authenticate_chip
from eds.enroll.evidence.mrz import MrzFormat, Sex
from eds.enroll.evidence.mrzwriting import write_mrz
from eds.enroll.kinds import EvidenceKind
from eds.enroll.people import Pseudonyms, Residency, Snapshot
from eds.enroll.providers import AssertionReader, require_real
from eds.enroll.readers import (
    JwsAssertionReader,
    checked_chip,
    chip_challenge,
    holder_of,
)
from eds.enroll.simulators import SimulatedFaces, SimulatedKey
from eds.errors import (
    AssertionRefused,
    EvidenceUnverified,
    SimulatorRefused,
)
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
    assert piece.document == ("UT", "L898902C3")
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


def test_a_face_assertion_reaches_the_guards_with_what_it_says_and_no_more() -> None:
    faces = SimulatedFaces(SimulatedKey("faces"), audience="desk")
    reader: AssertionReader = JwsAssertionReader(faces.trusted, audience="desk")
    with pytest.raises(SimulatorRefused):
        require_real([reader])

    def said(score: int = 900, **more: object) -> bytes:
        made: dict[str, Any] = {
            "identifier": "t-1", "application": "a-1", "challenge": CHALLENGE, "at": AT,
            "reference": EvidenceKind.PASSPORT_CHIP, "score": score,
        }  # fmt: skip
        return faces.assertion(**(made | more))

    found = reader.read(said(), at=AT)
    assert (found.application, found.challenge, found.score) == ("a-1", CHALLENGE, 900)
    assert found.reference is EvidenceKind.PASSPORT_CHIP
    assert (found.alive, found.active, found.injection_checked) == (True, True, True)
    assert not reader.read(said(presentation=Detection.NOT_CHECKED), at=AT).alive
    assert not reader.read(said(injection=Detection.SUSPECT), at=AT).injection_checked
    assert reader.read(said(score=699), at=AT).score == 0
    spoken = Expectation(
        topic=Topic.FACE_MATCH, audience="desk", application="a-1", nonce="not hex"
    )
    match = open_assertion(
        said(), provider=faces.trusted, topic=Topic.FACE_MATCH, audience="desk", at=AT
    ).answer
    strange = faces.voice.say(match, expected=spoken, at=AT, transaction="t-2")
    for wrong in (said(audience="other"), strange):
        with pytest.raises(AssertionRefused):
            reader.read(wrong, at=AT)
    with pytest.raises(AssertionRefused):
        reader.read(said(), at=datetime(2027, 1, 1, tzinfo=UTC))
