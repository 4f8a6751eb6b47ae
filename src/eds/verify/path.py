"""Certification paths: from a certificate to a trust anchor, by RFC 5280 §6.

`prove` is the one question. What it proves of authorities, and of whole paths, is kept with the
store, so that a certificate of a known issuer costs the check of one signature and one met
before a look-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from ..algorithms import KeyType
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError, NaiveDatetime
from . import path_rules as rules
from .findings import Finding
from .indications import SubIndication
from .path_failures import NEAREST, failed, nearness, untimely
from .path_plain import plain_state
from .path_proofs import Authority, KindProofs, PathResult, State
from .path_search import Search
from .path_signatures import (
    GENERAL,
    Allowed,
    end_of,
    key_until,
    period_of,
    period_of_anchor,
    signed_by,
    unreadable,
)
from .path_steps import Work, at_end, trusted_itself
from .path_straight import only_chain, proven_below
from .policy import ValidationPolicy
from .trust import Purpose, TrustAnchor, TrustStore

__all__ = ["PathResult", "prove"]

AUTHORITIES_OF_ONE_NAME: Final = 8  # kept for one name of an issuer

_KEPT: Final = (
    rules.SIGNATURE.kept(),
    rules.VALIDITY.kept(),
    rules.ALGORITHM.kept(),
    rules.ALGORITHM_PERIOD.kept(),
    rules.NAME_CONSTRAINTS.kept(),
    rules.POLICIES.kept(),
    rules.POLICY_MAPPINGS.kept(),
    rules.BASIC_CONSTRAINTS.kept(),
    rules.PATH_LENGTH.kept(),
    rules.KEY_USAGE.kept(),
    rules.CRITICAL_EXTENSIONS.kept(),
    rules.PROFILE.kept(),
    rules.PURPOSE.kept(),
    rules.EXTENDED_KEY_USAGE.kept(),
)


def prove(
    certificate: Certificate,
    *,
    trust: TrustStore,
    purpose: Purpose,
    at: datetime,
    policy: ValidationPolicy,
    certificates: Iterable[Certificate] = (),
) -> PathResult:
    """Whether a path leads from `certificate` to an anchor of `trust`, and holds at `at`.

    Issuers are sought in the store and in `certificates`, which are believed nothing. No bytes
    of a certificate raise; work is bounded by `policy.budget`. Status (revocation) is not part
    of it. Raises NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    proofs = trust.proofs.of(policy, purpose)
    known = proofs.paths.get(certificate.encoded)
    if known is not None and known.valid_from <= at <= known.valid_until:
        return known
    result = _under_kept(certificate, proofs, at=at) if proofs.authorities else None
    if result is None and certificates and type(certificates) is tuple:
        result = _straight(certificate, proofs, trust, at, certificates)
    if result is None:
        search = Search(
            certificate,
            trust=trust,
            purpose=purpose,
            at=at,
            policy=policy,
            certificates=certificates,
        )
        result = _found(certificate, proofs, search)
    if result.sub_indication is None:
        proofs.paths.put(certificate.encoded, result)
    return result


def _under_kept(certificate: Certificate, proofs: KindProofs, *, at: datetime) -> PathResult | None:
    """The proof by an authority that is kept; None where a search has to decide."""
    policy, purpose = proofs.policy, proofs.purpose
    try:
        kept = proofs.authorities.get(certificate.issuer_encoded) or ()
    except DecodeError:
        return None
    for authority in kept:
        if authority.valid_from <= at <= authority.valid_until:
            until = signed_by(
                authority.path[0], certificate, policy.algorithms, authority.algorithms
            )
            if isinstance(until, Finding):
                continue
            work = Work(policy.budget.name_comparisons)
            result = _end(certificate, authority, until, policy, purpose=purpose, work=work)
            if isinstance(result, PathResult) and result.valid_from <= at <= result.valid_until:
                return result
    return None


