"""Status from what others made: OpenSSL and the test sets of other validators."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import DecodeError
from eds.extensions import RevocationReason
from eds.ocsp import OcspResponse
from eds.verify.evidence import Evidence
from eds.verify.indications import SubIndication
from eds.verify.path import prove
from eds.verify.policy import BASIC, AlgorithmRules
from eds.verify.revocation import Status, check, check_path
from eds.verify.trust import Purpose, TrustAnchor, TrustStore
from tests import material
from tests.material import DATA, needs_data
from tests.verify.status_house import House, broken, certify, key

# Sets of 2012 to 2018 are signed with what was still relied on then, or nearly.
LONG = date(2100, 1, 1)
OLD = replace(
    BASIC,
    algorithms=AlgorithmRules(until=MappingProxyType({"sha1": LONG, "rsa-pkcs1-sha1": LONG})),
)
OPENSSL = DATA / "ocsp-tsp" / "openssl-ocsp"
FRESHNESS = DATA / "ocsp-tsp" / "certvalidator" / "freshness"
DSS = DATA / "dss-revocation"


def certificate(path: Path) -> Certificate:
    return Certificate(material.read(path))


# --- OpenSSL's OCSP test set


def openssl_cases() -> list[Any]:
    if not OPENSSL.exists():
        return []
    return [
        pytest.param(case, id=case["name"])
        for case in json.loads((OPENSSL / "expected.json").read_text())
    ]


@needs_data
@pytest.mark.parametrize("case", openssl_cases())
def test_openssl_ocsp_set_is_judged_as_it_says(case: dict[str, Any]) -> None:
    at = datetime.fromisoformat(case["moment"])
    trust = TrustStore([TrustAnchor(certificate=certificate(OPENSSL / case["root"]))])
    intermediates = tuple(certificate(OPENSSL / name) for name in case["intermediates"])
    path = prove(
        certificate(OPENSSL / case["cert"]), trust=trust, purpose=Purpose.ANY, at=at,
        policy=OLD, certificates=intermediates,
    )  # fmt: skip
    good = False
    if path.sub_indication is None:
        responses = tuple(OcspResponse(material.read(OPENSSL / name)) for name in case["ocsps"])
        evidence = Evidence(certificates=intermediates, ocsp_responses=responses)
        found = check_path(path, evidence=evidence, trust=trust, at=at, policy=OLD)
        # Where the set has one answer for two certificates, it is about the lower one.
        good = all(result.status is Status.GOOD for result in found.results[: len(responses)])
    assert good is (case["expected"] == "valid")


@needs_data
def test_openssl_set_is_whole() -> None:
    assert len(openssl_cases()) == 29


# --- certvalidator's freshness set


@needs_data
@pytest.mark.parametrize(
    ("at", "alice", "authority_status"),
    [
        ("2020-10-01T00:05:00", Status.GOOD, Status.GOOD),
        ("2020-10-01T00:11:00", Status.UNKNOWN, Status.GOOD),  # the answer is stale
        ("2020-10-02T00:01:00", Status.UNKNOWN, Status.UNKNOWN),  # the list too
        ("2020-11-29T00:10:00", Status.GOOD, Status.GOOD),
        ("2020-12-10T00:05:00", Status.REVOKED, Status.GOOD),
        ("2020-12-31T00:00:00", Status.REVOKED, Status.UNKNOWN),
    ],
)
def test_evidence_counts_as_long_as_it_is_fresh(
    at: str, alice: Status, authority_status: Status
) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    certs = {path.stem: certificate(path) for path in (FRESHNESS / "certs").glob("*.crt")}
    trust = TrustStore([TrustAnchor(certificate=certs["root"])])
    path = prove(
        certs["alice"], trust=trust, purpose=Purpose.ANY, at=instant, policy=BASIC,
        certificates=(certs["interm"],),
    )  # fmt: skip
    evidence = Evidence(
        certificates=tuple(certs.values()),
        lists=tuple(CertificateList(material.read(one)) for one in FRESHNESS.glob("*.crl")),
        ocsp_responses=tuple(OcspResponse(material.read(one)) for one in FRESHNESS.glob("*.ors")),
    )
    found = check_path(
        path, evidence=evidence, trust=trust, at=instant, policy=BASIC, validation_time=instant
    )
    assert [result.status for result in found.results] == [alice, authority_status]


# --- EU DSS


def by_anchor(name: str, issuer: str, **evidence: Any) -> Any:
    above = certificate(DSS / "spi" / issuer)
    return check(
        certificate(DSS / "spi" / name),
        issuer=above,
        evidence=Evidence(**{kind: (one,) for kind, one in evidence.items() if kind != "at"}),
        trust=TrustStore([TrustAnchor(certificate=above)]),
        at=evidence["at"],
        policy=OLD,
    )


@needs_data
def test_answers_and_lists_of_real_authorities() -> None:
    found = OcspResponse((DSS / "spi" / "sk_ocsp.bin").read_bytes())
    result = by_anchor("sk_user.cer", "sk_ca.cer", ocsp_responses=found, at=found.produced_at)
    assert result.revoked_at == datetime(2017, 10, 31, 17, 23, 32, tzinfo=UTC)
    assert result.status is Status.REVOKED
    before = by_anchor(
        "sk_user.cer", "sk_ca.cer", ocsp_responses=found,
        at=datetime(2017, 10, 31, tzinfo=UTC),
    )  # fmt: skip
    assert before.status is Status.GOOD
    found = OcspResponse((DSS / "spi" / "peru_ocsp.bin").read_bytes())
    result = by_anchor("peru_client.cer", "peru_CA.cer", ocsp_responses=found,
                       at=datetime(2014, 1, 1, tzinfo=UTC))  # fmt: skip
    assert broken(result) == {"revocation.expired"}
    listed = CertificateList((DSS / "crl" / "belgium2.crl").read_bytes())
    result = by_anchor("citizen_ca.cer", "belgiumrs2.crt", lists=listed, at=listed.this_update)
    assert result.status is Status.GOOD


# --- everything there is, at once


@needs_data
def test_no_list_or_answer_of_others_says_anything_of_ours() -> None:
    lists, answers = [], []
    for encoded in material.lists().values():
        try:
            lists.append(CertificateList.load(encoded))
        except DecodeError:
            continue
    for encoded in material.ocsp_responses().values():
        try:
            answers.append(OcspResponse(encoded))
        except DecodeError:
            continue
    assert len(lists) > 200
    assert len(answers) > 50
    house = House()
    result = house.status(*lists, *answers)
    assert result.status is Status.UNKNOWN
    assert result.sub_indication is SubIndication.TRY_LATER


# --- what OpenSSL makes


class OpenSsl:
    """A small authority run by the openssl command, with the keys of the house."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        always: dict[str, Any] = {
            "not_before": datetime(2000, 1, 1, tzinfo=UTC),
            "not_after": datetime(2100, 1, 1, tzinfo=UTC),
        }
        self.ca = certify("CA", ca=True, **always)
        self.leaf, self.other = certify("Leaf", **always), certify("Other", **always)
        (folder / "ca.pem").write_bytes(self.ca.native.public_bytes(Encoding.PEM))
        (folder / "leaf.der").write_bytes(self.leaf.encoded)
        (folder / "ca.key").write_bytes(
            key("CA").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (folder / "crlnumber").write_text("07\n")
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=house\n[house]\ndatabase=index.txt\ncrlnumber=crlnumber\n"
            "default_md=sha256\ncrl_extensions=crl\n[crl]\nauthorityKeyIdentifier=keyid:always\n"
        )

    def register(self, state: str) -> None:
        """`state` as index.txt has it of the leaf; the other one is valid."""
        lines = [
            f"{told}\t{made.serial_number_octets.hex().upper()}\tunknown\t/CN={name}"
            for told, made, name in (
                (state, self.leaf, "Leaf"), ("V\t21000101000000Z\t", self.other, "Other"),
            )
        ]  # fmt: skip
        (self.folder / "index.txt").write_text("\n".join(lines) + "\n")

    def run(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )

    def answer(self) -> OcspResponse:
        self.run("ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey",
                 "ca.key", "-issuer", "ca.pem", "-cert", "leaf.der", "-respout", "answer.der",
                 "-ndays", "1", "-noverify")  # fmt: skip
        return OcspResponse((self.folder / "answer.der").read_bytes())

    def list(self) -> CertificateList:
        self.run("ca", "-config", "ca.cnf", "-gencrl", "-cert", "ca.pem", "-keyfile", "ca.key",
                 "-crldays", "1", "-out", "list.pem")  # fmt: skip
        return CertificateList.load((self.folder / "list.pem").read_bytes())


