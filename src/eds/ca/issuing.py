"""The rows of issuing, for one certificate or for many: one statement a table, not one a row.

What stands here runs in the transactions of `Register.reserve` and `complete`. The rows of a
table are taken in one order by everybody, so that those that want the same ones wait for each
other, and never in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, bindparam, exists, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from ..audit.statements import DIALECTS, Pen, Row, Statement
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

Signed = tuple["Intent", bytes, bytes]  # with the encoded certificate and its SHA-256


class Conflict(Exception):
    """A row is not as it must be. The transaction ends with this; then `why_not` may be asked."""


# --- the first transaction ------------------------------------------------------------------------


def reserve(connection: Connection, intents: Sequence[Intent], *, node: int) -> None:
    """Claim keys and subjects for their persons, and write the intents.

    Raises KeyBlocked, KeyTaken, SubjectTaken, Conflict.
    """
    if not intents:
        return
    pen = Pen.of(connection)
    keys = {intent.key_hash: intent.person for intent in intents}
    rows: list[Row] = sorted(keys.items())
    if _NEW_KEY(pen, [(*row, row[0]) for row in rows]).rowcount != len(rows):
        for key, person, source in _claim(connection, _CLAIM_KEY, rows):
            if source is not None:
                raise KeyBlocked(key=bytes(key).hex(), source=source)
            keys[bytes(key)] = person
    subjects = {(intent.issuer, intent.subject_hash): intent.person for intent in intents}
    rows = [(*subject, person) for subject, person in sorted(subjects.items())]
    if _NEW_SUBJECT(pen, rows).rowcount != len(rows):
        for issuer, subject, person in _claim(connection, _CLAIM_SUBJECT, rows):
            subjects[issuer, bytes(subject)] = person
    for intent in intents:
        if keys[intent.key_hash] != intent.person:
            raise KeyTaken(key=intent.key_hash.hex())
        if subjects[intent.issuer, intent.subject_hash] != intent.person:
            raise SubjectTaken
    _write(pen, [_intent_row(intent, node) for intent in sorted(intents, key=_by_request)])


def _write(pen: Pen, rows: Sequence[Row]) -> None:
    try:
        written = _INSERT_INTENT(pen, rows)
    except IntegrityError as error:
        raise Conflict from error
    if written.rowcount != len(rows):
        raise Conflict


def _claim(connection: Connection, statement: Statement, rows: Sequence[Row]) -> Sequence[Any]:
    """Whose each is: the person's of the row, if it was nobody's before.

    Asked where not all were new: to give back rows costs as much as to write them.
    """
    # SQLAlchemy makes one statement of many rows, and gives their answers.
    return connection.execute(
        statement.clauses[connection.dialect.name],
        [dict(zip(statement.names, row, strict=True)) for row in rows],
    ).all()


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
    pen = Pen.of(connection)
    ordered = sorted(signed, key=_by_serial)
    closed = _CLOSE(
        pen, [("issued", now, one.issuer, one.serial, "reserved") for one, _, _ in ordered]
    )
    if closed.rowcount != len(ordered):
        raise Conflict
    _INSERT_CERTIFICATE(pen, [_certificate_row(*each) for each in ordered])
    _INSERT_STATUS(pen, [_status_row(intent, now) for intent, _, _ in ordered])
    _INSERT_EVENT(pen, [_event_row(intent, now) for intent, _, _ in ordered])


def _by_request(intent: Intent) -> str:
    return intent.request


def _by_serial(signed: Signed) -> bytes:
    return signed[0].serial


def why_not_completed(connection: Connection, signed: Sequence[Signed]) -> EdsError:
    """Which intent was not open or stood there twice, or whose key was blocked meanwhile."""
    row = t.intents.c
    seen: set[tuple[str, bytes]] = set()
    for intent, _, _ in signed:
        key = (intent.issuer, intent.serial)
        is_open = select(row.serial).where(
            row.issuer == intent.issuer, row.serial == intent.serial, row.state == "reserved"
        )
        if key in seen or connection.execute(is_open).first() is None:
            return IntentNotOpen(serial_number=intent.serial.hex())
        seen.add(key)
    for intent, _, _ in signed:
        source = connection.execute(_BLOCKED, {"key": intent.key_hash}).scalar()
        if source is not None:
            return KeyBlocked(key=intent.key_hash.hex(), source=source)
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


def _claiming(table: Table, *key: str, beside: Sequence[Any] = ()) -> Statement:
    """Insert, or leave as it is; in either case say whose it is now."""
    clauses = {
        name: dialect.insert(table)
        .on_conflict_do_update(index_elements=list(key), set_={"person": table.c.person})
        .returning(*table.columns, *beside)
        for name, dialect in DIALECTS.items()
    }
    return Statement(clauses, [*key, "person"])


_BLOCKED: Final = select(t.blocked_keys.c.source).where(
    t.blocked_keys.c.key_hash == bindparam("key")
)
# Written out: SQLAlchemy takes the name of the table from what stands in RETURNING.
_WHY_BLOCKED: Final[Any] = literal_column(
    "(SELECT b.source FROM blocked_keys AS b WHERE b.key_hash = key_owners.key_hash)"
).label("blocked")
_NEW_KEY: Final = Statement(
    {
        name: dialect.insert(t.key_owners)
        .from_select(
            ["key_hash", "person"],
            select(
                bindparam("key_hash", type_=t.key_owners.c.key_hash.type),
                bindparam("person", type_=t.key_owners.c.person.type),
            ).where(~exists().where(t.blocked_keys.c.key_hash == bindparam("unblocked"))),
        )
        .on_conflict_do_nothing()
        for name, dialect in DIALECTS.items()
    },
    ["key_hash", "person", "unblocked"],
)
_NEW_SUBJECT: Final = _inserting_new(t.subject_owners)
_CLAIM_KEY: Final = _claiming(t.key_owners, "key_hash", beside=[_WHY_BLOCKED])
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
    *("new_state", "now", "of_issuer", "of_serial", "old_state"),
)
_INSERT_CERTIFICATE: Final = Statement.inserting(t.certificates)
_INSERT_STATUS: Final = Statement.inserting(t.status)
_INSERT_EVENT: Final = Statement.inserting(t.status_events)


# In the order of the columns.


def _intent_row(intent: Intent, node: int) -> Row:
    return (
        intent.issuer,
        intent.serial,
        intent.request,
        "reserved",
        intent.profile,
        intent.profile_hash,
        intent.key_hash,
        intent.key_kind,
        intent.subject_hash,
        intent.person,
        intent.authority,
        intent.operator,
        intent.evidence,
        intent.tbs_hash,
        to_micros(intent.not_before),
        to_micros(intent.not_after),
        intent.shard,
        intent.hold,
        node,
        to_micros(intent.created_at),
        None,
    )


def _certificate_row(intent: Intent, encoded: bytes, fingerprint: bytes) -> Row:
    return (
        intent.issuer,
        intent.serial,
        fingerprint,
        intent.key_hash,
        intent.person,
        intent.profile,
        intent.authority,
        intent.hold,
        to_micros(intent.not_before),
        to_micros(intent.not_after),
        encoded,
    )


def _status_row(intent: Intent, now: int) -> Row:
    return (
        intent.issuer,
        intent.serial,
        "valid",
        now,
        0,  # version
        None,  # reason
        None,  # invalidity date
        None,  # held since
        intent.shard,
        to_micros(intent.not_after),
        None,  # entry
    )


def _event_row(intent: Intent, now: int) -> Row:
    return (
        intent.issuer,
        intent.serial,
        0,  # version
        "valid",
        now,
        None,  # reason
        None,  # invalidity date
        intent.operator,
        intent.shard,
        now,
    )
