"""x509-limbo: paths built to be got wrong, hostile ones among them.

`limbo_exceptions.json` names every case that is judged otherwise here, with what makes a
citizen's certificate another thing than a web server's; a case that agrees must not stand there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import DecodeError
from eds.verify import revocation
from eds.verify.evidence import Evidence
from eds.verify.path import prove
from eds.verify.policy import BASIC, Budget
from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore

from .. import material

pytestmark = material.needs_data

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)  # where a case names no time
EXCEPTIONS = json.loads((Path(__file__).parent / "limbo_exceptions.json").read_text())

Case = Mapping[str, Any]


@cache
def cases() -> tuple[Case, ...]:
    return tuple(json.loads((material.DATA / "limbo" / "limbo.json").read_text())["testcases"])


def readable(texts: list[str]) -> tuple[Certificate, ...]:
    """The certificates among these that are any: others help nobody."""
    found = []
    for text in texts:
        try:
            found.append(Certificate.load(text.encode()))
        except DecodeError:
            continue
    return tuple(found)


def passes(case: Case) -> bool:
    try:
        certificate = Certificate.load(case["peer_certificate"].encode())
    except DecodeError:
        return False
    time = case["validation_time"]
    at = datetime.fromisoformat(time) if time else NOON
    depth = case["max_chain_depth"]
    policy = BASIC
    if depth is not None:  # counts neither the certificate nor the anchor
        policy = replace(BASIC, budget=Budget(path_length=depth + 2))
    trust = TrustStore(
        [TrustAnchor(certificate=one) for one in readable(case["trusted_certs"])],
        name="limbo",
        environment=Environment.TEST,
    )
    evidence = Evidence(
        certificates=readable(case["untrusted_intermediates"]),
        lists=tuple(CertificateList.load(text.encode()) for text in case["crls"]),
    )
    path = prove(
        certificate,
        trust=trust,
        purpose=Purpose.ANY,
        at=at,
        policy=policy,
        certificates=evidence.certificates,
    )
    if path.sub_indication is not None or not evidence.lists:
        return path.sub_indication is None
    status = revocation.check_path(path, evidence=evidence, trust=trust, at=at, policy=policy)
    return status.sub_indication is None


def test_every_case_but_the_exceptions_ends_as_limbo_says() -> None:
    assert len(cases()) == 208
    otherwise = {
        case["id"] for case in cases() if passes(case) != (case["expected_result"] == "SUCCESS")
    }
    assert sorted(otherwise ^ set(EXCEPTIONS)) == []


def test_every_exception_has_its_reason() -> None:
    assert all(len(reason.split()) > 5 for reason in EXCEPTIONS.values())


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if "pathological" in case["id"]] if material.DATA.exists() else [],
    ids=lambda case: case["id"],
)
def test_hostile_paths_end_within_their_budget(case: Case) -> None:
    """By counted work, not by the clock: a deadline of its own would end each of them too."""
    assert passes(case) == (case["expected_result"] == "SUCCESS")
