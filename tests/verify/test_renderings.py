"""One report, told as JSON, text and HTML."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds.certificates import Certificate
from eds.errors import InvalidArgument, Sentence
from eds.verify.findings import Rule
from eds.verify.indications import Indication, SubIndication
from eds.verify.policy import Level
from eds.verify.report import (
    Coverage,
    SignatureFormat,
    SignatureReport,
    TimeStampReport,
    ValidationReport,
)
from eds.verify.report_html import as_html, escape
from eds.verify.report_json import as_json
from eds.verify.report_text import as_text
from eds.verify.wording import MEANING, SUB_MEANING
from tests.keys.certify import certify

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
HOSTILE = "</title><script>alert(1)</script>\"'&\x1b[2J\u202e"


def certificate(subject: str) -> Certificate:
    key = ec.derive_private_key(7, ec.SECP256R1())
    return certify(key.public_key(), issuer_key=key, subject=subject, issuer="Authority")


GOOD = Rule(code="cms.message_digest", clause="RFC 5652 §11.2", says="The digest is the content's.")
STAMP = TimeStampReport(
    kind="signature",
    time=NOON,
    indication=Indication.TOTAL_PASSED,
    sub_indication=None,
    findings=(GOOD.kept(),),
    authority=certificate("Time-stamping authority"),
    policy="1.2.3",
)
SIGNATURE = SignatureReport(
    format=SignatureFormat.PADES,
    indication=Indication.TOTAL_FAILED,
    sub_indication=SubIndication.HASH_FAILURE,
    findings=(
        GOOD.broken(SubIndication.HASH_FAILURE, expected=b"\1", found=b"\2", at=NOON),
        GOOD.noted(tolerances=("negative-serial", HOSTILE), count=2),
    ),
    signer=certificate(f"ӘЛИЕВА АЙГЕРІМ {HOSTILE[8:33]}"),
    path=(certificate("ӘЛИЕВА АЙГЕРІМ"), certificate("Authority")),
    level=Level.LTA,
    claimed_time=NOON,
    proven_time=NOON,
    algorithm="ecdsa-p256-sha256",
    digest_algorithm="sha256",
    content_type="1.2.840.113549.1.7.1",
    coverage=Coverage(
        whole=False,
        changes=(Sentence("the form field {field} was filled in", field=HOSTILE),),
        name=HOSTILE,
    ),
    time_stamps=(STAMP,),
)
REPORT = ValidationReport(
    at=NOON,
    policy="basic",
    trust="test",
    indication=Indication.TOTAL_FAILED,
    sub_indication=SubIndication.HASH_FAILURE,
    signatures=(replace(SIGNATURE, counter_signatures=(SIGNATURE,)), SIGNATURE),
    content_digest=bytes(32),
)
EMPTY = ValidationReport(
    at=NOON,
    policy="basic",
    trust="test",
    indication=Indication.INDETERMINATE,
    sub_indication=SubIndication.SIGNED_DATA_NOT_FOUND,
)


@pytest.mark.parametrize("report", [REPORT, EMPTY])
def test_json_is_what_the_schema_says(report: ValidationReport) -> None:
    told = json.loads(json.dumps(as_json(report)))
    checker = jsonschema.Draft202012Validator(SCHEMA)
    assert [error.message for error in checker.iter_errors(told)] == []
    assert told["indication"] == report.indication.value
    broken = {**told, "indication": "VALID"}
    assert [error.path[0] for error in checker.iter_errors(broken)] == ["indication"]


def test_json_has_the_facts_compared() -> None:
    finding = as_json(REPORT)["signatures"][0]["findings"][0]
    assert finding["facts"] == {"expected": "01", "found": "02", "at": "2026-11-24T12:00:00Z"}
    assert finding["sub_indication"] == "HASH_FAILURE"


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_html_lets_no_foreign_text_become_markup() -> None:
    page = Page()
    page.feed(as_html(REPORT, document=HOSTILE))
    assert "script" not in page.tags
    assert {name for name, _ in page.attributes} & {"src", "href", "onload", "onclick"} == set()
    assert page.tags.count("title") == 1
    assert any("<script>alert(1)</script>" in word for word in page.words)  # as plain text
    assert not any("\u202e" in word for word in page.words)  # it would turn the line around
    assert any("ӘЛИЕВА АЙГЕРІМ" in word for word in page.words)


def test_text_names_every_finding_that_is_not_plain() -> None:
    told = "\n".join(as_text(REPORT))
    assert "x cms.message_digest / HASH_FAILURE: The digest is the content's." in told
    assert "! cms.message_digest" in told
    assert "+ cms.message_digest" not in told
    assert told.startswith("TOTAL_FAILED / HASH_FAILURE\n")


def test_every_verdict_has_its_words() -> None:
    assert set(MEANING) == set(Indication)
    assert set(SUB_MEANING) == set(SubIndication)


def test_people_read_their_language() -> None:
    told = "\n".join(as_text(REPORT, language="kk"))
    assert "Бұл қол қойылған құжат емес." in told
    page = as_html(REPORT, language="ru_RU.UTF-8")
    assert '<html lang="ru">' in page
    assert "<dt>Подписал</dt>" in page
    assert f"заполнено поле {escape(HOSTILE)}" in page
    with pytest.raises(InvalidArgument):
        as_html(REPORT, language="de")
