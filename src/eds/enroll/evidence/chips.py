"""What a travel document's chip proves: passive and active authentication as one report.

ICAO Doc 9303-11 §5 and §6.1. Each check is a finding of its own, and the outcome is computed from
all of them: change one, and the verdict changes. What was not checked is said, never passed over.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from ... import extensions
from ...algorithms import SHA1, DigestAlgorithm, KeyType
from ...certificatelists import CertificateList
from ...certificates import Certificate
from ...errors import EdsError, EvidenceUnverified, InvalidArgument, NaiveDatetime
from ...extensions import KeyUsage
from ...publickeys import PublicKey
from .activeauthentication import CHALLENGE_OCTETS, verify_active
from .chipfiles import (
    SecurityObject,
    read_active_algorithm,
    read_active_key,
    read_mrz_group,
    read_security_object,
    require_group,
)
from .chipsignatures import departures_of, identify_signature, is_signed_by
from .cscas import CscaAnchor, CscaStore
from .explicitcurves import with_named_curve
from .mrz import Mrz
from .signedcontent import names, require_digest, require_signature, signing_time
from .states import same_state

_COUNTRY: Final = "2.5.4.6"
_UNDERSTOOD: Final = frozenset({extensions.AUTHORITY_KEY_IDENTIFIER, extensions.CRL_NUMBER})
MINIMUM_RSA_BITS: Final = 2048
LISTS_LIMIT: Final = 64


class Outcome(Enum):
    """The status of a check or of all of them; three, as EN 319 102-1 has them."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INDETERMINATE = "INDETERMINATE"

    def __bool__(self) -> NoReturn:
        raise TypeError("an outcome is neither yes nor no: compare it with its three values")


class Check(Enum):
    """What is looked at, in this order."""

    FORMAT = "format"
    SIGNED_DIGEST = "signed_digest"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    KEY_USAGE = "key_usage"
    ALGORITHMS = "algorithms"
    VALIDITY = "validity"
    REVOCATION = "revocation"
    DATA_GROUPS = "data_groups"
    ZONE = "zone"
    COUNTRY = "country"
    ACTIVE_AUTHENTICATION = "active_authentication"


PASSIVE: Final = frozenset(Check) - {Check.REVOCATION, Check.ACTIVE_AUTHENTICATION}
"""What makes up passive authentication, whatever a policy wants besides."""


class ChipFinding(NamedTuple):
    """One check: how it came out, and why, in words that hold no personal data."""

    check: Check
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChipRead:
    """The octets a reader took from a chip. `response` answers the challenge we gave."""

    security_object: bytes
    data_groups: Mapping[int, bytes]
    response: bytes | None = None

    def __repr__(self) -> str:
        return f"<ChipRead DG {sorted(self.data_groups)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPolicy:
    """What must pass for the whole to pass. A check that fails always fails the whole.

    Revocation lists of country signing authorities are seldom at hand, and many chips have no
    active authentication: the defaults report both and want neither.
    """

    required: frozenset[Check] = PASSIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipReport:
    """The verdict over one chip. `mrz` is None where DG1 could not be read."""

    findings: tuple[ChipFinding, ...]
    required: frozenset[Check]
    mrz: Mrz | None = None
    document_signer: Certificate | None = None
    anchor: CscaAnchor | None = None
    departures: frozenset[str] = frozenset()
    group_digests: Mapping[int, bytes] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, hash=False
    )

    def outcome_of(self, check: Check) -> Outcome:
        """How that check came out; one that never ran is INDETERMINATE."""
        found = [one.outcome for one in self.findings if one.check is check]
        if Outcome.FAILED in found:
            return Outcome.FAILED
        return Outcome.PASSED if found and set(found) == {Outcome.PASSED} else Outcome.INDETERMINATE

    @property
    def outcome(self) -> Outcome:
        """FAILED where any check failed, PASSED where all required ones passed."""
        if any(one.outcome is Outcome.FAILED for one in self.findings):
            return Outcome.FAILED
        if all(self.outcome_of(check) is Outcome.PASSED for check in self.required):
            return Outcome.PASSED
        return Outcome.INDETERMINATE

    @property
    def is_genuine(self) -> bool:
        """Whether passive authentication passed: the data are as the state wrote them."""
        return self.outcome is Outcome.PASSED and all(
            self.outcome_of(check) is Outcome.PASSED for check in PASSIVE
        )

    @property
    def is_not_cloned(self) -> bool:
        """Whether the chip itself answered our challenge, and its key is signed data."""
        return self.is_genuine and (self.outcome_of(Check.ACTIVE_AUTHENTICATION) is Outcome.PASSED)


