"""Issuing whole: from a request to a certificate, and durably, one by one and in a batch.

The first floor is one raw P-256 verification and one raw P-256 signature. The floor of durable
issuing is what its two transactions cannot do without: the very rows that it writes, by prepared
statements of `sqlite3` into tables of the same kind, in two commits that reach the disk.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.bench_issue_parts import subject
from bench.bench_status import Keys, name_of, signer_of
from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256
from eds.audit.store import AUDIT_METADATA, AuditWriter
from eds.ca.authority import Authority, IssueRequest, PreparedCertificate
from eds.ca.database import open_database
from eds.ca.keycheck import check_key
from eds.ca.migrations import upgrade
from eds.ca.profiles import shipped_profile
from eds.ca.register import Intent, Register
from eds.ca.tbs import IssuerFacts, assemble, build_tbs
from eds.certificates import Certificate
from eds.publickeys import PublicKey
from eds.requests import CertificationRequest

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUER = "1" * 64
BATCH = 100
LISTS = 128
ECDSA = ec.ECDSA(hashes.SHA256())
# What one issue writes, in the two transactions in which it does.
WRITES = (
    ("key_owners", "subject_owners", "intents", "audit_records"),
    ("certificates", "status", "status_events", "audit_records"),
)


def permit(request: object, /, *, at: datetime) -> None:
    del request, at


class Unwritten(Register):
    """A register that keeps nothing, for what issuing costs without it."""

    def reserve(self, intents: Sequence[Intent]) -> None:
        pass

    def complete(self, issued: object, *, at: datetime) -> None:
        pass


class Desk:
    """An issuing authority with a register in a folder, and requests without end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        engine = open_database(f"sqlite:///{self.path}")
        upgrade(engine)
        AUDIT_METADATA.create_all(engine)
        keys = Keys()
        self.key = ec.generate_private_key(ec.SECP256R1())
        profile = shipped_profile("issuing-ca")
        public_key = PublicKey.of(self.key.public_key())
        tbs = build_tbs(
            profile, issuer=keys.facts, serial_number=8, subject=name_of("Bench issuing CA"),
            public_key=public_key, not_before=NOON - DAY, not_after=NOON + 2000 * DAY,
        )  # fmt: skip
        signature = keys.key.sign(tbs, ECDSA)
        certificate = Certificate(assemble(tbs, algorithm=ECDSA_P256_SHA256, signature=signature))
        self.facts = IssuerFacts.of(
            certificate, algorithm=ECDSA_P256_SHA256,
            crl_urls=("http://crl.example.kz/2026/{shard}.crl",), shard_count=LISTS,
            ocsp_urls=("http://ocsp.example.kz/",),
            ca_issuer_urls=("http://pki.example.kz/issuing.cer",), cps_url="https://example.kz/cps",
        )  # fmt: skip
        self.signer = signer_of(self.key)
        audit = AuditWriter(writer="node-1", is_personal=lambda _: False)
        self.register = Register(engine, node=1, audit=audit)
        self.register.add_issuer(
            ISSUER, label="Bench", certificate=certificate, key_uri="file:ca", settings="{}",
            actor="ceremony", at=NOON,
        )  # fmt: skip
        self.authority = self._authority(self.register)
        self.unwritten = self._authority(Unwritten(engine, node=1, audit=audit))
        self._numbers = itertools.count(1)

    def _authority(self, register: Register) -> Authority:
        return Authority(
            issuer=ISSUER, facts=self.facts, signer=self.signer, register=register,
            policy=permit, check_key=check_key,
        )  # fmt: skip

    def request(self, public_key: PublicKey) -> IssueRequest:
        number = next(self._numbers)
        return IssueRequest(
            request=f"request-{number}",
            profile=shipped_profile("natural-person-signature"),
            subject=subject(number),
            public_key=public_key,
            person=f"person-{number}",
            authority="centre-7",
            operator="operator-3",
            evidence=hashlib.sha256(b"record").digest(),
            email="asan@example.kz",
        )

    def prepared(self) -> PreparedCertificate:
        public_key = PublicKey.of(ec.generate_private_key(ec.SECP256R1()).public_key())
        return self.authority.prepare(self.request(public_key), at=NOON)


def requests(count: int) -> list[bytes]:
    made = []
    for number in range(count):
        signer = signer_of(ec.generate_private_key(ec.SECP256R1()))
        made.append(CertificationRequest.build(subject(number), signer).encoded)
    return made


