"""Ceremonies: the description, the plan, the act, the report, and what a kill leaves."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eds.algorithms import ECDSA_P256_SHA256
from eds.audit import LogVerifier
from eds.audit.store import reading
from eds.ca import ceremony_journal
from eds.ca.ceremony import carry_out, plan_ceremony
from eds.ca.ceremony_plan import read_ceremony
from eds.ca.ceremony_report import Report, verify_report
from eds.ca.folder import AuthorityFolder
from eds.ca.profiles import shipped_profiles
from eds.errors import CeremonyRefused, MalformedReport, MalformedSettings
from eds.extensions import OCSP_SIGNING
from eds.keys import KeyPurpose
from tests.ca.authority_house import (
    DESCRIPTION,
    NOON,
    cheap_keys,
    described,
    hold_ceremony,
    new_authority,
    pin,
)
from tests.ca.killed_ceremony import at_run, in_child, keys_of, killed_at, problems

LATER = NOON + timedelta(hours=1)
LABELS = ("root-2026", "people-2026", "root-ocsp", "people-ocsp")


@pytest.fixture(scope="module", autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_keys():
        yield


@pytest.fixture(scope="module")
def _held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("held") / "example"
    folder = new_authority(path)
    hold_ceremony(folder)
    folder.register.engine.dispose()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> AuthorityFolder:
    """An authority before its ceremony."""
    return new_authority(tmp_path / "example")


@pytest.fixture
def held(_held: Path, tmp_path: Path) -> AuthorityFolder:
    """An authority after its ceremony."""
    shutil.copytree(_held, tmp_path / "held")
    return AuthorityFolder(tmp_path / "held")


def noon() -> datetime:
    return NOON


def report_of(folder: AuthorityFolder) -> tuple[bytes, bytes]:
    place = folder.path / "ceremonies"
    return (
        (place / "example-2026.json").read_bytes(),
        (place / "example-2026.json.sig").read_bytes(),
    )


def findings(folder: AuthorityFolder, encoded: bytes, signature: bytes) -> set[str]:
    found = verify_report(
        Report.decode(encoded),
        signature,
        keys=[folder.audit_public_key],
        register=folder.register,
    )
    return {one.code for one in found}


def judged_by_openssl(folder: AuthorityFolder, place: Path) -> None:
    """root → authority → responder, by somebody else."""
    for label, issuer in (("people-2026", None), ("people-ocsp", "people-2026")):
        files = {"root-2026": "root.pem", label: "leaf.pem"}
        if issuer is not None:
            files[issuer] = "above.pem"
        for name, file in files.items():
            key = {**keys_of(folder), **keys_of(folder, "keys/root")}[name]
            assert key.certificate is not None
            (place / file).write_text(
                subprocess.run(
                    ["openssl", "x509", "-inform", "DER"],
                    input=key.certificate.encoded,
                    capture_output=True,
                    check=True,
                ).stdout.decode()
            )
        above = ["-untrusted", "above.pem"] if issuer else []
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-attime", str(int(LATER.timestamp())),
             "-CAfile", "root.pem", *above, "leaf.pem"],
            cwd=place, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "leaf.pem: OK\n", done.stderr


# --- the description ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("[ceremony]", "[ceremony]\nnmae = 1", "ceremony.nmae"),
        ("purpose = ", "reason = ", "ceremony.purpose"),
        ('role = "witness"', 'role = "witness"\nage = 4', "participant[2].age"),
        ('name = "D. Omarov"', 'name = "A. Bekova"', "participant"),
        ('label = "people-2026"', 'label = "root-2026"', "certificate[2].label"),
        ('label = "people-2026"', 'label = "People CA"', "certificate[2].label"),
        ('profile = "issuing-ca"', 'profile = "sub-ca"', "certificate[2].profile"),
        ('profile = "issuing-ca"', 'profile = "root"', "certificate[2].profile"),
        (
            'profile = "issuing-ca"',
            'profile = "natural-person-signature"',
            "certificate[2].profile",
        ),
        ('"ecdsa-p384-sha384"', '"ecdsa-p384"', "certificate[1].algorithm"),
        ('"ecdsa-p384-sha384"', '"dsa-sha256"', "certificate[1].algorithm"),
        ('"ecdsa-p384-sha384"', '"rsa-pkcs1-sha256"\nrsa_bits = 1024', "certificate[1].rsa_bits"),
        ("shards = 4", "shards = 0", "certificate[2].shards"),
        ("shards = 4", 'shards = "4"', "certificate[2].shards"),
        ("shards = 4", "shards = 4\nvalidity_days = 9000", "certificate[2].validity_days"),
        ("people/{shard}.crl", "people.crl", "certificate[2].crl_urls"),
        ("http://crl.example.kz/root.crl", "ftp://x/root.crl", "certificate[1].crl_urls"),
        ('"Example Root CA 2026"', '"root.example.kz"', "certificate[1].subject.CN"),
        ('country = "KZ"', 'country = "kz"', "certificate[1].subject.C"),
        ('country = "KZ"', 'colour = "KZ"', "subject.colour"),
        (
            'label = "root-ocsp"',
            'label = "root-ocsp"\nkey_store = "elsewhere"',
            "certificate[3].key_store",
        ),
        ('issuer = "people-2026"', 'issuer = "root-ocsp"', "certificate[4].issuer"),
    ],
)
def test_a_description_that_is_wrong_is_refused_by_its_place(
    before: str, after: str, field: str
) -> None:
    text = DESCRIPTION.decode()
    assert before in text
    changed = text.replace(before, after, 1).encode()
    with pytest.raises(MalformedSettings) as refused:
        read_ceremony(changed, file="f", profiles=shipped_profiles(), key_store="keys")
    assert refused.value.field.lower() == field.lower()


@pytest.mark.parametrize(
    "data", [b"\xff", b"a = ", b"a = 1\na = 2", b"[" * 100_000, b"x" * 300_000]
)
def test_what_is_no_toml_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedSettings):
        read_ceremony(data, file="f", profiles=shipped_profiles(), key_store="keys")


# --- the plan -------------------------------------------------------------------------------------


def test_a_plan_shows_whole_certificates_and_makes_nothing(folder: AuthorityFolder) -> None:
    before = sorted(path.name for path in folder.path.rglob("*"))
    planned = plan_ceremony(described(folder), folder, at=NOON)
    assert [item.role.label for item in planned] == list(LABELS)
    assert not any(item.problems or item.stands or item.key_stands for item in planned)
    root, people, *_ = (item.certificate for item in planned)
    for authority, length in ((root, 1), (people, 0)):
        assert authority.basic_constraints is not None
        assert authority.basic_constraints.path_length == length
        assert authority.name_constraints is not None
        assert authority.extensions["2.5.29.30"].critical
        assert authority.extended_key_usage is not None
        assert not {"1.3.6.1.5.5.7.3.1", "2.5.29.37.0", OCSP_SIGNING} & {
            *authority.extended_key_usage
        }
    assert people.issuer == root.subject
    assert (root.not_before, root.not_after) == (NOON, NOON + timedelta(days=7305))
    after = sorted(path.name for path in folder.path.rglob("*") if path.suffix != ".db-shm")
    assert set(after) - set(before) <= {"register.db-wal", "register.db-shm"}
    assert folder.issuers == ()


def test_a_plan_with_a_problem_is_not_carried_out(folder: AuthorityFolder) -> None:
    # The authority for time-stamps is asked for a responder's address it does not have.
    text = DESCRIPTION.decode().replace('ca_issuer_urls = ["http://pki.example.kz/root.cer"]', "")
    text = text.replace('crl_urls = ["http://crl.example.kz/root.crl"]\n', "")
    text = text.replace('ocsp_urls = ["http://ocsp.example.kz/"]\n', "", 1)
    planned = plan_ceremony(described(folder, text.encode()), folder, at=NOON)
    assert [bool(item.problems) for item in planned] == [False, True, False, False]
    assert "status-source" in planned[1].problems[0]
    with pytest.raises(CeremonyRefused, match="people-2026"):
        hold_ceremony(folder, text.encode())
    assert not (folder.path / "keys" / "root").exists()


# --- the act --------------------------------------------------------------------------------------


def test_what_a_ceremony_makes_is_accepted_by_openssl(
    held: AuthorityFolder, tmp_path: Path
) -> None:
    judged_by_openssl(held, tmp_path)
    labels = {issuer.label: issuer for issuer in held.issuers}
    assert {*labels} == {"root-2026", "people-2026"}
    assert labels["people-2026"].settings.shard_count == 4
    purposes = {label: key.purpose for label, key in keys_of(held).items()}
    assert purposes["people-2026"] is KeyPurpose.CERTIFICATION
    assert purposes["people-ocsp"] is KeyPurpose.AUTHENTICATION
    assert purposes["audit"] is KeyPurpose.SIGNATURE


def test_every_step_stands_in_the_audit_log_under_a_checkpoint(held: AuthorityFolder) -> None:
    verifier = LogVerifier(keys=(held.audit_public_key,), held=())
    acts: list[str] = []
    with reading(held.database_url) as log:
        assert list(verifier.verify(log.items())) == []
        acts += [json.loads(stored.encoded)["act"] for stored in log.records("node-1")]
    assert verifier.uncovered == 0
    assert acts[0] == "ca.authority.made"
    assert (acts[1], acts[-1]) == ("ca.ceremony.started", "ca.ceremony.finished")
    assert acts.count("ca.key.made") == 4
    assert acts.count("ca.issuer.added") == 2
    assert acts.count("ca.certificate.issued") == 3


def test_a_finished_ceremony_is_not_held_again(held: AuthorityFolder) -> None:
    before = report_of(held)
    outcome = hold_ceremony(held, at=LATER)
    assert outcome.was_finished
    assert report_of(held) == before
    planned = plan_ceremony(described(held), held, at=LATER)
    assert all(item.stands for item in planned)


def test_a_finished_ceremony_whose_report_is_gone_or_another_is_refused(
    held: AuthorityFolder,
) -> None:
    report = held.path / "ceremonies" / "example-2026.json"
    whole = report.read_bytes()
    report.write_bytes(whole.replace(b"D. Omarov", b"D. Umarov"))
    with pytest.raises(CeremonyRefused, match="another now"):
        hold_ceremony(held, at=LATER)
    report.unlink()
    with pytest.raises(CeremonyRefused, match="is gone"):
        hold_ceremony(held, at=LATER)


def test_a_second_ceremony_builds_on_the_register(held: AuthorityFolder) -> None:
    second = (
        DESCRIPTION.decode().split("[[certificate]]")[0].replace("example-2026", "example-2027")
        + """