def _straight(
    certificate: Certificate,
    proofs: KindProofs,
    trust: TrustStore,
    at: datetime,
    certificates: tuple[Certificate, ...],
) -> PathResult | None:
    """What comes of the only chain that there is; None where a search has to find one."""
    policy, purpose = proofs.policy, proofs.purpose
    found = only_chain(
        certificate,
        trust=trust,
        purpose=purpose,
        at=at,
        budget=policy.budget,
        certificates=certificates,
    )
    if found is None:
        return None
    issuer, anchor = found
    state = plain_state(anchor.certificate, issuer, certificate, policy, purpose)
    if state is not None:
        return _plain(certificate, issuer, anchor, state, proofs, at=at)
    authority = proven_below(anchor, issuer, policy, purpose)
    if isinstance(authority, Finding):
        path = certificate, issuer, anchor.certificate
        return failed(authority, path=path, anchor=anchor)
    until = signed_by(authority.path[0], certificate, policy.algorithms, authority.algorithms)
    if isinstance(until, Finding):
        return failed(until)
    work = Work(policy.budget.name_comparisons)
    return _concluded(certificate, authority, until, proofs, at=at, work=work)


def _plain(
    certificate: Certificate,
    issuer: Certificate,
    anchor: TrustAnchor,
    state: State,
    proofs: KindProofs,
    *,
    at: datetime,
) -> PathResult | None:
    """What comes of the only chain where its steps pass: signatures and periods decide."""
    root, algorithms = anchor.certificate, proofs.policy.algorithms
    try:
        begin, end = period_of_anchor(anchor)
        since, last = period_of(issuer)
        not_before, not_after = period_of(certificate)
        key_type = certificate.public_key.key_type
        own_until = key_until(certificate, algorithms)
        if isinstance(own_until, Finding) or KeyType.DSA in (key_type, issuer.public_key.key_type):
            return None
    except (AlgorithmError, DecodeError):
        return None
    until = signed_by(root, issuer, algorithms, {})
    if isinstance(until, Finding):
        return failed(until, path=(certificate, issuer, root), anchor=anchor)
    known: dict[bytes, Allowed] = {}
    signed_until = signed_by(issuer, certificate, algorithms, known)
    if isinstance(signed_until, Finding):
        return failed(signed_until)
    begin, end = max(begin, since), end_of(until, min(end, last))
    authority = _new(Authority, ((issuer, root), anchor, state, begin, end, known))
    end = end_of(own_until, end_of(signed_until, min(end, not_after)))
    path, begin = (certificate, issuer, root), max(begin, not_before)
    result = _new(PathResult, (path, anchor, None, _kept(3), frozenset(), begin, end))
    return _timely(result, authority, proofs, at=at)


_new: Final = tuple.__new__  # half the cost of `PathResult(…)`, as in `der`


def _found(certificate: Certificate, proofs: KindProofs, search: Search) -> PathResult:
    """The first proof that a search finds, else the failure that came nearest to one."""
    best = _as_anchor(certificate, search)
    if best is not None and best.sub_indication is None:
        return best
    for chain in search.chains():
        result = _by_chain(certificate, chain, proofs, search)
        if result.sub_indication is None:
            return result
        if best is None or nearness(result) > nearness(best):
            best = result
    limit = search.exhausted
    if limit is not None and (best is None or nearness(best) < NEAREST):
        return failed(rules.BUDGET.broken(GENERAL, limit=limit))
    if best is not None:
        return best
    if search.cut:
        return failed(rules.BUDGET.broken(GENERAL, limit="path_length"))
    return failed(
        rules.ANCHOR_PURPOSE.broken(
            SubIndication.NO_CERTIFICATE_CHAIN_FOUND, purpose=search.purpose.value
        )
        if search.other_purpose
        else rules.CHAIN.broken(
            SubIndication.NO_CERTIFICATE_CHAIN_FOUND, certificate=certificate.fingerprint
        )
    )


def _by_chain(
    certificate: Certificate, chain: tuple[Certificate, ...], proofs: KindProofs, search: Search
) -> PathResult:
    authority = search.authority(chain)
    if isinstance(authority, Finding):
        return failed(
            authority,
            path=(certificate, *chain),
            anchor=search.trust.anchor(chain[-1], search.purpose, at=search.at),
        )
    until = search.signed(authority, certificate)
    if isinstance(until, Finding):
        return failed(until)
    return _concluded(certificate, authority, until, proofs, at=search.at, work=search.work)


