"""What users of the peers complain about, and that it does not happen here.

One test for each of the twenty rows of docs/kazakhstan.md, named by the complaint.
"""

from __future__ import annotations

import base64
import socket
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from eds.algorithms import GOST_2015_512, STREEBOG512
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.country import country_of, holder_of
from eds.errors import DecodeError, EdsError, TrustStoreUnavailable
from eds.keys import open_keystore
from eds.keys.contract import KeyPurpose
from eds.keys.keyfile import SingleFileKeyStore
from eds.ocsp import OcspResponse, ResponseStatus
from eds.sign.batch import Job, sign_all
from eds.sign.cms import CmsSigner, cosign, sign_attached, sign_detached
from eds.sign.levels import Raising, extend
from eds.signeddata import SignedData
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.fetch_cache import EvidenceCache, Kept
from eds.verify.indications import Indication, SubIndication
from eds.verify.knowntrust import known_store
from eds.verify.path import PathResult
from eds.verify.policy import BASIC, Level
from eds.verify.report import ValidationReport
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.trustfolder import load_trust_store
from eds.verify.validation import validate
from tests.cli.conftest import Eds
from tests.country.house import (
    DAY,
    GOST_TSA,
    HOUR,
    KZ,
    NOON,
    POLICY,
    Hierarchy,
    Member,
    certify,
    fast,
    hierarchy,
    material,
    nca,
    nca_lists,
)  # fmt: skip
from tests.keys.harness import Pins
from tests.keys.test_pkcs12 import nca_password
from tests.material import needs_data
from tests.sign import house as others

CONTENT = "Мен сізге 10 теңге қарызбын".encode()


def judge(
    data: bytes, house: Hierarchy, *, at: datetime = NOON + HOUR, evidence: Evidence | None = None
) -> ValidationReport:
    given = house.evidence() if evidence is None else evidence
    return validate(data, trust=house.trust, policy=POLICY, at=at, evidence=given)


def raising(house: Hierarchy, *, evidence: Evidence | None = None) -> Raising:
    return Raising(
        trust=house.trust, policy=POLICY, at=NOON + HOUR, stamper=house.stamper,
        evidence=house.evidence() if evidence is None else evidence,
    )  # fmt: skip


def test_01_an_expired_signer_with_a_time_stamp_is_judged_at_the_proven_time() -> None:
    house = hierarchy(GOST_2015_512)
    signed = SignedData(sign_attached(CONTENT, by=house.person.cms()))
    lasting = extend(signed, to=Level.LTA, by=raising(house))
    later = house.person.certificate.not_after + 30 * DAY
    # Of the authority of the time-stamp somebody asks today; of the signer nobody needs to.
    stamper = house.stamper.member
    assert stamper.issuer is not None
    today = replace(
        house,
        responders=tuple(
            (one, certify("kz-ocsp-responder", one, not_before=later - DAY))
            for one, _ in house.responders
        ),
    )
    fresh = Evidence(
        ocsp_responses=tuple(today.answer(one, at=later) for one in (stamper, stamper.issuer))
    )
    report = judge(lasting, house, at=later, evidence=fresh)
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_PASSED, None)
    (signature,) = report.signatures
    assert signature.level is Level.LTA
    assert signature.proven_time == NOON
    assert house.stamper.asked[-1].algorithm == STREEBOG512
    assert signature.time_stamps[0].policy == GOST_TSA
    # Without the time-stamp nothing proves it.
    bare = judge(signed.encoded, house, at=later, evidence=house.evidence() + fresh)
    assert bare.indication is Indication.INDETERMINATE


@needs_data
def test_02_an_expired_certificate_in_a_cms_is_a_verdict() -> None:
    for path in sorted((KZ / "cms").glob("sdk2018*")):
        report = validate(path.read_bytes(), trust=nca("kz-production"), policy=POLICY, at=NOON)
        assert report.indication is Indication.INDETERMINATE
        assert report.sub_indication is not None


