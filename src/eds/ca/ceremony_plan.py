"""A ceremony as one declarative file, and what it would make: pure, before any key exists.

The file names a root, authorities below it and their services, each a `[[certificate]]` with a
profile. What a profile cannot describe (an authority that could make a TLS certificate, a leaf
of a person) no ceremony makes. A plan holds twins: whole certificates under keys made for the
occasion, linted as the real ones will be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ..algorithms import VERIFY_ONLY, KeyType, SignatureAlgorithm, signature_algorithm
from ..certificates import Certificate
from ..errors import (
    AlgorithmError,
    EdsError,
    MalformedSettings,
    NaiveDatetime,
    NameRefused,
    ProfileViolated,
)
from ..keys.contract import KeyPurpose
from ..keys.privatekeys import PrivateKey, generate
from ..names import Name
from ..publickeys import PublicKey
from .authority import new_serial_number
from .issuers import LABEL, IssuerSettings, read_issuer_settings
from .lint import Finding, Severity, lint
from .monitor import GuardedKey, permit_certificate
from .profiles import CertificateKind, CertificateProfile, CrlUse
from .settings import Fields, read_toml
from .subjects import ATTRIBUTES, build_subject
from .tbs import IssuerFacts, assemble, build_tbs

FEWEST_PARTICIPANTS: Final = 2
MOST_CERTIFICATES: Final = 64
_EXAMPLE_NODE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody who was there, and what for. People sign the report by hand."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One certificate of the ceremony and its key.

    `issuer` is the label of the authority that signs it, its own for a root. `settings` belong to
    authorities alone.
    """

    label: str
    profile: CertificateProfile
    issuer: str
    subject: Name
    algorithm: SignatureAlgorithm
    rsa_bits: int
    key_store: str
    validity: timedelta
    settings: IssuerSettings | None

    @property
    def is_root(self) -> bool:
        return self.profile.kind is CertificateKind.ROOT

    @property
    def purpose(self) -> KeyPurpose:
        """What the key is kept for: digitalSignature is authentication to a key store."""
        return KeyPurpose.CERTIFICATION if self.settings else KeyPurpose.AUTHENTICATION

    @property
    def person(self) -> str:
        """To whom the register says that key and name belong."""
        if self.profile.kind is CertificateKind.OCSP_RESPONDER:
            return responder_reference(self.issuer)
        return f"authority/{self.label}"


