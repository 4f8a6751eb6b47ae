"""Chips of travel documents: each check counts, and none passes for another."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.enroll.evidence.chipfiles import read_security_object
from eds.enroll.evidence.chips import Check, ChipRead, ChipReport, Outcome, authenticate_chip
from eds.enroll.evidence.cscas import CscaAnchor, CscaStore
from eds.errors import EdsError, InvalidArgument, MalformedChipData, NaiveDatetime
from tests.enroll.passport_house import (
    AT,
    ISSUED,
    Office,
    answer_iso_9796_2,
    chip_rsa_key,
    der,
    group_1,
    office,
    security_object,
    spki,
    usual_office,
    wrap,
    zone,
)
from tests.material import DATA, needs_data

BSI = DATA / "eid" / "emrtd" / "bsi-tr03105-5"
MOCK = DATA / "eid" / "emrtd" / "mock-csca"
ZK = DATA / "eid" / "emrtd" / "zkpassport"
CHALLENGE = bytes.fromhex("f173589974bf40c6")
EMPTY = CscaStore([])


@pytest.fixture
def house() -> Office:
    return usual_office()


@cache
def usual_chip() -> ChipRead:
    return usual_office().chip()


def judge(chip: ChipRead, house: Office, **more: object) -> ChipReport:
    more.setdefault("issued_on", ISSUED)
    return authenticate_chip(chip, cscas=house.store, at=AT, **more)  # type: ignore[arg-type]


def failed(report: ChipReport) -> set[Check]:
    return {one.check for one in report.findings if one.outcome is Outcome.FAILED}


def changed(chip: ChipRead, number: int, octets: bytes) -> ChipRead:
    return replace(chip, data_groups={**chip.data_groups, number: octets})


def test_a_genuine_chip_passes_and_says_what_was_not_checked(house: Office) -> None:
    report = judge(house.chip(), house)
    assert report.outcome is Outcome.PASSED
    assert report.is_genuine
    assert not report.is_not_cloned
    assert report.mrz is not None
    assert report.mrz.number == "L898902C3"
    assert report.outcome_of(Check.REVOCATION) is Outcome.INDETERMINATE
    assert report.outcome_of(Check.ACTIVE_AUTHENTICATION) is Outcome.INDETERMINATE


def test_a_security_object_of_version_1_passes(house: Office) -> None:
    chip = house.chip(lds_version=True)
    assert judge(chip, house).outcome is Outcome.PASSED
    assert read_security_object(chip.security_object).lds_version == "0108"


def test_ecdsa_with_null_parameters_is_accepted_and_named(house: Office) -> None:
    report = judge(house.chip(null=True), house)
    assert report.outcome is Outcome.PASSED
    assert report.departures == {"ecdsa-null-parameters"}


def test_a_changed_group_fails(house: Office) -> None:
    report = judge(changed(house.chip(), 2, wrap(b"\x75", b"another face")), house)
    assert failed(report) == {Check.DATA_GROUPS}
    assert report.outcome is Outcome.FAILED
    assert not report.is_genuine


def test_another_zone_than_the_signed_one_fails(house: Office) -> None:
    assert Check.DATA_GROUPS in failed(
        judge(changed(house.chip(), 1, group_1(zone(number="X1234567"))), house)
    )


def test_a_group_that_nobody_signed_fails(house: Office) -> None:
    report = judge(changed(house.chip(), 15, wrap(b"\x6f", b"\x30\x00")), house)
    assert Check.DATA_GROUPS in failed(report)


def test_a_signature_by_another_key_fails(house: Office) -> None:
    stranger = office()
    groups = {1: group_1(zone())}
    encoded = security_object(groups, der(house.signer), stranger.sign)
    report = judge(ChipRead(security_object=encoded, data_groups=groups), house)
    assert failed(report) == {Check.SIGNATURE}


def test_a_signer_of_an_authority_that_is_not_known_is_never_genuine(house: Office) -> None:
    report = judge(office().chip(), house)
    assert report.outcome is Outcome.INDETERMINATE
    assert not report.is_genuine


def test_a_signer_that_only_names_the_authority_fails(house: Office) -> None:
    forger = office()
    forged = replace(forger, authority=house.authority)
    store = CscaStore([replace(forged.anchor, certificate=Certificate(der(forger.authority)))])
    report = authenticate_chip(forger.chip(), cscas=store, at=AT, issued_on=ISSUED)
    assert failed(report) == {Check.ISSUER}


def test_no_state_issues_for_another(house: Office) -> None:
    report = judge(house.chip({1: group_1(zone("KAZ"))}), house)
    assert failed(report) == {Check.COUNTRY}
    mixed = office("DE", signer_country="FR")
    assert failed(judge(mixed.chip({1: group_1(zone("D"))}), mixed)) == {Check.COUNTRY}


def test_germany_is_one_letter_in_its_zone() -> None:
    germany = office("de")
    assert judge(germany.chip({1: group_1(zone("D"))}), germany).outcome is Outcome.PASSED


def test_a_key_that_may_not_sign_fails() -> None:
    wrong = office(signer_usage=False)
    assert failed(judge(wrong.chip(), wrong)) == {Check.KEY_USAGE}


def test_the_signer_is_judged_at_the_date_of_issue() -> None:
    brief = office(signer_until=datetime(2024, 9, 1, tzinfo=UTC))
    chip = brief.chip()
    assert judge(chip, brief).outcome is Outcome.PASSED
    assert failed(judge(chip, brief, issued_on=date(2025, 1, 1))) == {Check.VALIDITY}
    assert judge(chip, brief, issued_on=None).outcome is Outcome.INDETERMINATE
    dated = brief.chip(signing_time=datetime(2024, 5, 2, tzinfo=UTC))
    assert judge(dated, brief, issued_on=None).outcome is Outcome.PASSED


def test_an_expired_document_fails(house: Office) -> None:
    chip = house.chip({1: group_1(zone(expiry=date(2026, 10, 31)))})
    assert failed(judge(chip, house)) == {Check.ZONE}


def test_revocation_counts_where_a_list_is_at_hand(house: Office) -> None:
    chip = house.chip()
    clean = CertificateList(house.revocation_list(5))
    listed = CertificateList(house.revocation_list(house.signer.serial_number))
    foreign = CertificateList(office().revocation_list(house.signer.serial_number))
    delta = CertificateList(house.revocation_list(delta=True))
    assert judge(chip, house, lists=[clean]).outcome_of(Check.REVOCATION) is Outcome.PASSED
    assert failed(judge(chip, house, lists=[listed])) == {Check.REVOCATION}
    for useless in (foreign, delta):
        report = judge(chip, house, lists=[useless])
        assert report.outcome_of(Check.REVOCATION) is Outcome.INDETERMINATE


def active_rsa(house: Office, challenge: bytes, digest: str) -> ChipRead:
    key = chip_rsa_key()
    groups = {1: group_1(zone()), 15: wrap(b"\x6f", spki(key.public_key()))}
    return replace(house.chip(groups), response=answer_iso_9796_2(key, challenge, digest))


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_chip_that_answers_our_challenge_is_no_copy(house: Office, digest: str) -> None:
    chip = active_rsa(house, CHALLENGE, digest)
    assert judge(chip, house, challenge=CHALLENGE).is_not_cloned
    for challenge in (bytes(8), CHALLENGE[::-1]):
        report = judge(chip, house, challenge=challenge)
        assert failed(report) == {Check.ACTIVE_AUTHENTICATION}
        assert report.outcome is Outcome.FAILED
    assert not judge(chip, house).is_not_cloned


def test_a_challenge_of_another_length_is_the_callers_fault(house: Office) -> None:
    with pytest.raises(InvalidArgument):
        judge(active_rsa(house, CHALLENGE, "sha1"), house, challenge=b"short")


def test_the_bits_of_an_answer_all_count(house: Office) -> None:
    chip = active_rsa(house, CHALLENGE, "sha256")
    assert chip.response is not None
    for place in (0, 40, len(chip.response) - 1):
        bent = bytearray(chip.response)
        bent[place] ^= 1
        report = judge(replace(chip, response=bytes(bent)), house, challenge=CHALLENGE)
        assert failed(report) == {Check.ACTIVE_AUTHENTICATION}
    cut = replace(chip, response=chip.response[1:])
    assert failed(judge(cut, house, challenge=CHALLENGE)) == {Check.ACTIVE_AUTHENTICATION}


def ecdsa_info(oid: str) -> bytes:
    class Info(core.Sequence):  # type: ignore[misc]
        _fields = [  # noqa: RUF012
            ("protocol", core.ObjectIdentifier),
            ("version", core.Integer),
            ("algorithm", core.ObjectIdentifier),
        ]

    info = Info({"protocol": "2.23.136.1.1.5", "version": 1, "algorithm": oid}).dump()
    return wrap(b"\x6e", wrap(b"\x31", info))


def test_active_authentication_with_ecdsa_wants_its_digest(house: Office) -> None:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    r, s = decode_dss_signature(key.sign(CHALLENGE, ec.ECDSA(hashes.SHA256())))
    response = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    groups = {
        1: group_1(zone()),
        14: ecdsa_info("0.4.0.127.0.7.1.1.4.1.3"),
        15: wrap(b"\x6f", spki(key.public_key())),
    }
    chip = replace(house.chip(groups), response=response)
    assert judge(chip, house, challenge=CHALLENGE).is_not_cloned
    assert failed(judge(chip, house, challenge=bytes(8))) == {Check.ACTIVE_AUTHENTICATION}
    del groups[14]
    bare = replace(house.chip(groups), response=response)
    report = judge(bare, house, challenge=CHALLENGE)
    assert report.outcome_of(Check.ACTIVE_AUTHENTICATION) is Outcome.INDETERMINATE


def test_a_time_without_a_zone_is_refused(house: Office) -> None:
    with pytest.raises(NaiveDatetime):
        authenticate_chip(house.chip(), cscas=EMPTY, at=AT.replace(tzinfo=None))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_octets_raise_and_no_changed_octet_passes(data: st.DataObject) -> None:
    house = usual_office()
    chip = usual_chip()
    place = data.draw(st.integers(0, 10_000)) % len(chip.security_object)
    value = data.draw(st.integers(1, 255))
    bent = bytearray(chip.security_object)
    bent[place] ^= value
    report = judge(replace(chip, security_object=bytes(bent)), house)
    if report.outcome is Outcome.PASSED:  # only what nobody signs may differ: all parts verified
        again = read_security_object(bytes(bent))
        whole = read_security_object(chip.security_object)
        assert again.group_digests == whole.group_digests
        assert again.signer_info.signed_attributes_encoded == (
            whole.signer_info.signed_attributes_encoded
        )
    noise = data.draw(st.binary(max_size=200))
    wild = judge(ChipRead(security_object=noise, data_groups={1: noise, 14: noise}), house)
    assert wild.outcome is Outcome.FAILED


def test_an_authority_is_no_document_signer() -> None:
    wrong = office(signer_is_authority=True)
    assert failed(judge(wrong.chip(), wrong)) == {Check.KEY_USAGE}


def test_a_short_rsa_key_is_not_relied_on() -> None:
    weak = office(signer_key=chip_rsa_key())
    report = judge(weak.chip(algorithm="sha256_rsa"), weak)
    assert report.outcome_of(Check.SIGNATURE) is Outcome.PASSED
    assert report.outcome_of(Check.ALGORITHMS) is Outcome.INDETERMINATE
    assert report.outcome is Outcome.INDETERMINATE


def test_a_signed_zone_with_a_wrong_check_digit_fails(house: Office) -> None:
    text = zone()
    bent = text[:-1] + str((int(text[-1]) + 1) % 10)
    assert failed(judge(house.chip({1: group_1(bent)}), house)) == {Check.ZONE}


def test_a_document_is_not_issued_in_the_future(house: Office) -> None:
    report = judge(house.chip(), house, issued_on=date(2027, 1, 1))
    assert failed(report) == {Check.VALIDITY}


def test_signed_attributes_stand_once_and_name_the_content(house: Office) -> None:
    def another_type(_: list[Any], attributes: list[Any]) -> None:
        if attributes:
            attributes[0]["values"] = ["1.2.840.113549.1.7.1"]

    def twice(_: list[Any], attributes: list[Any]) -> None:
        attributes.extend(attributes[1:2])

    def without(_: list[Any], attributes: list[Any]) -> None:
        del attributes[1:]

    for edit in (another_type, twice, without):
        assert failed(judge(house.chip(edit=edit), house)) == {Check.SIGNED_DIGEST}


def test_content_and_signature_are_hashed_alike(house: Office) -> None:
    def sign(message: bytes) -> bytes:
        key = house.signer_key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(message, ec.ECDSA(hashes.SHA384()))

    groups = {1: group_1(zone())}
    encoded = security_object(groups, der(house.signer), sign, algorithm="sha384_ecdsa")
    report = judge(ChipRead(security_object=encoded, data_groups=groups), house)
    assert failed(report) == {Check.SIGNATURE}


def test_a_group_has_one_digest_of_the_right_size(house: Office) -> None:
    def twice(hashes_: list[Any], _: list[Any]) -> None:
        hashes_.extend(hashes_[:1])

    def short(hashes_: list[Any], _: list[Any]) -> None:
        for one in hashes_:
            one["value"] = one["value"][:20]

    for edit in (twice, short):
        assert failed(judge(house.chip(edit=edit), house)) == {Check.FORMAT}


def test_an_answer_opens_to_a_block_of_the_standard(house: Office) -> None:
    key = chip_rsa_key()
    groups = {1: group_1(zone()), 15: wrap(b"\x6f", spki(key.public_key()))}
    for header in (b"\x4a", b"\x6b"):
        response = answer_iso_9796_2(key, CHALLENGE, header=header)
        chip = replace(house.chip(groups), response=response)
        assert failed(judge(chip, house, challenge=CHALLENGE)) == {Check.ACTIVE_AUTHENTICATION}


# --- data of others -----------------------------------------------------------------------------


def bsi(name: str, *groups: int) -> ChipRead:
    return ChipRead(
        security_object=(BSI / f"{name}_sod.bin").read_bytes(),
        data_groups={n: (BSI / f"{name}_dg{n}.bin").read_bytes() for n in groups},
    )


def of_bsi(chip: ChipRead) -> ChipReport:
    return authenticate_chip(chip, cscas=EMPTY, at=datetime(2012, 6, 1, tzinfo=UTC))


@needs_data
def test_the_reference_passport_of_the_bsi_verifies_as_far_as_its_data_reach() -> None:
    report = of_bsi(bsi("set2", 1, 14, 15))
    for check in (Check.FORMAT, Check.SIGNED_DIGEST, Check.SIGNATURE, Check.DATA_GROUPS):
        assert report.outcome_of(check) is Outcome.PASSED
    assert report.outcome_of(Check.ISSUER) is Outcome.INDETERMINATE  # its CSCA is not published
    assert report.outcome is Outcome.INDETERMINATE
    assert of_bsi(bsi("set1", 1, 14)).outcome_of(Check.SIGNATURE) is Outcome.PASSED


@needs_data
def test_the_key_that_the_bsi_set_does_not_sign_is_refused() -> None:
    assert failed(of_bsi(bsi("set1", 1, 14, 15))) == {Check.DATA_GROUPS}


@needs_data
def test_the_altered_and_malformed_security_objects_of_the_bsi_fail() -> None:
    assert of_bsi(bsi("set3_iddata", 1, 14)).outcome is Outcome.FAILED
    found = sorted(BSI.glob("negative_sod_*.bin"))
    assert len(found) == 5
    for path in found:
        with pytest.raises(MalformedChipData):
            read_security_object(path.read_bytes())


@needs_data
def test_the_fixtures_that_name_no_signer_never_pass() -> None:
    for path in sorted(ZK.glob("*_sod_cms.der")):
        zone_path = Path(str(path).replace("_sod_cms.der", "_dg1.bin"))
        chip = ChipRead(
            security_object=wrap(b"\x77", path.read_bytes()),
            data_groups={1: zone_path.read_bytes()},
        )
        report = authenticate_chip(chip, cscas=EMPTY, at=AT)
        assert report.outcome_of(Check.SIGNATURE) is Outcome.INDETERMINATE
        assert report.outcome is not Outcome.PASSED


MOCKS = {
    "sha1_rsa_65537_4096": ("sha1", "sha1_rsa", set()),
    "sha256_rsa_65537_4096": ("sha256", "rsassa_pkcs1v15", set()),
    "sha512_rsa_65537_4096": ("sha512", "sha512_rsa", set()),
    "sha256_ecdsa_secp256r1": ("sha256", "sha256_ecdsa", {"explicit-curve-parameters"}),
    "sha256_ecdsa_brainpoolP256r1": ("sha256", "sha256_ecdsa", {"explicit-curve-parameters"}),
    "sha384_ecdsa_secp384r1": ("sha384", "sha384_ecdsa", {"explicit-curve-parameters"}),
    "sha384_ecdsa_brainpoolP384r1": ("sha384", "sha384_ecdsa", {"explicit-curve-parameters"}),
}


def mock(name: str, digest: str, algorithm: str) -> tuple[ChipRead, CscaStore]:
    """A chip whose signature OpenSSL made, under the mock authority of that family."""
    folder = MOCK / name

    def sign(message: bytes) -> bytes:
        command = ["openssl", "dgst", f"-{digest}", "-sign", str(folder / "mock_dsc.key")]
        return subprocess.run(command, input=message, capture_output=True, check=True).stdout

    signer = Certificate.load((folder / "mock_dsc.pem").read_bytes())
    authority = Certificate.load((folder / "mock_csca.pem").read_bytes())
    groups = {1: group_1(zone("FRA"))}
    encoded = security_object(groups, signer.encoded, sign, digest=digest, algorithm=algorithm)
    return (
        ChipRead(security_object=encoded, data_groups=groups),
        CscaStore([CscaAnchor.of(authority, provenance="mock")]),
    )


@needs_data
@pytest.mark.parametrize("name", list(MOCKS))
def test_signatures_that_openssl_made_verify_in_every_family(name: str) -> None:
    digest, algorithm, departures = MOCKS[name]
    chip, store = mock(name, digest, algorithm)
    report = authenticate_chip(chip, cscas=store, at=AT)
    if digest == "sha1":
        assert report.outcome_of(Check.ALGORITHMS) is Outcome.INDETERMINATE
        assert report.outcome is Outcome.INDETERMINATE
        anchor = next(iter(store))
        fingerprint = anchor.certificate.fingerprint
        late = store.accepting_sha1(fingerprint, until=datetime(2026, 1, 1, tzinfo=UTC))
        early = store.accepting_sha1(fingerprint, until=datetime(2025, 1, 1, tzinfo=UTC))
        assert authenticate_chip(chip, cscas=early, at=AT).outcome is Outcome.INDETERMINATE
        report = authenticate_chip(chip, cscas=late, at=AT)
        assert "sha1-by-decision" in report.departures
        departures = {"sha1-by-decision"}
    assert report.outcome is Outcome.PASSED
    assert report.departures - {"missing-null"} >= departures
    bent = replace(chip, data_groups={1: group_1(zone("FRA", number="Z1"))})
    assert authenticate_chip(bent, cscas=store, at=AT).outcome is Outcome.FAILED


@given(octets=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_octets_read_as_a_security_object_or_raise_a_typed_error(octets: bytes) -> None:
    with pytest.raises(EdsError):
        read_security_object(wrap(b"\x77", octets))


def test_a_report_shows_nothing_of_the_person(house: Office) -> None:
    chip = house.chip()
    shown = repr(chip) + repr(judge(chip, house))
    for secret in ("ERIKSSON", "L898902C3", "740812"):
        assert secret not in shown
