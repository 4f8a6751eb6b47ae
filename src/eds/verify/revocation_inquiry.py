"""What judging the status of one certificate works with: the question, the rules, what was seen.

Lists and OCSP answers are read in modules of their own. Both turn whatever may be believed into
observations, and whatever may not into problems that name the rule and the facts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from enum import Enum
from typing import Final, NamedTuple

from .. import der
from ..algorithms import SignatureAlgorithm, identify
from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import EdsError
from ..extensions import RevocationReason
from ..names import Name
from ..ocsp import OcspResponse
from ..publickeys import PublicKey
from .evidence import Evidence
from .findings import Fact, Finding, Rule
from .indications import SubIndication
from .policy import ValidationPolicy, is_relied_on
from .trust import TrustAnchor, TrustStore

AVAILABLE: Final = Rule(
    code="revocation.available",
    clause="EN 319 102-1 §5.2.6.4; RFC 5280 §6.3",
    says="there is evidence about the status of the certificate",
)
WELL_FORMED: Final = Rule(
    code="revocation.well_formed",
    clause="RFC 5280 §5; RFC 6960 §4.2",
    says="the list or OCSP response can be read",
)
SIGNATURE: Final = Rule(
    code="revocation.signature",
    clause="RFC 5280 §6.3.3 (g); RFC 6960 §3.2",
    says="the signature of the list or OCSP response verifies, over its bytes as they stand",
)
AUTHORITY: Final = Rule(
    code="revocation.authority",
    clause="RFC 5280 §6.3.3 (f); RFC 6960 §4.2.2.2",
    says="whoever signed the list or OCSP response may speak for the issuer",
)
ALGORITHM: Final = Rule(
    code="revocation.algorithm",
    clause="EN 319 102-1 §5.2.8; TS 119 312",
    says="the algorithms of the list or OCSP response could be relied on",
)
SCOPE: Final = Rule(
    code="revocation.scope",
    clause="RFC 5280 §6.3.3 (b)",
    says="the list is about this certificate",
)
EXTENSIONS: Final = Rule(
    code="revocation.extensions",
    clause="RFC 5280 §5.2, §5.3; RFC 6960 §4.4",
    says="every critical extension of the list or OCSP response is understood",
)
DELTA: Final = Rule(
    code="revocation.delta",
    clause="RFC 5280 §5.2.4, §6.3.3 (c)",
    says="the delta list has a complete list to build on",
)
REASONS: Final = Rule(
    code="revocation.reasons",
    clause="RFC 5280 §6.3.3 (d), (e)",
    says="all reasons for a revocation are covered",
)
FRESHNESS: Final = Rule(
    code="revocation.freshness",
    clause="EN 319 102-1 §5.2.5; RFC 6960 §4.2.2.1",
    says="the evidence was fresh at the instant that is judged",
)
ISSUED: Final = Rule(
    code="revocation.issued",
    clause="RFC 5280 §5.1.2.4; RFC 6960 §4.2.2.1",
    says="the evidence had been issued when the validation took place",
)
EXPIRED: Final = Rule(
    code="revocation.expired",
    clause="RFC 5280 §3.3; X.509 expiredCertsOnCRL; RFC 6960 §4.4.4",
    says="the evidence still speaks of a certificate that has expired",
)
ANSWER: Final = Rule(
    code="revocation.answer",
    clause="RFC 6960 §2.2, §2.3",
    says="the responder answered, and knows the certificate",
)
NONCE: Final = Rule(
    code="revocation.nonce",
    clause="RFC 6960 §4.4.1; RFC 9654",
    says="the OCSP response repeats the nonce of the request",
)
BUDGET: Final = Rule(
    code="revocation.budget",
    clause="policy",
    says="the evidence can be judged within the work allowed",
)
STATUS: Final = Rule(
    code="revocation.status",
    clause="EN 319 102-1 §5.2.6.4; RFC 5280 §6.3",
    says="the certificate was not revoked at the instant that is judged",
)
HOLD: Final = Rule(
    code="revocation.hold",
    clause="EN 319 102-1 §5.2.6.4; RFC 5280 §5.3.1",
    says="the certificate was not on hold at the instant that is judged",
)
INVALIDITY: Final = Rule(
    code="revocation.invalidity_date",
    clause="RFC 5280 §5.3.2",
    says="nothing says that the key may have been compromised before the revocation",
)
SHORT_TERM: Final = Rule(
    code="revocation.short_term",
    clause="RFC 9608 §4; EN 319 412-1 §5.2",
    says="certificates of a short life need no status where their issuer offers none",
)
ANCHOR: Final = Rule(
    code="revocation.anchor",
    clause="RFC 5280 §6.1",
    says="a trust anchor is believed as such and its status is not asked",
)

RULES: Final = (
    AVAILABLE, WELL_FORMED, SIGNATURE, AUTHORITY, ALGORITHM, SCOPE, EXTENSIONS, DELTA, REASONS,
    FRESHNESS, ISSUED, EXPIRED, ANSWER, NONCE, BUDGET, STATUS, HOLD, INVALIDITY, SHORT_TERM, ANCHOR,
)  # fmt: skip

ALWAYS: Final = datetime.max.replace(tzinfo=UTC, microsecond=0)
_LAST: Final = time_of_day(23, 59, 59)
ALL_REASONS: Final = frozenset(range(1, 9))  # the bits of ReasonFlags (RFC 5280 §4.2.1.13)
HOLD_REASON: Final = 6
GENERAL_FAILURE: Final = SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE
# More problems than that are counted and not listed: hostile evidence makes no endless report.
MOST_PROBLEMS: Final = 16
# A signer of evidence whose own status needs evidence of another signer, and so on.
DEEPEST: Final = 4


class Status(Enum):
    """What is known of a certificate at one instant. Only GOOD is good."""

    GOOD = "good"
    REVOKED = "revoked"
    ON_HOLD = "on_hold"
    UNKNOWN = "unknown"


class Observation(NamedTuple):
    """What one believable list (with its delta) or OCSP answer says.

    `since` is when the revocation or hold began. `fresh_until` is the last instant for which it
    counts as fresh; it does for every instant before `this_update` as well, since it knows more
    than whoever looked then. `reasons` are the bits it covers; `speaks` is False where the
    certificate may have been dropped from it after it expired.
    """

    status: Status
    this_update: datetime
    next_update: datetime | None
    fresh_until: datetime
    source: CertificateList | OcspResponse
    beside: tuple[CertificateList, ...] = ()  # what it takes together with `source`
    since: datetime | None = None
    reason: RevocationReason | None = None
    invalidity_date: datetime | None = None
    reasons: frozenset[int] = ALL_REASONS
    speaks: bool = True
    findings: tuple[Finding, ...] = ()

    @property
    def end(self) -> datetime:
        """The last instant for which it may be relied on."""
        fresh, this = self.fresh_until, self.this_update
        return fresh if fresh >= this else this

    def is_fresh(self, at: datetime) -> bool:
        """Whether it may be relied on for `at`."""
        return at <= self.fresh_until or at <= self.this_update


@dataclass(slots=True)
class Problem:
    """Evidence that could not be used: the rule it broke, what that amounts to, the facts."""

    rule: Rule
    sub_indication: SubIndication
    facts: dict[str, Fact]


class NotUsable(Exception):
    """Inside these modules only: one piece of evidence is not believed."""

    def __init__(self, rule: Rule, sub_indication: SubIndication, **facts: Fact) -> None:
        super().__init__(rule.code)
        self.problem = Problem(rule, sub_indication, facts)


@dataclass(slots=True, kw_only=True)
class Inquiry:
    """One certificate, one instant, and everything that bears on its status.

    `visiting` are the octets of the certificates whose status is being established:
    a signer among them proves nothing about itself. `status_of` judges the certificate of
    another signer of evidence, under the issuer and at the instant given. `checks` counts
    signature checks down, shared by all that hang together; so is `deadline`, an instant of
    monotonic time.
    """

    certificate: Certificate
    issuer: Certificate
    evidence: Evidence
    trust: TrustStore
    at: datetime
    policy: ValidationPolicy
    validation_time: datetime | None
    nonce: bytes | None
    anchor: TrustAnchor | None
    visiting: frozenset[bytes]
    checks: list[int]
    deadline: float
    status_of: Callable[[Inquiry, Certificate, Certificate, datetime], Status]
    problems: list[Problem] = field(default_factory=list)
    foreign: int = 0
    believed: tuple[CertificateList | OcspResponse, ...] = ()

    def spend(self) -> None:
        """One more signature check. Raises NotUsable where the budget is used up."""
        if self.checks[0] <= 0:
            raise NotUsable(
                BUDGET, GENERAL_FAILURE, signature_checks=self.policy.budget.signature_checks
            )
        if time.monotonic() > self.deadline:
            raise NotUsable(BUDGET, GENERAL_FAILURE, seconds=str(self.policy.budget.seconds))
        self.checks[0] -= 1

    def require_issued(self, instant: datetime) -> None:
        """Raises NotUsable for evidence issued after the validation."""
        latest = self.validation_time
        if latest is not None and instant > latest + self.policy.clock_skew:
            raise NotUsable(ISSUED, SubIndication.TRY_LATER, issued=instant, validation_time=latest)

    def fresh_until(
        self, this_update: datetime, next_update: datetime | None, signed_until: datetime
    ) -> datetime:
        """The last instant for which evidence of that age, signed so, is fresh."""
        rules = self.policy.revocation
        if next_update is None:
            next_update = _later(this_update, rules.without_next_update)
        if rules.freshness is not None:
            next_update = min(next_update, _later(this_update, rules.freshness))
        return min(next_update, signed_until)

    def verify(
        self, algorithm: SignatureAlgorithm, key: PublicKey, signature: bytes, message: bytes
    ) -> Finding:
        """The signature of evidence. Raises NotUsable unless it verifies with `key`."""
        self.spend()
        try:
            right = key.verifier(algorithm)(signature, message)
        except EdsError as error:
            raise NotUsable(SIGNATURE, GENERAL_FAILURE, error=error.code) from error
        if not right:
            raise NotUsable(SIGNATURE, GENERAL_FAILURE, algorithm=algorithm.name)
        return SIGNATURE.kept(algorithm=algorithm.name)

    def require_algorithm(
        self, algorithm: SignatureAlgorithm, key: PublicKey, instant: datetime
    ) -> datetime:
        """The last instant at which the policy relies on that algorithm and key.

        Raises NotUsable where `instant` lies behind it.
        """
        until = self.policy.algorithms.signature_until(algorithm, key)
        if not is_relied_on(until, at=instant):
            raise NotUsable(
                ALGORITHM,
                SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
                algorithm=algorithm.name,
                key=key.description,
                relied_on_until=None if until is None else until.isoformat(),
                used=instant,
            )
        return ALWAYS if until is None else datetime.combine(until, _LAST, UTC)

    def require_in_validity(self, signer: Certificate, instant: datetime) -> datetime:
        """The last instant at which the certificate of a signer is valid; an anchor always is.

        Raises NotUsable where `instant` lies outside.
        """
        if self.trust.is_anchor(signer):
            return ALWAYS
        not_after = signer.not_after
        if signer.not_before <= instant <= not_after:
            return not_after
        raise NotUsable(
            AUTHORITY,
            SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE,
            signer=signer.fingerprint.hex(),
            used=instant,
            not_before=signer.not_before,
            not_after=signer.not_after,
        )


def algorithm_of(identifier: der.Element, key: PublicKey) -> SignatureAlgorithm:
    """The row of a signature beside that key. Raises NotUsable."""
    try:
        return identify(identifier, key_type=key.key_type, curve=key.curve)
    except EdsError as error:
        raise NotUsable(SIGNATURE, GENERAL_FAILURE, error=error.code) from error


def subject_matches(certificate: Certificate, name: Name) -> bool:
    """Whether its subject is that name; one that cannot be read is nobody's."""
    try:
        return certificate.subject.matches(name)
    except EdsError:
        return False


def _later(instant: datetime, span: timedelta) -> datetime:
    try:
        return instant + span
    except OverflowError:
        return datetime.max.replace(tzinfo=instant.tzinfo)
