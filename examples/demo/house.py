"""Chapter one: an authority is made, and its doors are opened."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from .telling import SECRET, Story

PIN = "271828"
PASSWORD = "demo: correct horse battery staple"
CEREMONY = """
[ceremony]
name = "demo"
purpose = "A hierarchy to look at"

[[participant]]
name = "A. Bekova"
role = "ceremony administrator"

[[participant]]
name = "D. Omarov"
role = "witness"

[subject]
country = "KZ"
organization = "Demo Authority"
organization_identifier = "NTRKZ-123456789021"

[[certificate]]
label = "root"
profile = "root"
algorithm = "ecdsa-p384-sha384"
subject.common_name = "Demo Root CA"
crl_urls = ["{url}/crl/root.crl"]
ca_issuer_urls = ["{url}/ca/root.cer"]

[[certificate]]
label = "people"
profile = "issuing-ca"
issuer = "root"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Demo People CA"
crl_urls = ["{url}/crl/people.crl"]
ocsp_urls = ["{url}/ocsp"]
ca_issuer_urls = ["{url}/ca/people.cer"]

[[certificate]]
label = "time"
profile = "time-stamping-ca"
issuer = "root"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Demo Time-Stamping CA"
crl_urls = ["{url}/crl/time.crl"]

[[certificate]]
label = "clock"
profile = "tsa"
issuer = "time"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Demo Time-Stamping Unit"

[[certificate]]
label = "people-ocsp"
profile = "ocsp-responder"
issuer = "people"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Demo OCSP Responder"
"""
SERVE = """
version = 1
authority = "house"

[server]
listen = "127.0.0.1:{port}"
workers = 1

[ocsp]

[lists]

[timestamps]
policy = "1.3.6.1.4.1.32473.1"
key_store = "keys"
key = "clock"
node = 1
"""


@dataclass(frozen=True, kw_only=True)
class House:
    """The authority, and where it answers."""

    url: str

    @property
    def fetch(self) -> tuple[str, ...]:
        """Options that let status be fetched from here."""
        return ("--fetch-from", self.url)


def publish(story: Story, *, quiet: bool = False) -> None:
    """The lists of all issuers, as they stand now."""
    for label in ("root", "people", "time"):
        story.eds(
            "ca", "crl", "--issuer", label, "--out", "www", *SECRET, says="published", quiet=quiet
        )


@contextlib.contextmanager
def house(story: Story) -> Iterator[House]:
    """The ceremony; then the doors, which stay open until the end."""
    with socket.socket() as probe:  # the certificates name the address, so it is chosen first
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = House(url=f"http://127.0.0.1:{port}")
    os.environ |= {"EDS_DEMO_PASSWORD": PASSWORD, "EDS_DEMO_PIN": PIN}
    with story.chapter("A key ceremony makes an authority"):
        story.setting(
            EDS_AUTHORITY="house",
            EDS_ACTOR="official/7",
            EDS_TRUST="trust",
            EDS_DESK="desk",
            EDS_TSA=f"{made.url}/tsa",
        )
        ceremony = CEREMONY.format(url=made.url)
        (story.folder / "ceremony.toml").write_text(ceremony, encoding="utf-8")
        story.eds("ca", "init", "house", "--name", "demo", *SECRET, says="made the authority")
        story.eds("ca", "ceremony", "ceremony.toml", "--yes", *SECRET, says="is finished")
        story.eds("ca", "ceremony", "--verify", "house/ceremonies/demo.json", says="report holds")
        for label in ("root", "people", "time"):
            story.eds("ca", "show", label, "--out", f"{label}.cer")
        story.eds(
            *("trust", "add", "root.cer", "--name", "demo", "--environment", "test"),
            *("--source", "the report of the ceremony", "--yes"),
            says="1 anchor",
        )
        story.eds(
            *("trust", "add", "people.cer", "--intermediate", "--source", "the same", "--yes"),
            says="1 intermediate",
        )
        publish(story)
        story.openssl(
            *("verify", "-x509_strict", "-CAfile", "root.cer", "people.cer"),
            holds=True,
            says="accepts the authority",
        )
    (story.folder / "serve.toml").write_text(SERVE.format(port=port), encoding="utf-8")
    with _served(story, made.url):
        yield made


@contextlib.contextmanager
def _served(story: Story, url: str) -> Iterator[None]:
    """`eds serve` beside us: status and time over HTTP."""
    command = [sys.executable, "-m", "eds_cli", "serve", "serve.toml", *SECRET]
    with (story.folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=story.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            _wait(f"{url}/health/ready", server)
            with story.chapter("Its doors open: status and time over HTTP"):
                story.tell("eds", f"eds serve serve.toml answers at {url}")
                _ask_openssl(story, url)
            yield
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.05)
    sys.exit("demo: eds serve does not answer; see serve.log")


def _ask_openssl(story: Story, url: str) -> None:
    """Somebody else's client asks for the time and for a status."""
    (story.folder / "hello.txt").write_text("Сәлем!\n", encoding="utf-8")
    query = ("ts", "-query", "-data", "hello.txt", "-sha256", "-cert", "-out", "hello.tsq")
    story.openssl(*query, holds=True, says="asks for the time")
    request = urllib.request.Request(
        f"{url}/tsa",
        data=(story.folder / "hello.tsq").read_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        (story.folder / "hello.tsr").write_bytes(answer.read())
    story.openssl(
        *("ts", "-verify", "-data", "hello.txt", "-in", "hello.tsr"),
        *("-CAfile", "root.cer", "-untrusted", "time.cer"),
        holds=True,
        says="verifies the time-stamp",
    )
