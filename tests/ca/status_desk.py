"""An authority whose register a test fills by the hundred, its lists and its responder."""

from __future__ import annotations

import hashlib
import json
import random
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds import der
from eds.algorithms import ECDSA_P256_SHA256
from eds.audit import LogVerifier, StoredRecord
from eds.audit.store import AuditLog
from eds.ca import lifecycle
from eds.ca.authority import list_entry
from eds.ca.database import open_database
from eds.ca.lifecycle import Act, Change, Status
from eds.ca.lists import ListPublisher
from eds.ca.register import AuditTrail, Intent, Register
from eds.ca.responder import Delegate, Responder, ResponderName, ServedIssuer
from eds.ca.tbs import IssuerFacts
from eds.certificates import Certificate
from eds.extensions import RevocationReason
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from tests.ca.hierarchy import DAY, NOON, authority, good_tbs, public

ISSUER = "1" * 64
HOUR = timedelta(hours=1)
SHARDS = 4


def no_audit(connection: object, **record: Any) -> None:
    """The log has tests of its own."""


def is_personal(value: str) -> bool:
    """What a country would hand in: here, twelve digits that stand alone."""
    return len(value) == 12 and value.isdigit()


def audit_records(register: Register) -> list[dict[str, Any]]:
    """All records of the log, whose chains are whole."""
    with register.reading(consistent=True) as connection:
        items = list(AuditLog(connection).items())
    assert list(LogVerifier(keys=[]).verify(items)) == []
    return [json.loads(item.encoded) for item in items if isinstance(item, StoredRecord)]


def signer_of(key: ec.EllipticCurvePrivateKey) -> LocalSigner:
    return LocalSigner(
        key,
        key=KeyRef(uri="file:key", label="key"),
        public_key=public(key),
        algorithm=ECDSA_P256_SHA256,
    )


@cache
def facts(shards: int = SHARDS) -> IssuerFacts:
    return IssuerFacts.of(
        authority("issuing-ca").certificate,
        algorithm=ECDSA_P256_SHA256,
        crl_urls=("http://crl.example.kz/{shard}.crl", "http://mirror.example.kz/{shard}.crl"),
        delta_crl_urls=("http://crl.example.kz/{shard}-delta.crl",),
        shard_count=shards,
        ocsp_urls=("http://ocsp.example.kz/",),
        ca_issuer_urls=("http://pki.example.kz/issuing.cer",),
        cps_url="https://example.kz/cps",
        pds_urls=(("en", "https://example.kz/pds_en.pdf"),),
    )


def ocsp_request(*serials: bytes) -> bytes:
    """An OCSPRequest about certificates of the issuing authority."""
    issuer = authority("issuing-ca").certificate
    head = (
        der.sequence(der.object_identifier("1.3.14.3.2.26"), der.null()),
        *(
            der.octet_string(hashlib.sha1(octets, usedforsecurity=False).digest())
            for octets in (issuer.subject.encoded, issuer.public_key.key_octets)
        ),
    )
    asked = (
        der.sequence(der.sequence(*head, der.value(der.INTEGER, serial))) for serial in serials
    )
    return der.sequence(der.sequence(der.sequence(*asked)))


