"""Revocation lists: what stands on them, who accepts them, and publishers in a race."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization import NoEncryption as Plain
from sqlalchemy import delete, select

from eds import extensions
from eds.ca import tables
from eds.ca.authority import Authority
from eds.ca.database import open_database
from eds.ca.lifecycle import Act
from eds.ca.lists import NEVER, ListScope, build_list, build_tbs_list
from eds.ca.register import Register
from eds.certificatelists import CertificateList
from eds.errors import InvalidArgument, ListOutrun, ListRefused, MonitorRefused, NaiveDatetime
from eds.extensions import RevocationReason
from tests.ca.hierarchy import DAY, NOON, authority, pem, root
from tests.ca.status_desk import (
    HOUR,
    ISSUER,
    SHARDS,
    Desk,
    facts,
    new_register,
    no_audit,
    on_both,
    open_desk,
    shard_of,
    signer_of,
)
from tests.untraced import untraced

ROOT = Path(__file__).parents[2]


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    kind = getattr(request, "param", "sqlite")
    made = open_desk(new_register(kind, request, tmp_path))
    yield made
    made.register.engine.dispose()


def publish(desk: Desk, shard: int, *, at: datetime = NOON, **changes: Any) -> CertificateList:
    return desk.publisher(**changes).publish(shard, next_update=at + DAY, actor="crl", at=at)


def publish_delta(desk: Desk, shard: int, *, at: datetime) -> CertificateList:
    return desk.publisher().publish_delta(shard, next_update=at + HOUR, actor="crl", at=at)


def serials(found: CertificateList) -> set[int]:
    return {entry.serial_number for entry in found}


def number(serial: bytes) -> int:
    return int.from_bytes(serial, "big")


def verifies(found: CertificateList) -> bool:
    key = facts().public_key
    return key.verify(found.signature, found.tbs_encoded, algorithm=facts().algorithm)


def in_shard(desk: Desk, shard: int, count: int) -> list[bytes]:
    """That many certificates of one shard."""
    found: list[bytes] = []
    while len(found) < count:
        found += [serial for serial in desk.issue(4 * count) if shard_of(serial) == shard]
    return found[:count]


# --- what stands on a list


def test_list_says_whose_it_is_which_and_of_what(desk: Desk) -> None:
    found = publish(desk, 2)
    assert verifies(found)
    assert (found.version, found.crl_number, len(found)) == (2, 1, 0)
    assert (found.issuer, found.this_update, found.next_update) == (facts().name, NOON, NOON + DAY)
    assert found.authority_key_identifier is not None
    assert found.authority_key_identifier.key_identifier == facts().key_identifier
    assert found.expired_certificates_since == facts().not_before
    assert not found.is_delta
    assert found.extensions[extensions.ISSUING_DISTRIBUTION_POINT].critical
    assert not x509.load_der_x509_crl(found.encoded).get_revoked_certificate_by_serial_number(7)


def test_scope_has_the_very_names_of_the_certificates(desk: Desk) -> None:
    (serial,) = desk.issue()
    found = publish(desk, shard_of(serial))
    (point,) = desk.certificate(serial).crl_distribution_points
    scope = found.issuing_distribution_point
    assert scope is not None
    assert scope.full_name == point.full_name
    assert not scope.only_user_certificates
    assert found.freshest_crl == desk.certificate(serial).freshest_crl


def test_everything_held_revoked_or_abandoned_is_listed_also_expired(desk: Desk) -> None:
    held, revoked, valid, expired = desk.issue(4)
    (old,) = desk.issue(not_after=NOON - DAY)
    (lost,) = desk.issue(finish=False)
    desk.change(held, Act.HOLD, at=NOON)
    desk.change(revoked, Act.REVOKE, at=NOON, reason=RevocationReason.KEY_COMPROMISE,
                invalidity_date=NOON - HOUR)  # fmt: skip
    desk.change(expired, Act.REVOKE, at=NOON)
    desk.change(old, Act.REVOKE, at=NOON)
    Authority(
        issuer=ISSUER, facts=facts(), signer=signer_of(authority("issuing-ca").key),
        register=desk.register, policy=lambda request, at: None, check_key=lambda key: None,
    ).recover(before=NOON, actor="recover", at=NOON)  # fmt: skip
    ten_years_on = NOON + 3650 * DAY
    lists = [publish(desk, shard, at=ten_years_on) for shard in range(SHARDS)]
    listed = {serial: shard for shard, found in enumerate(lists) for serial in serials(found)}
    assert listed == {
        number(serial): shard_of(serial) for serial in (held, revoked, expired, old, lost)
    }
    assert number(valid) not in listed
    entry = lists[shard_of(revoked)].find(number(revoked))
    assert entry is not None
    assert (entry.reason, entry.invalidity_date) == (RevocationReason.KEY_COMPROMISE, NOON - HOUR)
    entry = lists[shard_of(held)].find(number(held))
    assert entry is not None
    assert (entry.reason, entry.revocation_date) == (RevocationReason.CERTIFICATE_HOLD, NOON)


def test_one_list_without_address_or_scope_has_no_distribution_point() -> None:
    signer = signer_of(root().key)
    plain = extensions_of(build_list(bare(), (), signer=signer, number=1, this_update=NOON,
                                     next_update=NOON + DAY))  # fmt: skip
    assert plain == {extensions.AUTHORITY_KEY_IDENTIFIER, extensions.CRL_NUMBER}
    found = build_list(bare(), (), signer=signer, number=1, this_update=NOON,
                       next_update=NOON + DAY, scope=ListScope.AUTHORITIES)  # fmt: skip
    scope = found.issuing_distribution_point
    assert scope is not None
    assert scope.only_ca_certificates


def extensions_of(found: CertificateList) -> set[str]:
    return set(found.extensions)


def bare() -> Any:
    known = root().facts
    return type(known).of(root().certificate, algorithm=known.algorithm)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"shard": SHARDS}, InvalidArgument),
        ({"number": 0}, InvalidArgument),
        ({"base": 7}, InvalidArgument),
        ({"next_update": NOON}, InvalidArgument),
        ({"this_update": NOON.replace(tzinfo=None)}, NaiveDatetime),
    ],
)
def test_senseless_lists_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    arguments: dict[str, Any] = {"number": 7, "this_update": NOON, "next_update": NOON + DAY}
    with pytest.raises(error):
        build_tbs_list(facts(), (), **(arguments | changes))


def test_another_key_makes_no_list_and_the_guard_sees_the_bytes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidArgument):
        desk.publisher(signer=signer_of(root().key))

    def refuse(tbs: bytes, *, issuer_kind: object) -> None:
        raise MonitorRefused(reason="no")

    monkeypatch.setattr("eds.ca.lists.permit_list", refuse)
    with pytest.raises(MonitorRefused):
        publish(desk, 0)
    assert desk.register.published_list(ISSUER, 0) is None


# --- foreign judges


def openssl(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_openssl_accepts_the_list_and_refuses_what_it_lists(desk: Desk, tmp_path: Path) -> None:
    good, bad = in_shard(desk, 1, 2)
    desk.change(bad, Act.REVOKE, at=NOON - HOUR)
    found = publish(desk, 1, at=NOON)
    (tmp_path / "list.der").write_bytes(found.encoded)
    (tmp_path / "ca.pem").write_text(pem(authority("issuing-ca").certificate))
    (tmp_path / "root.pem").write_text(pem(root().certificate))
    native = x509.load_der_x509_crl(found.encoded)
    assert native.is_signature_valid(authority("issuing-ca").certificate.native.public_key())  # type: ignore[arg-type]
    (tmp_path / "list.pem").write_bytes(native.public_bytes(Encoding.PEM))
    said = openssl(
        "crl", "-inform", "DER", "-in", "list.der", "-CAfile", "ca.pem", "-noout", "-verify",
        folder=tmp_path,
    )  # fmt: skip
    assert "verify OK" in said
    for serial, word in ((good, "leaf.pem: OK"), (bad, "certificate revoked")):
        (tmp_path / "leaf.pem").write_text(pem(desk.certificate(serial)))
        said = openssl(
            "verify", "-crl_check", "-CRLfile", "list.pem", "-CAfile", "root.pem", "-untrusted",
            "ca.pem", "-attime", str(int((NOON + HOUR).timestamp())), "leaf.pem", folder=tmp_path,
        )  # fmt: skip
        assert word in said, said


def test_openssl_does_not_take_the_list_of_another_shard(desk: Desk, tmp_path: Path) -> None:
    (serial,) = in_shard(desk, 1, 1)
    native = x509.load_der_x509_crl(publish(desk, 2).encoded)
    (tmp_path / "list.pem").write_bytes(native.public_bytes(Encoding.PEM))
    (tmp_path / "ca.pem").write_text(pem(authority("issuing-ca").certificate))
    (tmp_path / "root.pem").write_text(pem(root().certificate))
    (tmp_path / "leaf.pem").write_text(pem(desk.certificate(serial)))
    said = openssl(
        "verify", "-crl_check", "-CRLfile", "list.pem", "-CAfile", "root.pem", "-untrusted",
        "ca.pem", "-attime", str(int((NOON + HOUR).timestamp())), "leaf.pem", folder=tmp_path,
    )  # fmt: skip
    assert "different CRL scope" in said or "unable to get certificate CRL" in said, said


# --- deltas


@on_both
def test_a_hold_is_in_the_delta_and_its_release_in_the_next(desk: Desk) -> None:
    before, later, brief = in_shard(desk, 0, 3)
    desk.change(before, Act.HOLD, at=NOON - HOUR)
    base = publish(desk, 0)
    desk.change(later, Act.HOLD, at=NOON)
    first = publish_delta(desk, 0, at=NOON + timedelta(minutes=1))
    assert (first.is_delta, first.delta_crl_indicator) == (True, base.crl_number)
    assert first.extensions[extensions.DELTA_CRL_INDICATOR].critical
    assert serials(first) == {number(later)}
    assert first.freshest_crl == ()
    assert first.issuing_distribution_point == base.issuing_distribution_point
    assert verifies(first)

    desk.change(before, Act.RELEASE, at=NOON + HOUR)  # listed by the base
    desk.change(later, Act.RELEASE, at=NOON + HOUR)  # listed by the first delta alone
    desk.change(brief, Act.HOLD, at=NOON + HOUR)
    desk.change(brief, Act.RELEASE, at=NOON + HOUR)  # listed nowhere
    second = publish_delta(desk, 0, at=NOON + 2 * HOUR)
    assert {entry.serial_number: entry.reason for entry in second} == {
        number(serial): RevocationReason.REMOVE_FROM_CRL for serial in (before, later)
    }
    removed = second.find(number(before))
    assert removed is not None
    assert removed.revocation_date == NOON - HOUR
    third = publish_delta(desk, 0, at=NOON + 3 * HOUR)
    assert serials(third) == serials(second)
    assert serials(publish(desk, 0, at=NOON + 4 * HOUR)) == set()
    assert serials(publish_delta(desk, 0, at=NOON + 5 * HOUR)) == set()


@on_both
def test_base_and_delta_together_say_what_a_full_list_says(desk: Desk) -> None:
    issued = in_shard(desk, 3, 30)
    at = desk.live(issued, seed=1, acts=40)
    merged = {entry.serial_number: entry for entry in publish(desk, 3, at=at)}
    for round_ in range(3):
        at = desk.live(issued, seed=10 + round_, acts=25, after=at)
        delta = publish_delta(desk, 3, at=at)
        for entry in delta:
            if entry.reason is RevocationReason.REMOVE_FROM_CRL:
                merged.pop(entry.serial_number, None)
            else:
                merged[entry.serial_number] = entry
        whole = {
            number(serial)
            for serial in issued
            if (status := desk.register.status_of(ISSUER, serial)) and status.is_listed
        }
        assert set(merged) == whole
    full = publish(desk, 3, at=at)
    assert {entry.serial_number: entry.reason for entry in full} == {
        serial: entry.reason for serial, entry in merged.items()
    }


def test_no_delta_without_a_base(desk: Desk) -> None:
    with pytest.raises(ListRefused):
        publish_delta(desk, 0, at=NOON)


# --- publishing


@on_both
def test_lists_are_kept_and_the_newest_is_given_out(desk: Desk) -> None:
    first, second = publish(desk, 0), publish(desk, 0, at=NOON + HOUR)
    delta = publish_delta(desk, 0, at=NOON + HOUR)
    assert [first.crl_number, second.crl_number, delta.crl_number] == [1, 2, 3]
    assert desk.register.published_list(ISSUER, 0) == second.encoded
    assert desk.register.published_list(ISSUER, 0, number=1) == first.encoded
    assert desk.register.published_delta(ISSUER, 0) == delta.encoded
    assert desk.register.published_list(ISSUER, 1) is None


@on_both
def test_an_entry_that_vanished_stops_the_list(desk: Desk) -> None:
    kept, lost, released = in_shard(desk, 0, 3)
    for serial in (kept, lost, released):
        desk.change(serial, Act.HOLD, at=NOON)
    assert len(publish(desk, 0)) == 3
    desk.change(released, Act.RELEASE, at=NOON)
    assert len(publish(desk, 0)) == 2
    with desk.register.engine.begin() as connection:
        connection.execute(delete(tables.status).where(tables.status.c.serial == lost))
    for attempt in (publish, publish_delta):
        with pytest.raises(ListRefused, match="2 entries became 1"):
            attempt(desk, 0, at=NOON)
    newest = desk.register.published_list(ISSUER, 0)
    assert newest is not None
    assert len(CertificateList(newest)) == 2


def test_no_list_is_older_than_the_one_before(desk: Desk) -> None:
    publish(desk, 0, at=NOON)
    with pytest.raises(ListRefused):
        publish(desk, 0, at=NOON - timedelta(seconds=1))
    with pytest.raises(NaiveDatetime):
        publish(desk, 0, at=NOON.replace(tzinfo=None))
    with pytest.raises(InvalidArgument):
        publish(desk, SHARDS)


@on_both
def test_the_last_list_waits_for_the_last_certificate_and_ends_all(desk: Desk) -> None:
    serial, other = in_shard(desk, 0, 2)
    publisher = desk.publisher()
    desk.change(serial, Act.HOLD, at=NOON)
    with pytest.raises(ListRefused):
        publisher.publish_last(0, actor="crl", at=NOON)
    desk.change(serial, Act.REVOKE, at=NOON)
    with pytest.raises(ListRefused):
        publisher.publish_last(0, actor="crl", at=NOON)
    found = publisher.publish_last(0, actor="crl", at=NOON + 3000 * DAY)
    assert found.next_update == NEVER
    assert b"\x18\x0f99991231235959Z" in found.encoded
    assert number(other) not in serials(found)
    assert serials(found) == {number(serial)}
    with pytest.raises(ListRefused, match="the last list"):
        publish(desk, 0, at=NOON + 3001 * DAY)


@on_both
def test_of_two_publishers_that_meet_one_publishes(desk: Desk) -> None:
    slow = desk.register.start_list(ISSUER, 0)
    quick = publish(desk, 0)
    assert quick.crl_number == slow.number + 1
    with pytest.raises(ListOutrun):
        desk.register.publish_list(
            slow, b"", base=None, entries=0, released=0, this_update=NOON,
            next_update=NOON + DAY, actor="crl", at=NOON,
        )  # fmt: skip
    assert publish(desk, 0).crl_number == slow.number + 2


RACER = """
    import sys
    from tests.ca.test_lists import race
    race(sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
"""


def race(url: str, rounds: int, key: bytes) -> None:
    """Publish until that many lists of ours came through."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    from eds.ca.lists import ListPublisher
    from eds.ca.tbs import IssuerFacts
    from eds.certificates import Certificate

    register = Register(open_database(url), node=2, audit=no_audit)
    row = register.issuer(ISSUER)
    known = IssuerFacts.of(
        Certificate(row.certificate), algorithm=facts().algorithm, crl_urls=facts().crl_urls,
        shard_count=SHARDS,
    )  # fmt: skip
    signer = signer_of(load_der_private_key(key, None))  # type: ignore[arg-type]
    publisher = ListPublisher(register, issuer=ISSUER, facts=known, signer=signer)
    done = 0
    while done < rounds:
        try:
            publisher.publish(0, next_update=NOON + DAY, actor="crl", at=NOON)
        except ListOutrun:
            continue
        done += 1
    register.engine.dispose()


@on_both
def test_numbers_rise_with_threads_and_processes_in_a_race(desk: Desk) -> None:
    issued = in_shard(desk, 0, 24)
    key = authority("issuing-ca").key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, Plain())
    command = [sys.executable, "-c", textwrap.dedent(RACER), desk.url, "5", key.hex()]
    racers = [subprocess.Popen(command, cwd=ROOT, env=untraced()) for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(race, desk.url, 4, key) for _ in range(3)]
        for serial in issued:
            desk.change(serial, Act.REVOKE, at=NOON)
        for job in jobs:
            job.result()
    assert [racer.wait(60) for racer in racers] == [0, 0]
    with desk.register.engine.connect() as connection:
        row = tables.list_bodies.c
        bodies = connection.execute(select(row.number, row.encoded).order_by(row.number)).all()
    made = [CertificateList(bytes(body.encoded)) for body in bodies]
    assert len(made) == 2 * 5 + 3 * 4
    assert [found.crl_number for found in made] == [body.number for body in bodies]
    for one, two in pairwise(made):
        assert serials(one) <= serials(two)  # nothing that was revoked is taken back
    assert serials(publish(desk, 0)) == {number(serial) for serial in issued}
