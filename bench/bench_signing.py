"""Documents signed: beside one raw signature, one digest, and pyHanko signing the same.

Signatures are of level B, with the signer's certificate and its root in them. pyHanko signs with
the same key, certificates and claims, its objects made once; raw is `cryptography` that digests and
signs the same content. PDF documents are screened by ours alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pkcs11
from asn1crypto import keys as other_keys
from asn1crypto import x509 as others
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.ades.api import CAdESSignedAttrSpec
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes, SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from bench.bench_pades import document
from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256, RSA_PKCS1_SHA256
from eds.keys import KeyPurpose, PinRequest, Secret, open_keystore
from eds.keys.pkcs11_module import Module
from eds.sign.batch import Job, sign_all
from eds.sign.cms import CmsSigner, sign_detached
from eds.sign.pdf import opened, screened, sign_pdf
from tests.keys.softhsm import PIN, new_tokens, softhsm
from tests.sign.house import NOON, Party, certify, party, root

ROOT = Path(__file__).parents[1]
CONTENT = bytes(range(256)) * 4
PARTIES = {"RSA-2048": "rsa-pkcs1-sha256", "P-256": "ecdsa-p256-sha256"}
GOALS = {"RSA-2048": (1.2, 50.0), "P-256": (2.0, 100.0)}
PADES_GOALS = {"1 page": 8.0, "20 pages, 5 MB": 2.0}
LARGE = 64 * 1024 * 1024
HUGE = 1024 * 1024 * 1024
MANY = 1000
TOKEN = "signing"
PURPOSE = KeyPurpose.SIGNATURE


def raw(signer: Party) -> Callable[[], object]:
    """Digest and sign 1 kB, nothing else."""
    if signer.algorithm is RSA_PKCS1_SHA256:
        return partial(signer.native.sign, CONTENT, padding.PKCS1v15(), hashes.SHA256())
    return partial(signer.native.sign, CONTENT, ec.ECDSA(hashes.SHA256()))


def their_signer(signer: Party) -> SimpleSigner:
    """pyHanko with the same key and certificates."""
    secret = signer.native.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    store: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(others.Certificate.load(one.encoded) for one in signer.issuers)
    return SimpleSigner(
        signing_cert=others.Certificate.load(signer.certificate.encoded),
        signing_key=other_keys.PrivateKeyInfo.load(secret),
        cert_registry=store,
    )


def their_cms(signer: Party) -> Callable[[], object]:
    made = their_signer(signer)
    claims = PdfCMSSignedAttributes(signing_time=NOON, cades_signed_attrs=CAdESSignedAttrSpec())
    loop = asyncio.new_event_loop()

    def sign() -> bytes:
        signed = loop.run_until_complete(
            made.async_sign_general_data(
                CONTENT, "sha256", use_cades=True, signed_attr_settings=claims
            )
        )
        return bytes(signed.dump())

    return sign


def their_pdf(signer: Party, data: bytes) -> Callable[[], bytes]:
    made = PdfSigner(
        PdfSignatureMetadata(
            field_name="Signature1", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        ),
        their_signer(signer),
    )

    def sign() -> bytes:
        output = io.BytesIO()
        writer = IncrementalPdfFileWriter(io.BytesIO(data), strict=False)
        made.sign_pdf(writer, output=output)
        return output.getvalue()

    return sign


def small() -> Iterator[Row]:
    for name, (most, least) in GOALS.items():
        signer = party(PARTIES[name])
        ours = partial(sign_detached, CONTENT, by=signer.cms())
        mine, floor, theirs = interleave(ours, raw(signer), their_cms(signer), rounds=15)
        yield Row(
            name=f"CAdES B-B of 1 kB, {name} / raw digest + signature",
            ours=mine, floor=floor, goal=most,
        )  # fmt: skip
        yield Row(
            name=f"pyHanko / CAdES B-B of 1 kB, {name}",
            ours=theirs, floor=mine, goal=least, better="higher",
        )  # fmt: skip


def pdf() -> Iterator[Row]:
    signer = party(PARTIES["P-256"])
    by = signer.cms()
    for name, data in (
        ("1 page", document(pages=1, octets=500)),
        ("20 pages, 5 MB", document(pages=20, octets=5_250_000)),
    ):
        ours = partial(sign_pdf, data, by=by, at=NOON)
        mine, theirs, screening, opening = interleave(
            ours, their_pdf(signer, data), partial(screened, data), partial(opened, data, None)
        )
        yield Row(
            name=f"pyHanko / PAdES B-B, {name}, P-256",
            ours=theirs, floor=mine, goal=PADES_GOALS[name], better="higher",
        )  # fmt: skip
        yield Row(
            name=f"PAdES B-B, {name}: screening alone / the whole",
            ours=max(screening - opening, 1e-9), floor=mine,
        )  # fmt: skip
        yield Row(
            name=f"pyHanko / PAdES B-B, {name}, without screening",
            ours=theirs, floor=max(mine - screening + opening, 1e-9), better="higher",
        )  # fmt: skip


def large() -> Iterator[Row]:
    by = party(PARTIES["P-256"]).cms()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(bytes(LARGE))

        def streamed() -> None:
            with path.open("rb") as file:
                sign_detached(file, by=by)

        def digest() -> None:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")

        mine, floor = interleave(streamed, digest, rounds=7)
        yield Row(name="CAdES B-B over 64 MB in a file / SHA-256", ours=mine, floor=floor, goal=1.1)
    grown = subprocess.run(
        [sys.executable, "-m", "bench.bench_signing"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    yield Row(
        name="memory grown by a CAdES B-B over 1 GB / 16 MB",
        ours=max(int(grown.stdout), 1), floor=16 * 1024, unit="kB", goal=1.0,
    )  # fmt: skip


def grow() -> None:
    """Print by how many kB a signature over 1 GB lets the peak of this process grow."""

    class Zeros(io.RawIOBase):
        """A file of zeros that is not there."""

        place = 0

        def read(self, size: int = -1, /) -> bytes:
            size = min(HUGE if size < 0 else size, HUGE - self.place)
            self.place += size
            return bytes(size)

    by = party(PARTIES["P-256"]).cms()
    sign_detached(CONTENT, by=by)
    before = _peak()
    stream: Any = Zeros()
    sign_detached(stream, by=by)
    print(_peak() - before)


def _peak() -> int:
    """The most kB that this process ever had."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def token() -> Iterator[Row]:
    """A key in SoftHSM, beside one session of python-pkcs11 in the same process."""
    module = softhsm()
    if module is None:
        return
    with tempfile.TemporaryDirectory(prefix="eds-bench-") as folder:
        # The token's place must be known before the module starts.
        os.environ["SOFTHSM2_CONF"] = new_tokens(Path(folder), TOKEN)["SOFTHSM2_CONF"]
        store = open_keystore(f"pkcs11:token={TOKEN}", module=module)
        store.generate(label="key", algorithm=ECDSA_P256_SHA256, purpose=PURPOSE, pin=pin)
        with store.open(store.find("key"), purpose=PURPOSE, pin=pin) as signer:
            authority = root()
            issuer = authority.certificate.native.subject, authority.native
            certificate = certify("Person", signer.public_key.native, issuer=issuer)
            by = CmsSigner(signer, certificates=(certificate, authority.certificate), at=NOON)
            # The process is logged in, and so is every session of it.
            session = Module.get(module)._library.get_token(token_label=TOKEN).open()  # noqa: SLF001
            key: Any = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label="key")

            def floor() -> None:
                digest = hashlib.sha256(CONTENT).digest()
                key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)

            mine, least = interleave(partial(sign_detached, CONTENT, by=by), floor)
            session.close()
    yield Row(
        name="CAdES B-B of 1 kB, P-256 in a token / raw token signature",
        ours=mine, floor=least, goal=2.0,
    )  # fmt: skip


def pin(_: PinRequest, /) -> Secret:
    return Secret(PIN)


def batch() -> Iterator[Row]:
    """Processor time alone: how fast each document is synced says more about the disk."""
    signer = party(PARTIES["P-256"])
    by, one = signer.cms(), raw(signer)
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / f"{number}" for number in range(MANY)]
        for number, source in enumerate(sources):
            source.write_bytes(number.to_bytes(4, "big") + CONTENT)

        def ours() -> None:
            with tempfile.TemporaryDirectory() as place:
                jobs = [Job(source=each, target=Path(place) / each.name) for each in sources]
                results = sign_all(
                    jobs,
                    sign=lambda path: sign_detached(path.read_bytes(), by=by),
                    manifest=Path(place) / "manifest",
                )
                if any(each.code is not None for each in results):
                    raise RuntimeError("a document was not signed")

        def floor() -> None:
            for _ in sources:
                one()

        mine, least = interleave(ours, floor, rounds=3)
    yield Row(name=f"batch of {MANY:,} of 1 kB, P-256 / raw alone", ours=mine, floor=least)


def run() -> Iterator[Row]:
    yield from small()
    yield from pdf()
    yield from large()
    yield from token()
    yield from batch()


if __name__ == "__main__":
    grow()
