"""From a proven certificate to a person: who it names, and what the portal's tables say of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from ..certificates import Certificate
from ..errors import DecodeError
from ..verify.findings import Fact, Finding
from ..verify.indications import SubIndication
from . import steps
from .methods import METHOD_FACTS, KeyRole, Method, MethodFacts
from .outcome import digest_of
from .person import UNKNOWN, Assurance, Identity, Person, Residency, Role, only_one
from .rules import LoginRules, PersonRules

_REFUSED: Final = SubIndication.CHAIN_CONSTRAINTS_FAILURE


def identify(
    certificate: Certificate,
    *,
    role: KeyRole,
    method: Method,
    rules: LoginRules,
    at: datetime,
    status_at: datetime | None,
    before: tuple[Finding, ...],
    facts: Mapping[str, Fact],
) -> tuple[Person | None, tuple[Finding, ...]]:
    """The person that a proven certificate names, or None with the finding that says why not.

    `before` and `facts` are all that the login rests on so far: the evidence digest covers them.
    """
    try:
        identity = _identity(certificate, rules.persons)
        oids = _oids(certificate)
    except DecodeError as error:
        return None, (steps.SUBJECT.broken(_REFUSED, error=error.code),)
    if identity is None:
        return None, (steps.SUBJECT.broken(_REFUSED),)
    known = steps.SUBJECT.kept(scheme=identity.subject.scheme, country=identity.subject.country)
    assurance = _assurance(oids, method, rules.persons)
    assured = _assured(assurance, rules)
    findings = (known, assured)
    if assured.sub_indication is not None:
        return None, findings
    residency, residency_source = only_one(oids, rules.persons.residency)
    person = Person(
        identity=identity,
        residency=residency or Residency.UNKNOWN,
        residency_source=residency_source,
        roles=identity.roles
        + tuple(
            Role(kind=rules.persons.roles[oid], organisation=identity.organisation, basis=oid)
            for oid in oids
            if oid in rules.persons.roles
        ),
        assurance=assurance,
        method=_method(method, role),
        key_role=role,
        certificate=certificate,
        status_at=status_at,
        evidence=digest_of((*before, *findings), at=at, method=method, facts=facts),
    )
    return person, findings


def _identity(certificate: Certificate, rules: PersonRules) -> Identity | None:
    for read in rules.readers:
        found = read(certificate)
        if found is not None:
            return found
    return None


def _oids(certificate: Certificate) -> tuple[str, ...]:
    """Policies and purposes, each once, in their order."""
    policies = (one.oid for one in certificate.policies or ())
    return tuple(dict.fromkeys((*policies, *(certificate.extended_key_usage or ()))))


def _method(method: Method, role: KeyRole) -> MethodFacts:
    facts = METHOD_FACTS[method]
    if role is not KeyRole.SIGNATURE:
        return facts
    return MethodFacts(
        method=method,
        phishing_resistant=facts.phishing_resistant,
        user_presence=facts.user_presence,
        weaknesses=(*facts.weaknesses, "signature_key"),
    )


def _assurance(oids: tuple[str, ...], method: Method, rules: PersonRules) -> Assurance:
    proofing, proofing_source = only_one(oids, rules.proofing)
    authentication = rules.authentication.get(method)
    return Assurance(
        proofing=proofing,
        proofing_source=proofing_source,
        authentication=authentication,
        authentication_source=UNKNOWN if authentication is None else "rules of the portal",
    )


def _assured(found: Assurance, rules: LoginRules) -> Finding:
    pairs = (
        (found.proofing, rules.least_proofing),
        (found.authentication, rules.least_authentication),
    )
    kept = all(
        least is None or (level is not None and level.reaches(least)) for level, least in pairs
    )
    said: dict[str, Fact] = {
        name: UNKNOWN if level is None else level.value
        for name, level in (
            ("proofing", found.proofing),
            ("authentication", found.authentication),
        )
    }
    return steps.ASSURANCE.kept(**said) if kept else steps.ASSURANCE.broken(_REFUSED, **said)
