"""The store of applications: the only door of the desk to its database, SQLite or PostgreSQL.

An act is one transaction: the version is compared and set, what works once is spent, what is kept
is sealed, and exactly one audit record says what changed. What cannot all happen does not happen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Engine,
    delete,
    or_,
    select,
    update,
)

from ..audit.statements import Pen
from ..ca.database import from_micros, insert_or_ignore, micros_of, reading, to_micros, writer_of
from ..ca.register import AuditTrail
from ..errors import (
    ApplicationChanged,
    ApplicationNotFound,
    ApplicationOpen,
    EvidenceUsed,
)
from . import sealedfiles
from . import tables as t
from .application import Application, difference
from .encoding import decode, encode, text_of, to_data
from .evidence.codes import OneTimeCode
from .evidence.vault import MasterKey, RetentionClass, WrappedKey, rewrap
from .filing import retention_of
from .migrations import require_current
from .officials import Official
from .states import State

_KNOWN: Final = 1024  # applications that were read or written lately


class _Known:
    """A version as it stands in its row: value and canonical text, also field by field."""

    __slots__ = ("application", "body", "texts")

    def __init__(
        self, application: Application, texts: Mapping[str, str], changes: Mapping[str, Any]
    ) -> None:
        self.application = application
        # In the order of the names, as the changes of a first version are; empty for None.
        self.texts = {**texts, **{name: _member(name, each) for name, each in changes.items()}}
        self.body = f"{{{','.join(filter(None, self.texts.values()))}}}"


def _member(name: str, data: Any) -> str:
    return "" if data is None else f'"{name}":{text_of(data)}'


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

    `codes` are put in the place of those before, `spent` purposes of codes that are gone.
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
    codes: tuple[OneTimeCode, ...] = ()
    spent: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    effect: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


def has_traces(engine: Engine) -> bool:
    """Whether there is an official or an application: a desk, whose keys belong to it."""
    with reading(engine) as connection:
        return any(
            connection.execute(select(table.c[column]).limit(1)).first() is not None
            for table, column in ((t.officials, "person"), (t.applications, "application"))
        )


class ApplicationStore:
    """Applications, what they keep and what they have spent, in the database of `engine`.

    `audit` writes the record of an act in its transaction; `master` wraps the keys that what is
    personal is sealed under. The tables are of the revision of this code: raises
    RegisterOutdated, RegisterNewer; RegisterUnavailable when the database fails.
    """

    def __init__(self, engine: Engine, *, audit: AuditTrail, master: MasterKey) -> None:
        self.engine = engine
        writer = writer_of(engine)
        self._writing, self._ask = writer.transaction, writer.ask
        self.audit = audit
        self.master = master
        self._known: dict[str, _Known] = {}
        with reading(engine) as connection:
            require_current(connection)

    # -- one act

    def commit(self, step: Step) -> Application:
        """Write all of it, or nothing.

        Raises ApplicationChanged where another act came first, ApplicationOpen, EvidenceUsed.
        """
        name, changes = step.after.application, difference(step.before, step.after)
        known = _Known(step.after, self._texts(step.before), changes)
        with self._writing() as connection:
            pen = Pen.of(connection)
            self._message(pen, step)
            self._application(pen, step, known.body)
            self._claims(pen, step.before, step.after)
            self._spend(pen, name, step.used, at=step.at)
            self._keep(pen, name, step)
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
                    "changes": changes,
                },
            )
        return self._keep_known(known)

    def _message(self, pen: Pen, step: Step) -> None:
        after = step.after
        row = (
            after.application, step.message, step.digest, after.version, " ".join(step.refused)
        )  # fmt: skip
        if t.INSERT_MESSAGE(pen, [row]).rowcount != 1:
            raise ApplicationChanged(application=after.application)

    def _application(self, pen: Pen, step: Step, body: str) -> None:
        after, deadline = step.after, micros_of(step.after.deadline)
        name, state, version = after.application, after.state.value, after.version
        if step.before is None:
            opened_at = to_micros(after.opened_at)
            row = (name, state, version, after.applicant, opened_at, deadline, step.effect, body)
            done = t.INSERT_APPLICATION(pen, [row])
        else:
            moved = (state, version, deadline, step.effect, body, name, step.before.version)
            done = t.MOVE_APPLICATION(pen, [moved])
        if done.rowcount != 1:
            raise ApplicationChanged(application=name)

    def _claims(self, pen: Pen, before: Application | None, after: Application) -> None:
        if not after.is_open:
            t.GIVE_UP_CLAIMS(pen, [(after.application,)])
            return
        held = set() if before is None else {before.applicant, before.subject}
        for person in sorted({after.applicant, after.subject} - held - {""}):
            if t.CLAIM(pen, [(person, after.application)]).fetchall()[0][0] != after.application:
                raise ApplicationOpen

    def _spend(
        self, pen: Pen, application: str, spent: Iterable[tuple[str, bytes]], *, at: datetime
    ) -> None:
        for kind, digest in sorted(spent):
            if t.SPEND(pen, [(kind, digest, application, to_micros(at))]).rowcount != 1:
                raise EvidenceUsed(kind=kind)

    def _keep(self, pen: Pen, name: str, step: Step) -> None:
        if step.files:
            sealedfiles.keep(
                pen, name, step.files, master=self.master, is_new=step.before is None, at=step.at
            )
        if not step.after.is_open:
            sealedfiles.set_due(pen, name, ended_at=step.at)
        for purpose in step.spent:
            t.DROP_CODE(pen, [(name, purpose)])
        for code in step.codes:
            row = (
                name, code.purpose, code.salt, code.mac, to_micros(code.expires_at),
                code.attempts_left,
            )  # fmt: skip
            t.PUT_CODE(pen, [row])
        for mark in step.marks:
            self._mark(pen, mark, at=step.at)

    def _mark(self, pen: Pen, mark: Mark, *, at: datetime) -> None:
        t.MARK(pen, [(mark.kind, mark.name, mark.reference, mark.holder, to_micros(at))])

    # -- reading

    def load(self, application: str) -> Application:
        """The newest version. Raises ApplicationNotFound."""
        found = self.find(application)
        if found is None:
            raise ApplicationNotFound(application=application)
        return found

    def find(self, application: str) -> Application | None:
        """The newest version; None where there is no such application."""
        rows = self._ask(t.FIND, of_application=application)
        return self._read(application, rows[0][0]) if rows else None

    def everything(self) -> tuple[Application, ...]:
        """All applications, the oldest first."""
        rows = self._all(
            select(t.applications.c.application, t.applications.c.body).order_by(
                t.applications.c.opened_at, t.applications.c.application
            )
        )
        return tuple(self._read(*row) for row in rows)

    def open_of(self, person: str) -> str | None:
        """The open application of a person or document (a pseudonym); None where there is none."""
        rows = self._all(select(t.claims.c.application).where(t.claims.c.person == person))
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
        row = t.applications.c
        query = select(row.application, row.body).where(
            row.deadline.is_not(None), row.state.in_(sorted(each.value for each in states))
        )
        if after is not None:
            deadline, name = to_micros(after[0]), after[1]
            query = query.where(
                or_(row.deadline > deadline, (row.deadline == deadline) & (row.application > name))
            )
        query = query.order_by(row.deadline, row.application).limit(limit)
        return tuple(self._read(*found) for found in self._all(query))

    def due(self, *, at: datetime, limit: int = 1000) -> tuple[Application, ...]:
        """Those whose time is over at `at`, the most overdue first."""
        row = t.applications.c
        rows = self._all(
            select(row.application, row.body)
            .where(row.deadline.is_not(None), row.deadline <= to_micros(at))
            .order_by(row.deadline)
            .limit(limit)
        )
        return tuple(self._read(*found) for found in rows)

    def effects(self, application: str | None = None) -> tuple[tuple[Application, str], ...]:
        """What is still to be done to certificates: application and `release` or `revoke`."""
        row = t.applications.c
        query = select(row.application, row.body, row.effect).where(row.effect.is_not(None))
        if application is not None:
            query = query.where(row.application == application)
        rows = self._all(query.order_by(row.application))
        return tuple((self._read(name, body), effect) for name, body, effect in rows)

    def effect_done(self, application: str, effect: str) -> None:
        """That effect was carried out; the register's own record tells of it."""
        row = t.applications.c
        with self._writing() as connection:
            connection.execute(
                update(t.applications)
                .where(row.application == application, row.effect == effect)
                .values(effect=None)
            )

    def message(self, application: str, message: str) -> Message | None:
        """The answer that this message was given, if it came before."""
        rows = self._ask(t.MESSAGE, of_application=application, of_message=message)
        return _message(*rows[0]) if rows else None

    def arrived(self, application: str, message: str) -> tuple[Application, Message | None]:
        """The newest version, and the answer that this message was given, read at once.

        Raises ApplicationNotFound.
        """
        rows = self._ask(t.ARRIVED, of_application=application, message=message)
        if not rows:
            raise ApplicationNotFound(application=application)
        body, digest, *answer = rows[0]
        return self._read(application, body), None if digest is None else _message(digest, *answer)

    def file(self, application: str, name: str) -> bytes | None:
        """What was kept under that name, opened; None where there is nothing.

        Raises EvidenceDestroyed, EvidenceUnreadable.
        """
        retention = retention_of(name).value
        rows = self._ask(t.FILE, retention=retention, of_application=application, of_name=name)
        if not rows:
            return None
        return sealedfiles.opened(rows[0], application, name, master=self.master)

    def code(self, application: str, purpose: str) -> OneTimeCode | None:
        """The code of that purpose, as it stands."""
        rows = self._ask(t.CODE, of_application=application, of_purpose=purpose)
        if not rows:
            return None
        salt, mac, expires_at, attempts_left = rows[0]
        return OneTimeCode(
            application=application,
            purpose=purpose,
            salt=bytes(salt),
            mac=bytes(mac),
            expires_at=from_micros(expires_at),
            attempts_left=attempts_left,
        )

    def opened_since(self, applicant: str, *, since: datetime) -> int:
        """How many applications were opened under that pseudonym."""
        rows = self._ask(t.OPENED_SINCE, applicant=applicant, since=to_micros(since))
        return int(rows[0][0])

    def marked(self, kind: str, name: str, *, since: datetime, but: str = "") -> int:
        """How many different holders have such a mark, `but` one apart."""
        rows = self._ask(t.MARKED, of_kind=kind, of_name=name, since=to_micros(since), but=but)
        return int(rows[0][0])

    def reference(self, kind: str, name: str) -> str | None:
        """The application of the newest mark of that kind and name."""
        row = t.marks.c
        rows = self._all(
            select(row.reference)
            .where(row.kind == kind, row.name == name)
            .order_by(row.at.desc())
            .limit(1)
        )
        return rows[0].reference if rows else None

    def pairs(self, *, since: datetime) -> Counter[tuple[str, str]]:
        """Who recorded and who decided, and how many cases were between them."""
        row = t.marks.c
        query = select(row.kind, row.name, row.reference).where(
            row.kind.in_(("record", "decision")), row.at >= to_micros(since)
        )
        seen: dict[str, dict[str, str]] = {}
        for found in self._all(query.order_by(row.at)):
            application = found.reference.partition("@")[0]
            seen.setdefault(application, {})[found.kind] = found.name
        return Counter((one["record"], one["decision"]) for one in seen.values() if len(one) == 2)

    def was_used(self, kind: str, digest: bytes) -> bool:
        """Whether that was spent before; `commit` asks again, and decides."""
        row = t.used.c
        return bool(self._all(select(row.at).where(row.kind == kind, row.digest == digest)))

    # -- forgetting

    def forget_due(self, *, at: datetime, limit: int = 1000) -> tuple[tuple[str, str], ...]:
        """Destroy the keys whose time is over: (application, retention class) of each.

        One transaction and one audit record for each; the log tells as much afterwards as before.
        """
        row = t.keys.c
        due = self._all(
            select(row.application, row.retention)
            .where(row.wrapped.is_not(None), row.due_at <= to_micros(at))
            .order_by(row.due_at)
            .limit(limit)
        )
        return tuple(
            (application, retention)
            for application, retention in due
            if self.forget(application, RetentionClass(retention), at=at)
        )

    def forget(self, application: str, retention: RetentionClass, *, at: datetime) -> bool:
        """Destroy the key of a class: nothing of it opens again. False where there is none left."""
        row = t.keys.c
        with self._writing() as connection:
            gone = connection.execute(
                update(t.keys)
                .where(
                    row.application == application,
                    row.retention == retention.value,
                    row.wrapped.is_not(None),
                )
                .values(wrapped=None)
            )
            if gone.rowcount != 1:
                return False
            self.audit(
                connection,
                at=at,
                act="enroll.evidence.destroyed",
                actor="clock",
                subject=f"application/{application}",
                details={"retention": retention.value},
            )
        return True

    def rewrap_keys(self, *, old: MasterKey, limit: int = 1000) -> int:
        """Wrap keys that `old` wraps with this store's master key; how many of at most `limit`.

        What they seal stays as it is. To be called until it gives 0. Raises EvidenceUnreadable.
        """
        row = t.keys.c
        with self._writing() as connection:
            query = select(row.application, row.retention, row.wrapped).where(
                row.key_id == old.key_id, row.wrapped.is_not(None)
            )
            rows = connection.execute(query.limit(limit).with_for_update()).all()
            for application, retention, wrapped in rows:
                key = WrappedKey(
                    application=application,
                    retention=RetentionClass(retention),
                    key_id=old.key_id,
                    wrapped=bytes(wrapped),
                )
                made = rewrap(key, old=old, new=self.master)
                connection.execute(
                    update(t.keys)
                    .where(row.application == application, row.retention == retention)
                    .values(key_id=made.key_id, wrapped=made.wrapped)
                )
        return len(rows)

    # -- officials

    def official(self, person: str) -> Official | None:
        """That person in office, with the roles of now; None for anybody else."""
        rows = self._ask(t.OFFICIAL, of_person=person)
        if not rows:
            return None
        found = decode(Official, rows[0][0].encode())
        return found if found.roles else None

    def officials(self) -> tuple[Official, ...]:
        """Everybody in office now."""
        rows = self._all(select(t.officials.c.body).order_by(t.officials.c.person))
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
        row = t.officials.c
        with self._writing() as connection:
            self._spend(Pen.of(connection), "", [("act", each) for each in acts], at=at)
            made = insert_or_ignore(self.engine, t.officials).values(
                person=official.person, version=1, body=body
            )
            if connection.execute(made).rowcount != 1:
                connection.execute(
                    update(t.officials)
                    .where(row.person == official.person)
                    .values(version=row.version + 1, body=body)
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

    # -- outside of applications

    def mark(self, mark: Mark, *, at: datetime) -> None:
        """Count something outside an application: it changes nothing that the log tells."""
        with self._writing() as connection:
            self._mark(Pen.of(connection), mark, at=at)

    def unlock(self, document: str, *, acts: Sequence[bytes], actor: str, at: datetime) -> None:
        """Take the locks off a document (a pseudonym), on signed acts that are used once.

        The log keeps that there were some. Raises EvidenceUsed.
        """
        row = t.marks.c
        with self._writing() as connection:
            self._spend(Pen.of(connection), "", [("act", each) for each in acts], at=at)
            gone = connection.execute(
                delete(t.marks).where(row.kind == "lock", row.name == document)
            )
            self.audit(
                connection,
                at=at,
                act="enroll.document.unlocked",
                actor=actor,
                subject=f"document/{document}",
                details={"acts": [each.hex() for each in acts], "locks": gone.rowcount},
            )

    def spend(self, kind: str, digest: bytes, *, record: Mapping[str, Any], at: datetime) -> None:
        """Spend something outside an application, with its audit record. Raises EvidenceUsed."""
        with self._writing() as connection:
            self._spend(Pen.of(connection), "", [(kind, digest)], at=at)
            self.audit(connection, at=at, **record)

    def record(
        self, *, act: str, actor: str, subject: str, details: Mapping[str, object], at: datetime
    ) -> None:
        """One audit record of what changed nothing: an act that was refused."""
        with self._writing() as connection:
            self.audit(connection, at=at, act=act, actor=actor, subject=subject, details=details)

    def _all(self, query: Any) -> Sequence[Any]:
        with reading(self.engine) as connection:
            return connection.execute(query).all()

    def _read(self, name: str, body: str) -> Application:
        known = self._known.get(name)
        if known is None or known.body != body:
            application = decode(Application, body.encode())
            self._keep_known(_Known(application, {}, difference(None, application)))
            return application
        return known.application

    def _texts(self, application: Application | None) -> dict[str, str]:
        """Its fields as text, which are known where it was read or written here."""
        if application is None:
            return {}
        known = self._known.get(application.application)
        if known is not None and known.application is application:
            return known.texts
        return _Known(application, {}, difference(None, application)).texts

    def _keep_known(self, known: _Known) -> Application:
        """The same text is the same application: values never change, and hold nothing personal."""
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[known.application.application] = known
        return known.application


def _message(digest: Any, version: int, refused: str) -> Message:
    return Message(digest=bytes(digest), version=version, refused=tuple(refused.split()))
