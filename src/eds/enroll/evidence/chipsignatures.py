"""Signatures as passports have them: the strict table, and two named departures from it."""

from __future__ import annotations

from typing import Final, NamedTuple

from ... import der
from ...algorithms import (
    RSA_ENCRYPTION,
    SIGNATURE_ALGORITHMS,
    DigestAlgorithm,
    KeyType,
    Padding,
    SignatureAlgorithm,
    identify,
)
from ...certificates import Certificate
from ...errors import UnknownAlgorithm
from ...publickeys import PublicKey
from .explicitcurves import has_explicit_parameters

# Names of what was met on the way; they stand in reports.
EXPLICIT_CURVE: Final = "explicit-curve-parameters"
ECDSA_NULL: Final = "ecdsa-null-parameters"

_ECDSA: Final = frozenset(row.oid for row in SIGNATURE_ALGORITHMS if row.key_type is KeyType.EC)
_NULL: Final = der.null()


class Identified(NamedTuple):
    """A row of the table, and which departures were accepted to reach it."""

    algorithm: SignatureAlgorithm
    departures: frozenset[str] = frozenset()


def identify_signature(
    identifier: bytes, key: PublicKey, *, digest: DigestAlgorithm | None = None
) -> Identified:
    """The row of an encoded AlgorithmIdentifier beside a key on a named curve.

    ECDSA with NULL parameters, which RFC 5758 §3.2 forbids and passports have, is accepted and
    named. In CMS, where `digest` is given, RSA may be named by its key alone. Raises
    UnknownAlgorithm, AlgorithmKeyMismatch, MalformedDer.
    """
    element = der.decode(identifier)
    fields = element.fields()
    oid = fields.object_identifier()
    parameters = fields.take().encoded if fields.next_tag is not None else b""
    fields.finish()
    if oid in _ECDSA and parameters == _NULL:
        bare = der.decode(der.sequence(der.object_identifier(oid)))
        row = identify(bare, key_type=key.key_type, curve=key.curve)
        return Identified(row, frozenset({ECDSA_NULL}))
    if oid == RSA_ENCRYPTION and digest is not None and parameters in (b"", _NULL):
        for row in SIGNATURE_ALGORITHMS:
            if (row.key_type, row.padding, row.digest) == (KeyType.RSA, Padding.PKCS1V15, digest):
                return Identified(row)
        raise UnknownAlgorithm(identifier=f"{oid} with {digest.name}")
    return Identified(identify(element, key_type=key.key_type, curve=key.curve))


def departures_of(certificate: Certificate) -> frozenset[str]:
    """The departures of a certificate that are accepted here and nowhere else in the library."""
    found: set[str] = set()
    if has_explicit_parameters(certificate.public_key):
        found.add(EXPLICIT_CURVE)
    identifier = certificate.tbs_signature_algorithm.fields()
    if identifier.object_identifier() in _ECDSA and identifier.next_tag is not None:
        parameters = identifier.take().encoded
        if parameters == _NULL:
            found.add(ECDSA_NULL)
    return frozenset(found)


def is_signed_by(certificate: Certificate, key: PublicKey) -> tuple[bool, Identified]:
    """Whether `key` (on a named curve) made the certificate's signature, and by which algorithm.

    Raises UnknownAlgorithm, AlgorithmKeyMismatch, AlgorithmUnavailable, DecodeError.
    """
    found = identify_signature(certificate.tbs_signature_algorithm.encoded, key)
    signed = certificate.signature_algorithm  # refuses one that differs in more than a NULL
    identify_signature(signed.encoded, key)
    fits = key.verify(certificate.signature, certificate.tbs_encoded, algorithm=found.algorithm)
    return fits, found
