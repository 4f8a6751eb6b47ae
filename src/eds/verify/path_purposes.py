"""What a certificate must say to serve a purpose: key usage and extended key usage, as a table.

| purpose | key usage, where present | extended key usage |
|---|---|---|
| signature | what the policy names | absent, or for documents, mail or what the policy adds |
| authentication | digitalSignature | absent, or clientAuth, smart card logon |
| time-stamping | the same or nonRepudiation | timeStamping, alone, critical (RFC 3161 §2.3) |
| OCSP signing | the same | OCSPSigning by name (RFC 6960 §4.2.2.2) |
| list signing | cRLSign | not asked |
| any | not asked | not asked |

anyExtendedKeyUsage stands for those of the first two alone. An authority that limits its own
extended key usages limits what it can issue: RFC 5280 is silent, all verifiers do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..certificates import Certificate
from ..extensions import (
    ANY_EXTENDED_KEY_USAGE,
    CLIENT_AUTH,
    DOCUMENT_SIGNING,
    EMAIL_PROTECTION,
    EXTENDED_KEY_USAGE,
    OCSP_SIGNING,
    TIME_STAMPING,
    KeyUsage,
)
from . import path_rules as rules
from .findings import Finding
from .indications import SubIndication
from .policy import ValidationPolicy
from .trust import Purpose

MICROSOFT_DOCUMENT_SIGNING: Final = "1.3.6.1.4.1.311.10.3.12"
ADOBE_DOCUMENT_SIGNING: Final = "1.2.840.113583.1.1.5"
SMART_CARD_LOGON: Final = "1.3.6.1.4.1.311.20.2.2"

_SIGNS: Final = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION})
_FAILURE: Final = SubIndication.CHAIN_CONSTRAINTS_FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Usages:
    """`key_usage`: at least one of them (None: the policy's own for signers; empty: not asked).

    `extended`: at least one of them (empty: not asked). `named` wants them by name: neither
    absence nor anyExtendedKeyUsage will do. `alone` wants no other beside, and critical.
    """

    key_usage: frozenset[KeyUsage] | None = frozenset()
    extended: frozenset[str] = frozenset()
    named: bool = False
    alone: bool = False


USAGES: Final[Mapping[Purpose, Usages]] = {
    Purpose.SIGNATURE: Usages(
        key_usage=None,
        extended=frozenset(
            {
                DOCUMENT_SIGNING,
                EMAIL_PROTECTION,
                MICROSOFT_DOCUMENT_SIGNING,
                ADOBE_DOCUMENT_SIGNING,
            }
        ),
    ),
    Purpose.AUTHENTICATION: Usages(
        key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
        extended=frozenset({CLIENT_AUTH, SMART_CARD_LOGON}),
    ),
    Purpose.TIME_STAMPING: Usages(
        key_usage=_SIGNS, extended=frozenset({TIME_STAMPING}), named=True, alone=True
    ),
    Purpose.OCSP_SIGNING: Usages(key_usage=_SIGNS, extended=frozenset({OCSP_SIGNING}), named=True),
    Purpose.LIST_SIGNING: Usages(key_usage=frozenset({KeyUsage.CRL_SIGN})),
    Purpose.ANY: Usages(),
}


def serves(
    certificate: Certificate, purpose: Purpose, *, policy: ValidationPolicy
) -> Finding | None:
    """What keeps the certificate at the end of a path from its purpose; None: nothing."""
    usages = USAGES[purpose]
    wanted = policy.signer_key_usage if usages.key_usage is None else usages.key_usage
    found = certificate.key_usage
    if wanted and found is not None and wanted.isdisjoint(found):
        return rules.PURPOSE.broken(
            _FAILURE, purpose=purpose.value, key_usage=tuple(sorted(one.name for one in found))
        )
    if purpose is Purpose.SIGNATURE and policy.signer_policies is not None:
        policies = tuple(one.oid for one in certificate.policies or ())
        if policy.signer_policies.isdisjoint(policies):
            return rules.SIGNER_POLICY.broken(_FAILURE, policies=policies)
    if not usages.extended:
        return None
    extended = certificate.extended_key_usage
    if extended is None:
        kept = not usages.named
    else:
        serving = usages.extended
        if purpose is Purpose.SIGNATURE:
            serving |= policy.signer_purposes
        kept = not serving.isdisjoint(extended) or (
            not usages.named and ANY_EXTENDED_KEY_USAGE in extended
        )
        if usages.alone:
            critical = certificate.extensions[EXTENDED_KEY_USAGE].critical
            kept = kept and len(extended) == 1 and critical
    if kept:
        return None
    return rules.EXTENDED_KEY_USAGE.broken(
        _FAILURE, purpose=purpose.value, extended_key_usage=extended
    )


def may_issue(authority: Certificate, purpose: Purpose) -> Finding | None:
    """What keeps an authority from issuing certificates for that purpose; None: nothing."""
    wanted = USAGES[purpose].extended
    extended = authority.extended_key_usage if wanted else None
    if extended is None or ANY_EXTENDED_KEY_USAGE in extended or not wanted.isdisjoint(extended):
        return None
    return rules.EXTENDED_KEY_USAGE.broken(
        _FAILURE,
        purpose=purpose.value,
        extended_key_usage=extended,
        certificate=authority.fingerprint,
    )
