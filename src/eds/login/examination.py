"""A token against its challenge: algorithm, key, path, status and, last, the signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from ..algorithms import SignatureAlgorithm
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError
from ..verify import revocation
from ..verify.evidence import Evidence
from ..verify.findings import Finding
from ..verify.indications import Indication, SubIndication
from ..verify.path import PathResult, prove
from ..verify.policy import is_relied_on
from ..verify.signer_certificate import find_certificate, references_in
from ..verify.trust import Purpose, TrustStore
from ..verify.validation import validate
from . import steps
from .challenges import LoginChallenge
from .methods import KeyRole, role_of
from .rules import LoginRules
from .statement import CONTENT_TYPES, SignedStatement, write_statement
from .web_eid import WebEidToken, is_signed, row_of

_FORMAT: Final = SubIndication.FORMAT_FAILURE
_CHAIN: Final = SubIndication.CHAIN_CONSTRAINTS_FAILURE
_CRYPTO: Final = SubIndication.CRYPTO_CONSTRAINTS_FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Everything beside the token."""

    challenge: LoginChallenge
    rules: LoginRules
    trust: TrustStore
    evidence: Callable[[PathResult], Evidence]
    at: datetime


class Examination(NamedTuple):
    """What was found. `signed`: a signature over this challenge was verified."""

    findings: tuple[Finding, ...]
    certificate: Certificate | None
    role: KeyRole | None
    signed: bool
    status_at: datetime | None


class _Judged(NamedTuple):
    """A certificate judged now; `evidence` is None where its path is not proven."""

    findings: tuple[Finding, ...]
    role: KeyRole | None
    purpose: Purpose
    evidence: Evidence | None
    status_at: datetime | None


def examine_web_eid(token: WebEidToken, asked: Asked) -> Examination:
    """A Web eID token: everything about its certificate, then the signature."""
    certificate = token.certificate
    findings = [steps.CERTIFICATE.kept(certificate=certificate.fingerprint)]
    row: SignatureAlgorithm | None = None
    try:
        row = row_of(token)
        findings.append(_algorithm(row, certificate, asked))
    except (AlgorithmError, DecodeError) as error:
        findings.append(steps.ALGORITHM.broken(_CRYPTO, error=error.code))
    judged = _judge(certificate, asked)
    findings += judged.findings
    signed = False
    # No key is used before its certificate is proven.
    if row is not None and judged.evidence is not None:
        try:
            signed = is_signed(token, row, challenge=asked.challenge)
            findings.append(
                steps.SIGNATURE.kept(algorithm=row.name)
                if signed
                else steps.SIGNATURE.broken(SubIndication.SIG_CRYPTO_FAILURE, algorithm=row.name)
            )
        except (AlgorithmError, DecodeError) as error:
            findings.append(steps.SIGNATURE.broken(_CRYPTO, error=error.code))
    return Examination(tuple(findings), certificate, judged.role, signed, judged.status_at)


def examine_statement(statement: SignedStatement, asked: Asked) -> Examination:
    """A CMS over a statement: the certificate as above, then the whole validation of the CMS.

    Path and status are judged for now, whatever a time-stamp in the CMS may prove: whoever was
    revoked a minute ago is not let in.
    """
    certificate = _signer(statement)
    if certificate is None:
        broken = steps.CERTIFICATE.broken(SubIndication.NO_SIGNING_CERTIFICATE_FOUND)
        return Examination((broken,), None, None, signed=False, status_at=None)
    judged = _judge(certificate, asked)
    first = [steps.CERTIFICATE.kept(certificate=certificate.fingerprint)]
    last: list[Finding] = []
    wanted = write_statement(asked.challenge, method=statement.method)
    matches = statement.content == wanted
    last.append(steps.STATEMENT.kept() if matches else steps.STATEMENT.broken(_FORMAT))
    signed = False
    if judged.evidence is not None:
        report = validate(
            statement.encoded,
            trust=asked.trust,
            policy=asked.rules.policy_for(CONTENT_TYPES[statement.method]),
            at=asked.at,
            evidence=judged.evidence,
            purpose=judged.purpose,
        )
        one = report.signatures[0] if len(report.signatures) == 1 else None
        if one is not None and one.algorithm is not None:
            first.append(_allowed(one.algorithm, asked))
        passed = report.indication is Indication.TOTAL_PASSED
        signed = passed and matches and one is not None and one.signer == certificate
        if signed and one is not None:
            last.append(steps.SIGNATURE.kept(algorithm=one.algorithm))
        else:
            sub = report.sub_indication or SubIndication.SIG_CRYPTO_FAILURE
            codes = [*report.findings, *(() if one is None else one.findings)]
            why = tuple(dict.fromkeys(f.code for f in codes if f.sub_indication is not None))
            last.append(steps.SIGNATURE.broken(sub, broken=why))
    findings = (*first, *judged.findings, *last)
    return Examination(findings, certificate, judged.role, signed, judged.status_at)