SINCE = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ("V\t21000101000000Z\t", Status.GOOD, None),
        ("R\t21000101000000Z\t261001120000Z", Status.REVOKED, None),
        ("R\t21000101000000Z\t261001120000Z,keyCompromise", Status.REVOKED,
         RevocationReason.KEY_COMPROMISE),
        ("R\t21000101000000Z\t261001120000Z,holdInstruction,holdInstructionReject",
         Status.ON_HOLD, RevocationReason.CERTIFICATE_HOLD),
    ],
)  # fmt: skip
def test_answers_and_lists_made_by_openssl(
    tmp_path: Path, state: str, status: Status, reason: RevocationReason | None
) -> None:
    peer = OpenSsl(tmp_path)
    peer.register(state)
    trust = TrustStore([TrustAnchor(certificate=peer.ca)])
    answered, listed = peer.answer(), peer.list()
    for evidence, at in (
        (Evidence(ocsp_responses=(answered,)), answered.produced_at),
        (Evidence(lists=(listed,)), listed.this_update),
    ):
        result = check(
            peer.leaf, issuer=peer.ca, evidence=evidence, trust=trust, at=at, policy=BASIC
        )
        assert (result.status, result.reason) == (status, reason)
        assert result.revoked_at == (None if status is Status.GOOD else SINCE)
