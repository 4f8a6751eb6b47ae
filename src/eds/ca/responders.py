"""The OCSP responders of a folder: found in their key store, renewed before they end.

A delegate is a key whose certificate is kept beside it; nothing else says where it is. A new one
is made while the old one still answers, so that both overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..algorithms import SignatureAlgorithm
from ..certificates import Certificate
from ..errors import InvalidArgument, KeyNotFound, StoreUnavailable
from ..extensions import OCSP_SIGNING
from ..keys.contract import KeyPurpose, KeyRef, KeyStore, PinSource
from ..names import COMMON_NAME, Name
from .authority import IssueRequest, give_up_request
from .ceremony_plan import responder_reference
from .folder import AuthorityFolder
from .issuers import RESPONDER_KINDS, ClosedKey, IssuerRules, RegisteredIssuer
from .lifecycle import State
from .profiles import CertificateKind, CertificateProfile
from .responder import Delegate, Responder, ServedIssuer

PROFILE: Final = "ocsp-responder"
_COMMON_NAME_LIMIT: Final = 64  # RFC 5280 ub-common-name


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResponder:
    """A responder's key, and its certificate that stands."""

    store: KeyStore
    key: KeyRef
    certificate: Certificate


def find_responders(folder: AuthorityFolder, issuer: RegisteredIssuer) -> list[FoundResponder]:
    """The responders of an issuer whose certificates were not revoked, the newest first."""
    store = folder.key_store(issuer.settings.responder_store)
    found = []
    for key in _keys(store):
        certificate = key.certificate
        if (
            certificate is None
            or certificate.extended_key_usage != (OCSP_SIGNING,)
            or certificate.issuer != issuer.certificate.subject
        ):
            continue
        status = folder.register.status_of(issuer.identifier, certificate.serial_number_octets)
        if status is not None and status.state is State.VALID:
            found.append(FoundResponder(store=store, key=key, certificate=certificate))
    return sorted(found, key=lambda one: one.certificate.not_before, reverse=True)


@contextmanager
def open_served_issuers(
    folder: AuthorityFolder, issuers: Iterable[RegisteredIssuer], *, pin: PinSource, at: datetime
) -> Iterator[list[ServedIssuer]]:
    """Those of these issuers that have a responder valid at `at`, each with its newest, opened.

    Raises InvalidArgument where none of them has one.
    """
    with ExitStack() as opened:
        served = []
        for issuer in issuers:
            valid = [
                one
                for one in find_responders(folder, issuer)
                if one.certificate.in_validity_period(at=at)
            ]
            for one in valid[:1]:
                signer = opened.enter_context(
                    one.store.open(one.key, purpose=KeyPurpose.AUTHENTICATION, pin=pin)
                )
                delegate = Delegate(certificate=one.certificate, signer=signer)
                served.append(ServedIssuer(issuer.identifier, issuer.certificate, [delegate]))
        if not served:
            raise InvalidArgument(argument="issuer", reason="no OCSP responder is valid now")
        yield served


@contextmanager
def open_responder(
    folder: AuthorityFolder,
    issuers: Iterable[RegisteredIssuer],
    *,
    validity: timedelta,
    pin: PinSource,
    at: datetime,
) -> Iterator[Responder]:
    """Answers for these issuers from the register.

    Raises InvalidArgument where none of them has a responder that is valid now.
    """
    with open_served_issuers(folder, issuers, pin=pin, at=at) as served:
        yield Responder(served, status_of=folder.register.status_of, validity=validity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A new responder about to be made: its key's label, and its certificate's content.

    `key` stands already where an earlier run was interrupted.
    """

    issuer: RegisteredIssuer
    profile: CertificateProfile
    label: str
    subject: Name
    key: KeyRef | None
    until: tuple[datetime, ...]  # the ends of those that stand


def plan_rotation(
    folder: AuthorityFolder, issuer: RegisteredIssuer, *, at: datetime, profile: str = PROFILE
) -> Rotation:
    """The next responder of an issuer. Raises ProfileNotFound, InvalidArgument."""
    wanted = folder.profile(profile)
    if wanted.kind is not CertificateKind.OCSP_RESPONDER:
        raise InvalidArgument(argument="profile", reason="not one of OCSP responders")
    standing = find_responders(folder, issuer)
    prefix = f"ocsp-{issuer.label}-"
    store = folder.key_store(issuer.settings.responder_store)
    labels = {key.label: key for key in _keys(store)}
    left = [
        key for label, key in labels.items() if label.startswith(prefix) and not key.certificates
    ]
    base = f"{prefix}{at:%Y%m%d}"
    label = next(
        name
        for name in (base, *(f"{base}-{number}" for number in range(2, len(labels) + 3)))
        if name not in labels
    )
    return Rotation(
        issuer=issuer,
        profile=wanted,
        label=left[0].label if left else label,
        subject=standing[0].certificate.subject if standing else responder_subject(issuer),
        key=left[0] if left else None,
        until=tuple(one.certificate.not_after for one in standing),
    )


def responder_subject(issuer: RegisteredIssuer) -> Name:
    """The name of an issuer's responders: its own, the common name with "OCSP" after it."""
    return Name.build(
        (
            attribute.oid,
            f"{attribute.text[: _COMMON_NAME_LIMIT - 5]} OCSP"
            if attribute.oid == COMMON_NAME
            else attribute.text,
        )
        for attribute in issuer.certificate.subject.attributes
    )


def rotate(
    rotation: Rotation,
    *,
    folder: AuthorityFolder,
    algorithm: SignatureAlgorithm,
    pin: PinSource,
    actor: str,
    at: datetime,
) -> Certificate:
    """Make the key and certificate of a new responder, and keep them together.

    Raises what keys, register and `Authority.issue` do.
    """
    issuer, profile = rotation.issuer, rotation.profile
    rules = IssuerRules(kinds=RESPONDER_KINDS)
    request = f"responder/{issuer.label}/{rotation.label}"
    give_up_request(request, register=folder.register, actor=actor, at=at)
    store = folder.key_store(issuer.settings.responder_store)
    key = rotation.key or store.generate(
        label=rotation.label, algorithm=algorithm, purpose=KeyPurpose.AUTHENTICATION, pin=pin
    )
    if key.public_key is None:
        raise KeyNotFound(key=f"the public half of {rotation.label}")
    closed = folder.authority(issuer, ClosedKey.of(issuer), policy=rules)
    prepared = closed.prepare(
        IssueRequest(
            request=request,
            profile=profile,
            subject=rotation.subject,
            public_key=key.public_key,
            person=responder_reference(issuer.label),
            authority="responder",
            operator=actor,
            evidence=profile.hash,
        ),
        at=at,
    )
    with folder.signer_of(issuer, pin=pin) as signer:
        certificate = folder.authority(issuer, signer, policy=rules).issue(prepared, at=at)
    store.store_certificates(key, (certificate, issuer.certificate), pin=pin)
    return certificate


def _keys(store: KeyStore) -> tuple[KeyRef, ...]:
    """The keys of a store; none where its folder was not made yet."""
    try:
        return store.keys()
    except StoreUnavailable:
        return ()
