"""Time: what time-stamps prove, and which verdict an earlier proven time turns into another."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from eds import der
from eds.certificatelists import CertificateList
from eds.signeddata import SignedData
from eds.verify.indications import Indication, SubIndication
from eds.verify.policy import BASIC, Level
from eds.verify.report import SignatureReport, TimeStampReport
from tests.verify.cms_house import (
    ARCHIVE_V2,
    ARCHIVE_V3,
    CONTENT_TIME_STAMP,
    OWED,
    SIGNATURE_TIME_STAMP,
    House,
    Signer,
    archive_token,
    attribute,
    authority,
    broken,
    hash_index,
    leaf,
    message,
    signature_value,
    signed,
    stamping,
    token,
    tsa,
    with_more,
    with_unsigned,
)
from tests.verify.status_house import DAY, HOUR, NOON, certify, crl, entry, key

PASSED, INDETERMINATE = Indication.TOTAL_PASSED, Indication.INDETERMINATE
FAILED = Indication.TOTAL_FAILED
_TWO_PURPOSES = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING]
)
LATER = NOON + 150 * DAY  # the leaf and its authority of time-stamps end at 100 days
CERTIFICATES = [leaf().certificate.encoded, authority().encoded]
YEARS = 3000 * DAY


def long_tsa(name: str = "Long TSA") -> Signer:
    return stamping(name, not_after=NOON + YEARS)


def fresh(at: datetime, *entries: bytes, **more: Any) -> CertificateList:
    return crl(*entries, at=at - HOUR, until=at + DAY, **more)


def stamped(
    *, at: datetime = NOON, by: Signer | None = None, info: bytes | None = None, **more: Any
) -> bytes:
    """An honest message with a signature time-stamp."""
    info = info or leaf().info(OWED)
    made = token(by or tsa(), signature_value(info), at=at, **more)
    grown = with_unsigned(info, attribute(SIGNATURE_TIME_STAMP, made))
    return message(grown, content=OWED, certificates=CERTIFICATES)


def only(data: bytes, **house: Any) -> SignatureReport:
    (found,) = House(**house).validate(data).signatures
    return found


def verdict(report: SignatureReport) -> tuple[Indication, SubIndication | None]:
    return report.indication, report.sub_indication


def codes(report: TimeStampReport) -> list[str]:
    return [one.code for one in report.findings if one.sub_indication is not None]


# --- one time-stamp -------------------------------------------------------------------------------


def test_time_stamp_proves_its_time_and_makes_level_t() -> None:
    report = only(stamped(at=NOON - 2 * HOUR))
    assert verdict(report) == (PASSED, None)
    assert (report.level, report.proven_time) == (Level.T, NOON - 2 * HOUR)
    (found,) = report.time_stamps
    assert (found.kind, found.time, found.policy) == ("signature", NOON - 2 * HOUR, "1.2.3")
    assert found.authority == tsa().certificate


def test_required_level_is_a_demand_of_the_policy() -> None:
    wants = replace(BASIC, required_level=Level.T)
    assert only(stamped(), policy=wants).indication is PASSED
    report = only(signed(), policy=wants)
    assert verdict(report) == (INDETERMINATE, SubIndication.SIG_CONSTRAINTS_FAILURE)
    assert broken(report) == ["cms.level"]


@pytest.mark.parametrize(
    ("changes", "sub", "code"),
    [
        ({"imprint": bytes(32)}, SubIndication.HASH_FAILURE, "time_stamp.imprint"),
        (
            {"by": stamping("No purpose", more=[])},
            SubIndication.CHAIN_CONSTRAINTS_FAILURE,
            "path.extended_key_usage",
        ),
        (
            {
                "by": stamping("Two purposes", more=[(_TWO_PURPOSES, True)]),
            },
            SubIndication.CHAIN_CONSTRAINTS_FAILURE,
            "path.extended_key_usage",
        ),
        (
            {"by": Signer(tsa().certificate, key("Thief"))},
            SubIndication.SIG_CRYPTO_FAILURE,
            "cms.signature",
        ),
        ({"at": NOON + DAY}, SubIndication.TIMESTAMP_ORDER_FAILURE, "time_stamp.order"),
        (
            {"by": stamping("Foreign", issuer="Nobody")},
            SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
            "path.chain",
        ),
        (
            {"digest": "sha1"},
            SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
            "cms.algorithm_period",
        ),
    ],
    ids=["imprint", "purpose", "purposes", "key", "future", "chain", "weak"],
)
def test_time_stamp_that_is_not_believed_proves_nothing(
    changes: dict[str, Any], sub: SubIndication, code: str
) -> None:
    report = only(stamped(**changes))
    assert report.indication is PASSED  # the signature itself is as it was
    assert (report.level, report.proven_time) == (Level.B, NOON)
    (found,) = report.time_stamps
    assert found.sub_indication is sub
    assert code in codes(found)


def test_time_stamp_of_a_revoked_authority_proves_nothing() -> None:
    listed = fresh(NOON, entry(tsa().certificate, NOON - DAY))
    report = only(stamped(), evidence=[listed])
    assert (report.level, report.time_stamps[0].sub_indication) == (
        Level.B,
        SubIndication.REVOKED_NO_POE,
    )


def test_policy_of_the_authority_is_up_to_the_relying_party() -> None:
    wants = replace(BASIC, time_stamp_policies=frozenset({"1.2.4"}))
    report = only(stamped(), policy=wants)
    assert codes(report.time_stamps[0]) == ["time_stamp.policy"]
    assert only(stamped(policy="1.2.4"), policy=wants).level is Level.T


def test_token_with_two_signers_is_none() -> None:
    made = token(tsa(), b"x", at=NOON)
    parts = [part.encoded for part in der.decode(made).children()[1].only_child().children()]
    info = SignedData(made).signer_infos[0].encoded
    double = der.sequence(*parts[:-1], der.value(der.SET, info, info))
    both = der.sequence(der.object_identifier("1.2.840.113549.1.7.2"), der.explicit(0, double))
    value = leaf().info(OWED)
    grown = with_unsigned(value, attribute(SIGNATURE_TIME_STAMP, both))
    report = only(message(grown, content=OWED, certificates=CERTIFICATES))
    assert "time_stamp.form" in codes(report.time_stamps[0])


@pytest.mark.parametrize("junk", [der.null(), b"\x30\x00", der.octet_string(b"x" * 50)])
def test_unreadable_time_stamp_is_a_finding(junk: bytes) -> None:
    grown = with_unsigned(leaf().info(OWED), attribute(SIGNATURE_TIME_STAMP, junk))
    report = only(message(grown, content=OWED, certificates=CERTIFICATES))
    assert (report.indication, report.level) == (PASSED, Level.B)
    assert report.time_stamps[0].sub_indication is SubIndication.FORMAT_FAILURE


# --- what an earlier time changes -----------------------------------------------------------------


def test_expired_signer_passes_where_the_signature_is_proven_to_be_older() -> None:
    data = stamped(by=long_tsa(), at=NOON)
    status = [fresh(NOON), fresh(LATER)]
    assert verdict(only(signed(), at=LATER, evidence=status)) == (
        INDETERMINATE,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
    )
    report = only(data, at=LATER, evidence=status)
    assert verdict(report) == (PASSED, None), broken(report)
    assert report.proven_time == NOON


def test_proof_after_the_expiry_does_not_help() -> None:
    data = stamped(by=long_tsa(), at=NOON + 120 * DAY)
    report = only(data, at=LATER, evidence=[fresh(NOON), fresh(LATER)])
    assert verdict(report) == (INDETERMINATE, SubIndication.OUT_OF_BOUNDS_NO_POE)


def test_signature_proven_to_be_older_than_its_certificate_fails() -> None:
    young = Signer(certify("Young", not_before=NOON - HOUR), key("Young"))
    info = young.info(OWED)
    made = token(tsa(), signature_value(info), at=NOON - DAY)
    grown = with_unsigned(info, attribute(SIGNATURE_TIME_STAMP, made))
    data = message(grown, content=OWED, certificates=[young.certificate.encoded])
    assert verdict(only(data)) == (FAILED, SubIndication.NOT_YET_VALID)


@pytest.mark.parametrize(
    ("proven", "expected"),
    [
        (NOON - 2 * DAY, (PASSED, None)),
        (NOON - HOUR, (INDETERMINATE, SubIndication.REVOKED_NO_POE)),
    ],
    ids=["before", "after"],
)
def test_revocation_after_the_proven_time_does_not_matter(
    proven: datetime, expected: tuple[Indication, SubIndication | None]
) -> None:
    listed = fresh(NOON, entry(leaf().certificate, NOON - DAY))
    assert verdict(only(stamped(at=proven), evidence=[listed])) == expected


def test_signature_certainly_made_after_the_revocation_has_failed() -> None:
    stamp = token(tsa(), OWED, at=NOON - HOUR)
    info = leaf().info(OWED, more=[attribute(CONTENT_TIME_STAMP, stamp)])
    data = message(info, content=OWED, certificates=CERTIFICATES)
    listed = fresh(NOON, entry(leaf().certificate, NOON - DAY))
    report = only(data, evidence=[listed])
    assert verdict(report) == (FAILED, SubIndication.REVOKED)
    assert [one.kind for one in report.time_stamps] == ["content"]
    later = fresh(NOON, entry(leaf().certificate, NOON - timedelta(minutes=5)))
    assert verdict(only(data, evidence=[later])) == (INDETERMINATE, SubIndication.REVOKED_NO_POE)


def test_signature_certainly_made_after_the_expiry_has_failed() -> None:
    stamp = token(long_tsa(), OWED, at=NOON + 120 * DAY)
    info = leaf().info(OWED, more=[attribute(CONTENT_TIME_STAMP, stamp)])
    data = message(info, content=OWED, certificates=CERTIFICATES)
    report = only(data, at=LATER, evidence=[fresh(LATER)])
    assert verdict(report) == (FAILED, SubIndication.EXPIRED)


def test_content_stamped_after_the_signature_is_out_of_order() -> None:
    content = token(tsa(), OWED, at=NOON - HOUR)
    info = leaf().info(OWED, more=[attribute(CONTENT_TIME_STAMP, content)])
    report = only(stamped(at=NOON - 2 * HOUR, info=info))
    assert verdict(report) == (INDETERMINATE, SubIndication.TIMESTAMP_ORDER_FAILURE)


def test_weak_digest_counts_at_the_proven_time() -> None:
    ended = replace(
        BASIC, algorithms=replace(BASIC.algorithms, until={"sha256": (NOON - DAY).date()})
    )
    early = stamped(at=NOON - 3 * DAY, digest="sha512", by=tsa())
    report = only(signed(), policy=ended)
    assert report.sub_indication is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    # The token and every certificate are SHA-256 as well, and nothing proves those earlier.
    report = only(early, policy=ended)
    assert report.sub_indication is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    assert report.time_stamps[0].indication is INDETERMINATE


# --- archives -------------------------------------------------------------------------------------


def archived(
    *, first: datetime, archive: datetime, by: Signer, archive_by: Signer, version: int = 3,
    lists: tuple[bytes, ...] = (), spoil: dict[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """A message with its status, a signature time-stamp, and an archive time-stamp over all."""
    info = leaf().info(OWED)
    made = token(by, signature_value(info), at=first)
    info = with_unsigned(info, attribute(SIGNATURE_TIME_STAMP, made))
    index = hash_index(info, CERTIFICATES, lists, version=version, **(spoil or {}))
    over = archive_token(archive_by, info, OWED, index, at=archive, version=version)
    grown = with_more(info, attribute(ARCHIVE_V3, over))
    return message(grown, content=OWED, certificates=CERTIFICATES, lists=lists)


@pytest.mark.parametrize("version", [1, 3])
def test_archive_keeps_a_signature_whose_time_stamp_has_expired_too(version: int) -> None:
    status = fresh(NOON)
    data = archived(
        first=NOON - HOUR,
        archive=NOON + DAY,
        by=tsa(),
        archive_by=long_tsa(),
        version=version,
        lists=(status.encoded,),
    )
    report = only(data, at=LATER, evidence=[fresh(LATER)])
    assert verdict(report) == (PASSED, None), broken(report)
    assert (report.level, report.proven_time) == (Level.LTA, NOON - HOUR)
    assert [one.kind for one in report.time_stamps] == ["archive", "signature"]
    without = archived(
        first=NOON - HOUR, archive=NOON + DAY, by=tsa(), archive_by=stamping("Gone"),
        lists=(status.encoded,),
    )  # fmt: skip
    report = only(without, at=LATER, evidence=[fresh(LATER)])
    assert report.indication is INDETERMINATE


def test_status_that_came_with_the_document_makes_level_lt() -> None:
    info = leaf().info(OWED)
    made = token(tsa(), signature_value(info), at=NOON - HOUR)
    grown = with_unsigned(info, attribute(SIGNATURE_TIME_STAMP, made))
    data = message(grown, content=OWED, certificates=CERTIFICATES, lists=[fresh(NOON).encoded])
    report = only(data, evidence=[crl(issuer="Other")])
    assert (report.indication, report.level) == (PASSED, Level.LT)


def test_entry_of_the_index_without_its_object_spoils_the_archive() -> None:
    data = archived(
        first=NOON - HOUR, archive=NOON - HOUR / 2, by=tsa(), archive_by=tsa(),
        spoil={"extra": [bytes(32)]},
    )  # fmt: skip
    report = only(data)
    assert (report.indication, report.level) == (PASSED, Level.T)
    found = next(one for one in report.time_stamps if one.kind == "archive")
    assert found.sub_indication is SubIndication.SIG_CONSTRAINTS_FAILURE
    assert codes(found) == ["time_stamp.hash_index"]


def test_archive_over_another_content_is_another_archive() -> None:
    info = leaf().info(OWED)
    index = hash_index(info, CERTIFICATES)
    over = archive_token(tsa(), info, b"I owe you 1000", index, at=NOON - HOUR)
    grown = with_more(info, attribute(ARCHIVE_V3, over))
    report = only(message(grown, content=OWED, certificates=CERTIFICATES))
    assert codes(report.time_stamps[0]) == ["time_stamp.imprint"]
    assert report.proven_time == NOON


def test_revoked_authority_casts_doubt_on_what_was_not_archived_before() -> None:
    """The list about the leaf must have existed before its issuer was revoked."""
    middle = certify("Middle", ca=True, not_before=NOON - 200 * DAY, not_after=NOON + YEARS)
    who = Signer(certify("Below", issuer="Middle"), key("Below"))
    info = who.info(OWED)
    made = token(long_tsa(), signature_value(info), at=NOON - 10 * DAY)
    info = with_unsigned(info, attribute(SIGNATURE_TIME_STAMP, made))
    old = crl(issuer="Middle", at=NOON - 9 * DAY, until=NOON - 8 * DAY).encoded
    chain = [who.certificate.encoded, middle.encoded, authority().encoded]
    revoked = fresh(NOON, entry(middle, NOON - 5 * DAY))
    plain = message(info, content=OWED, certificates=chain, lists=[old])
    report = only(plain, evidence=[revoked])
    assert report.indication is INDETERMINATE
    assert report.sub_indication is SubIndication.NO_POE
    index = hash_index(info, chain, [old])
    over = archive_token(long_tsa(), info, OWED, index, at=NOON - 7 * DAY)
    grown = with_more(info, attribute(ARCHIVE_V3, over))
    kept = only(message(grown, content=OWED, certificates=chain, lists=[old]), evidence=[revoked])
    assert verdict(kept) == (PASSED, None), broken(kept)


def test_older_forms_are_named_and_never_relied_on() -> None:
    made = token(tsa(), b"whatever", at=NOON - DAY)
    grown = with_unsigned(leaf().info(OWED), attribute(ARCHIVE_V2, made))
    report = only(message(grown, content=OWED, certificates=CERTIFICATES))
    assert (report.indication, report.proven_time) == (PASSED, NOON)
    noted = [one for one in report.findings if one.code == "time_stamp.form_supported"]
    assert [one.facts["form"] for one in noted] == ["archive-time-stamp (2)"]


# --- the house itself -----------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_believes_the_tokens_of_these_tests(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(token(tsa(), OWED, at=NOON))
    (tmp_path / "owed").write_bytes(OWED)
    (tmp_path / "ca.pem").write_bytes(authority().native.public_bytes(Encoding.PEM))
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-token_in", "-in", "token", "-data", "owed", "-CAfile",
         "ca.pem", "-attime", str(int(NOON.timestamp()))],
        cwd=tmp_path, capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    assert b"Verification: OK" in done.stdout + done.stderr, done.stderr
