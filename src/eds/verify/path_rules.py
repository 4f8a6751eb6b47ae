"""The rules of a certification path, each with the clause that demands it."""

from __future__ import annotations

from typing import Final

from .findings import Rule

CHAIN: Final = Rule(
    code="path.chain",
    clause="EN 319 102-1 §5.2.6; RFC 5280 §6.1",
    says="a path leads from the certificate to a trust anchor",
)
ANCHOR_PURPOSE: Final = Rule(
    code="path.anchor_purpose",
    clause="RFC 5280 §6.1.1 (d); RFC 5914 §2",
    says="the trust anchor is believed for this purpose",
)
ANCHOR_PERIOD: Final = Rule(
    code="path.anchor_period",
    clause="EN 319 102-1 §5.2.6; TS 119 612 §5.5",
    says="the trust anchor was believed at that time",
)
BUDGET: Final = Rule(
    code="path.budget",
    clause="policy; CVE-2018-16875",
    says="the path was found and proven within the work that the policy allows",
)
READABLE: Final = Rule(
    code="path.malformed",
    clause="RFC 5280 §4",
    says="every part of the certificates that the rules ask for can be read",
)
SIGNATURE: Final = Rule(
    code="path.signature",
    clause="RFC 5280 §6.1.3 (a)(1)",
    says="each certificate is signed with the key of its issuer",
)
VALIDITY: Final = Rule(
    code="path.validity",
    clause="RFC 5280 §6.1.3 (a)(2)",
    says="each certificate is in its validity period",
)
ALGORITHM: Final = Rule(
    code="path.algorithm",
    clause="RFC 5280 §6.1.3 (a)(1); TS 119 312",
    says="each signature and key is of an algorithm that is known here and not refused",
)
ALGORITHM_PERIOD: Final = Rule(
    code="path.algorithm_period",
    clause="EN 319 102-1 §5.2.8; TS 119 312 §9",
    says="each algorithm and key size could be relied on at that time",
)
NAME_CONSTRAINTS: Final = Rule(
    code="path.name_constraints",
    clause="RFC 5280 §6.1.3 (b) and (c), §4.2.1.10",
    says="every name lies where all authorities above it allow",
)
POLICIES: Final = Rule(
    code="path.policies",
    clause="RFC 5280 §6.1.3 (f), §6.1.5 (g); RFC 9618",
    says="where a policy is required, the path has one that is accepted",
)
SIGNER_POLICY: Final = Rule(
    code="path.signer_policy",
    clause="policy; RFC 5280 §4.2.1.4",
    says="the signer's certificate names a certificate policy that is asked for",
)
POLICY_MAPPINGS: Final = Rule(
    code="path.policy_mappings",
    clause="RFC 5280 §6.1.4 (a)",
    says="no policy is mapped to or from anyPolicy",
)
BASIC_CONSTRAINTS: Final = Rule(
    code="path.basic_constraints",
    clause="RFC 5280 §6.1.4 (k)",
    says="each issuer is an authority",
)
PATH_LENGTH: Final = Rule(
    code="path.path_length",
    clause="RFC 5280 §6.1.4 (l) and (m)",
    says="no more authorities follow one another than those above them allow",
)
KEY_USAGE: Final = Rule(
    code="path.key_usage",
    clause="RFC 5280 §6.1.4 (n)",
    says="the key of each issuer may sign certificates",
)
CRITICAL_EXTENSIONS: Final = Rule(
    code="path.critical_extension",
    clause="RFC 5280 §6.1.4 (o), §6.1.5 (f)",
    says="every critical extension is one that is processed here",
)
PROFILE: Final = Rule(
    code="path.profile",
    clause="RFC 5280 §4.1, §4.2",
    says="each certificate keeps what the profile of certificates demands of it",
)
PURPOSE: Final = Rule(
    code="path.purpose",
    clause="RFC 5280 §4.2.1.3",
    says="the key usage of the certificate allows this purpose",
)
EXTENDED_KEY_USAGE: Final = Rule(
    code="path.extended_key_usage",
    clause="RFC 5280 §4.2.1.12",
    says="the certificate, and each authority above it that says so, is for this purpose",
)
