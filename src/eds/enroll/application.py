"""An application: what the log alone can rebuild, and so nothing personal.

`evolve` is the one way forward: a row of the table and the changes that come with it make the
next version. The same changes stand in the audit record, and `rebuild` folds them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import compress
from operator import attrgetter, is_not
from typing import Any, Final

from ..audit.records import AuditRecord
from ..errors import MalformedStatement
from .encoding import encode, from_data, hints_of, to_data
from .evidence.assurance import Level, Proof, level_reached
from .kinds import EvidenceKind
from .policy import EnrolmentPolicy
from .states import TERMINAL, Flow, State, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One accepted piece: its kind, the SHA-256 of what is kept, what it shows and how long."""

    kind: EvidenceKind
    digest: bytes
    valid_until: datetime | None = None
    proves: frozenset[Proof] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One version of an application.

    `applicant` is the pseudonym it was opened under (a person's or a document's), `subject` that
    of the person once the register knows them. `ends_at` bounds the whole, `timer_ends` the state.
    Digests are SHA-256.
    """

    application: str
    flow: Flow
    state: State
    version: int
    profile: str
    applicant: str
    opened_at: datetime
    entered_at: datetime
    last_at: datetime
    ends_at: datetime
    timer_ends: datetime | None = None
    token: bytes = b""  # digest of what only the applicant holds
    subject: str = ""
    organisation: str = ""  # the pseudonym of the one that it is applied for
    terms: bytes = b""
    snapshot: bytes = b""
    contact: str = ""
    sends: int = 0
    code_misses: int = 0
    evidence_misses: int = 0
    face_checks: int = 0
    secret_misses: int = 0
    challenge: bytes = b""  # ours, for the chip and the face check
    evidence: tuple[EvidenceItem, ...] = ()
    reason_without_chip: str = ""
    risk: int = 0
    station: str = ""
    operator: str = ""
    checker: str = ""
    record: bytes = b""
    recorded_at: datetime | None = None
    decided_at: datetime | None = None
    returns: int = 0
    permission_until: datetime | None = None
    in_person: bool = False
    renews: bytes = b""  # the fingerprint of the certificate that a renewal follows
    renewals: int = 0
    nonce: bytes = b""
    key: bytes = b""  # SHA-256 of SubjectPublicKeyInfo
    request: bytes = b""
    fields_shown: bytes = b""
    confirmation: bytes = b""
    issuer: str = ""
    serial: bytes = b""
    certificate: bytes = b""
    not_after: datetime | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.state not in TERMINAL

    @property
    def deadline(self) -> datetime | None:
        """When it ends by itself; None for one that has ended, or where only the clock is left."""
        if not self.is_open:
            return None
        if self.state in (State.ISSUING, State.ISSUED) or self.timer_ends is None:
            return self.timer_ends
        return min(self.ends_at, self.timer_ends)

    @property
    def kinds(self) -> frozenset[EvidenceKind]:
        return frozenset(item.kind for item in self.evidence)

    @property
    def proofs(self) -> frozenset[Proof]:
        """All that was shown: by the pieces, the register, and the officials who signed."""
        found = {proof for item in self.evidence for proof in item.proves}
        if self.snapshot:
            found.add(Proof.REGISTER)
        if self.record:
            found.add(Proof.OPERATOR_RECORD)
            if self.checker and self.decided_at is not None:
                found.add(Proof.SECOND_OFFICIAL)
        return frozenset(found)

    @property
    def level(self) -> Level:
        """How surely the applicant is identified by now (ETSI TS 119 461)."""
        return level_reached(self.proofs).level

    @property
    def horizon(self) -> datetime | None:
        """The latest end that evidence and permission to stay allow a certificate."""
        ends = [item.valid_until for item in self.evidence if item.valid_until is not None]
        if self.permission_until is not None:
            ends.append(self.permission_until)
        return min(ends, default=None)

    def record_octets(self) -> bytes:
        """The record that operator and checker both sign: all that was decided upon.

        Made from the application each time, so it cannot differ from what is in force.
        """
        return encode(
            {
                "v": 1,
                "record": "eds.enroll.record",
                "application": self.application,
                "flow": self.flow,
                "profile": self.profile,
                "applicant": self.applicant,
                "subject": self.subject if self.flow is not Flow.CENTRE else "",
                "snapshot": self.snapshot if self.flow is not Flow.CENTRE else b"",
                "station": self.station,
                "operator": self.operator,
                "evidence": self.evidence,
                "reason_without_chip": self.reason_without_chip,
                "permission_until": self.permission_until,
                "risk": self.risk,
                "returns": self.returns,
                **({"organisation": self.organisation} if self.organisation else {}),
            }
        )


def evolve(
    before: Application | None,
    row: Transition,
    changes: Mapping[str, Any],
    *,
    at: datetime,
    policy: EnrolmentPolicy,
) -> Application:
    """The next version. `changes` are fields by name; times are the machine's own."""
    if before is None:
        return Application(
            state=row.target, version=1, opened_at=at, entered_at=at, last_at=at,
            ends_at=at + policy.lifetime(changes["flow"]),
            timer_ends=policy.timer_end(row.target, at=at), **changes,
        )  # fmt: skip
    moved: dict[str, Any] = {}
    if not row.counts:
        ends_at = changes.get("ends_at", before.ends_at)
        if row.target in (State.ROUTED_TO_CENTRE, State.MANUAL_REVIEW, State.RETURNED):
            ends_at = max(ends_at, before.opened_at + policy.lifetime(Flow.CENTRE))
        moved = {
            "state": row.target,
            "entered_at": at,
            "ends_at": ends_at,
            "timer_ends": policy.timer_end(row.target, at=at),
        }
    unchanged = zip(_FIELDS, _values_of(before), strict=True)
    counted = {"version": before.version + 1, "last_at": at}
    return Application(**{**dict(unchanged), **changes, **moved, **counted})


# In the order of the canonical form, which then has nothing left to sort.
_FIELDS: Final = tuple(sorted(field.name for field in fields(Application)))
_values_of: Final = attrgetter(*_FIELDS)


def difference(before: Application | None, after: Application) -> dict[str, Any]:
    """What a log must say so that `after` follows from `before`: plain data by field."""
    if before is None:
        return {**dict.fromkeys(_FIELDS), **to_data(after)}
    # What a row left as it was is the same value, not only an equal one.
    values, old = _values_of(after), _values_of(before)
    moved = compress(zip(_FIELDS, values, old, strict=True), map(is_not, values, old))
    return {name: to_data(each) for name, each, was in moved if each != was}


def rebuild(records: Iterable[AuditRecord]) -> dict[str, Application]:
    """Every application, from nothing but the audit log in its order.

    Records of other acts are passed over. Raises MalformedStatement where a change is missing,
    comes twice or does not follow.
    """
    found: dict[str, Application] = {}
    hints = hints_of(Application)
    for record in records:
        changes = record.details.get("changes")
        if not record.act.startswith("enroll.application.") or changes is None:
            continue
        name = record.subject.removeprefix("application/")
        before = found.get(name)
        wanted = 1 if before is None else before.version + 1
        try:
            values = {key: from_data(hints[key], each) for key, each in _plain(changes).items()}
            after = Application(**values) if before is None else replace(before, **values)
        except (KeyError, ValueError, TypeError):
            raise MalformedStatement(reason="not the changes of an application") from None
        if after.version != wanted:
            raise MalformedStatement(
                reason="a change of the application is missing, or twice there"
            )
        found[name] = after
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
