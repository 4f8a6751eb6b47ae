"""The first tables of a desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "enroll_applications",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applicant", sa.String(length=80), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("effect", sa.String(length=12), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("application"),
    )
    op.create_index(
        "enroll_applications_applicant", "enroll_applications", ["applicant", "opened_at"]
    )
    op.create_index(
        "enroll_applications_deadline",
        "enroll_applications",
        ["deadline"],
        sqlite_where=sa.text("deadline IS NOT NULL"),
        postgresql_where=sa.text("deadline IS NOT NULL"),
    )
    op.create_index(
        "enroll_applications_effect",
        "enroll_applications",
        ["application"],
        sqlite_where=sa.text("effect IS NOT NULL"),
        postgresql_where=sa.text("effect IS NOT NULL"),
    )
    op.create_table(
        "enroll_claims",
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_index("enroll_claims_application", "enroll_claims", ["application"])
    op.create_table(
        "enroll_messages",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("application", "message"),
    )
    op.create_table(
        "enroll_used",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "digest"),
    )
    op.create_table(
        "enroll_files",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application", "name"),
    )
    op.create_table(
        "enroll_keys",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("retention", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("application", "retention"),
    )
    op.create_index(
        "enroll_keys_due",
        "enroll_keys",
        ["due_at"],
        sqlite_where=sa.text("wrapped IS NOT NULL"),
        postgresql_where=sa.text("wrapped IS NOT NULL"),
    )
    op.create_table(
        "enroll_codes",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts_left", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("application", "purpose"),
    )
    op.create_table(
        "enroll_marks",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "reference"),
    )
    op.create_index("enroll_marks_name", "enroll_marks", ["kind", "name", "at"])
    op.create_table(
        "enroll_officials",
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
