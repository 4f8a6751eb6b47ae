"""An authority with people, and `eds serve` in front of it, as whoever runs one has them."""

from __future__ import annotations

import hashlib
import http.client
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.asymmetric import ec

from eds import pem
from eds.ca.authority import IssueRequest, StatusRequest, change_status
from eds.ca.folder import AuthorityFolder
from eds.ca.issuers import STATUS_RULES, desk_rules
from eds.ca.lifecycle import Act, Change
from eds.ca.lists import ListPublisher
from eds.ca.subjects import build_subject, read_subject
from eds.certificates import Certificate
from eds.extensions import RevocationReason
from eds.publickeys import PublicKey
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.trustfolder import save_trust_store
from tests.ca.authority_house import (
    DESCRIPTION,
    PASSWORD,
    cheap_keys,
    documented,
    hold_ceremony,
    new_authority,
    pin,
)
from tests.untraced import untraced

POLICY = "1.2.398.3.3.2.6.4"
_TIME = b"""
[[certificate]]
label = "time-2026"
profile = "time-stamping-ca"
issuer = "root-2026"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Example Time CA 2026"
crl_urls = ["http://crl.example.kz/time.crl"]
ocsp_urls = ["http://ocsp.example.kz/"]
ca_issuer_urls = ["http://pki.example.kz/time.cer"]

[[certificate]]
label = "tsu-1"
profile = "tsa"
issuer = "time-2026"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Example TSU 1"
"""
CONFIG = """
version = 1
authority = "."

[server]
listen = "127.0.0.1:0"
workers = 2
drain_seconds = 10

[feed]
interval_milliseconds = 100

[lists]

[ocsp]

[timestamps]
policy = "1.2.398.3.3.2.6.4"
key_store = "keys"
key = "tsu-1"

[verify]
trust = ["trust"]
"""


@dataclass
class House:
    """An authority in a folder; `people` are certificates that it issued."""

    folder: AuthorityFolder
    people: list[Certificate] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder.path

    def issue(self, count: int) -> list[Certificate]:
        at = datetime.now(UTC)
        people = self.folder.issuer("people-2026")
        profile = self.folder.profile("natural-person-signature")
        given = read_subject(documented("toml", 1).encode(), file="asan.toml")
        made: list[Certificate] = []
        with self.folder.signer_of(people, pin=pin) as signer:
            authority = self.folder.authority(people, signer, policy=desk_rules(people))
            for _ in range(count):
                key = ec.generate_private_key(ec.SECP256R1())
                name = f"decision/{len(self.people) + len(made)}"
                request = IssueRequest(
                    request=name,
                    profile=profile,
                    subject=build_subject(profile, given),
                    public_key=PublicKey.of(key.public_key()),
                    person="person-1",
                    authority="centre-7",
                    operator="official/1",
                    evidence=hashlib.sha256(b"record").digest(),
                )
                made.append(authority.issue(authority.prepare(request, at=at), at=at))
        self.people += made
        return made

    def change(self, certificate: Certificate, act: Act) -> None:
        at = datetime.now(UTC)
        reason = RevocationReason.SUPERSEDED if act is Act.REVOKE else None
        register, issuer = self.folder.register, self.folder.issuer("people-2026")
        issued = register.find(issuer.identifier, certificate.serial_number_octets)
        change = Change(act=act, at=at, reason=reason)
        request = StatusRequest(issued=issued, change=change, actor="official/1")
        change_status(request, register=register, policy=STATUS_RULES, at=at)

    def publish(self) -> None:
        at = datetime.now(UTC)
        for issuer in self.folder.issuers:
            with self.folder.signer_of(issuer, pin=pin) as signer:
                publisher = ListPublisher(
                    self.folder.register,
                    issuer=issuer.identifier,
                    facts=issuer.facts,
                    signer=signer,
                    expired_since=issuer.facts.not_before,
                )
                for shard in range(issuer.settings.shard_count):
                    publisher.publish(shard, next_update=at + timedelta(days=1), actor="crl", at=at)

    def write(self, *labels: str) -> None:
        """Certificates of issuers as PEM files beside the authority, for openssl."""
        for label in labels:
            certificate = self.folder.issuer(label).certificate
            file = self.path / f"{label}.pem"
            file.write_bytes(pem.write(pem.CERTIFICATE, certificate.encoded))


def build_house(path: Path, *, people: int = 3) -> House:
    """An authority whose ceremony was an hour ago."""
    with cheap_keys():
        folder = new_authority(path, at=datetime.now(UTC) - timedelta(hours=1))
        hold_ceremony(folder, DESCRIPTION + _TIME, at=datetime.now(UTC) - timedelta(hours=1))
    folder.forget()
    house = House(folder)
    house.issue(people)
    house.publish()
    house.write("root-2026", "people-2026", "time-2026")
    for number, certificate in enumerate(house.people):
        (path / f"person-{number}.pem").write_bytes(pem.write(pem.CERTIFICATE, certificate.encoded))
    root = folder.issuer("root-2026").certificate
    store = TrustStore(
        [TrustAnchor(certificate=root, source="the ceremony")],
        certificates=[folder.issuer(name).certificate for name in ("people-2026", "time-2026")],
        name="example",
        environment=Environment.TEST,
    )
    save_trust_store(store, path / "trust")
    (path / "serve.toml").write_text(CONFIG)
    folder.register.engine.dispose()
    return house


class Server:
    """`eds serve` in a process of its own; `lines` is what it said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(process.stderr,), daemon=True)
        self._reader.start()
        found = self.wait_for(r"listening at https?://[^:]+:(\d+)")
        self.port = int(found[1])

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            with self._changed:
                self.lines.append(line.decode().rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append("")
            self._changed.notify_all()

    def wait_for(self, pattern: str, *, after: int = 0, count: int = 1) -> re.Match[str]:
        """The line that is the `count`th to match. Gives up when the server ended or after 60 s."""
        deadline = time.monotonic() + 60
        with self._changed:
            while True:
                found = [m for line in self.lines[after:] if (m := re.search(pattern, line))]
                if len(found) >= count:
                    return found[count - 1]
                if "" in self.lines or not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{pattern} was not said:\n" + "\n".join(self.lines))

    @property
    def workers(self) -> list[int]:
        """Process numbers of the workers that answered last."""
        found: dict[str, int] = {}
        for line in self.lines:
            if match := re.search(r"(worker \d+) answers \(process (\d+)\)", line):
                found[match[1]] = int(match[2])
        return list(found.values())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read()
        finally:
            connection.close()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(house: House, *, config: str = "serve.toml") -> Iterator[Server]:
    """The server of that house, all of whose workers answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "eds_cli", "serve", str(house.path / config),
         "--password-env", "EDS_TEST_PASSWORD"],
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env={**untraced(), "EDS_TEST_PASSWORD": PASSWORD},
    )  # fmt: skip
    try:
        server = Server(process)
        text = (house.path / config).read_text()
        workers = int(re.search(r"workers = (\d+)", text)[1])  # type: ignore[index]
        server.wait_for(r"worker \d+ answers", count=workers)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stderr is not None:
            process.stderr.close()