def _signer(statement: SignedStatement) -> Certificate | None:
    """The certificate that the signer names, among those that came along."""
    signed_data = statement.signed_data
    try:
        (info,) = signed_data.signer_infos
        signed = {one.oid: one for one in info.signed_attributes or ()}
        return find_certificate(
            info, references_in(signed), signed_data.certificates_encoded, (), _certificate
        )
    except DecodeError:
        return None


def _certificate(encoded: bytes) -> Certificate | None:
    try:
        return Certificate(encoded)
    except DecodeError:
        return None


def _allowed(algorithm: str, asked: Asked) -> Finding:
    if algorithm in asked.rules.algorithms:
        return steps.ALGORITHM.kept(algorithm=algorithm)
    return steps.ALGORITHM.broken(_CRYPTO, algorithm=algorithm)


def _algorithm(row: SignatureAlgorithm, certificate: Certificate, asked: Asked) -> Finding:
    """Whether the rules allow it, and it may be relied on today with a key of that size."""
    until = asked.rules.policy.algorithms.signature_until(row, certificate.public_key)
    if not is_relied_on(until, at=asked.at):
        day = "" if until is None else until.isoformat()
        return steps.ALGORITHM.broken(_CRYPTO, algorithm=row.name, until=day)
    return _allowed(row.name, asked)


def _judge(certificate: Certificate, asked: Asked) -> _Judged:
    """Role, policies, path and status of a certificate, now.

    Evidence is asked for only once the path is proven.
    """
    rules = asked.rules
    try:
        role = role_of(certificate)
        named = {one.oid for one in certificate.policies or ()}
    except DecodeError as error:
        finding = steps.CERTIFICATE.broken(_FORMAT, error=error.code)
        return _Judged((finding,), None, Purpose.AUTHENTICATION, None, None)
    findings = [_role(role, rules), _policies(named, rules)]
    purpose = Purpose.SIGNATURE if role is KeyRole.SIGNATURE else Purpose.AUTHENTICATION
    path = prove(certificate, trust=asked.trust, purpose=purpose, at=asked.at, policy=rules.policy)
    if path.sub_indication is not None:
        why = tuple(one.code for one in path.findings if one.sub_indication is not None)
        findings.append(steps.PATH.broken(path.sub_indication, broken=why))
        return _Judged(tuple(findings), role, purpose, None, None)
    findings.append(steps.PATH.kept(purpose=purpose.value, certificates=len(path.path)))
    evidence = asked.evidence(path)
    status = revocation.check_path(
        path,
        evidence=evidence,
        trust=asked.trust,
        at=asked.at,
        policy=rules.policy,
        validation_time=asked.at,
    )
    known = status.results[0].this_update if status.results else None
    why = tuple(one.code for one in status.findings if one.sub_indication is not None)
    findings.append(
        steps.STATUS.kept(this_update=known)
        if status.sub_indication is None
        else steps.STATUS.broken(status.sub_indication, broken=why)
    )
    return _Judged(tuple(findings), role, purpose, evidence, known)


def _role(role: KeyRole, rules: LoginRules) -> Finding:
    if role not in rules.key_roles:
        return steps.KEY_ROLE.broken(_CHAIN, role=role.value)
    if role is KeyRole.AUTHENTICATION:
        return steps.KEY_ROLE.kept(role=role.value)
    return steps.KEY_ROLE.noted(role=role.value)


def _policies(named: set[str], rules: LoginRules) -> Finding:
    missing = tuple(sorted(rules.required_policies - named))
    forbidden = tuple(sorted(rules.forbidden_policies & named))
    if missing or forbidden:
        return steps.POLICIES.broken(_CHAIN, missing=missing, forbidden=forbidden)
    return steps.POLICIES.kept()
