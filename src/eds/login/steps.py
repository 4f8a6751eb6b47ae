"""The rules of a login, in the order in which they are told.

Findings of the path, the status and the signature as such are those of `eds.verify`; these say
what they came to for the login.
"""

from __future__ import annotations

from typing import Final

from ..verify.findings import Rule

TOKEN: Final = Rule(
    code="login.token",
    clause="Web eID authentication token format; RFC 5652 §5.1",
    says="the token is of a kind that is read here, within its limits, and can be read one way",
)
METHOD: Final = Rule(
    code="login.method",
    clause="rules of the portal",
    says="the method is one that the portal takes",
)
CHALLENGE: Final = Rule(
    code="login.challenge",
    clause="Web eID system architecture; RFC 4949 (replay)",
    says="a challenge waited for this browser session, and nobody had taken it",
)
LIFETIME: Final = Rule(
    code="login.lifetime",
    clause="Web eID system architecture",
    says="the challenge is answered after it was made, and before it expires",
)
RELYING_PARTY: Final = Rule(
    code="login.relying_party",
    clause="RFC 6454 §5",
    says="the challenge was made for this origin and this portal",
)
CERTIFICATE: Final = Rule(
    code="login.certificate",
    clause="EN 319 102-1 §5.2.3",
    says="the certificate of who signed is at hand and can be read",
)
ALGORITHM: Final = Rule(
    code="login.algorithm",
    clause="RFC 8725 §3.1; TS 119 312",
    says="the algorithm is allowed, goes with the key, and may be relied on today",
)
KEY_ROLE: Final = Rule(
    code="login.key_role",
    clause="RFC 5280 §4.2.1.3, §4.2.1.12",
    says="the key is certified for a role that the portal takes for login",
)
POLICIES: Final = Rule(
    code="login.policies",
    clause="RFC 5280 §4.2.1.4",
    says="the certificate names every policy that is required and none that is forbidden",
)
PATH: Final = Rule(
    code="login.path",
    clause="RFC 5280 §6.1",
    says="a path for this purpose leads from the certificate to an anchor, before any network use",
)
STATUS: Final = Rule(
    code="login.status",
    clause="EN 319 102-1 §5.2.6",
    says="no certificate of the path is revoked now, by evidence that is fresh",
)
STATEMENT: Final = Rule(
    code="login.statement",
    clause="eds-login:1",
    says="what was signed is the very statement written for this challenge",
)
SIGNATURE: Final = Rule(
    code="login.signature",
    clause="Web eID authentication token format; RFC 5652 §5.6",
    says="the key of the certificate signed this challenge",
)
SUBJECT: Final = Rule(
    code="login.subject",
    clause="EN 319 412-1 §5.1; EN 319 412-2 §4.2.4",
    says="the certificate names one natural person by a number",
)
ASSURANCE: Final = Rule(
    code="login.assurance",
    clause="Regulation (EU) 910/2014, article 8",
    says="identity and login are assured as well as the portal demands",
)

ORDER: Final = {
    rule.code: number
    for number, rule in enumerate(
        (
            TOKEN, METHOD, CHALLENGE, LIFETIME, RELYING_PARTY, CERTIFICATE, ALGORITHM, KEY_ROLE,
            POLICIES, PATH, STATUS, STATEMENT, SIGNATURE, SUBJECT, ASSURANCE,
        )
    )
}  # fmt: skip
