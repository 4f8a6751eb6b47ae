"""Country signing certificates (CSCA) from several master lists, each with its provenance.

ICAO Doc 9303-12. No one list has all countries, so lists are put together, and every certificate
keeps by which lists it came. Nothing is downloaded, and a list is believed only by its signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final

from ... import der
from ...certificates import Certificate
from ...errors import (
    DecodeError,
    EdsError,
    InvalidArgument,
    LimitExceeded,
    MalformedMasterList,
    MasterListUntrusted,
)
from ...names import Name
from ...publickeys import PublicKey
from ...signeddata import SignedData
from .chipsignatures import departures_of
from .explicitcurves import with_named_curve
from .signedcontent import require_signed

CSCA_MASTER_LIST: Final = "2.23.136.1.1.2"
MASTER_LIST_SIGNER: Final = "2.23.136.1.1.3"
_COUNTRY: Final = "2.5.4.6"
_LIMITS: Final = der.Limits(size=16 * 1024 * 1024, elements=5_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class CscaAnchor:
    """A country signing certificate that is relied on, and why.

    `key` is on a named curve even where the certificate spells its curve out. `provenance` names
    the lists or the decisions it came by. `sha1_until` is a decision about this one country:
    until when its SHA-1 signatures were made that are still relied on; None: not at all.
    """

    certificate: Certificate
    key: PublicKey
    country: str
    provenance: frozenset[str]
    departures: frozenset[str] = frozenset()
    sha1_until: datetime | None = None

    @classmethod
    def of(cls, certificate: Certificate, *, provenance: str) -> CscaAnchor:
        """The anchor of a certificate. Raises the error of what makes it unusable."""
        countries = certificate.subject.values(_COUNTRY)
        if len(countries) != 1:
            raise MalformedMasterList(reason="a certificate without one country")
        key = with_named_curve(certificate.public_key)
        _ = key.native, key.curve, certificate.not_after, certificate.signature_algorithm
        return cls(
            certificate=certificate,
            key=key,
            country=countries[0].upper(),
            provenance=frozenset({provenance}),
            departures=departures_of(certificate) | _malformed_parts(certificate),
        )


def _malformed_parts(certificate: Certificate) -> frozenset[str]:
    """Parts that cannot be read as they should. The key stands in a signed list all the same."""
    found: set[str] = set()
    for name in ("extensions", "basic_constraints", "key_usage", "subject_key_identifier"):
        try:
            getattr(certificate, name)
        except DecodeError:
            found.add(f"malformed-{name.replace('_', '-')}")
    try:
        found |= {one.name for one in certificate.tolerances}
    except DecodeError:
        found.add("unnamed-departure")
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCertificate:
    """A certificate of a list that gives no usable key: its place, SHA-256 and the error's code."""

    position: int
    fingerprint: bytes
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterList:
    """A master list whose signature was verified. `name` is what provenance calls it."""

    name: str
    digest: bytes = field(repr=False)
    anchors: tuple[CscaAnchor, ...] = field(repr=False)
    refused: tuple[RefusedCertificate, ...] = ()


def read_master_list(encoded: bytes, *, name: str, signer: Certificate, at: datetime) -> MasterList:
    """Read a master list that `signer` must have signed (Doc 9303-12 §9), at most 16 MiB.

    `signer` comes from elsewhere, over a channel that is trusted: the list's own copy proves
    nothing. Certificates that give no usable key are named and left out. Raises
    MalformedMasterList, MasterListUntrusted, NaiveDatetime.
    """
    if len(encoded) > _LIMITS.size:
        raise LimitExceeded(limit="octets of a master list", allowed=_LIMITS.size)
    try:
        signed_data = SignedData(encoded)
        content = signed_data.content
        if signed_data.content_type != CSCA_MASTER_LIST or content is None:
            raise MalformedMasterList(reason="content of another type")
        infos = signed_data.signer_infos
    except MalformedMasterList:
        raise
    except DecodeError as error:
        raise MalformedMasterList(reason=str(error)) from error
    if len(infos) != 1:
        raise MasterListUntrusted(reason="it wants one signer")
    if MASTER_LIST_SIGNER not in (signer.extended_key_usage or ()):
        raise MasterListUntrusted(reason="the signer's certificate is not for master lists")
    if not signer.in_validity_period(at=at):
        raise MasterListUntrusted(reason="the signer's certificate is not valid at that time")
    try:
        require_signed(signed_data, infos[0], certificate=signer)
    except EdsError as error:
        raise MasterListUntrusted(reason=f"its signature: {error.code}") from error
    anchors: list[CscaAnchor] = []
    refused: list[RefusedCertificate] = []
    for position, one in enumerate(_certificates(content)):
        try:
            anchors.append(CscaAnchor.of(Certificate(one), provenance=name))
        except EdsError as error:
            refused.append(
                RefusedCertificate(
                    position=position, fingerprint=hashlib.sha256(one).digest(), code=error.code
                )
            )
    return MasterList(
        name=name,
        digest=hashlib.sha256(encoded).digest(),
        anchors=tuple(anchors),
        refused=tuple(refused),
    )