def from_requests(desk: Desk) -> Row:
    """All but the register: request, proof of possession, key, profile, bytes, lint, guard.

    The subject comes from the decision, so it is there before. Each list has had a certificate.
    """
    asked = requests(256)
    made = [desk.request(CertificationRequest(encoded).public_key) for encoded in asked]
    turn = itertools.cycle(zip(asked, made, strict=True))
    message = asked[0]
    signature, public = desk.key.sign(message, ECDSA), desk.key.public_key()

    def issue() -> None:
        encoded, decided = next(turn)
        read = CertificationRequest(encoded)
        read.verify_proof_of_possession()
        request = replace(decided, public_key=read.public_key)
        prepared = desk.unwritten.prepare(request, at=NOON)
        desk.unwritten.issue(prepared, at=NOON)

    def floor() -> None:
        public.verify(signature, message, ECDSA)
        desk.key.sign(message, ECDSA)

    for _ in range(8 * LISTS):
        issue()
    ours, least = interleave(issue, floor, rounds=21)
    name = "certificate from a request, all checks / raw P-256 verification and signature"
    return Row(name=name, ours=ours, floor=least, goal=2.5)


class RawWriter:
    """Writes the rows of a register's issues again, as new ones, into a copy of its tables."""

    def __init__(self, register: Path, raw: Path) -> None:
        self._connection = sqlite3.connect(raw, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with closing(sqlite3.connect(register)) as source:
            tables = {name for group in WRITES for name in group} | {"audit_heads"}
            for name, statement in source.execute("SELECT tbl_name, sql FROM sqlite_master"):
                if name in tables and statement and not statement.startswith("CREATE TRIGGER"):
                    self._connection.execute(statement)
            self._rows = {name: self._sample(source, name) for name in tables}
        self._connection.execute("INSERT INTO audit_heads VALUES ('raw', 0, x'00')")
        self._numbers = itertools.count(1)

    @staticmethod
    def _sample(source: sqlite3.Connection, table: str) -> tuple[list[str], tuple[object, ...]]:
        found = source.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1")
        row = found.fetchone()
        return [column[0] for column in found.description], row

    def _insert(self, table: str, serial: bytes) -> None:
        columns, row = self._rows[table]
        values = list(row)
        number = next(self._numbers)
        for at, column in enumerate(columns):
            if column == "serial":
                values[at] = serial
            elif column == "sequence":
                values[at] = number
            elif column in ("key_hash", "subject_hash", "fingerprint", "hash"):
                values[at] = secrets.token_bytes(32)
            elif column in ("request", "person"):
                values[at] = f"{column}-{number}"
        marks = ", ".join("?" * len(values))
        self._connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)

    def issue(self, sign: Callable[[], object]) -> None:
        """Two commits, and the signature between them."""
        serial = secrets.token_bytes(19)
        for number, tables in enumerate(WRITES):
            self._connection.execute("BEGIN IMMEDIATE")
            if number:
                sql = "UPDATE intents SET state = 'issued', closed_at = 1 WHERE serial = ?"
                self._connection.execute(sql, (serial,))
            for table in tables:
                self._insert(table, serial)
            self._connection.execute("UPDATE audit_heads SET sequence = ?", (number,))
            self._connection.execute("COMMIT")
            if not number:
                sign()


def durable(folder: Path) -> Iterator[Row]:
    """Of the wall's clock: the disk works while we wait. Each writes into a database of its own."""
    one, many = Desk(folder / "one.db"), Desk(folder / "many.db")
    one.authority.issue(one.prepared(), at=NOON)
    raw = RawWriter(one.path, folder / "raw.db")
    ready = iter([one.prepared() for _ in range(2000)])
    batches = iter([many.prepared() for _ in range(8000)])
    message = bytes(1000)
    single, batch, floor = interleave(
        lambda: one.authority.issue(next(ready), at=NOON),
        lambda: many.authority.issue_many([next(batches) for _ in range(BATCH)], at=NOON),
        lambda: raw.issue(lambda: one.key.sign(message, ECDSA)),
        rounds=9, block=0.03, clock=time.perf_counter,
    )  # fmt: skip
    yield Row(
        name="two-phase durable issue (SQLite): the same rows in two raw commits",
        ours=1 / single, floor=1 / floor, unit="/s", goal=0.7, better="higher",
    )  # fmt: skip
    yield Row(
        name=f"durable issue in batches of {BATCH} (SQLite): one by one",
        ours=BATCH / batch, floor=1 / single, unit="/s", goal=5, better="higher",
    )  # fmt: skip
    for desk in (one, many):
        desk.register.engine.dispose()


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="eds-bench-") as name:
        folder = Path(name)
        desk = Desk(folder / "unwritten.db")
        yield from_requests(desk)
        desk.register.engine.dispose()
        yield from durable(folder)
