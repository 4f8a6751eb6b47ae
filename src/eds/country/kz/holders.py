"""Certificates of Kazakhstan, read in its own terms.

The subject grammar of the NCA RK: CN is "SURNAME NAME", SN the surname, and givenName holds the
patronymic, not the given name; serialNumber is IIN and twelve digits, OU is BIN and twelve
digits. An individual has an IIN and no BIN, an employee both, an information system no IIN.
Anything may be absent: no certificate of a non-resident was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from ... import der, names
from ...certificates import Certificate
from ...errors import DecodeError, IdentityNumberRefused
from ...extensions import (
    CLIENT_AUTH,
    OCSP_SIGNING,
    TIME_STAMPING,
    GeneralNameKind,
    KeyUsage,
)
from ...names import Name
from ..contract import Departure, Holder, HolderKind, IdentityNumber, KeyUse, Term
from . import terms
from .numbers import BIN, IIN, read_bin, read_iin

_INTERNATIONAL: Final = "1.3.6.1.5.5.7.3."
_SERVICES: Final = frozenset({OCSP_SIGNING, TIME_STAMPING})
_MARKED: Final = re.compile("(IIN|BIN)([0-9]{12})")
_DETAILS: Final = (
    ("system_oid", names.USER_ID),
    ("treasury_code", names.BUSINESS_CATEGORY),
    ("treasury_role", names.DOMAIN_COMPONENT),
    ("locality", names.LOCALITY),
    ("region", names.STATE_OR_PROVINCE),
)


def recognises(certificate: Certificate) -> bool:
    """Whether a policy, role or extension of the NCA stands in a certificate from Kazakhstan."""
    if "KZ" not in certificate.issuer.values(names.COUNTRY):
        return False
    named = [one.oid for one in certificate.policies or ()]
    named += [*(certificate.extended_key_usage or ()), *certificate.extensions]
    return any(oid.startswith(terms.ARC) for oid in named)


def read_holder(certificate: Certificate) -> Holder:
    """Who the certificate is about. Raises DecodeError where its parts cannot be read."""
    subject = certificate.subject
    purposes = certificate.extended_key_usage or ()
    departures: list[Departure] = []
    personal = _number(subject, names.SERIAL_NUMBER, IIN, read_iin, departures)
    organisation = _number(subject, names.ORGANIZATIONAL_UNIT, BIN, read_bin, departures)
    kind = _kind(certificate, personal, organisation)
    surname = _first(subject, names.SURNAME)
    common_name = _first(subject, names.COMMON_NAME)
    is_person = kind in (HolderKind.INDIVIDUAL, HolderKind.EMPLOYEE)
    details = [] if is_person or common_name is None else [("name", common_name)]
    details += [(key, text) for key, oid in _DETAILS if (text := ", ".join(subject.values(oid)))]
    national = [oid for oid in purposes if not oid.startswith(_INTERNATIONAL)]
    return Holder(
        country="KZ",
        kind=kind,
        use=_use(certificate),
        surname=surname,
        given_name=_given_name(common_name, surname) if is_person else None,
        patronymic=_first(subject, names.GIVEN_NAME),
        personal_number=personal,
        organisation=_first(subject, names.ORGANIZATION),
        organisation_number=organisation,
        email=_email(certificate),
        details=tuple(details),
        roles=tuple(_term(oid) for oid in national if not _identifies(oid)),
        identified_by=tuple(_term(oid) for oid in national if _identifies(oid)),
        key_storage=tuple(_storage(certificate, departures)),
        policies=tuple(_term(one.oid) for one in certificate.policies or ()),
        departures=tuple(departures),
    )


def _number(
    subject: Name,
    oid: str,
    mark: str,
    read: Callable[[str], IdentityNumber],
    departures: list[Departure],
) -> IdentityNumber | None:
    """The number in an attribute that may hold other things as well."""
    texts = subject.values(oid)
    found = [match[2] for text in texts if (match := _MARKED.fullmatch(text)) and match[1] == mark]
    code = f"kz.{mark.lower()}"
    if not found:
        if any(text.upper().startswith(mark) for text in texts):
            departures.append(Departure(code, f"{mark}: twelve digits are wanted"))
        return None
    if len(set(found)) > 1:
        departures.append(Departure(code, f"{mark}: there are two"))
    try:
        number = read(found[0])
    except IdentityNumberRefused:  # the pattern lets none such through
        return None
    departures += [Departure(one.code, f"{mark}: {one.says}") for one in number.departures]
    return number


def _kind(
    certificate: Certificate, personal: IdentityNumber | None, organisation: IdentityNumber | None
) -> HolderKind:
    constraints = certificate.basic_constraints
    if constraints is not None and constraints.ca:
        return HolderKind.AUTHORITY
    purposes = set(certificate.extended_key_usage or ())
    if purposes & _SERVICES:
        return HolderKind.SERVICE
    if personal is not None:
        return HolderKind.INDIVIDUAL if organisation is None else HolderKind.EMPLOYEE
    system = any(oid == terms.SYSTEM or oid.startswith(f"{terms.SYSTEM}.") for oid in purposes)
    if organisation is not None or system:
        return HolderKind.INFORMATION_SYSTEM
    return HolderKind.INDIVIDUAL if terms.INDIVIDUAL in purposes else HolderKind.UNKNOWN


def _use(certificate: Certificate) -> KeyUse:
    """AUTH and SIGN were two certificates until 2024; since then one serves both.

    The one has nonRepudiation and a bit for encryption, as no SIGN certificate had.
    """
    usage = certificate.key_usage or frozenset()
    login = CLIENT_AUTH in (certificate.extended_key_usage or ())
    if KeyUsage.NON_REPUDIATION in usage:
        both = login or usage & {KeyUsage.KEY_AGREEMENT, KeyUsage.KEY_ENCIPHERMENT}
        return KeyUse.UNIFIED if both else KeyUse.SIGNATURE
    return KeyUse.AUTHENTICATION if login else KeyUse.OTHER


def _given_name(common_name: str | None, surname: str | None) -> str | None:
    """What follows the surname in the common name: its second word where the first is another."""
    words = (common_name or "").split()
    first = (surname or "").split() or words[:1]
    return " ".join(words[len(first) :] if words[: len(first)] == first else words[1:]) or None


def _email(certificate: Certificate) -> str | None:
    """From the alternative names, else from the subject."""
    for one in certificate.subject_alternative_names or ():
        if one.kind is GeneralNameKind.RFC822_NAME:
            return str(one.value)
    return _first(certificate.subject, names.EMAIL_ADDRESS)


def _storage(certificate: Certificate, departures: list[Departure]) -> Iterator[Term]:
    extension = certificate.extensions.get(terms.KEY_STORAGE)
    if extension is None:
        return
    try:
        fields = der.decode(extension.octets).fields()
        while fields.next_tag is not None:
            yield _term(fields.take(der.OBJECT_IDENTIFIER).object_identifier())
    except DecodeError:
        departures.append(
            Departure("kz.key_storage", "the extension of key storage cannot be read")
        )


def _identifies(oid: str) -> bool:
    arc = terms.IDENTIFICATION_ARC
    return oid == arc or oid.startswith(f"{arc}.")


def _term(oid: str) -> Term:
    return Term(oid, terms.term(oid))


def _first(subject: Name, oid: str) -> str | None:
    return next(iter(subject.values(oid)), None)
