"""The CAdES samples of the EU DSS: what its own tests say of them, and where we say otherwise.

Each disagreement is a row here and a paragraph in docs/conformance.md.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eds.verify.findings import Outcome
from eds.verify.indications import Indication, SubIndication
from eds.verify.report import SignatureReport, ValidationReport
from eds.verify.trust import TrustStore
from eds.verify.validation import validate
from tests.material import DATA, needs_data

FOLDER = DATA / "dss-cades"
AT = datetime(2026, 11, 24, tzinfo=UTC)
NOBODY = TrustStore([], name="nobody")
INTACT = ("cms.message_digest", "cms.signature")

DISAGREE = {
    "cades-broken-sig-tst-and-ats-v3.cms": "DigestInfo without NULL (RFC 8017 §9.2)",
}


# The signer's certificate is in the Java test alone, as some contents are.
WITHOUT_CERTIFICATE = {"no-key-info-cert.pkcs7"}


def rows() -> list[dict[str, Any]]:
    path = FOLDER / "expected.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


def is_judged(row: dict[str, Any]) -> bool:
    """Evidence records, and what needs things that live in the Java test alone, are left out."""
    if Path(row["file"]).name in WITHOUT_CERTIFICATE:
        return False
    return not row["evidence_record"] and not (row["needs_detached"] and not row["detached"])


def report_on(row: dict[str, Any]) -> ValidationReport:
    path = FOLDER / row["file"]
    data = path.read_bytes()
    if not row["detached"]:
        return validate(data, trust=NOBODY, at=AT)
    name = row["detached"][0]
    places = (FOLDER / name, FOLDER / "files/validation" / name, path.parent / Path(name).name)
    content = next(place for place in places if place.exists())
    return validate(content.read_bytes(), signature=data, trust=NOBODY, at=AT)


def is_intact(report: SignatureReport) -> bool:
    kept = {one.code for one in report.findings if one.outcome is Outcome.KEPT}
    return kept.issuperset(INTACT)


@needs_data
@pytest.mark.parametrize("row", rows(), ids=lambda row: Path(row["file"]).name)
def test_sample_of_the_dss(row: dict[str, Any]) -> None:
    report = report_on(row)  # never raises, judged or not
    assert report.indication is not Indication.TOTAL_PASSED  # nobody is trusted
    if not is_judged(row) or row["signature_intact"] is None:
        return
    name = Path(row["file"]).name
    agrees = all(map(is_intact, report.signatures)) is row["signature_intact"]
    if not report.signatures:
        agrees = row["signature_intact"] is False
    assert agrees is (name not in DISAGREE)
    if "INDETERMINATE" in row["indication"]:
        assert report.indication is Indication.INDETERMINATE
    if "SIGNED_DATA_NOT_FOUND" in row["sub_indication"]:
        assert report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND
    stamps = [one for signature in report.signatures for one in signature.time_stamps]
    if row["flags"].get("timestamp.isAtsHashIndexValid") is False:
        archives = [one for one in stamps if one.kind == "archive"]
        assert all(one.indication is not Indication.TOTAL_PASSED for one in archives)


@needs_data
def test_agreement_is_within_the_bar() -> None:
    judged = [row for row in rows() if is_judged(row) and row["signature_intact"] is not None]
    disagree = [row for row in judged if Path(row["file"]).name in DISAGREE]
    assert len(disagree) <= len(judged) * 5 // 100


@needs_data
def test_messages_of_kazakhstan_are_intact() -> None:
    intact = 0
    for path in sorted((DATA / "kz/cms").glob("*.der")):
        report = validate(path.read_bytes(), trust=NOBODY, at=AT)
        intact += sum(map(is_intact, report.signatures))
    assert intact >= 1
