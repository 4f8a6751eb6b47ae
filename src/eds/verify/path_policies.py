"""Certificate policies along a path: the policy graph of RFC 9618, one level at a time.

The tree of RFC 5280 grows without bound on hostile certificates (CVE-2023-0464). Of the graph
only the lowest level is kept here: every node knows which policies of the anchor's own domain it
descends from, and that is all the outcome needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ..extensions import ANY_POLICY

POLICY_LIMIT: Final = 256  # policies or mappings of one certificate that are considered

_ANY: Final = frozenset({ANY_POLICY})


class PolicyNode(NamedTuple):
    """`expected` are policies of the next certificate that carry on this one; `domain` the
    policies, as the anchor's domain calls them, that it stands for.
    """

    expected: frozenset[str]
    domain: frozenset[str]


PolicyLevel = Mapping[str, PolicyNode]
"""valid_policy → node, at the depth of one certificate. Empty: the graph is NULL."""

FIRST_LEVEL: Final[PolicyLevel] = {ANY_POLICY: PolicyNode(_ANY, _ANY)}


def next_level(
    level: PolicyLevel, policies: Iterable[str] | None, *, any_policy_counts: bool
) -> PolicyLevel:
    """The level of a certificate with these policies (RFC 5280 §6.1.3 (d), (e))."""
    if policies is None or not level:
        return {}
    expecting: dict[str, frozenset[str]] = {}
    for node in level.values():
        for oid in node.expected:
            expecting[oid] = expecting.get(oid, frozenset()) | node.domain
    found: dict[str, PolicyNode] = {}
    names_any = False
    for oid in policies:
        if oid == ANY_POLICY:
            names_any = True
        elif oid in expecting:
            found[oid] = PolicyNode(frozenset((oid,)), expecting[oid])
        elif ANY_POLICY in level:
            found[oid] = PolicyNode(frozenset((oid,)), frozenset((oid,)))
    if names_any and any_policy_counts:
        for oid, domain in expecting.items():
            if oid not in found:
                found[oid] = PolicyNode(frozenset((oid,)), domain)
    return found


def map_level(
    level: PolicyLevel, mappings: Iterable[tuple[str, str]], *, allowed: bool
) -> PolicyLevel:
    """The same level after the mappings of its certificate (RFC 5280 §6.1.4 (b))."""
    subjects: dict[str, set[str]] = {}
    for issuer_policy, subject_policy in mappings:
        subjects.setdefault(issuer_policy, set()).add(subject_policy)
    if not allowed:
        return {oid: node for oid, node in level.items() if oid not in subjects}
    found = dict(level)
    for oid, expected in subjects.items():
        node = level.get(oid)
        if node is not None:
            found[oid] = PolicyNode(frozenset(expected), node.domain)
        elif ANY_POLICY in level:
            found[oid] = PolicyNode(frozenset(expected), frozenset((oid,)))
    return found


def constrained_policies(level: PolicyLevel, *, accepted: frozenset[str]) -> frozenset[str]:
    """The user-constrained policy set (RFC 9618 §5.5); `accepted` is the user's own."""
    authority: frozenset[str] = frozenset().union(*(node.domain for node in level.values()))
    if ANY_POLICY in accepted:
        return authority
    return accepted if ANY_POLICY in authority else authority & accepted
