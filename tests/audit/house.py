"""A log with everything in it: factories that give something whole, of which a test changes one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from sqlalchemy import Connection, Engine, create_engine, event, text

from eds.algorithms import ECDSA_P256_SHA256, ED25519
from eds.audit import Finding, LogVerifier, SignedCheckpoint, sign_checkpoint
from eds.audit.records import AuditEntry, AuditRecord
from eds.audit.state import read_state
from eds.audit.store import AUDIT_METADATA, AuditLog, add_checkpoint, append_all
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from eds.publickeys import PublicKey

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORIGIN = "log.example/ca"
_IIN = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")


def is_personal(value: str) -> bool:
    """What a country would hand in: here, twelve digits that stand alone."""
    return value == "iin" or _IIN.search(value) is not None


def signer(kind: str = "ec") -> LocalSigner:
    native: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ec"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return LocalSigner(
        native,
        key=KeyRef(uri="file:log", label="log"),
        public_key=PublicKey.of(native.public_key()),
        algorithm=ECDSA_P256_SHA256 if kind == "ec" else ED25519,
    )


def entry(number: int = 1, **changed: Any) -> AuditEntry:
    whole: dict[str, Any] = {
        "at": NOON + timedelta(seconds=number),
        "act": "ca.certificate.issued",
        "actor": "official/9f86d081884c7d65",
        "subject": f"issuer-1/{number:040x}",
        "details": {"profile": "citizen-signature", "number": number, "note": "Әйгерім «1»"},
    }
    return AuditEntry(**{**whole, **changed})


def record(**changed: Any) -> AuditRecord:
    whole: dict[str, Any] = {
        "writer": "node-1",
        "sequence": 1,
        "at": NOON,
        "act": "ca.certificate.issued",
        "actor": "official/9f86",
        "subject": "issuer-1/01",
        "details": {"profile": "citizen-signature"},
        "previous": bytes(32),
    }
    return AuditRecord(**{**whole, **changed})


def engine_for(url: str) -> Engine:
    """As a register opens it: on SQLite every transaction begins IMMEDIATE."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=20)
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _(connection: Any, __: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@dataclass
class House:
    """A log in a database, with a key of its own."""

    url: str
    engine: Engine
    key: LocalSigner = field(default_factory=signer)

    @classmethod
    def at(cls, url: str) -> House:
        engine = engine_for(url)
        AUDIT_METADATA.create_all(engine)
        return cls(url, engine)

    def append(self, count: int, *, writer: str = "node-1", first: int = 1) -> None:
        with self.engine.begin() as connection:
            entries = [entry(number) for number in range(first, first + count)]
            append_all(connection, entries, writer=writer, is_personal=is_personal)

    def checkpoint(self, *, at: datetime = NOON) -> SignedCheckpoint:
        with self.engine.begin() as connection:
            state = read_state(AuditLog(connection), keys=[self.key.public_key])
            signed = sign_checkpoint(
                origin=ORIGIN, at=at, heads=state.heads, previous=state.previous, signer=self.key
            )
            add_checkpoint(connection, signed, peaks=state.peaks)
        return signed

    def findings(self, *, held: Sequence[SignedCheckpoint] = ()) -> list[Finding]:
        with self.log() as log:
            return list(self.verifier(held=held).verify(log.items()))

    def verifier(self, *, held: Sequence[SignedCheckpoint] = ()) -> LogVerifier:
        return LogVerifier(keys=[self.key.public_key], held=held)

    @contextmanager
    def log(self) -> Iterator[AuditLog]:
        with self.engine.connect() as connection:
            yield AuditLog(connection)

    def tamper(self, *statements: str, **values: Any) -> None:
        """What somebody can do who owns the database: take the triggers away first."""
        with self.engine.begin() as connection:
            tables = ("audit_records", "audit_heads", "audit_checkpoints")
            if self.engine.dialect.name == "postgresql":
                for table in tables:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            else:
                names = connection.execute(
                    text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                ).scalars()
                for name in list(names):
                    connection.execute(text(f"DROP TRIGGER {name}"))
            for statement in statements:
                connection.execute(text(statement), values)

    def encoded(self, sequence: int, writer: str = "node-1") -> bytes:
        with self.log() as log:
            return log.record(writer, sequence).encoded


def codes(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """(code without its family, place) of each."""
    return [(finding.code.partition(".")[2], finding.place) for finding in findings]
