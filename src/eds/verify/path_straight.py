"""The path that names leave no choice about: a certificate, its authority, an anchor.

It is the one chain that a search would find, without the search. Steps and signatures are those
of every path, and so is what they come to; `tests/verify/test_path_straight.py` holds both
roads together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ..certificates import Certificate
from ..errors import DecodeError
from .findings import Finding
from .path_proofs import Authority
from .path_search import proven, trusted
from .path_signatures import signed_by
from .path_steps import Work
from .policy import Budget, ValidationPolicy
from .trust import Purpose, TrustAnchor, TrustStore

# What a search may spend at the least, so that it would not have stopped on this path.
_ENOUGH: Final = Budget(signature_checks=2, path_length=3, candidates=8, seconds=1.0)


def only_chain(
    certificate: Certificate,
    *,
    trust: TrustStore,
    purpose: Purpose,
    at: datetime,
    budget: Budget,
    certificates: tuple[Certificate, ...],
) -> tuple[Certificate, TrustAnchor] | None:
    """The authority and the anchor that alone can be above `certificate`; None: search for them."""
    if (
        not 0 < len(certificates) <= _ENOUGH.candidates
        or budget.candidates < _ENOUGH.candidates
        or budget.signature_checks < _ENOUGH.signature_checks
        or budget.path_length < _ENOUGH.path_length
        or budget.seconds < _ENOUGH.seconds
    ):
        return None
    try:
        return _only_chain(certificate, trust, purpose, at, certificates)
    except DecodeError:
        return None


def proven_below(
    anchor: TrustAnchor, authority: Certificate, policy: ValidationPolicy, purpose: Purpose
) -> Authority | Finding:
    """The authority directly below an anchor, or what is broken."""
    above = trusted(anchor, policy, purpose)
    if isinstance(above, Finding):
        return above
    until = signed_by(above.path[0], authority, policy.algorithms, above.algorithms)
    if isinstance(until, Finding):
        return until
    return proven(authority, above, until, purpose, Work(policy.budget.name_comparisons))


def _only_chain(
    certificate: Certificate,
    trust: TrustStore,
    purpose: Purpose,
    at: datetime,
    certificates: tuple[Certificate, ...],
) -> tuple[Certificate, TrustAnchor] | None:
    """The authority and the anchor, where each is the only one of its name.

    The authority is not in the store, and no two of the three have one subject: so none of them
    can stand in a chain twice. Raises DecodeError.
    """
    own, name = _subject(certificate), certificate.issuer_encoded
    authority = None
    for one in certificates:
        if _subject(one) == name:
            authority = one
            break
    if authority is None or own == name or trust.named(certificate.issuer):
        return None
    roots = trust.named(authority.issuer)
    if len(roots) != 1:
        return None
    (root,) = roots
    anchor = trust.anchor(root, purpose, at=at)
    if anchor is None or root.subject_encoded == own or trust.is_anchor(certificate):
        return None
    if len(certificates) > 1:
        known = certificate.encoded, authority.encoded, root.encoded
        if any(one.encoded not in known for one in certificates):
            return None
    return authority, anchor


def _subject(certificate: Certificate) -> bytes:
    """Its subject, read together with all that will be asked of a plain certificate."""
    _ = certificate.is_plain
    return certificate.subject_encoded
