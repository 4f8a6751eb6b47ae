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
from ipaddress import ip_network
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.asymmetric import ec

from eds import der, pem
from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.authority import IssueRequest, StatusRequest, change_status
from eds.ca.folder import AuthorityFolder
from eds.ca.issuers import STATUS_RULES, desk_rules
from eds.ca.lifecycle import Act, Change
from eds.ca.lists import ListPublisher
from eds.ca.subjects import build_subject, read_subject
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.extensions import OCSP_NONCE, RevocationReason
from eds.keys.contract import KeyRef
from eds.keys.signers import LocalSigner
from eds.publickeys import PublicKey
from eds.sign.cms import CmsSigner, sign_attached, sign_detached
from eds.sign.levels import Raising, extend
from eds.sign.timestamp import HttpTimeStamper, TimeStampService, judged_by
from eds.signeddata import SignedData
from eds.verify.evidence import Evidence
from eds.verify.policy import BASIC, Level
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

BELOW = ("people-2026", "time-2026")
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
    keys: list[ec.EllipticCurvePrivateKey] = field(default_factory=list)

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
                self.keys.append(key)
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

    @property
    def trust(self) -> TrustStore:
        """What a relying party believes: the root, with the others known beforehand."""
        return TrustStore(
            [TrustAnchor(certificate=self.folder.issuer("root-2026").certificate)],
            certificates=[self.folder.issuer(name).certificate for name in BELOW],
            name="example",
            environment=Environment.TEST,
        )

    @property
    def lists(self) -> tuple[CertificateList, ...]:
        """All lists that were published last."""
        register = self.folder.register
        found = (
            register.published_list(issuer.identifier, shard)
            for issuer in self.folder.issuers
            for shard in range(issuer.settings.shard_count)
        )
        return tuple(CertificateList(encoded) for encoded in found if encoded)

    def signed(self, content: bytes, *, number: int = 0) -> bytes:
        """A CMS with that content, signed by one of the people: CAdES B-B."""
        return sign_attached(content, by=self._signer(number))

    def signed_detached(self, content: bytes, *, number: int = 0) -> bytes:
        """A CMS about that content."""
        return sign_detached(content, by=self._signer(number))

    def _signer(self, number: int) -> CmsSigner:
        key = self.keys[number]
        signer = LocalSigner(
            key,
            key=KeyRef(uri="file:person", label="person"),
            public_key=PublicKey.of(key.public_key()),
            algorithm=ECDSA_P256_SHA256,
        )
        certificates = [self.people[number], self.folder.issuer("people-2026").certificate]
        return CmsSigner(signer, certificates=certificates, at=datetime.now(UTC))

    def stamper(self, port: int) -> HttpTimeStamper:
        """Asks the server at that port of this machine for time-stamps, and believes the root."""
        return HttpTimeStamper(
            services=[TimeStampService(url=f"http://127.0.0.1:{port}/tsa")],
            judge=judged_by(
                trust=self.trust, policy=BASIC, at=datetime.now(UTC),
                evidence=Evidence(lists=self.lists),
            ),
            networks=(ip_network("127.0.0.0/8"),),
        )  # fmt: skip

    def raised(self, signed: bytes, *, port: int) -> bytes:
        """The same at the level LT: what it needs to be judged is inside."""
        by = Raising(
            trust=self.trust, policy=BASIC, at=datetime.now(UTC), stamper=self.stamper(port),
            evidence=Evidence(lists=self.lists),
        )  # fmt: skip
        return extend(SignedData(signed), to=Level.LT, by=by)

    def write(self) -> None:
        """Certificates as PEM files beside the authority, for openssl."""
        files = {one.label: one.certificate for one in self.folder.issuers}
        files |= {f"person-{number}": one for number, one in enumerate(self.people)}
        for name, certificate in files.items():
            encoded = pem.write(pem.CERTIFICATE, certificate.encoded)
            (self.path / f"{name}.pem").write_bytes(encoded)


def build_house(
    path: Path,
    *,
    people: int = 3,
    hosts: str = "",
    database: str = "register.db",
    key_store: str = "keys",
) -> House:
    """An authority whose ceremony was an hour ago. With `hosts` all its addresses lead there."""
    description = DESCRIPTION + _TIME
    if hosts:
        description = re.sub(
            rb"http://[a-z]+\.example\.kz/", f"http://{hosts}/".encode(), description
        )
    with cheap_keys():
        folder = new_authority(
            path,
            at=datetime.now(UTC) - timedelta(hours=1),
            database=database,
            key_store=key_store,
        )
        hold_ceremony(folder, description, at=datetime.now(UTC) - timedelta(hours=1))
    folder.forget()
    house = House(folder)
    house.issue(people)
    house.publish()
    house.write()
    save_trust_store(house.trust, path / "trust")
    config = CONFIG.replace('key_store = "keys"', f'key_store = "{key_store}"')
    (path / "serve.toml").write_text(config)
    folder.register.engine.dispose()
    return house


def ocsp_request(house: House, certificate: Certificate, *, nonce: bytes | None = None) -> bytes:
    """An OCSPRequest about one of the people, as openssl writes it."""
    issuer = house.folder.issuer("people-2026").certificate
    hashes = (
        der.octet_string(hashlib.sha1(octets, usedforsecurity=False).digest())
        for octets in (issuer.subject.encoded, issuer.public_key.key_octets)
    )
    algorithm = der.sequence(der.object_identifier("1.3.14.3.2.26"), der.null())
    serial = der.value(der.INTEGER, certificate.serial_number_octets)
    asked = der.sequence(der.sequence(der.sequence(algorithm, *hashes, serial)))
    if nonce is None:
        return der.sequence(der.sequence(asked))
    extension = der.sequence(
        der.object_identifier(OCSP_NONCE), der.octet_string(der.octet_string(nonce))
    )
    return der.sequence(der.sequence(asked, der.explicit(2, der.sequence(extension))))


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
def serving(
    house: House, *, config: str = "serve.toml", password: str = PASSWORD
) -> Iterator[Server]:
    """The server of that house, all of whose workers answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "eds_cli", "serve", str(house.path / config),
         "--password-env", "EDS_TEST_PASSWORD"],
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env={**untraced(), "EDS_TEST_PASSWORD": password},
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
