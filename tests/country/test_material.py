"""Everything the NCA's test material holds, read and judged as its README says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.country import countries, holder_of
from eds.country.contract import HolderKind, KeyUse
from eds.errors import AnchorNotListed, DecodeError, EnvironmentsMixed, PasswordIncorrect
from eds.extensions import CLIENT_AUTH
from eds.keys import pkcs12
from eds.keys.contract import KeyPurpose, Secret
from eds.keys.keyfile import SingleFileKeyStore
from eds.keys.reading import Reading
from eds.ocsp import OcspResponse
from eds.sign.cms import CmsSigner, sign_attached
from eds.signeddata import SignedData
from eds.timestamps import TimeStampToken
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication, SubIndication
from eds.verify.knowntrust import known_store
from eds.verify.policy import Level
from eds.verify.report import SignatureFormat, ValidationReport
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.validation import validate, validate_time_stamp
from tests.cli.conftest import Eds
from tests.country.house import DAY, KZ, POLICY, below_issuers, material, nca, nca_lists
from tests.keys.harness import Pins
from tests.keys.test_pkcs12 import nca_password
from tests.material import kz_certificates, needs_data, read

pytestmark = needs_data
CMS = sorted((KZ / "cms").glob("*.der"))
P12 = sorted((KZ / "p12").rglob("*.p12"))


def holders() -> Iterator[tuple[Path, Certificate]]:
    for path in P12:
        secret = Secret(nca_password(path))
        found = pkcs12.read(path.read_bytes(), secret, Reading(file=path.name))
        yield path, found.certificates[0].certificate


def judge(
    path: Path, trust: TrustStore, at: datetime, evidence: Evidence | None = None
) -> ValidationReport:
    given = evidence or Evidence(lists=nca_lists())
    if "detached" not in path.name:
        return validate(path.read_bytes(), trust=trust, policy=POLICY, at=at, evidence=given)
    about = material("cms", "sdk2026-individual_document.txt")
    return validate(
        about, signature=path.read_bytes(), trust=trust, policy=POLICY, at=at, evidence=given
    )


def broken(report: ValidationReport) -> set[str]:
    (signature,) = report.signatures
    return {one.code for one in signature.findings if one.sub_indication is not None}


# --- who they are ---------------------------------------------------------------------------------


def test_every_holder_is_told_in_terms_of_kazakhstan() -> None:
    seen: set[tuple[HolderKind, KeyUse]] = set()
    roles: set[str] = set()
    for _, certificate in holders():
        found = holder_of(certificate)
        assert found is not None
        assert found.country == "KZ"
        seen.add((found.kind, found.use))
        purposes = certificate.extended_key_usage or ()
        # Nothing is dropped: what is not international is a role or a way of identification.
        told = {one.oid for one in (*found.roles, *found.identified_by)}
        assert told == {oid for oid in purposes if not oid.startswith("1.3.6.1.5.5.7.3.")}
        assert all(one.word for one in found.roles)
        roles |= told
        is_system = found.kind is HolderKind.INFORMATION_SYSTEM
        assert (found.personal_number is None) is is_system
        if is_system:
            assert dict(found.details)["system_oid"] == "1.2.398.6.10.1.1"
            assert found.surname is None
        else:
            assert found.patronymic in {"ТЕСТОВИЧ", "ТЕСТТОВИЧ"}
            assert found.given_name in {"ТЕСТ", "ТЕСТТ"}
            assert found.surname in {"ТЕСТОВ", "ТЕСТТОВ"}
        assert (found.organisation is None) is (found.kind is HolderKind.INDIVIDUAL)
        # The numbers of the SDK are made up: a warning, and no more.
        assert {one.code for one in found.departures} >= {"kz.check_digit", "kz.date"}
        if CLIENT_AUTH in purposes:
            assert found.use is KeyUse.AUTHENTICATION
        elif certificate.not_before.year >= 2022 and found.key_storage:
            assert found.use is KeyUse.UNIFIED
        else:
            assert found.use is KeyUse.SIGNATURE
    assert len(P12) >= 40
    assert {kind for kind, _ in seen} == {
        HolderKind.INDIVIDUAL, HolderKind.EMPLOYEE, HolderKind.INFORMATION_SYSTEM,
    }  # fmt: skip
    assert {use for _, use in seen} == {KeyUse.AUTHENTICATION, KeyUse.SIGNATURE, KeyUse.UNIFIED}
    assert roles >= {f"1.2.398.3.3.4.1.2.{n}" for n in (1, 2, 5, 6)}


def test_no_number_and_no_name_shows_in_a_repr() -> None:
    for _, certificate in holders():
        shown = repr(holder_of(certificate))
        assert not any(one in shown for one in ("12345678", "ТЕСТ", "АО"))


def test_the_treasury_and_an_information_system_are_told_by_content_not_by_file_name() -> None:
    """The two files of 2026 bear each other's names."""
    by_name = {path.name: holder_of(one) for path, one in holders() if "2026/valid" in str(path)}
    treasury, system = by_name["infosystem.p12"], by_name["treasury_client.p12"]
    assert treasury is not None
    assert system is not None
    assert treasury.kind is HolderKind.EMPLOYEE
    assert dict(treasury.details) == {"treasury_code": "KS1234", "treasury_role": "ROLE02"}
    assert system.kind is HolderKind.INFORMATION_SYSTEM


