"""What an official does to a certificate, planned before it is done.

A plan says the status that follows and what else comes with it: a key that is known to be
compromised takes all its certificates with it, and is never certified again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..extensions import RevocationReason
from . import lifecycle
from .authority import Policy, StatusRequest, change_status
from .lifecycle import Act, Change, State, Status
from .register import Issued, Register


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPlan:
    """An act on `issued`, the status after it, and the other certificates of a lost key."""

    issued: Issued
    change: Change
    after: Status
    others: tuple[Issued, ...] = ()

    @property
    def blocks_key(self) -> bool:
        return self.change.reason is RevocationReason.KEY_COMPROMISE


def plan_change(register: Register, issued: Issued, change: Change) -> StatusPlan:
    """What `change` would do. Raises StatusChangeRefused where the state does not allow it."""
    after = lifecycle.apply(issued.status, change, hold_allowed=issued.hold)
    others: tuple[Issued, ...] = ()
    if change.act is Act.REVOKE and change.reason is RevocationReason.KEY_COMPROMISE:
        key = issued.certificate.public_key.fingerprint
        others = tuple(
            other
            for other in register.find_by(key_hash=key)
            if (other.issuer, other.serial) != (issued.issuer, issued.serial)
            and other.status.state is not State.REVOKED
        )
    return StatusPlan(issued=issued, change=change, after=after, others=others)


def carry_out(
    planned: StatusPlan, *, register: Register, policy: Policy, actor: str, at: datetime
) -> tuple[Status, ...]:
    """The status of each certificate afterwards, that of the plan first.

    A compromised key is blocked before anything else, so a run that was cut off in the middle
    and is repeated leaves nothing open. Raises StatusChanged where another act came between.
    """
    if planned.blocks_key:
        register.block_key(
            planned.issued.certificate.public_key.fingerprint,
            source="compromised",
            actor=actor,
            at=at,
        )
    return tuple(
        change_status(
            StatusRequest(issued=issued, change=planned.change, actor=actor),
            register=register,
            policy=policy,
            at=at,
        )
        for issued in (planned.issued, *planned.others)
    )
