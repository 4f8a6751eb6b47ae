"""Officials: who may do what, and whether it was they who did it.

A person holds roles, a certificate only proves the person: two certificates of one personal
number are one official. Each act is a CMS signature that the validator verifies at that moment;
the roles are those of that moment too, so a removal counts from the next act on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol

from ..certificates import Certificate
from ..country import holder_of
from ..errors import NameRefused, TransitionRefused
from ..names import SERIAL_NUMBER
from ..persons import SemanticsIdentifier
from ..verify.evidence import Evidence
from ..verify.indications import Indication
from ..verify.policy import ValidationPolicy
from ..verify.trust import TrustStore
from ..verify.validation import validate
from .encoding import decode
from .failures import Code, Failure
from .people import Pseudonyms
from .statements import ACT_POLICY, ActStatement, SignedAct


class Role(Enum):
    """What an official may be (security.md §5.1)."""

    OPERATOR = "operator"
    CHECKER = "checker"
    SECURITY_OFFICER = "security_officer"
    AUDITOR = "auditor"


# Nobody is both, at the same time.
EXCLUSIVE: Final = (
    frozenset({Role.OPERATOR, Role.CHECKER}),
    frozenset({Role.SECURITY_OFFICER, Role.AUDITOR}),
    frozenset({Role.SECURITY_OFFICER, Role.OPERATOR}),
    frozenset({Role.SECURITY_OFFICER, Role.CHECKER}),
    frozenset({Role.AUDITOR, Role.OPERATOR}),
    frozenset({Role.AUDITOR, Role.CHECKER}),
)

# Act → the one role that may do it. What is not here no official does.
ACTS: Final[Mapping[str, Role]] = MappingProxyType(
    {
        **dict.fromkeys(("check_in", "examine", "record", "turn_away"), Role.OPERATOR),
        "new_secret": Role.OPERATOR,
        **dict.fromkeys(("approve", "return", "decline"), Role.CHECKER),
        **dict.fromkeys(
            ("appoint_official", "remove_official", "unlock_document"), Role.SECURITY_OFFICER
        ),
        # A certificate is held, revoked or released by an operator and a checker together.
        **dict.fromkeys(("propose_hold", "propose_revocation", "propose_release"), Role.OPERATOR),
        **dict.fromkeys(("approve_hold", "approve_revocation", "approve_release"), Role.CHECKER),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """A person in office: pseudonym, roles now in force, stations, and whom they may not judge."""

    person: str
    roles: frozenset[Role]
    stations: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()


def certified_number(certificate: Certificate) -> str | None:
    """The personal number that a certificate names, in the terms of its country or of EN 319 412-1.

    None where there is none, or one that nobody can have: `Office.personal_number`.
    """
    holder = holder_of(certificate)
    if holder is not None:
        number = holder.personal_number
        return None if number is None or number.departures else number.digits
    texts = certificate.subject.values(SERIAL_NUMBER)
    try:
        (text,) = texts
        found = SemanticsIdentifier.parse(text)
    except (ValueError, NameRefused):
        return None
    return found.number if found.scheme == "PNO" else None


class SignatureChecker(Protocol):
    """Whose signature it is: the signer's certificate, or a refusal."""

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        """Raises SignatureNotPassed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ActValidator:
    """The validator that portals use, for acts: `evidence` gives status information of `at`."""

    trust: TrustStore
    evidence: Callable[[datetime], Evidence]
    policy: ValidationPolicy = ACT_POLICY

    def signer_of(self, statement: bytes, signature: bytes, *, at: datetime) -> Certificate:
        """Raises SignatureNotPassed, TransitionRefused where not exactly one person signed."""
        report = validate(
            statement, signature=signature, trust=self.trust, policy=self.policy, at=at,
            evidence=self.evidence(at),
        )  # fmt: skip
        report.require_passed()
        (found, *others) = report.signatures
        if others or found.signer is None or found.indication is not Indication.TOTAL_PASSED:
            raise TransitionRefused(failures=(Failure(code=Code.ACT_NOT_SIGNED),))
        return found.signer


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingOfficial:
    """An official and what they signed, verified: what the guards judge."""

    official: Official
    statement: ActStatement
    certificate: bytes  # SHA-256

    @property
    def person(self) -> str:
        return self.official.person


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """How acts are verified: the checker, whom a certificate names, and the roles of a person."""

    checker: SignatureChecker
    personal_number: Callable[[Certificate], str | None]
    pseudonyms: Pseudonyms
    official: Callable[[str], Official | None]

    def acting(self, act: SignedAct, *, at: datetime) -> ActingOfficial:
        """Who acts. Raises SignatureNotPassed, MalformedStatement, TransitionRefused."""
        statement = decode(ActStatement, act.statement)
        if statement.statement != "eds.enroll.act" or statement.v != 1:
            raise TransitionRefused(failures=(Failure(code=Code.ACT_NOT_SIGNED),))
        certificate = self.checker.signer_of(act.statement, act.signature, at=at)
        number = self.personal_number(certificate)
        person = None if number is None else self.pseudonyms.person(number)
        official = None if person is None else self.official(person)
        if official is None:
            raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
        return ActingOfficial(
            official=official, statement=statement, certificate=certificate.fingerprint
        )


def role_failure(official: Official, act: str) -> Failure | None:
    """Why this official may not do this kind of act; None where they may."""
    wanted = ACTS.get(act)
    if wanted is None or wanted not in official.roles:
        return Failure(code=Code.ROLE_MISSING, fact=act)
    if any(pair <= official.roles for pair in EXCLUSIVE):
        return Failure(code=Code.ROLES_EXCLUSIVE, fact=act)
    return None


def pair_failures(
    first: ActingOfficial, second: ActingOfficial, *, concerned: frozenset[str]
) -> tuple[Failure, ...]:
    """Why these two may not do it together; `concerned` are the people it is about."""
    found = []
    if first.person == second.person:
        found.append(Failure(code=Code.SAME_PERSON))
    for each in (first, second):
        if each.person in concerned:
            found.append(Failure(code=Code.OWN_CASE))
        if each.official.conflicts & concerned:
            found.append(Failure(code=Code.CONFLICT))
    a, b = first.statement, second.statement
    if (a.target, a.digest, a.reason, a.version) != (b.target, b.digest, b.reason, b.version):
        found.append(Failure(code=Code.ANOTHER_RECORD))
    return tuple(found)
