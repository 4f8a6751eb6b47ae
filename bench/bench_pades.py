"""PAdES signatures validated: beside pyHanko's own validation of the same documents, and a digest.

pyHanko is measured as it ships: our reader of hexadecimal strings is taken out while it runs.
Both know the root and its list beforehand; ours answers with a whole report, status included.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from asn1crypto import crl as other_lists
from asn1crypto import x509 as others
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from bench.report import Row, interleave
from eds.algorithms import ECDSA_P256_SHA256
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.keys.contract import KeyPurpose, KeyRef
from eds.keys.signers import LocalSigner
from eds.sign.cms import CmsSigner
from eds.sign.pdf import sign_pdf
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate

_SHIPPED: Any = generic.read_hex_string_from_stream

from eds.verify import pdf_reader  # noqa: E402 - puts its own reader in that place

_OURS: Any = generic.read_hex_string_from_stream
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class House:
    """A root, one person under it, and the root's list."""

    def __init__(self) -> None:
        root, person = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        self.root = self._certify("Bench root", root, "Bench root", root, authority=True)
        self.person = self._certify("Person", person, "Bench root", root, authority=False)
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name("Bench root"))
            .last_update(NOON - DAY)
            .next_update(NOON + DAY)
            .sign(root, hashes.SHA256())
        )
        self.list = CertificateList(made.public_bytes(Encoding.DER))
        signer = LocalSigner(
            person,
            key=KeyRef(uri="file:bench", label="bench", purpose=KeyPurpose.SIGNATURE),
            public_key=self.person.public_key,
            algorithm=ECDSA_P256_SHA256,
        )
        self.signer = CmsSigner(signer, certificates=(self.person, self.root), at=NOON)
        self.trust = TrustStore([TrustAnchor(certificate=self.root)], name="bench")
        self.evidence = Evidence(lists=(self.list,))
        self.context = ValidationContext(
            trust_roots=[others.Certificate.load(self.root.encoded)],
            crls=[other_lists.CertificateList.load(self.list.encoded)],
            moment=NOON,
        )

    @staticmethod
    def _certify(
        subject: str, key: Any, issuer: str, signer: Any, *, authority: bool
    ) -> Certificate:
        usage = dict.fromkeys(
            (
                *("digital_signature", "key_encipherment", "data_encipherment", "key_agreement"),
                *("encipher_only", "decipher_only"),
            ),
            False,
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOON - 30 * DAY)
            .not_valid_after(NOON + 300 * DAY)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    content_commitment=not authority,
                    key_cert_sign=authority,
                    crl_sign=authority,
                    **usage,
                ),
                critical=True,
            )
            .sign(signer, hashes.SHA256())
        )
        return Certificate(made.public_bytes(Encoding.DER))

    def ours(self, document: bytes) -> None:
        report = validate(document, trust=self.trust, at=NOON, evidence=self.evidence)
        if report.indication is not Indication.TOTAL_PASSED:
            raise ValueError(report)

    def theirs(self, document: bytes) -> None:
        generic.read_hex_string_from_stream = _SHIPPED
        try:
            for one in PdfFileReader(io.BytesIO(document)).embedded_signatures:
                found = validate_pdf_signature(one, signer_validation_context=self.context)
                if not found.bottom_line:
                    raise ValueError(found)
        finally:
            generic.read_hex_string_from_stream = _OURS


def document(*, pages: int, octets: int) -> bytes:
    """Pages that come to that size, their content incompressible."""
    writer = PdfFileWriter(stream_xrefs=False)
    for _ in range(pages):
        drawn = b"BT (I owe you 10) Tj ET\n%" + os.urandom(octets // pages // 2).hex().encode()
        sheet = PageObject(
            contents=writer.add_object(generic.StreamObject(stream_data=drawn)),
            media_box=(0, 0, 595, 842),
        )
        sheet[pdf_name("/Resources")] = generic.DictionaryObject()
        writer.insert_page(sheet)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def run() -> list[Row]:
    return list(_rows())


def _rows() -> Iterator[Row]:
    house = House()
    if generic.read_hex_string_from_stream is not pdf_reader._read_hex_string:  # noqa: SLF001
        raise ValueError("the reader of hexadecimal strings is not ours")
    for name, made, goal in (
        ("1 page", document(pages=1, octets=500), 4.0),
        ("20 pages, 5 MB", document(pages=20, octets=5_250_000), 1.8),
    ):
        once = sign_pdf(made, by=house.signer, at=NOON)
        twice = sign_pdf(once, by=house.signer, at=NOON)
        ours, theirs = interleave(partial(house.ours, once), partial(house.theirs, once))
        yield Row(
            name=f"PAdES B, {name}: pyHanko's validation beside ours", ours=theirs, floor=ours,
            goal=goal, better="higher",
        )  # fmt: skip
        ours, theirs = interleave(
            partial(house.ours, twice), partial(house.theirs, twice), rounds=7
        )
        yield Row(
            name=f"PAdES B, {name}, two signatures, changes compared: the same",
            ours=theirs, floor=ours, better="higher",
        )  # fmt: skip
        if len(once) > 1_000_000:
            ours, digest = interleave(partial(house.ours, once), partial(hashlib.sha256, once))
            yield Row(name=f"PAdES B, {name}: ours beside SHA-256 of it", ours=ours, floor=digest)
