"""The life of a certificate: valid ⇄ on hold → revoked, and nothing else (RFC 5280 §5.3.1).

Pure: a status and an act give the next status or a refusal. The register carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from ..errors import NaiveDatetime, StatusChangeRefused
from ..extensions import RevocationReason


class State(Enum):
    """Where a certificate stands. Only a hold can be undone."""

    VALID = "valid"
    ON_HOLD = "on_hold"
    REVOKED = "revoked"


class Act(Enum):
    """What may happen to a certificate after its issue."""

    HOLD = "hold"
    RELEASE = "release"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of one certificate since `since` (aware).

    `reason` and `invalidity_date` belong to a hold or a revocation; `version` counts the
    changes, 0 at issue. `held_since` keeps the start of a hold that ended in revocation.
    """

    state: State
    since: datetime
    version: int = 0
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None
    held_since: datetime | None = None

    @property
    def is_listed(self) -> bool:
        """Whether it stands on the list (RFC 5280 §5.1.2.6): held or revoked."""
        return self.state is not State.VALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One act asked for. `reason` is wanted by a revocation and by nothing else."""

    act: Act
    at: datetime
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None


# Reasons a revocation may give. removeFromCRL and certificateHold are states, aACompromise is
# for attribute certificates.
REVOCATION_REASONS: Final = frozenset(
    {
        RevocationReason.UNSPECIFIED,
        RevocationReason.KEY_COMPROMISE,
        RevocationReason.CA_COMPROMISE,
        RevocationReason.AFFILIATION_CHANGED,
        RevocationReason.SUPERSEDED,
        RevocationReason.CESSATION_OF_OPERATION,
        RevocationReason.PRIVILEGE_WITHDRAWN,
    }
)

_NEXT: Final = {
    (State.VALID, Act.HOLD): State.ON_HOLD,
    (State.VALID, Act.REVOKE): State.REVOKED,
    (State.ON_HOLD, Act.RELEASE): State.VALID,
    (State.ON_HOLD, Act.REVOKE): State.REVOKED,
}


def apply(status: Status, change: Change, *, hold_allowed: bool = True) -> Status:
    """The status after `change`. Raises StatusChangeRefused, NaiveDatetime.

    A revoked certificate changes in one way only: its reason may become keyCompromise, with the
    date kept, because a key that leaked before the revocation stays leaked.
    """
    _check(status, change, hold_allowed=hold_allowed)
    if status.state is State.REVOKED:
        return replace(
            status,
            reason=RevocationReason.KEY_COMPROMISE,
            invalidity_date=change.invalidity_date or status.invalidity_date,
            version=status.version + 1,
        )
    state = _NEXT[status.state, change.act]
    held = status.since if status.state is State.ON_HOLD else None
    return Status(
        state=state,
        since=change.at,
        version=status.version + 1,
        reason=RevocationReason.CERTIFICATE_HOLD if state is State.ON_HOLD else change.reason,
        invalidity_date=change.invalidity_date,
        held_since=held if state is State.REVOKED else None,
    )


def _check(status: Status, change: Change, *, hold_allowed: bool) -> None:
    for argument in ("at", "invalidity_date"):
        instant = getattr(change, argument)
        if instant is not None and instant.utcoffset() is None:
            raise NaiveDatetime(argument=argument)
    act, state = change.act, status.state
    upgrade = (
        state is State.REVOKED
        and act is Act.REVOKE
        and change.reason is RevocationReason.KEY_COMPROMISE
        and status.reason is not RevocationReason.KEY_COMPROMISE
    )
    if (state, act) not in _NEXT and not upgrade:
        _refuse(
            status,
            change,
            "a revoked certificate stays revoked"
            if state is State.REVOKED
            else f"there is no {act.value} of a certificate that is {state.value}",
        )
    if act is Act.HOLD and not hold_allowed:
        _refuse(status, change, "its profile does not allow a hold")
    if act is Act.REVOKE and change.reason not in REVOCATION_REASONS:
        _refuse(status, change, "a revocation wants a reason of RFC 5280 §5.3.1")
    if act is not Act.REVOKE and change.reason is not None:
        _refuse(status, change, f"a {act.value} takes no reason")
    if act is Act.RELEASE and change.invalidity_date is not None:
        _refuse(status, change, "a release takes no invalidity date")
    if change.at < status.since:
        _refuse(status, change, "it would come before the last change")
    if change.invalidity_date is not None and change.invalidity_date > change.at:
        _refuse(status, change, "the invalidity date lies after the act")


def _refuse(status: Status, change: Change, why: str) -> None:
    raise StatusChangeRefused(state=status.state.value, act=change.act.value, reason=why)
