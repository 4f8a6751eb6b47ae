"""Signatures on a path: whether they verify, and until when their algorithms and keys hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from .. import der
from ..algorithms import KeyType, SignatureAlgorithm, identify
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError, UnknownAlgorithm
from ..publickeys import PublicKey
from . import path_rules as rules
from .findings import Finding
from .indications import SubIndication
from .policy import AlgorithmRules
from .trust import TrustAnchor

GENERAL: Final = SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE
ALGORITHMS: Final = SubIndication.CRYPTO_CONSTRAINTS_FAILURE

Allowed = tuple[SignatureAlgorithm, date | None]
"""An algorithm and the last day on which it may be relied on."""


def algorithm_of(certificate: Certificate, key: PublicKey) -> SignatureAlgorithm:
    """How it is signed, for the issuer's key. Raises AlgorithmError, DecodeError."""
    identifier = certificate.signature_algorithm
    try:
        return identify(identifier, key_type=key.key_type, curve=key.curve)
    except UnknownAlgorithm:
        bare = _without_null(certificate) if key.key_type is KeyType.EC else None
        if bare is None:
            raise
        return identify(bare, key_type=key.key_type, curve=key.curve)


def _without_null(certificate: Certificate) -> der.Element | None:
    """What an identifier says beside a NULL that has no business there (SUPERFLUOUS_NULL).

    None where there is none, or where it stands outside what is signed alone.
    """
    identifier = certificate.signature_algorithm
    fields = identifier.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).encoded
    if identifier.octets != oid + der.null():
        return None
    if certificate.tbs_signature_algorithm.encoded != identifier.encoded:
        return None
    return der.decode(der.sequence(oid))


def signed_by(
    issuer: Certificate,
    certificate: Certificate,
    algorithms: AlgorithmRules,
    known: dict[bytes, Allowed],
) -> date | Finding | None:
    """The last day on which the signature may be relied on (None: no end), or what is wrong.

    `known` keeps what was found of an AlgorithmIdentifier beside the key of this issuer.
    """
    try:
        key = issuer.public_key
        identifier = certificate.signature_algorithm.encoded
        allowed = known.get(identifier)
        if allowed is None:
            algorithm = algorithm_of(certificate, key)
            allowed = algorithm, algorithms.signature_until(algorithm, key)
            if len(known) < 16:
                known[identifier] = allowed
        algorithm, until = allowed
        if until == date.min:
            return rules.ALGORITHM.broken(
                ALGORITHMS, certificate=certificate.fingerprint, algorithm=algorithm.name
            )
        try:
            signature = certificate.signature
        except DecodeError:
            signature = b""  # bits that make no octets sign nothing
        if key.verifier(algorithm)(signature, certificate.tbs_encoded):
            return until
    except AlgorithmError as error:
        return rules.ALGORITHM.broken(
            ALGORITHMS, certificate=certificate.fingerprint, reason=str(error)
        )
    except DecodeError as error:
        return unreadable(certificate, error)
    return rules.SIGNATURE.broken(GENERAL, certificate=certificate.fingerprint)


def key_until(certificate: Certificate, algorithms: AlgorithmRules) -> date | Finding | None:
    """The last day on which its own key may be relied on (None: no end), or what is wrong."""
    try:
        key = certificate.public_key
        until = algorithms.key_until(key)
        if until != date.min:
            return until
        reason = key.description
    except AlgorithmError as error:
        reason = str(error)
    except DecodeError as error:
        return unreadable(certificate, error)
    return rules.ALGORITHM.broken(ALGORITHMS, certificate=certificate.fingerprint, key=reason)


def end_of(until: date | None, otherwise: datetime) -> datetime:
    """The earlier of the end of a day and `otherwise`."""
    if until is None or until >= otherwise.date():
        return otherwise
    return datetime.combine(until, time.max, UTC)


def period_of(certificate: Certificate) -> tuple[datetime, datetime]:
    """The first and last instant of its validity period. Raises MalformedCertificate.

    X.509 counts whole seconds: the last one counts to its end.
    """
    not_before, not_after = certificate.validity
    return not_before, not_after + _LAST_SECOND


def period_of_anchor(anchor: TrustAnchor) -> tuple[datetime, datetime]:
    """When it is believed: as the store says, else as its certificate does."""
    not_before, not_after = period_of(anchor.certificate)
    return anchor.since or not_before, anchor.until or not_after


_LAST_SECOND: Final = timedelta(microseconds=999_999)


def unreadable(certificate: Certificate, error: DecodeError) -> Finding:
    """What is found of a certificate a part of which cannot be read."""
    return rules.READABLE.broken(
        GENERAL, certificate=certificate.fingerprint, reason=str(error), error=error.code
    )