@needs_data
def test_03_an_unknown_issuer_is_said_and_nothing_is_said_of_revocation() -> None:
    report = validate(
        material("cms", "sdk2026-individual_attached.der"), trust=nca("kz-production"),
        policy=POLICY, at=datetime.fromisoformat("2026-08-20T00:00Z"),
        evidence=Evidence(lists=nca_lists()),
    )  # fmt: skip
    assert report.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    (signature,) = report.signatures
    assert not any(one.code.startswith("revocation") for one in signature.findings)


@needs_data
def test_04_the_test_authority_is_plugged_in_by_one_option(eds: Eds, tmp_path: Path) -> None:
    files = sorted((KZ / "ca").glob("test_*"))
    added = eds("trust", "add", "--known", "kz-test", "--trust", "t", "--yes", "--json", *files)
    assert added.status == 0
    assert (len(added.json["anchors"]), added.json["environment"]) == (3, "test")
    document = KZ / "cms" / "sdk2026-individual_attached.der"
    verified = eds("verify", "--policy", "kz", "--trust", "t", "--json", document)
    (told,) = verified.json
    assert len(told["report"]["signatures"][0]["path"]) == 3
    assert told["report"]["signatures"][0]["holder"]["surname"] == "ТЕСТОВ"


def test_05_a_malformed_ocsp_answer_is_never_good() -> None:
    house = fast()
    signed = sign_attached(CONTENT, by=house.person.cms())
    good = house.answer(house.person)
    with pytest.raises(DecodeError):
        OcspResponse(good.encoded[:-40])
    broken = OcspResponse(good.encoded.replace(good.signature, bytes(len(good.signature))))
    report = judge(signed, house, evidence=house.evidence(broken))
    assert report.indication is Indication.INDETERMINATE
    assert judge(signed, house).indication is Indication.TOTAL_PASSED


def test_06_an_answer_of_try_later_is_no_verdict() -> None:
    house = fast()
    later = OcspResponse(bytes.fromhex("30030a0103"))
    assert later.status is ResponseStatus.TRY_LATER
    report = judge(
        sign_attached(CONTENT, by=house.person.cms()), house, evidence=house.evidence(later)
    )
    assert report.indication is Indication.INDETERMINATE
    assert report.sub_indication is SubIndication.TRY_LATER


@needs_data
def test_07_signing_needs_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)  # and no network
    path = KZ / "p12" / "sdk-2026" / "valid" / "head.p12"
    store, pin = SingleFileKeyStore(path), Pins(current=nca_password(path))
    (key,) = store.keys()
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        certificate = holder_certificate(path)
        by = CmsSigner(signer, certificates=[certificate], at=NOON)
        assert SignedData(sign_attached(CONTENT, by=by)).content == CONTENT


def holder_certificate(path: Path) -> Certificate:
    from eds.keys import pkcs12
    from eds.keys.contract import Secret
    from eds.keys.reading import Reading

    secret = Secret(nca_password(path))
    found = pkcs12.read(path.read_bytes(), secret, Reading(file=path.name))
    return found.certificates[0].certificate


@needs_data
def test_08_a_list_counts_from_wherever_it_was_brought() -> None:
    """Its address is in no place where it could be wrong: the issuer's signature decides."""
    newest = max(nca_lists(), key=lambda one: one.this_update)
    issuer = next(one for one in nca("kz-test").certificates if one.subject == newest.issuer)
    trust = TrustStore(
        [TrustAnchor(certificate=issuer)], name="issuer", environment=Environment.TEST
    )
    report = validate(
        material("cms", "sdk2026-individual_attached.der"), trust=trust, policy=POLICY,
        at=newest.this_update + HOUR, evidence=Evidence(lists=(newest,)),
    )  # fmt: skip
    assert report.indication is Indication.TOTAL_PASSED


@needs_data
def test_09_a_corrupt_download_poisons_nothing(tmp_path: Path) -> None:
    newest = max(nca_lists(), key=lambda one: one.this_update)
    cache = EvidenceCache(tmp_path / "evidence")
    cache.put(b"list", Kept(body=newest.encoded))
    (file,) = cache.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    assert cache.get(b"list") is None  # as good as none: asked for again
    cache.put(b"list", Kept(body=newest.encoded))
    kept = cache.get(b"list")
    assert kept is not None
    spoilt = CertificateList(newest.encoded[:-4] + b"\0\0\0\0")
    report = validate(
        material("cms", "sdk2026-individual_attached.der"),
        trust=TrustStore(
            [TrustAnchor(certificate=one) for one in nca("kz-test").certificates],
            name="issuers", environment=Environment.TEST,
        ),
        policy=POLICY, at=newest.this_update + HOUR,
        evidence=Evidence(lists=(spoilt, CertificateList(kept.body))),
    )  # fmt: skip
    assert report.indication is Indication.TOTAL_PASSED


