"""The tables of a desk, and the short statements of each act, written out once.

`eds.enroll.migrations` makes the tables; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from ..audit.statements import DIALECTS, Statement

METADATA: Final = MetaData()
_PSEUDONYM = String(80)
_HASH = LargeBinary(32)

applications: Final = Table(
    "enroll_applications",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("state", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("applicant", _PSEUDONYM, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("deadline", BigInteger),
    Column("effect", String(12)),  # what is still to be done to the certificate
    Column("body", Text, nullable=False),  # canonical JSON
)
Index("enroll_applications_applicant", applications.c.applicant, applications.c.opened_at)
Index(
    "enroll_applications_deadline",
    applications.c.deadline,
    sqlite_where=text("deadline IS NOT NULL"),
    postgresql_where=text("deadline IS NOT NULL"),
)
Index(
    "enroll_applications_effect",
    applications.c.application,
    sqlite_where=text("effect IS NOT NULL"),
    postgresql_where=text("effect IS NOT NULL"),
)

# One open application for a person, and for a document: whoever is here has one.
claims: Final = Table(
    "enroll_claims",
    METADATA,
    Column("person", _PSEUDONYM, primary_key=True),
    Column("application", String(64), nullable=False),
)
Index("enroll_claims_application", claims.c.application)

messages: Final = Table(
    "enroll_messages",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("message", String(64), primary_key=True),
    Column("digest", _HASH, nullable=False),
    Column("version", Integer, nullable=False),
    Column("refused", Text, nullable=False),  # codes, where it only counted an attempt
)

# Evidence, assertions, acts: what works once, in any application, for ever.
used: Final = Table(
    "enroll_used",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("digest", _HASH, primary_key=True),
    Column("application", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)

# Sealed under the key of application and class that `eds.enroll.filing` gives a name. No digest
# of what is in it stands beside: a personal number could be guessed by it.
files: Final = Table(
    "enroll_files",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("name", String(96), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
)
# `wrapped` is NULL once the key was destroyed; `due_at` is when it is to be.
keys: Final = Table(
    "enroll_keys",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("retention", String(16), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("wrapped", LargeBinary),
    Column("due_at", BigInteger),
)
Index(
    "enroll_keys_due",
    keys.c.due_at,
    sqlite_where=text("wrapped IS NOT NULL"),
    postgresql_where=text("wrapped IS NOT NULL"),
)

codes: Final = Table(
    "enroll_codes",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("salt", LargeBinary(16), nullable=False),
    Column("mac", _HASH, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts_left", Integer, nullable=False),
)

# Who did what when, for limits: telephone → people, device → people, official → applications.
marks: Final = Table(
    "enroll_marks",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("name", _PSEUDONYM, primary_key=True),
    Column("reference", String(80), primary_key=True),
    Column("holder", _PSEUDONYM, nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index("enroll_marks_name", marks.c.kind, marks.c.name, marks.c.at)

officials: Final = Table(
    "enroll_officials",
    METADATA,
    Column("person", _PSEUDONYM, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
)


# --- the statements of an act --------------------------------------------------------------------


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _inserting_new(table: Table) -> Statement:
    """Insert what is not there yet; the count of rows tells whether it was."""
    clauses = {name: each.insert(table).on_conflict_do_nothing() for name, each in _dialects()}
    return Statement(clauses, _names(table))


def _putting(table: Table) -> Statement:
    """Insert, or put in the place of what is there under that key."""
    key = [column.name for column in table.primary_key]
    clauses = {}
    for name, dialect in _dialects():
        row = dialect.insert(table)
        rest = {each: row.excluded[each] for each in _names(table) if each not in key}
        clauses[name] = row.on_conflict_do_update(index_elements=key, set_=rest)
    return Statement(clauses, _names(table))


def _dialects() -> Any:
    found: Mapping[str, Any] = DIALECTS
    return found.items()


def _all_of(table: Table, *names: str) -> Any:
    """Rows of that table where these columns are as said."""
    return and_(*(table.c[name] == bindparam(f"of_{name}") for name in names))


INSERT_MESSAGE: Final = _inserting_new(messages)
INSERT_APPLICATION: Final = _inserting_new(applications)
# Compare and set: no row where another act came first.
MOVE_APPLICATION: Final = Statement.of(
    update(applications)
    .where(_all_of(applications, "application", "version"))
    .values(
        state=bindparam("state"),
        version=bindparam("version"),
        deadline=bindparam("deadline"),
        effect=func.coalesce(bindparam("effect"), applications.c.effect),
        body=bindparam("body"),
    ),
    *("state", "version", "deadline", "effect", "body", "of_application", "of_version"),
)
CLAIM: Final = Statement(
    {
        name: dialect.insert(claims)
        .on_conflict_do_update(
            index_elements=["person"], set_={"application": claims.c.application}
        )
        .returning(claims.c.application)
        for name, dialect in _dialects()
    },
    _names(claims),
)
"""Insert, or leave as it is; in either case whose it is now."""
GIVE_UP_CLAIMS: Final = Statement.of(
    delete(claims).where(_all_of(claims, "application")), "of_application"
)
SPEND: Final = _inserting_new(used)
PUT_FILE: Final = _putting(files)
INSERT_KEY: Final = Statement.inserting(keys)
KEYS_OF: Final = Statement.of(
    select(keys.c.retention, keys.c.key_id, keys.c.wrapped).where(_all_of(keys, "application")),
    "of_application",
)
SET_DUE: Final = Statement.of(
    update(keys)
    .where(_all_of(keys, "application", "retention"))
    .values(due_at=bindparam("due_at")),
    *("due_at", "of_application", "of_retention"),
)
PUT_CODE: Final = _putting(codes)
DROP_CODE: Final = Statement.of(
    delete(codes).where(_all_of(codes, "application", "purpose")),
    *("of_application", "of_purpose"),
)
MARK: Final = _inserting_new(marks)

FIND: Final = Statement.of(
    select(applications.c.body).where(_all_of(applications, "application")), "of_application"
)
MESSAGE: Final = Statement.of(
    select(messages.c.digest, messages.c.version, messages.c.refused).where(
        _all_of(messages, "application", "message")
    ),
    *("of_application", "of_message"),
)
ARRIVED: Final = Statement.of(
    select(applications.c.body, messages.c.digest, messages.c.version, messages.c.refused)
    .select_from(
        applications.outerjoin(
            messages,
            and_(
                messages.c.application == applications.c.application,
                messages.c.message == bindparam("message"),
            ),
        )
    )
    .where(_all_of(applications, "application")),
    *("message", "of_application"),
)
FILE: Final = Statement.of(
    select(files.c.sealed, keys.c.key_id, keys.c.wrapped)
    .select_from(
        files.outerjoin(
            keys,
            and_(
                keys.c.application == files.c.application,
                keys.c.retention == bindparam("retention"),
            ),
        )
    )
    .where(_all_of(files, "application", "name")),
    *("retention", "of_application", "of_name"),
)
CODE: Final = Statement.of(
    select(codes.c.salt, codes.c.mac, codes.c.expires_at, codes.c.attempts_left).where(
        _all_of(codes, "application", "purpose")
    ),
    *("of_application", "of_purpose"),
)
OPENED_SINCE: Final = Statement.of(
    select(func.count())
    .select_from(applications)
    .where(
        applications.c.applicant == bindparam("applicant"),
        applications.c.opened_at > bindparam("since"),
    ),
    *("applicant", "since"),
)
MARKED: Final = Statement.of(
    select(func.count(marks.c.holder.distinct())).where(
        _all_of(marks, "kind", "name"),
        marks.c.at > bindparam("since"),
        marks.c.holder != bindparam("but"),
    ),
    *("of_kind", "of_name", "since", "but"),
)
OFFICIAL: Final = Statement.of(
    select(officials.c.body).where(_all_of(officials, "person")), "of_person"
)