def authenticate_chip(
    chip: ChipRead,
    *,
    cscas: CscaStore,
    at: datetime,
    challenge: bytes | None = None,
    issued_on: date | None = None,
    lists: Sequence[CertificateList] = (),
    document_signers: Iterable[Certificate] = (),
    policy: ChipPolicy = ChipPolicy(),
) -> ChipReport:
    """Judge what was read from a chip; no bytes make it raise.

    `challenge` is the one that this application gave out; `issued_on` the date of issue where
    known from elsewhere (DG12, the page); `lists` the revocation lists at hand; and
    `document_signers` certificates of signers that a security object may leave out. Raises
    NaiveDatetime, and InvalidArgument for a challenge that is not eight octets.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if challenge is not None and len(challenge) != CHALLENGE_OCTETS:
        raise InvalidArgument(argument="challenge", reason="eight octets are wanted")
    return _Examination(chip, cscas, at, challenge, issued_on, lists[:LISTS_LIMIT], policy).report(
        document_signers
    )


class _Examination:
    """One chip being looked at; `found` grows by a finding for every check."""

    def __init__(
        self,
        chip: ChipRead,
        cscas: CscaStore,
        at: datetime,
        challenge: bytes | None,
        issued_on: date | None,
        lists: Sequence[CertificateList],
        policy: ChipPolicy,
    ) -> None:
        self.chip = chip
        self.cscas = cscas
        self.at = at
        self.challenge = challenge
        self.issued_on = issued_on
        self.lists = lists
        self.policy = policy
        self.found: list[ChipFinding] = []
        self.departures: set[str] = set()
        self.digests: set[DigestAlgorithm | None] = set()
        self.mrz: Mrz | None = None
        self.signer: Certificate | None = None
        self.anchor: CscaAnchor | None = None

    def report(self, document_signers: Iterable[Certificate]) -> ChipReport:
        security_object = self._read()
        if security_object is not None:
            self.digests.add(security_object.digest)
            self._try(Check.SIGNED_DIGEST, lambda: self._signed_digest(security_object))
            self._try(Check.SIGNATURE, lambda: self._signature(security_object, document_signers))
            if self.signer is not None:
                self._try(Check.ISSUER, self._issuer)
            if self.anchor is not None:
                self._try(Check.KEY_USAGE, self._key_usage)
                self._try(Check.ALGORITHMS, self._algorithms)
                self._try(Check.VALIDITY, lambda: self._validity(security_object))
                self._try(Check.REVOCATION, self._revocation)
            self._try(Check.DATA_GROUPS, lambda: self._data_groups(security_object))
        self._try(Check.ZONE, self._zone)
        if self.mrz is not None and self.anchor is not None:
            self._try(Check.COUNTRY, self._country)
        self._try(Check.ACTIVE_AUTHENTICATION, lambda: self._active(security_object))
        return ChipReport(
            findings=tuple(self.found),
            required=self.policy.required,
            mrz=self.mrz,
            document_signer=self.signer,
            anchor=self.anchor,
            departures=frozenset(self.departures),
            group_digests=MappingProxyType(
                {} if security_object is None else dict(security_object.group_digests)
            ),
        )

    def _say(self, check: Check, outcome: Outcome, reason: str = "") -> None:
        self.found.append(ChipFinding(check, outcome, reason))

    def _try(self, check: Check, act: Callable[[], None]) -> None:
        try:
            act()
        except EvidenceUnverified as error:
            self._say(check, Outcome.FAILED, error.reason)
        except EdsError as error:
            # What cannot be read or computed here is not proved false, except where it is the
            # chip's own data, which `_read`, `_zone` and `_data_groups` judge themselves.
            self._say(check, Outcome.INDETERMINATE, error.code)

    def _read(self) -> SecurityObject | None:
        try:
            found = read_security_object(self.chip.security_object)
        except EdsError as error:
            self._say(Check.FORMAT, Outcome.FAILED, f"{error.code}: {error}")
            return None
        self._say(Check.FORMAT, Outcome.PASSED)
        return found

    def _signed_digest(self, security_object: SecurityObject) -> None:
        digest = require_digest(security_object.signed_data, security_object.signer_info)
        self.digests.add(digest)
        self._say(Check.SIGNED_DIGEST, Outcome.PASSED)

    def _signature(
        self, security_object: SecurityObject, document_signers: Iterable[Certificate]
    ) -> None:
        info = security_object.signer_info
        candidates = (*security_object.signed_data.certificates, *document_signers)
        signer = next((one for one in candidates if names(info, one)), None)
        if signer is None:
            self._say(Check.SIGNATURE, Outcome.INDETERMINATE, "no certificate of the signer")
            return
        self.signer = signer
        identified = require_signature(info, signer)
        self.departures |= identified.departures | departures_of(signer)
        self.digests |= {identified.algorithm.digest, identified.algorithm.mgf_digest}
        self._say(Check.SIGNATURE, Outcome.PASSED, identified.algorithm.name)

    def _issuer(self) -> None:
        signer = self._signer
        candidates = self.cscas.issuers_of(signer)
        if not candidates:
            self._say(Check.ISSUER, Outcome.INDETERMINATE, "no country signing certificate for it")
            return
        for anchor in candidates:
            fits, identified = is_signed_by(signer, anchor.key)
            if fits:
                self.anchor = anchor
                self.departures |= identified.departures | anchor.departures
                self.digests |= {identified.algorithm.digest, identified.algorithm.mgf_digest}
                self._say(Check.ISSUER, Outcome.PASSED, anchor.country)
                return
        raise EvidenceUnverified(reason="the named authority did not sign the document signer")

    @property
    def _signer(self) -> Certificate:
        if self.signer is None:
            raise EvidenceUnverified(reason="no document signer")
        return self.signer

    @property
    def _found_anchor(self) -> CscaAnchor:
        if self.anchor is None:
            raise EvidenceUnverified(reason="no country signing certificate")
        return self.anchor

    def _key_usage(self) -> None:
        signer, authority = self._signer, self._found_anchor.certificate
        if signer.key_usage is not None and KeyUsage.DIGITAL_SIGNATURE not in signer.key_usage:
            raise EvidenceUnverified(reason="the document signer's key is not for signatures")
        constraints = signer.basic_constraints
        if constraints is not None and constraints.ca:
            raise EvidenceUnverified(reason="the document signer is an authority")
        if authority.key_usage is not None and KeyUsage.KEY_CERT_SIGN not in authority.key_usage:
            raise EvidenceUnverified(reason="the authority's key is not for certificates")
        self._say(Check.KEY_USAGE, Outcome.PASSED)

    def _algorithms(self) -> None:
        anchor = self._found_anchor
        for key in (with_named_curve(self._signer.public_key), anchor.key):
            if key.key_type is KeyType.RSA and key.bits < MINIMUM_RSA_BITS:
                self._say(Check.ALGORITHMS, Outcome.INDETERMINATE, f"RSA of {key.bits} bits")
                return
        if SHA1 in self.digests:
            # The decision is about when it was signed, for later anybody may find a collision.
            if anchor.sha1_until is None or self._signer.not_before > anchor.sha1_until:
                self._say(Check.ALGORITHMS, Outcome.INDETERMINATE, "SHA-1, not accepted here")
                return
            self.departures.add("sha1-by-decision")
        self._say(Check.ALGORITHMS, Outcome.PASSED)

    def _validity(self, security_object: SecurityObject) -> None:
        """At the date of issue: a passport outlives its signer's certificate by design."""
        signer, authority = self._signer, self._found_anchor.certificate
        if self.issued_on is not None:
            issued = datetime.combine(self.issued_on, time(12), tzinfo=UTC)
            whence = "date of issue"
        elif (signed := signing_time(security_object.signer_info)) is not None:
            issued, whence = signed, "signing time"
        else:
            issued, whence = self.at, "now, as the date of issue is not known"
        inside = signer.in_validity_period(at=issued) and authority.in_validity_period(at=issued)
        if inside and issued <= self.at:
            self._say(Check.VALIDITY, Outcome.PASSED, whence)
        elif issued is self.at:
            self._say(Check.VALIDITY, Outcome.INDETERMINATE, "the date of issue is not known")
        else:
            raise EvidenceUnverified(reason=f"certificates not valid at the {whence}")

    def _revocation(self) -> None:
        signer, anchor = self._signer, self._found_anchor
        reasons = []
        for one in self.lists:
            try:
                reason = _unusable(one, signer, anchor, at=self.at)
            except EdsError as error:
                reason = error.code
            if reason is None:
                entry = one.find(signer.serial_number)
                if entry is not None:
                    raise EvidenceUnverified(reason="the document signer was revoked")
                self._say(Check.REVOCATION, Outcome.PASSED)
                return
            reasons.append(reason)
        why = ", ".join(dict.fromkeys(reasons)) or "no list at hand"
        self._say(Check.REVOCATION, Outcome.INDETERMINATE, f"not checked: {why}")

    def _data_groups(self, security_object: SecurityObject) -> None:
        for number, octets in sorted(self.chip.data_groups.items()):
            try:
                require_group(number, octets)
            except EdsError as error:
                raise EvidenceUnverified(reason=f"DG{number}: {error.code}") from error
            wanted = security_object.group_digests.get(number)
            if wanted is None:
                raise EvidenceUnverified(reason=f"DG{number} is not signed")
            if not hmac.compare_digest(wanted, security_object.digest.digest(octets)):
                raise EvidenceUnverified(reason=f"DG{number} is not what was signed")
        if 1 not in self.chip.data_groups:
            self._say(Check.DATA_GROUPS, Outcome.INDETERMINATE, "DG1 was not read")
            return
        self._say(Check.DATA_GROUPS, Outcome.PASSED)

    def _zone(self) -> None:
        encoded = self.chip.data_groups.get(1)
        if encoded is None:
            self._say(Check.ZONE, Outcome.INDETERMINATE, "DG1 was not read")
            return
        try:
            mrz = read_mrz_group(encoded, at=self.at)
            mrz.require_checks()
        except EdsError as error:
            self._say(Check.ZONE, Outcome.FAILED, f"{error.code}: {error}")
            return
        self.mrz = mrz
        if mrz.is_expired(at=self.at):
            raise EvidenceUnverified(reason="the document expired")
        self._say(Check.ZONE, Outcome.PASSED)

    def _country(self) -> None:
        """Signer, authority and zone are of one state: else any state could issue for any."""
        mrz, anchor = self.mrz, self._found_anchor
        if mrz is None:
            return
        countries = [one.upper() for one in self._signer.subject.values(_COUNTRY)]
        if countries != [anchor.country]:
            raise EvidenceUnverified(reason="document signer and authority of two countries")
        same = same_state(mrz.issuing_state, anchor.country)
        if same is None:
            self._say(Check.COUNTRY, Outcome.INDETERMINATE, "a state that is not in the table")
        elif not same:
            raise EvidenceUnverified(reason="the zone names another state than the authority's")
        else:
            self._say(Check.COUNTRY, Outcome.PASSED, anchor.country)

    def _active(self, security_object: SecurityObject | None) -> None:
        check, groups = Check.ACTIVE_AUTHENTICATION, self.chip.data_groups
        if self.challenge is None or self.chip.response is None:
            self._say(check, Outcome.INDETERMINATE, "no answer to a challenge of ours")
            return
        if 15 not in groups or security_object is None:
            self._say(check, Outcome.INDETERMINATE, "the chip has no key for it")
            return
        key: PublicKey = read_active_key(groups[15])
        oid = read_active_algorithm(groups[14]) if 14 in groups else None
        digest = verify_active(key, self.chip.response, challenge=self.challenge, algorithm_oid=oid)
        self._say(check, Outcome.PASSED, f"{key.bits} bits, {digest.name}" if oid is None else oid)


def _unusable(
    found: CertificateList, signer: Certificate, anchor: CscaAnchor, *, at: datetime
) -> str | None:
    """Why that list says nothing of the signer; None: it does. Raises EdsError.

    Countries publish whole lists under the authority's own name and key (Doc 9303-12 §7.1.4).
    """
    if not found.issuer.matches(signer.issuer):
        return "a list of another authority"
    if found.is_delta or not _critical(found) <= _UNDERSTOOD:
        return "a list in parts"
    if found.this_update > at or found.next_update is None or found.next_update < at:
        return "a list that is not current"
    row = identify_signature(found.tbs_signature_algorithm.encoded, anchor.key).algorithm
    if row.digest is SHA1 and (anchor.sha1_until is None or found.this_update > anchor.sha1_until):
        return "a list signed with SHA-1"
    if not anchor.key.verify(found.signature, found.tbs_encoded, algorithm=row):
        return "a list that the authority did not sign"
    return None


def _critical(found: CertificateList) -> frozenset[str]:
    return frozenset(oid for oid, one in found.extensions.items() if one.critical)
