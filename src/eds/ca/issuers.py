"""Issuers as the register keeps them: a certificate, where its key is, and what it states.

Addresses, shards and permitted profiles are the issuer's, never a profile's. They are kept as
canonical JSON, and become the `IssuerFacts` that every certificate and list is made from.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

from ..algorithms import SignatureAlgorithm, signature_algorithm
from ..certificates import Certificate
from ..errors import MalformedSettings, OperationUnsupported, ProfileViolated
from ..keys.contract import KeyRef
from ..names import Name
from ..publickeys import PublicKey
from .authority import IssueRequest, StatusRequest
from .profiles import CertificateKind, canonical
from .register import Register
from .selection import MassPlan
from .settings import Fields
from .tbs import IssuerFacts

LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
MOST_SHARDS: Final = 65_536
_ADDRESS: Final = re.compile(r"https?://[!-~]{1,500}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """What belongs to an issuer beside its certificate.

    `key_store` and `key` name its private key, as a folder relative to the authority's or a URI,
    and a label; `responder_store` is where keys of its OCSP responders are. `profiles` are those
    that it issues for people and systems; empty: all that fit below its certificate.
    """

    algorithm: str
    key_store: str
    key: str
    responder_store: str
    crl_urls: tuple[str, ...] = ()
    delta_crl_urls: tuple[str, ...] = ()
    shard_count: int = 1
    ocsp_urls: tuple[str, ...] = ()
    ca_issuer_urls: tuple[str, ...] = ()
    cps_url: str | None = None
    pds_urls: tuple[tuple[str, str], ...] = ()
    profiles: tuple[str, ...] = ()

    @property
    def encoded(self) -> str:
        """Canonical JSON, as the register keeps it."""
        return canonical(asdict(self)).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """What `encoded` wrote. Raises MalformedSettings."""
        try:
            data = json.loads(text)
            listed = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
            listed["pds_urls"] = tuple((language, url) for language, url in data["pds_urls"])
            return cls(**{**data, **listed})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise MalformedSettings(
                file="register", field="issuers.settings", reason="not what was written"
            ) from None

    def facts(self, certificate: Certificate) -> IssuerFacts:
        """What certificates and lists of this issuer say of it."""
        return IssuerFacts.of(
            certificate,
            algorithm=signature_algorithm(self.algorithm),
            crl_urls=self.crl_urls,
            delta_crl_urls=self.delta_crl_urls,
            shard_count=self.shard_count,
            ocsp_urls=self.ocsp_urls,
            ca_issuer_urls=self.ca_issuer_urls,
            cps_url=self.cps_url,
            pds_urls=self.pds_urls,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredIssuer:
    """An issuer of the register. Keep it: its `facts` are compared by identity."""

    identifier: str
    label: str
    certificate: Certificate
    key_uri: str
    settings: IssuerSettings
    facts: IssuerFacts


def issuer_identifier(name: Name, public_key: PublicKey) -> str:
    """What the register calls an issuer: SHA-256 over its name and key, in hexadecimal."""
    return hashlib.sha256(name.encoded + public_key.encoded).hexdigest()


def load_issuer(register: Register, name: str) -> RegisteredIssuer:
    """The issuer with that label or identifier. Raises IssuerNotFound, MalformedSettings."""
    return _issuer(register.issuer(name))


def load_issuers(register: Register) -> tuple[RegisteredIssuer, ...]:
    """All issuers, in the order in which they were made."""
    return tuple(_issuer(row) for row in register.issuers())


def _issuer(row: Any) -> RegisteredIssuer:
    certificate = Certificate(bytes(row.certificate))
    settings = IssuerSettings.decode(row.settings)
    return RegisteredIssuer(
        identifier=row.issuer,
        label=row.label,
        certificate=certificate,
        key_uri=row.key_uri,
        settings=settings,
        facts=settings.facts(certificate),
    )


def read_issuer_settings(
    fields: Fields, *, algorithm: str, key_store: str, key: str, responder_store: str
) -> IssuerSettings:
    """The issuer's part of a table of a ceremony; it takes its keys and leaves the others.

    `responder_store` is where its responders are if the table does not say: rarely where an
    issuer's key is.
    """
    settings = IssuerSettings(
        algorithm=algorithm,
        key_store=key_store,
        key=key,
        responder_store=fields.text("responder_store", responder_store),
        crl_urls=_addresses(fields, "crl_urls"),
        delta_crl_urls=_addresses(fields, "delta_crl_urls"),
        shard_count=fields.number("shards", 1),
        ocsp_urls=_addresses(fields, "ocsp_urls"),
        ca_issuer_urls=_addresses(fields, "ca_issuer_urls"),
        cps_url=fields.text("cps_url", "") or None,
        pds_urls=tuple(
            (row.text("language"), row.text("url")) for row in fields.tables("pds_urls")
        ),
        profiles=fields.texts("profiles"),
    )
    if not 1 <= settings.shard_count <= MOST_SHARDS:
        fields.refuse("shards", f"from 1 to {MOST_SHARDS}")
    for key_name in ("crl_urls", "delta_crl_urls"):
        urls: tuple[str, ...] = getattr(settings, key_name)
        if settings.shard_count > 1 and not all("{shard}" in url for url in urls):
            fields.refuse(key_name, "{shard} is missing: there are several lists")
    if settings.shard_count > 1 and not settings.crl_urls:
        fields.refuse("crl_urls", "shards want an address")
    if settings.cps_url is not None and not _ADDRESS.fullmatch(settings.cps_url):
        fields.refuse("cps_url", "not an http address")
    return settings


def _addresses(fields: Fields, key: str) -> tuple[str, ...]:
    found = fields.texts(key)
    if not all(_ADDRESS.fullmatch(url) for url in found):
        fields.refuse(key, "not an http address")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedKey:
    """An issuer's key before it is opened: enough to prepare a certificate, and no PIN is asked.

    It is a `Signer` that cannot sign: OperationUnsupported.
    """

    key: KeyRef
    public_key: PublicKey
    algorithm: SignatureAlgorithm

    @classmethod
    def of(cls, issuer: RegisteredIssuer) -> Self:
        return cls(
            key=KeyRef(uri=issuer.key_uri, label=issuer.label),
            public_key=issuer.facts.public_key,
            algorithm=issuer.facts.algorithm,
        )

    def sign(self, message: bytes) -> bytes:
        """Raises OperationUnsupported."""
        del message
        raise OperationUnsupported(operation="sign before it was opened", store=self.key.uri)


# --- what an issuer may do ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRules:
    """A `Policy`: which kinds of certificates may be issued now, and which profiles of them.

    Roots and authorities are made in a ceremony, responders when they are due, certificates of
    people and systems at the desk; no road makes what belongs to another. Changes of status are
    for the state machine to allow.
    """

    kinds: frozenset[CertificateKind]
    profiles: frozenset[str] = frozenset()  # empty: all

    def __call__(
        self, request: IssueRequest | StatusRequest | MassPlan, /, *, at: datetime
    ) -> None:
        """Raises ProfileViolated."""
        del at
        if not isinstance(request, IssueRequest):
            return
        profile = request.profile
        if profile.kind not in self.kinds:
            raise ProfileViolated(
                profile=profile.name, field="kind", reason="not made on this road"
            )
        if self.profiles and profile.name not in self.profiles:
            raise ProfileViolated(
                profile=profile.name, field="issuer", reason="this issuer does not issue it"
            )


CEREMONY_KINDS: Final = frozenset(CertificateKind) - {CertificateKind.END_ENTITY}
DESK_KINDS: Final = frozenset({CertificateKind.END_ENTITY})
RESPONDER_KINDS: Final = frozenset({CertificateKind.OCSP_RESPONDER})


# For changes of status alone: nothing is issued on this road.
STATUS_RULES: Final = IssuerRules(kinds=frozenset())


def desk_rules(issuer: RegisteredIssuer) -> IssuerRules:
    """What the desk may have this issuer issue. A root certifies authorities, never people."""
    root = issuer.facts.kind is CertificateKind.ROOT
    return IssuerRules(
        kinds=frozenset() if root else DESK_KINDS, profiles=frozenset(issuer.settings.profiles)
    )


def issuer_key_hashes(issuers: Iterable[RegisteredIssuer]) -> frozenset[bytes]:
    """Fingerprints of the keys of authorities, which are never certified for anybody else."""
    return frozenset(issuer.certificate.public_key.fingerprint for issuer in issuers)
