"""Finding paths: whose names lead to an anchor, in the order that promises most, within a budget.

Names are followed upwards, and signatures checked downwards from the anchor: no key is used
before its own certificate is proven, so that a bundle of forged authorities costs one check for
each that claims to come from a real one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Final

from ..certificates import Certificate
from ..errors import DecodeError
from . import path_rules as rules
from .findings import Finding
from .indications import SubIndication
from .path_proofs import Authority
from .path_signatures import GENERAL, end_of, period_of, period_of_anchor, signed_by, unreadable
from .path_steps import Work, below_anchor, below_authority, first_state
from .policy import ValidationPolicy
from .trust import Purpose, TrustAnchor, TrustStore

Chain = tuple[Certificate, ...]
"""From the issuer that is asked about to the anchor's certificate, both included."""


class Search:
    """One search: what it may use, what it has spent, what it has found out on the way."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        trust: TrustStore,
        purpose: Purpose,
        at: datetime,
        policy: ValidationPolicy,
        certificates: Iterable[Certificate],
    ) -> None:
        budget = policy.budget
        self.certificate: Final = certificate
        self.trust: Final = trust
        self.purpose: Final = purpose
        self.at: Final = at
        self.policy: Final = policy
        self.work: Final = Work(budget.name_comparisons)
        self.exhausted: str | None = None
        """The part of the budget that is used up."""
        self.cut = False
        """Whether longer paths were left out."""
        self.other_purpose = trust.is_anchor(certificate)
        """Whether an anchor was met that is not believed for this purpose."""
        self._certificates = iter(certificates)
        self._handed_in: dict[object, list[Certificate]] | None = None
        self._signature_checks = budget.signature_checks
        self._candidates = budget.candidates
        self._until = time.monotonic() + budget.seconds
        self._signed: dict[tuple[bytes, bytes], date | Finding | None] = {}
        self._authorities: dict[tuple[int, ...], Authority | Finding] = {}

    # -- names, upwards

    def chains(self) -> Iterator[Chain]:
        """The chains that could have issued the certificate, by names alone, best first."""
        return self._above((self.certificate,))

    def _above(self, path: Chain) -> Iterator[Chain]:
        last = path[-1]
        for issuer in self._issuers(last):
            if self.exhausted is not None:
                return
            if self._is_repeated(issuer, path) or self._is_refuted(issuer, last):
                continue
            self._candidates -= 1
            if self._candidates < 0:
                self.exhausted = "candidates"
            elif time.monotonic() > self._until:
                self.exhausted = "seconds"
            elif self.trust.anchor(issuer, self.purpose, at=self.at) is not None:
                yield (*path[1:], issuer)
            else:
                self.other_purpose |= self.trust.is_anchor(issuer)
                if len(path) + 1 < self.policy.budget.path_length:
                    yield from self._above((*path, issuer))
                else:
                    self.cut = True

    def _issuers(self, certificate: Certificate) -> list[Certificate]:
        try:
            name = certificate.issuer
            key = name.prepared
        except DecodeError:
            return []
        named, handed = self.trust.named(name), self._handed().get(key)
        if not handed and len(named) < 2:
            return [*named]
        found = dict.fromkeys((*named, *(handed or ())))
        if len(found) == 1:
            return [*found]
        return sorted(found, key=lambda issuer: self._rank(issuer, certificate))

    def _handed(self) -> dict[object, list[Certificate]]:
        """What was handed in, by prepared subject; no more of it than there are candidates."""
        if self._handed_in is None:
            self._handed_in = {}
            for one in islice(self._certificates, self.policy.budget.candidates):
                if time.monotonic() > self._until:
                    self.exhausted = "seconds"
                    break
                try:
                    self._handed_in.setdefault(one.subject.prepared, []).append(one)
                except DecodeError:
                    continue
        return self._handed_in

    def _rank(self, issuer: Certificate, certificate: Certificate) -> tuple[int, int, int]:
        """Key identifiers are hints: the one that fits comes first, and none is left out."""
        try:
            wanted = certificate.authority_key_identifier
            own = issuer.subject_key_identifier
            identifier = None if wanted is None else wanted.key_identifier
            hint = 1 if identifier is None or own is None else 0 if identifier == own else 2
            in_time = issuer.not_before <= self.at <= issuer.not_after
        except DecodeError:
            return 3, 0, 0
        known = 0 if self.trust.is_anchor(issuer) else 1 if issuer in self.trust else 2
        return hint, known, 0 if in_time else 1

    @staticmethod
    def _is_repeated(issuer: Certificate, path: Chain) -> bool:
        """The same authority a second time: a path never needs it (RFC 4158 §5.2)."""
        try:
            encoded, subject = issuer.encoded, issuer.subject_encoded
            for one in path:
                if encoded == one.encoded or (
                    subject == one.subject_encoded and issuer.public_key == one.public_key
                ):
                    return True
            return False
        except DecodeError:
            return False

    def _is_refuted(self, issuer: Certificate, certificate: Certificate) -> bool:
        if not self._signed:
            return False
        found = self._signed.get((issuer.encoded, certificate.encoded))
        return isinstance(found, Finding)

    # -- signatures, downwards

    def signed(self, issuer: Authority, certificate: Certificate) -> date | Finding | None:
        """`signed_by`, each pair once."""
        authority = issuer.path[0]
        key = (authority.encoded, certificate.encoded)
        if key in self._signed:
            return self._signed[key]
        self._signature_checks -= 1
        if self._signature_checks < 0:
            self.exhausted = "signature_checks"
            return rules.BUDGET.broken(GENERAL, limit=self.exhausted)
        if time.monotonic() > self._until:
            self.exhausted = "seconds"
            return rules.BUDGET.broken(GENERAL, limit=self.exhausted)
        found = self._signed[key] = signed_by(
            authority, certificate, self.policy.algorithms, issuer.algorithms
        )
        return found

    def authority(self, chain: Chain) -> Authority | Finding:
        """The first of `chain`, proven from the anchor down; or what is broken on the way."""
        key = tuple(map(id, chain))
        found = self._authorities.get(key)
        if found is None:
            found = self._anchor(chain) if len(chain) == 1 else self._below(chain)
            self._authorities[key] = found
        return found

    def _anchor(self, chain: Chain) -> Authority | Finding:
        (certificate,) = chain
        anchor = self.trust.anchor(certificate, self.purpose, at=self.at)
        if anchor is None:
            return rules.CHAIN.broken(SubIndication.NO_CERTIFICATE_CHAIN_FOUND)
        return trusted(anchor, self.policy, self.purpose)

    def _below(self, chain: Chain) -> Authority | Finding:
        certificate, *rest = chain
        above = self.authority(tuple(rest))
        if isinstance(above, Finding):
            return above
        until = self.signed(above, certificate)
        if isinstance(until, Finding):
            return until
        return proven(certificate, above, until, self.purpose, self.work)


def trusted(anchor: TrustAnchor, policy: ValidationPolicy, purpose: Purpose) -> Authority | Finding:
    """The authority that an anchor is."""
    certificate = anchor.certificate
    state = below_anchor(certificate, first_state(policy), purpose)
    if isinstance(state, Finding):
        return state
    try:
        period = period_of_anchor(anchor)
    except DecodeError as error:
        return unreadable(certificate, error)
    return _new(Authority, ((certificate,), anchor, state, *period, {}))


def proven(
    certificate: Certificate, above: Authority, until: date | None, purpose: Purpose, work: Work
) -> Authority | Finding:
    """The authority below a proven one, signed by it in a way that may be relied on `until`."""
    state = below_authority(certificate, above.state, purpose, work)
    if isinstance(state, Finding):
        return state
    try:
        # As the working public key of RFC 5280 §6.1.4 (d) to (f).
        certificate = certificate.inheriting(above.path[0].public_key)
        not_before, not_after = period_of(certificate)
    except DecodeError as error:
        return unreadable(certificate, error)
    valid_from = max(above.valid_from, not_before)
    valid_until = end_of(until, min(above.valid_until, not_after))
    return _new(
        Authority,
        ((certificate, *above.path), above.anchor, state, valid_from, valid_until, {}),
    )


_new: Final = tuple.__new__  # half the cost of `Authority(…)`, as in `der`
