"""The tables of an authority's register: plain SQL that SQLite and PostgreSQL share.

No sequences, no global counter, no hot row: everything hangs on (issuer, serial number), which
is random, or on (issuer, shard). Instants are microseconds since 1970, UTC. Personal numbers
never stand here: `person` is an opaque reference that the desk can resolve.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData()

# What a database must be for this code; a change of tables is a new migration and a new number.
REVISION: Final = "0001"

_SERIAL = LargeBinary(20)
_HASH = LargeBinary(32)

issuers: Final = Table(
    "issuers",
    METADATA,
    Column("issuer", String(64), primary_key=True),  # hex of SHA-256 over name and key
    Column("label", String(200), nullable=False, unique=True),
    Column("certificate", LargeBinary, nullable=False),
    Column("key_uri", Text, nullable=False),
    Column("settings", Text, nullable=False),  # canonical JSON: addresses, shards
    Column("created_at", BigInteger, nullable=False),
)

# The guard: small, kept for ever, written before any key is used (invariants 1 and 4).
intents: Final = Table(
    "intents",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("serial", _SERIAL, primary_key=True),
    Column("request", String(200), nullable=False),
    Column("state", String(12), nullable=False),
    Column("profile", String(200), nullable=False),
    Column("profile_hash", _HASH, nullable=False),
    Column("key_hash", _HASH, nullable=False),
    Column("key_kind", String(40), nullable=False),  # "RSA 3072", "EC P-256"
    Column("subject_hash", _HASH, nullable=False),
    Column("person", String(200), nullable=False),
    Column("authority", String(200), nullable=False),  # the registration authority
    Column("operator", String(200), nullable=False),
    Column("evidence", _HASH, nullable=False),
    Column("tbs_hash", _HASH, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("shard", Integer, nullable=False),
    Column("hold", Boolean, nullable=False),
    Column("node", SmallInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    ForeignKeyConstraint(["issuer"], ["issuers.issuer"]),
    CheckConstraint("state IN ('reserved', 'issued', 'abandoned')", name="intents_state"),
)
# One authorisation, one certificate: a request may be tried again only after it was abandoned.
Index(
    "intents_request",
    intents.c.request,
    unique=True,
    sqlite_where=text("state <> 'abandoned'"),
    postgresql_where=text("state <> 'abandoned'"),
)
Index(
    "intents_open",
    intents.c.created_at,
    sqlite_where=text("state = 'reserved'"),
    postgresql_where=text("state = 'reserved'"),
)

certificates: Final = Table(
    "certificates",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("serial", _SERIAL, primary_key=True),
    Column("fingerprint", _HASH, nullable=False, unique=True),
    Column("key_hash", _HASH, nullable=False),
    Column("person", String(200), nullable=False),
    Column("profile", String(200), nullable=False),
    Column("authority", String(200), nullable=False),
    Column("hold", Boolean, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("encoded", LargeBinary, nullable=False),
    ForeignKeyConstraint(["issuer", "serial"], ["intents.issuer", "intents.serial"]),
)
Index("certificates_key", certificates.c.key_hash)
Index("certificates_person", certificates.c.person)

# Hot and small, apart from the cold certificate.
status: Final = Table(
    "status",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("serial", _SERIAL, primary_key=True),
    Column("state", String(8), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("reason", SmallInteger),
    Column("invalidity_date", BigInteger),
    Column("held_since", BigInteger),
    Column("shard", Integer, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("entry", LargeBinary),  # the encoded list entry, made once at the change
    ForeignKeyConstraint(["issuer", "serial"], ["intents.issuer", "intents.serial"]),
    CheckConstraint("state IN ('valid', 'on_hold', 'revoked')", name="status_state"),
)
Index(
    "status_listed",
    status.c.issuer,
    status.c.shard,
    sqlite_where=text("state <> 'valid'"),
    postgresql_where=text("state <> 'valid'"),
)

status_events: Final = Table(
    "status_events",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("serial", _SERIAL, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", String(8), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", SmallInteger),
    Column("invalidity_date", BigInteger),
    Column("actor", String(200), nullable=False),
    Column("shard", Integer, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["issuer", "serial"], ["intents.issuer", "intents.serial"]),
)
Index("status_events_shard", status_events.c.issuer, status_events.c.shard, status_events.c.at)
Index(
    "status_events_released",
    status_events.c.issuer,
    status_events.c.shard,
    sqlite_where=text("state = 'valid' AND version > 0"),
    postgresql_where=text("state = 'valid' AND version > 0"),
)

blocked_keys: Final = Table(
    "blocked_keys",
    METADATA,
    Column("key_hash", _HASH, primary_key=True),
    Column("source", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
)

key_owners: Final = Table(
    "key_owners",
    METADATA,
    Column("key_hash", _HASH, primary_key=True),
    Column("person", String(200), nullable=False),
)

subject_owners: Final = Table(
    "subject_owners",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("subject_hash", _HASH, primary_key=True),
    Column("person", String(200), nullable=False),
)

lists: Final = Table(
    "lists",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),  # the last number given out
    Column("latest", BigInteger, nullable=False),  # the number of the newest that was published
    Column("published", BigInteger, nullable=False),  # the same, of full lists alone
    # When the newest was made: how many were listed, and how many holds had ever been released.
    # Their sum never falls, or an entry was lost.
    Column("entries", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("this_update", BigInteger),
    Column("next_update", BigInteger),
    ForeignKeyConstraint(["issuer"], ["issuers.issuer"]),
)

list_bodies: Final = Table(
    "list_bodies",
    METADATA,
    Column("issuer", String(64), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("base", BigInteger),  # of a delta; null for a full list
    Column("this_update", BigInteger, nullable=False),
    Column("next_update", BigInteger, nullable=False),
    Column("encoded", LargeBinary, nullable=False),
)

# Kept with its outcome, also where nothing came of it (EN 319 411-1 REV-6.2.4-03BB).
revocation_requests: Final = Table(
    "revocation_requests",
    METADATA,
    Column("request", String(200), primary_key=True),
    Column("issuer", String(64), nullable=False),
    Column("serial", _SERIAL, nullable=False),
    Column("act", String(8), nullable=False),
    Column("reason", SmallInteger),
    Column("invalidity_date", BigInteger),
    Column("requester", String(200), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("outcome", String(12)),
    ForeignKeyConstraint(["issuer", "serial"], ["intents.issuer", "intents.serial"]),
    CheckConstraint("act IN ('hold', 'revoke')", name="revocation_requests_act"),
    CheckConstraint(
        "(done_at IS NULL AND outcome IS NULL) OR "
        "(done_at IS NOT NULL AND outcome IN ('effected', 'refused'))",
        name="revocation_requests_outcome",
    ),
)
Index(
    "revocation_requests_open",
    revocation_requests.c.due_at,
    sqlite_where=text("done_at IS NULL"),
    postgresql_where=text("done_at IS NULL"),
)
Index(
    "revocation_requests_certificate",
    revocation_requests.c.issuer,
    revocation_requests.c.serial,
    sqlite_where=text("done_at IS NULL"),
    postgresql_where=text("done_at IS NULL"),
)

mass_acts: Final = Table(
    "mass_acts",
    METADATA,
    Column("mass_act", String(200), primary_key=True),
    Column("issuer", String(64), nullable=False),
    Column("plan", Text, nullable=False),  # canonical JSON, what was approved
    Column("state", String(8), nullable=False),
    Column("cursor", _SERIAL, nullable=False),  # the last serial number that was looked at
    Column("changed", BigInteger, nullable=False),
    Column("passed", BigInteger, nullable=False),  # looked at and left as it was
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    ForeignKeyConstraint(["issuer"], ["issuers.issuer"]),
    CheckConstraint("state IN ('running', 'finished', 'stopped')", name="mass_acts_state"),
)
