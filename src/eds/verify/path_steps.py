"""The steps of RFC 5280 §6.1 over one certificate: from the state above it to that below.

Time is no step: validity periods, days of algorithms and of anchors bound the instants between
which a proof holds, and are compared once. So what is proven of an authority serves every
instant between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .. import der, extensions
from ..certificates import Certificate
from ..errors import DecodeError
from ..extensions import ANY_POLICY, KeyUsage
from ..tolerances import OVERLONG_SERIAL_NUMBER
from . import path_rules as rules
from .findings import Finding
from .indications import SubIndication
from .path_names import NotUnderstood, limits_of, names_of, refusal
from .path_policies import (
    FIRST_LEVEL,
    POLICY_LIMIT,
    PolicyLevel,
    constrained_policies,
    map_level,
    next_level,
)
from .path_proofs import State
from .path_purposes import may_issue, serves
from .path_signatures import GENERAL, unreadable
from .policy import ValidationPolicy
from .trust import Purpose

CONSTRAINTS: Final = SubIndication.CHAIN_CONSTRAINTS_FAILURE

# RFC 5280 §6.1.2 says n + 1, for a counter that no path reaches.
UNLIMITED: Final = 1 << 30

# Those that the engine or the revocation check processes, and the property that reads each.
# subjectKeyIdentifier, authorityKeyIdentifier and the access extensions are absent: they must
# not be critical.
PROCESSED: Final = MappingProxyType(
    {
        extensions.KEY_USAGE: "key_usage",
        extensions.SUBJECT_ALTERNATIVE_NAME: "subject_alternative_names",
        extensions.BASIC_CONSTRAINTS: "basic_constraints",
        extensions.NAME_CONSTRAINTS: "name_constraints",
        extensions.CRL_DISTRIBUTION_POINTS: "crl_distribution_points",
        extensions.CERTIFICATE_POLICIES: "policies",
        extensions.POLICY_MAPPINGS: "policy_mappings",
        extensions.POLICY_CONSTRAINTS: "policy_constraints",
        extensions.EXTENDED_KEY_USAGE: "extended_key_usage",
        extensions.INHIBIT_ANY_POLICY: "inhibit_any_policy",
        extensions.QC_STATEMENTS: "qc_statements",
        extensions.OCSP_NO_CHECK: "ocsp_no_check",
    }
)


@dataclass(slots=True)
class Work:
    """What is left of the comparisons that name constraints may cost."""

    comparisons: int


def first_state(policy: ValidationPolicy) -> State:
    """The state above the anchor (RFC 5280 §6.1.2)."""
    return State(
        policies=FIRST_LEVEL,
        explicit_policy=0 if policy.require_explicit_policy else UNLIMITED,
        policy_mapping=0 if policy.inhibit_policy_mapping else UNLIMITED,
        inhibit_any_policy=0 if policy.inhibit_any_policy else UNLIMITED,
        path_length=UNLIMITED,
    )


def below_anchor(anchor: Certificate, state: State, purpose: Purpose) -> State | Finding:
    """The state below an anchor: its certificate is believed, and its limits bind (RFC 5937)."""
    try:
        # Version 1 has no extensions: that it is an authority is what the store says.
        broken = _profile(anchor) or (is_authority(anchor) if anchor.version == 3 else None)
        return broken or may_issue(anchor, purpose) or _limit(anchor, state)
    except DecodeError as error:
        return unreadable(anchor, error)


def below_authority(
    authority: Certificate, state: State, purpose: Purpose, work: Work
) -> State | Finding:
    """The state below an authority that is not the anchor (RFC 5280 §6.1.3, §6.1.4)."""
    try:
        self_issued = authority.is_self_issued
        broken = (
            _profile(authority)
            or _version(authority)
            or is_authority(authority)
            or (None if self_issued else _names(authority, state, work))
            or may_issue(authority, purpose)
        )
        if broken:
            return broken
        level = _enter_policies(
            authority, state, any_policy_counts=self_issued or state.inhibit_any_policy > 0
        )
        if isinstance(level, Finding):
            return level
        level = _map_policies(authority, level, allowed=state.policy_mapping > 0)
        if isinstance(level, Finding):
            return level
        spent = 0 if self_issued else 1  # self-issued ones do not count
        if state.path_length < spent:
            return rules.PATH_LENGTH.broken(CONSTRAINTS, certificate=authority.fingerprint)
        entered = State(
            policies=level,
            explicit_policy=max(state.explicit_policy - spent, 0),
            policy_mapping=max(state.policy_mapping - spent, 0),
            inhibit_any_policy=max(state.inhibit_any_policy - spent, 0),
            path_length=state.path_length - spent,
            limits=state.limits,
        )
        return _limit(authority, entered)
    except DecodeError as error:
        return unreadable(authority, error)


def at_end(
    certificate: Certificate,
    state: State,
    purpose: Purpose,
    policy: ValidationPolicy,
    work: Work,
) -> frozenset[str] | Finding:
    """The policies that the certificate at the end of a path is good for (RFC 5280 §6.1.5)."""
    try:
        broken = (
            _profile(certificate)
            or _version(certificate)
            or no_authority(certificate)
            or _names(certificate, state, work)
            or serves(certificate, purpose, policy=policy)
        )
        if broken:
            return broken
        level = _enter_policies(certificate, state, any_policy_counts=state.inhibit_any_policy > 0)
        if isinstance(level, Finding):
            return level
        explicit = max(state.explicit_policy - 1, 0)
        if not certificate.is_plain and extensions.POLICY_CONSTRAINTS in certificate.extensions:
            constraints = certificate.policy_constraints
            if constraints is not None and constraints.require_explicit_policy == 0:
                explicit = 0
        found = constrained_policies(level, accepted=policy.certificate_policies)
        if not explicit and not found:
            return rules.POLICIES.broken(
                CONSTRAINTS, accepted=tuple(sorted(policy.certificate_policies))
            )
        return found
    except DecodeError as error:
        return unreadable(certificate, error)


def trusted_itself(
    certificate: Certificate, purpose: Purpose, policy: ValidationPolicy
) -> Finding | None:
    """What keeps a certificate that is an anchor itself from its purpose; None: nothing."""
    try:
        return _profile(certificate) or serves(certificate, purpose, policy=policy)
    except DecodeError as error:
        return unreadable(certificate, error)


# --- the parts of a step --------------------------------------------------------------------------


def _profile(certificate: Certificate) -> Finding | None:
    """Critical extensions, and what RFC 5280 §4 demands of every certificate."""
    if certificate.is_plain:
        return None
    for oid, critical, _ in certificate.extensions.values():
        if critical:
            if oid not in PROCESSED:
                return rules.CRITICAL_EXTENSIONS.broken(
                    CONSTRAINTS, certificate=certificate.fingerprint, extension=oid
                )
            getattr(certificate, PROCESSED[oid])  # one that cannot be read is not processed
    if len(certificate.serial_number_octets) > 20 and not OVERLONG_SERIAL_NUMBER.accepted:
        return _against_profile(certificate, "a serial number of over 20 octets")
    if certificate.issuer_encoded == _NOBODY:
        return _against_profile(certificate, "no issuer")
    if certificate.subject_encoded == _NOBODY:
        names = certificate.extensions.get(extensions.SUBJECT_ALTERNATIVE_NAME)
        if names is None or not names.critical:
            return _against_profile(certificate, "no subject, nor a critical alternative name")
    return None


_NOBODY: Final = der.sequence()


def _against_profile(certificate: Certificate, reason: str) -> Finding:
    return rules.PROFILE.broken(CONSTRAINTS, certificate=certificate.fingerprint, reason=reason)


def no_authority(certificate: Certificate) -> Finding | None:
    """What only an authority's certificate may say, in one that is none."""
    constraints = certificate.basic_constraints
    if constraints is not None and constraints.ca:
        return None
    usage = certificate.key_usage
    if usage is not None and KeyUsage.KEY_CERT_SIGN in usage:
        return _against_profile(certificate, "keyCertSign without being an authority")
    if certificate.is_plain:
        return None
    if extensions.NAME_CONSTRAINTS in certificate.extensions:
        return _against_profile(certificate, "name constraints without being an authority")
    return None