def test_authorities_and_services_are_no_people() -> None:
    kinds: dict[str, HolderKind] = {}
    for name, encoded in kz_certificates().items():
        found = holder_of(Certificate(encoded))
        assert found is not None, name
        kinds[name] = found.kind
    assert kinds.pop("prod_tsa_gost_2025.cer") is HolderKind.SERVICE
    for name, kind in kinds.items():
        assert (kind is HolderKind.AUTHORITY) is name.startswith(("prod_", "test_")), name


def test_a_wrong_password_is_told_apart() -> None:
    for path in P12[:3]:
        with pytest.raises(PasswordIncorrect):
            pkcs12.read(path.read_bytes(), Secret("Wrong-1"), Reading(file=path.name))


# --- whom to trust --------------------------------------------------------------------------------


def test_the_two_hierarchies_never_mix() -> None:
    production, test = nca("kz-production"), nca("kz-test")
    assert (len(production.anchors), len(test.anchors)) == (2, 3)
    with pytest.raises(EnvironmentsMixed):
        TrustStore.join(production, test, name="both")
    for store, other in ((production, "kz-test"), (test, "kz-production")):
        with pytest.raises(AnchorNotListed):
            known_store(other, [store.anchors[0].certificate])


def test_what_is_listed_is_what_is_known_of_it() -> None:
    by_fingerprint = {
        Certificate(encoded).fingerprint.hex(): Certificate(encoded)
        for encoded in kz_certificates().values()
    }
    for trust_set in countries()["KZ"].trust_sets:
        for row in trust_set.certificates:
            certificate = by_fingerprint[row.sha256]
            assert certificate.not_after.date() == row.until
            assert certificate.is_self_issued is row.is_anchor


def test_the_authority_of_2022_is_unknown_until_somebody_adds_it() -> None:
    stamp = Certificate(kz_certificates()["prod_tsa_gost_2025.cer"])
    from eds.verify.path import prove
    from eds.verify.trust import Purpose

    found = prove(
        stamp, trust=nca("kz-production"), purpose=Purpose.TIME_STAMPING,
        at=stamp.not_before + DAY, policy=POLICY,
    )  # fmt: skip
    assert found.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND


# --- signatures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CMS, ids=lambda path: path.stem)
def test_every_signature_is_good_whatever_is_known_of_its_certificate(path: Path) -> None:
    (info,) = SignedData(path.read_bytes()).signer_infos
    assert info.signature
    production = "sdk2018" in path.name
    trust = nca("kz-production" if production else "kz-test")
    (signature,) = judge(path, trust, datetime.fromisoformat("2026-08-20T00:00Z")).signatures
    kept = {one.code for one in signature.findings if one.sub_indication is None}
    assert {"cms.signature", "cms.message_digest", "cms.content_type"} <= kept
    assert signature.indication is Indication.INDETERMINATE  # never failed, never blindly passed
    # Without a signed reference to the certificate it is plain CMS, and said to be.
    expected = SignatureFormat.CMS if "sdk2020" in path.name else SignatureFormat.CADES
    assert signature.format is expected
    is_login = "AUTH" in path.name
    assert ("path.purpose" in broken(judge(path, trust, signature_time(path)))) is is_login


def signature_time(path: Path) -> datetime:
    """A moment when its certificate was in force."""
    (certificate, *_) = SignedData(path.read_bytes()).certificates
    return certificate.not_before + timedelta(days=100)


def test_a_signature_of_today_passes_where_its_status_is_known() -> None:
    """The list of August 2026 with its NULL missing, the test authority taken for an anchor."""
    path = KZ / "cms" / "sdk2026-individual_attached.der"
    newest = max(nca_lists(), key=lambda one: one.this_update)
    report = judge(path, below_issuers(), newest.this_update + timedelta(hours=1))
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_PASSED, None)
    (signature,) = report.signatures
    # The time-stamp is of production, and here only the test is believed.
    (stamp,) = signature.time_stamps
    assert stamp.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert stamp.policy == "1.2.398.3.3.2.6.4"


