"""What each flow must pass on its way to a certificate, whatever else happens."""

from __future__ import annotations

from eds.enroll.states import Flow, State

S = State
ISSUED = frozenset({S.CLEARED, S.KEY_BOUND, S.CONFIRMED, S.ISSUING, S.ISSUED})
IN_PERSON = frozenset(
    {S.PRESENT, S.EVIDENCE_VALIDATED_IN_PERSON, S.MAKER_RECORDED, S.CHECKER_APPROVED}
)
DOMINATORS = {
    Flow.REMOTE: ISSUED | {S.SUBMITTED, S.RESOLVED, S.CONTACT_CONFIRMED, S.EVIDENCE_VALIDATED},
    Flow.CENTRE: ISSUED | IN_PERSON | {S.SUBMITTED, S.APPOINTED},
    Flow.RENEWAL: ISSUED | {S.SUBMITTED, S.RESOLVED, S.LIVING_KEY_PROVED},
}