def _version(certificate: Certificate) -> Finding | None:
    if certificate.version == 3:
        return None
    # Without extensions nothing says what the key is for.
    return _against_profile(certificate, f"version {certificate.version}")


def is_authority(certificate: Certificate) -> Finding | None:
    """What keeps a certificate from being an authority's; None: nothing."""
    constraints = certificate.basic_constraints
    if constraints is None or not constraints.ca:
        return rules.BASIC_CONSTRAINTS.broken(CONSTRAINTS, certificate=certificate.fingerprint)
    usage = certificate.key_usage
    if usage is not None and KeyUsage.KEY_CERT_SIGN not in usage:
        return rules.KEY_USAGE.broken(
            CONSTRAINTS,
            certificate=certificate.fingerprint,
            key_usage=tuple(sorted(one.name for one in usage)),
        )
    return None


def _names(certificate: Certificate, state: State, work: Work) -> Finding | None:
    if not state.limits:
        return None
    reason: str | None = None
    cost = sum(limits.size for limits in state.limits)
    try:
        for name in names_of(certificate):
            work.comparisons -= cost
            if work.comparisons < 0:
                return rules.BUDGET.broken(GENERAL, limit="name_comparisons")
            for limits in state.limits:
                reason = reason or refusal(name, limits)
    except NotUnderstood as error:
        reason = str(error)
    if reason is None:
        return None
    return rules.NAME_CONSTRAINTS.broken(
        CONSTRAINTS, certificate=certificate.fingerprint, reason=reason
    )


