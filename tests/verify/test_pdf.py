"""PDF signatures: what may follow one, what may not, and what a document proves of itself."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from eds.sign.pdf import PdfStatement
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.findings import Outcome
from eds.verify.indications import Indication, SubIndication
from eds.verify.pdf_contents import end_of_value, read_byte_range
from eds.verify.policy import BASIC, Level
from eds.verify.report import SignatureFormat, SignatureReport
from tests import material
from tests.sign.house import NOON, desk, page, party, root
from tests.verify import pdf_house as house
from tests.verify.pdf_house import alone, judged, signed, stored, time_stamped

PASSED, FAILED, UNKNOWN = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED, Indication.INDETERMINATE
CONSTRAINTS = SubIndication.SIG_CONSTRAINTS_FAILURE
DATA = material.DATA

needs_pdfsig = pytest.mark.skipif(
    shutil.which("pdfsig") is None, reason="pdfsig (poppler-utils) is not installed"
)


@cache
def honest() -> dict[str, bytes]:
    return house.honest()


@cache
def manipulated() -> dict[str, bytes]:
    return house.manipulated()


def only(document: bytes, **changes: Any) -> SignatureReport:
    (report,) = judged(document, **changes).signatures
    return report


def broken(report: SignatureReport) -> set[str]:
    return {one.code for one in report.findings if one.sub_indication is not None}


# --- what may follow


def test_honest_documents_pass_and_say_what_followed() -> None:
    for kind, document in honest().items():
        report = judged(document)
        assert report.indication is PASSED, (kind, [broken(one) for one in report.signatures])
        for one in report.signatures:
            assert one.coverage is not None
            assert one.coverage.whole is not bool(one.coverage.changes), kind


def test_no_manipulated_document_passes() -> None:
    passed = [kind for kind, one in manipulated().items() if judged(one).indication is PASSED]
    assert passed == []


def test_the_first_signature_alone_does_not_pass_over_manipulated_content() -> None:
    """Whoever looks at one signature must not be misled by its report either."""
    for kind, document in manipulated().items():
        for one in judged(document).signatures[:1]:
            assert one.indication is not PASSED, kind


def test_changes_are_told_in_words() -> None:
    filled = honest()["note, form and signature"]
    author, second = judged(filled).signatures
    assert author.coverage is not None
    assert author.coverage.changes == (
        "an annotation (Text) was added to page 1",
        "the form field amount was filled in",
        "a signature was added in the field Signature1",
    )
    assert author.coverage.name == "Author"
    assert second.coverage is not None
    assert second.coverage.whole


def test_more_pages_are_a_failure_and_other_changes_only_undetermined() -> None:
    found = judged(manipulated()["saved: page added"])
    assert (found.indication, found.sub_indication) == (FAILED, SubIndication.FORMAT_FAILURE)
    found = judged(manipulated()["saved: text replaced"])
    assert (found.indication, found.sub_indication) == (UNKNOWN, CONSTRAINTS)


def test_a_locked_field_stays_empty() -> None:
    def lock(writer: Any) -> None:
        one = house.field_of(writer, "Author")
        one[house.name("Lock")] = house.dictionary(
            Type=house.name("SigFieldLock"),
            Action=house.name("Include"),
            Fields=generic.ArrayObject([generic.pdf_string("amount")]),
        )
        writer.mark_update(one.container_ref)

    def empty(writer: Any) -> None:
        from pyhanko.sign.fields import SigFieldSpec, append_signature_field

        append_signature_field(writer, SigFieldSpec("Author"))

    prepared = house.appended(house.appended(house.form(), empty), lock)
    locked = signed(prepared, statement=PdfStatement(field="Author"))
    assert judged(locked).indication is PASSED
    assert judged(house.filled(locked, field="place", value="Astana")).indication is PASSED
    assert broken(only(house.filled(locked))) == {"pdf.coverage"}


def test_a_visible_signature_added_later_counts_as_far_as_it_is_valid() -> None:
    from pyhanko.sign.fields import SigFieldSpec, append_signature_field

    def prepare(writer: Any) -> None:
        append_signature_field(writer, SigFieldSpec("Buyer", on_page=0, box=(300, 50, 500, 100)))

    prepared = house.appended(house.form(), prepare)
    first = signed(prepared, statement=PdfStatement(field="Author"))
    buyer = PdfStatement(field="Buyer")
    both = signed(first, by=party("rsa-pkcs1-sha256", "СЕРІКОВ ДАУРЕН"), statement=buyer)
    report = judged(both)
    assert report.indication is PASSED
    assert report.signatures[0].coverage is not None
    assert report.signatures[0].coverage.changes == (
        "a signature was added in the field Buyer, visible on a page",
    )
    # The buyer's signature does not hold: what it shows on the author's page is nobody's word.
    index = both.rindex(b"Adobe.PPKLite")
    spoilt = both[:index] + b"adobe" + both[index + 5 :]
    author, second = judged(spoilt).signatures
    assert second.indication is FAILED
    assert broken(author) == {"pdf.visible_signature"}


def test_a_visible_field_may_be_added_first_and_signed_then() -> None:
    from pyhanko.sign.fields import SigFieldSpec, append_signature_field

    def add(writer: Any) -> None:
        append_signature_field(writer, SigFieldSpec("Buyer", on_page=0, box=(300, 50, 500, 100)))

    first = signed(house.form(), statement=PdfStatement(field="Author"))
    added = house.appended(first, add)
    assert broken(only(added)) == {"pdf.coverage"}
    both = signed(added, by=house.rsa_signer(), statement=PdfStatement(field="Buyer"))
    report = judged(both)
    assert report.indication is PASSED, [broken(one) for one in report.signatures]


# --- levels and time


def test_levels_rise_with_what_the_document_brings() -> None:
    plain, stamped = signed(page()), signed(page(), stamper=desk())
    for document, level in (
        (plain, Level.B),
        (stamped, Level.T),
        (time_stamped(plain), Level.T),
        (stored(stamped), Level.LT),
        (time_stamped(stored(stamped)), Level.LTA),
        (time_stamped(stored(plain)), Level.LTA),
    ):
        assert only(document).level is level
    # The very document must hold what is needed.
    assert alone(stored(stamped)).indication is PASSED
    assert alone(stamped).sub_indication is SubIndication.TRY_LATER


def test_a_demanded_level_is_demanded_of_the_document() -> None:
    policy = replace(BASIC, name="court", required_level=Level.LT)
    stamped = signed(page(), stamper=desk())
    assert judged(stored(stamped), policy=policy).indication is PASSED
    assert broken(only(stamped, policy=policy)) == {"pdf.level"}


def test_a_document_time_stamp_proves_what_a_later_revocation_cannot_undo() -> None:
    signature = signed(page())
    kept = time_stamped(stored(signature))
    serial = party().certificate.serial_number
    later = NOON + timedelta(hours=6)
    revoked = Evidence(lists=(house.status(at=later, revoked=serial),))
    at = later + timedelta(hours=1)
    without = judged(signature, at=at, evidence=revoked)
    assert without.sub_indication is SubIndication.REVOKED_NO_POE
    report = judged(kept, at=at, evidence=revoked)
    assert report.indication is PASSED
    assert report.signatures[0].proven_time == NOON


def test_time_stamps_are_judged_in_their_order_and_cover_what_stands_before() -> None:
    renewed = honest()["LTA, renewed"]
    report = only(renewed)
    assert [one.kind for one in report.time_stamps] == ["signature", "document", "document"]
    assert {one.indication for one in report.time_stamps} == {PASSED}
    again = judged(honest()["signed again after LTA"])
    assert [len(one.time_stamps) for one in again.signatures] == [2, 0]


def test_a_document_with_a_time_stamp_alone_is_not_signed() -> None:
    report = judged(time_stamped(house.form()))
    assert (report.indication, report.sub_indication) == (
        UNKNOWN, SubIndication.SIGNED_DATA_NOT_FOUND,
    )  # fmt: skip


def test_the_claimed_time_is_the_one_in_the_dictionary() -> None:
    at = NOON - timedelta(minutes=90)
    report = only(signed(page(), at=at))
    assert report.claimed_time == at
    assert report.format is SignatureFormat.PADES
    assert report.proven_time == NOON


# --- what cannot be judged


def test_documents_without_a_signature_are_undetermined() -> None:
    for document in (page(), house.form()):
        report = judged(document)
        assert (report.indication, report.sub_indication) == (
            UNKNOWN, SubIndication.SIGNED_DATA_NOT_FOUND,
        )  # fmt: skip


def encrypted(user: str) -> bytes:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(house.form())))
    encrypt: Any = writer.encrypt
    encrypt(owner_pass="owner", user_pass=user)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def test_encrypted_documents_are_read_where_anyone_may() -> None:
    from eds.keys.contract import Secret
    from eds.sign.pdf import sign_pdf

    for user, sub in (("", None), ("secret", SubIndication.SIGNED_DATA_NOT_FOUND)):
        document = sign_pdf(
            encrypted(user), by=party().cms(), at=NOON, password=Secret(user.encode())
        )
        report = judged(document)
        assert report.sub_indication is sub
        assert [one.code for one in report.findings] == (["pdf.readable"] if sub else [])


def test_limits_are_kept_and_named() -> None:
    for changes in ({"pdf_octets": 1000}, {"pdf_objects": 3}, {"pdf_decoded_octets": 10}):
        policy = replace(BASIC, name="small", budget=replace(BASIC.budget, **changes))
        document = signed(house.form(stream=True))
        report = judged(document, policy=policy)
        assert report.indication is UNKNOWN
        assert [one.code for one in report.findings] == ["pdf.limits"], changes
    few = replace(BASIC, name="few", budget=replace(BASIC.budget, signature_checks=1))
    assert judged(honest()["two signatures"], policy=few).indication is UNKNOWN


def test_the_difference_analysis_does_not_walk_for_ever() -> None:
    """Each object names the next one twice: 2^60 ways lead to the last."""

    def maze(writer: Any) -> None:
        step = writer.add_object(generic.NumberObject(1))
        for _ in range(60):
            step = writer.add_object(generic.ArrayObject([step, step]))
        writer.root[house.name("PieceInfo")] = step
        writer.update_root()

    document = stored(signed(house.appended(house.form(), maze)))
    policy = replace(
        BASIC, name="small", budget=replace(BASIC.budget, pdf_objects=20_000, seconds=600)
    )
    assert broken(only(document, policy=policy)) == {"pdf.limits"}


def test_tables_have_no_more_entries_than_octets() -> None:
    """Where the data ends, entries are not made up: a number alone would cost seconds."""
    document = house.contract(stream=True)
    for old, new in (
        (rb"/Index \[ 0 \d+", b"/Index [ 0 90000000"),
        (rb"/W \[[^]]*\]", b"/W [ 0 0 0 ]"),
    ):
        place = document.index(b"/XRef")
        changed = document[:place] + re.sub(old, new, document[place:], count=1)
        assert changed != document
        report = judged(changed)
        assert (report.indication, report.sub_indication) == (FAILED, SubIndication.FORMAT_FAILURE)


# --- the octets


@given(st.lists(st.integers(-(2**70), 2**70), max_size=6), st.integers(0, 10_000))
def test_byte_ranges_are_two_around_one_gap_or_nothing(numbers: list[int], size: int) -> None:
    found = read_byte_range(numbers, size=size)
    if not isinstance(found, str):
        start, gap, resumed, length = numbers
        assert start == 0 < gap < resumed < resumed + length == found.end <= size


def test_the_end_of_a_value_is_found_in_ber_as_well() -> None:
    for value in (
        "30020500",
        "30800500308005000000300205000000",
        "30800000",
        "0400",
        "3081800400" + "00" * 126,
    ):
        octets = bytes.fromhex(value)
        assert end_of_value(octets + bytes(40)) == len(octets)


# --- old forms


def test_old_forms_are_recognised_and_judged() -> None:
    from tests.verify.pdf_old_forms import bare_value, sha1_inside, without_attributes

    for document in (bare_value(), sha1_inside(), without_attributes()):
        report = only(document)
        assert report.indication is UNKNOWN
        assert report.signer == house.rsa_signer().certificate
        assert report.format is SignatureFormat.PDF
        changed = only(document.replace(b"I owe you 10", b"I owe you 99"))
        assert changed.indication is FAILED


# --- peers


@needs_pdfsig
def test_pdfsig_finds_honest_documents_intact(tmp_path: Path) -> None:
    for kind in ("LTA", "form filled and signed", "signed again after LTA"):
        path = tmp_path / "one.pdf"
        path.write_bytes(honest()[kind])
        done = subprocess.run(
            ["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False
        )
        assert "Signature is Valid." in done.stdout
        assert "Digest Mismatch" not in done.stdout


def test_pyhanko_finds_honest_documents_intact() -> None:
    from asn1crypto import x509 as others

    trust = ValidationContext(
        trust_roots=[others.Certificate.load(root().certificate.encoded)], moment=NOON
    )
    for kind, document in honest().items():
        reader = PdfFileReader(io.BytesIO(document))
        for one in reader.embedded_regular_signatures:
            found = validate_pdf_signature(one, signer_validation_context=trust)
            assert found.intact, kind
            assert found.valid, kind


# --- documents of others


def others() -> list[Path]:
    found = [*(DATA / "dss-pades").rglob("*.pdf"), *(DATA / "pyhanko-pdf").rglob("*.pdf")]
    return sorted(found)


@pytest.mark.skipif(not others(), reason="no documents of other validators at hand")
def test_no_document_of_others_makes_it_raise_or_pass_without_trust() -> None:
    for path in others():
        report = judged(path.read_bytes(), evidence=NO_EVIDENCE)
        assert report.indication is not PASSED, path.name


@pytest.mark.skipif(not (DATA / "dss-pades").exists(), reason="no documents of DSS at hand")
def test_what_dss_says_of_its_documents_is_said_here_but_for_what_the_page_explains() -> None:
    """Whether signatures are intact; `docs/conformance.md` names each difference."""
    explained = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    rows = json.loads((DATA / "dss-pades" / "expected.json").read_text())
    known = [row for row in rows if row["signature_intact"] in (True, False)]
    differing = [row["file"] for row in known if not agrees(row)]
    assert [one for one in differing if Path(one).name not in explained] == []
    assert len(differing) <= 0.05 * len(known)


def agrees(row: dict[str, Any]) -> bool:
    report = judged((DATA / "dss-pades" / row["file"]).read_bytes(), evidence=NO_EVIDENCE)
    if row["indication"] and report.indication.value not in row["indication"]:
        return False
    if row["n_signatures"] == 0:  # it cannot be read there; here that is a verdict as well
        return report.indication is FAILED
    if row["n_signatures"] not in (None, len(report.signatures)):
        return False
    return all(map(is_intact, report.signatures)) is row["signature_intact"]


def is_intact(one: SignatureReport) -> bool:
    """Whether digest and signature value hold; without signed attributes they are one."""
    kept = {finding.code for finding in one.findings if finding.outcome is Outcome.KEPT}
    bare = "pdf.signed_attributes" in broken(one)
    return "cms.signature" in kept and ("cms.message_digest" in kept or bare)


# --- mutants


def test_what_was_appended_is_read_to_the_letter() -> None:
    for kind in ("form filled, allowed", "with a store and entries by signature"):
        document = honest()[kind]
        start = [one.end() for one in re.finditer(rb"%%EOF\r?\n?", document)][-2]
        loose = {
            at
            for pattern in house.LOOSE.values()
            for one in re.finditer(pattern, document[start:], re.DOTALL)
            for at in range(start + one.start(1), start + one.end(1))
        }
        for at in range(start, len(document)):
            if at in loose or at % 3:
                continue
            mutant = document[:at] + bytes([document[at] ^ 1]) + document[at + 1 :]
            report = judged(mutant)
            assert report.indication is not PASSED, (kind, mutant[at - 20 : at + 10])


def test_octets_of_the_signature_value_are_refused_as_a_verdict() -> None:
    document = honest()["with a signature time-stamp"]
    gap = re.search(rb"/ByteRange \[0 (\d+) ", document)
    assert gap
    begin = int(gap[1]) + 1
    first = judged(document).signatures[0].signer
    for at in range(begin, begin + 3000, 7):
        for digit in b"08F":
            report = judged(document[:at] + bytes([digit]) + document[at + 1 :])
            if report.indication is PASSED:
                assert report.signatures[0].signer == first


@settings(max_examples=60)
@given(st.data())
def test_mutants_are_judged_and_none_is_forged(data: st.DataObject) -> None:
    document = honest()[
        data.draw(st.sampled_from(["one signature", "LTA", "form filled, allowed"]))
    ]
    first = judged(document).signatures[0]
    at = data.draw(st.integers(0, len(document) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=30))
    how = data.draw(st.sampled_from(["change", "drop", "insert", "cut", "append"]))
    mutant = {
        "change": document[:at] + junk[:1] + document[at + 1 :],
        "drop": document[:at] + document[at + 1 :],
        "insert": document[:at] + junk + document[at:],
        "cut": document[:at],
        "append": document + junk,
    }[how]
    report = judged(mutant)
    if report.indication is PASSED and mutant != document:
        # What nobody signed may be otherwise, in place; who signed, and all that was, may not.
        # Cut back to an earlier revision, it is what it was then.
        assert how != "append"
        assert how != "cut" or mutant.rstrip().endswith(b"%%EOF")
        assert report.signatures[0].signer == first.signer
        assert at >= document.index(b"/Contents")