[[certificate]]
label = "time-2027"
profile = "time-stamping-ca"
issuer = "root-2026"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Example Time CA 2027"
crl_urls = ["http://crl.example.kz/time.crl"]
ocsp_urls = ["http://ocsp.example.kz/"]
ca_issuer_urls = ["http://pki.example.kz/time.cer"]

[[certificate]]
label = "tsu-1"
profile = "tsa"
issuer = "time-2027"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Example TSU 1"
"""
    ).encode()
    outcome = hold_ceremony(held, second, at=LATER)
    assert [label for label, _, _ in outcome.report.certificates] == ["time-2027", "tsu-1"]
    signature = outcome.signature_file.read_bytes()
    assert findings(held, outcome.report.encoded, signature) == set()


def test_a_key_that_is_not_of_this_ceremony_is_left_alone(folder: AuthorityFolder) -> None:
    folder.key_store("keys").generate(
        label="people-2026",
        algorithm=ECDSA_P256_SHA256,
        purpose=KeyPurpose.CERTIFICATION,
        pin=pin,
    )
    with pytest.raises(CeremonyRefused, match="stands already"):
        hold_ceremony(folder)
    assert not (folder.path / "keys" / "root").exists()


def test_a_changed_description_does_not_continue_another(held: AuthorityFolder) -> None:
    with pytest.raises(CeremonyRefused, match="another description"):
        hold_ceremony(held, DESCRIPTION.replace(b"shards = 4", b"shards = 8"))


def test_a_key_that_went_missing_or_was_exchanged_is_said(folder: AuthorityFolder) -> None:
    def stop(step: str) -> None:
        if step.startswith("people-2026: signing"):
            raise InterruptedError

    ceremony = described(folder)
    with pytest.raises(InterruptedError):
        carry_out(ceremony, folder=folder, pin=pin, actor="official/1", now=noon, told=stop)
    (folder.path / "keys" / "people-2026.pem").unlink()
    with pytest.raises(CeremonyRefused, match="is gone"):
        hold_ceremony(AuthorityFolder(folder.path), at=LATER)


# --- killed ---------------------------------------------------------------------------------------


def test_a_ceremony_killed_over_and_over_comes_to_the_same_end(tmp_path: Path) -> None:
    path = tmp_path / "example"
    new_authority(path).register.engine.dispose()
    runs = 0

    def run() -> None:
        # From the start of a run to the middle of its last step, in an order of no meaning.
        killed_at(3 + runs * 5 % 13)
        hold_ceremony(AuthorityFolder(path), at=at_run(runs))

    while in_child(run) == signal.SIGKILL:
        runs += 1
        assert runs < 60
    assert runs > 4
    assert list(problems(path, {*LABELS}, ("keys", "keys/root"))) == []
    judged_by_openssl(AuthorityFolder(path), tmp_path)


def test_a_root_is_signed_over_the_bytes_that_were_noted(folder: AuthorityFolder) -> None:
    def stop(step: str) -> None:
        if step == "root-2026: signing the root certificate":
            raise InterruptedError

    ceremony = described(folder)
    with pytest.raises(InterruptedError):
        carry_out(ceremony, folder=folder, pin=pin, actor="official/1", now=noon, told=stop)
    journal = ceremony_journal.Journal.read(folder.path / "ceremonies", ceremony)
    assert journal is not None
    noted = journal.root("root-2026", "tbs")
    again = AuthorityFolder(folder.path)
    hold_ceremony(again, at=LATER)
    assert again.issuer("root-2026").certificate.tbs_encoded == noted


def test_a_key_of_a_killed_run_is_used_and_the_report_says_so(folder: AuthorityFolder) -> None:
    ceremony = described(folder)
    place = folder.path / "ceremonies"
    with ceremony_journal.Journal.opened(place, ceremony, started_at="") as journal:
        journal.note_key("people-2026", ceremony_journal.INTENDED)
    made = folder.key_store("keys").generate(
        label="people-2026",
        algorithm=ECDSA_P256_SHA256,
        purpose=KeyPurpose.CERTIFICATION,
        pin=pin,
    )
    outcome = hold_ceremony(folder)
    assert folder.issuer("people-2026").certificate.public_key == made.public_key
    assert outcome.report.data["remarks"] == [
        "people-2026: its key was made by a run that was interrupted"
    ]


def test_a_leaf_forged_with_a_stolen_key_of_the_hierarchy_is_no_server(
    held: AuthorityFolder, tmp_path: Path
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    judged_by_openssl(held, tmp_path)  # leaves root.pem and above.pem
    store = held.key_store("keys")
    stolen = store.export(store.find("people-2026"), pin=pin).native()
    assert isinstance(stolen, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate((tmp_path / "above.pem").read_bytes())
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")]))
        .issuer_name(issuer.subject)
        .public_key(stolen.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON)
        .not_valid_after(NOON + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.com")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(stolen, hashes.SHA256())
    )
    (tmp_path / "forged.pem").write_bytes(forged.public_bytes(Encoding.PEM))
    for purpose in ("sslserver", "any"):
        done = subprocess.run(
            ["openssl", "verify", "-purpose", purpose, "-attime", str(int(LATER.timestamp())),
             "-verify_hostname", "example.com", "-CAfile", "root.pem", "-untrusted", "above.pem",
             "forged.pem"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "permitted subtree violation" in done.stderr


def test_two_runs_of_one_ceremony_do_not_meet(folder: AuthorityFolder) -> None:
    def again(step: str) -> None:
        with pytest.raises(CeremonyRefused, match="under way"):
            hold_ceremony(AuthorityFolder(folder.path))
        raise InterruptedError(step)

    with pytest.raises(InterruptedError):
        carry_out(
            described(folder), folder=folder, pin=pin, actor="official/1", now=noon, told=again
        )


# --- the report -----------------------------------------------------------------------------------


def test_a_report_holds_and_openssl_says_so_too(held: AuthorityFolder, tmp_path: Path) -> None:
    encoded, signature = report_of(held)
    assert findings(held, encoded, signature) == set()
    place = held.path / "ceremonies"
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", held.path / "audit.pem",
         "-signature", place / "example-2026.json.sig", place / "example-2026.json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "Verified OK"
    data = json.loads(encoded)
    assert [person["name"] for person in data["participants"]] == ["A. Bekova", "D. Omarov"]
    for row in data["certificates"]:
        assert len(row["sha256"]) == 64
        assert row["key_uri"] in (f"keys/{row['label']}", f"keys/root/{row['label']}")


def changed(encoded: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    data = json.loads(encoded)
    change(data)
    return (
        json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    )


def test_a_changed_report_is_found_out(held: AuthorityFolder) -> None:
    encoded, signature = report_of(held)

    def rename(data: dict[str, Any]) -> None:
        data["participants"][1]["name"] = "Somebody else"

    def misreport(data: dict[str, Any]) -> None:
        data["certificates"][0]["sha256"] = "0" * 64

    def swap(data: dict[str, Any]) -> None:
        rows = data["certificates"]
        rows[2]["issuer"], rows[3]["issuer"] = rows[3]["issuer"], rows[2]["issuer"]

    def relabel(data: dict[str, Any]) -> None:
        data["certificates"][1]["label"] = "people-2099"

    assert findings(held, changed(encoded, rename), signature) == {"ceremony.untrusted"}
    for change, code in (
        (misreport, "ceremony.misreported"),
        (swap, "ceremony.not_issued"),
        (relabel, "ceremony.not_registered"),
    ):
        assert code in findings(held, changed(encoded, change), signature)
    report = Report.decode(encoded)
    other = held.issuers[0].certificate.public_key
    assert verify_report(report, signature, keys=[other], register=None)
    assert verify_report(report, signature[:-1], keys=[held.audit_public_key], register=None)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null\n", b"\xff", b"[" * 100_000, b'{"eds_ceremony_report":1}\n'],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedReport):
        Report.decode(data)


def test_a_report_in_other_words_is_no_report(held: AuthorityFolder) -> None:
    encoded, _ = report_of(held)
    with pytest.raises(MalformedReport):
        Report.decode(json.dumps(json.loads(encoded), indent=1).encode())
