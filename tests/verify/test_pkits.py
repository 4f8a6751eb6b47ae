"""NIST PKITS: 246 rows, each with the reason that PKITS states.

Judged twice: with the certificates and lists of the row's own, and with all 405 certificates and
173 lists of the suite handed in at once, which must change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.verify import revocation
from eds.verify.evidence import Evidence
from eds.verify.path import prove
from eds.verify.policy import ANY_POLICY, BASIC, ValidationPolicy
from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore

from .. import material

pytestmark = material.needs_data

SIGNATURE = "path.signature"
VALIDITY = "path.validity"
CHAIN = "path.chain"
BASIC_CONSTRAINTS = "path.basic_constraints"
PATH_LENGTH = "path.path_length"
POLICIES = "path.policies"

# What each section of PKITS puts to the test, and so the rule that its invalid paths break;
# a test of its own where the section has several. Lists are judged by kind of reason below.
RULES: Mapping[str, str] = MappingProxyType(
    {
        "4.1": SIGNATURE,
        "4.2": VALIDITY,
        "4.3": CHAIN,  # names that do not chain: no issuer of that name
        "4.5": BASIC_CONSTRAINTS,
        "4.6": PATH_LENGTH,
        "4.6.1": BASIC_CONSTRAINTS,
        "4.6.2": BASIC_CONSTRAINTS,
        "4.6.3": BASIC_CONSTRAINTS,
        "4.7": "path.key_usage",
        "4.8": POLICIES,
        "4.9": POLICIES,
        "4.10": POLICIES,
        "4.10.7": "path.policy_mappings",
        "4.10.8": "path.policy_mappings",
        "4.11": POLICIES,
        "4.12": POLICIES,
        "4.13": "path.name_constraints",
        "4.16": "path.critical_extension",
    }
)
# Keys of 1024 bits and SHA-1: right and wrong by PKITS while they were relied on, too old today.
DSA = frozenset({"4.1.4", "4.1.5", "4.1.6"})
WHILE_DSA_WAS_RELIED_ON = datetime(2011, 4, 14, 12, tzinfo=UTC)
REVOKED = frozenset({"revocation.status", "revocation.hold"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of expected.json."""

    test: str
    name: str
    certificate: Certificate
    evidence: Evidence
    policy: ValidationPolicy
    reason: str | None

    @property
    def rule(self) -> str:
        return RULES.get(self.test) or RULES[self.test.rpartition(".")[0]]


@cache
def certificates() -> Mapping[str, Certificate]:
    return {name: Certificate(data) for name, data in material.pkits_certificates().items()}


@cache
def lists() -> Mapping[str, CertificateList]:
    return {name: CertificateList(data) for name, data in material.pkits_lists().items()}


@cache
def expected() -> tuple[datetime, tuple[Row, ...]]:
    found: dict[str, Any] = json.loads((material.DATA / "pkits" / "expected.json").read_text())
    return datetime.fromisoformat(found["validation_time"]), tuple(map(row_of, found["rows"]))


def row_of(row: Mapping[str, Any]) -> Row:
    settings = row["params"]
    return Row(
        test=row["test"],
        name=row["name"],
        certificate=certificates()[row["cert"]],
        evidence=Evidence(
            certificates=tuple(certificates()[name] for name in row["intermediates"]),
            lists=tuple(lists()[name] for name in row["crls"]),
        ),
        policy=replace(
            BASIC,
            certificate_policies=frozenset(settings.get("user_initial_policy_set", [ANY_POLICY])),
            require_explicit_policy=settings.get("initial_explicit_policy", False),
            inhibit_policy_mapping=settings.get("initial_policy_mapping_inhibit", False),
            inhibit_any_policy=settings.get("initial_any_policy_inhibit", False),
        ),
        reason=row["reason"],
    )


def new_store() -> TrustStore:
    return TrustStore(
        [TrustAnchor(certificate=certificates()["TrustAnchorRootCertificate.crt"])],
        name="pkits",
        environment=Environment.TEST,
    )


def broken_rule(row: Row, *, trust: TrustStore, evidence: Evidence, at: datetime) -> str | None:
    """The code of the rule that decides; None where the path is proven and nothing revoked."""
    path = prove(
        row.certificate,
        trust=trust,
        purpose=Purpose.ANY,
        at=at,
        policy=row.policy,
        certificates=evidence.certificates,
    )
    if path.sub_indication is not None:
        return path.findings[0].code
    status = revocation.check_path(path, evidence=evidence, trust=trust, at=at, policy=row.policy)
    if status.sub_indication is None:
        return None
    (first, *_) = (
        finding.code
        for finding in status.findings
        if finding.sub_indication is status.sub_indication
    )
    return first


def agrees(row: Row, code: str | None) -> bool:
    """Whether the rule that decided is the reason that PKITS states."""
    if row.reason is None or code is None:
        return row.reason is None and code is None
    if row.reason == "path":
        return code == row.rule
    if row.reason == "revoked":
        return code in REVOKED
    stale = row.reason == "stale-revocation-data"
    return code.startswith("revocation.") and (
        code == "revocation.freshness" if stale else code not in {"revocation.hold"}
    )


def disagreements(*, together: bool) -> list[str]:
    at, rows = expected()
    everything = Evidence(
        certificates=tuple(certificates().values()), lists=tuple(lists().values())
    )
    trust = new_store()
    found = []
    for row in rows:
        code = broken_rule(
            row,
            trust=trust,
            evidence=everything if together else row.evidence,
            at=WHILE_DSA_WAS_RELIED_ON if row.test in DSA else at,
        )
        if not agrees(row, code):
            found.append(f"{row.test} {row.name}: {row.reason} / {code}")
    return found


def test_there_are_246_rows() -> None:
    assert len(expected()[1]) == 246
    assert (len(certificates()), len(lists())) == (405, 173)


def test_every_row_ends_as_pkits_says_and_for_its_reason() -> None:
    assert disagreements(together=False) == []


def test_dsa_of_1024_bits_is_too_old_at_the_time_of_the_suite() -> None:
    at, rows = expected()
    found = [
        broken_rule(row, trust=new_store(), evidence=row.evidence, at=at)
        for row in rows
        if row.test in DSA
    ]
    assert found == ["path.algorithm_period", "path.algorithm_period", SIGNATURE]


def test_all_certificates_and_lists_at_once_change_nothing() -> None:
    assert disagreements(together=True) == []