def _enter_policies(
    certificate: Certificate, state: State, *, any_policy_counts: bool
) -> PolicyLevel | Finding:
    policies = certificate.policies
    if policies is not None and len(policies) > POLICY_LIMIT:
        return rules.BUDGET.broken(GENERAL, limit="policies")
    level = next_level(
        state.policies,
        None if policies is None else [policy.oid for policy in policies],
        any_policy_counts=any_policy_counts,
    )
    if not level and not state.explicit_policy:
        return rules.POLICIES.broken(CONSTRAINTS, certificate=certificate.fingerprint)
    return level


def _map_policies(
    certificate: Certificate, level: PolicyLevel, *, allowed: bool
) -> PolicyLevel | Finding:
    mappings = certificate.policy_mappings
    if mappings is None:
        return level
    if len(mappings) > POLICY_LIMIT:
        return rules.BUDGET.broken(GENERAL, limit="policies")
    if any(ANY_POLICY in pair for pair in mappings):
        return rules.POLICY_MAPPINGS.broken(CONSTRAINTS, certificate=certificate.fingerprint)
    return map_level(level, mappings, allowed=allowed)


def _limit(certificate: Certificate, state: State) -> State | Finding:
    """What an authority adds of its own: RFC 5280 §6.1.4 (g), (i), (j), (m)."""
    basic = certificate.basic_constraints
    path_length = None if basic is None else basic.path_length
    if path_length is None and (
        certificate.is_plain or _LIMITING.isdisjoint(certificate.extensions)
    ):
        return state  # as most authorities
    limits = state.limits
    constraints = certificate.name_constraints
    if constraints is not None:
        try:
            limits = (*limits, limits_of(constraints))
        except NotUnderstood as error:
            return rules.NAME_CONSTRAINTS.broken(
                CONSTRAINTS, certificate=certificate.fingerprint, reason=str(error)
            )
    policy = certificate.policy_constraints
    explicit = None if policy is None else policy.require_explicit_policy
    mapping = None if policy is None else policy.inhibit_policy_mapping
    return State(
        policies=state.policies,
        explicit_policy=_least(state.explicit_policy, explicit),
        policy_mapping=_least(state.policy_mapping, mapping),
        inhibit_any_policy=_least(state.inhibit_any_policy, certificate.inhibit_any_policy),
        path_length=_least(state.path_length, path_length),
        limits=limits,
    )


_LIMITING: Final = frozenset(
    {
        extensions.NAME_CONSTRAINTS,
        extensions.POLICY_CONSTRAINTS,
        extensions.INHIBIT_ANY_POLICY,
    }
)


def _least(counter: int, own: int | None) -> int:
    return counter if own is None else min(counter, own)
