"""Certificate profiles: what a certificate of one kind says, as versioned and hashed data.

A profile is read from JSON, refuses what it does not know, and is named by the SHA-256 of its
canonical form. Addresses belong to the issuer, never to a profile. docs/profiles.md is the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NoReturn, TypeVar

from .. import der
from ..algorithms import VERIFY_ONLY, KeyType, curve_by_name
from ..country import countries
from ..errors import AlgorithmError, InvalidArgument, MalformedProfile, ProfileNotFound
from ..extensions import (
    CLIENT_AUTH,
    DOCUMENT_SIGNING,
    EMAIL_PROTECTION,
    OCSP_SIGNING,
    TIME_STAMPING,
)
from ..names import ATTRIBUTE_TYPES
from .profile_model import (
    MONONYM_MARK,
    SERVER_AUTH,
    SERVER_PURPOSES,
    USAGES,
    AuthorityProfile,
    CertificateKind,
    CertificateProfile,
    CrlUse,
    FixedExtension,
    KeyRule,
    Policy,
    QcStatements,
    QcType,
    SerialNumbers,
    SubjectAttribute,
    as_data,
    canonical,
    common_name,
    could_be_host_name,
    serial_of_key,
)

__all__ = [
    "MONONYM_MARK",
    "SERVER_AUTH",
    "SERVER_PURPOSES",
    "AuthorityProfile",
    "CertificateKind",
    "CertificateProfile",
    "CrlUse",
    "FixedExtension",
    "KeyRule",
    "Policy",
    "QcStatements",
    "QcType",
    "SerialNumbers",
    "SubjectAttribute",
    "as_data",
    "canonical",
    "common_name",
    "could_be_host_name",
    "read_profile",
    "serial_of_key",
    "shipped_profile",
    "shipped_profiles",
]

_PURPOSES: Final = {
    "clientAuth": CLIENT_AUTH,
    "documentSigning": DOCUMENT_SIGNING,
    "emailProtection": EMAIL_PROTECTION,
    "OCSPSigning": OCSP_SIGNING,
    "timeStamping": TIME_STAMPING,
}
_ATTRIBUTES: Final = {row.name: row for row in ATTRIBUTE_TYPES}

T = TypeVar("T")


class _Object:
    """One JSON object, of which every member must be taken."""

    def __init__(self, data: object, profile: str, where: str) -> None:
        self.profile = profile
        self.where = where
        if not isinstance(data, dict):
            self.refuse(where, "an object is wanted")
        self.left: dict[str, Any] = dict(data)

    def refuse(self, member: str, why: str) -> NoReturn:
        raise MalformedProfile(profile=self.profile, field=member, reason=why)

    def take(self, member: str, kind: type[T], default: T | None = None) -> T:
        if member not in self.left:
            if default is None:
                self.refuse(self._path(member), "missing")
            return default
        value = self.left.pop(member)
        if type(value) is not kind:
            self.refuse(self._path(member), f"{kind.__name__} is wanted")
        return value

    def optional(self, member: str, kind: type[T]) -> T | None:
        if self.left.get(member) is None:
            self.left.pop(member, None)
            return None
        return self.take(member, kind)

    def strings(self, member: str, *, required: bool = False) -> tuple[str, ...]:
        items = self.take(member, list, None if required else [])
        if not all(type(item) is str for item in items):
            self.refuse(self._path(member), "strings are wanted")
        return tuple(items)

    def objects(self, member: str, *, required: bool = False) -> Iterator[_Object]:
        for number, item in enumerate(self.take(member, list, None if required else [])):
            inner = _Object(item, self.profile, f"{self._path(member)}[{number}]")
            yield inner
            inner.finish()

    def choice(self, member: str, choices: Mapping[str, T]) -> T:
        value = self.take(member, str)
        if value not in choices:
            self.refuse(self._path(member), f"no such value: {value}")
        return choices[value]

    def oids(
        self, member: str, known: Mapping[str, str], *, required: bool = False
    ) -> tuple[str, ...]:
        return tuple(
            self.oid(member, known.get(text, text))
            for text in self.strings(member, required=required)
        )

    def oid(self, member: str, text: str) -> str:
        try:
            der.object_identifier(text)
        except InvalidArgument:
            self.refuse(self._path(member), f"not an object identifier: {text}")
        return text

    def finish(self) -> None:
        for member in self.left:
            self.refuse(self._path(member), "no such field")

    def _path(self, member: str) -> str:
        return f"{self.where}.{member}" if self.where else member


def read_profile(data: bytes) -> CertificateProfile:
    """The profile that JSON describes, an AuthorityProfile where it is one.

    Raises MalformedProfile.
    """
    try:
        parsed = json.loads(
            data.decode(),
            object_pairs_hook=_once,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedProfile(profile="?", field="json", reason=str(error)) from error
    top = _Object(parsed, "?", "")
    top.profile = top.take("name", str)
    kind = top.choice("kind", {row.value: row for row in CertificateKind})
    try:
        if kind.is_authority:
            profile: CertificateProfile = AuthorityProfile(
                **_fields(top, kind),
                path_length=top.optional("path_length", int),
                permitted_dns=top.strings("permitted_dns", required=True),
                permitted_ip=top.strings("permitted_ip", required=True),
            )
        else:
            profile = CertificateProfile(**_fields(top, kind))
    except (re.error, OverflowError) as error:
        top.refuse("pattern", str(error))
    top.finish()
    return profile


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


def _no_fraction(text: str) -> NoReturn:
    raise ValueError(f"not a whole number: {text}")


def _fields(top: _Object, kind: CertificateKind) -> dict[str, Any]:
    qc = top.optional("qc_statements", dict)
    return {
        "name": top.profile,
        "kind": kind,
        "version": top.take("version", int),
        "source": top.take("source", str),
        "subject": tuple(_subject_attribute(row) for row in top.objects("subject", required=True)),
        "one_of": tuple(
            tuple(_attribute_oid(top, "one_of", name) for name in group)
            for group in top.take("one_of", list, [])
        ),
        "key_usage": frozenset(
            _known(top, "key_usage", name, USAGES)
            for name in top.strings("key_usage", required=True)
        ),
        "extended_key_usage": top.oids("extended_key_usage", _PURPOSES, required=True),
        "extended_key_usage_critical": top.take("extended_key_usage_critical", bool, default=False),
        "optional_extended_key_usage": top.oids("optional_extended_key_usage", _PURPOSES),
        "policies": tuple(_policy(row) for row in top.objects("policies")),
        "optional_policies": tuple(_policy(row) for row in top.objects("optional_policies")),
        "qc_statements": None
        if qc is None
        else _qc_statements(_Object(qc, top.profile, "qc_statements")),
        "validity": timedelta(days=top.take("validity_days", int)),
        "maximum_validity": timedelta(days=top.take("maximum_validity_days", int)),
        "keys": tuple(_key_rule(row) for row in top.objects("keys", required=True)),
        "signature_algorithms": top.strings("signature_algorithms", required=True),
        "crl": top.choice("crl", {row.value: row for row in CrlUse}),
        "ocsp": top.take("ocsp", bool),
        "hold": top.take("hold", bool),
        "status_after_expiry": top.take("status_after_expiry", bool),
        "no_revocation_available": top.take("no_revocation_available", bool, default=False),
        "email": top.take("email", bool, default=False),
        "ocsp_no_check": top.take("ocsp_no_check", bool, default=False),
        "serial_number": top.choice("serial_number", {row.value: row for row in SerialNumbers})
        if "serial_number" in top.left
        else SerialNumbers.RANDOM,
        "extensions": tuple(_extension(row) for row in top.objects("extensions")),
    }


def _known(top: _Object, member: str, name: str, table: Mapping[str, T]) -> T:
    if name not in table:
        top.refuse(member, f"no such value: {name}")
    return table[name]


def _attribute_oid(row: _Object, member: str, name: object) -> str:
    if type(name) is not str:
        row.refuse(member, "strings are wanted")
    return _ATTRIBUTES[name].oid if name in _ATTRIBUTES else row.oid(member, name)


def _subject_attribute(row: _Object) -> SubjectAttribute:
    return SubjectAttribute(
        oid=_attribute_oid(row, "type", row.take("type", str)),
        required=row.take("required", bool, default=True),
        repeat=row.take("repeat", int, 1),
        pattern=row.take("pattern", str, ""),
        values=row.strings("values"),
        maximum=row.take("maximum", int, 0),
        check=row.take("check", str, ""),
    )


def _policy(row: _Object) -> Policy:
    policy = Policy(oid=row.oid("oid", row.take("oid", str)), cps=row.take("cps", str, ""))
    if policy.cps not in ("", "issuer") and not policy.cps.startswith(("https://", "http://")):
        row.refuse("cps", "neither an address nor the word issuer")
    return policy


def _key_rule(row: _Object) -> KeyRule:
    rule = KeyRule(
        key_type=row.choice(
            "type", {kind.value: kind for kind in KeyType if kind not in VERIFY_ONLY}
        ),
        curve=row.take("curve", str, "") or None,
        minimum_bits=row.take("minimum_bits", int, 0),
        maximum_bits=row.take("maximum_bits", int, 0),
    )
    try:
        if rule.curve is not None:
            curve_by_name(rule.curve)
    except AlgorithmError as error:
        row.refuse("curve", str(error))
    if (rule.key_type is KeyType.EC) is not (rule.curve is not None):
        row.refuse("curve", "belongs to EC keys, and only to them")
    if rule.key_type is KeyType.RSA and rule.minimum_bits < 2048:
        row.refuse("minimum_bits", "RSA begins at 2048")
    return rule


def _extension(row: _Object) -> FixedExtension:
    try:
        value = bytes.fromhex(row.take("value", str))
    except ValueError:
        row.refuse("value", "not hexadecimal")
    return FixedExtension(oid=row.oid("oid", row.take("oid", str)), octets=value)


def _qc_statements(row: _Object) -> QcStatements:
    types = {kind.name.lower(): kind for kind in QcType}
    found = QcStatements(
        compliance=row.take("compliance", bool, default=False),
        types=tuple(_known(row, "types", name, types) for name in row.strings("types")),
        sscd=row.take("sscd", bool, default=False),
        pds=row.take("pds", bool, default=False),
        retention_years=row.optional("retention_years", int),
        legislation=row.strings("legislation"),
        semantics=row.take("semantics", str, ""),
    )
    row.finish()
    if found.semantics:
        row.oid("semantics", found.semantics)
    if found.compliance and not (found.types and found.pds):
        row.refuse("types", "a qualified certificate says its type and its disclosure statement")
    return found


# --- those shipped ----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def shipped_profiles() -> Mapping[str, CertificateProfile]:
    """The profiles that come with the library, those of countries among them, by name."""
    folder = resources.files(__package__).joinpath("profile_data")
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".json"))
    found = [read_profile(entry.read_bytes()) for entry in files]
    found += [read_profile(data) for one in countries().values() for data in one.profiles()]
    return {profile.name: profile for profile in sorted(found, key=lambda item: item.name)}


def shipped_profile(name: str) -> CertificateProfile:
    """The profile of that name. Raises ProfileNotFound."""
    try:
        return shipped_profiles()[name]
    except KeyError:
        raise ProfileNotFound(profile=name) from None
