"""A verifier of exported logs written from docs/audit.md alone: nothing of `eds` is imported.

python tests/audit/independent.py FILE KEY.der
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


def H(data: bytes) -> bytes:  # noqa: N802 - as the page calls it
    return hashlib.sha256(data).digest()


def canonical(value: object) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else H(b"")
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return H(b"\x01" + root(leaves[:split]) + root(leaves[split:]))


def check(truth: object, what: str) -> None:
    if not truth:
        raise ValueError(what)


def check_signature(note: str, origin: str, key_der: bytes) -> None:
    text, _, lines = note.rpartition("\n\n")
    key = serialization.load_der_public_key(key_der)
    for line in lines.splitlines():
        dash, name, value = line.split(" ")
        octets, signed = base64.b64decode(value), (text + "\n").encode()
        if dash != "—" or name != origin:
            continue
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                raw = key.public_bytes_raw()
                check(octets[:4] == H(origin.encode() + b"\n\x01" + raw)[:4], "identifier")
                key.verify(octets[4:], signed)
            else:
                check(isinstance(key, ec.EllipticCurvePublicKey), "a kind of key not done here")
                check(octets[:4] == H(key_der)[:4], "identifier")
                key.verify(octets[4:], signed, ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr,call-arg,arg-type]
        except InvalidSignature:
            raise ValueError("signature") from None
        return
    raise ValueError("no signature of the log")


def verify(file: Path, key_der: bytes) -> dict[str, int]:
    """Writer → number of records; raises where anything is wrong."""
    *lines, end = file.read_bytes().splitlines(keepends=True)
    before = b"".join(lines)
    expected = {"end": {"octets": len(before), "sha256": H(before).hex()}}
    check(end == canonical(expected) + b"\n", "end")
    trees: dict[str, list[bytes]] = {}
    heads: dict[str, Any] = {}
    previous, count = "0" * 64, 0
    check(json.loads(lines[0])["audit-export"] == 1, "header")
    for line in lines[1:]:
        value = json.loads(line)
        check(canonical(value) + b"\n" == line, "not canonical")
        if "record" in value:
            record = value["record"]
            leaves = trees.setdefault(value["writer"], [])
            leaf = H(b"\x00" + canonical(record))
            check(leaf.hex() == value["hash"], "hash")
            check(record["writer"] == value["writer"], "writer")
            check(record["sequence"] == value["sequence"] == len(leaves) + 1, "sequence")
            check(record["previous"] == (leaves[-1].hex() if leaves else "0" * 64), "previous")
            leaves.append(leaf)
        elif "checkpoint" in value:
            count += 1
            note = base64.b64decode(value["checkpoint"]["note"]).decode()
            text = note.rpartition("\n\n")[0].split("\n")
            check_signature(note, text[0], key_der)
            writers = text[7:]
            top = root([H(b"\x00" + one.encode()) for one in writers])
            check(text[1] == str(len(writers)), "number of writers")
            check(text[2] == base64.b64encode(top).decode(), "root")
            check(text[3] == f"number {count}", "number")
            check(text[5] == f"previous {previous}", "previous checkpoint")
            check(text[6].split(" ")[2] == H(key_der).hex(), "key")
            for one in writers:
                _, writer, size, last, shown = one.split(" ")
                leaves = trees.get(writer, [])
                check(len(leaves) == int(size), "size")
                check((leaves[-1].hex(), root(leaves).hex()) == (last, shown), "chain")
            previous = H(("\n".join(text) + "\n").encode()).hex()
        else:
            head = value["head"]
            heads[head["writer"]] = (head["sequence"], head["hash"])
    check(heads == {name: (len(tree), tree[-1].hex()) for name, tree in trees.items()}, "heads")
    return {name: len(tree) for name, tree in trees.items()}


if __name__ == "__main__":
    sys.stdout.write(f"{verify(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes())}\n")
