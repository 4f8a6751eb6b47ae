"""Appending, tampering and finding it: one suite, on SQLite and on PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from eds.audit import Item, LogVerifier, check_extension, read_export, resume_export, write_export
from eds.audit.proofs import AuditProof
from eds.audit.records import GENESIS, AuditRecord
from eds.audit.state import prove, prove_extension, read_state
from eds.audit.store import AuditLog, AuditWriter, append, append_all
from eds.errors import (
    AuditChainBroken,
    AuditRecordNotFound,
    AuditUnavailable,
    CheckpointUntrusted,
    InvalidArgument,
    MalformedAuditProof,
    PersonalDataRefused,
)
from tests.audit.house import House, codes, entry, is_personal, record, signer


def append_one(connection: Connection, number: int = 1, writer: str = "node-1") -> AuditRecord:
    one = entry(number)
    return append(
        connection,
        writer=writer,
        at=one.at,
        act=one.act,
        actor=one.actor,
        subject=one.subject,
        details=one.details,
        is_personal=is_personal,
    )


def filled(house: House) -> House:
    house.append(7)
    house.append(3, writer="node-2")
    house.checkpoint()
    house.append(5, first=8)
    house.checkpoint()
    house.append(2, first=13)
    return house


def test_records_follow_each_other_from_the_genesis(house: House) -> None:
    with house.engine.begin() as connection:
        first = append_one(connection, 1)
        second = append_one(connection, 2)
        other = append_one(connection, 1, "node-2")
    assert (first.sequence, first.previous) == (1, GENESIS)
    assert (second.sequence, second.previous) == (2, first.hash)
    assert (other.sequence, other.previous) == (1, GENESIS)
    assert house.findings() == []


def test_a_record_goes_away_with_its_act(house: House) -> None:
    house.append(1)
    with house.engine.connect() as connection:
        connection.begin()
        append_one(connection, 2)
        connection.rollback()
    house.append(1, first=2)
    verifier = house.verifier()
    with house.log() as log:
        assert list(verifier.verify(log.items())) == []
    assert verifier.sizes == {"node-1": 2}


def test_after_a_savepoint_is_rolled_back_the_chain_goes_on_without_a_gap(house: House) -> None:
    with house.engine.begin() as connection:
        append_one(connection, 1)
        savepoint = connection.begin_nested()
        append_one(connection, 2)
        savepoint.rollback()
        assert append_one(connection, 3).sequence == 2
    assert house.findings() == []


def test_without_a_transaction_nothing_is_recorded(house: House) -> None:
    with house.engine.connect() as connection, pytest.raises(InvalidArgument):
        append_one(connection)


def test_a_connection_that_commits_by_itself_is_refused(house: House) -> None:
    if house.engine.dialect.name == "sqlite":
        pytest.skip("sqlite3 does not tell: the caller's BEGIN IMMEDIATE is what counts there")
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.begin()
        with pytest.raises(InvalidArgument):
            append_one(connection)
    assert house.findings() == []


def test_a_database_that_fails_raises_so_that_the_act_is_undone(house: House) -> None:
    house.tamper("DROP TABLE audit_records")
    with pytest.raises(AuditUnavailable), house.engine.begin() as connection:
        append_one(connection)


def test_the_writer_of_a_register_appends(house: House) -> None:
    trail = AuditWriter(writer="node-7", is_personal=is_personal)
    one = entry(1)
    with house.engine.begin() as connection:
        trail(
            connection,
            at=one.at,
            act=one.act,
            actor=one.actor,
            subject=one.subject,
            details=one.details,
        )
        assert append_all(connection, [], writer="node-7", is_personal=is_personal) == ()
    with house.log() as log:
        assert log.record("node-7", 1).subject == one.subject


def test_a_personal_number_stops_the_transaction(house: House) -> None:
    one = entry(1, details={"who": ["880101300123"]})
    with pytest.raises(PersonalDataRefused) as refused, house.engine.begin() as connection:
        append_all(connection, [one], writer="node-1", is_personal=is_personal)
    assert refused.value.field == "details.who"
    assert house.findings() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET encoded = encoded",
        "DELETE FROM audit_records",
        "UPDATE audit_checkpoints SET note = note",
        "DELETE FROM audit_checkpoints",
        "DELETE FROM audit_heads",
        "UPDATE audit_heads SET sequence = sequence - 1",
        "UPDATE audit_heads SET hash = hash",
    ],
)
def test_the_tables_are_append_only(house: House, statement: str) -> None:
    house.append(2)
    house.checkpoint()
    with pytest.raises(DBAPIError), house.engine.begin() as connection:
        connection.execute(text(statement))
    assert house.findings() == []


def test_rows_are_neither_replaced_nor_truncated(house: House) -> None:
    house.append(2)
    house.checkpoint()
    if house.engine.dialect.name == "sqlite":
        attempts = [
            "REPLACE INTO audit_records SELECT * FROM audit_records",
            "REPLACE INTO audit_checkpoints SELECT * FROM audit_checkpoints",
            "REPLACE INTO audit_heads SELECT writer, 0, hash FROM audit_heads",
        ]
    else:
        tables = ("audit_records", "audit_checkpoints", "audit_heads")
        attempts = [f"TRUNCATE {table}" for table in tables]
    for attempt in attempts:
        with pytest.raises(DBAPIError), house.engine.begin() as connection:
            connection.execute(text(attempt))
    assert house.findings() == []


# --- tampering ------------------------------------------------------------------------------------


def test_an_honest_log_has_no_findings(house: House) -> None:
    verifier = filled(house).verifier()
    with house.log() as log:
        assert list(verifier.verify(log.items())) == []
    assert (verifier.records, verifier.checkpoints, verifier.uncovered) == (17, 2, 2)


SET = "UPDATE audit_records SET {} WHERE writer = 'node-1' AND sequence = {}"


def test_a_flipped_record_is_named(house: House) -> None:
    forged = filled(house).encoded(5).replace(b"official", b"0fficial")
    house.tamper(SET.format("encoded = :bytes", 5), bytes=forged)
    assert codes(house.findings()) == [("record_altered", "node-1:5")]


def test_a_flipped_hash_is_named(house: House) -> None:
    filled(house).tamper(SET.format("hash = :bytes", 5), bytes=bytes(31) + b"\1")
    assert codes(house.findings()) == [("record_altered", "node-1:5")]


def test_a_record_made_unreadable_is_named(house: House) -> None:
    filled(house).tamper(SET.format("encoded = :bytes", 5), bytes=b"{}")
    assert codes(house.findings()) == [("record_malformed", "node-1:5")]


@pytest.mark.parametrize("at", [1, 5, 7, 8])
def test_a_forged_record_with_its_hash_is_found_between_two(house: House, at: int) -> None:
    honest = AuditRecord.decode(filled(house).encoded(at))
    forged = record(sequence=at, previous=honest.previous, details={"profile": "forged"})
    house.tamper(
        SET.format("encoded = :bytes, hash = :hash", at), bytes=forged.encoded, hash=forged.hash
    )
    found = house.findings()
    assert found
    assert {(f.writer, f.kind.name) for f in found} <= {
        ("node-1", "LINK_BROKEN"), ("node-1", "CHAIN_REWRITTEN")
    }  # fmt: skip
    link = next((f for f in found if f.kind.name == "LINK_BROKEN"), None)
    assert link is None or link.sequence == at + 1
    assert any((f.sequence or 0) <= at + 1 <= (f.last or f.sequence or 0) + 1 for f in found)


def test_a_dropped_record_is_named(house: House) -> None:
    filled(house).tamper("DELETE FROM audit_records WHERE writer = 'node-1' AND sequence = 5")
    assert codes(house.findings()) == [("record_missing", "node-1:5")]


def test_two_swapped_records_are_named(house: House) -> None:
    filled(house).tamper(
        "UPDATE audit_records SET sequence = 99 WHERE writer = 'node-1' AND sequence = 5",
        "UPDATE audit_records SET sequence = 5 WHERE writer = 'node-1' AND sequence = 6",
        "UPDATE audit_records SET sequence = 6 WHERE writer = 'node-1' AND sequence = 99",
    )
    assert codes(house.findings()) == [
        ("record_misplaced", "node-1:5"),
        ("record_misplaced", "node-1:6"),
    ]


def test_an_inserted_record_is_named(house: House) -> None:
    honest = AuditRecord.decode(filled(house).encoded(14))
    forged = record(sequence=15, previous=honest.hash)
    insert = "INSERT INTO audit_records VALUES ('node-1', :number, :hash, :bytes)"
    house.tamper(insert, number=15, hash=forged.hash, bytes=forged.encoded)
    assert codes(house.findings()) == [("head_wrong", "node-1:14")]
    house.tamper(insert, number=17, hash=forged.hash, bytes=forged.encoded)
    assert codes(house.findings()) == [
        ("record_missing", "node-1:16"),
        ("record_misplaced", "node-1:17"),
        ("head_wrong", "node-1:14"),
    ]


def test_a_cut_tail_is_found_against_the_head_and_the_checkpoint(house: House) -> None:
    filled(house).tamper("DELETE FROM audit_records WHERE writer = 'node-1' AND sequence > 10")
    assert codes(house.findings()) == [
        ("chain_truncated", "node-1:11-12"),
        ("chain_truncated", "node-1:13-14"),
    ]


def test_a_log_restored_from_yesterday_is_found_by_who_holds_a_checkpoint(house: House) -> None:
    filled(house)
    with house.log() as log:
        newest = log.checkpoint()
        at_seven = log.checkpoint(1).checkpoint.head_of("node-1")
    assert at_seven is not None
    house.tamper(
        "DELETE FROM audit_records WHERE writer = 'node-1' AND sequence > 7",
        "DELETE FROM audit_checkpoints WHERE number = 2",
        "UPDATE audit_heads SET sequence = 7, hash = :hash WHERE writer = 'node-1'",
        hash=at_seven.head,
    )
    assert house.findings() == []  # nothing inside can show it
    assert codes(house.findings(held=[newest])) == [
        ("chain_truncated", "node-1:8-12"),
        ("checkpoint_missing", "checkpoint 2"),
    ]


def test_a_chain_written_anew_is_found_by_its_checkpoint(house: House) -> None:
    filled(house)
    house.tamper("DELETE FROM audit_records WHERE writer = 'node-1'",
                 "DELETE FROM audit_heads WHERE writer = 'node-1'")  # fmt: skip
    for _ in range(14):
        house.append(1, first=100)
    assert codes(house.findings()) == [("chain_rewritten", "node-1:1-7"),
                                       ("chain_rewritten", "node-1:8-12")]  # fmt: skip


def test_a_whole_chain_that_vanished_is_found(house: House) -> None:
    filled(house).tamper("DELETE FROM audit_records WHERE writer = 'node-2'",
                         "DELETE FROM audit_heads WHERE writer = 'node-2'")  # fmt: skip
    assert codes(house.findings()) == [("chain_truncated", "node-2:1-3")]


def test_checkpoints_dropped_forged_or_of_another_key_are_named(house: House) -> None:
    filled(house)
    with house.log() as log:
        second = log.checkpoint(2)
    forged = second.note.replace(b"number 2", b"number 3")
    house.tamper("DELETE FROM audit_checkpoints WHERE number = 1")
    assert codes(house.findings()) == [("checkpoint_missing", "checkpoint 2")]
    house.tamper("UPDATE audit_checkpoints SET note = :note", note=forged)
    assert ("checkpoint_untrusted", "checkpoint 3") in codes(house.findings())
    house.tamper("UPDATE audit_checkpoints SET note = :note", note=b"nonsense")
    assert codes(house.findings()) == [("checkpoint_malformed", "checkpoint 2")]


def test_nothing_is_signed_over_a_broken_log(house: House) -> None:
    filled(house).tamper("DELETE FROM audit_records WHERE writer = 'node-1' AND sequence = 13")
    with pytest.raises(AuditChainBroken) as broken:
        house.checkpoint()
    assert (broken.value.writer, broken.value.sequence) == ("node-1", 13)
    house.tamper("UPDATE audit_checkpoints SET peaks = '{}'")
    with pytest.raises(AuditChainBroken):
        house.checkpoint()
    with pytest.raises(CheckpointUntrusted), house.log() as log:
        read_state(log, keys=[signer().public_key])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_heads WHERE writer = 'node-2'",
        "UPDATE audit_heads SET sequence = 99 WHERE writer = 'node-2'",
        "UPDATE audit_heads SET hash = :bytes WHERE writer = 'node-2'",
        "UPDATE audit_checkpoints SET peaks = 'nonsense'",
        "UPDATE audit_checkpoints SET peaks = '[]'",
    ],
)
def test_heads_and_peaks_that_do_not_fit_are_not_signed(house: House, statement: str) -> None:
    filled(house).tamper(statement, **({"bytes": bytes(32)} if ":bytes" in statement else {}))
    with pytest.raises(AuditChainBroken):
        house.checkpoint()


def test_a_head_left_at_nothing_is_no_chain(house: House) -> None:
    one = entry(1, actor="two words")
    with house.engine.begin() as connection, suppress(InvalidArgument):
        append_all(connection, [one], writer="node-1", is_personal=is_personal)
    assert house.checkpoint().checkpoint.heads == ()
    assert house.findings() == []


def test_nothing_is_proved_from_a_broken_log(house: House) -> None:
    house.append(3)
    with pytest.raises(AuditRecordNotFound), house.log() as log:
        prove(log, "node-1", 1)
    house.checkpoint()
    house.tamper("UPDATE audit_records SET hash = :bytes WHERE sequence = 2", bytes=bytes(32))
    with pytest.raises(AuditChainBroken), house.log() as log:
        prove(log, "node-1", 1)
    house.tamper("DELETE FROM audit_records WHERE sequence = 2")
    with pytest.raises(AuditChainBroken), house.log() as log:
        prove(log, "node-1", 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"audit-proof":1', '"audit-proof":1,"x":1'),
        ('"audit-proof":1', '"audit-proof":2'),
        ('"path":[', '"path":["x",'),
        ('"path":[', '"path":null,"y":['),
        ('"record":"', '"record":" '),
        ("number 1", "number 01"),
        (",", ", "),
    ],
)
def test_another_spelling_of_a_proof_is_refused(house: House, old: str, new: str) -> None:
    house.append(3)
    house.checkpoint()
    with house.log() as log:
        data = prove(log, "node-1", 2).encoded
    with pytest.raises(MalformedAuditProof):
        AuditProof.decode(data.replace(old.encode(), new.encode(), 1))


def test_checkpoints_go_on_without_reading_old_records(house: House) -> None:
    house.append(1000)
    house.checkpoint()
    house.tamper("UPDATE audit_records SET encoded = :bytes WHERE sequence = 3", bytes=b"x")
    house.append(1, first=1001)
    house.checkpoint()
    assert codes(house.findings()) == [("record_malformed", "node-1:3")]


# --- proofs and exports ---------------------------------------------------------------------------


def test_every_covered_record_is_proved_offline(house: House) -> None:
    filled(house)
    with house.log() as log:
        for sequence in range(1, 13):
            proof = prove(log, "node-1", sequence)
            again = AuditProof.decode(proof.encoded)
            assert again == proof
            assert again.findings([house.key.public_key]) == ()
            assert codes(again.findings([signer().public_key])) == [
                ("checkpoint_untrusted", "checkpoint 2")
            ]
        for writer, sequence in (("node-1", 13), ("node-1", 99), ("node-9", 1)):
            with pytest.raises(AuditRecordNotFound):
                prove(log, writer, sequence)


def test_a_witness_sees_that_a_log_was_only_appended_to(house: House) -> None:
    filled(house)
    with house.log() as log:
        old, new = log.checkpoint(1).checkpoint, log.checkpoint(2).checkpoint
        paths = prove_extension(log, old, new)
    assert check_extension(old, new, paths) == ()
    assert codes(check_extension(new, old, paths)) == [("chain_truncated", "node-1:8-12")]
    assert codes(check_extension(old, new, {})) == [("chain_rewritten", "node-1:1-7")]


def test_an_export_verifies_without_the_database(house: House) -> None:
    filled(house)
    file = io.BytesIO()
    with house.log() as log:
        write_export(file, log.items())
    verifier = house.verifier()
    assert list(verifier.verify(read_export(file))) == []
    assert (verifier.records, verifier.checkpoints) == (17, 2)


def items_after(log: AuditLog, number: int) -> Iterator[Item]:
    return log.items(after_checkpoint=number)


def test_an_interrupted_export_goes_on_to_the_same_file(house: House) -> None:
    filled(house)
    whole = io.BytesIO()
    with house.log() as log:
        write_export(whole, log.items())
    data = whole.getvalue()
    for cut in range(data.index(b"\n") + 1, len(data), 97):
        file = io.BytesIO(data[:cut])
        found = list(house.verifier().verify(read_export(file)))
        assert "export_damaged" in {code for code, _ in codes(found)}
        with house.log() as log:
            resume_export(file, partial(items_after, log))
        assert file.getvalue() == data


def test_a_log_of_nobody_is_empty(house: House) -> None:
    verifier = LogVerifier(keys=[])
    with house.log() as log:
        assert list(verifier.verify(log.items())) == []
    assert verifier.sizes == {}