def _concluded(
    certificate: Certificate,
    authority: Authority,
    until: date | None,
    proofs: KindProofs,
    *,
    at: datetime,
    work: Work,
) -> PathResult:
    """What a certificate comes to that a proven authority signed; a proof of it is kept."""
    policy, purpose = proofs.policy, proofs.purpose
    result = _end(certificate, authority, until, policy, purpose=purpose, work=work)
    if isinstance(result, Finding):
        return failed(result, path=(certificate, *authority.path), anchor=authority.anchor)
    return _timely(result, authority, proofs, at=at)


def _timely(
    result: PathResult, authority: Authority, proofs: KindProofs, *, at: datetime
) -> PathResult:
    """A proof that holds at that time, its authority kept; or what speaks against it then."""
    if result.valid_from <= at <= result.valid_until:
        _keep(result.path[0], authority, proofs)
        return result
    return untimely(result, proofs.policy, at=at)


def _end(
    certificate: Certificate,
    authority: Authority,
    until: date | None,
    policy: ValidationPolicy,
    *,
    purpose: Purpose,
    work: Work,
) -> PathResult | Finding:
    """What is proven of a certificate signed by a proven authority, whatever the time."""
    try:
        certificate = certificate.inheriting(authority.path[0].public_key)
    except DecodeError as error:
        return unreadable(certificate, error)
    policies = at_end(certificate, authority.state, purpose, policy, work)
    if isinstance(policies, Finding):
        return policies
    own_until = key_until(certificate, policy.algorithms)
    if isinstance(own_until, Finding):
        return own_until
    try:
        not_before, not_after = period_of(certificate)
    except DecodeError as error:
        return unreadable(certificate, error)
    return PathResult(
        path=(certificate, *authority.path),
        anchor=authority.anchor,
        sub_indication=None,
        findings=_kept(1 + len(authority.path)),
        policies=policies,
        valid_from=max(authority.valid_from, not_before),
        valid_until=end_of(own_until, end_of(until, min(authority.valid_until, not_after))),
    )


def _as_anchor(certificate: Certificate, search: Search) -> PathResult | None:
    """The path of a certificate that is an anchor itself; None where it is not."""
    anchor = search.trust.anchor(certificate, search.purpose, at=search.at)
    if anchor is None:
        return None
    policy = search.policy
    broken = trusted_itself(certificate, search.purpose, policy)
    until = broken or key_until(certificate, policy.algorithms)
    if isinstance(until, Finding):
        return failed(until, path=(certificate,), anchor=anchor)
    try:
        valid_from, valid_until = period_of_anchor(anchor)
    except DecodeError as error:
        return failed(unreadable(certificate, error), path=(certificate,), anchor=anchor)
    result = PathResult(
        path=(certificate,),
        anchor=anchor,
        sub_indication=None,
        findings=_kept(1),
        policies=policy.certificate_policies,
        valid_from=valid_from,
        valid_until=end_of(until, valid_until),
    )
    if valid_from <= search.at <= result.valid_until:
        return result
    return untimely(result, policy, at=search.at)


@lru_cache(maxsize=64)
def _kept(certificates: int) -> tuple[Finding, ...]:
    return (rules.CHAIN.kept(certificates=certificates), *_KEPT)


def _keep(certificate: Certificate, authority: Authority, proofs: KindProofs) -> None:
    """Keep the proof of an authority for the name that the certificate calls it by."""
    key = certificate.issuer_encoded
    kept: tuple[Authority, ...] = (authority,)
    if proofs.authorities:
        kept += tuple(
            one
            for one in proofs.authorities.get(key) or ()
            if (one.path[0], one.anchor) != (authority.path[0], authority.anchor)
        )
    proofs.authorities.put(key, kept[:AUTHORITIES_OF_ONE_NAME])
