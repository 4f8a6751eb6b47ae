"""The to-be-signed part of a certificate, written straight into DER (RFC 5280 §4.1).

All that depends on the profile and the issuer alone is encoded once and kept, so that a
certificate costs little more than its own serial number, times, subject and key. Nothing is
judged here beyond what would make no sense; `eds.ca.lint` judges the bytes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, NoReturn, Self

from .. import der
from ..algorithms import SignatureAlgorithm
from ..certificates import Certificate
from ..errors import InvalidArgument, NaiveDatetime, ProfileViolated
from ..extensions import (
    AUTHORITY_INFORMATION_ACCESS,
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CA_ISSUERS,
    CERTIFICATE_POLICIES,
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
    FRESHEST_CRL,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    OCSP,
    OCSP_NO_CHECK,
    QC_STATEMENTS,
    SUBJECT_ALTERNATIVE_NAME,
    SUBJECT_KEY_IDENTIFIER,
    Extension,
)
from ..names import Name
from ..publickeys import PublicKey
from .profiles import (
    AuthorityProfile,
    CertificateKind,
    CertificateProfile,
    CrlUse,
    Policy,
    QcStatements,
)

NO_REVOCATION_AVAILABLE: Final = "2.5.29.56"  # RFC 9608
CPS_QUALIFIER: Final = "1.3.6.1.5.5.7.2.1"

# EN 319 412-5 §4.2 and §4.3; RFC 3739 §3.2.6.1.
QC_COMPLIANCE: Final = "0.4.0.1862.1.1"
QC_RETENTION: Final = "0.4.0.1862.1.3"
QC_SSCD: Final = "0.4.0.1862.1.4"
QC_PDS: Final = "0.4.0.1862.1.5"
QC_TYPE: Final = "0.4.0.1862.1.6"
QC_LEGISLATION: Final = "0.4.0.1862.1.7"
QC_SYNTAX_2: Final = "1.3.6.1.5.5.7.11.2"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IssuerFacts:
    """What certificates say of the authority that issues them.

    A CRL address may hold `{shard}`; several addresses name the same list (mirrors). `pds_urls`
    are pairs of (language, address). An object is compared by identity: make one and keep it.
    Raises InvalidArgument.
    """

    name: Name
    public_key: PublicKey
    key_identifier: bytes
    algorithm: SignatureAlgorithm
    not_before: datetime
    not_after: datetime
    kind: CertificateKind
    extended_key_usage: tuple[str, ...] | None = None
    crl_urls: tuple[str, ...] = ()
    delta_crl_urls: tuple[str, ...] = ()
    shard_count: int = 1
    ocsp_urls: tuple[str, ...] = ()
    ca_issuer_urls: tuple[str, ...] = ()
    cps_url: str | None = None
    pds_urls: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        if self.shard_count < 1:
            raise InvalidArgument(argument="shard_count", reason="at least one list")
        if self.shard_count > 1 and not all("{shard}" in url for url in self.crl_urls):
            raise InvalidArgument(argument="crl_urls", reason="{shard} is missing")
        for instant in (self.not_before, self.not_after):
            if instant.utcoffset() is None:
                raise NaiveDatetime(argument="issuer")

    @classmethod
    def of(
        cls,
        certificate: Certificate,
        *,
        algorithm: SignatureAlgorithm,
        crl_urls: tuple[str, ...] = (),
        delta_crl_urls: tuple[str, ...] = (),
        shard_count: int = 1,
        ocsp_urls: tuple[str, ...] = (),
        ca_issuer_urls: tuple[str, ...] = (),
        cps_url: str | None = None,
        pds_urls: tuple[tuple[str, str], ...] = (),
    ) -> Self:
        """The facts that the authority's own certificate states, with the addresses beside it.

        Raises InvalidArgument where it is not the certificate of an authority.
        """
        constraints = certificate.basic_constraints
        if constraints is None or not constraints.ca:
            raise InvalidArgument(argument="certificate", reason="not of an authority")
        key = certificate.public_key
        return cls(
            name=certificate.subject,
            public_key=key,
            key_identifier=certificate.subject_key_identifier or key.key_identifier,
            algorithm=algorithm,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            kind=CertificateKind.ROOT
            if certificate.is_self_issued
            else CertificateKind.ISSUING_AUTHORITY,
            extended_key_usage=certificate.extended_key_usage,
            crl_urls=crl_urls,
            delta_crl_urls=delta_crl_urls,
            shard_count=shard_count,
            ocsp_urls=ocsp_urls,
            ca_issuer_urls=ca_issuer_urls,
            cps_url=cps_url,
            pds_urls=pds_urls,
        )

    @classmethod
    def of_new_root(
        cls,
        *,
        name: Name,
        public_key: PublicKey,
        algorithm: SignatureAlgorithm,
        not_before: datetime,
        not_after: datetime,
        cps_url: str | None = None,
    ) -> Self:
        """The facts of a root that is about to sign its own certificate."""
        return cls(
            name=name,
            public_key=public_key,
            key_identifier=public_key.key_identifier,
            algorithm=algorithm,
            not_before=not_before,
            not_after=not_after,
            kind=CertificateKind.ROOT,
            cps_url=cps_url,
        )


def build_tbs(
    profile: CertificateProfile,
    *,
    issuer: IssuerFacts,
    serial_number: int,
    subject: Name,
    public_key: PublicKey,
    not_before: datetime,
    not_after: datetime,
    shard: int | None = None,
    email: str | None = None,
    purposes: tuple[str, ...] = (),
    policies: tuple[str, ...] = (),
) -> bytes:
    """The encoded TBSCertificate.

    `shard` counts from 0 and is wanted by profiles with a sharded list; `purposes` and `policies`
    are chosen among the optional ones of the profile. Instants are cut to whole seconds.
    Raises ProfileViolated, NaiveDatetime, InvalidArgument.
    """
    if not 0 < serial_number < 1 << 159:
        raise InvalidArgument(argument="serial_number", reason="positive, at most 20 octets")
    if profile.crl is not CrlUse.SHARDED:
        if shard is not None:
            _refuse(profile, "shard", "the profile has no sharded list")
    elif shard is None or not 0 <= shard < issuer.shard_count:
        _refuse(profile, "shard", f"from 0 to {issuer.shard_count - 1}")
    if email is not None and not profile.email:
        _refuse(profile, "email", "the profile has no alternative name")
    template = _template(profile, issuer, purposes, policies)
    return der.sequence(
        _VERSION_3,
        der.integer(serial_number),
        template.algorithm_and_issuer,
        _validity(not_before, not_after),
        subject.encoded,
        public_key.encoded,
        der.explicit(
            3,
            der.value(
                der.SEQUENCE,
                template.extensions,
                _SUBJECT_KEY_IDENTIFIER_HEAD + public_key.key_identifier,
                b"" if email is None else _email(email),
                b"" if profile.crl is CrlUse.NONE else _lists(issuer, shard),
            ),
        ),
    )


def assemble(tbs: bytes, *, algorithm: SignatureAlgorithm, signature: bytes) -> bytes:
    """The encoded Certificate: the signed part, how it was signed, and the signature value."""
    identifier = _identifier(algorithm.oid, algorithm.parameters)
    return der.sequence(tbs, identifier, der.bit_string(signature))


@lru_cache(maxsize=64)
def _identifier(oid: str, parameters: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), parameters)


def crl_urls(issuer: IssuerFacts, shard: int | None) -> tuple[str, ...]:
    """The addresses of one list, the same in certificates and issuing distribution points."""
    return tuple(url.replace("{shard}", str(shard or 0)) for url in issuer.crl_urls)


def delta_crl_urls(issuer: IssuerFacts, shard: int | None) -> tuple[str, ...]:
    """The addresses of the delta lists of that list."""
    return tuple(url.replace("{shard}", str(shard or 0)) for url in issuer.delta_crl_urls)


_TRUE: Final = b"\x01\x01\xff"
_VERSION_3: Final = der.explicit(0, der.integer(2))
# The extension is 29 octets of which the last 20 are the SHA-1 of the key.
_SUBJECT_KEY_IDENTIFIER_HEAD: Final = Extension(
    oid=SUBJECT_KEY_IDENTIFIER, critical=False, octets=der.octet_string(bytes(20))
).encoded[:-20]


_ALTERNATIVE_NAME: Final = der.object_identifier(SUBJECT_ALTERNATIVE_NAME)


def _refuse(profile: CertificateProfile, where: str, why: str) -> NoReturn:
    raise ProfileViolated(profile=profile.name, field=where, reason=why)


@lru_cache(maxsize=1024)
def _validity(not_before: datetime, not_after: datetime) -> bytes:
    """Those of one second and one profile are valid alike."""
    return der.sequence(_time(not_before), _time(not_after))


def _time(instant: datetime) -> bytes:
    """As der.time, which pads years the slow way."""
    if instant.tzinfo is not UTC:
        if instant.utcoffset() is None:
            raise NaiveDatetime(argument="validity")
        instant = instant.astimezone(UTC)
    year, month, day, hour, minute, second = instant.timetuple()[:6]
    rest = f"{month:02}{day:02}{hour:02}{minute:02}{second:02}Z".encode()
    if 1950 <= year < 2050:
        return b"\x17\x0d%02d" % (year % 100) + rest
    return b"\x18\x0f%04d" % year + rest


def _email(address: str) -> bytes:
    name = der.implicit(1, der.ia5_string(address))
    return der.sequence(_ALTERNATIVE_NAME, der.octet_string(der.sequence(name)))


# --- what is encoded once -----------------------------------------------------------------------


class _Template(NamedTuple):
    algorithm_and_issuer: bytes
    extensions: bytes


def _extension(oid: str, octets: bytes, *, critical: bool = False) -> bytes:
    return Extension(oid=oid, critical=critical, octets=octets).encoded


@lru_cache(maxsize=4096)
def _template(
    profile: CertificateProfile,
    issuer: IssuerFacts,
    purposes: tuple[str, ...],
    policies: tuple[str, ...],
) -> _Template:
    if not {*purposes} <= {*profile.optional_extended_key_usage}:
        _refuse(profile, "extended_key_usage", "not among the optional ones")
    optional = {policy.oid: policy for policy in profile.optional_policies}
    if not {*policies} <= optional.keys():
        _refuse(profile, "policies", "not among the optional ones")
    chosen = (*profile.policies, *(optional[oid] for oid in policies))
    return _Template(
        algorithm_and_issuer=issuer.algorithm.identifier + issuer.name.encoded,
        extensions=b"".join(
            _constant_extensions(profile, issuer, (*profile.extended_key_usage, *purposes), chosen)
        ),
    )


def _constant_extensions(
    profile: CertificateProfile,
    issuer: IssuerFacts,
    purposes: tuple[str, ...],
    policies: tuple[Policy, ...],
) -> Iterator[bytes]:
    if profile.kind is not CertificateKind.ROOT:
        key = der.value(der.context(0, constructed=False), issuer.key_identifier)
        yield _extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(key))
    usage = der.named_bits(frozenset(bit.value for bit in profile.key_usage))
    yield _extension(KEY_USAGE, usage, critical=True)
    if policies:
        yield _extension(
            CERTIFICATE_POLICIES, der.sequence(*(_policy(row, issuer) for row in policies))
        )
    if isinstance(profile, AuthorityProfile):
        length = b"" if profile.path_length is None else der.integer(profile.path_length)
        constraints = der.sequence(_TRUE, length)
        yield _extension(BASIC_CONSTRAINTS, constraints, critical=True)
        yield _extension(NAME_CONSTRAINTS, name_constraints(profile), critical=True)
    yield _extension(
        EXTENDED_KEY_USAGE,
        der.sequence(*map(der.object_identifier, purposes)),
        critical=profile.extended_key_usage_critical,
    )
    access = [] if profile.kind is CertificateKind.ROOT else [(CA_ISSUERS, issuer.ca_issuer_urls)]
    if profile.ocsp:
        access.insert(0, (OCSP, issuer.ocsp_urls))
    lines = [
        der.sequence(der.object_identifier(method), _uri(url))
        for method, urls in access
        for url in urls
    ]
    if lines:
        yield _extension(AUTHORITY_INFORMATION_ACCESS, der.sequence(*lines))
    if profile.qc_statements is not None:
        yield _extension(QC_STATEMENTS, qc_statements(profile.qc_statements, issuer))
    if profile.ocsp_no_check:
        yield _extension(OCSP_NO_CHECK, der.null())
    if profile.no_revocation_available:
        yield _extension(NO_REVOCATION_AVAILABLE, der.null())
    for item in profile.extensions:
        yield _extension(item.oid, item.octets)


def _uri(url: str) -> bytes:
    """A URI as GeneralName."""
    return der.implicit(6, der.ia5_string(url))


def _policy(policy: Policy, issuer: IssuerFacts) -> bytes:
    cps = issuer.cps_url if policy.cps == "issuer" else policy.cps
    oid = der.object_identifier(policy.oid)
    if not cps:
        return der.sequence(oid)
    qualifier = der.sequence(der.object_identifier(CPS_QUALIFIER), der.ia5_string(cps))
    return der.sequence(oid, der.sequence(qualifier))


def name_constraints(profile: AuthorityProfile) -> bytes:
    """The permitted names that nobody can hold (RFC 5280 §4.2.1.10)."""
    subtrees = [
        der.sequence(der.implicit(2, der.ia5_string(name))) for name in profile.permitted_dns
    ]
    for text in profile.permitted_ip:
        network = ipaddress.ip_network(text)
        octets = network.network_address.packed + network.netmask.packed
        subtrees.append(der.sequence(der.implicit(7, der.octet_string(octets))))
    return der.sequence(der.implicit(0, der.sequence(*subtrees)))


def qc_statements(qc: QcStatements, issuer: IssuerFacts) -> bytes:
    """The value of the extension (EN 319 412-5 §4, EN 319 412-1 §5.1)."""
    statements: list[tuple[str, bytes]] = []
    if qc.compliance:
        statements.append((QC_COMPLIANCE, b""))
    if qc.legislation:
        countries = (der.printable_string(country) for country in qc.legislation)
        statements.append((QC_LEGISLATION, der.sequence(*countries)))
    if qc.sscd:
        statements.append((QC_SSCD, b""))
    if qc.types:
        types = (der.object_identifier(kind.value) for kind in qc.types)
        statements.append((QC_TYPE, der.sequence(*types)))
    if qc.pds and issuer.pds_urls:
        places = (
            der.sequence(der.ia5_string(url), der.printable_string(language))
            for language, url in issuer.pds_urls
        )
        statements.append((QC_PDS, der.sequence(*places)))
    if qc.retention_years is not None:
        statements.append((QC_RETENTION, der.integer(qc.retention_years)))
    if qc.semantics:
        statements.append((QC_SYNTAX_2, der.sequence(der.object_identifier(qc.semantics))))
    return der.sequence(
        *(der.sequence(der.object_identifier(oid), information) for oid, information in statements)
    )


@lru_cache(maxsize=16384)
def _lists(issuer: IssuerFacts, shard: int | None) -> bytes:
    """The distribution point of one list, and of its delta lists where there are any."""
    encoded = b""
    if issuer.crl_urls:
        encoded += _extension(CRL_DISTRIBUTION_POINTS, _point(crl_urls(issuer, shard)))
    if issuer.delta_crl_urls:
        encoded += _extension(FRESHEST_CRL, _point(delta_crl_urls(issuer, shard)))
    return encoded


def _point(urls: Iterable[str]) -> bytes:
    """One distribution point; mirrors stand in the same (RFC 5280 §4.2.1.13)."""
    full_name = der.implicit(0, der.sequence(*map(_uri, urls)))
    return der.sequence(der.sequence(der.explicit(0, full_name)))
