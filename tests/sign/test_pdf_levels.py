"""Raising PDF signatures: judged by our validator with the anchors alone, pyHanko and pdfsig."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.dss import DocumentSecurityStore

from eds.errors import DocumentRefused, LevelNotReached
from eds.sign.pdf import PdfStatement, Permission, sign_pdf
from eds.sign.pdf_levels import extend_pdf, renew_pdf
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.indications import Indication
from eds.verify.path import PathResult
from eds.verify.policy import Level
from eds.verify.trust import Environment, TrustStore
from tests.sign import test_pdf as pdf
from tests.sign.house import NOON, page, party
from tests.sign.test_levels import YEAR, judged, person, raising, stamping, status_lists

DAY = timedelta(days=1)


@cache
def signed_once() -> bytes:
    return sign_pdf(page(), by=person().cms(), at=NOON)


@pytest.mark.parametrize("level", [Level.T, Level.LT, Level.LTA])
@pytest.mark.parametrize("stamped", [False, True])
def test_a_signature_reaches_the_level_asked_for(level: Level, stamped: bool) -> None:
    by = raising()
    stamper = by.stamper if stamped else None
    before = sign_pdf(page(), by=person().cms(), at=NOON, stamper=stamper)
    raised = extend_pdf(before, to=level, by=by)
    assert raised.startswith(before)
    alone = NO_EVIDENCE if level is not Level.T else status_lists(NOON)
    report = judged(raised, at=NOON, evidence=alone)
    assert report.indication is Indication.TOTAL_PASSED
    assert report.signatures[0].level is level
    assert extend_pdf(raised, to=level, by=by) == raised  # nothing is missing


def test_an_archived_signature_outlives_every_certificate_but_the_root() -> None:
    first = extend_pdf(signed_once(), to=Level.LTA, by=raising())
    renewed = renew_pdf(first, by=raising(NOON + 2.5 * YEAR, until=8))
    again = renew_pdf(renewed, by=raising(NOON + 7.5 * YEAR, until=9))
    assert again.startswith(renewed)
    assert renewed.startswith(first)
    # By then the signer (1 year), their authority (2) and two stamping authorities are gone.
    report = judged(again, at=NOON + 8.5 * YEAR)
    assert report.indication is Indication.TOTAL_PASSED
    assert (report.signatures[0].level, report.signatures[0].proven_time) == (Level.LTA, NOON)
    plain = judged(signed_once(), at=NOON + 8.5 * YEAR, evidence=status_lists(NOON + 8.5 * YEAR))
    assert plain.indication is Indication.INDETERMINATE
    unrenewed = judged(first, at=NOON + 3.1 * YEAR)
    assert unrenewed.indication is Indication.INDETERMINATE


def test_every_signature_is_raised_and_its_evidence_told_apart() -> None:
    two = sign_pdf(signed_once(), by=party(name="second").cms(), at=NOON)
    raised = extend_pdf(two, to=Level.LTA, by=raising())
    report = judged(raised, at=NOON + DAY)
    assert [one.level for one in report.signatures] == [Level.LTA, Level.LTA]
    reader = PdfFileReader(io.BytesIO(raised))
    store = DocumentSecurityStore.read_dss(reader)
    certificates = {one.dump() for one in store.load_certs()}
    assert {person().certificate.encoded, stamping(3).certificate.encoded} <= certificates
    first, second = (
        DocumentSecurityStore.sig_content_identifier(one.pkcs7_content)
        for one in reader.embedded_regular_signatures
    )
    held = {
        name: {one.get_object().data for one in store.vri_entries[name]["/Cert"]}
        for name in (first, second)
    }
    assert person().certificate.encoded in held[first] - held[second]
    assert party(name="second").certificate.encoded in held[second] - held[first]


def test_a_document_whose_author_allows_nothing_is_raised_and_signed_by_nobody_else() -> None:
    statement = PdfStatement(certify=Permission.NOTHING)
    certified = sign_pdf(page(), by=person().cms(), at=NOON, statement=statement)
    raised = extend_pdf(certified, to=Level.LTA, by=raising())
    assert judged(raised, at=NOON + DAY).signatures[0].level is Level.LTA
    assert all(one.bottom_line for one in pdf.judged(raised))
    with pytest.raises(DocumentRefused, match="author"):
        sign_pdf(certified, by=party().cms(), at=NOON)


def test_one_more_signature_leaves_an_archived_one_whole() -> None:
    archived = extend_pdf(signed_once(), to=Level.LTA, by=raising())
    two = sign_pdf(archived, by=party(name="second").cms(), at=NOON)
    report = judged(two, at=NOON, evidence=status_lists(NOON))
    assert report.indication is Indication.TOTAL_PASSED
    assert [one.level for one in report.signatures] == [Level.LTA, Level.B]


def test_what_is_missing_is_asked_of_the_collector_for_proven_paths_alone() -> None:
    asked: list[PathResult] = []

    class Shelf:
        def collect(self, path: PathResult, *, at: object) -> Evidence:
            asked.append(path)
            return status_lists(NOON)

    by = replace(raising(evidence=NO_EVIDENCE), collector=Shelf())
    raised = extend_pdf(signed_once(), to=Level.LT, by=by)
    assert judged(raised, at=NOON).signatures[0].level is Level.LT
    assert {one.path[0] for one in asked} == {person().certificate, stamping(3).certificate}
    asked.clear()
    stranger = TrustStore([], name="nobody", environment=Environment.TEST)
    with pytest.raises(LevelNotReached):
        extend_pdf(signed_once(), to=Level.LT, by=replace(by, trust=stranger))
    assert asked == []


def test_a_level_that_is_not_reached_says_what_was_found() -> None:
    with pytest.raises(LevelNotReached) as caught:
        extend_pdf(signed_once(), to=Level.LT, by=raising(evidence=NO_EVIDENCE))
    assert (caught.value.level, caught.value.verdict[:13]) == ("LT", "INDETERMINATE")
    for nothing in (page(), b"%PDF-1.7"):
        with pytest.raises(LevelNotReached, match="no signature"):
            extend_pdf(nothing, to=Level.T, by=raising())
    broken = signed_once().replace(b"I owe you 10", b"I owe you 99")
    with pytest.raises(LevelNotReached, match="HASH_FAILURE"):
        extend_pdf(broken, to=Level.T, by=raising())


@pdf.needs_pdfsig
def test_pyhanko_and_pdfsig_agree(tmp_path: Path) -> None:
    raised = extend_pdf(signed_once(), to=Level.LTA, by=raising())
    assert [one.bottom_line for one in pdf.judged(raised)] == [True]
    reader = PdfFileReader(io.BytesIO(raised))
    assert len(reader.embedded_timestamp_signatures) == 2
    (tmp_path / "raised.pdf").write_bytes(raised)
    # Poppler verifies no time-stamps over documents.
    assert pdf.pdfsig(tmp_path / "raised.pdf").count("Signature is Valid.") == 1
