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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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

    def decided(self) -> dict[str, Any]:
        """What an IssueRequest says beside the key."""
        number = next(self._numbers)
        return {
            "request": f"request-{number}",
            "profile": shipped_profile("natural-person-signature"),
            "subject": subject(number),
            "person": f"person-{number}",
            "authority": "centre-7",
            "operator": "operator-3",
            "evidence": hashlib.sha256(b"record").digest(),
            "email": f"person-{number}@example.kz",
        }

    def prepared(self) -> PreparedCertificate:
        public_key = PublicKey.of(ec.generate_private_key(ec.SECP256R1()).public_key())
        return self.authority.prepare(
            IssueRequest(public_key=public_key, **self.decided()), at=NOON
        )


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
    decided = [desk.decided() for _ in asked]
    turn = itertools.cycle(zip(asked, decided, strict=True))
    message = asked[0]
    signature, public = desk.key.sign(message, ECDSA), desk.key.public_key()

    def issue() -> None:
        encoded, facts = next(turn)
        read = CertificationRequest(encoded)
        read.verify_proof_of_possession()
        request = IssueRequest(public_key=read.public_key, **facts)
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
    """Writes the rows of an issue again and again, as new ones, into a copy of its database.

    The copy has the same tables, indexes, foreign keys and triggers, and is opened with the same
    PRAGMAs; each row is found by its key. The rows stand ready before they are written: Python
    hands them over, and nothing else is counted.
    """

    def __init__(self, register: Path, raw: Path, *, count: int) -> None:
        with closing(sqlite3.connect(register)) as source, closing(sqlite3.connect(raw)) as copy:
            source.backup(copy)
        # Opened as a register is, so that nothing is set otherwise; used as `sqlite3` made it.
        self._opened = open_database(f"sqlite:///{raw}").raw_connection()
        self._connection: sqlite3.Connection = self._opened.driver_connection  # type: ignore[assignment]
        found = {name: self._sample(name) for group in WRITES for name in group}
        texts = {
            name: f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})"
            for name, row in found.items()
        }
        first = found["audit_records"]["sequence"]
        assert isinstance(first, int)
        self._ready = iter(
            [
                [
                    [(texts[name], row) for name, row in rows]
                    for rows in self._new_rows(found, number, first + 2 * number)
                ]
                for number in range(1, count)
            ]
        )

    def _sample(self, table: str) -> dict[str, object]:
        """The youngest row."""
        cursor = self._connection.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1")
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))

    @staticmethod
    def _new_rows(
        found: Mapping[str, Mapping[str, object]], number: int, sequence: int
    ) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
        """Table and row of one issue, by transaction."""
        new: dict[str, object] = {
            name: secrets.token_bytes(32)
            for name in ("key_hash", "subject_hash", "fingerprint", "tbs_hash", "hash")
        }
        new["serial"] = secrets.token_bytes(19)
        new |= {name: f"{name}-{number:06}" for name in ("request", "person")}
        new |= {"state": "reserved", "closed_at": None}  # of an intent, in the first transaction
        for at, group in enumerate(WRITES):
            new["sequence"] = sequence + at
            if at:
                new["state"] = "valid"
            yield [
                (name, tuple(new.get(column, value) for column, value in found[name].items()))
                for name in group
            ]

    def issue(self, sign: Callable[[], object]) -> None:
        """Two commits, and the signature between them."""
        execute = self._connection.execute
        reserved, issued = next(self._ready)
        execute("BEGIN IMMEDIATE")
        for text, row in reserved:
            execute(text, row)
        self._move_head(row)
        execute("COMMIT")
        sign()
        execute("BEGIN IMMEDIATE")
        execute(_CLOSE_INTENT, issued[0][1][:2])
        for text, row in issued:
            execute(text, row)
        self._move_head(row)
        execute("COMMIT")

    def _move_head(self, record: Sequence[object]) -> None:
        writer, sequence, digest, _ = record
        self._connection.execute(_MOVE_HEAD, (sequence, digest, writer))


_CLOSE_INTENT = "UPDATE intents SET state = 'issued', closed_at = 1 WHERE issuer = ? AND serial = ?"
_MOVE_HEAD = "UPDATE audit_heads SET sequence = ?, hash = ? WHERE writer = ?"


def durable(folder: Path) -> Iterator[Row]:
    """Of the wall's clock: the disk works while we wait. Each writes into a database of its own."""
    one, many = Desk(folder / "one.db"), Desk(folder / "many.db")
    one.authority.issue(one.prepared(), at=NOON)
    raw = RawWriter(one.path, folder / "raw.db", count=8000)
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
