"""The policies that are shipped, and the TOML form in which a relying party writes its own.

A file names the policy it starts from and says what differs, in the words of the fields of
`ValidationPolicy`; a word that is not known is refused, never passed over:

    name = "tax-office"
    version = "2026-11"
    based_on = "strict"
    required_level = "LT"
    clock_skew = "2m"

    [revocation]
    freshness = "12h"

    [algorithms]
    refused = ["sha1", "rsa-pss-sha1"]
    until = { "rsa-pkcs1-sha256" = 2030-12-31 }
    minimum_bits = { RSA = 3072 }
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ..algorithms import DIGESTS, SIGNATURE_ALGORITHMS, KeyType
from ..country import countries
from ..errors import MalformedPolicy
from ..extensions import KeyUsage
from ..tolerances import TOLERANCES
from .policy import (
    BASIC,
    AlgorithmRules,
    Budget,
    Level,
    RevocationRules,
    ValidationPolicy,
)

E = TypeVar("E")

STRICT: Final = ValidationPolicy(
    name="strict",
    version="1",
    algorithms=AlgorithmRules(
        refused=frozenset({"sha1"}),
        minimum_bits=MappingProxyType({KeyType.RSA: 3000, KeyType.EC: 256}),
    ),
    revocation=RevocationRules(
        freshness=timedelta(hours=24), without_next_update=timedelta(hours=1)
    ),
    clock_skew=timedelta(minutes=1),
    required_level=Level.T,
    signer_key_usage=frozenset({KeyUsage.NON_REPUDIATION}),
    tolerated=frozenset(),
)
"""What a court would ask for: a proven time, contentCommitment, status not older than a day."""

_INTERNATIONAL: Final[Mapping[str, ValidationPolicy]] = MappingProxyType(
    {"basic": BASIC, "strict": STRICT}
)

_SIZE_LIMIT: Final = 64 * 1024
_OCTETS_LIMIT: Final = 4 * 1024 * 1024 * 1024
_DURATION: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_ALGORITHMS: Final = frozenset(
    {*(row.name for row in DIGESTS), *(row.name for row in SIGNATURE_ALGORITHMS)}
)


def read_policy(text: str) -> ValidationPolicy:
    """The policy that a TOML text says. Raises MalformedPolicy."""
    policy = _read(text, shipped_policies())
    if policy.name in shipped_policies():
        raise MalformedPolicy(field="name", reason="is the name of a policy that is shipped")
    return policy


@lru_cache(maxsize=1)
def shipped_policies() -> Mapping[str, ValidationPolicy]:
    """The policies that come with the library, those of countries among them, by name."""
    national = (
        _read(text, _INTERNATIONAL) for one in countries().values() for text in one.policies()
    )
    return MappingProxyType({**_INTERNATIONAL, **{policy.name: policy for policy in national}})


def _read(text: str, bases: Mapping[str, ValidationPolicy]) -> ValidationPolicy:
    if len(text) > _SIZE_LIMIT:
        raise MalformedPolicy(field="", reason=f"more than {_SIZE_LIMIT} characters")
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MalformedPolicy(field="", reason=str(error)) from error
    base = _one_of(bases)(said.pop("based_on", "basic"), "based_on")
    for wanted in ("name", "version"):
        if wanted not in said:
            raise MalformedPolicy(field=wanted, reason="is missing")
    return _changed(base, said, "")


def _changed(base: E, said: Mapping[str, Any], place: str) -> E:
    """`base` with the fields that `said` names."""
    known = {one.name for one in fields(base)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {}
    for name, value in said.items():
        field = f"{place}{name}"
        if name not in known:
            raise MalformedPolicy(field=field, reason="is not known")
        part = getattr(base, name)
        if isinstance(part, AlgorithmRules | RevocationRules | Budget):
            changes[name] = _changed(part, _table(value, field), f"{field}.")
        else:
            changes[name] = _READ[name](value, field)
    return replace(base, **changes)  # type: ignore[type-var]


def _table(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedPolicy(field=field, reason="a table is wanted")
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 100:
        raise MalformedPolicy(field=field, reason="1 to 100 printable characters are wanted")
    return value


def _truth(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise MalformedPolicy(field=field, reason="true or false is wanted")
    return value


def _count(value: Any, field: str) -> int:
    if type(value) is not int or not 0 < value <= 1_000_000:
        raise MalformedPolicy(field=field, reason="a number from 1 to 1,000,000 is wanted")
    return value


def _octets(value: Any, field: str) -> int:
    if type(value) is not int or not 0 < value <= _OCTETS_LIMIT:
        raise MalformedPolicy(field=field, reason=f"a number from 1 to {_OCTETS_LIMIT} is wanted")
    return value


def _seconds(value: Any, field: str) -> float:
    if type(value) not in {int, float} or not 0 < value <= 3600:
        raise MalformedPolicy(field=field, reason="seconds up to 3600 are wanted")
    return float(value)


def _duration(value: Any, field: str) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise MalformedPolicy(field=field, reason='a duration such as "90s", "5m", "24h", "30d"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _day(value: Any, field: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise MalformedPolicy(field=field, reason="a date such as 2030-12-31 is wanted")
    return value


def _oid(value: Any, field: str) -> str:
    if not isinstance(value, str) or len(value) > 200 or not _OID.fullmatch(value):
        raise MalformedPolicy(field=field, reason="a dotted object identifier is wanted")
    return value


def _algorithm(value: Any, field: str) -> str:
    if value not in _ALGORITHMS:
        raise MalformedPolicy(field=field, reason="not the name of an algorithm")
    return str(value)


def _one_of(table: Mapping[str, E]) -> Callable[[Any, str], E]:
    def read(value: Any, field: str) -> E:
        if not isinstance(value, str) or value not in table:
            raise MalformedPolicy(field=field, reason=f"one of {', '.join(sorted(table))}")
        return table[value]

    return read


def _set_of(read: Callable[[Any, str], E]) -> Callable[[Any, str], frozenset[E]]:
    def all_of(value: Any, field: str) -> frozenset[E]:
        if not isinstance(value, list) or not value:
            raise MalformedPolicy(field=field, reason="a list that is not empty is wanted")
        return frozenset(read(one, field) for one in value)

    return all_of


def _map_of(
    key: Callable[[Any, str], E], read: Callable[[Any, str], Any]
) -> Callable[[Any, str], Mapping[E, Any]]:
    def all_of(value: Any, field: str) -> Mapping[E, Any]:
        return MappingProxyType(
            {key(name, field): read(one, field) for name, one in _table(value, field).items()}
        )

    return all_of


_USAGES: Final = {
    "digitalSignature": KeyUsage.DIGITAL_SIGNATURE,
    "nonRepudiation": KeyUsage.NON_REPUDIATION,
    "contentCommitment": KeyUsage.NON_REPUDIATION,
}
_READ: Final[Mapping[str, Callable[[Any, str], Any]]] = MappingProxyType(
    {
        "name": _text,
        "version": _text,
        "clock_skew": _duration,
        "required_level": _one_of({level.value: level for level in Level}),
        "content_types": _set_of(_oid),
        "signer_key_usage": _set_of(_one_of(_USAGES)),
        "signer_purposes": _set_of(_oid),
        "signer_policies": _set_of(_oid),
        "certificate_policies": _set_of(_oid),
        "require_explicit_policy": _truth,
        "inhibit_policy_mapping": _truth,
        "inhibit_any_policy": _truth,
        "time_stamp_policies": _set_of(_oid),
        "require_signing_certificate": _truth,
        "tolerated": _set_of(_one_of({row.name: row.name for row in TOLERANCES})),
        # AlgorithmRules
        "refused": _set_of(_algorithm),
        "until": _map_of(_algorithm, _day),
        "minimum_bits": _map_of(_one_of({kind.value: kind for kind in KeyType}), _count),
        # RevocationRules
        "freshness": _duration,
        "without_next_update": _duration,
        "short_term": _duration,
        "anchors_are_checked": _truth,
        # Budget
        "signature_checks": _count,
        "path_length": _count,
        "candidates": _count,
        "seconds": _seconds,
        "pdf_octets": _octets,
        "pdf_decoded_octets": _octets,
        "pdf_objects": _count,
    }
)
