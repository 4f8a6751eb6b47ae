"""Holding and revoking a certificate that is in use: by its holder, its organisation, officials.

A hold and a revocation are easy to get, a release wants two officials. Every wish is received
first (`eds.ca.received`), so its time runs even where carrying it out fails.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

from ..ca.acts import carry_out, plan_change
from ..ca.deadlines import RevocationRequest
from ..ca.issuers import STATUS_RULES
from ..ca.lifecycle import Act, Change, Status
from ..ca.received import receive
from ..ca.register import Issued
from ..errors import CertificateNotFound, TransitionRefused
from ..extensions import RevocationReason
from .desk import Desk
from .encoding import decode
from .failures import Code, Failure
from .guards import SKEW
from .issuing import Issuing
from .officials import ActingOfficial, pair_failures, role_failure
from .passphrases import is_passphrase
from .statements import SignedAct, StatusStatement, signed_by

# What the holder may ask for with the key alone, and with the passphrase.
_HOLDER: Final = {"hold": Act.HOLD, "revoke": Act.REVOKE}
_OFFICIALS: Final = {"hold": Act.HOLD, "revocation": Act.REVOKE, "release": Act.RELEASE}
# Who speaks for an organisation about its people.
_SPEAKERS: Final = frozenset({"legal-entity-head", "legal-entity-hr"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of which certificate (its SHA-256), and why."""

    certificate: bytes
    act: Act
    reason: RevocationReason | None = None


def by_key(
    desk: Desk,
    issuing: Issuing,
    *,
    statement: bytes,
    signature: bytes,
    algorithm: str,
    at: datetime,
    reason: RevocationReason = RevocationReason.UNSPECIFIED,
) -> Status:
    """The holder, by the key itself. Raises TransitionRefused, EvidenceUsed, MalformedStatement."""
    said = decode(StatusStatement, statement)
    issued = _issued(issuing, said.certificate)
    key = issued.certificate.public_key
    if not signed_by(key, statement, signature, algorithm=algorithm, at=at):
        _refuse(Code.NOT_SIGNED_WITH_KEY)
    if said.statement != "eds.enroll.status" or said.act not in _HOLDER:
        _refuse(Code.ACT_FOR_ANOTHER)
    if not (said.at <= at + SKEW and at - said.at <= desk.policy.act_lasts):
        _refuse(Code.ACT_STALE)
    digest = hashlib.sha256(statement).digest()
    _spend(desk, (digest,), issued, f"holder/{issued.person}", said.act, at=at)
    act = _HOLDER[said.act]
    wish = Wish(certificate=said.certificate, act=act, reason=reason if act is Act.REVOKE else None)
    return _carry_out(issuing, issued, wish, name=digest, actor=f"holder/{issued.person}", at=at)


def by_passphrase(
    desk: Desk,
    issuing: Issuing,
    wish: Wish,
    *,
    passphrase: str,
    at: datetime,
) -> Status:
    """The holder, by the passphrase of the activation; no release. Raises TransitionRefused."""
    issued = _issued(issuing, wish.certificate)
    name = desk.store.reference("certificate", wish.certificate.hex())
    if name is None or not is_passphrase(desk, name, passphrase, at=at):
        _refuse(Code.SECRET_WRONG)
    if wish.act is Act.RELEASE:
        _refuse(Code.TOO_FEW_PEOPLE)
    actor = f"holder/{issued.person}"
    return _carry_out(issuing, issued, wish, name=desk.random(32), actor=actor, at=at)


def by_organisation(desk: Desk, issuing: Issuing, act: SignedAct, *, at: datetime) -> Status:
    """The head or the personnel officer of the organisation that the certificate names.

    Dismissal revokes (affiliationChanged). Raises TransitionRefused, SignatureNotPassed.
    """
    signer = desk.office.checker.signer_of(act.statement, act.signature, at=at)
    said = decode(StatusStatement, act.statement)
    issued = _issued(issuing, said.certificate)
    speaker = issuing.register.find_by(fingerprint=signer.fingerprint, limit=1)
    profile = speaker[0].profile.partition("/")[0] if speaker else ""
    mine = signer.subject.values("2.5.4.97")
    theirs = issued.certificate.subject.values("2.5.4.97")
    if profile not in _SPEAKERS or not mine or mine != theirs:
        _refuse(Code.ROLE_MISSING)
    if said.act != "revoke" or said.statement != "eds.enroll.status":
        _refuse(Code.ACT_FOR_ANOTHER)
    if not (said.at <= at + SKEW and at - said.at <= desk.policy.act_lasts):
        _refuse(Code.ACT_STALE)
    digest = hashlib.sha256(act.statement).digest()
    actor = f"organisation/{signer.fingerprint.hex()[:32]}"
    _spend(desk, (digest,), issued, actor, "revoke", at=at)
    wish = Wish(
        certificate=said.certificate,
        act=Act.REVOKE,
        reason=RevocationReason.AFFILIATION_CHANGED,
    )
    return _carry_out(issuing, issued, wish, name=digest, actor=actor, at=at)


