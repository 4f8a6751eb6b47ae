"""The subject of a certificate as an official gives it: attributes by name, in any order.

The profile says the order and which there are. A file of them (TOML or JSON) may hold a
personal number, which has no place among arguments, in errors or in a log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from .. import names
from ..errors import MalformedSettings, ProfileViolated
from ..names import Name
from .profiles import CertificateProfile
from .settings import SIZE_LIMIT, Fields, read_toml

# How a file and the options call the attribute types.
ATTRIBUTES: Final[Mapping[str, str]] = {
    "country": names.COUNTRY,
    "organization": names.ORGANIZATION,
    "organization_identifier": names.ORGANIZATION_IDENTIFIER,
    "organizational_unit": names.ORGANIZATIONAL_UNIT,
    "common_name": names.COMMON_NAME,
    "surname": names.SURNAME,
    "given_name": names.GIVEN_NAME,
    "pseudonym": names.PSEUDONYM,
    "title": names.TITLE,
    "serial_number": names.SERIAL_NUMBER,
    "business_category": names.BUSINESS_CATEGORY,
    "domain_component": names.DOMAIN_COMPONENT,
    "user_id": names.USER_ID,
}


def read_subject(data: bytes, *, file: str) -> dict[str, str]:
    """Attributes of a TOML or JSON file: name → text. Raises MalformedSettings."""
    fields = (
        Fields(_json(data, file), file=file)
        if data.lstrip()[:1] == b"{"
        else read_toml(data, file=file)
    )
    found = {name: fields.text(name) for name in fields.left if name in ATTRIBUTES}
    fields.finish()
    return found


def _json(data: bytes, file: str) -> Any:
    try:
        if len(data) > SIZE_LIMIT:
            raise ValueError
        return json.loads(data.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise MalformedSettings(file=file, field="", reason="not a JSON object") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def missing_attributes(profile: CertificateProfile, given: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the attributes that the profile wants and that are not given."""
    wanted = {row.oid for row in profile.subject if row.required}
    return tuple(name for name, oid in ATTRIBUTES.items() if oid in wanted and name not in given)


def build_subject(profile: CertificateProfile, given: Mapping[str, str]) -> Name:
    """The name with the attributes in the order of the profile.

    Raises ProfileViolated for one that the profile does not have, NameRefused for a text that
    cannot be. The rest of the grammar is held when the certificate is prepared.
    """
    by_oid = {ATTRIBUTES[name]: text for name, text in given.items()}
    order = [row.oid for row in profile.subject]
    for name in given:
        if ATTRIBUTES[name] not in order:
            raise ProfileViolated(profile=profile.name, field=name, reason="not in the profile")
    return Name.build((oid, by_oid[oid]) for oid in order if oid in by_oid)