@needs_data
def test_10_nothing_is_downloaded_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    store = nca("kz-test")
    report = validate(
        material("cms", "sdk2026-individual_attached.der"), trust=store, policy=POLICY, at=NOON
    )
    assert report.sub_indication is SubIndication.TRY_LATER


def test_11_an_empty_trust_folder_says_so(tmp_path: Path, eds: Eds) -> None:
    with pytest.raises(TrustStoreUnavailable):
        load_trust_store(tmp_path)
    (tmp_path / "any.cms").write_bytes(sign_attached(CONTENT, by=fast().person.cms()))
    assert eds("verify", "any.cms", "--trust", "nowhere").code == "verify.trust_store_unavailable"
    empty = known_store("kz-test", [])
    report = validate((tmp_path / "any.cms").read_bytes(), trust=empty, policy=POLICY, at=NOON)
    assert report.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND


def several(count: int) -> list[Member]:
    return [certify("kz-individual", fast().ca, GOST_2015_512) for _ in range(count)]


def test_12_co_signing_keeps_every_earlier_signature() -> None:
    house, people = fast(), several(3)
    data = sign_attached(CONTENT, by=people[0].cms())
    before = [one.encoded for one in SignedData(data).signer_infos]
    for person in people[1:]:
        data = cosign(SignedData(data), by=person.cms())
        found = [one.encoded for one in SignedData(data).signer_infos]
        assert set(before) < set(found)
        before = found
    answers = [house.answer(one) for one in people]
    report = judge(data, house, evidence=house.evidence(*answers))
    assert [one.indication for one in report.signatures] == [Indication.TOTAL_PASSED] * 3
    assert SignedData(data).content == CONTENT  # in one envelope, not in three


def test_13_a_new_signer_leaves_the_time_stamps_of_others() -> None:
    house, (other,) = fast(), several(1)
    stamped = extend(
        SignedData(sign_attached(CONTENT, by=house.person.cms())), to=Level.T, by=raising(house)
    )
    (before,) = SignedData(stamped).signer_infos
    both = SignedData(cosign(SignedData(stamped), by=other.cms()))
    assert before.encoded in {one.encoded for one in both.signer_infos}
    answers = (house.answer(house.person), house.answer(other))
    report = judge(both.encoded, house, evidence=house.evidence(*answers))
    assert report.indication is Indication.TOTAL_PASSED
    assert sorted(len(one.time_stamps) for one in report.signatures) == [0, 1]


@needs_data
def test_14_a_detached_signature_without_its_content_is_a_verdict() -> None:
    report = validate(
        material("cms", "sdk2026-individual_detached.der"), trust=nca("kz-test"), policy=POLICY,
        at=NOON,
    )  # fmt: skip
    assert report.indication is Indication.INDETERMINATE
    assert SubIndication.SIGNED_DATA_NOT_FOUND in {
        one.sub_indication for one in report.signatures[0].findings
    }


def test_15_an_envelope_of_smartbridge_gets_no_half_verdict() -> None:
    """XML is not read here: said at once, and never taken for signed or for unsigned."""
    envelope = (
        b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>'
        b'<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-'
        b'wssecurity-secext-1.0.xsd"/></soap:Header><soap:Body/></soap:Envelope>'
    )
    report = validate(envelope, trust=fast().trust, policy=POLICY, at=NOON)
    assert report.sub_indication is SubIndication.FORMAT_FAILURE
    assert report.signatures == ()