def by_officials(
    desk: Desk,
    issuing: Issuing,
    kind: str,
    proposed: SignedAct,
    approved: SignedAct,
    *,
    at: datetime,
) -> Status:
    """`hold`, `revocation` or `release` by an operator and a checker over the same statement.

    Its target is `certificate/` and the SHA-256. The reason of a revocation is the word of RFC 5280
    §5.3.1 that the reason which both signed begins with, such as `key-compromise`.

    Raises TransitionRefused, SignatureNotPassed, EvidenceUsed.
    """
    first = desk.office.acting(proposed, at=at)
    second = desk.office.acting(approved, at=at)
    target = first.statement.target.removeprefix("certificate/")
    try:
        certificate = bytes.fromhex(target)
    except ValueError:
        _refuse(Code.ACT_FOR_ANOTHER)
    issued = _issued(issuing, certificate)
    found = [
        *_acts(desk, ((f"propose_{kind}", first), (f"approve_{kind}", second)), at=at),
        *pair_failures(first, second, concerned=frozenset({issued.person})),
    ]
    name = desk.store.reference("certificate", certificate.hex())
    application = None if name is None else desk.store.find(name)
    if kind == "release" and application is not None and second.person == application.operator:
        # Nobody gives back what they gave.
        found.append(Failure(code=Code.CONFLICT))
    if not first.statement.reason:
        found.append(Failure(code=Code.REASON_MISSING))
    if found:
        raise TransitionRefused(failures=tuple(dict.fromkeys(found)))
    digests = tuple(hashlib.sha256(each.statement).digest() for each in (proposed, approved))
    actor = f"official/{second.person}"
    _spend(desk, digests, issued, actor, kind, at=at)
    act = _OFFICIALS[kind]
    reason = _reason_of(first.statement.reason) if act is Act.REVOKE else None
    wish = Wish(certificate=certificate, act=act, reason=reason)
    return _carry_out(issuing, issued, wish, name=digests[0], actor=actor, at=at)


# --- inside --------------------------------------------------------------------------------------


def _acts(
    desk: Desk, acts: tuple[tuple[str, ActingOfficial], ...], *, at: datetime
) -> list[Failure]:
    found = []
    for name, who in acts:
        failure = role_failure(who.official, name)
        if failure is not None:
            found.append(failure)
        if who.statement.act != name:
            found.append(Failure(code=Code.ACT_FOR_ANOTHER))
        fresh = who.statement.at <= at + SKEW and at - who.statement.at <= desk.policy.act_lasts
        if not fresh:
            found.append(Failure(code=Code.ACT_STALE))
    return found


def _reason_of(said: str) -> RevocationReason:
    word = re.split(r"[^a-z-]", said, maxsplit=1)[0]
    found = RevocationReason.__members__.get(word.replace("-", "_").upper())
    return RevocationReason.UNSPECIFIED if found is None else found


def _issued(issuing: Issuing, certificate: bytes) -> Issued:
    found = issuing.register.find_by(fingerprint=certificate, limit=1)
    if not found:
        raise CertificateNotFound(serial_number="")
    return found[0]


def _spend(
    desk: Desk, digests: tuple[bytes, ...], issued: Issued, actor: str, act: str, *, at: datetime
) -> None:
    for digest in digests:
        record = {
            "act": "enroll.certificate.wish",
            "actor": actor,
            "subject": f"{issued.issuer[:16]}/{issued.serial.hex()}",
            "details": {"act": act, "statement": digest.hex()},
        }
        desk.store.spend("act", digest, record=record, at=at)


def _carry_out(
    issuing: Issuing, issued: Issued, wish: Wish, *, name: bytes, actor: str, at: datetime
) -> Status:
    change = Change(act=wish.act, at=at, reason=wish.reason)
    planned = plan_change(issuing.register, issued, change)
    if wish.act is not Act.RELEASE:
        receive(
            issuing.register,
            RevocationRequest(
                request=f"desk/{name.hex()}",
                issuer=issued.issuer,
                serial=issued.serial,
                act=wish.act,
                requester=actor,
                received_at=at,
                reason=wish.reason,
            ),
            actor=actor,
        )
    return carry_out(planned, register=issuing.register, policy=STATUS_RULES, actor=actor, at=at)[0]


def _refuse(code: Code) -> NoReturn:
    raise TransitionRefused(failures=(Failure(code=code),))
