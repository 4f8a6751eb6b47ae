"""An issuing process that dies by SIGKILL, again and again, and what must be true afterwards.

    python -m tests.ca.crash URL KILLS [SEED]

Half of the kills come at a counted step of the process's own (a statement, a commit, a
signature), so every gap between two steps is met whatever the speed of the machine; the others at
a random time, fitted to how long an issue takes here. Prints figures as JSON; exits with 1 and the
problems when anything is not as it must be.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, select, text

from eds.audit.store import AuditWriter
from eds.ca import tables as t
from eds.ca.authority import Authority, IssueRequest
from eds.ca.database import open_database
from eds.ca.keycheck import check_key
from eds.ca.lifecycle import Act, Change
from eds.ca.lists import ListPublisher
from eds.ca.mass import MassActs
from eds.ca.register import Register
from eds.ca.selection import MassAct, Selection
from eds.certificates import Certificate
from eds.extensions import RevocationReason
from eds.names import COMMON_NAME, COUNTRY, GIVEN_NAME, SERIAL_NUMBER, SURNAME, Name
from eds.ocsp import CertificateStatus, OcspResponse
from tests.ca.hierarchy import NOON, PROFILES, SHARDS, authority, public
from tests.ca.status_desk import (
    ISSUER,
    Desk,
    audit_records,
    delegate,
    is_personal,
    ocsp_request,
    signer_of,
)
from tests.steps import at_each_step

PROFILE = PROFILES["natural-person-signature"]
LATER = NOON + timedelta(days=1)


def policy(request: object, /, *, at: object) -> None:
    """Everything is allowed here."""


@dataclass
class Telling:
    """A signer that says what it signed, so that no signature can be forgotten."""

    inner: Any
    tell: Callable[[str], None]
    step: Callable[[], None]

    @property
    def public_key(self) -> Any:
        return self.inner.public_key

    @property
    def algorithm(self) -> Any:
        return self.inner.algorithm

    @property
    def key(self) -> Any:
        return self.inner.key

    def sign(self, message: bytes) -> bytes:
        self.step()
        value: bytes = self.inner.sign(message)
        self.tell(f"S {hashlib.sha256(message).hexdigest()}")
        self.step()
        return value


def open_register(engine: Engine, node: int) -> Register:
    writer = AuditWriter(writer=f"node-{node}", is_personal=is_personal)
    return Register(engine, node=node, audit=writer)


def new_authority(register: Register, signer: Any) -> Authority:
    return Authority(
        issuer=ISSUER, facts=authority("issuing-ca").facts, signer=signer, register=register,
        policy=policy, check_key=check_key,
    )  # fmt: skip


def new_request(word: str) -> IssueRequest:
    subject = [
        (COUNTRY, "KZ"),
        (COMMON_NAME, f"АХМЕТОВ АСАН {word}"),
        (SURNAME, "АХМЕТОВ"),
        (GIVEN_NAME, "АСАН"),
        (SERIAL_NUMBER, "PNOKZ-123456789011"),
    ]
    return IssueRequest(
        request=f"request-{word}",
        profile=PROFILE,
        subject=Name.build(subject),
        public_key=public(ec.generate_private_key(ec.SECP256R1())),
        person=f"person-{word}",
        authority="centre-7",
        operator="operator-3",
        evidence=bytes(32),
    )


# --- the process that dies ------------------------------------------------------------------------


def live(url: str, pipe: int, *, seed: int, die_at: int | None) -> None:
    """Issue, change, publish for ever; die at the counted step if there is one."""
    steps = itertools.count(1)

    def step(*_: object, **__: object) -> None:
        if next(steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    engine = open_database(url)
    at_each_step(engine, step)
    register = open_register(engine, 2)
    signer = signer_of(authority("issuing-ca").key)
    issuing = new_authority(register, Telling(signer, tell, step))
    publisher = ListPublisher(
        register, issuer=ISSUER, facts=authority("issuing-ca").facts, signer=signer
    )
    acts = MassActs(register, policy=policy)
    chance = random.Random(seed)
    mine: list[bytes] = []
    people: list[str] = []

    def issue(count: int) -> None:
        requests = [new_request(os.urandom(8).hex()) for _ in range(count)]
        prepared = [issuing.prepare(request, at=NOON) for request in requests]
        for certificate in issuing.issue_many(prepared, at=NOON):
            tell(f"D {certificate.fingerprint.hex()}")
            mine.append(certificate.serial_number_octets)
        people.extend(request.person for request in requests)

    def change() -> None:
        serial = chance.choice(mine)
        with contextlib.suppress(Exception):  # what the lifecycle does not allow
            revokes = chance.random() < 0.3
            kind = Act.REVOKE if revokes else chance.choice([Act.HOLD, Act.RELEASE])
            wanted = Change(
                act=kind, at=NOON, reason=RevocationReason.SUPERSEDED if revokes else None
            )
            status = issuing.change(serial, wanted, actor="officer", at=NOON)
            tell(f"C {serial.hex()} {status.version}")

    def publish() -> None:
        publisher.publish(chance.randrange(SHARDS), next_update=LATER, actor="crl", at=NOON)

    def mass() -> None:
        name = f"mass-{os.urandom(8).hex()}"
        chosen = Selection(issuer=ISSUER, persons=frozenset(people[-6:]))
        act = MassAct(name=name, selection=chosen, act=Act.HOLD, actor="officer")
        acts.start(acts.plan(act, at=LATER), at=LATER)
        acts.run(name, at=LATER, size=2)

    for name in acts.unfinished():
        tell(f"M {name}")
        acts.run(name, at=LATER, size=2)
    issue(1)
    while True:
        chance.choices(
            [lambda: issue(1), lambda: issue(3), change, publish, mass], [6, 2, 4, 1, 1]
        )[0]()


@dataclass
class Told:
    """What the dead said while they lived."""

    signed: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    changed: list[tuple[str, int]] = field(default_factory=list)
    resumed: set[str] = field(default_factory=set)

    def hear(self, text: str) -> None:
        for line in text.splitlines():
            kind, *words = line.split()
            if kind == "S":
                self.signed.append(words[0])
            elif kind == "D":
                self.delivered.append(words[0])
            elif kind == "M":
                self.resumed.add(words[0])
            else:
                self.changed.append((words[0], int(words[1])))


@dataclass
class Killer:
    """Starts a process and kills it, `kills` times."""

    url: str
    seed: int
    told: Told = field(default_factory=Told)
    cycle: float = 0.05  # seconds from the start of a process to what it says first

    def kill(self, number: int) -> None:
        die_at = 1 + number // 2 * 7 % 200 if number % 2 == 0 else None
        reading, pipe = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                live(self.url, pipe, seed=self.seed * 100_000 + number, die_at=die_at)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is no kill
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(3)
        os.close(pipe)
        heard = b""
        if die_at is None:
            heard = self._wait_and_kill(child, reading, random.Random(number).random())
        with os.fdopen(reading, "rb") as rest:
            heard += rest.read()
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise SystemExit(f"process {number} ended by itself, status {status}")
        self.told.hear(heard.decode())

    def _wait_and_kill(self, child: int, reading: int, chance: float) -> bytes:
        """Sometimes before it said anything, sometimes some acts later."""
        begun = time.monotonic()
        if chance < 0.3:
            time.sleep(self.cycle * chance / 0.3)
            os.kill(child, signal.SIGKILL)
            return b""
        heard = os.read(reading, 4096)
        self.cycle = 0.8 * self.cycle + 0.2 * (time.monotonic() - begun)
        time.sleep(self.cycle * 3 * (chance - 0.3))
        os.kill(child, signal.SIGKILL)
        return heard


# --- what must be true ----------------------------------------------------------------------------


def problems(register: Register, told: Told) -> Iterator[str]:
    """Everything that is not as it must be."""
    with register.reading(consistent=True) as connection:
        intents = {bytes(row.serial): row for row in connection.execute(select(t.intents)).all()}
        certificates = {
            bytes(row.serial): row for row in connection.execute(select(t.certificates)).all()
        }
        status = {bytes(row.serial): row for row in connection.execute(select(t.status)).all()}
        events = connection.execute(select(t.status_events)).all()
        bodies = connection.execute(select(t.list_bodies.c.number)).all()
        mass = connection.execute(select(t.mass_acts)).all()

    def wrong(what: str, found: object) -> Iterator[str]:
        if found:
            yield f"{what}: {found}"

    # No certificate without a row; no serial number twice.
    known = {bytes(row.tbs_hash).hex() for row in intents.values()}
    yield from wrong("signed, and no row", set(told.signed) - known)
    yield from wrong("signed twice", len(told.signed) - len(set(told.signed)))
    kept = {bytes(row.fingerprint).hex() for row in certificates.values()}
    yield from wrong("delivered, and not in the register", set(told.delivered) - kept)
    issuer = authority("issuing-ca")
    for serial, row in certificates.items():
        certificate = Certificate(bytes(row.encoded))
        if certificate.serial_number_octets != serial or serial not in intents:
            yield f"not under its own number: {serial.hex()}"
        if hashlib.sha256(certificate.tbs_encoded).digest() != bytes(intents[serial].tbs_hash):
            yield f"not what was intended: {serial.hex()}"
        if not issuer.certificate.public_key.verify(
            certificate.signature, certificate.tbs_encoded, algorithm=issuer.algorithm
        ):
            yield f"not signed by the issuer: {serial.hex()}"

    # Intent, certificate and status say the same.
    for serial, row in intents.items():
        expected = {"reserved": (False, None), "issued": (True, 0), "abandoned": (False, 0)}
        has, first = expected[row.state]
        found = status.get(serial)
        if (serial in certificates) != has or (found is None) != (first is None):
            yield f"{row.state}, but not so: {serial.hex()}"
        if row.state == "abandoned" and found is not None and found.state != "revoked":
            yield f"abandoned and {found.state}: {serial.hex()}"
    yield from wrong("status without an intent", status.keys() - intents.keys())

    # Every change has one event, in their order, and the last is where it stands.
    histories: dict[bytes, list[Any]] = defaultdict(list)
    for row in sorted(events, key=lambda row: row.version):
        histories[bytes(row.serial)].append(row)
    for serial, history in histories.items():
        if [row.version for row in history] != list(range(len(history))):
            yield f"a gap in the history of {serial.hex()}"
        if (history[-1].version, history[-1].state) != (
            status[serial].version,
            status[serial].state,
        ):
            yield f"the history of {serial.hex()} ends elsewhere"
    yield from wrong("status without a history", status.keys() - histories.keys())
    seen = {(bytes(row.serial).hex(), row.version) for row in events}
    yield from wrong("changes forgotten", set(told.changed) - seen)

    # One record for each act, in chains that are whole (`audit_records` verifies them).
    records = audit_records(register)
    acts = Counter(record["act"] for record in records)
    later = [row for row in events if row.version > 0]
    words = Counter(row.state for row in later)
    expected_acts = {
        "ca.intent.reserved": len(intents),
        "ca.certificate.issued": len(certificates),
        "ca.intent.abandoned": sum(row.state == "abandoned" for row in intents.values()),
        "ca.certificate.held": words["on_hold"],
        "ca.certificate.released": words["valid"],
        "ca.certificate.revoked": words["revoked"],
        "ca.list.published": len(bodies),
        "ca.mass.started": len(mass),
    }
    for act, count in expected_acts.items():
        if acts[act] != count:
            yield f"{act}: {acts[act]} records of {count} acts"
    by_mass = Counter(record["details"].get("mass_act") for record in records)
    for row in mass:
        if by_mass[row.mass_act] != row.changed:
            yield f"{row.mass_act}: {by_mass[row.mass_act]} records of {row.changed} changes"

    # An intent is never good, a certificate is what its status says.
    responder = Desk(register=register, url="").responder(delegate())
    serials = list(intents)
    for begin in range(0, len(serials), 100):
        asked = serials[begin : begin + 100]
        answer = OcspResponse(responder.respond(ocsp_request(*asked), at=NOON).encoded)
        for serial, one in zip(asked, answer.responses, strict=True):
            good = one.status is CertificateStatus.GOOD
            stands = status.get(serial)
            lawful = serial in certificates and stands is not None and stands.state == "valid"
            if good != lawful:
                yield f"answered {one.status}: {serial.hex()}"


def recovered(register: Register) -> Iterator[str]:
    """`recover` finds every unfinished intent, and leaves none."""
    with register.reading() as connection:
        row = t.intents.c
        unfinished = set(
            map(
                bytes,
                connection.execute(select(row.serial).where(row.state == "reserved")).scalars(),
            )
        )
    issuing = new_authority(register, signer_of(authority("issuing-ca").key))
    found = {intent.serial for intent in issuing.recover(before=LATER, actor="op", at=LATER)}
    if found != unfinished:
        yield f"recover found {len(found)} of {len(unfinished)}"
    if register.open_intents(before=LATER):
        yield "recover left some"
    listed = {serial for shard in range(SHARDS) for serial, _ in register.listed(ISSUER, shard)}
    if not found <= listed:
        yield "given up, and not on the list"


def quiet(engine: Engine) -> None:
    """Wait until the server has noticed that its clients are dead."""
    if engine.dialect.name != "postgresql":
        return
    others = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(5000):
        with engine.connect() as connection:
            if not connection.execute(others).scalar_one():
                return
        time.sleep(0.05)
    raise SystemExit("connections of the dead are still there")


def run(url: str, kills: int, seed: int) -> tuple[dict[str, int], list[str]]:
    """Kill, check, recover, check again."""
    engine = open_database(url)
    open_register(engine, 1).add_issuer(
        ISSUER, label="Example", certificate=authority("issuing-ca").certificate,
        key_uri="file:ca", settings="{}", actor="ceremony", at=NOON,
    )  # fmt: skip
    engine.dispose()  # nothing of it goes into a child
    killer = Killer(url, seed)
    for number in range(kills):
        killer.kill(number)
    engine = open_database(url)
    quiet(engine)
    register = open_register(engine, 1)
    found = list(problems(register, killer.told))
    unfinished = len(register.open_intents(before=LATER))
    found += list(recovered(register))
    acts = MassActs(register, policy=policy)
    cut = acts.unfinished()
    for name in cut:
        acts.run(name, at=LATER)
    found += list(problems(register, killer.told))
    with engine.connect() as connection:
        count = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("intents", "certificates", "status_events", "list_bodies", "mass_acts")
        }
    figures = {
        "kills": kills,
        "signatures": len(killer.told.signed),
        **count,
        "records": len(audit_records(register)),
        "unfinished": unfinished,
        "mass_acts_resumed": len(killer.told.resumed.union(cut)),
    }
    engine.dispose()
    return figures, found


def main(url: str, kills: str, seed: str = "1") -> int:
    figures, found = run(url, int(kills), int(seed))
    sys.stdout.write(f"{json.dumps(figures)}\n")
    sys.stderr.writelines(f"{problem}\n" for problem in found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