def responder_reference(issuer: str) -> str:
    """The reference of an issuer's OCSP responders: they share one name, renewal after renewal."""
    return f"responder/{issuer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What is to be made, in order; `digest` is the SHA-256 of the file."""

    name: str
    purpose: str
    participants: tuple[Participant, ...]
    roles: tuple[Role, ...]
    digest: bytes

    def role(self, label: str) -> Role | None:
        return next((role for role in self.roles if role.label == label), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is there already of one role, from a run before this one."""

    public_key: PublicKey | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCertificate:
    """What a role will come to.

    `certificate` is the one that stands, or a twin: real but for serial number, signature and
    (unless the key stands already) key. `problems` are errors of lint and guard: then nothing of
    the ceremony is carried out. `warnings` are lint findings that do not forbid it.
    """

    role: Role
    certificate: Certificate
    stands: bool
    key_stands: bool
    problems: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = field(default=())


# --- reading --------------------------------------------------------------------------------------


def read_ceremony(
    data: bytes, *, file: str, profiles: Mapping[str, CertificateProfile], key_store: str
) -> Ceremony:
    """Read a ceremony; `key_store` is where keys are that name no place.

    Raises MalformedSettings.
    """
    top = read_toml(data, file=file)
    head = top.table("ceremony")
    name = _label(head, "name")
    purpose = head.text("purpose")
    head.finish()
    participants = tuple(
        Participant(name=row.text("name"), role=row.text("role"))
        for row in top.tables("participant")
    )
    # The key of an authority is never one person's to make (EN 319 411-1 GEN-6.5.1-05).
    if len({person.name for person in participants}) < FEWEST_PARTICIPANTS:
        top.refuse("participant", f"at least {FEWEST_PARTICIPANTS} different people are wanted")
    shared = _attributes(top.table("subject"))
    roles: list[Role] = []
    for row in top.tables("certificate"):
        if len(roles) == MOST_CERTIFICATES:
            top.refuse("certificate", f"at most {MOST_CERTIFICATES}")
        roles.append(_role(row, profiles, shared, key_store))
        _check_place(row, roles)
    if not roles:
        top.refuse("certificate", "there is none to make")
    top.finish()
    return Ceremony(
        name=name,
        purpose=purpose,
        participants=participants,
        roles=tuple(roles),
        digest=hashlib.sha256(data).digest(),
    )


def _label(fields: Fields, key: str) -> str:
    label = fields.text(key)
    if not LABEL.fullmatch(label):
        fields.refuse(key, f"not of the form {LABEL.pattern}")
    return label


def _attributes(fields: Fields) -> dict[str, str]:
    found = {name: fields.text(name) for name in fields.left if name in ATTRIBUTES}
    fields.finish()
    return found


def _role(
    row: Fields,
    profiles: Mapping[str, CertificateProfile],
    shared: Mapping[str, str],
    key_store: str,
) -> Role:
    label = _label(row, "label")
    name = row.text("profile")
    if name not in profiles:
        row.refuse("profile", "no such profile")
    profile = profiles[name]
    if profile.kind is CertificateKind.END_ENTITY:
        row.refuse("profile", "a ceremony makes authorities and their services, not people's")
    algorithm, bits = _algorithm(row, profile)
    place = row.text("key_store", key_store)
    days = row.number("validity_days", profile.validity.days)
    if not 0 < days <= profile.maximum_validity.days:
        row.refuse("validity_days", f"from 1 to {profile.maximum_validity.days}")
    given = {**shared, **_attributes(row.table("subject"))}
    try:
        subject = build_subject(profile, given)
        profile.check_subject(subject)
    except ProfileViolated as error:
        row.refuse(f"subject.{error.field}", error.reason)
    except NameRefused as error:
        row.refuse(f"subject.{error.attribute}", error.reason)
    return Role(
        label=label,
        profile=profile,
        issuer=label if profile.kind is CertificateKind.ROOT else _label(row, "issuer"),
        subject=subject,
        algorithm=algorithm,
        rsa_bits=bits,
        key_store=place,
        validity=timedelta(days=days),
        settings=read_issuer_settings(
            row, algorithm=algorithm.name, key_store=place, key=label, responder_store=key_store
        )
        if profile.is_authority
        else None,
    )


def _algorithm(row: Fields, profile: CertificateProfile) -> tuple[SignatureAlgorithm, int]:
    name = row.text("algorithm")
    try:
        algorithm = signature_algorithm(name)
    except AlgorithmError:
        row.refuse("algorithm", "no such algorithm")
    if algorithm.key_type in VERIFY_ONLY:
        row.refuse("algorithm", "nothing new is signed with it")
    if profile.is_authority and name not in profile.signature_algorithms:
        row.refuse("algorithm", "not one that the profile permits")
    if algorithm.key_type is not KeyType.RSA:
        return algorithm, 0
    bits = row.number("rsa_bits", 4096)
    if not 3072 <= bits <= 8192:
        row.refuse("rsa_bits", "from 3072 to 8192")
    return algorithm, bits


def _check_place(row: Fields, roles: list[Role]) -> None:
    """Hold the newest role against those before it."""
    *before, role = roles
    if role.label in {other.label for other in before}:
        row.refuse("label", "stands there twice")
    if role.is_root and any(other.is_root for other in before):
        row.refuse("profile", "one root in one ceremony")
    issuer = next((other for other in before if other.label == role.issuer), None)
    if issuer is not None and issuer.settings is None:
        row.refuse("issuer", "not an authority")
    if (
        role.profile.kind is CertificateKind.OCSP_RESPONDER
        and issuer is not None
        and issuer.settings is not None
        and role.key_store != issuer.settings.responder_store
    ):
        row.refuse("key_store", f"responders of {issuer.label} are looked for elsewhere")


# --- planning -------------------------------------------------------------------------------------


def plan(
    ceremony: Ceremony,
    *,
    at: datetime,
    standing: Mapping[str, Standing],
    issuers: Mapping[str, IssuerFacts],
) -> tuple[PlannedCertificate, ...]:
    """What the ceremony would make at `at`, every certificate whole and linted.

    `standing` says what is there of a role by its label, `issuers` the facts of authorities that
    are in the register. Raises MalformedSettings for an issuer that is in neither, NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    at = at.replace(microsecond=0)
    known = dict(issuers)
    planned: list[PlannedCertificate] = []
    for role in ceremony.roles:
        there = standing.get(role.label, Standing())
        key = there.public_key or _twin_key(role.algorithm, role.rsa_bits)
        if there.certificate is not None:
            item = PlannedCertificate(
                role=role, certificate=there.certificate, stands=True, key_stands=True
            )
        else:
            facts = root_facts(role, key, at) if role.is_root else known.get(role.issuer)
            if facts is None:
                raise MalformedSettings(
                    file=ceremony.name,
                    field=f"{role.label}.issuer",
                    reason="neither before it in the file nor in the register",
                )
            item = _twin(role, key, facts, at, key_stands=there.public_key is not None)
        planned.append(item)
        if role.settings is not None:
            known[role.label] = role.settings.facts(item.certificate)
    return tuple(planned)


def root_facts(role: Role, key: PublicKey, at: datetime) -> IssuerFacts:
    """The facts of a root about to sign its own certificate, valid from `at`."""
    settings = role.settings
    return IssuerFacts.of_new_root(
        name=role.subject,
        public_key=key,
        algorithm=role.algorithm,
        not_before=at,
        not_after=at + role.validity,
        cps_url=settings.cps_url if settings else None,
    )


def root_tbs(role: Role, facts: IssuerFacts, *, serial_number: int) -> bytes:
    """The to-be-signed certificate of a root."""
    return build_tbs(
        role.profile,
        issuer=facts,
        serial_number=serial_number,
        subject=role.subject,
        public_key=facts.public_key,
        not_before=facts.not_before,
        not_after=facts.not_after,
        shard=0 if role.profile.crl is CrlUse.SHARDED else None,
    )


def _twin(
    role: Role, key: PublicKey, facts: IssuerFacts, at: datetime, *, key_stands: bool
) -> PlannedCertificate:
    number = int.from_bytes(new_serial_number(role.profile, key, node=_EXAMPLE_NODE), "big")
    shard = number % facts.shard_count if role.profile.crl is CrlUse.SHARDED else None
    if role.is_root:
        tbs = root_tbs(role, facts, serial_number=number)
    else:
        tbs = build_tbs(
            role.profile,
            issuer=facts,
            serial_number=number,
            subject=role.subject,
            public_key=key,
            not_before=at,
            not_after=min(at + role.validity, facts.not_after),
            shard=shard,
        )
    findings = lint(tbs, profile=role.profile, issuer=facts, at=at, shard=shard)
    problems = [
        f"{found.rule} ({found.clause}): {found.detail}"
        for found in findings
        if found.severity is Severity.ERROR
    ]
    try:
        permit_certificate(
            tbs, issuer_kind=GuardedKey.ROOT if role.is_root else GuardedKey(facts.kind.value)
        )
        role.profile.check_key(key)
    except EdsError as error:
        problems.append(f"{error.code}: {error}")
    twin = assemble(tbs, algorithm=facts.algorithm, signature=bytes(64))
    return PlannedCertificate(
        role=role,
        certificate=Certificate(twin),
        stands=False,
        key_stands=key_stands,
        problems=tuple(problems),
        warnings=tuple(found for found in findings if found.severity is not Severity.ERROR),
    )


def _twin_key(algorithm: SignatureAlgorithm, rsa_bits: int) -> PublicKey:
    """A key of that kind, whose private half is thrown away."""
    native = generate(algorithm, rsa_bits=rsa_bits or 3072)
    return PrivateKey.of(native).public_key_of(native)
