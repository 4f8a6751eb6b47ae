"""Checkpoints: signed notes that other tools can read, in one spelling."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from eds.audit import ChainHead, SignedCheckpoint, check_extension, sign_checkpoint
from eds.audit.merkle import leaf_hash, node_hash
from eds.errors import InvalidArgument, MalformedCheckpoint, NaiveDatetime
from tests.audit.house import NOON, ORIGIN, signer

HEADS = (
    ChainHead(writer="node-1", size=7, head=b"\1" * 32, root=b"\2" * 32),
    ChainHead(writer="node-2", size=3, head=b"\3" * 32, root=b"\4" * 32),
)


def signed(kind: str = "ec", **changed: Any) -> SignedCheckpoint:
    whole = {"origin": ORIGIN, "at": NOON, "heads": HEADS, "previous": None, "signer": signer(kind)}
    return sign_checkpoint(**{**whole, **changed})


def test_the_text_is_this() -> None:
    key = signer()
    note = signed(signer=key).note.decode()
    lines = [head.line for head in HEADS]
    root = node_hash(*(leaf_hash(line.encode()) for line in lines))
    text = "\n".join(
        (
            "log.example/ca",
            "2",
            base64.b64encode(root).decode(),
            "number 1",
            "time 2026-11-23T12:00:00.000000Z",
            "previous " + "0" * 64,
            "key ecdsa-p256-sha256 " + hashlib.sha256(key.public_key.encoded).hexdigest(),
            "writer node-1 7 " + "01" * 32 + " " + "02" * 32,
            "writer node-2 3 " + "03" * 32 + " " + "04" * 32,
            "",
        )
    )
    assert note.startswith(text + "\n— log.example/ca ")


def test_the_next_names_the_digest_of_the_one_before() -> None:
    first = signed()
    second = signed(previous=first)
    assert second.checkpoint.number == 2
    text = first.note.rpartition(b"\n\n")[0] + b"\n"
    assert second.checkpoint.previous == hashlib.sha256(text).digest()


@pytest.mark.parametrize("kind", ["ec", "ed25519"])
def test_a_note_verifies_with_its_key_alone(kind: str) -> None:
    key = signer(kind)
    again = SignedCheckpoint.parse(signed(signer=key).note)
    assert again.is_signed_by(key.public_key)
    assert not again.is_signed_by(signer(kind).public_key)
    changed = replace(again, checkpoint=replace(again.checkpoint, number=2))
    assert not changed.is_signed_by(key.public_key)


def test_an_ed25519_note_is_one_of_c2sp() -> None:
    """Read as the specification says, with nothing of ours."""
    key = signer("ed25519")
    note = signed(signer=key).note.decode()
    text, _, signature = note.rpartition("\n\n")
    dash, name, value = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("—", ORIGIN)
    octets = base64.b64decode(value)
    raw = key.public_key.key_octets
    assert octets[:4] == hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4]
    public = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    public.verify(octets[4:], text.encode() + b"\n")


def test_a_witness_may_sign_below() -> None:
    key = signer()
    note = signed(signer=key).note + "— witness.example AAAAAAAAAAA=\n".encode()
    again = SignedCheckpoint.parse(note)
    assert len(again.signatures) == 2
    assert again.is_signed_by(key.public_key)
    assert again.checkpoint.digest == SignedCheckpoint.parse(note).checkpoint.digest


@pytest.mark.parametrize(
    "respell",
    [
        lambda note: note.replace("number 1", "number 01"),
        lambda note: note.replace("number 1", "number 0"),
        lambda note: note.replace("\n2\n", "\n3\n", 1),
        lambda note: note.replace("node-2 3", "node-2 4"),
        lambda note: note.replace("time 2026", "time 26"),
        lambda note: note.replace("previous 00", "previous 0A"),
        lambda note: note.replace("previous 00", "previous 0"),
        lambda note: note.replace("writer node-1", "writer node-3"),
        lambda note: note.replace("writer node-1", "Writer node-1"),
        lambda note: note.replace("log.example/ca\n2", "log example\n2"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("— ", "- "),
        lambda note: note + "x\n",
        lambda note: note[:-1],
        lambda note: note + "— a AAAA\n",
        lambda note: note + "— a AAAAA\n",
        lambda note: note + "— a AAAAAAB=\n",
        lambda note: note + "— w AAAAAAAAAAA=\n" * 16,
        lambda note: note.replace("\n", "\r\n"),
        lambda _: "",
        lambda note: note + " " * 5_000_000,
    ],
)
def test_another_spelling_is_refused(respell: Callable[[str], str]) -> None:
    with pytest.raises(MalformedCheckpoint):
        SignedCheckpoint.parse(respell(signed().note.decode()).encode())


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedCheckpoint):
        SignedCheckpoint.parse(b"\xff" + signed().note)


def test_a_state_is_one_line_for_each_writer() -> None:
    with pytest.raises(InvalidArgument):
        signed(heads=(HEADS[0], HEADS[0]))
    with pytest.raises(InvalidArgument):
        signed(origin="Log Example")
    with pytest.raises(NaiveDatetime):
        signed(at=NOON.replace(tzinfo=None))
    assert SignedCheckpoint.parse(signed(heads=()).note).checkpoint.heads == ()


def test_a_chain_of_the_same_length_with_another_head_was_rewritten() -> None:
    first = signed()
    other = (replace(HEADS[0], head=b"\5" * 32), HEADS[1])
    second = signed(previous=first, heads=other)
    found = check_extension(first.checkpoint, second.checkpoint, {})
    assert [(f.kind.name, f.place) for f in found] == [("CHAIN_REWRITTEN", "node-1:1-7")]
    lost = signed(previous=first, heads=HEADS[:1])
    found = check_extension(first.checkpoint, lost.checkpoint, {})
    assert [(f.kind.name, f.place) for f in found] == [("CHAIN_TRUNCATED", "node-2:1-3")]
