"""Countries: what is national, found by its code or by a certificate.

A country joins by a package beside this module that is named by its ISO 3166-1 code in small
letters and holds one value, `COUNTRY`; or from any installed distribution, by an entry point in
the group `eds.country` that names such a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType

from ..certificates import Certificate
from ..errors import DecodeError, InvalidArgument
from .contract import Country, Holder, KnownTrustSet, SubjectCheck


@lru_cache(maxsize=1)
def countries() -> Mapping[str, Country]:
    """Code (ISO 3166-1, capitals) → country, all that there are.

    Raises InvalidArgument where an entry point of another distribution names no `Country`, or
    one whose code is taken.
    """
    found: dict[str, Country] = {}
    for module in iter_modules(__path__):
        if module.ispkg and len(module.name) == 2:
            country = import_module(f"{__name__}.{module.name}").COUNTRY
            found[country.code] = country
    for entry in entry_points(group=__name__):
        country = entry.load()
        if not isinstance(country, Country) or country.code in found:
            raise InvalidArgument(
                argument=entry.value, reason="not a Country with a code of its own"
            )
        found[country.code] = country
    return MappingProxyType(found)


def country_of(certificate: Certificate) -> Country | None:
    """The country in whose form the certificate is; None: in no known one. Proves nothing."""
    try:
        return next((one for one in countries().values() if one.recognises(certificate)), None)
    except DecodeError:
        return None


def holder_of(certificate: Certificate) -> Holder | None:
    """The subject in the terms of its country; None where there is none or it cannot be read."""
    country = country_of(certificate)
    try:
        return None if country is None else country.read_holder(certificate)
    except DecodeError:
        return None


def term(oid: str) -> str | None:
    """What a country calls an object identifier."""
    return next((word for one in countries().values() if (word := one.terms(oid))), None)


@lru_cache(maxsize=1)
def trust_sets() -> Mapping[str, KnownTrustSet]:
    """The trust sets of all countries by name."""
    return MappingProxyType({s.name: s for one in countries().values() for s in one.trust_sets})


@lru_cache(maxsize=1)
def subject_checks() -> Mapping[str, SubjectCheck]:
    """The checks of subject attributes of all countries by name."""
    return MappingProxyType(
        {name: check for one in countries().values() for name, check in one.subject_checks.items()}
    )
