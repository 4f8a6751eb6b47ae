"""The first tables: register and audit log in one database, for an act and its record are one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eds.audit.triggers import TRIGGERS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("peaks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("writer"),
    )
    op.create_table(
        "audit_records",
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("encoded", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("sequence >= 1", name="audit_records_sequence"),
        sa.PrimaryKeyConstraint("writer", "sequence"),
    )
    op.create_table(
        "blocked_keys",
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash"),
    )
    op.create_table(
        "issuers",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("key_uri", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer"),
        sa.UniqueConstraint("label"),
    )
    op.create_table(
        "key_owners",
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("key_hash"),
    )
    op.create_table(
        "list_bodies",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=True),
        sa.Column("this_update", sa.BigInteger(), nullable=False),
        sa.Column("next_update", sa.BigInteger(), nullable=False),
        sa.Column("encoded", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "shard", "number"),
    )
    op.create_table(
        "subject_owners",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject_hash"),
    )
    op.create_table(
        "intents",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.LargeBinary(length=20), nullable=False),
        sa.Column("request", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("profile", sa.String(length=200), nullable=False),
        sa.Column("profile_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("operator", sa.String(length=200), nullable=False),
        sa.Column("evidence", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tbs_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("node", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('reserved', 'issued', 'abandoned')", name="intents_state"),
        sa.ForeignKeyConstraint(
            ["issuer"],
            ["issuers.issuer"],
        ),
        sa.PrimaryKeyConstraint("issuer", "serial"),
    )
    op.create_index(
        "intents_open",
        "intents",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("state = 'reserved'"),
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_index(
        "intents_request",
        "intents",
        ["request"],
        unique=True,
        sqlite_where=sa.text("state <> 'abandoned'"),
        postgresql_where=sa.text("state <> 'abandoned'"),
    )
    op.create_table(
        "lists",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("latest", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("this_update", sa.BigInteger(), nullable=True),
        sa.Column("next_update", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["issuer"],
            ["issuers.issuer"],
        ),
        sa.PrimaryKeyConstraint("issuer", "shard"),
    )
    op.create_table(
        "mass_acts",
        sa.Column("mass_act", sa.String(length=200), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("cursor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'finished', 'stopped')", name="mass_acts_state"),
        sa.ForeignKeyConstraint(
            ["issuer"],
            ["issuers.issuer"],
        ),
        sa.PrimaryKeyConstraint("mass_act"),
    )
    op.create_table(
        "certificates",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.LargeBinary(length=20), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("profile", sa.String(length=200), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("encoded", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer", "serial"],
            ["intents.issuer", "intents.serial"],
        ),
        sa.PrimaryKeyConstraint("issuer", "serial"),
        sa.UniqueConstraint("fingerprint"),
    )
    op.create_index("certificates_key", "certificates", ["key_hash"], unique=False)
    op.create_index("certificates_person", "certificates", ["person"], unique=False)
    op.create_table(
        "revocation_requests",
        sa.Column("request", sa.String(length=200), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.LargeBinary(length=20), nullable=False),
        sa.Column("act", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("invalidity_date", sa.BigInteger(), nullable=True),
        sa.Column("requester", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.CheckConstraint(
            "(done_at IS NULL AND outcome IS NULL) OR "
            "(done_at IS NOT NULL AND outcome IN ('effected', 'refused'))",
            name="revocation_requests_outcome",
        ),
        sa.CheckConstraint("act IN ('hold', 'revoke')", name="revocation_requests_act"),
        sa.ForeignKeyConstraint(
            ["issuer", "serial"],
            ["intents.issuer", "intents.serial"],
        ),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_index(
        "revocation_requests_certificate",
        "revocation_requests",
        ["issuer", "serial"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(
        "revocation_requests_open",
        "revocation_requests",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "status",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.LargeBinary(length=20), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("invalidity_date", sa.BigInteger(), nullable=True),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('valid', 'on_hold', 'revoked')", name="status_state"),
        sa.ForeignKeyConstraint(
            ["issuer", "serial"],
            ["intents.issuer", "intents.serial"],
        ),
        sa.PrimaryKeyConstraint("issuer", "serial"),
    )
    op.create_index(
        "status_listed",
        "status",
        ["issuer", "shard"],
        unique=False,
        sqlite_where=sa.text("state <> 'valid'"),
        postgresql_where=sa.text("state <> 'valid'"),
    )
    op.create_table(
        "status_events",
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.LargeBinary(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("invalidity_date", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer", "serial"],
            ["intents.issuer", "intents.serial"],
        ),
        sa.PrimaryKeyConstraint("issuer", "serial", "version"),
    )
    op.create_index(
        "status_events_released",
        "status_events",
        ["issuer", "shard"],
        unique=False,
        sqlite_where=sa.text("state = 'valid' AND version > 0"),
        postgresql_where=sa.text("state = 'valid' AND version > 0"),
    )
    op.create_index("status_events_shard", "status_events", ["issuer", "shard", "at"], unique=False)
    for statement in TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)
