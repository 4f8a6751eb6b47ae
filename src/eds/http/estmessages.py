"""The octets of EST (RFC 7030, with the corrections of RFC 8951): nothing here acts.

Bodies are base64 without a Content-Transfer-Encoding (RFC 8951 §3.1); white space in them is
passed over. Certificates travel as certs-only CMS (RFC 5652 §5.1, degenerate).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final, NamedTuple

from .. import der
from ..algorithms import KeyType, curve_by_name
from ..ca.profiles import CertificateProfile
from ..certificates import Certificate
from ..errors import MalformedHttpRequest
from ..requests import CHALLENGE_PASSWORD, CertificationRequest

CERTS_ONLY: Final = b"application/pkcs7-mime; smime-type=certs-only"
PKCS10: Final = "application/pkcs10"
CSR_ATTRIBUTES: Final = b"application/csrattrs"

_SIGNED_DATA: Final = der.object_identifier("1.2.840.113549.1.7.2")
_DATA: Final = der.object_identifier("1.2.840.113549.1.7.1")
_EC_KEY: Final = "1.2.840.10045.2.1"
_RSA_KEY: Final = "1.2.840.113549.1.1.1"
_ED25519: Final = "1.3.101.112"
_SPACE: Final = str.maketrans("", "", " \t\r\n")
_LINE: Final = 64


def certs_only(certificates: Iterable[Certificate]) -> bytes:
    """A SignedData that nobody signed, with these certificates."""
    signed = der.sequence(
        der.integer(1),
        der.set_of(),
        der.sequence(_DATA),
        der.implicit(0, der.set_of(*(each.encoded for each in certificates))),
        der.set_of(),
    )
    return der.sequence(_SIGNED_DATA, der.explicit(0, signed))


def armoured(octets: bytes) -> bytes:
    """Base64 in lines, as every client reads it."""
    text = base64.b64encode(octets)
    lines = (text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return b"\r\n".join(lines) + b"\r\n"


def read_request(body: bytes) -> CertificationRequest:
    """The PKCS #10 of an enrolment. Raises MalformedHttpRequest, MalformedRequest."""
    try:
        octets = base64.b64decode(body.decode("ascii").translate(_SPACE), validate=True)
    except (UnicodeDecodeError, binascii.Error, ValueError):
        raise MalformedHttpRequest(reason="the body is not base64 (RFC 8951 §3.1)") from None
    return CertificationRequest(octets)


def csr_attributes(profiles: Iterable[CertificateProfile]) -> bytes:
    """What a request must have (CsrAttrs, RFC 8951 §3.3): the link, and which keys are taken."""
    rules = {rule for profile in profiles for rule in profile.keys}
    curves = {curve_by_name(rule.curve).oid for rule in rules if rule.curve is not None}
    bits = [rule.minimum_bits for rule in rules if rule.key_type is KeyType.RSA]
    rows = [der.object_identifier(CHALLENGE_PASSWORD)]
    if curves:
        values = der.set_of(*map(der.object_identifier, curves))
        rows.append(der.sequence(der.object_identifier(_EC_KEY), values))
    if bits:
        least = der.set_of(der.integer(min(bits)))
        rows.append(der.sequence(der.object_identifier(_RSA_KEY), least))
    if any(rule.key_type is KeyType.ED25519 for rule in rules):
        rows.append(der.object_identifier(_ED25519))
    return der.sequence(*rows)


class Basic(NamedTuple):
    """What a client shows by HTTP Basic (RFC 7617): whose application, and its credential."""

    application: str
    credential: str
    secret: str

    def __repr__(self) -> str:
        return "<Basic>"


def read_basic(header: bytes | None) -> Basic | None:
    """Application, credential and (after a colon) activation secret; None for anything else."""
    scheme, _, value = (header or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    user, _, password = text.partition(":")
    credential, _, secret = password.partition(":")
    return Basic(user, credential, secret) if user and credential else None
