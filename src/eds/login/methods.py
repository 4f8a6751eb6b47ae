"""The ways of proving who is there, and what each does not prove: facts, told honestly.

An origin that a server writes into a text to be signed stops nobody from showing that text
elsewhere and passing the answer on. Only an origin that the user's own software adds does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from ..certificates import Certificate
from ..extensions import ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, KeyUsage
from ..verify.path_purposes import SMART_CARD_LOGON


class Method(Enum):
    """How a login is signed."""

    WEB_EID = "web-eid:1"
    STATEMENT = "eds-login:1"  # CMS whose eContentType is our own
    STATEMENT_AS_DATA = "eds-login-data:1"  # CMS over id-data, by software that can do no other


class KeyRole(Enum):
    """What a certificate gives its key for. A unified one names client authentication as well."""

    AUTHENTICATION = "authentication"
    UNIFIED = "authentication and signature"
    SIGNATURE = "signature"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFacts:
    """What one login rests on.

    `phishing_resistant`: the user's software, not the page, bound the answer to the origin.
    `user_presence`: the protocol has the user consent to each login (PIN or the like).
    `weaknesses` are stable words for what the method cannot prove.
    """

    method: Method
    phishing_resistant: bool
    user_presence: bool
    weaknesses: tuple[str, ...] = ()


METHOD_FACTS: Final[Mapping[Method, MethodFacts]] = MappingProxyType(
    {
        Method.WEB_EID: MethodFacts(
            method=Method.WEB_EID, phishing_resistant=True, user_presence=True
        ),
        Method.STATEMENT: MethodFacts(
            method=Method.STATEMENT,
            phishing_resistant=False,
            user_presence=False,
            weaknesses=("origin_not_attested",),
        ),
        Method.STATEMENT_AS_DATA: MethodFacts(
            method=Method.STATEMENT_AS_DATA,
            phishing_resistant=False,
            user_presence=False,
            weaknesses=("origin_not_attested", "signed_as_data"),
        ),
    }
)

PHISHING_RESISTANT: Final = frozenset(
    method for method, facts in METHOD_FACTS.items() if facts.phishing_resistant
)
"""For rules that demand it: `LoginRules(methods=PHISHING_RESISTANT, …)`."""


def role_of(certificate: Certificate) -> KeyRole:
    """What the certificate gives its key for, by key usage and extended key usage.

    Key usage must be there and name digitalSignature; where extended key usages are there, one
    must be client authentication. nonRepudiation makes it a signature key, unless client
    authentication is named beside it. Raises DecodeError.
    """
    usage = certificate.key_usage or frozenset()
    extended = certificate.extended_key_usage
    named = extended is not None and not {CLIENT_AUTH, SMART_CARD_LOGON}.isdisjoint(extended)
    signs = KeyUsage.NON_REPUDIATION in usage
    if KeyUsage.DIGITAL_SIGNATURE in usage:
        if named:
            return KeyRole.UNIFIED if signs else KeyRole.AUTHENTICATION
        open_to_all = extended is None or ANY_EXTENDED_KEY_USAGE in extended
        if open_to_all and not signs:
            return KeyRole.AUTHENTICATION
    return KeyRole.SIGNATURE if signs else KeyRole.OTHER
