"""Why something was refused: typed, complete for the log, discreet towards the applicant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Code(Enum):
    """The name of each refusal; it never changes once released."""

    APPLICANT_NOT_AUTHENTIC = "applicant_not_authentic"
    TOO_MANY_APPLICATIONS = "too_many_applications"
    DEVICE_SHARED = "device_shared"
    PROFILE_UNKNOWN = "profile_unknown"
    CONSENT_MISSING = "consent_missing"
    TERMS_OUTDATED = "terms_outdated"
    PERSON_UNKNOWN = "person_unknown"
    PERSON_DEAD = "person_dead"
    PERSON_UNDER_AGE = "person_under_age"
    RESIDENCY_MISMATCH = "residency_mismatch"
    CONTACT_UNKNOWN = "contact_unknown"
    CONTACT_SHARED = "contact_shared"
    SENDS_SPENT = "sends_spent"
    ATTEMPTS_SPENT = "attempts_spent"
    CODE_WRONG = "code_wrong"
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_OF_ANOTHER = "evidence_of_another"
    EVIDENCE_NOT_OURS = "evidence_not_ours"
    EVIDENCE_CHANGED = "evidence_changed"
    DOCUMENT_LOCKED = "document_locked"
    DOCUMENT_NOT_CURRENT = "document_not_current"
    DOCUMENT_STATUS_UNKNOWN = "document_status_unknown"
    DOCUMENT_REFUSED = "document_refused"
    FACE_CHECKS_SPENT = "face_checks_spent"
    FACE_CHECKS_LEFT = "face_checks_left"
    ASSERTION_FOREIGN = "assertion_foreign"
    ASSERTION_STALE = "assertion_stale"
    NOT_ALIVE = "not_alive"
    FACE_DIFFERS = "face_differs"
    RISK_TOO_HIGH = "risk_too_high"
    RISK_LOW = "risk_low"
    ASSURANCE_TOO_LOW = "assurance_too_low"
    STATION_UNKNOWN = "station_unknown"
    NOT_AN_OFFICIAL = "not_an_official"
    ROLE_MISSING = "role_missing"
    ROLES_EXCLUSIVE = "roles_exclusive"
    OWN_CASE = "own_case"
    CONFLICT = "conflict"
    SAME_PERSON = "same_person"
    ANOTHER_OPERATOR = "another_operator"
    ACT_NOT_SIGNED = "act_not_signed"
    ACT_FOR_ANOTHER = "act_for_another"
    ACT_STALE = "act_stale"
    ANOTHER_RECORD = "another_record"
    RECORD_CHANGED = "record_changed"
    OFFICIAL_LIMIT = "official_limit"
    IN_HASTE = "in_haste"
    REASON_MISSING = "reason_missing"
    RETURNS_SPENT = "returns_spent"
    TOO_FEW_PEOPLE = "too_few_people"
    OUT_OF_OFFICE = "out_of_office"
    ORIGINAL_NOT_SEEN = "original_not_seen"
    CHIP_NOT_READ = "chip_not_read"
    CAPTURE_MISSING = "capture_missing"
    PAPERS_MISSING = "papers_missing"
    NO_PERMISSION_TO_STAY = "no_permission_to_stay"
    ORGANISATION_UNKNOWN = "organisation_unknown"
    ORGANISATION_CLOSED = "organisation_closed"
    NOT_THE_HEAD = "not_the_head"
    MANDATE_MISSING = "mandate_missing"
    MANDATE_NOT_SIGNED = "mandate_not_signed"
    MANDATE_OF_ANOTHER = "mandate_of_another"
    MANDATE_FOR_ANOTHER = "mandate_for_another"
    MANDATE_STALE = "mandate_stale"
    MANDATE_USED = "mandate_used"
    KEY_NOT_LIVING = "key_not_living"
    SECOND_FACTOR_MISSING = "second_factor_missing"
    RENEWALS_SPENT = "renewals_spent"
    NOT_IN_PERSON = "not_in_person"
    SECRET_WRONG = "secret_wrong"  # noqa: S105 - the name of a refusal
    POSSESSION_NOT_PROVED = "possession_not_proved"
    POSSESSION_FOREIGN = "possession_foreign"
    KEY_CERTIFIED_BEFORE = "key_certified_before"
    KEY_REFUSED = "key_refused"
    NAMES_INVENTED = "names_invented"
    NOT_CONFIRMED = "not_confirmed"
    TOO_MANY_CERTIFICATES = "too_many_certificates"
    CERTIFICATE_DIFFERS = "certificate_differs"
    NOT_SIGNED_WITH_KEY = "not_signed_with_key"
    NOTICE_NOT_SENT = "notice_not_sent"
    EXPIRED = "expired"
    TIME_LEFT = "time_left"
    CLOCK_BEHIND = "clock_behind"


# Told to the applicant as "not accepted": which of these it was would help whoever pretends to
# be somebody (is this person in the register? how near was the face? is the number theirs?).
DISCREET: Final = frozenset(
    {
        Code.APPLICANT_NOT_AUTHENTIC,
        Code.PERSON_UNKNOWN,
        Code.PERSON_DEAD,
        Code.PERSON_UNDER_AGE,
        Code.RESIDENCY_MISMATCH,
        Code.CONTACT_UNKNOWN,
        Code.CONTACT_SHARED,
        Code.DEVICE_SHARED,
        Code.EVIDENCE_OF_ANOTHER,
        Code.EVIDENCE_NOT_OURS,
        Code.DOCUMENT_LOCKED,
        Code.DOCUMENT_NOT_CURRENT,
        Code.DOCUMENT_STATUS_UNKNOWN,
        Code.ASSERTION_FOREIGN,
        Code.ASSERTION_STALE,
        Code.NOT_ALIVE,
        Code.FACE_DIFFERS,
        Code.RISK_TOO_HIGH,
        Code.ASSURANCE_TOO_LOW,
        Code.KEY_CERTIFIED_BEFORE,
        Code.SECOND_FACTOR_MISSING,
        Code.SECRET_WRONG,
        Code.CODE_WRONG,
    }
)
NOT_ACCEPTED: Final = "not_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One refusal. `fact` is for officials and the log: never personal."""

    code: Code
    fact: str = ""

    def __str__(self) -> str:
        return self.code.value

    @property
    def shown(self) -> str:
        """What the applicant is told."""
        return NOT_ACCEPTED if self.code in DISCREET else self.code.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal as somebody in particular is told of it: all of it, or discreetly."""

    code: str
    shown: str

    def __str__(self) -> str:
        return self.code


def shown_reason(reason: str) -> str:
    """A reason as the applicant may know it; what an official wrote stays as it is."""
    known = {each.value: each for each in Code}
    return Failure(code=known[reason]).shown if reason in known else reason
