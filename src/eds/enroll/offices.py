"""Who is in office: appointed by two security officers, removed by one, at once.

The first officers come from the ceremony of the desk, before any official could sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from ..errors import InvalidArgument, TransitionRefused
from .desk import Desk
from .encoding import digest
from .failures import Code, Failure
from .guards import SKEW
from .officials import EXCLUSIVE, ActingOfficial, Official, Role, pair_failures, role_failure
from .statements import SignedAct


def found_desk(desk: Desk, officers: Iterable[Official], *, ceremony: bytes, at: datetime) -> None:
    """Put the first security officers in office, two or more different people.

    `ceremony` is the SHA-256 of the record that all present signed; it is used once. Raises
    TransitionRefused, EvidenceUsed, and InvalidArgument where there are officials already.
    """
    if desk.store.officials():
        raise InvalidArgument(argument="desk", reason="it has its officials already")
    first = tuple(officers)
    people = {official.person for official in first}
    found = []
    if len(people) < 2 or len(people) != len(first):
        found.append(Failure(code=Code.TOO_FEW_PEOPLE))
    if any(official.roles != {Role.SECURITY_OFFICER} for official in first):
        found.append(Failure(code=Code.ROLE_MISSING))
    if found:
        raise TransitionRefused(failures=tuple(found))
    for number, official in enumerate(first):
        used = hashlib.sha256(ceremony + bytes((number,))).digest()
        desk.store.put_official(
            official, act="founded", actor="ceremony", acts=(used,), signed=(), at=at
        )


def appoint_official(
    desk: Desk, official: Official, first: SignedAct, second: SignedAct, *, at: datetime
) -> None:
    """Give a person these roles, stations and conflicts, in place of those before.

    Two security officers sign the SHA-256 of the Official (`eds.enroll.encoding.digest`). Raises
    TransitionRefused, SignatureNotPassed, EvidenceUsed.
    """
    acting = tuple(desk.office.acting(each, at=at) for each in (first, second))
    found = [
        *_failures(desk, acting, "appoint_official", official, at=at),
        *pair_failures(*acting, concerned=frozenset({official.person})),
    ]
    if any(pair <= official.roles for pair in EXCLUSIVE) or not official.roles:
        found.append(Failure(code=Code.ROLES_EXCLUSIVE))
    _put(desk, official, "appointed", acting, (first, second), tuple(found), at=at)


def remove_official(desk: Desk, person: str, act: SignedAct, *, at: datetime) -> None:
    """Out of office from this instant, also for decisions that were not used yet.

    One security officer is enough: it is the safe direction. Raises TransitionRefused,
    SignatureNotPassed, EvidenceUsed.
    """
    gone = Official(person=person, roles=frozenset())
    acting = (desk.office.acting(act, at=at),)
    found = tuple(_failures(desk, acting, "remove_official", gone, at=at))
    _put(desk, gone, "removed", acting, (act,), found, at=at)


def unlock_document(
    desk: Desk, document: str, first: SignedAct, second: SignedAct, *, at: datetime
) -> None:
    """Take the locks off a document (its pseudonym), for a reason that two security officers sign.

    Raises TransitionRefused, SignatureNotPassed, EvidenceUsed.
    """
    acting = tuple(desk.office.acting(each, at=at) for each in (first, second))
    found = [*pair_failures(*acting, concerned=frozenset())]
    for each in acting:
        found += _act_failures(desk, each, "unlock_document", f"document/{document}", at=at)
        if not each.statement.reason:
            found.append(Failure(code=Code.REASON_MISSING))
    if found:
        raise TransitionRefused(failures=tuple(dict.fromkeys(found)))
    acts = [hashlib.sha256(each.statement).digest() for each in (first, second)]
    desk.store.unlock(document, acts=acts, actor=f"official/{acting[-1].person}", at=at)


def _act_failures(
    desk: Desk, who: ActingOfficial, act: str, target: str, *, at: datetime
) -> list[Failure]:
    found = []
    failure = role_failure(who.official, act)
    if failure is not None:
        found.append(failure)
    said = who.statement
    if (said.act, said.target) != (act, target):
        found.append(Failure(code=Code.ACT_FOR_ANOTHER))
    if not (said.at <= at + SKEW and at - said.at <= desk.policy.act_lasts):
        found.append(Failure(code=Code.ACT_STALE))
    return found


def _failures(
    desk: Desk,
    acting: tuple[ActingOfficial, ...],
    act: str,
    official: Official,
    *,
    at: datetime,
) -> list[Failure]:
    found = []
    for each in acting:
        found += _act_failures(desk, each, act, f"official/{official.person}", at=at)
        if each.statement.digest != digest(official):
            found.append(Failure(code=Code.ANOTHER_RECORD))
        if each.person == official.person:
            found.append(Failure(code=Code.OWN_CASE))
    return found


def _put(
    desk: Desk,
    official: Official,
    act: str,
    acting: tuple[ActingOfficial, ...],
    signed: tuple[SignedAct, ...],
    failures: tuple[Failure, ...],
    *,
    at: datetime,
) -> None:
    if failures:
        raise TransitionRefused(failures=tuple(dict.fromkeys(failures)))
    desk.store.put_official(
        official,
        act=act,
        actor=f"official/{acting[-1].person}",
        acts=[hashlib.sha256(each.statement).digest() for each in signed],
        signed=[hashlib.sha256(each.signature).digest() for each in signed],
        at=at,
    )