def test_the_content_of_a_detached_signature_counts() -> None:
    signature = material("cms", "sdk2026-individual_detached.der")
    report = validate(
        b"another", signature=signature, trust=nca("kz-test"), policy=POLICY,
        at=datetime.fromisoformat("2026-08-20T00:00Z"),
    )  # fmt: skip
    assert report.sub_indication is SubIndication.HASH_FAILURE


def test_revoked_certificates_are_on_the_lists() -> None:
    """Each of the newest lists knows those whose files are called revoked.

    Of those called valid it knows two as well: they were superseded after they were published.
    """
    newest: dict[bytes, CertificateList] = {}
    for one in sorted(nca_lists(), key=lambda one: one.this_update):
        if not one.is_delta:
            newest[one.issuer.encoded] = one
    reasons: dict[str, list[str]] = {"revoked": [], "valid": []}
    for path, certificate in holders():
        found = newest.get(certificate.issuer.encoded)
        word = next((one for one in reasons if one in str(path).lower()), None)
        if found is None or word is None or certificate.not_after < found.this_update:
            continue
        entry = found.find(certificate.serial_number)
        reason = None if entry is None else entry.reason
        reasons[word].append("" if reason is None else reason.name)
    assert len(reasons["revoked"]) >= 9
    assert set(reasons["revoked"]) == {"SUPERSEDED", "CERTIFICATE_HOLD"}
    assert set(reasons["valid"]) == {"", "SUPERSEDED"}


def test_ocsp_answers_of_the_old_responders_are_read() -> None:
    for path in sorted((KZ / "ocsp").glob("*.bin")):
        found = OcspResponse(path.read_bytes())
        (responder,) = found.certificates
        assert responder.ocsp_no_check
        assert found.responses[0].status.name == "REVOKED"


# --- containers -----------------------------------------------------------------------------------


def container() -> bytes:
    (path,) = sorted((KZ / "zip").glob("*.zip"))
    return path.read_bytes()


def told(data: bytes, **where: datetime) -> ValidationReport:
    at = where.get("at", datetime.fromisoformat("2021-05-05T00:00Z"))
    return validate(data, trust=nca("kz-production"), policy=POLICY, at=at)


