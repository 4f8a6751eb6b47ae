"""The clock of revocation: from receipt until the status is changed, at most 24 hours.

EN 319 411-1 REV-6.2.4-03A. Pure: requests as they stand in the register become alarms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..errors import InvalidArgument, NaiveDatetime
from ..extensions import RevocationReason
from .lifecycle import REVOCATION_REASONS, Act

WITHIN: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRequest:
    """A wish to revoke or hold a certificate, as it was received.

    `request` names it and is used once; `requester` is an opaque reference. Raises
    InvalidArgument, NaiveDatetime.
    """

    request: str
    issuer: str
    serial: bytes
    act: Act
    requester: str
    received_at: datetime
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("received_at", "invalidity_date"):
            instant = getattr(self, name)
            if instant is not None and instant.utcoffset() is None:
                raise NaiveDatetime(argument=name)
        if not self.request or not self.requester:
            raise InvalidArgument(argument="request, requester", reason="the record wants them")
        if self.act is Act.RELEASE:
            raise InvalidArgument(argument="act", reason="a release has no deadline")
        if (self.act is Act.REVOKE) != (self.reason in REVOCATION_REASONS):
            raise InvalidArgument(argument="reason", reason="wanted by a revocation and no hold")

    @property
    def due_at(self) -> datetime:
        """When it must have been carried out or refused."""
        return self.received_at + WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The open requests, the most urgent first: `overdue`, `due` soon, and the `waiting` rest."""

    overdue: tuple[RevocationRequest, ...]
    due: tuple[RevocationRequest, ...]
    waiting: tuple[RevocationRequest, ...]

    @property
    def is_alarming(self) -> bool:
        """Whether somebody must act now."""
        return bool(self.overdue or self.due)


def deadlines(
    requests: Iterable[RevocationRequest], *, at: datetime, warning: timedelta = timedelta(hours=6)
) -> Deadlines:
    """Sort open requests by what is left of their time at `at`; due within `warning` is an alarm.

    Raises NaiveDatetime, InvalidArgument.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if not timedelta(0) <= warning <= WITHIN:
        raise InvalidArgument(argument="warning", reason="from 0 to 24 hours")
    ordered = sorted(requests, key=lambda each: (each.due_at, each.request))
    return Deadlines(
        overdue=tuple(each for each in ordered if each.due_at <= at),
        due=tuple(each for each in ordered if at < each.due_at <= at + warning),
        waiting=tuple(each for each in ordered if each.due_at > at + warning),
    )
