"""Requests to revoke or hold, kept from receipt until they are carried out or refused.

Carrying out is not done here: whatever changes the status ends, in its own transaction, the
requests that wanted that (`eds.ca.register`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import CertificateNotFound, RequestUsed, RevocationRequestNotOpen
from ..extensions import RevocationReason
from . import tables as t
from .database import from_micros, instant_of, micros_of, to_micros
from .deadlines import RevocationRequest
from .lifecycle import Act, State
from .register import Register


def receive(register: Register, request: RevocationRequest, *, actor: str) -> None:
    """Keep a request; its time runs from `received_at`. `actor` took it in.

    What is so already counts as carried out. Raises CertificateNotFound, RequestUsed.
    """
    row = t.status.c
    received = to_micros(request.received_at)
    with register.writing() as connection:
        # Under its lock: a change that comes now waits, and then finds the request.
        state = connection.execute(
            select(row.state)
            .join(t.certificates, _SAME)
            .where(row.issuer == request.issuer, row.serial == request.serial)
            .with_for_update(of=t.status)
        ).scalar_one_or_none()
        if state is None:
            raise CertificateNotFound(serial_number=request.serial.hex())
        done = State(state) in _FULFILLED[request.act]
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(t.revocation_requests).values(
                        request=request.request,
                        issuer=request.issuer,
                        serial=request.serial,
                        act=request.act.value,
                        reason=request.reason.value if request.reason else None,
                        invalidity_date=micros_of(request.invalidity_date),
                        requester=request.requester,
                        received_at=received,
                        due_at=to_micros(request.due_at),
                        done_at=received if done else None,
                        outcome="effected" if done else None,
                    )
                )
        except IntegrityError:
            raise RequestUsed(request=request.request) from None
        register.audit(
            connection,
            at=request.received_at,
            act="ca.revocation.received",
            actor=actor,
            subject=f"{request.issuer[:16]}/{request.serial.hex()}",
            details={
                "request": request.request,
                "act": request.act.value,
                "reason": request.reason.name.lower() if request.reason else None,
                "requester": request.requester,
                "open": not done,
            },
        )


def refuse(register: Register, request: str, *, why: str, actor: str, at: datetime) -> None:
    """End a request that was not confirmed, and record why (EN 319 411-1 REV-6.2.4-03BB).

    Raises RevocationRequestNotOpen.
    """
    row = t.revocation_requests.c
    with register.writing() as connection:
        ended = connection.execute(
            update(t.revocation_requests)
            .where(row.request == request, row.done_at.is_(None))
            .values(done_at=to_micros(at), outcome="refused")
            .returning(row.issuer, row.serial)
        ).one_or_none()
        if ended is None:
            raise RevocationRequestNotOpen(request=request)
        register.audit(
            connection,
            at=at,
            act="ca.revocation.refused",
            actor=actor,
            subject=f"{ended.issuer[:16]}/{bytes(ended.serial).hex()}",
            details={"request": request, "why": why},
        )


def open_requests(
    register: Register, *, due_before: datetime | None = None
) -> tuple[RevocationRequest, ...]:
    """The requests that are neither carried out nor refused, the most urgent first."""
    row = t.revocation_requests.c
    query = select(t.revocation_requests).where(row.done_at.is_(None)).order_by(row.due_at)
    if due_before is not None:
        query = query.where(row.due_at < to_micros(due_before))
    with register.reading() as connection:
        return tuple(_request(found) for found in connection.execute(query))


_SAME: Final = (t.certificates.c.issuer == t.status.c.issuer) & (
    t.certificates.c.serial == t.status.c.serial
)
_FULFILLED: Final = {
    Act.HOLD: (State.ON_HOLD, State.REVOKED),
    Act.REVOKE: (State.REVOKED,),
}


def _request(row: Row[Any]) -> RevocationRequest:
    return RevocationRequest(
        request=row.request,
        issuer=row.issuer,
        serial=bytes(row.serial),
        act=Act(row.act),
        requester=row.requester,
        received_at=from_micros(row.received_at),
        reason=None if row.reason is None else RevocationReason(row.reason),
        invalidity_date=instant_of(row.invalidity_date),
    )
