"""Object identifiers of the National Certification Authority of Kazakhstan (NCA RK), in words.

Evidence: SDK test certificates of 2018 to 2026, and lists that implementers publish; the
register is kept at root.gov.kz/oid. "implementers": seen in their lists, not in a certificate.
"""

from __future__ import annotations

from typing import Final

ARC: Final = "1.2.398.3."  # the NCA and the root above it
ROLE_ARC: Final = "1.2.398.3.3.4."
IDENTIFICATION_ARC: Final = "1.2.398.3.3.4.3"
KEY_STORAGE: Final = "1.2.398.3.3.5"  # an extension
INDIVIDUAL: Final = "1.2.398.3.3.4.1.1"
ORGANISATION: Final = "1.2.398.3.3.4.1.2"
SYSTEM: Final = "1.2.398.3.3.4.1.2.6"
TREASURY: Final = "1.2.398.5.19.1.2.2.1"

ROLES: Final = {
    INDIVIDUAL: "individual",
    "1.2.398.3.3.4.1.1.1": "digital system of an individual",  # order 522/НҚ, implementers
    ORGANISATION: "legal entity",
    "1.2.398.3.3.4.1.2.1": "first head",
    "1.2.398.3.3.4.1.2.2": "right to sign",
    "1.2.398.3.3.4.1.2.3": "right to sign financial documents",  # implementers
    "1.2.398.3.3.4.1.2.4": "human resources",
    "1.2.398.3.3.4.1.2.5": "employee",
    SYSTEM: "information system of a legal entity",
    "1.2.398.3.3.4.2": "privileges of the NCA",  # this and the next three: implementers
    "1.2.398.3.3.4.2.1": "administrator of the NCA",
    "1.2.398.3.3.4.2.2": "manager of the NCA",
    "1.2.398.3.3.4.2.3": "operator of the NCA",
    TREASURY: "participant of Treasury-Client",
}
# Implementers; no SDK certificate has one.
IDENTIFICATIONS: Final = {
    IDENTIFICATION_ARC: "identified",
    "1.2.398.3.3.4.3.1": "identified by an operator of a service centre",
    "1.2.398.3.3.4.3.2": "identified remotely",
    "1.2.398.3.3.4.3.2.1": "identified by Digital ID",
    "1.2.398.3.3.4.3.2.2": "identified by the AI platform",
}
STORAGES: Final = {"1.2.398.3.3.5.1.1": "file (PKCS#12)"}
POLICIES: Final = {
    "1.2.398.3.1.2": "root authority",
    "1.2.398.3.3.1.1": "issuing authority, until 2022",
    "1.2.398.3.3.2": "certificate of the NCA",
    "1.2.398.3.3.2.1": "legal entity, SIGN",
    "1.2.398.3.3.2.2": "legal entity, AUTH",
    "1.2.398.3.3.2.3": "individual, SIGN",
    "1.2.398.3.3.2.4": "individual, AUTH",
    "1.2.398.3.3.2.6": "time-stamping authority",
    "1.2.398.3.3.2.6.1": "time-stamp, GOST 34.311-95",
    "1.2.398.3.3.2.6.2": "time-stamp, RSA and SHA-256",
    "1.2.398.3.3.2.6.3": "time-stamp, GOST 34.311-95 GT",
    "1.2.398.3.3.2.6.4": "time-stamp, GOST 34.10-2015",
}
_ALL: Final = {**ROLES, **IDENTIFICATIONS, **STORAGES, **POLICIES, KEY_STORAGE: "key storage (KZ)"}


def term(oid: str) -> str | None:
    """The word for it. Each information system has a number of its own below that of them all."""
    if oid.startswith(f"{SYSTEM}."):
        return f"{ROLES[SYSTEM]}, number {oid.removeprefix(f'{SYSTEM}.')}"
    return _ALL.get(oid)
