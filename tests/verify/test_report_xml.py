"""The report in XML, read by the classes that pyHanko generated from ETSI's schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyhanko.generated.etsi.ts_11910202 import ValidationReport as PeerReport
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from eds.verify.indications import Indication
from eds.verify.report import ValidationReport
from eds.verify.report_xml import as_xml
from tests.verify.test_renderings import EMPTY, REPORT, SIGNATURE


def read(report: ValidationReport) -> Any:
    strict = ParserConfig(fail_on_unknown_properties=True, fail_on_unknown_attributes=True)
    return XmlParser(config=strict).from_bytes(as_xml(report), PeerReport)


def test_a_peer_reads_what_the_report_says() -> None:
    found = read(REPORT)
    one, _ = found.signature_validation_report
    status = one.signature_validation_status
    assert status.main_indication == "urn:etsi:019102:mainindication:total-failed"
    assert status.sub_indication == ("urn:etsi:019102:subindication:HASH_FAILURE",)
    assert one.validation_time_info.validation_time.to_datetime() == REPORT.at
    assert one.signature_attributes.signing_time[0].time.to_datetime() == SIGNATURE.claimed_time
    assert one.signer_information.signer.startswith("ӘЛИЕВА АЙГЕРІМ")
    (chain,) = [data.certificate_chain for data in status.associated_validation_report_data]
    objects = {
        f"#{item.id}": item.validation_object_representation.base64
        for item in found.signature_validation_objects.validation_object
    }
    assert objects[chain.trust_anchor.voreference[0]] == SIGNATURE.path[-1].encoded


@pytest.mark.parametrize("indication", list(Indication))
def test_a_document_without_signatures_has_a_report_too(indication: Indication) -> None:
    report = replace(EMPTY, indication=indication)
    (one,) = read(report).signature_validation_report
    assert one.signature_validation_status.main_indication.endswith(
        indication.value.lower().replace("_", "-")
    )


def test_findings_that_deviate_are_constraints_that_were_evaluated() -> None:
    one = read(REPORT).signature_validation_report[0]
    told = one.validation_constraints_evaluation_report.validation_constraint
    assert [each.validation_constraint_identifier for each in told] == [
        "urn:eds:finding:cms.message_digest"
    ] * 2
    assert told[0].validation_status.sub_indication == (
        "urn:etsi:019102:subindication:HASH_FAILURE",
    )
