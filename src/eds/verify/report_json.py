"""The report as JSON: plain values with stable keys (docs/report.schema.json).

Times are RFC 3339 in UTC, octets and serial numbers hexadecimal, absent things null.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ..certificates import Certificate
from ..country import holder_of
from ..errors import DecodeError
from ..names import Name
from .findings import Fact, Finding
from .report import Coverage, SignatureReport, TimeStampReport, ValidationReport

FORMAT: Final = "eds-validation-report:1"


def as_json(report: ValidationReport) -> dict[str, Any]:
    """The report as `json.dumps` takes it."""
    return {
        "format": FORMAT,
        "at": instant(report.at),
        "policy": report.policy,
        "trust": report.trust,
        "indication": report.indication.value,
        "sub_indication": None if report.sub_indication is None else report.sub_indication.value,
        "content_sha256": None if report.content_digest is None else report.content_digest.hex(),
        "findings": list(map(_finding, report.findings)),
        "signatures": list(map(_signature, report.signatures)),
    }


def instant(at: datetime | None) -> str | None:
    """RFC 3339, UTC, without a fraction where there is none."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _signature(one: SignatureReport) -> dict[str, Any]:
    return {
        "format": one.format.value,
        "indication": one.indication.value,
        "sub_indication": None if one.sub_indication is None else one.sub_indication.value,
        "level": None if one.level is None else one.level.value,
        "signer": None if one.signer is None else _certificate(one.signer),
        "holder": None if one.signer is None else _holder(one.signer),
        "claimed_time": instant(one.claimed_time),
        "proven_time": instant(one.proven_time),
        "algorithm": one.algorithm,
        "digest_algorithm": one.digest_algorithm,
        "content_type": one.content_type,
        "coverage": None if one.coverage is None else _coverage(one.coverage),
        "path": list(map(_certificate, one.path)),
        "time_stamps": list(map(_time_stamp, one.time_stamps)),
        "counter_signatures": list(map(_signature, one.counter_signatures)),
        "findings": list(map(_finding, one.findings)),
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "whole": coverage.whole,
        "changes": list(coverage.changes),
        "name": coverage.name or None,
    }


def _time_stamp(stamp: TimeStampReport) -> dict[str, Any]:
    return {
        "kind": stamp.kind,
        "time": instant(stamp.time),
        "indication": stamp.indication.value,
        "sub_indication": None if stamp.sub_indication is None else stamp.sub_indication.value,
        "authority": None if stamp.authority is None else _certificate(stamp.authority),
        "policy": stamp.policy,
        "findings": list(map(_finding, stamp.findings)),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    sub = finding.sub_indication
    return {
        "code": finding.code,
        "outcome": finding.outcome.value,
        "sub_indication": None if sub is None else sub.value,
        "clause": finding.clause,
        "says": finding.rule.says,
        "facts": _facts(finding.facts),
    }


def _facts(facts: Mapping[str, Fact]) -> dict[str, Any]:
    return {name: fact_value(fact) for name, fact in facts.items()}


def fact_value(fact: Fact) -> Any:
    """A fact as JSON has it."""
    if isinstance(fact, datetime):
        return instant(fact)
    if isinstance(fact, bytes):
        return fact.hex()
    if isinstance(fact, tuple):
        return list(fact)
    return fact


def _certificate(certificate: Certificate) -> dict[str, Any]:
    return {
        "sha256": certificate.fingerprint.hex(),
        "subject": _name(certificate, "subject"),
        "issuer": _name(certificate, "issuer"),
        "serial_number": _read(certificate, "serial_number_octets"),
        "not_before": _read(certificate, "not_before"),
        "not_after": _read(certificate, "not_after"),
    }


def _holder(certificate: Certificate) -> dict[str, Any] | None:
    """The subject in the terms of its country; null where none is known."""
    found = holder_of(certificate)
    if found is None:
        return None
    facts = {key: fact_value(value) for key, value in found.facts()}
    return {"country": found.country, **facts}


def _name(certificate: Certificate, which: str) -> dict[str, Any] | None:
    try:
        name: Name = getattr(certificate, which)
        return {
            "rfc4514": name.rfc4514,
            "attributes": [
                {"oid": one.oid, "name": one.type_name, "value": one.text}
                for one in name.attributes
            ],
        }
    except DecodeError:
        return None


def _read(certificate: Certificate, what: str) -> Any:
    """A property of a certificate that may not be readable: then null."""
    try:
        value = getattr(certificate, what)
    except DecodeError:
        return None
    return fact_value(value)
