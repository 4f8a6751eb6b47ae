"""Whatever is done to an exported log is found, and named where it was done."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds.audit import (
    Finding,
    Item,
    LogVerifier,
    StoredCheckpoint,
    StoredHead,
    StoredRecord,
    read_export,
    write_export,
)
from eds.audit.chain import FindingKind
from eds.audit.checkpoints import ChainHead, SignedCheckpoint, sign_checkpoint
from eds.audit.export import is_export, read_certificates, resume_export
from eds.audit.merkle import CompactRange
from eds.audit.records import GENESIS
from eds.errors import MalformedAuditExport
from tests.audit.house import NOON, ORIGIN, codes, record, signer

KEY = signer()


@cache
def honest() -> tuple[Item, ...]:
    """Two chains with 40 records, a checkpoint after each ten, five records after the last."""
    items: list[Item] = []
    trees = {"node-1": CompactRange(), "node-2": CompactRange()}
    last = dict.fromkeys(trees, GENESIS)
    previous: SignedCheckpoint | None = None
    chance = random.Random(1)
    for number in range(1, 46):
        writer = chance.choice(list(trees))
        one = record(
            writer=writer,
            sequence=trees[writer].size + 1,
            previous=last[writer],
            details={"number": number},
        )
        trees[writer].append(one.hash)
        last[writer] = one.hash
        items.append(StoredRecord(writer, one.sequence, one.hash, one.encoded))
        if number % 10 == 0:
            heads = [
                ChainHead(writer=name, size=tree.size, head=last[name], root=tree.root())
                for name, tree in trees.items()
            ]
            previous = sign_checkpoint(
                origin=ORIGIN, at=NOON, heads=heads, previous=previous, signer=KEY
            )
            items.append(StoredCheckpoint(number // 10, previous.note))
    items += (StoredHead(name, tree.size, last[name]) for name, tree in trees.items())
    return tuple(items)


def verify(items: list[Item] | tuple[Item, ...]) -> list[Finding]:
    return list(LogVerifier(keys=[KEY.public_key]).verify(items))


def export(items: tuple[Item, ...]) -> bytes:
    file = io.BytesIO()
    write_export(file, items)
    return file.getvalue()


def records() -> list[int]:
    return [place for place, item in enumerate(honest()) if isinstance(item, StoredRecord)]


def is_near(finding: Finding, one: StoredRecord) -> bool:
    """It names the record, the one after it, or a range with it."""
    if finding.writer != one.writer or finding.sequence is None:
        return False
    last = finding.last or finding.sequence
    return finding.sequence - 1 <= one.sequence <= last


Tamper = Callable[[list[Item], int, st.DataObject], int | None]
"""Does its work at a place; the other place, if it touched two."""


def flip(items: list[Item], place: int, data: st.DataObject) -> None:
    one = items[place]
    assert isinstance(one, StoredRecord)
    octets = bytearray(one.encoded)
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    items[place] = one._replace(encoded=bytes(octets))


def forge(items: list[Item], place: int, _: st.DataObject) -> None:
    one = items[place]
    assert isinstance(one, StoredRecord)
    forged = record(writer=one.writer, sequence=one.sequence, details={"forged": True})
    items[place] = one._replace(encoded=forged.encoded, hash=forged.hash)


def drop(items: list[Item], place: int, _: st.DataObject) -> None:
    del items[place]


def swap(items: list[Item], place: int, data: st.DataObject) -> int:
    one = items[place]
    assert isinstance(one, StoredRecord)
    others = [
        other
        for other in records()
        if isinstance(them := honest()[other], StoredRecord)
        and them.writer == one.writer
        and other != place
    ]
    other = data.draw(st.sampled_from(others))
    items[place], items[other] = items[other], items[place]
    return other


def insert(items: list[Item], place: int, _: st.DataObject) -> None:
    one = items[place]
    assert isinstance(one, StoredRecord)
    forged = record(writer=one.writer, sequence=one.sequence, details={"forged": True})
    items.insert(place, one._replace(encoded=forged.encoded, hash=forged.hash))


def truncate(items: list[Item], place: int, _: st.DataObject) -> None:
    one = items[place]
    assert isinstance(one, StoredRecord)
    items[:] = [
        item
        for item in items
        if not (
            isinstance(item, StoredRecord)
            and item.writer == one.writer
            and item.sequence >= one.sequence
        )
    ]


@pytest.mark.parametrize("tamper", [flip, forge, drop, swap, insert, truncate])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_tampering_is_found_where_it_was_done(tamper: Tamper, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(records()))
    items = list(honest())
    other = tamper(items, place, data)
    touched = [
        item
        for item in (honest()[place], honest()[place if other is None else other])
        if isinstance(item, StoredRecord)
    ]
    found = verify(items)
    assert found
    if tamper is forge and all(f.kind is FindingKind.HEAD_WRONG for f in found):
        return  # the last of a chain: its head names it
    assert any(is_near(finding, one) for finding in found for one in touched), codes(found)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_changed_octet_of_a_file_goes_unseen(data: st.DataObject) -> None:
    octets = bytearray(export(honest()))
    place = data.draw(st.integers(octets.index(b"\n") + 1, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    assert verify(list(read_export(io.BytesIO(bytes(octets)))))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_line_of_a_file_goes_missing_or_moves_unseen(data: st.DataObject) -> None:
    lines = export(honest()).splitlines(keepends=True)
    here, there = (data.draw(st.integers(1, len(lines) - 1)) for _ in range(2))
    line = lines.pop(here)
    if here != there:
        lines.insert(there, line)
    assert verify(list(read_export(io.BytesIO(b"".join(lines)))))


def test_an_honest_file_is_whole() -> None:
    data = export(honest())
    assert is_export(data)
    assert tuple(read_export(io.BytesIO(data))) == honest()
    assert verify(honest()) == []
    assert read_certificates(io.BytesIO(data)) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b"nonsense\n",
        b'{"audit-export":2,"certificates":[]}\n',
        b'{"audit-export":1,"certificates":["AAAA"]}\n',
        b'{"audit-export":1,"certificates":[1]}\n',
    ],
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedAuditExport):
        resume_export(io.BytesIO(data), lambda _: ())
    if data:
        with pytest.raises(MalformedAuditExport):
            list(read_export(io.BytesIO(data)))


@pytest.mark.parametrize(
    "line",
    [b"[]\n", b"{\n", b'{"head":{}}\n', b'{"checkpoint":{"note":"?","number":1}}\n', b"\xff\n"],
)
def test_a_strange_line_is_a_finding(line: bytes) -> None:
    whole = export(honest()).splitlines(keepends=True)
    data = b"".join((whole[0], line, *whole[1:]))
    found = verify(list(read_export(io.BytesIO(data))))
    assert {finding.code for finding in found} == {"audit.export_damaged"}
    assert found[0].detail.startswith("line 2:")
    after = verify(list(read_export(io.BytesIO(b"".join(whole) + line))))
    assert [finding.code for finding in after] == ["audit.export_damaged"]


def test_forks_and_shrunk_checkpoints_are_named() -> None:
    notes = [item for item in honest() if isinstance(item, StoredCheckpoint)]
    third = SignedCheckpoint.parse(notes[2].note)
    heads = SignedCheckpoint.parse(notes[0].note).checkpoint.heads

    def instead(**changed: object) -> set[str]:
        whole = {"origin": ORIGIN, "at": NOON, "heads": third.checkpoint.heads, "signer": KEY}
        second = SignedCheckpoint.parse(notes[1].note)
        other = sign_checkpoint(**{**whole, "previous": second, **changed})  # type: ignore[arg-type]
        items: list[Item] = [
            StoredCheckpoint(3, other.note) if item == notes[2] else item for item in honest()
        ]
        return {finding.kind.name for finding in verify(items)}

    assert instead() == set()  # signed again, the same text
    assert "CHECKPOINT_SHRUNK" in instead(heads=heads)
    assert "CHECKPOINT_FORKED" in instead(origin="other.example")
    assert "CHECKPOINT_FORKED" in instead(at=NOON.replace(year=2020))
    other = sign_checkpoint(
        origin=ORIGIN, at=NOON.replace(year=2027), heads=third.checkpoint.heads,
        previous=SignedCheckpoint.parse(notes[1].note), signer=KEY,
    )  # fmt: skip
    held = LogVerifier(keys=[KEY.public_key], held=[other])
    assert codes(held.verify(honest())) == [("checkpoint_forked", "checkpoint 3")]
