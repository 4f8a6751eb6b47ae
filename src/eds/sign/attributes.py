"""Signed and unsigned attributes of CMS and CAdES, written (RFC 5652 §11, EN 319 122-1 §5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from .. import der
from ..algorithms import SHA256, DigestAlgorithm, SignatureAlgorithm
from ..certificates import Certificate
from ..errors import InvalidArgument
from ..verify import attributes as known

COMMITMENT_TYPE: Final = "1.2.840.113549.1.9.16.2.16"
SIGNER_ATTRIBUTES_V2: Final = "0.4.0.19122.1.1"
_POLICY_URI: Final = "1.2.840.113549.1.9.16.5.1"
_NAME: Final = "2.5.4.41"
_TEXT_LIMIT: Final = 1000


class Commitment(Enum):
    """What the signer means by signing (EN 319 122-1 §5.2.3)."""

    PROOF_OF_ORIGIN = "1.2.840.113549.1.9.16.6.1"
    PROOF_OF_RECEIPT = "1.2.840.113549.1.9.16.6.2"
    PROOF_OF_DELIVERY = "1.2.840.113549.1.9.16.6.3"
    PROOF_OF_SENDER = "1.2.840.113549.1.9.16.6.4"
    PROOF_OF_APPROVAL = "1.2.840.113549.1.9.16.6.5"
    PROOF_OF_CREATION = "1.2.840.113549.1.9.16.6.6"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """The policy under which is signed (EN 319 122-1 §5.2.9): its OID and the digest of its text.

    Raises InvalidArgument where the digest has another length than its algorithm gives.
    """

    oid: str
    digest: bytes
    digest_algorithm: DigestAlgorithm = SHA256
    uri: str | None = None

    def __post_init__(self) -> None:
        if len(self.digest) != self.digest_algorithm.size:
            raise InvalidArgument(argument="digest", reason="not of the length of its algorithm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the signer says beside the content.

    `signing_time` is a claim, aware; None leaves it out. `claimed_roles` are words of the
    signer's own, each at most 1,000 characters. Raises InvalidArgument.
    """

    signing_time: datetime | None = None
    commitment: Commitment | None = None
    policy: SignaturePolicy | None = None
    claimed_roles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(0 < len(role) <= _TEXT_LIMIT for role in self.claimed_roles):
            raise InvalidArgument(argument="claimed_roles", reason="1 to 1,000 characters each")

    def attributes(self) -> tuple[bytes, ...]:
        """The signed attributes that it stands for, encoded. Raises NaiveDatetime."""
        found = []
        if self.signing_time is not None:
            found.append(attribute(known.SIGNING_TIME, der.time(self.signing_time)))
        if self.commitment is not None:
            indication = der.sequence(der.object_identifier(self.commitment.value))
            found.append(attribute(COMMITMENT_TYPE, indication))
        if self.policy is not None:
            found.append(attribute(known.SIGNATURE_POLICY, _policy(self.policy)))
        if self.claimed_roles:
            found.append(attribute(SIGNER_ATTRIBUTES_V2, _roles(self.claimed_roles)))
        return tuple(found)


NOTHING_SAID: Final = Statement()


def attribute(oid: str, *values: bytes) -> bytes:
    """One Attribute (RFC 5652 §5.3)."""
    return der.sequence(der.object_identifier(oid), der.set_of(*values))


def content_type(oid: str) -> bytes:
    """RFC 5652 §11.1."""
    return attribute(known.CONTENT_TYPE, der.object_identifier(oid))


def message_digest(digest: bytes) -> bytes:
    """RFC 5652 §11.2."""
    return attribute(known.MESSAGE_DIGEST, der.octet_string(digest))


def signing_certificate(certificate: Certificate, *, digest: DigestAlgorithm) -> bytes:
    """signing-certificate-v2 (RFC 5035 §3) with the one certificate and no policies.

    The issuer and serial number stand in the SignerInfo already. SHA-256 is the DEFAULT.
    """
    algorithm = b"" if digest is SHA256 else digest.identifier
    cert_id = der.sequence(algorithm, der.octet_string(digest.digest(certificate.encoded)))
    return attribute(known.SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(cert_id)))


def algorithm_protection(algorithm: SignatureAlgorithm) -> bytes:
    """CMSAlgorithmProtection (RFC 6211): which digest and signature algorithm were meant."""
    return attribute(
        known.ALGORITHM_PROTECTION,
        der.sequence(
            algorithm.cms_digest.identifier,
            der.implicit(1, algorithm.identifier),
        ),
    )


def _policy(policy: SignaturePolicy) -> bytes:
    qualifiers = b""
    if policy.uri is not None:
        qualifier = der.sequence(der.object_identifier(_POLICY_URI), der.ia5_string(policy.uri))
        qualifiers = der.sequence(qualifier)
    return der.sequence(
        der.object_identifier(policy.oid),
        der.sequence(policy.digest_algorithm.identifier, der.octet_string(policy.digest)),
        qualifiers,
    )


def _roles(roles: tuple[str, ...]) -> bytes:
    """SignerAttributeV2 with claimed attributes, each role as the attribute `name` (X.520 §6.2.1).

    The attribute `role` of X.520 would want a name in a directory; EU DSS writes roles so too.
    """
    claimed = (
        der.sequence(der.object_identifier(_NAME), der.set_of(der.utf8_string(role)))
        for role in roles
    )
    return der.sequence(der.explicit(0, der.sequence(*claimed)))