def delegate(
    *, not_before: datetime = NOON - DAY, days: int = 60, name: ResponderName = ResponderName.KEY
) -> Delegate:
    """A responder's certificate from the issuing authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority("issuing-ca").sign(
        good_tbs(
            "ocsp-responder",
            public_key=public(key),
            not_before=not_before,
            not_after=not_before + days * DAY,
        )
    )
    return Delegate(certificate=certificate, signer=signer_of(key), name=name)


@dataclass
class Desk:
    register: Register
    url: str

    def issue(
        self,
        count: int = 1,
        *,
        not_after: datetime = NOON + 300 * DAY,
        finish: bool = True,
        **changes: Any,
    ) -> list[bytes]:
        """Certificates in the register; returns the octets of their serial numbers.

        `changes` are other values for the intents, whatever the certificates say.
        """
        made = [self._make(not_after) for _ in range(count)]
        made = [(replace(intent, **changes), encoded) for intent, encoded in made]
        self.register.reserve([intent for intent, _ in made])
        if finish:
            self.register.complete(made, at=NOON - 10 * DAY)
        return [intent.serial for intent, _ in made]

    def _make(self, not_after: datetime) -> tuple[Intent, bytes]:
        serial = b"\x01" + secrets.token_bytes(18)
        number = int.from_bytes(serial, "big")
        shard = number % SHARDS
        tbs = good_tbs(
            "natural-person-signature", issuer=facts(), serial_number=number, shard=shard,
            not_before=NOON - 10 * DAY, not_after=not_after,
        )  # fmt: skip
        certificate = authority("issuing-ca").sign(tbs)
        intent = Intent(
            issuer=ISSUER, serial=serial, request=serial.hex(), profile="p/1",
            profile_hash=bytes(32), key_hash=hashlib.sha256(serial).digest(),
            key_kind="EC P-256",
            subject_hash=hashlib.sha256(b"s" + serial).digest(), person=serial.hex(),
            authority="centre", operator="operator", evidence=bytes(32), tbs_hash=bytes(32),
            not_before=NOON - 10 * DAY, not_after=not_after, shard=shard, hold=True,
            created_at=NOON - 10 * DAY,
        )  # fmt: skip
        return intent, certificate.encoded

    def certificate(self, serial: bytes) -> Certificate:
        return self.register.find(ISSUER, serial).certificate

    def change(self, serial: bytes, act: Act, *, at: datetime, **more: Any) -> Status:
        if act is Act.REVOKE:
            more.setdefault("reason", RevocationReason.SUPERSEDED)
        issued = self.register.find(ISSUER, serial)
        status = lifecycle.apply(issued.status, Change(act=act, at=at, **more))
        entry = list_entry(serial, status) if status.is_listed else None
        self.register.change_status(issued, status, actor="officer", entry=entry, recorded_at=at)
        return status

    def publisher(self, **changes: Any) -> ListPublisher:
        made: dict[str, Any] = {
            "issuer": ISSUER,
            "facts": facts(),
            "signer": signer_of(authority("issuing-ca").key),
            "expired_since": facts().not_before,
        }
        return ListPublisher(self.register, **(made | changes))

    def responder(self, *delegates: Delegate, **changes: Any) -> Responder:
        served = ServedIssuer(ISSUER, authority("issuing-ca").certificate, delegates)
        made: dict[str, Any] = {
            "status_of": self.register.status_of,
            "validity": 12 * HOUR,
        }
        return Responder([served], **(made | changes))

    def live(
        self, serials: list[bytes], *, seed: int, acts: int, after: datetime = NOON
    ) -> datetime:
        """A random history of lawful acts, one a second; returns the last second."""
        chance = random.Random(seed)
        at = after
        for _ in range(acts):
            serial = chance.choice(serials)
            at += timedelta(seconds=1)
            status = self.register.status_of(ISSUER, serial)
            assert status is not None
            allowed = {
                lifecycle.State.VALID: (Act.HOLD, Act.HOLD, Act.REVOKE),
                lifecycle.State.ON_HOLD: (Act.RELEASE, Act.RELEASE, Act.REVOKE),
                lifecycle.State.REVOKED: (),
            }[status.state]
            if allowed:
                act = chance.choice(allowed)
                reason = chance.choice(sorted(lifecycle.REVOCATION_REASONS, key=lambda r: r.value))
                more = {"reason": reason} if act is Act.REVOKE else {}
                self.change(serial, act, at=at, **more)
        return at


# For a fixture `desk` that reads its kind of database from `request.param`.
on_both = pytest.mark.parametrize("desk", ["sqlite", "postgresql"], indirect=True)


def new_register(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty register with all its tables."""
    if kind == "postgresql":
        return str(request.getfixturevalue("postgresql_register")())
    return str(request.getfixturevalue("sqlite_register")(folder))


def open_desk(url: str, *, audit: AuditTrail = no_audit) -> Desk:
    engine = open_database(url)
    register = Register(engine, node=1, audit=audit)
    register.add_issuer(
        ISSUER, label="Example", certificate=authority("issuing-ca").certificate,
        key_uri="file:ca", settings="{}", actor="ceremony", at=NOON,
    )  # fmt: skip
    return Desk(register=register, url=url)


def shard_of(serial: bytes) -> int:
    return int.from_bytes(serial, "big") % SHARDS