def again(change: str | None = None, *, drop: str = "", add: str = "") -> bytes:
    """The same container packed anew, with one file changed, dropped or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(container())) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name != drop:
                new.writestr(name, data + b"\n" if name == change else data)
        if add:
            new.writestr(add, b"not signed")
    return out.getvalue()


@pytest.mark.parametrize("data", [container, again], ids=["as made", "packed anew"])
def test_a_container_is_judged_as_the_signature_over_its_manifest(data: object) -> None:
    report = told(data())  # type: ignore[operator]
    (signature,) = report.signatures
    kept = {one.code for one in signature.findings if one.sub_indication is None}
    assert {"cms.signature", "cms.message_digest", "container.digest", "container.coverage"} <= kept
    # The certificates have no status here; everything else holds.
    assert report.sub_indication is SubIndication.TRY_LATER
    assert broken(report) == {"revocation.available"}
    assert signature.coverage is not None
    assert signature.coverage.whole


def test_a_changed_file_fails_whatever_the_signature_says() -> None:
    report = told(again("wsse.txt"))
    assert report.indication is Indication.TOTAL_FAILED
    assert report.sub_indication is SubIndication.HASH_FAILURE


def test_a_changed_manifest_fails() -> None:
    assert told(again("META-INF/NCAManifest.xml")).sub_indication is SubIndication.HASH_FAILURE


def test_a_missing_file_is_named() -> None:
    report = told(again(drop="wsse.txt"))
    findings = {one.code: one for one in report.signatures[0].findings if one.sub_indication}
    assert findings["container.digest"].facts["file"] == "wsse.txt"
    assert findings["container.digest"].sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND


def test_a_file_that_nobody_signed_is_named() -> None:
    report = told(again(add="extra.txt"))
    findings = {one.code: one for one in report.signatures[0].findings if one.sub_indication}
    assert findings["container.coverage"].facts["not_signed"] == ("extra.txt",)
    assert report.signatures[0].coverage is not None
    assert not report.signatures[0].coverage.whole


def test_a_missing_signature_is_no_verdict() -> None:
    report = told(again(drop="META-INF/signature-7ad1db5cc2.cms"))
    assert report.indication is Indication.INDETERMINATE
    assert report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND


def test_lists_read_whatever_they_leave_out() -> None:
    sizes = {path.name: len(CertificateList(read(path))) for path in (KZ / "crl").glob("*.crl")}
    assert sizes["test_nca_gost2022_2026-08.crl"] == 195
    assert sizes["test_nca_gost2022_delta_2025-04.crl"] == 0


def test_a_certificate_changed_anywhere_is_read_or_refused() -> None:
    """What is made of it never raises but as octets that are no certificate do."""
    original = kz_certificates()["sdk2026-individual_signer.cer"]
    read_back = 0
    for place in range(0, len(original) - 150, 3):
        for bit in (0x01, 0x80):
            changed = bytearray(original)
            changed[place] ^= bit
            try:
                found = holder_of(Certificate(bytes(changed)))
            except DecodeError:
                continue
            read_back += found is not None
    assert read_back > 100


def test_the_command_judges_a_container(eds: Eds) -> None:
    (path,) = sorted((KZ / "zip").glob("*.zip"))
    files = sorted((KZ / "ca").glob("prod_[nr]*"))
    assert (
        eds("trust", "add", "--known", "kz-production", "--trust", "t", "--yes", *files).status == 0
    )
    found = eds("verify", "--policy", "kz", "--trust", "t", "--at", "2021-05-05T00:00:00Z", path)
    assert found.status == 11
    assert "INDETERMINATE / TRY_LATER" in found.out
    assert "The whole document" in found.out


def test_a_time_stamp_of_production_counts_where_its_authority_is_believed() -> None:
    """Its reference to the certificate is the old one, its imprint Streebog."""
    stamp = Certificate(kz_certificates()["prod_tsa_gost_2025.cer"])
    trust = TrustStore(
        [*below_issuers().anchors, TrustAnchor(certificate=stamp)],
        name="both on purpose",
        environment=Environment.TEST,
    )
    path = KZ / "cms" / "sdk2026-individual_attached.der"
    newest = max(nca_lists(), key=lambda one: one.this_update)
    (signature,) = judge(path, trust, newest.this_update + timedelta(hours=1)).signatures
    assert signature.indication is Indication.TOTAL_PASSED
    assert signature.level is Level.T
    assert signature.proven_time is not None
    assert signature.proven_time.isoformat() == "2026-07-20T09:08:07+00:00"
    assert signature.time_stamps[0].indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("name", "file", "sub", "code"),
    [
        ("KEY_CEO_SIGN_REVOKED_2004", "ceo_sign_2004", "REVOKED_NO_POE", "revocation.status"),
        ("KEY_CEO_REVOKED_2015", "ceo_2015", "TRY_LATER", "revocation.hold"),
    ],
)
def test_an_ocsp_answer_of_the_nca_counts(name: str, file: str, sub: str, code: str) -> None:
    """Of two certificates called revoked one is, and the other is on hold: not decided yet."""
    path = KZ / "p12" / "sdk-2022" / f"{name}.p12"
    answer = OcspResponse(material("ocsp", f"ocsp_response_{file}_revoked.bin"))
    certificate = next(one for found, one in holders() if found == path)
    store, pin = SingleFileKeyStore(path), Pins(current=nca_password(path))
    (key,) = store.keys()
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        by = CmsSigner(signer, certificates=[certificate], at=answer.produced_at)
        signed = sign_attached(b"I owe you 10", by=by)
    report = validate(
        signed,
        trust=below_issuers(),
        policy=POLICY,
        at=answer.produced_at + timedelta(hours=1),
        evidence=Evidence(ocsp_responses=(answer,)),
    )
    assert report.sub_indication is SubIndication[sub]
    assert code in broken(report)


def test_the_tokens_of_the_test_authority_are_weak_by_their_imprint() -> None:
    token = TimeStampToken(material("tsp", "tsp_token.bin"))
    info = token.tst_info
    report = validate_time_stamp(
        token.encoded, digest=info.imprint, algorithm=info.imprint_algorithm,
        trust=below_issuers(), policy=POLICY, at=info.gen_time + timedelta(hours=1),
        evidence=Evidence(lists=nca_lists()),
    )  # fmt: skip
    assert report.policy == "1.2.398.3.3.2.6.1"
    weak = {one.code for one in report.findings if one.sub_indication is not None}
    assert weak == {"cms.algorithm_period"}  # SHA-1; signature, path and status hold


@pytest.mark.parametrize("path", sorted((KZ / "xml").glob("*")), ids=lambda path: path.stem)
def test_xml_is_not_read_yet_and_says_so(path: Path) -> None:
    report = validate(
        path.read_bytes(), trust=nca("kz-test"), policy=POLICY,
        at=datetime.fromisoformat("2026-08-20T00:00Z"),
    )  # fmt: skip
    assert report.sub_indication is SubIndication.FORMAT_FAILURE
