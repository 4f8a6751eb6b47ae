"""Many processes with many threads on one register, and what must be true afterwards.

    python -m tests.ca.crowd URL PROCESSES THREADS ACTS [SEED]

All of them revoke one certificate first, at once; then each does so many acts on certificates
that they share. Prints figures as JSON; exits with 1 and the problems when anything is not as it
must be.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

from sqlalchemy import select

from eds.ca import lifecycle
from eds.ca import tables as t
from eds.ca.authority import IssueRequest
from eds.ca.database import open_database
from eds.ca.lifecycle import Act, Change
from eds.ca.lists import ListPublisher
from eds.ca.register import Register
from eds.certificatelists import CertificateList
from eds.errors import ListOutrun, RequestUsed, StatusChanged, StatusChangeRefused
from eds.extensions import RevocationReason
from eds.ocsp import CertificateStatus, OcspResponse
from tests.ca.crash import LATER, Told, new_authority, new_request, open_register, problems
from tests.ca.hierarchy import NOON, SHARDS, authority
from tests.ca.status_desk import ISSUER, Desk, delegate, ocsp_request, signer_of

SHARED = 40
CONTESTED = 300
ACTS = [*[Act.HOLD, Act.RELEASE] * 25, Act.REVOKE]  # few revoke: that ends a story


def work(url: str, pipe: int, *, process: int, threads: int, acts: int, seed: int) -> None:
    """One process; says on the pipe what succeeded, and how often it came too late."""
    engine = open_database(url)
    register = open_register(engine, 10 + process)
    signer = signer_of(authority("issuing-ca").key)
    issuing = new_authority(register, signer)
    publisher = ListPublisher(
        register, issuer=ISSUER, facts=authority("issuing-ca").facts, signer=signer
    )
    shared = sorted(found.serial for found in register.find_by(limit=SHARED))
    begin = Barrier(threads)

    def tell(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    def change(serial: bytes, act: Act) -> None:
        reason = RevocationReason.SUPERSEDED if act is Act.REVOKE else None
        try:
            status = issuing.change(
                serial, Change(act=act, at=NOON, reason=reason), actor="officer", at=NOON
            )
        except (StatusChanged, StatusChangeRefused) as late:
            tell(f"L {late.code}")
        else:
            tell(f"C {serial.hex()} {status.version}")

    def issue(*requests: IssueRequest) -> list[bytes]:
        prepared = [issuing.prepare(request, at=NOON) for request in requests]
        try:
            made = issuing.issue_many(prepared, at=NOON)
        except RequestUsed as late:
            tell(f"L {late.code}")
            return []
        for certificate in made:
            tell(f"D {certificate.fingerprint.hex()}")
        return [certificate.serial_number_octets for certificate in made]

    def live(thread: int) -> None:
        chance = random.Random(seed * 1_000_000 + process * 1000 + thread)
        begin.wait()
        change(shared[0], Act.REVOKE)
        mine: list[bytes] = []
        for _ in range(acts):
            what = chance.random()
            if what < 0.15:
                mine += issue(new_request(os.urandom(8).hex()))
            elif what < 0.18:
                # Everybody wants the same decisions carried out, in any order.
                words = chance.sample(range(CONTESTED), 3)
                mine += issue(*(new_request(f"contested-{seed}-{word}") for word in words))
            elif what < 0.23:
                try:
                    publisher.publish(
                        chance.randrange(SHARDS), next_update=LATER, actor="crl", at=NOON
                    )
                except ListOutrun as late:
                    tell(f"L {late.code}")
            else:
                change(chance.choice(mine or shared) if what < 0.35 else chance.choice(shared),
                       chance.choice(ACTS))  # fmt: skip

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(live, range(threads)))
    engine.dispose()


def crowd(url: str, processes: int, threads: int, acts: int, seed: int) -> list[str]:
    """Run them; the lines that they said. Raises SystemExit when one of them failed."""
    reading, pipe = os.pipe()
    for process in range(processes):
        if os.fork() == 0:
            status = 3
            try:
                os.close(reading)
                work(url, pipe, process=process, threads=threads, acts=acts, seed=seed)
                status = 0
            except BaseException as error:  # noqa: BLE001 - all of it is told
                os.write(2, f"process {process}: {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(status)
    os.close(pipe)
    with os.fdopen(reading) as lines:
        said = lines.read().splitlines()
    ends = [os.wait()[1] for _ in range(processes)]
    if any(ends):
        raise SystemExit("a process failed")
    return said


def disagreements(register: Register) -> Iterator[str]:
    """Where the register, the lists and the responder do not say the same of a certificate."""
    facts = authority("issuing-ca").facts
    publisher = ListPublisher(
        register, issuer=ISSUER, facts=facts, signer=signer_of(authority("issuing-ca").key)
    )
    listed: dict[bytes, tuple[object, object]] = {}
    for shard in range(SHARDS):
        made = publisher.publish(shard, next_update=LATER, actor="crl", at=NOON)
        for entry in CertificateList(made.encoded):
            octets = entry.serial_number.to_bytes(19, "big")
            if octets in listed or entry.serial_number % SHARDS != shard:
                yield f"listed twice or elsewhere: {octets.hex()}"
            listed[octets] = (entry.revocation_date, entry.reason)
    serials = [found.serial for found in register.find_by(limit=1_000_000)]
    responder = Desk(register=register, url="").responder(delegate())
    for start in range(0, len(serials), 100):
        asked = serials[start : start + 100]
        answer = OcspResponse(responder.respond(ocsp_request(*asked), at=NOON).encoded)
        for serial, one in zip(asked, answer.responses, strict=True):
            said = None
            if one.status is not CertificateStatus.GOOD:
                said = (one.revocation_time, one.revocation_reason)
            if said != listed.pop(serial, None):
                yield f"list and responder differ: {serial.hex()}"
    if listed:
        yield f"listed and unknown: {len(listed)}"


def unlawful(register: Register) -> Iterator[str]:
    """Histories that the model does not allow."""
    for found in register.find_by(limit=1_000_000):
        history = register.history(ISSUER, found.serial)
        for before, after in pairwise(history):
            act = {
                lifecycle.State.ON_HOLD: Act.HOLD,
                lifecycle.State.VALID: Act.RELEASE,
                lifecycle.State.REVOKED: Act.REVOKE,
            }[after.state]
            reason = after.reason if act is Act.REVOKE else None
            try:
                then = lifecycle.apply(before, Change(act=act, at=after.since, reason=reason))
            except StatusChangeRefused:
                yield f"{before.state.value} to {after.state.value}: {found.serial.hex()}"
            else:
                if (then.state, then.version) != (after.state, after.version):
                    yield f"not what the model says: {found.serial.hex()}"


def run(
    url: str, processes: int, threads: int, acts: int, seed: int
) -> tuple[dict[str, int], list[str]]:
    """All of it, and what is wrong afterwards."""
    engine = open_database(url)
    register = open_register(engine, 1)
    register.add_issuer(
        ISSUER, label="Example", certificate=authority("issuing-ca").certificate,
        key_uri="file:ca", settings="{}", actor="ceremony", at=NOON,
    )  # fmt: skip
    issuing = new_authority(register, signer_of(authority("issuing-ca").key))
    prepared = [issuing.prepare(new_request(os.urandom(8).hex()), at=NOON) for _ in range(SHARED)]
    issuing.issue_many(prepared, at=NOON)
    engine.dispose()  # nothing of it goes into a child
    told, late = Told(), Counter[str]()
    for line in crowd(url, processes, threads, acts, seed):
        if line.startswith("L "):
            late[line[2:]] += 1
        else:
            told.hear(line)
    engine = open_database(url)
    register = open_register(engine, 1)
    found = [*problems(register, told), *unlawful(register)]
    with register.reading() as connection:
        row = t.status_events.c
        events = connection.execute(select(row.serial, row.version).where(row.version > 0)).all()
    if sorted(told.changed) != sorted((bytes(row.serial).hex(), row.version) for row in events):
        found.append("what succeeded is not what was recorded")
    found += disagreements(register)
    engine.dispose()
    figures = {
        "processes": processes,
        "threads": threads,
        "issued": len(told.delivered),
        "changes": len(told.changed),
        **late,
    }
    return figures, found


def main(url: str, *counts: str) -> int:
    processes, threads, acts, seed = [*map(int, counts), 1][:4]
    figures, found = run(url, processes, threads, acts, seed)
    sys.stdout.write(f"{json.dumps(figures)}\n")
    sys.stderr.writelines(f"{problem}\n" for problem in found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