def test_16_an_unknown_algorithm_is_a_verdict_and_a_new_one_a_row() -> None:
    house = hierarchy(GOST_2015_512)
    signed = sign_attached(CONTENT, by=house.person.cms())
    assert judge(signed, house).indication is Indication.TOTAL_PASSED
    # Of the signer alone: a signature algorithm that was never assigned.
    known = GOST_2015_512.identifier
    place = signed.rindex(known)
    changed = known.replace(bytes.fromhex("030201"), bytes.fromhex("030209"))
    changed = changed if changed != known else known[:-3] + b"\x7f" + known[-2:]
    report = judge(signed[:place] + changed + signed[place + len(known) :], house)
    assert report.indication is not Indication.TOTAL_PASSED
    assert "cms.algorithm" in {
        one.code for one in report.signatures[0].findings if one.sub_indication
    }


def test_17_a_certificate_of_another_authority_without_purposes_is_a_verdict() -> None:
    stranger = others.party()
    assert stranger.certificate.extended_key_usage is None
    assert country_of(stranger.certificate) is None
    assert holder_of(stranger.certificate) is None
    trust = TrustStore(
        [TrustAnchor(certificate=others.root().certificate)], name="x",
        environment=Environment.TEST,
    )  # fmt: skip
    signed = sign_attached(CONTENT, by=stranger.cms(at=NOON))
    report = validate(signed, trust=trust, policy=POLICY, at=others.NOON)
    assert report.sub_indication is SubIndication.CHAIN_CONSTRAINTS_FAILURE
    (signature,) = report.signatures
    assert "path.signer_policy" in {one.code for one in signature.findings if one.sub_indication}
    plain = validate(signed, trust=trust, policy=BASIC, at=others.NOON)
    assert plain.sub_indication is SubIndication.TRY_LATER


def test_18_a_key_in_a_token_signs_through_the_same_door() -> None:
    """A store is named by its URI; `tests/cli/test_sign.py` signs with SoftHSM."""
    with pytest.raises(EdsError) as caught:
        open_keystore("pkcs11:token=none?module-path=/nonexistent/module.so").keys()
    assert caught.value.code == "keys.module_unavailable"


@needs_data
def test_19_many_documents_are_signed_with_one_unlocking(tmp_path: Path) -> None:
    path = KZ / "p12" / "sdk-2026" / "valid" / "head.p12"
    certificate = holder_certificate(path)
    jobs = []
    for number in range(25):
        source = tmp_path / f"{number}.txt"
        source.write_bytes(b"%d" % number)
        jobs.append(Job(source=source, target=tmp_path / f"{number}.txt.p7s"))
    store, pin = SingleFileKeyStore(path), Pins(current=nca_password(path))
    (key,) = store.keys()
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        by = CmsSigner(signer, certificates=[certificate], at=NOON)
        done = list(
            sign_all(
                jobs, sign=lambda one: sign_detached(one.read_bytes(), by=by),
                manifest=tmp_path / "manifest",
            )
        )  # fmt: skip
    assert [one.code for one in done] == [None] * 25
    assert SignedData((tmp_path / "24.txt.p7s").read_bytes()).is_detached


class Collecting:
    """Finds what there is, and notes whom it was asked about."""

    def __init__(self, found: Evidence) -> None:
        self.found = found
        self.asked = 0

    def collect(self, path: PathResult, *, at: datetime) -> Evidence:
        self.asked += 1
        return self.found


@pytest.mark.parametrize("wrap", ["DER", "base64", "PEM"])
def test_20_the_server_collects_evidence_itself_whatever_the_client_wraps(wrap: str) -> None:
    house = fast()
    made = sign_attached(CONTENT, by=house.person.cms())
    text = base64.encodebytes(made)
    sent = {
        "DER": made,
        "base64": text,
        "PEM": b"-----BEGIN CMS-----\n" + text + b"-----END CMS-----\n",
    }[wrap]
    collector = Collecting(house.evidence())
    by = replace(raising(house, evidence=NO_EVIDENCE), collector=collector)
    lasting = extend(SignedData.load(sent), to=Level.LT, by=by)
    assert collector.asked >= 2
    (other,) = several(1)
    both = cosign(SignedData(lasting), by=other.cms())
    report = judge(
        both, house, at=NOON + 2 * HOUR, evidence=Evidence(ocsp_responses=(house.answer(other),))
    )
    levels = {one.level for one in report.signatures}
    assert levels == {Level.LT, Level.B}
