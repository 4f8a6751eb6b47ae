"""What a portal demands of a login, as data. A file of another portal's rules is another value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from ..algorithms import SHA1, SIGNATURE_ALGORITHMS
from ..errors import InvalidArgument
from ..verify.policy import BASIC, Level, ValidationPolicy
from .challenges import LIFETIME, LOG_IN, ActionText, require_origin
from .methods import KeyRole, Method
from .person import AssuranceLevel, IdentityReader, Residency, read_identity

MOBILE_ID_POLICIES: Final = frozenset(
    {
        "1.3.6.1.4.1.10015.1.3",
        "1.3.6.1.4.1.10015.1.3.1",
        "1.3.6.1.4.1.10015.1.3.2",
        "1.3.6.1.4.1.10015.1.3.3",
    }
)
"""Certificates on phones of the Estonian scheme, which Web eID keeps from passing for a card."""

ALGORITHMS: Final = frozenset(
    row.name for row in SIGNATURE_ALGORITHMS if SHA1 not in (row.digest, row.cms_digest)
)
"""Every algorithm of the table but those with SHA-1; until when, is the validation policy's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRules:
    """What object identifiers in certificates (policies, purposes) say of people.

    What stands in no table stays unknown. `readers` are asked in turn for the identity.
    """

    readers: tuple[IdentityReader, ...] = (read_identity,)
    residency: Mapping[str, Residency] = field(default_factory=lambda: MappingProxyType({}))
    roles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    proofing: Mapping[str, AssuranceLevel] = field(default_factory=lambda: MappingProxyType({}))
    authentication: Mapping[Method, AssuranceLevel] = field(
        default_factory=lambda: MappingProxyType({})
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRules:
    """One portal's demands.

    `origin` is `https://host` as a browser writes it; `audience` the portal's name for people.
    `methods` and `key_roles` are what is taken: a signature key is refused unless it stands
    there, and the person it lets in says so. Of `required_policies` a certificate has all, of
    `forbidden_policies` none. `algorithms` are names of the algorithm table. `least_…` refuse
    what is lower or unknown. `policy` is for path, status and CMS; its `required_level`,
    `content_types` are not used: a login is judged now.

    Raises InvalidArgument.
    """

    origin: str
    audience: str
    action: ActionText = LOG_IN
    lifetime: timedelta = LIFETIME
    methods: frozenset[Method] = frozenset({Method.WEB_EID, Method.STATEMENT})
    key_roles: frozenset[KeyRole] = frozenset({KeyRole.AUTHENTICATION, KeyRole.UNIFIED})
    algorithms: frozenset[str] = ALGORITHMS
    required_policies: frozenset[str] = frozenset()
    forbidden_policies: frozenset[str] = MOBILE_ID_POLICIES
    least_proofing: AssuranceLevel | None = None
    least_authentication: AssuranceLevel | None = None
    persons: PersonRules = field(default_factory=PersonRules)
    policy: ValidationPolicy = BASIC

    def __post_init__(self) -> None:
        require_origin(self.origin)
        if not timedelta() < self.lifetime <= LIFETIME:
            raise InvalidArgument(argument="lifetime", reason="five minutes at the most")
        if not self.methods or not self.key_roles or KeyRole.OTHER in self.key_roles:
            raise InvalidArgument(argument="methods", reason="nobody, or anybody, could log in")

    def policy_for(self, content_type: str) -> ValidationPolicy:
        """The validation policy under which only that type of content may be signed."""
        return replace(
            self.policy,
            name=f"{self.policy.name}-login",
            required_level=Level.B,
            content_types=frozenset({content_type}),
        )
