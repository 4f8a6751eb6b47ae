"""PDF signatures: judged by pdfsig (poppler) and by pyHanko's own validator."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys, x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from eds.errors import DocumentRefused, InvalidArgument, NaiveDatetime
from eds.keys.contract import Secret
from eds.sign.attributes import Commitment, Statement
from eds.sign.pdf import PdfStatement, Permission, screened, sign_pdf
from eds.verify.indications import SubIndication
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.sign.house import ALGORITHMS, NOON, PACKET, archival_page, desk, page, party, root

needs_pdfsig = pytest.mark.skipif(
    shutil.which("pdfsig") is None, reason="pdfsig (poppler-utils) is not installed"
)


def judged(document: bytes, *, password: bytes | None = None) -> list[Any]:
    """What pyHanko finds of each signature."""
    trust = ValidationContext(
        trust_roots=[x509.Certificate.load(root().certificate.encoded)], moment=NOON
    )
    reader = PdfFileReader(io.BytesIO(document))
    if password is not None:
        decrypt: Any = reader.decrypt
        decrypt(password)
    return [
        validate_pdf_signature(one, signer_validation_context=trust, ts_validation_context=trust)
        for one in reader.embedded_regular_signatures
    ]


def pdfsig(file: Path) -> str:
    done = subprocess.run(
        ["pdfsig", "-nocert", file],
        capture_output=True,
        check=False,
        env={"HOME": str(file.parent), "PATH": "/usr/bin:/bin"},
    )
    return done.stdout.decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyhanko_validates_a_signature_over_the_whole_file(algorithm: str) -> None:
    signed = sign_pdf(page(), by=party(algorithm).cms(), at=NOON)
    (status,) = judged(signed)
    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"
    assert status.signer_reported_dt == NOON
    broken = signed.replace(b"I owe you 10", b"I owe you 99")
    assert not judged(broken)[0].intact


@needs_pdfsig
def test_pdfsig_validates_several_signatures(tmp_path: Path) -> None:
    document = page()
    for number, algorithm in enumerate(("ecdsa-p256-sha256", "rsa-pkcs1-sha256")):
        document = sign_pdf(
            document,
            by=party(algorithm, f"Person {number}").cms(),
            at=NOON,
            statement=PdfStatement(reason="Келісемін", location="Астана"),
        )
    (tmp_path / "signed.pdf").write_bytes(document)
    said = pdfsig(tmp_path / "signed.pdf")
    assert said.count("Signature is Valid.") == 2
    assert re.findall(r"Type: (\S+)", said) == ["ETSI.CAdES.detached"] * 2
    assert "Total document signed" in said


def test_every_octet_that_was_there_stays() -> None:
    first = sign_pdf(page(), by=party().cms(), at=NOON)
    second = sign_pdf(first, by=party(name="second").cms(), at=NOON)
    assert second.startswith(first)
    assert [one.bottom_line for one in judged(second)] == [True, True]


def signed_by_pyhanko(document: bytes, *, name: str, field: str) -> bytes:
    person = party(name=name)
    secret = person.native.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    store: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    signer = SimpleSigner(
        signing_cert=x509.Certificate.load(person.certificate.encoded),
        signing_key=keys.PrivateKeyInfo.load(secret),
        cert_registry=store,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(document), strict=False)
    wanted = PdfSignatureMetadata(
        field_name=field, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    output = io.BytesIO()
    PdfSigner(wanted, signer).sign_pdf(writer, output=output)
    return output.getvalue()


@pytest.mark.parametrize("ours_first", [True, False])
def test_ours_and_a_signature_of_pyhanko_stand_in_one_document(ours_first: bool) -> None:
    def ours(document: bytes) -> bytes:
        return sign_pdf(document, by=party(name="ours").cms(), at=NOON)

    if ours_first:
        first = ours(page())
        second = signed_by_pyhanko(first, name="theirs", field="Theirs")
    else:
        first = signed_by_pyhanko(page(), name="theirs", field="Theirs")
        second = ours(first)
    assert second.startswith(first)
    assert [one.bottom_line for one in judged(second)] == [True, True]
    trust = TrustStore(
        [TrustAnchor(certificate=root().certificate)], name="test", environment=Environment.TEST
    )
    found = validate(second, trust=trust, at=NOON).signatures
    assert [one.sub_indication for one in found] == [SubIndication.TRY_LATER] * 2  # no status


@pytest.mark.skipif(shutil.which("pdfinfo") is None, reason="pdfinfo (poppler-utils) is missing")
def test_title_author_and_the_claim_of_an_archival_document_stay(tmp_path: Path) -> None:
    file = tmp_path / "signed.pdf"
    file.write_bytes(sign_pdf(archival_page(), by=party().cms(), at=NOON))
    done = subprocess.run(["pdfinfo", "-meta", file], capture_output=True, check=True)
    assert done.stdout.strip() == PACKET


def test_a_stamped_signature_has_a_proven_time() -> None:
    signed = sign_pdf(page(), by=party().cms(), at=NOON, stamper=desk())
    (status,) = judged(signed)
    assert status.bottom_line
    assert status.timestamp_validity.timestamp == NOON


def test_the_author_says_what_may_change() -> None:
    statement = PdfStatement(certify=Permission.FORM_FILLING)
    signed = sign_pdf(page(), by=party().cms(), at=NOON, statement=statement)
    assert judged(signed)[0].docmdp_ok
    reader = PdfFileReader(io.BytesIO(signed))
    assert reader.embedded_signatures[0].docmdp_level.value == 2
    with pytest.raises(DocumentRefused, match="first"):
        sign_pdf(signed, by=party().cms(), at=NOON, statement=statement)


def test_an_encrypted_document_is_signed_with_its_password_alone() -> None:
    writer: Any = copy_into_new_writer(PdfFileReader(io.BytesIO(page())))
    writer.encrypt(owner_pass="owner", user_pass="user")
    output = io.BytesIO()
    writer.write(output)
    document = output.getvalue()
    signed = sign_pdf(document, by=party().cms(), at=NOON, password=Secret("user"))
    assert judged(signed, password=b"user")[0].bottom_line
    for password in (None, Secret("wrong")):
        with pytest.raises(DocumentRefused):
            sign_pdf(document, by=party().cms(), at=NOON, password=password)


def test_what_the_signer_means_goes_into_the_signature() -> None:
    means = Statement(commitment=Commitment.PROOF_OF_APPROVAL)
    signed = sign_pdf(page(), by=party().cms(), at=NOON, attributes=means)
    assert judged(signed)[0].bottom_line
    with pytest.raises(InvalidArgument):
        sign_pdf(page(), by=party().cms(), at=NOON, attributes=Statement(signing_time=NOON))
    with pytest.raises(NaiveDatetime):
        sign_pdf(page(), by=party().cms(), at=NOON.replace(tzinfo=None))
    with pytest.raises(InvalidArgument):
        PdfStatement(field="a.b")


@given(st.binary(max_size=64), st.integers(0, 700), st.integers(0, 64))
def test_a_damaged_document_is_signed_or_refused(noise: bytes, at: int, cut: int) -> None:
    whole = page()
    damaged = whole[:at] + noise + whole[at + cut :]
    try:
        signed = sign_pdf(damaged, by=party().cms(), at=NOON)
    except DocumentRefused:
        return
    assert signed.startswith(damaged)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"hello", b"%PDF-1.7\n" + b"[" * 100_000])
def test_what_is_no_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentRefused):
        sign_pdf(data, by=party().cms(), at=NOON)


@pytest.mark.parametrize(
    ("added", "count"),
    [
        (b"99 0 obj\n<<>>\nendobj\n", 1),
        (b"stream\n99 0 obj\nendstream\n", 0),
        (b"stream\r\n99 0 obj\nendstream\n98 0 obj\n", 1),
        (b"stream\n99 0 obj\n", 1),
        (b"stream\nendstream\nstream\n99 0 obj\nstream\n98 0 obj\n", 2),
    ],
)
def test_unlisted_objects_are_those_outside_streams_that_end(added: bytes, count: int) -> None:
    plain = page()
    found = screened(plain + added + plain[plain.rindex(b"startxref") :])
    assert sum(one.count for one in found if one.code == "unlisted_object") == count
