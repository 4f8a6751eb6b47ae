"""Renewal: a new certificate on the word of the living key and a second factor.

Not after the old one has ended, and not more than twice in a row: then the person is proven anew.
The code goes to the state's number of a resident, and to the address bound at the centre of those
who have none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ..certificates import Certificate
from ..errors import TransitionRefused
from .application import Application
from .centre import contact_bound
from .certified import living
from .desk import (
    Desk,
    Envelope,
    Move,
    accepted,
    arrived,
    attempt,
    by_system,
    is_token,
    previous_application,
    snapshot_of,
    try_code,
)
from .evidence.assurance import EDS_OF_LEVEL, Level
from .failures import Code, Failure
from .guards import Findings, Request
from .issuing import Issuing
from .kinds import EvidenceKind
from .providers import CheckedEvidence
from .remote import lock_if_spent, open_application, send_code
from .statements import RenewalStatement, signed_by
from .states import Flow, State

_FACTOR: Final = frozenset({Code.SECOND_FACTOR_MISSING})


def open_renewal(
    desk: Desk, issuing: Issuing, envelope: Envelope, *, certificate: Certificate
) -> Application:
    """Open one for a certificate of this desk. Raises TransitionRefused, ApplicationOpen."""
    previous = previous_application(desk, certificate.fingerprint)
    snapshot = None if previous is None else snapshot_of(desk, previous)
    issued = living(issuing.register, certificate.fingerprint, at=envelope.at)
    if previous is None or snapshot is None or issued is None:
        raise TransitionRefused(failures=(Failure(code=Code.KEY_NOT_LIVING),))
    return open_application(
        desk,
        envelope,
        flow=Flow.RENEWAL,
        profile=previous.profile,
        personal_number=snapshot.personal_number,
        changes={"renews": certificate.fingerprint, "renewals": previous.renewals + 1},
    )


def send_factor(desk: Desk, application: str, envelope: Envelope) -> Application:
    """Send the code of the second factor. Raises as `send_code` does."""
    return send_code(desk, application, envelope, contact_of=bound_contact)


def bound_contact(desk: Desk, application: Application, at: datetime) -> str | None:
    """The address that was bound when the renewed certificate was proven."""
    return contact_bound(desk, application, at=at)


def prove_living_key(
    desk: Desk,
    issuing: Issuing,
    application: str,
    envelope: Envelope,
    *,
    signature: bytes,
    algorithm: str,
    code: str,
) -> Application:
    """The old key's signature over the RenewalStatement, and the code that was sent.

    Raises TransitionRefused.
    """
    said = desk.pseudonyms.code(application, "message", b"", code)
    known, before, digest = arrived(desk, application, envelope, [signature, algorithm, said])
    if known is not None:
        return known
    at = envelope.at
    issued = living(issuing.register, before.renews, at=at)
    statement = RenewalStatement(
        application=application, challenge=before.challenge, certificate=before.renews
    )
    signed = issued is not None and signed_by(
        issued.certificate.public_key,
        statement.encoded,
        signature,
        algorithm=algorithm,
        at=at,
    )
    previous = previous_application(desk, before.renews)
    factor = try_code(desk, application, "contact", code, at=at)
    pieces = (
        CheckedEvidence(
            kind=EvidenceKind.LIVING_KEY,
            octets=statement.encoded + signature,
            holder="",
            # Never more than the proofing that the key was certified upon.
            proves=EDS_OF_LEVEL[Level.NONE if previous is None else previous.level],
        ),
        CheckedEvidence(
            kind=EvidenceKind.SECOND_FACTOR,
            octets=f"{application}\0{before.contact}\0{at.isoformat()}".encode(),
            holder="",
        ),
    )
    items, used, files = accepted(pieces)
    asks = Request(act="prove_living_key", token_ok=is_token(before, envelope.token))
    evidence = Findings(
        living_key=issued.person if issued is not None and signed else "",
        living_key_valid=signed,
        second_factor=factor.fits,
    )
    move = Move(
        request=asks,
        evidence=evidence,
        changes={"evidence": (*before.evidence, *items)},
        used=used,
        files=files,
        spent=("contact",),
    )
    miss = Move(
        request=Request(act="miss_code", token_ok=asks.token_ok),
        changes={"code_misses": before.code_misses + 1},
        codes=factor.kept,
    )
    try:
        return attempt(
            desk, before, move, miss, counted=_FACTOR, message=envelope.message, digest=digest,
            at=at,
        )  # fmt: skip
    except TransitionRefused:
        lock_if_spent(desk, application, at=at)
        raise


def clear_renewal(desk: Desk, application: str, *, at: datetime) -> Application:
    """Clear it; what it proves is never more than the first proofing did."""
    before = desk.store.load(application)
    if before.state is not State.LIVING_KEY_PROVED:
        return before
    move = Move(request=Request(act="clear"), changes={"nonce": desk.random(32)}, actor="system")
    return by_system(desk, before, move, at=at)
