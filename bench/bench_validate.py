"""Validation beside the least it can cost: one digest and one raw signature check; and pyHanko.

Messages are CAdES-B, detached, 1 kB, one signer two certificates below the anchor, path kept,
whole report. The status is the two lists that the caller gives. Large content is streamed from a
file.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from bench.report import Row, interleave
from eds.certificates import Certificate
from eds.signeddata import SignedData
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.verify import cms_house as house
from tests.verify.status_house import DAY, NOON, certify, crl, key, named, usage

ROOT = Path(__file__).parents[1]
CONTENT = bytes(range(256)) * 4
MIDDLE = certify("Middle", ca=True, not_after=NOON + 1000 * DAY)
LISTS = (house.good_list(), crl(issuer="Middle", until=NOON + 200 * DAY))
EVIDENCE = Evidence(lists=LISTS)
TRUST = TrustStore([TrustAnchor(certificate=house.authority())])
GOALS = {"RSA-2048": (2.5, 50.0), "P-256": (1.6, 25.0)}
LARGE = 64 * 1024 * 1024
HUGE = 1024 * 1024 * 1024
MANY = 2000


@cache
def signer_with(name: str) -> house.Signer:
    """A signer two certificates below the anchor."""
    secret = house.rsa_key() if name == "RSA-2048" else key("Bench")
    made = (
        x509.CertificateBuilder()
        .subject_name(named("Bench"))
        .issuer_name(named("Middle"))
        .public_key(secret.public_key())
        .serial_number(4711)
        .not_valid_before(NOON - DAY)
        .not_valid_after(NOON + 100 * DAY)
        .add_extension(usage("content_commitment"), critical=True)
        .sign(key("Middle"), hashes.SHA256())
    )
    return house.Signer(Certificate(made.public_bytes(Encoding.DER)), secret)


def detached(signer: house.Signer, content: bytes = CONTENT) -> bytes:
    certificates = [signer.certificate.encoded, MIDDLE.encoded, house.authority().encoded]
    return house.message(signer.info(content), certificates=certificates)


def ours(data: bytes, content: Any = CONTENT) -> None:
    report = validate(content, signature=data, trust=TRUST, at=NOON, evidence=EVIDENCE)
    if report.indication is not Indication.TOTAL_PASSED:
        raise RuntimeError(f"not passed: {report.sub_indication}")


def raw(signer: house.Signer, data: bytes) -> Callable[[], None]:
    info = SignedData(data).signer_infos[0]
    message, value = info.signed_attributes_encoded or b"", info.signature
    key = signer.native.public_key()

    def check() -> None:
        hashlib.sha256(CONTENT).digest()
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(value, message, ec.ECDSA(hashes.SHA256()))

    return check


def pyhanko(data: bytes) -> Callable[[], None]:
    """Its validation of a detached CMS: a new context each time, what is in it read before."""
    import asyncio

    from asn1crypto import cms
    from asn1crypto.crl import CertificateList as TheirList
    from asn1crypto.x509 import Certificate as TheirCertificate
    from pyhanko.sign.validation.generic_cms import async_validate_detached_cms
    from pyhanko_certvalidator import ValidationContext

    roots = [TheirCertificate.load(house.authority().encoded)]
    lists = [TheirList.load(one.encoded) for one in LISTS]
    loop = asyncio.new_event_loop()

    def check() -> None:
        signed_data = cms.ContentInfo.load(data)["content"]
        context = ValidationContext(
            trust_roots=roots, crls=lists, moment=NOON, revocation_mode="require"
        )
        status = loop.run_until_complete(
            async_validate_detached_cms(CONTENT, signed_data, signer_validation_context=context)
        )
        if not status.bottom_line:
            raise RuntimeError("pyHanko does not pass it")

    return check


def small() -> Iterator[Row]:
    for name, (most, least) in GOALS.items():
        signer = signer_with(name)
        data = detached(signer)
        mine, floor, theirs = interleave(
            partial(ours, data), raw(signer, data), pyhanko(data), rounds=15
        )
        yield Row(
            name=f"validate CMS 1 kB, {name}, path kept / digest + raw verify",
            ours=mine, floor=floor, goal=most,
        )  # fmt: skip
        yield Row(
            name=f"pyHanko / validate CMS 1 kB, {name}",
            ours=theirs, floor=mine, goal=least, better="higher",
        )  # fmt: skip


def large() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(bytes(LARGE))
        data = detached(signer_with("P-256"), bytes(LARGE))

        def streamed() -> None:
            with path.open("rb") as file:
                ours(data, file)

        def digest() -> None:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")

        mine, floor = interleave(streamed, digest, rounds=7)
        yield Row(
            name="validate CMS over 64 MB in a file / SHA-256", ours=mine, floor=floor, goal=1.1
        )
    grown = subprocess.run(
        [sys.executable, "-m", "bench.bench_validate"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    yield Row(
        name="memory grown by a CMS over 1 GB / 16 MB",
        ours=max(int(grown.stdout), 1), floor=16 * 1024, unit="kB", goal=1.0,
    )  # fmt: skip


def grow() -> None:
    """Print by how many kB a validation over 1 GB lets this process grow."""

    class Zeros:
        """A file of zeros that is not there."""

        def __init__(self) -> None:
            self.place = 0

        def tell(self) -> int:
            return self.place

        def seek(self, place: int) -> int:
            self.place = place
            return place

        def readinto(self, room: memoryview) -> int:
            size = min(len(room), HUGE - self.place)
            self.place += size
            return size

    feed = hashlib.sha256()
    for _ in range(HUGE // LARGE):
        feed.update(bytes(LARGE))
    signer = signer_with("P-256")
    info = signer.info(b"", attributes=[
        house.attribute(house.MESSAGE_DIGEST, b"\x04\x20" + feed.digest()),
        house.attribute(house.CONTENT_TYPE, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"),
        house.reference(signer.certificate),
    ])  # fmt: skip
    data = house.message(info, certificates=[signer.certificate.encoded])
    ours(detached(signer))
    before = _resident()
    ours(data, Zeros())
    print(_resident() - before)


def _resident() -> int:
    """The most kB that this process had since it was last asked."""
    status = Path("/proc/self/status").read_text()
    now = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return max(now, 0 if sys.platform == "linux" else resource.getrusage(0).ru_maxrss)


def _work(count: int) -> None:
    data = detached(signer_with("P-256"))
    for _ in range(count):
        ours(data)


def parallel() -> Iterator[Row]:
    """Two processes beside one, P-256: by the wall, since waiting counts."""
    context = multiprocessing.get_context("fork")

    def run(processes: int) -> float:
        workers = [context.Process(target=_work, args=(MANY,)) for _ in range(processes)]
        begin = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return processes * MANY / (time.perf_counter() - begin)

    one, two = max(run(1) for _ in range(3)), max(run(2) for _ in range(3))
    yield Row(
        name="2 processes / 1, CMS P-256", ours=two, floor=one, unit="/s", goal=1.7, better="higher"
    )


def run() -> Iterator[Row]:
    yield from small()
    yield from large()
    yield from parallel()


if __name__ == "__main__":
    grow()
