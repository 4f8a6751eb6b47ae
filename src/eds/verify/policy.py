"""Validation policy: what a relying party demands, as data (EN 319 102-1 §5.1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final

from ..algorithms import KEY_SIZE_PERIODS, DigestAlgorithm, KeyType, SignatureAlgorithm
from ..extensions import KeyUsage
from ..publickeys import PublicKey
from ..tolerances import MISSING_NULL, NON_MINIMAL_LENGTH, TOLERANCES

TOLERATED: Final = frozenset(
    row.name for row in TOLERANCES if row.accepted and row not in (NON_MINIMAL_LENGTH, MISSING_NULL)
)
"""What is forgiven unless a policy says otherwise. In a signature, octets that nobody signs and
that may be there or not make a second document of the same meaning: not those two."""
DATA: Final = "1.2.840.113549.1.7.1"
ANY_POLICY: Final = "2.5.29.32.0"


class Level(Enum):
    """Baseline levels, each with all that those before it have (EN 319 122-1, 319 142-1)."""

    B = "B"
    T = "T"
    LT = "LT"
    LTA = "LTA"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmRules:
    """Which algorithms may be relied on, and until when.

    `refused` are names of digests or signature algorithms never relied on; `until` sets a day
    of its own for a name, else the row of the algorithm table decides. The day itself still
    counts, in UTC. `minimum_bits` refuses shorter keys whatever the date.
    """

    refused: frozenset[str] = frozenset()
    until: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    minimum_bits: Mapping[KeyType, int] = field(default_factory=lambda: MappingProxyType({}))

    def digest_until(self, digest: DigestAlgorithm) -> date | None:
        """The last day on which `digest` may be relied on; None: no end is known."""
        return self._until(digest.name, digest.relied_on_until)

    def signature_until(self, algorithm: SignatureAlgorithm, key: PublicKey) -> date | None:
        """The last day for that algorithm with that key; None: no end is known.

        Raises UnknownAlgorithm, MalformedPublicKey.
        """
        until = self.key_until(key)
        digest = algorithm.digest
        for row in (algorithm,) if digest is None else (algorithm, digest):
            own = row.relied_on_until
            if row.name in self.refused:
                own = date.min
            elif self.until:
                own = self.until.get(row.name, own)
            if own is not None:
                until = _earlier(until, own)
        return until

    def key_until(self, key: PublicKey) -> date | None:
        """The last day for a key of that kind and size; None: no end is known.

        Raises UnknownAlgorithm, MalformedPublicKey.
        """
        key_type, bits = key.key_type, key.bits
        if self.minimum_bits and bits < self.minimum_bits.get(key_type, 0):
            return date.min
        until: date | None = None
        for period in _PERIODS.get(key_type, ()):
            if bits < period.below_bits:
                until = _earlier(until, period.relied_on_until)
        return until

    def _until(self, name: str, otherwise: date | None) -> date | None:
        if name in self.refused:
            return date.min
        return self.until.get(name, otherwise)


_PERIODS: Final = {
    key_type: tuple(row for row in KEY_SIZE_PERIODS if row.key_type is key_type)
    for key_type in {row.key_type for row in KEY_SIZE_PERIODS}
}


def _earlier(one: date | None, other: date | None) -> date | None:
    """The earlier of two days, of which None never comes."""
    if one is None or other is None:
        return one or other
    return min(one, other)


def is_relied_on(until: date | None, *, at: datetime) -> bool:
    """Whether a day named by AlgorithmRules has not passed at `at`."""
    return until is None or at < datetime.combine(until, time(), UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRules:
    """How fresh status must be. That there is some is never optional.

    `freshness` is the greatest age of an answer at the time that is judged, beside its own
    next_update (None: next_update alone decides); `without_next_update` the greatest age of one
    that names none. `short_term` is the longest validity period of certificates that may go
    without, where their issuer says that there is none (noRevAvail, RFC 9608; validity assured,
    EN 319 412-1 §5.2); None: no certificate may. Seven days is what the CA/Browser Forum's
    Baseline Requirements §1.6.1 call short-lived.
    """

    freshness: timedelta | None = None
    without_next_update: timedelta = timedelta(hours=24)
    short_term: timedelta | None = timedelta(days=7)
    anchors_are_checked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much work one validation may cost: it ends INDETERMINATE beyond, never hangs.

    `pdf_octets` bounds the size of a PDF document, `pdf_decoded_octets` what its compressed
    streams may come to in sum, `pdf_objects` how often an object is looked up in it.
    """

    signature_checks: int = 64
    path_length: int = 8
    candidates: int = 512  # issuers tried while building paths
    name_comparisons: int = 100_000  # of names with constraints
    seconds: float = 5.0  # of monotonic time
    pdf_octets: int = 64 * 1024 * 1024
    pdf_decoded_octets: int = 64 * 1024 * 1024
    pdf_objects: int = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPolicy:
    """Everything that a relying party may choose, and nothing else.

    `certificate_policies` is the user-initial-policy-set of RFC 5280 §6.1.1 (c).
    `content_types` are the eContentTypes that may be signed. `signer_key_usage`: at least one
    of them must be in the signer's certificate, where it limits the usage at all.
    `signer_purposes` are extended key usages that mean signing beside the international ones;
    of `signer_policies` one must stand in the signer's own certificate, whatever the authorities
    above it say (None: not asked). `tolerated`
    names the departures from the standards that are forgiven in what a signature is carried in.
    """

    name: str
    version: str
    algorithms: AlgorithmRules = AlgorithmRules()
    revocation: RevocationRules = RevocationRules()
    clock_skew: timedelta = timedelta(minutes=5)
    required_level: Level = Level.B
    content_types: frozenset[str] = frozenset({DATA})
    signer_key_usage: frozenset[KeyUsage] = frozenset(
        {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
    )
    signer_purposes: frozenset[str] = frozenset()
    signer_policies: frozenset[str] | None = None
    certificate_policies: frozenset[str] = frozenset({ANY_POLICY})
    require_explicit_policy: bool = False
    inhibit_policy_mapping: bool = False
    inhibit_any_policy: bool = False
    time_stamp_policies: frozenset[str] | None = None  # None: any policy of a trusted TSA
    require_signing_certificate: bool = True  # the ESS attribute (RFC 5035)
    tolerated: frozenset[str] = TOLERATED
    budget: Budget = Budget()


BASIC: Final = ValidationPolicy(name="basic", version="1")
