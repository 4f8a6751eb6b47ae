"""The bytes of a certificate held against rules before they are signed.

The to-be-signed bytes are read again, from nothing but themselves, and held against the profile
and the issuer. Each rule has a name, the clause it comes from and a severity; docs/lint.md is
their table. What stands alike in many certificates (all but serial number, validity, subject, key
and what names them) is judged once for the same octets, profile, issuer and list, so that linting
costs little at each issue. No finding repeats a text of the subject.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Final

from ..errors import AlgorithmError, DecodeError, LintFailed, NaiveDatetime
from .lint_rules import RULES as _RULES
from .lint_usual import usual
from .lint_view import Finding, Rule, Severity, View
from .profiles import CertificateProfile
from .tbs import IssuerFacts

__all__ = ["RULES", "Finding", "Rule", "Severity", "lint", "require_clean"]

RULES: Final[tuple[Rule, ...]] = tuple(_RULES)
_DER: Final = RULES[0]
_EACH: Final = tuple((rule.check, rule) for rule in RULES if not rule.shared)
_SHARED: Final = tuple(rule for rule in RULES if rule.shared)

# What shared rules found, by what they looked at.
_Judged = tuple[CertificateProfile, IssuerFacts, int | None, tuple[bytes, ...]]
_judged: OrderedDict[_Judged, tuple[Finding, ...]] = OrderedDict()
_JUDGED_LIMIT: Final = 32768  # sixteen profiles in two thousand lists


def lint(
    tbs: bytes,
    *,
    profile: CertificateProfile,
    issuer: IssuerFacts,
    at: datetime,
    shard: int | None = None,
) -> tuple[Finding, ...]:
    """All findings over an encoded TBSCertificate; empty where it keeps every rule.

    `at` is the instant of issue (aware). Bytes that are no TBSCertificate break the rule `der`.
    Raises NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    form = usual(profile, issuer)
    if form.keeps_all(tbs, at=at, shard=shard):
        return ()
    try:
        view = View(tbs, profile, issuer, at, shard)
    except DecodeError as error:
        return (_DER.finding(str(error)),)
    found = _findings(view)
    if not found:
        form.learn(view, shard)
    return found


def ask_every_rule(
    tbs: bytes,
    *,
    profile: CertificateProfile,
    issuer: IssuerFacts,
    at: datetime,
    shard: int | None = None,
) -> tuple[Finding, ...]:
    """What `lint` answers, by the long road: what `eds.ca.lint_usual` is held against."""
    try:
        return _findings(View(tbs, profile, issuer, at, shard))
    except DecodeError as error:
        return (_DER.finding(str(error)),)


def _findings(view: View) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for check, rule in _EACH:
        try:  # what a rule cannot read breaks it
            answer = check(view)
        except (DecodeError, AlgorithmError) as error:
            answer = error.code
        if answer is not None:
            found += rule.findings(answer)
    return (*found, *_shared_findings(view))


def require_clean(
    tbs: bytes,
    *,
    profile: CertificateProfile,
    issuer: IssuerFacts,
    at: datetime,
    shard: int | None = None,
) -> None:
    """Raises LintFailed, with the names of the rules, where an error is found."""
    found = lint(tbs, profile=profile, issuer=issuer, at=at, shard=shard)
    if not found:
        return
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    if errors:
        raise LintFailed(
            rules=tuple(dict.fromkeys(finding.rule for finding in errors)),
            reason="; ".join(
                f"{finding.rule} ({finding.clause}): {finding.detail}" for finding in errors
            ),
        )


def _shared_findings(view: View) -> tuple[Finding, ...]:
    key = (view.profile, view.issuer_facts, view.shard, view.shared_octets)
    found = _judged.get(key)
    if found is None:
        judged: list[Finding] = []
        for rule in _SHARED:
            try:
                answer = rule.check(view)
            except (DecodeError, AlgorithmError) as error:
                answer = error.code
            if answer is not None:
                judged += rule.findings(answer)
        found = _judged[key] = tuple(judged)
        while len(_judged) > _JUDGED_LIMIT:
            _judged.popitem(last=False)
    return found
