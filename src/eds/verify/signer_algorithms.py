"""The algorithms of a signature: what their identifiers name, and until when they count."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Final

from .. import der
from ..algorithms import (
    KEY_TYPES,
    RSA_ENCRYPTION,
    SIGNATURE_ALGORITHMS,
    Curve,
    DigestAlgorithm,
    KeyType,
    Padding,
    SignatureAlgorithm,
    digest_by_oid,
    identify,
)
from ..errors import UnknownAlgorithm
from ..gostkeys import GOST_KEY_TYPES
from ..tolerances import KEY_OID_AS_SIGNATURE_ALGORITHM, MISSING_NULL, Tolerance
from . import attributes as known
from .findings import Finding, Rule
from .indications import SubIndication
from .policy import is_relied_on

ALGORITHM_PERIOD: Final = Rule(
    code="cms.algorithm_period",
    clause="EN 319 102-1 §5.2.8; TS 119 312",
    says="the algorithms could be relied on at that time",
)
NO_TOLERANCES: Final[frozenset[Tolerance]] = frozenset()


@lru_cache(maxsize=256)
def read_digest_algorithm(identifier: bytes) -> DigestAlgorithm:
    """The digest of an encoded AlgorithmIdentifier. Raises DecodeError, UnknownAlgorithm."""
    return digest_by_oid(known.digest_oid(identifier))


@lru_cache(maxsize=256)
def signature_row(
    identifier: bytes, digest: DigestAlgorithm, key_type: KeyType, curve: Curve | None
) -> tuple[SignatureAlgorithm, frozenset[Tolerance]]:
    """The algorithm of a signature: what stands beside it, for a key of that kind.

    RSA in CMS is often named by its key alone, the digest standing elsewhere (RFC 3370 §3.2);
    for other keys that is a departure, and named. Raises UnknownAlgorithm, AlgorithmKeyMismatch,
    MalformedDer.
    """
    element = der.decode(identifier)
    oid = element.fields().object_identifier()
    of_key = KEY_TYPES.get(oid)
    if oid == RSA_ENCRYPTION:
        fields = element.fields()
        fields.object_identifier()
        used = frozenset({MISSING_NULL}) if fields.next_tag is None else NO_TOLERANCES
        if fields.next_tag is not None:
            fields.take(der.NULL).null()
        fields.finish()
        for row in SIGNATURE_ALGORITHMS:
            if (row.key_type, row.padding, row.digest) == (KeyType.RSA, Padding.PKCS1V15, digest):
                if key_type is not KeyType.RSA:
                    break
                return row, used
        raise UnknownAlgorithm(identifier=f"{oid} with {digest.name}")
    if of_key in GOST_KEY_TYPES:
        for row in SIGNATURE_ALGORITHMS:
            if (row.key_type, row.curve, row.digest) == (key_type, curve, digest) and (
                key_type is of_key
            ):
                return row, frozenset({KEY_OID_AS_SIGNATURE_ALGORITHM})
        raise UnknownAlgorithm(identifier=f"{oid} with {digest.name}")
    row = identify(element, key_type=key_type, curve=curve)
    lacks = row.parameters and not identifier.endswith(row.parameters)
    return row, frozenset({MISSING_NULL}) if lacks else NO_TOLERANCES


@lru_cache(maxsize=256)
def _period_kept(until: date | None) -> Finding:
    if until is None:
        return ALGORITHM_PERIOD.kept()
    return ALGORITHM_PERIOD.kept(relied_on_until=until.isoformat())


def period_finding(until: date | None, proven: datetime, names: tuple[str, ...]) -> Finding:
    """The finding for algorithms that are relied on through the day `until`."""
    if is_relied_on(until, at=proven):
        return _period_kept(until)
    never = until == date.min
    sub = (
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE
        if never
        else SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    )
    said = "never" if until is None or never else until.isoformat()
    return ALGORITHM_PERIOD.broken(sub, algorithms=names, relied_on_until=said, proven_time=proven)
