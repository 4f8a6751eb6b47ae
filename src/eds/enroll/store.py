"""The store of applications: the only door of the desk to its database, SQLite or PostgreSQL.

An act is one transaction: the version is compared and set, what works once is spent, what is kept
is sealed, and exactly one audit record says what changed. What cannot all happen does not happen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    distinct,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from ..ca.database import (
    from_micros,
    insert_or_ignore,
    micros_of,
    reading,
    to_micros,
    writing,
)
from ..ca.register import AuditTrail
from ..errors import (
    ApplicationChanged,
    ApplicationNotFound,
    ApplicationOpen,
    EvidenceUsed,
)
from .application import Application, difference
from .encoding import decode, encode, to_data
from .migrations import require_current
from .officials import Official
from .providers import Vault
from .states import State

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

files: Final = Table(
    "enroll_files",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("name", String(96), primary_key=True),
    Column("digest", _HASH, nullable=False),  # of what was sealed
    Column("sealed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
)

codes: Final = Table(
    "enroll_codes",
    METADATA,
    Column("application", String(64), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("salt", LargeBinary(16), nullable=False),
    Column("kept", _HASH, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCode:
    """A code as it is kept: keyed and salted, until `expires_at`."""

    purpose: str
    salt: bytes
    kept: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing that counts towards a limit."""

    kind: str
    name: str
    reference: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The answer that a message was given: a version, or the codes of its refusal."""

    digest: bytes
    version: int
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """All that one act writes. `used` are (kind, digest); `files` name → octets, to be sealed.

    `effect` is what must be done to the certificate once this stands: `release` or `revoke`.
    """

    before: Application | None
    after: Application
    act: str
    actor: str
    at: datetime
    message: str
    digest: bytes
    refused: tuple[str, ...] = ()
    used: tuple[tuple[str, bytes], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    codes: tuple[KeptCode, ...] = ()
    spent: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    effect: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class ApplicationStore:
    """Applications, what they keep and what they have spent, in the database of `engine`.

    `audit` writes the record of an act in its transaction. The tables are of the revision of this
    code: raises RegisterOutdated, RegisterNewer; RegisterUnavailable when the database fails.
    """

    def __init__(self, engine: Engine, *, audit: AuditTrail, vault: Vault) -> None:
        self.engine = engine
        self.audit = audit
        self.vault = vault
        with reading(engine) as connection:
            require_current(connection)

    # -- one act

    def commit(self, step: Step) -> Application:
        """Write all of it, or nothing.

        Raises ApplicationChanged where another act came first, ApplicationOpen, EvidenceUsed.
        """
        name = step.after.application
        with writing(self.engine) as connection:
            self._message(connection, step)
            self._application(connection, step)
            self._claims(connection, step.after)
            self._spend(connection, name, step.used, at=step.at)
            self._keep(connection, name, step)
            self.audit(
                connection,
                at=step.at,
                act=f"enroll.application.{step.act}",
                actor=step.actor,
                subject=f"application/{name}",
                details={
                    **step.details,
                    "from": step.before.state.value if step.before else State.NEW.value,
                    "to": step.after.state.value,
                    "refused": list(step.refused),
                    "changes": difference(step.before, step.after),
                },
            )
        return step.after

    def _message(self, connection: Connection, step: Step) -> None:
        row = insert_or_ignore(self.engine, messages).values(
            application=step.after.application,
            message=step.message,
            digest=step.digest,
            version=step.after.version,
            refused=" ".join(step.refused),
        )
        if not _is_new(connection, row.returning(messages.c.version)):
            raise ApplicationChanged(application=step.after.application)

    def _application(self, connection: Connection, step: Step) -> None:
        after, row = step.after, applications.c
        values = {
            "state": after.state.value,
            "version": after.version,
            "deadline": micros_of(after.deadline),
            "body": encode(after).decode(),
        }
        if step.before is None:
            made = insert_or_ignore(self.engine, applications).values(
                application=after.application,
                applicant=after.applicant,
                opened_at=to_micros(after.opened_at),
                effect=step.effect,
                **values,
            )
            if not _is_new(connection, made.returning(row.version)):
                raise ApplicationChanged(application=after.application)
        else:
            if step.effect is not None:
                values["effect"] = step.effect
            changed = connection.execute(
                update(applications)
                .where(row.application == after.application, row.version == step.before.version)
                .values(**values)
            )
            if changed.rowcount != 1:
                raise ApplicationChanged(application=after.application)

    def _claims(self, connection: Connection, after: Application) -> None:
        if not after.is_open:
            connection.execute(delete(claims).where(claims.c.application == after.application))
            return
        for person in sorted({after.applicant, after.subject} - {""}):
            row = {"person": person, "application": after.application}
            connection.execute(insert_or_ignore(self.engine, claims).values(**row))
            owner = connection.execute(
                select(claims.c.application).where(claims.c.person == person)
            ).scalar_one_or_none()
            if owner != after.application:
                raise ApplicationOpen

    def _spend(
        self,
        connection: Connection,
        application: str,
        spent: Iterable[tuple[str, bytes]],
        *,
        at: datetime,
    ) -> None:
        for kind, digest in sorted(spent):
            row = insert_or_ignore(self.engine, used).values(
                kind=kind, digest=digest, application=application, at=to_micros(at)
            )
            if not _is_new(connection, row.returning(used.c.at)):
                raise EvidenceUsed(kind=kind)

    def _keep(self, connection: Connection, name: str, step: Step) -> None:
        for file, octets in step.files.items():
            connection.execute(
                delete(files).where(files.c.application == name, files.c.name == file)
            )
            connection.execute(
                insert(files).values(
                    application=name,
                    name=file,
                    digest=hashlib.sha256(octets).digest(),
                    sealed=self.vault.seal(name, file, octets),
                    at=to_micros(step.at),
                )
            )
        purposes = {*step.spent, *(code.purpose for code in step.codes)}
        for purpose in sorted(purposes):
            connection.execute(
                delete(codes).where(codes.c.application == name, codes.c.purpose == purpose)
            )
        for code in step.codes:
            connection.execute(
                insert(codes).values(
                    application=name,
                    purpose=code.purpose,
                    salt=code.salt,
                    kept=code.kept,
                    expires_at=to_micros(code.expires_at),
                )
            )
        for mark in step.marks:
            connection.execute(
                insert_or_ignore(self.engine, marks).values(
                    kind=mark.kind,
                    name=mark.name,
                    reference=mark.reference,
                    holder=mark.holder,
                    at=to_micros(step.at),
                )
            )

    # -- reading

    def load(self, application: str) -> Application:
        """The newest version. Raises ApplicationNotFound."""
        found = self.find(application)
        if found is None:
            raise ApplicationNotFound(application=application)
        return found

    def find(self, application: str) -> Application | None:
        """The newest version; None where there is no such application."""
        rows = self._all(
            select(applications.c.body).where(applications.c.application == application)
        )
        return decode(Application, rows[0].body.encode()) if rows else None

    def everything(self) -> tuple[Application, ...]:
        """All applications, the oldest first."""
        rows = self._all(
            select(applications.c.body).order_by(
                applications.c.opened_at, applications.c.application
            )
        )
        return tuple(decode(Application, row.body.encode()) for row in rows)

    def open_of(self, person: str) -> str | None:
        """The open application of a person or document (a pseudonym); None where there is none."""
        rows = self._all(select(claims.c.application).where(claims.c.person == person))
        return rows[0].application if rows else None

    def waiting(
        self,
        states: Iterable[State],
        *,
        after: tuple[datetime, str] | None = None,
        limit: int = 100,
    ) -> tuple[Application, ...]:
        """Open applications in these states, the most urgent first.

        `after` is deadline and name of the last one of the page before.
        """
        row = applications.c
        query = select(row.body).where(
            row.deadline.is_not(None), row.state.in_(sorted(each.value for each in states))
        )
        if after is not None:
            deadline, name = to_micros(after[0]), after[1]
            query = query.where(
                or_(row.deadline > deadline, (row.deadline == deadline) & (row.application > name))
            )
        query = query.order_by(row.deadline, row.application).limit(limit)
        return tuple(decode(Application, found.body.encode()) for found in self._all(query))

    def due(self, *, at: datetime, limit: int = 1000) -> tuple[Application, ...]:
        """Those whose time is over at `at`, the most overdue first."""
        row = applications.c
        rows = self._all(
            select(row.body)
            .where(row.deadline.is_not(None), row.deadline <= to_micros(at))
            .order_by(row.deadline)
            .limit(limit)
        )
        return tuple(decode(Application, found.body.encode()) for found in rows)

    def effects(self, application: str | None = None) -> tuple[tuple[Application, str], ...]:
        """What is still to be done to certificates: application and `release` or `revoke`."""
        row = applications.c
        query = select(row.body, row.effect).where(row.effect.is_not(None))
        if application is not None:
            query = query.where(row.application == application)
        rows = self._all(query.order_by(row.application))
        return tuple((decode(Application, each.body.encode()), each.effect) for each in rows)

    def effect_done(self, application: str, effect: str) -> None:
        """That effect was carried out; the register's own record tells of it."""
        row = applications.c
        with writing(self.engine) as connection:
            connection.execute(
                update(applications)
                .where(row.application == application, row.effect == effect)
                .values(effect=None)
            )

    def message(self, application: str, message: str) -> Message | None:
        """The answer that this message was given, if it came before."""
        rows = self._all(
            select(messages).where(
                messages.c.application == application, messages.c.message == message
            )
        )
        if not rows:
            return None
        return Message(
            digest=bytes(rows[0].digest),
            version=rows[0].version,
            refused=tuple(rows[0].refused.split()),
        )

    def file(self, application: str, name: str) -> bytes | None:
        """What was kept under that name, opened; None where there is nothing."""
        rows = self._all(
            select(files.c.sealed).where(files.c.application == application, files.c.name == name)
        )
        return self.vault.open(application, name, bytes(rows[0].sealed)) if rows else None

    def code(self, application: str, purpose: str) -> KeptCode | None:
        """The code of that purpose that is in force."""
        rows = self._all(
            select(codes).where(codes.c.application == application, codes.c.purpose == purpose)
        )
        if not rows:
            return None
        row = rows[0]
        return KeptCode(
            purpose=purpose,
            salt=bytes(row.salt),
            kept=bytes(row.kept),
            expires_at=from_micros(row.expires_at),
        )

    def opened_since(self, applicant: str, *, since: datetime) -> int:
        """How many applications were opened under that pseudonym."""
        row = applications.c
        return int(
            self._all(
                select(func.count()).where(
                    row.applicant == applicant, row.opened_at > to_micros(since)
                )
            )[0][0]
        )

    def marked(self, kind: str, name: str, *, since: datetime, but: str = "") -> int:
        """How many different holders have such a mark, `but` one apart."""
        row = marks.c
        return int(
            self._all(
                select(func.count(distinct(row.holder))).where(
                    row.kind == kind,
                    row.name == name,
                    row.at > to_micros(since),
                    row.holder != but,
                )
            )[0][0]
        )

    def reference(self, kind: str, name: str) -> str | None:
        """The application of the newest mark of that kind and name."""
        row = marks.c
        rows = self._all(
            select(row.reference)
            .where(row.kind == kind, row.name == name)
            .order_by(row.at.desc())
            .limit(1)
        )
        return rows[0].reference if rows else None

    def was_used(self, kind: str, digest: bytes) -> bool:
        """Whether that was spent before; `commit` asks again, and decides."""
        return bool(
            self._all(select(used.c.at).where(used.c.kind == kind, used.c.digest == digest))
        )

    # -- officials

    def official(self, person: str) -> Official | None:
        """That person in office, with the roles of now; None for anybody else."""
        rows = self._all(select(officials.c.body).where(officials.c.person == person))
        if not rows:
            return None
        found = decode(Official, rows[0].body.encode())
        return found if found.roles else None

    def officials(self) -> tuple[Official, ...]:
        """Everybody in office now."""
        rows = self._all(select(officials.c.body).order_by(officials.c.person))
        found = (decode(Official, row.body.encode()) for row in rows)
        return tuple(each for each in found if each.roles)

    def put_official(
        self,
        official: Official,
        *,
        act: str,
        actor: str,
        acts: Sequence[bytes],
        signed: Sequence[bytes],
        at: datetime,
    ) -> None:
        """Put a person in office, or out of it (no roles), on signed acts that are used once.

        `acts` are the digests of the statements, `signed` those of what was signed over them.
        Raises EvidenceUsed.
        """
        body = encode(official).decode()
        with writing(self.engine) as connection:
            self._spend(connection, "", [("act", each) for each in acts], at=at)
            row = insert_or_ignore(self.engine, officials).values(
                person=official.person, version=1, body=body
            )
            if not _is_new(connection, row.returning(officials.c.version)):
                connection.execute(
                    update(officials)
                    .where(officials.c.person == official.person)
                    .values(version=officials.c.version + 1, body=body)
                )
            self.audit(
                connection,
                at=at,
                act=f"enroll.official.{act}",
                actor=actor,
                subject=f"official/{official.person}",
                details={
                    "roles": to_data(official.roles),
                    "stations": to_data(official.stations),
                    "acts": [each.hex() for each in acts],
                    "signatures": [each.hex() for each in signed],
                },
            )

    def mark(self, mark: Mark, *, at: datetime) -> None:
        """Count something outside an application: it changes nothing that the log tells."""
        with writing(self.engine) as connection:
            connection.execute(
                insert_or_ignore(self.engine, marks).values(
                    kind=mark.kind,
                    name=mark.name,
                    reference=mark.reference,
                    holder=mark.holder,
                    at=to_micros(at),
                )
            )

    def unlock(self, document: str, *, acts: Sequence[bytes], actor: str, at: datetime) -> None:
        """Take the locks off a document (a pseudonym), on signed acts that are used once.

        The log keeps that there were some. Raises EvidenceUsed.
        """
        with writing(self.engine) as connection:
            self._spend(connection, "", [("act", each) for each in acts], at=at)
            gone = connection.execute(
                delete(marks)
                .where(marks.c.kind == "lock", marks.c.name == document)
                .returning(marks.c.reference)
            ).all()
            self.audit(
                connection,
                at=at,
                act="enroll.document.unlocked",
                actor=actor,
                subject=f"document/{document}",
                details={"acts": [each.hex() for each in acts], "locks": len(gone)},
            )

    def spend(self, kind: str, digest: bytes, *, record: Mapping[str, Any], at: datetime) -> None:
        """Spend something outside an application, with its audit record. Raises EvidenceUsed."""
        with writing(self.engine) as connection:
            self._spend(connection, "", [(kind, digest)], at=at)
            self.audit(connection, at=at, **record)

    def record(
        self, *, act: str, actor: str, subject: str, details: Mapping[str, object], at: datetime
    ) -> None:
        """One audit record of what changed nothing: an act that was refused."""
        with writing(self.engine) as connection:
            self.audit(connection, at=at, act=act, actor=actor, subject=subject, details=details)

    def _all(self, query: Any) -> Sequence[Any]:
        with reading(self.engine) as connection:
            return connection.execute(query).all()


def _is_new(connection: Connection, statement: Any) -> bool:
    """Whether an INSERT that ignores what is there, and returns what it made, made anything."""
    return connection.execute(statement).first() is not None
