"""Codes, records of visits, sealed evidence, and what all of it proves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds.enroll.evidence.assurance import (
    CONTRIBUTIONS,
    IALS,
    LEVELS,
    Ial,
    Level,
    Proof,
    level_reached,
)
from eds.enroll.evidence.chips import authenticate_chip
from eds.enroll.evidence.codes import (
    CodeOutcome,
    CodePolicy,
    IssuedCode,
    OneTimeCode,
    check_code,
    issue_code,
)
from eds.enroll.evidence.inperson import (
    ChipAbsence,
    InPersonRecord,
    Inspection,
    SeenDocument,
    read_in_person_record,
)
from eds.enroll.evidence.vault import (
    RETENTION,
    AesMasterKey,
    RetentionClass,
    destroy,
    is_due,
    new_data_key,
    open_data_key,
    rewrap,
    seal,
    unseal,
)
from eds.enroll.readers import proofs_of_chip
from eds.errors import (
    EvidenceDestroyed,
    EvidenceUnreadable,
    InvalidArgument,
    LimitExceeded,
    MalformedEvidence,
    NaiveDatetime,
)
from tests.enroll.passport_house import ISSUED, usual_office

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))

# --- codes --------------------------------------------------------------------------------------


def issued(**changes: Any) -> IssuedCode:
    given_: dict[str, Any] = {"application": "a-1", "purpose": "contact", "key": KEY, "at": AT}
    return issue_code(**(given_ | changes))


def checked(
    record: OneTimeCode, code: str, *, at: datetime = AT, **changes: str
) -> tuple[CodeOutcome, OneTimeCode]:
    bound = {"application": "a-1", "purpose": "contact"} | changes
    return check_code(record, code, key=KEY, at=at, **bound)


def test_a_right_code_works_once() -> None:
    found = issued()
    assert len(found.code) == 8
    assert found.code.isdigit()
    outcome, after = checked(found.record, f" {found.code} ")
    assert outcome is CodeOutcome.RIGHT
    assert checked(after, found.code)[0] is CodeOutcome.SPENT


def test_wrong_codes_use_up_the_attempts_and_then_the_right_one_is_wrong_too() -> None:
    found = issued(draw=lambda below: 7)
    record = found.record
    for _ in range(3):
        outcome, record = checked(record, "00000008")
        assert outcome is CodeOutcome.WRONG
    assert checked(record, found.code) == (CodeOutcome.SPENT, record)


def test_a_code_is_for_one_purpose_one_application_and_one_desk() -> None:
    found = issued()
    assert checked(found.record, found.code, purpose="revoke")[0] is CodeOutcome.WRONG
    assert checked(found.record, found.code, application="a-2")[0] is CodeOutcome.WRONG
    other = check_code(
        found.record, found.code, application="a-1", purpose="contact", key=bytes(32), at=AT
    )
    assert other[0] is CodeOutcome.WRONG
    # Where one part ends and the next begins is part of what is hashed.
    moved = issued(application="a-", purpose="1contact")
    assert checked(moved.record, moved.code)[0] is CodeOutcome.WRONG


def test_a_code_expires_and_a_clock_that_goes_back_does_not_revive_it() -> None:
    found = issued()
    late = AT + timedelta(minutes=10)
    outcome, record = checked(found.record, found.code, at=late)
    assert outcome is CodeOutcome.EXPIRED
    assert checked(record, found.code, at=AT)[0] is CodeOutcome.SPENT
    almost = late - timedelta(seconds=1)
    assert checked(found.record, found.code, at=almost)[0] is CodeOutcome.RIGHT


def test_what_is_stored_and_shown_does_not_hold_the_code() -> None:
    found = issued(draw=lambda below: 12345678)
    assert "12345678" not in repr(found)
    bare = hashlib.sha256(found.record.salt + b"12345678").digest()
    assert found.record.mac not in (bare, hashlib.sha256(b"12345678").digest())
    assert issued(draw=lambda below: 12345678).record.mac != found.record.mac


def test_codes_that_can_be_guessed_are_not_made() -> None:
    with pytest.raises(InvalidArgument):
        CodePolicy(length=5)
    with pytest.raises(InvalidArgument):
        CodePolicy(attempts=0)
    for alphabet in ("012345678", "00123456789"):
        with pytest.raises(InvalidArgument):
            CodePolicy(alphabet=alphabet)
    with pytest.raises(InvalidArgument):
        issued(key=b"short")
    with pytest.raises(NaiveDatetime):
        issued(at=AT.replace(tzinfo=None))
    assert issued(draw=lambda below: below - 1).code == "99999999"
    assert issued(draw=lambda below: 0).code == "00000000"


@given(text=st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_is_a_wrong_code(text: str) -> None:
    found = issued(draw=lambda below: 7)
    outcome, _ = checked(found.record, text)
    assert (outcome is CodeOutcome.RIGHT) is (text.strip() == found.code)


# --- records of visits --------------------------------------------------------------------------

VISIT = InPersonRecord(
    application="a-1",
    applicant="1:abcdef",
    operator=b"\x01" * 32,
    station="04",
    place="Алматы",
    seen_at=AT,
    document=SeenDocument.PASSPORT,
    issuing_state="UTO",
    document_number="L898902C3",
    inspections=frozenset({Inspection.ORIGINAL_SEEN, Inspection.PHOTO_RESEMBLES}),
    capture_digest=b"\x02" * 32,
    chip_absence=ChipAbsence.NO_CHIP,
)


def test_a_record_is_the_octets_that_are_signed() -> None:
    assert read_in_person_record(VISIT.canonical) == VISIT
    assert VISIT.digest == hashlib.sha256(VISIT.canonical).digest()
    assert "L898902C3" not in repr(VISIT)
    with_chip = replace(VISIT, chip_absence=None, chip_digest=b"\x03" * 32, remark="шрам")
    assert read_in_person_record(with_chip.canonical) == with_chip
    assert with_chip.digest != VISIT.digest


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operator": b"short"}, "operator"),
        ({"capture_digest": b""}, "capture_digest"),
        ({"chip_absence": None}, "chip_digest"),
        ({"chip_digest": b"\x03" * 32}, "chip_digest"),
        ({"application": ""}, "application"),
        ({"place": "two\nlines"}, "place"),
        ({"place": "e\u0301"}, "place"),
        ({"remark": "x" * 300}, "remark"),
        ({"seen_at": AT.replace(microsecond=1)}, "seen_at"),
    ],
)
def test_a_record_that_cannot_be_is_refused_by_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedEvidence) as caught:
        replace(VISIT, **changes)
    assert caught.value.field == field


def test_a_record_has_one_spelling() -> None:
    data = json.loads(VISIT.canonical)
    for octets in (
        json.dumps(data).encode(),
        VISIT.canonical + b" ",
        VISIT.canonical.replace(b'"station"', b'"station":"05","station"'),
        json.dumps(data | {"extra": 1}).encode(),
        json.dumps({k: v for k, v in data.items() if k != "operator"}).encode(),
        VISIT.canonical.replace(b'"version":1', b'"version":2'),
        b"",
        b"\xff",
    ):
        with pytest.raises(MalformedEvidence):
            read_in_person_record(octets)


@given(octets=st.binary(max_size=80), place=st.integers(0, 10_000), value=st.integers(1, 255))
@settings(max_examples=80, deadline=None)
def test_other_octets_are_another_record_or_none(octets: bytes, place: int, value: int) -> None:
    bent = bytearray(VISIT.canonical)
    bent[place % len(bent)] ^= value
    for one in (octets, bytes(bent)):
        try:
            found = read_in_person_record(one)
        except (MalformedEvidence, NaiveDatetime):
            continue
        assert found.canonical == one
        assert found.digest != VISIT.digest


# --- the vault ----------------------------------------------------------------------------------

MASTER = AesMasterKey(bytes(32), key_id="2026-1")


def test_sealed_evidence_opens_for_its_application_class_and_kind_only() -> None:
    made = new_data_key("a-1", RetentionClass.DOCUMENT, master=MASTER)
    key, sealed = made.wrapped, seal(b"a passport", kind="zone", key=made)
    assert b"passport" not in sealed.octets
    assert unseal(sealed, key=key, master=MASTER) == b"a passport"
    assert seal(b"a passport", kind="zone", key=made).octets != sealed.octets
    again = seal(b"a visa", kind="zone", key=open_data_key(key, master=MASTER))
    assert unseal(again, key=key, master=MASTER) == b"a visa"
    other = new_data_key("a-2", RetentionClass.DOCUMENT, master=MASTER).wrapped
    bent = sealed.octets[:-1] + bytes([sealed.octets[-1] ^ 1])
    for wrong, its_key, master in (
        (sealed, other, MASTER),
        (replace(sealed, application="a-2"), other, MASTER),
        (replace(sealed, application="a-2"), replace(key, application="a-2"), MASTER),
        (replace(sealed, kind="face"), key, MASTER),
        (
            replace(sealed, retention=RetentionClass.DECISION),
            replace(key, retention=RetentionClass.DECISION),
            MASTER,
        ),
        (replace(sealed, octets=bent), key, MASTER),
        (replace(sealed, octets=b"short"), key, MASTER),
        (sealed, key, AesMasterKey(b"\x01" * 32, key_id="2026-1")),
        (sealed, key, AesMasterKey(bytes(32), key_id="2025-1")),
        (sealed, replace(key, wrapped=b"short"), MASTER),
    ):
        with pytest.raises(EvidenceUnreadable):
            unseal(wrong, key=its_key, master=master)


def test_a_destroyed_key_leaves_digests_that_still_verify() -> None:
    made = new_data_key("a-1", RetentionClass.BIOMETRIC, master=MASTER)
    key, sealed = made.wrapped, seal(b"a face", kind="capture", key=made)
    logged = sealed.digest
    gone = destroy(key)
    assert gone.is_destroyed
    assert not key.is_destroyed
    with pytest.raises(EvidenceDestroyed):
        unseal(sealed, key=gone, master=MASTER)
    with pytest.raises(EvidenceDestroyed):
        open_data_key(gone, master=MASTER)
    with pytest.raises(EvidenceDestroyed):
        rewrap(gone, old=MASTER, new=MASTER)
    assert sealed.digest == logged
    assert replace(sealed, kind="zone").digest != logged


def test_a_new_master_key_takes_over_without_touching_what_is_sealed() -> None:
    made = new_data_key("a-1", RetentionClass.DECISION, master=MASTER)
    key, sealed = made.wrapped, seal(b"a decision", kind="record", key=made)
    newer = AesMasterKey(b"\x07" * 32, key_id="2027-1")
    turned = rewrap(key, old=MASTER, new=newer)
    assert unseal(sealed, key=turned, master=newer) == b"a decision"
    with pytest.raises(EvidenceUnreadable):
        unseal(sealed, key=turned, master=MASTER)


def test_evidence_falls_due_by_its_class() -> None:
    key = new_data_key("a-1", RetentionClass.BIOMETRIC, master=MASTER).wrapped
    end = AT + RETENTION[RetentionClass.BIOMETRIC]
    assert not is_due(key, ended_at=AT, at=end - timedelta(seconds=1))
    assert is_due(key, ended_at=AT, at=end)
    assert RETENTION[RetentionClass.BIOMETRIC] <= timedelta(days=30)
    with pytest.raises(NaiveDatetime):
        is_due(key, ended_at=AT.replace(tzinfo=None), at=AT)


def test_a_vault_has_limits_and_shows_no_keys() -> None:
    with pytest.raises(InvalidArgument):
        AesMasterKey(b"short", key_id="x")
    key = new_data_key("a-1", RetentionClass.DOCUMENT, master=MASTER)
    with pytest.raises(LimitExceeded):
        seal(bytes(16 * 1024 * 1024 + 1), kind="scan", key=key)
    assert "wrapped" not in repr(key.wrapped)
    assert repr(key) == "<DataKey a-1 document>"
    assert repr(MASTER) == "<AesMasterKey 2026-1>"


# --- what it proves -----------------------------------------------------------------------------

PROOFS = st.frozensets(st.sampled_from(Proof))


@given(held=PROOFS, more=PROOFS)
@settings(max_examples=200, deadline=None)
def test_taking_evidence_away_never_raises_a_level(
    held: frozenset[Proof], more: frozenset[Proof]
) -> None:
    less, whole = level_reached(held), level_reached(held | more)
    assert less.level <= whole.level
    assert less.ial <= whole.ial
    assert less.by <= held


@given(held=PROOFS)
@settings(max_examples=100, deadline=None)
def test_a_level_rests_on_proofs_that_can_carry_it(held: frozenset[Proof]) -> None:
    found = level_reached(held)
    assert all(CONTRIBUTIONS[one].helps_up_to >= found.level for one in found.by)
    if found.missing:
        assert level_reached(held | found.missing).level > found.level


def test_every_proof_has_its_row_and_rows_hold_to_each_other() -> None:
    assert set(CONTRIBUTIONS) == set(Proof)
    for level, wanted in LEVELS:
        assert all(CONTRIBUTIONS[one].helps_up_to >= level for one in wanted)
        assert level_reached(wanted).level == level
    for ial, wanted in IALS:
        assert level_reached(wanted).ial >= ial


@pytest.mark.parametrize(
    ("held", "level"),
    [
        (set(), Level.NONE),
        ({Proof.ZONE_READ, Proof.CONTACT_CONFIRMED, Proof.REGISTER}, Level.NONE),
        ({Proof.FACE_LIKE_REGISTER, Proof.REGISTER, Proof.PERSON_ALIVE}, Level.NONE),
        ({Proof.PERSON_PRESENT, Proof.DOCUMENT_SEEN, Proof.OPERATOR_RECORD}, Level.NONE),
        ({Proof.EDS_BASELINE, Proof.REGISTER, Proof.CONTACT_CONFIRMED}, Level.BASELINE),
        (
            set(Proof) - {Proof.CHIP_NOT_CLONED, Proof.SECOND_OFFICIAL, Proof.EDS_EXTENDED},
            Level.BASELINE,
        ),
        (set(Proof), Level.EXTENDED),
    ],
)
def test_levels_by_example(held: set[Proof], level: Level) -> None:
    assert level_reached(held).level == level


def test_the_highest_nist_level_wants_presence() -> None:
    assert level_reached(set(Proof) - {Proof.PERSON_PRESENT}).ial == Ial.IAL2


def test_a_chip_proves_what_its_report_says() -> None:
    house = usual_office()
    known = authenticate_chip(house.chip(), cscas=house.store, at=AT, issued_on=ISSUED)
    assert proofs_of_chip(known) == {Proof.CHIP_GENUINE}
    assert proofs_of_chip(replace(known, anchor=None, findings=known.findings[:3])) == frozenset()