def _certificates(content: bytes) -> Iterator[bytes]:
    """CscaMasterList ::= SEQUENCE { version, certList SET OF Certificate }."""
    try:
        fields = der.decode(content, limits=_LIMITS).fields()
        fields.small(0)
        found = fields.take(der.SET).children(limits=_LIMITS)
        fields.finish()
    except DecodeError as error:
        raise MalformedMasterList(reason=str(error)) from error
    for one in found:
        yield one.encoded


class CscaStore:
    """The anchors of several lists, put together by certificate.

    The same certificate in two lists is one anchor with both provenances; link certificates are
    anchors as any other, as they stand in the same signed list.
    """

    def __init__(self, anchors: Iterable[CscaAnchor]) -> None:
        found: dict[bytes, CscaAnchor] = {}
        for one in anchors:
            known = found.setdefault(one.certificate.fingerprint, one)
            if known is not one:
                if known.sha1_until != one.sha1_until:
                    raise InvalidArgument(argument="anchors", reason="two decisions on one SHA-1")
                found[one.certificate.fingerprint] = replace(
                    known, provenance=known.provenance | one.provenance
                )
        self._anchors: Mapping[bytes, CscaAnchor] = MappingProxyType(found)

    @classmethod
    def of(cls, *lists: MasterList) -> CscaStore:
        """The anchors of those lists."""
        return cls(anchor for one in lists for anchor in one.anchors)

    def accepting_sha1(self, fingerprint: bytes, *, until: datetime) -> CscaStore:
        """The same store with that decision about one anchor (its SHA-256).

        Raises InvalidArgument for a certificate that is not in it.
        """
        if fingerprint not in self._anchors:
            raise InvalidArgument(argument="fingerprint", reason="no such anchor")
        return CscaStore(
            replace(one, sha1_until=until) if one.certificate.fingerprint == fingerprint else one
            for one in self
        )

    def __iter__(self) -> Iterator[CscaAnchor]:
        return iter(self._anchors.values())

    def __len__(self) -> int:
        return len(self._anchors)

    def __repr__(self) -> str:
        return f"<CscaStore {len(self)} anchors, {len(self.countries)} countries>"

    @cached_property
    def countries(self) -> frozenset[str]:
        """The two-letter codes of the countries it has anchors of."""
        return frozenset(one.country for one in self)

    @cached_property
    def _by_key_identifier(self) -> Mapping[bytes, tuple[CscaAnchor, ...]]:
        found: dict[bytes, tuple[CscaAnchor, ...]] = {}
        for one in self:
            try:
                identifier = one.certificate.subject_key_identifier
            except DecodeError:
                identifier = None
            for key in {identifier, one.certificate.public_key.key_identifier} - {None}:
                if key is not None:
                    found[key] = (*found.get(key, ()), one)
        return found

    def issuers_of(self, certificate: Certificate) -> tuple[CscaAnchor, ...]:
        """The anchors that may have signed it, by key identifier or, where it names none, by name.

        Countries change the spelling of their name and keep the key: the identifier decides, and
        the signature afterwards. Raises DecodeError.
        """
        named = certificate.authority_key_identifier
        if named is not None and named.key_identifier is not None:
            return self._by_key_identifier.get(named.key_identifier, ())
        return self._named(certificate.issuer)

    def _named(self, name: Name) -> tuple[CscaAnchor, ...]:
        return tuple(one for one in self if one.certificate.subject.matches(name))
