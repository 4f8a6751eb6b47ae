"""The state machine of an application as data: states, transitions, actors, guards, timers.

Nothing here acts. A row says which guards (by name, `eds.enroll.guards`) must all be silent, and
what it leaves in the log. tests/enroll/test_graph.py proves what the table promises: no dead
end, no way to ACTIVE around what its flow demands, none around the second official.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final


class Flow(Enum):
    """How a person comes to a certificate."""

    REMOTE = "remote"  # residents, from home; falls back into the centre
    CENTRE = "centre"  # non-residents, at a service centre
    RENEWAL = "renewal"  # with the living key and a second factor


class State(Enum):
    """Where an application stands."""

    NEW = "new"  # before there is one
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RESOLVED = "resolved"
    CONTACT_CONFIRMED = "contact_confirmed"
    EVIDENCE_VALIDATED = "evidence_validated"
    VERIFIED = "verified"
    MANUAL_REVIEW = "manual_review"
    ROUTED_TO_CENTRE = "routed_to_centre"
    APPOINTED = "appointed"
    PRESENT = "present"
    EVIDENCE_VALIDATED_IN_PERSON = "evidence_validated_in_person"
    MAKER_RECORDED = "maker_recorded"
    CHECKER_APPROVED = "checker_approved"
    RETURNED = "returned"
    LIVING_KEY_PROVED = "living_key_proved"
    CLEARED = "cleared"
    KEY_BOUND = "key_bound"
    CONFIRMED = "confirmed"
    ISSUING = "issuing"  # decided for good: only the authority's signature is wanted
    ISSUED = "issued"  # the certificate exists, on hold
    ACTIVE = "active"
    REVOKED_UNACCEPTED = "revoked_unaccepted"
    REJECTED = "rejected"
    LOCKED = "locked"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


TERMINAL: Final = frozenset(
    {
        State.ACTIVE,
        State.REVOKED_UNACCEPTED,
        State.REJECTED,
        State.LOCKED,
        State.EXPIRED,
        State.CANCELLED,
    }
)


class Actor(Enum):
    """Who moves an application."""

    APPLICANT = "applicant"
    OPERATOR = "operator"
    CHECKER = "checker"
    PROVIDER = "provider"
    SYSTEM = "system"
    CLOCK = "clock"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row: `name` moves an application of these flows from `source` to `target`."""

    name: str
    flows: frozenset[Flow]
    source: State
    target: State
    actor: Actor
    guards: tuple[str, ...]
    records: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it only counts an attempt: the application stays where it is."""
        return self.source is self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """How long an application may stand: some time, or working days of the centre."""

    lasts: timedelta = timedelta(0)
    working_days: int = 0


def _hours(hours: float) -> Timer:
    return Timer(lasts=timedelta(hours=hours))


TIMERS: Final = {
    State.DRAFT: _hours(24),
    State.SUBMITTED: _hours(24),
    State.RESOLVED: _hours(24),
    State.CONTACT_CONFIRMED: _hours(24),
    State.EVIDENCE_VALIDATED: _hours(0.5),
    State.VERIFIED: _hours(24),
    State.MANUAL_REVIEW: Timer(working_days=3),
    State.ROUTED_TO_CENTRE: _hours(30 * 24),
    State.APPOINTED: _hours(30 * 24),
    State.PRESENT: _hours(24),
    State.EVIDENCE_VALIDATED_IN_PERSON: _hours(24),
    State.MAKER_RECORDED: Timer(working_days=3),
    State.CHECKER_APPROVED: Timer(working_days=5),
    State.RETURNED: _hours(30 * 24),
    State.LIVING_KEY_PROVED: _hours(24),
    State.CLEARED: _hours(30 * 24),
    State.KEY_BOUND: _hours(0.25),
    State.CONFIRMED: _hours(0.25),
    State.ISSUING: _hours(24),
    State.ISSUED: _hours(7 * 24),
}

EVERY: Final = frozenset(Flow)
_REMOTE: Final = frozenset({Flow.REMOTE})
_CENTRE: Final = frozenset({Flow.CENTRE})
_RENEWAL: Final = frozenset({Flow.RENEWAL})
_DESK: Final = frozenset({Flow.REMOTE, Flow.CENTRE})

# What every act of an official must satisfy, whatever it is.
OFFICIAL: Final = ("official_in_role", "official_not_applicant", "official_not_conflicted")
_SIGNED: Final = (*OFFICIAL, "act_signed_for_this")
_DECIDES: Final = (*_SIGNED, "decider_not_operator")
# Asked when the decision is used: at clearance, and again at the moment of issuing.
DECISION_STANDS: Final = ("decision_by_enough_people", "deciders_still_in_office", "record_intact")


def _row(
    name: str, flows: frozenset[Flow], source: State, target: State, actor: Actor,
    guards: tuple[str, ...], records: tuple[str, ...] = (),
) -> Transition:  # fmt: skip
    return Transition(
        name=name, flows=flows, source=source, target=target, actor=actor, guards=guards,
        records=records,
    )  # fmt: skip


def _rows() -> Iterator[Transition]:
    s, a = State, Actor
    yield _row("open", EVERY, s.NEW, s.DRAFT, a.APPLICANT, ("rate_limits", "profile_known"))
    yield _row("submit", EVERY, s.DRAFT, s.SUBMITTED, a.APPLICANT,
               ("applicant_authentic", "consent_given", "terms_current"), ("terms",))  # fmt: skip

    # from home
    yield _row("resolve", _REMOTE | _RENEWAL, s.SUBMITTED, s.RESOLVED, a.SYSTEM,
               ("person_resolved", "person_alive", "person_of_age", "residency_fits_profile",
                "speaks_for_organisation"), ("snapshot",))  # fmt: skip
    yield _row("send_code", _REMOTE | _RENEWAL, s.RESOLVED, s.RESOLVED, a.APPLICANT,
               ("applicant_authentic", "contact_from_the_base", "sends_left",
                "contact_not_shared"))  # fmt: skip
    yield _row("miss_code", _REMOTE | _RENEWAL, s.RESOLVED, s.RESOLVED, a.APPLICANT,
               ("applicant_authentic", "code_attempts_left"))  # fmt: skip
    yield _row("confirm_contact", _REMOTE, s.RESOLVED, s.CONTACT_CONFIRMED, a.APPLICANT,
               ("applicant_authentic", "code_attempts_left", "code_correct"),
               ("challenge",))  # fmt: skip
    yield _row("miss_evidence", _REMOTE, s.CONTACT_CONFIRMED, s.CONTACT_CONFIRMED, a.SYSTEM,
               ("evidence_attempts_left",))  # fmt: skip
    yield _row("validate_evidence", _REMOTE, s.CONTACT_CONFIRMED, s.EVIDENCE_VALIDATED, a.SYSTEM,
               ("evidence_attempts_left", "evidence_of_identity", "evidence_of_subject",
                "evidence_challenge_ours", "document_current"), ("evidence",))  # fmt: skip
    yield _row("miss_face", _REMOTE, s.EVIDENCE_VALIDATED, s.EVIDENCE_VALIDATED, a.PROVIDER,
               ("face_checks_left",), ("face_checks",))  # fmt: skip
    yield _row("verify_person", _REMOTE, s.EVIDENCE_VALIDATED, s.VERIFIED, a.PROVIDER,
               ("face_checks_left", "assertion_for_this", "assertion_fresh", "assertion_alive",
                "assertion_matches"), ("evidence",))  # fmt: skip
    yield _row("route_to_centre", _REMOTE, s.EVIDENCE_VALIDATED, s.ROUTED_TO_CENTRE, a.SYSTEM,
               ("face_checks_spent",))  # fmt: skip
    yield _row("clear", _REMOTE, s.VERIFIED, s.CLEARED, a.SYSTEM,
               ("risk_low", "assurance_reached"), ("risk", "nonce"))  # fmt: skip
    yield _row("refer", _REMOTE, s.VERIFIED, s.MANUAL_REVIEW, a.SYSTEM,
               ("risk_needs_people",), ("risk",))  # fmt: skip

    # at the centre, and what people decide
    yield _row("appoint", _CENTRE, s.SUBMITTED, s.APPOINTED, a.SYSTEM,
               ("document_accepted", "station_named"), ("appointment",))  # fmt: skip
    for source, flows in (
        (s.APPOINTED, _CENTRE), (s.ROUTED_TO_CENTRE, _REMOTE), (s.RETURNED, _DESK),
    ):  # fmt: skip
        yield _row("check_in", flows, source, s.PRESENT, a.OPERATOR,
                   (*_SIGNED, "at_the_station"), ("check_in",))  # fmt: skip
    yield _row("examine", _DESK, s.PRESENT, s.EVIDENCE_VALIDATED_IN_PERSON, a.OPERATOR,
               (*_SIGNED, "same_operator", "original_seen", "chip_read_or_reason",
                "live_capture", "papers_complete", "document_current", "evidence_of_subject",
                "permission_to_stay"), ("evidence",))  # fmt: skip
    for source in (s.EVIDENCE_VALIDATED_IN_PERSON, s.MANUAL_REVIEW):
        flows = _DESK if source is s.EVIDENCE_VALIDATED_IN_PERSON else _REMOTE
        yield _row("record", flows, source, s.MAKER_RECORDED, a.OPERATOR,
                   (*_SIGNED, "same_operator", "signs_the_record", "operator_limit"),
                   ("record",))  # fmt: skip
    yield _row("approve", _DESK, s.MAKER_RECORDED, s.CHECKER_APPROVED, a.CHECKER,
               (*_DECIDES, "signs_the_record", "record_intact", "checker_limit",
                "not_in_haste"), ("decision",))  # fmt: skip
    # Also when the decision no longer stands, because one of the two left office.
    for source in (s.MAKER_RECORDED, s.CHECKER_APPROVED):
        yield _row("return", _DESK, source, s.RETURNED, a.CHECKER,
                   (*_DECIDES, "reason_given", "returns_left"), ("decision",))  # fmt: skip
    yield _row("clear", _DESK, s.CHECKER_APPROVED, s.CLEARED, a.SYSTEM,
               (*DECISION_STANDS, "person_resolved", "person_alive", "residency_fits_profile",
                "assurance_reached"), ("snapshot", "nonce"))  # fmt: skip

    # renewal
    yield _row("prove_living_key", _RENEWAL, s.RESOLVED, s.LIVING_KEY_PROVED, a.APPLICANT,
               ("applicant_authentic", "living_key_of_subject", "living_key_valid",
                "second_factor", "renewals_left"), ("evidence",))  # fmt: skip
    yield _row("clear", _RENEWAL, s.LIVING_KEY_PROVED, s.CLEARED, a.SYSTEM,
               ("assurance_reached",), ("nonce",))  # fmt: skip

    # the key, the certificate
    yield _row("miss_secret", EVERY, s.CLEARED, s.CLEARED, a.APPLICANT, ("secret_attempts_left",))
    yield _row("new_secret", _DESK, s.CLEARED, s.CLEARED, a.OPERATOR,
               (*_SIGNED, "came_in_person"))  # fmt: skip
    yield _row("bind_key", EVERY, s.CLEARED, s.KEY_BOUND, a.APPLICANT,
               ("applicant_authentic", "activation_secret", "possession_proved",
                "possession_for_this", "key_never_certified", "names_not_invented"),
               ("key", "request"))  # fmt: skip
    yield _row("confirm", EVERY, s.KEY_BOUND, s.CONFIRMED, a.APPLICANT,
               ("applicant_authentic", "confirms_the_fields"), ("confirmation",))  # fmt: skip
    yield _row("begin_issue", EVERY, s.CONFIRMED, s.ISSUING, a.AUTHORITY, ("all_again",))
    yield _row("issue", EVERY, s.ISSUING, s.ISSUED, a.AUTHORITY,
               ("certificate_as_decided",), ("certificate",))  # fmt: skip
    yield _row("activate", EVERY, s.ISSUED, s.ACTIVE, a.APPLICANT,
               ("applicant_authentic", "challenge_signed", "notice_sent"),
               ("activation",))  # fmt: skip
    yield _row("repudiate", EVERY, s.ISSUED, s.REVOKED_UNACCEPTED, a.APPLICANT,
               ("applicant_authentic",))  # fmt: skip
    for source in (s.ISSUING, s.ISSUED):
        yield _row("lapse", EVERY, source, s.REVOKED_UNACCEPTED, a.CLOCK, ("time_is_over",))

    # how it ends otherwise
    for source, flows in (
        (s.SUBMITTED, EVERY), (s.RESOLVED, _REMOTE | _RENEWAL), (s.CONTACT_CONFIRMED, _REMOTE),
        (s.EVIDENCE_VALIDATED, _REMOTE), (s.VERIFIED, _REMOTE), (s.LIVING_KEY_PROVED, _RENEWAL),
    ):  # fmt: skip
        yield _row("reject", flows, source, s.REJECTED, a.SYSTEM, ("reason_given",))
    for source, flows in (
        (s.MAKER_RECORDED, _DESK), (s.CHECKER_APPROVED, _DESK), (s.MANUAL_REVIEW, _REMOTE),
        (s.EVIDENCE_VALIDATED_IN_PERSON, _DESK),
    ):  # fmt: skip
        yield _row("decline", flows, source, s.REJECTED, a.CHECKER,
                   (*_DECIDES, "reason_given"), ("decision",))  # fmt: skip
    yield _row("turn_away", _DESK, s.PRESENT, s.REJECTED, a.OPERATOR,
               (*_SIGNED, "same_operator", "reason_given"), ("decision",))  # fmt: skip
    for source, flows in (
        (s.RESOLVED, _REMOTE | _RENEWAL), (s.CONTACT_CONFIRMED, _REMOTE),
        (s.EVIDENCE_VALIDATED, _REMOTE), (s.CLEARED, EVERY),
    ):  # fmt: skip
        yield _row("lock", flows, source, s.LOCKED, a.SYSTEM, ("attempts_spent",))
    for source in State:
        flows = _flows_of(source)
        if source in TERMINAL or source in (s.NEW, s.ISSUING, s.ISSUED):
            continue
        yield _row("expire", flows, source, s.EXPIRED, a.CLOCK, ("time_is_over",))
        if source is not s.CONFIRMED:  # from there on the certificate is being made
            yield _row("cancel", flows, source, s.CANCELLED, a.APPLICANT, ("applicant_authentic",))


def _flows_of(state: State) -> frozenset[Flow]:
    return {
        **dict.fromkeys((State.RESOLVED,), _REMOTE | _RENEWAL),
        **dict.fromkeys(
            (State.CONTACT_CONFIRMED, State.EVIDENCE_VALIDATED, State.VERIFIED), _REMOTE
        ),
        **dict.fromkeys((State.MANUAL_REVIEW, State.ROUTED_TO_CENTRE), _REMOTE),
        State.APPOINTED: _CENTRE,
        **dict.fromkeys((State.PRESENT, State.EVIDENCE_VALIDATED_IN_PERSON), _DESK),
        **dict.fromkeys((State.MAKER_RECORDED, State.CHECKER_APPROVED, State.RETURNED), _DESK),
        State.LIVING_KEY_PROVED: _RENEWAL,
    }.get(state, EVERY)


TRANSITIONS: Final = tuple(_rows())
_BY_PLACE: Final = {(row.name, row.source, flow): row for row in TRANSITIONS for flow in row.flows}


def transition(name: str, *, state: State, flow: Flow) -> Transition | None:
    """The row of that name from that state; None where there is none."""
    return _BY_PLACE.get((name, state, flow))


def leading_from(state: State, flow: Flow) -> Iterable[Transition]:
    """The rows that an application in that state may take."""
    return (row for row in TRANSITIONS if row.source is state and flow in row.flows)
