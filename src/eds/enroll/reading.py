"""What officials look at: the applications that wait for them, and one application with its person.

Looking wants a signature as well: a statement `read` that holds for as long as an act may be on
its way, so there is no session to steal. Roles are asked for at each look; whoever left office
sees nothing from then on. Nobody is shown their own case, nor that of people they may not judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..errors import ApplicationNotFound, TransitionRefused
from .application import Application
from .desk import Desk, snapshot_of
from .encoding import decode
from .failures import Code, Failure
from .filing import evidence_file
from .guards import SKEW
from .kinds import EvidenceKind
from .officials import EXCLUSIVE, ActingOfficial, Role
from .people import DocumentIdentity, Snapshot
from .statements import SignedAct
from .states import State
from .visits import paper_of

READ: Final = "read"
TARGET: Final = "desk"
USE: Final = "clear"
WAITING: Final = frozenset(
    {
        State.MANUAL_REVIEW,
        State.ROUTED_TO_CENTRE,
        State.APPOINTED,
        State.PRESENT,
        State.EVIDENCE_VALIDATED_IN_PERSON,
        State.MAKER_RECORDED,
        State.CHECKER_APPROVED,
        State.RETURNED,
    }
)
READERS: Final = frozenset({Role.OPERATOR, Role.CHECKER, Role.AUDITOR})
_SCANNED: Final = 1000  # rows looked at for one page, whoever asks


def reader(
    desk: Desk, act: SignedAct, *, at: datetime, roles: frozenset[Role] = READERS
) -> ActingOfficial:
    """Who looks, in one of these roles. The statement names `read`, `desk` and no version.

    Raises TransitionRefused, SignatureNotPassed, MalformedStatement.
    """
    return _who(desk, act, READ, TARGET, versions=range(1), roles=roles, at=at)


def require_use(desk: Desk, act: SignedAct, application: Application, *, at: datetime) -> None:
    """Raises as `reader` does unless an official of the case asks to use its decision.

    The statement names `clear`, the application and its version: what is printed then is a
    secret, and not for whoever once said that they would look. Once the decision was used the
    same statement may come again, for an answer that got lost. The log tells who asked.
    """
    target, version = f"application/{application.application}", application.version
    waits = application.state is State.CHECKER_APPROVED
    who = _who(
        desk, act, USE, target, versions=range(version if waits else 1, version + 1),
        roles=frozenset({Role.OPERATOR, Role.CHECKER}), at=at,
    )  # fmt: skip
    if not is_shown(application, who):
        raise ApplicationNotFound(application=application.application)
    _record(desk, who, "enroll.decision.used", target, at=at, version=version)


def _record(
    desk: Desk, who: ActingOfficial, act: str, subject: str, *, at: datetime, **details: object
) -> None:
    desk.store.record(
        act=act,
        actor=f"official/{who.person}",
        subject=subject,
        details={**details, "certificate": who.certificate.hex()},
        at=at,
    )


def _who(
    desk: Desk,
    act: SignedAct,
    name: str,
    target: str,
    *,
    versions: range,
    roles: frozenset[Role],
    at: datetime,
) -> ActingOfficial:
    who = desk.office.acting(act, at=at)
    said = who.statement
    found = []
    if (said.act, said.target) != (name, target) or said.version not in versions:
        found.append(Failure(code=Code.ACT_FOR_ANOTHER))
    if not (said.at <= at + SKEW and at - said.at <= desk.policy.act_lasts):
        found.append(Failure(code=Code.ACT_STALE))
    if not who.official.roles & roles:
        found.append(Failure(code=Code.ROLE_MISSING, fact=name))
    if any(pair <= who.official.roles for pair in EXCLUSIVE):
        found.append(Failure(code=Code.ROLES_EXCLUSIVE, fact=name))
    if found:
        raise TransitionRefused(failures=tuple(found))
    return who


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what waits; `after` asks for what follows, None where that is all."""

    applications: tuple[Application, ...]
    after: tuple[datetime, str] | None


def waiting(
    desk: Desk,
    who: ActingOfficial,
    *,
    states: Iterable[State] = WAITING,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> Page:
    """Applications that wait in these states at the official's stations, the most urgent first."""
    wanted = WAITING & frozenset(states)
    rows = desk.store.waiting(wanted, after=after, limit=_SCANNED)
    found: list[Application] = []
    last = None
    for each in rows:
        if each.deadline is not None:
            last = (each.deadline, each.application)
        if is_shown(each, who):
            found.append(each)
            if len(found) == limit:
                return Page(applications=tuple(found), after=last)
    return Page(applications=tuple(found), after=last if len(rows) == _SCANNED else None)


def is_shown(application: Application, who: ActingOfficial) -> bool:
    """Whether this official may look at it."""
    people = {application.applicant, application.subject} - {""}
    if who.person in people or who.official.conflicts & people:
        return False
    if Role.AUDITOR in who.official.roles:
        return True
    return application.station in ("", *who.official.stations)


def identity_of(desk: Desk, application: str) -> DocumentIdentity | None:
    """Whom the operator read in the document, of those who are yet to be given a number."""
    kept = desk.store.file(application, "identity")
    return None if kept is None else decode(DocumentIdentity, kept)


def papers(desk: Desk, found: Application) -> Mapping[str, bytes]:
    """What was seen and taken of the applicant: kind of evidence → octets. For whom it was shown
    (`show`) alone.
    """
    seen = {}
    for item in found.evidence:
        kept = desk.store.file(found.application, evidence_file(item.kind, item.digest))
        if kept is not None and item.kind is not EvidenceKind.REGISTER:
            seen[item.kind.value] = paper_of(kept)
    return seen


def show(
    desk: Desk, application: str, who: ActingOfficial, *, at: datetime
) -> tuple[Application, Snapshot | None]:
    """One application and its person as the register knows them; the log tells who looked.

    Raises ApplicationNotFound, also where this official may not look at it.
    """
    found = desk.store.find(application)
    if found is None or not is_shown(found, who):
        raise ApplicationNotFound(application=application)
    _record(desk, who, "enroll.shown", f"application/{application}", at=at, version=found.version)
    return found, snapshot_of(desk, found)


def tell_pseudonym(
    desk: Desk, who: ActingOfficial, kind: str, pseudonym: str, *, at: datetime
) -> str:
    """How a `person` or a `document` is called in acts; the log tells who asked."""
    _record(desk, who, "enroll.pseudonym.told", f"{kind}/{pseudonym}", at=at)
    return pseudonym
