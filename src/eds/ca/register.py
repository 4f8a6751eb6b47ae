"""The register: every intent, certificate and change of status, each act with its audit record.

Issuing is two transactions with the signature between them, so that no signature exists
without a durable intent: `reserve`, then `complete`. Neither signs anything, so both can be run
again. One class serves SQLite and PostgreSQL; the audit record of an act is written in the
transaction of the act, and an act that cannot be recorded does not happen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)

from ..audit.records import AuditEntry
from ..certificates import Certificate
from ..errors import (
    CertificateNotFound,
    IntentNotOpen,
    IssuerNotFound,
    ListOutrun,
    StatusChanged,
)
from ..extensions import RevocationReason
from . import issuing
from . import tables as t
from .database import (
    from_micros,
    insert_or_ignore,
    instant_of,
    micros_of,
    reading,
    to_micros,
    writer_of,
)
from .lifecycle import State, Status
from .migrations import require_current


class AuditTrail(Protocol):
    """Writes one audit record in the transaction of `connection`, or raises."""

    def __call__(
        self,
        connection: Connection,
        *,
        at: datetime,
        act: str,
        actor: str,
        subject: str,
        details: Mapping[str, object],
    ) -> None: ...


@runtime_checkable
class GroupAuditTrail(AuditTrail, Protocol):
    """One that can also write the records of many acts at once."""

    def append_all(self, connection: Connection, entries: Iterable[AuditEntry]) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be signed, and on whose word: durable before any key is used.

    `issuer` is the register's identifier of the issuer, `serial` the content octets of the
    serial number. `person`, `authority` (the registration authority) and `operator` are opaque
    references, never personal numbers; `evidence` is the digest of the registration record.
    """

    issuer: str
    serial: bytes
    request: str
    profile: str
    profile_hash: bytes
    key_hash: bytes
    key_kind: str  # as people say it: "RSA 3072", "EC P-256"
    subject_hash: bytes
    person: str
    authority: str
    operator: str
    evidence: bytes
    tbs_hash: bytes
    not_before: datetime
    not_after: datetime
    shard: int
    hold: bool  # whether the profile allows one
    created_at: datetime

    @property
    def subject(self) -> str:
        """How the audit log refers to it."""
        return f"{self.issuer[:16]}/{self.serial.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """One row of the register: a certificate and where it stands."""

    issuer: str
    serial: bytes
    certificate: Certificate
    status: Status
    person: str
    profile: str
    authority: str
    shard: int
    hold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """The next status of one certificate, with its encoded list entry (None for a release)."""

    issuer: str
    serial: bytes
    shard: int
    status: Status
    entry: bytes | None

    @property
    def subject(self) -> str:
        """How the audit log refers to it."""
        return f"{self.issuer[:16]}/{self.serial.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTurn:
    """A number taken for one list of a shard, and what the newest list before it was.

    `latest` is its number and `base` that of the newest full one, 0 where there is none.
    """

    issuer: str
    shard: int
    number: int
    latest: int
    base: int
    entries: int
    released: int
    this_update: datetime | None
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """(serial, encoded entry) of all that is listed, to be read once; the holds ever released."""

    entries: Iterator[tuple[bytes, bytes]]
    released: int


class Register:
    """The register of one or several issuers in one database.

    `node` is the number of this writer, 1 to 127: the first octet of its serial numbers and the
    name of its audit chain. The database is at the revision of this code, or it is not opened:
    raises RegisterOutdated, RegisterNewer; RegisterUnavailable when the database fails.
    """

    def __init__(self, engine: Engine, *, node: int, audit: AuditTrail) -> None:
        self.engine = engine
        self.node = node
        self.audit = audit
        self._record_all: Callable[[Connection, Sequence[AuditEntry]], object] = (
            audit.append_all if isinstance(audit, GroupAuditTrail) else self._record_each
        )
        # A transaction of this register, also for the acts that live in modules of their own.
        self.writing = writer_of(engine).transaction
        with self.reading() as connection:
            require_current(connection)

    # -- issuing: two transactions, the signature between them

    def reserve(self, intents: Sequence[Intent]) -> None:
        """Write intents, all or none: the first transaction of issuing.

        Raises SerialNumberUsed, RequestUsed, KeyBlocked, KeyTaken, SubjectTaken.
        """
        try:
            with self.writing() as connection:
                issuing.reserve(connection, intents, node=self.node)
                # The head of the log last: it is the one row that all of this writer want.
                self._record_all(
                    connection,
                    [_entry(each, "ca.intent.reserved", at=each.created_at) for each in intents],
                )
        except issuing.Conflict:
            with self.reading() as connection:
                raise issuing.why_not_reserved(connection, intents) from None

    def complete(self, issued: Iterable[tuple[Intent, bytes]], *, at: datetime) -> None:
        """Write certificates for reserved intents, all or none: the second transaction.

        Each comes with its encoded certificate. Raises IntentNotOpen when an intent was
        abandoned or completed meanwhile, KeyBlocked when its key was blocked: then that signature
        must not leave the house.
        """
        signed = [(intent, encoded, hashlib.sha256(encoded).digest()) for intent, encoded in issued]
        try:
            with self.writing() as connection:
                issuing.complete(connection, signed, now=to_micros(at))
                self._record_all(
                    connection,
                    [
                        _entry(
                            intent, "ca.certificate.issued", at=at, fingerprint=fingerprint.hex()
                        )
                        for intent, _, fingerprint in signed
                    ],
                )
        except issuing.Conflict:
            with self.reading() as connection:
                raise issuing.why_not_completed(connection, signed) from None

    def open_intents(self, *, before: datetime) -> tuple[Intent, ...]:
        """The intents made before that instant that were neither completed nor abandoned."""
        rows = self._all(
            select(t.intents)
            .where(t.intents.c.state == "reserved", t.intents.c.created_at < to_micros(before))
            .order_by(t.intents.c.created_at)
        )
        return tuple(_intent(row) for row in rows)

    def abandon(self, intent: Intent, status: Status, *, entry: bytes, actor: str) -> None:
        """Give an intent up: possibly signed, so its serial number is listed as revoked for ever.

        Raises IntentNotOpen.
        """
        with self.writing() as connection:
            now = to_micros(status.since)
            self._close(connection, intent.issuer, intent.serial, "abandoned", now)
            self._insert_status(connection, intent, status, entry)
            entry_of_log = _entry(intent, "ca.intent.abandoned", at=status.since, actor=actor)
            self._record_all(connection, [entry_of_log])

    # -- the life of a certificate

    def change_status(
        self,
        issued: Issued,
        status: Status,
        *,
        actor: str,
        entry: bytes | None,
        recorded_at: datetime,
    ) -> None:
        """Put `status`, which follows from the one in `issued`, in its place.

        `entry` is the encoded list entry (RFC 5280 §5.1.2.6), None for a release. Raises
        StatusChanged when another act came first: nothing is written then.
        """
        row = t.status.c
        with self.writing() as connection:
            changed = connection.execute(
                update(t.status)
                .where(
                    row.issuer == issued.issuer,
                    row.serial == issued.serial,
                    row.version == status.version - 1,
                )
                .values(entry=entry, **_status_columns(status))
            )
            if changed.rowcount != 1:
                raise StatusChanged(serial_number=issued.serial.hex())
            change = StatusChange(
                issuer=issued.issuer,
                serial=issued.serial,
                shard=issued.shard,
                status=status,
                entry=entry,
            )
            self._follow(connection, [change], actor=actor, recorded_at=recorded_at)

    def change_locked(
        self,
        connection: Connection,
        changes: Sequence[StatusChange],
        *,
        actor: str,
        recorded_at: datetime,
        **details: object,
    ) -> None:
        """The same for many certificates whose rows are locked in the transaction given."""
        row = t.status.c
        connection.execute(
            update(t.status).where(
                row.issuer == bindparam("of_issuer"), row.serial == bindparam("of_serial")
            ),
            [
                {
                    "of_issuer": change.issuer,
                    "of_serial": change.serial,
                    "entry": change.entry,
                    **_status_columns(change.status),
                }
                for change in changes
            ],
        )
        self._follow(connection, changes, actor=actor, recorded_at=recorded_at, **details)

    def find(self, issuer: str, serial: bytes) -> Issued:
        """The certificate of that issuer and serial number. Raises CertificateNotFound."""
        rows = self._all(
            select(t.certificates, *STATUS_COLUMNS)
            .join(
                t.status,
                (t.status.c.issuer == t.certificates.c.issuer)
                & (t.status.c.serial == t.certificates.c.serial),
            )
            .where(t.certificates.c.issuer == issuer, t.certificates.c.serial == serial)
        )
        if not rows:
            raise CertificateNotFound(serial_number=serial.hex())
        return _issued(rows[0])

    def find_by(
        self,
        *,
        person: str | None = None,
        key_hash: bytes | None = None,
        fingerprint: bytes | None = None,
        serial: bytes | None = None,
        limit: int = 1000,
    ) -> tuple[Issued, ...]:
        """Certificates of a person, of a key, of a SHA-256 or serial number, the newest first."""
        query = (
            select(t.certificates, *STATUS_COLUMNS)
            .join(
                t.status,
                (t.status.c.issuer == t.certificates.c.issuer)
                & (t.status.c.serial == t.certificates.c.serial),
            )
            .order_by(t.certificates.c.not_before.desc())
            .limit(limit)
        )
        if person is not None:
            query = query.where(t.certificates.c.person == person)
        if key_hash is not None:
            query = query.where(t.certificates.c.key_hash == key_hash)
        if fingerprint is not None:
            query = query.where(t.certificates.c.fingerprint == fingerprint)
        if serial is not None:
            # Issuers are few, and the key begins with them.
            query = query.where(
                t.certificates.c.issuer.in_(select(t.issuers.c.issuer)),
                t.certificates.c.serial == serial,
            )
        return tuple(_issued(row) for row in self._all(query))

    def status_of(self, issuer: str, serial: bytes) -> Status | None:
        """Where that serial number stands: None when it was never issued, and so never good.

        An intent that was never completed has no status; an abandoned one is revoked.
        """
        rows = self._all(_STATUS_OF, of_issuer=issuer, of_serial=serial)
        return read_status(rows[0]) if rows else None

    def history(self, issuer: str, serial: bytes) -> tuple[Status, ...]:
        """Every status of that certificate, the first first: holds that ended stay known."""
        rows = self._all(
            select(t.status_events)
            .where(t.status_events.c.issuer == issuer, t.status_events.c.serial == serial)
            .order_by(t.status_events.c.version)
        )
        return tuple(
            Status(
                state=State(row.state),
                since=from_micros(row.at),
                version=row.version,
                reason=_reason(row.reason),
                invalidity_date=instant_of(row.invalidity_date),
            )
            for row in rows
        )

    def listed(self, issuer: str, shard: int) -> Iterator[tuple[bytes, bytes]]:
        """(serial, encoded list entry) of everything held or revoked in one shard, streamed."""
        with self.reading() as connection:
            yield from self._listed(connection, issuer, shard)

    # -- keys that are never certified (again)

    def block_key(self, key_hash: bytes, *, source: str, actor: str, at: datetime) -> None:
        """Never certify that key again. A key that is blocked already stays so."""
        with self.writing() as connection:
            blocked = connection.execute(
                insert_or_ignore(self.engine, t.blocked_keys)
                .values(key_hash=key_hash, source=source, at=to_micros(at))
                .returning(t.blocked_keys.c.source)
            ).first()
            if blocked is None:
                return
            self.audit(
                connection,
                at=at,
                act="ca.key.blocked",
                actor=actor,
                subject=key_hash.hex(),
                details={"source": source},
            )

    # -- issuers

    def add_issuer(
        self,
        issuer: str,
        *,
        label: str,
        certificate: Certificate,
        key_uri: str,
        settings: str,
        actor: str,
        at: datetime,
    ) -> None:
        """Take an issuer into the register. `settings` is canonical JSON."""
        with self.writing() as connection:
            connection.execute(
                insert(t.issuers).values(
                    issuer=issuer,
                    label=label,
                    certificate=certificate.encoded,
                    key_uri=key_uri,
                    settings=settings,
                    created_at=to_micros(at),
                )
            )
            self.audit(
                connection,
                at=at,
                act="ca.issuer.added",
                actor=actor,
                subject=issuer,
                details={"label": label, "fingerprint": certificate.fingerprint.hex()},
            )

    def issuer(self, name: str) -> Row[Any]:
        """The row of the issuer with that label or identifier. Raises IssuerNotFound."""
        rows = self._all(
            select(t.issuers).where((t.issuers.c.label == name) | (t.issuers.c.issuer == name))
        )
        if not rows:
            raise IssuerNotFound(issuer=name)
        return rows[0]

    def issuers(self) -> Sequence[Row[Any]]:
        """The rows of all issuers, in the order in which they were taken in."""
        return self._all(select(t.issuers).order_by(t.issuers.c.created_at, t.issuers.c.label))

    def record(
        self, *, act: str, actor: str, subject: str, details: Mapping[str, object], at: datetime
    ) -> None:
        """One audit record of an act that changes nothing else here, such as a ceremony's."""
        with self.writing() as connection:
            self.audit(connection, at=at, act=act, actor=actor, subject=subject, details=details)

    # -- lists

    def list_states(self, issuer: str) -> Mapping[int, tuple[datetime | None, datetime | None]]:
        """Shard → (thisUpdate, nextUpdate) of its newest list, of those that have one."""
        row = t.lists.c
        rows = self._all(
            select(row.shard, row.this_update, row.next_update).where(
                row.issuer == issuer, row.latest > 0
            )
        )
        return {
            found.shard: (instant_of(found.this_update), instant_of(found.next_update))
            for found in rows
        }

    def start_list(self, issuer: str, shard: int) -> ListTurn:
        """Take a number for a list of that shard, higher than every one before, for good."""
        row = t.lists.c
        with self.writing() as connection:
            connection.execute(
                insert_or_ignore(self.engine, t.lists).values(
                    issuer=issuer, shard=shard, number=0, latest=0, published=0, entries=0,
                    released=0,
                )
            )  # fmt: skip
            found = connection.execute(
                update(t.lists)
                .where(row.issuer == issuer, row.shard == shard)
                .values(number=row.number + 1)
                .returning(t.lists)
            ).one()
        return ListTurn(
            issuer=issuer,
            shard=shard,
            number=found.number,
            latest=found.latest,
            base=found.published,
            entries=found.entries,
            released=found.released,
            this_update=instant_of(found.this_update),
            next_update=instant_of(found.next_update),
        )

    @contextmanager
    def listing(self, issuer: str, shard: int) -> Iterator[Listing]:
        """What `listed` gives, and how many holds were ever released, at one instant."""
        row = t.status_events.c
        with self.reading(consistent=True) as connection:
            released = connection.execute(
                select(func.count())
                .select_from(t.status_events)
                .where(
                    row.issuer == issuer,
                    row.shard == shard,
                    text("state = 'valid' AND version > 0"),  # the words of the index
                )
            ).scalar_one()
            yield Listing(entries=self._listed(connection, issuer, shard), released=released)

    def publish_list(
        self,
        turn: ListTurn,
        encoded: bytes,
        *,
        base: int | None,
        entries: int,
        released: int,
        this_update: datetime,
        next_update: datetime,
        actor: str,
        at: datetime,
    ) -> None:
        """Put a list in the place of the one that was newest when its turn began.

        `base` is the number that a delta builds on, None for a full list. Raises ListOutrun when
        another was published since: what was read for this one may be older than that.
        """
        row = t.lists.c
        values = {
            "latest": turn.number,
            "entries": entries,
            "released": released,
            "this_update": to_micros(this_update),
            "next_update": to_micros(next_update),
        }
        if base is None:
            values["published"] = turn.number
        with self.writing() as connection:
            swapped = connection.execute(
                update(t.lists)
                .where(
                    row.issuer == turn.issuer,
                    row.shard == turn.shard,
                    row.latest == turn.latest,
                    row.latest < turn.number,
                )
                .values(**values)
            )
            if swapped.rowcount != 1:
                raise ListOutrun(shard=turn.shard, number=turn.number)
            connection.execute(
                insert(t.list_bodies).values(
                    issuer=turn.issuer,
                    shard=turn.shard,
                    number=turn.number,
                    base=base,
                    this_update=values["this_update"],
                    next_update=values["next_update"],
                    encoded=encoded,
                )
            )
            self.audit(
                connection,
                at=at,
                act="ca.list.published",
                actor=actor,
                subject=f"{turn.issuer[:16]}/list/{turn.shard}",
                details={
                    "number": turn.number,
                    "base": base,
                    "entries": entries,
                    "digest": hashlib.sha256(encoded).hexdigest(),
                },
            )

    def published_list(self, issuer: str, shard: int, *, number: int | None = None) -> bytes | None:
        """The encoded list of that number, or the newest full one; None where there is none."""
        row = t.list_bodies.c
        wanted = row.base.is_(None) if number is None else row.number == number
        return self._list_body(issuer, shard, wanted)

    def published_delta(self, issuer: str, shard: int) -> bytes | None:
        """The newest encoded delta list; None where there is none."""
        return self._list_body(issuer, shard, t.list_bodies.c.base.is_not(None))

    def lists_after(self, issuer: str, shard: int, number: int) -> Iterator[bytes]:
        """The encoded lists, full and delta, with a higher number."""
        row = t.list_bodies.c
        query = (
            select(row.encoded)
            .where(row.issuer == issuer, row.shard == shard, row.number > number)
            .order_by(row.number)
        )
        with self.reading() as connection:
            for found in connection.execution_options(yield_per=1).execute(query):
                yield bytes(found.encoded)

    def has_unexpired(self, issuer: str, shard: int, *, at: datetime) -> bool:
        """Whether a certificate of that shard is neither revoked nor expired, or may be issued."""
        row, intent = t.status.c, t.intents.c
        alive = select(row.serial).where(
            row.issuer == issuer,
            row.shard == shard,
            row.state != "revoked",
            row.not_after > to_micros(at),
        )
        pending = select(intent.serial).where(
            intent.issuer == issuer, intent.shard == shard, intent.state == "reserved"
        )
        return any(self._all(query.limit(1)) for query in (alive, pending))

    # -- inside

    def _close(
        self, connection: Connection, issuer: str, serial: bytes, state: str, now: int
    ) -> None:
        row = t.intents.c
        closed = connection.execute(
            update(t.intents)
            .where(row.issuer == issuer, row.serial == serial, row.state == "reserved")
            .values(state=state, closed_at=now)
        )
        if closed.rowcount != 1:
            raise IntentNotOpen(serial_number=serial.hex())

    def _insert_status(
        self, connection: Connection, intent: Intent, status: Status, entry: bytes | None
    ) -> None:
        connection.execute(
            insert(t.status).values(
                issuer=intent.issuer,
                serial=intent.serial,
                shard=intent.shard,
                not_after=to_micros(intent.not_after),
                entry=entry,
                **_status_columns(status),
            )
        )
        change = StatusChange(
            issuer=intent.issuer,
            serial=intent.serial,
            shard=intent.shard,
            status=status,
            entry=entry,
        )
        connection.execute(
            insert(t.status_events),
            _event(change, actor=intent.operator, recorded_at=status.since),
        )

    def _follow(
        self,
        connection: Connection,
        changes: Sequence[StatusChange],
        *,
        actor: str,
        recorded_at: datetime,
        **details: object,
    ) -> None:
        """What goes with every change of a status: its event, the end of requests, its record."""
        connection.execute(
            insert(t.status_events),
            [_event(change, actor=actor, recorded_at=recorded_at) for change in changes],
        )
        requests = self._end_requests(connection, changes, to_micros(recorded_at))
        entries = [
            AuditEntry(
                at=recorded_at,
                act=f"ca.certificate.{_EVENT_WORDS[change.status.state]}",
                actor=actor,
                subject=change.subject,
                details={
                    "version": change.status.version,
                    "reason": change.status.reason.name.lower() if change.status.reason else None,
                    "requests": requests.get(change.serial, []),
                    **details,
                },
            )
            for change in changes
        ]
        self._record_all(connection, entries)

    @staticmethod
    def _end_requests(
        connection: Connection, changes: Sequence[StatusChange], now: int
    ) -> dict[bytes, list[str]]:
        """Serial → the open requests that these changes carry out (`eds.ca.received`)."""
        row = t.revocation_requests.c
        ended: dict[bytes, list[str]] = {}
        for state, acts in _CARRIED_OUT.items():
            serials = [change.serial for change in changes if change.status.state is state]
            for start in range(0, len(serials), 500):  # so many as every database takes
                found = connection.execute(
                    update(t.revocation_requests)
                    .where(
                        row.issuer == changes[0].issuer,
                        row.serial.in_(serials[start : start + 500]),
                        row.act.in_(acts),
                        row.done_at.is_(None),
                    )
                    .values(done_at=now, outcome="effected")
                    .returning(row.serial, row.request)
                )
                for serial, request in found:
                    ended.setdefault(bytes(serial), []).append(request)
        return {serial: sorted(names) for serial, names in ended.items()}

    def _record_each(self, connection: Connection, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self.audit(
                connection,
                at=entry.at,
                act=entry.act,
                actor=entry.actor,
                subject=entry.subject,
                details=entry.details,
            )

    @staticmethod
    def _listed(connection: Connection, issuer: str, shard: int) -> Iterator[tuple[bytes, bytes]]:
        query = (
            select(t.status.c.serial, t.status.c.entry)
            .where(
                t.status.c.issuer == issuer,
                t.status.c.shard == shard,
                text("state <> 'valid'"),  # the words of the index
            )
            .order_by(t.status.c.serial)
        )
        for serial, entry in connection.execution_options(yield_per=10_000).execute(query):
            yield bytes(serial), bytes(entry)

    def _list_body(self, issuer: str, shard: int, wanted: ColumnElement[bool]) -> bytes | None:
        row = t.list_bodies.c
        rows = self._all(
            select(row.encoded)
            .where(row.issuer == issuer, row.shard == shard, wanted)
            .order_by(row.number.desc())
            .limit(1)
        )
        return bytes(rows[0].encoded) if rows else None

    def _all(self, query: Any, **parameters: object) -> Sequence[Row[Any]]:
        with self.reading() as connection:
            return connection.execute(query, parameters).all()

    @contextmanager
    def reading(self, *, consistent: bool = False) -> Iterator[Connection]:
        """`consistent`: all statements see one instant, as they always do in SQLite."""
        with reading(self.engine, consistent=consistent) as connection:
            yield connection


# --- values and columns ---------------------------------------------------------------------------

STATUS_COLUMNS: Final = (
    t.status.c.state,
    t.status.c.since,
    t.status.c.version,
    t.status.c.reason,
    t.status.c.invalidity_date,
    t.status.c.held_since,
    t.status.c.shard,
)
# Made once: making it takes twice as long as carrying it out, and responders live on it.
_STATUS_OF: Final = select(*STATUS_COLUMNS).where(
    t.status.c.issuer == bindparam("of_issuer"), t.status.c.serial == bindparam("of_serial")
)
# A revocation carries out a wish for a hold too.
_CARRIED_OUT: Final = {State.ON_HOLD: ("hold",), State.REVOKED: ("hold", "revoke")}
_EVENT_WORDS: Final = {State.VALID: "released", State.ON_HOLD: "held", State.REVOKED: "revoked"}


def _reason(number: int | None) -> RevocationReason | None:
    return None if number is None else RevocationReason(number)


def _status_columns(status: Status) -> dict[str, object]:
    return {
        "state": status.state.value,
        "since": to_micros(status.since),
        "version": status.version,
        "reason": status.reason.value if status.reason else None,
        "invalidity_date": micros_of(status.invalidity_date),
        "held_since": micros_of(status.held_since),
    }


def _event(change: StatusChange, *, actor: str, recorded_at: datetime) -> dict[str, object]:
    status = change.status
    return {
        "issuer": change.issuer,
        "serial": change.serial,
        "version": status.version,
        "state": status.state.value,
        "at": to_micros(status.since),
        "reason": status.reason.value if status.reason else None,
        "invalidity_date": micros_of(status.invalidity_date),
        "actor": actor,
        "shard": change.shard,
        "recorded_at": to_micros(recorded_at),
    }


def _entry(
    intent: Intent, act: str, *, at: datetime, actor: str | None = None, **details: object
) -> AuditEntry:
    return AuditEntry(
        at=at,
        act=act,
        actor=actor or intent.operator,
        subject=intent.subject,
        details={
            "request": intent.request,
            "profile": intent.profile,
            "profile_hash": intent.profile_hash.hex(),
            "key": intent.key_hash.hex(),
            "authority": intent.authority,
            "evidence": intent.evidence.hex(),
            **details,
        },
    )


def read_status(row: Row[Any]) -> Status:
    """The status in a row with `STATUS_COLUMNS`."""
    return Status(
        state=State(row.state),
        since=from_micros(row.since),
        version=row.version,
        reason=_reason(row.reason),
        invalidity_date=instant_of(row.invalidity_date),
        held_since=instant_of(row.held_since),
    )


def _issued(row: Row[Any]) -> Issued:
    return Issued(
        issuer=row.issuer,
        serial=bytes(row.serial),
        certificate=Certificate(bytes(row.encoded)),
        status=read_status(row),
        person=row.person,
        profile=row.profile,
        authority=row.authority,
        shard=row.shard,
        hold=row.hold,
    )


def _intent(row: Row[Any]) -> Intent:
    return Intent(
        issuer=row.issuer,
        serial=bytes(row.serial),
        request=row.request,
        profile=row.profile,
        profile_hash=bytes(row.profile_hash),
        key_hash=bytes(row.key_hash),
        key_kind=row.key_kind,
        subject_hash=bytes(row.subject_hash),
        person=row.person,
        authority=row.authority,
        operator=row.operator,
        evidence=bytes(row.evidence),
        tbs_hash=bytes(row.tbs_hash),
        hold=row.hold,
        not_before=from_micros(row.not_before),
        not_after=from_micros(row.not_after),
        shard=row.shard,
        created_at=from_micros(row.created_at),
    )
