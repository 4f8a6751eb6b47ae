"""Countries: what is national, found by its code or by a certificate.

A country joins by a package beside this module that is named by its ISO 3166-1 code in small
letters and holds one value, `COUNTRY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from ..certificates import Certificate
from ..errors import DecodeError
from .contract import Country, Holder, KnownTrustSet, SubjectCheck


@lru_cache(maxsize=1)
def countries() -> Mapping[str, Country]:
    """Code (ISO 3166-1, capitals) → country, all that there are."""
    found = (
        import_module(f"{__name__}.{module.name}").COUNTRY
        for module in iter_modules(__path__)
        if module.ispkg and len(module.name) == 2
    )
    return MappingProxyType({country.code: country for country in found})


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
