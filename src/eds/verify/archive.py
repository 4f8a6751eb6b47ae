"""Archive time-stamps of CAdES, version 3 (EN 319 122-1 §5.5): what one stands over.

The token carries an index of digests: of the certificates, lists and unsigned attributes that
stood in the signature when it was made. Each entry must still have its object there; objects
without an entry came later and are not covered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from .. import der
from ..algorithms import DigestAlgorithm, digest_by_oid
from ..errors import AlgorithmError, DecodeError, MalformedDer
from ..signeddata import Attribute, SignedData, SignerInfo
from ..timestamps import TimeStampToken
from . import attributes as known
from .attributes import HashIndex
from .content import Content
from .findings import Finding, Rule
from .indications import SubIndication
from .timestamp import Imprinted

INDEX: Final = Rule(
    code="time_stamp.hash_index",
    clause="EN 319 122-1 §5.5.2",
    says="every entry of the index of the archive time-stamp has its object in the signature",
)
_INDEX_KEPT: Final = INDEX.kept()

V = TypeVar("V")

_VERSIONS: Final = ((known.HASH_INDEX_V3, 3), (known.HASH_INDEX_V2, 2), (known.HASH_INDEX, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What an archive time-stamp covers, beside signature and content.

    `unsigned_attributes` are attributes of which at least one value is covered.
    """

    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    unsigned_attributes: tuple[Attribute, ...]


def read_index(token: TimeStampToken) -> HashIndex:
    """The index of an archive time-stamp. Raises MalformedDer where there is not exactly one."""
    found = [
        known.read_hash_index(attribute.value(), version=version)
        for info in token.signed_data.signer_infos
        for attribute in info.unsigned_attributes
        for oid, version in _VERSIONS
        if attribute.oid == oid
    ]
    if len(found) != 1:
        raise MalformedDer(reason=f"{len(found)} ats-hash-index attributes", offset=0)
    return found[0]


def covered_by(
    index: HashIndex, signed_data: SignedData, info: SignerInfo
) -> tuple[Covered, Finding]:
    """What `index` covers, and whether each of its entries has its object."""
    try:
        digest = digest_by_oid(index.digest_oid).digest
        certificates = {digest(one): one for one in signed_data.certificates_encoded}
        lists = {digest(one): one for one in signed_data.revocation_encoded}
        attributes: dict[bytes, Attribute] = {}
        for attribute in info.unsigned_attributes:
            for octets in _hashed(attribute, whole=index.whole_attributes):
                attributes[digest(octets)] = attribute
    except (AlgorithmError, DecodeError) as error:
        nothing = Covered(certificates=(), lists=(), unsigned_attributes=())
        return nothing, INDEX.broken(SubIndication.SIG_CONSTRAINTS_FAILURE, error=str(error))
    covered = Covered(
        certificates=_found(index.certificates, certificates),
        lists=_found(index.lists, lists),
        unsigned_attributes=tuple(dict.fromkeys(_found(index.unsigned_attributes, attributes))),
    )
    missing = sum(
        entry not in present
        for entries, present in (
            (index.certificates, certificates),
            (index.lists, lists),
            (index.unsigned_attributes, attributes),
        )
        for entry in entries
    )
    if missing:
        return covered, INDEX.broken(
            SubIndication.SIG_CONSTRAINTS_FAILURE, entries_without_object=missing
        )
    return covered, _INDEX_KEPT


def _hashed(attribute: Attribute, *, whole: bool) -> Iterable[bytes]:
    if whole:
        return (attribute.encoded,)
    oid = der.object_identifier(attribute.oid)
    return (oid + value.encoded for value in attribute.values)


def _found(entries: tuple[bytes, ...], present: dict[bytes, V]) -> tuple[V, ...]:
    return tuple(present[entry] for entry in entries if entry in present)


def imprinted(
    index: HashIndex, signed_data: SignedData, info: SignerInfo, content: Content
) -> Imprinted:
    """What the imprint of an archive time-stamp is the digest of (§5.5.3)."""

    def digest(algorithm: DigestAlgorithm) -> bytes | None:
        hashed = content.digest(algorithm)
        if hashed is None:
            return None
        return algorithm.digest(
            b"".join(
                (
                    der.object_identifier(signed_data.content_type),
                    hashed,
                    info.before_unsigned_attributes,
                    index.encoded,
                )
            )
        )

    return digest
