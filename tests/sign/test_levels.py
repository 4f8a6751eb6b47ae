"""Raising CMS signatures, and what is left of them when certificates have long expired."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from eds.algorithms import ECDSA_P256_SHA256, SHA512
from eds.certificatelists import CertificateList
from eds.errors import ContentMismatch, LevelNotReached
from eds.sign.cms import cosign, sign_attached, sign_detached
from eds.sign.levels import Raising, extend, renew
from eds.signeddata import SignedData
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.indications import Indication, SubIndication
from eds.verify.path import PathResult
from eds.verify.policy import BASIC, Level
from eds.verify.report import ValidationReport
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.sign.house import ALGORITHMS, NOON, Desk, Party, certify, party, root

CONTENT = b"I owe you 10"
YEAR = timedelta(days=365)


@cache
def authority() -> Party:
    """An authority between root and people, which ends before the root does."""
    key, ca = ec.generate_private_key(ec.SECP256R1()), root()
    certificate = certify(
        "Test issuing authority",
        key.public_key(),
        issuer=(ca.certificate.native.subject, ca.native),
        is_authority=True,
        not_after=NOON + 2 * YEAR,
    )
    return Party(native=key, certificate=certificate, issuers=(), algorithm=ECDSA_P256_SHA256)


@cache
def person() -> Party:
    key, ca = ec.generate_private_key(ec.SECP256R1()), authority()
    certificate = certify(
        "ӘЛИЕВА АЙГЕРІМ",
        key.public_key(),
        issuer=(ca.certificate.native.subject, ca.native),
        not_after=NOON + YEAR,
    )
    return Party(
        native=key,
        certificate=certificate,
        issuers=(ca.certificate,),
        algorithm=ECDSA_P256_SHA256,
    )


@cache
def stamping(until: int) -> Party:
    """A time-stamping authority under the root, for some years."""
    key, ca = ec.generate_private_key(ec.SECP256R1()), root()
    certificate = certify(
        f"Test time-stamping authority until {until}",
        key.public_key(),
        issuer=(ca.certificate.native.subject, ca.native),
        usage="digital_signature",
        not_after=NOON + until * YEAR,
        extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),),
    )
    return Party(
        native=key,
        certificate=certificate,
        issuers=(ca.certificate,),
        algorithm=ECDSA_P256_SHA256,
    )


def status_lists(at: datetime) -> Evidence:
    """Fresh lists of both authorities, with nobody on them."""
    found = []
    for ca in (root(), authority()):
        if not ca.certificate.in_validity_period(at=at):
            continue
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(ca.certificate.native.subject)
            .last_update(at)
            # A root's lists live long, those of an authority that issues to people do not.
            .next_update(at + (1.5 * YEAR if ca is root() else timedelta(days=2)))
            .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
            .sign(ca.native, hashes.SHA256())
        )
        found.append(CertificateList(made.public_bytes(Encoding.DER)))
    return Evidence(lists=tuple(found))


TRUST = TrustStore(
    [TrustAnchor(certificate=root().certificate)], name="test", environment=Environment.TEST
)


def raising(at: datetime = NOON, *, until: int = 3, evidence: Evidence | None = None) -> Raising:
    return Raising(
        trust=TRUST,
        policy=BASIC,
        at=at,
        stamper=Desk(party=stamping(until), at=at),
        evidence=status_lists(at) if evidence is None else evidence,
    )


def judged(
    signed: bytes, *, at: datetime, evidence: Evidence = NO_EVIDENCE, document: bytes | None = None
) -> ValidationReport:
    return validate(
        signed if document is None else document,
        signature=None if document is None else signed,
        trust=TRUST,
        policy=BASIC,
        at=at,
        evidence=evidence,
    )


def signed_once() -> SignedData:
    return SignedData(sign_attached(CONTENT, by=person().cms()))


@pytest.mark.parametrize("level", [Level.T, Level.LT, Level.LTA])
def test_a_signature_reaches_the_level_asked_for(level: Level) -> None:
    before = signed_once()
    raised = extend(before, to=level, by=raising())
    report = judged(raised, at=NOON, evidence=status_lists(NOON))
    assert report.indication is Indication.TOTAL_PASSED
    assert report.signatures[0].level is level
    after = SignedData(raised).signer_infos[0]
    assert after.before_unsigned_attributes == before.signer_infos[0].before_unsigned_attributes
    assert set(before.certificates) <= set(SignedData(raised).certificates)
    assert extend(SignedData(raised), to=level, by=raising()) == raised  # nothing is missing


@settings(max_examples=40)
@given(
    piece=st.binary(max_size=300),
    times=st.sampled_from([1, 1, 7, 3500, 35_000]),
    algorithm=st.sampled_from(sorted(ALGORITHMS)),
    level=st.sampled_from([Level.B, Level.T, Level.LT, Level.LTA]),
    is_detached=st.booleans(),
    where=st.integers(min_value=0),
)
def test_any_content_passes_as_it_was_signed_and_fails_after_any_change(
    piece: bytes, times: int, algorithm: str, level: Level, is_detached: bool, where: int
) -> None:
    content = piece * times  # up to 10 MB
    document = content if is_detached else None
    sign = sign_detached if is_detached else sign_attached
    signed = sign(content, by=party(algorithm).cms())
    if level is not Level.B:
        signed = extend(SignedData(signed), to=level, by=raising(), document=document)
    lists = status_lists(NOON)
    report = judged(signed, at=NOON, evidence=lists, document=document)
    assert report.indication is Indication.TOTAL_PASSED
    assert report.signatures[0].level is level
    changed = bytearray(content or b"\0")
    changed[where % len(changed)] ^= 1
    if is_detached:
        report = judged(signed, at=NOON, evidence=lists, document=bytes(changed))
    elif len(piece) >= 16:  # a shorter one may stand elsewhere in the signature
        report = judged(signed.replace(content, bytes(changed), 1), at=NOON, evidence=lists)
    else:
        return
    assert report.indication is Indication.TOTAL_FAILED
    assert report.sub_indication is SubIndication.HASH_FAILURE


def test_from_lt_on_nothing_is_needed_but_the_anchors() -> None:
    raised = extend(signed_once(), to=Level.LT, by=raising())
    alone = judged(raised, at=NOON + timedelta(days=1))
    assert (alone.indication, alone.signatures[0].level) == (Indication.TOTAL_PASSED, Level.LT)
    stamped = extend(signed_once(), to=Level.T, by=raising())
    assert judged(stamped, at=NOON).indication is Indication.INDETERMINATE


@pytest.mark.parametrize("detached", [False, True])
def test_an_archived_signature_outlives_every_certificate_but_the_root(detached: bool) -> None:
    document = CONTENT if detached else None
    sign = sign_detached if detached else sign_attached
    first = extend(
        SignedData(sign(CONTENT, by=person().cms())), to=Level.LTA, by=raising(), document=document
    )
    renewed = renew(SignedData(first), by=raising(NOON + 2.5 * YEAR, until=8), document=document)
    again = renew(SignedData(renewed), by=raising(NOON + 7.5 * YEAR, until=9), document=document)
    # By then the signer (1 year), their authority (2) and two stamping authorities are gone.
    report = judged(again, at=NOON + 8.5 * YEAR, document=document)
    assert report.indication is Indication.TOTAL_PASSED
    (one,) = report.signatures
    assert (one.level, one.proven_time) == (Level.LTA, NOON)
    assert [stamp.kind for stamp in one.time_stamps].count("archive") == 3


def test_a_plain_signature_does_not_outlive_its_certificate() -> None:
    at = NOON + 8.5 * YEAR
    report = judged(signed_once().encoded, at=at, evidence=status_lists(at))
    assert report.indication is Indication.INDETERMINATE
    assert report.sub_indication in {
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NOT_REVOKED,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
    }


def test_an_archived_signature_that_is_not_renewed_dies_with_its_last_authority() -> None:
    first = extend(signed_once(), to=Level.LTA, by=raising())
    assert judged(first, at=NOON + 1.4 * YEAR).indication is Indication.TOTAL_PASSED
    late = judged(first, at=NOON + 3.1 * YEAR)
    assert late.indication is Indication.INDETERMINATE


def test_every_signer_is_raised_and_none_is_touched() -> None:
    two = SignedData(cosign(signed_once(), by=party(name="second").cms()))
    raised = SignedData(extend(two, to=Level.LTA, by=raising()))
    report = judged(raised.encoded, at=NOON + timedelta(days=1))
    assert report.indication is Indication.TOTAL_PASSED
    assert [one.level for one in report.signatures] == [Level.LTA, Level.LTA]
    assert {one.before_unsigned_attributes for one in raised.signer_infos} == {
        one.before_unsigned_attributes for one in two.signer_infos
    }


def test_a_cosigner_of_an_archived_document_leaves_its_archive_whole() -> None:
    archived = extend(signed_once(), to=Level.LTA, by=raising())
    two = cosign(SignedData(archived), by=party(name="second").cms())
    report = judged(two, at=NOON, evidence=status_lists(NOON))
    assert report.indication is Indication.TOTAL_PASSED
    assert sorted(one.level.value for one in report.signatures if one.level) == ["B", "LTA"]


def test_what_is_missing_is_asked_of_the_collector_for_proven_paths_alone() -> None:
    asked: list[PathResult] = []

    class Shelf:
        def collect(self, path: PathResult, *, at: datetime) -> Evidence:
            asked.append(path)
            return status_lists(at)

    by = replace(raising(evidence=NO_EVIDENCE), collector=Shelf())
    raised = extend(signed_once(), to=Level.LT, by=by)
    assert judged(raised, at=NOON).signatures[0].level is Level.LT
    assert {one.path[0] for one in asked} == {person().certificate, stamping(3).certificate}
    assert all(one.sub_indication is None and one.anchor is not None for one in asked)
    asked.clear()
    stranger = TrustStore([], name="nobody", environment=Environment.TEST)
    with pytest.raises(LevelNotReached):
        extend(signed_once(), to=Level.LT, by=replace(by, trust=stranger))
    assert asked == []


def test_a_level_that_is_not_reached_says_what_was_found() -> None:
    with pytest.raises(LevelNotReached) as caught:
        extend(signed_once(), to=Level.LT, by=raising(evidence=NO_EVIDENCE))
    assert caught.value.level == "LT"
    assert caught.value.verdict.startswith("INDETERMINATE")
    detached = SignedData(sign_detached(CONTENT, by=person().cms()))
    with pytest.raises(ContentMismatch):
        extend(detached, to=Level.T, by=raising())
    with pytest.raises(LevelNotReached, match="HASH_FAILURE"):
        extend(detached, to=Level.T, by=raising(), document=CONTENT + b"0")


def test_a_large_document_is_raised_from_its_file() -> None:
    file = io.BytesIO(CONTENT * 100_000)
    detached = SignedData(sign_detached(file, by=person().cms()))
    file.seek(0)
    by = replace(raising(), algorithm=SHA512)
    raised = extend(detached, to=Level.LTA, by=by, document=file)
    report = judged(raised, at=NOON, document=CONTENT * 100_000)
    assert report.signatures[0].level is Level.LTA


@pytest.mark.parametrize("place", ["content", "certificate", "list", "stamp"])
def test_an_archive_notices_every_change(place: str) -> None:
    archived = SignedData(extend(signed_once(), to=Level.LTA, by=raising()))
    target = {
        "content": CONTENT,
        "certificate": archived.certificates[0].signature,
        "list": archived.certificate_lists[0].signature,
        "stamp": archived.signer_infos[0].signature,
    }[place]
    at = archived.encoded.index(target) + len(target) - 1
    changed = bytearray(archived.encoded)
    changed[at] ^= 1
    report = judged(bytes(changed), at=NOON + YEAR / 2)
    (one,) = report.signatures
    archives = [stamp.indication for stamp in one.time_stamps if stamp.kind == "archive"]
    assert Indication.TOTAL_PASSED not in archives
    assert one.level is not Level.LTA
