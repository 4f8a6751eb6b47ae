"""The rows of issuing, for one certificate or for many: one statement a table, not one a row.

What stands here runs in the transactions of `Register.reserve` and `complete`. The rows of a
table are taken in one order by everybody, so that those that want the same ones wait for each
other, and never in a circle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, bindparam, exists, select, update
from sqlalchemy.exc import IntegrityError

from ..audit.statements import DIALECTS, Statement
from ..errors import (
    EdsError,
    IntentNotOpen,
    KeyBlocked,
    KeyTaken,
    RegisterUnavailable,
    RequestUsed,
    SerialNumberUsed,
    SubjectTaken,
)
from . import tables as t
from .database import to_micros

if TYPE_CHECKING:
    from .register import Intent

Signed = tuple["Intent", bytes]  # with the encoded certificate


class Conflict(Exception):
    """A row is not as it must be. The transaction ends with this; then `why_not` may be asked."""


# --- the first transaction ------------------------------------------------------------------------


def reserve(connection: Connection, intents: Sequence[Intent], *, node: int) -> None:
    """Claim keys and subjects for their persons, and write the intents.

    Raises KeyBlocked, KeyTaken, SubjectTaken, Conflict.
    """
    if not intents:
        return
    keys = {intent.key_hash: intent.person for intent in intents}
    for key, source in _blocked(connection, sorted(keys)):
        raise KeyBlocked(key=bytes(key).hex(), source=source)
    owners = _claim(
        connection,
        _CLAIM_KEY,
        [{"key_hash": key, "person": keys[key]} for key in sorted(keys)],
    )
    for intent in intents:
        if owners[intent.key_hash] != intent.person:
            raise KeyTaken(key=intent.key_hash.hex())
    subjects = {(intent.issuer, intent.subject_hash): intent.person for intent in intents}
    owners = _claim(
        connection,
        _CLAIM_SUBJECT,
        [
            {"issuer": issuer, "subject_hash": subject, "person": subjects[issuer, subject]}
            for issuer, subject in sorted(subjects)
        ],
    )
    for intent in intents:
        if owners[intent.subject_hash] != intent.person:
            raise SubjectTaken
    ordered = sorted(intents, key=lambda intent: intent.request)
    try:
        written = _INSERT_INTENT(connection, [_intent_row(intent, node) for intent in ordered])
    except IntegrityError as error:
        raise Conflict from error
    if written.rowcount != len(ordered):
        raise Conflict


def _blocked(connection: Connection, keys: Sequence[bytes]) -> Iterator[Any]:
    if len(keys) == 1:
        yield from _BLOCKED_ONE(connection, [{"key": keys[0]}]).fetchall()
        return
    for start in range(0, len(keys), 500):  # no more in one statement than every database takes
        yield from connection.execute(_BLOCKED_MANY, {"keys": keys[start : start + 500]})


def _claim(
    connection: Connection, statement: Statement, rows: Sequence[Mapping[str, object]]
) -> dict[bytes, str]:
    """Hash → whose it is: the person's of the row, if it was nobody's before."""
    found: Any
    if len(rows) == 1:
        found = statement(connection, rows).fetchall()
    else:  # which makes one statement of many rows, and gives their answers
        found = connection.execute(statement.clauses[connection.dialect.name], rows)
    return {bytes(hashed): person for hashed, person in found}


def why_not_reserved(connection: Connection, intents: Sequence[Intent]) -> EdsError:
    """Which row stood in the way of intents that could not be written."""
    row = t.intents.c
    serials: set[tuple[str, bytes]] = set()
    requests: set[str] = set()
    for intent in intents:
        key = (intent.issuer, intent.serial)
        by_serial = select(row.serial).where(
            row.issuer == intent.issuer, row.serial == intent.serial
        )
        if key in serials or connection.execute(by_serial).first():
            return SerialNumberUsed(serial_number=intent.serial.hex())
        by_request = select(row.serial).where(
            row.request == intent.request, row.state != "abandoned"
        )
        if intent.request in requests or connection.execute(by_request).first():
            return RequestUsed(request=intent.request)
        serials.add(key)
        requests.add(intent.request)
    return RegisterUnavailable(reason="IntegrityError")


# --- the second transaction -----------------------------------------------------------------------


def complete(connection: Connection, signed: Sequence[Signed], *, now: int) -> None:
    """Close the intents, and write the certificates with their first status. Raises Conflict."""
    if not signed:
        return
    ordered = sorted(signed, key=lambda pair: pair[0].serial)
    closed = _CLOSE(
        connection,
        [
            {
                "of_issuer": intent.issuer,
                "of_serial": intent.serial,
                "old_state": "reserved",
                "new_state": "issued",
                "now": now,
            }
            for intent, _ in ordered
        ],
    )
    if closed.rowcount != len(ordered):
        raise Conflict
    _INSERT_CERTIFICATE(connection, [_certificate_row(*pair) for pair in ordered])
    _INSERT_STATUS(connection, [_status_row(intent, now) for intent, _ in ordered])
    _INSERT_EVENT(connection, [_event_row(intent, now) for intent, _ in ordered])


def why_not_completed(connection: Connection, signed: Sequence[Signed]) -> EdsError:
    """Which intent was not open or stood there twice, or whose key was blocked meanwhile."""
    row = t.intents.c
    seen: set[tuple[str, bytes]] = set()
    for intent, _ in signed:
        key = (intent.issuer, intent.serial)
        is_open = select(row.serial).where(
            row.issuer == intent.issuer, row.serial == intent.serial, row.state == "reserved"
        )
        if key in seen or connection.execute(is_open).first() is None:
            return IntentNotOpen(serial_number=intent.serial.hex())
        seen.add(key)
    for blocked, source in _blocked(connection, sorted({each.key_hash for each, _ in signed})):
        return KeyBlocked(key=bytes(blocked).hex(), source=source)
    return RegisterUnavailable(reason="an intent was closed meanwhile")


# --- statements and rows --------------------------------------------------------------------------


def _inserting_new(table: Table) -> Statement:
    """Insert what is not there yet, and tell by the count whether that was all.

    An error among many rows would leave psycopg a pipeline to clear away, loudly.
    """
    clauses = {
        name: dialect.insert(table).on_conflict_do_nothing() for name, dialect in DIALECTS.items()
    }
    return Statement(clauses, [column.name for column in table.columns])


def _claiming(table: Table, *key: str) -> Statement:
    """Insert, or leave as it is; in either case say whose it is now."""
    clauses = {
        name: dialect.insert(table)
        .on_conflict_do_update(index_elements=list(key), set_={"person": table.c.person})
        .returning(table.c[key[-1]], table.c.person)
        for name, dialect in DIALECTS.items()
    }
    return Statement(clauses, [*key, "person"])


_BLOCKED: Final = select(t.blocked_keys.c.key_hash, t.blocked_keys.c.source)
_BLOCKED_ONE: Final = Statement.of(
    _BLOCKED.where(t.blocked_keys.c.key_hash == bindparam("key")), "key"
)
_BLOCKED_MANY: Final = _BLOCKED.where(
    t.blocked_keys.c.key_hash.in_(bindparam("keys", expanding=True))
)
_CLAIM_KEY: Final = _claiming(t.key_owners, "key_hash")
_CLAIM_SUBJECT: Final = _claiming(t.subject_owners, "issuer", "subject_hash")
_INSERT_INTENT: Final = _inserting_new(t.intents)
_CLOSE: Final = Statement.of(
    update(t.intents)
    .where(
        t.intents.c.issuer == bindparam("of_issuer"),
        t.intents.c.serial == bindparam("of_serial"),
        t.intents.c.state == bindparam("old_state"),
        # A key may have been blocked since.
        ~exists().where(t.blocked_keys.c.key_hash == t.intents.c.key_hash),
    )
    .values(state=bindparam("new_state"), closed_at=bindparam("now")),
    *("of_issuer", "of_serial", "old_state", "new_state", "now"),
)
_INSERT_CERTIFICATE: Final = Statement.inserting(t.certificates)
_INSERT_STATUS: Final = Statement.inserting(t.status)
_INSERT_EVENT: Final = Statement.inserting(t.status_events)


def _intent_row(intent: Intent, node: int) -> dict[str, object]:
    return {
        "issuer": intent.issuer,
        "serial": intent.serial,
        "request": intent.request,
        "state": "reserved",
        "profile": intent.profile,
        "profile_hash": intent.profile_hash,
        "key_hash": intent.key_hash,
        "key_kind": intent.key_kind,
        "subject_hash": intent.subject_hash,
        "person": intent.person,
        "authority": intent.authority,
        "operator": intent.operator,
        "evidence": intent.evidence,
        "tbs_hash": intent.tbs_hash,
        "hold": intent.hold,
        "not_before": to_micros(intent.not_before),
        "not_after": to_micros(intent.not_after),
        "shard": intent.shard,
        "node": node,
        "created_at": to_micros(intent.created_at),
        "closed_at": None,
    }


def _certificate_row(intent: Intent, encoded: bytes) -> dict[str, object]:
    return {
        "issuer": intent.issuer,
        "serial": intent.serial,
        "fingerprint": hashlib.sha256(encoded).digest(),
        "key_hash": intent.key_hash,
        "person": intent.person,
        "profile": intent.profile,
        "authority": intent.authority,
        "hold": intent.hold,
        "not_before": to_micros(intent.not_before),
        "not_after": to_micros(intent.not_after),
        "encoded": encoded,
    }


def _status_row(intent: Intent, now: int) -> dict[str, object]:
    return {
        "issuer": intent.issuer,
        "serial": intent.serial,
        "state": "valid",
        "since": now,
        "version": 0,
        "reason": None,
        "invalidity_date": None,
        "held_since": None,
        "shard": intent.shard,
        "not_after": to_micros(intent.not_after),
        "entry": None,
    }


def _event_row(intent: Intent, now: int) -> dict[str, object]:
    return {
        "issuer": intent.issuer,
        "serial": intent.serial,
        "version": 0,
        "state": "valid",
        "at": now,
        "reason": None,
        "invalidity_date": None,
        "actor": intent.operator,
        "shard": intent.shard,
        "recorded_at": now,
    }
