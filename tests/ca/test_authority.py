"""Issuing in two steps, on a real register."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds.algorithms import ECDSA_P256_SHA256
from eds.audit import LogVerifier, StoredRecord
from eds.audit.store import AuditLog, AuditWriter
from eds.ca.authority import Authority, IssueRequest, StatusRequest
from eds.ca.database import open_database
from eds.ca.keycheck import check_key
from eds.ca.lifecycle import Act, Change, State, Status
from eds.ca.register import Register
from eds.certificates import Certificate
from eds.errors import (
    EdsError,
    IntentNotOpen,
    InvalidArgument,
    KeyBlocked,
    KeyNotPermitted,
    KeyTaken,
    MonitorRefused,
    ProfileViolated,
    RequestRefused,
    RequestUsed,
    SerialNumberUsed,
    StatusChanged,
    StatusChangeRefused,
    SubjectTaken,
)
from eds.extensions import RevocationReason
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from eds.names import COMMON_NAME, COUNTRY, GIVEN_NAME, SERIAL_NUMBER, SURNAME, Name
from eds.publickeys import PublicKey
from tests.ca.hierarchy import NOON, PROFILES, authority, public, root, subject_of

HOUR = timedelta(hours=1)
ISSUER = "1" * 64


@dataclass
class Desk:
    """An authority with a policy that can change its mind, and what was recorded."""

    authority: Authority
    register: Register
    records: list[dict[str, Any]]
    refuses: type[EdsError] | None = None
    numbers: int = 0
    asked: list[object] = field(default_factory=list)

    def policy(self, request: object, *, at: object) -> None:
        self.asked.append(request)
        if self.refuses is not None:
            raise self.refuses

    def request(self, **changes: Any) -> IssueRequest:
        self.numbers += 1
        subject = Name.build(
            [
                (COUNTRY, "KZ"),
                (COMMON_NAME, f"АХМЕТОВ АСАН {self.numbers}"),
                (SURNAME, "АХМЕТОВ"),
                (GIVEN_NAME, "АСАН"),
                (SERIAL_NUMBER, f"PNOKZ-1234567{self.numbers:05d}"),
            ]
        )
        made: dict[str, Any] = {
            "request": f"request-{self.numbers}",
            "profile": PROFILES["natural-person-signature"],
            "subject": subject,
            "public_key": public(ec.generate_private_key(ec.SECP256R1())),
            "person": f"person-{self.numbers}",
            "authority": "centre-7",
            "operator": "operator-3",
            "evidence": hashlib.sha256(b"record").digest(),
        }
        return IssueRequest(**(made | changes))

    def issue(self, **changes: Any) -> Certificate:
        prepared = self.authority.prepare(self.request(**changes), at=NOON)
        return self.authority.issue(prepared, at=NOON)

    def acts(self) -> list[str]:
        return [record["act"] for record in self.records]


@pytest.fixture
def desk(register_url: str) -> Iterator[Desk]:
    engine = open_database(register_url)
    records: list[dict[str, Any]] = []

    def audit(connection: object, **record: Any) -> None:
        records.append(record)

    register = Register(engine, node=1, audit=audit)
    issuing = authority("issuing-ca")
    register.add_issuer(
        ISSUER, label="Example", certificate=issuing.certificate, key_uri="file:ca",
        settings="{}", actor="ceremony", at=NOON,
    )  # fmt: skip
    signer = LocalSigner(
        issuing.key,
        key=KeyRef(uri="file:ca", label="ca"),
        public_key=issuing.facts.public_key,
        algorithm=ECDSA_P256_SHA256,
    )
    desk = Desk(authority=None, register=register, records=records)  # type: ignore[arg-type]
    desk.authority = Authority(
        issuer=ISSUER, facts=issuing.facts, signer=signer, register=register,
        policy=lambda request, at: desk.policy(request, at=at), check_key=check_key,
    )  # fmt: skip
    records.clear()
    yield desk
    engine.dispose()


def serial_of(certificate: Certificate) -> bytes:
    return certificate.serial_number_octets


def test_what_is_issued_is_in_the_register_and_openssl_accepts_it(
    desk: Desk, tmp_path: Path
) -> None:
    certificate = desk.issue()
    kept = desk.register.find(ISSUER, serial_of(certificate))
    assert kept.certificate == certificate
    assert (kept.status.state, kept.authority) == (State.VALID, "centre-7")
    assert desk.acts() == ["ca.intent.reserved", "ca.certificate.issued"]
    files = {
        "root": root().certificate,
        "ca": authority("issuing-ca").certificate,
        "leaf": certificate,
    }
    for name, value in files.items():
        (tmp_path / f"{name}.der").write_bytes(value.encoded)
        subprocess.run(
            ["openssl", "x509", "-inform", "DER", "-in", tmp_path / f"{name}.der",
             "-out", tmp_path / f"{name}.pem"], check=True,
        )  # fmt: skip
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", str(int(NOON.timestamp()) + 60),
         "-CAfile", "root.pem", "-untrusted", "ca.pem", "leaf.pem"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "leaf.pem: OK\n", done.stderr


def test_serial_numbers_carry_the_node_and_144_random_bits(desk: Desk) -> None:
    serials = {serial_of(desk.issue()) for _ in range(20)}
    assert len(serials) == 20
    assert all(len(serial) == 19 and serial[0] == 1 for serial in serials)


def test_one_request_makes_one_certificate(desk: Desk) -> None:
    request = desk.request()
    first, second = (desk.authority.prepare(request, at=NOON) for _ in range(2))
    desk.authority.issue(first, at=NOON)
    for again in (first, second):
        with pytest.raises(EdsError) as refused:
            desk.authority.issue(again, at=NOON)
        assert refused.value.code in ("register.request_used", "register.serial_number_used")


def test_a_batch_with_a_request_that_was_used_is_refused_whole_and_quietly(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    used = desk.request()
    first = desk.authority.prepare(used, at=NOON)
    desk.authority.issue(first, at=NOON)
    batch = [desk.request(), used, desk.request()]
    prepared = [desk.authority.prepare(request, at=NOON) for request in batch]
    with pytest.raises(RequestUsed):
        desk.authority.issue_many(prepared, at=NOON)
    with pytest.raises(SerialNumberUsed):
        desk.register.reserve([prepared[0].intent, first.intent])
    assert desk.register.open_intents(before=NOON + HOUR) == ()
    assert caplog.records == []


def test_the_policy_is_asked_again_at_signing(desk: Desk) -> None:
    prepared = desk.authority.prepare(desk.request(), at=NOON)
    desk.refuses = RequestRefused
    with pytest.raises(RequestRefused):
        desk.authority.issue(prepared, at=NOON)
    assert desk.records == []
    with pytest.raises(RequestRefused):
        desk.authority.prepare(desk.request(), at=NOON)


def test_bytes_that_were_changed_after_the_lint_are_not_signed(desk: Desk) -> None:
    prepared = desk.authority.prepare(desk.request(), at=NOON)
    with pytest.raises(InvalidArgument):
        desk.authority.issue(replace(prepared, tbs=prepared.tbs[:-1] + b"x"), at=NOON)


def test_a_key_or_name_of_another_person_is_refused(desk: Desk) -> None:
    mine = desk.request()
    desk.authority.issue(desk.authority.prepare(mine, at=NOON), at=NOON)
    with pytest.raises(KeyTaken):
        desk.issue(public_key=mine.public_key)
    with pytest.raises(SubjectTaken):
        desk.issue(subject=mine.subject)
    # The same person may renew with both.
    assert desk.issue(
        public_key=mine.public_key, subject=mine.subject, person=mine.person
    ).subject == mine.subject  # fmt: skip


def test_a_blocked_key_is_never_certified_again(desk: Desk) -> None:
    request = desk.request()
    desk.register.block_key(
        request.public_key.fingerprint, source="reported by its holder", actor="op", at=NOON
    )
    with pytest.raises(EdsError) as refused:
        desk.authority.issue(desk.authority.prepare(request, at=NOON), at=NOON)
    assert refused.value.code == "register.key_blocked"


def test_a_key_that_is_blocked_before_the_certificate_is_written_gets_none(desk: Desk) -> None:
    intents = [desk.authority.prepare(desk.request(), at=NOON).intent for _ in range(2)]
    desk.register.reserve(intents)
    desk.register.block_key(intents[1].key_hash, source="reported", actor="op", at=NOON)
    with pytest.raises(KeyBlocked, match=intents[1].key_hash.hex()):
        desk.register.complete([(each, each.serial) for each in intents], at=NOON)
    desk.register.complete([(intents[0], intents[0].serial)], at=NOON)
    assert desk.authority.recover(before=NOON + HOUR, actor="op", at=NOON) == (intents[1],)


def test_what_the_guard_refuses_leaves_no_intent_of_its_batch(desk: Desk) -> None:
    first, second = (desk.authority.prepare(desk.request(), at=NOON) for _ in range(2))
    # documentSigning becomes serverAuth, and the intent is for those bytes.
    tbs = second.tbs.replace(bytes.fromhex("2b06010505070324"), bytes.fromhex("2b06010505070301"))
    assert tbs != second.tbs
    intent = replace(second.intent, tbs_hash=hashlib.sha256(tbs).digest())
    with pytest.raises(MonitorRefused):
        desk.authority.issue_many([first, replace(second, tbs=tbs, intent=intent)], at=NOON)
    assert desk.register.open_intents(before=NOON + HOUR) == ()
    desk.authority.issue_many([first, second], at=NOON)


def test_a_key_that_many_block_at_once_is_blocked_once(desk: Desk) -> None:
    begin = Barrier(4)

    def block(_: int) -> None:
        begin.wait()
        desk.register.block_key(bytes(32), source="its holder", actor="op", at=NOON)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(block, range(4)))
    assert desk.acts() == ["ca.key.blocked"]


def test_what_the_profile_does_not_allow_is_refused_before_anything_is_written(
    desk: Desk,
) -> None:
    with pytest.raises(ProfileViolated):
        desk.issue(subject=subject_of("information-system"))
    with pytest.raises(KeyNotPermitted):
        desk.issue(public_key=PublicKey.of(ec.generate_private_key(ec.SECP192R1()).public_key()))
    with pytest.raises(ProfileViolated, match="validity"):
        desk.issue(not_after=NOON + timedelta(days=20000))
    assert desk.records == []


def test_an_unfinished_intent_is_found_and_is_never_good(desk: Desk) -> None:
    prepared = desk.authority.prepare(desk.request(), at=NOON)
    desk.register.reserve([prepared.intent])
    serial = prepared.intent.serial
    assert desk.register.status_of(ISSUER, serial) is None
    assert desk.authority.recover(before=NOON, actor="op", at=NOON) == ()
    found = desk.authority.recover(before=NOON + HOUR, actor="op", at=NOON + HOUR)
    assert [intent.serial for intent in found] == [serial]
    status = desk.register.status_of(ISSUER, serial)
    assert status is not None
    assert status.state is State.REVOKED
    assert serial in dict(desk.register.listed(ISSUER, prepared.intent.shard))
    with pytest.raises(IntentNotOpen):
        desk.register.complete([(prepared.intent, b"")], at=NOON)
    # The decision stands: the same request may be carried out anew, under another number.
    again = desk.authority.prepare(prepared.request, at=NOON)
    assert serial_of(desk.authority.issue(again, at=NOON)) != serial


def test_a_batch_is_issued_wholly_or_not_at_all(desk: Desk) -> None:
    good = [desk.authority.prepare(desk.request(), at=NOON) for _ in range(5)]
    issued = desk.authority.issue_many(good, at=NOON)
    assert len({serial_of(certificate) for certificate in issued}) == 5
    fresh = desk.authority.prepare(desk.request(), at=NOON)
    with pytest.raises(EdsError):
        desk.authority.issue_many([fresh, good[0]], at=NOON)
    assert desk.register.open_intents(before=NOON + HOUR) == ()


def test_each_of_a_batch_has_its_own_records(desk: Desk) -> None:
    ready = [desk.authority.prepare(desk.request(), at=NOON) for _ in range(3)]
    desk.authority.issue_many(ready, at=NOON)
    wanted = sorted(each.intent.subject for each in ready)
    for act in ("ca.intent.reserved", "ca.certificate.issued"):
        found = [record for record in desk.records if record["act"] == act]
        assert sorted(record["subject"] for record in found) == wanted
    assert len(desk.records) == 6
    assert desk.authority.issue_many([], at=NOON) == ()


def test_two_of_a_batch_cannot_have_what_is_for_one(desk: Desk) -> None:
    mine, yours = desk.request(), desk.request()
    for theirs, wanted in (
        (replace(yours, request=mine.request), RequestUsed),
        (replace(yours, public_key=mine.public_key), KeyTaken),
        (replace(yours, subject=mine.subject), SubjectTaken),
    ):
        both = [desk.authority.prepare(request, at=NOON) for request in (mine, theirs)]
        with pytest.raises(wanted):
            desk.authority.issue_many(both, at=NOON)
    once = desk.authority.prepare(mine, at=NOON)
    with pytest.raises(SerialNumberUsed):
        desk.authority.issue_many([once, once], at=NOON)
    assert desk.records == []
    # Nothing of what was refused stays claimed.
    desk.issue(public_key=mine.public_key, subject=yours.subject)


def test_a_blocked_key_stops_a_batch_of_any_size(desk: Desk) -> None:
    intent = desk.authority.prepare(desk.request(), at=NOON).intent
    many = [
        replace(
            intent, serial=b"\x01" + number.to_bytes(18, "big"), request=f"many-{number}",
            key_hash=hashlib.sha256(b"%d" % number).digest(), person=f"many-{number}",
            subject_hash=hashlib.sha256(b"s%d" % number).digest(),
        )
        for number in range(600)
    ]  # fmt: skip
    last = max(each.key_hash for each in many)
    desk.register.block_key(last, source="reported", actor="op", at=NOON)
    with pytest.raises(KeyBlocked):
        desk.register.reserve(many)
    assert desk.register.open_intents(before=NOON + HOUR) == ()
    desk.register.reserve([each for each in many if each.key_hash != last])
    assert len(desk.register.open_intents(before=NOON + HOUR)) == 599


def test_a_batch_with_an_intent_that_was_given_up_is_not_completed(desk: Desk) -> None:
    intents = [desk.authority.prepare(desk.request(), at=NOON).intent for _ in range(3)]
    desk.register.reserve(intents)
    lost = intents[1]
    status = Status(state=State.REVOKED, since=NOON)
    desk.register.abandon(lost, status, entry=b"", actor="op")
    with pytest.raises(IntentNotOpen, match=lost.serial.hex()):
        desk.register.complete([(each, each.serial) for each in intents], at=NOON)
    with pytest.raises(IntentNotOpen, match=intents[0].serial.hex()):
        desk.register.complete([(intents[0], b"x"), (intents[0], b"y")], at=NOON)
    assert desk.register.status_of(ISSUER, intents[0].serial) is None
    assert len(desk.register.open_intents(before=NOON + HOUR)) == 2


def test_hold_release_and_revocation_leave_a_history(desk: Desk) -> None:
    serial = serial_of(desk.issue())
    for hours, act, reason in (
        (1, Act.HOLD, None),
        (2, Act.RELEASE, None),
        (3, Act.REVOKE, RevocationReason.KEY_COMPROMISE),
    ):
        change = Change(act=act, at=NOON + hours * HOUR, reason=reason)
        desk.authority.change(serial, change, actor="holder", at=change.at)
    states = [status.state for status in desk.register.history(ISSUER, serial)]
    assert states == [State.VALID, State.ON_HOLD, State.VALID, State.REVOKED]
    assert desk.acts()[2:] == [
        "ca.certificate.held",
        "ca.certificate.released",
        "ca.certificate.revoked",
    ]
    with pytest.raises(StatusChangeRefused):
        desk.authority.change(
            serial, Change(act=Act.RELEASE, at=NOON + 4 * HOUR), actor="holder", at=NOON
        )
    assert isinstance(desk.asked[-1], StatusRequest)


def test_of_two_acts_on_one_status_the_second_is_refused(desk: Desk) -> None:
    from eds.ca import lifecycle

    serial = serial_of(desk.issue())
    seen = desk.register.find(ISSUER, serial)
    held = lifecycle.apply(seen.status, Change(act=Act.HOLD, at=NOON + HOUR))
    desk.register.change_status(seen, held, actor="one", entry=b"", recorded_at=NOON)
    with pytest.raises(StatusChanged):
        desk.register.change_status(seen, held, actor="two", entry=b"", recorded_at=NOON)


def test_an_act_that_cannot_be_recorded_does_not_happen(desk: Desk) -> None:
    def failing(connection: object, **record: Any) -> None:
        raise InvalidArgument(argument="audit", reason="the log is full")

    prepared = desk.authority.prepare(desk.request(), at=NOON)
    closed = Register(desk.register.engine, node=1, audit=failing)
    with pytest.raises(InvalidArgument):
        closed.reserve([prepared.intent])
    assert desk.register.open_intents(before=NOON + HOUR) == ()
    desk.authority.issue(prepared, at=NOON)
    with pytest.raises(RequestUsed):
        desk.register.reserve([replace(prepared.intent, serial=b"\x01" + bytes(18))])


def test_every_act_stands_in_an_audit_log_that_verifies(desk: Desk) -> None:
    engine = desk.register.engine
    writer = AuditWriter(
        writer="node-1", is_personal=lambda text: len(text) == 12 and text.isdigit()
    )
    desk.authority.register = desk.register = Register(engine, node=1, audit=writer)
    serial = serial_of(desk.issue())
    hold = Change(act=Act.HOLD, at=NOON + HOUR)
    desk.authority.change(serial, hold, actor="holder", at=hold.at)
    with pytest.raises(EdsError):  # refused, and so not recorded
        desk.authority.change(serial, hold, actor="holder", at=hold.at)
    verifier = LogVerifier(keys=[])
    with engine.connect() as connection:
        log = AuditLog(connection)
        findings = list(verifier.verify(log.items()))
        acts = [
            json.loads(item.encoded)["act"]
            for item in log.items()
            if isinstance(item, StoredRecord)
        ]
    assert findings == []
    assert acts == ["ca.intent.reserved", "ca.certificate.issued", "ca.certificate.held"]


def test_a_certificate_outside_the_shards_is_listed_where_it_points(desk: Desk) -> None:
    profile = PROFILES["ocsp-responder"]
    prepared = [
        desk.authority.prepare(
            desk.request(profile=profile, subject=subject_of("ocsp-responder")), at=NOON
        )
        for _ in range(8)
    ]
    assert {each.intent.shard for each in prepared} == {0}
